/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/yaml.h"

static bool is_plain(const char *s)
{
	if (!isalnum((unsigned char)*s))
		return false;
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr("._-/", *s))
			return false;
	}
	return true;
}

static void print_text(const char *s, struct strbuf *out)
{
	if (is_plain(s)) {
		strbuf_add(out, s);
		return;
	}
	strbuf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			strbuf_addc(out, '\\');
		if ((unsigned char)*s < ' ')
			strbuf_addf(out, "\\x%02x", (unsigned char)*s);
		else
			strbuf_addc(out, *s);
	}
	strbuf_addc(out, '"');
}

static bool is_short(const struct yaml *node)
{
	for (size_t i = 0; i < node->n; i++) {
		if (node->v[i].kind != YAML_TEXT)
			return false;
	}
	return true;
}

static void print_flow(const struct yaml *node, struct strbuf *out)
{
	if (node->kind == YAML_TEXT) {
		print_text(node->text, out);
		return;
	}
	strbuf_addc(out, node->kind == YAML_MAP ? '{' : '[');
	for (size_t i = 0; i < node->n; i++) {
		bool is_value = node->kind == YAML_MAP && i % 2;

		strbuf_add(out, i == 0 ? "" : is_value ? ": " : ", ");
		print_flow(&node->v[i], out);
	}
	strbuf_addc(out, node->kind == YAML_MAP ? '}' : ']');
}

static void print_block(const struct yaml *node, unsigned depth, bool is_in_line, struct strbuf *out)
{
	unsigned step = node->kind == YAML_MAP ? 2 : 1;

	for (size_t i = 0; i < node->n; i += step) {
		const struct yaml *value = &node->v[i + step - 1];

		strbuf_addf(out, "%*s", is_in_line && i == 0 ? 0 : (int)depth, "");
		if (node->kind == YAML_MAP) {
			print_text(node->v[i].text, out);
			strbuf_addc(out, ':');
		} else {
			strbuf_addc(out, '-');
		}
		if (is_short(value)) {
			strbuf_addc(out, ' ');
			print_flow(value, out);
			strbuf_addc(out, '\n');
		} else if (node->kind == YAML_MAP) {
			strbuf_addc(out, '\n');
			print_block(value, depth + 2, false, out);
		} else {
			strbuf_addc(out, ' ');
			print_block(value, depth + 2, true, out);
		}
	}
}

void yaml_print(const struct yaml *map, struct strbuf *out)
{
	print_block(map, 0, false, out);
}
