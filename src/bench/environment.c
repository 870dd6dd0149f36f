/* SPDX-License-Identifier: MIT */
/* The surroundings of a measurement: host, kernel, limits; the GPUs are in environment_gpu.c. */
#include "bench/environment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/strv.h"
#include "bench/environment_parts.h"
#include "bench/sensor.h"

#define FORMAT    "openforbc-environment-1"
#define TEXT_SIZE 16384
#define MAX_CPUS  8192

#define FORMAT_PATH(path, fmt)                                                                               \
	char path[SYSFS_PATH_MAX];                                                                           \
	do {                                                                                                 \
		va_list ap_;                                                                                 \
		va_start(ap_, fmt);                                                                          \
		(void)vsnprintf(path, sizeof(path), fmt, ap_);                                               \
		va_end(ap_);                                                                                 \
	} while (0)

void environment_put(struct platform *p, struct json *obj, const char *key, const char *path_fmt, ...)
{
	char text[4096];

	FORMAT_PATH(path, path_fmt);
	if (p->ops->read(p, path, text, sizeof(text)) > 0)
		json_set_str(obj, key, text);
}

void environment_put_number(struct platform *p, struct json *obj, const char *key, int64_t scale,
                            const char *path_fmt, ...)
{
	uint64_t v;

	FORMAT_PATH(path, path_fmt);
	if (sysfs_read_u64(p, &v, "%s", path) == 0 && v <= INT64_MAX / (uint64_t)scale)
		json_set_u64(obj, key, v * (uint64_t)scale);
}

void environment_put_object(struct json *obj, const char *key, struct json *child)
{
	if (json_keys(child, NULL, 0))
		json_set(obj, key, child);
	else
		json_free(child);
}

/* --- platform --- */

static struct json *capture_platform(struct platform *p)
{
	struct environment_platform e;
	struct json *j = json_object();

	environment_platform(p, &e);
	json_set_str(j, "label", e.label);
	json_set_str(j, "machine", e.machine);
	json_set_str(j, "container", e.container);
	json_set_str(j, "evidence", e.evidence);
	environment_put(p, j, "vendor", "sys/class/dmi/id/sys_vendor");
	environment_put(p, j, "product", "sys/class/dmi/id/product_name");
	environment_put(p, j, "firmware", "sys/class/dmi/id/bios_version");
	return j;
}

/* --- processors --- */

/* Text behind "name\t: " of the first processor. */
static void put_cpuinfo(struct json *j, const char *text, const char *name, const char *key)
{
	size_t n = strlen(name);

	for (const char *s = text; s && *s; s = strchr(s, '\n'), s += s != NULL) {
		const char *at = s + n;
		char value[128];

		if (strncmp(s, name, n) != 0)
			continue;
		at += strspn(at, " \t");
		if (*at != ':')
			continue;
		at += 1 + strspn(at + 1, " \t");
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
		json_set_str(j, key, value);
		return;
	}
}

/* How many processors have which governor: {"performance": 16}. */
static void put_governors(struct platform *p, struct json *cpu)
{
	_cleanup_strv_ struct strv names = {0}, kinds = {0};
	unsigned counts[8] = {0};
	struct json *j = json_object();
	char text[32];

	(void)sysfs_list(p, &names, "sys/devices/system/cpu");
	for (size_t i = 0; i < names.n && i < MAX_CPUS; i++) {
		if (strncmp(names.v[i], "cpu", 3) != 0 || names.v[i][3] < '0' || names.v[i][3] > '9' ||
		    sysfs_read(p, text, sizeof(text), "sys/devices/system/cpu/%s/cpufreq/scaling_governor",
		               names.v[i]) <= 0)
			continue;
		if (!strv_contains(&kinds, text) && kinds.n < ARRAY_SIZE(counts))
			(void)strv_add(&kinds, text);
		for (size_t k = 0; k < kinds.n; k++)
			counts[k] += strcmp(kinds.v[k], text) == 0;
	}
	for (size_t k = 0; k < kinds.n; k++)
		json_set_u64(j, kinds.v[k], counts[k]);
	environment_put_object(cpu, "governor", j);
}

static struct json *capture_cpu(struct platform *p)
{
	static const char cpu_dir[] = "sys/devices/system/cpu";
	_cleanup_strv_ struct strv flaws = {0};
	struct json *j = json_object(), *mitigations = json_object();
	char text[TEXT_SIZE];

	if (p->ops->read(p, "proc/cpuinfo", text, sizeof(text)) > 0) {
		put_cpuinfo(j, text, "model name", "model");
		put_cpuinfo(j, text, "microcode", "microcode");
	}
	environment_put(p, j, "online", "%s/online", cpu_dir);
	environment_put(p, j, "isolated", "%s/isolated", cpu_dir);
	environment_put(p, j, "smt", "%s/smt/control", cpu_dir);
	environment_put(p, j, "frequency_driver", "%s/cpu0/cpufreq/scaling_driver", cpu_dir);
	environment_put_number(p, j, "frequency_min_khz", 1, "%s/cpu0/cpufreq/scaling_min_freq", cpu_dir);
	environment_put_number(p, j, "frequency_max_khz", 1, "%s/cpu0/cpufreq/scaling_max_freq", cpu_dir);
	environment_put_number(p, j, "no_turbo", 1, "%s/intel_pstate/no_turbo", cpu_dir);
	environment_put_number(p, j, "boost", 1, "%s/cpufreq/boost", cpu_dir);
	environment_put(p, j, "idle_driver", "%s/cpuidle/current_driver", cpu_dir);
	environment_put(p, j, "load_average", "proc/loadavg");
	put_governors(p, j);
	(void)sysfs_list(p, &flaws, "%s/vulnerabilities", cpu_dir);
	for (size_t i = 0; i < flaws.n; i++)
		environment_put(p, mitigations, flaws.v[i], "%s/vulnerabilities/%s", cpu_dir, flaws.v[i]);
	environment_put_object(j, "mitigations", mitigations);
	return j;
}

/* --- memory --- */

static void put_meminfo(struct platform *p, struct json *j)
{
	char text[TEXT_SIZE];
	uint64_t v;

	if (p->ops->read(p, "proc/meminfo", text, sizeof(text)) <= 0)
		return;
	if (sensor_parse_keyed(text, "MemTotal", &v) == 0)
		json_set_u64(j, "total_bytes", v);
	if (sensor_parse_keyed(text, "MemAvailable", &v) == 0)
		json_set_u64(j, "available_bytes", v);
	if (sensor_parse_keyed(text, "SwapTotal", &v) == 0)
		json_set_u64(j, "swap_bytes", v);
}

/* "Node 0 MemTotal:  1234 kB" */
static uint64_t node_bytes(struct platform *p, const char *node)
{
	char text[TEXT_SIZE];
	const char *s;
	uint64_t v;

	if (sysfs_read(p, text, sizeof(text), "sys/devices/system/node/%s/meminfo", node) <= 0)
		return 0;
	s = strstr(text, "MemTotal:");
	return s && sensor_parse_keyed(s, "MemTotal", &v) == 0 ? v : 0;
}

static struct json *capture_memory(struct platform *p)
{
	_cleanup_strv_ struct strv nodes = {0}, sizes = {0};
	struct json *j = json_object(), *numa = json_object(), *huge = json_object();

	put_meminfo(p, j);
	(void)sysfs_list(p, &nodes, "sys/devices/system/node");
	for (size_t i = 0; i < nodes.n; i++) {
		struct json *node;
		uint64_t bytes;

		if (strncmp(nodes.v[i], "node", 4) != 0)
			continue;
		node = json_object();
		environment_put(p, node, "cpus", "sys/devices/system/node/%s/cpulist", nodes.v[i]);
		environment_put(p, node, "distances", "sys/devices/system/node/%s/distance", nodes.v[i]);
		bytes = node_bytes(p, nodes.v[i]);
		if (bytes)
			json_set_u64(node, "bytes", bytes);
		environment_put_object(numa, nodes.v[i] + 4, node);
	}
	environment_put_object(j, "numa", numa);
	environment_put_number(p, j, "numa_balancing", 1, "proc/sys/kernel/numa_balancing");
	(void)sysfs_list(p, &sizes, "sys/kernel/mm/hugepages");
	for (size_t i = 0; i < sizes.n; i++) {
		static const char prefix[] = "hugepages-";
		size_t n = sizeof(prefix) - 1;

		if (strncmp(sizes.v[i], prefix, n) == 0)
			environment_put_number(p, huge, sizes.v[i] + n, 1,
			                       "sys/kernel/mm/hugepages/%s/nr_hugepages", sizes.v[i]);
	}
	environment_put_object(j, "hugepages", huge);
	environment_put(p, j, "transparent_hugepages", "sys/kernel/mm/transparent_hugepage/enabled");
	return j;
}

/* --- kernel and limits --- */

static struct json *capture_kernel(struct platform *p)
{
	_cleanup_strv_ struct strv groups = {0}, iommus = {0};
	struct json *j = json_object();

	environment_put(p, j, "release", "proc/sys/kernel/osrelease");
	environment_put(p, j, "version", "proc/sys/kernel/version");
	environment_put(p, j, "command_line", "proc/cmdline");
	environment_put(p, j, "clock_source",
	                "sys/devices/system/clocksource/clocksource0/current_clocksource");
	environment_put(p, j, "preemption", "sys/kernel/debug/sched/preempt");
	if (sysfs_list(p, &iommus, "sys/class/iommu") == 0)
		json_set_u64(j, "iommus", iommus.n);
	if (sysfs_list(p, &groups, "sys/kernel/iommu_groups") == 0)
		json_set_u64(j, "iommu_groups", groups.n);
	if (groups.n)
		environment_put(p, j, "iommu_type", "sys/kernel/iommu_groups/%s/type", groups.v[0]);
	return j;
}

/* Our own control group, of the unified hierarchy. */
static bool own_cgroup(struct platform *p, char *buf, size_t size)
{
	char text[TEXT_SIZE];

	if (p->ops->read(p, "proc/self/cgroup", text, sizeof(text)) <= 0)
		return false;
	for (const char *s = text; s && *s; s = strchr(s, '\n'), s += s != NULL) {
		if (strncmp(s, "0::/", 4) != 0)
			continue;
		snprintf(buf, size, "%.*s", (int)strcspn(s + 4, "\n"), s + 4);
		return true;
	}
	return false;
}

static struct json *capture_limits(struct platform *p)
{
	static const char *const files[][2] = {{"cpu_max", "cpu.max"},
	                                       {"cpu_weight", "cpu.weight"},
	                                       {"cpus", "cpuset.cpus.effective"},
	                                       {"memory_nodes", "cpuset.mems.effective"},
	                                       {"memory_max", "memory.max"},
	                                       {"memory_high", "memory.high"},
	                                       {"pids_max", "pids.max"},
	                                       {"io_max", "io.max"}};
	struct json *j = json_object();
	char group[256];

	if (!own_cgroup(p, group, sizeof(group)))
		return j;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		environment_put(p, j, files[i][0], "sys/fs/cgroup/%s%s%s", group, group[0] ? "/" : "",
		                files[i][1]);
	return j;
}

int environment_capture(struct platform *p, const char *program, char **ret, struct ofbc_error *err)
{
	_cleanup_json_ struct json *j = json_object();
	int r;

	json_set_str(j, "format", FORMAT);
	json_set_i64(j, "taken_unix_s", wall_clock_s());
	json_set_str(j, "program", program);
	json_set(j, "platform", capture_platform(p));
	environment_put_object(j, "cpu", capture_cpu(p));
	environment_put_object(j, "memory", capture_memory(p));
	environment_put_object(j, "kernel", capture_kernel(p));
	environment_put_object(j, "limits", capture_limits(p));
	environment_put_object(j, "gpus", environment_gpus(p));
	r = json_print(j, ret);
	return r < 0 ? error_set_errno(err, -r, "description of the environment") : 0;
}
