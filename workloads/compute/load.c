/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/error.h"
#include "schedule.h"

#define REPEATS_MAX 1e6
#define STEP_MAX    4.0

/* How many repeats take about as long as an iteration should, found on the way through the warm-up. The first
 * ones are slower than the rest: the number changes in steps, and is believed from the third time on. */
int load_warm_up(struct job *j, const struct workload *w, unsigned *ret, struct ofbc_error *err)
{
	uint64_t end = monotonic_ns() + (uint64_t)(j->o->warmup_s * 1e9);
	double wanted_ns = j->o->iteration_s * 1e9, n = 1;

	for (unsigned round = 0;; round++) {
		uint64_t start = monotonic_ns(), now;
		double factor;
		int r = *j->stop_signal ? -EINTR : w->run(j, (unsigned)n, err);

		if (r < 0)
			return r;
		now = monotonic_ns();
		factor = wanted_ns / fmax(1, (double)(now - start));
		n = fmin(REPEATS_MAX, fmax(1, n * fmin(STEP_MAX, factor)));
		if (round >= 2 && now >= end && (factor < STEP_MAX || n >= REPEATS_MAX))
			break;
	}
	/* what a user asks for must not depend on how fast the device is */
	*ret = j->o->rate > 0 ? 1 : (unsigned)n;
	return 0;
}

/* 1 enough; 0 not yet; -EPIPE. */
static int is_over(const struct job *j, struct protocol *p, uint64_t now_ns, uint64_t end_ns)
{
	if (*j->stop_signal)
		return -EINTR;
	return protocol_is_on(p) ? protocol_stop(p) : now_ns >= end_ns;
}

static int iterate(struct job *j, const struct workload *w, struct protocol *p, unsigned n, uint64_t due_ns,
                   struct load *l, struct ofbc_error *err)
{
	uint64_t start = monotonic_ns();
	int r = w->run(j, n, err);

	if (r < 0)
		return r;
	l->last_ns = monotonic_ns();
	l->last_due_ns = due_ns;
	l->iterations++;
	if (!due_ns)
		return protocol_iteration(p, start, l->last_ns);
	samples_add(&l->latencies, l->last_ns - due_ns);
	return protocol_iteration_due(p, start, l->last_ns, due_ns);
}

/* One after the other (closed loop): the next one begins when the last one has ended. */
static int run_closed(struct job *j, const struct workload *w, struct protocol *p, unsigned n, uint64_t end,
                      struct load *l, struct ofbc_error *err)
{
	int r;

	do {
		r = iterate(j, w, p, n, 0, l, err);
		if (r == 0)
			r = is_over(j, p, l->last_ns, end);
	} while (r == 0);
	return r;
}

/* When each is due (open loop); one that is late starts at once. */
static int run_open(struct job *j, const struct workload *w, struct protocol *p, unsigned n, uint64_t end,
                    struct load *l, struct ofbc_error *err)
{
	struct schedule s =
		schedule_begin((enum arrivals)j->o->arrivals, j->o->rate, j->o->seed, l->first_ns);
	int r;

	(void)prctl(PR_SET_TIMERSLACK, 1UL); /* the usual 50 us would count as latency */
	do {
		uint64_t due = schedule_next(&s);

		protocol_wait(p, due < end || protocol_is_on(p) ? due : end);
		r = is_over(j, p, monotonic_ns(), end);
		if (r == 0)
			r = iterate(j, w, p, n, due, l, err);
	} while (r == 0);
	return r;
}

int load_run(struct job *j, const struct workload *w, struct protocol *p, unsigned n, struct load *ret,
             struct ofbc_error *err)
{
	uint64_t end;
	int r;

	ret->first_ns = ret->last_ns = monotonic_ns();
	end = ret->first_ns + (uint64_t)(j->o->duration_s * 1e9);
	r = (j->o->rate > 0 ? run_open : run_closed)(j, w, p, n, end, ret, err);
	if (r == -EPIPE)
		return error_set(err, EPIPE, OFBC_REASON_FAILED, "who started this is gone");
	return r < 0 ? r : 0;
}

void load_print(const struct job *j, const struct workload *w, unsigned n, struct load *l)
{
	double seconds = (double)(l->last_ns - l->first_ns) / 1e9;

	printf("iterations: %llu of %u repeats\n", (unsigned long long)l->iterations, n);
	if (!l->iterations)
		return;
	printf("rate: %.6g %s/s\n", (double)l->iterations * n * j->work / seconds, w->unit);
	if (l->last_due_ns)
		printf("latency from when it was due: p50 %.3g s, p99 %.3g s; %.1f %% of the load was done\n",
		       samples_quantile(&l->latencies, 0.5), samples_quantile(&l->latencies, 0.99),
		       100 * (double)(l->last_due_ns - l->first_ns) / (double)(l->last_ns - l->first_ns));
}
