/* SPDX-License-Identifier: MIT */
/* Inside the measuring half of the library. */
#pragma once

#include "bench/definition.h"
#include "bench/trial.h"
#include "lib/inventory.h"
#include "model/result.h"
#include "openforbc/bench.h"
#include "store/results.h"

/* A definition from a file (ours, or benchmark.json), a directory with one, or by name. */
int bench_load(struct ofbc_context *ctx, const char *spec, struct bench_definition **ret, char *path,
               size_t size, struct ofbc_error *err);
/* By name only, from the directories of bench_directories(): for somebody who may run what is installed. */
int bench_load_installed(struct ofbc_context *ctx, const char *name, struct bench_definition **ret,
                         struct ofbc_error *err);
/* What to run: a benchmark, and a preset or NULL. */
struct bench_wish {
	char *spec, *preset;
};

struct bench_wish_list {
	struct bench_wish *v;
	size_t n, cap;
};

void bench_wish_list_done(struct bench_wish_list *l);
/* Adds the benchmark, or those of a suite of OpenForBC-Benchmark. `preset`: for the former; may be NULL. */
int bench_wishes(const char *spec, const char *preset, struct bench_wish_list *ret, struct ofbc_error *err);

/* Where definitions are looked for by name. */
int bench_directories(const struct ofbc_context *ctx, struct strv *ret);
/* Default, or the named one; NULL when there are none. -ENOENT names those that are. */
int bench_preset(const struct bench_definition *d, const char *name, const struct bench_preset **ret,
                 struct ofbc_error *err);

/* Why it cannot run here: 0; -ENOTSUP with the reason. */
int bench_check_needs(struct ofbc_context *ctx, const struct bench_definition *d,
                      const struct pair_list *values, const char *scratch, struct ofbc_error *err);
/* Done once for the same content, unless `again`. */
int bench_setup(struct ofbc_context *ctx, const struct bench_definition *d, const struct pair_list *values,
                bool again, const char *scratch, struct ofbc_error *err);
/* Needs, setup, and the setup of the preset. *ret_verdict: what a failure is. */
int bench_make_ready(struct ofbc_context *ctx, const struct bench_definition *d,
                     const struct bench_preset *preset, const struct pair_list *values, bool again,
                     const char *scratch, enum bench_verdict *ret_verdict, struct ofbc_error *err);
/* All of them, whatever fails. */
void bench_cleanup(struct ofbc_context *ctx, const struct bench_definition *d,
                   const struct bench_preset *preset, const struct pair_list *values, const char *scratch);

/* Name of the emulated host that results are of; "" a real one. */
const char *bench_emulated(const struct ofbc_context *ctx);

/* "higher", "lower", "" */
const char *bench_better(bool has_direction, bool higher);
/* What a caller's filter means to the store. */
int bench_list(struct ofbc_context *ctx, const struct ofbc_bench_filter *filter,
               struct bench_summary_list *ret, struct ofbc_error *err);
/* What was measured; -ENOENT with what to do. */
int bench_open_results(struct ofbc_context *ctx, struct results **ret, struct ofbc_error *err);
/* Whole runs by such names; n 0: all. */
int bench_load_runs(struct ofbc_context *ctx, const char *const *runs, size_t n, struct bench_archive *ret,
                    struct ofbc_error *err);
/* By UUID, unique prefix, label, or "last". */
int bench_find_run(struct results *results, const char *spec, size_t len, struct bench_run *ret,
                   struct ofbc_error *err);
