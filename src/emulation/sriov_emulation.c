/* SPDX-License-Identifier: MIT */
/* SR-IOV: the PCI core's rules, Intel's quota trees, and the vGPU files of NVIDIA's VFs. */
#include "emulation/parts.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"

static bool has_sriov(struct machine *m, const char *pf)
{
	return tree_get_u(&m->tree, 0, ".emu/gpu/%s/sriov/total", pf) > 0;
}

static int put_number(struct machine *m, unsigned long n, const char *pf, const char *file)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lu", n);
	return tree_setf(&m->tree, NODE_FILE, text, PCI_DIR "/%s/%s", pf, file);
}

int sriov_prepare(struct machine *m, const char *bdf)
{
	unsigned long total = tree_get_u(&m->tree, 0, ".emu/gpu/%s/sriov/total", bdf);
	const char *device = tree_get(&m->tree, ".emu/gpu/%s/sriov/vf_device", bdf);

	if (!total)
		return 0;
	(void)put_number(m, total, bdf, "sriov_totalvfs");
	(void)put_number(m, 0, bdf, "sriov_numvfs");
	(void)put_number(m, tree_get_u(&m->tree, 1, ".emu/gpu/%s/sriov/offset", bdf), bdf, "sriov_offset");
	(void)put_number(m, tree_get_u(&m->tree, 1, ".emu/gpu/%s/sriov/stride", bdf), bdf, "sriov_stride");
	(void)put_number(m, 1, bdf, "sriov_drivers_autoprobe");
	return tree_setf(&m->tree, NODE_READ_ONLY, device && strlen(device) > 2 ? device + 2 : "0",
	                 PCI_DIR "/%s/sriov_vf_device", bdf);
}

unsigned sriov_count(struct machine *m, const char *pf)
{
	char path[96];
	unsigned n = 0;

	for (;; n++) {
		(void)snprintf(path, sizeof(path), PCI_DIR "/%s/virtfn%u", pf, n);
		if (!tree_lookup(&m->tree, path))
			return n;
	}
}

static void vf_at(struct machine *m, const char *pf, unsigned i, char *buf, size_t size)
{
	char path[96];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s/virtfn%u", pf, i);
	link_name(&m->tree, path, buf, size);
}

bool sriov_any_held(struct machine *m, const char *pf)
{
	unsigned n = sriov_count(m, pf);
	char vf[32], dir[64];

	for (unsigned i = 0; i < n; i++) {
		vf_at(m, pf, i, vf, sizeof(vf));
		(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", vf);
		if (vfio_is_held(m, dir) || mdev_children_held(m, dir))
			return true;
	}
	return false;
}

/* Routing id = that of the PF + offset + i * stride (PCIe SR-IOV, 3.3.10). */
static int vf_address(struct machine *m, const char *pf, unsigned i, char buf[PCI_STR_MAX])
{
	struct pci_address a;
	unsigned long id;
	int r = parse_pci(pf, &a);

	if (r < 0)
		return r;
	id = ((unsigned long)a.bus << 8 | (unsigned)a.device << 3 | a.function) +
	     tree_get_u(&m->tree, 1, ".emu/gpu/%s/sriov/offset", pf) +
	     i * tree_get_u(&m->tree, 1, ".emu/gpu/%s/sriov/stride", pf);
	a.bus = (uint8_t)(id >> 8);
	a.device = (id >> 3) & 31;
	a.function = id & 7;
	pci_format(&a, buf);
	return 0;
}

static const char *text_or(const char *s, const char *fallback)
{
	return s ? s : fallback;
}

static int add_vf(struct machine *m, const char *pf, unsigned i, const char *driver)
{
	const struct tree *t = &m->tree;
	char vf[PCI_STR_MAX], target[32], device[16], vendor[16], class[16];
	struct pci_spec s = {.address = vf,
	                     .vendor = vendor,
	                     .device = device,
	                     .class = class,
	                     .sub_vendor = vendor,
	                     .sub_device = "0x0000"};
	int r = vf_address(m, pf, i, vf);

	if (r < 0)
		return r;
	(void)snprintf(vendor, sizeof(vendor), "%s", text_or(tree_get(t, PCI_DIR "/%s/vendor", pf), "0"));
	(void)snprintf(class, sizeof(class), "%s", text_or(tree_get(t, PCI_DIR "/%s/class", pf), "0"));
	(void)snprintf(device, sizeof(device), "%s",
	               text_or(tree_get(t, ".emu/gpu/%s/sriov/vf_device", pf), "0"));
	s.numa = (int)tree_get_u(t, 0, PCI_DIR "/%s/numa_node", pf);
	r = pci_add(m, &s);
	if (r < 0)
		return r;
	(void)snprintf(target, sizeof(target), "../%s", pf);
	(void)tree_setf(&m->tree, NODE_LINK, target, PCI_DIR "/%s/physfn", vf);
	(void)snprintf(target, sizeof(target), "../%s", vf);
	(void)tree_setf(&m->tree, NODE_LINK, target, PCI_DIR "/%s/virtfn%u", pf, i);
	(void)tree_setf(&m->tree, NODE_FILE, driver, ".emu/pci/%s/driver", vf);
	if (!tree_get_u(t, 1, PCI_DIR "/%s/sriov_drivers_autoprobe", pf))
		return 0;
	return driver_bind(m, vf, driver);
}

static void intel_vf_links(struct machine *m, const char *pf, unsigned n);

int sriov_make_vfs(struct machine *m, const char *pf, unsigned n)
{
	char driver[64];
	int r = 0;

	(void)snprintf(driver, sizeof(driver), "%s",
	               text_or(tree_get(&m->tree, ".emu/gpu/%s/sriov/vf_driver", pf), ""));
	for (unsigned i = 0; i < n && r == 0; i++)
		r = add_vf(m, pf, i, driver);
	if (r < 0)
		return r;
	intel_vf_links(m, pf, n);
	return put_number(m, n, pf, "sriov_numvfs");
}

void sriov_drop_vfs(struct machine *m, const char *pf)
{
	unsigned n = sriov_count(m, pf);
	char vf[32];

	if (!n)
		return;
	for (unsigned i = 0; i < n; i++) {
		vf_at(m, pf, i, vf, sizeof(vf));
		pci_delete(m, vf);
		tree_remove(&m->tree, PCI_DIR "/%s/virtfn%u", pf, i);
	}
	intel_vf_links(m, pf, 0);
	(void)put_number(m, 0, pf, "sriov_numvfs");
}

static int numvfs_write(struct machine *m, const char *pf, const char *value)
{
	unsigned long total = tree_get_u(&m->tree, 0, PCI_DIR "/%s/sriov_totalvfs", pf);
	unsigned now = sriov_count(m, pf);
	char driver[64];
	uint64_t n;

	/* The kernel parses with kstrtou16(), and only that knows ERANGE above 65535. */
	if (!isdigit((unsigned char)value[0]) || parse_u64(value, &n) < 0)
		return -EINVAL;
	if (n > 65535 || n > total)
		return -ERANGE;
	if (n == now)
		return 0;
	driver_name(m, pf, driver);
	if (!*driver || strcmp(driver, "gim") == 0 || strstr(driver, "vfio"))
		return -ENOENT;
	/* nvidia.ko refuses: only sriov-manage may. */
	if (strcmp(driver, "nvidia") == 0)
		return -EIO;
	if (n && now)
		return -EBUSY;
	if (n)
		return sriov_make_vfs(m, pf, (unsigned)n);
	if (sriov_any_held(m, pf))
		return -ETIMEDOUT;
	sriov_drop_vfs(m, pf);
	return 0;
}

int sriov_write(struct machine *m, const char *bdf, const char *file, const char *value)
{
	if (!tree_get(&m->tree, PCI_DIR "/%s/%s", bdf, file))
		return -ENOENT;
	if (strcmp(file, "sriov_numvfs") == 0)
		return numvfs_write(m, bdf, value);
	if (strcmp(file, "sriov_drivers_autoprobe") != 0)
		return -EACCES;
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return -EINVAL;
	return tree_setf(&m->tree, NODE_FILE, value, PCI_DIR "/%s/%s", bdf, file);
}

/* --- Intel: quotas --- */

#define XE_ADMIN "sys/bus/pci/devices/%s/sriov_admin"
#define XE_DEBUG "sys/kernel/debug/dri/%s/sriov"

static unsigned long card_of(struct machine *m, const char *bdf)
{
	_cleanup_strv_ struct strv nodes = {0};
	char path[96];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s/drm", bdf);
	(void)tree_list(&m->tree, path, &nodes);
	for (size_t i = 0; i < nodes.n; i++)
		if (strncmp(nodes.v[i], "card", 4) == 0)
			return strtoul(nodes.v[i] + 4, NULL, 10);
	return 0;
}

static void i915_function(struct machine *m, unsigned long card, const char *who, unsigned long vf)
{
	static const char *const quota[] = {"lmem_quota", "ggtt_quota", "contexts_quota", "doorbells_quota"};
	char dir[96], text[24];

	(void)snprintf(dir, sizeof(dir), "sys/class/drm/card%lu/prelim_iov/%s", card, who);
	(void)tree_setf(&m->tree, NODE_FILE, "0", "%s/gt/exec_quantum_ms", dir);
	(void)tree_setf(&m->tree, NODE_FILE, "0", "%s/gt/preempt_timeout_us", dir);
	if (!vf)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(quota); i++)
		(void)tree_setf(&m->tree, NODE_FILE, "0", "%s/gt/%s", dir, quota[i]);
	(void)snprintf(text, sizeof(text), "%lu", vf);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, text, "%s/id", dir);
	(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", "%s/control", dir);
}

static void i915_attach(struct machine *m, const char *bdf)
{
	unsigned long total = tree_get_u(&m->tree, 0, ".emu/gpu/%s/sriov/total", bdf);
	unsigned long long memory = (unsigned long long)tree_get_u(&m->tree, 0, ".emu/gpu/%s/memory_mib", bdf)
	                            << 20;
	unsigned long card = card_of(m, bdf);
	char text[64], who[16], iov[64];

	(void)snprintf(iov, sizeof(iov), "sys/class/drm/card%lu/prelim_iov", card);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, "SR-IOV PF", "%s/mode", iov);
	(void)tree_setf(&m->tree, NODE_FILE, "1", "%s/pf/auto_provisioning", iov);
	(void)tree_setf(&m->tree, NODE_LINK, "../../device", "%s/pf/device", iov);
	(void)snprintf(text, sizeof(text), "%llu", memory - (memory >> 6));
	(void)tree_setf(&m->tree, NODE_READ_ONLY, text, "%s/pf/gt/available/lmem_free", iov);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, text, "%s/pf/gt/available/lmem_max_quota", iov);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, "4026531840", "%s/pf/gt/available/ggtt_free", iov);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, "64512", "%s/pf/gt/available/contexts_free", iov);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, "240", "%s/pf/gt/available/doorbells_free", iov);
	(void)tree_setf(&m->tree, NODE_FILE, "0", "%s/pf/gt/policies/sched_if_idle", iov);
	i915_function(m, card, "pf", 0);
	for (unsigned long i = 1; i <= total; i++) {
		(void)snprintf(who, sizeof(who), "vf%lu", i);
		i915_function(m, card, who, i);
	}
}

static void xe_profile(struct machine *m, const char *bdf, const char *who, bool pf)
{
	(void)tree_setf(&m->tree, NODE_FILE, "0", XE_ADMIN "/%s/profile/exec_quantum_ms", bdf, who);
	(void)tree_setf(&m->tree, NODE_FILE, "0", XE_ADMIN "/%s/profile/preempt_timeout_us", bdf, who);
	(void)tree_setf(&m->tree, pf ? NODE_FILE : NODE_READ_ONLY, "[low] normal high",
	                XE_ADMIN "/%s/profile/sched_priority", bdf, who);
}

static void xe_attach(struct machine *m, const char *bdf)
{
	unsigned long total = tree_get_u(&m->tree, 0, ".emu/gpu/%s/sriov/total", bdf);
	unsigned long long memory = (unsigned long long)tree_get_u(&m->tree, 0, ".emu/gpu/%s/memory_mib", bdf)
	                            << 20;
	char who[16], text[96];

	xe_profile(m, bdf, "pf", true);
	(void)tree_setf(&m->tree, NODE_LINK, "../..", XE_ADMIN "/pf/device", bdf);
	(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", XE_ADMIN "/.bulk_profile/exec_quantum_ms", bdf);
	(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", XE_ADMIN "/.bulk_profile/preempt_timeout_us", bdf);
	(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", XE_DEBUG "/restore_auto_provisioning", bdf);
	(void)tree_setf(&m->tree, NODE_FILE, "0", XE_DEBUG "/pf/tile0/vram_spare", bdf);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, "", XE_DEBUG "/pf/tile0/vram_provisioned", bdf);
	(void)snprintf(text, sizeof(text), "  size: %llu\n  visible_avail: %lluMiB", memory, memory >> 20);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, text, "sys/kernel/debug/dri/%s/tile0/vram_mm", bdf);
	for (unsigned long i = 1; i <= total; i++) {
		(void)snprintf(who, sizeof(who), "vf%lu", i);
		xe_profile(m, bdf, who, false);
		(void)tree_setf(&m->tree, NODE_WRITE_ONLY, "", XE_ADMIN "/%s/stop", bdf, who);
		(void)tree_setf(&m->tree, NODE_FILE, "0", XE_DEBUG "/%s/tile0/vram_quota", bdf, who);
		(void)tree_setf(&m->tree, NODE_FILE, "0", XE_DEBUG "/%s/tile0/ggtt_quota", bdf, who);
		(void)tree_setf(&m->tree, NODE_FILE, "0", XE_DEBUG "/%s/tile0/gt0/contexts_quota", bdf, who);
	}
}

int intel_attach(struct machine *m, const char *bdf, const char *driver)
{
	if (strcmp(driver, "xe") == 0)
		xe_attach(m, bdf);
	else if (has_sriov(m, bdf))
		i915_attach(m, bdf);
	return 0;
}

void intel_detach(struct machine *m, const char *bdf)
{
	tree_remove(&m->tree, XE_ADMIN, bdf);
	tree_remove(&m->tree, "sys/kernel/debug/dri/%s", bdf);
	tree_remove(&m->tree, "sys/class/drm/card%lu/prelim_iov", card_of(m, bdf));
}

/* vfN/device exists only while VF N does. */
static void intel_vf_links(struct machine *m, const char *pf, unsigned n)
{
	unsigned long total = tree_get_u(&m->tree, 0, ".emu/gpu/%s/sriov/total", pf);
	bool xe = strcmp(gpu_kind(m, pf), "xe") == 0;
	char dir[96], target[96];

	if (!xe && strcmp(gpu_kind(m, pf), "i915") != 0)
		return;
	for (unsigned long i = 1; i <= total; i++) {
		if (xe)
			(void)snprintf(dir, sizeof(dir), XE_ADMIN "/vf%lu", pf, i);
		else
			(void)snprintf(dir, sizeof(dir), "sys/class/drm/card%lu/prelim_iov/vf%lu",
			               card_of(m, pf), i);
		(void)snprintf(target, sizeof(target), xe ? "../../virtfn%lu" : "../../device/virtfn%lu",
		               i - 1);
		if (i <= n)
			(void)tree_setf(&m->tree, NODE_LINK, target, "%s/device", dir);
		else
			tree_remove(&m->tree, "%s/device", dir);
	}
}

static bool any_i915_quota(struct machine *m, const char *iov)
{
	for (unsigned i = 1; tree_get(&m->tree, "%s/vf%u/id", iov, i); i++)
		if (tree_get_u(&m->tree, 0, "%s/vf%u/gt/lmem_quota", iov, i))
			return true;
	return false;
}

static int i915_write(struct machine *m, const char *path, const char *value)
{
	const char *file = strrchr(path, '/') + 1;
	char iov[128];

	(void)snprintf(iov, sizeof(iov), "%.*s", (int)(strstr(path, "/prelim_iov/") - path) + 11, path);
	if (!tree_lookup(&m->tree, path))
		return -ENOENT;
	if (tree_lookup(&m->tree, path)->kind == NODE_READ_ONLY)
		return -EACCES;
	if (strcmp(file, "control") == 0)
		return strstr("pause resume stop clear", value) ? 0 : -EINVAL;
	if (!isdigit((unsigned char)value[0]))
		return -EINVAL;
	/* Off is always allowed, on only while no quota is left (ESTALE in the driver). */
	if (strcmp(file, "auto_provisioning") == 0 && value[0] == '1' && any_i915_quota(m, iov))
		return -ESTALE;
	if (strstr(file, "_quota"))
		(void)tree_setf(&m->tree, NODE_FILE, "0", "%s/pf/auto_provisioning", iov);
	return tree_set(&m->tree, NODE_FILE, path, value);
}

static int xe_restore(struct machine *m, const char *bdf)
{
	if (sriov_count(m, bdf))
		return -EBUSY;
	for (unsigned i = 1; tree_get(&m->tree, XE_DEBUG "/vf%u/tile0/vram_quota", bdf, i); i++)
		(void)tree_setf(&m->tree, NODE_FILE, "0", XE_DEBUG "/vf%u/tile0/vram_quota", bdf, i);
	return 0;
}

static int xe_write(struct machine *m, const char *path, const char *bdf, const char *value)
{
	unsigned long memory = tree_get_u(&m->tree, 0, ".emu/gpu/%s/memory_mib", bdf);
	const char *file = strrchr(path, '/') + 1;
	const struct tree_node *n = tree_lookup(&m->tree, path);
	uint64_t number;

	if (!n || n->kind == NODE_READ_ONLY)
		return n ? -EACCES : -ENOENT;
	if (strcmp(file, "restore_auto_provisioning") == 0)
		return xe_restore(m, bdf);
	if (strcmp(file, "sched_priority") == 0)
		return strcmp(value, "low") && strcmp(value, "normal") && strcmp(value, "high") ? -EINVAL : 0;
	if (parse_u64(value, &number) < 0)
		return -EINVAL;
	if (strcmp(file, "vram_quota") == 0 && number > (uint64_t)memory * MIB)
		return -EOVERFLOW;
	return n->kind == NODE_WRITE_ONLY ? 0 : tree_set(&m->tree, NODE_FILE, path, value);
}

int intel_write(struct machine *m, const char *path, const char *value, bool *ret_handled)
{
	static const char debug[] = "sys/kernel/debug/dri/";
	char bdf[32];

	*ret_handled = true;
	if (strstr(path, "/prelim_iov/"))
		return i915_write(m, path, value);
	if (strstr(path, "/sriov_admin/") && word_at(path + sizeof(PCI_DIR), "/", 0, bdf, sizeof(bdf)))
		return xe_write(m, path, bdf, value);
	if (strncmp(path, debug, sizeof(debug) - 1) == 0 &&
	    word_at(path + sizeof(debug) - 1, "/", 0, bdf, sizeof(bdf)))
		return xe_write(m, path, bdf, value);
	*ret_handled = false;
	return 0;
}

/* --- NVIDIA: a vGPU on a virtual function --- */

static void pf_of(struct machine *m, const char *vf, char *buf, size_t size)
{
	char path[96];

	(void)snprintf(path, sizeof(path), PCI_DIR "/%s/physfn", vf);
	link_name(&m->tree, path, buf, size);
}

void vgpu_vf_attach(struct machine *m, const char *vf)
{
	static const char *const files[] = {"creatable_vgpu_types", "gpu_instance_id", "placement_id"};
	char pf[32], dir[64];
	const char *framework;

	pf_of(m, vf, pf, sizeof(pf));
	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", vf);
	framework = tree_get(&m->tree, ".emu/gpu/%s/vgpu/framework", pf);
	if (framework && strcmp(framework, "mdev-vf") == 0)
		(void)mdev_nvidia_types(m, dir, pf);
	if (!framework || strcmp(framework, "vfio") != 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)tree_setf(&m->tree, NODE_READ_ONLY, "", "%s/nvidia/%s", dir, files[i]);
	(void)tree_setf(&m->tree, NODE_FILE, "0", "%s/nvidia/current_vgpu_type", dir);
	(void)tree_setf(&m->tree, NODE_FILE, "", "%s/nvidia/vgpu_params", dir);
	(void)tree_setf(&m->tree, NODE_FILE, "0", "%s/nvidia/warm_update", dir);
	vfio_node_add(m, dir);
}

void vgpu_vf_detach(struct machine *m, const char *vf)
{
	_cleanup_strv_ struct strv below = {0};
	char dir[64], path[128], pf[32];

	pf_of(m, vf, pf, sizeof(pf));
	tree_remove(&m->tree, ".emu/gpu/%s/vgpu/at/%s", pf, vf);
	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", vf);
	(void)tree_list(&m->tree, dir, &below);
	for (size_t i = 0; i < below.n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, below.v[i]);
		if (tree_get(&m->tree, "%s/remove", path))
			(void)mdev_remove(m, path, "1");
	}
	mdev_parent_remove(m, dir);
	tree_remove(&m->tree, "%s/nvidia", dir);
	vfio_node_remove(m, dir);
}

static size_t existing_mdevs(struct machine *m, const char *dir, unsigned *ids, size_t n, size_t max)
{
	_cleanup_strv_ struct strv below = {0};
	char path[160], type[64];

	(void)tree_list(&m->tree, dir, &below);
	for (size_t i = 0; i < below.n && n < max; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/mdev_type", dir, below.v[i]);
		link_name(&m->tree, path, type, sizeof(type));
		if (strncmp(type, "nvidia-", 7) == 0)
			ids[n++] = (unsigned)strtoul(type + 7, NULL, 10);
	}
	return n;
}

size_t vgpu_existing(struct machine *m, const char *bdf, unsigned *ret_ids, size_t max)
{
	unsigned vfs = sriov_count(m, bdf);
	char vf[32], dir[64];
	size_t n = 0;

	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", bdf);
	n = existing_mdevs(m, dir, ret_ids, n, max);
	for (unsigned i = 0; i < vfs && n < max; i++) {
		unsigned long id;

		vf_at(m, bdf, i, vf, sizeof(vf));
		id = tree_get_u(&m->tree, 0, PCI_DIR "/%s/nvidia/current_vgpu_type", vf);
		if (id)
			ret_ids[n++] = (unsigned)id;
		(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", vf);
		n = existing_mdevs(m, dir, ret_ids, n, max);
	}
	return n;
}

/* Whether [start, start + size) meets a vGPU on another function of this GPU. */
static bool place_taken(struct machine *m, const char *pf, const char *self, unsigned long start,
                        unsigned long size)
{
	unsigned n = sriov_count(m, pf);
	char vf[32];

	for (unsigned i = 0; i < n; i++) {
		unsigned long other, length;

		vf_at(m, pf, i, vf, sizeof(vf));
		length = tree_get_u(&m->tree, 0, ".emu/gpu/%s/vgpu/at/%s/size", pf, vf);
		other = tree_get_u(&m->tree, 0, ".emu/gpu/%s/vgpu/at/%s/start", pf, vf);
		if (length && strcmp(vf, self) != 0 && start < other + length && other < start + size)
			return true;
	}
	return false;
}

/* First free id of the type's list, or the wanted one; -1: none. */
static long find_place(struct machine *m, const char *pf, const char *vf, unsigned id, long wanted)
{
	const char *line = tree_get(&m->tree, ".emu/gpu/%s/vgpu/type/%u", pf, id);
	bool hetero = tree_get_u(&m->tree, 0, ".emu/gpu/%s/vgpu/hetero", pf) != 0;
	char size[16] = "0", list[512] = "", number[16];

	if (!line || !word_at(line, "|", 7, size, sizeof(size)) ||
	    !word_at(line, "|", hetero ? 8 : 9, list, sizeof(list)))
		return -1;
	for (unsigned i = 0; word_at(list, ",", i, number, sizeof(number)); i++) {
		const char *digits = number + strcspn(number, "0123456789");
		unsigned long start = strtoul(digits, NULL, 10);

		if (*digits && (wanted < 0 || (unsigned long)wanted == start) &&
		    !place_taken(m, pf, vf, start, strtoul(size, NULL, 10)))
			return (long)start;
	}
	return -1;
}

static void note(struct machine *m, const char *pf, const char *vf, const char *what, long n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%ld", n);
	if (n >= 0)
		(void)tree_setf(&m->tree, NODE_FILE, text, ".emu/gpu/%s/vgpu/at/%s/%s", pf, vf, what);
}

static bool is_mig_backed(const char *line, unsigned long *ret_profile)
{
	char field[16];

	if (!word_at(line, "|", 5, field, sizeof(field)) || !isdigit((unsigned char)field[0]))
		return false;
	*ret_profile = strtoul(field, NULL, 10);
	return true;
}

static unsigned vgpus_in(struct machine *m, const char *pf, const char *gi)
{
	unsigned n = sriov_count(m, pf), used = 0;
	char vf[32];

	for (unsigned i = 0; i < n; i++) {
		const char *at;

		vf_at(m, pf, i, vf, sizeof(vf));
		at = tree_get(&m->tree, ".emu/gpu/%s/vgpu/at/%s/gi", pf, vf);
		used += at && strcmp(at, gi) == 0;
	}
	return used;
}

/* The driver chooses the GPU instance: the first of the type's profile with room. */
static long find_instance(struct machine *m, const char *pf, const char *line)
{
	_cleanup_strv_ struct strv instances = {0};
	unsigned long profile, limit = 1;
	char path[96], field[16];

	if (!is_mig_backed(line, &profile))
		return -1;
	if (word_at(line, "|", 4, field, sizeof(field)) && strtoul(field, NULL, 10))
		limit = strtoul(field, NULL, 10);
	(void)snprintf(path, sizeof(path), ".emu/gpu/%s/mig/gi", pf);
	(void)tree_list(&m->tree, path, &instances);
	for (size_t i = 0; i < instances.n; i++)
		if (tree_get_u(&m->tree, ~0ul, "%s/%s", path, instances.v[i]) == profile &&
		    vgpus_in(m, pf, instances.v[i]) < limit)
			return strtol(instances.v[i], NULL, 10);
	return -1;
}

static int type_write(struct machine *m, const char *vf, const char *pf, const char *value)
{
	unsigned long now = tree_get_u(&m->tree, 0, PCI_DIR "/%s/nvidia/current_vgpu_type", vf);
	char dir[64], line[768];
	uint32_t id;
	int r;

	if (parse_u32(value, &id) < 0)
		return -EINVAL;
	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", vf);
	if (vfio_is_held(m, dir))
		return -EBUSY;
	if (id && now)
		return -EIO;
	tree_remove(&m->tree, ".emu/gpu/%s/vgpu/at/%s", pf, vf);
	if (id) {
		r = vgpu_rules_create(m, pf, id);
		if (r < 0)
			return r;
		(void)snprintf(line, sizeof(line), "%s",
		               text_or(tree_get(&m->tree, ".emu/gpu/%s/vgpu/type/%u", pf, id), ""));
		note(m, pf, vf, "gi", find_instance(m, pf, line));
		note(m, pf, vf, "start", find_place(m, pf, vf, id, -1));
		(void)word_at(line, "|", 7, dir, sizeof(dir));
		note(m, pf, vf, "size", strtol(dir, NULL, 10));
	} else {
		(void)tree_setf(&m->tree, NODE_FILE, "", PCI_DIR "/%s/nvidia/vgpu_params", vf);
	}
	return tree_setf(&m->tree, NODE_FILE, value, PCI_DIR "/%s/nvidia/current_vgpu_type", vf);
}

/* A wrong placement is not refused here: the guest would fail to start with it. */
static int params_write(struct machine *m, const char *vf, const char *pf, const char *value)
{
	unsigned long id = tree_get_u(&m->tree, 0, PCI_DIR "/%s/nvidia/current_vgpu_type", vf);
	const char *wish = strstr(value, "vgpu-placement-id=");

	if (!id)
		return -EINVAL;
	if (wish)
		note(m, pf, vf, "start",
		     find_place(m, pf, vf, (unsigned)id, strtol(strchr(wish, '=') + 1, NULL, 0)));
	return tree_setf(&m->tree, NODE_FILE, strcmp(value, " ") == 0 ? "" : value,
	                 PCI_DIR "/%s/nvidia/vgpu_params", vf);
}

int vgpu_vf_write(struct machine *m, const char *vf, const char *file, const char *value)
{
	char pf[32];

	pf_of(m, vf, pf, sizeof(pf));
	if (!*pf || !tree_get(&m->tree, PCI_DIR "/%s/nvidia/%s", vf, file))
		return -ENOENT;
	if (strcmp(file, "current_vgpu_type") == 0)
		return type_write(m, vf, pf, value);
	return strcmp(file, "vgpu_params") == 0 ? params_write(m, vf, pf, value) : -EACCES;
}

static ssize_t creatable_text(struct machine *m, const char *vf, const char *pf, char *buf, size_t size)
{
	_cleanup_strv_ struct strv lines = {0};
	size_t n = 0;

	*buf = '\0';
	if (tree_get_u(&m->tree, 0, PCI_DIR "/%s/nvidia/current_vgpu_type", vf))
		return 0;
	(void)vgpu_rules_creatable(m, pf, &lines);
	if (lines.n)
		n = (size_t)snprintf(buf, size, "ID    : vGPU Name");
	for (size_t i = 0; i < lines.n && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "\n%s", lines.v[i]);
	return (ssize_t)(n < size ? n : size - 1);
}

ssize_t vgpu_vf_read(struct machine *m, const char *vf, const char *file, char *buf, size_t size)
{
	const char *at = NULL;
	char pf[32], dir[64];

	pf_of(m, vf, pf, sizeof(pf));
	if (!*pf || !size)
		return -ENOENT;
	(void)snprintf(dir, sizeof(dir), PCI_DIR "/%s", vf);
	if (strcmp(file, "creatable_vgpu_types") == 0)
		return creatable_text(m, vf, pf, buf, size);
	if (strcmp(file, "gpu_instance_id") == 0)
		at = tree_get(&m->tree, ".emu/gpu/%s/vgpu/at/%s/gi", pf, vf);
	else if (strcmp(file, "placement_id") == 0 && vfio_is_held(m, dir)) /* once a guest runs */
		at = tree_get(&m->tree, ".emu/gpu/%s/vgpu/at/%s/start", pf, vf);
	else if (strcmp(file, "placement_id") != 0)
		return -ENOENT;
	return at ? snprintf(buf, size, "%s", at) : -ENXIO;
}
