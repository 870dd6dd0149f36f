/* SPDX-License-Identifier: MIT */
/* A table, written for a page and for LaTeX alike. Texts are plain; the writers escape them. */
#pragma once

#include <stdbool.h>

#include "base/strbuf.h"
#include "base/strv.h"
#include "model/quantity.h"

struct table_column {
	const char *title;
	enum {
		COLUMN_TEXT,
		COLUMN_NUMBER, /* aligned right, sorted by its value */
		COLUMN_LONG,   /* a text that may take several lines */
	} kind;
};

struct table {
	char name[32]; /* of its file */
	const char *title;
	char *caption;
	const struct table_column *columns; /* static */
	size_t n_columns;
	struct strv cells; /* row by row */
	struct table_keys {
		double *v; /* of each cell: what it is sorted by; NAN: its text */
		size_t n, cap;
	} keys;
	int err; /* 0 or -ENOMEM; sticky */
};

struct table *table_new(const char *name, const char *title, const struct table_column *columns, size_t n);
void table_free(struct table *t);
size_t table_rows(const struct table *t);

/* All of a row, one after the other; a failure is kept and returned by table_error(). */
void table_text(struct table *t, const char *text);
void table_count(struct table *t, unsigned long long n);
void table_number(struct table *t, double key, const char *text);
/* An interval by its ends; the key unknown: a dash. */
void table_range(struct table *t, double key, const char *low, const char *high);
/* A number in the unit of `factor`, as exactly as its interval leaves it; in a second cell the interval. */
void table_value(struct table *t, double value, double low, double high, double factor);
void table_interval(struct table *t, double value, double low, double high, double factor);
int table_error(const struct table *t);

void table_html(const struct table *t, struct strbuf *b);
void table_latex(const struct table *t, struct strbuf *b);
