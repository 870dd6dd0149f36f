/* SPDX-License-Identifier: MIT */
#include "bench/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "bench/distribution.h"
#include "bench/trend.h"

#define FLAG_LIMIT    3.5
#define STEADY_WINDOW 10
#define STEADY_SPREAD 0.02
#define NEGLIGIBLE    1e-12 /* chance */

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

/* What the median of a resample can be, and how likely that is. */
struct outcome {
	double value, chance;
};

struct outcome_list {
	struct outcome *v;
	size_t n, cap;
};

static int add_outcome(struct outcome_list *l, double value, double chance)
{
	struct outcome *o = list_add(l);

	if (!o)
		return -ENOMEM;
	*o = (struct outcome){value, chance > 0 ? chance : 0};
	return 0;
}

/* Chance that the middle value of a resample (the lower one of two) is at most number k of the sorted ones:
 * then at least half of n draws are. */
static double middle_at_most(size_t k, size_t n)
{
	return 1 - binomial_cdf((int64_t)((n + 1) / 2) - 1, (int64_t)n, (double)(k + 1) / (double)n);
}

/* Of an even number of draws, the lower middle value is number a: the upper one is above number b when half
 * of the draws are at most a, with one of them a, and the other half are above b. */
static double upper_above(size_t a, size_t b, size_t n)
{
	double half = (double)n / 2, at = (double)(a + 1) / (double)n;
	double ways = lgamma((double)n + 1) - 2 * lgamma(half + 1);

	if (b + 1 >= n)
		return 0;
	return exp(ways + half * (log(at) + log1p(-(double)(b + 1) / (double)n))) *
	       (1 - pow((double)a / (double)(a + 1), half));
}

static int add_pairs(struct outcome_list *l, const double *sorted, size_t n, size_t a, double chance)
{
	double above = upper_above(a, a, n);
	int r = add_outcome(l, sorted[a], chance - above);

	for (size_t b = a + 1; r == 0 && b < n && above > NEGLIGIBLE; b++) {
		double next = upper_above(a, b, n);

		r = add_outcome(l, sorted[a] + (sorted[b] - sorted[a]) / 2, above - next);
		above = next;
	}
	return r;
}

static int by_value(const void *a, const void *b)
{
	return ascending(&((const struct outcome *)a)->value, &((const struct outcome *)b)->value);
}

/*
 * All medians that resamples have, with their chances, ascending: what infinitely many resamples would show
 * (Efron's ideal bootstrap), and sooner than some thousand. The middle of n draws is eight of its standard
 * deviations around the middle, so that what is further out does not matter.
 */
static int resampled_medians(const double *sorted, size_t n, struct outcome_list *ret)
{
	size_t reach = (size_t)(4 * sqrt((double)n)) + 4, from = n / 2 > reach ? n / 2 - reach : 0;
	double before = 0;
	int r = 0;

	for (size_t a = from; r == 0 && a < n && a <= n / 2 + reach; a++) {
		double at_most = middle_at_most(a, n), chance = at_most - before;

		r = n % 2 ? add_outcome(ret, sorted[a], chance) : add_pairs(ret, sorted, n, a, chance);
		before = at_most;
	}
	if (r == 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_value);
	return r;
}

static double outcome_quantile(const struct outcome_list *l, double q)
{
	double sum = 0;

	for (size_t i = 0; i < l->n; i++) {
		sum += l->v[i].chance;
		if (sum >= q)
			return l->v[i].value;
	}
	return l->v[l->n - 1].value;
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
static void bca_levels(const double *sorted, size_t n, const struct outcome_list *medians, double *low,
                       double *high)
{
	double theta = stats_quantile(sorted, n, 0.5), a = acceleration(sorted, n), below = 0, z0;
	double *const ends[] = {low, high};

	for (size_t i = 0; i < medians->n; i++) {
		double value = medians->v[i].value;

		below += medians->v[i].chance * (value < theta ? 1 : value == theta ? 0.5 : 0);
	}
	z0 = normal_quantile(below);
	for (int i = 0; i < 2; i++) {
		double z = z0 + normal_quantile(*ends[i]);

		*ends[i] = normal_cdf(z0 + z / (1 - a * z));
	}
}

int stats_median_interval(const double *v, size_t n, enum bootstrap kind, double level, struct interval *ret)
{
	_cleanup_free_ double *sorted = sorted_copy(v, n);
	struct outcome_list medians = {0};
	double low = (1 - level) / 2, high = 1 - low;
	int r;

	if (!sorted)
		return -ENOMEM;
	if (n < 2)
		return -EINVAL;
	if (sorted[0] == sorted[n - 1]) {
		*ret = (struct interval){sorted[0], sorted[0]};
		return 0;
	}
	r = resampled_medians(sorted, n, &medians);
	if (r == 0 && kind == BOOTSTRAP_BCA)
		bca_levels(sorted, n, &medians, &low, &high);
	if (r == 0)
		*ret = (struct interval){outcome_quantile(&medians, low), outcome_quantile(&medians, high)};
	free(medians.v);
	return r;
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

int stats_summary(const double *v, size_t n, struct summary *ret)
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
	r = n >= STATS_INTERVAL_MIN ? stats_median_interval(v, n, BOOTSTRAP_PERCENTILE, 0.95, &s.interval)
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
