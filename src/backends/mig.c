/* SPDX-License-Identifier: MIT */
/*
 * NVIDIA MIG: a partition is one compute instance with its GPU instance. Everything is read from NVML
 * (profiles, placements, grid), nothing is assumed about a board.
 */
#include "backends/mig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "model/capacity.h"

void mig_profiles_done(struct mig_profile_list *l)
{
	free(l->v);
}

int mig_board_open(struct host *h, const struct ofbc_gpu *gpu, struct mig_board *ret, struct ofbc_error *err)
{
	*ret = (struct mig_board){.host = h, .gpu = gpu};
	return host_nvml_device(h, gpu->id, &ret->api, &ret->device, err);
}

int mig_missing_call(struct ofbc_error *err)
{
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "this NVIDIA driver has no MIG calls");
	error_hint(err, "install driver 450.80.02 or newer; Hopper needs 525.85.12, Blackwell 570.133.20");
	return -ENOTSUP;
}

/* --- mode --- */

int mig_read_mode(const struct mig_board *b, unsigned *ret_current, unsigned *ret_pending,
                  struct ofbc_error *err)
{
	nvml_return n;

	if (!b->api->DeviceGetMigMode)
		return mig_missing_call(err);
	n = b->api->DeviceGetMigMode(b->device, ret_current, ret_pending);
	return n == NVML_SUCCESS ? 0 : host_nvml_error(b->host, n, err, "GPU %s: MIG mode", b->gpu->alias);
}

/* Ampere resets the GPU to change the mode; Hopper and later do not, except as a vGPU host. */
bool mig_needs_reset(const struct mig_board *b)
{
	struct nvml_field_value f = {.field_id = NVML_FIELD_MIG_RESET_FREE};
	unsigned arch = 0, virtualization = 0;

	if (b->api->DeviceGetVirtualizationMode &&
	    b->api->DeviceGetVirtualizationMode(b->device, &virtualization) == NVML_SUCCESS &&
	    virtualization == 3)
		return true;
	if (b->api->DeviceGetFieldValues && b->api->DeviceGetFieldValues(b->device, 1, &f) == NVML_SUCCESS &&
	    f.ret == NVML_SUCCESS)
		return f.value.u32 == 0;
	/* a driver older than the field: 9 is Hopper */
	return !b->api->DeviceGetArchitecture ||
	       b->api->DeviceGetArchitecture(b->device, &arch) != NVML_SUCCESS || arch < 9;
}

static int mig_probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                     struct ofbc_error *err)
{
	struct mig_board b;
	unsigned current, pending;
	int r;

	if (strcmp(gpu->kernel_driver, "nvidia") != 0)
		return 0;
	r = mig_board_open(h, gpu, &b, err);
	if (r < 0)
		return r;
	r = mig_read_mode(&b, &current, &pending, err);
	if (r == -ENOTSUP)
		return 0;
	if (r < 0)
		return r;
	ret->state = current ? OFBC_TECHNOLOGY_READY : OFBC_TECHNOLOGY_OFF;
	if (current != pending)
		snprintf(
			ret->reason, sizeof(ret->reason),
			"MIG mode is %s and becomes %s at the next reset or reboot: `openforbc gpu %s %s mig --reset`",
			current ? "on" : "off", pending ? "on" : "off", pending ? "enable" : "disable",
			gpu->alias);
	else if (!current && mig_needs_reset(&b))
		snprintf(ret->reason, sizeof(ret->reason),
		         "MIG mode is off and a change resets the GPU: `openforbc gpu enable %s mig --reset`",
		         gpu->alias);
	else if (!current)
		snprintf(ret->reason, sizeof(ret->reason), "MIG mode is off; create switches it on");
	return 1;
}

/* --- profiles --- */

static const char *name_suffix(unsigned index)
{
	switch (index) {
	case 7:
	case 8:
		return "+me";
	case 10:
	case 11:
	case 12:
	case 17:
		return "+gfx";
	case 13:
	case 14:
		return "-me";
	case 15:
	case 16:
		return "+me.all";
	}
	return "";
}

/* The name that newer drivers tell: memory share rounded up to eighths of the board, in whole GB. */
static void compute_name(const struct mig_board *b, struct mig_profile *p)
{
	struct nvml_memory mem = {0};
	uint64_t total_mib, total_gib, eighths;

	if (b->api->DeviceGetMemoryInfo)
		b->api->DeviceGetMemoryInfo(b->device, &mem);
	total_mib = mem.total ? mem.total / MIB : p->info.memory_mib;
	total_mib = total_mib ? total_mib : 1;
	total_gib = (total_mib + 1023) / 1024;
	eighths = (p->info.memory_mib * 8 + total_mib - 1) / total_mib;
	snprintf(p->name, sizeof(p->name), "%ug.%ugb%s", p->info.slices,
	         (unsigned)((eighths * total_gib + 4) / 8), name_suffix(p->index));
}

static nvml_return read_profile(const struct mig_board *b, unsigned index, struct mig_profile *ret)
{
	struct nvml_gi_profile_v2 v = {.version = NVML_VERSION(struct nvml_gi_profile_v2, 2)};
	nvml_return n = NVML_FUNCTION_NOT_FOUND;

	*ret = (struct mig_profile){.index = index};
	if (b->api->DeviceGetGpuInstanceProfileInfoV)
		n = b->api->DeviceGetGpuInstanceProfileInfoV(b->device, index, &v);
	if (n == NVML_SUCCESS) {
		const char *name = strncmp(v.name, "MIG ", 4) == 0 ? v.name + 4 : v.name;

		/* version 2 differs from version 1 by the leading version and the trailing name */
		memcpy(&ret->info, &v.id, offsetof(struct nvml_gi_profile, memory_mib));
		ret->info.memory_mib = v.memory_mib;
		snprintf(ret->name, sizeof(ret->name), "%.63s", name);
	} else if (n != NVML_NOT_SUPPORTED && b->api->DeviceGetGpuInstanceProfileInfo) {
		/* INVALID_ARGUMENT also means "version 2 unknown": only the plain call is final */
		n = b->api->DeviceGetGpuInstanceProfileInfo(b->device, index, &ret->info);
	}
	if (n == NVML_SUCCESS && !ret->name[0])
		compute_name(b, ret);
	return n;
}

static void read_placements(const struct mig_board *b, struct mig_profile *p)
{
	/* Asking for the number first would be one more question to the firmware per profile, 0.2 ms each. */
	struct nvml_placement all[MAX_SLOTS];
	unsigned n = MAX_SLOTS;

	if (!b->api->DeviceGetGpuInstancePossiblePlacements ||
	    b->api->DeviceGetGpuInstancePossiblePlacements(b->device, p->info.id, all, &n) != NVML_SUCCESS ||
	    n > OFBC_MAX_PLACEMENTS)
		return;
	memcpy(p->placements, all, n * sizeof(all[0]));
	p->n_placements = n;
}

int mig_read_profiles(const struct mig_board *b, struct mig_profile_list *ret, struct ofbc_error *err)
{
	for (unsigned i = 0; i < MAX_GI_PROFILES; i++) {
		struct mig_profile one, *p;
		nvml_return n = read_profile(b, i, &one);

		if (n == NVML_INVALID_ARGUMENT)
			break;
		if (n == NVML_NOT_SUPPORTED)
			continue;
		if (n != NVML_SUCCESS)
			return host_nvml_error(b->host, n, err, "GPU %s: MIG profile %u", b->gpu->alias, i);
		read_placements(b, &one);
		p = list_add(ret);
		if (!p)
			return -ENOMEM;
		*p = one;
	}
	return 0;
}

/* Some drivers report wrong instance counts on the A30: never more than there are places. */
static unsigned max_instances(const struct mig_profile *p)
{
	if (p->n_placements && (p->info.instances == 0 || p->info.instances > p->n_placements))
		return p->n_placements;
	return p->info.instances;
}

static const struct {
	const char *name;
	size_t offset;
} engines[] = {
	{.name = "compute-slices", .offset = offsetof(struct nvml_gi_profile, slices)},
	{.name = "copy-engines", .offset = offsetof(struct nvml_gi_profile, copy_engines)},
	{.name = "decoders", .offset = offsetof(struct nvml_gi_profile, decoders)},
	{.name = "encoders", .offset = offsetof(struct nvml_gi_profile, encoders)},
	{.name = "jpeg", .offset = offsetof(struct nvml_gi_profile, jpeg)},
	{.name = "ofa", .offset = offsetof(struct nvml_gi_profile, ofa)},
};

static unsigned engine_count(const struct mig_profile *p, size_t engine)
{
	uint32_t v;

	memcpy(&v, (const char *)&p->info + engines[engine].offset, sizeof(v));
	return v;
}

/* What the whole GPU has of an engine shows only in what its instances may have together. */
static uint64_t engine_total(const struct mig_profile_list *l, size_t engine)
{
	uint64_t total = 0;

	for (size_t i = 0; i < l->n; i++) {
		uint64_t all = (uint64_t)engine_count(&l->v[i], engine) * max_instances(&l->v[i]);

		total = all > total ? all : total;
	}
	return total;
}

static int fill_capacity(const struct mig_profile_list *l, struct capacity *cap)
{
	for (size_t i = 0; i < l->n; i++) {
		for (unsigned k = 0; k < l->v[i].n_placements; k++) {
			unsigned end = l->v[i].placements[k].start + l->v[i].placements[k].size;

			cap->n_slots = end > cap->n_slots ? end : cap->n_slots;
		}
	}
	if (cap->n_slots > MAX_SLOTS)
		return -ERANGE;
	for (size_t e = 0; e < ARRAY_SIZE(engines); e++) {
		uint64_t total = engine_total(l, e);
		int r = total ? capacity_counter(cap, engines[e].name, total) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- types --- */

static double compute_share(const struct mig_profile_list *l, const struct mig_profile *p)
{
	unsigned sms = 0, slices = 0;

	for (size_t i = 0; i < l->n; i++) {
		sms = l->v[i].info.sm_count > sms ? l->v[i].info.sm_count : sms;
		slices = l->v[i].info.slices > slices ? l->v[i].info.slices : slices;
	}
	if (sms && p->info.sm_count)
		return (double)p->info.sm_count / sms;
	return slices ? (double)p->info.slices / slices : 0;
}

static void fill_draws(const struct mig_profile *p, struct capacity *cap, struct ofbc_type *t)
{
	for (size_t e = 0; e < ARRAY_SIZE(engines); e++) {
		for (size_t c = 0; c < cap->n_counters; c++) {
			if (strcmp(cap->counters[c].name, engines[e].name) == 0)
				t->draws[c] = engine_count(p, e);
		}
	}
}

/* As the probe of this command found it. */
static bool is_on(const struct ofbc_gpu *gpu)
{
	for (size_t i = 0; i < gpu->n_technologies; i++) {
		if (strcmp(gpu->technologies[i].name, "mig") == 0)
			return gpu->technologies[i].state == OFBC_TECHNOLOGY_READY;
	}
	return false;
}

static void fill_type(const struct mig_board *b, const struct mig_profile_list *l,
                      const struct mig_profile *p, struct capacity *cap, struct ofbc_type *t)
{
	snprintf(t->key, sizeof(t->key), "mig:%s", p->name);
	t->compute_share = compute_share(l, p);
	t->memory_bytes = p->info.memory_mib * MIB;
	t->max = max_instances(p);
	for (unsigned i = 0; i < p->n_placements; i++)
		t->placements[t->n_placements++] = (struct ofbc_placement){.start = p->placements[i].start,
		                                                           .size = p->placements[i].size};
	fill_draws(p, cap, t);
	snprintf(t->group, sizeof(t->group), "mig");
	t->unit_count = 1;
	t->isolation_memory = OFBC_ISOLATION_HARD;
	t->isolation_compute = OFBC_ISOLATION_HARD;
	t->isolation_faults = true;
	t->native_id = p->info.id;
	t->native_aux = p->info.slices;
	/* with the mode off all is free, and the question costs 0.1 ms each */
	t->has_driver_free = is_on(b->gpu) && b->api->DeviceGetGpuInstanceRemainingCapacity &&
	                     b->api->DeviceGetGpuInstanceRemainingCapacity(b->device, p->info.id,
	                                                                   &t->driver_free) == NVML_SUCCESS;
}

static int mig_list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                          struct capacity *cap, struct ofbc_error *err)
{
	_cleanup_profiles_ struct mig_profile_list profiles = {0};
	struct mig_board b;
	int r = mig_board_open(h, gpu, &b, err);

	if (r == 0)
		r = mig_read_profiles(&b, &profiles, err);
	if (r < 0)
		return r;
	r = fill_capacity(&profiles, cap);
	if (r < 0)
		return error_set_errno(err, -r, "GPU %s: MIG grid of %u slots", gpu->alias, cap->n_slots);
	for (size_t i = 0; i < profiles.n; i++) {
		struct ofbc_type *t = list_add(ret);

		if (!t)
			return -ENOMEM;
		fill_type(&b, &profiles, &profiles.v[i], cap, t);
	}
	return 0;
}

/* --- instances --- */

void mig_instances_done(struct mig_instance_list *l)
{
	free(l->v);
}

static void read_cis(const struct mig_board *b, struct mig_instance *in)
{
	for (unsigned i = 0; i < MAX_CI_PROFILES; i++) {
		struct nvml_ci_profile cp = {0};
		nvml_ci found[MAX_CI] = {0};
		unsigned n_found = 0;
		nvml_return n = b->api->GpuInstanceGetComputeInstanceProfileInfo(in->gi, i, 0, &cp);

		if (n == NVML_INVALID_ARGUMENT)
			break;
		if (n != NVML_SUCCESS || cp.instances > MAX_CI ||
		    b->api->GpuInstanceGetComputeInstances(in->gi, cp.id, found, &n_found) != NVML_SUCCESS)
			continue;
		for (unsigned k = 0; k < n_found && k < MAX_CI && in->n_cis < MAX_CI; k++) {
			if (b->api->ComputeInstanceGetInfo(found[k], &in->ci_infos[in->n_cis]) !=
			    NVML_SUCCESS)
				continue;
			in->cis[in->n_cis] = found[k];
			in->ci_slices[in->n_cis++] = cp.slices;
		}
	}
}

int mig_read_instances(const struct mig_board *b, const struct mig_profile_list *profiles,
                       struct mig_instance_list *ret, struct ofbc_error *err)
{
	if (!b->api->DeviceGetGpuInstances || !b->api->GpuInstanceGetInfo ||
	    !b->api->GpuInstanceGetComputeInstanceProfileInfo || !b->api->GpuInstanceGetComputeInstances ||
	    !b->api->ComputeInstanceGetInfo)
		return mig_missing_call(err);
	for (size_t i = 0; i < profiles->n; i++) {
		nvml_gi found[MAX_GI] = {0};
		unsigned n_found = 0;
		nvml_return n =
			b->api->DeviceGetGpuInstances(b->device, profiles->v[i].info.id, found, &n_found);

		if (n == NVML_NOT_SUPPORTED)
			continue;
		if (n != NVML_SUCCESS)
			return host_nvml_error(b->host, n, err, "GPU %s: GPU instances", b->gpu->alias);
		for (unsigned k = 0; k < n_found && k < MAX_GI; k++) {
			struct nvml_gi_info info = {0};
			struct mig_instance *in;

			if (b->api->GpuInstanceGetInfo(found[k], &info) != NVML_SUCCESS ||
			    info.profile_id != profiles->v[i].info.id)
				continue;
			in = list_add(ret);
			if (!in)
				return -ENOMEM;
			in->gi = found[k];
			in->info = info;
			in->profile = &profiles->v[i];
			read_cis(b, in);
		}
	}
	return 0;
}

/* MIG device of a compute instance. Its own handle is right at once; the walk over indices serves drivers
 * that put the parent there, and is matched by ids because indices are not stable. */
bool mig_device(const struct mig_board *b, const struct nvml_ci_info *ci, unsigned gi_id, nvml_device *ret,
                char uuid[NVML_UUID_SIZE])
{
	unsigned max = 0, g, c;
	nvml_device d;

	if (!b->api->DeviceGetUUID)
		return false;
	if (ci->device && b->api->DeviceGetUUID(ci->device, uuid, NVML_UUID_SIZE) == NVML_SUCCESS &&
	    strncmp(uuid, "MIG-", 4) == 0) {
		*ret = ci->device;
		return true;
	}
	if (!b->api->DeviceGetMaxMigDeviceCount || !b->api->DeviceGetMigDeviceHandleByIndex ||
	    !b->api->DeviceGetGpuInstanceId || !b->api->DeviceGetComputeInstanceId ||
	    b->api->DeviceGetMaxMigDeviceCount(b->device, &max) != NVML_SUCCESS)
		return false;
	for (unsigned i = 0; i < max; i++) {
		if (b->api->DeviceGetMigDeviceHandleByIndex(b->device, i, &d) != NVML_SUCCESS ||
		    b->api->DeviceGetGpuInstanceId(d, &g) != NVML_SUCCESS || g != gi_id ||
		    b->api->DeviceGetComputeInstanceId(d, &c) != NVML_SUCCESS || c != ci->id)
			continue;
		*ret = d;
		return b->api->DeviceGetUUID(d, uuid, NVML_UUID_SIZE) == NVML_SUCCESS;
	}
	return false;
}

/* One compute instance of a GPU instance, or the bare GPU instance with ci < 0. */
int mig_add_partition(const struct mig_board *b, const struct mig_instance *in, int ci,
                      struct ofbc_partition_list *ret)
{
	struct ofbc_partition *p = list_add(ret);
	char uuid[NVML_UUID_SIZE] = "", name[128];
	nvml_device d;

	if (!p)
		return -ENOMEM;
	if (ci >= 0 && !mig_device(b, &in->ci_infos[ci], in->info.id, &d, uuid))
		uuid[0] = '\0';
	snprintf(p->gpu, sizeof(p->gpu), "%s", b->gpu->id);
	if (ci >= 0 && (in->n_cis > 1 || in->ci_slices[ci] != in->profile->info.slices))
		snprintf(p->type, sizeof(p->type), "mig:%uc.%s", in->ci_slices[ci], in->profile->name);
	else
		snprintf(p->type, sizeof(p->type), "mig:%s", in->profile->name);
	p->technology = "mig";
	p->placement =
		(struct ofbc_placement){.start = in->info.placement.start, .size = in->info.placement.size};
	p->memory_bytes = in->profile->info.memory_mib * MIB;
	p->native_id = in->info.id;
	p->native_aux = ci >= 0 ? in->ci_infos[ci].id : NVML_NONE;
	p->state = ci >= 0 ? OFBC_PARTITION_READY : OFBC_PARTITION_INCOMPLETE;
	snprintf(p->handle, sizeof(p->handle), "%s", uuid);
	snprintf(p->device, sizeof(p->device), "gi%u/%u:%u/%s", in->info.id, p->placement.start,
	         p->placement.size, uuid[0] ? uuid : "-");
	if (strncmp(uuid, "MIG-", 4) != 0 || parse_uuid(uuid + 4, p->uuid) < 0) {
		snprintf(name, sizeof(name), "mig/%s/%.80s", b->gpu->id, p->device);
		uuid_derive(name, p->uuid);
	}
	return 0;
}

static int mig_list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                               struct ofbc_error *err)
{
	_cleanup_profiles_ struct mig_profile_list profiles = {0};
	_cleanup_instances_ struct mig_instance_list instances = {0};
	struct mig_board b;
	unsigned current, pending;
	int r = mig_board_open(h, gpu, &b, err);

	if (r == 0)
		r = mig_read_mode(&b, &current, &pending, err);
	if (r < 0 || !current)
		return r;
	r = mig_read_profiles(&b, &profiles, err);
	if (r == 0)
		r = mig_read_instances(&b, &profiles, &instances, err);
	for (size_t i = 0; r == 0 && i < instances.n; i++) {
		const struct mig_instance *in = &instances.v[i];

		if (in->n_cis == 0)
			r = mig_add_partition(&b, in, -1, ret);
		for (unsigned k = 0; r == 0 && k < in->n_cis; k++)
			r = mig_add_partition(&b, in, (int)k, ret);
	}
	return r;
}

/* --- use --- */

static int no_compute_instance(const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                               struct ofbc_error *err)
{
	error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "GPU instance %u of %s has no compute instance",
	          p->native_id, gpu->alias);
	error_hint(err, "`nvidia-smi mig -i %s -gi %u -cci`", gpu->id, p->native_id);
	return -ENODEV;
}

static int mig_env(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p, bool alone,
                   struct strv *ret, struct ofbc_error *err)
{
	int r;

	(void)h;
	(void)alone;
	if (!p->handle[0])
		return no_compute_instance(gpu, p, err);
	r = strv_add(ret, "CUDA_DEVICE_ORDER=PCI_BUS_ID");
	return r < 0 ? r : strv_addf(ret, "CUDA_VISIBLE_DEVICES=%s", p->handle);
}

/* Node of a capability; the driver makes it late, or never where udev has no rule for it. */
static int capability_node(struct host *h, const char *capability, struct access *ret, struct ofbc_error *err)
{
	unsigned number;
	char path[64];
	int r = mig_capability(h, capability, &number);

	if (r < 0)
		return error_set(err, -r, OFBC_REASON_FAILED,
		                 "the driver does not tell the number of capability '%s'", capability);
	snprintf(path, sizeof(path), "/dev/nvidia-caps/nvidia-cap%u", number);
	r = host_need_node(h, path, true, ret, err);
	if (r == -ENODEV)
		error_hint(err, "`nvidia-modprobe -f /proc/driver/nvidia/capabilities/%s` makes it",
		           capability);
	return r;
}

static int mig_nodes(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                     struct access *ret, struct ofbc_error *err)
{
	char capability[64];
	unsigned minor = 0;
	int r;

	if (!p->handle[0])
		return no_compute_instance(gpu, p, err);
	r = host_nvidia_nodes(h, gpu, &minor, ret, err);
	snprintf(capability, sizeof(capability), "gpu%u/mig/gi%u/access", minor, p->native_id);
	if (r == 0)
		r = capability_node(h, capability, ret, err);
	snprintf(capability, sizeof(capability), "gpu%u/mig/gi%u/ci%u/access", minor, p->native_id,
	         p->native_aux);
	return r < 0 ? r : capability_node(h, capability, ret, err);
}

static int doctor_capable(struct mig_board *b, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	char message[256], fix[128] = "";
	unsigned current, pending;
	bool reset = mig_needs_reset(b);

	if (mig_read_mode(b, &current, &pending, NULL) < 0)
		return 0;
	if (current != pending) {
		snprintf(fix, sizeof(fix), "openforbc gpu %s %s mig --reset", pending ? "enable" : "disable",
		         gpu->alias);
		return finding_add(ret, "mig", gpu, OFBC_FINDING_NOTE,
		                   "a change of the MIG mode waits for a reset", fix);
	}
	if (!current)
		snprintf(fix, sizeof(fix), "openforbc gpu enable %s mig%s", gpu->alias,
		         reset ? " --reset" : "");
	snprintf(message, sizeof(message), "MIG mode is %s%s; instances are lost at reboot%s",
	         current ? "on" : "off", reset ? "; a change resets the GPU" : "",
	         reset ? "" : ", and so is the mode");
	return finding_add(ret, "mig", gpu, current ? OFBC_FINDING_OK : OFBC_FINDING_NOTE, message, fix);
}

static int mig_doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct mig_board b;
	struct ofbc_error e = {0};
	unsigned current, pending;
	int r;

	if (!gpu || strcmp(gpu->vendor, "nvidia") != 0)
		return 0;
	if (strcmp(gpu->kernel_driver, "nvidia") != 0)
		return finding_add(ret, "mig", gpu, OFBC_FINDING_NOTE,
		                   "the GPU is not on the nvidia driver, so MIG cannot be asked for",
		                   "modprobe nvidia");
	r = mig_board_open(h, gpu, &b, &e);
	if (r < 0)
		return finding_add(ret, "mig", gpu, OFBC_FINDING_MISSING, e.message, e.hint);
	if (mig_read_mode(&b, &current, &pending, NULL) == 0)
		return doctor_capable(&b, gpu, ret);
	if (strstr(gpu->model, "RTX PRO"))
		return finding_add(
			ret, "mig", gpu, OFBC_FINDING_NOTE,
			"RTX PRO boards offer MIG only in compute display mode and with a recent VBIOS",
			"displaymodeselector --gpumode compute");
	return 0;
}

const struct backend_ops backend_mig = {
	.name = "mig",
	.title = "NVIDIA Multi-Instance GPU",
	.caps = BACKEND_PROCESS,
	.rank = 10,
	.probe = mig_probe,
	.list_types = mig_list_types,
	.list_partitions = mig_list_partitions,
	.holders = mig_holders,
	.create = mig_create,
	.destroy = mig_destroy,
	.set_mode = mig_set_mode,
	.env = mig_env,
	.nodes = mig_nodes,
	.doctor = mig_doctor,
};
