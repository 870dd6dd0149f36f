/* SPDX-License-Identifier: MIT */
/*
 * What a workload needs of a GPU, and nothing more: memory, copies, kernels from one source text, and a
 * library's matrix product and Fourier transform where there is one. Two implementations, CUDA and OpenCL;
 * both are loaded at run time, so that the program starts on a machine that has neither and says what is
 * missing.
 *
 * Work is done in the order in which it was asked for; a copy has been made when it returns, a launch has
 * not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openforbc/error.h"

#define CALL_ARGUMENTS_MAX 12

enum precision { PRECISION_FP32, PRECISION_FP64, PRECISION_TF32, PRECISION_BF16, PRECISION_COUNT };

struct device_info {
	char api[16]; /* "cuda" or "opencl" */
	char name[128];
	char platform[128]; /* driver and its version */
	char id[64];        /* UUID, as the tools of the vendor print it; "" unknown */
	char partition[80]; /* id of the part of a GPU that this is; "" none, or unknown */
	unsigned units;     /* multiprocessors, compute units */
	unsigned group_max; /* threads of a group */
	uint64_t memory_bytes;
	unsigned vector_bytes; /* that a thread computes with at once; 0 unknown */
	double memory_rate;    /* B/s by its clock and width; NAN unknown */
	bool is_gpu, has_fp64;
};

struct device {
	const struct device_ops *ops;
	struct device_info info;
};

typedef struct device_buffer *device_buffer; /* belongs to the device; NULL none */
struct device_program;
struct device_call;

/* How many groups of how many threads; y is 1 where there is one dimension only. */
struct extent {
	unsigned groups_x, groups_y, group_x, group_y;
};

/* A kernel's argument: a buffer, or a number by its address. */
struct argument {
	device_buffer buffer;
	const void *value;
	size_t size;
};
#define ARG_BUFFER(b) ((struct argument){.buffer = (b)})
#define ARG_VALUE(v)  ((struct argument){.value = &(v), .size = sizeof(v)})

/* C = alpha * A * B + beta * C, row by row in memory without gaps; a transposed one lies there column by
 * column. */
struct product {
	enum precision precision;
	unsigned m, n, k;
	bool transposed_a, transposed_b;
	double alpha, beta;
	size_t first_a; /* element where A begins */
	device_buffer a, b, c;
};

/* A transform of `batch` rows of n complex numbers, forward, from one buffer to the other. */
struct transform {
	enum precision precision;
	unsigned n, batch;
	device_buffer in, out;
	void *plan; /* the library's own; NULL before the first */
};

/* All return 0 or a negative errno with *err filled. */
struct device_ops {
	void (*close)(struct device *d);
	int (*alloc)(struct device *d, size_t size, device_buffer *ret, struct ofbc_error *err);
	void (*release)(struct device *d, device_buffer b);
	/* Memory of the host that the device reads without a copy between. */
	int (*host_alloc)(struct device *d, size_t size, void **ret, struct ofbc_error *err);
	void (*host_release)(struct device *d, void *p);
	/* offset: into the device's buffer */
	int (*write)(struct device *d, device_buffer to, size_t offset, const void *from, size_t size,
	             struct ofbc_error *err);
	int (*read)(struct device *d, void *to, device_buffer from, size_t offset, size_t size,
	            struct ofbc_error *err);
	int (*copy)(struct device *d, device_buffer to, device_buffer from, size_t size,
	            struct ofbc_error *err);
	/* Source texts one after the other, the last one NULL; an error has the compiler's words. */
	int (*build)(struct device *d, const char *const *sources, struct device_program **ret,
	             struct ofbc_error *err);
	void (*unbuild)(struct device *d, struct device_program *p);
	/* A kernel with its arguments, ready to be launched many times. */
	int (*bind)(struct device *d, struct device_program *p, const char *kernel, struct extent extent,
	            const struct argument *arguments, size_t n, struct device_call **ret,
	            struct ofbc_error *err);
	void (*unbind)(struct device *d, struct device_call *c);
	/* Another number for an argument that is one; of the same size. */
	int (*set)(struct device_call *c, unsigned index, const void *value, struct ofbc_error *err);
	int (*launch)(struct device *d, struct device_call *c, struct ofbc_error *err);
	int (*finish)(struct device *d, struct ofbc_error *err);
	/* The library's name; NULL it is not there, and *why says so. */
	const char *(*product_library)(struct device *d, enum precision precision, struct ofbc_error *why);
	int (*product)(struct device *d, const struct product *p, struct ofbc_error *err);
	const char *(*transform_library)(struct device *d, enum precision precision, struct ofbc_error *why);
	int (*transform)(struct device *d, struct transform *t, struct ofbc_error *err);
	void (*transform_done)(struct device *d, struct transform *t);
};

/* `which`: number or part of a name; NULL the first GPU, else the first device. -ENODEV where there is none,
 * -ENOTSUP where the driver's library is missing. */
int cuda_open(const char *which, struct device **ret, struct ofbc_error *err);
int opencl_open(const char *which, struct device **ret, struct ofbc_error *err);
/* `api`: "auto" takes CUDA where it works, else OpenCL. */
int device_open(const char *api, const char *which, struct device **ret, struct ofbc_error *err);
void device_close(struct device *d);

/* Allocates and fills. */
int device_upload(struct device *d, const void *from, size_t size, device_buffer *ret,
                  struct ofbc_error *err);
size_t precision_size(enum precision p); /* bytes of a number */

static inline void device_close_p(struct device **d)
{
	device_close(*d);
}
#define _cleanup_device_ __attribute__((cleanup(device_close_p)))
