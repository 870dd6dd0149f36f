/* SPDX-License-Identifier: MIT */
/* From a request to cells: definitions with their parameters, and the places where instances run. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "bench/definition_data.h"
#include "lib/bench_job.h"
#include "platform/files.h"

/* --- parameters --- */

static bool has_parameter(const struct bench_definition *d, const char *name)
{
	for (size_t i = 0; i < d->parameters.n; i++) {
		if (strcmp(d->parameters.v[i].name, name) == 0)
			return true;
	}
	return false;
}

static int unknown_parameter(const struct bench_definition *d, const char *text, struct ofbc_error *err)
{
	char list[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < d->parameters.n; i++)
		len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0, "%s%s",
		                        i ? ", " : "", d->parameters.v[i].name);
	error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no parameter of '%s'", text, d->name);
	error_hint(err, list[0] ? "write NAME=VALUE; it has %s" : "it has none", list);
	return -EINVAL;
}

/* An axis of the matrix that is given a value is none any more. */
static void take_from_matrix(struct bench_definition *d, const char *name)
{
	for (size_t i = d->matrix.n; i-- > 0;) {
		struct bench_axis *a = &d->matrix.v[i];

		if (!strv_contains(&a->names, name))
			continue;
		strv_done(&a->names);
		strv_done(&a->values);
		memmove(a, a + 1, (d->matrix.n - i - 1) * sizeof(*a));
		d->matrix.n--;
	}
}

/* NAME=VALUE */
static int set_parameter(struct bench_entry *e, const char *text, struct ofbc_error *err)
{
	const char *equals = strchr(text, '=');
	char name[64];

	if (!equals || (size_t)(equals - text) >= sizeof(name))
		return unknown_parameter(e->d, text, err);
	text_copy(name, (size_t)(equals - text) + 1, text);
	if (!has_parameter(e->d, name))
		return unknown_parameter(e->d, name, err);
	take_from_matrix(e->d, name);
	return pair_set(&e->parameters, name, equals + 1);
}

/* Several benchmarks share those that they have. */
static int apply_parameter(const struct bench_job *job, struct bench_entry *e, const char *text,
                           struct ofbc_error *err)
{
	char name[64];
	size_t n = strcspn(text, "=");

	text_copy(name, n < sizeof(name) ? n + 1 : sizeof(name), text);
	return job->n_victims > 1 && text[n] && !has_parameter(e->d, name) ? 0 : set_parameter(e, text, err);
}

/* Of a benchmark by its name: with the defaults of its definition and its preset. */
static int load_entry(struct bench_job *job, const struct bench_wish *wish, struct bench_entry *e,
                      struct ofbc_error *err)
{
	int r = bench_load(job->ctx, wish->spec, &e->d, e->path, sizeof(e->path), err);

	if (r == 0)
		r = bench_preset(e->d, wish->preset, &e->preset, err);
	for (size_t k = 0; r == 0 && k < e->d->parameters.n; k++)
		r = pair_set(&e->parameters, e->d->parameters.v[k].name, e->d->parameters.v[k].value);
	for (size_t k = 0; r == 0 && e->preset && k < e->preset->values.n; k++)
		r = pair_set(&e->parameters, e->preset->values.v[k].name, e->preset->values.v[k].value);
	return r;
}

static int prepare_entry(struct bench_job *job, const struct bench_wish *wish, struct bench_entry *e,
                         struct ofbc_error *err)
{
	const struct ofbc_bench_request *rq = &job->rq;
	int r = load_entry(job, wish, e, err);

	for (size_t k = 0; r == 0 && k < rq->n_parameters; k++)
		r = apply_parameter(job, e, rq->parameters[k], err);
	return r;
}

/* --- aggressors --- */

static int not_together(const char *name, struct ofbc_error *err)
{
	error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' does not speak the protocol", name);
	error_hint(
		err,
		"--against is for benchmarks with 'protocol: lines': only these are kept at work until another is "
		"measured");
	return -EINVAL;
}

/* Only the name of a file is in the label. */
static void name_aggressor(struct bench_entry *e, const char *spec)
{
	const char *rest = strchr(spec, ',');

	snprintf(e->against, sizeof(e->against), "%s%s", e->d->name, rest ? rest : "");
	for (char *p = e->against; *p; p++)
		*p = *p == ' ' ? '_' : *p;
}

/* "mlp,preset=test,width=512" */
static int prepare_aggressor(struct bench_job *job, const char *spec, struct bench_entry *e,
                             struct ofbc_error *err)
{
	_cleanup_free_ char *text = strdup(spec);
	char *save = NULL, *name = text ? strtok_r(text, ",", &save) : NULL;
	struct bench_wish wish = {.spec = name};
	const char *words[32];
	char *word;
	size_t n = 0;
	int r;

	if (!text)
		return -ENOMEM;
	while ((word = strtok_r(NULL, ",", &save)) && n < ARRAY_SIZE(words)) {
		if (strncmp(word, "preset=", 7) == 0)
			wish.preset = word + 7;
		else
			words[n++] = word;
	}
	if (!name || word || strlen(spec) >= sizeof(e->against)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "--against '%s' names no benchmark", spec);
		error_hint(err, "NAME[,preset=PRESET][,NAME=VALUE...], in fewer than %zu characters",
		           sizeof(e->against));
		return -EINVAL;
	}
	r = load_entry(job, &wish, e, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = set_parameter(e, words[i], err);
	if (r == 0 && !e->d->is_protocol)
		r = not_together(e->d->name, err);
	if (r == 0 && e->d->matrix.n) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' has a matrix", spec);
		error_hint(err, "an aggressor has one set of parameters: add ',%s=VALUE'",
		           e->d->matrix.v[0].names.v[0]);
		r = -EINVAL;
	}
	if (r == 0)
		name_aggressor(e, spec);
	return r;
}

/* --- cells --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

/* "aa=A preset=small size=1024", sorted; too many are told by a hash at the end. side "": no A/A. */
static void parameters_text(const struct bench_entry *e, const char *side, const struct pair_list *values,
                            char *buf, size_t size)
{
	size_t len = (size_t)snprintf(buf, size, "%s", side);

	if (e->preset)
		len += (size_t)snprintf(buf + len, size - len, "%spreset=%s", len ? " " : "",
		                        e->preset->name);
	for (size_t i = 0; i < values->n; i++)
		len += (size_t)snprintf(buf + (len < size ? len : size - 1), len < size ? size - len : 1,
		                        "%s%s=%s", len ? " " : "", values->v[i].name, values->v[i].value);
	if (len >= size) {
		_cleanup_strbuf_ struct strbuf all = STRBUF_INIT(1u << 20);
		char id[UUID_STR_MAX];

		for (size_t i = 0; i < values->n; i++)
			strbuf_addf(&all, "%s=%s\n", values->v[i].name, values->v[i].value);
		uuid_derive(strbuf_str(&all), id);
		snprintf(buf + size - 16, 16, " ...#%.8s", id);
	}
}

static int add_cell(struct bench_job *job, struct bench_entry *e, struct bench_entry *aggressor,
                    const char *side, struct pair_list *parameters)
{
	struct bench_live *c;

	if (job->n_cells == job->cap_cells) {
		size_t cap = job->cap_cells ? 2 * job->cap_cells : 16;
		struct bench_live *more = realloc(job->cells, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		job->cells = more;
		job->cap_cells = cap;
	}
	c = &job->cells[job->n_cells];
	*c = (struct bench_live){.entry = e, .aggressor = aggressor, .parameters = *parameters};
	*parameters = (struct pair_list){0};
	if (c->parameters.n)
		qsort(c->parameters.v, c->parameters.n, sizeof(*c->parameters.v), by_name);
	c->c.number = (unsigned)job->n_cells++;
	c->stage = job->stage;
	c->c.instances = job->stages[job->stage].instances;
	text_copy(c->c.run, sizeof(c->c.run), job->run.id);
	text_copy(c->c.benchmark, sizeof(c->c.benchmark), e->d->name);
	text_copy(c->c.definition, sizeof(c->c.definition), e->d->hash);
	text_copy(c->c.layout, sizeof(c->c.layout), job->stages[job->stage].name);
	parameters_text(e, side, &c->parameters, c->c.parameters, sizeof(c->c.parameters));
	return 0;
}

static int add_copy(struct bench_job *job, struct bench_entry *e, struct bench_entry *aggressor,
                    const char *side, const struct pair_list *parameters)
{
	struct pair_list copy = {0};
	int r = pair_copy(&copy, parameters);

	if (r == 0)
		r = add_cell(job, e, aggressor, side, &copy);
	pair_list_done(&copy);
	return r;
}

static int add_sides(struct bench_job *job, struct bench_entry *e, const struct pair_list *parameters)
{
	int r = add_copy(job, e, NULL, BENCH_SIDE_A, parameters);

	return r == 0 ? add_copy(job, e, NULL, BENCH_SIDE_B, parameters) : r;
}

static bool has_same(const struct pair_list *a, const struct pair_list *b)
{
	for (size_t i = 0; i < a->n; i++) {
		const char *other = pair_get(b, a->v[i].name);

		if (!other || strcmp(a->v[i].value, other) != 0)
			return false;
	}
	return a->n == b->n;
}

/* The first instance among others that run something else; among its like it is in the cell without. */
static int add_against(struct bench_job *job, struct bench_entry *e, const struct pair_list *parameters)
{
	int r = 0;

	for (size_t i = job->n_victims; r == 0 && i < job->n_entries; i++) {
		const struct bench_entry *other = &job->entries[i];
		char side[sizeof(BENCH_AGAINST) + sizeof(e->against)];

		if (strcmp(other->d->hash, e->d->hash) == 0 && has_same(parameters, &other->parameters))
			continue;
		snprintf(side, sizeof(side), "%s%s", BENCH_AGAINST, job->entries[i].against);
		r = add_copy(job, e, &job->entries[i], side, parameters);
	}
	return r;
}

static int add_cells(struct bench_job *job, struct bench_entry *e, struct ofbc_error *err)
{
	struct combination_list all = {0};
	int r = definition_combinations(e->d, &e->parameters, &all, err);

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		r = job->rq.twice ? add_sides(job, e, &all.v[i]) : add_copy(job, e, NULL, "", &all.v[i]);
		if (r == 0 && job->stages[job->stage].instances > 1)
			r = add_against(job, e, &all.v[i]);
	}
	combination_list_done(&all);
	return r;
}

static int prepare_entries(struct bench_job *job, struct ofbc_error *err)
{
	const struct ofbc_bench_request *rq = &job->rq;
	__attribute__((cleanup(bench_wish_list_done))) struct bench_wish_list wishes = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < rq->n_benchmarks; i++)
		r = bench_wishes(rq->benchmarks[i], rq->preset, &wishes, err);
	job->entries = calloc(wishes.n + rq->n_against + 1, sizeof(*job->entries));
	if (!job->entries)
		return -ENOMEM;
	job->n_victims = wishes.n;
	job->n_entries = wishes.n + rq->n_against;
	for (size_t i = 0; r == 0 && i < wishes.n; i++)
		r = prepare_entry(job, &wishes.v[i], &job->entries[i], err);
	for (size_t i = 0; r == 0 && i < wishes.n && rq->n_against; i++) {
		if (!job->entries[i].d->is_protocol)
			r = not_together(job->entries[i].d->name, err);
	}
	for (size_t i = 0; r == 0 && i < rq->n_against; i++)
		r = prepare_aggressor(job, rq->against[i], &job->entries[wishes.n + i], err);
	return r;
}

/* Every benchmark. */
int job_prepare_stage(struct bench_job *job, size_t stage, struct ofbc_error *err)
{
	int r = 0;

	job->stage = stage;
	for (size_t i = 0; r == 0 && i < job->n_victims; i++)
		r = add_cells(job, &job->entries[i], err);
	return r;
}

/* On every stage. */
static int prepare_cells(struct bench_job *job, struct ofbc_error *err)
{
	unsigned most = 0;
	int r = 0;

	for (size_t i = 0; i < job->n_stages; i++)
		most = job->stages[i].instances > most ? job->stages[i].instances : most;
	if (job->rq.n_against && most < 2) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "--against needs more than one instance");
		error_hint(err, "give --instances 2, or two partitions with --on");
		return -EINVAL;
	}
	for (size_t i = 0; r == 0 && i < job->n_stages; i++)
		r = job_prepare_stage(job, i, err);
	return r;
}

/* A new run; a stored one has its name and seed. */
static int name_run(struct bench_job *job)
{
	if (job->run.id[0])
		return 0;
	job->run.seed = job->rq.seed ? job->rq.seed : random_seed() >> 11; /* JSON keeps 53 bits */
	return uuid_generate(job->run.id);
}

int job_prepare(struct bench_job *job, struct ofbc_error *err)
{
	int r = name_run(job);

	if (r == 0)
		r = start_parse(job->rq.start, &job->start, err);
	if (r == 0)
		r = job->rq.n_agents ? job_plan_agents(job, err)
		    : job->rq.sweep  ? job_plan_sweep(job, err)
		                     : job_plan_stage(job, err);
	if (r == 0)
		r = prepare_entries(job, err);
	if (r == 0)
		r = prepare_cells(job, err);
	if (r == 0 && !job->n_cells) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "there is nothing to measure");
		error_hint(err, "name a benchmark; `openforbc bench list` prints them");
		r = -EINVAL;
	}
	return r;
}

/* --- the request --- */

static struct json *texts(const char *const *v, size_t n)
{
	struct json *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_append_str(list, v[i]);
	return list;
}

static struct json *numbers_print(const unsigned *v, size_t n)
{
	struct json *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_append_u64(list, v[i]);
	return list;
}

/* What the cells do not say: whether they are still the same when a run is resumed. */
static struct json *against_definitions(const struct bench_job *job)
{
	struct json *list = json_array();

	for (size_t i = job->n_victims; i < job->n_entries; i++)
		json_append_str(list, job->entries[i].d->hash);
	return list;
}

static struct json *search_print(const struct job_search *s)
{
	struct json *o = json_object();

	json_set_str(o, "for", "vdi-capacity");
	json_set_double(o, "fps", s->fps);
	json_set_u64(o, "confirm", s->confirm);
	json_set_u64(o, "max", s->max);
	return o;
}

int job_request_print(const struct bench_job *job, char **ret)
{
	const struct ofbc_bench_request *rq = &job->rq;
	_cleanup_json_ struct json *doc = json_object();
	struct json *paths = json_array();
	_cleanup_free_ char *token = NULL;

	for (size_t i = 0; i < rq->n_benchmarks; i++) {
		_cleanup_free_ char *real = NULL;

		/* a name stays a name */
		json_append_str(paths, path_real(rq->benchmarks[i], &real) == 0 ? real : rq->benchmarks[i]);
	}
	json_set(doc, "benchmarks", paths);
	json_set_str(doc, "preset", rq->preset);
	json_set(doc, "parameters", texts(rq->parameters, rq->n_parameters));
	json_set(doc, "partitions", texts(rq->partitions, rq->n_partitions));
	json_set(doc, "instances", numbers_print(rq->instances, rq->n_instances));
	if (rq->token_file && path_real(rq->token_file, &token) < 0)
		token = strdup(rq->token_file);
	json_set(doc, "agents", texts(rq->agents, rq->n_agents));
	json_set_str(doc, "token_file", token); /* its name, never what is in it */
	json_set_bool(doc, "scale", rq->scale);
	json_set_bool(doc, "here", rq->here);
	json_set_u64(doc, "min_trials", rq->min_trials);
	json_set_u64(doc, "max_trials", rq->max_trials);
	json_set_double(doc, "precision", rq->precision);
	json_set_double(doc, "budget_s", rq->budget_s);
	json_set_double(doc, "window_s", rq->window_s);
	json_set_str(doc, "start", rq->start);
	json_set_bool(doc, "require_idle", rq->require_idle);
	json_set_bool(doc, "share_processors", rq->share_processors);
	json_set(doc, "stages", stages_print(job));
	json_set_bool(doc, "twice", rq->twice);
	json_set(doc, "against", texts(rq->against, rq->n_against));
	json_set(doc, "against_definitions", against_definitions(job));
	if (job->search.confirm)
		json_set(doc, "search", search_print(&job->search));
	if (rq->sweep) {
		_cleanup_free_ char *real = NULL;

		json_set_str(doc, "sweep", path_real(rq->sweep, &real) == 0 ? real : rq->sweep);
		json_set_str(doc, "first_state", job->first_state);
		json_set_bool(doc, "may_reset", rq->may_reset);
		json_set_bool(doc, "solo", rq->solo);
	}
	return json_print(doc, ret);
}

void job_done(struct bench_job *job)
{
	job_sensors_close(job);
	job_agents_free(job);
	for (size_t i = 0; job->entries && i < job->n_entries; i++) {
		pair_list_done(&job->entries[i].parameters);
		definition_free(job->entries[i].d);
	}
	for (size_t i = 0; i < job->n_cells; i++) {
		pair_list_done(&job->cells[i].parameters);
		free(job->cells[i].first);
		free(job->cells[i].c.reason);
	}
	job_places_free(job);
	for (size_t i = 0; i < job->n_stages; i++)
		free(job->stages[i].layout);
	free(job->stages);
	free(job->first_state);
	free(job->counters);
	strv_done(&job->gpus);
	free(job->entries);
	free(job->cells);
	bench_run_done(&job->run);
	results_close(job->results);
	if (job->scratch[0])
		scratch_remove(job->scratch);
}
