/* SPDX-License-Identifier: MIT */
/* Where the instances of a stage run: on partitions, or on the machine as it is. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "lib/access.h"
#include "lib/bench_job.h"

#define INSTANCES_MAX 4096

/* What of its GPU a partition has; a type with a parameter has that much of the most. */
static void read_shares(struct inventory *inv, const struct ofbc_partition *p, struct bench_place *ret)
{
	struct view *v = inventory_view(inv, p->gpu, p->technology);
	unsigned param = 0;
	const struct ofbc_type *t = v ? view_type(v, p->type, &param) : NULL;
	double part = t && t->is_parametric ? (double)param / t->param_max : 1;
	uint64_t memory = p->memory_bytes ? p->memory_bytes : t && !t->is_parametric ? t->memory_bytes : 0;

	text_copy(ret->type, sizeof(ret->type), p->type);
	if (t && t->compute_share > 0)
		ret->compute_share = t->compute_share * part;
	if (v && memory && v->gpu->memory_bytes)
		ret->memory_share = (double)memory / (double)v->gpu->memory_bytes;
}

static int place_on(struct inventory *inv, const struct ofbc_partition *p, struct bench_place *ret,
                    struct ofbc_error *err)
{
	int r = partition_env(inv, p, false, &ret->env, err);

	text_copy(ret->name, sizeof(ret->name), p->name[0] ? p->name : p->uuid);
	text_copy(ret->gpu, sizeof(ret->gpu), p->gpu);
	text_copy(ret->uuid, sizeof(ret->uuid), p->uuid);
	text_copy(ret->device, sizeof(ret->device), p->handle);
	read_shares(inv, p, ret);
	/* the groups and processors of an emulated host are not on this machine */
	if (r < 0 || inv->ctx->platform->emulated)
		return r;
	return partition_confine(inv, p, ret->cgroup, ret->cpus, err);
}

/* A GPU without partitions: programs are told which one, else all would take the first. */
static int place_on_gpu(struct inventory *inv, const struct ofbc_gpu *gpu, struct bench_place *ret,
                        struct ofbc_error *err)
{
	if (gpu->is_cpu)
		return 0;
	text_copy(ret->gpu, sizeof(ret->gpu), gpu->id);
	return host_gpu_env(&inv->host, gpu, &ret->env, err);
}

void places_free(struct bench_place *v, unsigned n)
{
	for (unsigned i = 0; v && i < n; i++)
		strv_done(&v[i].env);
	free(v);
}

void job_places_free(struct bench_job *job)
{
	places_free(job->places, job->instances);
	job->places = NULL;
	job->instances = 0;
}

/* What is named: partitions, or whole GPUs. */
struct named_list {
	const struct ofbc_partition **parts;
	const struct ofbc_gpu **gpus;
	size_t n, n_gpus;
};

static int find_named(const struct inventory *inv, const char *const *names, struct named_list *ret,
                      struct ofbc_error *err)
{
	for (size_t i = 0; i < ret->n; i++) {
		int r = ofbc_partition_find(&inv->partitions, names[i], &ret->parts[i], err);

		/* a partition's name may begin like a GPU's */
		if (r == -ENOENT)
			r = ofbc_gpu_find(&inv->gpus, names[i], &ret->gpus[i], err);
		ret->n_gpus += ret->gpus[i] != NULL;
		if (r == -ENODEV) {
			error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no partition and no GPU '%s'",
			          names[i]);
			error_hint(err, "`openforbc partition list` and `openforbc gpu list` print them");
		}
		if (r < 0)
			return r;
	}
	if (!ret->n_gpus || ret->n_gpus == ret->n)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "instances on partitions and on whole GPUs at once");
	error_hint(err, "name only partitions, or only GPUs");
	return -EINVAL;
}

/* What stands there, for whoever reads the results. */
static int describe(struct inventory *inv, const struct named_list *named, struct bench_stage *s)
{
	struct stage_part_list parts = {.v = calloc(named->n + 1, sizeof(*parts.v))};
	_cleanup_strv_ struct strv gpus = {0};
	int r = parts.v ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < named->n; i++) {
		const struct ofbc_partition *p = named->parts[i];

		if (p)
			parts.v[parts.n++] = (struct stage_part){p->type, p->gpu, p->memory_bytes};
		else
			r = strv_add(&gpus, named->gpus[i]->id);
	}
	if (r == 0) {
		s->partitions = (unsigned)parts.n;
		stage_describe(inv, &parts, &gpus, s);
		if (parts.n)
			text_copy(s->name, sizeof(s->name), s->types);
	}
	free(parts.v);
	return r;
}

static int find_places(struct ofbc_context *ctx, const char *const *names, size_t n, unsigned instances,
                       struct bench_place *places, struct bench_stage *s, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_free_ const struct ofbc_partition **parts = calloc(n + 1, sizeof(*parts));
	_cleanup_free_ const struct ofbc_gpu **gpus = calloc(n + 1, sizeof(*gpus));
	struct named_list named = {.parts = parts, .gpus = gpus, .n = n};
	int r = parts && gpus ? 0 : -ENOMEM;

	if (r == 0)
		r = inventory_load(ctx, INVENTORY_TYPES | INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL,
		                   &inv, err);
	if (r == 0)
		r = find_named(&inv, names, &named, err);
	for (unsigned i = 0; r == 0 && i < instances; i++) {
		r = parts[i % n] ? place_on(&inv, parts[i % n], &places[i], err)
		                 : place_on_gpu(&inv, gpus[i % n], &places[i], err);
		/* those on one partition share what it has */
		places[i].compute_share /= instances / (unsigned)n + (i % n < instances % n);
		places[i].memory_share /= instances / (unsigned)n + (i % n < instances % n);
	}
	return r == 0 && s ? describe(&inv, &named, s) : r;
}

int places_new(struct ofbc_context *ctx, const char *const *partitions, size_t n, unsigned instances,
               struct bench_place **ret, struct bench_stage *s, struct ofbc_error *err)
{
	struct bench_place *v = calloc(instances, sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (unsigned i = 0; r == 0 && i < instances; i++)
		v[i].compute_share = v[i].memory_share = NAN;
	if (r == 0 && n)
		r = find_places(ctx, partitions, n, instances, v, s, err);
	if (r == 0)
		*ret = v;
	else
		places_free(v, instances);
	return r;
}

int job_place(struct bench_job *job, const char *const *partitions, size_t n, unsigned instances,
              struct bench_stage *s, struct ofbc_error *err)
{
	int r;

	job_places_free(job);
	r = places_new(job->ctx, partitions, n, instances, &job->places, s, err);
	job->instances = r == 0 ? instances : 0;
	return r;
}

void job_place_only(struct bench_job *job, const char *type)
{
	unsigned keep = 0;

	while (keep + 1 < job->instances && strcmp(job->places[keep].type, type) != 0)
		keep++;
	for (unsigned i = 0; i < job->instances; i++) {
		if (i != keep)
			strv_done(&job->places[i].env);
	}
	job->places[0] = job->places[keep];
	job->instances = 1;
}

int job_share_processors(struct bench_job *job)
{
	_cleanup_free_ char(*lists)[256] = calloc(job->instances + 1, sizeof(*lists));
	const char *gpu = job->places[0].gpu;
	bool have_own = false;

	if (!lists)
		return -ENOMEM;
	job->processors = 0;
	for (unsigned i = 0; i < job->instances; i++) {
		have_own |= job->places[i].cpus[0] != '\0';
		gpu = gpu && strcmp(gpu, job->places[i].gpu) == 0 ? gpu : NULL;
	}
	if (!job->rq.share_processors || have_own)
		return 0;
	job->processors = processors_share(job->ctx->platform, job->instances, gpu, lists);
	for (unsigned i = 0; job->processors > 0 && i < job->instances; i++)
		text_copy(job->places[i].cpus, sizeof(job->places[i].cpus), lists[i]);
	return job->processors == -ENOMEM ? -ENOMEM : 0;
}

int job_places_read(const struct bench_job *job, struct bench_trial *t)
{
	int r;

	if (t->verdict != BENCH_OK)
		return 0;
	r = trial_add_shares(job->places, job->instances, t);
	for (unsigned i = 0; r == 0 && job->processors > 0 && i < job->instances; i++)
		r = bench_value_add(t, BENCH_PROCESSORS, (int)i, job->processors) ? 0 : -ENOMEM;
	if (job->processors < 0 && !t->reason)
		t->reason = strdup("more instances than processors: none has processors of its own");
	/* once a cell: it was measured once */
	if (r == 0 && t->number == 0 && job->change_s > 0 &&
	    !bench_value_add(t, BENCH_LAYOUT_CHANGE, -1, job->change_s))
		r = -ENOMEM;
	return r;
}

int job_add_stage(struct bench_job *job, unsigned instances, struct ofbc_error *err)
{
	const struct ofbc_bench_request *rq = &job->rq;
	struct bench_stage *more, *s;

	if (!instances || instances > INSTANCES_MAX) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "%u instances are not possible", instances);
		error_hint(err, "from 1 to %u are started at once", INSTANCES_MAX);
		return -EINVAL;
	}
	more = realloc(job->stages, (job->n_stages + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	job->stages = more;
	s = &job->stages[job->n_stages++];
	*s = (struct bench_stage){.instances = instances};
	text_copy(s->name, sizeof(s->name), instances > 1 ? "shared" : "unpartitioned");
	stage_describe(NULL, &(struct stage_part_list){0}, &(struct strv){0}, s);
	return job_place(job, rq->partitions, rq->n_partitions, instances, s, err);
}

int job_plan_stage(struct bench_job *job, struct ofbc_error *err)
{
	const struct ofbc_bench_request *rq = &job->rq;
	int r = 0;

	if (!rq->n_instances)
		return job_add_stage(job, rq->n_partitions ? (unsigned)rq->n_partitions : 1, err);
	for (size_t i = 0; r == 0 && i < rq->n_instances; i++) {
		for (size_t k = 0; k < i; k++) {
			if (rq->instances[k] != rq->instances[i])
				continue;
			error_set(err, EINVAL, OFBC_REASON_USAGE, "%u instances are asked for twice",
			          rq->instances[i]);
			error_hint(err, "more trials of it: --trials N");
			return -EINVAL;
		}
		r = job_add_stage(job, rq->instances[i], err);
	}
	return r;
}
