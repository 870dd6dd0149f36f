/* SPDX-License-Identifier: MIT */
/* NVIDIA vGPU, the changing half: virtual functions on and off, types written and taken back, holders. */
#include "backends/vgpu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"

#define PCI_DEVICES     "sys/bus/pci/devices/"
#define SRIOV_MANAGE    "/usr/lib/nvidia/sriov-manage"
#define MANAGE_LIMIT_MS 60000
#define UNBIND_ATTEMPTS 5
#define UNBIND_WAIT_MS  1000
#define REMOVE_LIMIT_MS 10000
#define WRITE_LIMIT_MS  10000

/* --- holders --- */

static int partition_holders(struct host *h, const struct ofbc_partition *p, struct ofbc_holder_list *ret)
{
	char dir[160];

	if (strncmp(p->device, "vf:", 3) == 0)
		snprintf(dir, sizeof(dir), PCI_DEVICES "%s", p->handle);
	else
		snprintf(dir, sizeof(dir), "sys/bus/mdev/devices/%s", p->handle);
	return host_vfio_holders(h, ret, "%s", dir);
}

/* What stands in the way of unbinding the GPU: its guests, and everybody with its node open. */
static int gpu_holders(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_holder_list *ret,
                       struct ofbc_error *err)
{
	struct ofbc_partition_list made = {0};
	const struct nvml_api *api;
	nvml_device d;
	unsigned minor = 0;
	char node[32] = "";
	int r = vgpu_list_partitions(h, gpu, &made, err);

	if (r == 0 && host_nvml_device(h, gpu->id, &api, &d, NULL) == 0 && api->DeviceGetMinorNumber &&
	    api->DeviceGetMinorNumber(d, &minor) == NVML_SUCCESS)
		snprintf(node, sizeof(node), "/dev/nvidia%u", minor);
	/* our own session has the node open as well */
	host_nvml_close(h);
	host_forget_open_devices(h);
	for (size_t i = 0; r == 0 && i < made.n; i++)
		r = partition_holders(h, &made.v[i], ret);
	if (r == 0 && node[0])
		r = host_node_holders(h, node, ret);
	if (r == 0)
		r = host_kernel_holders(h, ret);
	free(made.v);
	return r;
}

int vgpu_holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                 struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	int r = p ? partition_holders(h, p, ret) : gpu_holders(h, gpu, ret, err);

	return r < 0 ? error_set_errno(err, -r, "cannot look for holders of %s", p ? p->handle : gpu->alias)
	             : 0;
}

/* --- virtual functions --- */

static int in_use(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_error *err)
{
	_cleanup_(holder_list_done) struct ofbc_holder_list holders = {0};

	gpu_holders(h, gpu, &holders, NULL);
	if (holders.n)
		return holder_error(&holders, err, "%s", gpu->alias);
	error_set(err, EBUSY, OFBC_REASON_IN_USE, "%s is in use by a client that could not be found",
	          gpu->alias);
	error_hint(err, "stop monitors and look as root: `fuser -v /dev/nvidia*`");
	return -EBUSY;
}

/* Any NVML session, even a monitor's, blocks the script for a moment: that one message is worth a retry. */
static int sriov_manage(struct host *h, const struct ofbc_gpu *gpu, const char *option,
                        struct ofbc_error *err)
{
	const char *const argv[] = {SRIOV_MANAGE, option, gpu->id, NULL};
	const struct command cmd = {.argv = argv, .timeout_ms = MANAGE_LIMIT_MS};
	_cleanup_free_ struct command_result *res = calloc(1, sizeof(*res));
	bool is_locked = true;
	int r = 0;

	if (!res)
		return -ENOMEM;
	for (unsigned i = 0; i < UNBIND_ATTEMPTS && is_locked; i++) {
		if (i > 0)
			h->platform->ops->sleep_ms(h->platform, UNBIND_WAIT_MS);
		host_nvml_close(h);
		*res = (struct command_result){0};
		r = h->platform->ops->run(h->platform, &cmd, res);
		is_locked = r == 0 && strstr(res->out, "Cannot obtain unbindLock") != NULL;
	}
	host_forget_open_devices(h);
	if (r == -ENOENT) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s is not installed", SRIOV_MANAGE);
		error_hint(err, "install the vGPU host driver package (*-vgpu-kvm)");
		return -ENOTSUP;
	}
	if (r < 0)
		return error_set_errno(err, -r, "%s %s %s", SRIOV_MANAGE, option, gpu->id);
	if (is_locked)
		return in_use(h, gpu, err);
	if (res->status != 0)
		return error_set(err, EIO, OFBC_REASON_FAILED, "%s %s %s failed: %.300s", SRIOV_MANAGE,
		                 option, gpu->id, res->out);
	return 0;
}

/* Both directions of the script wipe all MIG GPU instances of the card, without a word. */
static int refuse_with_instances(const struct vgpu_board *b, const char *what, struct ofbc_error *err)
{
	unsigned n = vgpu_gpu_instances(b);

	if (n == 0)
		return 0;
	error_set(err, EBUSY, OFBC_REASON_IN_USE,
	          "switching virtual functions %s wipes %u MIG GPU instance%s", what, n, n == 1 ? "" : "s");
	error_hint(err, "virtual functions come first: destroy the instances (`openforbc partition list %s`)",
	           b->gpu->alias);
	return -EBUSY;
}

/* The script may end with success although it failed. */
static int verify_vfs(struct host *h, const struct ofbc_gpu *gpu, bool on, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv vfs = {0};
	int r = pci_vfs(h->platform, gpu->id, &vfs);

	if ((r < 0 && r != -ENOENT) || (vfs.n > 0) == on)
		return r < 0 && r != -ENOENT ? error_set_errno(err, -r, "virtual functions of %s", gpu->id)
		                             : 0;
	error_set(err, EIO, OFBC_REASON_FAILED, "sriov-manage reported success, but %s",
	          on ? "no virtual functions exist" : "virtual functions still exist");
	error_hint(err, "see `journalctl -k`; SR-IOV and Above-4G decoding must be on in the BIOS");
	return -EIO;
}

static int set_mixed(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_error *err)
{
	_cleanup_vgpu_ struct vgpu_board b = {0};
	_cleanup_vgpu_ struct vgpu_board after = {0};
	const struct nvml_vgpu_hetero_mode mode = {.version = NVML_VERSION(struct nvml_vgpu_hetero_mode, 1),
	                                           .mode = 1};
	nvml_return n;
	int r = vgpu_open(h, gpu, &b, err);

	if (r < 0 || b.is_mixed)
		return r < 0 ? r : 1;
	n = b.api && b.api->DeviceSetVgpuHeterogeneousMode
	            ? b.api->DeviceSetVgpuHeterogeneousMode(b.device, &mode)
	            : NVML_FUNCTION_NOT_FOUND;
	if (n == NVML_IN_USE) {
		error_set(err, EBUSY, OFBC_REASON_IN_USE,
		          "mixed sizes can be chosen only before the first vGPU");
		error_hint(err, "destroy all vGPUs of %s and stop monitoring clients, then repeat",
		           gpu->alias);
		return -EBUSY;
	}
	if (n != NVML_SUCCESS)
		return host_nvml_error(h, n, err, "GPU %s: mixed-size mode", gpu->alias);
	r = vgpu_open(h, gpu, &after, err);
	if (r < 0 || after.is_mixed)
		return r < 0 ? r : 0;
	return error_set(err, EIO, OFBC_REASON_FAILED,
	                 "the driver reported success, but mixed sizes are still off");
}

static int switch_on(struct vgpu_board *b, const char *variant, struct ofbc_error *err)
{
	struct host *h = b->host;
	const struct ofbc_gpu *gpu = b->gpu;
	int r, was_on = b->framework != VGPU_OFF;

	/* enabling a card whose VFs are on would take live vGPUs away */
	if (!was_on) {
		r = refuse_with_instances(b, "on", err);
		if (r == 0)
			r = sriov_manage(h, gpu, "-e", err);
		if (r == 0)
			r = verify_vfs(h, gpu, true, err);
		if (r < 0)
			return r;
	}
	r = variant ? set_mixed(h, gpu, err) : 1;
	return r < 0 ? r : was_on && r == 1;
}

static int switch_off(struct vgpu_board *b, struct ofbc_error *err)
{
	struct ofbc_partition_list made = {0};
	size_t n;
	int r;

	if (b->framework == VGPU_OFF)
		return 1;
	if (b->framework == VGPU_MDEV_PF)
		return error_set(
			err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
			"this GPU makes vGPUs without virtual functions: there is nothing to switch off");
	r = vgpu_list_partitions(b->host, b->gpu, &made, err);
	n = made.n;
	free(made.v);
	if (r < 0)
		return r;
	if (n) {
		error_set(err, EBUSY, OFBC_REASON_IN_USE, "%zu vGPU%s would be lost", n, n == 1 ? "" : "s");
		error_hint(err, "destroy them first: `openforbc partition list %s`", b->gpu->alias);
		return -EBUSY;
	}
	r = refuse_with_instances(b, "off", err);
	if (r == 0)
		r = sriov_manage(b->host, b->gpu, "-d", err);
	return r < 0 ? r : verify_vfs(b->host, b->gpu, false, err);
}

int vgpu_set_mode(struct host *h, const struct ofbc_gpu *gpu, bool on, const char *variant, unsigned flags,
                  struct ofbc_error *err)
{
	_cleanup_vgpu_ struct vgpu_board b = {0};
	int r;

	(void)flags;
	if (variant && strcmp(variant, "mixed") != 0) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "vgpu has no variant '%s'", variant);
		error_hint(err, "`vgpu` or `vgpu=mixed`");
		return -EINVAL;
	}
	r = vgpu_open(h, gpu, &b, err);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		                 "no vGPU host driver serves this GPU");
	return on ? switch_on(&b, variant, err) : switch_off(&b, err);
}

/* --- create --- */

/* Driver errors come without a reason; what they usually mean is known. */
static int create_error(const struct ofbc_type *type, const char *where, int r, struct ofbc_error *err)
{
	switch (-r) {
	case EIO:
		error_set(err, EIO, OFBC_REASON_FAILED, "the driver refused %s on %s", type->key, where);
		error_hint(
			err,
			"order: virtual functions before MIG instances, one size unless vgpu=mixed; see `journalctl -k`");
		return -EIO;
	case EEXIST:
		return error_set(err, EEXIST, OFBC_REASON_FAILED, "the UUID exists already on this host");
	case EINVAL:
		error_set(err, EINVAL, OFBC_REASON_FAILED, "%s does not take %s", where, type->key);
		error_hint(err, "the reason stands in `journalctl -k` and `journalctl -u nvidia-vgpu-mgr`");
		return -EINVAL;
	case ENOSPC:
	case EUSERS:
		return error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY, "%s has no room for %s", where,
		                 type->key);
	case EPERM:
	case EACCES:
		error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED, "not permitted to make %s on %s", type->key,
		          where);
		error_hint(err, "run as root");
		return -EPERM;
	}
	return error_set_errno(err, -r, "%s on %s", type->key, where);
}

static int write_placement(struct platform *p, const char *dir, int placement, struct ofbc_error *err)
{
	char value[40];
	int r;

	if (placement < 0)
		return 0;
	snprintf(value, sizeof(value), "vgpu-placement-id=%d", placement);
	r = sysfs_write(p, value, "%s/nvidia/vgpu_params", dir);
	return r < 0 ? error_set_errno(err, -r, "placement %d on /%s", placement, dir) : 0;
}

static int set_vf_type(struct platform *p, const char *vf, uint32_t id)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", id);
	return sysfs_write_deadline(p, value, WRITE_LIMIT_MS, PCI_DEVICES "%s/nvidia/current_vgpu_type", vf);
}

/* Type first: the parameters belong to the vGPU on the function and are refused without one. */
static int create_vfio(const struct vgpu_board *b, const char *vf, const struct create_args *args,
                       struct ofbc_error *err)
{
	struct platform *p = b->host->platform;
	uint32_t now;
	char dir[64];
	int r = set_vf_type(p, vf, args->type->native_id);

	snprintf(dir, sizeof(dir), PCI_DEVICES "%s", vf);
	now = vgpu_current_type(p, vf);
	if (r < 0)
		r = create_error(args->type, vf, r, err);
	else if (now != args->type->native_id)
		r = error_set(err, EIO, OFBC_REASON_FAILED, "asked %s for %s, it reads back type %u", vf,
		              args->type->key, now);
	else
		r = write_placement(p, dir, args->placement, err);
	if (r < 0 && now)
		set_vf_type(p, vf, 0);
	return r;
}

static int create_mdev(const struct vgpu_board *b, const char *parent, const struct create_args *args,
                       struct ofbc_error *err)
{
	struct platform *p = b->host->platform;
	char dir[96];
	int r = sysfs_write_deadline(p, args->uuid, WRITE_LIMIT_MS,
	                             PCI_DEVICES "%s/mdev_supported_types/%s/create", parent,
	                             args->type->native);

	if (r < 0)
		return create_error(args->type, parent, r, err);
	snprintf(dir, sizeof(dir), "sys/bus/mdev/devices/%s", args->uuid);
	if (!sysfs_exists(p, "%s", dir))
		return error_set(err, EIO, OFBC_REASON_FAILED, "the write succeeded, but /%s does not exist",
		                 dir);
	r = write_placement(p, dir, args->placement, err);
	if (r < 0)
		sysfs_write_deadline(p, "1", REMOVE_LIMIT_MS, "%s/remove", dir);
	return r;
}

/* The new one, as a listing shows it. */
static int report(const struct vgpu_board *b, const char *handle, struct ofbc_partition_list *ret,
                  struct ofbc_error *err)
{
	struct ofbc_partition_list now = {0};
	struct ofbc_partition *copy = NULL;
	int r = vgpu_list_partitions(b->host, b->gpu, &now, err);

	for (size_t i = 0; r == 0 && i < now.n && !copy; i++) {
		if (strcmp(now.v[i].handle, handle) != 0)
			continue;
		copy = list_add(ret);
		if (copy)
			*copy = now.v[i];
		else
			r = -ENOMEM;
	}
	free(now.v);
	if (r == 0 && !copy)
		return error_set(err, EIO, OFBC_REASON_FAILED, "%s was made, but does not appear", handle);
	return r;
}

static const char *free_parent(const struct vgpu_board *b, uint32_t type_id)
{
	for (size_t i = 0; i < b->parents.n; i++) {
		if (vgpu_can_create(b, b->parents.v[i], type_id))
			return b->parents.v[i];
	}
	return NULL;
}

static void undo(const struct vgpu_board *b, const char *handle)
{
	if (b->framework == VGPU_VFIO)
		set_vf_type(b->host->platform, handle, 0);
	else
		sysfs_write_deadline(b->host->platform, "1", REMOVE_LIMIT_MS,
		                     "sys/bus/mdev/devices/%s/remove", handle);
}

int vgpu_create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	_cleanup_vgpu_ struct vgpu_board b = {0};
	const char *parent, *handle;
	int r = vgpu_open(h, gpu, &b, err);

	if (r < 0)
		return r;
	if (r == 0 || b.framework == VGPU_OFF || b.framework == VGPU_NONE) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "virtual functions are off");
		error_hint(err, "`openforbc gpu enable %s vgpu`", gpu->alias);
		return -ENOTSUP;
	}
	parent = free_parent(&b, args->type->native_id);
	if (!parent) {
		error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY, "nothing on %s takes %s now", gpu->alias,
		          args->type->key);
		error_hint(err, "`openforbc type list %s --technology vgpu` says why", gpu->alias);
		return -ENOSPC;
	}
	r = b.framework == VGPU_VFIO ? create_vfio(&b, parent, args, err)
	                             : create_mdev(&b, parent, args, err);
	if (r < 0)
		return r;
	handle = b.framework == VGPU_VFIO ? parent : args->uuid;
	r = report(&b, handle, ret, err);
	if (r < 0)
		undo(&b, handle);
	return r;
}

/* --- destroy --- */

static int destroy_vf(struct host *h, const struct ofbc_partition *p, struct ofbc_error *err)
{
	uint32_t now = vgpu_current_type(h->platform, p->handle);
	int r;

	/* the same VF serves the next owner: never clear somebody else's type */
	if (now != p->native_id)
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "%s has type %u now, not %s", p->handle,
		                 now, p->type);
	r = set_vf_type(h->platform, p->handle, 0);
	if (r == -EBUSY || r == -ETIMEDOUT)
		return error_set(err, EBUSY, OFBC_REASON_IN_USE,
		                 "%s is held, the driver does not let go of its type", p->handle);
	if (r < 0)
		return error_set_errno(err, -r, "clearing the type of %s", p->handle);
	if (vgpu_current_type(h->platform, p->handle) != 0)
		return error_set(err, EIO, OFBC_REASON_FAILED,
		                 "%s keeps its type although the write succeeded", p->handle);
	/* a parameter of the old vGPU would reach the next one on this VF; older drivers lack the file */
	sysfs_write(h->platform, " ", PCI_DEVICES "%s/nvidia/vgpu_params", p->handle);
	return 0;
}

static int destroy_mdev(struct host *h, const struct ofbc_partition *p, struct ofbc_error *err)
{
	int r = sysfs_write_deadline(h->platform, "1", REMOVE_LIMIT_MS, "sys/bus/mdev/devices/%s/remove",
	                             p->handle);

	if (r == -ETIMEDOUT || r == -EBUSY || r == -EAGAIN)
		return error_set(err, EBUSY, OFBC_REASON_IN_USE,
		                 "%s is held, its removal waits in the kernel", p->handle);
	if (r < 0 && r != -ENOENT && r != -ENODEV)
		return error_set_errno(err, -r, "removing %s", p->handle);
	if (sysfs_exists(h->platform, "sys/bus/mdev/devices/%s", p->handle))
		return error_set(err, EIO, OFBC_REASON_FAILED, "%s still exists although the write succeeded",
		                 p->handle);
	return 0;
}

int vgpu_destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                 struct ofbc_error *err)
{
	_cleanup_(holder_list_done) struct ofbc_holder_list holders = {0};
	int r;

	/* the driver clears a VF under a starting guest without complaint: look once more, right before */
	host_forget_open_devices(h);
	r = vgpu_holders(h, gpu, p, &holders, err);
	if (r < 0)
		return r;
	if (holders.n)
		return holder_error(&holders, err, "partition %s", p->uuid);
	return strncmp(p->device, "vf:", 3) == 0 ? destroy_vf(h, p, err) : destroy_mdev(h, p, err);
}
