/* SPDX-License-Identifier: MIT */
/* From the values of trials to what they say of a number of sessions, and to the answer. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "lib/vdi_search.h"

/* --- units --- */

static const struct unit {
	const char *name;
	double factor;
} times[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {NULL, 0}}, shares[] = {{"1", 1}, {"%", 1e-2}, {NULL, 0}};

static int find_unit(const struct bench_definition *d, const char *metric, const struct unit *units,
                     double *ret)
{
	for (size_t i = 0; i < d->metrics.n; i++) {
		for (size_t k = 0; units[k].name; k++) {
			if (strcmp(d->metrics.v[i].name, metric) == 0 &&
			    strcmp(d->metrics.v[i].unit, units[k].name) == 0) {
				*ret = units[k].factor;
				return 0;
			}
		}
	}
	return -EINVAL;
}

int vdi_units_find(const struct bench_definition *d, struct vdi_units *ret, struct ofbc_error *err)
{
	const struct {
		const char *metric, *valid;
		const struct unit *units;
		double *to;
	} wanted[] = {{"p95", "s, ms or us", times, &ret->p95},
	              {"p99", "s, ms or us", times, &ret->p99},
	              {"dropped", "% or 1", shares, &ret->dropped}};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (find_unit(d, wanted[i].metric, wanted[i].units, wanted[i].to) == 0)
			continue;
		error_set(err, EINVAL, OFBC_REASON_USAGE, "benchmark '%s' has no metric '%s' in %s", d->name,
		          wanted[i].metric, wanted[i].valid);
		error_hint(err, "a session has p95, p99 and dropped, as those of 'vdi'");
		return -EINVAL;
	}
	return 0;
}

/* --- one trial --- */

static bool is_of(const struct bench_value *v, const char *metric)
{
	return strcmp(v->metric, metric) == 0;
}

/* That of all instances together. */
static double common_value(const struct bench_trial *t, const char *metric)
{
	for (size_t k = 0; t && k < t->n_values; k++) {
		if (t->values[k].instance == -1 && is_of(&t->values[k], metric))
			return t->values[k].value;
	}
	return NAN;
}

/* A session that could not follow its schedule makes a trial invalid; here that is an answer. */
static bool was_too_slow(const struct bench_trial *t)
{
	for (size_t k = 0; t->verdict == BENCH_INVALID && k < t->n_values; k++) {
		if (t->values[k].instance >= 0 && is_of(&t->values[k], BENCH_LOAD_DONE) &&
		    t->values[k].value < BENCH_LOAD_MIN)
			return true;
	}
	return false;
}

/* A percentile is as good as there are frames: of the session with the fewest. */
static double fewest_frames(const struct vdi_search *s, const struct bench_trial *t)
{
	const struct bench_metric_list *m = &s->job->entries[0].d->metrics;
	double least = NAN;
	size_t i = 0;

	while (i < m->n && (strcmp(m->v[i].name, "rate") != 0 || strcmp(m->v[i].unit, "frame/s") != 0))
		i++;
	for (size_t k = 0; i < m->n && t && k < t->n_values; k++) {
		if (t->values[k].instance >= 0 && is_of(&t->values[k], "rate"))
			least = fmin(least, t->values[k].value * t->window_s);
	}
	return least;
}

static void read_value(const struct vdi_units *u, const struct bench_value *v, struct vdi_session *ret)
{
	if (is_of(v, "p95"))
		ret->p95 = v->value * u->p95;
	else if (is_of(v, "p99"))
		ret->p99 = v->value * u->p99;
	else if (is_of(v, "dropped"))
		ret->dropped = v->value * u->dropped;
}

static int judge(const struct vdi_search *s, unsigned sessions, const struct bench_trial *t,
                 struct vdi_trial *ret)
{
	_cleanup_free_ struct vdi_session *v = calloc(sessions, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < sessions; i++)
		v[i] = (struct vdi_session){NAN, NAN, NAN};
	for (size_t k = 0; k < t->n_values; k++) {
		if (t->values[k].instance >= 0 && (unsigned)t->values[k].instance < sessions)
			read_value(&s->units, &t->values[k], &v[t->values[k].instance]);
	}
	vdi_trial_judge(v, sessions, s->job->search.fps, ret);
	return 0;
}

int vdi_search_add(struct vdi_search *s, unsigned sessions, const struct bench_trial *t, const char *reason)
{
	struct vdi_trial *trial = list_add(&s->trials);
	struct vdi_note *note = trial ? list_add(&s->notes) : NULL;
	int r = 0;

	if (!note)
		return -ENOMEM;
	*trial = (struct vdi_trial){.sessions = sessions,
	                            .limit = VDI_FAILED,
	                            .p95 = NAN,
	                            .p99 = NAN,
	                            .dropped = NAN,
	                            .score = NAN};
	*note = (struct vdi_note){.cpu_busy = common_value(t, BENCH_CPU_BUSY),
	                          .board_busy = common_value(t, BENCH_BOARD_BUSY),
	                          .frames = fewest_frames(s, t)};
	if (t && (t->verdict == BENCH_OK || was_too_slow(t)))
		r = judge(s, sessions, t, trial);
	else
		text_copy(note->reason, sizeof(note->reason), reason ? reason : "a session failed");
	/* invalid stays invalid, whatever its frames say */
	if (t && t->verdict != BENCH_OK && trial->limit == VDI_FINE) {
		trial->limit = VDI_FAILED;
		text_copy(note->reason, sizeof(note->reason), reason ? reason : "");
	}
	return r;
}

void vdi_explain(const struct vdi_trial *t, const struct vdi_note *note, double fps, char *buf, size_t size)
{
	double most = (t->limit == VDI_P99 ? 2 : 1) / fps, value = t->limit == VDI_P99 ? t->p99 : t->p95;

	buf[0] = '\0';
	switch (t->limit) {
	case VDI_FINE:
		return;
	case VDI_P95:
	case VDI_P99:
		if (isnan(value))
			snprintf(buf, size, "a session has no complete frame");
		else
			snprintf(buf, size, "%s is %.4g ms, more than %.4g ms", vdi_limit_names[t->limit],
			         1e3 * value, 1e3 * most);
		return;
	case VDI_DROPPED:
		if (isnan(t->dropped))
			snprintf(buf, size, "a session does not say how many frames it dropped");
		else
			snprintf(buf, size, "%.3g %% of the frames are dropped, more than %g %%",
			         100 * t->dropped, 100 * VDI_DROPPED_MAX);
		return;
	case VDI_FAILED:
		snprintf(buf, size, "%s", note->reason);
		return;
	}
}

/* --- the answer --- */

/* A mean of those that are known. */
struct mean {
	double sum;
	unsigned n;
};

static void mean_add(struct mean *m, double value)
{
	m->sum += isnan(value) ? 0 : value;
	m->n += !isnan(value);
}

static double mean_of(const struct mean *m)
{
	return m->n ? m->sum / m->n : NAN;
}

/* All trials with so many sessions as one: the worst of each number, and the first limit. */
static void sum_up(const struct vdi_search *s, unsigned sessions, struct ofbc_vdi_step *step)
{
	struct mean score = {0}, cpu = {0}, board = {0};
	struct vdi_trial all = {.sessions = sessions, .p95 = NAN, .p99 = NAN, .dropped = NAN};
	struct vdi_note note = {0};

	step->frames = NAN;
	for (size_t i = 0; i < s->trials.n; i++) {
		const struct vdi_trial *t = &s->trials.v[i];

		if (t->sessions != sessions)
			continue;
		step->trials++;
		step->fine += t->limit == VDI_FINE;
		if (all.limit == VDI_FINE || (t->limit != VDI_FINE && t->limit < all.limit))
			all.limit = t->limit;
		/* what a trial does not know, another one does: fmax() takes that */
		all.p95 = fmax(all.p95, t->p95);
		all.p99 = fmax(all.p99, t->p99);
		all.dropped = fmax(all.dropped, t->dropped);
		mean_add(&score, t->score);
		mean_add(&cpu, s->notes.v[i].cpu_busy);
		mean_add(&board, s->notes.v[i].board_busy);
		step->frames = fmin(step->frames, s->notes.v[i].frames);
		if (s->notes.v[i].reason[0])
			note = s->notes.v[i];
	}
	step->sessions = sessions;
	step->p95_s = all.p95;
	step->p99_s = all.p99;
	step->dropped = all.dropped;
	step->score = mean_of(&score);
	step->cpu_busy = mean_of(&cpu);
	step->board_busy = mean_of(&board);
	text_copy(step->verdict, sizeof(step->verdict), vdi_limit_names[all.limit]);
	vdi_explain(&all, &note, s->job->search.fps, step->reason, sizeof(step->reason));
}

static int by_sessions(const void *a, const void *b)
{
	unsigned x = ((const struct ofbc_vdi_step *)a)->sessions,
		 y = ((const struct ofbc_vdi_step *)b)->sessions;

	return (x > y) - (x < y);
}

static const struct ofbc_vdi_step *find_step(const struct ofbc_vdi_answer *a, unsigned sessions)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].sessions == sessions)
			return &a->v[i];
	}
	return NULL;
}

static int add_steps(const struct vdi_search *s, struct ofbc_vdi_answer *ret)
{
	for (size_t i = 0; i < s->trials.n; i++) {
		struct ofbc_vdi_step *step;

		if (find_step(ret, s->trials.v[i].sessions))
			continue;
		step = list_add(ret);
		if (!step)
			return -ENOMEM;
		sum_up(s, s->trials.v[i].sessions, step);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_sessions);
	return 0;
}

int vdi_search_answer(const struct vdi_search *s, struct ofbc_vdi_answer *ret)
{
	const struct job_search *wanted = &s->job->search;
	const struct ofbc_vdi_step *step;
	struct vdi_capacity c;
	struct vdi_score score;

	ret->n = 0;
	if (add_steps(s, ret) < 0)
		return -ENOMEM;
	vdi_capacity(s->trials.v, s->trials.n, wanted->confirm, wanted->max, &c);
	vdi_score(s->trials.v, s->trials.n, &score);
	ret->is_confirmed = s->trials.n && !c.next;
	ret->sessions = c.good;
	ret->fewer_than = c.bad <= wanted->max ? c.bad : 0;
	step = find_step(ret, c.bad);
	text_copy(ret->limit, sizeof(ret->limit), step && c.bad == c.good + 1 ? step->verdict : "");
	text_copy(ret->reason, sizeof(ret->reason), step && c.bad == c.good + 1 ? step->reason : "");
	ret->score_alone = score.alone;
	ret->score_low = score.low;
	ret->score_high = score.high;
	return 0;
}
