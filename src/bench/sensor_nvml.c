/* SPDX-License-Identifier: MIT */
/* Sensors that NVML reads. A call that the library lacks or the board refuses is a sensor less. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/sensor_parts.h"

#define AMPERE         7u
#define GPM_GAP_NS     100000000u /* between two samples, at least */
#define VALUE_DOUBLE   0u
#define VALUE_U64      3u
#define VALUE_U64_LONG 2u
#define MILLI          1000

static void set(struct sensor_reading *ret, uint64_t value)
{
	*ret = (struct sensor_reading){.value = (int64_t)value, .is_known = value <= INT64_MAX};
}

static void read_energy(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	uint64_t mj;

	(void)p;
	if (r->nvml->DeviceGetTotalEnergyConsumption(r->gpu, &mj) == NVML_SUCCESS && mj < INT64_MAX / MILLI)
		set(&ret[0], mj * MILLI);
}

static uint64_t field_number(const struct nvml_field_value *f)
{
	if (f->value_type == VALUE_DOUBLE)
		return f->value.d > 0 && f->value.d < 1e15 ? (uint64_t)f->value.d : 0;
	return f->value_type == VALUE_U64 || f->value_type == VALUE_U64_LONG ? f->value.u64 : f->value.u32;
}

/* Power now and on average, and the memory's temperature, by one call. */
static void read_fields(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	struct nvml_field_value f[] = {{.field_id = NVML_FIELD_POWER_INSTANT},
	                               {.field_id = NVML_FIELD_POWER_AVERAGE},
	                               {.field_id = NVML_FIELD_MEMORY_TEMPERATURE}};

	(void)p;
	if (r->nvml->DeviceGetFieldValues(r->gpu, ARRAY_SIZE(f), f) != NVML_SUCCESS)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
		uint64_t v = field_number(&f[i]);

		/* a board without the sensor says 0 of its memory, and success */
		if (f[i].ret == NVML_SUCCESS && (i < 2 || v > 0))
			set(&ret[i], i < 2 ? v : v * MILLI);
	}
}

static void read_power(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	unsigned mw;

	(void)p;
	if (r->nvml->DeviceGetPowerUsage(r->gpu, &mw) == NVML_SUCCESS)
		set(&ret[0], mw);
}

static void read_clock(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	unsigned mhz, type = r->gives[0] == SENSOR_CLOCK ? NVML_CLOCK_SM : NVML_CLOCK_MEMORY;

	(void)p;
	if (r->nvml->DeviceGetClockInfo(r->gpu, type, &mhz) == NVML_SUCCESS)
		set(&ret[0], mhz);
}

static void read_temperature(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	unsigned celsius;

	(void)p;
	if (r->nvml->DeviceGetTemperature(r->gpu, 0, &celsius) == NVML_SUCCESS)
		set(&ret[0], (uint64_t)celsius * MILLI);
}

static void read_throttle(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	uint64_t reasons;

	(void)p;
	if (r->nvml->DeviceGetCurrentClocksEventReasons(r->gpu, &reasons) == NVML_SUCCESS)
		set(&ret[0], throttle_of_nvml(reasons));
}

static void read_utilization(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	struct nvml_utilization u;

	(void)p;
	if (r->nvml->DeviceGetUtilizationRates(r->gpu, &u) != NVML_SUCCESS)
		return;
	set(&ret[0], (uint64_t)u.gpu * 10);
	set(&ret[1], (uint64_t)u.memory * 10);
}

static void read_memory(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	struct nvml_memory m;

	(void)p;
	if (r->nvml->DeviceGetMemoryInfo(r->gpu, &m) == NVML_SUCCESS)
		set(&ret[0], m.used);
}

/* --- GPM: differences of two samples, at least 100 ms apart --- */

static const unsigned gpm_ids[SENSOR_GIVES] = {NVML_GPM_SM, NVML_GPM_OCCUPANCY, NVML_GPM_TENSOR,
                                               NVML_GPM_DRAM};

static bool gpm_take(const struct sensor_reader *r, nvml_gpm_sample s)
{
	return (r->gi == NVML_NONE ? r->nvml->GpmSampleGet(r->gpu, s)
	                           : r->nvml->GpmMigSampleGet(r->gpu, r->gi, s)) == NVML_SUCCESS;
}

static void read_gpm(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	static _Thread_local struct nvml_gpm_metrics m;
	uint64_t now = p->ops->now_ns(p);
	nvml_gpm_sample newest = r->gpm[1];

	if (r->gpm_at_ns && now - r->gpm_at_ns < GPM_GAP_NS)
		return;
	if (!gpm_take(r, newest))
		return;
	memset(&m, 0, sizeof(m));
	m.version = 1;
	m.n = r->n;
	m.from = r->gpm[0];
	m.to = newest;
	for (unsigned i = 0; i < r->n; i++)
		m.v[i].id = gpm_ids[i];
	if (r->gpm_at_ns && r->nvml->GpmMetricsGet(&m) == NVML_SUCCESS) {
		for (unsigned i = 0; i < r->n; i++) {
			if (m.v[i].ret == NVML_SUCCESS && m.v[i].value >= 0 && m.v[i].value <= 100)
				set(&ret[i], (uint64_t)(m.v[i].value * 10 + 0.5));
		}
	}
	r->gpm[1] = r->gpm[0];
	r->gpm[0] = newest;
	r->gpm_at_ns = now;
}

void sensor_gpm_done(struct sensor_reader *r)
{
	for (int i = 0; i < 2; i++) {
		if (r->gpm[i])
			(void)r->nvml->GpmSampleFree(r->gpm[i]);
		r->gpm[i] = NULL;
	}
}

int sensor_gpm_add(struct sensor_set *s, const struct nvml_api *api, nvml_device gpu, const char *device,
                   unsigned gi)
{
	struct nvml_gpm_support support = {.version = 1};
	struct sensor_reader r = {
		.read = read_gpm,
		.gives = {SENSOR_SM_ACTIVE, SENSOR_SM_OCCUPANCY, SENSOR_TENSOR_ACTIVE, SENSOR_DRAM_ACTIVE},
		.n = SENSOR_GIVES,
		.pace = SENSOR_SLOW,
		.gap_ns = GPM_GAP_NS,
		.source = "gpm",
		.nvml = api,
		.gpu = gpu,
		.gi = gi,
	};
	int n;

	if (!api->GpmQueryDeviceSupport || !api->GpmSampleAlloc || !api->GpmSampleFree ||
	    !api->GpmSampleGet || !api->GpmMetricsGet || (gi != NVML_NONE && !api->GpmMigSampleGet) ||
	    api->GpmQueryDeviceSupport(gpu, &support) != NVML_SUCCESS || !support.is_supported) {
		sensor_note(s, "gpm: not on this board or driver");
		return 0;
	}
	text_copy(r.device, sizeof(r.device), device);
	n = api->GpmSampleAlloc(&r.gpm[0]) == NVML_SUCCESS && api->GpmSampleAlloc(&r.gpm[1]) == NVML_SUCCESS
	            ? sensor_reader_add(s, &r)
	            : 0;
	if (n <= 0)
		sensor_gpm_done(&r);
	return n;
}

/* --- a board --- */

/* On GA100 and older the plain call is the power of now, on all others an average over a second. */
static bool is_power_instant(const struct nvml_api *api, nvml_device gpu)
{
	unsigned architecture = 0;
	int major = 0, minor = 0;

	if (!api->DeviceGetArchitecture || api->DeviceGetArchitecture(gpu, &architecture) != NVML_SUCCESS)
		return false;
	if (architecture < AMPERE)
		return true;
	return architecture == AMPERE && api->DeviceGetCudaComputeCapability &&
	       api->DeviceGetCudaComputeCapability(gpu, &major, &minor) == NVML_SUCCESS && major == 8 &&
	       minor == 0;
}

static int add_power(struct sensor_set *s, struct sensor_reader *r)
{
	int n = 0;

	r->pace = SENSOR_FAST;
	if (r->nvml->DeviceGetFieldValues) {
		r->read = read_fields;
		r->n = 3;
		r->gives[0] = SENSOR_POWER;
		r->gives[1] = SENSOR_POWER_AVERAGE;
		r->gives[2] = SENSOR_TEMPERATURE_MEMORY;
		n = sensor_reader_add(s, r);
	}
	if (n < 0 || sensor_find(s, SENSOR_POWER, r->device) >= 0 ||
	    sensor_find(s, SENSOR_POWER_AVERAGE, r->device) >= 0 || !r->nvml->DeviceGetPowerUsage)
		return n;
	r->read = read_power;
	r->n = 1;
	r->gives[0] = is_power_instant(r->nvml, r->gpu) ? SENSOR_POWER : SENSOR_POWER_AVERAGE;
	return sensor_reader_add(s, r);
}

int sensor_nvml_add(struct sensor_set *s, const char *pci_address, unsigned flags)
{
	struct sensor_reader r = {.source = "nvml", .gi = NVML_NONE};
	struct pci_function f;
	const struct nvml_api *api;
	int n;

	if (pci_read(sensor_platform(s), pci_address, &f) < 0 || f.vendor != 0x10de)
		return 0;
	api = sensor_nvml(s);
	if (!api)
		return 0;
	if (api->DeviceGetHandleByPciBusId(pci_address, &r.gpu) != NVML_SUCCESS) {
		sensor_note(s, "nvml: does not know %s", pci_address);
		return 0;
	}
	r.nvml = api;
	text_copy(r.device, sizeof(r.device), pci_address);
	n = add_power(s, &r);
	if (n < 0)
		return n;

	const struct {
		bool is_there;
		void (*read)(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret);
		enum sensor_quantity gives[2];
		unsigned n;
		enum sensor_pace pace;
	} calls[] = {
		{api->DeviceGetTotalEnergyConsumption != NULL, read_energy, {SENSOR_ENERGY}, 1, SENSOR_SLOW},
		{api->DeviceGetClockInfo != NULL, read_clock, {SENSOR_CLOCK}, 1, SENSOR_FAST},
		{api->DeviceGetClockInfo != NULL, read_clock, {SENSOR_CLOCK_MEMORY}, 1, SENSOR_SLOW},
		{api->DeviceGetTemperature != NULL, read_temperature, {SENSOR_TEMPERATURE}, 1, SENSOR_SLOW},
		{api->DeviceGetCurrentClocksEventReasons != NULL,
	         read_throttle,
	         {SENSOR_THROTTLE},
	         1,
	         SENSOR_FAST},
		{api->DeviceGetUtilizationRates != NULL,
	         read_utilization,
	         {SENSOR_BUSY, SENSOR_MEMORY_BUSY},
	         2,
	         SENSOR_FAST},
		{api->DeviceGetMemoryInfo != NULL, read_memory, {SENSOR_MEMORY_USED}, 1, SENSOR_FAST},
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!calls[i].is_there)
			continue;
		r.read = calls[i].read;
		r.n = calls[i].n;
		r.pace = calls[i].pace;
		memcpy(r.gives, calls[i].gives, sizeof(calls[i].gives));
		n = sensor_reader_add(s, &r);
		if (n < 0)
			return n;
	}
	return flags & SENSOR_WITH_PROFILING ? sensor_gpm_add(s, api, r.gpu, pci_address, NVML_NONE) : 0;
}
