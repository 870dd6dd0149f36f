/* SPDX-License-Identifier: MIT */
/* AMD: compute and memory modes of amdgpu with their KFD and render nodes; virtual functions of GIM. */
#include "emulation/parts.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/parse.h"

#define KFD_NODES "sys/class/kfd/kfd/topology/nodes"

static unsigned partitions_of(const char *mode, unsigned xcc)
{
	static const struct {
		const char *mode;
		unsigned n;
	} table[] = {{"SPX", 1}, {"DPX", 2}, {"TPX", 3}, {"QPX", 4}};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].mode, mode) == 0)
			return table[i].n;
	return strcmp(mode, "CPX") == 0 ? xcc : 0;
}

static bool list_has(const char *list, const char *word)
{
	char item[16];

	for (unsigned i = 0; list && word_at(list, ",", i, item, sizeof(item)); i++)
		if (strcasecmp(item + strspn(item, " "), word) == 0)
			return true;
	return false;
}

static const char *attribute(struct machine *m, const char *bdf, const char *file)
{
	const char *text = tree_get(&m->tree, PCI_DIR "/%s/%s", bdf, file);

	return text ? text : "";
}

/* Which memory mode goes with which compute mode on an 8-XCC board: never more memory domains than
 * partitions. */
static bool pair_allowed(const char *compute, const char *memory)
{
	static const struct {
		const char *compute, *memory;
	} pairs[] = {{"SPX", "NPS1"}, {"DPX", "NPS1"}, {"DPX", "NPS2"}, {"TPX", "NPS1"}, {"TPX", "NPS3"},
	             {"QPX", "NPS1"}, {"QPX", "NPS4"}, {"CPX", "NPS1"}, {"CPX", "NPS2"}, {"CPX", "NPS4"}};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (strcmp(pairs[i].compute, compute) == 0 && strcmp(pairs[i].memory, memory) == 0)
			return true;
	return false;
}

static void drop_kfd_nodes(struct machine *m, const char *bdf)
{
	_cleanup_strv_ struct strv nodes = {0};
	char path[96];

	(void)snprintf(path, sizeof(path), ".emu/gpu/%s/amd/kfd", bdf);
	(void)tree_list(&m->tree, path, &nodes);
	for (size_t i = 0; i < nodes.n; i++)
		tree_remove(&m->tree, KFD_NODES "/%s", nodes.v[i]);
	tree_remove(&m->tree, "%s", path);
}

/* location_id of the KFD: bus, device and function in one number. */
static unsigned long location_of(const char *bdf, unsigned *ret_domain)
{
	struct pci_address a = {0};

	(void)parse_pci(bdf, &a);
	*ret_domain = a.domain;
	return (unsigned long)a.bus << 8 | (unsigned long)a.device << 3 | a.function;
}

/* One topology node for each active partition; the only way from a partition to its render node. */
static void make_kfd_nodes(struct machine *m, const char *bdf, unsigned n)
{
	unsigned long xcc = tree_get_u(&m->tree, 8, ".emu/gpu/%s/amd/xcc", bdf), node = 1;
	unsigned long cus = tree_get_u(&m->tree, 304, ".emu/gpu/%s/amd/cus", bdf);
	unsigned domain;
	unsigned long location = location_of(bdf, &domain);
	char text[512], id[32];

	drop_kfd_nodes(m, bdf);
	for (unsigned i = 0; i < n; i++, node++) {
		while (tree_get(&m->tree, KFD_NODES "/%lu/gpu_id", node))
			node++;
		(void)snprintf(
			text, sizeof(text),
			"cpu_cores_count 0\nsimd_count %lu\ndrm_render_minor %lu\nlocation_id %lu\ndomain %u\n"
			"unique_id %lu\nnum_xcc %lu\nvendor_id 4098",
			cus * 4 / n, tree_get_u(&m->tree, 128, ".emu/gpu/%s/amd/render/%u", bdf, i), location,
			domain, 0x5ac3000000000000ul + (location << 8) + i, xcc / n);
		(void)snprintf(id, sizeof(id), "%lu", 40000 + location * 8 + i);
		(void)tree_setf(&m->tree, NODE_READ_ONLY, id, KFD_NODES "/%lu/gpu_id", node);
		(void)tree_setf(&m->tree, NODE_READ_ONLY, text, KFD_NODES "/%lu/properties", node);
		(void)tree_setf(&m->tree, NODE_FILE, "", ".emu/gpu/%s/amd/kfd/%lu", bdf, node);
	}
}

static int set_compute(struct machine *m, const char *bdf, const char *mode)
{
	unsigned xcc = (unsigned)tree_get_u(&m->tree, 8, ".emu/gpu/%s/amd/xcc", bdf);

	make_kfd_nodes(m, bdf, partitions_of(mode, xcc));
	return tree_setf(&m->tree, NODE_FILE, mode, PCI_DIR "/%s/current_compute_partition", bdf);
}

/* Render nodes of all partitions are made when the driver loads, whatever the mode. */
static void make_render_nodes(struct machine *m, const char *bdf, unsigned xcc)
{
	_cleanup_strv_ struct strv nodes = {0};
	char path[96], text[16];

	for (unsigned i = 1; i < xcc; i++) {
		unsigned long minor = 128 + drm_minor_next(m);

		(void)snprintf(text, sizeof(text), "%lu", minor);
		(void)tree_setf(&m->tree, NODE_FILE, text, ".emu/gpu/%s/amd/render/%u", bdf, i);
		(void)tree_setf(&m->tree, NODE_FILE, "", "dev/dri/renderD%lu", minor);
	}
	(void)snprintf(path, sizeof(path), PCI_DIR "/%s/drm", bdf);
	(void)tree_list(&m->tree, path, &nodes);
	for (size_t i = 0; i < nodes.n; i++)
		if (strncmp(nodes.v[i], "renderD", 7) == 0)
			(void)tree_setf(&m->tree, NODE_FILE, nodes.v[i] + 7, ".emu/gpu/%s/amd/render/0", bdf);
}

int amd_attach(struct machine *m, const char *bdf)
{
	unsigned xcc = (unsigned)tree_get_u(&m->tree, 0, ".emu/gpu/%s/amd/xcc", bdf);
	const char *modes = tree_get(&m->tree, ".emu/gpu/%s/amd/compute", bdf);
	const char *memory = tree_get(&m->tree, ".emu/gpu/%s/amd/memory", bdf);
	const char *next = tree_get(&m->tree, ".emu/gpu/%s/amd/next_memory", bdf);
	char nps[16];

	if (!xcc)
		return 0;
	(void)snprintf(nps, sizeof(nps), "%s", next ? next : "NPS1");
	(void)tree_setf(&m->tree, NODE_READ_ONLY, modes ? modes : "SPX",
	                PCI_DIR "/%s/available_compute_partition", bdf);
	if (memory)
		(void)tree_setf(&m->tree, NODE_READ_ONLY, memory, PCI_DIR "/%s/available_memory_partition",
		                bdf);
	(void)tree_setf(&m->tree, memory ? NODE_FILE : NODE_READ_ONLY, nps,
	                PCI_DIR "/%s/current_memory_partition", bdf);
	(void)tree_setf(&m->tree, NODE_FILE, "", "dev/kfd");
	(void)tree_setf(&m->tree, NODE_READ_ONLY, "0", KFD_NODES "/0/gpu_id");
	(void)tree_setf(&m->tree, NODE_DIR, "", "sys/class/kfd/kfd/proc");
	make_render_nodes(m, bdf, xcc);
	/* After a reload the driver chooses the compute mode that goes with the memory mode. */
	return set_compute(m, bdf,
	                   strcmp(nps, "NPS1") == 0   ? "SPX"
	                   : strcmp(nps, "NPS2") == 0 ? "DPX"
	                                              : "CPX");
}

void amd_detach(struct machine *m, const char *bdf)
{
	static const char *const files[] = {"available_compute_partition", "current_compute_partition",
	                                    "available_memory_partition", "current_memory_partition"};
	_cleanup_strv_ struct strv parts = {0};
	char path[96];

	drop_kfd_nodes(m, bdf);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		tree_remove(&m->tree, PCI_DIR "/%s/%s", bdf, files[i]);
	(void)snprintf(path, sizeof(path), ".emu/gpu/%s/amd/render", bdf);
	(void)tree_list(&m->tree, path, &parts);
	for (size_t i = 0; i < parts.n; i++)
		tree_remove(&m->tree, "dev/dri/renderD%lu",
		            tree_get_u(&m->tree, 0, "%s/%s", path, parts.v[i]));
	tree_remove(&m->tree, "%s", path);
}

static bool kfd_in_use(struct machine *m)
{
	_cleanup_strv_ struct strv pids = {0};

	(void)tree_list(&m->tree, "sys/class/kfd/kfd/proc", &pids);
	return pids.n || machine_is_held(m, "/dev/kfd");
}

static void upper(const char *value, char *buf, size_t size)
{
	size_t n = 0;

	for (; value[n] && n + 1 < size; n++)
		buf[n] = value[n] >= 'a' && value[n] <= 'z' ? (char)(value[n] - 32) : value[n];
	buf[n] = '\0';
}

int amd_write(struct machine *m, const char *bdf, const char *file, const char *value)
{
	char word[16];

	upper(value, word, sizeof(word));
	if (strcmp(file, "current_compute_partition") == 0) {
		if (!list_has(attribute(m, bdf, "available_compute_partition"), word) ||
		    !pair_allowed(word, attribute(m, bdf, "current_memory_partition")))
			return -EINVAL;
		if (strcmp(attribute(m, bdf, file), word) == 0)
			return 0;
		return kfd_in_use(m) ? -EBUSY : set_compute(m, bdf, word);
	}
	if (strcmp(file, "current_memory_partition") == 0) {
		if (!tree_get(&m->tree, PCI_DIR "/%s/available_memory_partition", bdf))
			return -EACCES;
		if (!list_has(attribute(m, bdf, "available_memory_partition"), word))
			return -EINVAL;
		return tree_setf(&m->tree, NODE_FILE, word, ".emu/gpu/%s/amd/next_memory", bdf);
	}
	if (!tree_get(&m->tree, PCI_DIR "/%s/%s", bdf, file))
		return -ENOENT;
	return strcmp(file, "numa_node") == 0 || strcmp(file, "reset") == 0 ? 0 : -EACCES;
}

/* --- GIM --- */

/* "vf_num=4" of the module, else of the configuration file, else 1; what the board does not do becomes 1. */
static unsigned long wanted_vfs(struct machine *m, const char *bdf)
{
	const char *config = tree_get(&m->tree, "etc/gim_config");
	const char *line = config ? strstr(config, "vf_num") : NULL;
	unsigned long n = tree_get_u(&m->tree, 0, ".emu/module/gim/vf_num");
	char text[16];

	if (!n && line)
		n = strtoul(line + strcspn(line, "0123456789"), NULL, 10);
	(void)snprintf(text, sizeof(text), "%lu", n);
	return list_has(tree_get(&m->tree, ".emu/gpu/%s/gim/allowed", bdf), text) ? n : 1;
}

int gim_attach(struct machine *m, const char *bdf)
{
	const char *profile = tree_get(&m->tree, ".emu/gpu/%s/gim/profile", bdf);
	const char *profiles = tree_get(&m->tree, ".emu/gpu/%s/gim/profiles", bdf);
	const char *memory = tree_get(&m->tree, ".emu/gpu/%s/gim/memory", bdf);

	(void)tree_setf(&m->tree, NODE_FILE, profile ? profile : "0",
	                PCI_DIR "/%s/accelerator_partition_profile", bdf);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, profiles ? profiles : "0",
	                PCI_DIR "/%s/accelerator_partition_profile_config", bdf);
	(void)tree_setf(&m->tree, NODE_FILE, "NPS1", PCI_DIR "/%s/memory_partition_mode", bdf);
	(void)tree_setf(&m->tree, NODE_READ_ONLY, memory ? memory : "NPS1",
	                PCI_DIR "/%s/memory_partition_config", bdf);
	(void)tree_setf(&m->tree, NODE_FILE, "", "sys/kernel/debug/gim/%s/info", bdf);
	return sriov_make_vfs(m, bdf, (unsigned)wanted_vfs(m, bdf));
}

void gim_detach(struct machine *m, const char *bdf)
{
	static const char *const files[] = {"accelerator_partition_profile",
	                                    "accelerator_partition_profile_config", "memory_partition_mode",
	                                    "memory_partition_config"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		tree_remove(&m->tree, PCI_DIR "/%s/%s", bdf, files[i]);
	tree_remove(&m->tree, "sys/kernel/debug/gim/%s", bdf);
}

/* A refused change is only logged: the write succeeds and nothing happens. */
int gim_write(struct machine *m, const char *bdf, const char *file, const char *value)
{
	const char *allowed = NULL;

	if (strcmp(file, "accelerator_partition_profile") == 0)
		allowed = attribute(m, bdf, "accelerator_partition_profile_config");
	else if (strcmp(file, "memory_partition_mode") == 0)
		allowed = attribute(m, bdf, "memory_partition_config");
	if (!tree_get(&m->tree, PCI_DIR "/%s/%s", bdf, file))
		return -ENOENT;
	if (!allowed)
		return -EACCES;
	if (!list_has(allowed, value) || sriov_any_held(m, bdf))
		return 0;
	return tree_setf(&m->tree, NODE_FILE, value, PCI_DIR "/%s/%s", bdf, file);
}
