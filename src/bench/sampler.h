/* SPDX-License-Identifier: MIT */
/*
 * Periodic samples of a set of sensors, each with the phase it was taken in. There is no thread: whoever
 * waits for the measured programs asks sampler_due_ns() for how long, and calls sampler_step() then. Memory
 * is bounded: when the rows are full every second one is dropped, and from then on every second sample is
 * kept; the figures of the phases are made of all.
 */
#pragma once

#include "bench/sensor.h"

enum sampler_phase { SAMPLER_WARM_UP, SAMPLER_WINDOW, SAMPLER_COOL_DOWN, SAMPLER_PHASES };
extern const char *const sampler_phase_names[SAMPLER_PHASES];

struct sampler_options {
	unsigned hz;     /* 0: 10 */
	size_t max_rows; /* 0: 36000, an hour at 10 Hz */
	/* Share of one processor that sampling may use; 0: 0.01. Calls that are too dear for it are read once
	 * a second instead of with each sample, or at the edges only. */
	double budget;
};

struct sampler;

/* The set is borrowed. Measures what its calls cost (three each). -ENOMEM. */
int sampler_new(struct sensor_set *set, const struct sampler_options *o, struct sampler **ret);
void sampler_free(struct sampler *s);

static inline void sampler_free_p(struct sampler **s)
{
	sampler_free(*s);
}
#define _cleanup_sampler_ __attribute__((cleanup(sampler_free_p)))

/* A phase begins: everything is read at once, for it and for the one that ends. The first call starts. */
void sampler_begin(struct sampler *s, enum sampler_phase phase);
void sampler_end(struct sampler *s); /* the last phase ends */

uint64_t sampler_due_ns(const struct sampler *s); /* when the next sample is, by the platform's clock */
bool sampler_step(struct sampler *s);             /* takes it if it is due */
/* Samples and sleeps until then. */
void sampler_wait(struct sampler *s, uint64_t until_ns);

struct sampler_row {
	uint64_t at_ns;
	enum sampler_phase phase;
	const struct sensor_reading *v; /* one of each sensor */
};
size_t sampler_rows(const struct sampler *s);
struct sampler_row sampler_row(const struct sampler *s, size_t i);

/* One sensor in one phase, over all its samples. */
struct sampler_figures {
	size_t n; /* known ones; 0: the rest says nothing */
	int64_t min, max, first, last;
	double mean;    /* gauges: of the samples */
	unsigned flags; /* flags: all that were seen */
	size_t n_thermal;
};
struct sampler_figures sampler_figures(const struct sampler *s, enum sampler_phase phase, size_t sensor);

/* All rows as CSV, for programs: a column of each sensor, "0000:41:00.0/power_mw"; unknown is empty. */
struct strbuf;
void sampler_print(const struct sampler *s, struct strbuf *b);

/* What sampling itself took. */
struct sampler_cost {
	size_t samples;
	size_t missed;       /* due times that passed while nobody called */
	size_t kept_each;    /* 1: all rows are there; 2: every second ... */
	size_t n_slowed;     /* calls that were too dear for each sample */
	uint64_t cpu_ns;     /* of this thread, in this module */
	uint64_t wall_ns;    /* from the first phase on */
	uint64_t longest_ns; /* sample, in wall time */
	double cpu_share;    /* of one processor */
};
struct sampler_cost sampler_cost(const struct sampler *s);
