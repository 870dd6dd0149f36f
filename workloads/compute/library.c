/* SPDX-License-Identifier: MIT */
#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

#define DIRECTORIES_VARIABLE "OPENFORBC_LIBRARIES"

/* Behind an environment variable's value; NULL: as it stands. */
struct place {
	const char *variable, *pattern;
};

static const struct place places[] = {
	{"CUDA_HOME", "/lib64"},
	{"CUDA_PATH", "/lib64"},
	{"CONDA_PREFIX", "/lib"},
	{NULL, "/usr/local/cuda/lib64"},
	{NULL, "/usr/local/cuda-*/lib64"},
	{NULL, "/opt/cuda/lib64"},
	/* NVIDIA's packages for Python: nvidia/cublas/lib up to CUDA 12, nvidia/cu13/lib since */
	{"VIRTUAL_ENV", "/lib/python3*/site-packages/nvidia/*/lib"},
	{"CONDA_PREFIX", "/lib/python3*/site-packages/nvidia/*/lib"},
	{"HOME", "/.local/lib/python3*/site-packages/nvidia/*/lib"},
	{NULL, "/usr/local/lib/python3*/dist-packages/nvidia/*/lib"},
	{NULL, "/usr/local/lib/python3*/site-packages/nvidia/*/lib"},
	{NULL, "/usr/lib/python3/dist-packages/nvidia/*/lib"},
	{NULL, "/opt/*/lib/python3*/site-packages/nvidia/*/lib"},
};

static void *open_in(const char *directory, size_t len, const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%.*s/%s", (int)len, directory, name);
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void *open_below(const struct place *place, const char *name)
{
	const char *value = place->variable ? getenv(place->variable) : "";
	char pattern[1024];
	void *found = NULL;
	glob_t g = {0};

	if (!value || (place->variable && value[0] != '/'))
		return NULL;
	snprintf(pattern, sizeof(pattern), "%s%s", value, place->pattern);
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (size_t i = g.gl_pathc; !found && i > 0; i--) /* the highest version first */
			found = open_in(g.gl_pathv[i - 1], strlen(g.gl_pathv[i - 1]), name);
	}
	globfree(&g);
	return found;
}

static void *open_named(const char *name)
{
	const char *list = getenv(DIRECTORIES_VARIABLE);
	void *found = NULL;

	while (!found && list && *list) {
		size_t len = strcspn(list, ":");

		if (len)
			found = open_in(list, len, name);
		list += len + (list[len] == ':');
	}
	if (!found)
		found = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; !found && i < ARRAY_SIZE(places); i++)
		found = open_below(&places[i], name);
	return found;
}

void *library_open(const char *const *names, struct ofbc_error *err)
{
	char list[256] = "";
	size_t len = 0;

	for (const char *const *name = names; *name; name++) {
		void *found = open_named(*name);

		if (found)
			return found;
		len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0, "%s%s",
		                        len ? " or " : "", *name);
	}
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s cannot be loaded", list);
	error_hint(err, "install it, or name its directory in " DIRECTORIES_VARIABLE);
	return NULL;
}

int library_symbols(void *library, const char *name, const struct library_symbol *symbols, size_t n,
                    void *table, struct ofbc_error *err)
{
	for (size_t i = 0; i < n; i++) {
		void *p = dlsym(library, symbols[i].name);

		if (!p)
			return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s has no %s", name,
			                 symbols[i].name);
		memcpy((char *)table + symbols[i].offset, &p, sizeof(p));
	}
	return 0;
}
