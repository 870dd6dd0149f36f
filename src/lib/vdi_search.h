/* SPDX-License-Identifier: MIT */
/* A search for the number of desktop sessions while it runs. */
#pragma once

#include "bench/vdi.h"
#include "lib/bench_job.h"
#include "openforbc/bench_vdi.h"

/* What the metrics of the benchmark have to be multiplied by, for seconds and shares. */
struct vdi_units {
	double p95, p99, dropped;
};

/* What is told of a trial beside its numbers. */
struct vdi_note {
	double cpu_busy, board_busy; /* NAN: not known */
	double frames;               /* of the session with the fewest; NAN: not known */
	char reason[256];            /* why a session failed; "" none did */
};

struct vdi_search {
	struct bench_job *job;
	struct vdi_units units;
	struct {
		struct vdi_trial *v;
		size_t n, cap;
	} trials; /* that count, in their order */
	struct {
		struct vdi_note *v;
		size_t n, cap;
	} notes;            /* one of each */
	unsigned throttled; /* trials in a row */
};

void vdi_search_done(struct vdi_search *s);

/* --- vdi_read.c --- */
/* -EINVAL: the benchmark does not measure frames. */
int vdi_units_find(const struct bench_definition *d, struct vdi_units *ret, struct ofbc_error *err);
/* One more trial that counts; t NULL: with so many sessions it could not even be started. */
int vdi_search_add(struct vdi_search *s, unsigned sessions, const struct bench_trial *t, const char *reason);
/* By what a trial or a step missed its objective, in words. */
void vdi_explain(const struct vdi_trial *t, const struct vdi_note *note, double fps, char *buf, size_t size);
/* All that is known by now. */
int vdi_search_answer(const struct vdi_search *s, struct ofbc_vdi_answer *ret);

/* --- vdi_search.c --- */
/* Trials of a run that was interrupted. */
int vdi_search_take_over(struct vdi_search *s, struct ofbc_error *err);
/* Until the answer is confirmed or the time is over. */
int vdi_search_run(struct vdi_search *s, struct ofbc_error *err);
