/* SPDX-License-Identifier: MIT */
/* The network in double precision, as plainly as possible, and its data. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check.h"
#include "mlp.h"

#define NOISE 0.1

int mlp_data_new(const struct mlp_shape *s, struct mlp_data *ret)
{
	size_t n = (size_t)s->batches * s->batch * s->width,
	       n_weights = (size_t)s->layers * s->width * s->width;
	struct mlp_data d = {.inputs = malloc(n * sizeof(*d.inputs)),
	                     .targets = malloc(n * sizeof(*d.targets)),
	                     .weights = malloc(n_weights * sizeof(*d.weights))};
	double scale = sqrt(6.0 / s->width); /* keeps the size of what goes through (He et al. 2015) */

	if (!d.inputs || !d.targets || !d.weights) {
		mlp_data_done(&d);
		return -ENOMEM;
	}
	random_fill(PRECISION_FP32, 11, 0, d.inputs, n);
	for (size_t i = 0; i < n; i++) {
		size_t moved = i / s->width * s->width + (i + 1) % s->width;

		d.targets[i] = (float)(d.inputs[moved] + NOISE * random_at(12, i));
	}
	for (size_t i = 0; i < n_weights; i++)
		d.weights[i] = (float)(scale * random_at(13, i));
	*ret = d;
	return 0;
}

void mlp_data_done(struct mlp_data *d)
{
	free(d->inputs);
	free(d->targets);
	free(d->weights);
	*d = (struct mlp_data){0};
}

/* One row through one layer. */
static void forward_row(const double *in, const double *weights, unsigned width, bool is_last, double *out)
{
	memset(out, 0, width * sizeof(*out));
	for (size_t k = 0; k < width; k++) {
		for (size_t j = 0; j < width; j++)
			out[j] += in[k] * weights[k * width + j];
	}
	for (size_t j = 0; !is_last && j < width; j++)
		out[j] = out[j] > 0 ? out[j] : 0;
}

/* Derivatives of a row by its layer's inputs; they are 0 where the input was cut off. */
static void backward_row(const double *gradient, const double *weights, const double *in, unsigned width,
                         double *ret)
{
	for (size_t k = 0; k < width; k++) {
		double sum = 0;

		for (size_t j = 0; j < width; j++)
			sum += gradient[j] * weights[k * width + j];
		ret[k] = in[k] > 0 ? sum : 0;
	}
}

static void update(const struct mlp_shape *s, const double *in, const double *gradient, double *weights)
{
	for (size_t b = 0; b < s->batch; b++) {
		for (size_t k = 0; k < s->width; k++) {
			double by = s->rate * in[b * s->width + k];

			for (size_t j = 0; j < s->width; j++)
				weights[k * s->width + j] -= by * gradient[b * s->width + j];
		}
	}
}

/* Half of the squared distance, and its derivatives. */
static double loss_row(const struct mlp_shape *s, const double *out, const float *target, double *gradient)
{
	double sum = 0;

	for (size_t j = 0; j < s->width; j++) {
		double difference = out[j] - (double)target[j];

		if (gradient)
			gradient[j] = difference / s->batch;
		sum += difference * difference;
	}
	return sum / 2;
}

static void backward(const struct mlp_shape *s, const double *through, double *gradient, double *below,
                     double *weights)
{
	size_t of_layer = (size_t)s->batch * s->width, of_weights = (size_t)s->width * s->width;

	for (unsigned l = s->layers; l-- > 0;) {
		const double *in = through + l * of_layer;
		double *w = weights + l * of_weights;

		for (size_t b = 0; l > 0 && b < s->batch; b++)
			backward_row(gradient + b * s->width, w, in + b * s->width, s->width,
			             below + b * s->width);
		update(s, in, gradient, w);
		memcpy(gradient, below, of_layer * sizeof(*gradient));
	}
}

int mlp_reference_step(const struct mlp_shape *s, const struct mlp_data *data, unsigned batch,
                       bool is_training, double *weights, double *ret_loss)
{
	size_t of_layer = (size_t)s->batch * s->width, first = batch * of_layer;
	_cleanup_free_ double *through = calloc((s->layers + 1) * of_layer, sizeof(*through));
	_cleanup_free_ double *gradient = calloc(of_layer, sizeof(*gradient));
	_cleanup_free_ double *below = calloc(of_layer, sizeof(*below));

	if (!through || !gradient || !below)
		return -ENOMEM;
	for (size_t i = 0; i < of_layer; i++)
		through[i] = data->inputs[first + i];
	for (unsigned l = 0; l < s->layers; l++) {
		for (size_t b = 0; b < s->batch; b++)
			forward_row(through + l * of_layer + b * s->width,
			            weights + (size_t)l * s->width * s->width, s->width, l + 1 == s->layers,
			            through + (l + 1) * of_layer + b * s->width);
	}
	for (size_t b = 0; b < s->batch; b++)
		ret_loss[b] = loss_row(s, through + s->layers * of_layer + b * s->width,
		                       data->targets + first + b * s->width, gradient + b * s->width);
	if (is_training)
		backward(s, through, gradient, below, weights);
	return 0;
}

int mlp_reference_row(const struct mlp_shape *s, const struct mlp_data *data, unsigned batch, unsigned row,
                      double *ret_loss)
{
	size_t first = ((size_t)batch * s->batch + row) * s->width, n_weights = (size_t)s->width * s->width;
	_cleanup_free_ double *in = calloc(s->width, sizeof(*in)), *out = calloc(s->width, sizeof(*out));
	_cleanup_free_ double *weights = calloc(n_weights, sizeof(*weights));

	if (!in || !out || !weights)
		return -ENOMEM;
	for (size_t i = 0; i < s->width; i++)
		in[i] = data->inputs[first + i];
	for (unsigned l = 0; l < s->layers; l++) {
		double *swap = in;

		for (size_t i = 0; i < n_weights; i++)
			weights[i] = data->weights[l * n_weights + i];
		forward_row(in, weights, s->width, l + 1 == s->layers, out);
		in = out;
		out = swap;
	}
	*ret_loss = loss_row(s, in, data->targets + first, NULL);
	return 0;
}
