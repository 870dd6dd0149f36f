/* SPDX-License-Identifier: MIT */
/* Public calls about containers: a CDI specification of partitions, and its file. */
#include "openforbc/container.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "guest/cdi.h"
#include "lib/access.h"

DEFINE_CLEANUP(struct ofbc_cdi *, ofbc_cdi_free);

void ofbc_cdi_free(struct ofbc_cdi *cdi)
{
	if (!cdi)
		return;
	free(cdi->text);
	free(cdi->devices);
	free(cdi);
}

static int add_partition(struct inventory *inv, const struct ofbc_partition *p, struct cdi_device_list *ret,
                         struct ofbc_error *err)
{
	struct access a = {0};
	struct cdi_device *device;
	int r;

	if (p->state == OFBC_PARTITION_INCOMPLETE && p->handle[0]) {
		error_set(err, EIO, OFBC_REASON_FAILED, "partition %s is incomplete", p->uuid);
		error_hint(err, "destroy it with `openforbc partition destroy %s` and make it again",
		           p->uuid);
		return -EIO;
	}
	r = partition_access(inv, p, &a, err);
	if (r < 0)
		return r;
	device = list_add(ret);
	if (!device) {
		access_done(&a);
		return -ENOMEM;
	}
	device->access = a;
	text_copy(device->name, sizeof(device->name), cdi_name_ok(p->name) ? p->name : p->uuid);
	return 0;
}

/* The named ones, each usable or an error; without names all, and why some are left out. */
static int collect(struct inventory *inv, const char *const *specs, size_t n, struct cdi_device_list *devices,
                   struct ofbc_cdi *ret, struct ofbc_error *err)
{
	size_t total = n ? n : inv->partitions.n;
	int r = 0;

	ret->devices = calloc(total ? total : 1, sizeof(*ret->devices));
	if (!ret->devices)
		return -ENOMEM;
	for (size_t i = 0; i < total; i++) {
		struct ofbc_cdi_device *d = &ret->devices[ret->n_devices];
		const struct ofbc_partition *p = n ? NULL : &inv->partitions.v[i];
		struct ofbc_error why = {0};

		r = p ? 0 : ofbc_partition_find(&inv->partitions, specs[i], &p, err);
		for (size_t k = 0; r == 0 && k < ret->n_devices; k++) {
			if (strcmp(ret->devices[k].partition, p->uuid) == 0)
				p = NULL; /* named twice */
			if (!p)
				break;
		}
		if (r < 0)
			return r;
		if (!p)
			continue;
		r = add_partition(inv, p, devices, n ? err : &why);
		if (r == -ENOMEM || (r < 0 && n))
			return r == -ENOMEM ? r : error_wrap(err, "partition %s", specs[i]);
		memcpy(d->partition, p->uuid, sizeof(d->partition));
		if (r < 0)
			text_copy(d->reason, sizeof(d->reason), why.message);
		else
			snprintf(d->device, sizeof(d->device), CDI_KIND "=%s",
			         devices->v[devices->n - 1].name);
		ret->n_devices++;
	}
	return 0;
}

int ofbc_cdi_new(struct ofbc_context *ctx, const char *const *specs, size_t n, struct ofbc_cdi **ret,
                 struct ofbc_error *err)
{
	static const char *const emulated[] = {"OPENFORBC_EMULATED=1", NULL};
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_cdi_ struct cdi_device_list devices = {0};
	_cleanup_(ofbc_cdi_free_p) struct ofbc_cdi *cdi = calloc(1, sizeof(*cdi));
	int r;

	if (!cdi)
		return -ENOMEM;
	r = inventory_load(ctx, INVENTORY_TYPES | INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, &inv,
	                   err);
	if (r == 0)
		r = collect(&inv, specs, n, &devices, cdi, err);
	if (r == 0 && devices.n)
		r = cdi_print(&devices, ctx->platform->emulated ? emulated : NULL, &cdi->text);
	if (r < 0)
		return r;
	*ret = steal_ptr(cdi);
	return 0;
}

/* The host's own directory; nothing of an emulated host belongs where this machine's engines look. */
static int find_dir(const struct ofbc_context *ctx, const char *dir, char *buf, size_t size,
                    struct ofbc_error *err)
{
	int n;

	if (!dir && ctx->platform->emulated) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "an emulated host has no " OFBC_CDI_DIR " that a container engine could read");
		error_hint(err, "name a directory with --output-dir DIR, or use --print");
		return -ENOTSUP;
	}
	n = dir ? snprintf(buf, size, "%s", dir)
	        : snprintf(buf, size, "%s" OFBC_CDI_DIR, ctx->platform->real_root);
	if (n <= 0 || (size_t)n >= size - sizeof(CDI_FILE))
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no directory name", dir ? dir : "");
	return 0;
}

int ofbc_cdi_write(struct ofbc_context *ctx, struct ofbc_cdi *cdi, const char *dir, struct ofbc_error *err)
{
	char path[sizeof(cdi->file)];
	int r = find_dir(ctx, dir, path, sizeof(path), err);

	if (r == 0)
		r = cdi->text ? file_replace(path, CDI_FILE, cdi->text, err)
		              : file_remove(path, CDI_FILE, err);
	if (r < 0)
		return r;
	snprintf(cdi->file, sizeof(cdi->file), "%.*s/" CDI_FILE, (int)sizeof(path) - 32, path);
	cdi->is_changed = r == 0;
	return r;
}

int ofbc_cdi_remove(struct ofbc_context *ctx, const char *dir, struct ofbc_error *err)
{
	char path[1024];
	int r = find_dir(ctx, dir, path, sizeof(path), err);

	return r < 0 ? r : file_remove(path, CDI_FILE, err);
}
