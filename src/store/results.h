/* SPDX-License-Identifier: MIT */
/*
 * Results of measurements, in a database of their own. What a call has acknowledged survives the death of the
 * program, and the loss of power unless results_set_lazy() says otherwise. Runs are named by their whole UUID
 * where no "prefix" is spoken of.
 */
#pragma once

#include "model/result.h"
#include "openforbc/error.h"

struct results;

/* create: false opens an existing file only (-ENOENT when there is none). Migrates the schema. */
int results_open(const char *directory, bool create, struct results **ret, struct ofbc_error *err);
void results_close(struct results *r); /* accepts NULL */

/* Many additions as one: all of them or none. After a failure in between, end with it. end commits for
 * status >= 0, else rolls back; returns status or the error of the commit. */
int results_begin(struct results *r, struct ofbc_error *err);
int results_end(struct results *r, int status, struct ofbc_error *err);

/* Lazy: what is acknowledged from now on survives the death of the program, but is brought to the disk only
 * with the next acknowledgement that is not lazy. Not between begin and end. */
int results_set_lazy(struct results *r, bool is_lazy, struct ofbc_error *err);

/* --- writing: what a run does --- */

int results_add_run(struct results *r, const struct bench_run *run, struct ofbc_error *err); /* -EEXIST */
/* Its end, environment after and note; 0 for the end when it is resumed. */
int results_end_run(struct results *r, const struct bench_run *run, struct ofbc_error *err);
/* Replaces the request of a run whose stages are found while it runs. */
int results_set_request(struct results *r, const char *run, const char *request, struct ofbc_error *err);
/* All planned cells at once; their `run` is not looked at. */
int results_add_cells(struct results *r, const char *run, const struct bench_cell *cells, size_t n,
                      struct ofbc_error *err);
/* With its values. 1: it is there already and equal; -EEXIST: it is there and says something else. */
int results_add_trial(struct results *r, const char *run, unsigned cell, const struct bench_trial *t,
                      struct ofbc_error *err);
/* `cell`: run, number, verdict and reason count. Replaces the summaries. */
int results_set_verdict(struct results *r, const struct bench_cell *cell,
                        const struct bench_summary *summaries, size_t n, struct ofbc_error *err);

/* --- merging --- */

struct results_merged {
	size_t runs, cells, trials; /* that were new */
	size_t present;             /* trials that were there already */
	/* Cells whose trials come from both sides, so that neither side's summaries are right. */
	struct bench_cell_list {
		struct bench_cell *v; /* run and number */
		size_t n, cap;
	} mixed;
};

/* A whole run into what is there, as one. Equal trials are skipped; -EEXIST names what differs. Counts are
 * added to *ret. */
int results_merge(struct results *r, const struct bench_run_data *data, struct results_merged *ret,
                  struct ofbc_error *err);
void results_merged_done(struct results_merged *m);

/* --- reading --- */

enum results_emulated { RESULTS_ANY_HOST, RESULTS_REAL_ONLY, RESULTS_EMULATED_ONLY };

struct results_filter {  /* NULL or 0: does not matter */
	const char *run; /* UUID or a prefix of only one */
	const char *benchmark, *layout, *metric, *platform, *label;
	const char *parameters;             /* is part of them */
	int64_t since_unix_s, until_unix_s; /* of the start, both included */
	enum results_emulated emulated;
	size_t limit;
};

/* One element a metric of a cell, newest run first; a cell without metrics is one element with metric "". */
int results_list(struct results *r, const struct results_filter *f, struct bench_summary_list *ret,
                 struct ofbc_error *err);
/* Runs, newest first, without request and environments; of the filter what is of a run, and benchmark. */
int results_runs(struct results *r, const struct results_filter *f, struct bench_run_list *ret,
                 struct ofbc_error *err);
/* By prefix, with all texts. -ENOENT; -EINVAL several begin so. */
int results_find_run(struct results *r, const char *prefix, struct bench_run *ret, struct ofbc_error *err);
/* Number of the next trial of a cell: 0 when it has none. */
int results_trials_done(struct results *r, const char *run, unsigned cell, unsigned *ret,
                        struct ofbc_error *err);
int results_load_cell(struct results *r, const char *run, unsigned cell, struct bench_cell_data *ret,
                      struct ofbc_error *err);
/* Everything, as an export needs it. */
int results_load_run(struct results *r, const char *run, struct bench_run_data *ret, struct ofbc_error *err);
