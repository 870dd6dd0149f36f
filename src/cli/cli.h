/* SPDX-License-Identifier: MIT */
/* Inside the program: command tables, the parsed command line, output. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "openforbc/openforbc.h"
#include "render/render.h"

struct option {
	const char *name;          /* long spelling without dashes */
	char letter;               /* 0: none */
	const char *argument;      /* NULL: a flag */
	const char *help;          /* NULL: hidden synonym */
	const char *const *values; /* valid values, NULL-terminated; NULL: any */
};

struct cli;

struct command {
	const char *noun;
	const char *verb;
	const char *args; /* "GPU TECHNOLOGY", "[GPU]", "P..." */
	const char *summary;
	const struct option *options; /* ends with name == NULL; may be NULL */
	int min_args, max_args;       /* max -1: any */
	bool takes_command;           /* "-- CMD..." */
	bool needs_no_host;
	int (*run)(struct cli *c); /* exit status */
};

#define CLI_MAX_ARGS    256
#define CLI_MAX_OPTIONS 32

struct cli {
	const struct command *command;
	const char *args[CLI_MAX_ARGS];
	int n_args;
	struct {
		const struct option *option;
		const char *value; /* "" of a flag */
	} options[CLI_MAX_OPTIONS];
	int n_options;
	char **rest; /* after "--", NULL-terminated; NULL: none */
	struct render_options render;
	bool is_json;
	bool verbose;
	const char *host, *state, *connect;
	struct ofbc_context *ctx;
};

extern const struct option global_options[];
extern const struct command gpu_commands[];
extern const struct command type_commands[];
extern const struct command partition_commands[];
extern const struct command guest_commands[];
extern const struct command cdi_commands[];
extern const struct command layout_commands[];
extern const struct command bench_commands[];
extern const struct command advise_commands[];
extern const struct command bench_report_commands[];
extern const struct command host_commands[];
extern const struct command other_commands[];
/* All tables, NULL-terminated. */
extern const struct command *const command_tables[];

/* command.c */
int cli_parse(struct cli *c, int argc, char **argv,
              struct ofbc_error *err);                         /* 0; 1: help was printed; -errno */
const char *cli_option(const struct cli *c, const char *name); /* value, "" for a flag, NULL absent */
int cli_number(const struct cli *c, const char *name, unsigned max, long *ret,
               struct ofbc_error *err);                     /* 1 given, 0 not */
void print_help(const struct command *k, const char *noun); /* k NULL: the verbs of a noun, or all */
int help(struct cli *c);

/* main.c */
int cli_fail(const struct cli *c, const struct ofbc_error *err); /* prints, returns the status */
int cli_print(const struct cli *c, struct strbuf *out);          /* writes to stdout; exit status */
int cli_list(const struct cli *c, const struct render_list *l);
struct json *cli_object(const struct cli *c, const char *schema); /* the frame of a JSON answer */
int cli_print_json(const struct cli *c, struct json *doc);        /* takes doc; exit status */
int cli_partitions(const struct cli *c, const struct ofbc_partition_list *l, const char *schema);
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* with -v */
int cli_open(struct cli *c, struct ofbc_error *err);
void catch_signals(const int *signals, size_t n); /* they interrupt, but do not end the program */
int caught_signal(void);                          /* the last one of them, 0 none */

/* overview.c */
int overview(struct cli *c);
/* "0 [##==...]" of one GPU's slots and what cannot be used any more; used by `gpu show`, too. */
void slot_bar(const struct ofbc_gpu *gpu, const struct ofbc_partition_list *parts,
              const struct ofbc_type_list *types, struct strbuf *out);

/* completion.c */
int print_completion(struct cli *c);
