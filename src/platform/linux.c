/* SPDX-License-Identifier: MIT */
/*
 * The real host, or a tree with the same shape: every path is opened below a root descriptor with
 * RESOLVE_IN_ROOT, so that no link leads out of a tree.
 */
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/linux.h"
#include "platform/nvml.h"

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

int linux_open(const struct linux_platform *l, const char *path, int flags, unsigned mode)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT, .mode = mode};
	long fd = -1;

	/* EAGAIN: something was renamed or mounted while a ".." of a sysfs link was followed. */
	for (int i = 0; i < 100 && fd < 0; i++) {
		fd = syscall(SYS_openat2, l->root_fd, path[0] ? path : ".", &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN && errno != EINTR)
			break;
	}
	/* Sandboxes without the call: on the real host there is nothing to stay inside of. */
	if (fd < 0 && errno == ENOSYS && l->is_real)
		fd = openat(l->root_fd, path[0] ? path : ".", flags | O_CLOEXEC, mode);
	return fd < 0 ? -errno : (int)fd;
}

static ssize_t do_read(struct platform *p, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = linux_open(linux_of(p), path, O_RDONLY | O_NONBLOCK, 0);
	size_t n = 0;

	if (fd < 0)
		return fd;
	if (size == 0)
		return -EINVAL;
	while (n < size - 1) {
		ssize_t r = read(fd, buf + n, size - 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return (ssize_t)n;
}

static uint64_t do_now(struct platform *p)
{
	struct timespec t;

	(void)p;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void do_sleep(struct platform *p, unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)p;
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static void do_sleep_until(struct platform *p, uint64_t at_ns)
{
	struct timespec t = {.tv_sec = (time_t)(at_ns / 1000000000u), .tv_nsec = (long)(at_ns % 1000000000u)};

	(void)p;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static uint64_t do_thread_cpu(struct platform *p)
{
	struct timespec t;

	(void)p;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A tree is another machine's, whose processor is not ours. */
static int do_cpuid(struct platform *p, uint32_t leaf, uint32_t ret[4])
{
#if defined(__x86_64__) || defined(__i386__)
	if (!linux_of(p)->is_real)
		return -ENOTSUP;
	__cpuid(leaf, ret[0], ret[1], ret[2], ret[3]);
	return 0;
#else
	(void)p;
	(void)leaf;
	(void)ret;
	return -ENOTSUP;
#endif
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO; /* an attribute takes the whole value at once or refuses it */
}

static int write_now(const struct linux_platform *l, const char *path, const char *value)
{
	_cleanup_close_ int fd = linux_open(l, path, O_WRONLY | O_TRUNC, 0);

	return fd < 0 ? fd : write_all(fd, value);
}

/* A child that is stuck in the kernel keeps what it has open even after SIGKILL: our lock, the caller's
 * pipe, the GPU. So it keeps only the two descriptors that it needs. */
static void close_all_but(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (low > 0)
		close_range(0, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0u, 0);
}

/* Waits for readable or the deadline; a signal does not shorten it. */
static bool is_readable_within(int fd, unsigned timeout_ms)
{
	uint64_t end = do_now(NULL) + (uint64_t)timeout_ms * 1000000u;

	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		uint64_t now = do_now(NULL);
		int n = poll(&pfd, 1, now < end ? (int)((end - now + 999999) / 1000000u) : 0);

		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			return false;
	}
}

/* Ends a child that did not finish. It may be in an uninterruptible sleep: then it is left behind. */
static void give_up_child(pid_t pid)
{
	kill(pid, SIGKILL);
	for (int i = 0; i < 20 && waitpid(pid, NULL, WNOHANG) == 0; i++)
		do_sleep(NULL, 5);
}

/* The kernel may sleep for ever in the write: a child does it, and is left behind at the deadline. */
static int write_in_child(const struct linux_platform *l, const char *path, const char *value,
                          unsigned timeout_ms)
{
	_cleanup_close_ int result = -1;
	int fds[2], r = -EIO;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	result = fds[0];
	pid = fork();
	if (pid < 0)
		r = -errno;
	if (pid == 0) {
		close_all_but(l->root_fd, fds[1]);
		r = write_now(l, path, value);
		_exit(write(fds[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
	}
	close(fds[1]);
	if (pid < 0)
		return r;
	if (!is_readable_within(result, timeout_ms)) {
		give_up_child(pid);
		return -ETIMEDOUT;
	}
	if (read(result, &r, sizeof(r)) != sizeof(r))
		r = -EIO;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int do_write(struct platform *p, const char *path, const char *value, unsigned timeout_ms)
{
	platform_debug(p, "write '%s' to /%s", value, path);
	return timeout_ms ? write_in_child(linux_of(p), path, value, timeout_ms)
	                  : write_now(linux_of(p), path, value);
}

static int do_list(struct platform *p, const char *path, struct strv *ret)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_(closedir_p) DIR *d = NULL;
	struct dirent *e;
	int fd = linux_open(linux_of(p), path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	for (errno = 0; (e = readdir(d)); errno = 0) {
		if (e->d_name[0] != '.' && strv_add(&names, e->d_name) < 0)
			return -ENOMEM;
	}
	if (errno)
		return -errno;
	strv_sort(&names);
	*ret = names;
	names = (struct strv){0};
	return 0;
}

static ssize_t do_readlink(struct platform *p, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = linux_open(linux_of(p), path, O_PATH | O_NOFOLLOW, 0);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", buf, size);
	if (n < 0)
		return errno == ENOENT ? -EINVAL : -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}

static bool do_exists(struct platform *p, const char *path)
{
	_cleanup_close_ int fd = linux_open(linux_of(p), path, O_PATH, 0);

	return fd >= 0;
}

/* --- own files below run_dir --- */

static bool has_dot_dot(const char *path)
{
	for (const char *c = path; c; c = strchr(c, '/'), c += c != NULL) {
		if (c[0] == '.' && c[1] == '.' && (c[2] == '/' || c[2] == '\0'))
			return true;
	}
	return false;
}

static bool is_own(const struct platform *p, const char *path)
{
	static const char cgroup[] = "sys/fs/cgroup/openforbc";
	size_t n = strlen(p->run_dir);

	if (has_dot_dot(path))
		return false;
	return (strncmp(path, p->run_dir, n) == 0 && (path[n] == '/' || path[n] == '\0')) ||
	       strncmp(path, cgroup, sizeof(cgroup) - 1) == 0;
}

/* Opens the directory of path, made with its parents; *ret_name is the last component. */
static int open_parent(const struct linux_platform *l, const char *path, bool make, const char **ret_name)
{
	char part[SYSFS_PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	*ret_name = slash ? slash + 1 : path;
	for (size_t i = 1; make && i <= len; i++) {
		_cleanup_close_ int parent = -1;
		const char *name;

		if (path[i] != '/' && i != len)
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		parent = open_parent(l, part, false, &name);
		if (parent < 0)
			return parent;
		if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	memcpy(part, path, len);
	part[len] = '\0';
	return linux_open(l, part, O_PATH | O_DIRECTORY, 0);
}

static int do_mkdir(struct platform *p, const char *path)
{
	const char *name;
	_cleanup_close_ int parent = -1;

	if (!is_own(p, path))
		return -EPERM;
	parent = open_parent(linux_of(p), path, true, &name);
	if (parent < 0)
		return parent;
	return mkdirat(parent, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int do_put(struct platform *p, const char *path, const char *content)
{
	char tmp[32];
	const char *name;
	_cleanup_close_ int parent = -1, fd = -1;
	int r;

	if (!is_own(p, path))
		return -EPERM;
	parent = open_parent(linux_of(p), path, true, &name);
	if (parent < 0)
		return parent;
	snprintf(tmp, sizeof(tmp), ".tmp-%d", (int)gettid());
	fd = openat(parent, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	r = write_all(fd, content);
	if (r == 0 && renameat(parent, tmp, parent, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(parent, tmp, 0);
	return r;
}

static int do_remove(struct platform *p, const char *path)
{
	const char *name;
	_cleanup_close_ int parent = -1;

	if (!is_own(p, path))
		return -EPERM;
	parent = open_parent(linux_of(p), path, false, &name);
	if (parent < 0)
		return parent;
	if (unlinkat(parent, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* --- the rest of the doors --- */

static int do_nvml(struct platform *p, const struct nvml_api **ret, struct ofbc_error *err)
{
	if (!linux_of(p)->is_real)
		return error_set(err, ENOENT, OFBC_REASON_NOT_SUPPORTED,
		                 "NVML is not available in a file tree");
	return nvml_load(ret, err);
}

/* A zombie has ended: only its parent has not looked yet. */
static bool is_zombie(struct platform *p, int pid)
{
	char path[64], text[256];
	const char *end;

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	if (do_read(p, path, text, sizeof(text)) < 0)
		return false;
	end = strrchr(text, ')'); /* the name before it may hold anything */
	return end && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
}

static bool do_pid_alive(struct platform *p, int pid, const char *comm)
{
	char path[64], name[64];

	snprintf(path, sizeof(path), "proc/%d/comm", pid);
	if (pid <= 0 || do_read(p, path, name, sizeof(name)) < 0)
		return false;
	return (!comm || strncmp(name, comm, 15) == 0) && !is_zombie(p, pid); /* the kernel keeps 15 */
}

static void do_close(struct platform *p)
{
	struct linux_platform *l = linux_of(p);

	close(l->root_fd);
	free(l);
}

static const struct platform_ops linux_ops = {
	.read = do_read,
	.write = do_write,
	.list = do_list,
	.readlink = do_readlink,
	.exists = do_exists,
	.put = do_put,
	.remove = do_remove,
	.mkdir = do_mkdir,
	.run = linux_run,
	.spawn = linux_spawn,
	.confine = linux_confine,
	.unconfine = linux_unconfine,
	.open_devices = linux_open_devices,
	.nvml = do_nvml,
	.libvirt = platform_libvirt,
	.now_ns = do_now,
	.sleep_ms = do_sleep,
	.sleep_until_ns = do_sleep_until,
	.thread_cpu_ns = do_thread_cpu,
	.cpuid = do_cpuid,
	.pid_alive = do_pid_alive,
	.close = do_close,
};

static bool is_ours_alone(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

/* Run-time files of an ordinary user; /tmp only below a directory that is ours alone. After `su` the
 * variable may still name the directory of somebody else. */
static int default_run_dir(const struct linux_platform *l, char *buf, size_t size, struct ofbc_error *err)
{
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");
	bool use_xdg = xdg && xdg[0] == '/' && strlen(xdg) < size - 16 && is_ours_alone(xdg);
	char path[512];

	if (!l->is_real || geteuid() == 0) {
		snprintf(buf, size, "run/openforbc");
		return 0;
	}
	if (use_xdg)
		snprintf(path, sizeof(path), "%s/openforbc", xdg);
	else
		snprintf(path, sizeof(path), "/tmp/openforbc-%u", (unsigned)geteuid());
	if ((mkdir(path, 0700) < 0 && errno != EEXIST) || !is_ours_alone(path)) {
		error_set(err, EACCES, OFBC_REASON_NOT_PERMITTED, "'%s' is not a directory of yours alone",
		          path);
		error_hint(err, "look with `ls -ld %s` and remove it", path);
		return -EACCES;
	}
	snprintf(buf, size, "%s", path + 1);
	return 0;
}

static int choose_run_dir(struct linux_platform *l, const char *run_dir, struct ofbc_error *err)
{
	size_t size = sizeof(l->base.run_dir);

	if (!run_dir)
		return default_run_dir(l, l->base.run_dir, size, err);
	if (run_dir[0] != '/' || !run_dir[1] || has_dot_dot(run_dir))
		return error_set(err, EINVAL, OFBC_REASON_USAGE,
		                 "run-time directory '%s' must be an absolute path without '..'", run_dir);
	if ((size_t)snprintf(l->base.run_dir, size, "%s", run_dir + 1) >= size)
		return error_set(err, ENAMETOOLONG, OFBC_REASON_USAGE, "run-time directory name is too long");
	return 0;
}

int platform_linux_new(const char *root_dir, const char *run_dir, struct platform **ret,
                       struct ofbc_error *err)
{
	_cleanup_free_ struct linux_platform *l = calloc(1, sizeof(*l));
	_cleanup_close_ int fd = open(root_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int e = errno, r;

	if (!l)
		return error_set(err, ENOMEM, OFBC_REASON_FAILED, "out of memory");
	if (fd < 0)
		return error_set_errno(err, e, "cannot open '%s'", root_dir);
	l->is_real = strcmp(root_dir, "/") == 0;
	l->root_fd = fd;
	l->base.ops = &linux_ops;
	l->base.privileged = l->is_real ? geteuid() == 0 : faccessat(fd, ".", W_OK, AT_EACCESS) == 0;
	if (!l->is_real)
		snprintf(l->base.real_root, sizeof(l->base.real_root), "%s", root_dir);
	r = choose_run_dir(l, run_dir, err);
	if (r < 0)
		return r;
	steal_fd(&fd);
	*ret = &steal_ptr(l)->base;
	return 0;
}
