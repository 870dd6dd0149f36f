/* SPDX-License-Identifier: MIT */
/* The time common to all instances, and what lies in it. */
#include "bench/trial_parts.h"

#include <math.h>
#include <stdlib.h>

#include "bench/stats.h"

/* What lies in the common window. Iterations that cross an edge count by their part for work, not for
 * latency. */
double window_work(const struct iteration_list *l, struct window w)
{
	double work = 0;

	for (size_t i = 0; i < l->n; i++) {
		uint64_t a = l->v[i].start_ns > w.from ? l->v[i].start_ns : w.from;
		uint64_t b = l->v[i].end_ns < w.to ? l->v[i].end_ns : w.to;

		if (b > a)
			work += (double)(b - a) / (double)(l->v[i].end_ns - l->v[i].start_ns);
	}
	return work;
}

/*
 * A program that comes too late for its schedule starts at once, and what it is late counts as latency:
 * leaving that out would leave out what a user waits when it is slow (coordinated omission). So latency is
 * from when it was due.
 */
double *window_latencies(const struct iteration_list *l, struct window w, size_t *ret_n)
{
	double *v = malloc((l->n + 1) * sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < l->n; i++) {
		if (l->v[i].start_ns >= w.from && l->v[i].end_ns <= w.to)
			v[(*ret_n)++] = (double)(l->v[i].end_ns -
			                         (l->v[i].due_ns ? l->v[i].due_ns : l->v[i].start_ns)) /
			                NS;
	}
	if (v)
		stats_sort(v, *ret_n);
	return v;
}

/* The schedule goes on as time does, or the program cannot follow: then the one falls behind the other. */
double window_pace(const struct state *s)
{
	const struct iteration_list *l = &s->iterations;
	const struct iteration *a = l->n ? &l->v[s->first] : NULL, *b = l->n ? &l->v[l->n - 1] : NULL;

	if (!a || !a->due_ns || !b->due_ns || b->start_ns <= a->start_ns)
		return NAN;
	return (double)(b->due_ns - a->due_ns) / (double)(b->start_ns - a->start_ns);
}

/* When an instance began with what counts, and when it ended it: both GO when it did nothing. */
static struct window own_window(const struct trial *t, unsigned i)
{
	const struct iteration_list *l = &t->v[i].iterations;
	const struct instance_end *end = instances_end(t->set, i);

	if (!t->rq->program.definition->is_protocol)
		return (struct window){end->start_ns, end->end_ns};
	return l->n ? (struct window){l->v[t->v[i].first].start_ns, l->v[l->n - 1].end_ns}
	            : (struct window){t->go_ns, t->go_ns};
}

struct window window_common(const struct trial *t)
{
	struct window w = {0, UINT64_MAX};

	for (unsigned i = 0; i < t->rq->instances; i++) {
		struct window own = own_window(t, i);

		w.from = own.from > w.from ? own.from : w.from;
		w.to = own.to < w.to ? own.to : w.to;
	}
	return w.to > w.from ? w : (struct window){w.from, w.from};
}

struct window window_starts(const struct trial *t)
{
	struct window w = {UINT64_MAX, 0};

	for (unsigned i = 0; i < t->rq->instances; i++) {
		const struct iteration_list *l = &t->v[i].iterations;
		uint64_t from;

		if (t->rq->program.definition->is_protocol && !l->n)
			return (struct window){UINT64_MAX, 0};
		from = l->n ? l->v[0].start_ns : own_window(t, i).from;
		w.from = from < w.from ? from : w.from;
		w.to = from > w.to ? from : w.to;
	}
	return w;
}

double window_skew(const struct trial *t)
{
	struct window w = window_starts(t);

	return w.from == UINT64_MAX ? NAN : (double)(w.to - w.from) / NS;
}
