/* SPDX-License-Identifier: MIT */
/* Mediated devices: generic create and remove, the shared pool of mbochs, NVIDIA's types on VFs. */
#include "emulation/parts.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"

#define MDEV_DIR "sys/bus/mdev/devices"

/* "a/b/c" -> "a/b" */
static void parent_of(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(buf, size, "%.*s", slash ? (int)(slash - path) : 0, path);
}

/* The device directory above ".../mdev_supported_types/TYPE". */
static void device_of_type(const char *type_dir, char *buf, size_t size)
{
	char types[512];

	parent_of(type_dir, types, sizeof(types));
	parent_of(types, buf, size);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int mdev_parent_add(struct machine *m, const char *dir)
{
	char target[512];

	(void)snprintf(target, sizeof(target), "../../%s", dir + strlen("sys/"));
	(void)tree_set(&m->tree, NODE_DIR, MDEV_DIR, "");
	return tree_setf(&m->tree, NODE_LINK, target, "sys/class/mdev_bus/%s", base_of(dir));
}

void mdev_parent_remove(struct machine *m, const char *dir)
{
	tree_remove(&m->tree, "sys/class/mdev_bus/%s", base_of(dir));
	tree_remove(&m->tree, "%s/mdev_supported_types", dir);
}

/* UUIDs of the mdevs of a parent. */
static void children(struct machine *m, const char *dir, struct strv *ret)
{
	_cleanup_strv_ struct strv all = {0};
	char target[512];

	(void)tree_list(&m->tree, MDEV_DIR, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct tree_node *n;

		(void)snprintf(target, sizeof(target), "%s/%s", dir, all.v[i]);
		n = tree_lookup(&m->tree, target);
		if (n || tree_exists(&m->tree, target))
			(void)strv_add(ret, all.v[i]);
	}
}

bool mdev_children_held(struct machine *m, const char *dir)
{
	_cleanup_strv_ struct strv uuids = {0};
	char path[512];

	children(m, dir, &uuids);
	for (size_t i = 0; i < uuids.n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, uuids.v[i]);
		if (vfio_is_held(m, path))
			return true;
	}
	return false;
}

static const char *type_description(const char *line, char *buf, size_t size)
{
	char heads[16] = "4", fb[16] = "0", max[16] = "1";

	(void)word_at(line, "|", 2, fb, sizeof(fb));
	(void)word_at(line, "|", 3, max, sizeof(max));
	(void)word_at(line, "|", 6, heads, sizeof(heads));
	(void)snprintf(
		buf, size,
		"num_heads=%s, frl_config=60, framebuffer=%sM, max_resolution=7680x4320, max_instance=%s",
		heads, fb, max);
	return buf;
}

int mdev_nvidia_types(struct machine *m, const char *dir, const char *pf)
{
	_cleanup_strv_ struct strv ids = {0};
	char path[128], text[256], name[96];
	int r = 0;

	(void)snprintf(path, sizeof(path), ".emu/gpu/%s/vgpu/type", pf);
	(void)tree_list(&m->tree, path, &ids);
	for (size_t i = 0; i < ids.n && r == 0; i++) {
		const char *line = tree_get(&m->tree, "%s/%s", path, ids.v[i]);
		char type[256];

		if (!line || !word_at(line, "|", 0, name, sizeof(name)))
			continue;
		(void)type_description(line, text, sizeof(text));
		(void)snprintf(type, sizeof(type), "%s/mdev_supported_types/nvidia-%s", dir, ids.v[i]);
		(void)tree_setf(&m->tree, NODE_READ_ONLY, "", "%s/available_instances", type);
		(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", "%s/create", type);
		(void)tree_setf(&m->tree, NODE_READ_ONLY, text, "%s/description", type);
		(void)tree_setf(&m->tree, NODE_READ_ONLY, "vfio-pci", "%s/device_api", type);
		(void)tree_setf(&m->tree, NODE_DIR, "", "%s/devices", type);
		r = tree_setf(&m->tree, NODE_READ_ONLY, name, "%s/name", type);
	}
	return r < 0 ? r : mdev_parent_add(m, dir);
}

/* The function with the GPU behind a parent on PCI: the PF of a VF, or the function itself. */
static bool gpu_of(struct machine *m, const char *dir, char *buf, size_t size)
{
	char path[512];

	if (strncmp(dir, PCI_DIR "/", sizeof(PCI_DIR)) != 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/physfn", dir);
	link_name(&m->tree, path, buf, size);
	if (!*buf)
		(void)snprintf(buf, size, "%s", base_of(dir));
	return true;
}

static long nvidia_available(struct machine *m, const char *dir, const char *pf, unsigned id)
{
	_cleanup_strv_ struct strv live = {0};
	unsigned room = vgpu_rules_room(m, pf, id);
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/physfn", dir);
	if (!tree_lookup(&m->tree, path))
		return room;
	/* A virtual function carries one vGPU. */
	children(m, dir, &live);
	return room && !live.n;
}

/* Memory of a pool that its devices leave, divided by the size of the type. */
static long pool_available(struct machine *m, const char *type_dir, const char *dir)
{
	_cleanup_strv_ struct strv uuids = {0};
	unsigned long pool = tree_get_u(&m->tree, 0, ".emu/mdev/%s/pool", base_of(dir));
	unsigned long size = tree_get_u(&m->tree, 0, ".emu/mdev/%s/type/%s", base_of(dir), base_of(type_dir));
	char path[512], type[64];

	children(m, dir, &uuids);
	for (size_t i = 0; i < uuids.n; i++) {
		unsigned long used;

		(void)snprintf(path, sizeof(path), "%s/%s/mdev_type", dir, uuids.v[i]);
		link_name(&m->tree, path, type, sizeof(type));
		used = tree_get_u(&m->tree, 0, ".emu/mdev/%s/type/%s", base_of(dir), type);
		pool -= used < pool ? used : pool;
	}
	return size ? (long)(pool / size) : 0;
}

long mdev_available(struct machine *m, const char *type_dir)
{
	char dir[512], pf[32];
	const char *type = base_of(type_dir);

	device_of_type(type_dir, dir, sizeof(dir));
	if (strncmp(type, "nvidia-", 7) == 0 && gpu_of(m, dir, pf, sizeof(pf)))
		return nvidia_available(m, dir, pf, (unsigned)strtoul(type + 7, NULL, 10));
	return pool_available(m, type_dir, dir);
}

/* Why the driver refuses one more of this type; 0: it does not. */
static int refuses(struct machine *m, const char *type_dir, const char *dir)
{
	const char *type = base_of(type_dir);
	char pf[32];

	if (mdev_available(m, type_dir) > 0)
		return 0;
	if (strncmp(type, "nvidia-", 7) == 0 && gpu_of(m, dir, pf, sizeof(pf))) {
		int r = vgpu_rules_create(m, pf, (unsigned)strtoul(type + 7, NULL, 10));

		return r < 0 ? r : -EINVAL;
	}
	return tree_get(&m->tree, ".emu/mdev/%s/full", base_of(dir)) ? -EUSERS : -ENOSPC;
}

static int make_device(struct machine *m, const char *type_dir, const char *dir, const char *uuid)
{
	const char *type = base_of(type_dir);
	const char *attribute = tree_get(&m->tree, ".emu/mdev/%s/attribute/%s", base_of(dir), type);
	char self[512], text[600];

	(void)snprintf(self, sizeof(self), "%s/%s", dir, uuid);
	(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", "%s/remove", self);
	(void)snprintf(text, sizeof(text), "../mdev_supported_types/%s", type);
	(void)tree_setf(&m->tree, NODE_LINK, text, "%s/mdev_type", self);
	if (strncmp(type, "nvidia-", 7) == 0)
		(void)tree_setf(&m->tree, NODE_FILE, "", "%s/nvidia/vgpu_params", self);
	else if (attribute)
		(void)tree_setf(&m->tree, NODE_READ_ONLY, attribute, "%s/vendor/memory", self);
	(void)snprintf(text, sizeof(text), "../../../%s", uuid);
	(void)tree_setf(&m->tree, NODE_LINK, text, "%s/devices/%s", type_dir, uuid);
	(void)snprintf(text, sizeof(text), "../../../%s", self + strlen("sys/"));
	(void)tree_setf(&m->tree, NODE_LINK, text, MDEV_DIR "/%s", uuid);
	iommu_group_add(m, self, uuid);
	vfio_node_add(m, self);
	return 0;
}

int mdev_create(struct machine *m, const char *type_dir, const char *value)
{
	char dir[512], uuid[UUID_STR_MAX], path[512];
	int r;

	/* One character after the UUID is swallowed, more is an error (seen on kernel 6.12). */
	if (strlen(value) < UUID_STR_MAX - 1 || strlen(value) > UUID_STR_MAX)
		return -EINVAL;
	(void)snprintf(path, sizeof(path), "%.36s", value);
	if (parse_uuid(path, uuid) < 0)
		return -EINVAL;
	device_of_type(type_dir, dir, sizeof(dir));
	(void)snprintf(path, sizeof(path), "%s/create", type_dir);
	if (!tree_lookup(&m->tree, path))
		return -ENOENT;
	(void)snprintf(path, sizeof(path), MDEV_DIR "/%s", uuid);
	if (tree_lookup(&m->tree, path))
		return -EEXIST;
	r = refuses(m, type_dir, dir);
	return r < 0 ? r : make_device(m, type_dir, dir, uuid);
}

static void forget_group(struct machine *m, const char *dir)
{
	char path[600], group[32];

	(void)snprintf(path, sizeof(path), "%s/iommu_group", dir);
	link_name(&m->tree, path, group, sizeof(group));
	if (*group)
		tree_remove(&m->tree, "sys/kernel/iommu_groups/%s", group);
}

int mdev_remove(struct machine *m, const char *dir, const char *value)
{
	char path[600], type[64], parent[512];
	uint64_t number;

	if (parse_u64(value, &number) < 0)
		return -EINVAL;
	if (!number)
		return 0;
	if (vfio_is_held(m, dir))
		return -ETIMEDOUT;
	parent_of(dir, parent, sizeof(parent));
	(void)snprintf(path, sizeof(path), "%s/mdev_type", dir);
	link_name(&m->tree, path, type, sizeof(type));
	vfio_node_remove(m, dir);
	forget_group(m, dir);
	tree_remove(&m->tree, "%s/mdev_supported_types/%s/devices/%s", parent, type, base_of(dir));
	tree_remove(&m->tree, MDEV_DIR "/%s", base_of(dir));
	tree_remove(&m->tree, "%s", dir);
	return 0;
}
