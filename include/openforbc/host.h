/* SPDX-License-Identifier: MIT */
/* The host as a whole: what is missing, and the buttons of an emulated one. */
#pragma once

#include "openforbc/partition.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum ofbc_finding_level { OFBC_FINDING_OK, OFBC_FINDING_NOTE, OFBC_FINDING_MISSING };

struct ofbc_finding {
	const char *technology; /* static, or "host" */
	enum ofbc_finding_level level;
	char gpu[64]; /* id, or "" */
	char message[256];
	char fix[256]; /* exact command, "" when there is none */
};

struct ofbc_finding_list {
	struct ofbc_finding *v;
	size_t n, cap;
};

/**
 * ofbc_host_doctor() - what each technology needs and whether it is there
 * @ctx: library context
 * @ret: set on success; free with ofbc_finding_list_free()
 * @err: optional details on failure
 *
 * Return: 0 or -errno. Reads only.
 * Since: 0.1
 */
int ofbc_host_doctor(struct ofbc_context *ctx, struct ofbc_finding_list **ret, struct ofbc_error *err);

/**
 * ofbc_finding_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_finding_list_free(struct ofbc_finding_list *list);

/**
 * ofbc_host_names() - names of the emulated hosts that this program brings
 * @ret: set on success to a NULL-terminated array; free with ofbc_env_free()
 * @err: optional details on failure
 *
 * Return: 0; -ENOMEM.
 * Since: 0.1
 */
int ofbc_host_names(char ***ret, struct ofbc_error *err);

/**
 * ofbc_host_capture() - the host as a text that an emulated host can be made of
 * @ctx: library context
 * @ret: set on success; free() it
 * @err: optional details on failure
 *
 * GPUs and their functions, IOMMU groups, processors, and what NVML tells of boards and MIG profiles.
 * Without serial numbers; UUIDs are replaced. vGPU types are not in it.
 *
 * Return: 0 or -errno. Reads only; what needs root and is not readable is left out.
 * Since: 0.1
 */
int ofbc_host_capture(struct ofbc_context *ctx, char **ret, struct ofbc_error *err);

/**
 * ofbc_host_reboot() - reboot an emulated host: everything that real hardware forgets is gone
 * @ctx: library context of an emulated host
 * @err: optional details on failure
 *
 * Return: 0; -ENOTSUP on a real host; -EBUSY while a process holds a partition.
 * Since: 0.1
 */
int ofbc_host_reboot(struct ofbc_context *ctx, struct ofbc_error *err);

/**
 * ofbc_host_hold() - pretend on an emulated host that somebody opened a partition
 * @ctx:  library context of an emulated host
 * @spec: partition
 * @name: command name of the pretended process
 * @pid:  its process id, or 0 to let go everything @name holds there
 * @err:  optional details on failure
 *
 * Return: 0; -ENOTSUP on a real host; -ENOENT.
 * Since: 0.1
 */
int ofbc_host_hold(struct ofbc_context *ctx, const char *spec, const char *name, int pid,
                   struct ofbc_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
