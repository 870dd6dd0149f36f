/* SPDX-License-Identifier: MIT */
/* Shared by the files that implement the real host. */
#pragma once

#include <sched.h>
#include <time.h>

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

/* What is left until then, for ppoll(); nothing when that has passed. */
static inline struct timespec time_left(uint64_t until_ns, uint64_t now_ns)
{
	uint64_t left = until_ns > now_ns ? until_ns - now_ns : 0;

	return (struct timespec){(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
}

int linux_open(const struct linux_platform *l, const char *path, int flags, unsigned mode); /* fd or -errno */
int linux_run(struct platform *p, const struct command *cmd, struct command_result *ret);
int linux_spawn(struct platform *p, const struct spawn *s, int *ret_status);
int linux_confine(struct platform *p, const struct device_access *devices, size_t n,
                  char cgroup[SYSFS_PATH_MAX]);
void linux_unconfine(struct platform *p, const char *cgroup);
int linux_open_devices(struct platform *p, struct open_device_list *ret);
/* Starts it on this machine; cgroup_fd: open cgroup.procs, or -1. */
int spawn_here(const struct spawn *s, int cgroup_fd, int *ret_status);

/* Pieces of exec.c, for instance.c. The environment borrows its strings; free() the array. */
char **exec_environment(const char *const *env, const char *const *drop);
int exec_cpus(const char *s, cpu_set_t *ret); /* "0-3,6": 0; -EINVAL */
/* In a child: the reason goes to the parent by a close-on-exec pipe, which it reads with exec_error(): 0 or
 * -errno. */
void exec_fail(int error_fd, int e) __attribute__((noreturn));
void exec_child(char *const argv[], char *const env[], int error_fd) __attribute__((noreturn));
int exec_program(char *const argv[], char *const env[]); /* returns only with -errno */
int exec_error(int fd);

/* orphans.c: ends every child that is not one of ours, and says how many there were. */
unsigned kill_children_but(bool (*is_ours)(const void *data, pid_t pid), const void *data);
