/* SPDX-License-Identifier: MIT */
/* JSON from files: no crash, errors carry a message, and printing is stable after one round. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "openforbc/error.h"

#define MAX_KEYS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Every reader on every value, whatever its kind. */
static void walk(const struct json *j)
{
	const char *keys[MAX_KEYS];
	size_t n = json_keys(j, keys, MAX_KEYS);

	(void)json_str(j, "");
	(void)json_u64(j, 0);
	(void)json_double(j, 0);
	(void)json_bool(j, false);
	for (size_t i = 0; i < n && i < MAX_KEYS; i++)
		walk(json_get(j, keys[i]));
	for (size_t i = 0; i < json_len(j); i++)
		walk(json_at(j, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_json_ struct json *doc = NULL, *again = NULL;
	_cleanup_free_ char *first = NULL, *second = NULL;
	struct ofbc_error err = {0};

	if (json_parse((const char *)data, size, "input", &doc, &err) < 0) {
		require(doc == NULL && err.code > 0 && err.message[0]);
		return 0;
	}
	walk(doc);
	require(json_print(doc, &first) == 0);
	require(json_parse(first, strlen(first), "printed", &again, &err) == 0);
	require(json_print(again, &second) == 0);
	require(strcmp(first, second) == 0);
	return 0;
}
