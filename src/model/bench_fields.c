/* SPDX-License-Identifier: MIT */
/* The field tables of the measuring half. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "model/field_macros.h"
#include "openforbc/bench.h"

/* --- benchmark --- */

GET_STRING(bench_name, struct ofbc_bench, name);
GET_STRING(bench_class, struct ofbc_bench, class);
GET_STRING(bench_summary, struct ofbc_bench, summary);
GET_STRING(bench_path, struct ofbc_bench, path);
GET_STRING(bench_presets, struct ofbc_bench, presets);
GET_STRING(bench_problem, struct ofbc_bench, problem);
GET_U64(bench_metrics, struct ofbc_bench, x->metrics, x->metrics != 0);

const struct field bench_fields[] = {
	{.key = "name", .title = "NAME", .kind = FIELD_STRING, .get = bench_name, .flags = FIELD_ID},
	{.key = "class", .title = "CLASS", .kind = FIELD_STRING, .get = bench_class},
	{.key = "metrics", .title = "METRICS", .kind = FIELD_U64, .get = bench_metrics},
	{.key = "presets",
         .title = "PRESETS",
         .kind = FIELD_STRING,
         .get = bench_presets,
         .flags = FIELD_WIDE},
	{.key = "summary", .title = "SUMMARY", .kind = FIELD_STRING, .get = bench_summary},
	{.key = "problem", .title = "PROBLEM", .kind = FIELD_STRING, .get = bench_problem},
	{.key = "path", .title = "FILE", .kind = FIELD_STRING, .get = bench_path, .flags = FIELD_WIDE},
	TABLE_END,
};

/* --- result --- */

GET_STRING(result_run, struct ofbc_bench_result, run);
GET_STRING(result_benchmark, struct ofbc_bench_result, benchmark);
GET_STRING(result_parameters, struct ofbc_bench_result, parameters);
GET_STRING(result_layout, struct ofbc_bench_result, layout);
GET_STRING(result_metric, struct ofbc_bench_result, metric);
GET_STRING(result_unit, struct ofbc_bench_result, unit);
GET_STRING(result_better, struct ofbc_bench_result, better);
GET_STRING(result_verdict, struct ofbc_bench_result, verdict);
GET_STRING(result_reason, struct ofbc_bench_result, reason);
GET_STRING(result_platform, struct ofbc_bench_result, platform);
GET_U64(result_instances, struct ofbc_bench_result, x->instances, true);
GET_U64(result_started, struct ofbc_bench_result, x->started_unix_s, true);
GET_U64(result_trials, struct ofbc_bench_result, x->trials, true);
GET_U64(result_flagged, struct ofbc_bench_result, x->flagged, true);
GET_U64(result_emulated, struct ofbc_bench_result, x->emulated[0] != '\0', true);
GET_NUMBER(result_median, struct ofbc_bench_result, x->metric[0] ? x->median : NAN);
GET_NUMBER(result_low, struct ofbc_bench_result, x->metric[0] ? x->low : NAN);
GET_NUMBER(result_high, struct ofbc_bench_result, x->metric[0] ? x->high : NAN);
GET_NUMBER(result_min, struct ofbc_bench_result, x->metric[0] ? x->min : NAN);
GET_NUMBER(result_max, struct ofbc_bench_result, x->metric[0] ? x->max : NAN);
GET_NUMBER(result_deviation, struct ofbc_bench_result, x->metric[0] ? x->deviation : NAN);

static void result_run_text(const void *item, char *buf, size_t n)
{
	snprintf(buf, n, "%.8s", ((const struct ofbc_bench_result *)item)->run);
}

static void interval_text(double low, double high, char *buf, size_t n)
{
	buf[0] = '\0';
	if (!isnan(low))
		snprintf(buf, n, "%.4g..%.4g", low, high);
}

/* People see both ends of the interval in one column, and that a number is no measurement. */
static void result_interval_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_result *r = item;

	interval_text(r->metric[0] ? r->low : NAN, r->high, buf, n);
}

static void result_layout_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_result *r = item;

	snprintf(buf, n, "%s%s", r->layout, r->emulated[0] ? " (emulated)" : "");
}

const struct field bench_result_fields[] = {
	{.key = "run",
         .title = "RUN",
         .kind = FIELD_STRING,
         .get = result_run,
         .text = result_run_text,
         .flags = FIELD_ID},
	{.key = "started_unix_s", .kind = FIELD_U64, .get = result_started},
	{.key = "benchmark", .title = "BENCHMARK", .kind = FIELD_STRING, .get = result_benchmark},
	{.key = "parameters", .title = "PARAMETERS", .kind = FIELD_STRING, .get = result_parameters},
	{.key = "layout",
         .title = "LAYOUT",
         .kind = FIELD_STRING,
         .get = result_layout,
         .text = result_layout_text},
	{.key = "instances", .title = "INST", .kind = FIELD_U64, .get = result_instances},
	{.key = "metric", .title = "METRIC", .kind = FIELD_STRING, .get = result_metric},
	{.key = "median", .title = "MEDIAN", .kind = FIELD_NUMBER, .get = result_median},
	{.key = "low",
         .title = "95 %",
         .kind = FIELD_NUMBER,
         .get = result_low,
         .text = result_interval_text},
	{.key = "high", .kind = FIELD_NUMBER, .get = result_high},
	{.key = "unit", .title = "UNIT", .kind = FIELD_STRING, .get = result_unit},
	{.key = "better", .title = "BETTER", .kind = FIELD_STRING, .get = result_better, .flags = FIELD_WIDE},
	{.key = "trials", .title = "TRIALS", .kind = FIELD_U64, .get = result_trials},
	{.key = "flagged",
         .title = "FLAGGED",
         .kind = FIELD_U64,
         .get = result_flagged,
         .help = "outliers, which are kept"},
	{.key = "min", .title = "MIN", .kind = FIELD_NUMBER, .get = result_min, .flags = FIELD_WIDE},
	{.key = "max", .title = "MAX", .kind = FIELD_NUMBER, .get = result_max, .flags = FIELD_WIDE},
	{.key = "deviation",
         .title = "DEVIATION",
         .kind = FIELD_NUMBER,
         .get = result_deviation,
         .flags = FIELD_WIDE},
	{.key = "verdict", .title = "VERDICT", .kind = FIELD_STRING, .get = result_verdict},
	{.key = "reason", .title = "REASON", .kind = FIELD_STRING, .get = result_reason, .flags = FIELD_WIDE},
	{.key = "platform",
         .title = "PLATFORM",
         .kind = FIELD_STRING,
         .get = result_platform,
         .flags = FIELD_WIDE},
	{.key = "emulated", .kind = FIELD_BOOL, .get = result_emulated},
	TABLE_END,
};

/* --- comparison --- */

GET_STRING(comparison_benchmark, struct ofbc_bench_comparison, benchmark);
GET_STRING(comparison_parameters, struct ofbc_bench_comparison, parameters);
GET_STRING(comparison_layout_a, struct ofbc_bench_comparison, layout_a);
GET_STRING(comparison_layout_b, struct ofbc_bench_comparison, layout_b);
GET_STRING(comparison_metric, struct ofbc_bench_comparison, metric);
GET_STRING(comparison_unit, struct ofbc_bench_comparison, unit);
GET_STRING(comparison_better, struct ofbc_bench_comparison, better);
GET_STRING(comparison_verdict, struct ofbc_bench_comparison, verdict);
GET_U64(comparison_trials_a, struct ofbc_bench_comparison, x->trials_a, true);
GET_U64(comparison_trials_b, struct ofbc_bench_comparison, x->trials_b, true);
GET_NUMBER(comparison_median_a, struct ofbc_bench_comparison, x->median_a);
GET_NUMBER(comparison_median_b, struct ofbc_bench_comparison, x->median_b);
GET_NUMBER(comparison_ratio, struct ofbc_bench_comparison, x->ratio);
GET_NUMBER(comparison_low, struct ofbc_bench_comparison, x->low);
GET_NUMBER(comparison_high, struct ofbc_bench_comparison, x->high);
GET_NUMBER(comparison_p, struct ofbc_bench_comparison, x->p);

GET_U64(comparison_paired, struct ofbc_bench_comparison, x->is_paired, true);
GET_U64(comparison_emulated, struct ofbc_bench_comparison, x->emulated, true);

static void comparison_layout_text(const char *layout, bool emulated, char *buf, size_t n)
{
	snprintf(buf, n, "%s%s", layout, emulated ? " (emulated)" : "");
}

static void comparison_a_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_comparison *c = item;

	comparison_layout_text(c->layout_a, c->emulated, buf, n);
}

static void comparison_b_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_comparison *c = item;

	comparison_layout_text(c->layout_b, c->emulated, buf, n);
}

static void comparison_interval_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_comparison *c = item;

	interval_text(c->low, c->high, buf, n);
}

const struct field bench_comparison_fields[] = {
	{.key = "benchmark", .title = "BENCHMARK", .kind = FIELD_STRING, .get = comparison_benchmark},
	{.key = "parameters", .title = "PARAMETERS", .kind = FIELD_STRING, .get = comparison_parameters},
	{.key = "layout_a",
         .title = "LAYOUT A",
         .kind = FIELD_STRING,
         .get = comparison_layout_a,
         .text = comparison_a_text},
	{.key = "layout_b",
         .title = "LAYOUT B",
         .kind = FIELD_STRING,
         .get = comparison_layout_b,
         .text = comparison_b_text},
	{.key = "metric", .title = "METRIC", .kind = FIELD_STRING, .get = comparison_metric},
	{.key = "median_a", .title = "A", .kind = FIELD_NUMBER, .get = comparison_median_a},
	{.key = "median_b", .title = "B", .kind = FIELD_NUMBER, .get = comparison_median_b},
	{.key = "unit", .title = "UNIT", .kind = FIELD_STRING, .get = comparison_unit},
	{.key = "better", .kind = FIELD_STRING, .get = comparison_better},
	{.key = "ratio", .title = "B/A", .kind = FIELD_NUMBER, .get = comparison_ratio},
	{.key = "low",
         .title = "95 %",
         .kind = FIELD_NUMBER,
         .get = comparison_low,
         .text = comparison_interval_text},
	{.key = "high", .kind = FIELD_NUMBER, .get = comparison_high},
	{.key = "p",
         .title = "P",
         .kind = FIELD_NUMBER,
         .get = comparison_p,
         .help = "Mann-Whitney, after Holm"},
	{.key = "trials_a",
         .title = "N A",
         .kind = FIELD_U64,
         .get = comparison_trials_a,
         .flags = FIELD_WIDE},
	{.key = "trials_b",
         .title = "N B",
         .kind = FIELD_U64,
         .get = comparison_trials_b,
         .flags = FIELD_WIDE},
	{.key = "verdict",
         .title = "B IS",
         .kind = FIELD_STRING,
         .get = comparison_verdict,
         .flags = FIELD_ID},
	{.key = "paired",
         .title = "PAIRED",
         .kind = FIELD_BOOL,
         .get = comparison_paired,
         .flags = FIELD_WIDE,
         .help = "trial by trial: Wilcoxon instead of Mann-Whitney"},
	{.key = "emulated", .kind = FIELD_BOOL, .get = comparison_emulated},
	TABLE_END,
};

/* --- derived figures --- */

GET_STRING(derived_run, struct ofbc_bench_derived, run);
GET_STRING(derived_benchmark, struct ofbc_bench_derived, benchmark);
GET_STRING(derived_parameters, struct ofbc_bench_derived, parameters);
GET_STRING(derived_layout, struct ofbc_bench_derived, layout);
GET_STRING(derived_platform, struct ofbc_bench_derived, platform);
GET_STRING(derived_metric, struct ofbc_bench_derived, metric);
GET_STRING(derived_figure, struct ofbc_bench_derived, figure);
GET_STRING(derived_unit, struct ofbc_bench_derived, unit);
GET_STRING(derived_better, struct ofbc_bench_derived, better);
GET_STRING(derived_base, struct ofbc_bench_derived, base);
GET_STRING(derived_reason, struct ofbc_bench_derived, reason);
GET_U64(derived_instances, struct ofbc_bench_derived, x->instances, true);
GET_U64(derived_trials, struct ofbc_bench_derived, x->trials, !isnan(x->value));
GET_U64(derived_trials_base, struct ofbc_bench_derived, x->trials_base, x->trials_base > 0);
GET_U64(derived_emulated, struct ofbc_bench_derived, x->emulated[0] != '\0', true);
GET_NUMBER(derived_value, struct ofbc_bench_derived, x->value);
GET_NUMBER(derived_low, struct ofbc_bench_derived, x->low);
GET_NUMBER(derived_high, struct ofbc_bench_derived, x->high);

static void derived_run_text(const void *item, char *buf, size_t n)
{
	snprintf(buf, n, "%.8s", ((const struct ofbc_bench_derived *)item)->run);
}

static void derived_layout_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_derived *d = item;

	snprintf(buf, n, "%s%s", d->layout, d->emulated[0] ? " (emulated)" : "");
}

static void derived_interval_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_derived *d = item;

	interval_text(d->low, d->high, buf, n);
}

const struct field bench_derived_fields[] = {
	{.key = "run",
         .title = "RUN",
         .kind = FIELD_STRING,
         .get = derived_run,
         .text = derived_run_text,
         .flags = FIELD_WIDE},
	{.key = "benchmark", .title = "BENCHMARK", .kind = FIELD_STRING, .get = derived_benchmark},
	{.key = "parameters", .title = "PARAMETERS", .kind = FIELD_STRING, .get = derived_parameters},
	{.key = "platform",
         .title = "PLATFORM",
         .kind = FIELD_STRING,
         .get = derived_platform,
         .flags = FIELD_WIDE},
	{.key = "layout",
         .title = "LAYOUT",
         .kind = FIELD_STRING,
         .get = derived_layout,
         .text = derived_layout_text},
	{.key = "instances", .title = "INST", .kind = FIELD_U64, .get = derived_instances},
	{.key = "figure", .title = "FIGURE", .kind = FIELD_STRING, .get = derived_figure, .flags = FIELD_ID},
	{.key = "value", .title = "VALUE", .kind = FIELD_NUMBER, .get = derived_value},
	{.key = "low",
         .title = "95 %",
         .kind = FIELD_NUMBER,
         .get = derived_low,
         .text = derived_interval_text},
	{.key = "high", .kind = FIELD_NUMBER, .get = derived_high},
	{.key = "unit", .title = "UNIT", .kind = FIELD_STRING, .get = derived_unit},
	{.key = "better", .title = "BETTER", .kind = FIELD_STRING, .get = derived_better},
	{.key = "base", .title = "RELATIVE TO", .kind = FIELD_STRING, .get = derived_base},
	{.key = "metric",
         .title = "METRIC",
         .kind = FIELD_STRING,
         .get = derived_metric,
         .flags = FIELD_WIDE},
	{.key = "trials", .title = "TRIALS", .kind = FIELD_U64, .get = derived_trials, .flags = FIELD_WIDE},
	{.key = "trials_base",
         .title = "OF BASE",
         .kind = FIELD_U64,
         .get = derived_trials_base,
         .flags = FIELD_WIDE},
	{.key = "reason", .title = "NOT KNOWN BECAUSE", .kind = FIELD_STRING, .get = derived_reason},
	{.key = "emulated", .kind = FIELD_BOOL, .get = derived_emulated},
	TABLE_END,
};

/* --- run --- */

GET_STRING(change_path, struct ofbc_bench_change, path);
GET_STRING(change_weight, struct ofbc_bench_change, weight);
GET_STRING(change_before, struct ofbc_bench_change, before);
GET_STRING(change_after, struct ofbc_bench_change, after);

static const struct field change_fields[] = {
	{.key = "path", .kind = FIELD_STRING, .get = change_path},
	{.key = "weight", .kind = FIELD_STRING, .get = change_weight},
	{.key = "before", .kind = FIELD_STRING, .get = change_before},
	{.key = "after", .kind = FIELD_STRING, .get = change_after},
	TABLE_END,
};

GET_STRING(run_run, struct ofbc_bench_run_info, run);
GET_STRING(run_label, struct ofbc_bench_run_info, label);
GET_STRING(run_state, struct ofbc_bench_run_info, state);
GET_STRING(run_host, struct ofbc_bench_run_info, host);
GET_STRING(run_platform, struct ofbc_bench_run_info, platform);
GET_STRING(run_program, struct ofbc_bench_run_info, program);
GET_STRING(run_origin, struct ofbc_bench_run_info, origin);
GET_STRING(run_note, struct ofbc_bench_run_info, note);
GET_STRING(run_gpus, struct ofbc_bench_run_info, gpus);
GET_STRING(run_driver, struct ofbc_bench_run_info, driver);
GET_STRING(run_kernel, struct ofbc_bench_run_info, kernel);
GET_STRING(run_processor, struct ofbc_bench_run_info, processor);
GET_STRING(run_machine, struct ofbc_bench_run_info, machine);
GET_STRING(run_energy, struct ofbc_bench_run_info, energy);
GET_U64(run_started, struct ofbc_bench_run_info, x->started_unix_s, x->started_unix_s > 0);
GET_U64(run_ended, struct ofbc_bench_run_info, x->ended_unix_s, x->ended_unix_s > 0);
GET_U64(run_seed, struct ofbc_bench_run_info, x->seed, x->seed != 0);
GET_U64(run_cells, struct ofbc_bench_run_info, x->cells, true);
GET_U64(run_cells_ok, struct ofbc_bench_run_info, x->cells_ok, true);
GET_U64(run_trials, struct ofbc_bench_run_info, x->trials, true);
GET_U64(run_emulated, struct ofbc_bench_run_info, x->emulated[0] != '\0', true);
GET_LIST(run_changes, struct ofbc_bench_run_info, x->changes.v, x->changes.n, struct ofbc_bench_change,
         change_fields);

static void time_text(int64_t unix_s, char *buf, size_t n)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	buf[0] = '\0';
	if (unix_s > 0 && gmtime_r(&t, &tm))
		(void)strftime(buf, n, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

static void run_started_text(const void *item, char *buf, size_t n)
{
	time_text(((const struct ofbc_bench_run_info *)item)->started_unix_s, buf, n);
}

static void run_ended_text(const void *item, char *buf, size_t n)
{
	time_text(((const struct ofbc_bench_run_info *)item)->ended_unix_s, buf, n);
}

/* None is good, and takes no line. */
static void run_changes_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_run_info *r = item;

	buf[0] = '\0';
	if (r->changes.n)
		snprintf(buf, n, "%zu", r->changes.n);
}

/* What changed is told line by line. */
static void run_note_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_run_info *r = item;

	snprintf(buf, n, "%s", r->note && !r->changes.n ? r->note : "");
}

static void run_emulated_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_run_info *r = item;

	snprintf(buf, n, "%s%s", r->emulated, r->emulated[0] ? ": nothing here is real hardware" : "");
}

const struct field bench_run_fields[] = {
	{.key = "run", .title = "RUN", .kind = FIELD_STRING, .get = run_run, .flags = FIELD_ID},
	{.key = "label", .title = "LABEL", .kind = FIELD_STRING, .get = run_label},
	{.key = "state", .title = "STATE", .kind = FIELD_STRING, .get = run_state},
	{.key = "started_unix_s",
         .title = "STARTED",
         .kind = FIELD_U64,
         .get = run_started,
         .text = run_started_text},
	{.key = "ended_unix_s",
         .title = "ENDED",
         .kind = FIELD_U64,
         .get = run_ended,
         .text = run_ended_text},
	{.key = "host", .title = "HOST", .kind = FIELD_STRING, .get = run_host},
	{.key = "platform", .title = "PLATFORM", .kind = FIELD_STRING, .get = run_platform},
	{.key = "emulated", .kind = FIELD_BOOL, .get = run_emulated, .text = run_emulated_text},
	{.key = "program", .kind = FIELD_STRING, .get = run_program},
	{.key = "origin", .kind = FIELD_STRING, .get = run_origin},
	{.key = "seed", .kind = FIELD_U64, .get = run_seed},
	{.key = "cells", .title = "CELLS", .kind = FIELD_U64, .get = run_cells},
	{.key = "cells_ok", .title = "OK", .kind = FIELD_U64, .get = run_cells_ok},
	{.key = "trials", .title = "TRIALS", .kind = FIELD_U64, .get = run_trials},
	{.key = "gpus", .kind = FIELD_STRING, .get = run_gpus},
	{.key = "driver", .kind = FIELD_STRING, .get = run_driver},
	{.key = "kernel", .kind = FIELD_STRING, .get = run_kernel},
	{.key = "processor", .kind = FIELD_STRING, .get = run_processor},
	{.key = "machine", .kind = FIELD_STRING, .get = run_machine},
	{.key = "energy", .kind = FIELD_STRING, .get = run_energy},
	{.key = "changes", .kind = FIELD_OBJECTS, .get = run_changes, .text = run_changes_text},
	{.key = "note", .title = "NOTE", .kind = FIELD_STRING, .get = run_note, .text = run_note_text},
	TABLE_END,
};

/* --- trend --- */

GET_STRING(trend_benchmark, struct ofbc_bench_trend, benchmark);
GET_STRING(trend_parameters, struct ofbc_bench_trend, parameters);
GET_STRING(trend_definition, struct ofbc_bench_trend, definition);
GET_STRING(trend_layout, struct ofbc_bench_trend, layout);
GET_STRING(trend_host, struct ofbc_bench_trend, host);
GET_STRING(trend_platform, struct ofbc_bench_trend, platform);
GET_STRING(trend_metric, struct ofbc_bench_trend, metric);
GET_STRING(trend_unit, struct ofbc_bench_trend, unit);
GET_STRING(trend_better, struct ofbc_bench_trend, better);
GET_STRING(trend_verdict, struct ofbc_bench_trend, verdict);
GET_U64(trend_instances, struct ofbc_bench_trend, x->instances, true);
GET_U64(trend_runs, struct ofbc_bench_trend, x->runs, true);
GET_U64(trend_changes, struct ofbc_bench_trend, x->changes, true);
GET_U64(trend_emulated, struct ofbc_bench_trend, x->emulated[0] != '\0', true);
GET_U64(trend_first_at, struct ofbc_bench_trend, x->first_unix_s, x->first_unix_s > 0);
GET_U64(trend_last_at, struct ofbc_bench_trend, x->last_unix_s, x->last_unix_s > 0);
GET_U64(trend_changed, struct ofbc_bench_trend, x->changed_unix_s[x->changes ? x->changes - 1 : 0],
        x->changes > 0);
GET_NUMBER(trend_first, struct ofbc_bench_trend, x->first);
GET_NUMBER(trend_last, struct ofbc_bench_trend, x->last);
GET_NUMBER(trend_slope, struct ofbc_bench_trend, x->slope);
GET_NUMBER(trend_low, struct ofbc_bench_trend, x->low);
GET_NUMBER(trend_high, struct ofbc_bench_trend, x->high);
GET_NUMBER(trend_p, struct ofbc_bench_trend, x->p);
GET_NUMBER(trend_step, struct ofbc_bench_trend, x->step);

static void trend_interval_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_trend *t = item;

	interval_text(t->low, t->high, buf, n);
}

static void trend_layout_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_trend *t = item;

	snprintf(buf, n, "%s%s", t->layout, t->emulated[0] ? " (emulated)" : "");
}

static void day_text(int64_t unix_s, char *buf, size_t n)
{
	time_text(unix_s, buf, n);
	if (n > 10)
		buf[10] = '\0';
}

static void trend_first_at_text(const void *item, char *buf, size_t n)
{
	day_text(((const struct ofbc_bench_trend *)item)->first_unix_s, buf, n);
}

static void trend_last_at_text(const void *item, char *buf, size_t n)
{
	day_text(((const struct ofbc_bench_trend *)item)->last_unix_s, buf, n);
}

static void trend_changed_text(const void *item, char *buf, size_t n)
{
	const struct ofbc_bench_trend *t = item;

	day_text(t->changes ? t->changed_unix_s[t->changes - 1] : 0, buf, n);
}

const struct field bench_trend_fields[] = {
	{.key = "benchmark", .title = "BENCHMARK", .kind = FIELD_STRING, .get = trend_benchmark},
	{.key = "parameters", .title = "PARAMETERS", .kind = FIELD_STRING, .get = trend_parameters},
	{.key = "definition", .kind = FIELD_STRING, .get = trend_definition},
	{.key = "layout",
         .title = "LAYOUT",
         .kind = FIELD_STRING,
         .get = trend_layout,
         .text = trend_layout_text},
	{.key = "instances", .title = "INST", .kind = FIELD_U64, .get = trend_instances},
	{.key = "host", .title = "HOST", .kind = FIELD_STRING, .get = trend_host, .flags = FIELD_WIDE},
	{.key = "platform", .title = "PLATFORM", .kind = FIELD_STRING, .get = trend_platform},
	{.key = "metric", .title = "METRIC", .kind = FIELD_STRING, .get = trend_metric},
	{.key = "runs", .title = "RUNS", .kind = FIELD_U64, .get = trend_runs},
	{.key = "first_unix_s",
         .title = "FROM",
         .kind = FIELD_U64,
         .get = trend_first_at,
         .text = trend_first_at_text},
	{.key = "last_unix_s",
         .title = "TO",
         .kind = FIELD_U64,
         .get = trend_last_at,
         .text = trend_last_at_text},
	{.key = "first", .title = "FIRST", .kind = FIELD_NUMBER, .get = trend_first},
	{.key = "last", .title = "LAST", .kind = FIELD_NUMBER, .get = trend_last},
	{.key = "unit", .title = "UNIT", .kind = FIELD_STRING, .get = trend_unit},
	{.key = "better", .title = "BETTER", .kind = FIELD_STRING, .get = trend_better, .flags = FIELD_WIDE},
	{.key = "slope", .title = "A DAY", .kind = FIELD_NUMBER, .get = trend_slope},
	{.key = "low", .title = "95 %", .kind = FIELD_NUMBER, .get = trend_low, .text = trend_interval_text},
	{.key = "high", .kind = FIELD_NUMBER, .get = trend_high},
	{.key = "p", .title = "P", .kind = FIELD_NUMBER, .get = trend_p, .help = "Mann-Kendall, after Holm"},
	{.key = "verdict", .title = "IT GETS", .kind = FIELD_STRING, .get = trend_verdict, .flags = FIELD_ID},
	{.key = "changes", .kind = FIELD_U64, .get = trend_changes},
	{.key = "changed_unix_s",
         .title = "STEP ON",
         .kind = FIELD_U64,
         .get = trend_changed,
         .text = trend_changed_text},
	{.key = "step", .title = "BY", .kind = FIELD_NUMBER, .get = trend_step},
	{.key = "emulated", .kind = FIELD_BOOL, .get = trend_emulated},
	TABLE_END,
};
