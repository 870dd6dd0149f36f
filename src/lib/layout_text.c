/* SPDX-License-Identifier: MIT */
/* Layouts as text: what stands here, and what other tools' files say. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/yaml_read.h"
#include "lib/layout.h"

#define TEXT_MAX (64u << 20)

/* --- export --- */

static bool is_exported(const struct ofbc_partition *p, const struct ofbc_gpu *g)
{
	return p->is_ours && p->state != OFBC_PARTITION_LOST && p->technology && strcmp(p->gpu, g->id) == 0;
}

/* A unit is one line. */
static bool is_first_of_unit(const struct inventory *inv, size_t i, const struct view *v, unsigned *ret_n)
{
	*ret_n = 0;
	for (size_t k = 0; k < inv->partitions.n; k++) {
		const struct ofbc_partition *p = &inv->partitions.v[k];

		if (!is_exported(p, v->gpu) || p->technology != inv->partitions.v[i].technology)
			continue;
		if (k < i)
			return false;
		(*ret_n)++;
	}
	return true;
}

/* One partition as the file would say it; false: a further member of a unit. */
static bool export_part(struct inventory *inv, size_t i, struct layout_part *ret)
{
	const struct ofbc_partition *p = &inv->partitions.v[i];
	struct view *v = inventory_view(inv, p->gpu, p->technology);
	const struct ofbc_type *t;
	unsigned param;

	*ret = (struct layout_part){.count = 1,
	                            .placement = p->placement.size ? (int)p->placement.start : -1};
	if (!v || ((v->ops->caps & BACKEND_UNIT) && !is_first_of_unit(inv, i, v, &ret->count)))
		return false;
	t = view_type(v, p->type, &param);
	text_copy(ret->type, sizeof(ret->type), p->type);
	text_copy(ret->name, sizeof(ret->name), p->name);
	ret->memory_bytes = t && t->is_parametric ? p->memory_bytes : 0;
	return true;
}

static void part_yaml(const struct layout_part *part, struct strbuf *out)
{
	strbuf_addf(out, "      - {type: \"%s\"", part->type);
	if (part->count > 1)
		strbuf_addf(out, ", count: %u", part->count);
	if (part->name[0])
		strbuf_addf(out, ", name: \"%s\"", part->name);
	if (part->placement >= 0)
		strbuf_addf(out, ", placement: %d", part->placement);
	if (part->memory_bytes)
		strbuf_addf(out, ", memory: %llu", (unsigned long long)part->memory_bytes);
	if (part->uuid[0])
		strbuf_addf(out, ", uuid: %s", part->uuid);
	strbuf_add(out, "}\n");
}

static struct json *part_json(const struct layout_part *part)
{
	struct json *o = json_object();

	json_set_str(o, "type", part->type);
	if (part->count > 1)
		json_set_u64(o, "count", part->count);
	json_set_str(o, "name", part->name);
	if (part->placement >= 0)
		json_set_u64(o, "placement", (uint64_t)part->placement);
	if (part->memory_bytes)
		json_set_u64(o, "memory", part->memory_bytes);
	return o;
}

/* Both forms at once; `gpus` collects the JSON one. */
static bool export_gpu(struct inventory *inv, const struct ofbc_gpu *g, struct strbuf *out, struct json *gpus)
{
	struct json *parts = json_array(), *element, *match;
	bool any = false;

	for (size_t i = 0; i < inv->partitions.n; i++) {
		struct layout_part part;

		if (!is_exported(&inv->partitions.v[i], g) || !export_part(inv, i, &part))
			continue;
		if (!any)
			strbuf_addf(out, "\n  - match: {pci: \"%s\"}   # %s\n    partitions:\n", g->id,
			            g->model);
		any = true;
		part_yaml(&part, out);
		json_append(parts, part_json(&part));
	}
	if (!any) {
		json_free(parts);
		return false;
	}
	element = json_object();
	match = json_object();
	json_set_str(match, "pci", g->id);
	json_set(element, "match", match);
	json_set(element, "partitions", parts);
	json_append(gpus, element);
	return true;
}

/* --- the whole state, to come back to --- */

static void modes_yaml(const struct ofbc_gpu *g, struct strbuf *out)
{
	bool any = false;

	for (size_t i = 0; i < g->n_technologies; i++) {
		const struct ofbc_technology *t = &g->technologies[i];
		const struct backend_ops *ops = backend_find(t->name);

		/* a mode with variants says more than on and off; it belongs to the partitions that it makes
		 */
		if (t->state == OFBC_TECHNOLOGY_UNAVAILABLE || strcmp(t->name, "mig") != 0 || !ops ||
		    !ops->set_mode)
			continue;
		strbuf_addf(out, "%s%s: %s", any ? ", " : "    modes: {", t->name,
		            t->state == OFBC_TECHNOLOGY_READY ? "on" : "off");
		any = true;
	}
	strbuf_add(out, any ? "}\n" : "");
}

int layout_capture(struct inventory *inv, const struct strv *gpus, char **ret, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(TEXT_MAX);
	int r;

	strbuf_add(&out, gpus->n ? "version: 1\ngpus:\n" : "version: 1\ngpus: []\n");
	for (size_t g = 0; g < inv->gpus.n; g++) {
		const struct ofbc_gpu *gpu = &inv->gpus.v[g];
		bool any = false;

		if (!strv_contains(gpus, gpu->id))
			continue;
		strbuf_addf(&out, "  - match: {pci: \"%s\"}\n", gpu->id);
		modes_yaml(gpu, &out);
		strbuf_add(&out, "    partitions:");
		for (size_t i = 0; i < inv->partitions.n; i++) {
			struct layout_part part;

			if (!is_exported(&inv->partitions.v[i], gpu) || !export_part(inv, i, &part))
				continue;
			if (part.count == 1)
				memcpy(part.uuid, inv->partitions.v[i].uuid, sizeof(part.uuid));
			strbuf_add(&out, any ? "" : "\n");
			any = true;
			part_yaml(&part, &out);
		}
		strbuf_add(&out, any ? "" : " []\n");
	}
	r = strbuf_take(&out, ret);
	return r < 0 ? error_set_errno(err, -r, "the present state") : 0;
}

int ofbc_layout_export(struct ofbc_context *ctx, bool as_json, char **ret, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(TEXT_MAX);
	_cleanup_json_ struct json *doc = json_object();
	struct json *gpus = json_array();
	unsigned n = 0;
	int r = inventory_load(ctx, INVENTORY_TYPES | INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, &inv,
	                       err);

	json_set_str(doc, "schema", "openforbc.layout-export/1");
	json_set_bool(doc, "emulated", ctx->platform->emulated);
	json_set_u64(doc, "version", 1);
	strbuf_add(&out, "version: 1\ngpus:");
	for (size_t g = 0; r == 0 && g < inv.gpus.n; g++)
		n += export_gpu(&inv, &inv.gpus.v[g], &out, gpus);
	strbuf_add(&out, n ? "" : " []\n");
	json_set(doc, "gpus", gpus);
	if (r < 0)
		return r;
	r = as_json ? json_print(doc, ret) : strbuf_take(&out, ret);
	return r < 0 ? error_set_errno(err, -r, "cannot export") : 0;
}

/* --- import --- */

struct importer {
	struct yaml_reader in;
	struct strbuf out;
};

static bool is_text(const struct yaml *y, const char *text)
{
	return y && y->kind == YAML_TEXT && strcasecmp(y->text, text) == 0;
}

/* "0x20B010DE" (device, then vendor) to "10de:20b0". */
static int filter_text(const struct importer *im, const struct yaml *y, char buf[16])
{
	char *end;
	unsigned long n;

	if (y->kind != YAML_TEXT)
		return yaml_complain(&im->in, y, "a device filter must be a number like 0x20B010DE");
	n = strtoul(y->text, &end, 16);
	if (*end || n > 0xffffffffUL || end == y->text)
		return yaml_complain(&im->in, y, "'%s' is no device filter like 0x20B010DE", y->text);
	snprintf(buf, 16, "%04lx:%04lx", n & 0xffff, n >> 16);
	return 0;
}

/* {"1g.5gb": 2, "1g.5gb+me": 1} */
static int import_counts(struct importer *im, const struct yaml *counts, const char *technology)
{
	if (!counts || (counts->kind == YAML_MAP && counts->n == 0) ||
	    (counts->kind == YAML_TEXT &&
	     (!counts->text[0] || is_text(counts, "null") || is_text(counts, "~")))) {
		strbuf_add(&im->out, "        partitions: []\n");
		return 0;
	}
	if (counts->kind != YAML_MAP)
		return yaml_complain(&im->in, counts, "must be a mapping of profiles to counts");
	strbuf_add(&im->out, "        partitions:\n");
	for (size_t i = 0; i + 1 < counts->n; i += 2) {
		const struct yaml *type = &counts->v[i], *n = &counts->v[i + 1];
		uint32_t count;

		if (n->kind != YAML_TEXT || parse_u32(n->text, &count) < 0)
			return yaml_complain(&im->in, n, "a count must be a number");
		if (strcmp(technology, "mig") == 0 && strstr(type->text, "c."))
			return yaml_complain(
				&im->in, type,
				"'%s': several compute instances in one GPU instance are not made here",
				type->text);
		strbuf_addf(&im->out, "          - {type: \"%s:%s\", count: %u}\n", technology, type->text,
		            count);
	}
	return 0;
}

/* One `- devices: ...` element becomes one element for each filter and device. */
static int import_element(struct importer *im, const struct yaml *e, const char *counts_key,
                          const char *technology)
{
	const struct yaml *devices = yaml_doc_get(e, "devices"), *filter = yaml_doc_get(e, "device-filter");
	const struct yaml *enabled = yaml_doc_get(e, "mig-enabled"), *counts = yaml_doc_get(e, counts_key);
	size_t n_filters = !filter ? 1 : filter->kind == YAML_LIST ? filter->n : 1;
	bool is_list = devices && devices->kind == YAML_LIST;
	int r = 0;

	if (!devices || (!is_list && !is_text(devices, "all")))
		return yaml_complain(&im->in, devices ? devices : e,
		                     "'devices' must be all or a list of indices");
	for (size_t f = 0; r == 0 && f < n_filters; f++) {
		char device[16] = "";

		if (filter)
			r = filter_text(im, filter->kind == YAML_LIST ? &filter->v[f] : filter, device);
		for (size_t d = 0; r == 0 && d < (is_list ? devices->n : 1); d++) {
			uint32_t index = 0;

			if (is_list &&
			    (devices->v[d].kind != YAML_TEXT || parse_u32(devices->v[d].text, &index) < 0))
				return yaml_complain(&im->in, &devices->v[d], "an index must be a number");
			strbuf_add(&im->out, "      - match: {");
			if (is_list)
				strbuf_addf(&im->out, "index: %u%s", index, device[0] ? ", " : "");
			if (device[0])
				strbuf_addf(&im->out, "device: \"%s\"", device);
			if (!is_list && !device[0])
				strbuf_add(&im->out,
				           strcmp(technology, "mig") == 0 || strcmp(technology, "vgpu") == 0
				                   ? "vendor: nvidia"
				                   : "all: true");
			strbuf_add(&im->out, "}\n");
			if (enabled)
				strbuf_addf(&im->out, "        modes: {mig: %s}\n",
				            is_text(enabled, "true") ? "on" : "off");
			r = import_counts(im, counts, technology);
		}
	}
	return r;
}

/* mig-parted and the vGPU device manager share their form. */
static int import_configs(struct importer *im, const struct yaml *doc, const char *configs_key,
                          const char *counts_key, const char *technology)
{
	const struct yaml *configs = yaml_doc_get(doc, configs_key);
	int r = 0;

	if (!is_text(yaml_doc_get(doc, "version"), "v1"))
		return yaml_complain(&im->in, doc, "'version: v1' is missing");
	if (!configs || configs->kind != YAML_MAP)
		return yaml_complain(&im->in, doc, "'%s' is missing", configs_key);
	strbuf_add(&im->out, "version: 1\nlayouts:\n");
	for (size_t i = 0; r == 0 && i + 1 < configs->n; i += 2) {
		const struct yaml *list = &configs->v[i + 1];

		if (list->kind != YAML_LIST)
			return yaml_complain(&im->in, list, "'%s' must be a list", configs->v[i].text);
		strbuf_addf(&im->out, "  \"%s\":\n    gpus:%s\n", configs->v[i].text, list->n ? "" : " []");
		for (size_t k = 0; r == 0 && k < list->n; k++)
			r = import_element(im, &list->v[k], counts_key, technology);
	}
	return r;
}

/* The dump of mdevctl: [{"PARENT": [{"UUID": {"mdev_type": ...}}]}]. */
static int import_mdevctl(struct importer *im, const struct yaml *doc)
{
	if (doc->kind != YAML_LIST)
		return yaml_complain(&im->in, doc, "must be the list of `mdevctl list --dumpjson`");
	strbuf_add(&im->out, doc->n ? "version: 1\ngpus:\n" : "version: 1\ngpus: []\n");
	for (size_t i = 0; i < doc->n; i++) {
		const struct yaml *host = &doc->v[i];

		for (size_t k = 0; host->kind == YAML_MAP && k + 1 < host->n; k += 2) {
			const struct yaml *devices = &host->v[k + 1];

			strbuf_addf(&im->out, "  - match: {pci: \"%s\"}\n    partitions:%s\n",
			            host->v[k].text, devices->n ? "" : " []");
			for (size_t d = 0; devices->kind == YAML_LIST && d < devices->n; d++) {
				const struct yaml *one = &devices->v[d];
				const struct yaml *type =
					one->n == 2 ? yaml_doc_get(&one->v[1], "mdev_type") : NULL;

				if (!type || type->kind != YAML_TEXT)
					return yaml_complain(&im->in, one, "a device without mdev_type");
				strbuf_addf(&im->out, "      - {type: \"mdev:%s\", uuid: \"%s\"}\n",
				            type->text, one->v[0].text);
			}
		}
	}
	return 0;
}

int ofbc_layout_import(const char *from, const char *text, size_t len, const char *name, char **ret,
                       struct ofbc_error *err)
{
	_cleanup_yaml_ struct yaml *doc = NULL;
	struct importer im = {.in = {name, err}, .out = STRBUF_INIT(TEXT_MAX)};
	int r = yaml_doc_parse(text, len, name, &doc, err);

	if (r == 0 && strcmp(from, "mig-parted") == 0)
		r = import_configs(&im, doc, "mig-configs", "mig-devices", "mig");
	else if (r == 0 && strcmp(from, "vgpu-device-manager") == 0)
		r = import_configs(&im, doc, "vgpu-configs", "vgpu-devices", "vgpu");
	else if (r == 0 && strcmp(from, "mdevctl") == 0)
		r = import_mdevctl(&im, doc);
	else if (r == 0)
		r = error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no source of an import", from);
	if (r == 0)
		r = strbuf_take(&im.out, ret);
	strbuf_done(&im.out);
	return r;
}
