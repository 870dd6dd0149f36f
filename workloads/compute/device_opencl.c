/* SPDX-License-Identifier: MIT */
/* OpenCL 1.2 through the loader of drivers (ICD), so that any vendor's device works, a processor with PoCL,
 * too; CLBlast for the matrix product where it is installed. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "device.h"
#include "library.h"

#define DEVICES_MAX    64
#define SOURCES_MAX    32
#define LOG_SHOWN      300
#define ROW_MAJOR      101 /* of CLBlast */
#define UNTRANSPOSED   111
#define TRANSPOSED     112

#define FUNCTION(name) __typeof__(cl##name) *name
struct opencl_api {
	FUNCTION(GetPlatformIDs);
	FUNCTION(GetPlatformInfo);
	FUNCTION(GetDeviceIDs);
	FUNCTION(GetDeviceInfo);
	FUNCTION(CreateContext);
	FUNCTION(ReleaseContext);
	FUNCTION(CreateCommandQueue);
	FUNCTION(ReleaseCommandQueue);
	FUNCTION(CreateBuffer);
	FUNCTION(ReleaseMemObject);
	FUNCTION(EnqueueReadBuffer);
	FUNCTION(EnqueueWriteBuffer);
	FUNCTION(EnqueueCopyBuffer);
	FUNCTION(EnqueueMapBuffer);
	FUNCTION(EnqueueUnmapMemObject);
	FUNCTION(CreateProgramWithSource);
	FUNCTION(BuildProgram);
	FUNCTION(GetProgramBuildInfo);
	FUNCTION(ReleaseProgram);
	FUNCTION(CreateKernel);
	FUNCTION(SetKernelArg);
	FUNCTION(ReleaseKernel);
	FUNCTION(EnqueueNDRangeKernel);
	FUNCTION(Flush);
	FUNCTION(Finish);
};

struct clblast {
	int (*Sgemm)(int layout, int trans_a, int trans_b, size_t m, size_t n, size_t k, float alpha,
	             cl_mem a, size_t offset_a, size_t lda, cl_mem b, size_t offset_b, size_t ldb, float beta,
	             cl_mem c, size_t offset_c, size_t ldc, cl_command_queue *queue, cl_event *event);
	int (*Dgemm)(int layout, int trans_a, int trans_b, size_t m, size_t n, size_t k, double alpha,
	             cl_mem a, size_t offset_a, size_t lda, cl_mem b, size_t offset_b, size_t ldb,
	             double beta, cl_mem c, size_t offset_c, size_t ldc, cl_command_queue *queue,
	             cl_event *event);
};

/* Pinned memory is a buffer that stays mapped. */
struct mapped {
	struct mapped *next;
	cl_mem buffer;
	void *p;
};

struct opencl {
	struct device d;
	struct opencl_api cl;
	cl_device_id device;
	cl_context context;
	cl_command_queue queue;
	struct mapped *mapped;
	struct clblast blas;
	bool has_blas;
};

struct device_program {
	cl_program program;
};

struct device_call {
	struct opencl *owner;
	cl_kernel kernel;
	size_t global[2], local[2];
	size_t sizes[CALL_ARGUMENTS_MAX];
};

static struct opencl *opencl_of(struct device *d)
{
	return (struct opencl *)d;
}

static cl_mem memory(device_buffer b)
{
	return (cl_mem)(void *)b;
}

static int failed(int code, const char *what, struct ofbc_error *err)
{
	bool is_full = code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
	               code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE;

	if (code == CL_SUCCESS)
		return 0;
	return error_set(err, is_full ? ENOMEM : EIO, is_full ? OFBC_REASON_NO_CAPACITY : OFBC_REASON_FAILED,
	                 "%s: OpenCL error %d", what, code);
}

/* --- loading --- */

#define SYMBOL(member)                                                                                       \
	{                                                                                                    \
		"cl" #member, offsetof(struct opencl_api, member)                                            \
	}

static int load(struct opencl_api *ret, struct ofbc_error *err)
{
	static const char *const names[] = {"libOpenCL.so.1", NULL};
	static const struct library_symbol symbols[] = {
		SYMBOL(GetPlatformIDs),
		SYMBOL(GetPlatformInfo),
		SYMBOL(GetDeviceIDs),
		SYMBOL(GetDeviceInfo),
		SYMBOL(CreateContext),
		SYMBOL(ReleaseContext),
		SYMBOL(CreateCommandQueue),
		SYMBOL(ReleaseCommandQueue),
		SYMBOL(CreateBuffer),
		SYMBOL(ReleaseMemObject),
		SYMBOL(EnqueueReadBuffer),
		SYMBOL(EnqueueWriteBuffer),
		SYMBOL(EnqueueCopyBuffer),
		SYMBOL(EnqueueMapBuffer),
		SYMBOL(EnqueueUnmapMemObject),
		SYMBOL(CreateProgramWithSource),
		SYMBOL(BuildProgram),
		SYMBOL(GetProgramBuildInfo),
		SYMBOL(ReleaseProgram),
		SYMBOL(CreateKernel),
		SYMBOL(SetKernelArg),
		SYMBOL(ReleaseKernel),
		SYMBOL(EnqueueNDRangeKernel),
		SYMBOL(Flush),
		SYMBOL(Finish),
	};
	void *library = library_open(names, err);

	if (!library) {
		error_hint(
			err,
			"install the ICD loader (Debian: ocl-icd-libopencl1) and a driver: that of the GPU, or "
			"pocl-opencl-icd for the processor");
		return -ENOTSUP;
	}
	return library_symbols(library, names[0], symbols, ARRAY_SIZE(symbols), ret, err);
}

static int load_blas(struct opencl *c, struct ofbc_error *err)
{
	static const char *const names[] = {"libclblast.so.1", NULL};
	static const struct library_symbol symbols[] = {
		{"CLBlastSgemm", offsetof(struct clblast, Sgemm)},
		{"CLBlastDgemm", offsetof(struct clblast, Dgemm)},
	};
	void *library = c->has_blas ? NULL : library_open(names, err);
	int r = 0;

	if (!c->has_blas)
		r = library ? library_symbols(library, names[0], symbols, ARRAY_SIZE(symbols), &c->blas, err)
		            : -ENOTSUP;
	c->has_blas = r == 0;
	return r;
}

/* --- the device --- */

static void opencl_close(struct device *d)
{
	struct opencl *c = opencl_of(d);

	while (c->mapped)
		d->ops->host_release(d, c->mapped->p);
	if (c->queue)
		(void)c->cl.ReleaseCommandQueue(c->queue);
	if (c->context)
		(void)c->cl.ReleaseContext(c->context);
	free(c);
}

static bool is_gpu(const struct opencl *c, cl_device_id device)
{
	cl_device_type type = 0;

	(void)c->cl.GetDeviceInfo(device, CL_DEVICE_TYPE, sizeof(type), &type, NULL);
	return type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR);
}

/* Devices of all platforms, one after the other. */
static unsigned list_devices(const struct opencl *c, cl_device_id ret[DEVICES_MAX])
{
	cl_platform_id platforms[DEVICES_MAX];
	cl_uint n_platforms = 0;
	unsigned n = 0;

	if (c->cl.GetPlatformIDs(DEVICES_MAX, platforms, &n_platforms) != CL_SUCCESS)
		return 0;
	for (cl_uint i = 0; i < n_platforms && i < DEVICES_MAX && n < DEVICES_MAX; i++) {
		cl_uint more = 0;

		if (c->cl.GetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, DEVICES_MAX - n, ret + n, &more) ==
		    CL_SUCCESS)
			n += more < DEVICES_MAX - n ? more : DEVICES_MAX - n;
	}
	return n;
}

static int no_device(const char *which, unsigned n, struct ofbc_error *err)
{
	if (which && n) {
		error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "no OpenCL device '%s'", which);
		error_hint(err, "there are %u, from 0; or name a part of a device's name", n);
	} else {
		error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "there is no OpenCL device");
		error_hint(
			err,
			"install the driver of the GPU, or pocl-opencl-icd for the processor; `clinfo` lists what is seen");
	}
	return -ENODEV;
}

static int choose(struct opencl *c, const char *which, struct ofbc_error *err)
{
	cl_device_id devices[DEVICES_MAX];
	unsigned n = list_devices(c, devices);
	uint32_t number;
	char name[128];

	if (which && parse_u32(which, &number) == 0 && number < n) {
		c->device = devices[number];
		return 0;
	}
	for (unsigned i = 0; i < n; i++) {
		name[0] = '\0';
		(void)c->cl.GetDeviceInfo(devices[i], CL_DEVICE_NAME, sizeof(name), name, NULL);
		if (which ? strcasestr(name, which) != NULL : is_gpu(c, devices[i])) {
			c->device = devices[i];
			return 0;
		}
	}
	if (which || !n)
		return no_device(which, n, err);
	c->device = devices[0];
	return 0;
}

static void describe(struct opencl *c)
{
	struct device_info *info = &c->d.info;
	cl_platform_id platform = NULL;
	cl_uint units = 0, floats = 0;
	cl_ulong bytes = 0;
	cl_device_fp_config doubles = 0;
	size_t group_max = 0;
	char name[64] = "", version[64] = "";

	(void)c->cl.GetDeviceInfo(c->device, CL_DEVICE_NAME, sizeof(info->name), info->name, NULL);
	(void)c->cl.GetDeviceInfo(c->device, CL_DEVICE_PLATFORM, sizeof(platform), &platform, NULL);
	(void)c->cl.GetDeviceInfo(c->device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(units), &units, NULL);
	(void)c->cl.GetDeviceInfo(c->device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof(floats), &floats,
	                          NULL);
	(void)c->cl.GetDeviceInfo(c->device, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(bytes), &bytes, NULL);
	(void)c->cl.GetDeviceInfo(c->device, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(group_max), &group_max,
	                          NULL);
	(void)c->cl.GetDeviceInfo(c->device, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof(doubles), &doubles, NULL);
	(void)c->cl.GetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(name), name, NULL);
	(void)c->cl.GetDeviceInfo(c->device, CL_DRIVER_VERSION, sizeof(version), version, NULL);
	snprintf(info->api, sizeof(info->api), "opencl");
	snprintf(info->platform, sizeof(info->platform), "%s %s", name, version);
	info->units = units;
	info->group_max = (unsigned)group_max;
	info->vector_bytes = floats * (unsigned)sizeof(cl_float);
	info->memory_bytes = bytes;
	info->memory_rate = NAN;
	info->is_gpu = is_gpu(c, c->device);
	info->has_fp64 = doubles != 0;
}

static int start(struct opencl *c, const char *which, struct ofbc_error *err)
{
	int code = CL_SUCCESS, r = load(&c->cl, err);

	if (r == 0)
		r = choose(c, which, err);
	if (r < 0)
		return r;
	describe(c);
	c->context = c->cl.CreateContext(NULL, 1, &c->device, NULL, NULL, &code);
	r = failed(code, "making a context", err);
	if (r == 0)
		c->queue = c->cl.CreateCommandQueue(c->context, c->device, 0, &code);
	return r == 0 ? failed(code, "making a queue", err) : r;
}

/* --- memory --- */

static int opencl_alloc(struct device *d, size_t size, device_buffer *ret, struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);
	int code = CL_SUCCESS;
	cl_mem m = c->cl.CreateBuffer(c->context, CL_MEM_READ_WRITE, size, NULL, &code);
	char what[64], text[32];

	if (code == CL_SUCCESS) {
		*ret = (device_buffer)(void *)m;
		return 0;
	}
	size_format(size, text, sizeof(text));
	snprintf(what, sizeof(what), "allocating %s on the device", text);
	return failed(code, what, err);
}

static void opencl_release(struct device *d, device_buffer b)
{
	if (b)
		(void)opencl_of(d)->cl.ReleaseMemObject(memory(b));
}

static int opencl_host_alloc(struct device *d, size_t size, void **ret, struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);
	_cleanup_free_ struct mapped *m = calloc(1, sizeof(*m));
	int code = CL_SUCCESS;

	if (!m)
		return error_set_errno(err, ENOMEM, "pinned memory");
	m->buffer =
		c->cl.CreateBuffer(c->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, size, NULL, &code);
	if (code == CL_SUCCESS)
		m->p = c->cl.EnqueueMapBuffer(c->queue, m->buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
		                              size, 0, NULL, NULL, &code);
	if (code != CL_SUCCESS) {
		opencl_release(d, (device_buffer)(void *)m->buffer);
		return failed(code, "allocating pinned memory", err);
	}
	m->next = c->mapped;
	*ret = m->p;
	c->mapped = steal_ptr(m);
	return 0;
}

static void opencl_host_release(struct device *d, void *p)
{
	struct opencl *c = opencl_of(d);
	struct mapped **link = &c->mapped;

	while (*link && (*link)->p != p)
		link = &(*link)->next;
	if (*link && p) {
		struct mapped *m = *link;

		*link = m->next;
		(void)c->cl.EnqueueUnmapMemObject(c->queue, m->buffer, m->p, 0, NULL, NULL);
		(void)c->cl.Finish(c->queue);
		(void)c->cl.ReleaseMemObject(m->buffer);
		free(m);
	}
}

static int opencl_write(struct device *d, device_buffer to, size_t offset, const void *from, size_t size,
                        struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);

	return failed(
		c->cl.EnqueueWriteBuffer(c->queue, memory(to), CL_TRUE, offset, size, from, 0, NULL, NULL),
		"copying to the device", err);
}

static int opencl_read(struct device *d, void *to, device_buffer from, size_t offset, size_t size,
                       struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);

	return failed(
		c->cl.EnqueueReadBuffer(c->queue, memory(from), CL_TRUE, offset, size, to, 0, NULL, NULL),
		"copying from the device", err);
}

static int opencl_copy(struct device *d, device_buffer to, device_buffer from, size_t size,
                       struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);

	return failed(c->cl.EnqueueCopyBuffer(c->queue, memory(from), memory(to), 0, 0, size, 0, NULL, NULL),
	              "copying on the device", err);
}

/* --- kernels --- */

static int build_failed(struct opencl *c, cl_program program, int code, struct ofbc_error *err)
{
	_cleanup_free_ char *log = NULL;
	size_t size = 0;

	(void)c->cl.GetProgramBuildInfo(program, c->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
	log = calloc(1, size + 1);
	if (log)
		(void)c->cl.GetProgramBuildInfo(program, c->device, CL_PROGRAM_BUILD_LOG, size, log, NULL);
	return error_set(err, EIO, OFBC_REASON_FAILED, "a kernel cannot be compiled: OpenCL error %d: %.*s",
	                 code, LOG_SHOWN, log ? log : "");
}

static int opencl_build(struct device *d, const char *const *sources, struct device_program **ret,
                        struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);
	_cleanup_free_ struct device_program *p = calloc(1, sizeof(*p));
	const char *texts[SOURCES_MAX];
	cl_uint n = 0;
	int code = CL_SUCCESS;

	while (sources[n] && n < SOURCES_MAX) {
		texts[n] = sources[n];
		n++;
	}
	if (!p || sources[n])
		return error_set_errno(err, p ? E2BIG : ENOMEM, "a kernel");
	p->program = c->cl.CreateProgramWithSource(c->context, n, texts, NULL, &code);
	if (code != CL_SUCCESS)
		return failed(code, "taking a kernel's source", err);
	code = c->cl.BuildProgram(p->program, 1, &c->device, "-cl-std=CL1.2", NULL, NULL);
	if (code != CL_SUCCESS) {
		int r = build_failed(c, p->program, code, err);

		(void)c->cl.ReleaseProgram(p->program);
		return r;
	}
	*ret = steal_ptr(p);
	return 0;
}

static void opencl_unbuild(struct device *d, struct device_program *p)
{
	if (p)
		(void)opencl_of(d)->cl.ReleaseProgram(p->program);
	free(p);
}

static int set_arguments(struct opencl *c, struct device_call *call, const struct argument *arguments,
                         size_t n)
{
	int code = CL_SUCCESS;

	for (size_t i = 0; code == CL_SUCCESS && i < n; i++) {
		cl_mem m = memory(arguments[i].buffer);
		bool is_value = arguments[i].value != NULL;

		call->sizes[i] = is_value ? arguments[i].size : sizeof(m);
		code = c->cl.SetKernelArg(call->kernel, (cl_uint)i, call->sizes[i],
		                          is_value ? arguments[i].value : &m);
	}
	return code;
}

static void opencl_unbind(struct device *d, struct device_call *call)
{
	if (call && call->kernel)
		(void)opencl_of(d)->cl.ReleaseKernel(call->kernel);
	free(call);
}

static int opencl_bind(struct device *d, struct device_program *p, const char *kernel, struct extent extent,
                       const struct argument *arguments, size_t n, struct device_call **ret,
                       struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);
	struct device_call *call = calloc(1, sizeof(*call));
	int code = CL_SUCCESS;

	if (!call || n > CALL_ARGUMENTS_MAX) {
		free(call);
		return error_set_errno(err, call ? E2BIG : ENOMEM, "kernel '%s'", kernel);
	}
	call->owner = c;
	call->local[0] = extent.group_x;
	call->local[1] = extent.group_y;
	call->global[0] = (size_t)extent.group_x * extent.groups_x;
	call->global[1] = (size_t)extent.group_y * extent.groups_y;
	call->kernel = c->cl.CreateKernel(p->program, kernel, &code);
	if (code == CL_SUCCESS)
		code = set_arguments(c, call, arguments, n);
	if (code == CL_SUCCESS)
		*ret = call;
	else
		opencl_unbind(d, call);
	return failed(code, kernel, err);
}

static int opencl_set(struct device_call *call, unsigned index, const void *value, struct ofbc_error *err)
{
	return failed(call->owner->cl.SetKernelArg(call->kernel, index, call->sizes[index], value),
	              "setting an argument", err);
}

static int opencl_launch(struct device *d, struct device_call *call, struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);

	return failed(c->cl.EnqueueNDRangeKernel(c->queue, call->kernel, 2, NULL, call->global, call->local,
	                                         0, NULL, NULL),
	              "launching a kernel", err);
}

static int opencl_finish(struct device *d, struct ofbc_error *err)
{
	return failed(opencl_of(d)->cl.Finish(opencl_of(d)->queue), "waiting for the device", err);
}

/* --- libraries --- */

static const char *opencl_product_library(struct device *d, enum precision precision, struct ofbc_error *why)
{
	if (precision != PRECISION_FP32 && precision != PRECISION_FP64) {
		error_set(why, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "OpenCL has no matrix product of that precision");
		error_hint(why, "fp32 and fp64 work everywhere, tf32 and bf16 with CUDA");
		return NULL;
	}
	return load_blas(opencl_of(d), why) == 0 ? "CLBlast" : NULL;
}

static int opencl_product(struct device *d, const struct product *p, struct ofbc_error *err)
{
	struct opencl *c = opencl_of(d);
	cl_mem a = memory(p->a), b = memory(p->b), to = memory(p->c);
	int order_a = p->transposed_a ? TRANSPOSED : UNTRANSPOSED;
	int order_b = p->transposed_b ? TRANSPOSED : UNTRANSPOSED;
	size_t lda = p->transposed_a ? p->m : p->k, ldb = p->transposed_b ? p->k : p->n;
	int code;

	if (p->precision == PRECISION_FP64)
		code = c->blas.Dgemm(ROW_MAJOR, order_a, order_b, p->m, p->n, p->k, p->alpha, a, p->first_a,
		                     lda, b, 0, ldb, p->beta, to, 0, p->n, &c->queue, NULL);
	else
		code = c->blas.Sgemm(ROW_MAJOR, order_a, order_b, p->m, p->n, p->k, (float)p->alpha, a,
		                     p->first_a, lda, b, 0, ldb, (float)p->beta, to, 0, p->n, &c->queue,
		                     NULL);
	return failed(code, "CLBlast", err);
}

static const char *opencl_transform_library(struct device *d, enum precision precision,
                                            struct ofbc_error *why)
{
	(void)precision;
	(void)d;
	error_set(why, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	          "no library of Fourier transforms is used with OpenCL");
	error_hint(why, "take the kernel of this program: --kernel own");
	return NULL;
}

static const struct device_ops opencl_ops = {
	.close = opencl_close,
	.alloc = opencl_alloc,
	.release = opencl_release,
	.host_alloc = opencl_host_alloc,
	.host_release = opencl_host_release,
	.write = opencl_write,
	.read = opencl_read,
	.copy = opencl_copy,
	.build = opencl_build,
	.unbuild = opencl_unbuild,
	.bind = opencl_bind,
	.unbind = opencl_unbind,
	.set = opencl_set,
	.launch = opencl_launch,
	.finish = opencl_finish,
	.product_library = opencl_product_library,
	.product = opencl_product,
	.transform_library = opencl_transform_library,
};

int opencl_open(const char *which, struct device **ret, struct ofbc_error *err)
{
	struct opencl *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return error_set_errno(err, ENOMEM, "OpenCL");
	c->d.ops = &opencl_ops;
	r = start(c, which, err);
	if (r < 0)
		opencl_close(&c->d);
	else
		*ret = &c->d;
	return r;
}
