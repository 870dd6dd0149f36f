/* SPDX-License-Identifier: MIT */
/* Setting and enriching struct ofbc_error. All functions accept err == NULL. */
#pragma once

#include "openforbc/error.h"

/* Fill *err and return -code, so that callers can write `return error_set(...)`. */
int error_set(struct ofbc_error *err, int code, enum ofbc_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Prefix the message: "fmt: old message". Returns -err->code (or -EIO without err). */
int error_wrap(struct ofbc_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Say what the operator can do. Replaces an earlier hint. */
void error_hint(struct ofbc_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reason that fits an errno when nothing better is known (EBUSY -> in-use, ENOSPC -> no-capacity ...). */
enum ofbc_reason error_reason_of_errno(int code);

/* error_set() with the errno's own reason and text: "fmt: Device or resource busy". */
int error_set_errno(struct ofbc_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
