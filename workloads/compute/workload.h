/* SPDX-License-Identifier: MIT */
/*
 * A workload: what it is told by options, and the few things that the main program does with it. One file
 * each, and one row of the table in main.c.
 */
#pragma once

#include <signal.h>

#include "check.h"
#include "device.h"
#include "options.h"

struct report;

/* One workload on one device. */
struct job {
	struct device *d;
	const struct options *o;
	const volatile sig_atomic_t *stop_signal; /* not 0: it is to end */
	void *state;                              /* of the workload */
	double work;                              /* one repeat, in `unit`; set by open() */
	/* Of one repeat, also set by open(), where both are known: operations, and bytes that have to cross
	 * the device's memory once at least. */
	double flop, bytes;
	char how[96]; /* whose code does it, for people; set by open() */
};

struct workload {
	const char *name, *summary;
	const char *unit;                   /* of its work: "FLOP" */
	const struct parameter *parameters; /* the last one has no name */
	/* Everything up to the first repeat: data, kernels, memory. close() is called after a failure, too.
	 */
	int (*open)(struct job *j, struct ofbc_error *err);
	/* Is right what the device computes? Before the load, and with the same or another question after it.
	 */
	int (*check)(struct job *j, struct check *ret, struct ofbc_error *err);
	int (*check_after)(struct job *j, struct check *ret, struct ofbc_error *err); /* NULL: as before */
	/* n repeats; all of it is done when it returns. */
	int (*run)(struct job *j, unsigned n, struct ofbc_error *err);
	/* Numbers of its own, after the load; NULL none. */
	int (*report)(struct job *j, struct report *r, struct ofbc_error *err);
	void (*close)(struct job *j);
};

/*
 * Whose kernel does it, by the parameters --kernel (auto, library, own): *ret_library is the library's name,
 * NULL the own kernel. 0; -ENOTSUP what is wanted is not there.
 */
int kernel_choice(struct job *j, const char *(*library)(struct device *, enum precision, struct ofbc_error *),
                  enum precision p, bool has_own, const char **ret_library, struct ofbc_error *err);

/* A number that came out, for people and for the protocol. */
void report_number(struct report *r, const char *name, double value, const char *unit);

extern const struct workload workload_fft, workload_gemm, workload_launch, workload_mlp, workload_nbody,
	workload_pcie, workload_peak, workload_spmv, workload_stream;
