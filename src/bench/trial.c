/* SPDX-License-Identifier: MIT */
#include "bench/trial.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "bench/definition_data.h"
#include "bench/metric.h"
#include "bench/number.h"
#include "bench/stats.h"
#include "platform/files.h"
#include "platform/instance.h"
#include "platform/platform.h"

#define OUTPUT_MAX_MIB 256
#define GRACE_MS       2000
#define NS             1e9

/* One iteration of a program that speaks the protocol. */
struct iteration {
	uint64_t start_ns, end_ns;
};

struct iteration_list {
	struct iteration *v;
	size_t n, cap;
};

/* What is known of one instance. */
struct state {
	struct strv argv, env;
	char *workdir;
	char out[600];
	struct iteration_list iterations;
	struct pair_list results; /* RESULT lines */
	bool is_ready, has_ended;
	char *text; /* what it printed */
	size_t len;
};

struct trial {
	struct platform *p;
	const struct trial_request *rq;
	struct bench_trial *t;
	struct state *v;
	struct pair_list values; /* for the templates */
	struct instance_set *set;
	uint64_t go_ns;
	bool has_stopped;
};

static void state_done(struct state *s)
{
	strv_done(&s->argv);
	strv_done(&s->env);
	free(s->workdir);
	free(s->iterations.v);
	pair_list_done(&s->results);
	free(s->text);
}

static void trial_free(struct trial *t)
{
	instances_free(t->set);
	for (unsigned i = 0; t->v && i < t->rq->instances; i++)
		state_done(&t->v[i]);
	free(t->v);
	pair_list_done(&t->values);
}
#define _cleanup_trial_ __attribute__((cleanup(trial_free)))

__attribute__((format(printf, 3, 4))) static void judge(struct trial *t, enum bench_verdict verdict,
                                                        const char *fmt, ...)
{
	va_list ap;

	if (t->t->verdict != BENCH_OK) /* the first reason is the reason */
		return;
	t->t->verdict = verdict;
	va_start(ap, fmt);
	if (vasprintf(&t->t->reason, fmt, ap) < 0)
		t->t->reason = NULL;
	va_end(ap);
}

/* --- commands --- */

static int own_values(const struct trial_request *rq, unsigned instance, struct pair_list *ret)
{
	char text[32];
	int r = pair_copy(ret, rq->parameters);

	snprintf(text, sizeof(text), "%u", instance);
	if (r == 0)
		r = pair_set(ret, "instance", text);
	snprintf(text, sizeof(text), "%u", rq->instances);
	if (r == 0)
		r = pair_set(ret, "instances", text);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)rq->seed);
	if (r == 0)
		r = pair_set(ret, "seed", text);
	if (r == 0)
		r = pair_set(ret, "workdir", rq->workdir);
	return r == 0 ? pair_set(ret, "directory", rq->definition->directory) : r;
}

static int expand_into(const char *template, const struct pair_list *values, struct strv *ret,
                       struct ofbc_error *err)
{
	_cleanup_free_ char *text = NULL;
	int r = template_expand(template, values, &text, err);

	return r < 0 ? r : strv_add(ret, text);
}

static int add_env(const struct pair_list *env, const struct pair_list *values, struct strv *ret,
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
static int expand_command(const struct bench_definition *d, const struct bench_command *c,
                          const struct pair_list *values, struct strv *argv, struct strv *env, char **workdir,
                          struct ofbc_error *err)
{
	_cleanup_free_ char *below = NULL;
	int r = add_virtualenv(d, env);

	for (size_t i = 0; r == 0 && i < c->argv.n; i++)
		r = expand_into(c->argv.v[i], values, argv, err);
	if (r == 0)
		r = add_env(&c->env, values, env, err);
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
static void last_line(const char *path, char *buf, size_t size)
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

static int run_command(struct platform *p, const struct instance_request *rq, unsigned timeout_s,
                       struct ofbc_error *err)
{
	_cleanup_(instances_free_p) struct instance_set *set = NULL;
	const char *what = rq->program.argv[0];
	struct instance_event e = {.kind = INSTANCE_LINE};
	char said[256];
	uint64_t start;
	int r = instances_new(1, &set);

	if (r == 0)
		r = instances_add(set, rq, err);
	if (r == 0)
		r = instances_release(set, &start, err);
	while (r == 0 && e.kind == INSTANCE_LINE)
		r = instances_next(set, start + (uint64_t)timeout_s * 1000000000u, &e);
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
	last_line(rq->out_path, said, sizeof(said));
	platform_debug(p, "%s: %s", what, said);
	return error_set(err, EIO, OFBC_REASON_FAILED, "'%s' failed with status %d%s%s", what,
	                 instances_end(set, 0)->status, said[0] ? ": " : "", said);
}

int trial_command(struct platform *p, const struct bench_definition *d, const struct bench_command *c,
                  const struct pair_list *values, const char *workdir, unsigned timeout_s,
                  struct ofbc_error *err)
{
	_cleanup_strv_ struct strv argv = {0}, env = {0};
	_cleanup_free_ char *dir = NULL;
	char out[600];
	struct instance_request rq = {.out_path = out, .limit_mib = OUTPUT_MAX_MIB};
	int r = expand_command(d, c, values, &argv, &env, &dir, err);

	if (r < 0)
		return r;
	snprintf(out, sizeof(out), "%s/command.out", workdir);
	rq.program = (struct spawn){.argv = argv.v, .env = (const char *const *)env.v};
	rq.workdir = dir;
	return run_command(p, &rq, timeout_s, err);
}

/* --- instances --- */

/* The last command is the one that is measured. */
static int prepare_instance(struct trial *t, unsigned i, struct ofbc_error *err)
{
	const struct trial_request *rq = t->rq;
	const struct bench_definition *d = rq->definition;
	struct state *s = &t->v[i];
	int r;

	pair_list_done(&t->values);
	r = own_values(rq, i, &t->values);
	for (size_t k = 0; r == 0 && k < rq->places[i].env.n; k++)
		r = strv_add(&s->env, rq->places[i].env.v[k]);
	if (r == 0 && rq->preset)
		r = add_env(&rq->preset->env, &t->values, &s->env, err);
	for (size_t k = 0; r == 0 && k + 1 < d->run.n; k++)
		r = trial_command(t->p, d, &d->run.v[k], &t->values, rq->workdir, d->timeout_run_s, err);
	if (r == 0)
		r = expand_command(d, &d->run.v[d->run.n - 1], &t->values, &s->argv, &s->env, &s->workdir,
		                   err);
	for (size_t k = 0; r == 0 && rq->preset && k < rq->preset->arguments.n; k++)
		r = expand_into(rq->preset->arguments.v[k], &t->values, &s->argv, err);
	snprintf(s->out, sizeof(s->out), "%s/%u.out", rq->workdir, i);
	return r;
}

static int start_instance(struct trial *t, unsigned i, struct ofbc_error *err)
{
	const struct bench_place *place = &t->rq->places[i];
	struct state *s = &t->v[i];
	const struct instance_request rq = {
		.program = {.argv = s->argv.v,
	                    .env = (const char *const *)s->env.v,
	                    .cpus = place->cpus[0] ? place->cpus : NULL,
	                    .cgroup = place->cgroup[0] ? place->cgroup : NULL},
		.workdir = s->workdir,
		.out_path = s->out,
		.is_protocol = t->rq->definition->is_protocol,
		.limit_mib = OUTPUT_MAX_MIB,
	};

	return instances_add(t->set, &rq, err);
}

/* --- protocol --- */

static int take_iteration(struct state *s, const char *line)
{
	struct iteration *it;
	unsigned long long start, end;

	if (sscanf(line, "ITERATION %llu %llu", &start, &end) != 2 || end < start)
		return -EBADMSG;
	it = list_add(&s->iterations);
	if (!it)
		return -ENOMEM;
	*it = (struct iteration){start, end};
	return 0;
}

static int take_result(struct state *s, char *line)
{
	char *name = line + strlen("RESULT "), *value = strchr(name, ' ');

	if (!value)
		return -EBADMSG;
	*value++ = '\0';
	return pair_set(&s->results, name, value);
}

static void take_line(struct trial *t, unsigned i, const char *line)
{
	struct state *s = &t->v[i];
	char copy[512];
	int r = 0;

	text_copy(copy, sizeof(copy), line);
	if (strcmp(copy, "READY") == 0)
		s->is_ready = true;
	else if (strncmp(copy, "ITERATION ", 10) == 0)
		r = take_iteration(s, copy);
	else if (strncmp(copy, "RESULT ", 7) == 0)
		r = take_result(s, copy);
	else if (strcmp(copy, "DONE") != 0)
		r = -EBADMSG;
	if (r < 0)
		judge(t, BENCH_FAILED, "instance %u said '%.100s', which is not in the protocol", i, line);
}

static bool all_ready(const struct trial *t)
{
	for (unsigned i = 0; i < t->rq->instances; i++) {
		if (!t->v[i].is_ready)
			return false;
	}
	return true;
}

static int tell_all(struct trial *t, const char *line)
{
	for (unsigned i = 0; i < t->rq->instances; i++)
		(void)instances_send(t->set, i, line); /* who is gone says so by its end */
	return 0;
}

/* Time common to all that has passed, and the fewest iterations of one. */
static void progress(const struct trial *t, double *ret_s, size_t *ret_n)
{
	uint64_t from = 0, to = UINT64_MAX;
	size_t least = SIZE_MAX;

	for (unsigned i = 0; i < t->rq->instances; i++) {
		const struct iteration_list *l = &t->v[i].iterations;

		least = l->n < least ? l->n : least;
		if (!l->n)
			continue;
		from = l->v[0].start_ns > from ? l->v[0].start_ns : from;
		to = l->v[l->n - 1].end_ns < to ? l->v[l->n - 1].end_ns : to;
	}
	*ret_n = least;
	*ret_s = least && to > from ? (double)(to - from) / NS : 0;
}

/* GO when all are ready; STOP when all have enough, so that the load stays until then. */
static void steer(struct trial *t)
{
	double seconds;
	size_t n;

	if (!t->go_ns && all_ready(t)) {
		t->go_ns = t->p->ops->now_ns(t->p);
		(void)tell_all(t, "GO\n");
	}
	progress(t, &seconds, &n);
	if (t->go_ns && !t->has_stopped && n >= t->rq->min_iterations && seconds >= t->rq->min_window_s) {
		t->has_stopped = true;
		(void)tell_all(t, "STOP\n");
	}
}

/* --- watching --- */

static void ended_early(struct trial *t, unsigned i)
{
	char said[256];

	last_line(t->v[i].out, said, sizeof(said));
	judge(t, BENCH_FAILED, "instance %u ended before it was told to, with status %d%s%s", i,
	      instances_end(t->set, i)->status, said[0] ? ": " : "", said);
}

/* Lets the watcher look when it is time; when it wants to the next time, 0 never. */
static uint64_t look(const struct trial *t)
{
	const struct trial_watch *w = &t->rq->watch;

	if (w->step)
		w->step(w->data);
	return w->due_ns ? w->due_ns(w->data) : 0;
}

/* 0 all have ended, by themselves or by us. */
static int watch(struct trial *t, uint64_t start, struct ofbc_error *err)
{
	const struct bench_definition *d = t->rq->definition;
	uint64_t deadline = start + (uint64_t)d->timeout_run_s * 1000000000u;
	unsigned ended = 0;

	while (ended < t->rq->instances && t->t->verdict == BENCH_OK) {
		uint64_t due = look(t);
		struct instance_event e;
		int r = instances_next(t->set, due && due < deadline ? due : deadline, &e);

		if (r < 0)
			return error_set_errno(err, -r, "cannot wait for the programs");
		switch (e.kind) {
		case INSTANCE_INTERRUPTED:
			return error_set(err, EINTR, OFBC_REASON_FAILED, "interrupted");
		case INSTANCE_TIMEOUT:
			if (due && due < deadline)
				break;
			judge(t, BENCH_TIMEOUT, "not ended within %u s", d->timeout_run_s);
			break;
		case INSTANCE_LINE:
			take_line(t, e.instance, e.line);
			break;
		case INSTANCE_END:
			ended++;
			t->v[e.instance].has_ended = true;
			if (d->is_protocol && !t->has_stopped)
				ended_early(t, e.instance);
			break;
		}
		if (d->is_protocol)
			steer(t);
	}
	return 0;
}

/* --- numbers --- */

static int add_value(struct trial *t, const char *metric, int instance, double value)
{
	return bench_value_add(t->t, metric, instance, value) ? 0 : -ENOMEM;
}

/* What lies in the common window. Iterations that cross an edge count by their part for work, not for
 * latency. */
struct window {
	uint64_t from, to;
};

static double work_in(const struct iteration_list *l, struct window w)
{
	double work = 0;

	for (size_t i = 0; i < l->n; i++) {
		uint64_t a = l->v[i].start_ns > w.from ? l->v[i].start_ns : w.from;
		uint64_t b = l->v[i].end_ns < w.to ? l->v[i].end_ns : w.to;

		if (b > a)
			work += (double)(b - a) / (double)(l->v[i].end_ns - l->v[i].start_ns);
	}
	return work;
}

/* Seconds of the whole iterations, ascending; free() them. */
static double *durations(const struct iteration_list *l, struct window w, size_t *ret_n)
{
	double *v = malloc((l->n + 1) * sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < l->n; i++) {
		if (l->v[i].start_ns >= w.from && l->v[i].end_ns <= w.to)
			v[(*ret_n)++] = (double)(l->v[i].end_ns - l->v[i].start_ns) / NS;
	}
	if (v)
		stats_sort(v, *ret_n);
	return v;
}

static struct window common_window(const struct trial *t)
{
	struct window w = {0, UINT64_MAX};

	for (unsigned i = 0; i < t->rq->instances; i++) {
		const struct iteration_list *l = &t->v[i].iterations;
		uint64_t from = l->n ? l->v[0].start_ns : t->go_ns,
			 to = l->n ? l->v[l->n - 1].end_ns : t->go_ns;

		if (!t->rq->definition->is_protocol) {
			from = instances_end(t->set, i)->start_ns;
			to = instances_end(t->set, i)->end_ns;
		}
		w.from = from > w.from ? from : w.from;
		w.to = to < w.to ? to : w.to;
	}
	return w.to > w.from ? w : (struct window){w.from, w.from};
}

static double start_skew(const struct trial *t)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (unsigned i = 0; i < t->rq->instances; i++) {
		const struct iteration_list *l = &t->v[i].iterations;

		if (!l->n)
			return NAN;
		first = l->v[0].start_ns < first ? l->v[0].start_ns : first;
		last = l->v[0].start_ns > last ? l->v[0].start_ns : last;
	}
	return (double)(last - first) / NS;
}

/* Its own file, below the directory where the program ran, or what the program printed. */
static int read_text_metric(struct trial *t, unsigned i, const struct bench_metric *m, double *ret,
                            struct ofbc_error *err)
{
	const struct state *s = &t->v[i];
	_cleanup_free_ char *path = NULL, *text = NULL, *name = NULL;
	size_t len;
	int r;

	if (!m->file)
		return metric_read(m, s->text, s->len, ret, err);
	r = template_expand(m->file, &t->values, &name, err);
	if (r < 0)
		return r;
	if (name[0] == '/' ? asprintf(&path, "%s", name) < 0 : asprintf(&path, "%s/%s", s->workdir, name) < 0)
		return -ENOMEM;
	r = file_read(path, (size_t)OUTPUT_MAX_MIB << 20, &text, &len);
	if (r < 0)
		return error_set_errno(err, -r, "metric '%s': file '%s'", m->name, path);
	return metric_read(m, text, len, ret, err);
}

/* A program gets the file with the output and prints an object of numbers. Without a name of its own, all of
 * them count. */
static int read_program_metric(struct trial *t, unsigned i, const struct bench_metric *m,
                               struct ofbc_error *err)
{
	struct bench_command c = m->program;
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ struct json *doc = NULL;
	struct strv argv = {0};
	const char *keys[256];
	char out[600];
	size_t len = 0, n;
	int r = 0;

	for (size_t k = 0; r == 0 && k < m->program.argv.n; k++)
		r = strv_add(&argv, m->program.argv.v[k]);
	if (r == 0)
		r = strv_add(&argv, t->v[i].out);
	c.argv = argv;
	if (r == 0)
		r = trial_command(t->p, t->rq->definition, &c, &t->values, t->rq->workdir,
		                  t->rq->definition->timeout_cleanup_s, err);
	strv_done(&argv);
	snprintf(out, sizeof(out), "%s/command.out", t->rq->workdir);
	if (r == 0)
		r = file_read(out, (size_t)OUTPUT_MAX_MIB << 20, &text, &len);
	if (r == 0)
		r = json_parse(text, len, m->program.argv.v[0], &doc, err);
	if (r < 0)
		return r;
	n = json_keys(doc, keys, ARRAY_SIZE(keys));
	for (size_t k = 0; r == 0 && k < n && k < ARRAY_SIZE(keys); k++) {
		double v = json_double(json_get(doc, keys[k]), NAN);

		if (isnan(v))
			return error_set(err, EINVAL, OFBC_REASON_FAILED, "'%s' is no number", keys[k]);
		if (!m->name[0] || strcmp(m->name, keys[k]) == 0)
			r = add_value(t, keys[k], (int)i, v * m->scale);
	}
	return r;
}

static int iteration_metric(struct trial *t, unsigned i, const struct bench_metric *m, struct window w,
                            double *ret)
{
	const struct bench_definition *d = t->rq->definition;
	double seconds = (double)(w.to - w.from) / NS;
	_cleanup_free_ double *v = NULL;
	size_t n;

	if (m->source == METRIC_RATE) {
		*ret = seconds > 0
		               ? work_in(&t->v[i].iterations, w) * (isnan(d->work) ? 1 : d->work) / seconds
		               : NAN;
		return 0;
	}
	v = durations(&t->v[i].iterations, w, &n);
	if (!v)
		return -ENOMEM;
	*ret = n ? stats_quantile(v, n, m->source == METRIC_ITERATION ? 0.5 : m->quantile) : NAN;
	return 0;
}

static int read_metric(struct trial *t, unsigned i, const struct bench_metric *m, struct window w,
                       struct ofbc_error *err)
{
	const struct instance_end *end = instances_end(t->set, i);
	const char *said;
	double v = NAN;
	int r = 0;

	switch (m->source) {
	case METRIC_WALL:
		v = end->wall_s * m->scale;
		break;
	case METRIC_CPU:
		v = end->cpu_s * m->scale;
		break;
	case METRIC_MEMORY:
		v = (double)end->peak_bytes * m->scale;
		break;
	case METRIC_JSON:
	case METRIC_REGEX:
		r = read_text_metric(t, i, m, &v, err);
		break;
	case METRIC_PROGRAM:
		return read_program_metric(t, i, m, err);
	case METRIC_RESULT:
		said = pair_get(&t->v[i].results, m->name);
		if (!said || number_parse(said, &v) < 0)
			return error_set(err, said ? EINVAL : ENOENT, OFBC_REASON_FAILED, "metric '%s': %s",
			                 m->name, said ? said : "no such RESULT");
		v *= m->scale;
		break;
	case METRIC_RATE:
	case METRIC_ITERATION:
	case METRIC_PERCENTILE:
		r = iteration_metric(t, i, m, w, &v);
		v *= m->scale;
		break;
	}
	return r < 0 || isnan(v) ? r : add_value(t, m->name, (int)i, v);
}

/* One number for all instances. */
static int combine(struct trial *t)
{
	size_t n = t->t->n_values;
	_cleanup_free_ double *v = malloc((n + 1) * sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		char name[sizeof(t->t->values->metric)]; /* a copy: the values move as more are added */
		enum metric_pick across = PICK_MEDIAN;
		size_t k = 0;

		if (t->t->values[i].instance != 0)
			continue;
		text_copy(name, sizeof(name), t->t->values[i].metric);
		for (size_t m = 0; m < t->rq->definition->metrics.n; m++) {
			if (strcmp(t->rq->definition->metrics.v[m].name, name) == 0)
				across = t->rq->definition->metrics.v[m].across;
		}
		for (size_t j = 0; j < n; j++) {
			if (strcmp(t->t->values[j].metric, name) == 0)
				v[k++] = t->t->values[j].value;
		}
		r = add_value(t, name, -1, metric_pick(across, v, k));
	}
	return r;
}

static int check_instance(struct trial *t, unsigned i, size_t first_value, struct ofbc_error *err)
{
	const struct bench_definition *d = t->rq->definition;
	int status = instances_end(t->set, i)->status, r = 0;
	bool says_exit = false;
	char said[256];

	for (size_t k = 0; k < d->checks.n; k++)
		says_exit |= d->checks.v[k].kind == CHECK_EXIT;
	if (!says_exit && status != 0) {
		last_line(t->v[i].out, said, sizeof(said));
		judge(t, BENCH_FAILED, "instance %u: exit status %d%s%s", i, status, said[0] ? ": " : "",
		      said);
		return 0;
	}
	for (size_t k = 0; r == 0 && k < d->checks.n; k++)
		r = metric_check(&d->checks.v[k], status, t->v[i].text, t->v[i].len,
		                 t->t->values + first_value, t->t->n_values - first_value, err);
	if (r == -EBADMSG)
		judge(t, BENCH_INVALID, "instance %u: %s", i, err->message);
	return r == -EBADMSG ? 0 : r;
}

static int evaluate_instance(struct trial *t, unsigned i, struct window w, struct ofbc_error *err)
{
	size_t first = t->t->n_values;
	int r = own_values(t->rq, i, &t->values), status = instances_end(t->set, i)->status;

	if (r == 0)
		r = file_read(t->v[i].out, (size_t)OUTPUT_MAX_MIB << 20, &t->v[i].text, &t->v[i].len);
	for (size_t m = 0; r == 0 && m < t->rq->definition->metrics.n; m++) {
		struct ofbc_error why = {0};

		r = read_metric(t, i, &t->rq->definition->metrics.v[m], w, &why);
		/* a program that failed need not say its numbers */
		if (r < 0 && r != -ENOMEM && r != -EINTR) {
			if (status == 0)
				judge(t, BENCH_FAILED, "instance %u: %s", i, why.message);
			r = 0;
		}
	}
	return r == 0 ? check_instance(t, i, first, err) : r;
}

static int evaluate(struct trial *t, struct ofbc_error *err)
{
	struct window w = common_window(t);
	int r = 0;

	t->t->window_s = (double)(w.to - w.from) / NS;
	t->t->skew_s = t->rq->instances > 1 ? start_skew(t) : 0;
	for (unsigned i = 0; r == 0 && i < t->rq->instances; i++)
		r = evaluate_instance(t, i, w, err);
	return r == 0 ? combine(t) : r;
}

/* --- all --- */

static int start_all(struct trial *t, uint64_t *ret_start, struct ofbc_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < t->rq->instances; i++)
		r = prepare_instance(t, i, err);
	if (r == 0)
		r = instances_new(t->rq->instances, &t->set);
	for (unsigned i = 0; r == 0 && i < t->rq->instances; i++)
		r = start_instance(t, i, err);
	if (r == 0 && t->rq->watch.begin)
		t->rq->watch.begin(t->rq->watch.data);
	t->t->started_unix_ns = wall_clock_s() * 1000000000;
	return r == 0 ? instances_release(t->set, ret_start, err) : r;
}

int trial_run(struct platform *p, const struct trial_request *rq, struct bench_trial *ret,
              struct ofbc_error *err)
{
	struct bench_trial result = {.number = ret->number,
	                             .block = ret->block,
	                             .verdict = BENCH_OK,
	                             .skew_s = NAN,
	                             .energy_j = NAN,
	                             .energy_u = NAN};
	_cleanup_trial_ struct trial t = {
		.p = p, .rq = rq, .t = &result, .v = calloc(rq->instances, sizeof(*t.v))};
	uint64_t start = 0;
	int r = t.v ? start_all(&t, &start, err) : -ENOMEM;

	if (r == 0)
		r = watch(&t, start, err);
	if (r == 0 && rq->watch.end)
		rq->watch.end(rq->watch.data);
	if (t.set)
		(void)instances_kill(t.set, r == -EINTR || result.verdict == BENCH_TIMEOUT ? GRACE_MS : 0);
	if (r == 0 && result.verdict == BENCH_OK)
		r = evaluate(&t, err);
	if (r < 0) {
		bench_trial_done(&result);
		return r;
	}
	*ret = result;
	return 0;
}
