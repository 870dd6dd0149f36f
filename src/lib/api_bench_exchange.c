/* SPDX-License-Identifier: MIT */
/* Public calls that carry results between machines and programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/gzip.h"
#include "base/list.h"
#include "bench/exchange.h"
#include "lib/bench.h"
#include "platform/files.h"

#define IMPORT_MAX (1u << 30)

DEFINE_CLEANUP(struct results *, results_close);
#define _cleanup_results_ _cleanup_(results_close_p)

/* --- out --- */

static int add_run(struct results *results, const char *id, struct bench_archive *ret, struct ofbc_error *err)
{
	struct bench_run_data *d = list_add(ret);

	return d ? results_load_run(results, id, d, err) : -ENOMEM;
}

static int load_named(struct results *results, const char *const *runs, size_t n, struct bench_archive *ret,
                      struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct bench_run run = {0};

		r = bench_find_run(results, runs[i], strlen(runs[i]), &run, err);
		if (r == 0)
			r = add_run(results, run.id, ret, err);
		bench_run_done(&run);
	}
	return r;
}

static int load_all(struct results *results, struct bench_archive *ret, struct ofbc_error *err)
{
	struct bench_run_list all = {0};
	int r = results_runs(results, &(struct results_filter){0}, &all, err);

	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_run(results, all.v[i].id, ret, err);
	bench_run_list_done(&all);
	return r;
}

int bench_load_runs(struct ofbc_context *ctx, const char *const *runs, size_t n, struct bench_archive *ret,
                    struct ofbc_error *err)
{
	_cleanup_results_ struct results *results = NULL;
	int r = bench_open_results(ctx, &results, err);

	if (r < 0)
		return r;
	return n ? load_named(results, runs, n, ret, err) : load_all(results, ret, err);
}

int ofbc_bench_export(struct ofbc_context *ctx, const char *const *runs, size_t n, unsigned flags, char **ret,
                      struct ofbc_error *err)
{
	const struct export_options o = {.keeps_names = flags & OFBC_EXPORT_NAMES};
	_cleanup_archive_ struct bench_archive all = {0};
	int r = bench_load_runs(ctx, runs, n, &all, err);

	if (r < 0)
		return r;
	return flags & OFBC_EXPORT_CSV ? export_csv(&all, &o, ret, err) : export_lines(&all, &o, ret, err);
}

int ofbc_bench_export_directory(struct ofbc_context *ctx, const char *run, const char *directory,
                                unsigned flags, struct ofbc_error *err)
{
	const struct export_options o = {.keeps_names = flags & OFBC_EXPORT_NAMES};
	_cleanup_archive_ struct bench_archive all = {0};
	struct named_text_list files = {0};
	int r = bench_load_runs(ctx, &run, 1, &all, err);

	if (r == 0)
		r = export_files(&all.v[0], &o, &files, err);
	for (size_t i = 0; r >= 0 && i < files.n; i++)
		r = file_replace(directory, files.v[i].name, files.v[i].text, err);
	named_text_list_done(&files);
	return r < 0 ? r : 0;
}

/* --- in --- */

static int read_directory(const char *path, struct bench_archive *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv names = {0};
	struct named_text_list files = {0};
	int r = directory_list(path, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_free_ char *full = NULL;
		struct named_text *f;

		if (asprintf(&full, "%s/%s", path, names.v[i]) < 0)
			return -ENOMEM;
		if (is_directory(full))
			continue;
		f = list_add(&files);
		if (!f)
			r = -ENOMEM;
		if (f)
			text_copy(f->name, sizeof(f->name), names.v[i]);
		if (f)
			r = file_read(full, IMPORT_MAX, &f->text, &f->len);
	}
	r = r < 0 ? error_set_errno(err, -r, "%s", path) : import_files(&files, path, ret, err);
	named_text_list_done(&files);
	return r;
}

/* What the file holds; compressed results are fine. */
static int read_text(const char *path, char **ret, size_t *ret_len, struct ofbc_error *err)
{
	_cleanup_free_ char *packed = NULL;
	size_t len;
	int r = file_read(path, IMPORT_MAX, &packed, &len);

	if (r < 0) {
		error_set_errno(err, -r, "%s", path);
		error_hint(err,
		           "name what `openforbc bench export` wrote, or a result file of another program");
		return r;
	}
	if (!gzip_is(packed, len)) {
		*ret = packed;
		*ret_len = len;
		packed = NULL;
		return 0;
	}
	r = gzip_unpack(packed, len, IMPORT_MAX, ret, ret_len);
	if (r < 0) {
		error_set_errno(err, -r, "%s cannot be unpacked", path);
		error_hint(err, "`gunzip -t %s` says whether it is whole", path);
	}
	return r;
}

static int read_path(const char *path, const char *platform, struct bench_archive *ret,
                     struct ofbc_error *err)
{
	const struct import_options o = {.platform = platform, .unix_s = file_time_s(path)};
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (is_directory(path))
		return read_directory(path, ret, err);
	r = read_text(path, &text, &len, err);
	return r == 0 ? import_text(text, len, path, &o, ret, err) : r;
}

/* Cells whose trials now come from both sides are summarised anew. */
static int summarise_mixed(struct results *results, const struct results_merged *m, struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->mixed.n; i++) {
		_cleanup_cell_data_ struct bench_cell_data d = {0};

		r = results_load_cell(results, m->mixed.v[i].run, m->mixed.v[i].number, &d, err);
		if (r == 0)
			r = cell_summarise(&d, err);
		if (r == 0)
			r = results_set_verdict(results, &d.cell, d.summaries.v, d.summaries.n, err);
	}
	return r;
}

int ofbc_bench_import(struct ofbc_context *ctx, const char *path, const char *platform,
                      struct ofbc_bench_imported *ret, struct ofbc_error *err)
{
	_cleanup_results_ struct results *results = NULL;
	_cleanup_archive_ struct bench_archive all = {0};
	__attribute__((cleanup(results_merged_done))) struct results_merged m = {0};
	int r = read_path(path, platform, &all, err);

	if (r == 0)
		r = state_dir_make(ctx->state_dir, err);
	if (r == 0)
		r = results_open(ctx->state_dir, true, &results, err);
	if (r == 0)
		r = results_begin(results, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = results_merge(results, &all.v[i], &m, err);
	if (r == 0)
		r = summarise_mixed(results, &m, err);
	r = results_end(results, r, err);
	if (r < 0)
		return r;
	*ret = (struct ofbc_bench_imported){m.runs, m.cells, m.trials, m.present};
	return 0;
}
