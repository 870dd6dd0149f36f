/* SPDX-License-Identifier: MIT */
/* Convenience over the doors: formatted paths and numbers. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "platform/platform.h"

#define FORMAT_PATH(path, fmt)                                                                               \
	char path[SYSFS_PATH_MAX];                                                                           \
	do {                                                                                                 \
		va_list ap_;                                                                                 \
		int n_;                                                                                      \
		va_start(ap_, fmt);                                                                          \
		n_ = vsnprintf(path, sizeof(path), fmt, ap_);                                                \
		va_end(ap_);                                                                                 \
		if (n_ < 0 || (size_t)n_ >= sizeof(path))                                                    \
			return -ENAMETOOLONG;                                                                \
	} while (0)

ssize_t sysfs_read(struct platform *p, char *buf, size_t size, const char *path_fmt, ...)
{
	FORMAT_PATH(path, path_fmt);
	return p->ops->read(p, path, buf, size);
}

int sysfs_read_u64(struct platform *p, uint64_t *ret, const char *path_fmt, ...)
{
	char buf[64];
	ssize_t n;

	FORMAT_PATH(path, path_fmt);
	n = p->ops->read(p, path, buf, sizeof(buf));
	return n < 0 ? (int)n : parse_u64(buf, ret);
}

int sysfs_write(struct platform *p, const char *value, const char *path_fmt, ...)
{
	FORMAT_PATH(path, path_fmt);
	return p->ops->write(p, path, value, 0);
}

int sysfs_write_deadline(struct platform *p, const char *value, unsigned timeout_ms, const char *path_fmt,
                         ...)
{
	FORMAT_PATH(path, path_fmt);
	return p->ops->write(p, path, value, timeout_ms);
}

static bool exists_path(struct platform *p, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static bool exists_path(struct platform *p, const char *fmt, va_list ap)
{
	char path[SYSFS_PATH_MAX];
	int n = vsnprintf(path, sizeof(path), fmt, ap);

	return n >= 0 && (size_t)n < sizeof(path) && p->ops->exists(p, path);
}

bool sysfs_exists(struct platform *p, const char *path_fmt, ...)
{
	va_list ap;
	bool r;

	va_start(ap, path_fmt);
	r = exists_path(p, path_fmt, ap);
	va_end(ap);
	return r;
}

int sysfs_list(struct platform *p, struct strv *ret, const char *path_fmt, ...)
{
	FORMAT_PATH(path, path_fmt);
	return p->ops->list(p, path, ret);
}

ssize_t sysfs_link_name(struct platform *p, char *buf, size_t size, const char *path_fmt, ...)
{
	char target[SYSFS_PATH_MAX];
	const char *slash;
	ssize_t n;

	FORMAT_PATH(path, path_fmt);
	n = p->ops->readlink(p, path, target, sizeof(target));
	if (n < 0)
		return n;
	slash = strrchr(target, '/');
	n = snprintf(buf, size, "%s", slash ? slash + 1 : target);
	return (size_t)n < size ? n : -ENAMETOOLONG;
}
