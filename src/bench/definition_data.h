/* SPDX-License-Identifier: MIT */
/* Between the two readers of definitions. */
#pragma once

#include "base/yaml_read.h"
#include "bench/definition.h"

/* Names that the runner gives a value to: of the instance from 0, all instances, the seed of the trial, a
 * directory for the trial's files, that of our own programs, and that of the definition. */
#define BENCH_OWN_VALUES "instance", "instances", "seed", "workdir", "programs", "directory"

/* Hash and defaults are set; NULL: out of memory. */
struct bench_definition *definition_new(const char *text, size_t len);
/* Every {name} in a command is a parameter or one of ours. */
int definition_check_templates(const struct bench_definition *d, const char *file, struct ofbc_error *err);
int pair_copy(struct pair_list *to, const struct pair_list *from);
/* Pieces of the file that both readers know. 0; -EINVAL after a complaint; -ENOMEM. */
int definition_read_pairs(const struct yaml_reader *r, const struct yaml *map, const char *what,
                          struct pair_list *ret);
int definition_read_command(const struct yaml_reader *r, const struct yaml *node, struct bench_command *ret);
/* Warm-up, timeouts, and what an iteration does. */
int definition_read_times(const struct yaml_reader *r, const struct yaml *doc, struct bench_definition *d);
/* 1 it is there, 0 not; -EINVAL. */
int definition_get_double(const struct yaml_reader *r, const struct yaml *map, const char *key, double *ret);
int definition_get_bool(const struct yaml_reader *r, const struct yaml *map, const char *key, bool *ret);
int definition_read_commands(const struct yaml_reader *r, const struct yaml *node,
                             struct bench_command_list *ret);
int definition_check_expression(const struct yaml_reader *r, const struct yaml *at, const char *expression,
                                unsigned groups);
