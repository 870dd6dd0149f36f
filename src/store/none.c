/* SPDX-License-Identifier: MIT */
/* Build without SQLite: nothing can be recorded, so every partition is foreign and none can be made. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

static int missing(struct ofbc_error *err)
{
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	          "this build has no SQLite, it cannot record partitions");
	error_hint(err, "install libsqlite3-dev and build again");
	return -ENOTSUP;
}

int store_open(const char *state_dir, bool create, struct store **ret, struct ofbc_error *err)
{
	(void)state_dir;
	(void)ret;
	return create ? missing(err) : -ENOENT;
}

void store_close(struct store *s)
{
	(void)s;
}

int store_records(struct store *s, struct record_list *ret, struct ofbc_error *err)
{
	(void)s;
	(void)ret;
	return missing(err);
}

void record_list_done(struct record_list *l)
{
	free(l->v);
	*l = (struct record_list){0};
}

int store_put(struct store *s, const struct record *r, struct ofbc_error *err)
{
	(void)s;
	(void)r;
	return missing(err);
}

int store_begin(struct store *s, struct ofbc_error *err)
{
	(void)s;
	return missing(err);
}

int store_end(struct store *s, int r, struct ofbc_error *err)
{
	(void)s;
	(void)err;
	return r;
}

int store_forget(struct store *s, const char *uuid, struct ofbc_error *err)
{
	(void)s;
	(void)uuid;
	return missing(err);
}

int store_set_cordon(struct store *s, const char *gpu, bool cordoned, struct ofbc_error *err)
{
	(void)s;
	(void)gpu;
	(void)cordoned;
	return missing(err);
}

int store_cordons(struct store *s, struct strv *ret, struct ofbc_error *err)
{
	(void)s;
	(void)ret;
	return missing(err);
}

int store_gpus(struct store *s, struct strv *ret, struct ofbc_error *err)
{
	(void)s;
	(void)ret;
	return missing(err);
}

int store_journal_begin(struct store *s, const struct journal *j, struct ofbc_error *err)
{
	(void)s;
	(void)j;
	return missing(err);
}

int store_journal_mark(struct store *s, const struct journal_row *row, struct ofbc_error *err)
{
	(void)s;
	(void)row;
	return missing(err);
}

int store_journal_finish(struct store *s, struct ofbc_error *err)
{
	(void)s;
	return missing(err);
}

int store_journal_clear(struct store *s, struct ofbc_error *err)
{
	(void)s;
	return missing(err);
}

int store_journal_read(struct store *s, struct journal *ret, struct ofbc_error *err)
{
	(void)s;
	(void)ret;
	return missing(err);
}

int store_journal_pending(struct store *s, struct ofbc_error *err)
{
	(void)s;
	return missing(err);
}
