/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "report/parts.h"

void report_minute(int64_t unix_s, char *buf, size_t size)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (!unix_s || !gmtime_r(&t, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M UTC", &tm))
		text_copy(buf, size, "unknown date");
}

void report_day(int64_t unix_s, char *buf, size_t size)
{
	char minute[32];

	report_minute(unix_s, minute, sizeof(minute));
	snprintf(buf, size, "%.*s", unix_s ? (int)strcspn(minute, " ") : (int)sizeof(minute), minute);
}

int report_add_file(struct report *r, const char *name, struct strbuf *text)
{
	struct named_text *f = list_add(&r->files);

	if (!f)
		return -ENOMEM;
	text_copy(f->name, sizeof(f->name), name);
	f->len = text->len;
	return strbuf_take(text, &f->text);
}

/* Takes the reason. */
static int add_absent(struct report *r, const char *kind, const struct study *s, char *reason)
{
	struct report_absent *a;

	for (size_t i = 0; s && i < r->absent.n; i++) {
		a = &r->absent.v[i];
		if (strcmp(a->kind, kind) != 0 || strcmp(a->reason, reason) != 0)
			continue;
		snprintf(a->figure, sizeof(a->figure), "%s (%zu benchmarks)", kind, ++a->n);
		free(reason);
		return 0;
	}
	a = list_add(&r->absent);
	if (!a) {
		free(reason);
		return -ENOMEM;
	}
	text_copy(a->kind, sizeof(a->kind), kind);
	snprintf(a->figure, sizeof(a->figure), "%s%s%.110s", kind, s ? ": " : "", s ? s->title : "");
	a->reason = reason;
	a->n = 1;
	return 0;
}

int report_add_absent(struct report *r, const char *kind, const struct study *s, const char *fmt, ...)
{
	char *reason;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&reason, fmt, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : add_absent(r, kind, s, reason);
}

static int add_raw(struct report *r)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT((size_t)1 << 31);

	strbuf_add(&b, r->rq.raw);
	return report_add_file(r, "data/results.jsonl", &b);
}

static char *make_title(const struct report *r)
{
	char title[256];
	size_t n = 0, names = 0;

	n = (size_t)snprintf(title, sizeof(title), "Measurements of ");
	for (size_t i = 0; i < r->studies.n && n < sizeof(title); i++) {
		bool is_known = false;

		for (size_t k = 0; k < i; k++)
			is_known |= strcmp(r->studies.v[k].benchmark, r->studies.v[i].benchmark) == 0;
		if (is_known)
			continue;
		if (names++ < 3)
			n += (size_t)snprintf(title + n, sizeof(title) - n, "%s%s", names > 1 ? ", " : "",
			                      r->studies.v[i].benchmark);
	}
	if (names > 3 && n < sizeof(title))
		snprintf(title + n, sizeof(title) - n, " and %zu more", names - 3);
	return strdup(names ? title : "Measurements");
}

int report_new(const struct report_request *rq, struct report **ret, struct ofbc_error *err)
{
	_cleanup_report_ struct report *r = calloc(1, sizeof(*r));
	int q;

	if (!r)
		return -ENOMEM;
	r->rq = *rq;
	q = studies_new(rq->runs, &r->studies, err);
	if (q < 0)
		return q;
	q = isolation_new(&r->studies, &r->maps);
	if (q == 0)
		q = roofline_new(&r->studies, &r->rooflines);
	if (q < 0)
		return error_set_errno(err, -q, "cannot make the report");
	r->title = rq->title ? strdup(rq->title) : make_title(r);
	q = r->title ? report_tables(r) : -ENOMEM;
	if (q == 0)
		q = report_figures(r);
	if (q == 0)
		q = add_raw(r);
	if (q < 0)
		return error_set_errno(err, -q, "cannot make the report");
	*ret = steal_ptr(r);
	return 0;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->figures.n; i++) {
		free(r->figures.v[i].title);
		free(r->figures.v[i].caption);
		free(r->figures.v[i].svg);
	}
	for (size_t i = 0; i < r->absent.n; i++)
		free(r->absent.v[i].reason);
	free(r->figures.v);
	free(r->absent.v);
	table_free(r->results);
	table_free(r->sharing);
	table_free(r->isolation);
	table_free(r->roofline);
	isolation_done(&r->maps);
	roofline_done(&r->rooflines);
	studies_done(&r->studies);
	named_text_list_done(&r->files);
	free(r->title);
	free(r);
}
