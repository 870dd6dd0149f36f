/* SPDX-License-Identifier: MIT */
/* Suites of OpenForBC-Benchmark: a list of benchmarks with presets, each of which is run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "lib/bench.h"
#include "platform/files.h"

#define SUITE_MAX (1u << 20)

void bench_wish_list_done(struct bench_wish_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].spec);
		free(l->v[i].preset);
	}
	free(l->v);
	*l = (struct bench_wish_list){0};
}

static int add_wish(const char *spec, const char *preset, struct bench_wish_list *ret)
{
	struct bench_wish *w = list_add(ret);
	size_t n = preset ? strlen(preset) : 0;

	if (!w)
		return -ENOMEM;
	/* older suites name the file of the preset */
	if (n > 5 && strcmp(preset + n - 5, ".json") == 0)
		n -= 5;
	w->spec = strdup(spec);
	w->preset = preset ? strndup(preset, n) : NULL;
	return w->spec && (w->preset || !preset) ? 0 : -ENOMEM;
}

/* Beside the suites is the directory of the benchmarks. */
static int find_folder(const char *suite, const char *folder, char *buf, size_t size, struct ofbc_error *err)
{
	static const char *const below[] = {"/../benchmarks/", "/../../benchmarks/", "/"};
	const char *slash = strrchr(suite, '/');
	int n = slash ? (int)(slash - suite) : 1;

	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		int len = snprintf(buf, size, "%.*s%s%s", n, slash ? suite : ".", below[i], folder);

		if (len > 0 && (size_t)len < size && is_directory(buf))
			return 0;
	}
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "%s: there is no benchmark '%s'", suite, folder);
	error_hint(err, "it would be a directory in ../benchmarks beside the suite");
	return -ENOENT;
}

static int read_run(const char *suite, const struct json *run, struct bench_wish_list *ret,
                    struct ofbc_error *err)
{
	const char *folder = json_str(json_get(run, "benchmark_folder"), NULL);
	const struct json *presets = json_get(run, "presets");
	char path[1024];
	int r;

	if (!folder || !presets)
		return error_set(err, EINVAL, OFBC_REASON_USAGE,
		                 "%s: an element of 'benchmark_runs' needs benchmark_folder and presets",
		                 suite);
	r = find_folder(suite, folder, path, sizeof(path), err);
	if (r == 0 && !json_is_array(presets))
		r = add_wish(path, json_str(presets, NULL), ret);
	for (size_t i = 0; r == 0 && i < json_len(presets); i++)
		r = add_wish(path, json_str(json_at(presets, i), NULL), ret);
	return r;
}

int bench_wishes(const char *spec, const char *preset, struct bench_wish_list *ret, struct ofbc_error *err)
{
	size_t n = strlen(spec), len;
	_cleanup_json_ struct json *doc = NULL;
	_cleanup_free_ char *text = NULL;
	const struct json *runs;
	int r;

	if (n < 5 || strcmp(spec + n - 5, ".json") != 0 || file_read(spec, SUITE_MAX, &text, &len) < 0 ||
	    !strstr(text, "benchmark_runs"))
		return add_wish(spec, preset, ret);
	r = json_parse(text, len, spec, &doc, err);
	runs = json_get(doc, "benchmark_runs");
	for (size_t i = 0; r == 0 && i < json_len(runs); i++)
		r = read_run(spec, json_at(runs, i), ret, err);
	return r;
}
