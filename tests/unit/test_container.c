/* SPDX-License-Identifier: MIT */
/* Containers: whose one a process is in, and the specification that engines read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "guest/cdi.h"
#include "model/container.h"
#include "platform/device_rules.h"

/* --- control groups, in the forms that engines make --- */

#define ID    "3f2a9c1b04de74c5c4272ee2e6463a90eb7b2239e9b42e2e7cdf9c9e6c880020"
#define OTHER "be131b155b6a8ac24cfbafd05aa72c1575512f60dd242b24eec1c3cbb05e543a"
#define SHORT "3f2a9c1b04de"
#define POD   "kubepods-besteffort-pod74ba62da_1a3d_11e7_bb11_080027cb0e22.slice"
#define USER  "/user.slice/user-1000.slice/user@1000.service/user.slice/"

static const struct {
	const char *text;
	enum container_engine engine;
	const char *name;
	long uid;
} containers[] = {
	/* Docker: systemd and cgroupfs, version 1 and 2, without root, in a container of its own */
	{"0::/system.slice/docker-" ID ".scope", CONTAINER_DOCKER, SHORT, -1},
	{"12:name=systemd:/docker/" ID "\n11:hugetlb:/docker/" ID "\n", CONTAINER_DOCKER, SHORT, -1},
	{"10:devices:/system.slice/docker-" ID ".scope\n1:name=systemd:/system.slice/docker-" ID ".scope\n",
         CONTAINER_DOCKER, SHORT, -1},
	{"0::" USER "docker-" ID ".scope", CONTAINER_DOCKER, SHORT, 1000},
	{"9:name=systemd:/docker/" ID "/docker/" OTHER, CONTAINER_DOCKER, SHORT, -1},
	{"0::/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" OTHER ".scope",
         CONTAINER_DOCKER, SHORT, -1},
	{"0::/../../system.slice/docker-" ID ".scope/init", CONTAINER_DOCKER, SHORT, -1},
	/* only some hierarchies of version 1 tell */
	{"3:rdma:/\n2:cpu,cpuacct:/docker/" ID "\n0::/system.slice/containerd.service\n", CONTAINER_DOCKER,
         SHORT, -1},
	/* Podman */
	{"0::/machine.slice/libpod-" ID ".scope/container", CONTAINER_PODMAN, SHORT, -1},
	{"0::" USER "libpod-" ID ".scope/container", CONTAINER_PODMAN, SHORT, 1000},
	{"0::/user.slice/user-0.slice/user@0.service/user.slice/libpod-" ID ".scope", CONTAINER_PODMAN, SHORT,
         -1},
	{"4:memory:/libpod_parent/libpod-" ID, CONTAINER_PODMAN, SHORT, -1},
	{"0::/machine.slice/machine-libpod_pod_" OTHER ".slice/libpod-" ID ".scope", CONTAINER_PODMAN, SHORT,
         -1},
	/* Kubernetes */
	{"0::/kubepods.slice/kubepods-besteffort.slice/" POD "/cri-containerd-" ID ".scope", CONTAINER_CRI,
         SHORT, -1},
	{"0::/kubepods.slice/kubepods-besteffort.slice/" POD "/crio-" ID ".scope/container", CONTAINER_CRI,
         SHORT, -1},
	{"11:devices:/kubepods/besteffort/pod74ba62da-1a3d-11e7-bb11-080027cb0e22/" ID, CONTAINER_CRI, SHORT,
         -1},
	{"11:freezer:/kubepods/besteffort/podf8a694f2-7c08-11e9-98da-000c29077430/" ID "/kube-proxy",
         CONTAINER_CRI, SHORT, -1},
	{"0::/system.slice/containerd.service/" POD ":cri-containerd:" ID, CONTAINER_CRI, SHORT, -1},
	{"0::/k8s.io/" ID, CONTAINER_CRI, SHORT, -1},
	/* nerdctl */
	{"0::/system.slice/nerdctl-" ID ".scope", CONTAINER_NERDCTL, SHORT, -1},
	{"12:pids:/default/" ID "\n11:memory:/default/" ID, CONTAINER_NERDCTL, SHORT, -1},
	/* LXC, LXD, Incus, Proxmox, libvirt */
	{"0::/lxc.payload.web/system.slice/nginx.service", CONTAINER_LXC, "web", -1},
	{"0::/lxc.payload/web", CONTAINER_LXC, "web", -1},
	{"0::/lxc.payload.user-1000_web/init.scope", CONTAINER_LXC, "user-1000_web", -1},
	{"5:devices:/lxc.payload.web/docker/" OTHER, CONTAINER_LXC, "web", -1},
	{"0::/lxc/101/ns/init.scope", CONTAINER_LXC, "101", -1},
	{"1:name=systemd:/lxc/example", CONTAINER_LXC, "example", -1},
	{"0::/machine.slice/machine-lxc\\x2d4711\\x2dweb\\x2done.scope/init.scope", CONTAINER_LIBVIRT_LXC,
         "web-one", -1},
	/* systemd-nspawn */
	{"0::/machine.slice/systemd-nspawn@build.service/payload/init.scope", CONTAINER_NSPAWN, "build", -1},
	{"0::/machine.slice/machine-debian\\x2d12.scope/payload", CONTAINER_NSPAWN, "debian-12", -1},
	{"1:name=systemd:/machine.slice/systemd-nspawn@my\\x2dtree.service/init.scope", CONTAINER_NSPAWN,
         "my-tree", -1},
	/* a directory of somebody's choice */
	{"0::/actions_job/" ID, CONTAINER_UNKNOWN, SHORT, -1},
	{"10:net_prio:/" ID, CONTAINER_UNKNOWN, SHORT, -1},
};

static const char *const others[] = {
	"",
	"0::/",
	"0::/init.scope\n",
	"0::/user.slice/user-1000.slice/session-2.scope",
	"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.kde.konsole-1234.scope",
	"0::/system.slice/docker.service",
	"0::/system.slice/containerd.service",
	"0::/system.slice/crio.service",
	"0::/machine.slice/libpod-conmon-" ID ".scope",
	"0::/machine.slice/machine-libpod_pod_" ID ".slice",
	"0::/machine.slice/machine-qemu\\x2d1\\x2dwin11.scope/libvirt/emulator",
	"11:cpuset:/machine.slice/machine-qemu\\x2d3\\x2dubuntu20.04.scope/libvirt/vcpu0",
	"0::/lxc.monitor.web",
	"0::/system.slice/lxc.service",
	"0::/lxc",
	"0::/machine.slice",
	"0::/machine.slice/systemd-nspawn@.service",
	"0::/system.slice/docker-build.service",
	("0::/docker/" SHORT),
	"0::/openforbc-run-4711",
	"0::/system.slice/render.service/openforbc-run-4711",
	"13:name=systemd:/user/1000.user/c2.session\n12:pids:/\n",
	"nonsense without a path",
	"\n\n",
};

static void test_cgroups(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
		struct container c = {0};

		if (!container_of_cgroup(containers[i].text, &c) || c.engine != containers[i].engine ||
		    strcmp(c.name, containers[i].name) != 0 || c.uid != containers[i].uid)
			fail_msg("%s: engine %d, name '%s', uid %ld", containers[i].text, c.engine, c.name,
			         c.uid);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct container c = {.name = "untouched"};

		if (container_of_cgroup(others[i], &c) || strcmp(c.name, "untouched") != 0)
			fail_msg("%s: container '%s'", others[i], c.name);
	}
}

/* --- specifications --- */

static struct cdi_device *device(struct cdi_device_list *l, size_t i, const char *name)
{
	text_copy(l->v[i].name, sizeof(l->v[i].name), name);
	l->n = i + 1;
	return &l->v[i];
}

static const struct json *edits_of(const struct json *doc, size_t i)
{
	return json_get(json_at(json_get(doc, "devices"), i), "containerEdits");
}

static void test_cdi(void **state)
{
	struct cdi_device_list l = {.v = calloc(2, sizeof(*l.v)), .cap = 2};
	struct access *a = &device(&l, 0, "train")->access, *b;
	_cleanup_free_ char *text = NULL, *second = NULL;
	_cleanup_json_ struct json *doc = NULL;
	const struct json *all, *env;

	(void)state;
	assert_int_equal(access_add_node(a, "/dev/common", false), 0);
	assert_int_equal(access_add_node(a, "/dev/cap", true), 0);
	assert_int_equal(strv_add(&a->env, "ROCR_VISIBLE_DEVICES=0"), 0);
	assert_int_equal(strv_add(&a->env, "SAME=1"), 0);
	assert_int_equal(strv_add(&a->env, "OWN=a"), 0);
	assert_int_equal(cdi_print(&l, NULL, &text), 0);
	assert_non_null(strstr(text, "\"0.3.0\""));
	assert_null(strstr(text, "mounts"));

	b = &device(&l, 1, "1st")->access;
	assert_int_equal(access_add_node(b, "/dev/cap", false), 0);
	assert_int_equal(access_add_node(b, "/dev/cap", true), 0);
	assert_int_equal(strv_add(&b->env, "ROCR_VISIBLE_DEVICES=0"), 0);
	assert_int_equal(strv_add(&b->env, "SAME=1"), 0);
	assert_int_equal(strv_add(&b->env, "OWN=b"), 0);
	assert_int_equal(strv_add(&b->mounts, "/run/x"), 0);
	assert_int_equal(cdi_print(&l, NULL, &second), 0);
	assert_int_equal(json_parse(second, strlen(second), "cdi", &doc, NULL), 0);
	/* a name that begins with a digit came with 0.5.0 */
	assert_string_equal(json_str(json_get(doc, "cdiVersion"), ""), "0.5.0");
	assert_int_equal(json_len(json_get(doc, "devices")), 3);
	assert_int_equal(json_len(json_get(edits_of(doc, 1), "deviceNodes")), 1);
	all = edits_of(doc, 2);
	assert_int_equal(json_len(json_get(all, "deviceNodes")), 2);
	assert_int_equal(json_len(json_get(all, "mounts")), 1);
	/* the wider right wins; what selects, and what they do not agree on, is left out */
	assert_string_equal(json_str(json_get(json_at(json_get(all, "deviceNodes"), 1), "permissions"), ""),
	                    "rw");
	env = json_get(all, "env");
	assert_int_equal(json_len(env), 1);
	assert_string_equal(json_str(json_at(env, 0), ""), "SAME=1");
	cdi_devices_done(&l);
}

static void test_cdi_names(void **state)
{
	static const char *const good[] = {"a", "train-2", "a.b_c", "1g"};
	static const char *const bad[] = {"", "all", "-a", "a-", ".a", "a b", "a/b", "a:b", "\xc3\xa4", "a="};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(cdi_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(cdi_name_ok(bad[i]));
}

/* --- rules for device nodes --- */

enum { READ = BPF_DEVCG_ACC_READ, WRITE = BPF_DEVCG_ACC_WRITE, MAKE = BPF_DEVCG_ACC_MKNOD };

/* The kernel's machine, as far as the program uses it; 2: it does something that is not expected. */
static unsigned interpret(const struct bpf_insn *v, size_t n, unsigned type, unsigned access, unsigned major,
                          unsigned minor)
{
	const struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 | type, .major = major, .minor = minor};
	uint64_t reg[6] = {0};

	for (size_t i = 0; i < n; i++) {
		const struct bpf_insn *in = &v[i];
		uint32_t word;

		switch (in->code) {
		case BPF_LDX | BPF_W | BPF_MEM:
			memcpy(&word, (const char *)&ctx + in->off, sizeof(word));
			reg[in->dst_reg] = word;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			reg[in->dst_reg] = reg[in->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			reg[in->dst_reg] = (uint64_t)in->imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			reg[in->dst_reg] &= (uint64_t)in->imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			reg[in->dst_reg] >>= in->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			i += reg[in->dst_reg] != (uint64_t)in->imm ? (size_t)in->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (unsigned)reg[0];
		default:
			return 2;
		}
	}
	return 2;
}

static void test_device_program(void **state)
{
	static const struct device_rule rules[] = {{.major = 195, .minor = 0},
	                                           {.major = 195, .minor = 255},
	                                           {.major = 510, .minor = 66, .is_read_only = true},
	                                           {.major = 226, .is_any_minor = true}};
	static const struct {
		unsigned type, access, major, minor, verdict;
	} cases[] = {
		{BPF_DEVCG_DEV_CHAR, READ | WRITE, 195, 0, 1},
		{BPF_DEVCG_DEV_CHAR, READ | WRITE, 195, 255, 1},
		{BPF_DEVCG_DEV_CHAR, READ | WRITE, 195, 1, 0},
		{BPF_DEVCG_DEV_CHAR, READ, 194, 0, 0},
		{BPF_DEVCG_DEV_CHAR, READ, 510, 66, 1},
		{BPF_DEVCG_DEV_CHAR, READ | WRITE, 510, 66, 0},
		{BPF_DEVCG_DEV_CHAR, WRITE, 510, 66, 0},
		{BPF_DEVCG_DEV_CHAR, READ, 510, 67, 0},
		{BPF_DEVCG_DEV_CHAR, READ | WRITE, 226, 0, 1},
		{BPF_DEVCG_DEV_CHAR, WRITE, 226, 128, 1},
		{BPF_DEVCG_DEV_CHAR, MAKE, 195, 0, 0},
		{BPF_DEVCG_DEV_CHAR, MAKE | READ, 226, 1, 0},
		{BPF_DEVCG_DEV_BLOCK, READ, 195, 0, 0},
		{BPF_DEVCG_DEV_BLOCK, READ, 1, 3, 0},
		{BPF_DEVCG_DEV_CHAR, READ | WRITE, 1, 3, 1},
		{BPF_DEVCG_DEV_CHAR, READ, 1, 1, 0},
		{BPF_DEVCG_DEV_CHAR, READ | WRITE, 136, 17, 1},
		{BPF_DEVCG_DEV_CHAR, READ, 5, 0, 1},
		{BPF_DEVCG_DEV_CHAR, MAKE, 1, 3, 0},
		{BPF_DEVCG_DEV_CHAR, READ, 10, 196, 0},
	};
	_cleanup_free_ struct bpf_insn *program = calloc(DEVICE_PROGRAM_MAX, sizeof(*program));
	static struct device_rule many[DEVICE_RULES_MAX + 1];
	size_t n = device_program(rules, ARRAY_SIZE(rules), program);

	(void)state;
	assert_in_range(n, 10, DEVICE_PROGRAM_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned verdict =
			interpret(program, n, cases[i].type, cases[i].access, cases[i].major, cases[i].minor);

		if (verdict != cases[i].verdict)
			fail_msg("%u:%u access %u type %u: %u", cases[i].major, cases[i].minor,
			         cases[i].access, cases[i].type, verdict);
	}
	assert_in_range(device_program(many, DEVICE_RULES_MAX, program), 1, DEVICE_PROGRAM_MAX);
	assert_int_equal(device_program(many, DEVICE_RULES_MAX + 1, program), 0);
	n = device_program(NULL, 0, program);
	assert_int_equal(interpret(program, n, BPF_DEVCG_DEV_CHAR, READ, 195, 0), 0);
	assert_int_equal(interpret(program, n, BPF_DEVCG_DEV_CHAR, READ, 1, 5), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_cdi),
		cmocka_unit_test(test_cdi_names),
		cmocka_unit_test(test_device_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
