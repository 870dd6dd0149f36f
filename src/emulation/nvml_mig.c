/* SPDX-License-Identifier: MIT */
/* MIG of the emulated NVML: mode, GPU and compute instances, with the driver's rules and refusals. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "emulation/nvml_parts.h"

#define PROFILE_COUNT 18 /* indexes beyond answer INVALID_ARGUMENT */

bool read_profile(const char *bdf, unsigned index, struct gi_profile *ret)
{
	const char *line = tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/profile/%u", bdf, index);
	const char *p;
	int at = 0;

	*ret = (struct gi_profile){.index = index};
	if (!line || sscanf(line, "%u %39s %u %u %u %u %u %u %u %u %lu %n", &ret->id, ret->name, &ret->slices,
	                    &ret->instances, &ret->sms, &ret->engines[0], &ret->engines[1], &ret->engines[2],
	                    &ret->engines[3], &ret->engines[4], &ret->memory_mib, &at) != 11)
		return false;
	for (p = line + at; *p && ret->n_placements < 32; p += *p == ',') {
		struct nvml_placement *q = &ret->placements[ret->n_placements++];
		char *end;

		q->start = (uint32_t)strtoul(p, &end, 10);
		q->size = *end == ':' ? (uint32_t)strtoul(end + 1, &end, 10) : 0;
		p = end;
	}
	return true;
}

bool profile_by_id(const char *bdf, unsigned id, struct gi_profile *ret)
{
	for (unsigned i = 0; i < PROFILE_COUNT; i++) {
		if (read_profile(bdf, i, ret) && ret->id == id)
			return true;
	}
	return false;
}

unsigned read_gis(const char *bdf, struct gi ret[MAX_GI])
{
	_cleanup_strv_ struct strv ids = {0};
	char path[64];
	unsigned n = 0;

	snprintf(path, sizeof(path), ".emu/gpu/%s/mig/gi", bdf);
	if (tree_list(&nvml_machine->tree, path, &ids) < 0)
		return 0;
	for (size_t i = 0; i < ids.n && n < MAX_GI; i++) {
		const char *line = tree_get(&nvml_machine->tree, "%s/%s", path, ids.v[i]);
		_cleanup_strv_ struct strv cis = {0};
		char ci_path[96];
		struct gi *g = &ret[n];

		g->id = (unsigned)strtoul(ids.v[i], NULL, 10);
		if (!line || sscanf(line, "%u %u %u", &g->profile_id, &g->at.start, &g->at.size) != 3)
			continue;
		snprintf(ci_path, sizeof(ci_path), "%s/%s/ci", path, ids.v[i]);
		g->n_cis = tree_list(&nvml_machine->tree, ci_path, &cis) == 0 ? (unsigned)cis.n : 0;
		n++;
	}
	return n;
}

static bool overlaps(const struct nvml_placement *a, const struct nvml_placement *b)
{
	return a->start < b->start + b->size && b->start < a->start + a->size;
}

#define ENGINES 6 /* five kinds of engines, and compute slices */

/* What a board has of each engine, and what stands on it: no more than the largest demand that the board's
 * own maxima allow. */
struct engines {
	unsigned long total[ENGINES], used[ENGINES];
};

static unsigned long demand(const struct gi_profile *p, unsigned e)
{
	return e < 5 ? p->engines[e] : p->slices;
}

static void count_engines(const char *bdf, const struct gi *gis, unsigned n, struct engines *ret)
{
	*ret = (struct engines){0};
	for (unsigned i = 0; i < PROFILE_COUNT; i++) {
		struct gi_profile q;

		if (!read_profile(bdf, i, &q))
			continue;
		for (unsigned e = 0; e < ENGINES; e++) {
			unsigned long most = demand(&q, e) * q.instances;

			ret->total[e] = most > ret->total[e] ? most : ret->total[e];
			for (unsigned k = 0; k < n; k++)
				ret->used[e] += gis[k].profile_id == q.id ? demand(&q, e) : 0;
		}
	}
}

static bool take_engines(const struct gi_profile *p, struct engines *engines)
{
	for (unsigned e = 0; e < ENGINES; e++) {
		if (engines->used[e] + demand(p, e) > engines->total[e])
			return false;
	}
	for (unsigned e = 0; e < ENGINES; e++)
		engines->used[e] += demand(p, e);
	return true;
}

/* Further instances of a profile that fit, by trying placements in order (they are intervals of one size). */
static unsigned remaining(const char *bdf, const struct gi_profile *p, const struct nvml_placement *only)
{
	struct gi gis[MAX_GI * 2];
	struct engines engines;
	unsigned n = read_gis(bdf, gis), added = 0, same = 0;

	count_engines(bdf, gis, n, &engines);
	for (unsigned i = 0; i < n; i++)
		same += gis[i].profile_id == p->id;
	for (unsigned k = 0; k < p->n_placements && same + added < p->instances && n < MAX_GI * 2; k++) {
		bool free = !only ||
		            (only->start == p->placements[k].start && only->size == p->placements[k].size);

		for (unsigned i = 0; i < n; i++)
			free = free && !overlaps(&gis[i].at, &p->placements[k]);
		if (!free || !take_engines(p, &engines))
			continue;
		gis[n++] = (struct gi){.profile_id = p->id, .at = p->placements[k]};
		added++;
	}
	return added;
}

bool gi_profile_fits(const char *bdf, const struct gi_profile *p, const struct nvml_placement *at)
{
	return remaining(bdf, p, at) > 0;
}

/* --- mode --- */

static bool gpu_is_held(const char *bdf)
{
	char node[64];

	snprintf(node, sizeof(node), "/dev/nvidia%lu", gpu_number(bdf, "minor", 0));
	return machine_is_held(nvml_machine, node);
}

static nvml_return get_mode(nvml_device d, unsigned *current, unsigned *pending)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r)
		return r;
	FAULT_BEFORE("DeviceGetMigMode");
	if (!gpu_number(h.bdf, "mig/capable", 0))
		return NVML_NOT_SUPPORTED;
	*current = (unsigned)gpu_number(h.bdf, "mig/mode", 0);
	*pending = (unsigned)gpu_number(h.bdf, "mig/pending", 0);
	return NVML_SUCCESS;
}

static void set_mode_now(const char *bdf, unsigned mode)
{
	const char *text = mode ? "1" : "0";

	tree_setf(&nvml_machine->tree, NODE_FILE, text, ".emu/gpu/%s/mig/mode", bdf);
	tree_setf(&nvml_machine->tree, NODE_FILE, text, ".emu/gpu/%s/mig/pending", bdf);
	tree_remove(&nvml_machine->tree, ".emu/gpu/%s/mig/gi", bdf);
	mig_nodes_update(nvml_machine, bdf);
}

static nvml_return set_mode(nvml_device d, unsigned mode, nvml_return *activation)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);
	struct gi gis[MAX_GI];

	if (r)
		return r;
	FAULT_BEFORE("DeviceSetMigMode");
	if (machine_begin(nvml_machine) < 0)
		return NVML_UNKNOWN;
	*activation = NVML_SUCCESS;
	if (!gpu_number(h.bdf, "mig/capable", 0)) {
		r = NVML_NOT_SUPPORTED;
	} else if (mode > 1) {
		r = NVML_INVALID_ARGUMENT;
	} else if (!mode && (sriov_count(nvml_machine, h.bdf) || read_gis(h.bdf, gis))) {
		*activation = NVML_IN_USE;
	} else if (gpu_number(h.bdf, "mig/mode", 0) != mode) {
		if (gpu_is_held(h.bdf)) {
			*activation = NVML_IN_USE;
			/* A board that needs a reset remembers the wish; a reset-free one does not. */
			if (!gpu_number(h.bdf, "mig/reset_free", 0))
				tree_setf(&nvml_machine->tree, NODE_FILE, mode ? "1" : "0",
				          ".emu/gpu/%s/mig/pending", h.bdf);
		} else {
			set_mode_now(h.bdf, mode);
		}
	} else {
		tree_setf(&nvml_machine->tree, NODE_FILE, mode ? "1" : "0", ".emu/gpu/%s/mig/pending", h.bdf);
	}
	machine_end(nvml_machine, 0);
	FAULT_AFTER("DeviceSetMigMode");
	return r;
}

/* --- GPU instances --- */

static nvml_return open_profile(nvml_device d, unsigned index, struct handle *h, struct gi_profile *p)
{
	nvml_return r = handle_open(d, HANDLE_GPU, h);

	if (r)
		return r;
	if (index >= PROFILE_COUNT)
		return NVML_INVALID_ARGUMENT;
	if (!gpu_number(h->bdf, "mig/capable", 0) || !read_profile(h->bdf, index, p))
		return NVML_NOT_SUPPORTED;
	return NVML_SUCCESS;
}

static nvml_return profile_info(nvml_device d, unsigned index, struct nvml_gi_profile *ret)
{
	struct handle h;
	struct gi_profile p;
	nvml_return r = open_profile(d, index, &h, &p);

	if (r)
		return r;
	*ret = (struct nvml_gi_profile){.id = p.id,
	                                .slices = p.slices,
	                                .instances = p.instances,
	                                .sm_count = p.sms,
	                                .copy_engines = p.engines[0],
	                                .decoders = p.engines[1],
	                                .encoders = p.engines[2],
	                                .jpeg = p.engines[3],
	                                .ofa = p.engines[4],
	                                .memory_mib = p.memory_mib};
	return NVML_SUCCESS;
}

static nvml_return profile_info_v(nvml_device d, unsigned index, void *info)
{
	struct nvml_gi_profile_v2 *ret = info;
	struct handle h;
	struct gi_profile p;
	nvml_return r = open_profile(d, index, &h, &p);

	if (r)
		return r;
	if (ret->version != NVML_VERSION(struct nvml_gi_profile_v2, 2))
		return NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_gi_profile_v2){.version = ret->version,
	                                   .id = p.id,
	                                   .slices = p.slices,
	                                   .instances = p.instances,
	                                   .sm_count = p.sms,
	                                   .copy_engines = p.engines[0],
	                                   .decoders = p.engines[1],
	                                   .encoders = p.engines[2],
	                                   .jpeg = p.engines[3],
	                                   .ofa = p.engines[4],
	                                   .memory_mib = p.memory_mib};
	snprintf(ret->name, sizeof(ret->name), "MIG %s", p.name);
	return NVML_SUCCESS;
}

static nvml_return open_profile_id(nvml_device d, unsigned id, struct handle *h, struct gi_profile *p)
{
	nvml_return r = handle_open(d, HANDLE_GPU, h);

	if (r)
		return r;
	return profile_by_id(h->bdf, id, p) ? NVML_SUCCESS : NVML_NOT_SUPPORTED;
}

static nvml_return possible_placements(nvml_device d, unsigned id, struct nvml_placement *ret,
                                       unsigned *count)
{
	struct handle h;
	struct gi_profile p;
	nvml_return r = open_profile_id(d, id, &h, &p);

	if (r)
		return r;
	if (ret && *count < p.n_placements)
		return NVML_INSUFFICIENT_SIZE;
	if (ret)
		memcpy(ret, p.placements, p.n_placements * sizeof(*ret));
	*count = p.n_placements;
	return NVML_SUCCESS;
}

static nvml_return remaining_capacity(nvml_device d, unsigned id, unsigned *ret)
{
	struct handle h;
	struct gi_profile p;
	nvml_return r = open_profile_id(d, id, &h, &p);

	if (r == NVML_SUCCESS)
		*ret = remaining(h.bdf, &p, NULL);
	return r;
}

/* Ids come from ranges by size: whole 0, half 1-2, quarter 3-6, eighth 7-14. */
static unsigned new_gi_id(const char *bdf, unsigned size)
{
	unsigned slots = (unsigned)gpu_number(bdf, "mig/slots", 8);
	unsigned parts = size ? slots / size : 1;
	unsigned first = parts >= 8 ? 7 : parts >= 4 ? 3 : parts >= 2 ? 1 : 0;

	for (unsigned id = first;; id++) {
		if (!tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u", bdf, id))
			return id;
	}
}

static nvml_return make_gi(const struct handle *h, const struct gi_profile *p,
                           const struct nvml_placement *at, nvml_gi *ret)
{
	char line[64];
	unsigned id;
	struct nvml_placement chosen = {0};

	for (unsigned i = 0; i < p->n_placements && chosen.size == 0; i++) {
		if ((!at || at->start == p->placements[i].start) &&
		    gi_profile_fits(h->bdf, p, &p->placements[i]))
			chosen = p->placements[i];
	}
	if (chosen.size == 0)
		return NVML_INSUFFICIENT_RESOURCES;
	id = new_gi_id(h->bdf, chosen.size);
	snprintf(line, sizeof(line), "%u %u %u", p->id, chosen.start, chosen.size);
	if (tree_setf(&nvml_machine->tree, NODE_FILE, line, ".emu/gpu/%s/mig/gi/%u", h->bdf, id) < 0)
		return NVML_MEMORY;
	mig_nodes_update(nvml_machine, h->bdf);
	*ret = handle_make(HANDLE_GI, h->gpu, id, 0);
	return NVML_SUCCESS;
}

static nvml_return create_gi_with(nvml_device d, unsigned id, const struct nvml_placement *at, nvml_gi *ret)
{
	struct handle h;
	struct gi_profile p;
	bool legal = at == NULL;
	nvml_return r;

	FAULT_BEFORE("DeviceCreateGpuInstanceWithPlacement");
	if (machine_begin(nvml_machine) < 0)
		return NVML_UNKNOWN;
	r = open_profile_id(d, id, &h, &p);
	for (unsigned i = 0; r == NVML_SUCCESS && at && i < p.n_placements; i++)
		legal |= p.placements[i].start == at->start && p.placements[i].size == at->size;
	if (r == NVML_SUCCESS && !gpu_number(h.bdf, "mig/mode", 0))
		r = NVML_NOT_SUPPORTED;
	if (r == NVML_SUCCESS && !legal)
		r = NVML_INVALID_ARGUMENT;
	if (r == NVML_SUCCESS && gpu_is_held(h.bdf))
		r = NVML_IN_USE;
	if (r == NVML_SUCCESS)
		r = make_gi(&h, &p, at, ret);
	machine_end(nvml_machine, r ? -EIO : 0);
	FAULT_AFTER("DeviceCreateGpuInstanceWithPlacement");
	return r;
}

static nvml_return create_gi(nvml_device d, unsigned id, nvml_gi *ret)
{
	return create_gi_with(d, id, NULL, ret);
}

static nvml_return get_gis(nvml_device d, unsigned id, nvml_gi *ret, unsigned *count)
{
	struct handle h;
	struct gi_profile p;
	struct gi gis[MAX_GI];
	nvml_return r = open_profile_id(d, id, &h, &p);
	unsigned n;

	if (r)
		return r;
	FAULT_BEFORE("DeviceGetGpuInstances");
	if (!gpu_number(h.bdf, "mig/mode", 0))
		return NVML_NOT_SUPPORTED;
	n = read_gis(h.bdf, gis);
	*count = 0;
	for (unsigned i = 0; i < n; i++) {
		if (gis[i].profile_id == id)
			ret[(*count)++] = handle_make(HANDLE_GI, h.gpu, gis[i].id, 0);
	}
	return NVML_SUCCESS;
}

static nvml_return gi_by_id(nvml_device d, unsigned id, nvml_gi *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r)
		return r;
	if (!tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u", h.bdf, id))
		return NVML_NOT_FOUND;
	*ret = handle_make(HANDLE_GI, h.gpu, id, 0);
	return NVML_SUCCESS;
}

static bool find_gi(const struct handle *h, struct gi *ret)
{
	struct gi gis[MAX_GI];
	unsigned n = read_gis(h->bdf, gis);

	for (unsigned i = 0; i < n; i++) {
		if (gis[i].id == h->gi) {
			*ret = gis[i];
			return true;
		}
	}
	return false;
}

static nvml_return gi_info(nvml_gi g, struct nvml_gi_info *ret)
{
	struct handle h;
	struct gi gi;
	nvml_return r = handle_open(g, HANDLE_GI, &h);

	if (r)
		return r;
	FAULT_BEFORE("GpuInstanceGetInfo");
	if (!find_gi(&h, &gi))
		return NVML_NOT_FOUND;
	*ret = (struct nvml_gi_info){.device = handle_make(HANDLE_GPU, h.gpu, 0, 0),
	                             .id = gi.id,
	                             .profile_id = gi.profile_id,
	                             .placement = gi.at};
	return NVML_SUCCESS;
}

static nvml_return gi_destroy(nvml_gi g)
{
	struct handle h;
	struct gi gi;
	nvml_return r;

	FAULT_BEFORE("GpuInstanceDestroy");
	if (machine_begin(nvml_machine) < 0)
		return NVML_UNKNOWN;
	r = handle_open(g, HANDLE_GI, &h);
	if (r == NVML_SUCCESS)
		r = !find_gi(&h, &gi)                           ? NVML_NOT_FOUND
		    : gi.n_cis || nvml_vgpu_inside(h.bdf, h.gi) ? NVML_IN_USE
		                                                : NVML_SUCCESS;
	if (r == NVML_SUCCESS) {
		tree_remove(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u", h.bdf, h.gi);
		mig_nodes_update(nvml_machine, h.bdf);
	}
	machine_end(nvml_machine, r ? -EIO : 0);
	FAULT_AFTER("GpuInstanceDestroy");
	return r;
}

/* --- compute instances --- */

struct ci_profile {
	unsigned id, slices, instances;
};

static bool read_ci_profile(const struct handle *h, const struct gi_profile *p, unsigned index,
                            struct ci_profile *ret)
{
	const char *line =
		tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/ci/%u/%u", h->bdf, p->slices, index);

	/* A GI of one slice with double memory takes the compute instance with index 7 (seen on a GH200). */
	if (p->index == 9) {
		*ret = (struct ci_profile){.id = 7, .slices = 1, .instances = 1};
		return index == 7;
	}
	return line && sscanf(line, "%u %u %u", &ret->id, &ret->slices, &ret->instances) == 3;
}

static nvml_return open_gi(nvml_gi g, struct handle *h, struct gi *gi, struct gi_profile *p)
{
	nvml_return r = handle_open(g, HANDLE_GI, h);

	if (r)
		return r;
	return find_gi(h, gi) && profile_by_id(h->bdf, gi->profile_id, p) ? NVML_SUCCESS : NVML_NOT_FOUND;
}

static nvml_return ci_profile_info(nvml_gi g, unsigned index, unsigned engine, struct nvml_ci_profile *ret)
{
	struct handle h;
	struct gi gi;
	struct gi_profile p;
	struct ci_profile c;
	nvml_return r = open_gi(g, &h, &gi, &p);

	if (r)
		return r;
	FAULT_BEFORE("GpuInstanceGetComputeInstanceProfileInfo");
	if (index > 8 || engine != 0)
		return NVML_INVALID_ARGUMENT;
	if (!read_ci_profile(&h, &p, index, &c))
		return NVML_NOT_SUPPORTED;
	*ret = (struct nvml_ci_profile){.id = c.id,
	                                .slices = c.slices,
	                                .instances = c.instances,
	                                .sm_count = p.slices ? p.sms * c.slices / p.slices : 0,
	                                .copy_engines = p.engines[0],
	                                .decoders = p.engines[1],
	                                .encoders = p.engines[2],
	                                .jpeg = p.engines[3],
	                                .ofa = p.engines[4]};
	return NVML_SUCCESS;
}

static unsigned used_ci_slices(const struct handle *h, unsigned n_max)
{
	unsigned used = 0;

	for (unsigned i = 0; i < n_max; i++) {
		const char *line =
			tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h->bdf, h->gi, i);
		unsigned profile, start, size;

		if (line && sscanf(line, "%u %u %u", &profile, &start, &size) == 3)
			used += size;
	}
	return used;
}

static nvml_return ci_remaining(nvml_gi g, unsigned id, unsigned *ret)
{
	struct handle h;
	struct gi gi;
	struct gi_profile p;
	nvml_return r = open_gi(g, &h, &gi, &p);

	for (unsigned i = 0; r == NVML_SUCCESS && i <= 8; i++) {
		struct ci_profile c;

		if (read_ci_profile(&h, &p, i, &c) && c.id == id) {
			unsigned left = p.slices - used_ci_slices(&h, 8);

			*ret = c.slices ? left / c.slices : 0;
			*ret = *ret > c.instances ? c.instances : *ret;
			return NVML_SUCCESS;
		}
	}
	return r ? r : NVML_NOT_SUPPORTED;
}

static nvml_return make_ci(const struct handle *h, const struct gi_profile *p, unsigned id, nvml_ci *ret)
{
	char line[128], uuid[UUID_STR_MAX], name[96];
	struct ci_profile c = {0};
	unsigned i = 0, ci = 0, used = used_ci_slices(h, 8);

	while (i <= 8 && !(read_ci_profile(h, p, i, &c) && c.id == id))
		i++;
	if (i > 8)
		return NVML_NOT_SUPPORTED;
	if (used + c.slices > p->slices)
		return NVML_INSUFFICIENT_RESOURCES;
	while (tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h->bdf, h->gi, ci))
		ci++;
	snprintf(name, sizeof(name), "%s %s %lu", h->bdf, p->name, machine_next(nvml_machine, "mig"));
	uuid_derive(name, uuid);
	snprintf(line, sizeof(line), "%u %u %u MIG-%s", id, used, c.slices, uuid);
	if (tree_setf(&nvml_machine->tree, NODE_FILE, line, ".emu/gpu/%s/mig/gi/%u/ci/%u", h->bdf, h->gi,
	              ci) < 0)
		return NVML_MEMORY;
	mig_nodes_update(nvml_machine, h->bdf);
	*ret = handle_make(HANDLE_CI, h->gpu, h->gi, ci);
	return NVML_SUCCESS;
}

static nvml_return create_ci(nvml_gi g, unsigned id, nvml_ci *ret)
{
	struct handle h;
	struct gi gi;
	struct gi_profile p;
	nvml_return r;

	FAULT_BEFORE("GpuInstanceCreateComputeInstance");
	if (machine_begin(nvml_machine) < 0)
		return NVML_UNKNOWN;
	r = open_gi(g, &h, &gi, &p);
	if (r == NVML_SUCCESS)
		r = make_ci(&h, &p, id, ret);
	machine_end(nvml_machine, r ? -EIO : 0);
	FAULT_AFTER("GpuInstanceCreateComputeInstance");
	return r;
}

static nvml_return get_cis(nvml_gi g, unsigned id, nvml_ci *ret, unsigned *count)
{
	struct handle h;
	nvml_return r = handle_open(g, HANDLE_GI, &h);

	*count = 0;
	for (unsigned i = 0; r == NVML_SUCCESS && i < 8; i++) {
		const char *line =
			tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h.bdf, h.gi, i);
		unsigned profile;

		if (line && sscanf(line, "%u", &profile) == 1 && profile == id)
			ret[(*count)++] = handle_make(HANDLE_CI, h.gpu, h.gi, i);
	}
	return r;
}

static nvml_return ci_by_id(nvml_gi g, unsigned id, nvml_ci *ret)
{
	struct handle h;
	nvml_return r = handle_open(g, HANDLE_GI, &h);

	if (r)
		return r;
	if (!tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h.bdf, h.gi, id))
		return NVML_NOT_FOUND;
	*ret = handle_make(HANDLE_CI, h.gpu, h.gi, id);
	return NVML_SUCCESS;
}

static nvml_return ci_info(nvml_ci c, struct nvml_ci_info *ret)
{
	struct handle h;
	const char *line;
	nvml_return r = handle_open(c, HANDLE_CI, &h);

	if (r)
		return r;
	FAULT_BEFORE("ComputeInstanceGetInfo");
	*ret = (struct nvml_ci_info){.device = handle_make(HANDLE_GPU, h.gpu, 0, 0),
	                             .gi = handle_make(HANDLE_GI, h.gpu, h.gi, 0),
	                             .id = h.ci};
	line = tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h.bdf, h.gi, h.ci);
	return line && sscanf(line, "%u %u %u", &ret->profile_id, &ret->placement.start,
	                      &ret->placement.size) == 3
	               ? NVML_SUCCESS
	               : NVML_NOT_FOUND;
}

static bool ci_is_held(const struct handle *h)
{
	const char *line = tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h->bdf, h->gi, h->ci);
	char uuid[64], node[128];

	if (!line || !word_at(line, " ", 3, uuid, sizeof(uuid)))
		return false;
	snprintf(node, sizeof(node), "/dev/emulated/%s", uuid);
	return machine_is_held(nvml_machine, node);
}

static nvml_return ci_destroy(nvml_ci c)
{
	struct handle h;
	nvml_return r;

	FAULT_BEFORE("ComputeInstanceDestroy");
	if (machine_begin(nvml_machine) < 0)
		return NVML_UNKNOWN;
	r = handle_open(c, HANDLE_CI, &h);
	if (r == NVML_SUCCESS && ci_is_held(&h))
		r = NVML_IN_USE;
	if (r == NVML_SUCCESS) {
		tree_remove(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h.bdf, h.gi, h.ci);
		mig_nodes_update(nvml_machine, h.bdf);
	}
	machine_end(nvml_machine, r ? -EIO : 0);
	FAULT_AFTER("ComputeInstanceDestroy");
	return r;
}

/* --- MIG devices --- */

static nvml_return max_mig_devices(nvml_device d, unsigned *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);
	struct gi_profile p;

	if (r)
		return r;
	*ret = gpu_number(h.bdf, "mig/mode", 0) && read_profile(h.bdf, 0, &p) ? p.instances : 0;
	return NVML_SUCCESS;
}

static nvml_return mig_by_index(nvml_device d, unsigned index, nvml_device *ret)
{
	struct handle h;
	struct gi gis[MAX_GI];
	nvml_return r = handle_open(d, HANDLE_GPU, &h);
	unsigned n, seen = 0;

	if (r)
		return r;
	n = read_gis(h.bdf, gis);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned c = 0; c < 8; c++) {
			if (tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h.bdf, gis[i].id,
			             c) &&
			    seen++ == index) {
				*ret = handle_make(HANDLE_MIG, h.gpu, gis[i].id, c);
				return NVML_SUCCESS;
			}
		}
	}
	return NVML_NOT_FOUND;
}

static nvml_return mig_gi_id(nvml_device d, unsigned *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_MIG, &h);

	if (r == NVML_SUCCESS)
		*ret = h.gi;
	return r;
}

static nvml_return mig_ci_id(nvml_device d, unsigned *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_MIG, &h);

	if (r == NVML_SUCCESS)
		*ret = h.ci;
	return r;
}

static nvml_return attributes(nvml_device d, struct nvml_attributes *ret)
{
	struct handle h;
	struct gi gi;
	struct gi_profile p;
	nvml_return r = handle_open(d, HANDLE_MIG, &h);

	if (r)
		return r;
	if (!find_gi(&h, &gi) || !profile_by_id(h.bdf, gi.profile_id, &p))
		return NVML_NOT_FOUND;
	*ret = (struct nvml_attributes){.sm_count = p.sms,
	                                .copy_engines = p.engines[0],
	                                .decoders = p.engines[1],
	                                .encoders = p.engines[2],
	                                .jpeg = p.engines[3],
	                                .ofa = p.engines[4],
	                                .gi_slices = p.slices,
	                                .ci_slices = p.slices,
	                                .memory_mib = p.memory_mib};
	return NVML_SUCCESS;
}

void nvml_mig_init(struct nvml_api *api)
{
	api->DeviceGetMigMode = get_mode;
	api->DeviceSetMigMode = set_mode;
	api->DeviceGetGpuInstanceProfileInfo = profile_info;
	api->DeviceGetGpuInstanceProfileInfoV = profile_info_v;
	api->DeviceGetGpuInstancePossiblePlacements = possible_placements;
	api->DeviceGetGpuInstanceRemainingCapacity = remaining_capacity;
	api->DeviceCreateGpuInstance = create_gi;
	api->DeviceCreateGpuInstanceWithPlacement = create_gi_with;
	api->DeviceGetGpuInstances = get_gis;
	api->DeviceGetGpuInstanceById = gi_by_id;
	api->GpuInstanceGetInfo = gi_info;
	api->GpuInstanceDestroy = gi_destroy;
	api->GpuInstanceGetComputeInstanceProfileInfo = ci_profile_info;
	api->GpuInstanceGetComputeInstanceRemainingCapacity = ci_remaining;
	api->GpuInstanceCreateComputeInstance = create_ci;
	api->GpuInstanceGetComputeInstances = get_cis;
	api->GpuInstanceGetComputeInstanceById = ci_by_id;
	api->ComputeInstanceGetInfo = ci_info;
	api->ComputeInstanceDestroy = ci_destroy;
	api->DeviceGetMaxMigDeviceCount = max_mig_devices;
	api->DeviceGetMigDeviceHandleByIndex = mig_by_index;
	api->DeviceGetGpuInstanceId = mig_gi_id;
	api->DeviceGetComputeInstanceId = mig_ci_id;
	api->DeviceGetAttributes = attributes;
}
