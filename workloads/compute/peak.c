/* SPDX-License-Identifier: MIT */
/* The rate of multiplications and additions that no memory slows down: the ceiling of a roofline. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "source.h"
#include "workload.h"

#define CHAINS         8 /* of kernels/peak.cl, as are the steps of a round */
#define STEPS_OF_ROUND 16
#define ROUNDS         256
#define STEPS          (ROUNDS * STEPS_OF_ROUND)
#define STARTS         64
#define GROUP_GPU      256
#define GROUP_CPU      16
#define GROUPS_OF_UNIT 16
#define SOURCE_MAX     (16u << 10)

/* Each step keeps a little less of where the chain began: after all of them 1/e, so that a chain that stopped
 * early has another value. */
#define FACTOR         (1 - 1.0 / STEPS)
#define TERM           (0.5 / STEPS)

struct peak {
	enum precision precision;
	unsigned lanes, threads;
	device_buffer out;
	struct kernel kernel;
};

static const struct parameter parameters[] = {
	{.name = "precision", .value = "fp32", .choices = "fp32|fp64", .help = "of the numbers"},
	{0},
};

static size_t result_size(const struct peak *p)
{
	return (size_t)p->threads * p->lanes * precision_size(p->precision);
}

/* A GPU's threads share instructions; a processor's do not, there a thread computes with vectors. */
static void shape(struct peak *p, const struct device_info *d, struct extent *ret)
{
	unsigned group = d->is_gpu ? GROUP_GPU : GROUP_CPU;

	p->lanes = d->vector_bytes / (unsigned)precision_size(p->precision);
	p->lanes = p->lanes ? p->lanes : 1;
	*ret = (struct extent){d->units * GROUPS_OF_UNIT, 1, group < d->group_max ? group : d->group_max, 1};
	p->threads = ret->groups_x * ret->group_x;
}

static int build(struct job *j, struct peak *p, struct extent extent, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);
	const double factor = FACTOR, term = TERM;
	const float factor_f = (float)FACTOR, term_f = (float)TERM;
	const bool is_double = p->precision == PRECISION_FP64;
	const struct argument arguments[] = {ARG_BUFFER(p->out),
	                                     is_double ? ARG_VALUE(factor) : ARG_VALUE(factor_f),
	                                     is_double ? ARG_VALUE(term) : ARG_VALUE(term_f)};

	if (p->lanes == 1)
		strbuf_add(&text, "#define LANES real\n");
	else
		strbuf_addf(&text, "#define LANES %s%u\n", is_double ? "double" : "float", p->lanes);
	strbuf_addf(&text, "#define ROUNDS %uu\n", ROUNDS);
	strbuf_add(&text, source_peak);
	return kernel_open(j->d, p->precision, &text, "peak", extent, arguments, ARRAY_SIZE(arguments),
	                   &p->kernel, err);
}

static int peak_open(struct job *j, struct ofbc_error *err)
{
	struct peak *p = j->state = calloc(1, sizeof(*p));
	struct extent extent;
	int r;

	if (!p)
		return error_set_errno(err, ENOMEM, "peak");
	p->precision = (enum precision)option_number(j->o, "precision");
	shape(p, &j->d->info, &extent);
	j->work = 2.0 * STEPS * CHAINS * p->lanes * p->threads;
	snprintf(j->how, sizeof(j->how), "own kernel, %u threads of %u x %u numbers", p->threads, CHAINS,
	         p->lanes);
	r = j->d->ops->alloc(j->d, result_size(p), &p->out, err);
	return r == 0 ? build(j, p, extent, err) : r;
}

static int peak_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	struct peak *p = j->state;

	return kernel_repeat(j->d, &p->kernel, n, err);
}

/* What the chains of a thread add up to: each goes to the same number, from where it began. */
static double expected(unsigned thread)
{
	const double end = TERM / (1 - FACTOR);
	double sum = 0;

	for (unsigned i = 0; i < CHAINS; i++)
		sum += end + (thread % STARTS + i - end) * pow(FACTOR, STEPS);
	return sum;
}

static int peak_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct peak *p = j->state;
	_cleanup_free_ void *got = calloc(1, result_size(p));
	int r;

	if (!got)
		return error_set_errno(err, ENOMEM, "the result");
	r = j->d->ops->write(j->d, p->out, 0, got, result_size(p), err);
	if (r == 0)
		r = peak_run(j, 1, err);
	if (r == 0)
		r = j->d->ops->read(j->d, got, p->out, 0, result_size(p), err);
	snprintf(ret->what, sizeof(ret->what), "all numbers against double precision");
	ret->bound = STEPS * precision_unit(p->precision);
	for (size_t i = 0; r == 0 && i < (size_t)p->threads * p->lanes; i++) {
		double want = expected((unsigned)(i / p->lanes));

		check_value(ret, number_at(p->precision, got, i), want, want);
	}
	return r;
}

static void peak_close(struct job *j)
{
	struct peak *p = j->state;

	if (!p)
		return;
	kernel_close(j->d, &p->kernel);
	j->d->ops->release(j->d, p->out);
	free(p);
}

const struct workload workload_peak = {
	.name = "peak",
	.summary = "multiplications and additions in registers, no memory",
	.unit = "FLOP",
	.parameters = parameters,
	.open = peak_open,
	.check = peak_check,
	.run = peak_run,
	.close = peak_close,
};
