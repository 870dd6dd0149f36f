/* SPDX-License-Identifier: MIT */
/*
 * Reading a document with complaints that name file, line and column, and what is valid. Functions return 1
 * for a key that is there, 0 for one that is not, -EINVAL after a complaint, -ENOMEM.
 */
#pragma once

#include <stdint.h>

#include "base/yaml.h"

struct yaml_reader {
	const char *file;
	struct ofbc_error *err;
};

/* -EINVAL */
int yaml_complain(const struct yaml_reader *r, const struct yaml *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A mapping whose keys are all known (NULL-terminated); `what` names it. A near miss is suggested. 0 or
 * -EINVAL. */
int yaml_check_keys(const struct yaml_reader *r, const struct yaml *map, const char *what,
                    const char *const *known);
int yaml_get_text(const struct yaml_reader *r, const struct yaml *map, const char *key, char *buf,
                  size_t size);
int yaml_get_number(const struct yaml_reader *r, const struct yaml *map, const char *key, unsigned min,
                    unsigned max, unsigned *ret);
bool yaml_is_true(const char *s); /* true, yes, on */
