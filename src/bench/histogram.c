/* SPDX-License-Identifier: MIT */
#include "bench/histogram.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "bench/distribution.h"

#define PER_POWER (1u << HISTOGRAM_BITS)

/* Values below 128 have a bucket each; above, the first seven bits after the leading one choose it. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < PER_POWER)
		return (unsigned)ns;
	shift = 63 - (unsigned)__builtin_clzll(ns) - HISTOGRAM_BITS;
	return (shift + 1) * PER_POWER + ((unsigned)(ns >> shift) & (PER_POWER - 1));
}

static double middle_of(unsigned bucket)
{
	unsigned shift = bucket / PER_POWER;

	if (bucket < PER_POWER)
		return bucket;
	return ldexp((double)(PER_POWER + bucket % PER_POWER) + 0.5, (int)shift - 1);
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	if (!h->n || ns < h->min_ns)
		h->min_ns = ns;
	if (!h->n || ns > h->max_ns)
		h->max_ns = ns;
	h->n++;
	h->counts[bucket_of(ns)]++;
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
	if (!other->n)
		return;
	if (!h->n || other->min_ns < h->min_ns)
		h->min_ns = other->min_ns;
	if (!h->n || other->max_ns > h->max_ns)
		h->max_ns = other->max_ns;
	h->n += other->n;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		h->counts[i] += other->counts[i];
}

/* Value number `rank`, from 1. */
static double at_rank(const struct histogram *h, uint64_t rank)
{
	uint64_t seen = 0;

	if (rank <= 1 || rank >= h->n)
		return (double)(rank <= 1 ? h->min_ns : h->max_ns);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return fmin(fmax(middle_of(i), (double)h->min_ns), (double)h->max_ns);
	}
	return (double)h->max_ns;
}

double histogram_quantile(const struct histogram *h, double q)
{
	if (!h->n || !(q >= 0 && q <= 1))
		return NAN;
	return at_rank(h, (uint64_t)ceil(q * (double)h->n));
}

int histogram_interval(const struct histogram *h, double q, double level, double *ret_low, double *ret_high)
{
	double tail = (1 - level) / 2;
	int64_t low = binomial_quantile(tail, (int64_t)h->n, q),
		high = binomial_quantile(1 - tail, (int64_t)h->n, q) + 1;

	if (binomial_cdf(low - 1, (int64_t)h->n, q) > tail)
		low--;
	if (low < 1 || high > (int64_t)h->n)
		return -EINVAL;
	*ret_low = at_rank(h, (uint64_t)low);
	*ret_high = at_rank(h, (uint64_t)high);
	return 0;
}
