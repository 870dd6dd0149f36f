/* SPDX-License-Identifier: MIT */
/*
 * A machine as a flat, ordered list of paths: the state of an emulated host and the form in which a
 * real one is captured. As text, one entry a line:
 *     path = value        file (\n and \\ escaped)
 *     path -> target      link
 *     path /              empty directory
 * Lines beginning with # are comments. Directories above an entry exist by themselves. Files that only
 * exist to be written are marked by a mode:  path =w value
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strv.h"
#include "openforbc/error.h"

enum node_kind { NODE_FILE, NODE_WRITE_ONLY, NODE_READ_ONLY, NODE_LINK, NODE_DIR };

struct tree_node {
	char *path; /* no leading or trailing slash */
	char *value;
	enum node_kind kind;
};

struct tree {
	struct tree_node *v; /* sorted by path (strcmp) */
	size_t n, cap;
	bool dirty;
};

void tree_done(struct tree *t);
int tree_parse(struct tree *t, const char *text, const char *name, struct ofbc_error *err);
int tree_print(const struct tree *t, char **ret);
/* Exact entry after following links in the path's directories (as the kernel does); NULL when absent. */
struct tree_node *tree_lookup(const struct tree *t, const char *path);
/* As above and the last component too. */
struct tree_node *tree_resolve(const struct tree *t, const char *path);
bool tree_exists(const struct tree *t, const char *path); /* also implied directories */
int tree_set(struct tree *t, enum node_kind kind, const char *path, const char *value); /* replaces */
int tree_setf(struct tree *t, enum node_kind kind, const char *value, const char *path_fmt, ...)
	__attribute__((format(printf, 4, 5)));
const char *tree_get(const struct tree *t, const char *path_fmt, ...)
	__attribute__((format(printf, 2, 3))); /* NULL absent */
unsigned long tree_get_u(const struct tree *t, unsigned long fallback, const char *path_fmt, ...)
	__attribute__((format(printf, 3, 4)));
void tree_remove(struct tree *t, const char *path_fmt, ...)
	__attribute__((format(printf, 2, 3))); /* with everything below */
/* The path without links in its directories (and in its last component when follow_last). The result may be
 * absent. */
int tree_canonical(const struct tree *t, const char *path, bool follow_last, char *buf, size_t size);
int tree_list(const struct tree *t, const char *path, struct strv *ret); /* -ENOENT, -ENOTDIR */
