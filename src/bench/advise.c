/* SPDX-License-Identifier: MIT */
#include "bench/advise.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "bench/random.h"
#include "bench/stats.h"

/* --- ranking --- */

/* What workload k of an option is worth: its median, of its trials or of trials drawn from them. */
static double drawn(const struct advise_sample *s, struct random *random, double *scratch)
{
	if (!s->n)
		return s->predicted * (1 + (random ? s->error * (2 * random_unit(random) - 1) : 0));
	for (size_t i = 0; i < s->n; i++)
		scratch[i] = s->v[random ? random_below(random, s->n) : i];
	stats_sort(scratch, s->n);
	return stats_quantile(scratch, s->n, 0.5);
}

/* Each workload against its own best, so that units do not matter. worth[i * workloads + k]. */
static void score(const double *worth, size_t n, size_t workloads, const double *weights, const bool *higher,
                  double *ret)
{
	double all = 0;

	memset(ret, 0, n * sizeof(*ret));
	for (size_t k = 0; k < workloads; k++) {
		double best = worth[k];

		for (size_t i = 1; i < n; i++) {
			double w = worth[i * workloads + k];

			best = higher[k] == (w > best) ? w : best;
		}
		for (size_t i = 0; i < n; i++) {
			double w = worth[i * workloads + k];

			ret[i] += weights[k] * (higher[k] ? best / w : w / best);
		}
		all += weights[k];
	}
	for (size_t i = 0; i < n; i++)
		ret[i] /= all;
}

static double least(const double *v, size_t n)
{
	double m = v[0];

	for (size_t i = 1; i < n; i++)
		m = v[i] < m ? v[i] : m;
	return m;
}

struct ranking {
	struct advise_option *v;
	size_t n, workloads;
	const double *weights;
	const bool *higher;
	double *worth, *scores, *scratch;
};

static void score_all(struct ranking *r, struct random *random)
{
	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < r->workloads; k++)
			r->worth[i * r->workloads + k] = drawn(&r->v[i].samples[k], random, r->scratch);
	}
	score(r->worth, r->n, r->workloads, r->weights, r->higher, r->scores);
}

static void rank(struct ranking *r, uint64_t seed)
{
	struct random random = random_seeded(seed);
	double best;

	score_all(r, NULL);
	best = least(r->scores, r->n);
	for (size_t i = 0; i < r->n; i++) {
		r->v[i].score = r->scores[i];
		r->v[i].behind = r->scores[i] / best - 1;
		r->v[i].sure = 0;
	}
	for (unsigned b = 0; b < ADVISE_RESAMPLES; b++) {
		score_all(r, &random);
		best = least(r->scores, r->n);
		for (size_t i = 0; i < r->n; i++)
			r->v[i].sure += r->scores[i] <= best * (1 + ADVISE_MARGIN);
	}
	for (size_t i = 0; i < r->n; i++)
		r->v[i].sure /= ADVISE_RESAMPLES;
}

int advise_rank(struct advise_option *v, size_t n, size_t workloads, const double *weights,
                const bool *higher, uint64_t seed)
{
	_cleanup_free_ double *worth = calloc(n * workloads + 1, sizeof(*worth));
	_cleanup_free_ double *scores = calloc(n + 1, sizeof(*scores)), *scratch = NULL;
	size_t most = 1;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < workloads; k++)
			most = v[i].samples[k].n > most ? v[i].samples[k].n : most;
	}
	scratch = calloc(most, sizeof(*scratch));
	if (!worth || !scores || !scratch)
		return -ENOMEM;
	if (n)
		rank(&(struct ranking){v, n, workloads, weights, higher, worth, scores, scratch}, seed);
	return 0;
}

/* --- between measured numbers of instances --- */

static double between(struct advise_point a, struct advise_point b, double at)
{
	double part = log(at / a.n) / log(b.n / a.n);

	return exp(log(a.value) + part * (log(b.value) - log(a.value)));
}

int advise_interpolate(const struct advise_point *v, size_t n, double at, double *ret, double *ret_error)
{
	double worst = NAN;
	size_t i = 0;

	if (n < 2 || at <= v[0].n || at >= v[n - 1].n)
		return -ERANGE;
	while (v[i + 1].n < at)
		i++;
	for (size_t k = 1; k + 1 < n; k++) {
		double error = fabs(between(v[k - 1], v[k + 1], v[k].n) / v[k].value - 1);

		worst = !(error <= worst) ? error : worst;
	}
	*ret = between(v[i], v[i + 1], at);
	*ret_error = worst;
	return 0;
}

/* --- values for a goal --- */

bool advise_higher_is_better(enum ofbc_goal goal)
{
	return goal == OFBC_GOAL_THROUGHPUT || goal == OFBC_GOAL_USERS;
}

static int scalar_values(const struct bench_cell_data *d, const struct ofbc_advice_request *rq,
                         enum scalar which, double **ret, size_t *ret_n, struct work_metric *work)
{
	const struct ofbc_bench_derive_options o = {
		.price_hour = rq->price_hour, .price_kwh = rq->price_kwh, .pue = rq->pue};
	struct work_point_list points = {0};
	double *v = NULL;
	size_t n = 0;
	int r = work_metric_choose(d, NULL, work);

	if (r == 0)
		r = work_points(d, work, &o, &points);
	if (r == 0)
		v = calloc(points.n + 1, sizeof(*v));
	for (size_t i = 0; v && i < points.n; i++) {
		if (isfinite(points.v[i].v[which]) && points.v[i].v[which] > 0)
			v[n++] = points.v[i].v[which];
	}
	free(points.v);
	if (r == 0 && !v)
		return -ENOMEM;
	*ret = v;
	*ret_n = n;
	return r < 0 || !n ? -ENODATA : 0;
}

/* Does the name say which percentile it is: "p99", "frame-p99"? */
static bool is_percentile(const char *metric, const char *percentile)
{
	const char *at = strstr(metric, percentile);

	return at && (at == metric || strchr("-_ ", at[-1])) && !at[strlen(percentile)];
}

/* The latency that was asked for, or the first percentile there is that fits the goal. */
static const struct bench_summary *latency_metric(const struct bench_cell_data *d,
                                                  const struct ofbc_advice_request *rq)
{
	static const char *const order[2][2] = {{"p99", "p95"}, {"p95", "p99"}};

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < d->summaries.n; i++) {
			const struct bench_summary *s = &d->summaries.v[i];

			if (isnan(work_seconds_of(s->unit)))
				continue;
			if (rq->metric ? strcmp(rq->metric, s->metric) == 0
			               : is_percentile(s->metric, order[rq->goal == OFBC_GOAL_USERS][k]))
				return s;
		}
	}
	return NULL;
}

/* Of the instance that has it worst; of all together where they are not told apart. */
static double worst_of(const struct bench_trial *t, const char *metric)
{
	double worst = NAN, all = NAN;

	for (size_t i = 0; i < t->n_values; i++) {
		if (strcmp(t->values[i].metric, metric) != 0)
			continue;
		if (t->values[i].instance < 0)
			all = t->values[i].value;
		else if (!(t->values[i].value <= worst))
			worst = t->values[i].value;
	}
	return isnan(worst) ? all : worst;
}

static int latency_values(const struct bench_cell_data *d, const struct ofbc_advice_request *rq, double **ret,
                          size_t *ret_n)
{
	const struct bench_summary *s = latency_metric(d, rq);
	double scale = s ? work_seconds_of(s->unit) : NAN;
	double *v = s ? calloc(d->trials.n + 1, sizeof(*v)) : NULL;
	size_t n = 0;

	if (!s)
		return -ENODATA;
	for (size_t i = 0; v && i < d->trials.n; i++) {
		double worst =
			d->trials.v[i].verdict == BENCH_OK ? worst_of(&d->trials.v[i], s->metric) : NAN;

		if (worst > 0)
			v[n++] = worst * scale;
	}
	*ret = v;
	*ret_n = n;
	return !v ? -ENOMEM : n ? 0 : -ENODATA;
}

/* So many users in every trial, or not at all. */
static int user_values(const struct bench_cell_data *d, const struct ofbc_advice_request *rq, double **ret,
                       size_t *ret_n, const char **ret_why)
{
	int r = latency_values(d, rq, ret, ret_n);

	for (size_t i = 0; r == 0 && i < *ret_n; i++) {
		if ((*ret)[i] > rq->within_s) {
			*ret_why = "the latency was above the bound in a trial";
			return -ENODATA;
		}
		(*ret)[i] = d->cell.instances;
	}
	return r;
}

int advise_values(const struct bench_cell_data *d, const struct ofbc_advice_request *rq, double **ret,
                  size_t *ret_n, char unit[48], const char **ret_why)
{
	static const enum scalar scalars[] = {[OFBC_GOAL_THROUGHPUT] = SCALAR_RATE,
	                                      [OFBC_GOAL_ENERGY] = SCALAR_ENERGY,
	                                      [OFBC_GOAL_COST] = SCALAR_COST};
	static const char *const why[] = {[OFBC_GOAL_THROUGHPUT] = "no rate or time was measured",
	                                  [OFBC_GOAL_ENERGY] = "no energy was measured",
	                                  [OFBC_GOAL_COST] = "no time or energy was measured",
	                                  [OFBC_GOAL_LATENCY] = "no percentile of a latency was measured",
	                                  [OFBC_GOAL_USERS] = "no percentile of a latency was measured"};
	struct work_metric work = {0};
	int r;

	*ret = NULL;
	*ret_n = 0;
	*ret_why = why[rq->goal];
	unit[0] = '\0';
	if (rq->goal == OFBC_GOAL_USERS || rq->goal == OFBC_GOAL_LATENCY) {
		text_copy(unit, 48, rq->goal == OFBC_GOAL_USERS ? "users" : "s");
		return rq->goal == OFBC_GOAL_USERS ? user_values(d, rq, ret, ret_n, ret_why)
		                                   : latency_values(d, rq, ret, ret_n);
	}
	r = scalar_values(d, rq, scalars[rq->goal], ret, ret_n, &work);
	if (r == 0 && rq->goal == OFBC_GOAL_THROUGHPUT)
		text_copy(unit, 48, work.unit);
	else if (r == 0)
		snprintf(unit, 48, "%s/%s", rq->goal == OFBC_GOAL_ENERGY ? "J" : "money", work.of_work);
	return r;
}
