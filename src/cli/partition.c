/* SPDX-License-Identifier: MIT */
/* openforbc partition ... */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "cli/cli.h"

DEFINE_CLEANUP(struct ofbc_partition_list *, ofbc_partition_list_free);

static int run_list(struct cli *c)
{
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *l = NULL;
	struct ofbc_error err = {0};

	if (ofbc_partition_list(c->ctx, c->n_args ? c->args[0] : NULL, &l, &err) < 0)
		return cli_fail(c, &err);
	return cli_partitions(c, l, "partition-list");
}

static int run_show(struct cli *c)
{
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *l = NULL;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(1u << 16);
	const struct ofbc_partition *p;
	struct ofbc_error err = {0};
	struct ofbc_partition_list one;

	if (ofbc_partition_list(c->ctx, NULL, &l, &err) < 0 ||
	    ofbc_partition_find(l, c->args[0], &p, &err) < 0)
		return cli_fail(c, &err);
	one = (struct ofbc_partition_list){.v = l->v + (p - l->v), .n = 1};
	if (c->render.format != RENDER_TABLE)
		return cli_partitions(c, &one, "partition-show");
	if (c->render.emulated)
		strbuf_addf(&out, "# emulated host %s: nothing here is real hardware\n", c->render.emulated);
	render_item_text(partition_fields, p, &out);
	for (size_t i = 0; i < p->holders.n; i++) {
		if (p->holders.v[i].release[0])
			strbuf_addf(&out, "%-16s %s\n", "freed by", p->holders.v[i].release);
	}
	return cli_print(c, &out);
}

/* --- create --- */

static int parse_need(const struct cli *c, struct ofbc_create_request *rq, struct ofbc_error *err)
{
	const char *memory = cli_option(c, "memory"), *compute = cli_option(c, "compute");

	if (memory && (parse_size(memory, &rq->memory_bytes) < 0 || rq->memory_bytes == 0)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no memory size", memory);
		error_hint(err, "write for example 10G, 512M or 1.5GiB (powers of 1024)");
		return -EINVAL;
	}
	if (compute && (parse_percent(compute, &rq->compute_share) < 0 || rq->compute_share <= 0)) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no share of a GPU", compute);
		error_hint(err, "write a percentage above 0 and up to 100, for example 15%%");
		return -EINVAL;
	}
	return 0;
}

/* Words of other systems for filling one GPU after the other, or all evenly. */
static bool is_spread(const char *policy)
{
	static const char *const words[] = {"spread", "performance", "breadth-first", "separated"};

	for (size_t i = 0; policy && i < ARRAY_SIZE(words); i++) {
		if (strcmp(policy, words[i]) == 0)
			return true;
	}
	return false;
}

/* With a memory size one word can be both: "mps:25%" takes it as its limit, on "0000:41:00.0" it is a need.
 * No technology is spelled in hexadecimal digits alone, as the first part of a PCI address is. */
static bool is_type_key(const char *word)
{
	size_t n = strspn(word, "0123456789abcdefABCDEF");

	return strchr(word, '%') || (strchr(word, ':') && word[n] != ':');
}

/* One word is a type, unless a need is given: then it is the GPU. Two words are GPU and type. */
static int fill_request(const struct cli *c, struct ofbc_create_request *rq, struct ofbc_error *err)
{
	long count = 1, placement = -1;
	int r = parse_need(c, rq, err);

	if (r >= 0)
		r = cli_number(c, "count", 4096, &count, err);
	if (r >= 0 && cli_option(c, "count") && count == 0) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'0' is no value for --count");
		error_hint(err, "1 to 4096 is valid");
		r = -EINVAL;
	}
	if (r >= 0)
		r = cli_number(c, "placement", 127, &placement, err);
	if (r < 0)
		return r;
	rq->count = cli_option(c, "count") ? (unsigned)count : 0;
	rq->placement = (int)placement;
	rq->name = cli_option(c, "name");
	rq->uuid = cli_option(c, "uuid");
	rq->technology = cli_option(c, "technology");
	rq->isolation = cli_option(c, "isolation") ? isolation_parse(cli_option(c, "isolation"))
	                                           : OFBC_ISOLATION_NONE;
	rq->spread = is_spread(cli_option(c, "policy"));
	if (c->n_args == 2) {
		rq->gpu = c->args[0];
		rq->type = c->args[1];
	} else if (c->n_args == 1) {
		bool is_need = rq->compute_share > 0 || rq->isolation != OFBC_ISOLATION_NONE ||
		               (rq->memory_bytes && !is_type_key(c->args[0]));

		*(is_need ? &rq->gpu : &rq->type) = c->args[0];
	}
	return 0;
}

static int run_create(struct cli *c)
{
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *made = NULL;
	struct ofbc_create_request rq = {.placement = -1};
	struct ofbc_error err = {0};

	if (fill_request(c, &rq, &err) < 0 || ofbc_partition_create(c->ctx, &rq, &made, &err) < 0)
		return cli_fail(c, &err);
	for (size_t i = 0; i < made->n; i++)
		cli_note(c, "%s: %s on %s%s\n", made->v[i].uuid, made->v[i].type, made->v[i].gpu,
		         c->render.emulated ? " (emulated)" : "");
	if (c->render.format == RENDER_JSON || c->render.format == RENDER_CSV)
		return cli_partitions(c, made, "partition-create");
	/* beside the UUIDs, which scripts read */
	if (c->render.emulated && c->render.format == RENDER_TABLE)
		fprintf(stderr, "# emulated host %s: nothing here is real hardware\n", c->render.emulated);
	for (size_t i = 0; i < made->n; i++)
		printf("%s\n", made->v[i].uuid);
	return 0;
}

/* --- destroy, adopt --- */

static int run_destroy(struct cli *c)
{
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *done = NULL;
	struct ofbc_error err = {0};
	bool all = cli_option(c, "all") != NULL;
	unsigned flags = (cli_option(c, "foreign") ? OFBC_DESTROY_FOREIGN : 0) | (all ? OFBC_DESTROY_ALL : 0);

	if (cli_option(c, "force")) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "a holder is never killed, there is no --force");
		error_hint(&err,
		           "`openforbc partition show P` names the holder and the command that frees it");
		return cli_fail(c, &err);
	}
	if (all == (c->n_args > 0)) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE,
		          all ? "both partitions and --all were given" : "no partition was named");
		error_hint(&err, "usage: openforbc partition destroy P... | --all");
		return cli_fail(c, &err);
	}
	if (ofbc_partition_destroy(c->ctx, c->args, (size_t)c->n_args, flags, &done, &err) < 0)
		return cli_fail(c, &err);
	if (c->render.format == RENDER_JSON || c->render.format == RENDER_CSV)
		return cli_partitions(c, done, "partition-destroy");
	for (size_t i = 0; i < done->n && c->verbose; i++)
		cli_note(c, "destroyed %s\n", done->v[i].uuid);
	return 0;
}

static int run_adopt(struct cli *c)
{
	struct ofbc_error err = {0};
	int r = ofbc_partition_adopt(c->ctx, c->args[0], cli_option(c, "name"), &err);

	if (r < 0)
		return cli_fail(c, &err);
	if (c->is_json) {
		struct json *doc = cli_object(c, "partition-adopt");

		json_set_str(doc, "partition", c->args[0]);
		json_set_bool(doc, "changed", r == 0);
		return cli_print_json(c, doc);
	}
	cli_note(c, r == 1 ? "it was ours already\n" : "adopted\n");
	return 0;
}

/* --- use --- */

static struct json *env_json(char **env)
{
	struct json *values = json_object();

	for (size_t i = 0; env[i]; i++) {
		char *eq = strchr(env[i], '=');

		if (!eq)
			continue;
		*eq = '\0';
		json_set_str(values, env[i], eq + 1);
	}
	return values;
}

static int run_env(struct cli *c)
{
	int status = 0;
	struct ofbc_error err = {0};
	char **env = NULL;

	if (ofbc_partition_env(c->ctx, c->args[0], &env, &err) < 0)
		return cli_fail(c, &err);
	if (c->is_json) {
		struct json *doc = cli_object(c, "partition-env");

		json_set(doc, "environment", env_json(env));
		status = cli_print_json(c, doc);
	} else {
		for (size_t i = 0; env[i]; i++)
			printf("%s\n", env[i]);
	}
	ofbc_env_free(env);
	return status;
}

static void note_open(void *data, const char *text)
{
	cli_note(data, "all devices stay open to the program: %s\n", text);
}

static int run_there(struct cli *c, const char *partition, int *ret_status, struct ofbc_error *err)
{
	struct ofbc_run_request rq = {.partition = partition,
	                              .argv = c->rest,
	                              .devices = cli_option(c, "isolate")      ? OFBC_RUN_OWN_DEVICES
	                                         : cli_option(c, "no-isolate") ? OFBC_RUN_ALL_DEVICES
	                                                                       : OFBC_RUN_OWN_IF_POSSIBLE,
	                              .note = note_open,
	                              .data = c};

	return ofbc_partition_run(c->ctx, &rq, ret_status, err);
}

/* From here to the end a signal must not leave the partition behind: it reaches the program, or, before that
 * is started, is noted and the program is not started. */
static int run_and_destroy(struct cli *c, struct ofbc_error *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	_cleanup_(ofbc_partition_list_free_p) struct ofbc_partition_list *made = NULL;
	struct ofbc_create_request rq = {.placement = -1, .type = cli_option(c, "type")};
	struct ofbc_error later = {0};
	const char *uuid;
	int status = 0, r;

	rq.gpu = c->n_args ? c->args[0] : NULL;
	r = parse_need(c, &rq, err);
	catch_signals(signals, ARRAY_SIZE(signals));
	if (r >= 0)
		r = ofbc_partition_create(c->ctx, &rq, &made, err);
	if (r < 0)
		return r;
	uuid = made->v[0].uuid;
	if (caught_signal())
		status = 128 + caught_signal();
	else
		r = run_there(c, uuid, &status, err);
	if (ofbc_partition_destroy(c->ctx, &uuid, 1, 0, NULL, &later) < 0)
		fprintf(stderr, "warning: partition %s stays: %s\n", uuid, later.message);
	return r < 0 ? r : status;
}

static int run_run(struct cli *c)
{
	struct ofbc_error err = {0};
	int status = 0, r;

	if (!c->rest || !c->rest[0]) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "no program was given");
		error_hint(&err, "usage: openforbc partition run P -- PROGRAM [ARGUMENT...]");
		return cli_fail(c, &err);
	}
	if (cli_option(c, "isolate") && cli_option(c, "no-isolate")) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE,
		          "--isolate and --no-isolate contradict each other");
		error_hint(&err, "leave out one, or both to isolate where that is possible");
		return cli_fail(c, &err);
	}
	if (cli_option(c, "type") || cli_option(c, "memory") || cli_option(c, "compute")) {
		r = run_and_destroy(c, &err);
		return r < 0 ? cli_fail(c, &err) : r;
	}
	if (c->n_args != 1) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "no partition was named");
		error_hint(&err,
		           "usage: openforbc partition run P -- PROGRAM, or --type TYPE [GPU] -- PROGRAM");
		return cli_fail(c, &err);
	}
	r = run_there(c, c->args[0], &status, &err);
	return r < 0 ? cli_fail(c, &err) : status;
}

static const char *const isolation_values[] = {"none", "soft", "hard", NULL};
static const char *const policy_values[] = {"pack",         "spread",  "consolidation", "depth-first",
                                            "consolidated", "binpack", "performance",   "breadth-first",
                                            "separated",    NULL};

static const struct option create_options[] = {
	{.name = "count", .letter = 'n', .argument = "N", .help = "how many, all or none"},
	{.name = "name", .argument = "NAME", .help = "your name for it; further ones get -2, -3 ..."},
	{.name = "uuid", .argument = "UUID", .help = "its UUID, as a guest's description may name it"},
	{.name = "placement", .argument = "SLOT", .help = "first slot"},
	{.name = "memory",
         .argument = "SIZE",
         .help = "need at least this, or the limit of an mps or cpu partition"},
	{.name = "compute", .argument = "PERCENT", .help = "need at least this share of a GPU"},
	{.name = "isolation",
         .argument = "LEVEL",
         .help = "need at least: none, soft, hard",
         .values = isolation_values},
	{.name = "technology", .argument = "T", .help = "only this technology"},
	{.name = "policy",
         .argument = "POLICY",
         .help = "choose the fullest GPU (pack) or the emptiest (spread)",
         .values = policy_values},
	{.name = "yes", .letter = 'y'},
	{.name = NULL},
};

static const struct option destroy_options[] = {
	{.name = "all", .help = "all of ours"},
	{.name = "foreign", .help = "also what this program did not make"},
	{.name = "force"},
	{.name = "yes", .letter = 'y'},
	{.name = NULL},
};

static const struct option adopt_options[] = {
	{.name = "name", .argument = "NAME", .help = "your name for it"},
	{.name = NULL},
};

static const struct option run_options[] = {
	{.name = "type", .argument = "TYPE", .help = "make a partition for this run only"},
	{.name = "memory", .argument = "SIZE", .help = "the same by need, or its memory limit"},
	{.name = "compute", .argument = "PERCENT", .help = "the same by need"},
	{.name = "isolate", .help = "do not run it unless other devices can be closed to it"},
	{.name = "no-isolate", .help = "leave all devices open to it"},
	{.name = NULL},
};

const struct command partition_commands[] = {
	{.noun = "partition",
         .verb = "list",
         .args = "[GPU]",
         .summary = "partitions with state, owner and holders",
         .max_args = 1,
         .run = run_list},
	{.noun = "partition",
         .verb = "show",
         .args = "P",
         .summary = "one partition with its handle and holders",
         .min_args = 1,
         .max_args = 1,
         .run = run_show},
	{.noun = "partition",
         .verb = "create",
         .args = "[GPU] TYPE | [GPU] --memory SIZE --compute PERCENT",
         .summary = "make partitions, print their UUIDs",
         .options = create_options,
         .max_args = 2,
         .run = run_create},
	{.noun = "partition",
         .verb = "destroy",
         .args = "P... | --all",
         .summary = "destroy partitions; refused while one is in use",
         .options = destroy_options,
         .max_args = -1,
         .run = run_destroy},
	{.noun = "partition",
         .verb = "adopt",
         .args = "P",
         .summary = "take a foreign partition into our care",
         .options = adopt_options,
         .min_args = 1,
         .max_args = 1,
         .run = run_adopt},
	{.noun = "partition",
         .verb = "env",
         .args = "P",
         .summary = "environment for a process that shall use it",
         .min_args = 1,
         .max_args = 1,
         .run = run_env},
	{.noun = "partition",
         .verb = "run",
         .args = "P -- PROGRAM... | --type TYPE [GPU] -- PROGRAM...",
         .summary = "run a program there; its exit status is ours",
         .options = run_options,
         .max_args = 1,
         .takes_command = true,
         .run = run_run},
	{.noun = NULL},
};
