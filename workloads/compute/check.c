/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"

void check_value(struct check *c, double got, double want, double scale)
{
	double error = fabs(got - want) / scale;

	if (isnan(error))
		error = INFINITY;
	if (!c->n || error > c->error) {
		c->error = error;
		c->worst = c->n;
	}
	c->n++;
}

int check_judge(const struct check *c, struct ofbc_error *err)
{
	if (c->n && c->error <= c->bound)
		return 0;
	if (!c->n)
		error_set(err, EBADMSG, OFBC_REASON_FAILED, "%s: nothing was checked", c->what);
	else
		error_set(err, EBADMSG, OFBC_REASON_FAILED,
		          "wrong result: %s: error %.3g, at most %.3g is right (value %llu of %llu)", c->what,
		          c->error, c->bound, (unsigned long long)c->worst, (unsigned long long)c->n);
	error_hint(err,
	           "the device or its compiler computes wrongly; compare with --api opencl or --kernel own");
	return -EBADMSG;
}

/* SplitMix64 */
double random_at(uint64_t seed, uint64_t i)
{
	uint64_t z = (seed << 40) + (i + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return (double)(z >> 11) * 0x1p-52 - 1;
}

/* To the nearest, ties to even. */
static uint16_t bf16_of(float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static float of_bf16(uint16_t v)
{
	uint32_t bits = (uint32_t)v << 16;
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

void random_fill(enum precision p, uint64_t seed, uint64_t first, void *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double v = random_at(seed, first + i);

		if (p == PRECISION_FP64)
			((double *)to)[i] = v;
		else if (p == PRECISION_BF16)
			((uint16_t *)to)[i] = bf16_of((float)v);
		else
			((float *)to)[i] = (float)v;
	}
}

double number_at(enum precision p, const void *from, size_t i)
{
	if (p == PRECISION_FP64)
		return ((const double *)from)[i];
	return p == PRECISION_BF16 ? (double)of_bf16(((const uint16_t *)from)[i])
	                           : (double)((const float *)from)[i];
}

double precision_unit(enum precision p)
{
	static const double units[PRECISION_COUNT] = {[PRECISION_FP32] = 0x1p-24,
	                                              [PRECISION_FP64] = 0x1p-53,
	                                              [PRECISION_TF32] = 0x1p-11,
	                                              [PRECISION_BF16] = 0x1p-8};

	return units[p];
}

double random_stored(enum precision p, uint64_t seed, uint64_t i)
{
	double one;

	random_fill(p, seed, i, &one, 1);
	return number_at(p, &one, 0);
}
