/* SPDX-License-Identifier: MIT */
/* openforbc host ... */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_finding_list *, ofbc_finding_list_free);
DEFINE_CLEANUP(struct ofbc_partition_list *, ofbc_partition_list_free);
DEFINE_CLEANUP(struct ofbc_plan *, ofbc_plan_free);

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
	int status = 0;

	if (ofbc_host_names(&names, &err) < 0)
		return cli_fail(c, &err);
	if (c->is_json) {
		struct json *doc = cli_object(c, "host-list"), *a = json_array();

		for (size_t i = 0; names[i]; i++)
			json_append_str(a, names[i]);
		json_set(doc, "hosts", a);
		status = cli_print_json(c, doc);
	} else {
		for (size_t i = 0; names[i]; i++)
			printf("%s\n", names[i]);
	}
	ofbc_env_free(names);
	return status;
}

static int done(const struct cli *c, int r, const char *schema, const struct ofbc_error *err)
{
	if (r < 0)
		return cli_fail(c, err);
	return c->is_json ? cli_print_json(c, cli_object(c, schema)) : 0;
}

static int run_reboot(struct cli *c)
{
	struct ofbc_error err = {0};
	int r = ofbc_host_reboot(c->ctx, &err);

	return done(c, r, "host-reboot", &err);
}

static int run_hold(struct cli *c)
{
	const char *name = cli_option(c, "name");
	struct ofbc_error err = {0};
	long pid = 4242;
	int r = cli_number(c, "pid", 4194304, &pid, &err);

	if (r > 0 && pid == 0) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "'0' is no value for --pid");
		error_hint(&err, "1 to 4194304 is valid");
		r = -EINVAL;
	}
	if (r >= 0)
		r = ofbc_host_hold(c->ctx, c->args[0], name ? name : "holder", (int)pid, &err);
	return done(c, r, "host-hold", &err);
}

/* Without a name everybody lets go. */
static int release_all(struct cli *c, struct ofbc_error *err)
{
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *l = NULL;
	const struct ofbc_partition *p;
	int r = ofbc_partition_list(c->ctx, NULL, &l, err);

	if (r == 0)
		r = ofbc_partition_find(l, c->args[0], &p, err);
	for (size_t i = 0; r == 0 && i < p->holders.n; i++)
		r = ofbc_host_hold(c->ctx, p->uuid, p->holders.v[i].name, 0, err);
	return r;
}

static int run_release(struct cli *c)
{
	const char *name = cli_option(c, "name");
	struct ofbc_error err = {0};
	int r = name || !ofbc_context_is_emulated(c->ctx)
	                ? ofbc_host_hold(c->ctx, c->args[0], name ? name : "holder", 0, &err)
	                : release_all(c, &err);

	return done(c, r, "host-release", &err);
}

/* The text itself is the result, whatever the output format. */
static int run_capture(struct cli *c)
{
	_cleanup_free_ char *text = NULL;
	struct ofbc_error err = {0};

	if (ofbc_host_capture(c->ctx, &text, &err) < 0)
		return cli_fail(c, &err);
	return fputs(text, stdout) < 0 ? 1 : 0;
}

static int run_restore(struct cli *c)
{
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = NULL;
	struct ofbc_error err = {0};
	long wait = 0;
	int status, r = cli_number(c, "wait", 3600, &wait, &err);

	if (r >= 0)
		r = ofbc_host_restore(c->ctx, (unsigned)wait, cli_option(c, "reset") ? OFBC_LAYOUT_RESET : 0,
		                      &plan, &err);
	if (r < 0)
		return cli_fail(c, &err);
	if (r > 0 && c->is_json)
		return cli_fail(c, &err);
	status = cli_list(c, &(struct render_list){.schema = "host-restore",
	                                           .key = "steps",
	                                           .fields = step_fields,
	                                           .items = plan->steps.v,
	                                           .n = plan->steps.n,
	                                           .item_size = sizeof(*plan->steps.v),
	                                           .empty = "nothing is lost"});
	return r > 0 ? cli_fail(c, &err) : status;
}

static const struct option restore_options[] = {
	{.name = "wait", .argument = "SECONDS", .help = "for drivers that come late; default: 0"},
	{.name = "reset", .help = "a mode may be changed by a reset of the GPU"},
	{.name = NULL},
};

static const struct option hold_options[] = {
	{.name = "name", .argument = "COMMAND", .help = "its command name; default: holder"},
	{.name = "pid", .argument = "PID", .help = "its process id; default: 4242"},
	{.name = NULL},
};

static const struct option release_options[] = {
	{.name = "name", .argument = "COMMAND", .help = "only what this command holds; default: everybody"},
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
         .verb = "capture",
         .args = "",
         .summary = "this host as a file that an emulated host can be made of, for tests and reports",
         .run = run_capture},
	{.noun = "host",
         .verb = "restore",
         .args = "",
         .summary = "make again what is ours and was lost, for example by a boot",
         .options = restore_options,
         .run = run_restore},
	{.noun = "host",
         .verb = "reboot",
         .args = "",
         .summary = "on an emulated host: reboot, and forget what hardware forgets",
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
         .summary = "on an emulated host: the pretended process lets go",
         .options = release_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_release},
	{.noun = NULL},
};
