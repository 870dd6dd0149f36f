/* SPDX-License-Identifier: MIT */
/*
 * When a picture changes, and how much of it. Pure: the same seed gives the same session on every machine.
 * Time is cut into slots of one frame; a slot has a frame or none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/random.h"

enum script_kind {
	SCRIPT_CONSTANT, /* every slot has a whole frame */
	SCRIPT_DESKTOP,  /* a person who reads, types, scrolls and watches */
};

struct script {
	enum script_kind kind;
	double fps;
	struct random random;
	uint64_t slot;       /* the next one */
	uint64_t until_slot; /* the end of the present activity */
	unsigned activity;
};

/* fps 0: as fast as possible, every slot has a frame. */
void script_init(struct script *s, enum script_kind kind, double fps, uint64_t seed);
/* The next slot that has a frame; *ret_share: of the objects and layers that are drawn in it, in (0, 1]. */
uint64_t script_next(struct script *s, double *ret_share);
