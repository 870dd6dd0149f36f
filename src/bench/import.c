/* SPDX-License-Identifier: MIT */
/* Which format it is, and what all readers need. */
#include "bench/import_parts.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "bench/stats.h"

int import_complain(const struct importer *im, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (im->line)
		return error_set(im->err, EINVAL, OFBC_REASON_USAGE, "%s:%u: %s", im->name, im->line, text);
	return error_set(im->err, EINVAL, OFBC_REASON_USAGE, "%s: %s", im->name, text);
}

/* --- fields --- */

int field_text(const struct importer *im, const struct json *j, const char *key, char *buf, size_t size)
{
	const struct json *value = json_get(j, key);
	const char *text = json_str(value, NULL);

	if (!value)
		return 0;
	if (!text)
		return import_complain(im, "field '%s' is no text", key);
	if (strlen(text) >= size)
		return import_complain(im, "field '%s' is longer than %zu bytes", key, size - 1);
	text_copy(buf, size, text);
	return 0;
}

int field_copy(const struct importer *im, const struct json *j, const char *key, char **ret)
{
	const struct json *value = json_get(j, key);
	const char *text = json_str(value, NULL);
	char *copy;

	if (!value)
		return 0;
	if (!text)
		return import_complain(im, "field '%s' is no text", key);
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

int field_number(const struct importer *im, const struct json *j, const char *key, double *ret)
{
	const struct json *value = json_get(j, key);
	double v = json_double(value, NAN);

	if (!value)
		return 0;
	if (isnan(v))
		return import_complain(im, "field '%s' is no number", key);
	*ret = v;
	return 0;
}

int field_u64(const struct importer *im, const struct json *j, const char *key, uint64_t *ret)
{
	const struct json *value = json_get(j, key);

	if (!value)
		return 0;
	if (json_u64(value, 0) != json_u64(value, 1))
		return import_complain(im, "field '%s' is no whole number from 0 on", key);
	*ret = json_u64(value, 0);
	return 0;
}

int field_unsigned(const struct importer *im, const struct json *j, const char *key, unsigned *ret)
{
	uint64_t v = *ret;
	int r = field_u64(im, j, key, &v);

	if (r < 0)
		return r;
	if (v > INT32_MAX)
		return import_complain(im, "field '%s' is larger than %d", key, INT32_MAX);
	*ret = (unsigned)v;
	return 0;
}

const struct json *field_array(const struct importer *im, const struct json *j, const char *key)
{
	const struct json *value = json_get(j, key);

	if (json_is_array(value))
		return value;
	import_complain(im, value ? "field '%s' is no list" : "field '%s' is missing", key);
	return NULL;
}

int import_print(const struct json *j, char **ret)
{
	char *text = NULL;
	int r = json_print_line(j, &text);

	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	free(*ret);
	*ret = text;
	return 0;
}

/* --- building --- */

struct bench_run_data *import_add_run(struct importer *im, const char *origin, const char *part)
{
	struct bench_run_data *d = list_add(im->archive);
	char *name = NULL;

	if (!d)
		return NULL;
	if (!im->hash[0])
		sha256_hex(im->text, im->len, im->hash);
	if (asprintf(&name, "%s %s %s", origin, im->hash, part) < 0)
		return NULL;
	uuid_derive(name, d->run.id);
	free(name);
	text_copy(d->run.origin, sizeof(d->run.origin), origin);
	text_copy(d->run.platform, sizeof(d->run.platform), im->o->platform ? im->o->platform : "");
	d->run.started_unix_s = im->o->unix_s;
	return d;
}

struct bench_cell_data *import_add_cell(struct bench_run_data *d, const char *benchmark)
{
	struct bench_cell_data *c = list_add(&d->cells);

	if (c) {
		c->cell.number = (unsigned)d->cells.n - 1;
		c->cell.instances = 1;
		text_copy(c->cell.benchmark, sizeof(c->cell.benchmark), benchmark);
	}
	return c;
}

/* Of names that are too long, what is kept counts. */
static bool is_same_name(const char kept[64], const char *name)
{
	return strncmp(kept, name, 63) == 0;
}

struct bench_summary *import_add_metric(struct bench_cell_data *d, const char *metric, const char *unit,
                                        enum import_better better)
{
	struct bench_summary *s;

	for (size_t i = 0; i < d->summaries.n; i++) {
		if (is_same_name(d->summaries.v[i].metric, metric))
			return &d->summaries.v[i];
	}
	s = bench_summary_add(&d->summaries, metric);
	if (s) {
		text_copy(s->unit, sizeof(s->unit), unit);
		s->has_direction = better != NO_DIRECTION;
		s->higher_is_better = better == HIGHER_IS_BETTER;
	}
	return s;
}

int import_add_value(struct bench_cell_data *d, struct bench_trial *t, const char *metric, const char *unit,
                     enum import_better better, double v)
{
	for (size_t i = 0; i < t->n_values; i++) {
		if (is_same_name(t->values[i].metric, metric))
			return 0;
	}
	if (!import_add_metric(d, metric, unit, better) || !bench_value_add(t, metric, -1, v))
		return -ENOMEM;
	return 0;
}

void import_set_parameters(struct bench_cell_data *d, struct strv *parameters)
{
	char *end = d->cell.parameters;
	size_t room = sizeof(d->cell.parameters);

	strv_sort(parameters);
	for (size_t i = 0; i < parameters->n && room > 1; i++) {
		size_t n = (size_t)snprintf(end, room, "%s%s", i ? " " : "", parameters->v[i]);

		n = n < room ? n : room - 1;
		end += n;
		room -= n;
	}
}

static int settle_verdict(struct bench_cell_data *d)
{
	size_t failed = 0;

	for (size_t i = 0; i < d->trials.n; i++)
		failed += d->trials.v[i].verdict != BENCH_OK;
	if (d->cell.verdict != BENCH_PLANNED)
		return 0;
	d->cell.verdict = failed < d->trials.n ? BENCH_OK : BENCH_FAILED;
	if (failed && asprintf(&d->cell.reason, "%zu of %zu trials failed", failed, d->trials.n) < 0) {
		d->cell.reason = NULL;
		return -ENOMEM;
	}
	return 0;
}

int import_finish_run(struct importer *im, struct bench_run_data *d)
{
	int r = d->cells.n ? 0 : import_complain(im, "there is no result in it");

	for (size_t i = 0; r == 0 && i < d->cells.n; i++) {
		r = settle_verdict(&d->cells.v[i]);
		if (r == 0)
			r = cell_summarise(&d->cells.v[i], im->err);
	}
	return r;
}

int64_t import_time(const char *s)
{
	struct tm tm = {0};
	unsigned hours = 0, minutes = 0;
	const char *rest;
	int64_t t;

	rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest) {
		tm = (struct tm){0};
		rest = strptime(s, "%Y-%m-%d %H:%M:%S", &tm);
	}
	if (!rest)
		return 0;
	t = timegm(&tm);
	if ((*rest == '+' || *rest == '-') && sscanf(rest + 1, "%2u:%2u", &hours, &minutes) == 2)
		t -= (*rest == '+' ? 1 : -1) * (int64_t)(hours * 3600 + minutes * 60);
	return t > 0 ? t : 0;
}

/* --- summaries --- */

/* Of all instances together, of trials that count. */
static size_t collect(const struct bench_trial_list *l, const char *metric, double *v)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct bench_trial *t = &l->v[i];

		for (size_t k = 0; t->verdict == BENCH_OK && k < t->n_values; k++) {
			if (t->values[k].instance < 0 && isfinite(t->values[k].value) &&
			    strcmp(t->values[k].metric, metric) == 0) {
				v[n++] = t->values[k].value;
				break;
			}
		}
	}
	return n;
}

static int summarise(const struct bench_trial_list *l, double *room, struct bench_summary *s)
{
	struct summary n;
	size_t count = collect(l, s->metric, room);
	int r = count ? stats_summary(room, count, &n) : 0;

	if (r < 0)
		return r;
	s->trials = count;
	s->flagged = count ? n.n_flagged : 0;
	s->median = count ? n.median : NAN;
	s->low = count ? n.interval.low : NAN;
	s->high = count ? n.interval.high : NAN;
	s->min = count ? n.min : NAN;
	s->max = count ? n.max : NAN;
	s->deviation = count ? n.deviation : NAN;
	return 0;
}

int cell_summarise(struct bench_cell_data *d, struct ofbc_error *err)
{
	_cleanup_free_ double *room = calloc(d->trials.n + 1, sizeof(*room));
	int r = room ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < d->trials.n; i++) {
		const struct bench_trial *t = &d->trials.v[i];

		for (size_t k = 0; r == 0 && k < t->n_values; k++) {
			if (t->values[k].instance < 0 &&
			    !import_add_metric(d, t->values[k].metric, "", NO_DIRECTION))
				r = -ENOMEM;
		}
	}
	for (size_t i = 0; r == 0 && i < d->summaries.n; i++)
		r = summarise(&d->trials, room, &d->summaries.v[i]);
	return r < 0 ? error_set_errno(err, -r, "cannot summarise cell %u", d->cell.number) : 0;
}

/* --- which format --- */

/* The first line of ours is a document of its own. */
static bool is_ours(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);
	size_t n = end ? (size_t)(end - text) : len;

	return memmem(text, n, "\"" EXCHANGE_SCHEMA "\"", strlen(EXCHANGE_SCHEMA) + 2) != NULL;
}

static int import_document(struct importer *im)
{
	_cleanup_json_ struct json *doc = NULL;
	const struct json *benchmarks;
	int r = json_parse(im->text, im->len, im->name, &doc, im->err);

	if (r < 0)
		return r;
	benchmarks = json_get(doc, "benchmarks");
	if (json_get(doc, "results"))
		return import_hyperfine(im, doc);
	if (json_get(doc, "context") && benchmarks)
		return import_google(im, doc);
	if (benchmarks)
		return import_nvbench(im, doc);
	import_complain(im, "no format that is known: neither 'results' nor 'benchmarks' is in it");
	error_hint(im->err, "openforbc bench export, hyperfine --export-json, --benchmark_out of "
	                    "google/benchmark, --json of nvbench and Phoronix' composite.xml are read");
	return -EINVAL;
}

static int dispatch(struct importer *im)
{
	size_t blanks = 0;

	while (blanks < im->len && isspace((unsigned char)im->text[blanks]))
		blanks++;
	if (blanks == im->len)
		return import_complain(im, "is empty");
	if (im->text[blanks] == '<')
		return import_phoronix(im);
	return is_ours(im->text, im->len) ? import_lines(im) : import_document(im);
}

int import_text(const char *text, size_t len, const char *name, const struct import_options *o,
                struct bench_archive *ret, struct ofbc_error *err)
{
	_cleanup_archive_ struct bench_archive read = {0};
	struct importer im = {.text = text, .len = len, .name = name, .o = o, .archive = &read, .err = err};
	int r = dispatch(&im);

	if (r == -ENOMEM)
		return error_set_errno(err, ENOMEM, "%s", name);
	if (r == 0)
		r = list_reserve(ret, read.n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < read.n; i++)
		ret->v[ret->n++] = read.v[i];
	read.n = 0;
	return 0;
}
