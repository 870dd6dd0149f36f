/* SPDX-License-Identifier: MIT */
/* What is kept of a measurement. Plain data; unknown numbers are NAN, unknown texts "". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What became of a cell or a trial. Every planned cell is in the output with one. */
enum bench_verdict {
	BENCH_PLANNED,       /* not run yet */
	BENCH_OK,            /* converged, for a cell */
	BENCH_NOT_CONVERGED, /* trials or time ended first */
	BENCH_NO_STEADY,     /* never warmed up */
	BENCH_FAILED,        /* exit status, crash */
	BENCH_TIMEOUT,
	BENCH_INVALID,   /* a check failed: wrong result, wrong device */
	BENCH_THROTTLED, /* thermally */
	BENCH_SKIPPED,   /* a need is not met */
	BENCH_LOST,      /* the agent that ran it died */
};

#define BENCH_N_VERDICTS (BENCH_LOST + 1)

extern const char *const bench_verdict_names[BENCH_N_VERDICTS];
/* 0; -EINVAL no such name. */
int bench_verdict_parse(const char *name, enum bench_verdict *ret);

/* One `bench run`. */
struct bench_run {
	char id[37];                          /* UUID */
	int64_t started_unix_s, ended_unix_s; /* 0: not yet */
	char host[64];
	char platform[48]; /* bare-metal, kvm, vmware, hyper-v, xen, container ... */
	char emulated[64]; /* name of the emulated host; "" real */
	char label[64];    /* the user's */
	char program[64];  /* version that measured */
	char origin[32];   /* tool whose file it was imported from: "hyperfine"; "" ours */
	uint64_t seed;
	char *request;     /* JSON: everything needed to resume it */
	char *environment; /* JSON before */
	char *environment_after;
	char *note; /* why it ended, when not by itself */
};

/* Benchmark x parameters x layout x instances. */
struct bench_cell {
	char run[37];
	unsigned number; /* in its run, from 0 */
	char benchmark[64];
	char definition[65];  /* hash of the definition */
	char parameters[256]; /* "size=1024 type=f32", sorted by name */
	char layout[64];      /* name of a layout, "unpartitioned", "shared", or the partition types */
	unsigned instances;
	enum bench_verdict verdict;
	char *reason; /* of the verdict; NULL none */
};

/* One start of all instances of a cell. */
struct bench_trial {
	unsigned number; /* in its cell, from 0 */
	unsigned block;  /* of the randomised order */
	int64_t started_unix_ns;
	double window_s;        /* common to all instances */
	double skew_s;          /* between the first and the last start; NAN: somebody never began */
	double energy_j;        /* of the whole board; NAN: not known */
	double energy_u;        /* its uncertainty */
	char energy_source[32]; /* "nvml-counter", "power-integrated", "rapl" ... */
	enum bench_verdict verdict;
	char *reason; /* of the verdict; of BENCH_OK a note that its reader should know; NULL none */
	struct bench_value {
		char metric[64];
		int instance; /* -1: of all together */
		double value;
	} * values;
	size_t n_values;
	char *latencies; /* of all iterations of its instances: what histogram_print() writes; NULL not known
	                  */
};

struct bench_trial_list {
	struct bench_trial *v;
	size_t n, cap;
};

/* One metric of one cell, over its trials. */
struct bench_summary {
	struct bench_cell cell;
	char metric[64];
	char unit[32];
	bool higher_is_better, has_direction;
	size_t trials;
	size_t flagged;           /* outliers, which are kept */
	double median, low, high; /* 95 % interval */
	double min, max, deviation;
	char host[64];
	char platform[48];
	char emulated[64];
	int64_t started_unix_s;
};

struct bench_summary_list {
	struct bench_summary *v;
	size_t n, cap;
};

struct bench_run_list {
	struct bench_run *v;
	size_t n, cap;
};

/* Names of what the runner itself adds to the figures of a trial. */
#define BENCH_ENERGY        "energy"        /* J, of whole boards or packages */
#define BENCH_MEAN_POWER    "mean power"    /* W, that energy by its own time */
#define BENCH_IDLE_POWER    "idle power"    /* W, by the same counters before; in the first trial */
#define BENCH_LAYOUT_CHANGE "layout change" /* s, until partitions are usable; in the first trial */
#define BENCH_CLOCK_BOUND   "clock bound"   /* s, how well the clocks of agents are known to each other */
#define BENCH_COMPUTE_SHARE "compute share" /* of an instance: 0..1 of its GPU */
#define BENCH_MEMORY_SHARE  "memory share"
#define BENCH_CPU_BUSY      "processors busy" /* 0..1 of all of the machine, while all instances are at work */
#define BENCH_BOARD_BUSY    "board busy"      /* 0..1 of the time, mean of the boards */
#define BENCH_PROCESSORS    "processors"      /* of an instance, its own */
#define BENCH_START_WAIT    "start wait"      /* s, until the boards were stable */
#define BENCH_LOAD_MIN      0.99              /* less of it done, and the trial is invalid */
#define BENCH_LOAD_DONE     "load done"       /* of what was due by the schedule of an instance: 0..1 */
#define BENCH_WARMUP        "warm-up iterations" /* of an instance, that do not count; none: it was never steady */

/* What the parameters of a cell begin with whose configuration is measured twice, under two labels. */
#define BENCH_SIDE_A        "aa=A"
#define BENCH_SIDE_B        "aa=B"

/* ... whose first instance is measured while the others run another benchmark: "against=mlp,width=512 ". */
#define BENCH_AGAINST       "against="

/* --- everything: what is exported, imported and merged --- */

struct bench_cell_data {
	struct bench_cell cell;
	struct bench_summary_list summaries; /* their `cell` and what is of the run is not filled in */
	struct bench_trial_list trials;      /* by number */
};

struct bench_cell_data_list {
	struct bench_cell_data *v;
	size_t n, cap;
};

struct bench_run_data {
	struct bench_run run;
	struct bench_cell_data_list cells; /* by number */
};

struct bench_archive {
	struct bench_run_data *v;
	size_t n, cap;
};

/* Numbers of a new one are unknown. NULL: out of memory. Values are only ever added by bench_value_add(). */
struct bench_trial *bench_trial_add(struct bench_trial_list *l);
struct bench_value *bench_value_add(struct bench_trial *t, const char *metric, int instance, double value);
struct bench_summary *bench_summary_add(struct bench_summary_list *l, const char *metric);

/* Do they say the same? Unknown equals unknown, values may be in any order, reasons may differ. */
bool bench_trial_equal(const struct bench_trial *a, const struct bench_trial *b);

/* They leave a zeroed object. */
void bench_run_done(struct bench_run *r);
void bench_cell_done(struct bench_cell *c);

/* What the other instances of a cell run while its first is measured: false, the same. */
bool bench_aggressor(const char *parameters, char *buf, size_t size);
/* Its parameters without that. */
const char *bench_own_parameters(const char *parameters);
/* How many of its instances are measured. */
unsigned bench_measured(const struct bench_cell *c);

void bench_trial_done(struct bench_trial *t);
void bench_trial_list_done(struct bench_trial_list *l);
void bench_summary_list_done(struct bench_summary_list *l); /* with the cells' reasons */
void bench_run_list_done(struct bench_run_list *l);
void bench_cell_data_done(struct bench_cell_data *d);
void bench_run_data_done(struct bench_run_data *d);
void bench_archive_done(struct bench_archive *a);
#define _cleanup_archive_   __attribute__((cleanup(bench_archive_done)))
#define _cleanup_cell_data_ __attribute__((cleanup(bench_cell_data_done)))
