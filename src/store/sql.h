/* SPDX-License-Identifier: MIT */
/* What our databases share: opening, migrating, failing. Only files of store/ include this. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "openforbc/error.h"

struct sql {
	sqlite3 *db;
	const struct sql_schema *schema;
	sqlite3_stmt *begin, *commit;
	bool is_wal, is_lazy;
};

struct sql_schema {
	const char *file; /* in the state directory */
	const char *what; /* begins messages: "state database" */
	const char *when_broken;
	/* Applied in order; PRAGMA user_version counts how many were. Never edit one that was released. */
	const char *const *migrations;
	size_t n_migrations;
};

/* create: false opens an existing file only (-ENOENT when there is none), for reading only where it cannot
 * be written. A commit survives the loss of power. */
int sql_open(struct sql *s, const struct sql_schema *schema, const char *directory, bool create,
             struct ofbc_error *err);
void sql_close(struct sql *s);
/* The database's own complaint: -errno. */
int sql_fail(const struct sql *s, struct ofbc_error *err);
int sql_exec(struct sql *s, const char *text, struct ofbc_error *err);
int sql_prepare(struct sql *s, const char *text, sqlite3_stmt **ret, struct ofbc_error *err);
/* end commits for r >= 0, else rolls back; returns r or the error of the commit. */
int sql_begin(struct sql *s, struct ofbc_error *err);
int sql_end(struct sql *s, int r, struct ofbc_error *err);
/* Every commit survives the death of the program. By default it survives a loss of power, too; when lazy,
 * only the next one that is not lazy brings it to the disk, with all before it. Not within a transaction. */
int sql_set_lazy(struct sql *s, bool is_lazy, struct ofbc_error *err);
/* NULL is "". */
void sql_column(sqlite3_stmt *st, int i, char *buf, size_t size);

static inline void sql_statement_done(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}
#define _cleanup_statement_ __attribute__((cleanup(sql_statement_done)))
