/* SPDX-License-Identifier: MIT */
/* Public calls about runs as such: when, where, what for, and what changed meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/strv.h"
#include "bench/environment.h"
#include "lib/bench.h"

DEFINE_CLEANUP(struct ofbc_bench_run_list *, ofbc_bench_run_list_free);

void ofbc_bench_run_list_free(struct ofbc_bench_run_list *list)
{
	for (size_t i = 0; list && i < list->n; i++) {
		free(list->v[i].note);
		free(list->v[i].request);
		free(list->v[i].environment);
		free(list->v[i].environment_after);
		free(list->v[i].changes.v);
	}
	if (list)
		free(list->v);
	free(list);
}

static int add_changes(const struct bench_run *run, struct ofbc_bench_run_info *ret, struct ofbc_error *err)
{
	__attribute__((cleanup(environment_diff_done))) struct environment_diff diff = {0};
	int r = run->environment && run->environment_after
	                ? environment_diff(run->environment, run->environment_after, &diff, err)
	                : 0;

	for (size_t i = 0; r == 0 && i < diff.n; i++) {
		const struct environment_change *from = &diff.v[i];
		struct ofbc_bench_change *c;

		if (from->weight == CHANGE_EXPECTED)
			continue;
		c = list_add(&ret->changes);
		if (!c)
			return -ENOMEM;
		text_copy(c->path, sizeof(c->path), from->path);
		text_copy(c->weight, sizeof(c->weight), environment_weight_names[from->weight]);
		text_copy(c->before, sizeof(c->before), from->before ? from->before : "");
		text_copy(c->after, sizeof(c->after), from->after ? from->after : "");
	}
	return r;
}

static void add_surroundings(const struct bench_run *run, struct ofbc_bench_run_info *ret)
{
	struct environment_summary s;

	environment_summarise(run->environment, run->environment_after, &s);
	text_copy(ret->gpus, sizeof(ret->gpus), s.gpus);
	text_copy(ret->driver, sizeof(ret->driver), s.driver);
	text_copy(ret->kernel, sizeof(ret->kernel), s.kernel);
	text_copy(ret->processor, sizeof(ret->processor), s.processor);
	text_copy(ret->machine, sizeof(ret->machine), s.machine);
	text_copy(ret->energy, sizeof(ret->energy), s.energy);
}

/* The texts move. */
static int add_run(struct bench_run_data *d, struct ofbc_bench_run_list *l, struct ofbc_error *err)
{
	struct ofbc_bench_run_info *o = list_add(l);
	struct bench_run *run = &d->run;
	int r;

	if (!o)
		return -ENOMEM;
	o->started_unix_s = run->started_unix_s;
	o->ended_unix_s = run->ended_unix_s;
	o->seed = run->seed;
	text_copy(o->run, sizeof(o->run), run->id);
	text_copy(o->state, sizeof(o->state),
	          run->origin[0]      ? "imported"
	          : run->ended_unix_s ? "ended"
	                              : "not-ended");
	text_copy(o->host, sizeof(o->host), run->host);
	text_copy(o->platform, sizeof(o->platform), run->platform);
	text_copy(o->emulated, sizeof(o->emulated), run->emulated);
	text_copy(o->label, sizeof(o->label), run->label);
	text_copy(o->program, sizeof(o->program), run->program);
	text_copy(o->origin, sizeof(o->origin), run->origin);
	o->cells = d->cells.n;
	for (size_t i = 0; i < d->cells.n; i++) {
		o->cells_ok += d->cells.v[i].cell.verdict == BENCH_OK;
		o->trials += d->cells.v[i].trials.n;
	}
	add_surroundings(run, o);
	r = add_changes(run, o, err);
	o->note = steal_ptr(run->note);
	o->request = steal_ptr(run->request);
	o->environment = steal_ptr(run->environment);
	o->environment_after = steal_ptr(run->environment_after);
	return r;
}

int ofbc_bench_runs(struct ofbc_context *ctx, const char *const *runs, size_t n,
                    struct ofbc_bench_run_list **ret, struct ofbc_error *err)
{
	_cleanup_(ofbc_bench_run_list_free_p) struct ofbc_bench_run_list *l = calloc(1, sizeof(*l));
	_cleanup_archive_ struct bench_archive all = {0};
	int r = l ? bench_load_runs(ctx, runs, n, &all, err) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < all.n; i++)
		r = add_run(&all.v[i], l, err);
	if (r < 0)
		return r;
	*ret = steal_ptr(l);
	return 0;
}
