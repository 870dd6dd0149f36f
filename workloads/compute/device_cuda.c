/* SPDX-License-Identifier: MIT */
/* CUDA: the driver's API for everything, NVRTC for kernels, cuBLAS and cuFFT when a workload asks for them.
 * Uses the primary context and the default stream, as a plain program would. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cuda_abi.h"
#include "device.h"
#include "library.h"

#define SOURCE_MAX (1u << 20)
#define LOG_SHOWN  300

struct cuda {
	struct device d;
	int device;
	bool has_context;
	int major, minor;
	struct cuda_driver cu;
	struct cuda_compiler rtc;
	bool has_compiler;
	struct cuda_blas blas;
	void *blas_handle;
	char blas_name[64];
	struct cuda_fft fft;
	bool has_fft;
};

struct device_program {
	void *module;
};

struct device_call {
	void *function;
	struct extent extent;
	size_t n;
	uint64_t values[CALL_ARGUMENTS_MAX];
	size_t sizes[CALL_ARGUMENTS_MAX];
	void *pointers[CALL_ARGUMENTS_MAX];
};

static struct cuda *cuda_of(struct device *d)
{
	return (struct cuda *)d;
}

static cuda_pointer address(device_buffer b)
{
	return (cuda_pointer)(uintptr_t)b;
}

static int failed(struct cuda *c, int code, const char *what, struct ofbc_error *err)
{
	const char *name = NULL;

	if (!code)
		return 0;
	(void)c->cu.GetErrorName(code, &name);
	return error_set(err, code == CUDA_OUT_OF_MEMORY ? ENOMEM : EIO,
	                 code == CUDA_OUT_OF_MEMORY ? OFBC_REASON_NO_CAPACITY : OFBC_REASON_FAILED,
	                 "%s: %s (%d)", what, name ? name : "CUDA error", code);
}

/* --- loading --- */

#define SYMBOL(table, prefix, member, suffix)                                                                \
	{                                                                                                    \
		prefix #member suffix, offsetof(struct table, member)                                        \
	}

static int load_driver(struct cuda_driver *ret, struct ofbc_error *err)
{
	static const char *const names[] = {"libcuda.so.1", NULL};
	static const struct library_symbol symbols[] = {
		SYMBOL(cuda_driver, "cu", Init, ""),
		SYMBOL(cuda_driver, "cu", DriverGetVersion, ""),
		SYMBOL(cuda_driver, "cu", GetErrorName, ""),
		SYMBOL(cuda_driver, "cu", DeviceGetCount, ""),
		SYMBOL(cuda_driver, "cu", DeviceGet, ""),
		SYMBOL(cuda_driver, "cu", DeviceGetName, ""),
		SYMBOL(cuda_driver, "cu", DeviceGetUuid, "_v2"),
		SYMBOL(cuda_driver, "cu", DeviceTotalMem, "_v2"),
		SYMBOL(cuda_driver, "cu", DeviceGetAttribute, ""),
		SYMBOL(cuda_driver, "cuDevice", PrimaryCtxRetain, ""),
		SYMBOL(cuda_driver, "cuDevice", PrimaryCtxRelease, "_v2"),
		SYMBOL(cuda_driver, "cu", CtxSetCurrent, ""),
		SYMBOL(cuda_driver, "cu", CtxSynchronize, ""),
		SYMBOL(cuda_driver, "cu", MemAlloc, "_v2"),
		SYMBOL(cuda_driver, "cu", MemFree, "_v2"),
		SYMBOL(cuda_driver, "cu", MemHostAlloc, ""),
		SYMBOL(cuda_driver, "cu", MemFreeHost, ""),
		SYMBOL(cuda_driver, "cu", MemcpyHtoD, "_v2"),
		SYMBOL(cuda_driver, "cu", MemcpyDtoH, "_v2"),
		SYMBOL(cuda_driver, "cu", MemcpyDtoDAsync, "_v2"),
		SYMBOL(cuda_driver, "cu", ModuleLoadData, ""),
		SYMBOL(cuda_driver, "cu", ModuleUnload, ""),
		SYMBOL(cuda_driver, "cu", ModuleGetFunction, ""),
		SYMBOL(cuda_driver, "cu", LaunchKernel, ""),
	};
	void *library = library_open(names, err);

	if (!library) {
		error_hint(err, "it comes with NVIDIA's driver");
		return -ENOTSUP;
	}
	return library_symbols(library, names[0], symbols, ARRAY_SIZE(symbols), ret, err);
}

static int load_compiler(struct cuda *c, struct ofbc_error *err)
{
	static const char *const names[] = {"libnvrtc.so.13", "libnvrtc.so.12", NULL};
	static const struct library_symbol symbols[] = {
		SYMBOL(cuda_compiler, "nvrtc", GetErrorString, ""),
		SYMBOL(cuda_compiler, "nvrtc", CreateProgram, ""),
		SYMBOL(cuda_compiler, "nvrtc", DestroyProgram, ""),
		SYMBOL(cuda_compiler, "nvrtc", CompileProgram, ""),
		SYMBOL(cuda_compiler, "nvrtc", GetProgramLogSize, ""),
		SYMBOL(cuda_compiler, "nvrtc", GetProgramLog, ""),
		SYMBOL(cuda_compiler, "nvrtc", GetPTXSize, ""),
		SYMBOL(cuda_compiler, "nvrtc", GetPTX, ""),
		SYMBOL(cuda_compiler, "nvrtc", GetCUBINSize, ""),
		SYMBOL(cuda_compiler, "nvrtc", GetCUBIN, ""),
	};
	void *library;
	int r;

	if (c->has_compiler)
		return 0;
	library = library_open(names, err);
	r = library ? library_symbols(library, "libnvrtc", symbols, ARRAY_SIZE(symbols), &c->rtc, err)
	            : -ENOTSUP;
	c->has_compiler = r == 0;
	return r;
}

static int load_blas(struct cuda *c, struct ofbc_error *err)
{
	static const char *const names[] = {"libcublas.so.13", "libcublas.so.12", NULL};
	static const struct library_symbol symbols[] = {
		SYMBOL(cuda_blas, "cublas", Create, "_v2"),
		SYMBOL(cuda_blas, "cublas", Destroy, "_v2"),
		SYMBOL(cuda_blas, "cublas", GetVersion, "_v2"),
		SYMBOL(cuda_blas, "cublas", GemmEx, ""),
	};
	void *library = c->blas_handle ? NULL : library_open(names, err);
	int r, version = 0;

	if (c->blas_handle)
		return 0;
	r = library ? library_symbols(library, "libcublas", symbols, ARRAY_SIZE(symbols), &c->blas, err)
	            : -ENOTSUP;
	if (r == 0 && (r = c->blas.Create(&c->blas_handle)) != 0)
		r = error_set(err, EIO, OFBC_REASON_FAILED, "cuBLAS cannot be started: status %d", r);
	if (r < 0)
		return r;
	(void)c->blas.GetVersion(c->blas_handle, &version);
	snprintf(c->blas_name, sizeof(c->blas_name), "cuBLAS %d", version);
	return 0;
}

static int load_fft(struct cuda *c, struct ofbc_error *err)
{
	static const char *const names[] = {"libcufft.so.12", "libcufft.so.11", NULL};
	static const struct library_symbol symbols[] = {
		SYMBOL(cuda_fft, "cufft", Plan1d, ""),
		SYMBOL(cuda_fft, "cufft", Destroy, ""),
		SYMBOL(cuda_fft, "cufft", ExecC2C, ""),
		SYMBOL(cuda_fft, "cufft", ExecZ2Z, ""),
	};
	void *library = c->has_fft ? NULL : library_open(names, err);
	int r;

	if (c->has_fft)
		return 0;
	r = library ? library_symbols(library, "libcufft", symbols, ARRAY_SIZE(symbols), &c->fft, err)
	            : -ENOTSUP;
	c->has_fft = r == 0;
	return r;
}

/* --- the device --- */

static void cuda_close(struct device *d)
{
	struct cuda *c = cuda_of(d);

	if (c->blas_handle)
		(void)c->blas.Destroy(c->blas_handle);
	if (c->has_context)
		(void)c->cu.PrimaryCtxRelease(c->device);
	free(c);
}

static int choose(struct cuda *c, const char *which, struct ofbc_error *err)
{
	int n = 0, r = failed(c, c->cu.DeviceGetCount(&n), "counting the devices", err);
	uint32_t number;
	char name[128];

	if (r < 0)
		return r;
	if (!which)
		return n ? c->cu.DeviceGet(&c->device, 0)
		         : error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "the CUDA driver shows no device");
	if (parse_u32(which, &number) == 0 && number < (uint32_t)n)
		return c->cu.DeviceGet(&c->device, (int)number);
	for (int i = 0; i < n; i++) {
		if (c->cu.DeviceGet(&c->device, i) == 0 &&
		    c->cu.DeviceGetName(name, sizeof(name), c->device) == 0 && strcasestr(name, which))
			return 0;
	}
	error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "no CUDA device '%s'", which);
	error_hint(err, "there are %d, from 0; or name a part of a device's name", n);
	return -ENODEV;
}

/* Two transfers a clock. */
static double memory_rate(struct cuda *c)
{
	int khz = 0, bits = 0;

	(void)c->cu.DeviceGetAttribute(&khz, CUDA_ATTRIBUTE_MEMORY_KHZ, c->device);
	(void)c->cu.DeviceGetAttribute(&bits, CUDA_ATTRIBUTE_MEMORY_BITS, c->device);
	return khz > 0 && bits > 0 ? 2e3 * khz * bits / 8 : NAN;
}

/* What was asked for is a MIG instance: then the UUID that is seen is one of those. */
static void describe_partition(struct device_info *info)
{
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");

	if (visible && strncmp(visible, "MIG-", 4) == 0 && info->id[0])
		snprintf(info->partition, sizeof(info->partition), "MIG-%s", info->id);
}

static void describe(struct cuda *c)
{
	struct device_info *info = &c->d.info;
	unsigned char u[16] = {0};
	size_t bytes = 0;
	int version = 0, units = 0, threads = 256;

	(void)c->cu.DriverGetVersion(&version);
	(void)c->cu.DeviceGetAttribute(&threads, CUDA_ATTRIBUTE_GROUP_MAX, c->device);
	(void)c->cu.DeviceGetAttribute(&units, CUDA_ATTRIBUTE_MULTIPROCESSORS, c->device);
	(void)c->cu.DeviceGetAttribute(&c->major, CUDA_ATTRIBUTE_MAJOR, c->device);
	(void)c->cu.DeviceGetAttribute(&c->minor, CUDA_ATTRIBUTE_MINOR, c->device);
	(void)c->cu.DeviceTotalMem(&bytes, c->device);
	(void)c->cu.DeviceGetName(info->name, sizeof(info->name), c->device);
	snprintf(info->api, sizeof(info->api), "cuda");
	snprintf(info->platform, sizeof(info->platform), "CUDA %d.%d", version / 1000, version % 1000 / 10);
	info->units = (unsigned)units;
	info->group_max = threads > 0 ? (unsigned)threads : 1;
	info->memory_bytes = bytes;
	info->memory_rate = memory_rate(c);
	info->is_gpu = info->has_fp64 = true;
	if (c->cu.DeviceGetUuid(u, c->device) == 0)
		snprintf(info->id, sizeof(info->id),
		         "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		         u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		         u[15]);
	describe_partition(info);
}

static int start(struct cuda *c, const char *which, struct ofbc_error *err)
{
	void *context = NULL;
	int r = load_driver(&c->cu, err), code;

	if (r < 0)
		return r;
	code = c->cu.Init(0);
	if (code == CUDA_NO_DEVICE) {
		error_set(err, ENODEV, OFBC_REASON_NOT_FOUND, "the CUDA driver shows no device");
		error_hint(err, "look at `nvidia-smi` and at CUDA_VISIBLE_DEVICES");
		return -ENODEV;
	}
	r = failed(c, code, "starting the CUDA driver", err);
	if (r == 0)
		r = choose(c, which, err);
	if (r == 0)
		r = failed(c, c->cu.PrimaryCtxRetain(&context, c->device), "making a context", err);
	if (r < 0)
		return r;
	c->has_context = true;
	describe(c);
	return failed(c, c->cu.CtxSetCurrent(context), "using the context", err);
}

/* --- memory --- */

static int cuda_alloc(struct device *d, size_t size, device_buffer *ret, struct ofbc_error *err)
{
	struct cuda *c = cuda_of(d);
	cuda_pointer p = 0;
	char what[64], text[32];
	int r;

	size_format(size, text, sizeof(text));
	snprintf(what, sizeof(what), "allocating %s on the device", text);
	r = failed(c, c->cu.MemAlloc(&p, size), what, err);
	if (r == 0)
		*ret = (device_buffer)(uintptr_t)p;
	return r;
}

static void cuda_release(struct device *d, device_buffer b)
{
	if (b)
		(void)cuda_of(d)->cu.MemFree(address(b));
}

static int cuda_host_alloc(struct device *d, size_t size, void **ret, struct ofbc_error *err)
{
	return failed(cuda_of(d), cuda_of(d)->cu.MemHostAlloc(ret, size, 0), "allocating pinned memory", err);
}

static void cuda_host_release(struct device *d, void *p)
{
	if (p)
		(void)cuda_of(d)->cu.MemFreeHost(p);
}

static int cuda_write(struct device *d, device_buffer to, size_t offset, const void *from, size_t size,
                      struct ofbc_error *err)
{
	return failed(cuda_of(d), cuda_of(d)->cu.MemcpyHtoD(address(to) + offset, from, size),
	              "copying to the device", err);
}

static int cuda_read(struct device *d, void *to, device_buffer from, size_t offset, size_t size,
                     struct ofbc_error *err)
{
	return failed(cuda_of(d), cuda_of(d)->cu.MemcpyDtoH(to, address(from) + offset, size),
	              "copying from the device", err);
}

static int cuda_copy(struct device *d, device_buffer to, device_buffer from, size_t size,
                     struct ofbc_error *err)
{
	return failed(cuda_of(d), cuda_of(d)->cu.MemcpyDtoDAsync(address(to), address(from), size, NULL),
	              "copying on the device", err);
}

/* --- kernels --- */

static int compile_failed(struct cuda *c, void *program, int code, struct ofbc_error *err)
{
	_cleanup_free_ char *log = NULL;
	size_t size = 0;

	if (c->rtc.GetProgramLogSize(program, &size) == 0 && size > 1)
		log = calloc(1, size + 1);
	if (log)
		(void)c->rtc.GetProgramLog(program, log);
	return error_set(err, EIO, OFBC_REASON_FAILED, "a kernel cannot be compiled: %s: %.*s",
	                 c->rtc.GetErrorString(code), LOG_SHOWN, log ? log : "");
}

/* Machine code of this very device; where the compiler is older than that, PTX, which the driver translates.
 */
static int compile(struct cuda *c, void *program, char **ret, struct ofbc_error *err)
{
	static const char ptx_for[] = "--gpu-architecture=compute_80";
	char sm[64];
	const char *const exact[] = {sm}, *const portable[] = {ptx_for};
	_cleanup_free_ char *image = NULL;
	size_t size = 0;
	bool is_exact;
	int code;

	snprintf(sm, sizeof(sm), "--gpu-architecture=sm_%d%d", c->major, c->minor);
	code = c->rtc.CompileProgram(program, 1, exact);
	is_exact = code == 0;
	if (code)
		code = c->rtc.CompileProgram(program, 1, portable);
	if (code)
		return compile_failed(c, program, code, err);
	code = is_exact ? c->rtc.GetCUBINSize(program, &size) : c->rtc.GetPTXSize(program, &size);
	image = code ? NULL : malloc(size);
	if (image)
		code = is_exact ? c->rtc.GetCUBIN(program, image) : c->rtc.GetPTX(program, image);
	if (code || !image)
		return error_set(err, EIO, OFBC_REASON_FAILED, "the compiler gives no code: %s",
		                 c->rtc.GetErrorString(code));
	*ret = steal_ptr(image);
	return 0;
}

static int compile_text(struct cuda *c, const char *text, char **ret, struct ofbc_error *err)
{
	void *program = NULL;
	int r = c->rtc.CreateProgram(&program, text, "workload.cu", 0, NULL, NULL);

	if (r)
		return error_set(err, EIO, OFBC_REASON_FAILED, "the compiler takes no source: %s",
		                 c->rtc.GetErrorString(r));
	r = compile(c, program, ret, err);
	(void)c->rtc.DestroyProgram(&program);
	return r;
}

static int cuda_build(struct device *d, const char *const *sources, struct device_program **ret,
                      struct ofbc_error *err)
{
	struct cuda *c = cuda_of(d);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);
	_cleanup_free_ struct device_program *p = calloc(1, sizeof(*p));
	_cleanup_free_ char *image = NULL;
	int r = load_compiler(c, err);

	for (; *sources; sources++)
		strbuf_add(&text, *sources);
	if (r == 0 && (!p || text.err))
		r = error_set_errno(err, ENOMEM, "a kernel");
	if (r == 0)
		r = compile_text(c, strbuf_str(&text), &image, err);
	if (r == 0)
		r = failed(c, c->cu.ModuleLoadData(&p->module, image), "loading a kernel", err);
	if (r == 0)
		*ret = steal_ptr(p);
	return r;
}

static void cuda_unbuild(struct device *d, struct device_program *p)
{
	if (p)
		(void)cuda_of(d)->cu.ModuleUnload(p->module);
	free(p);
}

static int cuda_bind(struct device *d, struct device_program *p, const char *kernel, struct extent extent,
                     const struct argument *arguments, size_t n, struct device_call **ret,
                     struct ofbc_error *err)
{
	struct cuda *c = cuda_of(d);
	_cleanup_free_ struct device_call *call = calloc(1, sizeof(*call));
	int r;

	if (!call || n > CALL_ARGUMENTS_MAX)
		return error_set_errno(err, call ? E2BIG : ENOMEM, "kernel '%s'", kernel);
	call->extent = extent;
	call->n = n;
	for (size_t i = 0; i < n; i++) {
		cuda_pointer pointer = address(arguments[i].buffer);
		bool is_value = arguments[i].value != NULL;

		call->sizes[i] = is_value ? arguments[i].size : sizeof(pointer);
		memcpy(&call->values[i], is_value ? arguments[i].value : &pointer, call->sizes[i]);
		call->pointers[i] = &call->values[i];
	}
	r = failed(c, c->cu.ModuleGetFunction(&call->function, p->module, kernel), kernel, err);
	if (r == 0)
		*ret = steal_ptr(call);
	return r;
}

static void cuda_unbind(struct device *d, struct device_call *call)
{
	(void)d;
	free(call);
}

static int cuda_set(struct device_call *call, unsigned index, const void *value, struct ofbc_error *err)
{
	(void)err;
	memcpy(&call->values[index], value, call->sizes[index]);
	return 0;
}

static int cuda_launch(struct device *d, struct device_call *call, struct ofbc_error *err)
{
	struct cuda *c = cuda_of(d);
	const struct extent *e = &call->extent;
	int code = c->cu.LaunchKernel(call->function, e->groups_x, e->groups_y, 1, e->group_x, e->group_y, 1,
	                              0, NULL, call->pointers, NULL);

	return code ? failed(c, code, "launching a kernel", err) : 0;
}

static int cuda_finish(struct device *d, struct ofbc_error *err)
{
	return failed(cuda_of(d), cuda_of(d)->cu.CtxSynchronize(), "waiting for the device", err);
}

/* --- libraries --- */

static const char *cuda_product_library(struct device *d, enum precision precision, struct ofbc_error *why)
{
	(void)precision; /* cuBLAS has all of them */
	return load_blas(cuda_of(d), why) == 0 ? cuda_of(d)->blas_name : NULL;
}

static int cuda_product(struct device *d, const struct product *p, struct ofbc_error *err)
{
	static const struct {
		int type, compute;
	} kinds[PRECISION_COUNT] = {
		[PRECISION_FP32] = {CUDA_R_32F, CUBLAS_COMPUTE_32F},
		[PRECISION_FP64] = {CUDA_R_64F, CUBLAS_COMPUTE_64F},
		[PRECISION_TF32] = {CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32},
		[PRECISION_BF16] = {CUDA_R_16BF, CUBLAS_COMPUTE_32F},
	};
	static const size_t sizes[] = {[CUDA_R_32F] = 4, [CUDA_R_64F] = 8, [CUDA_R_16BF] = 2};
	const float alpha = (float)p->alpha, beta = (float)p->beta;
	struct cuda *c = cuda_of(d);
	bool is_double = p->precision == PRECISION_FP64;
	int type = kinds[p->precision].type, m = (int)p->m, n = (int)p->n, k = (int)p->k, code;
	cuda_pointer a = address(p->a) + p->first_a * sizes[type];

	/* cuBLAS counts columns first: C' = B' * A' is the same memory */
	code = c->blas.GemmEx(c->blas_handle, p->transposed_b, p->transposed_a, n, m, k,
	                      is_double ? (const void *)&p->alpha : &alpha, p->b, type,
	                      p->transposed_b ? k : n, (const void *)(uintptr_t)a, type,
	                      p->transposed_a ? m : k, is_double ? (const void *)&p->beta : &beta, p->c, type,
	                      n, kinds[p->precision].compute, CUBLAS_DEFAULT_ALGORITHM);
	return code ? error_set(err, EIO, OFBC_REASON_FAILED, "cuBLAS: status %d", code) : 0;
}

static const char *cuda_transform_library(struct device *d, enum precision precision, struct ofbc_error *why)
{
	(void)precision;
	return load_fft(cuda_of(d), why) == 0 ? "cuFFT" : NULL;
}

static int cuda_transform(struct device *d, struct transform *t, struct ofbc_error *err)
{
	struct cuda *c = cuda_of(d);
	bool is_double = t->precision == PRECISION_FP64;
	int *plan = t->plan, code;

	if (!plan) {
		plan = t->plan = malloc(sizeof(*plan));
		code = plan ? c->fft.Plan1d(plan, (int)t->n, is_double ? CUFFT_Z2Z : CUFFT_C2C, (int)t->batch)
		            : -ENOMEM;
		if (code) {
			free(steal_ptr(t->plan));
			return error_set(err, EIO, OFBC_REASON_FAILED, "cuFFT makes no plan: status %d",
			                 code);
		}
	}
	code = is_double ? c->fft.ExecZ2Z(*plan, t->in, t->out, CUFFT_FORWARD)
	                 : c->fft.ExecC2C(*plan, t->in, t->out, CUFFT_FORWARD);
	return code ? error_set(err, EIO, OFBC_REASON_FAILED, "cuFFT: status %d", code) : 0;
}

static void cuda_transform_done(struct device *d, struct transform *t)
{
	if (t->plan)
		(void)cuda_of(d)->fft.Destroy(*(int *)t->plan);
	free(steal_ptr(t->plan));
}

static const struct device_ops cuda_ops = {
	.close = cuda_close,
	.alloc = cuda_alloc,
	.release = cuda_release,
	.host_alloc = cuda_host_alloc,
	.host_release = cuda_host_release,
	.write = cuda_write,
	.read = cuda_read,
	.copy = cuda_copy,
	.build = cuda_build,
	.unbuild = cuda_unbuild,
	.bind = cuda_bind,
	.unbind = cuda_unbind,
	.set = cuda_set,
	.launch = cuda_launch,
	.finish = cuda_finish,
	.product_library = cuda_product_library,
	.product = cuda_product,
	.transform_library = cuda_transform_library,
	.transform = cuda_transform,
	.transform_done = cuda_transform_done,
};

int cuda_open(const char *which, struct device **ret, struct ofbc_error *err)
{
	struct cuda *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return error_set_errno(err, ENOMEM, "CUDA");
	c->d.ops = &cuda_ops;
	r = start(c, which, err);
	if (r < 0)
		cuda_close(&c->d);
	else
		*ret = &c->d;
	return r;
}
