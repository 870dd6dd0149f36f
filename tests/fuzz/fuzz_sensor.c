/* SPDX-License-Identifier: MIT */
/* What kernel and drivers write for sensors: no crash, and answers in range. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/energy.h"
#include "bench/sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_texts(const char *s)
{
	uint64_t v = 0;

	if (sensor_parse_stat(s, &v) == 0 || sensor_parse_cpu(s, &v) == 0)
		require(v % 10000 == 0 && v <= INT64_MAX);
	(void)sensor_parse_keyed(s, "VmRSS", &v);
	(void)sensor_parse_keyed(s, "usage_usec", &v);
}

/* Bytes as a counter that was polled. */
static void check_counter(const uint8_t *data, size_t size)
{
	size_t n = size / 2;
	_cleanup_free_ struct energy_point *v = calloc(n + 1, sizeof(*v));
	struct energy_traits t;
	uint64_t at = 0, uj = 0, d;

	if (!v)
		return;
	for (size_t i = 0; i < n; i++) {
		at += data[2 * i];
		uj += data[2 * i + 1];
		v[i] = (struct energy_point){.at_ns = at, .uj = data[2 * i + 1] == 255 ? uj / 2 : uj};
		if (i && counter_difference(v[i - 1].uj, v[i].uj, 1000, &d) == 0)
			require(v[i].uj < v[i - 1].uj ? d <= 500 : d == v[i].uj - v[i - 1].uj);
	}
	energy_traits_of(v, n, &t);
	require(t.is_usable ? t.quantum_uj > 0 && t.quantum_uj <= t.step_uj && t.ticks >= 2 : t.reason[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = malloc(size + 1);
	uint64_t uj;

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	check_texts(s);
	if (sensor_parse_amd(s, size, &uj) == 0)
		require(uj <= INT64_MAX);
	check_counter(data, size);
	return 0;
}
