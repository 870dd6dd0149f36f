/* SPDX-License-Identifier: MIT */
#include "bench/exchange.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "bench/sanitise.h"

#define OUTPUT_MAX ((size_t)1 << 31)

struct exporter {
	struct sanitiser sanitiser;
	bool keeps_names;
	int e; /* the first failure */
};

static void exporter_done(struct exporter *x)
{
	sanitiser_done(&x->sanitiser);
}
#define _cleanup_exporter_ __attribute__((cleanup(exporter_done)))

static int learn_cell(struct sanitiser *s, const struct bench_cell_data *d)
{
	int r = sanitiser_learn_text(s, d->cell.parameters);

	if (r == 0)
		r = sanitiser_learn_text(s, d->cell.reason);
	for (size_t i = 0; r == 0 && i < d->trials.n; i++)
		r = sanitiser_learn_text(s, d->trials.v[i].reason);
	return r;
}

static int learn_run(struct sanitiser *s, const struct bench_run_data *d)
{
	const struct bench_run *run = &d->run;
	const char *const texts[] = {run->request, run->environment, run->environment_after, run->note,
	                             run->label};
	char name[sizeof(run->host)];
	int r = sanitiser_learn(s, "host", run->host);

	text_copy(name, sizeof(name), run->host);
	name[strcspn(name, ".")] = '\0';
	if (r == 0)
		r = sanitiser_learn(s, "host", name);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
		r = sanitiser_learn_text(s, texts[i]);
	for (size_t i = 0; r == 0 && i < d->cells.n; i++)
		r = learn_cell(s, &d->cells.v[i]);
	return r;
}

/* What has to be replaced is known before the first line is written. */
static int start(struct exporter *x, const struct bench_run_data *v, size_t n, const struct export_options *o,
                 struct ofbc_error *err)
{
	int r = 0;

	x->keeps_names = o->keeps_names;
	if (!x->keeps_names)
		r = sanitiser_init(&x->sanitiser, o->salt);
	for (size_t i = 0; r == 0 && !x->keeps_names && o->secrets && i < o->secrets->n; i++)
		r = sanitiser_learn(&x->sanitiser, "name", o->secrets->v[i]);
	for (size_t i = 0; r == 0 && !x->keeps_names && i < n; i++)
		r = learn_run(&x->sanitiser, &v[i]);
	return r < 0 ? error_set_errno(err, -r, "cannot export") : 0;
}

/* A text as it may leave; NULL for NULL, and for a failure, which is kept. */
static char *clean(struct exporter *x, const char *text)
{
	char *copy = NULL;
	int r = 0;

	if (!x->keeps_names)
		r = sanitiser_clean(&x->sanitiser, text, &copy);
	else if (text && !(copy = strdup(text)))
		r = -ENOMEM;
	if (r < 0 && x->e == 0)
		x->e = r;
	return copy;
}

static void set_clean(struct exporter *x, struct json *obj, const char *key, const char *text)
{
	_cleanup_free_ char *copy = clean(x, text);

	json_set_str(obj, key, copy);
}

/* Of a name of limited size: words that stand for others may be longer than they. */
static void set_clean_name(struct exporter *x, struct json *obj, const char *key, const char *text,
                           size_t size)
{
	_cleanup_free_ char *copy = clean(x, text);

	if (copy && strlen(copy) >= size)
		copy[size - 1] = '\0';
	json_set_str(obj, key, copy);
}

/* JSON as JSON, other text as a string. */
static void set_document(struct exporter *x, struct json *obj, const char *key, const char *text)
{
	_cleanup_free_ char *copy = clean(x, text);
	struct json *doc = NULL;

	if (copy && json_parse(copy, strlen(copy), key, &doc, NULL) == 0 &&
	    (json_is_object(doc) || json_is_array(doc))) {
		json_set(obj, key, doc);
		return;
	}
	json_free(doc);
	json_set_str(obj, key, copy);
}

/* --- JSON --- */

static struct json *run_json(struct exporter *x, const struct bench_run *run, const char *kind)
{
	struct json *j = json_object();

	json_set_str(j, "schema", EXCHANGE_SCHEMA);
	json_set_str(j, "kind", kind);
	json_set_str(j, "run", run->id);
	json_set_i64(j, "started_unix_s", run->started_unix_s);
	if (run->ended_unix_s)
		json_set_i64(j, "ended_unix_s", run->ended_unix_s);
	set_clean_name(x, j, "host", run->host, sizeof(run->host));
	json_set_str(j, "platform", run->platform);
	json_set_str(j, "emulated", run->emulated);
	set_clean_name(x, j, "label", run->label, sizeof(run->label));
	json_set_str(j, "program", run->program);
	json_set_str(j, "origin", run->origin);
	json_set_u64(j, "seed", run->seed);
	json_set_bool(j, "sanitised", !x->keeps_names);
	set_clean(x, j, "note", run->note);
	set_document(x, j, "request", run->request);
	return j;
}

static struct json *summary_json(const struct bench_summary *s)
{
	struct json *j = json_object();

	json_set_str(j, "metric", s->metric);
	json_set_str(j, "unit", s->unit);
	if (s->has_direction)
		json_set_str(j, "better", s->higher_is_better ? "higher" : "lower");
	json_set_u64(j, "trials", s->trials);
	json_set_u64(j, "flagged", s->flagged);
	json_set_double(j, "median", s->median);
	json_set_double(j, "low", s->low);
	json_set_double(j, "high", s->high);
	json_set_double(j, "min", s->min);
	json_set_double(j, "max", s->max);
	json_set_double(j, "deviation", s->deviation);
	return j;
}

static struct json *cell_json(struct exporter *x, const char *run, const struct bench_cell_data *d)
{
	const struct bench_cell *c = &d->cell;
	struct json *j = json_object(), *metrics = json_array();

	json_set_str(j, "kind", "cell");
	json_set_str(j, "run", run);
	json_set_u64(j, "cell", c->number);
	json_set_str(j, "benchmark", c->benchmark);
	json_set_str(j, "definition", c->definition);
	set_clean_name(x, j, "parameters", c->parameters, sizeof(c->parameters));
	json_set_str(j, "layout", c->layout);
	json_set_u64(j, "instances", c->instances);
	json_set_str(j, "verdict", bench_verdict_names[c->verdict]);
	set_clean(x, j, "reason", c->reason);
	for (size_t i = 0; i < d->summaries.n; i++)
		json_append(metrics, summary_json(&d->summaries.v[i]));
	json_set(j, "metrics", metrics);
	return j;
}

static struct json *value_json(const struct bench_value *v)
{
	struct json *j = json_object();

	json_set_str(j, "metric", v->metric);
	if (v->instance >= 0)
		json_set_i64(j, "instance", v->instance);
	json_set_double(j, "value", v->value);
	return j;
}

static struct json *trial_json(struct exporter *x, const char *run, unsigned cell,
                               const struct bench_trial *t)
{
	struct json *j = json_object(), *values = json_array();

	json_set_str(j, "kind", "trial");
	json_set_str(j, "run", run);
	json_set_u64(j, "cell", cell);
	json_set_u64(j, "trial", t->number);
	json_set_u64(j, "block", t->block);
	json_set_i64(j, "started_unix_ns", t->started_unix_ns);
	json_set_double(j, "window_s", t->window_s);
	json_set_double(j, "skew_s", t->skew_s);
	json_set_double(j, "energy_j", t->energy_j);
	json_set_double(j, "energy_uncertainty_j", t->energy_u);
	json_set_str(j, "energy_source", t->energy_source);
	json_set_str(j, "verdict", bench_verdict_names[t->verdict]);
	set_clean(x, j, "reason", t->reason);
	for (size_t i = 0; i < t->n_values; i++)
		json_append(values, value_json(&t->values[i]));
	json_set(j, "values", values);
	json_set_str(j, "latencies_ns", t->latencies);
	return j;
}

/* Takes j. */
static void add_line(struct exporter *x, struct strbuf *out, struct json *j)
{
	_cleanup_json_ struct json *doc = j;
	_cleanup_free_ char *text = NULL;
	int r = json_print_line(doc, &text);

	if (r == 0)
		strbuf_add(out, text);
	else if (x->e == 0)
		x->e = r;
}

static void add_trials(struct exporter *x, const struct bench_run_data *d, size_t cell, struct strbuf *out)
{
	const struct bench_cell_data *c = &d->cells.v[cell];

	for (size_t i = 0; i < c->trials.n; i++)
		add_line(x, out, trial_json(x, d->run.id, c->cell.number, &c->trials.v[i]));
}

static void add_run(struct exporter *x, const struct bench_run_data *d, struct strbuf *out)
{
	struct json *run = run_json(x, &d->run, "run");

	set_document(x, run, "environment", d->run.environment);
	set_document(x, run, "environment_after", d->run.environment_after);
	add_line(x, out, run);
	for (size_t i = 0; i < d->cells.n; i++) {
		add_line(x, out, cell_json(x, d->run.id, &d->cells.v[i]));
		add_trials(x, d, i, out);
	}
}

static int finish(const struct exporter *x, struct strbuf *out, char **ret, struct ofbc_error *err)
{
	int r = x->e;

	strbuf_add(out, "");
	if (r == 0)
		r = strbuf_take(out, ret);
	return r < 0 ? error_set_errno(err, -r, "cannot export") : 0;
}

int export_lines(const struct bench_archive *a, const struct export_options *o, char **ret,
                 struct ofbc_error *err)
{
	_cleanup_exporter_ struct exporter x = {0};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(OUTPUT_MAX);
	int r = start(&x, a->v, a->n, o, err);

	for (size_t i = 0; r == 0 && i < a->n; i++)
		add_run(&x, &a->v[i], &out);
	return r < 0 ? r : finish(&x, &out, ret, err);
}

/* --- CSV --- */

static const char csv_header[] =
	"run,started_unix_s,host,platform,emulated,label,origin,cell,benchmark,definition,parameters,layout,"
	"instances,cell_verdict,trial,block,trial_started_unix_ns,trial_verdict,window_s,skew_s,energy_j,"
	"energy_uncertainty_j,energy_source,metric,unit,instance,value\r\n";

static void csv_text(struct strbuf *out, const char *s)
{
	bool is_quoted = strpbrk(s, ",\"\r\n") != NULL;

	if (is_quoted)
		strbuf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"')
			strbuf_addc(out, '"');
		strbuf_addc(out, *s);
	}
	strbuf_add(out, is_quoted ? "\"," : ",");
}

static void csv_clean(struct exporter *x, struct strbuf *out, const char *text)
{
	_cleanup_free_ char *copy = clean(x, text);

	csv_text(out, copy ? copy : "");
}

/* Read back as the same number; empty for what is not known. */
static void csv_number(struct strbuf *out, double v, const char *end)
{
	char text[32] = "";

	if (isfinite(v))
		snprintf(text, sizeof(text), "%.15g", v);
	if (isfinite(v) && strtod(text, NULL) != v)
		snprintf(text, sizeof(text), "%.17g", v);
	strbuf_addf(out, "%s%s", text, end);
}

static const char *unit_of(const struct bench_cell_data *d, const char *metric)
{
	for (size_t i = 0; i < d->summaries.n; i++) {
		if (strcmp(d->summaries.v[i].metric, metric) == 0)
			return d->summaries.v[i].unit;
	}
	return "";
}

static void csv_trial(const struct bench_cell_data *d, const struct bench_trial *t, const char *before,
                      struct strbuf *out)
{
	size_t rows = t->n_values ? t->n_values : 1;

	for (size_t i = 0; i < rows; i++) {
		const struct bench_value *v = t->n_values ? &t->values[i] : NULL;

		strbuf_addf(out, "%s%u,%u,%lld,%s,", before, t->number, t->block,
		            (long long)t->started_unix_ns, bench_verdict_names[t->verdict]);
		csv_number(out, t->window_s, ",");
		csv_number(out, t->skew_s, ",");
		csv_number(out, t->energy_j, ",");
		csv_number(out, t->energy_u, ",");
		csv_text(out, t->energy_source);
		csv_text(out, v ? v->metric : "");
		csv_text(out, v ? unit_of(d, v->metric) : "");
		if (v && v->instance >= 0)
			strbuf_addf(out, "%d", v->instance);
		strbuf_addc(out, ',');
		csv_number(out, v ? v->value : NAN, "\r\n");
	}
}

static void csv_cell(struct exporter *x, const struct bench_run *run, const struct bench_cell_data *d,
                     struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf before = STRBUF_INIT(1u << 16);
	const struct bench_cell *c = &d->cell;

	strbuf_addf(&before, "%s,%lld,", run->id, (long long)run->started_unix_s);
	csv_clean(x, &before, run->host);
	csv_text(&before, run->platform);
	csv_text(&before, run->emulated);
	csv_clean(x, &before, run->label);
	csv_text(&before, run->origin);
	strbuf_addf(&before, "%u,", c->number);
	csv_text(&before, c->benchmark);
	csv_text(&before, c->definition);
	csv_clean(x, &before, c->parameters);
	csv_text(&before, c->layout);
	strbuf_addf(&before, "%u,%s,", c->instances, bench_verdict_names[c->verdict]);
	if (before.err && x->e == 0)
		x->e = before.err;
	for (size_t i = 0; i < d->trials.n; i++)
		csv_trial(d, &d->trials.v[i], strbuf_str(&before), out);
	if (!d->trials.n) /* a cell that never ran is there, too */
		strbuf_addf(out, "%s,,,,,,,,,,,,\r\n", strbuf_str(&before));
}

int export_csv(const struct bench_archive *a, const struct export_options *o, char **ret,
               struct ofbc_error *err)
{
	_cleanup_exporter_ struct exporter x = {0};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(OUTPUT_MAX);
	int r = start(&x, a->v, a->n, o, err);

	strbuf_add(&out, csv_header);
	for (size_t i = 0; r == 0 && i < a->n; i++) {
		for (size_t k = 0; k < a->v[i].cells.n; k++)
			csv_cell(&x, &a->v[i].run, &a->v[i].cells.v[k], &out);
	}
	return r < 0 ? r : finish(&x, &out, ret, err);
}

/* --- a directory --- */

void named_text_list_done(struct named_text_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].text);
	free(l->v);
	*l = (struct named_text_list){0};
}

static int add_text(struct named_text_list *l, const char *name, char *text)
{
	struct named_text *t = list_add(l);

	if (!t) {
		free(text);
		return -ENOMEM;
	}
	text_copy(t->name, sizeof(t->name), name);
	t->text = text;
	t->len = strlen(text);
	return 0;
}

/* Takes j. */
static int add_document(struct named_text_list *l, const char *name, struct json *j)
{
	_cleanup_json_ struct json *doc = j;
	char *text = NULL;
	int r = json_print(doc, &text);

	return r < 0 ? r : add_text(l, name, text);
}

static int add_files(struct exporter *x, const struct bench_run_data *d, struct named_text_list *l)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(OUTPUT_MAX);
	struct json *run = run_json(x, &d->run, "run"), *cells = json_array(), *environment = json_object();
	char *trials = NULL;
	int r;

	for (size_t i = 0; i < d->cells.n; i++) {
		json_append(cells, cell_json(x, d->run.id, &d->cells.v[i]));
		add_trials(x, d, i, &out);
	}
	json_set(run, "cells", cells);
	set_document(x, environment, "environment", d->run.environment);
	set_document(x, environment, "environment_after", d->run.environment_after);
	r = add_document(l, "run.json", run);
	if (r == 0)
		r = add_document(l, "environment.json", environment);
	else
		json_free(environment);
	strbuf_add(&out, "");
	if (r == 0)
		r = strbuf_take(&out, &trials);
	if (r == 0)
		r = add_text(l, "trials.jsonl", trials);
	return r < 0 ? r : x->e;
}

static int add_manifest(const char *run, struct named_text_list *l)
{
	struct json *manifest = json_object(), *files = json_array();

	json_set_str(manifest, "schema", EXCHANGE_SCHEMA);
	json_set_str(manifest, "kind", "manifest");
	json_set_str(manifest, "run", run);
	for (size_t i = 0; i < l->n; i++) {
		struct json *file = json_object();
		char hash[SHA256_HEX_SIZE];

		sha256_hex(l->v[i].text, l->v[i].len, hash);
		json_set_str(file, "name", l->v[i].name);
		json_set_u64(file, "bytes", l->v[i].len);
		json_set_str(file, "sha256", hash);
		json_append(files, file);
	}
	json_set(manifest, "files", files);
	return add_document(l, "manifest.json", manifest);
}

int export_files(const struct bench_run_data *d, const struct export_options *o, struct named_text_list *ret,
                 struct ofbc_error *err)
{
	_cleanup_exporter_ struct exporter x = {0};
	struct named_text_list l = {0};
	int r = start(&x, d, 1, o, err);

	if (r < 0)
		return r;
	r = add_files(&x, d, &l);
	if (r == 0)
		r = add_manifest(d->run.id, &l);
	if (r < 0) {
		named_text_list_done(&l);
		return error_set_errno(err, -r, "cannot export run %s", d->run.id);
	}
	*ret = l;
	return 0;
}
