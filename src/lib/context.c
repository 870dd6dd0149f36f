/* SPDX-License-Identifier: MIT */
/* Opening a host by its name: the real one, a tree, or an emulated one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "emulation/emulation.h"
#include "lib/inventory.h"

DEFINE_CLEANUP(struct ofbc_context *, ofbc_context_free);
#define _cleanup_context_ _cleanup_(ofbc_context_free_p)

/* "0000:01:00.0,02:00.0" in any spelling of addresses. */
static int take_devices(struct ofbc_context *ctx, const char *list, struct ofbc_error *err)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");
		char word[64], address[PCI_STR_MAX];
		struct pci_address a;

		snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : sizeof(word) - 1), list);
		if (parse_pci(word, &a) < 0) {
			error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no PCI address", word);
			error_hint(err, "write it as `lspci -D` prints it: 0000:01:00.0");
			return -EINVAL;
		}
		pci_format(&a, address);
		if (!strv_contains(&ctx->devices, address) && strv_add(&ctx->devices, address) < 0)
			return -ENOMEM;
		list += n + (list[n] == ',');
	}
	return 0;
}

int ofbc_context_new(struct ofbc_context **ret, const struct ofbc_options *options, struct ofbc_error *err)
{
	_cleanup_context_ struct ofbc_context *ctx = calloc(1, sizeof(*ctx));
	const char *host = options && options->host && options->host[0] ? options->host : "local";
	const char *state_option = options ? options->state_dir : NULL;
	char state[400], run[512];
	int r;

	if (!ctx)
		return -ENOMEM;
	r = take_devices(ctx, options ? options->devices : NULL, err);
	if (r < 0)
		return r;
	r = state_dir_find(state_option, state, sizeof(state), err);
	if (r < 0)
		return r;
	snprintf(ctx->state_dir, sizeof(ctx->state_dir), "%s", state);
	snprintf(ctx->db_dir, sizeof(ctx->db_dir), "%s", state);
	snprintf(run, sizeof(run), "%s/run", state);
	if (strcmp(host, "local") == 0) {
		r = platform_linux_new("/", state_option && state_option[0] == '/' ? run : NULL,
		                       &ctx->platform, err);
	} else if (strncmp(host, "emulated:", 9) == 0) {
		r = platform_emulated_new(host + 9, state, &ctx->platform, err);
	} else if (strncmp(host, "root:", 5) == 0) {
		r = platform_linux_new(host + 5, "/run/openforbc", &ctx->platform, err);
	} else {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "unknown host '%s'", host);
		error_hint(
			err,
			"valid are 'local', 'root:DIR' and 'emulated:NAME'; `openforbc host list` prints the names");
		r = -EINVAL;
	}
	if (r < 0)
		return r;
	if (ctx->platform->state_dir[0])
		snprintf(ctx->db_dir, sizeof(ctx->db_dir), "%s", ctx->platform->state_dir);
	if (options && options->libvirt_uri)
		snprintf(ctx->libvirt_uri, sizeof(ctx->libvirt_uri), "%s", options->libvirt_uri);
	ctx->log = options ? options->log : NULL;
	ctx->log_data = options ? options->log_data : NULL;
	ctx->platform->log = ctx->log;
	ctx->platform->log_data = ctx->log_data;
	*ret = steal_ptr(ctx);
	return 0;
}

void ofbc_context_free(struct ofbc_context *ctx)
{
	if (!ctx)
		return;
	platform_free(ctx->platform);
	strv_done(&ctx->devices);
	free(ctx);
}

bool ofbc_context_is_emulated(const struct ofbc_context *ctx)
{
	return ctx->platform->emulated;
}

int context_lock(struct ofbc_context *ctx, int *ret_fd, struct ofbc_error *err)
{
	char path[600];
	int r = state_dir_make(ctx->db_dir, err);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/lock", ctx->db_dir);
	return lock_take(path, 30000, ret_fd, err);
}

int context_need_privilege(struct ofbc_context *ctx, const char *what, struct ofbc_error *err)
{
	if (ctx->platform->privileged)
		return 0;
	error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED, "%s needs root", what);
	error_hint(err, "run the same command with sudo");
	return -EPERM;
}
