/* SPDX-License-Identifier: MIT */
/* Between the files of a report. */
#pragma once

#include "base/strbuf.h"
#include "report/report.h"
#include "report/table.h"

/* Takes the text, also when it fails: 0; -errno. */
int report_add_file(struct report *r, const char *name, struct strbuf *text);
/* The same of several benchmarks (NULL: of none) is one entry. */
int report_add_absent(struct report *r, const char *kind, const struct study *s, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* tables.c: r->results, r->sharing, r->isolation, r->roofline and their files */
int report_tables(struct report *r);
/* figures.c: all figures with their files, and those that are absent */
int report_figures(struct report *r);
/* figures_spread.c */
int figure_distribution(struct report *r, const struct study *s, size_t number);
int figure_trend(struct report *r, const struct study *s, size_t number);
/* figure_latency.c */
int figure_latency(struct report *r, const struct study *s, size_t number);
/* figure_isolation.c: all maps */
int figure_isolation(struct report *r);
/* figure_roofline.c: of all machines */
int figure_roofline(struct report *r);
/* environment.c: what the environment of a run says, as rows of a table, and the few facts that come first */
int environment_facts(const struct bench_run *run, struct strv *ret);
int environment_rows(const char *text, struct strv *ret);

/* Texts that are compiled in: page.css, sort.js, style.gp, save.gp, map.gp. */
extern const char report_page_css[], report_sort_js[], report_style_gp[], report_save_gp[], report_map_gp[];

/* "2026-11-21", "2026-11-21 10:51 UTC" */
void report_day(int64_t unix_s, char *buf, size_t size);
void report_minute(int64_t unix_s, char *buf, size_t size);
