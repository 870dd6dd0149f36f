/* SPDX-License-Identifier: MIT */
/* Sets of sensors: kinds, reading by call, counters over their wrap. */
#include "bench/sensor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "bench/sensor_parts.h"

const struct sensor_kind sensor_kinds[SENSOR_QUANTITIES] = {
	[SENSOR_ENERGY] = {.key = "energy_uj", .title = "Energy", .form = SENSOR_COUNTER},
	[SENSOR_POWER] = {.key = "power_mw", .title = "Power"},
	[SENSOR_POWER_AVERAGE] = {.key = "power_average_mw", .title = "Power, averaged by the board"},
	[SENSOR_CLOCK] = {.key = "clock_mhz", .title = "Clock of the processors"},
	[SENSOR_CLOCK_MEMORY] = {.key = "clock_memory_mhz", .title = "Clock of the memory"},
	[SENSOR_TEMPERATURE] = {.key = "temperature_mc", .title = "Temperature"},
	[SENSOR_TEMPERATURE_MEMORY] = {.key = "temperature_memory_mc", .title = "Temperature of the memory"},
	[SENSOR_THROTTLE] = {.key = "throttle", .title = "Limits of the clocks", .form = SENSOR_FLAGS},
	[SENSOR_BUSY] = {.key = "busy_permille", .title = "Time with work"},
	[SENSOR_MEMORY_BUSY] = {.key = "memory_busy_permille", .title = "Time with transfers of memory"},
	[SENSOR_MEMORY_USED] = {.key = "memory_used_bytes", .title = "Memory of the board in use"},
	[SENSOR_SM_ACTIVE] = {.key = "sm_active_permille", .title = "Multiprocessors with work"},
	[SENSOR_SM_OCCUPANCY] = {.key = "sm_occupancy_permille", .title = "Occupancy of multiprocessors"},
	[SENSOR_TENSOR_ACTIVE] = {.key = "tensor_active_permille", .title = "Tensor units with work"},
	[SENSOR_DRAM_ACTIVE] = {.key = "dram_active_permille", .title = "Bandwidth of the memory in use"},
	[SENSOR_CPU_TIME] = {.key = "cpu_time_us", .title = "Processor time", .form = SENSOR_COUNTER},
	[SENSOR_CPU_THROTTLED] = {.key = "cpu_throttled_us",
                                  .title = "Time without quota",
                                  .form = SENSOR_COUNTER},
	[SENSOR_MEMORY_RESIDENT] = {.key = "memory_resident_bytes", .title = "Memory resident"},
	[SENSOR_MEMORY_PROPORTIONAL] = {.key = "memory_proportional_bytes",
                                        .title = "Memory, shared divided"},
	[SENSOR_MEMORY_PEAK] = {.key = "memory_peak_bytes", .title = "Memory at most"},
};

struct counter {
	bool has_last;
	uint64_t last, total;
};

struct sensor_set {
	struct platform *p;
	struct sensor_list {
		struct sensor *v;
		size_t n, cap;
	} sensors;
	struct counter_list {
		struct counter *v;
		size_t n, cap;
	} counters; /* of each sensor */
	struct reader_list {
		struct sensor_reader *v;
		size_t n, cap;
	} readers;
	struct strv notes;
	const struct nvml_api *nvml;
	bool is_nvml_tried;
};

int sensor_set_new(struct platform *p, struct sensor_set **ret)
{
	struct sensor_set *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->p = p;
	*ret = s;
	return 0;
}

void sensor_set_free(struct sensor_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->readers.n; i++)
		sensor_gpm_done(&s->readers.v[i]);
	if (s->nvml)
		(void)s->nvml->Shutdown();
	strv_done(&s->notes);
	free(s->readers.v);
	free(s->counters.v);
	free(s->sensors.v);
	free(s);
}

void sensor_note(struct sensor_set *s, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!strv_contains(&s->notes, text))
		(void)strv_add(&s->notes, text);
}

const struct nvml_api *sensor_nvml(struct sensor_set *s)
{
	struct ofbc_error err = {0};
	const struct nvml_api *api;
	nvml_return n;

	if (s->is_nvml_tried)
		return s->nvml;
	s->is_nvml_tried = true;
	if (s->p->ops->nvml(s->p, &api, &err) < 0) {
		sensor_note(s, "nvml: %s", err.message);
		return NULL;
	}
	n = api->Init();
	if (n != NVML_SUCCESS) {
		sensor_note(s, "nvml: %s", nvml_return_name(n));
		return NULL;
	}
	s->nvml = api;
	return api;
}

/* --- building --- */

static int add_sensor(struct sensor_set *s, struct sensor_reader *r, unsigned give)
{
	struct sensor *x = list_add(&s->sensors);

	if (!x)
		return -ENOMEM;
	if (!list_add(&s->counters)) {
		s->sensors.n--;
		return -ENOMEM;
	}
	x->quantity = r->gives[give];
	x->pace = r->pace;
	x->reader = (unsigned)s->readers.n;
	text_copy(x->device, sizeof(x->device), r->device);
	text_copy(x->source, sizeof(x->source), r->source);
	r->sensors[give] = (int)s->sensors.n - 1;
	return 0;
}

int sensor_reader_add(struct sensor_set *s, const struct sensor_reader *r)
{
	struct sensor_reading v[SENSOR_GIVES] = {0};
	struct sensor_reader own = *r, *place;
	bool is_any = r->gap_ns > 0;

	own.read(s->p, &own, v);
	for (unsigned i = 0; i < own.n; i++)
		is_any = is_any || v[i].is_known;
	if (!is_any)
		return 0;
	for (unsigned i = 0; i < own.n; i++) {
		own.sensors[i] = -1;
		if ((v[i].is_known || own.gap_ns) && add_sensor(s, &own, i) < 0)
			return -ENOMEM;
	}
	place = list_add(&s->readers);
	if (!place)
		return -ENOMEM;
	*place = own;
	return 1;
}

size_t sensor_count(const struct sensor_set *s)
{
	return s->sensors.n;
}

const struct sensor *sensor_at(const struct sensor_set *s, size_t i)
{
	return &s->sensors.v[i];
}

struct platform *sensor_platform(const struct sensor_set *s)
{
	return s->p;
}

const struct strv *sensor_notes(const struct sensor_set *s)
{
	return &s->notes;
}

int sensor_find(const struct sensor_set *s, enum sensor_quantity quantity, const char *device)
{
	for (size_t i = 0; i < s->sensors.n; i++) {
		const struct sensor *x = &s->sensors.v[i];

		if (x->quantity == quantity && (!device || strcmp(x->device, device) == 0))
			return (int)i;
	}
	return -ENOENT;
}

/* --- reading --- */

static void count(struct sensor_set *s, size_t i, uint64_t wraps_at, struct sensor_reading *v)
{
	struct counter *c = &s->counters.v[i];
	uint64_t now = (uint64_t)v->value, d;

	if (!c->has_last || counter_difference(c->last, now, wraps_at, &d) < 0) {
		s->sensors.v[i].resets += c->has_last;
		d = 0;
	}
	c->has_last = true;
	c->last = now;
	c->total += d;
	v->value = (int64_t)c->total;
}

static void read_reader(struct sensor_set *s, struct sensor_reader *r, struct sensor_reading *ret)
{
	struct sensor_reading v[SENSOR_GIVES] = {0};

	r->read(s->p, r, v);
	for (unsigned i = 0; i < r->n; i++) {
		int at = r->sensors[i];

		if (at < 0 || !v[i].is_known)
			continue;
		if (sensor_kinds[r->gives[i]].form == SENSOR_COUNTER)
			count(s, (size_t)at, r->wraps_at, &v[i]);
		ret[at] = v[i];
	}
}

void sensor_read(struct sensor_set *s, unsigned paces, struct sensor_reading *ret)
{
	memset(ret, 0, s->sensors.n * sizeof(*ret));
	for (size_t i = 0; i < s->readers.n; i++) {
		if (paces & (1u << s->readers.v[i].pace))
			read_reader(s, &s->readers.v[i], ret);
	}
}

void sensor_read_one(struct sensor_set *s, size_t i, struct sensor_reading *ret)
{
	struct sensor_reader *r = &s->readers.v[s->sensors.v[i].reader];
	struct sensor_reading v[SENSOR_GIVES] = {0};

	*ret = (struct sensor_reading){0};
	r->read(s->p, r, v);
	for (unsigned k = 0; k < r->n; k++) {
		if (r->sensors[k] != (int)i || !v[k].is_known)
			continue;
		if (sensor_kinds[r->gives[k]].form == SENSOR_COUNTER)
			count(s, i, r->wraps_at, &v[k]);
		*ret = v[k];
	}
}

size_t sensor_readers(const struct sensor_set *s)
{
	return s->readers.n;
}

void sensor_measure(struct sensor_set *s, unsigned reader, struct sensor_cost *ret)
{
	struct platform *p = s->p;

	*ret = (struct sensor_cost){.reader = reader, .cpu_ns = UINT64_MAX, .wall_ns = UINT64_MAX};
	for (int i = 0; i < 3; i++) {
		struct sensor_reading v[SENSOR_GIVES] = {0};
		uint64_t wall, cpu;

		if (s->readers.v[reader].gap_ns)
			p->ops->sleep_until_ns(p, p->ops->now_ns(p) + s->readers.v[reader].gap_ns);
		wall = p->ops->now_ns(p);
		cpu = p->ops->thread_cpu_ns(p);
		s->readers.v[reader].read(p, &s->readers.v[reader], v);
		cpu = p->ops->thread_cpu_ns(p) - cpu;
		wall = p->ops->now_ns(p) - wall;
		ret->cpu_ns = cpu < ret->cpu_ns ? cpu : ret->cpu_ns;
		ret->wall_ns = wall < ret->wall_ns ? wall : ret->wall_ns;
	}
}

enum sensor_pace sensor_pace_of(const struct sensor_set *s, unsigned reader)
{
	return s->readers.v[reader].pace;
}

bool sensor_wraps(const struct sensor_set *s, unsigned reader)
{
	return s->readers.v[reader].wraps_at != 0;
}

void sensor_set_pace(struct sensor_set *s, unsigned reader, enum sensor_pace pace)
{
	s->readers.v[reader].pace = pace;
	for (size_t i = 0; i < s->sensors.n; i++) {
		if (s->sensors.v[i].reader == reader)
			s->sensors.v[i].pace = pace;
	}
}

/* --- boards --- */

int sensor_add_gpu(struct sensor_set *s, const char *pci_address, unsigned flags, struct ofbc_error *err)
{
	size_t before = s->sensors.n;
	int r;

	if (!sysfs_exists(s->p, "sys/bus/pci/devices/%s", pci_address))
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "there is no PCI device '%s'",
		                 pci_address);
	r = sensor_nvml_add(s, pci_address, flags);
	if (r >= 0)
		r = sensor_files_add(s, pci_address);
	if (r < 0)
		return error_set_errno(err, -r, "sensors of GPU %s", pci_address);
	return (int)(s->sensors.n - before);
}

int sensor_add_gpu_instance(struct sensor_set *s, const char *pci_address, unsigned gi,
                            struct ofbc_error *err)
{
	const struct nvml_api *api = sensor_nvml(s);
	size_t before = s->sensors.n;
	nvml_device gpu;
	char device[64];
	int r;

	if (!api || api->DeviceGetHandleByPciBusId(pci_address, &gpu) != NVML_SUCCESS)
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "NVML knows no GPU '%s'", pci_address);
	snprintf(device, sizeof(device), "%s:gi%u", pci_address, gi);
	r = sensor_gpm_add(s, api, gpu, device, gi);
	if (r < 0)
		return error_set_errno(err, -r, "sensors of GPU instance %u", gi);
	return (int)(s->sensors.n - before);
}
