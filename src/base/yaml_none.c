/* SPDX-License-Identifier: MIT */
/* Build without libyaml: layouts cannot be read. */
#include "base/yaml.h"

#include <errno.h>

#include "base/error.h"

int yaml_doc_parse(const char *text, size_t len, const char *name, struct yaml **ret, struct ofbc_error *err)
{
	(void)text;
	(void)len;
	(void)ret;
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	          "%s: this build has no libyaml, it cannot read layouts", name);
	error_hint(err, "install libyaml-dev and build again");
	return -ENOTSUP;
}

void yaml_doc_free(struct yaml *doc)
{
	(void)doc;
}

const struct yaml *yaml_doc_get(const struct yaml *map, const char *key)
{
	(void)map;
	(void)key;
	return NULL;
}
