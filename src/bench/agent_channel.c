/* SPDX-License-Identifier: MIT */
#include "bench/agent_channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "platform/files.h"
#include "platform/platform.h"

#define NONCE_SIZE 32
#define SEND_MS    5000
#define ALIVE_NS   1000000000u
#define MAC_LEN    (SHA256_HEX_SIZE - 1)

struct channel {
	struct link *link;
	char *token;               /* NULL none */
	char key[SHA256_HEX_SIZE]; /* of this connection; "" lines carry no hash yet */
	bool is_agent;
	uint64_t sent, received; /* lines that carried one */
	uint64_t began_ns, sent_ns, heard_ns;
	int broken;
};

int channel_new(struct link *l, const char *token, struct channel **ret)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (c && token && token[0])
		c->token = strdup(token);
	if (!c || (token && token[0] && !c->token)) {
		free(c);
		return -ENOMEM;
	}
	c->link = l;
	c->began_ns = monotonic_ns();
	*ret = c;
	return 0;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	link_free(c->link);
	if (c->token)
		explicit_bzero(c->token, strlen(c->token));
	free(c->token);
	explicit_bzero(c->key, sizeof(c->key));
	free(c);
}

struct link *channel_link(const struct channel *c)
{
	return c->link;
}

int channel_broken(const struct channel *c)
{
	return c->broken;
}

static int note(struct channel *c, int r)
{
	if (r < 0 && r != -ENOMEM)
		c->broken = r;
	return r;
}

uint64_t channel_received_ns(const struct channel *c)
{
	return link_received_ns(c->link);
}

uint64_t channel_heard_ns(const struct channel *c)
{
	return c->heard_ns;
}

/* --- one line --- */

/* Whose line it is, and which one, is part of what is hashed. */
static int hash_line(const struct channel *c, bool is_agents, uint64_t number, const char *text, size_t len,
                     char ret[SHA256_HEX_SIZE])
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(AGENT_LINE_MAX + 64);

	strbuf_addf(&b, "%s %llu ", is_agents ? "agent" : "controller", (unsigned long long)number);
	strbuf_addn(&b, text, len);
	return b.err ? b.err : hmac_sha256_hex(c->key, MAC_LEN, strbuf_str(&b), b.len, ret);
}

int channel_send(struct channel *c, const struct agent_message *m)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(AGENT_LINE_MAX);
	_cleanup_free_ char *text = NULL;
	char mac[SHA256_HEX_SIZE];
	int r = agent_message_print(m, &text);

	if (r < 0)
		return r;
	if (c->key[0]) {
		r = hash_line(c, c->is_agent, c->sent++, text, strcspn(text, "\n"), mac);
		strbuf_addf(&b, "%s ", mac);
	}
	strbuf_addn(&b, text, strcspn(text, "\n"));
	strbuf_addc(&b, '\n');
	if (r == 0)
		r = b.err;
	if (r == 0)
		r = link_send(c->link, b.s, b.len, SEND_MS);
	c->sent_ns = monotonic_ns();
	return note(c, r);
}

int channel_say(struct channel *c, enum agent_kind kind)
{
	return channel_send(c, &(struct agent_message){.kind = kind});
}

/* The text behind the hash of a line, if that is right. */
static int check_line(struct channel *c, const char **text, size_t *len, struct ofbc_error *err)
{
	char mac[SHA256_HEX_SIZE], said[SHA256_HEX_SIZE];
	int r;

	if (!c->key[0])
		return 0;
	if (*len <= MAC_LEN || (*text)[MAC_LEN] != ' ' || memchr(*text, '\0', MAC_LEN))
		return error_set(err, EBADMSG, OFBC_REASON_FAILED, "a line without its hash");
	memcpy(said, *text, MAC_LEN);
	said[MAC_LEN] = '\0';
	*text += MAC_LEN + 1;
	*len -= MAC_LEN + 1;
	r = hash_line(c, !c->is_agent, c->received++, *text, *len, mac);
	if (r < 0)
		return r;
	return secret_equal(mac, said)
	               ? 0
	               : error_set(err, EBADMSG, OFBC_REASON_FAILED,
	                           "a line was changed on its way, or is not from the other side");
}

int channel_receive(struct channel *c)
{
	int r = link_receive(c->link);

	if (r > 0)
		c->heard_ns = link_received_ns(c->link);
	return r < 0 ? note(c, r) : 0;
}

int channel_next(struct channel *c, struct agent_message *ret, struct ofbc_error *err)
{
	const char *text;
	size_t len;
	int r = link_line(c->link, &text, &len);

	if (r <= 0)
		return r == -EMSGSIZE ? error_set(err, EBADMSG, OFBC_REASON_FAILED, "a line that is too long")
		                      : r;
	r = check_line(c, &text, &len, err);
	if (r == 0)
		r = agent_message_parse(text, len, ret, err);
	if (r < 0)
		return r == -ENOMEM ? r : note(c, -EBADMSG);
	return 1;
}

void channel_expect(struct channel *c, uint64_t now_ns)
{
	c->heard_ns = now_ns;
}

int channel_keep(struct channel *c, uint64_t now_ns)
{
	if (now_ns > c->heard_ns && now_ns - c->heard_ns > AGENT_SILENT_S * (uint64_t)1000000000)
		return note(c, -ETIMEDOUT);
	return now_ns > c->sent_ns + ALIVE_NS ? channel_say(c, AGENT_ALIVE) : 0;
}

/* --- refusals --- */

/* Reasons travel by name, since numbers may differ between versions. */
static const struct {
	const char *name;
	int code;
	enum ofbc_reason reason;
} refusals[] = {
	{"failed", EIO, OFBC_REASON_FAILED},
	{"token", EPERM, OFBC_REASON_NOT_PERMITTED},
	{"protocol", EPROTO, OFBC_REASON_NOT_SUPPORTED},
	{"busy", EBUSY, OFBC_REASON_IN_USE},
	{"benchmark", ENOENT, OFBC_REASON_NOT_FOUND},
	{"definition", EBADMSG, OFBC_REASON_DIFFERS},
	{"needs", ENOTSUP, OFBC_REASON_NOT_SUPPORTED},
	{"request", EINVAL, OFBC_REASON_USAGE},
	{"time", ETIMEDOUT, OFBC_REASON_FAILED},
};

int channel_refuse(struct channel *c, const struct ofbc_error *err)
{
	struct agent_message m = {.kind = AGENT_REFUSED};

	text_copy(m.verdict, sizeof(m.verdict), refusals[0].name);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (refusals[i].code == err->code)
			text_copy(m.verdict, sizeof(m.verdict), refusals[i].name);
	}
	text_copy(m.reason, sizeof(m.reason), err->message[0] ? err->message : "out of memory");
	text_copy(m.hint, sizeof(m.hint), err->hint);
	return channel_send(c, &m);
}

int channel_refused(const struct agent_message *m, struct ofbc_error *err)
{
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_SIZE(refusals); k++) {
		if (strcmp(refusals[k].name, m->verdict) == 0)
			i = k;
	}
	error_set(err, refusals[i].code, refusals[i].reason, "%s", m->reason);
	if (m->hint[0])
		error_hint(err, "%s", m->hint);
	return -refusals[i].code;
}

/* --- the beginning --- */

/* One message of that kind, or a refusal. */
static int wait_for(struct channel *c, enum agent_kind kind, unsigned timeout_s, struct agent_message *ret,
                    struct ofbc_error *err)
{
	uint64_t deadline_ns = c->began_ns + timeout_s * (uint64_t)1000000000;

	while (1) {
		int r = channel_next(c, ret, err);

		if (r == 1 && ret->kind == kind)
			return 0;
		if (r == 1 && ret->kind == AGENT_REFUSED)
			return channel_refused(ret, err);
		if (r == 1)
			return error_set(err, EBADMSG, OFBC_REASON_FAILED, "'%s' instead of '%s'",
			                 agent_kind_names[ret->kind], agent_kind_names[kind]);
		if (r < 0)
			return r;
		r = links_wait(&c->link, 1, deadline_ns);
		if (r == 0)
			return error_set(err, ETIMEDOUT, OFBC_REASON_FAILED, "no answer within %u s",
			                 timeout_s);
		if (r > 0)
			r = channel_receive(c);
		if (r == -ECONNRESET)
			return error_set(err, ECONNRESET, OFBC_REASON_FAILED, "the connection was closed%s%s",
			                 link_said(c->link)[0] ? ": " : "", link_said(c->link));
		if (r < 0)
			return error_set_errno(err, -r, "no answer");
	}
}

static int make_nonce(char ret[SHA256_HEX_SIZE])
{
	uint8_t bytes[NONCE_SIZE];
	int r = random_bytes(bytes, sizeof(bytes));

	hex_of(bytes, sizeof(bytes), ret);
	return r;
}

/* What only who knows the token can say about these two numbers; `role` keeps a proof from being sent back.
 */
static int prove(const struct channel *c, const char *role, const char *agents, const char *controllers,
                 char ret[SHA256_HEX_SIZE])
{
	char text[256];
	int n = snprintf(text, sizeof(text), "openforbc bench agent %d %s %s %s", AGENT_PROTOCOL, role,
	                 agents, controllers);

	return hmac_sha256_hex(c->token, strlen(c->token), text, (size_t)n, ret);
}

static int wrong_protocol(uint64_t theirs, const char *program, struct ofbc_error *err)
{
	error_set(err, EPROTO, OFBC_REASON_NOT_SUPPORTED, "the other side (%s) speaks protocol %llu, not %d",
	          program, (unsigned long long)theirs, AGENT_PROTOCOL);
	error_hint(err, "install the same version of openforbc on both sides");
	return -EPROTO;
}

static int wrong_token(const char *who, struct ofbc_error *err)
{
	error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED, "the %s has another token", who);
	error_hint(err, "--token-file must name files with the same content on both sides");
	return -EPERM;
}

static int check_hello(const struct channel *c, const struct agent_message *hello, struct ofbc_error *err)
{
	if (hello->protocol != AGENT_PROTOCOL)
		return wrong_protocol(hello->protocol, hello->program, err);
	if (hello->has_token == (c->token != NULL))
		return 0;
	error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED, "the agent %s a token",
	          hello->has_token ? "wants" : "has no use for");
	error_hint(err, "%s",
	           hello->has_token ? "name it with --token-file" : "something else listens there");
	return -EPERM;
}

int channel_login(struct channel *c, const char *program, struct agent_message *ret, struct ofbc_error *err)
{
	struct agent_message hello = {0}, login = {.kind = AGENT_LOGIN, .protocol = AGENT_PROTOCOL};
	char proof[SHA256_HEX_SIZE] = "";
	int r = wait_for(c, AGENT_HELLO, AGENT_WELCOME_S, &hello, err);

	if (r == 0)
		r = check_hello(c, &hello, err);
	if (r < 0)
		return r;
	text_copy(login.program, sizeof(login.program), program);
	r = make_nonce(login.nonce);
	if (r == 0 && c->token)
		r = prove(c, "controller", hello.nonce, login.nonce, login.proof);
	if (r == 0 && c->token)
		r = prove(c, "agent", hello.nonce, login.nonce, proof);
	if (r == 0)
		r = channel_send(c, &login);
	if (r < 0)
		return error_set_errno(err, -r, "cannot log in");
	link_allow(c->link, AGENT_LINE_MAX);
	r = wait_for(c, AGENT_WELCOME, AGENT_WELCOME_S, ret, err);
	if (r < 0)
		return r;
	if (!secret_equal(ret->proof, proof))
		return wrong_token("agent", err);
	channel_expect(c, monotonic_ns());
	return c->token ? prove(c, "lines", hello.nonce, login.nonce, c->key) : 0;
}

int channel_admit(struct channel *c, const char *program, struct agent_message *welcome,
                  struct ofbc_error *err)
{
	struct agent_message login = {0}, hello = {.kind = AGENT_HELLO,
	                                           .protocol = AGENT_PROTOCOL,
	                                           .has_token = c->token != NULL};
	char proof[SHA256_HEX_SIZE] = "";
	int r = make_nonce(hello.nonce);

	c->is_agent = true;
	text_copy(hello.program, sizeof(hello.program), program);
	if (r == 0)
		r = channel_send(c, &hello);
	if (r < 0)
		return error_set_errno(err, -r, "cannot greet");
	r = wait_for(c, AGENT_LOGIN, AGENT_LOGIN_S, &login, err);
	if (r < 0)
		return r;
	if (login.protocol != AGENT_PROTOCOL)
		return wrong_protocol(login.protocol, login.program, err);
	if (c->token)
		r = prove(c, "controller", hello.nonce, login.nonce, proof);
	if (r == 0 && !secret_equal(login.proof, proof))
		return wrong_token("controller", err);
	if (r == 0 && c->token)
		r = prove(c, "agent", hello.nonce, login.nonce, welcome->proof);
	if (r == 0)
		r = channel_send(c, welcome);
	if (r == 0 && c->token)
		r = prove(c, "lines", hello.nonce, login.nonce, c->key);
	if (r < 0)
		return error_set_errno(err, -r, "cannot welcome");
	link_allow(c->link, AGENT_LINE_MAX);
	channel_expect(c, monotonic_ns());
	return 0;
}
