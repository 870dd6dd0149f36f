/* SPDX-License-Identifier: MIT */
/* What a container, or a process that can open nothing else, gets of a partition. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strv.h"

struct access_node {
	char path[96]; /* "/dev/nvidia0" */
	bool is_read_only;
};

struct access_node_list {
	struct access_node *v;
	size_t n, cap;
};

struct access {
	struct access_node_list nodes;
	struct strv mounts; /* directories of the host, seen at the same place */
	struct strv env;    /* "NAME=value" */
};

void access_done(struct access *a);
#define _cleanup_access_ __attribute__((cleanup(access_done)))

/* Adds a node that is not there yet: 0 or -ENOMEM. */
int access_add_node(struct access *a, const char *path, bool read_only);
/* Adds what `other` has and `a` has not, the environment left out: 0 or -ENOMEM. */
int access_add_all(struct access *a, const struct access *other);
