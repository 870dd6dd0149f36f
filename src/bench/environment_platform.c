/* SPDX-License-Identifier: MIT */
/*
 * Bare metal, a guest of which hypervisor, a container of which manager. The processor knows best (CPUID leaf
 * 0x40000000), then the firmware's tables, then what the kernel says; where none of them can be read the
 * answer is "unknown" and not bare metal.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "bench/environment.h"
#include "platform/platform.h"

#define LEAF_FEATURES     1u
#define HAS_HYPERVISOR    (1u << 31) /* ecx */
#define LEAF_HYPERVISOR   0x40000000u
#define LEAF_HYPERVISOR_2 0x40000100u /* the second one's, where one pretends to be Hyper-V */
#define TEXT_SIZE         8192

static const struct {
	const char *signature, *machine;
} signatures[] = {
	{"KVMKVMKVM", "kvm"},          {"Linux KVM Hv", "kvm"},     {"TCGTCGTCGTCG", "qemu-tcg"},
	{"VMwareVMware", "vmware"},    {"Microsoft Hv", "hyper-v"}, {"XenVMMXenVMM", "xen"},
	{"VBoxVBoxVBox", "vbox"},      {"bhyve bhyve ", "bhyve"},   {"ACRNACRNACRN", "acrn"},
	{"prl hyperv  ", "parallels"},
};

/* Vendor and product of the DMI tables; product NULL: any. Some rent whole machines with the same tables, so
 * that their word counts less than the processor's. */
static const struct {
	const char *vendor, *product, *machine;
	bool is_rented;
} dmi[] = {
	{"VMware", NULL, "vmware", false},
	{"Microsoft Corporation", "Virtual Machine", "hyper-v", false},
	{"Xen", NULL, "xen", false},
	{"innotek GmbH", NULL, "vbox", false},
	{"Oracle Corporation", "VirtualBox", "vbox", false},
	{"BHYVE", NULL, "bhyve", false},
	{"Parallels", NULL, "parallels", false},
	{"QEMU", NULL, "kvm", false},
	{"Red Hat", "KVM", "kvm", false},
	{"OpenStack", NULL, "kvm", true},
	{"Google", "Google Compute Engine", "kvm", true},
	{"Amazon EC2", NULL, "kvm", true},
};

static const char *signature_of(struct platform *p, uint32_t leaf, char buf[13])
{
	uint32_t r[4];

	if (p->ops->cpuid(p, leaf, r) < 0)
		return NULL;
	memcpy(buf, &r[1], 12);
	buf[12] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		if (strcmp(buf, signatures[i].signature) == 0)
			return signatures[i].machine;
	}
	return "vm";
}

static void decide(struct environment_platform *e, const char *machine, const char *source, const char *what)
{
	size_t len = strlen(e->evidence);

	text_copy(e->machine, sizeof(e->machine), machine);
	snprintf(e->evidence + len, sizeof(e->evidence) - len, "%s%s '%s'", len ? ", " : "", source, what);
}

/* 1: told; 0: no hypervisor; -1: cannot be asked. */
static int ask_cpuid(struct platform *p, struct environment_platform *e)
{
	const char *machine, *second;
	char text[13], unused[13];
	uint32_t r[4];

	if (p->ops->cpuid(p, LEAF_FEATURES, r) < 0)
		return -1;
	if (!(r[2] & HAS_HYPERVISOR))
		return 0;
	machine = signature_of(p, LEAF_HYPERVISOR, text);
	/* KVM and Xen can show Hyper-V's face to their guests, and then their own a step further. */
	second = signature_of(p, LEAF_HYPERVISOR_2, unused);
	if (machine && strcmp(machine, "hyper-v") == 0 && second &&
	    (strcmp(second, "kvm") == 0 || strcmp(second, "xen") == 0))
		machine = second;
	for (char *c = text; *c; c++)
		*c = isprint((unsigned char)*c) ? *c : '?';
	decide(e, machine ? machine : "vm", "cpuid", text);
	return 1;
}

static bool ask_dmi(struct platform *p, struct environment_platform *e, bool *ret_readable, bool *ret_sure)
{
	char vendor[64] = "", product[64] = "";

	*ret_readable = sysfs_read(p, vendor, sizeof(vendor), "sys/class/dmi/id/sys_vendor") > 0;
	(void)sysfs_read(p, product, sizeof(product), "sys/class/dmi/id/product_name");
	/* Machines of this provider that are rented whole say so. */
	if (strcmp(vendor, "Amazon EC2") == 0 && strstr(product, ".metal"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(dmi); i++) {
		if (strncmp(vendor, dmi[i].vendor, strlen(dmi[i].vendor)) == 0 &&
		    (!dmi[i].product || strcmp(product, dmi[i].product) == 0)) {
			decide(e, dmi[i].machine, "dmi", vendor);
			*ret_sure = !dmi[i].is_rented;
			return true;
		}
	}
	return false;
}

/* The kernel's own words, for processors that have no CPUID and for trees of other machines. */
static bool ask_kernel(struct platform *p, struct environment_platform *e, bool *ret_readable)
{
	char text[TEXT_SIZE];

	if (sysfs_read(p, text, sizeof(text), "sys/hypervisor/type") > 0 && strcmp(text, "xen") == 0) {
		decide(e, "xen", "sys/hypervisor/type", text);
		return true;
	}
	if (sysfs_read(p, text, sizeof(text), "proc/device-tree/hypervisor/compatible") > 0) {
		decide(e,
		       strstr(text, "kvm")   ? "kvm"
		       : strstr(text, "xen") ? "xen"
		                             : "vm",
		       "device tree", text);
		return true;
	}
	*ret_readable = sysfs_read(p, text, sizeof(text), "proc/cpuinfo") > 0 && strstr(text, "flags");
	if (*ret_readable && strstr(text, " hypervisor")) {
		decide(e, "vm", "proc/cpuinfo", "hypervisor");
		return true;
	}
	return false;
}

static void find_machine(struct platform *p, struct environment_platform *e)
{
	struct environment_platform by_dmi = {0}, by_kernel = {0};
	bool has_dmi, has_cpuinfo = false, is_sure = false;
	int cpuid = ask_cpuid(p, e);
	bool is_dmi = ask_dmi(p, &by_dmi, &has_dmi, &is_sure),
	     is_kernel = ask_kernel(p, &by_kernel, &has_cpuinfo);

	/* "A hypervisor" is less than its name, whoever says it. */
	if (is_kernel && strcmp(by_kernel.machine, "vm") == 0 && is_dmi)
		is_kernel = false;
	if (cpuid == 1 && strcmp(e->machine, "vm") != 0)
		return;
	if (is_kernel && (cpuid != 1 || strcmp(by_kernel.machine, "vm") != 0))
		decide(e, by_kernel.machine, "kernel", by_kernel.evidence);
	else if (is_dmi &&
	         (cpuid != 0 || is_sure)) /* guests with a GPU are often told that there is no hypervisor */
		decide(e, by_dmi.machine, "firmware", by_dmi.evidence);
	else if (cpuid == 0 || (cpuid < 0 && has_cpuinfo))
		decide(e, "bare-metal", cpuid == 0 ? "cpuid" : "proc/cpuinfo", "no hypervisor");
	else if (cpuid < 0 && has_dmi)
		decide(e, "bare-metal", "dmi", "no virtual machine");
	else if (!e->machine[0])
		text_copy(e->machine, sizeof(e->machine), "unknown");
}

/* --- containers --- */

/* Words in the paths of the first process's control groups; without a cgroup namespace they show. */
static const struct {
	const char *word, *container;
} cgroup_words[] = {
	{"kubepods", "kubernetes"}, {"libpod", "podman"},
	{"docker", "docker"},       {"lxc.payload", "lxc"},
	{"/lxc/", "lxc"},           {"/machine.slice/machine-", "systemd-nspawn"},
	{"garden", "garden"},       {"containerd", "containerd"},
};

static void found(struct environment_platform *e, const char *container, const char *source)
{
	size_t len = strlen(e->evidence);

	text_copy(e->container, sizeof(e->container), container);
	snprintf(e->evidence + len, sizeof(e->evidence) - len, "%s%s", len ? ", " : "", source);
}

/* "container=NAME" of the first process, which managers set. */
static bool ask_environ(struct platform *p, char *buf, size_t size)
{
	static const char name[] = "container=";
	char text[TEXT_SIZE];
	ssize_t n = p->ops->read(p, "proc/1/environ", text, sizeof(text));

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(text + i) + 1) {
		if (strncmp(text + i, name, sizeof(name) - 1) == 0) {
			text_copy(buf, size, text + i + sizeof(name) - 1);
			return buf[0] != '\0';
		}
	}
	return false;
}

/* Whoever sees the kernel's threads is in the first of all process namespaces: the mark is then a file left
 * over in the image that this machine was made of. */
static bool has_mark(struct platform *p, const char *path)
{
	char comm[32];

	return p->ops->exists(p, path) &&
	       !(sysfs_read(p, comm, sizeof(comm), "proc/2/comm") > 0 && strcmp(comm, "kthreadd") == 0);
}

static bool is_name(const char *s)
{
	return s[0] && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(s);
}

static void find_container(struct platform *p, struct environment_platform *e)
{
	char name[24] = "", text[TEXT_SIZE];

	if (p->ops->exists(p, "var/run/secrets/kubernetes.io/serviceaccount") ||
	    p->ops->exists(p, "run/secrets/kubernetes.io/serviceaccount"))
		found(e, "kubernetes", "service account");
	else if (sysfs_read(p, name, sizeof(name), "run/systemd/container") > 0 && is_name(name))
		found(e, name, "run/systemd/container");
	else if (ask_environ(p, name, sizeof(name)) && is_name(name))
		found(e, name, "environment of process 1");
	else if (has_mark(p, "run/.containerenv"))
		found(e, "podman", "run/.containerenv");
	else if (has_mark(p, ".dockerenv"))
		found(e, "docker", ".dockerenv");
	else if (sysfs_read(p, text, sizeof(text), "proc/1/cgroup") > 0) {
		for (size_t i = 0; i < ARRAY_SIZE(cgroup_words) && !e->container[0]; i++) {
			if (strstr(text, cgroup_words[i].word))
				found(e, cgroup_words[i].container, "proc/1/cgroup");
		}
	}
}

void environment_platform(struct platform *p, struct environment_platform *ret)
{
	*ret = (struct environment_platform){0};
	if (p->emulated) {
		text_copy(ret->machine, sizeof(ret->machine), "emulated");
		text_copy(ret->label, sizeof(ret->label), "emulated");
		return;
	}
	find_machine(p, ret);
	find_container(p, ret);
	if (!ret->container[0])
		text_copy(ret->label, sizeof(ret->label), ret->machine);
	else if (strcmp(ret->machine, "bare-metal") == 0)
		snprintf(ret->label, sizeof(ret->label), "container:%s", ret->container);
	else
		snprintf(ret->label, sizeof(ret->label), "%s/container:%s", ret->machine, ret->container);
}
