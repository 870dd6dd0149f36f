/* SPDX-License-Identifier: MIT */
/* Lists and loading. Runs are walked from the newest, so that a limit ends the walk early. */
#include "store/results_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strbuf.h"

#define RUN_COLUMNS                                                                                          \
	"run.uuid, run.started_unix_s, run.ended_unix_s, run.host, run.platform, run.emulated, run.label,"   \
	" run.program, run.origin, run.seed, run.note"
#define N_RUN_COLUMNS 11
#define SEVERAL       3 /* runs that a prefix fits are looked for, not more */

static int read_run(sqlite3_stmt *st, struct bench_run *run)
{
	sql_column(st, 0, run->id, sizeof(run->id));
	run->started_unix_s = sqlite3_column_int64(st, 1);
	run->ended_unix_s = sqlite3_column_int64(st, 2);
	sql_column(st, 3, run->host, sizeof(run->host));
	sql_column(st, 4, run->platform, sizeof(run->platform));
	sql_column(st, 5, run->emulated, sizeof(run->emulated));
	sql_column(st, 6, run->label, sizeof(run->label));
	sql_column(st, 7, run->program, sizeof(run->program));
	sql_column(st, 8, run->origin, sizeof(run->origin));
	run->seed = (uint64_t)sqlite3_column_int64(st, 9);
	return results_text(st, 10, &run->note);
}

/* --- filters: clauses name their parameters, and what a query does not name is not bound --- */

static void bind_named(sqlite3_stmt *st, const char *name, const char *text)
{
	int i = sqlite3_bind_parameter_index(st, name);

	if (i && text)
		sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC);
}

static void bind_named_number(sqlite3_stmt *st, const char *name, int64_t v)
{
	int i = sqlite3_bind_parameter_index(st, name);

	if (i)
		sqlite3_bind_int64(st, i, v);
}

static void bind_filter(sqlite3_stmt *st, const struct results_filter *f, const char *run)
{
	bind_named(st, ":run", run);
	bind_named(st, ":benchmark", f->benchmark);
	bind_named(st, ":layout", f->layout);
	bind_named(st, ":metric", f->metric);
	bind_named(st, ":platform", f->platform);
	bind_named(st, ":label", f->label);
	bind_named(st, ":parameters", f->parameters);
	bind_named_number(st, ":since", f->since_unix_s);
	bind_named_number(st, ":until", f->until_unix_s);
	bind_named_number(st, ":limit", f->limit ? (int64_t)f->limit : -1);
}

static void add_run_clauses(struct strbuf *q, const struct results_filter *f)
{
	if (f->run)
		strbuf_add(q, " AND run.uuid = :run");
	if (f->platform)
		strbuf_add(q, " AND run.platform = :platform");
	if (f->label)
		strbuf_add(q, " AND run.label = :label");
	if (f->since_unix_s)
		strbuf_add(q, " AND run.started_unix_s >= :since");
	if (f->until_unix_s)
		strbuf_add(q, " AND run.started_unix_s <= :until");
	if (f->emulated != RESULTS_ANY_HOST)
		strbuf_add(q, f->emulated == RESULTS_REAL_ONLY ? " AND run.emulated = ''"
		                                               : " AND run.emulated <> ''");
}

#define ID_OF(parameter) "(SELECT id FROM name WHERE name = " parameter ")"

static void add_cell_clauses(struct strbuf *q, const struct results_filter *f)
{
	if (f->benchmark)
		strbuf_add(q, " AND cell.benchmark = " ID_OF(":benchmark"));
	if (f->layout)
		strbuf_add(q, " AND cell.layout = " ID_OF(":layout"));
	if (f->metric)
		strbuf_add(q, " AND summary.metric = " ID_OF(":metric"));
	if (f->parameters)
		strbuf_add(q, " AND cell.parameters IN (SELECT id FROM name WHERE instr(name, :parameters))");
}

/* The whole UUID of what the filter names; "" when it names none. */
static int resolve_run(struct results *r, const struct results_filter *f, char ret[37],
                       struct ofbc_error *err)
{
	struct bench_run run = {0};
	int e = f->run ? results_find_run(r, f->run, &run, err) : 0;

	memcpy(ret, run.id, sizeof(run.id));
	bench_run_done(&run);
	return e;
}

static int prepare_filtered(struct results *r, struct strbuf *q, sqlite3_stmt **ret, struct ofbc_error *err)
{
	return q->err ? q->err : sql_prepare(&r->sql, strbuf_str(q), ret, err);
}

/* --- runs --- */

int results_runs(struct results *r, const struct results_filter *f, struct bench_run_list *ret,
                 struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf q = STRBUF_INIT(4096);
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	char run[37];
	int e = resolve_run(r, f, run, err), step;

	strbuf_add(&q, "SELECT " RUN_COLUMNS " FROM run WHERE 1");
	add_run_clauses(&q, f);
	if (f->benchmark)
		strbuf_add(&q, " AND EXISTS (SELECT 1 FROM cell WHERE cell.run = run.id"
		               " AND cell.benchmark = " ID_OF(":benchmark") ")");
	strbuf_add(&q, " ORDER BY run.started_unix_s DESC, run.id DESC LIMIT :limit");
	if (e == 0)
		e = prepare_filtered(r, &q, &st, err);
	if (e < 0)
		return e;
	bind_filter(st, f, run);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct bench_run *added = list_add(ret);

		if (!added || read_run(st, added) < 0)
			return -ENOMEM;
	}
	return step == SQLITE_DONE ? 0 : sql_fail(&r->sql, err);
}

static int read_whole_run(sqlite3_stmt *st, struct bench_run *run)
{
	int e = read_run(st, run);

	if (e == 0)
		e = results_text(st, N_RUN_COLUMNS, &run->request);
	if (e == 0)
		e = results_text(st, N_RUN_COLUMNS + 1, &run->environment);
	return e < 0 ? e : results_text(st, N_RUN_COLUMNS + 2, &run->environment_after);
}

int results_find_run(struct results *r, const char *prefix, struct bench_run *ret, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	char found[SEVERAL][37];
	struct bench_run run = {0};
	int n = 0, step, e = 0;

	/* 'g' sorts behind every digit of a UUID */
	if (prefix[0])
		e = sql_prepare(&r->sql,
		                "SELECT " RUN_COLUMNS ", request, environment, environment_after FROM run"
		                " WHERE uuid >= lower(?1) AND uuid < lower(?1) || 'g' ORDER BY uuid LIMIT 3",
		                &st, err);
	if (e < 0)
		return e;
	sqlite3_bind_text(st, 1, prefix, -1, SQLITE_STATIC);
	while (e == 0 && (step = sqlite3_step(st)) == SQLITE_ROW && n < SEVERAL) {
		sql_column(st, 0, found[n], sizeof(found[n]));
		if (n++ == 0)
			e = read_whole_run(st, &run);
	}
	if (e == 0 && st && step != SQLITE_DONE && step != SQLITE_ROW)
		e = sql_fail(&r->sql, err);
	if (e == 0 && n == 0)
		e = error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no run '%s'", prefix);
	if (e == 0 && n > 1)
		e = error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' fits %s and %s%s", prefix, found[0],
		              found[1], n == SEVERAL ? " and others" : "");
	if (e < 0) {
		bench_run_done(&run);
		return e;
	}
	*ret = run;
	return 0;
}

/* --- cells --- */

/* run, number, the ids of four names, instances, verdict, reason: from column `at` on */
static int read_cell(struct results *r, sqlite3_stmt *st, int at, struct bench_cell *c,
                     struct ofbc_error *err)
{
	const struct {
		char *buf;
		size_t size;
	} names[] = {{c->benchmark, sizeof(c->benchmark)},
	             {c->definition, sizeof(c->definition)},
	             {c->parameters, sizeof(c->parameters)},
	             {c->layout, sizeof(c->layout)}};
	int e = 0;

	sql_column(st, at, c->run, sizeof(c->run));
	c->number = (unsigned)sqlite3_column_int64(st, at + 1);
	for (size_t i = 0; e == 0 && i < ARRAY_SIZE(names); i++)
		e = results_name(r, sqlite3_column_int64(st, at + 2 + (int)i), names[i].buf, names[i].size,
		                 err);
	c->instances = (unsigned)sqlite3_column_int64(st, at + 6);
	c->verdict = (enum bench_verdict)sqlite3_column_int(st, at + 7);
	if (c->verdict >= BENCH_N_VERDICTS)
		c->verdict = BENCH_INVALID;
	return e < 0 ? e : results_text(st, at + 8, &c->reason);
}

/* metric, unit, direction, counts, numbers: from column `at` on; all NULL for a cell without metrics */
static int read_summary(struct results *r, sqlite3_stmt *st, int at, struct bench_summary *s,
                        struct ofbc_error *err)
{
	int e = results_name(r, sqlite3_column_int64(st, at), s->metric, sizeof(s->metric), err);

	if (e == 0)
		e = results_name(r, sqlite3_column_int64(st, at + 1), s->unit, sizeof(s->unit), err);
	s->has_direction = sqlite3_column_type(st, at + 2) != SQLITE_NULL;
	s->higher_is_better = sqlite3_column_int(st, at + 2) != 0;
	s->trials = (size_t)sqlite3_column_int64(st, at + 3);
	s->flagged = (size_t)sqlite3_column_int64(st, at + 4);
	s->median = results_number(st, at + 5);
	s->low = results_number(st, at + 6);
	s->high = results_number(st, at + 7);
	s->min = results_number(st, at + 8);
	s->max = results_number(st, at + 9);
	s->deviation = results_number(st, at + 10);
	return e;
}

static int read_listed(struct results *r, sqlite3_stmt *st, struct bench_summary *s, struct ofbc_error *err)
{
	int e = read_cell(r, st, 0, &s->cell, err);

	if (e == 0)
		e = read_summary(r, st, 9, s, err);
	sql_column(st, 20, s->platform, sizeof(s->platform));
	sql_column(st, 21, s->emulated, sizeof(s->emulated));
	s->started_unix_s = sqlite3_column_int64(st, 22);
	sql_column(st, 23, s->host, sizeof(s->host));
	return e;
}

int results_list(struct results *r, const struct results_filter *f, struct bench_summary_list *ret,
                 struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf q = STRBUF_INIT(4096);
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	char run[37];
	int e = resolve_run(r, f, run, err), step;

	/* CROSS: SQLite keeps the order of the tables, hence that of the runs. */
	strbuf_add(&q, "SELECT run.uuid, cell.number, benchmark, definition, parameters, layout, instances,"
	               " verdict, reason, metric, unit, direction, trials, flagged, median, low, high, min,"
	               " max, deviation, run.platform, run.emulated, run.started_unix_s, run.host"
	               " FROM run CROSS JOIN cell ON cell.run = run.id"
	               " LEFT JOIN summary ON summary.cell = cell.id WHERE 1");
	add_run_clauses(&q, f);
	add_cell_clauses(&q, f);
	strbuf_add(&q, " ORDER BY run.started_unix_s DESC, run.id DESC, cell.number, summary.metric"
	               " LIMIT :limit");
	if (e == 0)
		e = prepare_filtered(r, &q, &st, err);
	if (e < 0)
		return e;
	bind_filter(st, f, run);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct bench_summary *s = bench_summary_add(ret, "");

		e = s ? read_listed(r, st, s, err) : -ENOMEM;
		if (e < 0)
			return e;
	}
	return step == SQLITE_DONE ? 0 : sql_fail(&r->sql, err);
}

/* --- loading --- */

static int read_trial(struct results *r, sqlite3_stmt *st, struct bench_trial *t, struct ofbc_error *err)
{
	int e;

	t->number = (unsigned)sqlite3_column_int64(st, 0);
	t->block = (unsigned)sqlite3_column_int64(st, 1);
	t->started_unix_ns = sqlite3_column_int64(st, 2);
	t->window_s = results_number(st, 3);
	t->skew_s = results_number(st, 4);
	t->energy_j = results_number(st, 5);
	t->energy_u = results_number(st, 6);
	e = results_name(r, sqlite3_column_int64(st, 7), t->energy_source, sizeof(t->energy_source), err);
	t->verdict = (enum bench_verdict)sqlite3_column_int(st, 8);
	if (t->verdict >= BENCH_N_VERDICTS)
		t->verdict = BENCH_INVALID;
	return e < 0 ? e : results_text(st, 9, &t->reason);
}

/* Rows of values, in the order of the trials they go to. */
static int read_values(struct results *r, sqlite3_stmt *st, struct bench_trial *trials, size_t n,
                       struct ofbc_error *err)
{
	size_t i = 0;
	int step;

	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		unsigned number = (unsigned)sqlite3_column_int64(st, 0);
		char metric[64];
		int e = results_name(r, sqlite3_column_int64(st, 1), metric, sizeof(metric), err);

		if (e < 0)
			return e;
		while (i < n && trials[i].number < number)
			i++;
		if (i < n && trials[i].number == number &&
		    !bench_value_add(&trials[i], metric, sqlite3_column_int(st, 2), results_number(st, 3)))
			return -ENOMEM;
	}
	return step == SQLITE_DONE ? 0 : sql_fail(&r->sql, err);
}

int results_load_trial(struct results *r, sqlite3_int64 cell, unsigned number, struct bench_trial *ret,
                       struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL, *values = NULL;
	int e = results_statement(r, QUERY_TRIAL_LOAD, &st, err);

	if (e == 0)
		e = results_statement(r, QUERY_VALUE_LOAD, &values, err);
	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, cell);
	sqlite3_bind_int64(st, 2, number);
	sqlite3_bind_int64(values, 1, cell);
	sqlite3_bind_int64(values, 2, number);
	if (sqlite3_step(st) != SQLITE_ROW)
		return sql_fail(&r->sql, err);
	e = read_trial(r, st, ret, err);
	return e < 0 ? e : read_values(r, values, ret, 1, err);
}

/* Of those trials that have them. */
static int load_latencies(struct results *r, sqlite3_int64 cell, struct bench_trial_list *trials,
                          struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = results_statement(r, QUERY_LATENCIES_LOAD, &st, err), step = SQLITE_DONE;
	size_t i = 0;

	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, cell);
	while (e == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		unsigned number = (unsigned)sqlite3_column_int64(st, 0);

		while (i < trials->n && trials->v[i].number < number)
			i++;
		if (i < trials->n && trials->v[i].number == number)
			e = results_text(st, 1, &trials->v[i].latencies);
	}
	return e < 0 ? e : step == SQLITE_DONE ? 0 : sql_fail(&r->sql, err);
}

static int load_trials(struct results *r, sqlite3_int64 cell, struct bench_trial_list *ret,
                       struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL, *values = NULL;
	int e = results_statement(r, QUERY_TRIALS_LOAD, &st, err), step;

	if (e == 0)
		e = results_statement(r, QUERY_VALUES_LOAD, &values, err);
	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, cell);
	sqlite3_bind_int64(values, 1, cell);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct bench_trial *t = bench_trial_add(ret);

		e = t ? read_trial(r, st, t, err) : -ENOMEM;
		if (e < 0)
			return e;
	}
	if (step != SQLITE_DONE)
		return sql_fail(&r->sql, err);
	e = read_values(r, values, ret->v, ret->n, err);
	return e < 0 ? e : load_latencies(r, cell, ret, err);
}

static int load_summaries(struct results *r, sqlite3_int64 cell, struct bench_summary_list *ret,
                          struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = results_statement(r, QUERY_SUMMARIES_LOAD, &st, err), step;

	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, cell);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct bench_summary *s = bench_summary_add(ret, "");

		e = s ? read_summary(r, st, 0, s, err) : -ENOMEM;
		if (e < 0)
			return e;
	}
	return step == SQLITE_DONE ? 0 : sql_fail(&r->sql, err);
}

int results_load_cell(struct results *r, const char *run, unsigned cell, struct bench_cell_data *ret,
                      struct ofbc_error *err)
{
	_cleanup_cell_data_ struct bench_cell_data d = {0};
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	sqlite3_int64 id;
	int e = results_cell_id(r, run, cell, &id, err);

	if (e == 0)
		e = results_statement(r, QUERY_CELL_LOAD, &st, err);
	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, id);
	if (sqlite3_step(st) != SQLITE_ROW)
		return sql_fail(&r->sql, err);
	e = read_cell(r, st, 0, &d.cell, err);
	if (e == 0)
		e = load_summaries(r, id, &d.summaries, err);
	if (e == 0)
		e = load_trials(r, id, &d.trials, err);
	if (e < 0)
		return e;
	*ret = d;
	d = (struct bench_cell_data){0};
	return 0;
}

/* One more cell of each number. */
static int load_numbers(struct results *r, sqlite3_int64 run, struct bench_cell_data_list *ret,
                        struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = results_statement(r, QUERY_CELL_NUMBERS, &st, err), step;

	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, run);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct bench_cell_data *d = list_add(ret);

		if (!d)
			return -ENOMEM;
		d->cell.number = (unsigned)sqlite3_column_int64(st, 0);
	}
	return step == SQLITE_DONE ? 0 : sql_fail(&r->sql, err);
}

int results_load_run(struct results *r, const char *run, struct bench_run_data *ret, struct ofbc_error *err)
{
	struct bench_run_data d = {0};
	sqlite3_int64 id;
	int e = results_run_id(r, run, &id, err);

	if (e == 0)
		e = results_find_run(r, run, &d.run, err);
	if (e == 0)
		e = load_numbers(r, id, &d.cells, err);
	for (size_t i = 0; e == 0 && i < d.cells.n; i++)
		e = results_load_cell(r, run, d.cells.v[i].cell.number, &d.cells.v[i], err);
	if (e < 0) {
		bench_run_data_done(&d);
		return e;
	}
	*ret = d;
	return 0;
}

int results_trials_done(struct results *r, const char *run, unsigned cell, unsigned *ret,
                        struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	sqlite3_int64 id;
	int e = results_cell_id(r, run, cell, &id, err);

	if (e == 0)
		e = results_statement(r, QUERY_TRIAL_NEXT, &st, err);
	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, id);
	if (sqlite3_step(st) != SQLITE_ROW)
		return sql_fail(&r->sql, err);
	*ret = (unsigned)sqlite3_column_int64(st, 0); /* NULL, of no trial, is 0 */
	return 0;
}
