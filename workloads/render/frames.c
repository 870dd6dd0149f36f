/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "bench/stats.h"

#define NS_IN_S  1e9
#define NS_IN_MS 1e6
#define RUNNING  31 /* frames that the running median looks back on: half a second at 60 a second */

struct frame *frames_add(struct frame_list *l, uint64_t due_ns)
{
	struct frame *f = list_add(l);

	if (f)
		*f = (struct frame){.due_ns = due_ns};
	return f;
}

void frames_done(struct frame_list *l)
{
	free(l->v);
	*l = (struct frame_list){0};
}

void frames_settle(struct frame_list *l, uint64_t end_ns)
{
	for (size_t i = l->n; i-- > 0;) {
		if (!l->v[i].end_ns) {
			l->v[i].is_left_out = true;
			l->v[i].end_ns = end_ns;
		}
		end_ns = l->v[i].end_ns;
	}
}

static double time_ms(const struct frame *f)
{
	return f->end_ns > f->due_ns ? (double)(f->end_ns - f->due_ns) / NS_IN_MS : 0;
}

/* Of the frames before this one: a slow stretch is no stutter, a single slow frame is. */
static double running_median(const double *v, size_t i)
{
	size_t n = i < RUNNING ? i : RUNNING;
	double window[RUNNING];

	memcpy(window, v + i - n, n * sizeof(*window));
	stats_sort(window, n);
	return stats_quantile(window, n, 0.5);
}

static double stutter_share(const double *v, size_t n)
{
	size_t slow = 0;

	for (size_t i = 1; i < n; i++)
		slow += v[i] > 2 * running_median(v, i);
	return (double)slow / (double)n;
}

static size_t count_dropped(const struct frame_list *l, uint64_t period_ns)
{
	size_t n = 0;

	for (size_t i = 0; period_ns && i < l->n; i++)
		n += l->v[i].is_left_out || l->v[i].end_ns > l->v[i].due_ns + 2 * period_ns;
	return n;
}

int frames_metrics(const struct frame_list *l, uint64_t begin_ns, uint64_t end_ns, uint64_t period_ns,
                   struct frame_metrics *ret)
{
	_cleanup_free_ double *v = malloc((l->n + 1) * sizeof(*v));
	struct frame_metrics m = {.due = l->n, .p99_low = NAN, .p99_high = NAN};
	struct interval range;
	double level;

	if (!v)
		return -ENOMEM;
	if (!l->n)
		return -ENODATA;
	for (size_t i = 0; i < l->n; i++) {
		v[i] = time_ms(&l->v[i]);
		m.shown += !l->v[i].is_left_out;
	}
	m.stutter = stutter_share(v, l->n);
	stats_sort(v, l->n);
	m.p50 = stats_quantile(v, l->n, 0.5);
	m.p95 = stats_quantile(v, l->n, 0.95);
	m.p99 = stats_quantile(v, l->n, 0.99);
	m.max = v[l->n - 1];
	if (stats_quantile_interval(v, l->n, 0.99, 0.95, &range, &level) == 0) {
		m.p99_low = range.low;
		m.p99_high = range.high;
	}
	m.seconds = (double)(end_ns - begin_ns) / NS_IN_S;
	m.fps = m.seconds > 0 ? (double)m.shown / m.seconds : NAN;
	m.low_1 = m.p99 > 0 ? 1000 / m.p99 : NAN;
	m.jitter = m.p95 - m.p50;
	m.dropped = (double)count_dropped(l, period_ns) / (double)l->n;
	*ret = m;
	return 0;
}
