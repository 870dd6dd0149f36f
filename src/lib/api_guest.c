/* SPDX-License-Identifier: MIT */
/* Public calls about guests: which have partitions, and which ones. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "lib/guests.h"

DEFINE_CLEANUP(struct ofbc_guest_list *, ofbc_guest_list_free);

struct device_list {
	struct ofbc_guest_device *v;
	size_t n, cap;
};

void ofbc_guest_list_free(struct ofbc_guest_list *list)
{
	for (size_t i = 0; list && i < list->n; i++) {
		free(list->v[i].devices);
		free(list->v[i].claims);
	}
	if (list)
		free(list->v);
	free(list);
}

static const struct ofbc_partition *partition_of(const struct inventory *inv, const struct domain_device *d)
{
	for (size_t i = 0; i < inv->partitions.n; i++) {
		if (device_is_partition(d, &inv->partitions.v[i]))
			return &inv->partitions.v[i];
	}
	return NULL;
}

static int add_device(const struct inventory *inv, const struct domain_device *d, bool live,
                      struct device_list *ret)
{
	const struct ofbc_partition *p = partition_of(inv, d);
	struct ofbc_guest_device *g = NULL;

	for (size_t i = 0; i < ret->n; i++) {
		if (strcmp(ret->v[i].address, d->address) == 0)
			g = &ret->v[i];
	}
	if (!g) {
		g = list_add(ret);
		if (!g)
			return -ENOMEM;
		text_copy(g->address, sizeof(g->address), d->address);
		text_copy(g->partition, sizeof(g->partition), p ? p->uuid : "");
		text_copy(g->name, sizeof(g->name), p ? p->name : "");
		text_copy(g->type, sizeof(g->type), p ? p->type : "");
	}
	*(live ? &g->is_live : &g->is_config) = true;
	if (!g->guest_address[0])
		text_copy(g->guest_address, sizeof(g->guest_address), d->guest_address);
	return 0;
}

/* A device that is not there now, as before the start of a guest with a claim. */
static void name_claimed(const struct domain *d, struct device_list *devices)
{
	for (size_t i = 0; i < devices->n; i++) {
		struct ofbc_guest_device *g = &devices->v[i];

		for (size_t k = 0; !g->partition[0] && k < d->claims.n; k++) {
			if (strcmp(d->claims.v[k].uuid, g->address) != 0)
				continue;
			memcpy(g->partition, g->address, sizeof(g->partition));
			text_copy(g->name, sizeof(g->name), d->claims.v[k].name);
			text_copy(g->type, sizeof(g->type), d->claims.v[k].type);
		}
	}
}

static int add_guest(const struct inventory *inv, struct guest *g, bool all, struct ofbc_guest_list *ret)
{
	struct domain *later = g->is_persistent ? &g->later : &g->now;
	struct device_list devices = {0};
	struct ofbc_guest *new = NULL;
	bool any = later->claims.n > 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->now.devices.n; i++)
		r = add_device(inv, &g->now.devices.v[i], true, &devices);
	for (size_t i = 0; r == 0 && i < g->later.devices.n; i++)
		r = add_device(inv, &g->later.devices.v[i], false, &devices);
	name_claimed(later, &devices);
	for (size_t i = 0; i < devices.n; i++)
		any |= all || devices.v[i].partition[0];
	if (r == 0 && any)
		new = list_add(ret);
	if (!new) {
		free(devices.v);
		return r == 0 && any ? -ENOMEM : r;
	}
	text_copy(new->name, sizeof(new->name), g->name);
	text_copy(new->uuid, sizeof(new->uuid), later->uuid);
	text_copy(new->machine, sizeof(new->machine), later->machine);
	new->is_running = g->is_running;
	new->is_persistent = g->is_persistent;
	new->devices = devices.v;
	new->n_devices = devices.n;
	new->claims = later->claims.v;
	new->n_claims = later->claims.n;
	later->claims = (struct claim_list){0};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ofbc_guest *)a)->name, ((const struct ofbc_guest *)b)->name);
}

int ofbc_guest_list(struct ofbc_context *ctx, bool all, struct ofbc_guest_list **ret, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_guests_ struct guests guests = {0};
	_cleanup_(ofbc_guest_list_free_p) struct ofbc_guest_list *list = calloc(1, sizeof(*list));
	int r = list ? guests_load(ctx, &guests, err) : -ENOMEM;

	if (r == 0)
		r = inventory_load(ctx, INVENTORY_PARTITIONS, NULL, NULL, &inv, err);
	for (size_t i = 0; r == 0 && i < guests.n; i++)
		r = add_guest(&inv, &guests.v[i], all, list);
	if (r < 0)
		return r;
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_name);
	*ret = steal_ptr(list);
	return 0;
}

int ofbc_guest_find(const struct ofbc_guest_list *list, const char *spec, const struct ofbc_guest **ret,
                    struct ofbc_error *err)
{
	const struct ofbc_guest *hit = NULL, *near = NULL;
	size_t n = strlen(spec);

	for (size_t i = 0; i < list->n; i++) {
		const struct ofbc_guest *g = &list->v[i];

		if (strcmp(g->name, spec) == 0 || strcasecmp(g->uuid, spec) == 0) {
			*ret = g;
			return 0;
		}
		if (n && (strncmp(g->name, spec, n) == 0 || strncasecmp(g->uuid, spec, n) == 0)) {
			if (hit) {
				error_set(err, EEXIST, OFBC_REASON_USAGE, "'%s' fits %s and %s", spec,
				          hit->name, g->name);
				error_hint(err, "type more of it");
				return -EEXIST;
			}
			hit = g;
		}
		if (edit_distance(g->name, spec) <= 2)
			near = g;
	}
	if (hit) {
		*ret = hit;
		return 0;
	}
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no guest '%s' with a device of this host", spec);
	if (near)
		error_hint(err, "did you mean '%s'?", near->name);
	else
		error_hint(err, "`openforbc vm list` prints those that have one");
	return -ENOENT;
}
