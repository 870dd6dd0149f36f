/* SPDX-License-Identifier: MIT */
/* MIG, the changing half: mode, create, destroy, and who stands in the way. Each step is read back. */
#include "backends/mig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"

#define MODE_ATTEMPTS  3
#define MODE_RETRY_MS  300
#define RESET_LIMIT_MS 60000

/* --- holders --- */

/* The driver's table of all capabilities says "gpu0/gi3/ci0/access 31". */
static int capability_in_table(struct host *h, const char *capability, unsigned *ret)
{
	const size_t size = 256 * KIB;
	_cleanup_free_ char *text = malloc(size);
	unsigned gpu = 0;
	int skip = 0;
	char key[64];
	size_t n;

	if (!text)
		return -ENOMEM;
	if (sscanf(capability, "gpu%u/mig/%n", &gpu, &skip) != 1 || !skip ||
	    sysfs_read(h->platform, text, size, "proc/driver/nvidia-caps/mig-minors") <= 0)
		return -ENOENT;
	snprintf(key, sizeof(key), "gpu%u/%s ", gpu, capability + skip);
	n = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) != 0)
			continue;
		*ret = (unsigned)strtoul(line + n, NULL, 10);
		return 0;
	}
	return -ENOENT;
}

int mig_capability(struct host *h, const char *capability, unsigned *ret)
{
	static const char key[] = "DeviceFileMinor:";
	char text[256];
	const char *at;

	if (sysfs_read(h->platform, text, sizeof(text), "proc/driver/nvidia/capabilities/%s", capability) <=
	            0 ||
	    !(at = strstr(text, key)))
		return capability_in_table(h, capability, ret);
	*ret = (unsigned)strtoul(at + sizeof(key) - 1, NULL, 10);
	return 0;
}

static int add_capability_holders(struct host *h, const char *capability, struct ofbc_holder_list *ret)
{
	unsigned number;
	char node[64];
	int r = mig_capability(h, capability, &number);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	snprintf(node, sizeof(node), "/dev/nvidia-caps/nvidia-cap%u", number);
	return host_node_holders(h, node, ret);
}

/* vGPUs inside: each virtual function tells the GPU instance that the driver chose for it. */
static int add_vgpus(struct host *h, const struct ofbc_gpu *gpu, unsigned gi, struct ofbc_holder_list *ret)
{
	_cleanup_strv_ struct strv vfs = {0};

	(void)pci_vfs(h->platform, gpu->id, &vfs);
	for (size_t i = 0; i < vfs.n; i++) {
		struct ofbc_holder *holder;
		uint64_t id;

		if (sysfs_read_u64(h->platform, &id, "sys/bus/pci/devices/%s/nvidia/gpu_instance_id",
		                   vfs.v[i]) < 0 ||
		    id != gi)
			continue;
		holder = list_add(ret);
		if (!holder)
			return -ENOMEM;
		snprintf(holder->kind, sizeof(holder->kind), HOLDER_PARTITION);
		snprintf(holder->name, sizeof(holder->name), "%.60s", vfs.v[i]);
		snprintf(holder->release, sizeof(holder->release), "openforbc partition destroy %.60s",
		         vfs.v[i]);
	}
	return 0;
}

static int partition_holders(const struct mig_board *b, const struct ofbc_partition *p,
                             struct ofbc_holder_list *ret)
{
	char capability[64], node[160];
	unsigned minor = 0;
	bool has_minor = b->api->DeviceGetMinorNumber &&
	                 b->api->DeviceGetMinorNumber(b->device, &minor) == NVML_SUCCESS;
	struct nvml_ci_info ci = {.id = p->native_aux};
	char uuid[NVML_UUID_SIZE];
	nvml_device d;
	int r = 0;

	if (p->native_aux != NVML_NONE && mig_device(b, &ci, p->native_id, &d, uuid))
		r = host_nvml_processes(b->host, b->api, d, ret);
	if (r == 0)
		r = add_vgpus(b->host, b->gpu, p->native_id, ret);
	if (r == 0 && p->handle[0]) {
		snprintf(node, sizeof(node), "/dev/emulated/%s", p->handle);
		r = host_node_holders(b->host, node, ret);
	}
	if (r < 0 || !has_minor)
		return r;
	if (p->native_aux != NVML_NONE) {
		snprintf(capability, sizeof(capability), "gpu%u/mig/gi%u/ci%u/access", minor, p->native_id,
		         p->native_aux);
		r = add_capability_holders(b->host, capability, ret);
	}
	/* users of a sibling compute instance hold the capability of a shared GPU instance too */
	if (r < 0 || strstr(p->type, "c."))
		return r;
	snprintf(capability, sizeof(capability), "gpu%u/mig/gi%u/access", minor, p->native_id);
	return add_capability_holders(b->host, capability, ret);
}

static int gpu_holders(const struct mig_board *b, struct ofbc_holder_list *ret)
{
	struct host *h = b->host;
	char node[64];
	unsigned minor;
	bool has_minor = b->api->DeviceGetMinorNumber &&
	                 b->api->DeviceGetMinorNumber(b->device, &minor) == NVML_SUCCESS;
	int r = host_nvml_processes(b->host, b->api, b->device, ret);

	if (r == 0 && has_minor) {
		snprintf(node, sizeof(node), "/dev/nvidia%u", minor);
		/* our own session has the node open as well */
		host_nvml_close(h);
		host_forget_open_devices(h);
		r = host_node_holders(h, node, ret);
	}
	return r == 0 ? host_kernel_holders(h, ret) : r;
}

int mig_holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                struct ofbc_holder_list *ret, struct ofbc_error *err)
{
	struct mig_board b;
	int r = mig_board_open(h, gpu, &b, err);

	if (r < 0)
		return r;
	r = p ? partition_holders(&b, p, ret) : gpu_holders(&b, ret);
	return r < 0 ? error_set_errno(err, -r, "cannot look for holders of %s", p ? p->uuid : gpu->alias)
	             : 0;
}

/* An IN_USE of the driver, explained: who holds the GPU or the partition. */
static int in_use(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                  const char *what, struct ofbc_error *err)
{
	_cleanup_(holder_list_done) struct ofbc_holder_list holders = {0};

	host_forget_open_devices(h);
	mig_holders(h, gpu, p, &holders, NULL);
	if (holders.n)
		return holder_error(&holders, err, "%s", what);
	error_set(err, EBUSY, OFBC_REASON_IN_USE, "%s is in use by another client, which could not be found",
	          what);
	error_hint(err, "look as root: `fuser -v /dev/nvidia* /dev/nvidia-caps/*`");
	return -EBUSY;
}

/* --- mode --- */

static int attempt_mode(const struct mig_board *b, unsigned mode, nvml_return *ret)
{
	nvml_return activation = NVML_SUCCESS, n = b->api->DeviceSetMigMode(b->device, mode, &activation);

	/* success of the call only means that the request was noted */
	*ret = n == NVML_SUCCESS ? activation : n;
	return n == NVML_SUCCESS && activation != NVML_SUCCESS;
}

/* The change was noted and waits for a reset: do it when the caller agreed. */
static int reset_gpu(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_error *err)
{
	const char *const argv[] = {"nvidia-smi", "--gpu-reset", "-i", gpu->id, NULL};
	const struct command cmd = {.argv = argv, .timeout_ms = RESET_LIMIT_MS};
	_cleanup_free_ struct command_result *res = calloc(1, sizeof(*res));
	int r;

	if (!res)
		return -ENOMEM;
	host_nvml_close(h);
	r = h->platform->ops->run(h->platform, &cmd, res);
	if (r == 0 && res->status == 0)
		return 0;
	error_set(err, r < 0 ? -r : EIO, OFBC_REASON_FAILED,
	          "the MIG mode is noted, but the reset failed: %.200s",
	          r < 0 ? "cannot run nvidia-smi" : res->out);
	error_hint(err, "reboot to make it active; in a guest the reset is the host's");
	return r < 0 ? r : -EIO;
}

static int verify_mode(struct host *h, const struct ofbc_gpu *gpu, unsigned mode, struct ofbc_error *err)
{
	struct mig_board b;
	unsigned current, pending;
	int r;

	/* the change may rebind the device: old handles are void */
	host_nvml_close(h);
	host_forget_open_devices(h);
	r = mig_board_open(h, gpu, &b, err);
	if (r == 0)
		r = mig_read_mode(&b, &current, &pending, err);
	if (r < 0 || current == mode)
		return r;
	error_set(err, EIO, OFBC_REASON_FAILED, "the driver reported success, but MIG mode is still %s%s",
	          current ? "on" : "off", pending != current ? " (pending)" : "");
	error_hint(err, "reboot, or `nvidia-smi --gpu-reset -i %s`", gpu->id);
	return -EIO;
}

static int change_mode(struct host *h, const struct ofbc_gpu *gpu, unsigned mode, unsigned flags,
                       struct ofbc_error *err)
{
	struct mig_board b;
	nvml_return n = NVML_IN_USE;
	int noted = 0, r = 0;

	for (unsigned i = 0; i < MODE_ATTEMPTS && n == NVML_IN_USE; i++) {
		_cleanup_(holder_list_done) struct ofbc_holder_list holders = {0};

		if (i > 0) {
			/* only a passing client, which nobody can name, is worth waiting for */
			host_forget_open_devices(h);
			if (mig_holders(h, gpu, NULL, &holders, NULL) < 0 || holders.n)
				break;
			h->platform->ops->sleep_ms(h->platform, MODE_RETRY_MS);
		}
		r = mig_board_open(h, gpu, &b, err);
		if (r < 0)
			return r;
		noted = attempt_mode(&b, mode, &n);
	}
	if (n == NVML_RESET_REQUIRED && (flags & OFBC_MODE_RESET)) {
		r = reset_gpu(h, gpu, err);
		return r < 0 ? r : verify_mode(h, gpu, mode, err);
	}
	if (n == NVML_SUCCESS)
		return verify_mode(h, gpu, mode, err);
	/* leave no surprise for the next reset */
	if (noted && mig_board_open(h, gpu, &b, NULL) == 0)
		attempt_mode(&b, !mode, &(nvml_return){0});
	if (n == NVML_IN_USE)
		return in_use(h, gpu, NULL, gpu->alias, err);
	return host_nvml_error(h, n, err, "cannot switch MIG mode %s", mode ? "on" : "off");
}

static int refuse_while_occupied(const struct mig_board *b, struct ofbc_error *err)
{
	_cleanup_profiles_ struct mig_profile_list profiles = {0};
	_cleanup_instances_ struct mig_instance_list instances = {0};
	struct pci_function f;
	int r = mig_read_profiles(b, &profiles, err);

	if (r == 0)
		r = mig_read_instances(b, &profiles, &instances, err);
	if (r < 0)
		return r;
	if (instances.n) {
		error_set(err, EBUSY, OFBC_REASON_IN_USE, "%zu GPU instances exist", instances.n);
		error_hint(err, "destroy them first: `openforbc partition list %s`", b->gpu->alias);
		return -EBUSY;
	}
	if (pci_read(b->host->platform, b->gpu->id, &f) == 0 && f.num_vfs > 0) {
		error_set(err, EBUSY, OFBC_REASON_IN_USE,
		          "%u virtual functions exist, and the driver refuses then", f.num_vfs);
		error_hint(err, "`openforbc gpu disable %s vgpu`", b->gpu->alias);
		return -EBUSY;
	}
	return 0;
}

int mig_set_mode(struct host *h, const struct ofbc_gpu *gpu, bool on, const char *variant, unsigned flags,
                 struct ofbc_error *err)
{
	_cleanup_(holder_list_done) struct ofbc_holder_list holders = {0};
	struct mig_board b;
	unsigned current, pending;
	int r;

	if (variant)
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "mig has no variant '%s'", variant);
	r = mig_board_open(h, gpu, &b, err);
	if (r == 0)
		r = mig_read_mode(&b, &current, &pending, err);
	if (r < 0)
		return r;
	if (current == on && pending == on)
		return 1;
	if (!b.api->DeviceSetMigMode)
		return mig_missing_call(err);
	if (!on)
		r = refuse_while_occupied(&b, err);
	if (r < 0 || current == on) /* a noted change is taken back without a reset */
		return r < 0 ? r : change_mode(h, gpu, on, flags, err);
	if (!mig_needs_reset(&b))
		return change_mode(h, gpu, on, flags, err);
	if (!(flags & OFBC_MODE_RESET)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "switching MIG mode %s resets the GPU",
		          on ? "on" : "off");
		error_hint(err, "`openforbc gpu %s %s mig --reset`", on ? "enable" : "disable", gpu->alias);
		return -EINVAL;
	}
	r = mig_holders(h, gpu, NULL, &holders, err);
	if (r < 0)
		return r;
	return holders.n ? holder_error(&holders, err, "%s", gpu->alias)
	                 : change_mode(h, gpu, on, flags, err);
}

/* create on a GPU with MIG mode off: only where nobody notices. ret: 1 switched on by us. */
static int mode_for_create(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_error *err)
{
	struct mig_board b;
	unsigned current, pending;
	int r = mig_board_open(h, gpu, &b, err);

	if (r == 0)
		r = mig_read_mode(&b, &current, &pending, err);
	if (r < 0 || current)
		return r;
	if (mig_needs_reset(&b) || pending) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "MIG mode is off and switching it on resets the GPU");
		error_hint(err, "`openforbc gpu enable %s mig --reset`", gpu->alias);
		return -ENOTSUP;
	}
	r = mig_set_mode(h, gpu, true, NULL, 0, err);
	return r < 0 ? r : 1;
}

/* --- create --- */

/* INSUFFICIENT_RESOURCES also means "somebody stands there": the instance list tells which. */
static int no_room(const struct mig_board *b, const struct mig_profile_list *profiles,
                   struct ofbc_placement at, struct ofbc_error *err)
{
	_cleanup_instances_ struct mig_instance_list instances = {0};
	int r = mig_read_instances(b, profiles, &instances, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < instances.n; i++) {
		const struct nvml_placement *o = &instances.v[i].info.placement;

		if (at.start >= o->start + o->size || o->start >= at.start + at.size)
			continue;
		error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY,
		          "slots %u-%u are occupied by GPU instance %u (%s at %u)", at.start,
		          at.start + at.size - 1, instances.v[i].info.id, instances.v[i].profile->name,
		          o->start);
		error_hint(err, "`openforbc type list %s` shows what fits", b->gpu->alias);
		return -ENOSPC;
	}
	error_set(err, ENOSPC, OFBC_REASON_NO_CAPACITY,
	          "slots %u-%u are free, but compute slices or engines are used up", at.start,
	          at.start + at.size - 1);
	error_hint(err, "`openforbc type list %s` shows what fits", b->gpu->alias);
	return -ENOSPC;
}

static int make_gi(const struct mig_board *b, const struct mig_profile_list *profiles,
                   const struct ofbc_type *type, struct ofbc_placement at, nvml_gi *ret,
                   struct ofbc_error *err)
{
	const struct nvml_placement place = {.start = at.start, .size = at.size};
	nvml_return n;

	if (!b->api->GpuInstanceGetInfo || !b->api->GpuInstanceDestroy || !b->api->ComputeInstanceDestroy ||
	    !b->api->GpuInstanceCreateComputeInstance ||
	    (at.size ? !b->api->DeviceCreateGpuInstanceWithPlacement : !b->api->DeviceCreateGpuInstance))
		return mig_missing_call(err);
	if (at.size)
		n = b->api->DeviceCreateGpuInstanceWithPlacement(b->device, type->native_id, &place, ret);
	else
		n = b->api->DeviceCreateGpuInstance(b->device, type->native_id, ret);
	if (n == NVML_INSUFFICIENT_RESOURCES && at.size)
		return no_room(b, profiles, at, err);
	if (n == NVML_IN_USE)
		return in_use(b->host, b->gpu, NULL, b->gpu->alias, err);
	return n == NVML_SUCCESS ? 0 : host_nvml_error(b->host, n, err, "%s at slot %u", type->key, at.start);
}

/* The compute instance of the whole GPU instance. Its profile is not a function of the GPU instance's (a 1g
 * with double memory wants number 7): take the one of equal size that has room. */
static int make_ci(const struct mig_board *b, nvml_gi gi, unsigned slices, nvml_ci *ret,
                   struct ofbc_error *err)
{
	nvml_return n = NVML_NOT_SUPPORTED;

	for (unsigned i = 0; i < MAX_CI_PROFILES; i++) {
		struct nvml_ci_profile cp = {0};
		unsigned room = 1;
		nvml_return info = b->api->GpuInstanceGetComputeInstanceProfileInfo(gi, i, 0, &cp);

		if (info == NVML_INVALID_ARGUMENT)
			break;
		if (info != NVML_SUCCESS || cp.slices != slices)
			continue;
		if (b->api->GpuInstanceGetComputeInstanceRemainingCapacity &&
		    b->api->GpuInstanceGetComputeInstanceRemainingCapacity(gi, cp.id, &room) != NVML_SUCCESS)
			room = 0;
		if (room == 0)
			continue;
		n = b->api->GpuInstanceCreateComputeInstance(gi, cp.id, ret);
		if (n == NVML_SUCCESS)
			return 0;
	}
	return host_nvml_error(b->host, n, err, "compute instance of %u slices", slices);
}

/* What stands on the GPU now must be what was asked for. */
static int read_back(const struct mig_board *b, const struct mig_profile_list *profiles, nvml_gi gi,
                     const struct ofbc_type *type, struct ofbc_placement at, struct ofbc_partition_list *ret,
                     struct ofbc_error *err)
{
	_cleanup_instances_ struct mig_instance_list instances = {0};
	struct nvml_gi_info info = {0};
	int r;

	if (b->api->GpuInstanceGetInfo(gi, &info) != NVML_SUCCESS || info.profile_id != type->native_id ||
	    (at.size && (info.placement.start != at.start || info.placement.size != at.size)))
		return error_set(err, EIO, OFBC_REASON_FAILED,
		                 "asked for %s at slot %u, the driver made profile %u at slot %u", type->key,
		                 at.start, info.profile_id, info.placement.start);
	r = mig_read_instances(b, profiles, &instances, err);
	for (size_t i = 0; r == 0 && i < instances.n; i++) {
		struct ofbc_partition *p;

		if (instances.v[i].info.id != info.id || instances.v[i].n_cis == 0)
			continue;
		r = mig_add_partition(b, &instances.v[i], 0, ret);
		p = r == 0 ? &ret->v[ret->n - 1] : NULL;
		if (!p || p->handle[0])
			return r;
		ret->n--;
		break;
	}
	return r < 0 ? r
	             : error_set(err, EIO, OFBC_REASON_FAILED,
	                         "%s was made, but its MIG device does not appear", type->key);
}

static int make(const struct mig_board *b, const struct ofbc_type *type, struct ofbc_placement at,
                struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	_cleanup_profiles_ struct mig_profile_list profiles = {0};
	nvml_gi gi = NULL;
	nvml_ci ci = NULL;
	int r = mig_read_profiles(b, &profiles, err);

	if (r == 0)
		r = make_gi(b, &profiles, type, at, &gi, err);
	if (r < 0)
		return r;
	r = make_ci(b, gi, type->native_aux, &ci, err);
	if (r == 0)
		r = read_back(b, &profiles, gi, type, at, ret, err);
	if (r == 0)
		return 0;
	if (ci)
		b->api->ComputeInstanceDestroy(ci);
	if (b->api->GpuInstanceDestroy(gi) != NVML_SUCCESS)
		error_wrap(err, "a GPU instance was left behind (`nvidia-smi mig -lgi`)");
	return r;
}

int mig_create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
               struct ofbc_partition_list *ret, struct ofbc_error *err)
{
	struct ofbc_placement at = {0};
	struct mig_board b;
	int switched, r;

	for (size_t i = 0; i < args->type->n_placements; i++) {
		if (args->placement >= 0 && args->type->placements[i].start == (unsigned)args->placement)
			at = args->type->placements[i];
	}
	if (args->type->n_placements && !at.size)
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "%s cannot stand at slot %d",
		                 args->type->key, args->placement);
	switched = mode_for_create(h, gpu, err);
	if (switched < 0)
		return switched;
	r = mig_board_open(h, gpu, &b, err);
	if (r == 0)
		r = make(&b, args->type, at, ret, err);
	if (r < 0 && switched)
		mig_set_mode(h, gpu, false, NULL, 0, NULL);
	return r;
}

/* --- destroy --- */

static int gone(const struct mig_board *b, const struct ofbc_partition *p, bool with_gi,
                struct ofbc_error *err)
{
	nvml_gi gi;
	nvml_ci ci;
	bool remains = false;

	if (!b->api->DeviceGetGpuInstanceById ||
	    b->api->DeviceGetGpuInstanceById(b->device, p->native_id, &gi) != NVML_SUCCESS)
		return 0;
	if (with_gi)
		remains = true;
	else if (b->api->GpuInstanceGetComputeInstanceById)
		remains = b->api->GpuInstanceGetComputeInstanceById(gi, p->native_aux, &ci) == NVML_SUCCESS;
	return remains ? error_set(err, EIO, OFBC_REASON_FAILED,
	                           "the driver reported success, but GPU instance %u still has it",
	                           p->native_id)
	               : 0;
}

static int destroy_instance(const struct mig_board *b, const struct mig_instance *in,
                            const struct ofbc_partition *p, struct ofbc_error *err)
{
	nvml_return n = NVML_SUCCESS;
	unsigned others = in->n_cis;
	char what[64];

	snprintf(what, sizeof(what), "partition %s", p->uuid);
	for (unsigned k = 0; k < in->n_cis && p->native_aux != NVML_NONE; k++) {
		if (in->ci_infos[k].id != p->native_aux)
			continue;
		n = b->api->ComputeInstanceDestroy(in->cis[k]);
		others--;
	}
	/* a GPU instance shared with other compute instances stays for them */
	if (n == NVML_SUCCESS && others == 0)
		n = b->api->GpuInstanceDestroy(in->gi);
	if (n == NVML_IN_USE)
		return in_use(b->host, b->gpu, p, what, err);
	if (n != NVML_SUCCESS)
		return host_nvml_error(b->host, n, err, "%s", what);
	return gone(b, p, others == 0, err);
}

int mig_destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                struct ofbc_error *err)
{
	_cleanup_profiles_ struct mig_profile_list profiles = {0};
	_cleanup_instances_ struct mig_instance_list instances = {0};
	struct mig_board b;
	int r = mig_board_open(h, gpu, &b, err);

	if (r == 0)
		r = mig_read_profiles(&b, &profiles, err);
	if (r == 0)
		r = mig_read_instances(&b, &profiles, &instances, err);
	if (r < 0)
		return r;
	if (!b.api->GpuInstanceDestroy || !b.api->ComputeInstanceDestroy)
		return mig_missing_call(err);
	for (size_t i = 0; i < instances.n; i++) {
		const struct nvml_gi_info *info = &instances.v[i].info;

		if (info->id == p->native_id && info->placement.start == p->placement.start)
			return destroy_instance(&b, &instances.v[i], p, err);
	}
	return error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "GPU instance %u does not exist any more",
	                 p->native_id);
}
