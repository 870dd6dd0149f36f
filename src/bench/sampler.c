/* SPDX-License-Identifier: MIT */
/* Samples at absolute times, in the thread that waits anyway. */
#include "bench/sampler.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "platform/platform.h"

#define SECOND_NS    1000000000u
#define DEFAULT_HZ   10u
#define MAX_HZ       1000u
#define DEFAULT_ROWS 36000u
#define BUDGET       0.01

const char *const sampler_phase_names[SAMPLER_PHASES] = {"warm-up", "window", "cool-down"};

struct figures {
	struct sampler_figures f;
	double sum;
};

struct sampler {
	struct sensor_set *set;
	struct platform *p;
	size_t n_sensors;
	uint64_t period_ns, start_ns, due_ns, slow_due_ns;
	bool is_running;
	enum sampler_phase phase;
	/* rows: readings of row i begin at i * n_sensors */
	size_t n_rows, max_rows, kept_each;
	uint64_t *at_ns;
	unsigned char *phases;
	struct sensor_reading *values, *now;
	struct figures *figures; /* phase x sensor */
	struct sampler_cost cost;
};

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	free(s->at_ns);
	free(s->phases);
	free(s->values);
	free(s->now);
	free(s->figures);
	free(s);
}

/* Of the calls with a pace the dearest is made less often; false: there is none. Counters that wrap stay. */
static bool slow_dearest(struct sampler *s, double *share, enum sensor_pace pace)
{
	size_t n = sensor_readers(s->set), dearest = n;

	for (unsigned i = 0; i < n; i++) {
		if (sensor_pace_of(s->set, i) == pace && !(pace == SENSOR_SLOW && sensor_wraps(s->set, i)) &&
		    (dearest == n || share[i] > share[dearest]))
			dearest = i;
	}
	if (dearest == n || share[dearest] <= 0)
		return false;
	if (pace == SENSOR_FAST)
		share[dearest] *= (double)s->period_ns / SECOND_NS;
	else
		share[dearest] = 0;
	sensor_set_pace(s->set, (unsigned)dearest, pace == SENSOR_FAST ? SENSOR_SLOW : SENSOR_EDGE);
	s->cost.n_slowed++;
	return true;
}

static double sum_of(const double *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

/* The dearest calls go down to once a second, and then to the edges, until the rest fits. */
static int fit_budget(struct sampler *s, double budget)
{
	size_t n = sensor_readers(s->set);
	_cleanup_free_ double *share = calloc(n + 1, sizeof(*share));

	if (!share)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		enum sensor_pace pace = sensor_pace_of(s->set, i);
		struct sensor_cost c;

		if (pace == SENSOR_EDGE)
			continue;
		sensor_measure(s->set, i, &c);
		share[i] = (double)c.cpu_ns / (pace == SENSOR_FAST ? (double)s->period_ns : SECOND_NS);
	}
	while (sum_of(share, n) > budget && slow_dearest(s, share, SENSOR_FAST))
		;
	while (sum_of(share, n) > budget && slow_dearest(s, share, SENSOR_SLOW))
		;
	return 0;
}

int sampler_new(struct sensor_set *set, const struct sampler_options *o, struct sampler **ret)
{
	_cleanup_sampler_ struct sampler *s = calloc(1, sizeof(*s));
	unsigned hz = o && o->hz ? o->hz : DEFAULT_HZ;
	int r;

	if (!s)
		return -ENOMEM;
	s->set = set;
	s->p = sensor_platform(set);
	s->n_sensors = sensor_count(set);
	s->period_ns = SECOND_NS / (hz < MAX_HZ ? hz : MAX_HZ);
	s->max_rows = o && o->max_rows > 1 ? o->max_rows : DEFAULT_ROWS;
	s->kept_each = 1;
	s->at_ns = calloc(s->max_rows, sizeof(*s->at_ns));
	s->phases = calloc(s->max_rows, 1);
	s->values = calloc(s->max_rows * s->n_sensors + 1, sizeof(*s->values));
	s->now = calloc(s->n_sensors + 1, sizeof(*s->now));
	s->figures = calloc(SAMPLER_PHASES * s->n_sensors + 1, sizeof(*s->figures));
	if (!s->at_ns || !s->phases || !s->values || !s->now || !s->figures)
		return -ENOMEM;
	r = fit_budget(s, o && o->budget > 0 ? o->budget : BUDGET);
	if (r < 0)
		return r;
	*ret = steal_ptr(s);
	return 0;
}

/* --- keeping --- */

static void thin(struct sampler *s)
{
	size_t n = 0, width = s->n_sensors * sizeof(*s->values);

	for (size_t i = 0; i < s->n_rows; i += 2, n++) {
		s->at_ns[n] = s->at_ns[i];
		s->phases[n] = s->phases[i];
		memmove(s->values + n * s->n_sensors, s->values + i * s->n_sensors, width);
	}
	s->n_rows = n;
	s->kept_each *= 2;
}

static void keep_row(struct sampler *s, uint64_t at_ns)
{
	if (s->n_rows == s->max_rows)
		thin(s);
	s->at_ns[s->n_rows] = at_ns;
	s->phases[s->n_rows] = (unsigned char)s->phase;
	memcpy(s->values + s->n_rows * s->n_sensors, s->now, s->n_sensors * sizeof(*s->now));
	s->n_rows++;
}

static void add_figures(struct sampler *s, enum sampler_phase phase)
{
	for (size_t i = 0; i < s->n_sensors; i++) {
		struct figures *f = &s->figures[phase * s->n_sensors + i];
		int64_t v = s->now[i].value;

		if (!s->now[i].is_known)
			continue;
		if (f->f.n == 0) {
			f->f.min = f->f.max = f->f.first = v;
		}
		f->f.n++;
		f->f.last = v;
		f->f.min = v < f->f.min ? v : f->f.min;
		f->f.max = v > f->f.max ? v : f->f.max;
		f->sum += (double)v;
		if (sensor_kinds[sensor_at(s->set, i)->quantity].form != SENSOR_FLAGS)
			continue;
		f->f.flags |= (unsigned)v;
		f->f.n_thermal += ((unsigned)v & THROTTLE_THERMAL) != 0;
	}
}

/* --- taking --- */

static void take(struct sampler *s, unsigned paces, bool is_edge, enum sampler_phase next)
{
	struct platform *p = s->p;
	uint64_t wall = p->ops->now_ns(p), cpu = p->ops->thread_cpu_ns(p), took;
	bool was_running = s->is_running;

	sensor_read(s->set, paces, s->now);
	/* An edge belongs to the phase that ends and to the one that begins. */
	if (was_running)
		add_figures(s, s->phase);
	if (is_edge && (!was_running || next != s->phase))
		add_figures(s, next);
	if (is_edge)
		s->phase = next;
	if (is_edge || s->cost.samples % s->kept_each == 0)
		keep_row(s, wall);
	s->cost.samples++;
	took = p->ops->now_ns(p) - wall;
	s->cost.longest_ns = took > s->cost.longest_ns ? took : s->cost.longest_ns;
	s->cost.cpu_ns += p->ops->thread_cpu_ns(p) - cpu;
}

void sampler_begin(struct sampler *s, enum sampler_phase phase)
{
	uint64_t now = s->p->ops->now_ns(s->p);

	if (!s->is_running)
		s->start_ns = now;
	take(s, SENSOR_ALL_PACES, true, phase);
	s->is_running = true;
	s->due_ns = now + s->period_ns;
	s->slow_due_ns = now + SECOND_NS;
}

void sampler_end(struct sampler *s)
{
	if (!s->is_running)
		return;
	take(s, SENSOR_ALL_PACES, true, s->phase);
	s->is_running = false;
	s->cost.wall_ns = s->p->ops->now_ns(s->p) - s->start_ns;
}

uint64_t sampler_due_ns(const struct sampler *s)
{
	return s->due_ns;
}

bool sampler_step(struct sampler *s)
{
	uint64_t now = s->p->ops->now_ns(s->p), late;
	unsigned paces = 1u << SENSOR_FAST;

	if (!s->is_running || now < s->due_ns)
		return false;
	/* What was missed stays missed: catching up would disturb just then. */
	late = (now - s->due_ns) / s->period_ns;
	s->cost.missed += late;
	s->due_ns += (late + 1) * s->period_ns;
	if (now >= s->slow_due_ns) {
		paces |= 1u << SENSOR_SLOW;
		s->slow_due_ns += ((now - s->slow_due_ns) / SECOND_NS + 1) * SECOND_NS;
	}
	take(s, paces, false, s->phase);
	return true;
}

void sampler_wait(struct sampler *s, uint64_t until_ns)
{
	while (s->is_running && s->due_ns < until_ns) {
		s->p->ops->sleep_until_ns(s->p, s->due_ns);
		sampler_step(s);
	}
	s->p->ops->sleep_until_ns(s->p, until_ns);
}

/* --- telling --- */

size_t sampler_rows(const struct sampler *s)
{
	return s->n_rows;
}

struct sampler_row sampler_row(const struct sampler *s, size_t i)
{
	return (struct sampler_row){.at_ns = s->at_ns[i],
	                            .phase = (enum sampler_phase)s->phases[i],
	                            .v = s->values + i * s->n_sensors};
}

struct sampler_figures sampler_figures(const struct sampler *s, enum sampler_phase phase, size_t sensor)
{
	const struct figures *f = &s->figures[phase * s->n_sensors + sensor];
	struct sampler_figures ret = f->f;

	ret.mean = f->f.n ? f->sum / (double)f->f.n : NAN;
	return ret;
}

struct sampler_cost sampler_cost(const struct sampler *s)
{
	struct sampler_cost c = s->cost;

	if (s->is_running)
		c.wall_ns = s->p->ops->now_ns(s->p) - s->start_ns;
	c.kept_each = s->kept_each;
	c.cpu_share = c.wall_ns ? (double)c.cpu_ns / (double)c.wall_ns : NAN;
	return c;
}

void sampler_print(const struct sampler *s, struct strbuf *b)
{
	strbuf_add(b, "seconds,phase");
	for (size_t i = 0; i < s->n_sensors; i++) {
		const struct sensor *x = sensor_at(s->set, i);

		strbuf_addf(b, ",%s/%s", x->device, sensor_kinds[x->quantity].key);
	}
	strbuf_add(b, "\n");
	for (size_t i = 0; i < s->n_rows; i++) {
		struct sampler_row row = sampler_row(s, i);

		strbuf_addf(b, "%.6f,%s", (double)(row.at_ns - s->start_ns) / SECOND_NS,
		            sampler_phase_names[row.phase]);
		for (size_t k = 0; k < s->n_sensors; k++) {
			strbuf_addc(b, ',');
			if (row.v[k].is_known)
				strbuf_addf(b, "%" PRId64, row.v[k].value);
		}
		strbuf_addc(b, '\n');
	}
}
