/* SPDX-License-Identifier: MIT */
/*
 * A small neural network of square layers: Y = X * W, the negative part cut off between the layers; half of
 * the squared distance from a target; plain gradient descent. Twice: on a device in single precision, and
 * here in double precision, to judge the former.
 */
#pragma once

#include "device.h"

#define MLP_LAYERS_MAX 8

struct mlp_shape {
	unsigned batch, layers, width;
	unsigned batches;         /* that the data has; they are used in turn */
	enum precision precision; /* of the library's products: fp32 or tf32 */
	bool is_library;          /* makes the products */
	double rate;              /* of learning */
};

/* Data from a seed: what is to be learnt is the input, moved by one place, and some noise. free() them. */
struct mlp_data {
	float *inputs, *targets; /* batches x batch x width */
	float *weights;          /* layers x width x width */
};
int mlp_data_new(const struct mlp_shape *s, struct mlp_data *ret);
void mlp_data_done(struct mlp_data *d);

/* --- the reference --- */

/* Forward, and the loss of every row; with weights (layers x width x width) of double precision. Backward,
 * too: then the weights are changed. 0; -ENOMEM. */
int mlp_reference_step(const struct mlp_shape *s, const struct mlp_data *data, unsigned batch,
                       bool is_training, double *weights, double *ret_loss);
/* The loss of one row only, forward: 0; -ENOMEM. */
int mlp_reference_row(const struct mlp_shape *s, const struct mlp_data *data, unsigned batch, unsigned row,
                      double *ret_loss);

/* --- on a device --- */

struct mlp_net;
int mlp_net_new(struct device *d, const struct mlp_shape *s, const struct mlp_data *data,
                struct mlp_net **ret, struct ofbc_error *err);
void mlp_net_free(struct mlp_net *n);
/* One step and its losses, a row each; it has been done when this returns. */
int mlp_net_step(struct mlp_net *n, unsigned batch, bool is_training, float *ret_loss,
                 struct ofbc_error *err);
/* Launches and products of a step. */
unsigned mlp_launches(const struct mlp_shape *s, bool is_training);
int mlp_net_weights(struct mlp_net *n, float *ret, struct ofbc_error *err);
