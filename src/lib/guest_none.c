/* SPDX-License-Identifier: MIT */
/* A build without libvirt's headers or expat: partitions have no guests that we could ask about. */
#include <errno.h>

#include "base/error.h"
#include "lib/inventory.h"
#include "openforbc/guest.h"

int guests_attribute(struct inventory *inv)
{
	(void)inv;
	return 0;
}

int guests_look(struct ofbc_context *ctx, struct guests **ret)
{
	(void)ctx;
	(void)ret;
	return 0;
}

void guests_free(struct guests *g)
{
	(void)g;
}

static int not_built(struct ofbc_error *err)
{
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "this build knows no libvirt");
	error_hint(err, "build it where libvirt-dev and libexpat1-dev are installed");
	return -ENOTSUP;
}

int ofbc_guest_list(struct ofbc_context *ctx, bool all, struct ofbc_guest_list **ret, struct ofbc_error *err)
{
	(void)ctx;
	(void)all;
	(void)ret;
	return not_built(err);
}

void ofbc_guest_list_free(struct ofbc_guest_list *list)
{
	(void)list;
}

int ofbc_guest_find(const struct ofbc_guest_list *list, const char *spec, const struct ofbc_guest **ret,
                    struct ofbc_error *err)
{
	(void)list;
	(void)spec;
	(void)ret;
	return not_built(err);
}

int ofbc_partition_attach(struct ofbc_context *ctx, const char *spec, const char *guest, unsigned flags,
                          struct ofbc_error *err)
{
	(void)ctx;
	(void)spec;
	(void)guest;
	(void)flags;
	return not_built(err);
}

int ofbc_partition_detach(struct ofbc_context *ctx, const char *spec, const char *guest, unsigned flags,
                          unsigned timeout_s, struct ofbc_error *err)
{
	(void)timeout_s;
	return ofbc_partition_attach(ctx, spec, guest, flags, err);
}

int ofbc_guest_hook(struct ofbc_context *ctx, const char *operation, const char *xml, size_t len,
                    unsigned *ret, struct ofbc_error *err)
{
	(void)ctx;
	(void)operation;
	(void)xml;
	(void)len;
	(void)ret;
	return not_built(err);
}
