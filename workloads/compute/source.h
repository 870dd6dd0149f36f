/* SPDX-License-Identifier: MIT */
/* The kernels' texts (workloads/kernels), and building programs of them. */
#pragma once

#include "base/strbuf.h"
#include "device.h"

extern const char source_common[], source_product[], source_mlp[], source_stream[], source_launch[],
	source_fft[], source_nbody[], source_spmv[], source_peak[];

/* A program with one kernel of it, bound to its arguments. */
struct kernel {
	struct device_program *program;
	struct device_call *call;
};

/* Definitions that stand before kernels/product.cl. */
struct product_shape {
	const char *name;
	unsigned m, n, k;
	unsigned tile_m, tile_n, tile_k, per_m, per_n;
	bool transposed_a, transposed_b;
	const char *parameters, *first_a, *store;
};

void source_add_product(struct strbuf *to, const struct product_shape *s);
/* Tiles as large as still leave every unit of the device a group; 256 threads. */
void product_choose_tiles(struct product_shape *s, enum precision p, const struct device_info *d);
struct extent product_extent(const struct product_shape *s);
/* The common header, and `text` behind it. */
int source_build(struct device *d, enum precision p, const struct strbuf *text, struct device_program **ret,
                 struct ofbc_error *err);
int kernel_open(struct device *d, enum precision p, const struct strbuf *text, const char *name,
                struct extent extent, const struct argument *arguments, size_t n, struct kernel *ret,
                struct ofbc_error *err);
void kernel_close(struct device *d, struct kernel *k);
/* n times, and waits for the last one. */
int kernel_repeat(struct device *d, const struct kernel *k, unsigned n, struct ofbc_error *err);
