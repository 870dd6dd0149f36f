/* SPDX-License-Identifier: MIT */
/*
 * The network on a device. A step of training with L layers is 3 L launches: L products forward, the loss
 * with its derivatives, L - 1 products backward, L that change the weights; then the host reads the losses
 * and so waits. It is what a plain program without a framework does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "mlp.h"
#include "source.h"

#define SOURCE_MAX (64u << 10)
#define LOSS_GROUP 128

struct mlp_net {
	struct device *d;
	struct mlp_shape s;
	struct device_program *program;
	device_buffer inputs, targets, losses;
	device_buffer weights[MLP_LAYERS_MAX];
	device_buffer outputs[MLP_LAYERS_MAX];   /* of the layers */
	device_buffer gradients[MLP_LAYERS_MAX]; /* by the outputs */
	struct device_call *forward[MLP_LAYERS_MAX], *backward[MLP_LAYERS_MAX], *update[MLP_LAYERS_MAX];
	struct device_call *loss;
};

/* Positions of the arguments that change with the batch. */
enum { FORWARD_FIRST = 3, UPDATE_FIRST = 4, LOSS_FIRST = 4 };

static struct product_shape forward_shape(const struct mlp_shape *s)
{
	return (struct product_shape){
		.name = "forward",
		.m = s->batch,
		.n = s->width,
		.k = s->width,
		.tile_m = 32,
		.tile_n = 32,
		.tile_k = 32,
		.per_m = 2,
		.per_n = 2,
		.parameters = ", GLOBAL real *RESTRICT out, const uint first, const uint is_last",
		.first_a = "first",
		.store = "(out[(i) * SIZE_N + (j)] = is_last || (sum) > 0 ? (sum) : 0)",
	};
}

static struct product_shape backward_shape(const struct mlp_shape *s)
{
	struct product_shape p = forward_shape(s);

	p.name = "backward";
	p.transposed_b = true;
	p.parameters = ", GLOBAL real *RESTRICT out, GLOBAL const real *RESTRICT passed";
	p.first_a = "0";
	p.store = "(out[(i) * SIZE_N + (j)] = passed[(i) * SIZE_N + (j)] > 0 ? (sum) : 0)";
	return p;
}

static struct product_shape update_shape(const struct mlp_shape *s)
{
	struct product_shape p = forward_shape(s);

	p.name = "update";
	p.m = s->width;
	p.k = s->batch;
	p.transposed_a = true;
	p.parameters = ", GLOBAL real *RESTRICT weights, const real rate, const uint first";
	p.store = "(weights[(i) * SIZE_N + (j)] -= rate * (sum))";
	return p;
}

static int build(struct mlp_net *n, struct ofbc_error *err)
{
	const struct product_shape shapes[] = {forward_shape(&n->s), backward_shape(&n->s),
	                                       update_shape(&n->s)};
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		source_add_product(&text, &shapes[i]);
	strbuf_addf(&text, "#define ROWS %u\n#define WIDTH %uu\n#define GROUP %uu\n", n->s.batch, n->s.width,
	            LOSS_GROUP);
	strbuf_add(&text, source_loss);
	return source_build(n->d, PRECISION_FP32, &text, &n->program, err);
}

/* --- memory --- */

static int upload(struct mlp_net *n, const struct mlp_data *data, struct ofbc_error *err)
{
	size_t of_layer = (size_t)n->s.batch * n->s.width * sizeof(float), all = n->s.batches * of_layer;
	size_t of_weights = (size_t)n->s.width * n->s.width;
	int r = device_upload(n->d, data->inputs, all, &n->inputs, err);

	if (r == 0)
		r = device_upload(n->d, data->targets, all, &n->targets, err);
	if (r == 0)
		r = n->d->ops->alloc(n->d, n->s.batch * sizeof(float), &n->losses, err);
	for (unsigned l = 0; r == 0 && l < n->s.layers; l++) {
		r = device_upload(n->d, data->weights + l * of_weights, of_weights * sizeof(float),
		                  &n->weights[l], err);
		if (r == 0)
			r = n->d->ops->alloc(n->d, of_layer, &n->outputs[l], err);
		if (r == 0)
			r = n->d->ops->alloc(n->d, of_layer, &n->gradients[l], err);
	}
	return r;
}

/* --- kernels --- */

static int bind(struct mlp_net *n, const struct product_shape *s, const struct argument *arguments,
                size_t count, struct device_call **ret, struct ofbc_error *err)
{
	return n->d->ops->bind(n->d, n->program, s->name, product_extent(s), arguments, count, ret, err);
}

static int bind_layer(struct mlp_net *n, unsigned l, struct ofbc_error *err)
{
	const struct product_shape forward = forward_shape(&n->s), backward = backward_shape(&n->s),
				   update = update_shape(&n->s);
	const uint32_t first = 0, is_last = l + 1 == n->s.layers;
	const float rate = (float)n->s.rate;
	device_buffer in = l ? n->outputs[l - 1] : n->inputs;
	const struct argument to_forward[] = {ARG_BUFFER(in), ARG_BUFFER(n->weights[l]),
	                                      ARG_BUFFER(n->outputs[l]), ARG_VALUE(first),
	                                      ARG_VALUE(is_last)};
	const struct argument to_update[] = {ARG_BUFFER(in), ARG_BUFFER(n->gradients[l]),
	                                     ARG_BUFFER(n->weights[l]), ARG_VALUE(rate), ARG_VALUE(first)};
	int r = bind(n, &forward, to_forward, ARRAY_SIZE(to_forward), &n->forward[l], err);

	if (r == 0)
		r = bind(n, &update, to_update, ARRAY_SIZE(to_update), &n->update[l], err);
	if (r == 0 && l > 0) {
		const struct argument to_backward[] = {ARG_BUFFER(n->gradients[l]), ARG_BUFFER(n->weights[l]),
		                                       ARG_BUFFER(n->gradients[l - 1]), ARG_BUFFER(in)};

		r = bind(n, &backward, to_backward, ARRAY_SIZE(to_backward), &n->backward[l], err);
	}
	return r;
}

static int bind_all(struct mlp_net *n, struct ofbc_error *err)
{
	const unsigned last = n->s.layers - 1;
	const uint32_t first = 0;
	const struct extent extent = {n->s.batch, 1, LOSS_GROUP, 1};
	const struct argument to_loss[] = {ARG_BUFFER(n->outputs[last]), ARG_BUFFER(n->targets),
	                                   ARG_BUFFER(n->gradients[last]), ARG_BUFFER(n->losses),
	                                   ARG_VALUE(first)};
	int r = 0;

	for (unsigned l = 0; r == 0 && l < n->s.layers; l++)
		r = bind_layer(n, l, err);
	return r == 0 ? n->d->ops->bind(n->d, n->program, "loss", extent, to_loss, ARRAY_SIZE(to_loss),
	                                &n->loss, err)
	              : r;
}

void mlp_net_free(struct mlp_net *n)
{
	if (!n)
		return;
	for (unsigned l = 0; l < MLP_LAYERS_MAX; l++) {
		n->d->ops->unbind(n->d, n->forward[l]);
		n->d->ops->unbind(n->d, n->backward[l]);
		n->d->ops->unbind(n->d, n->update[l]);
		n->d->ops->release(n->d, n->weights[l]);
		n->d->ops->release(n->d, n->outputs[l]);
		n->d->ops->release(n->d, n->gradients[l]);
	}
	n->d->ops->unbind(n->d, n->loss);
	n->d->ops->unbuild(n->d, n->program);
	n->d->ops->release(n->d, n->inputs);
	n->d->ops->release(n->d, n->targets);
	n->d->ops->release(n->d, n->losses);
	free(n);
}

DEFINE_CLEANUP(struct mlp_net *, mlp_net_free);

int mlp_net_new(struct device *d, const struct mlp_shape *s, const struct mlp_data *data,
                struct mlp_net **ret, struct ofbc_error *err)
{
	_cleanup_(mlp_net_free_p) struct mlp_net *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return error_set_errno(err, ENOMEM, "a network");
	n->d = d;
	n->s = *s;
	r = build(n, err);
	if (r == 0)
		r = upload(n, data, err);
	if (r == 0)
		r = bind_all(n, err);
	if (r == 0)
		*ret = steal_ptr(n);
	return r;
}

/* --- a step --- */

static int use_batch(struct mlp_net *n, uint32_t first, struct ofbc_error *err)
{
	int r = n->d->ops->set(n->forward[0], FORWARD_FIRST, &first, err);

	if (r == 0)
		r = n->d->ops->set(n->update[0], UPDATE_FIRST, &first, err);
	return r == 0 ? n->d->ops->set(n->loss, LOSS_FIRST, &first, err) : r;
}

int mlp_net_step(struct mlp_net *n, unsigned batch, bool is_training, float *ret_loss, struct ofbc_error *err)
{
	const struct device_ops *ops = n->d->ops;
	int r = use_batch(n, batch * n->s.batch * n->s.width, err);

	for (unsigned l = 0; r == 0 && l < n->s.layers; l++)
		r = ops->launch(n->d, n->forward[l], err);
	if (r == 0)
		r = ops->launch(n->d, n->loss, err);
	for (unsigned l = n->s.layers; is_training && r == 0 && l-- > 0;) {
		if (l > 0) /* before the weights change */
			r = ops->launch(n->d, n->backward[l], err);
		if (r == 0)
			r = ops->launch(n->d, n->update[l], err);
	}
	return r == 0 ? ops->read(n->d, ret_loss, n->losses, 0, n->s.batch * sizeof(float), err) : r;
}

int mlp_net_weights(struct mlp_net *n, float *ret, struct ofbc_error *err)
{
	size_t of_weights = (size_t)n->s.width * n->s.width;
	int r = 0;

	for (unsigned l = 0; r == 0 && l < n->s.layers; l++)
		r = n->d->ops->read(n->d, ret + l * of_weights, n->weights[l], 0, of_weights * sizeof(float),
		                    err);
	return r;
}
