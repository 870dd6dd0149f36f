/* SPDX-License-Identifier: MIT */
/* Where an agent is: ssh://, vsock://, tcp://, exec: or "local". Pure. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"
#include "openforbc/error.h"
#include "platform/link.h"

struct agent_address {
	char text[256]; /* as it was written */
	char host[256];
	struct strv argv;
	struct link_end end; /* its texts are in here */
	bool is_ssh;
	bool needs_token;      /* anybody can connect there */
	bool may_be_elsewhere; /* on another host than this one and its guests */
};

/* `state`: directory for an agent on this machine. -EINVAL with what is valid. agent_address_done() releases
 * it. */
int agent_address_parse(const char *text, const char *state, struct agent_address *ret,
                        struct ofbc_error *err);
/* "tcp://ADDRESS:PORT", "vsock://PORT". */
int agent_address_parse_listen(const char *text, struct agent_address *ret, struct ofbc_error *err);
void agent_address_done(struct agent_address *a);
