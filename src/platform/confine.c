/* SPDX-License-Identifier: MIT */
/* A control group of its own for one program, which can open only certain device nodes. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "platform/device_rules.h"
#include "platform/linux.h"

#define NAME "openforbc-run-" /* and the pid of the program that waits */

/* Where version 2 is: alone, or beside version 1 as systemd mounts it for a transition. */
static const char *mount_point(struct platform *p)
{
	static const char *const points[] = {"sys/fs/cgroup", "sys/fs/cgroup/unified"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		snprintf(path, sizeof(path), "%s/cgroup.controllers", points[i]);
		if (p->ops->exists(p, path))
			return points[i];
	}
	return NULL;
}

/* The group that we are in: below it the program keeps our limits, and ends with our service. */
static int own_group(struct platform *p, char *buf, size_t size)
{
	const char *point = mount_point(p), *own = "", *line;
	char text[8192];

	if (!point)
		return -ENOTSUP;
	if (p->ops->read(p, "proc/self/cgroup", text, sizeof(text)) > 0) {
		for (line = text; line && strncmp(line, "0::", 3) != 0; line += line != NULL)
			line = strchr(line, '\n');
		own = line ? line + 3 : "";
	}
	/* "/" is the mount itself; "/.." is above the part of the tree that we can see */
	if (strcmp(own, "/") == 0 || strncmp(own, "/..", 3) == 0)
		own = "";
	return (size_t)snprintf(buf, size, "%s%.*s", point, (int)strcspn(own, "\n"), own) < size
	               ? 0
	               : -ENAMETOOLONG;
}

static int rule_of(struct platform *p, const struct device_access *d, struct device_rule *ret)
{
	_cleanup_close_ int fd = linux_open(linux_of(p), d->path + 1, O_PATH, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	*ret = (struct device_rule){
		.major = major(st.st_rdev), .minor = minor(st.st_rdev), .is_read_only = d->is_read_only};
	return 0;
}

/* Groups whose program left a daemon behind could not be removed when it ended. */
static void remove_left(struct platform *p, const char *group, int group_fd)
{
	_cleanup_strv_ struct strv names = {0};

	(void)p->ops->list(p, group, &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *pid = names.v[i] + sizeof(NAME) - 1;

		if (strncmp(names.v[i], NAME, sizeof(NAME) - 1) == 0 && isdigit((unsigned char)*pid) &&
		    kill((pid_t)strtol(pid, NULL, 10), 0) < 0 && errno == ESRCH)
			(void)unlinkat(group_fd, names.v[i], AT_REMOVEDIR);
	}
}

int linux_confine(struct platform *p, const struct device_access *devices, size_t n,
                  char cgroup[SYSFS_PATH_MAX])
{
	_cleanup_close_ int group_fd = -1, fd = -1;
	_cleanup_free_ struct bpf_insn *program = malloc(DEVICE_PROGRAM_MAX * sizeof(*program));
	struct device_rule rules[DEVICE_RULES_MAX];
	char group[SYSFS_PATH_MAX - 64], name[64];
	int r = linux_of(p)->is_real ? own_group(p, group, sizeof(group)) : -ENOTSUP;

	if (r < 0)
		return r;
	if (!p->privileged)
		return -EPERM;
	if (!program || n > DEVICE_RULES_MAX)
		return program ? -E2BIG : -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = rule_of(p, &devices[i], &rules[i]);
	if (r < 0)
		return r;
	group_fd = linux_open(linux_of(p), group, O_RDONLY | O_DIRECTORY, 0);
	if (group_fd < 0)
		return group_fd;
	remove_left(p, group, group_fd);
	snprintf(name, sizeof(name), NAME "%d", (int)getpid());
	if (mkdirat(group_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	snprintf(cgroup, SYSFS_PATH_MAX, "%s/%s", group, name);
	fd = openat(group_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : device_program_attach(fd, program, device_program(rules, n, program));
	if (r < 0)
		(void)unlinkat(group_fd, name, AT_REMOVEDIR);
	return r;
}

void linux_unconfine(struct platform *p, const char *cgroup)
{
	_cleanup_close_ int fd = -1;
	const char *slash = strrchr(cgroup, '/');
	char group[SYSFS_PATH_MAX];

	if (!slash || strncmp(slash + 1, NAME, sizeof(NAME) - 1) != 0)
		return;
	snprintf(group, sizeof(group), "%.*s", (int)(slash - cgroup), cgroup);
	fd = linux_open(linux_of(p), group, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0)
		(void)unlinkat(fd, slash + 1, AT_REMOVEDIR);
}
