/* SPDX-License-Identifier: MIT */
/* What judges the workloads' results: it must see what is wrong, and the reference must itself be right. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "check.h"
#include "mlp.h"
#include "samples.h"
#include "schedule.h"

static void test_check(void **state)
{
	static const struct {
		double got, want, scale, bound;
		int r;
	} cases[] = {
		{1, 1, 1, 0, 0},
		{1, 1 + 0x1p-52, 1, 0, -EBADMSG},
		{1.01, 1, 1, 0.0101, 0},
		{0.99, 1, 1, 0.009, -EBADMSG},
		{3, 2, 100, 0.01, 0},
		{3, 2, 100, 0.009, -EBADMSG},
		{NAN, 1, 1, 1e9, -EBADMSG},
		{INFINITY, 1, 1, 1e9, -EBADMSG},
		{1, NAN, 1, 1e9, -EBADMSG},
		{0, 0, 0, 1, -EBADMSG}, /* 0 / 0: a scale of 0 is no scale */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct check c = {.what = "value", .bound = cases[i].bound};

		check_value(&c, cases[i].got, cases[i].want, cases[i].scale);
		assert_int_equal(check_judge(&c, NULL), cases[i].r);
	}
}

/* One wrong value among many right ones is found, and named. */
static void test_check_worst(void **state)
{
	struct check c = {.what = "values", .bound = 1e-6};
	struct ofbc_error err = {0};

	(void)state;
	assert_int_equal(check_judge(&c, &err), -EBADMSG); /* nothing looked at */
	assert_non_null(strstr(err.message, "nothing was checked"));
	for (unsigned i = 0; i < 1000; i++)
		check_value(&c, i == 617 ? 1.5 : 1 + 1e-7 * (i % 7), 1, 1);
	assert_int_equal(check_judge(&c, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "value 617 of 1000"));
	assert_true(fabs(c.error - 0.5) < 1e-12);
}

static void test_random(void **state)
{
	double sum = 0, squares = 0, least = 1, most = -1;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		double v = random_at(7, i);

		assert_true(v >= -1 && v < 1);
		sum += v;
		squares += v * v;
		least = fmin(least, v);
		most = fmax(most, v);
	}
	assert_true(fabs(sum / 1e5) < 0.01 && fabs(squares / 1e5 - 1.0 / 3) < 0.01);
	assert_true(least < -0.999 && most > 0.999);
	assert_true(random_at(1, 5) < random_at(2, 5) || random_at(1, 5) > random_at(2, 5));
}

/* Numbers are stored to the nearest of their precision. */
static void test_precision(void **state)
{
	(void)state;
	for (enum precision p = 0; p < PRECISION_COUNT; p++) {
		double stored[64];

		random_fill(p, 3, 0, stored, ARRAY_SIZE(stored));
		for (size_t i = 0; i < ARRAY_SIZE(stored); i++) {
			double v = random_at(3, i), got = number_at(p, stored, i);
			/* TF32 is rounded by the device, not here */
			double unit = precision_unit(p == PRECISION_TF32 ? PRECISION_FP32 : p);

			assert_true(fabs(got - v) <= unit * fabs(v));
			assert_true(memcmp(&got, &(double){random_stored(p, 3, i)}, sizeof(got)) == 0);
		}
	}
}

static void test_samples(void **state)
{
	_cleanup_free_ struct samples *s = calloc(1, sizeof(*s));

	(void)state;
	assert_non_null(s);
	assert_true(isnan(samples_quantile(s, 0.5)));
	for (uint64_t i = 100; i > 0; i--)
		samples_add(s, i * 1000);
	assert_true(fabs(samples_quantile(s, 0) - 1e-6) < 1e-12 &&
	            fabs(samples_quantile(s, 1) - 1e-4) < 1e-12);
	assert_true(fabs(samples_quantile(s, 0.5) - 51e-6) < 1e-12);
	for (unsigned i = 0; i < SAMPLES_MAX; i++) /* the latest are kept */
		samples_add(s, UINT64_MAX);
	assert_true(fabs(samples_quantile(s, 0) - UINT32_MAX / 1e9) < 1e-9);
}

/* Arrivals have their rate and, as those of independent users, gaps of which 1/e are longer than the mean. */
static void test_schedule(void **state)
{
	const unsigned n = 20000;
	struct schedule s = schedule_begin(ARRIVALS_POISSON, 1000, "7-0", 5);
	struct schedule same = s, other = schedule_begin(ARRIVALS_POISSON, 1000, "7-1", 5);
	struct schedule even = schedule_begin(ARRIVALS_UNIFORM, 1000, "7-0", 5);
	uint64_t last = 5, now = 5;
	unsigned n_long = 0, n_alike = 0;

	(void)state;
	for (unsigned i = 0; i < n; i++, last = now) {
		now = schedule_next(&s);
		assert_true(now >= last);
		n_long += now - last > 1000000;
		assert_int_equal(schedule_next(&same), now);
		n_alike += schedule_next(&other) == now;
		assert_true(llabs((long long)(schedule_next(&even) - 5 - (i + 1) * 1000000ull)) < 1000);
	}
	assert_true(fabs((double)now / 1e9 - n / 1000.0) < 0.03 * n / 1000.0);
	assert_true(fabs((double)n_long / n - exp(-1)) < 0.02);
	assert_true(n_alike < 2);
}

/* --- the network --- */

static const struct mlp_shape shape = {.batch = 3, .layers = 3, .width = 7, .batches = 2, .rate = 1e-3};

static double *widen(const struct mlp_data *d)
{
	size_t n = (size_t)shape.layers * shape.width * shape.width;
	double *w = calloc(n, sizeof(*w));

	for (size_t i = 0; w && i < n; i++)
		w[i] = (double)d->weights[i];
	return w;
}

static double mean_loss(const struct mlp_data *d, double *weights)
{
	double loss[3], sum = 0;

	assert_int_equal(mlp_reference_step(&shape, d, 1, false, weights, loss), 0);
	for (unsigned b = 0; b < shape.batch; b++)
		sum += loss[b] / shape.batch;
	return sum;
}

/* Training changes every weight by the derivative of the loss, which differences tell, too. */
static void test_reference_gradient(void **state)
{
	const double small = 1e-6;
	struct mlp_data d;
	_cleanup_free_ double *weights = NULL, *trained = NULL;
	double loss[3];

	(void)state;
	assert_int_equal(mlp_data_new(&shape, &d), 0);
	weights = widen(&d);
	trained = widen(&d);
	assert_true(weights && trained);
	assert_int_equal(mlp_reference_step(&shape, &d, 1, true, trained, loss), 0);
	for (size_t i = 0; i < (size_t)shape.layers * shape.width * shape.width; i++) {
		double kept = weights[i], up, down, slope = (kept - trained[i]) / shape.rate;

		weights[i] = kept + small;
		up = mean_loss(&d, weights);
		weights[i] = kept - small;
		down = mean_loss(&d, weights);
		weights[i] = kept;
		assert_true(fabs(slope - (up - down) / (2 * small)) < 1e-6);
	}
	mlp_data_done(&d);
}

static void test_reference_row(void **state)
{
	struct mlp_data d;
	_cleanup_free_ double *weights = NULL;
	double all[3], one;

	(void)state;
	assert_int_equal(mlp_data_new(&shape, &d), 0);
	weights = widen(&d);
	assert_non_null(weights);
	assert_int_equal(mlp_reference_step(&shape, &d, 1, false, weights, all), 0);
	for (unsigned row = 0; row < shape.batch; row++) {
		assert_int_equal(mlp_reference_row(&shape, &d, 1, row, &one), 0);
		assert_true(fabs(one - all[row]) < 1e-12);
	}
	mlp_data_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_worst),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_precision),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_reference_gradient),
		cmocka_unit_test(test_reference_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
