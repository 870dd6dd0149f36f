/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include <math.h>

#include "check.h"

#define FNV_START 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t number_of(const char *text)
{
	uint64_t h = FNV_START;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * FNV_PRIME;
	return h;
}

struct schedule schedule_begin(enum arrivals arrivals, double rate, const char *seed, uint64_t start_ns)
{
	return (struct schedule){
		.arrivals = arrivals, .rate = rate, .seed = number_of(seed), .start_ns = start_ns};
}

/* Seconds to the next one: all alike, or exponential. */
static double gap(struct schedule *s)
{
	double share = (random_at(s->seed, s->n++) + 1) / 2; /* [0, 1) */

	return s->arrivals == ARRIVALS_UNIFORM ? 1 / s->rate : -log1p(-share) / s->rate;
}

uint64_t schedule_next(struct schedule *s)
{
	s->last_s += gap(s);
	return s->start_ns + (uint64_t)(s->last_s * 1e9);
}
