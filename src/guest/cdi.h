/* SPDX-License-Identifier: MIT */
/* Partitions as a CDI specification, which container engines read. Text only. */
#pragma once

#include "base/strv.h"
#include "model/access.h"

#define CDI_KIND "openforbc.org/partition"
#define CDI_ALL  "all" /* device with everything */
#define CDI_FILE "openforbc.json"

struct cdi_device {
	char name[64]; /* after "openforbc.org/partition=" */
	struct access access;
};

struct cdi_device_list {
	struct cdi_device *v;
	size_t n, cap;
};

void cdi_devices_done(struct cdi_device_list *l);
#define _cleanup_cdi_ __attribute__((cleanup(cdi_devices_done)))

/* Whether a partition's name can be that of a device; "all" cannot. */
bool cdi_name_ok(const char *name);
/* The document, with at least one device; env: for any container that gets one, NULL-terminated or NULL.
 * 0 or -ENOMEM. */
int cdi_print(const struct cdi_device_list *devices, const char *const *env, char **ret);
