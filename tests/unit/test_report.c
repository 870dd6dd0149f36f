/* SPDX-License-Identifier: MIT */
/* Texts of reports: how names get into each language, how numbers are printed, what a drawing becomes in a
 * page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "model/quantity.h"
#include "report/escape.h"
#include "report/report.h"
#include "report/table.h"

typedef void add_fn(struct strbuf *b, const char *s);

static void check(add_fn *add, const char *s, const char *want)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(4096);

	add(&b, s);
	assert_string_equal(strbuf_str(&b), want);
}

static void add_four(struct strbuf *b, const char *s)
{
	add_short(b, s, 4);
}

static void add_name(struct strbuf *b, const char *s)
{
	add_file_name(b, s, 12);
}

static void test_escape(void **state)
{
	(void)state;
	check(add_html, "<a href=\"x\">&amp;'</a>", "&lt;a href=&quot;x&quot;&gt;&amp;amp;'&lt;/a&gt;");
	check(add_html, "a\tb\nc\rd", "a b c d");
	check(add_html, "\x01\x1b[31m\x7f", "\xef\xbf\xbd\xef\xbf\xbd[31m\xef\xbf\xbd");
	check(add_latex, "a\\b^c~d_e%f$g#h&i{j}k[l]",
	      "a\\textbackslash{}b\\textasciicircum{}c\\textasciitilde{}d\\_e\\%f\\$g\\#h\\&i\\{j\\}k{[}l]");
	check(add_latex, "\xff\x01", "??");
	check(add_html,
	      "\xe2\x80\xae"
	      "a\xe2\x80\xa8"
	      "b",
	      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	      "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	      "b");
	check(add_gnuplot, "it's `ls` \"x\" @m %d\\", "'it''s `ls` \"x\" @m %d\\'");
	check(add_gnuplot, "a\nset output", "'a set output'");
	check(add_plain, "a\tb", "a b");
	check(add_name, "../../etc/passwd", "etc-passwd");
	check(add_name, "-rf *", "rf");
	check(add_name, "", "x");
	check(add_name, "\xc3\xa9\xc3\xa9", "x");
	check(add_name, "abcdefghijklmnop", "abcdefghijkl");
	check(add_four, "abcd", "abcd");
	check(add_four, "abcdefgh", "ab\xe2\x80\xa6h");
	check(add_four, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
}

/* What is no UTF-8 is replaced byte by byte; what is stays. */
static void test_utf8(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"\xc3\xa9", "\xc3\xa9"},                 /* e with an accent */
		{"\xe2\x82\xac", "\xe2\x82\xac"},         /* euro */
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, /* beyond 16 bits */
		{"\xff", "\xef\xbf\xbd"},                 /* never a byte of UTF-8 */
		{"\xc3", "\xef\xbf\xbd"},                 /* cut */
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"}, /* '/' in too many bytes */
		{"\xc2\x85", "\xef\xbf\xbd\xef\xbf\xbd"}, /* a control character */
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"}, /* cut */
		{"\xf4\x90\x80\x80",
	         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},     /* beyond U+10FFFF */
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* half of a pair */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(add_html, cases[i].in, cases[i].out);
}

static void test_quantity(void **state)
{
	static const struct {
		double value, low, high;
		const char *unit;
		const char *text, *low_text, *high_text, *unit_text;
	} cases[] = {
		{0.178248, 0.12477, 0.19295, "s", "178", "125", "193", "ms"},
		{0.98936, 0.97559, 1.0099, "s", "989", "976", "1010", "ms"},
		{318.33, 317.34, 324.16, "img/s", "318.3", "317.3", "324.2", "img/s"},
		{13735936, 13715456, 13783040, "B", "13.736", "13.715", "13.783", "MB"},
		{200000, 200000, 200000, "1", "200000", "200000", "200000", ""},
		{3.5e9, 3.4e9, 3.6e9, "B/s", "3.50", "3.40", "3.60", "GB/s"},
		{0.000755, 0.000750, 0.000761, "J/img", "755.0", "750.0", "761.0", "\xc2\xb5J/img"},
		{70, 70, 70, "W", "70", "70", "70", "W"},
		{30, 30, 30, "Cel", "30", "30", "30",
	         "\xc2\xb0"
	         "C"},
		{12345, 11000, 13000, "points", "12300", "11000", "13000", "points"},
		{1234.5, NAN, NAN, "points", "1230", "\xe2\x80\x93", "\xe2\x80\x93", "points"},
		{0.012345, NAN, NAN, "points", "0.0123", "\xe2\x80\x93", "\xe2\x80\x93", "points"},
		{4.2e12, 4.1e12, 4.3e12, "points", "4.20e+12", "4.10e+12", "4.30e+12", "points"},
		{NAN, NAN, NAN, "s", "\xe2\x80\x93", "\xe2\x80\x93", "\xe2\x80\x93", "s"},
		{0, 0, 0, "s", "0", "0", "0", "s"},
		{-0.5, -0.6, -0.4, "V", "-500", "-600", "-400", "mV"},
		{7200, 7100, 7300, "s", "7200", "7100", "7300", "s"}, /* no kiloseconds */
		{512, 500, 520, "B", "512", "500", "520", "B"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct quantity_text q;

		quantity_text(cases[i].value, cases[i].low, cases[i].high, cases[i].unit, &q);
		assert_string_equal(q.value, cases[i].text);
		assert_string_equal(q.low, cases[i].low_text);
		assert_string_equal(q.high, cases[i].high_text);
		assert_string_equal(q.unit, cases[i].unit_text);
	}
}

static void test_svg(void **state)
{
	_cleanup_free_ char *svg = NULL, *none = NULL;

	(void)state;
	assert_int_equal(
		svg_embed(
			"<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n<svg width='1'>\n<g id=\"plot\"><use xlink:href='#gpDot'/>"
			"<path fill = 'url(#p1)' id='p1'/></g><text> id='x' url(#y)</text></svg>\nrest",
			"f1-", &svg),
		0);
	assert_string_equal(
		svg,
		"<svg width='1'>\n<g id=\"f1-plot\"><use xlink:href='#f1-gpDot'/><path fill = 'url(#f1-p1)' "
		"id='f1-p1'/></g><text> id='x' url(#y)</text></svg>");
	assert_int_equal(svg_embed("", "f", &none), -EINVAL);
	assert_int_equal(svg_embed("<svg>", "f", &none), -EINVAL);
	assert_int_equal(svg_embed("<svg><script>alert(1)</script></svg>", "f", &none), -EINVAL);
	assert_null(none);
}

static void test_base64(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},        {"f", "Zg=="},          {"ab", "YWI="},
		{"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "//79"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(64);

		base64_add(&b, cases[i][0], strlen(cases[i][0]));
		assert_string_equal(strbuf_str(&b), cases[i][1]);
	}
}

static void test_table(void **state)
{
	static const struct table_column columns[] = {{.title = "a & b"},
	                                              {.title = "n", .kind = COLUMN_NUMBER},
	                                              {.title = "why", .kind = COLUMN_LONG}};
	_cleanup_strbuf_ struct strbuf html = STRBUF_INIT(4096), latex = STRBUF_INIT(4096);
	struct table *t = table_new("t", "100 % <all>", columns, ARRAY_SIZE(columns));

	(void)state;
	assert_non_null(t);
	table_text(t, "<x>_1");
	table_count(t, 7);
	table_text(t, "a & b");
	assert_int_equal(table_rows(t), 1);
	assert_int_equal(table_error(t), 0);
	table_html(t, &html);
	table_latex(t, &latex);
	table_free(t);
	assert_string_equal(
		strbuf_str(&html),
		"<table class=\"sortable\">\n<caption>100 % &lt;all&gt;</caption>\n<thead><tr><th scope=\"col\">a &amp; b</th>"
		"<th scope=\"col\" class=\"n\">n</th><th scope=\"col\" class=\"long\">why</th></tr></thead>\n<tbody>\n<tr>"
		"<td>&lt;x&gt;_1</td><td class=\"n\" data-key=\"7\">7</td><td class=\"long\">a &amp; b</td></tr>\n</tbody>\n</table>\n");
	assert_string_equal(
		strbuf_str(&latex),
		"% Needs \\usepackage{booktabs,longtable} and \\usepackage[T1]{fontenc}; \\input this file.\n"
		"\\begingroup\\footnotesize\\setlength{\\tabcolsep}{3pt}\n\\begin{longtable}{@{}lrp{30mm}@{}}\n"
		"\\caption{100 \\% \\textless{}all\\textgreater{}\\label{tab:t}}\\\\\n\\toprule\na \\& b & n & why \\\\\n\\midrule\n"
		"\\endhead\n\\bottomrule\n\\endfoot\n\\textless{}x\\textgreater{}\\_1 & 7 & a \\& b \\\\\n\\end{longtable}\n\\endgroup\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape), cmocka_unit_test(test_utf8),   cmocka_unit_test(test_quantity),
		cmocka_unit_test(test_svg),    cmocka_unit_test(test_base64), cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
