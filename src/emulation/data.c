/* SPDX-License-Identifier: MIT */
/* Descriptions of models and hosts: compiled in, below $OPENFORBC_DATADIR, or a file of the user. */
#include "emulation/data.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "emulation/machine.h"

#define DATA_MAX ((off_t)16 << 20)

static int read_all(int fd, char *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

static int load_file(const char *path, char **ret_text, size_t *ret_len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > DATA_MAX)
		return -EINVAL;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = read_all(fd, text, (size_t)st.st_size);
	if (r < 0)
		return r;
	text[st.st_size] = '\0';
	*ret_len = (size_t)st.st_size;
	*ret_text = steal_ptr(text);
	return 0;
}

static int load_below(const char *dir, const char *path, char **ret_text, size_t *ret_len)
{
	char full[4096];
	int n = snprintf(full, sizeof(full), "%s/%s", dir, path);

	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	return load_file(full, ret_text, ret_len);
}

static int load_embedded(const char *path, char **ret_text, size_t *ret_len)
{
	for (const struct data_file *f = data_files; f->path; f++) {
		if (strcmp(f->path, path) != 0)
			continue;
		*ret_text = malloc(f->len + 1);
		if (!*ret_text)
			return -ENOMEM;
		memcpy(*ret_text, f->text, f->len);
		(*ret_text)[f->len] = '\0';
		*ret_len = f->len;
		return 0;
	}
	return -ENOENT;
}

static bool is_own_name(const char *path)
{
	return strncmp(path, "models/", 7) == 0 || strncmp(path, "hosts/", 6) == 0;
}

int data_load(const char *path, char **ret_text, size_t *ret_len)
{
	const char *dir = secure_getenv("OPENFORBC_DATADIR");
	int r;

	if (!is_own_name(path))
		return load_file(path, ret_text, ret_len);
	if (dir && *dir) {
		r = load_below(dir, path, ret_text, ret_len);
		if (r != -ENOENT)
			return r;
	}
	r = load_embedded(path, ret_text, ret_len);
	if (r == -ENOENT)
		r = load_below(OPENFORBC_DATADIR "/emulation", path, ret_text, ret_len);
	return r;
}

/* Adds "NAME" for DIR/NAME.json. */
static int add_name(struct strv *ret, const char *file)
{
	size_t len = strlen(file);
	char name[128];

	if (len <= 5 || len - 5 >= sizeof(name) || strcmp(file + len - 5, ".json") != 0)
		return 0;
	memcpy(name, file, len - 5);
	name[len - 5] = '\0';
	return strv_contains(ret, name) ? 0 : strv_add(ret, name);
}

static int list_files(const char *parent, const char *dir, struct strv *ret)
{
	char full[4096];
	int n = snprintf(full, sizeof(full), "%s/%s", parent, dir), r = 0;
	DIR *d;

	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	d = opendir(full);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	for (const struct dirent *e = readdir(d); e && r == 0; e = readdir(d))
		r = add_name(ret, e->d_name);
	closedir(d);
	return r;
}

int data_list(const char *dir, struct strv *ret)
{
	const char *extra = secure_getenv("OPENFORBC_DATADIR");
	size_t len = strlen(dir);
	int r = 0;

	for (const struct data_file *f = data_files; f->path && r == 0; f++)
		if (strncmp(f->path, dir, len) == 0 && f->path[len] == '/')
			r = add_name(ret, f->path + len + 1);
	if (r == 0 && extra && *extra)
		r = list_files(extra, dir, ret);
	if (r == 0)
		strv_sort(ret);
	return r;
}
