/* SPDX-License-Identifier: MIT */
/*
 * After a boot: what was ours and is gone is made again, under the same UUID, name and place. One that cannot
 * be made does not keep the others from it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "lib/layout.h"

#define POLL_MS 1000

DEFINE_CLEANUP(struct ofbc_plan *, ofbc_plan_free);

/* Also one whose technology could not be looked at; but not one that stands and whose holders are unknown. */
static bool is_lost(const struct inventory *inv, const struct record *rec)
{
	for (size_t i = 0; i < inv->partitions.n; i++) {
		const struct ofbc_partition *p = &inv->partitions.v[i];

		if (strcmp(p->uuid, rec->uuid) == 0)
			return p->state == OFBC_PARTITION_LOST ||
			       (p->state == OFBC_PARTITION_UNKNOWN && !p->handle[0]);
	}
	return false;
}

/* Where the GPU is now: it may have moved to another slot. NULL: it is not there. */
static const struct ofbc_gpu *gpu_of(const struct inventory *inv, const struct record *rec)
{
	const struct ofbc_gpu *here = NULL;

	for (size_t i = 0; i < inv->gpus.n; i++) {
		const struct ofbc_gpu *g = &inv->gpus.v[i];

		if (rec->gpu_uuid[0] && strcmp(g->uuid, rec->gpu_uuid) == 0)
			return g;
		if (strcmp(g->id, rec->gpu) == 0)
			here = g;
	}
	return here;
}

static bool is_ready(struct inventory *inv, const struct record *rec)
{
	const struct ofbc_gpu *g = gpu_of(inv, rec);
	const struct view *v = g ? inventory_view(inv, g->id, rec->technology) : NULL;

	return v && v->technology->state != OFBC_TECHNOLOGY_UNAVAILABLE;
}

/* Drivers may come late at boot. */
static int wait_for_drivers(struct change *c, unsigned wait_s, struct ofbc_error *err)
{
	struct platform *p = c->inv.ctx->platform;

	for (unsigned i = 0; i < wait_s; i++) {
		bool ready = true;
		int r;

		for (size_t k = 0; k < c->inv.records.n; k++)
			ready &= !is_lost(&c->inv, &c->inv.records.v[k]) ||
			         is_ready(&c->inv, &c->inv.records.v[k]);
		if (ready)
			return 0;
		p->ops->sleep_ms(p, POLL_MS);
		r = change_reload(c, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int switch_on(struct change *c, const struct record *rec, unsigned flags, struct ofbc_error *err)
{
	const struct view *v = inventory_view(&c->inv, rec->gpu, rec->technology);
	int r;

	if (!v)
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "GPU %s has no technology %s now",
		                 rec->gpu, rec->technology);
	if (v->technology->state == OFBC_TECHNOLOGY_UNAVAILABLE)
		return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s", v->technology->reason);
	if (v->technology->state == OFBC_TECHNOLOGY_READY || !v->ops->set_mode)
		return 0;
	r = mode_change(&c->inv, rec->gpu, rec->technology, true,
	                flags & OFBC_LAYOUT_RESET ? OFBC_MODE_RESET : 0, err);
	return r < 0 ? r : change_reload(c, err);
}

static int restore_one(struct change *c, const struct record *lost, const struct record_list *known,
                       unsigned flags, struct ofbc_error *err)
{
	const struct ofbc_gpu *g = gpu_of(&c->inv, lost);
	struct record rec = *lost;
	int r;

	if (!g)
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "GPU %s is not there", lost->gpu);
	text_copy(rec.gpu, sizeof(rec.gpu), g->id);
	text_copy(rec.gpu_uuid, sizeof(rec.gpu_uuid), g->uuid);
	r = switch_on(c, &rec, flags, err);
	if (r == 0)
		r = take_member(c, &rec, known, err);
	if (r == 0)
		r = make_recorded(c, &rec, true, err);
	if (r >= 0)
		return change_reload(c, err);
	/* it stays ours, and lost */
	(void)store_put(c->store, lost, NULL);
	(void)change_reload(c, NULL);
	return r;
}

int restore_partition(struct change *c, const char *uuid, struct ofbc_error *err)
{
	struct record_list records = {0};
	int r = store_records(c->store, &records, err);

	for (size_t i = 0; r == 0 && i < records.n; i++) {
		if (strcmp(records.v[i].uuid, uuid) == 0)
			r = restore_one(c, &records.v[i], &records, 0, err);
	}
	record_list_done(&records);
	return r;
}

static int report(struct ofbc_plan *plan, const struct record *rec, int r, const struct ofbc_error *why)
{
	struct ofbc_step *s = list_add(&plan->steps);

	if (!s)
		return -ENOMEM;
	s->action = OFBC_ACTION_CREATE;
	text_copy(s->gpu, sizeof(s->gpu), rec->gpu);
	text_copy(s->technology, sizeof(s->technology), rec->technology);
	text_copy(s->type, sizeof(s->type), rec->type);
	text_copy(s->partition, sizeof(s->partition), rec->uuid);
	text_copy(s->name, sizeof(s->name), rec->name);
	s->placement = rec->placement;
	text_copy(s->reason, sizeof(s->reason), r < 0 ? why->message : "restored");
	return 0;
}

static int restore_all(struct change *c, const struct record_list *records, unsigned flags,
                       struct ofbc_plan *plan, struct ofbc_error *err)
{
	unsigned failed = 0, all = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < records->n; i++) {
		struct ofbc_error why = {0};
		int q;

		if (!is_lost(&c->inv, &records->v[i]))
			continue;
		q = restore_one(c, &records->v[i], records, flags, &why);
		all++;
		failed += q < 0;
		if (q < 0 && err && !err->code)
			*err = why;
		r = report(plan, &records->v[i], q, &why);
	}
	if (r < 0 || !failed)
		return r;
	error_wrap(err, "%u of %u partitions could not be restored", failed, all);
	if (err && !err->hint[0])
		error_hint(err, "the others stand; try again when the cause is mended");
	return 1;
}

int ofbc_host_restore(struct ofbc_context *ctx, unsigned wait_s, unsigned flags, struct ofbc_plan **ret,
                      struct ofbc_error *err)
{
	_cleanup_change_ struct change c = CHANGE_INIT;
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = calloc(1, sizeof(*plan));
	struct record_list records = {0};
	int r = plan ? change_begin(ctx, APPLY_FLAGS, NULL, &c, err) : -ENOMEM;

	if (r == 0)
		r = wait_for_drivers(&c, wait_s, err);
	if (r == 0)
		r = store_records(c.store, &records, err);
	if (r == 0)
		r = restore_all(&c, &records, flags, plan, err);
	record_list_done(&records);
	if (r < 0)
		return r;
	*ret = steal_ptr(plan);
	return r;
}
