/* SPDX-License-Identifier: MIT */
/* Looking at energy counters: self-test and edges. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "bench/energy.h"
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

void energy_edge_take(struct sensor_set *set, size_t sensor, const struct energy_traits *t,
                      struct energy_edge *ret)
{
	struct counter_view c = {.set = set, .p = sensor_platform(set), .sensor = sensor};
	uint64_t start = now_ns(&c), poll = t->tick_ns / 10 > MIN_POLL_NS ? t->tick_ns / 10 : MIN_POLL_NS;
	struct energy_point last, v;

	*ret = (struct energy_edge){0};
	if (!look(&c, &last, NULL))
		return;
	ret->is_known = true;
	for (v = last; !ret->is_aligned && now_ns(&c) - start < 2 * t->tick_ns; last = v) {
		sleep_until(&c, now_ns(&c) + poll);
		if (!look(&c, &v, NULL)) {
			ret->is_known = false;
			return;
		}
		ret->is_aligned = v.uj != last.uj;
		ret->gap_ns = v.at_ns - last.at_ns;
	}
	ret->at_ns = v.at_ns;
	ret->uj = v.uj;
	ret->resets = sensor_at(set, sensor)->resets;
}
