/* SPDX-License-Identifier: MIT */
/* Who disturbs whom, as maps: a number and its interval in each field, whose shade says the same. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/figure.h"

#define ROWS_MAX     10 /* that leave room for numbers */
#define COLUMNS_MAX  8
#define ROW_TEXT     19 /* characters of a row's name */
#define COLUMN_TEXTS 60 /* and of all columns' */
#define MANY         5  /* columns; with more of them less stands in each field */

/* One of the two maps of a layout. */
struct map_kind {
	enum isolation_kind kind;
	const char *name, *title, *scale, *caption, *absent;
};

static const struct map_kind kinds[] = {
	{.kind = ISOLATION_LOSS,
         .name = "isolation",
         .title = "Isolation (victim by aggressor)",
         .scale = "loss of throughput",
         .caption =
                 "What one instance of a program (row) loses of its throughput when all other instances run another "
                 "one (column), to idle neighbours; in the first column all run the same. 0 is perfect isolation.",
         .absent =
                 "no run has neighbours of another program: `bench run --against` or `bench sweep --against`"},
	{.kind = ISOLATION_LATENCY,
         .name = "isolation-p99",
         .title = "Isolation, p99 latency",
         .scale = "p99 by p99 with idle neighbours",
         .caption =
                 "How many times as long the p99 of one instance of a program (row) gets when all other instances run "
                 "another one (column), to idle neighbours; in the first column all run the same. 1 is perfect isolation.",
         .absent = "no victim beside another program has a metric that is a p99 by its name, also with idle "
                   "neighbours"},
};

static struct isolation_value value_of(const struct isolation_map *m, const struct map_kind *k, size_t row,
                                       size_t column)
{
	const struct point *p = isolation_field(m, row, column);

	return p ? isolation_value(p, k->kind) : (struct isolation_value){NAN, NAN, NAN, 0, NULL};
}

/* --- what is drawn: rows and columns with a number --- */

struct extent {
	size_t rows[ROWS_MAX], columns[COLUMNS_MAX];
	size_t n_rows, n_columns, left_out;
	double high;
};

static bool row_has_value(const struct isolation_map *m, const struct map_kind *k, size_t row)
{
	for (size_t c = 0; c < m->n_aggressors; c++) {
		if (isfinite(value_of(m, k, row, c).value))
			return true;
	}
	return false;
}

static bool column_has_value(const struct isolation_map *m, const struct map_kind *k, size_t column)
{
	for (size_t r = 0; r < m->n_victims; r++) {
		if (isfinite(value_of(m, k, r, column).value))
			return true;
	}
	return false;
}

static void extent_of(const struct isolation_map *m, const struct map_kind *k, struct extent *e)
{
	*e = (struct extent){0};
	for (size_t r = 0; r < m->n_victims; r++) {
		if (e->n_rows < ROWS_MAX && row_has_value(m, k, r))
			e->rows[e->n_rows++] = r;
		else
			e->left_out++;
	}
	for (size_t c = 0; c < m->n_aggressors; c++) {
		if (e->n_columns < COLUMNS_MAX && column_has_value(m, k, c))
			e->columns[e->n_columns++] = c;
		else
			e->left_out++;
	}
	for (size_t i = 0; i < e->n_rows * e->n_columns; i++)
		e->high = fmax(e->high,
		               value_of(m, k, e->rows[i / e->n_columns], e->columns[i % e->n_columns]).value);
}

/* --- drawing --- */

/* A field: its place, its numbers, and the texts that stand in it. */
static void add_field(struct figure *f, const struct isolation_value *v, size_t x, size_t y, int most)
{
	int exact = quantity_places(v->value, v->low, v->high), places = exact < most ? exact : most;
	char value[32], low[32], high[32];

	quantity_number(v->value, places, value, sizeof(value));
	quantity_number(v->low, places, low, sizeof(low));
	quantity_number(v->high, places, high, sizeof(high));
	figure_numbers(
		f, (const double[]){(double)x, (double)y, v->value, v->low, v->high, (double)v->trials}, 6);
	strbuf_addf(&f->data, "\t%s\t", value);
	if (isfinite(v->low))
		strbuf_addf(&f->data, "%s" QUANTITY_UNKNOWN "%s", low, high);
	else
		strbuf_add(&f->data, QUANTITY_UNKNOWN);
	strbuf_addc(&f->data, '\n');
}

static void add_fields(struct figure *f, const struct isolation_map *m, const struct map_kind *k,
                       const struct extent *e)
{
	for (size_t r = 0; r < e->n_rows; r++) {
		figure_series(f, m->victim_names[e->rows[r]].text,
		              "aggressor\tvictim\tvalue\tlow\thigh\ttrials\tvalue and interval as printed");
		for (size_t c = 0; c < e->n_columns; c++) {
			struct isolation_value v = value_of(m, k, e->rows[r], e->columns[c]);

			add_field(f, &v, c + 1, r + 1, e->n_columns > MANY ? 2 : 3);
			if (isfinite(v.value))
				figure_counts(f, isolation_field(m, e->rows[r], e->columns[c]), v.trials);
		}
	}
}

/* The program in one line, what tells it apart in the next. */
static void add_name(struct strbuf *b, const char *name, size_t head, size_t width)
{
	_cleanup_strbuf_ struct strbuf program = STRBUF_INIT(4096), line = STRBUF_INIT(4096);
	const char *rest = name + head + strspn(name + head, ", ");

	strbuf_addn(&program, name, head);
	add_short(&line, strbuf_str(&program), width);
	add_gnuplot(b, strbuf_str(&line));
	if (!*rest)
		return;
	strbuf_clear(&line);
	add_short(&line, rest, width);
	strbuf_add(b, ".\"\\n\".");
	add_gnuplot(b, strbuf_str(&line));
}

static void add_tics(struct figure *f, const struct isolation_map *m, const struct extent *e)
{
	strbuf_add(&f->script, "set xtics (");
	for (size_t i = 0; i < e->n_columns; i++) {
		const char *name = m->aggressors[e->columns[i]].text;

		strbuf_add(&f->script, i ? ", " : "");
		add_name(&f->script, name, strcspn(name, ","), COLUMN_TEXTS / e->n_columns);
		strbuf_addf(&f->script, " %zu", i + 1);
	}
	strbuf_add(&f->script, ")\nset ytics (");
	for (size_t i = 0; i < e->n_rows; i++) {
		const struct bench_cell *c = &m->victims[e->rows[i]]->data->cell;

		strbuf_add(&f->script, i ? ", " : "");
		add_name(&f->script, m->victim_names[e->rows[i]].text, strlen(c->benchmark), ROW_TEXT);
		strbuf_addf(&f->script, " %zu", i + 1);
	}
	strbuf_add(&f->script, ")\n");
}

static void add_axes(struct figure *f, const struct isolation_map *m, const struct map_kind *k,
                     const struct extent *e)
{
	figure_set(f, "load 'map.gp'");
	figure_set(f, "set xrange [0.5:%zu.5]\nset yrange [%zu.5:0.5]", e->n_columns, e->n_rows);
	if (k->kind == ISOLATION_LOSS)
		figure_set(f, "set cbrange [0:1]\nis_dark(v) = v > 0.7");
	else
		figure_set(
			f,
			"set logscale cb\nset cbtics (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 10000)\nset cbrange [1:%.6g]\nis_dark(v) = log(v) > 0.7 * log(%.6g)",
			fmax(e->high, 2), fmax(e->high, 2));
	figure_text(f, "set cblabel", k->scale);
	figure_text(f, "set xlabel", "beside it (aggressor)");
	figure_text(f, "set label 904", "measured (victim)");
	add_tics(f, m, e);
	if (e->n_columns > MANY)
		figure_set(
			f,
			"field_font = sprintf('%%s,%%g', font, font_pt * 0.75)\nset xtics font field_font");
	strbuf_add(
		&f->plot,
		"plot data using 1:2:(0.5):(0.5) with boxxyerror lc rgb '#BBBBBB' fs empty notitle, \\\n"
		"     data using 1:2:(0.5):(0.5):3 with boxxyerror lc palette fs solid 1 noborder notitle, \\\n"
		"     data using 1:2:(field(strcol(7), strcol(8))):(ink($3)) with labels tc rgb variable font field_font offset 0,0.4 notitle, \\\n"
		"     data using 1:2:(unknown(strcol(7))) with labels font field_font notitle");
}

static int draw_map(struct report *r, const struct isolation_map *m, const struct map_kind *k, size_t number,
                    const struct extent *e)
{
	_cleanup_figure_ struct figure f;
	_cleanup_strbuf_ struct strbuf said = STRBUF_INIT(1 << 16);
	_cleanup_free_ struct point *points = calloc(e->n_rows * e->n_columns, sizeof(*points));
	struct study drawn = m->about;

	drawn.points = (struct point_list){.v = points};
	for (size_t i = 0; points && i < e->n_rows * e->n_columns; i++) {
		const struct point *p =
			isolation_field(m, e->rows[i / e->n_columns], e->columns[i % e->n_columns]);

		if (p && isfinite(isolation_value(p, k->kind).value))
			points[drawn.points.n++] = *p;
	}
	if (!points)
		return -ENOMEM;
	figure_init(&f, r, &drawn, k->name, number, k->title);
	f.shows = FIGURE_MEDIANS;
	add_fields(&f, m, k, e);
	add_axes(&f, m, k, e);
	strbuf_addf(
		&said,
		"%s Numbers are ratios of medians, with 95 %% intervals (bootstrap) where both sides have five "
		"trials. A field with a dash has no number; the reason is in the table or in `bench show`.",
		k->caption);
	if (e->left_out)
		strbuf_addf(&said, " %zu more rows and columns are in the table only.", e->left_out);
	return said.err ? said.err : figure_finish(&f, strbuf_str(&said));
}

/* Why nothing is drawn although it was asked for. */
static const char *reason(const struct isolation_list *maps, const struct map_kind *k)
{
	for (size_t i = 0; k->kind == ISOLATION_LOSS && i < maps->n; i++) {
		for (size_t p = 0; p < maps->v[i].about.points.n; p++) {
			struct isolation_value v = isolation_value(&maps->v[i].about.points.v[p], k->kind);

			if (v.reason && v.reason[0])
				return v.reason;
		}
	}
	return k->absent;
}

int figure_isolation(struct report *r)
{
	int q = 0;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		size_t drawn = 0;

		for (size_t i = 0; q == 0 && i < r->maps.n; i++) {
			struct extent e;

			extent_of(&r->maps.v[i], &kinds[k], &e);
			if (e.n_rows)
				q = draw_map(r, &r->maps.v[i], &kinds[k], ++drawn, &e);
		}
		if (q == 0 && !drawn && (k == 0 || r->maps.n))
			q = report_add_absent(r, kinds[k].title, NULL, "%s", reason(&r->maps, &kinds[k]));
	}
	return q;
}
