/* SPDX-License-Identifier: MIT */
/*
 * One table of fields per noun: tables, JSON and CSV follow from it. JSON keys are API: base units, never
 * renamed, absent when unknown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openforbc/gpu.h"

enum field_kind {
	FIELD_STRING,
	FIELD_U64,
	FIELD_BYTES,  /* people see "17.5 GiB" */
	FIELD_SHARE,  /* 0..1, people see "25 %" */
	FIELD_NUMBER, /* people see four digits */
	FIELD_BOOL,
	FIELD_OBJECTS, /* list, see items */
	FIELD_OBJECT,  /* one nested object: items with n == 1 */
};

enum field_flags {
	FIELD_WIDE = 1 << 0, /* tables: only with -v */
	FIELD_ID = 1 << 1,   /* printed by -q */
};

struct field;

struct field_value {
	bool known; /* false: the key is absent */
	const char *s;
	uint64_t u;
	double d;
	const void *items;
	size_t n;
	size_t item_size;
	const struct field *item_fields;
};

struct field {
	const char *key;   /* NULL ends a table */
	const char *title; /* NULL: not in tables */
	enum field_kind kind;
	void (*get)(const void *item, struct field_value *ret);
	void (*text)(const void *item, char *buf, size_t n); /* short form of a list or object */
	const char *help;
	unsigned flags;
};

/* "none", "share", "soft", "hard"; of another name: none. */
const char *isolation_name(enum ofbc_isolation i);
enum ofbc_isolation isolation_parse(const char *name);

extern const struct field gpu_fields[];
extern const struct field type_fields[];
extern const struct field partition_fields[];
extern const struct field guest_fields[];
extern const struct field finding_fields[];
extern const struct field step_fields[];
extern const struct field bench_fields[];
extern const struct field bench_result_fields[];
extern const struct field bench_comparison_fields[];
extern const struct field candidate_fields[];
extern const struct field bench_derived_fields[];
extern const struct field bench_run_fields[];
extern const struct field bench_trend_fields[];
extern const struct field vdi_step_fields[];
