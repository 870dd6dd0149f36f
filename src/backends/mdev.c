/* SPDX-License-Identifier: MIT */
/*
 * Mediated devices of any GPU-like parent that is not NVIDIA's: GVT-g, the kernel's sample drivers, whatever
 * comes. The kernel tells only "how many more of this type"; types of one parent may share a pool, which is
 * inferred where the numbers allow it.
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

/* Directory of the parent: a PCI function or a link of the class. */
static void parent_dir(struct host *h, const struct ofbc_gpu *gpu, char *buf, size_t size)
{
	snprintf(buf, size, "sys/class/mdev_bus/%s", gpu->id);
	if (!sysfs_exists(h->platform, "%s", buf))
		snprintf(buf, size, "sys/bus/pci/devices/%s", gpu->id);
}

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	char dir[SYSFS_PATH_MAX];

	(void)err;
	if (gpu->is_cpu || gpu->pci_vendor == 0x10de)
		return 0;
	parent_dir(h, gpu, dir, sizeof(dir));
	if (!sysfs_exists(h->platform, "%s/mdev_supported_types", dir))
		return 0;
	ret->state = OFBC_TECHNOLOGY_READY;
	return 1;
}

/* Devices of one type. Old vendor drivers made no directory of them: then the links of the bus tell, one by
 * one. */
static int existing(struct host *h, const char *dir, const char *type, struct strv *ret)
{
	_cleanup_strv_ struct strv all = {0};
	char name[96];
	int r = sysfs_list(h->platform, ret, "%s/mdev_supported_types/%s/devices", dir, type);

	if (r != -ENOENT)
		return r;
	r = sysfs_list(h->platform, &all, "sys/bus/mdev/devices");
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (sysfs_exists(h->platform, "%s/%s", dir, all.v[i]) &&
		    sysfs_link_name(h->platform, name, sizeof(name), "sys/bus/mdev/devices/%s/mdev_type",
		                    all.v[i]) > 0 &&
		    strcmp(name, type) == 0)
			r = strv_add(ret, all.v[i]);
	}
	return r == -ENOENT ? 0 : r;
}

static uint64_t number_in(const char *text, const char *before)
{
	const char *p = strstr(text, before);

	return p ? strtoull(p + strlen(before), NULL, 10) : 0;
}

/* "4 MB video memory" (samples), "low_gm_size: 128MB" and "high_gm_size: 512MB" (GVT-g): what a type says of
 * itself. */
static uint64_t memory_of(const char *description)
{
	const char *mb = strstr(description, " MB video memory"), *start = mb;

	while (start && start > description && start[-1] >= '0' && start[-1] <= '9')
		start--;
	if (start)
		return strtoull(start, NULL, 10) * MIB;
	return (number_in(description, "low_gm_size: ") + number_in(description, "high_gm_size: ")) * MIB;
}

static int add_type(struct host *h, const struct ofbc_gpu *gpu, const char *dir, const char *type,
                    struct ofbc_type_list *ret)
{
	_cleanup_strv_ struct strv made = {0};
	char description[512], name[96];
	struct ofbc_type *t = list_add(ret);
	uint64_t available;

	(void)gpu;
	if (!t)
		return -ENOMEM;
	snprintf(t->key, sizeof(t->key), "mdev:%s", type);
	snprintf(t->native, sizeof(t->native), "%s", type);
	if (sysfs_read(h->platform, name, sizeof(name), "%s/mdev_supported_types/%s/name", dir, type) > 0)
		snprintf(t->title, sizeof(t->title), "%s", name);
	if (sysfs_read(h->platform, description, sizeof(description),
	               "%s/mdev_supported_types/%s/description", dir, type) > 0) {
		t->memory_bytes = memory_of(description);
		t->has_display = strstr(description, "display") || strstr(description, "resolution");
	}
	if (sysfs_read_u64(h->platform, &available, "%s/mdev_supported_types/%s/available_instances", dir,
	                   type) == 0) {
		t->has_driver_free = true;
		t->driver_free = (unsigned)available;
	}
	(void)existing(h, dir, type, &made);
	t->native_aux = (uint32_t)made.n;
	t->max = t->driver_free + (unsigned)made.n;
	snprintf(t->group, sizeof(t->group), "mdev");
	t->unit_count = 1;
	t->isolation_memory = OFBC_ISOLATION_HARD;
	t->isolation_compute = OFBC_ISOLATION_SHARED;
	t->isolation_faults = true;
	return 0;
}

/* One pool in units of the smallest type, when every type names its memory and what exists plus what is
 * available comes to the same pool (but for the rest of a division) for all of them. Else each type stands
 * for itself. */
static void infer_pool(const struct ofbc_type_list *l, size_t first, struct capacity *cap)
{
	uint64_t used = 0, pool = 0, unit = UINT64_MAX;
	int counter;

	for (size_t i = first; i < l->n; i++) {
		if (!l->v[i].memory_bytes)
			return;
		unit = l->v[i].memory_bytes < unit ? l->v[i].memory_bytes : unit;
		used += l->v[i].native_aux * l->v[i].memory_bytes;
	}
	for (size_t i = first; i < l->n; i++) {
		uint64_t p = used + l->v[i].driver_free * l->v[i].memory_bytes;

		pool = p > pool ? p : pool;
	}
	for (size_t i = first; i < l->n; i++) {
		uint64_t p = used + l->v[i].driver_free * l->v[i].memory_bytes;

		if (pool - p >= l->v[i].memory_bytes || l->v[i].memory_bytes % unit)
			return;
	}
	counter = capacity_counter(cap, "mdev-pool", pool / unit);
	for (size_t i = first; counter >= 0 && i < l->n; i++) {
		l->v[i].draws[counter] = (unsigned)(l->v[i].memory_bytes / unit);
		l->v[i].max = (unsigned)(pool / l->v[i].memory_bytes);
		l->v[i].compute_share = (double)l->v[i].memory_bytes / (double)pool;
	}
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv types = {0};
	char dir[SYSFS_PATH_MAX];
	size_t first = ret->n;
	int r;

	parent_dir(h, gpu, dir, sizeof(dir));
	r = sysfs_list(h->platform, &types, "%s/mdev_supported_types", dir);
	if (r < 0)
		return error_set_errno(err, -r, "cannot list the mediated device types of %s", gpu->id);
	for (size_t i = 0; r == 0 && i < types.n; i++)
		r = add_type(h, gpu, dir, types.v[i], ret);
	if (r == 0 && ret->n > first)
		infer_pool(ret, first, cap);
	return r;
}

/* key: "mdev:TYPE". Called ten thousand times in one list, so nothing is formatted here. */
static int add_partition(struct ofbc_partition_list *ret, const char *uuid, const char *key)
{
	struct ofbc_partition *p = list_add(ret);

	if (!p)
		return -ENOMEM;
	if (parse_uuid(uuid, p->uuid) < 0) {
		ret->n--;
		return 0;
	}
	text_copy(p->type, sizeof(p->type), key);
	memcpy(p->device, p->uuid, sizeof(p->uuid));
	memcpy(p->handle, p->uuid, sizeof(p->uuid));
	return 0;
}

/* One directory per type and no call per device: ten thousand of them are listed in milliseconds. */
static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	_cleanup_strv_ struct strv types = {0};
	char dir[SYSFS_PATH_MAX];
	int r;

	parent_dir(h, gpu, dir, sizeof(dir));
	r = sysfs_list(h->platform, &types, "%s/mdev_supported_types", dir);
	if (r < 0)
		return error_set_errno(err, -r, "cannot list the mediated device types of %s", gpu->id);
	for (size_t i = 0; r == 0 && i < types.n; i++) {
		_cleanup_strv_ struct strv made = {0};
		char key[96];

		snprintf(key, sizeof(key), "mdev:%s", types.v[i]);
		(void)existing(h, dir, types.v[i], &made);
		r = list_reserve(ret, made.n);
		for (size_t k = 0; r == 0 && k < made.n; k++)
			r = add_partition(ret, made.v[k], key);
	}
	return r;
}

static int holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	(void)gpu;
	(void)err;
	return p ? host_vfio_holders(h, ret, "sys/bus/mdev/devices/%s", p->device) : 0;
}

/* The UUID is taken as long as somebody holds the device, also after it vanished from the listings. */
static int exists_error(struct host *h, const char *uuid, struct ofbc_error *err)
{
	error_set(err, EEXIST, OFBC_REASON_FAILED, "a mediated device %s exists on this host already", uuid);
	if (sysfs_exists(h->platform, "sys/bus/mdev/devices/%s", uuid))
		error_hint(err, "`openforbc partition adopt %s` makes it ours", uuid);
	else
		error_hint(err,
		           "its removal was begun and waits for whoever has it open: `fuser -v /dev/vfio/*`");
	return -EEXIST;
}

static int create_error(struct host *h, const char *type, const char *uuid, int r, struct ofbc_error *err)
{
	switch (-r) {
	case EEXIST:
		return exists_error(h, uuid, err);
	case EINVAL:
		return error_set(err, EINVAL, OFBC_REASON_FAILED, "the driver refuses to make a %s", type);
	case ENOSPC:
	case EUSERS:
		return error_set(err, -r, OFBC_REASON_NO_CAPACITY, "the driver has no room for another %s",
		                 type);
	case ENOMEM:
		return error_set(err, ENOMEM, OFBC_REASON_NO_CAPACITY,
		                 "the driver has no memory or room for another %s", type);
	case ENODEV:
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "the parent device is going away");
	case EPERM:
	case EACCES:
		error_set(err, -r, OFBC_REASON_NOT_PERMITTED, "no permission to make a %s", type);
		error_hint(err, "run the same command with sudo");
		return r;
	default:
		error_set_errno(err, -r, "cannot make a %s", type);
		error_hint(err, "the reason is in `journalctl -k`");
		return r;
	}
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	char dir[SYSFS_PATH_MAX], type[96];
	int r;

	parent_dir(h, gpu, dir, sizeof(dir));
	r = sysfs_write_deadline(h->platform, args->uuid, 10000, "%s/mdev_supported_types/%s/create", dir,
	                         args->type->native);
	if (r < 0)
		return create_error(h, args->type->native, args->uuid, r, err);
	if (sysfs_link_name(h->platform, type, sizeof(type), "sys/bus/mdev/devices/%s/mdev_type",
	                    args->uuid) < 0 ||
	    strcmp(type, args->type->native) != 0) {
		(void)sysfs_write_deadline(h->platform, "1", 10000, "sys/bus/mdev/devices/%s/remove",
		                           args->uuid);
		return error_set(err, EIO, OFBC_REASON_FAILED, "the driver reported success but made no %s",
		                 args->type->native);
	}
	r = add_partition(ret, args->uuid, args->type->key);
	if (r == 0)
		ret->v[ret->n - 1].memory_bytes = args->type->memory_bytes;
	return r;
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	struct ofbc_holder_list now = {0};
	int r;

	/* The write blocks in the kernel while somebody holds the device: look again, at the last moment. */
	host_forget_open_devices(h);
	r = holders(h, gpu, p, &now, err);
	if (r == 0 && now.n)
		r = holder_error(&now, err, "mediated device %s", p->device);
	holder_list_done(&now);
	if (r < 0)
		return r;
	r = sysfs_write_deadline(h->platform, "1", 10000, "sys/bus/mdev/devices/%s/remove", p->device);
	if (r == -ETIMEDOUT) {
		error_set(err, EBUSY, OFBC_REASON_IN_USE,
		          "removing %s did not end within 10 s, somebody holds it", p->device);
		error_hint(err, "stop the guest that uses it; the removal then ends by itself");
		return -EBUSY;
	}
	if (r < 0 && r != -ENOENT && r != -ENODEV)
		return error_set_errno(err, -r, "cannot remove %s", p->device);
	if (sysfs_exists(h->platform, "sys/bus/mdev/devices/%s", p->device))
		return error_set(err, EIO, OFBC_REASON_FAILED, "%s is still there after its removal",
		                 p->device);
	return 0;
}

static int hostdev(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   const struct ofbc_type *t, struct hostdev *ret, struct ofbc_error *err)
{
	(void)gpu;
	(void)err;
	host_hostdev_mdev(h, p->handle, ret);
	ret->has_display = t && t->has_display;
	return 0;
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct ofbc_technology t = {0};

	if (!gpu || probe(h, gpu, &t, NULL) <= 0)
		return 0;
	return finding_add(ret, "mdev", gpu, OFBC_FINDING_OK, "mediated device types are offered", "");
}

const struct backend_ops backend_mdev = {
	.name = "mdev",
	.title = "Mediated devices",
	.caps = BACKEND_UUID | BACKEND_GUEST,
	.rank = 50,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.holders = holders,
	.create = create,
	.destroy = destroy,
	.hostdev = hostdev,
	.doctor = doctor,
};
