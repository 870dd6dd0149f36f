/* SPDX-License-Identifier: MIT */
/* A partition that shall be handed to a guest: what it is, and how a guest gets it. */
#pragma once

#include "guest/hostdev.h"
#include "lib/inventory.h"

struct handover {
	struct inventory inv;
	const struct ofbc_partition *p;
	struct view *view;
	struct hostdev dev;
};

void handover_done(struct handover *h);
#define _cleanup_handover_ __attribute__((cleanup(handover_done)))

/* Loads and finds. -ENOTSUP no guest can use it; -ENODEV it is lost. flags: of inventory_load(), more. */
int handover_load(struct ofbc_context *ctx, const char *spec, unsigned flags, struct handover *ret,
                  struct ofbc_error *err);
/* How a guest gets one partition of an inventory. */
int handover_device(struct inventory *inv, const struct ofbc_partition *p, struct hostdev *ret,
                    struct ofbc_error *err);
