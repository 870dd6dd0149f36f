/* SPDX-License-Identifier: MIT */
/* What the command line says, checked against the tables. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "openforbc/error.h"

#define PARAMETERS_MAX 8

/* --name of a workload: a number from min to max, or one word of several. */
struct parameter {
	const char *name, *help, *value; /* value: the default */
	const char *choices;             /* "copy|scale"; NULL: a number */
	uint64_t min, max;
};

struct workload;

struct options {
	const struct workload *workload; /* NULL: only help or the version is wanted */
	bool wants_help, wants_version, wants_tables;
	const char *api, *device; /* device: NULL the first */
	double duration_s, warmup_s, iteration_s;
	double rate;                     /* iterations a second that are due; 0: one after the other */
	unsigned arrivals;               /* enum arrivals */
	const char *seed;                /* of the arrivals; any text */
	uint64_t values[PARAMETERS_MAX]; /* numbers, or which choice */
};

/* Reads argv: 0; -EINVAL names what is wrong and what is valid. */
int options_parse(int argc, char **argv, const struct workload *const *all, struct options *ret,
                  struct ofbc_error *err);
/* Of a parameter that the workload has. */
uint64_t option_number(const struct options *o, const char *name);
void options_help(FILE *to, const struct workload *const *all, const struct workload *one);
/* "command workload/NAME", "option workload/NAME --name": for the check of the manual. */
void options_tables(FILE *to, const struct workload *const *all);
