/* SPDX-License-Identifier: MIT */
/*
 * Names come from other machines and other people: each language that we write has one way to take them in.
 * What is no UTF-8, and control characters, become U+FFFD. Pure.
 */
#pragma once

#include "base/strbuf.h"

/* HTML and XML, in text and between double quotes. */
void add_html(struct strbuf *b, const char *s);
/* LaTeX's text mode, in one line. */
void add_latex(struct strbuf *b, const char *s);
/* A string of gnuplot, with its quotes; terminals must be `noenhanced`. */
void add_gnuplot(struct strbuf *b, const char *s);
/* What stands in a comment or in a field of a table with tabulators: in one line. */
void add_plain(struct strbuf *b, const char *s);
/* Of a file: letters, digits, '-'; at most `max` of them, at least one. */
void add_file_name(struct strbuf *b, const char *s, size_t max);
/* At most so many characters, not bytes; of a longer one both ends, since names often differ in their last
 * letters. */
void add_short(struct strbuf *b, const char *s, size_t max);
