/* SPDX-License-Identifier: MIT */
/* openforbc bench run, sweep, resume */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "cli/bench.h"

DEFINE_CLEANUP(struct ofbc_bench_result_list *, ofbc_bench_result_list_free);

/* The first BENCH_N_RUN_ONLY are not of a sweep, which says itself where instances run. */
const struct option bench_run_options[] = {
	{.name = "on",
         .argument = "P[,P...]",
         .help = "on these partitions or whole GPUs, one instance each"},
	{.name = "instances",
         .letter = 'n',
         .argument = "N[,N...]",
         .help = "at once; dealt out over the partitions; several numbers one after the other"},
	{.name = "agent",
         .argument = "ADDRESS[,ADDRESS...]",
         .help = "in guests and on hosts: ssh://HOST, vsock://CID:PORT, tcp://HOST:PORT, exec:COMMAND, local"},
	{.name = "token-file", .argument = "FILE", .help = "the secret of agents on TCP and vsock"},
	{.name = "here", .help = "agents over ssh and TCP are on this host: its energy is theirs"},
	{.name = "scale", .help = "also with one agent, with two, up to all"},
	{.name = "sweep", .argument = "FILE", .help = "on every layout of the file, and without partitions"},
	{.name = "preset", .argument = "NAME", .help = "of the benchmark; default: its own default"},
	{.name = "set", .argument = "NAME=VALUE", .help = "a parameter (several times)"},
	{.name = "trials", .argument = "N", .help = "at least (5)"},
	{.name = "max-trials", .argument = "N", .help = "at most (30)"},
	{.name = "precision", .argument = "PERCENT", .help = "end when the interval is within +- that (2)"},
	{.name = "budget", .argument = "SECONDS", .help = "end after that time"},
	{.name = "window", .argument = "SECONDS", .help = "how long programs iterate that can be told (5)"},
	{.name = "seed", .argument = "N", .help = "of the random order"},
	{.name = "label", .argument = "TEXT", .help = "for finding the run again"},
	{.name = "setup", .help = "do the setup again"},
	{.name = "start",
         .argument = "now|stable",
         .help = "of a trial: at once, or when the boards are cool and their power is even"},
	{.name = "share-processors", .help = "each instance on as many processors of its own"},
	{.name = "require-idle", .help = "measure nothing while others use the boards"},
	{.name = "aa",
         .help = "every cell twice, taking turns: how often are equal things called different?"},
	{.name = "reset", .help = "of a sweep: a mode may be changed by a reset of the GPU"},
	{.name = "against",
         .argument = "NAME[,NAME=VALUE...]",
         .help = "also with this benchmark in the other instances: who disturbs whom (several times)"},
	{.name = "solo", .help = "of a sweep: also one instance with idle neighbours, for interference"},
	{.name = NULL},
};

struct teller {
	const struct cli *c;
	bool is_terminal;
	char energy[192]; /* why the results have none */
};

static void time_text(double seconds, char *buf, size_t n)
{
	unsigned s = seconds > 0 && seconds < 1e9 ? (unsigned)(seconds + 0.5) : 0;

	if (s >= 3600)
		snprintf(buf, n, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(buf, n, "%u:%02u", s / 60, s % 60);
}

/* A line that stays for what went wrong and for the last trial of a cell; a terminal sees the one under way,
 * too. */
static void told(void *data, const struct ofbc_bench_progress *p)
{
	struct teller *t = data;
	bool went_wrong = p->reason[0] != '\0';
	char value[64] = "", left[32];

	snprintf(t->energy, sizeof(t->energy), "%s", p->energy);
	if (!went_wrong && !t->is_terminal && (t->c->render.format != RENDER_TABLE || !t->c->verbose))
		return;
	if (!isnan(p->value))
		snprintf(value, sizeof(value), " %s %.4g %s", p->metric, p->value, p->unit);
	time_text(p->eta_s, left, sizeof(left));
	if (t->is_terminal)
		fprintf(stderr, "\r\033[K");
	if (went_wrong)
		fprintf(stderr, "%s %s, %s: %s: %s\n", p->benchmark, p->parameters, p->layout, p->verdict,
		        p->reason);
	if (t->is_terminal)
		fprintf(stderr, "[%u/%u] %s %s, %s: trial %u%s, about %s left", p->done, p->cells,
		        p->benchmark, p->parameters, p->layout, p->trial + 1, value, left);
	else if (!went_wrong && t->c->verbose)
		fprintf(stderr, "%s %s, %s: trial %u%s\n", p->benchmark, p->parameters, p->layout,
		        p->trial + 1, value);
	fflush(stderr);
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (size_t i = 0; words[i]; i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/* Scripts must see that something was not measured: 1 what broke, 7 when all is skipped, as without a GPU. */
static int status_of_run(const struct cli *c, const struct ofbc_bench_filter *filter)
{
	static const char *const broken[] = {"failed", "timeout", "invalid", "throttled", "lost", NULL};
	_cleanup_(ofbc_bench_result_list_free_p) struct ofbc_bench_result_list *l = NULL;
	size_t skipped = 0;

	if (ofbc_bench_results(c->ctx, filter, &l, NULL) < 0)
		return 1;
	for (size_t i = 0; i < l->n; i++) {
		if (is_one_of(l->v[i].verdict, broken))
			return 1;
		skipped += strcmp(l->v[i].verdict, "skipped") == 0;
	}
	return l->n && skipped == l->n ? 7 : 0;
}

/* What there is by now, also after an interruption. */
static int end_of_run(struct cli *c, int r, const char *run, const char *energy, const struct ofbc_error *err)
{
	const struct ofbc_bench_filter filter = {.run = run};
	int status;

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	if (!run[0])
		return cli_fail(c, err);
	if (r < 0 && r != -EINTR)
		return cli_fail(c, err);
	status = bench_print_results(c, &filter, "bench-run");
	if (c->render.format == RENDER_TABLE)
		bench_print_sides(c, run, stdout);
	if (energy[0] && c->render.format == RENDER_TABLE)
		fprintf(stderr, "%s\n", energy);
	if (r == -EINTR) {
		fprintf(stderr, "interrupted: `openforbc bench resume %.8s` goes on\n", run);
		return caught_signal() ? 128 + caught_signal() : 1;
	}
	return status ? status : status_of_run(c, &filter);
}

int bench_seed(const struct cli *c, uint64_t *ret, struct ofbc_error *err)
{
	const char *text = cli_option(c, "seed");

	if (!text || parse_u64(text, ret) == 0)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "--seed '%s' is no number", text);
	error_hint(err, "a whole number from 1");
	return -EINVAL;
}

static int instances(struct cli *c, unsigned *v, size_t max, struct ofbc_bench_request *rq,
                     struct ofbc_error *err)
{
	const char *texts[64];
	size_t n = bench_repeated(c, "instances", true, texts, ARRAY_SIZE(texts));

	for (size_t i = 0; i < n; i++) {
		uint32_t number;

		if (i == max || parse_u32(texts[i], &number) < 0 || !number) {
			error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no value for --instances",
			          texts[i]);
			error_hint(err, "whole numbers from 1, up to %zu of them", max);
			return -EINVAL;
		}
		v[i] = number;
	}
	if (!n && cli_option(c, "instances")) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "--instances is empty");
		error_hint(err, "--instances 4, or --instances 1,2,4");
		return -EINVAL;
	}
	rq->instances = v;
	rq->n_instances = n;
	return 0;
}

static int numbers(const struct cli *c, struct ofbc_bench_request *rq, struct ofbc_error *err)
{
	static const struct {
		const char *name;
		unsigned max;
	} options[] = {{"trials", 1000000}, {"max-trials", 1000000}};
	unsigned *const to[] = {&rq->min_trials, &rq->max_trials};
	long n;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(options); i++) {
		n = 0;
		r = cli_number(c, options[i].name, options[i].max, &n, err);
		*to[i] = (unsigned)n;
	}
	if (r >= 0)
		r = bench_number(c, "precision", 0.01, &rq->precision, err);
	if (r == 0)
		r = bench_number(c, "budget", 1, &rq->budget_s, err);
	if (r == 0)
		r = bench_number(c, "window", 1, &rq->window_s, err);
	return r < 0 ? r : bench_seed(c, &rq->seed, err);
}

size_t bench_repeated(struct cli *c, const char *name, bool split, const char **v, size_t max)
{
	size_t n = 0;

	for (int i = 0; i < c->n_options; i++) {
		char *text = (char *)(uintptr_t)c->options[i].value, *save = NULL;

		if (strcmp(c->options[i].option->name, name) != 0)
			continue;
		if (!split || strncmp(text, "exec:", 5) == 0) { /* a command has commas of its own */
			if (n < max)
				v[n++] = text;
			continue;
		}
		for (char *word = strtok_r(text, ",", &save); word && n < max;
		     word = strtok_r(NULL, ",", &save))
			v[n++] = word;
	}
	return n;
}

void bench_catch_ends(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t held;

	catch_signals(signals, ARRAY_SIZE(signals));
	sigemptyset(&held);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, NULL);
}

/* bench run BENCHMARK... [--sweep FILE], bench sweep FILE BENCHMARK... */
static int run_with(struct cli *c, const char *sweep, int first)
{
	const char *parameters[64], *partitions[CLI_MAX_ARGS], *agents[CLI_MAX_ARGS], *against[64];
	unsigned counts[32];
	struct ofbc_bench_request rq = {.benchmarks = c->args + first,
	                                .n_benchmarks = (size_t)(c->n_args - first),
	                                .sweep = sweep,
	                                .may_reset = cli_option(c, "reset") != NULL,
	                                .solo = cli_option(c, "solo") != NULL,
	                                .twice = cli_option(c, "aa") != NULL,
	                                .preset = cli_option(c, "preset"),
	                                .parameters = parameters,
	                                .partitions = partitions,
	                                .agents = agents,
	                                .against = against,
	                                .token_file = cli_option(c, "token-file"),
	                                .here = cli_option(c, "here") != NULL,
	                                .scale = cli_option(c, "scale") != NULL,
	                                .label = cli_option(c, "label"),
	                                .start = cli_option(c, "start"),
	                                .share_processors = cli_option(c, "share-processors") != NULL,
	                                .require_idle = cli_option(c, "require-idle") != NULL,
	                                .setup_again = cli_option(c, "setup") != NULL};
	struct teller t = {.c = c, .is_terminal = isatty(STDERR_FILENO) != 0};
	struct ofbc_error err = {0};
	char run[37] = "";
	int r = numbers(c, &rq, &err);

	if (r == 0)
		r = instances(c, counts, ARRAY_SIZE(counts), &rq, &err);
	if (r < 0)
		return cli_fail(c, &err);
	rq.n_parameters = bench_repeated(c, "set", false, parameters, ARRAY_SIZE(parameters));
	rq.n_partitions = bench_repeated(c, "on", true, partitions, ARRAY_SIZE(partitions));
	rq.n_agents = bench_repeated(c, "agent", true, agents, ARRAY_SIZE(agents));
	rq.n_against = bench_repeated(c, "against", false, against, ARRAY_SIZE(against));
	rq.solo |= rq.n_against > 0; /* what they are compared with */
	bench_catch_ends();
	r = ofbc_bench_run(c->ctx, &rq, told, &t, run, &err);
	return end_of_run(c, r, run, t.energy, &err);
}

int bench_run_run(struct cli *c)
{
	return run_with(c, cli_option(c, "sweep"), 0);
}

int bench_run_sweep(struct cli *c)
{
	return run_with(c, c->args[0], 1);
}

int bench_run_resume(struct cli *c)
{
	struct teller t = {.c = c, .is_terminal = isatty(STDERR_FILENO) != 0};
	struct ofbc_error err = {0};
	char run[37] = "";
	int r;

	bench_catch_ends();
	r = ofbc_bench_resume(c->ctx, c->n_args ? c->args[0] : NULL, told, &t, run, &err);
	if (r == 1)
		cli_note(c, "it was ended already\n");
	return end_of_run(c, r, run, t.energy, &err);
}
