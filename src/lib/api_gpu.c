/* SPDX-License-Identifier: MIT */
/* Public calls about GPUs and types. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "lib/inventory.h"

DEFINE_CLEANUP(struct store *, store_close);

int ofbc_gpu_list(struct ofbc_context *ctx, struct ofbc_gpu_list **ret, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	struct ofbc_gpu_list *l;
	int r = inventory_load(ctx, INVENTORY_CORDONS, NULL, NULL, &inv, err);

	if (r < 0)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = inv.gpus;
	inv.gpus = (struct ofbc_gpu_list){0};
	*ret = l;
	return 0;
}

void ofbc_gpu_list_free(struct ofbc_gpu_list *list)
{
	if (!list)
		return;
	free(list->v);
	free(list);
}

static bool has_prefix(const char *s, const char *prefix)
{
	return prefix[0] && strncasecmp(s, prefix, strlen(prefix)) == 0;
}

/* 2 exact, 1 prefix, 0 no. */
static int gpu_match(const struct ofbc_gpu *g, const char *spec)
{
	const char *uuid = strncasecmp(g->uuid, "GPU-", 4) == 0 ? g->uuid + 4 : g->uuid;
	struct pci_address a;
	uint32_t index;
	char address[PCI_STR_MAX];

	if (strcasecmp(g->id, spec) == 0 || strcasecmp(g->alias, spec) == 0 ||
	    strcasecmp(g->uuid, spec) == 0 || strcasecmp(uuid, spec) == 0)
		return 2;
	if (parse_pci(spec, &a) == 0) {
		pci_format(&a, address);
		return strcmp(address, g->id) == 0 ? 2 : 0;
	}
	if (strlen(spec) <= 3 && parse_u32(spec, &index) == 0)
		return !g->is_cpu && (int)index == g->index ? 2 : 0;
	return has_prefix(g->id, spec) || has_prefix(g->alias, spec) || has_prefix(g->uuid, spec) ||
	       has_prefix(uuid, spec);
}

static int gpu_not_found(const struct ofbc_gpu_list *list, const char *spec, struct ofbc_error *err)
{
	const char *nearest = NULL;
	unsigned best = UINT32_MAX;

	error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "no GPU '%s'", spec);
	for (size_t i = 0; i < list->n; i++) {
		unsigned d = edit_distance(list->v[i].alias, spec);

		if (d < best) {
			best = d;
			nearest = list->v[i].alias;
		}
	}
	if (list->n == 0)
		error_hint(err, "this host has no GPU; `openforbc host doctor` says more");
	else if (best <= 3)
		error_hint(err, "did you mean '%s'? `openforbc gpu list` prints all", nearest);
	else
		error_hint(err, "`openforbc gpu list` prints PCI addresses, UUIDs and aliases");
	return -ENODEV;
}

int ofbc_gpu_find(const struct ofbc_gpu_list *list, const char *spec, const struct ofbc_gpu **ret,
                  struct ofbc_error *err)
{
	const struct ofbc_gpu *hit = NULL, *second = NULL;
	int best = 0;

	for (size_t i = 0; i < list->n; i++) {
		int m = gpu_match(&list->v[i], spec);

		if (m > best) {
			best = m;
			hit = &list->v[i];
			second = NULL;
		} else if (m && m == best) {
			second = &list->v[i];
		}
	}
	if (!hit)
		return gpu_not_found(list, spec, err);
	if (second) {
		error_set(err, EEXIST, OFBC_REASON_USAGE, "'%s' fits %s and %s", spec, hit->alias,
		          second->alias);
		error_hint(err, "type more of it; `openforbc gpu list` prints all");
		return -EEXIST;
	}
	*ret = hit;
	return 0;
}

static const struct ofbc_technology *technology_of(const struct ofbc_gpu *gpu, const char *name)
{
	for (size_t i = 0; i < gpu->n_technologies; i++) {
		if (strcmp(gpu->technologies[i].name, name) == 0)
			return &gpu->technologies[i];
	}
	return NULL;
}

static int technology_unknown(const struct ofbc_gpu *gpu, const char *name, struct ofbc_error *err)
{
	char names[128] = "";

	for (size_t i = 0; i < gpu->n_technologies && strlen(names) < sizeof(names) - 20; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "",
		         gpu->technologies[i].name);
	if (backend_find(name)) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "GPU %s has no technology '%s'",
		          gpu->alias, name);
		error_hint(err, names[0] ? "it has %s" : "it has none%s", names);
		return -ENOTSUP;
	}
	error_set(err, EINVAL, OFBC_REASON_USAGE, "unknown technology '%s'", name);
	error_hint(err, names[0] ? "GPU %s has %s" : "GPU %s has none%s", gpu->alias, names);
	return -EINVAL;
}

/* Switching off while partitions of it exist would destroy them behind their owners' backs. */
static int check_empty(struct inventory *inv, const struct ofbc_gpu *gpu, const struct backend_ops *ops,
                       struct ofbc_error *err)
{
	unsigned n = 0;

	for (size_t i = 0; i < inv->partitions.n; i++) {
		const struct ofbc_partition *p = &inv->partitions.v[i];

		n += p->state != OFBC_PARTITION_LOST && p->technology == ops->name &&
		     strcmp(p->gpu, gpu->id) == 0;
	}
	if (n == 0)
		return 0;
	error_set(err, EBUSY, OFBC_REASON_IN_USE, "GPU %s has %u %s partition%s", gpu->alias, n, ops->name,
	          n == 1 ? "" : "s");
	error_hint(err,
	           "destroy them first: `openforbc partition list %s`, `openforbc partition destroy ...`",
	           gpu->alias);
	return -EBUSY;
}

/* A mode that other partitions of the GPU would not survive or could not live beside. */
static int check_others(struct inventory *inv, const struct ofbc_gpu *gpu, const struct backend_ops *ops,
                        struct ofbc_error *err)
{
	for (size_t i = 0; i < inv->partitions.n; i++) {
		const struct ofbc_partition *p = &inv->partitions.v[i];

		if (p->state == OFBC_PARTITION_LOST || !p->technology || p->technology == ops->name ||
		    strcmp(p->gpu, gpu->id) != 0)
			continue;
		error_set(err, EBUSY, OFBC_REASON_IN_USE, "GPU %s has %s partitions", gpu->alias,
		          p->technology);
		error_hint(
			err,
			"destroy them first: `openforbc partition list %s`, `openforbc partition destroy ...`",
			gpu->alias);
		return -EBUSY;
	}
	return 0;
}

int mode_change(struct inventory *inv, const char *spec, const char *technology, bool on, unsigned flags,
                struct ofbc_error *err)
{
	const struct ofbc_gpu *gpu;
	const struct backend_ops *ops;
	char name[32];
	const char *equals = strchr(technology, '=');
	int r = ofbc_gpu_find(&inv->gpus, spec, &gpu, err);

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - technology) : 31, technology);
	ops = backend_find(name);
	if (!ops || !technology_of(gpu, name))
		return technology_unknown(gpu, name, err);
	if (!ops->set_mode) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s has no mode to switch", name);
		error_hint(err, "create partitions directly: `openforbc type list %s --technology %s`",
		           gpu->alias, name);
		return -ENOTSUP;
	}
	r = context_need_privilege(inv->ctx, "changing the mode of a GPU", err);
	if (r == 0)
		r = on ? check_others(inv, gpu, ops, err) : check_empty(inv, gpu, ops, err);
	if (r < 0)
		return r;
	r = ops->set_mode(&inv->host, gpu, on, equals ? equals + 1 : NULL, flags, err);
	return r < 0 ? error_wrap(err, "GPU %s", gpu->alias) : r;
}

static int set_mode(struct ofbc_context *ctx, const char *spec, const char *technology, bool on,
                    unsigned flags, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_close_ int lock = -1;
	int r = context_lock(ctx, &lock, err);

	if (r == 0)
		r = inventory_load(ctx, INVENTORY_PARTITIONS | INVENTORY_CPU, spec, NULL, &inv, err);
	return r < 0 ? r : mode_change(&inv, spec, technology, on, flags, err);
}

int ofbc_gpu_enable(struct ofbc_context *ctx, const char *gpu, const char *technology, unsigned flags,
                    struct ofbc_error *err)
{
	return set_mode(ctx, gpu, technology, true, flags, err);
}

int ofbc_gpu_disable(struct ofbc_context *ctx, const char *gpu, const char *technology, unsigned flags,
                     struct ofbc_error *err)
{
	return set_mode(ctx, gpu, technology, false, flags, err);
}

int ofbc_gpu_cordon(struct ofbc_context *ctx, const char *gpu, bool cordoned, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_(store_close_p) struct store *s = NULL;
	_cleanup_close_ int lock = -1;
	const struct ofbc_gpu *g;
	int r = context_lock(ctx, &lock, err);

	if (r < 0)
		return r;
	r = inventory_load(ctx, INVENTORY_CPU, NULL, NULL, &inv, err);
	if (r < 0)
		return r;
	r = ofbc_gpu_find(&inv.gpus, gpu, &g, err);
	if (r < 0)
		return r;
	r = store_open(ctx->db_dir, true, &s, err);
	if (r < 0)
		return r;
	return store_set_cordon(s, g->id, cordoned, err);
}

int ofbc_type_list(struct ofbc_context *ctx, const char *gpu, const char *technology,
                   struct ofbc_type_list **ret, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	struct ofbc_type_list all = {0};
	int r;

	if (technology && !backend_find(technology)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "unknown technology '%s'", technology);
		error_hint(err, "`openforbc gpu list` shows the technologies of each GPU");
		return -EINVAL;
	}
	r = inventory_load(ctx, INVENTORY_TYPES | INVENTORY_PARTITIONS | INVENTORY_CPU, gpu, technology, &inv,
	                   err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < inv.views.n; i++) {
		const struct view *v = &inv.views.v[i];

		for (size_t t = 0; t < v->types.n; t++) {
			struct ofbc_type *type = list_add(&all);

			if (!type) {
				free(all.v);
				return -ENOMEM;
			}
			*type = v->types.v[t];
		}
	}
	*ret = calloc(1, sizeof(**ret));
	if (!*ret) {
		free(all.v);
		return -ENOMEM;
	}
	**ret = all;
	return 0;
}

void ofbc_type_list_free(struct ofbc_type_list *list)
{
	if (!list)
		return;
	free(list->v);
	free(list);
}
