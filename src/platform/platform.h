/* SPDX-License-Identifier: MIT */
/*
 * The doors to the host. Everything above calls these and nothing else, so that a fake tree, a
 * captured machine or the emulation replaces the host by replacing one table.
 *
 * Paths are relative to the host's root and have no leading slash: "sys/bus/pci/devices".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/strv.h"
#include "openforbc/error.h"

struct libvirt_api;
struct nvml_api;
struct platform;

/* One open character device of one process. */
struct open_device {
	int pid;
	uid_t uid;
	char comm[32];
	char path[96]; /* "/dev/vfio/12"; the node found by device number where links mislead */
};

struct open_device_list {
	struct open_device *v;
	size_t n, cap;
	bool incomplete; /* some processes were not ours to look into */
};

struct command {
	const char *const *argv; /* argv[0] searched in PATH */
	const char *const *env;  /* "NAME=value" set on top of ours, NULL-terminated; may be NULL */
	const char *input;       /* to stdin; NULL: /dev/null */
	const char *directory;   /* of this machine, where it runs; NULL: ours */
	unsigned timeout_ms;     /* 0: no limit. Then SIGTERM, 2 s later SIGKILL: -ETIMEDOUT */
};

struct command_result {
	int status;     /* exit status, 128 + signal */
	char out[8192]; /* stdout and stderr together, cut */
};

/* A user's own program, in the foreground. */
struct spawn {
	char *const *argv;       /* argv[0] searched in PATH */
	const char *const *env;  /* "NAME=value" set on top of ours; may be NULL */
	const char *const *drop; /* names of variables that it does not inherit; may be NULL */
	const char *cgroup;      /* joined before it starts, relative path; NULL: ours */
	const char *cpus;        /* list of processors; NULL: ours */
};

struct device_access {
	const char *path; /* "/dev/nvidia0" */
	bool is_read_only;
};

#define SYSFS_PATH_MAX 512

/* Runs a program of this machine, whatever host is worked on; as the door `run`. exec.c */
int command_run(const struct command *cmd, struct command_result *ret);

struct platform_ops {
	/* Reads a small file into buf (NUL-terminated, trailing newline removed). Returns the length or
	 * -errno. */
	ssize_t (*read)(struct platform *p, const char *path, char *buf, size_t size);
	/* Writes one attribute of sysfs/procfs. A value > 0 of timeout_ms runs the write in a child, because
	 * the kernel may sleep without limit: -ETIMEDOUT then. Returns 0 or -errno of the write. */
	int (*write)(struct platform *p, const char *path, const char *value, unsigned timeout_ms);
	/* Names in a directory in version order, without dot entries. -ENOENT, -ENOTDIR ... */
	int (*list)(struct platform *p, const char *path, struct strv *ret);
	/* Text of a symbolic link; returns the length or -errno. */
	ssize_t (*readlink)(struct platform *p, const char *path, char *buf, size_t size);
	bool (*exists)(struct platform *p, const char *path);
	/* Own run-time files, below p->run_dir only: replace atomically (directories are made), remove a
	 * file or an empty directory. */
	int (*put)(struct platform *p, const char *path, const char *content);
	int (*remove)(struct platform *p, const char *path);
	int (*mkdir)(struct platform *p, const char *path);
	/* 0 when the program ran (status in ret), -ENOENT not installed, -ETIMEDOUT, -errno. */
	int (*run)(struct platform *p, const struct command *cmd, struct command_result *ret);
	/* Runs a program with the terminal's descriptors and waits for its end. */
	int (*spawn)(struct platform *p, const struct spawn *s, int *ret_status);
	/* Makes a control group, below our own, whose processes can open these device nodes, the usual pseudo
	 * devices, and no others; its path for spawn. -EPERM not root, or forbidden to root; -ENOTSUP no
	 * cgroup v2, or a kernel without such rules; -ENOENT a node is missing. */
	int (*confine)(struct platform *p, const struct device_access *devices, size_t n,
	               char cgroup[SYSFS_PATH_MAX]);
	/* Removes it, unless a process stayed in it: then it and its rules stay, too. */
	void (*unconfine)(struct platform *p, const char *cgroup);
	/* Every open descriptor below /dev/{nvidia*,vfio,dri,kfd,iommu} of every process; one scan. */
	int (*open_devices)(struct platform *p, struct open_device_list *ret);
	/* NVML. -ENOENT no library, -EPROTO unusable one. The table lives as long as the platform. */
	int (*nvml)(struct platform *p, const struct nvml_api **ret, struct ofbc_error *err);
	/* libvirt's client library. -ENOENT not installed, -EPROTO unusable. The same on every host: whose
	 * guests are meant is said by the connection's URI. */
	int (*libvirt)(struct platform *p, const struct libvirt_api **ret, struct ofbc_error *err);
	uint64_t (*now_ns)(struct platform *p); /* monotonic */
	void (*sleep_ms)(struct platform *p, unsigned ms);
	/* Until a time of now_ns. Really waits on an emulated host, too: what is measured really runs. */
	void (*sleep_until_ns)(struct platform *p, uint64_t at_ns);
	uint64_t (*thread_cpu_ns)(struct platform *p); /* processor time of the calling thread */
	/* Registers eax, ebx, ecx, edx of a CPUID leaf. -ENOTSUP: no x86, or not the processor of this host.
	 */
	int (*cpuid)(struct platform *p, uint32_t leaf, uint32_t ret[4]);
	bool (*pid_alive)(struct platform *p, int pid, const char *comm); /* comm: NULL or must equal */
	void (*close)(struct platform *p);
};

struct platform {
	const struct platform_ops *ops;
	bool emulated;
	bool privileged;     /* may change hardware (root, or emulated) */
	char run_dir[256];   /* relative to the root; forgotten at reboot */
	char state_dir[512]; /* where the records of this host live; "": the caller's default */
	char real_root[256]; /* directory in the real file system that is "/" here; "" when there is none */
	void (*log)(void *data, const char *message);
	void *log_data;
	/* Asked at least each second while a program is waited for: what else has to be looked after? A
	 * negative errno ends the wait. NULL: nothing. */
	int (*meanwhile)(void *data);
	void *meanwhile_data;
};

/* The real host, or a tree below root_dir ("/" is the real one). run_dir is absolute or NULL for the default.
 */
int platform_linux_new(const char *root_dir, const char *run_dir, struct platform **ret,
                       struct ofbc_error *err);
void platform_free(struct platform *p); /* accepts NULL */

/* Lock file in the real file system (the state directory). Waits up to timeout_ms. On -EBUSY the
 * message names the holder's pid and command. Released by close(*ret_fd) or death. */
int lock_take(const char *path, unsigned timeout_ms, int *ret_fd, struct ofbc_error *err);

int platform_libvirt(struct platform *p, const struct libvirt_api **ret, struct ofbc_error *err);
bool is_this_machine(const char *host_name); /* is it our own name? */

static inline int platform_meanwhile(const struct platform *p)
{
	return p->meanwhile ? p->meanwhile(p->meanwhile_data) : 0;
}

void platform_debug(struct platform *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- sysfs.c: convenience over the doors. Path arguments are printf formats. --- */
ssize_t sysfs_read(struct platform *p, char *buf, size_t size, const char *path_fmt, ...)
	__attribute__((format(printf, 4, 5)));
int sysfs_read_u64(struct platform *p, uint64_t *ret, const char *path_fmt, ...)
	__attribute__((format(printf, 3, 4)));
int sysfs_write(struct platform *p, const char *value, const char *path_fmt, ...)
	__attribute__((format(printf, 3, 4)));
int sysfs_write_deadline(struct platform *p, const char *value, unsigned timeout_ms, const char *path_fmt,
                         ...) __attribute__((format(printf, 4, 5)));
bool sysfs_exists(struct platform *p, const char *path_fmt, ...) __attribute__((format(printf, 2, 3)));
int sysfs_list(struct platform *p, struct strv *ret, const char *path_fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Last component of a link's target; returns its length or -errno. */
ssize_t sysfs_link_name(struct platform *p, char *buf, size_t size, const char *path_fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* --- pci.c --- */
struct pci_function {
	char address[16];
	uint32_t vendor, device, class; /* from the sysfs files, never from config space */
	char driver[32];                /* "" unbound */
	char iommu_group[16];           /* "" none */
	bool is_vf;
	unsigned total_vfs; /* 0: no SR-IOV */
	unsigned num_vfs;   /* by counting virtfn links: reading sriov_numvfs may block */
};
int pci_read(struct platform *p, const char *address, struct pci_function *ret);
/* Addresses of the VFs of a PF in VF order. */
int pci_vfs(struct platform *p, const char *pf, struct strv *ret);
/* sriov_numvfs through 0, without probing drivers, read back by counting links. Waits up to 10 s. */
int pci_set_num_vfs(struct platform *p, const char *pf, unsigned n, struct ofbc_error *err);
/* Puts back what a killed pci_set_num_vfs() had switched off. */
void pci_settle(struct platform *p);
/* Bind to one driver with driver_override ("" = back to the normal one); reads back. */
int pci_bind(struct platform *p, const char *address, const char *driver, struct ofbc_error *err);
/* Other endpoint functions in the same IOMMU group that are not bound to a harmless driver. */
int pci_group_others(struct platform *p, const char *address, struct strv *ret);
/* Name of a device from usr/share/misc/pci.ids; -ENOENT when unknown. */
int pci_name(struct platform *p, uint32_t vendor, uint32_t device, char *buf, size_t size);

/* --- processors.c --- */
/* n equal, disjoint lists of the processors that we may use, near a board where that has enough (PCI address;
 * NULL: anywhere), whole cores as far as it goes: processors in each; -ENOSPC there are fewer than n. */
int processors_share(struct platform *p, unsigned n, const char *gpu, char (*ret)[256]);

/* --- state.c: where our own files live in the real file system --- */
/* option, or /var/lib/openforbc for root, or $XDG_STATE_HOME/openforbc, ~/.local/state/openforbc. Not made.
 */
int state_dir_find(const char *option, char *buf, size_t size, struct ofbc_error *err);
/* mkdir -p with mode 0755. */
int state_dir_make(const char *path, struct ofbc_error *err);
/* Replaces dir/name at once, for everybody to read; the directory is made. 0 done, 1 that is its content. */
int file_replace(const char *dir, const char *name, const char *text, struct ofbc_error *err);
/* 0 gone, 1 was not there. */
int file_remove(const char *dir, const char *name, struct ofbc_error *err);
int64_t wall_clock_s(void);  /* seconds since 1970 */
uint64_t monotonic_ns(void); /* of this machine, whatever host is worked on */
