/* SPDX-License-Identifier: MIT */
/* Names that do not leave the house, and words that stand for them. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"

struct sanitiser {
	char salt[65];
	struct strv secrets, words; /* pairs */
};

/* salt NULL: drawn. 0; -errno. */
int sanitiser_init(struct sanitiser *s, const char *salt);
void sanitiser_done(struct sanitiser *s);
/* `kind` begins the word that stands for it: "host". Words that say nothing ("localhost") are not learnt. */
int sanitiser_learn(struct sanitiser *s, const char *kind, const char *secret);
/* Names that keys like "hostname", "serial" or "user" have in a document, and users in paths of any text. */
int sanitiser_learn_text(struct sanitiser *s, const char *text);
/* A copy with all that was learnt, and all UUIDs, replaced as whole words; NULL for NULL. Keys of JSON and
 * its structure stay. */
int sanitiser_clean(const struct sanitiser *s, const char *text, char **ret);

#define _cleanup_sanitiser_ __attribute__((cleanup(sanitiser_done)))
