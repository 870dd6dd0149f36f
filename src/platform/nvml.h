/* SPDX-License-Identifier: MIT */
/*
 * The part of NVIDIA's management library that we call, as a table of functions. Own declarations of
 * a public ABI (LP64): types and layouts are checked by static assertions in nvml.c. Only the members
 * marked "required" are always set; any other may be NULL, and its feature is then missing.
 */
#pragma once

#include <stdint.h>

#include "openforbc/error.h"

typedef unsigned nvml_return; /* enum, 32 bit */
typedef void *nvml_device;
typedef void *nvml_gi;
typedef void *nvml_ci;

enum {
	NVML_SUCCESS = 0,
	NVML_UNINITIALIZED = 1,
	NVML_INVALID_ARGUMENT = 2,
	NVML_NOT_SUPPORTED = 3,
	NVML_NO_PERMISSION = 4,
	NVML_NOT_FOUND = 6,
	NVML_INSUFFICIENT_SIZE = 7,
	NVML_DRIVER_NOT_LOADED = 9,
	NVML_TIMEOUT = 10,
	NVML_LIBRARY_NOT_FOUND = 12,
	NVML_FUNCTION_NOT_FOUND = 13,
	NVML_GPU_IS_LOST = 15,
	NVML_RESET_REQUIRED = 16,
	NVML_LIB_RM_VERSION_MISMATCH = 18,
	NVML_IN_USE = 19,
	NVML_MEMORY = 20,
	NVML_INSUFFICIENT_RESOURCES = 23,
	NVML_ARGUMENT_VERSION_MISMATCH = 25,
	NVML_GPU_NOT_FOUND = 28,
	NVML_INVALID_STATE = 29,
	NVML_UNKNOWN = 999,
};

#define NVML_UUID_SIZE    96
#define NVML_NAME_SIZE    96
#define NVML_NONE         0xFFFFFFFFu /* "no instance id" */
#define NVML_INIT_NO_GPUS 1u

struct nvml_pci_info {
	char bus_id_legacy[16];
	uint32_t domain, bus, device, pci_device_id, pci_subsystem_id;
	char bus_id[32];
};

struct nvml_memory {
	uint64_t total, free, used;
};

struct nvml_process_v2 { /* of the _v2 and _v3 process lists */
	uint32_t pid;
	uint64_t used_memory;
	uint32_t gi_id, ci_id;
};

struct nvml_attributes {
	uint32_t sm_count, copy_engines, decoders, encoders, jpeg, ofa, gi_slices, ci_slices;
	uint64_t memory_mib;
};

struct nvml_placement {
	uint32_t start, size;
};

struct nvml_gi_profile { /* version 1 */
	uint32_t id, is_p2p, slices, instances, sm_count, copy_engines, decoders, encoders, jpeg, ofa;
	uint64_t memory_mib;
};

struct nvml_gi_profile_v2 {
	uint32_t version, id, is_p2p, slices, instances, sm_count, copy_engines, decoders, encoders, jpeg,
		ofa;
	uint64_t memory_mib;
	char name[96]; /* "MIG 1g.18gb" */
};

struct nvml_gi_info {
	nvml_device device;
	uint32_t id, profile_id;
	struct nvml_placement placement;
};

struct nvml_ci_profile { /* version 1 */
	uint32_t id, slices, instances, sm_count, copy_engines, decoders, encoders, jpeg, ofa;
};

struct nvml_ci_info {
	nvml_device device;
	nvml_gi gi;
	uint32_t id, profile_id;
	struct nvml_placement placement;
};

struct nvml_vgpu_hetero_mode { /* version 1 */
	uint32_t version, mode;
};

struct nvml_vgpu_placements { /* version 2 */
	uint32_t version, placement_size, count;
	uint32_t *ids;
	uint32_t mode; /* 0 heterogeneous, 1 homogeneous */
};

struct nvml_vgpu_placements_v1 {
	uint32_t version, placement_size, count;
	uint32_t *ids;
};

struct nvml_vgpu_max_per_gi {
	uint32_t version, type_id, max_per_gi;
};

#define NVML_VERSION(type, n) ((uint32_t)(sizeof(type) | ((n) << 24)))

struct nvml_field_value {
	uint32_t field_id, scope_id;
	int64_t timestamp, latency_us;
	uint32_t value_type, ret;
	union {
		double d;
		uint32_t u32;
		uint64_t u64;
		int64_t s64;
	} value;
};
#define NVML_FIELD_MEMORY_TEMPERATURE 82
#define NVML_FIELD_MIG_RESET_FREE     184
#define NVML_FIELD_POWER_AVERAGE      185 /* mW */
#define NVML_FIELD_POWER_INSTANT      186 /* mW */

enum { NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEMORY };

struct nvml_utilization {
	uint32_t gpu, memory; /* percent */
};

/* Why the clocks are not higher; a mask. */
enum {
	NVML_CLOCKS_IDLE = 0x1,
	NVML_CLOCKS_SETTING = 0x2,
	NVML_CLOCKS_POWER_CAP = 0x4,
	NVML_CLOCKS_HW_SLOWDOWN = 0x8,
	NVML_CLOCKS_SYNC_BOOST = 0x10,
	NVML_CLOCKS_SW_THERMAL = 0x20,
	NVML_CLOCKS_HW_THERMAL = 0x40,
	NVML_CLOCKS_POWER_BRAKE = 0x80,
	NVML_CLOCKS_DISPLAY = 0x100,
};

typedef void *nvml_gpm_sample;

struct nvml_gpm_metric {
	uint32_t id, ret;
	double value;
	const char *texts[3];
};

/* The array has grown over the editions while the version stayed 1: the whole of it, and some more, has to be
 * there whatever the library believes. */
#define NVML_GPM_METRICS_MAX 512
struct nvml_gpm_metrics {
	uint32_t version, n;
	nvml_gpm_sample from, to;
	struct nvml_gpm_metric v[NVML_GPM_METRICS_MAX];
};

struct nvml_gpm_support {
	uint32_t version, is_supported;
};

enum {
	NVML_GPM_GRAPHICS = 1,
	NVML_GPM_SM = 2,
	NVML_GPM_OCCUPANCY = 3,
	NVML_GPM_TENSOR = 5,
	NVML_GPM_DRAM = 10
};

struct nvml_api {
	/* required */
	nvml_return (*Init)(void);
	nvml_return (*Shutdown)(void);
	nvml_return (*DeviceGetCount)(unsigned *);
	nvml_return (*DeviceGetHandleByIndex)(unsigned, nvml_device *);
	nvml_return (*DeviceGetHandleByPciBusId)(const char *, nvml_device *);
	nvml_return (*DeviceGetPciInfo)(nvml_device, struct nvml_pci_info *);
	/* optional */
	nvml_return (*InitWithFlags)(unsigned);
	const char *(*ErrorString)(nvml_return);
	nvml_return (*SystemGetDriverVersion)(char *, unsigned);
	nvml_return (*SystemGetNVMLVersion)(char *, unsigned);
	nvml_return (*DeviceGetName)(nvml_device, char *, unsigned);
	nvml_return (*DeviceGetUUID)(nvml_device, char *, unsigned);
	nvml_return (*DeviceGetMinorNumber)(nvml_device, unsigned *);
	nvml_return (*DeviceGetArchitecture)(nvml_device, unsigned *);
	nvml_return (*DeviceGetCudaComputeCapability)(nvml_device, int *, int *);
	nvml_return (*DeviceGetMemoryInfo)(nvml_device, struct nvml_memory *);
	nvml_return (*DeviceGetVirtualizationMode)(nvml_device, unsigned *);
	nvml_return (*DeviceGetComputeMode)(nvml_device, unsigned *);
	nvml_return (*DeviceGetFieldValues)(nvml_device, int, struct nvml_field_value *);
	nvml_return (*DeviceGetComputeRunningProcesses)(nvml_device, unsigned *, void *); /* 24-byte rows */
	nvml_return (*DeviceGetGraphicsRunningProcesses)(nvml_device, unsigned *, void *);
	nvml_return (*DeviceGetMPSComputeRunningProcesses)(nvml_device, unsigned *, void *);
	/* what a board does and how it is set */
	nvml_return (*SystemGetCudaDriverVersion)(int *); /* 1000 x major + 10 x minor */
	nvml_return (*DeviceGetVbiosVersion)(nvml_device, char *, unsigned);
	nvml_return (*DeviceGetTotalEnergyConsumption)(nvml_device, uint64_t *); /* mJ since driver load */
	nvml_return (*DeviceGetPowerUsage)(nvml_device, unsigned *);             /* mW */
	nvml_return (*DeviceGetEnforcedPowerLimit)(nvml_device, unsigned *);     /* mW */
	nvml_return (*DeviceGetClockInfo)(nvml_device, unsigned, unsigned *);    /* MHz */
	nvml_return (*DeviceGetMaxClockInfo)(nvml_device, unsigned, unsigned *);
	nvml_return (*DeviceGetApplicationsClock)(nvml_device, unsigned, unsigned *);
	nvml_return (*DeviceGetTemperature)(nvml_device, unsigned,
	                                    unsigned *); /* sensor 0: the die; Celsius */
	nvml_return (*DeviceGetCurrentClocksEventReasons)(nvml_device, uint64_t *);
	nvml_return (*DeviceGetUtilizationRates)(nvml_device, struct nvml_utilization *); /* not with MIG */
	nvml_return (*DeviceGetPersistenceMode)(nvml_device, unsigned *);
	nvml_return (*DeviceGetEccMode)(nvml_device, unsigned *, unsigned *); /* now, after the next boot */
	nvml_return (*DeviceGetCurrPcieLinkGeneration)(nvml_device, unsigned *);
	nvml_return (*DeviceGetCurrPcieLinkWidth)(nvml_device, unsigned *);
	nvml_return (*DeviceGetMaxPcieLinkGeneration)(nvml_device, unsigned *);
	nvml_return (*DeviceGetMaxPcieLinkWidth)(nvml_device, unsigned *);
	nvml_return (*GpmQueryDeviceSupport)(nvml_device, struct nvml_gpm_support *);
	nvml_return (*GpmSampleAlloc)(nvml_gpm_sample *);
	nvml_return (*GpmSampleFree)(nvml_gpm_sample);
	nvml_return (*GpmSampleGet)(nvml_device, nvml_gpm_sample);
	nvml_return (*GpmMigSampleGet)(nvml_device, unsigned, nvml_gpm_sample); /* GPU instance id */
	nvml_return (*GpmMetricsGet)(struct nvml_gpm_metrics *);
	/* MIG */
	nvml_return (*DeviceGetMigMode)(nvml_device, unsigned *, unsigned *);
	nvml_return (*DeviceSetMigMode)(nvml_device, unsigned, nvml_return *);
	nvml_return (*DeviceGetGpuInstanceProfileInfo)(nvml_device, unsigned, struct nvml_gi_profile *);
	nvml_return (*DeviceGetGpuInstanceProfileInfoV)(nvml_device, unsigned, void *); /* v2 */
	nvml_return (*DeviceGetGpuInstancePossiblePlacements)(nvml_device, unsigned, struct nvml_placement *,
	                                                      unsigned *);
	nvml_return (*DeviceGetGpuInstanceRemainingCapacity)(nvml_device, unsigned, unsigned *);
	nvml_return (*DeviceCreateGpuInstance)(nvml_device, unsigned, nvml_gi *);
	nvml_return (*DeviceCreateGpuInstanceWithPlacement)(nvml_device, unsigned,
	                                                    const struct nvml_placement *, nvml_gi *);
	nvml_return (*DeviceGetGpuInstances)(nvml_device, unsigned, nvml_gi *, unsigned *);
	nvml_return (*DeviceGetGpuInstanceById)(nvml_device, unsigned, nvml_gi *);
	nvml_return (*GpuInstanceGetInfo)(nvml_gi, struct nvml_gi_info *);
	nvml_return (*GpuInstanceDestroy)(nvml_gi);
	nvml_return (*GpuInstanceGetComputeInstanceProfileInfo)(nvml_gi, unsigned, unsigned,
	                                                        struct nvml_ci_profile *);
	nvml_return (*GpuInstanceGetComputeInstanceRemainingCapacity)(nvml_gi, unsigned, unsigned *);
	nvml_return (*GpuInstanceCreateComputeInstance)(nvml_gi, unsigned, nvml_ci *);
	nvml_return (*GpuInstanceGetComputeInstances)(nvml_gi, unsigned, nvml_ci *, unsigned *);
	nvml_return (*GpuInstanceGetComputeInstanceById)(nvml_gi, unsigned, nvml_ci *);
	nvml_return (*ComputeInstanceGetInfo)(nvml_ci, struct nvml_ci_info *);
	nvml_return (*ComputeInstanceDestroy)(nvml_ci);
	nvml_return (*DeviceGetMaxMigDeviceCount)(nvml_device, unsigned *);
	nvml_return (*DeviceGetMigDeviceHandleByIndex)(nvml_device, unsigned, nvml_device *);
	nvml_return (*DeviceGetGpuInstanceId)(nvml_device, unsigned *);
	nvml_return (*DeviceGetComputeInstanceId)(nvml_device, unsigned *);
	nvml_return (*DeviceGetAttributes)(nvml_device, struct nvml_attributes *);
	/* vGPU */
	nvml_return (*DeviceGetHostVgpuMode)(nvml_device, unsigned *);
	nvml_return (*DeviceGetSupportedVgpus)(nvml_device, unsigned *, unsigned *);
	nvml_return (*DeviceGetCreatableVgpus)(nvml_device, unsigned *, unsigned *);
	nvml_return (*DeviceGetActiveVgpus)(nvml_device, unsigned *, unsigned *);
	nvml_return (*DeviceGetVgpuCapabilities)(nvml_device, unsigned, unsigned *);
	nvml_return (*DeviceGetVgpuHeterogeneousMode)(nvml_device, struct nvml_vgpu_hetero_mode *);
	nvml_return (*DeviceSetVgpuHeterogeneousMode)(nvml_device, const struct nvml_vgpu_hetero_mode *);
	nvml_return (*DeviceGetVgpuTypeSupportedPlacements)(nvml_device, unsigned, void *); /* v1 or v2 */
	nvml_return (*DeviceGetVgpuTypeCreatablePlacements)(nvml_device, unsigned, void *);
	nvml_return (*VgpuTypeGetName)(unsigned, char *, unsigned *);
	nvml_return (*VgpuTypeGetClass)(unsigned, char *, unsigned *);
	nvml_return (*VgpuTypeGetFramebufferSize)(unsigned, uint64_t *);
	nvml_return (*VgpuTypeGetMaxInstances)(nvml_device, unsigned, unsigned *);
	nvml_return (*VgpuTypeGetMaxInstancesPerVm)(unsigned, unsigned *);
	nvml_return (*VgpuTypeGetMaxInstancesPerGpuInstance)(struct nvml_vgpu_max_per_gi *);
	nvml_return (*VgpuTypeGetGpuInstanceProfileId)(unsigned, unsigned *);
	nvml_return (*VgpuTypeGetNumDisplayHeads)(unsigned, unsigned *);
	nvml_return (*VgpuTypeGetCapabilities)(unsigned, unsigned, unsigned *);
	nvml_return (*VgpuInstanceGetVmID)(unsigned, char *, unsigned, unsigned *);
	nvml_return (*VgpuInstanceGetMdevUUID)(unsigned, char *, unsigned);
};

/* "IN_USE" for 19; "error 77" for an unknown one: a static or thread-local string. */
const char *nvml_return_name(nvml_return r);

/* dlopen libnvidia-ml.so.1 and fill the table, newest symbol versions first. The library is never
 * closed. -ENOENT not installed, -EPROTO a required symbol is missing. */
int nvml_load(const struct nvml_api **ret, struct ofbc_error *err);
