/* SPDX-License-Identifier: MIT */
/* stats_tool: answers requests on standard input, a line each: "FUNCTION A... n v1 ... vn [m w1 ... wm]". For
 * the comparison with other people's statistics. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/compare.h"
#include "bench/distribution.h"
#include "bench/histogram.h"
#include "bench/metrics.h"
#include "bench/stats.h"
#include "bench/trend.h"

static double arguments[8];
static double *v[2];
static size_t n[2];

static void print(double x)
{
	printf("%.17g ", x);
}

static void answer_interval(int r, struct interval i)
{
	print(r ? NAN : i.low);
	print(r ? NAN : i.high);
}

static void quantile(void)
{
	stats_sort(v[0], n[0]);
	print(stats_quantile(v[0], n[0], arguments[0]));
}

static void quantile_interval(void)
{
	struct interval i = {NAN, NAN};
	double level = NAN;

	stats_sort(v[0], n[0]);
	answer_interval(stats_quantile_interval(v[0], n[0], arguments[0], arguments[1], &i, &level), i);
	print(level);
}

static void median_interval(void)
{
	struct interval i = {NAN, NAN};

	answer_interval(stats_median_interval(v[0], n[0], (enum bootstrap)arguments[0], 0.95, &i), i);
}

static void moments(void)
{
	double mad = NAN;

	(void)stats_mad(v[0], n[0], &mad);
	print(stats_mean(v[0], n[0]));
	print(stats_deviation(v[0], n[0]));
	print(mad);
}

static void mann_whitney(void)
{
	double u = NAN, p = NAN;

	(void)compare_mann_whitney(v[0], n[0], v[1], n[1], &u, &p);
	print(u);
	print(p);
}

static void wilcoxon(void)
{
	double w = NAN, p = NAN;

	(void)compare_wilcoxon(v[0], v[1], n[0], &w, &p);
	print(w);
	print(p);
}

static void holm(void)
{
	(void)compare_holm(v[0], n[0]);
	for (size_t i = 0; i < n[0]; i++)
		print(v[0][i]);
}

static void ratio(void)
{
	struct interval i = {NAN, NAN};
	double ratio = NAN;
	int r = compare_ratio(v[0], n[0], v[1], n[1], 0.95, (unsigned)arguments[0], 1, &ratio, &i);

	print(ratio);
	answer_interval(r, i);
}

static void mann_kendall(void)
{
	struct mann_kendall mk = {.p = NAN};

	(void)trend_mann_kendall(v[0], n[0], &mk);
	print(mk.s);
	print(mk.tau);
	print(mk.z);
	print(mk.p);
}

static void theil_sen(void)
{
	struct theil_sen t = {.slope = NAN};
	int r = trend_theil_sen(v[0], v[1], n[0], 0.95, &t);

	print(t.slope);
	print(t.intercept);
	answer_interval(r, t.interval);
}

static void changes(void)
{
	size_t *found = NULL, k = 0;

	(void)trend_changes(v[0], n[0], arguments[0], &found, &k);
	for (size_t i = 0; i < k; i++)
		print((double)found[i]);
	free(found);
}

static void steps(void)
{
	size_t *found = NULL, k = 0;

	(void)trend_steps(v[0], n[0], &found, &k);
	for (size_t i = 0; i < k; i++)
		print((double)found[i]);
	free(found);
}

static void normal(void)
{
	print(normal_cdf(arguments[0]));
	print(normal_sf(arguments[0]));
	print(normal_quantile(arguments[1]));
}

static void binomial(void)
{
	print(binomial_cdf((int64_t)arguments[0], (int64_t)arguments[1], arguments[2]));
	print((double)binomial_quantile(arguments[3], (int64_t)arguments[1], arguments[2]));
}

static void histogram(void)
{
	struct histogram *h = calloc(1, sizeof(*h));

	for (size_t i = 0; h && i < n[0]; i++)
		histogram_add(h, (uint64_t)v[0][i]);
	print(h ? histogram_quantile(h, arguments[0]) : NAN);
	free(h);
}

static void share(void)
{
	struct share_metrics m;

	metrics_share(v[0], v[1], NULL, n[0], &m);
	print(m.stp);
	print(m.antt);
	print(m.hmean);
	print(m.fairness);
	print(m.min_max);
}

static const struct {
	const char *name;
	int n_arguments, n_lists;
	void (*run)(void);
} functions[] = {
	{"quantile", 1, 1, quantile},
	{"quantile_interval", 2, 1, quantile_interval},
	{"median_interval", 1, 1, median_interval},
	{"moments", 0, 1, moments},
	{"mann_whitney", 0, 2, mann_whitney},
	{"wilcoxon", 0, 2, wilcoxon},
	{"holm", 0, 1, holm},
	{"ratio", 1, 2, ratio},
	{"mann_kendall", 0, 1, mann_kendall},
	{"theil_sen", 0, 2, theil_sen},
	{"changes", 1, 1, changes},
	{"steps", 0, 1, steps},
	{"normal", 2, 0, normal},
	{"binomial", 4, 0, binomial},
	{"histogram", 1, 1, histogram},
	{"share", 0, 2, share},
};

static int read_list(int k)
{
	double count;

	free(v[k]);
	if (scanf("%lf", &count) != 1)
		return 1;
	n[k] = (size_t)count;
	v[k] = malloc((n[k] + 1) * sizeof(double));
	for (size_t i = 0; v[k] && i < n[k]; i++) {
		if (scanf("%lf", &v[k][i]) != 1)
			return 1;
	}
	return !v[k];
}

int main(void)
{
	char name[64];

	while (scanf("%63s", name) == 1) {
		size_t f = 0;

		while (f < ARRAY_SIZE(functions) && strcmp(functions[f].name, name) != 0)
			f++;
		if (f == ARRAY_SIZE(functions))
			return 2;
		for (int i = 0; i < functions[f].n_arguments; i++) {
			if (scanf("%lf", &arguments[i]) != 1)
				return 2;
		}
		for (int i = 0; i < functions[f].n_lists; i++) {
			if (read_list(i))
				return 2;
		}
		functions[f].run();
		putchar('\n');
	}
	free(v[0]);
	free(v[1]);
	return 0;
}
