/* SPDX-License-Identifier: MIT */
/*
 * How another machine's monotonic clock stands to ours, bounded by ping-pong: an exchange that took r in
 * transit says the difference to within r / 2, whatever the way there and back took. Pure.
 */
#pragma once

#include <stdint.h>

/* The narrowest exchange of several. */
struct clock_reading {
	int64_t offset_ns; /* theirs minus ours */
	uint64_t bound_ns; /* the true one is at most that far away */
	uint64_t at_ns;    /* ours */
	unsigned n;        /* exchanges; 0: nothing is known */
};

/* Our time of sending, theirs of receiving and answering, ours of the answer. What cannot be is ignored. */
void clock_exchange(struct clock_reading *c, uint64_t sent, uint64_t their_received, uint64_t their_sent,
                    uint64_t received);

/* Before and after a trial; between them the clocks are taken to drift evenly. */
struct clock_pair {
	struct clock_reading before, after; /* after.n 0: not yet */
};

uint64_t clock_to_ours(const struct clock_pair *c, uint64_t theirs);
uint64_t clock_to_theirs(const struct clock_pair *c, uint64_t ours);
/* For every moment between both readings, as long as the difference only grew or only shrank. */
uint64_t clock_bound_ns(const struct clock_pair *c);
