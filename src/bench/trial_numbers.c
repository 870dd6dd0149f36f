/* SPDX-License-Identifier: MIT */
/* The numbers of a trial, and its checks. */
#include "bench/trial_parts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "bench/definition_data.h"
#include "bench/histogram.h"
#include "bench/number.h"
#include "bench/stats.h"
#include "platform/files.h"
#include "platform/platform.h"

#define SKEW_MAX 0.01 /* of the window */

static int add_value(struct trial *t, const char *metric, int instance, double value)
{
	return bench_value_add(t->t, metric, instance, value) ? 0 : -ENOMEM;
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
	const struct bench_definition *d = trial_program(t->rq, i)->definition;
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
		r = trial_command(t->p, d, &c, &t->values, t->rq->workdir, d->timeout_cleanup_s, err);
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

		if (isnan(v) || !keys[k][0])
			return error_set(err, EINVAL, OFBC_REASON_FAILED, "'%s' is no number with a name",
			                 keys[k]);
		if (!m->name[0] || strcmp(m->name, keys[k]) == 0)
			r = add_value(t, keys[k], (int)i, v * m->scale);
	}
	return r;
}

/* Of one iteration: what the program says, what the definition says, or itself. */
static double work_of(const struct trial *t, unsigned i)
{
	double defined = trial_program(t->rq, i)->definition->work;

	return t->v[i].work > 0 ? t->v[i].work : isnan(defined) ? 1 : defined;
}

/* An iteration of many short repeats is only as long as lines should be apart: what a user knows is one of
 * them. */
static double repeats_of(const struct trial *t, unsigned i)
{
	return t->v[i].repeats ? (double)t->v[i].repeats : 1;
}

static int iteration_metric(struct trial *t, unsigned i, const struct bench_metric *m, struct window w,
                            double *ret)
{
	double seconds = (double)(w.to - w.from) / NS;
	_cleanup_free_ double *v = NULL;
	size_t n;

	if (m->source == METRIC_RATE) {
		*ret = seconds > 0 ? window_work(&t->v[i].iterations, w) * work_of(t, i) / seconds : NAN;
		return 0;
	}
	v = window_latencies(&t->v[i].iterations, w, &n);
	if (!v)
		return -ENOMEM;
	*ret = n ? stats_quantile(v, n, m->source == METRIC_ITERATION ? 0.5 : m->quantile) / repeats_of(t, i)
	         : NAN;
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

/* What an instance was given is not measured: there is no such number for all. */
static bool is_share(const char *metric)
{
	return strcmp(metric, BENCH_COMPUTE_SHARE) == 0 || strcmp(metric, BENCH_MEMORY_SHARE) == 0;
}

int trial_combine(const struct bench_definition *d, struct bench_trial *t)
{
	size_t n = t->n_values;
	_cleanup_free_ double *v = malloc((n + 1) * sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		char name[sizeof(t->values->metric)]; /* a copy: the values move as more are added */
		enum metric_pick across = PICK_MEDIAN;
		size_t k = 0;

		if (t->values[i].instance != 0 || is_share(t->values[i].metric))
			continue;
		text_copy(name, sizeof(name), t->values[i].metric);
		for (size_t m = 0; m < d->metrics.n; m++) {
			if (strcmp(d->metrics.v[m].name, name) == 0)
				across = d->metrics.v[m].across;
		}
		for (size_t j = 0; j < n; j++) {
			if (strcmp(t->values[j].metric, name) == 0)
				v[k++] = t->values[j].value;
		}
		r = bench_value_add(t, name, -1, metric_pick(across, v, k)) ? 0 : -ENOMEM;
	}
	return r;
}

int trial_add_shares(const struct bench_place *places, unsigned n, struct bench_trial *t)
{
	for (unsigned i = 0; i < n; i++) {
		const struct bench_place *p = &places[i];

		if (!isnan(p->compute_share) &&
		    !bench_value_add(t, BENCH_COMPUTE_SHARE, (int)i, p->compute_share))
			return -ENOMEM;
		if (!isnan(p->memory_share) &&
		    !bench_value_add(t, BENCH_MEMORY_SHARE, (int)i, p->memory_share))
			return -ENOMEM;
	}
	return 0;
}

static int check_instance(struct trial *t, unsigned i, size_t first_value, struct ofbc_error *err)
{
	const struct bench_definition *d = trial_program(t->rq, i)->definition;
	int status = instances_end(t->set, i)->status, r = 0;
	bool says_exit = false;
	char said[256];

	for (size_t k = 0; k < d->checks.n; k++)
		says_exit |= d->checks.v[k].kind == CHECK_EXIT;
	if (!says_exit && status != 0) {
		command_last_line(t->v[i].out, said, sizeof(said));
		trial_judge(t, BENCH_FAILED, "instance %u: exit status %d%s%s", t->rq->first + i, status,
		            said[0] ? ": " : "", said);
		return 0;
	}
	device_check(t, i);
	for (size_t k = 0; r == 0 && k < d->checks.n; k++)
		r = metric_check(&d->checks.v[k], status, t->v[i].text, t->v[i].len,
		                 t->t->values + first_value, t->t->n_values - first_value, err);
	if (r == -EBADMSG)
		trial_judge(t, BENCH_INVALID, "instance %u: %s", t->rq->first + i, err->message);
	return r == -EBADMSG ? 0 : r;
}

/* Is the output looked at? */
static bool wants_text(const struct bench_definition *d)
{
	for (size_t i = 0; i < d->metrics.n; i++) {
		enum metric_source source = d->metrics.v[i].source;

		if ((source == METRIC_JSON || source == METRIC_REGEX) && !d->metrics.v[i].file)
			return true;
	}
	for (size_t i = 0; i < d->checks.n; i++) {
		if (d->checks.v[i].kind == CHECK_MATCH)
			return true;
	}
	return false;
}

/* How much of a program that tells its iterations was warm-up; nothing when it never became steady. */
static int add_warmup(struct trial *t, unsigned i)
{
	const struct state *s = &t->v[i];

	if (!trial_program(t->rq, i)->definition->is_protocol || !s->iterations.n)
		return 0;
	if (s->is_steady)
		return add_value(t, BENCH_WARMUP, (int)i, (double)s->first);
	trial_note(t->t, "instance %u never became steady: all of its iterations count", t->rq->first + i);
	return 0;
}

/* Latency under a load that was not done says nothing of that load. */
static int look_at_pace(struct trial *t, unsigned i)
{
	double pace = window_pace(&t->v[i]);

	if (isnan(pace))
		return 0;
	if (pace < BENCH_LOAD_MIN)
		trial_judge(t, BENCH_INVALID, "instance %u did %.1f %% of the load that was due",
		            t->rq->first + i, 100 * pace);
	return add_value(t, BENCH_LOAD_DONE, (int)i, pace);
}

static int evaluate_instance(struct trial *t, unsigned i, struct window w, struct ofbc_error *err)
{
	const struct bench_definition *d = trial_program(t->rq, i)->definition;
	size_t first = t->t->n_values;
	int r = trial_values(t->rq, i, &t->values), status = instances_end(t->set, i)->status;

	if (r == 0 && wants_text(d))
		r = file_read(t->v[i].out, (size_t)OUTPUT_MAX_MIB << 20, &t->v[i].text, &t->v[i].len);
	for (size_t m = 0; r == 0 && m < d->metrics.n; m++) {
		struct ofbc_error why = {0};

		r = platform_meanwhile(t->p);
		if (r < 0)
			break;
		r = read_metric(t, i, &d->metrics.v[m], w, &why);
		/* a program that failed need not say its numbers */
		if (r < 0 && r != -ENOMEM && r != -EINTR) {
			if (status == 0)
				trial_judge(t, BENCH_FAILED, "instance %u: %s", t->rq->first + i,
				            why.message);
			r = 0;
		}
	}
	if (r == 0)
		r = add_warmup(t, i);
	if (r == 0)
		r = look_at_pace(t, i);
	if (r == 0)
		r = check_instance(t, i, first, err);
	/* an aggressor has to be right, too, but its figures are not those of this benchmark */
	if (i > 0 && t->rq->beside.definition)
		t->t->n_values = first;
	return r;
}

/* What is said of the common window is only as good as its edges. */
void trial_look_at_skew(struct bench_trial *t)
{
	if (t->skew_s > SKEW_MAX * t->window_s)
		trial_note(t,
		           "the instances started %.3g ms apart, more than %g %% of the time that they have "
		           "in common",
		           1000 * t->skew_s, 100 * SKEW_MAX);
}

/* Of the iterations in the window, of all that are measured: a percentile of one trial cannot be joined with
 * that of another, this can. */
static int keep_latencies(struct trial *t, struct window w)
{
	_cleanup_free_ struct histogram *h = calloc(1, sizeof(*h));
	unsigned measured = t->rq->beside.definition ? 1 : t->rq->instances;

	for (unsigned i = 0; h && i < measured; i++) {
		size_t n;
		_cleanup_free_ double *v = window_latencies(&t->v[i].iterations, w, &n);

		if (!v)
			return -ENOMEM;
		for (size_t k = 0; k < n; k++)
			histogram_add(h, (uint64_t)fmax(v[k] / repeats_of(t, i) * NS, 0));
	}
	return !h ? -ENOMEM : h->n ? histogram_print(h, &t->t->latencies) : 0;
}

int trial_evaluate_in(struct trial *t, struct window w, struct ofbc_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < t->rq->instances; i++)
		r = evaluate_instance(t, i, w, err);
	return r == 0 && t->rq->program.definition->is_protocol ? keep_latencies(t, w) : r;
}

int trial_evaluate(struct trial *t, struct ofbc_error *err)
{
	struct window w = window_common(t);
	int r;

	t->t->window_s = (double)(w.to - w.from) / NS;
	t->t->skew_s = t->rq->instances > 1 ? window_skew(t) : 0;
	trial_look_at_skew(t->t);
	r = trial_evaluate_in(t, w, err);
	return r == 0 ? trial_combine(t->rq->program.definition, t->t) : r;
}
