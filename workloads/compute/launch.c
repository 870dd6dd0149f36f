/* SPDX-License-Identifier: MIT */
/* Rate and latency of starting kernels that do nothing: what a job of many small ones pays. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "samples.h"
#include "source.h"
#include "workload.h"

#define GROUP      32
#define SOURCE_MAX (16u << 10)

enum mode { MODE_SYNC, MODE_ASYNC };

struct launch {
	bool is_sync;
	uint32_t launches; /* the counter on the device must say the same */
	device_buffer counter;
	struct kernel kernel;
	struct samples latencies;
};

static const struct parameter parameters[] = {
	{.name = "mode",
         .value = "sync",
         .choices = "sync|async",
         .help = "wait for each, or for the last of an iteration"},
	{.name = "groups", .value = "1", .min = 1, .max = 65535, .help = "of 32 threads, in a launch"},
	{0},
};

static int launch_open(struct job *j, struct ofbc_error *err)
{
	struct launch *l = j->state = calloc(1, sizeof(*l));
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SOURCE_MAX);
	struct extent extent = {(unsigned)option_number(j->o, "groups"), 1, GROUP, 1};
	struct argument argument;
	int r;

	if (!l)
		return error_set_errno(err, ENOMEM, "launch");
	l->is_sync = option_number(j->o, "mode") == MODE_SYNC;
	j->work = 1;
	r = device_upload(j->d, &l->launches, sizeof(l->launches), &l->counter, err);
	if (r < 0)
		return r;
	argument = ARG_BUFFER(l->counter);
	strbuf_add(&text, source_launch);
	return kernel_open(j->d, PRECISION_FP32, &text, "count_up", extent, &argument, 1, &l->kernel, err);
}

static int launch_run(struct job *j, unsigned n, struct ofbc_error *err)
{
	struct launch *l = j->state;
	int r = 0;

	l->launches += n;
	if (!l->is_sync)
		return kernel_repeat(j->d, &l->kernel, n, err);
	for (unsigned i = 0; r == 0 && i < n; i++) {
		uint64_t start = monotonic_ns();

		r = kernel_repeat(j->d, &l->kernel, 1, err);
		samples_add(&l->latencies, monotonic_ns() - start);
	}
	return r;
}

/* Every launch has happened, once. */
static int launch_check(struct job *j, struct check *ret, struct ofbc_error *err)
{
	struct launch *l = j->state;
	uint32_t counted = 0;
	int r = launch_run(j, 10, err);

	if (r == 0)
		r = j->d->ops->read(j->d, &counted, l->counter, 0, sizeof(counted), err);
	snprintf(ret->what, sizeof(ret->what), "launches counted by the device");
	if (r == 0)
		check_value(ret, counted, l->launches, 1);
	return r;
}

static int launch_report(struct job *j, struct report *r, struct ofbc_error *err)
{
	struct launch *l = j->state;

	(void)err;
	if (l->is_sync) {
		report_number(r, "latency", samples_quantile(&l->latencies, 0.5), "s");
		report_number(r, "latency-p99", samples_quantile(&l->latencies, 0.99), "s");
	}
	return 0;
}

static void launch_close(struct job *j)
{
	struct launch *l = j->state;

	if (!l)
		return;
	kernel_close(j->d, &l->kernel);
	j->d->ops->release(j->d, l->counter);
	free(l);
}

const struct workload workload_launch = {
	.name = "launch",
	.summary = "rate and latency of starting kernels",
	.unit = "launch",
	.parameters = parameters,
	.open = launch_open,
	.check = launch_check,
	.run = launch_run,
	.report = launch_report,
	.close = launch_close,
};
