/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "schedule.h"
#include "workload.h"

#define SECONDS_MAX 86400
#define RATE_MAX    1000000

enum common {
	COMMON_API,
	COMMON_DEVICE,
	COMMON_DURATION,
	COMMON_WARMUP,
	COMMON_ITERATION,
	COMMON_RATE,
	COMMON_ARRIVALS,
	COMMON_SEED,
};

static const struct {
	const char *name, *value, *help;
} commons[] = {
	[COMMON_API] = {"api", "auto", "auto, cuda or opencl; auto takes CUDA where it works"},
	[COMMON_DEVICE] = {"device", "",
                           "number, or a part of the name; the first GPU, else the first device"},
	[COMMON_DURATION] = {"duration", "5",
                             "seconds of load; a harness that speaks the protocol decides itself"},
	[COMMON_WARMUP] = {"warm-up", "0.5", "seconds before that"},
	[COMMON_ITERATION] = {"iteration", "0.02", "seconds that an iteration takes about"},
	[COMMON_RATE] = {"rate", "0",
                         "repeats a second as users ask for them, each an iteration; 0: one after the other"},
	[COMMON_ARRIVALS] = {"arrivals", "poisson", "poisson or uniform: when they ask"},
	[COMMON_SEED] = {"seed", "1", "any text; another one are other arrivals"},
};

/* --- values --- */

static int bad_value(const char *name, const char *text, const char *valid, struct ofbc_error *err)
{
	error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no value of --%s", text, name);
	error_hint(err, "valid: %s", valid);
	return -EINVAL;
}

static int read_double(const char *name, const char *text, double max, const char *valid, double *ret,
                       struct ofbc_error *err)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= 0) || v > max)
		return bad_value(name, text, valid, err);
	*ret = v;
	return 0;
}

static int read_seconds(const char *name, const char *text, double *ret, struct ofbc_error *err)
{
	return read_double(name, text, SECONDS_MAX, "seconds from 0 to 86400", ret, err);
}

static int read_choice(const struct parameter *p, const char *text, uint64_t *ret, struct ofbc_error *err)
{
	size_t len = strlen(text);
	const char *one = p->choices;

	for (uint64_t i = 0; *one; i++) {
		size_t n = strcspn(one, "|");

		if (n == len && strncmp(one, text, n) == 0) {
			*ret = i;
			return 0;
		}
		one += n + (one[n] == '|');
	}
	return bad_value(p->name, text, p->choices, err);
}

static int read_number(const struct parameter *p, const char *text, uint64_t *ret, struct ofbc_error *err)
{
	char valid[64];
	uint64_t v;

	if (parse_size(text, &v) == 0 && v >= p->min && v <= p->max) {
		*ret = v;
		return 0;
	}
	snprintf(valid, sizeof(valid), "%llu to %llu; K, M and G are powers of 1024",
	         (unsigned long long)p->min, (unsigned long long)p->max);
	return bad_value(p->name, text, valid, err);
}

static int read_parameter(const struct parameter *p, const char *text, uint64_t *ret, struct ofbc_error *err)
{
	return p->choices ? read_choice(p, text, ret, err) : read_number(p, text, ret, err);
}

static int read_common(struct options *o, enum common which, const char *text, struct ofbc_error *err)
{
	switch (which) {
	case COMMON_API:
		if (strcmp(text, "auto") != 0 && strcmp(text, "cuda") != 0 && strcmp(text, "opencl") != 0)
			return bad_value("api", text, "auto, cuda, opencl", err);
		o->api = text;
		return 0;
	case COMMON_DEVICE:
		o->device = text[0] ? text : NULL;
		return 0;
	case COMMON_DURATION:
		return read_seconds("duration", text, &o->duration_s, err);
	case COMMON_WARMUP:
		return read_seconds("warm-up", text, &o->warmup_s, err);
	case COMMON_ITERATION:
		return read_seconds("iteration", text, &o->iteration_s, err);
	case COMMON_RATE:
		return read_double("rate", text, RATE_MAX, "0, or up to 1000000 a second", &o->rate, err);
	case COMMON_ARRIVALS:
		if (strcmp(text, "poisson") != 0 && strcmp(text, "uniform") != 0)
			return bad_value("arrivals", text, "poisson, uniform", err);
		o->arrivals = strcmp(text, "poisson") == 0 ? ARRIVALS_POISSON : ARRIVALS_UNIFORM;
		return 0;
	case COMMON_SEED:
		o->seed = text;
		return 0;
	}
	return -EINVAL;
}

/* --- names --- */

static const char *nearer(const char *wanted, const char *best, const char *candidate)
{
	return !best || edit_distance(wanted, candidate) < edit_distance(wanted, best) ? candidate : best;
}

static int unknown_option(const struct workload *w, const char *name, struct ofbc_error *err)
{
	const char *best = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(commons); i++)
		best = nearer(name, best, commons[i].name);
	for (const struct parameter *p = w->parameters; p->name; p++)
		best = nearer(name, best, p->name);
	error_set(err, EINVAL, OFBC_REASON_USAGE, "%s has no option '--%s'", w->name, name);
	error_hint(err, "did you mean '--%s'? `openforbc-workload %s --help` lists all", best, w->name);
	return -EINVAL;
}

static int find_workload(const char *name, const struct workload *const *all, const struct workload **ret,
                         struct ofbc_error *err)
{
	const char *best = NULL;

	for (; *all; all++) {
		if (strcmp((*all)->name, name) == 0) {
			*ret = *all;
			return 0;
		}
		best = nearer(name, best, (*all)->name);
	}
	error_set(err, EINVAL, OFBC_REASON_USAGE, "there is no workload '%s'", name);
	error_hint(err, "did you mean '%s'? `openforbc-workload --help` lists all", best);
	return -EINVAL;
}

static int take_option(struct options *o, const char *name, const char *text, struct ofbc_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(commons); i++) {
		if (strcmp(commons[i].name, name) == 0)
			return read_common(o, (enum common)i, text, err);
	}
	for (size_t i = 0; o->workload->parameters[i].name; i++) {
		if (strcmp(o->workload->parameters[i].name, name) == 0)
			return read_parameter(&o->workload->parameters[i], text, &o->values[i], err);
	}
	return unknown_option(o->workload, name, err);
}

/* --name VALUE or --name=VALUE */
static int take_word(struct options *o, char **argv, int *i, struct ofbc_error *err)
{
	const char *word = argv[*i], *equals = strchr(word, '=');
	char name[64];

	if (strncmp(word, "--", 2) != 0 || !word[2]) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no option", word);
		error_hint(err, "options are --NAME VALUE; `openforbc-workload %s --help` lists them",
		           o->workload->name);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(equals ? equals - word - 2 : 60), word + 2);
	if (equals)
		return take_option(o, name, equals + 1, err);
	if (!argv[*i + 1]) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' has no value", word);
		error_hint(err, "write %s VALUE", word);
		return -EINVAL;
	}
	return take_option(o, name, argv[++*i], err);
}

static int set_defaults(struct options *o, struct ofbc_error *err)
{
	const struct parameter *p = o->workload->parameters;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(commons); i++)
		r = read_common(o, (enum common)i, commons[i].value, err);
	for (size_t i = 0; r == 0 && p[i].name; i++)
		r = read_parameter(&p[i], p[i].value, &o->values[i], err);
	return r;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int options_parse(int argc, char **argv, const struct workload *const *all, struct options *ret,
                  struct ofbc_error *err)
{
	struct options o = {0};
	int r = 0;

	if (argc < 2) {
		error_set(err, EINVAL, OFBC_REASON_USAGE, "which workload?");
		error_hint(err, "`openforbc-workload --help` lists them");
		return -EINVAL;
	}
	o.wants_help = is_help(argv[1]);
	o.wants_version = strcmp(argv[1], "--version") == 0;
	o.wants_tables = o.wants_help && argc > 2 && strcmp(argv[2], "--tables") == 0;
	if (!o.wants_help && !o.wants_version) {
		r = find_workload(argv[1], all, &o.workload, err);
		if (r == 0)
			r = set_defaults(&o, err);
		for (int i = 2; r == 0 && i < argc && !o.wants_help; i++) {
			o.wants_help = is_help(argv[i]);
			r = o.wants_help ? 0 : take_word(&o, argv, &i, err);
		}
	}
	if (r == 0)
		*ret = o;
	return r;
}

uint64_t option_number(const struct options *o, const char *name)
{
	const struct parameter *p = o->workload->parameters;
	size_t i = 0;

	while (p[i].name && strcmp(p[i].name, name) != 0)
		i++;
	return o->values[i];
}

/* --- help --- */

static void help_one(FILE *to, const struct workload *w)
{
	fprintf(to, "usage: openforbc-workload %s [--NAME VALUE ...]\n\n%s\n\n", w->name, w->summary);
	for (const struct parameter *p = w->parameters; p->name; p++)
		fprintf(to, "  --%-12s %s%s%s (%s)\n", p->name, p->help, p->choices ? ": " : "",
		        p->choices ? p->choices : "", p->value);
	fprintf(to, "\n");
	for (size_t i = 0; i < ARRAY_SIZE(commons); i++)
		fprintf(to, "  --%-12s %s%s%s%s\n", commons[i].name, commons[i].help,
		        commons[i].value[0] ? " (" : "", commons[i].value, commons[i].value[0] ? ")" : "");
}

void options_help(FILE *to, const struct workload *const *all, const struct workload *one)
{
	if (one) {
		help_one(to, one);
		return;
	}
	fprintf(to, "usage: openforbc-workload WORKLOAD [--NAME VALUE ...]\n"
	            "       openforbc-workload WORKLOAD --help\n\n"
	            "Loads that check their own results, on CUDA or OpenCL.\n\n");
	for (; *all; all++)
		fprintf(to, "  %-8s %s\n", (*all)->name, (*all)->summary);
}

void options_tables(FILE *to, const struct workload *const *all)
{
	for (size_t i = 0; i < ARRAY_SIZE(commons); i++)
		fprintf(to, "option workload/- --%s\n", commons[i].name);
	for (; *all; all++) {
		fprintf(to, "command workload/%s\n", (*all)->name);
		for (const struct parameter *p = (*all)->parameters; p->name; p++)
			fprintf(to, "option workload/%s --%s\n", (*all)->name, p->name);
	}
}
