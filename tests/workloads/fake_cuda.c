/* SPDX-License-Identifier: MIT */
/*
 * A driver of CUDA without a GPU: memory is memory, copies are copies, and a kernel does nothing at all. So a
 * workload gets as far as its check, which must find that the result is wrong. FAKE_CUDA_DEVICES: how many
 * devices there are (1).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT        __attribute__((visibility("default"), used))
#define NO_DEVICE     100
#define OUT_OF_MEMORY 2
#define MEMORY        ((size_t)1 << 30)

enum { GROUP_MAX = 1, UNITS = 16, MEMORY_KHZ = 36, MEMORY_BITS = 37, MAJOR = 75, MINOR = 76 };

static int devices(void)
{
	const char *text = getenv("FAKE_CUDA_DEVICES");

	return text ? atoi(text) : 1;
}

EXPORT int cuInit(unsigned flags)
{
	(void)flags;
	return devices() ? 0 : NO_DEVICE;
}

EXPORT int cuDriverGetVersion(int *version)
{
	*version = 13000;
	return 0;
}

EXPORT int cuGetErrorName(int error, const char **name)
{
	*name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE";
	return 0;
}

EXPORT int cuDeviceGetCount(int *n)
{
	*n = devices();
	return 0;
}

EXPORT int cuDeviceGet(int *device, int ordinal)
{
	*device = ordinal;
	return 0;
}

EXPORT int cuDeviceGetName(char *name, int size, int device)
{
	snprintf(name, (size_t)size, "Fake GPU %d", device);
	return 0;
}

EXPORT int cuDeviceGetUuid_v2(unsigned char uuid[16], int device)
{
	memset(uuid, device, 16);
	return 0;
}

EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
	(void)device;
	*bytes = MEMORY;
	return 0;
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device)
{
	(void)device;
	*value = attribute == UNITS         ? 4
	         : attribute == MEMORY_KHZ  ? 1000000
	         : attribute == MEMORY_BITS ? 512
	                                    : 0;
	if (attribute == MAJOR)
		*value = 9;
	if (attribute == GROUP_MAX)
		*value = 1024;
	return 0;
}

EXPORT int cuDevicePrimaryCtxRetain(void **context, int device)
{
	(void)device;
	*context = (void *)context;
	return 0;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int device)
{
	(void)device;
	return 0;
}

EXPORT int cuCtxSetCurrent(void *context)
{
	(void)context;
	return 0;
}

EXPORT int cuCtxSynchronize(void)
{
	return 0;
}

EXPORT int cuMemAlloc_v2(uint64_t *p, size_t size)
{
	*p = size < MEMORY ? (uint64_t)(uintptr_t)calloc(1, size) : 0;
	return *p ? 0 : OUT_OF_MEMORY;
}

EXPORT int cuMemFree_v2(uint64_t p)
{
	free((void *)(uintptr_t)p);
	return 0;
}

EXPORT int cuMemHostAlloc(void **p, size_t size, unsigned flags)
{
	(void)flags;
	*p = malloc(size);
	return *p ? 0 : OUT_OF_MEMORY;
}

EXPORT int cuMemFreeHost(void *p)
{
	free(p);
	return 0;
}

EXPORT int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t size)
{
	memcpy((void *)(uintptr_t)to, from, size);
	return 0;
}

EXPORT int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t size)
{
	memcpy(to, (const void *)(uintptr_t)from, size);
	return 0;
}

EXPORT int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t size, void *stream)
{
	(void)stream;
	memcpy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, size);
	return 0;
}

EXPORT int cuModuleLoadData(void **module, const void *image)
{
	(void)image;
	*module = (void *)module;
	return 0;
}

EXPORT int cuModuleUnload(void *module)
{
	(void)module;
	return 0;
}

EXPORT int cuModuleGetFunction(void **function, void *module, const char *name)
{
	(void)module;
	(void)name;
	*function = (void *)function;
	return 0;
}

EXPORT int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                          unsigned block_y, unsigned block_z, unsigned shared, void *stream, void **arguments,
                          void **extra)
{
	(void)function, (void)stream, (void)arguments, (void)extra, (void)shared;
	return grid_x && grid_y && grid_z && block_x && block_y && block_z ? 0 : 1;
}
