/* SPDX-License-Identifier: MIT */
/* vGPU queries of the emulated NVML. Making vGPUs is the business of sysfs, as on a real host. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "emulation/nvml_parts.h"

#define NOT_MIG_BACKED 0xFFFFFFFFu

static nvml_return open_host(nvml_device d, struct handle *h)
{
	nvml_return r = handle_open(d, HANDLE_GPU, h);

	if (r)
		return r;
	return tree_get(&nvml_machine->tree, ".emu/gpu/%s/vgpu/framework", h->bdf) ? NVML_SUCCESS
	                                                                           : NVML_NOT_SUPPORTED;
}

/* Types are asked for without a device: the first board that knows the id answers. */
static const char *type_line(unsigned id, char bdf[16])
{
	_cleanup_strv_ struct strv gpus = {0};

	machine_refresh(nvml_machine);
	if (tree_list(&nvml_machine->tree, ".emu/gpu", &gpus) < 0)
		return NULL;
	for (size_t i = 0; i < gpus.n; i++) {
		const char *line = tree_get(&nvml_machine->tree, ".emu/gpu/%s/vgpu/type/%u", gpus.v[i], id);

		if (line) {
			snprintf(bdf, 16, "%s", gpus.v[i]);
			return line;
		}
	}
	return NULL;
}

static nvml_return type_field(unsigned id, unsigned field, char *buf, size_t size)
{
	char bdf[16];
	const char *line = type_line(id, bdf);

	return line && word_at(line, "|", field, buf, size) ? NVML_SUCCESS : NVML_INVALID_ARGUMENT;
}

static nvml_return type_number(unsigned id, unsigned field, unsigned *ret)
{
	char text[24];
	nvml_return r = type_field(id, field, text, sizeof(text));

	if (r)
		return r;
	if (text[0] < '0' || text[0] > '9')
		return NVML_NOT_SUPPORTED;
	*ret = (unsigned)strtoul(text, NULL, 10);
	return NVML_SUCCESS;
}

static nvml_return give_ids(const struct strv *ids, unsigned *count, unsigned *ret)
{
	unsigned room = *count;

	*count = (unsigned)ids->n;
	if (room < ids->n || !ret)
		return ids->n ? NVML_INSUFFICIENT_SIZE : NVML_SUCCESS;
	for (size_t i = 0; i < ids->n; i++)
		ret[i] = (unsigned)strtoul(ids->v[i], NULL, 10);
	return NVML_SUCCESS;
}

static nvml_return supported(nvml_device d, unsigned *count, unsigned *ret)
{
	_cleanup_strv_ struct strv ids = {0};
	struct handle h;
	char path[64];
	nvml_return r = open_host(d, &h);

	if (r)
		return r;
	FAULT_BEFORE("DeviceGetSupportedVgpus");
	snprintf(path, sizeof(path), ".emu/gpu/%s/vgpu/type", h.bdf);
	(void)tree_list(&nvml_machine->tree, path, &ids);
	return give_ids(&ids, count, ret);
}

static nvml_return creatable(nvml_device d, unsigned *count, unsigned *ret)
{
	_cleanup_strv_ struct strv lines = {0};
	struct handle h;
	nvml_return r = open_host(d, &h);

	if (r)
		return r;
	(void)vgpu_rules_creatable(nvml_machine, h.bdf, &lines);
	return give_ids(&lines, count, ret);
}

static nvml_return active(nvml_device d, unsigned *count, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_host(d, &h);

	(void)ret;
	*count = 0; /* no guest runs on an emulated host */
	return r;
}

static nvml_return type_text(unsigned id, unsigned field, char *buf, unsigned *size)
{
	char text[128];
	nvml_return r = type_field(id, field, text, sizeof(text));

	if (r)
		return r;
	if (strlen(text) >= *size) {
		*size = (unsigned)strlen(text) + 1;
		return NVML_INSUFFICIENT_SIZE;
	}
	*size = (unsigned)strlen(text) + 1;
	memcpy(buf, text, *size);
	return NVML_SUCCESS;
}

static nvml_return type_name(unsigned id, char *buf, unsigned *size)
{
	return type_text(id, 0, buf, size);
}

static nvml_return type_class(unsigned id, char *buf, unsigned *size)
{
	return type_text(id, 1, buf, size);
}

static nvml_return type_framebuffer(unsigned id, uint64_t *ret)
{
	unsigned mib;
	nvml_return r = type_number(id, 2, &mib);

	if (r == NVML_SUCCESS)
		*ret = (uint64_t)mib << 20;
	return r;
}

static nvml_return type_max(nvml_device d, unsigned id, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_host(d, &h);

	return r ? r : type_number(id, 3, ret);
}

/* Only types that take the whole board may be several in one guest (vendor's manual). */
static nvml_return type_max_per_vm(unsigned id, unsigned *ret)
{
	unsigned max, gi;
	nvml_return r = type_number(id, 3, &max);

	if (r == NVML_SUCCESS)
		*ret = max == 1 && type_number(id, 5, &gi) == NVML_NOT_SUPPORTED ? 16 : 1;
	return r;
}

static nvml_return type_max_per_gi(struct nvml_vgpu_max_per_gi *info)
{
	if (info->version != NVML_VERSION(struct nvml_vgpu_max_per_gi, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	return type_number(info->type_id, 4, &info->max_per_gi);
}

static nvml_return type_gi_profile(unsigned id, unsigned *ret)
{
	nvml_return r = type_number(id, 5, ret);

	if (r != NVML_NOT_SUPPORTED)
		return r;
	*ret = NOT_MIG_BACKED;
	return NVML_SUCCESS;
}

static nvml_return type_heads(unsigned id, unsigned *ret)
{
	return type_number(id, 6, ret);
}

/* 3: exclusive type, 4: exclusive size - not so in general on these boards; the mode decides. */
static nvml_return type_capability(unsigned id, unsigned capability, unsigned *ret)
{
	char bdf[16];

	(void)capability;
	*ret = 0;
	return type_line(id, bdf) ? NVML_SUCCESS : NVML_INVALID_ARGUMENT;
}

static nvml_return device_capability(nvml_device d, unsigned capability, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_host(d, &h);

	if (r)
		return r;
	*ret = (capability == 1 || capability == 2) && gpu_number(h.bdf, "vgpu/hetero_capable", 0);
	return NVML_SUCCESS;
}

static nvml_return get_hetero(nvml_device d, struct nvml_vgpu_hetero_mode *ret)
{
	struct handle h;
	nvml_return r = open_host(d, &h);

	if (r)
		return r;
	if (ret->version != NVML_VERSION(struct nvml_vgpu_hetero_mode, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	if (!gpu_number(h.bdf, "vgpu/hetero_capable", 0) || gpu_number(h.bdf, "mig/mode", 0))
		return NVML_NOT_SUPPORTED;
	ret->mode = (unsigned)gpu_number(h.bdf, "vgpu/hetero", 0);
	return NVML_SUCCESS;
}

static nvml_return set_hetero(nvml_device d, const struct nvml_vgpu_hetero_mode *mode)
{
	struct handle h;
	unsigned ids[4];
	nvml_return r;

	FAULT_BEFORE("DeviceSetVgpuHeterogeneousMode");
	if (machine_begin(nvml_machine) < 0)
		return NVML_UNKNOWN;
	r = open_host(d, &h);
	if (r == NVML_SUCCESS &&
	    (!gpu_number(h.bdf, "vgpu/hetero_capable", 0) || gpu_number(h.bdf, "mig/mode", 0)))
		r = NVML_NOT_SUPPORTED;
	if (r == NVML_SUCCESS && vgpu_existing(nvml_machine, h.bdf, ids, ARRAY_SIZE(ids)))
		r = NVML_IN_USE;
	if (r == NVML_SUCCESS)
		tree_setf(&nvml_machine->tree, NODE_FILE, mode->mode ? "1" : "0", ".emu/gpu/%s/vgpu/hetero",
		          h.bdf);
	machine_end(nvml_machine, r ? -EIO : 0);
	FAULT_AFTER("DeviceSetVgpuHeterogeneousMode");
	return r;
}

/* The list of one type: mixed-size ids unless the caller asks for the homogeneous ones (version 2). */
static nvml_return placements(nvml_device d, unsigned id, void *info)
{
	struct nvml_vgpu_placements *p = info;
	bool v2 = p->version == NVML_VERSION(struct nvml_vgpu_placements, 2);
	struct handle h;
	char list[512], word[16];
	unsigned n = 0;
	nvml_return r = open_host(d, &h);

	if (r)
		return r;
	if (!v2 && p->version != NVML_VERSION(struct nvml_vgpu_placements_v1, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	r = type_field(id, v2 && p->mode == 1 ? 9 : 8, list, sizeof(list));
	if (r == NVML_SUCCESS)
		r = type_number(id, 7, &p->placement_size);
	if (r || !list[0])
		return r ? r : NVML_NOT_SUPPORTED;
	while (word_at(list, ",", n, word, sizeof(word))) {
		if (n < p->count && p->ids)
			p->ids[n] = (uint32_t)strtoul(word, NULL, 10);
		n++;
	}
	r = p->count < n || !p->ids ? NVML_INSUFFICIENT_SIZE : NVML_SUCCESS;
	p->count = n;
	return r;
}

/* A vGPU inside keeps its GPU instance. */
bool nvml_vgpu_inside(const char *bdf, unsigned gi)
{
	_cleanup_strv_ struct strv vfs = {0};
	char path[64];

	snprintf(path, sizeof(path), ".emu/gpu/%s/vgpu/at", bdf);
	(void)tree_list(&nvml_machine->tree, path, &vfs);
	for (size_t i = 0; i < vfs.n; i++) {
		if (tree_get_u(&nvml_machine->tree, ~0u, "%s/%s/gi", path, vfs.v[i]) == gi)
			return true;
	}
	return false;
}

void nvml_vgpu_init(struct nvml_api *api)
{
	api->DeviceGetSupportedVgpus = supported;
	api->DeviceGetCreatableVgpus = creatable;
	api->DeviceGetActiveVgpus = active;
	api->DeviceGetVgpuCapabilities = device_capability;
	api->DeviceGetVgpuHeterogeneousMode = get_hetero;
	api->DeviceSetVgpuHeterogeneousMode = set_hetero;
	api->DeviceGetVgpuTypeSupportedPlacements = placements;
	api->VgpuTypeGetName = type_name;
	api->VgpuTypeGetClass = type_class;
	api->VgpuTypeGetFramebufferSize = type_framebuffer;
	api->VgpuTypeGetMaxInstances = type_max;
	api->VgpuTypeGetMaxInstancesPerVm = type_max_per_vm;
	api->VgpuTypeGetMaxInstancesPerGpuInstance = type_max_per_gi;
	api->VgpuTypeGetGpuInstanceProfileId = type_gi_profile;
	api->VgpuTypeGetNumDisplayHeads = type_heads;
	api->VgpuTypeGetCapabilities = type_capability;
}

static void list_text(const struct json *ids, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < json_len(ids) && len + 8 < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%u", i ? "," : "",
		                        (unsigned)json_u64(json_at(ids, i), 0));
}

int nvml_vgpu_build(struct machine *m, const char *bdf, const struct json *model)
{
	const struct json *vgpu = json_get(model, "vgpu"), *types = json_get(vgpu, "types");
	int r = 0;

	if (!vgpu)
		return 0;
	tree_setf(&m->tree, NODE_FILE, json_bool(json_get(vgpu, "hetero_capable"), false) ? "1" : "0",
	          ".emu/gpu/%s/vgpu/hetero_capable", bdf);
	tree_setf(&m->tree, NODE_FILE, "0", ".emu/gpu/%s/vgpu/hetero", bdf);
	for (size_t i = 0; r == 0 && i < json_len(types); i++) {
		const struct json *t = json_at(types, i);
		char line[1400], mixed[512], homogeneous[512], profile[16] = "-";

		list_text(json_get(t, "mixed"), mixed, sizeof(mixed));
		list_text(json_get(t, "homogeneous"), homogeneous, sizeof(homogeneous));
		if (json_get(t, "gi_profile_id"))
			snprintf(profile, sizeof(profile), "%u",
			         (unsigned)json_u64(json_get(t, "gi_profile_id"), 0));
		snprintf(line, sizeof(line), "%s|%s|%u|%u|%u|%s|%u|%u|%s|%s",
		         json_str(json_get(t, "name"), ""), json_str(json_get(t, "class"), ""),
		         (unsigned)json_u64(json_get(t, "fb_mib"), 0),
		         (unsigned)json_u64(json_get(t, "max"), 0),
		         (unsigned)json_u64(json_get(t, "max_per_gi"), 0), profile,
		         (unsigned)json_u64(json_get(t, "heads"), 0),
		         (unsigned)json_u64(json_get(t, "size"), 0), mixed, homogeneous);
		r = tree_setf(&m->tree, NODE_FILE, line, ".emu/gpu/%s/vgpu/type/%u", bdf,
		              (unsigned)json_u64(json_get(t, "id"), 0));
	}
	return r;
}
