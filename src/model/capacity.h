/* SPDX-License-Identifier: MIT */
/*
 * The one capacity model: a grid of slots, named counters, exclusion groups. Pure arithmetic, knows no
 * vendor. A type takes one of its placements and draws from counters; types of different groups exclude
 * each other; at most `max` of a type exist.
 */
#pragma once

#include "openforbc/partition.h"

/* The design says 64, but time-sliced vGPUs of 80 and 94 GB boards are placed in steps of 1 GB. */
#define MAX_SLOTS 128
typedef unsigned __int128 slot_mask;

struct counter {
	char name[24]; /* "compute-slices", "decoders", "memory" ... */
	uint64_t total;
};

struct capacity {
	unsigned n_slots; /* 0: no grid */
	struct counter counters[OFBC_MAX_COUNTERS];
	size_t n_counters;
};

/* Index of a counter, added with this total when new; -ENOSPC when the table is full. */
int capacity_counter(struct capacity *c, const char *name, uint64_t total);

slot_mask placement_mask(struct ofbc_placement p);

/* A type in the arithmetic: what of struct ofbc_type matters. */
struct used {
	const struct ofbc_type *type; /* NULL: unknown type, its slots are blocked */
	struct ofbc_placement placement;
	uint64_t extra_draw; /* parametric: value drawn from counter 0 instead of draws[0] */
};

struct usage {
	struct used *v;
	size_t n, cap;
};

/* May one more of type stand at this placement (size 0: no grid)? NULL yes, else a static reason. */
const char *capacity_refuses(const struct capacity *c, const struct usage *u, const struct ofbc_type *type,
                             struct ofbc_placement at, uint64_t param);

/* Largest number of further partitions of this type alone. Exact. */
unsigned capacity_free(const struct capacity *c, const struct usage *u, const struct ofbc_type *type);

/* Can all of these be placed together, beside what is used? Exact (depth-first with pruning).
 * ret_placements may be NULL. */
bool capacity_fits(const struct capacity *c, const struct usage *u, const struct ofbc_type *const *types,
                   size_t n, struct ofbc_placement *ret_placements);

/* The placement that keeps most options open: after it, the vector (capacity_free of every type, from the
 * largest type to the smallest) is lexicographically greatest; among equals the lowest start. Types are
 * ordered by slots, then memory, then compute share, then key. -ENOSPC when there is none. */
int capacity_choose(const struct capacity *c, const struct usage *u, const struct ofbc_type *type,
                    const struct ofbc_type_list *all, struct ofbc_placement *ret);
