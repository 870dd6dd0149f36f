/* SPDX-License-Identifier: MIT */
/* How many desktop sessions are carried: judging trials, the search, the score. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "bench/vdi.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void test_session(void **state)
{
	static const struct {
		struct vdi_session s;
		enum vdi_limit limit;
	} cases[] = {
		{{1.0 / 30, 2.0 / 30, 0.01}, VDI_FINE},
		{{0.034, 0.034, 0}, VDI_P95},
		{{0.03, 0.07, 0.5}, VDI_P99},
		{{0.03, 0.03, 0.02}, VDI_DROPPED},
		{{NAN, 0.03, 0}, VDI_P95},
		{{0.03, NAN, 0}, VDI_P99},
		{{0.03, 0.03, NAN}, VDI_DROPPED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(vdi_session_limit(&cases[i].s, 30), cases[i].limit);
}

static void test_session_score(void **state)
{
	static const struct {
		struct vdi_session s;
		double score;
	} cases[] = {
		{{0.001, 0, 0}, 10}, {{0.05, 0, 0}, 10}, {{0.1, 0, 0}, 5},
		{{0.1, 0, 0.2}, 4},  {{0.01, 0, 1}, 0},  {{0.05, 0, 0.25}, 7.5},
	};
	const struct vdi_session unknown[] = {{NAN, 0, 0}, {0, 0, NAN}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		NEAR(vdi_session_score(&cases[i].s, 20), cases[i].score);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_true(isnan(vdi_session_score(&unknown[i], 20)));
}

/* The worst session counts, by each criterion; the limit is the first of all sessions'. */
static void test_judge(void **state)
{
	const struct vdi_session fine[] = {{0.01, 0.04, 0}, {0.02, 0.03, 0.005}},
				 mixed[] = {{0.01, 0.02, 0.3}, {0.06, 0.06, 0}, {0.01, 0.02, 0}},
				 silent[] = {{0.01, 0.02, 0}, {NAN, NAN, NAN}, {0.02, 0.02, 0}};
	struct vdi_trial t;

	(void)state;
	vdi_trial_judge(fine, 2, 20, &t);
	assert_int_equal(t.sessions, 2);
	assert_int_equal(t.limit, VDI_FINE);
	NEAR(t.p95, 0.02);
	NEAR(t.p99, 0.04);
	NEAR(t.dropped, 0.005);
	NEAR(t.score, 10 * (1 + 0.995) / 2);
	vdi_trial_judge(mixed, 3, 20, &t);
	assert_int_equal(t.limit, VDI_P95); /* though the first session only drops frames */
	NEAR(t.p95, 0.06);
	NEAR(t.dropped, 0.3);
	vdi_trial_judge(silent, 3, 20, &t);
	assert_int_equal(t.limit, VDI_P95);
	assert_true(isnan(t.p95) && isnan(t.p99) && isnan(t.dropped) && isnan(t.score));
}

/* Every capacity from none to all is found, confirmed three times, in few trials. */
static void test_search(void **state)
{
	struct vdi_trial trials[64];
	struct vdi_capacity c;

	(void)state;
	for (unsigned capacity = 0; capacity <= 40; capacity++) {
		size_t n = 0;

		for (vdi_capacity(trials, 0, 3, 40, &c); c.next; vdi_capacity(trials, n, 3, 40, &c)) {
			assert_true(n < 20 && c.next <= 40);
			assert_true(c.good <= capacity && c.bad > capacity);
			trials[n++] = (struct vdi_trial){.sessions = c.next,
			                                 .limit = c.next > capacity ? VDI_P99 : VDI_FINE};
		}
		assert_int_equal(c.sessions, capacity);
		assert_int_equal(c.limit, capacity < 40 ? VDI_P99 : VDI_FINE);
		assert_int_equal(c.good, capacity);
		assert_int_equal(c.bad, capacity + 1);
	}
}

/* What fails once is not carried, also when it was thought to be the answer already. */
static void test_flaky(void **state)
{
	const struct vdi_trial once[] = {{.sessions = 1},
	                                 {.sessions = 2},
	                                 {.sessions = 2, .limit = VDI_DROPPED}},
			       late[] = {{.sessions = 1},
	                                 {.sessions = 2},
	                                 {.sessions = 4},
	                                 {.sessions = 8, .limit = VDI_P99},
	                                 {.sessions = 6},
	                                 {.sessions = 7},
	                                 {.sessions = 7, .limit = VDI_FAILED},
	                                 {.sessions = 6}};
	struct vdi_capacity c;

	(void)state;
	vdi_capacity(once, 3, 1, 40, &c);
	assert_int_equal(c.sessions, 1);
	assert_int_equal(c.limit, VDI_DROPPED);
	vdi_capacity(late, 8, 2, 40, &c);
	assert_int_equal(c.sessions, 6);
	assert_int_equal(c.limit, VDI_FAILED);
	assert_int_equal(c.next, 0);
	vdi_capacity(late, 6, 2, 40, &c); /* not confirmed yet */
	assert_int_equal(c.sessions, 0);
	assert_int_equal(c.good, 7);
	assert_int_equal(c.next, 7);
}

static void test_score(void **state)
{
	const struct vdi_trial found[] = {{.sessions = 1, .score = 8},   {.sessions = 2, .score = 8},
	                                  {.sessions = 4, .score = 2},   {.sessions = 3, .score = 7.0},
	                                  {.sessions = 3, .score = 6.7}, {.sessions = 1, .score = 8}},
			       between[] = {{.sessions = 1, .score = 10},
	                                    {.sessions = 4, .score = 9},
	                                    {.sessions = 8, .limit = VDI_FAILED, .score = NAN}},
			       kept[] = {{.sessions = 1, .score = 10}, {.sessions = 2, .score = 9}},
			       none[] = {{.sessions = 1, .score = 0}, {.sessions = 2, .score = 0}};
	struct vdi_score s;

	(void)state;
	vdi_score(found, 6, &s);
	NEAR(s.alone, 8);
	assert_int_equal(s.low, 3); /* on average 6.85, and 6.8 would do */
	assert_int_equal(s.high, 3);
	vdi_score(found, 5, &s);
	assert_int_equal(s.high, 3);
	vdi_score(between, 3, &s);
	assert_int_equal(s.low, 4);
	assert_int_equal(s.high, 7);
	vdi_score(kept, 2, &s);
	assert_int_equal(s.low, 2);
	assert_int_equal(s.high, 0);
	vdi_score(none, 2, &s);
	assert_true(isnan(s.alone));
	vdi_score(kept, 0, &s);
	assert_true(isnan(s.alone));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session), cmocka_unit_test(test_session_score),
		cmocka_unit_test(test_judge),   cmocka_unit_test(test_search),
		cmocka_unit_test(test_flaky),   cmocka_unit_test(test_score),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
