/* SPDX-License-Identifier: MIT */
/* The layout file: YAML (and JSON) to structs. Every complaint names file, line and column, and what is
 * valid. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/yaml_read.h"
#include "lib/layout.h"

#define MAX_COUNT 4096

DEFINE_CLEANUP(struct ofbc_layout *, ofbc_layout_free);

static int read_match(const struct yaml_reader *r, const struct yaml *map, struct layout_entry *e)
{
	static const char *const known[] = {"model", "vendor", "device", "pci", "uuid",
	                                    "alias", "index",  "all",    NULL};
	const struct yaml *all = yaml_doc_get(map, "all");
	unsigned index;
	int q = yaml_check_keys(r, map, "match", known);

	e->index = -1;
	if (q == 0)
		q = yaml_get_text(r, map, "model", e->model, sizeof(e->model));
	if (q >= 0)
		q = yaml_get_text(r, map, "vendor", e->vendor, sizeof(e->vendor));
	if (q >= 0)
		q = yaml_get_text(r, map, "device", e->device, sizeof(e->device));
	if (q >= 0)
		q = yaml_get_text(r, map, "pci", e->pci, sizeof(e->pci));
	if (q >= 0)
		q = yaml_get_text(r, map, "uuid", e->uuid, sizeof(e->uuid));
	if (q >= 0)
		q = yaml_get_text(r, map, "alias", e->alias, sizeof(e->alias));
	if (q >= 0)
		q = yaml_get_number(r, map, "index", 0, 4095, &index);
	if (q < 0)
		return q;
	if (q > 0)
		e->index = (int)index;
	if (all && (all->kind != YAML_TEXT || !yaml_is_true(all->text)))
		return yaml_complain(r, all, "'all' can only be true; leave it out otherwise");
	e->all = all != NULL;
	if (map->n == 0) {
		yaml_complain(r, map, "match says nothing");
		error_hint(r->err, "for every GPU: match: {all: true}");
		return -EINVAL;
	}
	return 0;
}

static int read_modes(const struct yaml_reader *r, const struct yaml *map, struct layout_entry *e)
{
	if (map->kind != YAML_MAP)
		return yaml_complain(r, map, "modes must be a mapping, like {mig: on}");
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		const struct yaml *key = &map->v[i], *value = &map->v[i + 1];
		struct layout_mode *m;

		if (!backend_find(key->text) || !backend_find(key->text)->set_mode) {
			yaml_complain(r, key, "'%s' is no technology with a mode", key->text);
			error_hint(r->err, "mig, vgpu and mode have one");
			return -EINVAL;
		}
		if (value->kind != YAML_TEXT || !value->text[0] || strlen(value->text) >= sizeof(m->variant))
			return yaml_complain(r, value, "a mode is on, off, or a variant like mixed or NPS4");
		if (e->n_modes == ARRAY_SIZE(e->modes))
			return yaml_complain(r, key, "too many modes");
		m = &e->modes[e->n_modes++];
		text_copy(m->technology, sizeof(m->technology), key->text);
		text_copy(m->variant, sizeof(m->variant),
		          yaml_is_true(value->text) ? "on"
		          : strcasecmp(value->text, "false") == 0 || strcasecmp(value->text, "no") == 0
		                  ? "off"
		                  : value->text);
	}
	return 0;
}

static int read_part(const struct yaml_reader *r, const struct yaml *map, struct layout_entry *e)
{
	static const char *const known[] = {"type", "count", "name", "uuid", "placement", "memory", NULL};
	struct layout_part *part = list_add(&e->parts);
	char memory[32] = "", uuid[64] = "";
	unsigned placement = 0;
	int q;

	if (!part)
		return -ENOMEM;
	*part = (struct layout_part){.count = 1, .placement = -1, .line = map->line, .column = map->column};
	q = yaml_check_keys(r, map, "a partition", known);
	if (q == 0)
		q = yaml_get_text(r, map, "type", part->type, sizeof(part->type));
	if (q == 0) {
		yaml_complain(r, map, "a partition needs a type");
		error_hint(r->err, "`openforbc type list` prints them");
		return -EINVAL;
	}
	if (q > 0)
		q = yaml_get_number(r, map, "count", 0, MAX_COUNT, &part->count);
	if (q >= 0)
		q = yaml_get_text(r, map, "name", part->name, sizeof(part->name));
	if (q >= 0)
		q = yaml_get_text(r, map, "uuid", uuid, sizeof(uuid));
	if (q > 0 && parse_uuid(uuid, part->uuid) < 0)
		return yaml_complain(r, yaml_doc_get(map, "uuid"), "'%s' is no UUID", uuid);
	if (q > 0 && part->count > 1)
		return yaml_complain(r, map, "a UUID is for one partition, not for %u", part->count);
	if (q >= 0)
		q = yaml_get_text(r, map, "memory", memory, sizeof(memory));
	if (q > 0 && parse_size(memory, &part->memory_bytes) < 0)
		return yaml_complain(r, yaml_doc_get(map, "memory"), "'%s' is no size, like 10G or 512M",
		                     memory);
	if (q >= 0)
		q = yaml_get_number(r, map, "placement", 0, 127, &placement);
	if (q > 0)
		part->placement = (int)placement;
	if (q > 0 && part->count > 1)
		return yaml_complain(r, map, "a placement is for one partition, not for %u", part->count);
	return q < 0 ? q : 0;
}

static int read_entry(const struct yaml_reader *r, const struct yaml *map, struct ofbc_layout *l)
{
	static const char *const known[] = {"match", "modes", "partitions", "per", NULL};
	struct layout_entry *e = list_add(&l->entries);
	const struct yaml *match = yaml_doc_get(map, "match"), *parts = yaml_doc_get(map, "partitions");
	const struct yaml *modes = yaml_doc_get(map, "modes"), *per = yaml_doc_get(map, "per");
	int q = e ? yaml_check_keys(r, map, "an element of gpus", known) : -ENOMEM;

	if (q < 0)
		return q;
	e->line = map->line;
	e->column = map->column;
	if (!match)
		return yaml_complain(r, map, "'match' is missing: which GPUs?");
	q = read_match(r, match, e);
	if (q == 0 && modes)
		q = read_modes(r, modes, e);
	if (q < 0)
		return q;
	if (per &&
	    (per->kind != YAML_TEXT || (strcmp(per->text, "gpu") != 0 && strcmp(per->text, "layout") != 0)))
		return yaml_complain(
			r, per, "'per' is gpu (each gets all of it) or layout (dealt out over the GPUs)");
	e->is_shared = per && strcmp(per->text, "layout") == 0;
	if (!parts)
		return yaml_complain(r, map, "'partitions' is missing; [] means none");
	if (parts->kind != YAML_LIST)
		return yaml_complain(r, parts, "'partitions' must be a list");
	for (size_t i = 0; q == 0 && i < parts->n; i++)
		q = read_part(r, &parts->v[i], e);
	return q;
}

static int read_hooks(const struct yaml_reader *r, const struct yaml *map, struct layout_hooks *ret)
{
	static const char *const known[] = {"pre-apply", "post-apply", "drain", "undrain", "timeout", NULL};
	int q;

	ret->timeout_s = 60;
	if (!map)
		return 0;
	q = yaml_check_keys(r, map, "hooks", known);
	if (q == 0)
		q = yaml_get_text(r, map, "pre-apply", ret->pre_apply, sizeof(ret->pre_apply));
	if (q >= 0)
		q = yaml_get_text(r, map, "post-apply", ret->post_apply, sizeof(ret->post_apply));
	if (q >= 0)
		q = yaml_get_text(r, map, "drain", ret->drain, sizeof(ret->drain));
	if (q >= 0)
		q = yaml_get_text(r, map, "undrain", ret->undrain, sizeof(ret->undrain));
	if (q >= 0)
		q = yaml_get_number(r, map, "timeout", 1, 3600, &ret->timeout_s);
	return q < 0 ? q : 0;
}

static int read_gpus(const struct yaml_reader *r, const struct yaml *gpus, struct ofbc_layout *l)
{
	int q = 0;

	if (gpus->kind != YAML_LIST)
		return yaml_complain(r, gpus, "'gpus' must be a list of {match: ..., partitions: [...]}");
	for (size_t i = 0; q == 0 && i < gpus->n; i++)
		q = read_entry(r, &gpus->v[i], l);
	return q;
}

static int add_instances(const struct yaml_reader *r, const struct yaml *node, struct ofbc_layout *l)
{
	uint32_t n;

	if (node->kind != YAML_TEXT || parse_u32(node->text, &n) < 0 || n < 1 || n > MAX_COUNT)
		return yaml_complain(r, node, "'instances' is a number from 1 to %u, or a list of them",
		                     MAX_COUNT);
	if (l->n_instances == ARRAY_SIZE(l->instances))
		return yaml_complain(r, node, "at most %zu numbers of instances are measured",
		                     ARRAY_SIZE(l->instances));
	for (size_t i = 0; i < l->n_instances; i++) {
		if (l->instances[i] == n)
			return yaml_complain(r, node, "%u instances stand here twice", n);
	}
	l->instances[l->n_instances++] = n;
	return 0;
}

static int read_instances(const struct yaml_reader *r, const struct yaml *node, struct ofbc_layout *l)
{
	int q = 0;

	if (!node)
		return 0;
	if (node->kind != YAML_LIST)
		return add_instances(r, node, l);
	for (size_t i = 0; q == 0 && i < node->n; i++)
		q = add_instances(r, &node->v[i], l);
	return q;
}

/* The one layout of the file, or the one that was asked for. */
static int choose(const struct yaml_reader *r, const struct yaml *doc, const char *which,
                  const struct yaml **ret)
{
	static const char *const known[] = {"version", "description", "gpus", "hooks", "instances", NULL};
	const struct yaml *layouts = yaml_doc_get(doc, "layouts");
	char list[256] = "";
	size_t len = 0;

	*ret = doc;
	if (!layouts && which) {
		yaml_complain(r, doc, "there is only one layout here, and it has no name");
		error_hint(r->err, "leave out -c %s", which);
		return -EINVAL;
	}
	if (!layouts)
		return 0;
	if (layouts->kind != YAML_MAP || layouts->n == 0)
		return yaml_complain(r, layouts, "'layouts' must be a mapping of names to layouts");
	for (size_t i = 0; i + 1 < layouts->n; i += 2)
		len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0, "%s%s",
		                        i ? ", " : "", layouts->v[i].text);
	*ret = which ? yaml_doc_get(layouts, which) : layouts->n == 2 ? &layouts->v[1] : NULL;
	if (!*ret) {
		error_set(r->err, ENOENT, OFBC_REASON_NOT_FOUND,
		          which ? "%s has no layout '%s'" : "%s has several layouts", r->file, which);
		error_hint(r->err, "choose with -c: %s", list);
		return -ENOENT;
	}
	return yaml_check_keys(r, *ret, "a layout", known);
}

int ofbc_layout_read(const char *text, size_t len, const char *name, const char *which,
                     struct ofbc_layout **ret, struct ofbc_error *err)
{
	static const char *const known[] = {"version", "description", "gpus",      "layouts", "hooks",
	                                    "schema",  "emulated",    "instances", NULL};
	_cleanup_yaml_ struct yaml *doc = NULL;
	_cleanup_(ofbc_layout_free_p) struct ofbc_layout *l = calloc(1, sizeof(*l));
	struct yaml_reader r = {.file = name, .err = err};
	const struct yaml *one, *gpus;
	unsigned version = 0;
	int q;

	if (!l)
		return -ENOMEM;
	text_copy(l->file, sizeof(l->file), name);
	q = yaml_doc_parse(text, len, name, &doc, err);
	if (q == 0)
		q = yaml_check_keys(&r, doc, "the file", known);
	if (q == 0)
		q = yaml_get_number(&r, doc, "version", 1, 1, &version);
	if (q == 0) {
		yaml_complain(&r, doc, "'version' is missing");
		error_hint(err, "this program reads version: 1");
		return -EINVAL;
	}
	if (q > 0)
		q = choose(&r, doc, which, &one);
	if (q < 0)
		return q;
	gpus = yaml_doc_get(one, "gpus");
	if (!gpus)
		return yaml_complain(&r, one, "'gpus' is missing");
	q = read_hooks(&r,
	               yaml_doc_get(one, "hooks") ? yaml_doc_get(one, "hooks") : yaml_doc_get(doc, "hooks"),
	               &l->hooks);
	if (q == 0)
		q = read_instances(&r, yaml_doc_get(one, "instances"), l);
	if (q == 0)
		q = read_gpus(&r, gpus, l);
	if (q < 0)
		return q;
	*ret = steal_ptr(l);
	return 0;
}

void ofbc_layout_free(struct ofbc_layout *layout)
{
	for (size_t i = 0; layout && i < layout->entries.n; i++)
		free(layout->entries.v[i].parts.v);
	if (layout)
		free(layout->entries.v);
	free(layout);
}
