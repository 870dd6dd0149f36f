/* SPDX-License-Identifier: MIT */
#include "base/gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cleanup.h"

#define GZIP_ONLY (MAX_WBITS + 16) /* zlib's way to ask for this header and no other */
#define FIRST     ((size_t)1 << 16)

int gzip_pack(const void *data, size_t len, char **ret, size_t *ret_len)
{
	z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)len};
	int r = -ENOMEM;
	char *out;

	if (len > UINT_MAX)
		return -EFBIG;
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_ONLY, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -ENOMEM;
	z.avail_out = (uInt)deflateBound(&z, len);
	out = malloc(z.avail_out);
	z.next_out = (Bytef *)out;
	if (out && deflate(&z, Z_FINISH) == Z_STREAM_END)
		r = 0;
	*ret_len = z.total_out;
	deflateEnd(&z);
	if (r == 0)
		*ret = out;
	else
		free(out);
	return r;
}

/* Until the end, into a buffer that grows. Several files that were joined are one. */
static int inflate_all(z_stream *z, size_t max, char **buf, size_t *ret_len)
{
	size_t size = 0;
	int r = Z_OK;

	*ret_len = 0;
	while (r != Z_STREAM_END || z->avail_in) {
		if (*ret_len == size) {
			char *more;

			if (size > max)
				return -EFBIG;
			size = size ? 2 * size : FIRST;
			size = size > max ? max + 1 : size; /* one more tells that it is too much */
			more = realloc(*buf, size + 1);
			if (!more)
				return -ENOMEM;
			*buf = more;
		}
		if (r == Z_STREAM_END && inflateReset(z) != Z_OK)
			return -EBADMSG;
		z->next_out = (Bytef *)*buf + *ret_len;
		z->avail_out = size - *ret_len > UINT_MAX ? UINT_MAX : (uInt)(size - *ret_len);
		r = inflate(z, Z_NO_FLUSH);
		*ret_len = (size_t)((char *)z->next_out - *buf);
		if (r == Z_MEM_ERROR)
			return -ENOMEM;
		if (r != Z_STREAM_END && (r != Z_OK || (!z->avail_in && z->avail_out)))
			return -EBADMSG;
	}
	(*buf)[*ret_len] = '\0';
	return *ret_len > max ? -EFBIG : 0;
}

int gzip_unpack(const void *data, size_t len, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *buf = NULL;
	z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)len};
	int r;

	if (len > UINT_MAX)
		return -EFBIG;
	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return -ENOMEM;
	r = inflate_all(&z, max, &buf, ret_len);
	inflateEnd(&z);
	if (r < 0)
		return r;
	*ret = buf;
	buf = NULL;
	return 0;
}
