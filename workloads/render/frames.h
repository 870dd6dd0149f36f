/* SPDX-License-Identifier: MIT */
/*
 * What is known of every frame, and what users feel of it. Pure. A frame is due at a time that does not
 * depend on the frames before it, and its time counts from there, not from when a late renderer came to it:
 * else a renderer that hangs for a second would have one slow frame instead of many.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
	uint64_t due_ns;
	uint64_t end_ns; /* complete; of one that was left out: that of the next one that was not */
	bool is_left_out;
};

struct frame_list {
	struct frame *v;
	size_t n, cap;
};

/* NULL: out of memory. */
struct frame *frames_add(struct frame_list *l, uint64_t due_ns);
void frames_done(struct frame_list *l);
/* Those that were left out are seen with the next picture. The last ones never were: they are given `end_ns`.
 */
void frames_settle(struct frame_list *l, uint64_t end_ns);

struct frame_metrics {
	size_t due, shown;
	double seconds, fps;       /* frames that were shown / time */
	double p50, p95, p99, max; /* ms */
	double p99_low, p99_high;  /* its 95 % interval; NAN: too few frames for one */
	double low_1;              /* frames a second, 1000 / p99 */
	double stutter;            /* share of frames longer than twice the running median */
	double jitter;             /* p95 - p50, ms */
	double dropped;            /* share of frames a full period after their deadline or never there */
};

/* period_ns 0: no rate was asked for, and nothing can be dropped. 0; -ENODATA no frame; -ENOMEM. */
int frames_metrics(const struct frame_list *l, uint64_t begin_ns, uint64_t end_ns, uint64_t period_ns,
                   struct frame_metrics *ret);
