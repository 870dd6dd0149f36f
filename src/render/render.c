/* SPDX-License-Identifier: MIT */
/* Dispatch by format, and values as people read them. */
#include "render/render.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/strv.h"

void render_value_text(const struct field *f, const void *item, char *buf, size_t n)
{
	struct field_value v = {0};

	buf[0] = '\0';
	if (f->text) {
		f->text(item, buf, n);
		return;
	}
	f->get(item, &v);
	if (!v.known)
		return;
	switch (f->kind) {
	case FIELD_STRING: /* the common case, ten thousand times in a long list: no format machine */
		text_copy(buf, n, v.s);
		break;
	case FIELD_U64:
		snprintf(buf, n, "%llu", (unsigned long long)v.u);
		break;
	case FIELD_BYTES:
		size_format(v.u, buf, n);
		break;
	case FIELD_SHARE:
		snprintf(buf, n, "%.1f %%", v.d * 100);
		break;
	case FIELD_NUMBER:
		snprintf(buf, n, "%.4g", v.d);
		break;
	case FIELD_BOOL:
		snprintf(buf, n, "%s", v.u ? "yes" : "no");
		break;
	case FIELD_OBJECTS:
	case FIELD_OBJECT:
		snprintf(buf, n, "%zu", v.n);
		break;
	}
}

static const char *item_at(const struct render_list *l, size_t i)
{
	return (const char *)l->items + i * l->item_size;
}

static void render_ids(const struct render_list *l, struct strbuf *out)
{
	for (const struct field *f = l->fields; f->key; f++) {
		for (size_t i = 0; (f->flags & FIELD_ID) && i < l->n; i++) {
			struct field_value v = {0};

			f->get(item_at(l, i), &v);
			if (v.known)
				strbuf_addf(out, "%s\n", v.s);
		}
	}
}

int render_list(const struct render_options *o, const struct render_list *l, struct strbuf *out)
{
	switch (o->format) {
	case RENDER_JSON:
		return render_json(o, l, out);
	case RENDER_CSV:
		return render_csv(o, l, out);
	case RENDER_IDS:
		render_ids(l, out);
		return out->err;
	case RENDER_TABLE:
		break;
	}
	return render_table(o, l, out);
}
