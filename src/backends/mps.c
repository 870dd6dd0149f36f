/* SPDX-License-Identifier: MIT */
/*
 * CUDA MPS: one control daemon per GPU, partitions are percentages of its SMs with an optional memory limit.
 * What a partition is stands in a file below the run directory; a client gets its limits from its
 * environment. MPS isolates address spaces, not faults: a fatal fault reaches all clients of the GPU.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "model/capacity.h"
#include "platform/nvml.h"

#define CONTROL     "nvidia-cuda-mps-control"
#define MAX_CLIENTS 48 /* of one device, up to driver 580; 60 later */
#define NEED_CC     7

/* Directory of one GPU's MPS files, relative to the root. */
static void gpu_dir(struct host *h, const struct ofbc_gpu *gpu, char *buf, size_t size)
{
	snprintf(buf, size, "%s/mps/%s", h->platform->run_dir, gpu->uuid[0] ? gpu->uuid : gpu->id);
}

static bool is_installed(struct host *h)
{
	static const char *const dirs[] = {"usr/bin", "usr/local/bin", "usr/local/nvidia/bin", "opt/bin",
	                                   "bin"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (sysfs_exists(h->platform, "%s/" CONTROL, dirs[i]))
			return true;
	}
	return false;
}

/* One command to the control daemon of a GPU. */
static int control(struct host *h, const struct ofbc_gpu *gpu, const char *input, struct command_result *ret)
{
	char dir[SYSFS_PATH_MAX], pipe_env[SYSFS_PATH_MAX + 32], log_env[SYSFS_PATH_MAX + 32], visible[128];
	const char *const start[] = {CONTROL, "-d", NULL}, *const ask[] = {CONTROL, NULL};
	const char *const env[] = {pipe_env, log_env, visible, NULL};
	struct command c = {.argv = input ? ask : start, .env = env, .input = input, .timeout_ms = 10000};

	gpu_dir(h, gpu, dir, sizeof(dir));
	snprintf(pipe_env, sizeof(pipe_env), "CUDA_MPS_PIPE_DIRECTORY=/%s/pipe", dir);
	snprintf(log_env, sizeof(log_env), "CUDA_MPS_LOG_DIRECTORY=/%s/log", dir);
	/* Only the daemon is told the GPU: it renumbers devices for its clients. */
	snprintf(visible, sizeof(visible), "CUDA_VISIBLE_DEVICES=%s", gpu->uuid);
	return h->platform->ops->run(h->platform, &c, ret);
}

static bool daemon_runs(struct host *h, const struct ofbc_gpu *gpu)
{
	char dir[SYSFS_PATH_MAX], text[32];
	uint32_t pid;

	gpu_dir(h, gpu, dir, sizeof(dir));
	return sysfs_read(h->platform, text, sizeof(text), "%s/pipe/" CONTROL ".pid", dir) > 0 &&
	       parse_u32(text, &pid) == 0 && h->platform->ops->pid_alive(h->platform, (int)pid, NULL);
}

/* --- probe --- */

static int mig_is_on(struct host *h, const struct ofbc_gpu *gpu, bool *ret_cc_ok)
{
	const struct nvml_api *api;
	void *device;
	unsigned current = 0, pending = 0;
	int major = 0, minor = 0;
	int r = host_nvml_device(h, gpu->id, &api, &device, NULL);

	if (r < 0)
		return r;
	*ret_cc_ok = !api->DeviceGetCudaComputeCapability ||
	             api->DeviceGetCudaComputeCapability(device, &major, &minor) != NVML_SUCCESS ||
	             major >= NEED_CC;
	if (!api->DeviceGetMigMode || api->DeviceGetMigMode(device, &current, &pending) != NVML_SUCCESS)
		return 0;
	return current == 1;
}

static int probe(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
                 struct ofbc_error *err)
{
	bool cc_ok = true;
	int on;

	(void)err;
	if (gpu->is_cpu || gpu->pci_vendor != 0x10de || strcmp(gpu->kernel_driver, "nvidia") != 0)
		return 0;
	ret->state = OFBC_TECHNOLOGY_UNAVAILABLE;
	on = mig_is_on(h, gpu, &cc_ok);
	if (on < 0)
		snprintf(ret->reason, sizeof(ret->reason), "NVML does not answer for this GPU");
	else if (!cc_ok)
		snprintf(ret->reason, sizeof(ret->reason), "needs compute capability %d.0", NEED_CC);
	else if (on)
		snprintf(ret->reason, sizeof(ret->reason),
		         "MIG mode is on; `openforbc gpu disable %s mig` first", gpu->alias);
	else if (!is_installed(h))
		snprintf(ret->reason, sizeof(ret->reason), CONTROL " is not installed");
	else
		ret->state = OFBC_TECHNOLOGY_READY;
	return 1;
}

static int list_types(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
                      struct capacity *cap, struct ofbc_error *err)
{
	struct ofbc_type *t = list_add(ret);
	int percent = capacity_counter(cap, "sm-percent", 100),
	    clients = capacity_counter(cap, "mps-clients", MAX_CLIENTS);

	(void)h;
	(void)err;
	if (!t || percent < 0 || clients < 0)
		return -ENOMEM;
	snprintf(t->key, sizeof(t->key), "mps:NN%%");
	snprintf(t->title, sizeof(t->title),
	         "NN %% of the SMs; memory limit on request; a fault ends all clients");
	snprintf(t->group, sizeof(t->group), "mps");
	t->compute_share = 1;
	t->memory_bytes = gpu->memory_bytes;
	t->max = MAX_CLIENTS;
	t->is_parametric = true;
	t->param_min = 1;
	t->param_max = 100;
	t->unit_count = 1;
	t->draws[percent] = 1;
	t->isolation_memory = OFBC_ISOLATION_SOFT;
	t->isolation_compute = OFBC_ISOLATION_SHARED;
	return 0;
}

/* --- partitions: files "percent=25\nmemory_bytes=0\n" --- */

static uint64_t value_of(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}

static int list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                           struct ofbc_error *err)
{
	_cleanup_strv_ struct strv names = {0};
	char dir[SYSFS_PATH_MAX], text[256], uuid[UUID_STR_MAX];
	bool alive;

	(void)err;
	gpu_dir(h, gpu, dir, sizeof(dir));
	if (sysfs_list(h->platform, &names, "%s", dir) < 0)
		return 0;
	alive = daemon_runs(h, gpu);
	for (size_t i = 0; i < names.n; i++) {
		struct ofbc_partition *p;

		if (parse_uuid(names.v[i], uuid) < 0 ||
		    sysfs_read(h->platform, text, sizeof(text), "%s/%s", dir, names.v[i]) < 0)
			continue;
		p = list_add(ret);
		if (!p)
			return -ENOMEM;
		memcpy(p->uuid, uuid, sizeof(uuid));
		p->native_id = (uint32_t)value_of(text, "percent=");
		p->memory_bytes = value_of(text, "memory_bytes=");
		snprintf(p->type, sizeof(p->type), "mps:%u%%", p->native_id);
		snprintf(p->device, sizeof(p->device), "%s", uuid);
		snprintf(p->handle, sizeof(p->handle), "%s", uuid);
		if (!alive)
			p->state = OFBC_PARTITION_INCOMPLETE;
	}
	return 0;
}

/* The marker that `partition env` sets tells whose client a process is. */
static bool is_client_of(struct host *h, int pid, const char *uuid, bool *ret_known)
{
	const size_t size = 256 * 1024;
	char *env = malloc(size);
	ssize_t n = env ? sysfs_read(h->platform, env, size, "proc/%d/environ", pid) : -1;
	bool found = false;

	*ret_known = n > 0;
	for (ssize_t i = 0; n > 0 && i < n; i += (ssize_t)strlen(env + i) + 1) {
		if (strncmp(env + i, "OPENFORBC_PARTITION=", 20) == 0)
			found = strcmp(env + i + 20, uuid) == 0;
	}
	free(env);
	return found;
}

static int add_clients(struct host *h, const struct ofbc_gpu *gpu, const char *servers, const char *uuid,
                       struct ofbc_holder_list *ret)
{
	struct command_result clients;
	char *end;
	int r = 0;

	for (const char *s = servers; r == 0 && *s; s = *end ? end + 1 : end) {
		unsigned long server = strtoul(s, &end, 10);
		char ask[64], *next;

		if (end == s || server == 0) {
			end = (char *)(uintptr_t)s + strcspn(s, "\n");
			continue;
		}
		snprintf(ask, sizeof(ask), "get_client_list %lu\n", server);
		if (control(h, gpu, ask, &clients) < 0)
			continue;
		for (const char *c = clients.out; r == 0 && *c; c = *next ? next + 1 : next) {
			unsigned long pid = strtoul(c, &next, 10);
			bool known;

			if (next == c || pid == 0) {
				next = (char *)(uintptr_t)c + strcspn(c, "\n");
				continue;
			}
			if (is_client_of(h, (int)pid, uuid, &known))
				r = host_add_process(h, (int)pid, NULL, ret);
			else if (!known)
				ret->incomplete = true;
		}
	}
	return r;
}

static int holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	struct command_result servers;
	char node[160];
	int r = 0;

	(void)err;
	if (!p)
		return 0;
	if (h->platform->emulated) {
		/* An emulated client holds the partition's own node: there is no CUDA that would connect. */
		snprintf(node, sizeof(node), "/dev/emulated/%s", p->uuid);
		return host_node_holders(h, node, ret);
	}
	if (!daemon_runs(h, gpu) || control(h, gpu, "get_server_list\n", &servers) < 0)
		return 0;
	r = add_clients(h, gpu, servers.out, p->uuid, ret);
	return r;
}

/* --- create and destroy --- */

static int start_daemon(struct host *h, const struct ofbc_gpu *gpu, const char *dir, struct ofbc_error *err)
{
	struct command_result result = {0};
	char path[SYSFS_PATH_MAX + 16];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, i ? "log" : "pipe");
		r = h->platform->ops->mkdir(h->platform, path);
	}
	if (r < 0)
		return error_set_errno(err, -r, "cannot make '/%s'", path);
	r = control(h, gpu, NULL, &result);
	/* A stranger's answer on the pipe proves that it runs; the exit status alone proves nothing. */
	for (unsigned i = 0; r == 0 && i < 20 && !daemon_runs(h, gpu); i++)
		h->platform->ops->sleep_ms(h->platform, 100);
	if (r == 0 && daemon_runs(h, gpu) && control(h, gpu, "get_server_list\n", &result) == 0 &&
	    result.status == 0)
		return 0;
	result.out[strcspn(result.out, "\n")] = '\0';
	error_set(err, r < 0 ? -r : EIO, OFBC_REASON_FAILED, "the MPS control daemon did not start: %s",
	          r < 0 ? strerror(-r) : result.out);
	error_hint(err, "look into '/%s/log/control.log'", dir);
	return r < 0 ? r : -EIO;
}

static void remove_tree(struct host *h, const char *dir)
{
	_cleanup_strv_ struct strv names = {0};
	char path[SYSFS_PATH_MAX + 80];

	(void)sysfs_list(h->platform, &names, "%s", dir);
	for (size_t i = 0; i < names.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names.v[i]);
		if (h->platform->ops->remove(h->platform, path) < 0)
			platform_debug(h->platform, "cannot remove /%s", path);
	}
	(void)h->platform->ops->remove(h->platform, dir);
}

static int stop_daemon(struct host *h, const struct ofbc_gpu *gpu, const char *dir, struct ofbc_error *err)
{
	struct command_result result = {0};
	char path[SYSFS_PATH_MAX + 16];
	int r = 0;

	if (daemon_runs(h, gpu)) {
		r = control(h, gpu, "quit\n", &result);
		for (unsigned i = 0; r == 0 && i < 100 && daemon_runs(h, gpu); i++)
			h->platform->ops->sleep_ms(h->platform, 100);
		if (r < 0 || daemon_runs(h, gpu)) {
			error_set(err, EBUSY, OFBC_REASON_IN_USE,
			          "the MPS control daemon of %s does not quit", gpu->alias);
			error_hint(err,
			           "`CUDA_MPS_PIPE_DIRECTORY=/%s/pipe " CONTROL "` and the command 'quit'",
			           dir);
			return -EBUSY;
		}
	}
	snprintf(path, sizeof(path), "%s/pipe", dir);
	remove_tree(h, path);
	snprintf(path, sizeof(path), "%s/log", dir);
	remove_tree(h, path);
	(void)h->platform->ops->remove(h->platform, dir);
	return 0;
}

static int create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                  struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	struct ofbc_partition_list now = {0};
	char dir[SYSFS_PATH_MAX], path[SYSFS_PATH_MAX + 48], text[128];
	struct ofbc_partition *p;
	bool was_running = daemon_runs(h, gpu);
	int r = 0;

	gpu_dir(h, gpu, dir, sizeof(dir));
	if (args->memory_bytes > gpu->memory_bytes && gpu->memory_bytes)
		return error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY,
		                 "the GPU has less memory than the limit");
	if (!was_running)
		r = start_daemon(h, gpu, dir, err);
	if (r < 0) {
		(void)stop_daemon(h, gpu, dir, NULL);
		return r;
	}
	snprintf(path, sizeof(path), "%s/%s", dir, args->uuid);
	snprintf(text, sizeof(text), "percent=%u\nmemory_bytes=%llu\n", args->param,
	         (unsigned long long)args->memory_bytes);
	r = h->platform->ops->put(h->platform, path, text);
	if (r < 0) {
		if (!was_running && list_partitions(h, gpu, &now, NULL) == 0 && now.n == 0)
			(void)stop_daemon(h, gpu, dir, NULL);
		free(now.v);
		return error_set_errno(err, -r, "cannot write '/%s'", path);
	}
	p = list_add(ret);
	if (!p)
		return -ENOMEM;
	snprintf(p->uuid, sizeof(p->uuid), "%s", args->uuid);
	snprintf(p->type, sizeof(p->type), "mps:%u%%", args->param);
	snprintf(p->device, sizeof(p->device), "%s", args->uuid);
	snprintf(p->handle, sizeof(p->handle), "%s", args->uuid);
	p->memory_bytes = args->memory_bytes;
	p->native_id = args->param;
	return 0;
}

static int destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                   struct ofbc_error *err)
{
	struct ofbc_partition_list left = {0};
	char dir[SYSFS_PATH_MAX], path[SYSFS_PATH_MAX + 48];
	int r;

	gpu_dir(h, gpu, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, p->device);
	r = h->platform->ops->remove(h->platform, path);
	if (r < 0 && r != -ENOENT)
		return error_set_errno(err, -r, "cannot remove '/%s'", path);
	r = list_partitions(h, gpu, &left, err);
	if (r == 0 && left.n == 0)
		r = stop_daemon(h, gpu, dir, err);
	free(left.v);
	return r;
}

static int env(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p, bool alone,
               struct strv *ret, struct ofbc_error *err)
{
	char dir[SYSFS_PATH_MAX];
	int r;

	(void)alone;
	(void)err;
	gpu_dir(h, gpu, dir, sizeof(dir));
	r = strv_addf(ret, "CUDA_MPS_PIPE_DIRECTORY=/%s/pipe", dir);
	if (r == 0)
		r = strv_addf(ret, "CUDA_MPS_LOG_DIRECTORY=/%s/log", dir);
	if (r == 0)
		r = strv_addf(ret, "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE=%u", p->native_id);
	if (r == 0 && p->memory_bytes)
		r = strv_addf(ret, "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT=0=%lluM",
		              (unsigned long long)(p->memory_bytes / MIB));
	/* By UUID, because the daemon numbers its devices anew. */
	if (r == 0 && gpu->uuid[0])
		r = strv_addf(ret, "CUDA_VISIBLE_DEVICES=%s", gpu->uuid);
	return r;
}

/* The GPU's nodes, and the way to its control daemon. */
static int nodes(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                 struct access *ret, struct ofbc_error *err)
{
	char dir[SYSFS_PATH_MAX];
	int r = host_nvidia_nodes(h, gpu, NULL, ret, err);

	(void)p;
	gpu_dir(h, gpu, dir, sizeof(dir));
	return r < 0 ? r : strv_addf(&ret->mounts, "/%s/pipe", dir);
}

static int doctor(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret)
{
	struct ofbc_technology t = {0};

	if (!gpu || probe(h, gpu, &t, NULL) <= 0)
		return 0;
	if (t.state == OFBC_TECHNOLOGY_READY)
		return finding_add(ret, "mps", gpu, OFBC_FINDING_OK, "ready", "");
	return finding_add(ret, "mps", gpu, OFBC_FINDING_MISSING, t.reason,
	                   is_installed(h) ? "" : "apt install nvidia-cuda-mps");
}

const struct backend_ops backend_mps = {
	.name = "mps",
	.title = "CUDA Multi-Process Service",
	.caps = BACKEND_UUID | BACKEND_PROCESS,
	.rank = 60,
	.probe = probe,
	.list_types = list_types,
	.list_partitions = list_partitions,
	.holders = holders,
	.create = create,
	.destroy = destroy,
	.env = env,
	.nodes = nodes,
	.doctor = doctor,
};
