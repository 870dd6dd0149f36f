/* SPDX-License-Identifier: MIT */
/* Where our own files live: the state directory, and the wall clock for what is written there. */
#include "platform/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

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

int state_dir_make(const char *path, struct ofbc_error *err)
{
	char part[512];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' cannot be a state directory", path);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST) {
			int e = errno;

			error_set_errno(err, e, "cannot make the state directory '%s'", part);
			error_hint(err, "run as root, or name a directory of your own with --state DIR");
			return -e;
		}
	}
	if (access(path, W_OK) < 0) {
		int e = errno;

		error_set_errno(err, e, "cannot write to the state directory '%s'", path);
		error_hint(err, "run as root, or name a directory of your own with --state DIR");
		return -e;
	}
	return 0;
}

int64_t wall_clock_s(void)
{
	return (int64_t)time(NULL);
}

/* One of both may carry a domain. */
bool is_this_machine(const char *host_name)
{
	struct utsname u;
	size_t n = strcspn(host_name, ".");

	return uname(&u) == 0 && strcspn(u.nodename, ".") == n && strncasecmp(u.nodename, host_name, n) == 0;
}
