/* SPDX-License-Identifier: MIT */
/* openforbc bench vdi-capacity: how many desktop sessions are carried. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/bench.h"
#include "openforbc/bench_vdi.h"

#define FRAMES_MIN 1000

DEFINE_CLEANUP(struct ofbc_vdi_answer *, ofbc_vdi_answer_free);

const struct option bench_vdi_options[] = {
	{.name = "fps",
         .argument = "N",
         .help = "frames a second that a session wants; default: the benchmark's"},
	{.name = "confirm",
         .argument = "N",
         .help = "fresh starts of the answer, and of one session more (3)"},
	{.name = "max", .argument = "N", .help = "sessions; more are not tried (64)"},
	{.name = "on",
         .argument = "P[,P...]",
         .help = "on these partitions or whole GPUs; sessions are dealt out"},
	{.name = "preset", .argument = "NAME", .help = "of the benchmark; default: its own default"},
	{.name = "set", .argument = "NAME=VALUE", .help = "a parameter (several times)"},
	{.name = "window", .argument = "SECONDS", .help = "how long the sessions of a trial run (60)"},
	{.name = "budget", .argument = "SECONDS", .help = "end after that time, with what is known"},
	{.name = "seed", .argument = "N", .help = "of the run"},
	{.name = "label", .argument = "TEXT", .help = "for finding the run again"},
	{.name = "setup", .help = "do the setup again"},
	{.name = "start",
         .argument = "now|stable",
         .help = "of a trial: at once, or when the boards are cool and their power is even"},
	{.name = "share-processors", .help = "each session on as many processors of its own"},
	{.name = "require-idle", .help = "measure nothing while others use the boards"},
	{.name = "resume",
         .argument = "RUN",
         .help = "go on with a search that was interrupted, or show its answer"},
	{.name = NULL},
};

/* --- while it runs --- */

struct teller {
	const struct cli *c;
	bool is_terminal;
};

/* A line a trial, for who waits; in a file only with -v. */
static void told(void *data, const struct ofbc_bench_progress *p)
{
	const struct teller *t = data;
	char value[64] = "";

	if (!t->is_terminal && !t->c->verbose)
		return;
	if (!isnan(p->value))
		snprintf(value, sizeof(value), " (p95 %.3g ms)", 1e3 * p->value);
	fprintf(stderr, "%u session%s, trial %u: %s%s\n", p->instances, p->instances == 1 ? "" : "s",
	        p->trial + 1, p->reason[0] ? p->reason : p->verdict, p->reason[0] ? "" : value);
}

/* --- the answer, for people --- */

static const struct ofbc_vdi_step *step_of(const struct ofbc_vdi_answer *a, unsigned sessions)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].sessions == sessions)
			return &a->v[i];
	}
	return NULL;
}

static void add_sessions(unsigned n, struct strbuf *out)
{
	strbuf_addf(out, "%u session%s", n, n == 1 ? "" : "s");
}

/* "3 of 3 starts fine" */
static void add_starts(const struct ofbc_vdi_step *s, struct strbuf *out)
{
	strbuf_addf(out, "%u of %u starts fine", s->fine, s->trials);
}

static void add_load(const struct ofbc_vdi_step *s, struct strbuf *out)
{
	if (!isnan(s->cpu_busy))
		strbuf_addf(out, "; processors %.0f %% busy", 100 * s->cpu_busy);
	if (!isnan(s->board_busy))
		strbuf_addf(out, "%s boards %.0f %% busy", isnan(s->cpu_busy) ? ";" : ",",
		            100 * s->board_busy);
}

/* The most that were fine, or what is known of it. */
static void add_range(const struct ofbc_vdi_answer *a, struct strbuf *out)
{
	bool is_open = a->fewer_than != a->sessions + 1; /* there are numbers that were not tried */

	strbuf_add(out, is_open && a->is_confirmed ? "at least " : "");
	add_sessions(a->sessions, out);
	if (is_open && !a->is_confirmed)
		strbuf_add(out, " or more");
	if (is_open && a->fewer_than)
		strbuf_addf(out, ", fewer than %u", a->fewer_than);
}

static void add_capacity(const struct ofbc_vdi_answer *a, struct strbuf *out)
{
	const struct ofbc_vdi_step *s = step_of(a, a->sessions);

	strbuf_add(out, "capacity: ");
	add_range(a, out);
	strbuf_addf(out, " at %g frames a second", a->fps);
	if (s) {
		strbuf_add(out, a->is_confirmed ? " (" : " (not confirmed: ");
		add_starts(s, out);
		strbuf_add(out, ")");
	} else if (!a->is_confirmed) {
		strbuf_add(out, " (not confirmed)");
	}
	strbuf_add(out, "\n");
}

/* What more sessions miss. */
static void add_limit(const struct ofbc_vdi_answer *a, struct strbuf *out)
{
	const struct ofbc_vdi_step *s = a->limit[0] ? step_of(a, a->fewer_than) : NULL;

	if (!s && a->is_confirmed)
		strbuf_addf(out, "limit: none found; more than %u were not tried (--max)\n", a->max_sessions);
	if (!s)
		return;
	strbuf_add(out, "limit: with ");
	add_sessions(s->sessions, out);
	strbuf_addf(out, " %s (", a->reason);
	add_starts(s, out);
	add_load(s, out);
	strbuf_add(out, ")\n");
}

/* The 99th percentile of fewer than a thousand frames is one of the last ten. */
static void add_frames(const struct ofbc_vdi_answer *a, struct strbuf *out)
{
	double least = NAN;

	for (size_t i = 0; i < a->n; i++)
		least = fmin(least, a->v[i].frames);
	if (least < FRAMES_MIN)
		strbuf_addf(
			out,
			"note: p99 of %.0f frames at worst; it takes %d to be sure of it: a longer --window\n",
			floor(least), FRAMES_MIN);
}

static void add_score(const struct ofbc_vdi_answer *a, struct strbuf *out)
{
	if (isnan(a->score_alone))
		return;
	strbuf_addf(out, "score: %.2f of 10 alone; it falls by 15 %% ", a->score_alone);
	if (!a->score_high)
		strbuf_addf(out, "with more than %u sessions, if at all\n", a->score_low);
	else if (a->score_high == a->score_low)
		strbuf_addf(out, "with more than %u session%s\n", a->score_low, a->score_low == 1 ? "" : "s");
	else
		strbuf_addf(out, "with more than %u to %u sessions; numbers in between were not tried\n",
		            a->score_low, a->score_high);
}

static struct render_list step_table(const struct ofbc_vdi_answer *a)
{
	return (struct render_list){.schema = "bench-vdi-capacity",
	                            .key = "tried",
	                            .fields = vdi_step_fields,
	                            .items = a->v,
	                            .n = a->n,
	                            .item_size = sizeof(*a->v),
	                            .empty = "no number of sessions was tried"};
}

static int print_text(const struct cli *c, const struct ofbc_vdi_answer *a)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(1u << 20);
	const struct render_list table = step_table(a);

	(void)render_table(&c->render, &table, &out);
	if (a->n) {
		add_capacity(a, &out);
		add_limit(a, &out);
		add_score(a, &out);
		add_frames(a, &out);
	}
	strbuf_addf(&out, "run: %.8s\n", a->run);
	return cli_print(c, &out);
}

/* --- for programs --- */

static int print_json(const struct cli *c, const struct ofbc_vdi_answer *a)
{
	struct json *doc = cli_object(c, "bench-vdi-capacity"), *tried = json_array(), *score;

	json_set_str(doc, "run", a->run);
	json_set_str(doc, "benchmark", a->benchmark);
	json_set_str(doc, "parameters", a->parameters);
	json_set_str(doc, "layout", a->layout);
	json_set_str(doc, "platform", a->platform);
	json_set_double(doc, "fps", a->fps);
	json_set_u64(doc, "confirm", a->confirm);
	json_set_u64(doc, "max_sessions", a->max_sessions);
	json_set_bool(doc, "confirmed", a->is_confirmed);
	json_set_u64(doc, "sessions", a->sessions);
	if (a->fewer_than)
		json_set_u64(doc, "fewer_than", a->fewer_than);
	json_set_str(doc, "limit", a->limit);
	json_set_str(doc, "reason", a->reason);
	if (!isnan(a->score_alone)) {
		score = json_object();
		json_set_double(score, "alone", a->score_alone);
		json_set_u64(score, "sessions_low", a->score_low);
		if (a->score_high)
			json_set_u64(score, "sessions_high", a->score_high);
		json_set(doc, "score", score);
	}
	for (size_t i = 0; i < a->n; i++)
		json_append(tried, render_item_json(vdi_step_fields, &a->v[i]));
	json_set(doc, "tried", tried);
	return cli_print_json(c, doc);
}

static int print_answer(const struct cli *c, const struct ofbc_vdi_answer *a)
{
	const struct render_list table = step_table(a);

	switch (c->render.format) {
	case RENDER_JSON:
		return print_json(c, a);
	case RENDER_TABLE:
		return print_text(c, a);
	case RENDER_IDS: /* for a shell: the number */
		printf("%u\n", a->sessions);
		return 0;
	case RENDER_CSV:
		break;
	}
	return cli_list(c, &table);
}

/* --- the command --- */

/* A number from 1; *ret stays without the option. */
static int positive(const struct cli *c, const char *name, unsigned max, unsigned *ret,
                    struct ofbc_error *err)
{
	long n = 0;
	int r = cli_number(c, name, max, &n, err);

	if (r <= 0)
		return r;
	if (n) {
		*ret = (unsigned)n;
		return 0;
	}
	error_set(err, EINVAL, OFBC_REASON_USAGE, "--%s 0 would try nothing", name);
	error_hint(err, "from 1 to %u", max);
	return -EINVAL;
}

static int read_request(const struct cli *c, struct ofbc_vdi_request *rq, struct ofbc_error *err)
{
	int r = positive(c, "confirm", 1000, &rq->confirm, err);

	if (r == 0)
		r = positive(c, "max", 4096, &rq->max_sessions, err);
	if (r == 0)
		r = bench_number(c, "fps", 1, &rq->fps, err);
	if (r == 0)
		r = bench_number(c, "window", 1, &rq->run.window_s, err);
	if (r == 0)
		r = bench_number(c, "budget", 1, &rq->run.budget_s, err);
	return r == 0 ? bench_seed(c, &rq->run.seed, err) : r;
}

/* A search goes on as it was begun. */
static int check_resume(const struct cli *c, struct ofbc_error *err)
{
	bool has_more = c->n_args > 0;

	for (const struct option *o = bench_vdi_options; o->name; o++)
		has_more |= strcmp(o->name, "resume") != 0 && cli_option(c, o->name);
	if (!cli_option(c, "resume") || !has_more)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE,
	          "a search that is resumed has its benchmark and options already");
	error_hint(err, "openforbc bench vdi-capacity --resume %s", cli_option(c, "resume"));
	return -EINVAL;
}

static void say_what_to_do(const struct ofbc_vdi_answer *a, int r)
{
	if (r == -EINTR)
		fprintf(stderr, "interrupted: `openforbc bench vdi-capacity --resume %.8s` goes on\n",
		        a->run);
	else if (r == 0 && !a->is_confirmed)
		fprintf(stderr, "the time was over first: a longer --budget\n");
	else if (r == 0 && !a->sessions)
		fprintf(stderr,
		        "hint: not even one session; a lower --fps, a smaller picture (--set size=1280x720), or "
		        "another device: `openforbc-render --list`\n");
}

static int end_of_search(const struct cli *c, const struct ofbc_vdi_answer *a, int r,
                         const struct ofbc_error *err)
{
	int status = 0;

	if (r < 0 && r != -EINTR)
		return cli_fail(c, err);
	if (!a)
		return cli_fail(c, err);
	status = print_answer(c, a);
	say_what_to_do(a, r);
	if (r == -EINTR)
		return caught_signal() ? 128 + caught_signal() : 1;
	return status;
}

int bench_run_vdi(struct cli *c)
{
	_cleanup_(ofbc_vdi_answer_free_p) struct ofbc_vdi_answer *a = NULL;
	const char *parameters[64], *partitions[CLI_MAX_ARGS];
	struct ofbc_vdi_request rq = {.run = {.benchmarks = c->args,
	                                      .n_benchmarks = (size_t)c->n_args,
	                                      .preset = cli_option(c, "preset"),
	                                      .parameters = parameters,
	                                      .partitions = partitions,
	                                      .label = cli_option(c, "label"),
	                                      .start = cli_option(c, "start"),
	                                      .share_processors = cli_option(c, "share-processors") != NULL,
	                                      .require_idle = cli_option(c, "require-idle") != NULL,
	                                      .setup_again = cli_option(c, "setup") != NULL},
	                              .resume = cli_option(c, "resume")};
	struct teller t = {.c = c, .is_terminal = isatty(STDERR_FILENO) != 0};
	struct ofbc_error err = {0};
	int r = check_resume(c, &err);

	if (r == 0)
		r = read_request(c, &rq, &err);
	if (r < 0)
		return cli_fail(c, &err);
	rq.run.n_parameters = bench_repeated(c, "set", false, parameters, ARRAY_SIZE(parameters));
	rq.run.n_partitions = bench_repeated(c, "on", true, partitions, ARRAY_SIZE(partitions));
	bench_catch_ends();
	r = ofbc_bench_vdi_capacity(c->ctx, &rq, told, &t, &a, &err);
	return end_of_search(c, a, r, &err);
}
