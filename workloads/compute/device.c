/* SPDX-License-Identifier: MIT */
/* What both APIs share, and the choice between them. */
#include "device.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static const struct {
	const char *name;
	int (*open)(const char *which, struct device **ret, struct ofbc_error *err);
} apis[] = {{"cuda", cuda_open}, {"opencl", opencl_open}};

/* The first that works; what is wrong with each where none does. */
static int open_any(const char *which, struct device **ret, struct ofbc_error *err)
{
	struct ofbc_error why[ARRAY_SIZE(apis)] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(apis); i++) {
		if (apis[i].open(which, ret, &why[i]) == 0)
			return 0;
	}
	error_set(err, (int)why[1].code, why[1].reason, "no device: CUDA: %.300s; OpenCL: %.300s",
	          why[0].message, why[1].message);
	error_hint(err, "%s", why[1].hint[0] ? why[1].hint : why[0].hint);
	return -why[1].code;
}

int device_open(const char *api, const char *which, struct device **ret, struct ofbc_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(apis); i++) {
		if (strcmp(apis[i].name, api) == 0)
			return apis[i].open(which, ret, err);
	}
	return open_any(which, ret, err);
}

void device_close(struct device *d)
{
	if (d)
		d->ops->close(d);
}

int device_upload(struct device *d, const void *from, size_t size, device_buffer *ret, struct ofbc_error *err)
{
	device_buffer b = NULL;
	int r = d->ops->alloc(d, size, &b, err);

	if (r == 0)
		r = d->ops->write(d, b, 0, from, size, err);
	if (r < 0)
		d->ops->release(d, b);
	else
		*ret = b;
	return r;
}

size_t precision_size(enum precision p)
{
	static const size_t sizes[PRECISION_COUNT] = {
		[PRECISION_FP32] = 4, [PRECISION_FP64] = 8, [PRECISION_TF32] = 4, [PRECISION_BF16] = 2};

	return sizes[p];
}
