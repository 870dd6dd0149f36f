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

#define PARENT "openforbc" /* beside those of processor partitions */
#define PREFIX "run-"      /* and the pid of the program that waits */

/* Where version 2 is: alone, or beside version 1 as systemd mounts it for a transition. */
static const char *cgroup_root(struct platform *p)
{
	static const char *const roots[] = {"sys/fs/cgroup", "sys/fs/cgroup/unified"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		snprintf(path, sizeof(path), "%s/cgroup.controllers", roots[i]);
		if (p->ops->exists(p, path))
			return roots[i];
	}
	return NULL;
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
static void remove_left(struct platform *p, const char *root, int root_fd)
{
	_cleanup_strv_ struct strv names = {0};
	char path[300];

	snprintf(path, sizeof(path), "%s/" PARENT, root);
	(void)p->ops->list(p, path, &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *pid = names.v[i] + sizeof(PREFIX) - 1;

		if (strncmp(names.v[i], PREFIX, sizeof(PREFIX) - 1) != 0 || !isdigit((unsigned char)*pid) ||
		    kill((pid_t)strtol(pid, NULL, 10), 0) == 0 || errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), PARENT "/%.200s", names.v[i]);
		(void)unlinkat(root_fd, path, AT_REMOVEDIR);
	}
}

/* Somebody else may remove the empty parent between the two steps. */
static int make_group(int root_fd, const char *path)
{
	for (unsigned i = 0; i < 3; i++) {
		if (mkdirat(root_fd, PARENT, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (mkdirat(root_fd, path, 0755) == 0 || errno == EEXIST)
			return 0;
		if (errno != ENOENT)
			break;
	}
	return -errno;
}

int linux_confine(struct platform *p, const struct device_access *devices, size_t n,
                  char cgroup[SYSFS_PATH_MAX])
{
	const char *root = cgroup_root(p);
	_cleanup_close_ int root_fd = -1, fd = -1;
	_cleanup_free_ struct bpf_insn *program = malloc(DEVICE_PROGRAM_MAX * sizeof(*program));
	struct device_rule rules[DEVICE_RULES_MAX];
	char path[64];
	int r = 0;

	if (!linux_of(p)->is_real || !root)
		return -ENOTSUP;
	if (!p->privileged)
		return -EPERM;
	if (!program || n > DEVICE_RULES_MAX)
		return program ? -E2BIG : -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = rule_of(p, &devices[i], &rules[i]);
	if (r < 0)
		return r;
	root_fd = linux_open(linux_of(p), root, O_RDONLY | O_DIRECTORY, 0);
	if (root_fd < 0)
		return root_fd;
	remove_left(p, root, root_fd);
	snprintf(path, sizeof(path), PARENT "/" PREFIX "%d", (int)getpid());
	r = make_group(root_fd, path);
	if (r < 0)
		return r;
	snprintf(cgroup, SYSFS_PATH_MAX, "%s/%s", root, path);
	fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : device_program_attach(fd, program, device_program(rules, n, program));
	if (r < 0)
		linux_unconfine(p, cgroup);
	return r;
}

void linux_unconfine(struct platform *p, const char *cgroup)
{
	const char *root = cgroup_root(p);
	_cleanup_close_ int root_fd = root ? linux_open(linux_of(p), root, O_RDONLY | O_DIRECTORY, 0) : -1;

	if (root_fd < 0 || strncmp(cgroup, root, strlen(root)) != 0)
		return;
	(void)unlinkat(root_fd, cgroup + strlen(root) + 1, AT_REMOVEDIR);
	(void)unlinkat(root_fd, PARENT, AT_REMOVEDIR);
}
