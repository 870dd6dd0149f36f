/* SPDX-License-Identifier: MIT */
/* openforbc layout ... */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

#define FILE_MAX (16u << 20)

DEFINE_CLEANUP(struct ofbc_layout *, ofbc_layout_free);
DEFINE_CLEANUP(struct ofbc_plan *, ofbc_plan_free);

/* A file, or standard input for "-". */
static int read_file(const char *path, char **ret, size_t *ret_len, struct ofbc_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(path, "re");
	char *text = f ? malloc(FILE_MAX + 1) : NULL;
	size_t n = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
	int r = !f ? errno : !text ? ENOMEM : ferror(f) ? EIO : n > FILE_MAX ? EFBIG : 0;

	if (f && !is_stdin)
		fclose(f);
	if (r) {
		free(text);
		error_set(err, r, r == ENOENT ? OFBC_REASON_NOT_FOUND : OFBC_REASON_FAILED, "%s: %s", path,
		          strerror(r));
		error_hint(err, "name a file, or - for standard input; `openforbc layout export` prints one");
		return -r;
	}
	*ret = text;
	*ret_len = n;
	return 0;
}

static int read_layout(const struct cli *c, struct ofbc_layout **ret, struct ofbc_error *err)
{
	_cleanup_free_ char *text = NULL;
	const char *path = c->args[0];
	size_t len = 0;
	int r = read_file(path, &text, &len, err);

	return r < 0 ? r
	             : ofbc_layout_read(text, len, strcmp(path, "-") == 0 ? "standard input" : path,
	                                cli_option(c, "config"), ret, err);
}

static unsigned flags_of(const struct cli *c)
{
	const char *policy = cli_option(c, "policy");

	return (policy && strcmp(policy, "spread") == 0 ? OFBC_LAYOUT_SPREAD : 0) |
	       (cli_option(c, "reset") ? OFBC_LAYOUT_RESET : 0);
}

static struct json *text_list(char *const *v)
{
	struct json *a = json_array();

	for (size_t i = 0; v && v[i]; i++)
		json_append_str(a, v[i]);
	return a;
}

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static int print_plan(struct cli *c, const struct ofbc_plan *plan, const char *schema, const char *empty)
{
	const struct render_list list = {.schema = schema,
	                                 .key = "steps",
	                                 .fields = step_fields,
	                                 .items = plan->steps.v,
	                                 .n = plan->steps.n,
	                                 .item_size = sizeof(*plan->steps.v),
	                                 .empty = empty};

	for (size_t i = 0; plan->notes && plan->notes[i]; i++)
		fprintf(stderr, "note: %s\n", plan->notes[i]);
	if (c->is_json) {
		struct json *doc = cli_object(c, schema), *steps = json_array();

		for (size_t i = 0; i < plan->steps.n; i++)
			json_append(steps, render_item_json(step_fields, &plan->steps.v[i]));
		json_set(doc, "steps", steps);
		json_set(doc, "kept", text_list(plan->kept));
		json_set(doc, "notes", text_list(plan->notes));
		json_set_u64(doc, "changes", plan->steps.n);
		return cli_print_json(c, doc);
	}
	if (c->render.format == RENDER_TABLE && plan->steps.n)
		fprintf(stderr, "%zu changes, %zu partitions stay\n", plan->steps.n, count(plan->kept));
	return cli_list(c, &list);
}

static int plan_status(const struct cli *c, const struct ofbc_plan *plan, int status)
{
	return status == 0 && plan->steps.n &&
	                       (cli_option(c, "exit-code") || strcmp(c->command->verb, "check") == 0)
	               ? 9
	               : status;
}

static int run_plan(struct cli *c)
{
	_cleanup_(ofbc_layout_free_p) struct ofbc_layout *layout = NULL;
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = NULL;
	struct ofbc_error err = {0};

	if (read_layout(c, &layout, &err) < 0 ||
	    ofbc_layout_plan(c->ctx, layout, flags_of(c), &plan, &err) < 0)
		return cli_fail(c, &err);
	return plan_status(
		c, plan, print_plan(c, plan, "layout-plan", "nothing to do: the host is as the layout says"));
}

static void say_step(void *data, const struct ofbc_step *step, bool done)
{
	static const char *const words[] = {[OFBC_ACTION_DESTROY] = "destroy",
	                                    [OFBC_ACTION_MODE_OFF] = "mode off",
	                                    [OFBC_ACTION_MODE_ON] = "mode on",
	                                    [OFBC_ACTION_RENAME] = "rename",
	                                    [OFBC_ACTION_CREATE] = "create"};
	const struct cli *c = data;

	if (c->render.format == RENDER_TABLE)
		fprintf(stderr, done ? " done\n" : "%s %s %s%s%s ...", words[step->action], step->gpu,
		        step->type[0] ? step->type : step->technology, step->name[0] ? " " : "", step->name);
}

static int run_apply(struct cli *c)
{
	_cleanup_(ofbc_layout_free_p) struct ofbc_layout *layout = NULL;
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = NULL;
	struct ofbc_error err = {0};
	int r = read_layout(c, &layout, &err);

	if (r == 0 && cli_option(c, "dry-run"))
		r = ofbc_layout_plan(c->ctx, layout, flags_of(c), &plan, &err);
	else if (r == 0)
		r = ofbc_layout_apply(c->ctx, layout, flags_of(c), say_step, c, &plan, &err);
	if (r < 0)
		return cli_fail(c, &err);
	return print_plan(c, plan, "layout-apply", "nothing to do: the host is as the layout says");
}

static int run_defragment(struct cli *c)
{
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = NULL;
	struct ofbc_error err = {0};

	if (ofbc_layout_defragment(c->ctx, c->n_args ? c->args[0] : NULL, cli_option(c, "apply") != NULL,
	                           say_step, c, &plan, &err) < 0)
		return cli_fail(c, &err);
	return print_plan(c, plan, "layout-defragment",
	                  "nothing to gain: no arrangement with more room was found");
}

static int run_rollback(struct cli *c)
{
	struct ofbc_error err = {0};
	unsigned n = 0;

	if (ofbc_layout_rollback(c->ctx, &n, &err) < 0)
		return cli_fail(c, &err);
	if (c->is_json) {
		struct json *doc = cli_object(c, "layout-rollback");

		json_set_u64(doc, "steps", n);
		return cli_print_json(c, doc);
	}
	printf("%u steps were taken back%s\n", n, c->render.emulated ? " (emulated)" : "");
	return 0;
}

static int run_export(struct cli *c)
{
	_cleanup_free_ char *text = NULL;
	struct ofbc_error err = {0};

	if (ofbc_layout_export(c->ctx, c->is_json, &text, &err) < 0)
		return cli_fail(c, &err);
	if (c->render.emulated && !c->is_json)
		printf("# emulated host %s: nothing here is real hardware\n", c->render.emulated);
	return fputs(text, stdout) < 0 ? 1 : 0;
}

static int run_import(struct cli *c)
{
	_cleanup_free_ char *text = NULL, *layout = NULL;
	const char *from = cli_option(c, "from");
	struct ofbc_error err = {0};
	size_t len = 0;

	if (!from) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "--from is missing: whose file is it?");
		error_hint(&err, "mig-parted, vgpu-device-manager or mdevctl");
		return cli_fail(c, &err);
	}
	if (read_file(c->args[0], &text, &len, &err) < 0 ||
	    ofbc_layout_import(from, text, len, c->args[0], &layout, &err) < 0)
		return cli_fail(c, &err);
	return fputs(layout, stdout) < 0 ? 1 : 0;
}

static const char *const policies[] = {"pack", "spread", NULL};
static const char *const sources[] = {"mig-parted", "vgpu-device-manager", "mdevctl", NULL};

#define LAYOUT_OPTIONS                                                                                                \
	{.name = "config", .letter = 'c', .argument = "NAME", .help = "one of several layouts of the file"},          \
	{                                                                                                             \
		.name = "policy", .argument = "pack|spread",                                                          \
		.help = "partitions dealt out over GPUs (per: layout): the fullest first (default), or the emptiest", \
		.values = policies                                                                                    \
	}

static const struct option plan_options[] = {
	LAYOUT_OPTIONS,
	{.name = "exit-code", .help = "status 9 when there is something to do"},
	{.name = NULL},
};

static const struct option check_options[] = {
	LAYOUT_OPTIONS,
	{.name = NULL},
};

static const struct option apply_options[] = {
	LAYOUT_OPTIONS,
	{.name = "dry-run", .letter = 'n', .help = "plan only"},
	{.name = "reset", .help = "a mode may be changed by a reset of the GPU"},
	{.name = "yes", .letter = 'y'},
	{.name = NULL},
};

static const struct option defragment_options[] = {
	{.name = "apply", .help = "do it; otherwise only the plan is printed"},
	{.name = NULL},
};

static const struct option import_options[] = {
	{.name = "from",
         .argument = "TOOL",
         .help = "mig-parted, vgpu-device-manager or mdevctl (its --dumpjson)",
         .values = sources},
	{.name = NULL},
};

const struct command layout_commands[] = {
	{.noun = "layout",
         .verb = "show",
         .args = "",
         .summary = "our partitions as a layout",
         .run = run_export},
	{.noun = "layout",
         .verb = "plan",
         .args = "FILE",
         .summary = "the fewest changes that lead to a layout; FILE - is standard input",
         .options = plan_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_plan},
	{.noun = "layout",
         .verb = "apply",
         .args = "FILE",
         .summary = "plan, and do it; what fails is taken back",
         .options = apply_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_apply},
	{.noun = "layout",
         .verb = "check",
         .args = "FILE",
         .summary = "status 0 when the host is as the layout says, 9 when it differs",
         .options = check_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_plan},
	{.noun = "layout",
         .verb = "defragment",
         .args = "[GPU]",
         .summary = "move idle partitions so that more room is left for large ones",
         .options = defragment_options,
         .max_args = 1,
         .run = run_defragment},
	{.noun = "layout",
         .verb = "rollback",
         .args = "",
         .summary = "back to the state before the last apply",
         .run = run_rollback},
	{.noun = "layout",
         .verb = "export",
         .args = "",
         .summary = "our partitions as a layout that changes nothing when it is applied",
         .run = run_export},
	{.noun = "layout",
         .verb = "import",
         .args = "FILE",
         .summary = "another tool's file as a layout",
         .options = import_options,
         .min_args = 1,
         .max_args = 1,
         .needs_no_host = true,
         .run = run_import},
	{.noun = NULL},
};
