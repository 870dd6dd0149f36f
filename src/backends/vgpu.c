/* SPDX-License-Identifier: MIT */
/*
 * NVIDIA vGPU: virtual functions with a type (vendor VFIO) or mediated devices. NVML knows the types,
 * sysfs makes and removes them.
 */
#include "backends/vgpu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "model/capacity.h"

#define MAX_TYPES   512
#define MAX_GI_IDS  32
#define PCI_DEVICES "sys/bus/pci/devices/"

/* --- what is there --- */

void vgpu_board_done(struct vgpu_board *b)
{
	strv_done(&b->parents);
}

static int find_framework(struct vgpu_board *b, struct ofbc_error *err)
{
	struct platform *p = b->host->platform;
	struct pci_function f;
	int r = pci_vfs(p, b->gpu->id, &b->parents);

	if (r < 0 && r != -ENOENT)
		return error_set_errno(err, -r, "virtual functions of %s", b->gpu->id);
	for (size_t i = 0; i < b->parents.n && b->framework != VGPU_VFIO; i++) {
		if (sysfs_exists(p, PCI_DEVICES "%s/nvidia/current_vgpu_type", b->parents.v[i]))
			b->framework = VGPU_VFIO;
		else if (sysfs_exists(p, PCI_DEVICES "%s/mdev_supported_types", b->parents.v[i]))
			b->framework = VGPU_MDEV_VF;
	}
	if (b->framework != VGPU_NONE || b->parents.n)
		return 0;
	if (sysfs_exists(p, PCI_DEVICES "%s/mdev_supported_types", b->gpu->id)) {
		b->framework = VGPU_MDEV_PF;
		return strv_add(&b->parents, b->gpu->id);
	}
	if (pci_read(p, b->gpu->id, &f) == 0 && f.total_vfs > 0)
		b->framework = VGPU_OFF;
	return 0;
}

int vgpu_open(struct host *h, const struct ofbc_gpu *gpu, struct vgpu_board *ret, struct ofbc_error *err)
{
	struct nvml_vgpu_hetero_mode mode = {.version = NVML_VERSION(struct nvml_vgpu_hetero_mode, 1)};
	unsigned count = 0;
	nvml_return n;
	int r;

	*ret = (struct vgpu_board){.host = h, .gpu = gpu};
	r = host_nvml_device(h, gpu->id, &ret->api, &ret->device, err);
	if (r < 0)
		return r;
	if (!ret->api->DeviceGetSupportedVgpus)
		return 0;
	n = ret->api->DeviceGetSupportedVgpus(ret->device, &count, NULL);
	if (n == NVML_NOT_SUPPORTED)
		return 0; /* an ordinary driver, or the GPU was itself passed to this guest */
	if (n != NVML_SUCCESS && n != NVML_INSUFFICIENT_SIZE)
		return host_nvml_error(h, n, err, "GPU %s: vGPU types", gpu->alias);
	if (ret->api->DeviceGetVgpuHeterogeneousMode)
		ret->is_mixed =
			ret->api->DeviceGetVgpuHeterogeneousMode(ret->device, &mode) == NVML_SUCCESS &&
			mode.mode == 1;
	r = find_framework(ret, err);
	return r < 0 ? r : 1;
}

static int vgpu_probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                      struct ofbc_error *err)
{
	_cleanup_vgpu_ struct vgpu_board b = {0};
	int r;

	if (strcmp(gpu->kernel_driver, "nvidia") != 0)
		return 0;
	r = vgpu_open(h, gpu, &b, err);
	if (r <= 0)
		return r;
	ret->state = b.framework == VGPU_NONE  ? OFBC_TECHNOLOGY_UNAVAILABLE
	             : b.framework == VGPU_OFF ? OFBC_TECHNOLOGY_OFF
	                                       : OFBC_TECHNOLOGY_READY;
	if (b.framework == VGPU_OFF)
		snprintf(ret->reason, sizeof(ret->reason),
		         "virtual functions are off: `openforbc gpu enable %s vgpu`", gpu->alias);
	else if (b.framework == VGPU_NONE)
		snprintf(
			ret->reason, sizeof(ret->reason),
			"neither the GPU nor its virtual functions offer vGPU types: is nvidia-vgpud running?");
	else if (b.is_mixed)
		snprintf(ret->reason, sizeof(ret->reason), "mixed sizes");
	return 1;
}

uint32_t vgpu_current_type(struct platform *p, const char *vf)
{
	uint64_t id;

	return sysfs_read_u64(p, &id, PCI_DEVICES "%s/nvidia/current_vgpu_type", vf) == 0 ? (uint32_t)id : 0;
}

/* Lines "1148  : NVIDIA L40S-2Q", with or without a header "ID : vGPU Name". */
static bool list_names(const char *text, uint32_t type_id)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		char *end;
		unsigned long id;

		line += *line == '\n';
		id = strtoul(line, &end, 10);
		if (end != line && id == type_id)
			return true;
	}
	return false;
}

static bool has_mdev(struct platform *p, const char *parent)
{
	_cleanup_strv_ struct strv types = {0};

	if (sysfs_list(p, &types, PCI_DEVICES "%s/mdev_supported_types", parent) < 0)
		return false;
	for (size_t i = 0; i < types.n; i++) {
		_cleanup_strv_ struct strv devices = {0};

		if (sysfs_list(p, &devices, PCI_DEVICES "%s/mdev_supported_types/%s/devices", parent,
		               types.v[i]) == 0 &&
		    devices.n)
			return true;
	}
	return false;
}

bool vgpu_can_create(const struct vgpu_board *b, const char *parent, uint32_t type_id)
{
	struct platform *p = b->host->platform;
	char text[8192];
	uint64_t available;

	if (b->framework == VGPU_VFIO)
		return vgpu_current_type(p, parent) == 0 &&
		       sysfs_read(p, text, sizeof(text), PCI_DEVICES "%s/nvidia/creatable_vgpu_types",
		                  parent) > 0 &&
		       list_names(text, type_id);
	/* a VF takes one mediated device, whatever its counters say */
	if (b->framework == VGPU_MDEV_VF && has_mdev(p, parent))
		return false;
	return sysfs_read_u64(p, &available,
	                      PCI_DEVICES "%s/mdev_supported_types/nvidia-%u/available_instances", parent,
	                      type_id) == 0 &&
	       available > 0;
}

unsigned vgpu_gpu_instances(const struct vgpu_board *b)
{
	unsigned count = 0;
	nvml_gi gi;

	for (unsigned id = 0; b->api->DeviceGetGpuInstanceById && id < MAX_GI_IDS; id++)
		count += b->api->DeviceGetGpuInstanceById(b->device, id, &gi) == NVML_SUCCESS;
	return count;
}

/* --- types --- */

/* "NVIDIA L40S-2Q" and "GRID T4-2Q" are known as L40S-2Q and T4-2Q. */
static void type_name(const struct vgpu_board *b, uint32_t id, char *title, size_t size, char *key,
                      size_t key_size)
{
	unsigned len = (unsigned)size;
	const char *bare = title;

	if (!b->api->VgpuTypeGetName || b->api->VgpuTypeGetName(id, title, &len) != NVML_SUCCESS)
		snprintf(title, size, "nvidia-%u", id);
	title[size - 1] = '\0';
	if (strncmp(title, "NVIDIA ", 7) == 0)
		bare = title + 7;
	else if (strncmp(title, "GRID ", 5) == 0)
		bare = title + 5;
	snprintf(key, key_size, "vgpu:%s", bare);
}

static uint64_t framebuffer_mib(const struct vgpu_board *b, uint32_t id)
{
	uint64_t bytes = 0;

	if (b->api->VgpuTypeGetFramebufferSize)
		b->api->VgpuTypeGetFramebufferSize(id, &bytes);
	return bytes / MIB;
}

/* GPU instance profile that a MIG-backed type lives in, or NVML_NONE. */
static uint32_t gi_profile_of(const struct vgpu_board *b, uint32_t id)
{
	unsigned profile = NVML_NONE;

	if (!b->api->VgpuTypeGetGpuInstanceProfileId ||
	    b->api->VgpuTypeGetGpuInstanceProfileId(id, &profile) != NVML_SUCCESS)
		return NVML_NONE;
	return profile;
}

/* Slots of a type in mixed-size mode: a fixed list, in steps of 1 GB. */
static void read_placements(const struct vgpu_board *b, struct ofbc_type *t)
{
	uint32_t ids[OFBC_MAX_PLACEMENTS] = {0};
	struct nvml_vgpu_placements v2 = {.version = NVML_VERSION(struct nvml_vgpu_placements, 2),
	                                  .count = OFBC_MAX_PLACEMENTS,
	                                  .ids = ids};
	struct nvml_vgpu_placements_v1 v1 = {.version = NVML_VERSION(struct nvml_vgpu_placements_v1, 1),
	                                     .count = OFBC_MAX_PLACEMENTS,
	                                     .ids = ids};
	unsigned size, count;

	if (!b->api->DeviceGetVgpuTypeSupportedPlacements)
		return;
	if (b->api->DeviceGetVgpuTypeSupportedPlacements(b->device, t->native_id, &v2) == NVML_SUCCESS) {
		size = v2.placement_size;
		count = v2.count;
	} else if (b->api->DeviceGetVgpuTypeSupportedPlacements(b->device, t->native_id, &v1) ==
	           NVML_SUCCESS) {
		size = v1.placement_size;
		count = v1.count;
	} else {
		return;
	}
	for (unsigned i = 0; i < count && i < OFBC_MAX_PLACEMENTS; i++) {
		if (ids[i] + size <= MAX_SLOTS)
			t->placements[t->n_placements++] =
				(struct ofbc_placement){.start = ids[i], .size = size};
	}
}

static void fill_sharing(const struct vgpu_board *b, struct ofbc_type *t)
{
	unsigned heads = 0, max = 0;

	if (b->api->VgpuTypeGetMaxInstances &&
	    b->api->VgpuTypeGetMaxInstances(b->device, t->native_id, &max) == NVML_SUCCESS)
		t->max = max;
	if (b->api->VgpuTypeGetNumDisplayHeads &&
	    b->api->VgpuTypeGetNumDisplayHeads(t->native_id, &heads) == NVML_SUCCESS)
		t->has_display = heads > 0;
	t->isolation_memory = OFBC_ISOLATION_HARD;
	t->isolation_compute = OFBC_ISOLATION_SHARED;
	t->isolation_faults = true;
	t->can_migrate = true;
	if (t->native_aux != NVML_NONE) {
		/* "mig" before the slash: lives together with MIG instances, which it needs */
		snprintf(t->group, sizeof(t->group), "mig/vgpu");
		t->isolation_compute = OFBC_ISOLATION_HARD;
	} else if (b->is_mixed) {
		snprintf(t->group, sizeof(t->group), "vgpu-mixed");
		read_placements(b, t);
		if (t->n_placements)
			t->max = (unsigned)t->n_placements;
	} else {
		snprintf(t->group, sizeof(t->group), "vgpu-fb%llu",
		         (unsigned long long)(t->memory_bytes / MIB));
	}
}

static int add_types(const struct vgpu_board *b, struct ofbc_type_list *ret, struct ofbc_error *err)
{
	_cleanup_free_ unsigned *ids = calloc(MAX_TYPES, sizeof(*ids));
	unsigned n_ids = MAX_TYPES;
	nvml_return n;

	if (!ids)
		return -ENOMEM;
	n = b->api->DeviceGetSupportedVgpus(b->device, &n_ids, ids);
	if (n != NVML_SUCCESS)
		return host_nvml_error(b->host, n, err, "GPU %s: vGPU types", b->gpu->alias);
	for (unsigned i = 0; i < n_ids && i < MAX_TYPES; i++) {
		struct ofbc_type *t = list_add(ret);

		if (!t)
			return -ENOMEM;
		t->native_id = ids[i];
		t->native_aux = gi_profile_of(b, ids[i]);
		t->unit_count = 1;
		type_name(b, ids[i], t->title, sizeof(t->title), t->key, sizeof(t->key));
		snprintf(t->native, sizeof(t->native), "nvidia-%u", ids[i]);
		t->memory_bytes = framebuffer_mib(b, ids[i]) * MIB;
		fill_sharing(b, t);
	}
	return 0;
}

static unsigned max_per_gi(const struct vgpu_board *b, uint32_t type_id)
{
	struct nvml_vgpu_max_per_gi m = {.version = NVML_VERSION(struct nvml_vgpu_max_per_gi, 1),
	                                 .type_id = type_id};

	if (!b->api->VgpuTypeGetMaxInstancesPerGpuInstance ||
	    b->api->VgpuTypeGetMaxInstancesPerGpuInstance(&m) != NVML_SUCCESS || m.max_per_gi == 0)
		return 1;
	return m.max_per_gi;
}

static unsigned instances_of(const struct vgpu_board *b, uint32_t profile)
{
	nvml_gi gis[64] = {0};
	unsigned n = 0;

	if (!b->api->DeviceGetGpuInstances ||
	    b->api->DeviceGetGpuInstances(b->device, profile, gis, &n) != NVML_SUCCESS)
		return 0;
	return n;
}

/* Raises a counter to at least this total; the largest need of any type is what the GPU has. */
static int counter_at_least(struct capacity *cap, const char *name, uint64_t total)
{
	int c = capacity_counter(cap, name, total);

	if (c >= 0 && cap->counters[c].total < total)
		cap->counters[c].total = total;
	return c;
}

static void draw(struct ofbc_type *t, int counter, uint64_t amount)
{
	if (counter >= 0)
		t->draws[counter] = (unsigned)amount;
}

static void fill_capacity(const struct vgpu_board *b, struct ofbc_type_list *l, size_t first,
                          struct capacity *cap)
{
	for (size_t i = first; i < l->n; i++) {
		struct ofbc_type *t = &l->v[i];
		uint64_t mib = t->memory_bytes / MIB;
		char name[24];

		if (b->framework == VGPU_VFIO || b->framework == VGPU_MDEV_VF)
			draw(t, counter_at_least(cap, "vfs", b->parents.n), 1);
		if (t->native_aux == NVML_NONE) {
			t->compute_share = b->is_mixed || !t->max ? 0 : 1.0 / t->max;
			draw(t, counter_at_least(cap, "framebuffer-mib", mib * t->max), mib);
		} else {
			snprintf(name, sizeof(name), "gi-profile-%u-mib", t->native_aux);
			draw(t,
			     counter_at_least(cap, name,
			                      mib * max_per_gi(b, t->native_id) *
			                              instances_of(b, t->native_aux)),
			     mib);
		}
		for (size_t k = 0; k < t->n_placements; k++) {
			unsigned end = t->placements[k].start + t->placements[k].size;

			cap->n_slots = end > cap->n_slots ? end : cap->n_slots;
		}
	}
}

static void explain(const struct vgpu_board *b, const struct ofbc_partition_list *made, struct ofbc_type *t)
{
	unsigned mig = 0, pending;
	bool other_size = false;

	if (b->api->DeviceGetMigMode && b->api->DeviceGetMigMode(b->device, &mig, &pending) != NVML_SUCCESS)
		mig = 0;
	for (size_t i = 0; i < made->n; i++)
		other_size |= made->v[i].memory_bytes != t->memory_bytes;
	if (b->framework == VGPU_OFF)
		snprintf(t->why_not, sizeof(t->why_not),
		         "virtual functions are off: `openforbc gpu enable %s vgpu`", b->gpu->alias);
	else if (t->native_aux != NVML_NONE && (!mig || instances_of(b, t->native_aux) == 0))
		snprintf(t->why_not, sizeof(t->why_not), "needs %sa GPU instance of profile %u%s",
		         mig ? "" : "MIG mode and ", t->native_aux,
		         mig ? ", made after the virtual functions" : "");
	else if (t->native_aux == NVML_NONE && mig)
		snprintf(t->why_not, sizeof(t->why_not), "time-sliced types need MIG mode off");
	else if (t->native_aux == NVML_NONE && other_size && !b->is_mixed)
		snprintf(
			t->why_not, sizeof(t->why_not),
			"vGPUs of another size exist; mixing needs `openforbc gpu enable %s vgpu=mixed` before the first",
			b->gpu->alias);
	else
		snprintf(t->why_not, sizeof(t->why_not), "the driver does not offer it now: the GPU is full");
}

/* Which of the types some parent offers now. A virtual function's list is read once, and only until every
 * type was seen: the driver computes it anew at each read. */
static void find_offered(const struct vgpu_board *b, const struct ofbc_type *types, size_t n, bool *ret)
{
	struct platform *p = b->host->platform;
	size_t left = n;
	char text[8192];

	for (size_t i = 0; left && i < b->parents.n; i++) {
		bool vfio = b->framework == VGPU_VFIO;

		if (vfio && (vgpu_current_type(p, b->parents.v[i]) != 0 ||
		             sysfs_read(p, text, sizeof(text), PCI_DEVICES "%s/nvidia/creatable_vgpu_types",
		                        b->parents.v[i]) <= 0))
			continue;
		for (size_t k = 0; k < n; k++) {
			if (ret[k] || !(vfio ? list_names(text, types[k].native_id)
			                     : vgpu_can_create(b, b->parents.v[i], types[k].native_id)))
				continue;
			ret[k] = true;
			left--;
		}
	}
}

static int mark_creatable(const struct vgpu_board *b, const struct ofbc_partition_list *made,
                          struct ofbc_type *types, size_t n)
{
	_cleanup_free_ bool *offered = calloc(n + 1, sizeof(*offered));

	if (!offered)
		return -ENOMEM;
	find_offered(b, types, n, offered);
	for (size_t i = 0; i < n; i++) {
		if (!offered[i])
			explain(b, made, &types[i]);
	}
	return 0;
}

static int vgpu_list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                           struct capacity *cap, struct ofbc_error *err)
{
	_cleanup_vgpu_ struct vgpu_board b = {0};
	struct ofbc_partition_list made = {0};
	size_t first = ret->n;
	int r = vgpu_open(h, gpu, &b, err);

	if (r <= 0)
		return r;
	r = add_types(&b, ret, err);
	if (r == 0)
		r = vgpu_list_partitions(h, gpu, &made, err);
	if (r == 0) {
		fill_capacity(&b, ret, first, cap);
		r = mark_creatable(&b, &made, ret->v + first, ret->n - first);
	}
	free(made.v);
	return r;
}

/* --- partitions --- */

static int add_partition(const struct vgpu_board *b, uint32_t type_id, const char *dir, const char *handle,
                         struct ofbc_partition_list *ret)
{
	struct platform *p = b->host->platform;
	struct ofbc_partition *part = list_add(ret);
	struct ofbc_type t = {.native_id = type_id};
	char params[512];
	const char *at;
	uint64_t slot;

	if (!part)
		return -ENOMEM;
	snprintf(part->gpu, sizeof(part->gpu), "%s", b->gpu->id);
	type_name(b, type_id, t.title, sizeof(t.title), part->type, sizeof(part->type));
	part->technology = "vgpu";
	part->memory_bytes = framebuffer_mib(b, type_id) * MIB;
	part->native_id = type_id;
	part->native_aux = gi_profile_of(b, type_id);
	snprintf(part->handle, sizeof(part->handle), "%s", handle);
	if (!b->is_mixed || part->native_aux != NVML_NONE)
		return 0;
	read_placements(b, &t);
	if (sysfs_read_u64(p, &slot, "%s/nvidia/placement_id", dir) < 0) {
		/* the file answers only once a guest runs; before that our wish stands in the parameters */
		if (sysfs_read(p, params, sizeof(params), "%s/nvidia/vgpu_params", dir) <= 0)
			return 0;
		at = strstr(params, "vgpu-placement-id=");
		if (!at)
			return 0;
		slot = strtoul(at + strlen("vgpu-placement-id="), NULL, 10);
	}
	if (t.n_placements && slot + t.placements[0].size <= MAX_SLOTS)
		part->placement =
			(struct ofbc_placement){.start = (unsigned)slot, .size = t.placements[0].size};
	return 0;
}

static int list_vfio(const struct vgpu_board *b, struct ofbc_partition_list *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->parents.n; i++) {
		const char *vf = b->parents.v[i];
		uint32_t id = vgpu_current_type(b->host->platform, vf);
		struct ofbc_partition *part;
		char dir[64], name[192];

		if (!id)
			continue;
		snprintf(dir, sizeof(dir), PCI_DEVICES "%s", vf);
		r = add_partition(b, id, dir, vf, ret);
		if (r < 0)
			return r;
		part = &ret->v[ret->n - 1];
		snprintf(part->device, sizeof(part->device), "vf:%s:%u", vf, id);
		snprintf(name, sizeof(name), "vgpu/%s", part->device);
		uuid_derive(name, part->uuid);
	}
	return r;
}

static int list_mdevs_of(const struct vgpu_board *b, const char *parent, const char *type,
                         struct ofbc_partition_list *ret)
{
	_cleanup_strv_ struct strv uuids = {0};
	uint32_t id;
	int r = 0;

	if (strncmp(type, "nvidia-", 7) != 0 || parse_u32(type + 7, &id) < 0 ||
	    sysfs_list(b->host->platform, &uuids, PCI_DEVICES "%s/mdev_supported_types/%s/devices", parent,
	               type) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < uuids.n; i++) {
		struct ofbc_partition *part;
		char dir[96];

		snprintf(dir, sizeof(dir), "sys/bus/mdev/devices/%.40s", uuids.v[i]);
		r = add_partition(b, id, dir, uuids.v[i], ret);
		if (r < 0)
			return r;
		part = &ret->v[ret->n - 1];
		snprintf(part->device, sizeof(part->device), "%s", uuids.v[i]);
		if (parse_uuid(uuids.v[i], part->uuid) < 0)
			uuid_derive(uuids.v[i], part->uuid);
	}
	return r;
}

static int list_mdevs(const struct vgpu_board *b, struct ofbc_partition_list *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->parents.n; i++) {
		_cleanup_strv_ struct strv types = {0};

		if (sysfs_list(b->host->platform, &types, PCI_DEVICES "%s/mdev_supported_types",
		               b->parents.v[i]) < 0)
			continue;
		for (size_t k = 0; r == 0 && k < types.n; k++)
			r = list_mdevs_of(b, b->parents.v[i], types.v[k], ret);
	}
	return r;
}

int vgpu_list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                         struct ofbc_error *err)
{
	_cleanup_vgpu_ struct vgpu_board b = {0};
	int r = vgpu_open(h, gpu, &b, err);

	if (r <= 0)
		return r;
	if (b.framework == VGPU_VFIO)
		return list_vfio(&b, ret);
	return b.framework == VGPU_MDEV_VF || b.framework == VGPU_MDEV_PF ? list_mdevs(&b, ret) : 0;
}

/* The vendor's driver is itself the VFIO driver of its functions: nobody may bind them to another one. */
static int vgpu_hostdev(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                        const struct ofbc_type *t, struct hostdev *ret, struct ofbc_error *err)
{
	const struct nvml_api *api;
	char uuid[UUID_STR_MAX];

	(void)gpu;
	(void)err;
	ret->needs_guest_uuid = true;
	ret->has_display = t && t->has_display;
	if (host_nvml(h, &api, NULL) == 0 && api->VgpuTypeGetMaxInstancesPerVm &&
	    api->VgpuTypeGetMaxInstancesPerVm(p->native_id, &ret->max_per_guest) != NVML_SUCCESS)
		ret->max_per_guest = 0;
	if (parse_uuid(p->handle, uuid) < 0)
		return host_hostdev_function(h, p->handle, ret);
	host_hostdev_mdev(h, p->handle, ret);
	return 0;
}

static int vgpu_doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	_cleanup_vgpu_ struct vgpu_board b = {0};
	struct ofbc_error e = {0};
	char fix[128];
	int r;

	if (!gpu || strcmp(gpu->kernel_driver, "nvidia") != 0)
		return 0;
	r = vgpu_open(h, gpu, &b, &e);
	if (r < 0)
		return finding_add(ret, "vgpu", gpu, OFBC_FINDING_MISSING, e.message, e.hint);
	if (r == 0)
		return finding_add(ret, "vgpu", gpu, OFBC_FINDING_NOTE,
		                   "no vGPU host driver (package *-vgpu-kvm): types cannot be listed", "");
	snprintf(fix, sizeof(fix), "openforbc gpu enable %s vgpu", gpu->alias);
	if (b.framework == VGPU_OFF)
		return finding_add(ret, "vgpu", gpu, OFBC_FINDING_NOTE,
		                   "virtual functions are off, as after every boot", fix);
	if (b.framework == VGPU_NONE)
		return finding_add(ret, "vgpu", gpu, OFBC_FINDING_MISSING, "no vGPU types are offered",
		                   "systemctl start nvidia-vgpud nvidia-vgpu-mgr");
	return finding_add(ret, "vgpu", gpu, OFBC_FINDING_OK,
	                   b.framework == VGPU_VFIO ? "vGPUs through vendor VFIO"
	                                            : "vGPUs through mediated devices",
	                   "");
}

const struct backend_ops backend_vgpu = {
	.name = "vgpu",
	.title = "NVIDIA vGPU",
	.caps = BACKEND_GUEST,
	.rank = 20,
	.probe = vgpu_probe,
	.list_types = vgpu_list_types,
	.list_partitions = vgpu_list_partitions,
	.holders = vgpu_holders,
	.create = vgpu_create,
	.destroy = vgpu_destroy,
	.set_mode = vgpu_set_mode,
	.hostdev = vgpu_hostdev,
	.doctor = vgpu_doctor,
};
