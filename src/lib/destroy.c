/* SPDX-License-Identifier: MIT */
/* Destroying partitions: all are checked before the first is touched; nobody is ever killed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "lib/inventory.h"

DEFINE_CLEANUP(struct ofbc_partition_list *, ofbc_partition_list_free);

struct targets {
	struct ofbc_partition **v;
	size_t n, cap;
};

static int add_target(struct targets *t, struct ofbc_partition *p)
{
	struct ofbc_partition **slot;

	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i] == p)
			return 0;
	}
	slot = list_add(t);
	if (!slot)
		return -ENOMEM;
	*slot = p;
	return 0;
}

static int later_first(const void *a, const void *b)
{
	const struct ofbc_partition *x = *(struct ofbc_partition *const *)a,
				    *y = *(struct ofbc_partition *const *)b;

	return (x < y) - (x > y);
}

/* In the end the reverse of the list's order: what stands in another partition comes behind it there. */
static int select_targets(struct inventory *inv, const char *const *specs, size_t n, unsigned flags,
                          struct targets *ret, struct ofbc_error *err)
{
	for (size_t i = 0; (flags & OFBC_DESTROY_ALL) && i < inv->partitions.n; i++) {
		struct ofbc_partition *p = &inv->partitions.v[i];

		if ((p->is_ours || (flags & OFBC_DESTROY_FOREIGN)) && add_target(ret, p) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		const struct ofbc_partition *p;
		int r = ofbc_partition_find(&inv->partitions, specs[i], &p, err);

		if (r < 0)
			return r;
		if (add_target(ret, &inv->partitions.v[p - inv->partitions.v]) < 0)
			return -ENOMEM;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), later_first);
	return 0;
}

static int check_owner(const struct ofbc_partition *p, unsigned flags, struct ofbc_error *err)
{
	if (p->is_ours || (flags & OFBC_DESTROY_FOREIGN))
		return 0;
	error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED, "partition %s was not made by this program",
	          p->uuid);
	error_hint(
		err,
		"adopt it with `openforbc partition adopt %s`, or add --foreign to destroy it all the same",
		p->uuid);
	return -EPERM;
}

/* Held only by partitions that go before it. */
static bool holders_go_too(const struct targets *t, const struct ofbc_partition *p)
{
	for (size_t i = 0; i < p->holders.n; i++) {
		bool goes = false;

		for (size_t k = 0; strcmp(p->holders.v[i].kind, HOLDER_PARTITION) == 0 && k < t->n; k++)
			goes |= strcmp(t->v[k]->handle, p->holders.v[i].name) == 0;
		if (!goes)
			return false;
	}
	return true;
}

static int check_idle(struct inventory *inv, const struct targets *t, const struct ofbc_partition *p,
                      struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);

	if (p->state == OFBC_PARTITION_LOST)
		return 0;
	if (!holders_go_too(t, p))
		return holder_error(&p->holders, err, "partition %s%s%s", p->uuid, p->name[0] ? " " : "",
		                    p->name);
	if (p->state == OFBC_PARTITION_UNKNOWN || !v) {
		const char *why =
			v && v->technology->reason[0] ? v->technology->reason : inv->partitions.note;

		error_set(err, EBUSY, OFBC_REASON_IN_USE,
		          "partition %s: whether it is in use could not be read%s%s", p->uuid,
		          why[0] ? ": " : "", why);
		error_hint(err, "run as root; `openforbc host doctor` says what is missing");
		return -EBUSY;
	}
	return 0;
}

/* Partitions that live and die together must all be named. */
static int check_unit(struct inventory *inv, const struct targets *t, const struct ofbc_partition *p,
                      struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);

	if (p->state == OFBC_PARTITION_LOST || !v || !(v->ops->caps & BACKEND_UNIT))
		return 0;
	for (size_t i = 0; i < inv->partitions.n; i++) {
		const struct ofbc_partition *q = &inv->partitions.v[i];
		bool named = false;

		if (q->technology != p->technology || strcmp(q->gpu, p->gpu) != 0 ||
		    q->state == OFBC_PARTITION_LOST)
			continue;
		for (size_t k = 0; k < t->n; k++)
			named |= t->v[k] == q;
		if (named)
			continue;
		error_set(err, EINVAL, OFBC_REASON_USAGE,
		          "partition %s vanishes only together with the others of its GPU, %s was not named",
		          p->uuid, q->uuid);
		error_hint(err, "name all %s partitions of %s, or use --all", p->technology, v->gpu->alias);
		return -EINVAL;
	}
	return 0;
}

static struct record *record_of(struct inventory *inv, const struct ofbc_partition *p)
{
	for (size_t i = 0; p->is_ours && i < inv->records.n; i++) {
		if (strcmp(inv->records.v[i].uuid, p->uuid) == 0)
			return &inv->records.v[i];
	}
	return NULL;
}

/* All targets at once. What stays after a failure or a kill is looked at by the next change: complete, it is
 * active again; half destroyed, it is taken down. */
static int note_intent(struct inventory *inv, struct store *s, const struct targets *t,
                       struct ofbc_error *err)
{
	int r = store_begin(s, err);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		struct record *rec = record_of(inv, t->v[i]);

		if (!rec)
			continue;
		rec->state = RECORD_DESTROYING;
		r = store_put(s, rec, err);
	}
	return store_end(s, r, err);
}

/* A member of a unit whose first one took all with it. */
static bool went_with(const struct targets *t, size_t i, const struct backend_ops *ops)
{
	for (size_t k = 0; (ops->caps & BACKEND_UNIT) && k < i; k++) {
		if (t->v[k]->technology == t->v[i]->technology && strcmp(t->v[k]->gpu, t->v[i]->gpu) == 0 &&
		    t->v[k]->state != OFBC_PARTITION_LOST)
			return true;
	}
	return false;
}

static int destroy_one(struct inventory *inv, struct store *s, const struct targets *t, size_t i,
                       struct ofbc_error *err)
{
	struct ofbc_partition *p = t->v[i];
	struct view *v = inventory_view(inv, p->gpu, p->technology);
	int r = 0;

	if (p->state != OFBC_PARTITION_LOST && v && !went_with(t, i, v->ops)) {
		if (!v->ops->destroy)
			return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
			                 "%s partitions cannot be destroyed", v->ops->name);
		r = v->ops->destroy(&inv->host, v->gpu, p, err);
		if (r < 0)
			return error_wrap(err, "GPU %s: cannot destroy partition %s", v->gpu->alias, p->uuid);
	}
	return p->is_ours ? store_forget(s, p->uuid, err) : 0;
}

int destroy_chosen(struct inventory *inv, struct store *s, struct ofbc_partition *p, struct ofbc_error *err)
{
	struct ofbc_partition *one[] = {p};
	const struct targets t = {.v = one, .n = 1};
	int r = check_idle(inv, &t, p, err);

	if (r == 0)
		r = note_intent(inv, s, &t, err);
	return r < 0 ? r : destroy_one(inv, s, &t, 0, err);
}

static int destroy_all(struct inventory *inv, struct store *s, const struct targets *t, unsigned flags,
                       struct ofbc_partition_list *done, struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->n; i++) {
		r = check_owner(t->v[i], flags, err);
		if (r >= 0)
			r = check_idle(inv, t, t->v[i], err);
		if (r >= 0)
			r = check_unit(inv, t, t->v[i], err);
	}
	if (r >= 0)
		r = note_intent(inv, s, t, err);
	for (size_t i = 0; r >= 0 && i < t->n; i++) {
		r = destroy_one(inv, s, t, i, err);
		if (r >= 0)
			r = partition_list_copy(t->v[i], done);
		if (r < 0 && done->n)
			error_wrap(err, "%zu of %zu were destroyed before", done->n, t->n);
	}
	return r;
}

int ofbc_partition_destroy(struct ofbc_context *ctx, const char *const *specs, size_t n, unsigned flags,
                           struct ofbc_partition_list **ret, struct ofbc_error *err)
{
	_cleanup_change_ struct change c = CHANGE_INIT;
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *done = calloc(1, sizeof(*done));
	_cleanup_free_ struct ofbc_partition **to_free = NULL;
	struct targets targets = {0};
	int r = change_begin(ctx, INVENTORY_HOLDERS, NULL, &c, err);

	if (!done)
		return -ENOMEM;
	if (r == 0)
		r = select_targets(&c.inv, specs, n, flags, &targets, err);
	to_free = targets.v;
	if (r == 0)
		r = destroy_all(&c.inv, c.store, &targets, flags, done, err);
	if (r < 0)
		return r;
	if (ret)
		*ret = steal_ptr(done);
	return 0;
}
