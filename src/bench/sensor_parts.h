/* SPDX-License-Identifier: MIT */
/* Inside the sensors: one reader is one call to the host, which may answer for several sensors. */
#pragma once

#include "base/strv.h"
#include "bench/sensor.h"
#include "platform/nvml.h"
#include "platform/platform.h"

#define SENSOR_GIVES 4

struct sensor_reader {
	/* Fills ret[n]; what it leaves is unknown. */
	void (*read)(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret);
	enum sensor_quantity gives[SENSOR_GIVES];
	unsigned n;
	enum sensor_pace pace;
	/* Readings are differences over this time at least: the first one says nothing, so that all that is
	 * given is believed to be there. 0: no such thing. */
	uint64_t gap_ns;
	uint64_t wraps_at;
	char device[64], source[24];
	/* of files */
	char path[256];
	int64_t mul, div;
	/* of NVML */
	const struct nvml_api *nvml;
	nvml_device gpu;
	unsigned gi; /* NVML_NONE: the whole board */
	nvml_gpm_sample gpm[2];
	uint64_t gpm_at_ns; /* of gpm[0]; 0: none yet */
	/* the set's own */
	int sensors[SENSOR_GIVES]; /* -1: did not answer */
};

/* 1: a sensor answered and the reader was added; 0: none did; -ENOMEM. */
int sensor_reader_add(struct sensor_set *s, const struct sensor_reader *r);
void sensor_note(struct sensor_set *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The library with a session of the set's, or NULL. */
const struct nvml_api *sensor_nvml(struct sensor_set *s);

/* sensor_nvml.c */
int sensor_nvml_add(struct sensor_set *s, const char *pci_address, unsigned flags);
int sensor_gpm_add(struct sensor_set *s, const struct nvml_api *api, nvml_device gpu, const char *device,
                   unsigned gi);
void sensor_gpm_done(struct sensor_reader *r);
/* sensor_files.c */
int sensor_files_add(struct sensor_set *s, const char *pci_address);
