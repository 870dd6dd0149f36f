/* SPDX-License-Identifier: MIT */
/* Every door of the Linux platform, on trees in a temporary directory and on this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "platform/linux.h"
#include "platform/platform.h"

#define PCI "sys/bus/pci/devices"

struct fixture {
	char dir[64];          /* parent of the tree: what must not be reached */
	char root[80];         /* the tree */
	struct platform *tree; /* of root */
	struct platform *real; /* of "/" */
};

/* --- building trees --- */

static void path_of(const struct fixture *f, const char *path, char *buf, size_t size)
{
	assert_true((size_t)snprintf(buf, size, "%s/%s", f->root, path) < size);
}

static void make_parents(const char *path)
{
	char part[512];

	for (const char *c = strchr(path + 1, '/'); c; c = strchr(c + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(c - path), path);
		assert_true(mkdir(part, 0755) == 0 || errno == EEXIST);
	}
}

static void put_file(const struct fixture *f, const char *path, const char *content)
{
	char full[512];
	FILE *file;

	path_of(f, path, full, sizeof(full));
	make_parents(full);
	file = fopen(full, "we");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void put_link(const struct fixture *f, const char *path, const char *target)
{
	char full[512];

	path_of(f, path, full, sizeof(full));
	make_parents(full);
	assert_int_equal(symlink(target, full), 0);
}

static void assert_content(const struct fixture *f, const char *path, const char *content)
{
	char buf[256] = "";

	assert_true(f->tree->ops->read(f->tree, path, buf, sizeof(buf)) >= 0);
	assert_string_equal(buf, content);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/ofbc-platform-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->root, sizeof(f->root), "%s/root", f->dir);
	assert_int_equal(mkdir(f->root, 0755), 0);
	assert_int_equal(platform_linux_new(f->root, NULL, &f->tree, NULL), 0);
	assert_int_equal(platform_linux_new("/", "/tmp/ofbc-unused", &f->real, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	platform_free(f->tree);
	platform_free(f->real);
	nftw(f->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* --- opening --- */

static void test_new(void **state)
{
	const struct fixture *f = *state;
	struct ofbc_error err = {0};
	struct platform *p = NULL;

	assert_int_equal(platform_linux_new("/nonexistent", NULL, &p, &err), -ENOENT);
	assert_non_null(strstr(err.message, "/nonexistent"));
	assert_int_equal(platform_linux_new(f->root, "relative", &p, &err), -EINVAL);
	assert_int_equal(platform_linux_new(f->root, "/run/../etc", &p, &err), -EINVAL);
	assert_null(p);
	platform_free(NULL);
	assert_string_equal(f->tree->run_dir, "run/openforbc");
	assert_string_equal(f->real->run_dir, "tmp/ofbc-unused");
	assert_string_equal(f->tree->real_root, f->root);
	assert_true(f->tree->privileged);
	assert_false(f->tree->emulated);
	assert_int_equal(f->real->privileged, geteuid() == 0);
}

static void test_read(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;
	char buf[64], tiny[4];

	put_file(f, "sys/a/value", "0x10de\n");
	put_file(f, "sys/a/empty", "");
	assert_int_equal(p->ops->read(p, "sys/a/value", buf, sizeof(buf)), 6);
	assert_string_equal(buf, "0x10de");
	assert_int_equal(p->ops->read(p, "sys/a/empty", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	assert_int_equal(p->ops->read(p, "sys/a/value", tiny, sizeof(tiny)), 3);
	assert_string_equal(tiny, "0x1");
	assert_int_equal(p->ops->read(p, "sys/a/value", buf, 0), -EINVAL);
	assert_int_equal(p->ops->read(p, "sys/a/none", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(p->ops->read(p, "sys/a", buf, sizeof(buf)), -EISDIR);
	assert_true(p->ops->exists(p, "sys/a/value"));
	assert_true(p->ops->exists(p, "sys/a"));
	assert_false(p->ops->exists(p, "sys/b"));
}

/* No link leads out: what lies outside is not found, and absolute links start at the tree's root. */
static void test_escape(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;
	char buf[256], secret[128];

	snprintf(secret, sizeof(secret), "%s/secret", f->dir);
	put_file(f, "../secret", "outside");
	put_file(f, "in/file", "inside");
	put_link(f, "up", "../secret");
	put_link(f, "far-up", "../../../../../../../../etc/passwd");
	put_link(f, "absolute", secret);
	put_link(f, "root", "/");
	put_link(f, "inner", "/in/file");
	assert_int_equal(p->ops->read(p, "up", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(p->ops->read(p, "far-up", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(p->ops->read(p, "absolute", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(p->ops->read(p, "../secret", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(p->ops->read(p, "root/../../secret", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(p->ops->write(p, "up", "x", 0), -ENOENT);
	assert_int_equal(p->ops->write(p, "up", "x", 500), -ENOENT);
	assert_false(p->ops->exists(p, "absolute"));
	assert_content(f, "inner", "inside");
	assert_content(f, "root/in/file", "inside");
}

static void test_list(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;
	_cleanup_strv_ struct strv names = {0}, none = {0};

	put_file(f, "d/virtfn10", "");
	put_file(f, "d/virtfn2", "");
	put_file(f, "d/virtfn0", "");
	put_file(f, "d/.tmp-1", "");
	assert_int_equal(p->ops->list(p, "d", &names), 0);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.v[0], "virtfn0");
	assert_string_equal(names.v[1], "virtfn2");
	assert_string_equal(names.v[2], "virtfn10");
	assert_int_equal(p->ops->list(p, "no", &none), -ENOENT);
	assert_int_equal(p->ops->list(p, "d/virtfn0", &none), -ENOTDIR);
	assert_int_equal(none.n, 0);
}

static void test_readlink(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;
	char buf[64], tiny[8];

	put_link(f, "l", "../../bus/pci/drivers/nvidia");
	put_file(f, "plain", "");
	assert_int_equal(p->ops->readlink(p, "l", buf, sizeof(buf)), 28);
	assert_string_equal(buf, "../../bus/pci/drivers/nvidia");
	assert_int_equal(p->ops->readlink(p, "l", tiny, sizeof(tiny)), -ENAMETOOLONG);
	assert_int_equal(p->ops->readlink(p, "plain", buf, sizeof(buf)), -EINVAL);
	assert_int_equal(p->ops->readlink(p, "none", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(sysfs_link_name(p, buf, sizeof(buf), "%s", "l"), 6);
	assert_string_equal(buf, "nvidia");
}

/* --- writing --- */

static void test_write(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;

	put_file(f, "attr", "longer than the new value");
	assert_int_equal(p->ops->write(p, "attr", "2", 0), 0);
	assert_content(f, "attr", "2");
	assert_int_equal(p->ops->write(p, "attr", "3", 2000), 0);
	assert_content(f, "attr", "3");
	assert_int_equal(p->ops->write(p, "none", "1", 0), -ENOENT);
	assert_int_equal(p->ops->write(p, "none", "1", 2000), -ENOENT);
	assert_int_equal(f->real->ops->write(f->real, "dev/full", "1", 2000), -ENOSPC);
}

/* A write that the kernel holds: here the opening of a pipe that nobody reads. */
static void test_write_blocks(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;
	char full[128];
	uint64_t start, ms;

	path_of(f, "fifo", full, sizeof(full));
	assert_int_equal(mkfifo(full, 0600), 0);
	start = p->ops->now_ns(p);
	assert_int_equal(p->ops->write(p, "fifo", "1", 150), -ETIMEDOUT);
	ms = (p->ops->now_ns(p) - start) / 1000000;
	assert_in_range(ms, 150, 3000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* the child is gone and reaped */
	assert_int_equal(errno, ECHILD);
}

static void *blocked_write(void *arg)
{
	struct platform *p = arg;

	return (void *)(intptr_t)p->ops->write(p, "fifo", "1", 1500);
}

/* A writer that is stuck holds neither our lock nor other descriptors of ours. */
static void test_write_child_keeps_nothing(void **state)
{
	const struct fixture *f = *state;
	_cleanup_close_ int r = -1;
	struct pollfd pfd = {.events = POLLIN};
	char full[128];
	pthread_t writer;
	void *result;
	int fds[2];

	path_of(f, "fifo", full, sizeof(full));
	assert_int_equal(mkfifo(full, 0600), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	r = pfd.fd = fds[0];
	assert_int_equal(pthread_create(&writer, NULL, blocked_write, f->tree), 0);
	f->real->ops->sleep_ms(f->real, 300);
	close(fds[1]);
	assert_int_equal(poll(&pfd, 1, 500), 1); /* no other end is left while the child still blocks */
	assert_int_equal(pthread_join(writer, &result), 0);
	assert_int_equal((intptr_t)result, -ETIMEDOUT);
}

static void test_put(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;
	_cleanup_strv_ struct strv names = {0};
	char full[128], old[16] = "";
	_cleanup_close_ int fd = -1;

	assert_int_equal(p->ops->put(p, "run/openforbc/cpu/one", "first"), 0);
	path_of(f, "run/openforbc/cpu/one", full, sizeof(full));
	fd = open(full, O_RDONLY | O_CLOEXEC);
	assert_int_equal(p->ops->put(p, "run/openforbc/cpu/one", "second"), 0);
	/* Who had the former file open sees all of it: it was replaced, not overwritten. */
	assert_int_equal(read(fd, old, sizeof(old)), 5);
	assert_string_equal(old, "first");
	assert_content(f, "run/openforbc/cpu/one", "second");
	assert_int_equal(p->ops->list(p, "run/openforbc/cpu", &names), 0);
	assert_int_equal(names.n, 1);
	assert_int_equal(p->ops->put(p, "etc/passwd", "x"), -EPERM);
	assert_int_equal(p->ops->put(p, "run/openforbc-other/x", "x"), -EPERM);
	assert_int_equal(p->ops->put(p, "run/openforbc/../../etc/passwd", "x"), -EPERM);
	assert_int_equal(p->ops->put(p, "run/openforbc/cpu", "x"), -EISDIR);
	assert_false(p->ops->exists(p, "etc"));
}

static void test_mkdir_remove(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;

	assert_int_equal(p->ops->mkdir(p, "run/openforbc/mps/gpu/pipe"), 0);
	assert_int_equal(p->ops->mkdir(p, "run/openforbc/mps/gpu/pipe"), 0);
	assert_int_equal(p->ops->mkdir(p, "sys/fs/cgroup/openforbc/x"), 0);
	assert_int_equal(p->ops->mkdir(p, "etc/x"), -EPERM);
	assert_int_equal(p->ops->remove(p, "run/openforbc/mps"), -ENOTEMPTY);
	assert_int_equal(p->ops->remove(p, "run/openforbc/mps/gpu/pipe"), 0);
	assert_int_equal(p->ops->put(p, "run/openforbc/mps/gpu/file", "x"), 0);
	assert_int_equal(p->ops->remove(p, "run/openforbc/mps/gpu/file"), 0);
	assert_int_equal(p->ops->remove(p, "run/openforbc/mps/gpu/file"), -ENOENT);
	assert_int_equal(p->ops->remove(p, "run/openforbc/mps/gpu"), 0);
	assert_int_equal(p->ops->remove(p, "etc/x"), -EPERM);
}

/* --- programs --- */

static int run_shell(struct platform *p, const char *script, unsigned timeout_ms, struct command_result *ret)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	const char *const env[] = {"OFBC_TEST=from env", "HOME=/elsewhere", NULL};
	const struct command c = {.argv = argv, .env = env, .input = "given", .timeout_ms = timeout_ms};

	return p->ops->run(p, &c, ret);
}

static void test_run(void **state)
{
	const struct fixture *f = *state;
	const char *const missing[] = {"ofbc-no-such-program", NULL}, *const cat[] = {"cat", NULL};
	const struct command none = {.argv = missing}, null_input = {.argv = cat, .timeout_ms = 5000};
	static struct command_result r;

	assert_int_equal(
		run_shell(f->real, "cat; echo \" $OFBC_TEST $HOME\"; echo err >&2; exit 7", 5000, &r), 0);
	assert_int_equal(r.status, 7);
	assert_string_equal(r.out, "given from env /elsewhere\nerr\n");
	assert_int_equal(run_shell(f->real, "kill -9 $$", 5000, &r), 0);
	assert_int_equal(r.status, 128 + SIGKILL);
	assert_int_equal(run_shell(f->real, "head -c 100000 /dev/zero | tr '\\0' x; exit 3", 5000, &r), 0);
	assert_int_equal(r.status, 3);
	assert_int_equal(strlen(r.out), sizeof(r.out) - 1);
	assert_int_equal(f->real->ops->run(f->real, &null_input, &r), 0);
	assert_string_equal(r.out, "");
	assert_int_equal(f->real->ops->run(f->real, &none, &r), -ENOENT);
	assert_int_equal(run_shell(f->tree, "true", 1000, &r), -ENOENT);
}

static void test_run_timeout(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->real;
	static struct command_result r;
	uint64_t start = p->ops->now_ns(p);

	assert_int_equal(run_shell(p, "echo begun; sleep 10", 200, &r), -ETIMEDOUT);
	assert_in_range((p->ops->now_ns(p) - start) / 1000000, 200, 1800);
	assert_string_equal(r.out, "begun\n");
	/* One that ignores SIGTERM is killed 2 s later. */
	start = p->ops->now_ns(p);
	assert_int_equal(run_shell(p, "trap '' TERM; while :; do sleep 0.05; done", 100, &r), -ETIMEDOUT);
	assert_in_range((p->ops->now_ns(p) - start) / 1000000, 2000, 5000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* A program that leaves a daemon behind with our pipe has ended all the same. */
static void test_run_daemon(void **state)
{
	const struct fixture *f = *state;
	static struct command_result r;
	uint64_t start = f->real->ops->now_ns(f->real);

	assert_int_equal(run_shell(f->real, "sleep 3 & echo started", 10000, &r), 0);
	assert_string_equal(r.out, "started\n");
	assert_in_range((f->real->ops->now_ns(f->real) - start) / 1000000, 0, 2000);
}

static void test_spawn(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->real;
	char out[128], script[256], procs[128], cpus[16];
	char sh[] = "sh", opt[] = "-c", none[] = "ofbc-no-such-program";
	char *argv[] = {sh, opt, script, NULL}, *missing[] = {none, NULL};
	const char *const env[] = {"OFBC_TEST=value", NULL}, *const drop[] = {"OFBC_DROPPED", "OFBC_TEST",
	                                                                      NULL};
	_cleanup_close_ int cgroup = -1;
	cpu_set_t set;
	int status = -1, cpu = 0;

	path_of(f, "out", out, sizeof(out));
	setenv("OFBC_DROPPED", "dropped", 1);
	setenv("OFBC_DROPPED2", "-2", 1);
	put_file(f, "cgroup.procs", "");
	path_of(f, "cgroup.procs", procs, sizeof(procs));
	cgroup = open(procs, O_WRONLY | O_CLOEXEC);
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	snprintf(cpus, sizeof(cpus), "%d", cpu);
	snprintf(script, sizeof(script),
	         "{ echo $OFBC_TEST$OFBC_DROPPED$OFBC_DROPPED2; [ \"$(cat %s)\" = $$ ] && echo joined; "
	         "grep Cpus_allowed_list /proc/self/status; } >%s; exit 5",
	         procs, out);
	assert_int_equal(spawn_here(&(struct spawn){.argv = argv, .env = env, .drop = drop, .cpus = cpus},
	                            cgroup, &status),
	                 0);
	assert_int_equal(status, 5);
	snprintf(script, sizeof(script), "value-2\njoined\nCpus_allowed_list:\t%d", cpu);
	assert_content(f, "out", script);
	snprintf(script, sizeof(script), "kill -TERM $$");
	assert_int_equal(p->ops->spawn(p, &(struct spawn){.argv = argv}, &status), 0);
	assert_int_equal(status, 128 + SIGTERM);
	assert_int_equal(p->ops->spawn(p, &(struct spawn){.argv = missing}, &status), -ENOENT);
	assert_int_equal(p->ops->spawn(p, &(struct spawn){.argv = argv, .cpus = "3-1"}, &status), -EINVAL);
	assert_int_equal(p->ops->spawn(p, &(struct spawn){.argv = argv, .cpus = "x"}, &status), -EINVAL);
	assert_int_equal(
		p->ops->spawn(p, &(struct spawn){.argv = argv, .cgroup = "sys/fs/cgroup/ofbc-none"}, &status),
		-ENOENT);
	assert_int_equal(f->tree->ops->spawn(f->tree, &(struct spawn){.argv = argv}, &status), -ENOTSUP);
	assert_int_equal(status, 128 + SIGTERM);
}

/* SIGTERM to us alone reaches the program; the end of it ends the wait. */
static void test_spawn_forwards(void **state)
{
	char script[] = "trap 'exit 9' TERM; kill -TERM $PPID; while :; do sleep 0.05; done";
	char sh[] = "sh", opt[] = "-c";
	char *argv[] = {sh, opt, script, NULL};
	int status = -1;

	(void)state;
	assert_int_equal(spawn_here(&(struct spawn){.argv = argv}, -1, &status), 0);
	assert_int_equal(status, 9);
}

/* --- processes --- */

static void test_pid_alive(void **state)
{
	const struct fixture *f = *state;
	struct platform *p = f->tree;

	put_file(f, "proc/42/comm", "nvidia-cuda-mps\n");
	put_file(f, "proc/43/comm", "dead\n");
	put_file(f, "proc/43/stat", "43 (de) R ad) Z 1 43\n");
	assert_true(p->ops->pid_alive(p, 42, NULL));
	assert_true(p->ops->pid_alive(p, 42, "nvidia-cuda-mps-control"));
	assert_false(p->ops->pid_alive(p, 42, "other"));
	assert_false(p->ops->pid_alive(p, 43, NULL));
	assert_false(p->ops->pid_alive(p, 44, NULL));
	assert_false(p->ops->pid_alive(p, 0, NULL));
	assert_true(f->real->ops->pid_alive(f->real, (int)getpid(), NULL));
}

/* /dev/null is open everywhere and of no interest. */
static void test_open_devices_real(void **state)
{
	const struct fixture *f = *state;
	struct open_device_list list = {0};
	_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(f->real->ops->open_devices(f->real, &list), 0);
	for (size_t i = 0; i < list.n; i++)
		assert_string_not_equal(list.v[i].path, "/dev/null");
	free(list.v);
}

/* The node is found by its number: the link of the descriptor bears another name. */
static void test_open_devices(void **state)
{
	const struct fixture *f = *state;
	struct open_device_list list = {0};
	char full[128];

	put_file(f, "dev/vfio/vfio", "");
	put_file(f, "dev/nvidia-caps/readme", "");
	put_file(f, "proc/1/comm", "init\n");
	put_file(f, "proc/77/comm", "qemu-system-x86\n");
	path_of(f, "dev/vfio/12", full, sizeof(full));
	if (mknod(full, S_IFCHR | 0600, makedev(1, 3)) < 0)
		skip(); /* not root, or a container */
	put_link(f, "proc/77/fd/3", "/dev/null");
	put_link(f, "proc/77/fd/4", "/dev/zero");
	put_link(f, "proc/77/fd/5", "/nowhere");
	assert_int_equal(f->tree->ops->open_devices(f->tree, &list), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.v[0].pid, 77);
	assert_int_equal(list.v[0].uid, geteuid());
	assert_string_equal(list.v[0].comm, "qemu-system-x86");
	assert_string_equal(list.v[0].path, "/dev/vfio/12");
	assert_false(list.incomplete);
	free(list.v);
}

static void test_nvml(void **state)
{
	const struct fixture *f = *state;
	const struct nvml_api *api = NULL;
	struct ofbc_error err = {0};

	assert_int_equal(f->tree->ops->nvml(f->tree, &api, &err), -ENOENT);
	assert_null(api);
	assert_true(err.message[0] != '\0');
}

/* --- the lock --- */

static void test_lock(void **state)
{
	const struct fixture *f = *state;
	struct ofbc_error err = {0};
	char path[128], me[32];
	int first = -1, second = -1;
	uint64_t start;

	path_of(f, "lock", path, sizeof(path));
	assert_int_equal(lock_take(path, 0, &first, &err), 0);
	start = f->real->ops->now_ns(f->real);
	assert_int_equal(lock_take(path, 100, &second, &err), -EBUSY);
	assert_in_range((f->real->ops->now_ns(f->real) - start) / 1000000, 90, 2000);
	snprintf(me, sizeof(me), "pid %d (", (int)getpid());
	assert_non_null(strstr(err.message, me));
	assert_int_equal(err.reason, OFBC_REASON_IN_USE);
	assert_true(err.hint[0] != '\0');
	assert_int_equal(second, -1);
	close(first);
	assert_int_equal(lock_take(path, 0, &second, &err), 0);
	close(second);
	assert_int_equal(lock_take("/nonexistent/lock", 0, &second, &err), -ENOENT);
}

/* --- PCI --- */

#define PF "0000:41:00.0"

static void make_pf(const struct fixture *f)
{
	put_file(f, PCI "/" PF "/vendor", "0x10de\n");
	put_file(f, PCI "/" PF "/device", "0x2335\n");
	put_file(f, PCI "/" PF "/class", "0x030200\n");
	put_file(f, PCI "/" PF "/sriov_totalvfs", "16\n");
	put_file(f, PCI "/" PF "/sriov_numvfs", "99\n");
	put_file(f, PCI "/" PF "/driver_override", "(null)\n");
	put_link(f, PCI "/" PF "/driver", "../../../../bus/pci/drivers/nvidia");
	put_link(f, PCI "/" PF "/iommu_group", "../../../../kernel/iommu_groups/7");
	put_link(f, PCI "/" PF "/virtfn10", "../0000:41:02.2");
	put_link(f, PCI "/" PF "/virtfn2", "../0000:41:00.6");
	put_file(f, PCI "/0000:41:00.6/vendor", "0x10de\n");
	put_link(f, PCI "/0000:41:00.6/physfn", "../" PF);
}

static void test_pci_read(void **state)
{
	const struct fixture *f = *state;
	struct pci_function fn;
	_cleanup_strv_ struct strv vfs = {0};

	make_pf(f);
	assert_int_equal(pci_read(f->tree, PF, &fn), 0);
	assert_string_equal(fn.address, PF);
	assert_int_equal(fn.vendor, 0x10de);
	assert_int_equal(fn.device, 0x2335);
	assert_int_equal(fn.class, 0x030200);
	assert_string_equal(fn.driver, "nvidia");
	assert_string_equal(fn.iommu_group, "7");
	assert_false(fn.is_vf);
	assert_int_equal(fn.total_vfs, 16);
	assert_int_equal(fn.num_vfs, 2); /* the links, not the file */
	assert_int_equal(pci_vfs(f->tree, PF, &vfs), 0);
	assert_int_equal(vfs.n, 2);
	assert_string_equal(vfs.v[0], "0000:41:00.6");
	assert_string_equal(vfs.v[1], "0000:41:02.2");
	assert_int_equal(pci_read(f->tree, "0000:41:00.6", &fn), 0);
	assert_true(fn.is_vf);
	assert_string_equal(fn.driver, "");
	assert_int_equal(fn.total_vfs, 0);
	assert_int_equal(pci_read(f->tree, "0000:99:00.0", &fn), -ENOENT);
}

/* A tree has no kernel: the write succeeds and nothing happens, which must be noticed. */
static void test_pci_num_vfs(void **state)
{
	const struct fixture *f = *state;
	struct ofbc_error err = {0};

	make_pf(f);
	put_file(f, PCI "/" PF "/sriov_drivers_autoprobe", "1\n");
	assert_int_equal(pci_set_num_vfs(f->tree, PF, 2, &err), 0);
	assert_content(f, PCI "/" PF "/sriov_numvfs", "99");
	assert_int_equal(pci_set_num_vfs(f->tree, PF, 4, &err), -EIO);
	assert_content(f, PCI "/" PF "/sriov_numvfs", "0"); /* first through 0 */
	assert_non_null(strstr(err.message, "2 appeared"));
	put_file(f, PCI "/0000:42:00.0/sriov_numvfs", "0\n");
	put_file(f, PCI "/0000:42:00.0/sriov_drivers_autoprobe", "1\n");
	assert_int_equal(pci_set_num_vfs(f->tree, "0000:42:00.0", 4, &err), -EIO);
	assert_content(f, PCI "/0000:42:00.0/sriov_drivers_autoprobe", "1"); /* off meanwhile, and back */
	assert_content(f, PCI "/0000:42:00.0/sriov_numvfs", "4");
	assert_int_equal(pci_set_num_vfs(f->tree, "0000:43:00.0", 4, &err), -ENOENT);
}

static void test_pci_bind(void **state)
{
	const struct fixture *f = *state;
	struct ofbc_error err = {0};

	make_pf(f);
	put_file(f, "sys/bus/pci/drivers/nvidia/unbind", "");
	put_file(f, "sys/bus/pci/drivers_probe", "");
	assert_int_equal(pci_bind(f->tree, PF, "nvidia", &err), 0);
	assert_content(f, "sys/bus/pci/drivers_probe", "");
	/* Back to the normal driver, which is bound: it is left alone. */
	assert_int_equal(pci_bind(f->tree, PF, "", &err), 0);
	assert_content(f, "sys/bus/pci/drivers/nvidia/unbind", "");
	put_file(f, PCI "/" PF "/driver_override", "(null)\n");
	/* All writes succeed and nothing binds: said, and the override does not stay. */
	assert_int_equal(pci_bind(f->tree, PF, "vfio-pci", &err), -ENODEV);
	assert_content(f, "sys/bus/pci/drivers/nvidia/unbind", PF);
	assert_content(f, "sys/bus/pci/drivers_probe", PF);
	assert_content(f, PCI "/" PF "/driver_override", "");
	assert_non_null(strstr(err.hint, "modprobe vfio-pci"));
	assert_int_equal(pci_bind(f->tree, "0000:99:00.0", "vfio-pci", &err), -ENOENT);
}

static void add_group_member(const struct fixture *f, const char *address, const char *class,
                             const char *driver)
{
	char path[256], target[64];

	snprintf(path, sizeof(path), PCI "/%s/vendor", address);
	put_file(f, path, "0x10de\n");
	snprintf(path, sizeof(path), PCI "/%s/class", address);
	put_file(f, path, class);
	snprintf(path, sizeof(path), PCI "/%s/driver", address);
	snprintf(target, sizeof(target), "../../drivers/%s", driver);
	if (driver[0])
		put_link(f, path, target);
	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/7/devices/%s", address);
	put_link(f, path, "../../../../devices/x");
}

static void test_pci_group(void **state)
{
	const struct fixture *f = *state;
	_cleanup_strv_ struct strv others = {0};

	make_pf(f);
	put_link(f, "sys/kernel/iommu_groups/7/devices/" PF, "x");
	add_group_member(f, "0000:41:00.1", "0x040300", "snd_hda_intel");
	add_group_member(f, "0000:41:00.2", "0x0c0330", "vfio-pci");
	add_group_member(f, "0000:41:00.3", "0x0c8000", "");
	add_group_member(f, "0000:40:01.0", "0x060400", "shpchp");
	assert_int_equal(pci_group_others(f->tree, PF, &others), 0);
	assert_int_equal(others.n, 1);
	assert_string_equal(others.v[0], "0000:41:00.1");
}

static void test_pci_name(void **state)
{
	const struct fixture *f = *state;
	char name[64];

	assert_int_equal(pci_name(f->tree, 0x10de, 0x2335, name, sizeof(name)), -ENOENT);
	put_file(
		f, "usr/share/misc/pci.ids",
		"# list\n1002  AMD\n\t2335  Wrong vendor\n10de  NVIDIA Corporation\n\t2330  GH100 [H100]\n"
		"\t\t10de 2335  Subsystem\n# note\n\t2335  GH100 [H200 SXM 141GB]\n1234  Next\n\t9999  Other\n");
	assert_int_equal(pci_name(f->tree, 0x10de, 0x2335, name, sizeof(name)), 0);
	assert_string_equal(name, "GH100 [H200 SXM 141GB]");
	assert_int_equal(pci_name(f->tree, 0x10de, 0x9999, name, sizeof(name)), -ENOENT);
	assert_int_equal(pci_name(f->tree, 0x4321, 0x9999, name, sizeof(name)), -ENOENT);
}

static void test_sysfs(void **state)
{
	const struct fixture *f = *state;
	char buf[16], name[600];
	uint64_t v = 5;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	put_file(f, "sys/n", "0x20\n");
	put_file(f, "sys/t", "text\n");
	assert_int_equal(sysfs_read(f->tree, buf, sizeof(buf), "%s/%c", "sys", 't'), 4);
	assert_int_equal(sysfs_read_u64(f->tree, &v, "sys/%s", "n"), 0);
	assert_int_equal(v, 32);
	assert_int_equal(sysfs_read_u64(f->tree, &v, "sys/%s", "t"), -EINVAL);
	assert_int_equal(v, 32);
	assert_int_equal(sysfs_write(f->tree, "7", "sys/%s", "n"), 0);
	assert_content(f, "sys/n", "7");
	assert_int_equal(sysfs_write_deadline(f->tree, "8", 1000, "sys/%s", "n"), 0);
	assert_content(f, "sys/n", "8");
	assert_true(sysfs_exists(f->tree, "sys/%s", "n"));
	assert_false(sysfs_exists(f->tree, "sys/%s", name));
	assert_int_equal(sysfs_read(f->tree, buf, sizeof(buf), "%s", name), -ENAMETOOLONG);
}

#define T(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_new),
		T(test_read),
		T(test_escape),
		T(test_list),
		T(test_readlink),
		T(test_write),
		T(test_write_blocks),
		T(test_write_child_keeps_nothing),
		T(test_put),
		T(test_mkdir_remove),
		T(test_run),
		T(test_run_timeout),
		T(test_run_daemon),
		T(test_spawn),
		T(test_spawn_forwards),
		T(test_pid_alive),
		T(test_open_devices_real),
		T(test_open_devices),
		T(test_nvml),
		T(test_lock),
		T(test_pci_read),
		T(test_pci_num_vfs),
		T(test_pci_bind),
		T(test_pci_group),
		T(test_pci_name),
		T(test_sysfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
