/* SPDX-License-Identifier: MIT */
/* Where the instances of a stage run: on partitions, or on the machine as it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "lib/access.h"
#include "lib/bench_job.h"

#define INSTANCES_MAX 4096

static int place_on(struct inventory *inv, const struct ofbc_partition *p, struct bench_place *ret,
                    struct ofbc_error *err)
{
	int r = partition_env(inv, p, false, &ret->env, err);

	text_copy(ret->name, sizeof(ret->name), p->name[0] ? p->name : p->uuid);
	text_copy(ret->gpu, sizeof(ret->gpu), p->gpu);
	/* the groups and processors of an emulated host are not on this machine */
	if (r < 0 || inv->ctx->platform->emulated)
		return r;
	return partition_confine(inv, p, ret->cgroup, ret->cpus, err);
}

/* "4x cpu:1c", or "2x mig:1g.18gb + mig:3g.71gb". */
static void name_layout(const struct ofbc_partition *const *v, size_t n, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n && len < size; i++) {
		unsigned same = 0;
		bool was_there = false;

		for (size_t k = 0; k < n; k++) {
			bool is_same = strcmp(v[i]->type, v[k]->type) == 0;

			was_there |= is_same && k < i;
			same += is_same;
		}
		if (was_there)
			continue;
		if (same > 1)
			len += (size_t)snprintf(buf + len, size - len, "%s%ux %s", len ? " + " : "", same,
			                        v[i]->type);
		else
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? " + " : "", v[i]->type);
	}
}

void job_places_free(struct bench_job *job)
{
	for (unsigned i = 0; job->places && i < job->instances; i++)
		strv_done(&job->places[i].env);
	free(job->places);
	job->places = NULL;
}

static int new_places(struct bench_job *job, unsigned instances)
{
	job_places_free(job);
	job->places = calloc(instances, sizeof(*job->places));
	job->instances = job->places ? instances : 0;
	return job->places ? 0 : -ENOMEM;
}

int job_place(struct bench_job *job, const char *const *partitions, size_t n, unsigned instances,
              char name[64], struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_free_ const struct ofbc_partition **v = calloc(n + 1, sizeof(*v));
	int r = v ? new_places(job, instances) : -ENOMEM;

	if (r < 0 || !n)
		return r;
	r = inventory_load(job->ctx, INVENTORY_TYPES | INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, &inv,
	                   err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = ofbc_partition_find(&inv.partitions, partitions[i], &v[i], err);
	for (unsigned i = 0; r == 0 && i < instances; i++)
		r = place_on(&inv, v[i % n], &job->places[i], err);
	if (r == 0 && name)
		name_layout(v, n, name, 64);
	return r;
}

int job_plan_stage(struct bench_job *job, struct ofbc_error *err)
{
	const struct ofbc_bench_request *rq = &job->rq;
	unsigned n = rq->instances ? rq->instances : rq->n_partitions ? (unsigned)rq->n_partitions : 1;
	struct bench_stage *s;

	if (n > INSTANCES_MAX) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "%u instances are too many", n);
		error_hint(err, "at most %u are started at once", INSTANCES_MAX);
		return -EINVAL;
	}
	s = job->stages = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	job->n_stages = 1;
	s->instances = n;
	text_copy(s->name, sizeof(s->name), n > 1 ? "shared" : "unpartitioned");
	return job_place(job, rq->partitions, rq->n_partitions, n, s->name, err);
}
