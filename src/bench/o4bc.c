/* SPDX-License-Identifier: MIT */
/*
 * Definitions of OpenForBC-Benchmark, read as they are: benchmark.json and its presets. What they leave open
 * is made definite: the numbers come from the commands of `run_command` (not from what follows them), cleanup
 * is executed, the environment of a command is its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "bench/definition_data.h"

/* Their commands are no templates: braces are braces. */
static int escape(char **s)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(1u << 20);
	char *text = NULL;
	int r;

	if (!strpbrk(*s, "{}"))
		return 0;
	for (const char *p = *s; *p; p++) {
		strbuf_addc(&out, *p);
		if (*p == '{' || *p == '}')
			strbuf_addc(&out, *p);
	}
	r = strbuf_take(&out, &text);
	if (r == 0) {
		free(*s);
		*s = text;
	}
	return r;
}

static int escape_commands(struct bench_command_list *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		for (size_t k = 0; r == 0 && k < l->v[i].argv.n; k++)
			r = escape(&l->v[i].argv.v[k]);
	}
	return r;
}

/* In a list of commands each text is a command; only the form {command: [...]} is a list of arguments. */
static int read_commands(const struct yaml_reader *r, const struct yaml *doc, const char *key,
                         struct bench_command_list *ret)
{
	int q = definition_read_commands(r, yaml_doc_get(doc, key), ret);

	return q == 0 ? escape_commands(ret) : q;
}

static int read_stat(const struct yaml_reader *r, const char *name, const struct yaml *map,
                     struct bench_definition *d)
{
	static const char *const known[] = {"regex", "file", NULL};
	struct bench_metric *m = list_add(&d->metrics);
	const struct yaml *regex = yaml_doc_get(map, "regex"), *file = yaml_doc_get(map, "file");
	int q = m ? yaml_check_keys(r, map, "a stat", known) : -ENOMEM;

	if (q < 0)
		return q;
	m->scale = 1;
	m->source = METRIC_REGEX;
	m->pick = PICK_FIRST; /* theirs takes the first match */
	m->across = PICK_MEDIAN;
	if (!name[0] || strlen(name) >= sizeof(m->name))
		return yaml_complain(r, map, "'%s' is no name of a stat: 1 to %zu bytes are valid", name,
		                     sizeof(m->name) - 1);
	text_copy(m->name, sizeof(m->name), name);
	if (!regex || regex->kind != YAML_TEXT || (file && file->kind != YAML_TEXT))
		return yaml_complain(r, map, "a stat is {regex: text, file: text}");
	m->where = strdup(regex->text);
	m->file = file ? strdup(file->text) : NULL;
	if (!m->where || (file && !m->file))
		return -ENOMEM;
	return definition_check_expression(r, regex, regex->text, 1);
}

/* Either numbers by name, or one command that prints them all. */
static int read_stats(const struct yaml_reader *r, const struct yaml *stats, struct bench_definition *d)
{
	struct bench_metric *m;
	int q = 0;

	if (stats && stats->kind == YAML_MAP && !yaml_doc_get(stats, "command")) {
		for (size_t i = 0; q == 0 && i + 1 < stats->n; i += 2)
			q = read_stat(r, stats->v[i].text, &stats->v[i + 1], d);
		return q;
	}
	if (!stats)
		return 0;
	m = list_add(&d->metrics);
	if (!m)
		return -ENOMEM;
	m->scale = 1;
	m->source = METRIC_PROGRAM; /* without a name: all that it prints */
	return definition_read_command(r, stats, &m->program);
}

static int read_preset(const struct o4bc_file *file, struct bench_definition *d, struct ofbc_error *err)
{
	static const char *const known[] = {"args", "env", "init_command", "post_command", "$schema", NULL};
	const struct yaml_reader r = {.file = file->name, .err = err};
	struct bench_preset *p = list_add(&d->presets);
	_cleanup_yaml_ struct yaml *doc = NULL;
	const struct yaml *args;
	size_t n;
	int q = p ? yaml_doc_parse(file->text, file->len, file->name, &doc, err) : -ENOMEM;

	if (q == 0)
		q = yaml_check_keys(&r, doc, "a preset", known);
	if (q < 0)
		return q;
	text_copy(p->name, sizeof(p->name),
	          strrchr(file->name, '/') ? strrchr(file->name, '/') + 1 : file->name);
	n = strlen(p->name);
	if (n > 5 && strcmp(p->name + n - 5, ".json") == 0)
		p->name[n - 5] = '\0';
	args = yaml_doc_get(doc, "args");
	if (args && args->kind == YAML_TEXT)
		q = split_words(args->text, &p->arguments);
	if (q == -EINVAL)
		return yaml_complain(&r, args, "a quote is not closed in '%s'", args->text);
	for (size_t i = 0; args && args->kind == YAML_LIST && q == 0 && i < args->n; i++)
		q = args->v[i].kind == YAML_TEXT ? strv_add(&p->arguments, args->v[i].text)
		                                 : yaml_complain(&r, args, "'args' must be texts");
	for (size_t i = 0; q == 0 && i < p->arguments.n; i++)
		q = escape(&p->arguments.v[i]);
	if (q == 0)
		q = definition_read_pairs(&r, yaml_doc_get(doc, "env"), "env", &p->env);
	if (q == 0)
		q = read_commands(&r, doc, "init_command", &p->setup);
	return q == 0 ? read_commands(&r, doc, "post_command", &p->cleanup) : q;
}

static int read_benchmark(const struct yaml_reader *r, const struct yaml *doc, struct bench_definition *d)
{
	static const char *const known[] = {"name",          "description", "default_preset",  "test_preset",
	                                    "setup_command", "run_command", "cleanup_command", "test_command",
	                                    "stats",         "virtualenv",  "$schema",         NULL};
	const struct yaml *name = yaml_doc_get(doc, "name"), *virtualenv = yaml_doc_get(doc, "virtualenv");
	int q = yaml_check_keys(r, doc, "a benchmark", known);

	if (q < 0)
		return q;
	if (!name || name->kind != YAML_TEXT || !yaml_doc_get(doc, "run_command"))
		return yaml_complain(r, doc, "'name' and 'run_command' are needed");
	d->summary = strdup(name->text);
	if (!d->summary)
		return -ENOMEM;
	text_copy(d->class, sizeof(d->class), "other");
	q = yaml_get_text(r, doc, "default_preset", d->default_preset, sizeof(d->default_preset));
	if (q >= 0)
		q = read_commands(r, doc, "setup_command", &d->setup);
	if (q == 0)
		q = read_commands(r, doc, "run_command", &d->run);
	if (q == 0)
		q = read_commands(r, doc, "cleanup_command", &d->cleanup);
	d->is_virtualenv = virtualenv && virtualenv->kind == YAML_TEXT && yaml_is_true(virtualenv->text);
	return q == 0 ? read_stats(r, yaml_doc_get(doc, "stats"), d) : q;
}

static int check_default(const struct bench_definition *d, const char *file, struct ofbc_error *err)
{
	if (!d->default_preset[0])
		return 0;
	for (size_t i = 0; i < d->presets.n; i++) {
		if (strcmp(d->presets.v[i].name, d->default_preset) == 0)
			return 0;
	}
	error_set(err, EINVAL, OFBC_REASON_USAGE, "%s: there is no preset '%s'", file, d->default_preset);
	error_hint(err, "it would be presets/%s.json beside this file", d->default_preset);
	return -EINVAL;
}

int definition_parse_o4bc(const struct o4bc_file *benchmark, const struct o4bc_file *presets,
                          size_t n_presets, struct bench_definition **ret, struct ofbc_error *err)
{
	_cleanup_definition_ struct bench_definition *d = definition_new(benchmark->text, benchmark->len);
	const struct yaml_reader r = {.file = benchmark->name, .err = err};
	_cleanup_yaml_ struct yaml *doc = NULL;
	int q = d ? yaml_doc_parse(benchmark->text, benchmark->len, benchmark->name, &doc, err) : -ENOMEM;

	if (q == 0)
		q = read_benchmark(&r, doc, d);
	for (size_t i = 0; q == 0 && i < n_presets; i++)
		q = read_preset(&presets[i], d, err);
	if (q == 0)
		q = check_default(d, benchmark->name, err);
	if (q < 0)
		return q;
	*ret = steal_ptr(d);
	return 0;
}
