/* SPDX-License-Identifier: MIT */
/* Aligned columns. A column in which nothing is known is left out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "render/render.h"

#define CELL_MAX    300
#define COLUMNS_MAX 32

struct column {
	const struct field *field;
	size_t width;
	bool used;
};

static const char *item_at(const struct render_list *l, size_t i)
{
	return (const char *)l->items + i * l->item_size;
}

static size_t choose_columns(const struct render_options *o, const struct render_list *l,
                             struct column *columns)
{
	size_t n = 0;

	for (const struct field *f = l->fields; f->key && n < COLUMNS_MAX; f++) {
		if (f->title && (o->wide || !(f->flags & FIELD_WIDE)))
			columns[n++] = (struct column){.field = f, .width = strlen(f->title)};
	}
	return n;
}

static bool is_number(const struct field *f)
{
	return f->kind == FIELD_U64 || f->kind == FIELD_BYTES || f->kind == FIELD_SHARE;
}

/* Columns on the terminal: continuation bytes of UTF-8 take none. */
static size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Names of devices and processes are not ours: no control character reaches the terminal. */
static void make_harmless(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

static void add_spaces(struct strbuf *out, size_t n)
{
	static const char spaces[] = "                                ";

	for (; n > 0; n -= n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1)
		strbuf_addn(out, spaces, n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1);
}

static void add_cell(struct strbuf *out, const struct column *c, const char *text, bool is_last)
{
	size_t len = text_width(text), pad = c->width > len ? c->width - len : 0;

	if (is_number(c->field))
		add_spaces(out, pad);
	strbuf_add(out, text);
	if (!is_number(c->field) && !is_last)
		add_spaces(out, pad);
	strbuf_add(out, is_last ? "\n" : "  ");
}

/* One value as it stands in the table. Asked for twice, for the width and for the line: ten thousand rows
 * kept in memory cost more than the second asking. */
static void cell_text(const struct column *c, const void *item, char cell[CELL_MAX])
{
	render_value_text(c->field, item, cell, CELL_MAX);
	make_harmless(cell);
}

static void measure(const struct render_list *l, struct column *columns, size_t n)
{
	char cell[CELL_MAX];

	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < n; k++) {
			size_t len;

			cell_text(&columns[k], item_at(l, i), cell);
			len = text_width(cell);
			columns[k].used |= len > 0;
			columns[k].width = len > columns[k].width ? len : columns[k].width;
		}
	}
}

int render_table(const struct render_options *o, const struct render_list *l, struct strbuf *out)
{
	struct column columns[COLUMNS_MAX];
	size_t n = choose_columns(o, l, columns), last = 0;
	char cell[CELL_MAX];

	if (o->emulated)
		strbuf_addf(out, "# emulated host %s: nothing here is real hardware\n", o->emulated);
	if (l->n == 0) {
		strbuf_addf(out, "%s\n", l->empty);
		return out->err;
	}
	measure(l, columns, n);
	for (size_t k = 0; k < n; k++)
		last = columns[k].used ? k : last;
	strbuf_add(out, o->color ? "\033[1m" : "");
	for (size_t k = 0; k < n; k++) {
		if (columns[k].used)
			add_cell(out, &columns[k], columns[k].field->title, k == last);
	}
	strbuf_add(out, o->color ? "\033[0m" : "");
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (!columns[k].used)
				continue;
			cell_text(&columns[k], item_at(l, i), cell);
			add_cell(out, &columns[k], cell, k == last);
		}
	}
	return out->err;
}

/* "memory" of "memory_bytes": people see another unit. */
static size_t label_length(const struct field *f)
{
	const char *unit = f->kind == FIELD_BYTES ? strstr(f->key, "_bytes") : NULL;

	return unit ? (size_t)(unit - f->key) : strlen(f->key);
}

void render_item_text(const struct field *fields, const void *item, struct strbuf *out)
{
	char cell[1024];

	for (const struct field *f = fields; f->key; f++) {
		render_value_text(f, item, cell, sizeof(cell));
		make_harmless(cell);
		if (cell[0])
			strbuf_addf(out, "%-16.*s %s\n", (int)label_length(f), f->key, cell);
	}
}
