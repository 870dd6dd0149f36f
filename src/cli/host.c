/* SPDX-License-Identifier: MIT */
/* openforbc host ... */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_finding_list *, ofbc_finding_list_free);

/* Success only when some technology is ready. */
static int run_doctor(struct cli *c)
{
	_cleanup_(ofbc_finding_list_free_p) struct ofbc_finding_list *l = NULL;
	struct ofbc_error err = {0};
	bool ok = false;
	int status;

	if (ofbc_host_doctor(c->ctx, &l, &err) < 0)
		return cli_fail(c, &err);
	for (size_t i = 0; i < l->n; i++)
		ok |= l->v[i].level == OFBC_FINDING_OK;
	status = cli_list(c, &(struct render_list){.schema = "host-doctor",
	                                           .key = "findings",
	                                           .fields = finding_fields,
	                                           .items = l->v,
	                                           .n = l->n,
	                                           .item_size = sizeof(*l->v),
	                                           .empty = "nothing to say"});
	return status ? status : ok ? 0 : 1;
}

static int run_list(struct cli *c)
{
	struct ofbc_error err = {0};
	char **names = NULL;

	if (ofbc_host_names(&names, &err) < 0)
		return cli_fail(c, &err);
	if (c->is_json) {
		_cleanup_json_ struct json *doc = json_object();
		_cleanup_free_ char *text = NULL;
		struct json *a = json_array();

		json_set_str(doc, "schema", "openforbc.host-list/1");
		for (size_t i = 0; names[i]; i++)
			json_append_str(a, names[i]);
		json_set(doc, "hosts", a);
		if (json_print(doc, &text) == 0)
			fputs(text, stdout);
	} else {
		for (size_t i = 0; names[i]; i++)
			printf("%s\n", names[i]);
	}
	ofbc_env_free(names);
	return 0;
}

static int run_reboot(struct cli *c)
{
	struct ofbc_error err = {0};

	return ofbc_host_reboot(c->ctx, &err) < 0 ? cli_fail(c, &err) : 0;
}

static int hold(struct cli *c, bool on)
{
	const char *name = cli_option(c, "name");
	struct ofbc_error err = {0};
	long pid = 4242;

	if (cli_number(c, "pid", 4194304, &pid, &err) < 0)
		return cli_fail(c, &err);
	if (ofbc_host_hold(c->ctx, c->args[0], name ? name : "holder", on ? (int)pid : 0, &err) < 0)
		return cli_fail(c, &err);
	return 0;
}

static int run_hold(struct cli *c)
{
	return hold(c, true);
}

static int run_release(struct cli *c)
{
	return hold(c, false);
}

static const struct option hold_options[] = {
	{.name = "name", .argument = "COMMAND", .help = "command name of the pretended process"},
	{.name = "pid", .argument = "PID", .help = "its process id"},
	{.name = NULL},
};

static const struct option release_options[] = {
	{.name = "name", .argument = "COMMAND", .help = "command name of the pretended process"},
	{.name = NULL},
};

const struct command host_commands[] = {
	{.noun = "host",
         .verb = "doctor",
         .args = "",
         .summary = "what each technology needs, and the command that mends it",
         .run = run_doctor},
	{.noun = "host",
         .verb = "list",
         .args = "",
         .summary = "names of the emulated hosts",
         .needs_no_host = true,
         .run = run_list},
	{.noun = "host",
         .verb = "reboot",
         .args = "",
         .summary = "reboot an emulated host",
         .run = run_reboot},
	{.noun = "host",
         .verb = "hold",
         .args = "P",
         .summary = "on an emulated host: a pretended process opens a partition",
         .options = hold_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_hold},
	{.noun = "host",
         .verb = "release",
         .args = "P",
         .summary = "the pretended process lets go",
         .options = release_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_release},
	{.noun = NULL},
};
