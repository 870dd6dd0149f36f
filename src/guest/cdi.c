/* SPDX-License-Identifier: MIT */
/*
 * Writing the specification. Engines reject a file whose version is older than what it uses, or that has a
 * field they do not know: the version is the lowest that fits, and nothing is said that need not be said.
 */
#include "guest/cdi.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

/* They choose among the devices that a program can see. In "all" it sees just those it shall use. */
static const char *const selectors[] = {
	"OPENFORBC_PARTITION=", "CUDA_VISIBLE_DEVICES=", "ROCR_VISIBLE_DEVICES=", "ZE_AFFINITY_MASK="};

void cdi_devices_done(struct cdi_device_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		access_done(&l->v[i].access);
	free(l->v);
	*l = (struct cdi_device_list){0};
}

bool cdi_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || strcmp(name, CDI_ALL) == 0 || !isalnum((unsigned char)name[0]) ||
	    !isalnum((unsigned char)name[n - 1]))
		return false;
	for (const char *c = name; *c; c++) {
		if ((unsigned char)*c > 127 || (!isalnum((unsigned char)*c) && !strchr("-_.", *c)))
			return false;
	}
	return true;
}

static struct json *env_json(const char *const *env)
{
	struct json *list = json_array();

	for (size_t i = 0; env && env[i]; i++)
		json_append_str(list, env[i]);
	return list;
}

/* Same place inside and outside; what a client writes there its server must see. */
static struct json *mount_json(const char *path)
{
	struct json *mount = json_object(), *options = json_array();

	json_set_str(mount, "hostPath", path);
	json_set_str(mount, "containerPath", path);
	json_append_str(options, "rw");
	json_append_str(options, "nosuid");
	json_append_str(options, "nodev");
	json_append_str(options, "rbind");
	json_set(mount, "options", options);
	return mount;
}

static struct json *edits_json(const struct access *a)
{
	struct json *edits = json_object(), *nodes = json_array(), *mounts;

	if (a->env.n)
		json_set(edits, "env", env_json((const char *const *)a->env.v));
	/* Without numbers: the engine reads those of the node when the container starts. */
	for (size_t i = 0; i < a->nodes.n; i++) {
		struct json *node = json_object();

		json_set_str(node, "path", a->nodes.v[i].path);
		json_set_str(node, "permissions", a->nodes.v[i].is_read_only ? "r" : "rw");
		json_append(nodes, node);
	}
	json_set(edits, "deviceNodes", nodes);
	if (!a->mounts.n)
		return edits;
	mounts = json_array();
	for (size_t i = 0; i < a->mounts.n; i++)
		json_append(mounts, mount_json(a->mounts.v[i]));
	json_set(edits, "mounts", mounts);
	return edits;
}

static void add_device(struct json *list, const char *name, const struct access *a)
{
	struct json *device = json_object();

	json_set_str(device, "name", name);
	json_set(device, "containerEdits", edits_json(a));
	json_append(list, device);
}

static bool is_selector(const char *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		if (strncmp(entry, selectors[i], strlen(selectors[i])) == 0)
			return true;
	}
	return false;
}

/* What only some of them have could lead the others astray. */
static bool have_all(const struct cdi_device_list *devices, const char *entry)
{
	for (size_t i = 0; i < devices->n; i++) {
		if (!strv_contains(&devices->v[i].access.env, entry))
			return false;
	}
	return true;
}

static int fill_all(const struct cdi_device_list *devices, struct access *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < devices->n; i++) {
		const struct strv *env = &devices->v[i].access.env;

		r = access_add_all(ret, &devices->v[i].access);
		for (size_t k = 0; r == 0 && k < env->n; k++) {
			if (!is_selector(env->v[k]) && have_all(devices, env->v[k]) &&
			    !strv_contains(&ret->env, env->v[k]))
				r = strv_add(&ret->env, env->v[k]);
		}
	}
	return r;
}

static const char *version_of(const struct cdi_device_list *devices)
{
	for (size_t i = 0; i < devices->n; i++) {
		if (isdigit((unsigned char)devices->v[i].name[0]))
			return "0.5.0";
	}
	return "0.3.0";
}

int cdi_print(const struct cdi_device_list *devices, const char *const *env, char **ret)
{
	_cleanup_json_ struct json *doc = json_object();
	_cleanup_access_ struct access all = {0};
	struct json *list, *edits;

	if (fill_all(devices, &all) < 0)
		return -ENOMEM;
	json_set_str(doc, "cdiVersion", version_of(devices));
	json_set_str(doc, "kind", CDI_KIND);
	if (env && env[0]) {
		edits = json_object();
		json_set(edits, "env", env_json(env));
		json_set(doc, "containerEdits", edits);
	}
	list = json_array();
	for (size_t i = 0; i < devices->n; i++)
		add_device(list, devices->v[i].name, &devices->v[i].access);
	add_device(list, CDI_ALL, &all);
	json_set(doc, "devices", list);
	return json_print(doc, ret);
}
