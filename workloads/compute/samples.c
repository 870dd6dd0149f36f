/* SPDX-License-Identifier: MIT */
#include "samples.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

void samples_add(struct samples *s, uint64_t ns)
{
	s->ns[s->n++ % SAMPLES_MAX] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double samples_quantile(struct samples *s, double share)
{
	uint64_t n = s->n < SAMPLES_MAX ? s->n : SAMPLES_MAX;

	if (!n)
		return NAN;
	qsort(s->ns, n, sizeof(s->ns[0]), by_size);
	return s->ns[(uint64_t)(share * (double)(n - 1) + 0.5)] / 1e9;
}

uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
