/* SPDX-License-Identifier: MIT */
/* Public call: how many desktop sessions are carried. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "bench/number.h"
#include "lib/vdi_search.h"

#define CONFIRM      3
#define SESSIONS_MAX 64
#define WINDOW_S     60 /* for a tail: a desktop that may have 60 frames a second has 20 of them */
#define FPS_MAX      1000

void ofbc_vdi_answer_free(struct ofbc_vdi_answer *answer)
{
	if (answer)
		free(answer->v);
	free(answer);
}

DEFINE_CLEANUP(struct ofbc_vdi_answer *, ofbc_vdi_answer_free);

/* --- what is wanted --- */

static int check_request(const struct ofbc_vdi_request *rq, struct ofbc_error *err)
{
	const struct ofbc_bench_request *run = &rq->run;

	if (run->sweep || run->n_agents || run->n_against || run->twice || run->solo || run->n_instances ||
	    run->n_benchmarks > 1) {
		error_set(err, EINVAL, OFBC_REASON_USAGE,
		          "a search for a capacity has one benchmark, and finds the instances itself");
		error_hint(err, "sweeps, agents and A/A are of `bench run`");
		return -EINVAL;
	}
	if (rq->fps < 0 || rq->fps > FPS_MAX || isnan(rq->fps)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "%g frames a second are not possible", rq->fps);
		error_hint(err, "more than 0, and up to %d", FPS_MAX);
		return -EINVAL;
	}
	return 0;
}

/* The request of a search as one of a run: what is not said has its default. `fps` has room for "fps=60". */
static int fill_request(const struct ofbc_vdi_request *rq, struct stored_request *texts, char *fps,
                        size_t size, struct bench_job *job, struct ofbc_error *err)
{
	static const unsigned one = 1;
	size_t n = rq->run.n_parameters;

	if (n >= STORED_LIST_MAX)
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "%zu parameters are too many", n);
	job->search = (struct job_search){.confirm = rq->confirm ? rq->confirm : CONFIRM,
	                                  .max = rq->max_sessions ? rq->max_sessions : SESSIONS_MAX};
	job->rq = rq->run;
	job->rq.instances = &one;
	job->rq.n_instances = 1;
	job->rq.min_trials = job->rq.max_trials = job->search.confirm;
	job->rq.precision = rq->run.precision > 0 ? rq->run.precision : 0.02;
	job->rq.window_s = rq->run.window_s > 0 ? rq->run.window_s : WINDOW_S;
	texts->benchmarks[0] = rq->run.n_benchmarks ? rq->run.benchmarks[0] : "vdi";
	job->rq.benchmarks = texts->benchmarks;
	job->rq.n_benchmarks = 1;
	for (size_t i = 0; i < n; i++)
		texts->parameters[i] = rq->run.parameters[i];
	if (rq->fps > 0) {
		snprintf(fps, size, "fps=%g", rq->fps);
		texts->parameters[n++] = fps;
	}
	job->rq.parameters = texts->parameters;
	job->rq.n_parameters = n;
	return 0;
}

/* What the sessions themselves are told to keep to. */
static int find_fps(struct bench_job *job, struct ofbc_error *err)
{
	const char *text = pair_get(&job->cells[0].parameters, "fps");

	if (text && number_parse(text, &job->search.fps) == 0 && job->search.fps > 0 &&
	    job->search.fps <= FPS_MAX)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE,
	          "benchmark '%s' does not say how many frames a second it wants", job->cells[0].c.benchmark);
	error_hint(err, "its parameter 'fps' does, as in --set fps=60: more than 0, and up to %d", FPS_MAX);
	return -EINVAL;
}

/* Until it is steady, or is not, and then for as long: a trial takes two windows at most. */
static int check_window(const struct bench_job *job, struct ofbc_error *err)
{
	const struct bench_definition *d = job->entries[0].d;

	if (2 * job->rq.window_s < d->timeout_run_s)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE,
	          "a window of %g s may take twice that, and '%s' is ended after %u s", job->rq.window_s,
	          d->name, d->timeout_run_s);
	error_hint(err, "a shorter --window, or a longer `timeout: {run: }` in %s", job->entries[0].path);
	return -EINVAL;
}

static int check_sessions(struct vdi_search *s, struct ofbc_error *err)
{
	struct bench_job *job = s->job;
	int r;

	if (job->n_cells != 1) {
		error_set(err, EINVAL, OFBC_REASON_USAGE,
		          "'%s' has %zu combinations of parameters, one is needed", job->entries[0].d->name,
		          job->n_cells);
		error_hint(err, "choose the others with --set NAME=VALUE");
		return -EINVAL;
	}
	r = vdi_units_find(job->entries[0].d, &s->units, err);
	if (r == 0)
		r = find_fps(job, err);
	return r == 0 ? check_window(job, err) : r;
}

/* --- new, and once more --- */

static int begin_new(struct vdi_search *s, char run[37], struct ofbc_error *err)
{
	int r = job_prepare(s->job, err);

	if (r == 0)
		r = check_sessions(s, err);
	return r == 0 ? job_open_run(s->job, run, err) : r;
}

/* 1: it was ended already. */
static int begin_again(struct vdi_search *s, const char *spec, struct stored_request *stored, char run[37],
                       struct ofbc_error *err)
{
	struct bench_job *job = s->job;
	int ended = job_reopen_run(job, spec, stored, run, err), r;
	const struct json *search = ended < 0 ? NULL : json_get(stored->doc, "search");

	if (ended < 0)
		return ended;
	if (!search) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "run %.8s is no search for a capacity", run);
		error_hint(err, "`openforbc bench resume %.8s` goes on with another one", run);
		return -EINVAL;
	}
	job->search.confirm = (unsigned)json_u64(json_get(search, "confirm"), CONFIRM);
	job->search.max = (unsigned)json_u64(json_get(search, "max"), SESSIONS_MAX);
	r = job_prepare(job, err);
	if (r == 0)
		r = check_sessions(s, err);
	if (r == 0)
		r = vdi_search_take_over(s, err);
	return r < 0 ? r : ended;
}

/* --- the answer --- */

static void describe(const struct bench_job *job, struct ofbc_vdi_answer *ret)
{
	const struct bench_cell *c = &job->cells[0].c;

	text_copy(ret->run, sizeof(ret->run), job->run.id);
	text_copy(ret->benchmark, sizeof(ret->benchmark), c->benchmark);
	text_copy(ret->parameters, sizeof(ret->parameters), c->parameters);
	text_copy(ret->layout, sizeof(ret->layout), c->layout);
	text_copy(ret->platform, sizeof(ret->platform), job->run.platform);
	text_copy(ret->emulated, sizeof(ret->emulated), job->run.emulated);
	ret->fps = job->search.fps;
	ret->confirm = job->search.confirm;
	ret->max_sessions = job->search.max;
}

/* Whoever looks at the run later sees what it was for. */
static int note_answer(struct bench_job *job, const struct ofbc_vdi_answer *a)
{
	char *text = NULL;

	if (asprintf(&text, "capacity%s: %u sessions at %g frames a second%s%s",
	             a->is_confirmed ? "" : ", not confirmed", a->sessions, a->fps,
	             a->reason[0] ? "; with one more " : "", a->reason) < 0)
		return -ENOMEM;
	free(job->run.note);
	job->run.note = text;
	return 0;
}

static int make_answer(struct vdi_search *s, struct ofbc_vdi_answer **ret)
{
	_cleanup_(ofbc_vdi_answer_free_p) struct ofbc_vdi_answer *a = calloc(1, sizeof(*a));
	int r = a ? 0 : -ENOMEM;

	if (r == 0) {
		describe(s->job, a);
		r = vdi_search_answer(s, a);
	}
	if (r == 0)
		*ret = steal_ptr(a);
	return r;
}

/* What ends the search ends its run, too; only a signal leaves it open. */
static int find_answer(struct vdi_search *s, struct ofbc_vdi_answer **ret, struct ofbc_error *err)
{
	int r = vdi_search_run(s, err), q = make_answer(s, ret);

	if (r == -EINTR || r == -ENOMEM || q < 0)
		return r < 0 ? r : q;
	if (r == 0)
		q = note_answer(s->job, *ret);
	if (q == 0)
		q = job_close_run(s->job, 0, r == 0 ? err : NULL);
	return r < 0 ? r : q;
}

int ofbc_bench_vdi_capacity(struct ofbc_context *ctx, const struct ofbc_vdi_request *rq,
                            ofbc_bench_told *told, void *data, struct ofbc_vdi_answer **ret,
                            struct ofbc_error *err)
{
	_cleanup_(stored_request_done) struct stored_request texts = {0};
	_cleanup_job_ struct bench_job job = {.ctx = ctx, .told = told, .data = data, .wants_load = true};
	_cleanup_(vdi_search_done) struct vdi_search search = {.job = &job};
	char fps[32], run[37];
	int r = check_request(rq, err);

	*ret = NULL;
	if (r == 0 && !rq->resume)
		r = fill_request(rq, &texts, fps, sizeof(fps), &job, err);
	if (r == 0)
		r = rq->resume ? begin_again(&search, rq->resume, &texts, run, err)
		               : begin_new(&search, run, err);
	if (r < 0)
		return r;
	return r == 1 ? make_answer(&search, ret) : find_answer(&search, ret, err);
}
