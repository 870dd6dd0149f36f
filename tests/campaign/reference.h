/* SPDX-License-Identifier: MIT */
/*
 * An independent model of what a GPU can hold, for the random campaigns. It reads the data files itself,
 * counts in plain arrays and tries everything; it shares no code with the program's capacity model.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define REF_TYPES   32
#define REF_PARTS   64
#define REF_ENGINES 6

enum ref_rule {
	REF_SLOTS, /* placements, maxima, engines: MIG */
	REF_POOL,  /* weights drawn from one pool: mdev sample driver, CPU cores */
	REF_EQUAL, /* all of one size, at most max: time-sliced vGPU in equal-size mode */
};

struct ref_type {
	char key[96];
	unsigned max, size, starts[40], n_starts, engines[REF_ENGINES], weight;
};

struct ref_part {
	char uuid[37];
	unsigned type, start;
	bool held;
};

struct ref_gpu {
	char gpu[64];
	enum ref_rule rule;
	struct ref_type t[REF_TYPES];
	unsigned n_types, totals[REF_ENGINES], pool;
	struct ref_part p[REF_PARTS];
	unsigned n;
};

/* MIG profiles of models/<KEY>.json. */
bool ref_read_board(struct ref_gpu *g, const char *path);
/* May one more of type t be made at start (-1: anywhere)? */
bool ref_possible(const struct ref_gpu *g, unsigned t, int start);
/* Is what stands now legal at all? */
bool ref_is_legal(const struct ref_gpu *g);
