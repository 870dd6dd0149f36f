/* SPDX-License-Identifier: MIT */
/* Fourier transforms of many rows: cuFFT where it is, or the kernel of kernels/fft.cl. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "source.h"
#include "workload.h"

#define GROUP_MAX  256
#define OWN_MAX    1024 /* two rows of double precision fit into 32 KiB */
#define SAMPLES    128
#define SOURCE_MAX (16u << 10)

struct fft {
	struct transform t;
	size_t size; /* bytes of all rows */
	void *in, *out;
	device_buffer roots;
	struct kernel kernel; /* empty: the library does it */
};

static const struct parameter parameters[] = {
	{.name = "size",
         .value = "1024",
         .min = 8,
         .max = 1 << 20,
         .help = "complex numbers in a row, a power of two"},
	{.name = "batch", .value = "16K", .min = 1, .max = 1 << 24, .help = "rows"},
	{.name = "precision", .value = "fp32", .choices = "fp32|fp64", .help = "of the numbers"},
	{.name = "kernel", .value = "auto", .choices = "auto|library|own", .help = "whose code"},
	{0},
};

static int upload_roots(struct job *j, struct fft *f, struct ofbc_error *err)
{
	size_t half = f->t.n / 2;
	bool is_double = f->t.precision == PRECISION_FP64;
	_cleanup_free_ void *roots = malloc(2 * half * precision_size(f->t.precision));

	if (!roots)
		return error_set_errno(err, ENOMEM, "roots of unity");
	for (size_t i = 0; i < 2 * half; i++) {
		double angle = -2 * M_PI * (double)(i / 2) / f->t.n, v = i % 2 ? sin(angle) : cos(angle);

		if (is_double)
			((double *)roots)[i] = v;
		else
			((float *)roots)[i] = (float)v;
	}
	return device_upload(j->d, roots, 2 * half * precision_size(f->t.precision), &f->roots, err);
}

static int build(struct job *j, struct fft *f, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);
	unsigned group = f->t.n / 2 < GROUP_MAX ? f->t.n / 2 : GROUP_MAX;
	int r = upload_roots(j, f, err);
	const struct argument arguments[] = {ARG_BUFFER(f->t.in), ARG_BUFFER(f->t.out), ARG_BUFFER(f->roots)};

	if (r < 0)
		return r;
	strbuf_addf(&text, "#define SIZE %uu\n#define GROUP %uu\n", f->t.n, group);
	strbuf_add(&text, source_fft);
	return kernel_open(j->d, f->t.precision, &text, "fft", (struct extent){f->t.batch, 1, group, 1},
	                   arguments, ARRAY_SIZE(arguments), &f->kernel, err);
}

static int choose_kernel(struct job *j, struct fft *f, bool *ret_library, struct ofbc_error *err)
{
	const char *library;

	if (kernel_choice(j, j->d->ops->transform_library, f->t.precision, f->t.n <= OWN_MAX, &library, err) <
	    0)
		return -ENOTSUP;
	*ret_library = library != NULL;
	snprintf(j->how, sizeof(j->how), "%s", library ? library : "own kernel");
	return 0;
}

static int fft_open(struct job *j, struct ofbc_error *err)
{
	struct fft *f = j->state = calloc(1, sizeof(*f));
	bool is_library = false;
	int r;

	if (!f)
		return error_set_errno(err, ENOMEM, "fft");
	f->t = (struct transform){.precision = (enum precision)option_number(j->o, "precision"),
	                          .n = (unsigned)option_number(j->o, "size"),
	                          .batch = (unsigned)option_number(j->o, "batch")};
	if (f->t.n & (f->t.n - 1)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%u' is no value of --size", f->t.n);
		error_hint(err, "valid: powers of two, as 256 or 1024");
		return -EINVAL;
	}
	r = choose_kernel(j, f, &is_library, err);
	if (r < 0)
		return r;
	f->size = 2 * precision_size(f->t.precision) * f->t.n * f->t.batch;
	f->in = malloc(f->size);
	f->out = malloc(f->size);
	if (!f->in || !f->out)
		return error_set_errno(err, ENOMEM, "%u rows", f->t.batch);
	random_fill(f->t.precision, 51, 0, f->in, 2 * (size_t)f->t.n * f->t.batch);
	r = device_upload(j->d, f->in, f->size, &f->t.in, err);
	if (r == 0)
		r = j->d->ops->alloc(j->d, f->size, &f->t.out, err);
	j->work = j->flop = 5.0 * f->t.n * log2(f->t.n) * f->t.batch;
	j->bytes = 2.0 * (double)f->size;
	return r == 0 && !is_library ? build(j, f, err) : r;
}

static int transform(struct job *j, struct ofbc_error *err)
{
	struct fft *f = j->state;

	return f->kernel.call ? j->d->ops->launch(j->d, f->kernel.call, err)
	                      : j->d->ops->transform(j->d, &f->t, err);
}

static int fft_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++)
		r = transform(j, err);
	return r == 0 ? j->d->ops->finish(j->d, err) : r;
}

/* One number of the transform by the definition; relative to the root of the sum of squares, which is its
 * typical size. */
static void check_number(const struct fft *f, size_t row, size_t k, struct check *c)
{
	long double re = 0, im = 0; /* the sum of so many terms is to be better than what it judges */
	double squares = 0;
	size_t first = 2 * row * f->t.n;

	for (size_t i = 0; i < f->t.n; i++) {
		double angle = -2 * M_PI * (double)(i * k % f->t.n) / f->t.n, co = cos(angle),
		       si = sin(angle);
		double a = number_at(f->t.precision, f->in, first + 2 * i);
		double b = number_at(f->t.precision, f->in, first + 2 * i + 1);

		re += a * co - b * si;
		im += a * si + b * co;
		squares += a * a + b * b;
	}
	check_value(c, number_at(f->t.precision, f->out, first + 2 * k), (double)re, sqrt(squares));
	check_value(c, number_at(f->t.precision, f->out, first + 2 * k + 1), (double)im, sqrt(squares));
}

static int fft_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct fft *f = j->state;
	int r;

	memset(f->out, 0xff, f->size);
	r = j->d->ops->write(j->d, f->t.out, 0, f->out, f->size, err);
	if (r == 0)
		r = transform(j, err);
	if (r == 0)
		r = j->d->ops->read(j->d, f->out, f->t.out, 0, f->size, err);
	snprintf(ret->what, sizeof(ret->what), "sampled numbers against the definition in double precision");
	ret->bound = 8 * precision_unit(f->t.precision) * log2(f->t.n);
	for (size_t i = 0; r == 0 && i < SAMPLES; i++)
		check_number(f, (size_t)((random_at(52, i) + 1) / 2 * f->t.batch),
		             (size_t)((random_at(53, i) + 1) / 2 * f->t.n), ret);
	return r;
}

static void fft_close(struct job *j)
{
	struct fft *f = j->state;

	if (!f)
		return;
	if (f->t.plan)
		j->d->ops->transform_done(j->d, &f->t);
	kernel_close(j->d, &f->kernel);
	j->d->ops->release(j->d, f->t.in);
	j->d->ops->release(j->d, f->t.out);
	j->d->ops->release(j->d, f->roots);
	free(f->in);
	free(f->out);
	free(f);
}

const struct workload workload_fft = {
	.name = "fft",
	.summary = "Fourier transforms of many rows",
	.unit = "FLOP",
	.parameters = parameters,
	.open = fft_open,
	.check = fft_check,
	.run = fft_run,
	.close = fft_close,
};
