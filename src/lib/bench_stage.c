/* SPDX-License-Identifier: MIT */
/* What a stage of a run is, for whoever reads its results later: partitions, promises, and the layout's text.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "lib/bench_job.h"
#include "model/fields.h"

static bool is_same_type(const struct stage_part_list *l, size_t a, size_t b)
{
	return strcmp(l->v[a].type, l->v[b].type) == 0;
}

/* "4x cpu:1c", or "2x mig:1g.18gb + mig:3g.71gb". */
static void name_types(const struct stage_part_list *l, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < l->n && len < size; i++) {
		unsigned same = 0;
		bool was_there = false;

		for (size_t k = 0; k < l->n; k++) {
			was_there |= is_same_type(l, i, k) && k < i;
			same += is_same_type(l, i, k);
		}
		if (was_there)
			continue;
		if (same > 1)
			len += (size_t)snprintf(buf + len, size - len, "%s%ux %s", len ? " + " : "", same,
			                        l->v[i].type);
		else
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? " + " : "",
			                        l->v[i].type);
	}
}

/* What one partition promises; least of all is what the stage does. */
static void promise(struct inventory *inv, const struct stage_part *part, struct bench_stage *s)
{
	char technology[16];
	const struct ofbc_type *t;
	struct view *v;
	uint64_t memory;

	text_copy(technology, sizeof(technology), part->type);
	technology[strcspn(technology, ":")] = '\0';
	v = inventory_view(inv, part->gpu, technology);
	t = v ? view_type(v, part->type, &(unsigned){0}) : NULL;
	/* a parametric type has its GPU's memory only where it is limited to it */
	memory = part->memory_bytes ? part->memory_bytes : t && !t->is_parametric ? t->memory_bytes : 0;
	if (memory < s->memory_bytes)
		s->memory_bytes = memory;
	if (!t || t->isolation_memory < s->isolation_memory)
		s->isolation_memory = t ? t->isolation_memory : OFBC_ISOLATION_NONE;
	if (!t || t->isolation_compute < s->isolation_compute)
		s->isolation_compute = t ? t->isolation_compute : OFBC_ISOLATION_NONE;
}

static uint64_t whole_memory(const struct inventory *inv, const struct strv *gpus)
{
	uint64_t least = 0;

	for (size_t i = 0; gpus->n && i < inv->gpus.n; i++) {
		const struct ofbc_gpu *gpu = &inv->gpus.v[i];

		if (strv_contains(gpus, gpu->id) && !gpu->is_cpu && (!least || gpu->memory_bytes < least))
			least = gpu->memory_bytes;
	}
	return least;
}

void stage_describe(struct inventory *inv, const struct stage_part_list *parts, const struct strv *gpus,
                    struct bench_stage *s)
{
	bool is_crowded = s->instances > (parts->n ? parts->n : 1);

	name_types(parts, s->types, sizeof(s->types));
	s->isolation_memory = s->isolation_compute = OFBC_ISOLATION_HARD;
	s->memory_bytes = parts->n ? UINT64_MAX : whole_memory(inv, gpus);
	for (size_t i = 0; i < parts->n; i++)
		promise(inv, &parts->v[i], s);
	if (!is_crowded)
		return;
	/* those that share a partition, or the whole, are promised nothing of each other */
	s->memory_bytes = 0;
	s->isolation_memory = OFBC_ISOLATION_NONE;
	if (s->isolation_compute > OFBC_ISOLATION_SHARED)
		s->isolation_compute = OFBC_ISOLATION_SHARED;
}

static struct json *print_stage(const struct bench_stage *s, uint64_t text)
{
	struct json *o = json_object();

	json_set_str(o, "name", s->name);
	json_set_u64(o, "instances", s->instances);
	json_set_u64(o, "partitions", s->partitions);
	json_set_str(o, "types", s->types);
	if (s->memory_bytes)
		json_set_u64(o, "memory_bytes", s->memory_bytes);
	json_set_str(o, "isolation_memory", isolation_name(s->isolation_memory));
	json_set_str(o, "isolation_compute", isolation_name(s->isolation_compute));
	if (s->layout)
		json_set_u64(o, "text", text);
	if (s->which[0])
		json_set_str(o, "which", s->which);
	return o;
}

/* Most stages come from one file: its text is there once. */
struct json *stages_print(const struct bench_job *job)
{
	struct json *o = json_object(), *texts = json_array(), *list = json_array();
	uint64_t n = 0;

	for (size_t i = 0; i < job->n_stages; i++) {
		const struct bench_stage *s = &job->stages[i];

		if (s->layout && (i == 0 || strcmp(s->layout, job->stages[i - 1].layout) != 0)) {
			json_append_str(texts, s->layout);
			n++;
		}
		json_append(list, print_stage(s, n - 1));
	}
	json_set(o, "texts", texts);
	json_set(o, "list", list);
	return o;
}
