/* SPDX-License-Identifier: MIT */
/* Programs below the ceilings of their machine, with both axes logarithmic. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/figure.h"

#define POINTS_MAX 16 /* with a name each */
#define NAME_SHORT 30
#define PLOT_RATIO (0.65 * 9.4 / (0.85 * 15)) /* height by width, by style.gp and the margins here */

static const char caption[] =
	"Floating-point operations by time over operations by byte that has to cross the memory, of each program alone on the "
	"whole machine, or of its best cell, which is named. Both ceilings were measured: they are the largest rates among "
	"these results on this host, of any precision, by the cells that are named there, and no data sheet's. Intensity is counted by the "
	"program, every byte once: what caches keep, or lose, it does not know, so that a point may lie above the slope. "
	"Points are medians, bars 95 % intervals (bootstrap).";

/* Of the axes: whole factors around all points and the ridge. */
struct extent {
	double left, right, bottom, top;
	double factor; /* FLOP/s to the unit of the axis */
};

static double ridge(const struct roofline *m)
{
	return m->compute.value / m->memory.value;
}

static void extent_of(const struct roofline *m, struct extent *e)
{
	*e = (struct extent){INFINITY, 0, INFINITY, m->compute.value, 1};
	for (size_t i = 0; i < m->n; i++) {
		e->left = fmin(e->left, m->v[i].intensity);
		e->right = fmax(e->right, m->v[i].intensity);
		e->bottom = fmin(e->bottom, m->v[i].value);
	}
	if (m->memory.value > 0) {
		e->left = fmin(e->left, ridge(m) / 4);
		e->right = fmax(e->right, ridge(m) * 4);
		e->bottom = fmin(e->bottom, m->memory.value * e->left);
	}
	e->left /= 3;
	e->right *= 3;
	e->bottom /= 4;
	e->top *= 2.5;
}

static void add_axes(struct figure *f, const struct roofline *m, struct extent *e)
{
	struct quantity_scale scale;
	char label[80];

	quantity_scale(m->compute.value, "FLOP/s", &scale);
	e->factor = scale.factor;
	snprintf(label, sizeof(label), "operations by time (%s)", scale.unit);
	figure_text(f, "set ylabel", label);
	figure_text(f, "set xlabel", "operations by byte of memory (FLOP/B)");
	figure_set(f, "set logscale xy\nset xrange [%.6g:%.6g]\nset yrange [%.6g:%.6g]", e->left, e->right,
	           e->bottom * e->factor, e->top * e->factor);
	figure_set(f, "set lmargin at screen 0.11\nset rmargin at screen 0.96\nunset key\nset samples 500");
}

/* "4.36 TB/s measured by stream operation=copy" */
static void add_ceiling_name(struct figure *f, unsigned number, const struct roofline_ceiling *c,
                             const char *unit)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(1024);
	struct quantity_text q;

	quantity_text(c->value, NAN, NAN, unit, &q);
	strbuf_addf(&text, "%s %s measured by ", q.value, q.unit);
	add_short(&text, c->name, NAME_SHORT);
	strbuf_addf(&f->script, "set label %u ", number);
	add_gnuplot(&f->script, strbuf_str(&text));
}

static void add_ceilings(struct figure *f, const struct roofline *m, const struct extent *e)
{
	figure_set(f, "compute = %.10g # %s", m->compute.value * e->factor, "the flat ceiling");
	add_ceiling_name(f, 910, &m->compute, "FLOP/s");
	figure_set(f, " at %.6g,compute right offset -0.5,0.6 font key_font noenhanced", e->right);
	if (m->memory.value > 0) {
		/* along the slope, in the middle of what is seen of it */
		double end = fmin(ridge(m), e->right), begin = fmax(e->left, e->bottom / m->memory.value),
		       at = sqrt(begin * end),
		       angle = atan(PLOT_RATIO * log(e->right / e->left) / log(e->top / e->bottom)) * 180 /
		               M_PI;

		figure_set(f, "memory = %.10g # the slope", m->memory.value * e->factor);
		add_ceiling_name(f, 911, &m->memory, "B/s");
		figure_set(
			f,
			" at %.6g,%.6g*memory center rotate by %.1f offset -0.6,0.6 font key_font noenhanced",
			at, at, angle);
		figure_set(f, "roof(x) = memory * x < compute ? memory * x : compute");
	} else {
		figure_set(f, "roof(x) = compute");
	}
	strbuf_add(&f->plot, "plot roof(x) with lines lc rgb '#000000' lw 1.4 dt 1 notitle");
}

/* Where its name has more room: between it and the next point as high as it, or the edge. */
static bool has_room_right(const struct roofline *m, const struct roofline_point *v, const struct extent *e)
{
	double left = log(v->intensity / e->left), right = log(e->right / v->intensity);

	for (size_t i = 0; i < m->n; i++) {
		const struct roofline_point *o = &m->v[i];
		double x = log(o->intensity / v->intensity), y = fabs(log(o->value / v->value));

		if (o == v || !o->is_drawn || y > 0.08 * log(e->top / e->bottom))
			continue;
		if (x > 0)
			right = fmin(right, x);
		else
			left = fmin(left, -x);
	}
	return right >= left;
}

static void add_point(struct figure *f, const struct roofline *m, const struct roofline_point *v,
                      const struct extent *e)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(1024);
	bool is_right = has_room_right(m, v, e);

	figure_series(f, v->name, "operations by byte\tmedian\tlow\thigh\ttrials");
	figure_row(f,
	           (const double[]){v->intensity, v->value * e->factor, v->low * e->factor,
	                            v->high * e->factor, (double)v->trials},
	           5);
	figure_counts(f, v->p, v->trials);
	f->style = (f->n_series - 1) % FIGURE_SERIES_MAX + 1;
	figure_plot(f, "using 1:2 with points", NULL);
	figure_plot(f, "using 1:2:3:4 with yerrorbars", NULL);
	add_short(&text, v->name, NAME_SHORT);
	strbuf_addf(&f->script, "set label %zu ", f->n_series);
	add_gnuplot(&f->script, strbuf_str(&text));
	figure_set(f, " at %.6g,%.6g %s offset %s font key_font noenhanced", v->intensity,
	           v->value * e->factor, is_right ? "left" : "right", is_right ? "0.9,-0.3" : "-0.9,0.4");
}

static int draw(struct report *r, const struct roofline *m, size_t number)
{
	_cleanup_figure_ struct figure f;
	_cleanup_strbuf_ struct strbuf said = STRBUF_INIT(1 << 16);
	struct extent e;
	size_t left_out = 0;

	figure_init(&f, r, &m->about, "roofline", number, "Roofline");
	f.shows = FIGURE_MEDIANS;
	extent_of(m, &e);
	add_axes(&f, m, &e);
	add_ceilings(&f, m, &e);
	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].is_drawn && f.n_series == POINTS_MAX)
			left_out++;
		else if (m->v[i].is_drawn)
			add_point(&f, m, &m->v[i], &e);
	}
	strbuf_add(&said, caption);
	if (!(m->memory.value > 0))
		strbuf_add(
			&said,
			" The slope of the memory is missing: no cell of this host has a rate in B/s and tells "
			"its intensity, as stream does.");
	if (left_out)
		strbuf_addf(&said, " %zu more programs are in the table only.", left_out);
	return said.err ? said.err : figure_finish(&f, strbuf_str(&said));
}

int figure_roofline(struct report *r)
{
	int q = 0;

	for (size_t i = 0; q == 0 && i < r->rooflines.n; i++)
		q = draw(r, &r->rooflines.v[i], i + 1);
	if (q == 0 && !r->rooflines.n)
		q = report_add_absent(
			r, "Roofline", NULL,
			"no cell tells the intensity of its work: a metric '%s' in %s beside a rate in FLOP/s or "
			"B/s, or one with a metric '%s' in FLOP by unit of work",
			ROOFLINE_INTENSITY, ROOFLINE_INTENSITY_UNIT, ROOFLINE_OPERATIONS);
	return q;
}
