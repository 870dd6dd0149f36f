/* SPDX-License-Identifier: MIT */
/* bench report: results as a document. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_bench_report *, ofbc_bench_report_free);

/* --output is the format for every other command, and `-o json` is so here, too: a format is no directory. */
static const char *directory(const struct cli *c)
{
	static const char *const formats[] = {"table", "json", "csv"};
	const char *found = NULL;

	for (int i = 0; i < c->n_options; i++) {
		bool is_format = strcmp(c->options[i].option->name, "output") != 0;

		for (size_t k = 0; k < ARRAY_SIZE(formats); k++)
			is_format |= strcmp(c->options[i].value, formats[k]) == 0;
		if (!is_format)
			found = c->options[i].value;
	}
	return found;
}

static bool wants_json(const struct cli *c)
{
	bool found = c->is_json;

	for (int i = 0; i < c->n_options; i++)
		found |= strcmp(c->options[i].option->name, "output") == 0 &&
		         strcmp(c->options[i].value, "json") == 0;
	return found;
}

static int print_json(struct cli *c, const struct ofbc_bench_report *report)
{
	struct json *doc = cli_object(c, "bench-report"), *figures = json_array(), *absent = json_array();
	char page[sizeof(report->directory) + 16];

	snprintf(page, sizeof(page), "%s/report.html", report->directory);
	json_set_str(doc, "directory", report->directory);
	json_set_str(doc, "page", page);
	json_set_bool(doc, "drawn", !report->undrawn[0]);
	json_set_str(doc, "undrawn_reason", report->undrawn);
	for (size_t i = 0; i < report->n; i++) {
		struct json *f = json_object();

		json_set_str(f, "title", report->v[i].title);
		json_set_str(f, "file", report->v[i].file);
		json_set_str(f, "reason", report->v[i].reason);
		json_append(report->v[i].file[0] ? figures : absent, f);
	}
	json_set(doc, "figures", figures);
	json_set(doc, "absent", absent);
	return cli_print_json(c, doc);
}

static int run_report(struct cli *c)
{
	_cleanup_(ofbc_bench_report_free_p) struct ofbc_bench_report *report = NULL;
	const struct ofbc_bench_report_request rq = {
		.runs = c->args,
		.n_runs = (size_t)c->n_args,
		.directory = directory(c),
		.title = cli_option(c, "title"),
		.flags = cli_option(c, "keep-names") ? OFBC_EXPORT_NAMES : 0,
	};
	struct ofbc_error err = {0};
	size_t figures = 0;

	c->is_json = wants_json(c);
	if (ofbc_bench_report(c->ctx, &rq, &report, &err) < 0)
		return cli_fail(c, &err);
	if (c->is_json)
		return print_json(c, report);
	for (size_t i = 0; i < report->n; i++) {
		const struct ofbc_bench_figure *f = &report->v[i];

		figures += f->file[0] != '\0';
		if (!f->file[0])
			cli_note(c, "no figure: %s: %s\n", f->title, f->reason);
	}
	printf("%s/report.html\n", report->directory);
	if (report->undrawn[0])
		fprintf(stderr, "%s\n", report->undrawn);
	else if (c->render.format == RENDER_TABLE)
		fprintf(stderr,
		        "%zu figures, and %zu that the results have no numbers for; the page says why\n",
		        figures, report->n - figures);
	return 0;
}

static const struct option report_options[] = {
	{.name = "output", .argument = "DIR", .help = "where to (report-XXXXXXXX, after the first run)"},
	{.name = "title", .argument = "TEXT", .help = "of the page"},
	{.name = "keep-names", .help = "names of hosts and users and serial numbers as they are"},
	{.name = NULL},
};

const struct command bench_report_commands[] = {
	{.noun = "bench",
         .verb = "report",
         .args = "RUN...",
         .summary = "results as a page, with figures and tables for a paper",
         .options = report_options,
         .min_args = 1,
         .max_args = -1,
         .run = run_report},
	{.noun = NULL},
};
