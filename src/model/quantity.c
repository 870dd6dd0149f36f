/* SPDX-License-Identifier: MIT */
#include "model/quantity.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define PLACES_MAX 9

/* Times are not counted in kiloseconds, nor bytes in thousandths. */
static const struct {
	const char *unit;
	int lowest, highest; /* exponents of ten */
} prefixed[] = {
	{"s", -9, 0},      {"B", 0, 15},    {"B/s", 0, 15}, {"bit/s", 0, 15}, {"J", -9, 15}, {"W", -9, 15},
	{"FLOP/s", 0, 18}, {"FLOP", 0, 18}, {"Hz", 0, 15},  {"OP/s", 0, 18},  {"V", -9, 3},  {"A", -9, 3},
};

static const char *const prefixes[] = {"n", "\xc2\xb5", "m", "", "k", "M", "G", "T", "P", "E"};

/* "J/run" is counted as "J" is; FLOP/s has a row of its own. */
static bool takes_prefix(const char *unit, int *ret_lowest, int *ret_highest)
{
	size_t n = strcspn(unit, "/");

	for (int whole = 1; whole >= 0; whole--) {
		for (size_t i = 0; i < ARRAY_SIZE(prefixed); i++) {
			bool is_it = whole ? strcmp(prefixed[i].unit, unit) == 0
			                   : unit[n] && strlen(prefixed[i].unit) == n &&
			                             strncmp(prefixed[i].unit, unit, n) == 0;

			*ret_lowest = prefixed[i].lowest;
			*ret_highest = prefixed[i].highest;
			if (is_it)
				return true;
		}
	}
	return false;
}

void quantity_scale(double largest, const char *unit, struct quantity_scale *ret)
{
	int lowest, highest, exponent;

	if (strcmp(unit, "1") == 0)
		unit = "";
	if (strcmp(unit, "Cel") == 0) /* UCUM's word, in which it is stored */
		unit = "\xc2\xb0"
		       "C";
	ret->factor = 1;
	snprintf(ret->unit, sizeof(ret->unit), "%s", unit);
	if (!isfinite(largest) || largest == 0 || !takes_prefix(unit, &lowest, &highest))
		return;
	exponent = (int)floor(log10(fabs(largest)) / 3 + 1e-9) * 3;
	exponent = exponent < lowest ? lowest : exponent > highest ? highest : exponent;
	ret->factor = pow(10, -exponent);
	snprintf(ret->unit, sizeof(ret->unit), "%s%s", prefixes[exponent / 3 + 3], unit);
}

int quantity_places(double value, double low, double high)
{
	double half = (high - low) / 2;

	if (half > 0)
		return 1 - (int)floor(log10(half) + 1e-9);
	if (!isfinite(value) || value == 0)
		return 0;
	return (isnan(half) ? 2 : 5) - (int)floor(log10(fabs(value)) + 1e-9);
}

static void drop_zeros(char *s)
{
	size_t n = strlen(s);

	if (!strchr(s, '.') || strchr(s, 'e'))
		return;
	while (n && s[n - 1] == '0')
		s[--n] = '\0';
	if (n && s[n - 1] == '.')
		s[n - 1] = '\0';
}

void quantity_number(double value, int places, char *buf, size_t size)
{
	double rounded;

	if (!isfinite(value)) {
		snprintf(buf, size, QUANTITY_UNKNOWN);
		return;
	}
	if (value != 0 && (fabs(value) >= 1e7 || places > PLACES_MAX)) {
		int digits = places + (int)floor(log10(fabs(value)));

		snprintf(buf, size, "%.*e", digits < 0 ? 0 : digits > 15 ? 15 : digits, value);
		return;
	}
	if (places >= 0) {
		snprintf(buf, size, "%.*f", places, value);
		return;
	}
	rounded = pow(10, -places) * round(value * pow(10, places));
	snprintf(buf, size, "%.0f", rounded);
}

void quantity_text(double value, double low, double high, const char *unit, struct quantity_text *ret)
{
	struct quantity_scale s;
	int places;

	quantity_scale(value, unit, &s);
	places = quantity_places(value * s.factor, low * s.factor, high * s.factor);
	quantity_number(value * s.factor, places, ret->value, sizeof(ret->value));
	quantity_number(low * s.factor, places, ret->low, sizeof(ret->low));
	quantity_number(high * s.factor, places, ret->high, sizeof(ret->high));
	if (low == high) { /* one value ever: nothing says how many digits count */
		drop_zeros(ret->value);
		drop_zeros(ret->low);
		drop_zeros(ret->high);
	}
	snprintf(ret->unit, sizeof(ret->unit), "%s", s.unit);
}
