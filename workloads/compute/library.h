/* SPDX-License-Identifier: MIT */
/* Shared libraries that need not be there. */
#pragma once

#include <stddef.h>

#include "openforbc/error.h"

/*
 * The first of `names` (NULL at the end) that can be loaded: from the directories in OPENFORBC_LIBRARIES,
 * then where the loader looks, then where CUDA's libraries are put by its installer, by conda and by Python's
 * packages. NULL: none; *err says what was looked for. Libraries stay loaded: those of drivers have threads.
 */
void *library_open(const char *const *names, struct ofbc_error *err);

/* A function of the table at the end of this, and its offset there. */
struct library_symbol {
	const char *name;
	size_t offset;
};

/* Fills the table of function pointers: 0; -ENOTSUP names what is missing. */
int library_symbols(void *library, const char *name, const struct library_symbol *symbols, size_t n,
                    void *table, struct ofbc_error *err);
