/* SPDX-License-Identifier: MIT */
/* What frames say of a session, and when there is one. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "script.h"

#define MS     1000000u
#define PERIOD (10 * MS)

/* n frames, each due 10 ms after the one before and complete after 1 ms. */
static struct frame_list steady_frames(unsigned n)
{
	struct frame_list l = {0};

	for (unsigned i = 0; i < n; i++) {
		struct frame *f = frames_add(&l, i * (uint64_t)PERIOD);

		assert_non_null(f);
		f->end_ns = f->due_ns + MS;
	}
	return l;
}

static struct frame_metrics metrics_of(struct frame_list *l, uint64_t period_ns)
{
	uint64_t end_ns = l->n * (uint64_t)PERIOD;
	struct frame_metrics m;

	frames_settle(l, end_ns);
	assert_int_equal(frames_metrics(l, 0, end_ns, period_ns, &m), 0);
	frames_done(l);
	return m;
}

static void test_steady(void **state)
{
	struct frame_list l = steady_frames(100);
	struct frame_metrics m = metrics_of(&l, PERIOD);

	(void)state;
	assert_int_equal(m.shown, 100);
	assert_float_equal(m.fps, 100, 1e-9);
	assert_float_equal(m.p99, 1, 1e-9);
	assert_float_equal(m.low_1, 1000, 1e-6);
	assert_float_equal(m.stutter + m.jitter + m.dropped, 0, 1e-9);
}

/* It hangs for frames 50 to 54: five were due, and they are seen with frame 55. */
static void test_hang(void **state)
{
	struct frame_list l = steady_frames(100);
	struct frame_metrics m;

	(void)state;
	for (int i = 50; i < 55; i++)
		l.v[i].end_ns = 0;
	m = metrics_of(&l, PERIOD);
	assert_int_equal(m.due, 100);
	assert_int_equal(m.shown, 95);
	assert_float_equal(m.dropped, 0.05, 1e-9);
	assert_float_equal(m.stutter, 0.05, 1e-9);
	assert_float_equal(m.max, 51, 1e-9);
}

/* Complete, but so late that the frame after the next was due. */
static void test_late(void **state)
{
	struct frame_list l = steady_frames(100);
	struct frame_metrics m;

	(void)state;
	l.v[10].end_ns = l.v[10].due_ns + 2 * PERIOD;
	l.v[20].end_ns = l.v[20].due_ns + 2 * PERIOD + 1;
	m = metrics_of(&l, PERIOD);
	assert_int_equal(m.shown, 100);
	assert_float_equal(m.dropped, 0.01, 1e-9);
	l = steady_frames(100);
	l.v[20].end_ns += 50 * MS;
	m = metrics_of(&l, 0);
	assert_float_equal(m.dropped, 0, 0);
}

/* The last ones never came. */
static void test_end(void **state)
{
	struct frame_list l = steady_frames(10);
	struct frame_metrics m;

	(void)state;
	l.v[8].end_ns = l.v[9].end_ns = 0;
	m = metrics_of(&l, PERIOD);
	assert_int_equal(m.shown, 8);
	assert_float_equal(m.max, 20, 1e-9);
	assert_true(isnan(m.p99_low));
	assert_int_equal(frames_metrics(&l, 0, 1, PERIOD, &m), -ENODATA);
}

static void test_script(void **state)
{
	struct script a, b, other;
	uint64_t last = 0;
	int differ = 0, n;

	(void)state;
	script_init(&a, SCRIPT_DESKTOP, 60, 1);
	script_init(&b, SCRIPT_DESKTOP, 60, 1);
	script_init(&other, SCRIPT_DESKTOP, 60, 2);
	for (n = 0; n < 5000; n++) {
		double share, again;
		uint64_t slot = script_next(&a, &share);

		assert_true(n == 0 || slot > last);
		assert_true(share > 0 && share <= 1);
		assert_int_equal(script_next(&b, &again), slot);
		assert_float_equal(again, share, 0);
		differ += script_next(&other, &again) != slot;
		last = slot;
	}
	assert_true(differ > 0);
	assert_true(last > 6000); /* it rests for much of the time */
	script_init(&a, SCRIPT_CONSTANT, 60, 1);
	for (uint64_t i = 0; i < 100; i++) {
		double share;

		assert_int_equal(script_next(&a, &share), i);
		assert_float_equal(share, 1, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady), cmocka_unit_test(test_hang),   cmocka_unit_test(test_late),
		cmocka_unit_test(test_end),    cmocka_unit_test(test_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
