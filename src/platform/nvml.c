/* SPDX-License-Identifier: MIT */
/*
 * Loading NVIDIA's management library. Each entry names its symbols, newest first; a missing optional one is
 * a missing feature, never a missing GPU.
 */
#include "platform/nvml.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The ABI of 64-bit Linux: size of each struct, and the offset of each member behind possible padding. */
#define SIZE(type, n)           _Static_assert(sizeof(struct type) == (n), #type)
#define OFFSET(type, member, n) _Static_assert(offsetof(struct type, member) == (n), #type "." #member)

SIZE(nvml_pci_info, 68);
OFFSET(nvml_pci_info, domain, 16);
OFFSET(nvml_pci_info, pci_device_id, 28);
OFFSET(nvml_pci_info, bus_id, 36);
SIZE(nvml_memory, 24);
OFFSET(nvml_memory, used, 16);
SIZE(nvml_process_v2, 24);
OFFSET(nvml_process_v2, used_memory, 8);
OFFSET(nvml_process_v2, gi_id, 16);
OFFSET(nvml_process_v2, ci_id, 20);
SIZE(nvml_attributes, 40);
OFFSET(nvml_attributes, gi_slices, 24);
OFFSET(nvml_attributes, memory_mib, 32);
SIZE(nvml_placement, 8);
OFFSET(nvml_placement, size, 4);
SIZE(nvml_gi_profile, 48);
OFFSET(nvml_gi_profile, instances, 12);
OFFSET(nvml_gi_profile, ofa, 36);
OFFSET(nvml_gi_profile, memory_mib, 40);
SIZE(nvml_gi_profile_v2, 152);
OFFSET(nvml_gi_profile_v2, instances, 16);
OFFSET(nvml_gi_profile_v2, ofa, 40);
OFFSET(nvml_gi_profile_v2, memory_mib, 48);
OFFSET(nvml_gi_profile_v2, name, 56);
SIZE(nvml_gi_info, 24);
OFFSET(nvml_gi_info, id, 8);
OFFSET(nvml_gi_info, profile_id, 12);
OFFSET(nvml_gi_info, placement, 16);
SIZE(nvml_ci_profile, 36);
OFFSET(nvml_ci_profile, ofa, 32);
SIZE(nvml_ci_info, 32);
OFFSET(nvml_ci_info, gi, 8);
OFFSET(nvml_ci_info, id, 16);
OFFSET(nvml_ci_info, profile_id, 20);
OFFSET(nvml_ci_info, placement, 24);
SIZE(nvml_vgpu_hetero_mode, 8);
SIZE(nvml_vgpu_placements, 32);
OFFSET(nvml_vgpu_placements, count, 8);
OFFSET(nvml_vgpu_placements, ids, 16);
OFFSET(nvml_vgpu_placements, mode, 24);
SIZE(nvml_vgpu_placements_v1, 24);
OFFSET(nvml_vgpu_placements_v1, ids, 16);
SIZE(nvml_vgpu_max_per_gi, 12);
SIZE(nvml_field_value, 40);
OFFSET(nvml_field_value, timestamp, 8);
OFFSET(nvml_field_value, value_type, 24);
OFFSET(nvml_field_value, ret, 28);
OFFSET(nvml_field_value, value, 32);
SIZE(nvml_utilization, 8);
SIZE(nvml_gpm_metric, 40);
OFFSET(nvml_gpm_metric, value, 8);
OFFSET(nvml_gpm_metrics, from, 8);
OFFSET(nvml_gpm_metrics, v, 24);
SIZE(nvml_gpm_support, 8);
_Static_assert(NVML_VERSION(struct nvml_gi_profile_v2, 2) == 0x02000098, "profile version");
_Static_assert(NVML_VERSION(struct nvml_vgpu_placements, 2) == 0x02000020, "placement list version");
_Static_assert(NVML_VERSION(struct nvml_vgpu_max_per_gi, 1) == 0x0100000C, "max instance version");

struct symbol {
	size_t offset;
	bool required;
	const char *names[3];
};

#define REQUIRED(member, ...)                                                                                \
	{                                                                                                    \
		.offset = offsetof(struct nvml_api, member), .required = true, .names = { __VA_ARGS__ }      \
	}
#define OPTIONAL(member, ...)                                                                                \
	{                                                                                                    \
		.offset = offsetof(struct nvml_api, member), .names = { __VA_ARGS__ }                        \
	}
#define PLAIN(member) OPTIONAL(member, "nvml" #member)

/* The unversioned process lists have 16-byte rows and are not used. The _v3 ones of drivers 535.43 to 535.86
 * have 32-byte rows, so _v2 is asked first there, and callers give buffers of 32 bytes a row and check the
 * pids they read. Where only an unversioned call exists its struct is a shorter edition of the same: what
 * the caller zeroed stays zero. */
static const struct symbol symbols[] = {
	REQUIRED(Init, "nvmlInit_v2", "nvmlInit"),
	REQUIRED(Shutdown, "nvmlShutdown"),
	REQUIRED(DeviceGetCount, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"),
	REQUIRED(DeviceGetHandleByIndex, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"),
	REQUIRED(DeviceGetHandleByPciBusId, "nvmlDeviceGetHandleByPciBusId_v2",
                 "nvmlDeviceGetHandleByPciBusId"),
	REQUIRED(DeviceGetPciInfo, "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2",
                 "nvmlDeviceGetPciInfo"),
	PLAIN(InitWithFlags),
	PLAIN(ErrorString),
	PLAIN(SystemGetDriverVersion),
	PLAIN(SystemGetNVMLVersion),
	PLAIN(DeviceGetName),
	PLAIN(DeviceGetUUID),
	PLAIN(DeviceGetMinorNumber),
	PLAIN(DeviceGetArchitecture),
	PLAIN(DeviceGetCudaComputeCapability),
	PLAIN(DeviceGetMemoryInfo),
	PLAIN(DeviceGetVirtualizationMode),
	PLAIN(DeviceGetComputeMode),
	PLAIN(DeviceGetFieldValues),
	OPTIONAL(DeviceGetComputeRunningProcesses, "nvmlDeviceGetComputeRunningProcesses_v3",
                 "nvmlDeviceGetComputeRunningProcesses_v2"),
	OPTIONAL(DeviceGetGraphicsRunningProcesses, "nvmlDeviceGetGraphicsRunningProcesses_v3",
                 "nvmlDeviceGetGraphicsRunningProcesses_v2"),
	OPTIONAL(DeviceGetMPSComputeRunningProcesses, "nvmlDeviceGetMPSComputeRunningProcesses_v3",
                 "nvmlDeviceGetMPSComputeRunningProcesses_v2"),
	OPTIONAL(SystemGetCudaDriverVersion, "nvmlSystemGetCudaDriverVersion_v2",
                 "nvmlSystemGetCudaDriverVersion"),
	PLAIN(DeviceGetVbiosVersion),
	PLAIN(DeviceGetTotalEnergyConsumption),
	PLAIN(DeviceGetPowerUsage),
	PLAIN(DeviceGetEnforcedPowerLimit),
	PLAIN(DeviceGetClockInfo),
	PLAIN(DeviceGetMaxClockInfo),
	PLAIN(DeviceGetApplicationsClock),
	PLAIN(DeviceGetTemperature),
	OPTIONAL(DeviceGetCurrentClocksEventReasons, "nvmlDeviceGetCurrentClocksEventReasons",
                 "nvmlDeviceGetCurrentClocksThrottleReasons"),
	PLAIN(DeviceGetUtilizationRates),
	PLAIN(DeviceGetPersistenceMode),
	PLAIN(DeviceGetEccMode),
	PLAIN(DeviceGetCurrPcieLinkGeneration),
	PLAIN(DeviceGetCurrPcieLinkWidth),
	PLAIN(DeviceGetMaxPcieLinkGeneration),
	PLAIN(DeviceGetMaxPcieLinkWidth),
	PLAIN(GpmQueryDeviceSupport),
	PLAIN(GpmSampleAlloc),
	PLAIN(GpmSampleFree),
	PLAIN(GpmSampleGet),
	PLAIN(GpmMigSampleGet),
	PLAIN(GpmMetricsGet),
	PLAIN(DeviceGetMigMode),
	PLAIN(DeviceSetMigMode),
	PLAIN(DeviceGetGpuInstanceProfileInfo),
	PLAIN(DeviceGetGpuInstanceProfileInfoV),
	OPTIONAL(DeviceGetGpuInstancePossiblePlacements, "nvmlDeviceGetGpuInstancePossiblePlacements_v2",
                 "nvmlDeviceGetGpuInstancePossiblePlacements"),
	PLAIN(DeviceGetGpuInstanceRemainingCapacity),
	PLAIN(DeviceCreateGpuInstance),
	PLAIN(DeviceCreateGpuInstanceWithPlacement),
	PLAIN(DeviceGetGpuInstances),
	PLAIN(DeviceGetGpuInstanceById),
	PLAIN(GpuInstanceGetInfo),
	PLAIN(GpuInstanceDestroy),
	PLAIN(GpuInstanceGetComputeInstanceProfileInfo),
	PLAIN(GpuInstanceGetComputeInstanceRemainingCapacity),
	PLAIN(GpuInstanceCreateComputeInstance),
	PLAIN(GpuInstanceGetComputeInstances),
	PLAIN(GpuInstanceGetComputeInstanceById),
	OPTIONAL(ComputeInstanceGetInfo, "nvmlComputeInstanceGetInfo_v2", "nvmlComputeInstanceGetInfo"),
	PLAIN(ComputeInstanceDestroy),
	PLAIN(DeviceGetMaxMigDeviceCount),
	PLAIN(DeviceGetMigDeviceHandleByIndex),
	PLAIN(DeviceGetGpuInstanceId),
	PLAIN(DeviceGetComputeInstanceId),
	OPTIONAL(DeviceGetAttributes, "nvmlDeviceGetAttributes_v2", "nvmlDeviceGetAttributes"),
	PLAIN(DeviceGetHostVgpuMode),
	PLAIN(DeviceGetSupportedVgpus),
	PLAIN(DeviceGetCreatableVgpus),
	PLAIN(DeviceGetActiveVgpus),
	PLAIN(DeviceGetVgpuCapabilities),
	PLAIN(DeviceGetVgpuHeterogeneousMode),
	PLAIN(DeviceSetVgpuHeterogeneousMode),
	PLAIN(DeviceGetVgpuTypeSupportedPlacements),
	PLAIN(DeviceGetVgpuTypeCreatablePlacements),
	PLAIN(VgpuTypeGetName),
	PLAIN(VgpuTypeGetClass),
	PLAIN(VgpuTypeGetFramebufferSize),
	PLAIN(VgpuTypeGetMaxInstances),
	PLAIN(VgpuTypeGetMaxInstancesPerVm),
	PLAIN(VgpuTypeGetMaxInstancesPerGpuInstance),
	PLAIN(VgpuTypeGetGpuInstanceProfileId),
	PLAIN(VgpuTypeGetNumDisplayHeads),
	PLAIN(VgpuTypeGetCapabilities),
	PLAIN(VgpuInstanceGetVmID),
	PLAIN(VgpuInstanceGetMdevUUID),
};

const char *nvml_return_name(nvml_return r)
{
	static const char *const names[] = {
		[0] = "SUCCESS",
		[1] = "UNINITIALIZED",
		[2] = "INVALID_ARGUMENT",
		[3] = "NOT_SUPPORTED",
		[4] = "NO_PERMISSION",
		[5] = "ALREADY_INITIALIZED",
		[6] = "NOT_FOUND",
		[7] = "INSUFFICIENT_SIZE",
		[8] = "INSUFFICIENT_POWER",
		[9] = "DRIVER_NOT_LOADED",
		[10] = "TIMEOUT",
		[11] = "IRQ_ISSUE",
		[12] = "LIBRARY_NOT_FOUND",
		[13] = "FUNCTION_NOT_FOUND",
		[14] = "CORRUPTED_INFOROM",
		[15] = "GPU_IS_LOST",
		[16] = "RESET_REQUIRED",
		[17] = "OPERATING_SYSTEM",
		[18] = "LIB_RM_VERSION_MISMATCH",
		[19] = "IN_USE",
		[20] = "MEMORY",
		[21] = "NO_DATA",
		[22] = "VGPU_ECC_NOT_SUPPORTED",
		[23] = "INSUFFICIENT_RESOURCES",
		[24] = "FREQ_NOT_SUPPORTED",
		[25] = "ARGUMENT_VERSION_MISMATCH",
		[26] = "DEPRECATED",
		[27] = "NOT_READY",
		[28] = "GPU_NOT_FOUND",
		[29] = "INVALID_STATE",
		[30] = "RESET_TYPE_NOT_SUPPORTED",
	};

	static _Thread_local char unknown[24];

	if (r < ARRAY_SIZE(names))
		return names[r];
	if (r == NVML_UNKNOWN)
		return "UNKNOWN";
	snprintf(unknown, sizeof(unknown), "error %u", r);
	return unknown;
}

static bool is_driver_535(void)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/module/nvidia/version", "re");
	char text[16];

	return f && fgets(text, sizeof(text), f) && strncmp(text, "535.", 4) == 0;
}

static bool is_v3(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && strcmp(name + n - 3, "_v3") == 0;
}

/* The first of the names that the library has; v3_last: unless it is a _v3 and an older one exists, too. */
static void *find_symbol(void *library, const struct symbol *s, bool v3_last)
{
	void *last = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(s->names) && s->names[i]; i++) {
		void *address = dlsym(library, s->names[i]);

		if (address && !(v3_last && is_v3(s->names[i])))
			return address;
		if (address)
			last = address;
	}
	return last;
}

static int fill(struct nvml_api *api, void *library, struct ofbc_error *err)
{
	bool is_535 = is_driver_535();

	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		const struct symbol *s = &symbols[i];
		void *address = find_symbol(library, s, is_535 && !s->required);

		if (!address && s->required) {
			error_set(err, EPROTO, OFBC_REASON_FAILED, "libnvidia-ml.so.1 has no %s",
			          s->names[0]);
			error_hint(err, "install the management library of the loaded driver");
			return -EPROTO;
		}
		memcpy((char *)api + s->offset, &address, sizeof(address));
	}
	return 0;
}

static int load_once(struct nvml_api *api, struct ofbc_error *err)
{
	void *library = dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL);

	if (!library) {
		const char *why = dlerror();

		error_set(err, ENOENT, OFBC_REASON_NOT_SUPPORTED, "cannot load NVML: %s",
		          why ? why : "unknown");
		error_hint(err, "install the NVIDIA driver's management library (Debian: libnvidia-ml1)");
		return -ENOENT;
	}
	return fill(api, library, err);
}

int nvml_load(const struct nvml_api **ret, struct ofbc_error *err)
{
	/* One library in a process; it is never closed, its threads may outlive a session. */
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static struct nvml_api api;
	static bool is_loaded;
	int r;

	pthread_mutex_lock(&mutex);
	r = is_loaded ? 0 : load_once(&api, err);
	if (r == 0)
		is_loaded = true;
	pthread_mutex_unlock(&mutex);
	if (r == 0)
		*ret = &api;
	return r;
}
