/* SPDX-License-Identifier: MIT */
/* A layout file: no crash; a complaint names the place; what was read keeps its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct ofbc_layout *l)
{
	for (size_t i = 0; i < l->entries.n; i++) {
		const struct layout_entry *e = &l->entries.v[i];

		require(e->line && e->column && e->n_modes <= OFBC_MAX_TECHNOLOGIES);
		for (size_t k = 0; k < e->n_modes; k++)
			require(e->modes[k].technology[0] && e->modes[k].variant[0]);
		for (size_t k = 0; k < e->parts.n; k++)
			require(e->parts.v[k].line && e->parts.v[k].placement >= -1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const choices[] = {NULL, "a"};

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct ofbc_layout *l = NULL;
		struct ofbc_error err = {0};

		if (ofbc_layout_read((const char *)data, size, "input", choices[i], &l, &err) < 0)
			require(!l && err.code > 0 && strncmp(err.message, "input", 5) == 0);
		else
			check(l);
		ofbc_layout_free(l);
	}
	return 0;
}
