/* SPDX-License-Identifier: MIT */
/* One figure while it is made: a file of data in blocks, one a series, and a script that draws them. */
#pragma once

#include "report/parts.h"

#define FIGURE_SERIES_MAX 8 /* that can be told apart */
#define FIGURE_MEDIANS    "medians with 95 % intervals; "

struct figure {
	struct report *r;
	const struct study *study;
	char name[64];
	char title[480];
	struct strbuf data, script, plot, caption;
	size_t style; /* number of the line type of the last series; 0: that of the series */
	size_t n_series;
	size_t legend;       /* how much stands in it */
	const char *shows;   /* what points and bars are, for those who see the drawing alone; may be NULL */
	size_t n_min, n_max; /* trials */
	int64_t first_s, last_s;
};

/* kind: "throughput"; number: of the study. */
void figure_init(struct figure *f, struct report *r, const struct study *s, const char *kind, size_t number,
                 const char *title);
void figure_done(struct figure *f);
/* A block of data. */
void figure_series(struct figure *f, const char *name, const char *columns);
/* A row of it; NAN is unknown. */
void figure_numbers(struct figure *f, const double *v, size_t n); /* the begin of one */
void figure_row(struct figure *f, const double *v, size_t n);
/* What the figure says it was made from. */
void figure_counts(struct figure *f, const struct point *p, size_t trials);
/* A command. */
void figure_set(struct figure *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void figure_text(struct figure *f, const char *command, const char *text); /* set xlabel 'text' */
/* An element of the plot in the style of the last series: "using 1:2 with lines"; or, with a title, its entry
 * in the legend, "linespoints". */
void figure_plot(struct figure *f, const char *with, const char *title);
/* Adds it to the report; `said` goes before what all captions say. 0; -errno. */
int figure_finish(struct figure *f, const char *said);

#define _cleanup_figure_ __attribute__((cleanup(figure_done)))
