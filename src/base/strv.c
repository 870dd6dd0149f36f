/* SPDX-License-Identifier: MIT */
/* List of owned strings. */
#include "base/strv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void strv_done(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strv){0};
}

static int take(struct strv *l, char *s)
{
	if (!s)
		return -ENOMEM;
	if (l->n + 2 > l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		char **v = realloc(l->v, cap * sizeof(*v));

		if (!v) {
			free(s);
			return -ENOMEM;
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
	return 0;
}

int strv_add(struct strv *l, const char *s)
{
	return take(l, strdup(s));
}

int strv_addf(struct strv *l, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : take(l, s);
}

void text_copy(char *buf, size_t size, const char *s)
{
	if (!memccpy(buf, s, '\0', size))
		buf[size - 1] = '\0';
}

bool strv_contains(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i], s) == 0)
			return true;
	}
	return false;
}

/* strverscmp, which walks byte by byte, from the number on in which the names begin to differ: thousands of
 * devices of one parent are called nearly alike. */
static int compare(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t i = 0;

	while (x[i] && x[i] == y[i])
		i++;
	while (i > 0 && x[i - 1] >= '0' && x[i - 1] <= '9')
		i--;
	return strverscmp(x + i, y + i);
}

void strv_sort(struct strv *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare);
}
