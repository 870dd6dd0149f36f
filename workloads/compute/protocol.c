/* SPDX-License-Identifier: MIT */
#include "protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "samples.h"

#define VARIABLE "OPENFORBC_BENCH_FD"
#define NS_IN_S  1000000000u

int protocol_open(struct protocol *ret, int stop_fd)
{
	const char *text = getenv(VARIABLE);
	char *end;
	long fd;

	*ret = (struct protocol){.fd = -1, .stop_fd = stop_fd};
	if (!text)
		return 0;
	fd = strtol(text, &end, 10);
	if (end == text || *end || fd < 0 || fd > INT32_MAX || fcntl((int)fd, F_GETFD) < 0)
		return -EINVAL;
	ret->fd = (int)fd;
	return 0;
}

__attribute__((format(printf, 2, 3))) static int say(struct protocol *p, const char *fmt, ...)
{
	char line[160];
	size_t len, done = 0;
	va_list ap;

	if (p->fd < 0)
		return 0;
	va_start(ap, fmt);
	len = (size_t)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	while (done < len) {
		ssize_t n = write(p->fd, line + done, len - done);

		if (n < 0 && errno != EINTR)
			return -EPIPE;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* One more line: 1 and it is in p->line; 0 nothing within the time (-1: wait); -EPIPE; -EINTR. */
static int hear(struct protocol *p, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = p->fd, .events = POLLIN}, {.fd = p->stop_fd, .events = POLLIN}};

	for (;;) {
		int r = poll(fds, 2, timeout_ms);
		char c;

		if (r < 0 && errno == EINTR)
			continue;
		if (r > 0 && fds[1].revents)
			return -EINTR;
		if (r <= 0)
			return r < 0 ? -EPIPE : 0;
		if (read(p->fd, &c, 1) != 1)
			return -EPIPE;
		if (c == '\n') {
			p->line[p->have] = '\0';
			p->have = 0;
			return 1;
		}
		if (p->have < sizeof(p->line) - 1)
			p->line[p->have++] = c;
	}
}

int protocol_device(struct protocol *p, const char *id)
{
	return say(p, "DEVICE %s\n", id);
}

int protocol_ready(struct protocol *p, unsigned repeats, double work)
{
	int r = repeats ? say(p, "REPEATS %u\n", repeats) : 0;

	if (r == 0)
		r = say(p, "WORK %.17g\nREADY\n", work);

	while (r == 0 && p->fd >= 0) {
		r = hear(p, -1);
		if (r > 0 && strcmp(p->line, "STOP") == 0)
			p->has_ended = true;
		if (r > 0 && (p->has_ended || strcmp(p->line, "GO") == 0))
			return 0;
		r = r > 0 ? 0 : r;
	}
	return r;
}

int protocol_iteration(struct protocol *p, uint64_t start_ns, uint64_t end_ns)
{
	return say(p, "ITERATION %llu %llu\n", (unsigned long long)start_ns, (unsigned long long)end_ns);
}

int protocol_iteration_due(struct protocol *p, uint64_t start_ns, uint64_t end_ns, uint64_t due_ns)
{
	return say(p, "ITERATION %llu %llu %llu\n", (unsigned long long)start_ns, (unsigned long long)end_ns,
	           (unsigned long long)due_ns);
}

void protocol_wait(const struct protocol *p, uint64_t until_ns)
{
	/* a negative descriptor is ignored */
	struct pollfd fds[] = {{.fd = p->fd, .events = POLLIN}, {.fd = p->stop_fd, .events = POLLIN}};
	uint64_t now = monotonic_ns(), left = until_ns > now ? until_ns - now : 0;
	const struct timespec t = {.tv_sec = (time_t)(left / NS_IN_S), .tv_nsec = (long)(left % NS_IN_S)};

	if (left)
		(void)ppoll(fds, 2, &t, NULL);
}

int protocol_result(struct protocol *p, const char *name, double value)
{
	return say(p, "RESULT %s %.17g\n", name, value);
}

int protocol_stop(struct protocol *p)
{
	while (p->fd >= 0 && !p->has_ended) {
		int r = hear(p, 0);

		if (r <= 0)
			return r == -EINTR ? 0 : r;
		p->has_ended = strcmp(p->line, "STOP") == 0;
	}
	return p->has_ended;
}
