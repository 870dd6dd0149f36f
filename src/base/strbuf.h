/* SPDX-License-Identifier: MIT */
/* Growing string with a hard limit and a sticky error, checked once at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *s; /* always NUL-terminated once something was added; may be NULL while empty */
	size_t len;
	size_t cap;
	size_t max; /* hard limit of len */
	int err;    /* 0, -ENOMEM or -E2BIG; sticky */
};

#define STRBUF_INIT(limit)                                                                                   \
	{                                                                                                    \
		.max = (limit)                                                                               \
	}

void strbuf_done(struct strbuf *b);                 /* frees; safe on a zeroed object */
void strbuf_reserve(struct strbuf *b, size_t more); /* a hint: that much will be added */
void strbuf_add(struct strbuf *b, const char *s);
void strbuf_addn(struct strbuf *b, const char *s, size_t n);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_clear(struct strbuf *b);
const char *strbuf_str(const struct strbuf *b); /* "" while empty */
int strbuf_take(struct strbuf *b, char **ret);  /* ownership to *ret; 0 or the sticky error */

#define _cleanup_strbuf_ __attribute__((cleanup(strbuf_done)))
