/* SPDX-License-Identifier: MIT */
/*
 * The host as the backends see it: one NVML session per command, and the list of GPUs with names,
 * memory and the state of each technology.
 */
#include "backends/backend.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "platform/nvml.h"

#define VENDOR_NVIDIA 0x10de
#define VENDOR_AMD    0x1002
#define VENDOR_INTEL  0x8086

/* --- NVML --- */

static const struct {
	nvml_return code;
	int error;
	enum ofbc_reason reason;
	const char *hint;
} nvml_errors[] = {
	{.code = NVML_NO_PERMISSION,
         .error = EPERM,
         .reason = OFBC_REASON_NOT_PERMITTED,
         .hint = "run as root"},
	{.code = NVML_IN_USE,
         .error = EBUSY,
         .reason = OFBC_REASON_IN_USE,
         .hint = "look for open descriptors: `fuser -v /dev/nvidia* /dev/nvidia-caps/*`"},
	{.code = NVML_INSUFFICIENT_RESOURCES, .error = ENOSPC, .reason = OFBC_REASON_NO_CAPACITY},
	{.code = NVML_NOT_SUPPORTED, .error = ENOTSUP, .reason = OFBC_REASON_NOT_SUPPORTED},
	{.code = NVML_FUNCTION_NOT_FOUND,
         .error = ENOTSUP,
         .reason = OFBC_REASON_NOT_SUPPORTED,
         .hint = "this needs a newer NVIDIA driver"},
	{.code = NVML_ARGUMENT_VERSION_MISMATCH,
         .error = ENOTSUP,
         .reason = OFBC_REASON_NOT_SUPPORTED,
         .hint = "this needs a newer NVIDIA driver"},
	{.code = NVML_NOT_FOUND, .error = ENODEV, .reason = OFBC_REASON_NOT_FOUND},
	{.code = NVML_GPU_NOT_FOUND, .error = ENODEV, .reason = OFBC_REASON_NOT_FOUND},
	{.code = NVML_INVALID_ARGUMENT, .error = EINVAL, .reason = OFBC_REASON_FAILED},
	{.code = NVML_TIMEOUT, .error = ETIMEDOUT, .reason = OFBC_REASON_FAILED},
	{.code = NVML_MEMORY, .error = ENOMEM, .reason = OFBC_REASON_FAILED},
	{.code = NVML_GPU_IS_LOST,
         .error = EIO,
         .reason = OFBC_REASON_FAILED,
         .hint = "the GPU has fallen off the bus: see `journalctl -k`, then reboot"},
	{.code = NVML_RESET_REQUIRED,
         .error = EIO,
         .reason = OFBC_REASON_FAILED,
         .hint = "the GPU needs a reset: `nvidia-smi --gpu-reset -i GPU`, or a reboot where that is refused"},
	{.code = NVML_DRIVER_NOT_LOADED,
         .error = ENODEV,
         .reason = OFBC_REASON_NOT_SUPPORTED,
         .hint = "`modprobe nvidia`"},
	{.code = NVML_LIB_RM_VERSION_MISMATCH,
         .error = EPROTO,
         .reason = OFBC_REASON_FAILED,
         .hint = "the driver was upgraded: reboot or reload the module"},
};

int host_nvml_error(struct host *h, unsigned code, struct ofbc_error *err, const char *what_fmt, ...)
{
	int error = EIO;
	enum ofbc_reason reason = OFBC_REASON_FAILED;
	const char *hint = NULL, *text = NULL;
	char what[256];
	va_list ap;

	va_start(ap, what_fmt);
	vsnprintf(what, sizeof(what), what_fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < ARRAY_SIZE(nvml_errors); i++) {
		if (nvml_errors[i].code == code) {
			error = nvml_errors[i].error;
			reason = nvml_errors[i].reason;
			hint = nvml_errors[i].hint;
		}
	}
	if (h->nvml && h->nvml->ErrorString)
		text = h->nvml->ErrorString(code);
	error_set(err, error, reason, "%s: %s (NVML %u)%s", what, text ? text : nvml_return_name(code), code,
	          code == NVML_LIB_RM_VERSION_MISMATCH ? "; driver was upgraded, reboot or reload the module"
	                                               : "");
	if (hint)
		error_hint(err, "%s", hint);
	return -error;
}

/* Init fails when every GPU was given away to guests; the driver and its files are usable all the same. */
static nvml_return nvml_init(const struct nvml_api *api)
{
	nvml_return n = api->Init();

	if ((n == NVML_NOT_FOUND || n == NVML_GPU_NOT_FOUND) && api->InitWithFlags)
		n = api->InitWithFlags(NVML_INIT_NO_GPUS);
	return n;
}

static int nvml_open(struct host *h)
{
	nvml_return n;
	int r = h->platform->ops->nvml(h->platform, &h->nvml, &h->nvml_error);

	if (r < 0) {
		h->nvml = NULL;
		return r;
	}
	n = nvml_init(h->nvml);
	if (n == NVML_SUCCESS)
		return 1;
	return host_nvml_error(h, n, &h->nvml_error, "NVML cannot be used");
}

int host_nvml(struct host *h, const struct nvml_api **ret, struct ofbc_error *err)
{
	if (h->nvml_state == 0)
		h->nvml_state = nvml_open(h);
	if (h->nvml_state < 0) {
		if (err)
			*err = h->nvml_error;
		return h->nvml_state;
	}
	*ret = h->nvml;
	return 0;
}

void host_nvml_close(struct host *h)
{
	if (h->nvml_state != 1)
		return;
	h->nvml->Shutdown();
	h->nvml_state = 0;
}

int host_nvml_device(struct host *h, const char *gpu_id, const struct nvml_api **ret_api, void **ret_device,
                     struct ofbc_error *err)
{
	const struct nvml_api *api;
	nvml_return n;
	int r = host_nvml(h, &api, err);

	if (r < 0)
		return r;
	n = api->DeviceGetHandleByPciBusId(gpu_id, ret_device);
	if (n != NVML_SUCCESS)
		return host_nvml_error(h, n, err, "GPU %s", gpu_id);
	*ret_api = api;
	return 0;
}

void host_done(struct host *h)
{
	host_nvml_close(h);
	host_forget_open_devices(h);
	*h = (struct host){0};
}

/* --- names --- */

static bool is_noise_word(const char *w, bool first)
{
	static const char *const noise[] = {"nvidia",   "amd",         "intel",  "corporation", "instinct",
	                                    "radeon",   "tesla",       "quadro", "geforce",     "grid",
	                                    "data",     "center",      "gpu",    "arc",         "series",
	                                    "graphics", "accelerator", "r",      "tm"};

	for (size_t i = 0; i < ARRAY_SIZE(noise); i++) {
		if (strcmp(w, noise[i]) == 0)
			return true;
	}
	/* "Radeon Pro V710" is a v710, but "RTX PRO 6000" is an rtxpro6000 */
	return first && strcmp(w, "pro") == 0;
}

/* Words of the model up to the first one with a digit, without vendor and family: "h200", "flex170". */
static void model_word(const char *model, char *buf, size_t size)
{
	size_t len = 0;
	bool has_digit = false;

	buf[0] = '\0';
	while (*model && !has_digit) {
		char word[48];
		size_t n = 0;
		bool digit = false;

		for (; *model && isalnum((unsigned char)*model); model++) {
			digit |= isdigit((unsigned char)*model) != 0;
			if (n + 1 < sizeof(word))
				word[n++] = (char)tolower((unsigned char)*model);
		}
		word[n] = '\0';
		while (*model && !isalnum((unsigned char)*model))
			model++;
		if (n == 0 || is_noise_word(word, len == 0) || len + n + 1 > size)
			continue;
		memcpy(buf + len, word, n + 1);
		len += n;
		has_digit = digit;
	}
	if (len == 0)
		snprintf(buf, size, "gpu");
}

static void set_alias(const struct ofbc_gpu_list *l, struct ofbc_gpu *gpu)
{
	char word[40];
	unsigned index = 0;

	model_word(gpu->model, word, sizeof(word));
	for (const struct ofbc_gpu *g = l->v; g < gpu; g++) {
		const char *dash = strrchr(g->alias, '-');
		size_t n = dash ? (size_t)(dash - g->alias) : 0;

		index += n == strlen(word) && strncmp(g->alias, word, n) == 0;
	}
	snprintf(gpu->alias, sizeof(gpu->alias), "%s-%u", word, index);
}

static const char *vendor_title(uint32_t vendor)
{
	switch (vendor) {
	case VENDOR_NVIDIA:
		return "NVIDIA ";
	case VENDOR_AMD:
		return "AMD ";
	case VENDOR_INTEL:
		return "Intel ";
	}
	return "";
}

/* pci.ids has "GH100 [H200 SXM 141GB]": the trade name stands in brackets. */
static void name_from_pci_ids(struct platform *p, struct ofbc_gpu *gpu)
{
	char name[128];
	const char *open, *close;

	if (pci_name(p, gpu->pci_vendor, gpu->pci_device, name, sizeof(name)) < 0) {
		snprintf(gpu->model, sizeof(gpu->model), "%sGPU %04x:%04x", vendor_title(gpu->pci_vendor),
		         gpu->pci_vendor, gpu->pci_device);
		return;
	}
	open = strchr(name, '[');
	close = open ? strchr(open, ']') : NULL;
	if (close)
		snprintf(gpu->model, sizeof(gpu->model), "%s%.*s", vendor_title(gpu->pci_vendor),
		         (int)(close - open - 1), open + 1);
	else
		snprintf(gpu->model, sizeof(gpu->model), "%s%s", vendor_title(gpu->pci_vendor), name);
}

static void describe_nvidia(struct host *h, struct ofbc_gpu *gpu)
{
	const struct nvml_api *api;
	nvml_device d;
	char version[80] = "";
	struct nvml_memory mem = {0};

	if (strcmp(gpu->kernel_driver, "nvidia") != 0 || host_nvml_device(h, gpu->id, &api, &d, NULL) < 0)
		return;
	if (api->DeviceGetName && api->DeviceGetName(d, gpu->model, sizeof(gpu->model)) != NVML_SUCCESS)
		gpu->model[0] = '\0';
	if (api->DeviceGetUUID && api->DeviceGetUUID(d, gpu->uuid, sizeof(gpu->uuid)) != NVML_SUCCESS)
		gpu->uuid[0] = '\0';
	if (api->DeviceGetMemoryInfo && api->DeviceGetMemoryInfo(d, &mem) == NVML_SUCCESS)
		gpu->memory_bytes = mem.total;
	if (api->SystemGetDriverVersion &&
	    api->SystemGetDriverVersion(version, sizeof(version)) == NVML_SUCCESS)
		snprintf(gpu->driver, sizeof(gpu->driver), "nvidia %.48s", version);
}

static void describe_amd(struct platform *p, struct ofbc_gpu *gpu)
{
	char name[96], id[40];

	if (sysfs_read(p, name, sizeof(name), "sys/bus/pci/devices/%s/product_name", gpu->id) > 0)
		snprintf(gpu->model, sizeof(gpu->model), "%s%s",
		         strncasecmp(name, "AMD", 3) == 0 ? "" : "AMD ", name);
	if (sysfs_read(p, id, sizeof(id), "sys/bus/pci/devices/%s/unique_id", gpu->id) > 0)
		snprintf(gpu->uuid, sizeof(gpu->uuid), "GPU-%s", id);
	if (sysfs_read_u64(p, &gpu->memory_bytes, "sys/bus/pci/devices/%s/mem_info_vram_total", gpu->id) < 0)
		gpu->memory_bytes = 0;
}

/* xe tells its memory below the PCI device, i915 below the DRM card. */
static void describe_intel(struct platform *p, struct ofbc_gpu *gpu)
{
	_cleanup_strv_ struct strv cards = {0};
	uint64_t bytes;

	if (sysfs_read_u64(p, &bytes, "sys/bus/pci/devices/%s/tile0/physical_vram_size_bytes", gpu->id) == 0)
		gpu->memory_bytes = bytes;
	if (gpu->memory_bytes || sysfs_list(p, &cards, "sys/bus/pci/devices/%s/drm", gpu->id) < 0)
		return;
	for (size_t i = 0; i < cards.n; i++) {
		if (sysfs_read_u64(p, &bytes, "sys/bus/pci/devices/%s/drm/%s/lmem_total_bytes", gpu->id,
		                   cards.v[i]) == 0)
			gpu->memory_bytes = bytes;
	}
}

static void set_driver(struct platform *p, struct ofbc_gpu *gpu)
{
	char version[32] = "";

	if (gpu->kernel_driver[0])
		sysfs_read(p, version, sizeof(version), "sys/module/%s/version", gpu->kernel_driver);
	snprintf(gpu->driver, sizeof(gpu->driver), "%s%s%s", gpu->kernel_driver, version[0] ? " " : "",
	         version);
}

static void describe(struct host *h, struct ofbc_gpu *gpu)
{
	struct platform *p = h->platform;

	set_driver(p, gpu);
	switch (gpu->pci_vendor) {
	case VENDOR_NVIDIA:
		snprintf(gpu->vendor, sizeof(gpu->vendor), "nvidia");
		describe_nvidia(h, gpu);
		break;
	case VENDOR_AMD:
		snprintf(gpu->vendor, sizeof(gpu->vendor), "amd");
		describe_amd(p, gpu);
		break;
	case VENDOR_INTEL:
		snprintf(gpu->vendor, sizeof(gpu->vendor), "intel");
		describe_intel(p, gpu);
		break;
	default:
		snprintf(gpu->vendor, sizeof(gpu->vendor), "%04x", gpu->pci_vendor);
	}
	if (!gpu->model[0])
		name_from_pci_ids(p, gpu);
}

/* --- discovery --- */

/* Display controllers, and AMD Instinct, which calls itself a processing accelerator. */
static bool is_gpu(const struct pci_function *f)
{
	unsigned base = f->class >> 16;

	return !f->is_vf && (base == 0x03 || (base == 0x12 && f->vendor == VENDOR_AMD));
}

/* Hexadecimal addresses in the order of their value; the version order of a listing puts 9d before 43. */
static int by_address(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Only what could be cut or given away as a whole. */
static int check_device(const char *address, const struct pci_function *f, struct ofbc_error *err)
{
	if (!f->is_vf && f->class >> 16 != 0x06)
		return 0;
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s cannot count as a GPU: it is a %s", address,
	          f->is_vf ? "virtual function" : "bridge");
	error_hint(err,
	           f->is_vf ? "name its physical function: `readlink /sys/bus/pci/devices/%s/physfn`"
	                    : "see `lspci -s %s`",
	           address);
	return -ENOTSUP;
}

static int check_devices(struct host *h, struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && h->devices && i < h->devices->n; i++) {
		const char *address = h->devices->v[i];
		struct pci_function f;

		if (pci_read(h->platform, address, &f) < 0) {
			error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "no PCI device %s on this host",
			          address);
			error_hint(err, "`lspci -D` lists what there is");
			return -ENODEV;
		}
		r = check_device(address, &f, err);
	}
	return r;
}

/* A device that was named, or that has partitions of ours from a command that named it. */
static bool counts_as_gpu(const struct host *h, const char *address, const struct pci_function *f)
{
	return is_gpu(f) || (h->devices && strv_contains(h->devices, address)) ||
	       (h->known && strv_contains(h->known, address) && check_device(address, f, NULL) == 0);
}

static int scan_pci(struct host *h, struct ofbc_gpu_list *l, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv names = {0};
	int r = sysfs_list(h->platform, &names, "sys/bus/pci/devices");

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_set_errno(err, -r, "cannot list /sys/bus/pci/devices");
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_address);
	for (size_t i = 0; i < names.n; i++) {
		struct pci_function f;
		struct ofbc_gpu *gpu;

		/* a device may vanish between the listing and this look */
		if (pci_read(h->platform, names.v[i], &f) < 0 || !counts_as_gpu(h, names.v[i], &f))
			continue;
		gpu = list_add(l);
		if (!gpu)
			return -ENOMEM;
		snprintf(gpu->id, sizeof(gpu->id), "%s", names.v[i]);
		snprintf(gpu->kernel_driver, sizeof(gpu->kernel_driver), "%s", f.driver);
		gpu->pci_vendor = f.vendor;
		gpu->pci_device = f.device;
		gpu->pci_class = f.class;
		describe(h, gpu);
		set_alias(l, gpu);
	}
	return 0;
}

/* Channel and crypto devices of mainframes are mdev parents too. */
static bool is_gpu_like_parent(struct platform *p, const char *name)
{
	_cleanup_strv_ struct strv types = {0};
	char api[32];

	if (sysfs_list(p, &types, "sys/class/mdev_bus/%s/mdev_supported_types", name) < 0 || types.n == 0)
		return false;
	return sysfs_read(p, api, sizeof(api), "sys/class/mdev_bus/%s/mdev_supported_types/%s/device_api",
	                  name, types.v[0]) > 0 &&
	       strcmp(api, "vfio-pci") == 0;
}

/* Parents that are no PCI device; the others are GPUs of the list or their VFs. */
static int scan_mdev_parents(struct host *h, struct ofbc_gpu_list *l)
{
	_cleanup_strv_ struct strv names = {0};

	if (sysfs_list(h->platform, &names, "sys/class/mdev_bus") < 0)
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		struct ofbc_gpu *gpu;

		if (sysfs_exists(h->platform, "sys/bus/pci/devices/%s", names.v[i]) ||
		    !is_gpu_like_parent(h->platform, names.v[i]))
			continue;
		gpu = list_add(l);
		if (!gpu)
			return -ENOMEM;
		snprintf(gpu->id, sizeof(gpu->id), "%s", names.v[i]);
		snprintf(gpu->model, sizeof(gpu->model), "%s", names.v[i]);
		if (sysfs_link_name(h->platform, gpu->kernel_driver, sizeof(gpu->kernel_driver),
		                    "sys/class/mdev_bus/%s/driver", names.v[i]) < 0)
			snprintf(gpu->kernel_driver, sizeof(gpu->kernel_driver), "%.31s", names.v[i]);
		set_driver(h->platform, gpu);
		set_alias(l, gpu);
	}
	return 0;
}

/* Value of "key : value" in a table of lines; false when it is not there. */
static bool line_value(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *v = line + n;

		if (strncmp(line, key, n) != 0)
			continue;
		v += strspn(v, " \t");
		if (*v++ != ':')
			continue;
		v += strspn(v, " \t");
		snprintf(buf, size, "%.*s", (int)strcspn(v, "\n"), v);
		return true;
	}
	return false;
}

static void describe_cpu(struct platform *p, struct ofbc_gpu *cpu)
{
	char text[4096], value[96];

	if (sysfs_read(p, text, sizeof(text), "proc/cpuinfo") > 0) {
		if (line_value(text, "vendor_id", value, sizeof(value)))
			snprintf(cpu->vendor, sizeof(cpu->vendor), "%s",
			         strcmp(value, "GenuineIntel") == 0   ? "intel"
			         : strcmp(value, "AuthenticAMD") == 0 ? "amd"
			                                              : value);
		else if (line_value(text, "CPU implementer", value, sizeof(value)))
			snprintf(cpu->vendor, sizeof(cpu->vendor), "%s",
			         strcmp(value, "0x41") == 0 ? "arm" : value);
		if (line_value(text, "model name", value, sizeof(value)))
			snprintf(cpu->model, sizeof(cpu->model), "%s", value);
	}
	if (sysfs_read(p, text, sizeof(text), "proc/meminfo") > 0 &&
	    line_value(text, "MemTotal", value, sizeof(value)))
		cpu->memory_bytes = strtoull(value, NULL, 10) * KIB;
}

static int add_cpu(struct host *h, struct ofbc_gpu_list *l)
{
	struct ofbc_gpu *cpu = list_add(l);

	if (!cpu)
		return -ENOMEM;
	snprintf(cpu->id, sizeof(cpu->id), "cpu");
	snprintf(cpu->alias, sizeof(cpu->alias), "cpu-0");
	snprintf(cpu->model, sizeof(cpu->model), "processor");
	cpu->is_cpu = true;
	describe_cpu(h->platform, cpu);
	return 0;
}

static int probe_one(struct host *h, struct ofbc_gpu *gpu, const struct backend_ops *ops)
{
	struct ofbc_technology t = {.state = OFBC_TECHNOLOGY_UNAVAILABLE};
	struct ofbc_error e = {0};
	int r;

	if (gpu->n_technologies == OFBC_MAX_TECHNOLOGIES || gpu->is_cpu != !!(ops->caps & BACKEND_HOST_ONLY))
		return 0;
	r = ops->probe(h, gpu, &t, &e);
	if (r == -ENOMEM)
		return r;
	if (r == 0)
		return 0;
	if (r < 0) {
		t.state = OFBC_TECHNOLOGY_UNAVAILABLE;
		snprintf(t.reason, sizeof(t.reason), "%.255s", e.message);
	}
	t.name = ops->name;
	gpu->technologies[gpu->n_technologies++] = t;
	return 0;
}

int host_discover(struct host *h, bool with_technologies, bool with_cpu, struct ofbc_gpu_list *ret,
                  struct ofbc_error *err)
{
	int r = check_devices(h, err);

	if (r == 0)
		r = scan_pci(h, ret, err);
	if (r == 0)
		r = scan_mdev_parents(h, ret);
	if (r == 0 && with_cpu)
		r = add_cpu(h, ret);
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		ret->v[i].index = (int)i;
		ret->v[i].emulated = h->platform->emulated;
		for (size_t b = 0; r == 0 && with_technologies && b < backend_count(); b++)
			r = probe_one(h, &ret->v[i], backend_at(b));
	}
	return r == -ENOMEM ? error_set_errno(err, ENOMEM, "GPUs of the host") : r;
}
