/* SPDX-License-Identifier: MIT */
/* The surroundings of a run, for people: the few facts that decide, and everything. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "report/parts.h"

#define KEYS_MAX  256
#define DEPTH_MAX 8

static const struct json *get(const struct json *doc, const char *a, const char *b)
{
	return json_get(json_get(doc, a), b);
}

static int add_fact(struct strv *ret, const char *name, const char *text)
{
	if (!text || !text[0])
		return 0;
	return strv_add(ret, name) < 0 || strv_add(ret, text) < 0 ? -ENOMEM : 0;
}

/* "NVIDIA H200, driver 580.95.05": one row each. */
static int add_gpus(const struct json *gpus, struct strv *ret)
{
	const char *keys[KEYS_MAX];
	size_t n = json_keys(gpus, keys, KEYS_MAX);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && i < KEYS_MAX; i++) {
		const struct json *g = json_get(gpus, keys[i]);
		const char *driver = json_str(json_get(g, "driver_version"), "");
		char text[256];

		snprintf(text, sizeof(text), "%s%s%s",
		         json_str(json_get(g, "name"), json_str(json_get(g, "pci_id"), "")),
		         driver[0] ? ", driver " : "", driver);
		r = add_fact(ret, "GPU", text);
	}
	return r;
}

int environment_facts(const struct bench_run *run, struct strv *ret)
{
	_cleanup_json_ struct json *doc = NULL;
	char time[32], seed[32];
	int r;

	report_minute(run->started_unix_s, time, sizeof(time));
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)run->seed);
	if (run->environment)
		(void)json_parse(run->environment, strlen(run->environment), "environment", &doc, NULL);
	r = add_fact(ret, "run", run->id);
	r = r < 0 ? r : add_fact(ret, "label", run->label);
	r = r < 0 ? r : add_fact(ret, "started", run->started_unix_s ? time : "");
	r = r < 0 ? r : add_fact(ret, "host", run->host);
	r = r < 0 ? r : add_fact(ret, "platform", run->platform);
	r = r < 0 ? r : add_fact(ret, "emulated host", run->emulated);
	r = r < 0 ? r : add_fact(ret, "processor", json_str(get(doc, "cpu", "model"), ""));
	r = r < 0 ? r : add_gpus(json_get(doc, "gpus"), ret);
	r = r < 0 ? r : add_fact(ret, "kernel", json_str(get(doc, "kernel", "release"), ""));
	r = r < 0 ? r : add_fact(ret, "measured by", run->program);
	r = r < 0 ? r : add_fact(ret, "imported from", run->origin);
	r = r < 0 ? r : add_fact(ret, "seed of the order", run->seed ? seed : "");
	return r < 0 ? r : add_fact(ret, "note", run->note);
}

static int add_value(const struct json *j, const char *name, struct strv *ret)
{
	_cleanup_free_ char *text = NULL;
	const char *s = json_str(j, NULL);

	if (!s && json_print_line(j, &text) < 0)
		return -ENOMEM;
	return add_fact(ret, name, s ? s : text);
}

static int flatten(const struct json *j, const char *name, unsigned depth, struct strv *ret)
{
	const char *keys[KEYS_MAX];
	size_t n;
	int r = 0;

	if (!json_is_object(j) || depth == DEPTH_MAX)
		return add_value(j, name, ret);
	n = json_keys(j, keys, KEYS_MAX);
	for (size_t i = 0; r == 0 && i < n && i < KEYS_MAX; i++) {
		_cleanup_free_ char *full = NULL;

		if (asprintf(&full, "%s%s%s", name, name[0] ? " / " : "", keys[i]) < 0)
			return -ENOMEM;
		r = flatten(json_get(j, keys[i]), full, depth + 1, ret);
	}
	return r;
}

int environment_rows(const char *text, struct strv *ret)
{
	_cleanup_json_ struct json *doc = NULL;

	if (!text || json_parse(text, strlen(text), "environment", &doc, NULL) < 0)
		return 0;
	return flatten(doc, "", 0, ret);
}
