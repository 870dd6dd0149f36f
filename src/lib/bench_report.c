/* SPDX-License-Identifier: MIT */
/*
 * Reports on disk: texts are made, gnuplot draws, and all of it becomes the directory at once. Scripts and
 * data of figures may be edited there: a report in which something was changed is never replaced.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "base/sha256.h"
#include "lib/bench.h"
#include "openforbc/openforbc.h"
#include "platform/files.h"
#include "report/report.h"

#define FILE_BYTES_MAX  ((size_t)1 << 31)
#define DRAW_TIMEOUT_MS 120000
#define MANIFEST        "report.json"
#define PAGE            "report.html"

DEFINE_CLEANUP(struct ofbc_bench_report *, ofbc_bench_report_free);

static const char *const drawn[] = {"svg", "pdf", "png"};

/* --- what may be replaced --- */

static int foreign(const char *directory, const char *what, const char *why, struct ofbc_error *err)
{
	error_set(err, EEXIST, OFBC_REASON_IN_USE, "'%s' %s%s", directory, why, what);
	error_hint(err, "name another directory with --output, or move that one away");
	return -EEXIST;
}

static const struct json *file_entry(const struct json *manifest, const char *name)
{
	const struct json *files = json_get(manifest, "files");

	for (size_t i = 0; i < json_len(files); i++) {
		if (strcmp(json_str(json_get(json_at(files, i), "name"), ""), name) == 0)
			return json_at(files, i);
	}
	return NULL;
}

static int hash_file(const char *directory, const char *name, char ret[SHA256_HEX_SIZE])
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len;
	int r;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	r = file_read(path, FILE_BYTES_MAX, &text, &len);
	if (r == 0)
		sha256_hex(text, len, ret);
	return r;
}

static int check_file(const char *directory, const struct json *manifest, const char *name,
                      struct ofbc_error *err)
{
	const struct json *entry = file_entry(manifest, name);
	char hash[SHA256_HEX_SIZE];
	int r;

	if (strcmp(name, MANIFEST) == 0)
		return 0;
	if (!entry)
		return foreign(directory, name, "has a file that is no part of the report in it: ", err);
	r = hash_file(directory, name, hash);
	if (r < 0)
		return error_set_errno(err, -r, "%s/%s", directory, name);
	if (strcmp(json_str(json_get(entry, "sha256"), ""), hash) != 0)
		return foreign(directory, name, "has a report in it, of which a file was changed: ", err);
	return 0;
}

/* 0: nothing is there, or an empty directory, or a report as it was made. */
static int check_place(const char *directory, struct ofbc_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_json_ struct json *manifest = NULL;
	_cleanup_strv_ struct strv names = {0};
	size_t len;
	int r;

	if (!file_is_there(directory))
		return 0;
	if (!is_directory(directory))
		return foreign(directory, "", "is there and is no directory", err);
	r = directory_walk(directory, &names);
	if (r < 0)
		return error_set_errno(err, -r, "%s", directory);
	if (!names.n)
		return 0;
	if (asprintf(&path, "%s/" MANIFEST, directory) < 0)
		return -ENOMEM;
	if (file_read(path, FILE_BYTES_MAX, &text, &len) < 0 ||
	    json_parse(text, len, path, &manifest, NULL) < 0 ||
	    strcmp(json_str(json_get(manifest, "schema"), ""), REPORT_SCHEMA) != 0)
		return foreign(directory, "", "is there and is no report", err);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = check_file(directory, manifest, names.v[i], err);
	return r;
}

/* --- writing --- */

static int put(const char *root, const char *name, const char *text, struct ofbc_error *err)
{
	_cleanup_free_ char *directory = NULL;
	const char *slash = strrchr(name, '/');
	int r;

	if (asprintf(&directory, "%s%s%.*s", root, slash ? "/" : "", slash ? (int)(slash - name) : 0, name) <
	    0)
		return -ENOMEM;
	r = file_replace(directory, slash ? slash + 1 : name, text, err);
	return r < 0 ? r : 0;
}

/* Its last words: what stands before them are warnings. */
static const char *last_words(struct command_result *result)
{
	const char *said = result->out;

	if (!result->out[strspn(result->out, " \n")])
		snprintf(result->out, sizeof(result->out), "exit status %d", result->status);
	for (const char *s = said; (s = strchr(s, '\n')); s++) {
		if (strlen(s + strspn(s, " \n")) > 0 && strlen(said) > 200)
			said = s + strspn(s, " \n");
	}
	return said + strspn(said, " \n");
}

static int draw_failed(const struct report_figure *f, const char *said, struct ofbc_error *err)
{
	error_set(err, EIO, OFBC_REASON_FAILED, "gnuplot cannot draw %s.gp: %.200s", f->name, said);
	error_hint(
		err,
		"gnuplot needs its terminals svg, pdfcairo and pngcairo (Debian: gnuplot-nox); without gnuplot in "
		"PATH the report is written with data and scripts only");
	return -EIO;
}

/* gnuplot may end well and leave nothing. */
static int read_drawings(const char *root, struct report_figure *f, struct ofbc_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(drawn); i++) {
		_cleanup_free_ char *path = NULL, *text = NULL;
		size_t len;

		if (asprintf(&path, "%s/figures/%s.%s", root, f->name, drawn[i]) < 0)
			return -ENOMEM;
		if (file_read(path, FILE_BYTES_MAX, &text, &len) < 0 || !len) {
			char said[64];

			snprintf(said, sizeof(said), "there is no .%s", drawn[i]);
			return draw_failed(f, said, err);
		}
		if (i == 0)
			f->svg = steal_ptr(text);
	}
	return 0;
}

/* 1: there is no gnuplot. */
static int draw(const char *root, struct report_figure *f, struct ofbc_error *err)
{
	static const char *const env[] = {"LC_ALL=C.UTF-8", NULL};
	_cleanup_free_ char *directory = NULL;
	char script[80];
	const char *const argv[] = {"gnuplot", "--default-settings", script, NULL};
	struct command cmd = {.argv = argv, .env = env, .timeout_ms = DRAW_TIMEOUT_MS};
	struct command_result result;
	int r;

	snprintf(script, sizeof(script), "%s.gp", f->name);
	if (asprintf(&directory, "%s/figures", root) < 0)
		return -ENOMEM;
	cmd.directory = directory;
	r = command_run(&cmd, &result);
	if (r == -ENOENT)
		return 1;
	if (r < 0)
		return draw_failed(f, strerror(-r), err);
	if (result.status)
		return draw_failed(f, last_words(&result), err);
	return read_drawings(root, f, err);
}

static int add_manifest_file(const char *root, const char *name, struct json *files, struct ofbc_error *err)
{
	struct json *file = json_object();
	char hash[SHA256_HEX_SIZE];
	int r = hash_file(root, name, hash);

	json_set_str(file, "name", name);
	json_set_str(file, "sha256", r == 0 ? hash : "");
	json_append(files, file);
	return r < 0 ? error_set_errno(err, -r, "%s/%s", root, name) : 0;
}

static int write_manifest(const char *root, const struct report *report, struct ofbc_error *err)
{
	_cleanup_json_ struct json *doc = json_object();
	_cleanup_strv_ struct strv names = {0};
	_cleanup_free_ char *text = NULL;
	struct json *files = json_array();
	int r = directory_walk(root, &names);

	json_set_str(doc, "schema", REPORT_SCHEMA);
	json_set_str(doc, "program", report->rq.program);
	json_set_str(doc, "title", report->title);
	json_set_i64(doc, "made_unix_s", report->rq.unix_s);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = add_manifest_file(root, names.v[i], files, err);
	json_set(doc, "files", files);
	if (r == 0)
		r = json_print(doc, &text);
	return r < 0 ? r : put(root, MANIFEST, text, err);
}

/* Everything, below root. */
static int write_report(const char *root, struct report *report, struct ofbc_bench_report *said,
                        struct ofbc_error *err)
{
	_cleanup_free_ char *page = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < report->files.n; i++)
		r = put(root, report->files.v[i].name, report->files.v[i].text, err);
	for (size_t i = 0; r == 0 && i < report->figures.n; i++)
		r = draw(root, &report->figures.v[i], err);
	if (r == 1)
		snprintf(
			said->undrawn, sizeof(said->undrawn),
			"gnuplot is not installed, so that figures have data and scripts only. Install it (Debian: gnuplot-nox) "
			"and make the report again, or run `gnuplot NAME.gp` in its directory figures.");
	if (r >= 0)
		r = report_page(report, said->undrawn[0] ? said->undrawn : NULL, &page, err);
	if (r == 0)
		r = put(root, PAGE, page, err);
	return r < 0 ? r : write_manifest(root, report, err);
}

/* --- the call --- */

static int tell(const struct report *report, struct ofbc_bench_report *said)
{
	for (size_t i = 0; i < report->figures.n; i++) {
		struct ofbc_bench_figure *f = list_add(said);

		if (!f)
			return -ENOMEM;
		text_copy(f->title, sizeof(f->title), report->figures.v[i].title);
		snprintf(f->file, sizeof(f->file), "figures/%s", report->figures.v[i].name);
	}
	for (size_t i = 0; i < report->absent.n; i++) {
		struct ofbc_bench_figure *f = list_add(said);

		if (!f)
			return -ENOMEM;
		text_copy(f->title, sizeof(f->title), report->absent.v[i].figure);
		text_copy(f->reason, sizeof(f->reason), report->absent.v[i].reason);
	}
	return 0;
}

static int choose_directory(const struct ofbc_bench_report_request *rq, const struct bench_archive *a,
                            char *buf, size_t size, struct ofbc_error *err)
{
	size_t n;

	if (!rq->directory) {
		snprintf(buf, size, "report-%.8s", a->v[0].run.id);
		return 0;
	}
	text_copy(buf, size, rq->directory);
	for (n = strlen(buf); n > 1 && buf[n - 1] == '/'; n--)
		buf[n - 1] = '\0';
	if (buf[0] && strcmp(buf, "/") != 0 && strlen(rq->directory) < size)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' cannot be the directory of a report", rq->directory);
	error_hint(err, "name a new directory, as in --output my-report");
	return -EINVAL;
}

/* What is shown is what an export says: it is read back, so that a name that is replaced there is replaced
 * here. */
static int load(struct ofbc_context *ctx, const struct ofbc_bench_report_request *rq, char **ret_raw,
                struct bench_archive *ret, struct ofbc_error *err)
{
	const struct export_options o = {.keeps_names = rq->flags & OFBC_EXPORT_NAMES};
	_cleanup_archive_ struct bench_archive whole = {0};
	int r = bench_load_runs(ctx, rq->runs, rq->n_runs, &whole, err);

	if (r == 0)
		r = export_lines(&whole, &o, ret_raw, err);
	return r < 0 ? r
	             : import_text(*ret_raw, strlen(*ret_raw), "export", &(struct import_options){0}, ret,
	                           err);
}

static int make(const struct report_request *rq, struct ofbc_bench_report *said, struct ofbc_error *err)
{
	_cleanup_report_ struct report *report = NULL;
	char root[sizeof(said->directory) + 16];
	int r = report_new(rq, &report, err);

	if (r == 0)
		r = tell(report, said);
	if (r == 0)
		r = directory_prepare(said->directory, root, sizeof(root), err);
	if (r < 0)
		return r;
	r = write_report(root, report, said, err);
	if (r == 0)
		r = directory_replace(root, said->directory, err);
	if (r < 0)
		scratch_remove(root);
	return r;
}

int ofbc_bench_report(struct ofbc_context *ctx, const struct ofbc_bench_report_request *rq,
                      struct ofbc_bench_report **ret, struct ofbc_error *err)
{
	_cleanup_(ofbc_bench_report_free_p) struct ofbc_bench_report *said = calloc(1, sizeof(*said));
	_cleanup_archive_ struct bench_archive runs = {0};
	_cleanup_free_ char *raw = NULL;
	struct report_request make_rq;
	int r = said ? load(ctx, rq, &raw, &runs, err) : -ENOMEM;

	if (r < 0)
		return r;
	r = choose_directory(rq, &runs, said->directory, sizeof(said->directory), err);
	if (r == 0)
		r = check_place(said->directory, err);
	if (r < 0)
		return r;
	make_rq = (struct report_request){.runs = &runs,
	                                  .title = rq->title,
	                                  .program = "openforbc " OFBC_VERSION,
	                                  .raw = raw,
	                                  .unix_s = wall_clock_s()};
	r = make(&make_rq, said, err);
	if (r == 0)
		*ret = steal_ptr(said);
	return r;
}

void ofbc_bench_report_free(struct ofbc_bench_report *report)
{
	if (report)
		free(report->v);
	free(report);
}
