/* SPDX-License-Identifier: MIT */
#include "platform/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strv.h"
#include "platform/link_parts.h"
#include "platform/linux.h"

#define FIRST_LINE_MAX 4096
#define POLL_MAX       256
#define PROGRAM_END_MS 1000

struct link {
	int in, out; /* the same descriptor of a socket */
	pid_t pid;   /* of a program; 0: none */
	int error;   /* its standard error */
	char *text;
	size_t have, used, cap, max; /* bytes in text; those of the line given out last */
	size_t searched;             /* that have no end of a line */
	uint64_t received_ns;
	_Atomic uint64_t
		*hangs_ns; /* of a session: when it is taken for one that hangs; NULL: nobody looks */
	unsigned hang_s;
	int status; /* of a program that has ended; -1: it has not */
	char said[256];
};

int link_new(int in, int out, struct link **ret)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	*l = (struct link){.in = in, .out = out, .error = -1, .status = -1, .max = FIRST_LINE_MAX};
	(void)fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
	if (out != in)
		(void)fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
	*ret = l;
	return 0;
}

/* --- connect --- */

/* Small lines go at once; a host that vanished without a word is noticed. */
void link_set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {{IPPROTO_TCP, TCP_NODELAY, 1},
	               {SOL_SOCKET, SO_KEEPALIVE, 1},
	               {IPPROTO_TCP, TCP_KEEPIDLE, 10},
	               {IPPROTO_TCP, TCP_KEEPINTVL, 5},
	               {IPPROTO_TCP, TCP_KEEPCNT, 4}};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		                 sizeof(options[i].value));
}

/* 0; -errno. */
static int connect_within(int fd, const struct sockaddr *to, socklen_t len, uint64_t deadline_ns)
{
	int e = 0;
	socklen_t size = sizeof(e);

	if (connect(fd, to, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	while (1) {
		uint64_t now = monotonic_ns();
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		int r = now >= deadline_ns ? 0 : poll(&p, 1, (int)((deadline_ns - now) / 1000000u) + 1);

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0)
			return -errno;
		break;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &size) < 0)
		return -errno;
	return -e;
}

int link_resolve(const struct link_end *e, int flags, struct addrinfo **ret, struct ofbc_error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
	char port[16];
	int r;

	snprintf(port, sizeof(port), "%u", e->port);
	r = getaddrinfo(e->host, port, &hints, ret);
	if (r == 0)
		return 0;
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "'%s' is no host: %s", e->host, gai_strerror(r));
	error_hint(err, "write tcp://HOST:PORT with a name that is known here, or an address");
	return -ENOENT;
}

static int connect_tcp(const struct link_end *to, uint64_t deadline_ns, int *ret, struct ofbc_error *err)
{
	struct addrinfo *list = NULL;
	int r = link_resolve(to, 0, &list, err);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (const struct addrinfo *a = list; r < 0 && r != -EINTR && a; a = a->ai_next) {
		_cleanup_close_ int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		r = fd < 0 ? -errno : connect_within(fd, a->ai_addr, a->ai_addrlen, deadline_ns);
		if (r == 0) {
			link_set_options(fd);
			*ret = steal_fd(&fd);
		}
	}
	freeaddrinfo(list);
	return r;
}

static int connect_vsock(const struct link_end *to, uint64_t deadline_ns, int *ret)
{
	const struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_cid = to->cid, .svm_port = to->port};
	_cleanup_close_ int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : connect_within(fd, (const struct sockaddr *)&a, sizeof(a), deadline_ns);

	if (r == 0)
		*ret = steal_fd(&fd);
	return r;
}

/* --- a program --- */

struct program_ends {
	int stream, error, exec_error;
};

static void __attribute__((noreturn)) run_program(char *const *argv, const struct program_ends *e)
{
	/* not in our group: a signal of the terminal must not end it before we have said so to the other side
	 */
	if (setpgid(0, 0) < 0 || dup2(e->stream, 0) < 0 || dup2(e->stream, 1) < 0 || dup2(e->error, 2) < 0)
		exec_fail(e->exec_error, errno);
	exec_child(argv, environ, e->exec_error);
}

/* One descriptor is its standard input and output. */
static int start_program(char *const *argv, struct link **ret)
{
	_cleanup_close_ int ours = -1, theirs = -1, said_r = -1, said_w = -1, error_r = -1, error_w = -1;
	int pair[2], said[2], error[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	if (pipe2(said, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	said_r = said[0];
	said_w = said[1];
	if (pipe2(error, O_CLOEXEC) < 0)
		return -errno;
	error_r = error[0];
	error_w = error[1];
	r = link_new(ours, ours, ret);
	if (r < 0)
		return r;
	ours = -1; /* the link's */
	pid = fork();
	if (pid == 0)
		run_program(argv, &(struct program_ends){theirs, said_w, error_w});
	r = pid < 0 ? -errno : 0;
	(*ret)->pid = pid > 0 ? pid : 0;
	(*ret)->error = steal_fd(&said_r);
	close(steal_fd(&error_w));
	if (r == 0)
		r = exec_error(error_r);
	if (r < 0) {
		link_free(*ret);
		*ret = NULL;
	}
	return r;
}

static int tell_connect(const struct link_end *to, int r, struct ofbc_error *err)
{
	if (r == -EINTR)
		return error_set(err, EINTR, OFBC_REASON_FAILED, "interrupted");
	if (to->kind == LINK_PROGRAM) {
		error_set_errno(err, -r, "cannot start '%s'", to->argv[0]);
		error_hint(err, "install it, or give its whole path");
	} else if (to->kind == LINK_VSOCK) {
		error_set_errno(err, -r, "cannot connect to port %u of CID %u", to->port, to->cid);
		error_hint(err,
		           "is the guest running, with a vsock device, and `openforbc bench agent` in it?");
	} else {
		error_set_errno(err, -r, "cannot connect to port %u of %s", to->port, to->host);
		error_hint(
			err,
			"is `openforbc bench agent --listen` running there, and does a firewall let it through?");
	}
	return r;
}

int link_connect(const struct link_end *to, unsigned timeout_ms, struct link **ret, struct ofbc_error *err)
{
	uint64_t deadline_ns = monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
	struct ofbc_error why = {0};
	_cleanup_close_ int fd = -1;
	int r = to->kind == LINK_PROGRAM ? start_program(to->argv, ret)
	        : to->kind == LINK_VSOCK ? connect_vsock(to, deadline_ns, &fd)
	                                 : connect_tcp(to, deadline_ns, &fd, &why);

	if (r < 0 && why.code) {
		if (err)
			*err = why;
		return r;
	}
	if (r == 0 && fd >= 0)
		r = link_new(fd, fd, ret);
	if (r < 0)
		return tell_connect(to, r, err);
	fd = -1; /* the link's */
	return 0;
}

/* --- end --- */

static bool has_ended(struct link *l, unsigned within_ms)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	for (unsigned ms = 0; l->pid; ms += 2) {
		int status;
		pid_t r = waitpid(l->pid, &status, WNOHANG);

		if (r == l->pid)
			l->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (r != 0 && !(r < 0 && errno == EINTR))
			l->pid = 0;
		else if (ms >= within_ms)
			return false;
		else
			nanosleep(&pause, NULL);
	}
	return true;
}

int link_status(struct link *l)
{
	(void)has_ended(l, PROGRAM_END_MS);
	return l->status;
}

/* Its end of the stream tells it; what does not listen is killed with its group. */
static void end_program(struct link *l)
{
	if (has_ended(l, PROGRAM_END_MS))
		return;
	(void)kill(-l->pid, SIGTERM);
	if (has_ended(l, PROGRAM_END_MS))
		return;
	(void)kill(-l->pid, SIGKILL);
	(void)has_ended(l, PROGRAM_END_MS);
}

void link_free(struct link *l)
{
	if (!l)
		return;
	close(l->in);
	if (l->out != l->in)
		close(l->out);
	end_program(l);
	if (l->error >= 0)
		close(l->error);
	free(l->text);
	free(l);
}

/* --- lines --- */

void link_allow(struct link *l, size_t max_line)
{
	l->max = max_line;
}

int link_descriptor(const struct link *l)
{
	return l->in;
}

uint64_t link_received_ns(const struct link *l)
{
	return l->received_ns;
}

/* --- a session that somebody watches --- */

void link_excuse(struct link *l, unsigned seconds)
{
	if (l->hangs_ns)
		atomic_store(l->hangs_ns, monotonic_ns() + seconds * (uint64_t)1000000000);
}

void link_report(struct link *l, _Atomic uint64_t *until_ns, unsigned seconds)
{
	l->hangs_ns = until_ns;
	l->hang_s = seconds;
	link_excuse(l, seconds);
}

/* --- what arrives, and goes --- */

/* Keeps the end of what it said; a pipe that nobody empties would stop it. */
static void read_said(struct link *l)
{
	char piece[4096];
	ssize_t n;

	while (l->error >= 0 && (n = read(l->error, piece, sizeof(piece) - 1)) > 0) {
		char *line, *end;

		piece[n] = '\0';
		for (end = piece + strlen(piece); end > piece && (unsigned char)end[-1] <= ' ';)
			*--end = '\0';
		line = strrchr(piece, '\n');
		if (end > piece)
			text_copy(l->said, sizeof(l->said), line ? line + 1 : piece);
	}
	for (char *p = l->said; *p; p++)
		*p = (unsigned char)*p < ' ' || *p == 127 ? ' ' : *p;
}

const char *link_said(struct link *l)
{
	read_said(l);
	return l->said;
}

static void drop_used(struct link *l)
{
	if (!l->used)
		return;
	memmove(l->text, l->text + l->used, l->have - l->used);
	l->have -= l->used;
	l->used = l->searched = 0;
}

static int make_room(struct link *l)
{
	size_t cap = l->cap ? 2 * l->cap : FIRST_LINE_MAX;
	char *more;

	if (l->have < l->cap)
		return 0;
	if (l->have > l->max) /* without an end of a line: link_line() would have taken it */
		return -EMSGSIZE;
	more = realloc(l->text, cap);
	if (!more)
		return -ENOMEM;
	l->text = more;
	l->cap = cap;
	return 0;
}

int link_receive(struct link *l)
{
	ssize_t n;
	int r;

	link_excuse(l, l->hang_s);
	read_said(l);
	drop_used(l);
	r = make_room(l);
	if (r < 0)
		return memchr(l->text, '\n', l->have) ? 0 : r;
	n = read(l->in, l->text + l->have, l->cap - l->have);
	l->received_ns = monotonic_ns();
	if (n > 0) {
		l->have += (size_t)n;
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -ECONNRESET;
}

int link_line(struct link *l, const char **ret, size_t *ret_len)
{
	char *end;

	drop_used(l);
	end = l->have > l->searched ? memchr(l->text + l->searched, '\n', l->have - l->searched) : NULL;
	l->searched = l->have;
	if (!end)
		return 0;
	l->used = (size_t)(end - l->text) + 1;
	if (l->used > l->max)
		return -EMSGSIZE;
	*ret = l->text;
	*ret_len = l->used - 1;
	return 1;
}

static ssize_t write_some(const struct link *l, const char *text, size_t len)
{
	ssize_t n = send(l->out, text, len, MSG_NOSIGNAL);

	return n < 0 && errno == ENOTSOCK ? write(l->out, text, len) : n;
}

int link_send(struct link *l, const char *text, size_t len, unsigned timeout_ms)
{
	uint64_t deadline_ns = monotonic_ns() + (uint64_t)timeout_ms * 1000000u;

	while (len) {
		struct pollfd p = {.fd = l->out, .events = POLLOUT};
		ssize_t n = write_some(l, text, len);
		uint64_t now;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -ECONNRESET;
		now = monotonic_ns();
		if (n > 0) {
			text += n;
			len -= (size_t)n;
			deadline_ns = now + (uint64_t)timeout_ms * 1000000u;
			continue;
		}
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		(void)poll(&p, 1, (int)((deadline_ns - now) / 1000000u) + 1);
	}
	return 0;
}

int links_wait(struct link *const *v, size_t n, uint64_t deadline_ns)
{
	struct pollfd polls[POLL_MAX];
	struct timespec left = time_left(deadline_ns, monotonic_ns());
	sigset_t none;
	int r;

	if (n > POLL_MAX)
		return -E2BIG;
	sigemptyset(&none); /* signals that the caller holds come in here */
	for (size_t i = 0; i < n; i++) {
		link_excuse(v[i], v[i]->hang_s);
		polls[i] = (struct pollfd){.fd = v[i]->in, .events = POLLIN};
	}
	r = ppoll(polls, (nfds_t)n, &left, &none);
	return r < 0 ? -errno : r > 0;
}
