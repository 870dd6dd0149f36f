/* SPDX-License-Identifier: MIT */
/* Programs that speak the protocol: their lines, and when they are told to go and to stop. */
#include "bench/trial_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "bench/number.h"
#include "platform/platform.h"

static int take_iteration(struct state *s, const char *line)
{
	struct iteration *it;
	unsigned long long start, end;

	if (sscanf(line, "ITERATION %llu %llu", &start, &end) != 2 || end < start)
		return -EBADMSG;
	it = list_add(&s->iterations);
	if (!it)
		return -ENOMEM;
	*it = (struct iteration){start, end};
	return 0;
}

/* Constant, as a rate counts iterations: so it is said before the first. */
static int take_work(struct state *s, const char *line)
{
	return s->is_ready || number_parse(line + strlen("WORK "), &s->work) < 0 || !(s->work > 0) ? -EBADMSG
	                                                                                           : 0;
}

static int take_result(struct state *s, char *line)
{
	char *name = line + strlen("RESULT "), *value = strchr(name, ' ');

	if (!value)
		return -EBADMSG;
	*value++ = '\0';
	return pair_set(&s->results, name, value);
}

void protocol_take(struct trial *t, unsigned i, const char *line)
{
	struct state *s = &t->v[i];
	size_t before = s->iterations.n;
	char copy[512];
	int r = 0;

	text_copy(copy, sizeof(copy), line);
	if (strcmp(copy, "READY") == 0)
		s->is_ready = true;
	else if (strncmp(copy, "ITERATION ", 10) == 0)
		r = take_iteration(s, copy);
	else if (strncmp(copy, "RESULT ", 7) == 0)
		r = take_result(s, copy);
	else if (strncmp(copy, "WORK ", 5) == 0)
		r = take_work(s, copy);
	else if (strncmp(copy, "DEVICE ", 7) == 0)
		device_take(t, i, copy + 7);
	else if (strcmp(copy, "DONE") != 0)
		r = -EBADMSG;
	if (s->iterations.n > before)
		steady_look(t, i);
	if (r < 0)
		trial_judge(t, BENCH_FAILED, "instance %u said '%.100s', which is not in the protocol",
		            t->rq->first + i, line);
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
