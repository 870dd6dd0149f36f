/* SPDX-License-Identifier: MIT */
/* Memory bandwidth: the four operations of McCalpin's STREAM, and reading alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "source.h"
#include "workload.h"

#define PIECE_SIZE 16
#define GROUP_LONG 1024
#define FACTOR     0.4
#define SEED       21
#define STRIDE     61 /* of the numbers that are checked */
#define CHUNK      ((size_t)16 << 20)
#define SOURCE_MAX (16u << 10)

/* What a thread does with a piece (NULL: the driver copies), and how many arrays are read and written. Many
 * threads with a piece each are fastest on an H200 where something is written, fewer with more of them where
 * not. A processor takes a group's stretch from end to end, and is the faster the longer that is. */
static const struct operation {
	const char *result;
	unsigned inputs, outputs;
	unsigned flop;          /* of an element */
	unsigned group, pieces; /* of 16 bytes, a thread */
	double first, second;   /* the result for inputs 1, 0 and 0, 1 */
} operations[] = {
	{"(first.e)", 1, 1, 0, GROUP_LONG, 1, 1, 0},
	{"(factor * first.e)", 1, 1, 1, GROUP_LONG, 1, FACTOR, 0},
	{"(first.e + second.e)", 2, 1, 1, GROUP_LONG, 1, 1, 1},
	{"(first.e + factor * second.e)", 2, 1, 2, GROUP_LONG, 1, 1, FACTOR},
	{"(first.e)", 1, 0, 1, 256, 8, 1, 0},
	{NULL, 1, 1, 0, GROUP_LONG, 1, 1, 0},
};

struct stream {
	const struct operation *operation;
	enum precision precision;
	unsigned group;     /* threads */
	size_t size, count; /* of an array: bytes, numbers */
	void *chunk;        /* of the host, to fill and to read the arrays */
	device_buffer buffers[3], sums;
	struct kernel kernel;
};

static const struct parameter parameters[] = {
	{.name = "operation",
         .value = "triad",
         .choices = "copy|scale|add|triad|read|driver",
         .help = "what is done; driver: its own copy"},
	{.name = "size", .value = "1G", .min = 64 << 10, .max = 32ull << 30, .help = "bytes of an array"},
	{.name = "precision", .value = "fp64", .choices = "fp32|fp64", .help = "of the numbers"},
	{0},
};

/* Of reading: every thread adds up what it reads, and writes that. */
static size_t sums(const struct stream *s)
{
	return s->operation->outputs ? 0 : s->size / ((size_t)s->operation->pieces * PIECE_SIZE);
}

/* Bytes of a group's stretch. */
static size_t stretch(const struct stream *s)
{
	return (size_t)s->group * s->operation->pieces * PIECE_SIZE;
}

static unsigned groups(const struct stream *s)
{
	return (unsigned)(s->size / stretch(s));
}

static int build(struct job *j, struct stream *s, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);
	const float factor_f = (float)FACTOR;
	const double factor = FACTOR;
	const struct argument arguments[] = {
		ARG_BUFFER(s->buffers[0]),
		ARG_BUFFER(s->buffers[1]),
		ARG_BUFFER(s->buffers[2]),
		ARG_BUFFER(s->sums),
		s->precision == PRECISION_FP64 ? ARG_VALUE(factor) : ARG_VALUE(factor_f),
	};

	strbuf_addf(&text, "#define RESULT(e) %s\n#define INPUTS %u\n#define IS_READ %d\n",
	            s->operation->result, s->operation->inputs, !s->operation->outputs);
	strbuf_addf(&text, "#define GROUP %uu\n#define PIECES %uu\n", s->group, s->operation->pieces);
	strbuf_add(&text, source_stream);
	return kernel_open(j->d, s->precision, &text, "stream", (struct extent){groups(s), 1, s->group, 1},
	                   arguments, ARRAY_SIZE(arguments), &s->kernel, err);
}

static size_t minimum(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int fill(struct job *j, struct stream *s, uint64_t seed, device_buffer to, struct ofbc_error *err)
{
	size_t number = precision_size(s->precision);
	int r = 0;

	for (size_t at = 0; r == 0 && at < s->size; at += CHUNK) {
		size_t n = minimum(CHUNK, s->size - at);

		random_fill(s->precision, seed, at / number, s->chunk, n / number);
		r = j->d->ops->write(j->d, to, at, s->chunk, n, err);
	}
	return r;
}

static int allocate(struct job *j, struct stream *s, struct ofbc_error *err)
{
	size_t n_sums = sums(s) * precision_size(s->precision);
	int r = 0;

	s->chunk = malloc(CHUNK);
	if (!s->chunk)
		return error_set_errno(err, ENOMEM, "stream");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(s->buffers); i++)
		r = j->d->ops->alloc(j->d, s->size, &s->buffers[i], err);
	if (r == 0 && n_sums)
		r = j->d->ops->alloc(j->d, n_sums, &s->sums, err);
	if (r == 0)
		r = fill(j, s, SEED, s->buffers[0], err);
	return r == 0 ? fill(j, s, SEED + 1, s->buffers[1], err) : r;
}

static int stream_open(struct job *j, struct ofbc_error *err)
{
	struct stream *s = j->state = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return error_set_errno(err, ENOMEM, "stream");
	s->operation = &operations[option_number(j->o, "operation")];
	s->precision = (enum precision)option_number(j->o, "precision");
	s->group =
		(unsigned)minimum(j->d->info.group_max, j->d->info.is_gpu ? s->operation->group : GROUP_LONG);
	s->size = option_number(j->o, "size") / stretch(s) * stretch(s);
	s->count = s->size / precision_size(s->precision);
	j->work = (double)s->size * (s->operation->inputs + s->operation->outputs) +
	          (double)(sums(s) * precision_size(s->precision));
	j->flop = (double)s->count * s->operation->flop;
	j->bytes = j->work;
	r = allocate(j, s, err);
	return r == 0 && s->operation->result ? build(j, s, err) : r;
}

static int stream_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	struct stream *s = j->state;
	int r = 0;

	if (s->operation->result)
		return kernel_repeat(j->d, &s->kernel, n, err);
	for (unsigned i = 0; r == 0 && i < n; i++)
		r = j->d->ops->copy(j->d, s->buffers[2], s->buffers[0], s->size, err);
	return r == 0 ? j->d->ops->finish(j->d, err) : r;
}

/* What a thread adds up: its pieces. */
static double sum_of_thread(const struct stream *s, size_t thread)
{
	size_t in_piece = PIECE_SIZE / precision_size(s->precision), pieces = s->operation->pieces;
	size_t piece = thread / s->group * s->group * pieces + thread % s->group;
	double sum = 0;

	for (size_t i = 0; i < pieces; i++) {
		for (size_t k = 0; k < in_piece; k++)
			sum += random_stored(s->precision, SEED, (piece + i * s->group) * in_piece + k);
	}
	return sum;
}

static double expected_at(const struct stream *s, size_t i)
{
	if (!s->operation->outputs)
		return sum_of_thread(s, i);
	return s->operation->first * random_stored(s->precision, SEED, i) +
	       s->operation->second * random_stored(s->precision, SEED + 1, i);
}

/* Every STRIDE-th number of the result, or overwrites all of it, so that it cannot be an old one. */
static int go_through(struct job *j, struct stream *s, struct check *c, struct ofbc_error *err)
{
	bool is_read = !s->operation->outputs;
	device_buffer from = is_read ? s->sums : s->buffers[2];
	size_t number = precision_size(s->precision), count = is_read ? sums(s) : s->count;
	int r = 0;

	memset(s->chunk, 0xff, CHUNK);
	for (size_t at = 0; r == 0 && at < count; at += CHUNK / number) {
		size_t n = minimum(CHUNK / number, count - at);

		r = c ? j->d->ops->read(j->d, s->chunk, from, at * number, n * number, err)
		      : j->d->ops->write(j->d, from, at * number, s->chunk, n * number, err);
		for (size_t i = 0; r == 0 && c && i < n; i += STRIDE)
			check_value(c, number_at(s->precision, s->chunk, i), expected_at(s, at + i), 1);
	}
	return r;
}

static int stream_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct stream *s = j->state;
	int r = go_through(j, s, NULL, err);

	if (r == 0)
		r = stream_run(j, 1, err);
	snprintf(ret->what, sizeof(ret->what), "numbers in between against double precision");
	ret->bound = (s->operation->outputs ? 4 : s->operation->pieces * PIECE_SIZE) *
	             precision_unit(s->precision);
	return r == 0 ? go_through(j, s, ret, err) : r;
}

static void stream_close(struct job *j)
{
	struct stream *s = j->state;

	if (!s)
		return;
	kernel_close(j->d, &s->kernel);
	for (size_t i = 0; i < ARRAY_SIZE(s->buffers); i++)
		j->d->ops->release(j->d, s->buffers[i]);
	j->d->ops->release(j->d, s->sums);
	free(s->chunk);
	free(s);
}

const struct workload workload_stream = {
	.name = "stream",
	.summary = "bandwidth of the device's memory",
	.unit = "B",
	.parameters = parameters,
	.open = stream_open,
	.check = stream_check,
	.run = stream_run,
	.close = stream_close,
};
