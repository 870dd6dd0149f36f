/* SPDX-License-Identifier: MIT */
/* The layout of a stage that was measured, as a file that can be applied. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/strv.h"
#include "base/yaml.h"
#include "lib/advise.h"

#define LAYOUT_MAX (16u << 20)

const struct json *advise_stage(const struct json *request, const char *layout, unsigned instances)
{
	const struct json *list = json_get(json_get(request, "stages"), "list");

	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *s = json_at(list, i);

		if (strcmp(json_str(json_get(s, "name"), ""), layout) == 0 &&
		    json_u64(json_get(s, "instances"), 0) == instances)
			return s;
	}
	return NULL;
}

/* One of several layouts in a file becomes a file. */
static int print_named(const char *text, const char *which, struct strbuf *out)
{
	_cleanup_yaml_ struct yaml *doc = NULL;
	const struct yaml *one;
	int r = yaml_doc_parse(text, strlen(text), "stored layout", &doc, NULL);

	if (r < 0)
		return r;
	one = yaml_doc_get(yaml_doc_get(doc, "layouts"), which);
	if (!one || one->kind != YAML_MAP)
		return -EINVAL;
	strbuf_add(out, "version: 1\n");
	yaml_print(one, out);
	return 0;
}

/* "2x mps:50% + cpu:1c": of partitions that stood when they were measured. */
static void print_types(const char *types, struct strbuf *out)
{
	_cleanup_free_ char *copy = strdup(types);
	bool is_cpu = strncmp(types, "cpu:", 4) == 0 || strstr(types, " cpu:");
	char *rest = copy;

	strbuf_addf(
		out,
		"# which GPU: `openforbc gpu list`\nversion: 1\ngpus:\n  - match: {%s}\n    partitions:\n",
		is_cpu ? "alias: cpu" : "index: 0");
	while (rest && *rest) {
		char *word = rest, *plus = strstr(rest, " + "), *type;
		unsigned long count = strtoul(word, &type, 10);

		rest = plus ? plus + 3 : NULL;
		if (plus)
			*plus = '\0';
		if (count && strncmp(type, "x ", 2) == 0)
			strbuf_addf(out, "      - {type: \"%s\", count: %lu}\n", type + 2, count);
		else
			strbuf_addf(out, "      - {type: \"%s\"}\n", word);
	}
}

int advise_layout_print(const struct json *request, const struct ofbc_candidate *c, char **ret)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(LAYOUT_MAX);
	const struct json *stage = advise_stage(request, c->layout, c->instances);
	const struct json *text = json_get(stage, "text");
	const char *which = json_str(json_get(stage, "which"), "");
	const char *whole =
		text ? json_str(json_at(json_get(json_get(request, "stages"), "texts"), json_u64(text, 0)),
	                        "")
		     : "";
	size_t head;

	strbuf_addf(&out, "# %s: run %u instance%s on it%s\n", c->layout, c->instances,
	            c->instances == 1 ? "" : "s", c->instances == 1 ? "" : ", dealt out over its partitions");
	head = out.len;
	if (which[0] && print_named(whole, which, &out) < 0)
		out.len = head; /* nothing to print it from */
	else if (!which[0] && whole[0])
		strbuf_add(&out, whole);
	if (out.len == head && c->types[0])
		print_types(c->types, &out);
	else if (out.len == head)
		strbuf_add(&out, "# the GPUs without partitions, as they are\nversion: 1\ngpus: []\n");
	return strbuf_take(&out, ret);
}
