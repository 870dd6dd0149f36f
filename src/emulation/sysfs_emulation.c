/* SPDX-License-Identifier: MIT */
/* The emulated kernel's device model: PCI functions, drivers, IOMMU groups; writes and reads by path. */
#include "emulation/parts.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"

static const char pci_dir[] = PCI_DIR "/";

unsigned long machine_next(struct machine *m, const char *counter)
{
	unsigned long n = tree_get_u(&m->tree, 0, ".emu/next/%s", counter) + 1;
	char text[24];

	(void)snprintf(text, sizeof(text), "%lu", n);
	(void)tree_setf(&m->tree, NODE_FILE, text, ".emu/next/%s", counter);
	return n;
}

void link_name(const struct tree *t, const char *path, char *buf, size_t size)
{
	const struct tree_node *n = tree_lookup(t, path);
	const char *slash = n && n->kind == NODE_LINK ? strrchr(n->value, '/') : NULL;

	(void)snprintf(buf, size, "%s", slash ? slash + 1 : "");
}

const char *gpu_kind(struct machine *m, const char *bdf)
{
	const char *kind = tree_get(&m->tree, ".emu/gpu/%s/kind", bdf);

	return kind ? kind : "";
}

void driver_name(struct machine *m, const char *bdf, char buf[64])
{
	char path[256];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s/driver", bdf);
	link_name(&m->tree, path, buf, 64);
}

/* "../" for each directory between dir and "sys". */
static void up_to_sys(const char *dir, char *buf, size_t size)
{
	size_t n = 0;

	for (const char *c = dir; *c && n + 4 < size; c++)
		if (*c == '/')
			n += (size_t)snprintf(buf + n, size - n, "../");
	buf[n] = '\0';
}

void iommu_group_add(struct machine *m, const char *sys_dir, const char *name)
{
	unsigned long group = 0;
	char up[64], text[512];

	/* As the kernel numbers them: the lowest that is free. */
	while (tree_get(&m->tree, "sys/kernel/iommu_groups/%lu/type", group))
		group++;

	up_to_sys(sys_dir, up, sizeof(up));
	(void)snprintf(text, sizeof(text), "%skernel/iommu_groups/%lu", up, group);
	(void)tree_setf(&m->tree, NODE_LINK, text, "%s/iommu_group", sys_dir);
	(void)snprintf(text, sizeof(text), "../../../../%s", sys_dir + strlen("sys/"));
	(void)tree_setf(&m->tree, NODE_LINK, text, "sys/kernel/iommu_groups/%lu/devices/%s", group, name);
	(void)tree_setf(&m->tree, NODE_FILE, "DMA", "sys/kernel/iommu_groups/%lu/type", group);
}

static void group_of(struct machine *m, const char *sys_dir, char *buf, size_t size)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/iommu_group", sys_dir);
	link_name(&m->tree, path, buf, size);
}

void vfio_node_add(struct machine *m, const char *sys_dir)
{
	unsigned long number = 0;
	char group[32], text[32];

	while (tree_get(&m->tree, "dev/vfio/devices/vfio%lu", number))
		number++;

	group_of(m, sys_dir, group, sizeof(group));
	(void)snprintf(text, sizeof(text), "511:%lu", number);
	(void)tree_setf(&m->tree, NODE_FILE, text, "%s/vfio-dev/vfio%lu/dev", sys_dir, number);
	(void)tree_setf(&m->tree, NODE_FILE, "", "dev/vfio/devices/vfio%lu", number);
	if (!*group)
		return;
	(void)snprintf(text, sizeof(text), "510:%s", group);
	(void)tree_setf(&m->tree, NODE_FILE, text, "sys/class/vfio/%s/dev", group);
	(void)tree_setf(&m->tree, NODE_FILE, "", "dev/vfio/%s", group);
}

/* First entry of vfio-dev, "" when no VFIO driver owns the device. */
static void vfio_name(struct machine *m, const char *sys_dir, char *buf, size_t size)
{
	_cleanup_strv_ struct strv names = {0};
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/vfio-dev", sys_dir);
	(void)tree_list(&m->tree, path, &names);
	(void)snprintf(buf, size, "%s", names.n ? names.v[0] : "");
}

void vfio_node_remove(struct machine *m, const char *sys_dir)
{
	char group[32], name[32];

	vfio_name(m, sys_dir, name, sizeof(name));
	group_of(m, sys_dir, group, sizeof(group));
	tree_remove(&m->tree, "%s/vfio-dev", sys_dir);
	if (*name)
		tree_remove(&m->tree, "dev/vfio/devices/%s", name);
	if (*group) {
		tree_remove(&m->tree, "sys/class/vfio/%s", group);
		tree_remove(&m->tree, "dev/vfio/%s", group);
	}
}

bool vfio_is_held(struct machine *m, const char *sys_dir)
{
	char group[32], name[32], node[96];

	group_of(m, sys_dir, group, sizeof(group));
	(void)snprintf(node, sizeof(node), "/dev/vfio/%s", group);
	if (*group && machine_is_held(m, node))
		return true;
	vfio_name(m, sys_dir, name, sizeof(name));
	(void)snprintf(node, sizeof(node), "/dev/vfio/devices/%s", name);
	return *name && machine_is_held(m, node);
}

int pci_add(struct machine *m, const struct pci_spec *s)
{
	const struct {
		const char *file, *value;
	} files[] = {{"vendor", s->vendor},
	             {"device", s->device},
	             {"class", s->class},
	             {"subsystem_vendor", s->sub_vendor},
	             {"subsystem_device", s->sub_device},
	             {"revision", "0xa1"},
	             {"power_state", "D0"},
	             {"reset_method", "flr bus"},
	             {"local_cpulist", "0-15"}};
	char number[16], dir[64];
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
		r = tree_setf(&m->tree, NODE_READ_ONLY, files[i].value, PCI_DIR "/%s/%s", s->address,
		              files[i].file);
	if (r < 0)
		return r;
	(void)snprintf(number, sizeof(number), "%d", s->numa);
	(void)tree_setf(&m->tree, NODE_FILE, number, PCI_DIR "/%s/numa_node", s->address);
	(void)tree_setf(&m->tree, NODE_FILE, "(null)", PCI_DIR "/%s/driver_override", s->address);
	(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", PCI_DIR "/%s/reset", s->address);
	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", s->address);
	iommu_group_add(m, dir, s->address);
	return 0;
}

void pci_delete(struct machine *m, const char *bdf)
{
	char dir[64], group[32];

	driver_unbind(m, bdf);
	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", bdf);
	group_of(m, dir, group, sizeof(group));
	if (*group)
		tree_remove(&m->tree, "sys/kernel/iommu_groups/%s", group);
	tree_remove(&m->tree, "%s", dir);
	tree_remove(&m->tree, ".emu/pci/%s", bdf);
}

/* The kernel gives the lowest number that is free. */
unsigned long drm_minor_next(struct machine *m)
{
	unsigned long n = 0;

	while (tree_get(&m->tree, "dev/dri/renderD%lu", 128 + n))
		n++;
	return n;
}

int drm_node_add(struct machine *m, const char *bdf)
{
	unsigned long n = drm_minor_next(m);
	char text[96];

	(void)snprintf(text, sizeof(text), "../../../bus/pci/devices/%s", bdf);
	(void)tree_setf(&m->tree, NODE_LINK, text, "sys/class/drm/card%lu/device", n);
	(void)tree_setf(&m->tree, NODE_LINK, text, "sys/class/drm/renderD%lu/device", 128 + n);
	(void)snprintf(text, sizeof(text), "226:%lu", 128 + n);
	(void)tree_setf(&m->tree, NODE_FILE, text, "sys/class/drm/renderD%lu/dev", 128 + n);
	(void)tree_setf(&m->tree, NODE_DIR, "", PCI_DIR "/%s/drm/card%lu", bdf, n);
	(void)tree_setf(&m->tree, NODE_DIR, "", PCI_DIR "/%s/drm/renderD%lu", bdf, 128 + n);
	(void)tree_setf(&m->tree, NODE_FILE, "", "dev/dri/card%lu", n);
	(void)tree_setf(&m->tree, NODE_FILE, "", "dev/dri/renderD%lu", 128 + n);
	return (int)n;
}

void drm_node_remove(struct machine *m, const char *bdf)
{
	_cleanup_strv_ struct strv nodes = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s/drm", bdf);
	(void)tree_list(&m->tree, path, &nodes);
	for (size_t i = 0; i < nodes.n; i++) {
		tree_remove(&m->tree, "sys/class/drm/%s", nodes.v[i]);
		tree_remove(&m->tree, "dev/dri/%s", nodes.v[i]);
	}
	tree_remove(&m->tree, "%s", path);
}

static bool is_vf(struct machine *m, const char *bdf)
{
	char path[128];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s/physfn", bdf);
	return tree_lookup(&m->tree, path) != NULL;
}

/* Boards without virtual functions carry the types themselves. */
static bool is_mdev_parent(struct machine *m, const char *bdf)
{
	const char *framework = tree_get(&m->tree, ".emu/gpu/%s/vgpu/framework", bdf);

	return framework && strcmp(framework, "mdev-pf") == 0;
}

static int nvidia_attach(struct machine *m, const char *bdf)
{
	const char *name = tree_get(&m->tree, ".emu/gpu/%s/name", bdf);
	const char *uuid = tree_get(&m->tree, ".emu/gpu/%s/uuid", bdf);
	unsigned long minor = tree_get_u(&m->tree, 0, ".emu/gpu/%s/minor", bdf);
	char text[320], dir[64];

	(void)snprintf(text, sizeof(text),
	               "Model: \t\t %s\nIRQ:   \t\t 100\nGPU UUID: \t %s\nBus Type: \t PCIe\n"
	               "Bus Location: \t %s\nDevice Minor: \t %lu",
	               name ? name : "", uuid ? uuid : "", bdf, minor);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, text, "proc/driver/nvidia/gpus/%s/information", bdf);
	(void)tree_setf(&m->tree, NODE_FILE, "0", "proc/driver/nvidia/gpus/%s/unbindLock", bdf);
	(void)tree_setf(&m->tree, NODE_FILE, "", "dev/nvidia%lu", minor);
	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", bdf);
	return is_mdev_parent(m, bdf) ? mdev_nvidia_types(m, dir, bdf) : 0;
}

static void nvidia_detach(struct machine *m, const char *bdf)
{
	char dir[64];

	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", bdf);
	if (is_mdev_parent(m, bdf))
		mdev_parent_remove(m, dir);
	tree_remove(&m->tree, "proc/driver/nvidia/gpus/%s", bdf);
	tree_remove(&m->tree, "dev/nvidia%lu", tree_get_u(&m->tree, 0, ".emu/gpu/%s/minor", bdf));
}

static bool is_vfio_driver(const char *driver)
{
	return strstr(driver, "vfio") != NULL;
}

static int attach(struct machine *m, const char *bdf, const char *driver)
{
	char dir[64];

	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", bdf);
	if (is_vfio_driver(driver))
		vfio_node_add(m, dir);
	else if (strcmp(driver, "nvidia") == 0 && is_vf(m, bdf))
		vgpu_vf_attach(m, bdf);
	else if (strcmp(driver, "nvidia") == 0)
		return nvidia_attach(m, bdf);
	else if (strcmp(driver, "gim") == 0)
		return gim_attach(m, bdf);
	else if (drm_node_add(m, bdf) < 0)
		return -ENOSPC;
	if (strcmp(driver, "amdgpu") == 0 && !is_vf(m, bdf))
		return amd_attach(m, bdf);
	if (strcmp(driver, "i915") == 0 || strcmp(driver, "xe") == 0)
		return is_vf(m, bdf) ? 0 : intel_attach(m, bdf, driver);
	return 0;
}

int driver_bind(struct machine *m, const char *bdf, const char *driver)
{
	char text[160];

	if (!*driver)
		return 0;
	(void)snprintf(text, sizeof(text), "../../../../bus/pci/drivers/%s", driver);
	(void)tree_setf(&m->tree, NODE_LINK, text, PCI_DIR "/%s/driver", bdf);
	(void)snprintf(text, sizeof(text), "../../../../bus/pci/devices/%s", bdf);
	(void)tree_setf(&m->tree, NODE_LINK, text, "sys/bus/pci/drivers/%s/%s", driver, bdf);
	(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", "sys/bus/pci/drivers/%s/bind", driver);
	(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", "sys/bus/pci/drivers/%s/unbind", driver);
	return attach(m, bdf, driver);
}

static void detach(struct machine *m, const char *bdf, const char *driver)
{
	char dir[64];

	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", bdf);
	if (!is_vf(m, bdf))
		sriov_drop_vfs(m, bdf);
	if (is_vfio_driver(driver))
		vfio_node_remove(m, dir);
	else if (strcmp(driver, "nvidia") == 0 && is_vf(m, bdf))
		vgpu_vf_detach(m, bdf);
	else if (strcmp(driver, "nvidia") == 0)
		nvidia_detach(m, bdf);
	else if (strcmp(driver, "gim") == 0)
		gim_detach(m, bdf);
	if (strcmp(driver, "amdgpu") == 0)
		amd_detach(m, bdf);
	if (strcmp(driver, "i915") == 0 || strcmp(driver, "xe") == 0)
		intel_detach(m, bdf);
	drm_node_remove(m, bdf);
}

void driver_unbind(struct machine *m, const char *bdf)
{
	char driver[64];

	driver_name(m, bdf, driver);
	if (!*driver)
		return;
	detach(m, bdf, driver);
	tree_remove(&m->tree, PCI_DIR "/%s/driver", bdf);
	tree_remove(&m->tree, "sys/bus/pci/drivers/%s/%s", driver, bdf);
}

/* Which driver takes this function at a probe: the override alone decides when there is one. */
static void wanted_driver(struct machine *m, const char *bdf, char buf[64])
{
	const char *override = tree_get(&m->tree, PCI_DIR "/%s/driver_override", bdf);
	const char *normal = tree_get(&m->tree, ".emu/pci/%s/driver", bdf);
	bool overridden = override && *override && strcmp(override, "(null)") != 0;

	(void)snprintf(buf, 64, "%s", overridden ? override : normal ? normal : "");
	if (*buf && !tree_get(&m->tree, ".emu/driver/%s", buf))
		*buf = '\0';
}

/* nvidia.ko is the VFIO provider of its VFs; vfio-pci refuses them. */
static bool takes(struct machine *m, const char *bdf, const char *driver)
{
	const char *vendor = tree_get(&m->tree, PCI_DIR "/%s/vendor", bdf);

	return !(strcmp(driver, "vfio-pci") == 0 && is_vf(m, bdf) && vendor && strcmp(vendor, "0x10de") == 0);
}

static int probe(struct machine *m, const char *value)
{
	char driver[64], bound[64], path[128];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s", value);
	if (!tree_exists(&m->tree, path))
		return -ENODEV;
	driver_name(m, value, bound);
	wanted_driver(m, value, driver);
	if (*bound || !*driver || !takes(m, value, driver))
		return 0;
	return driver_bind(m, value, driver);
}

static bool function_held(struct machine *m, const char *bdf)
{
	_cleanup_strv_ struct strv nodes = {0};
	char path[128], node[160];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s", bdf);
	if (vfio_is_held(m, path) || mdev_children_held(m, path) || sriov_any_held(m, bdf))
		return true;
	if (strcmp(gpu_kind(m, bdf), "nvidia") == 0) {
		(void)snprintf(node, sizeof(node), "/dev/nvidia%lu",
		               tree_get_u(&m->tree, 0, ".emu/gpu/%s/minor", bdf));
		if (machine_is_held(m, node))
			return true;
	}
	(void)snprintf(path, sizeof(path), PCI_DIR "/%s/drm", bdf);
	(void)tree_list(&m->tree, path, &nodes);
	for (size_t i = 0; i < nodes.n; i++) {
		(void)snprintf(node, sizeof(node), "/dev/dri/%s", nodes.v[i]);
		if (machine_is_held(m, node))
			return true;
	}
	return false;
}

static int driver_write(struct machine *m, const char *driver, const char *file, const char *bdf)
{
	char bound[64], wanted[64], path[128];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s", bdf);
	if (!tree_exists(&m->tree, path))
		return -ENODEV;
	driver_name(m, bdf, bound);
	if (strcmp(file, "unbind") == 0) {
		if (strcmp(bound, driver) != 0)
			return -ENODEV;
		if (function_held(m, bdf))
			return -ETIMEDOUT;
		driver_unbind(m, bdf);
		return 0;
	}
	wanted_driver(m, bdf, wanted);
	if (*bound)
		return -EBUSY;
	if (!takes(m, bdf, driver))
		return -EINVAL;
	return strcmp(wanted, driver) == 0 ? driver_bind(m, bdf, driver) : -ENODEV;
}

static int override_write(struct machine *m, const char *path, const char *value)
{
	return tree_set(&m->tree, NODE_FILE, path, *value ? value : "(null)");
}

static int ordinary_write(struct machine *m, const char *path, const char *value)
{
	const struct tree_node *n = tree_lookup(&m->tree, path);

	if (!n)
		return tree_exists(&m->tree, path) ? -EISDIR : -ENOENT;
	if (n->kind == NODE_READ_ONLY || n->kind == NODE_DIR)
		return n->kind == NODE_DIR ? -EISDIR : -EACCES;
	return n->kind == NODE_WRITE_ONLY ? 0 : tree_set(&m->tree, NODE_FILE, path, value);
}

/* A file of a PCI function, or of a directory below it. */
static int function_write(struct machine *m, const char *path, const char *value)
{
	const char *rest = path + sizeof(pci_dir) - 1, *file = strchr(rest, '/');
	char bdf[32];

	if (!file || file - rest >= (ptrdiff_t)sizeof(bdf))
		return -EISDIR;
	(void)snprintf(bdf, sizeof(bdf), "%.*s", (int)(file - rest), rest);
	file++;
	if (strncmp(file, "sriov_", 6) == 0 && !strchr(file, '/'))
		return sriov_write(m, bdf, file, value);
	if (strcmp(file, "driver_override") == 0)
		return override_write(m, path, value);
	if (strncmp(file, "nvidia/", 7) == 0)
		return vgpu_vf_write(m, bdf, file + 7, value);
	if (strcmp(gpu_kind(m, bdf), "amd") == 0)
		return amd_write(m, bdf, file, value);
	if (strcmp(gpu_kind(m, bdf), "gim") == 0)
		return gim_write(m, bdf, file, value);
	return ordinary_write(m, path, value);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), e = strlen(end);

	return n >= e && strcmp(s + n - e, end) == 0;
}

/* mdev files, wherever the parent stands. */
static int mdev_write(struct machine *m, const char *path, const char *value, bool *ret_handled)
{
	char dir[512];

	*ret_handled = true;
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (ends_with(path, "/create") && strstr(path, "/mdev_supported_types/"))
		return mdev_create(m, dir, value);
	if (ends_with(path, "/remove") && tree_get(&m->tree, "%s/remove", dir) == NULL)
		return -ENOENT;
	if (ends_with(path, "/remove"))
		return mdev_remove(m, dir, value);
	*ret_handled = false;
	return 0;
}

/* "+cpuset -memory": added to and taken from what is enabled; a controller the parent lacks is refused. */
static int subtree_control(struct machine *m, const char *path, const char *value)
{
	_cleanup_strv_ struct strv now = {0};
	char word[32], text[128] = "";
	const char *old = tree_get(&m->tree, "%s", path);
	const char *known = tree_get(&m->tree, "sys/fs/cgroup/cgroup.controllers");
	size_t len = 0;
	int r = 0;

	if (!old)
		return -ENOENT;
	for (unsigned i = 0; r == 0 && word_at(old, " ", i, word, sizeof(word)); i++)
		r = *word ? strv_add(&now, word) : 0;
	for (unsigned i = 0; r == 0 && word_at(value, " ", i, word, sizeof(word)); i++) {
		if ((word[0] != '+' && word[0] != '-') || !known || !strstr(known, word + 1))
			return -EINVAL;
		if (word[0] == '+' && !strv_contains(&now, word + 1))
			r = strv_add(&now, word + 1);
		for (size_t k = 0; word[0] == '-' && k < now.n; k++) {
			if (strcmp(now.v[k], word + 1) == 0)
				now.v[k][0] = '\0';
		}
	}
	for (size_t i = 0; i < now.n && len < sizeof(text); i++) {
		if (now.v[i][0])
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "",
			                        now.v[i]);
	}
	return r < 0 ? r : tree_setf(&m->tree, NODE_FILE, text, "%s", path);
}

static int dispatch(struct machine *m, const char *path, const char *value)
{
	static const char drivers[] = "sys/bus/pci/drivers/";
	bool handled = false;
	char driver[64];
	int r = mdev_write(m, path, value, &handled);

	if (handled)
		return r;
	r = intel_write(m, path, value, &handled);
	if (handled)
		return r;
	if (strncmp(path, pci_dir, sizeof(pci_dir) - 1) == 0)
		return function_write(m, path, value);
	if (strcmp(path, "sys/bus/pci/drivers_probe") == 0)
		return probe(m, value);
	if (ends_with(path, "/cgroup.subtree_control"))
		return subtree_control(m, path, value);
	if (strncmp(path, drivers, sizeof(drivers) - 1) == 0 &&
	    (ends_with(path, "/bind") || ends_with(path, "/unbind"))) {
		(void)word_at(path + sizeof(drivers) - 1, "/", 0, driver, sizeof(driver));
		return driver_write(m, driver, strrchr(path, '/') + 1, value);
	}
	return ordinary_write(m, path, value);
}

int sysfs_emulation_write(struct machine *m, const char *path, const char *value)
{
	char text[1024];
	size_t len = strlen(value);

	if (len >= sizeof(text))
		return -E2BIG;
	if (!strchr(path, '/'))
		return -EACCES;
	memcpy(text, value, len + 1);
	while (len && (text[len - 1] == '\n'))
		text[--len] = '\0';
	return dispatch(m, path, text);
}

static ssize_t number_text(long n, char *buf, size_t size)
{
	return n < 0 ? n : snprintf(buf, size, "%ld", n);
}

ssize_t sysfs_emulation_read(struct machine *m, const char *path, char *buf, size_t size)
{
	const char *file = strstr(path, "/nvidia/");
	char text[512];

	if (file && strncmp(path, pci_dir, sizeof(pci_dir) - 1) == 0) {
		(void)word_at(path + sizeof(pci_dir) - 1, "/", 0, text, sizeof(text));
		return vgpu_vf_read(m, text, file + 8, buf, size);
	}
	if (strstr(path, "/mdev_supported_types/") && ends_with(path, "/available_instances")) {
		(void)snprintf(text, sizeof(text), "%.*s", (int)(strrchr(path, '/') - path), path);
		return number_text(mdev_available(m, text), buf, size);
	}
	return -ENOENT;
}
