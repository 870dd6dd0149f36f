/* SPDX-License-Identifier: MIT */
/* From what the user typed - a type in any spelling, or a need - to types of GPUs, best first. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ctype.h>
#include <math.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "lib/inventory.h"

/* How well a spelling fits: lower is better, 0 does not fit. */
enum fit { FIT_NONE, FIT_KEY, FIT_NAME, FIT_TITLE, FIT_LOOSE };

static bool ends_with_word(const char *title, const char *s)
{
	size_t n = strlen(title), m = strlen(s);

	return m > 0 && m <= n && strcasecmp(title + n - m, s) == 0 &&
	       (m == n || title[n - m - 1] == ' ' || title[n - m - 1] == '-');
}

/* "mig:1g" names mig:1g.18gb whatever the board's memory is. */
static bool is_loose_name(const char *name, const char *s)
{
	size_t m = strlen(s);

	return m > 1 && strncasecmp(name, s, m) == 0 && name[m] == '.' && !strpbrk(name, "+-");
}

static enum fit type_fit(const struct ofbc_type *t, const char *s, unsigned *ret_param)
{
	const char *colon = strchr(t->key, ':');
	const char *name = colon ? colon + 1 : t->key;
	char full[128];

	snprintf(full, sizeof(full), "%s:%s", t->technology, s);
	if (strcasecmp(t->key, s) == 0 && !t->is_parametric)
		return FIT_KEY;
	if (type_param(t, s, ret_param))
		return FIT_KEY;
	if ((strcasecmp(name, s) == 0 && !t->is_parametric) || type_param(t, full, ret_param))
		return FIT_NAME;
	if (strncasecmp(s, t->key, (size_t)(name - t->key)) == 0)
		s += name - t->key;
	if (ends_with_word(t->title, s) || (t->native[0] && strcasecmp(t->native, s) == 0))
		return FIT_TITLE;
	return is_loose_name(name, s) ? FIT_LOOSE : FIT_NONE;
}

static enum fit best_fit(const struct inventory *inv, const struct ofbc_gpu *only, const char *s)
{
	enum fit best = FIT_NONE;

	for (size_t i = 0; i < inv->views.n; i++) {
		if (only && inv->views.v[i].gpu != only)
			continue;
		for (size_t t = 0; t < inv->views.v[i].types.n; t++) {
			unsigned param;
			enum fit f = type_fit(&inv->views.v[i].types.v[t], s, &param);

			if (f != FIT_NONE && (best == FIT_NONE || f < best))
				best = f;
		}
	}
	return best;
}

static int add_choice(struct choice_list *l, struct view *v, const struct ofbc_type *t, unsigned param,
                      uint64_t memory)
{
	struct choice *c = list_add(l);

	if (!c)
		return -ENOMEM;
	*c = (struct choice){.view = v, .type = t, .param = param, .memory_bytes = memory};
	return 0;
}

/* Technologies that exist but cannot be used explain a failure better than "unknown type". */
static const struct view *unavailable_view(const struct inventory *inv, const struct ofbc_gpu *only,
                                           const char *type)
{
	size_t n = strcspn(type, ":");

	for (size_t i = 0; i < inv->views.n; i++) {
		const struct view *v = &inv->views.v[i];

		if ((!only || v->gpu == only) && type[n] == ':' && strlen(v->ops->name) == n &&
		    strncasecmp(v->ops->name, type, n) == 0 &&
		    v->technology->state == OFBC_TECHNOLOGY_UNAVAILABLE)
			return v;
	}
	return NULL;
}

/* The key that is spelt most like this one, of one GPU or of all; *ret_distance 0: it is this one. */
static const char *nearest_type(const struct inventory *inv, const struct ofbc_gpu *only, const char *type,
                                unsigned *ret_distance)
{
	const char *nearest = NULL;

	*ret_distance = UINT_MAX;
	for (size_t i = 0; i < inv->views.n; i++) {
		for (size_t t = 0; (!only || inv->views.v[i].gpu == only) && t < inv->views.v[i].types.n;
		     t++) {
			const char *key = inv->views.v[i].types.v[t].key;
			const char *colon = strchr(key, ':');
			unsigned d = edit_distance(strchr(type, ':') || !colon ? key : colon + 1, type);

			if (d < *ret_distance) {
				*ret_distance = d;
				nearest = key;
			}
		}
	}
	return nearest;
}

static int unknown_type(const struct inventory *inv, const struct ofbc_gpu *only, const char *type,
                        struct ofbc_error *err)
{
	const struct view *v = unavailable_view(inv, only, type);
	unsigned d = UINT_MAX;
	const char *nearest;

	if (v) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "GPU %s: %s is not available: %s",
		          v->gpu->alias, v->ops->name, v->technology->reason);
		error_hint(err, "`openforbc host doctor` says what is missing");
		return -ENOTSUP;
	}
	if (only && best_fit(inv, NULL, type) != FIT_NONE) {
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "GPU %s has no type '%s', others have",
		          only->alias, type);
		error_hint(err, "`openforbc type list %s` prints its types", only->alias);
		return -ENOENT;
	}
	nearest = nearest_type(inv, only, type, &d);
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "%s%s has %stype '%s'", only ? "GPU " : "no GPU here",
	          only ? only->alias : "", only ? "no " : "a ", type);
	if (nearest && d == 0 && strstr(nearest, "NN"))
		error_hint(err, "NN stands for a number: '%.*s25%s'", (int)(strstr(nearest, "NN") - nearest),
		           nearest, strstr(nearest, "NN") + 2);
	else if (nearest && d <= 4)
		error_hint(err, "did you mean '%s'? `openforbc type list` prints all", nearest);
	else
		error_hint(err, "`openforbc type list` prints all types");
	return -ENOENT;
}

static int ambiguous_type(const struct choice *a, const struct choice *b, const char *type,
                          struct ofbc_error *err)
{
	error_set(err, EEXIST, OFBC_REASON_USAGE, "'%s' can be %s or %s", type, a->type->key, b->type->key);
	error_hint(err, "use the full key");
	return -EEXIST;
}

static bool is_wanted(const struct view *v, const struct ofbc_gpu *only, const struct ofbc_create_request *rq)
{
	if (only && v->gpu != only)
		return false;
	return !rq->technology || strcasecmp(v->ops->name, rq->technology) == 0;
}

static int resolve_named(struct inventory *inv, const struct ofbc_gpu *only,
                         const struct ofbc_create_request *rq, struct choice_list *ret,
                         struct ofbc_error *err)
{
	enum fit fit = best_fit(inv, only, rq->type);

	for (size_t i = 0; fit != FIT_NONE && i < inv->views.n; i++) {
		struct view *v = &inv->views.v[i];

		for (size_t t = 0; is_wanted(v, only, rq) && t < v->types.n; t++) {
			const struct ofbc_type *type = &v->types.v[t];
			unsigned param = 0;

			if (type_fit(type, rq->type, &param) != fit)
				continue;
			if (type->is_parametric && (param < type->param_min || param > type->param_max)) {
				error_set(err, ERANGE, OFBC_REASON_USAGE, "'%s' is out of range", rq->type);
				error_hint(err, "%s takes %u to %u", type->key, type->param_min,
				           type->param_max);
				return -ERANGE;
			}
			/* Loose names may differ from board to board, but not on one GPU or by technology. */
			if (ret->n && (strcmp(ret->v[0].view->ops->name, v->ops->name) != 0 ||
			               (fit != FIT_LOOSE && strcmp(ret->v[0].type->key, type->key) != 0) ||
			               (ret->v[ret->n - 1].view == v)))
				return ambiguous_type(&ret->v[ret->n - 1], &(struct choice){.type = type},
				                      rq->type, err);
			if (add_choice(ret, v, type, param, type->is_parametric ? rq->memory_bytes : 0) < 0)
				return -ENOMEM;
		}
	}
	return ret->n ? 0 : unknown_type(inv, only, rq->type, err);
}

/* --- by need --- */

static bool fits_need(const struct ofbc_type *t, const struct ofbc_create_request *rq)
{
	if (rq->isolation > t->isolation_memory || rq->isolation > t->isolation_compute)
		return false;
	if (t->unit_count > 1 || t->free == 0)
		return false;
	if (t->is_parametric)
		return true;
	return t->memory_bytes >= rq->memory_bytes && t->compute_share >= rq->compute_share;
}

/* A parametric type becomes exactly as large as asked: param_max is the whole. */
static unsigned param_for(const struct ofbc_type *t, const struct ofbc_create_request *rq)
{
	double share = rq->compute_share;
	unsigned n;

	if (t->memory_bytes && (double)rq->memory_bytes / (double)t->memory_bytes > share)
		share = (double)rq->memory_bytes / (double)t->memory_bytes;
	n = (unsigned)ceil(share * t->param_max - 1e-9);
	return n < t->param_min ? t->param_min : n;
}

static double size_of(const struct choice *c, bool memory)
{
	if (c->type->is_parametric)
		return memory ? (double)c->memory_bytes : (double)c->param / c->type->param_max;
	return memory ? (double)c->type->memory_bytes : c->type->compute_share;
}

/* Smallest first: memory, then compute, then the better isolation, then the key. */
static int by_need(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;

	for (int memory = 1; memory >= 0; memory--) {
		double p = size_of(x, memory), q = size_of(y, memory);

		if (p < q || p > q)
			return p < q ? -1 : 1;
	}
	if (x->type->isolation_memory != y->type->isolation_memory)
		return x->type->isolation_memory > y->type->isolation_memory ? -1 : 1;
	if (strcmp(x->type->key, y->type->key) != 0)
		return strcmp(x->type->key, y->type->key);
	return x->view->gpu->index - y->view->gpu->index;
}

static int no_fit(const struct inventory *inv, const struct ofbc_create_request *rq, struct ofbc_error *err)
{
	char memory[32] = "any";

	if (rq->memory_bytes)
		size_format(rq->memory_bytes, memory, sizeof(memory));
	error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY,
	          "no ready technology has room for a partition with %s memory and %.0f %% compute", memory,
	          rq->compute_share * 100);
	for (size_t i = 0; i < inv->views.n; i++) {
		const struct view *v = &inv->views.v[i];

		if (v->technology->state == OFBC_TECHNOLOGY_OFF) {
			error_hint(err, "%s is off on %s: `openforbc gpu enable %s %s`", v->ops->name,
			           v->gpu->alias, v->gpu->alias, v->ops->name);
			return -ENOSPC;
		}
	}
	error_hint(err, "`openforbc type list --creatable` shows what still fits");
	return -ENOSPC;
}

static int resolve_need(struct inventory *inv, const struct ofbc_create_request *rq, struct choice_list *ret,
                        struct ofbc_error *err)
{
	bool has_gpu = inv->gpus.n > 0 && !inv->gpus.v[0].is_cpu;

	for (size_t i = 0; i < inv->views.n; i++) {
		struct view *v = &inv->views.v[i];

		/* The processor stands in only where there is no GPU, or when it was named. */
		if (v->technology->state != OFBC_TECHNOLOGY_READY || !is_wanted(v, NULL, rq) ||
		    ((v->ops->caps & BACKEND_HOST_ONLY) && has_gpu && !rq->technology && !rq->gpu))
			continue;
		for (size_t t = 0; t < v->types.n; t++) {
			const struct ofbc_type *type = &v->types.v[t];
			unsigned param = type->is_parametric ? param_for(type, rq) : 0;

			if (!fits_need(type, rq) || (type->is_parametric && param > type->param_max))
				continue;
			if (add_choice(ret, v, type, param, type->is_parametric ? rq->memory_bytes : 0) < 0)
				return -ENOMEM;
		}
	}
	if (ret->n == 0)
		return no_fit(inv, rq, err);
	qsort(ret->v, ret->n, sizeof(*ret->v), by_need);
	return 0;
}

int resolve_request(struct inventory *inv, const struct ofbc_create_request *rq, struct choice_list *ret,
                    struct ofbc_error *err)
{
	if (rq->technology && !backend_find(rq->technology)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "unknown technology '%s'", rq->technology);
		error_hint(err, "`openforbc gpu list` shows the technologies of each GPU");
		return -EINVAL;
	}
	if (rq->type && (rq->compute_share > 0 || rq->isolation != OFBC_ISOLATION_NONE)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "a type and a need were both given");
		error_hint(err, "leave out '%s' to choose by --memory and --compute", rq->type);
		return -EINVAL;
	}
	if (rq->type)
		return resolve_named(inv, NULL, rq, ret, err);
	if (rq->memory_bytes == 0 && rq->compute_share <= 0) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "neither a type nor a need was given");
		error_hint(
			err,
			"name a TYPE of `openforbc type list`, or say --memory SIZE and/or --compute PERCENT");
		return -EINVAL;
	}
	return resolve_need(inv, rq, ret, err);
}

int resolve_on_gpu(struct inventory *inv, const struct ofbc_gpu *gpu, const char *spec,
                   struct view **ret_view, const struct ofbc_type **ret, unsigned *ret_param,
                   struct ofbc_error *err)
{
	const struct ofbc_create_request rq = {.type = spec};
	struct choice_list choices = {0};
	int r = resolve_named(inv, gpu, &rq, &choices, err);

	if (r == 0) {
		*ret_view = choices.v[0].view;
		*ret = choices.v[0].type;
		*ret_param = choices.v[0].param;
	}
	free(choices.v);
	return r;
}
