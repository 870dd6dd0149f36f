/* SPDX-License-Identifier: MIT */
/*
 * hyperfine --export-json (1.15 to 1.19; its README, "Export results"). Each timing is a start of the
 * program: a trial. User and system time are means over all starts; they stand with the first trial as what
 * they are.
 */
#include "bench/import_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/strv.h"

#define MAX_PARAMETERS 32

/* "sleep" of "/bin/sleep 1" */
static void program_name(const char *command, char *buf, size_t size)
{
	size_t n = strcspn(command, " \t");
	size_t start = 0;

	for (size_t i = 0; i < n; i++) {
		if (command[i] == '/' && i + 1 < n)
			start = i + 1;
	}
	snprintf(buf, size, "%.*s", (int)(n - start < size ? n - start : size - 1), command + start);
}

static int read_parameters(const struct importer *im, const struct json *result, const char *command,
                           struct bench_cell_data *d)
{
	const struct json *parameters = json_get(result, "parameters");
	_cleanup_strv_ struct strv list = {0};
	const char *keys[MAX_PARAMETERS];
	size_t n = json_keys(parameters, keys, MAX_PARAMETERS);
	int r = strv_addf(&list, "command=%s", command);

	if (n > MAX_PARAMETERS)
		return import_complain(im, "'%s' has more than %d parameters", command, MAX_PARAMETERS);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct json *value = json_get(parameters, keys[i]);
		char number[32];

		snprintf(number, sizeof(number), "%g", json_double(value, NAN));
		r = strv_addf(&list, "%s=%s", keys[i], json_str(value, number));
	}
	if (r == 0)
		import_set_parameters(d, &list);
	return r;
}

static int read_time(const struct importer *im, const struct json *result, size_t i,
                     struct bench_cell_data *d)
{
	const struct json *times = json_get(result, "times"), *codes = json_get(result, "exit_codes");
	double seconds = json_double(json_at(times, i), NAN);
	/* a signal is null */
	uint64_t status = i < json_len(codes) ? json_u64(json_at(codes, i), 1) : 0;
	struct bench_trial *t;

	if (isnan(seconds))
		return import_complain(im, "results[%u].times[%zu] is no number", d->cell.number, i);
	t = bench_trial_add(&d->trials);
	if (!t)
		return -ENOMEM;
	t->number = t->block = (unsigned)i;
	t->verdict = status ? BENCH_FAILED : BENCH_OK;
	if (status && asprintf(&t->reason, "exit status %llu", (unsigned long long)status) < 0) {
		t->reason = NULL;
		return -ENOMEM;
	}
	return bench_value_add(t, "wall", -1, seconds) ? 0 : -ENOMEM;
}

static int read_mean(const struct importer *im, const struct json *result, const char *key,
                     const char *metric, struct bench_cell_data *d)
{
	double v = NAN;
	int r = field_number(im, result, key, &v);

	if (r < 0 || isnan(v) || !d->trials.n)
		return r;
	return import_add_value(d, &d->trials.v[0], metric, "s", LOWER_IS_BETTER, v);
}

static int read_result(const struct importer *im, const struct json *result, struct bench_run_data *run)
{
	const struct json *times = field_array(im, result, "times");
	const char *command = json_str(json_get(result, "command"), NULL);
	struct bench_cell_data *d;
	char name[64];
	int r;

	if (!times)
		return -EINVAL;
	if (!command)
		return import_complain(im, "results[%zu].command is no text", run->cells.n);
	program_name(command, name, sizeof(name));
	d = import_add_cell(run, name);
	if (!d || !import_add_metric(d, "wall", "s", LOWER_IS_BETTER))
		return -ENOMEM;
	r = read_parameters(im, result, command, d);
	for (size_t i = 0; r == 0 && i < json_len(times); i++)
		r = read_time(im, result, i, d);
	if (r == 0)
		r = read_mean(im, result, "user", "user_mean", d);
	return r < 0 ? r : read_mean(im, result, "system", "system_mean", d);
}

int import_hyperfine(struct importer *im, const struct json *doc)
{
	const struct json *results = field_array(im, doc, "results");
	struct bench_run_data *run;
	int r = 0;

	if (!results)
		return -EINVAL;
	run = import_add_run(im, "hyperfine", "");
	if (!run)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < json_len(results); i++)
		r = read_result(im, json_at(results, i), run);
	return r < 0 ? r : import_finish_run(im, run);
}
