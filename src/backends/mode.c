/* SPDX-License-Identifier: MIT */
/*
 * AMD compute and memory partition modes (MI300 and later, amdgpu on the host). A mode change renumbers
 * everything: the partitions of a GPU appear and vanish together. SPX is the whole GPU and counts as no
 * partition.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "model/capacity.h"

#define DEVICES "sys/bus/pci/devices"

/* Partitions of a mode; CPX makes one of each compute die. */
static const struct {
	const char *name;
	unsigned count;     /* 0: as many as there are dies */
	const char *memory; /* memory modes that go with it */
} modes[] = {
	{.name = "DPX", .count = 2, .memory = "NPS1 NPS2"},
	{.name = "TPX", .count = 3, .memory = "NPS1 NPS3"},
	{.name = "QPX", .count = 4, .memory = "NPS1 NPS4"},
	{.name = "CPX", .count = 0, .memory = "NPS1 NPS2 NPS4"},
};

static bool lists(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) {
		if ((p == text || p[-1] == ' ' || p[-1] == ',') &&
		    (p[n] == '\0' || p[n] == ',' || p[n] == ' '))
			return true;
	}
	return false;
}

static int read_attr(struct host *h, const struct ofbc_gpu *gpu, const char *name, char *buf, size_t size)
{
	ssize_t n = sysfs_read(h->platform, buf, size, DEVICES "/%s/%s", gpu->id, name);

	return n < 0 ? (int)n : 0;
}

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	(void)err;
	if (gpu->is_cpu || !sysfs_exists(h->platform, DEVICES "/%s/available_compute_partition", gpu->id))
		return 0;
	ret->state = OFBC_TECHNOLOGY_READY;
	return 1;
}

/* Compute dies of the GPU: NPS4/CPX partitions tell it, else 8 (MI300X), 6 without QPX, 4 without both. */
static unsigned die_count(const char *available)
{
	return lists(available, "QPX") ? 8 : lists(available, "TPX") ? 6 : 4;
}

/* Whether a memory mode goes with a compute mode. A newer driver says it for the configuration that its
 * what-if selector stands on; the selector is not moved for a listing. */
static bool pair_allowed(struct host *h, const struct ofbc_gpu *gpu, size_t mode, const char *memory)
{
	char selected[32], allowed[64];

	if (read_attr(h, gpu, "compute_partition_config/xcp_config", selected, sizeof(selected)) == 0 &&
	    strcmp(selected, modes[mode].name) == 0 &&
	    read_attr(h, gpu, "compute_partition_config/supported_nps_configs", allowed, sizeof(allowed)) ==
	            0 &&
	    strncmp(allowed, "NPS", 3) == 0)
		return lists(allowed, memory);
	return lists(modes[mode].memory, memory);
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	char available[128], current[32] = "", memory_now[32] = "NPS1", memories[64] = "";
	int r = read_attr(h, gpu, "available_compute_partition", available, sizeof(available));

	(void)cap;
	if (r == 0)
		r = read_attr(h, gpu, "current_compute_partition", current, sizeof(current));
	if (r < 0)
		return error_set_errno(err, -r, "cannot read the compute partition modes of %s", gpu->alias);
	(void)read_attr(h, gpu, "current_memory_partition", memory_now, sizeof(memory_now));
	if (read_attr(h, gpu, "available_memory_partition", memories, sizeof(memories)) < 0)
		snprintf(memories, sizeof(memories), "%s", memory_now);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		for (unsigned nps = 1; nps <= 4 && lists(available, modes[i].name); nps++) {
			unsigned count = modes[i].count ? modes[i].count : die_count(available);
			char memory[8];
			struct ofbc_type *t;

			snprintf(memory, sizeof(memory), "NPS%u", nps);
			if (!lists(memories, memory) || !pair_allowed(h, gpu, i, memory))
				continue;
			t = list_add(ret);
			if (!t)
				return -ENOMEM;
			snprintf(t->key, sizeof(t->key), "mode:%s/%s", modes[i].name, memory);
			snprintf(t->native, sizeof(t->native), "%s", modes[i].name);
			snprintf(t->group, sizeof(t->group), "mode/%s", modes[i].name);
			t->compute_share = 1.0 / count;
			t->memory_bytes = nps > 1 ? gpu->memory_bytes / nps : gpu->memory_bytes;
			t->max = t->unit_count = count;
			t->isolation_compute = OFBC_ISOLATION_HARD;
			t->isolation_memory = nps > 1 ? OFBC_ISOLATION_SOFT : OFBC_ISOLATION_NONE;
			if (strcmp(current, "SPX") != 0)
				snprintf(t->why_not, sizeof(t->why_not), "the GPU is in mode %s", current);
			else if (strcmp(memory, memory_now) != 0)
				snprintf(
					t->why_not, sizeof(t->why_not),
					"memory mode is %s: `openforbc gpu enable %s mode=%s --reset` reloads the driver",
					memory_now, gpu->alias, memory);
		}
	}
	return 0;
}

static int add_partition(struct ofbc_partition_list *ret, const struct ofbc_gpu *gpu, const char *type,
                         unsigned index, unsigned render_minor)
{
	struct ofbc_partition *p = list_add(ret);
	char name[128];

	if (!p)
		return -ENOMEM;
	snprintf(p->device, sizeof(p->device), "xcp:%s:%u", gpu->id, index);
	snprintf(name, sizeof(name), "mode/%s", p->device);
	uuid_derive(name, p->uuid);
	snprintf(p->type, sizeof(p->type), "%s", type);
	snprintf(p->handle, sizeof(p->handle), "/dev/dri/renderD%u", render_minor);
	p->native_id = index;
	p->native_aux = render_minor;
	return 0;
}

static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	_cleanup_(kfd_node_list_done) struct kfd_node_list nodes = {0};
	char current[32], memory[32] = "NPS1", type[96];
	unsigned index = 0;
	int r = read_attr(h, gpu, "current_compute_partition", current, sizeof(current));

	if (r < 0)
		return error_set_errno(err, -r, "cannot read the compute partition mode of %s", gpu->alias);
	if (strcmp(current, "SPX") == 0)
		return 0;
	(void)read_attr(h, gpu, "current_memory_partition", memory, sizeof(memory));
	snprintf(type, sizeof(type), "mode:%s/%s", current, memory);
	/* KFD's topology is the way from partition to render node. */
	r = host_kfd_nodes(h, &nodes);
	for (size_t i = 0; r == 0 && i < nodes.n; i++) {
		if (kfd_node_is_on(&nodes.v[i], gpu->id))
			r = add_partition(ret, gpu, type, index++, nodes.v[i].render_minor);
	}
	return r;
}

static int holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	struct ofbc_partition_list all = {0};
	_cleanup_strv_ struct strv pids = {0};
	uint32_t pid;
	int r = 0;

	if (p)
		return host_node_holders(h, p->handle, ret);
	/* The driver refuses a mode change for any process that has KFD open, whatever GPU it uses; its own
	 * list is complete, but has only numbers of the host. */
	(void)sysfs_list(h->platform, &pids, "sys/class/kfd/kfd/proc");
	for (size_t i = 0; r == 0 && i < pids.n; i++) {
		if (parse_u32(pids.v[i], &pid) == 0)
			r = host_add_process(h, (int)pid, NULL, ret);
	}
	if (r == 0)
		r = host_node_holders(h, "/dev/kfd", ret);
	if (r == 0)
		r = list_partitions(h, gpu, &all, err);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = host_node_holders(h, all.v[i].handle, ret);
	free(all.v);
	return r;
}

static int set_compute(struct host *h, const struct ofbc_gpu *gpu, const char *mode, struct ofbc_error *err)
{
	struct ofbc_holder_list now = {0};
	char current[32] = "", memory[32] = "";
	int r = read_attr(h, gpu, "current_compute_partition", current, sizeof(current));

	if (r >= 0 && strcmp(current, mode) == 0)
		return 0;
	host_forget_open_devices(h);
	r = holders(h, gpu, NULL, &now, NULL);
	if (r == 0 && now.n)
		r = holder_error(&now, err, "GPU %s", gpu->alias);
	holder_list_done(&now);
	if (r < 0)
		return r;
	r = sysfs_write_deadline(h->platform, mode, 30000, DEVICES "/%s/current_compute_partition", gpu->id);
	switch (-r) {
	case 0:
		break;
	case EBUSY:
		error_set(err, EBUSY, OFBC_REASON_IN_USE, "the driver says that a compute process exists");
		error_hint(err, "`ls /sys/class/kfd/kfd/proc` lists their process ids");
		return r;
	case EINVAL:
		(void)read_attr(h, gpu, "current_memory_partition", memory, sizeof(memory));
		error_set(err, EINVAL, OFBC_REASON_NOT_SUPPORTED, "mode %s does not go with memory mode %s",
		          mode, memory[0] ? memory : "of this GPU");
		if (strcmp(mode, "SPX") == 0)
			error_hint(err, "`openforbc gpu enable %s mode=NPS1 --reset` brings both back",
			           gpu->alias);
		return r;
	case EPERM:
		return error_set(err, EPERM, OFBC_REASON_FAILED, "a reset of the GPU is in progress");
	default:
		return error_set_errno(err, -r, "cannot switch to mode %s", mode);
	}
	(void)read_attr(h, gpu, "current_compute_partition", current, sizeof(current));
	if (strcmp(current, mode) != 0)
		return error_set(err, EIO, OFBC_REASON_FAILED,
		                 "the driver reported success but is in mode '%s'", current);
	return 0;
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	size_t before = ret->n;
	char now[32] = "";
	int r = read_attr(h, gpu, "current_compute_partition", now, sizeof(now));

	/* Somebody else's partitions would vanish. */
	if (r < 0 || strcmp(now, "SPX") != 0)
		return error_set(err, EBUSY, OFBC_REASON_NO_CAPACITY, "the GPU is in mode %s",
		                 now[0] ? now : "unknown");
	r = set_compute(h, gpu, args->type->native, err);

	if (r == 0)
		r = list_partitions(h, gpu, ret, err);
	if (r == 0 && ret->n - before != args->type->unit_count)
		r = error_set(err, EIO, OFBC_REASON_FAILED, "mode %s made %zu partitions instead of %u",
		              args->type->native, ret->n - before, args->type->unit_count);
	/* A refused switch left everything as it was; only a switch that took place is undone. */
	if (r < 0) {
		ret->n = before;
		if (read_attr(h, gpu, "current_compute_partition", now, sizeof(now)) == 0 &&
		    strcmp(now, "SPX") != 0)
			(void)set_compute(h, gpu, "SPX", NULL);
	}
	return r;
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	(void)p;
	return set_compute(h, gpu, "SPX", err);
}

/* "mi300x-0, mi300x-1": the GPUs that a reload of the driver touches. */
static void amdgpu_names(struct host *h, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; h->gpus && i < h->gpus->n && len < size; i++) {
		if (strcmp(h->gpus->v[i].kernel_driver, "amdgpu") == 0)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
			                        h->gpus->v[i].alias);
	}
}

/* Everybody who keeps amdgpu loaded: KFD and render nodes of all its GPUs. */
static int reload_holders(struct host *h, struct ofbc_holder_list *ret)
{
	char node[64];
	int r = 0;

	host_forget_open_devices(h);
	for (size_t i = 0; r == 0 && h->gpus && i < h->gpus->n; i++) {
		const struct ofbc_gpu *g = &h->gpus->v[i];
		_cleanup_strv_ struct strv nodes = {0};

		if (strcmp(g->kernel_driver, "amdgpu") != 0)
			continue;
		r = holders(h, g, NULL, ret, NULL);
		(void)sysfs_list(h->platform, &nodes, DEVICES "/%s/drm", g->id);
		for (size_t k = 0; r == 0 && k < nodes.n; k++) {
			snprintf(node, sizeof(node), "/dev/dri/%s", nodes.v[k]);
			r = host_node_holders(h, node, ret);
		}
	}
	return r;
}

static int modprobe(struct host *h, const char *const argv[], struct ofbc_error *err)
{
	struct command_result result = {0};
	int r = h->platform->ops->run(h->platform, &(struct command){.argv = argv, .timeout_ms = 120000},
	                              &result);

	if (r == 0 && result.status == 0)
		return 0;
	result.out[strcspn(result.out, "\n")] = '\0';
	error_set(err, EBUSY, OFBC_REASON_IN_USE, "amdgpu could not be reloaded: %s",
	          r < 0 ? strerror(-r) : result.out);
	error_hint(err, "stop what uses any AMD GPU of this host, the console included; by hand: "
	                "`modprobe -r amdgpu; modprobe amdgpu`");
	return -EBUSY;
}

static int check_memory_mode(struct host *h, const struct ofbc_gpu *gpu, const char *want, unsigned flags,
                             struct ofbc_error *err)
{
	struct ofbc_holder_list now = {0};
	char memories[64] = "", names[256];
	int r;

	if (read_attr(h, gpu, "available_memory_partition", memories, sizeof(memories)) < 0)
		return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "the GPU has only one memory mode");
	if (!lists(memories, want)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no memory mode of this GPU", want);
		error_hint(err, "valid are %s", memories);
		return -EINVAL;
	}
	amdgpu_names(h, names, sizeof(names));
	if (!(flags & OFBC_MODE_RESET)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "memory mode %s needs a reload of amdgpu: %s", want,
		          names);
		error_hint(err, "add --reset to accept that");
		return -EINVAL;
	}
	r = reload_holders(h, &now);
	if (r < 0)
		error_set_errno(err, -r, "cannot find out who uses the GPUs under amdgpu");
	else if (now.n)
		r = holder_error(&now, err, "amdgpu, which must be reloaded (%s),", names);
	holder_list_done(&now);
	return r;
}

/* Memory mode: remembered by a write, done by a reload of the driver, for all GPUs of the host together. */
static int change_memory_mode(struct host *h, const struct ofbc_gpu *gpu, const char *before,
                              const char *want, struct ofbc_error *err)
{
	const char *const unload[] = {"modprobe", "-r", "amdgpu", NULL};
	const char *const load[] = {"modprobe", "amdgpu", NULL};
	char now[32] = "";
	int r = sysfs_write(h->platform, want, DEVICES "/%s/current_memory_partition", gpu->id);

	if (r < 0)
		return error_set_errno(err, -r, "cannot choose memory mode %s", want);
	r = modprobe(h, unload, err);
	if (r < 0) {
		/* Else the next reload, whoever makes it, would change the mode. */
		(void)sysfs_write(h->platform, before, DEVICES "/%s/current_memory_partition", gpu->id);
		return r;
	}
	r = modprobe(h, load, err);
	if (r < 0)
		return r;
	(void)read_attr(h, gpu, "current_memory_partition", now, sizeof(now));
	if (strcmp(now, want) != 0) {
		error_set(err, EIO, OFBC_REASON_FAILED, "after the reload the memory mode is %s, not %s", now,
		          want);
		error_hint(err, "look into `journalctl -k | grep amdgpu`");
		return -EIO;
	}
	return 0;
}

static int set_mode(struct host *h, const struct ofbc_gpu *gpu, bool on, const char *variant, unsigned flags,
                    struct ofbc_error *err)
{
	char now[32] = "", want[16];
	int r = read_attr(h, gpu, "current_memory_partition", now, sizeof(now));

	if (on && !variant) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "compute modes are made by `partition create`");
		error_hint(err, "a memory mode is switched with `openforbc gpu enable %s mode=NPS4 --reset`",
		           gpu->alias);
		return -EINVAL;
	}
	if (r < 0)
		return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "the GPU has only one memory mode");
	snprintf(want, sizeof(want), "%s", on ? variant : "NPS1");
	for (char *c = want; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
	if (strcmp(now, want) == 0)
		return 1;
	r = check_memory_mode(h, gpu, want, flags, err);
	return r < 0 ? r : change_memory_mode(h, gpu, now, want, err);
}

static int env(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p, bool alone,
               struct strv *ret, struct ofbc_error *err)
{
	_cleanup_(kfd_node_list_done) struct kfd_node_list nodes = {0};
	int r = host_kfd_nodes(h, &nodes);

	(void)gpu;
	/* The runtime numbers GPU nodes in KFD's order; those whose render node it may not open do not count
	 * (kfd_devcgroup_check_permission() in the kernel hides them). */
	for (size_t i = 0; r == 0 && i < nodes.n; i++) {
		if (nodes.v[i].render_minor == p->native_aux)
			return strv_addf(ret, "ROCR_VISIBLE_DEVICES=%zu", alone ? 0 : i);
	}
	return r < 0 ? r
	             : error_set(err, ENODEV, OFBC_REASON_NOT_FOUND,
	                         "the partition has no compute node any more");
}

static int nodes(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                 struct access *ret, struct ofbc_error *err)
{
	int r = host_need_node(h, "/dev/kfd", false, ret, err);

	(void)gpu;
	return r < 0 ? r : host_need_node(h, p->handle, false, ret, err);
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct ofbc_technology t = {0};

	if (!gpu || probe(h, gpu, &t, NULL) <= 0)
		return 0;
	return finding_add(ret, "mode", gpu, OFBC_FINDING_OK, "compute partition modes are offered", "");
}

const struct backend_ops backend_mode = {
	.name = "mode",
	.title = "AMD compute and memory modes",
	.caps = BACKEND_UNIT | BACKEND_PROCESS,
	.rank = 40,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.holders = holders,
	.create = create,
	.destroy = destroy,
	.set_mode = set_mode,
	.env = env,
	.nodes = nodes,
	.doctor = doctor,
};
