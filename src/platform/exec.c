/* SPDX-License-Identifier: MIT */
/* Running programs: a helper with a deadline, and the user's own on a partition. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "platform/linux.h"

#define TERM_GRACE_MS 2000
#define KILL_GRACE_MS 500 /* a program that survives SIGKILL so long sleeps in the kernel: left behind */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool has_name_of(const char *const *env, const char *entry)
{
	size_t n = strcspn(entry, "=");

	for (; env && *env; env++) {
		if (strncmp(*env, entry, n) == 0 && (*env)[n] == '=')
			return true;
	}
	return false;
}

static bool is_dropped(const char *const *drop, const char *entry)
{
	size_t n = strcspn(entry, "=");

	for (; drop && *drop; drop++) {
		if (strlen(*drop) == n && strncmp(*drop, entry, n) == 0)
			return true;
	}
	return false;
}

/* Our environment without some, with env on top; made before the fork, since a child of threads must not
 * allocate. The strings are borrowed. */
char **exec_environment(const char *const *env, const char *const *drop)
{
	size_t n = 1;
	char **all;

	for (size_t i = 0; environ && environ[i]; i++)
		n++;
	for (size_t i = 0; env && env[i]; i++)
		n++;
	all = calloc(n, sizeof(*all));
	if (!all)
		return NULL;
	n = 0;
	for (size_t i = 0; environ && environ[i]; i++) {
		if (!has_name_of(env, environ[i]) && !is_dropped(drop, environ[i]))
			all[n++] = environ[i];
	}
	for (size_t i = 0; env && env[i]; i++)
		all[n++] = (char *)(uintptr_t)env[i];
	return all;
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* In the child: an errno goes back through a close-on-exec pipe. */
void exec_fail(int error_fd, int e)
{
	_exit(write(error_fd, &e, sizeof(e)) == sizeof(e) ? 127 : 126);
}

/* One unreadable directory in PATH makes EACCES of what is just not installed. */
static bool is_in_path(const char *name)
{
	const char *path = getenv("PATH");
	char full[PATH_MAX];

	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		struct stat st;
		int len;

		n = strcspn(path, ":");
		len = snprintf(full, sizeof(full), "%.*s/%s", n ? (int)n : 1, n ? path : ".", name);
		if (len > 0 && (size_t)len < sizeof(full) && stat(full, &st) == 0)
			return true;
	}
	return false;
}

int exec_program(char *const argv[], char *const env[])
{
	sigset_t none;
	int e;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvpe(argv[0], argv, env);
	e = errno;
	if (e == EACCES && !strchr(argv[0], '/') && !is_in_path(argv[0]))
		e = ENOENT;
	return -e;
}

void exec_child(char *const argv[], char *const env[], int error_fd)
{
	exec_fail(error_fd, -exec_program(argv, env));
}

/* 0 when exec succeeded (the pipe was closed by it), else -errno of the child. */
int exec_error(int fd)
{
	int e = 0;
	ssize_t n;

	do {
		n = read(fd, &e, sizeof(e));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(e) ? -e : 0;
}

/* A descriptor that is readable once the process ended; -1 where the kernel has none: then we look often. */
static int pid_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool has_ended_within(pid_t pid, int pid_fd, unsigned timeout_ms, int *ret_status)
{
	uint64_t end = now_ms() + timeout_ms;

	while (waitpid(pid, ret_status, WNOHANG) == 0) {
		struct pollfd pfd = {.fd = pid_fd, .events = POLLIN};
		uint64_t now = now_ms();

		if (now >= end)
			return false;
		poll(&pfd, 1, pid_fd >= 0 ? (int)(end - now) : 5);
	}
	return true;
}

/* The whole group gets the signals, because helpers are often scripts. */
static void end_group(pid_t pid, int pid_fd)
{
	int status;

	kill(-pid, SIGTERM);
	if (!has_ended_within(pid, pid_fd, TERM_GRACE_MS, &status)) {
		kill(-pid, SIGKILL);
		has_ended_within(pid, pid_fd, KILL_GRACE_MS, &status);
		return;
	}
	kill(-pid, SIGKILL);
}

/* One piece of output; what does not fit is read and dropped, so that the program does not block on us.
 * False at the end of the stream or when nothing is there. */
static bool read_some(int fd, struct command_result *ret, size_t *len)
{
	size_t room = sizeof(ret->out) - 1 - *len;
	char cut[1024];
	ssize_t n = room ? read(fd, ret->out + *len, room) : read(fd, cut, sizeof(cut));

	if (n > 0 && room)
		*len += (size_t)n;
	return n > 0 || (n < 0 && errno == EINTR);
}

static int poll_time(bool has_pid_fd, unsigned timeout_ms, uint64_t end)
{
	uint64_t now = now_ms();
	int left = timeout_ms == 0 ? -1 : now >= end ? 0 : end - now > 60000 ? 60000 : (int)(end - now);

	return has_pid_fd ? left : left < 0 || left > 10 ? 10 : left;
}

/* Collects output until the program is gone or the deadline passes. A daemon that it left behind and that
 * keeps the pipe open does not hold us: the exit of the program itself ends the wait. */
static int collect(pid_t pid, int out_fd, unsigned timeout_ms, struct command_result *ret)
{
	_cleanup_close_ int pid_fd = pid_open(pid);
	uint64_t end = now_ms() + timeout_ms;
	size_t len = 0;
	int status = 0, r = 0;

	for (;;) {
		struct pollfd fds[2] = {{.fd = out_fd, .events = POLLIN}, {.fd = pid_fd, .events = POLLIN}};

		poll(fds, 2, poll_time(pid_fd >= 0, timeout_ms, end));
		if (fds[0].revents && !read_some(out_fd, ret, &len))
			out_fd = -1;
		if (waitpid(pid, &status, WNOHANG) != 0)
			break;
		if (timeout_ms && now_ms() >= end) {
			end_group(pid, pid_fd);
			r = -ETIMEDOUT;
			break;
		}
	}
	/* What was written before the end is in the pipe now. */
	for (struct pollfd last = {.fd = out_fd, .events = POLLIN}; out_fd >= 0 && poll(&last, 1, 0) > 0;) {
		if (len == sizeof(ret->out) - 1 || !read_some(out_fd, ret, &len))
			break;
	}
	ret->out[len] = '\0';
	ret->status = exit_status(status);
	return r;
}

static pid_t start(const struct command *cmd, char *const env[], int in_fd, int out_fd, int error_fd)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	setpgid(0, 0);
	if (dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(out_fd, 2) < 0 ||
	    (cmd->directory && chdir(cmd->directory) < 0))
		exec_fail(error_fd, errno);
	exec_child((char *const *)(uintptr_t)cmd->argv, env, error_fd);
}

/* The input is small (commands of a control program): it fits into the pipe. */
static int input_fd(const char *input)
{
	_cleanup_close_ int r = -1, w = -1;
	int fds[2];
	size_t n = input ? strlen(input) : 0;

	if (!input) {
		r = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return r < 0 ? -errno : steal_fd(&r);
	}
	if (n > 4096)
		return -E2BIG;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = fds[0];
	w = fds[1];
	return write(w, input, n) == (ssize_t)n ? steal_fd(&r) : -EIO;
}

int command_run(const struct command *cmd, struct command_result *ret)
{
	_cleanup_close_ int in = -1, out_r = -1, out_w = -1, err_r = -1, err_w = -1;
	_cleanup_free_ char **env = NULL;
	int out[2], err[2], r;
	pid_t pid;

	ret->status = 0;
	ret->out[0] = '\0';
	env = exec_environment(cmd->env, NULL);
	if (!env)
		return -ENOMEM;
	in = input_fd(cmd->input);
	if (in < 0)
		return in;
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	out_r = out[0];
	out_w = out[1];
	if (pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	err_r = err[0];
	err_w = err[1];
	pid = start(cmd, env, in, out_w, err_w);
	if (pid < 0)
		return pid;
	close(steal_fd(&out_w));
	close(steal_fd(&err_w));
	r = exec_error(err_r);
	if (r < 0) {
		waitpid(pid, NULL, 0);
		return r;
	}
	return collect(pid, out_r, cmd->timeout_ms, ret);
}

/* "0-3,8" to a set; -EINVAL. */
int exec_cpus(const char *s, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	while (*s) {
		char *end;
		unsigned long a = strtoul(s, &end, 10), b = a;

		if (end == s || *s == '-' || *s == '+')
			return -EINVAL;
		if (*end == '-') {
			const char *second = end + 1;

			b = strtoul(second, &end, 10);
			if (end == second)
				return -EINVAL;
		}
		if (b < a || b >= CPU_SETSIZE)
			return -EINVAL;
		for (; a <= b; a++)
			CPU_SET(a, ret);
		if (*end == ',')
			end++;
		else if (*end)
			return -EINVAL;
		s = end;
	}
	return CPU_COUNT(ret) ? 0 : -EINVAL;
}

static int join_cgroup(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)getpid());

	return write(fd, text, (size_t)n) == n ? 0 : -errno;
}

/* The wait of spawn: the terminal signals its whole foreground group, so SIGINT and SIGQUIT reach the
 * program without us; what is sent to us alone (SIGTERM of a supervisor) is handed on. */
static int wait_and_forward(pid_t pid, const sigset_t *forward)
{
	_cleanup_close_ int pid_fd = pid_open(pid),
			    sig_fd = signalfd(-1, forward, SFD_CLOEXEC | SFD_NONBLOCK);
	int status = 0;

	while (pid_fd >= 0 && sig_fd >= 0 && waitpid(pid, &status, WNOHANG) == 0) {
		struct pollfd fds[2] = {{.fd = pid_fd, .events = POLLIN}, {.fd = sig_fd, .events = POLLIN}};
		struct signalfd_siginfo info;

		poll(fds, 2, -1);
		if (read(sig_fd, &info, sizeof(info)) == sizeof(info))
			kill(pid, (int)info.ssi_signo);
	}
	if (pid_fd >= 0 && sig_fd >= 0)
		return status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

struct spawn_signals {
	struct sigaction interrupt, quit;
	sigset_t mask, forward;
};

static void hold_signals(struct spawn_signals *s)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigemptyset(&s->forward);
	sigaddset(&s->forward, SIGTERM);
	sigaddset(&s->forward, SIGHUP);
	sigprocmask(SIG_BLOCK, &s->forward, &s->mask);
	sigaction(SIGINT, &ignore, &s->interrupt);
	sigaction(SIGQUIT, &ignore, &s->quit);
}

static void release_signals(const struct spawn_signals *s)
{
	sigaction(SIGINT, &s->interrupt, NULL);
	sigaction(SIGQUIT, &s->quit, NULL);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

int spawn_here(const struct spawn *s, int cgroup_fd, int *ret_status)
{
	_cleanup_free_ char **all = exec_environment(s->env, s->drop);
	_cleanup_close_ int err_r = -1, err_w = -1;
	struct spawn_signals signals;
	cpu_set_t set;
	int err[2], r = 0, status = 0;
	pid_t pid;

	if (!all)
		return -ENOMEM;
	if (s->cpus && exec_cpus(s->cpus, &set) < 0)
		return -EINVAL;
	if (pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	err_r = err[0];
	err_w = err[1];
	hold_signals(&signals);
	pid = fork();
	if (pid < 0)
		r = -errno;
	if (pid == 0) {
		release_signals(&signals);
		if (cgroup_fd >= 0)
			r = join_cgroup(cgroup_fd);
		if (r == 0 && s->cpus && sched_setaffinity(0, sizeof(set), &set) < 0)
			r = -errno;
		if (r < 0)
			exec_fail(err_w, -r);
		exec_child(s->argv, all, err_w);
	}
	close(steal_fd(&err_w));
	if (pid > 0)
		r = exec_error(err_r);
	if (pid > 0)
		status = wait_and_forward(pid, &signals.forward);
	release_signals(&signals);
	if (r == 0)
		*ret_status = exit_status(status);
	return r;
}

int linux_spawn(struct platform *p, const struct spawn *s, int *ret_status)
{
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX];

	if (!linux_of(p)->is_real)
		return -ENOTSUP; /* the partitions of a file tree are not on this machine */
	if (s->cgroup) {
		if ((size_t)snprintf(path, sizeof(path), "%s/cgroup.procs", s->cgroup) >= sizeof(path))
			return -ENAMETOOLONG;
		fd = linux_open(linux_of(p), path, O_WRONLY, 0);
		if (fd < 0)
			return fd;
	}
	return spawn_here(s, fd, ret_status);
}

int linux_run(struct platform *p, const struct command *cmd, struct command_result *ret)
{
	if (!linux_of(p)->is_real)
		return -ENOENT;
	platform_debug(p, "run %s", cmd->argv[0]);
	return command_run(cmd, ret);
}
