/* SPDX-License-Identifier: MIT */
/* The library context: which host, where the state is kept, who hears debug messages. */
#pragma once

#include <stdbool.h>

#include "openforbc/error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct ofbc_context;

/**
 * struct ofbc_options - how to reach a host; zero-initialise, all fields are optional
 *
 * Since: 0.1
 */
struct ofbc_options {
	const char *host;      /* "local" (default), "emulated:NAME", "emulated:./FILE.json", "root:DIR" */
	const char *state_dir; /* default: /var/lib/openforbc for root, else the XDG state directory */
	const char
		*libvirt_uri; /* whose guests; default: qemu:///system where libvirt runs, on a real host */
	const char *devices;  /* PCI devices that count as GPUs whatever they are: "0000:01:00.0,02:00.0" */
	void (*log)(void *data, const char *message); /* debug messages, no newline */
	void *log_data;
};

/**
 * ofbc_context_new() - open a host
 * @ret:     set on success; free with ofbc_context_free()
 * @options: may be NULL
 * @err:     optional details on failure
 *
 * Does not touch any device. One context per thread. Whether options->devices are there is seen by the calls
 * that look at the host: they fail with -ENODEV.
 *
 * Return: 0; -EINVAL unknown host, or no PCI address; -EACCES state directory; -ENOMEM.
 * Since: 0.1
 */
int ofbc_context_new(struct ofbc_context **ret, const struct ofbc_options *options, struct ofbc_error *err);

/**
 * ofbc_context_free() - close everything
 * @ctx: may be NULL
 *
 * Since: 0.1
 */
void ofbc_context_free(struct ofbc_context *ctx);

/**
 * ofbc_context_is_emulated() - whether results come from an emulated host
 * @ctx: library context
 *
 * Return: true when emulated; such results must be marked.
 * Since: 0.1
 */
bool ofbc_context_is_emulated(const struct ofbc_context *ctx);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
