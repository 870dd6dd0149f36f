/* SPDX-License-Identifier: MIT */
#include "bench/agent_address.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "bench/definition.h"

/* What a shell on the other side leaves as it is. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+/@:~"

__attribute__((format(printf, 3, 4))) static int refuse(const char *text, struct ofbc_error *err,
                                                        const char *fmt, ...)
{
	char why[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	error_set(err, EINVAL, OFBC_REASON_USAGE, "agent '%s': %s", text, why);
	error_hint(
		err,
		"valid are ssh://[USER@]HOST[:PORT][/PROGRAM], tcp://HOST:PORT, vsock://CID:PORT, exec:COMMAND, local");
	return -EINVAL;
}

static int parse_port(const char *text, const char *port, uint32_t max, uint32_t *ret, struct ofbc_error *err)
{
	uint32_t n;

	if (!port[0] || port[0] < '0' || port[0] > '9' || parse_u32(port, &n) < 0 || n > max)
		return refuse(text, err, "'%s' is no port", port);
	*ret = n;
	return 0;
}

/* HOST:PORT, [HOST]:PORT; *ret_port points behind the colon, "" without one. */
static int split_host(const char *text, const char *s, struct agent_address *a, const char **ret_port,
                      struct ofbc_error *err)
{
	bool is_literal = s[0] == '[';
	size_t n = is_literal ? strcspn(++s, "]") : strcspn(s, ":");
	const char *rest = s + n + (is_literal && s[n] == ']');

	if (!n || n >= sizeof(a->host) || (is_literal && s[n] != ']') || (*rest && *rest != ':'))
		return refuse(text, err, "there is no host in it");
	text_copy(a->host, n + 1, s);
	*ret_port = *rest ? rest + 1 : rest;
	return 0;
}

static int parse_tcp(const char *text, const char *s, struct agent_address *a, struct ofbc_error *err)
{
	const char *port;
	int r = split_host(text, s, a, &port, err);

	if (r == 0)
		r = parse_port(text, port, UINT16_MAX, &a->end.port, err);
	a->end.kind = LINK_TCP;
	a->end.host = a->host;
	a->needs_token = a->may_be_elsewhere = true;
	return r;
}

static int parse_vsock(const char *text, const char *s, struct agent_address *a, struct ofbc_error *err)
{
	const char *port;
	int r = split_host(text, s, a, &port, err);

	if (r == 0 && (a->host[0] < '0' || a->host[0] > '9' || parse_u32(a->host, &a->end.cid) < 0))
		return refuse(text, err, "'%s' is no CID", a->host);
	if (r == 0)
		r = parse_port(text, port, UINT32_MAX - 1, &a->end.port, err);
	a->end.kind = LINK_VSOCK;
	a->needs_token = true;
	return r;
}

static int add_words(struct strv *argv, const char *const *words, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = strv_add(argv, words[i]);
	return r;
}

/* [USER@]HOST[:PORT][/PROGRAM]. What ssh is told reaches a shell on the other side. */
static int parse_ssh(const char *text, const char *s, struct agent_address *a, struct ofbc_error *err)
{
	static const char *const options[] = {
		"ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5"};
	const char *slash = strchr(s, '/'), *port;
	char who[256];
	uint32_t n = 0;
	int r;

	a->is_ssh = a->may_be_elsewhere = true;
	text_copy(who, slash && (size_t)(slash - s) < sizeof(who) ? (size_t)(slash - s) + 1 : sizeof(who), s);
	r = split_host(text, who, a, &port, err);
	if (r == 0 && (a->host[0] == '-' || strspn(s, PLAIN) != strlen(s)))
		return refuse(text, err, "it has characters that a shell may understand");
	if (r == 0 && port[0])
		r = parse_port(text, port, UINT16_MAX, &n, err);
	if (r == 0)
		r = add_words(&a->argv, options, ARRAY_SIZE(options));
	if (r == 0 && n)
		r = strv_add(&a->argv, "-p") < 0 ? -ENOMEM : strv_addf(&a->argv, "%u", n);
	if (r == 0)
		r = add_words(&a->argv,
		              (const char *const[]){"--", a->host, slash ? slash : "openforbc", "bench",
		                                    "agent", "--stdio"},
		              6);
	return r;
}

static int parse_exec(const char *text, const char *s, struct agent_address *a, struct ofbc_error *err)
{
	int r = split_words(s, &a->argv);

	if (r == -EINVAL)
		return refuse(text, err, "a quote is not closed");
	return r == 0 && !a->argv.n ? refuse(text, err, "there is no command in it") : r;
}

static int parse_local(const char *state, struct agent_address *a)
{
	const char *const words[] = {"/proc/self/exe", "--state", state, "bench", "agent", "--stdio"};

	return add_words(&a->argv, words, ARRAY_SIZE(words));
}

/* What follows the scheme, or NULL. */
static const char *after(const char *text, const char *scheme)
{
	size_t n = strlen(scheme);

	return strncmp(text, scheme, n) == 0 ? text + n : NULL;
}

int agent_address_parse(const char *text, const char *state, struct agent_address *ret,
                        struct ofbc_error *err)
{
	struct agent_address a = {.end.kind = LINK_PROGRAM};
	const char *s;
	int r;

	if (strlen(text) >= sizeof(a.text))
		return refuse("...", err, "it is longer than %zu characters", sizeof(a.text) - 1);
	*ret = a;
	text_copy(ret->text, sizeof(ret->text), text);
	if ((s = after(text, "tcp://")))
		r = parse_tcp(text, s, ret, err);
	else if ((s = after(text, "vsock://")))
		r = parse_vsock(text, s, ret, err);
	else if ((s = after(text, "ssh://")))
		r = parse_ssh(text, s, ret, err);
	else if ((s = after(text, "exec:")))
		r = parse_exec(text, s, ret, err);
	else
		r = strcmp(text, "local") == 0 ? parse_local(state, ret) : refuse(text, err, "unknown kind");
	if (r < 0)
		agent_address_done(ret);
	ret->end.argv = ret->argv.v;
	return r;
}

int agent_address_parse_listen(const char *text, struct agent_address *ret, struct ofbc_error *err)
{
	const char *s = after(text, "tcp://");
	int r;

	*ret = (struct agent_address){.needs_token = true};
	text_copy(ret->text, sizeof(ret->text), text);
	if (s) {
		r = parse_tcp(text, s, ret, err);
	} else if ((s = after(text, "vsock://"))) {
		ret->end.kind = LINK_VSOCK;
		r = parse_port(text, s, UINT32_MAX - 1, &ret->end.port, err);
	} else {
		r = refuse(text, err, "unknown kind");
	}
	if (r < 0)
		error_hint(err, "valid are tcp://ADDRESS:PORT and vsock://PORT");
	return r;
}

void agent_address_done(struct agent_address *a)
{
	strv_done(&a->argv);
	a->end.argv = NULL;
}
