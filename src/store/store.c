/* SPDX-License-Identifier: MIT */
/* The database of owned partitions and cordoned GPUs. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "store/sql.h"

struct store {
	struct sql sql;
};

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

static const struct sql_schema schema = {
	.file = "openforbc.db",
	.what = "state database",
	.when_broken = "move openforbc.db away; existing partitions are then shown as foreign and can be "
		       "adopted with `openforbc partition adopt`",
	.migrations = migrations,
	.n_migrations = ARRAY_SIZE(migrations),
};

int store_open(const char *state_dir, bool create, struct store **ret, struct ofbc_error *err)
{
	struct store *s = calloc(1, sizeof(*s));
	int r = s ? sql_open(&s->sql, &schema, state_dir, create, err) : -ENOMEM;

	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sql_close(&s->sql);
	free(s);
}

int store_records(struct store *s, struct record_list *ret, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int step;
	int r = sql_prepare(
		&s->sql,
		"SELECT uuid, name, gpu, gpu_uuid, technology, type, device, placement_start,"
		" placement_size, memory_bytes, state, created_unix_s FROM partition ORDER BY rowid",
		&st, err);

	if (r < 0)
		return r;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct record *rec = list_add(ret);

		if (!rec)
			return -ENOMEM;
		sql_column(st, 0, rec->uuid, sizeof(rec->uuid));
		sql_column(st, 1, rec->name, sizeof(rec->name));
		sql_column(st, 2, rec->gpu, sizeof(rec->gpu));
		sql_column(st, 3, rec->gpu_uuid, sizeof(rec->gpu_uuid));
		sql_column(st, 4, rec->technology, sizeof(rec->technology));
		sql_column(st, 5, rec->type, sizeof(rec->type));
		sql_column(st, 6, rec->device, sizeof(rec->device));
		rec->placement.start = (unsigned)sqlite3_column_int64(st, 7);
		rec->placement.size = (unsigned)sqlite3_column_int64(st, 8);
		rec->memory_bytes = (uint64_t)sqlite3_column_int64(st, 9);
		rec->state = (enum record_state)sqlite3_column_int(st, 10);
		rec->created_unix_s = sqlite3_column_int64(st, 11);
	}
	return step == SQLITE_DONE ? 0 : sql_fail(&s->sql, err);
}

void record_list_done(struct record_list *l)
{
	free(l->v);
	*l = (struct record_list){0};
}

int store_put(struct store *s, const struct record *rec, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	const char *const texts[] = {rec->uuid,       rec->name, rec->gpu,   rec->gpu_uuid,
	                             rec->technology, rec->type, rec->device};
	int r = sql_prepare(
		&s->sql,
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
	return sqlite3_step(st) == SQLITE_DONE ? 0 : sql_fail(&s->sql, err);
}

int store_begin(struct store *s, struct ofbc_error *err)
{
	return sql_begin(&s->sql, err);
}

int store_end(struct store *s, int r, struct ofbc_error *err)
{
	return sql_end(&s->sql, r, err);
}

static int exec_with_text(struct store *s, const char *sql, const char *text, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int r = sql_prepare(&s->sql, sql, &st, err);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
	if (sqlite3_step(st) != SQLITE_DONE)
		return sql_fail(&s->sql, err);
	return sqlite3_changes(s->sql.db) > 0 ? 0 : 1;
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
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int step;
	int r = sql_prepare(&s->sql, sql, &st, err);

	if (r < 0)
		return r;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		r = strv_add(ret, (const char *)sqlite3_column_text(st, 0));
		if (r < 0)
			return r;
	}
	return step == SQLITE_DONE ? 0 : sql_fail(&s->sql, err);
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

static int journal_insert(struct store *s, const struct journal_row *row, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	const struct record *rec = &row->rec;
	const char *const texts[] = {rec->uuid, rec->name, rec->gpu, rec->technology, rec->type};
	int r = sql_prepare(&s->sql, "INSERT INTO journal VALUES(?,?,?,0,?,?,?,?,?,?,?,?,?)", &st, err);

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
	return sqlite3_step(st) == SQLITE_DONE ? 0 : sql_fail(&s->sql, err);
}

int store_journal_begin(struct store *s, const struct journal *j, struct ofbc_error *err)
{
	int r = store_begin(s, err);

	if (r < 0)
		return r;
	r = sql_exec(&s->sql, "DELETE FROM journal", err);
	for (size_t i = 0; r == 0 && i < j->n; i++)
		r = journal_insert(s, &j->v[i], err);
	return store_end(s, r, err);
}

int store_journal_mark(struct store *s, const struct journal_row *row, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int r = sql_prepare(&s->sql, "UPDATE journal SET state = ?, uuid = ? WHERE number = ?", &st, err);

	if (r < 0)
		return r;
	sqlite3_bind_int(st, 1, (int)row->state);
	sqlite3_bind_text(st, 2, row->rec.uuid, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, row->number);
	return sqlite3_step(st) == SQLITE_DONE ? 0 : sql_fail(&s->sql, err);
}

int store_journal_finish(struct store *s, struct ofbc_error *err)
{
	return sql_exec(&s->sql, "UPDATE journal SET finished = 1", err);
}

int store_journal_clear(struct store *s, struct ofbc_error *err)
{
	return sql_exec(&s->sql, "DELETE FROM journal", err);
}

int store_journal_read(struct store *s, struct journal *ret, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int step;
	int r = sql_prepare(
		&s->sql,
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
		sql_column(st, 4, row->rec.uuid, sizeof(row->rec.uuid));
		sql_column(st, 5, row->rec.name, sizeof(row->rec.name));
		sql_column(st, 6, row->rec.gpu, sizeof(row->rec.gpu));
		sql_column(st, 7, row->rec.technology, sizeof(row->rec.technology));
		sql_column(st, 8, row->rec.type, sizeof(row->rec.type));
		row->rec.placement.start = (unsigned)sqlite3_column_int64(st, 9);
		row->rec.placement.size = (unsigned)sqlite3_column_int64(st, 10);
		row->rec.memory_bytes = (uint64_t)sqlite3_column_int64(st, 11);
		sql_column(st, 12, row->variant, sizeof(row->variant));
	}
	return step == SQLITE_DONE ? 0 : sql_fail(&s->sql, err);
}

int store_journal_pending(struct store *s, struct ofbc_error *err)
{
	_cleanup_statement_ sqlite3_stmt *st = NULL;
	int r = sql_prepare(&s->sql, "SELECT 1 FROM journal WHERE finished = 0 LIMIT 1", &st, err);

	if (r < 0)
		return r;
	r = sqlite3_step(st);
	return r == SQLITE_ROW ? 1 : r == SQLITE_DONE ? 0 : sql_fail(&s->sql, err);
}
