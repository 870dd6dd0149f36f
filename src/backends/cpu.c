/* SPDX-License-Identifier: MIT */
/*
 * The host's processor: cores and memory. As root a cgroup with cpuset and memory limit, else a list of cores
 * that `partition run` applies as affinity. It is the GPU-less default and the baseline of every comparison.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "model/capacity.h"

#define CGROUP    "sys/fs/cgroup/openforbc"
#define MAX_CORES 1024

struct core_set {
	bool on[MAX_CORES];
	unsigned n;
};

static int parse_cores(const char *s, struct core_set *ret)
{
	*ret = (struct core_set){0};
	while (*s) {
		char *end;
		unsigned long a = strtoul(s, &end, 10), b = a;

		if (end == s)
			return -EINVAL;
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		for (; a <= b && a < MAX_CORES; a++) {
			ret->n += !ret->on[a];
			ret->on[a] = true;
		}
		s = *end == ',' ? end + 1 : end;
		if (*end && *end != ',')
			return *end == '\n' ? 0 : -EINVAL;
	}
	return 0;
}

/* Without sysfs (a bare container or chroot) what this process may run on. */
static int online(struct host *h, struct core_set *ret)
{
	static const char key[] = "Cpus_allowed_list:";
	char text[8192];
	char *list;
	ssize_t n = sysfs_read(h->platform, text, sizeof(text), "sys/devices/system/cpu/online");

	if (n >= 0)
		return parse_cores(text, ret);
	if (sysfs_read(h->platform, text, sizeof(text), "proc/self/status") <= 0)
		return (int)n;
	list = strstr(text, key);
	if (!list)
		return (int)n;
	list += strlen(key) + strspn(list + strlen(key), " \t");
	list[strcspn(list, "\n")] = '\0';
	return parse_cores(list, ret);
}

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	struct core_set cores;

	(void)err;
	if (!gpu->is_cpu)
		return 0;
	ret->state = online(h, &cores) < 0 ? OFBC_TECHNOLOGY_UNAVAILABLE : OFBC_TECHNOLOGY_READY;
	if (ret->state == OFBC_TECHNOLOGY_UNAVAILABLE)
		snprintf(ret->reason, sizeof(ret->reason),
		         "neither /sys/devices/system/cpu/online nor /proc/self/status can be read");
	return 1;
}

static bool has_cgroups(struct host *h)
{
	char text[256];

	return h->platform->privileged &&
	       sysfs_read(h->platform, text, sizeof(text), "sys/fs/cgroup/cgroup.controllers") > 0 &&
	       strstr(text, "cpuset") && strstr(text, "memory");
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	struct core_set cores;
	int r = online(h, &cores), counter;
	struct ofbc_type *t;

	if (r < 0)
		return error_set_errno(err, -r, "cannot read the list of processors");
	counter = capacity_counter(cap, "cores", cores.n);
	t = list_add(ret);
	if (!t || counter < 0)
		return -ENOMEM;
	snprintf(t->key, sizeof(t->key), "cpu:NNc");
	snprintf(t->title, sizeof(t->title), "NN cores; memory limit on request");
	snprintf(t->group, sizeof(t->group), "cpu");
	t->compute_share = 1;
	t->memory_bytes = gpu->memory_bytes;
	t->max = cores.n;
	t->is_parametric = true;
	t->param_min = 1;
	t->param_max = cores.n;
	t->unit_count = 1;
	t->draws[counter] = 1;
	t->isolation_memory = has_cgroups(h) ? OFBC_ISOLATION_HARD : OFBC_ISOLATION_NONE;
	t->isolation_compute = has_cgroups(h) ? OFBC_ISOLATION_HARD : OFBC_ISOLATION_SHARED;
	t->isolation_faults = true;
	return 0;
}

/* The file of a partition: "cores=0-3\nmemory_bytes=0\ncgroup=1\n". */
static int read_partition(struct host *h, const char *uuid, char cores[256], uint64_t *ret_memory,
                          bool *ret_cgroup)
{
	char text[512];
	const char *c, *m;
	ssize_t n = sysfs_read(h->platform, text, sizeof(text), "%s/cpu/%s", h->platform->run_dir, uuid);

	if (n < 0)
		return (int)n;
	c = strstr(text, "cores=");
	m = strstr(text, "memory_bytes=");
	if (!c || !m)
		return -EINVAL;
	snprintf(cores, 256, "%.*s", (int)strcspn(c + 6, "\n"), c + 6);
	*ret_memory = strtoull(m + 13, NULL, 10);
	*ret_cgroup = strstr(text, "cgroup=1") != NULL;
	return 0;
}

static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	_cleanup_strv_ struct strv names = {0};
	char cores[256];

	(void)gpu;
	(void)err;
	if (sysfs_list(h->platform, &names, "%s/cpu", h->platform->run_dir) < 0)
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		struct ofbc_partition p = {0}, *q;
		struct core_set set;
		bool cgroup;

		if (parse_uuid(names.v[i], p.uuid) < 0 ||
		    read_partition(h, p.uuid, cores, &p.memory_bytes, &cgroup) < 0 ||
		    parse_cores(cores, &set) < 0)
			continue;
		q = list_add(ret);
		if (!q)
			return -ENOMEM;
		snprintf(p.type, sizeof(p.type), "cpu:%uc", set.n);
		snprintf(p.device, sizeof(p.device), "%s", p.uuid);
		snprintf(p.handle, sizeof(p.handle), "%.127s", cores);
		if (cgroup && !sysfs_exists(h->platform, CGROUP "/%s", p.uuid))
			p.state = OFBC_PARTITION_INCOMPLETE;
		*q = p;
	}
	return 0;
}

/* The lowest cores that no partition has. */
static int choose_cores(struct host *h, unsigned want, char *buf, size_t size)
{
	struct ofbc_partition_list all = {0};
	struct core_set free_cores, taken;
	unsigned got = 0;
	size_t len = 0;
	int r = online(h, &free_cores);

	if (r == 0)
		r = list_partitions(h, NULL, &all, NULL);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (parse_cores(all.v[i].handle, &taken) < 0)
			continue;
		for (unsigned c = 0; c < MAX_CORES; c++)
			free_cores.on[c] = free_cores.on[c] && !taken.on[c];
	}
	free(all.v);
	for (unsigned c = 0; r == 0 && c < MAX_CORES && got < want; c++) {
		unsigned last = c;

		if (!free_cores.on[c])
			continue;
		while (last + 1 < MAX_CORES && free_cores.on[last + 1] && got + (last - c) + 1 < want)
			last++;
		got += last - c + 1;
		len += (size_t)snprintf(buf + len, len < size ? size - len : 0, last > c ? "%s%u-%u" : "%s%u",
		                        len ? "," : "", c, last);
		c = last;
	}
	return r < 0 ? r : got < want ? -ENOSPC : len >= size ? -E2BIG : 0;
}

/* With the directory of all, when it was the last one. */
static int remove_cgroup(struct host *h, const char *uuid)
{
	char path[SYSFS_PATH_MAX];
	int r;

	snprintf(path, sizeof(path), CGROUP "/%s", uuid);
	r = sysfs_exists(h->platform, "%s", path) ? h->platform->ops->remove(h->platform, path) : 0;
	if (r == 0 && sysfs_exists(h->platform, CGROUP))
		(void)h->platform->ops->remove(h->platform, CGROUP);
	return r;
}

static int make_cgroup(struct host *h, const char *uuid, const char *cores, uint64_t memory)
{
	char path[128], text[32];
	int r = h->platform->ops->mkdir(h->platform, CGROUP);

	/* Controllers go down one level at a time; a parent that has them already does not mind. */
	(void)sysfs_write(h->platform, "+cpuset +memory", "sys/fs/cgroup/cgroup.subtree_control");
	if (r == 0)
		r = sysfs_write(h->platform, "+cpuset +memory", CGROUP "/cgroup.subtree_control");
	snprintf(path, sizeof(path), CGROUP "/%s", uuid);
	if (r == 0)
		r = h->platform->ops->mkdir(h->platform, path);
	if (r == 0)
		r = sysfs_write(h->platform, cores, CGROUP "/%s/cpuset.cpus", uuid);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)memory);
	if (r == 0 && memory)
		r = sysfs_write(h->platform, text, CGROUP "/%s/memory.max", uuid);
	if (r < 0)
		(void)remove_cgroup(h, uuid);
	return r;
}

static int put_partition(struct host *h, const struct create_args *args, const char *cores, bool cgroup,
                         struct ofbc_error *err)
{
	char path[SYSFS_PATH_MAX], text[256];
	int r;

	snprintf(path, sizeof(path), "%s/cpu/%s", h->platform->run_dir, args->uuid);
	snprintf(text, sizeof(text), "cores=%s\nmemory_bytes=%llu\ncgroup=%d\n", cores,
	         (unsigned long long)args->memory_bytes, cgroup);
	r = h->platform->ops->put(h->platform, path, text);
	return r < 0 ? error_set_errno(err, -r, "cannot record the partition in '/%s'", path) : 0;
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	char cores[128], path[SYSFS_PATH_MAX];
	struct ofbc_partition *p;
	int r = choose_cores(h, args->param, cores, sizeof(cores));

	if (r < 0)
		return error_set(err, -r, OFBC_REASON_NO_CAPACITY, "%u cores are not free", args->param);
	if (args->memory_bytes > gpu->memory_bytes && gpu->memory_bytes)
		return error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY,
		                 "the host has less memory than the limit");
	/* The file comes first: what has a file is listed, so that a cgroup never stays behind unseen. */
	r = put_partition(h, args, cores, has_cgroups(h), err);
	if (r == 0 && has_cgroups(h) && make_cgroup(h, args->uuid, cores, args->memory_bytes) < 0) {
		platform_debug(h->platform, "no cgroup for %s, affinity alone", args->uuid);
		r = put_partition(h, args, cores, false, err);
	}
	p = r == 0 ? list_add(ret) : NULL;
	if (!p) {
		snprintf(path, sizeof(path), "%s/cpu/%s", h->platform->run_dir, args->uuid);
		remove_cgroup(h, args->uuid);
		(void)h->platform->ops->remove(h->platform, path);
		return r < 0 ? r : -ENOMEM;
	}
	snprintf(p->uuid, sizeof(p->uuid), "%s", args->uuid);
	snprintf(p->type, sizeof(p->type), "cpu:%uc", args->param);
	snprintf(p->device, sizeof(p->device), "%s", args->uuid);
	snprintf(p->handle, sizeof(p->handle), "%s", cores);
	p->memory_bytes = args->memory_bytes;
	return 0;
}

static int add_cgroup_processes(struct host *h, const char *uuid, struct ofbc_holder_list *ret)
{
	char text[4096], *end;
	int r = 0;

	if (sysfs_read(h->platform, text, sizeof(text), CGROUP "/%s/cgroup.procs", uuid) <= 0)
		return 0;
	for (const char *s = text; r == 0 && *s; s = *end ? end + 1 : end) {
		long pid = strtol(s, &end, 10);

		if (end == s)
			break;
		r = host_add_process(h, (int)pid, NULL, ret);
	}
	return r;
}

/* Without a cgroup the marker of `partition run` in a process's environment tells who uses it. */
static int add_marked_processes(struct host *h, const char *uuid, struct ofbc_holder_list *ret)
{
	_cleanup_strv_ struct strv pids = {0};
	char *env = malloc(65536), want[80];
	int r = env ? sysfs_list(h->platform, &pids, "proc") : -ENOMEM;

	snprintf(want, sizeof(want), "OPENFORBC_PARTITION=%s", uuid);
	for (size_t i = 0; r == 0 && i < pids.n; i++) {
		ssize_t n;

		if (!isdigit((unsigned char)pids.v[i][0]))
			continue;
		n = sysfs_read(h->platform, env, 65536, "proc/%s/environ", pids.v[i]);
		if (n > 0 && memmem(env, (size_t)n, want, strlen(want)))
			r = host_add_process(h, (int)strtol(pids.v[i], NULL, 10), NULL, ret);
	}
	free(env);
	return r;
}

static int holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	char cores[256], node[128];
	uint64_t memory;
	bool cgroup;

	(void)gpu;
	(void)err;
	if (!p)
		return 0;
	if (h->platform->emulated) {
		snprintf(node, sizeof(node), "/dev/emulated/%s", p->uuid);
		return host_node_holders(h, node, ret);
	}
	if (read_partition(h, p->device, cores, &memory, &cgroup) < 0)
		return 0;
	return cgroup ? add_cgroup_processes(h, p->device, ret) : add_marked_processes(h, p->device, ret);
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	char path[SYSFS_PATH_MAX];
	int r;

	(void)gpu;
	r = remove_cgroup(h, p->device);
	if (r < 0)
		return error_set_errno(err, -r, "cannot remove the cgroup '/" CGROUP "/%s'", p->device);
	snprintf(path, sizeof(path), "%s/cpu/%s", h->platform->run_dir, p->device);
	r = h->platform->ops->remove(h->platform, path);
	return r < 0 && r != -ENOENT ? error_set_errno(err, -r, "cannot remove '/%s'", path) : 0;
}

static int env(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p, bool alone,
               struct strv *ret, struct ofbc_error *err)
{
	struct core_set set;

	(void)h;
	(void)alone;
	(void)gpu;
	(void)err;
	return parse_cores(p->handle, &set) < 0 ? 0 : strv_addf(ret, "OMP_NUM_THREADS=%u", set.n);
}

static int confine(struct host *h, const struct ofbc_partition *p, char cgroup[256], char cpus[256])
{
	uint64_t memory;
	bool has_cgroup;
	int r = read_partition(h, p->device, cpus, &memory, &has_cgroup);

	if (r == 0 && has_cgroup)
		snprintf(cgroup, 256, CGROUP "/%s", p->device);
	return r;
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	if (gpu)
		return 0;
	if (has_cgroups(h))
		return finding_add(ret, "cpu", NULL, OFBC_FINDING_OK, "ready, with cgroups", "");
	return finding_add(ret, "cpu", NULL, OFBC_FINDING_OK,
	                   "ready, by affinity alone: no memory limit without root and cgroup v2", "");
}

const struct backend_ops backend_cpu = {
	.name = "cpu",
	.title = "Processor cores",
	.caps = BACKEND_UUID | BACKEND_PROCESS | BACKEND_HOST_ONLY,
	.rank = 90,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.holders = holders,
	.create = create,
	.destroy = destroy,
	.env = env,
	.confine = confine,
	.doctor = doctor,
};
