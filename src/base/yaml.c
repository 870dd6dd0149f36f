/* SPDX-License-Identifier: MIT */
#include "base/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"

#define MAX_DEPTH 32

struct reader {
	yaml_parser_t parser;
	const char *name;
	struct ofbc_error *err;
};

static void node_done(struct yaml *node)
{
	for (size_t i = 0; i < node->n; i++)
		node_done(&node->v[i]);
	free(node->v);
	free(node->text);
}

void yaml_doc_free(struct yaml *doc)
{
	if (!doc)
		return;
	node_done(doc);
	free(doc);
}

static int refuse(const struct reader *r, yaml_mark_t at, const char *what)
{
	return error_set(r->err, EINVAL, OFBC_REASON_USAGE, "%s:%zu:%zu: %s", r->name, at.line + 1,
	                 at.column + 1, what);
}

static int next(struct reader *r, yaml_event_t *ret)
{
	if (yaml_parser_parse(&r->parser, ret))
		return 0;
	return refuse(r, r->parser.problem_mark, r->parser.problem ? r->parser.problem : "cannot be read");
}

static int read_node(struct reader *r, yaml_event_t *event, struct yaml *ret, unsigned depth);

/* Elements up to the end of a list or a map; keys of a map are texts, each once. */
static int read_children(struct reader *r, struct yaml *ret, yaml_event_type_t end, unsigned depth)
{
	int result = 0;

	while (result == 0) {
		yaml_event_t event;
		yaml_event_type_t type;
		struct yaml *child;

		result = next(r, &event);
		if (result < 0)
			return result;
		type = event.type;
		if (type == end) {
			yaml_event_delete(&event);
			return 0;
		}
		if (ret->kind == YAML_MAP && ret->n % 2 == 0) {
			if (type != YAML_SCALAR_EVENT)
				result = refuse(r, event.start_mark, "a key must be a word");
			else if (yaml_doc_get(ret, (const char *)event.data.scalar.value))
				result = refuse(r, event.start_mark, "this key stands here a second time");
		}
		child = result == 0 ? list_add(ret) : NULL;
		if (result == 0)
			result = child ? read_node(r, &event, child, depth + 1) : -ENOMEM;
		yaml_event_delete(&event);
	}
	return result;
}

static int read_node(struct reader *r, yaml_event_t *event, struct yaml *ret, unsigned depth)
{
	ret->line = (unsigned)event->start_mark.line + 1;
	ret->column = (unsigned)event->start_mark.column + 1;
	if (depth > MAX_DEPTH)
		return refuse(r, event->start_mark, "nested too deeply");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		ret->kind = YAML_TEXT;
		if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
			return refuse(r, event->start_mark, "a zero byte in a text");
		ret->text = strdup((const char *)event->data.scalar.value);
		return ret->text ? 0 : -ENOMEM;
	case YAML_SEQUENCE_START_EVENT:
		ret->kind = YAML_LIST;
		return read_children(r, ret, YAML_SEQUENCE_END_EVENT, depth);
	case YAML_MAPPING_START_EVENT:
		ret->kind = YAML_MAP;
		return read_children(r, ret, YAML_MAPPING_END_EVENT, depth);
	default:
		return refuse(r, event->start_mark, "anchors and aliases are not read, write it out");
	}
}

/* Stream, document, one root, and nothing behind it. */
static int read_document(struct reader *r, struct yaml *ret)
{
	yaml_event_t event;
	int result = 0;

	for (unsigned i = 0; i < 2 && result == 0; i++) {
		result = next(r, &event);
		if (result == 0 && event.type == YAML_STREAM_END_EVENT)
			result = refuse(r, event.start_mark, "the file is empty");
		if (result == 0 || r->err)
			yaml_event_delete(&event);
	}
	if (result == 0)
		result = next(r, &event);
	if (result < 0)
		return result;
	result = read_node(r, &event, ret, 0);
	yaml_event_delete(&event);
	for (unsigned i = 0; i < 2 && result == 0; i++) {
		result = next(r, &event);
		if (result == 0 && i == 1 && event.type != YAML_STREAM_END_EVENT)
			result = refuse(r, event.start_mark, "a second document is not read");
		if (result == 0 || i == 1)
			yaml_event_delete(&event);
	}
	return result;
}

int yaml_doc_parse(const char *text, size_t len, const char *name, struct yaml **ret, struct ofbc_error *err)
{
	_cleanup_yaml_ struct yaml *doc = calloc(1, sizeof(*doc));
	struct reader r = {.name = name, .err = err};
	int result;

	if (!doc || !yaml_parser_initialize(&r.parser))
		return error_set_errno(err, ENOMEM, "%s", name);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	result = read_document(&r, doc);
	yaml_parser_delete(&r.parser);
	if (result == -ENOMEM)
		return error_set_errno(err, ENOMEM, "%s", name);
	if (result < 0)
		return result;
	*ret = steal_ptr(doc);
	return 0;
}

const struct yaml *yaml_doc_get(const struct yaml *map, const char *key)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i + 1 < map->n; i += 2) {
		if (strcmp(map->v[i].text, key) == 0)
			return &map->v[i + 1];
	}
	return NULL;
}
