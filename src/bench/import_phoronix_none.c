/* SPDX-License-Identifier: MIT */
/* Build without expat. */
#include "bench/import_parts.h"

#include <errno.h>

#include "base/error.h"

int import_phoronix(struct importer *im)
{
	error_set(im->err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s: this build has no expat, it reads no XML",
	          im->name);
	error_hint(im->err, "install libexpat1-dev and build again");
	return -ENOTSUP;
}
