/* SPDX-License-Identifier: MIT */
/* Results as texts: what is exported comes back, what others write is read, and names stay at home. */
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
#include "base/json.h"
#include "base/list.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "bench/exchange.h"
#include "bench/sanitise.h"
#include "openforbc/openforbc.h"

#define RUN    "aaaaaaaa-0000-4000-8000-000000000001"
#define SERIAL "1324520012345"
#define GPU    "GPU-5D7D2C1E-0f5a-4b0e-9a55-1234567890ab"

static const struct export_options open_names = {.keeps_names = true};
static const struct export_options hidden = {.salt = "test"};
static const struct import_options no_options;
static const char *imports;

/* --- what goes out --- */

static void add_trial(struct bench_cell_data *d, unsigned number, enum bench_verdict verdict)
{
	struct bench_trial *t = bench_trial_add(&d->trials);

	assert_non_null(t);
	t->number = number;
	t->block = 7;
	t->started_unix_ns = 1700000000123456789;
	t->window_s = 10.1;
	t->energy_j = 1e-300;
	t->energy_u = 0;
	snprintf(t->energy_source, sizeof(t->energy_source), "rapl");
	t->verdict = verdict;
	if (verdict != BENCH_OK) {
		t->reason = strdup("crash on node1, see /home/alice/log");
		return;
	}
	assert_non_null(bench_value_add(t, "wall", -1, 0.1 + 0.2));
	assert_non_null(bench_value_add(t, "rate", 0, 1.0 / 3 * 1e18));
	assert_non_null(bench_value_add(t, "rate", 1, NAN));
	assert_non_null(bench_value_add(t, "rate", 2, -4503599627370497.5));
}

static void make(struct bench_archive *a)
{
	struct bench_run_data *d = list_add(a);
	struct bench_cell_data *c;

	assert_non_null(d);
	snprintf(d->run.id, sizeof(d->run.id), RUN);
	d->run.started_unix_s = 1700000000;
	d->run.ended_unix_s = 1700000100;
	snprintf(d->run.host, sizeof(d->run.host), "node1.example.org");
	snprintf(d->run.platform, sizeof(d->run.platform), "kvm");
	snprintf(d->run.label, sizeof(d->run.label), "a \"label\", with\nall");
	d->run.seed = UINT64_MAX;
	d->run.request = strdup("{\"output\":\"/home/alice/results\",\"on\":\"" GPU "\"}");
	d->run.environment = strdup(
		"{\"node1\":1,\"hostname\":\"node1\",\"driver\":\"550.54\",\"gpus\":[{\"serial\":\"" SERIAL
		"\",\"uuid\":\"" GPU "\"},{\"board_serial\":998877665544}],\"load\":0.1,"
		"\"user\":{\"name\":\"alice\",\"uid\":1000},\"text\":\"kvm\\nnode1 of aliceville\"}");
	d->run.note = strdup("interrupted by alice on NODE1");
	for (unsigned i = 0; i < 3; i++) {
		c = list_add(&d->cells);
		assert_non_null(c);
		c->cell.number = i * 2;
		c->cell.instances = 3;
		c->cell.verdict = i < 2 ? BENCH_OK : BENCH_SKIPPED;
		snprintf(c->cell.benchmark, sizeof(c->cell.benchmark), "gemm");
		snprintf(c->cell.layout, sizeof(c->cell.layout), "7x mig:1g.10gb");
		snprintf(c->cell.parameters, sizeof(c->cell.parameters), "size=%u", i);
		for (unsigned k = 0; i < 2 && k < 4; k++)
			add_trial(c, k, k == 3 ? BENCH_FAILED : BENCH_OK);
		assert_int_equal(cell_summarise(c, NULL), 0);
	}
	d->cells.v[0].summaries.v[0].has_direction = true;
	snprintf(d->cells.v[0].summaries.v[0].unit, 32, "s");
}

static void same_texts(const char *a, const char *b)
{
	assert_string_equal(a ? a : "", b ? b : "");
}

static bool same_number(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void check_same_cell(const struct bench_cell_data *x, const struct bench_cell_data *y)
{
	assert_int_equal(x->cell.number, y->cell.number);
	assert_string_equal(x->cell.benchmark, y->cell.benchmark);
	assert_string_equal(x->cell.parameters, y->cell.parameters);
	assert_string_equal(x->cell.layout, y->cell.layout);
	assert_int_equal(x->cell.instances, y->cell.instances);
	assert_int_equal(x->cell.verdict, y->cell.verdict);
	same_texts(x->cell.reason, y->cell.reason);
	assert_int_equal(x->trials.n, y->trials.n);
	for (size_t i = 0; i < x->trials.n; i++) {
		assert_true(bench_trial_equal(&x->trials.v[i], &y->trials.v[i]));
		same_texts(x->trials.v[i].reason, y->trials.v[i].reason);
	}
	assert_int_equal(x->summaries.n, y->summaries.n);
	for (size_t i = 0; i < x->summaries.n; i++) {
		const struct bench_summary *s = &x->summaries.v[i], *t = &y->summaries.v[i];

		assert_string_equal(s->metric, t->metric);
		assert_string_equal(s->unit, t->unit);
		assert_true(s->trials == t->trials && s->has_direction == t->has_direction);
		assert_true(same_number(s->median, t->median) && same_number(s->high, t->high) &&
		            same_number(s->deviation, t->deviation));
	}
}

static void check_same(const struct bench_run_data *x, const struct bench_run_data *y)
{
	assert_string_equal(x->run.id, y->run.id);
	assert_true(x->run.seed == y->run.seed && x->run.started_unix_s == y->run.started_unix_s &&
	            x->run.ended_unix_s == y->run.ended_unix_s);
	assert_string_equal(x->run.host, y->run.host);
	assert_string_equal(x->run.platform, y->run.platform);
	assert_string_equal(x->run.label, y->run.label);
	assert_string_equal(x->run.origin, y->run.origin);
	same_texts(x->run.request, y->run.request);
	same_texts(x->run.environment, y->run.environment);
	same_texts(x->run.environment_after, y->run.environment_after);
	same_texts(x->run.note, y->run.note);
	assert_int_equal(x->cells.n, y->cells.n);
	for (size_t i = 0; i < x->cells.n; i++)
		check_same_cell(&x->cells.v[i], &y->cells.v[i]);
}

static void test_lines(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0}, b = {0};
	_cleanup_free_ char *text = NULL, *again = NULL;
	struct ofbc_error err = {0};

	(void)state;
	make(&a);
	assert_int_equal(export_lines(&a, &open_names, &text, &err), 0);
	assert_int_equal(import_text(text, strlen(text), "x", &no_options, &b, &err), 0);
	assert_int_equal(b.n, 1);
	check_same(&a.v[0], &b.v[0]);
	assert_int_equal(export_lines(&b, &open_names, &again, &err), 0);
	assert_string_equal(text, again);
}

static void test_files(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0}, b = {0};
	struct named_text_list files = {0};
	struct ofbc_error err = {0};

	(void)state;
	make(&a);
	assert_int_equal(export_files(&a.v[0], &open_names, &files, &err), 0);
	assert_int_equal(files.n, 4);
	assert_int_equal(import_files(&files, "out", &b, &err), 0);
	check_same(&a.v[0], &b.v[0]);
	for (size_t i = 0; i < files.n; i++) {
		char *digit = strchr(files.v[i].text, '7');

		if (strcmp(files.v[i].name, "trials.jsonl") == 0)
			*digit = '8';
	}
	assert_int_equal(import_files(&files, "out", &b, &err), -EINVAL);
	assert_non_null(strstr(err.message, "'trials.jsonl' was changed"));
	snprintf(files.v[0].name, sizeof(files.v[0].name), "other.json");
	assert_int_equal(import_files(&files, "out", &b, &err), -EINVAL);
	assert_non_null(strstr(err.message, "'run.json' is listed and not there"));
	assert_int_equal(b.n, 1);
	named_text_list_done(&files);
}

/* Every row has as many fields as the header; quotes are understood. */
static size_t count_rows(const char *csv)
{
	size_t fields = 1, expected = 0, rows = 0;
	bool is_quoted = false;

	for (; *csv; csv++) {
		if (*csv == '"') {
			is_quoted = !is_quoted;
		} else if (*csv == ',' && !is_quoted) {
			fields++;
		} else if (*csv == '\n' && !is_quoted) {
			assert_true(!expected || fields == expected);
			expected = fields;
			fields = 1;
			rows++;
		}
	}
	assert_false(is_quoted);
	return rows;
}

static void test_csv(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	_cleanup_free_ char *text = NULL;

	(void)state;
	make(&a);
	assert_int_equal(export_csv(&a, &open_names, &text, NULL), 0);
	/* header; two cells with three trials of four values and one that failed; one that was skipped */
	assert_int_equal(count_rows(text), 1 + 2 * (3 * 4 + 1) + 1);
	assert_non_null(strstr(text, "\"a \"\"label\"\", with\nall\""));
	assert_non_null(strstr(text, ",wall,s,,0.30000000000000004\r\n"));
	assert_non_null(strstr(text, ",rate,,1,\r\n"));
}

/* --- names --- */

static void check_nothing_left(const char *text)
{
	static const char *const secrets[] = {SERIAL,        "998877665544", "5D7D2C1E",      "5d7d2c1e",
	                                      "/home/alice", "\"alice\"",    "node1.example", "NODE1",
	                                      "\"node1\",",  "on node1"};

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		if (strstr(text, secrets[i]))
			print_message("left: %s in\n%s\n", secrets[i], text);
		assert_null(strstr(text, secrets[i]));
	}
}

static void test_sanitised(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0}, b = {0};
	_cleanup_free_ char *text = NULL, *same = NULL, *other = NULL, *csv = NULL;
	struct export_options drawn = {0};
	struct named_text_list files = {0};
	struct ofbc_error err = {0};

	(void)state;
	make(&a);
	assert_int_equal(export_lines(&a, &hidden, &text, &err), 0);
	assert_int_equal(export_lines(&a, &hidden, &same, &err), 0);
	assert_int_equal(export_lines(&a, &drawn, &other, &err), 0);
	assert_int_equal(export_csv(&a, &hidden, &csv, &err), 0);
	assert_int_equal(export_files(&a.v[0], &hidden, &files, &err), 0);
	check_nothing_left(text);
	check_nothing_left(other);
	check_nothing_left(csv);
	for (size_t i = 0; i < files.n; i++)
		check_nothing_left(files.v[i].text);
	named_text_list_done(&files);
	assert_string_equal(text, same);
	assert_string_not_equal(text, other);
	/* what is no name stays: keys, other words that contain one, versions */
	assert_non_null(strstr(text, "\"node1\":1"));
	assert_non_null(strstr(text, "aliceville"));
	assert_non_null(strstr(text, "550.54"));
	assert_non_null(strstr(text, "\"platform\":\"kvm\""));
	assert_non_null(strstr(text, RUN));
	/* and it is read as the same run with the same trials */
	assert_int_equal(import_text(text, strlen(text), "x", &no_options, &b, &err), 0);
	assert_string_equal(b.v[0].run.id, RUN);
	for (size_t i = 0; i < a.v[0].cells.n; i++) {
		for (size_t k = 0; k < a.v[0].cells.v[i].trials.n; k++)
			assert_true(bench_trial_equal(&a.v[0].cells.v[i].trials.v[k],
			                              &b.v[0].cells.v[i].trials.v[k]));
	}
}

/* Whose program it is stands in what it was called with. */
static void test_paths(void **state)
{
	static const char *const commands[] = {"/home/bob/bin/x -f /Users/carol.b/y",
	                                       "C:\\Users\\dave\\x.exe"};
	_cleanup_archive_ struct bench_archive a = {0};
	_cleanup_free_ char *text = NULL;

	(void)state;
	make(&a);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		snprintf(a.v[0].cells.v[i].cell.parameters, 256, "command=%s", commands[i]);
	a.v[0].run.environment_after = strdup("{\"cwd\":\"D:\\\\Users\\\\eve\"}");
	assert_int_equal(export_lines(&a, &hidden, &text, NULL), 0);
	assert_null(strstr(text, "bob"));
	assert_null(strstr(text, "carol"));
	assert_null(strstr(text, "dave"));
	assert_null(strstr(text, "eve\""));
	assert_non_null(strstr(text, "x.exe"));
	check_nothing_left(text);
}

/* A word that is longer than the name does not make a field too long to be read. */
static void test_long_names(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0}, b = {0};
	_cleanup_free_ char *text = NULL;
	char *p;

	(void)state;
	make(&a);
	p = a.v[0].cells.v[0].cell.parameters;
	snprintf(a.v[0].run.host, 64, "ab");
	for (size_t i = 0; i + 4 < 256; i += 3)
		snprintf(p + i, 4, "ab ");
	assert_int_equal(export_lines(&a, &hidden, &text, NULL), 0);
	assert_int_equal(import_text(text, strlen(text), "x", &no_options, &b, NULL), 0);
	assert_int_equal(strlen(b.v[0].cells.v[0].cell.parameters), 255);
}

static void test_same_word(void **state)
{
	_cleanup_sanitiser_ struct sanitiser s = {0};
	_cleanup_free_ char *text = NULL, *json = NULL;

	(void)state;
	assert_int_equal(sanitiser_init(&s, "salt"), 0);
	assert_int_equal(sanitiser_learn(&s, "host", "node1"), 0);
	assert_int_equal(sanitiser_learn(&s, "host", "node12"), 0);
	assert_int_equal(sanitiser_learn(&s, "user", "root"), 0); /* says nothing */
	assert_int_equal(sanitiser_clean(&s, "node1 node12 node123 NODE1 root", &text), 0);
	assert_true(strncmp(text, text + strlen("host-12345678 host-12345678 node123 "), 13) == 0);
	assert_true(strncmp(text, text + 14, 13) != 0);
	assert_non_null(strstr(text, " node123 "));
	assert_non_null(strstr(text, " root"));
	assert_int_equal(sanitiser_clean(&s, "{\"node1\": \"node1\", \"x\": \"a\\tnode1\\\"\"}", &json), 0);
	assert_true(strncmp(json, "{\"node1\": \"host-", 16) == 0);
	assert_null(strstr(json + 10, "node1"));
	assert_non_null(strstr(json, "\\\"\"}"));
}

/* --- what comes in --- */

static char *slurp(const char *name, size_t *ret_len)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1u << 24);
	_cleanup_fclose_ FILE *f = NULL;
	char path[512], block[4096], *text = NULL;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", imports, name);
	f = fopen(path, "rb");
	if (!f)
		print_message("%s\n", path);
	assert_non_null(f);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		strbuf_addn(&b, block, n);
	*ret_len = b.len;
	assert_int_equal(strbuf_take(&b, &text), 0);
	return text;
}

static int import_file(const char *name, struct bench_archive *ret, struct ofbc_error *err)
{
	static const struct import_options o = {.unix_s = 1234, .platform = "bare-metal"};
	size_t len;
	_cleanup_free_ char *text = slurp(name, &len);

	return import_text(text, len, name, &o, ret, err);
}

static const struct bench_summary *find(const struct bench_cell_data *d, const char *metric)
{
	for (size_t i = 0; i < d->summaries.n; i++) {
		if (strcmp(d->summaries.v[i].metric, metric) == 0)
			return &d->summaries.v[i];
	}
	fail_msg("no metric %s", metric);
	return NULL;
}

static void test_hyperfine(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	const struct bench_cell_data *c;

	(void)state;
	assert_int_equal(import_file("hyperfine.json", &a, NULL), 0);
	assert_int_equal(import_file("hyperfine.json", &a, NULL), 0);
	assert_string_equal(a.v[0].run.id, a.v[1].run.id); /* again is the same run */
	assert_string_equal(a.v[0].run.origin, "hyperfine");
	assert_string_equal(a.v[0].run.platform, "bare-metal");
	assert_int_equal(a.v[0].run.started_unix_s, 1234);
	assert_int_equal(a.v[0].cells.n, 2);
	c = &a.v[0].cells.v[1];
	assert_string_equal(c->cell.benchmark, "seq");
	assert_string_equal(c->cell.parameters, "command=seq 2 n=2");
	assert_int_equal(c->cell.verdict, BENCH_OK);
	assert_int_equal(c->trials.n, 5);
	assert_true(find(c, "wall")->median == 0.000907); /* as hyperfine says */
	assert_true(find(c, "wall")->trials == 5 && !find(c, "wall")->higher_is_better);
	assert_true(find(c, "user_mean")->median == 0.0008322 && find(c, "user_mean")->trials == 1);
	assert_int_equal(import_file("hyperfine-failed.json", &a, NULL), 0);
	assert_int_equal(a.v[2].cells.v[0].cell.verdict, BENCH_FAILED);
	assert_string_equal(a.v[2].cells.v[0].trials.v[0].reason, "exit status 1");
}

static void test_google(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_error err = {0};
	const struct bench_cell_data *c;

	(void)state;
	assert_int_equal(import_file("google.json", &a, &err), 0);
	assert_string_equal(a.v[0].run.origin, "google-benchmark");
	assert_true(a.v[0].run.started_unix_s > 1700000000);
	assert_true(a.v[0].run.host[0] && a.v[0].run.environment);
	assert_int_equal(a.v[0].cells.n, 3);
	c = &a.v[0].cells.v[0];
	assert_string_equal(c->cell.benchmark, "BM_copy");
	assert_string_equal(c->cell.parameters, "arguments=1024");
	assert_int_equal(c->trials.n, 3);
	assert_true(find(c, "real_time")->median > 1e-10 && find(c, "real_time")->median < 1e-6);
	assert_string_equal(find(c, "bytes_per_second")->unit, "B/s");
	assert_true(find(c, "lines")->median == 16 && !find(c, "lines")->has_direction);
	assert_int_equal(a.v[0].cells.v[1].cell.verdict, BENCH_FAILED);
	assert_string_equal(a.v[0].cells.v[1].trials.v[2].reason, "no device");
	assert_true(find(&a.v[0].cells.v[2], "real_time")->median < 1e-6); /* it was said in ms */
	assert_int_equal(import_file("google-aggregates.json", &a, &err), -EINVAL);
	assert_non_null(strstr(err.message, "aggregates"));
	assert_int_equal(a.n, 1);
}

static void test_nvbench(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	const struct bench_cell_data *c;

	(void)state;
	assert_int_equal(import_file("nvbench.json", &a, NULL), 0);
	assert_int_equal(a.v[0].cells.n, 2);
	c = &a.v[0].cells.v[0];
	assert_string_equal(c->cell.benchmark, "copy_sweep");
	assert_string_equal(c->cell.parameters, "Dtype=F32 Elements=1048576 device=0");
	assert_int_equal(c->trials.n, 1);
	assert_true(find(c, "gpu_time")->median == 3.75e-06);
	assert_true(find(c, "global_bandwidth")->median == 2236962133333.3335);
	assert_true(find(c, "global_bandwidth")->higher_is_better);
	assert_true(find(c, "user/gflops")->median == 812.5);
	assert_true(find(c, "samples")->median == 1064);
	assert_int_equal(c->summaries.n, 6); /* names of files are no numbers */
	assert_int_equal(a.v[0].cells.v[1].cell.verdict, BENCH_SKIPPED);
	assert_string_equal(a.v[0].cells.v[1].cell.reason, "out of memory");
	assert_non_null(strstr(a.v[0].run.environment, "NVIDIA H200"));
}

static void test_phoronix(void **state)
{
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_error err = {0};
	const struct bench_cell_data *c;
	int r = import_file("phoronix.xml", &a, &err);

	(void)state;
	if (r == -ENOTSUP)
		skip();
	assert_int_equal(r, 0);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.v[0].run.label, "A16-4Q");
	assert_int_equal(a.v[0].run.started_unix_s, 1770113100);
	assert_string_equal(a.v[0].run.program, "10.8.4");
	assert_non_null(strstr(a.v[0].run.environment, "\"user\":\"alice\""));
	assert_null(a.v[0].run.request);
	assert_string_not_equal(a.v[0].run.id, a.v[1].run.id);
	assert_int_equal(a.v[0].cells.n, 2); /* a line of frame times is no result */
	c = &a.v[0].cells.v[0];
	assert_string_equal(c->cell.benchmark, "pts/unigine-heaven-1.6.5");
	assert_int_equal(c->trials.n, 3);
	assert_true(find(c, "result")->median == 61.25 && find(c, "result")->higher_is_better);
	assert_string_equal(find(c, "result")->unit, "Frames Per Second");
	assert_string_equal(c->cell.parameters,
	                    "description=Resolution: 1920 x 1080 - Mode: Windowed version=4.0");
	assert_int_equal(a.v[0].cells.v[1].cell.verdict, BENCH_FAILED);
	assert_true(find(&a.v[1].cells.v[0], "result")->median == 88.5);
}

#define OURS                                                                                                 \
	"{\"schema\":\"" EXCHANGE_SCHEMA "\",\"kind\":\"run\",\"run\":\"" RUN "\",\"started_unix_s\":1}\n"
#define CELL "{\"kind\":\"cell\",\"run\":\"" RUN "\",\"cell\":0,\"verdict\":\"ok\",\"metrics\":[]}\n"
#define TRIAL                                                                                                \
	"{\"kind\":\"trial\",\"run\":\"" RUN "\",\"cell\":0,\"trial\":0,\"verdict\":\"ok\",\"values\":[]}\n"

static void test_malformed(void **state)
{
	/* clang-format off */
	static const struct { const char *text, *message; } rows[] = {
		{"", "f: is empty"}, {" \n", "f: is empty"}, {"{", "f:1:"}, {"[1]", "no format that is known"},
		{"{}", "no format that is known"},
		{"{\"results\":3}", "field 'results' is no list"},
		{"{\"results\":[]}", "there is no result"},
		{"{\"results\":[{\"command\":\"x\"}]}", "field 'times' is missing"},
		{"{\"results\":[{\"times\":[1]}]}", "results[0].command"},
		{"{\"results\":[{\"command\":\"x\",\"times\":[1,\"a\"]}]}", "results[0].times[1]"},
		{"{\"results\":[{\"command\":\"x\",\"times\":[1],\"user\":\"a\"}]}", "'user' is no number"},
		{"{\"context\":{},\"benchmarks\":3}", "field 'benchmarks' is no list"},
		{"{\"context\":{},\"benchmarks\":[]}", "there is no result"},
		{"{\"context\":{},\"benchmarks\":[{}]}", "field 'name' is missing"},
		{"{\"context\":{},\"benchmarks\":[{\"name\":\"a\"}]}", "benchmark 'a': field 'real_time'"},
		{"{\"context\":{},\"benchmarks\":[{\"name\":\"a\",\"time_unit\":\"h\"}]}", "'time_unit' is 'h'"},
		{"{\"benchmarks\":[{\"name\":\"a\"}]}", "field 'states' is missing"},
		{"{\"benchmarks\":[],\"meta\":{\"version\":{\"json\":{\"string\":\"2.0.0\"}}}}", "'meta.version.json' is '2.0.0'"},
		{"{\"benchmarks\":[{\"states\":[]}]}", "benchmarks[0].name"},
		{"{\"benchmarks\":[{\"name\":\"a\",\"states\":[{}]}]}", "benchmark 'a', state 0: field 'summaries'"},
		{"{\"benchmarks\":[{\"name\":\"a\",\"states\":[{\"summaries\":[]}]}]}", "state 0 has no number"},
		{OURS "x", "f:2:1"}, {OURS "{}", "f:2: field 'kind' is ''"}, {OURS "{\"kind\":7}", "f:2: field 'kind'"},
		{OURS "\n\n{\"kind\":\"cell\"}", "f:4: field 'cell' is missing"},
		{OURS "{\"kind\":\"cell\",\"cell\":-1}", "f:2: field 'cell' is no whole number"},
		{OURS "{\"kind\":\"cell\",\"cell\":4294967295}", "f:2: field 'cell' is larger"},
		{OURS "{\"kind\":\"cell\",\"cell\":0,\"run\":\"x\"}", "f:2: field 'run' is 'x'"},
		{OURS CELL CELL, "f:3: field 'cell' is 0 after 0"},
		{OURS TRIAL, "f:2: a trial of cell 0, which"},
		{OURS CELL TRIAL TRIAL, "f:4: field 'trial' is 0 after 0"},
		{OURS "{\"kind\":\"cell\",\"run\":\"" RUN "\",\"cell\":1,\"verdict\":\"good\"}", "'verdict' is 'good'"},
		{OURS "{\"kind\":\"cell\",\"run\":\"" RUN "\",\"cell\":1,\"layout\":1}", "field 'layout' is no text"},
		{OURS "{\"kind\":\"cell\",\"run\":\"" RUN "\",\"cell\":1,\"benchmark\":\"0123456789012345678901234567890123456789"
		 "0123456789012345678901234567890123456789\"}", "field 'benchmark' is longer than 63"},
		{CELL OURS, "f:2:1: text after"},
		{"{\"schema\":\"" EXCHANGE_SCHEMA "\",\"kind\":\"run\",\"run\":\"x\"}", "f:1: field 'run' is no UUID"},
		{"{\"other\":\"" EXCHANGE_SCHEMA "\",\"kind\":\"run\"}", "f:1: field 'schema'"},
		{"{\"other\":\"" EXCHANGE_SCHEMA "\",\"kind\":\"cell\"}", "f:1: a cell before the first run"},
	};
	/* clang-format on */
	_cleanup_archive_ struct bench_archive a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ofbc_error err = {0};
		int r = import_text(rows[i].text, strlen(rows[i].text), "f", &no_options, &a, &err);

		if (r != -EINVAL || !strstr(err.message, rows[i].message))
			print_message("row %zu: %d '%s', not '%s'\n", i, r, err.message, rows[i].message);
		assert_int_equal(r, -EINVAL);
		assert_non_null(strstr(err.message, rows[i].message));
		assert_int_equal(a.n, 0);
	}
}

#define XML_ENTRY(v)                                                                                         \
	"<PhoronixTestSuite>\n<Result><Identifier>a</Identifier><Data><Entry><Identifier>s</Identifier>\n"   \
	"<Value>" v "</Value></Entry></Data></Result></PhoronixTestSuite>"

static void test_malformed_xml(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"<a>", "f:1: no element found"},
		{"<a/>", "there is no result"},
		{"<PhoronixTestSuite>\n\n</a>", "f:3: mismatched tag"},
		{XML_ENTRY("fast"), "f:3: a, system 's': 'fast' is no number"},
		{XML_ENTRY("1:x"), "'x' is no number"},
		{"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "f:1: entity 'b'"},
	};
	_cleanup_archive_ struct bench_archive a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ofbc_error err = {0};
		int r = import_text(rows[i].text, strlen(rows[i].text), "f", &no_options, &a, &err);

		if (r == -ENOTSUP)
			skip();
		if (r != -EINVAL || !strstr(err.message, rows[i].message))
			print_message("row %zu: %d '%s', not '%s'\n", i, r, err.message, rows[i].message);
		assert_int_equal(r, -EINVAL);
		assert_non_null(strstr(err.message, rows[i].message));
		assert_int_equal(a.n, 0);
	}
}

/* --- the hash --- */

static void sha256sum(const char *data, size_t len, char ret[SHA256_HEX_SIZE])
{
	char path[] = "/tmp/test_exchange.XXXXXX", command[64];
	int fd = mkstemp(path);
	FILE *p;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	snprintf(command, sizeof(command), "sha256sum %s", path);
	p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(ret, SHA256_HEX_SIZE, p));
	pclose(p);
	remove(path);
}

static void test_sha256(void **state)
{
	/* FIPS 180-4 examples, and lengths around a block */
	static const struct {
		const char *text, *hash;
	} rows[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char data[300], ours[SHA256_HEX_SIZE], theirs[SHA256_HEX_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sha256_hex(rows[i].text, strlen(rows[i].text), ours);
		assert_string_equal(ours, rows[i].hash);
	}
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 31);
	for (size_t n = 54; n < sizeof(data); n += n < 70 ? 1 : 57) {
		sha256_hex(data, n, ours);
		sha256sum(data, n, theirs);
		assert_string_equal(ours, theirs);
	}
}

int main(int argc, char *argv[])
{
	/* clang-format off */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_files), cmocka_unit_test(test_csv),
		cmocka_unit_test(test_sanitised), cmocka_unit_test(test_same_word),
		cmocka_unit_test(test_paths), cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_hyperfine), cmocka_unit_test(test_google),
		cmocka_unit_test(test_nvbench), cmocka_unit_test(test_phoronix),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_malformed_xml),
		cmocka_unit_test(test_sha256)
	};
	/* clang-format on */

	imports = argc > 1 ? argv[1] : "tests/bench/imports";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
