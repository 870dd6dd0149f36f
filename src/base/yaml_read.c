/* SPDX-License-Identifier: MIT */
#include "base/yaml_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/parse.h"
#include "base/strv.h"

int yaml_complain(const struct yaml_reader *r, const struct yaml *at, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return error_set(r->err, EINVAL, OFBC_REASON_USAGE, "%s:%u:%u: %s", r->file, at->line, at->column,
	                 what);
}

int yaml_check_keys(const struct yaml_reader *r, const struct yaml *map, const char *what,
                    const char *const *known)
{
	if (map->kind != YAML_MAP) {
		yaml_complain(r, map, "%s must be a mapping (key: value)", what);
		return -EINVAL;
	}
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		const char *key = map->v[i].text, *near = NULL;
		char list[256] = "";
		size_t len = 0;

		for (size_t k = 0; known[k]; k++) {
			if (strcmp(known[k], key) == 0)
				goto next;
			near = edit_distance(known[k], key) <= 2 ? known[k] : near;
			len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0,
			                        "%s%s", k ? ", " : "", known[k]);
		}
		yaml_complain(r, &map->v[i], "unknown key '%s' in %s", key, what);
		if (near)
			error_hint(r->err, "did you mean '%s'? valid are %s", near, list);
		else
			error_hint(r->err, "valid are %s", list);
		return -EINVAL;
	next:;
	}
	return 0;
}

int yaml_get_text(const struct yaml_reader *r, const struct yaml *map, const char *key, char *buf,
                  size_t size)
{
	const struct yaml *node = yaml_doc_get(map, key);

	if (!node)
		return 0;
	if (node->kind != YAML_TEXT || !node->text[0])
		return yaml_complain(r, node, "'%s' must be a text", key);
	if (strlen(node->text) >= size)
		return yaml_complain(r, node, "'%s' is too long, at most %zu bytes", key, size - 1);
	text_copy(buf, size, node->text);
	return 1;
}

int yaml_get_number(const struct yaml_reader *r, const struct yaml *map, const char *key, unsigned min,
                    unsigned max, unsigned *ret)
{
	const struct yaml *node = yaml_doc_get(map, key);
	uint32_t n;

	if (!node)
		return 0;
	if (node->kind != YAML_TEXT || parse_u32(node->text, &n) < 0 || n < min || n > max)
		return yaml_complain(r, node, "'%s: %s' - a number from %u to %u is valid", key,
		                     node->kind == YAML_TEXT ? node->text : "...", min, max);
	*ret = n;
	return 1;
}

bool yaml_is_true(const char *s)
{
	return strcasecmp(s, "true") == 0 || strcasecmp(s, "yes") == 0 || strcasecmp(s, "on") == 0;
}
