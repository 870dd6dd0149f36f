/* SPDX-License-Identifier: MIT */
/*
 * The search for the most sessions that keep their objective. A number of sessions is a cell of the run, made
 * when its turn comes; after each trial the cell has its summaries, so that whatever ends the search leaves
 * results that can be used.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "lib/vdi_search.h"

#define THROTTLED_MAX 3 /* trials in a row: then it is given up */

void vdi_search_done(struct vdi_search *s)
{
	free(s->trials.v);
	free(s->notes.v);
}

/* --- cells --- */

/* NULL: it was not tried yet. */
static struct bench_live *find_cell(const struct bench_job *job, unsigned sessions)
{
	for (size_t i = 0; i < job->n_cells; i++) {
		if (job->cells[i].c.instances == sessions)
			return &job->cells[i];
	}
	return NULL;
}

/* A cell for one more number of sessions. */
static int add_cell(struct bench_job *job, unsigned sessions, struct bench_live **ret, struct ofbc_error *err)
{
	int r = job_add_stage(job, sessions, err);

	if (r == 0)
		r = job_prepare_stage(job, job->n_stages - 1, err);
	if (r == 0)
		*ret = &job->cells[job->n_cells - 1];
	return r;
}

/* What a stage promises stands in the request: who reads the results wants that of each cell. */
static int store_stages(struct bench_job *job, struct ofbc_error *err)
{
	_cleanup_free_ char *request = NULL;
	int r = job_request_print(job, &request);

	return r == 0 ? results_set_request(job->results, job->run.id, request, err) : r;
}

static int cell_for(struct bench_job *job, unsigned sessions, struct bench_live **ret, struct ofbc_error *err)
{
	int r;

	*ret = find_cell(job, sessions);
	if (*ret)
		return 0;
	r = add_cell(job, sessions, ret, err);
	if (r == 0)
		r = store_stages(job, err);
	return r == 0 ? results_add_cells(job->results, job->run.id, &(*ret)->c, 1, err) : r;
}

/* Places and sensors are those of a number of sessions. */
static int enter(struct bench_job *job, const struct bench_live *cell, struct ofbc_error *err)
{
	const struct ofbc_bench_request *rq = &job->rq;
	int r;

	if (job->sensors && job->stage == cell->stage)
		return 0;
	job->stage = cell->stage;
	job_sensors_close(job);
	r = job_place(job, rq->partitions, rq->n_partitions, cell->c.instances, NULL, err);
	if (r == 0)
		r = job_share_processors(job);
	return r == 0 ? job_sensors_open(job, err) : r;
}

/* --- one trial --- */

static void tell(const struct vdi_search *s, const struct bench_live *cell)
{
	const struct bench_job *job = s->job;
	const struct vdi_trial *t = &s->trials.v[s->trials.n - 1];
	char reason[256];
	struct ofbc_bench_progress p = job_progress(job, cell);

	p.trial = cell->trials ? cell->trials - 1 : 0;
	p.verdict = vdi_limit_names[t->limit];
	p.reason = reason;
	p.metric = "p95";
	p.unit = "s";
	p.value = t->p95;
	vdi_explain(t, &s->notes.v[s->notes.n - 1], job->search.fps, reason, sizeof(reason));
	if (job->told)
		job->told(job->data, &p);
}

/* Each trial may be the last one of its cell: it is concluded by those that it has. */
static int conclude(struct bench_job *job, struct bench_live *cell, const struct bench_trial *t,
                    struct ofbc_error *err)
{
	unsigned planned = job->rq.max_trials;
	int r;

	job->rq.max_trials = cell->trials;
	r = job_judge(job, cell, t, err);
	job->rq.max_trials = planned;
	cell->is_over = false;
	return r;
}

/* The verdict of a cell that cannot be measured is not that of a number of sessions. */
static int give_up(const struct bench_live *cell, struct ofbc_error *err)
{
	const char *why = cell->c.reason ? cell->c.reason : bench_verdict_names[cell->c.verdict];

	if (cell->c.verdict == BENCH_SKIPPED)
		return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "%s", why);
	return error_set(err, EIO, OFBC_REASON_FAILED, "%s", why);
}

/* Of a program that breaks alone no capacity is told. */
static int broken_alone(const struct vdi_search *s, struct ofbc_error *err)
{
	error_set(err, EIO, OFBC_REASON_FAILED, "one session alone fails: %s",
	          s->notes.v[s->notes.n - 1].reason);
	error_hint(err, "`openforbc bench run %s` runs one", s->job->cells[0].c.benchmark);
	return -EIO;
}

/* Heat is no limit of a number of sessions: such a trial is repeated. */
static int look_at_throttling(struct vdi_search *s, const struct bench_trial *t, struct ofbc_error *err)
{
	s->throttled = t->verdict == BENCH_THROTTLED ? s->throttled + 1 : 0;
	if (s->throttled < THROTTLED_MAX)
		return 0;
	error_set(err, EIO, OFBC_REASON_FAILED, "%u trials in a row: %s", s->throttled,
	          t->reason ? t->reason : "throttled");
	error_hint(err, "let the boards cool down: --start stable");
	return -EIO;
}

/* The cell is over with a reason: more sessions than can be started are not carried. */
static int not_started(struct vdi_search *s, const struct bench_live *cell, struct ofbc_error *err)
{
	if (cell->c.instances == 1 || cell->c.verdict == BENCH_SKIPPED)
		return give_up(cell, err);
	return vdi_search_add(s, cell->c.instances, NULL, cell->c.reason);
}

static int measure(struct vdi_search *s, struct bench_live *cell, struct ofbc_error *err)
{
	struct bench_trial t = {0};
	int r = job_trial(s->job, cell, &t, err);

	if (r == 1) {
		r = not_started(s, cell, err);
		cell->is_over = false;
		return r;
	}
	if (r == 0)
		r = conclude(s->job, cell, &t, err);
	if (r == 0)
		r = look_at_throttling(s, &t, err);
	if (r == 0 && t.verdict != BENCH_THROTTLED)
		r = vdi_search_add(s, cell->c.instances, &t, t.reason);
	bench_trial_done(&t);
	return r;
}

static int try_sessions(struct vdi_search *s, unsigned sessions, struct ofbc_error *err)
{
	struct bench_job *job = s->job;
	struct bench_live *cell;
	size_t known = s->trials.n;
	int r = cell_for(job, sessions, &cell, err);

	if (r == 0)
		r = enter(job, cell, err);
	if (r == 0)
		r = job_prepare_cell(job, cell, err);
	if (r == 0 && cell->is_over)
		return give_up(cell, err);
	if (r == 0)
		r = measure(s, cell, err);
	job->block++;
	if (r < 0 || s->trials.n == known)
		return r;
	tell(s, cell);
	return sessions == 1 && s->trials.v[known].limit == VDI_FAILED ? broken_alone(s, err) : 0;
}

int vdi_search_run(struct vdi_search *s, struct ofbc_error *err)
{
	struct bench_job *job = s->job;
	int r = job_begin(job, err);

	while (r == 0 && !job_is_budget_spent(job)) {
		struct vdi_capacity c;

		vdi_capacity(s->trials.v, s->trials.n, job->search.confirm, job->search.max, &c);
		if (!c.next)
			break;
		r = try_sessions(s, c.next, err);
	}
	job_sensors_close(job);
	return job_end(job, r, err);
}

/* --- what an interrupted run has --- */

static int take_over_cell(struct vdi_search *s, const struct bench_cell *stored, struct ofbc_error *err)
{
	_cleanup_cell_data_ struct bench_cell_data data = {0};
	struct bench_live *cell = find_cell(s->job, stored->instances);
	int r = cell ? 0 : add_cell(s->job, stored->instances, &cell, err);

	if (r == 0)
		r = job_take_over(s->job, cell, &data, err);
	for (size_t i = 0; r == 0 && i < data.trials.n; i++) {
		const struct bench_trial *t = &data.trials.v[i];

		if (t->verdict != BENCH_THROTTLED)
			r = vdi_search_add(s, stored->instances, t, t->reason);
	}
	if (cell)
		cell->is_over = false;
	return r;
}

int vdi_search_take_over(struct vdi_search *s, struct ofbc_error *err)
{
	struct bench_run_data all = {0};
	int r = results_load_run(s->job->results, s->job->run.id, &all, err);

	for (size_t i = 0; r == 0 && i < all.cells.n; i++)
		r = take_over_cell(s, &all.cells.v[i].cell, err);
	bench_run_data_done(&all);
	return r;
}
