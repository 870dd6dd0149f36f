/* SPDX-License-Identifier: MIT */
/* Finding the numbers in what a benchmark printed. Pure. */
#pragma once

#include "bench/definition.h"
#include "model/result.h"

/* By expression or JSON pointer. 0; -ENOENT it is not there; -EINVAL not a number: err names it. */
int metric_read(const struct bench_metric *m, const char *text, size_t len, double *ret,
                struct ofbc_error *err);
/* The picked one of n values. */
double metric_pick(enum metric_pick pick, double *v, size_t n);
/* Checks one output and the values read from it: 0; -EBADMSG with the reason. */
int metric_check(const struct bench_check *c, int status, const char *text, size_t len,
                 const struct bench_value *values, size_t n, struct ofbc_error *err);
