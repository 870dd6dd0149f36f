/* SPDX-License-Identifier: MIT */
/* Inside a trial: what its files share. */
#pragma once

#include "bench/metric.h"
#include "bench/trial.h"
#include "platform/instance.h"

#define OUTPUT_MAX_MIB 256
#define TRIAL_GRACE_MS 2000
#define NS             1e9

/* One iteration of a program that speaks the protocol. */
struct iteration {
	uint64_t start_ns, end_ns;
	uint64_t due_ns; /* when it was to start; 0: when it did */
};

struct iteration_list {
	struct iteration *v;
	size_t n, cap;
};

struct window {
	uint64_t from, to;
};

/* What is known of one instance. */
struct state {
	struct strv argv, env;
	char *workdir;
	char out[600];
	struct iteration_list iterations;
	size_t first;  /* iteration that counts: what is before it was warm-up */
	size_t looked; /* iterations when steadiness was looked at last */
	bool is_steady;
	struct pair_list results; /* RESULT lines */
	double work;              /* of an iteration, as it says; 0: it does not */
	uint64_t repeats;         /* of the same in an iteration, as it says; 0: it does not */
	char device[96];          /* it says that it runs there; "" it says nothing */
	enum trial_seen seen;
	bool is_ready, has_ended;
	char *text; /* what it printed */
	size_t len;
};

struct trial {
	struct platform *p;
	const struct trial_request *rq;
	struct bench_trial *t;
	struct state *v;
	struct pair_list values; /* for the templates */
	struct instance_set *set;
	uint64_t go_ns;
	uint64_t look_ns; /* when it is looked next on which device instances are */
	bool is_watched;  /* the watch has begun */
	bool is_ending;   /* enough was done; the watch is not over yet */
	bool has_stopped;
	unsigned ended; /* instances */
};

/* What instance i runs. */
static inline const struct trial_program *trial_program(const struct trial_request *rq, unsigned i)
{
	return i > 0 && rq->beside.definition ? &rq->beside : &rq->program;
}

void trial_free(struct trial *t); /* what it has, and ends what runs */
#define _cleanup_trial_ __attribute__((cleanup(trial_free)))

/* Numbers are unknown, and nothing is wrong yet. */
void trial_result_init(struct bench_trial *t, unsigned number, unsigned block);
/* Prepares and starts all; with a gate they wait for instances_release(). */
int trial_add(struct trial *t, bool has_gate, struct ofbc_error *err);
/* A line of an instance, or its end. */
void trial_take(struct trial *t, const struct instance_event *e);

/* The verdict, unless there is one: the first reason is the reason. */
void trial_judge(struct trial *t, enum bench_verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Something that its reader should know, though it counts. The first one stays. */
void trial_note(struct bench_trial *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The load is about to begin. */
void trial_begin_watch(struct trial *t);
/* Enough was done: the watch ends while all are at work. True when it has, and STOP may be said. */
bool trial_watch_is_over(const struct trial_watch *w, bool *is_ending);

/* --- trial_command.c --- */
/* What templates may name. */
int trial_values(const struct trial_request *rq, unsigned instance, struct pair_list *ret);
int command_expand_text(const char *template, const struct pair_list *values, struct strv *ret,
                        struct ofbc_error *err);
int command_add_env(const struct pair_list *env, const struct pair_list *values, struct strv *ret,
                    struct ofbc_error *err);
int command_expand(const struct bench_definition *d, const struct bench_command *c,
                   const struct pair_list *values, struct strv *argv, struct strv *env, char **workdir,
                   struct ofbc_error *err);
void command_last_line(const char *path, char *buf, size_t size);

/* --- trial_protocol.c --- */
void protocol_take(struct trial *t, unsigned i, const char *line);
void protocol_steer(struct trial *t);
bool protocol_is_ready(const struct trial *t); /* all are */
/* Time common to all that has passed and counts, and the fewest iterations of one; 0 while one warms up. */
struct window protocol_progress(const struct trial *t, size_t *ret_least);

/* --- trial_device.c --- */
void device_take(struct trial *t, unsigned i, const char *said);
uint64_t device_look(struct trial *t); /* when it is time; when it is the next time, 0 never */
void device_check(struct trial *t, unsigned i);

/* --- trial_steady.c --- */
/* After an iteration of an instance. */
void steady_look(struct trial *t, unsigned i);
/* It may become steady yet. */
bool steady_is_waited_for(const struct trial *t, unsigned i);

/* --- trial_window.c --- */
struct window window_common(const struct trial *t);
/* The first and the last start; from UINT64_MAX: one of them never iterated. */
struct window window_starts(const struct trial *t);
double window_skew(const struct trial *t); /* seconds; NAN: one of them never iterated */
double window_work(const struct iteration_list *l, struct window w);
/* How much of the load that was due an instance did: the pace of its schedule. NAN: it has none. */
double window_pace(const struct state *s);
/* Seconds of the whole iterations, from when they were due, ascending; free() them. */
double *window_latencies(const struct iteration_list *l, struct window w, size_t *ret_n);

/* --- trial_numbers.c --- */
int trial_evaluate(struct trial *t, struct ofbc_error *err);
/* Values of each instance, of what lies in the window. */
int trial_evaluate_in(struct trial *t, struct window w, struct ofbc_error *err);
/* One number for all instances. */
int trial_combine(const struct bench_definition *d, struct bench_trial *t);
/* A note when the edges of the window are not good enough for it. */
void trial_look_at_skew(struct bench_trial *t);
