/* SPDX-License-Identifier: MIT */
#include "store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/strv.h"

#define BUSY_MS     5000
#define JOURNAL_MAX 16

static int errno_of(int code)
{
	switch (code) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return EACCES;
	case SQLITE_CONSTRAINT:
		return EEXIST;
	case SQLITE_NOMEM:
		return ENOMEM;
	default:
		return EIO;
	}
}

static int fail(const struct sql *s, const char *what, struct ofbc_error *err)
{
	int code = sqlite3_errcode(s->db), e = errno_of(code);

	error_set(err, e, e == EACCES ? OFBC_REASON_NOT_PERMITTED : OFBC_REASON_FAILED, "%s: %s", what,
	          sqlite3_errmsg(s->db));
	if (e == EACCES)
		error_hint(err, "run as root, or choose another state directory with --state DIR");
	else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		error_hint(err, "%s", s->schema->when_broken);
	return -e;
}

int sql_fail(const struct sql *s, struct ofbc_error *err)
{
	return fail(s, s->schema->what, err);
}

int sql_exec(struct sql *s, const char *text, struct ofbc_error *err)
{
	return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(s, err);
}

int sql_prepare(struct sql *s, const char *text, sqlite3_stmt **ret, struct ofbc_error *err)
{
	return sqlite3_prepare_v2(s->db, text, -1, ret, NULL) == SQLITE_OK ? 0 : sql_fail(s, err);
}

/* Prepared once: a small transaction is soon done. */
static int run_prepared(struct sql *s, sqlite3_stmt **st, const char *text, struct ofbc_error *err)
{
	int r = *st ? 0 : sql_prepare(s, text, st, err);

	if (r == 0 && sqlite3_step(*st) != SQLITE_DONE)
		r = sql_fail(s, err);
	sqlite3_reset(*st);
	return r;
}

int sql_begin(struct sql *s, struct ofbc_error *err)
{
	return run_prepared(s, &s->begin, "BEGIN IMMEDIATE", err);
}

int sql_end(struct sql *s, int r, struct ofbc_error *err)
{
	int end = r >= 0 ? run_prepared(s, &s->commit, "COMMIT", err) : 0;

	if (end < 0)
		r = end;
	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

void sql_column(sqlite3_stmt *st, int i, char *buf, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(st, i);

	text_copy(buf, size, text ? text : "");
}

static int return_text(void *data, int n, char **values, char **names)
{
	(void)names;
	text_copy(data, JOURNAL_MAX, n == 1 && values[0] ? values[0] : "");
	return 0;
}

int sql_set_lazy(struct sql *s, bool is_lazy, struct ofbc_error *err)
{
	int r;

	is_lazy = is_lazy && s->is_wal; /* a rollback journal that is not synced may break the database */
	if (s->is_lazy == is_lazy)
		return 0;
	r = sql_exec(s, is_lazy ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", err);
	if (r == 0)
		s->is_lazy = is_lazy;
	return r;
}

static int read_version(struct sql *s, int *ret, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int r = sql_prepare(s, "PRAGMA user_version", &st, err);

	if (r < 0)
		return r;
	if (sqlite3_step(st) != SQLITE_ROW)
		return sql_fail(s, err);
	*ret = sqlite3_column_int(st, 0);
	return 0;
}

static int check_version(const struct sql *s, int version, struct ofbc_error *err)
{
	if (version >= 0 && version <= (int)s->schema->n_migrations)
		return 0;
	error_set(err, EPROTO, OFBC_REASON_FAILED, "%s has schema %d, this program knows %zu",
	          s->schema->what, version, s->schema->n_migrations);
	error_hint(err, "use the newer program that wrote it");
	return -EPROTO;
}

static int migrate(struct sql *s, struct ofbc_error *err)
{
	int version = 0;
	int r = read_version(s, &version, err);

	if (r == 0)
		r = check_version(s, version, err);
	if (r < 0 || version == (int)s->schema->n_migrations)
		return r;
	r = sql_begin(s, err);
	if (r < 0)
		return r;
	r = read_version(s, &version, err); /* another process may have been faster */
	for (size_t i = (size_t)version; r == 0 && i < s->schema->n_migrations; i++) {
		char pragma[64];

		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %zu", i + 1);
		r = sql_exec(s, s->schema->migrations[i], err);
		if (r == 0)
			r = sql_exec(s, pragma, err);
		if (r < 0)
			error_wrap(err, "migration to schema %zu", i + 1);
	}
	return sql_end(s, r, err);
}

int sql_open(struct sql *s, const struct sql_schema *schema, const char *directory, bool create,
             struct ofbc_error *err)
{
	char path[512];
	char journal[JOURNAL_MAX] = "";
	struct stat st;
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), r;

	s->schema = schema;
	if (snprintf(path, sizeof(path), "%s/%s", directory, schema->file) >= (int)sizeof(path))
		return error_set(err, ENAMETOOLONG, OFBC_REASON_USAGE, "state directory '%s' is too long",
		                 directory);
	if (!create) {
		if (stat(path, &st) < 0 || st.st_size == 0)
			return -ENOENT;
		if (access(path, W_OK) < 0)
			flags = SQLITE_OPEN_READONLY;
	}
	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		return fail(s, path, err);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	if (flags == SQLITE_OPEN_READONLY)
		return 0;
	/* Refused while another process does the same, and without shared memory: the rollback journal, which
	 * it has then, is as safe. */
	sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", return_text, journal, NULL);
	s->is_wal = strcmp(journal, "wal") == 0;
	r = sql_exec(s, "PRAGMA synchronous = FULL", err);
	return r < 0 ? r : migrate(s, err);
}

void sql_close(struct sql *s)
{
	sqlite3_finalize(s->begin);
	sqlite3_finalize(s->commit);
	s->begin = s->commit = NULL;
	sqlite3_close(s->db);
	s->db = NULL;
}
