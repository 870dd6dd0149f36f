/* SPDX-License-Identifier: MIT */
#include "model/bench_line.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "model/field_macros.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *figure;
	size_t at;
} members[] = {
	{"rate", offsetof(struct bench_line, rate)},
	{"stp", offsetof(struct bench_line, stp)},
	{"antt", offsetof(struct bench_line, antt)},
	{"fairness", offsetof(struct bench_line, fairness)},
	{"interference", offsetof(struct bench_line, interference)},
	{"energy_per_unit", offsetof(struct bench_line, energy)},
	{"energy_saving", offsetof(struct bench_line, saving)},
	{"cost_per_unit", offsetof(struct bench_line, cost)},
};

static void take(struct bench_line *line, const struct ofbc_bench_derived *d)
{
	for (size_t i = 0; i < COUNT(members); i++) {
		const struct ofbc_bench_derived **to = (void *)((char *)line + members[i].at);

		if (strcmp(members[i].figure, d->figure) != 0)
			continue;
		/* of several, as interference of partitions of several sizes, the worst */
		if (!*to || d->value > (*to)->value)
			*to = d;
	}
}

static bool is_same_cell(const struct ofbc_bench_derived *a, const struct ofbc_bench_derived *b)
{
	return strcmp(a->run, b->run) == 0 && strcmp(a->benchmark, b->benchmark) == 0 &&
	       strcmp(a->parameters, b->parameters) == 0 && strcmp(a->layout, b->layout) == 0 &&
	       a->instances == b->instances;
}

int bench_lines(const struct ofbc_bench_derived_list *all, struct bench_line_list *ret)
{
	for (size_t i = 0; i < all->n; i++) {
		struct bench_line *line = ret->n ? &ret->v[ret->n - 1] : NULL;

		/* every cell begins with its rate */
		if (!line || !is_same_cell(line->cell, &all->v[i]) || strcmp(all->v[i].figure, "rate") == 0) {
			line = list_add(ret);
			if (!line)
				return -ENOMEM;
			line->cell = &all->v[i];
		}
		take(line, &all->v[i]);
	}
	return 0;
}

/* --- fields --- */

GET_STRING(line_run, struct bench_line, cell->run);
GET_STRING(line_benchmark, struct bench_line, cell->benchmark);
GET_STRING(line_parameters, struct bench_line, cell->parameters);
GET_STRING(line_layout, struct bench_line, cell->layout);
GET_STRING(line_platform, struct bench_line, cell->platform);
GET_U64(line_instances, struct bench_line, x->cell->instances, true);
GET_STRING(line_unit, struct bench_line, rate->unit);

#define GET_FIGURE(name, member)                                                                             \
	GET_NUMBER(line_##name, struct bench_line, x->member ? x->member->value : NAN);                      \
	static void line_##name##_text(const void *item, char *buf, size_t n)                                \
	{                                                                                                    \
		figure_text(((const struct bench_line *)item)->member, buf, n);                              \
	}                                                                                                    \
	struct line_##name##_semicolon_2

static void figure_text(const struct ofbc_bench_derived *d, char *buf, size_t n)
{
	buf[0] = '\0';
	if (!d || isnan(d->value))
		return;
	if (isnan(d->low))
		snprintf(buf, n, "%.4g", d->value);
	else
		snprintf(buf, n, "%.4g [%.4g, %.4g]", d->value, d->low, d->high);
}

GET_FIGURE(rate, rate);
GET_FIGURE(stp, stp);
GET_FIGURE(antt, antt);
GET_FIGURE(fairness, fairness);
GET_FIGURE(interference, interference);
GET_FIGURE(energy, energy);
GET_FIGURE(saving, saving);
GET_FIGURE(cost, cost);

static void line_layout_text(const void *item, char *buf, size_t n)
{
	const struct bench_line *l = item;

	snprintf(buf, n, "%s%s", l->cell->layout, l->cell->emulated[0] ? " (emulated)" : "");
}

static void line_run_text(const void *item, char *buf, size_t n)
{
	snprintf(buf, n, "%.8s", ((const struct bench_line *)item)->cell->run);
}

#define FIGURE(k, t, name)                                                                                   \
	{                                                                                                    \
		.key = k, .title = t, .kind = FIELD_NUMBER, .get = line_##name, .text = line_##name##_text   \
	}

const struct field bench_line_fields[] = {
	{.key = "run",
         .title = "RUN",
         .kind = FIELD_STRING,
         .get = line_run,
         .text = line_run_text,
         .flags = FIELD_WIDE},
	{.key = "benchmark", .title = "BENCHMARK", .kind = FIELD_STRING, .get = line_benchmark},
	{.key = "parameters", .title = "PARAMETERS", .kind = FIELD_STRING, .get = line_parameters},
	{.key = "platform",
         .title = "PLATFORM",
         .kind = FIELD_STRING,
         .get = line_platform,
         .flags = FIELD_WIDE},
	{.key = "layout",
         .title = "LAYOUT",
         .kind = FIELD_STRING,
         .get = line_layout,
         .text = line_layout_text},
	{.key = "instances", .title = "INST", .kind = FIELD_U64, .get = line_instances},
	FIGURE("rate", "RATE [95 %]", rate),
	{.key = "unit", .title = "UNIT", .kind = FIELD_STRING, .get = line_unit},
	FIGURE("stp", "STP [95 %]", stp),
	FIGURE("antt", "SLOWDOWN [95 %]", antt),
	FIGURE("fairness", "FAIRNESS [95 %]", fairness),
	FIGURE("interference", "INTERFERENCE [95 %]", interference),
	FIGURE("energy_per_unit", "J/UNIT [95 %]", energy),
	FIGURE("energy_saving", "SAVED [95 %]", saving),
	FIGURE("cost_per_unit", "COST/UNIT [95 %]", cost),
	TABLE_END,
};
