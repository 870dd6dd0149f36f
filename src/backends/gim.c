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
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "model/capacity.h"

#define DEVICES "sys/bus/pci/devices"

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	struct pci_function f;

	(void)err;
	if (gpu->is_cpu || strcmp(gpu->kernel_driver, "gim") != 0 || pci_read(h->platform, gpu->id, &f) < 0)
		return 0;
	ret->state = f.total_vfs ? OFBC_TECHNOLOGY_READY : OFBC_TECHNOLOGY_UNAVAILABLE;
	if (!f.total_vfs)
		snprintf(ret->reason, sizeof(ret->reason), "the GPU has no virtual functions");
	return 1;
}

static unsigned gim_gpus(struct host *h)
{
	unsigned n = 0;

	for (size_t i = 0; h->gpus && i < h->gpus->n; i++)
		n += strcmp(h->gpus->v[i].kernel_driver, "gim") == 0;
	return n;
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	struct pci_function f;
	int counter, r = pci_read(h->platform, gpu->id, &f);

	if (r < 0)
		return error_set_errno(err, -r, "%s", gpu->id);
	counter = capacity_counter(cap, "virtual-functions", f.total_vfs);
	for (unsigned n = f.total_vfs > 1 ? 2 : 1; n <= f.total_vfs && n <= 31; n++) {
		struct ofbc_type *t = list_add(ret);

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
		r = host_vfio_holders(h, dir, ret);
	}
	return r;
}

/* The module is loaded anew: all GPUs under it must be idle, and with several of them the others keep their
 * number. */
static int reload(struct host *h, const struct ofbc_gpu *gpu, unsigned n, struct ofbc_error *err)
{
	char vf_num[256] = "vf_num=";
	const char *const unload[] = {"modprobe", "-r", "gim", NULL}, *const load[] = {"modprobe", "gim",
	                                                                               vf_num, NULL};
	struct command_result result = {0};
	struct ofbc_holder_list now = {0};
	_cleanup_strv_ struct strv vfs = {0};
	int r = 0;

	host_forget_open_devices(h);
	for (size_t i = 0; r == 0 && h->gpus && i < h->gpus->n; i++) {
		const struct ofbc_gpu *g = &h->gpus->v[i];
		_cleanup_strv_ struct strv others = {0};
		size_t len = strlen(vf_num);

		if (strcmp(g->kernel_driver, "gim") != 0)
			continue;
		r = holders(h, g, NULL, &now, NULL);
		(void)pci_vfs(h->platform, g->id, &others);
		snprintf(vf_num + len, sizeof(vf_num) - len, "%s%zu", vf_num[len - 1] == '=' ? "" : ",",
		         strcmp(g->id, gpu->id) == 0 ? (size_t)n : others.n);
	}
	if (r == 0 && now.n)
		r = holder_error(&now, err, "a GPU under gim, which must be loaded anew (%u GPUs)",
		                 gim_gpus(h));
	holder_list_done(&now);
	if (r < 0)
		return r;
	r = h->platform->ops->run(h->platform, &(struct command){.argv = unload, .timeout_ms = 60000},
	                          &result);
	if (r == 0 && result.status == 0)
		r = h->platform->ops->run(h->platform, &(struct command){.argv = load, .timeout_ms = 60000},
		                          &result);
	if (r < 0 || result.status) {
		error_set(err, r < 0 ? -r : EBUSY, OFBC_REASON_FAILED, "gim could not be loaded anew: %s",
		          r < 0 ? strerror(-r) : result.out);
		error_hint(err, "by hand: `modprobe -r gim; modprobe gim %s`, and look into `journalctl -k`",
		           vf_num);
		return r < 0 ? r : -EBUSY;
	}
	(void)pci_vfs(h->platform, gpu->id, &vfs);
	if (vfs.n != n) {
		error_set(err, EIO, OFBC_REASON_FAILED,
		          "gim was loaded, but the GPU has %zu virtual functions instead of %u", vfs.n, n);
		error_hint(err, "the board may not allow this number: `journalctl -k | grep gim`");
		return -EIO;
	}
	return 0;
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	int r = reload(h, gpu, args->type->native_id, err);

	if (r < 0) {
		(void)reload(h, gpu, 1, NULL);
		return r;
	}
	return list_partitions(h, gpu, ret, err);
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	(void)p;
	return reload(h, gpu, 1, err);
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct ofbc_technology t = {0};

	if (!gpu || probe(h, gpu, &t, NULL) <= 0)
		return 0;
	return finding_add(ret, "gim", gpu,
	                   t.state == OFBC_TECHNOLOGY_READY ? OFBC_FINDING_OK : OFBC_FINDING_MISSING,
	                   t.state == OFBC_TECHNOLOGY_READY ? "ready" : t.reason, "");
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
	.doctor = doctor,
};
