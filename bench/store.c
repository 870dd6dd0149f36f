/* SPDX-License-Identifier: MIT */
/*
 * store: fills a database of results with trials and measures what people wait for. Directory and number of
 * trials are arguments. Goals for 1,000,000 trials: a filtered list 100 ms, comparing two runs 1 s.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/parse.h"
#include "bench/compare.h"
#include "bench/random.h"
#include "store/results.h"

#define CELLS    100 /* a run */
#define TRIALS   20  /* a cell */
#define REPEATS  5
#define START_S  1700000000
#define GOAL_MS  100.0
#define GOAL2_MS 1000.0

static const char *const benchmarks[] = {"gemm", "stream", "fft", "resnet", "latency",
                                         "blur", "sort",   "md",  "render", "decode"};
static const char *const layouts[] = {"unpartitioned", "7x mig:1g.10gb", "mps-4", "shared"};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_id(unsigned i, char ret[UUID_STR_MAX])
{
	char name[32];

	snprintf(name, sizeof(name), "run %u", i);
	uuid_derive(name, ret);
}

static int fill_cell(struct results *r, const char *run, unsigned cell, struct random *random)
{
	static const char *const units[] = {"FLOP/s", "s"};
	struct bench_summary summaries[2] = {{.metric = "rate", .higher_is_better = true},
	                                     {.metric = "wall"}};
	struct bench_cell verdict = {.number = cell, .verdict = BENCH_OK};
	int e = 0;

	for (unsigned i = 0; e == 0 && i < TRIALS; i++) {
		struct bench_trial t = {
			.number = i, .block = i, .energy_source = "nvml-counter", .verdict = BENCH_OK};

		t.started_unix_ns = (int64_t)START_S * 1000000000 + (int64_t)(random_u64(random) >> 12);
		t.window_s = 10 + random_unit(random);
		t.skew_s = random_unit(random) / 1000;
		t.energy_j = 3000 + random_unit(random);
		t.energy_u = 5 + random_unit(random);
		for (int k = -1; k < 2; k++) {
			if (!bench_value_add(&t, "rate", k, 1e12 * (1 + random_unit(random))))
				return -1;
		}
		if (!bench_value_add(&t, "wall", -1, 10 + random_unit(random)))
			return -1;
		e = results_add_trial(r, run, cell, &t, NULL);
		bench_trial_done(&t);
	}
	for (size_t i = 0; i < 2; i++) {
		struct bench_summary *s = &summaries[i];

		snprintf(s->unit, sizeof(s->unit), "%s", units[i]);
		s->has_direction = true;
		s->trials = TRIALS;
		s->median = 1 + random_unit(random);
		s->low = s->min = s->median - 0.1;
		s->high = s->max = s->median + 0.1;
		s->deviation = 0.05;
	}
	snprintf(verdict.run, sizeof(verdict.run), "%s", run);
	return e < 0 ? e : results_set_verdict(r, &verdict, summaries, 2, NULL);
}

static int fill_run(struct results *r, unsigned number, struct random *random)
{
	struct bench_run run = {.started_unix_s = START_S + number * 3600L, .platform = "bare-metal"};
	struct bench_cell cells[CELLS] = {0};
	int e;

	run_id(number, run.id);
	snprintf(run.host, sizeof(run.host), "node%u", number % 16);
	snprintf(run.label, sizeof(run.label), "night-%u", number % 30);
	for (unsigned i = 0; i < CELLS; i++) {
		struct bench_cell *c = &cells[i];

		c->number = i;
		c->instances = 2;
		snprintf(c->benchmark, sizeof(c->benchmark), "%s", benchmarks[i % 10]);
		snprintf(c->layout, sizeof(c->layout), "%s", layouts[i / 10 % 4]);
		snprintf(c->parameters, sizeof(c->parameters), "batch=%u size=%u", i / 40, 256u << i % 7);
		snprintf(c->definition, sizeof(c->definition), "%064u", i % 10);
	}
	e = results_begin(r, NULL);
	if (e == 0)
		e = results_add_run(r, &run, NULL);
	if (e == 0)
		e = results_add_cells(r, run.id, cells, CELLS, NULL);
	for (unsigned i = 0; e == 0 && i < CELLS; i++)
		e = fill_cell(r, run.id, i, random);
	return results_end(r, e, NULL);
}

static int fill(const char *directory, unsigned runs)
{
	struct random random = random_seeded(7);
	struct results *r = NULL;
	double start = seconds();
	int e = results_open(directory, true, &r, NULL);

	for (unsigned i = 0; e == 0 && i < runs; i++)
		e = fill_run(r, i, &random);
	results_close(r);
	if (runs)
		printf("store: %u trials of 4 values written in %.1f s\n", runs * CELLS * TRIALS,
		       seconds() - start);
	return e;
}

/* The fastest of some: others share the machine. Opened anew each time, as a command does. */
static int list(const char *directory, const char *what, const struct results_filter *f)
{
	double best = 1e9;
	size_t n = 0;

	for (int i = 0; i < REPEATS; i++) {
		struct bench_summary_list l = {0};
		struct results *r = NULL;
		double start = seconds(), ms;
		int e = results_open(directory, false, &r, NULL);

		if (e == 0)
			e = results_list(r, f, &l, NULL);
		results_close(r);
		ms = (seconds() - start) * 1000;
		best = ms < best ? ms : best;
		n = l.n;
		bench_summary_list_done(&l);
		if (e < 0)
			return e;
	}
	printf("store: results %-34s %6zu rows %8.2f ms   goal < %.0f ms  %s\n", what, n, best, GOAL_MS,
	       best < GOAL_MS ? "met" : "MISSED");
	return 0;
}

static int lists(const char *directory, unsigned runs)
{
	char id[UUID_STR_MAX], prefix[9];
	struct results_filter rows[] = {
		{.limit = 50},
		{.run = prefix},
		{.benchmark = "gemm", .layout = "shared", .limit = 1000},
		{.label = "night-3"},
		{.parameters = "batch=2 size=16384", .metric = "rate", .limit = 200},
		{.metric = "wall", .since_unix_s = START_S + (runs - 10) * 3600L},
		{.benchmark = "gemm", .emulated = RESULTS_EMULATED_ONLY},
		{.benchmark = "md", .metric = "rate"},
	};
	static const char *const names[] = {"(newest 50)",
	                                    "--run PREFIX",
	                                    "--benchmark --layout, 1000",
	                                    "--label",
	                                    "--parameters, 200",
	                                    "--metric --since",
	                                    "--emulated yes",
	                                    "--benchmark --metric, all"};
	int e = 0;

	run_id(runs / 2, id);
	snprintf(prefix, sizeof(prefix), "%s", id);
	for (size_t i = 0; e == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		e = list(directory, names[i], &rows[i]);
	return e;
}

/* Values of one metric of all instances together, trial by trial. */
static size_t values_of(const struct bench_cell_data *d, const char *metric, double *v)
{
	size_t n = 0;

	for (size_t i = 0; i < d->trials.n; i++) {
		for (size_t k = 0; k < d->trials.v[i].n_values; k++) {
			const struct bench_value *x = &d->trials.v[i].values[k];

			if (x->instance < 0 && strcmp(x->metric, metric) == 0)
				v[n++] = x->value;
		}
	}
	return n;
}

static int compare_runs(const struct bench_run_data *a, const struct bench_run_data *b)
{
	static const char *const metrics[] = {"rate", "wall"};
	static double values[2][2 * CELLS][TRIALS];
	static struct comparison_input inputs[2 * CELLS];
	static struct comparison outputs[2 * CELLS];

	for (size_t i = 0; i < 2 * CELLS; i++) {
		struct comparison_input *in = &inputs[i];

		in->a = values[0][i];
		in->b = values[1][i];
		in->n_a = values_of(&a->cells.v[i / 2], metrics[i % 2], values[0][i]);
		in->n_b = values_of(&b->cells.v[i / 2], metrics[i % 2], values[1][i]);
		in->higher_is_better = i % 2 == 0;
	}
	return compare_all(inputs, 2 * CELLS, COMPARE_MARGIN, 1, outputs);
}

static int compare(const char *directory, unsigned runs)
{
	double load_ms = 1e9, all_ms = 1e9;

	for (int i = 0; i < 2; i++) {
		struct bench_run_data a = {0}, b = {0};
		char id_a[UUID_STR_MAX], id_b[UUID_STR_MAX];
		struct results *r = NULL;
		double start = seconds(), ms;
		int e = results_open(directory, false, &r, NULL);

		run_id(runs / 3, id_a);
		run_id(runs - 1, id_b);
		if (e == 0)
			e = results_load_run(r, id_a, &a, NULL);
		if (e == 0)
			e = results_load_run(r, id_b, &b, NULL);
		results_close(r);
		ms = (seconds() - start) * 1000;
		load_ms = ms < load_ms ? ms : load_ms;
		if (e == 0)
			e = compare_runs(&a, &b);
		ms = (seconds() - start) * 1000;
		all_ms = ms < all_ms ? ms : all_ms;
		bench_run_data_done(&a);
		bench_run_data_done(&b);
		if (e < 0)
			return e;
	}
	printf("store: compare two runs, %d metrics of %d trials: %.1f ms loading, %.0f ms in all   goal < %.0f ms  %s\n",
	       2 * CELLS, TRIALS, load_ms, all_ms, GOAL2_MS, all_ms < GOAL2_MS ? "met" : "MISSED");
	return 0;
}

int main(int argc, char *argv[])
{
	const char *directory = argc > 1 ? argv[1] : ".";
	unsigned trials = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000000;
	unsigned runs = trials / CELLS / TRIALS;
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/results.db", directory);
	if (fill(directory, 0) == -ENOTSUP) {
		printf("store: skipped, built without SQLite\n");
		return 0;
	}
	if (runs < 10 || fill(directory, runs) < 0 || stat(path, &st) < 0) {
		fprintf(stderr, "error: '%s' could not be filled\n", path);
		return 1;
	}
	printf("store: %.1f MiB, %.1f bytes a trial with its 4 values\n", (double)st.st_size / 1048576,
	       (double)st.st_size / (runs * CELLS * TRIALS));
	return lists(directory, runs) < 0 || compare(directory, runs) < 0;
}
