/* SPDX-License-Identifier: MIT */
/* What a guest gets of a partition: one mediated device, or PCI functions of the host. */
#pragma once

#include <stdbool.h>

enum hostdev_kind { HOSTDEV_NONE, HOSTDEV_MDEV, HOSTDEV_PCI };

#define HOSTDEV_MAX          8 /* functions of one slot */
#define HOSTDEV_ADDRESS_SIZE 40

struct hostdev {
	enum hostdev_kind kind;
	char address[HOSTDEV_MAX][HOSTDEV_ADDRESS_SIZE]; /* UUID of the device, or PCI addresses */
	unsigned n;                                      /* of them; they go together */
	bool is_managed;        /* libvirt binds the function to its VFIO driver, and back afterwards */
	bool has_display;       /* the guest's screen can be seen through it */
	bool needs_guest_uuid;  /* a QEMU that was not started by libvirt must be told its UUID */
	unsigned max_per_guest; /* partitions of this technology in one guest; 0: no rule */
	char iommu_group[16];   /* "": it cannot be given away */
};
