/* SPDX-License-Identifier: MIT */
/* Choosing among measured possibilities. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/derive.h"
#include "openforbc/advise.h"

#define ADVISE_MARGIN    0.02 /* as good as the best */
#define ADVISE_RESAMPLES 2000

/* What is known of one possibility for one workload: values of its trials, or a prediction. */
struct advise_sample {
	double *v;
	size_t n;
	double predicted, error; /* where n is 0; error: relative */
};

/* One possibility: a sample for each workload of the mix. */
struct advise_option {
	struct advise_sample *samples;
	double score;  /* mean of what each workload loses against its own best; 1: nothing */
	double behind; /* the best option by this part */
	double sure;   /* share of resamplings in which it is within the margin of the best */
};

/*
 * Scores, for options whose samples are all known. weights[k], higher[k]: of workload k.
 * 0; -ENOMEM.
 */
int advise_rank(struct advise_option *v, size_t n, size_t workloads, const double *weights,
                const bool *higher, uint64_t seed);

struct advise_point {
	double n, value;
};

/*
 * Between measured numbers of instances, straight in logarithms of both; points ascend. *ret_error: the
 * largest of what the same rule gets wrong when it leaves one out and predicts it; NAN: too few points to
 * say. 0; -ERANGE outside of what was measured.
 */
int advise_interpolate(const struct advise_point *v, size_t n, double at, double *ret, double *ret_error);

/* Values of a cell's good trials for a goal; free() them. *ret_unit: of them. 0; -ENODATA: *ret_why says why.
 */
int advise_values(const struct bench_cell_data *d, const struct ofbc_advice_request *rq, double **ret,
                  size_t *ret_n, char unit[48], const char **ret_why);
bool advise_higher_is_better(enum ofbc_goal goal);
