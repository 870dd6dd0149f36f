/* SPDX-License-Identifier: MIT */
#include "bench/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/stats.h"

#define STUTTER_WINDOW 31 /* frames around which the median is taken */

void metrics_share(const double *rate, const double *full, const double *share, size_t n,
                   struct share_metrics *ret)
{
	double slow = 0, sum = 0, squares = 0, low = INFINITY, high = 0;
	struct share_metrics m = {.stp = 0};

	for (size_t i = 0; i < n; i++) {
		double progress = rate[i] / full[i], x = share ? progress / share[i] : progress;

		m.stp += progress;
		slow += 1 / progress;
		sum += x;
		squares += x * x;
		low = fmin(low, progress);
		high = fmax(high, progress);
	}
	m.stp = n ? m.stp : NAN;
	m.antt = n ? slow / (double)n : NAN;
	m.hmean = n ? (double)n / slow : NAN;
	m.fairness = squares > 0 ? sum * sum / ((double)n * squares) : NAN;
	m.min_max = high > 0 ? low / high : NAN;
	m.slowest = n ? 1 / low : NAN;
	*ret = m;
}

void metrics_energy(double joules, double seconds, double work, double idle_watts, struct energy_metrics *ret)
{
	double e = joules / work;

	*ret = (struct energy_metrics){
		.joules_per_unit = e,
		.dynamic_joules_per_unit = (joules - idle_watts * seconds) / work,
		.watts = joules / seconds,
		.units_per_joule = work / joules,
		.delay_product = e * seconds / work,
	};
}

double metrics_cost(double seconds, double joules, double work, double price_hour, double price_kwh,
                    double pue)
{
	return (price_hour / 3600 * seconds + joules / 3.6e6 * price_kwh * pue) / work;
}

/* Median of the frames around frame i. */
static double running_median(const double *v, size_t n, size_t i)
{
	size_t half = STUTTER_WINDOW / 2, from = i > half ? i - half : 0,
	       to = i + half + 1 < n ? i + half + 1 : n;
	double window[STUTTER_WINDOW];

	memcpy(window, v + from, (to - from) * sizeof(*v));
	stats_sort(window, to - from);
	return stats_quantile(window, to - from, 0.5);
}

int metrics_frames(const double *seconds, size_t n, struct frame_metrics *ret)
{
	_cleanup_free_ double *sorted = malloc((n + !n) * sizeof(*sorted));
	struct frame_metrics m = {.stutter = 0};
	double all = 0;

	if (!sorted)
		return -ENOMEM;
	if (!n)
		return -EINVAL;
	memcpy(sorted, seconds, n * sizeof(*sorted));
	stats_sort(sorted, n);
	for (size_t i = 0; i < n; i++) {
		all += seconds[i];
		m.stutter += seconds[i] > 2 * running_median(seconds, n, i) ? 1.0 / (double)n : 0;
	}
	m.fps = (double)n / all;
	m.p50 = stats_quantile(sorted, n, 0.5);
	m.p95 = stats_quantile(sorted, n, 0.95);
	m.p99 = stats_quantile(sorted, n, 0.99);
	m.max = sorted[n - 1];
	m.low_1_percent = 1 / m.p99;
	m.jitter = m.p95 - m.p50;
	*ret = m;
	return 0;
}
