/* SPDX-License-Identifier: MIT */
#include "bench/metric.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "base/regex.h"
#include "bench/number.h"
#include "bench/stats.h"

struct number_list {
	double *v;
	size_t n, cap;
};

static void number_list_done(struct number_list *l)
{
	free(l->v);
}

double metric_pick(enum metric_pick pick, double *v, size_t n)
{
	double sum = 0;

	if (!n)
		return NAN;
	switch (pick) {
	case PICK_FIRST:
		return v[0];
	case PICK_LAST:
		return v[n - 1];
	case PICK_MEAN:
		return stats_mean(v, n);
	case PICK_SUM:
		for (size_t i = 0; i < n; i++)
			sum += v[i];
		return sum;
	case PICK_MEDIAN:
	case PICK_MIN:
	case PICK_MAX:
		stats_sort(v, n);
		return pick == PICK_MIN ? v[0] : pick == PICK_MAX ? v[n - 1] : stats_quantile(v, n, 0.5);
	}
	return NAN;
}

static int add_number(const struct bench_metric *m, const char *text, size_t len, struct number_list *l,
                      struct ofbc_error *err)
{
	char word[128];
	double *slot, value;

	text_copy(word, len < sizeof(word) ? len + 1 : sizeof(word), text);
	if (len >= sizeof(word) || number_parse(word, &value) < 0)
		return error_set(err, EINVAL, OFBC_REASON_FAILED, "metric '%s': '%s' is no number", m->name,
		                 word);
	slot = list_add(l);
	if (!slot)
		return -ENOMEM;
	*slot = value;
	return 0;
}

static int by_regex(const struct bench_metric *m, const char *text, size_t len, struct number_list *l,
                    struct ofbc_error *err)
{
	_cleanup_regex_ struct regex *re = NULL;
	size_t offset = 0, start, n;
	int r = regex_new(m->where, &re, err), found = 1;

	while (r == 0 && (found = regex_next(re, text, len, &offset, 1, &start, &n)) > 0) {
		if (!n) /* (.*) fits the end of every text, too */
			continue;
		r = add_number(m, text + start, n, l, err);
		if (m->pick == PICK_FIRST)
			break;
	}
	if (r == 0 && found < 0)
		return error_set(err, EINVAL, OFBC_REASON_FAILED,
		                 "metric '%s': the expression '%s' takes too long on this text", m->name,
		                 m->where);
	return r;
}

/* The text may have more around the document: it begins at the first line that begins with a bracket. */
static const char *document_in(const char *text, size_t *len)
{
	const char *p = text, *end = text + *len;

	while (p < end && *p != '{' && *p != '[') {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		p = newline ? newline + 1 : end;
	}
	*len = (size_t)(end - p);
	return p;
}

/* RFC 6901; "-" stands for every element of an array. */
static int follow(const struct bench_metric *m, const struct json *j, const char *pointer,
                  struct number_list *l, struct ofbc_error *err)
{
	char key[128];
	size_t n, k = 0;
	int r = 0;

	if (!j)
		return 0;
	if (!*pointer) {
		double value = json_double(j, NAN);
		const char *text = json_str(j, NULL);
		double *slot;

		if (isnan(value))
			return text ? add_number(m, text, strlen(text), l, err)
			            : error_set(err, EINVAL, OFBC_REASON_FAILED,
			                        "metric '%s': what is at %s is no number", m->name, m->where);
		slot = list_add(l);
		if (!slot)
			return -ENOMEM;
		*slot = value;
		return 0;
	}
	n = strcspn(++pointer, "/");
	for (size_t i = 0; i < n && k + 1 < sizeof(key); i++) {
		bool is_escape = pointer[i] == '~' && (pointer[i + 1] == '0' || pointer[i + 1] == '1');

		key[k++] = !is_escape ? pointer[i] : pointer[++i] == '0' ? '~' : '/';
	}
	key[k] = '\0';
	if (!json_is_array(j))
		return follow(m, json_get(j, key), pointer + n, l, err);
	if (strcmp(key, "-") != 0)
		return follow(m, json_at(j, strtoul(key, NULL, 10)), pointer + n, l, err);
	for (size_t i = 0; r == 0 && i < json_len(j); i++)
		r = follow(m, json_at(j, i), pointer + n, l, err);
	return r;
}

static int by_json(const struct bench_metric *m, const char *text, size_t len, struct number_list *l,
                   struct ofbc_error *err)
{
	_cleanup_json_ struct json *doc = NULL;
	const char *begin = document_in(text, &len);
	int r = json_parse(begin, len, "output", &doc, err);

	if (r < 0)
		return error_wrap(err, "metric '%s'", m->name);
	return follow(m, doc, m->where, l, err);
}

int metric_read(const struct bench_metric *m, const char *text, size_t len, double *ret,
                struct ofbc_error *err)
{
	_cleanup_(number_list_done) struct number_list l = {0};
	int r = m->source == METRIC_JSON ? by_json(m, text, len, &l, err) : by_regex(m, text, len, &l, err);

	if (r < 0)
		return r;
	if (!l.n) {
		error_set(err, ENOENT, OFBC_REASON_FAILED, "metric '%s': nothing in the output fits '%s'",
		          m->name, m->where);
		error_hint(err, "`openforbc bench run --keep` keeps the output");
		return -ENOENT;
	}
	*ret = m->scale * metric_pick(m->pick, l.v, l.n);
	return 0;
}

/* --- checks --- */

__attribute__((format(printf, 2, 3))) static int wrong(struct ofbc_error *err, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error_set(err, EBADMSG, OFBC_REASON_FAILED, "check: %s", text);
	return -EBADMSG;
}

static int check_match(const struct bench_check *c, const char *text, size_t len, struct ofbc_error *err)
{
	_cleanup_regex_ struct regex *re = NULL;
	size_t offset = 0, start, n;
	int r = regex_new(c->match, &re, err), found;

	if (r < 0)
		return r;
	found = regex_next(re, text, len, &offset, 0, &start, &n);
	if (found < 0)
		return wrong(err, "'%s' takes too long on the output", c->match);
	if (found == (int)c->is_absent)
		return wrong(err, c->is_absent ? "the output has '%s'" : "the output has no '%s'", c->match);
	return 0;
}

static int check_value(const struct bench_check *c, const struct bench_value *values, size_t n,
                       struct ofbc_error *err)
{
	for (size_t i = 0; i < n; i++) {
		double v = values[i].value;

		if (strcmp(values[i].metric, c->metric) != 0)
			continue;
		if (!isnan(c->equals) && !(fabs(v - c->equals) <= c->tolerance * fmax(1, fabs(c->equals))))
			return wrong(err, "%s is %.17g, not %.17g within %g", c->metric, v, c->equals,
			             c->tolerance);
		if (!isnan(c->min) && !(v >= c->min))
			return wrong(err, "%s is %.17g, below %g", c->metric, v, c->min);
		if (!isnan(c->max) && !(v <= c->max))
			return wrong(err, "%s is %.17g, above %g", c->metric, v, c->max);
		return 0;
	}
	return wrong(err, "there is no %s", c->metric);
}

int metric_check(const struct bench_check *c, int status, const char *text, size_t len,
                 const struct bench_value *values, size_t n, struct ofbc_error *err)
{
	switch (c->kind) {
	case CHECK_EXIT:
		return status == c->status ? 0 : wrong(err, "exit status %d, not %d", status, c->status);
	case CHECK_MATCH:
		return check_match(c, text, len, err);
	case CHECK_VALUE:
		return check_value(c, values, n, err);
	case CHECK_DEVICE: /* looked at while it runs */
		return 0;
	}
	return 0;
}
