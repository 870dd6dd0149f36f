/* SPDX-License-Identifier: MIT */
/*
 * The order of a run: blocks, in which every cell that is not over gets one trial, in an order drawn anew for
 * each. A trial is in the database before the next begins, so that a kill loses at most the one under way;
 * a loss of power loses at most a second of finished ones, too.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "bench/exchange.h"
#include "bench/stats.h"
#include "lib/bench_job.h"
#include "platform/files.h"

#define FAILURES_MAX 3          /* in a row: then the cell is given up */
#define SYNC_NS      1000000000 /* so much of finished trials may be lost when the power fails */

/* --- one cell --- */

static const struct bench_metric *metric_of(const struct bench_definition *d, const char *name)
{
	for (size_t i = 0; i < d->metrics.n; i++) {
		if (strcmp(d->metrics.v[i].name, name) == 0)
			return &d->metrics.v[i];
	}
	return NULL;
}

static bool is_known(const struct bench_summary_list *l, const char *metric)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].metric, metric) == 0)
			return true;
	}
	return false;
}

/* The names of its metrics, in the order in which they came, with what the definition says of them. */
static int name_metrics(const struct bench_live *cell, struct bench_cell_data *data)
{
	for (size_t i = 0; i < data->trials.n; i++) {
		const struct bench_trial *t = &data->trials.v[i];

		for (size_t k = 0; t->verdict == BENCH_OK && k < t->n_values; k++) {
			const struct bench_metric *m = metric_of(cell->entry->d, t->values[k].metric);
			struct bench_summary *s;

			if (t->values[k].instance != -1 || is_known(&data->summaries, t->values[k].metric))
				continue;
			s = bench_summary_add(&data->summaries, t->values[k].metric);
			if (!s)
				return -ENOMEM;
			text_copy(s->unit, sizeof(s->unit), m ? m->unit : job_unit(s->metric));
			s->has_direction = m && m->has_direction;
			s->higher_is_better = m && m->higher_is_better;
		}
	}
	return 0;
}

int job_conclude(struct bench_job *job, struct bench_live *cell, enum bench_verdict verdict,
                 const char *reason, struct ofbc_error *err)
{
	_cleanup_cell_data_ struct bench_cell_data data = {0};
	int r = results_load_cell(job->results, job->run.id, cell->c.number, &data, err);

	if (r == 0)
		r = name_metrics(cell, &data);
	if (r == 0)
		r = cell_summarise(&data, err);
	cell->is_over = true;
	cell->c.verdict = verdict;
	free(cell->c.reason);
	cell->c.reason = reason && reason[0] ? strdup(reason) : NULL;
	if (r == 0)
		r = results_set_lazy(job->results, false, err);
	if (r == 0)
		r = results_set_verdict(job->results, &cell->c, data.summaries.v, data.summaries.n, err);
	return r;
}

/* The first metric decides when there is enough: 1 yes. */
static bool is_precise(const struct bench_job *job, const struct bench_live *cell)
{
	struct summary s;

	return cell->n_first >= job->rq.min_trials && cell->n_first >= STATS_INTERVAL_MIN &&
	       stats_summary(cell->first, cell->n_first, &s) == 0 &&
	       s.interval.high - s.interval.low <= 2 * job->rq.precision * fabs(s.median);
}

/* The first metric of a good trial; NAN: none. */
static double first_value(const struct bench_live *cell, const struct bench_trial *t)
{
	const char *metric = cell->entry->d->metrics.n ? cell->entry->d->metrics.v[0].name : "";

	for (size_t k = 0; t->verdict == BENCH_OK && k < t->n_values; k++) {
		if (t->values[k].instance == -1 && (!metric[0] || strcmp(t->values[k].metric, metric) == 0))
			return t->values[k].value;
	}
	return NAN;
}

/* Of a program that tells its iterations. */
static bool was_steady(const struct bench_live *cell, const struct bench_trial *t)
{
	unsigned steady = 0;

	for (size_t k = 0; k < t->n_values; k++)
		steady += t->values[k].instance >= 0 && strcmp(t->values[k].metric, BENCH_WARMUP) == 0;
	return steady == bench_measured(&cell->c);
}

int job_count(struct bench_live *cell, const struct bench_trial *t)
{
	double value = first_value(cell, t);

	cell->trials = t->number + 1;
	cell->failures = t->verdict == BENCH_OK ? 0 : cell->failures + 1;
	cell->unsteady += t->verdict == BENCH_OK && cell->entry->d->is_protocol && !was_steady(cell, t);
	if (isnan(value))
		return 0;
	if (cell->n_first == cell->cap_first) {
		size_t cap = cell->cap_first ? 2 * cell->cap_first : 32;
		double *more = realloc(cell->first, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		cell->first = more;
		cell->cap_first = cap;
	}
	cell->first[cell->n_first++] = value;
	return 0;
}

int job_conclude_measured(struct bench_job *job, struct bench_live *cell, enum bench_verdict verdict,
                          const char *reason, struct ofbc_error *err)
{
	char text[128];

	if (cell->warmups)
		snprintf(text, sizeof(text), "not steady after %u runs of warm-up", cell->warmups);
	else if (2 * cell->unsteady > cell->n_first)
		snprintf(text, sizeof(text), "%u of %zu trials never became steady", cell->unsteady,
		         cell->n_first);
	else
		return job_conclude(job, cell, verdict, reason, err);
	return job_conclude(job, cell, BENCH_NO_STEADY, text, err);
}

int job_judge(struct bench_job *job, struct bench_live *cell, const struct bench_trial *t,
              struct ofbc_error *err)
{
	char reason[128];

	if (cell->failures >= FAILURES_MAX || (t->verdict != BENCH_OK && cell->trials >= job->rq.max_trials))
		return job_conclude(job, cell, t->verdict, t->reason, err);
	if (is_precise(job, cell))
		return job_conclude_measured(job, cell, BENCH_OK, NULL, err);
	if (cell->trials < job->rq.max_trials)
		return 0;
	if (cell->n_first < STATS_INTERVAL_MIN)
		snprintf(reason, sizeof(reason), "%zu good trials are too few for an interval",
		         cell->n_first);
	else
		snprintf(reason, sizeof(reason), "the interval is still wider than +-%g %% after %u trials",
		         100 * job->rq.precision, cell->trials);
	return job_conclude_measured(job, cell, BENCH_NOT_CONVERGED, reason, err);
}

/* --- telling --- */

/* What is told of a trial beside its number. */
static const char *reason_of(struct bench_live *cell, const struct bench_trial *t)
{
	bool is_note = t && t->reason && t->verdict == BENCH_OK, is_new = is_note && !cell->is_noted;

	cell->is_noted |= is_note;
	if (t && t->reason && (!is_note || is_new))
		return t->reason;
	return cell->c.reason ? cell->c.reason : "";
}

struct ofbc_bench_progress job_progress(const struct bench_job *job, const struct bench_live *cell)
{
	return (struct ofbc_bench_progress){
		.run = job->run.id,
		.benchmark = cell->c.benchmark,
		.parameters = cell->c.parameters,
		.layout = cell->c.layout,
		.instances = cell->c.instances,
		.cell = cell->c.number,
		.cells = (unsigned)job->n_cells,
		.energy = job_sensors_note(job),
		.eta_s = NAN,
		.value = NAN,
	};
}

static void tell(const struct bench_job *job, struct bench_live *cell, const struct bench_trial *t)
{
	const struct bench_metric *m = cell->entry->d->metrics.n ? &cell->entry->d->metrics.v[0] : NULL;
	struct ofbc_bench_progress p = job_progress(job, cell);

	p.trial = t ? t->number : 0;
	p.verdict = bench_verdict_names[cell->is_over || !t ? cell->c.verdict : t->verdict];
	p.reason = reason_of(cell, t);
	p.metric = m ? m->name : "";
	p.unit = m ? m->unit : "";
	if (t && t->verdict == BENCH_OK && cell->n_first)
		p.value = cell->first[cell->n_first - 1];
	p.eta_s = 0;
	for (size_t i = 0; i < job->n_cells; i++) {
		const struct bench_live *c = &job->cells[i];
		unsigned wanted = c->trials < job->rq.min_trials ? job->rq.min_trials : c->trials + 1;

		p.done += c->is_over;
		p.planned += c->is_over ? c->trials : wanted;
		p.eta_s += c->is_over ? 0 : (wanted - c->trials) * c->seconds;
	}
	if (job->told)
		job->told(job->data, &p);
}

/* --- one trial --- */

static int run_trial(struct bench_job *job, struct bench_live *cell, unsigned number, struct bench_trial *ret,
                     struct ofbc_error *err)
{
	struct trial_request rq = {
		.program = {cell->entry->d, cell->entry->preset, &cell->parameters},
		.places = job->places,
		.instances = job->instances,
		.workdir = job->scratch,
		.seed = job->run.seed + number,
		.min_window_s = job->rq.window_s,
		.min_iterations = 10,
		.watch = job_sensors_watch(job),
		.where = bench_where(job->ctx),
	};
	const struct bench_entry *beside = cell->aggressor;
	uint64_t start = job->ctx->platform->ops->now_ns(job->ctx->platform);
	struct start_outcome outcome = {.waited_s = NAN};
	int r = job_look_for_others(job, err);

	if (beside)
		rq.beside = (struct trial_program){beside->d, beside->preset, &beside->parameters};
	ret->number = number;
	ret->block = job->block;
	if (r == 0)
		r = job_wait_start(job, &outcome, err);
	if (r == 0)
		r = job->agents ? job_agents_trial(job, cell, &rq, ret, err)
		                : trial_run(job->ctx->platform, &rq, ret, err);
	if (r == 0)
		r = job_sensors_read(job, ret);
	if (r == 0)
		r = job_places_read(job, ret);
	if (r == 0)
		r = job_read_start(&outcome, ret);
	if (r == 0)
		r = job_read_others(job, ret, err);
	cell->seconds = (double)(job->ctx->platform->ops->now_ns(job->ctx->platform) - start) / 1e9;
	return r;
}

/* On the disk before the next one begins; but short trials wait for each other for a moment, as the disk
 * would take longer than they. Without power the last moment is lost, when we are killed nothing is. */
static int store_trial(struct bench_job *job, const struct bench_live *cell, const struct bench_trial *t,
                       struct ofbc_error *err)
{
	uint64_t now = job->ctx->platform->ops->now_ns(job->ctx->platform);
	bool is_due = now - job->synced_ns >= SYNC_NS;
	int r = results_set_lazy(job->results, !is_due, err);

	if (r == 0)
		r = results_add_trial(job->results, job->run.id, cell->c.number, t, err);
	if (is_due)
		job->synced_ns = now;
	return r;
}

int job_trial(struct bench_job *job, struct bench_live *cell, struct bench_trial *ret, struct ofbc_error *err)
{
	struct ofbc_error why = {0};
	int r = run_trial(job, cell, cell->trials, ret, &why);

	if (r == -EINTR || r == -ENOMEM) {
		if (err)
			*err = why;
		return r;
	}
	if (r < 0) { /* it cannot be started at all: so it would be the next time */
		r = job_conclude(job, cell, r == -EBUSY ? BENCH_SKIPPED : BENCH_FAILED, why.message, err);
		return r < 0 ? r : 1;
	}
	r = store_trial(job, cell, ret, err);
	return r < 0 ? r : job_count(cell, ret);
}

static int one_trial(struct bench_job *job, struct bench_live *cell, struct ofbc_error *err)
{
	struct bench_trial t = {0};
	int r = job_trial(job, cell, &t, err);

	if (r == 1) {
		tell(job, cell, NULL);
		return 0;
	}
	if (r == 0)
		r = job_judge(job, cell, &t, err);
	if (r == 0)
		tell(job, cell, &t);
	bench_trial_done(&t);
	return r;
}

/* The cells of a benchmark that cannot be run. */
static int conclude_cells(struct bench_job *job, const struct bench_entry *e, size_t stage,
                          enum bench_verdict verdict, const char *reason, struct ofbc_error *err)
{
	for (size_t i = 0; i < job->n_cells; i++) {
		struct bench_live *c = &job->cells[i];
		/* with fewer agents it may be possible */
		bool is_hit = (c->entry == e || c->aggressor == e) && !c->is_over &&
		              (!job->stages[stage].agents || c->stage == stage);
		int r = is_hit ? job_conclude(job, c, verdict, reason, err) : 1;

		if (r < 0)
			return r;
		if (r == 0)
			tell(job, c, NULL);
	}
	return 0;
}

/* Setup of a benchmark when its first cell is due; 0, or its cells are over with the reason. */
static int prepare_entry(struct bench_job *job, struct bench_live *cell, struct bench_entry *e,
                         const struct pair_list *parameters, struct ofbc_error *err)
{
	unsigned agents = job->stages[cell->stage].agents;
	enum bench_verdict verdict;
	struct ofbc_error why = {0};
	int r;

	if (e->is_ready && e->agents >= agents)
		return 0;
	r = agents ? job_agents_prepare(job, cell, &verdict, &why)
	           : bench_make_ready(job->ctx, e->d, e->preset, parameters, job->rq.setup_again,
	                              job->scratch, &verdict, &why);
	if (r == -EINTR || r == -ENOMEM) {
		if (err)
			*err = why;
		return r;
	}
	e->is_ready = true;
	if (r == 0)
		e->agents = agents;
	return r < 0 ? conclude_cells(job, e, cell->stage, verdict, why.message, err) : 0;
}

static int prepare_cell(struct bench_job *job, struct bench_live *cell, struct ofbc_error *err)
{
	int r = prepare_entry(job, cell, cell->entry, &cell->parameters, err);

	return r == 0 && cell->aggressor && !cell->is_over
	               ? prepare_entry(job, cell, cell->aggressor, &cell->aggressor->parameters, err)
	               : r;
}

/* Runs that do not count: so many, or until what is measured is steady. */
static int run_warmups(struct bench_job *job, struct bench_live *cell, struct ofbc_error *err)
{
	const struct bench_definition *d = cell->entry->d;
	_cleanup_free_ double *v = calloc(d->warmup_runs + 1, sizeof(*v));
	bool is_steady = !d->warmup_steady;
	size_t n = 0, first;
	int r = v ? 0 : -ENOMEM;

	for (unsigned i = 0; r == 0 && i < d->warmup_runs && (!is_steady || !d->warmup_steady); i++) {
		struct bench_trial t = {0};

		r = run_trial(job, cell, 0, &t, err);
		v[n] = r == 0 ? first_value(cell, &t) : NAN;
		n += !isnan(v[n]);
		bench_trial_done(&t);
		is_steady |= stats_steady(v, n, &first) == 0;
	}
	cell->warmups = is_steady ? 0 : d->warmup_runs;
	return r;
}

/* Of every cell: another parameter or layout is cold again. */
static int warm_up(struct bench_job *job, struct bench_live *cell, struct ofbc_error *err)
{
	struct ofbc_error why = {0};
	int r = cell->is_warm ? 0 : run_warmups(job, cell, &why);

	cell->is_warm = true;
	if (r == 0)
		return 0;
	if (r == -EINTR || r == -ENOMEM) {
		if (err)
			*err = why;
		return r;
	}
	r = job_conclude(job, cell, r == -EBUSY ? BENCH_SKIPPED : BENCH_FAILED, why.message, err);
	tell(job, cell, NULL);
	return r;
}

int job_prepare_cell(struct bench_job *job, struct bench_live *cell, struct ofbc_error *err)
{
	int r = prepare_cell(job, cell, err);

	return r == 0 && !cell->is_over ? warm_up(job, cell, err) : r;
}

/* --- blocks --- */

static void shuffle(struct random *r, unsigned *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)random_below(r, i);
		unsigned swap = v[i - 1];

		v[i - 1] = v[k];
		v[k] = swap;
	}
}

bool job_is_budget_spent(const struct bench_job *job)
{
	struct platform *p = job->ctx->platform;

	return job->rq.budget_s > 0 && (double)(p->ops->now_ns(p) - job->began_ns) / 1e9 >= job->rq.budget_s;
}

static int end_by_budget(struct bench_job *job, struct ofbc_error *err)
{
	char reason[96];
	int r = 0;

	snprintf(reason, sizeof(reason), "the budget of %g s ended first", job->rq.budget_s);
	for (size_t i = 0; r == 0 && i < job->n_cells; i++) {
		if (!job->cells[i].is_over)
			r = job_conclude(job, &job->cells[i], BENCH_NOT_CONVERGED, reason, err);
	}
	return r;
}

/* One trial of every cell that is not over. 1 there was one. */
static int one_block(struct bench_job *job, struct ofbc_error *err)
{
	_cleanup_free_ unsigned *order = calloc(job->n_cells + 1, sizeof(*order));
	size_t n = 0;
	int r = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < job->n_cells; i++) {
		if (!job->cells[i].is_over && job->cells[i].stage == job->stage)
			order[n++] = (unsigned)i;
	}
	/* the same block is shuffled the same way when the run is resumed */
	job->random = random_seeded(job->run.seed + job->block);
	shuffle(&job->random, order, n);
	for (size_t i = 0; r == 0 && i < n && !job_is_budget_spent(job); i++) {
		struct bench_live *cell = &job->cells[order[i]];

		if (cell->trials > job->block) /* before the interruption */
			continue;
		r = job_prepare_cell(job, cell, err);
		if (r == 0 && !cell->is_over)
			r = one_trial(job, cell, err);
	}
	job->block++;
	return r < 0 ? r : n > 0;
}

/* Once for each benchmark that was prepared, with the parameters of its first cell. */
static void clean_up(struct bench_job *job)
{
	for (size_t k = 0; k < job->n_entries; k++) {
		const struct bench_entry *e = &job->entries[k];
		size_t i = 0;

		while (i < job->n_cells && job->cells[i].entry != e)
			i++;
		if (e->is_ready && i < job->n_cells && job->agents)
			job_agents_cleanup(job, &job->cells[i]);
		else if (e->is_ready)
			bench_cleanup(job->ctx, e->d, e->preset,
			              i < job->n_cells ? &job->cells[i].parameters : &e->parameters,
			              job->scratch);
	}
}

static int give_up_stage(struct bench_job *job, const struct ofbc_error *why, struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < job->n_cells; i++) {
		if (job->cells[i].stage != job->stage || job->cells[i].is_over)
			continue;
		r = job_conclude(job, &job->cells[i], BENCH_FAILED, why->message, err);
		tell(job, &job->cells[i], NULL);
	}
	return r;
}

static bool is_stage_over(const struct bench_job *job, size_t stage)
{
	for (size_t i = 0; i < job->n_cells; i++) {
		if (job->cells[i].stage == stage && !job->cells[i].is_over)
			return false;
	}
	return true;
}

static int measure_stage(struct bench_job *job, size_t stage, struct ofbc_error *err)
{
	struct ofbc_error why = {0};
	int r = job_enter(job, stage, &why);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return give_up_stage(job, &why, err);
	r = job_share_processors(job);
	if (r == 0)
		r = job_sensors_open(job, err);
	job->block = 0;
	while (r >= 0) {
		r = one_block(job, err);
		if (r <= 0 || job_is_budget_spent(job))
			break;
	}
	job_sensors_close(job);
	return r < 0 ? r : 0;
}

int job_begin(struct bench_job *job, struct ofbc_error *err)
{
	int r = scratch_new(job->run.id, job->scratch, sizeof(job->scratch));

	if (r < 0)
		return error_set_errno(err, -r, "cannot make a directory for the outputs");
	job->began_ns = job->ctx->platform->ops->now_ns(job->ctx->platform);
	return 0;
}

int job_end(struct bench_job *job, int r, struct ofbc_error *err)
{
	clean_up(job);
	return r == 0 ? results_set_lazy(job->results, false, err) : r;
}

int job_measure(struct bench_job *job, struct ofbc_error *err)
{
	int r = job_begin(job, err), back;

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < job->n_stages && !job_is_budget_spent(job); i++)
		r = is_stage_over(job, i) ? 0 : measure_stage(job, i, err);
	r = job_end(job, r, err);
	/* whatever happened; the first error is the one that is told */
	back = job_leave(job, r == 0 ? err : NULL);
	if (r == 0)
		r = end_by_budget(job, err);
	return r < 0 ? r : back;
}
