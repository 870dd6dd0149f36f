/* SPDX-License-Identifier: MIT */
/*
 * From a layout and an inventory to a plan: one technology of one GPU at a time, what the planner makes of
 * the partitions that stand and those that shall.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "lib/layout_plan.h"
#include "model/plan.h"

DEFINE_CLEANUP(struct ofbc_plan *, ofbc_plan_free);

/* --- one technology of one GPU --- */

static bool is_in_use(const struct ofbc_partition *p)
{
	return p->state == OFBC_PARTITION_IN_USE || p->state == OFBC_PARTITION_RESERVED ||
	       p->state == OFBC_PARTITION_UNKNOWN;
}

static bool stands_here(const struct ofbc_partition *p, const struct view *v)
{
	return p->technology && strcmp(p->technology, v->ops->name) == 0 && strcmp(p->gpu, v->gpu->id) == 0 &&
	       p->state != OFBC_PARTITION_LOST;
}

struct solving {
	struct view *view;
	struct job *job;
	struct plan plan;
	struct ofbc_partition **partition; /* of each have */
	struct wish **wish;                /* of each want */
};

static void solving_done(struct solving *s)
{
	free(s->plan.have);
	free(s->plan.want);
	free(s->partition);
	free(s->wish);
}

static int load(struct planning *p, struct job *job, struct view *v, struct solving *ret)
{
	size_t n_have = p->inv->partitions.n + 1, n_want = job->wishes.n + 1;

	*ret = (struct solving){.view = v,
	                        .job = job,
	                        .plan = {.capacity = &v->capacity,
	                                 .types = &v->types,
	                                 .have = calloc(n_have, sizeof(*ret->plan.have)),
	                                 .want = calloc(n_want, sizeof(*ret->plan.want))},
	                        .partition = calloc(n_have, sizeof(*ret->partition)),
	                        .wish = calloc(n_want, sizeof(*ret->wish))};
	if (!ret->plan.have || !ret->plan.want || !ret->partition || !ret->wish)
		return -ENOMEM;
	for (size_t i = 0; i < p->inv->partitions.n; i++) {
		struct ofbc_partition *part = &p->inv->partitions.v[i];
		struct plan_have *h = &ret->plan.have[ret->plan.n_have];

		if (!stands_here(part, v))
			continue;
		ret->partition[ret->plan.n_have++] = part;
		*h = (struct plan_have){.at = part->placement,
		                        .memory_bytes = part->memory_bytes,
		                        .name = part->name,
		                        .uuid = part->uuid,
		                        .is_held = is_in_use(part),
		                        .is_foreign = !part->is_ours};
		h->type = view_type(v, part->type, &h->param);
	}
	for (size_t i = 0; i < job->wishes.n; i++) {
		struct wish *w = &job->wishes.v[i];

		if (w->view != v)
			continue;
		ret->wish[ret->plan.n_want] = w;
		ret->plan.want[ret->plan.n_want++] = (struct plan_want){.type = w->type,
		                                                        .param = w->param,
		                                                        .memory_bytes = w->part->memory_bytes,
		                                                        .placement = w->part->placement,
		                                                        .name = w->name,
		                                                        .uuid = w->part->uuid};
	}
	return 0;
}

/* Members of a unit stand and go together: all of it is wanted as it is, or none of it stays. */
static void solve_unit(struct solving *s)
{
	struct plan *p = &s->plan;
	bool same = p->n_have > 0 && p->n_want == 1;

	for (size_t i = 0; i < p->n_have; i++)
		same &= p->have[i].type == p->want[0].type;
	for (size_t i = 0; i < p->n_have; i++) {
		struct plan_have *h = &p->have[i];

		h->want = same ? 0 : -1;
		h->fate = same || h->is_foreign || h->is_held ? PLAN_KEEP : PLAN_DESTROY;
		if (!same && (h->is_held || h->is_foreign) && p->n_who < ARRAY_SIZE(p->who))
			p->who[p->n_who++] = (unsigned)i;
	}
	for (size_t i = 0; i < p->n_want; i++)
		p->want[i].have = same ? 0 : -1;
	if (p->n_want > 1) {
		p->verdict = PLAN_TOO_MUCH;
		p->n_who = 1;
		p->who[0] = 1;
	} else if (p->n_who) {
		p->verdict = p->have[p->who[0]].is_held ? PLAN_HELD : PLAN_IN_THE_WAY;
		/* strangers that nobody wants gone do not disturb */
		if (p->verdict == PLAN_IN_THE_WAY && p->n_want == 0) {
			p->verdict = PLAN_POSSIBLE;
			p->n_who = 0;
		}
	}
}

/* "mig:3g.71gb twice, mig:4g.71gb" */
static void wants_text(const struct solving *s, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < s->plan.n_who && len < size; i++) {
		const struct plan_want *w = &s->plan.want[s->plan.who[i]];
		unsigned n = 0;
		bool first = true;

		for (size_t k = 0; k < s->plan.n_who; k++) {
			n += s->plan.want[s->plan.who[k]].type == w->type;
			first &= k >= i || s->plan.want[s->plan.who[k]].type != w->type;
		}
		if (first)
			len += (size_t)snprintf(buf + len, size - len, "%s%u x %s", len ? " with " : "", n,
			                        w->type->key);
	}
}

static void haves_text(const struct solving *s, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < s->plan.n_who && len < size; i++) {
		const struct ofbc_partition *p = s->partition[s->plan.who[i]];

		len += (size_t)snprintf(buf + len, size - len, "%s%s%s%s (%s)", len ? ", " : "", p->uuid,
		                        p->name[0] ? " " : "", p->name, p->type);
	}
}

static int refuse(const struct planning *p, const struct solving *s)
{
	const struct layout_entry *e = s->job->entry;
	char what[512], text[640];

	switch (s->plan.verdict) {
	case PLAN_HELD: {
		const struct ofbc_partition *part = s->partition[s->plan.who[0]];

		if (part->holders.n == 0) {
			error_set(p->err, EBUSY, OFBC_REASON_IN_USE,
			          "partition %s must go, and whether it is in use could not be read",
			          part->uuid);
			error_hint(p->err, "run as root");
			return -EBUSY;
		}
		return holder_error(&part->holders, p->err,
		                    "the layout has no place for partition %s%s%s (%s), which", part->uuid,
		                    part->name[0] ? " " : "", part->name, part->type);
	}
	case PLAN_TOO_MUCH:
		wants_text(s, what, sizeof(what));
		snprintf(text, sizeof(text), "GPU %s cannot hold %s", s->view->gpu->alias, what);
		plan_complain(p, e->line, e->column, ENOSPC, OFBC_REASON_NO_CAPACITY, text);
		error_hint(p->err, "`openforbc type list %s` shows maxima and placements",
		           s->view->gpu->alias);
		return -ENOSPC;
	case PLAN_IN_THE_WAY:
		haves_text(s, what, sizeof(what));
		snprintf(text, sizeof(text), "GPU %s: no room beside %s", s->view->gpu->alias, what);
		plan_complain(p, e->line, e->column, ENOSPC, OFBC_REASON_NO_CAPACITY, text);
		error_hint(
			p->err,
			"partitions of others stay; `openforbc partition adopt` makes them ours, and movable");
		return -ENOSPC;
	case PLAN_POSSIBLE:
		break;
	}
	return 0;
}

/* --- steps --- */

static struct ofbc_step *add_step(struct planning *p, const struct view *v, enum ofbc_action action)
{
	struct ofbc_step *s = list_add(&p->plan->steps);

	if (!s)
		return NULL;
	s->action = action;
	text_copy(s->gpu, sizeof(s->gpu), v->gpu->id);
	text_copy(s->technology, sizeof(s->technology), v->ops->name);
	return s;
}

static int add_destroys(struct planning *p, const struct solving *s)
{
	for (size_t i = s->plan.n_have; i-- > 0;) {
		const struct ofbc_partition *part = s->partition[i];
		struct ofbc_step *step;
		bool moves = false;

		if (s->plan.have[i].fate == PLAN_KEEP) {
			if (part->is_ours && strv_add(&p->kept, part->uuid) < 0)
				return -ENOMEM;
			continue;
		}
		for (size_t k = 0; k < s->plan.n_want; k++)
			moves |= s->plan.want[k].have < 0 && s->plan.want[k].type == s->plan.have[i].type;
		step = add_step(p, s->view, OFBC_ACTION_DESTROY);
		if (!step)
			return -ENOMEM;
		text_copy(step->type, sizeof(step->type), part->type);
		text_copy(step->partition, sizeof(step->partition), part->uuid);
		text_copy(step->name, sizeof(step->name), part->name);
		step->placement = part->placement;
		step->memory_bytes = part->memory_bytes;
		text_copy(step->reason, sizeof(step->reason),
		          moves ? "stands where another must stand, is made again elsewhere"
		                : "not in the layout");
	}
	return 0;
}

static void type_text(const struct ofbc_type *t, unsigned param, char *buf, size_t size)
{
	const char *nn = t->is_parametric ? strstr(t->key, "NN") : NULL;

	if (nn)
		snprintf(buf, size, "%.*s%u%s", (int)(nn - t->key), t->key, param, nn + 2);
	else
		text_copy(buf, size, t->key);
}

static int add_renames(struct planning *p, const struct solving *s)
{
	for (size_t i = 0; i < s->plan.n_want; i++) {
		const struct plan_want *w = &s->plan.want[i];
		const struct ofbc_partition *part = w->have >= 0 ? s->partition[w->have] : NULL;
		struct ofbc_step *step;

		if (!part || !w->name[0] || strcmp(w->name, part->name) == 0 || !part->is_ours)
			continue;
		step = add_step(p, s->view, OFBC_ACTION_RENAME);
		if (!step)
			return -ENOMEM;
		text_copy(step->type, sizeof(step->type), part->type);
		text_copy(step->partition, sizeof(step->partition), part->uuid);
		text_copy(step->name, sizeof(step->name), w->name);
		text_copy(step->variant, sizeof(step->variant), part->name);
		text_copy(step->reason, sizeof(step->reason), "stands as it is wanted, under another name");
	}
	return 0;
}

static int add_creates(struct planning *p, const struct solving *s)
{
	for (size_t i = 0; i < s->plan.n_want; i++) {
		const struct plan_want *w = &s->plan.want[i];
		struct ofbc_step *step;

		if (w->have >= 0)
			continue;
		step = add_step(p, s->view, OFBC_ACTION_CREATE);
		if (!step)
			return -ENOMEM;
		type_text(w->type, w->param, step->type, sizeof(step->type));
		text_copy(step->name, sizeof(step->name), w->name);
		text_copy(step->partition, sizeof(step->partition), w->uuid ? w->uuid : "");
		step->placement = w->at;
		step->memory_bytes = w->memory_bytes;
		text_copy(step->reason, sizeof(step->reason), "in the layout, does not stand");
	}
	return 0;
}

/* --- modes --- */

static const struct layout_mode *mode_of(const struct layout_entry *e, const char *technology)
{
	for (size_t i = 0; i < e->n_modes; i++) {
		if (strcmp(e->modes[i].technology, technology) == 0)
			return &e->modes[i];
	}
	return NULL;
}

static int add_mode(struct planning *p, const struct view *v, bool on, const char *variant,
                    const char *reason)
{
	struct ofbc_step *s = add_step(p, v, on ? OFBC_ACTION_MODE_ON : OFBC_ACTION_MODE_OFF);

	if (!s)
		return -ENOMEM;
	text_copy(s->variant, sizeof(s->variant), variant);
	snprintf(s->reason, sizeof(s->reason), "%s%s", reason,
	         strstr(v->technology->reason, "--reset") ? "; this resets the GPU" : "");
	return 0;
}

/* A variant that is on already shows in the technology's reason ("mixed sizes") or, for memory modes, nowhere
 * cheap: set_mode says "was so" then. */
static bool has_variant(const struct view *v, const char *variant)
{
	return strcmp(variant, "on") == 0 ||
	       strncasecmp(v->technology->reason, variant, strlen(variant)) == 0;
}

static int add_modes(struct planning *p, struct job *job, struct view *v, bool wanted, bool off_pass)
{
	const struct layout_mode *m = mode_of(job->entry, v->ops->name);
	bool is_on = v->technology->state == OFBC_TECHNOLOGY_READY;
	bool want_off = m && strcmp(m->variant, "off") == 0;

	if (!v->ops->set_mode)
		return 0;
	if (want_off && wanted) {
		plan_complain(p, job->entry->line, job->entry->column, EINVAL, OFBC_REASON_USAGE,
		              "a mode is wanted off, and partitions that need it are wanted");
		return -EINVAL;
	}
	if (off_pass)
		return want_off && is_on ? add_mode(p, v, false, "", "wanted off") : 0;
	if (m && !want_off && !(is_on && has_variant(v, m->variant)))
		return add_mode(p, v, true, strcmp(m->variant, "on") == 0 ? "" : m->variant, "wanted on");
	return wanted && v->technology->state == OFBC_TECHNOLOGY_OFF
	               ? add_mode(p, v, true, "", "its partitions are wanted")
	               : 0;
}

/* --- one GPU --- */

/* Partitions of different technologies on one GPU: only those that go together. */
static int check_groups(const struct planning *p, const struct job *job)
{
	for (size_t i = 1; i < job->wishes.n; i++) {
		const struct wish *a = &job->wishes.v[0], *b = &job->wishes.v[i];
		char what[256];

		if (a->view == b->view || groups_live_together(a->type->group, b->type->group))
			continue;
		snprintf(what, sizeof(what), "GPU %s: %s and %s exclude each other", job->gpu->alias,
		         a->type->key, b->type->key);
		return plan_complain(p, b->part->line, b->part->column, EINVAL, OFBC_REASON_NO_CAPACITY,
		                     what);
	}
	return 0;
}

/* Strangers of another technology cannot be moved. */
static int check_strangers(const struct planning *p, const struct job *job)
{
	for (size_t i = 0; job->wishes.n && i < p->inv->partitions.n; i++) {
		const struct ofbc_partition *part = &p->inv->partitions.v[i];
		const struct wish *w = &job->wishes.v[0];
		struct view *v = inventory_view(p->inv, part->gpu, part->technology);
		const struct ofbc_type *t;
		unsigned param;

		if (part->is_ours || part->state == OFBC_PARTITION_LOST ||
		    strcmp(part->gpu, job->gpu->id) != 0 || !v || v == w->view)
			continue;
		t = view_type(v, part->type, &param);
		if (groups_live_together(t ? t->group : part->technology, w->type->group))
			continue;
		error_set(p->err, ENOSPC, OFBC_REASON_NO_CAPACITY,
		          "%s:%u:%u: GPU %s has partition %s (%s), which is not ours", p->layout->file,
		          job->entry->line, job->entry->column, job->gpu->alias, part->uuid, part->type);
		error_hint(p->err, "`openforbc partition adopt %s` makes it ours, and movable", part->uuid);
		return -ENOSPC;
	}
	return 0;
}

static int solve(struct planning *p, struct solving *s)
{
	int r = 0;

	if (s->view->ops->caps & BACKEND_UNIT)
		solve_unit(s);
	else
		r = plan_solve(&s->plan);
	return r < 0 ? r : refuse(p, s);
}

static int for_each_view(struct planning *p, struct solving *all, size_t n,
                         int (*add)(struct planning *p, const struct solving *s))
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add(p, &all[i]);
	return r;
}

static int plan_gpu(struct planning *p, struct job *job)
{
	struct solving all[OFBC_MAX_TECHNOLOGIES];
	size_t n = 0;
	int r = check_groups(p, job);

	if (r == 0)
		r = check_strangers(p, job);
	for (size_t i = 0; r == 0 && i < p->inv->views.n && n < ARRAY_SIZE(all); i++) {
		if (p->inv->views.v[i].gpu != job->gpu)
			continue;
		r = load(p, job, &p->inv->views.v[i], &all[n++]);
		if (r == 0)
			r = solve(p, &all[n - 1]);
	}
	/* what stands in another partition goes first */
	for (size_t i = n; r == 0 && i-- > 0;)
		r = add_destroys(p, &all[i]);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; r == 0 && i < n; i++)
			r = add_modes(p, job, all[i].view, all[i].plan.n_want > 0, pass == 0);
	}
	if (r == 0)
		r = for_each_view(p, all, n, add_renames);
	if (r == 0)
		r = for_each_view(p, all, n, add_creates);
	for (size_t i = 0; i < n; i++)
		solving_done(&all[i]);
	return r;
}

/* --- partitions that are dealt out --- */

/* Does one more fit beside what this GPU gets already, and would it serve as it stands? */
static int fits_on(struct planning *p, struct job *job, const struct layout_part *part, unsigned number,
                   bool *ret_kept)
{
	struct solving s;
	size_t n = job->wishes.n;
	int r = add_wish(p, job, part, number);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = load(p, job, job->wishes.v[n].view, &s);
	if (r == 0)
		r = s.view->ops->caps & BACKEND_UNIT ? -EINVAL : plan_solve(&s.plan);
	*ret_kept = r == 0 && s.plan.n_want && s.plan.want[s.plan.n_want - 1].have >= 0;
	if (r == 0)
		r = s.plan.verdict == PLAN_POSSIBLE;
	solving_done(&s);
	job->wishes.n = n;
	return r;
}

/* First where it stands already, then the fullest (or emptiest) GPU that has room. */
static int deal_one(struct planning *p, const struct layout_entry *e, const struct layout_part *part,
                    unsigned number)
{
	struct job *best = NULL;
	bool best_kept = false;
	char what[256];

	for (size_t g = 0; g < p->inv->gpus.n; g++) {
		struct job *job = &p->jobs[g];
		bool kept = false, better;
		int r = job->entry == e && !job->gpu->cordoned ? fits_on(p, job, part, number, &kept) : 0;

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		better = !best || kept > best_kept ||
		         (kept == best_kept &&
		          ((p->flags & OFBC_LAYOUT_SPREAD) ? job->wishes.n < best->wishes.n
		                                           : job->wishes.n > best->wishes.n));
		if (better) {
			best = job;
			best_kept = kept;
		}
	}
	if (best)
		return add_wish(p, best, part, number);
	snprintf(what, sizeof(what), "no GPU of this element has room for number %u of %s", number + 1,
	         part->type);
	plan_complain(p, part->line, part->column, ENOSPC, OFBC_REASON_NO_CAPACITY, what);
	error_hint(p->err, "`openforbc type list` shows what fits where");
	return -ENOSPC;
}

static int deal_out(struct planning *p, const struct layout_entry *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < e->parts.n; i++) {
		for (unsigned k = 0; r == 0 && k < e->parts.v[i].count; k++)
			r = deal_one(p, e, &e->parts.v[i], k);
	}
	return r;
}

/* --- all --- */

static int plan_all(struct planning *p)
{
	int r = find_entries(p);

	for (size_t g = 0; r == 0 && g < p->inv->gpus.n; g++) {
		struct job *job = &p->jobs[g];

		if (!job->entry)
			continue;
		if (job->gpu->cordoned) {
			r = strv_addf(&p->notes, "GPU %s is cordoned and left alone", job->gpu->alias);
			if (!job->entry->is_shared)
				job->entry = NULL;
		} else if (!job->entry->is_shared) {
			r = add_wishes(p, job);
		}
	}
	for (size_t i = 0; r == 0 && i < p->layout->entries.n; i++) {
		if (p->layout->entries.v[i].is_shared)
			r = deal_out(p, &p->layout->entries.v[i]);
	}
	for (size_t g = 0; r == 0 && g < p->inv->gpus.n; g++) {
		if (p->jobs[g].entry && !p->jobs[g].gpu->cordoned)
			r = plan_gpu(p, &p->jobs[g]);
	}
	return r;
}

int layout_plan_with(struct inventory *inv, const struct ofbc_layout *layout, unsigned flags,
                     struct ofbc_plan *ret, struct ofbc_error *err)
{
	struct planning p = {.inv = inv,
	                     .layout = layout,
	                     .jobs = calloc(inv->gpus.n + 1, sizeof(*p.jobs)),
	                     .flags = flags,
	                     .plan = ret,
	                     .err = err};
	int r = p.jobs ? 0 : -ENOMEM;

	for (size_t g = 0; r == 0 && g < inv->gpus.n; g++)
		p.jobs[g].gpu = &inv->gpus.v[g];
	if (r == 0)
		r = plan_all(&p);
	for (size_t g = 0; p.jobs && g < inv->gpus.n; g++)
		free(p.jobs[g].wishes.v);
	free(p.jobs);
	ret->kept = p.kept.v;
	ret->notes = p.notes.v;
	return r;
}

/* --- defragment --- */

/* The haves that may move as wishes of the same kind and name; only grids can be fragmented. */
static int wish_what_stands(struct solving *s)
{
	struct plan *p = &s->plan;

	free(p->want);
	p->want = calloc(p->n_have + 1, sizeof(*p->want));
	p->n_want = 0;
	for (size_t i = 0; p->want && i < p->n_have; i++) {
		const struct plan_have *h = &p->have[i];

		if (!h->type || !h->type->n_placements)
			return 0;
		if (!h->is_held && !h->is_foreign)
			p->want[p->n_want++] =
				(struct plan_want){.type = h->type, .placement = -1, .name = h->name};
	}
	return p->want ? p->n_want > 0 : -ENOMEM;
}

/* The have that moves to where the want is: of the same type and name, not used yet. */
static int moved_from(const struct solving *s, const struct plan_want *w, bool *used)
{
	for (size_t i = 0; i < s->plan.n_have; i++) {
		const struct plan_have *h = &s->plan.have[i];

		if (!used[i] && h->fate == PLAN_DESTROY && h->type == w->type &&
		    strcmp(h->name, w->name) == 0) {
			used[i] = true;
			return (int)i;
		}
	}
	return -1;
}

/* Names go with their partitions: a want of another's place keeps the name that it has. */
static int add_moves(struct planning *p, struct solving *s)
{
	_cleanup_free_ bool *used = calloc(s->plan.n_have + 1, 1);
	size_t first = p->plan->steps.n;
	int r = used ? add_destroys(p, s) : -ENOMEM;

	for (size_t i = first; r == 0 && i < p->plan->steps.n; i++)
		text_copy(p->plan->steps.v[i].reason, sizeof(p->plan->steps.v[i].reason),
		          "moves, to leave more room");
	for (size_t i = 0; r == 0 && i < s->plan.n_want; i++) {
		const struct plan_want *w = &s->plan.want[i];
		int from = w->have < 0 ? moved_from(s, w, used) : -1;
		struct ofbc_step *step = from >= 0 ? add_step(p, s->view, OFBC_ACTION_CREATE) : NULL;

		if (from >= 0 && !step)
			return -ENOMEM;
		if (!step)
			continue;
		text_copy(step->type, sizeof(step->type), w->type->key);
		text_copy(step->name, sizeof(step->name), w->name);
		text_copy(step->partition, sizeof(step->partition), s->partition[from]->uuid);
		step->placement = w->at;
		text_copy(step->reason, sizeof(step->reason), "its new place");
	}
	return r;
}

int layout_defragment_with(struct inventory *inv, const struct ofbc_gpu *only, struct ofbc_plan *ret,
                           struct ofbc_error *err)
{
	struct planning p = {.inv = inv, .plan = ret, .err = err};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < inv->views.n; i++) {
		struct view *v = &inv->views.v[i];
		struct job job = {.gpu = v->gpu};
		struct solving s;

		if ((only && v->gpu != only) || v->gpu->cordoned || (v->ops->caps & BACKEND_UNIT))
			continue;
		r = load(&p, &job, v, &s);
		if (r == 0)
			r = wish_what_stands(&s);
		if (r > 0)
			r = plan_arrange(&s.plan);
		if (r > 0)
			r = plan_solve(&s.plan);
		else if (r == 0)
			s.plan.n_want = 0;
		if (r == 0 && s.plan.n_want && s.plan.verdict == PLAN_POSSIBLE)
			r = add_moves(&p, &s);
		solving_done(&s);
	}
	ret->kept = p.kept.v;
	ret->notes = p.notes.v;
	return r;
}

void plan_done(struct ofbc_plan *plan)
{
	ofbc_env_free(plan->kept);
	ofbc_env_free(plan->notes);
	free(plan->steps.v);
	*plan = (struct ofbc_plan){0};
}

int ofbc_layout_plan(struct ofbc_context *ctx, const struct ofbc_layout *layout, unsigned flags,
                     struct ofbc_plan **ret, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	_cleanup_(ofbc_plan_free_p) struct ofbc_plan *plan = calloc(1, sizeof(*plan));
	int r = plan ? inventory_load(ctx,
	                              INVENTORY_TYPES | INVENTORY_PARTITIONS | INVENTORY_HOLDERS |
	                                      INVENTORY_CPU,
	                              NULL, NULL, &inv, err)
	             : -ENOMEM;

	if (r == 0)
		r = layout_plan_with(&inv, layout, flags, plan, err);
	if (r < 0)
		return r;
	*ret = steal_ptr(plan);
	return 0;
}

void ofbc_plan_free(struct ofbc_plan *plan)
{
	if (plan)
		plan_done(plan);
	free(plan);
}
