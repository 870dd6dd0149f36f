/* SPDX-License-Identifier: MIT */
/* A host in a temporary directory whose clock stands unless it is moved, and whose files may be functions. */
#pragma once

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/platform.h"

struct fake_host {
	char root[64];
	struct platform *p;
	struct platform_ops ops; /* the tree's, with our clock */
	const struct platform_ops *real;
	/* Text of a path by the time; false: the file of the tree. */
	bool (*text)(struct fake_host *h, const char *path, char *buf, size_t size);
	uint64_t now_ns, cpu_ns;
	uint64_t read_ns;   /* that a read takes */
	uint32_t cpuid[12]; /* "signature" of leaf 0x40000000 in words 1 to 3; word 0: there is one */
	bool is_cpuid;
	unsigned reads;
};

static struct fake_host *fake_hosts[4]; /* those there are; a platform has no room for us */

static inline struct fake_host *fake_of(const struct platform *p)
{
	for (size_t i = 0; i < 4; i++) {
		if (fake_hosts[i] && fake_hosts[i]->p == p)
			return fake_hosts[i];
	}
	abort();
}

static inline ssize_t fake_read(struct platform *p, const char *path, char *buf, size_t size)
{
	struct fake_host *h = fake_of(p);

	h->reads++;
	h->now_ns += h->read_ns;
	h->cpu_ns += h->read_ns / 2;
	if (h->text && h->text(h, path, buf, size))
		return (ssize_t)strlen(buf);
	return h->real->read(p, path, buf, size);
}

static inline uint64_t fake_now(struct platform *p)
{
	return fake_of(p)->now_ns;
}

static inline uint64_t fake_cpu(struct platform *p)
{
	return fake_of(p)->cpu_ns;
}

static inline void fake_sleep_until(struct platform *p, uint64_t at_ns)
{
	struct fake_host *h = fake_of(p);

	h->now_ns = at_ns > h->now_ns ? at_ns : h->now_ns;
}

static inline int fake_cpuid(struct platform *p, uint32_t leaf, uint32_t ret[4])
{
	const struct fake_host *h = fake_of(p);

	if (!h->is_cpuid)
		return -ENOTSUP;
	memset(ret, 0, 4 * sizeof(*ret));
	if (leaf == 1)
		ret[2] = h->cpuid[0] ? 1u << 31 : 0;
	if (leaf == 0x40000000u)
		memcpy(ret, h->cpuid, 4 * sizeof(*ret));
	return 0;
}

static inline void fake_host_init(struct fake_host *h)
{
	memset(h, 0, sizeof(*h));
	snprintf(h->root, sizeof(h->root), "/tmp/ofbc-host-XXXXXX");
	if (!mkdtemp(h->root) || platform_linux_new(h->root, NULL, &h->p, NULL) < 0)
		abort();
	h->now_ns = 1000000000u;
	h->real = h->p->ops;
	h->ops = *h->p->ops;
	h->ops.read = fake_read;
	h->ops.now_ns = fake_now;
	h->ops.thread_cpu_ns = fake_cpu;
	h->ops.sleep_until_ns = fake_sleep_until;
	h->ops.cpuid = fake_cpuid;
	h->p->ops = &h->ops;
	for (size_t i = 0; i < 4; i++) {
		if (!fake_hosts[i]) {
			fake_hosts[i] = h;
			return;
		}
	}
	abort();
}

static inline int fake_remove(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void fake_host_done(struct fake_host *h)
{
	for (size_t i = 0; i < 4; i++)
		fake_hosts[i] = fake_hosts[i] == h ? NULL : fake_hosts[i];
	platform_free(h->p);
	nftw(h->root, fake_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fake_path(const struct fake_host *h, const char *path, char full[512])
{
	snprintf(full, 512, "%s/%s", h->root, path);
	for (char *c = strchr(full + 1, '/'); c; c = strchr(c + 1, '/')) {
		*c = '\0';
		(void)mkdir(full, 0755);
		*c = '/';
	}
}

static inline void fake_put_bytes(const struct fake_host *h, const char *path, const void *data, size_t n)
{
	char full[512];
	FILE *f;

	fake_path(h, path, full);
	f = fopen(full, "we");
	if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static inline void fake_put(const struct fake_host *h, const char *path, const char *text)
{
	fake_put_bytes(h, path, text, strlen(text));
}

static inline void fake_link(const struct fake_host *h, const char *path, const char *target)
{
	char full[512];

	fake_path(h, path, full);
	if (symlink(target, full) < 0)
		abort();
}

/* A PCI function with its driver. */
static inline void fake_pci(const struct fake_host *h, const char *address, const char *vendor,
                            const char *driver)
{
	char path[256], target[256];
	static const char *const files[] = {"device", "class", "subsystem_vendor", "subsystem_device"};

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/vendor", address);
	fake_put(h, path, vendor);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", address, files[i]);
		fake_put(h, path, i == 1 ? "0x030000" : "0x1234");
	}
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver", address);
	snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s", driver);
	fake_link(h, path, target);
}
