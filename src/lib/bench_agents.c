/* SPDX-License-Identifier: MIT */
/* A run over agents: its stages, and what stands in for the local steps of a cell. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "bench/agents.h"
#include "lib/bench_job.h"
#include "openforbc/openforbc.h"

#define INSTANCES_MAX 4096

/* --- stages --- */

/* What only a host itself can do. */
static int check_options(const struct ofbc_bench_request *rq, struct ofbc_error *err)
{
	if (rq->sweep) {
		error_set(err, EINVAL, OFBC_REASON_USAGE,
		          "a sweep changes the layout, which belongs to the host of the GPU, not to agents");
		error_hint(err,
		           "on that host: `openforbc bench sweep`; or make each layout there with `openforbc "
		           "layout apply`, and measure it with --agent and --on");
		return -EINVAL;
	}
	if (rq->n_instances > 1) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "agents share one number of instances");
		error_hint(err, "--scale takes one agent, two, up to all");
		return -EINVAL;
	}
	if (rq->share_processors) {
		error_set(err, EINVAL, OFBC_REASON_USAGE,
		          "processors are shared among the instances of one host, not among agents");
		error_hint(err, "leave out --share-processors; give guests processors, or use --on with "
		                "partitions that have some");
		return -EINVAL;
	}
	return 0;
}

static int check_agents(const struct ofbc_bench_request *rq, unsigned instances, struct ofbc_error *err)
{
	if (instances < rq->n_agents || instances > INSTANCES_MAX) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "%u instances cannot be dealt to %zu agents",
		          instances, rq->n_agents);
		error_hint(err, "from %zu to %d are valid", rq->n_agents, INSTANCES_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < rq->n_agents; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(rq->agents[i], rq->agents[k]) != 0)
				continue;
			error_set(err, EINVAL, OFBC_REASON_USAGE, "agent '%s' is named twice", rq->agents[i]);
			error_hint(err, "more instances on one agent: --instances N");
			return -EINVAL;
		}
	}
	return 0;
}

/* "2 agents", "2 agents: 2x cpu:1c", or "2 agents: cpu:1c, cpu:2c" where they have different ones. */
static void name_stage(const struct agents *a, size_t n, char *buf, size_t size)
{
	size_t len = (size_t)snprintf(buf, size, "%zu agent%s", n, n > 1 ? "s" : ""), kinds = n;

	while (kinds > 1 && strcmp(a->v[kinds - 1].layout, a->v[0].layout) == 0)
		kinds--;
	for (size_t i = 0; i < (kinds > 1 ? n : 1) && a->v[i].layout[0] && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : ": ", a->v[i].layout);
}

/* With the first agent, with two, up to all; or only with all. */
static int add_stages(struct bench_job *job, unsigned instances)
{
	size_t n = job->rq.n_agents, first = job->rq.scale ? 1 : n;

	job->stages = calloc(n, sizeof(*job->stages));
	if (!job->stages)
		return -ENOMEM;
	for (size_t k = first; k <= n; k++) {
		struct bench_stage *s = &job->stages[job->n_stages++];

		s->agents = (unsigned)k;
		s->instances = (unsigned)(instances * k / n);
		name_stage(job->agents, k, s->name, sizeof(s->name));
	}
	return 0;
}

int job_plan_agents(struct bench_job *job, struct ofbc_error *err)
{
	const struct ofbc_bench_request *rq = &job->rq;
	size_t each = rq->n_partitions ? rq->n_partitions : 1;
	unsigned instances = rq->n_instances ? rq->instances[0] : (unsigned)(rq->n_agents * each);
	int r = check_options(rq, err);

	if (r == 0)
		r = check_agents(rq, instances, err);
	if (r == 0)
		r = agents_new(job->ctx->platform, rq->agents, rq->n_agents, rq->token_file,
		               job->ctx->state_dir, "openforbc " OFBC_VERSION, &job->agents, err);
	if (r == 0 && rq->n_partitions)
		r = agents_place(job->agents, rq->partitions, rq->n_partitions, err);
	return r == 0 ? add_stages(job, instances) : r;
}

bool job_agents_elsewhere(const struct bench_job *job)
{
	for (size_t i = 0; job->agents && !job->rq.here && i < job->agents->n; i++) {
		if (job->agents->v[i].address.may_be_elsewhere)
			return true;
	}
	return false;
}

void job_agents_free(struct bench_job *job)
{
	agents_free(job->agents);
	job->agents = NULL;
}

/* --- cells --- */

static struct agents_cell cell_of(const struct bench_job *job, const struct bench_live *cell)
{
	return (struct agents_cell){.definition = cell->entry->d,
	                            .preset = cell->entry->preset,
	                            .parameters = &cell->parameters,
	                            .agents = job->stages[cell->stage].agents,
	                            .again = job->rq.setup_again};
}

int job_agents_prepare(struct bench_job *job, const struct bench_live *cell, enum bench_verdict *ret_verdict,
                       struct ofbc_error *err)
{
	const struct agents_cell c = cell_of(job, cell);

	return agents_prepare(job->agents, &c, ret_verdict, err);
}

int job_agents_trial(struct bench_job *job, const struct bench_live *cell, const struct trial_request *rq,
                     struct bench_trial *ret, struct ofbc_error *err)
{
	const struct agents_cell c = cell_of(job, cell);

	return agents_trial(job->agents, &c, rq, ret, err);
}

void job_agents_cleanup(struct bench_job *job, const struct bench_live *cell)
{
	struct agents_cell c = cell_of(job, cell);

	c.agents = job->agents->n;
	agents_cleanup(job->agents, &c);
}

/* --- what is kept of them --- */

/* "kvm", or "bare-metal + kvm": where the numbers are from, not where we are. */
void job_agents_platform(const struct bench_job *job, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < job->agents->n && len < size; i++) {
		const char *one = job->agents->v[i].platform;
		bool is_known = false;

		for (size_t k = 0; k < i; k++)
			is_known |= strcmp(job->agents->v[k].platform, one) == 0;
		if (!is_known)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? " + " : "", one);
	}
}

static int describe(const struct agent *one, struct json *ret, struct ofbc_error *err)
{
	struct json *environment = NULL;
	int r;

	json_set_str(ret, "agent_address", one->address.text);
	json_set_str(ret, "hostname", one->host);
	json_set_str(ret, "platform", one->platform);
	if (!one->environment)
		return 0;
	r = json_parse(one->environment, strlen(one->environment), "environment of an agent", &environment,
	               err);
	if (r == 0)
		json_set(ret, "environment", environment);
	return r;
}

int job_agents_describe(const struct bench_job *job, char **document, struct ofbc_error *err)
{
	_cleanup_json_ struct json *doc = NULL;
	struct json *agents = json_object();
	char *text = NULL;
	int r = json_parse(*document, strlen(*document), "environment", &doc, err);

	if (r < 0) {
		json_free(agents);
		return r;
	}
	json_set(doc, "agents", agents);
	for (size_t i = 0; r == 0 && i < job->agents->n; i++) {
		struct json *one = json_object();
		char number[16];

		snprintf(number, sizeof(number), "%zu", i);
		r = describe(&job->agents->v[i], one, err);
		json_set(agents, number, one);
	}
	if (r == 0)
		r = json_print(doc, &text);
	if (r < 0)
		return r;
	free(*document);
	*document = text;
	return 0;
}

void job_agents_keep(const struct bench_job *job)
{
	if (job->agents)
		agents_keep(job->agents);
}

int job_agents_look_again(struct bench_job *job, struct ofbc_error *err)
{
	return agents_look_again(job->agents, err);
}
