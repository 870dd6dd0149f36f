/* SPDX-License-Identifier: MIT */
/* Whose container a process is in, by the path of its control group. Text in, plain data out. */
#pragma once

#include <stdbool.h>

enum container_engine {
	CONTAINER_UNKNOWN, /* it is one, but nothing says whose */
	CONTAINER_DOCKER,
	CONTAINER_PODMAN,
	CONTAINER_CRI, /* containerd or CRI-O below Kubernetes */
	CONTAINER_NERDCTL,
	CONTAINER_LXC, /* also Incus, LXD, Proxmox */
	CONTAINER_LIBVIRT_LXC,
	CONTAINER_NSPAWN,
};

struct container {
	enum container_engine engine;
	char name[64]; /* short id, or the name that the engine knows */
	long uid;      /* of the user whose engine runs it without root, or -1 */
};

/* text: /proc/PID/cgroup, either version. The outermost container counts: it is what this host can stop. */
bool container_of_cgroup(const char *text, struct container *ret);
