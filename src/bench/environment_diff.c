/* SPDX-License-Identifier: MIT */
/* What changed between two documents of the environment, and whether it matters. Pure. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "base/strv.h"
#include "bench/environment.h"

#define MAX_KEYS  512
#define MAX_DEPTH 8
#define MAX_TEXT  (256 * 1024)

const char *const environment_weight_names[] = {
	[CHANGE_EXPECTED] = "expected",
	[CHANGE_NOTED] = "noted",
	[CHANGE_MATTERS] = "matters",
};

/* The first pattern that fits decides; without one a change is noted. */
static const struct {
	const char *pattern;
	enum environment_weight weight;
} rules[] = {
	{"agents/*", CHANGE_MATTERS},
	{"taken_unix_s", CHANGE_EXPECTED},
	{"program", CHANGE_MATTERS},
	{"platform/evidence", CHANGE_EXPECTED},
	{"platform/*", CHANGE_MATTERS},
	{"memory/available_bytes", CHANGE_EXPECTED},
	{"memory/total_bytes", CHANGE_MATTERS},
	{"memory/numa/*", CHANGE_MATTERS},
	{"cpu/load_average", CHANGE_EXPECTED},
	{"cpu/*", CHANGE_MATTERS},
	{"kernel/*", CHANGE_MATTERS},
	{"limits/*", CHANGE_MATTERS},
	{"energy/*", CHANGE_EXPECTED}, /* tested while it ran */
	{"gpus/*/temperature_mc", CHANGE_EXPECTED},
	{"gpus/*/power_mw", CHANGE_EXPECTED},
	{"gpus/*/clock_mhz", CHANGE_EXPECTED},
	{"gpus/*/clock_memory_mhz", CHANGE_EXPECTED},
	{"gpus/*/memory_used_bytes", CHANGE_NOTED},
	{"gpus/*/pcie/speed", CHANGE_NOTED}, /* links slow down when idle */
	{"gpus/*/pcie/generation", CHANGE_NOTED},
	{"gpus/*/throttle", CHANGE_NOTED},
	{"gpus/*/clients", CHANGE_NOTED},
	{"gpus/*", CHANGE_MATTERS},
};

struct leaf {
	char *path;
	char *text;
};

struct leaf_list {
	struct leaf *v;
	size_t n, cap;
};

static void leaves_done(struct leaf_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].text);
	}
	free(l->v);
}

static int leaf_text(const struct json *j, char **ret)
{
	const char *s = json_str(j, NULL);
	size_t n;
	int r;

	if (s) {
		*ret = strdup(s);
		return *ret ? 0 : -ENOMEM;
	}
	r = json_print(j, ret);
	n = r < 0 ? 0 : strlen(*ret);
	if (n && (*ret)[n - 1] == '\n')
		(*ret)[n - 1] = '\0';
	return r;
}

/* As in RFC 6901, so that no two values have one path. */
static void add_key(const char *key, struct strbuf *ret)
{
	for (const char *p = key; *p; p++) {
		if (*p == '~' || *p == '/')
			strbuf_add(ret, *p == '~' ? "~0" : "~1");
		else
			strbuf_addc(ret, *p);
	}
}

/* Numbers, texts and whole arrays, by their path. */
static int flatten(const struct json *j, const char *path, unsigned depth, struct leaf_list *ret)
{
	const char *keys[MAX_KEYS];
	struct leaf *l;
	size_t n;

	if (!json_is_object(j)) {
		l = list_add(ret);
		if (!l)
			return -ENOMEM;
		l->path = strdup(path);
		return l->path ? leaf_text(j, &l->text) : -ENOMEM;
	}
	n = json_keys(j, keys, MAX_KEYS);
	for (size_t i = 0; i < n && i < MAX_KEYS && depth < MAX_DEPTH; i++) {
		_cleanup_strbuf_ struct strbuf below = STRBUF_INIT(MAX_TEXT);
		int r;

		strbuf_addf(&below, "%s%s", path, depth ? "/" : "");
		add_key(keys[i], &below);
		r = below.err ? below.err : flatten(json_get(j, keys[i]), strbuf_str(&below), depth + 1, ret);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The same rules for the surroundings of an agent: agents/0/environment/cpu/... */
static const char *without_agent(const char *path)
{
	const char *inside =
		fnmatch("agents/*/environment/*", path, 0) == 0 ? strstr(path, "/environment/") : NULL;

	return inside ? inside + strlen("/environment/") : path;
}

static enum environment_weight weigh(const char *full)
{
	const char *path = without_agent(full);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (fnmatch(rules[i].pattern, path, 0) == 0)
			return rules[i].weight;
	}
	return CHANGE_NOTED;
}

static const struct leaf *find_leaf(const struct leaf_list *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].path, path) == 0)
			return &l->v[i];
	}
	return NULL;
}

static int add_change(struct environment_diff *d, const char *path, const struct leaf *before,
                      const struct leaf *after)
{
	struct environment_change *c = list_add(d);

	if (!c)
		return -ENOMEM;
	text_copy(c->path, sizeof(c->path), path);
	c->weight = weigh(path);
	c->before = before ? strdup(before->text) : NULL;
	c->after = after ? strdup(after->text) : NULL;
	return (before && !c->before) || (after && !c->after) ? -ENOMEM : 0;
}

static int compare_leaves(const struct leaf_list *a, const struct leaf_list *b, struct environment_diff *d)
{
	int r = 0;

	for (size_t i = 0; i < a->n && r == 0; i++) {
		const struct leaf *other = find_leaf(b, a->v[i].path);

		if (!other || strcmp(other->text, a->v[i].text) != 0)
			r = add_change(d, a->v[i].path, &a->v[i], other);
	}
	for (size_t i = 0; i < b->n && r == 0; i++) {
		if (!find_leaf(a, b->v[i].path))
			r = add_change(d, b->v[i].path, NULL, &b->v[i]);
	}
	return r;
}

static int by_weight(const void *a, const void *b)
{
	const struct environment_change *x = a, *y = b;

	return x->weight != y->weight ? (int)y->weight - (int)x->weight : strcmp(x->path, y->path);
}

static int read_document(const char *text, const char *name, struct leaf_list *ret, struct ofbc_error *err)
{
	_cleanup_json_ struct json *j = NULL;
	int r = json_parse(text, strlen(text), name, &j, err);

	if (r < 0)
		return r;
	if (!json_is_object(j))
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "%s is no description of an environment",
		                 name);
	r = flatten(j, "", 0, ret);
	return r < 0 ? error_set_errno(err, -r, "%s", name) : 0;
}

int environment_diff(const char *before, const char *after, struct environment_diff *ret,
                     struct ofbc_error *err)
{
	_cleanup_(leaves_done) struct leaf_list a = {0}, b = {0};
	struct environment_diff d = {0};
	int r = read_document(before, "the first environment", &a, err);

	if (r == 0)
		r = read_document(after, "the second environment", &b, err);
	if (r < 0)
		return r;
	r = compare_leaves(&a, &b, &d);
	if (r < 0) {
		environment_diff_done(&d);
		return error_set_errno(err, -r, "difference of environments");
	}
	if (d.n)
		qsort(d.v, d.n, sizeof(*d.v), by_weight);
	*ret = d;
	return 0;
}

void environment_diff_done(struct environment_diff *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].before);
		free(d->v[i].after);
	}
	free(d->v);
	*d = (struct environment_diff){0};
}

enum environment_weight environment_diff_weight(const struct environment_diff *d)
{
	return d->n ? d->v[0].weight : CHANGE_EXPECTED;
}

int environment_diff_text(const struct environment_diff *d, char **ret)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(MAX_TEXT);

	for (size_t i = 0; i < d->n; i++) {
		const struct environment_change *c = &d->v[i];

		if (c->weight != CHANGE_EXPECTED)
			strbuf_addf(&b, "%s: %s: %s -> %s\n", environment_weight_names[c->weight], c->path,
			            c->before ? c->before : "(absent)", c->after ? c->after : "(absent)");
	}
	strbuf_add(&b, "");
	return strbuf_take(&b, ret);
}
