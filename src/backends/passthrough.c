/* SPDX-License-Identifier: MIT */
/* The whole GPU for one guest: bound to vfio-pci with driver_override, and back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "model/capacity.h"

static bool has_iommu(struct host *h)
{
	_cleanup_strv_ struct strv groups = {0};

	return sysfs_list(h->platform, &groups, "sys/kernel/iommu_groups") == 0 && groups.n > 0;
}

/* Functions of the same slot (sound, USB) go with the GPU; anything else in the group is a stranger. */
static bool is_sibling(const char *a, const char *b)
{
	const char *dot = strrchr(a, '.');

	return dot && strncmp(a, b, (size_t)(dot - a) + 1) == 0;
}

static int group_members(struct host *h, const char *id, struct strv *ret_siblings, char *stranger,
                         size_t size)
{
	_cleanup_strv_ struct strv others = {0};
	int r = pci_group_others(h->platform, id, &others);

	for (size_t i = 0; r == 0 && i < others.n; i++) {
		if (!is_sibling(id, others.v[i]))
			snprintf(stranger, size, "%s", others.v[i]);
		else if (ret_siblings)
			r = strv_add(ret_siblings, others.v[i]);
	}
	return r;
}

static bool is_bound(const struct ofbc_gpu *gpu)
{
	return strcmp(gpu->kernel_driver, "vfio-pci") == 0;
}

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	struct pci_function f;
	char stranger[32] = "";

	(void)err;
	if (gpu->is_cpu || pci_read(h->platform, gpu->id, &f) < 0)
		return 0;
	ret->state = OFBC_TECHNOLOGY_UNAVAILABLE;
	if (!has_iommu(h) || !f.iommu_group[0])
		snprintf(ret->reason, sizeof(ret->reason), "no IOMMU group: the IOMMU is off or missing");
	else if (group_members(h, gpu->id, NULL, stranger, sizeof(stranger)) == 0 && stranger[0])
		snprintf(ret->reason, sizeof(ret->reason),
		         "IOMMU group %s also has %s, which is in use by the host", f.iommu_group, stranger);
	else if (f.num_vfs)
		snprintf(ret->reason, sizeof(ret->reason), "%u virtual functions exist", f.num_vfs);
	else
		ret->state = OFBC_TECHNOLOGY_READY;
	return 1;
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	struct ofbc_type *t = list_add(ret);
	uint64_t boot = 0;

	(void)cap;
	(void)err;
	if (!t)
		return -ENOMEM;
	snprintf(t->key, sizeof(t->key), "passthrough:whole");
	snprintf(t->group, sizeof(t->group), "passthrough");
	t->compute_share = 1;
	t->memory_bytes = gpu->memory_bytes;
	t->max = t->unit_count = 1;
	t->isolation_memory = t->isolation_compute = OFBC_ISOLATION_HARD;
	t->isolation_faults = t->has_display = true;
	if (!is_bound(gpu) &&
	    sysfs_read_u64(h->platform, &boot, "sys/bus/pci/devices/%s/boot_vga", gpu->id) == 0 && boot)
		snprintf(t->why_not, sizeof(t->why_not), "the console of the host is on this GPU");
	return 0;
}

static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	_cleanup_strv_ struct strv siblings = {0};
	char name[96], driver[32], stranger[32] = "";
	struct ofbc_partition *p;

	(void)err;
	if (sysfs_link_name(h->platform, driver, sizeof(driver), "sys/bus/pci/devices/%s/driver", gpu->id) <
	            0 ||
	    strcmp(driver, "vfio-pci") != 0)
		return 0;
	p = list_add(ret);
	if (!p)
		return -ENOMEM;
	snprintf(p->device, sizeof(p->device), "pci:%s", gpu->id);
	snprintf(name, sizeof(name), "passthrough/%s", p->device);
	uuid_derive(name, p->uuid);
	snprintf(p->type, sizeof(p->type), "passthrough:whole");
	snprintf(p->handle, sizeof(p->handle), "%s", gpu->id);
	p->memory_bytes = gpu->memory_bytes;
	/* A guest can open the group only when all its functions are away from the host. */
	if (group_members(h, gpu->id, &siblings, stranger, sizeof(stranger)) == 0 && siblings.n)
		p->state = OFBC_PARTITION_INCOMPLETE;
	return 0;
}

static int holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	char dir[SYSFS_PATH_MAX];
	_cleanup_strv_ struct strv nodes = {0};
	int r;

	(void)p;
	(void)err;
	snprintf(dir, sizeof(dir), "sys/bus/pci/devices/%s", gpu->id);
	r = host_vfio_holders(h, ret, "%s", dir);
	if (r == 0 && sysfs_list(h->platform, &nodes, "%s/drm", dir) == 0) {
		for (size_t i = 0; r == 0 && i < nodes.n; i++) {
			snprintf(dir, sizeof(dir), "/dev/dri/%s", nodes.v[i]);
			r = host_node_holders(h, dir, ret);
		}
	}
	return r;
}

/* Processes on the vendor's own nodes block the unbind for ever; find them by the device's index file. */
static int vendor_holders(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_holder_list *ret)
{
	char text[1024], node[64];
	const char *minor;

	if (strcmp(gpu->kernel_driver, "nvidia") != 0)
		return 0;
	if (host_kernel_holders(h, ret) < 0)
		return -ENOMEM;
	if (sysfs_read(h->platform, text, sizeof(text), "proc/driver/nvidia/gpus/%s/information", gpu->id) <=
	    0)
		return 0;
	minor = strstr(text, "Device Minor:");
	if (!minor)
		return 0;
	snprintf(node, sizeof(node), "/dev/nvidia%lu", strtoul(minor + 13, NULL, 10));
	return host_node_holders(h, node, ret);
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv members = {0};
	struct ofbc_holder_list now = {0};
	char stranger[32] = "";
	size_t done = 0;
	int r;

	(void)args;
	host_nvml_close(h);
	host_forget_open_devices(h);
	r = holders(h, gpu, NULL, &now, err);
	if (r == 0)
		r = vendor_holders(h, gpu, &now);
	if (r == 0 && now.n)
		r = holder_error(&now, err, "GPU %s", gpu->alias);
	holder_list_done(&now);
	if (r == 0)
		r = strv_add(&members, gpu->id);
	if (r == 0)
		r = group_members(h, gpu->id, &members, stranger, sizeof(stranger));
	if (r == 0 && stranger[0])
		r = error_set(err, EBUSY, OFBC_REASON_NOT_SUPPORTED,
		              "the IOMMU group has %s, too, which the host uses", stranger);
	for (; r == 0 && done < members.n; done++)
		r = pci_bind(h->platform, members.v[done], "vfio-pci", err);
	if (r < 0) {
		for (; done > 0; done--)
			(void)pci_bind(h->platform, members.v[done - 1], "", NULL);
		return r;
	}
	return list_partitions(h, gpu, ret, err);
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	struct ofbc_holder_list now = {0};
	_cleanup_strv_ struct strv all = {0};
	struct pci_function f;
	int r;

	(void)p;
	host_forget_open_devices(h);
	r = holders(h, gpu, NULL, &now, err);
	if (r == 0 && now.n)
		r = holder_error(&now, err, "GPU %s", gpu->alias);
	holder_list_done(&now);
	if (r < 0)
		return r;
	r = pci_read(h->platform, gpu->id, &f);
	if (r < 0)
		return error_set_errno(err, -r, "%s", gpu->id);
	(void)sysfs_list(h->platform, &all, "sys/kernel/iommu_groups/%s/devices", f.iommu_group);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (is_sibling(gpu->id, all.v[i]))
			r = pci_bind(h->platform, all.v[i], "", err);
	}
	if (r < 0)
		return r;
	/* vfio-pci.ids= on the command line, or a new_id, takes it back at once. */
	r = pci_read(h->platform, gpu->id, &f);
	if (r == 0 && strcmp(f.driver, "vfio-pci") == 0) {
		r = error_set(err, EIO, OFBC_REASON_FAILED, "%s is bound to vfio-pci again", gpu->id);
		error_hint(
			err,
			"take its id out of vfio-pci.ids: `grep -r vfio-pci /etc/modprobe.d /proc/cmdline`");
	}
	return r;
}

/* The functions of its slot that stand in its group, all bound by us. */
static int hostdev(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   const struct ofbc_type *t, struct hostdev *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv all = {0};
	int r = host_hostdev_function(h, gpu->id, ret);

	(void)p;
	(void)t;
	(void)err;
	(void)sysfs_list(h->platform, &all, "sys/kernel/iommu_groups/%s/devices", ret->iommu_group);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (strcmp(all.v[i], gpu->id) != 0 && is_sibling(gpu->id, all.v[i]))
			r = host_hostdev_function(h, all.v[i], ret);
	}
	return r;
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct ofbc_technology t = {0};
	struct pci_function f;
	char fix[256];

	if (!gpu || probe(h, gpu, &t, NULL) <= 0)
		return 0;
	if (t.state == OFBC_TECHNOLOGY_READY)
		return finding_add(ret, "passthrough", gpu, OFBC_FINDING_OK, "ready", "");
	if (!has_iommu(h))
		return finding_add(ret, "passthrough", gpu, OFBC_FINDING_MISSING, t.reason,
		                   "add intel_iommu=on iommu=pt to the kernel command line and reboot");
	/* Cut into functions is a choice, not a lack. */
	if (pci_read(h->platform, gpu->id, &f) == 0 && f.num_vfs) {
		snprintf(fix, sizeof(fix), "openforbc partition list %s", gpu->alias);
		return finding_add(ret, "passthrough", gpu, OFBC_FINDING_NOTE, t.reason, fix);
	}
	snprintf(fix, sizeof(fix),
	         "move the card to another slot; the group: ls /sys/bus/pci/devices/%s/iommu_group/devices",
	         gpu->id);
	return finding_add(ret, "passthrough", gpu, OFBC_FINDING_MISSING, t.reason, fix);
}

const struct backend_ops backend_passthrough = {
	.name = "passthrough",
	.title = "Whole GPU by vfio-pci",
	.caps = BACKEND_GUEST,
	.rank = 80,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.holders = holders,
	.create = create,
	.destroy = destroy,
	.hostdev = hostdev,
	.doctor = doctor,
};
