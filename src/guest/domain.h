/* SPDX-License-Identifier: MIT */
/* libvirt's description of a guest, as far as it concerns partitions. Text in, plain data out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/hostdev.h"
#include "openforbc/error.h"
#include "openforbc/guest.h"

/* Namespace of what we keep in the metadata of a guest. */
#define CLAIM_NAMESPACE "http://openforbc.org/xmlns/libvirt/1.0"
#define CLAIM_PREFIX    "openforbc"

/* Aliases of what we add to a guest: that of a device ends with the UUID of its partition. */
#define DEVICE_ALIAS    "ua-openforbc-"
#define PORT_ALIAS      "ua-openforbc-port-"

/* One hostdev element. */
struct domain_device {
	enum hostdev_kind kind;
	char address[HOSTDEV_ADDRESS_SIZE]; /* lower case; "" of another kind of device */
	char alias[96];
	char guest_address[16]; /* PCI address that the guest sees, "" none yet */
	bool has_display;       /* display='on' */
	bool has_ramfb;
};

struct domain_device_list {
	struct domain_device *v;
	size_t n, cap;
};

/* A root port that was added for one of our devices. */
struct domain_port {
	unsigned index;
	char alias[96];
};

struct domain_port_list {
	struct domain_port *v;
	size_t n, cap;
};

struct claim_list {
	struct ofbc_claim *v;
	size_t n, cap;
};

struct domain {
	char name[96];
	char uuid[37];
	char arch[32];
	char machine[64];
	bool has_pci;
	bool has_graphics;
	bool is_pcie;         /* root ports, of which each takes one device */
	uint8_t is_port[32];  /* bit N: bus N is that of a root port */
	uint8_t is_taken[32]; /* bit N: a device has an address on bus N */
	unsigned top_index;   /* highest index of a PCI controller */
	struct domain_device_list devices;
	struct domain_port_list ports; /* ours */
	struct claim_list claims;
};

/* 0; -EINVAL not a libvirt domain; -ENOMEM. */
int domain_parse(const char *xml, size_t len, struct domain *ret, struct ofbc_error *err);
void domain_done(struct domain *d);
#define _cleanup_domain_ __attribute__((cleanup(domain_done)))

/* The hostdev with this address on the host; NULL none. */
const struct domain_device *domain_find(const struct domain *d, const char *address);
/* Root ports without a device. */
unsigned domain_free_ports(const struct domain *d);
