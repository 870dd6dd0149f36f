/* SPDX-License-Identifier: MIT */
/*
 * Carrying a plan out: the journal has every step before the first is done. What fails, or is killed, is
 * taken back in reverse order: what was made is destroyed, what was destroyed is made again under its UUID,
 * name and place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "lib/layout.h"

DEFINE_CLEANUP(struct ofbc_plan *, ofbc_plan_free);

static void journal_done(struct journal *j)
{
	free(j->v);
}
#define _cleanup_journal_ __attribute__((cleanup(journal_done)))

static int make_journal(const struct ofbc_plan *plan, struct journal *ret)
{
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ofbc_step *s = &plan->steps.v[i];
		struct journal_row *row = list_add(ret);

		if (!row)
			return -ENOMEM;
		row->number = (unsigned)i;
		row->action = (int)s->action;
		text_copy(row->rec.uuid, sizeof(row->rec.uuid), s->partition);
		text_copy(row->rec.name, sizeof(row->rec.name), s->name);
		text_copy(row->rec.gpu, sizeof(row->rec.gpu), s->gpu);
		text_copy(row->rec.technology, sizeof(row->rec.technology), s->technology);
		text_copy(row->rec.type, sizeof(row->rec.type), s->type);
		text_copy(row->variant, sizeof(row->variant), s->variant);
		row->rec.placement = s->placement;
		row->rec.memory_bytes = s->memory_bytes;
		/* known before it is made, so that a killed apply knows what was its own */
		if (s->action == OFBC_ACTION_CREATE && !s->partition[0] && uuid_generate(row->rec.uuid) < 0)
			return -EIO;
	}
	return 0;
}

/* --- single steps; each works on the inventory as it is now --- */

static struct ofbc_partition *find(struct inventory *inv, const char *uuid)
{
	for (size_t i = 0; i < inv->partitions.n; i++) {
		struct ofbc_partition *p = &inv->partitions.v[i];

		if (p->is_ours && p->state != OFBC_PARTITION_LOST && strcmp(p->uuid, uuid) == 0)
			return p;
	}
	return NULL;
}

int change_reload(struct change *c, struct ofbc_error *err)
{
	struct ofbc_context *ctx = c->inv.ctx;

	inventory_done(&c->inv);
	c->inv = (struct inventory){0};
	return inventory_load(ctx, APPLY_FLAGS | INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, &c->inv,
	                      err);
}

int make_recorded(struct change *c, const struct record *rec, bool again, struct ofbc_error *err)
{
	_cleanup_(partition_list_done) struct ofbc_partition_list made = {0};
	struct choice choice = {.view = inventory_view(&c->inv, rec->gpu, rec->technology),
	                        .placement = rec->placement};

	choice.type = choice.view ? view_type(choice.view, rec->type, &choice.param) : NULL;
	if (!choice.type)
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "GPU %s offers no %s now", rec->gpu,
		                 rec->type);
	if (choice.type->is_parametric)
		choice.memory_bytes = rec->memory_bytes;
	if (!choice.view->ops->create)
		return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s partitions cannot be created",
		                 choice.view->ops->name);
	return create_chosen(&c->inv, c->store, &choice, rec->name, rec->uuid, again, &made, err);
}

static bool is_unit(struct change *c, const struct record *rec)
{
	const struct view *v = inventory_view(&c->inv, rec->gpu, rec->technology);

	return v && (v->ops->caps & BACKEND_UNIT);
}

/* Of a unit the first takes all members with it. */
static int unmake(struct change *c, const struct record *rec, struct ofbc_error *err)
{
	struct ofbc_partition *p = find(&c->inv, rec->uuid);
	int r = p ? destroy_chosen(&c->inv, c->store, p, err) : store_forget(c->store, rec->uuid, err);

	for (size_t i = 0; r == 0 && is_unit(c, rec) && i < c->inv.partitions.n; i++) {
		const struct ofbc_partition *q = &c->inv.partitions.v[i];

		if (q->is_ours && q->technology && strcmp(q->technology, rec->technology) == 0 &&
		    strcmp(q->gpu, rec->gpu) == 0)
			r = store_forget(c->store, q->uuid, err);
	}
	return r;
}

int take_member(struct change *c, const struct record *rec, const struct record_list *known,
                struct ofbc_error *err)
{
	for (size_t i = 0; is_unit(c, rec) && i < c->inv.partitions.n; i++) {
		const struct ofbc_partition *p = &c->inv.partitions.v[i];
		struct record own = *rec;
		bool is_known = false;
		int r;

		for (size_t k = 0; k < known->n; k++)
			is_known |= strcmp(known->v[k].uuid, p->uuid) == 0;
		if (is_known || !p->is_ours || p->state == OFBC_PARTITION_LOST || !p->technology ||
		    strcmp(p->technology, rec->technology) != 0 || strcmp(p->gpu, rec->gpu) != 0)
			continue;
		text_copy(own.device, sizeof(own.device), p->device);
		own.state = RECORD_ACTIVE;
		r = store_begin(c->store, err);
		if (r == 0)
			r = store_forget(c->store, p->uuid, err);
		if (r == 0)
			r = store_put(c->store, &own, err);
		r = store_end(c->store, r, err);
		return r < 0 ? r : 1;
	}
	return 0;
}

static int change_mode(struct change *c, const struct journal_row *row, bool on, unsigned flags,
                       struct ofbc_error *err)
{
	char technology[64];
	int r = on ? 0 : change_reload(c, err); /* what was destroyed before is not in its way */

	if (r < 0)
		return r;
	snprintf(technology, sizeof(technology), "%s%s%s", row->rec.technology,
	         on && row->variant[0] ? "=" : "", on ? row->variant : "");
	r = mode_change(&c->inv, row->rec.gpu, technology, on,
	                flags & OFBC_LAYOUT_RESET ? OFBC_MODE_RESET : 0, err);
	if (r < 0)
		return r;
	/* types, places and technologies are others now */
	return change_reload(c, err);
}

static int rename_partition(struct change *c, const char *uuid, const char *name, struct ofbc_error *err)
{
	for (size_t i = 0; i < c->inv.records.n; i++) {
		struct record *rec = &c->inv.records.v[i];

		if (strcmp(rec->uuid, uuid) != 0)
			continue;
		text_copy(rec->name, sizeof(rec->name), name);
		return store_put(c->store, rec, err);
	}
	return error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "partition %s is not recorded", uuid);
}

static int do_step(struct change *c, struct journal_row *row, unsigned flags, struct ofbc_error *err)
{
	switch ((enum ofbc_action)row->action) {
	case OFBC_ACTION_DESTROY:
		return unmake(c, &row->rec, err);
	case OFBC_ACTION_MODE_OFF:
		return change_mode(c, row, false, flags, err);
	case OFBC_ACTION_MODE_ON:
		return change_mode(c, row, true, flags, err);
	case OFBC_ACTION_RENAME:
		return rename_partition(c, row->rec.uuid, row->rec.name, err);
	case OFBC_ACTION_CREATE:
		return make_recorded(c, &row->rec, false, err);
	}
	return -EINVAL;
}

/* --- taking back --- */

/* What was destroyed and cannot be made again is remembered as lost, for `host restore`. */
static int remember_lost(struct change *c, const struct record *rec)
{
	struct record lost = *rec;

	lost.state = RECORD_ACTIVE;
	lost.created_unix_s = wall_clock_s();
	return store_put(c->store, &lost, NULL);
}

static int take_back_one(struct change *c, const struct journal_row *row, const struct record_list *known,
                         struct ofbc_error *err)
{
	int r = 0;

	switch ((enum ofbc_action)row->action) {
	case OFBC_ACTION_CREATE:
		return find(&c->inv, row->rec.uuid) ? unmake(c, &row->rec, err) : 0;
	case OFBC_ACTION_DESTROY:
		if (find(&c->inv, row->rec.uuid))
			return 0;
		r = take_member(c, &row->rec, known, err);
		if (r == 0)
			r = make_recorded(c, &row->rec, true, err);
		if (r < 0)
			(void)remember_lost(c, &row->rec);
		return r;
	case OFBC_ACTION_RENAME:
		return rename_partition(c, row->rec.uuid, row->variant, err);
	case OFBC_ACTION_MODE_ON:
		/* a mode that cannot be taken back without a reset does no harm */
		return row->state == JOURNAL_DONE
		               ? change_mode(c, row, false, 0, NULL) < 0 ? change_reload(c, err) : 0
		               : 0;
	case OFBC_ACTION_MODE_OFF:
		return row->state == JOURNAL_DONE ? change_mode(c, row, true, 0, err) : 0;
	}
	return r;
}

/* Of a unit all members went with the first. */
static bool was_begun(struct change *c, const struct journal *j, size_t i)
{
	const struct journal_row *row = &j->v[i];

	if (row->state != JOURNAL_PLANNED || row->action != OFBC_ACTION_DESTROY || !is_unit(c, &row->rec))
		return row->state != JOURNAL_PLANNED;
	for (size_t k = 0; k < j->n; k++) {
		const struct journal_row *o = &j->v[k];

		if (o->action == OFBC_ACTION_DESTROY && o->state != JOURNAL_PLANNED &&
		    strcmp(o->rec.gpu, row->rec.gpu) == 0 &&
		    strcmp(o->rec.technology, row->rec.technology) == 0)
			return true;
	}
	return false;
}

/* In reverse order, each although another fails; the first failure is reported. */
static int take_back(struct change *c, const struct journal *j, unsigned *ret_n, struct ofbc_error *err)
{
	struct record_list known = {0};
	int first = change_settle(c->inv.ctx, c->store, err);

	if (first == 0)
		first = change_reload(c, err);
	for (size_t i = 0; first == 0 && i < j->n; i++) {
		struct record *rec = list_add(&known);

		first = rec ? 0 : -ENOMEM;
		if (rec)
			*rec = j->v[i].rec;
	}
	for (size_t i = first < 0 ? 0 : j->n; i-- > 0;) {
		struct ofbc_error why = {0};
		int r;

		if (!was_begun(c, j, i))
			continue;
		r = take_back_one(c, &j->v[i], &known, &why);
		/* partitions that appeared or went must be seen by the next step */
		if (r >= 0 && j->v[i].action != OFBC_ACTION_RENAME)
			r = change_reload(c, &why);
		if (r >= 0)
			(*ret_n)++;
		else if (first == 0) {
			if (err)
				*err = why;
			first = r;
		}
	}
	record_list_done(&known);
	return first;
}

int layout_recover(struct change *c, struct ofbc_error *err)
{
	_cleanup_journal_ struct journal j = {0};
	struct ofbc_error why = {0};
	unsigned n = 0;
	int r = store_journal_read(c->store, &j, err);

	if (r < 0)
		return r;
	if (take_back(c, &j, &n, &why) < 0)
		platform_debug(c->inv.ctx->platform,
		               "an apply that was killed could not be taken back wholly: %s", why.message);
	return store_journal_clear(c->store, err);
}

static int fail(struct change *c, struct journal *j, const struct journal_row *row, int r,
                struct ofbc_error *err)
{
	struct ofbc_error why = {0};
	unsigned n = 0;

	if (take_back(c, j, &n, &why) < 0) {
		error_wrap(err, "step %u (%s) failed, and not all could be taken back (%s)", row->number + 1,
		           row->rec.gpu, why.message);
		error_hint(
			err,
			"`openforbc partition list` shows what stands; `openforbc host restore` makes lost ones again");
	} else if (err) {
		error_wrap(err, "step %u failed, all steps were taken back", row->number + 1);
		err->reason = OFBC_REASON_ROLLED_BACK;
	}
	(void)store_journal_clear(c->store, NULL);
	return r;
}

/* --- hooks --- */

struct applying {
	const struct layout_hooks *hooks;
	char drained[32]; /* GPU whose services were stopped; "" none */
};

static int run_hook(struct change *c, const struct layout_hooks *h, const char *name, const char *command,
                    const char *gpu, struct ofbc_error *err)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	char hook_env[64], gpu_env[64];
	const char *const env[] = {hook_env, gpu_env, NULL};
	struct command_result result = {0};
	struct platform *p = c->inv.ctx->platform;
	int r;

	if (!command[0])
		return 0;
	snprintf(hook_env, sizeof(hook_env), "OPENFORBC_HOOK=%s", name);
	snprintf(gpu_env, sizeof(gpu_env), "OPENFORBC_GPU=%s", gpu);
	r = p->ops->run(p, &(struct command){.argv = argv, .env = env, .timeout_ms = h->timeout_s * 1000},
	                &result);
	if (r == 0 && result.status == 0)
		return 0;
	result.out[strcspn(result.out, "\n")] = '\0';
	if (r == -ETIMEDOUT)
		error_set(err, ETIMEDOUT, OFBC_REASON_FAILED, "hook %s did not end within %u s", name,
		          h->timeout_s);
	else if (r < 0)
		error_set_errno(err, -r, "hook %s", name);
	else
		error_set(err, EIO, OFBC_REASON_FAILED, "hook %s ended with status %d%s%.200s", name,
		          result.status, result.out[0] ? ": " : "", result.out);
	error_hint(err, "%.300s", command);
	return r < 0 ? r : -EIO;
}

/* Services of the GPU before are started again, those of the next are stopped. gpu NULL: only the first. */
static int change_gpu(struct change *c, struct applying *a, const char *gpu, struct ofbc_error *err)
{
	int r = 0;

	if (gpu && strcmp(a->drained, gpu) == 0)
		return 0;
	if (a->drained[0])
		r = run_hook(c, a->hooks, "undrain", a->hooks->undrain, a->drained, err);
	a->drained[0] = '\0';
	if (r == 0 && gpu) {
		text_copy(a->drained, sizeof(a->drained), gpu);
		r = run_hook(c, a->hooks, "drain", a->hooks->drain, gpu, err);
	}
	return r;
}

/* --- apply --- */

static int run_steps(struct change *c, struct journal *j, const struct ofbc_plan *plan, unsigned flags,
                     struct applying *a, ofbc_progress progress, void *data, struct ofbc_error *err)
{
	for (size_t i = 0; i < j->n; i++) {
		struct journal_row *row = &j->v[i];
		int r = change_gpu(c, a, row->rec.gpu, err);

		if (r < 0)
			return fail(c, j, row, r, err);
		text_copy(plan->steps.v[i].partition, sizeof(plan->steps.v[i].partition), row->rec.uuid);
		if (progress)
			progress(data, &plan->steps.v[i], false);
		row->state = JOURNAL_STARTED;
		r = store_journal_mark(c->store, row, err);
		if (r == 0)
			r = do_step(c, row, flags, err);
		row->state = r < 0 ? JOURNAL_STARTED : JOURNAL_DONE;
		if (r >= 0)
			r = store_journal_mark(c->store, row, err);
		if (r < 0)
			return fail(c, j, row, r, err);
		if (progress)
			progress(data, &plan->steps.v[i], true);
	}
	return store_journal_finish(c->store, err);
}

int ofbc_layout_apply(struct ofbc_context *ctx, const struct ofbc_layout *layout, unsigned flags,
                      ofbc_progress progress, void *data, struct ofbc_plan **ret, struct ofbc_error *err)
{
	_cleanup_change_ struct change c = CHANGE_INIT;
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = calloc(1, sizeof(*plan));
	_cleanup_journal_ struct journal j = {0};
	struct applying a = {.hooks = &layout->hooks};
	int r = plan ? change_begin(ctx, APPLY_FLAGS, NULL, &c, err) : -ENOMEM;

	if (r == 0)
		r = layout_plan_with(&c.inv, layout, flags, plan, err);
	if (r == 0)
		r = make_journal(plan, &j);
	if (r == 0 && j.n)
		r = run_hook(&c, a.hooks, "pre-apply", a.hooks->pre_apply, "", err);
	if (r == 0 && j.n) {
		int q;

		r = store_journal_begin(c.store, &j, err);
		if (r == 0)
			r = run_steps(&c, &j, plan, flags, &a, progress, data, err);
		/* also after a failure: what was stopped is started again */
		q = change_gpu(&c, &a, NULL, r < 0 ? NULL : err);
		r = r < 0 ? r : q;
	}
	if (r == 0 && j.n)
		r = run_hook(&c, a.hooks, "post-apply", a.hooks->post_apply, "", err);
	if (r < 0)
		return r;
	*ret = steal_ptr(plan);
	return 0;
}

int ofbc_layout_defragment(struct ofbc_context *ctx, const char *gpu, bool apply, ofbc_progress progress,
                           void *data, struct ofbc_plan **ret, struct ofbc_error *err)
{
	static const struct layout_hooks no_hooks;
	_cleanup_change_ struct change c = CHANGE_INIT;
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = calloc(1, sizeof(*plan));
	_cleanup_journal_ struct journal j = {0};
	struct applying a = {.hooks = &no_hooks};
	const struct ofbc_gpu *only = NULL;
	int r = !plan   ? -ENOMEM
	        : apply ? change_begin(ctx, APPLY_FLAGS, NULL, &c, err)
	                : inventory_load(ctx, APPLY_FLAGS | INVENTORY_PARTITIONS, NULL, NULL, &c.inv, err);

	if (r == 0 && gpu)
		r = ofbc_gpu_find(&c.inv.gpus, gpu, &only, err);
	if (r == 0)
		r = layout_defragment_with(&c.inv, only, plan, err);
	if (r == 0)
		r = make_journal(plan, &j);
	if (r == 0 && apply && j.n) {
		r = store_journal_begin(c.store, &j, err);
		if (r == 0)
			r = run_steps(&c, &j, plan, 0, &a, progress, data, err);
	}
	if (r < 0)
		return r;
	*ret = steal_ptr(plan);
	return 0;
}

static int check_free(struct change *c, const struct journal *j, struct ofbc_error *err)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct ofbc_partition *p =
			j->v[i].action == OFBC_ACTION_CREATE ? find(&c->inv, j->v[i].rec.uuid) : NULL;

		if (p && p->holders.n)
			return holder_error(&p->holders, err, "partition %s%s%s", p->uuid,
			                    p->name[0] ? " " : "", p->name);
	}
	return 0;
}

int ofbc_layout_rollback(struct ofbc_context *ctx, unsigned *ret, struct ofbc_error *err)
{
	_cleanup_change_ struct change c = CHANGE_INIT;
	_cleanup_journal_ struct journal j = {0};
	int r = change_begin(ctx, APPLY_FLAGS, NULL, &c, err);

	*ret = 0;
	if (r == 0)
		r = store_journal_read(c.store, &j, err);
	if (r == 0 && j.n == 0) {
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "there is no apply to take back");
		error_hint(err, "only the last `layout apply` can be, and only once");
		return -ENOENT;
	}
	if (r == 0)
		r = check_free(&c, &j, err);
	if (r == 0)
		r = take_back(&c, &j, ret, err);
	return r < 0 ? r : store_journal_clear(c.store, err);
}
