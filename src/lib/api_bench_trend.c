/* SPDX-License-Identifier: MIT */
/* Public call about time: series of results that are of one kind, and where they go. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strv.h"
#include "bench/compare.h"
#include "bench/trend.h"
#include "lib/bench.h"

#define DAY_S 86400.0

DEFINE_CLEANUP(struct ofbc_bench_trend_list *, ofbc_bench_trend_list_free);

void ofbc_bench_trend_list_free(struct ofbc_bench_trend_list *list)
{
	if (list)
		free(list->v);
	free(list);
}

/* --- one order for all: what is of one series stands together, by time --- */

static int by_series(const struct bench_summary *a, const struct bench_summary *b)
{
	const char *const
		x[] = {a->cell.benchmark, a->cell.parameters, a->cell.definition, a->cell.layout, a->host,
	               a->platform,       a->emulated,        a->metric,          a->unit},
		*const y[] = {
			b->cell.benchmark, b->cell.parameters, b->cell.definition, b->cell.layout, b->host,
			b->platform,       b->emulated,        b->metric,          b->unit};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(x); i++)
		r = strcmp(x[i], y[i]);
	return r ? r : (a->cell.instances > b->cell.instances) - (a->cell.instances < b->cell.instances);
}

static int by_time(const void *p, const void *q)
{
	const struct bench_summary *a = *(const struct bench_summary *const *)p,
				   *b = *(const struct bench_summary *const *)q;
	int r = by_series(a, b);

	return r ? r : (a->started_unix_s > b->started_unix_s) - (a->started_unix_s < b->started_unix_s);
}

/* Those that have a number. */
static const struct bench_summary **in_order(const struct bench_summary_list *all, size_t *ret_n)
{
	const struct bench_summary **v = calloc(all->n + 1, sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < all->n; i++) {
		if (all->v[i].metric[0] && isfinite(all->v[i].median))
			v[(*ret_n)++] = &all->v[i];
	}
	if (v && *ret_n)
		qsort(v, *ret_n, sizeof(*v), by_time);
	return v;
}

/* --- one series --- */

static void describe(const struct bench_summary *const *v, size_t n, struct ofbc_bench_trend *t)
{
	const struct bench_summary *s = v[0];

	t->instances = s->cell.instances;
	t->runs = n;
	t->first_unix_s = s->started_unix_s;
	t->last_unix_s = v[n - 1]->started_unix_s;
	t->first = s->median;
	t->last = v[n - 1]->median;
	t->slope = t->low = t->high = t->p = t->step = NAN;
	text_copy(t->benchmark, sizeof(t->benchmark), s->cell.benchmark);
	text_copy(t->parameters, sizeof(t->parameters), s->cell.parameters);
	text_copy(t->definition, sizeof(t->definition), s->cell.definition);
	text_copy(t->layout, sizeof(t->layout), s->cell.layout);
	text_copy(t->host, sizeof(t->host), s->host);
	text_copy(t->platform, sizeof(t->platform), s->platform);
	text_copy(t->emulated, sizeof(t->emulated), s->emulated);
	text_copy(t->metric, sizeof(t->metric), s->metric);
	text_copy(t->unit, sizeof(t->unit), s->unit);
	text_copy(t->better, sizeof(t->better), bench_better(s->has_direction, s->higher_is_better));
	text_copy(t->verdict, sizeof(t->verdict), "too-few");
}

static double median_of(const double *v, size_t n, double *scratch)
{
	memcpy(scratch, v, n * sizeof(*v));
	stats_sort(scratch, n);
	return stats_quantile(scratch, n, 0.5);
}

static int find_changes(const struct bench_summary *const *v, const double *y, size_t n, double *scratch,
                        struct ofbc_bench_trend *t)
{
	_cleanup_free_ size_t *at = NULL;
	size_t found = 0, before, last;
	int r = trend_steps(y, n, &at, &found);

	if (r < 0 || !found)
		return r == -EINVAL ? 0 : r; /* too few */
	/* the newest ones, where there are more than there is room for */
	t->changes = found < OFBC_TREND_CHANGES ? found : OFBC_TREND_CHANGES;
	for (size_t i = 0; i < t->changes; i++)
		t->changed_unix_s[i] = v[at[found - t->changes + i]]->started_unix_s;
	last = at[found - 1];
	before = found > 1 ? at[found - 2] : 0;
	t->step = median_of(y + last, n - last, scratch) / median_of(y + before, last - before, scratch);
	return 0;
}

static int look_at(const struct bench_summary *const *v, size_t n, struct ofbc_bench_trend *t)
{
	_cleanup_free_ double *numbers = calloc(3 * n + 1, sizeof(*numbers));
	double *x = numbers, *y = numbers + n;
	struct mann_kendall mk;
	struct theil_sen ts;
	int r;

	if (!numbers)
		return -ENOMEM;
	describe(v, n, t);
	for (size_t i = 0; i < n; i++) {
		x[i] = (double)(v[i]->started_unix_s - v[0]->started_unix_s) / DAY_S;
		y[i] = v[i]->median;
	}
	r = trend_mann_kendall(y, n, &mk);
	if (r == -EINVAL)
		return 0; /* too few */
	if (r == 0)
		r = trend_theil_sen(x, y, n, 1 - COMPARE_LEVEL, &ts);
	if (r == -EINVAL)
		return 0; /* all at once */
	if (r < 0)
		return r;
	t->p = mk.p;
	t->slope = ts.slope;
	t->low = ts.interval.low;
	t->high = ts.interval.high;
	return find_changes(v, y, n, numbers + 2 * n, t);
}

/* By how much the line goes up over the time of the series, relative to where it began. */
static double whole_change(const struct ofbc_bench_trend *t)
{
	return t->slope * (double)(t->last_unix_s - t->first_unix_s) / DAY_S / fabs(t->first);
}

static int judge(struct ofbc_bench_trend_list *l)
{
	_cleanup_free_ double *p = calloc(l->n + 1, sizeof(*p));
	size_t k = 0;
	int r;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		if (!isnan(l->v[i].p))
			p[k++] = l->v[i].p;
	}
	r = compare_holm(p, k);
	k = 0;
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		struct ofbc_bench_trend *t = &l->v[i];
		bool is_up = t->slope > 0;

		if (isnan(t->p))
			continue;
		t->p = p[k++];
		if (t->p > COMPARE_LEVEL || (t->low <= 0 && t->high >= 0) ||
		    fabs(whole_change(t)) <= COMPARE_MARGIN)
			text_copy(t->verdict, sizeof(t->verdict), "no-trend");
		else if (!t->better[0])
			text_copy(t->verdict, sizeof(t->verdict), "changing");
		else
			text_copy(t->verdict, sizeof(t->verdict),
			          is_up == (t->better[0] == 'h') ? "better" : "worse");
	}
	return r;
}

int ofbc_bench_trend(struct ofbc_context *ctx, const struct ofbc_bench_filter *filter,
                     struct ofbc_bench_trend_list **ret, struct ofbc_error *err)
{
	_cleanup_(ofbc_bench_trend_list_free_p) struct ofbc_bench_trend_list *l = calloc(1, sizeof(*l));
	_cleanup_free_ const struct bench_summary **v = NULL;
	struct bench_summary_list all = {0};
	size_t n = 0, to;
	int r = l ? bench_list(ctx, filter, &all, err) : -ENOMEM;

	if (r == 0) {
		v = in_order(&all, &n);
		r = v ? 0 : -ENOMEM;
	}
	for (size_t from = 0; r == 0 && from < n; from = to) {
		struct ofbc_bench_trend *t = list_add(l);

		for (to = from; to < n && by_series(v[from], v[to]) == 0; to++)
			;
		r = t ? look_at(v + from, to - from, t) : -ENOMEM;
	}
	bench_summary_list_done(&all);
	if (r == 0)
		r = judge(l);
	if (r < 0)
		return r;
	*ret = steal_ptr(l);
	return 0;
}
