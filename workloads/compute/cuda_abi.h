/* SPDX-License-Identifier: MIT */
/*
 * The parts of NVIDIA's libraries that are called: the driver, NVRTC, cuBLAS and cuFFT. Own declarations of
 * public ABIs (LP64; enums are ints), so that nothing of CUDA is needed to build.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	CUDA_SUCCESS = 0,
	CUDA_OUT_OF_MEMORY = 2,
	CUDA_NO_DEVICE = 100,

	CUDA_ATTRIBUTE_GROUP_MAX = 1,
	CUDA_ATTRIBUTE_MULTIPROCESSORS = 16,
	CUDA_ATTRIBUTE_MEMORY_KHZ = 36,
	CUDA_ATTRIBUTE_MEMORY_BITS = 37,
	CUDA_ATTRIBUTE_MAJOR = 75,
	CUDA_ATTRIBUTE_MINOR = 76,

	CUDA_R_32F = 0,
	CUDA_R_64F = 1,
	CUDA_R_16BF = 14,

	CUBLAS_COMPUTE_32F = 68,
	CUBLAS_COMPUTE_64F = 70,
	CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
	CUBLAS_DEFAULT_ALGORITHM = -1,

	CUFFT_C2C = 0x29,
	CUFFT_Z2Z = 0x69,
	CUFFT_FORWARD = -1,
};

typedef uint64_t cuda_pointer;

struct cuda_driver {
	int (*Init)(unsigned flags);
	int (*DriverGetVersion)(int *version);
	int (*GetErrorName)(int error, const char **name);
	int (*DeviceGetCount)(int *n);
	int (*DeviceGet)(int *device, int ordinal);
	int (*DeviceGetName)(char *name, int size, int device);
	int (*DeviceGetUuid)(unsigned char uuid[16], int device);
	int (*DeviceTotalMem)(size_t *bytes, int device);
	int (*DeviceGetAttribute)(int *value, int attribute, int device);
	int (*PrimaryCtxRetain)(void **context, int device);
	int (*PrimaryCtxRelease)(int device);
	int (*CtxSetCurrent)(void *context);
	int (*CtxSynchronize)(void);
	int (*MemAlloc)(cuda_pointer *p, size_t size);
	int (*MemFree)(cuda_pointer p);
	int (*MemHostAlloc)(void **p, size_t size, unsigned flags);
	int (*MemFreeHost)(void *p);
	int (*MemcpyHtoD)(cuda_pointer to, const void *from, size_t size);
	int (*MemcpyDtoH)(void *to, cuda_pointer from, size_t size);
	int (*MemcpyDtoDAsync)(cuda_pointer to, cuda_pointer from, size_t size, void *stream);
	int (*ModuleLoadData)(void **module, const void *image);
	int (*ModuleUnload)(void *module);
	int (*ModuleGetFunction)(void **function, void *module, const char *name);
	int (*LaunchKernel)(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
	                    unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
	                    void *stream, void **arguments, void **extra);
};

struct cuda_compiler {
	const char *(*GetErrorString)(int error);
	int (*CreateProgram)(void **program, const char *source, const char *name, int n_headers,
	                     const char *const *headers, const char *const *names);
	int (*DestroyProgram)(void **program);
	int (*CompileProgram)(void *program, int n, const char *const *options);
	int (*GetProgramLogSize)(void *program, size_t *size);
	int (*GetProgramLog)(void *program, char *log);
	int (*GetPTXSize)(void *program, size_t *size);
	int (*GetPTX)(void *program, char *ptx);
	int (*GetCUBINSize)(void *program, size_t *size);
	int (*GetCUBIN)(void *program, char *cubin);
};

struct cuda_blas {
	int (*Create)(void **handle);
	int (*Destroy)(void *handle);
	int (*GetVersion)(void *handle, int *version);
	int (*GemmEx)(void *handle, int trans_a, int trans_b, int m, int n, int k, const void *alpha,
	              const void *a, int type_a, int lda, const void *b, int type_b, int ldb,
	              const void *beta, void *c, int type_c, int ldc, int compute, int algorithm);
};

struct cuda_fft {
	int (*Plan1d)(int *plan, int n, int type, int batch);
	int (*Destroy)(int plan);
	int (*ExecC2C)(int plan, void *in, void *out, int direction);
	int (*ExecZ2Z)(int plan, void *in, void *out, int direction);
};
