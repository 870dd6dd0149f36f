/* SPDX-License-Identifier: MIT */
/*
 * Who has which GPU node open. Nodes are recognised by device number, because a guest's QEMU may live in a
 * private /dev where the link text says something else.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "platform/linux.h"

struct node {
	dev_t rdev;
	char path[96];
};

struct node_list {
	struct node *v;
	size_t n, cap;
};

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool is_interesting(const char *name)
{
	return strncmp(name, "nvidia", 6) == 0 || strcmp(name, "kfd") == 0 || strcmp(name, "iommu") == 0;
}

static int add_node(const struct linux_platform *l, struct node_list *nodes, const char *path)
{
	_cleanup_close_ int fd = linux_open(l, path, O_PATH, 0);
	struct stat st;
	struct node *n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
		return 0;
	n = list_add(nodes);
	if (!n)
		return -ENOMEM;
	n->rdev = st.st_rdev;
	snprintf(n->path, sizeof(n->path), "/%s", path);
	return 0;
}

static int add_dir(struct linux_platform *l, struct node_list *nodes, const char *dir, bool all)
{
	_cleanup_strv_ struct strv names = {0};
	char path[300];
	int r = l->base.ops->list(&l->base, dir, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names.v[i]);
		if (all || is_interesting(names.v[i]))
			r = add_node(l, nodes, path);
	}
	return r == -ENOMEM ? r : 0;
}

static int by_rdev(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return (x->rdev > y->rdev) - (x->rdev < y->rdev);
}

/* 0 no, 1 yes, -errno. No question goes to a file server: one that hangs would stop us. */
static int is_node(int dir_fd, const char *name, const struct node_list *nodes, const struct node **ret)
{
	struct statx st;
	struct node key;

	if (statx(dir_fd, name, AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.stx_mode))
		return 0;
	key.rdev = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	*ret = bsearch(&key, nodes->v, nodes->n, sizeof(key), by_rdev);
	return *ret != NULL;
}

static int add_holder(struct linux_platform *l, int pid, uid_t uid, const struct node *node,
                      struct open_device_list *ret)
{
	struct open_device *o = list_add(ret);
	char path[64];

	if (!o)
		return -ENOMEM;
	o->pid = pid;
	o->uid = uid;
	snprintf(o->path, sizeof(o->path), "%s", node->path);
	snprintf(path, sizeof(path), "proc/%d/comm", pid);
	if (l->base.ops->read(&l->base, path, o->comm, sizeof(o->comm)) < 0)
		o->comm[0] = '\0'; /* it ended meanwhile */
	return 0;
}

static int scan_process(struct linux_platform *l, int pid, const struct node_list *nodes,
                        struct open_device_list *ret)
{
	_cleanup_(closedir_p) DIR *d = NULL;
	struct dirent *e;
	struct stat owner;
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "proc/%d/fd", pid);
	fd = linux_open(l, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	if (fstat(fd, &owner) < 0)
		return -errno;
	while ((e = readdir(d))) {
		const struct node *hit = NULL;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		r = is_node(fd, e->d_name, nodes, &hit);
		if (r == -EACCES || r == -EPERM)
			ret->incomplete = true;
		if (r == 1 && add_holder(l, pid, owner.st_uid, hit, ret) < 0)
			return -ENOMEM;
	}
	return 0;
}

int linux_open_devices(struct platform *p, struct open_device_list *ret)
{
	static const char *const dirs[] = {"dev/vfio", "dev/vfio/devices", "dev/dri", "dev/nvidia-caps"};
	struct linux_platform *l = linux_of(p);
	_cleanup_free_ struct node *to_free = NULL;
	struct node_list nodes = {0};
	_cleanup_strv_ struct strv pids = {0};
	int r = add_dir(l, &nodes, "dev", false);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dirs); i++)
		r = add_dir(l, &nodes, dirs[i], true);
	to_free = nodes.v;
	if (r < 0 || nodes.n == 0)
		return r;
	qsort(nodes.v, nodes.n, sizeof(*nodes.v), by_rdev);
	r = p->ops->list(p, "proc", &pids);
	/* No process 1: /proc hides what is not ours (hidepid). */
	if (r == 0 && !strv_contains(&pids, "1"))
		ret->incomplete = true;
	for (size_t i = 0; r == 0 && i < pids.n; i++) {
		if (!isdigit((unsigned char)pids.v[i][0]))
			continue;
		r = scan_process(l, (int)strtol(pids.v[i], NULL, 10), &nodes, ret);
		if (r == -EACCES || r == -EPERM)
			ret->incomplete = true;
		r = r == -ENOMEM ? r : 0; /* a process may be gone meanwhile */
	}
	return r;
}
