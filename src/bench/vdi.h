/* SPDX-License-Identifier: MIT */
/*
 * How many desktop sessions a machine carries: what a trial with so many of them says, and which number to
 * try next. Pure. Times are in seconds, parts are shares of 1; unknown is NAN.
 */
#pragma once

#include <stddef.h>

#define VDI_DROPPED_MAX 0.01 /* share of frames */
#define VDI_SCORE_FULL  10.0 /* of a session whose frames are all there in time */
#define VDI_SCORE_DROP  0.15 /* of the score of one session alone: so much lower is too low */

/* What a session is bound by first: at most 1 / fps for 95 % of its frames, twice that for 99 %, and few
 * dropped.
 */
enum vdi_limit { VDI_FINE, VDI_P95, VDI_P99, VDI_DROPPED, VDI_FAILED };
#define VDI_N_LIMITS (VDI_FAILED + 1)
extern const char *const vdi_limit_names[VDI_N_LIMITS];

struct vdi_session {
	double p95, p99; /* of its frame times */
	double dropped;
};

enum vdi_limit vdi_session_limit(const struct vdi_session *s, double fps);

/* Ours: the share of frames that were seen, and how far p95 is beyond the time of a frame. 0 to
 * VDI_SCORE_FULL. */
double vdi_session_score(const struct vdi_session *s, double fps);

/* One trial with so many sessions. */
struct vdi_trial {
	unsigned sessions;
	enum vdi_limit limit;     /* the first one that a session hit; VDI_FAILED: the rest is unknown */
	double p95, p99, dropped; /* each of the session that is worst by it */
	double score;             /* mean */
};

void vdi_trial_judge(const struct vdi_session *v, unsigned sessions, double fps, struct vdi_trial *ret);

struct vdi_capacity {
	unsigned sessions; /* the most that were fine in every trial, with `confirm` trials or more; 0 none */
	unsigned next;     /* what to try next; 0: the answer is confirmed */
	unsigned good,
		bad; /* so far: the most that were fine, and the fewest that were not; bad > max: none */
	enum vdi_limit limit; /* of one session more; VDI_FINE: that was not tried */
};

/*
 * The search and its answer: doubles from one session, halves the gap, then repeats the answer and one more
 * until each has `confirm` trials. `max`: no more can be started. Trials in any order.
 */
void vdi_capacity(const struct vdi_trial *v, size_t n, unsigned confirm, unsigned max,
                  struct vdi_capacity *ret);

/* How many sessions keep the score of one alone, but for VDI_SCORE_DROP of it: from `low` to `high`, by the
 * numbers that were tried. */
struct vdi_score {
	double alone;       /* NAN: it is not known, nor is the rest */
	unsigned low, high; /* high 0: no trial had too low a score */
};

void vdi_score(const struct vdi_trial *v, size_t n, struct vdi_score *ret);
