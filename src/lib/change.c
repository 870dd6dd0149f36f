/* SPDX-License-Identifier: MIT */
/*
 * The frame of every change: lock, store, inventory; and settling what a killed command left. A record that
 * is neither active nor gone tells what was under way. What stands complete is ours again; what is half
 * made is taken down by its backend.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "lib/inventory.h"

static bool is_unsettled(const struct inventory *inv)
{
	for (size_t i = 0; i < inv->records.n; i++) {
		if (inv->records.v[i].state != RECORD_ACTIVE)
			return true;
	}
	return false;
}

static struct ofbc_partition *find_standing(struct inventory *inv, const char *uuid)
{
	for (size_t i = 0; i < inv->partitions.n; i++) {
		struct ofbc_partition *p = &inv->partitions.v[i];
		bool is_seen = p->state != OFBC_PARTITION_LOST &&
		               (p->state != OFBC_PARTITION_UNKNOWN || p->handle[0]);

		if (p->is_ours && is_seen && strcmp(p->uuid, uuid) == 0)
			return p;
	}
	return NULL;
}

static int keep(struct store *s, const struct record *rec, const struct ofbc_partition *p,
                struct ofbc_error *err)
{
	struct record kept = *rec;

	snprintf(kept.device, sizeof(kept.device), "%s", p->device);
	kept.placement = p->placement;
	kept.state = RECORD_ACTIVE;
	return store_put(s, &kept, err);
}

static bool is_recorded(const struct inventory *inv, const char *uuid)
{
	for (size_t i = 0; i < inv->records.n; i++) {
		if (strcmp(inv->records.v[i].uuid, uuid) == 0)
			return true;
	}
	return false;
}

/* The members of a unit that were made, but not yet recorded. */
static int keep_unit(struct inventory *inv, struct store *s, const struct record *rec,
                     const struct ofbc_partition *first, struct ofbc_error *err)
{
	unsigned number = 1;
	int r = 0;

	for (size_t i = 0; r == 0 && i < inv->partitions.n; i++) {
		const struct ofbc_partition *p = &inv->partitions.v[i];
		struct record member = *rec;

		if (p == first || strcmp(p->gpu, rec->gpu) != 0 || !p->technology ||
		    strcmp(p->technology, rec->technology) != 0)
			continue;
		number++;
		if (is_recorded(inv, p->uuid))
			continue;
		if (rec->name[0])
			snprintf(member.name, sizeof(member.name), "%.58s-%u", rec->name, number);
		r = uuid_generate(member.uuid);
		if (r == 0)
			r = keep(s, &member, p, err);
	}
	return r;
}

/* What was to be made again stays ours, and lost. */
static int give_up(struct store *s, const struct record *rec, struct ofbc_error *err)
{
	struct record lost = *rec;

	lost.state = RECORD_ACTIVE;
	return rec->state == RECORD_RESTORING ? store_put(s, &lost, err) : store_forget(s, rec->uuid, err);
}

/* Nothing complete stands there: whatever was begun is undone, also where no listing shows it. */
static int take_down(struct inventory *inv, struct store *s, struct view *v, const struct record *rec,
                     const struct ofbc_partition *p, struct ofbc_error *err)
{
	struct ofbc_partition begun = {.placement = rec->placement, .technology = v->ops->name};
	struct ofbc_error e = {0};

	snprintf(begun.uuid, sizeof(begun.uuid), "%s", rec->uuid);
	snprintf(begun.gpu, sizeof(begun.gpu), "%s", rec->gpu);
	snprintf(begun.type, sizeof(begun.type), "%s", rec->type);
	snprintf(begun.device, sizeof(begun.device), "%s", rec->device[0] ? rec->device : rec->uuid);
	if (!v->ops->destroy || v->ops->destroy(&inv->host, v->gpu, p ? p : &begun, &e) == 0)
		return give_up(s, rec, err);
	platform_debug(inv->host.platform, "%s cannot be settled now: %s", rec->uuid, e.message);
	if (p)
		return keep(s, rec, p, err);
	return v->technology->state == OFBC_TECHNOLOGY_UNAVAILABLE ? 0 : give_up(s, rec, err);
}

static int settle_record(struct inventory *inv, struct store *s, const struct record *rec,
                         struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, rec->gpu, rec->technology);
	struct ofbc_partition *p = find_standing(inv, rec->uuid);
	const struct ofbc_gpu *gpu;
	int r;

	if (rec->state == RECORD_ACTIVE)
		return 0;
	/* What cannot be looked at now is settled later; what went away with its GPU is over. */
	if (!v)
		return ofbc_gpu_find(&inv->gpus, rec->gpu, &gpu, NULL) == 0 ? 0
		                                                            : store_forget(s, rec->uuid, err);
	if (!p || p->state == OFBC_PARTITION_INCOMPLETE)
		return take_down(inv, s, v, rec, p, err);
	r = store_begin(s, err);
	if (r == 0)
		r = keep(s, rec, p, err);
	if (r == 0 && rec->state != RECORD_DESTROYING && (v->ops->caps & BACKEND_UNIT))
		r = keep_unit(inv, s, rec, p, err);
	return store_end(s, r, err);
}

int change_settle(struct ofbc_context *ctx, struct store *s, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	int r = inventory_load(ctx, INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, &inv, err);

	for (size_t i = 0; r == 0 && i < inv.records.n; i++)
		r = settle_record(&inv, s, &inv.records.v[i], err);
	pci_settle(ctx->platform);
	return r;
}

static int load(struct ofbc_context *ctx, unsigned flags, const char *gpu, struct change *c,
                struct ofbc_error *err)
{
	inventory_done(&c->inv);
	c->inv = (struct inventory){0};
	return inventory_load(ctx, flags | INVENTORY_PARTITIONS | INVENTORY_CPU, gpu, NULL, &c->inv, err);
}

/* First single partitions, then an apply of which they were steps. */
static int recover(struct ofbc_context *ctx, struct change *c, bool apply, struct ofbc_error *err)
{
	int r = change_settle(ctx, c->store, err);

	if (r == 0 && apply)
		r = load(ctx, 0, NULL, c, err);
	return r == 0 && apply ? layout_recover(c, err) : r;
}

int change_begin(struct ofbc_context *ctx, unsigned flags, const char *gpu, struct change *ret,
                 struct ofbc_error *err)
{
	int pending, r = flags & INVENTORY_HOLDERS ? guests_look(ctx, &ret->guests) : 0;

	if (r < 0)
		return r;
	ret->ctx = ctx;
	ctx->guests = ret->guests;
	r = context_lock(ctx, &ret->lock, err);
	if (r == 0)
		r = store_open(ctx->db_dir, true, &ret->store, err);
	if (r == 0)
		r = load(ctx, flags, gpu, ret, err);
	pending = r == 0 ? store_journal_pending(ret->store, err) : 0;
	if (r < 0 || pending < 0 || (!pending && !is_unsettled(&ret->inv)))
		return r < 0 ? r : pending < 0 ? pending : 0;
	r = recover(ctx, ret, pending, err);
	return r < 0 ? r : load(ctx, flags, gpu, ret, err);
}

void change_end(struct change *c)
{
	if (c->ctx)
		c->ctx->guests = NULL;
	guests_free(c->guests);
	inventory_done(&c->inv);
	store_close(c->store);
	if (c->lock >= 0)
		close(c->lock);
}
