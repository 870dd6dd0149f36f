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
