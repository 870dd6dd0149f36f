/* SPDX-License-Identifier: MIT */
/* Which vGPU can be made now: equal sizes, mixed sizes with placements, or inside MIG instances. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "emulation/nvml_parts.h"

struct vgpu_type {
	char name[96], mixed[512];
	unsigned long fb_mib, max, max_per_gi, size;
	long gi_profile; /* -1: time-sliced */
};

static unsigned long number_at(const char *line, unsigned field, unsigned long fallback)
{
	char text[24];

	return word_at(line, "|", field, text, sizeof(text)) && text[0] >= '0' && text[0] <= '9'
	               ? strtoul(text, NULL, 10)
	               : fallback;
}

static bool read_type(struct machine *m, const char *bdf, unsigned id, struct vgpu_type *ret)
{
	const char *line = tree_get(&m->tree, ".emu/gpu/%s/vgpu/type/%u", bdf, id);

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

/* A free id of the mixed-size list: no vGPU stands in [id, id + size). */
static bool has_free_place(struct machine *m, const char *bdf, const struct vgpu_type *t)
{
	_cleanup_strv_ struct strv vfs = {0};
	char path[64], word[16];

	snprintf(path, sizeof(path), ".emu/gpu/%s/vgpu/at", bdf);
	(void)tree_list(&m->tree, path, &vfs);
	for (unsigned i = 0; word_at(t->mixed, ",", i, word, sizeof(word)); i++) {
		unsigned long start = strtoul(word, NULL, 10);
		bool free = true;

		for (size_t k = 0; k < vfs.n; k++) {
			unsigned long at = tree_get_u(&m->tree, ~0ul, "%s/%s/start", path, vfs.v[k]);
			unsigned long size = tree_get_u(&m->tree, 0, "%s/%s/size", path, vfs.v[k]);

			free = free && (at == ~0ul || start >= at + size || at >= start + t->size);
		}
		if (free)
			return true;
	}
	return false;
}

static bool has_free_instance(struct machine *m, const char *bdf, const struct vgpu_type *t,
                              const unsigned *ids, size_t n)
{
	_cleanup_strv_ struct strv gis = {0};
	char path[64];
	unsigned long room = 0, used = 0;

	snprintf(path, sizeof(path), ".emu/gpu/%s/mig/gi", bdf);
	(void)tree_list(&m->tree, path, &gis);
	for (size_t i = 0; i < gis.n; i++) {
		const char *line = tree_get(&m->tree, "%s/%s", path, gis.v[i]);

		room += line && strtol(line, NULL, 10) == t->gi_profile ? t->max_per_gi : 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct vgpu_type other;

		used += read_type(m, bdf, ids[i], &other) && other.gi_profile == t->gi_profile;
	}
	return used < room;
}

int vgpu_rules_create(struct machine *m, const char *bdf, unsigned type_id)
{
	unsigned ids[256];
	size_t n = vgpu_existing(m, bdf, ids, ARRAY_SIZE(ids));
	struct vgpu_type t, other;
	unsigned long same = 0;
	bool mig = tree_get_u(&m->tree, 0, ".emu/gpu/%s/mig/mode", bdf);

	if (!read_type(m, bdf, type_id, &t))
		return -EINVAL;
	if (t.gi_profile >= 0)
		return mig && has_free_instance(m, bdf, &t, ids, n) ? 0 : -EIO;
	if (mig)
		return -EIO;
	for (size_t i = 0; i < n; i++) {
		same += ids[i] == type_id;
		if (!tree_get_u(&m->tree, 0, ".emu/gpu/%s/vgpu/hetero", bdf) &&
		    read_type(m, bdf, ids[i], &other) && other.fb_mib != t.fb_mib)
			return -EIO;
	}
	if (tree_get_u(&m->tree, 0, ".emu/gpu/%s/vgpu/hetero", bdf))
		return has_free_place(m, bdf, &t) ? 0 : -EIO;
	return n < t.max && same < t.max ? 0 : -EIO;
}

int vgpu_rules_creatable(struct machine *m, const char *bdf, struct strv *ret_lines)
{
	_cleanup_strv_ struct strv ids = {0};
	char path[64];

	snprintf(path, sizeof(path), ".emu/gpu/%s/vgpu/type", bdf);
	(void)tree_list(&m->tree, path, &ids);
	for (size_t i = 0; i < ids.n; i++) {
		unsigned id = (unsigned)strtoul(ids.v[i], NULL, 10);
		struct vgpu_type t;

		if (vgpu_rules_create(m, bdf, id) == 0 && read_type(m, bdf, id, &t) &&
		    strv_addf(ret_lines, "%-5u : %s", id, t.name) < 0)
			return -ENOMEM;
	}
	return 0;
}
