/* SPDX-License-Identifier: MIT */
/*
 * Sensors that are files: hwmon and sysfs of amdgpu, i915 and xe, powercap for processors of Intel and AMD,
 * processes and control groups. Names and units: Documentation/gpu/amdgpu/thermal.rst,
 * Documentation/ABI/testing/sysfs-driver-intel-{i915,xe}-hwmon, Documentation/power/powercap.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "bench/sensor_parts.h"

#define TEXT_SIZE 8192

static void set(struct sensor_reading *ret, int64_t value)
{
	*ret = (struct sensor_reading){.value = value, .is_known = true};
}

static void read_number(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	char text[64];
	const char *s = text;
	uint64_t v;

	if (p->ops->read(p, r->path, text, sizeof(text)) < 0)
		return;
	s += s[0] == '-';
	if (parse_u64(s, &v) == 0 && v <= INT64_MAX / (uint64_t)r->mul)
		set(&ret[0], (s == text ? 1 : -1) * (int64_t)v * r->mul / r->div);
}

/* 0 or 1: that clocks are limited, not why. */
static void read_flag(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	uint64_t v;

	if (sysfs_read_u64(p, &v, "%s", r->path) == 0)
		set(&ret[0], v ? THROTTLE_OTHER : 0);
}

static void read_amd(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	char data[2048];
	uint64_t uj;
	ssize_t n = p->ops->read(p, r->path, data, sizeof(data));

	if (n > 0 && sensor_parse_amd(data, (size_t)n, &uj) == 0 && uj <= INT64_MAX)
		set(&ret[0], (int64_t)uj);
}

/* --- boards --- */

enum place { IN_HWMON, IN_DEVICE, IN_DRM };

/* The first file of a quantity that answers wins. */
static const struct {
	const char *driver;
	enum sensor_quantity quantity;
	enum place place;
	const char *file;
	int64_t mul, div;
	enum sensor_pace pace;
} board_files[] = {
	{"amdgpu", SENSOR_POWER, IN_HWMON, "power1_input", 1, 1000, SENSOR_FAST},
	{"amdgpu", SENSOR_POWER_AVERAGE, IN_HWMON, "power1_average", 1, 1000, SENSOR_FAST},
	{"amdgpu", SENSOR_ENERGY, IN_HWMON, "energy1_input", 1, 1, SENSOR_SLOW},
	{"amdgpu", SENSOR_CLOCK, IN_HWMON, "freq1_input", 1, 1000000, SENSOR_FAST},
	{"amdgpu", SENSOR_CLOCK_MEMORY, IN_HWMON, "freq2_input", 1, 1000000, SENSOR_SLOW},
	{"amdgpu", SENSOR_TEMPERATURE, IN_HWMON, "temp1_input", 1, 1, SENSOR_SLOW},
	{"amdgpu", SENSOR_TEMPERATURE, IN_HWMON, "temp2_input", 1, 1, SENSOR_SLOW},
	{"amdgpu", SENSOR_TEMPERATURE_MEMORY, IN_HWMON, "temp3_input", 1, 1, SENSOR_SLOW},
	{"amdgpu", SENSOR_BUSY, IN_DEVICE, "gpu_busy_percent", 10, 1, SENSOR_FAST},
	{"amdgpu", SENSOR_MEMORY_BUSY, IN_DEVICE, "mem_busy_percent", 10, 1, SENSOR_FAST},
	{"amdgpu", SENSOR_MEMORY_USED, IN_DEVICE, "mem_info_vram_used", 1, 1, SENSOR_FAST},
	{"i915", SENSOR_ENERGY, IN_HWMON, "energy1_input", 1, 1, SENSOR_SLOW},
	{"i915", SENSOR_TEMPERATURE, IN_HWMON, "temp1_input", 1, 1, SENSOR_SLOW},
	{"i915", SENSOR_CLOCK, IN_DRM, "gt/gt0/rps_act_freq_mhz", 1, 1, SENSOR_FAST},
	{"i915", SENSOR_CLOCK, IN_DRM, "gt_act_freq_mhz", 1, 1, SENSOR_FAST},
	{"i915", SENSOR_THROTTLE, IN_DRM, "gt/gt0/throttle_reason_status", 1, 1, SENSOR_FAST},
	{"xe", SENSOR_ENERGY, IN_HWMON, "energy1_input", 1, 1, SENSOR_SLOW},
	{"xe", SENSOR_ENERGY, IN_HWMON, "energy2_input", 1, 1, SENSOR_SLOW},
	{"xe", SENSOR_TEMPERATURE, IN_HWMON, "temp2_input", 1, 1, SENSOR_SLOW},
	{"xe", SENSOR_TEMPERATURE_MEMORY, IN_HWMON, "temp3_input", 1, 1, SENSOR_SLOW},
	{"xe", SENSOR_CLOCK, IN_DEVICE, "tile0/gt0/freq0/act_freq", 1, 1, SENSOR_FAST},
	{"xe", SENSOR_THROTTLE, IN_DEVICE, "tile0/gt0/freq0/throttle/status", 1, 1, SENSOR_FAST},
};

struct board {
	char pci[32], driver[32];
	char dirs[3][200]; /* of each place; "": not there */
};

/* First entry with the prefix, or with a file `name` that says `says`. */
static void find_dir(struct platform *p, const char *parent, const char *prefix, const char *says, char *buf,
                     size_t size)
{
	_cleanup_strv_ struct strv names = {0};
	char text[64];

	buf[0] = '\0';
	if (sysfs_list(p, &names, "%s", parent) < 0)
		return;
	for (size_t i = 0; i < names.n && !buf[0]; i++) {
		if (strncmp(names.v[i], prefix, strlen(prefix)) != 0)
			continue;
		if (!says || (sysfs_read(p, text, sizeof(text), "%s/%s/name", parent, names.v[i]) >= 0 &&
		              strcmp(text, says) == 0))
			snprintf(buf, size, "%s/%s", parent, names.v[i]);
	}
}

/* Energy of the chip alone is not that of the board: the label becomes a part of the device's name. */
static void name_device(struct platform *p, const struct board *b, struct sensor_reader *r)
{
	char path[256], label[24];
	char *file;

	text_copy(r->device, sizeof(r->device), b->pci);
	text_copy(path, sizeof(path), r->path);
	file = strstr(path, "/energy");
	if (!file || strlen(file) != strlen("/energy1_input"))
		return;
	*file = '\0';
	if (sysfs_read(p, label, sizeof(label), "%s/energy%c_label", path, file[7]) > 0 &&
	    strcmp(label, "card") != 0)
		snprintf(r->device, sizeof(r->device), "%.31s:%s", b->pci, label);
}

static int add_amd_metrics(struct sensor_set *s, const struct board *b)
{
	struct sensor_reader r = {
		.read = read_amd, .gives = {SENSOR_ENERGY}, .n = 1, .pace = SENSOR_SLOW, .source = "amdgpu"};

	if (strcmp(b->driver, "amdgpu") != 0 || sensor_find(s, SENSOR_ENERGY, b->pci) >= 0)
		return 0;
	text_copy(r.device, sizeof(r.device), b->pci);
	snprintf(r.path, sizeof(r.path), "%s/gpu_metrics", b->dirs[IN_DEVICE]);
	return sensor_reader_add(s, &r);
}

int sensor_files_add(struct sensor_set *s, const char *pci_address)
{
	struct platform *p = sensor_platform(s);
	struct board b = {0};
	char parent[128];
	int n;

	text_copy(b.pci, sizeof(b.pci), pci_address);
	snprintf(b.dirs[IN_DEVICE], sizeof(b.dirs[0]), "sys/bus/pci/devices/%s", b.pci);
	if (sysfs_link_name(p, b.driver, sizeof(b.driver), "%s/driver", b.dirs[IN_DEVICE]) < 0)
		return 0;
	snprintf(parent, sizeof(parent), "%s/hwmon", b.dirs[IN_DEVICE]);
	find_dir(p, parent, "hwmon", b.driver, b.dirs[IN_HWMON], sizeof(b.dirs[0]));
	snprintf(parent, sizeof(parent), "%s/drm", b.dirs[IN_DEVICE]);
	find_dir(p, parent, "card", NULL, b.dirs[IN_DRM], sizeof(b.dirs[0]));
	for (size_t i = 0; i < ARRAY_SIZE(board_files); i++) {
		const char *dir = b.dirs[board_files[i].place];
		struct sensor_reader r = {.gives = {board_files[i].quantity},
		                          .n = 1,
		                          .pace = board_files[i].pace,
		                          .mul = board_files[i].mul,
		                          .div = board_files[i].div};

		if (strcmp(board_files[i].driver, b.driver) != 0 || !dir[0])
			continue;
		snprintf(r.path, sizeof(r.path), "%s/%s", dir, board_files[i].file);
		name_device(p, &b, &r);
		if (sensor_find(s, board_files[i].quantity, r.device) >= 0)
			continue;
		snprintf(r.source, sizeof(r.source), "%s%.12s",
		         board_files[i].place == IN_HWMON ? "hwmon:" : "", b.driver);
		r.read = board_files[i].quantity == SENSOR_THROTTLE ? read_flag : read_number;
		n = sensor_reader_add(s, &r);
		if (n < 0)
			return n;
	}
	return add_amd_metrics(s, &b);
}

/* --- processors --- */

static int add_rapl(struct sensor_set *s, const char *zone, const char *top)
{
	struct platform *p = sensor_platform(s);
	struct sensor_reader r = {.read = read_number,
	                          .gives = {SENSOR_ENERGY},
	                          .n = 1,
	                          .pace = SENSOR_SLOW,
	                          .source = "rapl",
	                          .mul = 1,
	                          .div = 1};
	char name[24], above[24] = "", text[64];
	ssize_t n;

	if (sysfs_read(p, name, sizeof(name), "sys/class/powercap/%s/name", zone) <= 0)
		return 0;
	if (top)
		(void)sysfs_read(p, above, sizeof(above), "sys/class/powercap/%s/name", top);
	snprintf(r.device, sizeof(r.device), "cpu:%s%s%s", above, above[0] ? ":" : "", name);
	snprintf(r.path, sizeof(r.path), "sys/class/powercap/%s/energy_uj", zone);
	if (sensor_find(s, SENSOR_ENERGY, r.device) >= 0)
		return 0; /* the same counter by another way: intel-rapl-mmio */
	n = p->ops->read(p, r.path, text, sizeof(text));
	if (n < 0) {
		sensor_note(s, "rapl: %s", strerror((int)-n));
		return 0;
	}
	/* The file names the largest value. */
	if (sysfs_read_u64(p, &r.wraps_at, "sys/class/powercap/%s/max_energy_range_uj", zone) == 0)
		r.wraps_at++;
	return sensor_reader_add(s, &r);
}

static int add_zones(struct sensor_set *s, const struct strv *zones, const char *prefix)
{
	for (size_t i = 0; i < zones->n; i++) {
		const char *z = zones->v[i], *number = z + strlen(prefix), *second;
		char top[48];
		int r;

		if (strncmp(z, prefix, strlen(prefix)) != 0)
			continue;
		second = strchr(number, ':');
		snprintf(top, sizeof(top), "%.*s", second ? (int)(second - z) : 0, z);
		r = add_rapl(s, z, second ? top : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Before Linux 5.8 AMD's counters were hwmon's, and are still with the module amd_energy. */
static int add_cpu_hwmon(struct sensor_set *s, const char *dir)
{
	struct platform *p = sensor_platform(s);
	struct sensor_reader r = {
		.read = read_number, .n = 1, .pace = SENSOR_SLOW, .mul = 1, .div = 1, .device = "cpu"};
	char name[24], label[24];
	int n = 0;

	if (sysfs_read(p, name, sizeof(name), "%s/name", dir) <= 0)
		return 0;
	snprintf(r.source, sizeof(r.source), "hwmon:%.16s", name);
	if ((strcmp(name, "coretemp") == 0 || strcmp(name, "k10temp") == 0) &&
	    sensor_find(s, SENSOR_TEMPERATURE, "cpu") < 0) {
		r.gives[0] = SENSOR_TEMPERATURE;
		snprintf(r.path, sizeof(r.path), "%s/temp1_input", dir);
		return sensor_reader_add(s, &r);
	}
	if (strcmp(name, "amd_energy") != 0)
		return 0;
	for (unsigned i = 1; n >= 0 && sysfs_read(p, label, sizeof(label), "%s/energy%u_label", dir, i) > 0;
	     i++) {
		if (strncmp(label, "Esocket", 7) != 0)
			continue;
		r.gives[0] = SENSOR_ENERGY;
		snprintf(r.device, sizeof(r.device), "cpu:package-%s", label + 7);
		snprintf(r.path, sizeof(r.path), "%s/energy%u_input", dir, i);
		if (sensor_find(s, SENSOR_ENERGY, r.device) < 0)
			n = sensor_reader_add(s, &r);
	}
	return n;
}

static void read_cpu(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	char text[TEXT_SIZE];
	uint64_t us;

	if (p->ops->read(p, r->path, text, 256) > 0 && sensor_parse_cpu(text, &us) == 0)
		set(&ret[0], (int64_t)us);
}

int sensor_add_cpu(struct sensor_set *s)
{
	struct platform *p = sensor_platform(s);
	struct sensor_reader busy = {.read = read_cpu,
	                             .gives = {SENSOR_CPU_TIME},
	                             .n = 1,
	                             .pace = SENSOR_SLOW,
	                             .device = "cpu",
	                             .source = "proc",
	                             .path = "proc/stat"};
	_cleanup_strv_ struct strv zones = {0}, monitors = {0};
	size_t before = sensor_count(s);
	int r = sensor_reader_add(s, &busy);

	(void)sysfs_list(p, &zones, "sys/class/powercap");
	if (r >= 0)
		r = add_zones(s, &zones, "intel-rapl:");
	if (r >= 0)
		r = add_zones(s, &zones, "intel-rapl-mmio:");
	(void)sysfs_list(p, &monitors, "sys/class/hwmon");
	for (size_t i = 0; i < monitors.n && r >= 0; i++) {
		char dir[128];

		snprintf(dir, sizeof(dir), "sys/class/hwmon/%s", monitors.v[i]);
		r = add_cpu_hwmon(s, dir);
	}
	return r < 0 ? r : (int)(sensor_count(s) - before);
}

/* --- processes and control groups --- */

static void read_process(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	char text[TEXT_SIZE];
	uint64_t v;

	if (sysfs_read(p, text, sizeof(text), "%s/stat", r->path) > 0 && sensor_parse_stat(text, &v) == 0)
		set(&ret[0], (int64_t)v);
	if (sysfs_read(p, text, sizeof(text), "%s/status", r->path) > 0 &&
	    sensor_parse_keyed(text, "VmRSS", &v) == 0)
		set(&ret[1], (int64_t)v);
}

/* Walks the page tables of the process under their lock, so at edges only. */
static void read_proportional(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	char text[TEXT_SIZE];
	uint64_t v;

	if (sysfs_read(p, text, sizeof(text), "%s/smaps_rollup", r->path) > 0 &&
	    sensor_parse_keyed(text, "Pss", &v) == 0)
		set(&ret[0], (int64_t)v);
}

int sensor_add_process(struct sensor_set *s, int pid)
{
	struct sensor_reader r = {.read = read_process,
	                          .gives = {SENSOR_CPU_TIME, SENSOR_MEMORY_RESIDENT},
	                          .n = 2,
	                          .pace = SENSOR_SLOW,
	                          .source = "proc"};
	size_t before = sensor_count(s);
	int n;

	if (!sysfs_exists(sensor_platform(s), "proc/%d", pid))
		return -ENODEV;
	snprintf(r.device, sizeof(r.device), "process:%d", pid);
	snprintf(r.path, sizeof(r.path), "proc/%d", pid);
	n = sensor_reader_add(s, &r);
	if (n < 0)
		return n;
	r.read = read_proportional;
	r.gives[0] = SENSOR_MEMORY_PROPORTIONAL;
	r.n = 1;
	r.pace = SENSOR_EDGE;
	n = sensor_reader_add(s, &r);
	return n < 0 ? n : (int)(sensor_count(s) - before);
}

static void read_cgroup_cpu(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret)
{
	char text[TEXT_SIZE];
	uint64_t v;

	if (p->ops->read(p, r->path, text, sizeof(text)) <= 0)
		return;
	if (sensor_parse_keyed(text, "usage_usec", &v) == 0 && v <= INT64_MAX)
		set(&ret[0], (int64_t)v);
	if (sensor_parse_keyed(text, "throttled_usec", &v) == 0 && v <= INT64_MAX)
		set(&ret[1], (int64_t)v);
}

int sensor_add_cgroup(struct sensor_set *s, const char *path)
{
	static const struct {
		const char *file;
		void (*read)(struct platform *p, struct sensor_reader *r, struct sensor_reading *ret);
		enum sensor_quantity gives[2];
		unsigned n;
		enum sensor_pace pace;
	} files[] = {
		{"cpu.stat", read_cgroup_cpu, {SENSOR_CPU_TIME, SENSOR_CPU_THROTTLED}, 2, SENSOR_SLOW},
		{"memory.current", read_number, {SENSOR_MEMORY_RESIDENT}, 1, SENSOR_SLOW},
		{"memory.peak", read_number, {SENSOR_MEMORY_PEAK}, 1, SENSOR_EDGE},
	};
	size_t before = sensor_count(s);

	if (!sysfs_exists(sensor_platform(s), "sys/fs/cgroup/%s", path))
		return -ENODEV;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct sensor_reader r = {.read = files[i].read,
		                          .n = files[i].n,
		                          .pace = files[i].pace,
		                          .source = "cgroup",
		                          .mul = 1,
		                          .div = 1};
		int n;

		memcpy(r.gives, files[i].gives, sizeof(files[i].gives));
		snprintf(r.device, sizeof(r.device), "cgroup:%s", path);
		snprintf(r.path, sizeof(r.path), "sys/fs/cgroup/%s/%s", path, files[i].file);
		n = sensor_reader_add(s, &r);
		if (n < 0)
			return n;
	}
	return (int)(sensor_count(s) - before);
}
