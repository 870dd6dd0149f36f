/* SPDX-License-Identifier: MIT */
/* How a runtime is told which devices a process may see: CUDA by UUID, ROCm by the place among KFD's nodes,
 * Level Zero by the place among Intel's addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strbuf.h"

#define DEVICES "sys/bus/pci/devices"
#define NODES   "sys/class/kfd/kfd/topology/nodes"

/* --- ROCm --- */

/* Value of "key N" in a node's properties. */
static uint64_t property(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = strstr(text, key); p; p = strstr(p + 1, key)) {
		if ((p == text || p[-1] == '\n') && p[n] == ' ')
			return strtoull(p + n, NULL, 10);
	}
	return 0;
}

int host_kfd_nodes(struct host *h, struct kfd_node_list *ret)
{
	_cleanup_strv_ struct strv nodes = {0};
	char text[4096];

	(void)sysfs_list(h->platform, &nodes, NODES);
	for (size_t i = 0; i < nodes.n; i++) {
		struct kfd_node *node;
		uint64_t location;

		if (sysfs_read(h->platform, text, sizeof(text), NODES "/%s/properties", nodes.v[i]) <= 0 ||
		    !property(text, "simd_count"))
			continue;
		node = list_add(ret);
		if (!node)
			return -ENOMEM;
		/* bus << 8 | device << 3 | function; partitions of one GPU differ in the function. */
		location = property(text, "location_id");
		node->render_minor = (unsigned)property(text, "drm_render_minor");
		node->address = (struct pci_address){.domain = (uint32_t)property(text, "domain"),
		                                     .bus = (uint8_t)(location >> 8),
		                                     .device = (uint8_t)((location >> 3) & 31)};
	}
	return 0;
}

void kfd_node_list_done(struct kfd_node_list *l)
{
	free(l->v);
}

bool kfd_node_is_on(const struct kfd_node *node, const char *gpu)
{
	struct pci_address a;

	return parse_pci(gpu, &a) == 0 && node->address.domain == a.domain && node->address.bus == a.bus &&
	       node->address.device == a.device;
}

/* All nodes of the GPU, which is one unless a compute mode divides it. */
static int rocm_env(struct host *h, const struct ofbc_gpu *gpu, struct strv *ret)
{
	_cleanup_(kfd_node_list_done) struct kfd_node_list nodes = {0};
	_cleanup_strbuf_ struct strbuf list = STRBUF_INIT(4096);
	int r = host_kfd_nodes(h, &nodes);

	for (size_t i = 0; r == 0 && i < nodes.n; i++) {
		if (kfd_node_is_on(&nodes.v[i], gpu->id))
			strbuf_addf(&list, "%s%zu", strbuf_str(&list)[0] ? "," : "", i);
	}
	if (r < 0 || list.err)
		return -ENOMEM;
	return strbuf_str(&list)[0] ? strv_addf(ret, "ROCR_VISIBLE_DEVICES=%s", strbuf_str(&list)) : 0;
}

/* --- Level Zero --- */

static uint64_t order_of(const char *address)
{
	struct pci_address a = {0};

	(void)parse_pci(address, &a);
	return (uint64_t)a.domain << 24 | (uint64_t)a.bus << 16 | (uint64_t)a.device << 8 | a.function;
}

int host_level_zero_env(struct host *h, const char *address, bool alone, struct strv *ret,
                        struct ofbc_error *err)
{
	_cleanup_strv_ struct strv all = {0};
	char driver[32];
	int index = 0, r;

	if (!alone && sysfs_list(h->platform, &all, DEVICES) < 0)
		return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "device %s is gone", address);
	for (size_t i = 0; i < all.n; i++) {
		if (sysfs_link_name(h->platform, driver, sizeof(driver), DEVICES "/%s/driver", all.v[i]) >=
		            0 &&
		    (strcmp(driver, "i915") == 0 || strcmp(driver, "xe") == 0))
			index += order_of(all.v[i]) < order_of(address);
	}
	/* Else discrete GPUs come first, whatever their address. */
	r = strv_add(ret, "ZE_ENABLE_PCI_ID_DEVICE_ORDER=1");
	return r < 0 ? r : strv_addf(ret, "ZE_AFFINITY_MASK=%d", index);
}

/* --- a GPU without partitions --- */

int host_gpu_env(struct host *h, const struct ofbc_gpu *gpu, struct strv *ret, struct ofbc_error *err)
{
	if (strcmp(gpu->vendor, "nvidia") == 0)
		return gpu->uuid[0] ? strv_addf(ret, "CUDA_VISIBLE_DEVICES=%s", gpu->uuid) : 0;
	if (strcmp(gpu->vendor, "amd") == 0)
		return rocm_env(h, gpu, ret);
	return strcmp(gpu->vendor, "intel") == 0 ? host_level_zero_env(h, gpu->id, false, ret, err) : 0;
}
