/* SPDX-License-Identifier: MIT */
/* Public calls about partitions that exist: list, find, adopt, environment, run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "lib/access.h"

int ofbc_partition_list(struct ofbc_context *ctx, const char *gpu, struct ofbc_partition_list **ret,
                        struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	struct ofbc_partition_list *l;
	int r = inventory_load(ctx, INVENTORY_PARTITIONS | INVENTORY_HOLDERS | INVENTORY_CPU, gpu, NULL, &inv,
	                       err);

	if (r < 0)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = inv.partitions;
	inv.partitions = (struct ofbc_partition_list){0};
	*ret = l;
	return 0;
}

void ofbc_partition_list_free(struct ofbc_partition_list *list)
{
	if (!list)
		return;
	partition_list_done(list);
	free(list);
}

static int partition_match(const struct ofbc_partition *p, const char *spec)
{
	size_t n = strlen(spec);

	if (strcmp(p->name, spec) == 0)
		return 3;
	if (strcasecmp(p->uuid, spec) == 0 || (p->handle[0] && strcasecmp(p->handle, spec) == 0))
		return 2;
	if (n == 0)
		return 0;
	return strncasecmp(p->uuid, spec, n) == 0 || (p->handle[0] && strncasecmp(p->handle, spec, n) == 0) ||
	       (p->name[0] && strncmp(p->name, spec, n) == 0);
}

static int partition_not_found(const struct ofbc_partition_list *list, const char *spec,
                               struct ofbc_error *err)
{
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no partition '%s'", spec);
	error_hint(err, "`openforbc partition list` prints UUIDs and names");
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].name[0] && edit_distance(list->v[i].name, spec) <= 2) {
			error_hint(err, "did you mean '%s'?", list->v[i].name);
			break;
		}
	}
	return -ENOENT;
}

int ofbc_partition_find(const struct ofbc_partition_list *list, const char *spec,
                        const struct ofbc_partition **ret, struct ofbc_error *err)
{
	const struct ofbc_partition *hit = NULL, *second = NULL;
	int best = 0;

	for (size_t i = 0; i < list->n; i++) {
		int m = partition_match(&list->v[i], spec);

		if (m > best) {
			best = m;
			hit = &list->v[i];
			second = NULL;
		} else if (m && m == best) {
			second = &list->v[i];
		}
	}
	if (!hit)
		return partition_not_found(list, spec, err);
	if (second) {
		error_set(err, EEXIST, OFBC_REASON_USAGE, "'%s' fits %s and %s", spec, hit->uuid,
		          second->uuid);
		error_hint(err, "type more of it");
		return -EEXIST;
	}
	*ret = hit;
	return 0;
}

/* Loads and finds; the inventory owns the partition. */
static int load_one(struct ofbc_context *ctx, const char *spec, struct inventory *inv,
                    const struct ofbc_partition **ret, struct ofbc_error *err)
{
	int r = inventory_load(ctx, INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, inv, err);

	if (r < 0)
		return r;
	return ofbc_partition_find(&inv->partitions, spec, ret, err);
}

int ofbc_partition_adopt(struct ofbc_context *ctx, const char *spec, const char *name, struct ofbc_error *err)
{
	_cleanup_change_ struct change c = CHANGE_INIT;
	const struct ofbc_partition *p;
	struct record rec = {.state = RECORD_ACTIVE, .created_unix_s = wall_clock_s()};
	int r = change_begin(ctx, 0, NULL, &c, err);

	if (r == 0)
		r = ofbc_partition_find(&c.inv.partitions, spec, &p, err);
	if (r < 0)
		return r;
	if (p->is_ours)
		return 1;
	for (size_t i = 0; name && i < c.inv.records.n; i++) {
		if (strcmp(c.inv.records.v[i].name, name) == 0)
			return error_set(err, EEXIST, OFBC_REASON_USAGE,
			                 "a partition named '%s' exists already", name);
	}
	memcpy(rec.uuid, p->uuid, sizeof(rec.uuid));
	snprintf(rec.name, sizeof(rec.name), "%s", name ? name : "");
	snprintf(rec.gpu, sizeof(rec.gpu), "%s", p->gpu);
	snprintf(rec.technology, sizeof(rec.technology), "%s", p->technology);
	snprintf(rec.type, sizeof(rec.type), "%s", p->type);
	snprintf(rec.device, sizeof(rec.device), "%s", p->device);
	rec.placement = p->placement;
	rec.memory_bytes = p->memory_bytes;
	return store_put(c.store, &rec, err);
}

int ofbc_partition_env(struct ofbc_context *ctx, const char *spec, char ***ret, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_strv_ struct strv env = {0};
	const struct ofbc_partition *p;
	int r = load_one(ctx, spec, &inv, &p, err);

	if (r == 0)
		r = partition_env(&inv, p, false, &env, err);
	if (r < 0)
		return r;
	*ret = env.v;
	env = (struct strv){0};
	return 0;
}

void ofbc_env_free(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

/* Choices among devices that the program may have been started with: they are made by the partition. */
static const char *const choices[] = {"CUDA_VISIBLE_DEVICES",
                                      "CUDA_DEVICE_ORDER",
                                      "CUDA_MPS_PIPE_DIRECTORY",
                                      "CUDA_MPS_LOG_DIRECTORY",
                                      "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE",
                                      "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT",
                                      "ROCR_VISIBLE_DEVICES",
                                      "HIP_VISIBLE_DEVICES",
                                      "GPU_DEVICE_ORDINAL",
                                      "ZE_AFFINITY_MASK",
                                      NULL};

/* A group in which only the partition's nodes can be opened. */
static int isolate(struct inventory *inv, const struct ofbc_partition *p, char cgroup[SYSFS_PATH_MAX],
                   struct ofbc_error *err)
{
	_cleanup_access_ struct access a = {0};
	_cleanup_free_ struct device_access *devices = NULL;
	struct platform *platform = inv->host.platform;
	int r = partition_nodes(inv, p, &a, err);

	if (r < 0)
		return r;
	devices = calloc(a.nodes.n + 1, sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	for (size_t i = 0; i < a.nodes.n; i++)
		devices[i] = (struct device_access){.path = a.nodes.v[i].path,
		                                    .is_read_only = a.nodes.v[i].is_read_only};
	r = platform->ops->confine(platform, devices, a.nodes.n, cgroup);
	if (r == -EPERM || r == -EACCES) {
		error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED,
		          "closing device nodes to a program needs root");
		error_hint(err, "run the same command with sudo; in a container it may be forbidden to root");
	} else if (r == -ENOTSUP) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "this host has no control groups of version 2 with device rules");
		error_hint(err, "boot with systemd.unified_cgroup_hierarchy=1, or leave out --isolate");
	} else if (r < 0) {
		error_set_errno(err, -r, "cannot make a control group with device rules");
	}
	return r;
}

/* cgroup: "" when the program can open all that its user can. */
static int isolate_as_wanted(struct inventory *inv, const struct ofbc_partition *p,
                             const struct ofbc_run_request *rq, char cgroup[SYSFS_PATH_MAX],
                             struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);
	struct ofbc_error why = {0};
	int r;

	cgroup[0] = '\0';
	if (rq->devices == OFBC_RUN_ALL_DEVICES ||
	    (!v->ops->nodes && rq->devices == OFBC_RUN_OWN_IF_POSSIBLE))
		return 0;
	r = isolate(inv, p, cgroup, &why);
	if (r == 0)
		return 0;
	cgroup[0] = '\0';
	if (rq->devices == OFBC_RUN_OWN_DEVICES || r == -ENOMEM) {
		if (err)
			*err = why;
		return r;
	}
	if (rq->note)
		rq->note(rq->data, why.message);
	return 0;
}

int partition_confine(struct inventory *inv, const struct ofbc_partition *p, char cgroup[256], char cpus[256],
                      struct ofbc_error *err)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);
	int r = v->ops->confine ? v->ops->confine(&inv->host, p, cgroup, cpus) : 0;

	return r < 0 ? error_set_errno(err, -r, "cannot confine a process to partition %s", p->uuid) : 0;
}

int ofbc_partition_run(struct ofbc_context *ctx, const struct ofbc_run_request *rq, int *ret_status,
                       struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_strv_ struct strv env = {0}, unused = {0};
	const struct ofbc_partition *p;
	char own[256] = "", cpus[256] = "", isolated[SYSFS_PATH_MAX] = "";
	struct spawn s = {.argv = rq->argv};
	int r = load_one(ctx, rq->partition, &inv, &p, err);

	/* before anything is made for a partition that a process cannot use */
	if (r == 0)
		r = partition_env(&inv, p, false, &unused, err);
	if (r == 0)
		r = partition_confine(&inv, p, own, cpus, err);
	if (r == 0)
		r = isolate_as_wanted(&inv, p, rq, isolated, err);
	if (r == 0)
		r = partition_env(&inv, p, isolated[0], &env, err);
	host_nvml_close(&inv.host);
	if (r == 0) {
		s.env = (const char *const *)env.v;
		s.drop = inventory_view(&inv, p->gpu, p->technology)->ops->nodes ? choices : NULL;
		s.cgroup = isolated[0] ? isolated : own[0] ? own : NULL;
		s.cpus = cpus[0] ? cpus : NULL;
		r = ctx->platform->ops->spawn(ctx->platform, &s, ret_status);
		if (r < 0)
			error_set_errno(err, -r, "cannot run '%s'", rq->argv[0]);
	}
	if (isolated[0])
		ctx->platform->ops->unconfine(ctx->platform, isolated);
	return r;
}
