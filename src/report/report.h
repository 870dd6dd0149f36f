/* SPDX-License-Identifier: MIT */
/*
 * Results as a document: tables, figures with their data and scripts, a page. Pure: it makes texts, the
 * caller writes them, has gnuplot draw the figures and gives the drawings back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/exchange.h"
#include "report/isolation.h"
#include "report/roofline.h"
#include "report/study.h"

#define REPORT_SCHEMA "openforbc.report/1"

struct report_request {
	const struct bench_archive *runs; /* as they may be shown; borrowed as long as the report */
	const char *title;                /* NULL: made from the benchmarks */
	const char *program;              /* that makes it */
	const char *raw;                  /* the runs as an export; borrowed */
	int64_t unix_s;                   /* now */
};

/* Its files are figures/NAME.gp, .dat, and, when drawn, .svg, .pdf and .png. */
struct report_figure {
	char name[64];
	char *title, *caption;
	char *svg; /* set by the caller; NULL: not drawn */
};

/* A figure that is not there, and why. */
struct report_absent {
	char figure[160];
	char kind[64]; /* its name without the benchmark */
	char *reason;
	size_t n; /* benchmarks for which that is so */
};

/* A table that goes into the page and into LaTeX. */
struct table;

struct report {
	struct report_request rq;
	char *title;
	struct study_list studies;
	struct isolation_list maps;
	struct roofline_list rooflines;
	struct report_figure_list {
		struct report_figure *v;
		size_t n, cap;
	} figures;
	struct report_absent_list {
		struct report_absent *v;
		size_t n, cap;
	} absent;
	struct table *results, *sharing, *isolation, *roofline; /* without rows: no cell is about it */
	struct named_text_list files;                           /* named below the report's directory */
};

/* Everything but the page. */
int report_new(const struct report_request *rq, struct report **ret, struct ofbc_error *err);
/* The page. `undrawn`: why figures have no drawing; NULL when they have. */
int report_page(const struct report *r, const char *undrawn, char **ret, struct ofbc_error *err);
void report_free(struct report *r);

static inline void report_free_p(struct report **r)
{
	report_free(*r);
}
#define _cleanup_report_ __attribute__((cleanup(report_free_p)))

/* A drawing fit for a page that has others: without a prolog, and with names of its own. `prefix`: a letter
 * first. */
int svg_embed(const char *svg, const char *prefix, char **ret);
