/* SPDX-License-Identifier: MIT */
/* Iterations of a workload until somebody says stop: one after the other, or when they are due. */
#pragma once

#include "protocol.h"
#include "samples.h"
#include "workload.h"

struct load {
	uint64_t first_ns, last_ns, last_due_ns; /* last_due_ns: 0 without a rate */
	uint64_t iterations;
	struct samples latencies; /* of a repeat, from when it was due; with a rate */
};

/* How many repeats are an iteration, found in the warm-up: 0; -EINTR after a signal. */
int load_warm_up(struct job *j, const struct workload *w, unsigned *ret, struct ofbc_error *err);
/* n repeats an iteration: 0; -EINTR after a signal; -EPIPE who started this is gone. */
int load_run(struct job *j, const struct workload *w, struct protocol *p, unsigned n, struct load *ret,
             struct ofbc_error *err);
/* What it came to, for people. */
void load_print(const struct job *j, const struct workload *w, unsigned n, struct load *l);
