/* SPDX-License-Identifier: MIT */
/* What an administrator reads first: one line a cell, with the figures that decide. */
#pragma once

#include "model/fields.h"
#include "openforbc/bench.h"

/* Borrows from a list of derived figures; NULL: the cell has no such figure. */
struct bench_line {
	const struct ofbc_bench_derived *cell; /* any of its figures */
	const struct ofbc_bench_derived *rate, *stp, *antt, *fairness, *interference, *energy, *saving, *cost;
};

struct bench_line_list {
	struct bench_line *v;
	size_t n, cap;
};

/* A line for each cell, in their order: 0; -ENOMEM. */
int bench_lines(const struct ofbc_bench_derived_list *all, struct bench_line_list *ret);

extern const struct field bench_line_fields[];
