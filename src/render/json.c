/* SPDX-License-Identifier: MIT */
/* JSON: base units, absent when unknown. */
#include "base/json.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "render/render.h"

static struct json *items_json(const struct field_value *v)
{
	struct json *a = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_append(a, render_item_json(v->item_fields, (const char *)v->items + i * v->item_size));
	return a;
}

struct json *render_item_json(const struct field *fields, const void *item)
{
	struct json *o = json_object();

	for (const struct field *f = fields; f->key; f++) {
		struct field_value v = {0};

		f->get(item, &v);
		if (!v.known)
			continue;
		switch (f->kind) {
		case FIELD_STRING:
			json_set_str(o, f->key, v.s);
			break;
		case FIELD_U64:
		case FIELD_BYTES:
			json_set_u64(o, f->key, v.u);
			break;
		case FIELD_SHARE:
		case FIELD_NUMBER:
			json_set_double(o, f->key, v.d);
			break;
		case FIELD_BOOL:
			json_set_bool(o, f->key, v.u != 0);
			break;
		case FIELD_OBJECTS:
			json_set(o, f->key, items_json(&v));
			break;
		case FIELD_OBJECT:
			json_set(o, f->key, render_item_json(v.item_fields, v.items));
			break;
		}
	}
	return o;
}

int render_json(const struct render_options *o, const struct render_list *l, struct strbuf *out)
{
	_cleanup_json_ struct json *doc = json_object();
	struct json *items = json_array();
	_cleanup_free_ char *text = NULL;
	char schema[96];
	int r;

	snprintf(schema, sizeof(schema), "openforbc.%s/1", l->schema);
	json_set_str(doc, "schema", schema);
	json_set_bool(doc, "emulated", o->emulated != NULL);
	for (size_t i = 0; i < l->n; i++) {
		struct json *item = render_item_json(l->fields, (const char *)l->items + i * l->item_size);

		if (o->emulated)
			json_set_bool(item, "emulated", true);
		json_append(items, item);
	}
	json_set(doc, l->key, items);
	r = json_print(doc, &text);
	if (r < 0)
		return r;
	strbuf_add(out, text);
	return out->err;
}
