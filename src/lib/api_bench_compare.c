/* SPDX-License-Identifier: MIT */
/* Public call that compares: cells of two runs, or the two sides of one whose configuration was measured
 * twice. */
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

DEFINE_CLEANUP(struct ofbc_bench_comparison_list *, ofbc_bench_comparison_list_free);
DEFINE_CLEANUP(struct results *, results_close);
#define _cleanup_results_ _cleanup_(results_close_p)

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

/* "aa=A size=1" and "aa=B size=1" of one run: the same thing under two labels. */
static bool are_sides(const struct side *a, const struct bench_cell *x, const struct bench_cell *y)
{
	size_t n = strlen(BENCH_SIDE_A);

	return strncmp(x->parameters, BENCH_SIDE_A, n) == 0 && strncmp(y->parameters, BENCH_SIDE_B, n) == 0 &&
	       strcmp(x->parameters + n, y->parameters + n) == 0 && strcmp(x->benchmark, y->benchmark) == 0 &&
	       strcmp(x->layout, y->layout) == 0 && x->instances == y->instances && has_layout(a, x);
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

/* Value of all together of a good trial; NAN: none. */
static double value_of(const struct bench_trial *t, const char *metric)
{
	for (size_t k = 0; t->verdict == BENCH_OK && k < t->n_values; k++) {
		if (t->values[k].instance == -1 && strcmp(t->values[k].metric, metric) == 0)
			return t->values[k].value;
	}
	return NAN;
}

/* Of the trial of one block; NAN: none. */
static double value_in_block(const struct bench_cell_data *c, unsigned block, const char *metric)
{
	for (size_t i = 0; i < c->trials.n; i++) {
		if (c->trials.v[i].block == block)
			return value_of(&c->trials.v[i], metric);
	}
	return NAN;
}

/* Values over the good trials, of those blocks only in which `other` has one, too; other NULL: of all. free()
 * them. */
static double *values_of(const struct bench_cell_data *c, const struct bench_cell_data *other,
                         const char *metric, size_t *ret_n)
{
	double *v = malloc((c->trials.n + 1) * sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < c->trials.n; i++) {
		const struct bench_trial *t = &c->trials.v[i];
		double value = value_of(t, metric);

		if (!isnan(value) && (!other || !isnan(value_in_block(other, t->block, metric))))
			v[(*ret_n)++] = value;
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

/* Trials of one run and one stage took turns block by block, so that a drift of the machine hits both. */
static bool are_blocked(const struct bench_cell *x, const struct bench_cell *y)
{
	return strcmp(x->run, y->run) == 0 && strcmp(x->layout, y->layout) == 0 &&
	       x->instances == y->instances && x->number != y->number;
}

static int add_pair(const struct bench_cell_data *x, const struct bench_cell_data *y,
                    const struct bench_summary *s, struct inputs *in, struct ofbc_bench_comparison_list *l)
{
	struct comparison_input *i = list_add(in);
	struct ofbc_bench_comparison *o = i ? list_add(l) : NULL;

	if (!o)
		return -ENOMEM;
	i->is_paired = are_blocked(&x->cell, &y->cell);
	i->a = values_of(x, i->is_paired ? y : NULL, s->metric, &i->n_a);
	i->b = values_of(y, i->is_paired ? x : NULL, s->metric, &i->n_b);
	o->is_paired = i->is_paired;
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

/* b NULL: the two sides of a. */
static int pair_sides(const struct side *a, const struct side *b, struct inputs *in,
                      struct ofbc_bench_comparison_list *l)
{
	const struct side *other = b ? b : a;
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->data.cells.n; i++) {
		const struct bench_cell_data *x = &a->data.cells.v[i];

		for (size_t k = 0; r == 0 && k < other->data.cells.n; k++) {
			const struct bench_cell_data *y = &other->data.cells.v[k];

			if (b ? are_alike(a, b, &x->cell, &y->cell) : are_sides(a, &x->cell, &y->cell))
				r = pair_cells(x, y, in, l);
		}
	}
	return r;
}

static int nothing_in_common(const char *a, const char *b, struct ofbc_error *err)
{
	if (!b) {
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "run '%s' has no two sides", a);
		error_hint(err, "name a second run, or measure with `openforbc bench run --aa`");
		return -ENOENT;
	}
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "'%s' and '%s' have no results in common", a, b);
	error_hint(err, "same benchmark, same parameters; `openforbc bench results --run RUN` shows them");
	return -ENOENT;
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
	if (r == 0 && b)
		r = load_side(results, b, &y, err);
	if (r == 0 && b)
		r = check_sides(&x, &y, err);
	if (r == 0)
		r = pair_sides(&x, b ? &y : NULL, &in, l);
	if (r < 0)
		return r;
	if (!l->n)
		return nothing_in_common(a, b, err);
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
