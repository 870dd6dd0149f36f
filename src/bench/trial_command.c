/* SPDX-License-Identifier: MIT */
/* Commands of a definition: their text, and those that run beside the instances. */
#include "bench/trial_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "bench/definition_data.h"
#include "platform/files.h"
#include "platform/platform.h"

#define LOOK_NS 500000000u

/* What every command may name: parameters, and where it is. */
static int values_with(const struct bench_definition *d, const struct pair_list *values, const char *workdir,
                       struct pair_list *ret)
{
	int r = pair_copy(ret, values);

	if (r == 0)
		r = pair_set(ret, "workdir", workdir);
	if (r == 0)
		r = pair_set(ret, "programs", d->programs);
	return r == 0 ? pair_set(ret, "directory", d->directory) : r;
}

int trial_values(const struct trial_request *rq, unsigned instance, struct pair_list *ret)
{
	const struct trial_program *p = trial_program(rq, instance);
	char text[32];
	int r = values_with(p->definition, p->parameters, rq->workdir, ret);

	snprintf(text, sizeof(text), "%u", rq->first + instance);
	if (r == 0)
		r = pair_set(ret, "instance", text);
	snprintf(text, sizeof(text), "%u", rq->of ? rq->of : rq->instances);
	if (r == 0)
		r = pair_set(ret, "instances", text);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)rq->seed);
	return r == 0 ? pair_set(ret, "seed", text) : r;
}

int command_expand_text(const char *template, const struct pair_list *values, struct strv *ret,
                        struct ofbc_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = template_expand(template, values, &text, err);

	return r < 0 ? r : strv_add(ret, text);
}

int command_add_env(const struct pair_list *env, const struct pair_list *values, struct strv *ret,
                    struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < env->n; i++) {
		_cleanup_free_ char *text = NULL;

		r = template_expand(env->v[i].value, values, &text, err);
		if (r == 0)
			r = strv_addf(ret, "%s=%s", env->v[i].name, text);
	}
	return r;
}

/* A Python environment is used by finding its programs first. */
static int add_virtualenv(const struct bench_definition *d, struct strv *env)
{
	_cleanup_free_ char *bin = NULL, *path = NULL;

	if (!d->is_virtualenv)
		return 0;
	if (asprintf(&bin, "%s/.venv/bin", d->directory) < 0)
		bin = NULL;
	path = bin ? path_with(bin) : NULL;
	if (!path || strv_addf(env, "PATH=%s", path) < 0)
		return -ENOMEM;
	return strv_addf(env, "VIRTUAL_ENV=%s/.venv", d->directory);
}

/* argv, environment and directory of one command. A program beside the definition is found there, as "./x" or
 * "bin/x". */
int command_expand(const struct bench_definition *d, const struct bench_command *c,
                   const struct pair_list *values, struct strv *argv, struct strv *env, char **workdir,
                   struct ofbc_error *err)
{
	_cleanup_free_ char *below = NULL;
	int r = add_virtualenv(d, env);

	for (size_t i = 0; r == 0 && i < c->argv.n; i++)
		r = command_expand_text(c->argv.v[i], values, argv, err);
	if (r == 0)
		r = command_add_env(&c->env, values, env, err);
	if (r == 0 && c->workdir)
		r = template_expand(c->workdir, values, &below, err);
	if (r < 0)
		return r;
	if (!below)
		*workdir = strdup(d->directory);
	else if (below[0] == '/')
		*workdir = steal_ptr(below);
	else if (asprintf(workdir, "%s/%s", d->directory, below) < 0)
		*workdir = NULL;
	return *workdir ? 0 : -ENOMEM;
}

/* The last line that says something, for a reason. */
void command_last_line(const char *path, char *buf, size_t size)
{
	char text[2048], *line;
	size_t n;

	buf[0] = '\0';
	if (file_read_end(path, text, sizeof(text)) < 0)
		return;
	n = strlen(text);
	while (n && strchr(" \t\r\n", text[n - 1]))
		text[--n] = '\0';
	line = strrchr(text, '\n');
	text_copy(buf, size, line ? line + 1 : text);
	for (char *p = buf; *p; p++)
		*p = (unsigned char)*p < ' ' ? ' ' : *p;
}

/* Its end or its line, or the deadline; meanwhile what else has to be looked after. */
static int next_event(struct platform *p, struct instance_set *set, uint64_t deadline_ns,
                      struct instance_event *e)
{
	while (1) {
		uint64_t soon = monotonic_ns() + LOOK_NS;
		bool is_last = !p->meanwhile || soon >= deadline_ns;
		int r = instances_next(set, is_last ? deadline_ns : soon, e);

		if (r < 0 || e->kind != INSTANCE_TIMEOUT || is_last)
			return r;
		r = platform_meanwhile(p);
		if (r < 0)
			return r;
	}
}

static int run_command(struct platform *p, const struct instance_request *rq, unsigned timeout_s,
                       struct ofbc_error *err)
{
	_cleanup_(instances_free_p) struct instance_set *set = NULL;
	const char *what = rq->program.argv[0];
	struct instance_event e = {.kind = INSTANCE_LINE};
	char said[256];
	uint64_t start;
	int r = instances_new(1, false, &set);

	if (r == 0)
		r = instances_add(set, rq, err);
	if (r == 0)
		r = instances_release(set, &start, err);
	while (r == 0 && e.kind == INSTANCE_LINE)
		r = next_event(p, set, start + (uint64_t)timeout_s * 1000000000u, &e);
	if (r < 0)
		return r;
	if (e.kind == INSTANCE_INTERRUPTED)
		return error_set(err, EINTR, OFBC_REASON_FAILED, "'%s' was interrupted", what);
	if (e.kind == INSTANCE_TIMEOUT) {
		error_set(err, ETIMEDOUT, OFBC_REASON_FAILED, "'%s' did not end within %u s", what,
		          timeout_s);
		error_hint(err, "give it more time under 'timeout' in the definition");
		return -ETIMEDOUT;
	}
	if (instances_end(set, 0)->status == 0)
		return 0;
	command_last_line(rq->out_path, said, sizeof(said));
	platform_debug(p, "%s: %s", what, said);
	return error_set(err, EIO, OFBC_REASON_FAILED, "'%s' failed with status %d%s%s", what,
	                 instances_end(set, 0)->status, said[0] ? ": " : "", said);
}

int trial_command(struct platform *p, const struct bench_definition *d, const struct bench_command *c,
                  const struct pair_list *values, const char *workdir, unsigned timeout_s,
                  struct ofbc_error *err)
{
	_cleanup_strv_ struct strv argv = {0}, env = {0};
	__attribute__((cleanup(pair_list_done))) struct pair_list all = {0};
	_cleanup_free_ char *dir = NULL;
	char out[600];
	struct instance_request rq = {.out_path = out, .limit_mib = OUTPUT_MAX_MIB};
	int r = values_with(d, values, workdir, &all);

	if (r == 0)
		r = command_expand(d, c, &all, &argv, &env, &dir, err);
	if (r < 0)
		return r;
	snprintf(out, sizeof(out), "%s/command.out", workdir);
	rq.program = (struct spawn){.argv = argv.v, .env = (const char *const *)env.v};
	rq.workdir = dir;
	return run_command(p, &rq, timeout_s, err);
}
