/* SPDX-License-Identifier: MIT */
/* Running programs: a helper with a deadline, and the user's own on a partition. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "platform/linux.h"

static void apply_env(const char *const *env)
{
	for (; env && *env; env++) {
		const char *eq = strchr(*env, '=');
		char name[128];

		if (!eq || (size_t)(eq - *env) >= sizeof(name))
			continue;
		memcpy(name, *env, (size_t)(eq - *env));
		name[eq - *env] = '\0';
		setenv(name, eq + 1, 1);
	}
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* In the child: errno goes back through a close-on-exec pipe when exec fails. */
static void exec_child(const char *const *argv, int error_fd)
{
	int e;

	execvp(argv[0], (char *const *)(uintptr_t)argv);
	e = errno;
	_exit(write(error_fd, &e, sizeof(e)) == sizeof(e) ? 127 : 126);
}

static int exec_error(int fd)
{
	int e = 0;

	return read(fd, &e, sizeof(e)) == sizeof(e) ? -e : 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Collects output until the program is gone or the deadline passes; a daemon that keeps the pipe open does
 * not hold us, because the exit of the program itself ends the wait. */
static int collect(pid_t pid, int out_fd, unsigned timeout_ms, struct command_result *ret)
{
	uint64_t start = now_ms();
	size_t len = 0;
	int status = 0;
	bool gone = false;

	for (;;) {
		struct pollfd pfd = {.fd = out_fd, .events = POLLIN};
		char cut[1024];
		int ready = poll(&pfd, 1, gone ? 0 : 10);

		if (ready > 0) {
			bool room = len < sizeof(ret->out) - 1;
			ssize_t n = read(out_fd, room ? ret->out + len : cut,
			                 room ? sizeof(ret->out) - 1 - len : sizeof(cut));

			if (n > 0 && room)
				len += (size_t)n;
			if (n > 0)
				continue;
			out_fd = -1;
		}
		if (gone)
			break;
		if (waitpid(pid, &status, WNOHANG) == pid) {
			gone = true;
			continue;
		}
		if (timeout_ms && now_ms() - start > timeout_ms) {
			kill(-pid, SIGTERM);
			for (int i = 0; i < 200 && waitpid(pid, &status, WNOHANG) != pid; i++)
				usleep(10000);
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			ret->out[len] = '\0';
			return -ETIMEDOUT;
		}
	}
	ret->out[len] = '\0';
	ret->status = exit_status(status);
	return 0;
}

static pid_t start(const struct command *cmd, int in_fd, int out_fd, int error_fd)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setpgid(0, 0);
	dup2(in_fd, 0);
	dup2(out_fd, 1);
	dup2(out_fd, 2);
	apply_env(cmd->env);
	signal(SIGPIPE, SIG_DFL);
	exec_child(cmd->argv, error_fd);
	_exit(126);
}

/* The input is small (commands of a control program): it fits into the pipe. */
static int input_fd(const char *input)
{
	int fds[2];
	size_t n = input ? strlen(input) : 0;

	if (!input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (n > 4096 || pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	if (write(fds[1], input, n) != (ssize_t)n) {
		close(fds[0]);
		fds[0] = -1;
	}
	close(fds[1]);
	return fds[0];
}

int linux_run(struct platform *p, const struct command *cmd, struct command_result *ret)
{
	_cleanup_close_ int in = -1, out_r = -1, err_r = -1;
	int out[2], err[2], r;
	pid_t pid;

	ret->status = 0;
	ret->out[0] = '\0';
	if (!linux_of(p)->is_real)
		return -ENOENT;
	in = input_fd(cmd->input);
	if (in < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -EIO;
	out_r = out[0];
	if (pipe2(err, O_CLOEXEC) < 0) {
		close(out[1]);
		return -EIO;
	}
	err_r = err[0];
	platform_debug(p, "run %s", cmd->argv[0]);
	pid = start(cmd, in, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (pid < 0)
		return -EAGAIN;
	r = exec_error(err_r);
	if (r < 0) {
		waitpid(pid, NULL, 0);
		return r;
	}
	return collect(pid, out_r, cmd->timeout_ms, ret);
}

/* "0-3,8" to a set; -EINVAL. */
static int parse_cpus(const char *s, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	while (*s) {
		char *end;
		unsigned long a = strtoul(s, &end, 10), b = a;

		if (end == s)
			return -EINVAL;
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		for (; a <= b && a < CPU_SETSIZE; a++)
			CPU_SET(a, ret);
		if (*end == ',')
			end++;
		else if (*end)
			return -EINVAL;
		s = end;
	}
	return CPU_COUNT(ret) ? 0 : -EINVAL;
}

static int prepare_child(int cgroup_fd, const char *cpus)
{
	cpu_set_t set;

	if (cgroup_fd >= 0 && write(cgroup_fd, "0", 1) != 1)
		return errno;
	if (cpus && (parse_cpus(cpus, &set) < 0 || sched_setaffinity(0, sizeof(set), &set) < 0))
		return EINVAL;
	return 0;
}

int spawn_here(char *const argv[], const char *const *env, int cgroup_fd, const char *cpus,
               void (*before_wait)(void *data, int pid), void *data, int *ret_status)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_quit;
	int err[2], status = 0, r;
	pid_t pid;

	if (pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	/* The terminal signals the whole group: the program decides, we only wait. */
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	pid = fork();
	if (pid == 0) {
		int e;

		sigaction(SIGINT, &old_int, NULL);
		sigaction(SIGQUIT, &old_quit, NULL);
		signal(SIGPIPE, SIG_DFL);
		apply_env(env);
		e = prepare_child(cgroup_fd, cpus);
		if (e)
			_exit(write(err[1], &e, sizeof(e)) == sizeof(e) ? 126 : 125);
		exec_child((const char *const *)argv, err[1]);
	}
	r = pid < 0 ? -errno : 0;
	close(err[1]);
	if (r == 0)
		r = exec_error(err[0]);
	close(err[0]);
	if (r == 0 && before_wait)
		before_wait(data, pid);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	if (r == 0)
		*ret_status = exit_status(status);
	return r;
}

int linux_spawn(struct platform *p, char *const argv[], const char *const *env, const char *cgroup,
                const char *cpus, int *ret_status)
{
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX];

	if (cgroup) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
		fd = linux_open(linux_of(p), path, O_WRONLY, 0);
		if (fd < 0)
			return fd;
	}
	return spawn_here(argv, env, fd, cpus, NULL, NULL, ret_status);
}
