/* SPDX-License-Identifier: MIT */
/*
 * A control group with rules for device nodes, on the kernel that runs: opens by a program and by its child,
 * the same program outside of it, what is left afterwards. 77 with the reason where that cannot be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "platform/platform.h"

DEFINE_CLEANUP(struct platform *, platform_free);

#define SKIP 77
#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			printf("line %d: not true: %s\n", __LINE__, #condition);                             \
			return 1;                                                                            \
		}                                                                                            \
	} while (0)

/* Character devices that most machines have and no container gets. */
static const char *const candidates[] = {"/dev/kmsg",         "/dev/fuse", "/dev/loop-control",
                                         "/dev/net/tun",      "/dev/kvm",  "/dev/cpu_dma_latency",
                                         "/dev/autofs",       "/dev/hpet", "/dev/rtc0",
                                         "/dev/btrfs-control"};

static size_t find_devices(const char *ret[2])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(candidates) && n < 2; i++) {
		_cleanup_close_ int fd = open(candidates[i], O_RDWR | O_NONBLOCK | O_CLOEXEC);

		if (fd >= 0)
			ret[n++] = candidates[i];
	}
	return n;
}

static int run(struct platform *p, char *script, const char *cgroup)
{
	char sh[] = "sh", opt[] = "-c", *argv[] = {sh, opt, script, NULL};
	int status = -1, r = p->ops->spawn(p, &(struct spawn){.argv = argv, .cgroup = cgroup}, &status);

	return r < 0 ? r : status;
}

static bool is_there(const char *cgroup)
{
	char path[SYSFS_PATH_MAX + 1];

	snprintf(path, sizeof(path), "/%s", cgroup);
	return access(path, F_OK) == 0;
}

static int check_group(struct platform *p, const char *const devices[2], const char *cgroup)
{
	char script[1024], stay[] = "sleep 0.3 & exit 0";
	char below[] = "own=$(sed -n 's/^0:://p' /proc/$PPID/cgroup)\n"
		       "[ \"$(sed -n 's/^0:://p' /proc/self/cgroup)\" = \"${own%/}/openforbc-run-$PPID\" ]";

	snprintf(script, sizeof(script),
	         "echo x >/dev/null && head -c 1 /dev/urandom >/dev/null || exit 10\n"
	         "( : <%s ) || exit 11\n( : >>%s ) 2>/dev/null && exit 12\n"
	         "( : <%s ) 2>/dev/null && exit 13\nsh -c ': <%s' 2>/dev/null && exit 14\n"
	         "mknod \"${TMPDIR:-/tmp}/openforbc-node-$$\" c 1 3 2>/dev/null && exit 15\nexit 5",
	         devices[0], devices[0], devices[1], devices[1]);
	CHECK(run(p, script, cgroup) == 5);
	/* below the group that we are in, whose limits it keeps */
	CHECK(run(p, below, cgroup) == 0);
	/* outside of the group it can open both, so that the rules made the difference */
	CHECK(run(p, script, NULL) == 12);
	CHECK(is_there(cgroup));
	/* a process that stays keeps the group, and its rules */
	CHECK(run(p, stay, cgroup) == 0);
	p->ops->unconfine(p, cgroup);
	CHECK(is_there(cgroup));
	p->ops->sleep_ms(p, 600);
	p->ops->unconfine(p, cgroup);
	CHECK(!is_there(cgroup));
	return 0;
}

int main(void)
{
	_cleanup_(platform_free_p) struct platform *p = NULL;
	struct device_access own = {.is_read_only = true}, missing = {.path = "/dev/openforbc-none"};
	char cgroup[SYSFS_PATH_MAX];
	const char *devices[2];
	int r;

	CHECK(platform_linux_new("/", NULL, &p, NULL) == 0);
	if (geteuid() != 0) {
		own.path = "/dev/null";
		CHECK(p->ops->confine(p, &own, 1, cgroup) == -EPERM ||
		      p->ops->confine(p, &own, 1, cgroup) == -ENOTSUP);
		puts("the kernel lets only root do it");
		return SKIP;
	}
	if (find_devices(devices) < 2) {
		puts("no two devices that can be opened");
		return SKIP;
	}
	own.path = devices[0];
	r = p->ops->confine(p, &own, 1, cgroup);
	if (r == -EPERM || r == -ENOTSUP) {
		printf("no control groups with device rules here: %s\n", strerror(-r));
		return SKIP;
	}
	CHECK(r == 0);
	if (check_group(p, devices, cgroup))
		return 1;
	CHECK(p->ops->confine(p, &missing, 1, cgroup) == -ENOENT);
	return 0;
}
