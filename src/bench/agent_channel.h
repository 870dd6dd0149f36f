/* SPDX-License-Identifier: MIT */
/*
 * Messages over a link. With a token both sides prove that they know it, and from then on every line carries
 * a keyed hash over its number and its text: nobody on the way can add, change, repeat or leave out one.
 * Nothing is encrypted.
 */
#pragma once

#include "bench/agent_message.h"
#include "platform/link.h"

#define AGENT_SILENT_S    10 /* who says nothing for so long hangs; each side says something every second */
#define AGENT_LOGIN_S     5  /* an agent waits so long for the login: anybody may say nothing */
#define AGENT_WELCOME_S   20 /* a controller waits so long for the welcome: ssh connects first */
#define AGENT_HANG_S      15 /* a session of an agent that does not even look at its connection is killed */
#define AGENT_LOOK_S      60 /* a driver that is asked for the surroundings may take its time */
#define AGENT_IDLE_S      60 /* between two questions a controller is silent when it computes or stores */
#define AGENT_TOKEN_LEAST 32
#define AGENT_TOKEN_MAX   512
#define AGENT_LINE_MAX    (16u << 20)

struct channel;

/* Takes the link over. `token`: NULL or "" none; copied. */
int channel_new(struct link *l, const char *token, struct channel **ret);
void channel_free(struct channel *c); /* NULL is fine */

static inline void channel_free_p(struct channel **c)
{
	channel_free(*c);
}
#define _cleanup_channel_ __attribute__((cleanup(channel_free_p)))

/* The controller's side of the beginning. ret: the agent's welcome. -EPERM a token is wrong or missing;
 * -EPROTO another protocol; -EBUSY ... what the agent refuses with; -ETIMEDOUT; -EINTR. */
int channel_login(struct channel *c, const char *program, struct agent_message *ret, struct ofbc_error *err);
/* The agent's side: `welcome` has host and platform, and gets the proof; it is not sent yet. */
int channel_admit(struct channel *c, const char *program, struct agent_message *welcome,
                  struct ofbc_error *err);

int channel_send(struct channel *c, const struct agent_message *m);
int channel_say(struct channel *c, enum agent_kind kind); /* one without fields */
/* err: the reason, its hint, and what kind of error it is. */
int channel_refuse(struct channel *c, const struct ofbc_error *err);
/* What a refusal says, as an error. Returns its -errno. */
int channel_refused(const struct agent_message *m, struct ofbc_error *err);

/* Takes what has arrived: 0; -ECONNRESET; -EMSGSIZE. Then channel_next() until it returns 0. */
int channel_receive(struct channel *c);
/* The next message: 1; 0 none yet; -EBADMSG not valid: err says why, and nothing more can be believed. */
int channel_next(struct channel *c, struct agent_message *ret, struct ofbc_error *err);
/* Why nothing can be said or heard any more; 0: it can. */
int channel_broken(const struct channel *c);
uint64_t channel_received_ns(const struct channel *c);
uint64_t channel_heard_ns(const struct channel *c); /* when the other side said something last */
struct link *channel_link(const struct channel *c);

/* Says that we are alive when it is time: 0; -ETIMEDOUT the other side was silent for AGENT_SILENT_S;
 * -ECONNRESET. */
int channel_keep(struct channel *c, uint64_t now_ns);
/* Silence counts from now on. */
void channel_expect(struct channel *c, uint64_t now_ns);
