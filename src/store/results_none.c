/* SPDX-License-Identifier: MIT */
/* Build without SQLite: results cannot be kept. Nothing can be opened, so the others are never called. */
#include "store/results.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

/* The parameters of calls that only say what is missing have no use. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

static int missing(struct ofbc_error *err)
{
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	          "this build has no SQLite, it cannot keep results");
	error_hint(err, "install libsqlite3-dev and build again");
	return -ENOTSUP;
}

void results_close(struct results *r)
{
}

int results_set_lazy(struct results *r, bool is_lazy, struct ofbc_error *err)
{
	(void)r;
	(void)is_lazy;
	return missing(err);
}

void results_merged_done(struct results_merged *m)
{
	free(m->mixed.v);
	*m = (struct results_merged){0};
}

int results_open(const char *directory, bool create, struct results **ret, struct ofbc_error *err)
{
	return create ? missing(err) : -ENOENT;
}

#define MISSING(name, ...)                                                                                   \
	int name(__VA_ARGS__, struct ofbc_error *err)                                                        \
	{                                                                                                    \
		return missing(err);                                                                         \
	}                                                                                                    \
	struct name##_semicolon

MISSING(results_begin, struct results *r);
MISSING(results_end, struct results *r, int status);
MISSING(results_add_run, struct results *r, const struct bench_run *run);
MISSING(results_set_request, struct results *r, const char *run, const char *request);
MISSING(results_end_run, struct results *r, const struct bench_run *run);
MISSING(results_add_cells, struct results *r, const char *run, const struct bench_cell *cells, size_t n);
MISSING(results_add_trial, struct results *r, const char *run, unsigned cell, const struct bench_trial *t);
MISSING(results_set_verdict, struct results *r, const struct bench_cell *cell,
        const struct bench_summary *summaries, size_t n);
MISSING(results_merge, struct results *r, const struct bench_run_data *data, struct results_merged *ret);
MISSING(results_list, struct results *r, const struct results_filter *f, struct bench_summary_list *ret);
MISSING(results_runs, struct results *r, const struct results_filter *f, struct bench_run_list *ret);
MISSING(results_find_run, struct results *r, const char *prefix, struct bench_run *ret);
MISSING(results_trials_done, struct results *r, const char *run, unsigned cell, unsigned *ret);
MISSING(results_load_cell, struct results *r, const char *run, unsigned cell, struct bench_cell_data *ret);
MISSING(results_load_run, struct results *r, const char *run, struct bench_run_data *ret);
