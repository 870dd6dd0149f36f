/* SPDX-License-Identifier: MIT */
/*
 * google/benchmark --benchmark_out, JSON (1.5 to 1.9; its docs/user_guide.md and docs/tools.md). A repetition
 * is a trial; its aggregates are not read, ours are made from the repetitions.
 */
#include "bench/import_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"

#define MAX_KEYS 256

/* Numbers that are no results. */
static const char *const bookkeeping[] = {"family_index", "per_family_instance_index",
                                          "repetitions",  "repetition_index",
                                          "threads",      "iterations",
                                          "real_time",    "cpu_time"};

static bool is_bookkeeping(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(bookkeeping); i++) {
		if (strcmp(bookkeeping[i], key) == 0)
			return true;
	}
	return false;
}

static int time_scale(const struct importer *im, const struct json *b, double *ret)
{
	static const struct {
		const char *unit;
		double scale;
	} units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
	const char *unit = json_str(json_get(b, "time_unit"), "ns");

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(units[i].unit, unit) == 0) {
			*ret = units[i].scale;
			return 0;
		}
	}
	return import_complain(im, "field 'time_unit' is '%s': none of ns, us, ms, s", unit);
}

/* bytes_per_second, items_per_second and what the user counts */
static int read_counters(const struct importer *im, const struct json *b, struct bench_cell_data *d,
                         struct bench_trial *t)
{
	const char *keys[MAX_KEYS];
	size_t n = json_keys(b, keys, MAX_KEYS);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && i < MAX_KEYS; i++) {
		double v = json_double(json_get(b, keys[i]), NAN);
		bool is_rate = strcmp(keys[i], "items_per_second") == 0;
		bool is_bytes = strcmp(keys[i], "bytes_per_second") == 0;

		if (!keys[i][0])
			return import_complain(im, "benchmark '%s': a counter has no name",
			                       json_str(json_get(b, "name"), ""));
		if (!isnan(v) && !is_bookkeeping(keys[i]))
			r = import_add_value(d, t, keys[i],
			                     is_bytes  ? "B/s"
			                     : is_rate ? "1/s"
			                               : "",
			                     is_bytes || is_rate ? HIGHER_IS_BETTER : NO_DIRECTION, v);
	}
	return r;
}

static int read_times(const struct importer *im, const struct json *b, struct bench_cell_data *d,
                      struct bench_trial *t)
{
	static const char *const keys[] = {"real_time", "cpu_time"};
	double scale = 1;
	int r = time_scale(im, b, &scale);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
		double v = json_double(json_get(b, keys[i]), NAN);

		if (isnan(v))
			return import_complain(im, "benchmark '%s': field '%s' is no number",
			                       json_str(json_get(b, "name"), ""), keys[i]);
		r = import_add_value(d, t, keys[i], "s", LOWER_IS_BETTER, v * scale);
	}
	return r < 0 ? r : read_counters(im, b, d, t);
}

/* 1.8 says "skipped": "error" for what was "error_occurred". */
static bool has_failed(const struct json *b)
{
	return json_bool(json_get(b, "error_occurred"), false) || json_str(json_get(b, "skipped"), NULL) ||
	       json_bool(json_get(b, "skipped"), false);
}

static int read_repetition(const struct importer *im, const struct json *b, struct bench_cell_data *d)
{
	struct bench_trial *t = bench_trial_add(&d->trials);
	const char *message =
		json_str(json_get(b, "error_message"), json_str(json_get(b, "skip_message"), ""));

	if (!t)
		return -ENOMEM;
	t->number = t->block = (unsigned)d->trials.n - 1;
	if (!has_failed(b)) {
		t->verdict = BENCH_OK;
		return read_times(im, b, d, t);
	}
	t->verdict = BENCH_FAILED;
	t->reason = strdup(message);
	return t->reason ? 0 : -ENOMEM;
}

/* "BM_copy/1024" is the benchmark BM_copy with arguments. */
static int read_parameters(const struct json *b, const char *full, struct bench_cell_data *d)
{
	_cleanup_strv_ struct strv list = {0};
	const char *arguments = strchr(full, '/');
	uint64_t threads = json_u64(json_get(b, "threads"), 1);
	int r = arguments ? strv_addf(&list, "arguments=%s", arguments + 1) : 0;

	if (r == 0 && threads != 1)
		r = strv_addf(&list, "threads=%llu", (unsigned long long)threads);
	if (r == 0)
		import_set_parameters(d, &list);
	return r;
}

/* The cell of that name, made when it is new. */
static int find_cell(const struct importer *im, struct bench_run_data *run, struct strv *names,
                     const struct json *b, struct bench_cell_data **ret)
{
	const char *full = json_str(json_get(b, "run_name"), json_str(json_get(b, "name"), NULL));
	char name[64];
	int r;

	if (!full)
		return import_complain(im, "benchmarks: field 'name' is missing");
	if (names->n && strcmp(names->v[names->n - 1], full) == 0) {
		*ret = &run->cells.v[names->n - 1];
		return 0;
	}
	for (size_t i = 0; i < names->n; i++) { /* repetitions may be interleaved */
		if (strcmp(names->v[i], full) == 0) {
			*ret = &run->cells.v[i];
			return 0;
		}
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(full, "/"), full);
	*ret = import_add_cell(run, name);
	r = *ret ? strv_add(names, full) : -ENOMEM;
	return r < 0 ? r : read_parameters(b, full, *ret);
}

static int read_context(const struct importer *im, const struct json *context, struct bench_run *run)
{
	int64_t started = import_time(json_str(json_get(context, "date"), ""));
	int r = field_text(im, context, "host_name", run->host, sizeof(run->host));

	if (started)
		run->started_unix_s = started;
	return r < 0 ? r : import_print(context, &run->environment);
}

int import_google(struct importer *im, const struct json *doc)
{
	_cleanup_strv_ struct strv names = {0};
	const struct json *benchmarks = field_array(im, doc, "benchmarks");
	struct bench_run_data *run;
	int r;

	if (!benchmarks)
		return -EINVAL;
	run = import_add_run(im, "google-benchmark", "");
	if (!run)
		return -ENOMEM;
	r = read_context(im, json_get(doc, "context"), &run->run);
	for (size_t i = 0; r == 0 && i < json_len(benchmarks); i++) {
		const struct json *b = json_at(benchmarks, i);
		struct bench_cell_data *d = NULL;

		if (strcmp(json_str(json_get(b, "run_type"), "iteration"), "iteration") != 0)
			continue;
		r = find_cell(im, run, &names, b, &d);
		if (r == 0)
			r = read_repetition(im, b, d);
	}
	if (r == 0 && !run->cells.n && json_len(benchmarks))
		return import_complain(im, "it has aggregates only: run it without "
		                           "--benchmark_report_aggregates_only");
	return r < 0 ? r : import_finish_run(im, run);
}
