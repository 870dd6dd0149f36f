/* SPDX-License-Identifier: MIT */
#include "reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

bool ref_read_board(struct ref_gpu *g, const char *path)
{
	static const char *const engines[REF_ENGINES] = {"slice_count", "copy_engines", "decoders",
	                                                 "encoders",    "jpeg",         "ofa"};
	static char text[1 << 20];
	FILE *f = fopen(path, "rb");
	struct json *doc = NULL;
	const struct json *ps;
	size_t len = f ? fread(text, 1, sizeof(text), f) : 0;

	if (f)
		fclose(f);
	if (!len || json_parse(text, len, path, &doc, NULL) < 0)
		return false;
	g->rule = REF_SLOTS;
	ps = json_get(doc, "profiles");
	for (size_t i = 0; i < json_len(ps); i++) {
		const struct json *j = json_at(ps, i), *pl = json_get(j, "placements");
		struct ref_type *t = &g->t[g->n_types++];

		snprintf(t->key, sizeof(t->key), "mig:%s", json_str(json_get(j, "name"), ""));
		t->max = (unsigned)json_u64(json_get(j, "max_instances"), 0);
		for (size_t k = 0; k < json_len(pl); k++) {
			t->starts[t->n_starts++] = (unsigned)json_u64(json_at(json_at(pl, k), 0), 99);
			t->size = (unsigned)json_u64(json_at(json_at(pl, k), 1), 0);
		}
		for (unsigned e = 0; e < REF_ENGINES; e++) {
			t->engines[e] = (unsigned)json_u64(json_get(j, engines[e]), 0);
			if (t->engines[e] * t->max > g->totals[e])
				g->totals[e] = t->engines[e] * t->max;
		}
	}
	json_free(doc);
	return g->n_types > 0;
}

static bool slots_possible(const struct ref_gpu *g, unsigned t, unsigned start)
{
	unsigned same = 0;

	for (unsigned i = 0; i < g->n; i++) {
		unsigned a = g->p[i].start, b = a + g->t[g->p[i].type].size;

		same += g->p[i].type == t;
		for (unsigned s = start; s < start + g->t[t].size; s++) {
			if (s >= a && s < b)
				return false;
		}
	}
	for (unsigned e = 0; e < REF_ENGINES; e++) {
		unsigned sum = g->t[t].engines[e];

		for (unsigned i = 0; i < g->n; i++)
			sum += g->t[g->p[i].type].engines[e];
		if (sum > g->totals[e])
			return false;
	}
	return same < g->t[t].max;
}

static bool other_possible(const struct ref_gpu *g, unsigned t)
{
	unsigned sum = g->t[t].weight;

	for (unsigned i = 0; i < g->n; i++) {
		sum += g->t[g->p[i].type].weight;
		if (g->rule == REF_EQUAL && g->t[g->p[i].type].weight != g->t[t].weight)
			return false;
	}
	return g->rule == REF_EQUAL ? g->n < g->t[t].max : sum <= g->pool;
}

bool ref_possible(const struct ref_gpu *g, unsigned t, int start)
{
	if (g->rule != REF_SLOTS)
		return start < 0 && other_possible(g, t);
	for (unsigned i = 0; i < g->t[t].n_starts; i++) {
		if ((start < 0 || (int)g->t[t].starts[i] == start) && slots_possible(g, t, g->t[t].starts[i]))
			return true;
	}
	return false;
}

bool ref_is_legal(const struct ref_gpu *g)
{
	struct ref_gpu empty = *g;

	empty.n = 0;
	for (unsigned i = 0; i < g->n; i++) {
		if (!ref_possible(&empty, g->p[i].type, g->rule == REF_SLOTS ? (int)g->p[i].start : -1))
			return false;
		empty.p[empty.n++] = g->p[i];
	}
	return true;
}
