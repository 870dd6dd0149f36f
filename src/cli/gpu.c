/* SPDX-License-Identifier: MIT */
/* openforbc gpu ... */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_gpu_list *, ofbc_gpu_list_free);
DEFINE_CLEANUP(struct ofbc_type_list *, ofbc_type_list_free);
DEFINE_CLEANUP(struct ofbc_partition_list *, ofbc_partition_list_free);

static int print_gpus(const struct cli *c, const struct ofbc_gpu *v, size_t n, const char *schema)
{
	return cli_list(
		c, &(struct render_list){.schema = schema,
	                                 .key = "gpus",
	                                 .fields = gpu_fields,
	                                 .items = v,
	                                 .n = n,
	                                 .item_size = sizeof(*v),
	                                 .empty = "no GPUs; `openforbc host doctor` says what is missing"});
}

static int run_list(struct cli *c)
{
	_cleanup_(ofbc_gpu_list_free_p) struct ofbc_gpu_list *l = NULL;
	struct ofbc_error err = {0};

	if (ofbc_gpu_list(c->ctx, &l, &err) < 0)
		return cli_fail(c, &err);
	return print_gpus(c, l->v, l->n, "gpu-list");
}

static void show_text(const struct ofbc_gpu *g, const struct ofbc_partition_list *parts,
                      const struct ofbc_type_list *types, struct strbuf *out)
{
	static const char *const states[] = {"unavailable", "off", "ready"};

	render_item_text(gpu_fields, g, out);
	strbuf_add(out, "\n");
	for (size_t i = 0; i < g->n_technologies; i++)
		strbuf_addf(out, "%-12s %-12s %s\n", g->technologies[i].name,
		            states[g->technologies[i].state], g->technologies[i].reason);
	strbuf_add(out, "\n");
	slot_bar(g, parts, types, out);
}

static int run_show(struct cli *c)
{
	_cleanup_(ofbc_gpu_list_free_p) struct ofbc_gpu_list *l = NULL;
	_cleanup_(ofbc_type_list_free_p) struct ofbc_type_list *types = NULL;
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *parts = NULL;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(1u << 20);
	const struct ofbc_gpu *g;
	struct ofbc_error err = {0};

	if (ofbc_gpu_list(c->ctx, &l, &err) < 0 || ofbc_gpu_find(l, c->args[0], &g, &err) < 0)
		return cli_fail(c, &err);
	if (c->render.format != RENDER_TABLE)
		return print_gpus(c, g, 1, "gpu-show");
	if (ofbc_type_list(c->ctx, g->id, NULL, &types, &err) < 0 ||
	    ofbc_partition_list(c->ctx, g->id, &parts, &err) < 0)
		return cli_fail(c, &err);
	if (c->render.emulated)
		strbuf_addf(&out, "# emulated host %s: nothing here is real hardware\n", c->render.emulated);
	show_text(g, parts, types, &out);
	return cli_print(c, &out);
}

/* What a change of a GPU's state is called: for programs, done, and when there was nothing to do. */
struct change {
	const char *schema, *done, *was;
};

static int say(const struct cli *c, int r, const struct ofbc_error *err, const struct change *change)
{
	struct json *doc;

	if (r < 0)
		return cli_fail(c, err);
	if (c->is_json) {
		doc = cli_object(c, change->schema);
		json_set_str(doc, "gpu", c->args[0]);
		if (c->n_args > 1)
			json_set_str(doc, "technology", c->args[1]);
		json_set_bool(doc, "changed", r == 0);
		return cli_print_json(c, doc);
	}
	if (c->render.format == RENDER_TABLE)
		printf("%s%s%s %s%s\n", c->args[0], c->n_args > 1 ? ": " : "",
		       c->n_args > 1 ? c->args[1] : "", r == 1 ? change->was : change->done,
		       c->render.emulated ? " (emulated)" : "");
	return 0;
}

static unsigned mode_flags(const struct cli *c)
{
	return cli_option(c, "reset") ? OFBC_MODE_RESET : 0;
}

static int run_enable(struct cli *c)
{
	static const struct change change = {"gpu-enable", "is on now", "was on already"};
	struct ofbc_error err = {0};
	int r = ofbc_gpu_enable(c->ctx, c->args[0], c->args[1], mode_flags(c), &err);

	return say(c, r, &err, &change);
}

static int run_disable(struct cli *c)
{
	static const struct change change = {"gpu-disable", "is off now", "was off already"};
	struct ofbc_error err = {0};
	int r = ofbc_gpu_disable(c->ctx, c->args[0], c->args[1], mode_flags(c), &err);

	return say(c, r, &err, &change);
}

static int run_cordon(struct cli *c)
{
	static const struct change change = {"gpu-cordon", "takes no new partitions now",
	                                     "took no new partitions already"};
	struct ofbc_error err = {0};
	int r = ofbc_gpu_cordon(c->ctx, c->args[0], true, &err);

	return say(c, r, &err, &change);
}

static int run_uncordon(struct cli *c)
{
	static const struct change change = {"gpu-uncordon", "takes new partitions now",
	                                     "took new partitions already"};
	struct ofbc_error err = {0};
	int r = ofbc_gpu_cordon(c->ctx, c->args[0], false, &err);

	return say(c, r, &err, &change);
}

static const struct option mode_options[] = {
	{.name = "reset", .help = "accept a reset of this GPU, or a reload of its driver"},
	{.name = "yes", .letter = 'y'},
	{.name = NULL},
};

const struct command gpu_commands[] = {
	{.noun = "gpu",
         .verb = "list",
         .args = "",
         .summary = "GPUs, and which technologies are ready",
         .run = run_list},
	{.noun = "gpu",
         .verb = "show",
         .args = "GPU",
         .summary = "one GPU: technologies with reasons, slots, stranded capacity",
         .min_args = 1,
         .max_args = 1,
         .run = run_show},
	{.noun = "gpu",
         .verb = "enable",
         .args = "GPU TECHNOLOGY[=VARIANT]",
         .summary = "switch a mode on: mig, vgpu, vgpu=mixed, mode=NPS4",
         .options = mode_options,
         .min_args = 2,
         .max_args = 2,
         .run = run_enable},
	{.noun = "gpu",
         .verb = "disable",
         .args = "GPU TECHNOLOGY",
         .summary = "switch a mode off",
         .options = mode_options,
         .min_args = 2,
         .max_args = 2,
         .run = run_disable},
	{.noun = "gpu",
         .verb = "cordon",
         .args = "GPU",
         .summary = "no new partitions there",
         .min_args = 1,
         .max_args = 1,
         .run = run_cordon},
	{.noun = "gpu",
         .verb = "uncordon",
         .args = "GPU",
         .summary = "new partitions again",
         .min_args = 1,
         .max_args = 1,
         .run = run_uncordon},
	{.noun = NULL},
};
