/* SPDX-License-Identifier: MIT */
/* From a host file to a machine: PCI functions, drivers, processors, memory, and each GPU's own part. */
#include "emulation/parts.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/strbuf.h"

#define MAX_BOARDS 256 /* the emulated NVML's handles count so far */

struct builder {
	struct machine *m;
	const struct json *host;
	struct strbuf ids[3]; /* pci.ids excerpt: NVIDIA, AMD, Intel */
	unsigned bus;         /* next free one */
	unsigned minor;       /* next NVIDIA minor */
	struct ofbc_error *err;
};

static int load_json(const char *path, struct json **ret, struct ofbc_error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = data_load(path, &text, &len);

	if (r < 0)
		return error_set_errno(err, -r, "emulation data %s", path);
	return json_parse(text, len, path, ret, err);
}

static void put(struct machine *m, const char *path, const char *value)
{
	(void)tree_set(&m->tree, NODE_FILE, path, value);
}

static void build_base(struct builder *b)
{
	static const char *const drivers[] = {"vfio-pci", "nvidia", "amdgpu", "gim", "i915", "xe"};
	struct machine *m = b->m;

	put(m, "sys/devices/system/cpu/online", "0-15");
	put(m, "sys/devices/system/cpu/possible", "0-15");
	put(m, "sys/devices/system/cpu/present", "0-15");
	put(m, "sys/devices/system/node/node0/cpulist", "0-15");
	put(m, "proc/meminfo",
	    "MemTotal:       131072000 kB\nMemFree:        120000000 kB\nMemAvailable:   125000000 kB");
	put(m, "proc/cpuinfo", "processor\t: 0\nmodel name\t: Emulated processor\nflags\t\t: vmx");
	put(m, "proc/sys/kernel/osrelease", json_str(json_get(b->host, "kernel"), "6.8.0"));
	put(m, "proc/cmdline", "intel_iommu=on iommu=pt");
	put(m, "sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids");
	put(m, "sys/fs/cgroup/cgroup.subtree_control", "cpuset cpu io memory pids");
	put(m, "sys/fs/cgroup/cpuset.cpus.effective", "0-15");
	put(m, "sys/fs/cgroup/cgroup.procs", "1");
	(void)tree_set(&m->tree, NODE_DIR, "sys/bus/pci/devices", "");
	(void)tree_set(&m->tree, NODE_WRITE_ONLY, "sys/bus/pci/drivers_probe", "");
	(void)tree_set(&m->tree, NODE_DIR, "sys/class/iommu/dmar0", "");
	(void)tree_set(&m->tree, NODE_DIR, "sys/kernel/iommu_groups", "");
	(void)tree_set(&m->tree, NODE_DIR, "sys/module/vfio_pci", "");
	(void)tree_set(&m->tree, NODE_DIR, "sys/module/vfio", "");
	put(m, "dev/vfio/vfio", "");
	put(m, "dev/iommu", "");
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		(void)tree_setf(&m->tree, NODE_FILE, "", ".emu/driver/%s", drivers[i]);
	(void)tree_set(&m->tree, NODE_WRITE_ONLY, "sys/bus/pci/drivers/vfio-pci/bind", "");
	(void)tree_set(&m->tree, NODE_WRITE_ONLY, "sys/bus/pci/drivers/vfio-pci/unbind", "");
	put(m, ".emu/boot", "1");
}

static void build_latency(struct builder *b)
{
	const struct json *all = json_get(b->host, "latency_ms");
	const char *keys[16];
	size_t n = json_keys(all, keys, ARRAY_SIZE(keys));
	char text[24];

	for (size_t i = 0; i < n && i < ARRAY_SIZE(keys); i++) {
		(void)snprintf(text, sizeof(text), "%llu",
		               (unsigned long long)json_u64(json_get(all, keys[i]), 0));
		(void)tree_setf(&b->m->tree, NODE_FILE, text, ".emu/latency/%s", keys[i]);
	}
}

static void gpu_text(struct builder *b, const char *bdf, const char *key, const char *value)
{
	if (value && *value)
		(void)tree_setf(&b->m->tree, NODE_FILE, value, ".emu/gpu/%s/%s", bdf, key);
}

static void gpu_number(struct builder *b, const char *bdf, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	gpu_text(b, bdf, key, text);
}

/* "10de:2330" -> "0x10de" and "0x2330" */
static void split_id(const char *id, char vendor[16], char device[16])
{
	char part[8] = "0000";

	(void)word_at(id, ":", 0, part, sizeof(part));
	(void)snprintf(vendor, 16, "0x%s", part);
	(void)word_at(id, ":", 1, part, sizeof(part));
	(void)snprintf(device, 16, "0x%s", part);
}

static const char *first_name(const struct json *model)
{
	return json_str(json_at(json_get(model, "product_names"), 0),
	                json_str(json_get(model, "key"), "GPU"));
}

static void add_pci_name(struct builder *b, const char *vendor, const char *device, const char *name)
{
	static const char *const vendors[] = {"NVIDIA Corporation", "Advanced Micro Devices, Inc. [AMD/ATI]",
	                                      "Intel Corporation"};
	static const char *const brands[] = {"NVIDIA ", "AMD ", "Intel "};
	size_t vendor_index = strcmp(vendor, "0x10de") == 0 ? 0 : strcmp(vendor, "0x1002") == 0 ? 1 : 2;

	if (!b->ids[vendor_index].len)
		strbuf_addf(&b->ids[vendor_index], "%s  %s\n", vendor + 2, vendors[vendor_index]);
	/* the file names products without their vendor */
	if (strncmp(name, brands[vendor_index], strlen(brands[vendor_index])) == 0)
		name += strlen(brands[vendor_index]);
	strbuf_addf(&b->ids[vendor_index], "\t%s  %s\n", device + 2, name);
}

static void gpu_sriov(struct builder *b, const char *bdf, const struct json *entry, const struct json *model,
                      const char *device, const char *driver)
{
	const struct json *s = json_get(model, "sriov");
	uint64_t total = json_u64(json_get(entry, "vfs"), json_u64(json_get(s, "total"), 0));
	bool nvidia = strcmp(driver, "nvidia") == 0;

	if (!total || strcmp(json_str(json_get(entry, "vgpu"), ""), "mdev-pf") == 0)
		return;
	gpu_number(b, bdf, "sriov/total", total);
	gpu_number(b, bdf, "sriov/offset", json_u64(json_get(s, "offset"), nvidia ? 4 : 1));
	gpu_number(b, bdf, "sriov/stride", json_u64(json_get(s, "stride"), 1));
	gpu_text(b, bdf, "sriov/vf_device", json_str(json_get(s, "vf_device"), device));
	gpu_text(b, bdf, "sriov/vf_driver", json_str(json_get(s, "vf_driver"), nvidia ? "nvidia" : ""));
	(void)sriov_prepare(b->m, bdf);
}

static int gpu_nvidia(struct builder *b, const char *bdf, const struct json *entry, const struct json *model)
{
	const char *framework = json_str(json_get(entry, "vgpu"), "none");
	const char *driver = json_str(json_get(b->host, "driver"), "580.95.05");
	char uuid[UUID_STR_MAX], text[160];
	int r;

	(void)snprintf(text, sizeof(text), "%s/%s", b->m->name, bdf);
	uuid_derive(text, uuid);
	(void)snprintf(text, sizeof(text), "GPU-%s", uuid);
	gpu_text(b, bdf, "uuid", text);
	gpu_number(b, bdf, "minor", b->minor++);
	gpu_text(b, bdf, "name", first_name(model));
	gpu_text(b, bdf, "vgpu/framework", framework);
	put(b->m, ".emu/nvml/driver", driver);
	(void)snprintf(text, sizeof(text), "NVRM version: NVIDIA UNIX x86_64 Kernel Module  %s", driver);
	put(b->m, "proc/driver/nvidia/version", text);
	put(b->m, "sys/module/nvidia/version", driver);
	put(b->m, "dev/nvidiactl", "");
	put(b->m, "dev/nvidia-uvm", "");
	put(b->m, "dev/nvidia-uvm-tools", "");
	put(b->m, "usr/bin/nvidia-cuda-mps-control", "");
	r = nvml_emulation_build(b->m, bdf, model, b->err);
	if (r < 0)
		return r;
	/* Which framework the host's driver offers is the host's matter, not the board's. */
	if (strcmp(framework, "none") == 0)
		tree_remove(&b->m->tree, ".emu/gpu/%s/vgpu/framework", bdf);
	else
		gpu_text(b, bdf, "vgpu/framework", framework);
	return 0;
}

static void gpu_amd(struct builder *b, const char *bdf, const struct json *model)
{
	const struct json *amd = json_get(model, "amd"), *gim = json_get(model, "gim");

	if (amd) {
		gpu_number(b, bdf, "amd/xcc", json_u64(json_get(amd, "xcc"), 8));
		gpu_number(b, bdf, "amd/cus", json_u64(json_get(amd, "compute_units"), 304));
		gpu_text(b, bdf, "amd/compute", json_str(json_get(amd, "compute_modes"), "SPX"));
		gpu_text(b, bdf, "amd/memory", json_str(json_get(amd, "memory_modes"), NULL));
	}
	if (gim) {
		gpu_text(b, bdf, "gim/allowed", json_str(json_get(gim, "vf_counts"), "1"));
		gpu_text(b, bdf, "gim/profiles", json_str(json_get(gim, "profiles"), "0"));
		gpu_text(b, bdf, "gim/memory", json_str(json_get(gim, "memory_modes"), "NPS1"));
	}
}

static int build_function(struct builder *b, const char *bdf, const struct json *entry,
                          const struct json *model)
{
	const char *kind = json_str(json_get(model, "kind"), "nvidia");
	const char *driver =
		json_str(json_get(entry, "driver"), json_str(json_get(model, "driver"), "nvidia"));
	bool nvidia = strcmp(kind, "nvidia") == 0;
	char vendor[16], device[16];
	struct pci_spec s = {.address = bdf,
	                     .vendor = vendor,
	                     .device = device,
	                     .sub_vendor = vendor,
	                     .sub_device = "0x0001",
	                     .numa = (int)json_u64(json_get(entry, "numa_node"), 0),
	                     .class = json_str(json_get(model, "pci_class"), "0x030200")};
	int r;

	split_id(json_str(json_at(json_get(model, "pci_device_ids"), 0), nvidia ? "10de:0001" : "ffff:0001"),
	         vendor, device);
	r = pci_add(b->m, &s);
	if (r < 0)
		return error_set_errno(b->err, -r, "function %s", bdf);
	add_pci_name(b, vendor, device, first_name(model));
	gpu_text(b, bdf, "kind", kind);
	gpu_text(b, bdf, "model", json_str(json_get(model, "key"), ""));
	gpu_number(b, bdf, "memory_mib", json_u64(json_get(model, "total_memory_mib"), 0));
	gpu_sriov(b, bdf, entry, model, device, driver);
	gpu_amd(b, bdf, model);
	if (nvidia)
		r = gpu_nvidia(b, bdf, entry, model);
	if (r < 0)
		return r;
	if (strcmp(kind, "amd") == 0)
		(void)tree_setf(&b->m->tree, NODE_READ_ONLY, first_name(model), PCI_DIR "/%s/product_name",
		                bdf);
	(void)tree_setf(&b->m->tree, NODE_DIR, "", "sys/module/%s", driver);
	(void)tree_setf(&b->m->tree, NODE_FILE, driver, ".emu/pci/%s/driver", bdf);
	return driver_bind(b->m, bdf, driver);
}

static void build_mdev_type(struct builder *b, const char *dir, const char *parent, const struct json *type)
{
	const char *key = json_str(json_get(type, "key"), "type");
	struct tree *t = &b->m->tree;
	char path[256], text[24];

	(void)snprintf(path, sizeof(path), "%s/mdev_supported_types/%s", dir, key);
	(void)tree_setf(t, NODE_READ_ONLY, "", "%s/available_instances", path);
	(void)tree_setf(t, NODE_WRITE_ONLY, "", "%s/create", path);
	(void)tree_setf(t, NODE_READ_ONLY, json_str(json_get(type, "description"), ""), "%s/description",
	                path);
	(void)tree_setf(t, NODE_READ_ONLY, "vfio-pci", "%s/device_api", path);
	(void)tree_setf(t, NODE_READ_ONLY, json_str(json_get(type, "name"), key), "%s/name", path);
	(void)tree_setf(t, NODE_DIR, "", "%s/devices", path);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)json_u64(json_get(type, "size"), 1));
	(void)tree_setf(t, NODE_FILE, text, ".emu/mdev/%s/type/%s", parent, key);
	(void)tree_setf(t, NODE_FILE, json_str(json_get(type, "attribute"), ""), ".emu/mdev/%s/attribute/%s",
	                parent, key);
}

/* A parent that is not on PCI, such as the kernel's sample drivers make. */
static int build_mdev(struct builder *b, const struct json *model)
{
	const struct json *mdev = json_get(model, "mdev"), *types = json_get(mdev, "types");
	const char *name = json_str(json_get(mdev, "parent"), "mbochs");
	char dir[128], text[24];

	(void)snprintf(dir, sizeof(dir), "sys/devices/virtual/%s/%s", name, name);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)json_u64(json_get(mdev, "pool"), 0));
	(void)tree_setf(&b->m->tree, NODE_FILE, text, ".emu/mdev/%s/pool", name);
	(void)tree_setf(&b->m->tree, NODE_DIR, "", "sys/module/%s", name);
	for (size_t i = 0; i < json_len(types); i++)
		build_mdev_type(b, dir, name, json_at(types, i));
	return mdev_parent_add(b->m, dir);
}

static int build_gpu(struct builder *b, const struct json *entry)
{
	const char *name = json_str(json_get(entry, "model"), "");
	const struct json *addresses = json_get(entry, "addresses");
	uint64_t count = json_u64(json_get(entry, "count"), 1);
	_cleanup_json_ struct json *model = NULL;
	char path[160], bdf[PCI_STR_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "models/%s.json", name);
	r = load_json(strchr(name, '/') ? name : path, &model, b->err);
	if (r < 0)
		return r;
	if (strcmp(json_str(json_get(model, "kind"), "nvidia"), "mdev") == 0)
		return build_mdev(b, model);
	if (json_get(entry, "first_bus"))
		b->bus = (unsigned)json_u64(json_get(entry, "first_bus"), b->bus);
	for (uint64_t i = 0; i < count && r == 0; i++) {
		/* one PCI domain has 256 buses */
		struct pci_address a = {.domain = b->bus / 256, .bus = (uint8_t)(b->bus % 256)};

		if (i < json_len(addresses))
			(void)parse_pci(json_str(json_at(addresses, i), ""), &a);
		else
			b->bus += 4;
		pci_format(&a, bdf);
		if (tree_get(&b->m->tree, PCI_DIR "/%s/class", bdf))
			return error_set(b->err, EEXIST, OFBC_REASON_USAGE, "two GPUs at %s", bdf);
		if (b->minor >= MAX_BOARDS)
			return error_set(b->err, E2BIG, OFBC_REASON_USAGE,
			                 "an emulated host has at most %u NVIDIA boards", MAX_BOARDS);
		r = build_function(b, bdf, entry, model);
	}
	return r < 0 && b->err && !b->err->code ? error_set_errno(b->err, -r, "model %s", name) : r;
}

static int build_ids(struct builder *b)
{
	_cleanup_strbuf_ struct strbuf all = STRBUF_INIT(1 << 20);

	for (size_t i = 0; i < ARRAY_SIZE(b->ids); i++)
		strbuf_add(&all, strbuf_str(&b->ids[i]));
	return all.err ? all.err
	               : tree_set(&b->m->tree, NODE_FILE, "usr/share/misc/pci.ids", strbuf_str(&all));
}

/* A manifest begins with anything but a brace. */
static int load_manifest(struct machine *m, const char *path, bool *ret_is_one, struct ofbc_error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = data_load(path, &text, &len);

	if (r < 0)
		return error_set_errno(err, -r, "emulation data %s", path);
	*ret_is_one = text[strspn(text, " \t\r\n")] != '{';
	return *ret_is_one ? tree_parse(&m->tree, text, path, err) : 0;
}

int machine_build(struct machine *m, const char *host_name, struct ofbc_error *err)
{
	struct builder b = {.m = m,
	                    .ids = {STRBUF_INIT(1 << 20), STRBUF_INIT(1 << 20), STRBUF_INIT(1 << 20)},
	                    .bus = 1,
	                    .err = err};
	_cleanup_json_ struct json *host = NULL;
	const struct json *gpus;
	bool captured = false;
	char path[160];
	int r;

	(void)snprintf(path, sizeof(path), "hosts/%s.json", host_name);
	if (strchr(host_name, '/')) {
		r = load_manifest(m, host_name, &captured, err);
		if (r < 0 || captured)
			return r;
	}
	r = load_json(strchr(host_name, '/') ? host_name : path, &host, err);
	if (r < 0)
		return r;
	b.host = host;
	gpus = json_get(host, "gpus");
	build_base(&b);
	build_latency(&b);
	r = faults_add(m, "h", json_get(host, "faults"), err);
	for (size_t i = 0; i < json_len(gpus) && r == 0; i++)
		r = build_gpu(&b, json_at(gpus, i));
	if (r == 0)
		r = build_ids(&b);
	if (r == 0)
		put(m, ".emu/host", host_name);
	for (size_t i = 0; i < ARRAY_SIZE(b.ids); i++)
		strbuf_done(&b.ids[i]);
	return r;
}
