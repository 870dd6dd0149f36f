/* SPDX-License-Identifier: MIT */
/* Loading libvirt.so.0. */
#include "platform/libvirt.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/platform.h"

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
#define LIBVIRT_ROW(call) {.name = "vir" #call, .offset = offsetof(struct libvirt_api, call)},
	LIBVIRT_CALLS(LIBVIRT_ROW)
#undef LIBVIRT_ROW
};

/* Errors are returned to the caller, who prints them once. */
static void silent(void *data, virErrorPtr error)
{
	(void)data;
	(void)error;
}

int platform_libvirt(struct platform *p, const struct libvirt_api **ret, struct ofbc_error *err)
{
	static struct libvirt_api api;
	static void *library;
	void *l = library ? NULL : dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL);

	(void)p;
	if (!library && !l) {
		error_set(err, ENOENT, OFBC_REASON_NOT_SUPPORTED, "libvirt.so.0 is not installed");
		error_hint(err, "install it: `apt install libvirt0 libvirt-daemon-system`");
		return -ENOENT;
	}
	for (size_t i = 0; l && i < ARRAY_SIZE(symbols); i++) {
		void *address = dlsym(l, symbols[i].name);

		if (!address) {
			dlclose(l);
			error_set(err, EPROTO, OFBC_REASON_NOT_SUPPORTED, "libvirt.so.0 has no %s",
			          symbols[i].name);
			error_hint(err, "libvirt 4.4 or later is needed");
			return -EPROTO;
		}
		memcpy((char *)&api + symbols[i].offset, &address, sizeof(address));
	}
	if (l) {
		/* No event loop: nobody would run it, and what libvirt leaves to it is never freed. */
		api.SetErrorFunc(NULL, silent);
		library = l;
	}
	*ret = &api;
	return 0;
}
