/* SPDX-License-Identifier: MIT */
/* Arithmetic of the capacity model. Everything here is exact and pure. */
#include "model/capacity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "base/cleanup.h"

int capacity_counter(struct capacity *c, const char *name, uint64_t total)
{
	for (size_t i = 0; i < c->n_counters; i++) {
		if (strcmp(c->counters[i].name, name) == 0)
			return (int)i;
	}
	if (c->n_counters == OFBC_MAX_COUNTERS)
		return -ENOSPC;
	snprintf(c->counters[c->n_counters].name, sizeof(c->counters[0].name), "%s", name);
	c->counters[c->n_counters].total = total;
	return (int)c->n_counters++;
}

slot_mask placement_mask(struct ofbc_placement p)
{
	if (p.size == 0 || p.start >= MAX_SLOTS)
		return 0;
	return (p.size >= MAX_SLOTS ? ~(slot_mask)0 : (((slot_mask)1 << p.size) - 1)) << p.start;
}

static slot_mask used_slots(const struct usage *u)
{
	slot_mask m = 0;

	for (size_t i = 0; i < u->n; i++)
		m |= placement_mask(u->v[i].placement);
	return m;
}

static uint64_t draw_of(const struct ofbc_type *t, size_t counter, uint64_t param)
{
	return t->draws[counter] * (t->is_parametric ? param : 1);
}

static uint64_t counter_left(const struct capacity *c, const struct usage *u, size_t counter)
{
	uint64_t used = 0;

	for (size_t i = 0; i < u->n; i++) {
		if (u->v[i].type)
			used += draw_of(u->v[i].type, counter, u->v[i].extra_draw);
	}
	return used >= c->counters[counter].total ? 0 : c->counters[counter].total - used;
}

static unsigned count_of(const struct usage *u, const struct ofbc_type *type)
{
	unsigned n = 0;

	for (size_t i = 0; i < u->n; i++)
		n += u->v[i].type && strcmp(u->v[i].type->key, type->key) == 0;
	return n;
}

static bool groups_exclude(const struct usage *u, const struct ofbc_type *type)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct ofbc_type *o = u->v[i].type;

		if (o && o->group[0] && type->group[0] && strcmp(o->group, type->group) != 0)
			return true;
	}
	return false;
}

/* Everything but the slots. */
static const char *refuses_without_slots(const struct capacity *c, const struct usage *u,
                                         const struct ofbc_type *type, uint64_t param)
{
	if (groups_exclude(u, type))
		return "other partitions on this GPU exclude this kind";
	if (!type->is_parametric && count_of(u, type) >= type->max)
		return "as many of this type exist as the GPU allows";
	for (size_t i = 0; i < c->n_counters; i++) {
		if (draw_of(type, i, param) > counter_left(c, u, i))
			return "the GPU's engines or counters are used up";
	}
	return NULL;
}

static bool is_legal_placement(const struct ofbc_type *type, struct ofbc_placement at)
{
	if (type->n_placements == 0)
		return at.size == 0;
	for (size_t i = 0; i < type->n_placements; i++) {
		if (type->placements[i].start == at.start && type->placements[i].size == at.size)
			return true;
	}
	return false;
}

const char *capacity_refuses(const struct capacity *c, const struct usage *u, const struct ofbc_type *type,
                             struct ofbc_placement at, uint64_t param)
{
	if (!is_legal_placement(type, at))
		return "the type cannot stand at this placement";
	if (placement_mask(at) & used_slots(u))
		return "the slots are occupied";
	return refuses_without_slots(c, u, type, param);
}

static int by_end(const void *a, const void *b)
{
	const struct ofbc_placement *x = a, *y = b;
	unsigned ex = x->start + x->size, ey = y->start + y->size;

	return ex != ey ? (ex > ey) - (ex < ey) : (x->start > y->start) - (x->start < y->start);
}

/* Largest set of disjoint free placements of one type: intervals, so earliest end first is optimal. */
static unsigned disjoint_placements(const struct ofbc_type *type, slot_mask used)
{
	struct ofbc_placement sorted[OFBC_MAX_PLACEMENTS];
	unsigned n = 0;

	memcpy(sorted, type->placements, type->n_placements * sizeof(sorted[0]));
	qsort(sorted, type->n_placements, sizeof(sorted[0]), by_end);
	for (size_t i = 0; i < type->n_placements; i++) {
		slot_mask m = placement_mask(sorted[i]);

		if (m & used)
			continue;
		used |= m;
		n++;
	}
	return n;
}

static unsigned free_beside(const struct capacity *c, const struct usage *u, const struct ofbc_type *type,
                            slot_mask used)
{
	uint64_t n;

	if (refuses_without_slots(c, u, type, type->param_min))
		return 0;
	n = type->is_parametric ? UINT32_MAX : type->max - count_of(u, type);
	for (size_t i = 0; i < c->n_counters; i++) {
		uint64_t draw = draw_of(type, i, type->param_min);
		uint64_t left = draw ? counter_left(c, u, i) / draw : n;

		n = left < n ? left : n;
	}
	if (type->n_placements) {
		unsigned slots = disjoint_placements(type, used);

		n = slots < n ? slots : n;
	}
	return n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
}

unsigned capacity_free(const struct capacity *c, const struct usage *u, const struct ofbc_type *type)
{
	return free_beside(c, u, type, used_slots(u));
}

/* Depth-first search over the types from the one with fewest placements to the one with most. Equal types
 * take their placements in ascending order, so that permutations are not tried again. */
struct search {
	const struct ofbc_type *const *types;
	const size_t *order;
	size_t n;
	struct ofbc_placement *chosen;
	size_t *index;
};

static bool place_from(struct search *s, size_t depth, slot_mask used)
{
	const struct ofbc_type *t;
	size_t first = 0;

	if (depth == s->n)
		return true;
	t = s->types[s->order[depth]];
	if (t->n_placements == 0)
		return place_from(s, depth + 1, used);
	if (depth > 0 && s->types[s->order[depth - 1]] == t)
		first = s->index[depth - 1] + 1;
	for (size_t i = first; i < t->n_placements; i++) {
		slot_mask m = placement_mask(t->placements[i]);

		if (m & used)
			continue;
		s->index[depth] = i;
		s->chosen[s->order[depth]] = t->placements[i];
		if (place_from(s, depth + 1, used | m))
			return true;
	}
	return false;
}

/* Counters, maxima and groups of the whole set, added one by one to a copy of the usage. */
static bool set_fits_without_slots(const struct capacity *c, const struct usage *u,
                                   const struct ofbc_type *const *types, size_t n)
{
	_cleanup_free_ struct used *all = calloc(u->n + n, sizeof(*all));
	struct usage grown = {.v = all, .n = u->n};

	if (!all)
		return false;
	if (u->n)
		memcpy(all, u->v, u->n * sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		if (refuses_without_slots(c, &grown, types[i], types[i]->param_min))
			return false;
		all[grown.n++] = (struct used){.type = types[i], .extra_draw = types[i]->param_min};
	}
	return true;
}

/* Insertion sort: fewer placements first, equal types next to each other. */
static void order_types(const struct ofbc_type *const *types, size_t n, size_t *order)
{
	for (size_t i = 0; i < n; i++) {
		size_t j = i;

		for (; j > 0; j--) {
			const struct ofbc_type *p = types[order[j - 1]];

			if (p->n_placements < types[i]->n_placements ||
			    (p->n_placements == types[i]->n_placements && p <= types[i]))
				break;
			order[j] = order[j - 1];
		}
		order[j] = i;
	}
}

bool capacity_fits(const struct capacity *c, const struct usage *u, const struct ofbc_type *const *types,
                   size_t n, struct ofbc_placement *ret_placements)
{
	_cleanup_free_ size_t *order = calloc(n + 1, sizeof(*order));
	_cleanup_free_ size_t *index = calloc(n + 1, sizeof(*index));
	_cleanup_free_ struct ofbc_placement *chosen = calloc(n + 1, sizeof(*chosen));
	struct search s = {.types = types, .order = order, .n = n, .chosen = chosen, .index = index};
	slot_mask used = used_slots(u);
	unsigned wanted = 0;

	if (!order || !index || !chosen || !set_fits_without_slots(c, u, types, n))
		return false;
	for (size_t i = 0; i < n; i++)
		wanted += types[i]->n_placements ? types[i]->placements[0].size : 0;
	for (slot_mask m = used; m; m &= m - 1)
		wanted++;
	if (c->n_slots && wanted > c->n_slots)
		return false;
	order_types(types, n, order);
	if (!place_from(&s, 0, used))
		return false;
	if (ret_placements)
		memcpy(ret_placements, chosen, n * sizeof(*chosen));
	return true;
}

/* Larger types first: slots, memory, compute share, key. */
static int by_size(const void *a, const void *b)
{
	const struct ofbc_type *x = *(const struct ofbc_type *const *)a,
			       *y = *(const struct ofbc_type *const *)b;
	unsigned sx = x->n_placements ? x->placements[0].size : 0;
	unsigned sy = y->n_placements ? y->placements[0].size : 0;

	if (sx != sy)
		return sx < sy ? 1 : -1;
	if (x->memory_bytes != y->memory_bytes)
		return x->memory_bytes < y->memory_bytes ? 1 : -1;
	if (x->compute_share < y->compute_share || x->compute_share > y->compute_share)
		return x->compute_share < y->compute_share ? 1 : -1;
	return strcmp(x->key, y->key);
}

int capacity_choose(const struct capacity *c, const struct usage *u, const struct ofbc_type *type,
                    const struct ofbc_type_list *all, struct ofbc_placement *ret)
{
	_cleanup_free_ const struct ofbc_type **sorted = calloc(all->n + 1, sizeof(*sorted));
	_cleanup_free_ unsigned *best = calloc(all->n + 1, sizeof(*best));
	_cleanup_free_ unsigned *left = calloc(all->n + 1, sizeof(*left));
	_cleanup_free_ struct used *grown_v = calloc(u->n + 1, sizeof(*grown_v));
	struct usage grown = {.v = grown_v, .n = u->n + 1};
	bool found = false;

	if (!sorted || !best || !left || !grown_v)
		return -ENOMEM;
	if (u->n)
		memcpy(grown_v, u->v, u->n * sizeof(*grown_v));
	for (size_t i = 0; i < all->n; i++)
		sorted[i] = &all->v[i];
	qsort(sorted, all->n, sizeof(*sorted), by_size);
	for (size_t i = 0; i < type->n_placements; i++) {
		size_t k = 0;

		if (capacity_refuses(c, u, type, type->placements[i], type->param_min))
			continue;
		grown_v[u->n] = (struct used){.type = type, .placement = type->placements[i]};
		for (size_t t = 0; t < all->n; t++)
			left[t] = capacity_free(c, &grown, sorted[t]);
		while (found && k < all->n && left[k] == best[k])
			k++;
		if (found && (k == all->n || left[k] < best[k]))
			continue;
		memcpy(best, left, all->n * sizeof(*best));
		*ret = type->placements[i];
		found = true;
	}
	return found ? 0 : -ENOSPC;
}
