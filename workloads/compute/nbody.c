/* SPDX-License-Identifier: MIT */
/* Bodies that attract each other, all pairs: with a few thousand of them a kernel that does not fill a large
 * GPU. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "source.h"
#include "workload.h"

#define GROUP      64
#define SOFTENING  1e-2
#define SECONDS    1e-3
#define FLOP_PAIR  19 /* of the kernel's inner loop; a reciprocal square root is one */
#define SAMPLES    64
#define SOURCE_MAX (16u << 10)
#define BOUND      1e-4

struct nbody {
	unsigned n;
	float *places, *velocities, *got; /* x, y, z, mass; of the start */
	device_buffer at[2], moving;
	struct kernel there;
	struct device_call *back; /* the other direction between the two buffers */
	bool is_back;             /* is the next one */
};

static const struct parameter parameters[] = {
	{.name = "bodies",
         .value = "4096",
         .min = GROUP,
         .max = 1 << 20,
         .help = "how many; a multiple of 64"},
	{0},
};

static size_t bytes(const struct nbody *b)
{
	return (size_t)b->n * 4 * sizeof(float);
}

/* A sphere would need more care; a cube of places does, at rest, with masses that add up to 1. */
static int make_bodies(struct nbody *b)
{
	b->places = malloc(bytes(b));
	b->got = malloc(bytes(b));
	b->velocities = calloc(1, bytes(b));
	if (!b->places || !b->got || !b->velocities)
		return -ENOMEM;
	for (size_t i = 0; i < 4 * (size_t)b->n; i++)
		b->places[i] = i % 4 == 3 ? (float)((1.5 + 0.5 * random_at(31, i)) / (1.5 * b->n))
		                          : (float)random_at(32, i);
	return 0;
}

static int build(struct job *j, struct nbody *b, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);
	const float softening = (float)SOFTENING, seconds = (float)SECONDS;
	const struct extent extent = {b->n / GROUP, 1, GROUP, 1};
	struct argument arguments[] = {ARG_BUFFER(b->at[0]), ARG_BUFFER(b->at[1]), ARG_BUFFER(b->moving),
	                               ARG_VALUE(softening), ARG_VALUE(seconds)};
	int r;

	strbuf_addf(&text, "#define BODIES %uu\n#define GROUP %uu\n", b->n, GROUP);
	strbuf_add(&text, source_nbody);
	r = kernel_open(j->d, PRECISION_FP32, &text, "nbody", extent, arguments, ARRAY_SIZE(arguments),
	                &b->there, err);
	arguments[0] = ARG_BUFFER(b->at[1]);
	arguments[1] = ARG_BUFFER(b->at[0]);
	return r == 0 ? j->d->ops->bind(j->d, b->there.program, "nbody", extent, arguments,
	                                ARRAY_SIZE(arguments), &b->back, err)
	              : r;
}

static int nbody_open(struct job *j, struct ofbc_error *err)
{
	struct nbody *b = j->state = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return error_set_errno(err, ENOMEM, "nbody");
	b->n = (unsigned)option_number(j->o, "bodies") / GROUP * GROUP;
	j->work = (double)b->n * b->n;
	j->flop = FLOP_PAIR * j->work;
	j->bytes = 4.0 * (double)bytes(b); /* places and velocities, read and written */
	if (make_bodies(b) < 0)
		return error_set_errno(err, ENOMEM, "%u bodies", b->n);
	r = device_upload(j->d, b->places, bytes(b), &b->at[0], err);
	if (r == 0)
		r = j->d->ops->alloc(j->d, bytes(b), &b->at[1], err);
	if (r == 0)
		r = device_upload(j->d, b->velocities, bytes(b), &b->moving, err);
	return r == 0 ? build(j, b, err) : r;
}

static int nbody_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	struct nbody *b = j->state;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++) {
		r = j->d->ops->launch(j->d, b->is_back ? b->back : b->there.call, err);
		b->is_back = !b->is_back;
	}
	return r == 0 ? j->d->ops->finish(j->d, err) : r;
}

static void acceleration(const struct nbody *b, size_t body, double ret[3])
{
	const float *own = b->places + 4 * body;

	memset(ret, 0, 3 * sizeof(*ret));
	for (size_t i = 0; i < b->n; i++) {
		const float *other = b->places + 4 * i;
		double d[3], square = SOFTENING, pull;

		for (int k = 0; k < 3; k++) {
			d[k] = (double)other[k] - (double)own[k];
			square += d[k] * d[k];
		}
		pull = (double)other[3] / (square * sqrt(square));
		for (int k = 0; k < 3; k++)
			ret[k] += d[k] * pull;
	}
}

/* One step from the start: the velocities, which are accelerations times the step. */
static int nbody_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct nbody *b = j->state;
	int r = j->d->ops->write(j->d, b->at[0], 0, b->places, bytes(b), err);

	if (r == 0)
		r = j->d->ops->write(j->d, b->moving, 0, b->velocities, bytes(b), err);
	b->is_back = false;
	if (r == 0)
		r = nbody_run(j, 1, err);
	if (r == 0)
		r = j->d->ops->read(j->d, b->got, b->moving, 0, bytes(b), err);
	snprintf(ret->what, sizeof(ret->what), "accelerations of some bodies against double precision");
	ret->bound = BOUND;
	for (size_t i = 0; r == 0 && i < SAMPLES; i++) {
		size_t body = i * (b->n - 1) / (SAMPLES - 1);
		double expected[3], length;

		acceleration(b, body, expected);
		length = sqrt(expected[0] * expected[0] + expected[1] * expected[1] +
		              expected[2] * expected[2]);
		for (size_t k = 0; k < 3; k++)
			check_value(ret, (double)b->got[4 * body + k] / SECONDS, expected[k], length);
	}
	return r;
}

static void nbody_close(struct job *j)
{
	struct nbody *b = j->state;

	if (!b)
		return;
	j->d->ops->unbind(j->d, b->back);
	kernel_close(j->d, &b->there);
	j->d->ops->release(j->d, b->at[0]);
	j->d->ops->release(j->d, b->at[1]);
	j->d->ops->release(j->d, b->moving);
	free(b->places);
	free(b->velocities);
	free(b->got);
	free(b);
}

const struct workload workload_nbody = {
	.name = "nbody",
	.summary = "bodies that attract each other, all pairs; small kernels",
	.unit = "pair",
	.parameters = parameters,
	.open = nbody_open,
	.check = nbody_check,
	.run = nbody_run,
	.close = nbody_close,
};
