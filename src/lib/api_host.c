/* SPDX-License-Identifier: MIT */
/* Public calls about the host: doctor, and the buttons of an emulated host. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "emulation/emulation.h"
#include "lib/inventory.h"

int ofbc_host_doctor(struct ofbc_context *ctx, struct ofbc_finding_list **ret, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	struct ofbc_finding_list findings = {0};
	int r = inventory_load(ctx, INVENTORY_CPU, NULL, NULL, &inv, err);

	if (r == 0 && !ctx->platform->privileged)
		r = finding_add(&findings, "host", NULL, OFBC_FINDING_NOTE,
		                "not root: partitions can be shown but most cannot be made",
		                "sudo openforbc ...");
	if (r == 0 && (inv.gpus.n == 0 || inv.gpus.v[0].is_cpu))
		r = finding_add(&findings, "host", NULL, OFBC_FINDING_NOTE, "no GPU on the PCI bus", "");
	for (size_t b = 0; r == 0 && b < backend_count(); b++) {
		const struct backend_ops *ops = backend_at(b);

		r = ops->doctor ? ops->doctor(&inv.host, NULL, &findings) : 0;
		for (size_t g = 0; r == 0 && ops->doctor && g < inv.gpus.n; g++)
			r = ops->doctor(&inv.host, &inv.gpus.v[g], &findings);
	}
	if (r == 0) {
		*ret = calloc(1, sizeof(**ret));
		r = *ret ? 0 : -ENOMEM;
	}
	if (r < 0) {
		free(findings.v);
		return r;
	}
	**ret = findings;
	return 0;
}

void ofbc_finding_list_free(struct ofbc_finding_list *list)
{
	if (!list)
		return;
	free(list->v);
	free(list);
}

int ofbc_host_names(char ***ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv names = {0};
	int r = emulation_hosts(&names);

	if (r < 0)
		return error_set_errno(err, -r, "cannot list the emulated hosts");
	*ret = names.v;
	names = (struct strv){0};
	return 0;
}

int ofbc_host_capture(struct ofbc_context *ctx, char **ret, struct ofbc_error *err)
{
	return emulation_capture(ctx->platform, ret, err);
}

static int need_emulated(struct ofbc_context *ctx, const char *what, struct ofbc_error *err)
{
	if (ctx->platform->emulated)
		return 0;
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "only an emulated host can be %s", what);
	error_hint(err, "add --host emulated:NAME");
	return -ENOTSUP;
}

int ofbc_host_reboot(struct ofbc_context *ctx, struct ofbc_error *err)
{
	_cleanup_close_ int lock = -1;
	int r = need_emulated(ctx, "rebooted", err);

	if (r < 0)
		return r;
	r = context_lock(ctx, &lock, err);
	return r < 0 ? r : emulation_reboot(ctx->platform, err);
}

/* The node that stands for "somebody has this partition open", as its backend looks for it. */
static void node_of(struct platform *p, const struct ofbc_partition *part, char *buf, size_t size)
{
	char dir[256] = "", group[32] = "";

	snprintf(dir, sizeof(dir), "sys/bus/mdev/devices/%s", part->handle);
	if (!sysfs_exists(p, "%s", dir))
		snprintf(dir, sizeof(dir), "sys/bus/pci/devices/%.64s", part->handle);
	if (strncmp(part->handle, "/dev/", 5) == 0)
		snprintf(buf, size, "%s", part->handle);
	else if (sysfs_link_name(p, group, sizeof(group), "%s/iommu_group", dir) > 0)
		snprintf(buf, size, "/dev/vfio/%s", group);
	else
		snprintf(buf, size, "/dev/emulated/%s",
		         strncmp(part->handle, "MIG-", 4) == 0 ? part->handle : part->uuid);
}

int ofbc_host_hold(struct ofbc_context *ctx, const char *spec, const char *name, int pid,
                   struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	const struct ofbc_partition *p;
	char node[256];
	int r = need_emulated(ctx, "held by a pretended process", err);

	if (r < 0)
		return r;
	r = inventory_load(ctx, INVENTORY_PARTITIONS | INVENTORY_CPU, NULL, NULL, &inv, err);
	if (r < 0)
		return r;
	r = ofbc_partition_find(&inv.partitions, spec, &p, err);
	if (r < 0)
		return r;
	node_of(ctx->platform, p, node, sizeof(node));
	return emulation_hold(ctx->platform, node, name, pid, err);
}
