/* SPDX-License-Identifier: MIT */
/* openforbc partition xml, qemu, bind, attach, detach; openforbc vm ... */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_guest_list *, ofbc_guest_list_free);

#define DOMAIN_MAX (4u << 20) /* a guest's description */

static const struct {
	const char *option;
	unsigned flag;
} attach_flags[] = {
	{"live", OFBC_ATTACH_LIVE},   {"config", OFBC_ATTACH_CONFIG}, {"display", OFBC_ATTACH_DISPLAY},
	{"ramfb", OFBC_ATTACH_RAMFB}, {"claim", OFBC_ATTACH_CLAIM},   {"keep", OFBC_ATTACH_KEEP},
};

static unsigned flags_of(const struct cli *c)
{
	unsigned flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attach_flags); i++)
		flags |= cli_option(c, attach_flags[i].option) ? attach_flags[i].flag : 0;
	return flags;
}

/* --- for libvirt and QEMU, as text --- */

static int run_xml(struct cli *c)
{
	_cleanup_free_ char *xml = NULL;
	struct ofbc_error err = {0};
	struct json *doc;

	if (ofbc_partition_xml(c->ctx, c->args[0], flags_of(c), &xml, &err) < 0)
		return cli_fail(c, &err);
	if (c->is_json) {
		doc = cli_object(c, "partition-xml");
		json_set_str(doc, "xml", xml);
		return cli_print_json(c, doc);
	}
	if (c->render.emulated)
		printf("<!-- emulated host %s: nothing here is real hardware -->\n", c->render.emulated);
	fputs(xml, stdout);
	return 0;
}

static int run_qemu(struct cli *c)
{
	struct ofbc_error err = {0};
	struct json *doc, *list;
	char **args = NULL;
	int status = 0;

	if (ofbc_partition_qemu(c->ctx, c->args[0], flags_of(c), &args, &err) < 0)
		return cli_fail(c, &err);
	if (c->is_json) {
		doc = cli_object(c, "partition-qemu");
		list = json_array();
		for (size_t i = 0; args[i]; i++)
			json_append_str(list, args[i]);
		json_set(doc, "arguments", list);
		status = cli_print_json(c, doc);
	} else {
		if (c->render.emulated)
			fprintf(stderr, "# emulated host %s: nothing here is real hardware\n",
			        c->render.emulated);
		for (size_t i = 0; args[i]; i++)
			printf("%s%s", i ? " " : "", args[i]);
		putchar('\n');
	}
	ofbc_env_free(args);
	return status;
}

/* What was done, or that there was nothing to do. */
static int changed(const struct cli *c, const char *schema, int r, const char *done, const char *was_so)
{
	if (c->is_json) {
		struct json *doc = cli_object(c, schema);

		json_set_str(doc, "partition", c->args[0]);
		if (c->n_args > 1)
			json_set_str(doc, strcmp(schema, "partition-bind") == 0 ? "driver" : "vm",
			             c->args[1]);
		json_set_bool(doc, "changed", r == 0);
		return cli_print_json(c, doc);
	}
	cli_note(c, "%s\n", r == 0 ? done : was_so);
	return 0;
}

static int run_bind(struct cli *c)
{
	struct ofbc_error err = {0};
	bool vfio = strcmp(c->args[1], "vfio-pci") == 0;
	int r;

	if (!vfio && strcmp(c->args[1], "host") != 0) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "'%s' is no driver to bind to", c->args[1]);
		error_hint(&err, "'vfio-pci', for a guest, or 'host', for the function's normal driver");
		return cli_fail(c, &err);
	}
	r = ofbc_partition_bind(c->ctx, c->args[0], vfio, &err);
	return r < 0 ? cli_fail(c, &err)
	             : changed(c, "partition-bind", r, "bound", "it was bound so already");
}

/* --- libvirt --- */

static int run_attach(struct cli *c)
{
	struct ofbc_error err = {0};
	int r;

	if (cli_option(c, "keep") && !cli_option(c, "claim")) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "--keep needs --claim");
		error_hint(&err, "without a claim the partition stays anyway");
		return cli_fail(c, &err);
	}
	r = ofbc_partition_attach(c->ctx, c->args[0], c->args[1], flags_of(c), &err);
	return r < 0 ? cli_fail(c, &err) : changed(c, "partition-attach", r, "attached", "it has it already");
}

static int run_detach(struct cli *c)
{
	struct ofbc_error err = {0};
	long timeout_s = 0;
	int r = cli_number(c, "timeout", 3600, &timeout_s, &err);

	if (r >= 0)
		r = ofbc_partition_detach(c->ctx, c->args[0], c->n_args > 1 ? c->args[1] : NULL, flags_of(c),
		                          (unsigned)timeout_s, &err);
	return r < 0 ? cli_fail(c, &err) : changed(c, "partition-detach", r, "detached", "no guest has it");
}

/* --- vm --- */

static int print_guests(const struct cli *c, const struct ofbc_guest *v, size_t n, const char *schema)
{
	return cli_list(c, &(struct render_list){.schema = schema,
	                                         .key = "vms",
	                                         .fields = guest_fields,
	                                         .items = v,
	                                         .n = n,
	                                         .item_size = sizeof(*v),
	                                         .empty = "no guest has a partition of this host"});
}

static int run_vm_list(struct cli *c)
{
	_cleanup_(ofbc_guest_list_free_p) struct ofbc_guest_list *l = NULL;
	struct ofbc_error err = {0};

	if (ofbc_guest_list(c->ctx, cli_option(c, "all") != NULL, &l, &err) < 0)
		return cli_fail(c, &err);
	return print_guests(c, l->v, l->n, "vm-list");
}

static int run_vm_show(struct cli *c)
{
	_cleanup_(ofbc_guest_list_free_p) struct ofbc_guest_list *l = NULL;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(1u << 16);
	const struct ofbc_guest *g;
	struct ofbc_error err = {0};

	if (ofbc_guest_list(c->ctx, true, &l, &err) < 0 || ofbc_guest_find(l, c->args[0], &g, &err) < 0)
		return cli_fail(c, &err);
	if (c->render.format != RENDER_TABLE)
		return print_guests(c, g, 1, "vm-show");
	if (c->render.emulated)
		strbuf_addf(&out, "# emulated host %s: nothing here is real hardware\n", c->render.emulated);
	render_item_text(guest_fields, g, &out);
	for (size_t i = 0; i < g->n_devices; i++) {
		const struct ofbc_guest_device *d = &g->devices[i];

		strbuf_addf(&out, "%-16s %s %s%s%s, %s%s%s\n", "device", d->address,
		            d->type[0] ? d->type : "no partition",
		            d->guest_address[0] ? ", in the guest at " : "", d->guest_address,
		            d->is_live ? "now" : "", d->is_live && d->is_config ? " and " : "",
		            d->is_config ? "after the next start" : "");
	}
	return cli_print(c, &out);
}

static int read_input(struct strbuf *ret, struct ofbc_error *err)
{
	char piece[4096];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		strbuf_addn(ret, piece, n);
	if (ferror(stdin))
		return error_set(err, EIO, OFBC_REASON_FAILED,
		                 "cannot read the guest's description from standard input");
	return ret->err ? error_set_errno(err, -ret->err, "the guest's description") : 0;
}

static int run_vm_hook(struct cli *c)
{
	_cleanup_strbuf_ struct strbuf xml = STRBUF_INIT(DOMAIN_MAX);
	struct ofbc_error err = {0};
	unsigned n;

	if (read_input(&xml, &err) < 0 ||
	    ofbc_guest_hook(c->ctx, c->args[1], strbuf_str(&xml), xml.len, &n, &err) < 0)
		return cli_fail(c, &err);
	cli_note(c, "%s: %u partitions changed\n", c->args[1], n);
	return 0;
}

/* --- tables --- */

static const struct option text_options[] = {
	{.name = "display", .help = "the guest's screen is taken from the device"},
	{.name = "ramfb", .help = "from the boot on; with --display"},
	{.name = NULL},
};

static const struct option attach_options[] = {
	{.name = "live", .help = "only the running guest"},
	{.name = "config", .help = "only from its next start on"},
	{.name = "display", .help = "the guest's screen is taken from the device"},
	{.name = "ramfb", .help = "from the boot on; with --display"},
	{.name = "claim", .help = "libvirt's hook makes it when the guest starts, and frees it"},
	{.name = "keep", .help = "... and does not free it; with --claim"},
	{.name = NULL},
};

static const struct option detach_options[] = {
	{.name = "live", .help = "only the running guest"},
	{.name = "config", .help = "only from its next start on"},
	{.name = "timeout", .argument = "SECONDS", .help = "how long the guest may take (30)"},
	{.name = NULL},
};

static const struct option vm_list_options[] = {
	{.name = "all", .help = "also guests with other devices of this host"},
	{.name = NULL},
};

const struct command guest_commands[] = {
	{.noun = "partition",
         .verb = "attach",
         .args = "P VM",
         .summary = "give it to a libvirt guest, now and for its next starts",
         .options = attach_options,
         .min_args = 2,
         .max_args = 2,
         .run = run_attach},
	{.noun = "partition",
         .verb = "detach",
         .args = "P [VM]",
         .summary = "take it back from a guest",
         .options = detach_options,
         .min_args = 1,
         .max_args = 2,
         .run = run_detach},
	{.noun = "partition",
         .verb = "xml",
         .args = "P",
         .summary = "its device elements for libvirt",
         .options = text_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_xml},
	{.noun = "partition",
         .verb = "qemu",
         .args = "P",
         .summary = "arguments for a QEMU that is started by hand",
         .options = text_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_qemu},
	{.noun = "partition",
         .verb = "bind",
         .args = "P vfio-pci|host",
         .summary = "bind its function for such a QEMU, or back",
         .min_args = 2,
         .max_args = 2,
         .run = run_bind},
	{.noun = "vm",
         .verb = "list",
         .args = "",
         .summary = "guests with partitions",
         .options = vm_list_options,
         .run = run_vm_list},
	{.noun = "vm",
         .verb = "show",
         .args = "VM",
         .summary = "one guest with its devices and claims",
         .min_args = 1,
         .max_args = 1,
         .run = run_vm_show},
	{.noun = "vm",
         .verb = "hook",
         .args = "VM OPERATION [SUB-OPERATION [EXTRA]]",
         .summary = "what libvirt's hook calls, with the guest's XML as input",
         .min_args = 2,
         .max_args = 4,
         .run = run_vm_hook},
	{.noun = NULL},
};
