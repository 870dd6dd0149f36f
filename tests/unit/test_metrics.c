/* SPDX-License-Identifier: MIT */
/* What sharing gives: the arithmetic against figures worked out by hand, and what is absent for which reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "bench/derive.h"
#include "bench/metrics.h"

#define RUN   "aaaaaaaa-0000-4000-8000-000000000001"
#define OTHER "bbbbbbbb-0000-4000-8000-000000000002"

static void near(double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * fmax(1, fabs(want))))
		fail_msg("%.17g, not %.17g", got, want);
}

/* --- cells by hand --- */

struct made {
	const char *layout;
	unsigned instances;
	double rate;   /* of an instance */
	double spread; /* instance i of n has rate * (1 + i * spread) */
	const double *shares;
	double joules, watts, idle;
	unsigned trials; /* 0: five */
	bool is_time;    /* the metric is seconds a run, 1 / rate */
	double p99;      /* of an instance, in ms; 0: none */
	const char *against;
};

static struct bench_run_data *make_run(struct bench_archive *a, const char *id, const char *platform)
{
	struct bench_run_data *d = list_add(a);

	assert_non_null(d);
	snprintf(d->run.id, sizeof(d->run.id), "%s", id);
	snprintf(d->run.host, sizeof(d->run.host), "node1");
	snprintf(d->run.platform, sizeof(d->run.platform), "%s", platform);
	return d;
}

static void add_values(struct bench_trial *t, const struct made *m)
{
	double sum = 0;

	for (unsigned i = 0; i < m->instances; i++) {
		double r = m->rate * (1 + i * m->spread);

		assert_non_null(bench_value_add(t, "work", (int)i, m->is_time ? 1 / r : r));
		if (m->shares)
			assert_non_null(bench_value_add(t, BENCH_COMPUTE_SHARE, (int)i, m->shares[i]));
		if (m->p99 > 0)
			assert_non_null(
				bench_value_add(t, "latency-p99", (int)i, m->p99 * (1 + i * m->spread)));
		sum += r;
	}
	assert_non_null(bench_value_add(t, "work", -1, sum));
	t->verdict = BENCH_OK;
	if (m->joules > 0) {
		t->energy_j = m->joules;
		assert_non_null(bench_value_add(t, BENCH_MEAN_POWER, -1, m->watts));
	}
	if (m->idle > 0 && t->number == 0)
		assert_non_null(bench_value_add(t, BENCH_IDLE_POWER, -1, m->idle));
}

static void make_cell(struct bench_run_data *run, const struct made *m)
{
	struct bench_cell_data *d = list_add(&run->cells);
	struct bench_summary *s;

	assert_non_null(d);
	d->cell.instances = m->instances;
	snprintf(d->cell.benchmark, sizeof(d->cell.benchmark), "yolos");
	snprintf(d->cell.layout, sizeof(d->cell.layout), "%s", m->layout);
	s = bench_summary_add(&d->summaries, "work");
	assert_non_null(s);
	s->has_direction = true;
	s->higher_is_better = !m->is_time;
	snprintf(s->unit, sizeof(s->unit), "%s", m->is_time ? "s" : "image/s");
	if (m->p99 > 0)
		snprintf(bench_summary_add(&d->summaries, "latency-p99")->unit, sizeof(s->unit), "ms");
	if (m->against)
		snprintf(d->cell.parameters, sizeof(d->cell.parameters), BENCH_AGAINST "%s ", m->against);
	for (unsigned i = 0; i < (m->trials ? m->trials : 5); i++) {
		struct bench_trial *t = bench_trial_add(&d->trials);

		assert_non_null(t);
		t->number = i;
		add_values(t, m);
	}
}

static const struct ofbc_bench_derived *figure(const struct ofbc_bench_derived_list *l, const char *layout,
                                               unsigned instances, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].instances == instances && strcmp(l->v[i].layout, layout) == 0 &&
		    strcmp(l->v[i].figure, name) == 0)
			return &l->v[i];
	}
	return NULL;
}

static void expect(const struct ofbc_bench_derived_list *l, const char *layout, unsigned instances,
                   const char *name, double want)
{
	const struct ofbc_bench_derived *d = figure(l, layout, instances, name);

	if (!d)
		fail_msg("no %s of %s", name, layout);
	near(d->value, want);
	assert_string_equal(d->reason, "");
}

/* Absent: NAN and not 0, with a reason that says this. */
static void expect_absent(const struct ofbc_bench_derived_list *l, const char *layout, unsigned instances,
                          const char *name, const char *reason)
{
	const struct ofbc_bench_derived *d = figure(l, layout, instances, name);

	if (!d)
		fail_msg("no %s of %s", name, layout);
	assert_true(isnan(d->value) && isnan(d->low) && isnan(d->high));
	if (!strstr(d->reason, reason))
		fail_msg("'%s' does not say '%s'", d->reason, reason);
}

/* --- tests --- */

/* Published: seven MPS clients of an A100, 0.3198 s an image, one alone 0.0880 s (nebuly, nos). */
static void test_worked_example(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_bench_derived_list l = {0};
	const struct ofbc_bench_derived *d;
	struct bench_run_data *run = make_run(&a, RUN, "bare-metal");

	(void)state;
	make_cell(run,
	          &(struct made){
			  .layout = "unpartitioned", .instances = 1, .rate = 1 / 0.0880, .is_time = true});
	make_cell(run,
	          &(struct made){.layout = "shared", .instances = 7, .rate = 1 / 0.3198, .is_time = true});
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	expect(&l, "shared", 7, "progress", 0.0880 / 0.3198); /* 0.275 */
	expect(&l, "shared", 7, "stp", 7 * 0.0880 / 0.3198);  /* 1.93 */
	expect(&l, "shared", 7, "antt", 0.3198 / 0.0880);     /* 3.63 */
	expect(&l, "shared", 7, "slowest", 0.3198 / 0.0880);
	expect(&l, "shared", 7, "hmean", 0.0880 / 0.3198);
	expect(&l, "shared", 7, "fairness", 1);
	expect(&l, "shared", 7, "min_max", 1);
	expect(&l, "shared", 7, "rate", 7 / 0.3198);
	expect(&l, "shared", 7, "variation", 0);
	d = figure(&l, "shared", 7, "stp");
	assert_string_equal(d->base, "unpartitioned, 1 instance");
	assert_string_equal(figure(&l, "shared", 7, "rate")->unit, "run/s");
	assert_true(d->low <= d->value && d->value <= d->high && d->trials == 5 && d->trials_base == 5);
	assert_null(figure(&l, "unpartitioned", 1, "stp")); /* of the base itself */
	expect_absent(&l, "shared", 7, "energy_per_unit", "no energy");
	expect_absent(&l, "shared", 7, "cost_per_unit", "no price");
	free(l.v);
}

/* Two instances at 1 and 1.5 of a base of 2: figures of unequal ones. */
static void test_unequal(void **state)
{
	static const double shares[] = {0.4, 0.6};
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_bench_derived_list l = {0};
	struct bench_run_data *run = make_run(&a, RUN, "bare-metal");
	size_t k = 0;

	(void)state;
	make_cell(run, &(struct made){.layout = "unpartitioned", .instances = 1, .rate = 2});
	make_cell(run, &(struct made){.layout = "shared", .instances = 2, .rate = 1, .spread = 0.5});
	make_cell(run,
	          &(struct made){
			  .layout = "uneven", .instances = 2, .rate = 1, .spread = 0.5, .shares = shares});
	make_cell(run,
	          &(struct made){.layout = "uneven/small", .instances = 1, .rate = 1.25, .shares = shares});
	make_cell(run,
	          &(struct made){.layout = "uneven/large", .instances = 1, .rate = 2, .shares = shares + 1});
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	expect(&l, "shared", 2, "stp", 1.25);
	expect(&l, "shared", 2, "antt", (2 + 4.0 / 3) / 2);
	expect(&l, "shared", 2, "slowest", 2);
	expect(&l, "shared", 2, "hmean", 2 / (2 + 4.0 / 3));
	expect(&l, "shared", 2, "fairness", 2.5 * 2.5 / (2 * (1 + 2.25)));
	expect(&l, "shared", 2, "min_max", 1 / 1.5);
	expect(&l, "uneven", 2, "fairness", 1); /* each has what its share entitles it to */
	expect(&l, "uneven", 2, "min_max", 1 / 1.5);
	expect(&l, "uneven/small", 1, "efficiency_compute", 1.25 / (0.4 * 2));
	expect(&l, "uneven/large", 1, "efficiency_compute", 2 / (0.6 * 2));
	/* each of the two is compared with the partition of its own size */
	for (size_t i = 0; i < l.n; i++) {
		if (strcmp(l.v[i].figure, "interference") != 0)
			continue;
		near(l.v[i].value, k == 0 ? 1 - 1 / 1.25 : 1 - 1.5 / 2);
		assert_string_equal(l.v[i].base,
		                    k++ == 0 ? "uneven/small, 1 instance" : "uneven/large, 1 instance");
	}
	assert_int_equal(k, 2);
	expect_absent(&l, "uneven/small", 1, "efficiency_memory", "memory is not known");
	free(l.v);
}

/* 300 W over 10 s at 20 images a second: 15 J an image; 100 W of it idle. */
static void test_energy(void **state)
{
	const struct ofbc_bench_derive_options prices = {.price_hour = 3.6, .price_kwh = 0.36, .pue = 1.5};
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_bench_derived_list l = {0};
	struct bench_run_data *run = make_run(&a, RUN, "bare-metal");

	(void)state;
	make_cell(run, &(struct made){.layout = "unpartitioned",
	                              .instances = 1,
	                              .rate = 8,
	                              .joules = 2400,
	                              .watts = 240,
	                              .idle = 100});
	make_cell(run, &(struct made){.layout = "shared",
	                              .instances = 2,
	                              .rate = 10,
	                              .joules = 3000,
	                              .watts = 300,
	                              .idle = 100});
	assert_int_equal(derive_figures(&a, &prices, &l), 0);
	expect(&l, "shared", 2, "energy_per_unit", 15);
	expect(&l, "shared", 2, "dynamic_energy_per_unit", 10);
	expect(&l, "shared", 2, "work_per_joule", 1.0 / 15);
	expect(&l, "shared", 2, "energy_delay", 15.0 / 20);
	expect(&l, "unpartitioned", 1, "energy_per_unit", 30);
	expect(&l, "shared", 2, "energy_saving", 0.5);
	/* 0.001 a second, and 15 J at 0.36 / 3.6e6 a joule, times 1.5 */
	expect(&l, "shared", 2, "cost_per_unit", 0.001 / 20 + 15 * 1e-7 * 1.5);
	assert_string_equal(figure(&l, "shared", 2, "energy_per_unit")->unit, "J/image");
	free(l.v);
	l = (struct ofbc_bench_derived_list){0};
	assert_int_equal(derive_figures(&a, &(struct ofbc_bench_derive_options){.price_hour = 3.6}, &l), 0);
	expect(&l, "shared", 2, "cost_per_unit", 0.001 / 20);
	free(l.v);
}

/* One beside others: 10 alone, 4 in the storm; its p99 of 2 ms gets 7 ms. */
static void test_isolation(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_bench_derived_list l = {0};
	struct bench_run_data *run = make_run(&a, RUN, "bare-metal");

	(void)state;
	make_cell(run, &(struct made){.layout = "unpartitioned", .instances = 1, .rate = 10, .p99 = 2});
	make_cell(run,
	          &(struct made){.layout = "shared", .instances = 2, .rate = 5, .p99 = 3, .spread = 2.0 / 3});
	make_cell(run, &(struct made){
			       .layout = "shared", .instances = 3, .rate = 4, .p99 = 7, .against = "storm"});
	make_cell(run, &(struct made){.layout = "shared", .instances = 4, .rate = 2.5});
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	expect(&l, "shared", 3, "interference", 1 - 4.0 / 10);
	expect(&l, "shared", 3, "latency_interference", 3.5);
	assert_string_equal(figure(&l, "shared", 3, "latency_interference")->metric, "latency-p99");
	expect(&l, "shared", 2, "latency_interference", 2); /* 3 and 5: 4 on average */
	assert_null(figure(&l, "shared", 4, "latency_interference"));
	assert_null(figure(&l, "unpartitioned", 1, "latency_interference"));
	free(l.v);
}

/* A solo that another run has, too, is no second base. */
static void test_bases(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_bench_derived_list l = {0};
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct bench_run_data *run = make_run(&a, i ? OTHER : RUN, "bare-metal");

		make_cell(run, &(struct made){.layout = "halves", .instances = 1, .rate = 10 + 10 * i});
		make_cell(run, &(struct made){.layout = "halves", .instances = 2, .rate = 8 + 8 * i});
	}
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	for (size_t i = 0; i < l.n; i++) {
		if (strcmp(l.v[i].figure, "interference") == 0) {
			near(l.v[i].value, 0.2);
			n++;
		}
	}
	assert_int_equal(n, 2);
	free(l.v);
}

static void test_partitions(void **state)
{
	static const double whole[] = {1}, halves[] = {0.5, 0.5};
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_bench_derived_list l = {0};
	struct bench_run_data *run = make_run(&a, RUN, "bare-metal");

	(void)state;
	make_cell(run, &(struct made){.layout = "unpartitioned", .instances = 1, .rate = 10});
	make_cell(run, &(struct made){.layout = "mig:7g", .instances = 1, .rate = 9, .shares = whole});
	make_cell(run, &(struct made){.layout = "2x mig:3g", .instances = 2, .rate = 4.5, .shares = halves});
	make_cell(run, &(struct made){.layout = "mig:3g", .instances = 1, .rate = 5, .shares = halves});
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	expect(&l, "mig:7g", 1, "sharing_overhead", 0.1);
	assert_null(figure(&l, "mig:3g", 1, "sharing_overhead"));
	expect(&l, "mig:3g", 1, "efficiency_compute", 1);
	expect(&l, "2x mig:3g", 2, "interference", 0.1);
	assert_null(figure(&l, "2x mig:3g", 2, "virtualisation_efficiency"));
	free(l.v);
}

/* A guest beside its host: named after the run where the base is. */
static void test_platforms(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_bench_derived_list l = {0};

	(void)state;
	make_cell(make_run(&a, RUN, "kvm"),
	          &(struct made){.layout = "unpartitioned", .instances = 1, .rate = 9.5});
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	expect_absent(&l, "unpartitioned", 1, "virtualisation_efficiency", "bare metal");
	free(l.v);
	l = (struct ofbc_bench_derived_list){0};
	make_cell(make_run(&a, OTHER, "bare-metal"),
	          &(struct made){.layout = "unpartitioned", .instances = 1, .rate = 10});
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	expect(&l, "unpartitioned", 1, "virtualisation_efficiency", 0.95);
	assert_string_equal(figure(&l, "unpartitioned", 1, "virtualisation_efficiency")->base,
	                    "unpartitioned, 1 instance, run bbbbbbbb");
	free(l.v);
	/* what is emulated is no base of what is measured */
	l = (struct ofbc_bench_derived_list){0};
	snprintf(a.v[1].run.emulated, sizeof(a.v[1].run.emulated), "h200");
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	expect_absent(&l, "unpartitioned", 1, "virtualisation_efficiency", "bare metal");
	free(l.v);
}

static void test_absent(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_bench_derived_list l = {0};
	struct bench_run_data *run = make_run(&a, RUN, "bare-metal");

	(void)state;
	make_cell(run, &(struct made){.layout = "shared", .instances = 3, .rate = 1, .trials = 4});
	make_cell(run, &(struct made){.layout = "2x mig:3g", .instances = 2, .rate = 1});
	make_cell(run, &(struct made){.layout = "mig:1g", .instances = 1, .rate = 1});
	run->cells.v[2].summaries.v[0].has_direction = false;
	assert_int_equal(derive_figures(&a, NULL, &l), 0);
	expect_absent(&l, "shared", 3, "stp", "without partitions was not measured");
	expect_absent(&l, "2x mig:3g", 2, "interference", "idle neighbours was not measured");
	expect_absent(&l, "mig:1g", 1, "rate", "no metric is a rate");
	/* four trials have a median and no interval */
	near(figure(&l, "shared", 3, "rate")->value, 3);
	assert_true(isnan(figure(&l, "shared", 3, "rate")->low));
	assert_int_equal(derive_figures(&a, &(struct ofbc_bench_derive_options){.metric = "none"}, &l),
	                 -ENOENT);
	free(l.v);
}

static void add_summary(struct bench_cell_data *d, const char *metric, const char *unit, bool higher)
{
	struct bench_summary *s = bench_summary_add(&d->summaries, metric);

	assert_non_null(s);
	s->has_direction = true;
	s->higher_is_better = higher;
	snprintf(s->unit, sizeof(s->unit), "%s", unit);
}

static void test_choice(void **state)
{
	_cleanup_cell_data_ struct bench_cell_data d = {0};
	struct work_metric m;

	(void)state;
	add_summary(&d, "accuracy", "1", true);
	add_summary(&d, "memory", "B", false);
	assert_int_equal(work_metric_choose(&d, NULL, &m), -ENOENT);
	add_summary(&d, "p99", "s", false);
	add_summary(&d, "cpu", "s", false);
	add_summary(&d, "time", "ms", false);
	assert_int_equal(work_metric_choose(&d, NULL, &m), 0);
	assert_string_equal(m.summary->metric, "time");
	near(m.scale, 1e-3);
	add_summary(&d, "speed", "ns/day", true);
	assert_int_equal(work_metric_choose(&d, NULL, &m), 0);
	assert_string_equal(m.summary->metric, "speed");
	assert_string_equal(m.of_work, "ns");
	near(m.scale, 86400);
	add_summary(&d, "cycles", "Mcycle", false);
	assert_int_equal(work_metric_choose(&d, "cycles", &m), 0);
	assert_string_equal(m.unit, "1/Mcycle");
	assert_true(m.is_time && isnan(m.scale));
	assert_int_equal(work_metric_choose(&d, "accuracy", &m), 0);
	assert_true(isnan(m.scale)); /* a ratio can be formed, an energy of it not */
}

static void test_frames(void **state)
{
	struct frame_metrics f;
	double v[200];

	(void)state;
	for (size_t i = 0; i < 200; i++)
		v[i] = i == 100 ? 0.1 : 0.01;
	assert_int_equal(metrics_frames(v, 200, &f), 0);
	near(f.fps, 200 / 2.09);
	near(f.p50, 0.01);
	near(f.p99, 0.01);
	near(f.max, 0.1);
	near(f.low_1_percent, 100);
	near(f.stutter, 1.0 / 200);
	near(f.jitter, 0);
	assert_int_equal(metrics_frames(v, 0, &f), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worked_example), cmocka_unit_test(test_unequal),
		cmocka_unit_test(test_isolation),      cmocka_unit_test(test_bases),
		cmocka_unit_test(test_energy),         cmocka_unit_test(test_partitions),
		cmocka_unit_test(test_platforms),      cmocka_unit_test(test_absent),
		cmocka_unit_test(test_choice),         cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
