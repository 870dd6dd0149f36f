/* SPDX-License-Identifier: MIT */
#include "report/table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "report/escape.h"

struct table *table_new(const char *name, const char *title, const struct table_column *columns, size_t n)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	text_copy(t->name, sizeof(t->name), name);
	t->title = title;
	t->columns = columns;
	t->n_columns = n;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	strv_done(&t->cells);
	free(t->keys.v);
	free(t->caption);
	free(t);
}

size_t table_rows(const struct table *t)
{
	return t->cells.n / t->n_columns;
}

void table_number(struct table *t, double key, const char *text)
{
	double *k = list_add(&t->keys);

	if (k)
		*k = key;
	if (!k || strv_add(&t->cells, text) < 0)
		t->err = -ENOMEM;
}

void table_text(struct table *t, const char *text)
{
	table_number(t, NAN, text);
}

void table_count(struct table *t, unsigned long long n)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", n);
	table_number(t, (double)n, text);
}

void table_value(struct table *t, double value, double low, double high, double factor)
{
	char text[32];

	quantity_number(value * factor, quantity_places(value * factor, low * factor, high * factor), text,
	                sizeof(text));
	table_number(t, value, text);
}

/* "0.98–1.02" */
void table_range(struct table *t, double key, const char *low, const char *high)
{
	char text[80];

	snprintf(text, sizeof(text), "%s" QUANTITY_UNKNOWN "%s", low, high);
	table_number(t, key, isnan(key) ? QUANTITY_UNKNOWN : text);
}

void table_interval(struct table *t, double value, double low, double high, double factor)
{
	int places = quantity_places(value * factor, low * factor, high * factor);
	char a[32], b[32];

	quantity_number(low * factor, places, a, sizeof(a));
	quantity_number(high * factor, places, b, sizeof(b));
	table_range(t, low, a, b);
}

int table_error(const struct table *t)
{
	return t->err;
}

/* --- a page --- */

static const char *class_of(const struct table_column *c)
{
	return c->kind == COLUMN_NUMBER ? " class=\"n\"" : c->kind == COLUMN_LONG ? " class=\"long\"" : "";
}

static void html_cell(const struct table *t, size_t i, struct strbuf *b)
{
	strbuf_addf(b, "<td%s", class_of(&t->columns[i % t->n_columns]));
	if (!isnan(t->keys.v[i]))
		strbuf_addf(b, " data-key=\"%.17g\"", t->keys.v[i]);
	strbuf_add(b, ">");
	add_html(b, t->cells.v[i]);
	strbuf_add(b, "</td>");
}

void table_html(const struct table *t, struct strbuf *b)
{
	strbuf_add(b, "<table class=\"sortable\">\n<caption>");
	add_html(b, t->caption ? t->caption : t->title);
	strbuf_add(b, "</caption>\n<thead><tr>");
	for (size_t i = 0; i < t->n_columns; i++) {
		strbuf_addf(b, "<th scope=\"col\"%s>", class_of(&t->columns[i]));
		add_html(b, t->columns[i].title);
		strbuf_add(b, "</th>");
	}
	strbuf_add(b, "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < t->cells.n; i++) {
		strbuf_add(b, i % t->n_columns == 0 ? "<tr>" : "");
		html_cell(t, i, b);
		strbuf_add(b, (i + 1) % t->n_columns == 0 ? "</tr>\n" : "");
	}
	strbuf_add(b, "</tbody>\n</table>\n");
}

/* --- LaTeX --- */

void table_latex(const struct table *t, struct strbuf *b)
{
	strbuf_add(
		b,
		"% Needs \\usepackage{booktabs,longtable} and \\usepackage[T1]{fontenc}; \\input this file.\n");
	strbuf_add(b, "\\begingroup\\footnotesize\\setlength{\\tabcolsep}{3pt}\n\\begin{longtable}{@{}");
	for (size_t i = 0; i < t->n_columns; i++)
		strbuf_add(b, t->columns[i].kind == COLUMN_NUMBER ? "r"
		              : t->columns[i].kind == COLUMN_LONG ? "p{30mm}"
		                                                  : "l");
	strbuf_add(b, "@{}}\n\\caption{");
	add_latex(b, t->caption ? t->caption : t->title);
	strbuf_addf(b, "\\label{tab:%s}}\\\\\n\\toprule\n", t->name);
	for (size_t i = 0; i < t->n_columns; i++) {
		add_latex(b, t->columns[i].title);
		strbuf_add(b, i + 1 < t->n_columns
		                      ? " & "
		                      : " \\\\\n\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n");
	}
	for (size_t i = 0; i < t->cells.n; i++) {
		add_latex(b, t->cells.v[i]);
		strbuf_add(b, (i + 1) % t->n_columns ? " & " : " \\\\\n");
	}
	strbuf_add(b, "\\end{longtable}\n\\endgroup\n");
}
