/* SPDX-License-Identifier: MIT */
/* The documents of environments: no crash, and what changed between two is ordered by its weight. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The two halves of the text, at its first newline, as documents before and after. */
static void check_diff(char *s)
{
	struct environment_diff d = {0};
	_cleanup_free_ char *text = NULL;
	char *newline = strchr(s, '\n');

	if (!newline)
		return;
	*newline = '\0';
	if (environment_diff(s, newline + 1, &d, NULL) == 0) {
		for (size_t i = 1; i < d.n; i++)
			require(d.v[i - 1].weight >= d.v[i].weight);
		(void)environment_diff_text(&d, &text);
		environment_diff_done(&d);
	}
	if (environment_diff(s, s, &d, NULL) == 0) {
		require(d.n == 0);
		environment_diff_done(&d);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = malloc(size + 1);

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	check_diff(s);
	return 0;
}
