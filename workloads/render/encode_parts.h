/* SPDX-License-Identifier: MIT */
/* The pure parts of the encoder: the command line of ffmpeg, and looking at what it gives back. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "encode.h"

#define ENCODER_ARGS_MAX 48

struct encoder_command {
	char *argv[ENCODER_ARGS_MAX + 1]; /* ends with NULL */
	char size[24], rate[16], device[64];
};

const char *encoder_codec_name(enum encode_codec codec);
/* argv points into *ret and to constants. */
void encoder_command(const struct encoder_settings *s, struct encoder_command *ret);

/* A stream of H.264 with access unit delimiters, of which every picture has one. */
struct stream_count {
	uint64_t bytes, frames;
	uint64_t skipped;       /* frames of the warm-up */
	uint64_t skipped_bytes; /* of them, when one more has begun */
	uint32_t last;          /* bytes before the next one */
};

void stream_count_add(struct stream_count *c, const uint8_t *data, size_t len);
/* Of the frames behind those that are skipped. */
uint64_t stream_count_bytes(const struct stream_count *c);
/* The last line that says something. */
void stream_last_line(const char *text, char *buf, size_t size);
