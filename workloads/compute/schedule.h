/* SPDX-License-Identifier: MIT */
/* When iterations are due that somebody asks for, however long they take (open loop). Pure. */
#pragma once

#include <stdint.h>

enum arrivals {
	ARRIVALS_POISSON, /* of many users, who do not know of each other */
	ARRIVALS_UNIFORM, /* of a clock */
};

struct schedule {
	enum arrivals arrivals;
	double rate; /* a second */
	uint64_t seed, n;
	double last_s; /* after the start */
	uint64_t start_ns;
};

/* seed: any text; another one are other arrivals. */
struct schedule schedule_begin(enum arrivals arrivals, double rate, const char *seed, uint64_t start_ns);
/* When the next one is due. */
uint64_t schedule_next(struct schedule *s);
