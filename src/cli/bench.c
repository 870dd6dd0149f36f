/* SPDX-License-Identifier: MIT */
/* openforbc bench: the verbs, definitions, and exchange; the rest is in bench_run.c and bench_results.c */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/bench.h"

DEFINE_CLEANUP(struct ofbc_bench_list *, ofbc_bench_list_free);

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
         .options = bench_run_options,
         .min_args = 1,
         .max_args = -1,
         .run = bench_run_run},
	{.noun = "bench",
         .verb = "sweep",
         .args = "LAYOUTS BENCHMARK...",
         .summary = "measure on every layout of a file, and bring the first state back",
         .options = bench_run_options + BENCH_N_RUN_ONLY,
         .min_args = 2,
         .max_args = -1,
         .run = bench_run_sweep},
	{.noun = "bench",
         .verb = "vdi-capacity",
         .args = "[BENCHMARK]",
         .summary = "how many desktop sessions keep their frame times",
         .options = bench_vdi_options,
         .max_args = 1,
         .run = bench_run_vdi},
	{.noun = "bench",
         .verb = "agent",
         .args = "",
         .summary = "run benchmarks for a controller on another machine",
         .options = bench_agent_options,
         .run = bench_run_agent},
	{.noun = "bench",
         .verb = "resume",
         .args = "[RUN]",
         .summary = "go on with a run that was interrupted",
         .max_args = 1,
         .run = bench_run_resume},
	{.noun = "bench",
         .verb = "results",
         .args = "[BENCHMARK]",
         .summary = "what was measured",
         .options = bench_results_options,
         .max_args = 1,
         .run = bench_run_results},
	{.noun = "bench",
         .verb = "show",
         .args = "RUN...",
         .summary = "runs, their results, and what sharing gives",
         .options = bench_show_options,
         .min_args = 1,
         .max_args = -1,
         .run = bench_run_show},
	{.noun = "bench",
         .verb = "trend",
         .args = "[BENCHMARK]",
         .summary = "where results go over dated runs",
         .options = bench_trend_options,
         .max_args = 1,
         .run = bench_run_trend},
	{.noun = "bench",
         .verb = "compare",
         .args = "A [B]",
         .summary = "is run B better than run A? RUN, or RUN:LAYOUT; one: the sides of an A/A run",
         .options = bench_compare_options,
         .min_args = 1,
         .max_args = 2,
         .run = bench_run_compare},
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
