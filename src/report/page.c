/* SPDX-License-Identifier: MIT */
/* The page: one file that needs no other, well-formed as HTML and as XML. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/gzip.h"
#include "report/escape.h"
#include "report/parts.h"

#define PAGE_MAX ((size_t)1 << 31)
#define LINK_MAX ((size_t)32 << 20) /* of data in a link: browsers refuse more */

static const char method[] =
	"<p>A <em>cell</em> is a benchmark with its parameters on a layout with a number of instances; a <em>trial</em> is one "
	"start of all its instances, together. Statistics are over trials, never over iterations inside one. Trials of different "
	"cells are mixed in blocks whose order is drawn from a seed. Numbers are medians; intervals are 95 % percentile bootstrap "
	"intervals of the median, and fewer than five trials have none. As many digits are printed as the interval leaves: two "
	"of its half. Outliers (modified Z above 3.5) are flagged and kept. A cell ends when its interval is narrow enough "
	"(<em>ok</em>) or when trials or time end (<em>not-converged</em>). Every planned cell is in the table, with its "
	"verdict.</p>\n"
	"<p>Throughput is the sum over the instances of a metric that is a rate, or, for a program that only tells a time, the "
	"sum of runs by time. Speed-up is its ratio to one instance alone on the whole machine, same host and platform, with the "
	"bootstrap interval of the ratio of medians. Fairness is Jain's index of the instances' rates, each by what its partition "
	"has of the GPU where that is known. Interference is what an instance loses when the partitions beside it are busy with "
	"the same benchmark, or another one that is named. Energy is that of whole boards, read at the edges of the common window; nothing measures the energy "
	"of a partition.</p>\n";

static void add_head(const struct report *r, struct strbuf *b)
{
	char when[32];

	report_minute(r->rq.unix_s, when, sizeof(when));
	strbuf_add(
		b,
		"<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>");
	add_html(b, r->title);
	strbuf_addf(b, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", report_page_css);
	add_html(b, r->title);
	strbuf_add(b, "</h1>\n<p class=\"byline\">");
	add_html(b, r->rq.program);
	strbuf_addf(b, ", %s. %zu run%s, %zu benchmark%s with parameters.</p>\n", when, r->rq.runs->n,
	            r->rq.runs->n == 1 ? "" : "s", r->studies.n, r->studies.n == 1 ? "" : "s");
}

/* No emulated number can pass for a measured one. */
static void add_warning(const struct report *r, struct strbuf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < r->rq.runs->n; i++)
		n += r->rq.runs->v[i].run.emulated[0] != '\0';
	if (n)
		strbuf_addf(
			b,
			"<p class=\"emulated\">EMULATED: %zu of %zu runs were made on an emulated host. Their numbers say nothing "
			"about hardware.</p>\n",
			n, r->rq.runs->n);
}

/* --- figures --- */

static int add_figure(const struct report_figure *f, size_t number, struct strbuf *b, struct ofbc_error *err)
{
	_cleanup_free_ char *svg = NULL;
	char prefix[24];
	int r = 0;

	snprintf(prefix, sizeof(prefix), "f%zu-", number);
	if (f->svg)
		r = svg_embed(f->svg, prefix, &svg);
	if (r < 0)
		return error_set_errno(err, -r, "the drawing %s.svg cannot be taken into the page", f->name);
	strbuf_addf(b, "<figure id=\"figure-%zu\" role=\"group\">\n", number);
	if (svg)
		strbuf_add(b, svg);
	strbuf_addf(b, "\n<figcaption><strong>Figure %zu.</strong> ", number);
	add_html(b, f->title);
	strbuf_add(b, ". ");
	add_html(b, f->caption);
	strbuf_addf(
		b,
		" <span class=\"screen\">Data: <code>figures/%s.dat</code>, script: <code>figures/%s.gp</code>.</span></figcaption>\n"
		"</figure>\n",
		f->name, f->name);
	return 0;
}

static int add_figures(const struct report *r, const char *undrawn, struct strbuf *b, struct ofbc_error *err)
{
	int q = 0;

	strbuf_add(b, "<h2>Figures</h2>\n");
	if (undrawn) {
		strbuf_add(b, "<p class=\"emulated\">");
		add_html(b, undrawn);
		strbuf_add(b, "</p>\n");
	}
	for (size_t i = 0; q == 0 && i < r->figures.n; i++)
		q = add_figure(&r->figures.v[i], i + 1, b, err);
	if (!r->absent.n)
		return q;
	strbuf_add(b, "<h2>Figures that are not here</h2>\n<dl>\n");
	for (size_t i = 0; i < r->absent.n; i++) {
		strbuf_add(b, "<dt>");
		add_html(b, r->absent.v[i].figure);
		strbuf_add(b, "</dt><dd>");
		add_html(b, r->absent.v[i].reason);
		strbuf_add(b, "</dd>\n");
	}
	strbuf_add(b, "</dl>\n");
	return q;
}

static void add_table(const struct table *t, struct strbuf *b)
{
	if (!table_rows(t))
		return;
	strbuf_add(b, "<div class=\"wide\">\n");
	table_html(t, b);
	strbuf_add(b, "</div>\n");
}

static void add_tables(const struct report *r, struct strbuf *b)
{
	strbuf_add(b, "<h2>Results</h2>\n");
	add_table(r->sharing, b);
	add_table(r->isolation, b);
	add_table(r->roofline, b);
	add_table(r->results, b);
}

/* --- surroundings --- */

static void add_rows(const struct strv *rows, struct strbuf *b)
{
	strbuf_add(b, "<table>\n<tbody>\n");
	for (size_t i = 0; i + 1 < rows->n; i += 2) {
		strbuf_add(b, "<tr><th scope=\"row\">");
		add_html(b, rows->v[i]);
		strbuf_add(b, "</th><td>");
		add_html(b, rows->v[i + 1]);
		strbuf_add(b, "</td></tr>\n");
	}
	strbuf_add(b, "</tbody>\n</table>\n");
}

static int add_details(const char *title, const char *text, struct strbuf *b)
{
	_cleanup_strv_ struct strv rows = {0};
	int q = environment_rows(text, &rows);

	if (q < 0 || !rows.n)
		return q;
	strbuf_addf(b, "<details class=\"wide\"><summary class=\"small\">%s</summary>\n", title);
	add_rows(&rows, b);
	strbuf_add(b, "</details>\n");
	return 0;
}

static int add_run(const struct bench_run *run, struct strbuf *b)
{
	_cleanup_strv_ struct strv facts = {0};
	int q = environment_facts(run, &facts);

	if (q < 0)
		return q;
	add_rows(&facts, b);
	q = add_details("What was asked for", run->request, b);
	if (q == 0)
		q = add_details("All of the environment, before", run->environment, b);
	return q < 0 ? q : add_details("All of the environment, after", run->environment_after, b);
}

static int add_raw(const struct report *r, struct strbuf *b)
{
	size_t len = strlen(r->rq.raw), packed_len;
	_cleanup_free_ char *packed = NULL;
	int q = gzip_pack(r->rq.raw, len, &packed, &packed_len);
	const char *ending = q == 0 ? ".gz" : "";

	if (q < 0 && q != -ENOTSUP)
		return q;
	if (q < 0)
		packed_len = len;
	strbuf_add(b, "<h2>Data</h2>\n<p>");
	if (packed_len > LINK_MAX) {
		strbuf_addf(
			b, "The trials are in <code>data/results.jsonl</code> (%zu MB), too many for a page.",
			len / 1000000);
	} else {
		strbuf_addf(b, "<a download=\"results.jsonl%s\" href=\"data:application/%s;base64,", ending,
		            packed ? "gzip" : "x-ndjson");
		base64_add(b, packed ? packed : r->rq.raw, packed_len);
		strbuf_addf(b, "\">results.jsonl%s</a> (%zu kB): every trial.", ending,
		            packed_len / 1000 + 1);
	}
	strbuf_addf(
		b,
		" <code>openforbc bench import results.jsonl%s</code> takes them over; <code>bench export --format csv</code> makes "
		"a table of them.</p>\n",
		ending);
	return 0;
}

int report_page(const struct report *r, const char *undrawn, char **ret, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(PAGE_MAX);
	int q;

	add_head(r, &b);
	add_warning(r, &b);
	add_tables(r, &b);
	q = add_figures(r, undrawn, &b, err);
	if (q < 0)
		return q;
	strbuf_addf(&b, "<h2>Method</h2>\n%s<h2>Environment</h2>\n", method);
	for (size_t i = 0; q == 0 && i < r->rq.runs->n; i++)
		q = add_run(&r->rq.runs->v[i].run, &b);
	q = q == 0 ? add_raw(r, &b) : q;
	strbuf_addf(&b, "<script>\n//<![CDATA[\n%s//]]>\n</script>\n</body>\n</html>\n", report_sort_js);
	if (q == 0)
		q = strbuf_take(&b, ret);
	return q < 0 ? error_set_errno(err, -q, "cannot make the page") : 0;
}
