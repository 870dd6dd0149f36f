/* SPDX-License-Identifier: MIT */
/* Directories that appear as a whole or not at all: they are made beside their place and renamed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/files.h"
#include "platform/platform.h"

#define WALK_DEPTH 16

int directory_prepare(const char *path, char *buf, size_t size, struct ofbc_error *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int n = (int)(name - path), r;

	if ((size_t)snprintf(buf, size, "%.*s.%s.XXXXXX", n, path, name) >= size)
		return error_set(err, ENAMETOOLONG, OFBC_REASON_USAGE,
		                 "the name of the directory is too long");
	if (slash && slash != path) {
		_cleanup_free_ char *parent = strndup(path, (size_t)(slash - path));

		r = parent ? directory_make(parent, err) : -ENOMEM;
		if (r < 0)
			return r;
	}
	if (mkdtemp(buf) && chmod(buf, 0755) == 0)
		return 0;
	r = -errno;
	error_set_errno(err, -r, "cannot make a directory beside '%s'", path);
	error_hint(err, "name a place where you may write");
	return r;
}

/* Where the file system cannot exchange two names there is a moment without a directory, but never half a
 * one. */
static int exchange(const char *prepared, const char *path)
{
	char old[PATH_MAX];
	int r;

	if (renameat2(AT_FDCWD, prepared, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if ((size_t)snprintf(old, sizeof(old), "%s.old", prepared) >= sizeof(old))
		return -ENAMETOOLONG;
	if (rename(path, old) < 0)
		return -errno;
	if (rename(prepared, path) < 0) {
		r = -errno;
		return rename(old, path) < 0 ? -errno : r;
	}
	return rename(old, prepared) < 0 ? -errno : 0;
}

int directory_replace(const char *prepared, const char *path, struct ofbc_error *err)
{
	int r = rename(prepared, path) < 0 ? -errno : 0;

	if (r == -ENOTEMPTY || r == -EEXIST) {
		r = exchange(prepared, path);
		if (r == 0)
			scratch_remove(prepared);
	}
	return r < 0 ? error_set_errno(err, -r, "cannot put a directory at '%s'", path) : 0;
}

static int walk(const char *root, const char *below, unsigned depth, struct strv *ret)
{
	_cleanup_free_ char *full = NULL;
	const struct dirent *e;
	int r = 0;
	DIR *d;

	if (asprintf(&full, "%s/%s", root, below) < 0)
		return -ENOMEM;
	d = depth < WALK_DEPTH ? opendir(full) : NULL;
	if (!d)
		return depth < WALK_DEPTH ? -errno : -ELOOP;
	while (r == 0 && (e = readdir(d))) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (asprintf(&path, "%s%s%s", below, below[0] ? "/" : "", e->d_name) < 0)
			r = -ENOMEM;
		else if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
		else
			r = S_ISDIR(st.st_mode) ? walk(root, path, depth + 1, ret) : strv_add(ret, path);
	}
	closedir(d);
	return r;
}

int directory_walk(const char *path, struct strv *ret)
{
	int r = walk(path, "", 0, ret);

	strv_sort(ret);
	return r;
}
