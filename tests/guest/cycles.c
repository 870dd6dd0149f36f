/* SPDX-License-Identifier: MIT */
/* cycles PARTITION GUEST N: attaches and detaches N times in one process, which must neither lose descriptors
 * nor grow. Host, state and libvirt are those of the environment. */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openforbc/openforbc.h"

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static int fail(const struct ofbc_error *err)
{
	fprintf(stderr, "%s (%s)\n", err->message, err->hint);
	return 1;
}

static int once(const char *partition, const char *guest, struct ofbc_error *err)
{
	struct ofbc_options o = {.host = getenv("OPENFORBC_HOST"),
	                         .state_dir = getenv("OPENFORBC_STATE"),
	                         .libvirt_uri = getenv("OPENFORBC_CONNECT")};
	struct ofbc_context *ctx = NULL;
	int r = ofbc_context_new(&ctx, &o, err);

	if (r == 0)
		r = ofbc_partition_attach(ctx, partition, guest, OFBC_ATTACH_CLAIM, err);
	if (r == 0)
		r = ofbc_partition_detach(ctx, partition, NULL, 0, 0, err);
	ofbc_context_free(ctx);
	return r;
}

int main(int argc, char **argv)
{
	unsigned n = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0, fds = 0;
	struct ofbc_error err = {0};
	size_t used = 0, now = 0;

	for (unsigned i = 0; i < n; i++) {
		if (once(argv[1], argv[2], &err) != 0)
			return fail(&err);
		if (i == n / 4) { /* by now everything is loaded that is loaded once */
			fds = open_descriptors();
			used = mallinfo2().uordblks;
		}
	}
	now = mallinfo2().uordblks;
	printf("%u descriptors before and %u after, %zu bytes grown\n", fds, open_descriptors(),
	       now > used ? now - used : 0);
	/* a leak of one small block a cycle */
	return n == 0 || open_descriptors() != fds || (now > used && now - used > n * 16);
}
