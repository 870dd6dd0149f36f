/* SPDX-License-Identifier: MIT */
/* Public calls that look at whole runs: what sharing gives. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "bench/derive.h"
#include "lib/bench.h"

DEFINE_CLEANUP(struct ofbc_bench_derived_list *, ofbc_bench_derived_list_free);

void ofbc_bench_derived_list_free(struct ofbc_bench_derived_list *list)
{
	if (list)
		free(list->v);
	free(list);
}

int ofbc_bench_derive(struct ofbc_context *ctx, const char *const *runs, size_t n,
                      const struct ofbc_bench_derive_options *options, struct ofbc_bench_derived_list **ret,
                      struct ofbc_error *err)
{
	_cleanup_(ofbc_bench_derived_list_free_p) struct ofbc_bench_derived_list *l = calloc(1, sizeof(*l));
	_cleanup_archive_ struct bench_archive all = {0};
	int r = l ? bench_load_runs(ctx, runs, n, &all, err) : -ENOMEM;

	if (r == 0)
		r = derive_figures(&all, options, l);
	if (r == -ENOENT && options && options->metric && all.n) {
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no result has a metric '%s' with a direction",
		          options->metric);
		error_hint(err, "`openforbc bench results` prints the metrics there are");
	}
	if (r < 0)
		return r;
	*ret = steal_ptr(l);
	return 0;
}
