/* SPDX-License-Identifier: MIT */
/* The command line of openforbc-render. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "openforbc/error.h"
#include "scene.h"

enum renderer_wish {
	RENDERER_AUTO, /* hardware where the environment names a GPU for us, else any */
	RENDERER_ANY,
	RENDERER_HARDWARE,
	RENDERER_SOFTWARE,
};

struct options {
	struct scene_settings scene;
	const char *device, *image;  /* "": the first one; none */
	const char *video;           /* file for the stream; "": none */
	uint32_t encode;             /* enum encode_codec */
	uint32_t renderer;           /* enum renderer_wish */
	uint32_t script;             /* enum script_kind */
	uint32_t fps;                /* 0: as fast as possible */
	uint32_t seed, warmup;       /* warmup: frames that do not count */
	uint32_t duration_s, frames; /* by hand; frames 0: only the time ends it */
	bool wants_list, wants_help, wants_version, wants_tables;
};

/* 0; -EINVAL says what is wrong, and what is valid. */
int options_parse(int argc, char **argv, struct options *ret, struct ofbc_error *err);
void options_help(FILE *to);
/* "option render/- --NAME": for the check of the manual. */
void options_tables(FILE *to);
