/* SPDX-License-Identifier: MIT */
/* The surroundings in a few words, out of their documents. Pure. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/strv.h"
#include "bench/environment.h"

#define MAX_GPUS 256

/* Adds to a text with commas between; what does not fit is cut. */
static void add_text(char *buf, size_t size, const char *text)
{
	size_t n = strlen(buf);

	snprintf(buf + n, size - n, "%s%s", n ? ", " : "", text);
}

static const char *name_of(const struct json *gpu)
{
	return json_str(json_get(gpu, "name"), json_str(json_get(gpu, "pci_id"), "unknown GPU"));
}

/* Equal ones once, with their number. */
static void name_gpus(const struct json *gpus, struct environment_summary *ret)
{
	const char *keys[MAX_GPUS];
	size_t n = json_keys(gpus, keys, MAX_GPUS);

	n = n < MAX_GPUS ? n : MAX_GPUS;
	for (size_t i = 0; i < n; i++) {
		const char *name = name_of(json_get(gpus, keys[i]));
		unsigned same = 0;
		bool was_there = false;
		char text[128];

		for (size_t k = 0; k < n; k++) {
			bool is_same = strcmp(name, name_of(json_get(gpus, keys[k]))) == 0;

			was_there |= is_same && k < i;
			same += is_same;
		}
		if (was_there)
			continue;
		if (same > 1)
			snprintf(text, sizeof(text), "%ux %s", same, name);
		else
			snprintf(text, sizeof(text), "%s", name);
		add_text(ret->gpus, sizeof(ret->gpus), text);
	}
}

static void name_drivers(const struct json *gpus, struct environment_summary *ret)
{
	const char *keys[MAX_GPUS];
	size_t n = json_keys(gpus, keys, MAX_GPUS);

	for (size_t i = 0; i < n && i < MAX_GPUS; i++) {
		const struct json *gpu = json_get(gpus, keys[i]);
		const char *cuda = json_str(json_get(gpu, "cuda_version"), NULL);
		char text[128];

		snprintf(text, sizeof(text), "%s%s%s%s%s", json_str(json_get(gpu, "driver"), ""),
		         json_get(gpu, "driver_version") ? " " : "",
		         json_str(json_get(gpu, "driver_version"), ""), cuda ? " CUDA " : "",
		         cuda ? cuda : "");
		if (text[0] && !strstr(ret->driver, text))
			add_text(ret->driver, sizeof(ret->driver), text);
	}
}

static void name_counters(const struct json *energy, struct environment_summary *ret)
{
	const struct json *list = json_get(energy, "counters");

	add_text(ret->energy, sizeof(ret->energy), json_str(json_get(energy, "note"), ""));
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *c = json_at(list, i);
		char text[160];

		snprintf(text, sizeof(text), "%s counter of %s, tick %.3g s, quantum %.3g J",
		         json_str(json_get(c, "source"), ""), json_str(json_get(c, "device"), ""),
		         json_double(json_get(c, "tick_s"), NAN), json_double(json_get(c, "quantum_j"), NAN));
		add_text(ret->energy, sizeof(ret->energy), text);
	}
}

static struct json *parse(const char *text)
{
	struct json *doc = NULL;

	return text && json_parse(text, strlen(text), "environment", &doc, NULL) == 0 ? doc : NULL;
}

void environment_summarise(const char *before, const char *after, struct environment_summary *ret)
{
	_cleanup_json_ struct json *doc = parse(before), *end = parse(after);
	const struct json *platform = json_get(doc, "platform");

	*ret = (struct environment_summary){.gpus = ""};
	name_gpus(json_get(doc, "gpus"), ret);
	name_drivers(json_get(doc, "gpus"), ret);
	name_counters(json_get(end, "energy"), ret);
	text_copy(ret->kernel, sizeof(ret->kernel),
	          json_str(json_get(json_get(doc, "kernel"), "release"), ""));
	text_copy(ret->processor, sizeof(ret->processor),
	          json_str(json_get(json_get(doc, "cpu"), "model"), ""));
	snprintf(ret->machine, sizeof(ret->machine), "%s%s%s", json_str(json_get(platform, "vendor"), ""),
	         json_get(platform, "vendor") ? " " : "", json_str(json_get(platform, "product"), ""));
}
