/* SPDX-License-Identifier: MIT */
#include "platform/files.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

int file_read(const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_fclose_ FILE *f = fopen(path, "rbe");
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(max);
	char piece[16384];
	size_t n;
	int r;

	if (!f)
		return -errno;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		strbuf_addn(&b, piece, n);
	if (ferror(f))
		return -EIO;
	strbuf_add(&b, "");
	*ret_len = b.len;
	r = strbuf_take(&b, ret);
	return r == -E2BIG ? -EFBIG : r;
}

int file_read_end(const char *path, char *buf, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "rbe");

	buf[0] = '\0';
	if (!f)
		return -errno;
	if (fseek(f, -(long)(size - 1), SEEK_END) < 0)
		rewind(f);
	buf[fread(buf, 1, size - 1, f)] = '\0';
	return 0;
}

bool file_is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t file_time_s(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_mtime : 0;
}

bool program_is_there(const char *name)
{
	const char *path = getenv("PATH");
	char full[PATH_MAX];

	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		if ((size_t)snprintf(full, sizeof(full), "%.*s/%s", n ? (int)n : 1, n ? path : ".", name) <
		            sizeof(full) &&
		    access(full, X_OK) == 0)
			return true;
	}
	return false;
}

int program_directory(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash || (size_t)n == size - 1)
		return -ENAMETOOLONG;
	slash[slash == buf] = '\0';
	return 0;
}

char *path_with(const char *directory)
{
	const char *path = getenv("PATH");
	char *both;

	return asprintf(&both, "%s:%s", directory, path ? path : "/usr/bin:/bin") < 0 ? NULL : both;
}

int path_real(const char *path, char **ret)
{
	char *real = realpath(path, NULL);

	if (!real)
		return -errno;
	*ret = real;
	return 0;
}

int directory_list(const char *path, struct strv *ret)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	int r = 0;

	if (!d)
		return -errno;
	while (r == 0 && (e = readdir(d))) {
		if (e->d_name[0] != '.')
			r = strv_add(ret, e->d_name);
	}
	closedir(d);
	strv_sort(ret);
	return r;
}

int scratch_new(const char *name, char *buf, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	struct stat st;

	if ((size_t)snprintf(buf, size, "%s/openforbc-%s", tmp && tmp[0] ? tmp : "/tmp", name) >= size)
		return -ENAMETOOLONG;
	if (mkdir(buf, 0700) == 0)
		return 0;
	if (errno != EEXIST || lstat(buf, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() ? 0 : -EEXIST;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void scratch_remove(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

bool is_root(void)
{
	return geteuid() == 0;
}

unsigned online_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

bool has_display(void)
{
	const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	return (x && x[0]) || (wayland && wayland[0]);
}

void host_name(char *buf, size_t size)
{
	if (gethostname(buf, size) < 0)
		buf[0] = '\0';
	buf[size - 1] = '\0';
}

uint64_t random_seed(void)
{
	uint64_t seed;

	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? seed : (uint64_t)getpid();
}
