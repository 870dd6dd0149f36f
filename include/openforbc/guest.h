/* SPDX-License-Identifier: MIT */
/* Handing partitions over to KVM guests: through libvirt, or to a QEMU that is started by hand. */
#pragma once

#include "openforbc/partition.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct ofbc_claim - a partition that shall exist while a guest runs; stands in the guest's metadata
 *
 * Since: 0.1
 */
struct ofbc_claim {
	char name[64];         /* of the partition */
	char type[96];         /* type key */
	char gpu[64];          /* id, or "" for any */
	char uuid[37];         /* of the partition; the guest's device refers to it */
	int placement;         /* first slot, or -1 */
	uint64_t memory_bytes; /* limit of a parametric type; 0: none */
	bool keep;             /* not freed when the guest stops */
};

/**
 * struct ofbc_guest_device - a device of this host in a guest
 *
 * Since: 0.1
 */
struct ofbc_guest_device {
	char partition[37];     /* UUID; "" a device that is no partition here */
	char name[64];          /* of the partition */
	char type[64];          /* type key of the partition */
	char address[64];       /* on the host: UUID of a mediated device, or PCI address */
	char guest_address[16]; /* PCI address that the guest sees; "" not known yet */
	bool is_live;           /* the running guest has it */
	bool is_config;         /* it has it again after its next start */
};

/**
 * struct ofbc_guest - a libvirt domain with GPU partitions
 *
 * Since: 0.1
 */
struct ofbc_guest {
	char name[96];
	char uuid[37];
	char machine[64];
	bool is_running;
	bool is_persistent; /* it is still defined after it stopped */
	struct ofbc_guest_device *devices;
	size_t n_devices;
	struct ofbc_claim *claims;
	size_t n_claims;
};

struct ofbc_guest_list {
	struct ofbc_guest *v;
	size_t n, cap;
};

/**
 * ofbc_guest_list() - guests that have, or claim, partitions of this host
 * @ctx: library context
 * @all: guests with other devices of this host, too
 * @ret: set on success; free with ofbc_guest_list_free()
 * @err: optional details on failure
 *
 * Asks libvirt (struct ofbc_options: libvirt_uri). Reads only.
 *
 * Return: 0; -ENOTCONN no connection to libvirt; -ENOTSUP libvirt is not installed.
 * Since: 0.1
 */
int ofbc_guest_list(struct ofbc_context *ctx, bool all, struct ofbc_guest_list **ret, struct ofbc_error *err);

/**
 * ofbc_guest_list_free() - release a list
 * @list: may be NULL
 *
 * Since: 0.1
 */
void ofbc_guest_list_free(struct ofbc_guest_list *list);

/**
 * ofbc_guest_find() - one guest by name, UUID, or unique prefix
 * @list: from ofbc_guest_list()
 * @spec: what the user typed
 * @ret:  set on success to an element of @list
 * @err:  optional details on failure
 *
 * Return: 0; -ENOENT none; -EEXIST several match.
 * Since: 0.1
 */
int ofbc_guest_find(const struct ofbc_guest_list *list, const char *spec, const struct ofbc_guest **ret,
                    struct ofbc_error *err);

/* Neither LIVE nor CONFIG: both, as far as the guest runs and is persistent. */
enum ofbc_attach_flags {
	OFBC_ATTACH_LIVE = 1 << 0,    /* the running guest */
	OFBC_ATTACH_CONFIG = 1 << 1,  /* from its next start on */
	OFBC_ATTACH_DISPLAY = 1 << 2, /* the guest's screen is taken from the device */
	OFBC_ATTACH_RAMFB = 1 << 3,   /* from the boot on; with DISPLAY */
	OFBC_ATTACH_CLAIM = 1 << 4,   /* the hook makes the partition when the guest starts, and frees it */
	OFBC_ATTACH_KEEP = 1 << 5,    /* ... and does not free it */
};

/**
 * ofbc_partition_attach() - give a partition to a libvirt guest
 * @ctx:   library context
 * @spec:  partition
 * @guest: name or UUID of the domain
 * @flags: enum ofbc_attach_flags
 * @err:   optional details on failure
 *
 * All or nothing: when the running guest refuses it, its configuration is as before. The guest sees it at the
 * same PCI address after a restart. Needs write access to libvirt. Blocks until libvirt answers.
 *
 * Return: 0 done; 1 the guest has it already; -EBUSY somebody else has it; -ENOTSUP the type or the guest
 * does not allow it; -ENOENT; -ENOTCONN no connection to libvirt. Since: 0.1
 */
int ofbc_partition_attach(struct ofbc_context *ctx, const char *spec, const char *guest, unsigned flags,
                          struct ofbc_error *err);

/**
 * ofbc_partition_detach() - take a partition back from a libvirt guest
 * @ctx:       library context
 * @spec:      partition
 * @guest:     name or UUID of the domain, or NULL: the one that has it
 * @flags:     OFBC_ATTACH_LIVE, OFBC_ATTACH_CONFIG
 * @timeout_s: how long the guest may take to let go of it; 0: 30
 * @err:       optional details on failure
 *
 * What attach added to the guest is removed, a claim too. Blocks up to @timeout_s.
 *
 * Return: 0 done; 1 it has none; -ETIMEDOUT the guest did not let go of it, its configuration is as before;
 * -ENOENT; -ENOTCONN.
 * Since: 0.1
 */
int ofbc_partition_detach(struct ofbc_context *ctx, const char *spec, const char *guest, unsigned flags,
                          unsigned timeout_s, struct ofbc_error *err);

/**
 * ofbc_partition_xml() - a partition as libvirt device elements
 * @ctx:   library context
 * @spec:  partition
 * @flags: OFBC_ATTACH_DISPLAY, OFBC_ATTACH_RAMFB
 * @ret:   set on success to the text; free() it
 * @err:   optional details on failure
 *
 * Reads only; does not need libvirt.
 *
 * Return: 0; -ENOTSUP a guest cannot use it; -ENOENT.
 * Since: 0.1
 */
int ofbc_partition_xml(struct ofbc_context *ctx, const char *spec, unsigned flags, char **ret,
                       struct ofbc_error *err);

/**
 * ofbc_partition_qemu() - a partition as arguments of a QEMU that is started by hand
 * @ctx:   library context
 * @spec:  partition
 * @flags: OFBC_ATTACH_DISPLAY, OFBC_ATTACH_RAMFB
 * @ret:   set on success to a NULL-terminated array; free with ofbc_env_free()
 * @err:   optional details on failure
 *
 * A function that QEMU could not open, because another driver has it, is refused: ofbc_partition_bind().
 *
 * Return: 0; -ENOTSUP; -ENOENT.
 * Since: 0.1
 */
int ofbc_partition_qemu(struct ofbc_context *ctx, const char *spec, unsigned flags, char ***ret,
                        struct ofbc_error *err);

/**
 * ofbc_partition_bind() - bind the PCI function of a partition to vfio-pci, or back
 * @ctx:  library context
 * @spec: partition
 * @vfio: true: vfio-pci, for a QEMU that is started by hand; false: the function's normal driver
 * @err:  optional details on failure
 *
 * libvirt does this itself. Needs root.
 *
 * Return: 0 done; 1 was so; -EBUSY in use; -ENOTSUP no function that changes its driver; -ENOENT.
 * Since: 0.1
 */
int ofbc_partition_bind(struct ofbc_context *ctx, const char *spec, bool vfio, struct ofbc_error *err);

/**
 * ofbc_guest_hook() - what libvirt's hook does: make the claimed partitions of a guest, or free them
 * @ctx:       library context
 * @operation: of libvirt: "prepare" makes, "release" frees, all others do nothing
 * @xml:       description of the guest, as libvirt gives it to the hook
 * @len:       bytes
 * @ret:       set on success to the number of partitions made or freed
 * @err:       optional details on failure
 *
 * Does not talk to libvirt, which waits for it. Idempotent. Needs root for hardware.
 *
 * Return: 0; -EINVAL; errors of ofbc_partition_create(). After a failure nothing that it made is left.
 * Since: 0.1
 */
int ofbc_guest_hook(struct ofbc_context *ctx, const char *operation, const char *xml, size_t len,
                    unsigned *ret, struct ofbc_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
