/* SPDX-License-Identifier: MIT */
/* Opening and writing. A trial costs about 60 bytes and a value 25: texts are kept once and named by number.
 */
#include "store/results_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"

#define NAMES_MAX 1000000 /* ids beyond are not kept in memory */

static const char *const migrations[] = {
	"CREATE TABLE name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE run ("
	" id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, started_unix_s INTEGER NOT NULL,"
	" ended_unix_s INTEGER NOT NULL, host TEXT NOT NULL, platform TEXT NOT NULL, emulated TEXT NOT NULL,"
	" label TEXT NOT NULL, program TEXT NOT NULL, origin TEXT NOT NULL, seed INTEGER NOT NULL,"
	" note TEXT, request TEXT, environment TEXT, environment_after TEXT);"
	"CREATE INDEX run_started ON run(started_unix_s);"
	"CREATE TABLE cell ("
	" id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run(id), number INTEGER NOT NULL,"
	" benchmark INTEGER NOT NULL, definition INTEGER NOT NULL, parameters INTEGER NOT NULL,"
	" layout INTEGER NOT NULL, instances INTEGER NOT NULL, verdict INTEGER NOT NULL, reason TEXT,"
	" UNIQUE(run, number));"
	"CREATE INDEX cell_benchmark ON cell(benchmark, run, number);"
	"CREATE TABLE trial ("
	" cell INTEGER NOT NULL REFERENCES cell(id), number INTEGER NOT NULL, block INTEGER NOT NULL,"
	" started_unix_ns INTEGER NOT NULL, window_s REAL, skew_s REAL, energy_j REAL, energy_u REAL,"
	" energy_source INTEGER NOT NULL, verdict INTEGER NOT NULL, reason TEXT,"
	" PRIMARY KEY(cell, number)) WITHOUT ROWID;"
	"CREATE TABLE value ("
	" cell INTEGER NOT NULL, trial INTEGER NOT NULL, metric INTEGER NOT NULL, instance INTEGER NOT NULL,"
	" value REAL, PRIMARY KEY(cell, trial, metric, instance)) WITHOUT ROWID;"
	"CREATE TABLE summary ("
	" cell INTEGER NOT NULL REFERENCES cell(id), metric INTEGER NOT NULL, unit INTEGER NOT NULL,"
	" direction INTEGER, trials INTEGER NOT NULL, flagged INTEGER NOT NULL, median REAL, low REAL,"
	" high REAL, min REAL, max REAL, deviation REAL, PRIMARY KEY(cell, metric)) WITHOUT ROWID;",
	"CREATE TABLE latency ("
	" cell INTEGER NOT NULL, trial INTEGER NOT NULL, histogram TEXT NOT NULL,"
	" PRIMARY KEY(cell, trial)) WITHOUT ROWID;",
};

static const struct sql_schema schema = {
	.file = "results.db",
	.what = "results",
	.when_broken = "move results.db away; runs that were exported can be imported again with "
		       "`openforbc bench import`",
	.migrations = migrations,
	.n_migrations = ARRAY_SIZE(migrations),
};

#define TRIAL_COLUMNS                                                                                        \
	"number, block, started_unix_ns, window_s, skew_s, energy_j, energy_u, energy_source, verdict, reason"

static const char *const queries[N_QUERIES] = {
	[QUERY_NAME_ID] = "SELECT id FROM name WHERE name = ?",
	[QUERY_NAME_ADD] = "INSERT INTO name(name) VALUES(?)",
	[QUERY_NAME_TEXT] = "SELECT name FROM name WHERE id = ?",
	[QUERY_RUN_ID] = "SELECT id FROM run WHERE uuid = ?",
	[QUERY_CELL_ID] = "SELECT cell.id FROM run JOIN cell ON cell.run = run.id"
			  " WHERE run.uuid = ? AND cell.number = ?",
	[QUERY_CELL_ADD] =
		"INSERT INTO cell(run, number, benchmark, definition, parameters, layout, instances,"
		" verdict, reason) VALUES(?,?,?,?,?,?,?,?,?)",
	[QUERY_CELL_VERDICT] = "UPDATE cell SET verdict = ?, reason = ? WHERE id = ?",
	[QUERY_CELL_LOAD] =
		"SELECT run.uuid, cell.number, benchmark, definition, parameters, layout, instances,"
		" verdict, reason FROM cell JOIN run ON run.id = cell.run WHERE cell.id = ?",
	[QUERY_CELL_NUMBERS] = "SELECT number FROM cell WHERE run = ? ORDER BY number",
	[QUERY_TRIAL_ADD] = "INSERT OR IGNORE INTO trial VALUES(?,?,?,?,?,?,?,?,?,?,?)",
	[QUERY_TRIAL_NEXT] = "SELECT max(number) + 1 FROM trial WHERE cell = ?",
	[QUERY_TRIAL_COUNT] = "SELECT count(*) FROM trial WHERE cell = ?",
	[QUERY_TRIAL_LOAD] = "SELECT " TRIAL_COLUMNS " FROM trial WHERE cell = ? AND number = ?",
	[QUERY_TRIALS_LOAD] = "SELECT " TRIAL_COLUMNS " FROM trial WHERE cell = ? ORDER BY number",
	[QUERY_VALUE_ADD] = "INSERT INTO value VALUES(?,?,?,?,?)",
	[QUERY_VALUE_LOAD] = "SELECT trial, metric, instance, value FROM value WHERE cell = ? AND trial = ?"
			     " ORDER BY metric, instance",
	[QUERY_VALUES_LOAD] = "SELECT trial, metric, instance, value FROM value WHERE cell = ?"
			      " ORDER BY trial, metric, instance",
	[QUERY_LATENCY_ADD] = "INSERT INTO latency VALUES(?,?,?)",
	[QUERY_LATENCIES_LOAD] = "SELECT trial, histogram FROM latency WHERE cell = ? ORDER BY trial",
	[QUERY_SUMMARY_CLEAR] = "DELETE FROM summary WHERE cell = ?",
	[QUERY_SUMMARY_ADD] = "INSERT INTO summary VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
	[QUERY_SUMMARIES_LOAD] =
		"SELECT metric, unit, direction, trials, flagged, median, low, high, min, max,"
		" deviation FROM summary WHERE cell = ? ORDER BY metric",
};

int results_open(const char *directory, bool create, struct results **ret, struct ofbc_error *err)
{
	struct results *r = calloc(1, sizeof(*r));
	int e = r ? sql_open(&r->sql, &schema, directory, create, err) : -ENOMEM;

	if (e < 0) {
		results_close(r);
		return e;
	}
	*ret = r;
	return 0;
}

static void forget_names(struct results *r)
{
	for (size_t i = 0; i < r->names.n; i++)
		free(r->names.v[i]);
	free(r->names.v);
	r->names = (struct name_list){0};
}

void results_close(struct results *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < N_QUERIES; i++)
		sqlite3_finalize(r->statements[i]);
	forget_names(r);
	sql_close(&r->sql);
	free(r);
}

int results_begin(struct results *r, struct ofbc_error *err)
{
	return sql_begin(&r->sql, err);
}

int results_end(struct results *r, int status, struct ofbc_error *err)
{
	status = sql_end(&r->sql, status, err);
	if (status < 0)
		forget_names(r); /* ids that were rolled back are given again */
	return status;
}

int results_set_lazy(struct results *r, bool is_lazy, struct ofbc_error *err)
{
	return sql_set_lazy(&r->sql, is_lazy, err);
}

int results_enter(struct results *r, struct ofbc_error *err)
{
	int e = sqlite3_get_autocommit(r->sql.db) ? results_begin(r, err) : 1;

	return e < 0 ? e : !e;
}

int results_leave(struct results *r, int entered, int status, struct ofbc_error *err)
{
	return entered ? results_end(r, status, err) : status;
}

int results_statement(struct results *r, enum results_query q, sqlite3_stmt **ret, struct ofbc_error *err)
{
	sqlite3_stmt **st = &r->statements[q];
	int e = *st ? 0 : sql_prepare(&r->sql, queries[q], st, err);

	if (e < 0)
		return e;
	sqlite3_reset(*st);
	sqlite3_clear_bindings(*st);
	*ret = *st;
	return 0;
}

/* --- binding --- */

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
	sqlite3_bind_text(st, i, text, -1, SQLITE_STATIC); /* NULL is bound as NULL */
}

static void bind_number(sqlite3_stmt *st, int i, double v)
{
	if (isfinite(v))
		sqlite3_bind_double(st, i, v);
	else
		sqlite3_bind_null(st, i);
}

static int step_done(struct results *r, sqlite3_stmt *st, struct ofbc_error *err)
{
	return sqlite3_step(st) == SQLITE_DONE ? 0 : sql_fail(&r->sql, err);
}

/* One number, or -ENOENT. */
static int step_number(struct results *r, sqlite3_stmt *st, sqlite3_int64 *ret, struct ofbc_error *err)
{
	int step = sqlite3_step(st);

	if (step == SQLITE_DONE)
		return -ENOENT;
	if (step != SQLITE_ROW)
		return sql_fail(&r->sql, err);
	*ret = sqlite3_column_int64(st, 0);
	return 0;
}

int results_text(sqlite3_stmt *st, int i, char **ret)
{
	const char *text = (const char *)sqlite3_column_text(st, i);

	if (!text)
		return sqlite3_column_type(st, i) == SQLITE_NULL ? 0 : -ENOMEM;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* --- names --- */

int results_intern(struct results *r, const char *text, sqlite3_int64 *ret, struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *find = NULL, *add = NULL;
	int e;

	if (!text[0]) {
		*ret = 0;
		return 0;
	}
	e = results_statement(r, QUERY_NAME_ID, &find, err);
	if (e < 0)
		return e;
	bind_text(find, 1, text);
	e = step_number(r, find, ret, err);
	if (e != -ENOENT)
		return e;
	e = results_statement(r, QUERY_NAME_ADD, &add, err);
	if (e < 0)
		return e;
	bind_text(add, 1, text);
	e = step_done(r, add, err);
	if (e == 0)
		*ret = sqlite3_last_insert_rowid(r->sql.db);
	return e;
}

static int read_name(struct results *r, sqlite3_int64 id, char **ret, struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = results_statement(r, QUERY_NAME_TEXT, &st, err), step;

	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, id);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW)
		return results_text(st, 0, ret);
	if (step != SQLITE_DONE)
		return sql_fail(&r->sql, err);
	return error_set(err, EIO, OFBC_REASON_FAILED, "results: name %lld is missing", (long long)id);
}

int results_name(struct results *r, sqlite3_int64 id, char *buf, size_t size, struct ofbc_error *err)
{
	_cleanup_free_ char *text = NULL;
	int e;

	if (id <= 0) {
		buf[0] = '\0';
		return 0;
	}
	if (id < (sqlite3_int64)r->names.n && r->names.v[id]) {
		text_copy(buf, size, r->names.v[id]);
		return 0;
	}
	e = read_name(r, id, &text, err);
	if (e < 0)
		return e;
	text_copy(buf, size, text ? text : "");
	if (id >= NAMES_MAX)
		return 0;
	while ((sqlite3_int64)r->names.n <= id) {
		if (!list_add(&r->names))
			return -ENOMEM;
	}
	r->names.v[id] = steal_ptr(text);
	return 0;
}

/* --- runs and cells --- */

int results_run_id(struct results *r, const char *run, sqlite3_int64 *ret, struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = results_statement(r, QUERY_RUN_ID, &st, err);

	if (e < 0)
		return e;
	bind_text(st, 1, run);
	e = step_number(r, st, ret, err);
	return e == -ENOENT ? error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no run '%s'", run) : e;
}

int results_cell_id(struct results *r, const char *run, unsigned cell, sqlite3_int64 *ret,
                    struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = results_statement(r, QUERY_CELL_ID, &st, err);

	if (e < 0)
		return e;
	bind_text(st, 1, run);
	sqlite3_bind_int64(st, 2, cell);
	e = step_number(r, st, ret, err);
	return e == -ENOENT
	               ? error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "run %s has no cell %u", run, cell)
	               : e;
}

int results_add_run(struct results *r, const struct bench_run *run, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	const char *const texts[] = {run->host,  run->platform, run->emulated,
	                             run->label, run->program,  run->origin};
	const char *const long_texts[] = {run->note, run->request, run->environment, run->environment_after};
	int e = sql_prepare(&r->sql,
	                    "INSERT INTO run(uuid, started_unix_s, ended_unix_s, host, platform, emulated,"
	                    " label, program, origin, seed, note, request, environment, environment_after)"
	                    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	                    &st, err);

	if (e < 0)
		return e;
	bind_text(st, 1, run->id);
	sqlite3_bind_int64(st, 2, run->started_unix_s);
	sqlite3_bind_int64(st, 3, run->ended_unix_s);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		bind_text(st, (int)i + 4, texts[i]);
	sqlite3_bind_int64(st, 10, (sqlite3_int64)run->seed);
	for (size_t i = 0; i < ARRAY_SIZE(long_texts); i++)
		bind_text(st, (int)i + 11, long_texts[i]);
	e = step_done(r, st, err);
	return e == -EEXIST ? error_set(err, EEXIST, OFBC_REASON_FAILED, "run %s is there already", run->id)
	                    : e;
}

int results_end_run(struct results *r, const struct bench_run *run, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int e = sql_prepare(&r->sql,
	                    "UPDATE run SET ended_unix_s = ?, environment_after = ?, note = ? WHERE uuid = ?",
	                    &st, err);

	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, run->ended_unix_s);
	bind_text(st, 2, run->environment_after);
	bind_text(st, 3, run->note);
	bind_text(st, 4, run->id);
	e = step_done(r, st, err);
	if (e == 0 && sqlite3_changes(r->sql.db) == 0)
		return error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no run '%s'", run->id);
	return e;
}

int results_set_request(struct results *r, const char *run, const char *request, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int e = sql_prepare(&r->sql, "UPDATE run SET request = ? WHERE uuid = ?", &st, err);

	if (e < 0)
		return e;
	bind_text(st, 1, request);
	bind_text(st, 2, run);
	return step_done(r, st, err);
}

static int add_cell(struct results *r, sqlite3_int64 run, const struct bench_cell *c, struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	const char *const texts[] = {c->benchmark, c->definition, c->parameters, c->layout};
	sqlite3_int64 ids[ARRAY_SIZE(texts)];
	int e = 0;

	for (size_t i = 0; e == 0 && i < ARRAY_SIZE(texts); i++)
		e = results_intern(r, texts[i], &ids[i], err);
	if (e == 0)
		e = results_statement(r, QUERY_CELL_ADD, &st, err);
	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, run);
	sqlite3_bind_int64(st, 2, c->number);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		sqlite3_bind_int64(st, (int)i + 3, ids[i]);
	sqlite3_bind_int64(st, 7, c->instances);
	sqlite3_bind_int(st, 8, (int)c->verdict);
	bind_text(st, 9, c->reason);
	e = step_done(r, st, err);
	return e == -EEXIST
	               ? error_set(err, EEXIST, OFBC_REASON_FAILED, "cell %u is there already", c->number)
	               : e;
}

int results_add_cells(struct results *r, const char *run, const struct bench_cell *cells, size_t n,
                      struct ofbc_error *err)
{
	int entered = results_enter(r, err), e;
	sqlite3_int64 id;

	if (entered < 0)
		return entered;
	e = results_run_id(r, run, &id, err);
	for (size_t i = 0; e == 0 && i < n; i++)
		e = add_cell(r, id, &cells[i], err);
	return results_leave(r, entered, e, err);
}

/* --- trials --- */

static int add_value(struct results *r, sqlite3_int64 cell, unsigned trial, const struct bench_value *v,
                     struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	sqlite3_int64 metric;
	int e = results_intern(r, v->metric, &metric, err);

	if (e == 0)
		e = results_statement(r, QUERY_VALUE_ADD, &st, err);
	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, cell);
	sqlite3_bind_int64(st, 2, trial);
	sqlite3_bind_int64(st, 3, metric);
	sqlite3_bind_int64(st, 4, v->instance);
	bind_number(st, 5, v->value);
	e = step_done(r, st, err);
	if (e == -EEXIST)
		return error_set(err, EINVAL, OFBC_REASON_FAILED, "trial %u has '%s' of instance %d twice",
		                 trial, v->metric, v->instance);
	return e;
}

/* 1: there is one of that number. */
static int insert_trial(struct results *r, sqlite3_int64 cell, const struct bench_trial *t,
                        struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	sqlite3_int64 source;
	int e = results_intern(r, t->energy_source, &source, err);

	if (e == 0)
		e = results_statement(r, QUERY_TRIAL_ADD, &st, err);
	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, cell);
	sqlite3_bind_int64(st, 2, t->number);
	sqlite3_bind_int64(st, 3, t->block);
	sqlite3_bind_int64(st, 4, t->started_unix_ns);
	bind_number(st, 5, t->window_s);
	bind_number(st, 6, t->skew_s);
	bind_number(st, 7, t->energy_j);
	bind_number(st, 8, t->energy_u);
	sqlite3_bind_int64(st, 9, source);
	sqlite3_bind_int(st, 10, (int)t->verdict);
	bind_text(st, 11, t->reason);
	e = step_done(r, st, err);
	return e < 0 ? e : sqlite3_changes(r->sql.db) == 0;
}

static int compare_trial(struct results *r, const char *run, unsigned cell, sqlite3_int64 id,
                         const struct bench_trial *t, struct ofbc_error *err)
{
	struct bench_trial stored = {0};
	int e = results_load_trial(r, id, t->number, &stored, err);
	bool equal = e == 0 && bench_trial_equal(&stored, t);

	if (e == 0 && !equal) {
		double a = stored.n_values ? stored.values[0].value : NAN;
		double b = t->n_values ? t->values[0].value : NAN;

		e = error_set(err, EEXIST, OFBC_REASON_FAILED,
		              "run %s, cell %u, trial %u: stored are %zu values beginning with %g, the other "
		              "has %zu beginning with %g",
		              run, cell, t->number, stored.n_values, a, t->n_values, b);
		error_hint(err, "one of both was changed after it was measured; nothing was stored");
	}
	bench_trial_done(&stored);
	return e < 0 ? e : 1;
}

static int add_latencies(struct results *r, sqlite3_int64 cell, const struct bench_trial *t,
                         struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = t->latencies ? results_statement(r, QUERY_LATENCY_ADD, &st, err) : 1;

	if (e)
		return e < 0 ? e : 0;
	sqlite3_bind_int64(st, 1, cell);
	sqlite3_bind_int64(st, 2, t->number);
	bind_text(st, 3, t->latencies);
	return step_done(r, st, err);
}

int results_add_trial(struct results *r, const char *run, unsigned cell, const struct bench_trial *t,
                      struct ofbc_error *err)
{
	int entered = results_enter(r, err), e;
	sqlite3_int64 id;

	if (entered < 0)
		return entered;
	e = results_cell_id(r, run, cell, &id, err);
	if (e == 0)
		e = insert_trial(r, id, t, err);
	if (e == 1) {
		e = compare_trial(r, run, cell, id, t, err);
		return results_leave(r, entered, e, err);
	}
	for (size_t i = 0; e == 0 && i < t->n_values; i++)
		e = add_value(r, id, t->number, &t->values[i], err);
	if (e == 0)
		e = add_latencies(r, id, t, err);
	return results_leave(r, entered, e, err);
}

/* --- verdicts --- */

static int add_summary(struct results *r, sqlite3_int64 cell, const struct bench_summary *s,
                       struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	const double numbers[] = {s->median, s->low, s->high, s->min, s->max, s->deviation};
	sqlite3_int64 metric, unit;
	int e = results_intern(r, s->metric, &metric, err);

	if (e == 0)
		e = results_intern(r, s->unit, &unit, err);
	if (e == 0)
		e = results_statement(r, QUERY_SUMMARY_ADD, &st, err);
	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, cell);
	sqlite3_bind_int64(st, 2, metric);
	sqlite3_bind_int64(st, 3, unit);
	if (s->has_direction)
		sqlite3_bind_int(st, 4, s->higher_is_better);
	sqlite3_bind_int64(st, 5, (sqlite3_int64)s->trials);
	sqlite3_bind_int64(st, 6, (sqlite3_int64)s->flagged);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		bind_number(st, (int)i + 7, numbers[i]);
	e = step_done(r, st, err);
	return e == -EEXIST ? error_set(err, EINVAL, OFBC_REASON_FAILED, "two summaries of '%s'", s->metric)
	                    : e;
}

int results_put_summaries(struct results *r, sqlite3_int64 cell, const struct bench_summary *v, size_t n,
                          struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = results_statement(r, QUERY_SUMMARY_CLEAR, &st, err);

	if (e < 0)
		return e;
	sqlite3_bind_int64(st, 1, cell);
	e = step_done(r, st, err);
	for (size_t i = 0; e == 0 && i < n; i++)
		e = add_summary(r, cell, &v[i], err);
	return e;
}

static int put_verdict(struct results *r, sqlite3_int64 id, const struct bench_cell *cell,
                       struct ofbc_error *err)
{
	_cleanup_reset_ sqlite3_stmt *st = NULL;
	int e = results_statement(r, QUERY_CELL_VERDICT, &st, err);

	if (e < 0)
		return e;
	sqlite3_bind_int(st, 1, (int)cell->verdict);
	bind_text(st, 2, cell->reason);
	sqlite3_bind_int64(st, 3, id);
	return step_done(r, st, err);
}

int results_set_verdict(struct results *r, const struct bench_cell *cell,
                        const struct bench_summary *summaries, size_t n, struct ofbc_error *err)
{
	int entered = results_enter(r, err), e;
	sqlite3_int64 id;

	if (entered < 0)
		return entered;
	e = results_cell_id(r, cell->run, cell->number, &id, err);
	if (e == 0)
		e = put_verdict(r, id, cell, err);
	if (e == 0)
		e = results_put_summaries(r, id, summaries, n, err);
	return results_leave(r, entered, e, err);
}
