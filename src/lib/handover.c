/* SPDX-License-Identifier: MIT */
/* What can be said of a partition for a guest without asking libvirt: XML, arguments of QEMU, driver. */
#include "lib/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

void handover_done(struct handover *h)
{
	inventory_done(&h->inv);
}

static int unusable(const struct ofbc_partition *p, struct ofbc_error *err)
{
	if (p->state == OFBC_PARTITION_LOST) {
		error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "partition %s is lost: its device is gone",
		          p->uuid);
		error_hint(err, "make it again with `openforbc host restore`");
		return -ENODEV;
	}
	error_set(err, EIO, OFBC_REASON_FAILED, "partition %s is incomplete: a guest could not use it",
	          p->uuid);
	error_hint(err, "destroy it with `openforbc partition destroy %s` and make it again", p->uuid);
	return -EIO;
}

int handover_device(struct inventory *inv, const struct ofbc_partition *p, struct hostdev *ret,
                    struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);
	const struct ofbc_type *t;
	struct hostdev dev = {0};
	unsigned param;
	int r;

	if (p->state == OFBC_PARTITION_LOST || p->state == OFBC_PARTITION_INCOMPLETE)
		return unusable(p, err);
	if (!v || !v->ops->hostdev) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "a guest cannot use a %s partition",
		          p->technology ? p->technology : "unknown");
		error_hint(
			err,
			"it is for processes and containers: `openforbc partition run`, `openforbc partition env`");
		return -ENOTSUP;
	}
	t = view_type(v, p->type, &param);
	r = v->ops->hostdev(&inv->host, v->gpu, p, t, &dev, err);
	if (r < 0)
		return error_wrap(err, "partition %s", p->uuid);
	*ret = dev;
	return 0;
}

int handover_load(struct ofbc_context *ctx, const char *spec, unsigned flags, struct handover *ret,
                  struct ofbc_error *err)
{
	_cleanup_handover_ struct handover h = {0};
	int r = inventory_load(ctx, flags | INVENTORY_TYPES | INVENTORY_PARTITIONS | INVENTORY_CPU, NULL,
	                       NULL, &h.inv, err);

	if (r == 0)
		r = ofbc_partition_find(&h.inv.partitions, spec, &h.p, err);
	if (r == 0)
		r = handover_device(&h.inv, h.p, &h.dev, err);
	if (r < 0)
		return r;
	h.view = inventory_view(&h.inv, h.p->gpu, h.p->technology);
	*ret = h;
	ret->inv.host.gpus = &ret->inv.gpus;
	h = (struct handover){0};
	return 0;
}

static struct hostdev_wish wish_of(const struct handover *h, unsigned flags)
{
	return (struct hostdev_wish){.display = flags & OFBC_ATTACH_DISPLAY,
	                             .ramfb = flags & OFBC_ATTACH_RAMFB,
	                             .partition = h->p->uuid};
}

int ofbc_partition_xml(struct ofbc_context *ctx, const char *spec, unsigned flags, char **ret,
                       struct ofbc_error *err)
{
	_cleanup_handover_ struct handover h = {0};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(1u << 16);
	struct hostdev_wish wish;
	int r = handover_load(ctx, spec, 0, &h, err);

	if (r < 0)
		return r;
	wish = wish_of(&h, flags);
	r = hostdev_check(&h.dev, &wish, NULL, false, err);
	for (unsigned i = 0; r == 0 && i < h.dev.n; i++)
		hostdev_xml(&h.dev, i, &wish, &out);
	return r < 0 ? r : strbuf_take(&out, ret);
}

/* A VFIO driver has it, so that a program can open it. */
static int check_bound(struct handover *h, const char *address, struct ofbc_error *err)
{
	struct platform *p = h->inv.host.platform;
	_cleanup_strv_ struct strv cdevs = {0};
	char driver[32] = "";

	(void)sysfs_link_name(p, driver, sizeof(driver), "sys/bus/pci/devices/%s/driver", address);
	if (!h->dev.is_managed || strncmp(driver, "vfio", 4) == 0 ||
	    (sysfs_list(p, &cdevs, "sys/bus/pci/devices/%s/vfio-dev", address) == 0 && cdevs.n))
		return 0;
	error_set(err, EBUSY, OFBC_REASON_NOT_SUPPORTED, "function %s is bound to %s, QEMU cannot open it",
	          address, driver[0] ? driver : "no driver");
	error_hint(err, "`openforbc partition bind %s vfio-pci` first; with libvirt there is no need",
	           h->p->uuid);
	return -EBUSY;
}

int ofbc_partition_qemu(struct ofbc_context *ctx, const char *spec, unsigned flags, char ***ret,
                        struct ofbc_error *err)
{
	_cleanup_handover_ struct handover h = {0};
	_cleanup_strv_ struct strv args = {0};
	struct hostdev_wish wish;
	int r = handover_load(ctx, spec, 0, &h, err);

	if (r < 0)
		return r;
	wish = wish_of(&h, flags);
	r = hostdev_check(&h.dev, &wish, NULL, false, err);
	for (unsigned i = 0; r == 0 && h.dev.kind == HOSTDEV_PCI && i < h.dev.n; i++)
		r = check_bound(&h, h.dev.address[i], err);
	if (r == 0)
		r = hostdev_qemu(&h.dev, &wish, h.p->uuid, &args);
	if (r < 0)
		return r;
	*ret = args.v;
	args = (struct strv){0};
	return 0;
}

static int bind_to(struct platform *p, const char *address, bool vfio, struct ofbc_error *err)
{
	struct pci_function f;
	int r = pci_read(p, address, &f);

	if (r < 0)
		return error_set_errno(err, -r, "%s", address);
	if (vfio ? strncmp(f.driver, "vfio", 4) == 0 : f.driver[0] && strncmp(f.driver, "vfio", 4) != 0)
		return 1;
	return pci_bind(p, address, vfio ? "vfio-pci" : "", err);
}

int ofbc_partition_bind(struct ofbc_context *ctx, const char *spec, bool vfio, struct ofbc_error *err)
{
	_cleanup_change_ struct change c = CHANGE_INIT;
	const struct ofbc_partition *p;
	struct hostdev dev;
	int r = context_need_privilege(ctx, "binding a function", err);

	/* under the lock, so that nobody destroys it meanwhile */
	if (r == 0)
		r = change_begin(ctx, INVENTORY_TYPES | INVENTORY_HOLDERS, NULL, &c, err);
	if (r == 0)
		r = ofbc_partition_find(&c.inv.partitions, spec, &p, err);
	if (r == 0)
		r = handover_device(&c.inv, p, &dev, err);
	if (r < 0)
		return r;
	if (!dev.is_managed) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "a %s partition stays on its driver",
		          p->technology);
		error_hint(err, "QEMU can open it as it is: `openforbc partition qemu %s`", p->uuid);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < p->holders.n; i++) {
		if (!p->holders.v[i].is_idle)
			return holder_error(&p->holders, err, "partition %s", p->uuid);
	}
	return bind_to(ctx->platform, dev.address[0], vfio, err);
}
