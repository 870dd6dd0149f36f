/* SPDX-License-Identifier: MIT */
/* Which figures there are: those of derived numbers, and the reasons for those that are absent. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/figure.h"

#define STUDIES_MAX 12 /* with figures; a page with more is read by nobody */

/* One derived figure of all cells, over the number of instances or over the share of the GPU. */
struct chart {
	const char *kind, *title;
	const char *key; /* of the derived figure */
	const char *axis;
	double ceiling; /* of the axis; 0: what the data need */
	bool is_over_share;
	bool has_line_at_1;
	const char *caption;
	const char *absent; /* where no cell can have it */
};

static const struct chart charts[] = {
	{.kind = "throughput",
         .title = "Throughput",
         .key = "rate",
         .axis = "throughput",
         .caption = "Work of all instances together by time, over the number of instances that run at once."},
	{.kind = "energy",
         .title = "Energy by work",
         .key = "energy_per_unit",
         .axis = "energy by work",
         .caption =
                 "Energy of whole boards by the work of all instances, from the energy counters. About 5 % of "
                 "systematic gain cancels between measurements on one board and is not in the intervals."},
	{.kind = "speedup",
         .title = "Speed-up over exclusive use",
         .key = "stp",
         .axis = "speed-up",
         .has_line_at_1 = true,
         .caption =
                 "Throughput by that of one instance alone on the whole machine (the line at 1). Above it sharing "
                 "pays.",
         .absent = "there is only the base case itself"},
	{.kind = "fairness",
         .title = "Fairness",
         .key = "fairness",
         .axis = "Jain's index",
         .ceiling = 1.05,
         .caption =
                 "Jain's index of the rates of the instances, each by what its partition has of the GPU where that "
                 "is known: 1 is fair, 1/n is one that gets everything.",
         .absent = "no cell has more than one instance"},
	{.kind = "interference",
         .title = "Interference",
         .key = "interference",
         .axis = "loss of throughput",
         .caption =
                 "What an instance loses when its neighbours run the same benchmark, to one with idle neighbours in "
                 "the same partition; of partitions of several types the worst. 0 is perfect isolation.",
         .absent = "no cell has several instances on partitions"},
	{.kind = "virtualisation",
         .title = "Efficiency in a guest",
         .key = "virtualisation_efficiency",
         .axis = "throughput by that on bare metal",
         .has_line_at_1 = true,
         .caption =
                 "Throughput in a guest or container by that of the same layout with as many instances on bare metal (the "
                 "line at 1).",
         .absent = "nothing of it was measured in a guest or a container"},
	{.kind = "share",
         .title = "Scaling by share",
         .key = "stp",
         .axis = "throughput by that of the whole GPU",
         .is_over_share = true,
         .caption =
                 "One instance alone on a partition, over what the partition has of the compute of its GPU, to one "
                 "instance on the whole GPU. Above the line a partition gives more than its share.",
         .absent =
                 "no cell has one instance alone on a partition whose share is known: `bench sweep --solo`"},
};

/* --- which points --- */

static double x_of(const struct chart *c, const struct point *p)
{
	if (!c->is_over_share)
		return p->data->cell.instances;
	if (p->data->cell.instances != 1)
		return NAN;
	return p->is_base ? 1 : work_share(p->data, BENCH_COMPUTE_SHARE);
}

static bool is_drawn(const struct chart *c, const struct point *p)
{
	return !p->is_older && (!p->is_solo || c->is_over_share) && isfinite(point_value(p, c->key)) &&
	       isfinite(x_of(c, p));
}

static const char *series_of(const struct chart *c, const struct point *p)
{
	return c->is_over_share ? p->technology : p->series;
}

/* A point that is drawn, with its numbers. */
struct mark {
	const struct point *p;
	double x, value, low, high;
	size_t trials;
};

static struct mark mark_of(const struct chart *c, const struct point *p)
{
	const struct ofbc_bench_derived *d = point_figure(p, c->key), *rate = point_figure(p, "rate");

	return (struct mark){.p = p,
	                     .x = x_of(c, p),
	                     .value = point_value(p, c->key),
	                     .low = d ? d->low : NAN,
	                     .high = d ? d->high : NAN,
	                     .trials = d ? d->trials : rate->trials};
}

static int by_x(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	return (x->x > y->x) - (x->x < y->x);
}

/* Those of a series, ordered; their number. */
static size_t marks_of(const struct chart *c, const struct study *s, const char *series, struct mark *v)
{
	size_t n = 0;

	for (size_t i = 0; i < s->points.n; i++) {
		if (is_drawn(c, &s->points.v[i]) && strcmp(series_of(c, &s->points.v[i]), series) == 0)
			v[n++] = mark_of(c, &s->points.v[i]);
	}
	qsort(v, n, sizeof(*v), by_x);
	return n;
}

/* --- drawing --- */

/* What all marks of a chart need. */
struct extent {
	double low, high, right;
	size_t n;      /* marks that are more than the base case */
	double factor; /* to the unit of the axis */
	size_t n_series;
	const char **series; /* borrowed names, of all points */
};

static void extent_done(struct extent *e)
{
	free(e->series);
}

/* Its number. Also those that have nothing here are counted: a series looks the same in all figures of a
 * study. */
static size_t add_series(const struct chart *c, const struct point *p, struct extent *e)
{
	size_t k = 0;

	if (p->is_solo && !c->is_over_share)
		return SIZE_MAX;
	while (k < e->n_series && strcmp(e->series[k], series_of(c, p)) != 0)
		k++;
	e->series[k] = series_of(c, p);
	e->n_series += k == e->n_series;
	return k;
}

static int extent_of(const struct chart *c, const struct study *s, struct extent *ret)
{
	ret->series = calloc(s->points.n + 1, sizeof(*ret->series));
	if (!ret->series)
		return -ENOMEM;
	for (size_t i = 0; i < s->points.n; i++) {
		const struct point *p = &s->points.v[i];
		struct mark m;

		if (add_series(c, p, ret) >= FIGURE_SERIES_MAX || !is_drawn(c, p))
			continue;
		m = mark_of(c, p);
		ret->high = fmax(ret->high, fmax(m.value, m.high)); /* an unknown one does not count */
		ret->low = fmin(ret->low, fmin(m.value, m.low));
		ret->right = fmax(ret->right, m.x);
		ret->n += !p->is_base || strcmp(c->key, "stp") != 0;
	}
	return 0;
}

static void add_x_axis(struct figure *f, const struct chart *c, const struct extent *e)
{
	if (c->is_over_share) {
		figure_text(f, "set xlabel", "share of the compute of the GPU");
		figure_set(f, "set xrange [0:1.05]");
		figure_set(f, "set arrow 1 from 0,0 to 1,1 nohead lc rgb '#888888' dt (3,3)");
		return;
	}
	figure_text(f, "set xlabel", "instances at once");
	figure_set(f, "set xrange [0.5:%g]", e->right + 0.5);
	figure_set(f, e->right <= 16 ? "set xtics 1" : "set xtics auto");
}

static const char *unit_of(const struct chart *c, const struct study *s)
{
	for (size_t i = 0; i < s->points.n; i++) {
		const struct ofbc_bench_derived *d = point_figure(&s->points.v[i], c->key);

		if (d && d->unit[0])
			return d->unit;
	}
	return "";
}

static void add_axes(struct figure *f, const struct chart *c, struct extent *e)
{
	struct quantity_scale scale;
	char label[160];

	quantity_scale(e->high, unit_of(c, f->study), &scale);
	e->factor = scale.factor;
	snprintf(label, sizeof(label), "%s%s%s%s", c->axis, scale.unit[0] ? " (" : "", scale.unit,
	         scale.unit[0] ? ")" : "");
	figure_text(f, "set ylabel", label);
	add_x_axis(f, c, e);
	if (c->ceiling > 0)
		figure_set(f, "set yrange [0:%g]", c->ceiling);
	else /* from zero, or below it where something is */
		figure_set(f, "set yrange [%.6g:%.6g]", 1.08 * fmin(e->low, 0) * e->factor,
		           (e->high > 0 ? 1.08 * e->high : 0.05) * e->factor);
	if (e->low < 0)
		figure_set(f,
		           "set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lc rgb '#888888'");
	if (c->has_line_at_1)
		figure_set(
			f,
			"set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead lc rgb '#888888' dt (3,3)");
}

/* Lines only between different numbers. */
static bool is_line(const struct mark *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (v[i].x <= v[i - 1].x)
			return false;
	}
	return n > 1;
}

static void draw_series(struct figure *f, const char *name, const struct mark *v, size_t n, double factor,
                        double shift)
{
	char with[160];

	figure_series(f, name, "x\tmedian\tlow\thigh\ttrials");
	for (size_t i = 0; i < n; i++) {
		const double row[] = {v[i].x, v[i].value * factor, v[i].low * factor, v[i].high * factor,
		                      (double)v[i].trials};

		figure_row(f, row, ARRAY_SIZE(row));
		figure_counts(f, v[i].p, v[i].trials);
	}
	if (is_line(v, n)) {
		snprintf(with, sizeof(with), "using ($1%+.3f):2 with lines", shift);
		figure_plot(f, with, NULL);
	}
	/* a point without an interval has no bar, and is not drawn by the second */
	snprintf(with, sizeof(with), "using ($1%+.3f):2 with points", shift);
	figure_plot(f, with, NULL);
	snprintf(with, sizeof(with), "using ($1%+.3f):2:3:4 with yerrorbars", shift);
	figure_plot(f, with, NULL);
	figure_plot(f, is_line(v, n) ? "linespoints" : "points", name);
}

static int draw_chart(struct report *r, const struct study *s, const struct chart *c, size_t number,
                      struct extent *e)
{
	_cleanup_figure_ struct figure f;
	_cleanup_free_ struct mark *v = calloc(s->points.n + 1, sizeof(*v));
	_cleanup_strbuf_ struct strbuf said = STRBUF_INIT(1 << 16);
	size_t shown = e->n_series < FIGURE_SERIES_MAX ? e->n_series : FIGURE_SERIES_MAX;
	/* side by side, but nearer to their own number than to the next */
	double step = c->is_over_share ? 0 : fmin(0.012 * e->right, 0.7 / (double)(shown + !shown));

	figure_init(&f, r, s, c->kind, number, c->title);
	if (!v)
		return -ENOMEM;
	f.shows = FIGURE_MEDIANS;
	add_axes(&f, c, e);
	for (size_t i = 0; i < shown; i++) {
		size_t n = marks_of(c, s, e->series[i], v);

		f.style = i + 1;
		if (n)
			draw_series(&f, e->series[i], v, n, e->factor,
			            step * ((double)i - (double)(shown - 1) / 2));
	}
	strbuf_addf(
		&said,
		"%s Work is told by the metric '%s'%s. Points are medians, bars 95 %% intervals (bootstrap)%s.",
		c->caption, s->work.summary->metric, s->work.is_time ? ", as runs of the program" : "",
		step > 0 && shown > 1 ? "; series stand side by side" : "");
	if (shown < e->n_series)
		strbuf_addf(&said, " %zu more series are in the tables only.", e->n_series - shown);
	return said.err ? said.err : figure_finish(&f, strbuf_str(&said));
}

/* Why all cells have no work; NULL: one has. */
static const char *workless(const struct study *s)
{
	const char *found = "no cell was measured";

	if (!s->work.summary)
		return "no metric tells the work: none is a rate (a unit with /s, and better: higher) or a time (better: lower)";
	for (size_t i = 0; i < s->points.n; i++) {
		const struct ofbc_bench_derived *d = point_figure(&s->points.v[i], "rate");

		if (isfinite(d->value))
			return NULL;
		found = d->reason[0] ? d->reason : found;
	}
	return found;
}

/* Why a study has nothing to draw. */
static const char *reason(const struct chart *c, const struct study *s)
{
	const char *found = workless(s);

	if (found)
		return found;
	found = c->absent;
	for (size_t i = 0; i < s->points.n; i++) {
		const struct ofbc_bench_derived *d = point_figure(&s->points.v[i], c->key);

		if (d && d->reason[0] && (!c->is_over_share || isfinite(x_of(c, &s->points.v[i]))))
			found = d->reason;
	}
	return found ? found : "no cell has it";
}

static int chart_study(struct report *r, const struct study *s, const struct chart *c, size_t number)
{
	_cleanup_(extent_done) struct extent e = {0};
	int q = extent_of(c, s, &e);

	if (q < 0)
		return q;
	if (e.n)
		return draw_chart(r, s, c, number, &e);
	return report_add_absent(r, c->title, s, "%s", reason(c, s));
}

static int add_texts(struct report *r)
{
	const struct {
		const char *name, *text;
	} texts[] = {{"figures/style.gp", report_style_gp},
	             {"figures/save.gp", report_save_gp},
	             {"figures/map.gp", report_map_gp}};
	int q = 0;

	for (size_t i = 0; q == 0 && r->figures.n && i < ARRAY_SIZE(texts); i++) {
		_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1 << 20);

		strbuf_add(&b, texts[i].text);
		q = report_add_file(r, texts[i].name, &b);
	}
	return q;
}

/* What an author puts into his paper. */
static int add_latex_figures(struct report *r)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1 << 24);

	strbuf_add(&b, "% Needs \\usepackage{graphicx}; take what you need.\n");
	for (size_t i = 0; i < r->figures.n; i++) {
		const struct report_figure *f = &r->figures.v[i];

		strbuf_addf(
			&b,
			"\\begin{figure}\n  \\centering\n  \\includegraphics[width=\\linewidth]{figures/%s.pdf}\n  \\caption{",
			f->name);
		add_latex(&b, f->title);
		strbuf_add(&b, ". ");
		add_latex(&b, f->caption);
		strbuf_addf(&b, "}\n  \\label{fig:%s}\n\\end{figure}\n", f->name);
	}
	return r->figures.n ? report_add_file(r, "figures/figures.tex", &b) : 0;
}

static int draw_study(struct report *r, const struct study *s, size_t number)
{
	int q = 0;

	for (size_t i = 0; q == 0 && i < ARRAY_SIZE(charts); i++)
		q = chart_study(r, s, &charts[i], number);
	if (q == 0)
		q = figure_distribution(r, s, number);
	if (q == 0)
		q = figure_latency(r, s, number);
	return q < 0 ? q : figure_trend(r, s, number);
}

int report_figures(struct report *r)
{
	int q = 0;

	for (size_t i = 0; q == 0 && i < r->studies.n && i < STUDIES_MAX; i++)
		q = draw_study(r, &r->studies.v[i], i + 1);
	if (q == 0 && r->studies.n > STUDIES_MAX)
		q = report_add_absent(r, "More benchmarks", NULL,
		                      "%zu of %zu are in the tables only: a report draws %d; name fewer runs",
		                      r->studies.n - STUDIES_MAX, r->studies.n, STUDIES_MAX);
	if (q == 0)
		q = figure_isolation(r);
	if (q == 0)
		q = figure_roofline(r);
	if (q == 0)
		q = add_texts(r);
	return q < 0 ? q : add_latex_figures(r);
}
