/* SPDX-License-Identifier: MIT */
/*
 * The processes of one trial. All are started and wait at a gate; opening it lets them go at once. Each is
 * the head of a process group of its own, and whatever they leave behind is found again and ended: while a
 * set exists, orphans become our children.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openforbc/error.h"
#include "platform/platform.h"

struct instance_request {
	struct spawn program;
	const char *workdir;  /* NULL: ours */
	const char *out_path; /* standard output and error go there; NULL: nowhere */
	bool is_protocol;     /* it gets a socket as descriptor 3, which OPENFORBC_BENCH_FD says */
	unsigned limit_mib;   /* of the output; 0: none. More is cut off: SIGXFSZ */
};

struct instance_end {
	int status;    /* exit status, 128 + signal */
	double wall_s; /* from leaving the gate to the end */
	double cpu_s;  /* of it and its children that it waited for */
	uint64_t peak_bytes;
	uint64_t start_ns, end_ns; /* monotonic */
};

enum instance_event_kind {
	INSTANCE_LINE,        /* a line of the protocol */
	INSTANCE_END,         /* a process ended */
	INSTANCE_TIMEOUT,     /* the deadline has come */
	INSTANCE_INTERRUPTED, /* a signal for us */
	INSTANCE_OUTSIDE,     /* there is something to read from the descriptor of instances_attend() */
};

struct instance_event {
	enum instance_event_kind kind;
	unsigned instance;
	const char *line; /* valid until the next call */
};

struct instance_set;

/* Without a gate an instance starts when it is added, which is quicker. */
int instances_new(unsigned max, bool has_gate, struct instance_set **ret);
/* Also wait for this descriptor; not taken over. */
void instances_attend(struct instance_set *set, int fd);
/* Ends what is left: SIGTERM, SIGKILL after grace_ms; also what left its group. NULL is fine. */
void instances_free(struct instance_set *set);
/* Starts number n, which waits. -ENOENT no such program ... with the reason in err. */
int instances_add(struct instance_set *set, const struct instance_request *rq, struct ofbc_error *err);
/* Lets them go. *ret_ns: when. 0; -errno of the first that could not be executed, with its number in err. */
int instances_release(struct instance_set *set, uint64_t *ret_ns, struct ofbc_error *err);
/* The next thing that happens until the deadline (monotonic; 0: none). 0; -errno. Signals that the caller
 * blocks come in only here, so that none is lost between two calls. */
int instances_next(struct instance_set *set, uint64_t deadline_ns, struct instance_event *ret);
/* A line to one of them; -EPIPE when it is gone. */
int instances_send(struct instance_set *set, unsigned instance, const char *line);
void instances_send_all(struct instance_set *set, const char *line);
/* The instance that a process belongs to: it, or one in its process group; -1: none. */
int instances_find(const struct instance_set *set, int pid);
bool instances_running(const struct instance_set *set);
const struct instance_end *instances_end(const struct instance_set *set,
                                         unsigned instance); /* after its end */
/* How many processes were found that outlived their instance. */
unsigned instances_kill(struct instance_set *set, unsigned grace_ms);

static inline void instances_free_p(struct instance_set **set)
{
	instances_free(*set);
}
