/* SPDX-License-Identifier: MIT */
/* What the files results*.c share. */
#pragma once

#include "base/strv.h"
#include "store/results.h"
#include "store/sql.h"

enum results_query {
	QUERY_NAME_ID,
	QUERY_NAME_ADD,
	QUERY_NAME_TEXT,
	QUERY_RUN_ID,
	QUERY_CELL_ID,
	QUERY_CELL_ADD,
	QUERY_CELL_VERDICT,
	QUERY_CELL_LOAD,
	QUERY_CELL_NUMBERS,
	QUERY_TRIAL_ADD,
	QUERY_TRIAL_NEXT,
	QUERY_TRIAL_LOAD,
	QUERY_TRIAL_COUNT,
	QUERY_TRIALS_LOAD,
	QUERY_VALUE_ADD,
	QUERY_VALUE_LOAD,
	QUERY_VALUES_LOAD,
	QUERY_LATENCY_ADD,
	QUERY_LATENCIES_LOAD,
	QUERY_SUMMARY_CLEAR,
	QUERY_SUMMARY_ADD,
	QUERY_SUMMARIES_LOAD,
	N_QUERIES
};

struct results {
	struct sql sql;
	sqlite3_stmt *statements[N_QUERIES]; /* prepared once */
	struct name_list {
		char **v; /* by id; NULL: not read yet */
		size_t n, cap;
	} names;
};

/* Ready to be bound; a statement that is not reset would keep a transaction open. */
int results_statement(struct results *r, enum results_query q, sqlite3_stmt **ret, struct ofbc_error *err);
static inline void results_reset(sqlite3_stmt **st)
{
	sqlite3_reset(*st);
}
#define _cleanup_reset_ __attribute__((cleanup(results_reset)))

/* A transaction of one's own, unless there is one already; leave takes what enter gave: 1 one's own. */
int results_enter(struct results *r, struct ofbc_error *err);
int results_leave(struct results *r, int entered, int status, struct ofbc_error *err);

/* Texts that repeat are kept once. Id 0 is "". */
int results_intern(struct results *r, const char *text, sqlite3_int64 *ret, struct ofbc_error *err);
int results_name(struct results *r, sqlite3_int64 id, char *buf, size_t size, struct ofbc_error *err);

/* -ENOENT */
int results_run_id(struct results *r, const char *run, sqlite3_int64 *ret, struct ofbc_error *err);
int results_cell_id(struct results *r, const char *run, unsigned cell, sqlite3_int64 *ret,
                    struct ofbc_error *err);
int results_put_summaries(struct results *r, sqlite3_int64 cell, const struct bench_summary *v, size_t n,
                          struct ofbc_error *err);
int results_load_trial(struct results *r, sqlite3_int64 cell, unsigned number, struct bench_trial *ret,
                       struct ofbc_error *err);

static inline double results_number(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL ? __builtin_nan("") : sqlite3_column_double(st, i);
}

/* A copy of a text column, NULL for NULL: 0 or -ENOMEM. */
int results_text(sqlite3_stmt *st, int i, char **ret);
