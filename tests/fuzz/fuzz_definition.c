/* SPDX-License-Identifier: MIT */
/* Definitions of benchmarks: no crash, errors carry a message, and what was read can be expanded. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void expand(const struct bench_definition *d)
{
	struct pair_list base = {0};
	struct combination_list all = {0};
	struct ofbc_error err = {0};

	for (size_t i = 0; i < d->parameters.n; i++)
		require(pair_set(&base, d->parameters.v[i].name, d->parameters.v[i].value) == 0);
	if (definition_combinations(d, &base, &all, &err) == 0) {
		for (size_t i = 0; i < all.n; i++)
			require(all.v[i].n == d->parameters.n);
	} else {
		require(err.message[0]);
	}
	combination_list_done(&all);
	pair_list_done(&base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_definition_ struct bench_definition *d = NULL;
	struct ofbc_error err = {0};

	if (definition_parse((const char *)data, size, "fuzz", &d, &err) < 0)
		require(!d && err.code > 0 && err.message[0]);
	else
		expand(d);
	return 0;
}
