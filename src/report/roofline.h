/* SPDX-License-Identifier: MIT */
/*
 * How near programs come to what the machine was seen to do: work over operations by byte, below the fastest
 * computing and the fastest memory that any of the same results has. Pure.
 */
#pragma once

#include "report/study.h"

/* What a definition calls them (openforbc-benchmark(5)). */
#define ROOFLINE_INTENSITY      "intensity"
#define ROOFLINE_INTENSITY_UNIT "FLOP/B"
#define ROOFLINE_OPERATIONS     "operations" /* of a unit of work: FLOP/pair */

/* What was measured of a cell, in FLOP/s. */
struct roofline_point {
	const struct point *p;
	double intensity, value, low, high;
	size_t trials;
	bool is_drawn; /* one for each program, the others are in the table only */
	char name[256];
};

struct roofline_ceiling {
	double value; /* B/s or FLOP/s; 0: not measured */
	const struct point *by;
	char name[256];
};

/* One machine: a host and its platform. */
struct roofline {
	struct study about; /* the machine; its points are those that are drawn */
	struct roofline_point *v;
	size_t n, cap;
	struct roofline_ceiling memory, compute;
};

struct roofline_list {
	struct roofline *v;
	size_t n, cap;
};

/* One for each machine that has a point. The studies are borrowed. 0; -ENOMEM. */
int roofline_new(const struct study_list *l, struct roofline_list *ret);
void roofline_done(struct roofline_list *l);

/* What could be reached with that intensity; NAN: a ceiling that it needs is not known. */
double roofline_reachable(const struct roofline *m, double intensity);
