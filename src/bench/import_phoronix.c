/* SPDX-License-Identifier: MIT */
/*
 * composite.xml of the Phoronix Test Suite (its pts-core/definitions/result-file.xsd; versions 3 to 10). One
 * file holds several systems: each becomes a run. Of a result, what was measured several times stands in
 * RawString, "1.2:1.3:1.1".
 */
#include "bench/import_parts.h"

#include <errno.h>
#include <expat.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/strbuf.h"
#include "bench/number.h"

#define MAX_DEPTH 16
#define TEXT_MAX  65536
#define FILE_MAX  (64u << 20)

enum element {
	NOTHING,
	SYSTEM_IDENTIFIER,
	SYSTEM_HARDWARE,
	SYSTEM_SOFTWARE,
	SYSTEM_USER,
	SYSTEM_TIME,
	SYSTEM_VERSION,
	RESULT_IDENTIFIER,
	RESULT_VERSION,
	RESULT_ARGUMENTS,
	RESULT_DESCRIPTION,
	RESULT_SCALE,
	RESULT_PROPORTION,
	RESULT_FORMAT,
	ENTRY_IDENTIFIER,
	ENTRY_VALUE,
	ENTRY_RAW,
	N_ELEMENTS
};

static const char *const paths[N_ELEMENTS] = {
	[SYSTEM_IDENTIFIER] = "/PhoronixTestSuite/System/Identifier",
	[SYSTEM_HARDWARE] = "/PhoronixTestSuite/System/Hardware",
	[SYSTEM_SOFTWARE] = "/PhoronixTestSuite/System/Software",
	[SYSTEM_USER] = "/PhoronixTestSuite/System/User",
	[SYSTEM_TIME] = "/PhoronixTestSuite/System/TimeStamp",
	[SYSTEM_VERSION] = "/PhoronixTestSuite/System/TestClientVersion",
	[RESULT_IDENTIFIER] = "/PhoronixTestSuite/Result/Identifier",
	[RESULT_VERSION] = "/PhoronixTestSuite/Result/AppVersion",
	[RESULT_ARGUMENTS] = "/PhoronixTestSuite/Result/Arguments",
	[RESULT_DESCRIPTION] = "/PhoronixTestSuite/Result/Description",
	[RESULT_SCALE] = "/PhoronixTestSuite/Result/Scale",
	[RESULT_PROPORTION] = "/PhoronixTestSuite/Result/Proportion",
	[RESULT_FORMAT] = "/PhoronixTestSuite/Result/DisplayFormat",
	[ENTRY_IDENTIFIER] = "/PhoronixTestSuite/Result/Data/Entry/Identifier",
	[ENTRY_VALUE] = "/PhoronixTestSuite/Result/Data/Entry/Value",
	[ENTRY_RAW] = "/PhoronixTestSuite/Result/Data/Entry/RawString",
};

struct reader {
	struct importer *im;
	XML_Parser parser;
	char path[256];
	size_t lengths[MAX_DEPTH]; /* of path before each open element */
	unsigned depth, too_deep;
	enum element element; /* the innermost */
	struct strbuf text;
	char *values[N_ELEMENTS]; /* of the system, result and entry that are being read */
	int e;
};

static void reader_done(struct reader *r)
{
	XML_ParserFree(r->parser);
	strbuf_done(&r->text);
	for (size_t i = 0; i < N_ELEMENTS; i++)
		free(r->values[i]);
}

static const char *value(const struct reader *r, enum element e)
{
	return r->values[e] ? r->values[e] : "";
}

static void fail(struct reader *r, int e)
{
	if (r->e == 0)
		r->e = e;
	XML_StopParser(r->parser, XML_FALSE);
}

static void forget(struct reader *r, enum element from, enum element to)
{
	for (int i = (int)from; i <= (int)to; i++) {
		free(r->values[i]);
		r->values[i] = NULL;
	}
}

/* --- systems --- */

/* The run of a system; an entry may name one that is not described. NULL: no memory. */
static struct bench_run_data *run_of(struct reader *r, const char *system)
{
	struct bench_run_data *d;

	for (size_t i = 0; i < r->im->archive->n; i++) {
		if (strcmp(r->im->archive->v[i].run.request, system) == 0)
			return &r->im->archive->v[i];
	}
	d = import_add_run(r->im, "phoronix", system);
	if (!d)
		return NULL;
	d->run.request = strdup(system); /* for the time of reading; it may be longer than a label */
	text_copy(d->run.label, sizeof(d->run.label), system);
	return d->run.request ? d : NULL;
}

static int describe(struct reader *r)
{
	struct bench_run_data *d = run_of(r, value(r, SYSTEM_IDENTIFIER));
	_cleanup_json_ struct json *j = json_object();
	int64_t started = import_time(value(r, SYSTEM_TIME));

	if (!d)
		return -ENOMEM;
	if (started)
		d->run.started_unix_s = started;
	text_copy(d->run.program, sizeof(d->run.program), value(r, SYSTEM_VERSION));
	json_set_str(j, "hardware", value(r, SYSTEM_HARDWARE));
	json_set_str(j, "software", value(r, SYSTEM_SOFTWARE));
	json_set_str(j, "user", value(r, SYSTEM_USER));
	return import_print(j, &d->run.environment);
}

/* --- results --- */

static int add_value(struct reader *r, struct bench_cell_data *d, const char *text)
{
	struct bench_trial *t;
	double v;

	if (number_parse(text, &v) < 0)
		return import_complain(r->im, "%s, system '%s': '%s' is no number",
		                       value(r, RESULT_IDENTIFIER), value(r, ENTRY_IDENTIFIER), text);
	t = bench_trial_add(&d->trials);
	if (!t)
		return -ENOMEM;
	t->number = t->block = (unsigned)d->trials.n - 1;
	t->verdict = BENCH_OK;
	return bench_value_add(t, "result", -1, v) ? 0 : -ENOMEM;
}

static int add_values(struct reader *r, struct bench_cell_data *d)
{
	const char *raw = value(r, ENTRY_RAW)[0] ? value(r, ENTRY_RAW) : value(r, ENTRY_VALUE);
	_cleanup_free_ char *copy = strdup(raw);
	char *rest = copy, *word;
	int e = copy ? 0 : -ENOMEM;

	while (e == 0 && (word = strsep(&rest, ":"))) {
		if (word[0])
			e = add_value(r, d, word);
	}
	return e;
}

static int add_parameters(struct reader *r, struct bench_cell_data *d)
{
	_cleanup_strv_ struct strv list = {0};
	int e = 0;

	if (value(r, RESULT_DESCRIPTION)[0])
		e = strv_addf(&list, "description=%s", value(r, RESULT_DESCRIPTION));
	else if (value(r, RESULT_ARGUMENTS)[0])
		e = strv_addf(&list, "arguments=%s", value(r, RESULT_ARGUMENTS));
	if (e == 0 && value(r, RESULT_VERSION)[0])
		e = strv_addf(&list, "version=%s", value(r, RESULT_VERSION));
	if (e == 0)
		import_set_parameters(d, &list);
	return e;
}

/* A bar is a number; lines, pictures and the like are not. A result without a value is one that failed. */
static int add_entry(struct reader *r)
{
	struct bench_run_data *run = run_of(r, value(r, ENTRY_IDENTIFIER));
	const char *proportion = value(r, RESULT_PROPORTION);
	struct bench_cell_data *d;
	int e = 0;

	if (!run)
		return -ENOMEM;
	if (value(r, RESULT_FORMAT)[0] && strcmp(value(r, RESULT_FORMAT), "BAR_GRAPH") != 0)
		return 0;
	d = import_add_cell(run, value(r, RESULT_IDENTIFIER));
	if (!d || !import_add_metric(d, "result", value(r, RESULT_SCALE),
	                             strcmp(proportion, "HIB") == 0   ? HIGHER_IS_BETTER
	                             : strcmp(proportion, "LIB") == 0 ? LOWER_IS_BETTER
	                                                              : NO_DIRECTION))
		return -ENOMEM;
	e = add_parameters(r, d);
	return e < 0 ? e : add_values(r, d);
}

/* --- expat --- */

static void start_element(void *data, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = data;
	size_t n = strlen(r->path);

	(void)attributes;
	if (r->too_deep || r->depth == MAX_DEPTH || n + strlen(name) + 2 > sizeof(r->path)) {
		r->too_deep++;
		return;
	}
	r->lengths[r->depth++] = n;
	r->path[n] = '/';
	text_copy(r->path + n + 1, sizeof(r->path) - n - 1, name);
	r->element = NOTHING;
	for (int i = NOTHING + 1; i < N_ELEMENTS; i++) {
		if (strcmp(paths[i], r->path) == 0)
			r->element = (enum element)i;
	}
	strbuf_clear(&r->text);
}

static int leave_element(struct reader *r)
{
	int e = 0;

	if (r->element != NOTHING) {
		free(r->values[r->element]);
		r->values[r->element] = strdup(strbuf_str(&r->text));
		return r->text.err ? r->text.err : r->values[r->element] ? 0 : -ENOMEM;
	}
	if (strcmp(r->path, "/PhoronixTestSuite/System") == 0) {
		e = describe(r);
		forget(r, SYSTEM_IDENTIFIER, SYSTEM_VERSION);
	} else if (strcmp(r->path, "/PhoronixTestSuite/Result/Data/Entry") == 0) {
		e = add_entry(r);
		forget(r, ENTRY_IDENTIFIER, ENTRY_RAW);
	} else if (strcmp(r->path, "/PhoronixTestSuite/Result") == 0) {
		forget(r, RESULT_IDENTIFIER, ENTRY_RAW);
	}
	return e;
}

static void end_element(void *data, const XML_Char *name)
{
	struct reader *r = data;
	int e;

	(void)name;
	if (r->too_deep) {
		r->too_deep--;
		return;
	}
	r->im->line = (unsigned)XML_GetCurrentLineNumber(r->parser);
	e = leave_element(r);
	r->path[r->lengths[--r->depth]] = '\0';
	r->element = NOTHING;
	if (e < 0)
		fail(r, e);
}

static void text(void *data, const XML_Char *s, int len)
{
	struct reader *r = data;

	if (r->element != NOTHING && !r->too_deep)
		strbuf_addn(&r->text, s, (size_t)len);
}

/* Entities are a bomb in a file of somebody else, and the suite writes none. */
static void entity(void *data, const XML_Char *name, int is_parameter, const XML_Char *v, int len,
                   const XML_Char *base, const XML_Char *system, const XML_Char *public,
                   const XML_Char *notation)
{
	struct reader *r = data;

	(void)is_parameter, (void)v, (void)len, (void)base, (void)system, (void)public, (void)notation;
	r->im->line = (unsigned)XML_GetCurrentLineNumber(r->parser);
	fail(r, import_complain(r->im, "entity '%s': no entities are read", name));
}

static int finish(struct importer *im)
{
	int e = 0;
	size_t n = 0;

	for (size_t i = 0; i < im->archive->n; i++) {
		struct bench_run_data *d = &im->archive->v[i];

		free(d->run.request);
		d->run.request = NULL;
		if (d->cells.n)
			im->archive->v[n++] = *d;
		else
			bench_run_data_done(d);
	}
	im->archive->n = n;
	if (!n)
		return import_complain(im, "there is no result in it");
	for (size_t i = 0; e == 0 && i < n; i++)
		e = import_finish_run(im, &im->archive->v[i]);
	return e;
}

int import_phoronix(struct importer *im)
{
	_cleanup_(reader_done) struct reader r = {.im = im, .text = STRBUF_INIT(TEXT_MAX)};

	if (im->len > FILE_MAX)
		return import_complain(im, "larger than %u MiB", FILE_MAX >> 20);
	r.parser = XML_ParserCreate(NULL);
	if (!r.parser)
		return -ENOMEM;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, start_element, end_element);
	XML_SetCharacterDataHandler(r.parser, text);
	XML_SetEntityDeclHandler(r.parser, entity);
	if (XML_Parse(r.parser, im->text, (int)im->len, XML_TRUE) == XML_STATUS_ERROR) {
		im->line = (unsigned)XML_GetCurrentLineNumber(r.parser);
		return r.e < 0 ? r.e : import_complain(im, "%s", XML_ErrorString(XML_GetErrorCode(r.parser)));
	}
	im->line = 0;
	return finish(im);
}
