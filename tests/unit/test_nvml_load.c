/* SPDX-License-Identifier: MIT */
/*
 * Our table and struct layouts against an independent library that writes by byte offsets.
 * Usage: test_nvml_load DIR [old]: DIR holds libnvidia-ml.so.1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/nvml.h"

#define GPU_UUID "GPU-00000000-1111-2222-3333-444444444444"

struct fixture {
	bool is_old;
	const struct nvml_api *api;
	nvml_device gpu;
};

static void test_load(void **state)
{
	struct fixture *f = *state;
	const struct nvml_api *again = NULL;
	struct ofbc_error err = {0};

	assert_int_equal(nvml_load(&f->api, &err), 0);
	assert_int_equal(nvml_load(&again, NULL), 0);
	assert_ptr_equal(f->api, again);
	assert_int_equal(f->api->Init(), NVML_SUCCESS);
}

/* What the library lacks stays NULL; an unversioned process list (other rows) is never taken. */
static void test_optional(void **state)
{
	const struct fixture *f = *state;
	const struct nvml_api *a = f->api;

	assert_null(a->VgpuTypeGetName);
	assert_null(a->DeviceGetActiveVgpus);
	assert_non_null(a->DeviceGetMigMode);
	assert_non_null(a->DeviceGetGpuInstancePossiblePlacements);
	assert_non_null(a->ComputeInstanceGetInfo);
	assert_non_null(a->DeviceGetAttributes);
	assert_int_equal(a->InitWithFlags == NULL, f->is_old);
	assert_int_equal(a->DeviceGetGpuInstanceProfileInfoV == NULL, f->is_old);
	assert_int_equal(a->DeviceCreateGpuInstanceWithPlacement == NULL, f->is_old);
	assert_int_equal(a->DeviceGetFieldValues == NULL, f->is_old);
	assert_int_equal(a->DeviceGetComputeRunningProcesses == NULL, f->is_old);
	assert_int_equal(a->DeviceGetMPSComputeRunningProcesses == NULL, f->is_old);
	assert_int_equal(a->DeviceGetSupportedVgpus == NULL, f->is_old);
}

static void test_board(void **state)
{
	struct fixture *f = *state;
	const struct nvml_api *a = f->api;
	struct nvml_pci_info pci = {0};
	struct nvml_memory memory = {0};
	nvml_device other = NULL;
	unsigned n = 0;
	int major = 0, minor = -1;
	char text[NVML_UUID_SIZE];

	assert_int_equal(a->DeviceGetCount(&n), NVML_SUCCESS);
	assert_int_equal(n, 1);
	assert_int_equal(a->DeviceGetHandleByIndex(0, &f->gpu), NVML_SUCCESS);
	assert_int_equal(a->DeviceGetHandleByIndex(1, &other), NVML_INVALID_ARGUMENT);
	assert_int_equal(a->DeviceGetHandleByPciBusId("00000000:3D:00.0", &other), NVML_SUCCESS);
	assert_ptr_equal(other, f->gpu);
	assert_int_equal(a->DeviceGetHandleByPciBusId("00000000:41:00.0", &other), NVML_NOT_FOUND);
	assert_int_equal(a->DeviceGetPciInfo(f->gpu, &pci), NVML_SUCCESS);
	assert_string_equal(pci.bus_id_legacy, "0000:3D:00.0");
	assert_string_equal(pci.bus_id, f->is_old ? "" : "00000000:3D:00.0");
	assert_int_equal(pci.bus, 0x3D);
	assert_int_equal(pci.device, 0);
	assert_int_equal(pci.pci_device_id, 0x233510DE);
	assert_int_equal(pci.pci_subsystem_id, 0x18BE10DE);
	assert_int_equal(a->DeviceGetName(f->gpu, text, sizeof(text)), NVML_SUCCESS);
	assert_string_equal(text, "NVIDIA H200");
	assert_int_equal(a->DeviceGetUUID(f->gpu, text, sizeof(text)), NVML_SUCCESS);
	assert_string_equal(text, GPU_UUID);
	assert_int_equal(a->DeviceGetUUID(f->gpu, text, 8), NVML_INSUFFICIENT_SIZE);
	assert_int_equal(a->SystemGetDriverVersion(text, sizeof(text)), NVML_SUCCESS);
	assert_string_equal(text, f->is_old ? "450.80.02" : "580.159.04");
	assert_int_equal(a->SystemGetNVMLVersion(text, sizeof(text)), NVML_SUCCESS);
	assert_string_equal(text, "13.580.159.04");
	assert_int_equal(a->DeviceGetMinorNumber(f->gpu, &n), NVML_SUCCESS);
	assert_int_equal(n, 0);
	assert_int_equal(a->DeviceGetCudaComputeCapability(f->gpu, &major, &minor), NVML_SUCCESS);
	assert_int_equal(major * 10 + minor, 90);
	assert_int_equal(a->DeviceGetMemoryInfo(f->gpu, &memory), NVML_SUCCESS);
	assert_int_equal(memory.total, 143771ull << 20);
	assert_int_equal(memory.used, 600ull << 20);
	assert_int_equal(memory.free + memory.used, memory.total);
	assert_int_equal(a->DeviceGetComputeMode(f->gpu, &n), NVML_SUCCESS);
	assert_int_equal(a->DeviceGetVirtualizationMode(f->gpu, &n), NVML_SUCCESS);
	assert_string_equal(a->ErrorString(NVML_IN_USE), "In use by another client");
}

/* Calls that came after the first drivers. */
static void test_newer_calls(void **state)
{
	struct fixture *f = *state;
	const struct nvml_api *a = f->api;
	struct nvml_field_value v[2] = {{.field_id = 1}, {.field_id = NVML_FIELD_MIG_RESET_FREE}};
	unsigned n = 77;

	if (f->is_old)
		skip();
	assert_int_equal(a->InitWithFlags(NVML_INIT_NO_GPUS), NVML_SUCCESS);
	assert_int_equal(a->Shutdown(), NVML_SUCCESS);
	assert_int_equal(a->DeviceGetArchitecture(f->gpu, &n), NVML_SUCCESS);
	assert_int_equal(n, 9);
	assert_int_equal(a->DeviceGetFieldValues(f->gpu, 2, v), NVML_SUCCESS);
	assert_int_equal(v[0].ret, NVML_NOT_SUPPORTED);
	assert_int_equal(v[1].ret, NVML_SUCCESS);
	assert_int_equal(v[1].value_type, 1);
	assert_int_equal(v[1].value.u32, 1);
	assert_int_equal(v[1].timestamp, 1700000000000000);
	assert_int_equal(v[1].latency_us, 12);
	n = 77;
	assert_int_equal(a->DeviceGetComputeRunningProcesses(f->gpu, &n, NULL), NVML_SUCCESS);
	assert_int_equal(n, 0);
	n = 77;
	assert_int_equal(a->DeviceGetGraphicsRunningProcesses(f->gpu, &n, NULL), NVML_SUCCESS);
	assert_int_equal(n, 0);
	n = 77;
	assert_int_equal(a->DeviceGetMPSComputeRunningProcesses(f->gpu, &n, NULL), NVML_SUCCESS);
	assert_int_equal(n, 0);
	assert_int_equal(a->DeviceGetHostVgpuMode(f->gpu, &n), NVML_NOT_SUPPORTED);
	assert_int_equal(a->DeviceGetSupportedVgpus(f->gpu, &n, NULL), NVML_NOT_SUPPORTED);
}

static void test_telemetry(void **state)
{
	static struct nvml_gpm_metrics m = {.version = 1, .n = 2, .v = {{.id = 2}, {.id = 3}}};
	struct fixture *f = *state;
	const struct nvml_api *a = f->api;
	struct nvml_gpm_support support = {.version = 1};
	struct nvml_utilization u = {0};
	uint64_t v = 0;
	unsigned mhz = 0;

	/* only the older name is there, in the old and in the new edition */
	assert_int_equal(a->DeviceGetCurrentClocksEventReasons(f->gpu, &v), NVML_SUCCESS);
	assert_int_equal(v, NVML_CLOCKS_HW_THERMAL);
	assert_int_equal(a->DeviceGetTotalEnergyConsumption == NULL, f->is_old);
	assert_int_equal(a->GpmMetricsGet == NULL, f->is_old);
	assert_null(a->DeviceGetVbiosVersion);
	if (f->is_old)
		skip();
	assert_int_equal(a->DeviceGetTotalEnergyConsumption(f->gpu, &v), NVML_SUCCESS);
	assert_int_equal(v, 123456789);
	assert_int_equal(a->DeviceGetUtilizationRates(f->gpu, &u), NVML_SUCCESS);
	assert_int_equal(u.gpu, 41);
	assert_int_equal(u.memory, 17);
	assert_int_equal(a->DeviceGetClockInfo(f->gpu, NVML_CLOCK_MEMORY, &mhz), NVML_SUCCESS);
	assert_int_equal(mhz, 3201);
	assert_int_equal(a->GpmQueryDeviceSupport(f->gpu, &support), NVML_SUCCESS);
	assert_int_equal(support.is_supported, 1);
	assert_int_equal(a->GpmMetricsGet(&m), NVML_SUCCESS);
	assert_true(m.v[0].ret == NVML_SUCCESS && m.v[0].value > 12.4 && m.v[0].value < 12.6);
	assert_int_equal(m.v[1].ret, NVML_NOT_SUPPORTED);
}

static void test_profiles(void **state)
{
	static const struct {
		unsigned index, id, slices, instances, sms, copy, decoders, jpeg, ofa;
		uint64_t mib;
		const char *name;
		unsigned size, first, last;
	} rows[] = {
		{0, 19, 1, 7, 16, 1, 1, 1, 0, 16384, "MIG 1g.18gb", 1, 0, 6},
		{1, 14, 2, 3, 32, 2, 2, 2, 0, 33280, "MIG 2g.35gb", 2, 0, 4},
		{2, 9, 3, 2, 60, 3, 3, 3, 0, 71424, "MIG 3g.71gb", 4, 0, 4},
		{3, 5, 4, 1, 64, 4, 4, 4, 0, 71424, "MIG 4g.71gb", 4, 0, 0},
		{4, 0, 7, 1, 132, 8, 7, 7, 1, 143360, "MIG 7g.141gb", 8, 0, 0},
		{7, 20, 1, 1, 16, 1, 1, 1, 1, 16384, "MIG 1g.18gb+me", 1, 0, 6},
		{9, 15, 1, 4, 26, 1, 1, 1, 0, 33280, "MIG 1g.35gb", 2, 0, 6},
	};
	const struct fixture *f = *state;
	const struct nvml_api *a = f->api;
	struct nvml_gi_profile p = {0};

	assert_int_equal(a->DeviceGetGpuInstanceProfileInfo(f->gpu, 5, &p), NVML_NOT_SUPPORTED);
	assert_int_equal(a->DeviceGetGpuInstanceProfileInfo(f->gpu, 17, &p), NVML_INVALID_ARGUMENT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nvml_gi_profile_v2 v = {.version = NVML_VERSION(struct nvml_gi_profile_v2, 2)};
		struct nvml_placement at[8] = {{0}};
		unsigned n = 0, left = 0;

		assert_int_equal(a->DeviceGetGpuInstanceProfileInfo(f->gpu, rows[i].index, &p), NVML_SUCCESS);
		assert_int_equal(p.id, rows[i].id);
		assert_int_equal(p.is_p2p, 0);
		assert_int_equal(p.slices, rows[i].slices);
		assert_int_equal(p.instances, rows[i].instances);
		assert_int_equal(p.sm_count, rows[i].sms);
		assert_int_equal(p.copy_engines, rows[i].copy);
		assert_int_equal(p.decoders, rows[i].decoders);
		assert_int_equal(p.encoders, 0);
		assert_int_equal(p.jpeg, rows[i].jpeg);
		assert_int_equal(p.ofa, rows[i].ofa);
		assert_int_equal(p.memory_mib, rows[i].mib);
		assert_int_equal(a->DeviceGetGpuInstancePossiblePlacements(f->gpu, p.id, at, &n),
		                 NVML_SUCCESS);
		assert_in_range(n, 1, 7);
		assert_int_equal(at[0].start, rows[i].first);
		assert_int_equal(at[n - 1].start, rows[i].last);
		assert_int_equal(at[n - 1].size, rows[i].size);
		assert_int_equal(a->DeviceGetGpuInstanceRemainingCapacity(f->gpu, p.id, &left), NVML_SUCCESS);
		assert_int_equal(left, rows[i].instances);
		if (f->is_old)
			continue;
		assert_int_equal(a->DeviceGetGpuInstanceProfileInfoV(f->gpu, rows[i].index, &v),
		                 NVML_SUCCESS);
		assert_int_equal(v.id, rows[i].id);
		assert_int_equal(v.slices, rows[i].slices);
		assert_int_equal(v.instances, rows[i].instances);
		assert_int_equal(v.sm_count, rows[i].sms);
		assert_int_equal(v.copy_engines, rows[i].copy);
		assert_int_equal(v.decoders, rows[i].decoders);
		assert_int_equal(v.jpeg, rows[i].jpeg);
		assert_int_equal(v.ofa, rows[i].ofa);
		assert_int_equal(v.memory_mib, rows[i].mib);
		assert_string_equal(v.name, rows[i].name);
		v.version = 0x01000098;
		assert_int_equal(a->DeviceGetGpuInstanceProfileInfoV(f->gpu, rows[i].index, &v),
		                 NVML_INVALID_ARGUMENT);
	}
}

/* A 3g at slot 4, where the driver's own choice and a named placement agree. */
static nvml_gi make_half(const struct fixture *f)
{
	const struct nvml_placement at = {.start = 4, .size = 4}, bad = {.start = 1, .size = 4};
	nvml_gi gi = NULL;

	if (f->is_old) {
		assert_int_equal(f->api->DeviceCreateGpuInstance(f->gpu, 9, &gi), NVML_SUCCESS);
		return gi;
	}
	assert_int_equal(f->api->DeviceCreateGpuInstanceWithPlacement(f->gpu, 9, &bad, &gi),
	                 NVML_INVALID_ARGUMENT);
	assert_int_equal(f->api->DeviceCreateGpuInstanceWithPlacement(f->gpu, 9, &at, &gi), NVML_SUCCESS);
	return gi;
}

static void check_mig_device(const struct fixture *f, unsigned gi_id)
{
	const struct nvml_api *a = f->api;
	struct nvml_attributes attributes = {0};
	struct nvml_memory memory = {0};
	char text[NVML_UUID_SIZE], expected[NVML_UUID_SIZE];
	nvml_device mig = NULL, none = NULL;
	unsigned n = 0;

	assert_int_equal(a->DeviceGetMaxMigDeviceCount(f->gpu, &n), NVML_SUCCESS);
	assert_int_equal(n, 7);
	assert_int_equal(a->DeviceGetMigDeviceHandleByIndex(f->gpu, 0, &mig), NVML_SUCCESS);
	assert_int_equal(a->DeviceGetMigDeviceHandleByIndex(f->gpu, 1, &none), NVML_NOT_FOUND);
	assert_int_equal(a->DeviceGetGpuInstanceId(mig, &n), NVML_SUCCESS);
	assert_int_equal(n, gi_id);
	assert_int_equal(a->DeviceGetComputeInstanceId(mig, &n), NVML_SUCCESS);
	assert_int_equal(n, 0);
	assert_int_equal(a->DeviceGetAttributes(mig, &attributes), NVML_SUCCESS);
	assert_int_equal(attributes.sm_count, 60);
	assert_int_equal(attributes.copy_engines, 3);
	assert_int_equal(attributes.decoders, 3);
	assert_int_equal(attributes.encoders, 0);
	assert_int_equal(attributes.jpeg, 3);
	assert_int_equal(attributes.ofa, 0);
	assert_int_equal(attributes.gi_slices, 3);
	assert_int_equal(attributes.ci_slices, 3);
	assert_int_equal(attributes.memory_mib, 71424);
	assert_int_equal(a->DeviceGetAttributes(f->gpu, &attributes), NVML_NOT_SUPPORTED);
	assert_int_equal(a->DeviceGetMemoryInfo(mig, &memory), NVML_SUCCESS);
	assert_int_equal(memory.total, 71424ull << 20);
	assert_int_equal(a->DeviceGetUUID(mig, text, sizeof(text)), NVML_SUCCESS);
	if (f->is_old)
		snprintf(expected, sizeof(expected), "MIG-" GPU_UUID "/%u/0", gi_id);
	else
		snprintf(expected, sizeof(expected), "MIG-00000000-1111-2222-%04x-000000000000", gi_id);
	assert_string_equal(text, expected);
}

static nvml_ci make_compute(const struct fixture *f, nvml_gi gi)
{
	const struct nvml_api *a = f->api;
	struct nvml_ci_profile p = {0};
	struct nvml_ci_info info = {0};
	nvml_ci ci = NULL, same = NULL, all[8];
	unsigned n = 0;

	assert_int_equal(a->GpuInstanceGetComputeInstanceProfileInfo(gi, 2, 0, &p), NVML_SUCCESS);
	assert_int_equal(p.id, 2);
	assert_int_equal(p.slices, 3);
	assert_int_equal(p.instances, 1);
	assert_int_equal(p.sm_count, 60);
	assert_int_equal(p.copy_engines, 3);
	assert_int_equal(p.decoders, 3);
	assert_int_equal(p.jpeg, 3);
	assert_int_equal(p.ofa, 0);
	assert_int_equal(a->GpuInstanceGetComputeInstanceProfileInfo(gi, 3, 0, &p), NVML_NOT_SUPPORTED);
	assert_int_equal(a->GpuInstanceGetComputeInstanceRemainingCapacity(gi, 2, &n), NVML_SUCCESS);
	assert_int_equal(n, 1);
	assert_int_equal(a->GpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	assert_int_equal(a->GpuInstanceCreateComputeInstance(gi, 0, &same), NVML_INSUFFICIENT_RESOURCES);
	assert_int_equal(a->GpuInstanceGetComputeInstances(gi, 2, all, &n), NVML_SUCCESS);
	assert_int_equal(n, 1);
	assert_int_equal(a->GpuInstanceGetComputeInstanceById(gi, 0, &same), NVML_SUCCESS);
	assert_ptr_equal(same, ci);
	assert_int_equal(a->ComputeInstanceGetInfo(ci, &info), NVML_SUCCESS);
	assert_ptr_equal(info.device, f->gpu);
	assert_ptr_equal(info.gi, gi);
	assert_int_equal(info.id, 0);
	assert_int_equal(info.profile_id, 2);
	assert_int_equal(info.placement.start, 0);
	assert_int_equal(info.placement.size, f->is_old ? 0 : 3);
	return ci;
}

/* The way up and down with the errors on it. */
static void test_instances(void **state)
{
	const struct fixture *f = *state;
	const struct nvml_api *a = f->api;
	struct nvml_gi_info info = {0};
	nvml_gi gi = NULL, all[8];
	nvml_ci ci;
	unsigned n = 0, current = 9, pending = 9;
	nvml_return activation = 99;

	assert_int_equal(a->DeviceGetMigMode(f->gpu, &current, &pending), NVML_SUCCESS);
	assert_int_equal(current | pending, 0);
	assert_int_equal(a->DeviceGetMaxMigDeviceCount(f->gpu, &n), NVML_SUCCESS);
	assert_int_equal(n, 0);
	assert_int_equal(a->DeviceCreateGpuInstance(f->gpu, 9, &gi), NVML_NOT_SUPPORTED);
	assert_int_equal(a->DeviceSetMigMode(f->gpu, 1, &activation), NVML_SUCCESS);
	assert_int_equal(activation, NVML_SUCCESS);
	gi = make_half(f);
	assert_int_equal(a->GpuInstanceGetInfo(gi, &info), NVML_SUCCESS);
	assert_ptr_equal(info.device, f->gpu);
	assert_int_equal(info.profile_id, 9);
	assert_int_equal(info.placement.start, 4);
	assert_int_equal(info.placement.size, 4);
	assert_in_range(info.id, 1, 2);
	assert_int_equal(a->DeviceGetGpuInstances(f->gpu, 9, all, &n), NVML_SUCCESS);
	assert_int_equal(n, 1);
	assert_ptr_equal(all[0], gi);
	assert_int_equal(a->DeviceGetGpuInstanceById(f->gpu, 14, &all[1]), NVML_NOT_FOUND);
	assert_int_equal(a->DeviceGetGpuInstanceById(f->gpu, info.id, &all[1]), NVML_SUCCESS);
	assert_ptr_equal(all[1], gi);
	assert_int_equal(a->DeviceGetGpuInstanceRemainingCapacity(f->gpu, 19, &n), NVML_SUCCESS);
	assert_int_equal(n, 4);
	assert_int_equal(a->DeviceCreateGpuInstance(f->gpu, 0, &all[1]), NVML_INSUFFICIENT_RESOURCES);
	ci = make_compute(f, gi);
	check_mig_device(f, info.id);
	assert_int_equal(a->DeviceSetMigMode(f->gpu, 0, &activation), NVML_SUCCESS);
	assert_int_equal(activation, NVML_IN_USE);
	assert_int_equal(a->GpuInstanceDestroy(gi), NVML_IN_USE);
	assert_int_equal(a->ComputeInstanceDestroy(ci), NVML_SUCCESS);
	assert_int_equal(a->GpuInstanceDestroy(gi), NVML_SUCCESS);
	assert_int_equal(a->DeviceSetMigMode(f->gpu, 0, &activation), NVML_SUCCESS);
	assert_int_equal(activation, NVML_SUCCESS);
}

static void test_shutdown(void **state)
{
	const struct fixture *f = *state;
	unsigned n;

	assert_int_equal(f->api->Shutdown(), NVML_SUCCESS);
	assert_int_equal(f->api->DeviceGetCount(&n), NVML_UNINITIALIZED);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(nvml_return_name(NVML_SUCCESS), "SUCCESS");
	assert_string_equal(nvml_return_name(NVML_IN_USE), "IN_USE");
	assert_string_equal(nvml_return_name(NVML_INSUFFICIENT_RESOURCES), "INSUFFICIENT_RESOURCES");
	assert_string_equal(nvml_return_name(30), "RESET_TYPE_NOT_SUPPORTED");
	assert_string_equal(nvml_return_name(NVML_UNKNOWN), "UNKNOWN");
	assert_string_equal(nvml_return_name(77), "error 77");
}

int main(int argc, char **argv)
{
	static struct fixture f;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_load, &f),
		cmocka_unit_test_prestate(test_optional, &f),
		cmocka_unit_test_prestate(test_board, &f),
		cmocka_unit_test_prestate(test_newer_calls, &f),
		cmocka_unit_test_prestate(test_telemetry, &f),
		cmocka_unit_test_prestate(test_profiles, &f),
		cmocka_unit_test_prestate(test_instances, &f),
		cmocka_unit_test_prestate(test_shutdown, &f),
		cmocka_unit_test(test_names),
	};
	const char *path = getenv("LD_LIBRARY_PATH");

	if (argc < 2) {
		fprintf(stderr, "usage: %s DIR [old]\n", argv[0]);
		return 2;
	}
	/* The loader reads the variable once, at start. */
	if (!path || strcmp(path, argv[1]) != 0) {
		setenv("LD_LIBRARY_PATH", argv[1], 1);
		execv("/proc/self/exe", argv);
		return 1;
	}
	f.is_old = argc > 2 && strcmp(argv[2], "old") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
