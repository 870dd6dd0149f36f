/* SPDX-License-Identifier: MIT */
#include "bench/sanitise.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/strbuf.h"

#define TEXT_LIMIT (64u << 20)
#define MAX_KEYS   256
#define SECRET_MAX 256
#define WORD_MAX   64
#define UUID_LEN   36

/* What a value is, by its key; part: anywhere in the key. */
static const struct {
	const char *key, *kind;
	bool is_part;
} kinds[] = {
	{"serial", "serial", true},       {"asset_tag", "serial", false},
	{"board_id", "serial", false},    {"machine_id", "host", false},
	{"host", "host", false},          {"hostname", "host", true},
	{"host_name", "host", true},      {"nodename", "host", false},
	{"node_name", "host", false},     {"fqdn", "host", false},
	{"user", "user", false},          {"username", "user", true},
	{"user_name", "user", true},      {"login", "user", false},
	{"logname", "user", false},       {"mac", "address", false},
	{"mac_address", "address", true}, {"ip", "address", false},
	{"ip_address", "address", true},  {"agent_address", "address", false},
};

static const char *const harmless[] = {"localhost", "root",    "unknown", "none",  "nobody", "n/a",
                                       "null",      "default", "true",    "false", "[n/a]"};

int sanitiser_init(struct sanitiser *s, const char *salt)
{
	char drawn[UUID_STR_MAX];
	int r;

	*s = (struct sanitiser){0};
	if (!salt) {
		r = uuid_generate(drawn);
		if (r < 0)
			return r;
		salt = drawn;
	}
	sha256_hex(salt, strlen(salt), s->salt);
	return 0;
}

void sanitiser_done(struct sanitiser *s)
{
	strv_done(&s->secrets);
	strv_done(&s->words);
}

/* In small letters, because names of hosts and UUIDs are the same in capitals. */
static void digest(const struct sanitiser *s, const char *secret, size_t len, char ret[SHA256_HEX_SIZE])
{
	char text[sizeof(s->salt) + SECRET_MAX];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s/", s->salt);

	for (size_t i = 0; i < len && n < sizeof(text); i++)
		text[n++] = (char)tolower((unsigned char)secret[i]);
	sha256_hex(text, n, ret);
}

int sanitiser_learn(struct sanitiser *s, const char *kind, const char *secret)
{
	char hash[SHA256_HEX_SIZE];
	int r;

	if (strlen(secret) < 2 || strlen(secret) >= SECRET_MAX)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		if (strcasecmp(harmless[i], secret) == 0)
			return 0;
	}
	for (size_t i = 0; i < s->secrets.n; i++) {
		if (strcasecmp(s->secrets.v[i], secret) == 0)
			return 0;
	}
	digest(s, secret, strlen(secret), hash);
	r = strv_add(&s->secrets, secret);
	return r < 0 ? r : strv_addf(&s->words, "%s-%.8s", kind, hash);
}

/* A host is known by its short name, too. */
static int learn_name(struct sanitiser *s, const char *kind, const char *name)
{
	_cleanup_free_ char *first = strdup(name);
	char *dot = first ? strchr(first, '.') : NULL;
	int r;

	if (!first)
		return -ENOMEM;
	if (strcmp(kind, "host") == 0 && dot && !isdigit((unsigned char)name[0])) {
		*dot = '\0';
		r = sanitiser_learn(s, kind, first);
		if (r < 0)
			return r;
	}
	return sanitiser_learn(s, kind, name);
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int learn_paths(struct sanitiser *s, const char *text)
{
	static const char *const homes[] = {"/home/", "/Users/", "\\Users\\"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
		for (const char *p = text; r == 0 && (p = strstr(p, homes[i]));) {
			char name[SECRET_MAX];
			size_t n = 0;

			p += strlen(homes[i]);
			p += strspn(p, "\\"); /* JSON has two where a path has one */
			while (n + 1 < sizeof(name) && (is_word(p[n]) || p[n] == '-' || p[n] == '.'))
				n++;
			memcpy(name, p, n);
			name[n] = '\0';
			r = sanitiser_learn(s, "user", name);
		}
	}
	return r;
}

static const char *kind_of(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].is_part ? strcasestr(key, kinds[i].key) != NULL
		                     : strcasecmp(key, kinds[i].key) == 0)
			return kinds[i].kind;
	}
	return NULL;
}

static int learn_value(struct sanitiser *s, const char *kind, const struct json *j)
{
	uint64_t number = json_u64(j, 0);
	char text[24];

	if (json_str(j, NULL))
		return learn_name(s, kind, json_str(j, NULL));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return number > 999 ? sanitiser_learn(s, kind, text) : 0;
}

/* kind: of the object this is in, whose "name" it is; NULL none. */
static int learn_json(struct sanitiser *s, const struct json *j, const char *kind)
{
	const char *keys[MAX_KEYS];
	size_t n = json_keys(j, keys, MAX_KEYS);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && i < MAX_KEYS; i++) {
		const struct json *value = json_get(j, keys[i]);
		const char *own = kind_of(keys[i]);

		if (!own && kind && strcasecmp(keys[i], "name") == 0)
			own = kind;
		if (json_is_object(value) || json_is_array(value))
			r = learn_json(s, value, own);
		else if (own && value)
			r = learn_value(s, own, value);
	}
	for (size_t i = 0; r == 0 && i < json_len(j); i++) {
		const struct json *value = json_at(j, i);

		if (json_is_object(value) || json_is_array(value))
			r = learn_json(s, value, kind);
		else if (kind && value)
			r = learn_value(s, kind, value);
	}
	return r;
}

int sanitiser_learn_text(struct sanitiser *s, const char *text)
{
	_cleanup_json_ struct json *doc = NULL;
	int r;

	if (!text)
		return 0;
	r = learn_paths(s, text);
	if (r == 0 && json_parse(text, strlen(text), "", &doc, NULL) == 0)
		r = learn_json(s, doc, NULL);
	return r;
}

/* --- replacing --- */

static bool is_uuid(const char *p, size_t len)
{
	if (len < UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23 ? p[i] != '-' : !isxdigit((unsigned char)p[i]))
			return false;
	}
	return true;
}

static void uuid_word(const struct sanitiser *s, const char *p, char ret[WORD_MAX])
{
	char h[SHA256_HEX_SIZE];

	digest(s, p, UUID_LEN, h);
	snprintf(ret, WORD_MAX, "%.8s-%.4s-8%.3s-a%.3s-%.12s", h, h + 8, h + 12, h + 15, h + 18);
}

/* Length of the name at p, which begins a word and has len bytes to the end; 0 when there is none. */
static size_t match(const struct sanitiser *s, const char *p, size_t len, char ret_word[WORD_MAX])
{
	size_t best = 0;

	if (is_uuid(p, len) && (len == UUID_LEN || !is_word(p[UUID_LEN]))) {
		uuid_word(s, p, ret_word);
		return UUID_LEN;
	}
	for (size_t i = 0; i < s->secrets.n; i++) {
		size_t n = strlen(s->secrets.v[i]);

		if (n > best && n <= len && strncasecmp(p, s->secrets.v[i], n) == 0 &&
		    (n == len || !is_word(p[n]) || !is_word(p[n - 1]))) {
			best = n;
			text_copy(ret_word, WORD_MAX, s->words.v[i]);
		}
	}
	return best;
}

/* After an escape of JSON, too: "\\nnode1". */
static bool begins_word(const char *p, size_t i)
{
	return i == 0 || !is_word(p[i - 1]) || !is_word(p[i]) || (i > 1 && p[i - 2] == '\\');
}

static void clean_words(const struct sanitiser *s, const char *p, size_t len, const char *quote,
                        struct strbuf *out)
{
	char word[WORD_MAX];

	for (size_t i = 0; i < len;) {
		size_t n = begins_word(p, i) ? match(s, p + i, len - i, word) : 0;

		if (n) {
			strbuf_addf(out, "%s%s%s", quote, word, quote);
			i += n;
		} else {
			strbuf_addc(out, p[i++]);
		}
	}
}

/* Length of the JSON string that p begins, with both quotes. */
static size_t literal(const char *p)
{
	size_t n = 1;

	while (p[n] && p[n] != '"')
		n += p[n] == '\\' && p[n + 1] ? 2 : 1;
	return n + (p[n] == '"');
}

static bool is_key(const char *after)
{
	return after[strspn(after, " \t\r\n")] == ':';
}

static void clean_json(const struct sanitiser *s, const char *text, struct strbuf *out)
{
	while (*text) {
		size_t n = *text == '"' ? literal(text) : strcspn(text, "\"");

		if (*text != '"')
			clean_words(s, text, n, "\"", out); /* a number becomes a string */
		else if (is_key(text + n))
			strbuf_addn(out, text, n);
		else
			clean_words(s, text, n, "", out);
		text += n;
	}
}

int sanitiser_clean(const struct sanitiser *s, const char *text, char **ret)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(TEXT_LIMIT);
	_cleanup_json_ struct json *doc = NULL;

	if (!text) {
		*ret = NULL;
		return 0;
	}
	strbuf_add(&out, "");
	if (json_parse(text, strlen(text), "", &doc, NULL) == 0)
		clean_json(s, text, &out);
	else
		clean_words(s, text, strlen(text), "", &out);
	return strbuf_take(&out, ret);
}
