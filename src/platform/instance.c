/* SPDX-License-Identifier: MIT */
#include "platform/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "platform/linux.h"

#define LINE_MAX_BYTES   4096
#define LOOK_NS          5000000u
#define DEFAULT_GRACE_MS 2000
#define PROTOCOL_FD      3 /* one digit: small shells know no more */

struct instance {
	pid_t pid;
	int pid_fd, protocol;
	int error;  /* pipe with the reason why it was not executed; -1: `failed` has it */
	int failed; /* 0 or -errno */
	bool has_ended, is_reaped;
	struct instance_end end;
	char name[64]; /* of the program, for messages */
	char line[LINE_MAX_BYTES];
	size_t have, used; /* bytes in line; those of the line given out last */
};

struct instance_set {
	struct instance *v;
	struct pollfd *polls;
	uint64_t *left_ns; /* of each: when it left the gate; shared with them, as it has to be told by the
	                      child itself */
	unsigned n, max, running;
	int gate_read, gate_write, outside;
	uint64_t released_ns;
	bool was_subreaper, is_swept; /* nothing of it is left */
};

int instances_new(unsigned max, bool has_gate, struct instance_set **ret)
{
	struct instance_set *set = calloc(1, sizeof(*set));
	int gate[2], was = 0;

	if (!set)
		return -ENOMEM;
	set->v = calloc(max, sizeof(*set->v));
	set->polls = calloc(2 * (size_t)max + 1, sizeof(*set->polls));
	set->max = max;
	set->gate_read = set->gate_write = set->outside = -1;
	if (!set->v || !set->polls || (has_gate && pipe2(gate, O_CLOEXEC) < 0)) {
		instances_free(set);
		return -ENOMEM;
	}
	if (has_gate) {
		set->gate_read = gate[0];
		set->gate_write = gate[1];
		set->left_ns = mmap(NULL, max * sizeof(*set->left_ns), PROT_READ | PROT_WRITE,
		                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (set->left_ns == MAP_FAILED) {
			set->left_ns = NULL;
			instances_free(set);
			return -ENOMEM;
		}
	}
	prctl(PR_GET_CHILD_SUBREAPER, &was);
	set->was_subreaper = was;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	*ret = set;
	return 0;
}

void instances_attend(struct instance_set *set, int fd)
{
	set->outside = fd;
}

/* --- start --- */

struct child {
	const struct instance_request *rq;
	char **env;
	cpu_set_t cpus;
	int gate, gate_write, error, protocol, out, cgroup;
	int *failed;       /* ours: shared with a child that has no gate */
	uint64_t *left_ns; /* to be told by a child that has one */
};

/* Before all other load, where that is allowed: for the moment in which many things have to happen at once.
 */
static bool hurry(void)
{
	const struct sched_param first = {.sched_priority = 1};

	return sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_FIFO, &first) == 0;
}

static void relax(void)
{
	(void)sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
}

/* The gate is open when the last writer has closed it. Where there are fewer processors than instances, those
 * that have left let the others leave, too, before they begin with what may keep a processor for long. */
static void wait_for_gate(int gate, int writer, uint64_t *ret_left_ns)
{
	bool in_hurry = hurry();
	char c;

	close(writer); /* who is not here yet keeps the gate closed for all */
	while (read(gate, &c, 1) < 0 && errno == EINTR)
		;
	*ret_left_ns = monotonic_ns();
	if (in_hurry)
		relax();
	else
		sched_yield();
}

static int prepare_child(const struct child *c)
{
	const struct spawn *s = &c->rq->program;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), out = c->out >= 0 ? c->out : null;

	if (setpgid(0, 0) < 0 || null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return -errno;
	if (c->cgroup >= 0 && write(c->cgroup, "0", 1) != 1)
		return -errno;
	if (s->cpus && sched_setaffinity(0, sizeof(c->cpus), &c->cpus) < 0)
		return -errno;
	if (c->rq->limit_mib) {
		rlim_t bytes = (rlim_t)c->rq->limit_mib << 20;

		if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, bytes}) < 0)
			return -errno;
	}
	if (c->rq->workdir && chdir(c->rq->workdir) < 0)
		return -errno;
	if (c->protocol == PROTOCOL_FD)
		return fcntl(PROTOCOL_FD, F_SETFD, 0) < 0 ? -errno : 0;
	return c->protocol >= 0 && dup2(c->protocol, PROTOCOL_FD) < 0 ? -errno : 0;
}

/* A single instance has nobody to wait for: it is started as it is added, and shares our memory until it
 * executes its program, which spares the copying of page tables. So only system calls are allowed here. */
static void __attribute__((noreturn)) run_child(const struct child *c)
{
	int gate, error, writer, r;

	if (c->gate < 0) {
		r = prepare_child(c);
		*c->failed = r < 0 ? r : exec_program(c->rq->program.argv, c->env);
		_exit(127);
	}
	/* out of the way of the number that the program is promised */
	gate = fcntl(c->gate, F_DUPFD_CLOEXEC, PROTOCOL_FD + 1);
	error = fcntl(c->error, F_DUPFD_CLOEXEC, PROTOCOL_FD + 1);
	writer = fcntl(c->gate_write, F_DUPFD_CLOEXEC, PROTOCOL_FD + 1);
	close(c->gate_write);
	close(c->gate);
	close(c->error);
	r = gate < 0 || error < 0 || writer < 0 ? -EMFILE : prepare_child(c);
	if (r < 0)
		exec_fail(error, -r);
	wait_for_gate(gate, writer, c->left_ns);
	exec_child(c->rq->program.argv, c->env, error);
}

static __attribute__((noinline)) pid_t fork_child(const struct child *c)
{
	pid_t pid = c->gate < 0 ? vfork() : fork();

	if (pid == 0)
		run_child(c);
	return pid;
}

static int open_out(const char *path)
{
	return path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644) : -1;
}

/* Everything that a child needs, opened before the fork. */
static int start(struct instance_set *set, const struct instance_request *rq, struct instance *in, char **env)
{
	_cleanup_close_ int out = open_out(rq->out_path), err_r = -1, err_w = -1, ours = -1, theirs = -1,
			    cgroup = -1;
	struct child c = {.rq = rq, .env = env, .gate = set->gate_read, .gate_write = set->gate_write};
	int err[2], pair[2];

	if (rq->out_path && out < 0)
		return -errno;
	if (rq->program.cpus && exec_cpus(rq->program.cpus, &c.cpus) < 0)
		return -EINVAL;
	if (rq->program.cgroup) {
		char path[SYSFS_PATH_MAX + 16];

		snprintf(path, sizeof(path), "/%s/cgroup.procs", rq->program.cgroup);
		cgroup = open(path, O_WRONLY | O_CLOEXEC);
		if (cgroup < 0)
			return -errno;
	}
	if (c.gate >= 0) {
		if (pipe2(err, O_CLOEXEC) < 0)
			return -errno;
		err_r = err[0];
		err_w = err[1];
	}
	if (rq->is_protocol) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return -errno;
		ours = pair[0];
		theirs = pair[1];
	}
	c.error = err_w;
	c.failed = &in->failed;
	c.left_ns = set->left_ns ? set->left_ns + set->n : NULL;
	c.protocol = theirs;
	c.out = out;
	c.cgroup = cgroup;
	if (c.gate < 0)
		set->released_ns = monotonic_ns();
	in->pid = fork_child(&c);
	if (in->pid < 0)
		return -errno;
	(void)setpgid(in->pid, in->pid); /* whoever of us is first */
	in->pid_fd = (int)syscall(SYS_pidfd_open, in->pid, 0);
	in->error = steal_fd(&err_r);
	in->protocol = steal_fd(&ours);
	return 0;
}

/* Ours with theirs on top, and the number of the protocol's socket. */
static char **make_env(const struct instance_request *rq)
{
	static char number[] = "OPENFORBC_BENCH_FD=3";
	char **merged = exec_environment(rq->program.env, rq->program.drop), **all;
	size_t n = 0;

	if (!merged || !rq->is_protocol)
		return merged;
	while (merged[n])
		n++;
	all = calloc(n + 2, sizeof(*all));
	if (all) {
		all[0] = number;
		memcpy(all + 1, merged, n * sizeof(*all));
	}
	free(merged);
	return all;
}

int instances_add(struct instance_set *set, const struct instance_request *rq, struct ofbc_error *err)
{
	struct instance *in = &set->v[set->n];
	_cleanup_free_ char **env = make_env(rq);
	int r;

	if (set->n == set->max)
		return -ENOSPC;
	*in = (struct instance){.pid_fd = -1, .protocol = -1, .error = -1};
	text_copy(in->name, sizeof(in->name), rq->program.argv[0]);
	r = env ? start(set, rq, in, env) : -ENOMEM;
	if (r < 0)
		return error_set_errno(err, -r, "cannot start '%s'", rq->program.argv[0]);
	set->n++;
	set->running++;
	return 0;
}

int instances_release(struct instance_set *set, uint64_t *ret_ns, struct ofbc_error *err)
{
	if (set->gate_read >= 0) {
		close(steal_fd(&set->gate_read));
		set->released_ns = monotonic_ns();
		close(steal_fd(&set->gate_write));
	}
	*ret_ns = set->released_ns;
	for (unsigned i = 0; i < set->n; i++) {
		struct instance *in = &set->v[i];
		int r = in->failed;

		if (in->error >= 0) {
			r = exec_error(in->error);
			close(steal_fd(&in->error));
		}
		in->end.start_ns = set->left_ns ? set->left_ns[i] : set->released_ns;
		if (r < 0) {
			error_set_errno(err, -r, "cannot execute '%s'", in->name);
			if (r == -ENOENT)
				error_hint(err, "install it, or give the command's whole path");
			return r;
		}
	}
	return 0;
}

/* --- what happens --- */

static void reap(struct instance_set *set, struct instance *in)
{
	struct rusage use;
	int status;

	if (in->has_ended || wait4(in->pid, &status, WNOHANG, &use) != in->pid)
		return;
	in->end.end_ns = monotonic_ns();
	in->has_ended = true;
	set->running--;
	in->end.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	in->end.wall_s = (double)(in->end.end_ns - in->end.start_ns) / 1e9;
	in->end.cpu_s = (double)use.ru_utime.tv_sec + (double)use.ru_stime.tv_sec +
	                ((double)use.ru_utime.tv_usec + (double)use.ru_stime.tv_usec) / 1e6;
	in->end.peak_bytes = (uint64_t)use.ru_maxrss * 1024;
}

/* A whole line that was read already. */
static bool take_line(struct instance *in, const char **ret)
{
	char *end;

	if (in->used) {
		memmove(in->line, in->line + in->used, in->have - in->used);
		in->have -= in->used;
		in->used = 0;
	}
	end = memchr(in->line, '\n', in->have);
	if (!end && in->have < sizeof(in->line) - 1)
		return false;
	if (!end)
		end = in->line + in->have; /* longer than any line of the protocol: cut */
	*end = '\0';
	in->used = (size_t)(end - in->line) + 1;
	if (in->used > in->have)
		in->used = in->have;
	*ret = in->line;
	return true;
}

static void read_protocol(struct instance *in)
{
	ssize_t n = recv(in->protocol, in->line + in->have, sizeof(in->line) - 1 - in->have, MSG_DONTWAIT);

	if (n > 0)
		in->have += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close(steal_fd(&in->protocol));
}

static bool has_event(struct instance_set *set, struct instance_event *ret)
{
	for (unsigned i = 0; i < set->n; i++) {
		if (take_line(&set->v[i], &ret->line)) {
			ret->kind = INSTANCE_LINE;
			ret->instance = i;
			return true;
		}
	}
	for (unsigned i = 0; i < set->n; i++) {
		/* its last lines come before its end */
		if (set->v[i].has_ended && !set->v[i].is_reaped && set->v[i].protocol < 0) {
			set->v[i].is_reaped = true;
			ret->kind = INSTANCE_END;
			ret->instance = i;
			return true;
		}
	}
	return false;
}

static int fill_polls(struct instance_set *set)
{
	int n = 0;

	for (unsigned i = 0; i < set->n; i++) {
		const struct instance *in = &set->v[i];

		if (!in->has_ended)
			set->polls[n++] = (struct pollfd){.fd = in->pid_fd, .events = POLLIN};
		if (in->protocol >= 0)
			set->polls[n++] = (struct pollfd){.fd = in->protocol, .events = POLLIN};
	}
	return n;
}

/* What the instances said, and which of them ended. */
static void look_at_all(struct instance_set *set)
{
	for (unsigned i = 0; i < set->n; i++) {
		struct instance *in = &set->v[i];

		reap(set, in);
		if (in->protocol >= 0)
			read_protocol(in);
		/* a child of it may hold the socket open */
		if (in->has_ended && in->protocol >= 0 && !memchr(in->line, '\n', in->have) &&
		    recv(in->protocol, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
			close(steal_fd(&in->protocol));
	}
}

/* Until the deadline; where the kernel says of no process that it has ended (before 5.3, under Valgrind, in
 * some containers) we look often. 0: as long as it takes. */
static uint64_t look_again(const struct instance_set *set, uint64_t deadline_ns, uint64_t now)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct instance *in = &set->v[i];

		if (!in->has_ended && in->pid_fd < 0 && (!deadline_ns || deadline_ns > now + LOOK_NS))
			return now + LOOK_NS;
	}
	return deadline_ns;
}

int instances_next(struct instance_set *set, uint64_t deadline_ns, struct instance_event *ret)
{
	bool is_outside = false;
	sigset_t none;

	sigemptyset(&none);
	while (!has_event(set, ret)) {
		uint64_t now = monotonic_ns(), until = look_again(set, deadline_ns, now);
		struct timespec left = time_left(until, now);
		int n = fill_polls(set), r;

		if (is_outside) {
			*ret = (struct instance_event){.kind = INSTANCE_OUTSIDE};
			return 0;
		}
		if (set->outside >= 0)
			set->polls[n++] = (struct pollfd){.fd = set->outside, .events = POLLIN};
		r = ppoll(set->polls, (nfds_t)n, until ? &left : NULL, &none);
		if (r < 0 && errno == EINTR) {
			*ret = (struct instance_event){.kind = INSTANCE_INTERRUPTED};
			return 0;
		}
		if (r < 0)
			return -errno;
		/* also when it was late: what the programs say is heard first */
		if (r == 0 && deadline_ns && monotonic_ns() >= deadline_ns) {
			*ret = (struct instance_event){.kind = INSTANCE_TIMEOUT};
			return 0;
		}
		is_outside = set->outside >= 0 && set->polls[n - 1].revents;
		look_at_all(set);
	}
	return 0;
}

int instances_send(struct instance_set *set, unsigned instance, const char *line)
{
	size_t len = strlen(line);

	if (set->v[instance].protocol < 0)
		return -EPIPE;
	return send(set->v[instance].protocol, line, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -errno;
}

void instances_send_all(struct instance_set *set, const char *line)
{
	bool in_hurry = hurry(); /* or the first ones keep us from telling the others */

	for (unsigned i = 0; i < set->n; i++)
		(void)instances_send(set, i, line); /* who is gone says so by its end */
	if (in_hurry)
		relax();
}

int instances_find(const struct instance_set *set, int pid)
{
	pid_t group = getpgid(pid);

	for (unsigned i = 0; i < set->n; i++) {
		if (set->v[i].pid == pid || set->v[i].pid == group)
			return (int)i;
	}
	return -1;
}

bool instances_running(const struct instance_set *set)
{
	return set->running > 0;
}

const struct instance_end *instances_end(const struct instance_set *set, unsigned instance)
{
	return &set->v[instance].end;
}

/* --- end --- */

static void signal_groups(const struct instance_set *set, int signal)
{
	for (unsigned i = 0; i < set->n; i++)
		(void)kill(-set->v[i].pid, signal);
}

static bool is_instance(const void *data, pid_t pid)
{
	const struct instance_set *set = data;

	for (unsigned i = 0; i < set->n; i++) {
		if (set->v[i].pid == pid)
			return true;
	}
	return false;
}

unsigned instances_kill(struct instance_set *set, unsigned grace_ms)
{
	uint64_t end = monotonic_ns() + (uint64_t)grace_ms * 1000000u;
	unsigned found = 0, more;

	if (set->running)
		signal_groups(set, SIGTERM);
	while (set->running && monotonic_ns() < end) {
		struct timespec t = {0, 2000000};
		int n = fill_polls(set);

		(void)ppoll(set->polls, (nfds_t)n, &t, NULL);
		for (unsigned i = 0; i < set->n; i++)
			reap(set, &set->v[i]);
	}
	signal_groups(set, SIGKILL); /* also what a program that ended left in its group */
	while (set->running) {
		int n = fill_polls(set);

		(void)poll(set->polls, (nfds_t)n, 100);
		for (unsigned i = 0; i < set->n; i++)
			reap(set, &set->v[i]);
	}
	/* Processes that left their group and lost their parent are our children now; ours have no other ones
	 * meanwhile. Killing one may orphan others. */
	while ((more = kill_children_but(is_instance, set)) > 0)
		found += more;
	set->is_swept = true;
	return found;
}

void instances_free(struct instance_set *set)
{
	if (!set)
		return;
	if (set->gate_read >= 0)
		close(set->gate_read);
	if (set->n && !set->is_swept)
		(void)instances_kill(set, set->gate_write >= 0 ? 0 : DEFAULT_GRACE_MS);
	if (set->gate_write >= 0)
		close(set->gate_write);
	for (unsigned i = 0; i < set->n; i++) {
		const int fds[] = {set->v[i].pid_fd, set->v[i].protocol, set->v[i].error};

		for (size_t k = 0; k < ARRAY_SIZE(fds); k++) {
			if (fds[k] >= 0)
				close(fds[k]);
		}
	}
	if (!set->was_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 0);
	if (set->left_ns)
		munmap(set->left_ns, set->max * sizeof(*set->left_ns));
	free(set->v);
	free(set->polls);
	free(set);
}
