/* SPDX-License-Identifier: MIT */
/* The latest durations of something that is done very often, and what is typical of them. */
#pragma once

#include <stdint.h>

#define SAMPLES_MAX 8192

struct samples {
	uint32_t ns[SAMPLES_MAX];
	uint64_t n; /* seen in all */
};

void samples_add(struct samples *s, uint64_t ns);
/* Seconds below which a share of them is; NAN without any. Sorts them. */
double samples_quantile(struct samples *s, double share);
uint64_t monotonic_ns(void);
