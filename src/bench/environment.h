/* SPDX-License-Identifier: MIT */
/*
 * In what surroundings something was measured, as a JSON document, and what changed between two of them.
 * Reads only. UUIDs are given as hashes and serial numbers not at all; the rest may still name the machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "openforbc/error.h"

struct platform;

/* --- where we run --- */

struct environment_platform {
	char label[48];     /* "bare-metal", "kvm", "container:docker", "kvm/container:podman", "emulated" */
	char machine[16];   /* bare-metal, kvm, qemu-tcg, vmware, hyper-v, xen ..., vm, unknown */
	char container[24]; /* docker, podman, lxc, systemd-nspawn, kubernetes ...; "" none */
	char evidence[160]; /* what said so */
};

void environment_platform(struct platform *p, struct environment_platform *ret);

/* --- all of it --- */

/* program: our name and version. *ret: a document, pretty printed; free() it. */
int environment_capture(struct platform *p, const char *program, char **ret, struct ofbc_error *err);

/* --- in a few words --- */

struct environment_summary { /* "" not known */
	char gpus[256];      /* "2x NVIDIA H200, Flex 170" */
	char driver[96];     /* "nvidia 580.95.05, CUDA 13.0" */
	char kernel[96];
	char processor[128];
	char machine[160]; /* vendor and product, as the firmware names them */
	char energy[256];  /* counters with their ticks, or why there are none */
};

/* Of documents of environment_capture(); `after` may be NULL, and neither need be one. */
void environment_summarise(const char *before, const char *after, struct environment_summary *ret);

/* --- what changed --- */

enum environment_weight {
	CHANGE_EXPECTED, /* moves by itself: temperature, free memory */
	CHANGE_NOTED,    /* may matter */
	CHANGE_MATTERS,  /* results before and after are not of one machine */
};
extern const char *const environment_weight_names[];

struct environment_change {
	char path[192];       /* "gpus/0000:41:00.0/driver_version" */
	char *before, *after; /* NULL: absent */
	enum environment_weight weight;
};

struct environment_diff {
	struct environment_change *v;
	size_t n, cap;
};

/* Heaviest first. Both are documents of environment_capture(); -EINVAL: one is none. */
int environment_diff(const char *before, const char *after, struct environment_diff *ret,
                     struct ofbc_error *err);
void environment_diff_done(struct environment_diff *d);
/* The heaviest change; CHANGE_EXPECTED when there is none. */
enum environment_weight environment_diff_weight(const struct environment_diff *d);
/* A line for each change that is not expected; "" none. free() it. */
int environment_diff_text(const struct environment_diff *d, char **ret);
