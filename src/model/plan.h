/* SPDX-License-Identifier: MIT */
/*
 * The planner: from what stands on one GPU, of one technology, to what is wanted there, with the fewest
 * changes. Pure. Exact in feasibility and in the number of partitions that stay; among equals the arrangement
 * that leaves most room for the largest types is looked for.
 */
#pragma once

#include "model/capacity.h"

enum plan_fate { PLAN_DESTROY, PLAN_KEEP };

struct plan_have {
	/* given */
	const struct ofbc_type *type; /* NULL: unknown, cannot be wanted */
	unsigned param;
	uint64_t memory_bytes;
	struct ofbc_placement at;
	const char *name;
	const char *uuid; /* may be NULL */
	bool is_held;     /* somebody uses it: it stays, or nothing is done */
	bool is_foreign;  /* not ours: it stays, and serves no want */
	/* found */
	enum plan_fate fate;
	int want; /* the want that it serves, -1: none */
};

struct plan_want {
	/* given */
	const struct ofbc_type *type;
	unsigned param;
	uint64_t memory_bytes; /* limit of a parametric type; 0: none */
	int placement;         /* first slot, -1: any */
	const char *name;      /* "": none */
	const char *uuid;      /* only the have with this one serves; NULL or "": any */
	/* found */
	int have; /* what serves it, -1: to be created */
	struct ofbc_placement at;
};

enum plan_verdict {
	PLAN_POSSIBLE,
	PLAN_HELD,       /* `who` is held and not wanted */
	PLAN_TOO_MUCH,   /* `who` wants do not fit together, even on an empty GPU */
	PLAN_IN_THE_WAY, /* all fit, but not beside the haves in `who`, which must stay */
};

struct plan {
	const struct capacity *capacity;
	const struct ofbc_type_list *types;
	struct plan_have *have;
	struct plan_want *want;
	size_t n_have, n_want;
	/* found */
	enum plan_verdict verdict;
	unsigned who[64]; /* a smallest set: leaving out any one of it would help */
	size_t n_who;
};

/* Fills fates, matches and placements, or the verdict. 0, or -ENOMEM. */
int plan_solve(struct plan *p);
/* The same partitions, arranged so that as much room as can be found is left for the largest types: for each
 * have of ours that nobody holds its place in p->want (made of the haves by the caller, placements -1). 1:
 * there is more room then than now, the wants have their placements; 0: it is as good already. -ENOMEM. */
int plan_arrange(struct plan *p);
/* Partitions to destroy plus partitions to create. */
unsigned plan_cost(const struct plan *p);
