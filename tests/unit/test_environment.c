/* SPDX-License-Identifier: MIT */
/* Where we run, what is written down of it, and what changed: on trees of files, and on an emulated host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "bench/environment.h"
#include "emulation/emulation.h"
#include "fake_host.h"

#define VENDOR  "sys/class/dmi/id/sys_vendor"
#define PRODUCT "sys/class/dmi/id/product_name"
#define CPUINFO "proc/cpuinfo"
#define GUEST   "processor\t: 0\nmodel name\t: Some processor\nflags\t\t: fpu vmx hypervisor lm\n"
#define HOST    "processor\t: 0\nmodel name\t: Some processor\nflags\t\t: fpu vmx lm\n"

/* A host: the signature of its hypervisor (NULL: no CPUID, "": no hypervisor), files, and what it is. */
struct place {
	const char *what, *signature;
	const char *files[6][2];
	const char *label;
};

static const struct place places[] = {
	{"a server", "", {{VENDOR, "Dell Inc."}, {PRODUCT, "PowerEdge"}, {CPUINFO, HOST}}, "bare-metal"},
	{"a server without CPUID", NULL, {{VENDOR, "Supermicro"}, {CPUINFO, HOST}}, "bare-metal"},
	{"an Arm server", NULL, {{VENDOR, "Ampere(TM)"}, {CPUINFO, "processor\t: 0\n"}}, "bare-metal"},
	{"nothing readable", NULL, {{NULL, NULL}}, "unknown"},
	{"KVM", "KVMKVMKVM", {{VENDOR, "QEMU"}}, "kvm"},
	{"KVM without firmware tables", "KVMKVMKVM", {{CPUINFO, GUEST}}, "kvm"},
	{"QEMU without KVM", "TCGTCGTCGTCG", {{VENDOR, "QEMU"}}, "qemu-tcg"},
	{"QEMU, only its tables", NULL, {{VENDOR, "QEMU"}, {CPUINFO, GUEST}}, "kvm"},
	{"KVM that hides", "", {{VENDOR, "QEMU"}, {CPUINFO, HOST}}, "kvm"},
	{"VMware", "VMwareVMware", {{VENDOR, "VMware, Inc."}}, "vmware"},
	{"VMware that hides", "", {{VENDOR, "VMware, Inc."}, {PRODUCT, "VMware20,1"}}, "vmware"},
	{"Hyper-V",
         "Microsoft Hv",
         {{VENDOR, "Microsoft Corporation"}, {PRODUCT, "Virtual Machine"}},
         "hyper-v"},
	{"Hyper-V, its tables",
         NULL,
         {{VENDOR, "Microsoft Corporation"}, {PRODUCT, "Virtual Machine"}},
         "hyper-v"},
	{"a laptop of the same vendor",
         "",
         {{VENDOR, "Microsoft Corporation"}, {PRODUCT, "Surface"}},
         "bare-metal"},
	{"Xen", "XenVMMXenVMM", {{VENDOR, "Xen"}}, "xen"},
	{"Xen, paravirtual", "", {{"sys/hypervisor/type", "xen"}}, "xen"},
	{"Arm guest", NULL, {{"proc/device-tree/hypervisor/compatible", "linux,kvm"}}, "kvm"},
	{"VirtualBox", "VBoxVBoxVBox", {{VENDOR, "innotek GmbH"}}, "vbox"},
	{"an unknown hypervisor", "Some other ", {{VENDOR, "Someone"}}, "vm"},
	{"only its bit", NULL, {{VENDOR, "Someone"}, {CPUINFO, GUEST}}, "vm"},
	{"a rented guest", "KVMKVMKVM", {{VENDOR, "Amazon EC2"}, {PRODUCT, "p5.48xlarge"}}, "kvm"},
	{"a rented machine", "", {{VENDOR, "Amazon EC2"}, {PRODUCT, "p5.metal"}}, "bare-metal"},
	{"Docker", "", {{".dockerenv", ""}, {CPUINFO, HOST}}, "container:docker"},
	{"a machine made of an image", "KVMKVMKVM", {{".dockerenv", ""}, {"proc/2/comm", "kthreadd"}}, "kvm"},
	{"Podman", "", {{"run/.containerenv", ""}, {CPUINFO, HOST}}, "container:podman"},
	{"Podman in KVM", "KVMKVMKVM", {{"run/.containerenv", "engine=\"podman\""}}, "kvm/container:podman"},
	{"LXC", "", {{"proc/1/cgroup", "0::/lxc.payload.web/init.scope"}, {CPUINFO, HOST}}, "container:lxc"},
	{"systemd-nspawn", "", {{"run/systemd/container", "systemd-nspawn"}}, "container:systemd-nspawn"},
	{"Kubernetes",
         "VMwareVMware",
         {{"run/secrets/kubernetes.io/serviceaccount/token", "x"}, {"run/.containerenv", ""}},
         "vmware/container:kubernetes"},
	{"Kubernetes by its groups",
         "",
         {{"proc/1/cgroup", "11:memory:/kubepods/burstable/pod1/2\n0::/kubepods/x"}},
         "container:kubernetes"},
	{"Docker by its groups", "", {{"proc/1/cgroup", "12:cpu:/docker/0123\n0::/"}}, "container:docker"},
	{"no container", "", {{"proc/1/cgroup", "0::/init.scope"}}, "bare-metal"},
	{"a name that is none", "", {{"run/systemd/container", "x\"y z"}}, "bare-metal"},
};

static void set_cpuid(struct fake_host *h, const char *signature)
{
	h->is_cpuid = signature != NULL;
	h->cpuid[0] = signature && signature[0];
	memset(&h->cpuid[1], 0, 12);
	if (signature)
		memcpy(&h->cpuid[1], signature, strlen(signature) < 12 ? strlen(signature) : 12);
}

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct place *place = &places[i];
		struct environment_platform e;
		struct fake_host h;

		fake_host_init(&h);
		set_cpuid(&h, place->signature);
		for (size_t k = 0; k < ARRAY_SIZE(place->files) && place->files[k][0]; k++)
			fake_put(&h, place->files[k][0], place->files[k][1]);
		environment_platform(h.p, &e);
		fake_host_done(&h);
		if (strcmp(e.label, place->label) != 0)
			fail_msg("%s: '%s' and not '%s' (%s)", place->what, e.label, place->label,
			         e.evidence);
	}
	print_message("%zu hypervisors and containers\n", ARRAY_SIZE(places));
}

static void test_environ(void **state)
{
	static const char environ_text[] = "PATH=/bin\0container=lxc\0HOME=/";
	struct environment_platform e;
	struct fake_host h;

	(void)state;
	fake_host_init(&h);
	set_cpuid(&h, "");
	fake_put_bytes(&h, "proc/1/environ", environ_text, sizeof(environ_text));
	environment_platform(h.p, &e);
	assert_string_equal(e.label, "container:lxc");
	fake_host_done(&h);
}

/* KVM that shows its guests the face of Hyper-V; cpuid answers by leaf here. */
static int two_faces(struct platform *p, uint32_t leaf, uint32_t ret[4])
{
	(void)p;
	memset(ret, 0, 16);
	if (leaf == 1)
		ret[2] = 1u << 31;
	if (leaf == 0x40000000u)
		memcpy(&ret[1], "Microsoft Hv", 12);
	if (leaf == 0x40000100u)
		memcpy(&ret[1], "KVMKVMKVM\0\0\0", 12);
	return 0;
}

static void test_two_faces(void **state)
{
	struct environment_platform e;
	struct fake_host h;

	(void)state;
	fake_host_init(&h);
	h.ops.cpuid = two_faces;
	environment_platform(h.p, &e);
	assert_string_equal(e.label, "kvm");
	fake_host_done(&h);
}

/* --- documents --- */

#define CPU "sys/devices/system/cpu/"
#define GPU "sys/bus/pci/devices/0000:0a:00.0/"

static void put_server(struct fake_host *h)
{
	static const char *const files[][2] = {
		{CPUINFO, HOST "microcode\t: 0x2b\n"},
		{CPU "online", "0-1"},
		{CPU "smt/control", "on"},
		{CPU "cpu0/cpufreq/scaling_governor", "performance"},
		{CPU "cpu1/cpufreq/scaling_governor", "powersave"},
		{CPU "vulnerabilities/meltdown", "Mitigation: PTI"},
		{"proc/meminfo", "MemTotal:       1024 kB\nMemAvailable:    512 kB\n"},
		{"sys/devices/system/node/node0/cpulist", "0-1"},
		{"sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:       1024 kB\n"},
		{"sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "16"},
		{"sys/kernel/iommu_groups/3/type", "DMA-FQ"},
		{"proc/sys/kernel/osrelease", "6.1.0"},
		{"proc/cmdline", "quiet iommu=pt"},
		{"proc/self/cgroup", "0::/a/b"},
		{"sys/fs/cgroup/a/b/cpu.max", "50000 100000"},
		{"proc/77/comm", "nvidia-cuda-mps-control"},
		{GPU "hwmon/hwmon0/name", "amdgpu"},
		{GPU "hwmon/hwmon0/power1_cap", "300000000"},
		{GPU "hwmon/hwmon0/temp1_input", "40000"},
		{GPU "current_link_speed", "16.0 GT/s PCIe"},
		{GPU "current_link_width", "16"},
		{GPU "current_compute_partition", "SPX"},
		{"sys/module/amdgpu/version", "6.10"},
	};

	set_cpuid(h, "");
	fake_pci(h, "0000:0a:00.0", "0x1002", "amdgpu");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fake_put(h, files[i][0], files[i][1]);
}

static const struct json *at(const struct json *j, const char *path)
{
	char part[64];

	while (j && *path) {
		size_t n = strcspn(path, "/");

		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		j = json_get(j, part);
		path += n + (path[n] == '/');
	}
	return j;
}

static void test_capture(void **state)
{
	static const char *const texts[][2] = {
		{"platform/label", "bare-metal"},
		{"program", "openforbc 0"},
		{"cpu/model", "Some processor"},
		{"cpu/microcode", "0x2b"},
		{"cpu/smt", "on"},
		{"cpu/mitigations/meltdown", "Mitigation: PTI"},
		{"memory/numa/0/cpus", "0-1"},
		{"kernel/release", "6.1.0"},
		{"kernel/command_line", "quiet iommu=pt"},
		{"kernel/iommu_type", "DMA-FQ"},
		{"limits/cpu_max", "50000 100000"},
		{"gpus/0000:0a:00.0/driver", "amdgpu"},
		{"gpus/0000:0a:00.0/driver_version", "6.10"},
		{"gpus/0000:0a:00.0/compute_partition", "SPX"},
		{"gpus/0000:0a:00.0/pcie/width", "16"},
	};
	static const struct {
		const char *path;
		uint64_t value;
	} numbers[] = {
		{"cpu/governor/performance", 1},
		{"cpu/governor/powersave", 1},
		{"memory/total_bytes", 1048576},
		{"memory/numa/0/bytes", 1048576},
		{"memory/hugepages/2048kB", 16},
		{"gpus/mps/processes", 1},
		{"gpus/0000:0a:00.0/power_limit_mw", 300000},
		{"gpus/0000:0a:00.0/temperature_mc", 40000},
	};
	_cleanup_json_ struct json *j = NULL;
	_cleanup_free_ char *text = NULL;
	struct fake_host h;

	(void)state;
	fake_host_init(&h);
	put_server(&h);
	assert_int_equal(environment_capture(h.p, "openforbc 0", &text, NULL), 0);
	fake_host_done(&h);
	assert_int_equal(json_parse(text, strlen(text), "environment", &j, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(json_str(at(j, texts[i][0]), "(absent)"), texts[i][1]);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_int_equal(json_u64(at(j, numbers[i].path), 0), numbers[i].value);
	/* unknown stays unknown */
	assert_null(at(j, "gpus/0000:0a:00.0/power_mw"));
	assert_null(at(j, "gpus/0000:0a:00.0/vbios"));
	assert_null(at(j, "cpu/no_turbo"));
}

static const struct environment_change *find(const struct environment_diff *d, const char *path)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->v[i].path, path) == 0)
			return &d->v[i];
	}
	return NULL;
}

static void test_diff(void **state)
{
	_cleanup_free_ char *before = NULL, *after = NULL, *text = NULL, *same = NULL;
	struct environment_diff d = {0};
	struct ofbc_error err = {0};
	struct fake_host h;

	(void)state;
	fake_host_init(&h);
	put_server(&h);
	assert_int_equal(environment_capture(h.p, "openforbc 0", &before, NULL), 0);
	fake_put(&h, GPU "hwmon/hwmon0/temp1_input", "71000");
	fake_put(&h, GPU "current_link_speed", "2.5 GT/s PCIe");
	assert_int_equal(environment_capture(h.p, "openforbc 0", &same, NULL), 0);
	fake_put(&h, "sys/module/amdgpu/version", "6.12");
	fake_put(&h, GPU "hwmon/hwmon0/power1_cap", "250000000");
	fake_put(&h, CPU "cpu1/cpufreq/scaling_governor", "performance");
	assert_int_equal(environment_capture(h.p, "openforbc 0", &after, NULL), 0);
	fake_host_done(&h);

	assert_int_equal(environment_diff(before, before, &d, NULL), 0);
	assert_int_equal(d.n, 0);
	assert_int_equal(environment_diff_weight(&d), CHANGE_EXPECTED);
	assert_int_equal(environment_diff_text(&d, &text), 0);
	assert_string_equal(text, "");
	environment_diff_done(&d);

	assert_int_equal(environment_diff(before, same, &d, NULL), 0);
	assert_int_equal(environment_diff_weight(&d), CHANGE_NOTED); /* the link slept */
	environment_diff_done(&d);

	assert_int_equal(environment_diff(before, after, &d, NULL), 0);
	assert_int_equal(environment_diff_weight(&d), CHANGE_MATTERS);
	assert_int_equal(d.v[0].weight, CHANGE_MATTERS);
	assert_int_equal(find(&d, "gpus/0000:0a:00.0/temperature_mc")->weight, CHANGE_EXPECTED);
	assert_int_equal(find(&d, "gpus/0000:0a:00.0/driver_version")->weight, CHANGE_MATTERS);
	assert_string_equal(find(&d, "gpus/0000:0a:00.0/power_limit_mw")->after, "250000");
	assert_null(find(&d, "cpu/governor/powersave")->after);
	free(text);
	assert_int_equal(environment_diff_text(&d, &text), 0);
	print_message("%s", text);
	assert_non_null(strstr(text, "matters: gpus/0000:0a:00.0/driver_version: 6.10 -> 6.12\n"));
	assert_non_null(strstr(text, "matters: cpu/governor/powersave: 1 -> (absent)\n"));
	assert_null(strstr(text, "temperature"));
	environment_diff_done(&d);

	assert_int_equal(environment_diff("[]", after, &d, &err), -EINVAL);
	assert_true(environment_diff("{", after, &d, &err) < 0);
}

/* No two values have one path: neither names with a slash nor long ones. */
static void test_diff_paths(void **state)
{
	_cleanup_free_ char *deep = NULL, *deeper = NULL;
	char name[151];
	const char *slash = "{\"a/b\": 1, \"a\": {\"b\": 2}, \"\": {\"c\": 3}, \"c\": 4}";
	struct environment_diff d = {0};

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_true(asprintf(&deep, "{\"%s\": {\"%sa\": 1, \"%sb\": 2}}", name, name, name) > 0);
	assert_true(asprintf(&deeper, "{\"%s\": {\"%sa\": 1, \"%sb\": 3}}", name, name, name) > 0);
	assert_int_equal(environment_diff(slash, slash, &d, NULL), 0);
	assert_int_equal(d.n, 0);
	environment_diff_done(&d);
	assert_int_equal(environment_diff(deep, deep, &d, NULL), 0);
	assert_int_equal(d.n, 0);
	environment_diff_done(&d);
	assert_int_equal(environment_diff(deep, deeper, &d, NULL), 0);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.v[0].after, "3");
	environment_diff_done(&d);
}

static void test_emulated(void **state)
{
	_cleanup_json_ struct json *j = NULL;
	_cleanup_free_ char *text = NULL;
	const struct json *gpu;
	struct platform *p = NULL;
	struct fake_host h; /* its directory keeps the state */

	(void)state;
	fake_host_init(&h);
	assert_int_equal(platform_emulated_new("h200", h.root, &p, NULL), 0);
	assert_int_equal(environment_capture(p, "openforbc 0", &text, NULL), 0);
	assert_int_equal(json_parse(text, strlen(text), "environment", &j, NULL), 0);
	assert_string_equal(json_str(at(j, "platform/label"), ""), "emulated");
	gpu = at(j, "gpus/0000:19:00.0");
	assert_string_equal(json_str(json_get(gpu, "vbios"), ""), "EM.UL.AT.ED.00");
	assert_int_equal(json_u64(json_get(gpu, "power_limit_mw"), 0), 700000);
	assert_false(json_bool(json_get(gpu, "mig"), true));
	assert_null(json_get(gpu, "ecc")); /* the emulation has no such call */
	assert_int_equal(strlen(json_str(json_get(gpu, "uuid_hash"), "")), 36);
	assert_null(strstr(text, "GPU-")); /* a UUID as NVML writes it */
	platform_free(p);
	fake_host_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),    cmocka_unit_test(test_environ),
		cmocka_unit_test(test_two_faces), cmocka_unit_test(test_capture),
		cmocka_unit_test(test_diff),      cmocka_unit_test(test_diff_paths),
		cmocka_unit_test(test_emulated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
