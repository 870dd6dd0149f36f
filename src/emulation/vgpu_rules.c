/* SPDX-License-Identifier: MIT */
/* Which vGPU can be made now: equal sizes, mixed sizes with placements, or inside MIG instances. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "emulation/nvml_parts.h"

#define MAX_VGPUS 256

struct vgpu_type {
	char name[96], mixed[512];
	unsigned long fb_mib, max, max_per_gi, size;
	long gi_profile; /* -1: time-sliced */
};

/* What stands on a board now, gathered once for any number of questions. */
struct board {
	struct machine *m;
	const char *bdf;
	bool is_mig, is_mixed;
	size_t n;
	struct {
		unsigned id;
		unsigned long fb_mib;
		long gi_profile;
	} vgpus[MAX_VGPUS];
	size_t n_places;
	struct {
		unsigned long start, size;
	} places[MAX_VGPUS];
};

static unsigned long number_at(const char *line, unsigned field, unsigned long fallback)
{
	char text[24];

	return word_at(line, "|", field, text, sizeof(text)) && text[0] >= '0' && text[0] <= '9'
	               ? strtoul(text, NULL, 10)
	               : fallback;
}

static const char *type_line(struct machine *m, const char *bdf, unsigned id)
{
	return tree_get(&m->tree, ".emu/gpu/%s/vgpu/type/%u", bdf, id);
}

static bool read_type(struct machine *m, const char *bdf, unsigned id, struct vgpu_type *ret)
{
	const char *line = type_line(m, bdf, id);

	*ret = (struct vgpu_type){0};
	if (!line || !word_at(line, "|", 0, ret->name, sizeof(ret->name)))
		return false;
	ret->fb_mib = number_at(line, 2, 0);
	ret->max = number_at(line, 3, 0);
	ret->max_per_gi = number_at(line, 4, 1);
	ret->gi_profile = (long)number_at(line, 5, ~0ul);
	ret->size = number_at(line, 7, 0);
	(void)word_at(line, "|", 8, ret->mixed, sizeof(ret->mixed));
	return true;
}

static void gather_places(struct board *b)
{
	_cleanup_strv_ struct strv vfs = {0};
	char path[64];

	snprintf(path, sizeof(path), ".emu/gpu/%s/vgpu/at", b->bdf);
	(void)tree_list(&b->m->tree, path, &vfs);
	for (size_t i = 0; i < vfs.n && b->n_places < MAX_VGPUS; i++) {
		unsigned long start = tree_get_u(&b->m->tree, ~0ul, "%s/%s/start", path, vfs.v[i]);

		if (start == ~0ul)
			continue;
		b->places[b->n_places].start = start;
		b->places[b->n_places++].size = tree_get_u(&b->m->tree, 0, "%s/%s/size", path, vfs.v[i]);
	}
}

static void gather(struct machine *m, const char *bdf, struct board *ret)
{
	unsigned ids[MAX_VGPUS];

	*ret = (struct board){.m = m, .bdf = bdf};
	ret->is_mig = tree_get_u(&m->tree, 0, ".emu/gpu/%s/mig/mode", bdf);
	ret->is_mixed = tree_get_u(&m->tree, 0, ".emu/gpu/%s/vgpu/hetero", bdf);
	ret->n = vgpu_existing(m, bdf, ids, MAX_VGPUS);
	for (size_t i = 0; i < ret->n; i++) {
		const char *line = type_line(m, bdf, ids[i]);

		ret->vgpus[i].id = ids[i];
		ret->vgpus[i].fb_mib = line ? number_at(line, 2, 0) : 0;
		ret->vgpus[i].gi_profile = line ? (long)number_at(line, 5, ~0ul) : -1;
	}
	if (ret->is_mixed)
		gather_places(ret);
}

/* A free id of the mixed-size list: no vGPU stands in [id, id + size). */
static bool has_free_place(const struct board *b, const struct vgpu_type *t)
{
	char word[16];

	for (unsigned i = 0; word_at(t->mixed, ",", i, word, sizeof(word)); i++) {
		unsigned long start = strtoul(word, NULL, 10);
		bool free = true;

		for (size_t k = 0; free && k < b->n_places; k++)
			free = start >= b->places[k].start + b->places[k].size ||
			       b->places[k].start >= start + t->size;
		if (free)
			return true;
	}
	return false;
}

static bool has_free_instance(const struct board *b, const struct vgpu_type *t)
{
	_cleanup_strv_ struct strv gis = {0};
	char path[64];
	unsigned long room = 0, used = 0;

	snprintf(path, sizeof(path), ".emu/gpu/%s/mig/gi", b->bdf);
	(void)tree_list(&b->m->tree, path, &gis);
	for (size_t i = 0; i < gis.n; i++) {
		const char *line = tree_get(&b->m->tree, "%s/%s", path, gis.v[i]);

		room += line && strtol(line, NULL, 10) == t->gi_profile ? t->max_per_gi : 0;
	}
	for (size_t i = 0; i < b->n; i++)
		used += b->vgpus[i].gi_profile == t->gi_profile;
	return used < room;
}

static bool has_room(const struct board *b, unsigned id, const struct vgpu_type *t)
{
	unsigned long same = 0;

	if (t->gi_profile >= 0)
		return b->is_mig && has_free_instance(b, t);
	if (b->is_mig)
		return false;
	if (b->is_mixed)
		return has_free_place(b, t);
	for (size_t i = 0; i < b->n; i++) {
		if (b->vgpus[i].fb_mib != t->fb_mib)
			return false;
		same += b->vgpus[i].id == id;
	}
	return b->n < t->max && same < t->max;
}

int vgpu_rules_create(struct machine *m, const char *bdf, unsigned type_id)
{
	struct board b;
	struct vgpu_type t;

	if (!read_type(m, bdf, type_id, &t))
		return -EINVAL;
	gather(m, bdf, &b);
	return has_room(&b, type_id, &t) ? 0 : -EIO;
}

unsigned vgpu_rules_room(struct machine *m, const char *bdf, unsigned type_id)
{
	struct board b;
	struct vgpu_type t;

	if (!read_type(m, bdf, type_id, &t))
		return 0;
	gather(m, bdf, &b);
	if (!has_room(&b, type_id, &t))
		return 0;
	return b.is_mixed || t.gi_profile >= 0 ? 1 : (unsigned)(t.max - b.n);
}

int vgpu_rules_creatable(struct machine *m, const char *bdf, struct strv *ret_lines)
{
	_cleanup_strv_ struct strv ids = {0};
	struct board b;
	char path[64];

	gather(m, bdf, &b);
	snprintf(path, sizeof(path), ".emu/gpu/%s/vgpu/type", bdf);
	(void)tree_list(&m->tree, path, &ids);
	for (size_t i = 0; i < ids.n; i++) {
		unsigned id = (unsigned)strtoul(ids.v[i], NULL, 10);
		struct vgpu_type t;

		if (read_type(m, bdf, id, &t) && has_room(&b, id, &t) &&
		    strv_addf(ret_lines, "%-5u : %s", id, t.name) < 0)
			return -ENOMEM;
	}
	return 0;
}
