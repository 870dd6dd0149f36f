/* SPDX-License-Identifier: MIT */
/* Measuring: benchmarks, runs of them on partitions, and what came out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openforbc/context.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct ofbc_bench - a benchmark that is defined
 *
 * Since: 0.1
 */
struct ofbc_bench {
	char name[64];
	char class[16];
	char summary[128];
	char path[512];
	char presets[256]; /* names, with blanks between */
	unsigned metrics;  /* how many numbers it gives; 0: known only after a run */
	char problem[256]; /* why it cannot be used; "" none */
};

struct ofbc_bench_list {
	struct ofbc_bench *v;
	size_t n, cap;
};

/**
 * ofbc_bench_list_new() - benchmarks of the state directory, of this installation, and of a directory
 * @ctx:       library context
 * @directory: one more place to look, or NULL
 * @ret:       set on success; free with ofbc_bench_list_free()
 * @err:       optional details on failure
 *
 * A definition that cannot be read is in the list, with its problem.
 *
 * Return: 0; -ENOENT no such directory; -ENOMEM.
 * Since: 0.1
 */
int ofbc_bench_list_new(struct ofbc_context *ctx, const char *directory, struct ofbc_bench_list **ret,
                        struct ofbc_error *err);

/**
 * ofbc_bench_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_bench_list_free(struct ofbc_bench_list *list);

/**
 * ofbc_bench_validate() - read one definition
 * @ctx:  library context
 * @spec: file, directory, or name
 * @ret:  set on success
 * @err:  names file, line and column, and what is valid
 *
 * Return: 0; -EINVAL; -ENOENT.
 * Since: 0.1
 */
int ofbc_bench_validate(struct ofbc_context *ctx, const char *spec, struct ofbc_bench *ret,
                        struct ofbc_error *err);

/**
 * struct ofbc_bench_request - what to measure; zero means the default
 *
 * Since: 0.1
 */
struct ofbc_bench_request {
	const char *const *benchmarks; /* files, directories, or names */
	size_t n_benchmarks;
	const char *preset;            /* NULL: the default one */
	const char *const *parameters; /* NAME=VALUE */
	size_t n_parameters;
	const char *const *partitions; /* where, or GPUs; none: the whole machine */
	size_t n_partitions;
	const unsigned *instances; /* at once, one number after the other; none: one a partition */
	size_t n_instances;
	unsigned min_trials; /* 5 */
	unsigned max_trials; /* 30 */
	double precision;    /* half of the interval by the median that ends a cell; 0.02 */
	double budget_s;     /* of the whole run; 0: none */
	double window_s;     /* how long programs that speak the protocol iterate; 5 */
	const char *
		start; /* "now" (default), or "stable,seconds=30,watts=3,celsius=60,wait=300": boards first */
	bool share_processors; /* each instance on an equal, disjoint share of the processors */
	bool require_idle;     /* nothing is measured while others use the boards */
	uint64_t seed;         /* of the order; 0: drawn */
	const char *label;     /* for finding it again */
	const char *const
		*agents; /* where instances run instead of here: "ssh://guest", "vsock://3:7010" ... */
	size_t n_agents;
	const char *token_file; /* of agents on TCP and vsock */
	bool here;              /* agents on TCP and ssh are on this host, whose energy counts for them */
	bool scale;             /* with one agent, with two, up to all; else only with all */
	bool setup_again;       /* also when it was done already */
	const char *sweep;      /* layout file: each of its layouts, and the machine without partitions */
	bool may_reset;         /* of a sweep: a mode may be changed by a reset of the GPU */
	bool twice;             /* A/A: every cell under two labels, which take turns; 10 trials at least */
	bool solo; /* of a sweep: also each partition type of a layout alone, its neighbours idle */
	const char *const *against; /* "NAME[,NAME=VALUE...]": also with the other instances running this */
	size_t n_against;
};

/**
 * struct ofbc_bench_progress - told after every trial
 *
 * Since: 0.1
 */
struct ofbc_bench_progress {
	const char *run; /* UUID */
	const char *benchmark;
	const char *parameters;
	const char *layout;
	unsigned instances;
	unsigned cell, cells;   /* number of this one from 0, and of all */
	unsigned trial;         /* of this cell, from 0 */
	unsigned done, planned; /* cells that are finished; trials expected in all */
	double eta_s;           /* NAN: not known */
	const char *verdict;
	const char *reason; /* "" none */
	const char *metric; /* the first one */
	const char *unit;
	double value;       /* NAN: none */
	const char *energy; /* why there is no energy; "" there is */
};

typedef void ofbc_bench_told(void *data, const struct ofbc_bench_progress *p);

/**
 * ofbc_bench_run() - measure
 * @ctx:     library context
 * @rq:      what
 * @told:    called after every trial; may be NULL
 * @data:    for @told
 * @ret_run: set to the run's UUID as soon as there is one
 * @err:     optional details on failure
 *
 * Every trial is in the database before the next one begins. A signal that interrupts leaves a run that
 * ofbc_bench_resume() ends. Runs programs; blocks until all cells are done.
 *
 * Return: 0 all planned cells have a verdict; -EINTR; -EINVAL a definition or parameter; -ENOENT.
 * Since: 0.1
 */
int ofbc_bench_run(struct ofbc_context *ctx, const struct ofbc_bench_request *rq, ofbc_bench_told *told,
                   void *data, char ret_run[37], struct ofbc_error *err);

/**
 * ofbc_bench_resume() - end a run that was interrupted
 * @ctx:  library context
 * @run:  UUID or unique prefix; NULL: the last one that is not ended
 * @told: called after every trial; may be NULL
 * @data: for @told
 * @ret_run: set to its UUID
 * @err:  optional details on failure
 *
 * Trials that are in the database are not repeated.
 *
 * Return: as ofbc_bench_run(); 1 it was ended already; -EBADMSG a definition has changed since;
 * -EINVAL it is a search, which ofbc_bench_vdi_capacity() resumes.
 * Since: 0.1
 */
int ofbc_bench_resume(struct ofbc_context *ctx, const char *run, ofbc_bench_told *told, void *data,
                      char ret_run[37], struct ofbc_error *err);

/**
 * struct ofbc_bench_agent_options - how an agent is reached
 *
 * Since: 0.1
 */
struct ofbc_bench_agent_options {
	const char *listen;     /* "tcp://ADDRESS:PORT", "vsock://PORT"; NULL: standard input and output */
	const char *token_file; /* a secret of 32 characters or more that the controller has, too; needed to
	                           listen */
	void (*listening)(void *data, const char *address); /* told once; may be NULL */
	void (*ended)(void *data, const char *why); /* of a session that did not end in peace; may be NULL */
	void *data;
};

/**
 * ofbc_bench_agent() - run benchmarks for a controller on another machine
 * @ctx: library context
 * @o:   how it is reached
 * @err: optional details on failure
 *
 * Serves one controller at a time, until a signal comes; on standard input and output, until that ends. Only
 * benchmarks that are installed here are run, and only if they are the controller's. Starts processes;
 * nothing that it started is left when a controller is gone. Each caller who knows the token may run programs
 * with any parameters.
 *
 * Return: 0; -EINTR after a signal; -EINVAL, -EPERM the options; -EADDRINUSE ... it cannot listen.
 * Since: 0.1
 */
int ofbc_bench_agent(struct ofbc_context *ctx, const struct ofbc_bench_agent_options *o,
                     struct ofbc_error *err);

/**
 * struct ofbc_bench_result - one metric of one cell
 *
 * Since: 0.1
 */
struct ofbc_bench_result {
	char run[37];
	int64_t started_unix_s;
	char benchmark[64];
	char parameters[256];
	char layout[64];
	unsigned instances;
	char metric[64];
	char unit[32];
	char better[8]; /* "higher", "lower", "" not said */
	size_t trials, flagged;
	double median, low, high; /* 95 % interval; NAN: unknown */
	double min, max, deviation;
	char verdict[16];
	char reason[256];
	char platform[48];
	char emulated[64];
};

struct ofbc_bench_result_list {
	struct ofbc_bench_result *v;
	size_t n, cap;
};

/**
 * struct ofbc_bench_filter - which results; NULL or 0: does not matter
 *
 * Since: 0.1
 */
struct ofbc_bench_filter {
	const char *run; /* UUID or unique prefix */
	const char *benchmark, *layout, *metric, *platform, *label;
	const char *parameters; /* is part of them */
	size_t limit;
};

/**
 * ofbc_bench_results() - what was measured, newest first
 * @ctx:    library context
 * @filter: may be NULL
 * @ret:    set on success; free with ofbc_bench_result_list_free()
 * @err:    optional details on failure
 *
 * Return: 0; -ENOENT no such run.
 * Since: 0.1
 */
int ofbc_bench_results(struct ofbc_context *ctx, const struct ofbc_bench_filter *filter,
                       struct ofbc_bench_result_list **ret, struct ofbc_error *err);

/**
 * ofbc_bench_result_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_bench_result_list_free(struct ofbc_bench_result_list *list);

/**
 * struct ofbc_bench_change - what was another at the end of a run than at its beginning
 *
 * Since: 0.1
 */
struct ofbc_bench_change {
	char path[192];  /* "gpus/0000:41:00.0/driver_version" */
	char weight[16]; /* "matters", "noted"; what moves by itself is left out */
	char before[128], after[128];
};

struct ofbc_bench_change_list {
	struct ofbc_bench_change *v;
	size_t n, cap;
};

/**
 * struct ofbc_bench_run_info - one run
 *
 * Since: 0.1
 */
struct ofbc_bench_run_info {
	char run[37];
	int64_t started_unix_s, ended_unix_s; /* 0: not yet */
	char state[16];                       /* "ended", "not-ended", "imported" */
	char host[64];
	char platform[48];
	char emulated[64];
	char label[64];
	char program[64];
	char origin[32]; /* program whose file it was; "" ours */
	uint64_t seed;
	size_t cells, cells_ok, trials;
	char gpus[256]; /* from the environment at its beginning; "" not known */
	char driver[96];
	char kernel[96];
	char processor[128];
	char machine[160];
	char energy[256]; /* counters and what their test said, or why there are none */
	struct ofbc_bench_change_list changes;
	char *note;    /* why it ended, what changed; NULL none */
	char *request; /* JSON; NULL not known */
	char *environment, *environment_after;
};

struct ofbc_bench_run_list {
	struct ofbc_bench_run_info *v;
	size_t n, cap;
};

/**
 * ofbc_bench_runs() - what is known of runs
 * @ctx:  library context
 * @runs: UUIDs, unique prefixes, labels, or "last"
 * @n:    how many; 0: all
 * @ret:  set on success; free with ofbc_bench_run_list_free()
 * @err:  optional details on failure
 *
 * A run that is not ended may still be going on.
 *
 * Return: 0; -ENOENT no such run.
 * Since: 0.1
 */
int ofbc_bench_runs(struct ofbc_context *ctx, const char *const *runs, size_t n,
                    struct ofbc_bench_run_list **ret, struct ofbc_error *err);

/**
 * ofbc_bench_run_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_bench_run_list_free(struct ofbc_bench_run_list *list);

/**
 * struct ofbc_bench_comparison - one metric of two cells
 *
 * Since: 0.1
 */
struct ofbc_bench_comparison {
	char benchmark[64];
	char parameters[256];
	char layout_a[64], layout_b[64];
	unsigned instances_a, instances_b;
	char metric[64];
	char unit[32];
	char better[8];
	size_t trials_a, trials_b;
	double median_a, median_b;
	double ratio, low, high; /* b / a with its 95 % interval; NAN: unknown */
	double p;                /* of the rank test, adjusted for all comparisons at once (Holm) */
	char verdict[16];        /* better, worse, equal, undecided */
	bool is_paired;          /* trial by trial: they took turns in the same blocks of one run */
	bool emulated;           /* both are from emulated hosts */
};

struct ofbc_bench_comparison_list {
	struct ofbc_bench_comparison *v;
	size_t n, cap;
	unsigned better, worse, equal, undecided;
	double geomean, low, high; /* of the ratios, turned so that above 1 is better; NAN: no directions */
};

/**
 * ofbc_bench_compare() - is B another than A?
 * @ctx:    library context
 * @a:      RUN or RUN:LAYOUT; RUN is a UUID, a unique prefix, a label, or "last"
 * @b:      the same; NULL: the two sides of a run that was measured with ofbc_bench_request.twice
 * @margin: what counts as equal; 0: 0.02
 * @ret:    set on success; free with ofbc_bench_comparison_list_free()
 * @err:    optional details on failure
 *
 * Cells of the same benchmark with the same parameters are compared; of the same layout and instances unless
 * layouts are named. What was measured is never compared with what is emulated.
 *
 * Return: 0; -ENOENT no such run, or nothing in common; -EINVAL one is emulated.
 * Since: 0.1
 */
int ofbc_bench_compare(struct ofbc_context *ctx, const char *a, const char *b, double margin,
                       struct ofbc_bench_comparison_list **ret, struct ofbc_error *err);

/**
 * ofbc_bench_comparison_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_bench_comparison_list_free(struct ofbc_bench_comparison_list *list);

/**
 * struct ofbc_bench_derived - one figure that follows from the results of one cell, and mostly of another one
 *
 * Since: 0.1
 */
struct ofbc_bench_derived {
	char run[37];
	char benchmark[64];
	char parameters[256];
	char layout[64];
	unsigned instances;
	char platform[48];
	char emulated[64];
	char metric[64]; /* whose values are the work; "" there is none */
	char figure[32]; /* "stp", "fairness", "energy_per_unit" ... */
	char unit[40];   /* "" a ratio */
	char better[8];
	char base[128];          /* the case that it is relative to; "" none */
	double value, low, high; /* with its 95 % interval; NAN: unknown */
	size_t trials, trials_base;
	char reason[192]; /* why there is no value */
};

struct ofbc_bench_derived_list {
	struct ofbc_bench_derived *v;
	size_t n, cap;
};

/**
 * struct ofbc_bench_derive_options - how; zero means the default
 *
 * Since: 0.1
 */
struct ofbc_bench_derive_options {
	const char *metric; /* that says how much work was done; NULL: a rate, or else a time, is chosen */
	double price_hour;  /* of the host; in the currency in which the cost is wanted */
	double price_kwh;
	double pue; /* energy of the site by energy of its machines; 1 */
};

/**
 * ofbc_bench_derive() - what sharing gives: speed-up, fairness, interference, energy and cost of work
 * @ctx:     library context
 * @runs:    UUIDs, unique prefixes, labels, or "last"
 * @n:       how many; bases are looked for in all of them, first in the same run
 * @options: may be NULL
 * @ret:     set on success; free with ofbc_bench_derived_list_free()
 * @err:     optional details on failure
 *
 * The intervals are those of the bootstrap of the ratio of medians. A figure whose base was not measured is
 * in the list without a value and with the reason. Figures are in the order of the cells.
 *
 * Return: 0; -ENOENT no such run or metric.
 * Since: 0.1
 */
int ofbc_bench_derive(struct ofbc_context *ctx, const char *const *runs, size_t n,
                      const struct ofbc_bench_derive_options *options, struct ofbc_bench_derived_list **ret,
                      struct ofbc_error *err);

/**
 * ofbc_bench_derived_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_bench_derived_list_free(struct ofbc_bench_derived_list *list);

#define OFBC_TREND_CHANGES 8

/**
 * struct ofbc_bench_trend - one metric of one kind of cell over dated runs of one host
 *
 * Since: 0.1
 */
struct ofbc_bench_trend {
	char benchmark[64];
	char parameters[256];
	char definition[65]; /* hash: of another definition it is another series */
	char layout[64];
	unsigned instances;
	char host[64];
	char platform[48];
	char emulated[64];
	char metric[64];
	char unit[32];
	char better[8];
	size_t runs;
	int64_t first_unix_s, last_unix_s;
	double first, last;      /* medians of the first and the last run */
	double slope, low, high; /* a day, Theil-Sen, with its 95 % interval; NAN: unknown */
	double p;                /* Mann-Kendall, adjusted for all series at once (Holm) */
	size_t changes;          /* where the level changed, as far as there is room */
	int64_t changed_unix_s[OFBC_TREND_CHANGES]; /* first run of each new level */
	double step;                                /* last level by the one before; NAN: there is one */
	char verdict[16];                           /* better, worse, changing, no-trend, too-few */
};

struct ofbc_bench_trend_list {
	struct ofbc_bench_trend *v;
	size_t n, cap;
};

/**
 * ofbc_bench_trend() - where results go over time
 * @ctx:    library context
 * @filter: which results; may be NULL
 * @ret:    set on success; free with ofbc_bench_trend_list_free()
 * @err:    optional details on failure
 *
 * A series has one value a run, its median. There is a trend when the test of Mann and Kendall says so, the
 * interval of the slope leaves out 0, and it makes more than 2 % over the time of the series. Steps of the
 * level are looked for from ten runs on.
 *
 * Return: 0; -ENOENT nothing was measured.
 * Since: 0.1
 */
int ofbc_bench_trend(struct ofbc_context *ctx, const struct ofbc_bench_filter *filter,
                     struct ofbc_bench_trend_list **ret, struct ofbc_error *err);

/**
 * ofbc_bench_trend_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_bench_trend_list_free(struct ofbc_bench_trend_list *list);

enum ofbc_bench_export_flags {
	OFBC_EXPORT_CSV = 1 << 0,   /* a value a row; else JSON, a run, cell or trial a line */
	OFBC_EXPORT_NAMES = 1 << 1, /* names of hosts and users, serial numbers and UUIDs as they are */
};

/**
 * ofbc_bench_export() - results as text
 * @ctx:   library context
 * @runs:  UUIDs, unique prefixes, labels, or "last"
 * @n:     how many; 0: all runs
 * @flags: enum ofbc_bench_export_flags
 * @ret:   set on success to the text; free() it
 * @err:   optional details on failure
 *
 * Without OFBC_EXPORT_NAMES what names a machine or a person is replaced, each by the same word wherever it
 * stands.
 *
 * Return: 0; -ENOENT no such run.
 * Since: 0.1
 */
int ofbc_bench_export(struct ofbc_context *ctx, const char *const *runs, size_t n, unsigned flags, char **ret,
                      struct ofbc_error *err);

/**
 * ofbc_bench_export_directory() - one run as a directory with a manifest of hashes
 * @ctx:       library context
 * @run:       UUID, unique prefix, label, or "last"
 * @directory: made if it is not there
 * @flags:     OFBC_EXPORT_NAMES
 * @err:       optional details on failure
 *
 * Return: 0; -ENOENT no such run; errors of writing.
 * Since: 0.1
 */
int ofbc_bench_export_directory(struct ofbc_context *ctx, const char *run, const char *directory,
                                unsigned flags, struct ofbc_error *err);

/**
 * struct ofbc_bench_imported - what an import brought
 *
 * Since: 0.1
 */
struct ofbc_bench_imported {
	size_t runs, cells, trials; /* that are new */
	size_t present;             /* trials that were there already */
};

/**
 * ofbc_bench_import() - take over results of another machine or program
 * @ctx:      library context
 * @path:     a file: our export, or that of hyperfine, google/benchmark, nvbench or Phoronix; or our
 * directory
 * @platform: where a file of another program was measured; NULL: unknown
 * @ret:      set on success
 * @err:      names line and field
 *
 * What is there already is never doubled.
 *
 * Return: 0; -EINVAL it cannot be read; -EEXIST the same trial says something else.
 * Since: 0.1
 */
int ofbc_bench_import(struct ofbc_context *ctx, const char *path, const char *platform,
                      struct ofbc_bench_imported *ret, struct ofbc_error *err);

/**
 * struct ofbc_bench_report_request - what a report is about, and where it goes
 *
 * Since: 0.1
 */
struct ofbc_bench_report_request {
	const char *const *runs; /* UUIDs, unique prefixes, labels, or "last" */
	size_t n_runs;           /* 0: all runs */
	const char *directory;   /* NULL: report-XXXXXXXX here, after the first run */
	const char *title;       /* NULL: made from the benchmarks */
	unsigned flags;          /* OFBC_EXPORT_NAMES */
};

/**
 * struct ofbc_bench_report - what was written
 *
 * Since: 0.1
 */
struct ofbc_bench_report {
	char directory[4096];
	char undrawn[256]; /* why there are scripts and data of figures, but no drawings; "" there are */
	struct ofbc_bench_figure {
		char title[256];
		char file[96];    /* below the directory, without an ending; "" it is absent */
		char reason[256]; /* why it is absent */
	} * v;
	size_t n, cap;
};

/**
 * ofbc_bench_report() - write results as a document
 * @ctx: library context
 * @rq:  what, and where to
 * @ret: set on success; free with ofbc_bench_report_free()
 * @err: optional details on failure
 *
 * The directory gets report.html, which needs no other file; figures (SVG, PDF, PNG) with their data and
 * gnuplot scripts; tables for LaTeX; the trials. It appears as a whole or not at all, and replaces only a
 * report that is as it was made. Runs gnuplot, where that is installed. Names are replaced as in
 * ofbc_bench_export().
 *
 * Return: 0; -ENOENT no such run; -EEXIST the directory is there and has something else in it; -EIO gnuplot
 * failed. Since: 0.1
 */
int ofbc_bench_report(struct ofbc_context *ctx, const struct ofbc_bench_report_request *rq,
                      struct ofbc_bench_report **ret, struct ofbc_error *err);

/**
 * ofbc_bench_report_free() - release what was said of a report
 * @report: may be NULL
 *
 * Since: 0.1
 */
void ofbc_bench_report_free(struct ofbc_bench_report *report);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
