/* SPDX-License-Identifier: MIT */
/* CSV as in RFC 4180, with a header row of the JSON keys; lists in their short form. */
#include <string.h>

#include "render/render.h"

static void add_quoted(struct strbuf *out, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		strbuf_add(out, s);
		return;
	}
	strbuf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"')
			strbuf_addc(out, '"');
		strbuf_addc(out, *s);
	}
	strbuf_addc(out, '"');
}

static void add_value(struct strbuf *out, const struct field *f, const void *item)
{
	char text[1024];
	struct field_value v = {0};

	f->get(item, &v);
	if (!v.known)
		return;
	if (f->kind == FIELD_U64 || f->kind == FIELD_BYTES) {
		strbuf_addf(out, "%llu", (unsigned long long)v.u);
	} else if (f->kind == FIELD_SHARE) {
		strbuf_addf(out, "%.6g", v.d);
	} else if (f->kind == FIELD_NUMBER) {
		strbuf_addf(out, "%.17g", v.d);
	} else if (f->kind == FIELD_BOOL) {
		strbuf_add(out, v.u ? "true" : "false");
	} else {
		render_value_text(f, item, text, sizeof(text));
		add_quoted(out, text);
	}
}

int render_csv(const struct render_options *o, const struct render_list *l, struct strbuf *out)
{
	bool has_mark = false;

	for (const struct field *f = l->fields; f->key; f++) {
		strbuf_addf(out, "%s%s", f == l->fields ? "" : ",", f->key);
		has_mark |= strcmp(f->key, "emulated") == 0;
	}
	strbuf_add(out, has_mark ? "\r\n" : ",emulated\r\n");
	for (size_t i = 0; i < l->n; i++) {
		for (const struct field *f = l->fields; f->key; f++) {
			strbuf_add(out, f == l->fields ? "" : ",");
			add_value(out, f, (const char *)l->items + i * l->item_size);
		}
		if (!has_mark)
			strbuf_add(out, o->emulated ? ",true" : ",false");
		strbuf_add(out, "\r\n");
	}
	return out->err;
}
