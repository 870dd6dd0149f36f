/* SPDX-License-Identifier: MIT */
/* Which element of a layout speaks of which GPU, and which partitions that means there. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "lib/layout_plan.h"

int plan_complain(const struct planning *p, unsigned line, unsigned column, int code, enum ofbc_reason reason,
                  const char *what)
{
	return error_set(p->err, code, reason, "%s:%u:%u: %s", p->layout->file, line, column, what);
}

/* --- which GPUs --- */

static bool model_matches(const struct ofbc_gpu *g, const char *glob)
{
	const char *bare = strchr(g->model, ' ');

	/* "H200*" is meant for "NVIDIA H200", too */
	return fnmatch(glob, g->model, FNM_CASEFOLD) == 0 ||
	       (bare && fnmatch(glob, bare + 1, FNM_CASEFOLD) == 0);
}

static int named_gpu(const struct planning *p, const struct layout_entry *e, const char *spec,
                     const struct ofbc_gpu **ret)
{
	struct ofbc_error why = {0};

	if (!spec[0])
		return 0;
	if (ofbc_gpu_find(&p->inv->gpus, spec, ret, &why) == 0)
		return 1;
	plan_complain(p, e->line, e->column, why.code, why.reason, why.message);
	error_hint(p->err, "%s", why.hint);
	return -why.code;
}

/* 1 matched, 0 not, -errno: a GPU that is named does not exist. */
static int entry_matches(const struct planning *p, const struct layout_entry *e, const struct ofbc_gpu *g)
{
	const char *const specs[] = {e->pci, e->uuid, e->alias};
	const struct ofbc_gpu *named = NULL;
	char device[24];

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		int r = named_gpu(p, e, specs[i], &named);

		if (r < 0)
			return r;
		if (r > 0 && named != g)
			return 0;
	}
	/* the processor is no GPU that a glob or a number could mean */
	if (g->is_cpu && !named)
		return 0;
	if (e->vendor[0] && strcasecmp(e->vendor, g->vendor) != 0)
		return 0;
	snprintf(device, sizeof(device), "%04x:%04x", g->pci_vendor, g->pci_device);
	if (e->device[0] && strcasecmp(e->device, device) != 0)
		return 0;
	return (!e->model[0] || model_matches(g, e->model)) && (e->index < 0 || e->index == g->index);
}

int find_entries(struct planning *p)
{
	for (size_t k = 0; k < p->layout->entries.n; k++) {
		const struct layout_entry *e = &p->layout->entries.v[k];
		unsigned matched = 0;

		for (size_t g = 0; g < p->inv->gpus.n; g++) {
			struct job *job = &p->jobs[g];
			char what[256];
			int r = entry_matches(p, e, &p->inv->gpus.v[g]);

			if (r < 0)
				return r;
			if (r == 0)
				continue;
			matched++;
			if (job->entry) {
				snprintf(what, sizeof(what), "GPU %s is matched here, and at line %u already",
				         p->inv->gpus.v[g].alias, job->entry->line);
				plan_complain(p, e->line, e->column, EINVAL, OFBC_REASON_USAGE, what);
				error_hint(p->err, "put its partitions into one element");
				return -EINVAL;
			}
			job->entry = e;
		}
		if (!matched &&
		    strv_addf(&p->notes, "%s:%u: no GPU of this host is meant", p->layout->file, e->line) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- which partitions --- */

static int find_type(const struct planning *p, const struct job *job, const struct layout_part *part,
                     struct wish *ret)
{
	struct ofbc_error why = {0};
	int r = resolve_on_gpu(p->inv, job->gpu, part->type, &ret->view, &ret->type, &ret->param, &why);

	if (r == 0)
		return 0;
	plan_complain(p, part->line, part->column, why.code, why.reason, why.message);
	error_hint(p->err, "%s", why.hint);
	return r;
}

int add_wish(struct planning *p, struct job *job, const struct layout_part *part, unsigned number)
{
	struct wish w = {.part = part};
	struct wish *slot;
	int r = find_type(p, job, part, &w);

	if (r < 0)
		return r;
	if (part->name[0] && number)
		snprintf(w.name, sizeof(w.name), "%.57s-%u", part->name, number + 1);
	else
		text_copy(w.name, sizeof(w.name), part->name);
	slot = list_add(&job->wishes);
	if (!slot)
		return -ENOMEM;
	*slot = w;
	return 0;
}

/* Units count as one wish: their members come together. */
static unsigned wishes_of(const struct layout_part *part, const struct ofbc_type *t)
{
	return t->unit_count > 1 && (part->count == 1 || part->count == t->unit_count) ? 1 : part->count;
}

int add_wishes(struct planning *p, struct job *job)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < job->entry->parts.n; i++) {
		const struct layout_part *part = &job->entry->parts.v[i];
		struct wish first;

		r = part->count ? find_type(p, job, part, &first) : 0;
		for (unsigned k = 0; r == 0 && part->count && k < wishes_of(part, first.type); k++)
			r = add_wish(p, job, part, k);
	}
	return r;
}
