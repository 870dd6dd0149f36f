/* SPDX-License-Identifier: MIT */
/*
 * Statistics of one sample. Pure. Trials carry the statistics, never the iterations inside one, which depend
 * on each other. Unknown is NAN. Functions that return int: 0; -EINVAL too few values; -ENOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
	double low, high;
};

/* Ascending, in place. */
void stats_sort(double *v, size_t n);
/* Of ascending values, interpolated between neighbours (Hyndman and Fan's type 7, as NumPy and R). */
double stats_quantile(const double *sorted, size_t n, double q);
double stats_mean(const double *v, size_t n);
/* Standard deviation of the population that n values are a sample of. */
double stats_deviation(const double *v, size_t n);
/* Median of the distances from the median. */
int stats_mad(const double *v, size_t n, double *ret);
/* Iglewicz and Hoaglin's modified Z: what is above 3.5 is flagged, never dropped. *ret_n: how many. */
int stats_flag(const double *v, size_t n, bool *ret_flags, size_t *ret_n);

/*
 * Interval of a quantile from the order statistics; no distribution is assumed. `level` is what it promises
 * at least, 0.95; *ret_level what it keeps, as ranks are whole numbers. -EINVAL when n is too small for it.
 */
int stats_quantile_interval(const double *sorted, size_t n, double q, double level, struct interval *ret,
                            double *ret_level);

enum bootstrap { BOOTSTRAP_PERCENTILE, BOOTSTRAP_BCA };

#define BOOTSTRAP_RESAMPLES 10000 /* of ratios */
#define STATS_INTERVAL_MIN  5     /* values: of fewer no resampling keeps 95 % */

/* Interval of the median as infinitely many resamples give it, which can be computed. n >= 2. */
int stats_median_interval(const double *v, size_t n, enum bootstrap kind, double level, struct interval *ret);

/* --- whole answers --- */

struct summary {
	size_t n;
	double median, mean, deviation, min, max, q1, q3;
	double variation;         /* deviation / mean; NAN for a mean of 0 */
	struct interval interval; /* of the median, 95 %; NAN for n < STATS_INTERVAL_MIN */
	size_t n_flagged;
	double median_without; /* the flagged ones */
};

int stats_summary(const double *v, size_t n, struct summary *ret);

/*
 * Where a series of iterations has become steady: the last ten vary by at most 2 %, and the second half has
 * no trend (Mann-Kendall, 5 %). *ret is the first iteration that counts; -ENODATA never.
 */
int stats_steady(const double *v, size_t n, size_t *ret);
