/* SPDX-License-Identifier: MIT */
/* A build without libvirt's headers. */
#include <errno.h>

#include "base/error.h"
#include "platform/platform.h"

int platform_libvirt(struct platform *p, const struct libvirt_api **ret, struct ofbc_error *err)
{
	(void)p;
	(void)ret;
	error_set(err, ENOENT, OFBC_REASON_NOT_SUPPORTED, "this build knows no libvirt");
	error_hint(err, "build it where libvirt-dev is installed");
	return -ENOENT;
}
