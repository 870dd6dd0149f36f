/* SPDX-License-Identifier: MIT */
/* A platform whose host is described by data: real backends on fake doors. */
#pragma once

#include "platform/platform.h"

/* name: a host of the data files, or a path with '/' to one's own: a host file, or
 * a captured manifest. The state lives in
 * <state_dir>/emulated/<name>/host.manifest; created at first use. */
int platform_emulated_new(const char *name, const char *state_dir, struct platform **ret,
                          struct ofbc_error *err);

/* Buttons. */
int emulation_reboot(struct platform *p, struct ofbc_error *err);
/* Somebody opens (pid > 0) or closes (pid 0: all of this name) a device node. */
int emulation_hold(struct platform *p, const char *node, const char *comm, int pid, struct ofbc_error *err);
/* The host behind these doors as the text of a host.manifest, without UUIDs and what else names it; reads
 * only. free() it. */
int emulation_capture(struct platform *p, char **ret, struct ofbc_error *err);
/* Names of the embedded hosts. */
int emulation_hosts(struct strv *ret);
