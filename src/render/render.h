/* SPDX-License-Identifier: MIT */
/* Any noun through its field table: aligned columns, JSON, CSV, or ids alone. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "model/fields.h"

enum render_format { RENDER_TABLE, RENDER_JSON, RENDER_CSV, RENDER_IDS };

struct render_options {
	enum render_format format;
	bool wide; /* -v: the wide columns, too */
	bool color;
	const char *emulated; /* name of the emulated host, NULL for a real one: the visible mark */
};

struct render_list {
	const char *schema; /* "gpu-list" */
	const char *key;    /* "gpus" */
	const struct field *fields;
	const void *items;
	size_t n, item_size;
	const char *empty; /* said in a table when there are none */
};

/* Appends the whole list in the format; -ENOMEM. */
int render_list(const struct render_options *o, const struct render_list *l, struct strbuf *out);

/* One item, a line a field, for people. */
void render_item_text(const struct field *fields, const void *item, struct strbuf *out);

/* Pieces. */
void render_value_text(const struct field *f, const void *item, char *buf, size_t n);
struct json *render_item_json(const struct field *fields, const void *item);
int render_table(const struct render_options *o, const struct render_list *l, struct strbuf *out);
int render_json(const struct render_options *o, const struct render_list *l, struct strbuf *out);
int render_csv(const struct render_options *o, const struct render_list *l, struct strbuf *out);
