/* SPDX-License-Identifier: MIT */
/*
 * What controller and agent say to each other: lines of JSON. Pure. Whatever arrives is checked here: kinds,
 * fields, ranges and lengths; texts lose their control characters, because they are printed on terminals.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "base/strv.h"
#include "bench/definition.h"
#include "model/result.h"

#define AGENT_PROTOCOL 3 /* of both sides: the same, or nothing is run */

enum agent_kind {
	/* in this order, before anything else */
	AGENT_HELLO,   /* agent: who I am, and a number used once */
	AGENT_LOGIN,   /* controller: the same, and the proof that I know the token */
	AGENT_WELCOME, /* agent: my proof */
	AGENT_REFUSED, /* agent, at any time: why not */
	/* controller, and what the agent answers */
	AGENT_LOOK, /* your surroundings */
	AGENT_SURROUNDINGS,
	AGENT_PLACE, /* look up these partitions of yours */
	AGENT_PLACED,
	AGENT_PREPARE, /* needs and setup of a benchmark */
	AGENT_PREPARED,
	AGENT_TRIAL, /* start instances; they wait */
	AGENT_READY, /* they do */
	AGENT_PING,  /* what time is it */
	AGENT_PONG,
	AGENT_GO,       /* at that time */
	AGENT_PROGRESS, /* what my instances did so far */
	AGENT_STOP,     /* it is enough */
	AGENT_ENDED,    /* when mine began and ended, or their verdict */
	AGENT_WINDOW,   /* what is common to all */
	AGENT_RESULT,   /* values in it */
	AGENT_ABORT,    /* end what runs; answered by AGENT_ENDED */
	AGENT_CLEANUP,  /* of a benchmark */
	AGENT_CLEANED,
	AGENT_ALIVE, /* both */
	AGENT_KINDS
};

extern const char *const agent_kind_names[AGENT_KINDS];

/* All fields of all kinds; which ones a kind has is in a table. Unknown times are 0. */
struct agent_message {
	enum agent_kind kind;
	uint64_t protocol;
	char program[64], host[64], platform[48];
	bool has_token;
	char nonce[SHA256_HEX_SIZE], proof[SHA256_HEX_SIZE];
	char verdict[16], reason[512], hint[256];
	char *environment; /* JSON */
	char benchmark[64], definition[SHA256_HEX_SIZE], preset[64];
	struct pair_list parameters;
	bool again;
	struct strv partitions;              /* of the agent's host; none: the host as it is */
	char layout[128];                    /* their types */
	uint64_t first, instances, of, seed; /* `instances` of the `of` in all, from number `first` on */
	double window_s;
	uint64_t iterations;
	uint64_t id, received_ns, sent_ns;
	uint64_t at_ns, from_ns, to_ns, first_start_ns, last_start_ns;
	struct bench_trial values; /* only its values and latencies */
};

/* Without an end of line. 0; -ENOMEM; -EINVAL the message is longer than max. */
int agent_message_print(const struct agent_message *m, char **ret);
/* 0; -EINVAL with what is wrong. agent_message_done() releases it. */
int agent_message_parse(const char *text, size_t len, struct agent_message *ret, struct ofbc_error *err);
void agent_message_done(struct agent_message *m); /* leaves a zeroed one */
#define _cleanup_agent_message_ __attribute__((cleanup(agent_message_done)))
