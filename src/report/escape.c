/* SPDX-License-Identifier: MIT */
#include "report/escape.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define ELLIPSIS    "\xe2\x80\xa6"

/* U+0080..9F; and what ends lines or turns the direction of writing, so that a text reads other than it is.
 */
static bool is_control(const unsigned char *s)
{
	return (s[0] == 0xc2 && s[1] < 0xa0) ||
	       (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
	       (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

/* Length of the well-formed UTF-8 sequence at s, 0 none: neither too long nor a surrogate. */
static size_t sequence(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, low, high; /* of the first byte, of the second */
		size_t length;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	if (s[0] >= 0x20 && s[0] < 0x7f)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = 2;

		if (s[0] < forms[i].first || s[0] > forms[i].last || s[1] < forms[i].low ||
		    s[1] > forms[i].high)
			continue;
		while (n < forms[i].length && (s[n] & 0xc0) == 0x80)
			n++;
		return n < forms[i].length || is_control(s) ? 0 : n;
	}
	return 0;
}

/* What a character becomes: a text, or NULL for itself. '\0' is what cannot be printed. */
typedef const char *replace_fn(char c);

/* Blanks of all kinds are one blank. */
static size_t add_one(struct strbuf *b, const char *s, replace_fn *replace)
{
	size_t n = sequence((const unsigned char *)s);
	const char *text = n == 1 ? replace(*s) : n ? NULL : replace('\0');

	if (strchr("\t\n\r", *s))
		strbuf_addc(b, ' ');
	else if (text)
		strbuf_add(b, text);
	else if (!n)
		strbuf_add(b, REPLACEMENT);
	else
		strbuf_addn(b, s, n);
	return n ? n : 1;
}

static void add_replaced(struct strbuf *b, const char *s, replace_fn *replace)
{
	while (*s)
		s += add_one(b, s, replace);
}

static const char *for_html(char c)
{
	return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" : NULL;
}

static const char *for_latex(char c)
{
	static const struct {
		char c;
		const char *text;
	} words[] = {
		{'\\', "\\textbackslash{}"},
		{'^', "\\textasciicircum{}"},
		{'~', "\\textasciitilde{}"},
		{'<', "\\textless{}"},
		{'>', "\\textgreater{}"},
		{'|', "\\textbar{}"},
		{'"', "\\textquotedbl{}"},
		{'`', "\\textasciigrave{}"},
		{'&', "\\&"},
		{'%', "\\%"},
		{'$', "\\$"},
		{'#', "\\#"},
		{'_', "\\_"},
		{'{', "\\{"},
		{'}', "\\}"},
		{'\'', "\\textquotesingle{}"},
		{'[', "{[}"}, /* not an argument of the \\ before it */
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].c == c)
			return words[i].text;
	}
	return c ? NULL : "?"; /* U+FFFD is in no font of LaTeX */
}

static const char *for_gnuplot(char c)
{
	return c == '\'' ? "''" : NULL;
}

static const char *for_plain(char c)
{
	(void)c;
	return NULL;
}

void add_html(struct strbuf *b, const char *s)
{
	add_replaced(b, s, for_html);
}

void add_latex(struct strbuf *b, const char *s)
{
	add_replaced(b, s, for_latex);
}

void add_gnuplot(struct strbuf *b, const char *s)
{
	strbuf_addc(b, '\'');
	add_replaced(b, s, for_gnuplot);
	strbuf_addc(b, '\'');
}

void add_plain(struct strbuf *b, const char *s)
{
	add_replaced(b, s, for_plain);
}

void add_file_name(struct strbuf *b, const char *s, size_t max)
{
	size_t n = 0;
	bool is_open = false; /* a dash stands for what was left out, but not at the ends */

	for (; *s && n < max; s++) {
		if (!isalnum((unsigned char)*s)) {
			is_open = n > 0;
			continue;
		}
		if (is_open)
			strbuf_addc(b, '-');
		strbuf_addc(b, *s);
		n += 1 + (is_open ? 1 : 0);
		is_open = false;
	}
	if (!n)
		strbuf_addc(b, 'x');
}

static size_t step(const char *s)
{
	size_t n = sequence((const unsigned char *)s);

	return n ? n : 1;
}

void add_short(struct strbuf *b, const char *s, size_t max)
{
	size_t length = 0, i = 0;

	for (const char *t = s; *t; t += step(t))
		length++;
	for (; *s; i++) {
		size_t left = length - i;

		if (length <= max || i < max / 2 || left < (max + 1) / 2) {
			s += add_one(b, s, for_plain);
			continue;
		}
		if (i == max / 2)
			strbuf_add(b, ELLIPSIS);
		s += step(s);
	}
}
