/* SPDX-License-Identifier: MIT */
/*
 * The network on a device. A step of training with L layers: L products forward, the loss with its
 * derivatives, L - 1 products backward, L that change the weights; then the host reads the losses and so
 * waits. In the own kernels what is below zero is cut off on the way to memory; with a library that is a
 * kernel of its own, 2 (L - 1) more in all. It is what a plain program without a framework does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "mlp.h"
#include "source.h"

#define SOURCE_MAX (64u << 10)
#define GROUP      128

/* A launch or a product of the library; neither: nothing. */
struct operation {
	struct device_call *call;
	struct product product;
};

struct layer {
	device_buffer weights, output, gradient; /* gradient: by the output */
	struct operation forward, cut, backward, cut_back, update;
};

struct mlp_net {
	struct device *d;
	struct mlp_shape s;
	struct device_program *program;
	device_buffer inputs, targets, losses;
	struct layer layers[MLP_LAYERS_MAX];
	struct operation loss;
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

static struct product_shape shape_on(const struct mlp_net *n,
                                     struct product_shape (*of)(const struct mlp_shape *))
{
	struct product_shape s = of(&n->s);

	product_choose_tiles(&s, PRECISION_FP32, &n->d->info);
	return s;
}

static int build(struct mlp_net *n, struct ofbc_error *err)
{
	const struct product_shape shapes[] = {shape_on(n, forward_shape), shape_on(n, backward_shape),
	                                       shape_on(n, update_shape)};
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);

	for (size_t i = 0; !n->s.is_library && i < ARRAY_SIZE(shapes); i++)
		source_add_product(&text, &shapes[i]);
	strbuf_addf(&text, "#define ROWS %u\n#define WIDTH %uu\n#define GROUP %uu\n", n->s.batch, n->s.width,
	            GROUP);
	strbuf_add(&text, source_mlp);
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
		                  &n->layers[l].weights, err);
		if (r == 0)
			r = n->d->ops->alloc(n->d, of_layer, &n->layers[l].output, err);
		if (r == 0)
			r = n->d->ops->alloc(n->d, of_layer, &n->layers[l].gradient, err);
	}
	return r;
}

/* --- kernels --- */

static int bind(struct mlp_net *n, const struct product_shape *s, const struct argument *arguments,
                size_t count, struct operation *ret, struct ofbc_error *err)
{
	return n->d->ops->bind(n->d, n->program, s->name, product_extent(s), arguments, count, &ret->call,
	                       err);
}

static device_buffer input_of(const struct mlp_net *n, unsigned l)
{
	return l ? n->layers[l - 1].output : n->inputs;
}

static int bind_own(struct mlp_net *n, unsigned l, struct ofbc_error *err)
{
	const struct product_shape forward = shape_on(n, forward_shape),
				   backward = shape_on(n, backward_shape), update = shape_on(n, update_shape);
	const uint32_t first = 0, is_last = l + 1 == n->s.layers;
	const float rate = (float)n->s.rate;
	struct layer *of = &n->layers[l];
	device_buffer in = input_of(n, l);
	const struct argument to_forward[] = {ARG_BUFFER(in), ARG_BUFFER(of->weights), ARG_BUFFER(of->output),
	                                      ARG_VALUE(first), ARG_VALUE(is_last)};
	const struct argument to_update[] = {ARG_BUFFER(in), ARG_BUFFER(of->gradient),
	                                     ARG_BUFFER(of->weights), ARG_VALUE(rate), ARG_VALUE(first)};
	int r = bind(n, &forward, to_forward, ARRAY_SIZE(to_forward), &of->forward, err);

	if (r == 0)
		r = bind(n, &update, to_update, ARRAY_SIZE(to_update), &of->update, err);
	if (r == 0 && l > 0) {
		const struct argument to_backward[] = {ARG_BUFFER(of->gradient), ARG_BUFFER(of->weights),
		                                       ARG_BUFFER(n->layers[l - 1].gradient), ARG_BUFFER(in)};

		r = bind(n, &backward, to_backward, ARRAY_SIZE(to_backward), &of->backward, err);
	}
	return r;
}

/* The same with the library's products, and what comes between them. */
static int bind_library(struct mlp_net *n, unsigned l, struct ofbc_error *err)
{
	const struct extent all = {(n->s.batch * n->s.width + GROUP - 1) / GROUP, 1, GROUP, 1};
	struct layer *of = &n->layers[l];
	device_buffer in = input_of(n, l), below = l ? n->layers[l - 1].gradient : NULL;
	const struct argument to_cut[] = {ARG_BUFFER(of->output)},
			      to_cut_back[] = {ARG_BUFFER(below), ARG_BUFFER(in)};
	struct product p = {
		.precision = n->s.precision, .alpha = 1, .m = n->s.batch, .n = n->s.width, .k = n->s.width};
	int r = 0;

	p.b = of->weights;
	of->forward.product = of->backward.product = of->update.product = p;
	of->forward.product.a = in;
	of->forward.product.c = of->output;
	of->backward.product.transposed_b = true;
	of->backward.product.a = of->gradient;
	of->backward.product.c = below;
	of->update.product.transposed_a = true;
	of->update.product.a = in;
	of->update.product.b = of->gradient;
	of->update.product.c = of->weights;
	of->update.product.m = n->s.width;
	of->update.product.k = n->s.batch;
	of->update.product.alpha = -n->s.rate;
	of->update.product.beta = 1;
	if (l + 1 < n->s.layers)
		r = n->d->ops->bind(n->d, n->program, "cut_off", all, to_cut, ARRAY_SIZE(to_cut),
		                    &of->cut.call, err);
	if (r == 0 && l > 0)
		r = n->d->ops->bind(n->d, n->program, "cut_gradient", all, to_cut_back,
		                    ARRAY_SIZE(to_cut_back), &of->cut_back.call, err);
	return r;
}

static int bind_all(struct mlp_net *n, struct ofbc_error *err)
{
	const struct layer *last = &n->layers[n->s.layers - 1];
	const uint32_t first = 0;
	const struct extent extent = {n->s.batch, 1, GROUP, 1};
	const struct argument to_loss[] = {ARG_BUFFER(last->output), ARG_BUFFER(n->targets),
	                                   ARG_BUFFER(last->gradient), ARG_BUFFER(n->losses),
	                                   ARG_VALUE(first)};
	int r = 0;

	for (unsigned l = 0; r == 0 && l < n->s.layers; l++)
		r = n->s.is_library ? bind_library(n, l, err) : bind_own(n, l, err);
	return r == 0 ? n->d->ops->bind(n->d, n->program, "loss", extent, to_loss, ARRAY_SIZE(to_loss),
	                                &n->loss.call, err)
	              : r;
}

static void layer_done(struct mlp_net *n, struct layer *l)
{
	n->d->ops->unbind(n->d, l->forward.call);
	n->d->ops->unbind(n->d, l->cut.call);
	n->d->ops->unbind(n->d, l->backward.call);
	n->d->ops->unbind(n->d, l->cut_back.call);
	n->d->ops->unbind(n->d, l->update.call);
	n->d->ops->release(n->d, l->weights);
	n->d->ops->release(n->d, l->output);
	n->d->ops->release(n->d, l->gradient);
}

void mlp_net_free(struct mlp_net *n)
{
	if (!n)
		return;
	for (unsigned l = 0; l < MLP_LAYERS_MAX; l++)
		layer_done(n, &n->layers[l]);
	n->d->ops->unbind(n->d, n->loss.call);
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

unsigned mlp_launches(const struct mlp_shape *s, bool is_training)
{
	unsigned forward = s->layers + 1 + (s->is_library ? s->layers - 1 : 0);

	return forward + (is_training ? 2 * s->layers - 1 + (s->is_library ? s->layers - 1 : 0) : 0);
}

/* --- a step --- */

static int use_batch(struct mlp_net *n, uint32_t first, struct ofbc_error *err)
{
	struct layer *l = &n->layers[0];
	int r = n->d->ops->set(n->loss.call, LOSS_FIRST, &first, err);

	l->forward.product.first_a = l->update.product.first_a = first;
	if (r == 0 && l->forward.call)
		r = n->d->ops->set(l->forward.call, FORWARD_FIRST, &first, err);
	if (r == 0 && l->update.call)
		r = n->d->ops->set(l->update.call, UPDATE_FIRST, &first, err);
	return r;
}

static int do_operation(struct mlp_net *n, const struct operation *o, struct ofbc_error *err)
{
	if (o->call)
		return n->d->ops->launch(n->d, o->call, err);
	return o->product.c ? n->d->ops->product(n->d, &o->product, err) : 0;
}

static int step_back(struct mlp_net *n, const struct layer *l, struct ofbc_error *err)
{
	int r = do_operation(n, &l->backward, err); /* before the weights change */

	if (r == 0)
		r = do_operation(n, &l->cut_back, err);
	return r == 0 ? do_operation(n, &l->update, err) : r;
}

int mlp_net_step(struct mlp_net *n, unsigned batch, bool is_training, float *ret_loss, struct ofbc_error *err)
{
	int r = use_batch(n, batch * n->s.batch * n->s.width, err);

	for (unsigned l = 0; r == 0 && l < n->s.layers; l++) {
		r = do_operation(n, &n->layers[l].forward, err);
		if (r == 0)
			r = do_operation(n, &n->layers[l].cut, err);
	}
	if (r == 0)
		r = do_operation(n, &n->loss, err);
	for (unsigned l = n->s.layers; is_training && r == 0 && l-- > 0;)
		r = step_back(n, &n->layers[l], err);
	return r == 0 ? n->d->ops->read(n->d, ret_loss, n->losses, 0, n->s.batch * sizeof(float), err) : r;
}

int mlp_net_weights(struct mlp_net *n, float *ret, struct ofbc_error *err)
{
	size_t of_weights = (size_t)n->s.width * n->s.width;
	int r = 0;

	for (unsigned l = 0; r == 0 && l < n->s.layers; l++)
		r = n->d->ops->read(n->d, ret + l * of_weights, n->layers[l].weights, 0,
		                    of_weights * sizeof(float), err);
	return r;
}
