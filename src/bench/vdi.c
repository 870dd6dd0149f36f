/* SPDX-License-Identifier: MIT */
#include "bench/vdi.h"

#include <math.h>
#include <stdbool.h>

const char *const vdi_limit_names[VDI_N_LIMITS] = {
	[VDI_FINE] = "fine",       [VDI_P95] = "p95",       [VDI_P99] = "p99",
	[VDI_DROPPED] = "dropped", [VDI_FAILED] = "failed",
};

/* --- one trial --- */

/* What is unknown is not fine. */
enum vdi_limit vdi_session_limit(const struct vdi_session *s, double fps)
{
	if (!(s->p95 <= 1 / fps))
		return VDI_P95;
	if (!(s->p99 <= 2 / fps))
		return VDI_P99;
	return s->dropped <= VDI_DROPPED_MAX ? VDI_FINE : VDI_DROPPED;
}

double vdi_session_score(const struct vdi_session *s, double fps)
{
	double late = s->p95 * fps; /* in times of a frame */

	if (isnan(late) || isnan(s->dropped))
		return NAN;
	return VDI_SCORE_FULL * (1 - s->dropped) / (late > 1 ? late : 1);
}

/* The larger one; unknown when one of them is: fmax() would hide the session that has no number. */
static double worse(double a, double b)
{
	return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}

/* The one that is looked at first. */
static enum vdi_limit first_limit(enum vdi_limit a, enum vdi_limit b)
{
	return a == VDI_FINE || (b != VDI_FINE && b < a) ? b : a;
}

void vdi_trial_judge(const struct vdi_session *v, unsigned sessions, double fps, struct vdi_trial *ret)
{
	struct vdi_trial t = {.sessions = sessions};

	for (unsigned i = 0; i < sessions; i++) {
		t.limit = first_limit(t.limit, vdi_session_limit(&v[i], fps));
		t.p95 = worse(t.p95, v[i].p95);
		t.p99 = worse(t.p99, v[i].p99);
		t.dropped = worse(t.dropped, v[i].dropped);
		t.score += vdi_session_score(&v[i], fps) / sessions;
	}
	*ret = t;
}

/* --- the search --- */

/* Trials of one number of sessions, and the first limit among them. */
static unsigned count_trials(const struct vdi_trial *v, size_t n, unsigned sessions, enum vdi_limit *ret)
{
	unsigned found = 0;

	*ret = VDI_FINE;
	for (size_t i = 0; i < n; i++) {
		if (v[i].sessions != sessions)
			continue;
		found++;
		*ret = first_limit(*ret, v[i].limit);
	}
	return found;
}

void vdi_capacity(const struct vdi_trial *v, size_t n, unsigned confirm, unsigned max,
                  struct vdi_capacity *ret)
{
	unsigned good = 0, bad = max + 1;
	enum vdi_limit limit;

	for (size_t i = 0; i < n; i++)
		bad = v[i].limit != VDI_FINE && v[i].sessions < bad ? v[i].sessions : bad;
	for (size_t i = 0; i < n; i++)
		good = v[i].sessions < bad && v[i].sessions > good ? v[i].sessions : good;
	*ret = (struct vdi_capacity){.good = good, .bad = bad};
	if (bad > good + 1) /* still a gap */
		ret->next = bad <= max ? good + (bad - good) / 2 : good * 2 > max ? max : good ? good * 2 : 1;
	else if (good && count_trials(v, n, good, &limit) < confirm)
		ret->next = good;
	else if (bad <= max && count_trials(v, n, bad, &limit) < confirm)
		ret->next = bad;
	if (good && count_trials(v, n, good, &limit) >= confirm)
		ret->sessions = good;
	if (bad == good + 1 && bad <= max)
		(void)count_trials(v, n, bad, &ret->limit);
}

/* --- the score --- */

/* Mean over the trials with so many sessions; NAN: there is none, or one without a score. */
static double mean_score(const struct vdi_trial *v, size_t n, unsigned sessions)
{
	double sum = 0;
	unsigned found = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].sessions != sessions)
			continue;
		found++;
		sum += v[i].score;
	}
	return found ? sum / found : NAN;
}

void vdi_score(const struct vdi_trial *v, size_t n, struct vdi_score *ret)
{
	double alone = mean_score(v, n, 1), least = (1 - VDI_SCORE_DROP) * alone;
	unsigned low = 0, fallen = 0;

	/* sessions that could not even run have no score: they do not keep it */
	for (size_t i = 0; i < n; i++) {
		bool is_kept = mean_score(v, n, v[i].sessions) >= least;

		if (!is_kept && (!fallen || v[i].sessions < fallen))
			fallen = v[i].sessions;
	}
	for (size_t i = 0; i < n; i++)
		low = (!fallen || v[i].sessions < fallen) && v[i].sessions > low ? v[i].sessions : low;
	*ret = alone > 0 ? (struct vdi_score){alone, low, fallen ? fallen - 1 : 0}
	                 : (struct vdi_score){.alone = NAN};
}
