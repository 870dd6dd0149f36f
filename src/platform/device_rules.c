/* SPDX-License-Identifier: MIT */
/*
 * The program gets type, access, major and minor of the device (struct bpf_cgroup_dev_ctx) and answers 1 or
 * 0. It is a row of comparisons, written here by hand: the library for that would be larger than this
 * program.
 */
#include "platform/device_rules.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* null, zero, full, random, urandom; tty, console, ptmx; terminals of ptmx */
static const struct device_rule pseudo[] = {
	{.major = 1, .minor = 3}, {.major = 1, .minor = 5}, {.major = 1, .minor = 7},
	{.major = 1, .minor = 8}, {.major = 1, .minor = 9}, {.major = 5, .minor = 0},
	{.major = 5, .minor = 1}, {.major = 5, .minor = 2}, {.major = 136, .is_any_minor = true},
};

enum {
	VERDICT = BPF_REG_0,
	CONTEXT = BPF_REG_1,
	TYPE = BPF_REG_2,
	ACCESS = BPF_REG_3,
	MAJOR = BPF_REG_4,
	MINOR = BPF_REG_5
};

struct writer {
	struct bpf_insn *v;
	size_t n;
};

static void load(struct writer *w, uint8_t to, size_t offset)
{
	w->v[w->n++] = (struct bpf_insn){
		.code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = to, .src_reg = CONTEXT, .off = (int16_t)offset};
}

static void compute(struct writer *w, uint8_t operation, uint8_t reg, unsigned value)
{
	w->v[w->n++] = (struct bpf_insn){
		.code = (uint8_t)(BPF_ALU64 | operation | BPF_K), .dst_reg = reg, .imm = (int32_t)value};
}

static void copy(struct writer *w, uint8_t to, uint8_t from)
{
	w->v[w->n++] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from};
}

static void skip_unless(struct writer *w, uint8_t reg, unsigned value, int16_t skip)
{
	w->v[w->n++] = (struct bpf_insn){
		.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = reg, .off = skip, .imm = (int32_t)value};
}

static void answer(struct writer *w, unsigned verdict)
{
	compute(w, BPF_MOV, VERDICT, verdict);
	w->v[w->n++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
}

static void add_rule(struct writer *w, const struct device_rule *r)
{
	skip_unless(w, MAJOR, r->major, r->is_any_minor ? 5 : 6);
	if (!r->is_any_minor)
		skip_unless(w, MINOR, r->minor, 5);
	copy(w, VERDICT, ACCESS);
	compute(w, BPF_AND, VERDICT, BPF_DEVCG_ACC_MKNOD | (r->is_read_only ? BPF_DEVCG_ACC_WRITE : 0));
	skip_unless(w, VERDICT, 0, 2);
	answer(w, 1);
}

size_t device_program(const struct device_rule *rules, size_t n, struct bpf_insn ret[DEVICE_PROGRAM_MAX])
{
	struct writer w = {.v = ret};

	if (n > DEVICE_RULES_MAX)
		return 0;
	load(&w, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	load(&w, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	load(&w, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	/* access_type: what is asked for in the upper half, the type of the node in the lower */
	copy(&w, ACCESS, TYPE);
	compute(&w, BPF_RSH, ACCESS, 16);
	compute(&w, BPF_AND, TYPE, 0xffff);
	skip_unless(&w, TYPE, BPF_DEVCG_DEV_BLOCK, 2);
	answer(&w, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pseudo); i++)
		add_rule(&w, &pseudo[i]);
	for (size_t i = 0; i < n; i++)
		add_rule(&w, &rules[i]);
	answer(&w, 0);
	return w.n;
}

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (r >= 0)
		return (int)r;
	return errno == ENOSYS || errno == EINVAL ? -ENOTSUP : -errno;
}

int device_program_attach(int cgroup_fd, const struct bpf_insn *program, size_t n)
{
	union bpf_attr load_attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
	                            .insn_cnt = (uint32_t)n,
	                            .insns = (uint64_t)(uintptr_t)program,
	                            .license = (uint64_t)(uintptr_t) "MIT"};
	_cleanup_close_ int fd = bpf(BPF_PROG_LOAD, &load_attr);
	union bpf_attr attach_attr = {.target_fd = (uint32_t)cgroup_fd,
	                              .attach_bpf_fd = (uint32_t)fd,
	                              .attach_type = BPF_CGROUP_DEVICE,
	                              /* what the groups above forbid stays forbidden */
	                              .attach_flags = BPF_F_ALLOW_MULTI};

	return fd < 0 ? fd : bpf(BPF_PROG_ATTACH, &attach_attr);
}
