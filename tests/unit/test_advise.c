/* SPDX-License-Identifier: MIT */
/* Choosing: ranking, what is between measured points, and a layout as a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/yaml.h"
#include "bench/advise.h"
#include "bench/random.h"

#define OPTIONS 6
#define TRIALS  7

static bool is_near(double a, double b)
{
	return fabs(a - b) <= 1e-12 * fabs(b);
}

/* Whatever the trials are, what is ranked first is within the margin of the best median. */
static void test_rank_finds_the_best(void **state)
{
	struct random random = random_seeded(42);

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		double values[OPTIONS][TRIALS];
		struct advise_sample samples[OPTIONS];
		struct advise_option options[OPTIONS] = {0};
		bool higher = round % 2;

		for (unsigned i = 0; i < OPTIONS; i++) {
			double at = 1 + random_unit(&random);

			for (unsigned k = 0; k < TRIALS; k++)
				values[i][k] = at * (1 + 0.01 * random_unit(&random));
			samples[i] = (struct advise_sample){.v = values[i], .n = TRIALS};
			options[i].samples = &samples[i];
		}
		assert_int_equal(advise_rank(options, OPTIONS, 1, &(double){1}, &higher, round), 0);
		for (unsigned i = 0; i < OPTIONS; i++) {
			assert_true(options[i].behind >= 0 && options[i].score >= 1);
			/* 1 % of noise is told from a distance of the margin and more */
			if (options[i].behind > 0.04)
				assert_true(options[i].sure < 0.01);
			if (options[i].behind < 0.005)
				assert_true(options[i].sure > 0.99);
		}
	}
}

static void test_rank_of_a_mix(void **state)
{
	/* Each is best at one thing; the third is good at both. Units differ, and so does the direction. */
	double a[] = {100, 1, 90}, b[] = {4e9, 1e9, 1.1e9};
	struct advise_sample samples[3][2];
	struct advise_option options[3] = {0};
	const bool higher[] = {true, false};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		samples[i][0] = (struct advise_sample){.v = &a[i], .n = 1};
		samples[i][1] = (struct advise_sample){.v = &b[i], .n = 1};
		options[i].samples = samples[i];
	}
	assert_int_equal(advise_rank(options, 3, 2, (double[]){1, 1}, higher, 1), 0);
	assert_true(is_near(options[0].score, (1 + 4) / 2.0));
	assert_true(is_near(options[1].score, (100 + 1) / 2.0));
	assert_true(is_near(options[2].score, (100 / 90.0 + 1.1) / 2));
	assert_true(options[2].behind == 0 && options[0].behind > 0);
	assert_int_equal(advise_rank(options, 3, 2, (double[]){99, 1}, higher, 1), 0);
	assert_true(options[0].behind == 0);
}

static void test_interpolation(void **state)
{
	/* A power of n is a straight line in logarithms: exact, and it knows. */
	const struct advise_point power[] = {{1, 10}, {2, 20}, {4, 40}, {16, 160}},
				  bent[] = {{1, 100}, {2, 150}, {4, 200}};
	double v, error;

	(void)state;
	assert_int_equal(advise_interpolate(power, 4, 8, &v, &error), 0);
	assert_true(is_near(v, 80) && error < 1e-12);
	assert_int_equal(advise_interpolate(bent, 3, 3, &v, &error), 0);
	assert_true(v > 150 && v < 200 &&
	            is_near(error, 150 / (100 * sqrt(2)) > 1 ? 1 - 100 * sqrt(2) / 150 : 0));
	assert_int_equal(advise_interpolate(power, 2, 1.5, &v, &error), 0);
	assert_true(isnan(error));
	assert_int_equal(advise_interpolate(power, 4, 17, &v, &error), -ERANGE);
	assert_int_equal(advise_interpolate(power, 1, 1, &v, &error), -ERANGE);
}

/* What is printed is read back as the same. */
static void test_yaml(void **state)
{
	static const char text[] =
		"hooks: {drain: \"echo \\\"a\\\\b\\\": 'c'\", timeout: 5}\n"
		"gpus:\n  - match: {pci: \"0000:19:00.0\"}\n    modes: {mig: \"on\"}\n"
		"    partitions:\n      - {type: \"mps:50%\", count: 2}\n      - {type: a, name: \"\"}\n"
		"  - match: {all: true}\n    partitions: []\n";
	struct strbuf first = STRBUF_INIT(4096), second = STRBUF_INIT(4096);
	struct yaml *doc;

	(void)state;
	assert_int_equal(yaml_doc_parse(text, strlen(text), "text", &doc, NULL), 0);
	yaml_print(doc, &first);
	yaml_doc_free(doc);
	assert_int_equal(yaml_doc_parse(strbuf_str(&first), first.len, "printed", &doc, NULL), 0);
	yaml_print(doc, &second);
	assert_string_equal(yaml_doc_get(yaml_doc_get(doc, "hooks"), "drain")->text, "echo \"a\\b\": 'c'");
	yaml_doc_free(doc);
	assert_string_equal(strbuf_str(&first), strbuf_str(&second));
	assert_non_null(strstr(strbuf_str(&first), "    partitions: []\n"));
	strbuf_done(&first);
	strbuf_done(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rank_finds_the_best),
		cmocka_unit_test(test_rank_of_a_mix),
		cmocka_unit_test(test_interpolation),
		cmocka_unit_test(test_yaml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
