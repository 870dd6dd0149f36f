/* SPDX-License-Identifier: MIT */
/* What a measured program says: no crash, and what was read is within its limits and reads the same again. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/number.h"
#include "bench/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_iteration(const struct protocol_line *l)
{
	struct protocol_line again;
	char text[64];

	require(l->end_ns >= l->start_ns);
	snprintf(text, sizeof(text), "ITERATION %" PRIu64 " %" PRIu64, l->start_ns, l->end_ns);
	require(protocol_parse(text, &again) == 0 && again.start_ns == l->start_ns &&
	        again.end_ns == l->end_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = malloc(size + 1);
	struct protocol_line l;
	double value;

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	if (number_parse(s, &value) == 0)
		require(value - value == 0); /* finite */
	if (protocol_parse(s, &l) < 0)
		return 0;
	if (l.word == PROTOCOL_WORK)
		require(l.work > 0 && l.work - l.work == 0);
	if (l.word == PROTOCOL_REPEATS)
		require(l.repeats > 0);
	if (l.word == PROTOCOL_ITERATION)
		check_iteration(&l);
	if (l.word == PROTOCOL_RESULT)
		require(l.name[0] && l.value > s && l.value < s + size);
	return 0;
}
