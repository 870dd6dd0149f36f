/* SPDX-License-Identifier: MIT */
/* Numbers that a seed repeats on every machine: xoshiro256** (Blackman and Vigna), seeded by SplitMix64. */
#pragma once

#include <math.h>
#include <stdint.h>

struct random {
	uint64_t s[4];
};

static inline uint64_t random_mix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline struct random random_seeded(uint64_t seed)
{
	struct random r;

	for (int i = 0; i < 4; i++)
		r.s[i] = random_mix(&seed);
	return r;
}

static inline uint64_t random_rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t random_u64(struct random *r)
{
	uint64_t *s = r->s, result = random_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = random_rotate(s[3], 45);
	return result;
}

/* 0 ... n - 1, each as likely as the others (Lemire). n is not 0. */
static inline uint64_t random_below(struct random *r, uint64_t n)
{
	unsigned __int128 m = (unsigned __int128)random_u64(r) * n;

	while ((uint64_t)m < n && (uint64_t)m < -n % n)
		m = (unsigned __int128)random_u64(r) * n;
	return (uint64_t)(m >> 64);
}

/* [0, 1) */
static inline double random_unit(struct random *r)
{
	return (double)(random_u64(r) >> 11) * 0x1p-53;
}

/* Time to the next arrival of a Poisson process with `rate` arrivals in a unit of time. */
static inline double random_gap(struct random *r, double rate)
{
	return -log1p(-random_unit(r)) / rate;
}
