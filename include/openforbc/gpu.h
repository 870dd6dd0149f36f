/* SPDX-License-Identifier: MIT */
/* GPUs of a host and what each can be cut into. All sizes are bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openforbc/context.h"
#include "openforbc/error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define OFBC_MAX_TECHNOLOGIES 8
#define OFBC_MAX_PLACEMENTS   128

/* READY: partitions can be made now. OFF: a mode must be switched on first (the reason says how).
 * UNAVAILABLE: the reason says why not. */
enum ofbc_technology_state { OFBC_TECHNOLOGY_UNAVAILABLE, OFBC_TECHNOLOGY_OFF, OFBC_TECHNOLOGY_READY };

struct ofbc_technology {
	const char *name; /* static: "mig", "vgpu", ... */
	enum ofbc_technology_state state;
	char reason[256];
};

/**
 * struct ofbc_gpu - one physical device, as seen at one instant
 *
 * A snapshot: strings are empty and numbers 0 when unknown.
 * Since: 0.1
 */
struct ofbc_gpu {
	char id[64];     /* PCI address; name of the parent device when it is not on PCI; "cpu" */
	char alias[64];  /* "h200-0" */
	char uuid[64];   /* vendor's UUID, "GPU-..." */
	char vendor[16]; /* "nvidia", "amd", "intel", other: the hex id */
	char model[96];
	char driver[64]; /* "nvidia 580.159.04" */
	uint64_t memory_bytes;
	bool emulated;
	bool is_cpu;      /* the processor of the host, the only member of technology "cpu" */
	bool cordoned;    /* no new partitions here */
	unsigned n_slots; /* grid of the most detailed technology; 0: no grid */
	struct ofbc_technology technologies[OFBC_MAX_TECHNOLOGIES];
	size_t n_technologies;
	/* For the library's own layers; stable within one list only. */
	uint32_t pci_vendor, pci_device, pci_class;
	char kernel_driver[32]; /* bound driver, "" when none */
	int index;              /* position in the list */
};

struct ofbc_gpu_list {
	struct ofbc_gpu *v;
	size_t n, cap;
};

struct ofbc_placement {
	unsigned start; /* first slot */
	unsigned size;  /* slots; 0: no placement */
};

enum ofbc_isolation { OFBC_ISOLATION_NONE, OFBC_ISOLATION_SHARED, OFBC_ISOLATION_SOFT, OFBC_ISOLATION_HARD };

#define OFBC_MAX_COUNTERS 24

/**
 * struct ofbc_type - something that can be made on one GPU
 *
 * Since: 0.1
 */
struct ofbc_type {
	char gpu[64];           /* id of the GPU */
	char key[96];           /* "mig:1g.18gb", "mps:25%"; a parametric type shows its pattern: "mps:NN%" */
	char title[96];         /* the vendor's own name, when it differs */
	const char *technology; /* static */
	double compute_share;   /* 0..1; 0 unknown */
	uint64_t memory_bytes;
	unsigned free;        /* more of this type alone that fit now, by our model */
	unsigned max;         /* on an empty GPU */
	bool has_driver_free; /* the driver gave its own number ... */
	unsigned driver_free; /* ... which is this; a difference is reported */
	struct ofbc_placement placements[OFBC_MAX_PLACEMENTS]; /* all legal ones, by start */
	size_t n_placements;                                   /* 0: no grid */
	char group[32]; /* types of different groups exclude each other on one GPU; "" = none */
	unsigned draws[OFBC_MAX_COUNTERS]; /* taken from the GPU's counters (struct capacity) */
	bool is_parametric;
	unsigned param_min, param_max;         /* of NN in the key's pattern */
	unsigned unit_count;                   /* >1: that many partitions appear and vanish together */
	enum ofbc_isolation isolation_memory;  /* none, soft (limit, same address space or pool), hard */
	enum ofbc_isolation isolation_compute; /* none, shared (time-sliced or capped), hard */
	bool isolation_faults;                 /* a fault of one partition leaves the others running */
	bool has_display;
	bool can_migrate;
	char why_not[256]; /* why it cannot be created now; empty when it can */
	/* For backends. */
	uint32_t native_id; /* profile or type id */
	uint32_t native_aux;
	char native[128];
};

struct ofbc_type_list {
	struct ofbc_type *v;
	size_t n, cap;
};

/**
 * ofbc_gpu_list() - GPUs of the host
 * @ctx: library context
 * @ret: set on success; free with ofbc_gpu_list_free()
 * @err: optional details on failure
 *
 * Reads only. Opens one NVML session when an NVIDIA driver is bound to a GPU (about 10 ms).
 *
 * Return: 0 or -errno; an empty list is success.
 * Since: 0.1
 */
int ofbc_gpu_list(struct ofbc_context *ctx, struct ofbc_gpu_list **ret, struct ofbc_error *err);

/**
 * ofbc_gpu_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_gpu_list_free(struct ofbc_gpu_list *list);

/**
 * ofbc_gpu_find() - one GPU by any spelling
 * @list: from ofbc_gpu_list()
 * @spec: PCI address in any form, UUID, alias, index, or a unique prefix of one of them
 * @ret:  set on success to an element of @list
 * @err:  optional details on failure; names the nearest valid spelling
 *
 * Return: 0; -ENODEV none; -EEXIST several match.
 * Since: 0.1
 */
int ofbc_gpu_find(const struct ofbc_gpu_list *list, const char *spec, const struct ofbc_gpu **ret,
                  struct ofbc_error *err);

enum ofbc_mode_flags {
	OFBC_MODE_RESET = 1 << 0, /* the caller accepts a reset of this GPU */
};

/**
 * ofbc_gpu_enable() - switch a technology on for one GPU (MIG mode, virtual functions)
 * @ctx:        library context
 * @gpu:        any spelling
 * @technology: "mig", "vgpu", "sriov", ...; NAME=VALUE selects a variant ("vgpu=mixed")
 * @flags:      enum ofbc_mode_flags
 * @err:        optional details on failure
 *
 * Needs root and an idle GPU. Takes up to 30 s on hardware. Idempotent.
 *
 * Return: 0 done; 1 nothing to do; -EBUSY held, the message says by whom; -ENOTSUP; -EPERM.
 * Since: 0.1
 */
int ofbc_gpu_enable(struct ofbc_context *ctx, const char *gpu, const char *technology, unsigned flags,
                    struct ofbc_error *err);

/**
 * ofbc_gpu_disable() - switch a technology off; refused while partitions of it exist
 * @ctx:        library context
 * @gpu:        any spelling
 * @technology: as for ofbc_gpu_enable()
 * @flags:      enum ofbc_mode_flags
 * @err:        optional details on failure
 *
 * Needs root. Takes up to 30 s on hardware. Idempotent.
 *
 * Return: 0 done; 1 nothing to do; -EBUSY; -ENOTSUP; -EPERM.
 * Since: 0.1
 */
int ofbc_gpu_disable(struct ofbc_context *ctx, const char *gpu, const char *technology, unsigned flags,
                     struct ofbc_error *err);

/**
 * ofbc_gpu_cordon() - allow or forbid new partitions on a GPU
 * @ctx:      library context
 * @gpu:      any spelling
 * @cordoned: true: no new partitions
 * @err:      optional details on failure
 *
 * Return: 0 done; 1 was so already; -errno.
 * Since: 0.1
 */
int ofbc_gpu_cordon(struct ofbc_context *ctx, const char *gpu, bool cordoned, struct ofbc_error *err);

/**
 * ofbc_type_list() - types of one GPU or of all
 * @ctx:        library context
 * @gpu:        any spelling, or NULL for all
 * @technology: only this one, or NULL
 * @ret:        set on success; free with ofbc_type_list_free()
 * @err:        optional details on failure
 *
 * Return: 0 or -errno.
 * Since: 0.1
 */
int ofbc_type_list(struct ofbc_context *ctx, const char *gpu, const char *technology,
                   struct ofbc_type_list **ret, struct ofbc_error *err);

/**
 * ofbc_type_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_type_list_free(struct ofbc_type_list *list);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
