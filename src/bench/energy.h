/* SPDX-License-Identifier: MIT */
/*
 * Energy of a window, from a counter whose habits were looked at first. Counters move in ticks; a window
 * begins and ends with one, so that its energy is that of its time. The uncertainty that can be computed
 * (`u`) stands beside the one of the sensor's gain, which is systematic and cancels between
 * measurements on the same board. What cannot be said is refused, with the reason.
 *
 * Every figure is of a whole board or processor package. A share of it is an estimate and named so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/sensor.h"

#define ENERGY_GAIN        0.05 /* of the reading, 5 %: Yang et al., SC'24, on NVIDIA boards */
#define ENERGY_MIN_TICKS   20u
#define ENERGY_MIN_POWER_S 5.0 /* shorter windows of sampled power are refused */

struct energy_point {
	uint64_t at_ns, uj;
};

/* --- self-test --- */

#define ENERGY_RATES 4

/* What is known of a counter. */
struct energy_traits {
	bool is_usable;
	char reason[128]; /* not usable: why */
	uint64_t tick_ns; /* median time between two changes */
	uint64_t tick_min_ns, tick_max_ns;
	uint64_t quantum_uj; /* what all its steps were multiples of: its resolution, or more */
	uint64_t step_uj;    /* median step */
	uint64_t poll_ns;    /* it was looked at this often */
	size_t ticks;
	double watts; /* between its first and its last change: of an idle machine, what it takes idle */
	double watched_s;
	uint64_t cost_ns, cost_cpu_ns; /* of one reading, median */
	/* Power by the counter over power by the power sensor; NAN: not compared. */
	double agreement;
	double counter_w, sensor_w;
	/* The same when the counter is read this often: some lose energy by being looked at. */
	struct {
		uint64_t every_ns;
		double agreement;
	} rates[ENERGY_RATES];
};

/* Pure: tick, quantum and step of a counter that was polled. */
void energy_traits_of(const struct energy_point *v, size_t n, struct energy_traits *ret);

struct energy_test_options {
	uint64_t poll_ns;   /* 0: 1 ms */
	uint64_t settle_ns; /* polling ends after this, or after 20 ticks; 0: 3 s */
	uint64_t agree_ns;  /* comparison with the power sensor; 0: none. 10 s for a good one */
	bool with_rates;    /* also at 1, 10, 100 and 1000 ms: 6 s more */
};

/* Looks at a counter of the set: 0, with is_usable and the reason in it; -EINVAL: no energy counter; -ENOMEM.
 */
int energy_test(struct sensor_set *set, size_t sensor, const struct energy_test_options *o,
                struct energy_traits *ret);

/* --- edges and windows --- */

struct energy_edge {
	uint64_t at_ns, uj;
	uint64_t gap_ns; /* the change was somewhere in this time before at_ns */
	unsigned resets;
	bool is_known, is_aligned;
};

/* One board's counter, and where the edge of a window goes. */
struct energy_counter {
	size_t sensor;
	const struct energy_traits *traits;
	struct energy_edge edge;
};

#define ENERGY_COUNTERS_MAX 64

/* Edges that are being waited for while something else goes on. */
struct energy_wait {
	struct sensor_set *set;
	struct energy_counter *c;
	size_t n;
	struct energy_wait_one {
		uint64_t last_at_ns, last_uj;
		uint64_t start_ns, due_ns, poll_ns;
		bool is_over;
	} v[ENERGY_COUNTERS_MAX];
};

/* Polls each at a tenth of its tick until it changes, for two of its ticks at most; all in the same time. */
void energy_wait_begin(struct energy_wait *w, struct sensor_set *set, struct energy_counter *c, size_t n);
/* Looks at those that are due: when the next one is, 0 all edges are there. */
uint64_t energy_wait_step(struct energy_wait *w);
/* Both in one, blocking. */
void energy_edges_take(struct sensor_set *set, struct energy_counter *c, size_t n);
void energy_edge_take(struct sensor_set *set, size_t sensor, const struct energy_traits *t,
                      struct energy_edge *ret);

enum energy_source { ENERGY_NONE, ENERGY_COUNTER, ENERGY_INTEGRATED };

struct energy {
	enum energy_source source;
	char label[32];   /* "nvml-counter", "rapl-counter", "power-integrated"; "" refused */
	char reason[160]; /* refused: why */
	double j, u_j;    /* of the window, and its standard uncertainty; NAN refused */
	double gain;      /* relative systematic uncertainty, not part of u_j */
	double window_s;  /* between its own edges, over which work has to be counted, too */
	uint64_t from_ns, to_ns;
};

/* Pure. `source`: of the sensor, for the label. */
void energy_window(const struct energy_edge *a, const struct energy_edge *b, const struct energy_traits *t,
                   const char *source, struct energy *ret);

struct power_point {
	uint64_t at_ns;
	double w; /* NAN: unknown */
};

/* Pure: trapezoids under sampled power between two times, for boards without a counter. */
void energy_integrate(const struct power_point *v, size_t n, uint64_t from_ns, uint64_t to_ns,
                      struct energy *ret);

/* The same of a power sensor's samples: 0, with `source` and the reason in it; -ENOMEM. */
struct sampler;
int energy_of_samples(const struct sampler *s, size_t sensor, uint64_t from_ns, uint64_t to_ns,
                      struct energy *ret);

/* --- estimates of a share --- */

struct energy_estimate {
	double j;
	char model[96]; /* what was assumed; printed with the figure, always */
};

/*
 * Pure. Share i of n of a board's energy: the idle part is divided as the resources are (`share`), the rest
 * as the work was (`activity`, any unit). A model and no measurement. -EINVAL: unknown or senseless input.
 */
int energy_estimate_share(const struct energy *board, double idle_w, const double *share,
                          const double *activity, size_t n, size_t i, struct energy_estimate *ret);
