/* SPDX-License-Identifier: MIT */
/*
 * Results as texts, for other machines and other programs. Pure: the caller reads and writes the files. An
 * import of what was exported says the same; identity is the run's UUID with the numbers of cell and trial,
 * so that results_merge() finds no duplicates however often and in whatever parts a run comes back.
 */
#pragma once

#include "base/strv.h"
#include "model/result.h"
#include "openforbc/error.h"

#define EXCHANGE_SCHEMA "openforbc.bench-export/1"

/* --- out --- */

struct export_options {
	/* False: serial numbers, UUIDs of devices, names of hosts and users and their addresses are replaced,
	 * each by the same word wherever it stands in this export. */
	bool keeps_names;
	/* What the replacements are made from besides the name; NULL: drawn, so that nobody can try names. */
	const char *salt;
	const struct strv *secrets; /* further words to replace; NULL none */
};

/* A run, a cell or a trial a line; a run's line has the schema. */
int export_lines(const struct bench_archive *a, const struct export_options *o, char **ret,
                 struct ofbc_error *err);
/* A value a row (RFC 4180); a trial without values is a row, too. */
int export_csv(const struct bench_archive *a, const struct export_options *o, char **ret,
               struct ofbc_error *err);

struct named_text {
	char name[64];
	char *text;
	size_t len;
};

struct named_text_list {
	struct named_text *v;
	size_t n, cap;
};

void named_text_list_done(struct named_text_list *l);

/* One run as a directory: manifest.json with the SHA-256 of run.json, trials.jsonl and environment.json. */
int export_files(const struct bench_run_data *d, const struct export_options *o, struct named_text_list *ret,
                 struct ofbc_error *err);

/* --- in: everything is added to *ret, or nothing; -EINVAL names line or field --- */

struct import_options {
	int64_t unix_s;       /* start of a run whose file does not say, e.g. the file's time; 0 unknown */
	const char *platform; /* where it ran; NULL unknown */
};

/* Ours as lines, hyperfine, google/benchmark, nvbench or Phoronix; which it is, is told by the content. */
int import_text(const char *text, size_t len, const char *name, const struct import_options *o,
                struct bench_archive *ret, struct ofbc_error *err);
/* A directory of ours; every file of the manifest must be there and have its hash. */
int import_files(const struct named_text_list *files, const char *directory, struct bench_archive *ret,
                 struct ofbc_error *err);

/* Numbers of the summaries anew from the trials that are valid; unit and direction stay. */
int cell_summarise(struct bench_cell_data *d, struct ofbc_error *err);
