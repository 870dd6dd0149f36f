/* SPDX-License-Identifier: MIT */
#include "bench/agents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/files.h"
#include "platform/platform.h"

#define CONNECT_MS 5000
#define WAIT_NS    200000000u
#define AGENTS_MAX 256

int agent_error(const struct agent *one, struct ofbc_error *err)
{
	return error_wrap(err, "agent %s", one->address.text);
}

/* --- connect --- */

void agent_lose(struct agent *one)
{
	channel_free(one->c);
	one->c = NULL;
	one->state = AGENT_IDLE;
}

/* What a program that hung up ended with says what is to be done. */
static void explain(const struct agent *one, struct ofbc_error *err)
{
	int status = link_status(channel_link(one->c));

	if (status == 127 && one->address.is_ssh)
		error_hint(
			err,
			"openforbc is not where commands over ssh are looked for: install it there, or name "
			"it, as in ssh://HOST/usr/local/bin/openforbc");
	else if (status == 127)
		error_hint(err, "is openforbc installed there, and in the PATH of the command?");
	else if (status == 255 && one->address.is_ssh)
		error_hint(err,
		           "`ssh %s true` must work without a question: your key in its authorized_keys, its "
		           "own in your known_hosts",
		           one->address.host);
}

static int connect_to(struct agents *a, struct agent *one, struct ofbc_error *err)
{
	_cleanup_agent_message_ struct agent_message welcome = {0};
	struct link *l = NULL;
	int r = link_connect(&one->address.end, CONNECT_MS, &l, err);

	if (r == 0)
		r = channel_new(l, one->address.needs_token ? a->token : NULL, &one->c);
	if (r < 0)
		return agent_error(one, err);
	r = channel_login(one->c, a->program, &welcome, err);
	if (r < 0) {
		if (r == -ECONNRESET)
			explain(one, err);
		agent_lose(one);
		return agent_error(one, err);
	}
	text_copy(one->host, sizeof(one->host), welcome.host);
	text_copy(one->platform, sizeof(one->platform), welcome.platform);
	return 0;
}

int agent_be_there(struct agents *a, struct agent *one, struct ofbc_error *err)
{
	if (one->c && (channel_receive(one->c) < 0 || channel_broken(one->c)))
		agent_lose(one);
	return one->c ? 0 : connect_to(a, one, err);
}

void agents_keep(struct agents *a)
{
	uint64_t now = monotonic_ns();

	for (size_t i = 0; i < a->n; i++) {
		if (!a->v[i].c)
			continue;
		channel_expect(a->v[i].c, now); /* it may be silent */
		(void)channel_keep(a->v[i].c, now);
	}
}

static int need_token(const struct agents *a, const struct agent *one, struct ofbc_error *err)
{
	if (!one->address.needs_token || a->token[0])
		return 0;
	error_set(err, EPERM, OFBC_REASON_USAGE, "agent %s: without a token anybody could run programs there",
	          one->address.text);
	error_hint(err, "--token-file FILE, the same on both sides; or reach it over ssh://");
	return -EPERM;
}

/* --- questions that are no trial --- */

struct question {
	const struct agent_message *ask;
	enum agent_kind answer;
	void (*keep)(struct agent *one, struct agent_message *m);
	struct ofbc_error lost;
};

static int take_answer(void *data, struct agent *one, struct agent_message *m, struct ofbc_error *err)
{
	struct question *q = data;

	if (m->kind == AGENT_REFUSED) {
		int r = channel_refused(m, err);

		agent_error(one, err);
		return r;
	}
	if (m->kind == q->answer) {
		q->keep(one, m);
		one->state = AGENT_IDLE;
	}
	return 0;
}

static bool is_any_asked(const struct agents *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].state == AGENT_ASKED)
			return true;
	}
	return false;
}

static void lost_early(void *data, struct agent *one, const char *why)
{
	struct question *q = data;

	error_set(&q->lost, ECONNRESET, OFBC_REASON_FAILED, "agent %s: %s", one->address.text, why);
}

/* All that are there; a driver that has to be asked may take its time, without a sign of life. */
static int ask(struct agents *a, struct question *q, struct ofbc_error *err)
{
	const struct agents_ear ear = {.handle = take_answer, .lost = lost_early, .data = q};
	int r = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (!a->v[i].c || channel_send(a->v[i].c, q->ask) < 0)
			continue; /* that it is gone is found when it is listened to */
		a->v[i].state = AGENT_ASKED;
		channel_expect(a->v[i].c, monotonic_ns() + AGENT_LOOK_S * (uint64_t)1000000000);
	}
	while (r == 0 && !q->lost.code && is_any_asked(a))
		r = agents_listen(a, &ear, monotonic_ns() + WAIT_NS, err);
	if (r == 0 && q->lost.code && err)
		*err = q->lost;
	return r == 0 && q->lost.code ? -q->lost.code : r;
}

static void keep_environment(struct agent *one, struct agent_message *m)
{
	free(one->environment);
	one->environment = steal_ptr(m->environment);
}

static int look_around(struct agents *a, struct ofbc_error *err)
{
	const struct agent_message look = {.kind = AGENT_LOOK};
	struct question q = {.ask = &look, .answer = AGENT_SURROUNDINGS, .keep = keep_environment};

	return ask(a, &q, err);
}

static void keep_layout(struct agent *one, struct agent_message *m)
{
	text_copy(one->layout, sizeof(one->layout), m->layout);
}

int agents_place(struct agents *a, const char *const *partitions, size_t n, struct ofbc_error *err)
{
	struct agent_message place = {.kind = AGENT_PLACE};
	struct question q = {.ask = &place, .answer = AGENT_PLACED, .keep = keep_layout};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = strv_add(&a->partitions, partitions[i]);
	place.partitions = a->partitions; /* borrowed */
	return r == 0 ? ask(a, &q, err) : r;
}

/* Who is gone meanwhile keeps what it said at first. */
int agents_look_again(struct agents *a, struct ofbc_error *err)
{
	int r = look_around(a, err);

	return r == -ECONNRESET ? 0 : r;
}

int agents_new(struct platform *p, const char *const *addresses, size_t n, const char *token_file,
               const char *state, const char *program, struct agents **ret, struct ofbc_error *err)
{
	_cleanup_(agents_free_p) struct agents *a = calloc(1, sizeof(*a));
	int r = 0;

	if (n > AGENTS_MAX)
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "%zu agents are more than %d", n,
		                 AGENTS_MAX);
	if (a)
		a->v = calloc(n, sizeof(*a->v));
	if (!a || !a->v)
		return -ENOMEM;
	a->p = p;
	text_copy(a->program, sizeof(a->program), program);
	if (token_file)
		r = secret_read(token_file, AGENT_TOKEN_LEAST, a->token, sizeof(a->token), err);
	for (; r == 0 && a->n < n; a->n++) {
		r = agent_address_parse(addresses[a->n], state, &a->v[a->n].address, err);
		if (r == 0)
			r = need_token(a, &a->v[a->n], err);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = agent_be_there(a, &a->v[i], err);
		agents_keep(a); /* the first ones wait for the last */
	}
	if (r == 0)
		r = look_around(a, err);
	if (r == 0)
		*ret = steal_ptr(a);
	return r;
}

void agents_free(struct agents *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++) {
		agent_lose(&a->v[i]);
		agent_address_done(&a->v[i].address);
		free(a->v[i].environment);
	}
	explicit_bzero(a->token, sizeof(a->token));
	strv_done(&a->partitions);
	free(a->v);
	free(a);
}

/* --- listen --- */

static const char *why_lost(const struct agent *one, int r, char *buf, size_t size)
{
	const char *said = link_said(channel_link(one->c));

	if (r == -ETIMEDOUT)
		snprintf(buf, size, "it was silent for %d s", AGENT_SILENT_S);
	else if (r == -ECONNRESET)
		snprintf(buf, size, "the connection ended%s%s", said[0] ? ": " : "", said);
	else
		snprintf(buf, size, "%s", strerror(-r));
	return buf;
}

/* All messages of one that have arrived. */
static int hear(struct agent *one, const struct agents_ear *ear, struct ofbc_error *err)
{
	int r = 1;

	while (r == 1 && one->c) {
		_cleanup_agent_message_ struct agent_message m = {0};

		r = channel_next(one->c, &m, err);
		if (r == 1 && m.kind != AGENT_ALIVE) {
			r = ear->handle(ear->data, one, &m, err);
			if (r < 0)
				return r;
			r = 1;
		}
	}
	return 0;
}

/* What arrived before the end still counts. */
static int attend(struct agent *one, const struct agents_ear *ear, uint64_t now, struct ofbc_error *err)
{
	struct ofbc_error why = {0};
	char text[400];
	int end = channel_receive(one->c), r = hear(one, ear, &why);

	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	if (!one->c)
		return 0;
	if (one->state == AGENT_IDLE)
		channel_expect(one->c, now); /* nothing is asked of it: it may be silent */
	if (end == 0)
		end = channel_broken(one->c);
	if (end == 0)
		end = channel_keep(one->c, now);
	if (end == 0)
		return 0;
	if (why.message[0])
		text_copy(text, sizeof(text), why.message);
	else
		why_lost(one, end, text, sizeof(text));
	agent_lose(one);
	ear->lost(ear->data, one, text);
	return 0;
}

int agents_listen(struct agents *a, const struct agents_ear *ear, uint64_t deadline_ns,
                  struct ofbc_error *err)
{
	struct link *links[AGENTS_MAX];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].c)
			links[n++] = channel_link(a->v[i].c);
	}
	r = links_wait(links, n, deadline_ns);
	if (r < 0)
		return error_set_errno(err, -r, "waiting for the agents");
	for (size_t i = 0; i < a->n; i++) {
		if (!a->v[i].c)
			continue;
		r = attend(&a->v[i], ear, monotonic_ns(), err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- before and after the trials of a benchmark --- */

void agents_fill(struct agent_message *m, enum agent_kind kind, const struct agents_cell *cell)
{
	*m = (struct agent_message){.kind = kind, .parameters = *cell->parameters, .again = cell->again};
	text_copy(m->benchmark, sizeof(m->benchmark), cell->definition->name);
	text_copy(m->definition, sizeof(m->definition), cell->definition->hash);
	text_copy(m->preset, sizeof(m->preset), cell->preset ? cell->preset->name : "");
}

struct preparation {
	enum bench_verdict verdict;
	struct ofbc_error why;
};

static void fail(struct preparation *p, enum bench_verdict verdict, const struct agent *one,
                 struct ofbc_error *why)
{
	if (p->why.code)
		return; /* the first reason is the reason */
	p->verdict = verdict;
	agent_error(one, why);
	p->why = *why;
}

/* Busy is who has a session of ours that hangs. */
static enum bench_verdict verdict_of(int refusal)
{
	if (refusal == -EBUSY)
		return BENCH_LOST;
	return refusal == -ENOTSUP || refusal == -ENOENT || refusal == -EBADMSG ? BENCH_SKIPPED
	                                                                        : BENCH_FAILED;
}

static int take_readiness(void *data, struct agent *one, struct agent_message *m, struct ofbc_error *err)
{
	struct preparation *p = data;
	struct ofbc_error why = {0};
	int r;

	(void)err;
	if (m->kind == AGENT_REFUSED) {
		r = channel_refused(m, &why);
		fail(p, verdict_of(r), one, &why);
	}
	if (m->kind == AGENT_REFUSED || m->kind == AGENT_PREPARED || m->kind == AGENT_CLEANED)
		one->state = AGENT_IDLE;
	return 0;
}

static void lost_meanwhile(void *data, struct agent *one, const char *text)
{
	struct ofbc_error why = {0};

	error_set(&why, ECONNRESET, OFBC_REASON_FAILED, "%s", text);
	fail(data, BENCH_LOST, one, &why);
}

/* The same question to all that take part, and their answers. */
static int ask_all(struct agents *a, const struct agents_cell *cell, enum agent_kind kind,
                   struct preparation *p, struct ofbc_error *err)
{
	const struct agents_ear ear = {.handle = take_readiness, .lost = lost_meanwhile, .data = p};
	struct agent_message m;
	int r = 0;

	agents_fill(&m, kind, cell);
	for (size_t i = 0; i < cell->agents && i < a->n; i++) {
		if (!a->v[i].c || channel_send(a->v[i].c, &m) < 0)
			continue; /* that it is gone is found when it is listened to */
		a->v[i].state = AGENT_ASKED;
		channel_expect(a->v[i].c, monotonic_ns());
	}
	while (r == 0 && is_any_asked(a))
		r = agents_listen(a, &ear, monotonic_ns() + WAIT_NS, err);
	return r;
}

int agents_prepare(struct agents *a, const struct agents_cell *cell, enum bench_verdict *ret_verdict,
                   struct ofbc_error *err)
{
	struct preparation p = {.verdict = BENCH_OK};
	int r = 0;

	for (size_t i = 0; r == 0 && i < cell->agents && i < a->n; i++) {
		if (agent_be_there(a, &a->v[i], &p.why) < 0) {
			p.verdict = BENCH_LOST;
			r = -p.why.code;
		}
	}
	if (r == 0)
		r = ask_all(a, cell, AGENT_PREPARE, &p, err);
	*ret_verdict = p.verdict;
	if (!p.why.code)
		return r;
	if (err)
		*err = p.why;
	return -p.why.code;
}

void agents_cleanup(struct agents *a, const struct agents_cell *cell)
{
	struct preparation p = {0};

	if (ask_all(a, cell, AGENT_CLEANUP, &p, NULL) < 0 || p.why.code)
		platform_debug(a->p, "cleanup: %s", p.why.message);
}
