/* SPDX-License-Identifier: MIT */
/* Between the files of `openforbc bench`. */
#pragma once

#include "cli/cli.h"

/* bench_agent.c */
extern const struct option bench_agent_options[];
int bench_run_agent(struct cli *c);

/* bench_run.c */
#define BENCH_N_RUN_ONLY 7 /* the first of the options, which a sweep has not */
extern const struct option bench_run_options[];
int bench_run_run(struct cli *c);
int bench_run_sweep(struct cli *c);
int bench_run_resume(struct cli *c);
/* Every one of an option that may be repeated; "a,b" counts as two where `split`. The texts are changed. */
size_t bench_repeated(struct cli *c, const char *name, bool split, const char **v, size_t max);

/* --seed; *ret stays without the option. */
int bench_seed(const struct cli *c, uint64_t *ret, struct ofbc_error *err);
/* Signals that end a run are held, and come in where a trial is waited for: one that came between two waits
 * would be lost. */
void bench_catch_ends(void);

/* bench_vdi.c */
extern const struct option bench_vdi_options[];
int bench_run_vdi(struct cli *c);

/* bench_trend.c */
extern const struct option bench_trend_options[];
int bench_run_trend(struct cli *c);

/* bench_show.c */
extern const struct option bench_show_options[];
int bench_run_show(struct cli *c);

/* bench_results.c */
extern const struct option bench_results_options[];
extern const struct option bench_compare_options[];
int bench_run_results(struct cli *c);
int bench_run_compare(struct cli *c);
int bench_print_results(const struct cli *c, const struct ofbc_bench_filter *filter, const char *schema);
struct render_list bench_result_table(const char *schema, const struct ofbc_bench_result_list *l);
/* What an A/A run found; nothing for another one. */
void bench_print_sides(const struct cli *c, const char *run, FILE *to);
/* A positive number, times scale; *ret stays without the option. */
int bench_number(const struct cli *c, const char *name, double scale, double *ret, struct ofbc_error *err);
