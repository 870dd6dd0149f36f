/* SPDX-License-Identifier: MIT */
#include "model/result.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/strv.h"

const char *const bench_verdict_names[BENCH_N_VERDICTS] = {
	[BENCH_PLANNED] = "planned",
	[BENCH_OK] = "ok",
	[BENCH_NOT_CONVERGED] = "not-converged",
	[BENCH_NO_STEADY] = "no-steady-state",
	[BENCH_FAILED] = "failed",
	[BENCH_TIMEOUT] = "timeout",
	[BENCH_INVALID] = "invalid",
	[BENCH_THROTTLED] = "throttled",
	[BENCH_SKIPPED] = "skipped",
	[BENCH_LOST] = "lost",
};

int bench_verdict_parse(const char *name, enum bench_verdict *ret)
{
	for (size_t i = 0; i < BENCH_N_VERDICTS; i++) {
		if (strcmp(bench_verdict_names[i], name) == 0) {
			*ret = (enum bench_verdict)i;
			return 0;
		}
	}
	return -EINVAL;
}

struct bench_trial *bench_trial_add(struct bench_trial_list *l)
{
	struct bench_trial *t = list_add(l);

	if (t) {
		t->window_s = t->skew_s = NAN;
		t->energy_j = t->energy_u = NAN;
	}
	return t;
}

struct bench_value *bench_value_add(struct bench_trial *t, const char *metric, int instance, double value)
{
	struct bench_value *values = t->values, *v;

	/* Powers of two: most trials have a handful, some a hundred thousand. */
	if ((t->n_values & (t->n_values - 1)) == 0) {
		size_t more = t->n_values ? t->n_values * 2 : 1;

		values = reallocarray(t->values, more, sizeof(*values));
		if (!values)
			return NULL;
		t->values = values;
	}
	v = &values[t->n_values++];
	*v = (struct bench_value){.instance = instance, .value = value};
	text_copy(v->metric, sizeof(v->metric), metric);
	return v;
}

struct bench_summary *bench_summary_add(struct bench_summary_list *l, const char *metric)
{
	struct bench_summary *s = list_add(l);

	if (s) {
		text_copy(s->metric, sizeof(s->metric), metric);
		s->median = s->low = s->high = NAN;
		s->min = s->max = s->deviation = NAN;
	}
	return s;
}

static int by_name(const void *a, const void *b)
{
	const struct bench_value *x = *(const struct bench_value *const *)a,
				 *y = *(const struct bench_value *const *)b;
	int r = strcmp(x->metric, y->metric);

	return r ? r : (x->instance > y->instance) - (x->instance < y->instance);
}

static const struct bench_value **in_order(const struct bench_trial *t)
{
	const struct bench_value **v = calloc(t->n_values + 1, sizeof(*v));

	for (size_t i = 0; v && i < t->n_values; i++)
		v[i] = &t->values[i];
	if (v && t->n_values)
		qsort(v, t->n_values, sizeof(*v), by_name);
	return v;
}

/* What is not finite is unknown. */
static bool same(double a, double b)
{
	return a == b || (!isfinite(a) && !isfinite(b));
}

static bool have_same_values(const struct bench_trial *a, const struct bench_trial *b)
{
	_cleanup_free_ const struct bench_value **x = in_order(a), **y = in_order(b);
	bool equal = x && y && a->n_values == b->n_values;

	for (size_t i = 0; equal && i < a->n_values; i++)
		equal = by_name(&x[i], &y[i]) == 0 && same(x[i]->value, y[i]->value);
	return equal;
}

bool bench_trial_equal(const struct bench_trial *a, const struct bench_trial *b)
{
	return a->number == b->number && a->block == b->block && a->started_unix_ns == b->started_unix_ns &&
	       same(a->window_s, b->window_s) && same(a->skew_s, b->skew_s) &&
	       same(a->energy_j, b->energy_j) && same(a->energy_u, b->energy_u) &&
	       strcmp(a->energy_source, b->energy_source) == 0 && a->verdict == b->verdict &&
	       have_same_values(a, b);
}

void bench_run_done(struct bench_run *r)
{
	free(r->request);
	free(r->environment);
	free(r->environment_after);
	free(r->note);
	*r = (struct bench_run){0};
}

void bench_cell_done(struct bench_cell *c)
{
	free(c->reason);
	*c = (struct bench_cell){0};
}

void bench_trial_done(struct bench_trial *t)
{
	free(t->reason);
	free(t->values);
	free(t->latencies);
	*t = (struct bench_trial){0};
}

void bench_trial_list_done(struct bench_trial_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		bench_trial_done(&l->v[i]);
	free(l->v);
	*l = (struct bench_trial_list){0};
}

bool bench_aggressor(const char *parameters, char *buf, size_t size)
{
	size_t skip = strlen(BENCH_AGAINST),
	       n = strcspn(parameters + (strncmp(parameters, BENCH_AGAINST, skip) ? 0 : skip), " ");

	if (bench_own_parameters(parameters) == parameters)
		return false;
	text_copy(buf, n < size ? n + 1 : size, parameters + skip);
	return true;
}

const char *bench_own_parameters(const char *parameters)
{
	size_t n = strcspn(parameters, " ");

	if (strncmp(parameters, BENCH_AGAINST, strlen(BENCH_AGAINST)) != 0)
		return parameters;
	return parameters + n + (parameters[n] == ' ');
}

unsigned bench_measured(const struct bench_cell *c)
{
	return bench_own_parameters(c->parameters) == c->parameters ? c->instances : 1;
}

void bench_summary_list_done(struct bench_summary_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		bench_cell_done(&l->v[i].cell);
	free(l->v);
	*l = (struct bench_summary_list){0};
}

void bench_run_list_done(struct bench_run_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		bench_run_done(&l->v[i]);
	free(l->v);
	*l = (struct bench_run_list){0};
}

void bench_cell_data_done(struct bench_cell_data *d)
{
	bench_cell_done(&d->cell);
	bench_summary_list_done(&d->summaries);
	bench_trial_list_done(&d->trials);
}

void bench_run_data_done(struct bench_run_data *d)
{
	bench_run_done(&d->run);
	for (size_t i = 0; i < d->cells.n; i++)
		bench_cell_data_done(&d->cells.v[i]);
	free(d->cells.v);
	d->cells = (struct bench_cell_data_list){0};
}

void bench_archive_done(struct bench_archive *a)
{
	for (size_t i = 0; i < a->n; i++)
		bench_run_data_done(&a->v[i]);
	free(a->v);
	*a = (struct bench_archive){0};
}
