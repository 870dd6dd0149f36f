/* SPDX-License-Identifier: MIT */
/* A lock file that says who holds it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/platform.h"

static int busy_error(int fd, const char *path, struct ofbc_error *err)
{
	char who[64] = "";
	int pid;
	ssize_t n = pread(fd, who, sizeof(who) - 1, 0);

	who[n > 0 ? n : 0] = '\0';
	who[strcspn(who, "\n")] = '\0';
	error_set(err, EBUSY, OFBC_REASON_IN_USE, "another command is changing this host: %s",
	          who[0] ? who : "it did not say who it is");
	if (sscanf(who, "pid %d", &pid) == 1)
		error_hint(err, "wait for it, or look with `ps -p %d`; its lock '%s' vanishes with it", pid,
		           path);
	else
		error_hint(err, "wait for it, or look with `fuser -v %s`", path);
	return -EBUSY;
}

static void write_owner(int fd)
{
	char comm[32] = "", text[80];
	_cleanup_close_ int c = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = c >= 0 ? read(c, comm, sizeof(comm) - 1) : 0;

	comm[n > 0 ? n : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	n = snprintf(text, sizeof(text), "pid %d (%s)\n", (int)getpid(), comm);
	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) < 0)
		return; /* the name is only for the loser's message */
}

int lock_take(const char *path, unsigned timeout_ms, int *ret_fd, struct ofbc_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open the lock '%s'", path);
	for (unsigned waited = 0;; waited += 2) {
		struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};

		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			break;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(err, errno, "cannot lock '%s'", path);
		if (waited >= timeout_ms)
			return busy_error(fd, path, err);
		nanosleep(&pause, NULL);
	}
	write_owner(fd);
	*ret_fd = steal_fd(&fd);
	return 0;
}
