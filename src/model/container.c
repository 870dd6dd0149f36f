/* SPDX-License-Identifier: MIT */
/*
 * Engines name the control group of a container by their own prefix and its id of 64 digits, as a directory
 * (cgroupfs) or as a unit of systemd; containers with names of their own are those of LXC and systemd.
 */
#include "model/container.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"

#define ID_DIGITS 64
#define ID_SHORT  12

/* "PREFIX<id>" with or without ".scope". */
static const struct {
	const char *prefix;
	enum container_engine engine;
} prefixes[] = {
	{.prefix = "docker-", .engine = CONTAINER_DOCKER},
	{.prefix = "libpod-", .engine = CONTAINER_PODMAN},
	{.prefix = "crio-", .engine = CONTAINER_CRI},
	{.prefix = "cri-containerd-", .engine = CONTAINER_CRI},
	{.prefix = "nerdctl-", .engine = CONTAINER_NERDCTL},
};

/* A bare "<id>" belongs to the nearest directory above it that tells; containerd's are its namespaces. */
static const struct {
	const char *parent;
	enum container_engine engine;
} parents[] = {
	{.parent = "docker", .engine = CONTAINER_DOCKER},
	{.parent = "kubepods", .engine = CONTAINER_CRI},
	{.parent = "k8s.io", .engine = CONTAINER_CRI},
	{.parent = "libpod_parent", .engine = CONTAINER_PODMAN},
	{.parent = "default", .engine = CONTAINER_NERDCTL},
};

static bool is_id(const char *s)
{
	size_t n = 0;

	while (isxdigit((unsigned char)s[n]))
		n++;
	return n == ID_DIGITS && (s[n] == '\0' || strcmp(s + n, ".scope") == 0);
}

static bool found(struct container *ret, enum container_engine engine, const char *name, size_t n)
{
	ret->engine = engine;
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)n, name);
	return n > 0;
}

static bool by_prefix(const char *part, struct container *ret)
{
	const char *colon = strstr(part, ":cri-containerd:");

	/* containerd was told a systemd path, but makes directories */
	if (colon && is_id(colon + 16))
		return found(ret, CONTAINER_CRI, colon + 16, ID_SHORT);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i].prefix);

		if (strncmp(part, prefixes[i].prefix, n) == 0 && is_id(part + n))
			return found(ret, prefixes[i].engine, part + n, ID_SHORT);
	}
	return false;
}

static enum container_engine engine_above(char *const *parts, size_t n)
{
	while (n-- > 0) {
		for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
			if (strcmp(parts[n], parents[i].parent) == 0)
				return parents[i].engine;
		}
	}
	return CONTAINER_UNKNOWN;
}

/* systemd writes "\x2d" for the dash that it gives a meaning of its own. */
static void unescape(const char *s, size_t n, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len + 1 < size; i++) {
		unsigned c;

		if (i + 3 < n && s[i] == '\\' && s[i + 1] == 'x' && sscanf(s + i + 2, "%2x", &c) == 1 && c) {
			buf[len++] = (char)c;
			i += 3;
		} else {
			buf[len++] = s[i];
		}
	}
	buf[len] = '\0';
}

static bool by_unit(const char *part, struct container *ret)
{
	static const char service[] = "systemd-nspawn@", scope[] = "machine-";
	const char *end = strrchr(part, '.');
	char name[128], *after;

	if (!end)
		return false;
	if (strncmp(part, service, sizeof(service) - 1) == 0 && strcmp(end, ".service") == 0) {
		part += sizeof(service) - 1;
		unescape(part, (size_t)(end - part), name, sizeof(name));
		return found(ret, CONTAINER_NSPAWN, name, strlen(name));
	}
	if (strncmp(part, scope, sizeof(scope) - 1) != 0 || strcmp(end, ".scope") != 0)
		return false;
	part += sizeof(scope) - 1;
	unescape(part, (size_t)(end - part), name, sizeof(name));
	if (strncmp(name, "qemu-", 5) == 0)
		return false; /* a guest of libvirt */
	if (strncmp(name, "lxc-", 4) != 0)
		return found(ret, CONTAINER_NSPAWN, name, strlen(name));
	/* libvirt's: "lxc-4711-web" */
	(void)strtoul(name + 4, &after, 10);
	return *after == '-' && found(ret, CONTAINER_LIBVIRT_LXC, after + 1, strlen(after + 1));
}

/* "lxc.payload.web", "lxc.payload/web"; before LXC 4 "lxc/web", which Proxmox still has. */
static bool by_lxc(char *const *parts, size_t n, size_t i, struct container *ret)
{
	static const char payload[] = "lxc.payload";
	const char *rest = parts[i] + sizeof(payload) - 1;

	if (strcmp(parts[i], "lxc") == 0 || strcmp(parts[i], payload) == 0)
		return i + 1 < n && found(ret, CONTAINER_LXC, parts[i + 1], strlen(parts[i + 1]));
	if (strncmp(parts[i], payload, sizeof(payload) - 1) != 0 || (*rest != '.' && *rest != '-'))
		return false;
	return found(ret, CONTAINER_LXC, rest + 1, strlen(rest + 1));
}

/* "user-1000.slice" above it: an engine of that user, which root's engine does not know. */
static long user_above(char *const *parts, size_t n)
{
	long uid;
	int end = 0;

	for (size_t i = 0; i < n; i++) {
		if (sscanf(parts[i], "user-%ld.slice%n", &uid, &end) == 1 && end && !parts[i][end])
			return uid > 0 ? uid : -1;
	}
	return -1;
}

static bool container_of_path(char *const *parts, size_t n, struct container *ret)
{
	for (size_t i = 0; i < n; i++) {
		bool hit = by_prefix(parts[i], ret) || by_unit(parts[i], ret) || by_lxc(parts, n, i, ret);

		if (!hit && is_id(parts[i]))
			hit = found(ret, engine_above(parts, i), parts[i], ID_SHORT);
		if (!hit)
			continue;
		ret->uid = user_above(parts, i);
		return true;
	}
	return false;
}

static int split(const char *path, size_t len, struct strv *ret)
{
	int r = 0;

	for (size_t at = 0, n; r == 0 && at < len; at += n + 1) {
		n = 0;
		while (at + n < len && path[at + n] != '/')
			n++;
		if (n)
			r = strv_addf(ret, "%.*s", (int)n, path + at);
	}
	return r;
}

bool container_of_cgroup(const char *text, struct container *ret)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		_cleanup_strv_ struct strv parts = {0};
		size_t len = strcspn(line, "\n");
		const char *path = memchr(line, '/', len);
		struct container c = {.uid = -1};

		if (!path || split(path, len - (size_t)(path - line), &parts) < 0)
			continue;
		if (container_of_path(parts.v, parts.n, &c)) {
			*ret = c;
			return true;
		}
	}
	return false;
}
