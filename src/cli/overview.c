/* SPDX-License-Identifier: MIT */
/* openforbc without a command: GPUs with their slots as bars, partitions, holders, stranded capacity. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_gpu_list *, ofbc_gpu_list_free);
DEFINE_CLEANUP(struct ofbc_type_list *, ofbc_type_list_free);
DEFINE_CLEANUP(struct ofbc_partition_list *, ofbc_partition_list_free);

#define BAR_MAX 128

/* Slots of one technology's grid: '.' free, 'x' stranded (free, but no type that still fits uses it), letters
 * for partitions. Returns the number of slots. */
static unsigned draw_slots(const struct ofbc_gpu *gpu, const char *technology,
                           const struct ofbc_partition_list *parts, const struct ofbc_type_list *types,
                           char bar[BAR_MAX + 1], unsigned *ret_stranded)
{
	unsigned n = 0, letter = 0;

	*ret_stranded = 0;
	for (size_t i = 0; i < types->n; i++) {
		const struct ofbc_type *t = &types->v[i];

		for (size_t k = 0; k < t->n_placements && strcmp(t->gpu, gpu->id) == 0 &&
		                   strcmp(t->technology, technology) == 0;
		     k++) {
			unsigned end = t->placements[k].start + t->placements[k].size;

			n = end > n && end <= BAR_MAX ? end : n;
		}
	}
	memset(bar, 'x', n);
	bar[n] = '\0';
	for (size_t i = 0; i < parts->n; i++) {
		const struct ofbc_partition *p = &parts->v[i];

		if (strcmp(p->gpu, gpu->id) != 0 || !p->technology ||
		    strcmp(p->technology, technology) != 0 || p->state == OFBC_PARTITION_LOST)
			continue;
		for (unsigned s = p->placement.start; s < p->placement.start + p->placement.size && s < n;
		     s++)
			bar[s] = (char)('A' + letter % 26);
		letter++;
	}
	for (size_t i = 0; i < types->n; i++) {
		const struct ofbc_type *t = &types->v[i];

		for (size_t k = 0; k < t->n_placements && t->free && strcmp(t->gpu, gpu->id) == 0 &&
		                   strcmp(t->technology, technology) == 0;
		     k++) {
			unsigned s = t->placements[k].start, end = s + t->placements[k].size, q = s;

			while (q < end && q < n && (bar[q] == 'x' || bar[q] == '.'))
				q++;
			if (q == end)
				memset(bar + s, '.', end - s);
		}
	}
	for (unsigned s = 0; s < n; s++)
		*ret_stranded += bar[s] == 'x';
	return n;
}

void slot_bar(const struct ofbc_gpu *gpu, const struct ofbc_partition_list *parts,
              const struct ofbc_type_list *types, struct strbuf *out)
{
	char bar[BAR_MAX + 1];

	for (size_t i = 0; i < gpu->n_technologies; i++) {
		const char *technology = gpu->technologies[i].name;
		unsigned stranded, n;

		if (gpu->technologies[i].state != OFBC_TECHNOLOGY_READY)
			continue;
		n = draw_slots(gpu, technology, parts, types, bar, &stranded);
		if (n == 0)
			continue;
		strbuf_addf(out, "  %-12s [%s]", technology, bar);
		if (stranded)
			strbuf_addf(out, "  %u of %u slots stranded: no type fits there", stranded, n);
		strbuf_add(out, "\n");
	}
}

static void add_partition(const struct ofbc_partition *p, unsigned *letter, struct strbuf *out)
{
	char holders[160] = "";
	char mark = ' ';

	if (p->placement.size && p->state != OFBC_PARTITION_LOST)
		mark = (char)('A' + (*letter)++ % 26);
	for (size_t i = 0; i < p->holders.n; i++)
		snprintf(holders + strlen(holders), sizeof(holders) - strlen(holders), " %s(%d)",
		         p->holders.v[i].name, p->holders.v[i].pid);
	strbuf_addf(out, "  %c %-22s %-16s %s%s%s%s%s\n", mark, p->type, p->name[0] ? p->name : "-", p->uuid,
	            p->state == OFBC_PARTITION_LOST         ? " LOST"
	            : p->state == OFBC_PARTITION_RESERVED   ? " (reserved)"
	            : p->state == OFBC_PARTITION_UNKNOWN    ? " (use unknown)"
	            : p->state == OFBC_PARTITION_INCOMPLETE ? " INCOMPLETE"
	                                                    : "",
	            p->is_ours ? "" : " foreign", holders[0] ? " in use by" : "", holders);
}

static void technologies_text(const struct ofbc_gpu *gpu, char *buf, size_t n)
{
	buf[0] = '\0';
	for (const struct field *f = gpu_fields; f->key; f++) {
		if (strcmp(f->key, "technologies") == 0)
			render_value_text(f, gpu, buf, n);
	}
}

static int overview_json(const struct cli *c, const struct ofbc_gpu_list *gpus,
                         const struct ofbc_partition_list *parts)
{
	struct json *doc = cli_object(c, "overview"), *list = json_array();

	for (size_t i = 0; i < gpus->n; i++)
		json_append(list, render_item_json(gpu_fields, &gpus->v[i]));
	json_set(doc, "gpus", list);
	list = json_array();
	for (size_t i = 0; i < parts->n; i++) {
		struct json *item = render_item_json(partition_fields, &parts->v[i]);

		json_set_bool(item, "emulated", c->render.emulated != NULL);
		json_append(list, item);
	}
	json_set(doc, "partitions", list);
	return cli_print_json(c, doc);
}

static void overview_text(const struct cli *c, const struct ofbc_gpu_list *gpus,
                          const struct ofbc_type_list *types, const struct ofbc_partition_list *parts,
                          struct strbuf *out)
{
	if (c->render.emulated)
		strbuf_addf(out, "# emulated host %s: nothing here is real hardware\n", c->render.emulated);
	if (gpus->n == 0)
		strbuf_add(out, "no GPUs; `openforbc host doctor` says what is missing\n");
	for (size_t g = 0; g < gpus->n; g++) {
		char line[256];
		unsigned letter = 0;

		technologies_text(&gpus->v[g], line, sizeof(line));
		strbuf_addf(out, "%s  %s  %s  %s\n", gpus->v[g].alias, gpus->v[g].id, gpus->v[g].model, line);
		slot_bar(&gpus->v[g], parts, types, out);
		for (size_t i = 0; i < parts->n; i++) {
			if (strcmp(parts->v[i].gpu, gpus->v[g].id) == 0)
				add_partition(&parts->v[i], &letter, out);
		}
	}
	for (size_t i = 0; i < parts->n; i++) {
		unsigned letter = 0;
		bool shown = false;

		for (size_t g = 0; g < gpus->n; g++)
			shown |= strcmp(parts->v[i].gpu, gpus->v[g].id) == 0;
		if (!shown)
			add_partition(&parts->v[i], &letter, out);
	}
}

int overview(struct cli *c)
{
	_cleanup_(ofbc_gpu_list_free_p) struct ofbc_gpu_list *gpus = NULL;
	_cleanup_(ofbc_type_list_free_p) struct ofbc_type_list *types = NULL;
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *parts = NULL;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(16u << 20);
	struct ofbc_error err = {0};

	if (ofbc_gpu_list(c->ctx, &gpus, &err) < 0 || ofbc_type_list(c->ctx, NULL, NULL, &types, &err) < 0 ||
	    ofbc_partition_list(c->ctx, NULL, &parts, &err) < 0)
		return cli_fail(c, &err);
	if (c->render.format == RENDER_JSON)
		return overview_json(c, gpus, parts);
	if (c->render.format != RENDER_TABLE)
		return cli_partitions(c, parts, "overview");
	overview_text(c, gpus, types, parts, &out);
	return cli_print(c, &out);
}
