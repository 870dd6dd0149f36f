/* SPDX-License-Identifier: MIT */
#include "model/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define MAX_EQUALS 256 /* arrangements of equal cost that are compared by the room they leave */

/* Haves that may stay for a class of wants; which of them do is what is searched. */
struct search {
	struct plan *p;
	int *candidate; /* index of a have */
	size_t n;
	bool *stays;    /* per candidate */
	unsigned *room; /* per want: 1 served by a candidate; 2 left out while explaining */
	unsigned seen;  /* feasible arrangements compared */
	/* best so far */
	bool found;
	bool *best_stays;
	struct ofbc_placement *best_at; /* per want */
	unsigned *best_free;
	/* scratch */
	struct used *used;
	const struct ofbc_type **missing;
	struct ofbc_placement *at;
	int *missing_want;
	unsigned *free;
};

static bool has_uuid(const struct plan_want *w)
{
	return w->uuid && w->uuid[0];
}

static bool same_class(const struct plan_want *a, const struct plan_want *b)
{
	return a->type == b->type && a->param == b->param && a->memory_bytes == b->memory_bytes &&
	       a->placement < 0 && b->placement < 0 && !has_uuid(a) && !has_uuid(b);
}

static bool serves(const struct plan_have *h, const struct plan_want *w)
{
	if (has_uuid(w) && (!h->uuid || strcmp(h->uuid, w->uuid) != 0))
		return false;
	return h->type == w->type && h->param == w->param &&
	       (!h->type->is_parametric || w->memory_bytes == h->memory_bytes) &&
	       (w->placement < 0 || (unsigned)w->placement == h->at.start);
}

static void match(struct plan *p, size_t h, size_t w)
{
	p->have[h].want = (int)w;
	p->have[h].fate = PLAN_KEEP;
	p->want[w].have = (int)h;
	p->want[w].at = p->have[h].at;
}

/* The want that suits best: exactly here (nothing else can serve that one), of the same name, without a name,
 * any. -1: none. */
static int best_want(const struct plan *p, const struct plan_have *h)
{
	int best = -1, best_score = -1;

	for (size_t i = 0; i < p->n_want; i++) {
		const struct plan_want *w = &p->want[i];
		bool same = w->name[0] && strcmp(w->name, h->name) == 0;
		int score = w->placement >= 0 || has_uuid(w) ? 3 : same ? 2 : !w->name[0] ? 1 : 0;

		if (w->have < 0 && serves(h, w) && score > best_score) {
			best = (int)i;
			best_score = score;
		}
	}
	return best;
}

/* What stands exactly where it is wanted, or has the wanted UUID, serves that want; then what is held takes
 * one. What is not ours stays, but serves nobody. */
static void match_certain(struct plan *p)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < p->n_have; i++) {
			struct plan_have *h = &p->have[i];
			int w = h->want < 0 && h->type && !h->is_foreign ? best_want(p, h) : -1;

			if (w >= 0 &&
			    (p->want[w].placement >= 0 || has_uuid(&p->want[w]) || (pass == 1 && h->is_held)))
				match(p, i, (size_t)w);
		}
	}
	for (size_t i = 0; i < p->n_have; i++) {
		if (p->have[i].is_foreign || p->have[i].is_held)
			p->have[i].fate = PLAN_KEEP;
	}
}

static size_t usage_of(const struct search *s, const bool *stays)
{
	const struct plan *p = s->p;
	size_t n = 0;

	for (size_t i = 0; i < p->n_have; i++) {
		const struct plan_have *h = &p->have[i];

		if (h->fate == PLAN_KEEP)
			s->used[n++] =
				(struct used){.type = h->type, .placement = h->at, .extra_draw = h->param};
	}
	for (size_t i = 0; stays && i < s->n; i++) {
		const struct plan_have *h = &p->have[s->candidate[i]];

		if (stays[i])
			s->used[n++] =
				(struct used){.type = h->type, .placement = h->at, .extra_draw = h->param};
	}
	return n;
}

static bool placed_at(const struct plan *p, struct usage *u, const struct plan_want *w)
{
	struct ofbc_placement at = {0};

	for (size_t k = 0; w->placement >= 0 && k < w->type->n_placements; k++) {
		if (w->type->placements[k].start == (unsigned)w->placement)
			at = w->type->placements[k];
	}
	if (capacity_refuses(p->capacity, u, w->type, at, w->param))
		return false;
	u->v[u->n++] = (struct used){.type = w->type, .placement = at, .extra_draw = w->param};
	return true;
}

/* Wants that nothing serves: those with a place, and those without a grid, are put into the usage at once,
 * the others into `missing`. False: does not fit. */
static bool collect_missing(struct search *s, const bool *stays, struct usage *u, size_t *ret_n)
{
	const struct plan *p = s->p;
	size_t n = 0;

	for (size_t i = 0; i < p->n_want; i++)
		s->room[i] = 0;
	for (size_t i = 0; stays && i < s->n; i++) {
		for (size_t w = 0; stays[i] && w < p->n_want; w++) {
			if (p->want[w].have < 0 && p->want[w].placement < 0 && !s->room[w] &&
			    serves(&p->have[s->candidate[i]], &p->want[w])) {
				s->room[w] = 1; /* served by this candidate */
				break;
			}
		}
	}
	for (size_t i = 0; i < p->n_want; i++) {
		const struct plan_want *w = &p->want[i];

		if (w->have >= 0 || s->room[i])
			continue;
		if (w->placement >= 0 || w->type->n_placements == 0) {
			if (!placed_at(p, u, w))
				return false;
			continue;
		}
		s->missing_want[n] = (int)i;
		s->missing[n++] = w->type;
	}
	*ret_n = n;
	return true;
}

/* Places what is missing so that much room is left; the exact search is the fallback. */
static bool place_missing(struct search *s, struct usage *u, size_t n)
{
	const struct plan *p = s->p;
	size_t before = u->n;
	bool ok = true;

	if (!capacity_fits(p->capacity, u, s->missing, n, s->at))
		return false;
	for (size_t i = 0; i < n && ok; i++) {
		struct ofbc_placement at;

		ok = capacity_choose(p->capacity, u, s->missing[i], p->types, &at) == 0;
		if (ok)
			u->v[u->n++] = (struct used){.type = s->missing[i], .placement = at};
	}
	for (size_t i = 0; i < n; i++) {
		if (ok)
			s->at[i] = u->v[before + i].placement;
		else
			u->v[before + i] = (struct used){.type = s->missing[i], .placement = s->at[i]};
	}
	u->n = before + n;
	return true;
}

/* One choice of candidates: remembered when it is feasible and leaves more room than the best. */
static void try_choice(struct search *s, const bool *stays)
{
	const struct plan *p = s->p;
	struct usage u = {.v = s->used, .n = usage_of(s, stays)};
	size_t n, k = 0;

	if (!collect_missing(s, stays, &u, &n) || !place_missing(s, &u, n))
		return;
	s->seen++;
	for (size_t t = 0; t < p->types->n; t++)
		s->free[t] =
			capacity_free(p->capacity, &u, &p->types->v[t]) * (p->types->v[t].n_placements != 0);
	while (s->found && k < p->types->n && s->free[k] == s->best_free[k])
		k++;
	if (s->found && (k == p->types->n || s->free[k] < s->best_free[k]))
		return;
	s->found = true;
	memcpy(s->best_free, s->free, p->types->n * sizeof(*s->free));
	if (stays)
		memcpy(s->best_stays, stays, s->n * sizeof(*stays));
	memset(s->best_at, 0, p->n_want * sizeof(*s->best_at));
	for (size_t i = 0; i < n; i++)
		s->best_at[s->missing_want[i]] = s->at[i];
}

/* How many wants without a place the have's class still has. */
static unsigned class_wants(const struct plan *p, const struct plan_have *h)
{
	unsigned n = 0;

	for (size_t w = 0; w < p->n_want; w++)
		n += p->want[w].have < 0 && p->want[w].placement < 0 && serves(h, &p->want[w]);
	return n;
}

static bool same_have_class(const struct plan *p, int a, int b)
{
	const struct plan_have *x = &p->have[a], *y = &p->have[b];

	return x->type == y->type && x->param == y->param && x->memory_bytes == y->memory_bytes;
}

static unsigned chosen_of_class(const struct search *s, size_t before)
{
	unsigned n = 0;

	for (size_t k = 0; k < before; k++)
		n += s->stays[k] && same_have_class(s->p, s->candidate[k], s->candidate[before]);
	return n;
}

/* All choices of exactly `left` more from candidate i on. */
static void choose(struct search *s, size_t i, size_t left)
{
	bool fits;

	if (s->seen >= MAX_EQUALS || left > s->n - i)
		return;
	if (left == 0) {
		for (size_t k = i; k < s->n; k++)
			s->stays[k] = false;
		try_choice(s, s->stays);
		return;
	}
	fits = chosen_of_class(s, i) < class_wants(s->p, &s->p->have[s->candidate[i]]);
	if (fits) {
		s->stays[i] = true;
		choose(s, i + 1, left - 1);
	}
	s->stays[i] = false;
	choose(s, i + 1, left);
}

/* Most that can stay: per class the lesser of what stands and what is wanted. */
static size_t upper_bound(const struct search *s)
{
	size_t sum = 0;

	for (size_t i = 0; i < s->n; i++) {
		unsigned before = 0;

		for (size_t k = 0; k < i; k++)
			before += same_have_class(s->p, s->candidate[k], s->candidate[i]);
		sum += before < class_wants(s->p, &s->p->have[s->candidate[i]]);
	}
	return sum;
}

/* Names decide which of several equal wants a have that stays serves. */
static void match_chosen(struct search *s)
{
	struct plan *p = s->p;

	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < s->n; i++) {
			struct plan_have *h = &p->have[s->candidate[i]];
			int w = s->best_stays[i] && h->want < 0 ? best_want(p, h) : -1;
			bool same = w >= 0 && p->want[w].name[0] && strcmp(p->want[w].name, h->name) == 0;

			if (w >= 0 && (pass == 1 || same))
				match(p, (size_t)s->candidate[i], (size_t)w);
		}
	}
}

/* Placements were found for classes; hand them to the wants of the class that are left. */
static void place_rest(struct search *s)
{
	struct plan *p = s->p;

	for (size_t i = 0; i < p->n_want; i++) {
		struct plan_want *w = &p->want[i];

		if (w->have >= 0)
			continue;
		if (w->placement >= 0) {
			for (size_t k = 0; k < w->type->n_placements; k++) {
				if (w->type->placements[k].start == (unsigned)w->placement)
					w->at = w->type->placements[k];
			}
			continue;
		}
		for (size_t k = 0; k < p->n_want; k++) {
			if (s->best_at[k].size && (k == i || same_class(&p->want[k], w))) {
				w->at = s->best_at[k];
				s->best_at[k].size = 0;
				break;
			}
		}
	}
}

static bool feasible_without(struct search *s, bool with_haves, size_t skip_want, size_t skip_have)
{
	struct plan *p = s->p;
	struct usage u = {.v = s->used};
	size_t n = 0;

	for (size_t i = 0; with_haves && i < p->n_have; i++) {
		const struct plan_have *h = &p->have[i];

		if (h->fate == PLAN_KEEP && i != skip_have)
			s->used[u.n++] =
				(struct used){.type = h->type, .placement = h->at, .extra_draw = h->param};
	}
	for (size_t i = 0; i < p->n_want; i++) {
		const struct plan_want *w = &p->want[i];
		bool served = with_haves && w->have >= 0 && (size_t)w->have != skip_have;

		if (i == skip_want || served || s->room[i] == 2)
			continue;
		if (w->placement >= 0 || w->type->n_placements == 0) {
			if (!placed_at(p, &u, w))
				return false;
		} else {
			s->missing[n++] = w->type;
		}
	}
	return capacity_fits(p->capacity, &u, s->missing, n, NULL);
}

/* Why nothing is possible: first without what stands there, then what of it is in the way. */
static void explain(struct search *s)
{
	struct plan *p = s->p;

	for (size_t i = 0; i < p->n_want; i++)
		s->room[i] = 0;
	if (feasible_without(s, false, SIZE_MAX, SIZE_MAX)) {
		p->verdict = PLAN_IN_THE_WAY;
		for (size_t i = 0; i < p->n_have && p->n_who < ARRAY_SIZE(p->who); i++) {
			if (p->have[i].fate == PLAN_KEEP && feasible_without(s, true, SIZE_MAX, i))
				p->who[p->n_who++] = (unsigned)i;
		}
		for (size_t i = 0; p->n_who == 0 && i < p->n_have; i++) {
			if (p->have[i].fate == PLAN_KEEP && p->n_who < ARRAY_SIZE(p->who))
				p->who[p->n_who++] = (unsigned)i;
		}
		return;
	}
	p->verdict = PLAN_TOO_MUCH;
	/* leave out one want after the other as long as it stays impossible: what remains is a smallest set
	 */
	for (size_t i = 0; i < p->n_want; i++) {
		if (!feasible_without(s, false, i, SIZE_MAX))
			s->room[i] = 2;
	}
	for (size_t i = 0; i < p->n_want && p->n_who < ARRAY_SIZE(p->who); i++) {
		if (s->room[i] != 2)
			p->who[p->n_who++] = (unsigned)i;
	}
}

static bool held_unwanted(struct plan *p)
{
	for (size_t i = 0; i < p->n_have; i++) {
		const struct plan_have *h = &p->have[i];

		if (h->is_held && !h->is_foreign && h->want < 0 && p->n_who < ARRAY_SIZE(p->who))
			p->who[p->n_who++] = (unsigned)i;
	}
	if (p->n_who)
		p->verdict = PLAN_HELD;
	return p->n_who > 0;
}

static void solve(struct search *s)
{
	struct plan *p = s->p;
	size_t most;

	for (size_t i = 0; i < p->n_have; i++) {
		if (p->have[i].fate != PLAN_KEEP && p->have[i].type && class_wants(p, &p->have[i]))
			s->candidate[s->n++] = (int)i;
	}
	most = upper_bound(s);
	for (size_t keep = most + 1; keep-- > 0 && !s->found;)
		choose(s, 0, keep);
	if (!s->found) {
		explain(s);
		return;
	}
	match_chosen(s);
	place_rest(s);
}

int plan_solve(struct plan *p)
{
	size_t h = p->n_have + 1, w = p->n_want + 1, t = p->types->n + 1;
	_cleanup_free_ int *candidate = calloc(h, sizeof(int)), *missing_want = calloc(w, sizeof(int));
	_cleanup_free_ bool *stays = calloc(h, 1), *best_stays = calloc(h, 1);
	_cleanup_free_ unsigned *room = calloc(w, sizeof(unsigned)), *best_free = calloc(t, sizeof(unsigned)),
				*left = calloc(t, sizeof(unsigned));
	_cleanup_free_ struct ofbc_placement *best_at = calloc(w, sizeof(*best_at)),
					     *at = calloc(w, sizeof(*at));
	_cleanup_free_ struct used *used = calloc(h + w, sizeof(*used));
	_cleanup_free_ const struct ofbc_type **missing = calloc(w, sizeof(*missing));
	struct search s = {.p = p,
	                   .candidate = candidate,
	                   .stays = stays,
	                   .room = room,
	                   .best_stays = best_stays,
	                   .best_at = best_at,
	                   .best_free = best_free,
	                   .used = used,
	                   .missing = missing,
	                   .at = at,
	                   .missing_want = missing_want,
	                   .free = left};

	if (!candidate || !missing_want || !stays || !best_stays || !room || !best_free || !left ||
	    !best_at || !at || !used || !missing)
		return -ENOMEM;
	p->verdict = PLAN_POSSIBLE;
	p->n_who = 0;
	for (size_t i = 0; i < p->n_have; i++) {
		p->have[i].want = -1;
		p->have[i].fate = PLAN_DESTROY;
	}
	for (size_t i = 0; i < p->n_want; i++) {
		p->want[i].have = -1;
		p->want[i].at = (struct ofbc_placement){0};
	}
	match_certain(p);
	if (!held_unwanted(p))
		solve(&s);
	return 0;
}

unsigned plan_cost(const struct plan *p)
{
	unsigned cost = 0;

	for (size_t i = 0; i < p->n_have; i++)
		cost += p->have[i].fate == PLAN_DESTROY;
	for (size_t i = 0; i < p->n_want; i++)
		cost += p->want[i].have < 0;
	return cost;
}

/* Room for each type, from the largest to the smallest, beside these. */
static void measure_room(const struct plan *p, const struct usage *u, const size_t *order, unsigned *ret)
{
	for (size_t i = 0; i < p->types->n; i++)
		ret[i] = capacity_free(p->capacity, u, &p->types->v[order[i]]);
}

static void order_by_size(const struct ofbc_type_list *types, size_t *order)
{
	for (size_t i = 0; i < types->n; i++) {
		size_t j = i;

		for (; j > 0; j--) {
			const struct ofbc_type *a = &types->v[order[j - 1]], *b = &types->v[i];
			unsigned sa = a->n_placements ? a->placements[0].size : 0;
			unsigned sb = b->n_placements ? b->placements[0].size : 0;

			if (sa > sb || (sa == sb && a->memory_bytes >= b->memory_bytes))
				break;
			order[j] = order[j - 1];
		}
		order[j] = i;
	}
}

int plan_arrange(struct plan *p)
{
	_cleanup_free_ struct used *used = calloc(p->n_have + p->n_want + 1, sizeof(*used));
	_cleanup_free_ unsigned *now = calloc(p->types->n + 1, sizeof(*now)),
				*then = calloc(p->types->n + 1, sizeof(*then));
	_cleanup_free_ size_t *order = calloc(p->types->n + 1, sizeof(*order));
	struct usage u = {.v = used};

	if (!used || !now || !then || !order)
		return -ENOMEM;
	order_by_size(p->types, order);
	for (size_t i = 0; i < p->n_have; i++)
		used[u.n++] = (struct used){.type = p->have[i].type, .placement = p->have[i].at};
	measure_room(p, &u, order, now);
	u.n = 0;
	for (size_t i = 0; i < p->n_have; i++) {
		if (p->have[i].is_held || p->have[i].is_foreign)
			used[u.n++] = (struct used){.type = p->have[i].type, .placement = p->have[i].at};
	}
	/* the largest first, each where it leaves most */
	for (size_t k = 0; k < p->types->n; k++) {
		for (size_t i = 0; i < p->n_want; i++) {
			struct plan_want *w = &p->want[i];
			struct ofbc_placement at;

			if (w->type != &p->types->v[order[k]])
				continue;
			if (capacity_choose(p->capacity, &u, w->type, p->types, &at) < 0)
				return 0;
			w->placement = (int)at.start;
			used[u.n++] = (struct used){.type = w->type, .placement = at};
		}
	}
	measure_room(p, &u, order, then);
	for (size_t i = 0; i < p->types->n; i++) {
		if (now[i] != then[i])
			return then[i] > now[i];
	}
	return 0;
}
