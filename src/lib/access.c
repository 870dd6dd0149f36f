/* SPDX-License-Identifier: MIT */
#include "lib/access.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static int lost_error(const struct ofbc_partition *p, struct ofbc_error *err)
{
	error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "partition %s is lost: its device is gone", p->uuid);
	error_hint(err, "forget it with `openforbc partition destroy %s`", p->uuid);
	return -ENODEV;
}

int partition_env(struct inventory *inv, const struct ofbc_partition *p, bool alone, struct strv *ret,
                  struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);
	int r;

	if (p->state == OFBC_PARTITION_LOST)
		return lost_error(p, err);
	if (!v || !v->ops->env) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "a process cannot use a %s partition",
		          p->technology ? p->technology : "unknown");
		error_hint(err, "it is made to be handed to a guest");
		return -ENOTSUP;
	}
	r = strv_addf(ret, "OPENFORBC_PARTITION=%s", p->uuid);
	return r < 0 ? r : v->ops->env(&inv->host, v->gpu, p, alone, ret, err);
}

static int guest_nodes(struct inventory *inv, struct view *v, const struct ofbc_partition *p,
                       struct access *ret, struct ofbc_error *err)
{
	struct hostdev dev = {0};
	unsigned param;
	int r = v->ops->hostdev(&inv->host, v->gpu, p, view_type(v, p->type, &param), &dev, err);

	return r < 0 ? r : host_vfio_nodes(&inv->host, &dev, p, ret, err);
}

int partition_nodes(struct inventory *inv, const struct ofbc_partition *p, struct access *ret,
                    struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);

	if (p->state == OFBC_PARTITION_LOST)
		return lost_error(p, err);
	if (v && v->ops->nodes)
		return v->ops->nodes(&inv->host, v->gpu, p, ret, err);
	if (v && v->ops->hostdev)
		return guest_nodes(inv, v, p, ret, err);
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "a %s partition has no device nodes",
	          p->technology ? p->technology : "unknown");
	if (v && (v->ops->caps & BACKEND_PROCESS))
		error_hint(err, "programs use it through `openforbc partition run %s`", p->uuid);
	else
		error_hint(err, "`openforbc partition show %s` prints what it is", p->uuid);
	return -ENOTSUP;
}

int partition_access(struct inventory *inv, const struct ofbc_partition *p, struct access *ret,
                     struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);
	_cleanup_access_ struct access a = {0};
	int r = partition_nodes(inv, p, &a, err);

	if (r < 0)
		return r;
	r = v->ops->env ? partition_env(inv, p, true, &a.env, err) : -ENOTSUP;
	/* A function on its VFIO driver has no environment: it is for a QEMU in the container. */
	if (r == -ENOTSUP) {
		strv_done(&a.env);
		r = strv_addf(&a.env, "OPENFORBC_PARTITION=%s", p->uuid);
	}
	if (r < 0)
		return r;
	*ret = a;
	a = (struct access){0};
	return 0;
}
