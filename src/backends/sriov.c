/* SPDX-License-Identifier: MIT */
/*
 * Virtual functions of GPUs whose driver has the standard switch: Intel i915 and xe, or any other with
 * sriov_totalvfs. Equal shares 1/1 .. 1/N; all functions appear and vanish together.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "model/capacity.h"

#define DEVICES "sys/bus/pci/devices"

/* Where a driver keeps quotas, and what they are called there. */
static const struct vf_driver {
	const char *driver;
	const char *roots[2];     /* below the device: tried in order */
	const char *memory_free;  /* below the root */
	const char *memory_quota; /* below the root, %u is the VF from 1 */
} vf_drivers[] = {
	{.driver = "i915",
         .roots = {"prelim_iov", "iov"},
         .memory_free = "pf/gt/available/lmem_free",
         .memory_quota = "vf%u/gt/lmem_quota"},
	{.driver = "xe", .roots = {"sriov_admin", NULL}, .memory_quota = "vf%u/profile/vram_quota"},
};

static const struct vf_driver *vf_driver(const struct ofbc_gpu *gpu)
{
	for (size_t i = 0; i < sizeof(vf_drivers) / sizeof(vf_drivers[0]); i++) {
		if (strcmp(vf_drivers[i].driver, gpu->kernel_driver) == 0)
			return &vf_drivers[i];
	}
	return NULL;
}

/* Directory of the quota tree; i915 keeps it below its DRM card. */
static bool quota_root(struct host *h, const struct ofbc_gpu *gpu, char *buf, size_t size)
{
	const struct vf_driver *d = vf_driver(gpu);
	_cleanup_strv_ struct strv cards = {0};

	for (size_t i = 0; d && i < 2 && d->roots[i]; i++) {
		snprintf(buf, size, DEVICES "/%s/%s", gpu->id, d->roots[i]);
		if (sysfs_exists(h->platform, "%s", buf))
			return true;
	}
	if (!d || sysfs_list(h->platform, &cards, DEVICES "/%s/drm", gpu->id) < 0)
		return false;
	for (size_t c = 0; c < cards.n; c++) {
		for (size_t i = 0; i < 2 && d->roots[i]; i++) {
			snprintf(buf, size, DEVICES "/%s/drm/%s/%s", gpu->id, cards.v[c], d->roots[i]);
			if (sysfs_exists(h->platform, "%s", buf))
				return true;
		}
	}
	return false;
}

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	struct pci_function f;

	(void)err;
	/* NVIDIA's functions belong to vgpu, GIM's to gim: neither takes a number here. */
	if (gpu->is_cpu || gpu->pci_vendor == 0x10de || strcmp(gpu->kernel_driver, "gim") == 0 ||
	    pci_read(h->platform, gpu->id, &f) < 0 ||
	    !sysfs_exists(h->platform, DEVICES "/%s/sriov_totalvfs", gpu->id))
		return 0;
	ret->state = OFBC_TECHNOLOGY_UNAVAILABLE;
	if (!f.driver[0])
		snprintf(ret->reason, sizeof(ret->reason), "no driver is bound to the GPU");
	else if (strncmp(f.driver, "vfio", 4) == 0)
		snprintf(ret->reason, sizeof(ret->reason), "the whole GPU is bound to %s", f.driver);
	else if (f.total_vfs == 0)
		snprintf(ret->reason, sizeof(ret->reason),
		         "sriov_totalvfs is 0: check the driver's max_vfs parameter, firmware and IOMMU");
	else
		ret->state = OFBC_TECHNOLOGY_READY;
	return 1;
}

static uint64_t total_memory(struct host *h, const struct ofbc_gpu *gpu)
{
	const struct vf_driver *d = vf_driver(gpu);
	char root[SYSFS_PATH_MAX];
	uint64_t v;

	if (d && d->memory_free && quota_root(h, gpu, root, sizeof(root)) &&
	    sysfs_read_u64(h->platform, &v, "%s/%s", root, d->memory_free) == 0 && v)
		return v;
	return gpu->memory_bytes;
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	struct pci_function f;
	uint64_t memory = total_memory(h, gpu);
	int counter, r = pci_read(h->platform, gpu->id, &f);

	if (r < 0)
		return error_set_errno(err, -r, "%s", gpu->id);
	counter = capacity_counter(cap, "virtual-functions", f.total_vfs);
	for (unsigned n = 1; n <= f.total_vfs && n <= 64; n++) {
		struct ofbc_type *t = list_add(ret);

		if (!t || counter < 0)
			return -ENOMEM;
		snprintf(t->key, sizeof(t->key), "sriov:1/%u", n);
		snprintf(t->group, sizeof(t->group), "sriov/%u", n);
		t->compute_share = 1.0 / n;
		t->memory_bytes = memory / n;
		t->max = t->unit_count = n;
		t->draws[counter] = 1;
		t->native_id = n;
		t->isolation_memory = OFBC_ISOLATION_HARD;
		t->isolation_compute = OFBC_ISOLATION_SHARED;
		t->isolation_faults = true;
		if (f.num_vfs)
			snprintf(t->why_not, sizeof(t->why_not),
			         "%u virtual functions exist, the number changes only through 0", f.num_vfs);
	}
	return 0;
}

static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	_cleanup_strv_ struct strv vfs = {0};
	int r = pci_vfs(h->platform, gpu->id, &vfs);
	char name[96];

	if (r < 0)
		return error_set_errno(err, -r, "cannot list the virtual functions of %s", gpu->id);
	for (size_t i = 0; i < vfs.n; i++) {
		struct ofbc_partition *p = list_add(ret);

		if (!p)
			return -ENOMEM;
		snprintf(p->device, sizeof(p->device), "vf:%s", vfs.v[i]);
		snprintf(name, sizeof(name), "sriov/%s", p->device);
		uuid_derive(name, p->uuid);
		snprintf(p->type, sizeof(p->type), "sriov:1/%zu", vfs.n);
		snprintf(p->handle, sizeof(p->handle), "%s", vfs.v[i]);
		p->memory_bytes = total_memory(h, gpu) / vfs.n;
	}
	return 0;
}

static int vf_holders(struct host *h, const char *vf, struct ofbc_holder_list *ret)
{
	_cleanup_strv_ struct strv nodes = {0};
	char path[SYSFS_PATH_MAX];
	int r;

	snprintf(path, sizeof(path), DEVICES "/%s", vf);
	r = host_vfio_holders(h, path, ret);
	/* A function that stayed on its GPU driver is used through render nodes. */
	if (r == 0 && sysfs_list(h->platform, &nodes, "%s/drm", path) == 0) {
		for (size_t i = 0; r == 0 && i < nodes.n; i++) {
			snprintf(path, sizeof(path), "/dev/dri/%s", nodes.v[i]);
			r = host_node_holders(h, path, ret);
		}
	}
	return r;
}

static int holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv vfs = {0};
	int r = 0;

	(void)err;
	if (p)
		return vf_holders(h, p->handle, ret);
	(void)pci_vfs(h->platform, gpu->id, &vfs);
	for (size_t i = 0; r == 0 && i < vfs.n; i++)
		r = vf_holders(h, vfs.v[i], ret);
	return r;
}

/* Quotas come before the functions; where the driver has no such file it splits evenly by itself. */
static int set_quotas(struct host *h, const struct ofbc_gpu *gpu, unsigned n, uint64_t each,
                      struct ofbc_error *err)
{
	const struct vf_driver *d = vf_driver(gpu);
	char root[SYSFS_PATH_MAX], path[SYSFS_PATH_MAX + 64], text[32], file[64];

	if (!d || !quota_root(h, gpu, root, sizeof(root)))
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)(each / (2 * MIB) * (2 * MIB)));
	for (unsigned vf = 1; vf <= n; vf++) {
		int r;

		snprintf(file, sizeof(file), "vf%u", vf);
		snprintf(path, sizeof(path), "%s/%s%s", root, file, strchr(d->memory_quota, '/'));
		if (!sysfs_exists(h->platform, "%s", path))
			return 0;
		r = sysfs_write(h->platform, text, "%s", path);
		if (r < 0)
			return error_set_errno(err, -r, "cannot set the memory of virtual function %u to %s",
			                       vf, text);
	}
	return 0;
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	unsigned n = args->type->native_id;
	size_t before = ret->n;
	int r = set_quotas(h, gpu, n, args->type->memory_bytes, err);

	if (r == 0)
		r = pci_set_num_vfs(h->platform, gpu->id, n, false, err);
	if (r < 0) {
		(void)set_quotas(h, gpu, n, 0, NULL);
		return r;
	}
	r = list_partitions(h, gpu, ret, err);
	if (r == 0 && ret->n - before != n) {
		(void)pci_set_num_vfs(h->platform, gpu->id, 0, true, NULL);
		ret->n = before;
		r = error_set(err, EIO, OFBC_REASON_FAILED,
		              "%u virtual functions were asked for, not all are there", n);
	}
	return r;
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	struct ofbc_holder_list now = {0};
	_cleanup_strv_ struct strv vfs = {0};
	int r;

	(void)p;
	host_forget_open_devices(h);
	r = holders(h, gpu, NULL, &now, err);
	if (r == 0 && now.n)
		r = holder_error(&now, err, "a virtual function of %s", gpu->alias);
	holder_list_done(&now);
	if (r < 0)
		return r;
	(void)pci_vfs(h->platform, gpu->id, &vfs);
	r = pci_set_num_vfs(h->platform, gpu->id, 0, true, err);
	/* Custom quotas would stay behind. */
	return r < 0 ? r : set_quotas(h, gpu, (unsigned)vfs.n, 0, NULL);
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct ofbc_technology t = {0};

	if (!gpu || probe(h, gpu, &t, NULL) <= 0)
		return 0;
	if (t.state == OFBC_TECHNOLOGY_READY)
		return finding_add(ret, "sriov", gpu, OFBC_FINDING_OK, "ready", "");
	return finding_add(ret, "sriov", gpu, OFBC_FINDING_MISSING, t.reason,
	                   "add intel_iommu=on and the driver's max_vfs to the kernel command line");
}

const struct backend_ops backend_sriov = {
	.name = "sriov",
	.title = "SR-IOV virtual functions",
	.caps = BACKEND_UNIT | BACKEND_GUEST,
	.rank = 30,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.holders = holders,
	.create = create,
	.destroy = destroy,
	.doctor = doctor,
};
