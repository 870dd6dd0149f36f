/* SPDX-License-Identifier: MIT */
/* Latencies by the million in little memory: each power of two is cut into equal buckets. Pure. */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"

#define HISTOGRAM_BITS    7                             /* 128 buckets a power of two */
#define HISTOGRAM_ERROR   (1.0 / (2 << HISTOGRAM_BITS)) /* of a value that is read back, at most: 0.4 % */
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
	uint64_t n, min_ns, max_ns;
	uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t ns);
void histogram_merge(struct histogram *h, const struct histogram *other);
/* The value below which a share q lies: the middle of its bucket, exact at both ends; NAN when empty. */
double histogram_quantile(const struct histogram *h, double q);
/* Of the bucket: its middle. */
double histogram_value(unsigned bucket);
/* "MIN MAX BUCKET:COUNT ...", empty buckets left out; free() it. */
int histogram_print(const struct histogram *h, char **ret);
/* -EINVAL: not such a text. */
int histogram_parse(const char *text, struct histogram *ret);
/* Ranks of an interval of the quantile, from order statistics: 0; -EINVAL too few values. */
int histogram_interval(const struct histogram *h, double q, double level, double *ret_low, double *ret_high);
