/* SPDX-License-Identifier: MIT */
/*
 * Inside the emulated NVML. A handle is a number in the clothes of a pointer: kind, GPU, GI and CI. A handle
 * whose object is gone answers NOT_FOUND, as a stale handle of the real library may.
 */
#pragma once

#include "emulation/parts.h"

enum handle_kind { HANDLE_GPU = 1, HANDLE_GI, HANDLE_CI, HANDLE_MIG };

struct handle {
	enum handle_kind kind;
	unsigned gpu, gi, ci;
	char bdf[16];
};

/* One GI profile of a board. */
struct gi_profile {
	char name[40];
	unsigned index, id, slices, instances, sms, engines[5]; /* copy, decoders, encoders, jpeg, ofa */
	unsigned long memory_mib;
	struct nvml_placement placements[32];
	unsigned n_placements;
};

#define MAX_GI 16
struct gi {
	unsigned id, profile_id, n_cis;
	struct nvml_placement at;
};

extern struct machine *nvml_machine; /* calls of the C API carry no context: one machine a process */

void *handle_make(enum handle_kind kind, unsigned gpu, unsigned gi, unsigned ci);
nvml_return handle_open(void *h, enum handle_kind kind, struct handle *ret); /* refreshes, too */

bool read_profile(const char *bdf, unsigned index, struct gi_profile *ret);
bool profile_by_id(const char *bdf, unsigned id, struct gi_profile *ret);
unsigned read_gis(const char *bdf, struct gi ret[MAX_GI]);
bool gi_profile_fits(const char *bdf, const struct gi_profile *p,
                     const struct nvml_placement *at); /* at NULL: anywhere */
unsigned long gpu_number(const char *bdf, const char *key, unsigned long fallback);

/* Before and after each call: latency, faults, death. */
#define FAULT_BEFORE(name)                                                                                   \
	do {                                                                                                 \
		unsigned code_ = 0;                                                                          \
		if (fault_hit(nvml_machine, "nvml:" name, false, &code_) < 0)                                \
			return code_ ? code_ : NVML_UNKNOWN;                                                 \
	} while (0)
#define FAULT_AFTER(name)                                                                                    \
	do {                                                                                                 \
		unsigned code_ = 0;                                                                          \
		if (fault_hit(nvml_machine, "nvml:" name, true, &code_) < 0)                                 \
			return code_ ? code_ : NVML_UNKNOWN;                                                 \
	} while (0)

/* nvml_telemetry.c: power, energy, clocks, use of a board by a stated model of its load. */
#define NVML_TELEMETRY_BOARD_POWER_W 300u /* of a model that says none */
void nvml_telemetry_init(struct nvml_api *api);
nvml_return nvml_telemetry_field(const char *bdf, unsigned field, uint32_t *ret);

void nvml_mig_init(struct nvml_api *api);
void nvml_vgpu_init(struct nvml_api *api);
bool nvml_vgpu_inside(const char *bdf, unsigned gi); /* a vGPU lives in this GPU instance */
int nvml_vgpu_build(struct machine *m, const char *bdf, const struct json *model);
