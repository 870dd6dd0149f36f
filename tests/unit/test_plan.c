/* SPDX-License-Identifier: MIT */
/*
 * test_plan MODELS [CASES]: the planner against brute force. Random partitions and wishes on every MIG board
 * of the data files, on a board with counters and groups alone, and on one with a parametric type;
 * feasibility and cost must be those of an exhaustive search that shares no code with the model.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/plan.h"

#define MAX_TYPES    16
#define MAX_COUNTERS 6
#define MAX_PARTS    9
#define MAX_BOARDS   64

struct board {
	char name[64];
	struct ofbc_type_list types;
	struct capacity capacity;
};

static struct board boards[MAX_BOARDS];
static unsigned n_boards;
static unsigned long long rng = 88172645463325252ull;

static unsigned rnd(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)((rng >> 11) % n);
}

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *s = malloc(1 << 20);

	*len = f && s ? fread(s, 1, 1 << 20, f) : 0;
	if (f)
		fclose(f);
	return s;
}

static void add_profile(struct board *b, const struct json *j)
{
	static const char *const engines[MAX_COUNTERS] = {"slice_count", "copy_engines", "decoders",
	                                                  "encoders",    "jpeg",         "ofa"};
	struct ofbc_type *t = &b->types.v[b->types.n++];
	const struct json *places = json_get(j, "placements");

	snprintf(t->key, sizeof(t->key), "mig:%s", json_str(json_get(j, "name"), "?"));
	snprintf(t->group, sizeof(t->group), "mig");
	t->memory_bytes = json_u64(json_get(j, "memory_mib"), 0);
	t->max = (unsigned)json_u64(json_get(j, "max_instances"), json_len(places));
	for (size_t i = 0; i < json_len(places); i++) {
		const struct json *p = json_at(places, i);
		struct ofbc_placement at = {(unsigned)json_u64(json_at(p, 0), 0),
		                            (unsigned)json_u64(json_at(p, 1), 0)};

		t->placements[t->n_placements++] = at;
		if (at.start + at.size > b->capacity.n_slots)
			b->capacity.n_slots = at.start + at.size;
	}
	for (unsigned e = 0; e < MAX_COUNTERS; e++) {
		unsigned n = (unsigned)json_u64(json_get(j, engines[e]), 0);

		t->draws[e] = n;
		b->capacity.counters[e].total = b->capacity.counters[e].total > (uint64_t)n * t->max
		                                        ? b->capacity.counters[e].total
		                                        : (uint64_t)n * t->max;
	}
	b->capacity.n_counters = MAX_COUNTERS;
}

static void add_board(const char *path)
{
	struct board *b = &boards[n_boards];
	size_t len;
	char *text = slurp(path, &len);
	struct json *doc = NULL;
	const struct json *profiles;

	if (json_parse(text, len, path, &doc, NULL) < 0)
		exit(1);
	profiles = json_get(doc, "profiles");
	if (json_len(profiles) && json_len(profiles) <= MAX_TYPES) {
		snprintf(b->name, sizeof(b->name), "%s", json_str(json_get(doc, "key"), "?"));
		b->types.v = calloc(MAX_TYPES, sizeof(*b->types.v));
		for (size_t i = 0; i < json_len(profiles); i++)
			add_profile(b, json_at(profiles, i));
		n_boards++;
	}
	json_free(doc);
	free(text);
}

/* Time-sliced vGPUs: sizes exclude each other; and percentages of one engine. */
static void add_others(void)
{
	struct board *b = &boards[n_boards++];
	static const unsigned sizes[] = {1, 2, 4, 8};

	snprintf(b->name, sizeof(b->name), "groups");
	b->types.v = calloc(MAX_TYPES, sizeof(*b->types.v));
	b->capacity = (struct capacity){.n_counters = 2, .counters = {{.total = 5}, {.total = 8}}};
	for (unsigned i = 0; i < 4; i++) {
		struct ofbc_type *t = &b->types.v[b->types.n++];

		snprintf(t->key, sizeof(t->key), "vgpu:%uQ", sizes[i]);
		snprintf(t->group, sizeof(t->group), "fb%u", i / 2);
		t->max = 8 / sizes[i];
		t->draws[0] = 1;
		t->draws[1] = sizes[i];
	}
	b = &boards[n_boards++];
	snprintf(b->name, sizeof(b->name), "percent");
	b->types.v = calloc(MAX_TYPES, sizeof(*b->types.v));
	b->capacity = (struct capacity){.n_counters = 1, .counters = {{.total = 100}}};
	b->types.v[b->types.n++] = (struct ofbc_type){.key = "mps:NN%",
	                                              .max = 100,
	                                              .is_parametric = true,
	                                              .param_min = 1,
	                                              .param_max = 100,
	                                              .draws = {1}};
}

/* --- brute force --- */

struct reference {
	const struct board *b;
	const struct plan_have *have;
	const struct plan_want *want;
	size_t n_have, n_want;
	int count[MAX_TYPES];
	long draw[OFBC_MAX_COUNTERS];
	bool busy[256], used[MAX_PARTS];
	unsigned best, cost;
};

static unsigned type_index(const struct reference *r, const struct ofbc_type *t)
{
	return (unsigned)(t - r->b->types.v);
}

/* Adds (1) or takes away (-1) one partition; false: over a limit or on busy slots (nothing is changed then).
 */
static bool put(struct reference *r, const struct ofbc_type *t, unsigned param, struct ofbc_placement at,
                int sign)
{
	bool ok = true;

	for (unsigned k = 0; sign > 0 && k < at.size; k++)
		ok &= !r->busy[at.start + k];
	for (unsigned i = 0; sign > 0 && i < r->b->types.n; i++)
		ok &= !r->count[i] || strcmp(r->b->types.v[i].group, t->group) == 0 || !t->group[0];
	if (sign > 0 && !t->is_parametric && (unsigned)r->count[type_index(r, t)] >= t->max)
		ok = false;
	for (size_t c = 0; sign > 0 && c < r->b->capacity.n_counters; c++) {
		long draw = c == 0 && t->is_parametric ? (long)param : (long)t->draws[c];

		ok &= draw == 0 || r->draw[c] + draw <= (long)r->b->capacity.counters[c].total;
	}
	if (!ok)
		return false;
	for (unsigned k = 0; k < at.size; k++)
		r->busy[at.start + k] = sign > 0;
	r->count[type_index(r, t)] += sign;
	for (size_t c = 0; c < r->b->capacity.n_counters; c++)
		r->draw[c] += sign * (c == 0 && t->is_parametric ? (long)param : (long)t->draws[c]);
	return true;
}

static void finish(struct reference *r)
{
	unsigned cost = r->cost;

	for (size_t i = 0; i < r->n_have; i++) {
		if (r->have[i].is_foreign || r->used[i])
			continue;
		if (r->have[i].is_held)
			return;
		cost++;
	}
	if (cost < r->best)
		r->best = cost;
}

static void search(struct reference *r, size_t i)
{
	const struct plan_want *w = &r->want[i];

	if (r->cost >= r->best)
		return;
	if (i == r->n_want) {
		finish(r);
		return;
	}
	for (size_t k = 0; k < r->n_have; k++) {
		const struct plan_have *h = &r->have[k];

		if (r->used[k] || h->is_foreign || h->type != w->type || h->param != w->param ||
		    (w->placement >= 0 && (unsigned)w->placement != h->at.start))
			continue;
		/* what is held stands already */
		if (!h->is_held && !put(r, h->type, h->param, h->at, 1))
			continue;
		r->used[k] = true;
		search(r, i + 1);
		r->used[k] = false;
		if (!h->is_held)
			put(r, h->type, h->param, h->at, -1);
	}
	for (size_t k = 0; k < (w->type->n_placements ? w->type->n_placements : 1); k++) {
		struct ofbc_placement at =
			w->type->n_placements ? w->type->placements[k] : (struct ofbc_placement){0};

		if ((w->placement >= 0 && (unsigned)w->placement != at.start) ||
		    !put(r, w->type, w->param, at, 1))
			continue;
		r->cost++;
		search(r, i + 1);
		r->cost--;
		put(r, w->type, w->param, at, -1);
	}
}

/* UINT_MAX: impossible. */
static unsigned reference_cost(const struct plan *p, const struct board *b)
{
	struct reference r = {.b = b,
	                      .have = p->have,
	                      .want = p->want,
	                      .n_have = p->n_have,
	                      .n_want = p->n_want,
	                      .best = ~0u};

	for (size_t i = 0; i < p->n_have; i++) {
		if ((p->have[i].is_held || p->have[i].is_foreign) &&
		    !put(&r, p->have[i].type, p->have[i].param, p->have[i].at, 1))
			return ~0u;
	}
	search(&r, 0);
	return r.best;
}

/* --- one case --- */

static void random_have(const struct board *b, struct plan *p)
{
	struct reference r = {.b = b};
	size_t n = rnd(MAX_PARTS);

	for (size_t i = 0; i < n; i++) {
		const struct ofbc_type *t = &b->types.v[rnd((unsigned)b->types.n)];
		unsigned param = t->is_parametric ? 10 * (1 + rnd(4)) : 0;
		struct ofbc_placement at = t->n_placements ? t->placements[rnd((unsigned)t->n_placements)]
		                                           : (struct ofbc_placement){0};

		if (!put(&r, t, param, at, 1))
			continue;
		p->have[p->n_have++] = (struct plan_have){.type = t,
		                                          .param = param,
		                                          .at = at,
		                                          .name = "",
		                                          .is_held = rnd(8) == 0,
		                                          .is_foreign = rnd(12) == 0};
	}
}

static void random_want(const struct board *b, struct plan *p)
{
	size_t n = rnd(MAX_PARTS - 1);

	for (size_t i = 0; i < n; i++) {
		const struct plan_have *like =
			p->n_have && rnd(3) ? &p->have[rnd((unsigned)p->n_have)] : NULL;
		const struct ofbc_type *t = like ? like->type : &b->types.v[rnd((unsigned)b->types.n)];
		struct plan_want *w = &p->want[p->n_want++];

		*w = (struct plan_want){.type = t, .placement = -1, .name = ""};
		w->param = !t->is_parametric ? 0 : like ? like->param : 10 * (1 + rnd(4));
		if (t->n_placements && rnd(8) == 0)
			w->placement = (int)t->placements[rnd((unsigned)t->n_placements)].start;
	}
}

/* What the plan leaves must be legal by the reference's own arithmetic, and serve every want. */
static bool is_legal(const struct plan *p, const struct board *b)
{
	struct reference r = {.b = b};

	for (size_t i = 0; i < p->n_have; i++) {
		if (p->have[i].fate == PLAN_KEEP &&
		    !put(&r, p->have[i].type, p->have[i].param, p->have[i].at, 1))
			return false;
		if (p->have[i].fate == PLAN_DESTROY && (p->have[i].is_held || p->have[i].is_foreign))
			return false;
	}
	for (size_t i = 0; i < p->n_want; i++) {
		const struct plan_want *w = &p->want[i];

		if (w->placement >= 0 && w->at.start != (unsigned)w->placement)
			return false;
		if (w->have < 0 &&
		    (!put(&r, w->type, w->param, w->at, 1) || (w->type->n_placements && !w->at.size)))
			return false;
		if (w->have >= 0 && (p->have[w->have].type != w->type || p->have[w->have].fate != PLAN_KEEP))
			return false;
	}
	return true;
}

static bool one_case(unsigned long number, unsigned long *possible)
{
	const struct board *b = &boards[rnd(n_boards)];
	struct plan_have have[MAX_PARTS] = {0};
	struct plan_want want[MAX_PARTS] = {0};
	struct plan p = {.capacity = &b->capacity, .types = &b->types, .have = have, .want = want};
	unsigned expected, got, rebuild = 0;

	random_have(b, &p);
	random_want(b, &p);
	if (plan_solve(&p) < 0)
		return false;
	expected = reference_cost(&p, b);
	got = p.verdict == PLAN_POSSIBLE ? plan_cost(&p) : ~0u;
	for (size_t i = 0; i < p.n_have; i++)
		rebuild += !p.have[i].is_foreign && !p.have[i].is_held;
	*possible += got != ~0u;
	if (got == expected && (got == ~0u ? p.n_who > 0 : is_legal(&p, b) && got <= rebuild + p.n_want))
		return true;
	printf("case %lu on %s: the planner says %d (%u blame), brute force %d\n", number, b->name, (int)got,
	       (unsigned)p.n_who, (int)expected);
	for (size_t i = 0; i < p.n_have; i++)
		printf("  have %s at %u%s%s: %s\n", have[i].type->key, have[i].at.start,
		       have[i].is_held ? " held" : "", have[i].is_foreign ? " foreign" : "",
		       have[i].fate == PLAN_KEEP ? "kept" : "destroyed");
	for (size_t i = 0; i < p.n_want; i++)
		printf("  want %s at %d: have %d, at %u\n", want[i].type->key, want[i].placement,
		       want[i].have, want[i].at.start);
	return false;
}

int main(int argc, char **argv)
{
	unsigned long cases = argc > 2 ? strtoul(argv[2], NULL, 10) : 20000, possible = 0, i = 0;
	char path[1024];
	DIR *d = opendir(argc > 1 ? argv[1] : "emulation/models");

	if (!d)
		return 1;
	for (const struct dirent *e = readdir(d); e && n_boards < MAX_BOARDS - 2; e = readdir(d)) {
		if (!strstr(e->d_name, ".json"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], e->d_name);
		add_board(path);
	}
	closedir(d);
	add_others();
	while (i < cases && one_case(i, &possible))
		i++;
	printf("%lu random cases on %u boards, %lu of them possible: %s\n", i, n_boards, possible,
	       i == cases ? "feasibility and cost as by brute force" : "STOPPED");
	for (unsigned k = 0; k < n_boards; k++)
		free(boards[k].types.v);
	return i != cases;
}
