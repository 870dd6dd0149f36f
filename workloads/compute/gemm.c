/* SPDX-License-Identifier: MIT */
/* Product of two square matrices: cuBLAS or CLBlast where they are, or the kernel of kernels/product.cl. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "source.h"
#include "workload.h"

#define SAMPLES    256
#define SOURCE_MAX (64u << 10)

struct gemm {
	struct product p;
	void *a, *b, *c;      /* on the host */
	struct kernel kernel; /* empty: the library does it */
};

static const struct parameter parameters[] = {
	{.name = "size",
         .value = "4096",
         .min = 16,
         .max = 32768,
         .help = "rows and columns of the matrices"},
	{.name = "precision", .value = "fp32", .choices = "fp32|fp64|tf32|bf16", .help = "of the numbers"},
	{.name = "kernel", .value = "auto", .choices = "auto|library|own", .help = "whose code"},
	{0},
};

static int choose_kernel(struct job *j, struct gemm *g, bool *ret_library, struct ofbc_error *err)
{
	bool has_own = g->p.precision == PRECISION_FP32 || g->p.precision == PRECISION_FP64;
	const char *library;

	if (kernel_choice(j, j->d->ops->product_library, g->p.precision, has_own, &library, err) < 0)
		return -ENOTSUP;
	*ret_library = library != NULL;
	snprintf(j->how, sizeof(j->how), "%s", library ? library : "own kernel");
	return 0;
}

static int build(struct job *j, struct gemm *g, struct ofbc_error *err)
{
	struct product_shape shape = {
		.name = "product",
		.m = g->p.m,
		.n = g->p.n,
		.k = g->p.k,
		.parameters = ", GLOBAL real *RESTRICT c",
		.first_a = "0",
		.store = "(c[(i) * SIZE_N + (j)] = (sum))",
	};
	const struct argument arguments[] = {ARG_BUFFER(g->p.a), ARG_BUFFER(g->p.b), ARG_BUFFER(g->p.c)};
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);

	product_choose_tiles(&shape, g->p.precision, &j->d->info);
	source_add_product(&text, &shape);
	return kernel_open(j->d, g->p.precision, &text, shape.name, product_extent(&shape), arguments,
	                   ARRAY_SIZE(arguments), &g->kernel, err);
}

static int gemm_open(struct job *j, struct ofbc_error *err)
{
	struct gemm *g = j->state = calloc(1, sizeof(*g));
	unsigned n = (unsigned)option_number(j->o, "size");
	size_t count = (size_t)n * n, size;
	bool is_library = false;
	int r;

	if (!g)
		return error_set_errno(err, ENOMEM, "gemm");
	g->p = (struct product){.precision = (enum precision)option_number(j->o, "precision"),
	                        .m = n,
	                        .n = n,
	                        .k = n,
	                        .alpha = 1};
	size = count * precision_size(g->p.precision);
	r = choose_kernel(j, g, &is_library, err);
	if (r < 0)
		return r;
	g->a = malloc(size);
	g->b = malloc(size);
	g->c = malloc(size);
	if (!g->a || !g->b || !g->c)
		return error_set_errno(err, ENOMEM, "three matrices of %zu MiB", size >> 20);
	random_fill(g->p.precision, 1, 0, g->a, count);
	random_fill(g->p.precision, 2, 0, g->b, count);
	r = device_upload(j->d, g->a, size, &g->p.a, err);
	if (r == 0)
		r = device_upload(j->d, g->b, size, &g->p.b, err);
	if (r == 0)
		r = j->d->ops->alloc(j->d, size, &g->p.c, err);
	if (r == 0 && !is_library)
		r = build(j, g, err);
	j->work = j->flop = 2.0 * n * n * n;
	j->bytes = 3.0 * (double)size;
	return r;
}

static int multiply(struct job *j, struct ofbc_error *err)
{
	struct gemm *g = j->state;

	return g->kernel.call ? j->d->ops->launch(j->d, g->kernel.call, err)
	                      : j->d->ops->product(j->d, &g->p, err);
}

static int gemm_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++)
		r = multiply(j, err);
	return r == 0 ? j->d->ops->finish(j->d, err) : r;
}

/* The error of a sum of k products of random signs, relative to the sum of their absolute values. In full
 * precision it is that of adding; in reduced precision that of the factors or of the result, which is smaller
 * the more of them there are. */
static double error_bound(enum precision p, unsigned k)
{
	bool is_reduced = p == PRECISION_TF32 || p == PRECISION_BF16;

	return is_reduced ? 16 * precision_unit(p) / sqrt(k) : 4 * precision_unit(p) * sqrt(k);
}

static void check_element(const struct gemm *g, size_t row, size_t column, struct check *c)
{
	double sum = 0, absolute = 0;

	for (size_t k = 0; k < g->p.k; k++) {
		double term = number_at(g->p.precision, g->a, row * g->p.k + k) *
		              number_at(g->p.precision, g->b, k * g->p.n + column);

		sum += term;
		absolute += fabs(term);
	}
	check_value(c, number_at(g->p.precision, g->c, row * g->p.n + column), sum, absolute);
}

/* Elements at random places, and the four corners. The result is overwritten first, so that it cannot be an
 * old one. */
static int gemm_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct gemm *g = j->state;
	size_t n = g->p.n, size = n * n * precision_size(g->p.precision);
	int r;

	memset(g->c, 0xff, size);
	r = j->d->ops->write(j->d, g->p.c, 0, g->c, size, err);
	if (r == 0)
		r = multiply(j, err);
	if (r == 0)
		r = j->d->ops->read(j->d, g->c, g->p.c, 0, size, err);
	if (r < 0)
		return r;
	snprintf(ret->what, sizeof(ret->what), "sampled elements against double precision");
	ret->bound = error_bound(g->p.precision, g->p.k);
	for (size_t i = 0; i < SAMPLES; i++)
		check_element(g, (size_t)((random_at(3, i) + 1) / 2 * (double)n),
		              (size_t)((random_at(4, i) + 1) / 2 * (double)n), ret);
	for (size_t i = 0; i < 4; i++)
		check_element(g, i & 1 ? n - 1 : 0, i & 2 ? n - 1 : 0, ret);
	return 0;
}

static void gemm_close(struct job *j)
{
	struct gemm *g = j->state;

	if (!g)
		return;
	kernel_close(j->d, &g->kernel);
	j->d->ops->release(j->d, g->p.a);
	j->d->ops->release(j->d, g->p.b);
	j->d->ops->release(j->d, g->p.c);
	free(g->a);
	free(g->b);
	free(g->c);
	free(g);
}

const struct workload workload_gemm = {
	.name = "gemm",
	.summary = "product of two square matrices",
	.unit = "FLOP",
	.parameters = parameters,
	.open = gemm_open,
	.check = gemm_check,
	.run = gemm_run,
	.close = gemm_close,
};
