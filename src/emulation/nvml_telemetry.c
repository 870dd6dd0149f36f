/* SPDX-License-Identifier: MIT */
/*
 * What an emulated board draws and does, by a stated model of its load: who holds the board's node loads all
 * of it, who holds a MIG device loads the share of multiprocessors of that device's GPU instance, and more
 * than everything is not possible. Power is a tenth of the board's when idle and grows with the load in a
 * line; the energy counter is its integral since this process began, seen in steps of 100 ms. No heat, no
 * throttling.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "emulation/nvml_parts.h"

#define TICK_NS         100000000u
#define IDLE_SHARE      0.1
#define CLOCK_IDLE_MHZ  345u
#define CLOCK_MHZ       1980u
#define CLOCK_MEM_MHZ   2619u
#define IDLE_CELSIUS    30u
#define LOAD_CELSIUS    40u /* more at full load */
#define HOPPER          9u
#define RIPPLE_MJ       97u
#define MAX_BOARDS      256
#define MAX_GPM_SAMPLES 64

/* Integral of the power of each board. */
static struct {
	const struct machine *of;
	struct {
		uint64_t tick; /* of the clock; 0: not looked at yet */
		double joule, watt;
	} v[MAX_BOARDS];
} energy;

static struct {
	bool is_used;
	double load;
} gpm_samples[MAX_GPM_SAMPLES];

/* Share of the board's multiprocessors that the GPU instance has whose MIG device this is; 0: not of here. */
static double mig_share(const char *bdf, const char *uuid)
{
	double sms = (double)gpu_number(bdf, "sm_count", 0);
	struct gi gis[MAX_GI];
	unsigned n = read_gis(bdf, gis);

	for (unsigned i = 0; i < n && sms > 0; i++) {
		_cleanup_strv_ struct strv cis = {0};
		struct gi_profile p;
		char dir[128];

		snprintf(dir, sizeof(dir), ".emu/gpu/%s/mig/gi/%u/ci", bdf, gis[i].id);
		if (tree_list(&nvml_machine->tree, dir, &cis) < 0)
			continue;
		for (size_t k = 0; k < cis.n; k++) {
			const char *line = tree_get(&nvml_machine->tree, "%s/%s", dir, cis.v[k]);

			if (line && strstr(line, uuid) && profile_by_id(bdf, gis[i].profile_id, &p))
				return (double)p.sms / sms;
		}
	}
	return 0;
}

/* 0 to 1 */
static double load_of(const char *bdf)
{
	static const char mig[] = "/dev/emulated/";
	char node[64];
	double sum = 0;

	snprintf(node, sizeof(node), "/dev/nvidia%lu", gpu_number(bdf, "minor", 0));
	for (size_t i = 0; i < nvml_machine->tree.n; i++) {
		struct hold h;

		if (!hold_at(nvml_machine, i, &h) || !hold_is_alive(&h))
			continue;
		if (strcmp(h.node, node) == 0)
			sum += 1;
		else if (strncmp(h.node, mig, sizeof(mig) - 1) == 0)
			sum += mig_share(bdf, h.node + sizeof(mig) - 1);
	}
	return sum < 1 ? sum : 1;
}

static double watt_at(const char *bdf, double load)
{
	double board = (double)gpu_number(bdf, "power_w", NVML_TELEMETRY_BOARD_POWER_W);

	return board * (IDLE_SHARE + (1 - IDLE_SHARE) * load);
}

static nvml_return open_gpu(nvml_device d, const char *call, struct handle *ret)
{
	nvml_return r = handle_open(d, HANDLE_GPU, ret);
	unsigned code = 0;

	if (r == NVML_SUCCESS && fault_hit(nvml_machine, call, false, &code) < 0)
		r = code ? code : NVML_UNKNOWN;
	return r;
}

static nvml_return get_energy(nvml_device d, uint64_t *ret)
{
	struct platform *p = &nvml_machine->base;
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetTotalEnergyConsumption", &h);
	uint64_t tick = p->ops->now_ns(p) / TICK_NS;

	if (r)
		return r;
	if (energy.of != nvml_machine)
		memset(&energy, 0, sizeof(energy));
	energy.of = nvml_machine;
	if (energy.v[h.gpu].tick)
		energy.v[h.gpu].joule +=
			energy.v[h.gpu].watt * (double)(tick - energy.v[h.gpu].tick) * (TICK_NS / 1e9);
	energy.v[h.gpu].tick = tick;
	energy.v[h.gpu].watt = watt_at(h.bdf, load_of(h.bdf));
	/* A load is never so steady that all steps are the same. */
	*ret = (uint64_t)(energy.v[h.gpu].joule * 1000 + 0.5) + tick * 7919 % RIPPLE_MJ;
	return NVML_SUCCESS;
}

static nvml_return get_power(nvml_device d, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetPowerUsage", &h);

	if (r == NVML_SUCCESS)
		*ret = (unsigned)(watt_at(h.bdf, load_of(h.bdf)) * 1000);
	return r;
}

nvml_return nvml_telemetry_field(const char *bdf, unsigned field, uint32_t *ret)
{
	if (field != NVML_FIELD_POWER_AVERAGE && field != NVML_FIELD_POWER_INSTANT)
		return NVML_NOT_SUPPORTED;
	*ret = (uint32_t)(watt_at(bdf, load_of(bdf)) * 1000);
	return NVML_SUCCESS;
}

static nvml_return get_power_limit(nvml_device d, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetEnforcedPowerLimit", &h);

	if (r == NVML_SUCCESS)
		*ret = (unsigned)(watt_at(h.bdf, 1) * 1000);
	return r;
}

static nvml_return get_clock(nvml_device d, unsigned type, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetClockInfo", &h);

	if (r)
		return r;
	if (type > NVML_CLOCK_MEMORY)
		return NVML_INVALID_ARGUMENT;
	*ret = type == NVML_CLOCK_MEMORY ? CLOCK_MEM_MHZ : load_of(h.bdf) > 0 ? CLOCK_MHZ : CLOCK_IDLE_MHZ;
	return NVML_SUCCESS;
}

static nvml_return get_max_clock(nvml_device d, unsigned type, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetMaxClockInfo", &h);

	if (r == NVML_SUCCESS)
		*ret = type == NVML_CLOCK_MEMORY ? CLOCK_MEM_MHZ : CLOCK_MHZ;
	return r;
}

static nvml_return get_temperature(nvml_device d, unsigned sensor, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetTemperature", &h);

	if (r)
		return r;
	if (sensor != 0)
		return NVML_INVALID_ARGUMENT;
	*ret = IDLE_CELSIUS + (unsigned)(load_of(h.bdf) * LOAD_CELSIUS);
	return NVML_SUCCESS;
}

static nvml_return get_reasons(nvml_device d, uint64_t *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetCurrentClocksEventReasons", &h);

	if (r == NVML_SUCCESS)
		*ret = load_of(h.bdf) > 0 ? 0 : NVML_CLOCKS_IDLE;
	return r;
}

static nvml_return get_utilization(nvml_device d, struct nvml_utilization *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetUtilizationRates", &h);
	double load;

	if (r)
		return r;
	if (gpu_number(h.bdf, "mig/mode", 0))
		return NVML_NOT_SUPPORTED;
	load = load_of(h.bdf);
	*ret = (struct nvml_utilization){.gpu = (uint32_t)(load * 100), .memory = (uint32_t)(load * 50)};
	return NVML_SUCCESS;
}

static nvml_return get_vbios(nvml_device d, char *buf, unsigned size)
{
	static const char text[] = "EM.UL.AT.ED.00";
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetVbiosVersion", &h);

	if (r)
		return r;
	if (size < sizeof(text))
		return NVML_INSUFFICIENT_SIZE;
	memcpy(buf, text, sizeof(text));
	return NVML_SUCCESS;
}

static nvml_return get_persistence(nvml_device d, unsigned *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:DeviceGetPersistenceMode", &h);

	if (r == NVML_SUCCESS)
		*ret = 1;
	return r;
}

/* --- GPM: from Hopper on --- */

static nvml_return gpm_support(nvml_device d, struct nvml_gpm_support *ret)
{
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:GpmQueryDeviceSupport", &h);

	if (r == NVML_SUCCESS)
		ret->is_supported = gpu_number(h.bdf, "architecture", 0) >= HOPPER;
	return r;
}

static nvml_return gpm_alloc(nvml_gpm_sample *ret)
{
	for (size_t i = 0; i < MAX_GPM_SAMPLES; i++) {
		if (gpm_samples[i].is_used)
			continue;
		gpm_samples[i].is_used = true;
		*ret = &gpm_samples[i];
		return NVML_SUCCESS;
	}
	return NVML_MEMORY;
}

static nvml_return gpm_free(nvml_gpm_sample s)
{
	__typeof__(&gpm_samples[0]) sample = s;

	sample->is_used = false;
	return NVML_SUCCESS;
}

static nvml_return gpm_get(nvml_device d, nvml_gpm_sample s)
{
	__typeof__(&gpm_samples[0]) sample = s;
	struct handle h;
	nvml_return r = open_gpu(d, "nvml:GpmSampleGet", &h);

	if (r)
		return r;
	if (gpu_number(h.bdf, "architecture", 0) < HOPPER)
		return NVML_NOT_SUPPORTED;
	sample->load = load_of(h.bdf);
	return NVML_SUCCESS;
}

/* A GPU instance works when somebody holds a MIG device in it. */
static nvml_return gpm_get_mig(nvml_device d, unsigned gi, nvml_gpm_sample s)
{
	__typeof__(&gpm_samples[0]) sample = s;
	_cleanup_strv_ struct strv cis = {0};
	struct handle h;
	char dir[128];
	nvml_return r = open_gpu(d, "nvml:GpmMigSampleGet", &h);

	if (r)
		return r;
	snprintf(dir, sizeof(dir), ".emu/gpu/%s/mig/gi/%u/ci", h.bdf, gi);
	if (!tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u", h.bdf, gi))
		return NVML_NOT_FOUND;
	sample->load = 0;
	(void)tree_list(&nvml_machine->tree, dir, &cis);
	for (size_t i = 0; i < cis.n; i++) {
		char line[128], uuid[64], node[96];

		snprintf(line, sizeof(line), "%s", tree_get(&nvml_machine->tree, "%s/%s", dir, cis.v[i]));
		if (!word_at(line, " ", 3, uuid, sizeof(uuid)))
			continue;
		snprintf(node, sizeof(node), "/dev/emulated/%s", uuid);
		if (machine_is_held(nvml_machine, node))
			sample->load = 1;
	}
	return NVML_SUCCESS;
}

static nvml_return gpm_metrics(struct nvml_gpm_metrics *m)
{
	__typeof__(&gpm_samples[0]) to = m->to;

	if (m->version != 1)
		return NVML_ARGUMENT_VERSION_MISMATCH;
	for (uint32_t i = 0; i < m->n && i < NVML_GPM_METRICS_MAX; i++) {
		bool is_known = m->v[i].id <= NVML_GPM_OCCUPANCY;

		m->v[i].ret = is_known ? NVML_SUCCESS : NVML_NOT_SUPPORTED;
		m->v[i].value = is_known ? to->load * 100 : 0;
	}
	return NVML_SUCCESS;
}

void nvml_telemetry_init(struct nvml_api *api)
{
	api->DeviceGetTotalEnergyConsumption = get_energy;
	api->DeviceGetPowerUsage = get_power;
	api->DeviceGetEnforcedPowerLimit = get_power_limit;
	api->DeviceGetClockInfo = get_clock;
	api->DeviceGetMaxClockInfo = get_max_clock;
	api->DeviceGetTemperature = get_temperature;
	api->DeviceGetCurrentClocksEventReasons = get_reasons;
	api->DeviceGetUtilizationRates = get_utilization;
	api->DeviceGetVbiosVersion = get_vbios;
	api->DeviceGetPersistenceMode = get_persistence;
	api->GpmQueryDeviceSupport = gpm_support;
	api->GpmSampleAlloc = gpm_alloc;
	api->GpmSampleFree = gpm_free;
	api->GpmSampleGet = gpm_get;
	api->GpmMigSampleGet = gpm_get_mig;
	api->GpmMetricsGet = gpm_metrics;
}
