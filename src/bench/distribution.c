/* SPDX-License-Identifier: MIT */
#include "bench/distribution.h"

#include <math.h>

double normal_cdf(double z)
{
	return 0.5 * erfc(-z / M_SQRT2);
}

double normal_sf(double z)
{
	return 0.5 * erfc(z / M_SQRT2);
}

/* Acklam's rational approximation (1e-9), made exact by two steps of Halley's method. Only the lower half is
 * computed: near 1 the difference from 1 is lost. */
static double lower_quantile(double p)
{
	static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
	                           1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
	static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
	                           6.680131188771972e+01,  -1.328068155288572e+01, 1};
	static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
	                           -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
	static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
	                           3.754408661907416e+00, 1};
	double x, num = 0, den = 0;

	if (p < 0.02425) {
		double q = sqrt(-2 * log(p));

		for (int i = 0; i < 6; i++)
			num = num * q + c[i];
		for (int i = 0; i < 5; i++)
			den = den * q + d[i];
		x = num / den;
	} else {
		double q = p - 0.5, r = q * q;

		for (int i = 0; i < 6; i++) {
			num = num * r + a[i];
			den = den * r + b[i];
		}
		x = q * num / den;
	}
	for (int i = 0; i < 2; i++) {
		double u = (normal_cdf(x) - p) * sqrt(2 * M_PI) * exp(x * x / 2);

		x -= u / (1 + x * u / 2);
	}
	return x;
}

double normal_quantile(double p)
{
	if (isnan(p) || p < 0 || p > 1)
		return NAN;
	if (p == 0 || p == 1)
		return p == 0 ? -INFINITY : INFINITY;
	return p <= 0.5 ? lower_quantile(p) : -lower_quantile(1 - p);
}

/* Regularised incomplete beta function by Lentz's continued fraction. */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1), f;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	f = d;
	for (int m = 1; m < 100000; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

		for (int k = 0; k < 2; k++) {
			double step = k ? odd : even;

			d = 1 + step * d;
			c = 1 + step / c;
			d = 1 / (fabs(d) < tiny ? tiny : d);
			c = fabs(c) < tiny ? tiny : c;
			f *= d * c;
		}
		if (fabs(d * c - 1) < 1e-16)
			break;
	}
	return f;
}

static double incomplete_beta(double a, double b, double x)
{
	double front;

	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
	                                 : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double binomial_cdf(int64_t k, int64_t n, double p)
{
	if (k < 0)
		return 0;
	if (k >= n)
		return 1;
	return incomplete_beta((double)(n - k), (double)k + 1, 1 - p);
}

int64_t binomial_quantile(double q, int64_t n, double p)
{
	int64_t low = -1, high = n;

	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (binomial_cdf(middle, n, p) >= q)
			high = middle;
		else
			low = middle;
	}
	return high;
}
