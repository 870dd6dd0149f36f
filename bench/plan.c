/* SPDX-License-Identifier: MIT */
/*
 * plan: time of the planner alone for fleets of H100 boards full of partitions, each to be arranged anew.
 * Prints the time and the peak of memory; the goals are 10 ms for 8 boards, and 1 s and 1 GiB for 10,000.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "model/plan.h"

/* Name, slots, first slots, maximum, compute slices; an H100 80 GB. */
static const struct {
	const char *key;
	unsigned size, max, slices, starts[8], n;
} profiles[] = {
	{"mig:1g.10gb", 1, 7, 1, {0, 1, 2, 3, 4, 5, 6}, 7},
	{"mig:1g.20gb", 2, 4, 1, {0, 2, 4, 6}, 4},
	{"mig:2g.20gb", 2, 3, 2, {0, 2, 4}, 3},
	{"mig:3g.40gb", 4, 2, 3, {0, 4}, 2},
	{"mig:4g.40gb", 4, 1, 4, {0}, 1},
	{"mig:7g.80gb", 8, 1, 7, {0}, 1},
};
#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

struct gpu {
	struct ofbc_type types[N_PROFILES];
	struct ofbc_type_list list;
	struct capacity capacity;
	struct plan_have have[8];
	struct plan_want want[8];
	struct plan plan;
};

static void add_have(struct gpu *g, unsigned profile, unsigned start)
{
	g->have[g->plan.n_have++] = (struct plan_have){
		.type = &g->types[profile], .at = {start, profiles[profile].size}, .name = ""};
}

static void add_want(struct gpu *g, unsigned profile)
{
	g->want[g->plan.n_want++] =
		(struct plan_want){.type = &g->types[profile], .placement = -1, .name = ""};
}

/* Full: 3g at 4, four 1g at 0 to 3. Wanted: a 3g that must move, or two 2g and three 1g; board by board
 * different. */
static void fill(struct gpu *g, unsigned number)
{
	g->capacity = (struct capacity){
		.n_slots = 8, .n_counters = 1, .counters = {{.name = "slices", .total = 7}}};
	for (unsigned i = 0; i < N_PROFILES; i++) {
		struct ofbc_type *t = &g->types[i];

		snprintf(t->key, sizeof(t->key), "%s", profiles[i].key);
		t->max = profiles[i].max;
		t->draws[0] = profiles[i].slices;
		for (unsigned k = 0; k < profiles[i].n; k++)
			t->placements[t->n_placements++] =
				(struct ofbc_placement){profiles[i].starts[k], profiles[i].size};
	}
	g->list = (struct ofbc_type_list){.v = g->types, .n = N_PROFILES};
	g->plan =
		(struct plan){.capacity = &g->capacity, .types = &g->list, .have = g->have, .want = g->want};
	add_have(g, 3, 4);
	for (unsigned i = 0; i < 4; i++)
		add_have(g, 0, i);
	if (number % 2) {
		add_want(g, 2);
		add_want(g, 2);
		for (unsigned i = 0; i < 3; i++)
			add_want(g, 0);
	} else {
		add_want(g, 4);
		for (unsigned i = 0; i < 3; i++)
			add_want(g, 0);
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(unsigned n, double goal_ms)
{
	struct gpu *gpus = calloc(n, sizeof(*gpus));
	unsigned changes = 0;
	struct rusage usage;
	double start, ms;

	if (!gpus)
		return 1;
	for (unsigned i = 0; i < n; i++)
		fill(&gpus[i], i);
	start = seconds();
	for (unsigned i = 0; i < n; i++) {
		if (plan_solve(&gpus[i].plan) < 0 || gpus[i].plan.verdict != PLAN_POSSIBLE)
			return 1;
		changes += plan_cost(&gpus[i].plan);
	}
	ms = (seconds() - start) * 1000;
	getrusage(RUSAGE_SELF, &usage);
	printf("planner, %5u full GPUs: %8.2f ms (%.1f us a GPU, %u changes), peak memory %ld MiB   goal < %.0f ms  %s\n",
	       n, ms, ms * 1000 / n, changes, usage.ru_maxrss / 1024, goal_ms,
	       ms < goal_ms ? "met" : "MISSED");
	free(gpus);
	return 0;
}

int main(void)
{
	return run(8, 10) || run(100, 100) || run(1000, 1000) || run(10000, 1000);
}
