/* SPDX-License-Identifier: MIT */
/* An agent: runs benchmarks that are installed here for a controller that may ask for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"
#include "bench/agent_address.h"
#include "bench/agent_channel.h"
#include "bench/environment.h"
#include "bench/trial_agent.h"
#include "lib/bench_job.h"
#include "openforbc/openforbc.h"
#include "platform/files.h"

#define INSTANCES_MAX 4096
#define SESSIONS_MAX  16
#define LOCK_MS       7000 /* the session before may still be ending its programs */
#define WAIT_NS       1000000000u
#define PROGRAM       "openforbc " OFBC_VERSION

struct agent_setup {
	struct ofbc_context *ctx;
	const struct ofbc_bench_agent_options *o;
	const char *scheme; /* of what it listens to, for its address */
	char token[AGENT_TOKEN_MAX];
};

struct agent_session {
	struct ofbc_context *ctx;
	struct channel *c;
	char scratch[256];
	struct bench_definition *d; /* the last one that was asked for */
	struct bench_place *places; /* of the last trial, and what they were asked for by */
	unsigned instances;
	struct strv partitions;
};

/* --- benchmarks --- */

static int differs(const char *name, struct ofbc_error *err)
{
	error_set(err, EBADMSG, OFBC_REASON_DIFFERS, "benchmark '%s' is not the same here", name);
	error_hint(
		err,
		"copy the controller's definition into STATE/benchmarks/ of the agent, or install the same version");
	return -EBADMSG;
}

/* Only what its administrator installed, and only if it is what the controller means. */
static int load(struct agent_session *s, const struct agent_message *m,
                const struct bench_preset **ret_preset, struct ofbc_error *err)
{
	int r = 0;

	if (!s->d || strcmp(s->d->hash, m->definition) != 0) {
		definition_free(s->d);
		s->d = NULL;
		r = bench_load_installed(s->ctx, m->benchmark, &s->d, err);
	}
	if (r == 0 && strcmp(s->d->hash, m->definition) != 0)
		r = differs(m->benchmark, err);
	return r == 0 ? bench_preset(s->d, m->preset[0] ? m->preset : NULL, ret_preset, err) : r;
}

static int prepare(struct agent_session *s, const struct agent_message *m, struct ofbc_error *err)
{
	const struct bench_preset *preset;
	enum bench_verdict verdict;
	int r = load(s, m, &preset, err);

	return r == 0 ? bench_make_ready(s->ctx, s->d, preset, &m->parameters, m->again, s->scratch, &verdict,
	                                 err)
	              : r;
}

static int clean_up(struct agent_session *s, const struct agent_message *m, struct ofbc_error *err)
{
	const struct bench_preset *preset;
	int r = load(s, m, &preset, err);

	if (r == 0)
		bench_cleanup(s->ctx, s->d, preset, &m->parameters, s->scratch);
	return r;
}

/* --- places --- */

static void forget_places(struct agent_session *s)
{
	places_free(s->places, s->instances);
	strv_done(&s->partitions);
	s->places = NULL;
	s->instances = 0;
}

static bool are_same(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	}
	return a->n == b->n;
}

/* So that results can say on what; and who names a partition that is not here hears so before anything runs.
 */
static int place(struct agent_session *s, const struct agent_message *m, struct ofbc_error *err)
{
	struct agent_message answer = {.kind = AGENT_PLACED};
	unsigned n = (unsigned)m->partitions.n;
	struct bench_stage stage = {.instances = n};
	struct bench_place *places = NULL;
	int r;

	if (!n)
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "no partition is named");
	link_excuse(channel_link(s->c), AGENT_LOOK_S);
	forget_places(s);
	r = places_new(s->ctx, (const char *const *)m->partitions.v, n, n, &places, &stage, err);
	places_free(places, n);
	if (r < 0)
		return r;
	text_copy(answer.layout, sizeof(answer.layout), stage.types);
	return channel_send(s->c, &answer);
}

/* They stay from trial to trial: looking them up takes longer than many a program. */
static int take_places(struct agent_session *s, const struct agent_message *m, struct ofbc_error *err)
{
	unsigned n = (unsigned)m->instances;
	int r;

	if (s->places && s->instances == n && are_same(&s->partitions, &m->partitions))
		return 0;
	forget_places(s);
	r = places_new(s->ctx, (const char *const *)m->partitions.v, m->partitions.n, n, &s->places, NULL,
	               err);
	s->instances = r == 0 ? n : 0;
	for (size_t i = 0; r == 0 && i < m->partitions.n; i++)
		r = strv_add(&s->partitions, m->partitions.v[i]);
	return r;
}

/* --- a trial --- */

static int run_trial(struct agent_session *s, const struct agent_message *m, struct ofbc_error *err)
{
	struct trial_request rq = {.program.parameters = &m->parameters,
	                           .workdir = s->scratch,
	                           .seed = m->seed,
	                           .where = bench_where(s->ctx)};
	int r;

	if (!m->instances || m->instances > INSTANCES_MAX || m->of > INSTANCES_MAX || m->first > m->of ||
	    m->instances > m->of - m->first)
		return error_set(err, EINVAL, OFBC_REASON_USAGE,
		                 "instances %llu to %llu of %llu are not possible",
		                 (unsigned long long)m->first, (unsigned long long)(m->first + m->instances),
		                 (unsigned long long)m->of);
	r = load(s, m, &rq.program.preset, err);
	if (r < 0)
		return r;
	r = take_places(s, m, err);
	if (r < 0)
		return r;
	rq.program.definition = s->d;
	rq.places = s->places;
	rq.instances = (unsigned)m->instances;
	rq.first = (unsigned)m->first;
	rq.min_window_s = m->window_s;
	rq.min_iterations = (unsigned)m->iterations;
	rq.of = (unsigned)m->of;
	return trial_serve(s->ctx->platform, &rq, s->c, err);
}

static int look_around(struct agent_session *s, struct ofbc_error *err)
{
	_cleanup_agent_message_ struct agent_message m = {.kind = AGENT_SURROUNDINGS};
	int r;

	link_excuse(channel_link(s->c), AGENT_LOOK_S);
	r = environment_capture(s->ctx->platform, PROGRAM, &m.environment, err);

	return r == 0 ? channel_send(s->c, &m) : r;
}

/* --- a session --- */

/* Called while a program of the setup runs, and between metrics: the controller hears from us, and its end
 * ends us. */
static int meanwhile(void *data)
{
	struct agent_session *s = data;
	int r = channel_receive(s->c);

	return r == 0 ? channel_keep(s->c, monotonic_ns()) : r;
}

/* What it says no to is told; what ends the connection is returned. */
static int answer(struct agent_session *s, const struct agent_message *m, struct ofbc_error *err)
{
	struct ofbc_error why = {0};
	int r = 0;

	switch (m->kind) {
	case AGENT_LOOK:
		r = look_around(s, &why);
		break;
	case AGENT_PLACE:
		r = place(s, m, &why);
		break;
	case AGENT_PREPARE:
		r = prepare(s, m, &why);
		if (r == 0)
			r = channel_say(s->c, AGENT_PREPARED);
		break;
	case AGENT_CLEANUP:
		r = clean_up(s, m, &why);
		if (r == 0)
			r = channel_say(s->c, AGENT_CLEANED);
		break;
	case AGENT_TRIAL:
		r = run_trial(s, m, &why);
		break;
	case AGENT_PING:
		r = channel_answer_ping(s->c, m);
		break;
	default:
		return 0; /* of a trial that is over: it crossed our answer on its way */
	}
	if (channel_broken(s->c) && err)
		*err = why;
	if (r == 0 || channel_broken(s->c) || r == -EINTR)
		return r;
	return channel_refuse(s->c, &why);
}

static bool is_idle_for_ever(const struct agent_session *s)
{
	uint64_t now = monotonic_ns(), heard = channel_heard_ns(s->c);

	return now > heard && now - heard > AGENT_IDLE_S * (uint64_t)1000000000;
}

static int serve(struct agent_session *s, struct ofbc_error *err)
{
	struct link *l = channel_link(s->c);
	int r = 0;

	while (r >= 0) {
		_cleanup_agent_message_ struct agent_message m = {0};

		r = channel_next(s->c, &m, err);
		if (r == 1)
			r = answer(s, &m, err);
		else if (r == 0)
			r = links_wait(&l, 1, monotonic_ns() + WAIT_NS);
		else
			break;
		if (r == 1)
			r = channel_receive(s->c);
		if (r >= 0 && is_idle_for_ever(s))
			return error_set(err, ETIMEDOUT, OFBC_REASON_FAILED,
			                 "the controller was silent for %d s", AGENT_IDLE_S);
	}
	return r;
}

static int take_lock(struct agent_session *s, int *ret_fd)
{
	char path[600];
	struct ofbc_error why = {0};
	int r = state_dir_make(s->ctx->state_dir, &why);

	snprintf(path, sizeof(path), "%s/bench-agent.lock", s->ctx->state_dir);
	if (r == 0)
		r = lock_take(path, LOCK_MS, ret_fd, &why);
	if (r == -EBUSY) {
		error_set(&why, EBUSY, OFBC_REASON_IN_USE, "it measures for another controller");
		error_hint(&why, "wait until that run is over; two at once would measure each other");
	}
	if (r < 0)
		(void)channel_refuse(s->c, &why);
	return r;
}

/* The same name for each session of an agent, so that the next one removes what a killed one left. */
static int make_scratch(struct agent_session *s)
{
	char hash[SHA256_HEX_SIZE], name[32];

	sha256_hex(s->ctx->state_dir, strlen(s->ctx->state_dir), hash);
	snprintf(name, sizeof(name), "agent-%.12s", hash);
	return scratch_new(name, s->scratch, sizeof(s->scratch));
}

/* One at a time: measuring for two controllers at once would measure neither. */
static int work(struct agent_session *s, struct ofbc_error *err)
{
	_cleanup_close_ int lock = -1;
	int r = take_lock(s, &lock);

	if (r == 0)
		r = make_scratch(s);
	if (r < 0)
		return r;
	s->ctx->platform->meanwhile = meanwhile;
	s->ctx->platform->meanwhile_data = s;
	r = serve(s, err);
	s->ctx->platform->meanwhile = NULL;
	definition_free(s->d);
	forget_places(s);
	scratch_remove(s->scratch);
	return r;
}

/* For whoever reads what an agent says, which over ssh is the controller. */
static void tell_end(const struct agent_setup *a, int r, const struct ofbc_error *why)
{
	char text[sizeof(why->message)];

	if (r >= 0 || r == -ECONNRESET || r == -EINTR || r == -EBUSY || !a->o->ended)
		return; /* a controller that is done hangs up; one that was refused was told */
	if (why->message[0])
		text_copy(text, sizeof(text), why->message);
	else if (r == -ETIMEDOUT)
		snprintf(text, sizeof(text), "the controller was silent for %d s", AGENT_SILENT_S);
	else
		snprintf(text, sizeof(text), "%s", strerror(-r));
	a->o->ended(a->o->data, text);
}

static int session(void *data, struct link *l)
{
	const struct agent_setup *a = data;
	struct agent_message welcome = {.kind = AGENT_WELCOME};
	struct agent_session s = {.ctx = a->ctx};
	struct environment_platform where;
	struct ofbc_error why = {0};
	int r = channel_new(l, a->token, &s.c);

	if (r < 0)
		return r;
	environment_platform(a->ctx->platform, &where);
	text_copy(welcome.platform, sizeof(welcome.platform), where.label);
	host_name(welcome.host, sizeof(welcome.host));
	r = channel_admit(s.c, PROGRAM, &welcome, &why);
	if (r == 0)
		r = work(&s, &why);
	else if (why.code)
		(void)channel_refuse(s.c, &why);
	tell_end(a, r, &why);
	channel_free(s.c);
	return r == -ECONNRESET ? 0 : r;
}

/* --- the agent --- */

static void listening(void *data, uint32_t port)
{
	const struct agent_setup *a = data;
	char address[320];

	/* the port may have been chosen by the kernel */
	snprintf(address, sizeof(address), "%.*s%u",
	         (int)(strrchr(a->o->listen, strchr(a->o->listen + 6, ':') ? ':' : '/') + 1 - a->o->listen),
	         a->o->listen, port);
	if (a->o->listening)
		a->o->listening(a->o->data, address);
}

static void hung(void *data)
{
	const struct agent_setup *a = data;
	char text[64];

	snprintf(text, sizeof(text), "it hung for %d s, and was killed", AGENT_HANG_S);
	if (a->o->ended)
		a->o->ended(a->o->data, text);
}

static int check_agent(const struct agent_setup *a, struct ofbc_error *err)
{
	if (a->ctx->platform->emulated) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "an emulated host measures nothing for others");
		error_hint(err, "leave out --host");
		return -EINVAL;
	}
	if (!a->o->listen || a->o->token_file)
		return 0;
	error_set(err, EPERM, OFBC_REASON_USAGE,
	          "without a token anybody who can connect could run programs here");
	error_hint(
		err,
		"(umask 077; head -c 32 /dev/urandom | base64 >FILE), the same on both sides, and --token-file FILE; or --stdio over ssh");
	return -EPERM;
}

int ofbc_bench_agent(struct ofbc_context *ctx, const struct ofbc_bench_agent_options *o,
                     struct ofbc_error *err)
{
	struct agent_setup a = {.ctx = ctx, .o = o};
	struct agent_address at = {0};
	struct link_server server = {.session = session,
	                             .listening = listening,
	                             .hung = hung,
	                             .data = &a,
	                             .hang_s = AGENT_HANG_S,
	                             .max_sessions = o->listen ? SESSIONS_MAX : 1};
	int r = check_agent(&a, err);

	if (r == 0 && o->listen) {
		r = agent_address_parse_listen(o->listen, &at, err);
		server.at = &at.end;
	}
	if (r == 0 && o->listen)
		r = secret_read(o->token_file, AGENT_TOKEN_LEAST, a.token, sizeof(a.token), err);
	if (r == 0)
		r = link_serve(&server, err);
	explicit_bzero(a.token, sizeof(a.token));
	agent_address_done(&at);
	return r;
}
