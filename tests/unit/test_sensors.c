/* SPDX-License-Identifier: MIT */
/* Sensors, samples and energy: on trees of files with a clock of our own, and on emulated boards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/strv.h"
#include "bench/energy.h"
#include "bench/sampler.h"
#include "bench/sensor.h"
#include "emulation/emulation.h"
#include "fake_host.h"
#include "platform/nvml.h"

#define MS      1000000ull
#define SECOND  (1000 * MS)
#define AMD     "0000:0a:00.0"
#define DEVICES "sys/bus/pci/devices/"

static int setup(void **state)
{
	struct fake_host *h = malloc(sizeof(*h));

	assert_non_null(h);
	fake_host_init(h);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	fake_host_done(*state);
	free(*state);
	return 0;
}

static struct sensor_reading read_of(struct sensor_set *s, enum sensor_quantity q, const char *device)
{
	struct sensor_reading v = {0};
	int i = sensor_find(s, q, device);

	if (i >= 0)
		sensor_read_one(s, (size_t)i, &v);
	return v;
}

static void assert_reading(struct sensor_set *s, enum sensor_quantity q, const char *device, int64_t value)
{
	struct sensor_reading v = read_of(s, q, device);

	assert_true(v.is_known);
	assert_int_equal(v.value, value);
}

static const char *source_of(struct sensor_set *s, enum sensor_quantity q)
{
	int i = sensor_find(s, q, NULL);

	return i < 0 ? "" : sensor_at(s, (size_t)i)->source;
}

/* --- boards --- */

static void put_amdgpu(struct fake_host *h)
{
	static const char *const files[][2] = {
		{"hwmon/hwmon3/name", "amdgpu"},
		{"hwmon/hwmon3/power1_average", "287000000"},
		{"hwmon/hwmon3/freq1_input", "1700000000"},
		{"hwmon/hwmon3/freq2_input", "1300000000"},
		{"hwmon/hwmon3/temp2_input", "61000"},
		{"hwmon/hwmon3/temp3_input", "-2000"},
		{"gpu_busy_percent", "37"},
		{"mem_busy_percent", "5"},
		{"mem_info_vram_used", "123456789"},
	};
	char path[256];

	fake_pci(h, AMD, "0x1002", "amdgpu");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), DEVICES AMD "/%s", files[i][0]);
		fake_put(h, path, files[i][1]);
	}
}

static void test_amdgpu(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;

	put_amdgpu(h);
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, AMD, 0, NULL), 8);
	assert_reading(s, SENSOR_POWER_AVERAGE, AMD, 287000);
	assert_reading(s, SENSOR_CLOCK, AMD, 1700);
	assert_reading(s, SENSOR_CLOCK_MEMORY, AMD, 1300);
	assert_reading(s, SENSOR_TEMPERATURE, AMD, 61000); /* this board has no edge sensor */
	assert_reading(s, SENSOR_TEMPERATURE_MEMORY, AMD, -2000);
	assert_reading(s, SENSOR_BUSY, AMD, 370);
	assert_reading(s, SENSOR_MEMORY_BUSY, AMD, 50);
	assert_reading(s, SENSOR_MEMORY_USED, AMD, 123456789);
	assert_int_equal(sensor_find(s, SENSOR_ENERGY, NULL), -ENOENT);
	assert_int_equal(sensor_find(s, SENSOR_POWER, NULL), -ENOENT); /* an average is no power of now */
	assert_string_equal(source_of(s, SENSOR_POWER_AVERAGE), "hwmon:amdgpu");
}

static void test_unknown_stays_unknown(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	struct ofbc_error err = {0};

	put_amdgpu(h);
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, "0000:99:00.0", 0, &err), -ENODEV);
	assert_non_null(strstr(err.message, "0000:99:00.0"));
	assert_int_equal(sensor_add_gpu(s, AMD, 0, NULL), 8);
	assert_true(read_of(s, SENSOR_BUSY, AMD).is_known);
	fake_put(h, DEVICES AMD "/gpu_busy_percent", "");
	assert_false(read_of(s, SENSOR_BUSY, AMD).is_known);
	fake_put(h, DEVICES AMD "/gpu_busy_percent", "99999999999999999999");
	assert_false(read_of(s, SENSOR_BUSY, AMD).is_known);
	fake_put(h, DEVICES AMD "/gpu_busy_percent", "12 %");
	assert_false(read_of(s, SENSOR_BUSY, AMD).is_known);
	fake_put(h, DEVICES AMD "/gpu_busy_percent", "12");
	assert_reading(s, SENSOR_BUSY, AMD, 120);
}

static void put_metrics(struct fake_host *h, uint8_t content, size_t offset, uint64_t raw)
{
	unsigned char data[128] = {128, 0, 1, content};

	memcpy(data + offset, &raw, sizeof(raw));
	data[127] = 1; /* a door that reads text takes newlines off the end */
	fake_put_bytes(h, DEVICES AMD "/gpu_metrics", data, sizeof(data));
}

static void test_amd_energy(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	uint64_t uj;

	put_amdgpu(h);
	put_metrics(h, 3, 24, 65536 * 10);
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, AMD, 0, NULL), 9);
	assert_reading(s, SENSOR_ENERGY, AMD, 0); /* counts from the first reading on */
	put_metrics(h, 3, 24, 65536 * 13);
	assert_reading(s, SENSOR_ENERGY, AMD, 3000000);
	put_metrics(h, 3, 24, UINT64_MAX); /* "not filled" */
	assert_false(read_of(s, SENSOR_ENERGY, AMD).is_known);
	put_metrics(h, 3, 24, 65536 * 14);
	assert_reading(s, SENSOR_ENERGY, AMD, 4000000);

	const struct {
		char data[100];
		size_t len;
		int r;
		uint64_t uj;
	} cases[] = {
		{{100, 0, 1, 4, [24] = 1}, 100, 0, 15},
		{{100, 0, 1, 5, [24] = 9, [89] = 4}, 100, 0, 15625},
		{{100, 0, 1, 3}, 100, -ENODATA, 0},
		{{100, 0, 1, 3, [24] = 1}, 31, -EINVAL, 0},
		{{100, 0, 1, 0, [24] = 1}, 100, -ENODATA, 0},
		{{100, 0, 1, 9, [24] = 1}, 100, -ENODATA, 0},
		{{100, 0, 2, 1, [24] = 1}, 100, -ENODATA, 0},
		{{100, 0, 1}, 3, -EINVAL, 0},
		{{0}, 0, -EINVAL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uj = 0;
		assert_int_equal(sensor_parse_amd(cases[i].data, cases[i].len, &uj), cases[i].r);
		assert_int_equal(uj, cases[i].uj);
	}
}

static void test_intel(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;

	fake_pci(h, "0000:03:00.0", "0x8086", "i915");
	fake_put(h, DEVICES "0000:03:00.0/hwmon/hwmon1/name", "i915_gt0"); /* one of a tile: not the board */
	fake_put(h, DEVICES "0000:03:00.0/hwmon/hwmon1/energy1_input", "1");
	fake_put(h, DEVICES "0000:03:00.0/hwmon/hwmon2/name", "i915");
	fake_put(h, DEVICES "0000:03:00.0/hwmon/hwmon2/energy1_input", "5000000");
	fake_put(h, DEVICES "0000:03:00.0/drm/card1/gt/gt0/rps_act_freq_mhz", "2050");
	fake_put(h, DEVICES "0000:03:00.0/drm/card1/gt/gt0/throttle_reason_status", "1");
	fake_pci(h, "0000:04:00.0", "0x8086", "xe");
	fake_put(h, DEVICES "0000:04:00.0/hwmon/hwmon5/name", "xe");
	fake_put(h, DEVICES "0000:04:00.0/hwmon/hwmon5/energy2_input", "700");
	fake_put(h, DEVICES "0000:04:00.0/hwmon/hwmon5/energy2_label", "pkg");
	fake_put(h, DEVICES "0000:04:00.0/hwmon/hwmon5/temp2_input", "48000");
	fake_put(h, DEVICES "0000:04:00.0/tile0/gt0/freq0/act_freq", "1200");
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, "0000:03:00.0", 0, NULL), 3);
	assert_int_equal(sensor_add_gpu(s, "0000:04:00.0", 0, NULL), 3);
	assert_reading(s, SENSOR_ENERGY, "0000:03:00.0", 0);
	fake_put(h, DEVICES "0000:03:00.0/hwmon/hwmon2/energy1_input", "5000123");
	assert_reading(s, SENSOR_ENERGY, "0000:03:00.0", 123);
	assert_reading(s, SENSOR_CLOCK, "0000:03:00.0", 2050);
	assert_reading(s, SENSOR_THROTTLE, "0000:03:00.0", THROTTLE_OTHER);
	/* energy of the chip is not called energy of the board */
	assert_int_equal(sensor_find(s, SENSOR_ENERGY, "0000:04:00.0"), -ENOENT);
	assert_true(read_of(s, SENSOR_ENERGY, "0000:04:00.0:pkg").is_known);
	assert_reading(s, SENSOR_TEMPERATURE, "0000:04:00.0", 48000);
	assert_reading(s, SENSOR_CLOCK, "0000:04:00.0", 1200);
}

/* --- processors, processes, control groups --- */

#define RAPL "sys/class/powercap/"

static void test_rapl(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	int i;

	fake_put(h, "proc/stat", "cpu  100 20 30 4000 50 6 7 8 90 0\ncpu0 1 2 3 4\n");
	fake_put(h, RAPL "intel-rapl:0/name", "package-0");
	fake_put(h, RAPL "intel-rapl:0/energy_uj", "262143328000");
	fake_put(h, RAPL "intel-rapl:0/max_energy_range_uj", "262143328850");
	fake_put(h, RAPL "intel-rapl:0:0/name", "dram");
	fake_put(h, RAPL "intel-rapl:0:0/energy_uj", "17");
	fake_put(h, RAPL "intel-rapl-mmio:0/name", "package-0");
	fake_put(h, RAPL "intel-rapl-mmio:0/energy_uj", "5");
	fake_put(h, RAPL "intel-rapl/enabled", "1");
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_cpu(s), 3);
	i = sensor_find(s, SENSOR_ENERGY, "cpu:package-0");
	assert_true(i >= 0);
	assert_reading(s, SENSOR_ENERGY, "cpu:package-0", 0);
	assert_reading(s, SENSOR_ENERGY, "cpu:package-0:dram", 0);
	fake_put(h, RAPL "intel-rapl:0/energy_uj", "149"); /* over its end at max + 1 */
	assert_reading(s, SENSOR_ENERGY, "cpu:package-0", 1000);
	assert_int_equal(sensor_at(s, (size_t)i)->resets, 0);
	fake_put(h, RAPL "intel-rapl:0/energy_uj", "1149");
	assert_reading(s, SENSOR_ENERGY, "cpu:package-0", 2000);
	fake_put(h, RAPL "intel-rapl:0/energy_uj", "1100"); /* a small step back is no wrap */
	assert_reading(s, SENSOR_ENERGY, "cpu:package-0", 2000);
	assert_int_equal(sensor_at(s, (size_t)i)->resets, 1);
	assert_string_equal(sensor_at(s, (size_t)i)->source, "rapl");
}

static void test_amd_cpu(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;

	fake_put(h, "sys/class/hwmon/hwmon0/name", "k10temp");
	fake_put(h, "sys/class/hwmon/hwmon0/temp1_input", "45125");
	fake_put(h, "sys/class/hwmon/hwmon1/name", "amd_energy");
	fake_put(h, "sys/class/hwmon/hwmon1/energy1_label", "Ecore000");
	fake_put(h, "sys/class/hwmon/hwmon1/energy1_input", "1");
	fake_put(h, "sys/class/hwmon/hwmon1/energy2_label", "Esocket0");
	fake_put(h, "sys/class/hwmon/hwmon1/energy2_input", "1000");
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_cpu(s), 2);
	assert_reading(s, SENSOR_TEMPERATURE, "cpu", 45125);
	assert_true(read_of(s, SENSOR_ENERGY, "cpu:package-0").is_known);
}

static bool refuse_rapl(struct fake_host *h, const char *path, char *buf, size_t size)
{
	(void)h;
	(void)buf;
	(void)size;
	return strstr(path, "energy_uj") != NULL;
}

static ssize_t read_refused(struct platform *p, const char *path, char *buf, size_t size)
{
	return refuse_rapl(NULL, path, buf, size) ? -EACCES : fake_read(p, path, buf, size);
}

static void test_rapl_refused(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;

	fake_put(h, RAPL "intel-rapl:0/name", "package-0");
	fake_put(h, RAPL "intel-rapl:0/energy_uj", "5");
	h->ops.read = read_refused;
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_cpu(s), 0);
	assert_int_equal(sensor_notes(s)->n, 1);
	assert_string_equal(sensor_notes(s)->v[0], "rapl: Permission denied");
}

static void test_process(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;

	fake_put(h, "proc/17/stat", "17 (a) b) (c) S 1 17 17 0 -1 4194304 1 2 3 4 250 30 0 0 20 0 1 0 9 8 7");
	fake_put(h, "proc/17/status", "Name:\tx\nVmHWM:\t  9999 kB\nVmRSS:\t    2048 kB\nThreads:\t1\n");
	fake_put(h, "proc/17/smaps_rollup", "55 ---p 00 00:00 0 [rollup]\nRss:  2048 kB\nPss:  1024 kB\n");
	fake_put(h, "sys/fs/cgroup/a/cpu.stat",
	         "usage_usec 500\nuser_usec 1\nnr_throttled 2\nthrottled_usec 77");
	fake_put(h, "sys/fs/cgroup/a/memory.current", "4096");
	fake_put(h, "sys/fs/cgroup/a/memory.peak", "8192");
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_process(s, 18), -ENODEV);
	assert_int_equal(sensor_add_cgroup(s, "b"), -ENODEV);
	assert_int_equal(sensor_add_process(s, 17), 3);
	assert_int_equal(sensor_add_cgroup(s, "a"), 4);
	assert_reading(s, SENSOR_CPU_TIME, "process:17", 0);
	fake_put(h, "proc/17/stat", "17 (a) b) (c) S 1 17 17 0 -1 4194304 1 2 3 4 251 31 0 0 20 0 1 0 9 8 7");
	assert_reading(s, SENSOR_CPU_TIME, "process:17", 20000);
	assert_reading(s, SENSOR_MEMORY_RESIDENT, "process:17", 2048 * 1024);
	assert_reading(s, SENSOR_MEMORY_PROPORTIONAL, "process:17", 1024 * 1024);
	assert_reading(s, SENSOR_MEMORY_PEAK, "cgroup:a", 8192);
	fake_put(h, "sys/fs/cgroup/a/cpu.stat", "usage_usec 900\nthrottled_usec 78");
	assert_true(read_of(s, SENSOR_CPU_TIME, "cgroup:a").is_known);
	assert_true(read_of(s, SENSOR_CPU_THROTTLED, "cgroup:a").is_known);
}

static void test_parsers(void **state)
{
	static const char *const bad_stat[] = {"",
	                                       "17",
	                                       "17 (x)",
	                                       "17 (x) S 1 2 3",
	                                       "17 (x) S 1 2 3 4 5 6 7 8 9 10 x y",
	                                       "17 (x) S 1 2 3 4 5 6 7 8 9 10 -1 4"};
	static const char *const bad_cpu[] = {"", "cpu", "cpu  ", "cpu 1 2 3", "cpu0 1 2 3 4", "cpu a b c d"};
	static const char *const bad_key[] = {
		"", "k", "k ", "k x", "kk 1", "l 1\nkk 2", "k 99999999999999999999"};
	uint64_t v = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_stat); i++)
		assert_int_equal(sensor_parse_stat(bad_stat[i], &v), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_cpu); i++)
		assert_int_equal(sensor_parse_cpu(bad_cpu[i], &v), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_key); i++)
		assert_int_equal(sensor_parse_keyed(bad_key[i], "k", &v), -EINVAL);
	assert_int_equal(v, 0);
	assert_int_equal(sensor_parse_cpu("cpu  100 20 30 4000 50 6 7 8 90 0", &v), 0);
	assert_int_equal(v, 1630000); /* idle, waiting and stolen time is not busy */
	assert_int_equal(throttle_of_nvml(0x48), THROTTLE_THERMAL);
	assert_int_equal(throttle_of_nvml(0x8), THROTTLE_OTHER);
	assert_int_equal(throttle_of_nvml(0x88), THROTTLE_POWER);
	assert_int_equal(throttle_of_nvml(0x4 | 0x1), THROTTLE_POWER | THROTTLE_IDLE);
	assert_int_equal(throttle_of_nvml(0x8000), THROTTLE_OTHER);
	assert_string_equal(throttle_name(THROTTLE_POWER | THROTTLE_THERMAL), "thermal");
	assert_string_equal(throttle_name(THROTTLE_POWER | THROTTLE_SETTING), "power");
	assert_string_equal(throttle_name(THROTTLE_IDLE), "none");
}

static void test_difference(void **state)
{
	static const struct {
		uint64_t a, b, wraps_at;
		int r;
		uint64_t d;
	} cases[] = {
		{5, 5, 0, 0, 0},
		{5, 9, 0, 0, 4},
		{9, 5, 0, -ERANGE, 0},
		{990, 10, 1000, 0, 20},
		{500, 490, 1000, -ERANGE, 0}, /* 990 further on is a step back */
		{2000, 10, 1000, -ERANGE, 0},
		{UINT64_MAX - 1, 3, UINT64_MAX, 0, 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t d = 0;

		assert_int_equal(counter_difference(cases[i].a, cases[i].b, cases[i].wraps_at, &d),
		                 cases[i].r);
		assert_int_equal(d, cases[i].d);
	}
}

/* --- samples --- */

static void test_sampler(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	_cleanup_sampler_ struct sampler *m = NULL;
	struct sampler_options o = {.max_rows = 16};
	struct sampler_figures f;
	struct sampler_cost c;
	uint64_t start;
	size_t busy, clock;

	put_amdgpu(h);
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, AMD, 0, NULL), 8);
	busy = (size_t)sensor_find(s, SENSOR_BUSY, NULL);
	clock = (size_t)sensor_find(s, SENSOR_CLOCK_MEMORY, NULL);
	assert_int_equal(sampler_new(s, &o, &m), 0);
	assert_int_equal(sampler_cost(m).n_slowed, 0);
	assert_false(sampler_step(m)); /* not begun */
	start = h->now_ns;
	sampler_begin(m, SAMPLER_WARM_UP);
	assert_int_equal(sampler_due_ns(m), start + 100 * MS);
	assert_false(sampler_step(m));
	sampler_wait(m, start + 1000 * MS);
	fake_put(h, DEVICES AMD "/gpu_busy_percent", "80");
	sampler_begin(m, SAMPLER_WINDOW);
	sampler_wait(m, start + 4000 * MS);
	h->now_ns += 250 * MS; /* nobody called */
	assert_true(sampler_step(m));
	sampler_end(m);
	assert_false(sampler_step(m));

	f = sampler_figures(m, SAMPLER_WARM_UP, busy);
	assert_int_equal(f.n, 11); /* its first and last moment and nine between */
	assert_int_equal(f.min, 370);
	assert_int_equal(f.max, 800);
	f = sampler_figures(m, SAMPLER_WINDOW, busy);
	assert_int_equal(f.n, 1 + 29 + 1 + 1);
	assert_true(fabs(f.mean - 800) < 1e-9);
	f = sampler_figures(m, SAMPLER_WINDOW, clock); /* slow: edges and once a second */
	assert_int_equal(f.n, 1 + 3 + 1);
	f = sampler_figures(m, SAMPLER_COOL_DOWN, busy);
	assert_int_equal(f.n, 0);
	assert_true(isnan(f.mean));
	c = sampler_cost(m);
	assert_int_equal(c.missed, 2);
	assert_int_equal(c.samples, 1 + 9 + 1 + 29 + 1 + 1);
	assert_true(c.kept_each > 1);
	assert_true(sampler_rows(m) <= 16);
	for (size_t i = 1; i < sampler_rows(m); i++)
		assert_true(sampler_row(m, i).at_ns >= sampler_row(m, i - 1).at_ns);
	assert_int_equal(sampler_row(m, 0).phase, SAMPLER_WARM_UP);
	assert_int_equal(sampler_row(m, 0).v[busy].value, 370);
	assert_int_equal(sampler_row(m, sampler_rows(m) - 1).phase, SAMPLER_WINDOW);
}

static void test_print(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	_cleanup_sampler_ struct sampler *m = NULL;
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(4096);

	fake_put(h, "sys/fs/cgroup/a/memory.current", "4096");
	fake_put(h, "sys/fs/cgroup/a/memory.peak", "8192");
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_cgroup(s, "a"), 2);
	assert_int_equal(sampler_new(s, &(struct sampler_options){.hz = 1}, &m), 0);
	sampler_begin(m, SAMPLER_WARM_UP);
	sampler_wait(m, h->now_ns + 1500 * MS);
	sampler_begin(m, SAMPLER_WINDOW);
	sampler_print(m, &b);
	assert_string_equal(strbuf_str(&b),
	                    "seconds,phase,cgroup:a/memory_resident_bytes,cgroup:a/memory_peak_bytes\n"
	                    "0.000000,warm-up,4096,8192\n"
	                    "1.000000,warm-up,4096,\n"
	                    "1.500000,window,4096,8192\n");
}

/* Calls that would take more than the budget are made less often. */
static void test_sampler_budget(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	_cleanup_sampler_ struct sampler *m = NULL;
	struct sampler_cost c;

	put_amdgpu(h);
	h->read_ns = 800000; /* 0.4 ms of processor time; five of them ten times a second are 2 % */
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, AMD, 0, NULL), 8);
	assert_int_equal(sampler_new(s, NULL, &m), 0);
	sampler_begin(m, SAMPLER_WINDOW);
	sampler_wait(m, h->now_ns + 20 * SECOND);
	sampler_end(m);
	c = sampler_cost(m);
	assert_int_equal(c.n_slowed, 4);
	assert_true(c.cpu_share < 0.01 && c.cpu_share > 0.005);
	assert_true(c.longest_ns >= 8 * 800000);
	sampler_free(steal_ptr(m));
	h->read_ns = 100000000; /* nothing fits: edges only */
	assert_int_equal(sampler_new(s, NULL, &m), 0);
	for (size_t i = 0; i < sensor_count(s); i++)
		assert_int_equal(sensor_at(s, i)->pace, SENSOR_EDGE);
}

/* --- energy: a counter whose habits we choose --- */

static struct {
	uint64_t tick_ns, quantum_uj, wraps_at;
	double w;
	uint64_t stalls_at_ns, jumps_at_ns; /* 0: never */
	bool loses;                         /* what is read more often than it ticks forgets */
	uint64_t last_read_ns, last_uj, shown_uj;
} board;

#define COUNTER "sys/class/powercap/intel-rapl:0/energy_uj"

static bool counter_text(struct fake_host *h, const char *path, char *buf, size_t size)
{
	uint64_t t = h->now_ns, uj;

	if (strcmp(path, COUNTER) != 0)
		return false;
	if (board.stalls_at_ns && t > board.stalls_at_ns)
		t = board.stalls_at_ns;
	uj = (uint64_t)((double)(t / board.tick_ns * board.tick_ns) * 1e-3 * board.w);
	if (board.loses) {
		uint64_t d = uj - board.last_uj;

		board.shown_uj += t - board.last_read_ns < board.tick_ns / 2 ? d / 20 : d;
		board.last_uj = uj;
		board.last_read_ns = t;
		uj = board.shown_uj;
	}
	if (board.jumps_at_ns && t > board.jumps_at_ns)
		uj -= 400000000;
	uj -= uj % board.quantum_uj;
	if (board.wraps_at)
		uj %= board.wraps_at;
	snprintf(buf, size, "%llu", (unsigned long long)uj);
	return true;
}

static struct sensor_set *counter_set(struct fake_host *h)
{
	struct sensor_set *s = NULL;
	char text[32];

	h->text = counter_text;
	h->read_ns = 20000;
	h->now_ns = 1000 * SECOND;
	fake_put(h, "sys/class/powercap/intel-rapl:0/name", "package-0");
	if (board.wraps_at) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)board.wraps_at - 1);
		fake_put(h, "sys/class/powercap/intel-rapl:0/max_energy_range_uj", text);
	}
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_cpu(s), 1);
	return s;
}

static void measure(struct sensor_set *s, const struct energy_traits *t, double seconds, struct energy *ret)
{
	struct fake_host *h = fake_of(sensor_platform(s));
	struct energy_edge a, b;
	struct sensor_reading v;
	uint64_t end;

	energy_edge_take(s, 0, t, &a);
	for (end = h->now_ns + (uint64_t)(seconds * 1e9); h->now_ns < end; h->now_ns += SECOND)
		sensor_read_one(s, 0, &v); /* as the sampler does */
	h->now_ns = end;
	energy_edge_take(s, 0, t, &b);
	energy_window(&a, &b, t, "rapl", ret);
}

static void test_energy_ticks(void **state)
{
	static const struct {
		uint64_t tick_ms, quantum_uj;
		double w;
	} cases[] = {{20, 1000, 60}, {100, 1000, 700}, {100, 1000000, 350}, {1, 61, 40}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake_host *h = *state;
		struct energy_traits t;
		struct energy e;

		memset(&board, 0, sizeof(board));
		board.tick_ns = cases[i].tick_ms * MS;
		board.quantum_uj = cases[i].quantum_uj;
		board.w = cases[i].w;
		_cleanup_sensors_ struct sensor_set *s = counter_set(h);
		assert_int_equal(energy_test(s, 0, &(struct energy_test_options){0}, &t), 0);
		assert_true(t.is_usable);
		assert_true(fabs((double)t.tick_ns / (double)board.tick_ns - 1) < 0.07);
		assert_int_equal(t.quantum_uj % board.quantum_uj, 0);
		assert_true(isnan(t.agreement)); /* nothing to compare with */
		measure(s, &t, 10, &e);
		print_message(
			"tick %llu ms, quantum %llu uJ, %.0f W: tick %.2f ms, quantum %llu uJ; %.3f J +- %.3f J in %.4f s\n",
			(unsigned long long)cases[i].tick_ms, (unsigned long long)cases[i].quantum_uj,
			cases[i].w, (double)t.tick_ns / 1e6, (unsigned long long)t.quantum_uj, e.j, e.u_j,
			e.window_s);
		assert_int_equal(e.source, ENERGY_COUNTER);
		assert_string_equal(e.label, "rapl-counter");
		assert_true(fabs(e.j - cases[i].w * e.window_s) < 3 * e.u_j);
		assert_true(e.u_j / e.j < 0.01);
		assert_true(fabs(e.gain - 0.05) < 1e-12);
	}
}

static void test_energy_refused(void **state)
{
	struct fake_host *h = *state;
	struct energy_traits t;
	struct energy e;
	_cleanup_sensors_ struct sensor_set *s = NULL;

	memset(&board, 0, sizeof(board));
	board.tick_ns = 100 * MS;
	board.quantum_uj = 1000;
	board.w = 100;
	s = counter_set(h);
	assert_int_equal(energy_test(s, 0, &(struct energy_test_options){0}, &t), 0);
	measure(s, &t, 1.5, &e);
	assert_int_equal(e.source, ENERGY_NONE);
	assert_non_null(strstr(e.reason, "shorter than 20 ticks"));
	assert_true(isnan(e.j) && isnan(e.u_j));
	assert_string_equal(e.label, "");
	board.jumps_at_ns = h->now_ns + 3 * SECOND;
	measure(s, &t, 6, &e);
	assert_non_null(strstr(e.reason, "backwards"));
	measure(s, &t, 6, &e); /* and goes on from there */
	assert_int_equal(e.source, ENERGY_COUNTER);
	board.stalls_at_ns = h->now_ns + 3 * SECOND;
	measure(s, &t, 6, &e);
	assert_non_null(strstr(e.reason, "within two ticks at the end"));
	assert_int_equal(energy_test(s, 0, &(struct energy_test_options){0}, &t), 0);
	assert_false(t.is_usable);
	assert_string_equal(t.reason, "the counter stands still");
	measure(s, &t, 6, &e);
	assert_string_equal(e.reason, "the counter stands still");
	h->text = NULL; /* the file is gone */
	assert_int_equal(energy_test(s, 0, &(struct energy_test_options){0}, &t), 0);
	assert_string_equal(t.reason, "the counter cannot be read");
	t.is_usable = true;
	measure(s, &t, 6, &e);
	assert_string_equal(e.reason, "the counter could not be read at the start");
	assert_int_equal(energy_test(s, 1, &(struct energy_test_options){0}, &t), -EINVAL);
}

static void test_energy_wraps(void **state)
{
	struct fake_host *h = *state;
	struct energy_traits t;
	struct energy e;
	_cleanup_sensors_ struct sensor_set *s = NULL;

	memset(&board, 0, sizeof(board));
	board.tick_ns = MS;
	board.quantum_uj = 61;
	board.w = 200;
	board.wraps_at = 900000000; /* 4.5 s at 200 W: the window goes over it many times */
	s = counter_set(h);
	assert_int_equal(energy_test(s, 0, &(struct energy_test_options){0}, &t), 0);
	assert_true(t.is_usable);
	measure(s, &t, 60, &e);
	assert_int_equal(e.source, ENERGY_COUNTER);
	assert_true(fabs(e.j / (200 * e.window_s) - 1) < 1e-3);
	assert_int_equal(sensor_at(s, 0)->resets, 0);
}

/* The counter of a board with a power sensor, which may lie. */
static double power_scale;

static bool board_text(struct fake_host *h, const char *path, char *buf, size_t size)
{
	if (strstr(path, "power1_input")) {
		snprintf(buf, size, "%.0f", board.w * 1e6 * power_scale);
		return true;
	}
	return counter_text(h, strstr(path, "energy1_input") ? COUNTER : path, buf, size);
}

static void test_energy_agreement(void **state)
{
	struct fake_host *h = *state;
	struct energy_test_options o = {.agree_ns = 10 * SECOND, .with_rates = true};
	struct energy_traits t;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	size_t i;

	memset(&board, 0, sizeof(board));
	board.tick_ns = 20 * MS;
	board.quantum_uj = 1000;
	board.w = 120;
	power_scale = 1.25;
	h->text = board_text;
	h->read_ns = 20000;
	fake_pci(h, AMD, "0x1002", "amdgpu");
	fake_put(h, DEVICES AMD "/hwmon/hwmon0/name", "amdgpu");
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, AMD, 0, NULL), 2);
	i = (size_t)sensor_find(s, SENSOR_ENERGY, AMD);
	assert_int_equal(energy_test(s, i, &o, &t), 0);
	assert_true(fabs(t.agreement - 0.8) < 0.01);
	for (size_t k = 0; k < ENERGY_RATES; k++)
		assert_true(fabs(t.rates[k].agreement - 0.8) < 0.02);
	board.loses = true;
	assert_int_equal(energy_test(s, i, &o, &t), 0);
	assert_true(t.rates[0].agreement < 0.2);
	assert_true(fabs(t.rates[3].agreement - 0.8) < 0.05);
	print_message(
		"a counter that loses: read each 1, 10, 100, 1000 ms it shows %.2f, %.2f, %.2f, %.2f of the power\n",
		t.rates[0].agreement, t.rates[1].agreement, t.rates[2].agreement, t.rates[3].agreement);
}

/* Eight boards are waited for in the time of one; and one that is gone holds nobody. */
static void test_edges(void **state)
{
	struct fake_host *h = *state;
	struct energy_traits t = {.is_usable = true, .tick_ns = 100 * MS};
	struct energy_counter c[8];
	_cleanup_sensors_ struct sensor_set *s = NULL;
	uint64_t start;

	memset(&board, 0, sizeof(board));
	board.tick_ns = 100 * MS;
	board.quantum_uj = 1;
	board.w = 500;
	power_scale = 1;
	h->text = board_text;
	h->read_ns = 10000;
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	for (unsigned i = 0; i < 8; i++) {
		char address[16], path[128];

		snprintf(address, sizeof(address), "0000:%02x:00.0", i + 1);
		fake_pci(h, address, "0x1002", "amdgpu");
		snprintf(path, sizeof(path), DEVICES "%s/hwmon/hwmon0/name", address);
		fake_put(h, path, "amdgpu");
		assert_int_equal(sensor_add_gpu(s, address, 0, NULL), 2);
		c[i] = (struct energy_counter){.sensor = (size_t)sensor_find(s, SENSOR_ENERGY, address),
		                               .traits = &t};
	}
	h->now_ns += 37 * MS;
	start = h->now_ns;
	energy_edges_take(s, c, 8);
	assert_true(h->now_ns - start < 110 * MS);
	for (unsigned i = 0; i < 8; i++) {
		assert_true(c[i].edge.is_known && c[i].edge.is_aligned);
		assert_true(c[i].edge.gap_ns < 12 * MS);
	}
	h->text = NULL;
	start = h->now_ns;
	energy_edges_take(s, c, 8);
	assert_false(c[0].edge.is_known);
	assert_true(h->now_ns - start < 10 * MS);
}

static void test_of_samples(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	_cleanup_sampler_ struct sampler *m = NULL;
	struct energy e;
	uint64_t start;
	size_t power;

	memset(&board, 0, sizeof(board));
	board.tick_ns = 100 * MS;
	board.quantum_uj = 1;
	board.w = 250;
	power_scale = 1;
	h->text = board_text;
	fake_pci(h, AMD, "0x1002", "amdgpu");
	fake_put(h, DEVICES AMD "/hwmon/hwmon0/name", "amdgpu");
	assert_int_equal(sensor_set_new(h->p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, AMD, 0, NULL), 2);
	power = (size_t)sensor_find(s, SENSOR_POWER, AMD);
	assert_int_equal(sampler_new(s, NULL, &m), 0);
	start = h->now_ns;
	sampler_begin(m, SAMPLER_WINDOW);
	sampler_wait(m, start + 8 * SECOND);
	sampler_end(m);
	assert_int_equal(energy_of_samples(m, power, start + SECOND, start + 7 * SECOND, &e), 0);
	assert_int_equal(e.source, ENERGY_INTEGRATED);
	assert_true(fabs(e.j - 1500) < 1e-6);
}

/* --- pure arithmetic --- */

static void test_traits(void **state)
{
	static const struct energy_point few[] = {{0, 0}, {10, 5}, {20, 5}};
	static const struct energy_point back[] = {{0, 50}, {10, 60}, {20, 40}};
	static const struct energy_point good[] = {{0, 6}, {10, 6}, {20, 18}, {30, 18}, {40, 27}, {60, 33}};
	static const struct energy_point ones[] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
	struct energy_traits t;

	(void)state;
	energy_traits_of(ones, 4, &t);
	assert_int_equal(t.tick_ns, 1); /* a median of two keeps their halves */
	assert_int_equal(t.step_uj, 1);
	energy_traits_of(few, 3, &t);
	assert_string_equal(t.reason, "the counter changed less than three times");
	energy_traits_of(back, 3, &t);
	assert_string_equal(t.reason, "the counter stepped backwards");
	energy_traits_of(good, 0, &t);
	assert_string_equal(t.reason, "the counter cannot be read");
	energy_traits_of(good, 6, &t);
	assert_true(t.is_usable);
	assert_int_equal(t.ticks, 2);
	assert_int_equal(t.tick_ns, 20);
	assert_int_equal(t.quantum_uj, 3);
}

static void test_window(void **state)
{
	struct energy_traits t = {.is_usable = true, .tick_ns = 100 * MS, .quantum_uj = 3000000};
	struct energy_edge a = {.at_ns = SECOND, .uj = 5000000, .is_known = true, .is_aligned = true};
	struct energy_edge b = {.at_ns = 11 * SECOND, .uj = 1005000000, .is_known = true, .is_aligned = true};
	struct energy e;

	(void)state;
	energy_window(&a, &b, &t, "nvml", &e);
	assert_true(fabs(e.j - 1000) < 1e-9);
	assert_true(fabs(e.u_j - sqrt(2) * 3 / sqrt(3)) < 1e-9); /* quantum / sqrt 3 at each edge */
	a.gap_ns = 10 * MS;                                      /* 100 W for 10 ms: one joule more or less */
	energy_window(&a, &b, &t, "nvml", &e);
	assert_true(fabs(e.u_j - sqrt(3 + 3 + 1.0 / 3)) < 1e-9);
	assert_string_equal(e.label, "nvml-counter");
	b.uj = 1;
	energy_window(&a, &b, &t, "nvml", &e);
	assert_non_null(strstr(e.reason, "backwards"));
	b = a;
	energy_window(&a, &b, &t, "nvml", &e);
	assert_non_null(strstr(e.reason, "shorter than 20 ticks"));
}

static void test_integrate(void **state)
{
	struct power_point v[101];
	struct energy e;

	(void)state;
	for (size_t i = 0; i < 101; i++)
		v[i] = (struct power_point){.at_ns = i * 100 * MS, .w = 50 + (double)i}; /* a ramp */
	energy_integrate(v, 101, SECOND + 50 * MS, 8 * SECOND + 50 * MS, &e);
	assert_int_equal(e.source, ENERGY_INTEGRATED);
	assert_string_equal(e.label, "power-integrated");
	assert_true(fabs(e.j - 7 * (60.5 + 130.5) / 2) < 1e-6);
	assert_true(e.u_j > 0 && e.u_j < 1);
	energy_integrate(v, 101, 0, 4 * SECOND, &e);
	assert_non_null(strstr(e.reason, "shorter than the 5 s"));
	energy_integrate(v, 101, 5 * SECOND, 11 * SECOND, &e); /* nobody looked at the end */
	assert_non_null(strstr(e.reason, "not known from 5.000 s"));
	assert_true(isnan(e.j));
	v[50].w = NAN; /* one is bridged */
	energy_integrate(v, 101, 0, 10 * SECOND, &e);
	assert_true(fabs(e.j - 1000) < 1e-6);
	for (size_t i = 50; i < 60; i++)
		v[i].w = NAN; /* a second is not */
	energy_integrate(v, 101, 0, 10 * SECOND, &e);
	assert_int_equal(e.source, ENERGY_NONE);
	energy_integrate(v, 0, 0, 10 * SECOND, &e);
	assert_int_equal(e.source, ENERGY_NONE);
	v[0].w = NAN; /* unknown at the start */
	energy_integrate(v, 40, 0, 6 * SECOND, &e);
	assert_int_equal(e.source, ENERGY_NONE);
}

static void test_estimate(void **state)
{
	static const double share[] = {3, 4}, work[] = {1, 3}, nothing[] = {0, 0}, wrong[] = {NAN, 1};
	struct energy board_energy = {.j = 1000, .window_s = 10};
	struct energy_estimate e;

	(void)state;
	assert_int_equal(energy_estimate_share(&board_energy, 30, share, work, 2, 1, &e), 0);
	assert_true(fabs(e.j - (300 * 4.0 / 7 + 700 * 0.75)) < 1e-9);
	assert_string_equal(e.model, "estimate, not measured: idle by share, rest by activity");
	assert_int_equal(energy_estimate_share(&board_energy, 30, share, nothing, 2, 0, &e), 0);
	assert_true(fabs(e.j - 3000.0 / 7) < 1e-9);
	assert_non_null(strstr(e.model, "rest by share"));
	assert_int_equal(energy_estimate_share(&board_energy, 30, share, wrong, 2, 0, &e), -EINVAL);
	assert_int_equal(energy_estimate_share(&board_energy, NAN, share, work, 2, 0, &e), -EINVAL);
	assert_int_equal(energy_estimate_share(&board_energy, 30, nothing, work, 2, 0, &e), -EINVAL);
	assert_int_equal(energy_estimate_share(&board_energy, 30, share, work, 2, 2, &e), -EINVAL);
	board_energy.j = NAN;
	assert_int_equal(energy_estimate_share(&board_energy, 30, share, work, 2, 0, &e), -EINVAL);
}

/* --- emulated boards --- */

#define H200 "0000:19:00.0"

static void test_emulated(void **state)
{
	struct fake_host *h = *state; /* its directory keeps the state */
	_cleanup_sensors_ struct sensor_set *s = NULL;
	struct platform *p = NULL;
	struct energy_traits t;
	struct energy_edge a, b;
	struct energy e;
	size_t counter;

	assert_int_equal(platform_emulated_new("h200", h->root, &p, NULL), 0);
	assert_int_equal(sensor_set_new(p, &s), 0);
	assert_int_equal(sensor_add_gpu(s, H200, SENSOR_WITH_PROFILING, NULL), 14);
	assert_reading(s, SENSOR_POWER, H200, 70000);
	assert_reading(s, SENSOR_BUSY, H200, 0);
	assert_reading(s, SENSOR_THROTTLE, H200, THROTTLE_IDLE);
	assert_reading(s, SENSOR_TEMPERATURE, H200, 30000);
	assert_int_equal(emulation_hold(p, "/dev/nvidia0", "work", getpid(), NULL), 0);
	assert_reading(s, SENSOR_POWER, H200, 700000);
	assert_reading(s, SENSOR_BUSY, H200, 1000);
	assert_reading(s, SENSOR_CLOCK, H200, 1980);
	assert_reading(s, SENSOR_THROTTLE, H200, 0);
	counter = (size_t)sensor_find(s, SENSOR_ENERGY, H200);
	assert_int_equal(energy_test(s, counter, &(struct energy_test_options){.settle_ns = SECOND}, &t), 0);
	assert_true(t.is_usable);
	assert_true(t.tick_ns > 95 * MS && t.tick_ns < 105 * MS);
	energy_edge_take(s, counter, &t, &a);
	p->ops->sleep_ms(p, 5000); /* passes at once */
	energy_edge_take(s, counter, &t, &b);
	energy_window(&a, &b, &t, "nvml", &e);
	assert_int_equal(e.source, ENERGY_COUNTER);
	assert_true(fabs(e.j / e.window_s / 700 - 1) < 0.01);
	assert_reading(s, SENSOR_SM_ACTIVE, H200, 1000);
	assert_false(read_of(s, SENSOR_DRAM_ACTIVE, H200).is_known); /* this one it does not count */
	sensor_set_free(steal_ptr(s));
	platform_free(p);
}

/* A board in two: power goes with the share that is held, use is that of an instance, energy that of the
 * board. */
static void test_instances(void **state)
{
	struct fake_host *h = *state;
	_cleanup_sensors_ struct sensor_set *s = NULL;
	struct platform *p = NULL;
	const struct nvml_api *api;
	nvml_device gpu, mig;
	nvml_return activated;
	nvml_gi gi;
	nvml_ci ci;
	struct nvml_gi_info info;
	char uuid[96], node[128], device[32];

	assert_int_equal(platform_emulated_new("h200", h->root, &p, NULL), 0);
	assert_int_equal(p->ops->nvml(p, &api, NULL), 0);
	assert_int_equal(api->Init(), NVML_SUCCESS);
	assert_int_equal(api->DeviceGetHandleByPciBusId(H200, &gpu), NVML_SUCCESS);
	assert_int_equal(api->DeviceSetMigMode(gpu, 1, &activated), NVML_SUCCESS);
	assert_int_equal(api->DeviceCreateGpuInstance(gpu, 9, &gi), NVML_SUCCESS); /* 3g.71gb: 60 of 132 */
	assert_int_equal(api->GpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	assert_int_equal(api->GpuInstanceGetInfo(gi, &info), NVML_SUCCESS);
	assert_int_equal(api->DeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	assert_int_equal(api->DeviceGetUUID(mig, uuid, sizeof(uuid)), NVML_SUCCESS);

	assert_int_equal(sensor_set_new(p, &s), 0);
	assert_true(sensor_add_gpu(s, H200, 0, NULL) > 0);
	assert_int_equal(sensor_add_gpu_instance(s, H200, info.id, NULL), 4);
	assert_int_equal(sensor_find(s, SENSOR_BUSY, NULL), -ENOENT); /* not with MIG */
	snprintf(device, sizeof(device), H200 ":gi%u", info.id);
	assert_int_equal(sensor_find(s, SENSOR_ENERGY, device), -ENOENT); /* never of a partition */
	assert_int_equal(sensor_find(s, SENSOR_POWER, device), -ENOENT);
	assert_reading(s, SENSOR_POWER, H200, 70000);
	snprintf(node, sizeof(node), "/dev/emulated/%s", uuid);
	assert_int_equal(emulation_hold(p, node, "work", getpid(), NULL), 0);
	assert_reading(s, SENSOR_POWER, H200, 70000 + 630000ull * 60 / 132);
	p->ops->sleep_ms(p, 200);
	assert_reading(s, SENSOR_SM_ACTIVE, device, 1000);
	assert_int_equal(emulation_hold(p, node, "work", 0, NULL), 0);
	p->ops->sleep_ms(p, 200);
	assert_reading(s, SENSOR_SM_ACTIVE, device, 0);
	assert_int_equal(sensor_add_gpu_instance(s, "0000:77:00.0", 1, NULL), -ENODEV);
	sensor_set_free(steal_ptr(s));
	platform_free(p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_amdgpu),       T(test_unknown_stays_unknown),
		T(test_amd_energy),   T(test_intel),
		T(test_rapl),         T(test_amd_cpu),
		T(test_rapl_refused), T(test_process),
		T(test_parsers),      T(test_difference),
		T(test_sampler),      T(test_sampler_budget),
		T(test_energy_ticks), T(test_energy_refused),
		T(test_energy_wraps), T(test_energy_agreement),
		T(test_edges),        T(test_of_samples),
		T(test_print),        T(test_traits),
		T(test_window),       T(test_integrate),
		T(test_estimate),     T(test_emulated),
		T(test_instances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
