/* SPDX-License-Identifier: MIT */
/* Files of gzip (RFC 1952), whole, in memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

static inline bool gzip_is(const void *data, size_t len)
{
	const unsigned char *c = data;

	return len > 2 && c[0] == 0x1f && c[1] == 0x8b;
}
/* -ENOTSUP in a build without zlib. free() *ret. */
int gzip_pack(const void *data, size_t len, char **ret, size_t *ret_len);
/* What it holds, and a zero byte after it. -EBADMSG damaged or cut off, -EFBIG more than max bytes, -ENOTSUP.
 */
int gzip_unpack(const void *data, size_t len, size_t max, char **ret, size_t *ret_len);
