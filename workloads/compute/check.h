/* SPDX-License-Identifier: MIT */
/* Comparing what the device computed with what it should be, and numbers to compute with. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "openforbc/error.h"

/* The largest error seen, relative to a scale that the caller knows, and the largest that is right. */
struct check {
	char what[96];
	double error, bound;
	uint64_t n, worst; /* values looked at, and which was worst */
};

/* One more value; what is no number is infinitely wrong. */
void check_value(struct check *c, double got, double want, double scale);
/* 0; -EBADMSG and *err says how wrong it is. Nothing looked at is wrong, too. */
int check_judge(const struct check *c, struct ofbc_error *err);

/* The i-th of a row of numbers from -1 to below 1, the same everywhere. */
double random_at(uint64_t seed, uint64_t i);
/* An array in a precision: n of these numbers from the first-th on, what became of the i-th, and one of an
 * array. */
void random_fill(enum precision p, uint64_t seed, uint64_t first, void *to, size_t n);
double random_stored(enum precision p, uint64_t seed, uint64_t i);
double number_at(enum precision p, const void *from, size_t i);
/* Half of the distance from 1 to the next number. */
double precision_unit(enum precision p);
