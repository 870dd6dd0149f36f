/* SPDX-License-Identifier: MIT */
#include "model/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

void access_done(struct access *a)
{
	free(a->nodes.v);
	strv_done(&a->mounts);
	strv_done(&a->env);
	*a = (struct access){0};
}

int access_add_node(struct access *a, const char *path, bool read_only)
{
	struct access_node *node;

	for (size_t i = 0; i < a->nodes.n; i++) {
		if (strcmp(a->nodes.v[i].path, path) == 0) {
			a->nodes.v[i].is_read_only &= read_only;
			return 0;
		}
	}
	node = list_add(&a->nodes);
	if (!node)
		return -ENOMEM;
	text_copy(node->path, sizeof(node->path), path);
	node->is_read_only = read_only;
	return 0;
}

int access_add_all(struct access *a, const struct access *other)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < other->nodes.n; i++)
		r = access_add_node(a, other->nodes.v[i].path, other->nodes.v[i].is_read_only);
	for (size_t i = 0; r == 0 && i < other->mounts.n; i++) {
		if (!strv_contains(&a->mounts, other->mounts.v[i]))
			r = strv_add(&a->mounts, other->mounts.v[i]);
	}
	return r;
}
