/* SPDX-License-Identifier: MIT */
/*
 * The side that is connected to. One process accepts, and each connection has a process of its own. The one
 * that accepts is the reaper of orphans: what a killed session left behind comes to it, and is ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/linux.h"
#include "platform/link_parts.h"

#define END_MS 5000

struct guard {
	const struct link_server *s;
	int listener; /* -1: none */
	struct session {
		pid_t pid;
		int pid_fd;
		_Atomic uint64_t *hangs_ns; /* shared with it: when it is taken for one that hangs */
	} * v;
	unsigned n;
	struct pollfd *polls;
	int status;      /* of the last session */
	sigset_t before; /* signals that were blocked; ours come only while we wait, so that none is missed */
	bool is_interrupted;
};

static void session_done(struct session *s)
{
	if (s->pid_fd >= 0)
		close(s->pid_fd);
	munmap(s->hangs_ns, sizeof(*s->hangs_ns));
}

static void guard_done(struct guard *g)
{
	if (g->listener >= 0)
		close(g->listener);
	for (unsigned i = 0; i < g->n; i++)
		session_done(&g->v[i]);
	free(g->v);
	free(g->polls);
	sigprocmask(SIG_SETMASK, &g->before, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* --- listen --- */

static int bind_tcp(const struct link_end *at, int *ret, struct ofbc_error *err)
{
	struct addrinfo *list = NULL;
	int r = link_resolve(at, AI_PASSIVE, &list, err);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (const struct addrinfo *a = list; r < 0 && a; a = a->ai_next) {
		_cleanup_close_ int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd >= 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
		r = fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : -errno;
		if (r == 0)
			*ret = steal_fd(&fd);
	}
	freeaddrinfo(list);
	return r;
}

static int bind_vsock(const struct link_end *at, int *ret)
{
	const struct sockaddr_vm a = {.svm_family = AF_VSOCK,
	                              .svm_cid = VMADDR_CID_ANY,
	                              .svm_port = at->port ? at->port : VMADDR_PORT_ANY};
	_cleanup_close_ int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	*ret = steal_fd(&fd);
	return 0;
}

static uint32_t port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_vm vm;
		struct sockaddr_storage room;
	} a = {0};
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.any, &len) < 0)
		return 0;
	return a.any.sa_family == AF_INET    ? ntohs(a.v4.sin_port)
	       : a.any.sa_family == AF_INET6 ? ntohs(a.v6.sin6_port)
	                                     : a.vm.svm_port;
}

static int listen_at(struct guard *g, struct ofbc_error *err)
{
	const struct link_end *at = g->s->at;
	struct ofbc_error why = {0};
	int r = at->kind == LINK_VSOCK ? bind_vsock(at, &g->listener) : bind_tcp(at, &g->listener, &why);

	if (r == 0 && listen(g->listener, 16) < 0)
		r = -errno;
	if (r == 0)
		g->s->listening(g->s->data, port_of(g->listener));
	if (r == 0)
		return 0;
	if (why.code) {
		if (err)
			*err = why;
		return r;
	}
	error_set_errno(err, -r, "cannot listen on port %u", at->port);
	if (r == -EADDRINUSE)
		error_hint(err, "another agent is there already, or choose another port");
	else if (at->kind == LINK_VSOCK)
		error_hint(err, "this machine has no vsock device, or its driver is not loaded");
	return r;
}

/* --- sessions --- */

static void __attribute__((noreturn)) run_session(struct guard *g, const struct session *s, int in, int out)
{
	struct link *l;
	int r;

	if (g->listener >= 0)
		close(g->listener);
	sigprocmask(SIG_SETMASK, &g->before, NULL);
	r = link_new(in, out, &l);
	if (r == 0) {
		link_report(l, s->hangs_ns, g->s->hang_s);
		r = g->s->session(g->s->data, l);
	}
	exit(r < 0);
}

static uint64_t hang_time(const struct guard *g, uint64_t now)
{
	return now + g->s->hang_s * (uint64_t)1000000000;
}

static int start_session(struct guard *g, int in, int out)
{
	struct session *s = &g->v[g->n];

	s->hangs_ns =
		mmap(NULL, sizeof(*s->hangs_ns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->hangs_ns == MAP_FAILED)
		return -ENOMEM;
	atomic_store(s->hangs_ns, hang_time(g, monotonic_ns()));
	(void)fflush(NULL); /* or the child would write it once more */
	s->pid = fork();
	if (s->pid == 0)
		run_session(g, s, in, out);
	if (s->pid < 0) {
		int r = -errno;

		munmap(s->hangs_ns, sizeof(*s->hangs_ns));
		return r;
	}
	s->pid_fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	g->n++;
	return 0;
}

static void accept_one(struct guard *g)
{
	_cleanup_close_ int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	/* more than that are turned away: nobody shall fill the process table without a token */
	if (fd < 0 || g->n == g->s->max_sessions)
		return;
	link_set_options(fd);
	(void)start_session(g, fd, fd);
}

static bool is_session(const void *data, pid_t pid)
{
	const struct guard *g = data;

	for (unsigned i = 0; i < g->n; i++) {
		if (g->v[i].pid == pid)
			return true;
	}
	return false;
}

static void forget_session(struct guard *g, pid_t pid, int status)
{
	for (unsigned i = 0; i < g->n; i++) {
		if (g->v[i].pid != pid)
			continue;
		session_done(&g->v[i]);
		g->v[i] = g->v[--g->n];
		g->status = status;
		return;
	}
}

static void reap(struct guard *g)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		forget_session(g, pid, status);
	/* what is there now and is no session lost its session; killing one may orphan others */
	while (kill_children_but(is_session, g) > 0)
		;
}

/* Sessions end their programs when they are told to, and are killed when they do not. */
static void end_sessions(struct guard *g)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (unsigned i = 0; i < g->n; i++)
		(void)kill(g->v[i].pid, SIGTERM);
	for (unsigned ms = 0; g->n && ms < END_MS; ms += 5) {
		reap(g);
		nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < g->n; i++)
		(void)kill(g->v[i].pid, SIGKILL);
	while (g->n && waitpid(g->v[0].pid, NULL, 0) == g->v[0].pid)
		forget_session(g, g->v[0].pid, 0);
	reap(g);
}

/* Kills sessions that hang, and returns when the next one may be seen to. */
static uint64_t look_at_sessions(struct guard *g)
{
	uint64_t now = monotonic_ns(), next = UINT64_MAX;

	for (unsigned i = 0; i < g->n; i++) {
		uint64_t until = atomic_load(g->v[i].hangs_ns);

		if (until <= now) {
			(void)kill(g->v[i].pid, SIGKILL);
			g->s->hung(g->s->data);
			/* it ends when the kernel lets it */
			until = hang_time(g, now);
			atomic_store(g->v[i].hangs_ns, until);
		}
		next = until < next ? until : next;
	}
	return next;
}

static void wait_for_more(struct guard *g)
{
	struct timespec left = time_left(look_at_sessions(g), monotonic_ns());
	nfds_t n = 0;
	int r;

	for (unsigned i = 0; i < g->n; i++)
		g->polls[n++] = (struct pollfd){.fd = g->v[i].pid_fd, .events = POLLIN};
	if (g->listener >= 0)
		g->polls[n++] = (struct pollfd){.fd = g->listener, .events = POLLIN};
	r = ppoll(g->polls, n, g->n ? &left : NULL, &g->before);
	if (r < 0)
		g->is_interrupted = true;
	else if (r > 0 && g->listener >= 0 && g->polls[n - 1].revents)
		accept_one(g);
	reap(g);
}

/* Ours would keep the stream open when the session has ended. */
static void leave_stream(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 2; fd++)
		(void)dup2(null, fd);
	if (null > 1)
		close(null);
}

int link_serve(const struct link_server *s, struct ofbc_error *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	_cleanup_(guard_done) struct guard g = {.s = s, .listener = -1};
	sigset_t ends;
	int r = 0;

	sigprocmask(SIG_BLOCK, NULL, &g.before);
	g.v = calloc(s->max_sessions, sizeof(*g.v));
	g.polls = calloc(s->max_sessions + 1, sizeof(*g.polls));
	if (!g.v || !g.polls)
		return -ENOMEM;
	sigemptyset(&ends);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&ends, signals[i]);
	sigprocmask(SIG_BLOCK, &ends, &g.before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = s->at ? listen_at(&g, err) : start_session(&g, 0, 1);
	if (r < 0)
		return err && err->code ? r : error_set_errno(err, -r, "cannot start an agent");
	if (!s->at)
		leave_stream();
	while (!g.is_interrupted && (s->at || g.n))
		wait_for_more(&g);
	end_sessions(&g);
	return g.is_interrupted ? -EINTR : s->at || g.status == 0 ? 0 : -EIO;
}
