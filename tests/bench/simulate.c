/* SPDX-License-Identifier: MIT */
/*
 * simulate [SAMPLES]: what the statistics promise, on simulated trials of a seed. How often the 95 % interval
 * has the true median in it; how often two equal things are called different; how often a true difference of
 * 5 % is found, and with how many trials it is found as often as planned; how often a series is said to have
 * a step.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "bench/compare.h"
#include "bench/distribution.h"
#include "bench/random.h"
#include "bench/stats.h"
#include "bench/trend.h"

#define RESAMPLES  2000
#define TRIALS_MAX 160
#define POWER      80.0 /* percent, of which a number of trials is planned */

static double normal(struct random *r)
{
	return normal_quantile((random_unit(r) * 0x1p53 + 0.5) / (0x1p53 + 1));
}

/* All around a median of 100. */
static double draw_normal(struct random *r)
{
	return 100 + 2 * normal(r);
}

static double draw_lognormal(struct random *r)
{
	return 100 * exp(0.1 * normal(r));
}

static double draw_bimodal(struct random *r)
{
	return (random_below(r, 2) ? 97 : 103) + normal(r);
}

static double draw_heavy(struct random *r) /* Student's t, 2 degrees of freedom */
{
	double z = normal(r), a = normal(r), b = normal(r);

	return 100 + z / sqrt((a * a + b * b) / 2);
}

static const struct {
	const char *name;
	double (*draw)(struct random *r);
} distributions[] = {{"normal", draw_normal},
                     {"log-normal", draw_lognormal},
                     {"bimodal", draw_bimodal},
                     {"heavy tail", draw_heavy}};

static int coverage(struct random *r, unsigned samples)
{
	static const size_t sizes[] = {5, 10, 20, 30};
	double v[32];
	int bad = 0;

	for (size_t d = 0; d < ARRAY_SIZE(distributions); d++) {
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			unsigned hits[2] = {0};

			for (unsigned i = 0; i < samples; i++) {
				struct interval ci[2];

				for (size_t k = 0; k < sizes[s]; k++)
					v[k] = distributions[d].draw(r);
				for (int kind = 0; kind < 2; kind++) {
					if (stats_median_interval(v, sizes[s], (enum bootstrap)kind, 0.95,
					                          &ci[kind]) < 0)
						return 1;
					hits[kind] += ci[kind].low <= 100 && ci[kind].high >= 100;
				}
			}
			double share = 100.0 * hits[0] / samples, bca = 100.0 * hits[1] / samples;

			printf("coverage, %-10s n = %2zu: %5.1f %% (BCa %5.1f %%)%s\n", distributions[d].name,
			       sizes[s], share, bca,
			       share < 93   ? "  short"
			       : share > 97 ? "  wide"
			                    : "");
			bad += share < 90;
		}
	}
	return bad;
}

/* Share of comparisons that find a difference when B is `factor` times A. */
static double differences(struct random *r, size_t d, size_t n, double factor, unsigned samples)
{
	double a[TRIALS_MAX], b[TRIALS_MAX];
	unsigned found = 0;

	for (unsigned i = 0; i < samples; i++) {
		struct comparison_input in = {.a = a, .b = b, .n_a = n, .n_b = n, .higher_is_better = true};
		struct comparison c;

		for (size_t k = 0; k < n; k++) {
			a[k] = distributions[d].draw(r);
			b[k] = factor * distributions[d].draw(r);
		}
		if (compare_all(&in, 1, COMPARE_MARGIN, i, &c) < 0)
			return NAN;
		found += c.verdict == VERDICT_BETTER || c.verdict == VERDICT_WORSE;
	}
	return 100.0 * found / samples;
}

/* The same with trials that took turns on a machine that drifts by 10 % from block to block. */
static double paired_differences(struct random *r, size_t n, double factor, bool is_paired, unsigned samples)
{
	double a[TRIALS_MAX], b[TRIALS_MAX];
	unsigned found = 0;

	for (unsigned i = 0; i < samples; i++) {
		struct comparison_input in = {
			.a = a, .b = b, .n_a = n, .n_b = n, .is_paired = is_paired, .higher_is_better = true};
		struct comparison c;

		for (size_t k = 0; k < n; k++) {
			double block = exp(0.1 * normal(r));

			a[k] = block * draw_normal(r);
			b[k] = factor * block * draw_normal(r);
		}
		if (compare_all(&in, 1, COMPARE_MARGIN, i, &c) < 0)
			return NAN;
		found += c.verdict == VERDICT_BETTER || c.verdict == VERDICT_WORSE;
	}
	return 100.0 * found / samples;
}

static int pairs(struct random *r, unsigned samples)
{
	static const size_t sizes[] = {6, 10, 20};
	int bad = 0;

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		double same = paired_differences(r, sizes[s], 1, true, samples);

		printf("blocks that drift, n = %2zu: A/A %.1f %% called different; of true differences of 8 %% %.1f %% found, %.1f %% without pairing\n",
		       sizes[s], same, paired_differences(r, sizes[s], 1.08, true, samples),
		       paired_differences(r, sizes[s], 1.08, false, samples));
		bad += !(same <= 5);
	}
	return bad;
}

/* How often steps are seen: where there is none, where there is one of three deviations, and on a ramp. */
static int steps(struct random *r, unsigned samples)
{
	static const size_t sizes[] = {10, 12, 20, 30};
	int bad = 0;

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		unsigned seen[3] = {0};

		for (unsigned i = 0; i < 3 * samples; i++) {
			double v[32];
			size_t *at = NULL, n = 0;

			for (size_t k = 0; k < sizes[s]; k++)
				v[k] = draw_normal(r) + (i % 3 == 1 && k >= sizes[s] / 2 ? 6 : 0) +
				       (i % 3 == 2 ? 2 * (double)k : 0);
			if (trend_steps(v, sizes[s], &at, &n) < 0)
				return 1;
			seen[i % 3] += n > 0;
			free(at);
		}
		printf("steps, n = %2zu: %.1f %% of noise, %.1f %% of ramps are said to have one; of steps of 3 deviations %.1f %% found\n",
		       sizes[s], 100.0 * seen[0] / samples, 100.0 * seen[2] / samples,
		       100.0 * seen[1] / samples);
		bad += seen[0] * 100 > 8 * samples;
	}
	return bad;
}

/* So many trials of each find a true difference of 5 % with the power that is planned for. */
static int power(struct random *r, unsigned samples)
{
	static const size_t trials[] = {6, 120, 64, 7}; /* as the distributions */
	int bad = 0;

	for (size_t d = 0; d < ARRAY_SIZE(distributions); d++) {
		double found = differences(r, d, trials[d], 1.05, samples);

		printf("power, %-10s n = %3zu: %.1f %% of true differences of 5 %% found\n",
		       distributions[d].name, trials[d], found);
		bad += !(found >= POWER);
	}
	return bad;
}

int main(int argc, char **argv)
{
	unsigned samples = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;
	struct random r = random_seeded(42);
	int bad = coverage(&r, samples);

	for (size_t d = 0; d < ARRAY_SIZE(distributions); d++) {
		double same = differences(&r, d, 10, 1, samples / 2),
		       other = differences(&r, d, 10, 1.05, samples / 2);

		printf("A/A, %-10s n = 10: %.1f %% called different; of true differences of 5 %% %.1f %% found\n",
		       distributions[d].name, same, other);
		bad += !(same <= 5);
	}
	bad += pairs(&r, samples / 2);
	bad += steps(&r, samples / 2);
	bad += power(&r, samples / 4);
	return bad != 0;
}
