/* SPDX-License-Identifier: MIT */
/*
 * A program's side of the line protocol of openforbc-benchmark(5). Without OPENFORBC_BENCH_FD everything here
 * does nothing, so that a program needs no second way to be used by hand.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct protocol {
	int fd;      /* -1: nobody listens */
	int stop_fd; /* readable: do not wait any longer; -1: none */
	bool has_ended;
	char line[64];
	unsigned have;
};

/* 0; -EINVAL the variable is not the number of an open descriptor. */
int protocol_open(struct protocol *ret, int stop_fd);
static inline bool protocol_is_on(const struct protocol *p)
{
	return p->fd >= 0;
}
/* Which part of a GPU it runs on, as it sees it from inside. */
int protocol_device(struct protocol *p, const char *id);
/* REPEATS (how often an iteration does the same; 0: not said), WORK (what an iteration counts for the rate),
 * READY, and waits for GO: 0; -EPIPE the other side is gone; -EINTR it is to stop. */
int protocol_ready(struct protocol *p, unsigned repeats, double work);
/* 0; -EPIPE. */
int protocol_iteration(struct protocol *p, uint64_t start_ns, uint64_t end_ns);
/* Of a program that keeps to a schedule: due_ns is when it was to start, not after it did. */
int protocol_iteration_due(struct protocol *p, uint64_t start_ns, uint64_t end_ns, uint64_t due_ns);
/* Until the time has come, or a line or a reason to stop. */
void protocol_wait(const struct protocol *p, uint64_t until_ns);
int protocol_result(struct protocol *p, const char *name, double value);
/* Does not wait: 1 STOP has come; 0 not yet; -EPIPE the other side is gone. */
int protocol_stop(struct protocol *p);
