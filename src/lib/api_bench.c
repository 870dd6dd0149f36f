/* SPDX-License-Identifier: MIT */
/* Public calls about results: listing what is in the store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strv.h"
#include "lib/bench.h"

DEFINE_CLEANUP(struct ofbc_bench_result_list *, ofbc_bench_result_list_free);
DEFINE_CLEANUP(struct results *, results_close);
#define _cleanup_results_ _cleanup_(results_close_p)

int bench_open_results(struct ofbc_context *ctx, struct results **ret, struct ofbc_error *err)
{
	int r = results_open(ctx->state_dir, false, ret, err);

	if (r == -ENOENT) {
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "nothing was measured yet");
		error_hint(err, "`openforbc bench run` measures");
	}
	return r;
}

const char *bench_better(bool has_direction, bool higher)
{
	return !has_direction ? "" : higher ? "higher" : "lower";
}

/* --- results --- */

static int add_result(const struct bench_summary *s, struct ofbc_bench_result_list *l)
{
	struct ofbc_bench_result *o = list_add(l);

	if (!o)
		return -ENOMEM;
	*o = (struct ofbc_bench_result){.started_unix_s = s->started_unix_s,
	                                .instances = s->cell.instances,
	                                .trials = s->trials,
	                                .flagged = s->flagged,
	                                .median = s->median,
	                                .low = s->low,
	                                .high = s->high,
	                                .min = s->min,
	                                .max = s->max,
	                                .deviation = s->deviation};
	text_copy(o->run, sizeof(o->run), s->cell.run);
	text_copy(o->benchmark, sizeof(o->benchmark), s->cell.benchmark);
	text_copy(o->parameters, sizeof(o->parameters), s->cell.parameters);
	text_copy(o->layout, sizeof(o->layout), s->cell.layout);
	text_copy(o->metric, sizeof(o->metric), s->metric);
	text_copy(o->unit, sizeof(o->unit), s->unit);
	text_copy(o->better, sizeof(o->better), bench_better(s->has_direction, s->higher_is_better));
	text_copy(o->verdict, sizeof(o->verdict), bench_verdict_names[s->cell.verdict]);
	text_copy(o->reason, sizeof(o->reason), s->cell.reason ? s->cell.reason : "");
	text_copy(o->platform, sizeof(o->platform), s->platform);
	text_copy(o->emulated, sizeof(o->emulated), s->emulated);
	return 0;
}

void ofbc_bench_result_list_free(struct ofbc_bench_result_list *list)
{
	if (list)
		free(list->v);
	free(list);
}

/* A run may be named by its label, or as the last one. */
int bench_find_run(struct results *results, const char *spec, size_t len, struct bench_run *ret,
                   struct ofbc_error *err)
{
	struct bench_run_list runs = {0};
	char name[64], id[37] = "";
	int r;

	text_copy(name, len < sizeof(name) ? len + 1 : sizeof(name), spec);
	r = results_runs(
		results,
		&(struct results_filter){.label = strcmp(name, "last") == 0 ? NULL : name, .limit = 1}, &runs,
		err);
	if (r == 0 && runs.n)
		text_copy(id, sizeof(id), runs.v[0].id);
	bench_run_list_done(&runs);
	return r < 0 ? r : results_find_run(results, id[0] ? id : name, ret, err);
}

int bench_list(struct ofbc_context *ctx, const struct ofbc_bench_filter *filter,
               struct bench_summary_list *ret, struct ofbc_error *err)
{
	const struct ofbc_bench_filter none = {0}, *f = filter ? filter : &none;
	_cleanup_results_ struct results *results = NULL;
	struct bench_run run = {0};
	struct results_filter rf = {.benchmark = f->benchmark,
	                            .layout = f->layout,
	                            .metric = f->metric,
	                            .platform = f->platform,
	                            .label = f->label,
	                            .parameters = f->parameters,
	                            .limit = f->limit};
	int r = bench_open_results(ctx, &results, err);

	if (r == 0 && f->run) {
		r = bench_find_run(results, f->run, strlen(f->run), &run, err);
		rf.run = run.id;
	}
	if (r == 0)
		r = results_list(results, &rf, ret, err);
	bench_run_done(&run);
	return r;
}

int ofbc_bench_results(struct ofbc_context *ctx, const struct ofbc_bench_filter *filter,
                       struct ofbc_bench_result_list **ret, struct ofbc_error *err)
{
	_cleanup_(ofbc_bench_result_list_free_p) struct ofbc_bench_result_list *l = calloc(1, sizeof(*l));
	struct bench_summary_list all = {0};
	int r = l ? bench_list(ctx, filter, &all, err) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_result(&all.v[i], l);
	bench_summary_list_done(&all);
	if (r == 0)
		*ret = steal_ptr(l);
	return r;
}
