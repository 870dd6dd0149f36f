/* SPDX-License-Identifier: MIT */
/*
 * What sharing a GPU does, from work rates in the common window. Pure. Names and definitions are those of
 * Eyerman and Eeckhout (STP, ANTT) and Jain. Unknown is NAN.
 */
#pragma once

#include <stddef.h>

struct share_metrics {
	double stp;      /* aggregate speed-up: sum of the normalised progress; above 1 sharing pays */
	double antt;     /* mean slow-down; lower is better */
	double hmean;    /* n / sum of the slow-downs */
	double fairness; /* Jain, of the progress by share; 1 is fair */
	double min_max;  /* slowest by fastest progress */
	double slowest;  /* slow-down of the slowest */
};

/* rate[i]: of instance i while all run; full[i]: of the same program alone on the whole GPU; share[i]: of the
 * GPU that partition i has, NULL: all equal. */
void metrics_share(const double *rate, const double *full, const double *share, size_t n,
                   struct share_metrics *ret);

struct energy_metrics {
	double joules_per_unit;
	double dynamic_joules_per_unit; /* without what the idle board takes */
	double watts;
	double units_per_joule;
	double delay_product; /* joules per unit times seconds per unit */
};

/* Of the whole board; a share of it is never claimed for a partition. idle_watts: NAN unknown. */
void metrics_energy(double joules, double seconds, double work, double idle_watts,
                    struct energy_metrics *ret);

/* Money per unit: hours of the host at price_hour, energy at price_kwh, times what cooling adds (PUE). */
double metrics_cost(double seconds, double joules, double work, double price_hour, double price_kwh,
                    double pue);

struct frame_metrics {
	double fps;                /* frames by time, never the mean of rates */
	double p50, p95, p99, max; /* of the frame times, in their unit */
	double low_1_percent;      /* frames a second at p99 */
	double stutter;            /* share of frames that took more than twice the running median */
	double jitter;             /* p95 - p50 */
};

/* Frame times in seconds. 0; -EINVAL none; -ENOMEM. */
int metrics_frames(const double *seconds, size_t n, struct frame_metrics *ret);

/* --- how many desktops a layout carries --- */

#define VDI_DROPPED_MAX 0.01 /* share of frames */

/* What a session is bound by first: at most 1 / fps for 95 % of its frames, twice that for 99 %, and few
 * dropped. */
enum vdi_limit { VDI_FINE, VDI_P95, VDI_P99, VDI_DROPPED };

enum vdi_limit metrics_vdi_session(const struct frame_metrics *f, double dropped, double fps);

/* One trial with so many sessions, and the limit that the worst of them hit. */
struct vdi_trial {
	unsigned sessions;
	enum vdi_limit limit;
};

struct vdi_capacity {
	unsigned sessions; /* the most that were fine in every trial, with `confirm` trials or more; 0 none */
	unsigned next;     /* what to try next; 0: the answer is confirmed */
	enum vdi_limit limit; /* of one session more; VDI_FINE: that was not tried */
};

/*
 * The search and its answer: doubles from one session, halves the gap, then repeats the answer and one more
 * until each has `confirm` trials. `max`: no more can be started. Trials in any order.
 */
void metrics_vdi_capacity(const struct vdi_trial *v, size_t n, unsigned confirm, unsigned max,
                          struct vdi_capacity *ret);
