/* SPDX-License-Identifier: MIT */
/* What another machine, or an earlier export, knows of a run. */
#include "store/results_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"

static int merge_run(struct results *r, const struct bench_run *run, struct results_merged *ret,
                     struct ofbc_error *err)
{
	struct bench_run stored = {0};
	sqlite3_int64 id;
	struct ofbc_error missing = {0};
	int e = results_run_id(r, run->id, &id, &missing);

	if (e == -ENOENT) {
		e = results_add_run(r, run, err);
		ret->runs += e == 0;
		return e;
	}
	if (e == 0)
		e = results_find_run(r, run->id, &stored, err);
	/* A sanitised copy has other names, never other times; the one that knows the end is newer. */
	if (e == 0 && stored.started_unix_s != run->started_unix_s)
		e = error_set(err, EEXIST, OFBC_REASON_FAILED,
		              "run %s: stored began at %lld, the other at %lld", run->id,
		              (long long)stored.started_unix_s, (long long)run->started_unix_s);
	if (e == 0 && !stored.ended_unix_s && run->ended_unix_s)
		e = results_end_run(r, run, err);
	bench_run_done(&stored);
	return e;
}

static int check_same_cell(const char *run, const struct bench_cell *a, const struct bench_cell *b,
                           struct ofbc_error *err)
{
	const struct {
		const char *what, *a, *b;
	} rows[] = {{"benchmark", a->benchmark, b->benchmark},
	            {"definition", a->definition, b->definition},
	            {"parameters", a->parameters, b->parameters},
	            {"layout", a->layout, b->layout}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].a, rows[i].b) != 0)
			return error_set(err, EEXIST, OFBC_REASON_FAILED,
			                 "run %s, cell %u: stored is %s '%s', the other has '%s'", run,
			                 a->number, rows[i].what, rows[i].a, rows[i].b);
	}
	return 0;
}

/* 1: it is new. *ret_had: trials there were. */
static int merge_cell_itself(struct results *r, const char *run, const struct bench_cell *c,
                             struct bench_cell_data *ret_stored, struct ofbc_error *err)
{
	struct ofbc_error missing = {0};
	sqlite3_int64 id;
	int e = results_cell_id(r, run, c->number, &id, &missing);

	if (e == -ENOENT) {
		e = results_add_cells(r, run, c, 1, err);
		return e < 0 ? e : 1;
	}
	if (e == 0)
		e = results_load_cell(r, run, c->number, ret_stored, err);
	return e < 0 ? e : check_same_cell(run, &ret_stored->cell, c, err);
}

/* The side with more trials knows the verdict and the summaries. */
static int take_verdict(struct results *r, const char *run, const struct bench_cell_data *d,
                        struct ofbc_error *err)
{
	struct bench_cell cell = d->cell; /* borrows the reason */

	text_copy(cell.run, sizeof(cell.run), run);
	return results_set_verdict(r, &cell, d->summaries.v, d->summaries.n, err);
}

static int merge_cell(struct results *r, const char *run, const struct bench_cell_data *d,
                      struct results_merged *ret, struct ofbc_error *err)
{
	_cleanup_cell_data_ struct bench_cell_data stored = {0};
	size_t added = 0;
	int e = merge_cell_itself(r, run, &d->cell, &stored, err);

	if (e < 0)
		return e;
	ret->cells += (size_t)e;
	for (size_t i = 0; i < d->trials.n; i++) {
		e = results_add_trial(r, run, d->cell.number, &d->trials.v[i], err);
		if (e < 0)
			return e;
		added += e == 0;
	}
	ret->trials += added;
	ret->present += d->trials.n - added;
	if (d->trials.n >= stored.trials.n &&
	    (stored.cell.verdict == BENCH_PLANNED || d->cell.verdict != BENCH_PLANNED))
		e = take_verdict(r, run, d, err);
	else
		e = 0;
	if (e == 0 && added && stored.trials.n > d->trials.n - added) {
		struct bench_cell *c = list_add(&ret->mixed);

		if (!c)
			return -ENOMEM;
		text_copy(c->run, sizeof(c->run), run);
		c->number = d->cell.number;
	}
	return e;
}

int results_merge(struct results *r, const struct bench_run_data *data, struct results_merged *ret,
                  struct ofbc_error *err)
{
	int entered = results_enter(r, err), e;

	if (entered < 0)
		return entered;
	e = merge_run(r, &data->run, ret, err);
	for (size_t i = 0; e == 0 && i < data->cells.n; i++)
		e = merge_cell(r, data->run.id, &data->cells.v[i], ret, err);
	return results_leave(r, entered, e, err);
}

void results_merged_done(struct results_merged *m)
{
	free(m->mixed.v);
	*m = (struct results_merged){0};
}
