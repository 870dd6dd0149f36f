/* SPDX-License-Identifier: MIT */
#include "bench/protocol.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "bench/number.h"

/* The word at the start of s, which ends at a blank or at the end of the text; what follows, or NULL. */
static const char *take_word(const char *s, char *buf, size_t size)
{
	size_t n = strcspn(s, " ");

	if (!n || n >= size)
		return NULL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return s[n] ? s + n + 1 : s + n;
}

/* Both ends, the later one last, and perhaps when it was due, which is not after its start; nothing behind
 * them. */
static int parse_iteration(const char *rest, struct protocol_line *ret)
{
	uint64_t *const to[] = {&ret->start_ns, &ret->end_ns, &ret->due_ns};
	char word[32];
	size_t n = 0;

	for (; rest && *rest && n < sizeof(to) / sizeof(to[0]); n++) {
		rest = take_word(rest, word, sizeof(word));
		if (!rest || parse_u64(word, to[n]) < 0)
			return -EBADMSG;
	}
	if (!rest || *rest || n < 2 || ret->end_ns < ret->start_ns || ret->due_ns > ret->start_ns)
		return -EBADMSG;
	return 0;
}

static int parse_result(const char *rest, struct protocol_line *ret)
{
	ret->value = take_word(rest, ret->name, sizeof(ret->name));
	return ret->value && *ret->value ? 0 : -EBADMSG;
}

int protocol_parse(const char *line, struct protocol_line *ret)
{
	static const char *const words[] = {
		[PROTOCOL_WORK] = "WORK",     [PROTOCOL_REPEATS] = "REPEATS",
		[PROTOCOL_READY] = "READY",   [PROTOCOL_ITERATION] = "ITERATION",
		[PROTOCOL_RESULT] = "RESULT", [PROTOCOL_DEVICE] = "DEVICE",
		[PROTOCOL_DONE] = "DONE",
	};
	char word[16];
	const char *rest = take_word(line, word, sizeof(word));

	*ret = (struct protocol_line){0};
	for (unsigned i = 0; rest && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		ret->word = (enum protocol_word)i;
		switch (ret->word) {
		case PROTOCOL_WORK:
			return number_parse(rest, &ret->work) == 0 && ret->work > 0 ? 0 : -EBADMSG;
		case PROTOCOL_REPEATS:
			return parse_u64(rest, &ret->repeats) == 0 && ret->repeats > 0 ? 0 : -EBADMSG;
		case PROTOCOL_ITERATION:
			return parse_iteration(rest, ret);
		case PROTOCOL_RESULT:
			return parse_result(rest, ret);
		case PROTOCOL_DEVICE:
			ret->value = rest;
			return *rest ? 0 : -EBADMSG;
		case PROTOCOL_READY:
		case PROTOCOL_DONE:
			return line[strlen(word)] ? -EBADMSG : 0;
		}
	}
	return -EBADMSG;
}
