/* SPDX-License-Identifier: MIT */
/* bench agent: the side that runs benchmarks for a controller elsewhere. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/bench.h"

const struct option bench_agent_options[] = {
	{.name = "listen",
         .argument = "ADDRESS",
         .help = "tcp://ADDRESS:PORT or vsock://PORT; port 0: any that is free"},
	{.name = "stdio", .help = "on standard input and output, as ssh starts it"},
	{.name = "token-file",
         .argument = "FILE",
         .help = "a secret that the controller has, too; needed to listen"},
	{.name = NULL},
};

static void listening(void *data, const char *address)
{
	(void)data;
	fprintf(stderr, "listening on %s\n", address);
}

static void ended(void *data, const char *why)
{
	(void)data;
	fprintf(stderr, "a session is over: %s\n", why);
}

int bench_run_agent(struct cli *c)
{
	const struct ofbc_bench_agent_options o = {.listen = cli_option(c, "listen"),
	                                           .token_file = cli_option(c, "token-file"),
	                                           .listening = listening,
	                                           .ended = ended};
	struct ofbc_error err = {0};
	int r;

	if (!o.listen == !cli_option(c, "stdio")) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE,
		          "an agent listens, or is on standard input and output");
		error_hint(&err, "give --listen ADDRESS or --stdio");
		return cli_fail(c, &err);
	}
	catch_signals((const int[]){SIGINT, SIGTERM, SIGHUP}, 3);
	r = ofbc_bench_agent(c->ctx, &o, &err);
	if (r == -EINTR)
		return 128 + caught_signal();
	return r < 0 ? err.code ? cli_fail(c, &err) : 1 : 0;
}
