/* SPDX-License-Identifier: MIT */
/*
 * A host as the emulation would describe it, read through its doors: GPUs and their functions in sysfs, what
 * NVML says of each board, processors. Nothing that names the machine or its owner: no serial numbers, UUIDs
 * replaced, of the kernel command line only the words about devices. Reads only.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "emulation/emulation.h"
#include "emulation/parts.h"
#include "platform/nvml.h"

#define TEXT_MAX    65536
#define GI_PROFILES 32
#define PLACEMENTS  64
#define NVIDIA_INFO "proc/driver/nvidia/gpus/%s/information"

struct capture {
	struct platform *p;
	struct tree *t;
	const struct nvml_api *api; /* NULL: no NVML */
	char *text;                 /* scratch of TEXT_MAX */
};

__attribute__((format(printf, 3, 4))) static void put(struct capture *c, const char *value, const char *fmt,
                                                      ...)
{
	char path[SYSFS_PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	(void)tree_set(c->t, NODE_FILE, path, value);
}

/* False: absent or not readable. */
static bool copy_file(struct capture *c, const char *path)
{
	if (c->p->ops->read(c->p, path, c->text, TEXT_MAX) < 0)
		return false;
	(void)tree_set(c->t, NODE_FILE, path, c->text);
	return true;
}

static void copy_files(struct capture *c, const char *dir, const char *const *names, size_t n)
{
	char path[SYSFS_PATH_MAX];

	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)copy_file(c, path);
	}
}

/* --- the host --- */

/* The words of the kernel command line that concern devices; the others may name disks and hosts. */
static void copy_cmdline(struct capture *c)
{
	static const char *const wanted[] = {"iommu", "vfio", "nvidia", "amdgpu", "i915.", "xe.", "gim."};
	char word[256], kept[2048] = "";
	size_t len = 0;

	if (c->p->ops->read(c->p, "proc/cmdline", c->text, TEXT_MAX) < 0)
		return;
	for (unsigned i = 0; word_at(c->text, " ", i, word, sizeof(word)); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(wanted) && len < sizeof(kept); k++) {
			if (!strstr(word, wanted[k]))
				continue;
			len += (size_t)snprintf(kept + len, sizeof(kept) - len, "%s%s", len ? " " : "", word);
			break;
		}
	}
	put(c, kept, "proc/cmdline");
}

/* Of the first processor what tells whether it can run guests. */
static void copy_cpuinfo(struct capture *c)
{
	const char *virt;

	if (c->p->ops->read(c->p, "proc/cpuinfo", c->text, TEXT_MAX) < 0)
		return;
	virt = strstr(c->text, " vmx") ? "vmx" : strstr(c->text, " svm") ? "svm" : "";
	snprintf(c->text, TEXT_MAX, "processor\t: 0\nmodel name\t: captured\nflags\t\t: %s", virt);
	put(c, c->text, "proc/cpuinfo");
}

static void copy_host(struct capture *c)
{
	static const char *const files[] = {
		"sys/devices/system/cpu/online",       "sys/devices/system/cpu/possible",
		"sys/devices/system/cpu/present",      "proc/meminfo",
		"proc/sys/kernel/osrelease",           "sys/fs/cgroup/cgroup.controllers",
		"sys/fs/cgroup/cpuset.cpus.effective", "proc/driver/nvidia/version",
		"sys/module/nvidia/version",           "sys/fs/cgroup/cgroup.subtree_control"};
	static const char *const nodes[] = {"dev/vfio/vfio",
	                                    "dev/iommu",
	                                    "dev/kfd",
	                                    "dev/nvidiactl",
	                                    "dev/nvidia-uvm",
	                                    "dev/nvidia-uvm-tools",
	                                    "usr/bin/nvidia-cuda-mps-control"};
	static const char *const dirs[] = {"sys/bus/pci/devices", "sys/kernel/iommu_groups",
	                                   "sys/module/vfio_pci", "sys/module/vfio"};
	static const char *const drivers[] = {"vfio-pci", "nvidia", "amdgpu", "gim", "i915", "xe"};
	_cleanup_strv_ struct strv iommus = {0};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)copy_file(c, files[i]);
	copy_cmdline(c);
	copy_cpuinfo(c);
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		if (c->p->ops->exists(c->p, nodes[i]))
			put(c, "", "%s", nodes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (c->p->ops->exists(c->p, dirs[i]))
			(void)tree_set(c->t, NODE_DIR, dirs[i], "");
	}
	(void)c->p->ops->list(c->p, "sys/class/iommu", &iommus);
	for (size_t i = 0; i < iommus.n; i++)
		(void)tree_setf(c->t, NODE_DIR, "", "sys/class/iommu/%s", iommus.v[i]);
	/* What the emulated kernel itself needs. */
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		put(c, "", ".emu/driver/%s", drivers[i]);
		(void)tree_setf(c->t, NODE_WRITE_ONLY, "", "sys/bus/pci/drivers/%s/bind", drivers[i]);
		(void)tree_setf(c->t, NODE_WRITE_ONLY, "", "sys/bus/pci/drivers/%s/unbind", drivers[i]);
	}
	(void)tree_set(c->t, NODE_WRITE_ONLY, "sys/bus/pci/drivers_probe", "");
	put(c, "1", ".emu/boot");
}

/* --- PCI functions --- */

static void copy_links(struct capture *c, const char *bdf, const struct pci_function *f)
{
	_cleanup_strv_ struct strv vfs = {0};
	char path[SYSFS_PATH_MAX], target[SYSFS_PATH_MAX];

	if (f->driver[0]) {
		snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s", f->driver);
		(void)tree_setf(c->t, NODE_LINK, target, PCI_DIR "/%s/driver", bdf);
		snprintf(target, sizeof(target), "../../../../bus/pci/devices/%s", bdf);
		(void)tree_setf(c->t, NODE_LINK, target, "sys/bus/pci/drivers/%s/%s", f->driver, bdf);
		put(c, f->driver, ".emu/pci/%s/driver", bdf);
	}
	if (f->iommu_group[0]) {
		snprintf(target, sizeof(target), "../../../../kernel/iommu_groups/%s", f->iommu_group);
		(void)tree_setf(c->t, NODE_LINK, target, PCI_DIR "/%s/iommu_group", bdf);
		snprintf(target, sizeof(target), "../../../../bus/pci/devices/%s", bdf);
		(void)tree_setf(c->t, NODE_LINK, target, "sys/kernel/iommu_groups/%s/devices/%s",
		                f->iommu_group, bdf);
		snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%s/type", f->iommu_group);
		(void)copy_file(c, path);
	}
	(void)pci_vfs(c->p, bdf, &vfs);
	for (size_t i = 0; i < vfs.n; i++) {
		snprintf(target, sizeof(target), "../%s", vfs.v[i]);
		(void)tree_setf(c->t, NODE_LINK, target, PCI_DIR "/%s/virtfn%zu", bdf, i);
		snprintf(target, sizeof(target), "../%s", bdf);
		(void)tree_setf(c->t, NODE_LINK, target, PCI_DIR "/%s/physfn", vfs.v[i]);
	}
}

static void copy_types(struct capture *c, const char *dir)
{
	static const char *const files[] = {"name", "device_api", "description", "available_instances"};
	_cleanup_strv_ struct strv types = {0};
	char path[SYSFS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/mdev_supported_types", dir);
	(void)c->p->ops->list(c->p, path, &types);
	for (size_t i = 0; i < types.n; i++) {
		snprintf(path, sizeof(path), "%s/mdev_supported_types/%s", dir, types.v[i]);
		copy_files(c, path, files, ARRAY_SIZE(files));
		(void)tree_setf(c->t, NODE_WRITE_ONLY, "", "%s/create", path);
	}
}

static void copy_function(struct capture *c, const char *bdf, const struct pci_function *f)
{
	static const char *const files[] = {"class",
	                                    "vendor",
	                                    "device",
	                                    "subsystem_vendor",
	                                    "subsystem_device",
	                                    "revision",
	                                    "numa_node",
	                                    "local_cpulist",
	                                    "boot_vga",
	                                    "power_state",
	                                    "reset_method",
	                                    "driver_override",
	                                    "sriov_totalvfs",
	                                    "sriov_drivers_autoprobe",
	                                    "available_compute_partition",
	                                    "current_compute_partition",
	                                    "available_memory_partition",
	                                    "current_memory_partition",
	                                    "accelerator_partition_profile",
	                                    "accelerator_partition_profile_config",
	                                    "memory_partition_mode",
	                                    "memory_partition_config",
	                                    "nvidia/current_vgpu_type",
	                                    "nvidia/creatable_vgpu_types",
	                                    "nvidia/vgpu_params"};
	_cleanup_strv_ struct strv nodes = {0};
	char dir[SYSFS_PATH_MAX], name[192];

	snprintf(dir, sizeof(dir), PCI_DIR "/%s", bdf);
	copy_files(c, dir, files, ARRAY_SIZE(files));
	copy_links(c, bdf, f);
	copy_types(c, dir);
	if (c->p->ops->exists(c->p, "sys/bus/pci/devices") && f->total_vfs) {
		snprintf(name, sizeof(name), "%u", f->num_vfs);
		put(c, name, "%s/sriov_numvfs", dir);
	}
	snprintf(name, sizeof(name), "%s/drm", dir);
	(void)c->p->ops->list(c->p, name, &nodes);
	for (size_t i = 0; i < nodes.n; i++) {
		(void)tree_setf(c->t, NODE_DIR, "", "%s/%s", name, nodes.v[i]);
		put(c, "", "dev/dri/%s", nodes.v[i]);
	}
}

static bool is_wanted(const struct pci_function *f)
{
	return f->class >> 16 == 0x03 || (f->vendor == 0x1002 && f->class >> 16 == 0x12);
}

/* Others of the IOMMU group decide whether a GPU can be passed through. */
static void copy_group(struct capture *c, const struct pci_function *f)
{
	_cleanup_strv_ struct strv names = {0};
	char path[SYSFS_PATH_MAX];
	struct pci_function other;

	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%s/devices", f->iommu_group);
	if (f->iommu_group[0])
		(void)c->p->ops->list(c->p, path, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (strcmp(names.v[i], f->address) != 0 && pci_read(c->p, names.v[i], &other) == 0)
			copy_function(c, names.v[i], &other);
	}
}

/* --- NVML --- */

static void put_number(struct capture *c, const char *bdf, const char *key, unsigned long long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", n);
	put(c, text, ".emu/gpu/%s/%s", bdf, key);
}

/* The real UUID stays at home, also where the driver's text has it. */
static void copy_identity(struct capture *c, nvml_device d, const char *bdf)
{
	char name[NVML_NAME_SIZE] = "", real[NVML_UUID_SIZE] = "", uuid[64] = "GPU-", seed[64], *at;
	unsigned minor = 0;

	snprintf(seed, sizeof(seed), "captured/%s", bdf);
	uuid_derive(seed, uuid + 4);
	put(c, uuid, ".emu/gpu/%s/uuid", bdf);
	if (c->api->DeviceGetName && c->api->DeviceGetName(d, name, sizeof(name)) == NVML_SUCCESS)
		put(c, name, ".emu/gpu/%s/name", bdf);
	if (c->api->DeviceGetMinorNumber && c->api->DeviceGetMinorNumber(d, &minor) == NVML_SUCCESS) {
		put_number(c, bdf, "minor", minor);
		put(c, "", "dev/nvidia%u", minor);
	}
	if (sysfs_read(c->p, c->text, TEXT_MAX, NVIDIA_INFO, bdf) <= 0)
		return;
	if (c->api->DeviceGetUUID && c->api->DeviceGetUUID(d, real, sizeof(real)) == NVML_SUCCESS) {
		at = strstr(c->text, real);
		if (at && strlen(real) == strlen(uuid))
			memcpy(at, uuid, strlen(uuid));
	}
	if (!strstr(c->text, "GPU-") || strstr(c->text, uuid))
		put(c, c->text, NVIDIA_INFO, bdf);
}

static void copy_properties(struct capture *c, nvml_device d, const char *bdf)
{
	struct nvml_field_value f = {.field_id = NVML_FIELD_MIG_RESET_FREE};
	struct nvml_memory memory = {0};
	unsigned arch = 0;
	int major = 0, minor = 0;
	char text[32];

	if (c->api->DeviceGetMemoryInfo && c->api->DeviceGetMemoryInfo(d, &memory) == NVML_SUCCESS)
		put_number(c, bdf, "memory_mib", memory.total >> 20);
	if (c->api->DeviceGetArchitecture && c->api->DeviceGetArchitecture(d, &arch) == NVML_SUCCESS)
		put_number(c, bdf, "architecture", arch);
	if (c->api->DeviceGetCudaComputeCapability &&
	    c->api->DeviceGetCudaComputeCapability(d, &major, &minor) == NVML_SUCCESS) {
		snprintf(text, sizeof(text), "%d.%d", major, minor);
		put(c, text, ".emu/gpu/%s/cc", bdf);
	}
	if (c->api->DeviceGetFieldValues && c->api->DeviceGetFieldValues(d, 1, &f) == NVML_SUCCESS &&
	    f.ret == NVML_SUCCESS)
		put_number(c, bdf, "mig/reset_free", f.value.u32);
}

static bool read_profile(struct capture *c, nvml_device d, unsigned index, struct nvml_gi_profile_v2 *ret)
{
	struct nvml_gi_profile old;

	*ret = (struct nvml_gi_profile_v2){.version = NVML_VERSION(struct nvml_gi_profile_v2, 2)};
	if (c->api->DeviceGetGpuInstanceProfileInfoV &&
	    c->api->DeviceGetGpuInstanceProfileInfoV(d, index, ret) == NVML_SUCCESS)
		return true;
	if (!c->api->DeviceGetGpuInstanceProfileInfo ||
	    c->api->DeviceGetGpuInstanceProfileInfo(d, index, &old) != NVML_SUCCESS)
		return false;
	memcpy(&ret->id, &old, offsetof(struct nvml_gi_profile, memory_mib));
	ret->memory_mib = old.memory_mib;
	snprintf(ret->name, sizeof(ret->name), "MIG %ug.%uprofile", old.slices, index);
	return true;
}

static void placements_text(struct capture *c, nvml_device d, unsigned id, char *buf, size_t size,
                            unsigned *ret_slots)
{
	struct nvml_placement p[PLACEMENTS];
	unsigned n = PLACEMENTS;
	size_t len = 0;

	buf[0] = '\0';
	if (!c->api->DeviceGetGpuInstancePossiblePlacements ||
	    c->api->DeviceGetGpuInstancePossiblePlacements(d, id, p, &n) != NVML_SUCCESS)
		return;
	for (unsigned i = 0; i < n && i < PLACEMENTS && len < size; i++) {
		len += (size_t)snprintf(buf + len, size - len, "%s%u:%u", i ? "," : "", p[i].start,
		                        p[i].size);
		if (p[i].start + p[i].size > *ret_slots)
			*ret_slots = p[i].start + p[i].size;
	}
}

/* Compute instance profiles show only inside a GPU instance; these are the driver's standard ones: of 1, 2,
 * 3, 4 and 7 slices (numbers 0 to 4) as many as go in. */
static void put_ci_profiles(struct capture *c, const char *bdf, unsigned slices)
{
	static const unsigned sizes[] = {1, 2, 3, 4, 7};
	char text[32];

	for (unsigned i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= slices; i++) {
		if (sizes[i] == 3 && slices == 4) /* the one that does not exist */
			continue;
		snprintf(text, sizeof(text), "%u %u %u", i, sizes[i], slices / sizes[i]);
		put(c, text, ".emu/gpu/%s/mig/ci/%u/%u", bdf, slices, i);
	}
}

static void copy_mig(struct capture *c, nvml_device d, const char *bdf)
{
	char text[1024], places[768];
	unsigned current, pending, slots = 0, sms = 0;

	if (!c->api->DeviceGetMigMode || c->api->DeviceGetMigMode(d, &current, &pending) != NVML_SUCCESS)
		return;
	put_number(c, bdf, "mig/capable", 1);
	/* Instances are state, not geometry: the captured machine begins without. */
	put_number(c, bdf, "mig/mode", current);
	put_number(c, bdf, "mig/pending", pending);
	for (unsigned i = 0; i < GI_PROFILES; i++) {
		struct nvml_gi_profile_v2 p;

		if (!read_profile(c, d, i, &p))
			continue;
		placements_text(c, d, p.id, places, sizeof(places), &slots);
		snprintf(text, sizeof(text), "%u %s %u %u %u %u %u %u %u %u %llu %s", p.id,
		         strncmp(p.name, "MIG ", 4) == 0 ? p.name + 4 : p.name, p.slices, p.instances,
		         p.sm_count, p.copy_engines, p.decoders, p.encoders, p.jpeg, p.ofa,
		         (unsigned long long)p.memory_mib, places);
		put(c, text, ".emu/gpu/%s/mig/profile/%u", bdf, i);
		put_ci_profiles(c, bdf, p.slices);
		sms = p.sm_count > sms ? p.sm_count : sms;
	}
	put_number(c, bdf, "mig/slots", slots);
	put_number(c, bdf, "sm_count", sms);
}

static void copy_nvidia(struct capture *c, const char *bdf)
{
	nvml_device d;

	if (!c->api || c->api->DeviceGetHandleByPciBusId(bdf, &d) != NVML_SUCCESS)
		return;
	put(c, "nvidia", ".emu/gpu/%s/kind", bdf);
	copy_identity(c, d, bdf);
	copy_properties(c, d, bdf);
	copy_mig(c, d, bdf);
}

static void open_nvml(struct capture *c)
{
	char version[80] = "";

	if (c->p->ops->nvml(c->p, &c->api, NULL) < 0 || c->api->Init() != NVML_SUCCESS) {
		c->api = NULL;
		return;
	}
	if (c->api->SystemGetDriverVersion &&
	    c->api->SystemGetDriverVersion(version, sizeof(version)) == NVML_SUCCESS)
		put(c, version, ".emu/nvml/driver");
}

static int copy_gpus(struct capture *c)
{
	_cleanup_strv_ struct strv all = {0};
	char ids[128 * 64] = "", name[128];
	size_t len = 0;
	int r = c->p->ops->list(c->p, PCI_DIR, &all);

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		struct pci_function f;

		if (pci_read(c->p, all.v[i], &f) < 0 || !is_wanted(&f))
			continue;
		copy_function(c, all.v[i], &f);
		copy_group(c, &f);
		if (f.vendor == 0x10de && !f.is_vf)
			copy_nvidia(c, all.v[i]);
		/* names of boards that no driver tells */
		if (pci_name(c->p, f.vendor, f.device, name, sizeof(name)) == 0 && len < sizeof(ids) - 200)
			len += (size_t)snprintf(ids + len, sizeof(ids) - len, "%04x  vendor\n\t%04x  %s\n",
			                        f.vendor, f.device, name);
	}
	if (len)
		put(c, ids, "usr/share/misc/pci.ids");
	return r == -ENOENT ? 0 : r;
}

int emulation_capture(struct platform *p, char **ret, struct ofbc_error *err)
{
	struct tree t = {0};
	_cleanup_free_ char *text = malloc(TEXT_MAX);
	struct capture c = {.p = p, .t = &t, .text = text};
	int r;

	if (!text)
		return error_set_errno(err, ENOMEM, "capture");
	copy_host(&c);
	open_nvml(&c);
	r = copy_gpus(&c);
	if (c.api)
		(void)c.api->Shutdown();
	if (r == 0)
		r = tree_print(&t, ret);
	tree_done(&t);
	return r < 0 ? error_set_errno(err, -r, "cannot capture this host") : 0;
}
