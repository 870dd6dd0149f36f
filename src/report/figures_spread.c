/* SPDX-License-Identifier: MIT */
/* Figures of single values: how they are distributed, and where they go over time. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/stats.h"
#include "bench/trend.h"
#include "report/figure.h"

/* --- distribution --- */

/* Values of the instances of good trials, or of all together where there are no others; ascending. */
static size_t values_of(const struct study *s, const struct point *p, double *v)
{
	size_t n = 0;

	for (int single = 1; single >= 0 && !n; single--) {
		for (size_t i = 0; i < p->data->trials.n; i++) {
			const struct bench_trial *t = &p->data->trials.v[i];

			for (size_t k = 0; t->verdict == BENCH_OK && k < t->n_values; k++) {
				if ((t->values[k].instance >= 0) == (single == 1) &&
				    isfinite(t->values[k].value) &&
				    strcmp(t->values[k].metric, s->work.summary->metric) == 0)
					v[n++] = t->values[k].value;
			}
		}
	}
	stats_sort(v, n);
	return n;
}

static size_t count_values(const struct study *s)
{
	size_t most = 0;

	for (size_t i = 0; i < s->points.n; i++) {
		size_t n = 0;

		for (size_t k = 0; k < s->points.v[i].data->trials.n; k++)
			n += s->points.v[i].data->trials.v[k].n_values;
		most = n > most ? n : most;
	}
	return most;
}

static void draw_steps(struct figure *f, const struct point *p, const double *v, size_t n, double factor)
{
	char name[200], with[120];

	snprintf(name, sizeof(name), "%ux %s", p->data->cell.instances, p->series);
	figure_series(f, name, "value\tshare of values up to it");
	figure_row(f, (const double[]){v[0] * factor, 0}, 2);
	for (size_t i = 0; i < n; i++)
		figure_row(f, (const double[]){v[i] * factor, (double)(i + 1) / (double)n}, 2);
	figure_counts(f, p, point_figure(p, "rate")->trials);
	figure_plot(f, "using 1:2 with steps", NULL);
	/* points tell the lines apart in grey; a few are enough */
	snprintf(with, sizeof(with), "using 1:2 every %zu::1 with points", 1 + n / 12);
	figure_plot(f, with, NULL);
	figure_plot(f, "linespoints", name);
}

static double largest_value(const struct study *s, double *v)
{
	double largest = 0;

	for (size_t i = 0; i < s->points.n; i++) {
		size_t n = values_of(s, &s->points.v[i], v);

		largest = n ? fmax(largest, v[n - 1]) : largest;
	}
	return largest;
}

int figure_distribution(struct report *r, const struct study *s, size_t number)
{
	_cleanup_free_ double *v = calloc(count_values(s) + 1, sizeof(*v));
	_cleanup_free_ size_t *values = calloc(s->points.n + 1, sizeof(*values));
	_cleanup_figure_ struct figure f;
	struct quantity_scale scale;
	char label[160], said[400];
	size_t left_out = 0;

	figure_init(&f, r, s, "distribution", number, "Distribution");
	if (!v || !values)
		return -ENOMEM;
	if (s->work.summary)
		quantity_scale(largest_value(s, v), s->work.summary->unit, &scale);
	for (size_t i = 0; s->work.summary && i < s->points.n; i++) {
		values[i] = s->points.v[i].is_older ? 0 : values_of(s, &s->points.v[i], v);
		values[i] = values[i] >= 2 ? values[i] : 0;
	}
	for (size_t i = 0; i < s->points.n; i++) {
		if (values[i] && study_rank(s, values, i) >= FIGURE_SERIES_MAX)
			left_out++;
		else if (values[i])
			draw_steps(&f, &s->points.v[i], v, values_of(s, &s->points.v[i], v), scale.factor);
	}
	if (!f.n_series)
		return report_add_absent(r, "Distribution", s, "no metric has two values of good trials");
	snprintf(label, sizeof(label), "%s%s%s%s", s->work.summary->metric, scale.unit[0] ? " (" : "",
	         scale.unit, scale.unit[0] ? ")" : "");
	figure_text(&f, "set xlabel", label);
	figure_text(&f, "set ylabel", "share of values");
	figure_set(&f, "set yrange [0:1]\nset offsets graph 0.03, graph 0.03, 0, 0");
	snprintf(said, sizeof(said),
	         "Empirical distribution of '%s': each step is one instance of one trial%s.%s",
	         s->work.summary->metric, s->n_platforms > 1 ? " of one place" : "",
	         left_out ? " Most cells with fewer instances are in the table only." : "");
	return figure_finish(&f, said);
}

/* --- trend --- */

static bool is_same_cell(const struct point *a, const struct point *b)
{
	return a->data->cell.instances == b->data->cell.instances &&
	       strcmp(a->data->cell.layout, b->data->cell.layout) == 0 &&
	       strcmp(a->run->platform, b->run->platform) == 0 && strcmp(a->run->host, b->run->host) == 0;
}

static int by_date(const void *a, const void *b)
{
	const struct point *x = *(const struct point *const *)a, *y = *(const struct point *const *)b;

	return (x->run->started_unix_s > y->run->started_unix_s) -
	       (x->run->started_unix_s < y->run->started_unix_s);
}

/* All runs of the cell of point `first`, by date; none when an earlier point has them. */
static size_t runs_of(const struct study *s, size_t first, const struct point **v)
{
	size_t n = 0;

	for (size_t i = 0; i < s->points.n; i++) {
		const struct point *p = &s->points.v[i];

		if (!is_same_cell(p, &s->points.v[first]) || !isfinite(point_value(p, "rate")))
			continue;
		if (i < first)
			return 0;
		v[n++] = p;
	}
	qsort(v, n, sizeof(*v), by_date);
	return n;
}

/* Where the level changes: a line from top to bottom, and its day. 1: it does, and a slope says less. */
static int add_steps(struct figure *f, const struct point *const *v, const double *y, size_t n)
{
	_cleanup_free_ size_t *at = NULL;
	size_t found = 0;
	int q = n < TREND_STEPS_MIN ? 0 : trend_steps(y, n, &at, &found);

	for (size_t i = 0; q == 0 && i < found; i++) {
		long long s = (long long)v[at[i]]->run->started_unix_s;
		char day[16];

		report_day(s, day, sizeof(day));
		figure_set(f,
		           "set arrow from %lld, graph 0 to %lld, graph 1 nohead lc rgb '#888888' dt (6,4)",
		           s, s);
		strbuf_addf(&f->caption, "A step of %s with the run of %s. ", v[0]->series, day);
	}
	return q < 0 ? q : found > 0;
}

/* Steps, or else the slope by day with its interval, and whether there is one at all. */
static int add_course(struct figure *f, const struct point *const *v, size_t n, const char *unit,
                      double factor)
{
	_cleanup_free_ double *x = calloc(2 * n, sizeof(*x));
	double *y = x ? x + n : NULL;
	struct mann_kendall mk;
	struct theil_sen ts;
	int q;

	if (!x)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		x[i] = (double)(v[i]->run->started_unix_s - v[0]->run->started_unix_s) / 86400;
		y[i] = point_value(v[i], "rate") * factor;
	}
	q = add_steps(f, v, y, n);
	if (q != 0)
		return q < 0 ? q : 0;
	q = trend_theil_sen(x, y, n, 0.95, &ts);
	if (q == 0)
		q = trend_mann_kendall(y, n, &mk);
	if (q < 0)
		return q == -EINVAL ? 0 : q;
	figure_set(f, "slope_%zu(t) = %.10g + %.10g * (t - %lld) / 86400.0", f->n_series, ts.intercept,
	           ts.slope, (long long)v[0]->run->started_unix_s);
	strbuf_addf(&f->plot, ", \\\n     [%lld:%lld] slope_%zu(x) with lines lt %zu lw 0.8 notitle",
	            (long long)v[0]->run->started_unix_s, (long long)v[n - 1]->run->started_unix_s,
	            f->n_series, f->n_series);
	strbuf_addf(&f->caption, "%ux %s: %.3g %s a day (%.3g to %.3g), p = %.2g. ",
	            v[0]->data->cell.instances, v[0]->series, ts.slope, unit, ts.interval.low,
	            ts.interval.high, mk.p);
	return 0;
}

static int draw_runs(struct figure *f, const struct point *const *v, size_t n,
                     const struct quantity_scale *scale)
{
	char name[200];

	snprintf(name, sizeof(name), "%ux %s", v[0]->data->cell.instances, v[0]->series);
	figure_series(f, name, "seconds since 1970\tmedian\tlow\thigh\ttrials");
	for (size_t i = 0; i < n; i++) {
		const struct ofbc_bench_derived *e = point_figure(v[i], "rate");

		figure_row(f,
		           (const double[]){(double)v[i]->run->started_unix_s, e->value * scale->factor,
		                            e->low * scale->factor, e->high * scale->factor,
		                            (double)e->trials},
		           5);
		figure_counts(f, v[i], e->trials);
	}
	figure_plot(f, "using 1:2 with points", NULL);
	figure_plot(f, "using 1:2:3:4 with yerrorbars", NULL);
	figure_plot(f, "linespoints", name);
	return add_course(f, v, n, scale->unit, scale->factor);
}

int figure_trend(struct report *r, const struct study *s, size_t number)
{
	_cleanup_free_ const struct point **v = calloc(s->points.n + 1, sizeof(*v));
	_cleanup_figure_ struct figure f;
	struct quantity_scale scale;
	double largest = 0;
	char label[120];
	int q = 0;

	figure_init(&f, r, s, "trend", number, "Trend");
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->points.n; i++)
		largest = fmax(largest, point_value(&s->points.v[i], "rate")); /* unknown ones do not count */
	f.shows = FIGURE_MEDIANS;
	quantity_scale(largest, s->work.unit, &scale);
	for (size_t i = 0; q == 0 && i < s->points.n && f.n_series < FIGURE_SERIES_MAX; i++) {
		size_t n = runs_of(s, i, v);

		if (n >= 3)
			q = draw_runs(&f, v, n, &scale);
	}
	if (q < 0 || !f.n_series)
		return q < 0 ? q
		             : report_add_absent(r, "Trend", s, "a trend needs the same cell in three runs");
	snprintf(label, sizeof(label), "Throughput (%s)", scale.unit);
	figure_text(&f, "set ylabel", label);
	figure_text(&f, "set xlabel", "start of the run (UTC)");
	figure_set(&f,
	           "set xdata time\nset timefmt '%%s'\nset format x \"%%m-%%d\\n%%Y\"\nunset mxtics\n"
	           "set bmargin at screen 0.26\nset yrange [0:%.6g]",
	           1.1 * largest * scale.factor);
	return figure_finish(
		&f,
		"Points are medians of runs, bars 95 % intervals (bootstrap). Lines are Theil and Sen's slopes, with "
		"Mann and Kendall's p; where the level has a step, the step is marked instead.");
}
