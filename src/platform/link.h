/* SPDX-License-Identifier: MIT */
/*
 * A stream of lines between two of our processes: over TCP, over AF_VSOCK between a guest and its host, or
 * through the standard descriptors of a program (ssh, podman exec). Nothing here knows what the lines say.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openforbc/error.h"

enum link_kind { LINK_TCP, LINK_VSOCK, LINK_PROGRAM };

#define LINK_CID_ANY UINT32_MAX

/* Where to connect to, or to listen. */
struct link_end {
	enum link_kind kind;
	const char *host;  /* TCP: name or address */
	uint32_t cid;      /* AF_VSOCK */
	uint32_t port;     /* of both; when listening, 0: any that is free */
	char *const *argv; /* program */
};

struct link;

/* 0; -ETIMEDOUT; -ECONNREFUSED ...; the message says what to look at. */
int link_connect(const struct link_end *to, unsigned timeout_ms, struct link **ret, struct ofbc_error *err);
/* Ends the program, too. NULL is fine. */
void link_free(struct link *l);

/* Lines that are longer end the link; at first 4 KiB, since anybody may send them. */
void link_allow(struct link *l, size_t max_line);
/* Takes what has arrived, without waiting: 1 something; 0 nothing; -ECONNRESET the other side is gone;
 * -EMSGSIZE a line is too long. */
int link_receive(struct link *l);
/* A whole line without its end, valid until the next call: 1; 0 there is none; -EMSGSIZE. Any byte may be in
 * it. */
int link_line(struct link *l, const char **ret, size_t *ret_len);
uint64_t link_received_ns(const struct link *l); /* when the last bytes were taken (monotonic) */
/* All of it, or -ETIMEDOUT: the other side took nothing for so long. -ECONNRESET it is gone. */
int link_send(struct link *l, const char *text, size_t len, unsigned timeout_ms);
int link_descriptor(const struct link *l); /* to wait for more */
/* What a program said last on its standard error, for messages; "" nothing. */
const char *link_said(struct link *l);
/* The exit status of a program that is about to end, as it hung up; -1: there is none, or it does not end. */
int link_status(struct link *l);
/* A session may not look at its link for so long: it is not taken for one that hangs. */
void link_excuse(struct link *l, unsigned seconds);

/* Waits until one of them has more, or the deadline (monotonic): 1; 0 the deadline; -EINTR a signal for us.
 */
int links_wait(struct link *const *v, size_t n, uint64_t deadline_ns);

static inline void link_free_p(struct link **l)
{
	link_free(*l);
}

/* --- the side that is connected to --- */

struct link_server {
	const struct link_end *at; /* NULL: standard input and output, one connection */
	/* In a process of its own for each connection. It takes the link over. */
	int (*session)(void *data, struct link *l);
	/* Listening now, on that port. */
	void (*listening)(void *data, uint32_t port);
	void (*hung)(void *data); /* a session was killed, since it hung */
	void *data;
	unsigned max_sessions;
	unsigned hang_s; /* a session that does not look at its link for so long hangs, and is killed */
};

/*
 * Serves until a signal comes, or until the one connection has ended. Processes that a session left behind,
 * because it was killed, are found and ended. -EADDRINUSE ... when it cannot listen.
 */
int link_serve(const struct link_server *s, struct ofbc_error *err);
