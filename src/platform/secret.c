/* SPDX-License-Identifier: MIT */
/* A file that only its owner may read, and numbers that nobody guesses. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/files.h"

static int check_secret(const char *path, const struct stat *st, struct ofbc_error *err)
{
	if (!S_ISREG(st->st_mode)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no file", path);
		error_hint(
			err,
			"write the secret into a file: (umask 077; head -c 32 /dev/urandom | base64 >FILE)");
		return -EINVAL;
	}
	if (st->st_uid != geteuid() && st->st_uid != 0) {
		error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED,
		          "'%s' belongs to user %u, who could change it", path, (unsigned)st->st_uid);
		error_hint(err, "make a file of your own");
		return -EPERM;
	}
	if (st->st_mode & 077) {
		error_set(err, EPERM, OFBC_REASON_NOT_PERMITTED,
		          "'%s' may be read or changed by others: mode %03o", path,
		          (unsigned)(st->st_mode & 0777));
		error_hint(err, "chmod 600 %s; and a new secret, if others can have read it", path);
		return -EPERM;
	}
	return 0;
}

int secret_read(const char *path, size_t least, char *buf, size_t size, struct ofbc_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "%s", path);
	r = check_secret(path, &st, err);
	if (r < 0)
		return r;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return error_set_errno(err, errno, "%s", path);
	while (n > 0 && (unsigned char)buf[n - 1] <= ' ')
		n--;
	buf[n] = '\0';
	if ((size_t)n >= least && (size_t)n < size - 1 && !memchr(buf, '\0', (size_t)n))
		return 0;
	explicit_bzero(buf, size);
	error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' has a secret of %zd characters", path, n);
	error_hint(err, "from %zu to %zu are valid: (umask 077; head -c 32 /dev/urandom | base64 >%s)", least,
	           size - 2, path);
	return -EINVAL;
}

int random_bytes(void *buf, size_t len)
{
	return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -EIO;
}
