/* SPDX-License-Identifier: MIT */
/* What arrives from another machine, and addresses: no crash, a message for what is refused, no control
 * characters in what is printed, and what was read is printed and read again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/agent_address.h"
#include "bench/agent_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_plain(const char *s, size_t size)
{
	require(memchr(s, '\0', size) != NULL);
	for (; *s; s++)
		require((unsigned char)*s >= ' ' && *s != 127);
}

static void read_message(const char *text, size_t len)
{
	_cleanup_agent_message_ struct agent_message m = {0}, again = {0};
	_cleanup_free_ char *first = NULL, *second = NULL;
	struct ofbc_error err = {0};

	if (agent_message_parse(text, len, &m, &err) < 0) {
		require(err.code > 0 && err.message[0]);
		return;
	}
	require_plain(m.reason, sizeof(m.reason));
	require_plain(m.hint, sizeof(m.hint));
	require_plain(m.host, sizeof(m.host));
	require_plain(m.program, sizeof(m.program));
	require_plain(m.benchmark, sizeof(m.benchmark));
	require_plain(m.layout, sizeof(m.layout));
	for (size_t i = 0; i < m.partitions.n; i++)
		require_plain(m.partitions.v[i], 128);
	require(agent_message_print(&m, &first) == 0);
	require(agent_message_parse(first, strlen(first), &again, &err) == 0);
	require(again.kind == m.kind && again.values.n_values == m.values.n_values &&
	        again.parameters.n == m.parameters.n && again.partitions.n == m.partitions.n);
	require(agent_message_print(&again, &second) == 0);
	require(strcmp(first, second) == 0);
}

static void read_address(const char *text)
{
	struct agent_address a;
	struct ofbc_error err = {0};

	if (agent_address_parse(text, "/state", &a, &err) == 0) {
		require(a.end.kind != LINK_PROGRAM || (a.end.argv && a.end.argv[0]));
		agent_address_done(&a);
	} else {
		require(err.code > 0 && err.message[0] && err.hint[0]);
	}
	if (agent_address_parse_listen(text, &a, &err) == 0)
		require(a.needs_token);
	agent_address_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);

	read_message((const char *)data, size);
	if (text)
		read_address(text);
	return 0;
}
