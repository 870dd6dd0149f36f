/* SPDX-License-Identifier: MIT */
/* Shared by the files that implement the real host. */
#pragma once

#include "platform/platform.h"

struct linux_platform {
	struct platform base; /* first */
	int root_fd;
	bool is_real; /* root is "/": programs and NVML belong to it */
};

static inline struct linux_platform *linux_of(struct platform *p)
{
	return (struct linux_platform *)p;
}

int linux_open(const struct linux_platform *l, const char *path, int flags, unsigned mode); /* fd or -errno */
int linux_run(struct platform *p, const struct command *cmd, struct command_result *ret);
int linux_spawn(struct platform *p, char *const argv[], const char *const *env, const char *cgroup,
                const char *cpus, int *ret_status);
int linux_open_devices(struct platform *p, struct open_device_list *ret);
/* Starts argv on this machine for `partition run`; used by the emulation, too. before_wait may be NULL. */
int spawn_here(char *const argv[], const char *const *env, int cgroup_fd, const char *cpus,
               void (*before_wait)(void *data, int pid), void *data, int *ret_status);
