/* SPDX-License-Identifier: MIT */
/* The only door to the JSON library. A struct json is a borrowed reference into its document. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct ofbc_error;

/* Reading. The document is owned by the caller; children are borrowed from it. */
int json_parse(const char *text, size_t len, const char *name, struct json **ret,
               struct ofbc_error *err); /* depth <= 32; error names line and column */
/* One of many documents in a file: `line` is where it begins. */
int json_parse_at(const char *text, size_t len, const char *name, unsigned line, struct json **ret,
                  struct ofbc_error *err);
void json_free(struct json *doc);
const struct json *json_get(const struct json *obj, const char *key); /* NULL when absent or not an object */
size_t json_len(const struct json *array);                            /* 0 when not an array */
const struct json *json_at(const struct json *array, size_t i);
size_t json_keys(const struct json *obj, const char **keys, size_t max); /* number of keys; fills up to max */
const char *json_str(const struct json *j, const char *fallback);
uint64_t json_u64(const struct json *j, uint64_t fallback);
double json_double(const struct json *j, double fallback);
bool json_bool(const struct json *j, bool fallback);
bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);

/* Writing. Adders take ownership of child and are void: the first failure is sticky in
 * the root and reported by json_print(). */
struct json *json_object(void);
struct json *json_array(void);
void json_set(struct json *obj, const char *key, struct json *child);
void json_set_str(struct json *obj, const char *key, const char *value); /* NULL or "" : key left out */
void json_set_u64(struct json *obj, const char *key, uint64_t value);
void json_set_i64(struct json *obj, const char *key, int64_t value);
void json_set_double(struct json *obj, const char *key, double value); /* not finite: key left out */
void json_set_bool(struct json *obj, const char *key, bool value);
void json_append(struct json *array, struct json *child);
void json_append_str(struct json *array, const char *value);
void json_append_u64(struct json *array, uint64_t value);
int json_print(const struct json *doc, char **ret);      /* pretty, ends with a newline */
int json_print_line(const struct json *doc, char **ret); /* the same in one line, also of a part */

static inline void json_free_p(struct json **p)
{
	json_free(*p);
}
#define _cleanup_json_ __attribute__((cleanup(json_free_p)))
