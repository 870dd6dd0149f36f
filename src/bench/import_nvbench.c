/* SPDX-License-Identifier: MIT */
/*
 * NVIDIA/nvbench --json (its nvbench/json_printer.cu and docs/cli_help.md; files of version 1.x). A state is
 * a cell. Its summaries are over samples inside one process, so all of them are one trial. Numbers of
 * summaries are texts, so that 64 bits survive.
 */
#include "bench/import_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/number.h"

/* Tags that people compare, with a unit; all others keep their tag as name and have no direction. */
static const struct {
	const char *tag, *metric, *unit;
	enum import_better better;
} known[] = {
	{"nv/cold/time/gpu/mean", "gpu_time", "s", LOWER_IS_BETTER},
	{"nv/cold/time/cpu/mean", "cpu_time", "s", LOWER_IS_BETTER},
	{"nv/batch/time/gpu/mean", "batch_gpu_time", "s", LOWER_IS_BETTER},
	{"nv/cpu_only/time/cpu/mean", "cpu_time", "s", LOWER_IS_BETTER},
	{"nv/cold/bw/global/bytes_per_second", "global_bandwidth", "B/s", HIGHER_IS_BETTER},
	{"nv/cold/bw/item_rate", "item_rate", "1/s", HIGHER_IS_BETTER},
	{"nv/cold/time/gpu/min", "gpu_time_min", "s", LOWER_IS_BETTER},
	{"nv/cold/time/gpu/max", "gpu_time_max", "s", LOWER_IS_BETTER},
	{"nv/cold/time/gpu/stdev/relative", "gpu_time_noise", "", LOWER_IS_BETTER},
	{"nv/cold/sm_clock_rate/mean", "sm_clock", "Hz", NO_DIRECTION},
	{"nv/cold/sample_size", "samples", "", NO_DIRECTION},
};

/* A number, or a text that is one; NAN for others. */
static double number_of(const struct json *j)
{
	double v = NAN;

	if (json_str(j, NULL) && number_parse(json_str(j, NULL), &v) < 0)
		return NAN;
	return json_str(j, NULL) ? v : json_double(j, NAN);
}

/* "data": [{"name": "value", "type": "float64", "value": "1.5e-3"}, ...] */
static const struct json *datum(const struct json *summary, const char *name)
{
	const struct json *data = json_get(summary, "data");

	for (size_t i = 0; i < json_len(data); i++) {
		if (strcmp(json_str(json_get(json_at(data, i), "name"), ""), name) == 0)
			return json_get(json_at(data, i), "value");
	}
	return NULL;
}

static int read_summary(const struct json *summary, struct bench_cell_data *d, struct bench_trial *t)
{
	const char *tag = json_str(json_get(summary, "tag"), ""), *metric = tag, *unit = "";
	enum import_better better = NO_DIRECTION;
	double v = number_of(datum(summary, "value"));

	if (isnan(v) || !tag[0])
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].tag, tag) == 0) {
			metric = known[i].metric;
			unit = known[i].unit;
			better = known[i].better;
		}
	}
	return import_add_value(d, t, metric, unit, better, v);
}

static int read_axes(const struct json *state, struct bench_cell_data *d)
{
	_cleanup_strv_ struct strv list = {0};
	const struct json *axes = json_get(state, "axis_values");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_len(axes); i++) {
		const struct json *value = json_get(json_at(axes, i), "value");
		const char *name = json_str(json_get(json_at(axes, i), "name"), "?");
		char number[32];

		snprintf(number, sizeof(number), "%.15g", json_double(value, NAN));
		r = strv_addf(&list, "%s=%s", name, json_str(value, number));
	}
	if (r == 0 && json_get(state, "device"))
		r = strv_addf(&list, "device=%llu",
		              (unsigned long long)json_u64(json_get(state, "device"), 0));
	if (r == 0)
		import_set_parameters(d, &list);
	return r;
}

static int read_state(const struct importer *im, const struct json *state, const char *benchmark,
                      struct bench_run_data *run)
{
	const struct json *summaries = json_get(state, "summaries");
	struct bench_cell_data *d = import_add_cell(run, benchmark);
	struct bench_trial *t;
	int r = d ? read_axes(state, d) : -ENOMEM;

	if (r < 0)
		return r;
	if (json_bool(json_get(state, "is_skipped"), false)) {
		d->cell.verdict = BENCH_SKIPPED;
		return field_copy(im, state, "skip_reason", &d->cell.reason);
	}
	if (!json_is_array(summaries))
		return import_complain(im, "benchmark '%s', state %u: field 'summaries' is no list",
		                       benchmark, d->cell.number);
	t = bench_trial_add(&d->trials);
	if (!t)
		return -ENOMEM;
	t->verdict = BENCH_OK;
	for (size_t i = 0; r == 0 && i < json_len(summaries); i++)
		r = read_summary(json_at(summaries, i), d, t);
	if (r == 0 && !t->n_values)
		return import_complain(im, "benchmark '%s', state %u has no number", benchmark,
		                       d->cell.number);
	return r;
}

/* The devices are what is known of the machine. */
static int read_devices(const struct json *doc, struct bench_run *run)
{
	const struct json *devices = json_get(doc, "devices");

	return devices ? import_print(devices, &run->environment) : 0;
}

/* Files of before 1.0.0 say nothing. */
static int check_version(const struct importer *im, const struct json *doc)
{
	const struct json *json = json_get(json_get(json_get(doc, "meta"), "version"), "json");
	const char *version = json_str(json_get(json, "string"), "1.0.0");

	if (strncmp(version, "1.", 2) != 0)
		return import_complain(im, "field 'meta.version.json' is '%s', 1.x is read", version);
	return 0;
}

int import_nvbench(struct importer *im, const struct json *doc)
{
	const struct json *benchmarks = field_array(im, doc, "benchmarks");
	struct bench_run_data *run;
	int r;

	if (!benchmarks || check_version(im, doc) < 0)
		return -EINVAL;
	run = import_add_run(im, "nvbench", "");
	if (!run)
		return -ENOMEM;
	r = read_devices(doc, &run->run);
	for (size_t i = 0; r == 0 && i < json_len(benchmarks); i++) {
		const struct json *b = json_at(benchmarks, i), *states = field_array(im, b, "states");
		const char *name = json_str(json_get(b, "name"), NULL);

		if (!states)
			return -EINVAL;
		if (!name)
			return import_complain(im, "benchmarks[%zu].name is no text", i);
		for (size_t k = 0; r == 0 && k < json_len(states); k++)
			r = read_state(im, json_at(states, k), name, run);
	}
	return r < 0 ? r : import_finish_run(im, run);
}
