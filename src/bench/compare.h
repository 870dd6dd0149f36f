/* SPDX-License-Identifier: MIT */
/* Is B another than A? Pure. Functions that return int: 0; -EINVAL too few values; -ENOMEM. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bench/stats.h"

#define COMPARE_MARGIN 0.02 /* what counts as equal */
#define COMPARE_LEVEL  0.05

/* Mann and Whitney's rank test, two-sided: exact for few values without ties, as SciPy's `auto`. */
int compare_mann_whitney(const double *a, size_t n, const double *b, size_t m, double *ret_u, double *ret_p);
/* Wilcoxon's signed-rank test of paired values, two-sided: exact for few pairs without ties, else with
 * continuity correction. Pairs that are equal are left out; *ret_w: the smaller sum of ranks. */
int compare_wilcoxon(const double *a, const double *b, size_t n, double *ret_w, double *ret_p);
/* Holm's correction of n tests, in place. */
int compare_holm(double *p, size_t n);
/* median(b) / median(a) with its bootstrap interval. Medians must be positive. */
int compare_ratio(const double *a, size_t n, const double *b, size_t m, double level, unsigned resamples,
                  uint64_t seed, double *ret, struct interval *ret_interval);
/* The same for trials that were paired by blocks: blocks are drawn. */
int compare_ratio_paired(const double *a, const double *b, size_t n, double level, unsigned resamples,
                         uint64_t seed, double *ret, struct interval *ret_interval);

enum verdict { VERDICT_UNDECIDED, VERDICT_EQUAL, VERDICT_BETTER, VERDICT_WORSE };

extern const char *const verdict_names[];

struct comparison {
	size_t n_a, n_b;
	double median_a, median_b;
	double ratio; /* b / a */
	struct interval interval;
	double p, p_adjusted; /* of the rank test (of signed ranks, where paired); adjusted for all metrics
	                         that are compared at once */
	enum verdict verdict;
};

struct comparison_input {
	const double *a, *b;
	size_t n_a, n_b;
	bool is_paired; /* number i of both is of one block; n_a == n_b */
	bool higher_is_better;
};

/* All metrics at once. `margin`: COMPARE_MARGIN. Inputs without enough values are undecided. */
int compare_all(const struct comparison_input *v, size_t n, double margin, uint64_t seed,
                struct comparison *ret);
/* Geometric mean of the ratios and its interval, each turned so that above 1 is better. */
int compare_geomean(const struct comparison_input *v, size_t n, uint64_t seed, double *ret,
                    struct interval *ret_interval);
