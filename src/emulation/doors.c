/* SPDX-License-Identifier: MIT */
/* The doors of an emulated host: each is a look at, or a transaction on, the machine's tree. */
#include "emulation/parts.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"

#define REAL_SLEEP_MAX_MS 5u

/* What only the emulation knows is not there for anybody else. */
static bool hidden(const char *path)
{
	return strncmp(path, ".emu", 4) == 0 && (path[4] == '\0' || path[4] == '/');
}

static ssize_t copy_text(const char *text, char *buf, size_t size)
{
	size_t len = strlen(text);

	while (len && text[len - 1] == '\n')
		len--;
	if (!size)
		return -EINVAL;
	if (len >= size)
		len = size - 1;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return (ssize_t)len;
}

/* "proc/PID/comm" of whoever holds something on this machine. */
static ssize_t read_comm(struct machine *m, const char *path, char *buf, size_t size)
{
	struct hold h;
	int pid, end = 0;

	if (sscanf(path, "proc/%d/comm%n", &pid, &end) != 1 || !end || path[end])
		return -ENOENT;
	for (size_t i = 0; i < m->tree.n; i++) {
		if (hold_at(m, i, &h) && h.pid == pid)
			return copy_text(h.comm + (h.comm[0] == '@'), buf, size);
	}
	return -ENOENT;
}

static ssize_t door_read(struct platform *p, const char *path, char *buf, size_t size)
{
	struct machine *m = machine_of(p);
	const struct tree_node *n;
	char real[512];
	ssize_t r = machine_refresh(m);

	if (r < 0)
		return r;
	r = tree_canonical(&m->tree, path, true, real, sizeof(real));
	if (r < 0)
		return r == -ENOENT ? read_comm(m, path, buf, size) : r;
	if (hidden(real))
		return -ENOENT;
	n = tree_lookup(&m->tree, real);
	if (!n || n->kind == NODE_DIR)
		return tree_exists(&m->tree, real) ? -EISDIR : read_comm(m, path, buf, size);
	if (n->kind == NODE_WRITE_ONLY)
		return -EACCES;
	r = sysfs_emulation_read(m, real, buf, size);
	return r == -ENOENT ? copy_text(n->value, buf, size) : r;
}

static int write_locked(struct machine *m, const char *path, const char *value)
{
	char real[512];
	int r = tree_canonical(&m->tree, path, true, real, sizeof(real));

	if (r < 0)
		return r;
	return hidden(real) ? -ENOENT : sysfs_emulation_write(m, real, value);
}

static int door_list(struct platform *p, const char *path, struct strv *ret)
{
	struct machine *m = machine_of(p);
	_cleanup_strv_ struct strv all = {0};
	int r = machine_refresh(m);

	if (r == 0)
		r = hidden(path) ? -ENOENT : tree_list(&m->tree, path, &all);
	for (size_t i = 0; i < all.n && r == 0; i++)
		if (all.v[i][0] != '.')
			r = strv_add(ret, all.v[i]);
	if (r == 0)
		strv_sort(ret);
	return r;
}

static ssize_t door_readlink(struct platform *p, const char *path, char *buf, size_t size)
{
	struct machine *m = machine_of(p);
	const struct tree_node *n;
	int r = machine_refresh(m);

	if (r < 0)
		return r;
	n = tree_lookup(&m->tree, path);
	if (!n)
		return tree_exists(&m->tree, path) ? -EINVAL : -ENOENT;
	return n->kind == NODE_LINK ? copy_text(n->value, buf, size) : -EINVAL;
}

static bool door_exists(struct platform *p, const char *path)
{
	struct machine *m = machine_of(p);

	return machine_refresh(m) == 0 && !hidden(path) && tree_exists(&m->tree, path);
}

static bool is_own(const struct platform *p, const char *path)
{
	size_t len = strlen(p->run_dir);

	return strncmp(path, p->run_dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* A change of the machine between the faults that strike before and after it. */
static int faultable(struct machine *m, const char *door, const char *path,
                     int (*change)(struct machine *m, const char *path, const char *value), const char *value)
{
	char kind[600];
	int r, s;

	(void)snprintf(kind, sizeof(kind), "%s:%s", door, path);
	r = fault_hit(m, kind, false, NULL);
	if (r == 0)
		r = machine_begin(m);
	if (r < 0)
		return r;
	r = machine_end(m, change(m, path, value));
	s = r < 0 ? 0 : fault_hit(m, kind, true, NULL);
	return s < 0 ? s : r;
}

static int door_write(struct platform *p, const char *path, const char *value, unsigned timeout_ms)
{
	int r = faultable(machine_of(p), "write", path, write_locked, value);

	/* The kernel would sleep until the holder lets go; without a limit that would be for ever. */
	return r == -ETIMEDOUT && !timeout_ms ? -EBUSY : r;
}

static int put_locked(struct machine *m, const char *path, const char *content)
{
	return tree_set(&m->tree, NODE_FILE, path, content);
}

static int door_put(struct platform *p, const char *path, const char *content)
{
	return is_own(p, path) ? faultable(machine_of(p), "put", path, put_locked, content) : -EPERM;
}

static const char *const cgroup_files[] = {"cgroup.procs",
                                           "cgroup.controllers",
                                           "cgroup.subtree_control",
                                           "cgroup.events",
                                           "cpuset.cpus",
                                           "cpuset.cpus.effective",
                                           "cpuset.cpus.partition",
                                           "cpuset.mems",
                                           "cpu.max",
                                           "cpu.weight",
                                           "memory.max",
                                           "memory.high",
                                           "memory.current",
                                           "pids.max"};

static const char *cgroup_default(const struct machine *m, const char *file)
{
	if (strcmp(file, "cgroup.controllers") == 0)
		return tree_get(&m->tree, "sys/fs/cgroup/cgroup.controllers");
	if (strcmp(file, "cpuset.cpus.effective") == 0)
		return tree_get(&m->tree, "sys/devices/system/cpu/online");
	if (strcmp(file, "cpuset.cpus.partition") == 0)
		return "member";
	if (strcmp(file, "cgroup.events") == 0)
		return "populated 0\nfrozen 0";
	if (strcmp(file, "memory.current") == 0)
		return "0";
	if (strcmp(file, "cpu.max") == 0)
		return "max 100000";
	if (strcmp(file, "cpu.weight") == 0)
		return "100";
	return strstr(file, ".max") || strstr(file, ".high") ? "max" : "";
}

static bool is_cgroup(const char *path)
{
	return strncmp(path, "sys/fs/cgroup/", 14) == 0;
}

static int make_directory(struct machine *m, const char *path)
{
	int r = tree_set(&m->tree, NODE_DIR, path, "");

	for (size_t i = 0; is_cgroup(path) && i < ARRAY_SIZE(cgroup_files) && r == 0; i++)
		r = tree_setf(&m->tree, NODE_FILE, cgroup_default(m, cgroup_files[i]), "%s/%s", path,
		              cgroup_files[i]);
	return r;
}

static int mkdir_locked(struct machine *m, const char *path, const char *unused)
{
	const char *slash = strrchr(path, '/');
	char parent[512];

	(void)unused;
	if (tree_exists(&m->tree, path))
		return -EEXIST;
	(void)snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) : 0, path);
	if (is_cgroup(path) && !tree_exists(&m->tree, parent))
		return -ENOENT;
	return make_directory(m, path);
}

static int door_mkdir(struct platform *p, const char *path)
{
	return is_own(p, path) || is_cgroup(path) ? faultable(machine_of(p), "mkdir", path, mkdir_locked, "")
	                                          : -EPERM;
}

/* A cgroup goes with its files, but not while it has children or processes. */
static int cgroup_removable(const struct machine *m, const char *path)
{
	_cleanup_strv_ struct strv names = {0};
	const char *procs = tree_get(&m->tree, "%s/cgroup.procs", path);
	int r = tree_list(&m->tree, path, &names);

	if (r < 0)
		return r;
	if (procs && *procs)
		return -EBUSY;
	for (size_t i = 0; i < names.n; i++)
		if (tree_get(&m->tree, "%s/%s/cgroup.procs", path, names.v[i]))
			return -EBUSY;
	return 0;
}

static int remove_locked(struct machine *m, const char *path, const char *unused)
{
	const struct tree_node *n = tree_lookup(&m->tree, path);
	_cleanup_strv_ struct strv names = {0};
	int r = 0;

	(void)unused;
	if (!tree_exists(&m->tree, path))
		return -ENOENT;
	if (is_cgroup(path))
		r = cgroup_removable(m, path);
	else if ((!n || n->kind == NODE_DIR) && tree_list(&m->tree, path, &names) == 0 && names.n)
		r = -ENOTEMPTY;
	if (r == 0)
		tree_remove(&m->tree, "%s", path);
	return r;
}

static int door_remove(struct platform *p, const char *path)
{
	return is_own(p, path) || is_cgroup(path)
	               ? faultable(machine_of(p), "remove", path, remove_locked, "")
	               : -EPERM;
}

static int door_run(struct platform *p, const struct command *cmd, struct command_result *ret)
{
	struct machine *m = machine_of(p);
	char kind[300];
	int r, s;

	*ret = (struct command_result){0};
	/* the operator's own command, not one of a driver: it really runs, outside of the machine's lock */
	if (strcmp(cmd->argv[0], "/bin/sh") == 0)
		return command_run(cmd, ret);
	(void)snprintf(kind, sizeof(kind), "run:%s", cmd->argv[0]);
	r = fault_hit(m, kind, false, NULL);
	if (r < 0)
		return r;
	r = machine_begin(m);
	if (r < 0)
		return r;
	r = machine_end(m, process_run(m, cmd, ret));
	s = r < 0 ? 0 : fault_hit(m, kind, true, NULL);
	return s < 0 ? s : r;
}

static int door_spawn(struct platform *p, const struct spawn *s, int *ret_status)
{
	return process_spawn(machine_of(p), s, ret_status);
}

/* The group is there as on hardware; its rules concern nodes that only this machine has. */
static int door_confine(struct platform *p, const struct device_access *devices, size_t n,
                        char cgroup[SYSFS_PATH_MAX])
{
	(void)snprintf(cgroup, SYSFS_PATH_MAX, "sys/fs/cgroup/openforbc-run-%d", (int)getpid());
	for (size_t i = 0; i < n; i++)
		if (!door_exists(p, devices[i].path + 1))
			return -ENOENT;
	return door_mkdir(p, cgroup);
}

static void door_unconfine(struct platform *p, const char *cgroup)
{
	(void)door_remove(p, cgroup);
}

static int door_open_devices(struct platform *p, struct open_device_list *ret)
{
	struct machine *m = machine_of(p);
	struct hold h;
	int r = machine_refresh(m);

	for (size_t i = 0; i < m->tree.n && r == 0; i++) {
		struct open_device *d;

		if (!hold_at(m, i, &h) || !hold_is_alive(&h))
			continue;
		d = list_add(ret);
		if (!d)
			return -ENOMEM;
		d->pid = h.pid;
		(void)snprintf(d->comm, sizeof(d->comm), "%s", h.comm + (h.comm[0] == '@'));
		(void)snprintf(d->path, sizeof(d->path), "%s", h.node);
	}
	return r;
}

static int door_nvml(struct platform *p, const struct nvml_api **ret, struct ofbc_error *err)
{
	struct machine *m = machine_of(p);
	int r = machine_refresh(m);

	if (r < 0)
		return error_set_errno(err, -r, "emulated host %s", m->name);
	if (!tree_get(&m->tree, ".emu/nvml/driver"))
		return error_set(err, ENOENT, OFBC_REASON_NOT_SUPPORTED,
		                 "libnvidia-ml.so.1 is not installed (emulated host %s)", m->name);
	*ret = &m->nvml;
	return 0;
}

static uint64_t door_now(struct platform *p)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec + machine_of(p)->slept_ms * 1000000u;
}

/* Time passes without waiting for it; a short real sleep lets other processes on. */
static void door_sleep(struct platform *p, unsigned ms)
{
	unsigned real = ms < REAL_SLEEP_MAX_MS ? ms : REAL_SLEEP_MAX_MS;
	struct timespec ts = {.tv_nsec = (long)real * 1000000};

	(void)nanosleep(&ts, NULL);
	machine_of(p)->slept_ms += ms - real;
}

/* No shortcut here: the programs whose window this may be run in real time. */
static void door_sleep_until(struct platform *p, uint64_t at_ns)
{
	for (uint64_t now = door_now(p); now < at_ns; now = door_now(p)) {
		struct timespec ts = {.tv_sec = (time_t)((at_ns - now) / 1000000000u),
		                      .tv_nsec = (long)((at_ns - now) % 1000000000u)};

		(void)nanosleep(&ts, NULL);
	}
}

static uint64_t door_thread_cpu(struct platform *p)
{
	struct timespec ts;

	(void)p;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int door_cpuid(struct platform *p, uint32_t leaf, uint32_t ret[4])
{
	(void)p;
	(void)leaf;
	(void)ret;
	return -ENOTSUP;
}

static bool door_pid_alive(struct platform *p, int pid, const char *comm)
{
	struct machine *m = machine_of(p);
	const char *pretended;
	struct hold h;

	if (machine_refresh(m) < 0 || pid <= 0)
		return false;
	pretended = tree_get(&m->tree, ".emu/proc/%d", pid);
	if (pretended)
		return !comm || strcmp(pretended, comm) == 0;
	for (size_t i = 0; i < m->tree.n; i++)
		if (hold_at(m, i, &h) && h.pid == pid && hold_is_alive(&h))
			return !comm || strcmp(h.comm + (h.comm[0] == '@'), comm) == 0;
	return !comm && (kill(pid, 0) == 0 || errno == EPERM);
}

static void door_close(struct platform *p)
{
	struct machine *m = machine_of(p);

	nvml_emulation_done(m);
	tree_done(&m->tree);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	free(m);
}

const struct platform_ops emulated_ops = {
	.read = door_read,
	.write = door_write,
	.list = door_list,
	.readlink = door_readlink,
	.exists = door_exists,
	.put = door_put,
	.remove = door_remove,
	.mkdir = door_mkdir,
	.run = door_run,
	.spawn = door_spawn,
	.confine = door_confine,
	.unconfine = door_unconfine,
	.open_devices = door_open_devices,
	.nvml = door_nvml,
	.libvirt = platform_libvirt,
	.now_ns = door_now,
	.sleep_ms = door_sleep,
	.sleep_until_ns = door_sleep_until,
	.thread_cpu_ns = door_thread_cpu,
	.cpuid = door_cpuid,
	.pid_alive = door_pid_alive,
	.close = door_close,
};
