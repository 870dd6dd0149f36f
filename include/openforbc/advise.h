/* SPDX-License-Identifier: MIT */
/* Which layout is best for a workload and a goal, by what was measured. */
#pragma once

#include "openforbc/bench.h"
#include "openforbc/gpu.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum ofbc_goal {
	OFBC_GOAL_THROUGHPUT, /* most work of all instances together */
	OFBC_GOAL_ENERGY,     /* fewest joules a unit of work */
	OFBC_GOAL_COST,       /* least money a unit of work, with the prices of the request */
	OFBC_GOAL_LATENCY,    /* the slowest instance's latency, at its percentile */
	OFBC_GOAL_USERS,      /* most instances whose latency stays within a bound in every trial */
};

/**
 * struct ofbc_advice_request - what is wanted; zero means the default
 *
 * Since: 0.1
 */
struct ofbc_advice_request {
	const char *const *workloads; /* names of benchmarks, "NAME=WEIGHT" in a mix; none: all */
	size_t n_workloads;
	const char *parameters; /* is part of theirs */
	const char *const
		*runs; /* UUIDs, unique prefixes, labels; none: all that were measured on this host */
	size_t n_runs;
	enum ofbc_goal goal;
	bool is_mix;                   /* one layout for all workloads together */
	unsigned instances;            /* exactly so many; 0: as many as are best */
	enum ofbc_isolation isolation; /* of memory and compute, at least */
	uint64_t memory_bytes;         /* that each instance is promised, at least */
	double within_s;               /* OFBC_GOAL_USERS: the bound */
	const char *metric;            /* latency; NULL: p99, or p95 of OFBC_GOAL_USERS, or what there is */
	double price_hour, price_kwh, pue;
};

/**
 * struct ofbc_candidate - a layout with so many instances, and how good it is
 *
 * Since: 0.1
 */
struct ofbc_candidate {
	char run[37];
	char layout[64];
	char types[128]; /* of its partitions; "" none */
	unsigned instances;
	char unit[48];
	double value, low, high; /* with its 95 % interval; NAN: unknown */
	double behind;           /* the best one by this part: 0.05 is 5 % behind */
	double sure;  /* share of resamplings in which it is within 2 % of the best; NAN: unknown */
	double error; /* of the interpolation, by leaving one out; NAN: it was measured */
	size_t trials;
	char isolation_memory[8], isolation_compute[8]; /* "" not known */
	uint64_t memory_bytes;                          /* promised to an instance; 0: none, or not known */
	char problem[192];                              /* why it cannot be chosen; "" it can */
};

struct ofbc_candidate_list {
	struct ofbc_candidate *v;
	size_t n, cap;
};

/**
 * struct ofbc_advice - candidates for one workload, the best one first
 *
 * Since: 0.1
 */
struct ofbc_advice {
	char benchmark[64]; /* "mix" */
	char parameters[256];
	char host[64], platform[48], emulated[64]; /* where it was measured */
	bool higher_is_better;
	struct ofbc_candidate_list candidates;
	char **missing; /* measurements that would make it surer; NULL-terminated */
	char *layout;   /* file to apply, of the first candidate; NULL: none can be chosen */
};

struct ofbc_advice_list {
	struct ofbc_advice *v;
	size_t n, cap;
};

/**
 * ofbc_advise() - choose layouts by what was measured
 * @ctx: library context
 * @rq:  what is wanted
 * @ret: set on success; free with ofbc_advice_list_free()
 * @err: optional details on failure
 *
 * Reads the results only. What was measured on other hosts counts when its runs are named; hosts, platforms,
 * and what is emulated are never mixed.
 *
 * Return: 0; -ENOENT nothing was measured that fits; -EINVAL a wish that contradicts itself.
 * Since: 0.1
 */
int ofbc_advise(struct ofbc_context *ctx, const struct ofbc_advice_request *rq, struct ofbc_advice_list **ret,
                struct ofbc_error *err);

/**
 * ofbc_advice_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_advice_list_free(struct ofbc_advice_list *list);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
