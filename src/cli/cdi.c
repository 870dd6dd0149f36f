/* SPDX-License-Identifier: MIT */
/* openforbc partition cdi */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_cdi *, ofbc_cdi_free);

static int contradiction(struct cli *c)
{
	const char *dir = cli_option(c, "output-dir");
	struct ofbc_error err = {0};

	if (cli_option(c, "print") && (dir || cli_option(c, "remove"))) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "--print writes no file");
		error_hint(&err, "leave out %s", dir ? "--output-dir" : "--remove");
	} else if (cli_option(c, "remove") && c->n_args) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "--remove takes the whole specification away");
		error_hint(&err, "to keep some partitions in it name those, without --remove");
	} else if (dir && !dir[0]) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "'' is no directory name");
		error_hint(&err, "write for example --output-dir " OFBC_CDI_DIR);
	}
	return err.code ? cli_fail(c, &err) : 0;
}

static struct json *devices_json(const struct ofbc_cdi *cdi, bool left_out)
{
	struct json *list = json_array();

	for (size_t i = 0; i < cdi->n_devices; i++) {
		const struct ofbc_cdi_device *d = &cdi->devices[i];
		struct json *one;

		if (!d->device[0] != left_out)
			continue;
		one = json_object();
		json_set_str(one, "partition", d->partition);
		json_set_str(one, "device", d->device);
		json_set_str(one, "reason", d->reason);
		json_append(list, one);
	}
	return list;
}

static int report(struct cli *c, const struct ofbc_cdi *cdi)
{
	if (c->is_json) {
		struct json *doc = cli_object(c, "partition-cdi");

		json_set_str(doc, "file", cdi->file);
		json_set_bool(doc, "changed", cdi->is_changed);
		json_set(doc, "devices", devices_json(cdi, false));
		json_set(doc, "left_out", devices_json(cdi, true));
		return cli_print_json(c, doc);
	}
	if (!cdi->text)
		fprintf(stderr, "no partition that a container could use: there is no %s now\n", cdi->file);
	for (size_t i = 0; i < cdi->n_devices; i++) {
		const struct ofbc_cdi_device *d = &cdi->devices[i];

		if (d->device[0])
			printf("%s\n", d->device);
		else
			cli_note(c, "left out %s: %s\n", d->partition, d->reason);
	}
	cli_note(c, "%s %s\n", cdi->file, cdi->is_changed ? "written" : "was so already");
	return 0;
}

static int print_text(struct cli *c, const struct ofbc_cdi *cdi)
{
	struct ofbc_error err = {0};

	if (!cdi->text) {
		error_set(&err, ENOENT, OFBC_REASON_NOT_FOUND, "no partition that a container could use");
		error_hint(&err, "make one with `openforbc partition create`");
		return cli_fail(c, &err);
	}
	if (c->render.emulated)
		fprintf(stderr, "# emulated host %s: nothing here is real hardware\n", c->render.emulated);
	fputs(cdi->text, stdout);
	return 0;
}

static int remove_file(struct cli *c)
{
	struct ofbc_error err = {0};
	int r = ofbc_cdi_remove(c->ctx, cli_option(c, "output-dir"), &err);

	if (r < 0)
		return cli_fail(c, &err);
	if (c->is_json) {
		struct json *doc = cli_object(c, "partition-cdi");

		json_set_bool(doc, "changed", r == 0);
		return cli_print_json(c, doc);
	}
	cli_note(c, r == 0 ? "removed\n" : "there was none\n");
	return 0;
}

static int run_cdi(struct cli *c)
{
	_cleanup_(ofbc_cdi_free_p) struct ofbc_cdi *cdi = NULL;
	struct ofbc_error err = {0};
	int status = contradiction(c);

	if (status)
		return status;
	if (cli_option(c, "remove"))
		return remove_file(c);
	if (ofbc_cdi_new(c->ctx, c->args, (size_t)c->n_args, &cdi, &err) < 0)
		return cli_fail(c, &err);
	if (cli_option(c, "print"))
		return print_text(c, cdi);
	if (ofbc_cdi_write(c->ctx, cdi, cli_option(c, "output-dir"), &err) < 0)
		return cli_fail(c, &err);
	return report(c, cdi);
}

static const struct option cdi_options[] = {
	{.name = "output-dir", .argument = "DIR", .help = "write openforbc.json there instead of /etc/cdi"},
	{.name = "print", .help = "print the specification, write no file"},
	{.name = "remove", .help = "take the file away"},
	{.name = NULL},
};

const struct command cdi_commands[] = {
	{.noun = "partition",
         .verb = "cdi",
         .args = "[P...]",
         .summary = "tell container engines of them, by a CDI specification",
         .options = cdi_options,
         .max_args = -1,
         .run = run_cdi},
	{.noun = NULL},
};
