/* SPDX-License-Identifier: MIT */
/* What the parts of the emulated kernel offer each other. Paths are canonical tree paths. */
#pragma once

#include "emulation/machine.h"

#define PCI_DIR "sys/bus/pci/devices"
#define UNBOUND ""

/* machine.c */
extern const struct platform_ops emulated_ops; /* doors.c */
int machine_store(struct machine *m);          /* writes the file now; the lock is held */
struct hold {
	int pid;
	char comm[40], node[160]; /* comm "@name": pretended */
};
bool hold_at(const struct machine *m, size_t i, struct hold *ret); /* entry i of the tree; false: no hold */
bool hold_is_alive(const struct hold *h);
int hold_add(struct machine *m, int pid, const char *comm, const char *node);
/* Bounded word n (0-based) of a text; words are separated by one of `seps`. False: there is none. */
bool word_at(const char *text, const char *seps, unsigned n, char *buf, size_t size);

/* sysfs_emulation.c: functions on the PCI bus and their drivers. */
struct pci_spec {
	const char *address, *vendor, *device, *class, *sub_vendor, *sub_device;
	int numa;
};
int pci_add(struct machine *m, const struct pci_spec *s);
void pci_delete(struct machine *m, const char *bdf);
/* Attach and detach a driver with all files that it makes; driver "" leaves it unbound. */
int driver_bind(struct machine *m, const char *bdf, const char *driver);
void driver_unbind(struct machine *m, const char *bdf);
void driver_name(struct machine *m, const char *bdf, char buf[64]);
void link_name(const struct tree *t, const char *path, char *buf, size_t size); /* last part of the target */
unsigned long machine_next(struct machine *m, const char *counter); /* 1, 2, 3... kept in .emu/next */
void iommu_group_add(struct machine *m, const char *sys_dir, const char *name);
void vfio_node_add(struct machine *m, const char *sys_dir); /* node and vfio-dev of a device directory */
void vfio_node_remove(struct machine *m, const char *sys_dir);
bool vfio_is_held(struct machine *m, const char *sys_dir);
const char *gpu_kind(struct machine *m, const char *bdf); /* "" when it is no GPU of the model */
unsigned long drm_minor_next(struct machine *m);
int drm_node_add(struct machine *m, const char *bdf); /* card and render node of a device */
void drm_node_remove(struct machine *m, const char *bdf);

/* sriov_emulation.c */
int sriov_prepare(struct machine *m, const char *bdf); /* files of the PF's capability */
int sriov_make_vfs(struct machine *m, const char *pf, unsigned n);
void sriov_drop_vfs(struct machine *m, const char *pf);
unsigned sriov_count(struct machine *m, const char *pf);
bool sriov_any_held(struct machine *m, const char *pf);
int sriov_write(struct machine *m, const char *bdf, const char *file, const char *value);
int intel_attach(struct machine *m, const char *bdf, const char *driver); /* quota trees of i915 and xe */
void intel_detach(struct machine *m, const char *bdf);
int intel_write(struct machine *m, const char *path, const char *value, bool *ret_handled);
void vgpu_vf_attach(struct machine *m, const char *vf); /* files of a VF bound to nvidia */
void vgpu_vf_detach(struct machine *m, const char *vf);
int vgpu_vf_write(struct machine *m, const char *vf, const char *file, const char *value);
ssize_t vgpu_vf_read(struct machine *m, const char *vf, const char *file, char *buf, size_t size);

/* mdev_emulation.c */
int mdev_parent_add(struct machine *m, const char *dir); /* links of a directory with types */
int mdev_nvidia_types(struct machine *m, const char *dir, const char *pf);
void mdev_parent_remove(struct machine *m, const char *dir);
int mdev_create(struct machine *m, const char *type_dir, const char *value);
int mdev_remove(struct machine *m, const char *dir, const char *value);
long mdev_available(struct machine *m, const char *type_dir);
bool mdev_children_held(struct machine *m, const char *dir);

/* amd_emulation.c */
int amd_attach(struct machine *m, const char *bdf); /* amdgpu */
void amd_detach(struct machine *m, const char *bdf);
int amd_write(struct machine *m, const char *bdf, const char *file, const char *value);
int gim_attach(struct machine *m, const char *bdf);
void gim_detach(struct machine *m, const char *bdf);
int gim_write(struct machine *m, const char *bdf, const char *file, const char *value);

/* process_emulation.c */
int process_run(struct machine *m, const struct command *cmd, struct command_result *ret);
int process_spawn(struct machine *m, const struct spawn *s, int *ret_status);

/* faults.c */
int faults_add(struct machine *m, const char *group, const struct json *rules, struct ofbc_error *err);
