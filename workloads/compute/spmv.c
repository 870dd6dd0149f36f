/* SPDX-License-Identifier: MIT */
/* Product of a sparse matrix (CSR) and a vector: irregular access to memory. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "source.h"
#include "workload.h"

#define GROUP      256
#define LANES      8
#define SOURCE_MAX (16u << 10)

struct spmv {
	enum precision precision;
	uint32_t rows, mean, count;
	uint32_t *begins, *columns;
	void *values, *x, *y;
	device_buffer d_begins, d_columns, d_values, d_x, d_y;
	struct kernel kernel;
};

static const struct parameter parameters[] = {
	{.name = "rows", .value = "1M", .min = 64, .max = 64 << 20, .help = "and columns"},
	{.name = "per-row", .value = "32", .min = 1, .max = 1024, .help = "numbers in a row, on average"},
	{.name = "precision", .value = "fp64", .choices = "fp32|fp64", .help = "of the numbers"},
	{0},
};

/* Rows of one number to twice the mean; half of the columns near the diagonal, the rest anywhere. */
static int make_matrix(struct spmv *s)
{
	s->begins = malloc(((size_t)s->rows + 1) * sizeof(*s->begins));
	if (!s->begins)
		return -ENOMEM;
	s->begins[0] = 0;
	for (uint32_t i = 0; i < s->rows; i++)
		s->begins[i + 1] = s->begins[i] + 1 + (uint32_t)((random_at(41, i) + 1) * (s->mean - 0.5));
	s->count = s->begins[s->rows];
	s->columns = malloc(s->count * sizeof(*s->columns));
	s->values = malloc(s->count * precision_size(s->precision));
	s->x = malloc(s->rows * precision_size(s->precision));
	s->y = malloc(s->rows * precision_size(s->precision));
	if (!s->columns || !s->values || !s->x || !s->y)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->rows; i++) {
		for (uint32_t k = s->begins[i]; k < s->begins[i + 1]; k++) {
			double place = random_at(42, k);
			double column = k % 2 ? (place + 1) / 2 * s->rows : i + place * 4 * s->mean;

			s->columns[k] = (uint32_t)fmin(fmax(column, 0), s->rows - 1.0);
		}
	}
	random_fill(s->precision, 43, 0, s->values, s->count);
	random_fill(s->precision, 44, 0, s->x, s->rows);
	return 0;
}

static int upload(struct job *j, struct spmv *s, struct ofbc_error *err)
{
	size_t size = precision_size(s->precision);
	int r = device_upload(j->d, s->begins, ((size_t)s->rows + 1) * sizeof(*s->begins), &s->d_begins, err);

	if (r == 0)
		r = device_upload(j->d, s->columns, s->count * sizeof(*s->columns), &s->d_columns, err);
	if (r == 0)
		r = device_upload(j->d, s->values, s->count * size, &s->d_values, err);
	if (r == 0)
		r = device_upload(j->d, s->x, s->rows * size, &s->d_x, err);
	return r == 0 ? j->d->ops->alloc(j->d, s->rows * size, &s->d_y, err) : r;
}

static int build(struct job *j, struct spmv *s, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);
	const struct argument arguments[] = {ARG_BUFFER(s->d_begins), ARG_BUFFER(s->d_columns),
	                                     ARG_BUFFER(s->d_values), ARG_BUFFER(s->d_x), ARG_BUFFER(s->d_y)};
	const unsigned rows_of_group = GROUP / LANES;
	const struct extent extent = {(s->rows + rows_of_group - 1) / rows_of_group, 1, GROUP, 1};

	strbuf_addf(&text, "#define ROWS %uu\n#define GROUP %uu\n#define LANES %uu\n", s->rows, GROUP, LANES);
	strbuf_add(&text, source_spmv);
	return kernel_open(j->d, s->precision, &text, "spmv", extent, arguments, ARRAY_SIZE(arguments),
	                   &s->kernel, err);
}

/* The matrix with its indices, and both vectors. */
static double matrix_bytes(const struct spmv *s)
{
	double size = (double)precision_size(s->precision);

	return ((double)s->rows + 1) * sizeof(*s->begins) + s->count * (sizeof(*s->columns) + size) +
	       2 * s->rows * size;
}

static int spmv_open(struct job *j, struct ofbc_error *err)
{
	struct spmv *s = j->state = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return error_set_errno(err, ENOMEM, "spmv");
	s->rows = (uint32_t)option_number(j->o, "rows");
	s->mean = (uint32_t)option_number(j->o, "per-row");
	s->precision = (enum precision)option_number(j->o, "precision");
	if ((uint64_t)s->rows * s->mean > UINT32_MAX / 2) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "%u rows with %u numbers each are too many",
		          s->rows, s->mean);
		error_hint(err, "at most 2G numbers in all");
		return -EINVAL;
	}
	if (make_matrix(s) < 0)
		return error_set_errno(err, ENOMEM, "a matrix of %u rows", s->rows);
	j->work = j->flop = 2.0 * s->count;
	j->bytes = matrix_bytes(s);
	r = upload(j, s, err);
	return r == 0 ? build(j, s, err) : r;
}

static int spmv_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	return kernel_repeat(j->d, &((struct spmv *)j->state)->kernel, n, err);
}

static int spmv_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct spmv *s = j->state;
	size_t size = s->rows * precision_size(s->precision);
	int r;

	memset(s->y, 0xff, size);
	r = j->d->ops->write(j->d, s->d_y, 0, s->y, size, err);
	if (r == 0)
		r = spmv_run(j, 1, err);
	if (r == 0)
		r = j->d->ops->read(j->d, s->y, s->d_y, 0, size, err);
	snprintf(ret->what, sizeof(ret->what), "all rows against double precision");
	ret->bound = 4 * precision_unit(s->precision) * sqrt(2.0 * s->mean);
	for (uint32_t i = 0; r == 0 && i < s->rows; i++) {
		double sum = 0, absolute = 0;

		for (uint32_t k = s->begins[i]; k < s->begins[i + 1]; k++) {
			double term = number_at(s->precision, s->values, k) *
			              number_at(s->precision, s->x, s->columns[k]);

			sum += term;
			absolute += fabs(term);
		}
		check_value(ret, number_at(s->precision, s->y, i), sum, absolute);
	}
	return r;
}

static void spmv_close(struct job *j)
{
	struct spmv *s = j->state;

	if (!s)
		return;
	kernel_close(j->d, &s->kernel);
	j->d->ops->release(j->d, s->d_begins);
	j->d->ops->release(j->d, s->d_columns);
	j->d->ops->release(j->d, s->d_values);
	j->d->ops->release(j->d, s->d_x);
	j->d->ops->release(j->d, s->d_y);
	free(s->begins);
	free(s->columns);
	free(s->values);
	free(s->x);
	free(s->y);
	free(s);
}

const struct workload workload_spmv = {
	.name = "spmv",
	.summary = "product of a sparse matrix and a vector",
	.unit = "FLOP",
	.parameters = parameters,
	.open = spmv_open,
	.check = spmv_check,
	.run = spmv_run,
	.close = spmv_close,
};
