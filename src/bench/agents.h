/* SPDX-License-Identifier: MIT */
/*
 * The controller's side: several agents, each in a guest or on a host, that run the instances of one trial
 * together. One process, no threads: it waits for all of them at once.
 */
#pragma once

#include "bench/agent_address.h"
#include "bench/agent_channel.h"
#include "bench/agent_clock.h"
#include "bench/trial.h"

enum agent_state {
	AGENT_IDLE,       /* nothing is asked of it */
	AGENT_ASKED,      /* its answer is to come */
	AGENT_IS_READY,   /* its instances wait for the start */
	AGENT_RUNNING,    /* started */
	AGENT_HAS_ENDED,  /* waits for the window */
	AGENT_EVALUATING, /* its values are to come */
};

struct agent {
	struct agent_address address;
	struct channel *c; /* NULL: lost, or not yet there */
	char host[64], platform[48];
	char *environment; /* JSON; NULL not asked yet */
	char layout[128];  /* types of the partitions that its instances run on; "" they need none */
	enum agent_state state;
	/* of the trial under way */
	unsigned first, instances;
	struct clock_pair clocks;
	uint64_t from_ns, to_ns, first_start_ns, last_start_ns, least; /* by its clock */
};

struct agents {
	struct platform *p;
	struct agent *v;
	size_t n;
	char token[AGENT_TOKEN_MAX];
	char program[64];
	struct strv partitions; /* names that each of them has, on its host */
};

/* Connects to all. -EINVAL an address; -EPERM the token; what link_connect() and channel_login() say. */
int agents_new(struct platform *p, const char *const *addresses, size_t n, const char *token_file,
               const char *state, const char *program, struct agents **ret, struct ofbc_error *err);
void agents_free(struct agents *a); /* what they run is ended by them */

static inline void agents_free_p(struct agents **a)
{
	agents_free(*a);
}

/* All instances run on partitions with these names, which each agent looks up where it is: -ENOENT ... the
 * first that has not one of them. */
int agents_place(struct agents *a, const char *const *partitions, size_t n, struct ofbc_error *err);

/* The surroundings of all that are still there, once more. */
int agents_look_again(struct agents *a, struct ofbc_error *err);

/* One that was lost, or has gone since it was listened to, is connected to once more: 0; -errno with the
 * reason. */
int agent_be_there(struct agents *a, struct agent *one, struct ofbc_error *err);
/* Tells all that we are still here; now and then, while nothing is asked of them. */
void agents_keep(struct agents *a);
/* Its connection is over. */
void agent_lose(struct agent *one);

/* The benchmark of a cell, as agents are told of it. */
struct agents_cell {
	const struct bench_definition *definition;
	const struct bench_preset *preset;
	const struct pair_list *parameters;
	size_t agents; /* the first so many take part */
	bool again;    /* the setup */
};

/* Needs and setup, everywhere at once. 0; -errno of the first that says no, with its verdict. */
int agents_prepare(struct agents *a, const struct agents_cell *cell, enum bench_verdict *ret_verdict,
                   struct ofbc_error *err);
/* Whoever still hears it. */
void agents_cleanup(struct agents *a, const struct agents_cell *cell);

/*
 * One trial; like trial_run(), which knows the rest of rq. An agent that dies or hangs makes the verdict
 * BENCH_LOST, and the others end their part.
 */
int agents_trial(struct agents *a, const struct agents_cell *cell, const struct trial_request *rq,
                 struct bench_trial *ret, struct ofbc_error *err);

/* --- between agents.c and agents_trial.c --- */
void agents_fill(struct agent_message *m, enum agent_kind kind, const struct agents_cell *cell);
/*
 * Takes what the agents say until the deadline, each message once: handle() returns 0, or -errno that ends
 * it. Who is gone, or silent while something is asked of it, is lost: lost() hears why. 0; -EINTR; what
 * handle() said.
 */
struct agents_ear {
	int (*handle)(void *data, struct agent *one, struct agent_message *m, struct ofbc_error *err);
	void (*lost)(void *data, struct agent *one, const char *why);
	void *data;
};
int agents_listen(struct agents *a, const struct agents_ear *ear, uint64_t deadline_ns,
                  struct ofbc_error *err);
/* For messages: "agent tcp://guest:7010: what" */
int agent_error(const struct agent *one, struct ofbc_error *err);
