/* SPDX-License-Identifier: MIT */
#include "bench/agent_message.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"

#define LIST_MAX   256 /* of pairs, of texts */
#define VALUES_MAX 100000

const char *const agent_kind_names[AGENT_KINDS] = {
	"hello",   "login",    "welcome", "refused", "look",  "surroundings", "place",   "placed",
	"prepare", "prepared", "trial",   "ready",   "ping",  "pong",         "go",      "progress",
	"stop",    "ended",    "window",  "result",  "abort", "cleanup",      "cleaned", "alive"};

enum field_type { TEXT, LONG_TEXT, TEXTS, HEX, NUMBER, REAL, FLAG, PAIRS, VALUES };

#define KIND(k)     (1u << AGENT_##k)
#define BENCHMARK   (KIND(PREPARE) | KIND(TRIAL) | KIND(CLEANUP))
#define FIELD(name) offsetof(struct agent_message, name), sizeof(((struct agent_message *)0)->name)

/* Each field once: who has it, who may leave it out. */
static const struct field {
	const char *key;
	enum field_type type;
	size_t offset, size;
	uint32_t needed, optional; /* by these kinds */
} fields[] = {
	{"protocol", NUMBER, FIELD(protocol), KIND(HELLO) | KIND(LOGIN), 0},
	{"program", TEXT, FIELD(program), KIND(HELLO) | KIND(LOGIN), 0},
	{"has_token", FLAG, FIELD(has_token), 0, KIND(HELLO)},
	{"nonce", HEX, FIELD(nonce), KIND(HELLO) | KIND(LOGIN), 0},
	{"proof", HEX, FIELD(proof), 0, KIND(LOGIN) | KIND(WELCOME)},
	{"host", TEXT, FIELD(host), 0, KIND(WELCOME)},
	{"platform", TEXT, FIELD(platform), KIND(WELCOME), 0},
	{"verdict", TEXT, FIELD(verdict), KIND(ENDED) | KIND(RESULT) | KIND(REFUSED), 0},
	{"reason", TEXT, FIELD(reason), KIND(REFUSED), KIND(ENDED) | KIND(RESULT)},
	{"hint", TEXT, FIELD(hint), 0, KIND(REFUSED)},
	{"environment", LONG_TEXT, FIELD(environment), KIND(SURROUNDINGS), 0},
	{"benchmark", TEXT, FIELD(benchmark), BENCHMARK, 0},
	{"definition", HEX, FIELD(definition), BENCHMARK, 0},
	{"preset", TEXT, FIELD(preset), 0, BENCHMARK},
	{"parameters", PAIRS, FIELD(parameters), 0, BENCHMARK},
	{"again", FLAG, FIELD(again), 0, KIND(PREPARE)},
	{"partitions", TEXTS, FIELD(partitions), KIND(PLACE), KIND(TRIAL)},
	{"layout", TEXT, FIELD(layout), KIND(PLACED), 0},
	{"first", NUMBER, FIELD(first), KIND(TRIAL), 0},
	{"instances", NUMBER, FIELD(instances), KIND(TRIAL), 0},
	{"of", NUMBER, FIELD(of), KIND(TRIAL), 0},
	{"seed", NUMBER, FIELD(seed), KIND(TRIAL), 0},
	{"window_s", REAL, FIELD(window_s), KIND(TRIAL), 0},
	{"iterations", NUMBER, FIELD(iterations), KIND(TRIAL) | KIND(PROGRESS), 0},
	{"id", NUMBER, FIELD(id), KIND(PING) | KIND(PONG), 0},
	{"received_ns", NUMBER, FIELD(received_ns), KIND(PONG), 0},
	{"sent_ns", NUMBER, FIELD(sent_ns), KIND(PONG), 0},
	{"at_ns", NUMBER, FIELD(at_ns), KIND(GO), 0},
	{"from_ns", NUMBER, FIELD(from_ns), KIND(PROGRESS) | KIND(WINDOW), KIND(ENDED)},
	{"to_ns", NUMBER, FIELD(to_ns), KIND(PROGRESS) | KIND(WINDOW), KIND(ENDED)},
	{"first_start_ns", NUMBER, FIELD(first_start_ns), 0, KIND(ENDED)},
	{"last_start_ns", NUMBER, FIELD(last_start_ns), 0, KIND(ENDED)},
	{"values", VALUES, FIELD(values), KIND(RESULT), 0},
	{"latencies_ns", LONG_TEXT, FIELD(values.latencies), 0, KIND(RESULT)},
};

static bool has_field(const struct field *f, enum agent_kind kind)
{
	return (f->needed | f->optional) & (1u << kind);
}

/* --- print --- */

static struct json *values_json(const struct bench_trial *t)
{
	struct json *list = json_array();

	for (size_t i = 0; i < t->n_values; i++) {
		struct json *o = json_object();

		json_set_str(o, "metric", t->values[i].metric);
		json_set_u64(o, "instance", (uint64_t)t->values[i].instance);
		json_set_double(o, "value", t->values[i].value);
		json_append(list, o);
	}
	return list;
}

static struct json *texts_json(const struct strv *l)
{
	struct json *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_append_str(list, l->v[i]);
	return list;
}

/* A list of pairs, not an object: the order counts, and a name may be anything. */
static struct json *pairs_json(const struct pair_list *l)
{
	struct json *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		struct json *o = json_object();

		json_set_str(o, "name", l->v[i].name);
		json_set_str(o, "value", l->v[i].value);
		json_append(list, o);
	}
	return list;
}

static void print_field(const struct field *f, const struct agent_message *m, struct json *doc)
{
	const char *at = (const char *)m + f->offset;

	switch (f->type) {
	case TEXT:
	case HEX:
		json_set_str(doc, f->key, at);
		break;
	case LONG_TEXT:
		json_set_str(doc, f->key, *(char *const *)(const void *)at);
		break;
	case TEXTS:
		json_set(doc, f->key, texts_json((const struct strv *)(const void *)at));
		break;
	case NUMBER:
		json_set_u64(doc, f->key, *(const uint64_t *)(const void *)at);
		break;
	case REAL:
		json_set_double(doc, f->key, *(const double *)(const void *)at);
		break;
	case FLAG:
		json_set_bool(doc, f->key, *(const bool *)(const void *)at);
		break;
	case PAIRS:
		json_set(doc, f->key, pairs_json(&m->parameters));
		break;
	case VALUES:
		json_set(doc, f->key, values_json(&m->values));
		break;
	}
}

int agent_message_print(const struct agent_message *m, char **ret)
{
	_cleanup_json_ struct json *doc = json_object();

	json_set_str(doc, "kind", agent_kind_names[m->kind]);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (has_field(&fields[i], m->kind))
			print_field(&fields[i], m, doc);
	}
	return json_print_line(doc, ret);
}

/* --- parse --- */

static int wrong(struct ofbc_error *err, const char *kind, const char *key, const char *what)
{
	return error_set(err, EINVAL, OFBC_REASON_FAILED, "message '%s': '%s' %s", kind, key, what);
}

static void plain_copy(char *buf, size_t size, const char *s)
{
	text_copy(buf, size, s);
	for (char *p = buf; *p; p++)
		*p = (unsigned char)*p < ' ' || *p == 127 ? ' ' : *p;
}

/* Two different answers for what is not there: it is none. */
static bool read_number(const struct json *j, uint64_t *ret)
{
	uint64_t n = json_u64(j, 0);

	if (n != json_u64(j, 1))
		return false;
	*ret = n;
	return true;
}

static bool read_hex(const struct json *j, char *ret, size_t size)
{
	const char *s = json_str(j, "");
	size_t n = strlen(s);

	if (n != size - 1 || strspn(s, "0123456789abcdef") != n)
		return false;
	memcpy(ret, s, size);
	return true;
}

static int read_pairs(const struct json *j, struct pair_list *ret)
{
	int r = json_is_array(j) && json_len(j) <= LIST_MAX ? 0 : -EINVAL;

	for (size_t i = 0; r == 0 && i < json_len(j); i++) {
		const char *name = json_str(json_get(json_at(j, i), "name"), "");

		if (!name[0] || strlen(name) >= sizeof(ret->v->name))
			return -EINVAL;
		r = pair_set(ret, name, json_str(json_get(json_at(j, i), "value"), ""));
	}
	return r;
}

static int read_texts(const struct json *j, struct strv *ret)
{
	int r = json_is_array(j) && json_len(j) <= LIST_MAX ? 0 : -EINVAL;

	for (size_t i = 0; r == 0 && i < json_len(j); i++) {
		char text[128];

		plain_copy(text, sizeof(text), json_str(json_at(j, i), ""));
		r = text[0] ? strv_add(ret, text) : -EINVAL;
	}
	return r;
}

static int read_values(const struct json *j, struct bench_trial *ret)
{
	if (!json_is_array(j) || json_len(j) > VALUES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < json_len(j); i++) {
		const struct json *o = json_at(j, i);
		double value = json_double(json_get(o, "value"), NAN);
		char metric[sizeof(ret->values->metric)];
		uint64_t instance;

		plain_copy(metric, sizeof(metric), json_str(json_get(o, "metric"), ""));
		if (!metric[0] || isnan(value) || !read_number(json_get(o, "instance"), &instance) ||
		    instance > INT32_MAX)
			return -EINVAL;
		if (!bench_value_add(ret, metric, (int)instance, value))
			return -ENOMEM;
	}
	return 0;
}

static int read_real(const struct json *j, double *ret)
{
	*ret = json_double(j, NAN);
	return isfinite(*ret) && *ret >= 0 ? 0 : -EINVAL;
}

static int read_long(const struct json *j, char **ret)
{
	const char *s = json_str(j, "");

	if (!s[0])
		return -EINVAL;
	*ret = strdup(s);
	return *ret ? 0 : -ENOMEM;
}

static int read_field(const struct field *f, const struct json *j, struct agent_message *m)
{
	char *at = (char *)m + f->offset;
	const char *s;

	switch (f->type) {
	case TEXT:
		s = json_str(j, NULL);
		plain_copy(at, f->size, s ? s : "");
		return s && s[0] ? 0 : -EINVAL;
	case HEX:
		return read_hex(j, at, f->size) ? 0 : -EINVAL;
	case LONG_TEXT:
		return read_long(j, (char **)(void *)at);
	case TEXTS:
		return read_texts(j, (struct strv *)(void *)at);
	case NUMBER:
		return read_number(j, (uint64_t *)(void *)at) ? 0 : -EINVAL;
	case REAL:
		return read_real(j, (double *)(void *)at);
	case FLAG:
		*(bool *)(void *)at = json_bool(j, false);
		return 0;
	case PAIRS:
		return read_pairs(j, &m->parameters);
	case VALUES:
		return read_values(j, &m->values);
	}
	return -EINVAL;
}

static int read_fields(const struct json *doc, struct agent_message *m, struct ofbc_error *err)
{
	const char *kind = agent_kind_names[m->kind];

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct json *j = json_get(doc, fields[i].key);
		int r = 0;

		if (!has_field(&fields[i], m->kind))
			continue;
		if (j)
			r = read_field(&fields[i], j, m);
		else if (fields[i].needed & (1u << m->kind))
			return wrong(err, kind, fields[i].key, "is missing");
		if (r == -EINVAL)
			return wrong(err, kind, fields[i].key, "is not valid");
		if (r < 0)
			return r;
	}
	return 0;
}

int agent_message_parse(const char *text, size_t len, struct agent_message *ret, struct ofbc_error *err)
{
	_cleanup_json_ struct json *doc = NULL;
	_cleanup_agent_message_ struct agent_message m = {0};
	const char *kind;
	int r = json_parse(text, len, "message", &doc, err);

	if (r < 0)
		return r;
	kind = json_str(json_get(doc, "kind"), "");
	while (m.kind < AGENT_KINDS && strcmp(kind, agent_kind_names[m.kind]) != 0)
		m.kind++;
	if (m.kind == AGENT_KINDS)
		return error_set(err, EINVAL, OFBC_REASON_FAILED, "a message of no kind that is known");
	r = read_fields(doc, &m, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct agent_message){0};
	return 0;
}

void agent_message_done(struct agent_message *m)
{
	free(m->environment);
	pair_list_done(&m->parameters);
	strv_done(&m->partitions);
	bench_trial_done(&m->values);
	*m = (struct agent_message){0};
}
