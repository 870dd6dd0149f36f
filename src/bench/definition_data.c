/* SPDX-License-Identifier: MIT */
/* Definitions as data: pairs, combinations of parameters, templates, release. */
#include <errno.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "bench/definition_data.h"

#define COMBINATIONS_MAX 100000
#define WORD_MAX         (1u << 20)
#define NAME_CHARACTERS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* --- pairs --- */

static struct pair *pair_find(const struct pair_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	}
	return NULL;
}

int pair_set(struct pair_list *l, const char *name, const char *value)
{
	struct pair *p = pair_find(l, name);
	char *text = strdup(value);

	if (text && !p)
		p = list_add(l);
	if (!text || !p) {
		free(text);
		return -ENOMEM;
	}
	text_copy(p->name, sizeof(p->name), name);
	free(p->value);
	p->value = text;
	return 0;
}

const char *pair_get(const struct pair_list *l, const char *name)
{
	const struct pair *p = pair_find(l, name);

	return p ? p->value : NULL;
}

void pair_list_done(struct pair_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].value);
	free(l->v);
	*l = (struct pair_list){0};
}

int pair_copy(struct pair_list *to, const struct pair_list *from)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++)
		r = pair_set(to, from->v[i].name, from->v[i].value);
	return r;
}

/* --- combinations --- */

static bool is_excluded(const struct bench_definition *d, const struct pair_list *values)
{
	for (size_t i = 0; i < d->excludes.n; i++) {
		const struct pair_list *e = &d->excludes.v[i];
		size_t same = 0;

		for (size_t k = 0; k < e->n; k++) {
			const char *value = pair_get(values, e->v[k].name);

			same += value && strcmp(value, e->v[k].value) == 0;
		}
		if (same == e->n && e->n)
			return true;
	}
	return false;
}

/* Tuple number `index` counted over all axes, the last one fastest. */
static int one_combination(const struct bench_definition *d, const struct pair_list *base, size_t index,
                           struct pair_list *ret)
{
	int r = pair_copy(ret, base);

	for (size_t a = d->matrix.n; r == 0 && a-- > 0;) {
		const struct bench_axis *axis = &d->matrix.v[a];
		size_t tuples = axis->values.n / axis->names.n, tuple = index % tuples;

		index /= tuples;
		for (size_t k = 0; r == 0 && k < axis->names.n; k++)
			r = pair_set(ret, axis->names.v[k], axis->values.v[tuple * axis->names.n + k]);
	}
	return r;
}

int definition_combinations(const struct bench_definition *d, const struct pair_list *base,
                            struct combination_list *ret, struct ofbc_error *err)
{
	struct combination_list all = {0};
	size_t total = 1;
	int r = 0;

	for (size_t a = 0; a < d->matrix.n; a++) {
		total *= d->matrix.v[a].values.n / d->matrix.v[a].names.n;
		if (total > COMBINATIONS_MAX)
			return error_set(err, E2BIG, OFBC_REASON_USAGE,
			                 "the matrix of '%s' has more than %d combinations", d->name,
			                 COMBINATIONS_MAX);
	}
	for (size_t i = 0; r == 0 && i < total; i++) {
		struct pair_list *l = list_add(&all);

		r = l ? one_combination(d, base, i, l) : -ENOMEM;
		if (r == 0 && is_excluded(d, l)) {
			pair_list_done(l);
			all.n--;
		}
	}
	if (r < 0) {
		combination_list_done(&all);
		return error_set_errno(err, -r, "%s", d->name);
	}
	*ret = all;
	return 0;
}

void combination_list_done(struct combination_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		pair_list_done(&l->v[i]);
	free(l->v);
	*l = (struct combination_list){0};
}

/* --- templates --- */

int template_expand(const char *template, const struct pair_list *values, char **ret, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(WORD_MAX);
	char name[64];
	int r;

	for (const char *p = template; *p; p++) {
		size_t n = strspn(p + 1, NAME_CHARACTERS);

		if ((*p == '{' || *p == '}') && p[1] == *p) {
			strbuf_addc(&out, *p++);
		} else if (*p == '{' && p[1 + n] == '}' && n && n < sizeof(name) &&
		           !isspace((unsigned char)p[1])) {
			const char *value;

			memcpy(name, p + 1, n);
			name[n] = '\0';
			value = pair_get(values, name);
			if (!value) {
				error_set(err, EINVAL, OFBC_REASON_USAGE, "'{%s}' in '%s' is no parameter",
				          name, template);
				error_hint(err, "write '{{' for a brace");
				return -EINVAL;
			}
			strbuf_add(&out, value);
			p += n + 1;
		} else {
			strbuf_addc(&out, *p);
		}
	}
	if (!out.len && !out.err)
		strbuf_add(&out, "");
	r = strbuf_take(&out, ret);
	return r < 0 ? error_set_errno(err, -r, "%s", template) : 0;
}

/* Parameters, and what the runner says of a run. */
static int known_values(const struct bench_definition *d, struct pair_list *ret)
{
	static const char *const own[] = {BENCH_OWN_VALUES};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(own); i++)
		r = pair_set(ret, own[i], "x");
	for (size_t i = 0; r == 0 && i < d->parameters.n; i++)
		r = pair_set(ret, d->parameters.v[i].name, d->parameters.v[i].value);
	return r;
}

static int check_commands(const struct bench_command_list *l, const struct pair_list *values,
                          struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		for (size_t k = 0; r == 0 && k < l->v[i].argv.n; k++) {
			_cleanup_free_ char *text = NULL;

			r = template_expand(l->v[i].argv.v[k], values, &text, err);
		}
	}
	return r;
}

int definition_check_templates(const struct bench_definition *d, const char *file, struct ofbc_error *err)
{
	struct pair_list values = {0};
	int r = known_values(d, &values);

	if (r == 0)
		r = check_commands(&d->setup, &values, err);
	if (r == 0)
		r = check_commands(&d->run, &values, err);
	if (r == 0)
		r = check_commands(&d->cleanup, &values, err);
	pair_list_done(&values);
	return r == -EINVAL ? error_wrap(err, "%s", file) : r;
}

/* Adds one word from *s on; quotes group, a backslash takes the next character as it is. */
static int next_word(const char **s, struct strv *ret)
{
	_cleanup_strbuf_ struct strbuf word = STRBUF_INIT(WORD_MAX);
	const char *p = *s;
	char quote = '\0';

	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (quote && *p == quote)
			quote = '\0';
		else if (!quote && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (*p == '\\' && quote != '\'' && p[1])
			strbuf_addc(&word, *++p);
		else
			strbuf_addc(&word, *p);
	}
	*s = p;
	if (quote)
		return -EINVAL;
	return word.err ? word.err : strv_add(ret, strbuf_str(&word));
}

int split_words(const char *s, struct strv *ret)
{
	int r = 0;

	for (;;) {
		while (isspace((unsigned char)*s))
			s++;
		if (!*s || r < 0)
			return r;
		r = next_word(&s, ret);
	}
}

/* --- release --- */

static void command_done(struct bench_command *c)
{
	strv_done(&c->argv);
	pair_list_done(&c->env);
	free(c->workdir);
}

static void commands_done(struct bench_command_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		command_done(&l->v[i]);
	free(l->v);
}

static void presets_done(struct bench_preset_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		pair_list_done(&l->v[i].values);
		strv_done(&l->v[i].arguments);
		pair_list_done(&l->v[i].env);
		commands_done(&l->v[i].setup);
		commands_done(&l->v[i].cleanup);
	}
	free(l->v);
}

static void metrics_done(struct bench_metric_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].where);
		free(l->v[i].file);
		command_done(&l->v[i].program);
	}
	free(l->v);
}

static void matrix_done(struct bench_definition *d)
{
	for (size_t i = 0; i < d->matrix.n; i++) {
		strv_done(&d->matrix.v[i].names);
		strv_done(&d->matrix.v[i].values);
	}
	free(d->matrix.v);
	for (size_t i = 0; i < d->excludes.n; i++)
		pair_list_done(&d->excludes.v[i]);
	free(d->excludes.v);
}

void definition_free(struct bench_definition *d)
{
	if (!d)
		return;
	free(d->summary);
	free(d->directory);
	free(d->programs);
	commands_done(&d->setup);
	commands_done(&d->run);
	commands_done(&d->cleanup);
	strv_done(&d->setup_inputs);
	for (size_t i = 0; i < d->parameters.n; i++) {
		free(d->parameters.v[i].value);
		free(d->parameters.v[i].help);
	}
	free(d->parameters.v);
	presets_done(&d->presets);
	matrix_done(d);
	strv_done(&d->needs.programs);
	strv_done(&d->needs.files);
	command_done(&d->needs.command);
	metrics_done(&d->metrics);
	for (size_t i = 0; i < d->checks.n; i++)
		free(d->checks.v[i].match);
	free(d->checks.v);
	free(d);
}
