/* SPDX-License-Identifier: MIT */
/*
 * Who holds a device: open descriptors of every process, recognised as service, guest, container or
 * plain process, each with the command that frees the device. The driver's own process lists are not
 * complete (DCGM keeps capability files open without being listed), so the nodes decide.
 */
#include "backends/backend.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "model/container.h"
#include "platform/nvml.h"

/* The kernel cuts command names after this many characters. */
#define COMM_MAX 15

static const struct {
	const char *comm;
	const char *release;
} services[] = {
	{.comm = "nvidia-persistenced", .release = "systemctl stop nvidia-persistenced"},
	{.comm = "nv-hostengine", .release = "systemctl stop nvidia-dcgm"},
	{.comm = "dcgm-exporter", .release = "systemctl stop dcgm-exporter"},
	{.comm = "nv-fabricmanager", .release = "systemctl stop nvidia-fabricmanager"},
	{.comm = "nvidia-vgpu-mgr", .release = "systemctl stop nvidia-vgpu-mgr"},
	{.comm = "nvidia-cuda-mps-control", .release = "echo quit | nvidia-cuda-mps-control"},
	{.comm = "nvidia-cuda-mps-server", .release = "echo quit | nvidia-cuda-mps-control"},
	{.comm = "Xorg", .release = "systemctl isolate multi-user.target"},
	{.comm = "Xwayland", .release = "systemctl isolate multi-user.target"},
	{.comm = "gnome-shell", .release = "systemctl isolate multi-user.target"},
	{.comm = "gdm", .release = "systemctl isolate multi-user.target"},
	{.comm = "gdm3", .release = "systemctl isolate multi-user.target"},
	{.comm = "sddm", .release = "systemctl isolate multi-user.target"},
	{.comm = "lightdm", .release = "systemctl isolate multi-user.target"},
};

/* How this host ends a container. */
static const char *const stop_commands[] = {
	[CONTAINER_DOCKER] = "docker stop",
	[CONTAINER_PODMAN] = "podman stop",
	[CONTAINER_CRI] = "crictl stop",
	[CONTAINER_NERDCTL] = "nerdctl stop",
	[CONTAINER_LXC] = "lxc-stop -n",
	[CONTAINER_LIBVIRT_LXC] = "virsh -c lxc:///system shutdown",
	[CONTAINER_NSPAWN] = "machinectl poweroff",
};

/* Who manages LXC's containers here, told by where it keeps them. */
static const struct {
	const char *dir;
	const char *command;
} lxc_managers[] = {
	{.dir = "etc/pve/lxc", .command = "pct shutdown"},
	{.dir = "var/lib/incus", .command = "incus stop"},
	{.dir = "var/snap/lxd/common/lxd", .command = "lxc stop"},
	{.dir = "var/lib/lxd", .command = "lxc stop"},
};

/* --- recognising a process --- */

static bool recognise_service(struct ofbc_holder *holder)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (strncmp(holder->name, services[i].comm, COMM_MAX) != 0)
			continue;
		snprintf(holder->kind, sizeof(holder->kind), "service");
		snprintf(holder->name, sizeof(holder->name), "%s", services[i].comm);
		snprintf(holder->release, sizeof(holder->release), "%s", services[i].release);
		return true;
	}
	return false;
}

/* libvirt starts QEMU with "-name" "guest=NAME,debug-threads=on"; by hand it is often "-name" "NAME". */
static void guest_name(struct host *h, int pid, char *buf, size_t size)
{
	char cmdline[8192];
	ssize_t n = sysfs_read(h->platform, cmdline, sizeof(cmdline), "proc/%d/cmdline", pid);
	bool is_next = false;

	buf[0] = '\0';
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(cmdline + at) + 1) {
		const char *arg = cmdline + at;

		if (is_next) {
			if (strncmp(arg, "guest=", 6) == 0)
				arg += 6;
			snprintf(buf, size, "%.*s", (int)strcspn(arg, ","), arg);
			return;
		}
		is_next = strcmp(arg, "-name") == 0;
	}
}

static bool recognise_guest(struct host *h, struct ofbc_holder *holder)
{
	char name[64];

	if (strncmp(holder->name, "qemu-system-", 12) != 0 && strcmp(holder->name, "qemu-kvm") != 0)
		return false;
	snprintf(holder->kind, sizeof(holder->kind), "guest");
	guest_name(h, holder->pid, name, sizeof(name));
	if (name[0]) {
		snprintf(holder->name, sizeof(holder->name), "%s", name);
		snprintf(holder->release, sizeof(holder->release), "virsh shutdown %s", name);
	}
	return true;
}

static const char *stop_command(struct host *h, const struct container *c)
{
	for (size_t i = 0; c->engine == CONTAINER_LXC && i < ARRAY_SIZE(lxc_managers); i++) {
		if (sysfs_exists(h->platform, "%s", lxc_managers[i].dir))
			return lxc_managers[i].command;
	}
	return stop_commands[c->engine];
}

static bool recognise_container(struct host *h, struct ofbc_holder *holder)
{
	char cgroup[8192], comm[24];
	struct container c;
	const char *stop;

	if (sysfs_read(h->platform, cgroup, sizeof(cgroup), "proc/%d/cgroup", holder->pid) <= 0 ||
	    !container_of_cgroup(cgroup, &c))
		return false;
	stop = stop_command(h, &c);
	snprintf(holder->kind, sizeof(holder->kind), "container");
	snprintf(comm, sizeof(comm), "%s", holder->name);
	snprintf(holder->name, sizeof(holder->name), "%.16s in %.43s", comm, c.name);
	if (!stop)
		snprintf(holder->release, sizeof(holder->release), "kill %d", holder->pid);
	else if (c.uid >= 0)
		snprintf(holder->release, sizeof(holder->release), "sudo -u '#%ld' %s %s", c.uid, stop,
		         c.name);
	else
		snprintf(holder->release, sizeof(holder->release), "%s %s", stop, c.name);
	return true;
}

static bool is_known_pid(const struct ofbc_holder_list *l, int pid)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].pid == pid)
			return true;
	}
	return false;
}

int host_add_process(struct host *h, int pid, const char *comm, struct ofbc_holder_list *ret)
{
	struct ofbc_holder *holder;

	if (pid > 0 && is_known_pid(ret, pid))
		return 0;
	holder = list_add(ret);
	if (!holder)
		return -ENOMEM;
	holder->pid = pid;
	if (comm && comm[0])
		snprintf(holder->name, sizeof(holder->name), "%s", comm);
	else if (sysfs_read(h->platform, holder->name, sizeof(holder->name), "proc/%d/comm", pid) <= 0)
		snprintf(holder->name, sizeof(holder->name), "process %d", pid);
	/* A guest in a container (KubeVirt, Kata) is nothing that this host's libvirt knows. */
	if (recognise_service(holder) || recognise_container(h, holder) || recognise_guest(h, holder))
		return 0;
	snprintf(holder->kind, sizeof(holder->kind), "process");
	if (pid > 0)
		snprintf(holder->release, sizeof(holder->release), "kill %d", pid);
	return 0;
}

int host_kernel_holders(struct host *h, struct ofbc_holder_list *ret)
{
	uint64_t users;
	struct ofbc_holder *holder;

	if (sysfs_read_u64(h->platform, &users, "sys/module/nvidia_drm/refcnt") < 0 || users == 0)
		return 0;
	holder = list_add(ret);
	if (!holder)
		return -ENOMEM;
	snprintf(holder->kind, sizeof(holder->kind), "kernel");
	snprintf(holder->name, sizeof(holder->name), "nvidia_drm");
	snprintf(holder->release, sizeof(holder->release), "modprobe -r nvidia_drm");
	return 0;
}

/* --- open nodes --- */

void host_forget_open_devices(struct host *h)
{
	if (!h->open_devices)
		return;
	free(h->open_devices->v);
	free(h->open_devices);
	h->open_devices = NULL;
}

static int open_devices(struct host *h, const struct open_device_list **ret)
{
	int r;

	if (!h->open_devices) {
		h->open_devices = calloc(1, sizeof(*h->open_devices));
		if (!h->open_devices)
			return -ENOMEM;
		r = h->platform->ops->open_devices(h->platform, h->open_devices);
		if (r < 0) {
			host_forget_open_devices(h);
			return r;
		}
	}
	*ret = h->open_devices;
	return 0;
}

static bool node_matches(const char *path, const char *node)
{
	size_t n = strlen(node);

	if (n > 0 && node[n - 1] == '*')
		return strncmp(path, node, n - 1) == 0;
	return strcmp(path, node) == 0;
}

int host_node_holders(struct host *h, const char *node, struct ofbc_holder_list *ret)
{
	const struct open_device_list *open;
	int r = open_devices(h, &open);

	for (size_t i = 0; r == 0 && i < open->n; i++) {
		if (node_matches(open->v[i].path, node))
			r = host_add_process(h, open->v[i].pid, open->v[i].comm, ret);
	}
	if (r == 0)
		ret->incomplete |= open->incomplete;
	return r;
}

/* Whether anybody holds any VFIO node: with thousands of devices and no holder nothing is read for each. */
static int any_vfio_holder(struct host *h, bool *ret_incomplete)
{
	struct ofbc_holder_list all = {0};
	int r = host_node_holders(h, "/dev/vfio/*", &all);
	bool any = all.n > 0;

	*ret_incomplete = all.incomplete;
	holder_list_done(&all);
	return r < 0 ? r : any;
}

int host_vfio_holders(struct host *h, struct ofbc_holder_list *ret, const char *dir_fmt, ...)
{
	_cleanup_strv_ struct strv cdevs = {0};
	char group[32], node[64], sysfs_dir[SYSFS_PATH_MAX];
	bool incomplete;
	int r = any_vfio_holder(h, &incomplete);
	va_list ap;

	ret->incomplete |= incomplete;
	if (r <= 0)
		return r;
	r = 0;
	va_start(ap, dir_fmt);
	vsnprintf(sysfs_dir, sizeof(sysfs_dir), dir_fmt, ap);
	va_end(ap);
	if (sysfs_link_name(h->platform, group, sizeof(group), "%s/iommu_group", sysfs_dir) > 0) {
		snprintf(node, sizeof(node), "/dev/vfio/%s", group);
		r = host_node_holders(h, node, ret);
		if (r == 0) {
			snprintf(node, sizeof(node), "/dev/vfio/noiommu-%s", group);
			r = host_node_holders(h, node, ret);
		}
	}
	if (r == 0 && sysfs_list(h->platform, &cdevs, "%s/vfio-dev", sysfs_dir) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < cdevs.n; i++) {
		snprintf(node, sizeof(node), "/dev/vfio/devices/%s", cdevs.v[i]);
		r = host_node_holders(h, node, ret);
	}
	return r;
}

/* --- users of whole GPUs --- */

/* Drivers 535.43 to 535.86 fill rows of 32 bytes where the ABI says 24: leave room for that. */
#define MAX_ROWS 128

static int list_processes(struct host *h, nvml_return (*get)(nvml_device, unsigned *, void *), nvml_device d,
                          struct ofbc_holder_list *ret)
{
	_cleanup_free_ struct nvml_process_v2 *rows = NULL;
	unsigned n = MAX_ROWS;
	int r = 0;

	if (!get)
		return 0;
	rows = calloc(MAX_ROWS, 32);
	if (!rows)
		return -ENOMEM;
	if (get(d, &n, rows) != NVML_SUCCESS)
		return 0;
	for (unsigned i = 0; r == 0 && i < n && i < MAX_ROWS; i++) {
		if (rows[i].pid && h->platform->ops->pid_alive(h->platform, (int)rows[i].pid, NULL))
			r = host_add_process(h, (int)rows[i].pid, NULL, ret);
	}
	return r;
}

int host_nvml_processes(struct host *h, const struct nvml_api *api, void *device,
                        struct ofbc_holder_list *ret)
{
	int r = list_processes(h, api->DeviceGetComputeRunningProcesses, device, ret);

	if (r == 0)
		r = list_processes(h, api->DeviceGetGraphicsRunningProcesses, device, ret);
	if (r == 0)
		r = list_processes(h, api->DeviceGetMPSComputeRunningProcesses, device, ret);
	return r;
}

/* NVIDIA's driver tells who has work on a board; of the others, who has a render node open. */
int host_gpu_users(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_holder_list *ret)
{
	_cleanup_strv_ struct strv nodes = {0};
	const struct nvml_api *api;
	void *device;
	int r = 0;

	if (host_nvml_device(h, gpu->id, &api, &device, NULL) == 0)
		return host_nvml_processes(h, api, device, ret);
	(void)sysfs_list(h->platform, &nodes, "sys/bus/pci/devices/%s/drm", gpu->id);
	for (size_t i = 0; r == 0 && i < nodes.n; i++) {
		char path[96];

		snprintf(path, sizeof(path), "/dev/dri/%.80s", nodes.v[i]);
		r = strncmp(nodes.v[i], "renderD", 7) == 0 ? host_node_holders(h, path, ret) : 0;
	}
	return r;
}

/* --- what a guest gets --- */

void host_hostdev_mdev(struct host *h, const char *uuid, struct hostdev *ret)
{
	ret->kind = HOSTDEV_MDEV;
	ret->n = 1;
	text_copy(ret->address[0], sizeof(ret->address[0]), uuid);
	if (sysfs_link_name(h->platform, ret->iommu_group, sizeof(ret->iommu_group),
	                    "sys/bus/mdev/devices/%s/iommu_group", uuid) < 0)
		ret->iommu_group[0] = '\0';
}

int host_hostdev_function(struct host *h, const char *address, struct hostdev *ret)
{
	if (ret->n == HOSTDEV_MAX)
		return -E2BIG;
	ret->kind = HOSTDEV_PCI;
	text_copy(ret->address[ret->n++], sizeof(ret->address[0]), address);
	if (sysfs_link_name(h->platform, ret->iommu_group, sizeof(ret->iommu_group),
	                    "sys/bus/pci/devices/%s/iommu_group", address) < 0)
		ret->iommu_group[0] = '\0';
	return 0;
}

int host_hostdev_vf(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                    const struct ofbc_type *t, struct hostdev *ret, struct ofbc_error *err)
{
	(void)gpu;
	(void)t;
	(void)err;
	ret->is_managed = true;
	return host_hostdev_function(h, p->handle, ret);
}

/* --- messages --- */

void holder_list_done(struct ofbc_holder_list *l)
{
	free(l->v);
	*l = (struct ofbc_holder_list){0};
}

void holder_list_text(const struct ofbc_holder_list *l, char *buf, size_t size)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(4096);

	for (size_t i = 0; i < l->n; i++) {
		const struct ofbc_holder *holder = &l->v[i];
		bool plain = strcmp(holder->kind, "process") == 0 || strcmp(holder->kind, "service") == 0;

		strbuf_addf(&b, "%s%s%s%s%s", i ? ", " : "", plain ? "" : holder->kind, plain ? "" : " ",
		            holder->name, holder->is_idle ? " (defined with it, not running)" : "");
		if (holder->pid > 0)
			strbuf_addf(&b, " (pid %d)", holder->pid);
	}
	snprintf(buf, size, "%s", l->n ? strbuf_str(&b) : "somebody who could not be found");
}

/* Distinct release commands, in the order of the holders. */
static void release_commands(const struct ofbc_holder_list *l, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < l->n; i++) {
		const char *cmd = l->v[i].release;
		size_t need = strlen(cmd) + 6;

		if (!cmd[0] || strstr(buf, cmd) || len + need > size)
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s`%s`", len ? ", " : "", cmd);
	}
}

int holder_error(const struct ofbc_holder_list *l, struct ofbc_error *err, const char *what_fmt, ...)
{
	char what[200], who[480], commands[300];
	va_list ap;

	va_start(ap, what_fmt);
	vsnprintf(what, sizeof(what), what_fmt, ap);
	va_end(ap);
	holder_list_text(l, who, sizeof(who));
	release_commands(l, commands, sizeof(commands));
	error_set(err, EBUSY, OFBC_REASON_IN_USE, "%s is in use by %s", what, who);
	if (commands[0])
		error_hint(err, "free it with %s", commands);
	else if (l->incomplete)
		error_hint(err, "run as root to see the processes of other users");
	else
		error_hint(err, "end what holds it, then try again");
	return -EBUSY;
}
