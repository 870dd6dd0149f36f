/* SPDX-License-Identifier: MIT */
/* A technology in one file, for the test that proves that one file and one word are enough. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/backend.h"
#include "base/error.h"
#include "base/list.h"
#include "model/capacity.h"

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	(void)h;
	(void)err;
	if (!gpu->is_cpu)
		return 0;
	ret->state = OFBC_TECHNOLOGY_READY;
	return 1;
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	struct ofbc_type *t = list_add(ret);

	(void)h;
	(void)gpu;
	(void)cap;
	(void)err;
	if (!t)
		return -ENOMEM;
	snprintf(t->key, sizeof(t->key), "dummy:one");
	t->max = 1;
	t->unit_count = 1;
	return 0;
}

static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	char uuid[64];
	struct ofbc_partition *p;

	(void)gpu;
	(void)err;
	if (sysfs_read(h->platform, uuid, sizeof(uuid), "%s/dummy", h->platform->run_dir) < 0)
		return 0;
	p = list_add(ret);
	if (!p)
		return -ENOMEM;
	snprintf(p->uuid, sizeof(p->uuid), "%.36s", uuid);
	snprintf(p->type, sizeof(p->type), "dummy:one");
	snprintf(p->device, sizeof(p->device), "%s", uuid);
	snprintf(p->handle, sizeof(p->handle), "%s", uuid);
	return 0;
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	char path[SYSFS_PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/dummy", h->platform->run_dir);
	r = h->platform->ops->put(h->platform, path, args->uuid);
	if (r < 0)
		return error_set_errno(err, -r, "cannot write '%s'", path);
	return list_partitions(h, gpu, ret, err);
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	char path[SYSFS_PATH_MAX];
	int r;

	(void)gpu;
	(void)p;
	snprintf(path, sizeof(path), "%s/dummy", h->platform->run_dir);
	r = h->platform->ops->remove(h->platform, path);
	return r < 0 ? error_set_errno(err, -r, "cannot remove '%s'", path) : 0;
}

const struct backend_ops backend_dummy = {
	.name = "dummy",
	.title = "Dummy",
	.caps = BACKEND_HOST_ONLY | BACKEND_UUID,
	.rank = 99,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.create = create,
	.destroy = destroy,
};
