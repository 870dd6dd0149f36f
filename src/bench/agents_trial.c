/* SPDX-License-Identifier: MIT */
/*
 * One trial over agents. All start their instances, which wait; the clocks are compared; all get the same
 * moment, each by its own clock; they say when theirs began and ended, are told the window that is common to
 * all, and answer with the values in it.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "bench/agents.h"
#include "bench/histogram.h"
#include "bench/trial_parts.h"
#include "platform/platform.h"

#define EXCHANGES   16
#define EXCHANGE_NS 1000000000u /* one that takes longer says nothing */
#define LOOK_NS     100000000u
#define AHEAD_NS    3000000u /* of the start, beside what the way there takes */

struct crew {
	struct agents *a;
	const struct agents_cell *cell;
	const struct trial_request *rq;
	struct bench_trial *t;
	struct histogram *latencies; /* of all instances, and of one agent, for reading */
	struct ofbc_error refused;   /* it cannot be run at all */
	bool has_refused, is_given_up, is_ending, is_stopped;
	struct agent *pinged; /* the ping-pong under way */
	struct clock_reading *reading;
	uint64_t ping_ns, ping_id;
	bool has_pong;
};

#define for_each_agent(one, c) for (struct agent *one = (c)->a->v; one < (c)->a->v + (c)->cell->agents; one++)

static bool is_good(const struct crew *c)
{
	return c->t->verdict == BENCH_OK && !c->has_refused;
}

static void judge(struct crew *c, enum bench_verdict verdict, const struct agent *one, const char *why)
{
	if (c->t->verdict != BENCH_OK)
		return; /* the first reason is the reason */
	c->t->verdict = verdict;
	free(c->t->reason); /* a note */
	if (asprintf(&c->t->reason, "agent %s: %s", one->address.text, why) < 0)
		c->t->reason = NULL;
}

static void lost(void *data, struct agent *one, const char *why)
{
	struct crew *c = data;

	if ((size_t)(one - c->a->v) < c->cell->agents)
		judge(c, BENCH_LOST, one, why);
}

static bool is_any(const struct crew *c, enum agent_state from, enum agent_state to)
{
	for_each_agent(one, c) {
		if (one->state >= from && one->state <= to)
			return true;
	}
	return false;
}

/* --- what they say --- */

static int take_pong(struct crew *c, const struct agent *one, const struct agent_message *m)
{
	if (one != c->pinged || m->id != c->ping_id)
		return 0;
	clock_exchange(c->reading, c->ping_ns, m->received_ns, m->sent_ns, channel_received_ns(one->c));
	c->has_pong = true;
	return 0;
}

static void take_end(struct crew *c, struct agent *one, const struct agent_message *m)
{
	enum bench_verdict verdict;

	if (bench_verdict_parse(m->verdict, &verdict) < 0)
		verdict = BENCH_FAILED;
	one->state = c->is_given_up || verdict != BENCH_OK ? AGENT_IDLE : AGENT_HAS_ENDED;
	one->from_ns = m->from_ns;
	one->to_ns = m->to_ns;
	one->first_start_ns = m->first_start_ns;
	one->last_start_ns = m->last_start_ns;
	if (verdict != BENCH_OK && !c->is_given_up)
		judge(c, verdict, one, m->reason[0] ? m->reason : "its instances failed");
}

static void take_latencies(struct crew *c, const struct agent *one, const char *text)
{
	if (histogram_parse(text, &c->latencies[1]) < 0)
		judge(c, BENCH_FAILED, one, "its latencies are no histogram");
	else
		histogram_merge(&c->latencies[0], &c->latencies[1]);
}

/* Its numbers of instances become ours. */
static int take_values(struct crew *c, struct agent *one, const struct agent_message *m)
{
	enum bench_verdict verdict;

	one->state = AGENT_IDLE;
	if (bench_verdict_parse(m->verdict, &verdict) < 0 || verdict != BENCH_OK)
		judge(c, verdict, one, m->reason);
	else if (m->reason[0])
		trial_note(c->t, "agent %s: %s", one->address.text, m->reason);
	for (size_t i = 0; i < m->values.n_values; i++) {
		const struct bench_value *v = &m->values.values[i];

		if ((unsigned)v->instance >= one->instances)
			judge(c, BENCH_FAILED, one, "it answers for an instance that it has not");
		else if (!bench_value_add(c->t, v->metric, (int)one->first + v->instance, v->value))
			return -ENOMEM;
	}
	if (is_good(c) && m->values.latencies)
		take_latencies(c, one, m->values.latencies);
	return 0;
}

/* A session that hangs still holds its agent: whoever connects anew is told that it is busy. */
static void take_refusal(struct crew *c, struct agent *one, const struct agent_message *m)
{
	struct ofbc_error why = {0};
	int r = channel_refused(m, &why);

	one->state = AGENT_IDLE;
	if (r == -EBUSY)
		judge(c, BENCH_LOST, one, why.message);
	if (r == -EBUSY || c->has_refused)
		return;
	c->has_refused = true;
	c->refused = why;
	agent_error(one, &c->refused);
}

static int handle(void *data, struct agent *one, struct agent_message *m, struct ofbc_error *err)
{
	struct crew *c = data;

	(void)err;
	switch (m->kind) {
	case AGENT_READY:
		if (one->state == AGENT_ASKED)
			one->state = AGENT_IS_READY;
		return 0;
	case AGENT_PONG:
		return take_pong(c, one, m);
	case AGENT_PROGRESS:
		one->from_ns = m->from_ns;
		one->to_ns = m->to_ns;
		one->least = m->iterations;
		return 0;
	case AGENT_ENDED:
		if (one->state != AGENT_IDLE)
			take_end(c, one, m);
		return 0;
	case AGENT_RESULT:
		return one->state == AGENT_EVALUATING ? take_values(c, one, m) : 0;
	case AGENT_REFUSED:
		if (one->state != AGENT_IDLE)
			take_refusal(c, one, m);
		return 0;
	default:
		return 0; /* what nobody asked for changes nothing */
	}
}

static int listen_until(struct crew *c, uint64_t deadline_ns, struct ofbc_error *err)
{
	const struct agents_ear ear = {.handle = handle, .lost = lost, .data = c};

	return agents_listen(c->a, &ear, deadline_ns, err);
}

/* Until none is in these states, or something is wrong; the watcher looks when it wants to. */
static int wait_while(struct crew *c, enum agent_state from, enum agent_state to, struct ofbc_error *err)
{
	const struct trial_watch *w = &c->rq->watch;
	int r = 0;

	while (r == 0 && is_good(c) && is_any(c, from, to)) {
		uint64_t now = monotonic_ns(), until = now + LOOK_NS, due = 0;

		if (w->due_ns && from >= AGENT_RUNNING)
			due = w->due_ns(w->data);
		r = listen_until(c, due && due < until ? due : until, err);
		if (due && w->step)
			w->step(w->data);
	}
	return r;
}

/* --- clocks --- */

static int exchange(struct crew *c, struct agent *one, struct ofbc_error *err)
{
	struct agent_message ping = {.kind = AGENT_PING, .id = ++c->ping_id};
	uint64_t deadline_ns;
	int r = 0;

	c->has_pong = false;
	c->ping_ns = monotonic_ns();
	deadline_ns = c->ping_ns + EXCHANGE_NS;
	(void)channel_send(one->c, &ping); /* that it is gone is found when it is listened to */
	while (r == 0 && is_good(c) && !c->has_pong && monotonic_ns() < deadline_ns)
		r = listen_until(c, deadline_ns, err);
	return r;
}

static int compare_clocks(struct crew *c, bool is_after, struct ofbc_error *err)
{
	int r = 0;

	for_each_agent(one, c) {
		c->pinged = one;
		c->reading = is_after ? &one->clocks.after : &one->clocks.before;
		*c->reading = (struct clock_reading){0};
		for (int i = 0; r == 0 && i < EXCHANGES && is_good(c); i++)
			r = exchange(c, one, err);
		if (r == 0 && is_good(c) && !c->reading->n)
			judge(c, BENCH_LOST, one, "it did not say what time it is");
		c->pinged = NULL;
	}
	return r;
}

static uint64_t widest_bound(const struct crew *c)
{
	uint64_t widest = 0;

	for_each_agent(one, c) {
		uint64_t bound = clock_bound_ns(&one->clocks);

		widest = bound > widest ? bound : widest;
	}
	return widest;
}

/* --- together --- */

/* Neighbours in number are on the same agent. */
static int start_all(struct crew *c)
{
	const struct trial_request *rq = c->rq;
	unsigned n = (unsigned)c->cell->agents, first = 0;

	for_each_agent(one, c) {
		struct agent_message m;

		one->first = first;
		one->instances = rq->instances / n + ((unsigned)(one - c->a->v) < rq->instances % n);
		one->clocks = (struct clock_pair){0};
		one->least = 0;
		first += one->instances;
		agents_fill(&m, AGENT_TRIAL, c->cell);
		m.partitions = c->a->partitions; /* borrowed, as all of it */
		m.first = one->first;
		m.instances = one->instances;
		m.of = rq->instances;
		m.seed = rq->seed;
		m.window_s = rq->min_window_s;
		m.iterations = rq->min_iterations;
		one->state = AGENT_ASKED;
		channel_expect(one->c, monotonic_ns());
		if (channel_send(one->c, &m) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* The same moment for all, far enough ahead that the word is everywhere by then. */
static void go(struct crew *c)
{
	uint64_t at = monotonic_ns() + AHEAD_NS + 4 * widest_bound(c) + (uint64_t)c->cell->agents * 50000u;

	for_each_agent(one, c) {
		one->state = AGENT_RUNNING;
		one->from_ns = one->to_ns = 0;
		(void)channel_send(one->c,
		                   &(struct agent_message){.kind = AGENT_GO,
		                                           .at_ns = clock_to_theirs(&one->clocks, at)});
	}
}

/* What is common to all: from the last start to the first end. By our clock. */
static struct window common(const struct crew *c)
{
	struct window w = {0, UINT64_MAX};

	for_each_agent(one, c) {
		uint64_t from = clock_to_ours(&one->clocks, one->from_ns),
			 to = clock_to_ours(&one->clocks, one->to_ns);

		w.from = from > w.from ? from : w.from;
		w.to = to < w.to ? to : w.to;
	}
	return w.to > w.from ? w : (struct window){w.from, w.from};
}

/* STOP for all when all have enough, so that the load stays until then. */
static void steer(struct crew *c)
{
	struct window w;

	for_each_agent(one, c) {
		if (one->state != AGENT_RUNNING || one->least < c->rq->min_iterations)
			return;
	}
	w = common(c);
	if (!c->is_ending && (double)(w.to - w.from) / NS < c->rq->min_window_s)
		return;
	c->is_stopped = trial_watch_is_over(&c->rq->watch, &c->is_ending);
	if (!c->is_stopped)
		return;
	for_each_agent(one, c)
		(void)channel_say(one->c, AGENT_STOP);
}

static int run_all(struct crew *c, struct ofbc_error *err)
{
	int r = 0;

	while (r == 0 && is_good(c) && is_any(c, AGENT_RUNNING, AGENT_RUNNING)) {
		const struct trial_watch *w = &c->rq->watch;
		uint64_t until = monotonic_ns() + LOOK_NS, due = w->due_ns ? w->due_ns(w->data) : 0;

		r = listen_until(c, due && due < until ? due : until, err);
		if (w->step)
			w->step(w->data);
		if (r == 0 && is_good(c) && c->cell->definition->is_protocol && !c->is_stopped)
			steer(c);
	}
	return r;
}

/* From the first start to the last, with what the clocks leave open. */
static double skew(const struct crew *c)
{
	uint64_t first = UINT64_MAX, last = 0;

	for_each_agent(one, c) {
		uint64_t a, b;

		if (!one->first_start_ns)
			return NAN;
		a = clock_to_ours(&one->clocks, one->first_start_ns);
		b = clock_to_ours(&one->clocks, one->last_start_ns);
		first = a < first ? a : first;
		last = b > last ? b : last;
	}
	return ((double)(last - first) + (c->cell->agents > 1 ? 2 * (double)widest_bound(c) : 0)) / NS;
}

static int evaluate(struct crew *c, struct ofbc_error *err)
{
	struct window w = common(c);
	int r;

	c->t->window_s = (double)(w.to - w.from) / NS;
	c->t->skew_s = skew(c);
	trial_look_at_skew(c->t);
	for_each_agent(one, c) {
		one->state = AGENT_EVALUATING;
		(void)channel_send(one->c,
		                   &(struct agent_message){.kind = AGENT_WINDOW,
		                                           .from_ns = clock_to_theirs(&one->clocks, w.from),
		                                           .to_ns = clock_to_theirs(&one->clocks, w.to)});
	}
	r = wait_while(c, AGENT_EVALUATING, AGENT_EVALUATING, err);
	if (r < 0 || !is_good(c))
		return r;
	r = trial_combine(c->cell->definition, c->t);
	if (r == 0 && c->latencies[0].n)
		r = histogram_print(&c->latencies[0], &c->t->latencies);
	if (r == 0 && !bench_value_add(c->t, BENCH_CLOCK_BOUND, -1, (double)widest_bound(c) / NS))
		r = -ENOMEM;
	return r;
}

/* Nobody goes on with a trial that does not count. */
static int give_up(struct crew *c, struct ofbc_error *err)
{
	int r = 0;

	c->is_given_up = true;
	for_each_agent(one, c) {
		if (!one->c || one->state == AGENT_IDLE)
			continue;
		(void)channel_say(one->c, AGENT_ABORT);
		if (one->state == AGENT_HAS_ENDED)
			one->state = AGENT_IDLE;
	}
	while (r == 0 && is_any(c, AGENT_ASKED, AGENT_EVALUATING))
		r = listen_until(c, monotonic_ns() + LOOK_NS, err);
	return r;
}

static int run(struct crew *c, struct ofbc_error *err)
{
	const struct trial_watch *w = &c->rq->watch;
	int r = start_all(c);

	if (r == 0)
		r = wait_while(c, AGENT_ASKED, AGENT_ASKED, err);
	if (r < 0 || !is_good(c))
		return r;
	if (w->begin)
		w->begin(w->data);
	r = compare_clocks(c, false, err);
	c->t->started_unix_ns = wall_clock_s() * 1000000000;
	if (r == 0 && is_good(c)) {
		go(c);
		r = run_all(c, err);
	}
	if (w->end)
		w->end(w->data);
	if (r == 0 && is_good(c))
		r = compare_clocks(c, true, err);
	return r == 0 && is_good(c) ? evaluate(c, err) : r;
}

/* 1 all that take part are there; 0 one is not, which is the verdict. */
static int gather(struct crew *c, struct ofbc_error *err)
{
	for_each_agent(one, c) {
		struct ofbc_error why = {0};
		int r = agent_be_there(c->a, one, &why);

		if (r == -EINTR || r == -ENOMEM) {
			if (err)
				*err = why;
			return r;
		}
		if (r < 0) {
			c->t->verdict = BENCH_LOST;
			c->t->reason = strdup(why.message);
			return 0;
		}
	}
	return 1;
}

int agents_trial(struct agents *a, const struct agents_cell *cell, const struct trial_request *rq,
                 struct bench_trial *ret, struct ofbc_error *err)
{
	_cleanup_free_ struct histogram *latencies = calloc(2, sizeof(*latencies));
	struct bench_trial result;
	struct crew c = {.a = a, .cell = cell, .rq = rq, .t = &result, .latencies = latencies};
	int r;

	if (!latencies)
		return -ENOMEM;
	trial_result_init(&result, ret->number, ret->block);
	r = gather(&c, err);
	if (r == 1)
		r = run(&c, err);
	if (r == 0 && !is_good(&c))
		r = give_up(&c, err);
	if (r == 0 && c.has_refused) {
		r = -c.refused.code;
		if (err)
			*err = c.refused;
	}
	if (r < 0) {
		bench_trial_done(&result);
		return r;
	}
	*ret = result;
	return 0;
}
