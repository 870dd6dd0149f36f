/* SPDX-License-Identifier: MIT */
/* The order of things in a trial. */
#include "bench/trial_parts.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/files.h"
#include "platform/platform.h"

static void state_done(struct state *s)
{
	strv_done(&s->argv);
	strv_done(&s->env);
	free(s->workdir);
	free(s->iterations.v);
	pair_list_done(&s->results);
	free(s->text);
}

void trial_free(struct trial *t)
{
	instances_free(t->set);
	for (unsigned i = 0; t->v && i < t->rq->instances; i++)
		state_done(&t->v[i]);
	free(t->v);
	pair_list_done(&t->values);
}

void trial_judge(struct trial *t, enum bench_verdict verdict, const char *fmt, ...)
{
	va_list ap;

	if (t->t->verdict != BENCH_OK)
		return;
	t->t->verdict = verdict;
	free(t->t->reason); /* a note */
	va_start(ap, fmt);
	if (vasprintf(&t->t->reason, fmt, ap) < 0)
		t->t->reason = NULL;
	va_end(ap);
}

void trial_note(struct bench_trial *t, const char *fmt, ...)
{
	va_list ap;

	if (t->reason)
		return;
	va_start(ap, fmt);
	if (vasprintf(&t->reason, fmt, ap) < 0)
		t->reason = NULL;
	va_end(ap);
}

/* --- instances --- */

/* The last command is the one that is measured. */
static int prepare_instance(struct trial *t, unsigned i, struct ofbc_error *err)
{
	const struct trial_request *rq = t->rq;
	const struct bench_definition *d = trial_program(rq, i)->definition;
	const struct bench_preset *preset = trial_program(rq, i)->preset;
	struct state *s = &t->v[i];
	int r;

	pair_list_done(&t->values);
	r = trial_values(rq, i, &t->values);
	for (size_t k = 0; r == 0 && k < rq->places[i].env.n; k++)
		r = strv_add(&s->env, rq->places[i].env.v[k]);
	if (r == 0 && preset)
		r = command_add_env(&preset->env, &t->values, &s->env, err);
	for (size_t k = 0; r == 0 && k + 1 < d->run.n; k++)
		r = trial_command(t->p, d, &d->run.v[k], &t->values, rq->workdir, d->timeout_run_s, err);
	if (r == 0)
		r = command_expand(d, &d->run.v[d->run.n - 1], &t->values, &s->argv, &s->env, &s->workdir,
		                   err);
	for (size_t k = 0; r == 0 && preset && k < preset->arguments.n; k++)
		r = command_expand_text(preset->arguments.v[k], &t->values, &s->argv, err);
	snprintf(s->out, sizeof(s->out), "%s/%u.out", rq->workdir, i);
	return r;
}

static int start_instance(struct trial *t, unsigned i, struct ofbc_error *err)
{
	const struct bench_place *place = &t->rq->places[i];
	struct state *s = &t->v[i];
	const struct instance_request rq = {
		.program = {.argv = s->argv.v,
	                    .env = (const char *const *)s->env.v,
	                    .cpus = place->cpus[0] ? place->cpus : NULL,
	                    .cgroup = place->cgroup[0] ? place->cgroup : NULL},
		.workdir = s->workdir,
		.out_path = s->out,
		.is_protocol = t->rq->program.definition->is_protocol,
		.limit_mib = OUTPUT_MAX_MIB,
	};

	return instances_add(t->set, &rq, err);
}

/* --- watching --- */

static void ended_early(struct trial *t, unsigned i)
{
	char said[256];

	command_last_line(t->v[i].out, said, sizeof(said));
	trial_judge(t, BENCH_FAILED, "instance %u ended before it was told to, with status %d%s%s",
	            t->rq->first + i, instances_end(t->set, i)->status, said[0] ? ": " : "", said);
}

/* Lets the watcher look when it is time; when it wants to the next time, 0 never. */
static uint64_t look(const struct trial *t)
{
	const struct trial_watch *w = &t->rq->watch;

	if (!t->is_watched)
		return 0;
	if (w->step)
		w->step(w->data);
	return w->due_ns ? w->due_ns(w->data) : 0;
}

/* Of two times, 0 is never. */
static uint64_t earlier(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

void trial_take(struct trial *t, const struct instance_event *e)
{
	if (e->kind == INSTANCE_LINE)
		protocol_take(t, e->instance, e->line);
	if (e->kind != INSTANCE_END)
		return;
	t->ended++;
	t->v[e->instance].has_ended = true;
	if (t->rq->program.definition->is_protocol && !t->has_stopped)
		ended_early(t, e->instance);
}

/* 0 all have ended, by themselves or by us. */
static int watch(struct trial *t, uint64_t start, struct ofbc_error *err)
{
	const struct bench_definition *d = t->rq->program.definition;
	uint64_t deadline = start + (uint64_t)d->timeout_run_s * 1000000000u;

	while (t->ended < t->rq->instances && t->t->verdict == BENCH_OK) {
		uint64_t due = earlier(look(t), device_look(t));
		struct instance_event e;
		int r;

		if (d->is_protocol)
			protocol_steer(t);
		r = instances_next(t->set, due && due < deadline ? due : deadline, &e);
		if (r < 0)
			return error_set_errno(err, -r, "cannot wait for the programs");
		if (e.kind == INSTANCE_INTERRUPTED)
			return error_set(err, EINTR, OFBC_REASON_FAILED, "interrupted");
		if (e.kind == INSTANCE_TIMEOUT &&
		    t->p->ops->now_ns(t->p) >= deadline) /* not only the watch's */
			trial_judge(t, BENCH_TIMEOUT, "not ended within %u s", d->timeout_run_s);
		trial_take(t, &e);
	}
	return 0;
}

/* --- all --- */

void trial_begin_watch(struct trial *t)
{
	t->is_watched = true;
	if (t->rq->watch.begin)
		t->rq->watch.begin(t->rq->watch.data);
}

int trial_add(struct trial *t, bool has_gate, struct ofbc_error *err)
{
	bool waits = t->rq->program.definition->is_protocol;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < t->rq->instances; i++)
		r = prepare_instance(t, i, err);
	if (r == 0)
		r = instances_new(t->rq->instances, has_gate, &t->set);
	/* without a gate it runs from its start on: waiting for an edge of a counter would count as its time;
	 * one that can wait for GO does */
	if (r == 0 && !has_gate && !waits)
		trial_begin_watch(t);
	for (unsigned i = 0; r == 0 && i < t->rq->instances; i++)
		r = start_instance(t, i, err);
	if (r == 0 && has_gate && !waits)
		trial_begin_watch(t);
	return r;
}

static int start_all(struct trial *t, uint64_t *ret_start, struct ofbc_error *err)
{
	int r = trial_add(t, t->rq->instances > 1, err);

	t->t->started_unix_ns = wall_clock_s() * 1000000000;
	return r == 0 ? instances_release(t->set, ret_start, err) : r;
}

void trial_result_init(struct bench_trial *t, unsigned number, unsigned block)
{
	*t = (struct bench_trial){.number = number,
	                          .block = block,
	                          .verdict = BENCH_OK,
	                          .skew_s = NAN,
	                          .energy_j = NAN,
	                          .energy_u = NAN};
}

int trial_run(struct platform *p, const struct trial_request *rq, struct bench_trial *ret,
              struct ofbc_error *err)
{
	struct bench_trial result;
	_cleanup_trial_ struct trial t = {
		.p = p, .rq = rq, .t = &result, .v = calloc(rq->instances, sizeof(*t.v))};
	uint64_t start = 0;
	int r;

	trial_result_init(&result, ret->number, ret->block);
	r = t.v ? start_all(&t, &start, err) : -ENOMEM;
	if (r == 0)
		r = watch(&t, start, err);
	if (r == 0 && t.is_watched && rq->watch.end)
		rq->watch.end(rq->watch.data);
	if (t.set)
		(void)instances_kill(t.set,
		                     r == -EINTR || result.verdict == BENCH_TIMEOUT ? TRIAL_GRACE_MS : 0);
	if (r == 0 && result.verdict == BENCH_OK)
		r = trial_evaluate(&t, err);
	if (r < 0) {
		bench_trial_done(&result);
		return r;
	}
	*ret = result;
	return 0;
}
