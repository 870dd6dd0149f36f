/* SPDX-License-Identifier: MIT */
/* openforbc type ... */
#include "base/cleanup.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_type_list *, ofbc_type_list_free);

static int run_list(struct cli *c)
{
	_cleanup_(ofbc_type_list_free_p) struct ofbc_type_list *l = NULL;
	struct ofbc_error err = {0};
	size_t n = 0;

	if (ofbc_type_list(c->ctx, c->n_args ? c->args[0] : NULL, cli_option(c, "technology"), &l, &err) < 0)
		return cli_fail(c, &err);
	for (size_t i = 0; i < l->n; i++) {
		if (!cli_option(c, "creatable") || l->v[i].free > 0)
			l->v[n++] = l->v[i];
	}
	return cli_list(c, &(struct render_list){.schema = "type-list",
	                                         .key = "types",
	                                         .fields = type_fields,
	                                         .items = l->v,
	                                         .n = n,
	                                         .item_size = sizeof(*l->v),
	                                         .empty = "no types; `openforbc gpu list` says why"});
}

static const struct option list_options[] = {
	{.name = "technology", .argument = "T", .help = "only this technology"},
	{.name = "creatable", .help = "only what fits now"},
	{.name = NULL},
};

const struct command type_commands[] = {
	{.noun = "type",
         .verb = "list",
         .args = "[GPU]",
         .summary = "what GPUs can be cut into, how many fit, and why not",
         .options = list_options,
         .max_args = 1,
         .run = run_list},
	{.noun = NULL},
};
