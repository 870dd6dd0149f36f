/* SPDX-License-Identifier: MIT */
/* The table of technologies, generated from the list in meson.build, and finding_add(). */
#include "backends/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"

#define BACKEND(name) extern const struct backend_ops backend_##name;
#include "backends/backend-list.h"
#undef BACKEND

#define BACKEND(name) &backend_##name,
static const struct backend_ops *const backends[] = {
#include "backends/backend-list.h"
};
#undef BACKEND

size_t backend_count(void)
{
	return ARRAY_SIZE(backends);
}

/* How many stand before entry i: those of lower rank, and earlier ones of the same rank. */
static size_t position_of(size_t i)
{
	size_t n = 0;

	for (size_t j = 0; j < ARRAY_SIZE(backends); j++)
		n += backends[j]->rank < backends[i]->rank ||
		     (backends[j]->rank == backends[i]->rank && j < i);
	return n;
}

const struct backend_ops *backend_at(size_t i)
{
	for (size_t j = 0; j < ARRAY_SIZE(backends); j++) {
		if (position_of(j) == i)
			return backends[j];
	}
	return NULL;
}

const struct backend_ops *backend_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(backends); i++) {
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	}
	return NULL;
}

int finding_add(struct ofbc_finding_list *l, const char *technology, const struct ofbc_gpu *gpu,
                enum ofbc_finding_level level, const char *message, const char *fix)
{
	struct ofbc_finding *f = list_add(l);

	if (!f)
		return -ENOMEM;
	f->technology = technology;
	f->level = level;
	snprintf(f->gpu, sizeof(f->gpu), "%s", gpu ? gpu->id : "");
	snprintf(f->message, sizeof(f->message), "%s", message);
	snprintf(f->fix, sizeof(f->fix), "%s", fix ? fix : "");
	return 0;
}
