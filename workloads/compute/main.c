/* SPDX-License-Identifier: MIT */
/* openforbc-workload: opens a device and a workload, checks it, and keeps it going until it is told to stop.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "load.h"
#include "protocol.h"
#include "workload.h"

/* What a definition needs: it ends when the device is known. */
static const struct parameter no_parameters[] = {{0}};
static const struct workload workload_device = {.name = "device",
                                                .summary = "no load: prints the device that would be taken",
                                                .parameters = no_parameters};

static const struct workload *const workloads[] = {&workload_gemm,
                                                   &workload_stream,
                                                   &workload_launch,
                                                   &workload_fft,
                                                   &workload_nbody,
                                                   &workload_mlp,
                                                   &workload_spmv,
                                                   &workload_pcie,
                                                   &workload_peak,
                                                   &workload_device,
                                                   NULL};

static volatile sig_atomic_t stop_signal;
static int stop_fd = -1; /* readable after a signal, whichever thread has got it */

struct report {
	struct protocol *p;
};

static void on_signal(int number)
{
	const uint64_t one = 1;
	int error = errno;

	stop_signal = number;
	if (write(stop_fd, &one, sizeof(one)) < 0) {
		/* it is readable already */
	}
	errno = error;
}

static void catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

void report_number(struct report *r, const char *name, double value, const char *unit)
{
	printf("%s: %.6g %s\n", name, value, unit);
	(void)protocol_result(r->p, name, value);
}

int kernel_choice(struct job *j, const char *(*library)(struct device *, enum precision, struct ofbc_error *),
                  enum precision p, bool has_own, const char **ret_library, struct ofbc_error *err)
{
	enum { AUTO, LIBRARY, OWN } wanted = option_number(j->o, "kernel");

	*ret_library = wanted == OWN ? NULL : library(j->d, p, err);
	if (*ret_library || (has_own && wanted != LIBRARY))
		return 0;
	if (wanted == OWN) {
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
		          "the own kernel cannot do that precision or size");
		error_hint(err, "take --kernel library");
	}
	return -ENOTSUP;
}

static void print_device(const struct device_info *i)
{
	char memory[32];

	size_format(i->memory_bytes, memory, sizeof(memory));
	printf("device: %s; %s, %s, %u units, %s%s%s\n", i->name, i->api, i->platform, i->units, memory,
	       i->id[0] ? ", " : "", i->id);
	if (!isnan(i->memory_rate))
		printf("memory-limit: %.4g B/s\n", i->memory_rate);
}

/* --- the load --- */

static int check_with(struct job *j, int (*check)(struct job *, struct check *, struct ofbc_error *),
                      struct ofbc_error *err)
{
	struct check c = {0};
	int r = check(j, &c, err);

	if (r == 0)
		r = check_judge(&c, err);
	if (r == 0)
		printf("check: %s: error %.3g, bound %.3g, %llu values\n", c.what, c.error, c.bound,
		       (unsigned long long)c.n);
	return r;
}

/* What a roofline needs beside the rate. */
static void report_counts(struct report *r, const struct job *j, const struct workload *w)
{
	char unit[32];

	if (!(j->bytes > 0))
		return;
	report_number(r, "intensity", j->flop / j->bytes, "FLOP/B");
	if (strcmp(w->unit, "FLOP") == 0 || strcmp(w->unit, "B") == 0)
		return;
	snprintf(unit, sizeof(unit), "FLOP/%s", w->unit);
	report_number(r, "operations", j->flop / j->work, unit);
}

static int measure(struct job *j, const struct workload *w, struct protocol *p, struct ofbc_error *err)
{
	struct report report = {p};
	struct load l = {0};
	unsigned n = 1;
	int r = w->open(j, err);

	if (r == 0 && j->how[0])
		printf("code: %s\n", j->how);
	if (r == 0)
		r = check_with(j, w->check, err);
	if (r == 0)
		r = load_warm_up(j, w, &n, err);
	fflush(stdout);
	if (r == 0 && (r = protocol_ready(p, n, n * j->work)) < 0 && r != -EINTR)
		error_set(err, EPIPE, OFBC_REASON_FAILED, "who started this is gone");
	if (r == 0)
		r = load_run(j, w, p, n, &l, err);
	if (r == 0)
		r = check_with(j, w->check_after ? w->check_after : w->check, err);
	if (r < 0)
		return r;
	load_print(j, w, n, &l);
	report_counts(&report, j, w);
	return w->report ? w->report(j, &report, err) : 0;
}

static int run(const struct options *o, struct ofbc_error *err)
{
	_cleanup_device_ struct device *d = NULL;
	const struct workload *w = o->workload;
	struct job j = {.o = o, .stop_signal = &stop_signal};
	struct protocol p;
	int r;

	if (protocol_open(&p, stop_fd) < 0) {
		error_set(err, EINVAL, OFBC_REASON_USAGE,
		          "OPENFORBC_BENCH_FD is not the number of an open descriptor");
		error_hint(err, "unset it to use this program by hand");
		return -EINVAL;
	}
	r = device_open(o->api, o->device, &d, err);
	if (r < 0)
		return r;
	j.d = d;
	if (d->info.partition[0])
		(void)protocol_device(&p, d->info.partition);
	print_device(&d->info);
	if (!w->open)
		return 0;
	r = measure(&j, w, &p, err);
	w->close(&j);
	return r;
}

/* One line: the last one is what a harness shows. */
static int fail(const struct ofbc_error *err)
{
	fprintf(stderr, "error: %s%s%s\n", err->message, err->hint[0] ? "; " : "", err->hint);
	return ofbc_reason_exit_status(err->reason);
}

int main(int argc, char **argv)
{
	struct ofbc_error err = {0};
	struct options o;

	if (options_parse(argc, argv, workloads, &o, &err) < 0)
		return fail(&err);
	if (o.wants_tables)
		options_tables(stdout, workloads);
	else if (o.wants_help)
		options_help(stdout, workloads, o.workload);
	else if (o.wants_version)
		printf("openforbc-workload %s\n", OPENFORBC_VERSION);
	if (o.wants_help || o.wants_version)
		return 0;
	catch_signals();
	if (run(&o, &err) == 0)
		return 0;
	if (!stop_signal)
		return fail(&err);
	/* whoever sent the signal sees that it was the end */
	signal(stop_signal, SIG_DFL);
	raise(stop_signal);
	return 1;
}
