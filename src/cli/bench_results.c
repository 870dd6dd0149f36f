/* SPDX-License-Identifier: MIT */
/* openforbc bench results, show, compare */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/bench.h"

DEFINE_CLEANUP(struct ofbc_bench_result_list *, ofbc_bench_result_list_free);
DEFINE_CLEANUP(struct ofbc_bench_comparison_list *, ofbc_bench_comparison_list_free);

const struct option bench_results_options[] = {
	{.name = "run", .argument = "RUN", .help = "UUID, unique prefix, label, or last"},
	{.name = "layout", .argument = "LAYOUT", .help = "only that one"},
	{.name = "metric", .argument = "METRIC", .help = "only that one"},
	{.name = "parameters", .argument = "TEXT", .help = "only with that in the parameters"},
	{.name = "platform", .argument = "PLATFORM", .help = "only from there"},
	{.name = "label", .argument = "TEXT", .help = "only of runs with that label"},
	{.name = "limit", .argument = "N", .help = "at most so many"},
	{.name = NULL},
};

const struct option bench_compare_options[] = {
	{.name = "margin", .argument = "PERCENT", .help = "what counts as equal (2)"},
	{.name = "strict", .help = "status 9 when something is undecided"},
	{.name = NULL},
};

int bench_number(const struct cli *c, const char *name, double scale, double *ret, struct ofbc_error *err)
{
	const char *text = cli_option(c, name);
	char *end;

	if (!text)
		return 0;
	*ret = strtod(text, &end) * scale;
	if (end != text && (!*end || strcmp(end, "%") == 0) && *ret > 0)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "--%s '%s' is no positive number", name, text);
	error_hint(err, "write for example --%s 5", name);
	return -EINVAL;
}

struct render_list bench_result_table(const char *schema, const struct ofbc_bench_result_list *l)
{
	return (struct render_list){.schema = schema,
	                            .key = "results",
	                            .fields = bench_result_fields,
	                            .items = l->v,
	                            .n = l->n,
	                            .item_size = sizeof(*l->v),
	                            .empty = "no result fits"};
}

int bench_print_results(const struct cli *c, const struct ofbc_bench_filter *filter, const char *schema)
{
	_cleanup_(ofbc_bench_result_list_free_p) struct ofbc_bench_result_list *l = NULL;
	struct ofbc_error err = {0};
	struct render_list table;

	if (ofbc_bench_results(c->ctx, filter, &l, &err) < 0)
		return cli_fail(c, &err);
	table = bench_result_table(schema, l);
	return cli_list(c, &table);
}

int bench_run_results(struct cli *c)
{
	struct ofbc_bench_filter filter = {.run = cli_option(c, "run"),
	                                   .benchmark = c->n_args ? c->args[0] : NULL,
	                                   .layout = cli_option(c, "layout"),
	                                   .metric = cli_option(c, "metric"),
	                                   .platform = cli_option(c, "platform"),
	                                   .label = cli_option(c, "label"),
	                                   .parameters = cli_option(c, "parameters")};
	struct ofbc_error err = {0};
	long limit = 0;

	if (cli_number(c, "limit", 1000000, &limit, &err) < 0)
		return cli_fail(c, &err);
	filter.limit = (size_t)limit;
	return bench_print_results(c, &filter, "bench-results");
}

static void print_sides(const struct ofbc_bench_comparison_list *l, FILE *to)
{
	fprintf(to,
	        "A/A: %u of %zu comparisons of equal things are called different (%.1f %%; 5 %% is promised)\n",
	        l->better + l->worse, l->n, 100.0 * (l->better + l->worse) / (double)l->n);
}

void bench_print_sides(const struct cli *c, const char *run, FILE *to)
{
	_cleanup_(ofbc_bench_comparison_list_free_p) struct ofbc_bench_comparison_list *l = NULL;

	if (ofbc_bench_compare(c->ctx, run, NULL, 0, &l, NULL) == 0)
		print_sides(l, to);
}

/* 0 equal or better, 1 worse, 9 undecided where that counts. */
static int gate(const struct cli *c, const struct ofbc_bench_comparison_list *l)
{
	if (l->worse)
		return 1;
	return l->undecided && cli_option(c, "strict") ? 9 : 0;
}

static struct json *summary_json(const struct ofbc_bench_comparison_list *l)
{
	struct json *o = json_object();

	json_set_double(o, "geomean", l->geomean);
	json_set_double(o, "low", l->low);
	json_set_double(o, "high", l->high);
	json_set_u64(o, "better", l->better);
	json_set_u64(o, "worse", l->worse);
	json_set_u64(o, "equal", l->equal);
	json_set_u64(o, "undecided", l->undecided);
	return o;
}

static int print_comparisons(const struct cli *c, const struct ofbc_bench_comparison_list *l)
{
	const struct render_list table = {.schema = "bench-compare",
	                                  .key = "comparisons",
	                                  .fields = bench_comparison_fields,
	                                  .items = l->v,
	                                  .n = l->n,
	                                  .item_size = sizeof(*l->v)};
	struct json *doc, *items;

	if (c->render.format != RENDER_JSON)
		return cli_list(c, &table);
	doc = cli_object(c, "bench-compare");
	items = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_append(items, render_item_json(bench_comparison_fields, &l->v[i]));
	json_set(doc, "comparisons", items);
	json_set(doc, "summary", summary_json(l));
	return cli_print_json(c, doc);
}

int bench_run_compare(struct cli *c)
{
	_cleanup_(ofbc_bench_comparison_list_free_p) struct ofbc_bench_comparison_list *l = NULL;
	struct ofbc_error err = {0};
	double margin = 0;
	int status;

	if (bench_number(c, "margin", 0.01, &margin, &err) < 0 ||
	    ofbc_bench_compare(c->ctx, c->args[0], c->n_args > 1 ? c->args[1] : NULL, margin, &l, &err) < 0)
		return cli_fail(c, &err);
	status = print_comparisons(c, l);
	if (status)
		return status;
	if (c->render.format == RENDER_TABLE && !isnan(l->geomean))
		printf("geometric mean %.4g (95 %%: %.4g..%.4g; above 1 B is better): %u better, %u worse, %u equal, %u undecided\n",
		       l->geomean, l->low, l->high, l->better, l->worse, l->equal, l->undecided);
	if (c->render.format == RENDER_TABLE && c->n_args == 1)
		print_sides(l, stdout);
	return gate(c, l);
}
