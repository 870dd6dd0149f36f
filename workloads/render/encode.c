/* SPDX-License-Identifier: MIT */
#include "encode.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "encode_parts.h"

#define STALL_MS    10000 /* a picture that is not taken by then never will be */
#define END_MS      5000  /* for the frames that are still in the child */
#define DEFAULT_FPS 60

extern char **environ;

struct encoder {
	struct encoder_settings s;
	pid_t pid;   /* 0: it has ended */
	int in, out; /* pictures to it, the stream from it; -1 closed */
	int log;     /* what it says */
	FILE *file;
	struct stream_count count;
	uint64_t handed; /* pictures */
};

/* --- the child --- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Waits at most so long: its status as the shell has it; -ETIMEDOUT. */
static int wait_child(struct encoder *e, unsigned wait_ms)
{
	int status = 0;

	for (unsigned i = 0; e->pid; i++) {
		if (waitpid(e->pid, &status, WNOHANG) == e->pid)
			e->pid = 0;
		else if (i >= wait_ms)
			return -ETIMEDOUT;
		else
			usleep(1000);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void end_child(struct encoder *e)
{
	close_fd(&e->in);
	close_fd(&e->out);
	if (wait_child(e, 1000) != -ETIMEDOUT)
		return;
	kill(e->pid, SIGKILL);
	while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	e->pid = 0;
}

static void last_line(const struct encoder *e, char *buf, size_t size)
{
	char text[2048];
	ssize_t n = e->log < 0 ? 0 : lseek(e->log, 0, SEEK_END);
	off_t from = n > (ssize_t)sizeof(text) - 1 ? n - (off_t)sizeof(text) + 1 : 0;

	n = n > 0 ? pread(e->log, text, sizeof(text) - 1, from) : 0;
	text[n > 0 ? n : 0] = '\0';
	stream_last_line(text, buf, size);
}

/* It is gone, or gives nothing any more: what it said last is why. */
static int failed(struct encoder *e, const char *what, struct ofbc_error *err)
{
	char said[256];
	int status;

	close_fd(&e->in);
	status = wait_child(e, 1000);
	last_line(e, said, sizeof(said));
	error_set(err, EIO, OFBC_REASON_FAILED, "ffmpeg (%s) %s%s%s", encoder_name(e),
	          status == -ETIMEDOUT ? what : "ended before its frames did", said[0] ? ": " : "", said);
	error_hint(err, "another codec: --encode %s", ENCODE_CHOICES);
	return -EIO;
}

static int add_actions(posix_spawn_file_actions_t *actions, int in, int out, int log)
{
	int r = posix_spawn_file_actions_adddup2(actions, in, 0);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out, 1);
	return r ? r : posix_spawn_file_actions_adddup2(actions, log, 2);
}

/* We ignore SIGPIPE, it must not. */
static int spawn(struct encoder *e, char *const *argv, int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t pipe_only;
	int r;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
		(void)posix_spawnattr_setsigdefault(&attributes, &pipe_only);
		r = add_actions(&actions, in, out, e->log);
		if (r == 0)
			r = posix_spawnp(&e->pid, argv[0], &actions, &attributes, argv, environ);
		if (r)
			e->pid = 0;
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Pipes that only we and it have; a large one saves it from being woken for each piece of a picture. */
static int start(struct encoder *e, struct ofbc_error *err)
{
	struct encoder_command command;
	int to[2] = {-1, -1}, from[2] = {-1, -1}, r = 0;

	encoder_command(&e->s, &command);
	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0)
		r = spawn(e, command.argv, to[0], from[1]);
	close_fd(&to[0]);
	close_fd(&from[1]);
	e->in = to[1];
	e->out = from[0];
	if (r == -ENOENT) {
		error_set(err, ENOENT, OFBC_REASON_NOT_SUPPORTED, "ffmpeg is not installed");
		error_hint(err, "on Debian: `apt install ffmpeg`");
		return r;
	}
	if (r < 0)
		return error_set_errno(err, -r, "cannot start ffmpeg");
	(void)fcntl(e->in, F_SETPIPE_SZ, 1 << 20); /* it works with a small one, too */
	if (fcntl(e->in, F_SETFL, O_NONBLOCK) < 0 || fcntl(e->out, F_SETFL, O_NONBLOCK) < 0)
		return error_set_errno(err, errno, "cannot use the pipes of ffmpeg");
	return 0;
}

static int open_one(const struct encoder_settings *s, struct encoder **ret, struct ofbc_error *err)
{
	struct encoder *e = calloc(1, sizeof(*e));
	FILE *log = e ? tmpfile() : NULL;
	int r = log ? 0 : e ? -errno : -ENOMEM;

	if (!e)
		return -ENOMEM;
	*e = (struct encoder){.s = *s, .in = -1, .out = -1, .log = -1};
	e->s.fps = s->fps ? s->fps : DEFAULT_FPS;
	if (log) {
		e->log = fcntl(fileno(log), F_DUPFD_CLOEXEC, 3);
		fclose(log);
	}
	if (r == 0 && s->file[0]) {
		e->file = fopen(s->file, "we");
		r = e->file ? 0 : -errno;
	}
	if (r < 0)
		error_set_errno(err, -r, "%s", log ? s->file : "a file for what ffmpeg says");
	else
		r = start(e, err);
	if (r < 0) {
		encoder_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

void encoder_free(struct encoder *e)
{
	if (!e)
		return;
	end_child(e);
	close_fd(&e->log);
	if (e->file)
		fclose(e->file);
	free(e);
}

/* --- pictures in, stream out --- */

/* 1 there was something; 0 not now; -EPIPE the end. */
static int take_stream(struct encoder *e)
{
	uint8_t buf[65536];
	ssize_t n = read(e->out, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE;
	stream_count_add(&e->count, buf, (size_t)n);
	if (e->file && fwrite(buf, 1, (size_t)n, e->file) != (size_t)n)
		return -EIO;
	return 1;
}

/* As much of the picture as goes; what comes back meanwhile is taken, else both would wait for each other. */
static int exchange(struct encoder *e, const uint8_t **at, size_t *left, struct ofbc_error *err)
{
	struct pollfd fds[] = {{.fd = e->in, .events = POLLOUT}, {.fd = e->out, .events = POLLIN}};
	int r = poll(fds, 2, STALL_MS);
	ssize_t n;

	if (r < 0)
		return errno == EINTR ? 0 : error_set_errno(err, errno, "cannot wait for ffmpeg");
	if (r == 0)
		return failed(e, "did not take a frame for 10 s", err);
	r = fds[1].revents ? take_stream(e) : 0;
	if (r == -EIO)
		return error_set_errno(err, EIO, "%s", e->s.file);
	if (r < 0)
		return failed(e, "closed its output", err);
	n = fds[0].revents ? write(e->in, *at, *left) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return failed(e, "closed its input", err);
	*at += n > 0 ? n : 0;
	*left -= n > 0 ? (size_t)n : 0;
	return 0;
}

int encoder_frame(struct encoder *e, const uint8_t *rgba, struct ofbc_error *err)
{
	size_t left = (size_t)e->s.width * e->s.height * 4;
	int r = 0;

	while (r == 0 && left)
		r = exchange(e, &rgba, &left, err);
	e->handed += r == 0;
	return r;
}

void encoder_skip(struct encoder *e)
{
	e->count.skipped = e->handed;
}

uint64_t encoder_bytes(const struct encoder *e)
{
	return stream_count_bytes(&e->count);
}

/* The rest of the stream, until it is closed: 0; -ETIMEDOUT. */
static int take_rest(struct encoder *e)
{
	struct pollfd fd = {.fd = e->out, .events = POLLIN};
	int r = 0;

	while (r >= 0) {
		r = poll(&fd, 1, END_MS);
		if (r == 0)
			return -ETIMEDOUT;
		r = r > 0 ? take_stream(e) : errno == EINTR ? 0 : -errno;
	}
	return r == -EPIPE ? 0 : r;
}

int encoder_finish(struct encoder *e, struct ofbc_error *err)
{
	int r, status;
	char said[256];

	close_fd(&e->in);
	r = take_rest(e);
	status = r == 0 ? wait_child(e, END_MS) : r;
	if (status == -ETIMEDOUT)
		return failed(e, "did not end within 5 s", err);
	if (status < 0)
		return error_set_errno(err, -status, "%s", e->s.file);
	last_line(e, said, sizeof(said));
	if (status)
		return error_set(err, EIO, OFBC_REASON_FAILED, "ffmpeg (%s) ended with status %d%s%s",
		                 encoder_name(e), status, said[0] ? ": " : "", said);
	if (e->count.frames != e->handed)
		return error_set(err, EIO, OFBC_REASON_FAILED,
		                 "%llu of %llu frames are in the stream of ffmpeg (%s)%s%s",
		                 (unsigned long long)e->count.frames, (unsigned long long)e->handed,
		                 encoder_name(e), said[0] ? ": " : "", said);
	return 0;
}

/* --- which codec --- */

const char *encoder_name(const struct encoder *e)
{
	return encoder_codec_name(e->s.codec);
}

/* Does it encode a frame? Drivers are known to be there and not to work. */
static int try_codec(const struct encoder_settings *s, struct ofbc_error *err)
{
	_cleanup_free_ uint8_t *black = calloc((size_t)s->width * s->height, 4);
	struct encoder_settings without_file = *s;
	struct encoder *e = NULL;
	int r = black ? 0 : -ENOMEM;

	without_file.file = "";
	if (r == 0)
		r = open_one(&without_file, &e, err);
	if (r == 0)
		r = encoder_frame(e, black, err);
	if (r == 0)
		r = encoder_finish(e, err);
	encoder_free(e);
	return r;
}

static int find_codec(struct encoder_settings *s, struct ofbc_error *err)
{
	for (int codec = ENCODE_AUTO + 1; codec < ENCODE_CODECS; codec++) {
		int r;

		s->codec = (enum encode_codec)codec;
		r = try_codec(s, err);
		if (r == 0 || r == -ENOENT || r == -ENOMEM)
			return r;
	}
	error_wrap(err, "no codec works, the last one says");
	if (err)
		err->reason = OFBC_REASON_NOT_SUPPORTED;
	return -ENOENT;
}

int encoder_open(const struct encoder_settings *s, struct encoder **ret, struct ofbc_error *err)
{
	struct encoder_settings chosen = *s;
	struct ofbc_error why = {0};
	int r = s->codec == ENCODE_AUTO ? find_codec(&chosen, &why) : 0;

	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	return open_one(&chosen, ret, err);
}
