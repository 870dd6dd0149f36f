/* SPDX-License-Identifier: MIT */
/* On which partition the driver shows the processes of an instance. */
#include <string.h>

#include "base/error.h"
#include "lib/bench_job.h"
#include "platform/instance.h"

static bool has_instance(const struct ofbc_partition *p, const struct instance_set *set, unsigned i)
{
	for (size_t k = 0; k < p->holders.n; k++) {
		if (p->holders.v[k].pid > 0 && instances_find(set, p->holders.v[k].pid) == (int)i)
			return true;
	}
	return false;
}

static enum trial_seen look(void *data, const struct instance_set *set, unsigned i,
                            const struct bench_place *place)
{
	struct ofbc_context *ctx = data;
	_cleanup_inventory_ struct inventory inv = {0};
	enum trial_seen seen = SEEN_UNKNOWN;

	if (inventory_load(ctx, INVENTORY_PARTITIONS | INVENTORY_HOLDERS | INVENTORY_CPU, NULL, NULL, &inv,
	                   NULL) < 0)
		return SEEN_UNKNOWN;
	for (size_t k = 0; k < inv.partitions.n; k++) {
		const struct ofbc_partition *p = &inv.partitions.v[k];

		if (!has_instance(p, set, i))
			continue;
		if (strcmp(p->uuid, place->uuid) == 0)
			return SEEN_THERE;
		seen = SEEN_ELSEWHERE;
	}
	return seen;
}

struct trial_where bench_where(struct ofbc_context *ctx)
{
	return (struct trial_where){.look = look, .data = ctx};
}
