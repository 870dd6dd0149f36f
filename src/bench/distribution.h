/* SPDX-License-Identifier: MIT */
/* The distributions that the statistics need. */
#pragma once

#include <stdint.h>

/* Standard normal: P(Z <= z), P(Z > z), and the z with P(Z <= z) = p (infinite for 0 and 1). */
double normal_cdf(double z);
double normal_sf(double z);
double normal_quantile(double p);
/* P(X <= k) of a binomial of n trials; and the least k with P(X <= k) >= q. */
double binomial_cdf(int64_t k, int64_t n, double p);
int64_t binomial_quantile(double q, int64_t n, double p);
