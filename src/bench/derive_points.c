/* SPDX-License-Identifier: MIT */
/* From the values of a trial to rates of work, and what follows from them without looking at another cell. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/strv.h"
#include "bench/derive.h"
#include "bench/metrics.h"

/* --- which metric is the work --- */

static const struct {
	const char *name;
	double seconds;
} times[] = {{"s", 1},    {"ms", 1e-3}, {"us", 1e-6}, {"\xc2\xb5s", 1e-6}, {"ns", 1e-9},
             {"min", 60}, {"h", 3600},  {"d", 86400}, {"day", 86400},      {"hour", 3600}};

double work_seconds_of(const char *unit)
{
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		if (strcmp(times[i].name, unit) == 0)
			return times[i].seconds;
	}
	return NAN;
}

static bool is_one_of(const char *name, const char *const *v)
{
	for (; *v; v++) {
		if (strcmp(*v, name) == 0)
			return true;
	}
	return false;
}

/* How well a metric serves as the work: 0 not at all. A percentile is a time, but not that of the work. */
static unsigned rank(const struct work_metric *m)
{
	static const char *const rates[] = {"rate", "throughput", NULL}, *const whole[] = {"time", "wall",
	                                                                                   "duration",
	                                                                                   "elapsed", NULL};
	const char *name = m->summary->metric;

	if (isnan(m->scale))
		return 0;
	if (!m->is_time)
		return is_one_of(name, rates) ? 5 : 4;
	if (is_one_of(name, whole))
		return 3;
	return name[0] == 'p' && name[1] >= '0' && name[1] <= '9' ? 1 : 2;
}

/* A rate by its unit and direction: "GB/s", "frames/s"; a time the same. */
static bool describe(const struct bench_summary *s, struct work_metric *ret)
{
	const char *slash = strrchr(s->unit, '/');

	*ret = (struct work_metric){.summary = s, .is_time = !s->higher_is_better, .scale = NAN};
	if (!s->has_direction)
		return false;
	if (ret->is_time) {
		ret->scale = work_seconds_of(s->unit);
		if (isnan(ret->scale)) /* of cycles, say: no time that is known here */
			snprintf(ret->unit, sizeof(ret->unit), "1/%.29s", s->unit);
		else
			text_copy(ret->unit, sizeof(ret->unit), "run/s");
		text_copy(ret->of_work, sizeof(ret->of_work), "run");
		return true;
	}
	text_copy(ret->unit, sizeof(ret->unit), s->unit);
	if (slash && slash > s->unit)
		ret->scale = work_seconds_of(slash + 1);
	if (!isnan(ret->scale))
		text_copy(ret->of_work, (size_t)(slash - s->unit) + 1, s->unit);
	return true;
}

int work_metric_choose(const struct bench_cell_data *d, const char *name, struct work_metric *ret)
{
	unsigned best = 0;

	for (size_t i = 0; i < d->summaries.n; i++) {
		struct work_metric m;

		if (!describe(&d->summaries.v[i], &m))
			continue;
		if (name && strcmp(name, m.summary->metric) == 0) {
			*ret = m;
			return 0;
		}
		if (!name && rank(&m) > best) {
			best = rank(&m);
			*ret = m;
		}
	}
	return best ? 0 : -ENOENT;
}

static bool is_p99(const char *metric)
{
	size_t n = strlen(metric), skip = strlen("p99");

	return n >= skip && strcmp(metric + n - skip, "p99") == 0 &&
	       (n == skip || !isalnum((unsigned char)metric[n - skip - 1]));
}

int work_tail_choose(const struct bench_cell_data *d, struct work_metric *ret)
{
	for (size_t i = 0; i < d->summaries.n; i++) {
		const struct bench_summary *s = &d->summaries.v[i];

		if (is_p99(s->metric) && !s->higher_is_better && !isnan(work_seconds_of(s->unit))) {
			*ret = (struct work_metric){.summary = s, .scale = NAN};
			return 0;
		}
	}
	return -ENOENT;
}

/* --- values of one trial --- */

static double value_of(const struct bench_trial *t, const char *metric, int instance)
{
	for (size_t i = 0; i < t->n_values; i++) {
		if (t->values[i].instance == instance && strcmp(t->values[i].metric, metric) == 0)
			return t->values[i].value;
	}
	return NAN;
}

/* In the unit of the rate; of a time in units of work a second. */
static double rate_of(const struct bench_trial *t, const struct work_metric *m, unsigned instances,
                      unsigned instance)
{
	double v = value_of(t, m->summary->metric, (int)instance);

	/* other programs' results are not by instance */
	if (isnan(v) && instances == 1)
		v = value_of(t, m->summary->metric, -1);
	if (!m->is_time)
		return v;
	return 1 / (v * (isnan(m->scale) ? 1 : m->scale));
}

/* One number for each instance of a trial. */
struct by_instance {
	double *rate, *compute, *one;
	unsigned n;
};

static void by_instance_done(struct by_instance *b)
{
	free(b->rate);
	free(b->compute);
	free(b->one);
}
#define _cleanup_by_instance_ _cleanup_(by_instance_done)

static int by_instance_new(unsigned n, struct by_instance *ret)
{
	ret->n = n;
	ret->rate = calloc(n + 1u, sizeof(double));
	ret->compute = calloc(n + 1u, sizeof(double));
	ret->one = calloc(n + 1u, sizeof(double));
	for (unsigned i = 0; ret->one && i < n; i++)
		ret->one[i] = 1;
	return ret->rate && ret->compute && ret->one ? 0 : -ENOMEM;
}

/* False: not all of them are known, so that no sum is. */
static bool read_instances(const struct bench_trial *t, const struct work_metric *m, struct by_instance *b)
{
	bool has_shares = true;

	for (unsigned i = 0; i < b->n; i++) {
		b->rate[i] = rate_of(t, m, b->n, i);
		b->compute[i] = value_of(t, BENCH_COMPUTE_SHARE, (int)i);
		has_shares &= b->compute[i] > 0;
		if (!(b->rate[i] > 0) || isinf(b->rate[i]))
			return false;
	}
	/* without partitions all are entitled to the same */
	for (unsigned i = 0; i < b->n && !has_shares; i++)
		b->compute[i] = 1;
	return true;
}

static void share_scalars(const struct by_instance *b, struct work_point *p)
{
	struct share_metrics s;

	metrics_share(b->rate, b->one, b->compute, b->n, &s);
	p->v[SCALAR_RATE] = s.stp;
	p->v[SCALAR_MEAN] = s.stp / b->n;
	p->v[SCALAR_MEAN_INVERSE] = s.antt;
	p->v[SCALAR_HARMONIC] = s.hmean;
	p->v[SCALAR_SLOWEST] = s.slowest;
	p->v[SCALAR_FAIRNESS] = b->n > 1 ? s.fairness : NAN;
	p->v[SCALAR_MIN_MAX] = b->n > 1 ? s.min_max : NAN;
}

/* Work is scaled to the energy's own time, which begins and ends with ticks of the counter. */
static void energy_scalars(const struct bench_trial *t, const struct work_metric *m, double idle_w,
                           const struct ofbc_bench_derive_options *o, struct work_point *p)
{
	double per_second = m->is_time ? p->v[SCALAR_RATE] : p->v[SCALAR_RATE] / m->scale,
	       watts = value_of(t, BENCH_MEAN_POWER, -1), seconds = t->energy_j / watts, joules = t->energy_j;
	struct energy_metrics e;

	if (isnan(m->scale))
		return;
	metrics_energy(joules, seconds, per_second * seconds, idle_w, &e);
	p->v[SCALAR_ENERGY] = e.joules_per_unit;
	p->v[SCALAR_DYNAMIC] = e.dynamic_joules_per_unit;
	p->v[SCALAR_PER_JOULE] = e.units_per_joule;
	p->v[SCALAR_ENERGY_DELAY] = e.delay_product;
	/* an hour has a price without energy, too */
	if (o && o->price_kwh > 0)
		p->v[SCALAR_COST] = metrics_cost(seconds, joules, per_second * seconds, o->price_hour,
		                                 o->price_kwh, o->pue > 0 ? o->pue : 1);
	else if (o && o->price_hour > 0)
		p->v[SCALAR_COST] = metrics_cost(1, 0, per_second, o->price_hour, 0, 1);
}

/* NAN: not known of every instance. */
static double mean_of(const struct bench_trial *t, const struct work_metric *m, unsigned instances)
{
	double sum = 0;

	for (unsigned i = 0; i < instances; i++)
		sum += rate_of(t, m, instances, i);
	return sum / instances;
}

static double idle_watts(const struct bench_cell_data *d)
{
	double w = NAN;

	for (size_t i = 0; i < d->trials.n && isnan(w); i++)
		w = value_of(&d->trials.v[i], BENCH_IDLE_POWER, -1);
	return w;
}

int work_points(const struct bench_cell_data *d, const struct work_metric *m,
                const struct ofbc_bench_derive_options *o, struct work_point_list *ret)
{
	_cleanup_by_instance_ struct by_instance b = {0};
	struct work_metric tail;
	bool has_tail = work_tail_choose(d, &tail) == 0;
	double idle = idle_watts(d);
	int r = by_instance_new(bench_measured(&d->cell), &b);

	for (size_t i = 0; r == 0 && i < d->trials.n; i++) {
		const struct bench_trial *t = &d->trials.v[i];
		struct work_point *p;

		if (t->verdict != BENCH_OK || !read_instances(t, m, &b))
			continue;
		p = list_add(ret);
		if (!p)
			return -ENOMEM;
		for (size_t k = 0; k < N_SCALARS; k++)
			p->v[k] = NAN;
		share_scalars(&b, p);
		p->v[SCALAR_BY_COMPUTE] = p->v[SCALAR_RATE] / value_of(t, BENCH_COMPUTE_SHARE, 0);
		p->v[SCALAR_BY_MEMORY] = p->v[SCALAR_RATE] / value_of(t, BENCH_MEMORY_SHARE, 0);
		p->v[SCALAR_LAYOUT_CHANGE] = value_of(t, BENCH_LAYOUT_CHANGE, -1);
		if (has_tail)
			p->v[SCALAR_TAIL] = mean_of(t, &tail, b.n);
		energy_scalars(t, m, idle, o, p);
	}
	return r;
}

double work_share(const struct bench_cell_data *d, const char *which)
{
	for (size_t i = 0; i < d->trials.n; i++) {
		if (d->trials.v[i].verdict == BENCH_OK)
			return value_of(&d->trials.v[i], which, 0);
	}
	return NAN;
}

static bool has_share(const struct bench_trial *t, unsigned i, double share)
{
	return isnan(share) || fabs(value_of(t, BENCH_COMPUTE_SHARE, (int)i) - share) < 1e-6;
}

int work_rates_of_share(const struct bench_cell_data *d, const struct work_metric *m, double share,
                        double **ret, size_t *ret_n)
{
	double *v = calloc(d->trials.n + 1, sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < d->trials.n; i++) {
		const struct bench_trial *t = &d->trials.v[i];
		double sum = 0;
		unsigned n = 0;

		for (unsigned k = 0; t->verdict == BENCH_OK && k < bench_measured(&d->cell); k++) {
			if (has_share(t, k, share)) {
				sum += rate_of(t, m, bench_measured(&d->cell), k);
				n++;
			}
		}
		if (n && isfinite(sum))
			v[(*ret_n)++] = sum / n;
	}
	*ret = v;
	return v ? 0 : -ENOMEM;
}
