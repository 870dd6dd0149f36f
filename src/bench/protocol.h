/* SPDX-License-Identifier: MIT */
/* The lines by which a program tells what it does: man openforbc-benchmark, PROTOCOL. Pure. */
#pragma once

#include <stdint.h>

enum protocol_word {
	PROTOCOL_WORK,
	PROTOCOL_REPEATS,
	PROTOCOL_READY,
	PROTOCOL_ITERATION,
	PROTOCOL_RESULT,
	PROTOCOL_DEVICE,
	PROTOCOL_DONE,
};

struct protocol_line {
	enum protocol_word word;
	double work;               /* of each iteration, more than 0 */
	uint64_t repeats;          /* of the same in each iteration, from 1 */
	uint64_t start_ns, end_ns; /* of an iteration */
	uint64_t due_ns;   /* when it was to start, of programs that keep to a schedule; 0: they do not */
	char name[64];     /* of a result */
	const char *value; /* what stands behind it, in the line; of a device: what it is */
};

/* 0; -EBADMSG what is no such line. */
int protocol_parse(const char *line, struct protocol_line *ret);
