/* SPDX-License-Identifier: MIT */
/* What export.c writes, as lines and as a directory. */
#include "bench/import_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "bench/histogram.h"

/* JSON as the line it was, or text. */
static int read_document(const struct importer *im, const struct json *j, const char *key, char **ret)
{
	const struct json *value = json_get(j, key);

	if (!value)
		return 0;
	if (json_str(value, NULL))
		return field_copy(im, j, key, ret);
	return import_print(value, ret);
}

static int read_verdict(const struct importer *im, const struct json *j, enum bench_verdict *ret)
{
	char name[32] = "";
	int r = field_text(im, j, "verdict", name, sizeof(name));

	if (r < 0)
		return r;
	return bench_verdict_parse(name, ret) < 0 ? import_complain(im, "field 'verdict' is '%s'", name) : 0;
}

/* The line belongs to that run. */
static int check_run(const struct importer *im, const struct json *j, const char *expected)
{
	const char *id = json_str(json_get(j, "run"), "");

	return strcmp(id, expected) == 0
	               ? 0
	               : import_complain(im, "field 'run' is '%s', the run before is '%s'", id, expected);
}

static int read_run(const struct importer *im, const struct json *j, struct bench_run *run)
{
	const struct {
		const char *key;
		char *buf;
		size_t size;
	} texts[] = {{"host", run->host, sizeof(run->host)},
	             {"platform", run->platform, sizeof(run->platform)},
	             {"emulated", run->emulated, sizeof(run->emulated)},
	             {"label", run->label, sizeof(run->label)},
	             {"program", run->program, sizeof(run->program)},
	             {"origin", run->origin, sizeof(run->origin)}};
	uint64_t started = 0, ended = 0;
	int r = 0;

	if (strcmp(json_str(json_get(j, "schema"), ""), EXCHANGE_SCHEMA) != 0)
		return import_complain(im, "field 'schema' is '%s', not '%s'",
		                       json_str(json_get(j, "schema"), ""), EXCHANGE_SCHEMA);
	if (parse_uuid(json_str(json_get(j, "run"), ""), run->id) < 0)
		return import_complain(im, "field 'run' is no UUID");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
		r = field_text(im, j, texts[i].key, texts[i].buf, texts[i].size);
	if (r == 0)
		r = field_u64(im, j, "started_unix_s", &started);
	if (r == 0)
		r = field_u64(im, j, "ended_unix_s", &ended);
	if (r == 0)
		r = field_u64(im, j, "seed", &run->seed);
	if (r == 0)
		r = field_copy(im, j, "note", &run->note);
	if (r == 0)
		r = read_document(im, j, "request", &run->request);
	run->started_unix_s = (int64_t)(started & INT64_MAX);
	run->ended_unix_s = (int64_t)(ended & INT64_MAX);
	return r;
}

static int read_environment(const struct importer *im, const struct json *j, struct bench_run *run)
{
	int r = read_document(im, j, "environment", &run->environment);

	return r < 0 ? r : read_document(im, j, "environment_after", &run->environment_after);
}

static int read_summary(const struct importer *im, const struct json *j, struct bench_summary *s)
{
	const struct {
		const char *key;
		double *v;
	} numbers[] = {{"median", &s->median}, {"low", &s->low}, {"high", &s->high},
	               {"min", &s->min},       {"max", &s->max}, {"deviation", &s->deviation}};
	const char *better = json_str(json_get(j, "better"), "");
	uint64_t trials = 0, flagged = 0;
	int r = field_text(im, j, "metric", s->metric, sizeof(s->metric));

	if (r == 0 && !s->metric[0])
		r = import_complain(im, "field 'metric' is missing");
	if (r == 0)
		r = field_text(im, j, "unit", s->unit, sizeof(s->unit));
	if (r == 0)
		r = field_u64(im, j, "trials", &trials);
	if (r == 0)
		r = field_u64(im, j, "flagged", &flagged);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
		r = field_number(im, j, numbers[i].key, numbers[i].v);
	s->trials = trials;
	s->flagged = flagged;
	s->has_direction = better[0] != '\0';
	s->higher_is_better = strcmp(better, "higher") == 0;
	return r;
}

/* Numbers must be there and grow, so that none is twice. */
static int read_number(const struct importer *im, const struct json *j, const char *key, const unsigned *last,
                       unsigned *ret)
{
	int r = field_unsigned(im, j, key, ret);

	if (r < 0)
		return r;
	if (!json_get(j, key))
		return import_complain(im, "field '%s' is missing", key);
	if (last && *ret <= *last)
		return import_complain(im, "field '%s' is %u after %u", key, *ret, *last);
	return 0;
}

static int read_cell(const struct importer *im, const struct json *j, struct bench_run_data *d)
{
	const unsigned *last = d->cells.n ? &d->cells.v[d->cells.n - 1].cell.number : NULL;
	const struct json *metrics = json_get(j, "metrics");
	unsigned number = 0;
	int r = read_number(im, j, "cell", last, &number);
	struct bench_cell_data *c;

	if (r == 0)
		r = check_run(im, j, d->run.id);
	if (r < 0)
		return r;
	c = list_add(&d->cells);
	if (!c)
		return -ENOMEM;
	c->cell.number = number;
	r = field_text(im, j, "benchmark", c->cell.benchmark, sizeof(c->cell.benchmark));
	if (r == 0)
		r = field_text(im, j, "definition", c->cell.definition, sizeof(c->cell.definition));
	if (r == 0)
		r = field_text(im, j, "parameters", c->cell.parameters, sizeof(c->cell.parameters));
	if (r == 0)
		r = field_text(im, j, "layout", c->cell.layout, sizeof(c->cell.layout));
	if (r == 0)
		r = field_unsigned(im, j, "instances", &c->cell.instances);
	if (r == 0)
		r = read_verdict(im, j, &c->cell.verdict);
	if (r == 0)
		r = field_copy(im, j, "reason", &c->cell.reason);
	for (size_t i = 0; r == 0 && i < json_len(metrics); i++) {
		struct bench_summary *s = bench_summary_add(&c->summaries, "");

		r = s ? read_summary(im, json_at(metrics, i), s) : -ENOMEM;
	}
	return r;
}

static int read_value(const struct importer *im, const struct json *j, struct bench_trial *t)
{
	unsigned instance = 0;
	char metric[64] = "";
	double value = NAN;
	int r = field_text(im, j, "metric", metric, sizeof(metric));

	if (r == 0 && !metric[0])
		r = import_complain(im, "field 'metric' is missing");
	if (r == 0)
		r = field_unsigned(im, j, "instance", &instance);
	if (r == 0)
		r = field_number(im, j, "value", &value);
	if (r < 0)
		return r;
	return bench_value_add(t, metric, json_get(j, "instance") ? (int)instance : -1, value) ? 0 : -ENOMEM;
}

static int read_latencies(const struct importer *im, const struct json *j, struct bench_trial *t)
{
	_cleanup_free_ struct histogram *h = calloc(1, sizeof(*h));
	int r = h ? field_copy(im, j, "latencies_ns", &t->latencies) : -ENOMEM;

	if (r == 0 && t->latencies && histogram_parse(t->latencies, h) < 0)
		return import_complain(im, "field 'latencies_ns' is no histogram: MIN MAX BUCKET:COUNT ...");
	return r;
}

static int read_trial_fields(const struct importer *im, const struct json *j, struct bench_trial *t)
{
	const struct {
		const char *key;
		double *v;
	} numbers[] = {{"window_s", &t->window_s},
	               {"skew_s", &t->skew_s},
	               {"energy_j", &t->energy_j},
	               {"energy_uncertainty_j", &t->energy_u}};
	const struct json *values = json_get(j, "values");
	uint64_t started = 0;
	int r = field_unsigned(im, j, "block", &t->block);

	if (r == 0)
		r = field_u64(im, j, "started_unix_ns", &started);
	t->started_unix_ns = (int64_t)(started & INT64_MAX);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
		r = field_number(im, j, numbers[i].key, numbers[i].v);
	if (r == 0)
		r = field_text(im, j, "energy_source", t->energy_source, sizeof(t->energy_source));
	if (r == 0)
		r = read_verdict(im, j, &t->verdict);
	if (r == 0)
		r = field_copy(im, j, "reason", &t->reason);
	for (size_t i = 0; r == 0 && i < json_len(values); i++)
		r = read_value(im, json_at(values, i), t);
	return r == 0 ? read_latencies(im, j, t) : r;
}

static int by_number(const void *key, const void *element)
{
	unsigned a = *(const unsigned *)key, b = ((const struct bench_cell_data *)element)->cell.number;

	return (a > b) - (a < b);
}

static int read_trial(const struct importer *im, const struct json *j, struct bench_run_data *d)
{
	struct bench_cell_data *c = NULL;
	unsigned cell = 0, number = 0;
	int r = read_number(im, j, "cell", NULL, &cell);
	struct bench_trial *t;

	if (r == 0)
		r = check_run(im, j, d->run.id);
	if (r < 0)
		return r;
	if (d->cells.n)
		c = bsearch(&cell, d->cells.v, d->cells.n, sizeof(*d->cells.v), by_number);
	if (!c)
		return import_complain(im, "a trial of cell %u, which did not come before", cell);
	r = read_number(im, j, "trial", c->trials.n ? &c->trials.v[c->trials.n - 1].number : NULL, &number);
	if (r < 0)
		return r;
	t = bench_trial_add(&c->trials);
	if (!t)
		return -ENOMEM;
	t->number = number;
	return read_trial_fields(im, j, t);
}

static int read_record(struct importer *im, const struct json *j)
{
	const char *kind = json_str(json_get(j, "kind"), "");
	struct bench_run_data *last = im->archive->n ? &im->archive->v[im->archive->n - 1] : NULL;
	int r;

	if (strcmp(kind, "run") == 0) {
		last = list_add(im->archive);
		r = last ? read_run(im, j, &last->run) : -ENOMEM;
		return r < 0 ? r : read_environment(im, j, &last->run);
	}
	if (strcmp(kind, "cell") != 0 && strcmp(kind, "trial") != 0)
		return import_complain(im, "field 'kind' is '%s': none of run, cell, trial", kind);
	if (!last)
		return import_complain(im, "a %s before the first run", kind);
	return kind[0] == 'c' ? read_cell(im, j, last) : read_trial(im, j, last);
}

static bool is_blank(const char *p, size_t n)
{
	while (n && (*p == ' ' || *p == '\t' || *p == '\r')) {
		p++;
		n--;
	}
	return n == 0;
}

int import_lines(struct importer *im)
{
	const char *p = im->text, *end = im->text + im->len;
	int r = 0;

	for (im->line = 1; r == 0 && p < end; im->line++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);
		_cleanup_json_ struct json *j = NULL;

		if (!is_blank(p, n)) {
			r = json_parse_at(p, n, im->name, im->line, &j, im->err);
			if (r == 0)
				r = read_record(im, j);
		}
		p += n + 1;
	}
	return r;
}

/* --- a directory --- */

static const struct named_text *find(const struct named_text_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	}
	return NULL;
}

static int check_manifest(const struct importer *im, const struct json *manifest,
                          const struct named_text_list *files)
{
	const struct json *listed = field_array(im, manifest, "files");

	if (!listed)
		return -EINVAL;
	for (size_t i = 0; i < json_len(listed); i++) {
		const char *name = json_str(json_get(json_at(listed, i), "name"), "");
		const char *hash = json_str(json_get(json_at(listed, i), "sha256"), "");
		const struct named_text *t = find(files, name);
		char actual[SHA256_HEX_SIZE];

		if (!t)
			return import_complain(im, "'%s' is listed and not there", name);
		sha256_hex(t->text, t->len, actual);
		if (strcmp(actual, hash) != 0)
			return import_complain(im, "'%s' was changed: its SHA-256 is %s, not %s", name,
			                       actual, hash);
	}
	return 0;
}

static int parse_file(struct importer *im, const struct named_text_list *files, const char *name,
                      struct json **ret)
{
	const struct named_text *t = find(files, name);

	im->name = name;
	im->line = 0;
	if (!t)
		return import_complain(im, "is missing");
	return json_parse(t->text, t->len, name, ret, im->err);
}

static int read_files(struct importer *im, const struct named_text_list *files)
{
	_cleanup_json_ struct json *manifest = NULL, *run = NULL, *environment = NULL;
	const struct named_text *trials;
	const struct json *cells;
	struct bench_run_data *d;
	int r = parse_file(im, files, "manifest.json", &manifest);

	if (r == 0)
		r = check_manifest(im, manifest, files);
	if (r == 0)
		r = parse_file(im, files, "environment.json", &environment);
	if (r == 0)
		r = parse_file(im, files, "run.json", &run);
	if (r < 0)
		return r;
	d = list_add(im->archive);
	r = d ? read_run(im, run, &d->run) : -ENOMEM;
	if (r == 0)
		r = read_environment(im, environment, &d->run);
	cells = r == 0 ? field_array(im, run, "cells") : NULL;
	if (!cells)
		return r < 0 ? r : -EINVAL;
	for (size_t i = 0; r == 0 && i < json_len(cells); i++)
		r = read_cell(im, json_at(cells, i), d);
	trials = find(files, "trials.jsonl");
	im->name = "trials.jsonl";
	if (r < 0 || !trials)
		return r < 0 ? r : import_complain(im, "is missing");
	im->text = trials->text;
	im->len = trials->len;
	return import_lines(im);
}

int import_files(const struct named_text_list *files, const char *directory, struct bench_archive *ret,
                 struct ofbc_error *err)
{
	static const struct import_options none;
	_cleanup_archive_ struct bench_archive read = {0};
	struct importer im = {.o = &none, .archive = &read, .err = err};
	int r = read_files(&im, files);

	if (r == -ENOMEM)
		error_set_errno(err, ENOMEM, "%s", directory);
	else if (r < 0)
		error_wrap(err, "%s", directory);
	else
		r = list_reserve(ret, read.n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < read.n; i++)
		ret->v[ret->n++] = read.v[i];
	read.n = 0;
	return 0;
}
