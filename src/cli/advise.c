/* SPDX-License-Identifier: MIT */
/* openforbc advise */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "cli/bench.h"
#include "model/fields.h"

DEFINE_CLEANUP(struct ofbc_advice_list *, ofbc_advice_list_free);

static const char *const goals[] = {
	[OFBC_GOAL_THROUGHPUT] = "throughput", [OFBC_GOAL_ENERGY] = "energy", [OFBC_GOAL_COST] = "cost",
	[OFBC_GOAL_LATENCY] = "latency",       [OFBC_GOAL_USERS] = "users",   NULL};

static const char *const isolations[] = {"none", "soft", "hard", NULL};

static const struct option advise_options[] = {
	{.name = "goal",
         .argument = "GOAL",
         .help = "throughput (default), energy, cost, latency or users",
         .values = goals},
	{.name = "mix", .help = "one layout for all workloads; NAME=WEIGHT says how much of each"},
	{.name = "instances", .letter = 'n', .argument = "N", .help = "exactly so many at once"},
	{.name = "isolation",
         .argument = "LEVEL",
         .help = "none, soft or hard, at least",
         .values = isolations},
	{.name = "memory", .argument = "SIZE", .help = "that each instance is promised"},
	{.name = "within", .argument = "TIME", .help = "of users: the longest wait, like 33.3ms"},
	{.name = "metric", .argument = "METRIC", .help = "latency that counts; default p99, of users p95"},
	{.name = "parameters", .argument = "TEXT", .help = "part of the workload's parameters"},
	{.name = "run", .argument = "RUN", .help = "by these results only (several times)"},
	{.name = "price-hour", .argument = "PRICE", .help = "of the host"},
	{.name = "price-kwh", .argument = "PRICE", .help = "of energy"},
	{.name = "pue", .argument = "FACTOR", .help = "energy of the site by that of its machines (1)"},
	{.name = NULL},
};

static int read_within(const struct cli *c, double *ret, struct ofbc_error *err)
{
	const char *text = cli_option(c, "within");
	char *end;

	if (!text)
		return 0;
	*ret = strtod(text, &end);
	if (end != text && strcmp(end, "ms") == 0)
		*ret /= 1000;
	else if (end == text || (strcmp(end, "s") != 0 && *end))
		*ret = -1;
	if (*ret > 0 && *ret < 1e9)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "--within '%s' is no time", text);
	error_hint(err, "write for example --within 33.3ms or 0.5s");
	return -EINVAL;
}

static int read_request(const struct cli *c, struct ofbc_advice_request *rq, struct ofbc_error *err)
{
	const char *goal = cli_option(c, "goal"), *isolation = cli_option(c, "isolation"),
		   *memory = cli_option(c, "memory");
	long n = 0;
	int r = cli_number(c, "instances", 4096, &n, err);

	rq->instances = (unsigned)n;
	for (int i = 0; goal && goals[i]; i++) {
		if (strcmp(goals[i], goal) == 0)
			rq->goal = (enum ofbc_goal)i;
	}
	rq->isolation = isolation ? isolation_parse(isolation) : OFBC_ISOLATION_NONE;
	if (r >= 0 && memory && (parse_size(memory, &rq->memory_bytes) < 0 || !rq->memory_bytes)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no memory size", memory);
		error_hint(err, "write for example --memory 20G");
		return -EINVAL;
	}
	if (r >= 0)
		r = read_within(c, &rq->within_s, err);
	if (r >= 0)
		r = bench_number(c, "price-hour", 1, &rq->price_hour, err);
	if (r >= 0)
		r = bench_number(c, "price-kwh", 1, &rq->price_kwh, err);
	return r >= 0 ? bench_number(c, "pue", 1, &rq->pue, err) : r;
}

static struct render_list table_of(const struct ofbc_advice *a)
{
	return (struct render_list){.schema = "advise",
	                            .key = "candidates",
	                            .fields = candidate_fields,
	                            .items = a->candidates.v,
	                            .n = a->candidates.n,
	                            .item_size = sizeof(*a->candidates.v)};
}

/* --- people --- */

static void print_one(const struct cli *c, const struct ofbc_advice *a, const char *goal, struct strbuf *out)
{
	const struct ofbc_candidate *best = &a->candidates.v[0];
	struct render_list table = table_of(a);
	struct render_options options = c->render;

	options.emulated = NULL;
	strbuf_addf(out, "%s%s%s on %s (%s)%s, for %s: ", a->benchmark, a->parameters[0] ? " " : "",
	            a->parameters, a->host, a->platform, a->emulated[0] ? ", emulated" : "", goal);
	if (best->problem[0])
		strbuf_add(out, "no layout\n");
	else
		strbuf_addf(out, "'%s' with %u instance%s\n", best->layout, best->instances,
		            best->instances == 1 ? "" : "s");
	(void)render_table(&options, &table, out);
	for (size_t i = 0; a->missing && a->missing[i]; i++)
		strbuf_addf(out, "missing: %s\n", a->missing[i]);
	if (a->layout)
		strbuf_addf(out, "\n%s", a->layout);
}

static int print_text(const struct cli *c, const struct ofbc_advice_list *l, const char *goal)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(64u << 20);

	for (size_t i = 0; i < l->n; i++) {
		strbuf_add(&out, i ? "\n" : "");
		print_one(c, &l->v[i], goal, &out);
	}
	return cli_print(c, &out);
}

/* The layout alone, to be piped into `layout apply`. */
static int print_layout(const struct cli *c, const struct ofbc_advice_list *l)
{
	struct ofbc_error err = {0};

	if (l->n == 1 && l->v[0].layout) {
		fputs(l->v[0].layout, stdout);
		return 0;
	}
	error_set(&err, EINVAL, OFBC_REASON_USAGE,
	          l->n == 1 ? "no layout meets the wishes" : "there is advice for %zu workloads", l->n);
	error_hint(&err, l->n == 1 ? "without -q it is said why" : "name one, or one layout for all: --mix");
	return cli_fail(c, &err);
}

/* --- programs --- */

static struct json *advice_json(const struct ofbc_advice *a)
{
	struct json *o = json_object(), *candidates = json_array(), *missing = json_array();

	json_set_str(o, "benchmark", a->benchmark);
	json_set_str(o, "parameters", a->parameters);
	json_set_str(o, "host", a->host);
	json_set_str(o, "platform", a->platform);
	json_set_bool(o, "emulated", a->emulated[0] != '\0');
	for (size_t i = 0; i < a->candidates.n; i++)
		json_append(candidates, render_item_json(candidate_fields, &a->candidates.v[i]));
	for (size_t i = 0; a->missing && a->missing[i]; i++)
		json_append_str(missing, a->missing[i]);
	json_set(o, "candidates", candidates);
	json_set(o, "missing", missing);
	json_set_str(o, "layout", a->layout);
	return o;
}

static int print_json(const struct cli *c, const struct ofbc_advice_list *l, const char *goal)
{
	struct json *doc = cli_object(c, "advise"), *list = json_array();

	json_set_str(doc, "goal", goal);
	for (size_t i = 0; i < l->n; i++)
		json_append(list, advice_json(&l->v[i]));
	json_set(doc, "advice", list);
	return cli_print_json(c, doc);
}

static int run_advise(struct cli *c)
{
	_cleanup_(ofbc_advice_list_free_p) struct ofbc_advice_list *l = NULL;
	const char *runs[CLI_MAX_OPTIONS];
	struct ofbc_advice_request rq = {.workloads = c->args,
	                                 .n_workloads = (size_t)c->n_args,
	                                 .parameters = cli_option(c, "parameters"),
	                                 .runs = runs,
	                                 .is_mix = cli_option(c, "mix") != NULL,
	                                 .metric = cli_option(c, "metric")};
	struct ofbc_error err = {0};
	struct render_list all;
	int r = read_request(c, &rq, &err);

	rq.n_runs = bench_repeated(c, "run", false, runs, ARRAY_SIZE(runs));
	if (r >= 0)
		r = ofbc_advise(c->ctx, &rq, &l, &err);
	if (r < 0)
		return cli_fail(c, &err);
	switch (c->render.format) {
	case RENDER_JSON:
		return print_json(c, l, goals[rq.goal]);
	case RENDER_TABLE:
		return print_text(c, l, goals[rq.goal]);
	case RENDER_IDS:
		return print_layout(c, l);
	case RENDER_CSV:
		break;
	}
	if (l->n > 1)
		return print_layout(c, l); /* tables of different workloads are no table */
	all = table_of(&l->v[0]);
	return cli_list(c, &all);
}

const struct command advise_commands[] = {
	{.noun = "advise",
         .args = "[WORKLOAD...]",
         .summary = "the best layout for workloads and a goal, by what was measured",
         .options = advise_options,
         .max_args = -1,
         .run = run_advise},
	{.noun = NULL},
};
