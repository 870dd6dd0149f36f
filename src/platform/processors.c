/* SPDX-License-Identifier: MIT */
/* Equal shares of the processors that we may use. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "platform/linux.h"

struct processor {
	int number, core; /* the first processor of its core */
};

struct processor_list {
	struct processor v[CPU_SETSIZE];
	size_t n;
};

static int by_core(const void *a, const void *b)
{
	const struct processor *x = a, *y = b;

	return x->core != y->core ? x->core - y->core : x->number - y->number;
}

/* Those that we may use and that are in `near` (NULL: anywhere), the threads of a core side by side. */
static void list_processors(struct platform *p, const cpu_set_t *near, struct processor_list *ret)
{
	cpu_set_t ours;

	ret->n = 0;
	if (sched_getaffinity(0, sizeof(ours), &ours) < 0)
		return;
	for (int i = 0; i < CPU_SETSIZE; i++) {
		char text[256];

		if (!CPU_ISSET(i, &ours) || (near && !CPU_ISSET(i, near)))
			continue;
		ret->v[ret->n] = (struct processor){i, i};
		if (sysfs_read(p, text, sizeof(text),
		               "sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", i) > 0)
			ret->v[ret->n].core = atoi(text);
		ret->n++;
	}
	qsort(ret->v, ret->n, sizeof(ret->v[0]), by_core);
}

/* "0-3,8" */
static int print_list(const struct processor *v, size_t n, char buf[256])
{
	size_t len = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (size_t i = 0; i < n; i++)
		CPU_SET(v[i].number, &set);
	for (int a = 0, b; a < CPU_SETSIZE && len < 256; a = b + 1) {
		for (b = a; b < CPU_SETSIZE && CPU_ISSET(b, &set); b++)
			;
		if (b > a)
			len += (size_t)snprintf(buf + len, 256 - len, b - a > 1 ? "%s%d-%d" : "%s%d",
			                        len ? "," : "", a, b - 1);
	}
	return len < 256 ? 0 : -E2BIG;
}

int processors_share(struct platform *p, unsigned n, const char *gpu, char (*ret)[256])
{
	_cleanup_free_ struct processor_list *l = malloc(sizeof(*l));
	char text[256];
	cpu_set_t near;
	size_t each;

	if (!l)
		return -ENOMEM;
	l->n = 0;
	if (gpu && sysfs_read(p, text, sizeof(text), "sys/bus/pci/devices/%s/local_cpulist", gpu) > 0 &&
	    exec_cpus(text, &near) == 0)
		list_processors(p, &near, l);
	if (l->n < n)
		list_processors(p, NULL, l);
	each = l->n / n;
	if (!each)
		return -ENOSPC;
	for (unsigned i = 0; i < n; i++) {
		int r = print_list(l->v + i * each, each, ret[i]);

		if (r < 0)
			return r;
	}
	return (int)each;
}
