/* SPDX-License-Identifier: MIT */
/*
 * Loading NVIDIA's management library. Each entry names its symbols, newest first; a missing optional one is
 * a missing feature, never a missing GPU.
 */
#include "platform/nvml.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

_Static_assert(sizeof(struct nvml_pci_info) == 68 && offsetof(struct nvml_pci_info, bus_id) == 36,
               "pci info");
_Static_assert(sizeof(struct nvml_memory) == 24, "memory");
_Static_assert(sizeof(struct nvml_process_v2) == 24 && offsetof(struct nvml_process_v2, gi_id) == 16,
               "process");
_Static_assert(sizeof(struct nvml_attributes) == 40 && offsetof(struct nvml_attributes, memory_mib) == 32,
               "attributes");
_Static_assert(sizeof(struct nvml_placement) == 8, "placement");
_Static_assert(sizeof(struct nvml_gi_profile) == 48 && offsetof(struct nvml_gi_profile, memory_mib) == 40,
               "profile v1");
_Static_assert(sizeof(struct nvml_gi_profile_v2) == 152 &&
                       offsetof(struct nvml_gi_profile_v2, memory_mib) == 48 &&
                       offsetof(struct nvml_gi_profile_v2, name) == 56,
               "profile v2");
_Static_assert(sizeof(struct nvml_gi_info) == 24 && offsetof(struct nvml_gi_info, placement) == 16,
               "gi info");
_Static_assert(sizeof(struct nvml_ci_profile) == 36, "ci profile");
_Static_assert(sizeof(struct nvml_ci_info) == 32 && offsetof(struct nvml_ci_info, placement) == 24,
               "ci info");
_Static_assert(sizeof(struct nvml_vgpu_hetero_mode) == 8, "hetero mode");
_Static_assert(sizeof(struct nvml_vgpu_placements) == 32 &&
                       offsetof(struct nvml_vgpu_placements, ids) == 16 &&
                       offsetof(struct nvml_vgpu_placements, mode) == 24,
               "placements v2");
_Static_assert(sizeof(struct nvml_vgpu_placements_v1) == 24, "placements v1");
_Static_assert(sizeof(struct nvml_vgpu_max_per_gi) == 12, "max per gi");
_Static_assert(sizeof(struct nvml_field_value) == 40 && offsetof(struct nvml_field_value, value) == 32,
               "field value");

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

/* The unversioned process lists have 16-byte rows and are not used. The _v3 ones of some R535 drivers have
 * 32-byte rows: callers give buffers of 32 bytes a row and check the pids they read. */
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
	PLAIN(DeviceGetMigMode),
	PLAIN(DeviceSetMigMode),
	PLAIN(DeviceGetGpuInstanceProfileInfo),
	PLAIN(DeviceGetGpuInstanceProfileInfoV),
	OPTIONAL(DeviceGetGpuInstancePossiblePlacements, "nvmlDeviceGetGpuInstancePossiblePlacements_v2"),
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
	OPTIONAL(ComputeInstanceGetInfo, "nvmlComputeInstanceGetInfo_v2"),
	PLAIN(ComputeInstanceDestroy),
	PLAIN(DeviceGetMaxMigDeviceCount),
	PLAIN(DeviceGetMigDeviceHandleByIndex),
	PLAIN(DeviceGetGpuInstanceId),
	PLAIN(DeviceGetComputeInstanceId),
	OPTIONAL(DeviceGetAttributes, "nvmlDeviceGetAttributes_v2"),
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

	return r < ARRAY_SIZE(names) ? names[r] : "UNKNOWN";
}

static int fill(struct nvml_api *api, void *library, struct ofbc_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		const struct symbol *s = &symbols[i];
		void *address = NULL;

		for (size_t n = 0; n < ARRAY_SIZE(s->names) && s->names[n] && !address; n++)
			address = dlsym(library, s->names[n]);
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

int nvml_load(const struct nvml_api **ret, struct ofbc_error *err)
{
	/* One library in a process; it is never closed, its threads may outlive a session. */
	static struct nvml_api api;
	static bool loaded;
	void *library;
	int r;

	if (!loaded) {
		library = dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL);
		if (!library) {
			const char *why = dlerror();

			error_set(err, ENOENT, OFBC_REASON_NOT_SUPPORTED, "cannot load NVML: %s",
			          why ? why : "unknown");
			error_hint(err,
			           "install the NVIDIA driver's management library (Debian: libnvidia-ml1)");
			return -ENOENT;
		}
		r = fill(&api, library, err);
		if (r < 0)
			return r;
		loaded = true;
	}
	*ret = &api;
	return 0;
}
