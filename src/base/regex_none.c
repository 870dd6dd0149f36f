/* SPDX-License-Identifier: MIT */
/* A build without PCRE2. */
#include "base/regex.h"

#include <errno.h>

#include "base/error.h"

int regex_new(const char *pattern, struct regex **ret, struct ofbc_error *err)
{
	(void)ret;
	return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	                 "'%s': this program was built without regular expressions (libpcre2)", pattern);
}

void regex_free(struct regex *re)
{
	(void)re;
}

unsigned regex_groups(const struct regex *re)
{
	(void)re;
	return 0;
}

int regex_next(const struct regex *re, const char *text, size_t len, size_t *offset, unsigned group,
               size_t *ret_start, size_t *ret_len)
{
	(void)re, (void)text, (void)len, (void)offset, (void)group, (void)ret_start, (void)ret_len;
	return 0;
}
