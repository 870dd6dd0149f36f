/* SPDX-License-Identifier: MIT */
/* Public calls that measure: a new run, and one that was interrupted. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parse.h"
#include "bench/environment.h"
#include "lib/bench_job.h"
#include "openforbc/openforbc.h"
#include "platform/files.h"

static void set_defaults(struct ofbc_bench_request *rq)
{
	/* two sides of five blocks cannot differ by a signed-rank test */
	rq->min_trials = rq->min_trials ? rq->min_trials : rq->twice ? 10 : 5;
	rq->max_trials = rq->max_trials ? rq->max_trials : rq->min_trials > 30 ? rq->min_trials : 30;
	rq->precision = rq->precision > 0 ? rq->precision : 0.02;
	rq->window_s = rq->window_s > 0 ? rq->window_s : 5;
}

static int check_request(const struct ofbc_bench_request *rq, struct ofbc_error *err)
{
	if (rq->n_against && (rq->n_agents || rq->twice)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "--against and %s exclude each other",
		          rq->twice ? "--aa" : "--agent");
		error_hint(err, "make two runs");
		return -EINVAL;
	}
	if (rq->max_trials >= rq->min_trials)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "at most %u trials are less than at least %u",
	          rq->max_trials, rq->min_trials);
	error_hint(err, "give both, or leave one out");
	return -EINVAL;
}

const char *bench_emulated(const struct ofbc_context *ctx)
{
	return ctx->platform->emulated ? strrchr(ctx->platform->state_dir, '/') + 1 : "";
}

static int start_run(struct bench_job *job, struct ofbc_error *err)
{
	struct bench_run *run = &job->run;
	struct platform *p = job->ctx->platform;
	struct environment_platform where;
	int r = job_request_print(job, &run->request);

	if (r < 0)
		return r;
	run->started_unix_s = wall_clock_s();
	host_name(run->host, sizeof(run->host));
	text_copy(run->label, sizeof(run->label), job->rq.label ? job->rq.label : "");
	text_copy(run->program, sizeof(run->program), "openforbc " OFBC_VERSION);
	text_copy(run->emulated, sizeof(run->emulated), bench_emulated(job->ctx));
	environment_platform(p, &where);
	text_copy(run->platform, sizeof(run->platform), where.label);
	if (job->agents)
		job_agents_platform(job, run->platform, sizeof(run->platform));
	r = environment_capture(p, run->program, &run->environment, err);
	if (r == 0 && job->agents)
		r = job_agents_describe(job, &run->environment, err);
	return r < 0 ? r : results_add_run(job->results, run, err);
}

static int store_cells(struct bench_job *job, struct ofbc_error *err)
{
	_cleanup_free_ struct bench_cell *cells = calloc(job->n_cells + 1, sizeof(*cells));

	if (!cells)
		return -ENOMEM;
	for (size_t i = 0; i < job->n_cells; i++)
		cells[i] = job->cells[i].c;
	return results_add_cells(job->results, job->run.id, cells, job->n_cells, err);
}

/* The tests of the energy counters belong to what was there. */
static int add_counters(const struct bench_job *job, char **environment, struct ofbc_error *err)
{
	_cleanup_json_ struct json *doc = NULL;
	struct json *counters = NULL;
	char *text = NULL;
	int r = job->counters ? json_parse(job->counters, strlen(job->counters), "counters", &counters, err)
	                      : 0;

	if (r < 0 || !counters)
		return r;
	r = json_parse(*environment, strlen(*environment), "environment", &doc, err);
	if (r < 0) {
		json_free(counters);
		return r;
	}
	json_set(doc, "energy", counters);
	r = json_print(doc, &text);
	if (r < 0)
		return r;
	free(*environment);
	*environment = text;
	return 0;
}

/* Behind what the note says already. */
static int note_changes(struct bench_run *run, const struct environment_diff *diff)
{
	_cleanup_free_ char *said = steal_ptr(run->note), *changes = NULL;
	char *both = NULL;
	int r = environment_diff_text(diff, &changes);

	if (r == 0 && said && asprintf(&both, "%s; %s", said, changes) < 0)
		return -ENOMEM;
	run->note = both ? both : steal_ptr(changes);
	return r;
}

/* The environment once more; what changed and matters is the run's note. */
static int look_again(struct bench_job *job, struct ofbc_error *err)
{
	__attribute__((cleanup(environment_diff_done))) struct environment_diff diff = {0};
	struct bench_run *run = &job->run;
	int r = environment_capture(job->ctx->platform, run->program, &run->environment_after, err);

	if (r == 0)
		r = add_counters(job, &run->environment_after, err);
	if (r == 0 && job->agents)
		r = job_agents_look_again(job, err);
	if (r == 0 && job->agents)
		r = job_agents_describe(job, &run->environment_after, err);
	if (r == 0 && run->environment)
		r = environment_diff(run->environment, run->environment_after, &diff, err);
	return r < 0 || environment_diff_weight(&diff) < CHANGE_MATTERS ? r : note_changes(run, &diff);
}

int job_close_run(struct bench_job *job, int r, struct ofbc_error *err)
{
	if (r == 0)
		r = look_again(job, err);
	if (r < 0)
		return r;
	job->run.ended_unix_s = wall_clock_s();
	return results_end_run(job->results, &job->run, err);
}

int job_open_run(struct bench_job *job, char ret_run[37], struct ofbc_error *err)
{
	int r = state_dir_make(job->ctx->state_dir, err);

	if (r == 0)
		r = results_open(job->ctx->state_dir, true, &job->results, err);
	if (r == 0)
		r = start_run(job, err);
	if (r == 0)
		r = store_cells(job, err);
	if (r == 0)
		memcpy(ret_run, job->run.id, sizeof(job->run.id));
	return r;
}

int ofbc_bench_run(struct ofbc_context *ctx, const struct ofbc_bench_request *rq, ofbc_bench_told *told,
                   void *data, char ret_run[37], struct ofbc_error *err)
{
	_cleanup_job_ struct bench_job job = {.ctx = ctx, .rq = *rq, .told = told, .data = data};
	int r;

	set_defaults(&job.rq);
	r = check_request(&job.rq, err);
	if (r == 0)
		r = job_prepare(&job, err);
	if (r == 0)
		r = job_open_run(&job, ret_run, err);
	return r < 0 ? r : job_close_run(&job, job_measure(&job, err), err);
}

/* --- resume --- */

void stored_request_done(struct stored_request *s)
{
	json_free(s->doc);
}

/* Runs of before had one number, 0 for none. */
static size_t numbers_of(const struct json *doc, const char *key, unsigned *v)
{
	const struct json *list = json_get(doc, key);
	size_t n = json_len(list) < STORED_LIST_MAX ? json_len(list) : STORED_LIST_MAX;

	for (size_t i = 0; i < n; i++)
		v[i] = (unsigned)json_u64(json_at(list, i), 0);
	if (!json_is_array(list) && json_u64(list, 0))
		v[n++] = (unsigned)json_u64(list, 0);
	return n;
}

static size_t texts_of(const struct json *doc, const char *key, const char **v)
{
	const struct json *list = json_get(doc, key);
	size_t n = json_len(list) < STORED_LIST_MAX ? json_len(list) : STORED_LIST_MAX;

	for (size_t i = 0; i < n; i++)
		v[i] = json_str(json_at(list, i), "");
	return n;
}

static int read_request(const struct bench_run *run, struct stored_request *s, struct ofbc_bench_request *ret,
                        struct ofbc_error *err)
{
	int r = json_parse(run->request, strlen(run->request), "stored request", &s->doc, err);

	if (r < 0)
		return r;
	*ret = (struct ofbc_bench_request){
		.benchmarks = s->benchmarks,
		.n_benchmarks = texts_of(s->doc, "benchmarks", s->benchmarks),
		.preset = json_str(json_get(s->doc, "preset"), NULL),
		.parameters = s->parameters,
		.n_parameters = texts_of(s->doc, "parameters", s->parameters),
		.partitions = s->partitions,
		.n_partitions = texts_of(s->doc, "partitions", s->partitions),
		.agents = s->agents,
		.n_agents = texts_of(s->doc, "agents", s->agents),
		.against = s->against,
		.n_against = texts_of(s->doc, "against", s->against),
		.token_file = json_str(json_get(s->doc, "token_file"), NULL),
		.here = json_bool(json_get(s->doc, "here"), false),
		.scale = json_bool(json_get(s->doc, "scale"), false),
		.instances = s->instances,
		.n_instances = numbers_of(s->doc, "instances", s->instances),
		.min_trials = (unsigned)json_u64(json_get(s->doc, "min_trials"), 0),
		.max_trials = (unsigned)json_u64(json_get(s->doc, "max_trials"), 0),
		.precision = json_double(json_get(s->doc, "precision"), 0),
		.budget_s = json_double(json_get(s->doc, "budget_s"), 0),
		.window_s = json_double(json_get(s->doc, "window_s"), 0),
		.start = json_str(json_get(s->doc, "start"), NULL),
		.share_processors = json_bool(json_get(s->doc, "share_processors"), false),
		.require_idle = json_bool(json_get(s->doc, "require_idle"), false),
		.sweep = json_str(json_get(s->doc, "sweep"), NULL),
		.may_reset = json_bool(json_get(s->doc, "may_reset"), false),
		.twice = json_bool(json_get(s->doc, "twice"), false),
		.solo = json_bool(json_get(s->doc, "solo"), false),
	};
	return 0;
}

static int changed(const char *benchmark, struct ofbc_error *err)
{
	error_set(err, EBADMSG, OFBC_REASON_FAILED,
	          "benchmark '%s' is no longer what it was when the run began", benchmark);
	error_hint(err, "start a new run; what was measured stays in the results");
	return -EBADMSG;
}

/* What the cell has already, so that nothing is repeated. */
int job_take_over(struct bench_job *job, struct bench_live *cell, struct bench_cell_data *ret,
                  struct ofbc_error *err)
{
	int r = results_load_cell(job->results, job->run.id, cell->c.number, ret, err);

	if (r < 0)
		return r;
	if (strcmp(ret->cell.definition, cell->c.definition) != 0 ||
	    strcmp(ret->cell.parameters, cell->c.parameters) != 0 ||
	    strcmp(ret->cell.layout, cell->c.layout) != 0)
		return changed(ret->cell.benchmark, err);
	cell->is_over = ret->cell.verdict != BENCH_PLANNED;
	cell->c.verdict = ret->cell.verdict;
	for (size_t i = 0; r == 0 && i < ret->trials.n; i++)
		r = job_count(cell, &ret->trials.v[i]);
	return r;
}

static int take_over(struct bench_job *job, struct bench_live *cell, struct ofbc_error *err)
{
	_cleanup_cell_data_ struct bench_cell_data data = {0};
	int r = job_take_over(job, cell, &data, err);

	/* it may have been enough, and only the verdict is missing */
	if (r == 0 && !cell->is_over && data.trials.n)
		r = job_judge(job, cell, &data.trials.v[data.trials.n - 1], err);
	return r;
}

static int check_aggressors(const struct bench_job *job, const struct json *stored, struct ofbc_error *err)
{
	const struct json *hashes = json_get(stored, "against_definitions");

	for (size_t i = job->n_victims; i < job->n_entries; i++) {
		if (strcmp(json_str(json_at(hashes, i - job->n_victims), ""), job->entries[i].d->hash) != 0)
			return changed(job->entries[i].d->name, err);
	}
	return 0;
}

/* The last one that is not ended. */
static int last_open(struct results *results, char id[37], struct ofbc_error *err)
{
	struct bench_run_list runs = {0};
	int r = results_runs(results, &(struct results_filter){0}, &runs, err), found = -ENOENT;

	for (size_t i = 0; r == 0 && found < 0 && i < runs.n; i++) {
		if (!runs.v[i].ended_unix_s && !runs.v[i].origin[0]) {
			memcpy(id, runs.v[i].id, sizeof(runs.v[i].id));
			found = 0;
		}
	}
	bench_run_list_done(&runs);
	if (r == 0 && found < 0)
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "every run is ended");
	return r < 0 ? r : found;
}

int job_reopen_run(struct bench_job *job, const char *run, struct stored_request *stored, char ret_run[37],
                   struct ofbc_error *err)
{
	char id[37];
	int r = bench_open_results(job->ctx, &job->results, err);

	if (r == 0)
		r = run ? 0 : last_open(job->results, id, err);
	if (r == 0)
		r = bench_find_run(job->results, run ? run : id, strlen(run ? run : id), &job->run, err);
	if (r < 0)
		return r;
	memcpy(ret_run, job->run.id, sizeof(job->run.id));
	r = job->run.request ? read_request(&job->run, stored, &job->rq, err) : 0;
	return r < 0 ? r : job->run.ended_unix_s != 0;
}

/* Its cells are not planned: what comes next is not known here. */
static int refuse_search(const struct bench_job *job, const struct stored_request *stored,
                         struct ofbc_error *err)
{
	if (!json_get(stored->doc, "search"))
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "run %.8s is a search for a capacity", job->run.id);
	error_hint(err, "openforbc bench vdi-capacity --resume %.8s", job->run.id);
	return -EINVAL;
}

int ofbc_bench_resume(struct ofbc_context *ctx, const char *run, ofbc_bench_told *told, void *data,
                      char ret_run[37], struct ofbc_error *err)
{
	_cleanup_(stored_request_done) struct stored_request stored = {0};
	_cleanup_job_ struct bench_job job = {.ctx = ctx, .told = told, .data = data};
	int r = job_reopen_run(&job, run, &stored, ret_run, err);

	if (r != 0)
		return r;
	r = refuse_search(&job, &stored, err);
	if (r == 0 && job.rq.sweep)
		job.first_state = strdup(json_str(json_get(stored.doc, "first_state"), ""));
	if (r == 0 && job.rq.sweep && !job.first_state)
		r = -ENOMEM;
	if (r == 0)
		r = job_prepare(&job, err);
	if (r == 0)
		r = check_aggressors(&job, stored.doc, err);
	for (size_t i = 0; r == 0 && i < job.n_cells; i++)
		r = take_over(&job, &job.cells[i], err);
	return r < 0 ? r : job_close_run(&job, job_measure(&job, err), err);
}
