/* SPDX-License-Identifier: MIT */
/* The tables: every planned cell with its verdict, and what sharing brings. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "report/parts.h"

#define TABLE_MAX     ((size_t)256 << 20)
#define WITH_INTERVAL 1u
#define WITH_UNIT     2u

static const struct table_column result_columns[] = {
	{.title = "run"},
	{.title = "benchmark"},
	{.title = "parameters", .kind = COLUMN_LONG},
	{.title = "layout"},
	{.title = "inst.", .kind = COLUMN_NUMBER},
	{.title = "metric"},
	{.title = "median", .kind = COLUMN_NUMBER},
	{.title = "95 %", .kind = COLUMN_NUMBER},
	{.title = "unit"},
	{.title = "better"},
	{.title = "trials", .kind = COLUMN_NUMBER},
	{.title = "flagged", .kind = COLUMN_NUMBER},
	{.title = "verdict", .kind = COLUMN_LONG},
};

static const struct table_column isolation_columns[] = {
	{.title = "layout"},
	{.title = "inst.", .kind = COLUMN_NUMBER},
	{.title = "victim", .kind = COLUMN_LONG},
	{.title = "beside", .kind = COLUMN_LONG},
	{.title = "trials", .kind = COLUMN_NUMBER},
	{.title = "interference", .kind = COLUMN_NUMBER},
	{.title = "95 %", .kind = COLUMN_NUMBER},
	{.title = "p99 ratio", .kind = COLUMN_NUMBER},
	{.title = "95 %", .kind = COLUMN_NUMBER},
	{.title = "verdict"},
};

static const struct table_column roofline_columns[] = {
	{.title = "benchmark", .kind = COLUMN_LONG},        {.title = "layout"},
	{.title = "inst.", .kind = COLUMN_NUMBER},          {.title = "trials", .kind = COLUMN_NUMBER},
	{.title = "FLOP/B", .kind = COLUMN_NUMBER},         {.title = "operations", .kind = COLUMN_NUMBER},
	{.title = "95 %", .kind = COLUMN_NUMBER},           {.title = "unit"},
	{.title = "of the ceiling", .kind = COLUMN_NUMBER},
};

static const struct table_column sharing_columns[] = {
	{.title = "benchmark", .kind = COLUMN_LONG},
	{.title = "layout"},
	{.title = "inst.", .kind = COLUMN_NUMBER},
	{.title = "trials", .kind = COLUMN_NUMBER},
	{.title = "throughput", .kind = COLUMN_NUMBER},
	{.title = "95 %", .kind = COLUMN_NUMBER},
	{.title = "unit"},
	{.title = "speed-up", .kind = COLUMN_NUMBER},
	{.title = "95 %", .kind = COLUMN_NUMBER},
	{.title = "fairness", .kind = COLUMN_NUMBER},
	{.title = "energy/work", .kind = COLUMN_NUMBER},
	{.title = "95 %", .kind = COLUMN_NUMBER},
	{.title = "unit"},
	{.title = "verdict"},
};

/* --- all results --- */

static void add_cell(struct table *t, const struct bench_run *run, const struct bench_cell *c)
{
	char layout[160], id[9];

	snprintf(layout, sizeof(layout), "%s%s", c->layout, run->emulated[0] ? " (emulated)" : "");
	snprintf(id, sizeof(id), "%.8s", run->id);
	table_text(t, run->label[0] ? run->label : id);
	table_text(t, c->benchmark);
	table_text(t, c->parameters);
	table_text(t, layout);
	table_count(t, c->instances);
}

/* The verdict, with its reason where it is said first. */
static void add_verdict(struct table *t, const struct bench_cell *c, bool is_first)
{
	const char *reason = is_first && c->reason ? c->reason : "";
	char text[400];

	snprintf(text, sizeof(text), "%s%s%s", bench_verdict_names[c->verdict], reason[0] ? ": " : "",
	         reason);
	table_text(t, text);
}

static void add_result(struct table *t, const struct bench_summary *m)
{
	struct quantity_text q;

	quantity_text(m->median, m->low, m->high, m->unit, &q);
	table_text(t, m->metric);
	table_number(t, m->median, q.value);
	table_range(t, m->low, q.low, q.high);
	table_text(t, q.unit);
	table_text(t, !m->has_direction ? "" : m->higher_is_better ? "higher" : "lower");
	table_count(t, m->trials);
	table_count(t, m->flagged);
}

static void add_nothing(struct table *t, const struct bench_cell_data *d)
{
	table_text(t, "");
	table_text(t, QUANTITY_UNKNOWN);
	table_text(t, QUANTITY_UNKNOWN);
	table_text(t, "");
	table_text(t, "");
	table_count(t, d->trials.n);
	table_text(t, "");
}

static struct table *results_table(const struct bench_archive *a)
{
	struct table *t = table_new("results", "All cells: medians over trials with 95 % intervals",
	                            result_columns, ARRAY_SIZE(result_columns));

	for (size_t i = 0; t && i < a->n; i++) {
		for (size_t k = 0; k < a->v[i].cells.n; k++) {
			const struct bench_cell_data *d = &a->v[i].cells.v[k];

			for (size_t m = 0; m < d->summaries.n || m == 0; m++) {
				add_cell(t, &a->v[i].run, &d->cell);
				if (d->summaries.n)
					add_result(t, &d->summaries.v[m]);
				else
					add_nothing(t, d);
				add_verdict(t, &d->cell, m == 0);
			}
		}
	}
	return t;
}

/* --- sharing --- */

static double largest(const struct study *s, const char *key)
{
	double max = 0;

	for (size_t i = 0; i < s->points.n; i++) {
		double v = point_value(&s->points.v[i], key);

		max = isfinite(v) ? fmax(max, v) : max;
	}
	return max;
}

/* A number with its interval and its unit, all of a study in the same. */
static void add_figure(struct table *t, const struct study *s, const struct point *p, const char *key,
                       unsigned what)
{
	const struct ofbc_bench_derived *d = point_figure(p, key);
	double value = point_value(p, key), low = d ? d->low : NAN, high = d ? d->high : NAN;
	struct quantity_scale scale;

	quantity_scale(largest(s, key), d ? d->unit : "", &scale);
	if (!d && isfinite(value)) /* what all others are relative to */
		table_number(t, value, "1");
	else
		table_value(t, value, low, high, scale.factor);
	if (what & WITH_INTERVAL)
		table_interval(t, value, low, high, scale.factor);
	if (what & WITH_UNIT)
		table_text(t, isfinite(value) ? scale.unit : "");
}

static void add_point(struct table *t, const struct study *s, const struct point *p)
{
	const struct ofbc_bench_derived *rate = point_figure(p, "rate");
	char layout[256];

	snprintf(layout, sizeof(layout), "%s%s%s", p->data->cell.layout, p->where,
	         s->emulated[0] ? " (emulated)" : "");
	table_text(t, s->title);
	table_text(t, layout);
	table_count(t, p->data->cell.instances);
	table_count(t, rate ? rate->trials : 0);
	add_figure(t, s, p, "rate", WITH_INTERVAL | WITH_UNIT);
	add_figure(t, s, p, "stp", WITH_INTERVAL);
	add_figure(t, s, p, "fairness", 0);
	add_figure(t, s, p, "energy_per_unit", WITH_INTERVAL | WITH_UNIT);
	table_text(t, bench_verdict_names[p->data->cell.verdict]);
}

static bool is_about_sharing(const struct study *s)
{
	for (size_t i = 0; i < s->points.n; i++) {
		if (s->work.summary && s->points.v[i].data->cell.instances > 1)
			return true;
	}
	return false;
}

static struct table *sharing_table(const struct study_list *l)
{
	struct table *t = table_new(
		"sharing",
		"What sharing brings: work of all instances, speed-up over one instance alone on the "
		"whole machine, Jain's fairness, energy of the boards by work",
		sharing_columns, ARRAY_SIZE(sharing_columns));

	for (size_t i = 0; t && i < l->n; i++) {
		for (size_t k = 0; is_about_sharing(&l->v[i]) && k < l->v[i].points.n; k++)
			add_point(t, &l->v[i], &l->v[i].points.v[k]);
	}
	return t;
}

/* --- isolation --- */

static void add_pair(struct table *t, const struct isolation_map *m, size_t victim, size_t aggressor)
{
	const struct point *p = isolation_field(m, victim, aggressor);
	struct isolation_value loss = isolation_value(p, ISOLATION_LOSS),
			       latency = isolation_value(p, ISOLATION_LATENCY);
	char layout[160];

	snprintf(layout, sizeof(layout), "%s%s", p->data->cell.layout,
	         m->about.emulated[0] ? " (emulated)" : "");
	table_text(t, layout);
	table_count(t, p->data->cell.instances);
	table_text(t, m->victim_names[victim].text);
	table_text(t, m->aggressors[aggressor].text);
	table_count(t, loss.trials);
	table_value(t, loss.value, loss.low, loss.high, 1);
	table_interval(t, loss.value, loss.low, loss.high, 1);
	table_value(t, latency.value, latency.low, latency.high, 1);
	table_interval(t, latency.value, latency.low, latency.high, 1);
	table_text(t, bench_verdict_names[p->data->cell.verdict]);
}

static void add_pairs(struct table *t, const struct isolation_map *m)
{
	for (size_t i = 0; i < m->n_victims; i++) {
		for (size_t k = 0; k < m->n_aggressors; k++) {
			if (isolation_field(m, i, k))
				add_pair(t, m, i, k);
		}
	}
}

static struct table *isolation_table(const struct isolation_list *l)
{
	struct table *t = table_new(
		"isolation",
		"Who disturbs whom: what one instance loses of its throughput when all others run the program "
		"beside it, to idle neighbours, and how many times as long its p99 gets",
		isolation_columns, ARRAY_SIZE(isolation_columns));

	for (size_t i = 0; t && i < l->n; i++)
		add_pairs(t, &l->v[i]);
	return t;
}

/* --- roofline --- */

static void add_under_roof(struct table *t, const struct roofline *m, const struct roofline_point *v)
{
	struct quantity_scale scale;
	char layout[160];

	quantity_scale(m->compute.value, "FLOP/s", &scale);
	snprintf(layout, sizeof(layout), "%s%s", v->p->data->cell.layout,
	         m->about.emulated[0] ? " (emulated)" : "");
	table_text(t, v->name);
	table_text(t, layout);
	table_count(t, v->p->data->cell.instances);
	table_count(t, v->trials);
	table_value(t, v->intensity, NAN, NAN, 1);
	table_value(t, v->value, v->low, v->high, scale.factor);
	table_interval(t, v->value, v->low, v->high, scale.factor);
	table_text(t, scale.unit);
	table_value(t, v->value / roofline_reachable(m, v->intensity), NAN, NAN, 1);
}

static struct table *roofline_table(const struct roofline_list *l)
{
	struct table *t = table_new(
		"roofline",
		"Below the roofline: operations by byte of memory, operations by time, and their ratio to the "
		"lower of both ceilings that were measured on the same host",
		roofline_columns, ARRAY_SIZE(roofline_columns));

	for (size_t i = 0; t && i < l->n; i++) {
		for (size_t k = 0; k < l->v[i].n; k++)
			add_under_roof(t, &l->v[i], &l->v[i].v[k]);
	}
	return t;
}

static int add_latex(struct report *r, const struct table *t)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(TABLE_MAX);
	char name[64];

	table_latex(t, &b);
	snprintf(name, sizeof(name), "tables/%s.tex", t->name);
	return report_add_file(r, name, &b);
}

int report_tables(struct report *r)
{
	struct table **tables[] = {&r->results, &r->sharing, &r->isolation, &r->roofline};
	int q = 0;

	r->results = results_table(r->rq.runs);
	r->sharing = sharing_table(&r->studies);
	r->isolation = isolation_table(&r->maps);
	r->roofline = roofline_table(&r->rooflines);
	for (size_t i = 0; q == 0 && i < ARRAY_SIZE(tables); i++) {
		const struct table *t = *tables[i];

		if (!t || table_error(t) < 0)
			return -ENOMEM;
		if (table_rows(t) || t == r->results)
			q = add_latex(r, t);
	}
	return q;
}
