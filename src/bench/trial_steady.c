/* SPDX-License-Identifier: MIT */
/* Warm-up of programs that speak the protocol: what they did before they were steady does not count. */
#include "bench/trial_parts.h"

#include <math.h>

#include "bench/stats.h"

#define BLOCKS_MAX  64 /* means of neighbours, when there are more iterations */
#define LOOK_FROM   10
#define LOOK_FACTOR 8 /* again when there is an eighth more */

static double limit_s(const struct trial *t, unsigned i)
{
	double own = trial_program(t->rq, i)->definition->warmup_s;

	return isnan(own) ? t->rq->min_window_s : own;
}

static double lasted_s(const struct iteration_list *l)
{
	return l->n ? (double)(l->v[l->n - 1].end_ns - l->v[0].start_ns) / NS : 0;
}

/* Means of blocks of iterations: *ret_n of them, each of so many. */
static size_t block_means(const struct iteration_list *l, double v[BLOCKS_MAX], size_t *ret_n)
{
	size_t blocks = l->n < BLOCKS_MAX ? l->n : BLOCKS_MAX, each = l->n / blocks;

	for (size_t b = 0; b < blocks; b++) {
		v[b] = 0;
		for (size_t i = b * each; i < (b + 1) * each; i++)
			v[b] += (double)(l->v[i].end_ns - l->v[i].start_ns) / NS / (double)each;
	}
	*ret_n = blocks;
	return each;
}

void steady_look(struct trial *t, unsigned i)
{
	struct state *s = &t->v[i];
	const struct iteration_list *l = &s->iterations;
	double v[BLOCKS_MAX];
	size_t n, each, first;

	if (s->is_steady || l->n < LOOK_FROM || l->n < s->looked + s->looked / LOOK_FACTOR ||
	    lasted_s(l) > limit_s(t, i))
		return;
	s->looked = l->n;
	each = block_means(l, v, &n);
	if (stats_steady(v, n, &first) < 0)
		return;
	s->first = first * each;
	s->is_steady = true;
}

bool steady_is_waited_for(const struct trial *t, unsigned i)
{
	return !t->v[i].is_steady && lasted_s(&t->v[i].iterations) <= limit_s(t, i);
}
