/* SPDX-License-Identifier: MIT */
/*
 * What sharing a GPU gives, from the trials of cells that are of one benchmark with one set of parameters.
 * Pure. Each figure names the case that it is relative to, and is absent with a reason where that was not
 * measured.
 */
#pragma once

#include "model/result.h"
#include "openforbc/bench.h"

/*
 * Figures of all cells of the runs, in their order; a metric NULL: a rate, or else a time, is chosen as the
 * work. `o` may be NULL. 0; -ENOENT no cell has that metric; -ENOMEM.
 */
int derive_figures(const struct bench_archive *runs, const struct ofbc_bench_derive_options *o,
                   struct ofbc_bench_derived_list *ret);

/* --- parts, for derive.c and tests --- */

/* What is said of one trial, in numbers that need no other cell. Rates are work a second. */
enum scalar {
	SCALAR_RATE,         /* of all instances together */
	SCALAR_MEAN,         /* of one instance on average */
	SCALAR_MEAN_INVERSE, /* mean time for a unit of work */
	SCALAR_HARMONIC,     /* harmonic mean of the instances' rates */
	SCALAR_SLOWEST,      /* time for a unit of work of the slowest */
	SCALAR_FAIRNESS,     /* Jain, of rates by share */
	SCALAR_MIN_MAX,
	SCALAR_BY_COMPUTE, /* rate by share of the GPU */
	SCALAR_BY_MEMORY,
	SCALAR_ENERGY, /* J a unit of work */
	SCALAR_DYNAMIC,
	SCALAR_PER_JOULE,
	SCALAR_ENERGY_DELAY,
	SCALAR_COST, /* money a unit of work */
	SCALAR_LAYOUT_CHANGE,
	SCALAR_TAIL, /* p99 of a time, mean of the instances */
	N_SCALARS
};

/* A metric that says how much work was done in what time. */
struct work_metric {
	const struct bench_summary *summary;
	bool is_time;     /* seconds (by `scale`) a unit of work; else units in 1 / `scale` seconds */
	double scale;     /* of its unit of time, in seconds; NAN: it has none */
	char unit[32];    /* of the rate */
	char of_work[32]; /* "FLOP"; "run" of a time */
};

/* Of a unit of time: "ms" is 0.001; NAN: it is none. */
double work_seconds_of(const char *unit);
/* The named one, or the best of a cell: 0; -ENOENT. */
int work_metric_choose(const struct bench_cell_data *d, const char *name, struct work_metric *ret);

/* The time that is the p99 of something by its name, "p99" or "latency-p99", to be read as it is: 0; -ENOENT.
 */
int work_tail_choose(const struct bench_cell_data *d, struct work_metric *ret);

/* A good trial; unknown scalars are NAN. */
struct work_point {
	double v[N_SCALARS];
};

struct work_point_list {
	struct work_point *v;
	size_t n, cap;
};

int work_points(const struct bench_cell_data *d, const struct work_metric *m,
                const struct ofbc_bench_derive_options *o, struct work_point_list *ret);
/* Mean rate (or tail) of the instances that have that share of the compute (NAN: of all), trial by trial. */
int work_rates_of_share(const struct bench_cell_data *d, const struct work_metric *m, double share,
                        double **ret, size_t *ret_n);
/* Of the first instance of the first good trial; NAN: not known. */
double work_share(const struct bench_cell_data *d, const char *which);
