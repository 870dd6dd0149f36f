/* SPDX-License-Identifier: MIT */
#include "bench/histogram.h"

#include <errno.h>
#include <math.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/distribution.h"

#define TEXT_MAX  (512u << 10) /* all buckets with their largest counts fit */

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

double histogram_value(unsigned bucket)
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
			return fmin(fmax(histogram_value(i), (double)h->min_ns), (double)h->max_ns);
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

int histogram_print(const struct histogram *h, char **ret)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(TEXT_MAX);

	strbuf_addf(&b, "%" PRIu64 " %" PRIu64, h->min_ns, h->max_ns);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->counts[i])
			strbuf_addf(&b, " %u:%" PRIu64, i, h->counts[i]);
	}
	return strbuf_take(&b, ret);
}

/* A whole number, and what it ends with. */
static bool take_number(const char **text, const char *ends, uint64_t *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*ret = strtoull(*text, &end, 10);
	if (errno || (*end && !strchr(ends, *end)))
		return false;
	*text = end + (*end != '\0');
	return true;
}

int histogram_parse(const char *text, struct histogram *ret)
{
	uint64_t bucket, count, after = 0;

	*ret = (struct histogram){0};
	if (!take_number(&text, " ", &ret->min_ns) || !take_number(&text, " ", &ret->max_ns) ||
	    ret->min_ns > ret->max_ns)
		return -EINVAL;
	while (*text) {
		if (!take_number(&text, ":", &bucket) || text[-1] != ':' || !take_number(&text, " ", &count))
			return -EINVAL;
		/* in their order, none twice, between the ends */
		if (bucket < after || bucket < bucket_of(ret->min_ns) || bucket > bucket_of(ret->max_ns) ||
		    !count || count > UINT64_MAX / 2 - ret->n)
			return -EINVAL;
		ret->counts[bucket] = count;
		ret->n += count;
		after = bucket + 1;
	}
	return ret->n && ret->counts[bucket_of(ret->min_ns)] && ret->counts[bucket_of(ret->max_ns)] ? 0
	                                                                                            : -EINVAL;
}
