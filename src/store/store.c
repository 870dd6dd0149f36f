/* SPDX-License-Identifier: MIT */
/* The database of owned partitions and cordoned GPUs. The only file that speaks SQL. */
#include "store/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"

struct store {
	sqlite3 *db;
};

/* Applied in order; PRAGMA user_version counts how many were. Never edit one that was released. */
static const char *const migrations[] = {
	"CREATE TABLE partition ("
	" uuid TEXT PRIMARY KEY, name TEXT NOT NULL, gpu TEXT NOT NULL, gpu_uuid TEXT NOT NULL,"
	" technology TEXT NOT NULL, type TEXT NOT NULL, device TEXT NOT NULL,"
	" placement_start INTEGER NOT NULL, placement_size INTEGER NOT NULL,"
	" memory_bytes INTEGER NOT NULL, state INTEGER NOT NULL, created_unix_s INTEGER NOT NULL);"
	"CREATE UNIQUE INDEX partition_name ON partition(name) WHERE name <> '';"
	"CREATE TABLE cordon (gpu TEXT PRIMARY KEY);",
	"CREATE TABLE journal ("
	" number INTEGER PRIMARY KEY, action INTEGER NOT NULL, state INTEGER NOT NULL, finished INTEGER NOT NULL,"
	" uuid TEXT NOT NULL, name TEXT NOT NULL, gpu TEXT NOT NULL, technology TEXT NOT NULL, type TEXT NOT NULL,"
	" placement_start INTEGER NOT NULL, placement_size INTEGER NOT NULL, memory_bytes INTEGER NOT NULL,"
	" variant TEXT NOT NULL);",
};

static void stmt_done(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}
#define _cleanup_stmt_ __attribute__((cleanup(stmt_done)))

static int fail(struct store *s, struct ofbc_error *err, const char *what)
{
	int code = sqlite3_errcode(s->db);
	int e = code == SQLITE_BUSY || code == SQLITE_LOCKED                                ? EBUSY
	        : code == SQLITE_FULL                                                       ? ENOSPC
	        : code == SQLITE_READONLY || code == SQLITE_PERM || code == SQLITE_CANTOPEN ? EACCES
	        : code == SQLITE_CONSTRAINT                                                 ? EEXIST
	                                                                                    : EIO;

	error_set(err, e, e == EACCES ? OFBC_REASON_NOT_PERMITTED : OFBC_REASON_FAILED, "%s: %s", what,
	          sqlite3_errmsg(s->db));
	if (e == EACCES)
		error_hint(err, "run as root, or choose another state directory with --state DIR");
	else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		error_hint(err,
		           "move openforbc.db away; existing partitions are then shown as foreign and can be "
		           "adopted with `openforbc partition adopt`");
	return -e;
}

static int prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct ofbc_error *err)
{
	if (sqlite3_prepare_v2(s->db, sql, -1, ret, NULL) != SQLITE_OK)
		return fail(s, err, "state database");
	return 0;
}

static int read_version(struct store *s, int *ret, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	int r = prepare(s, "PRAGMA user_version", &st, err);

	if (r < 0)
		return r;
	if (sqlite3_step(st) != SQLITE_ROW)
		return fail(s, err, "state database");
	*ret = sqlite3_column_int(st, 0);
	return 0;
}

static int migrate(struct store *s, struct ofbc_error *err)
{
	int version = 0;
	int r = read_version(s, &version, err);

	if (r < 0 || version == (int)ARRAY_SIZE(migrations))
		return r;
	if (version > (int)ARRAY_SIZE(migrations)) {
		error_set(err, EPROTO, OFBC_REASON_FAILED,
		          "state database has schema %d, this program knows %zu", version,
		          ARRAY_SIZE(migrations));
		error_hint(err, "use the newer program that wrote it");
		return -EPROTO;
	}
	r = store_begin(s, err);
	if (r < 0)
		return r;
	r = read_version(s, &version, err); /* another process may have been faster */
	for (size_t i = (size_t)version; r == 0 && i < ARRAY_SIZE(migrations); i++) {
		char pragma[64];

		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %zu", i + 1);
		if (sqlite3_exec(s->db, migrations[i], NULL, NULL, NULL) != SQLITE_OK ||
		    sqlite3_exec(s->db, pragma, NULL, NULL, NULL) != SQLITE_OK)
			r = fail(s, err, "state database, migration");
	}
	return store_end(s, r, err);
}

static void store_close_p(struct store **s)
{
	store_close(*s);
}

int store_open(const char *state_dir, bool create, struct store **ret, struct ofbc_error *err)
{
	__attribute__((cleanup(store_close_p))) struct store *s = calloc(1, sizeof(*s));
	char path[512];
	struct stat st;
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);

	if (!s)
		return -ENOMEM;
	if (snprintf(path, sizeof(path), "%s/openforbc.db", state_dir) >= (int)sizeof(path))
		return error_set(err, ENAMETOOLONG, OFBC_REASON_USAGE, "state directory '%s' is too long",
		                 state_dir);
	if (!create) {
		if (stat(path, &st) < 0 || st.st_size == 0)
			return -ENOENT;
		if (access(path, W_OK) < 0)
			flags = SQLITE_OPEN_READONLY;
	}
	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		return fail(s, err, path);
	sqlite3_busy_timeout(s->db, 5000);
	if (flags != SQLITE_OPEN_READONLY) {
		int r;

		sqlite3_exec(s->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL, NULL);
		r = migrate(s, err);
		if (r < 0)
			return r;
	}
	*ret = steal_ptr(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sqlite3_close(s->db);
	free(s);
}

static void column_text(sqlite3_stmt *st, int i, char *buf, size_t size)
{
	const char *t = (const char *)sqlite3_column_text(st, i);

	snprintf(buf, size, "%s", t ? t : "");
}

int store_records(struct store *s, struct record_list *ret, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	int step;
	int r = prepare(s,
	                "SELECT uuid, name, gpu, gpu_uuid, technology, type, device, placement_start,"
	                " placement_size, memory_bytes, state, created_unix_s FROM partition ORDER BY rowid",
	                &st, err);

	if (r < 0)
		return r;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct record *rec = list_add(ret);

		if (!rec)
			return -ENOMEM;
		column_text(st, 0, rec->uuid, sizeof(rec->uuid));
		column_text(st, 1, rec->name, sizeof(rec->name));
		column_text(st, 2, rec->gpu, sizeof(rec->gpu));
		column_text(st, 3, rec->gpu_uuid, sizeof(rec->gpu_uuid));
		column_text(st, 4, rec->technology, sizeof(rec->technology));
		column_text(st, 5, rec->type, sizeof(rec->type));
		column_text(st, 6, rec->device, sizeof(rec->device));
		rec->placement.start = (unsigned)sqlite3_column_int64(st, 7);
		rec->placement.size = (unsigned)sqlite3_column_int64(st, 8);
		rec->memory_bytes = (uint64_t)sqlite3_column_int64(st, 9);
		rec->state = (enum record_state)sqlite3_column_int(st, 10);
		rec->created_unix_s = sqlite3_column_int64(st, 11);
	}
	return step == SQLITE_DONE ? 0 : fail(s, err, "state database");
}

void record_list_done(struct record_list *l)
{
	free(l->v);
	*l = (struct record_list){0};
}

int store_put(struct store *s, const struct record *rec, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	const char *const texts[] = {rec->uuid,       rec->name, rec->gpu,   rec->gpu_uuid,
	                             rec->technology, rec->type, rec->device};
	int r = prepare(
		s,
		"INSERT INTO partition VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(uuid) DO UPDATE SET"
		" name = excluded.name, gpu = excluded.gpu, gpu_uuid = excluded.gpu_uuid,"
		" type = excluded.type, device = excluded.device,"
		" placement_start = excluded.placement_start, placement_size = excluded.placement_size,"
		" memory_bytes = excluded.memory_bytes, state = excluded.state",
		&st, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		sqlite3_bind_text(st, (int)i + 1, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 8, rec->placement.start);
	sqlite3_bind_int64(st, 9, rec->placement.size);
	sqlite3_bind_int64(st, 10, (sqlite3_int64)rec->memory_bytes);
	sqlite3_bind_int(st, 11, (int)rec->state);
	sqlite3_bind_int64(st, 12, rec->created_unix_s);
	return sqlite3_step(st) == SQLITE_DONE ? 0 : fail(s, err, "state database");
}

int store_begin(struct store *s, struct ofbc_error *err)
{
	return sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK
	               ? 0
	               : fail(s, err, "state database");
}

int store_end(struct store *s, int r, struct ofbc_error *err)
{
	if (r == 0 && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		r = fail(s, err, "state database");
	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int exec_with_text(struct store *s, const char *sql, const char *text, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	int r = prepare(s, sql, &st, err);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
	if (sqlite3_step(st) != SQLITE_DONE)
		return fail(s, err, "state database");
	return sqlite3_changes(s->db) > 0 ? 0 : 1;
}

int store_forget(struct store *s, const char *uuid, struct ofbc_error *err)
{
	int r = exec_with_text(s, "DELETE FROM partition WHERE uuid = ?", uuid, err);

	return r < 0 ? r : 0;
}

int store_set_cordon(struct store *s, const char *gpu, bool cordoned, struct ofbc_error *err)
{
	return exec_with_text(
		s, cordoned ? "INSERT OR IGNORE INTO cordon VALUES(?)" : "DELETE FROM cordon WHERE gpu = ?",
		gpu, err);
}

static int list_texts(struct store *s, const char *sql, struct strv *ret, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	int step;
	int r = prepare(s, sql, &st, err);

	if (r < 0)
		return r;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		r = strv_add(ret, (const char *)sqlite3_column_text(st, 0));
		if (r < 0)
			return r;
	}
	return step == SQLITE_DONE ? 0 : fail(s, err, "state database");
}

int store_cordons(struct store *s, struct strv *ret, struct ofbc_error *err)
{
	return list_texts(s, "SELECT gpu FROM cordon", ret, err);
}

int store_gpus(struct store *s, struct strv *ret, struct ofbc_error *err)
{
	return list_texts(s, "SELECT DISTINCT gpu FROM partition", ret, err);
}

/* --- journal --- */

static int run_sql(struct store *s, const char *sql, struct ofbc_error *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, err, "state database");
}

static int journal_insert(struct store *s, const struct journal_row *row, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	const struct record *rec = &row->rec;
	const char *const texts[] = {rec->uuid, rec->name, rec->gpu, rec->technology, rec->type};
	int r = prepare(s, "INSERT INTO journal VALUES(?,?,?,0,?,?,?,?,?,?,?,?,?)", &st, err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, row->number);
	sqlite3_bind_int(st, 2, row->action);
	sqlite3_bind_int(st, 3, (int)row->state);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		sqlite3_bind_text(st, (int)i + 4, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 9, rec->placement.start);
	sqlite3_bind_int64(st, 10, rec->placement.size);
	sqlite3_bind_int64(st, 11, (sqlite3_int64)rec->memory_bytes);
	sqlite3_bind_text(st, 12, row->variant, -1, SQLITE_STATIC);
	return sqlite3_step(st) == SQLITE_DONE ? 0 : fail(s, err, "state database");
}

int store_journal_begin(struct store *s, const struct journal *j, struct ofbc_error *err)
{
	int r = store_begin(s, err);

	if (r < 0)
		return r;
	r = run_sql(s, "DELETE FROM journal", err);
	for (size_t i = 0; r == 0 && i < j->n; i++)
		r = journal_insert(s, &j->v[i], err);
	return store_end(s, r, err);
}

int store_journal_mark(struct store *s, const struct journal_row *row, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	int r = prepare(s, "UPDATE journal SET state = ?, uuid = ? WHERE number = ?", &st, err);

	if (r < 0)
		return r;
	sqlite3_bind_int(st, 1, (int)row->state);
	sqlite3_bind_text(st, 2, row->rec.uuid, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, row->number);
	return sqlite3_step(st) == SQLITE_DONE ? 0 : fail(s, err, "state database");
}

int store_journal_finish(struct store *s, struct ofbc_error *err)
{
	return run_sql(s, "UPDATE journal SET finished = 1", err);
}

int store_journal_clear(struct store *s, struct ofbc_error *err)
{
	return run_sql(s, "DELETE FROM journal", err);
}

int store_journal_read(struct store *s, struct journal *ret, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	int step;
	int r = prepare(
		s,
		"SELECT number, action, state, finished, uuid, name, gpu, technology, type, placement_start,"
		" placement_size, memory_bytes, variant FROM journal ORDER BY number",
		&st, err);

	if (r < 0)
		return r;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct journal_row *row = list_add(ret);

		if (!row)
			return -ENOMEM;
		row->number = (unsigned)sqlite3_column_int64(st, 0);
		row->action = sqlite3_column_int(st, 1);
		row->state = (enum journal_state)sqlite3_column_int(st, 2);
		ret->is_finished = sqlite3_column_int(st, 3) != 0;
		column_text(st, 4, row->rec.uuid, sizeof(row->rec.uuid));
		column_text(st, 5, row->rec.name, sizeof(row->rec.name));
		column_text(st, 6, row->rec.gpu, sizeof(row->rec.gpu));
		column_text(st, 7, row->rec.technology, sizeof(row->rec.technology));
		column_text(st, 8, row->rec.type, sizeof(row->rec.type));
		row->rec.placement.start = (unsigned)sqlite3_column_int64(st, 9);
		row->rec.placement.size = (unsigned)sqlite3_column_int64(st, 10);
		row->rec.memory_bytes = (uint64_t)sqlite3_column_int64(st, 11);
		column_text(st, 12, row->variant, sizeof(row->variant));
	}
	return step == SQLITE_DONE ? 0 : fail(s, err, "state database");
}

int store_journal_pending(struct store *s, struct ofbc_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *st = NULL;
	int r = prepare(s, "SELECT 1 FROM journal WHERE finished = 0 LIMIT 1", &st, err);

	if (r < 0)
		return r;
	r = sqlite3_step(st);
	return r == SQLITE_ROW ? 1 : r == SQLITE_DONE ? 0 : fail(s, err, "state database");
}
