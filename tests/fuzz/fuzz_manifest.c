/* SPDX-License-Identifier: MIT */
/* The text form of an emulated or captured machine: printing and reading again gives the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "emulation/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Look-ups and lists on every path, links that lead round in circles included. */
static void walk(const struct tree *t)
{
	size_t n = t->n < 64 ? t->n : 64;

	for (size_t i = 0; i < n; i++) {
		_cleanup_strv_ struct strv names = {0};
		char path[256];

		require(tree_lookup(t, t->v[i].path) != NULL);
		(void)tree_resolve(t, t->v[i].path);
		(void)tree_exists(t, t->v[i].value);
		(void)tree_get_u(t, 0, "%s", t->v[i].path);
		(void)tree_list(t, t->v[i].path, &names);
		(void)tree_canonical(t, t->v[i].value, true, path, sizeof(path));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(tree_done) struct tree tree = {0}, again = {0};
	_cleanup_free_ char *text = malloc(size + 1), *first = NULL, *second = NULL;
	struct ofbc_error err = {0};

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (tree_parse(&tree, text, "input", &err) < 0) {
		require(err.code > 0 && err.message[0]);
		return 0;
	}
	walk(&tree);
	require(tree_print(&tree, &first) == 0);
	require(tree_parse(&again, first, "printed", &err) == 0);
	require(tree_print(&again, &second) == 0);
	require(strcmp(first, second) == 0);
	if (tree.n)
		tree_remove(&tree, "%s", tree.v[tree.n / 2].path);
	return 0;
}
