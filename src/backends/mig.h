/* SPDX-License-Identifier: MIT */
/* Shared by the two halves of the MIG backend: mig.c reads, mig_change.c changes. */
#pragma once

#include "backends/backend.h"
#include "base/cleanup.h"
#include "platform/nvml.h"

/* Bounds for walks that normally end by INVALID_ARGUMENT; the newest header has 18 and 9 profiles. */
#define MAX_GI_PROFILES 64
#define MAX_CI_PROFILES 16
#define MAX_GI          64
#define MAX_CI          16

/* One open GPU. */
struct mig_board {
	struct host *host;
	const struct nvml_api *api;
	nvml_device device;
	const struct ofbc_gpu *gpu;
};

struct mig_profile {
	unsigned index;
	struct nvml_gi_profile info;
	char name[64]; /* "1g.18gb+me" */
	struct nvml_placement placements[OFBC_MAX_PLACEMENTS];
	unsigned n_placements;
};

struct mig_profile_list {
	struct mig_profile *v;
	size_t n, cap;
};

/* One GPU instance with its compute instances. */
struct mig_instance {
	nvml_gi gi;
	struct nvml_gi_info info;
	const struct mig_profile *profile;
	nvml_ci cis[MAX_CI];
	struct nvml_ci_info ci_infos[MAX_CI];
	unsigned ci_slices[MAX_CI];
	unsigned n_cis;
};

struct mig_instance_list {
	struct mig_instance *v;
	size_t n, cap;
};

void mig_profiles_done(struct mig_profile_list *l);
void mig_instances_done(struct mig_instance_list *l);
#define _cleanup_profiles_  _cleanup_(mig_profiles_done)
#define _cleanup_instances_ _cleanup_(mig_instances_done)

int mig_board_open(struct host *h, const struct ofbc_gpu *gpu, struct mig_board *ret, struct ofbc_error *err);
int mig_missing_call(struct ofbc_error *err);
int mig_read_mode(const struct mig_board *b, unsigned *ret_current, unsigned *ret_pending,
                  struct ofbc_error *err);
/* Whether a mode change of this board goes through a reset. */
bool mig_needs_reset(const struct mig_board *b);
int mig_read_profiles(const struct mig_board *b, struct mig_profile_list *ret, struct ofbc_error *err);
/* All GPU instances; they point into the profiles. */
int mig_read_instances(const struct mig_board *b, const struct mig_profile_list *profiles,
                       struct mig_instance_list *ret, struct ofbc_error *err);
/* MIG device of a compute instance; false when there is none. */
bool mig_device(const struct mig_board *b, const struct nvml_ci_info *ci, unsigned gi_id, nvml_device *ret,
                char uuid[NVML_UUID_SIZE]);
/* One compute instance of a GPU instance as a partition, or the bare GPU instance with ci < 0. */
int mig_add_partition(const struct mig_board *b, const struct mig_instance *in, int ci,
                      struct ofbc_partition_list *ret);

/* mig_change.c */
/* Number of the node of a capability such as "gpu0/mig/gi3/ci0/access"; -ENOENT. */
int mig_capability(struct host *h, const char *capability, unsigned *ret);
int mig_holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                struct ofbc_holder_list *ret, struct ofbc_error *err);
int mig_create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
               struct ofbc_partition_list *ret, struct ofbc_error *err);
int mig_destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                struct ofbc_error *err);
int mig_set_mode(struct host *h, const struct ofbc_gpu *gpu, bool on, const char *variant, unsigned flags,
                 struct ofbc_error *err);
