/* SPDX-License-Identifier: MIT */
/* openforbc bench show: runs, what was measured, and the figures that follow from it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "cli/bench.h"
#include "model/bench_line.h"

DEFINE_CLEANUP(struct ofbc_bench_result_list *, ofbc_bench_result_list_free);
DEFINE_CLEANUP(struct ofbc_bench_comparison_list *, ofbc_bench_comparison_list_free);

static const char *const sections[] = {"run", "results", "derived", NULL};

const struct option bench_show_options[] = {
	{.name = "only", .argument = "PART", .help = "run, results or derived", .values = sections},
	{.name = "all", .help = "every derived figure, with what it is relative to"},
	{.name = "metric", .argument = "METRIC", .help = "that says how much work was done"},
	{.name = "price-hour", .argument = "PRICE", .help = "of the host, for the cost of the work"},
	{.name = "price-kwh", .argument = "PRICE", .help = "of energy"},
	{.name = "pue", .argument = "FACTOR", .help = "energy of the site by that of its machines (1)"},
	{.name = NULL},
};

/* All that is known of the runs that were named. */
struct shown {
	struct ofbc_bench_run_list *runs;
	struct ofbc_bench_result_list *results; /* of all runs */
	struct ofbc_bench_derived_list *derived;
};

static void shown_done(struct shown *s)
{
	ofbc_bench_run_list_free(s->runs);
	ofbc_bench_result_list_free(s->results);
	ofbc_bench_derived_list_free(s->derived);
}

static bool wants(const struct cli *c, const char *section)
{
	const char *only = cli_option(c, "only");

	return !only || strcmp(only, section) == 0;
}

static int append_results(struct ofbc_bench_result_list *to, const struct ofbc_bench_result_list *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct ofbc_bench_result *r = list_add(to);

		if (!r)
			return -ENOMEM;
		*r = from->v[i];
	}
	return 0;
}

static int read_results(struct cli *c, struct shown *s, struct ofbc_error *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < c->n_args; i++) {
		_cleanup_(ofbc_bench_result_list_free_p) struct ofbc_bench_result_list *one = NULL;

		r = ofbc_bench_results(c->ctx, &(struct ofbc_bench_filter){.run = c->args[i]}, &one, err);
		if (r == 0 && !s->results)
			s->results = steal_ptr(one);
		else if (r == 0)
			r = append_results(s->results, one);
	}
	return r;
}

static int read_derived(struct cli *c, struct shown *s, struct ofbc_error *err)
{
	struct ofbc_bench_derive_options o = {.metric = cli_option(c, "metric")};
	int r = bench_number(c, "price-hour", 1, &o.price_hour, err);

	if (r == 0)
		r = bench_number(c, "price-kwh", 1, &o.price_kwh, err);
	if (r == 0)
		r = bench_number(c, "pue", 1, &o.pue, err);
	return r < 0 ? r : ofbc_bench_derive(c->ctx, c->args, (size_t)c->n_args, &o, &s->derived, err);
}

static struct render_list run_table(const struct ofbc_bench_run_list *l)
{
	return (struct render_list){.schema = "bench-show",
	                            .key = "runs",
	                            .fields = bench_run_fields,
	                            .items = l->v,
	                            .n = l->n,
	                            .item_size = sizeof(*l->v)};
}

static struct render_list derived_table(const struct ofbc_bench_derived_list *l)
{
	return (struct render_list){.schema = "bench-show",
	                            .key = "derived",
	                            .fields = bench_derived_fields,
	                            .items = l->v,
	                            .n = l->n,
	                            .item_size = sizeof(*l->v),
	                            .empty = "nothing follows from these results"};
}

/* --- tables --- */

/* Each reason once: why a column has holes. */
static void add_reasons(const struct ofbc_bench_derived_list *l, struct strbuf *out)
{
	static const char *const told[] = {"rate", "stp", "interference", "energy_per_unit"};

	for (size_t k = 0; k < ARRAY_SIZE(told); k++) {
		const char *last = "";

		for (size_t i = 0; i < l->n; i++) {
			const struct ofbc_bench_derived *d = &l->v[i];

			if (strcmp(d->figure, told[k]) != 0 || !d->reason[0] || strcmp(d->reason, last) == 0)
				continue;
			strbuf_addf(out, "no %s of %s%s%s: %s\n", d->figure, d->benchmark,
			            d->layout[0] ? ", " : "", d->layout, d->reason);
			last = d->reason;
		}
	}
}

static int derived_text(const struct cli *c, const struct ofbc_bench_derived_list *l, struct strbuf *out)
{
	struct render_options options = c->render;
	struct bench_line_list lines = {0};
	struct render_list table = derived_table(l);
	int r = 0;

	options.emulated = NULL; /* the mark is at the top */
	if (cli_option(c, "all"))
		return render_table(&options, &table, out);
	r = bench_lines(l, &lines);
	table.fields = bench_line_fields;
	table.items = lines.v;
	table.n = lines.n;
	table.item_size = sizeof(*lines.v);
	if (r == 0)
		r = render_table(&options, &table, out);
	free(lines.v);
	add_reasons(l, out);
	return r;
}

/* The request, as far as it differs from one run to the next. */
static void add_request(const char *text, struct strbuf *out)
{
	static const char *const numbers[] = {"instances", "min_trials", "max_trials",
	                                      "precision", "budget_s",   "window_s"};
	_cleanup_json_ struct json *doc = NULL;
	const struct json *list;

	if (!text || json_parse(text, strlen(text), "request", &doc, NULL) < 0)
		return;
	strbuf_add(out, "request         ");
	list = json_get(doc, "benchmarks");
	for (size_t i = 0; i < json_len(list); i++)
		strbuf_addf(out, " %s", json_str(json_at(list, i), ""));
	if (json_get(doc, "preset"))
		strbuf_addf(out, " preset=%s", json_str(json_get(doc, "preset"), ""));
	list = json_get(doc, "parameters");
	for (size_t i = 0; i < json_len(list); i++)
		strbuf_addf(out, " %s", json_str(json_at(list, i), ""));
	list = json_get(doc, "partitions");
	for (size_t i = 0; i < json_len(list); i++)
		strbuf_addf(out, "%s%s", i ? "," : " on=", json_str(json_at(list, i), ""));
	if (json_get(doc, "sweep"))
		strbuf_addf(out, " sweep=%s", json_str(json_get(doc, "sweep"), ""));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		double v = json_double(json_get(doc, numbers[i]), 0);

		if (v > 0)
			strbuf_addf(out, " %s=%g", numbers[i], v);
	}
	strbuf_add(out, "\n");
}

/* What an A/A run found; NULL for another one. */
static struct ofbc_bench_comparison_list *sides_of(struct cli *c, const struct ofbc_bench_run_info *run)
{
	struct ofbc_bench_comparison_list *l = NULL;

	return ofbc_bench_compare(c->ctx, run->run, NULL, 0, &l, NULL) == 0 ? l : NULL;
}

static void add_run(struct cli *c, const struct ofbc_bench_run_info *run, struct strbuf *out)
{
	_cleanup_(ofbc_bench_comparison_list_free_p) struct ofbc_bench_comparison_list *sides =
		sides_of(c, run);

	render_item_text(bench_run_fields, run, out);
	add_request(run->request, out);
	for (size_t i = 0; i < run->changes.n; i++) {
		const struct ofbc_bench_change *k = &run->changes.v[i];

		strbuf_addf(out, "changed          %s: %s: %s -> %s\n", k->weight, k->path,
		            k->before[0] ? k->before : "(absent)", k->after[0] ? k->after : "(absent)");
	}
	if (sides)
		strbuf_addf(out,
		            "a/a              %u of %zu comparisons of equal things are called different\n",
		            sides->better + sides->worse, sides->n);
	strbuf_add(out, "\n");
}

static int show_text(struct cli *c, const struct shown *s)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(256u << 20);
	struct render_list results = bench_result_table("bench-show", s->results);

	for (size_t i = 0; wants(c, "run") && i < s->runs->n; i++)
		add_run(c, &s->runs->v[i], &out);
	if (wants(c, "results"))
		(void)render_table(&c->render, &results, &out);
	if (wants(c, "derived")) {
		strbuf_add(&out, out.len ? "\n" : "");
		(void)derived_text(c, s->derived, &out);
	}
	return cli_print(c, &out);
}

/* --- JSON --- */

static struct json *items_json(const struct render_list *l)
{
	struct json *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_append(a, render_item_json(l->fields, (const char *)l->items + i * l->item_size));
	return a;
}

/* A document that is kept as a text. */
static void set_document(struct json *o, const char *key, const char *text)
{
	struct json *doc = NULL;

	if (text && json_parse(text, strlen(text), key, &doc, NULL) == 0)
		json_set(o, key, doc);
}

static struct json *runs_json(struct cli *c, const struct ofbc_bench_run_list *l)
{
	struct json *a = json_array();

	for (size_t i = 0; i < l->n; i++) {
		_cleanup_(ofbc_bench_comparison_list_free_p) struct ofbc_bench_comparison_list *sides =
			sides_of(c, &l->v[i]);
		struct json *o = render_item_json(bench_run_fields, &l->v[i]);

		set_document(o, "request", l->v[i].request);
		set_document(o, "environment", l->v[i].environment);
		set_document(o, "environment_after", l->v[i].environment_after);
		if (sides) {
			struct json *aa = json_object();

			json_set_u64(aa, "comparisons", sides->n);
			json_set_u64(aa, "different", sides->better + sides->worse);
			json_set(o, "aa", aa);
		}
		json_append(a, o);
	}
	return a;
}

static int show_json(struct cli *c, const struct shown *s)
{
	struct render_list results = bench_result_table("bench-show", s->results),
			   derived = derived_table(s->derived);
	struct json *doc = cli_object(c, "bench-show");

	if (wants(c, "run"))
		json_set(doc, "runs", runs_json(c, s->runs));
	if (wants(c, "results"))
		json_set(doc, "results", items_json(&results));
	if (wants(c, "derived"))
		json_set(doc, "derived", items_json(&derived));
	return cli_print_json(c, doc);
}

int bench_run_show(struct cli *c)
{
	_cleanup_(shown_done) struct shown s = {0};
	struct ofbc_error err = {0};
	struct render_list one;
	int r = ofbc_bench_runs(c->ctx, c->args, (size_t)c->n_args, &s.runs, &err);

	if (r == 0)
		r = read_results(c, &s, &err);
	if (r == 0)
		r = read_derived(c, &s, &err);
	if (r < 0)
		return cli_fail(c, &err);
	switch (c->render.format) {
	case RENDER_JSON:
		return show_json(c, &s);
	case RENDER_TABLE:
		return show_text(c, &s);
	case RENDER_CSV: /* one table: the results, if nothing else is asked for */
	case RENDER_IDS:
		break;
	}
	one = wants(c, "results")   ? bench_result_table("bench-show", s.results)
	      : wants(c, "derived") ? derived_table(s.derived)
	                            : run_table(s.runs);
	return cli_list(c, &one);
}
