/* SPDX-License-Identifier: MIT */
/* A build without zlib. */
#include "base/gzip.h"

#include <errno.h>

int gzip_pack(const void *data, size_t len, char **ret, size_t *ret_len)
{
	(void)data;
	(void)len;
	(void)ret;
	(void)ret_len;
	return -ENOTSUP;
}

int gzip_unpack(const void *data, size_t len, size_t max, char **ret, size_t *ret_len)
{
	(void)data;
	(void)len;
	(void)max;
	(void)ret;
	(void)ret_len;
	return -ENOTSUP;
}
