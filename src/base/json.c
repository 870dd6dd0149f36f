/* SPDX-License-Identifier: MIT */
/* The only file that includes the JSON library. */
#include "base/json.h"

#include <errno.h>
/* The library has a type of each of these names; ours are functions. */
#define json_object json_c_object
#define json_bool   json_c_bool
#include <json-c/json.h>
#include <json-c/json_object_iterator.h>
#undef json_object
#undef json_bool
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define TEXT_MAX  (16u << 20)
#define DEPTH_MAX 32

/* A struct json is a json-c object under another name. */
static json_c_object *from(const struct json *j)
{
	return (json_c_object *)(uintptr_t)j;
}

static struct json *to(json_c_object *o)
{
	return (struct json *)o;
}

static void position(const char *text, size_t offset, unsigned *line, unsigned *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset; i++) {
		(*column)++;
		if (text[i] == '\n') {
			(*line)++;
			*column = 1;
		}
	}
}

static int syntax_error(const char *text, size_t len, size_t at, const char *name, unsigned first,
                        const char *what, struct ofbc_error *err)
{
	unsigned line, column;

	position(text, at < len ? at : len, &line, &column);
	return error_set(err, EINVAL, OFBC_REASON_USAGE, "%s:%u:%u: %s", name, first - 1 + line, column,
	                 what);
}

/* The library reads NaN, Infinity and 1e999, and would write them again: no reader of ours expects them. */
static bool is_finite(json_c_object *o)
{
	if (json_object_is_type(o, json_type_double))
		return isfinite(json_object_get_double(o));
	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++) {
			if (!is_finite(json_object_array_get_idx(o, i)))
				return false;
		}
	} else if (json_object_is_type(o, json_type_object)) {
		struct json_object_iterator i = json_object_iter_begin(o), end = json_object_iter_end(o);

		for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
			if (!is_finite(json_object_iter_peek_value(&i)))
				return false;
		}
	}
	return true;
}

int json_parse(const char *text, size_t len, const char *name, struct json **ret, struct ofbc_error *err)
{
	return json_parse_at(text, len, name, 1, ret, err);
}

int json_parse_at(const char *text, size_t len, const char *name, unsigned line, struct json **ret,
                  struct ofbc_error *err)
{
	json_tokener *tok;
	json_c_object *o;
	enum json_tokener_error e;
	size_t end;

	if (len > TEXT_MAX)
		return error_set(err, E2BIG, OFBC_REASON_USAGE, "%s: larger than %u MiB", name,
		                 TEXT_MAX >> 20);
	tok = json_tokener_new_ex(DEPTH_MAX);
	if (!tok)
		return error_set_errno(err, ENOMEM, "%s", name);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS |
	                                    JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	e = json_tokener_get_error(tok);
	if (e == json_tokener_continue) { /* a bare number needs to see its end */
		o = json_tokener_parse_ex(tok, "", -1);
		e = json_tokener_get_error(tok);
		end = len;
	} else {
		end = json_tokener_get_parse_end(tok);
	}
	json_tokener_free(tok);
	if (e != json_tokener_success || !o) {
		json_object_put(o);
		return syntax_error(text, len, end, name, line,
		                    e == json_tokener_success    ? "null is no document"
		                    : e == json_tokener_continue ? "unexpected end of file"
		                                                 : json_tokener_error_desc(e),
		                    err);
	}
	while (end < len && strchr(" \t\r\n", text[end]) && text[end])
		end++;
	if (end < len) {
		json_object_put(o);
		return syntax_error(text, len, end, name, line, "text after the end of the document", err);
	}
	if (!is_finite(o)) {
		json_object_put(o);
		return error_set(err, EINVAL, OFBC_REASON_USAGE,
		                 "%s: NaN, Infinity and numbers above 1.8e308 are not JSON", name);
	}
	*ret = to(o);
	return 0;
}

void json_free(struct json *doc)
{
	json_object_put(from(doc));
}

const struct json *json_get(const struct json *obj, const char *key)
{
	json_c_object *v = NULL;

	return json_object_object_get_ex(from(obj), key, &v) ? to(v) : NULL;
}

size_t json_len(const struct json *array)
{
	return json_is_array(array) ? json_object_array_length(from(array)) : 0;
}

const struct json *json_at(const struct json *array, size_t i)
{
	return json_is_array(array) ? to(json_object_array_get_idx(from(array), i)) : NULL;
}

size_t json_keys(const struct json *obj, const char **keys, size_t max)
{
	struct json_object_iterator i, end;
	size_t n = 0;

	if (!json_is_object(obj))
		return 0;
	for (i = json_object_iter_begin(from(obj)), end = json_object_iter_end(from(obj));
	     !json_object_iter_equal(&i, &end); json_object_iter_next(&i), n++) {
		if (n < max)
			keys[n] = json_object_iter_peek_name(&i);
	}
	return n;
}

const char *json_str(const struct json *j, const char *fallback)
{
	return json_object_is_type(from(j), json_type_string) ? json_object_get_string(from(j)) : fallback;
}

uint64_t json_u64(const struct json *j, uint64_t fallback)
{
	if (!json_object_is_type(from(j), json_type_int) || json_object_get_int64(from(j)) < 0)
		return fallback;
	return json_object_get_uint64(from(j));
}

double json_double(const struct json *j, double fallback)
{
	if (!json_object_is_type(from(j), json_type_double) && !json_object_is_type(from(j), json_type_int))
		return fallback;
	return json_object_get_double(from(j));
}

bool json_bool(const struct json *j, bool fallback)
{
	return json_object_is_type(from(j), json_type_boolean) ? json_object_get_boolean(from(j)) : fallback;
}

bool json_is_object(const struct json *j)
{
	return j && json_object_is_type(from(j), json_type_object);
}

bool json_is_array(const struct json *j)
{
	return j && json_object_is_type(from(j), json_type_array);
}

struct json *json_object(void)
{
	return to(json_object_new_object());
}

struct json *json_array(void)
{
	return to(json_object_new_array());
}

/* Out of memory while building: the container is marked, and json_print() finds the mark. */
static void mark_failed(struct json *container)
{
	if (container)
		json_object_set_userdata(from(container), container, NULL);
}

void json_set(struct json *obj, const char *key, struct json *child)
{
	if (!obj || !child || json_object_object_add(from(obj), key, from(child)) < 0) {
		json_object_put(from(child));
		mark_failed(obj);
	}
}

/* Length of the UTF-8 character at s (RFC 3629, table 3.2.1 of its grammar), 0 when there is none. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80                   ? 1
	           : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
	           : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
	           : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
	                                         : 0;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* The kernel cuts a command name after 15 bytes, in the middle of a character too: such bytes become '?',
 * because JSON is UTF-8. */
static struct json *new_string(const char *value)
{
	char *copy = strdup(value);
	struct json *j;

	if (!copy)
		return NULL;
	for (size_t i = 0, n; copy[i]; i += n) {
		n = utf8_len((const unsigned char *)copy + i);
		if (n == 0) {
			copy[i] = '?';
			n = 1;
		}
	}
	j = to(json_object_new_string(copy));
	free(copy);
	return j;
}

void json_set_str(struct json *obj, const char *key, const char *value)
{
	if (value && value[0])
		json_set(obj, key, new_string(value));
}

void json_set_u64(struct json *obj, const char *key, uint64_t value)
{
	json_set(obj, key, to(json_object_new_uint64(value)));
}

void json_set_i64(struct json *obj, const char *key, int64_t value)
{
	json_set(obj, key, to(json_object_new_int64(value)));
}

/* 0.1 as "0.1", not "0.10000000000000001": the shorter text when it is read back as the same number. */
void json_set_double(struct json *obj, const char *key, double value)
{
	char text[32];

	if (!isfinite(value))
		return;
	snprintf(text, sizeof(text), "%.15g", value);
	if (strspn(text, "-0123456789.") != strlen(text) || !strchr(text, '.') || strtod(text, NULL) != value)
		json_set(obj, key, to(json_object_new_double(value)));
	else
		json_set(obj, key, to(json_object_new_double_s(value, text)));
}

void json_set_bool(struct json *obj, const char *key, bool value)
{
	json_set(obj, key, to(json_object_new_boolean(value)));
}

void json_append(struct json *array, struct json *child)
{
	if (!array || !child || json_object_array_add(from(array), from(child)) < 0) {
		json_object_put(from(child));
		mark_failed(array);
	}
}

void json_append_str(struct json *array, const char *value)
{
	json_append(array, value ? new_string(value) : NULL);
}

void json_append_u64(struct json *array, uint64_t value)
{
	json_append(array, to(json_object_new_uint64(value)));
}

static bool has_failed(json_c_object *o)
{
	if (json_object_is_type(o, json_type_object)) {
		if (json_object_get_userdata(o) == (void *)o)
			return true;
		struct json_object_iterator i = json_object_iter_begin(o), end = json_object_iter_end(o);

		for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
			if (has_failed(json_object_iter_peek_value(&i)))
				return true;
		}
	} else if (json_object_is_type(o, json_type_array)) {
		if (json_object_get_userdata(o) == (void *)o)
			return true;
		for (size_t i = 0; i < json_object_array_length(o); i++) {
			if (has_failed(json_object_array_get_idx(o, i)))
				return true;
		}
	}
	return false;
}

static int print(const struct json *doc, int flags, char **ret)
{
	const char *text;
	size_t n;
	char *s;

	if (!doc || has_failed(from(doc)))
		return -ENOMEM;
	text = json_object_to_json_string_length(from(doc), flags | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
	s = text ? malloc(n + 2) : NULL;
	if (!s)
		return -ENOMEM;
	memcpy(s, text, n);
	memcpy(s + n, "\n", 2);
	*ret = s;
	return 0;
}

int json_print(const struct json *doc, char **ret)
{
	return print(doc, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED, ret);
}

int json_print_line(const struct json *doc, char **ret)
{
	return print(doc, JSON_C_TO_STRING_PLAIN, ret);
}
