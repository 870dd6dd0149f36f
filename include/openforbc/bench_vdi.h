/* SPDX-License-Identifier: MIT */
/* How many desktop sessions a machine, or a partition of it, carries. */
#pragma once

#include "openforbc/bench.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct ofbc_vdi_request - which sessions, and how sure the answer is to be; zero means the default
 *
 * Of @run count: one benchmark ("vdi"), preset, parameters, partitions (over which sessions are dealt out),
 * start, share_processors, require_idle, seed, label, setup_again, budget_s, and window_s (60).
 *
 * Since: 0.1
 */
struct ofbc_vdi_request {
	struct ofbc_bench_request run;
	double fps; /* frames a second that each session wants; 0: the parameter `fps` of the benchmark */
	unsigned confirm;      /* trials of the answer, and of one session more; 3 */
	unsigned max_sessions; /* more are not tried; 64 */
	const char *resume;    /* go on with that run instead; all the rest is of it */
};

/**
 * struct ofbc_vdi_step - what became of one number of sessions
 *
 * Since: 0.1
 */
struct ofbc_vdi_step {
	unsigned sessions;
	unsigned trials, fine; /* fresh starts, and in how many of them every session kept the objective */
	double frames;         /* of the session with the fewest, in a trial; NAN: not known */
	double p95_s, p99_s;   /* frame times of the worst session of all trials; NAN: not known */
	double dropped;        /* share of its frames */
	double score;          /* mean of all sessions, 0 to 10 */
	double cpu_busy;       /* share of the machine's processors, mean of the trials; NAN: not known */
	double board_busy;     /* share of the time that the boards had work */
	char verdict[16]; /* "fine", or the first criterion that was missed: "p95", "p99", "dropped", "failed"
	                   */
	char reason[256]; /* with numbers; "" of a fine one */
};

/**
 * struct ofbc_vdi_answer - the capacity, and how it was found
 *
 * Since: 0.1
 */
struct ofbc_vdi_answer {
	char run[37];
	char benchmark[64];
	char parameters[256];
	char layout[64];
	char platform[48];
	char emulated[64];
	double fps;
	unsigned confirm, max_sessions;
	bool is_confirmed;   /* else the search was ended before */
	unsigned sessions;   /* fine in every trial; 0: not even one */
	unsigned fewer_than; /* so many were not; 0: none was found up to max_sessions */
	char limit[16];      /* what one session more misses; "" not known */
	char reason[256];
	double score_alone; /* of one session; NAN: not known, nor the rest */
	/* How many keep that score but for 15 % of it, by the numbers that were tried; high 0: no score was
	 * lower. */
	unsigned score_low, score_high;
	struct ofbc_vdi_step *v; /* by their sessions */
	size_t n, cap;
};

/**
 * ofbc_bench_vdi_capacity() - how many sessions keep their frame times
 * @ctx:  library context
 * @rq:   which sessions
 * @told: called after every trial; its verdict is that of a step; may be NULL
 * @data: for @told
 * @ret:  set to what is known as soon as there is a run, also on failure; free with ofbc_vdi_answer_free()
 * @err:  optional details on failure
 *
 * A session is fine when 95 % of its frames take at most 1 / fps, 99 % at most twice that, and at most 1 %
 * are dropped. The numbers are doubled from one session on, the gap is halved, then the answer and one
 * session more are tried until each has @confirm trials; a number that fails once is not carried. The trials
 * are those of a normal run, a cell for each number. Runs programs; blocks until the answer is found.
 *
 * Return: 0; -EINTR a signal, -ENOTSUP something is missing, -EIO one session alone fails, -EBADMSG a
 * definition has changed since; -EINVAL; -ENOENT. Since: 0.1
 */
int ofbc_bench_vdi_capacity(struct ofbc_context *ctx, const struct ofbc_vdi_request *rq,
                            ofbc_bench_told *told, void *data, struct ofbc_vdi_answer **ret,
                            struct ofbc_error *err);

/**
 * ofbc_vdi_answer_free() - release an answer
 * @answer: may be NULL
 *
 * Since: 0.1
 */
void ofbc_vdi_answer_free(struct ofbc_vdi_answer *answer);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
