/* SPDX-License-Identifier: MIT */
/* The database of results: what was acknowledged is there, nothing twice, and what is found by which filter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "bench/exchange.h"
#include "bench/random.h"
#include "openforbc/openforbc.h"
#include "store/results.h"

#define RUN_A "aaaaaaaa-0000-4000-8000-000000000001"
#define RUN_B "aaaaaaab-0000-4000-8000-000000000002"
#define KILLS 50

static char directory[] = "/tmp/test_results.XXXXXX";

static void database(char *buf, size_t size, const char *suffix)
{
	snprintf(buf, size, "%s/results.db%s", directory, suffix);
}

static void remove_database(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		database(path, sizeof(path), suffixes[i]);
		(void)unlink(path);
	}
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	remove_database();
	return rmdir(directory);
}

static struct results *fresh(void)
{
	struct results *r = NULL;

	remove_database();
	assert_int_equal(results_open(directory, true, &r, NULL), 0);
	return r;
}

/* --- what is put in --- */

static void add_run(struct results *r, const char *id, int64_t started, const char *label)
{
	struct bench_run run = {.started_unix_s = started,
	                        .host = "node1",
	                        .platform = "bare-metal",
	                        .program = "openforbc 0.1",
	                        .seed = UINT64_MAX - 3};

	snprintf(run.id, sizeof(run.id), "%s", id);
	snprintf(run.label, sizeof(run.label), "%s", label);
	run.request = (char *)"{\"benchmarks\":[\"gemm\"]}";
	run.environment = (char *)"{\"driver\":\"550.1\"}";
	assert_int_equal(results_add_run(r, &run, NULL), 0);
}

static void add_cells(struct results *r, const char *run)
{
	struct bench_cell cells[4] = {0};

	for (unsigned i = 0; i < 4; i++) {
		cells[i].number = i;
		cells[i].instances = i + 1;
		snprintf(cells[i].benchmark, sizeof(cells[i].benchmark), "%s", i < 2 ? "gemm" : "stream");
		snprintf(cells[i].layout, sizeof(cells[i].layout), "%s", i % 2 ? "7x mig:1g.10gb" : "shared");
		snprintf(cells[i].parameters, sizeof(cells[i].parameters), "size=%u type=f32", 512u << i);
		snprintf(cells[i].definition, sizeof(cells[i].definition), "%064u", i);
	}
	assert_int_equal(results_add_cells(r, run, cells, 4, NULL), 0);
}

static void make_trial(struct bench_trial *t, unsigned number)
{
	*t = (struct bench_trial){.number = number,
	                          .block = number / 2,
	                          .started_unix_ns = 1700000000123456789 + number,
	                          .window_s = 10.5,
	                          .skew_s = NAN,
	                          .energy_j = 1234.5678901234567,
	                          .energy_u = 0.1,
	                          .energy_source = "nvml-counter",
	                          .verdict = BENCH_OK};
	assert_non_null(bench_value_add(t, "wall", -1, 0.1 + number));
	for (int i = -1; i < 3; i++)
		assert_non_null(bench_value_add(t, "rate", i, i == 2 ? NAN : 1e12 / 3 + number + i));
}

static int add_trial(struct results *r, const char *run, unsigned cell, unsigned number,
                     struct ofbc_error *err)
{
	struct bench_trial t;
	int e;

	make_trial(&t, number);
	e = results_add_trial(r, run, cell, &t, err);
	bench_trial_done(&t);
	return e;
}

static void set_verdict(struct results *r, const char *run, unsigned number, enum bench_verdict verdict)
{
	struct bench_summary s[2] = {{.metric = "rate",
	                              .unit = "FLOP/s",
	                              .higher_is_better = true,
	                              .has_direction = true,
	                              .trials = 5,
	                              .flagged = 1,
	                              .median = 3,
	                              .low = 2,
	                              .high = NAN,
	                              .min = 1,
	                              .max = 9,
	                              .deviation = 0.5},
	                             {.metric = "wall", .unit = "s", .trials = 5, .median = number}};
	struct bench_cell c = {.number = number, .verdict = verdict, .reason = (char *)"because"};

	snprintf(c.run, sizeof(c.run), "%s", run);
	assert_int_equal(results_set_verdict(r, &c, s, 2, NULL), 0);
}

static void fill(struct results *r)
{
	add_run(r, RUN_A, 1700000000, "night");
	add_cells(r, RUN_A);
	add_run(r, RUN_B, 1700003600, "day");
	add_cells(r, RUN_B);
	for (unsigned cell = 0; cell < 2; cell++) {
		for (unsigned i = 0; i < 5; i++) {
			assert_int_equal(add_trial(r, RUN_A, cell, i, NULL), 0);
			assert_int_equal(add_trial(r, RUN_B, cell, i, NULL), 0);
		}
		set_verdict(r, RUN_A, cell, BENCH_OK);
		set_verdict(r, RUN_B, cell, BENCH_NOT_CONVERGED);
	}
}

/* --- what comes out --- */

static void test_open(void **state)
{
	struct results *r = NULL;
	struct ofbc_error err = {0};
	char path[128];
	int fd;

	(void)state;
	remove_database();
	assert_int_equal(results_open(directory, false, &r, &err), -ENOENT);
	r = fresh();
	results_close(r);
	assert_int_equal(results_open(directory, false, &r, &err), 0);
	results_close(r);
	database(path, sizeof(path), "");
	remove_database();
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "this is no database, whatever it says", 37), 37);
	close(fd);
	assert_true(results_open(directory, true, &r, &err) < 0);
	assert_non_null(strstr(err.hint, "results.db"));
}

static int read_int(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int v;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return v;
}

static sqlite3 *raw(void)
{
	char path[128];
	sqlite3 *db = NULL;

	database(path, sizeof(path), "");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

/* A database of version 0 that has other tables keeps them; one of the future is refused untouched. */
static void test_migration(void **state)
{
	struct results *r = NULL;
	struct ofbc_error err = {0};
	sqlite3 *db;

	(void)state;
	remove_database();
	db = raw();
	assert_int_equal(
		sqlite3_exec(db, "CREATE TABLE kept (x); INSERT INTO kept VALUES(7)", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(read_int(db, "PRAGMA user_version"), 0);
	sqlite3_close(db);
	assert_int_equal(results_open(directory, false, &r, &err), 0);
	fill(r);
	results_close(r);
	db = raw();
	assert_int_equal(read_int(db, "PRAGMA user_version"), 2);
	assert_int_equal(read_int(db, "SELECT x FROM kept"), 7);
	/* one of before there were latencies */
	assert_int_equal(sqlite3_exec(db, "DROP TABLE latency; PRAGMA user_version = 1", NULL, NULL, NULL),
	                 SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(results_open(directory, false, &r, &err), 0);
	results_close(r);
	db = raw();
	assert_int_equal(read_int(db, "PRAGMA user_version"), 2);
	assert_int_equal(read_int(db, "SELECT count(*) FROM latency"), 0);
	assert_int_equal(read_int(db, "SELECT count(*) FROM trial"), 20);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(results_open(directory, true, &r, &err), -EPROTO);
	assert_non_null(strstr(err.message, "99"));
	db = raw();
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 0", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_true(results_open(directory, true, &r, &err) <
	            0); /* the tables are there: all is rolled back */
	assert_non_null(strstr(err.message, "migration to schema 1"));
	db = raw();
	assert_int_equal(read_int(db, "PRAGMA user_version"), 0);
	assert_int_equal(read_int(db, "SELECT count(*) FROM trial"), 20);
	sqlite3_close(db);
}

static void test_load(void **state)
{
	struct results *r = fresh();
	struct bench_cell_data d = {0};
	struct bench_run run = {0};
	struct bench_trial expected;
	unsigned next = 77;

	(void)state;
	fill(r);
	assert_int_equal(results_load_cell(r, RUN_A, 1, &d, NULL), 0);
	assert_string_equal(d.cell.run, RUN_A);
	assert_string_equal(d.cell.layout, "7x mig:1g.10gb");
	assert_string_equal(d.cell.parameters, "size=1024 type=f32");
	assert_int_equal(d.cell.instances, 2);
	assert_int_equal(d.cell.verdict, BENCH_OK);
	assert_string_equal(d.cell.reason, "because");
	assert_int_equal(d.trials.n, 5);
	for (unsigned i = 0; i < 5; i++) {
		make_trial(&expected, i);
		assert_true(bench_trial_equal(&expected, &d.trials.v[i]));
		expected.values[0].value += 1e-9;
		assert_false(bench_trial_equal(&expected, &d.trials.v[i]));
		bench_trial_done(&expected);
	}
	assert_int_equal(d.summaries.n, 2);
	assert_string_equal(d.summaries.v[1].unit, "FLOP/s"); /* metrics in the order in which they came up */
	assert_true(d.summaries.v[1].has_direction && d.summaries.v[1].higher_is_better);
	assert_true(!d.summaries.v[0].has_direction && isnan(d.summaries.v[1].high));
	bench_cell_data_done(&d);
	assert_int_equal(results_trials_done(r, RUN_A, 0, &next, NULL), 0);
	assert_int_equal(next, 5);
	assert_int_equal(results_trials_done(r, RUN_A, 3, &next, NULL), 0);
	assert_int_equal(next, 0);
	assert_int_equal(results_trials_done(r, RUN_A, 4, &next, NULL), -ENOENT);
	assert_int_equal(results_find_run(r, "aaaaaaaa", &run, NULL), 0);
	assert_true(run.seed == UINT64_MAX - 3);
	assert_string_equal(run.environment, "{\"driver\":\"550.1\"}");
	assert_null(run.environment_after);
	bench_run_done(&run);
	results_close(r);
}

static void test_find(void **state)
{
	struct results *r = fresh();
	struct ofbc_error err = {0};
	struct bench_run run = {0};

	(void)state;
	fill(r);
	assert_int_equal(results_find_run(r, "aaaaaaa", &run, &err), -EINVAL);
	assert_non_null(strstr(err.message, RUN_A));
	assert_non_null(strstr(err.message, RUN_B));
	assert_int_equal(results_find_run(r, "AAAAAAAB", &run, &err), 0);
	assert_string_equal(run.id, RUN_B);
	bench_run_done(&run);
	assert_int_equal(results_find_run(r, "", &run, &err), -ENOENT);
	assert_int_equal(results_find_run(r, "f", &run, &err), -ENOENT);
	assert_int_equal(results_find_run(r, "%", &run, &err), -ENOENT);
	results_close(r);
}

static void test_again(void **state)
{
	struct results *r = fresh();
	struct ofbc_error err = {0};
	struct bench_trial t;
	struct bench_run run = {.id = RUN_A};

	(void)state;
	fill(r);
	assert_int_equal(add_trial(r, RUN_A, 0, 3, &err), 1);
	make_trial(&t, 3);
	t.values[0].value = 5;
	assert_int_equal(results_add_trial(r, RUN_A, 0, &t, &err), -EEXIST);
	assert_non_null(strstr(err.message, "cell 0, trial 3"));
	t.number = 5;
	assert_non_null(bench_value_add(&t, "rate", 0, 1));
	assert_int_equal(results_add_trial(r, RUN_A, 0, &t, &err), -EINVAL); /* twice the same metric */
	bench_trial_done(&t);
	assert_int_equal(add_trial(r, RUN_A, 0, 5, &err), 0); /* nothing of it was kept */
	assert_int_equal(add_trial(r, RUN_A, 9, 0, &err), -ENOENT);
	assert_int_equal(add_trial(r, "nonsense", 0, 0, &err), -ENOENT);
	assert_int_equal(results_add_run(r, &run, &err), -EEXIST);
	run.ended_unix_s = 1700000100;
	run.note = (char *)"interrupted";
	assert_int_equal(results_end_run(r, &run, &err), 0);
	assert_int_equal(results_find_run(r, RUN_A, &run, &err), 0);
	assert_string_equal(run.note, "interrupted");
	bench_run_done(&run);
	results_close(r);
}

/* A name that was rolled back gives its number to another. */
static void test_rolled_back(void **state)
{
	struct results *r = fresh();
	struct bench_cell cell = {.benchmark = "first"}, other = {.number = 1, .benchmark = "second"};
	struct bench_cell_data d = {0};

	(void)state;
	add_run(r, RUN_A, 1, "");
	assert_int_equal(results_begin(r, NULL), 0);
	assert_int_equal(results_add_cells(r, RUN_A, &cell, 1, NULL), 0);
	assert_int_equal(results_load_cell(r, RUN_A, 0, &d, NULL), 0);
	assert_string_equal(d.cell.benchmark, "first");
	bench_cell_data_done(&d);
	assert_int_equal(results_end(r, -ECANCELED, NULL), -ECANCELED);
	assert_int_equal(results_add_cells(r, RUN_A, &other, 1, NULL), 0);
	assert_int_equal(results_load_cell(r, RUN_A, 0, &d, NULL), -ENOENT);
	assert_int_equal(results_load_cell(r, RUN_A, 1, &d, NULL), 0);
	assert_string_equal(d.cell.benchmark, "second");
	bench_cell_data_done(&d);
	results_close(r);
}

static void test_list(void **state)
{
	/* clang-format off */
	static const struct { struct results_filter f; size_t n; const char *first; } rows[] = {
		{{0}, 12, RUN_B}, {{.limit = 3}, 3, RUN_B}, {{.run = "aaaaaaaa"}, 6, RUN_A},
		{{.benchmark = "gemm"}, 8, RUN_B}, {{.benchmark = "stream"}, 4, RUN_B},
		{{.benchmark = "gem"}, 0, NULL}, {{.layout = "shared"}, 6, RUN_B},
		{{.metric = "rate"}, 4, RUN_B}, {{.metric = "none"}, 0, NULL},
		{{.platform = "kvm"}, 0, NULL}, {{.label = "night"}, 6, RUN_A},
		{{.parameters = "size=512"}, 4, RUN_B}, {{.parameters = "f32"}, 12, RUN_B},
		{{.parameters = "%"}, 0, NULL}, {{.since_unix_s = 1700000001}, 6, RUN_B},
		{{.until_unix_s = 1700000000}, 6, RUN_A}, {{.emulated = RESULTS_EMULATED_ONLY}, 0, NULL},
		{{.emulated = RESULTS_REAL_ONLY}, 12, RUN_B},
		{{.run = RUN_A, .benchmark = "gemm", .layout = "shared", .metric = "wall"}, 1, RUN_A}
	};
	/* clang-format on */
	struct results *r = fresh();
	struct ofbc_error err = {0};
	struct results_filter ambiguous = {.run = "aaaa"};
	struct bench_summary_list l = {0};
	struct bench_run_list runs = {0};

	(void)state;
	fill(r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("filter %zu\n", i);
		assert_int_equal(results_list(r, &rows[i].f, &l, &err), 0);
		assert_int_equal(l.n, rows[i].n);
		if (l.n)
			assert_string_equal(l.v[0].cell.run, rows[i].first);
		bench_summary_list_done(&l);
	}
	assert_int_equal(results_list(r, &rows[2].f, &l, &err), 0);
	assert_string_equal(l.v[1].metric, "rate");
	assert_true(l.v[1].median == 3 && l.v[0].started_unix_s == 1700000000);
	assert_string_equal(l.v[0].platform, "bare-metal");
	assert_string_equal(l.v[4].metric, ""); /* a cell that was only planned */
	assert_int_equal(l.v[4].cell.verdict, BENCH_PLANNED);
	assert_true(isnan(l.v[4].median));
	bench_summary_list_done(&l);
	assert_int_equal(results_list(r, &ambiguous, &l, &err), -EINVAL);
	assert_int_equal(results_runs(r, &rows[0].f, &runs, &err), 0);
	assert_int_equal(runs.n, 2);
	assert_string_equal(runs.v[0].id, RUN_B);
	bench_run_list_done(&runs);
	assert_int_equal(results_runs(r, &rows[10].f, &runs, &err), 0);
	assert_int_equal(runs.n, 1);
	bench_run_list_done(&runs);
	assert_int_equal(results_runs(r, &rows[5].f, &runs, &err), 0);
	assert_int_equal(runs.n, 0);
	results_close(r);
}

/* --- merging --- */

static void keep_trials(struct bench_run_data *d, size_t cell, size_t from, size_t to)
{
	struct bench_trial_list *l = &d->cells.v[cell].trials;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (i >= from && i < to)
			l->v[n++] = l->v[i];
		else
			bench_trial_done(&l->v[i]);
	}
	l->n = n;
}

static size_t count(struct results *r, const char *table)
{
	char sql[64];
	sqlite3 *db = raw();
	int n;

	(void)r;
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	n = read_int(db, sql);
	sqlite3_close(db);
	return (size_t)n;
}

/* What is told to be mixed is made anew by the caller. */
static void check_mixed(struct results *r, const struct bench_cell *mixed)
{
	static const struct results_filter f = {.metric = "wall", .layout = "shared", .benchmark = "gemm"};
	struct bench_cell_data d = {0};
	struct bench_summary_list l = {0};

	assert_int_equal(results_load_cell(r, mixed->run, mixed->number, &d, NULL), 0);
	assert_int_equal(cell_summarise(&d, NULL), 0);
	assert_int_equal(results_set_verdict(r, &d.cell, d.summaries.v, d.summaries.n, NULL), 0);
	assert_int_equal(results_list(r, &f, &l, NULL), 0);
	assert_true(l.n == 1 && l.v[0].trials == 5 && l.v[0].median == 2.1);
	assert_string_equal(l.v[0].unit, "s");
	bench_summary_list_done(&l);
	bench_cell_data_done(&d);
}

static void test_merge(void **state)
{
	struct results *r = fresh();
	struct bench_run_data whole = {0}, early = {0}, late = {0};
	struct results_merged m = {0};
	struct ofbc_error err = {0};

	(void)state;
	fill(r);
	assert_int_equal(results_load_run(r, RUN_A, &whole, NULL), 0);
	assert_int_equal(results_load_run(r, RUN_A, &early, NULL), 0);
	assert_int_equal(results_load_run(r, RUN_A, &late, NULL), 0);
	assert_int_equal(results_merge(r, &whole, &m, &err), 0);
	assert_true(m.runs == 0 && m.cells == 0 && m.trials == 0 && m.present == 10 && m.mixed.n == 0);
	results_close(r);

	r = fresh();
	keep_trials(&early, 0, 0, 3);
	keep_trials(&late, 0, 2, 5);
	results_merged_done(&m);
	assert_int_equal(results_merge(r, &early, &m, &err), 0);
	assert_true(m.runs == 1 && m.cells == 4 && m.trials == 8 && m.present == 0);
	results_merged_done(&m);
	assert_int_equal(results_merge(r, &late, &m, &err), 0);
	assert_true(m.runs == 0 && m.cells == 0 && m.trials == 2 && m.present == 6 && m.mixed.n == 1);
	assert_int_equal(m.mixed.v[0].number, 0);
	check_mixed(r, &m.mixed.v[0]);
	results_merged_done(&m);
	assert_int_equal(results_merge(r, &whole, &m, &err), 0);
	assert_true(m.trials == 0 && m.present == 10);
	assert_int_equal(count(r, "trial"), 10);
	assert_int_equal(count(r, "value"), 50);
	assert_int_equal(count(r, "run"), 1);

	/* what differs is refused as a whole */
	whole.cells.v[3].cell.number = 9;
	whole.cells.v[1].trials.v[4].values[0].value += 1;
	results_merged_done(&m);
	assert_int_equal(results_merge(r, &whole, &m, &err), -EEXIST);
	assert_non_null(strstr(err.message, "cell 1, trial 4"));
	assert_int_equal(count(r, "cell"), 4);
	snprintf(whole.cells.v[0].cell.layout, 64, "other");
	assert_int_equal(results_merge(r, &whole, &m, &err), -EEXIST);
	assert_non_null(strstr(err.message, "'shared'"));
	assert_non_null(strstr(err.message, "'other'"));
	results_merged_done(&m);
	bench_run_data_done(&whole);
	bench_run_data_done(&early);
	bench_run_data_done(&late);
	results_close(r);
}

/* --- round trips --- */

static char *slurp(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "rb");
	char *text = calloc(1, 65536);

	assert_non_null(text);
	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	return text;
}

/* Counts of all three tables as one text. */
static void counts(struct results *r, char *buf, size_t size)
{
	snprintf(buf, size, "%zu runs, %zu cells, %zu trials, %zu values", count(r, "run"), count(r, "cell"),
	         count(r, "trial"), count(r, "value"));
}

static void merge_all(struct results *r, const struct bench_archive *a, struct results_merged *m)
{
	results_merged_done(m);
	for (size_t i = 0; i < a->n; i++)
		assert_int_equal(results_merge(r, &a->v[i], m, NULL), 0);
}

static void test_import_twice(void **state)
{
	static const char *const files[] = {"hyperfine.json", "hyperfine-failed.json", "google.json",
	                                    "nvbench.json", "phoronix.xml"};
	static const struct import_options o;
	_cleanup_archive_ struct bench_archive a = {0};
	struct results_merged m = {0};
	struct results *r = fresh();
	struct bench_summary_list l = {0};
	struct results_filter f = {.metric = "wall"};
	char first[128], second[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[256];
		_cleanup_free_ char *text = NULL;
		int e;

		snprintf(path, sizeof(path), "tests/bench/imports/%s", files[i]);
		text = slurp(path);
		e = import_text(text, strlen(text), path, &o, &a, NULL);
		assert_true(e == 0 || e == -ENOTSUP);
	}
	merge_all(r, &a, &m);
	assert_true(m.runs == a.n && m.present == 0);
	counts(r, first, sizeof(first));
	merge_all(r, &a, &m);
	assert_true(m.runs == 0 && m.cells == 0 && m.trials == 0 && m.mixed.n == 0);
	counts(r, second, sizeof(second));
	print_message("%s\n", second);
	assert_string_equal(first, second);
	assert_int_equal(results_list(r, &f, &l, NULL), 0);
	assert_int_equal(l.n, 3);
	bench_summary_list_done(&l);
	results_merged_done(&m);
	results_close(r);
}

/* Out of one database, into an empty one: nothing is lost; sanitised and whole are the same run. */
static void test_export_import(void **state)
{
	static const struct import_options none;
	static const struct export_options whole = {.keeps_names = true}, hidden = {.salt = "x"};
	_cleanup_archive_ struct bench_archive a = {0}, b = {0};
	_cleanup_free_ char *text = NULL, *again = NULL, *clean = NULL;
	struct bench_run_data d = {0}, back = {0};
	struct results_merged m = {0};
	struct results *r = fresh();
	struct ofbc_error err = {0};

	(void)state;
	fill(r);
	assert_int_equal(results_load_run(r, RUN_A, &d, NULL), 0);
	results_close(r);
	assert_non_null(a.v = calloc(1, sizeof(*a.v)));
	a.v[0] = d;
	a.n = a.cap = 1;
	assert_int_equal(export_lines(&a, &whole, &text, NULL), 0);
	assert_int_equal(export_lines(&a, &hidden, &clean, NULL), 0);
	assert_string_not_equal(text, clean);
	assert_int_equal(import_text(text, strlen(text), "x", &none, &b, NULL), 0);
	assert_int_equal(import_text(clean, strlen(clean), "x", &none, &b, NULL), 0);
	r = fresh();
	merge_all(r, &b, &m);
	assert_true(m.runs == 1 && m.cells == 4 && m.trials == 10 && m.present == 10);
	assert_int_equal(results_load_run(r, RUN_A, &back, NULL), 0);
	bench_run_data_done(&a.v[0]);
	a.v[0] = back;
	assert_int_equal(export_lines(&a, &whole, &again, NULL), 0);
	assert_string_equal(text, again);
	b.v[1].cells.v[1].trials.v[2].values[1].value *= 2;
	assert_int_equal(results_merge(r, &b.v[1], &m, &err), -EEXIST);
	assert_non_null(strstr(err.message, "cell 1, trial 2"));
	results_merged_done(&m);
	results_close(r);
}

/* --- death --- */

/* Adds trials and says so, one byte each, until it is killed. */
static void add_until_killed(unsigned first, int fd)
{
	struct results *r = NULL;

	if (results_open(directory, false, &r, NULL) < 0)
		_exit(1);
	for (unsigned i = first;; i++) {
		if (add_trial(r, RUN_A, 0, i, NULL) != 0 || write(fd, "", 1) != 1)
			_exit(1);
	}
}

static unsigned kill_after(unsigned first, useconds_t us)
{
	unsigned acknowledged = 0;
	char block[512];
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		add_until_killed(first, fds[1]);
	}
	close(fds[1]);
	usleep(us);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while ((n = read(fds[0], block, sizeof(block))) > 0)
		acknowledged += (unsigned)n;
	close(fds[0]);
	return acknowledged;
}

static void check_after_kill(unsigned n)
{
	sqlite3 *db = raw();

	assert_int_equal(read_int(db, "SELECT count(*) FROM trial"), (int)n);
	assert_int_equal(read_int(db, "SELECT count(*) FROM value"), (int)n * 5);
	assert_int_equal(
		read_int(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	sqlite3_close(db);
}

/* Two programs write at once: each waits for the other. */
static void test_together(void **state)
{
	struct results *r = fresh();
	pid_t pids[2];

	(void)state;
	add_run(r, RUN_A, 1, "");
	add_cells(r, RUN_A);
	results_close(r);
	for (unsigned i = 0; i < 2; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			int e = results_open(directory, false, &r, NULL);

			for (unsigned k = 0; e == 0 && k < 60; k++)
				e = add_trial(r, RUN_A, i, k, NULL);
			_exit(e != 0);
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	check_after_kill(120);
}

static void test_kill(void **state)
{
	struct random random = random_seeded(11);
	struct results *r = fresh();
	unsigned done = 0, unsaid = 0;

	(void)state;
	add_run(r, RUN_A, 1, "");
	add_cells(r, RUN_A);
	results_close(r);
	for (unsigned i = 0; i < KILLS; i++) {
		unsigned said = kill_after(done, (useconds_t)random_below(&random, 30000)), next = 0;
		struct bench_cell_data d = {0};

		assert_int_equal(results_open(directory, false, &r, NULL), 0);
		assert_int_equal(results_trials_done(r, RUN_A, 0, &next, NULL), 0);
		assert_true(next == done + said || next == done + said + 1); /* committed, not yet said */
		unsaid += next - done - said;
		done = next;
		assert_int_equal(results_load_cell(r, RUN_A, 0, &d, NULL), 0);
		assert_int_equal(d.trials.n, done);
		bench_cell_data_done(&d);
		results_close(r);
		check_after_kill(done);
	}
	print_message("%u kills: %u trials, %u of them committed and not yet acknowledged\n", KILLS, done,
	              unsaid);
	assert_true(done > KILLS);
}

int main(void)
{
	/* clang-format off */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open), cmocka_unit_test(test_migration),
		cmocka_unit_test(test_load), cmocka_unit_test(test_find),
		cmocka_unit_test(test_again), cmocka_unit_test(test_rolled_back),
		cmocka_unit_test(test_list), cmocka_unit_test(test_merge),
		cmocka_unit_test(test_import_twice), cmocka_unit_test(test_export_import),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_kill)
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, setup, teardown);
}
