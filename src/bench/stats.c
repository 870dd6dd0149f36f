/* SPDX-License-Identifier: MIT */
#include "bench/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/distribution.h"
#include "bench/random.h"
#include "bench/trend.h"

#define FLAG_LIMIT    3.5
#define STEADY_WINDOW 10
#define STEADY_SPREAD 0.02

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stats_sort(double *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), ascending);
}

static double *sorted_copy(const double *v, size_t n)
{
	double *copy = malloc((n + !n) * sizeof(*copy));

	if (copy && n) {
		memcpy(copy, v, n * sizeof(*v));
		stats_sort(copy, n);
	}
	return copy;
}

double stats_quantile(const double *sorted, size_t n, double q)
{
	double position = q * (double)(n - 1);
	size_t i = (size_t)position;

	if (!n || !(q >= 0 && q <= 1))
		return NAN;
	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (position - (double)i) * (sorted[i + 1] - sorted[i]);
}

double stats_mean(const double *v, size_t n)
{
	double mean = 0;

	for (size_t i = 0; i < n; i++)
		mean += (v[i] - mean) / (double)(i + 1);
	return n ? mean : NAN;
}

double stats_deviation(const double *v, size_t n)
{
	double mean = stats_mean(v, n), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return n > 1 ? sqrt(sum / (double)(n - 1)) : NAN;
}

int stats_mad(const double *v, size_t n, double *ret)
{
	_cleanup_free_ double *copy = sorted_copy(v, n);
	double median;

	if (!copy)
		return -ENOMEM;
	median = stats_quantile(copy, n, 0.5);
	for (size_t i = 0; i < n; i++)
		copy[i] = fabs(copy[i] - median);
	stats_sort(copy, n);
	*ret = stats_quantile(copy, n, 0.5);
	return 0;
}

int stats_flag(const double *v, size_t n, bool *ret_flags, size_t *ret_n)
{
	_cleanup_free_ double *copy = sorted_copy(v, n);
	double mad, median;
	int r = copy ? stats_mad(v, n, &mad) : -ENOMEM;

	if (r < 0)
		return r;
	median = stats_quantile(copy, n, 0.5);
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		/* most values are equal: then every other one stands out */
		ret_flags[i] = mad > 0 ? 0.6745 * fabs(v[i] - median) / mad > FLAG_LIMIT : v[i] != median;
		*ret_n += ret_flags[i];
	}
	return 0;
}

int stats_quantile_interval(const double *sorted, size_t n, double q, double level, struct interval *ret,
                            double *ret_level)
{
	double tail = (1 - level) / 2;
	/* P(X_(low) > Q) = P(B < low) <= tail; P(X_(high) < Q) = P(B >= high) <= tail; ranks count from 1 */
	int64_t low = binomial_quantile(tail, (int64_t)n, q),
		high = binomial_quantile(1 - tail, (int64_t)n, q) + 1;

	if (binomial_cdf(low - 1, (int64_t)n, q) > tail)
		low--;
	if (low < 1 || high > (int64_t)n)
		return -EINVAL;
	*ret = (struct interval){sorted[low - 1], sorted[high - 1]};
	*ret_level = binomial_cdf(high - 1, (int64_t)n, q) - binomial_cdf(low - 1, (int64_t)n, q);
	return 0;
}

/* --- bootstrap --- */

/* Median of n values, which are put in another order. */
static double median_of(double *v, size_t n)
{
	size_t low = 0, high = n - 1, middle = n / 2;
	double below;

	while (low < high) { /* Hoare's selection */
		double pivot = v[low + (high - low) / 2];
		size_t i = low, j = high;

		for (;;) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i >= j)
				break;
			double swap = v[i];
			v[i++] = v[j];
			v[j--] = swap;
		}
		if (middle <= j)
			high = j;
		else
			low = j + 1;
	}
	if (n % 2)
		return v[middle];
	below = v[0];
	for (size_t i = 1; i < middle; i++)
		below = v[i] > below ? v[i] : below;
	return below + (v[middle] - below) / 2;
}

/* Median without value number i of the sorted ones. */
static double median_without(const double *sorted, size_t n, size_t i)
{
	size_t m = n - 1, a = (m - 1) / 2, b = m / 2;

	a += a >= i;
	b += b >= i;
	return sorted[a] + (sorted[b] - sorted[a]) / 2;
}

/* How fast the spread of the median changes with the median: the third moment of the jackknife. */
static double acceleration(const double *sorted, size_t n)
{
	double mean = 0, squares = 0, cubes = 0;

	for (size_t i = 0; i < n; i++)
		mean += median_without(sorted, n, i) / (double)n;
	for (size_t i = 0; i < n; i++) {
		double d = mean - median_without(sorted, n, i);

		squares += d * d;
		cubes += d * d * d;
	}
	return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

/* The levels of the percentiles that BCa takes instead of (1 - level) / 2 and its mirror image. */
static void bca_levels(const double *sorted, size_t n, const double *medians, unsigned resamples, double *low,
                       double *high)
{
	double theta = stats_quantile(sorted, n, 0.5), a = acceleration(sorted, n), below = 0, z0;
	double *const ends[] = {low, high};

	for (unsigned i = 0; i < resamples; i++)
		below += medians[i] < theta ? 1 : medians[i] == theta ? 0.5 : 0;
	z0 = normal_quantile(below / resamples);
	for (int i = 0; i < 2; i++) {
		double z = z0 + normal_quantile(*ends[i]);

		*ends[i] = normal_cdf(z0 + z / (1 - a * z));
	}
}

int stats_median_interval(const double *v, size_t n, enum bootstrap kind, double level, unsigned resamples,
                          uint64_t seed, struct interval *ret)
{
	_cleanup_free_ double *sorted = sorted_copy(v, n), *draw = malloc((n + !n) * sizeof(*draw)),
			      *medians = malloc((resamples + 1u) * sizeof(*medians));
	struct random random = random_seeded(seed);
	double low = (1 - level) / 2, high = 1 - low;

	if (!sorted || !draw || !medians)
		return -ENOMEM;
	if (n < 2 || !resamples)
		return -EINVAL;
	if (sorted[0] == sorted[n - 1]) {
		*ret = (struct interval){sorted[0], sorted[0]};
		return 0;
	}
	for (unsigned b = 0; b < resamples; b++) {
		for (size_t i = 0; i < n; i++)
			draw[i] = sorted[random_below(&random, n)];
		medians[b] = median_of(draw, n);
	}
	stats_sort(medians, resamples);
	if (kind == BOOTSTRAP_BCA)
		bca_levels(sorted, n, medians, resamples, &low, &high);
	*ret = (struct interval){stats_quantile(medians, resamples, low),
	                         stats_quantile(medians, resamples, high)};
	return 0;
}

/* --- whole answers --- */

static int summarise_unflagged(const double *v, size_t n, struct summary *s)
{
	_cleanup_free_ bool *flags = malloc(n * sizeof(*flags));
	_cleanup_free_ double *kept = malloc(n * sizeof(*kept));
	size_t k = 0;
	int r = flags && kept ? stats_flag(v, n, flags, &s->n_flagged) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!flags[i])
			kept[k++] = v[i];
	}
	if (r < 0)
		return r;
	stats_sort(kept, k);
	s->median_without = stats_quantile(kept, k, 0.5);
	return 0;
}

int stats_summary(const double *v, size_t n, uint64_t seed, struct summary *ret)
{
	_cleanup_free_ double *sorted = sorted_copy(v, n);
	struct summary s = {.n = n, .interval = {NAN, NAN}};
	int r;

	if (!sorted)
		return -ENOMEM;
	if (!n)
		return -EINVAL;
	s.median = stats_quantile(sorted, n, 0.5);
	s.q1 = stats_quantile(sorted, n, 0.25);
	s.q3 = stats_quantile(sorted, n, 0.75);
	s.min = sorted[0];
	s.max = sorted[n - 1];
	s.mean = stats_mean(v, n);
	s.deviation = stats_deviation(v, n);
	s.variation = s.mean != 0 ? s.deviation / fabs(s.mean) : NAN;
	r = n >= STATS_INTERVAL_MIN ? stats_median_interval(v, n, BOOTSTRAP_PERCENTILE, 0.95,
	                                                    BOOTSTRAP_RESAMPLES, seed, &s.interval)
	                            : 0;
	if (r == 0)
		r = summarise_unflagged(v, n, &s);
	if (r == 0)
		*ret = s;
	return r;
}

static bool is_even(const double *v, size_t n)
{
	double mean = stats_mean(v, n);

	return mean != 0 && stats_deviation(v, n) <= STEADY_SPREAD * fabs(mean);
}

static bool has_trend(const double *v, size_t n)
{
	struct mann_kendall mk;

	return trend_mann_kendall(v, n, &mk) == 0 && mk.p <= 0.05;
}

int stats_steady(const double *v, size_t n, size_t *ret)
{
	for (size_t end = STEADY_WINDOW; end <= n; end++) {
		if (is_even(v + end - STEADY_WINDOW, STEADY_WINDOW) &&
		    !has_trend(v + end / 2, end - end / 2)) {
			*ret = end - STEADY_WINDOW;
			return 0;
		}
	}
	return -ENODATA;
}
