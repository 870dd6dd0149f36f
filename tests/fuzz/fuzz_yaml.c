/* SPDX-License-Identifier: MIT */
/* Any bytes as a YAML document: read or refused with a message that names the place; no node without its
 * content. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"
#include "openforbc/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void walk(const struct yaml *node)
{
	require(node->line > 0 && node->column > 0);
	require((node->kind == YAML_TEXT) == (node->text != NULL));
	require(node->kind != YAML_MAP || node->n % 2 == 0);
	for (size_t i = 0; i < node->n; i++) {
		require(node->kind != YAML_MAP || i % 2 ||
		        yaml_doc_get(node, node->v[i].text) == &node->v[i + 1]);
		walk(&node->v[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ofbc_error err = {0};
	struct yaml *doc = NULL;

	if (yaml_doc_parse((const char *)data, size, "input", &doc, &err) < 0) {
		require(err.code > 0 && strncmp(err.message, "input:", 6) == 0);
		return 0;
	}
	walk(doc);
	yaml_doc_free(doc);
	return 0;
}
