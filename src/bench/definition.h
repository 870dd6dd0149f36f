/* SPDX-License-Identifier: MIT */
/* A benchmark as its file defines it. Text in, plain data out; definition.c reads ours, o4bc.c that of
 * OpenForBC-Benchmark. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"
#include "openforbc/error.h"

/* name=value, in the order of the file */
struct pair {
	char name[64];
	char *value;
};

struct pair_list {
	struct pair *v;
	size_t n, cap;
};

/* A program with its arguments; {name} stands for a parameter. No shell. */
struct bench_command {
	struct strv argv;
	struct pair_list env;
	char *workdir; /* relative to the definition's directory; NULL: that directory */
};

struct bench_command_list {
	struct bench_command *v;
	size_t n, cap;
};

struct bench_parameter {
	char name[64];
	char *value; /* default */
	char *help;
};

struct bench_parameter_list {
	struct bench_parameter *v;
	size_t n, cap;
};

struct bench_preset {
	char name[64];
	struct pair_list values;         /* of parameters */
	struct strv arguments;           /* appended to the last command of `run` */
	struct pair_list env;            /* of that command */
	struct bench_command_list setup; /* before the runs of this preset, and after */
	struct bench_command_list cleanup;
};

struct bench_preset_list {
	struct bench_preset *v;
	size_t n, cap;
};

/* One axis of the matrix: parameters that change together, tuple by tuple. */
struct bench_axis {
	struct strv names;
	struct strv values; /* names.n of them a tuple */
};

struct bench_axis_list {
	struct bench_axis *v;
	size_t n, cap;
};

/* What a combination looks like that is left out. */
struct bench_exclude_list {
	struct pair_list *v;
	size_t n, cap;
};

enum metric_source {
	METRIC_WALL,       /* seconds from start to end of the program */
	METRIC_CPU,        /* seconds of processor, user and system */
	METRIC_MEMORY,     /* bytes resident at most */
	METRIC_JSON,       /* JSON pointer into the output */
	METRIC_REGEX,      /* first group of a POSIX extended regular expression */
	METRIC_PROGRAM,    /* a program that gets the output's file and prints {"name": number} */
	METRIC_RESULT,     /* a RESULT line of the protocol */
	METRIC_RATE,       /* work a second in the common window, of the protocol's iterations */
	METRIC_ITERATION,  /* seconds an iteration: median */
	METRIC_PERCENTILE, /* seconds an iteration: a percentile */
};

enum metric_pick { PICK_LAST, PICK_FIRST, PICK_MEAN, PICK_MEDIAN, PICK_SUM, PICK_MIN, PICK_MAX };

struct bench_metric {
	char name[64];
	char unit[32];
	bool higher_is_better;
	bool has_direction; /* else compare says only "differs" */
	enum metric_source source;
	char *where; /* pointer or expression */
	char *file;  /* below the run's directory; NULL: standard output */
	struct bench_command program;
	enum metric_pick pick;   /* of several matches */
	enum metric_pick across; /* of several instances: one number for the cell */
	double quantile;
	double scale; /* the number is multiplied by it, for the unit */
};

struct bench_metric_list {
	struct bench_metric *v;
	size_t n, cap;
};

enum check_kind { CHECK_EXIT, CHECK_MATCH, CHECK_VALUE, CHECK_DEVICE };

struct bench_check {
	enum check_kind kind;
	int status;               /* CHECK_EXIT */
	char *match;              /* expression that the output must (not) match */
	bool is_absent;           /* it must not */
	char metric[64];          /* CHECK_VALUE */
	double equals, tolerance; /* NAN: no such rule; tolerance is relative */
	double min, max;          /* NAN: none */
};

struct bench_check_list {
	struct bench_check *v;
	size_t n, cap;
};

struct bench_needs {
	char vendor[16];
	struct strv programs; /* in PATH */
	struct strv files;
	struct bench_command command; /* must succeed; what it says last is the reason otherwise */
	uint64_t memory_bytes;        /* of the host, free */
	uint64_t gpu_memory_bytes;    /* of the partition */
	unsigned cpus;
	bool display, root, gpu;
	bool uses_gpu; /* where there is one, so that its energy is that of the work */
};

#define BENCH_TIMEOUT_SETUP_S   3600
#define BENCH_TIMEOUT_RUN_S     600
#define BENCH_TIMEOUT_CLEANUP_S 60

struct bench_definition {
	char name[64];
	char class[16];
	char *summary;
	char *directory;    /* where the file is: what is relative is relative to it */
	char *programs;     /* where the programs are that come with us */
	char hash[65];      /* of the file's text; 64 hex digits */
	bool is_virtualenv; /* Python's, made by the setup; its programs come first */
	bool is_protocol;   /* it speaks READY, GO, ITERATION, RESULT; else it is wrapped */
	struct bench_command_list setup, run, cleanup;
	struct strv setup_inputs; /* files whose content decides whether the setup is done again */
	struct bench_parameter_list parameters;
	struct bench_preset_list presets;
	char default_preset[64];
	struct bench_axis_list matrix;
	struct bench_exclude_list excludes;
	struct bench_needs needs;
	struct bench_metric_list metrics;
	struct bench_check_list checks;
	double work;          /* of one iteration, in `work_unit`; NAN: not said */
	char work_unit[32];   /* "FLOP" */
	unsigned warmup_runs; /* that do not count */
	bool warmup_steady;   /* until their wall time is steady, and at most so many */
	double warmup_s; /* a program that speaks the protocol is waited for so long at most; NAN: the window
	                  */
	unsigned timeout_setup_s, timeout_run_s, timeout_cleanup_s;
};

/* Ours: YAML or JSON. -EINVAL with file:line:column and what is valid. */
int definition_parse(const char *text, size_t len, const char *file, struct bench_definition **ret,
                     struct ofbc_error *err);
/* benchmark.json of OpenForBC-Benchmark; `presets`: names and texts of its presets. */
struct o4bc_file {
	const char *name, *text;
	size_t len;
};
int definition_parse_o4bc(const struct o4bc_file *benchmark, const struct o4bc_file *presets,
                          size_t n_presets, struct bench_definition **ret, struct ofbc_error *err);
void definition_free(struct bench_definition *d);

static inline void definition_free_p(struct bench_definition **d)
{
	definition_free(*d);
}
#define _cleanup_definition_ __attribute__((cleanup(definition_free_p)))

void pair_list_done(struct pair_list *l);
/* Sets, or replaces: 0; -ENOMEM. */
int pair_set(struct pair_list *l, const char *name, const char *value);
const char *pair_get(const struct pair_list *l, const char *name); /* NULL: none */

/* All combinations of the matrix over `base` that are not excluded; without a matrix, `base` alone. */
struct combination_list {
	struct pair_list *v;
	size_t n, cap;
};
int definition_combinations(const struct bench_definition *d, const struct pair_list *base,
                            struct combination_list *ret, struct ofbc_error *err);
void combination_list_done(struct combination_list *l);

/* {name} replaced by values; "{{" is a brace. -EINVAL names what is unknown. */
int template_expand(const char *template, const struct pair_list *values, char **ret, struct ofbc_error *err);
/* Words like a shell's, with quotes, without expansion: 0; -EINVAL unbalanced quotes; -ENOMEM. */
int split_words(const char *s, struct strv *ret);
