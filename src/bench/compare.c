/* SPDX-License-Identifier: MIT */
#include "bench/compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/distribution.h"
#include "bench/random.h"

#define EXACT_MAX       8  /* of the smaller sample */
#define EXACT_PAIRS_MAX 50 /* as SciPy */

const char *const verdict_names[] = {"undecided", "equal", "better", "worse"};

/* --- rank test --- */

struct ranked {
	double value, rank;
	bool is_a;
};

static int by_value(const void *a, const void *b)
{
	double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;

	return (x > y) - (x < y);
}

/* Equal values share the mean of their ranks; returns the sum of t^3 - t over groups of equals. */
static double rank_all(struct ranked *v, size_t n)
{
	double sum = 0;

	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0, j; i < n; i = j) {
		double t;

		for (j = i; j < n && v[j].value == v[i].value; j++)
			;
		t = (double)(j - i);
		for (size_t k = i; k < j; k++)
			v[k].rank = (double)(i + j + 1) / 2;
		sum += t * t * t - t;
	}
	return sum;
}

/* P(U >= u) by counting: the number of ways to get each U grows value by value of the larger sample. */
static int exact_tail(size_t small, size_t large, size_t u, double *ret)
{
	size_t top = small * large, width = top + 1;
	_cleanup_free_ double *ways = calloc((small + 1) * width, sizeof(*ways));
	double tail = 0, all = 0;

	if (!ways)
		return -ENOMEM;
	ways[0] = 1;
	/* ways[m][k]: m values of the small sample are placed after n of the large one and sum up to k */
	for (size_t m = 1; m <= small; m++)
		ways[m * width] = 1;
	for (size_t n = 1; n <= large; n++) {
		for (size_t m = 1; m <= small; m++) {
			for (size_t k = n; k <= top; k++)
				ways[m * width + k] += ways[(m - 1) * width + k - n];
		}
	}
	for (size_t k = 0; k <= top; k++) {
		all += ways[small * width + k];
		tail += k >= u ? ways[small * width + k] : 0;
	}
	*ret = tail / all;
	return 0;
}

int compare_mann_whitney(const double *a, size_t n, const double *b, size_t m, double *ret_u, double *ret_p)
{
	_cleanup_free_ struct ranked *v = calloc(n + m + 1, sizeof(*v));
	double x = (double)n, y = (double)m, sum = 0, equal, u, larger, tail;
	size_t small = n < m ? n : m;
	int r = 0;

	if (!v)
		return -ENOMEM;
	if (!n || !m)
		return -EINVAL;
	for (size_t i = 0; i < n + m; i++)
		v[i] = (struct ranked){.value = i < n ? a[i] : b[i - n], .is_a = i < n};
	equal = rank_all(v, n + m);
	for (size_t i = 0; i < n + m; i++)
		sum += v[i].is_a ? v[i].rank : 0;
	u = sum - x * (x + 1) / 2;
	larger = u > x * y - u ? u : x * y - u;
	if (small <= EXACT_MAX && equal == 0) {
		r = exact_tail(small, n + m - small, (size_t)larger, &tail);
	} else {
		double s = sqrt(x * y / 12 * (x + y + 1 - equal / ((x + y) * (x + y - 1))));

		tail = s > 0 ? normal_sf((larger - x * y / 2 - 0.5) / s) : 0.5;
	}
	if (r < 0)
		return r;
	*ret_u = u;
	*ret_p = tail > 0.5 ? 1 : 2 * tail;
	return 0;
}

/* P(W <= w) by counting the subsets of the ranks 1 ... n that sum up to each number. */
static int exact_signed_tail(size_t n, size_t w, double *ret)
{
	size_t top = n * (n + 1) / 2;
	_cleanup_free_ double *ways = calloc(top + 1, sizeof(*ways));
	double tail = 0;

	if (!ways)
		return -ENOMEM;
	ways[0] = 1;
	for (size_t rank = 1; rank <= n; rank++) {
		for (size_t k = top; k >= rank; k--)
			ways[k] += ways[k - rank];
	}
	for (size_t k = 0; k <= w && k <= top; k++)
		tail += ways[k];
	*ret = tail / pow(2, (double)n);
	return 0;
}

int compare_wilcoxon(const double *a, const double *b, size_t n, double *ret_w, double *ret_p)
{
	_cleanup_free_ struct ranked *v = calloc(n + 1, sizeof(*v));
	double up = 0, equal, tail = 0.5, m, all, w;
	size_t k = 0;
	int r = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (b[i] < a[i] || b[i] > a[i])
			v[k++] = (struct ranked){.value = fabs(b[i] - a[i]), .is_a = b[i] > a[i]};
	}
	equal = rank_all(v, k);
	for (size_t i = 0; i < k; i++)
		up += v[i].is_a ? v[i].rank : 0;
	m = (double)k;
	all = m * (m + 1) / 2;
	w = fmin(up, all - up);
	if (k <= EXACT_PAIRS_MAX && k == n && equal == 0) {
		r = exact_signed_tail(k, (size_t)w, &tail);
	} else {
		double s = sqrt(m * (m + 1) * (2 * m + 1) / 24 - equal / 48);

		tail = s > 0 ? normal_sf((all / 2 - w - 0.5) / s) : 0.5;
	}
	if (r < 0)
		return r;
	*ret_w = w;
	*ret_p = tail > 0.5 ? 1 : 2 * tail;
	return 0;
}

/* --- many tests --- */

struct numbered {
	double p;
	size_t i;
};

static int by_p(const void *a, const void *b)
{
	double x = ((const struct numbered *)a)->p, y = ((const struct numbered *)b)->p;

	return (x > y) - (x < y);
}

int compare_holm(double *p, size_t n)
{
	_cleanup_free_ struct numbered *v = calloc(n + 1, sizeof(*v));
	double largest = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct numbered){p[i], i};
	qsort(v, n, sizeof(*v), by_p);
	for (size_t i = 0; i < n; i++) {
		largest = fmax(largest, fmin(1, v[i].p * (double)(n - i)));
		p[v[i].i] = largest;
	}
	return 0;
}

/* --- effect --- */

/* Values in order, and the place of each in it: with them the median of a draw needs no sorting. */
struct ranking {
	double *sorted;
	size_t *rank;
};

static int rank_values(const double *v, size_t n, struct ranking *ret)
{
	_cleanup_free_ struct numbered *order = calloc(n + 1, sizeof(*order));

	ret->sorted = calloc(n + 1, sizeof(*ret->sorted));
	ret->rank = calloc(n + 1, sizeof(*ret->rank));
	if (!order || !ret->sorted || !ret->rank)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		order[i] = (struct numbered){v[i], i};
	qsort(order, n, sizeof(*order), by_p);
	for (size_t i = 0; i < n; i++) {
		ret->sorted[i] = order[i].p;
		ret->rank[order[i].i] = i;
	}
	return 0;
}

static void ranking_done(struct ranking *r)
{
	free(r->sorted);
	free(r->rank);
}

/* Median of the values at n places; counts has room for n. */
static double median_of_draw(const struct ranking *r, size_t n, const size_t *places, unsigned *counts)
{
	size_t seen = 0, i = 0;
	double below;

	memset(counts, 0, n * sizeof(*counts));
	for (size_t k = 0; k < n; k++)
		counts[r->rank[places[k]]]++;
	while (seen <= (n - 1) / 2)
		seen += counts[i++];
	below = r->sorted[i - 1];
	while (seen <= n / 2)
		seen += counts[i++];
	return below + (r->sorted[i - 1] - below) / 2;
}

static void draw_places(struct random *random, size_t *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		places[i] = (size_t)random_below(random, n);
}

/* log of the ratio of medians of one resample; ranks of a and of b. */
static double resampled(const struct comparison_input *in, const struct ranking ranks[2],
                        struct random *random, size_t *places, unsigned *counts)
{
	double a, b;

	draw_places(random, places, in->n_a);
	a = median_of_draw(&ranks[0], in->n_a, places, counts);
	if (!in->is_paired)
		draw_places(random, places, in->n_b);
	b = median_of_draw(&ranks[1], in->n_b, places, counts);
	return log(b / a);
}

static int median_copy(const double *v, size_t n, double *ret)
{
	_cleanup_free_ double *copy = malloc((n + !n) * sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (n < STATS_INTERVAL_MIN)
		return -EINVAL;
	memcpy(copy, v, n * sizeof(*v));
	stats_sort(copy, n);
	*ret = stats_quantile(copy, n, 0.5);
	return 0;
}

/* Adds sign * log(ratio) / n of one input to each of the resamples. */
static int add_resamples(const struct comparison_input *in, struct random *random, double factor,
                         unsigned resamples, double *logs)
{
	size_t longest = in->n_a > in->n_b ? in->n_a : in->n_b;
	_cleanup_free_ size_t *places = calloc(longest + 1, sizeof(*places));
	_cleanup_free_ unsigned *counts = calloc(longest + 1, sizeof(*counts));
	struct ranking ranks[2] = {0};
	int r = places && counts ? rank_values(in->a, in->n_a, &ranks[0]) : -ENOMEM;

	if (r == 0)
		r = rank_values(in->b, in->n_b, &ranks[1]);
	for (unsigned b = 0; r == 0 && b < resamples; b++)
		logs[b] += factor * resampled(in, ranks, random, places, counts);
	ranking_done(&ranks[0]);
	ranking_done(&ranks[1]);
	return r;
}

/* The geometric mean of the ratios of n inputs; signs[i] -1 turns one. */
static int ratio_interval(const struct comparison_input *v, size_t n, const int *signs, double level,
                          unsigned resamples, uint64_t seed, struct interval *ret)
{
	struct random random = random_seeded(seed);
	_cleanup_free_ double *logs = calloc(resamples + 1u, sizeof(*logs));
	int r = logs ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_resamples(&v[i], &random, signs[i] / (double)n, resamples, logs);
	if (r < 0)
		return r;
	stats_sort(logs, resamples);
	*ret = (struct interval){exp(stats_quantile(logs, resamples, (1 - level) / 2)),
	                         exp(stats_quantile(logs, resamples, 1 - (1 - level) / 2))};
	return 0;
}

static int one_ratio(const struct comparison_input *in, double level, unsigned resamples, uint64_t seed,
                     double *ret, struct interval *ret_interval)
{
	const int sign = 1;
	double x, y;
	int r = median_copy(in->a, in->n_a, &x);

	if (r == 0)
		r = median_copy(in->b, in->n_b, &y);
	for (size_t i = 0; r == 0 && i < in->n_a; i++)
		r = in->a[i] > 0 ? 0 : -EINVAL;
	for (size_t i = 0; r == 0 && i < in->n_b; i++)
		r = in->b[i] > 0 ? 0 : -EINVAL;
	if (r == 0)
		r = ratio_interval(in, 1, &sign, level, resamples, seed, ret_interval);
	if (r == 0)
		*ret = y / x;
	return r;
}

int compare_ratio(const double *a, size_t n, const double *b, size_t m, double level, unsigned resamples,
                  uint64_t seed, double *ret, struct interval *ret_interval)
{
	const struct comparison_input in = {.a = a, .n_a = n, .b = b, .n_b = m};

	return one_ratio(&in, level, resamples, seed, ret, ret_interval);
}

int compare_ratio_paired(const double *a, const double *b, size_t n, double level, unsigned resamples,
                         uint64_t seed, double *ret, struct interval *ret_interval)
{
	const struct comparison_input in = {.a = a, .n_a = n, .b = b, .n_b = n, .is_paired = true};

	return one_ratio(&in, level, resamples, seed, ret, ret_interval);
}

/* --- verdicts --- */

/* Of values that are proportional to the effect: ranks of the differences of logarithms. */
static int test_pairs(const struct comparison_input *in, double *ret_p)
{
	_cleanup_free_ double *logs = calloc(2 * in->n_a + 1, sizeof(*logs));
	double unused;

	if (!logs)
		return -ENOMEM;
	for (size_t i = 0; i < in->n_a; i++) {
		logs[i] = log(in->a[i]);
		logs[in->n_a + i] = log(in->b[i]);
	}
	return compare_wilcoxon(logs, logs + in->n_a, in->n_a, &unused, ret_p);
}

/* Different: the interval leaves out 1 and the rank test agrees, and by more than the margin. */
static enum verdict judge(const struct comparison *c, bool higher_is_better, double margin)
{
	bool differs = (c->interval.low > 1 || c->interval.high < 1) && c->p_adjusted <= COMPARE_LEVEL;

	if (c->interval.low >= 1 / (1 + margin) && c->interval.high <= 1 + margin)
		return VERDICT_EQUAL;
	if (!differs || fabs(log(c->ratio)) <= log1p(margin))
		return VERDICT_UNDECIDED;
	return (c->ratio > 1) == higher_is_better ? VERDICT_BETTER : VERDICT_WORSE;
}

static int compare_one(const struct comparison_input *in, uint64_t seed, struct comparison *ret)
{
	struct comparison c = {.n_a = in->n_a,
	                       .n_b = in->n_b,
	                       .median_a = NAN,
	                       .median_b = NAN,
	                       .ratio = NAN,
	                       .interval = {NAN, NAN},
	                       .p = 1,
	                       .p_adjusted = 1};
	double u;
	int r;

	*ret = c;
	if (median_copy(in->a, in->n_a, &c.median_a) == -ENOMEM ||
	    median_copy(in->b, in->n_b, &c.median_b) == -ENOMEM)
		return -ENOMEM;
	r = one_ratio(in, 1 - COMPARE_LEVEL, BOOTSTRAP_RESAMPLES, seed, &c.ratio, &c.interval);
	if (r == 0)
		r = in->is_paired ? test_pairs(in, &c.p)
		                  : compare_mann_whitney(in->a, in->n_a, in->b, in->n_b, &u, &c.p);
	*ret = c;
	return r;
}

int compare_all(const struct comparison_input *v, size_t n, double margin, uint64_t seed,
                struct comparison *ret)
{
	_cleanup_free_ double *p = calloc(n + 1, sizeof(*p));
	size_t k = 0;
	int r = p ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = compare_one(&v[i], seed + i, &ret[i]);
		if (r == 0)
			p[k++] = ret[i].p;
		r = r == -EINVAL ? 0 : r; /* without enough values there is no test */
	}
	if (r == 0)
		r = compare_holm(p, k);
	k = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (isnan(ret[i].ratio))
			continue;
		ret[i].p_adjusted = p[k++];
		ret[i].verdict = judge(&ret[i], v[i].higher_is_better, margin);
	}
	return r;
}

int compare_geomean(const struct comparison_input *v, size_t n, uint64_t seed, double *ret,
                    struct interval *ret_interval)
{
	_cleanup_free_ int *signs = calloc(n + 1, sizeof(*signs));
	struct interval unused;
	double sum = 0, ratio;
	int r = signs ? 0 : -ENOMEM;

	if (!n)
		return -EINVAL;
	for (size_t i = 0; r == 0 && i < n; i++) {
		signs[i] = v[i].higher_is_better ? 1 : -1;
		r = one_ratio(&v[i], 1 - COMPARE_LEVEL, 1, seed, &ratio, &unused);
		sum += r == 0 ? signs[i] * log(ratio) : 0;
	}
	if (r == 0)
		r = ratio_interval(v, n, signs, 1 - COMPARE_LEVEL, BOOTSTRAP_RESAMPLES, seed, ret_interval);
	if (r == 0)
		*ret = exp(sum / (double)n);
	return r;
}
