/* SPDX-License-Identifier: MIT */
/* Numbers as programs print them. */
#pragma once

/*
 * "1e-5", ".5", "+3", "0x1p3", "1,234,567.8", "1_000", "12,5" (a comma that cannot group), with blanks
 * around. Whatever the locale is. "nan" and "inf" are no results. 0; -EINVAL.
 */
int number_parse(const char *s, double *ret);
