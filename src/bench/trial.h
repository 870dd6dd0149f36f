/* SPDX-License-Identifier: MIT */
/* One trial: all instances of a cell, started together, watched, ended, and their numbers read. */
#pragma once

#include "bench/definition.h"
#include "model/result.h"
#include "openforbc/error.h"

struct platform;

/* Where an instance runs, and what tells it so. */
struct bench_place {
	char name[96];   /* partition, or "" */
	struct strv env; /* NAME=value */
	char cpus[256];  /* list of processors; "": all */
	char cgroup[256];
	char gpu[64];         /* PCI address of the board; "" none */
	char uuid[40];        /* of the partition, as we call it; "" none */
	char device[96];      /* what programs call it: "MIG-..." */
	char type[64];        /* of the partition; "" none */
	double compute_share; /* of the whole GPU; NAN: not known, or no partition */
	double memory_share;
};

/*
 * Told when the load begins and when it has ended, and asked in between when it wants to look. Of programs
 * that can be told to stop it is asked whether they may: what it measures ends under load then. NULL: nobody.
 */
struct trial_watch {
	void (*begin)(void *data);
	void (*ending)(void *data); /* enough was done */
	bool (*is_over)(void *data);
	void (*end)(void *data);
	uint64_t (*due_ns)(void *data);
	void (*step)(void *data);
	void *data;
};

/* Where does a running instance show itself? */
struct instance_set;
enum trial_seen { SEEN_UNKNOWN, SEEN_THERE, SEEN_ELSEWHERE };
struct trial_where {
	enum trial_seen (*look)(void *data, const struct instance_set *set, unsigned instance,
	                        const struct bench_place *place);
	void *data;
};

/* What an instance runs. */
struct trial_program {
	const struct bench_definition *definition;
	const struct bench_preset *preset;  /* NULL: none */
	const struct pair_list *parameters; /* with all defaults */
};

struct trial_request {
	struct trial_program program; /* what is measured */
	/* Only the first instance is measured, while the others run this; both speak the protocol. Without a
	 * definition all run the same. */
	struct trial_program beside;
	const struct bench_place *places;
	unsigned instances;
	unsigned first, of; /* a part of a trial: number of its first instance, and of all; of 0: the whole */
	const char *workdir; /* for the files of the trial; exists */
	uint64_t seed;
	double min_window_s;     /* of the protocol: how long the instances iterate */
	unsigned min_iterations; /* ... and how often at least */
	struct trial_watch watch;
	struct trial_where where; /* asked for definitions that check it */
};

/*
 * Runs it; bench_trial_done() releases the result. What becomes of the programs is the trial's verdict, not
 * an error. -EINTR a signal for us: nothing is left running, and the trial does not count. -ENOENT ... when
 * it cannot be run at all.
 */
int trial_run(struct platform *p, const struct trial_request *rq, struct bench_trial *ret,
              struct ofbc_error *err);

/* What of its GPU each of n instances had, as figures of the trial. */
int trial_add_shares(const struct bench_place *places, unsigned n, struct bench_trial *t);

/* A command of the setup or the cleanup: 0; -EIO with the end of what it said; -ETIMEDOUT; -EINTR. */
int trial_command(struct platform *p, const struct bench_definition *d, const struct bench_command *c,
                  const struct pair_list *values, const char *workdir, unsigned timeout_s,
                  struct ofbc_error *err);
