/* SPDX-License-Identifier: MIT */
/* Looking at energy counters: self-test and edges. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "bench/energy.h"
#include "bench/sampler.h"
#include "platform/platform.h"

#define MS           1000000u
#define POLL_NS      MS
#define SETTLE_NS    (3000u * (uint64_t)MS)
#define ENOUGH_TICKS 20u
#define MIN_POLL_NS  50000u

struct counter_view {
	struct sensor_set *set;
	struct platform *p;
	size_t sensor;
};

static uint64_t now_ns(const struct counter_view *c)
{
	return c->p->ops->now_ns(c->p);
}

static void sleep_until(const struct counter_view *c, uint64_t at_ns)
{
	c->p->ops->sleep_until_ns(c->p, at_ns);
}

/* One reading; its time is the middle of the call. */
static bool look(const struct counter_view *c, struct energy_point *ret, uint64_t *ret_wall)
{
	struct sensor_reading v;
	uint64_t before = now_ns(c), after;

	sensor_read_one(c->set, c->sensor, &v);
	after = now_ns(c);
	*ret = (struct energy_point){.at_ns = before + (after - before) / 2, .uj = (uint64_t)v.value};
	if (ret_wall)
		*ret_wall = after - before;
	return v.is_known;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* Polls until there are enough ticks or the time is over. */
static int poll_counter(const struct counter_view *c, uint64_t poll_ns, uint64_t settle_ns,
                        struct energy_traits *ret)
{
	size_t max = settle_ns / poll_ns + 2, n = 0, ticks = 0;
	_cleanup_free_ struct energy_point *v = calloc(max, sizeof(*v));
	_cleanup_free_ uint64_t *walls = calloc(max, sizeof(*walls));
	uint64_t start = now_ns(c), cpu = c->p->ops->thread_cpu_ns(c->p);
	unsigned resets = sensor_at(c->set, c->sensor)->resets;

	if (!v || !walls)
		return -ENOMEM;
	while (n < max && ticks <= ENOUGH_TICKS && now_ns(c) - start < settle_ns) {
		if (!look(c, &v[n], &walls[n]))
			break;
		ticks += n && v[n].uj != v[n - 1].uj;
		n++;
		sleep_until(c, now_ns(c) + poll_ns);
	}
	cpu = c->p->ops->thread_cpu_ns(c->p) - cpu;
	energy_traits_of(v, n, ret);
	if (sensor_at(c->set, c->sensor)->resets != resets) {
		ret->is_usable = false;
		text_copy(ret->reason, sizeof(ret->reason), "the counter stepped backwards");
	}
	if (n) {
		qsort(walls, n, sizeof(*walls), by_value);
		ret->cost_ns = walls[n / 2];
		ret->cost_cpu_ns = cpu / n;
	}
	return 0;
}

/*
 * Power by the counter and by the power sensor over one time, the counter read each `every_ns`. Its ends are
 * ticks. *ret NAN: one of them did not answer.
 */
static void compare(const struct counter_view *c, const struct energy_traits *t, int power, uint64_t every_ns,
                    uint64_t time_ns, double *ret, double *ret_counter, double *ret_sensor)
{
	struct energy_edge a, b;
	struct energy_point unused;
	uint64_t next, power_due;
	double sum = 0;
	size_t n = 0;

	*ret = *ret_counter = *ret_sensor = NAN;
	energy_edge_take(c->set, c->sensor, t, &a);
	next = power_due = now_ns(c);
	while (a.is_known && now_ns(c) - a.at_ns < time_ns) {
		struct sensor_reading v;

		if (now_ns(c) >= power_due) {
			sensor_read_one(c->set, (size_t)power, &v);
			sum += v.is_known ? (double)v.value / 1000 : 0;
			n += v.is_known;
			power_due += 50 * MS;
		}
		if (every_ns && now_ns(c) >= next) {
			(void)look(c, &unused, NULL);
			next += every_ns;
		}
		sleep_until(c, every_ns && next < power_due ? next : power_due);
	}
	energy_edge_take(c->set, c->sensor, t, &b);
	if (!a.is_known || !b.is_known || a.resets != b.resets || b.at_ns <= a.at_ns || !n)
		return;
	*ret_counter = (double)(b.uj - a.uj) * 1e-6 / ((double)(b.at_ns - a.at_ns) * 1e-9);
	*ret_sensor = sum / (double)n;
	if (*ret_sensor > 0)
		*ret = *ret_counter / *ret_sensor;
}

/* Power of the same device; what the board averages will do for a steady load. */
static int find_power(const struct counter_view *c)
{
	const char *device = sensor_at(c->set, c->sensor)->device;
	int r = sensor_find(c->set, SENSOR_POWER, device);

	return r >= 0 ? r : sensor_find(c->set, SENSOR_POWER_AVERAGE, device);
}

int energy_test(struct sensor_set *set, size_t sensor, const struct energy_test_options *o,
                struct energy_traits *ret)
{
	static const unsigned every_ms[ENERGY_RATES] = {1, 10, 100, 1000};
	struct counter_view c = {.set = set, .p = sensor_platform(set), .sensor = sensor};
	int power, r;

	if (sensor >= sensor_count(set) || sensor_at(set, sensor)->quantity != SENSOR_ENERGY)
		return -EINVAL;
	r = poll_counter(&c, o->poll_ns ? o->poll_ns : POLL_NS, o->settle_ns ? o->settle_ns : SETTLE_NS, ret);
	power = find_power(&c);
	if (r < 0 || !ret->is_usable || power < 0)
		return r;
	if (o->agree_ns)
		compare(&c, ret, power, 0, o->agree_ns, &ret->agreement, &ret->counter_w, &ret->sensor_w);
	for (size_t i = 0; i < ENERGY_RATES && o->with_rates; i++) {
		uint64_t time = every_ms[i] * 3 > 1000 ? every_ms[i] * 3 : 1000;
		double unused[2];

		ret->rates[i].every_ns = (uint64_t)every_ms[i] * MS;
		compare(&c, ret, power, ret->rates[i].every_ns, time * MS, &ret->rates[i].agreement,
		        &unused[0], &unused[1]);
	}
	return 0;
}

/* --- edges --- */

static void start_wait(const struct counter_view *v, struct energy_counter *c, struct energy_wait_one *w)
{
	uint64_t tick = c->traits->tick_ns;
	struct energy_point first;

	c->edge = (struct energy_edge){0};
	*w = (struct energy_wait_one){.start_ns = now_ns(v),
	                              .poll_ns = tick / 10 > MIN_POLL_NS ? tick / 10 : MIN_POLL_NS};
	c->edge.is_known = look(v, &first, NULL);
	c->edge.at_ns = w->last_at_ns = first.at_ns;
	c->edge.uj = w->last_uj = first.uj;
	w->is_over = !c->edge.is_known;
	w->due_ns = now_ns(v) + w->poll_ns;
}

static void poll_edge(const struct counter_view *v, struct energy_counter *c, struct energy_wait_one *w)
{
	struct energy_point p;

	c->edge.is_known = look(v, &p, NULL);
	c->edge.is_aligned = c->edge.is_known && p.uj != w->last_uj;
	c->edge.gap_ns = p.at_ns - w->last_at_ns;
	c->edge.at_ns = w->last_at_ns = p.at_ns;
	c->edge.uj = w->last_uj = p.uj;
	c->edge.resets = sensor_at(v->set, c->sensor)->resets;
	w->due_ns = now_ns(v) + w->poll_ns;
	w->is_over =
		!c->edge.is_known || c->edge.is_aligned || now_ns(v) - w->start_ns >= 2 * c->traits->tick_ns;
}

void energy_wait_begin(struct energy_wait *w, struct sensor_set *set, struct energy_counter *c, size_t n)
{
	struct counter_view v = {.set = set, .p = sensor_platform(set)};

	w->set = set;
	w->c = c;
	w->n = n < ENERGY_COUNTERS_MAX ? n : ENERGY_COUNTERS_MAX;
	for (size_t i = 0; i < w->n; i++) {
		v.sensor = c[i].sensor;
		start_wait(&v, &c[i], &w->v[i]);
	}
}

uint64_t energy_wait_step(struct energy_wait *w)
{
	struct counter_view v = {.set = w->set, .p = sensor_platform(w->set)};
	uint64_t next = 0;

	for (size_t i = 0; i < w->n; i++) {
		struct energy_wait_one *one = &w->v[i];

		v.sensor = w->c[i].sensor;
		if (!one->is_over && now_ns(&v) >= one->due_ns)
			poll_edge(&v, &w->c[i], one);
		if (!one->is_over && (!next || one->due_ns < next))
			next = one->due_ns;
	}
	return next;
}

void energy_edges_take(struct sensor_set *set, struct energy_counter *c, size_t n)
{
	struct energy_wait w;
	uint64_t next;

	energy_wait_begin(&w, set, c, n);
	while ((next = energy_wait_step(&w)) != 0)
		sensor_platform(set)->ops->sleep_until_ns(sensor_platform(set), next);
}

void energy_edge_take(struct sensor_set *set, size_t sensor, const struct energy_traits *t,
                      struct energy_edge *ret)
{
	struct energy_counter c = {.sensor = sensor, .traits = t};

	energy_edges_take(set, &c, 1);
	*ret = c.edge;
}

int energy_of_samples(const struct sampler *s, size_t sensor, uint64_t from_ns, uint64_t to_ns,
                      struct energy *ret)
{
	size_t n = sampler_rows(s);
	_cleanup_free_ struct power_point *v = calloc(n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct sampler_row row = sampler_row(s, i);

		v[i].at_ns = row.at_ns;
		v[i].w = row.v[sensor].is_known ? (double)row.v[sensor].value / 1000 : NAN;
	}
	energy_integrate(v, n, from_ns, to_ns, ret);
	return 0;
}
