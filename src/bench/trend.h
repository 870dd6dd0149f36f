/* SPDX-License-Identifier: MIT */
/* Does a series of values go somewhere? Pure. Functions that return int: 0; -EINVAL too few values; -ENOMEM.
 */
#pragma once

#include <stddef.h>

#include "bench/stats.h"

struct mann_kendall {
	double s, tau, z, p; /* two-sided, with correction for ties and for continuity */
};

/* Values in their order in time. n >= 3. */
int trend_mann_kendall(const double *v, size_t n, struct mann_kendall *ret);

struct theil_sen {
	double slope, intercept;
	struct interval interval; /* of the slope (Sen 1968) */
};

/* x: times, not all equal. n >= 2. Time and memory grow with the square of n. */
int trend_theil_sen(const double *x, const double *y, size_t n, double level, struct theil_sen *ret);

/*
 * Where the mean changes (PELT, Killick 2012, squared error). `penalty` <= 0: 3 log(n) times the variance of
 * the noise, estimated from the differences of neighbours. *ret: the first values of each new part; free()
 * it.
 */
int trend_changes(const double *v, size_t n, double penalty, size_t **ret, size_t *ret_n);

#define TREND_STEPS_MIN 10 /* values: of fewer nobody can tell a step from noise */
/* What a step counts for as parameters: a level, a place, and that it was looked for. */
#define TREND_STEP_COST 4

/*
 * The changes that explain the series better than no change and better than a straight line do (Schwarz's
 * criterion), out of those that PELT finds with growing penalties. Of series of ten values without any 6 %
 * are said to have some, of twenty 2 % (tests/bench/simulate). *ret as above; NULL: none.
 */
int trend_steps(const double *v, size_t n, size_t **ret, size_t *ret_n);
