/* SPDX-License-Identifier: MIT */
/* How long single iterations took, of all good trials of a cell together: the tail is what users feel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/histogram.h"
#include "model/quantity.h"
#include "report/figure.h"

#define POINTS_A_SERIES 12 /* tell the lines apart in grey */

/* How many trials have a histogram; theirs together are in *sum. */
static size_t join(const struct point *p, struct histogram *one, struct histogram *sum)
{
	size_t n = 0;

	*sum = (struct histogram){0};
	for (size_t i = 0; i < p->data->trials.n; i++) {
		const struct bench_trial *t = &p->data->trials.v[i];

		if (t->verdict != BENCH_OK || !t->latencies || histogram_parse(t->latencies, one) < 0)
			continue;
		histogram_merge(sum, one);
		n++;
	}
	return n;
}

/* The share that took at least so long, for every bucket that has some. */
static void draw(struct figure *f, const struct point *p, const struct histogram *h, size_t trials,
                 double factor)
{
	uint64_t before = 0;
	size_t rows = 0;
	char name[200], with[120];

	snprintf(name, sizeof(name), "%ux %s", p->data->cell.instances, p->series);
	figure_series(f, name, "time of an iteration\tshare that took at least so long");
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!h->counts[i])
			continue;
		figure_row(f,
		           (const double[]){histogram_value(i) * 1e-9 * factor,
		                            (double)(h->n - before) / (double)h->n},
		           2);
		before += h->counts[i];
		rows++;
	}
	figure_counts(f, p, trials);
	figure_plot(f, "using 1:2 with lines", NULL);
	snprintf(with, sizeof(with), "using 1:2 every %zu with points", 1 + rows / POINTS_A_SERIES);
	figure_plot(f, with, NULL);
	figure_plot(f, "linespoints", name);
}

/* The longest of all, and the fewest and most iterations of a cell that is drawn. */
struct extent {
	uint64_t longest_ns, fewest, most;
};

static void look_at(const struct study *s, struct histogram *one, struct histogram *sum, struct extent *ret)
{
	*ret = (struct extent){.fewest = UINT64_MAX};
	for (size_t i = 0; i < s->points.n; i++) {
		if (s->points.v[i].is_older || !join(&s->points.v[i], one, sum))
			continue;
		ret->longest_ns = sum->max_ns > ret->longest_ns ? sum->max_ns : ret->longest_ns;
		ret->fewest = sum->n < ret->fewest ? sum->n : ret->fewest;
		ret->most = sum->n > ret->most ? sum->n : ret->most;
	}
}

static int finish(struct figure *f, const struct extent *e, const struct quantity_scale *scale,
                  size_t left_out)
{
	char label[80], said[400];

	snprintf(label, sizeof(label), "time of an iteration (%s)", scale->unit);
	figure_text(f, "set xlabel", label);
	figure_text(f, "set ylabel", "share that took at least so long");
	figure_set(f, "set logscale xy\nset yrange [%g:1]\nset format y '%%g'", 1.0 / (double)e->most);
	snprintf(
		said, sizeof(said),
		"Times of single iterations, of all instances and good trials of a cell together: %llu to %llu of them. "
		"From histograms, whose values are off by %.1f %% at most.%s",
		(unsigned long long)e->fewest, (unsigned long long)e->most, 100 * HISTOGRAM_ERROR,
		left_out ? " Most cells with fewer instances are in the table only." : "");
	return figure_finish(f, said);
}

int figure_latency(struct report *r, const struct study *s, size_t number)
{
	_cleanup_free_ size_t *trials = calloc(s->points.n + 1, sizeof(*trials));
	_cleanup_free_ struct histogram *h = calloc(2, sizeof(*h));
	_cleanup_figure_ struct figure f;
	struct quantity_scale scale;
	struct extent e;
	size_t left_out = 0;

	figure_init(&f, r, s, "latency", number, "Latency");
	if (!h || !trials)
		return -ENOMEM;
	look_at(s, &h[0], &h[1], &e);
	quantity_scale((double)e.longest_ns * 1e-9, "s", &scale);
	for (size_t i = 0; i < s->points.n; i++)
		trials[i] = s->points.v[i].is_older ? 0 : join(&s->points.v[i], &h[0], &h[1]);
	for (size_t i = 0; i < s->points.n; i++) {
		if (trials[i] && study_rank(s, trials, i) >= FIGURE_SERIES_MAX)
			left_out++;
		else if (trials[i] && join(&s->points.v[i], &h[0], &h[1]))
			draw(&f, &s->points.v[i], &h[1], trials[i], scale.factor);
	}
	return f.n_series
	               ? finish(&f, &e, &scale, left_out)
	               : report_add_absent(
				 r, "Latency", s,
				 "no program told its iterations, or it was measured before they were kept");
}
