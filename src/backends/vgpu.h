/* SPDX-License-Identifier: MIT */
/* Shared by the two halves of the vGPU backend: vgpu.c reads, vgpu_change.c changes. */
#pragma once

#include "backends/backend.h"
#include "platform/nvml.h"

/* How vGPUs of one GPU are made; told by what is there, never by model or kernel version. */
enum vgpu_framework {
	VGPU_NONE,    /* VFs exist, but nothing on them makes vGPUs */
	VGPU_OFF,     /* SR-IOV board without VFs: undecidable until they are on */
	VGPU_VFIO,    /* type written to VF/nvidia/current_vgpu_type */
	VGPU_MDEV_VF, /* mediated devices on the VFs */
	VGPU_MDEV_PF, /* mediated devices on the GPU itself (before Ampere) */
};

struct vgpu_board {
	struct host *host;
	const struct ofbc_gpu *gpu;
	const struct nvml_api *api;
	nvml_device device;
	enum vgpu_framework framework;
	struct strv parents; /* VFs, or the GPU itself */
	bool is_mixed;       /* vGPUs of different sizes may live together */
};

void vgpu_board_done(struct vgpu_board *b);
#define _cleanup_vgpu_ __attribute__((cleanup(vgpu_board_done)))

/* 0 = no vGPU host driver, 1 = opened, or -errno. */
int vgpu_open(struct host *h, const struct ofbc_gpu *gpu, struct vgpu_board *ret, struct ofbc_error *err);
/* Type id on a VF, 0 none. */
uint32_t vgpu_current_type(struct platform *p, const char *vf);
/* Can this parent make the type now? Read afresh, because siblings change each other. */
bool vgpu_can_create(const struct vgpu_board *b, const char *parent, uint32_t type_id);
int vgpu_list_partitions(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
                         struct ofbc_error *err);
/* Number of MIG GPU instances, which switching VFs would wipe. */
unsigned vgpu_gpu_instances(const struct vgpu_board *b);

/* vgpu_change.c */
int vgpu_holders(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                 struct ofbc_holder_list *ret, struct ofbc_error *err);
int vgpu_create(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
                struct ofbc_partition_list *ret, struct ofbc_error *err);
int vgpu_destroy(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                 struct ofbc_error *err);
int vgpu_set_mode(struct host *h, const struct ofbc_gpu *gpu, bool on, const char *variant, unsigned flags,
                  struct ofbc_error *err);
