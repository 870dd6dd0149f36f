/* SPDX-License-Identifier: MIT */
/* Programs that speak the protocol: their lines, and when they are told to go and to stop. */
#include "bench/trial_parts.h"

#include <errno.h>

#include "base/error.h"
#include "base/list.h"
#include "bench/protocol.h"
#include "platform/platform.h"

static int take_iteration(struct trial *t, unsigned i, const struct protocol_line *l)
{
	struct iteration *it = list_add(&t->v[i].iterations);

	if (!it)
		return -ENOMEM;
	*it = (struct iteration){l->start_ns, l->end_ns, l->due_ns};
	steady_look(t, i);
	return 0;
}

static int take(struct trial *t, unsigned i, const struct protocol_line *l)
{
	struct state *s = &t->v[i];

	switch (l->word) {
	case PROTOCOL_WORK:
		s->work = l->work;
		return 0;
	case PROTOCOL_REPEATS:
		s->repeats = l->repeats;
		return 0;
	case PROTOCOL_READY:
		s->is_ready = true;
		return 0;
	case PROTOCOL_ITERATION:
		return take_iteration(t, i, l);
	case PROTOCOL_RESULT:
		return pair_set(&s->results, l->name, l->value);
	case PROTOCOL_DEVICE:
		device_take(t, i, l->value);
		return 0;
	case PROTOCOL_DONE:
		return 0;
	}
	return 0;
}

void protocol_take(struct trial *t, unsigned i, const char *line)
{
	struct protocol_line l;
	int r = protocol_parse(line, &l);

	/* a rate counts iterations, so what they are is constant and said before the first */
	bool is_late = (l.word == PROTOCOL_WORK || l.word == PROTOCOL_REPEATS) && t->v[i].is_ready;

	if (r < 0 || is_late)
		trial_judge(t, BENCH_FAILED, "instance %u said '%.100s', which is not in the protocol",
		            t->rq->first + i, line);
	else if (take(t, i, &l) < 0)
		trial_judge(t, BENCH_FAILED, "no memory for what instance %u says", t->rq->first + i);
}

bool protocol_is_ready(const struct trial *t)
{
	for (unsigned i = 0; i < t->rq->instances; i++) {
		if (!t->v[i].is_ready)
			return false;
	}
	return true;
}

struct window protocol_progress(const struct trial *t, size_t *ret_least)
{
	uint64_t from = 0, to = UINT64_MAX;
	size_t least = SIZE_MAX;

	for (unsigned i = 0; i < t->rq->instances; i++) {
		const struct iteration_list *l = &t->v[i].iterations;
		size_t first = t->v[i].first, n = steady_is_waited_for(t, i) ? 0 : l->n - first;

		least = n < least ? n : least;
		if (!n)
			continue;
		from = l->v[first].start_ns > from ? l->v[first].start_ns : from;
		to = l->v[l->n - 1].end_ns < to ? l->v[l->n - 1].end_ns : to;
	}
	*ret_least = least;
	return least && to > from ? (struct window){from, to} : (struct window){from, from};
}

bool trial_watch_is_over(const struct trial_watch *w, bool *is_ending)
{
	if (!*is_ending && w->ending)
		w->ending(w->data);
	*is_ending = true;
	return !w->is_over || w->is_over(w->data);
}

static void try_to_stop(struct trial *t)
{
	t->has_stopped = trial_watch_is_over(&t->rq->watch, &t->is_ending);
	if (t->has_stopped)
		instances_send_all(t->set, "STOP\n");
}

/* GO when all are ready; STOP when all have enough, so that the load stays until then. */
void protocol_steer(struct trial *t)
{
	struct window so_far;
	size_t n;

	if (!t->go_ns && protocol_is_ready(t)) {
		trial_begin_watch(t);
		t->go_ns = t->p->ops->now_ns(t->p);
		instances_send_all(t->set, "GO\n");
	}
	so_far = protocol_progress(t, &n);
	if (t->go_ns && !t->has_stopped &&
	    (t->is_ending ||
	     (n >= t->rq->min_iterations && (double)(so_far.to - so_far.from) / NS >= t->rq->min_window_s)))
		try_to_stop(t);
}
