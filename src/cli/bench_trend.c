/* SPDX-License-Identifier: MIT */
/* openforbc bench trend: where results go over dated runs. */
#include <string.h>

#include "base/cleanup.h"
#include "cli/bench.h"

DEFINE_CLEANUP(struct ofbc_bench_trend_list *, ofbc_bench_trend_list_free);

const struct option bench_trend_options[] = {
	{.name = "metric", .argument = "METRIC[,METRIC]", .help = "only these"},
	{.name = "layout", .argument = "LAYOUT", .help = "only that one"},
	{.name = "parameters", .argument = "TEXT", .help = "only with that in the parameters"},
	{.name = "platform", .argument = "PLATFORM", .help = "only from there"},
	{.name = "label", .argument = "TEXT", .help = "only of runs with that label"},
	{.name = NULL},
};

static bool is_wanted(const char *const *metrics, size_t n, const char *metric)
{
	bool is_one = n == 0;

	for (size_t i = 0; i < n; i++)
		is_one |= strcmp(metrics[i], metric) == 0;
	return is_one;
}

int bench_run_trend(struct cli *c)
{
	_cleanup_(ofbc_bench_trend_list_free_p) struct ofbc_bench_trend_list *l = NULL;
	const struct ofbc_bench_filter filter = {.benchmark = c->n_args ? c->args[0] : NULL,
	                                         .layout = cli_option(c, "layout"),
	                                         .platform = cli_option(c, "platform"),
	                                         .label = cli_option(c, "label"),
	                                         .parameters = cli_option(c, "parameters")};
	const char *metrics[64];
	size_t n = bench_repeated(c, "metric", true, metrics, ARRAY_SIZE(metrics)), kept = 0;
	struct ofbc_error err = {0};

	if (ofbc_bench_trend(c->ctx, &filter, &l, &err) < 0)
		return cli_fail(c, &err);
	for (size_t i = 0; i < l->n; i++) {
		if (is_wanted(metrics, n, l->v[i].metric))
			l->v[kept++] = l->v[i];
	}
	return cli_list(c, &(struct render_list){.schema = "bench-trend",
	                                         .key = "trends",
	                                         .fields = bench_trend_fields,
	                                         .items = l->v,
	                                         .n = kept,
	                                         .item_size = sizeof(*l->v),
	                                         .empty = "no result fits"});
}
