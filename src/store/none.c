/* SPDX-License-Identifier: MIT */
/* Build without SQLite: nothing can be recorded, so every partition is foreign and none can be made. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

/* The parameters of calls that only say what is missing have no use. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static int missing(struct ofbc_error *err)
{
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	          "this build has no SQLite, it cannot record partitions");
	error_hint(err, "install libsqlite3-dev and build again");
	return -ENOTSUP;
}

int store_open(const char *state_dir, bool create, struct store **ret, struct ofbc_error *err)
{
	return create ? missing(err) : -ENOENT;
}

void store_close(struct store *s)
{
}

void record_list_done(struct record_list *l)
{
	free(l->v);
	*l = (struct record_list){0};
}

int store_end(struct store *s, int r, struct ofbc_error *err)
{
	return r;
}

#define MISSING(name, ...)                                                                                   \
	int name(__VA_ARGS__, struct ofbc_error *err)                                                        \
	{                                                                                                    \
		return missing(err);                                                                         \
	}                                                                                                    \
	struct name##_semicolon

MISSING(store_records, struct store *s, struct record_list *ret);
MISSING(store_put, struct store *s, const struct record *r);
MISSING(store_begin, struct store *s);
MISSING(store_forget, struct store *s, const char *uuid);
MISSING(store_set_cordon, struct store *s, const char *gpu, bool cordoned);
MISSING(store_cordons, struct store *s, struct strv *ret);
MISSING(store_gpus, struct store *s, struct strv *ret);
MISSING(store_journal_begin, struct store *s, const struct journal *j);
MISSING(store_journal_mark, struct store *s, const struct journal_row *row);
MISSING(store_journal_finish, struct store *s);
MISSING(store_journal_clear, struct store *s);
MISSING(store_journal_read, struct store *s, struct journal *ret);
MISSING(store_journal_pending, struct store *s);
