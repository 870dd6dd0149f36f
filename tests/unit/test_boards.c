/* SPDX-License-Identifier: MIT */
/*
 * For every MIG board of the data files: the program's "possible" equals an exhaustive search for every
 * multiset of profiles, and its choice of placement equals an exhaustive comparison. The reference reads the
 * data file itself and counts in arrays of bool, it shares no code with the model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lib/inventory.h"
#include "openforbc/openforbc.h"

#define MAX_PROFILES 16
#define ENGINES      6

struct profile {
	char name[64];
	unsigned max, size, starts[32], n_starts, engines[ENGINES];
};

struct board {
	char key[64];
	struct profile p[MAX_PROFILES];
	unsigned n, slots, totals[ENGINES];
};

static char dir[] = "/tmp/openforbc-boards-XXXXXX";
static const char *models_dir;

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *s = malloc(1 << 20);

	assert_non_null(f);
	assert_non_null(s);
	*len = fread(s, 1, 1 << 20, f);
	fclose(f);
	return s;
}

static bool read_board(const char *path, struct board *b)
{
	static const char *const engines[ENGINES] = {"slice_count", "copy_engines", "decoders",
	                                             "encoders",    "jpeg",         "ofa"};
	size_t len;
	char *text = slurp(path, &len);
	struct json *doc = NULL;
	const struct json *ps;

	assert_int_equal(json_parse(text, len, path, &doc, NULL), 0);
	free(text);
	memset(b, 0, sizeof(*b));
	snprintf(b->key, sizeof(b->key), "%s", json_str(json_get(doc, "key"), ""));
	ps = json_get(doc, "profiles");
	for (size_t i = 0; i < json_len(ps); i++) {
		const struct json *j = json_at(ps, i), *pl = json_get(j, "placements");
		struct profile *p = &b->p[b->n++];

		snprintf(p->name, sizeof(p->name), "%s", json_str(json_get(j, "name"), ""));
		p->max = (unsigned)json_u64(json_get(j, "max_instances"), 0);
		for (size_t k = 0; k < json_len(pl); k++) {
			p->starts[p->n_starts++] = (unsigned)json_u64(json_at(json_at(pl, k), 0), 99);
			p->size = (unsigned)json_u64(json_at(json_at(pl, k), 1), 0);
		}
		for (unsigned e = 0; e < ENGINES; e++) {
			p->engines[e] = (unsigned)json_u64(json_get(j, engines[e]), 0);
			if (p->engines[e] * p->max > b->totals[e])
				b->totals[e] = p->engines[e] * p->max;
		}
	}
	json_free(doc);
	return b->n > 0;
}

static bool reference_place(const struct board *b, unsigned *counts, bool *busy)
{
	unsigned i = 0;

	while (i < b->n && counts[i] == 0)
		i++;
	if (i == b->n)
		return true;
	for (unsigned s = 0; s < b->p[i].n_starts; s++) {
		unsigned from = b->p[i].starts[s], k = 0;
		bool ok;

		while (k < b->p[i].size && !busy[from + k])
			k++;
		if (k < b->p[i].size)
			continue;
		for (k = 0; k < b->p[i].size; k++)
			busy[from + k] = true;
		counts[i]--;
		ok = reference_place(b, counts, busy);
		counts[i]++;
		for (k = 0; k < b->p[i].size; k++)
			busy[from + k] = false;
		if (ok)
			return true;
	}
	return false;
}

static bool reference_possible(const struct board *b, const unsigned *counts)
{
	unsigned copy[MAX_PROFILES];
	bool busy[256] = {false};

	for (unsigned e = 0; e < ENGINES; e++) {
		unsigned sum = 0;

		for (unsigned i = 0; i < b->n; i++)
			sum += counts[i] * b->p[i].engines[e];
		if (sum > b->totals[e])
			return false;
	}
	for (unsigned i = 0; i < b->n; i++) {
		if (counts[i] > b->p[i].max)
			return false;
	}
	memcpy(copy, counts, sizeof(copy));
	return reference_place(b, copy, busy);
}

static struct ofbc_context *open_board(const struct board *b)
{
	char path[512];
	struct ofbc_options o = {.state_dir = dir};
	struct ofbc_context *ctx = NULL;
	struct ofbc_error err = {0};
	char host[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.json", dir, b->key);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "{\"name\":\"%s\",\"driver\":\"580.95.05\",\"gpus\":[{\"model\":\"%s\",\"count\":1}]}\n",
	        b->key, b->key);
	fclose(f);
	snprintf(host, sizeof(host), "emulated:%s", path);
	o.host = host;
	if (ofbc_context_new(&ctx, &o, &err) < 0)
		fail_msg("%s: %s", b->key, err.message);
	return ctx;
}

static const struct ofbc_type *find_type(const struct view *v, const char *name)
{
	char key[96];
	unsigned param;

	snprintf(key, sizeof(key), "mig:%s", name);
	return view_type(v, key, &param);
}

static unsigned long check_multisets(const struct board *b, const struct view *v,
                                     const struct ofbc_type **types)
{
	unsigned counts[MAX_PROFILES] = {0};
	const struct ofbc_type *set[256];
	const struct usage none = {0};
	unsigned long n = 0;

	for (;;) {
		unsigned i = 0;
		size_t k = 0;
		bool ours, reference;

		for (unsigned p = 0; p < b->n; p++) {
			for (unsigned c = 0; c < counts[p]; c++)
				set[k++] = types[p];
		}
		ours = capacity_fits(&v->capacity, &none, set, k, NULL);
		reference = reference_possible(b, counts);
		if (ours != reference) {
			print_error("%s:", b->key);
			for (unsigned p = 0; p < b->n; p++)
				print_error(" %u x %s", counts[p], b->p[p].name);
			fail_msg(": program says %d, exhaustive search %d", ours, reference);
		}
		n++;
		while (i < b->n && counts[i] == b->p[i].max + 1)
			counts[i++] = 0;
		if (i == b->n)
			return n;
		counts[i]++;
	}
}

/* Largest number of one type alone beside what stands, by trying all subsets of placements. */
static unsigned reference_free(const struct board *b, unsigned p, const unsigned *have, bool *busy)
{
	unsigned best = 0;

	for (unsigned s = 0; s < b->p[p].n_starts; s++) {
		unsigned k = 0, more[MAX_PROFILES], n;
		unsigned from = b->p[p].starts[s];

		memcpy(more, have, sizeof(more));
		more[p]++;
		while (k < b->p[p].size && !busy[from + k])
			k++;
		if (k < b->p[p].size || more[p] > b->p[p].max)
			continue;
		for (unsigned e = 0; e < ENGINES; e++) {
			unsigned sum = 0;

			for (unsigned i = 0; i < b->n; i++)
				sum += more[i] * b->p[i].engines[e];
			if (sum > b->totals[e])
				k = 0;
		}
		if (k < b->p[p].size)
			continue;
		for (k = 0; k < b->p[p].size; k++)
			busy[from + k] = true;
		n = 1 + reference_free(b, p, more, busy);
		for (k = 0; k < b->p[p].size; k++)
			busy[from + k] = false;
		best = n > best ? n : best;
	}
	return best;
}

/* The stated rule, evaluated by the reference: after the choice the counts left, largest type first, must be
 * the lexicographic maximum over all free placements. */
static void check_choice(const struct board *b, const struct view *v, const struct ofbc_type **types,
                         unsigned seed)
{
	struct usage u = {0};
	struct used used[64];
	unsigned have[MAX_PROFILES] = {0};
	bool busy[256] = {false};

	u.v = used;
	for (unsigned step = 0; step < 12; step++) {
		unsigned p, best[MAX_PROFILES], chosen_left[MAX_PROFILES], order[MAX_PROFILES];
		struct ofbc_placement at;
		bool found = false;
		int r;

		seed = seed * 1103515245u + 12345u;
		p = (seed >> 16) % b->n;
		for (unsigned i = 0; i < b->n; i++)
			order[i] = i;
		for (unsigned i = 0; i < b->n; i++) {
			for (unsigned k = i + 1; k < b->n; k++) {
				const struct ofbc_type *x = types[order[i]], *y = types[order[k]];
				bool swap = b->p[order[k]].size != b->p[order[i]].size
				                    ? b->p[order[k]].size > b->p[order[i]].size
				            : x->memory_bytes != y->memory_bytes
				                    ? y->memory_bytes > x->memory_bytes
				            : x->compute_share < y->compute_share ||
				                            x->compute_share > y->compute_share
				                    ? y->compute_share > x->compute_share
				                    : strcmp(y->key, x->key) < 0;

				if (swap) {
					unsigned t = order[i];

					order[i] = order[k];
					order[k] = t;
				}
			}
		}
		r = capacity_choose(&v->capacity, &u, types[p], &v->types, &at);
		for (unsigned s = 0; s < b->p[p].n_starts; s++) {
			unsigned k = 0, left[MAX_PROFILES], from = b->p[p].starts[s], c = 0;
			unsigned more[MAX_PROFILES];

			memcpy(more, have, sizeof(more));
			while (k < b->p[p].size && !busy[from + k])
				k++;
			if (k < b->p[p].size || reference_free(b, p, have, busy) == 0)
				continue;
			more[p]++;
			for (k = 0; k < b->p[p].size; k++)
				busy[from + k] = true;
			for (unsigned i = 0; i < b->n; i++)
				left[i] = reference_free(b, order[i], more, busy);
			for (k = 0; k < b->p[p].size; k++)
				busy[from + k] = false;
			if (r == 0 && at.start == from)
				memcpy(chosen_left, left, sizeof(left));
			while (found && c < b->n && left[c] == best[c])
				c++;
			if (!found || (c < b->n && left[c] > best[c]))
				memcpy(best, left, sizeof(left));
			found = true;
		}
		assert_int_equal(found, r == 0);
		if (!found)
			continue;
		assert_memory_equal(best, chosen_left, b->n * sizeof(best[0]));
		used[u.n++] = (struct used){.type = types[p], .placement = at};
		have[p]++;
		for (unsigned k = 0; k < at.size; k++)
			busy[at.start + k] = true;
	}
}

static void check_board(const char *path, unsigned *ret_boards, unsigned long *ret_sets)
{
	struct board b;
	struct inventory inv = {0};
	struct ofbc_error err = {0};
	struct ofbc_context *ctx;
	const struct ofbc_type *types[MAX_PROFILES];
	struct view *v;

	if (!read_board(path, &b))
		return;
	ctx = open_board(&b);
	/* with the mode on the driver counts, too */
	if (ofbc_gpu_enable(ctx, "0", "mig", OFBC_MODE_RESET, &err) < 0)
		fail_msg("%s: %s", b.key, err.message);
	if (inventory_load(ctx, INVENTORY_TYPES | INVENTORY_PARTITIONS, NULL, NULL, &inv, &err) < 0)
		fail_msg("%s: %s", b.key, err.message);
	assert_int_equal(inv.gpus.n, 1);
	v = inventory_view(&inv, inv.gpus.v[0].id, "mig");
	assert_non_null(v);
	assert_int_equal(v->types.n, b.n);
	for (unsigned i = 0; i < b.n; i++) {
		types[i] = find_type(v, b.p[i].name);
		if (!types[i])
			fail_msg("%s: no type %s", b.key, b.p[i].name);
		assert_true(types[i]->has_driver_free);
		assert_int_equal(types[i]->free, types[i]->driver_free);
	}
	*ret_sets += check_multisets(&b, v, types);
	for (unsigned seed = 1; seed <= 40; seed++)
		check_choice(&b, v, types, seed);
	(*ret_boards)++;
	inventory_done(&inv);
	ofbc_context_free(ctx);
}

static void test_all_boards(void **state)
{
	DIR *d = opendir(models_dir);
	struct dirent *e;
	unsigned boards = 0;
	unsigned long sets = 0;

	(void)state;
	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[1024];
		size_t n = strlen(e->d_name);

		if (n < 6 || strcmp(e->d_name + n - 5, ".json") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", models_dir, e->d_name);
		check_board(path, &boards, &sets);
	}
	closedir(d);
	print_message("%u boards, %lu multisets\n", boards, sets);
	assert_true(boards >= 17);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_boards)};
	int r;

	models_dir = argc > 1 ? argv[1] : "emulation/models";
	if (!mkdtemp(dir))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	if (strncmp(dir, "/tmp/openforbc-boards-", 22) == 0) {
		char cmd[128];

		snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
		if (system(cmd) != 0)
			return 1;
	}
	return r;
}
