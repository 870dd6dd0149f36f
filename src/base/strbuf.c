/* SPDX-License-Identifier: MIT */
/* Growing string with a hard limit. */
#include "base/strbuf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_done(struct strbuf *b)
{
	free(b->s);
	b->s = NULL;
	b->len = b->cap = 0;
}

static bool reserve(struct strbuf *b, size_t more)
{
	size_t need = b->len + more + 1, cap = b->cap ? b->cap : 128;
	char *s;

	if (b->err)
		return false;
	if (more > b->max || b->len + more > b->max) {
		b->err = -E2BIG;
		return false;
	}
	if (need <= b->cap)
		return true;
	while (cap < need)
		cap *= 2;
	s = realloc(b->s, cap);
	if (!s) {
		b->err = -ENOMEM;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void strbuf_reserve(struct strbuf *b, size_t more)
{
	char *s;

	if (b->err || more > b->max || b->len + more > b->max || b->len + more < b->cap)
		return;
	s = realloc(b->s, b->len + more + 1);
	if (!s)
		return;
	b->s = s;
	b->cap = b->len + more + 1;
	b->s[b->len] = '\0';
}

void strbuf_addn(struct strbuf *b, const char *s, size_t n)
{
	if (!reserve(b, n))
		return;
	memcpy(b->s + b->len, s, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void strbuf_add(struct strbuf *b, const char *s)
{
	strbuf_addn(b, s, strlen(s));
}

void strbuf_addc(struct strbuf *b, char c)
{
	strbuf_addn(b, &c, 1);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(b, (size_t)n)) {
		b->err = b->err ? b->err : -EINVAL;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void strbuf_clear(struct strbuf *b)
{
	b->len = 0;
	b->err = 0;
	if (b->s)
		b->s[0] = '\0';
}

const char *strbuf_str(const struct strbuf *b)
{
	return b->s ? b->s : "";
}

int strbuf_take(struct strbuf *b, char **ret)
{
	if (!b->err && !b->s)
		reserve(b, 0);
	if (b->err)
		return b->err;
	b->s[b->len] = '\0';
	*ret = b->s;
	b->s = NULL;
	b->len = b->cap = 0;
	return 0;
}
