/* SPDX-License-Identifier: MIT */
/* Handing partitions over to containers: the specification that Podman, Docker, containerd and CRI-O read. */
#pragma once

#include "openforbc/partition.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Where container engines look, on every host. */
#define OFBC_CDI_DIR "/etc/cdi"

/**
 * struct ofbc_cdi_device - a partition in, or left out of, a specification
 *
 * Since: 0.1
 */
struct ofbc_cdi_device {
	char partition[37]; /* UUID */
	char device[96];    /* what a container asks for: "openforbc.org/partition=train"; "" left out */
	char reason[256];   /* why it was left out */
};

/**
 * struct ofbc_cdi - a CDI specification
 *
 * Since: 0.1
 */
struct ofbc_cdi {
	char *text;      /* the document; NULL: no partition that a container could use */
	char file[1024]; /* where ofbc_cdi_write() put it, or removed it from; "" neither */
	bool is_changed; /* the file is not as it was before */
	struct ofbc_cdi_device *devices;
	size_t n_devices;
};

/**
 * ofbc_cdi_new() - describe partitions for container engines
 * @ctx:   library context
 * @specs: partitions by UUID, name or prefix; with @n == 0 all that a container could use
 * @n:     number of @specs
 * @ret:   set on success; free with ofbc_cdi_free()
 * @err:   optional details on failure
 *
 * Each partition is a device of its own; "all" is all of them. Reads only.
 *
 * Return: 0; -ENOENT; -ENOTSUP a container cannot use a named one; -ENODEV a device node is missing.
 * Since: 0.1
 */
int ofbc_cdi_new(struct ofbc_context *ctx, const char *const *specs, size_t n, struct ofbc_cdi **ret,
                 struct ofbc_error *err);

/**
 * ofbc_cdi_free() - release a specification
 * @cdi: may be NULL
 *
 * Since: 0.1
 */
void ofbc_cdi_free(struct ofbc_cdi *cdi);

/**
 * ofbc_cdi_write() - put a specification where container engines find it
 * @ctx: library context
 * @cdi: from ofbc_cdi_new(); its file and is_changed are set
 * @dir: directory, made when it is missing; NULL: /etc/cdi of the host
 * @err: optional details on failure
 *
 * The file openforbc.json is replaced at once or not at all. One without a device would be invalid: it is
 * removed then.
 *
 * Return: 0 done; 1 was so; -ENOTSUP an emulated host has no /etc/cdi; -EACCES and others of the file system.
 * Since: 0.1
 */
int ofbc_cdi_write(struct ofbc_context *ctx, struct ofbc_cdi *cdi, const char *dir, struct ofbc_error *err);

/**
 * ofbc_cdi_remove() - take the specification away
 * @ctx: library context
 * @dir: directory; NULL: /etc/cdi of the host
 * @err: optional details on failure
 *
 * Return: 0 done; 1 there was none; -ENOTSUP, -EACCES as ofbc_cdi_write().
 * Since: 0.1
 */
int ofbc_cdi_remove(struct ofbc_context *ctx, const char *dir, struct ofbc_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
