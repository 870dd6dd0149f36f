/* SPDX-License-Identifier: MIT */
/*
 * Frames become a video stream, as a remote desktop sends them: a child, ffmpeg, takes each picture through a
 * pipe and gives back the stream, which is counted. The child is not older than its frames: it ends with us,
 * whatever becomes of us, because its input ends then.
 */
#pragma once

#include <stdint.h>

#include "openforbc/error.h"

/* As the choices of --encode count them. */
enum encode_codec { ENCODE_NONE, ENCODE_AUTO, ENCODE_NVENC, ENCODE_VAAPI, ENCODE_X264, ENCODE_CODECS };
#define ENCODE_CHOICES "none|auto|h264_nvenc|h264_vaapi|libx264"

struct encoder_settings {
	enum encode_codec codec;
	uint32_t width, height; /* even */
	uint32_t fps;           /* of the stream; 0: 60 */
	char pci[16];           /* of the GPU that draws, which encodes, too; "" unknown */
	int cuda;               /* its number; -1 unknown, or it is chosen by the environment */
	const char *file;       /* for the stream; "" none */
};

struct encoder;

/* Of ENCODE_AUTO it is the first codec that encodes a frame. -ENOENT no ffmpeg, or no codec works; -EIO. */
int encoder_open(const struct encoder_settings *s, struct encoder **ret, struct ofbc_error *err);
const char *encoder_name(const struct encoder *e);
/* Hands over a picture (RGBA, lowest line first): returns when all of it was taken. -EIO the child is gone.
 */
int encoder_frame(struct encoder *e, const uint8_t *rgba, struct ofbc_error *err);
/* The frames so far were the warm-up, */
void encoder_skip(struct encoder *e);
/* and this is what it gave back for the others. */
uint64_t encoder_bytes(const struct encoder *e);
/* The end of the stream: 0 all frames are in it; -EIO. */
int encoder_finish(struct encoder *e, struct ofbc_error *err);
void encoder_free(struct encoder *e); /* ends the child; accepts NULL */
