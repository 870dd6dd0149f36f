/* SPDX-License-Identifier: MIT */
/* Walking the command tables: parsing, help, suggestions. Nothing here knows a single command. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "cli/cli.h"

static const char *const output_values[] = {"table", "json", "csv", NULL};

const struct option global_options[] = {
	{.name = "output",
         .letter = 'o',
         .argument = "FORMAT",
         .help = "table, json or csv",
         .values = output_values},
	{.name = "json", .letter = 'j', .help = "the same as -o json"},
	{.name = "quiet", .letter = 'q', .help = "only ids, one a line"},
	{.name = "host",
         .argument = "HOST",
         .help = "local, root:DIR, or emulated:NAME (see `openforbc host list`)"},
	{.name = "device",
         .argument = "PCI",
         .help = "this PCI device counts as a GPU, too (several: PCI,PCI)"},
	{.name = "state", .argument = "DIR", .help = "state directory"},
	{.name = "connect", .argument = "URI", .help = "libvirt whose guests are meant (qemu:///system)"},
	{.name = "verbose", .letter = 'v', .help = "more columns, and what is done"},
	{.name = "no-color", .help = "plain text on a terminal, too"},
	{.name = "version", .help = "print the version"},
	{.name = "help", .letter = 'h', .help = "help for this command"},
	{.name = NULL},
};

/* What other tools' users type, where only one thing can be meant. */
static const struct {
	const char *word, *noun, *verb;
} synonyms[] = {
	{"gpus", "gpu", "list"},      {"types", "type", "list"},
	{"profiles", "type", "list"}, {"partitions", "partition", "list"},
	{"list", "overview", NULL},   {"ls", "overview", NULL},
	{"status", "overview", NULL}, {"doctor", "host", "doctor"},
	{"vms", "vm", "list"},        {"guests", "vm", "list"},
};

/* Words for destroying are never guessed. */
static const char *const destroy_words[] = {"delete", "rm", "remove", "stop", "del"};

static const struct option *find_option(const struct option *table, const char *name, size_t len, char letter)
{
	for (const struct option *o = table; o && o->name; o++) {
		if (letter ? o->letter == letter : strlen(o->name) == len && strncmp(o->name, name, len) == 0)
			return o;
	}
	return NULL;
}

/* Half of a short word may be wrong, three letters of a long one. People get the first letter right, so that
 * it decides between equals. */
static void nearest(const char *word, const char *candidate, unsigned *best, const char **ret)
{
	unsigned d = edit_distance(word, candidate);
	unsigned score = d * 2 + (word[0] != candidate[0]);

	if (score < *best && d <= 3 && d <= (strlen(word) + 1) / 2) {
		*best = score;
		*ret = candidate;
	}
}

static int unknown_option(const struct cli *c, const char *arg, struct ofbc_error *err)
{
	const struct option *tables[] = {c->command ? c->command->options : NULL, global_options};
	const char *hit = NULL;
	unsigned best = UINT32_MAX;
	size_t n = strcspn(arg, "=");
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)n, arg);
	error_set(err, EINVAL, OFBC_REASON_USAGE, "unknown option '%s'", name);
	for (size_t t = 0; t < ARRAY_SIZE(tables) && arg[1] == '-'; t++) {
		for (const struct option *o = tables[t]; o && o->name; o++)
			nearest(name + strspn(name, "-"), o->name, &best, &hit);
	}
	if (hit)
		error_hint(err, "did you mean '--%s'?", hit);
	else if (c->command)
		error_hint(err, "`openforbc %s%s%s --help` lists the options", c->command->noun,
		           c->command->verb ? " " : "", c->command->verb ? c->command->verb : "");
	else
		error_hint(err, "`openforbc --help` lists the options");
	return -EINVAL;
}

static int check_value(const struct option *o, const char *value, struct ofbc_error *err)
{
	const char *hit = NULL;
	unsigned best = UINT32_MAX;
	char all[160] = "";

	for (const char *const *v = o->values; v && *v; v++) {
		if (strcmp(*v, value) == 0)
			return 0;
		nearest(value, *v, &best, &hit);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", all[0] ? ", " : "", *v);
	}
	if (!o->values)
		return 0;
	error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no value for --%s", value, o->name);
	if (hit)
		error_hint(err, "did you mean '%s'? valid are %s", hit, all);
	else
		error_hint(err, "valid are %s", all);
	return -EINVAL;
}

static const struct option *lookup(const struct cli *c, const char *name, size_t len, char letter)
{
	const struct option *o = find_option(c->command ? c->command->options : NULL, name, len, letter);

	return o ? o : find_option(global_options, name, len, letter);
}

/* One option with the value that stood beside it, if any. Returns how many words it took, or -errno. */
static int add_option(struct cli *c, const struct option *o, const char *value, const char *next,
                      struct ofbc_error *err)
{
	int words = 1;

	if (!o->argument && value) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "--%s takes no value", o->name);
		error_hint(err, "write '--%s' alone", o->name);
		return -EINVAL;
	}
	if (o->argument && !value) {
		if (!next) {
			error_set(err, EINVAL, OFBC_REASON_USAGE, "--%s needs a value", o->name);
			error_hint(err, "write '--%s %s'", o->name, o->argument);
			return -EINVAL;
		}
		value = next;
		words = 2;
	}
	if (o->argument && check_value(o, value, err) < 0)
		return -EINVAL;
	if (c->n_options == CLI_MAX_OPTIONS)
		return error_set(err, E2BIG, OFBC_REASON_USAGE, "too many options");
	c->options[c->n_options].option = o;
	c->options[c->n_options++].value = value ? value : "";
	return words;
}

/* "-qv", "-o json", "-ojson" */
static int take_letters(struct cli *c, const char *arg, const char *next, struct ofbc_error *err)
{
	for (const char *s = arg + 1; *s; s++) {
		const struct option *o = lookup(c, NULL, 0, *s);
		char one[3] = {'-', *s, '\0'};
		int r;

		if (!o)
			return unknown_option(c, one, err);
		if (o->argument || s[1] == '=')
			return add_option(c, o, s[1] ? s + 1 + (s[1] == '=') : NULL, next, err);
		r = add_option(c, o, NULL, NULL, err);
		if (r < 0)
			return r;
	}
	return 1;
}

/* One word that begins with a dash; next may be its value. Returns how many words it took, or -errno. */
static int take_option(struct cli *c, const char *arg, const char *next, struct ofbc_error *err)
{
	const struct option *o;
	size_t len;

	if (arg[1] != '-')
		return take_letters(c, arg, next, err);
	len = strcspn(arg + 2, "=");
	o = lookup(c, arg + 2, len, 0);
	if (!o)
		return unknown_option(c, arg, err);
	return add_option(c, o, arg[2 + len] ? arg + 3 + len : NULL, next, err);
}

static const struct command *find_command(const char *noun, const char *verb, bool *ret_noun_known)
{
	*ret_noun_known = false;
	for (const struct command *const *t = command_tables; *t; t++) {
		for (const struct command *k = *t; k->noun; k++) {
			if (strcmp(k->noun, noun) != 0)
				continue;
			*ret_noun_known = true;
			if (!k->verb || (verb && strcmp(k->verb, verb) == 0))
				return k;
		}
	}
	return NULL;
}

static int unknown_word(const char *noun, const char *verb, bool noun_known, struct ofbc_error *err)
{
	const char *word = noun_known ? verb : noun, *hit = NULL, *what = noun_known ? "verb" : "command";
	unsigned best = UINT32_MAX;

	if (!word) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' needs a verb", noun);
		error_hint(err, "`openforbc %s --help` lists them", noun);
		return -EINVAL;
	}
	error_set(err, EINVAL, OFBC_REASON_USAGE, "unknown %s '%s'", what, word);
	for (size_t i = 0; noun_known && i < ARRAY_SIZE(destroy_words); i++) {
		if (strcmp(word, destroy_words[i]) == 0) {
			error_hint(err, "did you mean 'destroy'?");
			return -EINVAL;
		}
	}
	for (const struct command *const *t = command_tables; *t; t++) {
		for (const struct command *k = *t; k->noun; k++) {
			if (!noun_known)
				nearest(word, k->noun, &best, &hit);
			else if (k->verb && strcmp(k->noun, noun) == 0)
				nearest(word, k->verb, &best, &hit);
		}
	}
	if (hit)
		error_hint(err, "did you mean '%s'?", hit);
	else
		error_hint(err, "`openforbc%s%s --help` lists what there is", noun_known ? " " : "",
		           noun_known ? noun : "");
	return -EINVAL;
}

/* Words become noun, verb, arguments. Returns -errno, or 0. */
static int take_word(struct cli *c, const char **noun, const char *word, struct ofbc_error *err)
{
	bool known;

	if (c->command) {
		if (c->n_args == CLI_MAX_ARGS)
			return error_set(err, E2BIG, OFBC_REASON_USAGE, "too many arguments");
		c->args[c->n_args++] = word;
		return 0;
	}
	if (!*noun) {
		*noun = strcmp(word, "profile") == 0 ? "type" : word;
		for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++) {
			if (strcmp(word, synonyms[i].word) == 0) {
				*noun = synonyms[i].noun;
				c->command = find_command(*noun, synonyms[i].verb, &known);
				return 0;
			}
		}
		c->command = find_command(*noun, NULL, &known);
		return known ? 0 : unknown_word(word, NULL, false, err);
	}
	c->command = find_command(*noun, strcmp(word, "ls") == 0 ? "list" : word, &known);
	return c->command ? 0 : unknown_word(*noun, word, known, err);
}

static int check_args(const struct cli *c, struct ofbc_error *err)
{
	const struct command *k = c->command;
	const char *verb = k->verb ? k->verb : "";

	if (c->n_args < k->min_args || (k->max_args >= 0 && c->n_args > k->max_args)) {
		if (c->n_args < k->min_args)
			error_set(err, EINVAL, OFBC_REASON_USAGE, "something is missing");
		else
			error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is one argument too many",
			          c->args[k->max_args]);
		error_hint(err, "usage: openforbc %s %s %s", k->noun, verb, k->args);
		return -EINVAL;
	}
	if (c->rest && !k->takes_command) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "this command takes nothing after '--'");
		error_hint(err, "usage: openforbc %s %s %s", k->noun, verb, k->args);
		return -EINVAL;
	}
	return 0;
}

static void apply_globals(struct cli *c)
{
	const char *output = cli_option(c, "output");

	c->is_json = cli_option(c, "json") || (output && strcmp(output, "json") == 0);
	c->render.format = cli_option(c, "quiet")                 ? RENDER_IDS
	                   : c->is_json                           ? RENDER_JSON
	                   : output && strcmp(output, "csv") == 0 ? RENDER_CSV
	                                                          : RENDER_TABLE;
	c->verbose = cli_option(c, "verbose") != NULL;
	c->render.wide = c->verbose;
	if (cli_option(c, "host"))
		c->host = cli_option(c, "host");
	if (cli_option(c, "state"))
		c->state = cli_option(c, "state");
	if (cli_option(c, "connect"))
		c->connect = cli_option(c, "connect");
	if (cli_option(c, "no-color"))
		c->render.color = false;
}

/* Also where the command line could not be read to its end. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0 ||
		    strcmp(argv[i], "-ojson") == 0 || strcmp(argv[i], "--output=json") == 0)
			return true;
		if ((strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "--output") == 0) &&
		    strcmp(next, "json") == 0)
			return true;
	}
	return false;
}

static int parse_words(struct cli *c, int argc, char **argv, const char **ret_noun, struct ofbc_error *err)
{
	int r = 0;

	for (int i = 1; i < argc && r >= 0;) {
		if (strcmp(argv[i], "--") == 0) {
			c->rest = argv + i + 1;
			break;
		}
		if (argv[i][0] == '-' && argv[i][1])
			r = take_option(c, argv[i], i + 1 < argc ? argv[i + 1] : NULL, err);
		else
			r = take_word(c, ret_noun, argv[i], err);
		i += r > 0 ? r : 1;
	}
	return r;
}

int cli_parse(struct cli *c, int argc, char **argv, struct ofbc_error *err)
{
	const char *noun = NULL;
	bool known;
	int r = parse_words(c, argc, argv, &noun, err);

	apply_globals(c);
	if (r < 0) {
		c->is_json |= wants_json(argc, argv);
		return r;
	}
	if (cli_option(c, "version")) {
		c->command = find_command("version", NULL, &known);
		return 0;
	}
	if (cli_option(c, "help")) {
		print_help(c->command, noun);
		return 1;
	}
	if (!c->command && noun)
		return unknown_word(noun, NULL, true, err);
	if (!c->command)
		c->command = find_command("overview", NULL, &known);
	return check_args(c, err);
}

const char *cli_option(const struct cli *c, const char *name)
{
	for (int i = c->n_options; i-- > 0;) {
		if (strcmp(c->options[i].option->name, name) == 0)
			return c->options[i].value;
	}
	return NULL;
}

int cli_number(const struct cli *c, const char *name, unsigned max, long *ret, struct ofbc_error *err)
{
	const char *s = cli_option(c, name);
	uint32_t v;

	if (!s)
		return 0;
	if (parse_u32(s, &v) < 0 || v > max) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no value for --%s", s, name);
		error_hint(err, "a whole number up to %u is valid", max);
		return -EINVAL;
	}
	*ret = (long)v;
	return 1;
}

static void print_options(const struct option *table, const char *title)
{
	bool any = false;

	for (const struct option *o = table; o && o->name; o++) {
		char left[64];

		if (!o->help)
			continue;
		if (!any)
			printf("\n%s:\n", title);
		any = true;
		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->letter ? "-" : " ",
		         o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
		         o->argument ? " " : "", o->argument ? o->argument : "");
		printf("  %-26s %s\n", left, o->help);
	}
}

static void print_commands(const char *noun)
{
	for (const struct command *const *t = command_tables; *t; t++) {
		for (const struct command *k = *t; k->noun; k++) {
			char left[128];

			if (noun && strcmp(noun, k->noun) != 0)
				continue;
			snprintf(left, sizeof(left), "%s%s%s%s%s", k->noun, k->verb ? " " : "",
			         k->verb ? k->verb : "", k->args[0] ? " " : "", k->args);
			if (strlen(left) <= 36)
				printf("  %-36s %s\n", left, k->summary);
			else
				printf("  %s\n  %-36s %s\n", left, "", k->summary);
		}
	}
}

void print_help(const struct command *k, const char *noun)
{
	if (k) {
		printf("usage: openforbc [options] %s%s%s %s\n\n%s\n", k->noun, k->verb ? " " : "",
		       k->verb ? k->verb : "", k->args, k->summary);
		print_options(k->options, "options");
	} else {
		printf("usage: openforbc [options] %s VERB ...\n\n", noun ? noun : "NOUN");
		print_commands(noun);
	}
	print_options(global_options, "options everywhere");
	printf("\nexit status: 0 done, 1 failed, 2 usage, 3 not found, 4 in use, 5 no capacity, 6 not permitted,\n"
	       "  7 not supported here, 8 failed and rolled back, 9 differs\n");
}

static void print_option_rows(const char *prefix, const struct option *table)
{
	for (const struct option *o = table; o && o->name; o++) {
		if (o->help)
			printf("option %s --%s%s%s\n", prefix, o->name, o->argument ? " " : "",
			       o->argument ? o->argument : "");
	}
}

/* For the check of the manual. */
static void print_tables(void)
{
	print_option_rows("-", global_options);
	for (const struct command *const *t = command_tables; *t; t++) {
		for (const struct command *k = *t; k->noun; k++) {
			char prefix[64];

			snprintf(prefix, sizeof(prefix), "%s/%s", k->noun, k->verb ? k->verb : "-");
			printf("command %s\n", prefix);
			print_option_rows(prefix, k->options);
		}
	}
}

int help(struct cli *c)
{
	const char *noun = c->n_args > 0 ? c->args[0] : NULL, *verb = c->n_args > 1 ? c->args[1] : NULL;
	const struct command *k = NULL;
	struct ofbc_error err = {0};
	bool known = false;

	if (cli_option(c, "tables")) {
		print_tables();
		return 0;
	}
	if (noun)
		k = find_command(noun, verb, &known);
	if (noun && !k && (verb || !known)) {
		unknown_word(noun, verb, known, &err);
		return cli_fail(c, &err);
	}
	print_help(k, noun);
	return 0;
}
