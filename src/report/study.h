/* SPDX-License-Identifier: MIT */
/*
 * What a report is about: cells of the same benchmark with the same parameters, wherever they were measured,
 * as points of series that are comparable. Pure. What a point says is derived by bench/derive.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bench/derive.h"
#include "model/result.h"
#include "openforbc/error.h"

/* One cell. */
struct point {
	const struct bench_run *run;
	const struct bench_cell_data *data;
	const struct ofbc_bench_derived *rows; /* what is derived of it */
	size_t n_rows;
	char where[128];      /* platform, host, label, as far as they tell points apart: ", kvm" */
	char technology[192]; /* and `where` */
	char series[192]; /* the same, or with the type where that would mix layouts of as many instances */
	bool is_base;     /* alone on the whole machine */
	bool is_repeated; /* another run has the same of the same name */
	bool is_solo;     /* one instance with idle neighbours, beside cells of all of them */
	bool is_older;    /* and a newer one stands for both in figures over instances */
};

struct study {
	const char *benchmark, *parameters, *definition, *emulated;
	char title[400];
	struct work_metric work; /* summary NULL: no metric tells it */
	struct point_list {
		struct point *v;
		size_t n, cap;
	} points;
	size_t n_platforms, n_hosts;
};

struct study_list {
	struct study *v;
	size_t n, cap;
	struct point_list
		pairs; /* one instance beside another program: in no study, they tell of isolation */
	struct ofbc_bench_derived_list derived;
};

/* In the order in which they came. The archive is borrowed. */
int studies_new(const struct bench_archive *a, struct study_list *ret, struct ofbc_error *err);
void studies_done(struct study_list *l);

/* The place of point k where not all that have values can be drawn: one alone on the whole machine first,
 * then those with the most instances, where sharing shows. values: one for each point, 0 for those without.
 */
size_t study_rank(const struct study *s, const size_t *values, size_t k);

/* A derived figure by its key; of several (one for each type of partition) the largest. NULL: it does not
 * apply. */
const struct ofbc_bench_derived *point_figure(const struct point *p, const char *key);
/* Its value; 1 for the base case itself of what is relative to it; NAN: not known. */
double point_value(const struct point *p, const char *key);
/* Its program, with what tells it apart from the others: parameters, definition, place. */
void point_name(const struct point *p, const struct point *const *all, size_t n, char *buf, size_t size);
