/* SPDX-License-Identifier: MIT */
/* Aligned columns. A column in which nothing is known is left out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"
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
	return f->kind == FIELD_U64 || f->kind == FIELD_BYTES || f->kind == FIELD_SHARE ||
	       f->kind == FIELD_NUMBER;
}

struct cell {
	const char *text;
	size_t len, width; /* bytes, and columns of the terminal */
	char buf[CELL_MAX];
};

/* Names of devices and processes are not ours: no control character reaches the terminal. */
static void make_harmless(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

/* Length and width; continuation bytes of UTF-8 take no column. False: there is a control character. */
static bool measure_text(struct cell *c)
{
	bool harmless = true;
	const char *s = c->text;

	for (c->width = 0; *s; s++) {
		harmless &= (unsigned char)*s >= 0x20 && *s != 0x7f;
		c->width += ((unsigned char)*s & 0xc0) != 0x80;
	}
	c->len = (size_t)(s - c->text);
	return harmless;
}

/* One value as it stands in the table. Asked for twice, for the width and for the line: ten thousand rows
 * kept in memory cost more than the second asking. A plain string is not even copied. */
static void cell_read(const struct field *f, const void *item, struct cell *ret)
{
	struct field_value v = {0};

	ret->text = ret->buf;
	if (f->kind == FIELD_STRING && !f->text) {
		f->get(item, &v);
		ret->text = v.known ? v.s : "";
	} else {
		render_value_text(f, item, ret->buf, CELL_MAX);
	}
	if (measure_text(ret))
		return;
	text_copy(ret->buf, CELL_MAX, ret->text);
	make_harmless(ret->buf);
	ret->text = ret->buf;
	(void)measure_text(ret);
}

static void add_spaces(struct strbuf *out, size_t n)
{
	static const char spaces[] = "                                ";

	for (; n > 0; n -= n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1)
		strbuf_addn(out, spaces, n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1);
}

static void add_cell(struct strbuf *out, const struct column *c, const struct cell *cell, bool is_last)
{
	size_t pad = c->width > cell->width ? c->width - cell->width : 0;

	if (is_number(c->field))
		add_spaces(out, pad);
	strbuf_addn(out, cell->text, cell->len);
	if (is_last)
		strbuf_addc(out, '\n');
	else
		add_spaces(out, is_number(c->field) ? 2 : pad + 2);
}

static void measure(const struct render_list *l, struct column *columns, size_t n)
{
	struct cell cell;

	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < n; k++) {
			cell_read(columns[k].field, item_at(l, i), &cell);
			columns[k].used |= cell.width > 0;
			columns[k].width = cell.width > columns[k].width ? cell.width : columns[k].width;
		}
	}
}

int render_table(const struct render_options *o, const struct render_list *l, struct strbuf *out)
{
	struct column columns[COLUMNS_MAX];
	size_t n = choose_columns(o, l, columns), last = 0, row = 0;
	struct cell cell;

	if (o->emulated)
		strbuf_addf(out, "# emulated host %s: nothing here is real hardware\n", o->emulated);
	if (l->n == 0) {
		strbuf_addf(out, "%s\n", l->empty);
		return out->err;
	}
	measure(l, columns, n);
	for (size_t k = 0; k < n; k++) {
		last = columns[k].used ? k : last;
		row += columns[k].used ? columns[k].width + 2 : 0;
	}
	strbuf_reserve(out, row * (l->n + 2));
	strbuf_add(out, o->color ? "\033[1m" : "");
	for (size_t k = 0; k < n; k++) {
		cell.text = columns[k].field->title;
		(void)measure_text(&cell);
		if (columns[k].used)
			add_cell(out, &columns[k], &cell, k == last);
	}
	strbuf_add(out, o->color ? "\033[0m" : "");
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (!columns[k].used)
				continue;
			cell_read(columns[k].field, item_at(l, i), &cell);
			add_cell(out, &columns[k], &cell, k == last);
		}
	}
	return out->err;
}

/* "memory" of "memory_bytes", "started" of "started_unix_s": people see another unit. */
static size_t label_length(const struct field *f)
{
	const char *unit = f->kind == FIELD_BYTES ? strstr(f->key, "_bytes")
	                   : f->text              ? strstr(f->key, "_unix_s")
	                                          : NULL;

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
