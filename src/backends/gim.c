/* SPDX-License-Identifier: MIT */
/*
 * AMD MxGPU under the GIM host driver. The number of virtual functions is fixed when the module probes: it is
 * changed by loading the module with vf_num, which touches every GPU under GIM. sriov_numvfs does not exist
 * for this driver (a write gives ENOENT), and a refused write to its own files looks successful: everything
 * is read back.
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
#include "model/capacity.h"

#define DEVICES  "sys/bus/pci/devices"
#define MAX_VFS  31 /* of the parameter vf_num ... */
#define MAX_GPUS 32 /* ... and its length */

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	struct pci_function f;

	(void)err;
	if (gpu->is_cpu || gpu->pci_vendor != 0x1002 || pci_read(h->platform, gpu->id, &f) < 0)
		return 0;
	/* amdgpu has no switch for virtual functions: a board that has them needs GIM in its place. */
	if (strcmp(f.driver, "gim") != 0 && (f.total_vfs == 0 || f.is_vf))
		return 0;
	ret->state = OFBC_TECHNOLOGY_UNAVAILABLE;
	if (strcmp(f.driver, "gim") != 0)
		snprintf(ret->reason, sizeof(ret->reason),
		         "bound to %s: virtual functions need the driver gim",
		         f.driver[0] ? f.driver : "no driver");
	else if (f.total_vfs == 0)
		snprintf(ret->reason, sizeof(ret->reason), "the GPU has no virtual functions");
	else
		ret->state = OFBC_TECHNOLOGY_READY;
	return 1;
}

/* Boards whose driver has no table of profiles and takes only these numbers (release notes of GIM). */
static const struct {
	uint32_t device;
	uint64_t counts; /* bit n: n functions */
} boards[] = {
	{0x7460, 1u << 1 | 1u << 4 | 1u << 12}, /* Radeon Pro V710 */
};

static uint64_t board_counts(const struct ofbc_gpu *gpu)
{
	for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
		if (boards[i].device == gpu->pci_device)
			return boards[i].counts;
	}
	return 0;
}

/* Bit n: the board can be cut into n. GIM's table of profiles has a line "index type partitions memory ..."
 * for each behind "profiles:" (gim_monitor.c of MxGPU-Virtualization 9); 0: nothing is known, the firmware
 * decides. */
static uint64_t profile_counts(struct host *h, const struct ofbc_gpu *gpu)
{
	char text[4096];
	const char *line;
	uint64_t counts = 0;

	if (sysfs_read(h->platform, text, sizeof(text), DEVICES "/%s/accelerator_partition_profile_config",
	               gpu->id) <= 0)
		return board_counts(gpu);
	/* The table of resources comes first, its name ends in the same word. */
	line = strstr(text, "\nprofiles:");
	for (line = line ? strchr(line + 1, '\n') : NULL; line; line = strchr(line + 1, '\n')) {
		unsigned index, n;
		char type[16];

		if (sscanf(line + 1, "%u %15s %u", &index, type, &n) == 3 && n < 64)
			counts |= UINT64_C(1) << n;
	}
	return counts ? counts : board_counts(gpu);
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	struct pci_function f;
	uint64_t counts = profile_counts(h, gpu);
	int counter, r = pci_read(h->platform, gpu->id, &f);

	if (r < 0)
		return error_set_errno(err, -r, "%s", gpu->id);
	counter = capacity_counter(cap, "virtual-functions", f.total_vfs);
	for (unsigned n = f.total_vfs > 1 ? 2 : 1; n <= f.total_vfs && n <= MAX_VFS; n++) {
		struct ofbc_type *t;

		if (counts && !(counts >> n & 1))
			continue;
		t = list_add(ret);
		if (!t || counter < 0)
			return -ENOMEM;
		snprintf(t->key, sizeof(t->key), "gim:1/%u", n);
		snprintf(t->group, sizeof(t->group), "gim/%u", n);
		t->compute_share = 1.0 / n;
		t->memory_bytes = gpu->memory_bytes / n;
		t->max = t->unit_count = n;
		t->draws[counter] = 1;
		t->native_id = n;
		t->isolation_memory = OFBC_ISOLATION_HARD;
		t->isolation_compute = OFBC_ISOLATION_SHARED;
		t->isolation_faults = true;
		if (f.num_vfs > 1)
			snprintf(t->why_not, sizeof(t->why_not),
			         "%u virtual functions exist; destroy them first", f.num_vfs);
	}
	return 0;
}

static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	_cleanup_strv_ struct strv vfs = {0};
	char name[160];
	struct pci_function f;
	int r = pci_vfs(h->platform, gpu->id, &vfs);

	if (r < 0)
		return error_set_errno(err, -r, "cannot list the virtual functions of %s", gpu->id);
	/* The module never makes less than one: on a board that can be cut, one is the uncut GPU. */
	if (vfs.n == 1 && pci_read(h->platform, gpu->id, &f) == 0 && f.total_vfs > 1)
		return 0;
	for (size_t i = 0; i < vfs.n; i++) {
		struct ofbc_partition *p = list_add(ret);

		if (!p)
			return -ENOMEM;
		snprintf(p->device, sizeof(p->device), "vf:%s", vfs.v[i]);
		snprintf(name, sizeof(name), "gim/%s", p->device);
		uuid_derive(name, p->uuid);
		snprintf(p->type, sizeof(p->type), "gim:1/%zu", vfs.n);
		snprintf(p->handle, sizeof(p->handle), "%s", vfs.v[i]);
		p->memory_bytes = gpu->memory_bytes / vfs.n;
	}
	return 0;
}

static int holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv vfs = {0};
	char dir[SYSFS_PATH_MAX];
	int r = p ? strv_add(&vfs, p->handle) : pci_vfs(h->platform, gpu->id, &vfs);

	(void)err;
	for (size_t i = 0; r == 0 && i < vfs.n; i++) {
		snprintf(dir, sizeof(dir), DEVICES "/%s", vfs.v[i]);
		r = host_vfio_holders(h, ret, "%s", dir);
	}
	return r;
}

static int by_address(const void *a, const void *b)
{
	const struct ofbc_gpu *x = *(const struct ofbc_gpu *const *)a,
			      *y = *(const struct ofbc_gpu *const *)b;

	return strcmp(x->id, y->id);
}

/* GPUs under the module, in the order in which it meets them and reads vf_num: that of their addresses. */
static size_t gim_gpus(struct host *h, const struct ofbc_gpu *ret[MAX_GPUS])
{
	size_t n = 0;

	for (size_t i = 0; h->gpus && i < h->gpus->n && n < MAX_GPUS; i++) {
		if (strcmp(h->gpus->v[i].kernel_driver, "gim") == 0)
			ret[n++] = &h->gpus->v[i];
	}
	qsort(ret, n, sizeof(ret[0]), by_address);
	return n;
}

/* The module is loaded anew, so that all GPUs under it must be idle. */
static int check_idle(struct host *h, const struct ofbc_gpu *const *gpus, size_t n, const char *vf_num,
                      struct ofbc_error *err)
{
	struct ofbc_holder_list now = {0};
	int r = 0;

	host_forget_open_devices(h);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = holders(h, gpus[i], NULL, &now, NULL);
	if (r < 0) {
		error_set_errno(err, -r, "cannot find out who uses the virtual functions");
	} else if (now.n) {
		r = holder_error(&now, err,
		                 "a virtual function of the %zu GPUs under gim, which is loaded anew", n);
	} else if (now.incomplete) {
		r = error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED,
		              "some processes could not be looked into, one of them may use a GPU under gim");
		error_hint(err, "as root: `modprobe -r gim; modprobe gim %s`", vf_num);
	}
	holder_list_done(&now);
	return r;
}

static int modprobe(struct host *h, const char *const argv[], struct ofbc_error *err)
{
	struct command_result result = {0};
	int r = h->platform->ops->run(h->platform, &(struct command){.argv = argv, .timeout_ms = 60000},
	                              &result);

	if (r == 0 && result.status == 0)
		return 0;
	result.out[strcspn(result.out, "\n")] = '\0';
	r = r < 0 ? r : -EIO;
	error_set(err, -r, OFBC_REASON_FAILED, "gim could not be loaded anew: %s",
	          result.out[0] ? result.out : strerror(-r));
	return r;
}

/* What the module had before it is unloaded; a command killed in between leaves it for the next. */
static void note_path(struct host *h, char path[SYSFS_PATH_MAX])
{
	snprintf(path, SYSFS_PATH_MAX, "%s/gim/vf_num", h->platform->run_dir);
}

static void forget_note(struct host *h)
{
	char path[SYSFS_PATH_MAX];

	note_path(h, path);
	(void)h->platform->ops->remove(h->platform, path);
	*strrchr(path, '/') = '\0';
	(void)h->platform->ops->remove(h->platform, path);
}

/* Loads the module again when a killed command left it unloaded. */
static int load_again(struct host *h, struct ofbc_error *err)
{
	char path[SYSFS_PATH_MAX], vf_num[128];
	const char *const load[] = {"modprobe", "gim", vf_num, NULL};
	int r;

	note_path(h, path);
	if (sysfs_read(h->platform, vf_num, sizeof(vf_num), "%s", path) <= 0)
		return 0;
	r = sysfs_exists(h->platform, "sys/module/gim") ? 0 : modprobe(h, load, err);
	if (r == 0)
		forget_note(h);
	return r;
}

/* Loads the module with the text of vf_num; *ret_began tells whether anything was touched. */
static int reload(struct host *h, const char *vf_num, const char *before, bool *ret_began,
                  struct ofbc_error *err)
{
	const char *const unload[] = {"modprobe", "-r", "gim", NULL};
	const char *const load[] = {"modprobe", "gim", vf_num, NULL};
	char path[SYSFS_PATH_MAX];
	int r;

	note_path(h, path);
	r = h->platform->ops->put(h->platform, path, before);
	if (r < 0)
		return error_set_errno(err, -r, "cannot write '/%s'", path);
	r = modprobe(h, unload, err);
	if (r == 0) {
		*ret_began = true;
		r = modprobe(h, load, err);
	}
	if (r == 0 || !*ret_began)
		forget_note(h);
	if (r < 0)
		error_hint(err,
		           "by hand: `modprobe -r gim; modprobe gim %s`, then `journalctl -k | grep gim`",
		           vf_num);
	return r;
}

/* "vf_num=1,8,1": n for this GPU, the others keep what they have. */
static void vf_num_text(struct host *h, const struct ofbc_gpu *const *gpus, size_t n_gpus,
                        const struct ofbc_gpu *gpu, unsigned n, char *buf, size_t size)
{
	size_t len = (size_t)snprintf(buf, size, "vf_num=");

	for (size_t i = 0; i < n_gpus && len < size; i++) {
		_cleanup_strv_ struct strv vfs = {0};

		(void)pci_vfs(h->platform, gpus[i]->id, &vfs);
		len += (size_t)snprintf(buf + len, size - len, "%s%zu", i ? "," : "",
		                        strcmp(gpus[i]->id, gpu->id) == 0 ? (size_t)n
		                        : vfs.n                           ? vfs.n
		                                                          : 1);
	}
}

static int check_count(struct host *h, const struct ofbc_gpu *gpu, unsigned n, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv vfs = {0};

	(void)pci_vfs(h->platform, gpu->id, &vfs);
	if (vfs.n == n)
		return 0;
	error_set(err, EIO, OFBC_REASON_FAILED,
	          "gim was loaded, but the GPU has %zu virtual functions instead of %u", vfs.n, n);
	error_hint(err, "the board or its firmware may not allow this number: `journalctl -k | grep gim`");
	return -EIO;
}

/* On failure the numbers that all GPUs had before are back. */
static int set_count(struct host *h, const struct ofbc_gpu *gpu, unsigned n, struct ofbc_error *err)
{
	const struct ofbc_gpu *gpus[MAX_GPUS];
	size_t n_gpus = gim_gpus(h, gpus);
	_cleanup_strv_ struct strv vfs = {0};
	char want[128], before[128];
	bool began = false;
	int r = pci_vfs(h->platform, gpu->id, &vfs);

	if (r < 0)
		return error_set_errno(err, -r, "cannot list the virtual functions of %s", gpu->id);
	if (vfs.n == n)
		return 0;
	vf_num_text(h, gpus, n_gpus, gpu, n, want, sizeof(want));
	vf_num_text(h, gpus, n_gpus, gpu, vfs.n ? (unsigned)vfs.n : 1, before, sizeof(before));
	r = check_idle(h, gpus, n_gpus, want, err);
	if (r == 0)
		r = reload(h, want, before, &began, err);
	if (r == 0)
		r = check_count(h, gpu, n, err);
	if (r < 0 && began && reload(h, before, before, &began, NULL) < 0)
		error_hint(err, "gim is not loaded now: `modprobe gim %s`, then `journalctl -k | grep gim`",
		           before);
	return r;
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	int r = set_count(h, gpu, args->type->native_id, err);

	return r < 0 ? r : list_partitions(h, gpu, ret, err);
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	struct pci_function f;
	int r = load_again(h, err);

	(void)p;
	if (r < 0)
		return r;
	r = pci_read(h->platform, gpu->id, &f);
	if (r < 0)
		return error_set_errno(err, -r, "%s", gpu->id);
	if (f.total_vfs == 1) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "%s has one virtual function as long as gim is loaded", gpu->alias);
		error_hint(err, "`modprobe -r gim` takes it away, for all GPUs under gim");
		return -ENOTSUP;
	}
	return set_count(h, gpu, 1, err);
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct ofbc_technology t = {0};

	if (!gpu || probe(h, gpu, &t, NULL) <= 0)
		return 0;
	if (t.state == OFBC_TECHNOLOGY_READY)
		return finding_add(ret, "gim", gpu, OFBC_FINDING_OK,
		                   "ready; a new number of virtual functions loads gim anew for all its GPUs",
		                   "");
	/* A note: such a GPU is of use under amdgpu, too. */
	return finding_add(
		ret, "gim", gpu, OFBC_FINDING_NOTE, t.reason,
		strcmp(gpu->kernel_driver, "gim") == 0
			? ""
			: "modprobe -r amdgpu; modprobe gim  (package gim-dkms of MxGPU-Virtualization)");
}

const struct backend_ops backend_gim = {
	.name = "gim",
	.title = "AMD MxGPU (GIM)",
	.caps = BACKEND_UNIT | BACKEND_GUEST,
	.rank = 35,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.holders = holders,
	.create = create,
	.destroy = destroy,
	.hostdev = host_hostdev_vf,
	.doctor = doctor,
};
