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
#include "base/yaml.h"
#include "lib/layout.h"

#define MAX_COUNT 4096

struct reader {
	const char *file;
	struct ofbc_error *err;
};

DEFINE_CLEANUP(struct ofbc_layout *, ofbc_layout_free);

__attribute__((format(printf, 3, 4))) static int complain(const struct reader *r, const struct yaml *at,
                                                          const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return error_set(r->err, EINVAL, OFBC_REASON_USAGE, "%s:%u:%u: %s", r->file, at->line, at->column,
	                 what);
}

/* Keys that are known; NULL-terminated. A near miss is named. */
static int check_keys(const struct reader *r, const struct yaml *map, const char *what,
                      const char *const *known)
{
	if (map->kind != YAML_MAP) {
		complain(r, map, "%s must be a mapping (key: value)", what);
		return -EINVAL;
	}
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		const char *key = map->v[i].text, *near = NULL;
		char list[256] = "";
		size_t len = 0;

		for (size_t k = 0; known[k]; k++) {
			if (strcmp(known[k], key) == 0)
				goto next;
			near = edit_distance(known[k], key) <= 2 ? known[k] : near;
			len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0,
			                        "%s%s", k ? ", " : "", known[k]);
		}
		complain(r, &map->v[i], "unknown key '%s' in %s", key, what);
		if (near)
			error_hint(r->err, "did you mean '%s'? valid are %s", near, list);
		else
			error_hint(r->err, "valid are %s", list);
		return -EINVAL;
	next:;
	}
	return 0;
}

static int get_text(const struct reader *r, const struct yaml *map, const char *key, char *buf, size_t size)
{
	const struct yaml *node = yaml_doc_get(map, key);

	if (!node)
		return 0;
	if (node->kind != YAML_TEXT || !node->text[0])
		return complain(r, node, "'%s' must be a text", key);
	if (strlen(node->text) >= size)
		return complain(r, node, "'%s' is too long, at most %zu bytes", key, size - 1);
	text_copy(buf, size, node->text);
	return 1;
}

static int get_number(const struct reader *r, const struct yaml *map, const char *key, unsigned min,
                      unsigned max, unsigned *ret)
{
	const struct yaml *node = yaml_doc_get(map, key);
	uint32_t n;

	if (!node)
		return 0;
	if (node->kind != YAML_TEXT || parse_u32(node->text, &n) < 0 || n < min || n > max)
		return complain(r, node, "'%s: %s' - a number from %u to %u is valid", key,
		                node->kind == YAML_TEXT ? node->text : "...", min, max);
	*ret = n;
	return 1;
}

static bool is_true(const char *s)
{
	return strcasecmp(s, "true") == 0 || strcasecmp(s, "yes") == 0 || strcasecmp(s, "on") == 0;
}

static int read_match(const struct reader *r, const struct yaml *map, struct layout_entry *e)
{
	static const char *const known[] = {"model", "vendor", "device", "pci", "uuid",
	                                    "alias", "index",  "all",    NULL};
	const struct yaml *all = yaml_doc_get(map, "all");
	unsigned index;
	int q = check_keys(r, map, "match", known);

	e->index = -1;
	if (q == 0)
		q = get_text(r, map, "model", e->model, sizeof(e->model));
	if (q >= 0)
		q = get_text(r, map, "vendor", e->vendor, sizeof(e->vendor));
	if (q >= 0)
		q = get_text(r, map, "device", e->device, sizeof(e->device));
	if (q >= 0)
		q = get_text(r, map, "pci", e->pci, sizeof(e->pci));
	if (q >= 0)
		q = get_text(r, map, "uuid", e->uuid, sizeof(e->uuid));
	if (q >= 0)
		q = get_text(r, map, "alias", e->alias, sizeof(e->alias));
	if (q >= 0)
		q = get_number(r, map, "index", 0, 4095, &index);
	if (q < 0)
		return q;
	if (q > 0)
		e->index = (int)index;
	if (all && (all->kind != YAML_TEXT || !is_true(all->text)))
		return complain(r, all, "'all' can only be true; leave it out otherwise");
	e->all = all != NULL;
	if (map->n == 0) {
		complain(r, map, "match says nothing");
		error_hint(r->err, "for every GPU: match: {all: true}");
		return -EINVAL;
	}
	return 0;
}

static int read_modes(const struct reader *r, const struct yaml *map, struct layout_entry *e)
{
	if (map->kind != YAML_MAP)
		return complain(r, map, "modes must be a mapping, like {mig: on}");
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		const struct yaml *key = &map->v[i], *value = &map->v[i + 1];
		struct layout_mode *m;

		if (!backend_find(key->text) || !backend_find(key->text)->set_mode) {
			complain(r, key, "'%s' is no technology with a mode", key->text);
			error_hint(r->err, "mig, vgpu and mode have one");
			return -EINVAL;
		}
		if (value->kind != YAML_TEXT || !value->text[0] || strlen(value->text) >= sizeof(m->variant))
			return complain(r, value, "a mode is on, off, or a variant like mixed or NPS4");
		if (e->n_modes == ARRAY_SIZE(e->modes))
			return complain(r, key, "too many modes");
		m = &e->modes[e->n_modes++];
		text_copy(m->technology, sizeof(m->technology), key->text);
		text_copy(m->variant, sizeof(m->variant),
		          is_true(value->text) ? "on"
		          : strcasecmp(value->text, "false") == 0 || strcasecmp(value->text, "no") == 0
		                  ? "off"
		                  : value->text);
	}
	return 0;
}

static int read_part(const struct reader *r, const struct yaml *map, struct layout_entry *e)
{
	static const char *const known[] = {"type", "count", "name", "uuid", "placement", "memory", NULL};
	struct layout_part *part = list_add(&e->parts);
	char memory[32] = "", uuid[64] = "";
	unsigned placement = 0;
	int q;

	if (!part)
		return -ENOMEM;
	*part = (struct layout_part){.count = 1, .placement = -1, .line = map->line, .column = map->column};
	q = check_keys(r, map, "a partition", known);
	if (q == 0)
		q = get_text(r, map, "type", part->type, sizeof(part->type));
	if (q == 0) {
		complain(r, map, "a partition needs a type");
		error_hint(r->err, "`openforbc type list` prints them");
		return -EINVAL;
	}
	if (q > 0)
		q = get_number(r, map, "count", 0, MAX_COUNT, &part->count);
	if (q >= 0)
		q = get_text(r, map, "name", part->name, sizeof(part->name));
	if (q >= 0)
		q = get_text(r, map, "uuid", uuid, sizeof(uuid));
	if (q > 0 && parse_uuid(uuid, part->uuid) < 0)
		return complain(r, yaml_doc_get(map, "uuid"), "'%s' is no UUID", uuid);
	if (q > 0 && part->count > 1)
		return complain(r, map, "a UUID is for one partition, not for %u", part->count);
	if (q >= 0)
		q = get_text(r, map, "memory", memory, sizeof(memory));
	if (q > 0 && parse_size(memory, &part->memory_bytes) < 0)
		return complain(r, yaml_doc_get(map, "memory"), "'%s' is no size, like 10G or 512M", memory);
	if (q >= 0)
		q = get_number(r, map, "placement", 0, 127, &placement);
	if (q > 0)
		part->placement = (int)placement;
	if (q > 0 && part->count > 1)
		return complain(r, map, "a placement is for one partition, not for %u", part->count);
	return q < 0 ? q : 0;
}

static int read_entry(const struct reader *r, const struct yaml *map, struct ofbc_layout *l)
{
	static const char *const known[] = {"match", "modes", "partitions", "per", NULL};
	struct layout_entry *e = list_add(&l->entries);
	const struct yaml *match = yaml_doc_get(map, "match"), *parts = yaml_doc_get(map, "partitions");
	const struct yaml *modes = yaml_doc_get(map, "modes"), *per = yaml_doc_get(map, "per");
	int q = e ? check_keys(r, map, "an element of gpus", known) : -ENOMEM;

	if (q < 0)
		return q;
	e->line = map->line;
	e->column = map->column;
	if (!match)
		return complain(r, map, "'match' is missing: which GPUs?");
	q = read_match(r, match, e);
	if (q == 0 && modes)
		q = read_modes(r, modes, e);
	if (q == 0 && per &&
	    (per->kind != YAML_TEXT || (strcmp(per->text, "gpu") != 0 && strcmp(per->text, "layout") != 0)))
		return complain(r, per,
		                "'per' is gpu (each gets all of it) or layout (dealt out over the GPUs)");
	e->is_shared = per && strcmp(per->text, "layout") == 0;
	if (q == 0 && !parts)
		return complain(r, map, "'partitions' is missing; [] means none");
	if (q == 0 && parts->kind != YAML_LIST)
		return complain(r, parts, "'partitions' must be a list");
	for (size_t i = 0; q == 0 && i < parts->n; i++)
		q = read_part(r, &parts->v[i], e);
	return q;
}

static int read_hooks(const struct reader *r, const struct yaml *map, struct layout_hooks *ret)
{
	static const char *const known[] = {"pre-apply", "post-apply", "drain", "undrain", "timeout", NULL};
	int q;

	ret->timeout_s = 60;
	if (!map)
		return 0;
	q = check_keys(r, map, "hooks", known);
	if (q == 0)
		q = get_text(r, map, "pre-apply", ret->pre_apply, sizeof(ret->pre_apply));
	if (q >= 0)
		q = get_text(r, map, "post-apply", ret->post_apply, sizeof(ret->post_apply));
	if (q >= 0)
		q = get_text(r, map, "drain", ret->drain, sizeof(ret->drain));
	if (q >= 0)
		q = get_text(r, map, "undrain", ret->undrain, sizeof(ret->undrain));
	if (q >= 0)
		q = get_number(r, map, "timeout", 1, 3600, &ret->timeout_s);
	return q < 0 ? q : 0;
}

static int read_gpus(const struct reader *r, const struct yaml *gpus, struct ofbc_layout *l)
{
	int q = 0;

	if (gpus->kind != YAML_LIST)
		return complain(r, gpus, "'gpus' must be a list of {match: ..., partitions: [...]}");
	for (size_t i = 0; q == 0 && i < gpus->n; i++)
		q = read_entry(r, &gpus->v[i], l);
	return q;
}

/* The one layout of the file, or the one that was asked for. */
static int choose(const struct reader *r, const struct yaml *doc, const char *which, const struct yaml **ret)
{
	static const char *const known[] = {"version", "description", "gpus", "hooks", NULL};
	const struct yaml *layouts = yaml_doc_get(doc, "layouts");
	char list[256] = "";
	size_t len = 0;

	*ret = doc;
	if (!layouts && which) {
		complain(r, doc, "there is only one layout here, and it has no name");
		error_hint(r->err, "leave out -c %s", which);
		return -EINVAL;
	}
	if (!layouts)
		return 0;
	if (layouts->kind != YAML_MAP || layouts->n == 0)
		return complain(r, layouts, "'layouts' must be a mapping of names to layouts");
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
	return check_keys(r, *ret, "a layout", known);
}

int ofbc_layout_read(const char *text, size_t len, const char *name, const char *which,
                     struct ofbc_layout **ret, struct ofbc_error *err)
{
	static const char *const known[] = {"version", "description", "gpus",     "layouts",
	                                    "hooks",   "schema",      "emulated", NULL};
	_cleanup_yaml_ struct yaml *doc = NULL;
	_cleanup_(ofbc_layout_free_p) struct ofbc_layout *l = calloc(1, sizeof(*l));
	struct reader r = {.file = name, .err = err};
	const struct yaml *one, *gpus;
	unsigned version = 0;
	int q;

	if (!l)
		return -ENOMEM;
	text_copy(l->file, sizeof(l->file), name);
	q = yaml_doc_parse(text, len, name, &doc, err);
	if (q == 0)
		q = check_keys(&r, doc, "the file", known);
	if (q == 0)
		q = get_number(&r, doc, "version", 1, 1, &version);
	if (q == 0) {
		complain(&r, doc, "'version' is missing");
		error_hint(err, "this program reads version: 1");
		return -EINVAL;
	}
	if (q > 0)
		q = choose(&r, doc, which, &one);
	if (q < 0)
		return q;
	gpus = yaml_doc_get(one, "gpus");
	if (!gpus)
		return complain(&r, one, "'gpus' is missing");
	q = read_hooks(&r,
	               yaml_doc_get(one, "hooks") ? yaml_doc_get(one, "hooks") : yaml_doc_get(doc, "hooks"),
	               &l->hooks);
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
