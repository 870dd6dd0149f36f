/* SPDX-License-Identifier: MIT */
/* Built without the headers of OpenCL. */
#include <errno.h>

#include "base/error.h"
#include "device.h"

int opencl_open(const char *which, struct device **ret, struct ofbc_error *err)
{
	(void)which;
	(void)ret;
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "this program was built without OpenCL");
	error_hint(err, "install opencl-headers and build it again");
	return -ENOTSUP;
}
