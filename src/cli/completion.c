/* SPDX-License-Identifier: MIT */
/* A bash completion script made from the command tables. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"

static void print_words(const struct option *table)
{
	for (const struct option *o = table; o && o->name; o++) {
		if (o->help)
			printf(" --%s", o->name);
	}
}

static void print_verbs(const char *noun)
{
	for (const struct command *const *t = command_tables; *t; t++) {
		for (const struct command *k = *t; k->noun; k++) {
			if (k->verb && strcmp(k->noun, noun) == 0)
				printf(" %s", k->verb);
		}
	}
}

static void print_nouns(void)
{
	const char *last = "";

	for (const struct command *const *t = command_tables; *t; t++) {
		for (const struct command *k = *t; k->noun; k++) {
			if (k->summary && strcmp(k->noun, last) != 0)
				printf(" %s", k->noun);
			last = k->noun;
		}
	}
}

/* What an argument position takes, by its name in the usage. */
static const char *ids_for(const char *args)
{
	if (strncmp(args, "P", 1) == 0 || strncmp(args, "[P", 2) == 0)
		return "partition list -q";
	if (strstr(args, "GPU"))
		return "gpu list -q";
	return NULL;
}

int print_completion(struct cli *c)
{
	struct ofbc_error err = {0};

	if (strcmp(c->args[0], "bash") != 0) {
		error_set(&err, EINVAL, OFBC_REASON_USAGE, "no completion for '%s'", c->args[0]);
		error_hint(&err, "'bash' is valid");
		return cli_fail(c, &err);
	}
	printf("_openforbc() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words='' noun='' verb='' w i\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tw=${COMP_WORDS[i]}\n"
	       "\t\tcase $w in --host|--device|--state|-o|--output) ((i++)); continue ;; -*) continue ;; esac\n"
	       "\t\tif [[ -z $noun ]]; then noun=$w; elif [[ -z $verb ]]; then verb=$w; fi\n\tdone\n"
	       "\tcase $noun/$verb in\n\t/) words='");
	print_nouns();
	printf("' ;;\n");
	for (const struct command *const *t = command_tables; *t; t++) {
		for (const struct command *k = *t; k->noun; k++) {
			const char *ids = k->verb ? ids_for(k->args) : NULL;

			if (!k->verb)
				continue;
			printf("\t%s/%s) words='", k->noun, k->verb);
			print_words(k->options);
			printf("'\n");
			if (ids)
				printf("\t\t[[ $cur == -* ]] || words+=\" $(\"${COMP_WORDS[0]}\" %s 2>/dev/null)\"\n",
				       ids);
			if (strstr(k->args, "TYPE"))
				printf("\t\t[[ $cur == -* ]] || words+=\" $(\"${COMP_WORDS[0]}\" type list -q 2>/dev/null)\"\n");
			printf("\t\t;;\n");
			if (k[1].noun == NULL || strcmp(k[1].noun, k->noun) != 0) {
				printf("\t%s/) words='", k->noun);
				print_verbs(k->noun);
				printf("' ;;\n");
			}
		}
	}
	printf("\tesac\n\t[[ $cur == -* ]] && words+='");
	print_words(global_options);
	printf("'\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete -F _openforbc openforbc\n");
	return 0;
}
