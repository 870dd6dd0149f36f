/* SPDX-License-Identifier: MIT */
/* Filling struct ofbc_error, and the one table from reasons to their spelling and exit status. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static const struct {
	const char *name;
	int exit_status;
} reasons[] = {
	[OFBC_REASON_NONE] = {.name = "none", .exit_status = 0},
	[OFBC_REASON_FAILED] = {.name = "failed", .exit_status = 1},
	[OFBC_REASON_USAGE] = {.name = "usage", .exit_status = 2},
	[OFBC_REASON_NOT_FOUND] = {.name = "not-found", .exit_status = 3},
	[OFBC_REASON_IN_USE] = {.name = "in-use", .exit_status = 4},
	[OFBC_REASON_NO_CAPACITY] = {.name = "no-capacity", .exit_status = 5},
	[OFBC_REASON_NOT_PERMITTED] = {.name = "not-permitted", .exit_status = 6},
	[OFBC_REASON_NOT_SUPPORTED] = {.name = "not-supported", .exit_status = 7},
	[OFBC_REASON_ROLLED_BACK] = {.name = "rolled-back", .exit_status = 8},
	[OFBC_REASON_DIFFERS] = {.name = "differs", .exit_status = 9},
};

const char *ofbc_reason_name(enum ofbc_reason reason)
{
	return (size_t)reason < ARRAY_SIZE(reasons) ? reasons[reason].name : "failed";
}

int ofbc_reason_exit_status(enum ofbc_reason reason)
{
	return (size_t)reason < ARRAY_SIZE(reasons) ? reasons[reason].exit_status : 1;
}

enum ofbc_reason error_reason_of_errno(int code)
{
	switch (code) {
	case EBUSY:
	case EAGAIN:
	case ETXTBSY:
		return OFBC_REASON_IN_USE;
	case ENOSPC:
	case EUSERS:
	case ERANGE:
		return OFBC_REASON_NO_CAPACITY;
	case ENOENT:
	case ENODEV:
	case ESRCH:
		return OFBC_REASON_NOT_FOUND;
	case EPERM:
	case EACCES:
	case EROFS:
		return OFBC_REASON_NOT_PERMITTED;
	case ENOTSUP:
	case ENOSYS:
		return OFBC_REASON_NOT_SUPPORTED;
	case EINVAL:
	case EEXIST:
		return OFBC_REASON_USAGE;
	default:
		return OFBC_REASON_FAILED;
	}
}

static void fill(struct ofbc_error *err, int code, enum ofbc_reason reason, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static void fill(struct ofbc_error *err, int code, enum ofbc_reason reason, const char *fmt, va_list ap)
{
	err->code = code;
	err->reason = reason;
	err->hint[0] = '\0';
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
}

int error_set(struct ofbc_error *err, int code, enum ofbc_reason reason, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		fill(err, code, reason, fmt, ap);
		va_end(ap);
	}
	return -code;
}

int error_set_errno(struct ofbc_error *err, int code, const char *fmt, ...)
{
	const char *text = strerrordesc_np(code);
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return error_set(err, code, error_reason_of_errno(code), "%s: %s", what,
	                 text ? text : "unknown error");
}

int error_wrap(struct ofbc_error *err, const char *fmt, ...)
{
	char old[sizeof(err->message)], prefix[256];
	va_list ap;

	if (!err)
		return -EIO;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	memcpy(old, err->message, sizeof(old));
	snprintf(err->message, sizeof(err->message), "%s: %s", prefix, old);
	return err->code ? -err->code : -EIO;
}

void error_hint(struct ofbc_error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
}
