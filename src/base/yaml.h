/* SPDX-License-Identifier: MIT */
/* The only door to the YAML library. JSON is read by it, too. Every node knows its place in the text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ofbc_error;
struct strbuf;

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	unsigned line, column; /* from 1 */
	char *text;            /* of YAML_TEXT */
	struct yaml *v;        /* of YAML_LIST; of YAML_MAP key, value, key, value ... */
	size_t n, cap;
};

/* name: for messages. Depth <= 32, no anchors, one document. -EINVAL with "name:line:column: ..."; -ENOTSUP
 * in a build without the library. */
int yaml_doc_parse(const char *text, size_t len, const char *name, struct yaml **ret, struct ofbc_error *err);
void yaml_doc_free(struct yaml *doc);
/* A mapping or list as text: in blocks, and what is short in one line. Reading it gives the same nodes. */
void yaml_print(const struct yaml *map, struct strbuf *out);
const struct yaml *yaml_doc_get(const struct yaml *map, const char *key); /* NULL: absent, or no map */

static inline void yaml_doc_free_p(struct yaml **p)
{
	yaml_doc_free(*p);
}
#define _cleanup_yaml_ __attribute__((cleanup(yaml_doc_free_p)))
