/* SPDX-License-Identifier: MIT */
/* Partitions: made parts of a GPU, who owns them and who uses them. */
#pragma once

#include "openforbc/gpu.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum ofbc_partition_state {
	OFBC_PARTITION_READY, /* exists, nobody uses it */
	OFBC_PARTITION_IN_USE,
	OFBC_PARTITION_LOST,       /* recorded as ours, but the device is gone */
	OFBC_PARTITION_UNKNOWN,    /* exists; whether it is used could not be read */
	OFBC_PARTITION_INCOMPLETE, /* exists, but a part is missing that its user would need */
	OFBC_PARTITION_RESERVED,   /* nobody uses it, but a guest that does not run is defined with it */
};

struct ofbc_holder {
	char kind[16];     /* "process", "service", "guest", "container", "kernel", "partition" */
	char name[64];     /* command or unit name */
	int pid;           /* 0 unknown */
	char release[192]; /* command that frees the device, "" when there is no general one */
	bool is_idle;      /* a guest that is defined with it, and does not run */
};

struct ofbc_holder_list {
	struct ofbc_holder *v;
	size_t n, cap;
	bool incomplete; /* some processes could not be looked into */
};

/**
 * struct ofbc_partition - one partition, as seen at one instant
 *
 * Since: 0.1
 */
struct ofbc_partition {
	char uuid[37];          /* ours; equal to the device's own where it takes one */
	char name[64];          /* operator's, may be empty */
	char gpu[32];           /* id */
	char type[64];          /* type key */
	const char *technology; /* static; NULL for a record of a technology this build lacks */
	struct ofbc_placement placement;
	uint64_t memory_bytes; /* limit or size; 0 unknown */
	enum ofbc_partition_state state;
	bool is_ours;
	char handle[96]; /* what a user of the device needs: "MIG-...", mdev UUID, VF address, ... */
	char device[96]; /* key that finds the device again; only the backend reads it */
	struct ofbc_holder_list holders;
	/* For backends. */
	uint32_t native_id, native_aux;
};

struct ofbc_partition_list {
	struct ofbc_partition *v;
	size_t n, cap;
	char note[256]; /* what could not be looked at, so that states are unknown; "": nothing */
};

/**
 * ofbc_partition_list() - partitions, ours and foreign
 * @ctx: library context
 * @gpu: any spelling, or NULL for all
 * @ret: set on success; free with ofbc_partition_list_free()
 * @err: optional details on failure
 *
 * Reads only. Looks for holders in /proc; without root other users' are unknown.
 *
 * Return: 0 or -errno.
 * Since: 0.1
 */
int ofbc_partition_list(struct ofbc_context *ctx, const char *gpu, struct ofbc_partition_list **ret,
                        struct ofbc_error *err);

/**
 * ofbc_partition_list_free() - release a list and its holders
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_partition_list_free(struct ofbc_partition_list *list);

/**
 * ofbc_partition_find() - one partition by UUID, name, handle, or unique prefix
 * @list: from ofbc_partition_list()
 * @spec: what the user typed
 * @ret:  set on success to an element of @list
 * @err:  optional details on failure
 *
 * Return: 0; -ENOENT none; -EEXIST several match.
 * Since: 0.1
 */
int ofbc_partition_find(const struct ofbc_partition_list *list, const char *spec,
                        const struct ofbc_partition **ret, struct ofbc_error *err);

/**
 * struct ofbc_create_request - what to make; zero-initialise
 *
 * Either @type, or a need: @memory_bytes and/or @compute_share.
 * Since: 0.1
 */
struct ofbc_create_request {
	const char *gpu;        /* any spelling; NULL: chosen by @spread */
	const char *type;       /* key or unambiguous bare name */
	const char *technology; /* restrict a need to one technology */
	const char *name;       /* for the first; "-2", "-3" ... is appended to the others */
	const char *uuid;      /* of the partition, and of its device where that takes one; NULL: a new one */
	unsigned count;        /* 0 means 1 */
	int placement;         /* first slot, or -1 */
	uint64_t memory_bytes; /* need, or memory limit of a parametric type */
	double compute_share;  /* need, 0..1 */
	enum ofbc_isolation isolation; /* need: at least this for memory and compute */
	bool spread;                   /* choose the emptiest GPU instead of the fullest */
};

/**
 * ofbc_partition_create() - make partitions
 * @ctx:     library context
 * @request: what
 * @ret:     set on success to the new partitions; free with ofbc_partition_list_free()
 * @err:     optional details on failure
 *
 * All or nothing: when the third of four fails the first two are destroyed again. Needs root for
 * hardware. Takes up to 10 s per partition.
 *
 * Return: 0; -ENOSPC no capacity; -EBUSY held; -EINVAL; -ENODEV; -ENOTSUP; -EPERM.
 * Since: 0.1
 */
int ofbc_partition_create(struct ofbc_context *ctx, const struct ofbc_create_request *request,
                          struct ofbc_partition_list **ret, struct ofbc_error *err);

enum ofbc_destroy_flags {
	OFBC_DESTROY_FOREIGN = 1 << 0, /* may also destroy what others made */
	OFBC_DESTROY_ALL = 1 << 1,     /* all of ours (and foreign ones with the flag above) */
};

/**
 * ofbc_partition_destroy() - destroy partitions; refuses all when one is in use
 * @ctx:   library context
 * @specs: UUIDs, names or prefixes
 * @n:     number of @specs
 * @flags: enum ofbc_destroy_flags
 * @ret:   optional; set on success to what was destroyed
 * @err:   optional details on failure; names holders and what frees them
 *
 * Never kills a holder. A lost partition is forgotten. Takes up to 10 s per partition.
 *
 * Return: 0; -EBUSY; -ENOENT; -EPERM foreign without the flag, or not root.
 * Since: 0.1
 */
int ofbc_partition_destroy(struct ofbc_context *ctx, const char *const *specs, size_t n, unsigned flags,
                           struct ofbc_partition_list **ret, struct ofbc_error *err);

/**
 * ofbc_partition_adopt() - take a foreign partition into our care
 * @ctx:  library context
 * @spec: UUID, handle or prefix
 * @name: optional name
 * @err:  optional details on failure
 *
 * Return: 0 done; 1 was ours already; -ENOENT.
 * Since: 0.1
 */
int ofbc_partition_adopt(struct ofbc_context *ctx, const char *spec, const char *name,
                         struct ofbc_error *err);

/**
 * ofbc_partition_env() - environment for a process that shall use the partition
 * @ctx:  library context
 * @spec: UUID, name or prefix
 * @ret:  set on success to a NULL-terminated array of "NAME=value"; free with ofbc_env_free()
 * @err:  optional details on failure
 *
 * Return: 0; -ENOENT; -ENOTSUP a process cannot use this technology.
 * Since: 0.1
 */
int ofbc_partition_env(struct ofbc_context *ctx, const char *spec, char ***ret, struct ofbc_error *err);

/**
 * ofbc_env_free() - release an environment
 * @env: may be NULL
 *
 * Since: 0.1
 */
void ofbc_env_free(char **env);

/* Device nodes that a program can open while it runs on a partition. */
enum ofbc_run_devices {
	OFBC_RUN_OWN_IF_POSSIBLE, /* the partition's and the usual pseudo devices, when we may and can do that
	                           */
	OFBC_RUN_OWN_DEVICES,     /* ... or do not run it */
	OFBC_RUN_ALL_DEVICES,     /* all that its user can */
};

/**
 * struct ofbc_run_request - a program for a partition; zero-initialise
 *
 * Since: 0.1
 */
struct ofbc_run_request {
	const char *partition; /* UUID, name or prefix */
	char *const *argv;     /* NULL-terminated, argv[0] searched in PATH */
	enum ofbc_run_devices devices;
	void (*note)(void *data,
	             const char *text); /* optional: why it can open all devices; before it starts */
	void *data;
};

/**
 * ofbc_partition_run() - run a program on a partition and wait for it
 * @ctx:        library context
 * @request:    what
 * @ret_status: set on success to the exit status, 128 + signal when it was killed
 * @err:        optional details on failure
 *
 * It gets the environment of the partition; choices among devices that we were started with are not handed
 * on. Closing other device nodes to it needs root and control groups of version 2, as a rule for all its
 * children. Signals of the terminal reach the program. Blocks as long as it runs.
 *
 * Return: 0; -ENOENT; -ENOTSUP; -EPERM; -errno of starting it.
 * Since: 0.1
 */
int ofbc_partition_run(struct ofbc_context *ctx, const struct ofbc_run_request *request, int *ret_status,
                       struct ofbc_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
