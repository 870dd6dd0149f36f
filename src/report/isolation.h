/* SPDX-License-Identifier: MIT */
/*
 * Who disturbs whom: on a layout with a number of instances, each program beside each other one, and beside
 * itself. Pure. A field is one cell; what it says is derived by bench/derive.h.
 */
#pragma once

#include "report/study.h"

#define ISOLATION_SELF "itself"

struct isolation_name {
	char text[192];
};

/* Rows are victims, columns aggressors; the first column is the victim itself. */
struct isolation_map {
	struct study about;           /* the layout, with all cells as its points */
	const struct point **victims; /* the first cell of each with an aggressor, ordered by name */
	struct isolation_name *victim_names, *aggressors;
	size_t n_victims, n_aggressors;
	const struct point **fields; /* row by row; NULL: not among the runs */
};

struct isolation_list {
	struct isolation_map *v;
	size_t n, cap;
};

/* One for each layout that has a cell with an aggressor. The studies are borrowed. 0; -ENOMEM. */
int isolation_new(const struct study_list *l, struct isolation_list *ret);
void isolation_done(struct isolation_list *l);

enum isolation_kind { ISOLATION_LOSS, ISOLATION_LATENCY };

struct isolation_value {
	double value, low, high; /* NAN: not known */
	size_t trials;
	const char *reason; /* why not; NULL, "": it is known */
};

/* What a victim loses of its throughput, or how many times as long its p99 gets. */
struct isolation_value isolation_value(const struct point *p, enum isolation_kind kind);

static inline const struct point *isolation_field(const struct isolation_map *m, size_t victim,
                                                  size_t aggressor)
{
	return m->fields[victim * m->n_aggressors + aggressor];
}
