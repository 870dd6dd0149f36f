/* SPDX-License-Identifier: MIT */
/*
 * The contract of a technology. One file implements it with static functions and one const table;
 * the list in src/backends/meson.build is the only other place that knows it exists.
 *
 * A backend tells facts and does what it is told. It never decides policy (which GPU, which
 * placement), never includes another backend, and never touches the host but through host->platform.
 */
#pragma once

#include "base/parse.h"
#include "model/access.h"
#include "model/hostdev.h"
#include "openforbc/host.h"
#include "platform/platform.h"

struct capacity; /* model/capacity.h */
struct nvml_api;

/* What backends see of a host during one command. */
struct host {
	struct platform *platform;
	const struct ofbc_gpu_list *gpus; /* NULL while they are being discovered */
	const struct strv *devices; /* other PCI devices that count as GPUs, by address; they must exist */
	const struct strv *known;   /* the same for those that may be gone: records of them are ours */
	/* private to backends/host.c */
	const struct nvml_api *nvml;
	int nvml_state; /* 0 not tried, 1 open, -errno */
	struct ofbc_error nvml_error;
	struct open_device_list *open_devices; /* scanned at first use */
};

/* One NVML session per command, opened at first use. 0, or -errno with the reason. */
int host_nvml(struct host *h, const struct nvml_api **ret, struct ofbc_error *err);
/* Close it, before an operation that other clients' sessions would block; reopened at next use. */
void host_nvml_close(struct host *h);
/* NVML handle of a GPU by its PCI address. */
int host_nvml_device(struct host *h, const char *gpu_id, const struct nvml_api **ret_api, void **ret_device,
                     struct ofbc_error *err);
/* Translate an NVML return code: fills err ("what: In use by another client (NVML 19)"), returns -errno. */
int host_nvml_error(struct host *h, unsigned nvml_return, struct ofbc_error *err, const char *what_fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Add everybody who holds a device node ("/dev/vfio/12"; a trailing '*' is a prefix) to the list.
 * Services and kernel helpers are recognised and get their release command. */
int host_node_holders(struct host *h, const char *node, struct ofbc_holder_list *ret);
/* Add one process; fills kind, name and release command from its pid. No duplicates. */
int host_add_process(struct host *h, int pid, const char *comm, struct ofbc_holder_list *ret);
/* Add the processes that the driver shows on a device: those that have work there, not those that only look.
 */
int host_nvml_processes(struct host *h, const struct nvml_api *api, void *device,
                        struct ofbc_holder_list *ret);
/* The same for a whole GPU of any vendor. */
int host_gpu_users(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_holder_list *ret);
/* Forget the scan, so that the next look is fresh. */
void host_forget_open_devices(struct host *h);
/* VFIO nodes (group and cdev) of a device directory "sys/bus/pci/devices/BDF" or "sys/bus/mdev/devices/UUID",
 * and who holds them. The directory's name is not even formed while nobody holds any VFIO node. */
int host_vfio_holders(struct host *h, struct ofbc_holder_list *ret, const char *dir_fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* How libvirt and QEMU name a mediated device, or PCI functions that stand in one IOMMU group each. */
void host_hostdev_mdev(struct host *h, const char *uuid, struct hostdev *ret);
int host_hostdev_function(struct host *h, const char *address, struct hostdev *ret);
/* The operation `hostdev` of a virtual function without oddities: its handle is its address. */
int host_hostdev_vf(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
                    const struct ofbc_type *t, struct hostdev *ret, struct ofbc_error *err);
/* nodes.c: device nodes for the operation `nodes`; one that is missing is an error. */
int host_need_node(struct host *h, const char *path, bool read_only, struct access *ret,
                   struct ofbc_error *err);
/* Those that every CUDA program opens, and the GPU's own. */
int host_nvidia_nodes(struct host *h, const struct ofbc_gpu *gpu, unsigned *ret_minor, struct access *ret,
                      struct ofbc_error *err);
/* Card and render nodes of a PCI function. */
int host_drm_nodes(struct host *h, const char *address, struct access *ret, struct ofbc_error *err);
/* What a QEMU needs for this device. */
int host_vfio_nodes(struct host *h, const struct hostdev *dev, const struct ofbc_partition *p,
                    struct access *ret, struct ofbc_error *err);
/* runtimes.c: KFD's compute nodes in the order in which ROCm counts them. */
struct kfd_node {
	struct pci_address address; /* of its GPU; the function is not one */
	unsigned render_minor;
};
struct kfd_node_list {
	struct kfd_node *v;
	size_t n, cap;
};
int host_kfd_nodes(struct host *h, struct kfd_node_list *ret);
bool kfd_node_is_on(const struct kfd_node *node, const char *gpu);
void kfd_node_list_done(struct kfd_node_list *l);
/* "NAME=value" added to *ret: for a program that is to see this Intel device only, and can open it (alone)
 * only; or this GPU, whole. Nothing, where its runtime cannot be told. */
int host_level_zero_env(struct host *h, const char *address, bool alone, struct strv *ret,
                        struct ofbc_error *err);
int host_gpu_env(struct host *h, const struct ofbc_gpu *gpu, struct strv *ret, struct ofbc_error *err);
/* Kernel modules that keep the NVIDIA driver busy (nvidia_drm with users). */
int host_kernel_holders(struct host *h, struct ofbc_holder_list *ret);
void host_done(struct host *h);

/* Kind of a holder that is itself a partition; its name is that partition's handle. */
#define HOLDER_PARTITION "partition"
void holder_list_done(struct ofbc_holder_list *l);
/* "python3 (pid 4242), dcgm" for messages. */
void holder_list_text(const struct ofbc_holder_list *l, char *buf, size_t size);
/* Fill err for "X is in use by ..." with hint; returns -EBUSY. */
int holder_error(const struct ofbc_holder_list *l, struct ofbc_error *err, const char *what_fmt, ...)
	__attribute__((format(printf, 3, 4)));

enum backend_caps {
	BACKEND_UNIT = 1 << 0,      /* all partitions of a GPU appear and vanish together */
	BACKEND_UUID = 1 << 1,      /* the device takes our UUID */
	BACKEND_HOST_ONLY = 1 << 2, /* not for GPUs: the CPU */
	BACKEND_PROCESS = 1 << 3,   /* usable by a process of this host: env() makes sense */
	BACKEND_GUEST = 1 << 4,     /* can be handed to a guest */
};

struct create_args {
	const struct ofbc_type *type; /* resolved; a parametric one carries its value in param */
	unsigned param;               /* NN of a parametric type */
	int placement;                /* chosen first slot, or -1 for a type without grid */
	const char *uuid;             /* ours; the device must get it with BACKEND_UUID */
	uint64_t memory_bytes;        /* limit for a parametric type; 0: none */
};

struct backend_ops {
	const char *name; /* spelling in CLI, API and store */
	const char *title;
	unsigned caps;
	unsigned rank; /* order in lists, lower first */

	/* Mandatory. Is the technology there on this GPU? Returns 0 = not applicable (say nothing), 1 = fill
	 * *ret (state and reason; ret->name is set by the caller), or -errno. Must be cheap and read only. */
	int (*probe)(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_technology *ret,
	             struct ofbc_error *err);
	/* Mandatory; called when probe said READY or OFF. Types with everything but `free`, which the model
	 * computes (driver_free if the driver has a number), and the GPU's slots and counters in *cap. */
	int (*list_types)(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_type_list *ret,
	                  struct capacity *cap, struct ofbc_error *err);
	/* Mandatory. uuid: the device's own or uuid_derive("<technology>/<device>"). state: READY (0), or
	 * INCOMPLETE where a part is missing. is_ours, name and holders are filled by the caller. */
	int (*list_partitions)(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_partition_list *ret,
	                       struct ofbc_error *err);
	/* Who uses this partition now (or, with p == NULL, the whole GPU as far as it blocks a mode change).
	 */
	int (*holders)(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
	               struct ofbc_holder_list *ret, struct ofbc_error *err);
	/* Optional: NULL means "cannot", answered by the registry. Appends the new partition(s) to ret
	 * (several for BACKEND_UNIT), verified by reading back. On failure nothing is left behind. */
	int (*create)(struct host *h, const struct ofbc_gpu *gpu, const struct create_args *args,
	              struct ofbc_partition_list *ret, struct ofbc_error *err);
	/* The caller has checked holders; look again where the race is dangerous. Verified. What is gone
	 * already is success; nothing else is touched. After a killed command it is also called for what no
	 * listing shows (p->device may be only p->uuid): take away whatever create may have begun. */
	int (*destroy)(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
	               struct ofbc_error *err);
	/* on/off; variant is the text after '=' or NULL. 0 done, 1 was so. */
	int (*set_mode)(struct host *h, const struct ofbc_gpu *gpu, bool on, const char *variant,
	                unsigned flags, struct ofbc_error *err);
	/* Environment for a process; "NAME=value" added to ret. alone: it can open no nodes but those of
	 * `nodes`, so that a runtime that counts devices sees this one as its first. */
	int (*env)(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p, bool alone,
	           struct strv *ret, struct ofbc_error *err);
	/* Device nodes and directories for a container or a confined process. NULL: those of `hostdev`, for
	 * one that runs a QEMU; without both a partition has no nodes. */
	int (*nodes)(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
	             struct access *ret, struct ofbc_error *err);
	/* cgroup path (relative, may stay "") and CPU list ("" = any) that `run` shall apply. */
	int (*confine)(struct host *h, const struct ofbc_partition *p, char cgroup[256], char cpus[256]);
	/* With BACKEND_GUEST: how a guest gets the partition; t is its type, NULL when unknown. */
	int (*hostdev)(struct host *h, const struct ofbc_gpu *gpu, const struct ofbc_partition *p,
	               const struct ofbc_type *t, struct hostdev *ret, struct ofbc_error *err);
	/* What this technology needs on this host; gpu == NULL once for the host, then per GPU. */
	int (*doctor)(struct host *h, const struct ofbc_gpu *gpu, struct ofbc_finding_list *ret);
};

/* registry.c */
size_t backend_count(void);
const struct backend_ops *backend_at(size_t i);           /* by rank */
const struct backend_ops *backend_find(const char *name); /* NULL unknown */

/* host.c: GPUs from PCI and mdev parents, named through NVML, sysfs or pci.ids; technologies probed
 * when with_technologies. Appends the CPU as last element when with_cpu. */
int host_discover(struct host *h, bool with_technologies, bool with_cpu, struct ofbc_gpu_list *ret,
                  struct ofbc_error *err);

int finding_add(struct ofbc_finding_list *l, const char *technology, const struct ofbc_gpu *gpu,
                enum ofbc_finding_level level, const char *message, const char *fix);
