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
#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "model/capacity.h"

#define DEVICES   "sys/bus/pci/devices"
#define XE_DEBUG  "sys/kernel/debug/dri/{gpu}"

#define MAX_PARTS 8 /* tiles or GTs of one GPU */
#define MAX_VFS   64

/* One thing that is shared out. {card} {gpu} {vf} {part} in the paths are filled in. */
struct quota {
	const char *file;
	const char *free;  /* what can be given away, for all functions together */
	const char *key;   /* in front of the number in that file; NULL: the file is the number */
	uint64_t grain;    /* shares are multiples of it */
	uint64_t fallback; /* of `free`, when it cannot be read */
	uint64_t most;     /* for one function; 0: no limit */
	bool is_memory;
};

/* Where a driver keeps quotas. The first layout that is there counts. */
struct layout {
	const char *driver;
	const char *restore; /* 1 written there lets the driver split by itself again */
	struct quota quotas[6];
};

/* What Intel's xpu-smi gives away on its boards, for a driver that does not tell what it has. It never gives
 * one function more than 1024 contexts. */
#define XPU_GGTT      4026531840u
#define XPU_CONTEXTS  1024u
#define XPU_DOORBELLS 240u

#define MEMORY(f, from, k)                                                                                   \
	{                                                                                                    \
		.file = (f), .free = (from), .key = (k), .grain = 2 * MIB, .is_memory = true                 \
	}
#define GGTT(f, from, k)                                                                                     \
	{                                                                                                    \
		.file = (f), .free = (from), .key = (k), .grain = 64 * KIB, .fallback = XPU_GGTT             \
	}
#define DOORBELLS(f, from)                                                                                   \
	{                                                                                                    \
		.file = (f), .free = (from), .grain = 1, .fallback = XPU_DOORBELLS                           \
	}
#define CONTEXTS(f, from)                                                                                    \
	{                                                                                                    \
		.file = (f), .free = (from), .grain = 1, .fallback = XPU_CONTEXTS * MAX_VFS,                 \
		.most = XPU_CONTEXTS                                                                         \
	}

#define I915(root, gt)                                                                                       \
	{                                                                                                    \
		.driver = "i915", .restore = root "/pf/auto_provisioning", .quotas = {                       \
			MEMORY(root "/vf{vf}/" gt "/lmem_quota", root "/pf/" gt "/available/lmem_free",      \
			       NULL),                                                                        \
			GGTT(root "/vf{vf}/" gt "/ggtt_quota", root "/pf/" gt "/available/ggtt_free", NULL), \
			CONTEXTS(root "/vf{vf}/" gt "/contexts_quota",                                       \
			         root "/pf/" gt "/available/contexts_free"),                                 \
			DOORBELLS(root "/vf{vf}/" gt "/doorbells_quota",                                     \
			          root "/pf/" gt "/available/doorbells_free"),                               \
		}                                                                                            \
	}

/* i915: ports to new kernels say prelim_iov, the data centre driver iov; a board of one tile says gt.
 * xe: from kernel 7.0 on a sysfs file for the memory alone; before that debugfs (two trees), where one custom
 * quota switches the driver's own split off, so that all of them are written. */
static const struct layout layouts[] = {
	I915("sys/class/drm/{card}/prelim_iov", "gt"),
	I915("sys/class/drm/{card}/prelim_iov", "gt{part}"),
	I915("sys/class/drm/{card}/iov", "gt"),
	I915("sys/class/drm/{card}/iov", "gt{part}"),
	{.driver = "xe",
         .quotas = {MEMORY(DEVICES "/{gpu}/sriov_admin/vf{vf}/profile/vram_quota", XE_DEBUG "/tile0/vram_mm",
                           "visible_avail:")}},
	{.driver = "xe",
         .restore = XE_DEBUG "/sriov/restore_auto_provisioning",
         .quotas = {MEMORY(XE_DEBUG "/sriov/vf{vf}/tile{part}/vram_quota", XE_DEBUG "/tile{part}/vram_mm",
                           "visible_avail:"),
                    GGTT(XE_DEBUG "/sriov/vf{vf}/tile{part}/ggtt_quota",
                         XE_DEBUG "/sriov/pf/tile{part}/ggtt_available", "total:"),
                    CONTEXTS(XE_DEBUG "/sriov/vf{vf}/tile0/gt{part}/contexts_quota", NULL),
                    DOORBELLS(XE_DEBUG "/sriov/vf{vf}/tile0/gt{part}/doorbells_quota", NULL)}},
	{.driver = "xe",
         .quotas = {MEMORY(XE_DEBUG "/gt{part}/vf{vf}/lmem_quota", XE_DEBUG "/vram{part}_mm",
                           "visible_avail:"),
                    GGTT(XE_DEBUG "/gt{part}/vf{vf}/ggtt_quota", NULL, NULL),
                    CONTEXTS(XE_DEBUG "/gt{part}/vf{vf}/contexts_quota", NULL),
                    DOORBELLS(XE_DEBUG "/gt{part}/vf{vf}/doorbells_quota", NULL)}},
};

/* The layout of one GPU and what its paths need. */
struct quotas {
	const struct layout *layout; /* NULL: the driver splits by itself */
	const char *gpu;
	char card[32];
};

static void fill_path(const struct quotas *q, const char *template, unsigned vf, unsigned part,
                      char buf[SYSFS_PATH_MAX])
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(SYSFS_PATH_MAX - 1);

	for (const char *c = template; *c; c++) {
		if (*c != '{') {
			strbuf_addc(&b, *c);
			continue;
		}
		if (c[1] == 'v')
			strbuf_addf(&b, "%u", vf);
		else if (c[1] == 'p')
			strbuf_addf(&b, "%u", part);
		else
			strbuf_add(&b, c[1] == 'c' ? q->card : q->gpu);
		c = strchr(c, '}');
	}
	snprintf(buf, SYSFS_PATH_MAX, "%s", strbuf_str(&b));
}

static void find_card(struct host *h, const struct ofbc_gpu *gpu, char *buf, size_t size)
{
	_cleanup_strv_ struct strv nodes = {0};

	buf[0] = '\0';
	(void)sysfs_list(h->platform, &nodes, DEVICES "/%s/drm", gpu->id);
	for (size_t i = 0; i < nodes.n && !buf[0]; i++) {
		if (strncmp(nodes.v[i], "card", 4) == 0)
			snprintf(buf, size, "%s", nodes.v[i]);
	}
}

static void find_quotas(struct host *h, const struct ofbc_gpu *gpu, struct quotas *ret)
{
	char path[SYSFS_PATH_MAX];

	*ret = (struct quotas){.gpu = gpu->id};
	find_card(h, gpu, ret->card, sizeof(ret->card));
	for (size_t i = 0; i < ARRAY_SIZE(layouts) && !ret->layout; i++) {
		if (strcmp(layouts[i].driver, gpu->kernel_driver) != 0)
			continue;
		fill_path(ret, layouts[i].quotas[0].file, 1, 0, path);
		if (sysfs_exists(h->platform, "%s", path))
			ret->layout = &layouts[i];
	}
}

/* Some quotas have no tile in their path, some GTs (media) no memory. */
static bool quota_path(struct host *h, const struct quotas *q, const struct quota *quota, unsigned vf,
                       unsigned part, char buf[SYSFS_PATH_MAX])
{
	if (part && !strstr(quota->file, "{part}"))
		return false;
	fill_path(q, quota->file, vf, part, buf);
	return sysfs_exists(h->platform, "%s", buf);
}

/* "65536", or "visible_avail: 16128MiB" somewhere in a text. */
static bool read_free(struct host *h, const struct quotas *q, const struct quota *quota, unsigned part,
                      uint64_t *ret)
{
	char path[SYSFS_PATH_MAX], text[4096], *end;
	const char *at = text;

	if (!quota->free)
		return false;
	fill_path(q, quota->free, 0, part, path);
	if (sysfs_read(h->platform, text, sizeof(text), "%s", path) <= 0)
		return false;
	if (quota->key) {
		at = strstr(text, quota->key);
		if (!at)
			return false;
		at += strlen(quota->key);
	}
	*ret = strtoull(at, &end, 10);
	if (end == at)
		return false;
	if (strncmp(end, "MiB", 3) == 0)
		*ret *= MIB;
	return true;
}

/* Memory that function `vf` has, of all tiles; 0 unknown. */
static uint64_t vf_memory(struct host *h, const struct quotas *q, unsigned vf)
{
	char path[SYSFS_PATH_MAX];
	uint64_t sum = 0, v;

	for (unsigned part = 0; q->layout && part < MAX_PARTS; part++) {
		if (quota_path(h, q, &q->layout->quotas[0], vf, part, path) &&
		    sysfs_read_u64(h->platform, &v, "%s", path) == 0)
			sum += v;
	}
	return sum;
}

/* What all functions together can have. While some exist, `free` is only what they left. */
static uint64_t total_memory(struct host *h, const struct ofbc_gpu *gpu, const struct quotas *q,
                             unsigned num_vfs)
{
	uint64_t left = 0, taken = 0, v;

	for (unsigned part = 0; q->layout && part < MAX_PARTS; part++) {
		if (part && !strstr(q->layout->quotas[0].file, "{part}"))
			break;
		if (!read_free(h, q, &q->layout->quotas[0], part, &v))
			break;
		left += v;
	}
	for (unsigned vf = 1; vf <= num_vfs; vf++)
		taken += vf_memory(h, q, vf);
	left = left > taken ? left : taken;
	return left ? left : gpu->memory_bytes;
}

static bool has_iommu(struct host *h)
{
	_cleanup_strv_ struct strv groups = {0};

	return sysfs_list(h->platform, &groups, "sys/kernel/iommu_groups") == 0 && groups.n > 0;
}

/* Why there are no functions, and the command that mends it; NULL: nothing is in the way. */
static const char *obstacle(struct host *h, const struct pci_function *f, char fix[256], char *buf,
                            size_t size)
{
	fix[0] = '\0';
	if (!f->driver[0]) {
		snprintf(fix, 256, "echo %s > /sys/bus/pci/drivers_probe", f->address);
		snprintf(buf, size, "no driver is bound to the GPU");
	} else if (strncmp(f->driver, "vfio", 4) == 0) {
		snprintf(fix, 256, "openforbc partition list %s", f->address);
		snprintf(buf, size, "the whole GPU is bound to %s", f->driver);
	} else if (!has_iommu(h)) {
		snprintf(fix, 256, "add intel_iommu=on iommu=pt to the kernel command line and reboot");
		snprintf(buf, size, "the IOMMU is off or missing");
	} else if (f->total_vfs == 0) {
		snprintf(fix, 256, "add %s%s.max_vfs=31 to the kernel command line and reboot",
		         strcmp(f->driver, "i915") == 0 ? "i915.enable_guc=3 " : "", f->driver);
		snprintf(buf, size,
		         "sriov_totalvfs is 0: switched off by the driver's max_vfs, or no firmware");
	} else {
		return NULL;
	}
	return buf;
}

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	struct pci_function f;
	char fix[256];

	(void)err;
	/* NVIDIA's functions belong to vgpu, AMD's to gim: neither takes a number here. */
	if (gpu->is_cpu || gpu->pci_vendor == 0x10de || gpu->pci_vendor == 0x1002 ||
	    pci_read(h->platform, gpu->id, &f) < 0 ||
	    !sysfs_exists(h->platform, DEVICES "/%s/sriov_totalvfs", gpu->id))
		return 0;
	ret->state = obstacle(h, &f, fix, ret->reason, sizeof(ret->reason)) ? OFBC_TECHNOLOGY_UNAVAILABLE
	                                                                    : OFBC_TECHNOLOGY_READY;
	return 1;
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	struct pci_function f;
	struct quotas q;
	uint64_t memory;
	int counter, r = pci_read(h->platform, gpu->id, &f);

	if (r < 0)
		return error_set_errno(err, -r, "%s", gpu->id);
	find_quotas(h, gpu, &q);
	memory = total_memory(h, gpu, &q, f.num_vfs);
	counter = capacity_counter(cap, "virtual-functions", f.total_vfs);
	for (unsigned n = 1; n <= f.total_vfs && n <= MAX_VFS; n++) {
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
			         "%u virtual functions exist; destroy them first", f.num_vfs);
	}
	return 0;
}

static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	_cleanup_strv_ struct strv vfs = {0};
	int r = pci_vfs(h->platform, gpu->id, &vfs);
	uint64_t share = 0;
	struct quotas q;
	char name[160];

	if (r < 0)
		return error_set_errno(err, -r, "cannot list the virtual functions of %s", gpu->id);
	if (vfs.n) {
		find_quotas(h, gpu, &q);
		share = total_memory(h, gpu, &q, (unsigned)vfs.n) / vfs.n;
	}
	for (size_t i = 0; i < vfs.n; i++) {
		struct ofbc_partition *p = list_add(ret);

		if (!p)
			return -ENOMEM;
		snprintf(p->device, sizeof(p->device), "vf:%s", vfs.v[i]);
		snprintf(name, sizeof(name), "sriov/%s", p->device);
		uuid_derive(name, p->uuid);
		snprintf(p->type, sizeof(p->type), "sriov:1/%zu", vfs.n);
		snprintf(p->handle, sizeof(p->handle), "%s", vfs.v[i]);
		p->memory_bytes = vf_memory(h, &q, (unsigned)i + 1);
		if (!p->memory_bytes)
			p->memory_bytes = share;
	}
	return 0;
}

static int vf_holders(struct host *h, const char *vf, struct ofbc_holder_list *ret)
{
	_cleanup_strv_ struct strv nodes = {0};
	char path[SYSFS_PATH_MAX];
	int r;

	snprintf(path, sizeof(path), DEVICES "/%s", vf);
	r = host_vfio_holders(h, ret, "%s", path);
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

static int write_quota(struct host *h, const char *path, uint64_t value, unsigned vf, struct ofbc_error *err)
{
	char text[32];
	int r;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	r = sysfs_write(h->platform, text, "%s", path);
	if (r == 0)
		return 0;
	error_set(err, -r,
	          r == -ENOSPC || r == -EDQUOT || r == -EOVERFLOW ? OFBC_REASON_NO_CAPACITY
	                                                          : error_reason_of_errno(-r),
	          "virtual function %u: cannot set %s to %s: %s", vf, strrchr(path, '/') + 1, text,
	          strerror(-r));
	error_hint(err, "the reason is in `journalctl -k`");
	return r;
}

/* Quotas stay behind when the functions go (xe and i915 alike), so they are taken back by hand. */
static void restore_quotas(struct host *h, const struct quotas *q, unsigned n)
{
	char path[SYSFS_PATH_MAX];
	int r;

	for (unsigned vf = 1; q->layout && vf <= n; vf++) {
		for (size_t i = 0; i < ARRAY_SIZE(q->layout->quotas) && q->layout->quotas[i].file; i++) {
			for (unsigned part = 0; part < MAX_PARTS; part++) {
				if (quota_path(h, q, &q->layout->quotas[i], vf, part, path))
					(void)sysfs_write(h->platform, "0", "%s", path);
			}
		}
	}
	if (!q->layout || !q->layout->restore)
		return;
	fill_path(q, q->layout->restore, 0, 0, path);
	r = sysfs_write(h->platform, "1", "%s", path);
	if (r < 0)
		platform_debug(h->platform, "%s: the driver's own split could not be switched on again: %s",
		               q->gpu, strerror(-r));
}

/* Equal shares of one thing for functions 1..n, on every tile that has it. */
static int share_out(struct host *h, const struct quotas *q, const struct quota *quota, unsigned n,
                     struct ofbc_error *err)
{
	char path[SYSFS_PATH_MAX];
	int r = 0;

	for (unsigned part = 0; part < MAX_PARTS; part++) {
		uint64_t each;

		if (!quota_path(h, q, quota, 1, part, path))
			continue;
		if (!read_free(h, q, quota, part, &each))
			each = quota->fallback;
		each = each / n / quota->grain * quota->grain;
		if (quota->most && each > quota->most)
			each = quota->most;
		if (each == 0)
			return error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY,
			                 "nothing is left of %s to split into %u", strrchr(path, '/') + 1, n);
		for (unsigned vf = 1; r == 0 && vf <= n; vf++) {
			if (quota_path(h, q, quota, vf, part, path))
				r = write_quota(h, path, each, vf, err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Quotas come before the functions. Where nothing is known of the memory the driver splits by itself: a
 * custom quota of one thing would leave the others empty. */
static int set_quotas(struct host *h, const struct quotas *q, unsigned n, struct ofbc_error *err)
{
	uint64_t memory;
	int r = 0;

	if (!q->layout || !read_free(h, q, &q->layout->quotas[0], 0, &memory))
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(q->layout->quotas) && q->layout->quotas[i].file; i++)
		r = share_out(h, q, &q->layout->quotas[i], n, err);
	return r;
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	unsigned n = args->type->native_id;
	size_t before = ret->n;
	struct pci_function f;
	struct quotas q;
	int r = pci_read(h->platform, gpu->id, &f);

	if (r < 0)
		return error_set_errno(err, -r, "%s", gpu->id);
	/* The number changes only through 0, which would take the functions away from whoever has them. */
	if (f.num_vfs)
		return error_set(err, EBUSY, OFBC_REASON_NO_CAPACITY,
		                 "%u virtual functions exist; destroy them first", f.num_vfs);
	find_quotas(h, gpu, &q);
	r = set_quotas(h, &q, n, err);
	if (r == 0)
		r = pci_set_num_vfs(h->platform, gpu->id, n, err);
	if (r == 0)
		r = list_partitions(h, gpu, ret, err);
	if (r == 0 && ret->n - before != n)
		r = error_set(err, EIO, OFBC_REASON_FAILED,
		              "%u virtual functions were asked for, %zu are there", n, ret->n - before);
	if (r < 0) {
		ret->n = before;
		(void)pci_set_num_vfs(h->platform, gpu->id, 0, NULL);
		restore_quotas(h, &q, n);
	}
	return r;
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	struct ofbc_holder_list now = {0};
	_cleanup_strv_ struct strv vfs = {0};
	struct pci_function f;
	struct quotas q;
	int r = pci_read(h->platform, gpu->id, &f);

	(void)p;
	if (r < 0)
		return error_set_errno(err, -r, "%s", gpu->id);
	/* The write blocks in the kernel while a function is held: look again, at the last moment. */
	host_forget_open_devices(h);
	r = holders(h, gpu, NULL, &now, err);
	if (r < 0)
		error_set_errno(err, -r, "cannot find out who uses the virtual functions of %s", gpu->alias);
	else if (now.n)
		r = holder_error(&now, err, "a virtual function of %s", gpu->alias);
	holder_list_done(&now);
	if (r < 0)
		return r;
	r = pci_vfs(h->platform, gpu->id, &vfs);
	if (r < 0)
		return error_set_errno(err, -r, "cannot list the virtual functions of %s", gpu->id);
	r = pci_set_num_vfs(h->platform, gpu->id, 0, err);
	if (r < 0)
		return r;
	find_quotas(h, gpu, &q);
	restore_quotas(h, &q, vfs.n ? (unsigned)vfs.n : f.total_vfs);
	return 0;
}

/* --- functions that stayed on the host --- */

static bool is_gpu_driver(const char *driver)
{
	return driver[0] && !strstr(driver, "vfio") && strcmp(driver, "pci-stub") != 0;
}

static void vf_driver(struct host *h, const char *vf, char *buf, size_t size)
{
	if (sysfs_link_name(h->platform, buf, size, DEVICES "/%s/driver", vf) < 0)
		buf[0] = '\0';
}

static int env(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p, bool alone,
               struct strv *ret, struct ofbc_error *err)
{
	char driver[32];

	vf_driver(h, p->handle, driver, sizeof(driver));
	if (!is_gpu_driver(driver)) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "a process cannot use function %s: it is bound to %s", p->handle,
		          driver[0] ? driver : "no driver");
		error_hint(err, "`openforbc partition bind %s host` binds it to the GPU's driver", p->uuid);
		return -ENOTSUP;
	}
	return strcmp(gpu->vendor, "intel") == 0 ? host_level_zero_env(h, p->handle, alone, ret, err) : 0;
}

static int nodes(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                 struct access *ret, struct ofbc_error *err)
{
	struct hostdev dev = {0};
	char driver[32];
	int r;

	vf_driver(h, p->handle, driver, sizeof(driver));
	if (is_gpu_driver(driver))
		return host_drm_nodes(h, p->handle, ret, err);
	r = host_hostdev_vf(h, gpu, p, NULL, &dev, err);
	if (r == 0)
		r = host_vfio_nodes(h, &dev, p, ret, err);
	if (r == -ENOTSUP)
		error_hint(err,
		           "`openforbc partition bind %s host` for programs, or `... vfio-pci` for a QEMU",
		           p->uuid);
	return r;
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct ofbc_technology t = {0};
	struct pci_function f;
	struct quotas q;
	char fix[256], why[256];

	if (!gpu || probe(h, gpu, &t, NULL) <= 0 || pci_read(h->platform, gpu->id, &f) < 0)
		return 0;
	if (obstacle(h, &f, fix, why, sizeof(why)))
		return finding_add(ret, "sriov", gpu, OFBC_FINDING_MISSING, why, fix);
	find_quotas(h, gpu, &q);
	if (!q.layout && strcmp(f.driver, "xe") == 0)
		return finding_add(ret, "sriov", gpu, OFBC_FINDING_NOTE,
		                   "no memory quotas: the driver splits by itself, some versions give each "
		                   "function 128 MiB",
		                   "mount -t debugfs none /sys/kernel/debug");
	return finding_add(ret, "sriov", gpu, OFBC_FINDING_OK, "ready", "");
}

const struct backend_ops backend_sriov = {
	.name = "sriov",
	.title = "SR-IOV virtual functions",
	.caps = BACKEND_UNIT | BACKEND_PROCESS | BACKEND_GUEST,
	.rank = 30,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.holders = holders,
	.create = create,
	.destroy = destroy,
	.env = env,
	.nodes = nodes,
	.hostdev = host_hostdev_vf,
	.doctor = doctor,
};
