/* SPDX-License-Identifier: MIT */
/* Where our own files live in the real file system, how they are written, and the wall clock for their dates.
 */
#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/files.h"

int state_dir_find(const char *option, char *buf, size_t size, struct ofbc_error *err)
{
	const char *xdg = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
	int n;

	if (option && option[0])
		n = snprintf(buf, size, "%s", option);
	else if (geteuid() == 0)
		n = snprintf(buf, size, "/var/lib/openforbc");
	else if (xdg && xdg[0] == '/')
		n = snprintf(buf, size, "%s/openforbc", xdg);
	else if (home && home[0] == '/')
		n = snprintf(buf, size, "%s/.local/state/openforbc", home);
	else
		return error_set(err, ENOENT, OFBC_REASON_USAGE,
		                 "no state directory: neither HOME nor XDG_STATE_HOME is set");
	if (n < 0 || (size_t)n >= size)
		return error_set(err, ENAMETOOLONG, OFBC_REASON_USAGE, "state directory name is too long");
	return 0;
}

/* mkdir -p, and may we write there? `what` and the hint are for the messages. */
static int make_dir(const char *path, const char *what, const char *hint, struct ofbc_error *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' cannot be a %s", path, what);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST) {
			int e = errno;

			error_set_errno(err, e, "cannot make the %s '%s'", what, part);
			error_hint(err, "%s", hint);
			return -e;
		}
	}
	if (access(path, W_OK) < 0) {
		int e = errno;

		error_set_errno(err, e, "cannot write to the %s '%s'", what, path);
		error_hint(err, "%s", hint);
		return -e;
	}
	return 0;
}

int state_dir_make(const char *path, struct ofbc_error *err)
{
	return make_dir(path, "state directory",
	                "run as root, or name a directory of your own with --state DIR", err);
}

#define DIRECTORY_HINT "run the same command with sudo, or name a directory of your own"

int directory_make(const char *path, struct ofbc_error *err)
{
	return make_dir(path, "directory", DIRECTORY_HINT, err);
}

static int write_synced(int fd, const char *text)
{
	for (size_t len = strlen(text); len > 0;) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static bool has_content(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t len = strlen(text);
	_cleanup_free_ char *now = malloc(len + 1);
	ssize_t n = fd >= 0 && now ? read(fd, now, len + 1) : -1;

	return n >= 0 && (size_t)n == len && memcmp(now, text, len) == 0;
}

int file_replace(const char *dir, const char *name, const char *text, struct ofbc_error *err)
{
	_cleanup_close_ int dir_fd = -1, fd = -1;
	char tmp[64];
	int r = directory_make(dir, err);

	if (r < 0)
		return r;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", dir);
	if (has_content(dir_fd, name, text))
		return 1;
	/* Not a name that a reader of the directory takes for a finished file. */
	snprintf(tmp, sizeof(tmp), ".%.40s-%d", name, (int)getpid());
	unlinkat(dir_fd, tmp, 0);
	fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot write to '%s'", dir);
	r = fchmod(fd, 0644) < 0 ? -errno : write_synced(fd, text);
	if (r == 0 && renameat(dir_fd, tmp, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir_fd, tmp, 0);
		return error_set_errno(err, -r, "cannot write '%s/%s'", dir, name);
	}
	return fsync(dir_fd) < 0 ? error_set_errno(err, errno, "cannot write '%s'", dir) : 0;
}

int file_remove(const char *dir, const char *name, struct ofbc_error *err)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return error_set(err, ENAMETOOLONG, OFBC_REASON_USAGE,
		                 "the name of the directory is too long");
	if (unlink(path) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return 1;
	error_set_errno(err, errno, "cannot remove '%s'", path);
	error_hint(err, "run the same command with sudo");
	return err ? -err->code : -EIO;
}

int64_t wall_clock_s(void)
{
	return (int64_t)time(NULL);
}

uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One of both may carry a domain. */
bool is_this_machine(const char *host_name)
{
	struct utsname u;
	size_t n = strcspn(host_name, ".");

	return uname(&u) == 0 && strcspn(u.nodename, ".") == n && strncasecmp(u.nodename, host_name, n) == 0;
}
