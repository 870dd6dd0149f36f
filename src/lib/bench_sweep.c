/* SPDX-License-Identifier: MIT */
/*
 * A sweep: every layout of a file is applied, measured, and the first state is brought back. That state is in
 * the store with the run before anything is changed, so that `bench resume` brings it back after a kill, too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "base/strv.h"
#include "base/yaml.h"
#include "lib/bench_job.h"
#include "lib/layout.h"
#include "platform/files.h"

#define SWEEP_MAX (16u << 20)

DEFINE_CLEANUP(struct ofbc_layout *, ofbc_layout_free);
DEFINE_CLEANUP(struct ofbc_plan *, ofbc_plan_free);

static struct bench_stage *add_stage(struct bench_job *job, const char *name, const char *layout,
                                     unsigned partitions, unsigned instances)
{
	struct bench_stage *more = realloc(job->stages, (job->n_stages + 1) * sizeof(*more)), *s;

	if (!more)
		return NULL;
	job->stages = more;
	s = &job->stages[job->n_stages];
	*s = (struct bench_stage){.layout = strdup(layout), .partitions = partitions, .instances = instances};
	text_copy(s->name, sizeof(s->name), name);
	if (!s->layout)
		return NULL;
	job->n_stages++;
	return s;
}

static unsigned flags_of(const struct bench_job *job)
{
	return job->rq.may_reset ? OFBC_LAYOUT_RESET : 0;
}

/* A partition that will stand, and its GPU. */
static int add_part(struct stage_part_list *parts, struct strv *gpus, struct stage_part part)
{
	struct stage_part *more = list_add(parts);

	if (!more)
		return -ENOMEM;
	*more = part;
	return strv_contains(gpus, part.gpu) ? 0 : strv_add(gpus, part.gpu);
}

/* The partitions that stand when the plan is carried out, and the GPUs that it is about. */
static int foresee(const struct ofbc_plan *plan, const struct ofbc_partition_list *now, struct strv *gpus,
                   struct stage_part_list *parts)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->steps.n; i++) {
		const struct ofbc_step *s = &plan->steps.v[i];

		if (s->action == OFBC_ACTION_CREATE)
			r = add_part(parts, gpus, (struct stage_part){s->type, s->gpu, s->memory_bytes});
		else if (!strv_contains(gpus, s->gpu))
			r = strv_add(gpus, s->gpu);
	}
	for (size_t i = 0; r == 0 && plan->kept && plan->kept[i]; i++) {
		const struct ofbc_partition *p;

		if (ofbc_partition_find(now, plan->kept[i], &p, NULL) == 0)
			r = add_part(parts, gpus, (struct stage_part){p->type, p->gpu, p->memory_bytes});
	}
	return r;
}

static void parts_done(struct stage_part_list *l)
{
	free(l->v);
}

static bool has_stage(const struct bench_job *job, const char *name, unsigned instances)
{
	for (size_t i = 0; i < job->n_stages; i++) {
		if (strcmp(job->stages[i].name, name) == 0 && job->stages[i].instances == instances)
			return true;
	}
	return false;
}

/* Each type of the layout alone, its neighbours idle: what isolation and efficiency are told by. Of one type
 * it is the layout with one instance; of several "LAYOUT/TYPE". */
static int add_solos(struct bench_job *job, const char *name, const char *text, const char *which,
                     struct inventory *inv, const struct stage_part_list *parts)
{
	bool is_mixed = false;

	for (size_t i = 0; i < parts->n; i++)
		is_mixed |= strcmp(parts->v[i].type, parts->v[0].type) != 0;
	for (size_t i = 0; i < parts->n; i++) {
		struct bench_stage *s;
		char both[sizeof(s->name)];

		snprintf(both, sizeof(both), "%.40s%s%.22s", name, is_mixed ? "/" : "",
		         is_mixed ? parts->v[i].type : "");
		if (has_stage(job, both, 1))
			continue;
		s = add_stage(job, both, text, (unsigned)parts->n, 1);
		if (!s)
			return -ENOMEM;
		text_copy(s->which, sizeof(s->which), which ? which : "");
		text_copy(s->solo, sizeof(s->solo), parts->v[i].type);
		stage_describe(inv, parts, &job->gpus, s);
	}
	return 0;
}

static int plan_layout(struct bench_job *job, const char *name, const char *text, size_t len,
                       const char *which, struct inventory *inv, struct ofbc_error *err)
{
	_cleanup_(ofbc_layout_free_p) struct ofbc_layout *l = NULL;
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = NULL;
	_cleanup_(parts_done) struct stage_part_list parts = {0};
	int r = ofbc_layout_read(text, len, job->rq.sweep, which, &l, err);

	if (r == 0)
		r = ofbc_layout_plan(job->ctx, l, flags_of(job), &plan, err);
	if (r == 0)
		r = foresee(plan, &inv->partitions, &job->gpus, &parts);
	if (r < 0)
		return which ? error_wrap(err, "layout '%s'", which) : r;
	if (!parts.n) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "%s: layout '%s' has no partitions to run on",
		          job->rq.sweep, name);
		error_hint(err, "leave it out: the machine without partitions is measured anyway");
		return -EINVAL;
	}
	/* one each, where the layout does not say how many */
	for (size_t i = 0; i == 0 || i < l->n_instances; i++) {
		unsigned instances = i < l->n_instances ? l->instances[i] : (unsigned)parts.n;
		struct bench_stage *s = add_stage(job, name, text, (unsigned)parts.n, instances);

		if (!s)
			return -ENOMEM;
		text_copy(s->which, sizeof(s->which), which ? which : "");
		stage_describe(inv, &parts, &job->gpus, s);
	}
	return job->rq.solo ? add_solos(job, name, text, which, inv, &parts) : 0;
}

/* With MIG switched on a board without instances runs nothing. */
static bool has_mig(const struct ofbc_gpu_list *all, const char *gpu)
{
	for (size_t i = 0; i < all->n; i++) {
		for (size_t k = 0; strcmp(all->v[i].id, gpu) == 0 && k < all->v[i].n_technologies; k++) {
			const struct ofbc_technology *t = &all->v[i].technologies[k];

			if (strcmp(t->name, "mig") == 0)
				return t->state != OFBC_TECHNOLOGY_UNAVAILABLE;
		}
	}
	return false;
}

/* Without partitions: once alone, and once for each number of instances that the layouts have. */
static int plan_whole(struct bench_job *job, struct inventory *inv)
{
	const struct strv *gpus = &job->gpus;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(1u << 20);
	size_t n = job->n_stages;

	strbuf_add(&text, gpus->n ? "version: 1\ngpus:\n" : "version: 1\ngpus: []\n");
	for (size_t i = 0; i < gpus->n; i++)
		strbuf_addf(&text, "  - match: {pci: \"%s\"}\n%s    partitions: []\n", gpus->v[i],
		            has_mig(&inv->gpus, gpus->v[i]) ? "    modes: {mig: off}\n" : "");
	if (text.err || !add_stage(job, "unpartitioned", strbuf_str(&text), 0, 1))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		bool is_known = job->stages[i].instances == 1;

		for (size_t k = 0; k < i; k++)
			is_known |= job->stages[k].instances == job->stages[i].instances;
		if (!is_known && !add_stage(job, "shared", strbuf_str(&text), 0, job->stages[i].instances))
			return -ENOMEM;
	}
	for (size_t i = n; i < job->n_stages; i++) {
		job->stages[i].is_whole = true;
		stage_describe(inv, &(struct stage_part_list){0}, gpus, &job->stages[i]);
	}
	return 0;
}

/* The one layout of a file without names, or all that have one. */
static int plan_file(struct bench_job *job, const char *text, size_t len, struct inventory *inv,
                     struct ofbc_error *err)
{
	_cleanup_yaml_ struct yaml *doc = NULL;
	const char *slash = strrchr(job->rq.sweep, '/');
	int r = yaml_doc_parse(text, len, job->rq.sweep, &doc, err);
	const struct yaml *layouts = r == 0 ? yaml_doc_get(doc, "layouts") : NULL;

	if (r == 0 && (!layouts || layouts->kind != YAML_MAP))
		return plan_layout(job, slash ? slash + 1 : job->rq.sweep, text, len, NULL, inv, err);
	for (size_t i = 0; r == 0 && i + 1 < layouts->n; i += 2)
		r = plan_layout(job, layouts->v[i].text, text, len, layouts->v[i].text, inv, err);
	return r;
}

int job_plan_sweep(struct bench_job *job, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(job->rq.sweep, SWEEP_MAX, &text, &len);

	if (r < 0) {
		error_set_errno(err, -r, "%s", job->rq.sweep);
		error_hint(err, "name a layout file: `man openforbc-layout`");
		return r;
	}
	if (job->rq.n_partitions || job->rq.n_instances) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "a sweep says itself where instances run");
		error_hint(err,
		           "leave out --on and --instances; `instances: [1, 4]` in a layout says how many");
		return -EINVAL;
	}
	r = inventory_load(job->ctx, INVENTORY_TYPES | INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, &inv,
	                   err);
	if (r == 0)
		r = plan_file(job, text, len, &inv, err);
	if (r == 0)
		r = plan_whole(job, &inv);
	/* of the swept GPUs only: what others do meanwhile elsewhere is theirs */
	return r == 0 && !job->first_state ? layout_capture(&inv, &job->gpus, &job->first_state, err) : r;
}

/* --- there and back --- */

static int apply(struct bench_job *job, const char *text, const char *which, struct ofbc_plan **ret,
                 struct ofbc_error *err)
{
	_cleanup_(ofbc_layout_free_p) struct ofbc_layout *l = NULL;
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *done = NULL;
	struct platform *p = job->ctx->platform;
	uint64_t began = p->ops->now_ns(p);
	int r = ofbc_layout_read(text, strlen(text), job->rq.sweep ? job->rq.sweep : "first state", which, &l,
	                         err);

	if (r == 0)
		r = ofbc_layout_apply(job->ctx, l, flags_of(job), NULL, NULL, &done, err);
	job->change_s = r == 0 && done->steps.n ? (double)(p->ops->now_ns(p) - began) / 1e9 : 0;
	/* once more: what a layout that stands keeps are its partitions */
	return r == 0 && ret ? ofbc_layout_plan(job->ctx, l, flags_of(job), ret, err) : r;
}

int job_enter(struct bench_job *job, size_t stage, struct ofbc_error *err)
{
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = NULL;
	const struct bench_stage *s = &job->stages[stage];
	size_t n = 0;
	int r;

	job->stage = stage;
	if (s->agents)
		return job_place(job, NULL, 0, s->instances, NULL, err);
	if (!s->layout && job->n_stages == 1)
		return 0; /* the places are known */
	if (!s->layout)
		return job_place(job, job->rq.partitions, job->rq.n_partitions, s->instances, NULL, err);
	r = apply(job, s->layout, s->which[0] ? s->which : NULL, &plan, err);
	if (r < 0)
		return r;
	if (s->is_whole) /* of a file without GPUs there are none */
		return job_place(job, (const char *const *)job->gpus.v, job->gpus.n, s->instances, NULL, err);
	while (plan->kept && plan->kept[n])
		n++;
	if (n != s->partitions) {
		error_set(err, EIO, OFBC_REASON_FAILED,
		          "layout '%s' came up with %zu partitions, %u were planned", s->name, n,
		          s->partitions);
		error_hint(err, "a layout of virtual functions cannot be swept");
		return -EIO;
	}
	r = job_place(job, (const char *const *)plan->kept, n, s->solo[0] ? (unsigned)n : s->instances, NULL,
	              err);
	if (r == 0 && s->solo[0])
		job_place_only(job, s->solo);
	return r;
}

int job_leave(struct bench_job *job, struct ofbc_error *err)
{
	int r = job->first_state ? apply(job, job->first_state, NULL, NULL, err) : 0;

	return r < 0 ? error_wrap(err, "the state before the sweep is not back") : 0;
}
