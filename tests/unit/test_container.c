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
	"0::/docker/" SHORT,
	"0::/openforbc/run-4711",
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_cdi),
		cmocka_unit_test(test_cdi_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
