/* SPDX-License-Identifier: MIT */
/* The database of what is ours. Nothing outside store/ speaks SQL. */
#pragma once

#include "base/strv.h"
#include "openforbc/partition.h"

struct store;

/* Restoring: it was ours before, and stays so when it is not made. The numbers are those of the database. */
enum record_state { RECORD_CREATING, RECORD_ACTIVE, RECORD_DESTROYING, RECORD_RESTORING };

struct record {
	char uuid[37];
	char name[64];
	char gpu[64];
	char gpu_uuid[64];
	char technology[16];
	char type[96];
	char device[128];
	struct ofbc_placement placement;
	uint64_t memory_bytes;
	enum record_state state;
	int64_t created_unix_s;
};

struct record_list {
	struct record *v;
	size_t n, cap;
};

/* create: false opens an existing file only (-ENOENT when there is none). Migrates the schema. */
int store_open(const char *state_dir, bool create, struct store **ret, struct ofbc_error *err);
void store_close(struct store *s); /* accepts NULL */
int store_records(struct store *s, struct record_list *ret, struct ofbc_error *err);
void record_list_done(struct record_list *l);
int store_put(struct store *s, const struct record *r,
              struct ofbc_error *err); /* insert or replace by uuid */
/* The journal of one apply: all steps before the first is done, then the state of each. */
enum journal_state { JOURNAL_PLANNED, JOURNAL_STARTED, JOURNAL_DONE };

struct journal_row {
	unsigned number; /* order */
	int action;      /* enum ofbc_action */
	enum journal_state state;
	struct record rec; /* gpu, technology, type, uuid, name, placement, memory */
	char variant[24];
};

struct journal {
	struct journal_row *v;
	size_t n, cap;
	bool is_finished; /* the apply ended well; kept for `layout rollback` */
};

int store_journal_begin(struct store *s, const struct journal *j,
                        struct ofbc_error *err); /* replaces the old one */
int store_journal_mark(struct store *s, const struct journal_row *row,
                       struct ofbc_error *err); /* state and uuid */
int store_journal_finish(struct store *s, struct ofbc_error *err);
int store_journal_clear(struct store *s, struct ofbc_error *err);
int store_journal_read(struct store *s, struct journal *ret, struct ofbc_error *err);
/* 1: an apply was begun and did not end. */
int store_journal_pending(struct store *s, struct ofbc_error *err);
/* Several puts and forgets as one: all of them or none. end commits for r == 0, else rolls back; returns r or
 * the error of the commit. */
int store_begin(struct store *s, struct ofbc_error *err);
int store_end(struct store *s, int r, struct ofbc_error *err);
int store_forget(struct store *s, const char *uuid, struct ofbc_error *err);
int store_set_cordon(struct store *s, const char *gpu, bool cordoned, struct ofbc_error *err);
int store_cordons(struct store *s, struct strv *ret, struct ofbc_error *err);
/* Ids of the GPUs that partitions are recorded of. */
int store_gpus(struct store *s, struct strv *ret, struct ofbc_error *err);
