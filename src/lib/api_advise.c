/* SPDX-License-Identifier: MIT */
/* Choosing a layout by what was measured: which cells count, what is wished of them, and what is missing. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/strv.h"
#include "bench/advise.h"
#include "bench/stats.h"
#include "lib/advise.h"
#include "lib/bench.h"
#include "model/fields.h"
#include "openforbc/openforbc.h"
#include "platform/files.h"

#define WORKLOADS_MAX 64
#define SURE          0.95
#define RISING        0.02 /* more instances were still better by that much */

DEFINE_CLEANUP(struct ofbc_advice_list *, ofbc_advice_list_free);

/* A measured cell with its run's request. */
struct source {
	const struct bench_run *run;
	const struct bench_cell_data *d;
	const struct json *request;
};

/* All cells of one workload on one host. */
struct group {
	const struct bench_run *run; /* the newest */
	const struct bench_cell_data *d;
	double weight;
	struct source *v;
	size_t n, cap;
};

struct adviser {
	struct ofbc_context *ctx;
	const struct ofbc_advice_request *rq;
	struct bench_archive all;
	struct json **requests; /* of the runs */
	struct {
		struct group *v;
		size_t n, cap;
	} groups;
};

static void adviser_done(struct adviser *a)
{
	for (size_t i = 0; i < a->groups.n; i++)
		free(a->groups.v[i].v);
	free(a->groups.v);
	for (size_t i = 0; a->requests && i < a->all.n; i++)
		json_free(a->requests[i]);
	free(a->requests);
	bench_archive_done(&a->all);
}

/* --- which cells --- */

/* Weight of a benchmark in the request: 0 not wanted. */
static double weight_of(const struct ofbc_advice_request *rq, const char *benchmark)
{
	for (size_t i = 0; i < rq->n_workloads; i++) {
		const char *w = rq->workloads[i], *equals = strchr(w, '=');
		size_t len = equals ? (size_t)(equals - w) : strlen(w);

		if (strlen(benchmark) == len && strncmp(w, benchmark, len) == 0)
			return equals ? strtod(equals + 1, NULL) : 1;
	}
	return rq->n_workloads ? 0 : 1;
}

static bool counts(const struct adviser *a, const struct bench_run *run)
{
	char host[64];

	if (a->rq->n_runs)
		return true;
	host_name(host, sizeof(host));
	return strcmp(run->host, host) == 0 && strcmp(run->emulated, bench_emulated(a->ctx)) == 0;
}

static bool is_of(const struct group *g, const struct bench_run *run, const struct bench_cell *c)
{
	return strcmp(g->run->host, run->host) == 0 && strcmp(g->run->platform, run->platform) == 0 &&
	       strcmp(g->run->emulated, run->emulated) == 0 &&
	       strcmp(g->d->cell.benchmark, c->benchmark) == 0 &&
	       strcmp(g->d->cell.parameters, c->parameters) == 0;
}

static const struct source *find_source(const struct group *g, const char *layout, unsigned instances)
{
	for (size_t i = 0; i < g->n; i++) {
		if (strcmp(g->v[i].d->cell.layout, layout) == 0 && g->v[i].d->cell.instances == instances)
			return &g->v[i];
	}
	return NULL;
}

static int add_cell(struct adviser *a, size_t number, const struct bench_cell_data *d)
{
	const struct bench_run *run = &a->all.v[number].run;
	double weight = weight_of(a->rq, d->cell.benchmark);
	struct group *g = NULL;
	struct source *s;

	/* one instance among others that run something else is no choice */
	if (!(weight > 0) || bench_measured(&d->cell) != d->cell.instances ||
	    (a->rq->parameters && !strstr(d->cell.parameters, a->rq->parameters)))
		return 0;
	for (size_t i = 0; i < a->groups.n && !g; i++)
		g = is_of(&a->groups.v[i], run, &d->cell) ? &a->groups.v[i] : NULL;
	if (!g) {
		g = list_add(&a->groups);
		if (!g)
			return -ENOMEM;
		*g = (struct group){.run = run, .d = d, .weight = weight};
	}
	if (find_source(g, d->cell.layout, d->cell.instances))
		return 0; /* a newer run has it */
	s = list_add(g);
	if (s)
		*s = (struct source){run, d, a->requests[number]};
	return s ? 0 : -ENOMEM;
}

static int newer(const void *x, const void *y)
{
	const struct bench_run_data *a = x, *b = y;

	return (a->run.started_unix_s < b->run.started_unix_s) -
	       (a->run.started_unix_s > b->run.started_unix_s);
}

static int collect(struct adviser *a, struct ofbc_error *err)
{
	int r = bench_load_runs(a->ctx, a->rq->runs, a->rq->n_runs, &a->all, err);

	if (r < 0)
		return r;
	a->requests = calloc(a->all.n + 1, sizeof(*a->requests));
	if (!a->requests)
		return -ENOMEM;
	if (a->all.n)
		qsort(a->all.v, a->all.n, sizeof(*a->all.v), newer);
	for (size_t i = 0; r == 0 && i < a->all.n; i++) {
		const struct bench_run_data *d = &a->all.v[i];

		if (d->run.request)
			(void)json_parse(d->run.request, strlen(d->run.request), "request", &a->requests[i],
			                 NULL);
		for (size_t k = 0; r == 0 && counts(a, &d->run) && k < d->cells.n; k++)
			r = add_cell(a, i, &d->cells.v[k]);
	}
	return r;
}

/* --- one advice: groups of the same host --- */

/* A candidate while it is judged. */
struct chance {
	struct ofbc_candidate c;
	const struct json *request; /* of the first workload */
	struct advise_sample samples[WORKLOADS_MAX];
};

struct chance_list {
	struct chance *v;
	size_t n, cap;
};

static void chances_done(struct chance_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < WORKLOADS_MAX; k++)
			free(l->v[i].samples[k].v);
	}
	free(l->v);
}

__attribute__((format(printf, 2, 3))) static void object_to(struct ofbc_candidate *c, const char *fmt, ...)
{
	va_list ap;

	if (c->problem[0]) /* the first reason is the reason */
		return;
	va_start(ap, fmt);
	vsnprintf(c->problem, sizeof(c->problem), fmt, ap);
	va_end(ap);
}

static void read_promises(const struct json *stage, struct ofbc_candidate *c)
{
	text_copy(c->types, sizeof(c->types), json_str(json_get(stage, "types"), ""));
	text_copy(c->isolation_memory, sizeof(c->isolation_memory),
	          json_str(json_get(stage, "isolation_memory"), ""));
	text_copy(c->isolation_compute, sizeof(c->isolation_compute),
	          json_str(json_get(stage, "isolation_compute"), ""));
	c->memory_bytes = json_u64(json_get(stage, "memory_bytes"), 0);
}

static void check_wishes(const struct ofbc_advice_request *rq, struct ofbc_candidate *c)
{
	char text[32];

	if (rq->isolation && !c->isolation_memory[0])
		object_to(c, "its isolation is not known");
	else if (isolation_parse(c->isolation_memory) < rq->isolation ||
	         isolation_parse(c->isolation_compute) < rq->isolation)
		object_to(c, "isolation of memory is %s, of compute %s", c->isolation_memory,
		          c->isolation_compute);
	if (rq->memory_bytes && !c->memory_bytes)
		object_to(c, "no memory is promised to an instance");
	size_format(c->memory_bytes, text, sizeof(text));
	if (rq->memory_bytes > c->memory_bytes)
		object_to(c, "an instance is promised %s", text);
}

static int read_sample(const struct ofbc_advice_request *rq, const struct source *s, struct chance *ch,
                       struct advise_sample *ret)
{
	char unit[sizeof(ch->c.unit)];
	const char *why;
	int r = advise_values(s->d, rq, &ret->v, &ret->n, unit, &why);

	text_copy(ch->c.unit, sizeof(ch->c.unit), unit);
	if (r == -ENODATA && s->d->cell.verdict != BENCH_OK && s->d->cell.verdict != BENCH_NOT_CONVERGED)
		object_to(&ch->c, "%s%s%s", bench_verdict_names[s->d->cell.verdict],
		          s->d->cell.reason ? ": " : "", s->d->cell.reason ? s->d->cell.reason : "");
	else if (r == -ENODATA)
		object_to(&ch->c, "%s", why);
	return r == -ENODATA ? 0 : r;
}

static int add_measured(const struct adviser *a, const struct group *const *groups, size_t n,
                        const struct source *first, struct chance_list *l)
{
	struct chance *ch = list_add(l);
	int r = 0;

	if (!ch)
		return -ENOMEM;
	ch->request = first->request;
	ch->c = (struct ofbc_candidate){.instances = first->d->cell.instances,
	                                .value = NAN,
	                                .low = NAN,
	                                .high = NAN,
	                                .behind = NAN,
	                                .sure = NAN,
	                                .error = NAN};
	text_copy(ch->c.run, sizeof(ch->c.run), first->run->id);
	text_copy(ch->c.layout, sizeof(ch->c.layout), first->d->cell.layout);
	read_promises(advise_stage(first->request, ch->c.layout, ch->c.instances), &ch->c);
	check_wishes(a->rq, &ch->c);
	for (size_t k = 0; r == 0 && k < n; k++) {
		const struct source *s = find_source(groups[k], ch->c.layout, ch->c.instances);

		if (s)
			r = read_sample(a->rq, s, ch, &ch->samples[k]);
		else
			object_to(&ch->c, "not measured with '%s'", groups[k]->d->cell.benchmark);
	}
	return r;
}

/* --- between measured numbers of instances --- */

static int by_instances(const void *x, const void *y)
{
	const struct advise_point *a = x, *b = y;

	return (a->n > b->n) - (a->n < b->n);
}

/* The family of a layout that was measured with several numbers of instances. */
static int points_of(const struct adviser *a, const struct group *g, const char *layout,
                     struct advise_point *points, size_t *ret_n)
{
	int r = 0;

	*ret_n = 0;
	for (size_t i = 0; r >= 0 && i < g->n; i++) {
		_cleanup_free_ double *v = NULL;
		struct summary s;
		const char *why;
		char unit[48];
		size_t n;

		if (strcmp(g->v[i].d->cell.layout, layout) != 0)
			continue;
		r = advise_values(g->v[i].d, a->rq, &v, &n, unit, &why);
		if (r == 0)
			r = stats_summary(v, n, &s);
		if (r == 0)
			points[(*ret_n)++] = (struct advise_point){g->v[i].d->cell.instances, s.median};
		r = r == -ENODATA ? 0 : r;
	}
	if (r == 0 && *ret_n)
		qsort(points, *ret_n, sizeof(*points), by_instances);
	return r;
}

/* A layout that was not measured with as many as are wanted. */
static int add_interpolated(const struct adviser *a, const struct group *const *groups, size_t n,
                            const struct source *larger, struct chance_list *l)
{
	int r = add_measured(a, groups, n, larger, l);
	struct chance *ch = &l->v[l->n - 1];

	if (r < 0)
		return r;
	ch->c.instances = a->rq->instances;
	for (size_t k = 0; r == 0 && k < n; k++) {
		_cleanup_free_ struct advise_point *points = calloc(groups[k]->n + 1, sizeof(*points));
		struct advise_sample *s = &ch->samples[k];
		size_t n_points;

		free(s->v);
		*s = (struct advise_sample){0};
		r = points ? points_of(a, groups[k], ch->c.layout, points, &n_points) : -ENOMEM;
		if (r == 0 &&
		    advise_interpolate(points, n_points, a->rq->instances, &s->predicted, &s->error) < 0)
			object_to(&ch->c, "not measured with %u instances", a->rq->instances);
		else if (r == 0 && isnan(s->error))
			object_to(&ch->c, "too few numbers of instances were measured to tell of %u",
			          a->rq->instances);
		if (!ch->c.problem[0] && !(s->error <= ch->c.error))
			ch->c.error = s->error;
	}
	return r;
}

/* The fewest of its layout that are more than wanted; NULL: it was measured with as many, or only with fewer.
 */
static const struct source *next_larger(const struct group *g, const struct source *of, unsigned wanted)
{
	const struct source *best = NULL;

	for (size_t i = 0; i < g->n; i++) {
		unsigned k = g->v[i].d->cell.instances;

		if (strcmp(g->v[i].d->cell.layout, of->d->cell.layout) != 0)
			continue;
		if (k == wanted)
			return NULL;
		if (k > wanted && (!best || k < best->d->cell.instances))
			best = &g->v[i];
	}
	return best;
}

static int add_chances(const struct adviser *a, const struct group *const *groups, size_t n,
                       struct chance_list *l)
{
	const struct group *g = groups[0];
	unsigned wanted = a->rq->instances;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		const struct source *s = &g->v[i];

		if (!wanted || s->d->cell.instances == wanted)
			r = add_measured(a, groups, n, s, l);
		else if (next_larger(g, s, wanted) == s)
			r = add_interpolated(a, groups, n, s, l);
	}
	return r;
}

/* --- judging --- */

/* Those with a problem last. */
static int better(const void *x, const void *y)
{
	const struct ofbc_candidate *a = &((const struct chance *)x)->c, *b = &((const struct chance *)y)->c;

	if (!a->problem[0] != !b->problem[0])
		return a->problem[0] ? 1 : -1;
	return (a->behind > b->behind) - (a->behind < b->behind);
}

static void tell_value(const struct advise_option *o, size_t workloads, struct ofbc_candidate *c)
{
	const struct advise_sample *s = &o->samples[0];
	struct summary summary;

	c->behind = o->behind;
	c->sure = o->sure;
	if (workloads > 1) {
		c->value = o->score;
		text_copy(c->unit, sizeof(c->unit), "of each one's best");
		return;
	}
	c->value = s->predicted;
	if (s->n && stats_summary(s->v, s->n, &summary) == 0) {
		c->trials = s->n;
		c->value = summary.median;
		c->low = summary.interval.low;
		c->high = summary.interval.high;
	}
}

static int judge(const struct adviser *a, const struct group *const *groups, size_t n, struct chance_list *l)
{
	_cleanup_free_ struct advise_option *options = calloc(l->n + 1, sizeof(*options));
	double weights[WORKLOADS_MAX];
	bool higher[WORKLOADS_MAX];
	size_t good = 0;
	int r;

	if (!options)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		weights[k] = groups[k]->weight;
		higher[k] = advise_higher_is_better(a->rq->goal);
	}
	for (size_t i = 0; i < l->n; i++) {
		if (!l->v[i].c.problem[0])
			options[good++].samples = l->v[i].samples;
	}
	r = advise_rank(options, good, n, weights, higher, 1);
	good = 0;
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		if (!l->v[i].c.problem[0])
			tell_value(&options[good++], n, &l->v[i].c);
	}
	if (r == 0 && l->n)
		qsort(l->v, l->n, sizeof(*l->v), better);
	return r;
}

/* --- what is missing --- */

/* The best one is the largest number that was measured, and the one before it was worse. */
static int check_rising(const struct adviser *a, const struct group *g, const struct ofbc_candidate *best,
                        struct strv *missing)
{
	_cleanup_free_ struct advise_point *points = calloc(g->n + 1, sizeof(*points));
	size_t n;
	int r = points ? points_of(a, g, best->layout, points, &n) : -ENOMEM;
	double gain;

	if (r < 0 || a->rq->instances || n < 2 || points[n - 1].n > best->instances)
		return r;
	gain = points[n - 1].value / points[n - 2].value;
	if (!advise_higher_is_better(a->rq->goal))
		gain = 1 / gain;
	return gain > 1 + RISING
	               ? strv_addf(missing, "more than %u instances on '%s': from %g to %g it gained %.0f %%",
	                           best->instances, best->layout, points[n - 2].n, points[n - 1].n,
	                           100 * (gain - 1))
	               : 0;
}

static int find_missing(const struct adviser *a, const struct group *const *groups, size_t n,
                        const struct chance_list *l, struct strv *missing)
{
	const struct ofbc_candidate *best = &l->v[0].c;
	int r = 0;

	if (best->problem[0])
		r = strv_addf(missing, "a layout that meets the wishes: none of %zu does", l->n);
	else if (!isnan(best->error))
		r = strv_addf(missing, "%u instances on '%s': it is interpolated, +- %.0f %%",
		              best->instances, best->layout, 100 * best->error);
	else if (n == 1 && best->trials < STATS_INTERVAL_MIN)
		r = strv_addf(missing, "trials of '%s' with %u instances: %zu are too few for an interval",
		              best->layout, best->instances, best->trials);
	if (r == 0 && !best->problem[0] && best->sure < SURE && l->n > 1 && !l->v[1].c.problem[0])
		r = strv_addf(missing,
		              "trials of '%s' with %u and '%s' with %u instances: they are too close to tell",
		              best->layout, best->instances, l->v[1].c.layout, l->v[1].c.instances);
	if (r == 0 && n == 1 && !best->problem[0])
		r = check_rising(a, groups[0], best, missing);
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		const struct ofbc_candidate *c = &l->v[i].c;

		if (strncmp(c->problem, "not measured", 12) == 0 || strncmp(c->problem, "too few", 7) == 0)
			r = strv_addf(missing, "'%s' with %u instances: %s", c->layout, c->instances,
			              c->problem);
	}
	return r;
}

static int fill(const struct adviser *a, const struct group *const *groups, size_t n, struct chance_list *l,
                struct ofbc_advice *ret)
{
	const struct bench_run *run = groups[0]->run;
	struct strv missing = {0};
	int r = find_missing(a, groups, n, l, &missing);

	ret->missing = missing.v;
	text_copy(ret->benchmark, sizeof(ret->benchmark), n > 1 ? "mix" : groups[0]->d->cell.benchmark);
	text_copy(ret->parameters, sizeof(ret->parameters), n > 1 ? "" : groups[0]->d->cell.parameters);
	for (size_t k = 0, len = 0; n > 1 && k < n && len < sizeof(ret->parameters); k++)
		len += (size_t)snprintf(ret->parameters + len, sizeof(ret->parameters) - len, "%s%s=%g",
		                        k ? " " : "", groups[k]->d->cell.benchmark, groups[k]->weight);
	text_copy(ret->host, sizeof(ret->host), run->host);
	text_copy(ret->platform, sizeof(ret->platform), run->platform);
	text_copy(ret->emulated, sizeof(ret->emulated), run->emulated);
	ret->higher_is_better = n == 1 && advise_higher_is_better(a->rq->goal);
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		struct ofbc_candidate *c = list_add(&ret->candidates);

		if (c)
			*c = l->v[i].c;
		else
			r = -ENOMEM;
	}
	if (r == 0 && !l->v[0].c.problem[0])
		r = advise_layout_print(l->v[0].request, &l->v[0].c, &ret->layout);
	return r;
}

static int advise_on(const struct adviser *a, const struct group *const *groups, size_t n,
                     struct ofbc_advice_list *ret)
{
	_cleanup_(chances_done) struct chance_list chances = {0};
	int r = add_chances(a, groups, n, &chances);
	struct ofbc_advice *one;

	if (r == 0 && chances.n)
		r = judge(a, groups, n, &chances);
	if (r < 0 || !chances.n)
		return r;
	one = list_add(ret);
	return one ? fill(a, groups, n, &chances, one) : -ENOMEM;
}

/* All workloads of one host together. */
static int advise_mix(const struct adviser *a, struct ofbc_advice_list *ret, struct ofbc_error *err)
{
	const struct group *groups[WORKLOADS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < a->groups.n; i++) {
		const struct group *g = &a->groups.v[i];

		if (strcmp(g->run->host, a->groups.v[0].run->host) != 0 ||
		    strcmp(g->run->platform, a->groups.v[0].run->platform) != 0 ||
		    strcmp(g->run->emulated, a->groups.v[0].run->emulated) != 0) {
			error_set(err, EINVAL, OFBC_REASON_USAGE,
			          "the workloads of a mix were measured on different hosts");
			error_hint(err, "name runs of one host with --run");
			return -EINVAL;
		}
		if (n == WORKLOADS_MAX) {
			error_set(err, EINVAL, OFBC_REASON_USAGE, "a mix has at most %d workloads",
			          WORKLOADS_MAX);
			error_hint(err, "name some of them, or choose with --parameters");
			return -EINVAL;
		}
		groups[n++] = g;
	}
	return advise_on(a, groups, n, ret);
}

static int check_request(const struct ofbc_advice_request *rq, struct ofbc_error *err)
{
	for (size_t i = 0; i < rq->n_workloads; i++) {
		const char *equals = strchr(rq->workloads[i], '=');
		char *end = NULL;

		if (!equals)
			continue;
		if (!rq->is_mix || !(strtod(equals + 1, &end) > 0) || *end) {
			error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no workload%s", rq->workloads[i],
			          rq->is_mix ? " with a weight" : "");
			error_hint(err, "NAME; with --mix also NAME=WEIGHT, for example mlp=3");
			return -EINVAL;
		}
	}
	if (rq->goal == OFBC_GOAL_USERS && !(rq->within_s > 0)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "how long a user may wait is not said");
		error_hint(err, "for example --within 33.3ms, a frame at 30 a second");
		return -EINVAL;
	}
	if (rq->goal == OFBC_GOAL_COST && !(rq->price_hour > 0) && !(rq->price_kwh > 0)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "costs need prices");
		error_hint(err, "--price-hour of the host, --price-kwh of energy, or both");
		return -EINVAL;
	}
	return 0;
}

static int nothing(struct ofbc_error *err)
{
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "nothing that was measured fits");
	error_hint(
		err,
		"`openforbc bench sweep LAYOUTS BENCHMARK` measures layouts; results of other hosts count when "
		"they are named with --run");
	return -ENOENT;
}

int ofbc_advise(struct ofbc_context *ctx, const struct ofbc_advice_request *rq, struct ofbc_advice_list **ret,
                struct ofbc_error *err)
{
	_cleanup_(ofbc_advice_list_free_p) struct ofbc_advice_list *l = calloc(1, sizeof(*l));
	_cleanup_(adviser_done) struct adviser a = {.ctx = ctx, .rq = rq};
	int r = l ? check_request(rq, err) : -ENOMEM;

	if (r == 0)
		r = collect(&a, err);
	if (r == 0 && a.groups.n && rq->is_mix)
		r = advise_mix(&a, l, err);
	for (size_t i = 0; r == 0 && !rq->is_mix && i < a.groups.n; i++)
		r = advise_on(&a, (const struct group *const[]){&a.groups.v[i]}, 1, l);
	if (r == 0 && !l->n)
		r = nothing(err);
	if (r == 0)
		*ret = steal_ptr(l);
	return r;
}

void ofbc_advice_list_free(struct ofbc_advice_list *list)
{
	for (size_t i = 0; list && i < list->n; i++) {
		struct strv missing = {.v = list->v[i].missing};

		while (missing.v && missing.v[missing.n])
			missing.n++;
		strv_done(&missing);
		free(list->v[i].candidates.v);
		free(list->v[i].layout);
	}
	if (list)
		free(list->v);
	free(list);
}
