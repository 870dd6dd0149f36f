/* SPDX-License-Identifier: MIT */
/* Data files compiled in by scripts/embed.py. */
#pragma once

#include <stddef.h>

struct data_file {
	const char *path; /* "models/H200-141GB-SXM.json" */
	const char *text; /* NUL-terminated */
	size_t len;
};

extern const struct data_file data_files[]; /* ends with path == NULL */
