/* SPDX-License-Identifier: MIT */
#include "report/figure.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "report/escape.h"

#define LEGEND_MAX 24 /* characters of a name beside the plot */
#define LEGEND_ROW 70 /* and of all below it */
#define TITLE_MAX  64
#define TEXT_MAX   ((size_t)64 << 20)

void figure_init(struct figure *f, struct report *r, const struct study *s, const char *kind, size_t number,
                 const char *title)
{
	struct strbuf name = STRBUF_INIT(sizeof(f->name) - 1);

	*f = (struct figure){
		.r = r,
		.study = s,
		.data = STRBUF_INIT(TEXT_MAX),
		.script = STRBUF_INIT(TEXT_MAX),
		.plot = STRBUF_INIT(TEXT_MAX),
		.caption = STRBUF_INIT(1 << 16),
		.n_min = SIZE_MAX,
		.first_s = INT64_MAX,
	};
	strbuf_addf(&name, "%s-%zu-", kind, number);
	add_file_name(&name, s->benchmark, 24);
	text_copy(f->name, sizeof(f->name), strbuf_str(&name));
	strbuf_done(&name);
	snprintf(f->title, sizeof(f->title), "%s: %s", title, s->title);
}

void figure_done(struct figure *f)
{
	strbuf_done(&f->data);
	strbuf_done(&f->script);
	strbuf_done(&f->plot);
	strbuf_done(&f->caption);
}

void figure_series(struct figure *f, const char *name, const char *columns)
{
	if (f->n_series)
		strbuf_add(&f->data, "\n\n");
	strbuf_add(&f->data, "# ");
	add_plain(&f->data, name);
	strbuf_addf(&f->data, "\n# %s\n", columns);
	f->n_series++;
}

void figure_numbers(struct figure *f, const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&f->data, isfinite(v[i]) ? "%s%.10g" : "%sNaN", i ? "\t" : "", v[i]);
}

void figure_row(struct figure *f, const double *v, size_t n)
{
	figure_numbers(f, v, n);
	strbuf_addc(&f->data, '\n');
}

void figure_counts(struct figure *f, const struct point *p, size_t trials)
{
	int64_t s = p->run->started_unix_s;

	f->n_min = trials < f->n_min ? trials : f->n_min;
	f->n_max = trials > f->n_max ? trials : f->n_max;
	f->first_s = s < f->first_s ? s : f->first_s;
	f->last_s = s > f->last_s ? s : f->last_s;
}

void figure_set(struct figure *f, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	strbuf_addf(&f->script, "%s\n", text);
}

void figure_text(struct figure *f, const char *command, const char *text)
{
	strbuf_addf(&f->script, "%s ", command);
	add_gnuplot(&f->script, text);
	strbuf_addc(&f->script, '\n');
}

void figure_plot(struct figure *f, const char *with, const char *title)
{
	size_t style = f->style ? f->style : f->n_series;
	struct strbuf name = STRBUF_INIT(512);

	strbuf_add(&f->plot, f->plot.len ? ", \\\n     " : "plot ");
	if (title)
		strbuf_addf(&f->plot, "keyentry with %s lt %zu title ", with, style);
	else
		strbuf_addf(&f->plot, "data index %zu %s lt %zu%s ", f->n_series - 1, with, style,
		            strstr(with, "bars") ? " dt 1" : ""); /* an interval is no line */
	if (title) {
		add_short(&name, title, LEGEND_MAX);
		f->legend += name.len + 8;
		add_gnuplot(&f->plot, strbuf_str(&name));
	} else {
		strbuf_add(&f->plot, "notitle");
	}
	strbuf_done(&name);
}

/* "host a, host b": each once, as far as there is room. */
static void add_places(const struct study *s, bool host, struct strbuf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < s->points.n; i++) {
		const char *text = host ? s->points.v[i].run->host : s->points.v[i].run->platform;
		bool is_known = false;

		for (size_t k = 0; k < i; k++)
			is_known |= strcmp(text, host ? s->points.v[k].run->host
			                              : s->points.v[k].run->platform) == 0;
		if (is_known)
			continue;
		if (n < 3)
			strbuf_addf(b, "%s%s", n ? ", " : "", text[0] ? text : "unknown");
		n++;
	}
	if (n > 3)
		strbuf_addf(b, " and %zu more", n - 3);
}

static void add_facts(const struct figure *f, struct strbuf *b)
{
	char first[16], last[16];

	report_day(f->first_s, first, sizeof(first));
	report_day(f->last_s, last, sizeof(last));
	strbuf_addf(b, f->n_min == f->n_max ? "n = %zu trials" : "n = %zu to %zu trials", f->n_min, f->n_max);
	strbuf_add(b, "; host ");
	add_places(f->study, true, b);
	if (f->study->emulated[0]) {
		strbuf_addf(b, "; emulated (%s), no hardware measured", f->study->emulated);
	} else {
		strbuf_add(b, "; platform ");
		add_places(f->study, false, b);
	}
	strbuf_addf(b, "; %s%s%s", first, strcmp(first, last) ? " to " : "", strcmp(first, last) ? last : "");
}

/* The head of the script, which needs the facts: it is written last. */
static void add_head(const struct figure *f, const char *note, struct strbuf *b)
{
	_cleanup_strbuf_ struct strbuf title = STRBUF_INIT(4 * sizeof(f->title));

	strbuf_addf(b,
	            "# `gnuplot %s.gp` here draws %s.svg, .pdf and .png from %s.dat. Change what you like.\n",
	            f->name, f->name, f->name);
	strbuf_addf(b, "name = '%s'\ndata = name.'.dat'\nload 'style.gp'\nemulated = ", f->name);
	add_gnuplot(b, f->study->emulated);
	strbuf_add(b, "\nset label 901 ");
	add_short(&title, f->title, TITLE_MAX);
	add_gnuplot(b, strbuf_str(&title));
	strbuf_add(b, " at screen 0.02,0.96 left font title_font noenhanced\nset label 902 ");
	add_gnuplot(b, note);
	strbuf_add(
		b,
		" at screen 0.02,0.905 left font note_font tc rgb '#555555' noenhanced\n"
		"set label 903 emulated eq '' ? '' : 'EMULATED' at graph 0.5,0.5 center rotate by 20 font watermark_font "
		"tc rgb '#E0E0E0' back\n");
	if (f->legend > LEGEND_ROW)
		strbuf_add(
			b,
			"set key at screen 0.67,0.5 left center vertical maxrows 8 width 0 samplen 2.5 font key_font\n"
			"set rmargin at screen 0.655\nset bmargin at screen 0.15\n");
}

static int add_to_report(struct figure *f, const char *caption)
{
	struct report_figure *figure = list_add(&f->r->figures);

	if (!figure)
		return -ENOMEM;
	text_copy(figure->name, sizeof(figure->name), f->name);
	figure->title = strdup(f->title);
	figure->caption = strdup(caption);
	return figure->title && figure->caption ? 0 : -ENOMEM;
}

int figure_finish(struct figure *f, const char *said)
{
	_cleanup_strbuf_ struct strbuf facts = STRBUF_INIT(4096), script = STRBUF_INIT(TEXT_MAX),
				       note = STRBUF_INIT(8192);
	char name[80];
	int r;

	add_facts(f, &facts);
	strbuf_addf(&note, "%s%s", f->shows ? f->shows : "", strbuf_str(&facts));
	add_head(f, strbuf_str(&note), &script);
	strbuf_addf(&script, "%s%s\nload 'save.gp'\n", strbuf_str(&f->script), strbuf_str(&f->plot));
	strbuf_addf(&f->caption, "%s %s.", said, strbuf_str(&facts));
	if (facts.err || f->caption.err || f->plot.err || f->script.err)
		return -ENOMEM;
	r = add_to_report(f, strbuf_str(&f->caption));
	snprintf(name, sizeof(name), "figures/%s.dat", f->name);
	if (r == 0)
		r = report_add_file(f->r, name, &f->data);
	snprintf(name, sizeof(name), "figures/%s.gp", f->name);
	return r < 0 ? r : report_add_file(f->r, name, &script);
}
