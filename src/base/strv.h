/* SPDX-License-Identifier: MIT */
/* List of owned strings. Zero-initialise; n entries plus a NULL terminator once non-empty. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strv {
	char **v;
	size_t n;
	size_t cap;
};

void strv_done(struct strv *l);              /* frees all; leaves a zeroed object */
int strv_add(struct strv *l, const char *s); /* copies; 0 or -ENOMEM */
int strv_addf(struct strv *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool strv_contains(const struct strv *l, const char *s);
void strv_sort(struct strv *l); /* strverscmp order: virtfn2 before virtfn10 */

/* What fits of s, terminated; size > 0. */
void text_copy(char *buf, size_t size, const char *s);

#define _cleanup_strv_ __attribute__((cleanup(strv_done)))
