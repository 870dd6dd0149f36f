/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in a form a program can branch on and an operator can act
 * on.  The object lives on the caller's stack: reporting an error cannot fail
 * and nothing has to be freed.
 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * enum ofbc_reason - stable class of a failure; each maps to one exit status
 *
 * Since: 0.1
 */
enum ofbc_reason {
	OFBC_REASON_NONE = 0,
	OFBC_REASON_FAILED,        /* exit 1: the host or device refused or broke */
	OFBC_REASON_USAGE,         /* exit 2: the request makes no sense */
	OFBC_REASON_NOT_FOUND,     /* exit 3 */
	OFBC_REASON_IN_USE,        /* exit 4: a holder is named in the message */
	OFBC_REASON_NO_CAPACITY,   /* exit 5 */
	OFBC_REASON_NOT_PERMITTED, /* exit 6 */
	OFBC_REASON_NOT_SUPPORTED, /* exit 7 */
	OFBC_REASON_ROLLED_BACK,   /* exit 8: failed, and the former state is back */
	OFBC_REASON_DIFFERS,       /* exit 9 */
};

/**
 * struct ofbc_error - details of a failure
 *
 * Zero-initialise it and pass its address as the last argument; a function
 * that returns a negative errno has filled it.
 *
 * Since: 0.1
 */
struct ofbc_error {
	int code; /* positive errno */
	enum ofbc_reason reason;
	char message[768]; /* what happened, no trailing newline */
	char hint[384];    /* what to do about it; empty when nothing is known */
};

/**
 * ofbc_reason_name() - spelling of a reason in JSON, e.g. "in-use"
 * @reason: any value; an unknown one gives "failed"
 *
 * Return: a static string.
 * Since: 0.1
 */
const char *ofbc_reason_name(enum ofbc_reason reason);

/**
 * ofbc_reason_exit_status() - documented exit status for a reason
 * @reason: any value
 *
 * Return: 0 to 9.
 * Since: 0.1
 */
int ofbc_reason_exit_status(enum ofbc_reason reason);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
