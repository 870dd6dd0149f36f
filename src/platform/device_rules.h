/* SPDX-License-Identifier: MIT */
/* Which device nodes the processes of a control group may open, as a program for the kernel. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

/* A character device that may be opened. */
struct device_rule {
	unsigned major, minor;
	bool is_any_minor;
	bool is_read_only;
};

#define DEVICE_RULES_MAX   256
/* Instructions of a program with that many rules. */
#define DEVICE_PROGRAM_MAX (16 + 7 * (DEVICE_RULES_MAX + 16))

/* Writes the program: these devices, and the pseudo devices that every container has; nothing else, and no
 * node can be made. Returns the number of instructions; 0: too many rules. */
size_t device_program(const struct device_rule *rules, size_t n, struct bpf_insn ret[DEVICE_PROGRAM_MAX]);
/* Loads it and attaches it to an open control group (version 2). 0; -EPERM not allowed; -ENOTSUP the kernel
 * has no such programs. */
int device_program_attach(int cgroup_fd, const struct bpf_insn *program, size_t n);
