/* SPDX-License-Identifier: MIT */
/*
 * Inside the emulation: the machine that the fake doors act on. What only the emulation knows stands
 * in the same tree below ".emu/", which no door shows:
 *
 *   .emu/boot                       number of boots
 *   .emu/gpu/<BDF>/...              per GPU; written by the builders from the model file
 *       model                       key of the model file
 *       kind                        nvidia | amd | gim | i915 | xe | mdev
 *       uuid, name, memory_mib, minor, architecture, cc ("9.0"), sm_count, power_w
 *       mig/capable, mig/mode, mig/pending, mig/reset_free, mig/persists, mig/slots
 *       mig/profile/<index>         "id name slices instances sms ce dec enc jpeg ofa memory_mib
 * start:size,start:size,..." mig/ci/<gi slices>/<index>  "id slices instances" mig/gi/<id> "profile_id start
 * size" mig/gi/<id>/ci/<id>         "profile_id start size uuid" vgpu/framework              none | vfio |
 * mdev-pf | mdev-vf  (absent: no vGPU host driver) vgpu/hetero                 0 | 1;  vgpu/hetero_capable
 *       vgpu/type/<id>              "name|class|fb_mib|max|max_per_gi|gi_profile_id or -|heads|placement
 * size|ids: 0,6,12 (mixed)|ids homogeneous" .emu/hold/<pid>/<n>             "comm /dev/node"; an entry whose
 * pid is gone is stale .emu/nvml/driver                driver version .emu/fault/<n>                  one
 * fault rule (faults.c) .emu/latency/<door>             milliseconds
 */
#pragma once

#include "emulation/emulation.h"
#include "emulation/tree.h"
#include "platform/nvml.h"

struct json;

struct machine {
	struct platform base; /* first: a platform is cast to its machine */
	struct tree tree;
	char dir[400]; /* real directory of the state */
	char name[128];
	uint64_t generation; /* of the file that `tree` was read from: inode and mtime */
	int lock_fd;         /* held between machine_begin() and machine_end() */
	unsigned lock_depth;
	struct nvml_api nvml;
	unsigned nvml_sessions;
	struct machine *nvml_before; /* whose NVML it was before ours */
	uint64_t slept_ms;
};

struct machine *machine_of(struct platform *p);

/* Every mutation of the host is one transaction: take the lock, re-read the file when another process
 * changed it, act on the tree, write it back atomically. Nested calls are counted. Reading doors call
 * machine_refresh() only. */
int machine_begin(struct machine *m);
int machine_end(struct machine *m, int r); /* r < 0: the tree is read again, nothing is kept; returns r */
int machine_refresh(struct machine *m);

/* faults.c: called by each door with its kind ("nvml:DeviceCreateGpuInstance", "write:<path>",
 * "run:<argv0>") before and after acting. 0, or the -errno (NVML: positive code through *ret_code)
 * to return; may kill the process ("die-before", "die-after"); sleeps the configured latency. */
int fault_hit(struct machine *m, const char *kind, bool after, unsigned *ret_code);

/* nvml_emulation.c: fills m->nvml. Calls act on "current machine" set by this (one per process). */
void nvml_emulation_init(struct machine *m);
/* Calls act on the machine before it, again. */
void nvml_emulation_done(struct machine *m);
/* Builds the .emu/gpu/<bdf>/{mig,vgpu}/... part of one NVIDIA GPU from its model. Also after reboot. */
int nvml_emulation_build(struct machine *m, const char *bdf, const struct json *model,
                         struct ofbc_error *err);
/* What the driver forgets at reboot or driver reload; removes instances, keeps what InfoROM keeps. */
void nvml_emulation_reboot(struct machine *m, const char *bdf);
/* The capability nodes of the MIG instances that exist now, with the files that tell their numbers. */
void mig_nodes_update(struct machine *m, const char *bdf);
/* Rules shared with the vendor-VFIO files: ids creatable now on this GPU, as "id : name" lines; the
 * errno of creating one (0 possible). vfs_used: "id" of every vGPU that exists. */
int vgpu_rules_creatable(struct machine *m, const char *bdf, struct strv *ret_lines);
int vgpu_rules_create(struct machine *m, const char *bdf, unsigned type_id);    /* 0 or -errno */
unsigned vgpu_rules_room(struct machine *m, const char *bdf, unsigned type_id); /* how many more, at least */
/* All vGPU type ids that exist now on this GPU, through VFs or mdevs; filled from the sysfs part. */
size_t vgpu_existing(struct machine *m, const char *bdf, unsigned *ret_ids, size_t max);

/* sysfs_emulation.c: reaction of the kernel to a write; -errno as the kernel gives it. */
int sysfs_emulation_write(struct machine *m, const char *path, const char *value);
/* Text of a file that depends on state (creatable_vgpu_types, available_instances); -ENOENT: an ordinary one.
 */
ssize_t sysfs_emulation_read(struct machine *m, const char *path, char *buf, size_t size);
/* Whether somebody (alive) holds this device node. */
bool machine_is_held(struct machine *m, const char *node_prefix);

/* build.c: a host file to a tree. */
int machine_build(struct machine *m, const char *host_name, struct ofbc_error *err);

/* Data files compiled in (models/NAME.json, hosts/NAME.json), or a file below $OPENFORBC_DATADIR. */
int data_load(const char *path, char **ret_text, size_t *ret_len);
int data_list(const char *dir, struct strv *ret); /* names without ".json" */
