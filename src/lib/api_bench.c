/* SPDX-License-Identifier: MIT */
/* Public calls about results: listing and comparing what is in the store. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strv.h"
#include "bench/compare.h"
#include "lib/bench.h"

DEFINE_CLEANUP(struct ofbc_bench_result_list *, ofbc_bench_result_list_free);
DEFINE_CLEANUP(struct ofbc_bench_comparison_list *, ofbc_bench_comparison_list_free);
DEFINE_CLEANUP(struct results *, results_close);
#define _cleanup_results_ _cleanup_(results_close_p)

int bench_open_results(struct ofbc_context *ctx, struct results **ret, struct ofbc_error *err)
{
	int r = results_open(ctx->state_dir, false, ret, err);

	if (r == -ENOENT) {
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "nothing was measured yet");
		error_hint(err, "`openforbc bench run` measures");
	}
	return r;
}

const char *bench_better(bool has_direction, bool higher)
{
	return !has_direction ? "" : higher ? "higher" : "lower";
}

/* --- results --- */

static int add_result(const struct bench_summary *s, struct ofbc_bench_result_list *l)
{
	struct ofbc_bench_result *o = list_add(l);

	if (!o)
		return -ENOMEM;
	*o = (struct ofbc_bench_result){.started_unix_s = s->started_unix_s,
	                                .instances = s->cell.instances,
	                                .trials = s->trials,
	                                .flagged = s->flagged,
	                                .median = s->median,
	                                .low = s->low,
	                                .high = s->high,
	                                .min = s->min,
	                                .max = s->max,
	                                .deviation = s->deviation};
	text_copy(o->run, sizeof(o->run), s->cell.run);
	text_copy(o->benchmark, sizeof(o->benchmark), s->cell.benchmark);
	text_copy(o->parameters, sizeof(o->parameters), s->cell.parameters);
	text_copy(o->layout, sizeof(o->layout), s->cell.layout);
	text_copy(o->metric, sizeof(o->metric), s->metric);
	text_copy(o->unit, sizeof(o->unit), s->unit);
	text_copy(o->better, sizeof(o->better), bench_better(s->has_direction, s->higher_is_better));
	text_copy(o->verdict, sizeof(o->verdict), bench_verdict_names[s->cell.verdict]);
	text_copy(o->reason, sizeof(o->reason), s->cell.reason ? s->cell.reason : "");
	text_copy(o->platform, sizeof(o->platform), s->platform);
	text_copy(o->emulated, sizeof(o->emulated), s->emulated);
	return 0;
}

void ofbc_bench_result_list_free(struct ofbc_bench_result_list *list)
{
	if (list)
		free(list->v);
	free(list);
}

/* A run may be named by its label, or as the last one. */
int bench_find_run(struct results *results, const char *spec, size_t len, struct bench_run *ret,
                   struct ofbc_error *err)
{
	struct bench_run_list runs = {0};
	char name[64], id[37] = "";
	int r;

	text_copy(name, len < sizeof(name) ? len + 1 : sizeof(name), spec);
	r = results_runs(
		results,
		&(struct results_filter){.label = strcmp(name, "last") == 0 ? NULL : name, .limit = 1}, &runs,
		err);
	if (r == 0 && runs.n)
		text_copy(id, sizeof(id), runs.v[0].id);
	bench_run_list_done(&runs);
	return r < 0 ? r : results_find_run(results, id[0] ? id : name, ret, err);
}

int bench_list(struct ofbc_context *ctx, const struct ofbc_bench_filter *filter,
               struct bench_summary_list *ret, struct ofbc_error *err)
{
	const struct ofbc_bench_filter none = {0}, *f = filter ? filter : &none;
	_cleanup_results_ struct results *results = NULL;
	struct bench_run run = {0};
	struct results_filter rf = {.benchmark = f->benchmark,
	                            .layout = f->layout,
	                            .metric = f->metric,
	                            .platform = f->platform,
	                            .label = f->label,
	                            .parameters = f->parameters,
	                            .limit = f->limit};
	int r = bench_open_results(ctx, &results, err);

	if (r == 0 && f->run) {
		r = bench_find_run(results, f->run, strlen(f->run), &run, err);
		rf.run = run.id;
	}
	if (r == 0)
		r = results_list(results, &rf, ret, err);
	bench_run_done(&run);
	return r;
}

int ofbc_bench_results(struct ofbc_context *ctx, const struct ofbc_bench_filter *filter,
                       struct ofbc_bench_result_list **ret, struct ofbc_error *err)
{
	_cleanup_(ofbc_bench_result_list_free_p) struct ofbc_bench_result_list *l = calloc(1, sizeof(*l));
	struct bench_summary_list all = {0};
	int r = l ? bench_list(ctx, filter, &all, err) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_result(&all.v[i], l);
	bench_summary_list_done(&all);
	if (r == 0)
		*ret = steal_ptr(l);
	return r;
}

/* --- compare --- */

/* One side: a run with all trials, and the layout that was named. */
struct side {
	struct bench_run_data data;
	char layout[64]; /* "" all */
};

static void side_done(struct side *s)
{
	bench_run_data_done(&s->data);
}
#define _cleanup_side_ __attribute__((cleanup(side_done)))

/* RUN or RUN:LAYOUT; layouts may have colons. */
static int load_side(struct results *results, const char *spec, struct side *ret, struct ofbc_error *err)
{
	const char *colon = strchr(spec, ':');
	struct bench_run run = {0};
	int r = bench_find_run(results, spec, colon ? (size_t)(colon - spec) : strlen(spec), &run, err);

	if (r == 0 && colon)
		text_copy(ret->layout, sizeof(ret->layout), colon + 1);
	if (r == 0)
		r = results_load_run(results, run.id, &ret->data, err);
	bench_run_done(&run);
	return r;
}

static bool has_layout(const struct side *s, const struct bench_cell *c)
{
	return !s->layout[0] || strcmp(s->layout, c->layout) == 0;
}

static bool are_alike(const struct side *a, const struct side *b, const struct bench_cell *x,
                      const struct bench_cell *y)
{
	if (strcmp(x->benchmark, y->benchmark) != 0 || strcmp(x->parameters, y->parameters) != 0 ||
	    !has_layout(a, x) || !has_layout(b, y))
		return false;
	return a->layout[0] || b->layout[0] ||
	       (strcmp(x->layout, y->layout) == 0 && x->instances == y->instances);
}

/* Values of all together over the good trials; free() them. */
static double *values_of(const struct bench_cell_data *c, const char *metric, size_t *ret_n)
{
	double *v = malloc((c->trials.n + 1) * sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < c->trials.n; i++) {
		const struct bench_trial *t = &c->trials.v[i];

		for (size_t k = 0; t->verdict == BENCH_OK && k < t->n_values; k++) {
			if (t->values[k].instance == -1 && strcmp(t->values[k].metric, metric) == 0)
				v[(*ret_n)++] = t->values[k].value;
		}
	}
	return v;
}

struct inputs {
	struct comparison_input *v;
	struct comparison *c;
	size_t n, cap;
};

static void inputs_done(struct inputs *in)
{
	for (size_t i = 0; i < in->n; i++) {
		free((double *)(uintptr_t)in->v[i].a);
		free((double *)(uintptr_t)in->v[i].b);
	}
	free(in->v);
	free(in->c);
}

static int add_pair(const struct bench_cell_data *x, const struct bench_cell_data *y,
                    const struct bench_summary *s, struct inputs *in, struct ofbc_bench_comparison_list *l)
{
	struct comparison_input *i = list_add(in);
	struct ofbc_bench_comparison *o = i ? list_add(l) : NULL;

	if (!o)
		return -ENOMEM;
	i->a = values_of(x, s->metric, &i->n_a);
	i->b = values_of(y, s->metric, &i->n_b);
	i->higher_is_better = s->higher_is_better;
	if (!i->a || !i->b)
		return -ENOMEM;
	text_copy(o->benchmark, sizeof(o->benchmark), x->cell.benchmark);
	text_copy(o->parameters, sizeof(o->parameters), x->cell.parameters);
	text_copy(o->layout_a, sizeof(o->layout_a), x->cell.layout);
	text_copy(o->layout_b, sizeof(o->layout_b), y->cell.layout);
	o->instances_a = x->cell.instances;
	o->instances_b = y->cell.instances;
	text_copy(o->metric, sizeof(o->metric), s->metric);
	text_copy(o->unit, sizeof(o->unit), s->unit);
	text_copy(o->better, sizeof(o->better), bench_better(s->has_direction, s->higher_is_better));
	return 0;
}

/* Same metric of both; without a direction nothing can be better or worse. */
static int pair_cells(const struct bench_cell_data *x, const struct bench_cell_data *y, struct inputs *in,
                      struct ofbc_bench_comparison_list *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->summaries.n; i++) {
		const struct bench_summary *s = &x->summaries.v[i];

		for (size_t k = 0; s->has_direction && k < y->summaries.n; k++) {
			if (strcmp(s->metric, y->summaries.v[k].metric) == 0) {
				r = add_pair(x, y, s, in, l);
				break;
			}
		}
	}
	return r;
}

static int pair_sides(const struct side *a, const struct side *b, struct inputs *in,
                      struct ofbc_bench_comparison_list *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->data.cells.n; i++) {
		for (size_t k = 0; r == 0 && k < b->data.cells.n; k++) {
			if (are_alike(a, b, &a->data.cells.v[i].cell, &b->data.cells.v[k].cell))
				r = pair_cells(&a->data.cells.v[i], &b->data.cells.v[k], in, l);
		}
	}
	return r;
}

static void fill(const struct inputs *in, struct ofbc_bench_comparison_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct comparison *c = &in->c[i];
		struct ofbc_bench_comparison *o = &l->v[i];

		o->trials_a = c->n_a;
		o->trials_b = c->n_b;
		o->median_a = c->median_a;
		o->median_b = c->median_b;
		o->ratio = c->ratio;
		o->low = c->interval.low;
		o->high = c->interval.high;
		o->p = c->p_adjusted;
		text_copy(o->verdict, sizeof(o->verdict), verdict_names[c->verdict]);
		l->better += c->verdict == VERDICT_BETTER;
		l->worse += c->verdict == VERDICT_WORSE;
		l->equal += c->verdict == VERDICT_EQUAL;
		l->undecided += c->verdict == VERDICT_UNDECIDED;
	}
}

static int check_sides(const struct side *a, const struct side *b, struct ofbc_error *err)
{
	if (!a->data.run.emulated[0] == !b->data.run.emulated[0])
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "run %.8s is from an emulated host, run %.8s is not",
	          a->data.run.emulated[0] ? a->data.run.id : b->data.run.id,
	          a->data.run.emulated[0] ? b->data.run.id : a->data.run.id);
	error_hint(err, "what is emulated says nothing about hardware");
	return -EINVAL;
}

void ofbc_bench_comparison_list_free(struct ofbc_bench_comparison_list *list)
{
	if (list)
		free(list->v);
	free(list);
}

int ofbc_bench_compare(struct ofbc_context *ctx, const char *a, const char *b, double margin,
                       struct ofbc_bench_comparison_list **ret, struct ofbc_error *err)
{
	_cleanup_(ofbc_bench_comparison_list_free_p) struct ofbc_bench_comparison_list *l =
		calloc(1, sizeof(*l));
	_cleanup_(inputs_done) struct inputs in = {0};
	_cleanup_results_ struct results *results = NULL;
	_cleanup_side_ struct side x = {0}, y = {0};
	struct interval interval = {NAN, NAN};
	int r = l ? bench_open_results(ctx, &results, err) : -ENOMEM;

	if (r == 0)
		r = load_side(results, a, &x, err);
	if (r == 0)
		r = load_side(results, b, &y, err);
	if (r == 0)
		r = check_sides(&x, &y, err);
	if (r == 0)
		r = pair_sides(&x, &y, &in, l);
	if (r < 0)
		return r;
	if (!l->n) {
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "'%s' and '%s' have no results in common", a,
		          b);
		error_hint(err,
		           "same benchmark, same parameters; `openforbc bench results --run RUN` shows them");
		return -ENOENT;
	}
	in.c = calloc(in.n, sizeof(*in.c));
	r = in.c ? compare_all(in.v, in.n, margin > 0 ? margin : COMPARE_MARGIN, 1, in.c) : -ENOMEM;
	if (r < 0)
		return r;
	fill(&in, l);
	for (size_t i = 0; i < l->n; i++)
		l->v[i].emulated = x.data.run.emulated[0] != '\0';
	l->geomean = NAN;
	if (compare_geomean(in.v, in.n, 1, &l->geomean, &interval) < 0)
		l->geomean = NAN;
	l->low = interval.low;
	l->high = interval.high;
	*ret = steal_ptr(l);
	return 0;
}
