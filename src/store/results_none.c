/* SPDX-License-Identifier: MIT */
/* Build without SQLite: results cannot be kept. Nothing can be opened, so the others are never called. */
#include "store/results.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

static int missing(struct ofbc_error *err)
{
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	          "this build has no SQLite, it cannot keep results");
	error_hint(err, "install libsqlite3-dev and build again");
	return -ENOTSUP;
}

void results_close(struct results *r)
{
	(void)r;
}

void results_merged_done(struct results_merged *m)
{
	free(m->mixed.v);
	*m = (struct results_merged){0};
}

int results_open(const char *directory, bool create, struct results **ret, struct ofbc_error *err)
{
	(void)directory;
	(void)ret;
	return create ? missing(err) : -ENOENT;
}

int results_begin(struct results *r, struct ofbc_error *err)
{
	(void)r;
	return missing(err);
}

int results_end(struct results *r, int status, struct ofbc_error *err)
{
	(void)r;
	(void)status;
	return missing(err);
}

int results_add_run(struct results *r, const struct bench_run *run, struct ofbc_error *err)
{
	(void)r;
	(void)run;
	return missing(err);
}

int results_end_run(struct results *r, const struct bench_run *run, struct ofbc_error *err)
{
	(void)r;
	(void)run;
	return missing(err);
}

int results_add_cells(struct results *r, const char *run, const struct bench_cell *cells, size_t n,
                      struct ofbc_error *err)
{
	(void)r;
	(void)run;
	(void)cells;
	(void)n;
	return missing(err);
}

int results_add_trial(struct results *r, const char *run, unsigned cell, const struct bench_trial *t,
                      struct ofbc_error *err)
{
	(void)r;
	(void)run;
	(void)cell;
	(void)t;
	return missing(err);
}

int results_set_verdict(struct results *r, const struct bench_cell *cell,
                        const struct bench_summary *summaries, size_t n, struct ofbc_error *err)
{
	(void)r;
	(void)cell;
	(void)summaries;
	(void)n;
	return missing(err);
}

int results_merge(struct results *r, const struct bench_run_data *data, struct results_merged *ret,
                  struct ofbc_error *err)
{
	(void)r;
	(void)data;
	(void)ret;
	return missing(err);
}

int results_list(struct results *r, const struct results_filter *f, struct bench_summary_list *ret,
                 struct ofbc_error *err)
{
	(void)r;
	(void)f;
	(void)ret;
	return missing(err);
}

int results_runs(struct results *r, const struct results_filter *f, struct bench_run_list *ret,
                 struct ofbc_error *err)
{
	(void)r;
	(void)f;
	(void)ret;
	return missing(err);
}

int results_find_run(struct results *r, const char *prefix, struct bench_run *ret, struct ofbc_error *err)
{
	(void)r;
	(void)prefix;
	(void)ret;
	return missing(err);
}

int results_trials_done(struct results *r, const char *run, unsigned cell, unsigned *ret,
                        struct ofbc_error *err)
{
	(void)r;
	(void)run;
	(void)cell;
	(void)ret;
	return missing(err);
}

int results_load_cell(struct results *r, const char *run, unsigned cell, struct bench_cell_data *ret,
                      struct ofbc_error *err)
{
	(void)r;
	(void)run;
	(void)cell;
	(void)ret;
	return missing(err);
}

int results_load_run(struct results *r, const char *run, struct bench_run_data *ret, struct ofbc_error *err)
{
	(void)r;
	(void)run;
	(void)ret;
	return missing(err);
}
