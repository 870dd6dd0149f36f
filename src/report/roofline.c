/* SPDX-License-Identifier: MIT */
#include "report/roofline.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/strv.h"

/* --- what a cell says --- */

static double median_of(const struct point *p, const char *metric, const char *unit)
{
	for (size_t i = 0; i < p->data->summaries.n; i++) {
		const struct bench_summary *m = &p->data->summaries.v[i];

		if (strcmp(m->metric, metric) == 0 && strcmp(m->unit, unit) == 0)
			return m->median;
	}
	return NAN;
}

static double intensity_of(const struct point *p)
{
	return median_of(p, ROOFLINE_INTENSITY, ROOFLINE_INTENSITY_UNIT);
}

/* Operations of a unit of the work that the rate counts; NAN: not known. */
static double operations_of(const struct point *p, const char *rate_unit)
{
	size_t n = strlen(rate_unit);
	char unit[64];

	if (strcmp(rate_unit, "FLOP/s") == 0)
		return 1;
	if (strcmp(rate_unit, "B/s") == 0)
		return intensity_of(p);
	if (n < 2 || strcmp(rate_unit + n - 2, "/s") != 0)
		return NAN;
	snprintf(unit, sizeof(unit), "FLOP/%.*s", (int)n - 2, rate_unit);
	return median_of(p, ROOFLINE_OPERATIONS, unit);
}

static struct roofline_point point_of(const struct point *p)
{
	const struct ofbc_bench_derived *rate = point_figure(p, "rate");
	double each = operations_of(p, rate->unit);

	return (struct roofline_point){.p = p,
	                               .intensity = intensity_of(p),
	                               .value = rate->value * each,
	                               .low = rate->low * each,
	                               .high = rate->high * each,
	                               .trials = rate->trials};
}

/* Copies over a bus are in B/s, too: only who tells its intensity speaks of the memory. */
static double bandwidth_of(const struct point *p)
{
	const struct ofbc_bench_derived *rate = point_figure(p, "rate");

	return strcmp(rate->unit, "B/s") == 0 && intensity_of(p) >= 0 ? rate->value : NAN;
}

/* --- machines --- */

static bool is_on(const struct roofline *m, const struct point *p)
{
	const struct bench_run *run = m->v[0].p->run;

	return strcmp(run->host, p->run->host) == 0 && strcmp(run->platform, p->run->platform) == 0 &&
	       strcmp(run->emulated, p->run->emulated) == 0;
}

static struct roofline *machine_of(struct roofline_list *l, const struct point *p)
{
	struct roofline *m;

	for (size_t i = 0; i < l->n; i++) {
		if (is_on(&l->v[i], p))
			return &l->v[i];
	}
	m = list_add(l);
	if (!m)
		return NULL;
	m->about = (struct study){.benchmark = p->run->platform[0] ? p->run->platform : "unknown",
	                          .parameters = "",
	                          .definition = "",
	                          .emulated = p->run->emulated};
	snprintf(m->about.title, sizeof(m->about.title), "host %s",
	         p->run->host[0] ? p->run->host : "unknown");
	return m;
}

static int add_point(struct roofline_list *l, const struct point *p)
{
	struct roofline_point x = point_of(p), *added;
	struct roofline *m;

	if (p->is_older || !(x.intensity > 0) || !isfinite(x.intensity) || !(x.value > 0))
		return 0;
	m = machine_of(l, p);
	added = m ? list_add(m) : NULL;
	if (!added)
		return -ENOMEM;
	*added = x;
	return 0;
}

static void raise_ceiling(struct roofline_ceiling *c, double value, const struct point *p)
{
	if (value > c->value)
		*c = (struct roofline_ceiling){.value = value, .by = p};
}

static void find_ceilings(const struct study_list *l, struct roofline *m)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->v[i].points.n; k++) {
			const struct point *p = &l->v[i].points.v[k];

			if (!is_on(m, p))
				continue;
			raise_ceiling(&m->memory, bandwidth_of(p), p);
			raise_ceiling(&m->compute, point_of(p).value, p);
		}
	}
}

/* --- which are drawn, and their names --- */

/* The same program alone on the whole machine, or what is faster. */
static bool is_better(const struct roofline_point *a, const struct roofline_point *b)
{
	return a->p->is_base != b->p->is_base ? a->p->is_base : a->value > b->value;
}

static bool is_same_program(const struct roofline_point *a, const struct roofline_point *b)
{
	const struct bench_cell *x = &a->p->data->cell, *y = &b->p->data->cell;

	return strcmp(x->benchmark, y->benchmark) == 0 && strcmp(x->parameters, y->parameters) == 0 &&
	       strcmp(x->definition, y->definition) == 0;
}

static int choose(struct roofline *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct point *copy;

		m->v[i].is_drawn = true;
		for (size_t k = 0; k < m->n; k++) {
			if (k != i && is_same_program(&m->v[k], &m->v[i]) &&
			    (is_better(&m->v[k], &m->v[i]) || (k < i && !is_better(&m->v[i], &m->v[k]))))
				m->v[i].is_drawn = false;
		}
		if (!m->v[i].is_drawn)
			continue;
		copy = list_add(&m->about.points);
		if (!copy)
			return -ENOMEM;
		*copy = *m->v[i].p;
	}
	return 0;
}

static void name(const struct point *p, const struct point *const *all, size_t n, char *buf, size_t size)
{
	size_t used;

	point_name(p, all, n, buf, size);
	used = strlen(buf);
	if (!p->is_base)
		snprintf(buf + used, size - used, ", %s", p->data->cell.layout);
	if (!p->is_base &&
	    strspn(p->data->cell.layout, "0123456789") == 0) /* which says how many otherwise */
		snprintf(buf + strlen(buf), size - strlen(buf), ", %u instance%s", p->data->cell.instances,
		         p->data->cell.instances == 1 ? "" : "s");
}

static int name_all(struct roofline *m)
{
	_cleanup_free_ const struct point **all = calloc(m->n + 2, sizeof(const struct point *));
	struct roofline_ceiling *ceilings[] = {&m->memory, &m->compute};
	size_t n = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++)
		all[n++] = m->v[i].p;
	for (size_t i = 0; i < ARRAY_SIZE(ceilings); i++) {
		if (ceilings[i]->by)
			all[n++] = ceilings[i]->by;
	}
	for (size_t i = 0; i < m->n; i++)
		name(m->v[i].p, all, n, m->v[i].name, sizeof(m->v[i].name));
	for (size_t i = 0; i < ARRAY_SIZE(ceilings); i++) {
		if (ceilings[i]->by)
			name(ceilings[i]->by, all, n, ceilings[i]->name, sizeof(ceilings[i]->name));
	}
	return 0;
}

int roofline_new(const struct study_list *l, struct roofline_list *ret)
{
	int r = 0;

	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; r == 0 && k < l->v[i].points.n; k++)
			r = add_point(ret, &l->v[i].points.v[k]);
	}
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		find_ceilings(l, &ret->v[i]);
		r = choose(&ret->v[i]);
		if (r == 0)
			r = name_all(&ret->v[i]);
	}
	return r;
}

void roofline_done(struct roofline_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].about.points.v);
		free(l->v[i].v);
	}
	free(l->v);
	*l = (struct roofline_list){0};
}

double roofline_reachable(const struct roofline *m, double intensity)
{
	if (!(m->memory.value > 0))
		return NAN;
	return fmin(m->memory.value * intensity, m->compute.value);
}
