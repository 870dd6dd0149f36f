/* SPDX-License-Identifier: MIT */
/* openforbc bench ... */
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
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_bench_list *, ofbc_bench_list_free);
DEFINE_CLEANUP(struct ofbc_bench_result_list *, ofbc_bench_result_list_free);
DEFINE_CLEANUP(struct ofbc_bench_comparison_list *, ofbc_bench_comparison_list_free);

/* --- definitions --- */

static int run_list(struct cli *c)
{
	_cleanup_(ofbc_bench_list_free_p) struct ofbc_bench_list *l = NULL;
	struct ofbc_error err = {0};

	if (ofbc_bench_list_new(c->ctx, c->n_args ? c->args[0] : NULL, &l, &err) < 0)
		return cli_fail(c, &err);
	return cli_list(
		c, &(struct render_list){
			   .schema = "bench-list",
			   .key = "benchmarks",
			   .fields = bench_fields,
			   .items = l->v,
			   .n = l->n,
			   .item_size = sizeof(*l->v),
			   .empty = "no benchmark is installed; a file of your own is named by its path"});
}

static int run_validate(struct cli *c)
{
	_cleanup_free_ struct ofbc_bench *v = calloc((size_t)c->n_args, sizeof(*v));
	struct ofbc_error err = {0};

	if (!v)
		return cli_fail(c, &err);
	for (int i = 0; i < c->n_args; i++) {
		if (ofbc_bench_validate(c->ctx, c->args[i], &v[i], &err) < 0)
			return cli_fail(c, &err);
	}
	return cli_list(c, &(struct render_list){.schema = "bench-validate",
	                                         .key = "benchmarks",
	                                         .fields = bench_fields,
	                                         .items = v,
	                                         .n = (size_t)c->n_args,
	                                         .item_size = sizeof(*v)});
}

/* --- measuring --- */

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

	if (!isnan(p->value))
		snprintf(value, sizeof(value), " %s %.4g %s", p->metric, p->value, p->unit);
	time_text(p->eta_s, left, sizeof(left));
	snprintf(t->energy, sizeof(t->energy), "%s", p->energy);
	if (t->c->render.format != RENDER_TABLE && !went_wrong && !t->is_terminal)
		return;
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

static int print_results(const struct cli *c, const struct ofbc_bench_filter *filter, const char *schema)
{
	_cleanup_(ofbc_bench_result_list_free_p) struct ofbc_bench_result_list *l = NULL;
	struct ofbc_error err = {0};

	if (ofbc_bench_results(c->ctx, filter, &l, &err) < 0)
		return cli_fail(c, &err);
	return cli_list(c, &(struct render_list){.schema = schema,
	                                         .key = "results",
	                                         .fields = bench_result_fields,
	                                         .items = l->v,
	                                         .n = l->n,
	                                         .item_size = sizeof(*l->v),
	                                         .empty = "no result fits"});
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
	status = print_results(c, &filter, "bench-run");
	if (energy[0] && c->render.format == RENDER_TABLE)
		fprintf(stderr, "%s\n", energy);
	if (r == -EINTR) {
		fprintf(stderr, "interrupted: `openforbc bench resume %.8s` goes on\n", run);
		return caught_signal() ? 128 + caught_signal() : 1;
	}
	return status;
}

static int get_double(const struct cli *c, const char *name, double scale, double *ret,
                      struct ofbc_error *err)
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

static int numbers(const struct cli *c, struct ofbc_bench_request *rq, struct ofbc_error *err)
{
	static const struct {
		const char *name;
		unsigned max;
	} options[] = {{"instances", 4096}, {"trials", 1000000}, {"max-trials", 1000000}};
	unsigned *const to[] = {&rq->instances, &rq->min_trials, &rq->max_trials};
	long n;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(options); i++) {
		n = 0;
		r = cli_number(c, options[i].name, options[i].max, &n, err);
		*to[i] = (unsigned)n;
	}
	if (r >= 0)
		r = get_double(c, "precision", 0.01, &rq->precision, err);
	if (r == 0)
		r = get_double(c, "budget", 1, &rq->budget_s, err);
	if (r == 0)
		r = get_double(c, "window", 1, &rq->window_s, err);
	if (r == 0 && cli_option(c, "seed") && parse_u64(cli_option(c, "seed"), &rq->seed) < 0) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "--seed '%s' is no number", cli_option(c, "seed"));
		error_hint(err, "a whole number from 1");
		return -EINVAL;
	}
	return r < 0 ? r : 0;
}

/* Every one of an option that may be repeated; "a,b" counts as two where `split`. The texts are changed. */
static size_t repeated(struct cli *c, const char *name, bool split, const char **v, size_t max)
{
	size_t n = 0;

	for (int i = 0; i < c->n_options; i++) {
		char *text = (char *)(uintptr_t)c->options[i].value, *save = NULL;

		if (strcmp(c->options[i].option->name, name) != 0)
			continue;
		if (!split) {
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

static void catch_ends(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	catch_signals(signals, ARRAY_SIZE(signals));
}

/* bench run BENCHMARK... [--sweep FILE], bench sweep FILE BENCHMARK... */
static int run_with(struct cli *c, const char *sweep, int first)
{
	const char *parameters[64], *partitions[CLI_MAX_ARGS];
	struct ofbc_bench_request rq = {.benchmarks = c->args + first,
	                                .n_benchmarks = (size_t)(c->n_args - first),
	                                .sweep = sweep,
	                                .may_reset = cli_option(c, "reset") != NULL,
	                                .solo = cli_option(c, "solo") != NULL,
	                                .preset = cli_option(c, "preset"),
	                                .parameters = parameters,
	                                .partitions = partitions,
	                                .label = cli_option(c, "label"),
	                                .setup_again = cli_option(c, "setup") != NULL};
	struct teller t = {.c = c, .is_terminal = isatty(STDERR_FILENO) != 0};
	struct ofbc_error err = {0};
	char run[37] = "";
	int r = numbers(c, &rq, &err);

	if (r < 0)
		return cli_fail(c, &err);
	rq.n_parameters = repeated(c, "set", false, parameters, ARRAY_SIZE(parameters));
	rq.n_partitions = repeated(c, "on", true, partitions, ARRAY_SIZE(partitions));
	catch_ends();
	r = ofbc_bench_run(c->ctx, &rq, told, &t, run, &err);
	return end_of_run(c, r, run, t.energy, &err);
}

static int run_run(struct cli *c)
{
	return run_with(c, cli_option(c, "sweep"), 0);
}

static int run_sweep(struct cli *c)
{
	return run_with(c, c->args[0], 1);
}

static int run_resume(struct cli *c)
{
	struct teller t = {.c = c, .is_terminal = isatty(STDERR_FILENO) != 0};
	struct ofbc_error err = {0};
	char run[37] = "";
	int r;

	catch_ends();
	r = ofbc_bench_resume(c->ctx, c->n_args ? c->args[0] : NULL, told, &t, run, &err);
	if (r == 1)
		cli_note(c, "it was ended already\n");
	return end_of_run(c, r, run, t.energy, &err);
}

/* --- results --- */

static int run_results(struct cli *c)
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
	return print_results(c, &filter, "bench-results");
}

static int run_show(struct cli *c)
{
	const struct ofbc_bench_filter filter = {.run = c->args[0]};

	return print_results(c, &filter, "bench-show");
}

/* 0 equal or better, 1 worse, 9 undecided where that counts. */
static int gate(const struct cli *c, const struct ofbc_bench_comparison_list *l)
{
	if (l->worse)
		return 1;
	return l->undecided && cli_option(c, "strict") ? 9 : 0;
}

static int run_compare(struct cli *c)
{
	_cleanup_(ofbc_bench_comparison_list_free_p) struct ofbc_bench_comparison_list *l = NULL;
	struct ofbc_error err = {0};
	double margin = 0;
	int status;

	if (get_double(c, "margin", 0.01, &margin, &err) < 0 ||
	    ofbc_bench_compare(c->ctx, c->args[0], c->args[1], margin, &l, &err) < 0)
		return cli_fail(c, &err);
	status = cli_list(c, &(struct render_list){.schema = "bench-compare",
	                                           .key = "comparisons",
	                                           .fields = bench_comparison_fields,
	                                           .items = l->v,
	                                           .n = l->n,
	                                           .item_size = sizeof(*l->v)});
	if (status)
		return status;
	if (c->render.format == RENDER_TABLE && !isnan(l->geomean))
		printf("geometric mean %.4g (95 %%: %.4g..%.4g; above 1 B is better): %u better, %u worse, %u equal, %u undecided\n",
		       l->geomean, l->low, l->high, l->better, l->worse, l->equal, l->undecided);
	return gate(c, l);
}

/* --- exchange --- */

static int run_export(struct cli *c)
{
	const char *directory = cli_option(c, "directory"), *format = cli_option(c, "format");
	unsigned flags = (format && strcmp(format, "csv") == 0 ? OFBC_EXPORT_CSV : 0) |
	                 (cli_option(c, "keep-names") ? OFBC_EXPORT_NAMES : 0);
	_cleanup_free_ char *text = NULL;
	struct ofbc_error err = {0};

	if (directory && (c->n_args != 1 || format)) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE,
		          "--directory takes one run, and has a format of its own");
		error_hint(&err, "openforbc bench export RUN --directory %s", directory);
		return cli_fail(c, &err);
	}
	if (directory)
		return ofbc_bench_export_directory(c->ctx, c->args[0], directory, flags, &err) < 0
		               ? cli_fail(c, &err)
		               : 0;
	if (ofbc_bench_export(c->ctx, c->args, (size_t)c->n_args, flags, &text, &err) < 0)
		return cli_fail(c, &err);
	fputs(text, stdout);
	return 0;
}

static int run_import(struct cli *c)
{
	struct ofbc_bench_imported all = {0};
	struct ofbc_error err = {0};

	for (int i = 0; i < c->n_args; i++) {
		struct ofbc_bench_imported one;

		if (ofbc_bench_import(c->ctx, c->args[i], cli_option(c, "platform"), &one, &err) < 0)
			return cli_fail(c, &err);
		all.runs += one.runs;
		all.cells += one.cells;
		all.trials += one.trials;
		all.present += one.present;
	}
	if (c->is_json) {
		struct json *doc = cli_object(c, "bench-import");

		json_set_u64(doc, "runs", all.runs);
		json_set_u64(doc, "cells", all.cells);
		json_set_u64(doc, "trials", all.trials);
		json_set_u64(doc, "present", all.present);
		return cli_print_json(c, doc);
	}
	printf("%zu runs, %zu cells, %zu trials are new; %zu trials were there already\n", all.runs,
	       all.cells, all.trials, all.present);
	return 0;
}

/* --- tables --- */

static const char *const export_formats[] = {"lines", "csv", NULL};

static const struct option export_options[] = {
	{.name = "format",
         .argument = "FORMAT",
         .help = "lines (JSON, a run, cell or trial a line; default) or csv",
         .values = export_formats},
	{.name = "directory", .argument = "DIR", .help = "one run as files with a manifest of hashes"},
	{.name = "keep-names", .help = "names of hosts and users and serial numbers as they are"},
	{.name = NULL},
};

static const struct option import_options[] = {
	{.name = "platform",
         .argument = "PLATFORM",
         .help = "where another program's file was measured: kvm, vmware, bare-metal ..."},
	{.name = NULL},
};

/* A sweep says itself where instances run: what is only of `run` stands first, and `sweep` begins behind it.
 */
#define N_RUN_ONLY 3

static const struct option run_options[] = {
	{.name = "on", .argument = "P[,P...]", .help = "on these partitions, one instance each"},
	{.name = "instances",
         .letter = 'n',
         .argument = "N",
         .help = "at once; dealt out over the partitions"},
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
	{.name = "reset", .help = "of a sweep: a mode may be changed by a reset of the GPU"},
	{.name = "solo", .help = "of a sweep: also one instance with idle neighbours, for interference"},
	{.name = NULL},
};

static const struct option results_options[] = {
	{.name = "run", .argument = "RUN", .help = "UUID, unique prefix, label, or last"},
	{.name = "layout", .argument = "LAYOUT", .help = "only that one"},
	{.name = "metric", .argument = "METRIC", .help = "only that one"},
	{.name = "parameters", .argument = "TEXT", .help = "only with that in the parameters"},
	{.name = "platform", .argument = "PLATFORM", .help = "only from there"},
	{.name = "label", .argument = "TEXT", .help = "only of runs with that label"},
	{.name = "limit", .argument = "N", .help = "at most so many"},
	{.name = NULL},
};

static const struct option compare_options[] = {
	{.name = "margin", .argument = "PERCENT", .help = "what counts as equal (2)"},
	{.name = "strict", .help = "status 9 when something is undecided"},
	{.name = NULL},
};

const struct command bench_commands[] = {
	{.noun = "bench",
         .verb = "list",
         .args = "[DIR]",
         .summary = "benchmarks that are defined",
         .max_args = 1,
         .run = run_list},
	{.noun = "bench",
         .verb = "validate",
         .args = "FILE...",
         .summary = "check definitions",
         .min_args = 1,
         .max_args = -1,
         .run = run_validate},
	{.noun = "bench",
         .verb = "run",
         .args = "BENCHMARK...",
         .summary = "measure, and keep what comes out",
         .options = run_options,
         .min_args = 1,
         .max_args = -1,
         .run = run_run},
	{.noun = "bench",
         .verb = "sweep",
         .args = "LAYOUTS BENCHMARK...",
         .summary = "measure on every layout of a file, and bring the first state back",
         .options = run_options + N_RUN_ONLY,
         .min_args = 2,
         .max_args = -1,
         .run = run_sweep},
	{.noun = "bench",
         .verb = "resume",
         .args = "[RUN]",
         .summary = "go on with a run that was interrupted",
         .max_args = 1,
         .run = run_resume},
	{.noun = "bench",
         .verb = "results",
         .args = "[BENCHMARK]",
         .summary = "what was measured",
         .options = results_options,
         .max_args = 1,
         .run = run_results},
	{.noun = "bench",
         .verb = "show",
         .args = "RUN",
         .summary = "the results of one run",
         .min_args = 1,
         .max_args = 1,
         .run = run_show},
	{.noun = "bench",
         .verb = "compare",
         .args = "A B",
         .summary = "is run B better than run A? RUN, or RUN:LAYOUT",
         .options = compare_options,
         .min_args = 2,
         .max_args = 2,
         .run = run_compare},
	{.noun = "bench",
         .verb = "export",
         .args = "[RUN...]",
         .summary = "results as text, for another machine",
         .options = export_options,
         .max_args = -1,
         .run = run_export},
	{.noun = "bench",
         .verb = "import",
         .args = "FILE...",
         .summary = "results of another machine or program",
         .options = import_options,
         .min_args = 1,
         .max_args = -1,
         .run = run_import},
	{.noun = NULL},
};
