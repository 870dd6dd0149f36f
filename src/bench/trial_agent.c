/* SPDX-License-Identifier: MIT */
#include "bench/trial_agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "bench/trial_parts.h"
#include "platform/platform.h"

#define PROGRESS_NS    50000000u
#define LOOK_NS        5000000u /* at the latest, however much the programs have to say */
#define WAIT_NS        500000000u
#define START_AHEAD_NS 5000000000u /* more than that is no start of a trial */

struct part {
	struct trial *t;
	struct channel *c;
	uint64_t go_ns; /* 0 not told yet */
	bool is_ready, is_stopped, is_aborted, has_window;
	struct window window;
	uint64_t looked_ns, told_ns;
};

int channel_answer_ping(struct channel *c, const struct agent_message *ping)
{
	return channel_send(c, &(struct agent_message){.kind = AGENT_PONG,
	                                               .id = ping->id,
	                                               .received_ns = channel_received_ns(c),
	                                               .sent_ns = monotonic_ns()});
}

static int take_message(struct part *p, const struct agent_message *m, struct ofbc_error *err)
{
	switch (m->kind) {
	case AGENT_ALIVE:
		return 0;
	case AGENT_PING:
		return channel_answer_ping(p->c, m);
	case AGENT_GO:
		p->go_ns = m->at_ns;
		return 0;
	case AGENT_STOP:
		p->is_stopped = true;
		return 0;
	case AGENT_ABORT:
		p->is_aborted = true;
		return 0;
	case AGENT_WINDOW:
		p->window = (struct window){m->from_ns, m->to_ns};
		p->has_window = true;
		return m->to_ns >= m->from_ns ? 0 : -EBADMSG;
	default:
		return error_set(err, EBADMSG, OFBC_REASON_FAILED, "'%s' in the middle of a trial",
		                 agent_kind_names[m->kind]);
	}
}

/* What has arrived, and a sign of life when it is time. */
static int look(struct part *p, struct ofbc_error *err)
{
	int r = channel_receive(p->c), found = 1;

	p->looked_ns = monotonic_ns();
	while (r == 0 && found == 1) {
		_cleanup_agent_message_ struct agent_message m = {0};

		found = channel_next(p->c, &m, err);
		r = found == 1 ? take_message(p, &m, err) : found;
	}
	return r == 0 ? channel_keep(p->c, p->looked_ns) : r;
}

static int tell_ready(struct part *p)
{
	p->is_ready = true;
	return channel_say(p->c, AGENT_READY);
}

/* Nothing else happens until the controller says something new. */
static int wait_for(struct part *p, const bool *a, const uint64_t *b, struct ofbc_error *err)
{
	struct link *l = channel_link(p->c);
	int r = 0;

	while (r >= 0 && !p->is_aborted && !(a && *a) && !(b && *b)) {
		r = links_wait(&l, 1, monotonic_ns() + WAIT_NS);
		if (r >= 0)
			r = look(p, err);
	}
	return r < 0 ? r : 0;
}

/* --- start --- */

static int wait_for_time(struct part *p, struct ofbc_error *err)
{
	uint64_t now = monotonic_ns();

	if (p->go_ns > now + START_AHEAD_NS)
		return error_set(err, EBADMSG, OFBC_REASON_FAILED, "a start that is too far away");
	p->t->p->ops->sleep_until_ns(p->t->p, p->go_ns);
	return 0;
}

/* Programs that know nothing of the protocol wait at the gate; the others warm up behind it. */
static int start(struct part *p, uint64_t *ret_start, struct ofbc_error *err)
{
	int r = trial_add(p->t, true, err);

	if (r == 0 && !p->t->rq->program.definition->is_protocol) {
		r = tell_ready(p);
		if (r == 0)
			r = wait_for(p, NULL, &p->go_ns, err);
		if (r == 0 && p->is_aborted)
			return 0;
		if (r == 0)
			r = wait_for_time(p, err);
	}
	return r == 0 ? instances_release(p->t->set, ret_start, err) : r;
}

/* --- the programs run --- */

static int tell_progress(struct part *p, uint64_t now)
{
	struct window so_far;
	size_t least;

	if (now < p->told_ns + PROGRESS_NS)
		return 0;
	p->told_ns = now;
	so_far = protocol_progress(p->t, &least);
	return least ? channel_send(p->c, &(struct agent_message){.kind = AGENT_PROGRESS,
	                                                          .from_ns = so_far.from,
	                                                          .to_ns = so_far.to,
	                                                          .iterations = least})
	             : 0;
}

/* READY, GO, STOP: between the programs and the controller. */
static int steer(struct part *p, uint64_t now, struct ofbc_error *err)
{
	struct trial *t = p->t;
	int r = 0;

	if (!p->is_ready && protocol_is_ready(t))
		r = tell_ready(p);
	if (r == 0 && p->go_ns && !t->go_ns) {
		r = wait_for_time(p, err);
		t->go_ns = monotonic_ns();
		instances_send_all(t->set, "GO\n");
	}
	if (p->is_stopped && t->go_ns && !t->has_stopped) {
		t->has_stopped = true;
		instances_send_all(t->set, "STOP\n");
	}
	return r == 0 && t->go_ns && !t->has_stopped ? tell_progress(p, now) : r;
}

/* When something is to be done at the latest, whatever the programs say. */
static uint64_t look_again(struct trial *t, uint64_t now)
{
	uint64_t until = now + (t->rq->program.definition->is_protocol && t->go_ns ? PROGRESS_NS : WAIT_NS);
	uint64_t device = device_look(t);

	return device && device < until ? device : until;
}

static int watch(struct part *p, uint64_t begin, struct ofbc_error *err)
{
	struct trial *t = p->t;
	const struct bench_definition *d = t->rq->program.definition;
	uint64_t deadline = begin + (uint64_t)d->timeout_run_s * 1000000000u;
	int r = 0;

	while (r == 0 && !p->is_aborted && t->ended < t->rq->instances && t->t->verdict == BENCH_OK) {
		uint64_t now = monotonic_ns(), until = look_again(t, now);
		struct instance_event e;

		r = instances_next(t->set, until < deadline ? until : deadline, &e);
		if (r < 0)
			return error_set_errno(err, -r, "cannot wait for the programs");
		if (e.kind == INSTANCE_INTERRUPTED)
			return error_set(err, EINTR, OFBC_REASON_FAILED, "interrupted");
		now = monotonic_ns();
		if (now >= deadline)
			trial_judge(t, BENCH_TIMEOUT, "not ended within %u s", d->timeout_run_s);
		trial_take(t, &e);
		if (e.kind == INSTANCE_OUTSIDE || now > p->looked_ns + LOOK_NS)
			r = look(p, err);
		if (r == 0 && d->is_protocol)
			r = steer(p, now, err);
	}
	return r;
}

/* --- what came out --- */

static int tell_end(struct part *p)
{
	struct trial *t = p->t;
	struct agent_message m = {.kind = AGENT_ENDED};

	text_copy(m.verdict, sizeof(m.verdict), bench_verdict_names[t->t->verdict]);
	text_copy(m.reason, sizeof(m.reason), t->t->reason ? t->t->reason : "");
	if (t->t->verdict == BENCH_OK && !p->is_aborted) {
		struct window w = window_common(t), starts = window_starts(t);

		m.from_ns = w.from;
		m.to_ns = w.to;
		m.first_start_ns = starts.from == UINT64_MAX ? 0 : starts.from;
		m.last_start_ns = starts.to;
	}
	return channel_send(p->c, &m);
}

static int tell_result(struct part *p, struct ofbc_error *err)
{
	struct bench_trial *t = p->t->t;
	struct agent_message m = {.kind = AGENT_RESULT};
	int r = trial_evaluate_in(p->t, p->window, err);

	if (r == 0 && t->verdict == BENCH_OK)
		r = trial_add_shares(p->t->rq->places, p->t->rq->instances, t);
	if (r < 0)
		return r;
	text_copy(m.verdict, sizeof(m.verdict), bench_verdict_names[t->verdict]);
	text_copy(m.reason, sizeof(m.reason), t->reason ? t->reason : "");
	m.values = *t; /* borrowed: only its values and latencies are printed */
	return channel_send(p->c, &m);
}

/* The programs run, and are over. */
static int run_programs(struct part *p, struct ofbc_error *err)
{
	uint64_t begin = 0;
	int r = start(p, &begin, err);

	if (r == 0)
		instances_attend(p->t->set, link_descriptor(channel_link(p->c)));
	if (r == 0 && !p->is_aborted)
		r = watch(p, begin, err);
	if (p->t->set)
		(void)instances_kill(p->t->set,
		                     r == -EINTR || p->t->t->verdict == BENCH_TIMEOUT ? TRIAL_GRACE_MS : 0);
	return r;
}

static int run_part(struct part *p, struct ofbc_error *err)
{
	int r = run_programs(p, err);

	if (r == 0)
		r = tell_end(p);
	if (r < 0 || p->t->t->verdict != BENCH_OK || p->is_aborted)
		return r;
	r = wait_for(p, &p->has_window, NULL, err);
	return r == 0 && p->has_window ? tell_result(p, err) : r;
}

int trial_serve(struct platform *platform, const struct trial_request *rq, struct channel *c,
                struct ofbc_error *err)
{
	struct bench_trial result;
	_cleanup_trial_ struct trial t = {
		.p = platform, .rq = rq, .t = &result, .v = calloc(rq->instances, sizeof(*t.v))};
	struct part p = {.t = &t, .c = c};
	struct ofbc_error why = {0};
	int r;

	if (!t.v)
		return -ENOMEM;
	trial_result_init(&result, 0, 0);
	r = run_part(&p, &why);
	bench_trial_done(&result);
	if (r < 0 && r != -EINTR && r != -ENOMEM && !channel_broken(c)) /* only this trial is not possible */
		return channel_refuse(c, &why);
	if (r < 0 && err)
		*err = why;
	return r;
}
