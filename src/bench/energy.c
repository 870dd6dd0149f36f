/* SPDX-License-Identifier: MIT */
/* Arithmetic of energy counters. Pure; reading them is in energy_read.c. */
#include "bench/energy.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strv.h"

#define SECOND 1e9
#define MICRO  1e-6

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return n % 2 ? v[n / 2] : v[n / 2 - 1] + (v[n / 2] - v[n / 2 - 1]) / 2;
}

static void refuse(struct energy_traits *t, const char *why)
{
	t->is_usable = false;
	text_copy(t->reason, sizeof(t->reason), why);
}

/* Changes of the counter: times and steps, from the first change on. Returns the number of steps. */
static size_t find_steps(const struct energy_point *v, size_t n, uint64_t *times, uint64_t *steps,
                         uint64_t *ret_quantum)
{
	uint64_t last_at = 0;
	size_t found = 0;

	*ret_quantum = 0;
	for (size_t i = 1; i < n; i++) {
		if (v[i].uj == v[i - 1].uj)
			continue;
		*ret_quantum = gcd(*ret_quantum, v[i].uj - v[i - 1].uj);
		if (last_at) {
			times[found] = v[i].at_ns - last_at;
			steps[found++] = v[i].uj - v[i - 1].uj;
		}
		last_at = v[i].at_ns;
	}
	return found;
}

static double sum(const uint64_t *v, size_t n)
{
	double all = 0;

	for (size_t i = 0; i < n; i++)
		all += (double)v[i];
	return all;
}

void energy_traits_of(const struct energy_point *v, size_t n, struct energy_traits *ret)
{
	uint64_t *times, *steps;

	*ret = (struct energy_traits){.agreement = NAN, .counter_w = NAN, .sensor_w = NAN, .watts = NAN};
	for (size_t i = 0; i < ENERGY_RATES; i++)
		ret->rates[i].agreement = NAN;
	if (n < 2) {
		refuse(ret, "the counter cannot be read");
		return;
	}
	for (size_t i = 1; i < n; i++) {
		if (v[i].uj < v[i - 1].uj) {
			refuse(ret, "the counter stepped backwards");
			return;
		}
	}
	ret->poll_ns = (v[n - 1].at_ns - v[0].at_ns) / (n - 1);
	if (v[n - 1].uj == v[0].uj) {
		refuse(ret, "the counter stands still");
		return;
	}
	times = calloc(n, sizeof(*times));
	steps = calloc(n, sizeof(*steps));
	if (times && steps)
		ret->ticks = find_steps(v, n, times, steps, &ret->quantum_uj);
	if (ret->ticks < 2) {
		refuse(ret, times && steps ? "the counter changed less than three times" : "out of memory");
	} else {
		ret->tick_ns = median(times, ret->ticks); /* sorts */
		ret->tick_min_ns = times[0];
		ret->tick_max_ns = times[ret->ticks - 1];
		ret->step_uj = median(steps, ret->ticks);
		ret->watched_s = sum(times, ret->ticks) / SECOND;
		ret->watts = sum(steps, ret->ticks) * MICRO / ret->watched_s;
		ret->is_usable = true;
	}
	free(times);
	free(steps);
}

/* --- windows --- */

__attribute__((format(printf, 2, 3))) static void refuse_window(struct energy *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->reason, sizeof(e->reason), fmt, ap);
	va_end(ap);
	e->source = ENERGY_NONE;
	e->label[0] = '\0';
	e->j = e->u_j = NAN;
}

static void start_window(struct energy *e, enum energy_source source, uint64_t from_ns, uint64_t to_ns)
{
	*e = (struct energy){.source = source,
	                     .j = NAN,
	                     .u_j = NAN,
	                     .gain = ENERGY_GAIN,
	                     .from_ns = from_ns,
	                     .to_ns = to_ns,
	                     .window_s = to_ns > from_ns ? (double)(to_ns - from_ns) / SECOND : 0};
}

/* Uniform over its resolution, and over the time in which the change may have been, at the window's power. */
static double edge_variance(const struct energy_edge *e, const struct energy_traits *t, double w)
{
	double value = (double)t->quantum_uj * MICRO / sqrt(3),
	       time = (double)e->gap_ns / SECOND * w / sqrt(3);

	return value * value + time * time;
}

void energy_window(const struct energy_edge *a, const struct energy_edge *b, const struct energy_traits *t,
                   const char *source, struct energy *ret)
{
	double w;

	start_window(ret, ENERGY_COUNTER, a->at_ns, b->at_ns);
	if (!t->is_usable) {
		refuse_window(ret, "%s", t->reason);
		return;
	}
	if (!a->is_known || !b->is_known) {
		refuse_window(ret, "the counter could not be read at the %s", a->is_known ? "end" : "start");
		return;
	}
	if (a->resets != b->resets || b->uj < a->uj) {
		refuse_window(ret, "the counter stepped backwards in the window");
		return;
	}
	if (!a->is_aligned || !b->is_aligned) {
		refuse_window(ret, "the counter did not change within two ticks at the %s",
		              a->is_aligned ? "end" : "start");
		return;
	}
	if (ret->to_ns <= ret->from_ns || ret->to_ns - ret->from_ns < ENERGY_MIN_TICKS * t->tick_ns) {
		refuse_window(ret, "the window of %.3f s is shorter than %u ticks of %.3f s", ret->window_s,
		              ENERGY_MIN_TICKS, (double)t->tick_ns / SECOND);
		return;
	}
	ret->j = (double)(b->uj - a->uj) * MICRO;
	w = ret->j / ret->window_s;
	ret->u_j = sqrt(edge_variance(a, t, w) + edge_variance(b, t, w));
	snprintf(ret->label, sizeof(ret->label), "%.23s-counter", source);
}

/* Power between two points, in a line. */
static double power_at(const struct power_point *a, const struct power_point *b, uint64_t at_ns)
{
	double part = b->at_ns > a->at_ns ? (double)(at_ns - a->at_ns) / (double)(b->at_ns - a->at_ns) : 0;

	return a->w + (b->w - a->w) * part;
}

/* The longest time without a known sample that is bridged: three usual gaps, and at least 0.3 s. */
static uint64_t longest_bridge(const struct power_point *v, size_t n)
{
	uint64_t usual = n > 1 ? (v[n - 1].at_ns - v[0].at_ns) / (n - 1) : 0;

	return 3 * usual > 300000000u ? 3 * usual : 300000000u;
}

void energy_integrate(const struct power_point *v, size_t n, uint64_t from_ns, uint64_t to_ns,
                      struct energy *ret)
{
	const struct power_point *last = NULL;
	uint64_t bridge = longest_bridge(v, n), covered = from_ns;
	double j = 0, squares = 0;

	start_window(ret, ENERGY_INTEGRATED, from_ns, to_ns);
	if (ret->window_s < ENERGY_MIN_POWER_S) {
		refuse_window(ret, "the window of %.3f s is shorter than the %.0f s that sampled power needs",
		              ret->window_s, ENERGY_MIN_POWER_S);
		return;
	}
	for (size_t i = 0; i < n && covered < to_ns; i++) {
		uint64_t begin, end;
		double area, gap;

		if (isnan(v[i].w))
			continue;
		if (last && v[i].at_ns - last->at_ns <= bridge && v[i].at_ns > covered &&
		    last->at_ns <= covered) {
			begin = covered;
			end = v[i].at_ns < to_ns ? v[i].at_ns : to_ns;
			gap = (double)(end - begin) / SECOND;
			area = (power_at(last, &v[i], begin) + power_at(last, &v[i], end)) / 2 * gap;
			j += area;
			/* how far the true power may have been off the line between two samples */
			squares += pow((v[i].w - last->w) * gap, 2) / 12;
			covered = end;
		}
		last = &v[i];
	}
	if (covered < to_ns) {
		refuse_window(ret, "power is not known from %.3f s of the window on",
		              (double)(covered - from_ns) / SECOND);
		return;
	}
	ret->j = j;
	ret->u_j = sqrt(squares);
	text_copy(ret->label, sizeof(ret->label), "power-integrated");
}

/* --- estimates --- */

int energy_estimate_share(const struct energy *board, double idle_w, const double *share,
                          const double *activity, size_t n, size_t i, struct energy_estimate *ret)
{
	double shares = 0, activities = 0, idle_j, rest_j, part;

	if (i >= n || isnan(board->j) || !(idle_w >= 0))
		return -EINVAL;
	for (size_t k = 0; k < n; k++) {
		if (!(share[k] >= 0) || !(activity[k] >= 0))
			return -EINVAL;
		shares += share[k];
		activities += activity[k];
	}
	if (!(shares > 0))
		return -EINVAL;
	idle_j = idle_w * board->window_s;
	if (idle_j > board->j)
		idle_j = board->j;
	rest_j = board->j - idle_j;
	part = activities > 0 ? activity[i] / activities : share[i] / shares;
	ret->j = idle_j * share[i] / shares + rest_j * part;
	snprintf(ret->model, sizeof(ret->model), "estimate, not measured: idle by share, rest by %s",
	         activities > 0 ? "activity" : "share");
	return 0;
}
