/* SPDX-License-Identifier: MIT */
/* Automatic release of resources at the end of their scope. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines cleanup_<name>(T **p) that calls func(*p); func must accept NULL. */
#define DEFINE_CLEANUP(type, func)                                                                           \
	static inline void func##_p(type *p)                                                                 \
	{                                                                                                    \
		func(*p);                                                                                    \
	}                                                                                                    \
	struct func##_needs_semicolon

static inline void free_p(void *p)
{
	free(*(void **)p);
}

static inline void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclose_p(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_   _cleanup_(free_p)
#define _cleanup_close_  _cleanup_(close_p)
#define _cleanup_fclose_ _cleanup_(fclose_p)

#define steal_ptr(p)                                                                                         \
	({                                                                                                   \
		__typeof__(p) steal_ptr_ = (p);                                                              \
		(p) = NULL;                                                                                  \
		steal_ptr_;                                                                                  \
	})

static inline int steal_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
