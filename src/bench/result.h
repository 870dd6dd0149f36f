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

extern const char *const bench_verdict_names[];

/* One `bench run`. */
struct bench_run {
	char id[37];                          /* UUID */
	int64_t started_unix_s, ended_unix_s; /* 0: not yet */
	char host[64];
	char platform[32]; /* bare-metal, kvm, vmware, hyper-v, xen, container ... */
	char emulated[64]; /* name of the emulated host; "" real */
	char label[64];    /* the user's */
	char program[64];  /* version that measured */
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
	double skew_s;          /* between the first and the last start */
	double energy_j;        /* of the whole board; NAN: not known */
	double energy_u;        /* its uncertainty */
	char energy_source[32]; /* "nvml-counter", "power-integrated", "rapl" ... */
	enum bench_verdict verdict;
	char *reason;
	struct bench_value {
		char metric[64];
		int instance; /* -1: of all together */
		double value;
	} * values;
	size_t n_values;
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
	char platform[32];
	char emulated[64];
	int64_t started_unix_s;
};
