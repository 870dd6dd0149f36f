/* SPDX-License-Identifier: MIT */
/*
 * Making partitions: choose GPU and placement, record the intent, let the backend act, record the outcome.
 * A record in state "creating" is what the next command finds when this one is killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "lib/inventory.h"

DEFINE_CLEANUP(struct ofbc_partition_list *, ofbc_partition_list_free);

/* Share of a GPU that is taken: what --policy compares. */
static double gpu_load(const struct inventory *inv, const struct ofbc_gpu *gpu)
{
	double load = 0;

	for (size_t i = 0; i < inv->views.n; i++) {
		const struct view *v = &inv->views.v[i];

		for (size_t k = 0; v->gpu == gpu && k < v->usage.n; k++) {
			const struct used *u = &v->usage.v[k];

			if (u->type && u->type->is_parametric)
				load += (double)u->extra_draw / u->type->param_max;
			else if (u->type)
				load += u->type->compute_share;
		}
	}
	return load;
}

/* Why this choice cannot be made now; NULL when it can, with its placement filled in. */
static const char *choice_refused(struct choice *c, const struct ofbc_create_request *rq)
{
	struct view *v = c->view;

	if (c->type->free == 0)
		return c->type->why_not;
	if (rq->placement >= 0) {
		struct ofbc_placement at = {.start = (unsigned)rq->placement};

		at.size = c->type->n_placements ? c->type->placements[0].size : 0;
		for (size_t i = 0; i < c->type->n_placements; i++) {
			if (c->type->placements[i].start == at.start)
				at = c->type->placements[i];
		}
		c->placement = at;
		return capacity_refuses(&v->capacity, &v->usage, c->type, at, c->param);
	}
	if (c->type->n_placements == 0) {
		c->placement = (struct ofbc_placement){0};
		return capacity_refuses(&v->capacity, &v->usage, c->type, c->placement, c->param);
	}
	if (capacity_choose(&v->capacity, &v->usage, c->type, &v->types, &c->placement) < 0)
		return "no placement is free";
	return NULL;
}

static int refuse(const struct choice *c, const char *why, const struct ofbc_create_request *rq,
                  struct ofbc_error *err)
{
	char places[160] = "";

	if (rq->placement >= 0 && strstr(why, "placement")) {
		for (size_t i = 0; i < c->type->n_placements && strlen(places) < sizeof(places) - 16; i++)
			snprintf(places + strlen(places), sizeof(places) - strlen(places), "%s%u",
			         i ? ", " : "", c->type->placements[i].start);
		error_set(err, EINVAL, OFBC_REASON_USAGE, "GPU %s: %s cannot start at slot %d",
		          c->view->gpu->alias, c->type->key, rq->placement);
		error_hint(err, c->type->n_placements ? "valid are %s" : "this type has no placements%s",
		           places);
		return -EINVAL;
	}
	error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY, "GPU %s: no room for %s: %s", c->view->gpu->alias,
	          c->type->key, why);
	if (c->view->gpu->cordoned)
		error_hint(err, "`openforbc gpu uncordon %s` allows new partitions again",
		           c->view->gpu->alias);
	else
		error_hint(err, "`openforbc type list %s --creatable` shows what fits", c->view->gpu->alias);
	return -ENOSPC;
}

/* Choices are sorted by type; among the first type that has room anywhere, the GPU decides: ready before
 * off, then the fullest (pack) or the emptiest (spread), then the order of the list. */
static int pick(struct inventory *inv, struct choice_list *choices, const struct ofbc_create_request *rq,
                struct choice *ret, struct ofbc_error *err)
{
	struct choice *best = NULL, *refused = NULL;
	const char *why = NULL, *first_why = NULL;
	double best_load = 0;

	for (size_t i = 0; i < choices->n; i++) {
		struct choice *c = &choices->v[i];
		double load = gpu_load(inv, c->view->gpu);
		bool ready = c->view->technology->state == OFBC_TECHNOLOGY_READY;

		if (best && (strcmp(best->type->key, c->type->key) != 0 || best->param != c->param) &&
		    !rq->type)
			break;
		why = choice_refused(c, rq);
		if (why) {
			refused = refused ? refused : c;
			first_why = first_why ? first_why : why;
			continue;
		}
		if (best) {
			bool best_ready = best->view->technology->state == OFBC_TECHNOLOGY_READY;

			if (best_ready != ready ? best_ready
			    : rq->spread        ? load >= best_load
			                        : load <= best_load)
				continue;
		}
		best = c;
		best_load = load;
	}
	if (!best)
		return refuse(refused, first_why, rq, err);
	*ret = *best;
	return 0;
}

static int check_name(const struct inventory *inv, const char *name, struct ofbc_error *err)
{
	char uuid[UUID_STR_MAX];
	size_t n = strlen(name);

	if (n == 0 || n >= sizeof(inv->partitions.v[0].name) || name[0] == '-' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != n ||
	    parse_uuid(name, uuid) == 0) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' cannot be a partition name", name);
		error_hint(err,
		           "1 to 63 letters, digits, '.', '_' and '-', not a UUID, not beginning with '-'");
		return -EINVAL;
	}
	for (size_t i = 0; i < inv->records.n; i++) {
		if (strcmp(inv->records.v[i].name, name) == 0) {
			error_set(err, EEXIST, OFBC_REASON_USAGE, "a partition named '%s' exists already",
			          name);
			error_hint(err, "choose another name, or `openforbc partition destroy %s` first",
			           name);
			return -EEXIST;
		}
	}
	return 0;
}

/* "NAME", "NAME-2", "NAME-3" ... */
static int numbered_name(const char *name, unsigned index, char buf[64], struct ofbc_error *err)
{
	int n = name[0] && index ? snprintf(buf, 64, "%s-%u", name, index + 1)
	                         : snprintf(buf, 64, "%s", name);

	return n < 64 ? 0 : error_set(err, ENAMETOOLONG, OFBC_REASON_USAGE, "name '%s' is too long", name);
}

static void fill_record(struct record *rec, const struct choice *c, const char *uuid, const char *name)
{
	*rec = (struct record){.state = RECORD_CREATING,
	                       .placement = c->placement,
	                       .memory_bytes = c->memory_bytes ? c->memory_bytes : c->type->memory_bytes,
	                       .created_unix_s = wall_clock_s()};
	snprintf(rec->uuid, sizeof(rec->uuid), "%s", uuid);
	snprintf(rec->name, sizeof(rec->name), "%s", name);
	snprintf(rec->gpu, sizeof(rec->gpu), "%s", c->view->gpu->id);
	snprintf(rec->gpu_uuid, sizeof(rec->gpu_uuid), "%s", c->view->gpu->uuid);
	snprintf(rec->technology, sizeof(rec->technology), "%s", c->view->ops->name);
	if (c->type->is_parametric) {
		const char *nn = strstr(c->type->key, "NN");

		snprintf(rec->type, sizeof(rec->type), "%.*s%u%s", (int)(nn - c->type->key), c->type->key,
		         c->param, nn + 2);
		if (!c->memory_bytes)
			rec->memory_bytes = 0;
	} else {
		snprintf(rec->type, sizeof(rec->type), "%s", c->type->key);
	}
}

/* Until it is made it may be found by the device that it had; it is not forgotten when it cannot be made. */
static void mark_restoring(const struct inventory *inv, struct record *rec)
{
	rec->state = RECORD_RESTORING;
	for (size_t i = 0; i < inv->records.n; i++) {
		const struct record *old = &inv->records.v[i];

		if (strcmp(old->uuid, rec->uuid) == 0)
			memcpy(rec->device, old->device, sizeof(rec->device));
	}
}

/* The intent of a create is forgotten; what was to be made again is lost as it was before. */
static void record_failed(struct store *s, struct record *rec)
{
	if (rec->state == RECORD_CREATING) {
		store_forget(s, rec->uuid, NULL);
		return;
	}
	rec->state = RECORD_ACTIVE;
	store_put(s, rec, NULL);
}

static int record_made(struct store *s, struct record *rec, struct ofbc_partition *p, struct ofbc_error *err)
{
	rec->state = RECORD_ACTIVE;
	snprintf(rec->device, sizeof(rec->device), "%s", p->device);
	rec->placement = p->placement;
	memcpy(p->uuid, rec->uuid, sizeof(p->uuid));
	memcpy(p->name, rec->name, sizeof(p->name));
	snprintf(p->gpu, sizeof(p->gpu), "%s", rec->gpu);
	if (!p->memory_bytes)
		p->memory_bytes = rec->memory_bytes;
	p->is_ours = true;
	p->state = OFBC_PARTITION_READY;
	return store_put(s, rec, err);
}

/* A record of a lost partition whose device is back: of a unit by a boot, of a virtual function by chance. */
static const struct record *record_of_device(const struct inventory *inv, const struct record *rec,
                                             const char *device)
{
	for (size_t i = 0; i < inv->records.n; i++) {
		const struct record *r = &inv->records.v[i];

		if (strcmp(r->technology, rec->technology) == 0 && strcmp(r->gpu, rec->gpu) == 0 &&
		    strcmp(r->device, device) == 0)
			return r;
	}
	return NULL;
}

static bool name_is_taken(const struct inventory *inv, const char *name)
{
	for (size_t i = 0; i < inv->records.n; i++) {
		if (name[0] && strcmp(inv->records.v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The record of one that was made. What is made again has the record that its device had before; the record
 * that was asked for (`first`, until it is used) goes to the first device that had none. */
static int choose_record(const struct inventory *inv, struct store *s, const struct record *first, bool again,
                         const char *device, unsigned number, bool *first_used, struct record *ret,
                         struct ofbc_error *err)
{
	const struct record *old = record_of_device(inv, first, device);
	int r;

	*ret = *first;
	if (old && again && strcmp(old->uuid, first->uuid) != 0) {
		memcpy(ret->uuid, old->uuid, sizeof(ret->uuid));
		memcpy(ret->name, old->name, sizeof(ret->name));
		return 0;
	}
	if (old && !again && strcmp(old->uuid, first->uuid) != 0) {
		r = store_forget(s, old->uuid, err);
		if (r < 0)
			return r;
	}
	if (!*first_used) {
		*first_used = true;
		return 0;
	}
	r = uuid_generate(ret->uuid);
	if (r == 0)
		r = numbered_name(first->name, number, ret->name, err);
	if (name_is_taken(inv, ret->name))
		ret->name[0] = '\0';
	return r;
}

/* All members of a unit are recorded at once: one of which some are ours could not be destroyed. */
static int record_all(struct inventory *inv, struct store *s, const struct record *first, bool again,
                      struct ofbc_partition_list *made, size_t from, struct ofbc_error *err)
{
	bool first_used = false;
	int r = store_begin(s, err);

	if (r < 0)
		return r;
	for (size_t i = from; r == 0 && i < made->n; i++) {
		struct record rec;

		r = choose_record(inv, s, first, again, made->v[i].device, (unsigned)(i - from), &first_used,
		                  &rec, err);
		if (r == 0)
			r = record_made(s, &rec, &made->v[i], err);
	}
	if (r == 0 && !first_used)
		r = store_forget(s, first->uuid, err);
	return store_end(s, r, err);
}

int create_chosen(struct inventory *inv, struct store *s, const struct choice *c, const char *name,
                  const char *given_uuid, bool again, struct ofbc_partition_list *made,
                  struct ofbc_error *err)
{
	struct record rec;
	char uuid[UUID_STR_MAX];
	struct create_args args = {.type = c->type,
	                           .param = c->param,
	                           .placement = c->placement.size ? (int)c->placement.start : -1,
	                           .uuid = uuid,
	                           .memory_bytes = c->memory_bytes};
	size_t before = made->n;
	int r = given_uuid ? 0 : uuid_generate(uuid);

	if (r < 0)
		return error_set_errno(err, -r, "cannot make a UUID");
	if (given_uuid)
		snprintf(uuid, sizeof(uuid), "%s", given_uuid);
	fill_record(&rec, c, uuid, name);
	if (name[0] && !given_uuid) {
		r = check_name(inv, name, err);
		if (r < 0)
			return r;
	}
	if (again)
		mark_restoring(inv, &rec);
	r = store_put(s, &rec, err);
	if (r < 0)
		return r;
	r = c->view->ops->create(&inv->host, c->view->gpu, &args, made, err);
	if (r < 0) {
		record_failed(s, &rec);
		return error_wrap(err, "GPU %s: cannot create %s", c->view->gpu->alias, rec.type);
	}
	for (size_t i = before; i < made->n; i++) {
		made->v[i].technology = c->view->ops->name;
		if (!made->v[i].type[0])
			snprintf(made->v[i].type, sizeof(made->v[i].type), "%s", rec.type);
	}
	return record_all(inv, s, &rec, again, made, before, err);
}

/* Undo in reverse order what was made before the failure. */
static int undo(struct inventory *inv, struct store *s, struct ofbc_partition_list *made, int r,
                struct ofbc_error *err)
{
	struct ofbc_error e = {0};
	bool undone = made->n > 0;

	if (!undone)
		return r;
	while (made->n > 0) {
		struct ofbc_partition *p = &made->v[made->n - 1];
		struct view *v = inventory_view(inv, p->gpu, p->technology);

		if (!v || !v->ops->destroy || v->ops->destroy(&inv->host, v->gpu, p, &e) < 0)
			return error_wrap(err, "partition %s stays, it could not be destroyed again (%s)",
			                  p->uuid, e.message);
		store_forget(s, p->uuid, NULL);
		if (v->ops->caps & BACKEND_UNIT) {
			for (size_t i = 0; i + 1 < made->n; i++)
				store_forget(s, made->v[i].uuid, NULL);
			made->n = 0;
		} else {
			made->n--;
		}
	}
	if (err) {
		err->reason = OFBC_REASON_ROLLED_BACK;
		error_wrap(err, "all partitions of this request were destroyed again");
	}
	return r;
}

static unsigned count_for(const struct ofbc_create_request *rq, const struct choice *c)
{
	unsigned count = rq->count ? rq->count : 1;

	return c->type->unit_count > 1 && count == c->type->unit_count ? 1 : count;
}

static int check_unit(const struct ofbc_create_request *rq, const struct choice *c, struct ofbc_error *err)
{
	if (c->type->unit_count <= 1 || rq->count == 0 || rq->count == c->type->unit_count)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "%s makes %u partitions at once, not %u", c->type->key,
	          c->type->unit_count, rq->count);
	error_hint(err, "leave out --count or say --count %u", c->type->unit_count);
	return -EINVAL;
}

/* Adds what was made to the inventory, so that the next choice sees it. */
static int note_made(struct inventory *inv, const struct choice *c, const struct ofbc_partition_list *made,
                     size_t from)
{
	for (size_t i = from; i < made->n; i++) {
		int r = partition_list_copy(&made->v[i], &inv->partitions);

		if (r < 0)
			return r;
	}
	/* The technology may just have been switched on by the backend. */
	c->view->technology->state = OFBC_TECHNOLOGY_READY;
	return inventory_recount(inv, c->view->gpu);
}

static bool all_fit_one_gpu(struct inventory *inv, const struct choice *c, unsigned count)
{
	_cleanup_free_ const struct ofbc_type **types = calloc(count, sizeof(*types));

	(void)inv;
	if (!types)
		return false;
	for (unsigned i = 0; i < count; i++)
		types[i] = c->type;
	return capacity_fits(&c->view->capacity, &c->view->usage, types, count, NULL);
}

/* Before anything is touched: is there room for all of them? Sums over the GPUs that know the type. */
static int check_room(struct inventory *inv, const struct choice_list *choices, const struct choice *first,
                      unsigned count, struct ofbc_error *err)
{
	unsigned room = 0;

	if (count > 4096)
		return error_set(err, ERANGE, OFBC_REASON_USAGE, "%u partitions are too many, at most 4096",
		                 count);
	for (size_t i = 0; i < choices->n; i++) {
		const struct choice *c = &choices->v[i];
		unsigned free = c->type->is_parametric && c->param
		                        ? (unsigned)((uint64_t)c->type->free * c->type->param_min / c->param)
		                        : c->type->free;

		if (strcmp(c->type->key, first->type->key) == 0)
			room += free > count ? count : free;
	}
	if (room >= count || (choices->n == 1 && all_fit_one_gpu(inv, first, count)))
		return 0;
	error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY, "room for %u of %u partitions of %s", room, count,
	          first->type->key);
	error_hint(err, "nothing was created; `openforbc type list --creatable` shows what fits");
	return -ENOSPC;
}

static int make_all(struct inventory *inv, struct store *s, const struct ofbc_create_request *rq,
                    struct ofbc_partition_list *made, struct ofbc_error *err)
{
	_cleanup_free_ struct choice *to_free = NULL;
	struct choice_list choices = {0};
	unsigned count = 1;
	int r = resolve_request(inv, rq, &choices, err);

	to_free = choices.v;
	for (unsigned i = 0; r >= 0 && i < count; i++) {
		struct choice c;
		size_t before = made->n;
		char name[64];

		r = pick(inv, &choices, rq, &c, err);
		if (r >= 0 && i == 0) {
			r = check_unit(rq, &c, err);
			count = count_for(rq, &c);
			if (r >= 0 && count > 1)
				r = check_room(inv, &choices, &c, count, err);
		}
		if (r >= 0 && !c.view->ops->create)
			r = error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
			              "%s partitions cannot be created", c.view->ops->name);
		if (r >= 0)
			r = numbered_name(rq->name ? rq->name : "", (unsigned)made->n, name, err);
		if (r >= 0)
			r = create_chosen(inv, s, &c, name, rq->uuid, false, made, err);
		if (r >= 0)
			r = note_made(inv, &c, made, before);
	}
	return r < 0 ? undo(inv, s, made, r, err) : 0;
}

static int check_uuid(const struct inventory *inv, const struct ofbc_create_request *rq,
                      struct ofbc_error *err)
{
	char uuid[UUID_STR_MAX];

	if (parse_uuid(rq->uuid, uuid) < 0) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no UUID", rq->uuid);
		error_hint(err, "`uuidgen` makes one");
		return -EINVAL;
	}
	if (rq->count > 1) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "%u partitions cannot have one UUID", rq->count);
		error_hint(err, "make one after the other");
		return -EINVAL;
	}
	for (size_t i = 0; i < inv->partitions.n; i++) {
		if (strcmp(inv->partitions.v[i].uuid, uuid) == 0) {
			error_set(err, EEXIST, OFBC_REASON_USAGE, "a partition %s exists already", uuid);
			error_hint(err, "`openforbc partition show %s`", uuid);
			return -EEXIST;
		}
	}
	return 0;
}

int create_requested(struct inventory *inv, struct store *s, const struct ofbc_create_request *rq,
                     struct ofbc_partition_list *made, struct ofbc_error *err)
{
	int r = rq->name ? check_name(inv, rq->name, err) : 0;

	if (r == 0 && rq->uuid)
		r = check_uuid(inv, rq, err);
	return r < 0 ? r : make_all(inv, s, rq, made, err);
}

int ofbc_partition_create(struct ofbc_context *ctx, const struct ofbc_create_request *request,
                          struct ofbc_partition_list **ret, struct ofbc_error *err)
{
	_cleanup_change_ struct change c = CHANGE_INIT;
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *made = calloc(1, sizeof(*made));
	int r = change_begin(ctx, INVENTORY_TYPES, request->gpu, &c, err);

	if (!made)
		return -ENOMEM;
	if (r == 0)
		r = create_requested(&c.inv, c.store, request, made, err);
	if (r < 0)
		return r;
	*ret = steal_ptr(made);
	return 0;
}
