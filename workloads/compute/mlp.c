/* SPDX-License-Identifier: MIT */
/*
 * Training or inference of a small neural network, step by step, with the host waiting for each: the classic
 * job that cannot fill a large GPU.
 */
#include "mlp.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "workload.h"

#define BATCHES 8
#define LEARNING_RATE                                                                                        \
	1.0            /* divided by the width, which keeps training stable for all shapes that are allowed */
#define CHECK_BATCH 24 /* no multiples of the tiles, on purpose */
#define CHECK_WIDTH 72
#define CHECK_STEPS 4
#define CHECK_ROWS  4
/* Sums of up to some thousand terms, through all layers forward and backward, in single precision. */
#define CHECK_BOUND 1e-4
#define CHECK_BOUND_TF32                                                                                     \
	0.1 /* a product near zero may be cut off or not: 0.03 in a simulation with 8 layers */

enum mode { MODE_TRAINING, MODE_INFERENCE };

struct mlp {
	struct mlp_shape shape;
	struct mlp_data data;
	struct mlp_net *net;
	bool is_training;
	unsigned next;          /* batch */
	float *losses;          /* of the rows of a step */
	double first[BATCHES];  /* mean losses of the batches, the first time */
	double latest[BATCHES]; /* ... and now */
	unsigned long long steps;
};

static const struct parameter parameters[] = {
	{.name = "mode", .value = "training", .choices = "training|inference", .help = "what a step is"},
	{.name = "width", .value = "512", .min = 16, .max = 16384, .help = "of a layer"},
	{.name = "layers", .value = "4", .min = 1, .max = MLP_LAYERS_MAX, .help = "how many"},
	{.name = "batch", .value = "128", .min = 8, .max = 4096, .help = "rows of a step"},
	{.name = "precision", .value = "fp32", .choices = "fp32|tf32", .help = "of the products"},
	{.name = "kernel", .value = "auto", .choices = "auto|library|own", .help = "whose products"},
	{0},
};

static int choose_kernel(struct job *j, struct mlp *m, struct ofbc_error *err)
{
	static const enum precision precisions[] = {PRECISION_FP32, PRECISION_TF32};
	const char *library;

	m->shape.precision = precisions[option_number(j->o, "precision")];
	if (kernel_choice(j, j->d->ops->product_library, m->shape.precision,
	                  m->shape.precision == PRECISION_FP32, &library, err) < 0)
		return -ENOTSUP;
	m->shape.is_library = library != NULL;
	snprintf(j->how, sizeof(j->how), "%s, %u launches a step", library ? library : "own kernels",
	         mlp_launches(&m->shape, m->is_training));
	return 0;
}

static int mlp_open(struct job *j, struct ofbc_error *err)
{
	struct mlp *m = j->state = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return error_set_errno(err, ENOMEM, "mlp");
	m->is_training = option_number(j->o, "mode") == MODE_TRAINING;
	m->shape = (struct mlp_shape){.batch = (unsigned)option_number(j->o, "batch"),
	                              .layers = (unsigned)option_number(j->o, "layers"),
	                              .width = (unsigned)option_number(j->o, "width"),
	                              .batches = BATCHES,
	                              .rate = LEARNING_RATE / (double)option_number(j->o, "width")};
	r = choose_kernel(j, m, err);
	if (r < 0)
		return r;
	m->losses = calloc(m->shape.batch, sizeof(*m->losses));
	r = m->losses ? mlp_data_new(&m->shape, &m->data) : -ENOMEM;
	if (r < 0)
		return error_set_errno(err, -r, "data of the network");
	j->work = 1;
	return mlp_net_new(j->d, &m->shape, &m->data, &m->net, err);
}

static int step(struct mlp *m, struct ofbc_error *err)
{
	unsigned b = m->next;
	double sum = 0;
	int r = mlp_net_step(m->net, b, m->is_training, m->losses, err);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < m->shape.batch; i++)
		sum += (double)m->losses[i];
	m->latest[b] = sum / m->shape.batch;
	if (m->steps < BATCHES)
		m->first[b] = m->latest[b];
	m->steps++;
	m->next = (b + 1) % BATCHES;
	return 0;
}

static int mlp_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++)
		r = step(j->state, err);
	return r;
}

/* --- checks --- */

struct trained {
	struct mlp_data data;
	struct mlp_net *net;
	double *expected;
	float *got;
};

static void trained_done(struct trained *t)
{
	mlp_data_done(&t->data);
	mlp_net_free(t->net);
	free(t->expected);
	free(t->got);
}

static int compare_steps(const struct mlp_shape *s, struct trained *t, struct check *c,
                         struct ofbc_error *err)
{
	size_t n = (size_t)s->layers * s->width * s->width;
	double expected[CHECK_BATCH], largest = 0;
	float got[CHECK_BATCH];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < CHECK_STEPS; i++) {
		if (mlp_reference_step(s, &t->data, i % s->batches, true, t->expected, expected) < 0)
			return error_set_errno(err, ENOMEM, "the reference");
		r = mlp_net_step(t->net, i % s->batches, true, got, err);
		for (unsigned b = 0; r == 0 && b < s->batch; b++)
			check_value(c, (double)got[b], expected[b], expected[b]);
	}
	if (r == 0)
		r = mlp_net_weights(t->net, t->got, err);
	/* a change of a weight is small beside the weights: it is what is compared, with the largest one */
	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, fabs(t->expected[i] - (double)t->data.weights[i]));
	for (size_t i = 0; r == 0 && i < n; i++)
		check_value(c, (double)t->got[i] - (double)t->data.weights[i],
		            t->expected[i] - (double)t->data.weights[i], largest);
	return r;
}

/* A smaller network of the same depth is trained beside the reference: losses and weights. */
static int check_training(struct job *j, struct check *c, struct ofbc_error *err)
{
	const struct mlp *m = j->state;
	const struct mlp_shape s = {.batch = CHECK_BATCH,
	                            .layers = m->shape.layers,
	                            .width = CHECK_WIDTH,
	                            .batches = 2,
	                            .rate = LEARNING_RATE / CHECK_WIDTH,
	                            .precision = m->shape.precision,
	                            .is_library = m->shape.is_library};
	size_t n = (size_t)s.layers * s.width * s.width;
	_cleanup_(trained_done) struct trained t = {0};
	int r = mlp_data_new(&s, &t.data);

	t.expected = calloc(n, sizeof(*t.expected));
	t.got = calloc(n, sizeof(*t.got));
	if (r < 0 || !t.expected || !t.got)
		return error_set_errno(err, ENOMEM, "the reference");
	for (size_t i = 0; i < n; i++)
		t.expected[i] = (double)t.data.weights[i];
	r = mlp_net_new(j->d, &s, &t.data, &t.net, err);
	return r == 0 ? compare_steps(&s, &t, c, err) : r;
}

/* Some rows of the network itself, forward, before it has learnt anything. */
static int check_rows(struct job *j, struct check *c, struct ofbc_error *err)
{
	struct mlp *m = j->state;
	int r = mlp_net_step(m->net, 1, false, m->losses, err);

	for (unsigned i = 0; r == 0 && i < CHECK_ROWS; i++) {
		unsigned row = i * (m->shape.batch - 1) / (CHECK_ROWS - 1);
		double expected;

		if (mlp_reference_row(&m->shape, &m->data, 1, row, &expected) < 0)
			return error_set_errno(err, ENOMEM, "the reference");
		check_value(c, (double)m->losses[row], expected, expected);
	}
	return r;
}

static int mlp_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	const struct mlp *m = j->state;
	int r = check_training(j, ret, err);

	snprintf(ret->what, sizeof(ret->what), "losses and changes of weights against double precision");
	ret->bound = m->shape.precision == PRECISION_TF32 ? CHECK_BOUND_TF32 : CHECK_BOUND;
	return r == 0 ? check_rows(j, ret, err) : r;
}

static double mean(const double v[BATCHES])
{
	double sum = 0;

	for (unsigned b = 0; b < BATCHES; b++)
		sum += v[b];
	return sum / BATCHES;
}

/* What training is for: the loss is smaller than in the beginning. In inference it stays what it was, for
 * every batch. */
static int mlp_check_after(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct mlp *m = j->state;

	while (m->steps < 2ull * BATCHES) { /* a slow device within a short time */
		int r = step(m, err);

		if (r < 0)
			return r;
	}
	snprintf(ret->what, sizeof(ret->what), "%s",
	         m->is_training ? "loss, relative to the first" : "change of the loss");
	ret->bound = m->is_training ? 0.999 : 0;
	if (m->is_training)
		check_value(ret, mean(m->latest), 0, mean(m->first));
	for (unsigned b = 0; !m->is_training && b < BATCHES; b++)
		check_value(ret, m->latest[b], m->first[b], m->first[b]);
	return 0;
}

static int mlp_report(struct job *j, struct report *r, struct ofbc_error *err)
{
	const struct mlp *m = j->state;

	(void)err;
	report_number(r, "first-loss", mean(m->first), "1");
	report_number(r, "loss", mean(m->latest), "1");
	return 0;
}

static void mlp_close(struct job *j)
{
	struct mlp *m = j->state;

	if (!m)
		return;
	mlp_net_free(m->net);
	mlp_data_done(&m->data);
	free(m->losses);
	free(m);
}

const struct workload workload_mlp = {
	.name = "mlp",
	.summary = "training or inference of a small neural network, the host waiting for every step",
	.unit = "step",
	.parameters = parameters,
	.open = mlp_open,
	.check = mlp_check,
	.check_after = mlp_check_after,
	.run = mlp_run,
	.report = mlp_report,
	.close = mlp_close,
};
