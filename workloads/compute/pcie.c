/* SPDX-License-Identifier: MIT */
/* Transfers between host and device, one after the other: bandwidth when they are large, latency when they
 * are small. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "samples.h"
#include "workload.h"

enum direction { TO_DEVICE, FROM_DEVICE, BOTH };
enum memory { MEMORY_PINNED, MEMORY_PAGEABLE };

struct pcie {
	bool is_to, is_from, is_pinned;
	size_t size;
	void *host;
	device_buffer buffer;
	struct samples latencies;
};

static const struct parameter parameters[] = {
	{.name = "direction",
         .value = "to-device",
         .choices = "to-device|from-device|both",
         .help = "both: there and back"},
	{.name = "memory", .value = "pinned", .choices = "pinned|pageable", .help = "of the host"},
	{.name = "size", .value = "64M", .min = 4, .max = 4ull << 30, .help = "bytes of a transfer"},
	{0},
};

static int pcie_open(struct job *j, struct ofbc_error *err)
{
	struct pcie *p = j->state = calloc(1, sizeof(*p));
	enum direction direction = (enum direction)option_number(j->o, "direction");
	int r = 0;

	if (!p)
		return error_set_errno(err, ENOMEM, "pcie");
	p->is_to = direction != FROM_DEVICE;
	p->is_from = direction != TO_DEVICE;
	p->is_pinned = option_number(j->o, "memory") == MEMORY_PINNED;
	p->size = option_number(j->o, "size");
	j->work = (double)p->size * (p->is_to + p->is_from);
	if (p->is_pinned)
		r = j->d->ops->host_alloc(j->d, p->size, &p->host, err);
	else if (!(p->host = malloc(p->size)))
		r = error_set_errno(err, ENOMEM, "%zu MiB of memory", p->size >> 20);
	if (r < 0)
		return r;
	memset(p->host, 0, p->size);
	return j->d->ops->alloc(j->d, p->size, &p->buffer, err);
}

static int pcie_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	struct pcie *p = j->state;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++) {
		uint64_t start = monotonic_ns();

		if (p->is_to)
			r = j->d->ops->write(j->d, p->buffer, 0, p->host, p->size, err);
		if (r == 0 && p->is_from)
			r = j->d->ops->read(j->d, p->host, p->buffer, 0, p->size, err);
		samples_add(&p->latencies, monotonic_ns() - start);
	}
	/* a write may return before the last byte is there */
	return r == 0 && p->is_to && !p->is_from ? j->d->ops->finish(j->d, err) : r;
}

/* There and back through other memory: what comes back is what went. */
static int pcie_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct pcie *p = j->state;
	_cleanup_free_ unsigned char *other = calloc(1, p->size);
	unsigned char *own = p->host;
	int r;

	if (!other)
		return error_set_errno(err, ENOMEM, "%zu MiB of memory", p->size >> 20);
	for (size_t i = 0; i < p->size; i++)
		(p->is_to ? own : other)[i] = (unsigned char)(i * 2654435761u >> 13);
	r = j->d->ops->write(j->d, p->buffer, 0, p->is_to ? own : other, p->size, err);
	if (r == 0)
		r = j->d->ops->read(j->d, p->is_to ? other : own, p->buffer, 0, p->size, err);
	snprintf(ret->what, sizeof(ret->what), "bytes there and back");
	for (size_t i = 0; r == 0 && i < p->size; i++)
		check_value(ret, own[i], other[i], 1);
	return r;
}

static int pcie_report(struct job *j, struct report *r, struct ofbc_error *err)
{
	struct pcie *p = j->state;

	(void)err;
	report_number(r, "latency", samples_quantile(&p->latencies, 0.5), "s");
	report_number(r, "latency-p99", samples_quantile(&p->latencies, 0.99), "s");
	return 0;
}

static void pcie_close(struct job *j)
{
	struct pcie *p = j->state;

	if (!p)
		return;
	j->d->ops->release(j->d, p->buffer);
	if (p->is_pinned)
		j->d->ops->host_release(j->d, p->host);
	else
		free(p->host);
	free(p);
}

const struct workload workload_pcie = {
	.name = "pcie",
	.summary = "transfers between host and device",
	.unit = "B",
	.parameters = parameters,
	.open = pcie_open,
	.check = pcie_check,
	.run = pcie_run,
	.report = pcie_report,
	.close = pcie_close,
};
