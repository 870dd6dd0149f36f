/* SPDX-License-Identifier: MIT */
/* When a trial may start: on boards that nobody else uses, and that are as warm and as busy as before, if
 * wanted. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "bench/number.h"
#include "lib/bench_job.h"
#include "platform/instance.h"

#define SAMPLES_MAX    1024
#define SAMPLES_A_SPAN 20 /* in the time over which power has to be stable */
#define OTHERS_AGAIN_S 3  /* others are looked for before and after a trial, but not more often */
#define BUSY_MIN       0.05
#define BUSY_LOOKS     7
#define BUSY_AGAIN_NS  250000000

/* --- what is wanted --- */

int start_parse(const char *text, struct start_rule *ret, struct ofbc_error *err)
{
	struct start_rule rule = {.seconds = 30, .watts = 3, .celsius = 60, .wait_s = 300};
	const struct {
		const char *key;
		double *to;
	} keys[] = {{"seconds=", &rule.seconds},
	            {"watts=", &rule.watts},
	            {"celsius=", &rule.celsius},
	            {"wait=", &rule.wait_s}};
	_cleanup_free_ char *copy = strdup(text ? text : "now");
	char *save = NULL, *word = copy ? strtok_r(copy, ",", &save) : NULL;
	bool is_good = word && (strcmp(word, "now") == 0 || strcmp(word, "stable") == 0);

	if (!copy)
		return -ENOMEM;
	rule.is_stable = is_good && strcmp(word, "stable") == 0;
	while (is_good && (word = strtok_r(NULL, ",", &save))) {
		size_t k = 0, n;

		while (k < ARRAY_SIZE(keys) && strncmp(word, keys[k].key, strlen(keys[k].key)) != 0)
			k++;
		n = k < ARRAY_SIZE(keys) ? strlen(keys[k].key) : 0;
		is_good = n && rule.is_stable && number_parse(word + n, keys[k].to) == 0 && *keys[k].to >= 0;
	}
	if (!is_good) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no condition for the start of a trial",
		          text);
		error_hint(err, "'now', or 'stable,seconds=30,watts=3,celsius=60,wait=300' or a part of it");
		return -EINVAL;
	}
	*ret = rule;
	return 0;
}

/* --- waiting --- */

struct history {
	struct {
		uint64_t at_ns;
		double w;
	} v[SAMPLES_MAX];
	size_t n;
};

/* Power of the last `seconds` stays within `watts`: known only when so much time was looked at. */
static bool is_even(const struct history *h, const struct start_rule *rule)
{
	uint64_t last = h->v[h->n - 1].at_ns, span = (uint64_t)(rule->seconds * 1e9);
	double low = INFINITY, high = -INFINITY;

	if (last - h->v[0].at_ns < span)
		return false;
	for (size_t i = h->n; i-- > 0 && last - h->v[i].at_ns <= span;) {
		low = fmin(low, h->v[i].w);
		high = fmax(high, h->v[i].w);
	}
	return high - low <= rule->watts;
}

static void remember(struct history *h, uint64_t at_ns, double w)
{
	if (h->n == SAMPLES_MAX) { /* the older half is long over */
		memmove(h->v, h->v + SAMPLES_MAX / 2, SAMPLES_MAX / 2 * sizeof(h->v[0]));
		h->n = SAMPLES_MAX / 2;
	}
	h->v[h->n].at_ns = at_ns;
	h->v[h->n++].w = w;
}

/* -EINTR: a signal for us. */
static int pause_until(uint64_t at_ns)
{
	_cleanup_(instances_free_p) struct instance_set *none = NULL;
	struct instance_event e = {0};
	int r = instances_new(1, false, &none);

	if (r == 0)
		r = instances_next(none, at_ns, &e);
	return r < 0 ? r : e.kind == INSTANCE_INTERRUPTED ? -EINTR : 0;
}

int job_wait_start(struct bench_job *job, struct start_outcome *ret, struct ofbc_error *err)
{
	struct platform *p = job->ctx->platform;
	_cleanup_free_ struct history *h = calloc(1, sizeof(*h));
	const struct start_rule *rule = &job->start;
	uint64_t began = p->ops->now_ns(p), now = began;
	uint64_t step = (uint64_t)(fmin(rule->seconds / SAMPLES_A_SPAN, 1) * 1e9) + 1000000;
	double w, celsius;
	int r = h ? 0 : -ENOMEM;

	*ret = (struct start_outcome){.waited_s = NAN};
	if (r < 0 || !rule->is_stable)
		return r;
	job_sensors_now(job, &w, &celsius);
	while (r == 0 && !isnan(w)) {
		ret->waited_s = (double)(now - began) / 1e9;
		remember(h, now, w);
		ret->is_stable = is_even(h, rule) && !(celsius > rule->celsius);
		if (ret->is_stable || ret->waited_s >= rule->wait_s)
			return 0;
		r = pause_until(now + step);
		job_agents_keep(job);
		now = p->ops->now_ns(p);
		job_sensors_now(job, &w, &celsius);
	}
	return r == -EINTR ? error_set(err, EINTR, OFBC_REASON_FAILED, "interrupted") : r;
}

int job_read_start(const struct start_outcome *o, struct bench_trial *t)
{
	if (isnan(o->waited_s) || t->verdict != BENCH_OK)
		return 0;
	if (!o->is_stable && !t->reason &&
	    asprintf(&t->reason, "started after %.0f s though the boards were not stable", o->waited_s) < 0)
		t->reason = NULL;
	return bench_value_add(t, BENCH_START_WAIT, -1, o->waited_s) ? 0 : -ENOMEM;
}

/* --- others --- */

static bool is_on_our_board(const struct bench_job *job, const char *gpu)
{
	bool is_any = false;

	for (unsigned i = 0; i < job->instances; i++) {
		is_any |= job->places[i].gpu[0] != '\0';
		if (strcmp(job->places[i].gpu, gpu) == 0)
			return true;
	}
	return !is_any && strchr(gpu, ':'); /* the whole machine: every board of it */
}

static bool is_load(const struct ofbc_holder *h)
{
	return !h->is_idle && (strcmp(h->kind, "process") == 0 || strcmp(h->kind, "container") == 0 ||
	                       strcmp(h->kind, "guest") == 0);
}

struct seen {
	char *buf;
	size_t size, len;
	struct ofbc_holder_list all; /* who was named already */
};

static int name_others(struct seen *s, const struct ofbc_holder_list *l, const char *where)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct ofbc_holder *h = &l->v[i];
		struct ofbc_holder *known;
		bool is_new = is_load(h);

		for (size_t k = 0; is_new && k < s->all.n; k++)
			is_new = s->all.v[k].pid != h->pid || !h->pid;
		if (!is_new)
			continue;
		known = list_add(&s->all);
		if (!known)
			return -ENOMEM;
		*known = *h;
		if (s->len < s->size)
			s->len += (size_t)snprintf(s->buf + s->len, s->size - s->len, "%s%s (%d) on %s",
			                           s->len ? ", " : "", h->name, h->pid, where);
	}
	return 0;
}

/* Who uses the boards while nothing of ours runs; "" nobody that is shown. */
static int look_for_others(struct bench_job *job, char *buf, size_t size)
{
	_cleanup_inventory_ struct inventory inv = {0};
	struct seen s = {.buf = buf, .size = size};
	int r = inventory_load(job->ctx, INVENTORY_PARTITIONS | INVENTORY_HOLDERS, NULL, NULL, &inv, NULL);

	buf[0] = '\0';
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < inv.partitions.n; i++) {
		const struct ofbc_partition *p = &inv.partitions.v[i];

		if (is_on_our_board(job, p->gpu))
			r = name_others(&s, &p->holders, p->name[0] ? p->name : p->uuid);
	}
	for (size_t i = 0; r == 0 && i < inv.gpus.n; i++) {
		const struct ofbc_gpu *gpu = &inv.gpus.v[i];
		struct ofbc_holder_list users = {0};

		if (is_on_our_board(job, gpu->id) && host_gpu_users(&inv.host, gpu, &users) == 0)
			r = name_others(&s, &users, gpu->alias);
		holder_list_done(&users);
	}
	holder_list_done(&s.all);
	return r;
}

/* In other containers and guests nobody sees who it is, but that a board works is seen. Its driver tells of
 * the last second, in which a run before this one may have ended: so it is looked at for longer. */
static int look_for_work(struct bench_job *job, char *buf, size_t size)
{
	double least = INFINITY;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < BUSY_LOOKS; i++) {
		double busy = job_sensors_busy(job);

		least = fmin(least, isnan(busy) ? 0 : busy);
		if (least < BUSY_MIN)
			return 0;
		r = pause_until(job->ctx->platform->ops->now_ns(job->ctx->platform) + BUSY_AGAIN_NS);
	}
	if (r == 0)
		snprintf(buf, size, "somebody who is not shown here keeps a board %.0f %% busy", 100 * least);
	return r;
}

/* At the beginning, and then not too often. */
static int look_again(struct bench_job *job, struct ofbc_error *err)
{
	uint64_t now = job->ctx->platform->ops->now_ns(job->ctx->platform);
	bool is_first = !job->others_ns;
	int r;

	if (!job_has_boards(job) || (!is_first && now - job->others_ns < OTHERS_AGAIN_S * 1000000000ull))
		return 0;
	r = look_for_others(job, job->others, sizeof(job->others));
	if (r == 0 && is_first && !job->others[0])
		r = look_for_work(job, job->others, sizeof(job->others));
	job->others_ns = now;
	return r == -EINTR ? error_set(err, EINTR, OFBC_REASON_FAILED, "interrupted") : r;
}

int job_look_for_others(struct bench_job *job, struct ofbc_error *err)
{
	int r = look_again(job, err);

	if (r < 0 || !job->others[0] || !job->rq.require_idle)
		return r;
	error_set(err, EBUSY, OFBC_REASON_IN_USE, "others use the boards: %s", job->others);
	error_hint(err, "end them, or measure without --require-idle");
	return -EBUSY;
}

/* Those who came meanwhile are looked for as soon as nothing of ours runs any more. */
int job_read_others(struct bench_job *job, struct bench_trial *t, struct ofbc_error *err)
{
	int r = look_again(job, err);

	if (r < 0 || !job->others[0] || t->verdict != BENCH_OK)
		return r;
	if (job->rq.require_idle)
		t->verdict = BENCH_INVALID;
	else if (t->reason)
		return 0;
	free(t->reason);
	if (asprintf(&t->reason, "others used the boards: %s", job->others) < 0)
		t->reason = NULL;
	return 0;
}
