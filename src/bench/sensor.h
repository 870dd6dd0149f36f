/* SPDX-License-Identifier: MIT */
/*
 * What can be read of a board, the processors, a process or a control group while something is measured. A
 * set holds the sensors that answered when it was made; a reading that fails is unknown, never zero.
 * Everything is read through the doors of the platform.
 *
 * Energy and power are those of a whole board or processor package. Nothing measures them for a partition.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openforbc/error.h"

struct platform;
struct sensor_set;
struct strv;

enum sensor_quantity {
	SENSOR_ENERGY, /* counter */
	SENSOR_POWER,  /* now, as far as the board tells */
	SENSOR_POWER_AVERAGE,
	SENSOR_CLOCK,
	SENSOR_CLOCK_MEMORY,
	SENSOR_TEMPERATURE,
	SENSOR_TEMPERATURE_MEMORY,
	SENSOR_THROTTLE, /* THROTTLE_* */
	SENSOR_BUSY,     /* share of time with anything running; says nothing of how much of the board */
	SENSOR_MEMORY_BUSY,
	SENSOR_MEMORY_USED,
	SENSOR_SM_ACTIVE, /* profiling counters */
	SENSOR_SM_OCCUPANCY,
	SENSOR_TENSOR_ACTIVE,
	SENSOR_DRAM_ACTIVE,
	SENSOR_CPU_TIME,      /* counter */
	SENSOR_CPU_THROTTLED, /* counter: time a control group waited for its quota */
	SENSOR_MEMORY_RESIDENT,
	SENSOR_MEMORY_PROPORTIONAL,
	SENSOR_MEMORY_PEAK,
	SENSOR_QUANTITIES
};

enum sensor_form { SENSOR_GAUGE, SENSOR_COUNTER, SENSOR_FLAGS };

/* How often one is worth reading. */
enum sensor_pace {
	SENSOR_FAST, /* with each sample */
	SENSOR_SLOW, /* once a second: counters, what changes slowly, what is dear */
	SENSOR_EDGE, /* where a phase begins and ends */
	SENSOR_PACES
};
#define SENSOR_ALL_PACES ((1u << SENSOR_PACES) - 1)

struct sensor_kind {
	const char *key; /* with its unit: "power_mw" */
	const char *title;
	enum sensor_form form;
};
extern const struct sensor_kind sensor_kinds[SENSOR_QUANTITIES];

/* What limits the clocks, whoever made the board. */
enum {
	THROTTLE_IDLE = 1,    /* nothing to do */
	THROTTLE_SETTING = 2, /* somebody set them lower */
	THROTTLE_POWER = 4,   /* the power cap; part of sharing a board */
	THROTTLE_THERMAL = 8, /* spoils a measurement */
	THROTTLE_OTHER = 16,
};
unsigned throttle_of_nvml(uint64_t reasons);
const char *throttle_name(unsigned flags); /* "thermal", "power", "other", "none": the worst of them */

struct sensor {
	enum sensor_quantity quantity;
	enum sensor_pace pace;
	char device[64]; /* "0000:41:00.0", "cpu:package-0", "process:17", "cgroup:openforbc/a" */
	char source[24]; /* "nvml", "hwmon:amdgpu", "rapl", "proc", "cgroup" */
	unsigned reader; /* sensors with the same number come by one call */
	unsigned resets; /* counter: how often it stepped backwards */
};

struct sensor_reading {
	int64_t value;
	bool is_known;
};

int sensor_set_new(struct platform *p, struct sensor_set **ret);
void sensor_set_free(struct sensor_set *s);

static inline void sensor_set_free_p(struct sensor_set **s)
{
	sensor_set_free(*s);
}
#define _cleanup_sensors_     __attribute__((cleanup(sensor_set_free_p)))

/* Finding sensors: the number found, which may be 0; -ENODEV no such thing; -ENOMEM. */
#define SENSOR_WITH_PROFILING 1u /* also counters whose reading may cost the board power and time */
int sensor_add_gpu(struct sensor_set *s, const char *pci_address, unsigned flags, struct ofbc_error *err);
int sensor_add_gpu_instance(struct sensor_set *s, const char *pci_address, unsigned gi,
                            struct ofbc_error *err);
int sensor_add_cpu(struct sensor_set *s);
int sensor_add_process(struct sensor_set *s, int pid);
int sensor_add_cgroup(struct sensor_set *s, const char *path); /* below sys/fs/cgroup/ */

size_t sensor_count(const struct sensor_set *s);
const struct sensor *sensor_at(const struct sensor_set *s, size_t i);
struct platform *sensor_platform(const struct sensor_set *s);
/* Number of a quantity; device NULL: of any. -ENOENT. */
int sensor_find(const struct sensor_set *s, enum sensor_quantity quantity, const char *device);
/* Why something that one would expect is not there: "rapl: Permission denied". */
const struct strv *sensor_notes(const struct sensor_set *s);

/*
 * Reads what has one of the paces (a mask of 1 << pace) into ret, which has room for all sensors; the others
 * are unknown. Counters count from their first reading on and go over their wrap, if they are read at least
 * once a turn; after a step backwards, `resets` has grown and they go on from there.
 */
void sensor_read(struct sensor_set *s, unsigned paces, struct sensor_reading *ret);
void sensor_read_one(struct sensor_set *s, size_t i, struct sensor_reading *ret);

/* A call to the host, and what it costs: the least of three. */
struct sensor_cost {
	unsigned reader;
	uint64_t cpu_ns, wall_ns;
};
size_t sensor_readers(const struct sensor_set *s);
void sensor_measure(struct sensor_set *s, unsigned reader, struct sensor_cost *ret);
enum sensor_pace sensor_pace_of(const struct sensor_set *s, unsigned reader);
void sensor_set_pace(struct sensor_set *s, unsigned reader, enum sensor_pace pace);
bool sensor_wraps(const struct sensor_set *s, unsigned reader); /* has to be read now and then */

/* --- pure --- */

/* How far a counter went from a to b; wraps_at 0: it never wraps. -ERANGE: it stepped backwards. */
int counter_difference(uint64_t a, uint64_t b, uint64_t wraps_at, uint64_t *ret);

/* Texts of the kernel: 0; -EINVAL when it is not what it should be. */
int sensor_parse_stat(const char *text, uint64_t *ret_us); /* proc/PID/stat: time of user and system */
int sensor_parse_cpu(const char *text, uint64_t *ret_us);  /* proc/stat: busy time of all processors */
int sensor_parse_keyed(const char *text, const char *key,
                       uint64_t *ret); /* "key value" or "key:  value kB" */
/* amdgpu's binary gpu_metrics: the energy counter. -ENODATA: this board has none. */
int sensor_parse_amd(const char *data, size_t len, uint64_t *ret_uj);
