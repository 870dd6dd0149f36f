/* SPDX-License-Identifier: MIT */
#include "report/study.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "base/strv.h"

/* --- what is derived --- */

const struct ofbc_bench_derived *point_figure(const struct point *p, const char *key)
{
	const struct ofbc_bench_derived *found = NULL;

	for (size_t i = 0; i < p->n_rows; i++) {
		if (strcmp(p->rows[i].figure, key) == 0 && (!found || p->rows[i].value > found->value))
			found = &p->rows[i];
	}
	return found;
}

double point_value(const struct point *p, const char *key)
{
	const struct ofbc_bench_derived *d = point_figure(p, key);

	if (d)
		return d->value;
	return p->is_base && strcmp(key, "stp") == 0 ? 1 : NAN;
}

/* Rows are in the order of the cells; each cell's begin with its rate, known or not. */
static void share_rows(const struct ofbc_bench_derived_list *l, size_t *next, struct point *p)
{
	p->rows = l->v + *next;
	do {
		p->n_rows++;
		(*next)++;
	} while (*next < l->n && strcmp(l->v[*next].figure, "rate") != 0);
}

/* --- series --- */

static bool is_whole(const struct bench_cell *c)
{
	return !c->layout[0] || strcmp(c->layout, "unpartitioned") == 0 || strcmp(c->layout, "shared") == 0;
}

/* The technology that all types of a layout have ("4x mig:1g.18gb + mig:3g.71gb": mig); false for several,
 * and for names of layouts. */
static bool technology(const char *layout, char *buf, size_t size)
{
	buf[0] = '\0';
	for (const char *s = layout; *s;) {
		const char *start = s + strspn(s, "0123456789"), *end = strstr(s, " + ");
		size_t n;

		start = strncmp(start, "x ", 2) == 0 ? start + 2 : s;
		n = strcspn(start, ": ");
		if (start[n] != ':' || n == 0 || n >= size ||
		    (buf[0] && (strlen(buf) != n || strncmp(buf, start, n) != 0)))
			return false;
		snprintf(buf, size, "%.*s", (int)n, start);
		s = end ? end + 3 : s + strlen(s);
	}
	return buf[0] != '\0';
}

/* Two layouts of one technology with as many instances: its points are no line then. */
static bool is_ambiguous(const struct study *s, const char *mechanism)
{
	char a[64], b[64];

	for (size_t i = 0; i < s->points.n; i++) {
		const struct bench_cell *x = &s->points.v[i].data->cell;

		if (s->points.v[i].is_solo || !technology(x->layout, a, sizeof(a)) ||
		    strcmp(a, mechanism) != 0)
			continue;
		for (size_t k = 0; k < i; k++) {
			const struct bench_cell *y = &s->points.v[k].data->cell;

			if (!s->points.v[k].is_solo && x->instances == y->instances &&
			    strcmp(x->layout, y->layout) != 0 && technology(y->layout, b, sizeof(b)) &&
			    strcmp(b, mechanism) == 0)
				return true;
		}
	}
	return false;
}

static void name_mechanism(const struct point *p, char *buf, size_t size)
{
	if (is_whole(&p->data->cell))
		text_copy(buf, size, "no partitions");
	else if (!technology(p->data->cell.layout, buf, size))
		text_copy(buf, size, p->data->cell.layout);
}

/* "2x cpu:1c": cpu:1c */
static const char *type_of(const char *layout)
{
	size_t n = strspn(layout, "0123456789");

	return n && strncmp(layout + n, "x ", 2) == 0 ? layout + n + 2 : layout;
}

/* As many instances under the same name in another run, which may have to be newer. */
static const struct point *find_twin(const struct study *s, const struct point *p, bool newer)
{
	for (size_t i = 0; i < s->points.n; i++) {
		const struct point *o = &s->points.v[i];

		if (o->run != p->run && strcmp(o->series, p->series) == 0 &&
		    o->data->cell.instances == p->data->cell.instances &&
		    (!newer || o->run->started_unix_s > p->run->started_unix_s ||
		     (o->run->started_unix_s == p->run->started_unix_s && o > p)))
			return o;
	}
	return NULL;
}

/* Where a name alone would mix what was measured in several places or several times, they are part of it. */
static void name_series(struct study *s)
{
	for (size_t i = 0; i < s->points.n; i++) {
		struct point *p = &s->points.v[i];
		char mechanism[64];

		name_mechanism(p, mechanism, sizeof(mechanism));
		snprintf(p->where, sizeof(p->where), "%s%.30s%s%.30s", s->n_platforms > 1 ? ", " : "",
		         s->n_platforms > 1 ? p->run->platform : "", s->n_hosts > 1 ? ", " : "",
		         s->n_hosts > 1 ? p->run->host : "");
		snprintf(p->technology, sizeof(p->technology), "%s%s", mechanism, p->where);
		snprintf(p->series, sizeof(p->series), "%s%s",
		         is_ambiguous(s, mechanism) ? type_of(p->data->cell.layout) : mechanism, p->where);
	}
	for (size_t i = 0; i < s->points.n; i++) /* all before any name gets longer */
		s->points.v[i].is_repeated = find_twin(s, &s->points.v[i], false) != NULL;
	for (size_t i = 0; i < s->points.n; i++) {
		struct point *p = &s->points.v[i];
		size_t n = strlen(p->series), w = strlen(p->where);

		if (!p->is_repeated || !p->run->label[0])
			continue;
		snprintf(p->series + n, sizeof(p->series) - n, ", %.50s", p->run->label);
		snprintf(p->where + w, sizeof(p->where) - w, ", %.50s", p->run->label);
	}
	for (size_t i = 0; i < s->points.n; i++)
		s->points.v[i].is_older = find_twin(s, &s->points.v[i], true) != NULL;
}

/* --- names in figures of several programs --- */

static bool has_word(const char *text, const char *word, size_t n)
{
	for (const char *s = text; *s; s += strcspn(s, " "), s += *s == ' ') {
		if (strcspn(s, " ") == n && strncmp(s, word, n) == 0)
			return true;
	}
	return false;
}

/* The word of its parameters that all of the same name have. */
static bool is_common(const struct point *p, const char *word, size_t n_word, const struct point *const *all,
                      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct bench_cell *c = &all[i]->data->cell;

		if (strcmp(c->benchmark, p->data->cell.benchmark) == 0 &&
		    !has_word(bench_own_parameters(c->parameters), word, n_word))
			return false;
	}
	return true;
}

void point_name(const struct point *p, const struct point *const *all, size_t n, char *buf, size_t size)
{
	struct strbuf b = STRBUF_INIT(4096);
	bool has_platforms = false, has_hosts = false, has_definitions = false;

	strbuf_add(&b, p->data->cell.benchmark);
	for (const char *s = bench_own_parameters(p->data->cell.parameters); *s;) {
		size_t n_word = strcspn(s, " ");

		if (!is_common(p, s, n_word, all, n))
			strbuf_addf(&b, " %.*s", (int)n_word, s);
		s += n_word + (s[n_word] == ' ');
	}
	for (size_t i = 0; i < n; i++) {
		has_platforms |= strcmp(all[i]->run->platform, p->run->platform) != 0;
		has_hosts |= strcmp(all[i]->run->host, p->run->host) != 0;
		has_definitions |= strcmp(all[i]->data->cell.benchmark, p->data->cell.benchmark) == 0 &&
		                   strcmp(all[i]->data->cell.definition, p->data->cell.definition) != 0;
	}
	if (has_definitions)
		strbuf_addf(&b, " (definition %.8s)", p->data->cell.definition);
	if (has_platforms)
		strbuf_addf(&b, ", %.30s", p->run->platform);
	if (has_hosts)
		strbuf_addf(&b, ", %.30s", p->run->host);
	text_copy(buf, size, strbuf_str(&b));
	strbuf_done(&b);
}

/* --- grouping --- */

static struct study *study_of(struct study_list *l, const struct bench_run *run, const struct bench_cell *c)
{
	struct study *s;

	for (size_t i = 0; i < l->n; i++) {
		s = &l->v[i];
		if (strcmp(s->benchmark, c->benchmark) == 0 && strcmp(s->parameters, c->parameters) == 0 &&
		    strcmp(s->definition, c->definition) == 0 && strcmp(s->emulated, run->emulated) == 0)
			return s;
	}
	s = list_add(l);
	if (s) {
		s->benchmark = c->benchmark;
		s->parameters = c->parameters;
		s->definition = c->definition;
		s->emulated = run->emulated;
	}
	return s;
}

static int add_cell(struct study_list *l, const struct bench_run *run, const struct bench_cell_data *d,
                    size_t *row)
{
	bool is_pair = bench_own_parameters(d->cell.parameters) != d->cell.parameters;
	struct study *s = is_pair ? NULL : study_of(l, run, &d->cell);
	struct point *p = is_pair ? list_add(&l->pairs) : s ? list_add(&s->points) : NULL;

	if (!p || *row >= l->derived.n)
		return -ENOMEM;
	p->run = run;
	p->data = d;
	p->is_base = is_whole(&d->cell) && d->cell.instances == 1;
	share_rows(&l->derived, row, p);
	if (s && !s->work.summary)
		(void)work_metric_choose(d, NULL, &s->work); /* some cell of the study may have it */
	return 0;
}

/* Cells of one instance on a partition tell of the partition; over the number of instances they would be
 * drawn as a layout of their own. */
static void find_solos(struct study *s)
{
	bool has_several = false;

	for (size_t i = 0; i < s->points.n; i++) {
		const struct bench_cell *c = &s->points.v[i].data->cell;

		has_several |= !is_whole(c) && c->instances > 1;
	}
	for (size_t i = 0; i < s->points.n; i++) {
		const struct bench_cell *c = &s->points.v[i].data->cell;

		s->points.v[i].is_solo = has_several && !is_whole(c) && c->instances == 1;
	}
}

static size_t count_different(const struct study *s, size_t offset)
{
	size_t n = 0;

	for (size_t i = 0; i < s->points.n; i++) {
		const char *text = (const char *)s->points.v[i].run + offset;
		size_t k = 0;

		while (k < i && strcmp((const char *)s->points.v[k].run + offset, text) != 0)
			k++;
		n += k == i;
	}
	return n;
}

/* The same name with another definition is another benchmark. */
static void name_study(const struct study_list *l, struct study *s)
{
	bool has_twin = false;
	size_t n;

	for (size_t i = 0; i < l->n; i++)
		has_twin |= strcmp(l->v[i].benchmark, s->benchmark) == 0 &&
		            strcmp(l->v[i].definition, s->definition) != 0;
	n = (size_t)snprintf(s->title, sizeof(s->title), "%s%s%s", s->benchmark, s->parameters[0] ? ", " : "",
	                     s->parameters);
	if (has_twin && n < sizeof(s->title))
		snprintf(s->title + n, sizeof(s->title) - n, " (definition %.8s)",
		         s->definition[0] ? s->definition : "unknown");
}

int studies_new(const struct bench_archive *a, struct study_list *ret, struct ofbc_error *err)
{
	struct study_list l = {0};
	size_t row = 0;
	int r = derive_figures(a, NULL, &l.derived);

	for (size_t i = 0; r == 0 && i < a->n; i++) {
		for (size_t k = 0; r == 0 && k < a->v[i].cells.n; k++)
			r = add_cell(&l, &a->v[i].run, &a->v[i].cells.v[k], &row);
	}
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		struct study *s = &l.v[i];

		s->n_platforms = count_different(s, offsetof(struct bench_run, platform));
		s->n_hosts = count_different(s, offsetof(struct bench_run, host));
		find_solos(s);
		name_study(&l, s);
		name_series(s);
	}
	if (r < 0) {
		studies_done(&l);
		return error_set_errno(err, -r, "cannot sort the results");
	}
	*ret = l;
	return 0;
}

/* --- what is drawn --- */

static bool is_before(const struct point *a, const struct point *b)
{
	return a->is_base != b->is_base ? a->is_base : a->data->cell.instances > b->data->cell.instances;
}

size_t study_rank(const struct study *s, const size_t *values, size_t k)
{
	size_t n = 0;

	for (size_t i = 0; i < s->points.n; i++) {
		const struct point *a = &s->points.v[i], *b = &s->points.v[k];

		n += values[i] && i != k && (is_before(a, b) || (!is_before(b, a) && i < k));
	}
	return n;
}

void studies_done(struct study_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].points.v);
	free(l->pairs.v);
	free(l->derived.v);
	free(l->v);
	*l = (struct study_list){0};
}
