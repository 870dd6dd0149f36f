/* SPDX-License-Identifier: MIT */
/*
 * How a number with an interval is printed, for people. Pure. The interval decides how many digits stand
 * there: two of its half, and as many places for the value. Unknown is NAN and printed as a dash.
 */
#pragma once

#include <stddef.h>

#define QUANTITY_UNKNOWN "\xe2\x80\x93" /* an en dash */

/* A prefix of the SI for numbers up to `largest`: "B" and 2e9 give a factor of 1e-9 and "GB". Units that take
 * none are kept, with a factor of 1; "1" (a plain number) becomes "". */
struct quantity_scale {
	double factor;
	char unit[48];
};

void quantity_scale(double largest, const char *unit, struct quantity_scale *ret);

/* Places behind the point; without an interval (NAN) three digits count. May be negative. */
int quantity_places(double value, double low, double high);
void quantity_number(double value, int places, char *buf, size_t size);

/* All of one at once, scaled by its own size. */
struct quantity_text {
	char value[32], low[32], high[32], unit[48];
};

void quantity_text(double value, double low, double high, const char *unit, struct quantity_text *ret);
