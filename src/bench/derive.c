/* SPDX-License-Identifier: MIT */
/* Figures of cells relative to other cells: which there are, to what each is relative, and its interval. */
#include "bench/derive.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/strv.h"
#include "bench/compare.h"
#include "bench/stats.h"

#define WHOLE_SHARE 0.99 /* of the GPU: a partition that is all of it */

/* A cell with its good trials. */
struct view {
	const struct bench_run *run;
	const struct bench_cell_data *d;
	struct work_metric work, tail;
	struct work_point_list points;
	bool has_work, has_tail;
};

struct view_list {
	struct view *v;
	size_t n, cap;
};

static void views_done(struct view_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].points.v);
	free(l->v);
}

/* --- what a cell is --- */

static bool is_alone(const struct view *v)
{
	return v->d->cell.instances == 1 && strcmp(v->d->cell.layout, "unpartitioned") == 0;
}

/* Of other programs' results nobody knows. */
static bool is_partitioned(const struct view *v)
{
	return v->d->cell.layout[0] && strcmp(v->d->cell.layout, "unpartitioned") != 0 &&
	       strcmp(v->d->cell.layout, "shared") != 0;
}

static bool always(const struct view *v)
{
	(void)v;
	return true;
}

static bool has_several(const struct view *v)
{
	return v->d->cell.instances > 1;
}

/* One that is measured, and others that run something else. */
static bool has_aggressor(const struct view *v)
{
	return bench_measured(&v->d->cell) != v->d->cell.instances;
}

static bool is_not_alone(const struct view *v)
{
	return has_several(v) || is_partitioned(v);
}

static bool has_neighbours(const struct view *v)
{
	return (is_partitioned(v) || has_aggressor(v)) && has_several(v);
}

static bool has_tail_beside(const struct view *v)
{
	return has_several(v) && v->has_tail;
}

static bool is_one_partition(const struct view *v)
{
	return is_partitioned(v) && !has_several(v);
}

static bool is_whole_partition(const struct view *v)
{
	return is_one_partition(v) && work_share(v->d, BENCH_COMPUTE_SHARE) >= WHOLE_SHARE;
}

static bool is_virtual(const struct view *v)
{
	const struct bench_run *r = v->run;

	return r->platform[0] && !r->emulated[0] && strcmp(r->platform, "bare-metal") != 0;
}

static bool is_changed(const struct view *v)
{
	double s = v->points.n ? v->points.v[0].v[SCALAR_LAYOUT_CHANGE] : NAN;

	return !isnan(s);
}

/* --- what is relative to what --- */

enum base { BASE_NONE, BASE_ALONE, BASE_SOLO, BASE_BARE };

static const char *const base_missing[] = {
	[BASE_NONE] = "",
	[BASE_ALONE] =
		"one instance on the GPU without partitions was not measured: `bench run` without --on, or "
		"`bench sweep`",
	[BASE_SOLO] = "one instance with idle neighbours was not measured: `bench sweep --solo`, or --on one "
		      "partition",
	[BASE_BARE] = "the same on bare metal is not among these runs: name that run, too",
};

enum form { FORM_PLAIN, FORM_RATIO, FORM_LOSS, FORM_VARIATION };

enum unit { UNIT_ONE, UNIT_RATE, UNIT_JOULE, UNIT_PER_JOULE, UNIT_JOULE_SECOND, UNIT_MONEY, UNIT_SECOND };

#define NO_ENERGY "no energy was measured with it: no counter, or trials shorter than 20 of its ticks"

static const struct figure {
	const char *key;
	bool (*applies)(const struct view *v);
	enum form form; /* x; x / y; 1 - x / y; x over the trials */
	enum base base;
	enum scalar x, y;
	enum unit unit;
	const char *better;
	const char *missing; /* why x is not known */
	bool is_of_victim;   /* also of the only instance that is measured, among others */
} figures[] = {
	{.key = "rate",
         .applies = always,
         .form = FORM_PLAIN,
         .x = SCALAR_RATE,
         .unit = UNIT_RATE,
         .better = "higher",
         .is_of_victim = true},
	{.key = "progress",
         .applies = is_not_alone,
         .form = FORM_RATIO,
         .base = BASE_ALONE,
         .x = SCALAR_MEAN,
         .y = SCALAR_MEAN,
         .better = "higher"},
	{.key = "stp",
         .applies = is_not_alone,
         .form = FORM_RATIO,
         .base = BASE_ALONE,
         .x = SCALAR_RATE,
         .y = SCALAR_RATE,
         .better = "higher"},
	{.key = "antt",
         .applies = is_not_alone,
         .form = FORM_RATIO,
         .base = BASE_ALONE,
         .x = SCALAR_MEAN_INVERSE,
         .y = SCALAR_MEAN_INVERSE,
         .better = "lower"},
	{.key = "hmean",
         .applies = is_not_alone,
         .form = FORM_RATIO,
         .base = BASE_ALONE,
         .x = SCALAR_HARMONIC,
         .y = SCALAR_RATE,
         .better = "higher"},
	{.key = "slowest",
         .applies = has_several,
         .form = FORM_RATIO,
         .base = BASE_ALONE,
         .x = SCALAR_SLOWEST,
         .y = SCALAR_MEAN_INVERSE,
         .better = "lower"},
	{.key = "fairness",
         .applies = has_several,
         .form = FORM_PLAIN,
         .x = SCALAR_FAIRNESS,
         .better = "higher"},
	{.key = "min_max",
         .applies = has_several,
         .form = FORM_PLAIN,
         .x = SCALAR_MIN_MAX,
         .better = "higher"},
	{.key = "efficiency_compute",
         .applies = is_one_partition,
         .form = FORM_RATIO,
         .base = BASE_ALONE,
         .x = SCALAR_BY_COMPUTE,
         .y = SCALAR_RATE,
         .better = "higher",
         .missing = "what the partition has of the processors is not known"},
	{.key = "efficiency_memory",
         .applies = is_one_partition,
         .form = FORM_RATIO,
         .base = BASE_ALONE,
         .x = SCALAR_BY_MEMORY,
         .y = SCALAR_RATE,
         .better = "higher",
         .missing = "what the partition has of the memory is not known"},
	{.key = "interference",
         .applies = has_neighbours,
         .form = FORM_LOSS,
         .base = BASE_SOLO,
         .x = SCALAR_MEAN,
         .y = SCALAR_RATE,
         .better = "lower",
         .is_of_victim = true},
	{.key = "latency_interference",
         .applies = has_tail_beside,
         .form = FORM_RATIO,
         .base = BASE_SOLO,
         .x = SCALAR_TAIL,
         .y = SCALAR_TAIL,
         .better = "lower",
         .missing = "its p99 is not known of every instance",
         .is_of_victim = true},
	{.key = "sharing_overhead",
         .applies = is_whole_partition,
         .form = FORM_LOSS,
         .base = BASE_ALONE,
         .x = SCALAR_RATE,
         .y = SCALAR_RATE,
         .better = "lower"},
	{.key = "virtualisation_efficiency",
         .applies = is_virtual,
         .form = FORM_RATIO,
         .base = BASE_BARE,
         .x = SCALAR_RATE,
         .y = SCALAR_RATE,
         .better = "higher"},
	{.key = "energy_per_unit",
         .applies = always,
         .form = FORM_PLAIN,
         .x = SCALAR_ENERGY,
         .unit = UNIT_JOULE,
         .better = "lower",
         .missing = NO_ENERGY},
	{.key = "dynamic_energy_per_unit",
         .applies = always,
         .form = FORM_PLAIN,
         .x = SCALAR_DYNAMIC,
         .unit = UNIT_JOULE,
         .better = "lower",
         .missing = "energy or idle power was not measured with it"},
	{.key = "work_per_joule",
         .applies = always,
         .form = FORM_PLAIN,
         .x = SCALAR_PER_JOULE,
         .unit = UNIT_PER_JOULE,
         .better = "higher",
         .missing = NO_ENERGY},
	{.key = "energy_delay",
         .applies = always,
         .form = FORM_PLAIN,
         .x = SCALAR_ENERGY_DELAY,
         .unit = UNIT_JOULE_SECOND,
         .better = "lower",
         .missing = NO_ENERGY},
	{.key = "energy_saving",
         .applies = is_not_alone,
         .form = FORM_LOSS,
         .base = BASE_ALONE,
         .x = SCALAR_ENERGY,
         .y = SCALAR_ENERGY,
         .better = "higher",
         .missing = NO_ENERGY},
	{.key = "cost_per_unit",
         .applies = always,
         .form = FORM_PLAIN,
         .x = SCALAR_COST,
         .unit = UNIT_MONEY,
         .better = "lower",
         .missing = "no price was given (--price-hour, --price-kwh), or no energy measured"},
	{.key = "variation",
         .applies = always,
         .form = FORM_VARIATION,
         .x = SCALAR_RATE,
         .better = "lower",
         .is_of_victim = true},
	{.key = "layout_change",
         .applies = is_changed,
         .form = FORM_PLAIN,
         .x = SCALAR_LAYOUT_CHANGE,
         .unit = UNIT_SECOND,
         .better = "lower"},
};

static void unit_text(const struct figure *f, const struct work_metric *m, char buf[40])
{
	buf[0] = '\0';
	if (f->unit == UNIT_RATE)
		text_copy(buf, 40, m->unit);
	else if (f->unit == UNIT_SECOND)
		text_copy(buf, 40, "s");
	else if (f->unit == UNIT_PER_JOULE)
		snprintf(buf, 40, "%s/J", m->of_work);
	else if (f->unit == UNIT_JOULE_SECOND)
		snprintf(buf, 40, "J s/%s^2", m->of_work);
	else if (f->unit != UNIT_ONE)
		snprintf(buf, 40, "%s/%s", f->unit == UNIT_MONEY ? "money" : "J", m->of_work);
}

/* The same work in comparable circumstances. */
static bool is_same_work(const struct view *a, const struct view *b)
{
	const struct bench_cell *x = &a->d->cell, *y = &b->d->cell;

	return b->has_work && b->points.n && strcmp(x->benchmark, y->benchmark) == 0 &&
	       strcmp(bench_own_parameters(x->parameters), y->parameters) == 0 &&
	       strcmp(x->definition, y->definition) == 0 &&
	       strcmp(a->work.summary->metric, b->work.summary->metric) == 0 &&
	       strcmp(a->run->emulated, b->run->emulated) == 0;
}

static bool is_same_host(const struct view *a, const struct view *b)
{
	return strcmp(a->run->host, b->run->host) == 0 && strcmp(a->run->platform, b->run->platform) == 0;
}

/* Is b the layout of a with one instance? "shared" and "unpartitioned", "2x cpu:1c" and "cpu:1c", "halves"
 * twice, "mixed" and "mixed/TYPE".
 */
static bool is_solo_of(const struct view *a, const struct view *b)
{
	const char *x = a->d->cell.layout, *y = b->d->cell.layout;
	size_t n = strlen(x), digits = strspn(x, "0123456789");

	if (b->d->cell.instances != 1)
		return false;
	if (strcmp(x, y) == 0 || (strcmp(x, "shared") == 0 && strcmp(y, "unpartitioned") == 0) ||
	    (strncmp(x, y, n) == 0 && y[n] == '/'))
		return true;
	return digits && strncmp(x + digits, "x ", 2) == 0 && strcmp(x + digits + 2, y) == 0;
}

static bool is_base(const struct view *a, const struct view *b, enum base base)
{
	if (a == b || !is_same_work(a, b))
		return false;
	switch (base) {
	case BASE_ALONE:
		return is_same_host(a, b) && is_alone(b);
	case BASE_SOLO:
		return is_same_host(a, b) && is_solo_of(a, b);
	case BASE_BARE:
		return strcmp(b->run->platform, "bare-metal") == 0 &&
		       strcmp(a->d->cell.layout, b->d->cell.layout) == 0 &&
		       a->d->cell.instances == b->d->cell.instances;
	case BASE_NONE:
		break;
	}
	return false;
}

/* The next base from view *i on, first those of the same run, then those of others. NULL: no more. */
static const struct view *next_base(const struct view_list *all, const struct view *v, enum base base,
                                    size_t *i)
{
	for (; *i < 2 * all->n; (*i)++) {
		const struct view *b = &all->v[*i % all->n];

		if ((b->run == v->run) == (*i < all->n) && is_base(v, b, base)) {
			(*i)++;
			return b;
		}
	}
	return NULL;
}

/* --- numbers --- */

struct numbers {
	double *v;
	size_t n;
};

static void numbers_done(struct numbers *x)
{
	free(x->v);
}
#define _cleanup_numbers_ _cleanup_(numbers_done)

/* What is known of one scalar. */
static int column(const struct view *v, enum scalar s, struct numbers *ret)
{
	ret->v = calloc(v->points.n + 1, sizeof(*ret->v));
	for (size_t i = 0; ret->v && i < v->points.n; i++) {
		if (isfinite(v->points.v[i].v[s]))
			ret->v[ret->n++] = v->points.v[i].v[s];
	}
	return ret->v ? 0 : -ENOMEM;
}

static int summarise(const struct numbers *x, struct summary *ret)
{
	*ret = (struct summary){.median = NAN, .variation = NAN, .interval = {NAN, NAN}};
	return x->n ? stats_summary(x->v, x->n, ret) : 0;
}

static int ratio(const struct numbers *x, const struct numbers *y, struct ofbc_bench_derived *o)
{
	struct summary a, b;
	struct interval i = {NAN, NAN};
	int r = compare_ratio(y->v, y->n, x->v, x->n, 1 - COMPARE_LEVEL, BOOTSTRAP_RESAMPLES, 1, &o->value,
	                      &i);

	o->low = i.low;
	o->high = i.high;
	if (r != -EINVAL)
		return r;
	/* too few for an interval */
	r = summarise(x, &a);
	if (r == 0)
		r = summarise(y, &b);
	if (r == 0)
		o->value = a.median / b.median;
	return r;
}

static int evaluate(const struct figure *f, const struct numbers *x, const struct numbers *y,
                    struct ofbc_bench_derived *o)
{
	struct summary s;
	double low;
	int r = 0;

	o->trials = x->n;
	o->trials_base = y->n;
	if (f->form == FORM_RATIO || f->form == FORM_LOSS) {
		r = ratio(x, y, o);
		low = o->low;
		if (f->form == FORM_LOSS) {
			o->value = 1 - o->value;
			o->low = 1 - o->high;
			o->high = 1 - low;
		}
		return r;
	}
	r = summarise(x, &s);
	o->value = f->form == FORM_VARIATION ? s.variation : s.median;
	if (f->form == FORM_PLAIN) {
		o->low = s.interval.low;
		o->high = s.interval.high;
	}
	if (f->form == FORM_VARIATION && x->n < 2) {
		o->value = NAN;
		text_copy(o->reason, sizeof(o->reason), "one trial does not vary");
	}
	return r;
}

/* --- rows --- */

/* What is read of the values of instances for a figure. */
static const struct work_metric *work_of(const struct view *v, const struct figure *f)
{
	return f->x == SCALAR_TAIL ? &v->tail : &v->work;
}

static struct ofbc_bench_derived *add_row(const struct view *v, const struct figure *f,
                                          struct ofbc_bench_derived_list *ret)
{
	const struct bench_cell *c = &v->d->cell;
	struct ofbc_bench_derived *o = list_add(ret);

	if (!o)
		return NULL;
	o->instances = c->instances;
	o->value = o->low = o->high = NAN;
	text_copy(o->run, sizeof(o->run), v->run->id);
	text_copy(o->benchmark, sizeof(o->benchmark), c->benchmark);
	text_copy(o->parameters, sizeof(o->parameters), c->parameters);
	text_copy(o->layout, sizeof(o->layout), c->layout);
	text_copy(o->platform, sizeof(o->platform), v->run->platform);
	text_copy(o->emulated, sizeof(o->emulated), v->run->emulated);
	text_copy(o->figure, sizeof(o->figure), f->key);
	text_copy(o->better, sizeof(o->better), f->better);
	if (!v->has_work)
		return o;
	text_copy(o->metric, sizeof(o->metric), work_of(v, f)->summary->metric);
	unit_text(f, &v->work, o->unit);
	return o;
}

static void name_base(const struct view *v, const struct view *base, struct ofbc_bench_derived *o)
{
	int n = snprintf(o->base, sizeof(o->base), "%s, %u instance%s", base->d->cell.layout,
	                 base->d->cell.instances, base->d->cell.instances == 1 ? "" : "s");

	if (base->run != v->run && n > 0 && (size_t)n < sizeof(o->base))
		snprintf(o->base + n, sizeof(o->base) - (size_t)n, ", run %.8s", base->run->id);
}

/* Partitions of several sizes: only those like the one that was alone are compared with it. */
static double share_to_compare(const struct view *v, const struct view *solo)
{
	double first = work_share(v->d, BENCH_COMPUTE_SHARE);
	const struct bench_trial_list *t = &v->d->trials;

	for (size_t i = 0; t->n && i < t->v[t->n - 1].n_values; i++) {
		const struct bench_value *x = &t->v[t->n - 1].values[i];

		if (strcmp(x->metric, BENCH_COMPUTE_SHARE) == 0 && fabs(x->value - first) > 1e-6)
			return work_share(solo->d, BENCH_COMPUTE_SHARE);
	}
	return NAN;
}

/* One figure; 1: it is none of this base. */
static int add_figure(const struct view *v, const struct figure *f, const struct view *base,
                      struct ofbc_bench_derived_list *ret)
{
	_cleanup_numbers_ struct numbers x = {0}, y = {0};
	struct ofbc_bench_derived *o;
	int r = f->base == BASE_SOLO
	                ? work_rates_of_share(v->d, work_of(v, f), share_to_compare(v, base), &x.v, &x.n)
	                : column(v, f->x, &x);

	if (r == 0 && base)
		r = column(base, f->y, &y);
	if (r < 0)
		return r;
	if (f->base == BASE_SOLO && !x.n)
		return 1;
	o = add_row(v, f, ret);
	if (!o)
		return -ENOMEM;
	if (base)
		name_base(v, base, o);
	if (!x.n)
		text_copy(o->reason, sizeof(o->reason), f->missing ? f->missing : "not known");
	else if (base && !y.n)
		snprintf(o->reason, sizeof(o->reason), "of its base: %s",
		         f->missing ? f->missing : "not known");
	else
		r = evaluate(f, &x, &y, o);
	return r;
}

/* Relative to every base of one run, its own if that has any: there is one solo for each type of partition.
 */
static int add_relative(const struct view_list *all, const struct view *v, const struct figure *f,
                        struct ofbc_bench_derived_list *ret)
{
	const struct bench_run *found = NULL;
	const struct view *base;
	struct ofbc_bench_derived *o;
	size_t i = 0;

	while ((base = next_base(all, v, f->base, &i))) {
		int r;

		if (found && (f->base != BASE_SOLO || base->run != found))
			return 0;
		r = add_figure(v, f, base, ret);
		if (r < 0)
			return r;
		found = r == 0 ? base->run : found;
	}
	if (found)
		return 0;
	o = add_row(v, f, ret);
	if (!o)
		return -ENOMEM;
	text_copy(o->reason, sizeof(o->reason), base_missing[f->base]);
	return 0;
}

static bool has_good_trial(const struct bench_cell_data *d)
{
	for (size_t i = 0; i < d->trials.n; i++) {
		if (d->trials.v[i].verdict == BENCH_OK)
			return true;
	}
	return false;
}

static int add_cell(const struct view_list *all, const struct view *v, struct ofbc_bench_derived_list *ret)
{
	struct ofbc_bench_derived *o;
	int r = 0;

	if (!v->has_work || !v->points.n) {
		o = add_row(v, &figures[0], ret);
		if (!o)
			return -ENOMEM;
		snprintf(o->reason, sizeof(o->reason), "%s",
		         !has_good_trial(v->d) ? "no good trial"
		         : !v->has_work        ? "no metric is a rate or a time: name one with --metric"
		                               : "its values are not known for each instance");
		return 0;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(figures); i++) {
		if (figures[i].applies(v) && (figures[i].is_of_victim || !has_aggressor(v)))
			r = figures[i].base == BASE_NONE ? add_figure(v, &figures[i], NULL, ret)
			                                 : add_relative(all, v, &figures[i], ret);
	}
	return r;
}

static int look_at(const struct bench_archive *runs, const struct ofbc_bench_derive_options *o,
                   struct view_list *ret, bool *ret_any)
{
	int r = 0;

	*ret_any = false;
	for (size_t i = 0; i < runs->n; i++) {
		for (size_t k = 0; r == 0 && k < runs->v[i].cells.n; k++) {
			struct view *v = list_add(ret);

			if (!v)
				return -ENOMEM;
			v->run = &runs->v[i].run;
			v->d = &runs->v[i].cells.v[k];
			v->has_work = work_metric_choose(v->d, o ? o->metric : NULL, &v->work) == 0;
			v->has_tail = work_tail_choose(v->d, &v->tail) == 0;
			*ret_any |= v->has_work;
			r = v->has_work ? work_points(v->d, &v->work, o, &v->points) : 0;
		}
	}
	return r;
}

int derive_figures(const struct bench_archive *runs, const struct ofbc_bench_derive_options *o,
                   struct ofbc_bench_derived_list *ret)
{
	_cleanup_(views_done) struct view_list all = {0};
	bool has_any;
	int r = look_at(runs, o, &all, &has_any);

	if (r == 0 && o && o->metric && !has_any)
		return -ENOENT;
	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_cell(&all, &all.v[i], ret);
	return r;
}
