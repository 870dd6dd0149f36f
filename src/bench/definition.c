/* SPDX-License-Identifier: MIT */
/* Reading a definition. Every complaint names file, line and column, and what is valid. */
#include "bench/definition_data.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/regex.h"
#include "base/sha256.h"
#include "base/yaml_read.h"
#include "bench/number.h"

static int copy(char **ret, const char *s)
{
	free(*ret);
	*ret = strdup(s);
	return *ret ? 0 : -ENOMEM;
}

/* A text of any length. */
static int get_string(const struct yaml_reader *r, const struct yaml *map, const char *key, char **ret)
{
	const struct yaml *node = yaml_doc_get(map, key);

	if (!node)
		return 0;
	if (node->kind != YAML_TEXT)
		return yaml_complain(r, node, "'%s' must be a text", key);
	return copy(ret, node->text) < 0 ? -ENOMEM : 1;
}

int definition_get_double(const struct yaml_reader *r, const struct yaml *map, const char *key, double *ret)
{
	const struct yaml *node = yaml_doc_get(map, key);

	if (!node)
		return 0;
	if (node->kind != YAML_TEXT || number_parse(node->text, ret) < 0)
		return yaml_complain(r, node, "'%s: %s' - a number is valid", key,
		                     node->kind == YAML_TEXT ? node->text : "...");
	return 1;
}

int definition_get_bool(const struct yaml_reader *r, const struct yaml *map, const char *key, bool *ret)
{
	const struct yaml *node = yaml_doc_get(map, key);

	if (!node)
		return 0;
	if (node->kind != YAML_TEXT || (!yaml_is_true(node->text) && strcasecmp(node->text, "false") != 0 &&
	                                strcasecmp(node->text, "no") != 0))
		return yaml_complain(r, node, "'%s' is true or false", key);
	*ret = yaml_is_true(node->text);
	return 1;
}

/* One of several words; *ret is its number. */
static int get_word(const struct yaml_reader *r, const struct yaml *map, const char *key,
                    const char *const *words, unsigned *ret)
{
	const struct yaml *node = yaml_doc_get(map, key);
	char list[256] = "";
	size_t len = 0;

	if (!node)
		return 0;
	for (unsigned i = 0; words[i]; i++) {
		if (node->kind == YAML_TEXT && strcmp(node->text, words[i]) == 0) {
			*ret = i;
			return 1;
		}
		len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0, "%s%s",
		                        i ? ", " : "", words[i]);
	}
	yaml_complain(r, node, "'%s: %s' is not known", key, node->kind == YAML_TEXT ? node->text : "...");
	error_hint(r->err, "valid are %s", list);
	return -EINVAL;
}

static int read_texts(const struct yaml_reader *r, const struct yaml *node, const char *what,
                      struct strv *ret)
{
	if (node && node->kind != YAML_LIST)
		return yaml_complain(r, node, "'%s' must be a list", what);
	for (size_t i = 0; node && i < node->n; i++) {
		if (node->v[i].kind != YAML_TEXT)
			return yaml_complain(r, &node->v[i], "an element of '%s' must be a text", what);
		if (strv_add(ret, node->v[i].text) < 0)
			return -ENOMEM;
	}
	return 0;
}

int definition_read_pairs(const struct yaml_reader *r, const struct yaml *map, const char *what,
                          struct pair_list *ret)
{
	if (map && map->kind != YAML_MAP)
		return yaml_complain(r, map, "'%s' must be a mapping of names to values", what);
	for (size_t i = 0; map && i + 1 < map->n; i += 2) {
		if (map->v[i + 1].kind != YAML_TEXT || strlen(map->v[i].text) >= sizeof(ret->v->name))
			return yaml_complain(r, &map->v[i], "'%s' in '%s' must be a short name with a text",
			                     map->v[i].text, what);
		if (pair_set(ret, map->v[i].text, map->v[i + 1].text) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- commands --- */

static int read_argv(const struct yaml_reader *r, const struct yaml *node, struct strv *ret)
{
	int q = 0;

	if (node->kind == YAML_LIST)
		q = read_texts(r, node, "command", ret);
	else if (node->kind == YAML_TEXT)
		q = split_words(node->text, ret);
	if (q == -EINVAL && node->kind == YAML_TEXT)
		return yaml_complain(r, node, "a quote is not closed in '%s'", node->text);
	if (q == 0 && !ret->n)
		return yaml_complain(r, node,
		                     "a command is a text, or a list of a program and its arguments");
	return q;
}

int definition_read_command(const struct yaml_reader *r, const struct yaml *node, struct bench_command *ret)
{
	static const char *const known[] = {"command", "env", "workdir", NULL};
	const struct yaml *argv;
	int q;

	if (node->kind != YAML_MAP)
		return read_argv(r, node, &ret->argv);
	q = yaml_check_keys(r, node, "a command", known);
	argv = yaml_doc_get(node, "command");
	if (q == 0 && !argv)
		return yaml_complain(r, node, "'command' is missing");
	if (q == 0)
		q = read_argv(r, argv, &ret->argv);
	if (q == 0)
		q = definition_read_pairs(r, yaml_doc_get(node, "env"), "env", &ret->env);
	if (q == 0)
		q = get_string(r, node, "workdir", &ret->workdir);
	return q < 0 ? q : 0;
}

/* One command, or a list of them. */
int definition_read_commands(const struct yaml_reader *r, const struct yaml *node,
                             struct bench_command_list *ret)
{
	int q = 0;

	for (size_t i = 0; node && q == 0 && i < (node->kind == YAML_LIST ? node->n : 1); i++) {
		struct bench_command *c = list_add(ret);

		q = c ? definition_read_command(r, node->kind == YAML_LIST ? &node->v[i] : node, c) : -ENOMEM;
	}
	return q;
}

/* `command: ...` is the usual, `run: [...]` several one after the other. */
static int read_run(const struct yaml_reader *r, const struct yaml *doc, struct bench_definition *d)
{
	const struct yaml *one = yaml_doc_get(doc, "command"), *several = yaml_doc_get(doc, "run");
	struct bench_command *c;
	int q;

	if (!one == !several)
		return yaml_complain(r, doc,
		                     one ? "'command' and 'run' say the same" : "'command' is missing");
	if (several)
		return definition_read_commands(r, several, &d->run);
	c = list_add(&d->run);
	q = c ? read_argv(r, one, &c->argv) : -ENOMEM;
	if (q == 0)
		q = definition_read_pairs(r, yaml_doc_get(doc, "env"), "env", &c->env);
	if (q == 0)
		q = get_string(r, doc, "workdir", &c->workdir);
	return q < 0 ? q : 0;
}

/* --- parameters --- */

static bool is_name(const char *s)
{
	for (const char *p = s; *p; p++) {
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
			return false;
	}
	return s[0] != '\0';
}

static const struct bench_parameter *find_parameter(const struct bench_definition *d, const char *name)
{
	for (size_t i = 0; i < d->parameters.n; i++) {
		if (strcmp(d->parameters.v[i].name, name) == 0)
			return &d->parameters.v[i];
	}
	return NULL;
}

static int check_parameter(const struct yaml_reader *r, const struct yaml *at,
                           const struct bench_definition *d, const char *name)
{
	if (find_parameter(d, name))
		return 0;
	yaml_complain(r, at, "'%s' is no parameter of this benchmark", name);
	error_hint(r->err, "name it under 'parameters' with its default");
	return -EINVAL;
}

static int read_parameters(const struct yaml_reader *r, const struct yaml *map, struct bench_definition *d)
{
	static const char *const known[] = {"default", "help", NULL};
	int q = 0;

	if (map && map->kind != YAML_MAP)
		return yaml_complain(r, map, "'parameters' must be a mapping of names to defaults");
	for (size_t i = 0; map && q >= 0 && i + 1 < map->n; i += 2) {
		const struct yaml *value = &map->v[i + 1];
		struct bench_parameter *p = list_add(&d->parameters);

		if (!p)
			return -ENOMEM;
		if (strlen(map->v[i].text) >= sizeof(p->name) || !is_name(map->v[i].text))
			return yaml_complain(r, &map->v[i], "'%s' is no name of a parameter", map->v[i].text);
		text_copy(p->name, sizeof(p->name), map->v[i].text);
		if (value->kind == YAML_TEXT) {
			q = copy(&p->value, value->text);
			continue;
		}
		q = yaml_check_keys(r, value, "a parameter", known);
		if (q == 0)
			q = get_string(r, value, "default", &p->value);
		if (q == 0)
			return yaml_complain(r, value, "'default' is missing");
		if (q > 0)
			q = get_string(r, value, "help", &p->help);
	}
	return q < 0 ? q : 0;
}

static int read_values(const struct yaml_reader *r, const struct yaml *map, const char *what,
                       const struct bench_definition *d, struct pair_list *ret)
{
	int q = definition_read_pairs(r, map, what, ret);

	for (size_t i = 0; map && q == 0 && i + 1 < map->n; i += 2)
		q = check_parameter(r, &map->v[i], d, map->v[i].text);
	return q;
}

static int read_presets(const struct yaml_reader *r, const struct yaml *map, struct bench_definition *d)
{
	int q = 0;

	if (map && map->kind != YAML_MAP)
		return yaml_complain(r, map, "'presets' must be a mapping of names to parameters");
	for (size_t i = 0; map && q == 0 && i + 1 < map->n; i += 2) {
		struct bench_preset *p = list_add(&d->presets);

		if (!p)
			return -ENOMEM;
		text_copy(p->name, sizeof(p->name), map->v[i].text);
		q = read_values(r, &map->v[i + 1], "presets", d, &p->values);
	}
	return q;
}

static bool has_preset(const struct bench_definition *d, const char *name)
{
	for (size_t i = 0; i < d->presets.n; i++) {
		if (strcmp(d->presets.v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* --- matrix --- */

/* Values of one parameter of an axis, number k of n; tuples are stored one after the other. */
static int read_axis_values(const struct yaml_reader *r, const struct yaml *list, struct bench_axis *a,
                            size_t k, size_t n, size_t tuples)
{
	if (list->kind != YAML_LIST || !list->n)
		return yaml_complain(r, list, "the values of '%s' must be a list that is not empty",
		                     a->names.v[k]);
	if (list->n != tuples)
		return yaml_complain(r, list, "'%s' has %zu values, '%s' has %zu: what is zipped has as many",
		                     a->names.v[k], list->n, a->names.v[0], tuples);
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].kind != YAML_TEXT)
			return yaml_complain(r, &list->v[i], "a value must be a text or a number");
		free(a->values.v[i * n + k]);
		a->values.v[i * n + k] = strdup(list->v[i].text);
		if (!a->values.v[i * n + k])
			return -ENOMEM;
	}
	return 0;
}

static int read_axis(const struct yaml_reader *r, const struct yaml *pairs, size_t n_pairs,
                     struct bench_definition *d)
{
	struct bench_axis *a = list_add(&d->matrix);
	size_t tuples = n_pairs && pairs[1].kind == YAML_LIST ? pairs[1].n : 1;
	int q = a ? 0 : -ENOMEM;

	for (size_t i = 0; q == 0 && i < n_pairs; i++) {
		q = check_parameter(r, &pairs[2 * i], d, pairs[2 * i].text);
		if (q == 0)
			q = strv_add(&a->names, pairs[2 * i].text);
	}
	for (size_t i = 0; q == 0 && i < n_pairs * tuples; i++)
		q = strv_add(&a->values, "");
	for (size_t i = 0; q == 0 && i < n_pairs; i++)
		q = read_axis_values(r, &pairs[2 * i + 1], a, i, n_pairs, tuples);
	return q;
}

static int read_matrix(const struct yaml_reader *r, const struct yaml *doc, struct bench_definition *d)
{
	const struct yaml *map = yaml_doc_get(doc, "matrix"), *zip = yaml_doc_get(doc, "zip"),
			  *exclude = yaml_doc_get(doc, "exclude");
	int q = 0;

	if (map && map->kind != YAML_MAP)
		return yaml_complain(r, map, "'matrix' must be a mapping of parameters to lists");
	if (zip && zip->kind != YAML_LIST)
		return yaml_complain(r, zip, "'zip' must be a list of mappings of parameters to lists");
	if (exclude && exclude->kind != YAML_LIST)
		return yaml_complain(r, exclude,
		                     "'exclude' must be a list of mappings of parameters to values");
	for (size_t i = 0; map && q == 0 && i + 1 < map->n; i += 2)
		q = read_axis(r, &map->v[i], 1, d);
	for (size_t i = 0; zip && q == 0 && i < zip->n; i++) {
		if (zip->v[i].kind != YAML_MAP || !zip->v[i].n)
			return yaml_complain(r, &zip->v[i],
			                     "what is zipped is a mapping of parameters to lists");
		q = read_axis(r, zip->v[i].v, zip->v[i].n / 2, d);
	}
	for (size_t i = 0; exclude && q == 0 && i < exclude->n; i++) {
		struct pair_list *l = list_add(&d->excludes);

		q = l ? read_values(r, &exclude->v[i], "exclude", d, l) : -ENOMEM;
	}
	return q;
}

/* --- needs, metrics, checks --- */

/* true, false, or "maybe": used where there is one. */
static int get_gpu(const struct yaml_reader *r, const struct yaml *map, struct bench_needs *n)
{
	const struct yaml *gpu = yaml_doc_get(map, "gpu");

	n->uses_gpu = gpu && gpu->kind == YAML_TEXT && strcmp(gpu->text, "maybe") == 0;
	return n->uses_gpu ? 0 : definition_get_bool(r, map, "gpu", &n->gpu);
}

static int read_needs(const struct yaml_reader *r, const struct yaml *map, struct bench_needs *n)
{
	static const char *const known[] = {"vendor",  "programs", "files", "memory",  "gpu-memory", "cpus",
	                                    "display", "root",     "gpu",   "command", NULL};
	const struct yaml *command = yaml_doc_get(map, "command");
	const struct {
		const char *key;
		uint64_t *to;
	} sizes[] = {{"memory", &n->memory_bytes}, {"gpu-memory", &n->gpu_memory_bytes}};
	int q = map ? yaml_check_keys(r, map, "needs", known) : 0;

	if (!map || q < 0)
		return q;
	q = yaml_get_text(r, map, "vendor", n->vendor, sizeof(n->vendor));
	if (q >= 0)
		q = read_texts(r, yaml_doc_get(map, "programs"), "programs", &n->programs);
	if (q >= 0)
		q = read_texts(r, yaml_doc_get(map, "files"), "files", &n->files);
	for (size_t i = 0; q >= 0 && i < ARRAY_SIZE(sizes); i++) {
		const struct yaml *size = yaml_doc_get(map, sizes[i].key);

		if (size && (size->kind != YAML_TEXT || parse_size(size->text, sizes[i].to) < 0))
			return yaml_complain(r, size, "'%s' is a size like 10G or 512M", sizes[i].key);
	}
	if (q >= 0)
		q = yaml_get_number(r, map, "cpus", 1, 65536, &n->cpus);
	if (q >= 0)
		q = definition_get_bool(r, map, "display", &n->display);
	if (q >= 0)
		q = definition_get_bool(r, map, "root", &n->root);
	if (q >= 0)
		q = get_gpu(r, map, n);
	if (q >= 0 && command)
		q = definition_read_command(r, command, &n->command);
	return q < 0 ? q : 0;
}

int definition_check_expression(const struct yaml_reader *r, const struct yaml *at, const char *expression,
                                unsigned groups)
{
	_cleanup_regex_ struct regex *re = NULL;
	struct ofbc_error why = {0};
	int q = regex_new(expression, &re, &why);

	if (q == -EINVAL)
		return yaml_complain(r, at, "%s", why.message);
	if (q == 0 && regex_groups(re) < groups) {
		yaml_complain(r, at, "'%s' has no group for the number", expression);
		error_hint(r->err, "put it in brackets: ([-+0-9.eE]+)");
		return -EINVAL;
	}
	/* without the library it is only refused when the number is wanted */
	return q == -ENOMEM ? q : 0;
}

/* "p99" and "p99.9" */
static bool percentile(const char *s, double *ret)
{
	return s[0] == 'p' && number_parse(s + 1, ret) == 0 && *ret > 0 && *ret < 100;
}

static int read_from(const struct yaml_reader *r, const struct yaml *from, struct bench_metric *m)
{
	static const struct {
		const char *word;
		enum metric_source source;
	} words[] = {{"wall", METRIC_WALL},     {"cpu", METRIC_CPU},   {"memory", METRIC_MEMORY},
	             {"result", METRIC_RESULT}, {"rate", METRIC_RATE}, {"iteration", METRIC_ITERATION}};
	double p;

	for (size_t i = 0; from->kind == YAML_TEXT && i < ARRAY_SIZE(words); i++) {
		if (strcmp(from->text, words[i].word) == 0) {
			m->source = words[i].source;
			return 0;
		}
	}
	if (from->kind == YAML_TEXT && percentile(from->text, &p)) {
		m->source = METRIC_PERCENTILE;
		m->quantile = p / 100;
		return 0;
	}
	yaml_complain(r, from, "'from: %s' is not known", from->kind == YAML_TEXT ? from->text : "...");
	error_hint(r->err, "valid are wall, cpu, memory, result, rate, iteration, and percentiles like p99");
	return -EINVAL;
}

static int read_source(const struct yaml_reader *r, const struct yaml *map, struct bench_metric *m)
{
	const struct yaml *from = yaml_doc_get(map, "from"), *json = yaml_doc_get(map, "json"),
			  *regex = yaml_doc_get(map, "regex"), *program = yaml_doc_get(map, "program");
	int n = (from != NULL) + (json != NULL) + (regex != NULL) + (program != NULL), q;

	if (n != 1) {
		yaml_complain(r, map,
		              n ? "a metric has one source" : "where does the number of '%s' come from?",
		              m->name);
		error_hint(r->err, "one of from, json, regex, program");
		return -EINVAL;
	}
	if (from)
		return read_from(r, from, m);
	if (program) {
		m->source = METRIC_PROGRAM;
		return definition_read_command(r, program, &m->program);
	}
	m->source = json ? METRIC_JSON : METRIC_REGEX;
	q = get_string(r, map, json ? "json" : "regex", &m->where);
	if (q > 0 && regex)
		q = definition_check_expression(r, regex, m->where, 1);
	if (q > 0 && json && m->where[0] != '/')
		return yaml_complain(r, json, "'%s' is no JSON pointer like /results/0/mean", m->where);
	return q < 0 ? q : 0;
}

static int read_metric(const struct yaml_reader *r, const char *name, const struct yaml *map,
                       struct bench_definition *d)
{
	static const char *const known[] = {"unit", "better", "from",   "json",  "regex", "program",
	                                    "file", "pick",   "across", "scale", NULL};
	static const char *const directions[] = {"lower", "higher", NULL};
	static const char *const picks[] = {"last", "first", "mean", "median", "sum", "min", "max", NULL};
	struct bench_metric *m = list_add(&d->metrics);
	unsigned word = 0;
	int q;

	if (!m)
		return -ENOMEM;
	m->scale = 1;
	if (!name[0] || strlen(name) >= sizeof(m->name))
		return yaml_complain(r, map, "'%s' is no name of a metric: 1 to %zu bytes are valid", name,
		                     sizeof(m->name) - 1);
	text_copy(m->name, sizeof(m->name), name);
	q = yaml_check_keys(r, map, "a metric", known);
	if (q == 0)
		q = yaml_get_text(r, map, "unit", m->unit, sizeof(m->unit));
	if (q >= 0)
		q = get_word(r, map, "better", directions, &word);
	if (q > 0) {
		m->has_direction = true;
		m->higher_is_better = word == 1;
	}
	if (q >= 0)
		q = read_source(r, map, m);
	if (q >= 0)
		q = get_string(r, map, "file", &m->file);
	if (q >= 0)
		q = get_word(r, map, "pick", picks, &word);
	if (q > 0)
		m->pick = (enum metric_pick)word;
	word = m->source == METRIC_RATE ? PICK_SUM : PICK_MEDIAN;
	if (q >= 0)
		q = get_word(r, map, "across", picks, &word);
	m->across = (enum metric_pick)word;
	if (q >= 0)
		q = definition_get_double(r, map, "scale", &m->scale);
	return q < 0 ? q : 0;
}

static int read_metrics(const struct yaml_reader *r, const struct yaml *map, struct bench_definition *d)
{
	int q = 0;

	if (!map || map->kind != YAML_MAP || !map->n)
		return yaml_complain(r, map ? map : &(struct yaml){.line = 1, .column = 1},
		                     "'metrics' must be a mapping of names to what they are");
	for (size_t i = 0; q == 0 && i + 1 < map->n; i += 2)
		q = read_metric(r, map->v[i].text, &map->v[i + 1], d);
	return q;
}

static bool has_metric(const struct bench_definition *d, const char *name)
{
	for (size_t i = 0; i < d->metrics.n; i++) {
		if (strcmp(d->metrics.v[i].name, name) == 0)
			return true;
	}
	return false;
}

static int read_value_check(const struct yaml_reader *r, const struct yaml *map,
                            const struct bench_definition *d, struct bench_check *c)
{
	int q = yaml_get_text(r, map, "value", c->metric, sizeof(c->metric));

	if (q > 0 && !has_metric(d, c->metric))
		return yaml_complain(r, map, "'%s' is no metric of this benchmark", c->metric);
	c->tolerance = 1e-9;
	if (q >= 0)
		q = definition_get_double(r, map, "equals", &c->equals);
	if (q >= 0)
		q = definition_get_double(r, map, "tolerance", &c->tolerance);
	if (q >= 0)
		q = definition_get_double(r, map, "min", &c->min);
	if (q >= 0)
		q = definition_get_double(r, map, "max", &c->max);
	if (q >= 0 && isnan(c->equals) && isnan(c->min) && isnan(c->max))
		return yaml_complain(r, map, "a check of a value needs equals, min or max");
	return q < 0 ? q : 0;
}

static int read_check(const struct yaml_reader *r, const struct yaml *map, struct bench_definition *d)
{
	static const char *const known[] = {"exit",      "match", "absent", "value",  "equals",
	                                    "tolerance", "min",   "max",    "device", NULL};
	struct bench_check *c = list_add(&d->checks);
	unsigned status = 0;
	int q;

	if (!c)
		return -ENOMEM;
	*c = (struct bench_check){.equals = NAN, .min = NAN, .max = NAN};
	q = yaml_check_keys(r, map, "a check", known);
	if (q < 0)
		return q;
	if (yaml_doc_get(map, "value")) {
		c->kind = CHECK_VALUE;
		return read_value_check(r, map, d, c);
	}
	if (yaml_doc_get(map, "match") || yaml_doc_get(map, "absent")) {
		c->kind = CHECK_MATCH;
		c->is_absent = !yaml_doc_get(map, "match");
		q = get_string(r, map, c->is_absent ? "absent" : "match", &c->match);
		return q < 0 ? q : definition_check_expression(r, map, c->match, 0);
	}
	if (yaml_doc_get(map, "device")) {
		static const char *const words[] = {"required", NULL};
		unsigned word;

		c->kind = CHECK_DEVICE;
		q = get_word(r, map, "device", words, &word);
		return q < 0 ? q : 0;
	}
	q = yaml_get_number(r, map, "exit", 0, 255, &status);
	if (q == 0)
		return yaml_complain(r, map, "a check is one of exit, match, absent, value, device");
	c->status = (int)status;
	return q < 0 ? q : 0;
}

static int read_checks(const struct yaml_reader *r, const struct yaml *list, struct bench_definition *d)
{
	int q = 0;

	if (list && list->kind != YAML_LIST)
		return yaml_complain(r, list, "'checks' must be a list");
	for (size_t i = 0; list && q == 0 && i < list->n; i++)
		q = read_check(r, &list->v[i], d);
	return q;
}

/* --- the rest --- */

static int read_head(const struct yaml_reader *r, const struct yaml *doc, struct bench_definition *d)
{
	static const char *const known[] = {"version", "name",     "summary",    "class",   "command",
	                                    "run",     "env",      "workdir",    "setup",   "setup-inputs",
	                                    "cleanup", "protocol", "parameters", "presets", "default-preset",
	                                    "matrix",  "zip",      "exclude",    "needs",   "metrics",
	                                    "checks",  "work",     "warmup",     "timeout", NULL};
	static const char *const classes[] = {"compute",  "memory", "latency", "ml",
	                                      "graphics", "vdi",    "other",   NULL};
	static const char *const protocols[] = {"none", "lines", NULL};
	unsigned version = 0, class = 6, protocol = 0;
	int q = yaml_check_keys(r, doc, "a benchmark", known);

	if (q == 0)
		q = yaml_get_number(r, doc, "version", 1, 1, &version);
	if (q == 0) {
		yaml_complain(r, doc, "'version' is missing");
		error_hint(r->err, "this program reads version: 1");
		return -EINVAL;
	}
	if (q > 0)
		q = yaml_get_text(r, doc, "name", d->name, sizeof(d->name));
	if (q == 0)
		return yaml_complain(r, doc, "'name' is missing");
	if (q > 0 && strpbrk(d->name, "/ \t"))
		return yaml_complain(r, yaml_doc_get(doc, "name"), "a name has no blanks and no '/'");
	if (q > 0)
		q = get_string(r, doc, "summary", &d->summary);
	if (q >= 0)
		q = get_word(r, doc, "class", classes, &class);
	if (q >= 0)
		q = get_word(r, doc, "protocol", protocols, &protocol);
	text_copy(d->class, sizeof(d->class), classes[class]);
	d->is_protocol = protocol == 1;
	return q < 0 ? q : 0;
}

static int read_all(const struct yaml_reader *r, const struct yaml *doc, struct bench_definition *d)
{
	const struct yaml *preset = yaml_doc_get(doc, "default-preset");
	int q = read_head(r, doc, d);

	if (q == 0)
		q = read_parameters(r, yaml_doc_get(doc, "parameters"), d);
	if (q == 0)
		q = read_run(r, doc, d);
	if (q == 0)
		q = definition_read_commands(r, yaml_doc_get(doc, "setup"), &d->setup);
	if (q == 0)
		q = read_texts(r, yaml_doc_get(doc, "setup-inputs"), "setup-inputs", &d->setup_inputs);
	if (q == 0)
		q = definition_read_commands(r, yaml_doc_get(doc, "cleanup"), &d->cleanup);
	if (q == 0)
		q = read_presets(r, yaml_doc_get(doc, "presets"), d);
	if (q == 0)
		q = yaml_get_text(r, doc, "default-preset", d->default_preset, sizeof(d->default_preset));
	if (q > 0 && !has_preset(d, d->default_preset))
		return yaml_complain(r, preset, "there is no preset '%s'", d->default_preset);
	if (q >= 0)
		q = read_matrix(r, doc, d);
	if (q == 0)
		q = read_needs(r, yaml_doc_get(doc, "needs"), &d->needs);
	if (q == 0)
		q = read_metrics(r, yaml_doc_get(doc, "metrics"), d);
	if (q == 0)
		q = read_checks(r, yaml_doc_get(doc, "checks"), d);
	return q == 0 ? definition_read_times(r, doc, d) : q;
}

struct bench_definition *definition_new(const char *text, size_t len)
{
	struct bench_definition *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->work = d->warmup_s = NAN;
	d->timeout_setup_s = BENCH_TIMEOUT_SETUP_S;
	d->timeout_run_s = BENCH_TIMEOUT_RUN_S;
	d->timeout_cleanup_s = BENCH_TIMEOUT_CLEANUP_S;
	sha256_hex(text, len, d->hash);
	return d;
}

int definition_parse(const char *text, size_t len, const char *file, struct bench_definition **ret,
                     struct ofbc_error *err)
{
	_cleanup_definition_ struct bench_definition *d = definition_new(text, len);
	const struct yaml_reader r = {.file = file, .err = err};
	_cleanup_yaml_ struct yaml *doc = NULL;
	int q = d ? yaml_doc_parse(text, len, file, &doc, err) : -ENOMEM;

	if (q == 0)
		q = read_all(&r, doc, d);
	if (q == 0)
		q = definition_check_templates(d, file, err);
	if (q < 0)
		return q;
	*ret = steal_ptr(d);
	return 0;
}
