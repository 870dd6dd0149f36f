/* SPDX-License-Identifier: MIT */
/* What the readers of results share. */
#pragma once

#include "base/json.h"
#include "bench/exchange.h"

struct importer {
	const char *text;
	size_t len;
	const char *name; /* of the file, in complaints */
	unsigned line;    /* of the record that is read; 0: the file is one document */
	const struct import_options *o;
	struct bench_archive *archive;
	struct ofbc_error *err;
	char hash[65]; /* of the text; "" not needed yet */
};

/* One for each format: 0; -EINVAL; -ENOMEM. */
int import_lines(struct importer *im);
int import_hyperfine(struct importer *im, const struct json *doc);
int import_google(struct importer *im, const struct json *doc);
int import_nvbench(struct importer *im, const struct json *doc);
int import_phoronix(struct importer *im);

/* -EINVAL: "FILE:LINE: message" */
int import_complain(const struct importer *im, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- fields: absent is left as it is, of another kind or too long is a complaint --- */

int field_text(const struct importer *im, const struct json *j, const char *key, char *buf, size_t size);
int field_copy(const struct importer *im, const struct json *j, const char *key, char **ret);
int field_number(const struct importer *im, const struct json *j, const char *key, double *ret);
int field_u64(const struct importer *im, const struct json *j, const char *key, uint64_t *ret);
int field_unsigned(const struct importer *im, const struct json *j, const char *key, unsigned *ret);
/* A value as a line without its end, in place of *ret. */
int import_print(const struct json *j, char **ret);
/* Must be there: NULL after a complaint. */
const struct json *field_array(const struct importer *im, const struct json *j, const char *key);

/* --- building: NULL when out of memory --- */

/* A run whose id follows from the content and `part`. */
struct bench_run_data *import_add_run(struct importer *im, const char *origin, const char *part);
struct bench_cell_data *import_add_cell(struct bench_run_data *d, const char *benchmark);
enum import_better { LOWER_IS_BETTER, HIGHER_IS_BETTER, NO_DIRECTION };
/* Once a metric; units of values come from here. */
struct bench_summary *import_add_metric(struct bench_cell_data *d, const char *metric, const char *unit,
                                        enum import_better better);
/* One number of all instances together; the second of a name is left out. 0; -ENOMEM. */
int import_add_value(struct bench_cell_data *d, struct bench_trial *t, const char *metric, const char *unit,
                     enum import_better better, double v);
/* All "name=value" of the cell, which are sorted; what does not fit is cut. */
void import_set_parameters(struct bench_cell_data *d, struct strv *parameters);
/* Verdict of each cell from its trials, and the summaries. */
int import_finish_run(struct importer *im, struct bench_run_data *d);
/* "2026-11-21T08:25:01+00:00", "2026-11-21 08:25:01" (UTC): seconds, 0 when it is no time. */
int64_t import_time(const char *s);
