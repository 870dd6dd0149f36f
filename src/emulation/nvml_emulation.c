/* SPDX-License-Identifier: MIT */
/* The emulated NVML: sessions, GPUs, their properties and processes; and how a board's part of the tree is
 * made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "emulation/nvml_parts.h"

struct machine *nvml_machine;

void *handle_make(enum handle_kind kind, unsigned gpu, unsigned gi, unsigned ci)
{
	return (void *)(uintptr_t)(1u << 28 | (unsigned)kind << 24 | (gpu & 0xff) << 16 | (gi & 0xff) << 8 |
	                           (ci & 0xff));
}

/* NVIDIA boards of the machine in bus order, as of one state of it. */
static struct {
	const struct machine *of;
	uint64_t generation;
	unsigned n;
	char bdf[256][16];
} boards;

static bool gpu_at(unsigned index, char bdf[16])
{
	_cleanup_strv_ struct strv names = {0};

	if (boards.of != nvml_machine || boards.generation != nvml_machine->generation) {
		boards.n = 0;
		if (tree_list(&nvml_machine->tree, ".emu/gpu", &names) < 0)
			return false;
		for (size_t i = 0; i < names.n && boards.n < ARRAY_SIZE(boards.bdf); i++) {
			const char *kind = tree_get(&nvml_machine->tree, ".emu/gpu/%s/kind", names.v[i]);

			if (kind && strcmp(kind, "nvidia") == 0)
				snprintf(boards.bdf[boards.n++], sizeof(boards.bdf[0]), "%s", names.v[i]);
		}
		boards.of = nvml_machine;
		boards.generation = nvml_machine->generation;
	}
	if (index >= boards.n)
		return false;
	snprintf(bdf, 16, "%s", boards.bdf[index]);
	return true;
}

static unsigned gpu_count(void)
{
	char bdf[16];
	unsigned n = 0;

	while (gpu_at(n, bdf))
		n++;
	return n;
}

/* A GPU that was given to another driver is not there for NVML. */
static bool is_bound(const char *bdf)
{
	char driver[64];

	driver_name(nvml_machine, bdf, driver);
	return strcmp(driver, "nvidia") == 0;
}

unsigned long gpu_number(const char *bdf, const char *key, unsigned long fallback)
{
	return tree_get_u(&nvml_machine->tree, fallback, ".emu/gpu/%s/%s", bdf, key);
}

nvml_return handle_open(void *h, enum handle_kind kind, struct handle *ret)
{
	uintptr_t v = (uintptr_t)h;

	if (nvml_machine->nvml_sessions == 0)
		return NVML_UNINITIALIZED;
	if (v >> 28 != 1 || ((v >> 24) & 0xf) != kind)
		return NVML_INVALID_ARGUMENT;
	machine_refresh(nvml_machine);
	ret->kind = kind;
	ret->gpu = (v >> 16) & 0xff;
	ret->gi = (v >> 8) & 0xff;
	ret->ci = v & 0xff;
	if (!gpu_at(ret->gpu, ret->bdf) || !is_bound(ret->bdf))
		return NVML_GPU_IS_LOST;
	if (kind != HANDLE_GPU && !tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u", ret->bdf, ret->gi))
		return NVML_NOT_FOUND;
	if ((kind == HANDLE_CI || kind == HANDLE_MIG) &&
	    !tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", ret->bdf, ret->gi, ret->ci))
		return NVML_NOT_FOUND;
	return NVML_SUCCESS;
}

static nvml_return init(void)
{
	FAULT_BEFORE("Init");
	nvml_machine->nvml_sessions++;
	return NVML_SUCCESS;
}

static nvml_return init_with_flags(unsigned flags)
{
	(void)flags;
	return init();
}

static nvml_return shutdown_session(void)
{
	if (nvml_machine->nvml_sessions == 0)
		return NVML_UNINITIALIZED;
	nvml_machine->nvml_sessions--;
	return NVML_SUCCESS;
}

static nvml_return get_count(unsigned *ret)
{
	FAULT_BEFORE("DeviceGetCount");
	*ret = gpu_count();
	return NVML_SUCCESS;
}

static nvml_return by_index(unsigned index, nvml_device *ret)
{
	char bdf[16];

	FAULT_BEFORE("DeviceGetHandleByIndex");
	if (!gpu_at(index, bdf))
		return NVML_INVALID_ARGUMENT;
	if (!is_bound(bdf))
		return NVML_GPU_NOT_FOUND;
	*ret = handle_make(HANDLE_GPU, index, 0, 0);
	return NVML_SUCCESS;
}

/* "00000000:3D:00.0" and "0000:3d:00.0" are the same. */
static nvml_return by_bus_id(const char *bus_id, nvml_device *ret)
{
	size_t n = strlen(bus_id);
	char bdf[16];

	FAULT_BEFORE("DeviceGetHandleByPciBusId");
	for (unsigned i = 0; gpu_at(i, bdf); i++) {
		if (n >= 7 && strcasecmp(bus_id + n - 7, bdf + strlen(bdf) - 7) == 0 && is_bound(bdf)) {
			*ret = handle_make(HANDLE_GPU, i, 0, 0);
			return NVML_SUCCESS;
		}
	}
	return NVML_NOT_FOUND;
}

static nvml_return get_pci(nvml_device d, struct nvml_pci_info *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);
	unsigned long device;

	if (r)
		return r;
	FAULT_BEFORE("DeviceGetPciInfo");
	*ret = (struct nvml_pci_info){0};
	if (sscanf(h.bdf, "%x:%x:%x", &ret->domain, &ret->bus, &ret->device) != 3)
		return NVML_UNKNOWN;
	device = strtoul(tree_get(&nvml_machine->tree, PCI_DIR "/%s/device", h.bdf), NULL, 16);
	ret->pci_device_id = (uint32_t)(device << 16 | 0x10de);
	snprintf(ret->bus_id, sizeof(ret->bus_id), "%08X:%02X:%02X.0", ret->domain, ret->bus, ret->device);
	snprintf(ret->bus_id_legacy, sizeof(ret->bus_id_legacy), "%04X:%02X:%02X.0", ret->domain & 0xffff,
	         ret->bus & 0xff, ret->device & 0xff);
	return NVML_SUCCESS;
}

static nvml_return copy_text(const char *s, char *buf, unsigned size)
{
	if (!s)
		return NVML_NOT_SUPPORTED;
	if (strlen(s) >= size)
		return NVML_INSUFFICIENT_SIZE;
	snprintf(buf, size, "%s", s);
	return NVML_SUCCESS;
}

static nvml_return driver_version(char *buf, unsigned size)
{
	return copy_text(tree_get(&nvml_machine->tree, ".emu/nvml/driver"), buf, size);
}

static nvml_return nvml_version(char *buf, unsigned size)
{
	return copy_text("13.580", buf, size);
}

static nvml_return get_name(nvml_device d, char *buf, unsigned size)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	return r ? r : copy_text(tree_get(&nvml_machine->tree, ".emu/gpu/%s/name", h.bdf), buf, size);
}

static nvml_return get_uuid(nvml_device d, char *buf, unsigned size)
{
	struct handle h;
	char line[128], uuid[64];
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r != NVML_INVALID_ARGUMENT)
		return r ? r : copy_text(tree_get(&nvml_machine->tree, ".emu/gpu/%s/uuid", h.bdf), buf, size);
	r = handle_open(d, HANDLE_MIG, &h);
	if (r)
		return r;
	snprintf(line, sizeof(line), "%s",
	         tree_get(&nvml_machine->tree, ".emu/gpu/%s/mig/gi/%u/ci/%u", h.bdf, h.gi, h.ci));
	return word_at(line, " ", 3, uuid, sizeof(uuid)) ? copy_text(uuid, buf, size) : NVML_UNKNOWN;
}

static nvml_return get_number(nvml_device d, const char *key, unsigned *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r)
		return r;
	*ret = (unsigned)gpu_number(h.bdf, key, 0);
	return NVML_SUCCESS;
}

static nvml_return get_minor(nvml_device d, unsigned *ret)
{
	return get_number(d, "minor", ret);
}

static nvml_return get_architecture(nvml_device d, unsigned *ret)
{
	return get_number(d, "architecture", ret);
}

static nvml_return get_cc(nvml_device d, int *major, int *minor)
{
	struct handle h;
	const char *cc;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r)
		return r;
	cc = tree_get(&nvml_machine->tree, ".emu/gpu/%s/cc", h.bdf);
	return cc && sscanf(cc, "%d.%d", major, minor) == 2 ? NVML_SUCCESS : NVML_NOT_SUPPORTED;
}

static nvml_return get_memory(nvml_device d, struct nvml_memory *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r)
		return r;
	ret->total = (uint64_t)gpu_number(h.bdf, "memory_mib", 0) << 20;
	ret->used = 512u << 20;
	ret->free = ret->total - ret->used;
	return NVML_SUCCESS;
}

static nvml_return get_virtualization(nvml_device d, unsigned *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r)
		return r;
	*ret = tree_get(&nvml_machine->tree, ".emu/gpu/%s/vgpu/framework", h.bdf) ? 3 : 0;
	return NVML_SUCCESS;
}

static nvml_return get_compute_mode(nvml_device d, unsigned *ret)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r == NVML_SUCCESS)
		*ret = 0;
	return r;
}

static nvml_return get_fields(nvml_device d, int n, struct nvml_field_value *values)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	for (int i = 0; r == NVML_SUCCESS && i < n; i++) {
		uint32_t value = (uint32_t)gpu_number(h.bdf, "mig/reset_free", 0);

		values[i].ret = values[i].field_id == NVML_FIELD_MIG_RESET_FREE
		                        ? NVML_SUCCESS
		                        : nvml_telemetry_field(h.bdf, values[i].field_id, &value);
		values[i].value_type = 1;
		values[i].value.u32 = value;
	}
	return r;
}

/* Who holds a node, as rows of 24 bytes; count in/out as the real protocol. */
static nvml_return processes_of(const char *node, unsigned gi, unsigned ci, unsigned *count, void *rows)
{
	struct nvml_process_v2 *out = rows;
	unsigned room = *count, n = 0;

	for (size_t i = 0; i < nvml_machine->tree.n; i++) {
		struct hold h;

		if (!hold_at(nvml_machine, i, &h) || !hold_is_alive(&h) || strcmp(h.node, node) != 0)
			continue;
		if (n < room && out)
			out[n] = (struct nvml_process_v2){
				.pid = (uint32_t)h.pid, .used_memory = ~0ull, .gi_id = gi, .ci_id = ci};
		n++;
	}
	*count = n;
	return n > room ? NVML_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

static nvml_return get_compute_processes(nvml_device d, unsigned *count, void *rows)
{
	struct handle h;
	char node[160], uuid[96];
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	if (r == NVML_SUCCESS) {
		snprintf(node, sizeof(node), "/dev/nvidia%lu", gpu_number(h.bdf, "minor", 0));
		return processes_of(node, NVML_NONE, NVML_NONE, count, rows);
	}
	r = handle_open(d, HANDLE_MIG, &h);
	if (r)
		return r;
	get_uuid(d, uuid, sizeof(uuid));
	snprintf(node, sizeof(node), "/dev/emulated/%s", uuid);
	return processes_of(node, h.gi, h.ci, count, rows);
}

static nvml_return get_no_processes(nvml_device d, unsigned *count, void *rows)
{
	struct handle h;
	nvml_return r = handle_open(d, HANDLE_GPU, &h);

	(void)rows;
	*count = 0;
	return r == NVML_INVALID_ARGUMENT ? handle_open(d, HANDLE_MIG, &h) : r;
}

static const char *error_string(nvml_return r)
{
	return nvml_return_name(r);
}

void nvml_emulation_done(struct machine *m)
{
	for (struct machine **at = &nvml_machine; *at; at = &(*at)->nvml_before) {
		if (*at == m) {
			*at = m->nvml_before;
			return;
		}
	}
}

void nvml_emulation_init(struct machine *m)
{
	nvml_emulation_done(m);
	m->nvml_before = nvml_machine;
	nvml_machine = m;
	boards.of = NULL;
	m->nvml = (struct nvml_api){.Init = init,
	                            .InitWithFlags = init_with_flags,
	                            .Shutdown = shutdown_session,
	                            .ErrorString = error_string,
	                            .DeviceGetCount = get_count,
	                            .DeviceGetHandleByIndex = by_index,
	                            .DeviceGetHandleByPciBusId = by_bus_id,
	                            .DeviceGetPciInfo = get_pci,
	                            .SystemGetDriverVersion = driver_version,
	                            .SystemGetNVMLVersion = nvml_version,
	                            .DeviceGetName = get_name,
	                            .DeviceGetUUID = get_uuid,
	                            .DeviceGetMinorNumber = get_minor,
	                            .DeviceGetArchitecture = get_architecture,
	                            .DeviceGetCudaComputeCapability = get_cc,
	                            .DeviceGetMemoryInfo = get_memory,
	                            .DeviceGetVirtualizationMode = get_virtualization,
	                            .DeviceGetComputeMode = get_compute_mode,
	                            .DeviceGetFieldValues = get_fields,
	                            .DeviceGetComputeRunningProcesses = get_compute_processes,
	                            .DeviceGetGraphicsRunningProcesses = get_no_processes,
	                            .DeviceGetMPSComputeRunningProcesses = get_no_processes};
	nvml_mig_init(&m->nvml);
	nvml_telemetry_init(&m->nvml);
	nvml_vgpu_init(&m->nvml);
}

/* --- building --- */

static unsigned architecture_number(const char *name)
{
	static const struct {
		const char *name;
		unsigned number;
	} table[] = {{"Turing", 6}, {"Ampere", 7}, {"Ada", 8}, {"Hopper", 9}, {"Blackwell", 10}};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].name, name) == 0)
			return table[i].number;
	}
	return 0xffffffffu;
}

static unsigned u(const struct json *j, const char *key)
{
	return (unsigned)json_u64(json_get(j, key), 0);
}

static void build_profile(struct machine *m, const char *bdf, const struct json *p)
{
	const struct json *places = json_get(p, "placements");
	char line[900];
	size_t len;

	len = (size_t)snprintf(line, sizeof(line), "%u %s %u %u %u %u %u %u %u %u %u ", u(p, "profile_id"),
	                       json_str(json_get(p, "name"), ""), u(p, "slice_count"), u(p, "max_instances"),
	                       u(p, "sm_count"), u(p, "copy_engines"), u(p, "decoders"), u(p, "encoders"),
	                       u(p, "jpeg"), u(p, "ofa"), u(p, "memory_mib"));
	for (size_t i = 0; i < json_len(places) && len + 16 < sizeof(line); i++) {
		const struct json *at = json_at(places, i);

		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%u:%u", i ? "," : "",
		                        (unsigned)json_u64(json_at(at, 0), 0),
		                        (unsigned)json_u64(json_at(at, 1), 0));
	}
	tree_setf(&m->tree, NODE_FILE, line, ".emu/gpu/%s/mig/profile/%u", bdf, u(p, "nvml_profile_enum"));
}

static void build_cis(struct machine *m, const char *bdf, const struct json *by_slices)
{
	const char *keys[16];
	size_t n = json_keys(by_slices, keys, ARRAY_SIZE(keys));

	for (size_t i = 0; i < n && i < ARRAY_SIZE(keys); i++) {
		const struct json *list = json_get(by_slices, keys[i]);

		for (size_t k = 0; k < json_len(list); k++) {
			const struct json *c = json_at(list, k);
			char line[64];

			snprintf(line, sizeof(line), "%u %u %u", u(c, "profile_id"), u(c, "slices"),
			         u(c, "max_instances"));
			tree_setf(&m->tree, NODE_FILE, line, ".emu/gpu/%s/mig/ci/%s/%u", bdf, keys[i],
			          u(c, "nvml_profile_enum"));
		}
	}
}

static void set_number(struct machine *m, const char *bdf, const char *key, unsigned long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", value);
	tree_setf(&m->tree, NODE_FILE, text, ".emu/gpu/%s/%s", bdf, key);
}

int nvml_emulation_build(struct machine *m, const char *bdf, const struct json *model, struct ofbc_error *err)
{
	const struct json *profiles = json_get(model, "profiles");
	const char *cc = json_str(json_get(model, "compute_capability"), "");
	unsigned long total = json_u64(json_get(model, "total_memory_mib"), 0);

	(void)err;
	for (size_t i = 0; i < json_len(profiles); i++) {
		const struct json *p = json_at(profiles, i);

		build_profile(m, bdf, p);
		/* Where the board's memory is not published the largest part stands for it. */
		if (!json_get(model, "total_memory_mib") && u(p, "memory_mib") > total)
			total = u(p, "memory_mib");
	}
	build_cis(m, bdf, json_get(model, "ci_profiles_by_gi_slices"));
	set_number(m, bdf, "memory_mib", total);
	set_number(m, bdf, "architecture",
	           architecture_number(json_str(json_get(model, "architecture"), "")));
	set_number(m, bdf, "sm_count", u(model, "sm_count"));
	set_number(m, bdf, "power_w",
	           json_u64(json_get(model, "board_power_w"), NVML_TELEMETRY_BOARD_POWER_W));
	tree_setf(&m->tree, NODE_FILE, cc, ".emu/gpu/%s/cc", bdf);
	if (json_len(profiles)) {
		set_number(m, bdf, "mig/capable", 1);
		set_number(m, bdf, "mig/mode", 0);
		set_number(m, bdf, "mig/pending", 0);
		set_number(m, bdf, "mig/slots", u(model, "memory_slices"));
		set_number(m, bdf, "mig/reset_free",
		           !json_bool(json_get(model, "mig_enable_needs_gpu_reset"), false));
		set_number(m, bdf, "mig/persists",
		           json_bool(json_get(model, "mig_mode_persists_reboot"), false));
	}
	return nvml_vgpu_build(m, bdf, model);
}

/* Numbers of the driver's table of capabilities: GPU instance 0..14 of GPU minor 0..31, 8 compute instances.
 */
#define CAPABILITY_FIRST   3u
#define CAPABILITIES_GI    9u
#define INSTANCES_OF_BOARD 15u

static void capability_add(struct machine *m, unsigned number, const char *name)
{
	char text[96];

	snprintf(text, sizeof(text), "DeviceFileMinor: %u\nDeviceFileMode: 292\nDeviceFileModify: 1", number);
	tree_setf(&m->tree, NODE_READ_ONLY, text, "proc/driver/nvidia/capabilities/%s/access", name);
	tree_setf(&m->tree, NODE_FILE, "", "dev/nvidia-caps/nvidia-cap%u", number);
}

void mig_nodes_update(struct machine *m, const char *bdf)
{
	_cleanup_strv_ struct strv gis = {0};
	unsigned minor = (unsigned)tree_get_u(&m->tree, 0, ".emu/gpu/%s/minor", bdf);
	unsigned first = CAPABILITY_FIRST + minor * INSTANCES_OF_BOARD * CAPABILITIES_GI;
	char path[96], name[96];

	tree_remove(&m->tree, "proc/driver/nvidia/capabilities/gpu%u", minor);
	for (unsigned i = 0; i < INSTANCES_OF_BOARD * CAPABILITIES_GI; i++)
		tree_remove(&m->tree, "dev/nvidia-caps/nvidia-cap%u", first + i);
	snprintf(path, sizeof(path), ".emu/gpu/%s/mig/gi", bdf);
	(void)tree_list(&m->tree, path, &gis);
	for (size_t i = 0; i < gis.n; i++) {
		unsigned gi = (unsigned)strtoul(gis.v[i], NULL, 10);
		unsigned number = first + gi * CAPABILITIES_GI;

		snprintf(name, sizeof(name), "gpu%u/mig/gi%u", minor, gi);
		capability_add(m, number, name);
		for (unsigned ci = 0; ci + 1 < CAPABILITIES_GI; ci++) {
			if (!tree_get(&m->tree, "%s/%u/ci/%u", path, gi, ci))
				continue;
			snprintf(name, sizeof(name), "gpu%u/mig/gi%u/ci%u", minor, gi, ci);
			capability_add(m, number + 1 + ci, name);
		}
	}
}

void nvml_emulation_reboot(struct machine *m, const char *bdf)
{
	tree_remove(&m->tree, ".emu/gpu/%s/mig/gi", bdf);
	mig_nodes_update(m, bdf);
	if (tree_get_u(&m->tree, 0, ".emu/gpu/%s/mig/persists", bdf))
		set_number(m, bdf, "mig/mode", tree_get_u(&m->tree, 0, ".emu/gpu/%s/mig/pending", bdf));
	else if (tree_get_u(&m->tree, 0, ".emu/gpu/%s/mig/capable", bdf))
		set_number(m, bdf, "mig/mode", 0);
	if (tree_get_u(&m->tree, 0, ".emu/gpu/%s/mig/capable", bdf))
		set_number(m, bdf, "mig/pending", tree_get_u(&m->tree, 0, ".emu/gpu/%s/mig/mode", bdf));
	if (tree_get(&m->tree, ".emu/gpu/%s/vgpu/hetero", bdf))
		set_number(m, bdf, "vgpu/hetero", 0);
}
