/* SPDX-License-Identifier: MIT */
#include "report/isolation.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/strv.h"

/* --- which cells belong together --- */

static bool is_of_map(const struct isolation_map *m, const struct point *p)
{
	const struct point *o = &m->about.points.v[0];

	return strcmp(o->data->cell.layout, p->data->cell.layout) == 0 &&
	       o->data->cell.instances == p->data->cell.instances &&
	       strcmp(o->run->emulated, p->run->emulated) == 0;
}

/* The same program on the same machine, whoever is beside it. */
static bool is_same_victim(const struct point *a, const struct point *b)
{
	const struct bench_cell *x = &a->data->cell, *y = &b->data->cell;

	return strcmp(x->benchmark, y->benchmark) == 0 && strcmp(x->definition, y->definition) == 0 &&
	       strcmp(bench_own_parameters(x->parameters), bench_own_parameters(y->parameters)) == 0 &&
	       strcmp(a->run->host, b->run->host) == 0 && strcmp(a->run->platform, b->run->platform) == 0;
}

static void aggressor_of(const struct point *p, char *buf, size_t size)
{
	if (!bench_aggressor(p->data->cell.parameters, buf, size))
		text_copy(buf, size, ISOLATION_SELF);
}

/* --- maps with their pairs --- */

static int add_point(struct isolation_map *m, const struct point *p)
{
	struct point *copy = list_add(&m->about.points);

	if (!copy)
		return -ENOMEM;
	*copy = *p;
	return 0;
}

static int add_pair(struct isolation_list *l, const struct point *p)
{
	const struct bench_cell *c = &p->data->cell;
	struct isolation_map *m;

	for (size_t i = 0; i < l->n; i++) {
		if (is_of_map(&l->v[i], p))
			return add_point(&l->v[i], p);
	}
	m = list_add(l);
	if (!m)
		return -ENOMEM;
	m->about = (struct study){
		.benchmark = c->layout, .parameters = "", .definition = "", .emulated = p->run->emulated};
	snprintf(m->about.title, sizeof(m->about.title), "%s, %u instances", c->layout, c->instances);
	return add_point(m, p);
}

/* The ordinary cells of all instances of a victim. */
static int add_selves(const struct study_list *l, struct isolation_map *m)
{
	size_t n = m->about.points.n;
	int r = 0;

	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; r == 0 && k < l->v[i].points.n; k++) {
			const struct point *p = &l->v[i].points.v[k];
			bool is_victim = false;

			for (size_t j = 0; j < n; j++)
				is_victim |= is_same_victim(&m->about.points.v[j], p);
			if (is_victim && is_of_map(m, p))
				r = add_point(m, p);
		}
	}
	return r;
}

/* --- rows and columns --- */

static int by_program(const void *a, const void *b)
{
	const struct point *x = *(const struct point *const *)a, *y = *(const struct point *const *)b;
	int d = strverscmp(x->data->cell.benchmark, y->data->cell.benchmark);

	if (d == 0)
		d = strverscmp(bench_own_parameters(x->data->cell.parameters),
		               bench_own_parameters(y->data->cell.parameters));
	return d ? d : strcmp(x->run->host, y->run->host);
}

static int find_victims(struct isolation_map *m, size_t n_pairs)
{
	m->victims = calloc(n_pairs, sizeof(const struct point *));
	m->victim_names = calloc(n_pairs, sizeof(*m->victim_names));
	if (!m->victims || !m->victim_names)
		return -ENOMEM;
	for (size_t i = 0; i < n_pairs; i++) {
		size_t k = 0;

		while (k < m->n_victims && !is_same_victim(m->victims[k], &m->about.points.v[i]))
			k++;
		m->victims[k] = &m->about.points.v[i];
		m->n_victims += k == m->n_victims;
	}
	qsort(m->victims, m->n_victims, sizeof(const struct point *), by_program);
	for (size_t i = 0; i < m->n_victims; i++)
		point_name(m->victims[i], m->victims, m->n_victims, m->victim_names[i].text,
		           sizeof(m->victim_names[i].text));
	return 0;
}

static int by_text(const void *a, const void *b)
{
	const struct isolation_name *x = a, *y = b;

	return strverscmp(x->text, y->text);
}

static size_t column_of(const struct isolation_map *m, const struct point *p)
{
	struct isolation_name name;
	size_t k = 0;

	aggressor_of(p, name.text, sizeof(name.text));
	while (k < m->n_aggressors && strcmp(m->aggressors[k].text, name.text) != 0)
		k++;
	return k;
}

static int find_aggressors(struct isolation_map *m, size_t n_pairs)
{
	m->aggressors = calloc(n_pairs + 1, sizeof(*m->aggressors));
	if (!m->aggressors)
		return -ENOMEM;
	text_copy(m->aggressors[m->n_aggressors++].text, sizeof(m->aggressors->text), ISOLATION_SELF);
	for (size_t i = 0; i < n_pairs; i++) {
		size_t k = column_of(m, &m->about.points.v[i]);

		aggressor_of(&m->about.points.v[i], m->aggressors[k].text, sizeof(m->aggressors[k].text));
		m->n_aggressors += k == m->n_aggressors;
	}
	qsort(m->aggressors + 1, m->n_aggressors - 1, sizeof(*m->aggressors), by_text);
	return 0;
}

/* Of the same cell in several runs the newest. */
static int fill(struct isolation_map *m)
{
	m->fields = calloc(m->n_victims * m->n_aggressors, sizeof(const struct point *));
	if (!m->fields)
		return -ENOMEM;
	for (size_t i = 0; i < m->about.points.n; i++) {
		const struct point *p = &m->about.points.v[i], **field;
		size_t row = 0;

		while (!is_same_victim(m->victims[row], p))
			row++;
		field = &m->fields[row * m->n_aggressors + column_of(m, p)];
		if (!*field || (*field)->run->started_unix_s <= p->run->started_unix_s)
			*field = p;
	}
	return 0;
}

int isolation_new(const struct study_list *l, struct isolation_list *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->pairs.n; i++)
		r = add_pair(ret, &l->pairs.v[i]);
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		struct isolation_map *m = &ret->v[i];
		size_t n_pairs = m->about.points.n;

		r = add_selves(l, m);
		if (r == 0)
			r = find_victims(m, n_pairs);
		if (r == 0)
			r = find_aggressors(m, n_pairs);
		if (r == 0)
			r = fill(m);
	}
	return r;
}

void isolation_done(struct isolation_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].about.points.v);
		free(l->v[i].victims);
		free(l->v[i].victim_names);
		free(l->v[i].aggressors);
		free(l->v[i].fields);
	}
	free(l->v);
	*l = (struct isolation_list){0};
}

/* --- what a field says --- */

struct isolation_value isolation_value(const struct point *p, enum isolation_kind kind)
{
	static const char *const keys[] = {
		[ISOLATION_LOSS] = "interference",
		[ISOLATION_LATENCY] = "latency_interference",
	};
	const struct ofbc_bench_derived *d = point_figure(p, keys[kind]);
	struct isolation_value v = {NAN, NAN, NAN, .reason = "it was not measured"};

	if (d)
		v = (struct isolation_value){d->value, d->low, d->high, d->trials, d->reason};
	else if (kind == ISOLATION_LOSS && (d = point_figure(p, "progress"))) /* shared: idle is alone */
		v = (struct isolation_value){1 - d->value, 1 - d->high, 1 - d->low, d->trials, d->reason};
	else if ((d = point_figure(p, "rate")) && d->reason[0])
		v.reason = d->reason;
	return v;
}
