/* SPDX-License-Identifier: MIT */
/* Loading what a command needs to know: views, partitions, records, and how they belong together. */
#include "lib/inventory.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"

void partition_list_done(struct ofbc_partition_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		holder_list_done(&l->v[i].holders);
	free(l->v);
	*l = (struct ofbc_partition_list){0};
}

int partition_list_copy(const struct ofbc_partition *p, struct ofbc_partition_list *ret)
{
	struct ofbc_holder_list holders = {0};
	struct ofbc_partition *q;

	for (size_t i = 0; i < p->holders.n; i++) {
		struct ofbc_holder *h = list_add(&holders);

		if (!h) {
			holder_list_done(&holders);
			return -ENOMEM;
		}
		*h = p->holders.v[i];
	}
	q = list_add(ret);
	if (!q) {
		holder_list_done(&holders);
		return -ENOMEM;
	}
	*q = *p;
	holders.incomplete = p->holders.incomplete;
	q->holders = holders;
	return 0;
}

void inventory_done(struct inventory *inv)
{
	for (size_t i = 0; i < inv->views.n; i++) {
		free(inv->views.v[i].types.v);
		free(inv->views.v[i].usage.v);
	}
	free(inv->views.v);
	partition_list_done(&inv->partitions);
	record_list_done(&inv->records);
	free(inv->gpus.v);
	host_done(&inv->host);
	*inv = (struct inventory){0};
}

bool type_param(const struct ofbc_type *t, const char *key, unsigned *ret)
{
	const char *nn = strstr(t->key, "NN");
	size_t head = nn ? (size_t)(nn - t->key) : 0, digits = 0;
	uint64_t value = 0;

	if (!t->is_parametric || !nn || strncasecmp(key, t->key, head) != 0)
		return false;
	while (isdigit((unsigned char)key[head + digits]) && digits < 9)
		value = value * 10 + (uint64_t)(key[head + digits++] - '0');
	if (digits == 0 || strcasecmp(key + head + digits, nn + 2) != 0)
		return false;
	*ret = (unsigned)value;
	return true;
}

const struct ofbc_type *view_type(const struct view *v, const char *key, unsigned *ret_param)
{
	unsigned param = 0;

	for (size_t i = 0; i < v->types.n; i++) {
		const struct ofbc_type *t = &v->types.v[i];

		if (!t->is_parametric && strcasecmp(t->key, key) == 0) {
			*ret_param = 0;
			return t;
		}
		if (type_param(t, key, &param)) {
			*ret_param = param;
			return t;
		}
	}
	return NULL;
}

struct view *inventory_view(struct inventory *inv, const char *gpu_id, const char *technology)
{
	for (size_t i = 0; technology && i < inv->views.n; i++) {
		struct view *v = &inv->views.v[i];

		if (strcmp(v->gpu->id, gpu_id) == 0 && strcmp(v->ops->name, technology) == 0)
			return v;
	}
	return NULL;
}

/* The first component of a group names what excludes others across technologies: "mig" and "mig/vgpu" go
 * together, "mig" and "mps" do not. */
bool groups_live_together(const char *a, const char *b)
{
	size_t n = strcspn(a, "/"), m = strcspn(b, "/");

	return !a[0] || !b[0] || (n == m && strncmp(a, b, n) == 0);
}

/* Why a type cannot stand beside a partition of another technology on the same GPU; NULL when it can. */
static const struct ofbc_partition *excluded_by(struct inventory *inv, const struct view *v,
                                                const struct ofbc_type *t)
{
	for (size_t i = 0; i < inv->partitions.n; i++) {
		const struct ofbc_partition *p = &inv->partitions.v[i];
		unsigned param;
		struct view *other;
		const struct ofbc_type *pt;

		if (p->state == OFBC_PARTITION_LOST || strcmp(p->gpu, v->gpu->id) != 0 ||
		    strcmp(p->technology, v->ops->name) == 0)
			continue;
		other = inventory_view(inv, p->gpu, p->technology);
		pt = other ? view_type(other, p->type, &param) : NULL;
		if (!groups_live_together(pt ? pt->group : p->technology, t->group))
			return p;
	}
	return NULL;
}

static void count_type(struct inventory *inv, struct view *v, struct ofbc_type *t)
{
	const struct ofbc_partition *other = excluded_by(inv, v, t);
	bool refused_by_driver = t->why_not[0] != '\0';

	t->free = capacity_free(&v->capacity, &v->usage, t);
	if (v->gpu->cordoned) {
		t->free = 0;
		snprintf(t->why_not, sizeof(t->why_not), "the GPU is cordoned");
	} else if (other) {
		t->free = 0;
		snprintf(t->why_not, sizeof(t->why_not), "the GPU has %s partitions", other->technology);
	} else if (refused_by_driver) {
		t->free = 0;
	} else if (t->has_driver_free && t->driver_free == 0 && t->free > 0) {
		snprintf(t->why_not, sizeof(t->why_not),
		         "the driver has no room, by the model there is room for %u", t->free);
	} else if (t->free == 0) {
		snprintf(t->why_not, sizeof(t->why_not), "no room: %s",
		         t->max == 0 ? "this GPU takes none" : "slots, engines or instances are used up");
	}
}

/* Fills the usage of one view from the partitions. */
static int view_usage(struct inventory *inv, struct view *v)
{
	v->usage.n = 0;
	for (size_t i = 0; i < inv->partitions.n; i++) {
		const struct ofbc_partition *p = &inv->partitions.v[i];
		struct used *u;
		unsigned param = 0;

		if (p->state == OFBC_PARTITION_LOST || !p->technology || strcmp(p->gpu, v->gpu->id) != 0 ||
		    strcmp(p->technology, v->ops->name) != 0)
			continue;
		u = list_add(&v->usage);
		if (!u)
			return -ENOMEM;
		u->type = view_type(v, p->type, &param);
		u->placement = p->placement;
		u->extra_draw = param;
	}
	return 0;
}

int inventory_recount(struct inventory *inv, const struct ofbc_gpu *gpu)
{
	for (size_t i = 0; i < inv->views.n; i++) {
		struct view *v = &inv->views.v[i];
		int r;

		if (gpu && v->gpu->index != gpu->index)
			continue;
		r = view_usage(inv, v);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < inv->views.n; i++) {
		struct view *v = &inv->views.v[i];

		for (size_t t = 0; (!gpu || v->gpu->index == gpu->index) && t < v->types.n; t++)
			count_type(inv, v, &v->types.v[t]);
	}
	return 0;
}

static int add_views(struct inventory *inv, const struct ofbc_gpu *only, const char *technology)
{
	for (size_t g = 0; g < inv->gpus.n; g++) {
		struct ofbc_gpu *gpu = &inv->gpus.v[g];

		for (size_t t = 0; t < gpu->n_technologies && (!only || only == gpu); t++) {
			const struct backend_ops *ops = backend_find(gpu->technologies[t].name);
			struct view *v;

			if (!ops || (technology && strcmp(technology, ops->name) != 0))
				continue;
			v = list_add(&inv->views);
			if (!v)
				return -ENOMEM;
			v->ops = ops;
			v->gpu = gpu;
			v->technology = &gpu->technologies[t];
		}
	}
	return 0;
}

/* A technology that cannot be read is reported with the view, and does not hide the others. */
static int load_types(struct inventory *inv, struct view *v)
{
	struct ofbc_error e = {0};
	int r;

	if (v->technology->state == OFBC_TECHNOLOGY_UNAVAILABLE)
		return 0;
	r = v->ops->list_types(&inv->host, v->gpu, &v->types, &v->capacity, &e);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		snprintf(v->types_error, sizeof(v->types_error), "%s", e.message);
		v->technology->state = OFBC_TECHNOLOGY_UNAVAILABLE;
		snprintf(v->technology->reason, sizeof(v->technology->reason), "%s", e.message);
		v->types.n = 0;
	}
	for (size_t i = 0; i < v->types.n; i++) {
		v->types.v[i].technology = v->ops->name;
		snprintf(v->types.v[i].gpu, sizeof(v->types.v[i].gpu), "%s", v->gpu->id);
	}
	if (v->capacity.n_slots > v->gpu->n_slots)
		v->gpu->n_slots = v->capacity.n_slots;
	return 0;
}

static int load_partitions_of(struct inventory *inv, struct view *v)
{
	struct ofbc_error e = {0};
	size_t first = inv->partitions.n;
	int r;

	if (v->technology->state == OFBC_TECHNOLOGY_UNAVAILABLE)
		return 0;
	r = v->ops->list_partitions(&inv->host, v->gpu, &inv->partitions, &e);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		snprintf(v->technology->reason, sizeof(v->technology->reason), "%s", e.message);
		v->technology->state = OFBC_TECHNOLOGY_UNAVAILABLE;
		inv->partitions.n = first;
		return 0;
	}
	for (size_t i = first; i < inv->partitions.n; i++) {
		struct ofbc_partition *p = &inv->partitions.v[i];

		p->technology = v->ops->name;
		text_copy(p->gpu, sizeof(p->gpu), v->gpu->id);
	}
	return 0;
}

/* --- records --- */

static int record_by_key(const void *a, const void *b)
{
	const struct record *x = *(const struct record *const *)a, *y = *(const struct record *const *)b;
	int r = strcmp(x->technology, y->technology);

	return r ? r : strcmp(x->device, y->device);
}

static void take_record(struct ofbc_partition *p, const struct record *rec)
{
	memcpy(p->uuid, rec->uuid, sizeof(p->uuid));
	memcpy(p->name, rec->name, sizeof(p->name));
	p->is_ours = true;
	if (!p->memory_bytes)
		p->memory_bytes = rec->memory_bytes;
}

static bool was_examined(const struct inventory *inv, const struct record *rec, bool *ret_gpu_known)
{
	*ret_gpu_known = false;
	for (size_t i = 0; i < inv->gpus.n; i++)
		*ret_gpu_known |= strcmp(inv->gpus.v[i].id, rec->gpu) == 0;
	for (size_t i = 0; i < inv->views.n; i++) {
		const struct view *v = &inv->views.v[i];

		if (strcmp(v->gpu->id, rec->gpu) == 0 && strcmp(v->ops->name, rec->technology) == 0)
			return v->technology->state != OFBC_TECHNOLOGY_UNAVAILABLE;
	}
	return false;
}

static int add_missing(struct inventory *inv, const struct record *rec, const struct ofbc_gpu *only)
{
	const struct backend_ops *ops = backend_find(rec->technology);
	bool gpu_known;
	bool examined = was_examined(inv, rec, &gpu_known);
	struct ofbc_partition *p;

	if (rec->state == RECORD_CREATING || rec->state == RECORD_DESTROYING ||
	    (only && strcmp(only->id, rec->gpu) != 0))
		return 0;
	p = list_add(&inv->partitions);
	if (!p)
		return -ENOMEM;
	take_record(p, rec);
	snprintf(p->gpu, sizeof(p->gpu), "%s", rec->gpu);
	snprintf(p->type, sizeof(p->type), "%s", rec->type);
	snprintf(p->device, sizeof(p->device), "%s", rec->device);
	p->placement = rec->placement;
	p->technology = ops ? ops->name : NULL;
	p->state = examined || !gpu_known ? OFBC_PARTITION_LOST : OFBC_PARTITION_UNKNOWN;
	return 0;
}

/* What a killed create or destroy left has no device yet, or lost a part of it: the partition is known by
 * type and place. True: it was found. */
static bool match_begun(struct inventory *inv, const struct record *rec)
{
	const struct backend_ops *ops = backend_find(rec->technology);
	bool is_unit = ops && (ops->caps & BACKEND_UNIT), taken = false;

	for (size_t i = 0; rec->state != RECORD_ACTIVE && i < inv->partitions.n; i++) {
		struct ofbc_partition *p = &inv->partitions.v[i];

		if (p->is_ours || !p->technology || strcmp(p->technology, rec->technology) != 0 ||
		    strcmp(p->gpu, rec->gpu) != 0 || strcasecmp(p->type, rec->type) != 0 ||
		    (rec->placement.size && p->placement.size && p->placement.start != rec->placement.start))
			continue;
		if (!taken)
			take_record(p, rec);
		/* the further members have no record yet, but appeared with the first */
		p->is_ours = taken = true;
		if (!is_unit)
			break;
	}
	return taken;
}

/* Joins partitions and records by (technology, device) in one sorted pass: 10,000 of each are usual. */
static int match_records(struct inventory *inv, const struct ofbc_gpu *only)
{
	_cleanup_free_ struct record **sorted = calloc(inv->records.n + 1, sizeof(*sorted));
	_cleanup_free_ bool *found = calloc(inv->records.n + 1, sizeof(*found));
	size_t n_devices = inv->partitions.n;

	if (!sorted || !found)
		return -ENOMEM;
	for (size_t i = 0; i < inv->records.n; i++)
		sorted[i] = &inv->records.v[i];
	qsort(sorted, inv->records.n, sizeof(*sorted), record_by_key);
	for (size_t i = 0; inv->records.n && i < n_devices; i++) {
		struct ofbc_partition *p = &inv->partitions.v[i];
		struct record key = {0}, *k = &key, **hit;

		snprintf(key.technology, sizeof(key.technology), "%s", p->technology);
		snprintf(key.device, sizeof(key.device), "%s", p->device);
		hit = bsearch(&k, sorted, inv->records.n, sizeof(*sorted), record_by_key);
		if (!hit || strcmp((*hit)->gpu, p->gpu) != 0)
			continue;
		take_record(p, *hit);
		found[*hit - inv->records.v] = true;
	}
	for (size_t i = 0; i < inv->records.n; i++) {
		const struct record *rec = &inv->records.v[i];
		int r = found[i] || match_begun(inv, rec) ? 0 : add_missing(inv, rec, only);

		if (r < 0)
			return r;
	}
	return 0;
}

static int load_store(struct inventory *inv, unsigned flags, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv cordons = {0};
	struct store *s = NULL;
	int r = store_open(inv->ctx->db_dir, false, &s, err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (flags & INVENTORY_PARTITIONS)
		r = store_records(s, &inv->records, err);
	if (r == 0)
		r = store_cordons(s, &cordons, err);
	store_close(s);
	for (size_t i = 0; r == 0 && i < inv->gpus.n; i++)
		inv->gpus.v[i].cordoned = strv_contains(&cordons, inv->gpus.v[i].id);
	return r;
}

static int load_holders(struct inventory *inv)
{
	for (size_t i = 0; i < inv->partitions.n; i++) {
		struct ofbc_partition *p = &inv->partitions.v[i];
		struct view *v = inventory_view(inv, p->gpu, p->technology);
		int r;

		if (p->state == OFBC_PARTITION_LOST || !v || !v->ops->holders)
			continue;
		r = v->ops->holders(&inv->host, v->gpu, p, &p->holders, NULL);
		if (r == -ENOMEM)
			return r;
		if (p->holders.n)
			p->state = OFBC_PARTITION_IN_USE;
		else if (p->state == OFBC_PARTITION_READY && (r < 0 || p->holders.incomplete))
			p->state = OFBC_PARTITION_UNKNOWN;
	}
	return 0;
}

static int load_views(struct inventory *inv, unsigned flags, const struct ofbc_gpu *only,
                      const char *technology)
{
	int r = add_views(inv, only, technology);

	for (size_t i = 0; r == 0 && (flags & INVENTORY_TYPES) && i < inv->views.n; i++)
		r = load_types(inv, &inv->views.v[i]);
	for (size_t i = 0; r == 0 && (flags & INVENTORY_PARTITIONS) && i < inv->views.n; i++)
		r = load_partitions_of(inv, &inv->views.v[i]);
	return r;
}

/* Where partitions of ours are. Who may not read that has none. */
static void load_known(struct ofbc_context *ctx, struct strv *ret)
{
	struct store *s = NULL;

	if (store_open(ctx->db_dir, false, &s, NULL) == 0)
		(void)store_gpus(s, ret, NULL);
	store_close(s);
}

int inventory_load(struct ofbc_context *ctx, unsigned flags, const char *gpu, const char *technology,
                   struct inventory *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv known = {0};
	_cleanup_inventory_ struct inventory inv = {
		.ctx = ctx, .host = {.platform = ctx->platform, .devices = &ctx->devices, .known = &known}};
	const struct ofbc_gpu *only = NULL;
	int r;

	load_known(ctx, &known);
	r = host_discover(&inv.host, true, flags & INVENTORY_CPU, &inv.gpus, err);
	if (r < 0)
		return r;
	inv.host.known = NULL;
	inv.host.gpus = &inv.gpus;
	if (gpu) {
		r = ofbc_gpu_find(&inv.gpus, gpu, &only, err);
		if (r < 0)
			return r;
	}
	r = load_views(&inv, flags, only, technology);
	if (r == 0 && (flags & (INVENTORY_PARTITIONS | INVENTORY_CORDONS)))
		r = load_store(&inv, flags, err);
	if (r == 0 && (flags & INVENTORY_PARTITIONS))
		r = match_records(&inv, only);
	if (r == 0 && (flags & INVENTORY_TYPES))
		r = inventory_recount(&inv, NULL);
	if (r == 0 && (flags & INVENTORY_HOLDERS))
		r = load_holders(&inv);
	if (r == 0 && (flags & INVENTORY_HOLDERS))
		r = guests_attribute(&inv);
	if (r < 0)
		return r;
	*ret = inv;
	ret->host.gpus = &ret->gpus;
	inv = (struct inventory){0};
	return 0;
}
