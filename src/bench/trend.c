/* SPDX-License-Identifier: MIT */
#include "bench/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/distribution.h"

/* Sum over groups of equal values. */
static double ties(const double *sorted, size_t n, double (*term)(double t))
{
	double sum = 0;

	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && sorted[j] == sorted[i]; j++)
			;
		sum += term((double)(j - i));
	}
	return sum;
}

static double variance_term(double t)
{
	return t * (t - 1) * (2 * t + 5);
}

static double pairs_term(double t)
{
	return t * (t - 1) / 2;
}

int trend_mann_kendall(const double *v, size_t n, struct mann_kendall *ret)
{
	_cleanup_free_ double *sorted = malloc((n + !n) * sizeof(*sorted));
	double m = (double)n, variance, pairs = m * (m - 1) / 2;
	struct mann_kendall mk = {.p = 1};

	if (!sorted)
		return -ENOMEM;
	if (n < 3)
		return -EINVAL;
	memcpy(sorted, v, n * sizeof(*v));
	stats_sort(sorted, n);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++)
			mk.s += (v[j] > v[i]) - (v[j] < v[i]);
	}
	variance = (variance_term(m) - ties(sorted, n, variance_term)) / 18;
	if (variance > 0) {
		mk.tau = mk.s / sqrt((pairs - ties(sorted, n, pairs_term)) * pairs);
		mk.z = (mk.s - (mk.s > 0) + (mk.s < 0)) / sqrt(variance);
		mk.p = 2 * normal_sf(fabs(mk.z));
	}
	if (mk.p > 1)
		mk.p = 1;
	*ret = mk;
	return 0;
}

/* --- slope --- */

/* Ranks of the slopes between which the slope is, after Sen: corrected for ties in both series. */
static void slope_interval(const double *slopes, size_t k, const double *x, const double *y, size_t n,
                           double level, double *scratch, struct interval *ret)
{
	double m = (double)n, z = normal_quantile(1 - (1 - level) / 2), variance = variance_term(m), half;
	const double *const series[] = {x, y};
	long low, high;

	for (int i = 0; i < 2; i++) {
		memcpy(scratch, series[i], n * sizeof(*scratch));
		stats_sort(scratch, n);
		variance -= ties(scratch, n, variance_term);
	}
	half = z * sqrt(variance > 0 ? variance / 18 : 0);
	high = (long)nearbyint(((double)k + half) / 2);
	low = (long)nearbyint(((double)k - half) / 2) - 1;
	high = high > (long)k - 1 ? (long)k - 1 : high;
	low = low < 0 ? 0 : low;
	*ret = (struct interval){slopes[low], slopes[high]};
}

int trend_theil_sen(const double *x, const double *y, size_t n, double level, struct theil_sen *ret)
{
	_cleanup_free_ double *slopes =
		n > 1 && n < 1u << 16 ? malloc(n * (n - 1) / 2 * sizeof(*slopes)) : NULL;
	_cleanup_free_ double *scratch = malloc((n + !n) * sizeof(*scratch));
	struct theil_sen t;
	double middle;
	size_t k = 0;

	if (n < 2)
		return -EINVAL;
	if (!slopes || !scratch)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			if (x[j] != x[i])
				slopes[k++] = (y[j] - y[i]) / (x[j] - x[i]);
		}
	}
	if (!k)
		return -EINVAL;
	stats_sort(slopes, k);
	t.slope = stats_quantile(slopes, k, 0.5);
	memcpy(scratch, x, n * sizeof(*x));
	stats_sort(scratch, n);
	middle = stats_quantile(scratch, n, 0.5);
	memcpy(scratch, y, n * sizeof(*y));
	stats_sort(scratch, n);
	t.intercept = stats_quantile(scratch, n, 0.5) - t.slope * middle;
	slope_interval(slopes, k, x, y, n, level, scratch, &t.interval);
	*ret = t;
	return 0;
}

/* --- change points --- */

/* Squared error of values from a up to b around their mean, from sums of all before. */
static double error_of(const double *sum, const double *squares, size_t a, size_t b)
{
	double s = sum[b] - sum[a];

	return squares[b] - squares[a] - s * s / (double)(b - a);
}

/* Variance of the noise: neighbours differ by sqrt(2) of it, but for the few at a change. */
static int noise(const double *v, size_t n, double *scratch, double *ret)
{
	double mad;
	int r;

	for (size_t i = 0; i + 1 < n; i++)
		scratch[i] = v[i + 1] - v[i];
	r = stats_mad(scratch, n - 1, &mad);
	*ret = r < 0 ? 0 : pow(mad * 1.4826 / M_SQRT2, 2);
	return r;
}

struct pelt {
	double *sum, *squares, *cost; /* n + 1 each; cost[i]: of the best parts of the first i values */
	size_t *last, *candidates;    /* start of the last part; where it may start */
};

static void search(struct pelt *p, size_t n, double penalty)
{
	size_t k = 1;

	p->cost[0] = -penalty;
	p->candidates[0] = 0;
	for (size_t end = 1; end <= n; end++) {
		size_t kept = 0;

		p->cost[end] = INFINITY;
		for (size_t i = 0; i < k; i++) {
			size_t start = p->candidates[i];
			double cost = p->cost[start] + error_of(p->sum, p->squares, start, end) + penalty;

			if (cost < p->cost[end]) {
				p->cost[end] = cost;
				p->last[end] = start;
			}
		}
		/* a start that is worse by more than a penalty can never be the best again */
		for (size_t i = 0; i < k; i++) {
			size_t start = p->candidates[i];

			if (p->cost[start] + error_of(p->sum, p->squares, start, end) <= p->cost[end])
				p->candidates[kept++] = start;
		}
		p->candidates[kept++] = end;
		k = kept;
	}
}

int trend_changes(const double *v, size_t n, double penalty, size_t **ret, size_t *ret_n)
{
	_cleanup_free_ double *numbers = calloc(3 * (n + 1), sizeof(*numbers));
	_cleanup_free_ size_t *places = calloc(2 * (n + 2), sizeof(*places));
	struct pelt p = {numbers, numbers + n + 1, numbers + 2 * (n + 1), places, places + n + 2};
	double variance, centre = stats_mean(v, n);
	size_t *found, k = 0;
	int r;

	if (!numbers || !places)
		return -ENOMEM;
	if (n < 4)
		return -EINVAL;
	r = noise(v, n, p.sum, &variance);
	if (r < 0)
		return r;
	p.sum[0] = 0;
	for (size_t i = 0; i < n; i++) {
		double d = v[i] - centre; /* small sums keep their digits */

		p.sum[i + 1] = p.sum[i] + d;
		p.squares[i + 1] = p.squares[i] + d * d;
	}
	if (penalty <= 0)
		penalty = 3 * log((double)n) * (variance > 0 ? variance : 1e-300);
	search(&p, n, penalty);
	for (size_t end = n; p.last[end]; end = p.last[end])
		k++;
	found = malloc((k + 1) * sizeof(*found));
	if (!found)
		return -ENOMEM;
	*ret_n = k;
	for (size_t end = n; p.last[end]; end = p.last[end])
		found[--k] = p.last[end];
	*ret = found;
	return 0;
}

/* --- steps that deserve the name --- */

/* Squared error of the parts between the changes around their means. */
static double error_of_parts(const double *v, size_t n, const size_t *at, size_t k)
{
	double all = 0;

	for (size_t i = 0; i <= k; i++) {
		size_t from = i ? at[i - 1] : 0, to = i < k ? at[i] : n;
		double mean = stats_mean(v + from, to - from);

		for (size_t j = from; j < to; j++)
			all += (v[j] - mean) * (v[j] - mean);
	}
	return all;
}

/* The same around the straight line of least squares. */
static double error_of_line(const double *v, size_t n)
{
	double middle = (double)(n - 1) / 2, mean = stats_mean(v, n), xy = 0, xx = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		xy += ((double)i - middle) * (v[i] - mean);
		xx += ((double)i - middle) * ((double)i - middle);
	}
	for (size_t i = 0; i < n; i++)
		all += pow(v[i] - mean - xy / xx * ((double)i - middle), 2);
	return all;
}

/* Schwarz's criterion with so many parameters; errors that are but rounding are none. */
static double criterion(double error, size_t n, double parameters, double smallest)
{
	return (double)n * log(fmax(error, smallest) / (double)n) + parameters * log((double)n);
}

int trend_steps(const double *v, size_t n, size_t **ret, size_t *ret_n)
{
	_cleanup_free_ double *scratch = calloc(n + 1, sizeof(*scratch));
	_cleanup_free_ size_t *best_at = NULL;
	double smallest = (double)n * pow(fabs(stats_mean(v, n)) * 1e-9, 2) + 1e-300, variance, best;
	size_t best_n = 0, found = 1;
	int r = !scratch ? -ENOMEM : n < TREND_STEPS_MIN ? -EINVAL : noise(v, n, scratch, &variance);

	if (r < 0)
		return r;
	best = fmin(criterion(error_of_parts(v, n, NULL, 0), n, 0, smallest),
	            criterion(error_of_line(v, n), n, 2, smallest));
	variance = fmax(variance, smallest / (double)n);
	for (double penalty = 3 * log((double)n) * variance; found; penalty *= 2) {
		_cleanup_free_ size_t *at = NULL;
		double c;

		r = trend_changes(v, n, penalty, &at, &found);
		if (r < 0)
			return r;
		c = criterion(error_of_parts(v, n, at, found), n, TREND_STEP_COST * (double)found, smallest);
		if (found && c < best) {
			best = c;
			best_n = found;
			free(best_at);
			best_at = steal_ptr(at);
		}
	}
	*ret = steal_ptr(best_at);
	*ret_n = best_n;
	return 0;
}
