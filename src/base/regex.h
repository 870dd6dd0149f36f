/* SPDX-License-Identifier: MIT */
/* The only door to the regular expression library: Perl's syntax, which Python's users know. */
#pragma once

#include <stddef.h>

struct regex;
struct ofbc_error;

/* Lines: ^ and $ match at each. -EINVAL with the place of the mistake; -ENOTSUP in a build without the
 * library. */
int regex_new(const char *pattern, struct regex **ret, struct ofbc_error *err);
void regex_free(struct regex *re);
unsigned regex_groups(const struct regex *re);
/*
 * The next match from *offset on, which is moved behind it: 1 and the text of `group` (0: of all) in
 * *ret_start and *ret_len, a length of 0 for a group that took no part; 0 none; -E2BIG the expression takes
 * too long on this text.
 */
int regex_next(const struct regex *re, const char *text, size_t len, size_t *offset, unsigned group,
               size_t *ret_start, size_t *ret_len);

static inline void regex_free_p(struct regex **re)
{
	regex_free(*re);
}
#define _cleanup_regex_ __attribute__((cleanup(regex_free_p)))
