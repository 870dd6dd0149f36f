/* SPDX-License-Identifier: MIT */
/* The GPUs of a host as they are set: driver, firmware, partitions, clocks, limits, link. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "base/strv.h"
#include "bench/environment_parts.h"
#include "bench/sensor.h"
#include "platform/nvml.h"

#define PCI           "sys/bus/pci/devices/%s/%s"
#define CLASS_DISPLAY 0x03
#define CLASS_COMPUTE 0x1200
#define VENDOR_NVIDIA 0x10de
#define TEXT_SIZE     128

struct board {
	const struct nvml_api *api;
	nvml_device gpu;
	struct json *j;
};

/* --- NVML --- */

static void put_u(struct json *j, const char *key, nvml_return (*call)(nvml_device, unsigned *),
                  nvml_device gpu)
{
	unsigned v;

	if (call && call(gpu, &v) == NVML_SUCCESS)
		json_set_u64(j, key, v);
}

static void put_text(struct json *j, const char *key, nvml_return (*call)(nvml_device, char *, unsigned),
                     nvml_device gpu)
{
	char text[TEXT_SIZE] = "";

	if (call && call(gpu, text, sizeof(text)) == NVML_SUCCESS)
		json_set_str(j, key, text);
}

static void put_clock(struct json *j, const char *key, nvml_return (*call)(nvml_device, unsigned, unsigned *),
                      nvml_device gpu, unsigned type)
{
	unsigned v;

	if (call && call(gpu, type, &v) == NVML_SUCCESS)
		json_set_u64(j, key, v);
}

static void put_hashed_uuid(const struct board *b)
{
	char text[NVML_UUID_SIZE] = "", hash[UUID_STR_MAX];

	if (!b->api->DeviceGetUUID || b->api->DeviceGetUUID(b->gpu, text, sizeof(text)) != NVML_SUCCESS)
		return;
	uuid_derive(text, hash);
	json_set_str(b->j, "uuid_hash", hash);
}

/* Each MIG device: "gi 1 ci 0: 16 SMs, 16384 MiB". */
static void put_mig(const struct board *b)
{
	const struct nvml_api *api = b->api;
	unsigned mode, pending, n = 0;
	struct json *list;

	if (!api->DeviceGetMigMode || api->DeviceGetMigMode(b->gpu, &mode, &pending) != NVML_SUCCESS)
		return;
	json_set_bool(b->j, "mig", mode == 1);
	if (mode != pending)
		json_set_bool(b->j, "mig_pending", pending == 1);
	if (!mode || !api->DeviceGetMaxMigDeviceCount || !api->DeviceGetMigDeviceHandleByIndex ||
	    !api->DeviceGetGpuInstanceId || !api->DeviceGetComputeInstanceId || !api->DeviceGetAttributes ||
	    api->DeviceGetMaxMigDeviceCount(b->gpu, &n) != NVML_SUCCESS)
		return;
	list = json_array();
	for (unsigned i = 0; i < n; i++) {
		struct nvml_attributes a = {0};
		unsigned gi = 0, ci = 0;
		nvml_device mig;
		char text[64];

		if (api->DeviceGetMigDeviceHandleByIndex(b->gpu, i, &mig) != NVML_SUCCESS ||
		    api->DeviceGetGpuInstanceId(mig, &gi) != NVML_SUCCESS ||
		    api->DeviceGetComputeInstanceId(mig, &ci) != NVML_SUCCESS ||
		    api->DeviceGetAttributes(mig, &a) != NVML_SUCCESS)
			continue;
		snprintf(text, sizeof(text), "gi %u ci %u: %u SMs, %llu MiB", gi, ci, a.sm_count,
		         (unsigned long long)a.memory_mib);
		json_append_str(list, text);
	}
	json_set(b->j, "mig_devices", list);
}

static void put_vgpu(const struct board *b)
{
	unsigned n = 0;
	nvml_return r;

	put_u(b->j, "virtualization_mode", b->api->DeviceGetVirtualizationMode, b->gpu);
	if (!b->api->DeviceGetActiveVgpus)
		return;
	r = b->api->DeviceGetActiveVgpus(b->gpu, &n, NULL);
	if (r == NVML_SUCCESS || r == NVML_INSUFFICIENT_SIZE)
		json_set_u64(b->j, "vgpus", n);
}

/* Programs on the board, of all kinds. */
static void put_clients(const struct board *b)
{
	nvml_return (*const calls[])(nvml_device, unsigned *, void *) = {
		b->api->DeviceGetComputeRunningProcesses, b->api->DeviceGetGraphicsRunningProcesses,
		b->api->DeviceGetMPSComputeRunningProcesses};
	unsigned sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		unsigned n = 0;
		nvml_return r = calls[i] ? calls[i](b->gpu, &n, NULL) : NVML_NOT_SUPPORTED;

		sum += r == NVML_SUCCESS || r == NVML_INSUFFICIENT_SIZE ? n : 0;
	}
	json_set_u64(b->j, "clients", sum);
}

static void put_link_nvml(const struct board *b)
{
	struct json *link = json_object();

	put_u(link, "generation", b->api->DeviceGetCurrPcieLinkGeneration, b->gpu);
	put_u(link, "generation_max", b->api->DeviceGetMaxPcieLinkGeneration, b->gpu);
	put_u(link, "width", b->api->DeviceGetCurrPcieLinkWidth, b->gpu);
	put_u(link, "width_max", b->api->DeviceGetMaxPcieLinkWidth, b->gpu);
	environment_put_object(b->j, "pcie", link);
}

static void put_nvml(const struct nvml_api *api, const char *address, struct json *j)
{
	struct board b = {.api = api, .j = j};
	char driver[TEXT_SIZE] = "";
	unsigned now, pending;
	uint64_t reasons;
	int cuda;

	if (api->DeviceGetHandleByPciBusId(address, &b.gpu) != NVML_SUCCESS)
		return;
	put_text(j, "name", api->DeviceGetName, b.gpu);
	put_hashed_uuid(&b);
	put_text(j, "vbios", api->DeviceGetVbiosVersion, b.gpu);
	if (api->SystemGetDriverVersion &&
	    api->SystemGetDriverVersion(driver, sizeof(driver)) == NVML_SUCCESS)
		json_set_str(j, "driver_version", driver);
	if (api->SystemGetCudaDriverVersion && api->SystemGetCudaDriverVersion(&cuda) == NVML_SUCCESS &&
	    cuda > 0) {
		snprintf(driver, sizeof(driver), "%d.%d", cuda / 1000, cuda % 1000 / 10);
		json_set_str(j, "cuda_version", driver);
	}
	put_mig(&b);
	put_vgpu(&b);
	put_u(j, "compute_mode", api->DeviceGetComputeMode, b.gpu);
	put_u(j, "persistence_mode", api->DeviceGetPersistenceMode, b.gpu);
	if (api->DeviceGetEccMode && api->DeviceGetEccMode(b.gpu, &now, &pending) == NVML_SUCCESS)
		json_set_bool(j, "ecc", now == 1);
	put_u(j, "power_limit_mw", api->DeviceGetEnforcedPowerLimit, b.gpu);
	put_clock(j, "clock_max_mhz", api->DeviceGetMaxClockInfo, b.gpu, NVML_CLOCK_SM);
	put_clock(j, "clock_memory_max_mhz", api->DeviceGetMaxClockInfo, b.gpu, NVML_CLOCK_MEMORY);
	put_clock(j, "clock_application_mhz", api->DeviceGetApplicationsClock, b.gpu, NVML_CLOCK_GRAPHICS);
	if (api->DeviceGetCurrentClocksEventReasons &&
	    api->DeviceGetCurrentClocksEventReasons(b.gpu, &reasons) == NVML_SUCCESS) {
		json_set_str(j, "throttle", throttle_name(throttle_of_nvml(reasons)));
		/* clocks that somebody locked or lowered show here, and nowhere else */
		json_set_bool(j, "clock_is_set", throttle_of_nvml(reasons) & THROTTLE_SETTING);
	}
	put_clients(&b);
	put_link_nvml(&b);
}

/* --- sysfs --- */

/* Of amdgpu, i915 and xe. */
static void put_files(struct platform *p, const char *address, struct json *j)
{
	static const char *const files[][2] = {
		{"vbios", "vbios_version"},
		{"name", "product_name"},
		{"performance_level", "power_dpm_force_performance_level"},
		{"compute_partition", "current_compute_partition"},
		{"memory_partition", "current_memory_partition"},
	};
	_cleanup_strv_ struct strv monitors = {0};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		environment_put(p, j, files[i][0], PCI, address, files[i][1]);
	(void)sysfs_list(p, &monitors, PCI, address, "hwmon");
	for (size_t i = 0; i < monitors.n && i < 1; i++) {
		char dir[128];
		uint64_t uw;

		snprintf(dir, sizeof(dir), PCI "/%s", address, "hwmon", monitors.v[i]);
		if (sysfs_read_u64(p, &uw, "%s/power1_cap", dir) == 0 ||
		    sysfs_read_u64(p, &uw, "%s/power1_max", dir) == 0)
			json_set_u64(j, "power_limit_mw", uw / 1000);
	}
}

static void put_link(struct platform *p, const char *address, struct json *j)
{
	static const char *const files[][2] = {{"speed", "current_link_speed"},
	                                       {"speed_max", "max_link_speed"},
	                                       {"width", "current_link_width"},
	                                       {"width_max", "max_link_width"}};
	struct json *link = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		environment_put(p, link, files[i][0], PCI, address, files[i][1]);
	environment_put_object(j, "pcie", link);
}

/* What the sensors say at this moment, as far as it is a state and no sum. */
static void put_sensors(struct platform *p, const char *address, struct json *j)
{
	static const enum sensor_quantity wanted[] = {SENSOR_POWER, SENSOR_CLOCK, SENSOR_CLOCK_MEMORY,
	                                              SENSOR_TEMPERATURE, SENSOR_MEMORY_USED};
	_cleanup_sensors_ struct sensor_set *s = NULL;

	if (sensor_set_new(p, &s) < 0 || sensor_add_gpu(s, address, 0, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct sensor_reading v = {0};
		int at = sensor_find(s, wanted[i], address);

		if (at >= 0)
			sensor_read_one(s, (size_t)at, &v);
		if (v.is_known)
			json_set_i64(j, sensor_kinds[wanted[i]].key, v.value);
	}
}

static size_t count_mdevs(struct platform *p, const char *address)
{
	_cleanup_strv_ struct strv all = {0};
	size_t n = 0;

	(void)sysfs_list(p, &all, "sys/bus/mdev/devices");
	for (size_t i = 0; i < all.n; i++)
		n += sysfs_exists(p, PCI, address, all.v[i]);
	return n;
}

static struct json *capture_gpu(struct platform *p, const struct nvml_api *api, const struct pci_function *f)
{
	struct json *j = json_object();
	char text[TEXT_SIZE];
	size_t mdevs;

	snprintf(text, sizeof(text), "%04x:%04x", f->vendor, f->device);
	json_set_str(j, "pci_id", text);
	json_set_str(j, "driver", f->driver);
	environment_put(p, j, "driver_version", "sys/module/%s/version", f->driver[0] ? f->driver : "-");
	environment_put(p, j, "numa_node", PCI, f->address, "numa_node");
	environment_put(p, j, "local_cpus", PCI, f->address, "local_cpulist");
	if (f->total_vfs)
		json_set_u64(j, "virtual_functions", f->num_vfs);
	mdevs = count_mdevs(p, f->address);
	if (mdevs)
		json_set_u64(j, "mediated_devices", mdevs);
	put_link(p, f->address, j);
	if (api && f->vendor == VENDOR_NVIDIA)
		put_nvml(api, f->address, j);
	put_files(p, f->address, j);
	put_sensors(p, f->address, j);
	return j;
}

/* Daemons of MPS: who shares a board through them is not seen on the board. */
static void put_mps(struct platform *p, struct json *gpus)
{
	_cleanup_strv_ struct strv names = {0};
	struct json *j;
	unsigned n = 0;
	char comm[32];

	(void)sysfs_list(p, &names, "proc");
	for (size_t i = 0; i < names.n; i++) {
		if (names.v[i][0] >= '1' && names.v[i][0] <= '9' &&
		    sysfs_read(p, comm, sizeof(comm), "proc/%s/comm", names.v[i]) > 0)
			n += strncmp(comm, "nvidia-cuda-mps", 15) == 0;
	}
	if (!n)
		return;
	j = json_object();
	json_set_u64(j, "processes", n);
	json_set(gpus, "mps", j);
}

struct json *environment_gpus(struct platform *p)
{
	_cleanup_strv_ struct strv names = {0};
	struct json *gpus = json_object();
	const struct nvml_api *api = NULL;
	bool is_nvidia = false;

	(void)sysfs_list(p, &names, "sys/bus/pci/devices");
	for (size_t i = 0; i < names.n; i++) {
		struct pci_function f;

		if (pci_read(p, names.v[i], &f) < 0 || f.is_vf ||
		    (f.class >> 16 != CLASS_DISPLAY && f.class >> 8 != CLASS_COMPUTE))
			continue;
		if (f.vendor == VENDOR_NVIDIA && !is_nvidia) {
			is_nvidia = true;
			if (p->ops->nvml(p, &api, NULL) < 0 || api->Init() != NVML_SUCCESS)
				api = NULL;
		}
		json_set(gpus, names.v[i], capture_gpu(p, api, &f));
	}
	put_mps(p, gpus);
	if (api)
		(void)api->Shutdown();
	return gpus;
}
