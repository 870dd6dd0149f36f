/* SPDX-License-Identifier: MIT */
#include "base/regex.h"

#include <errno.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/error.h"

#define MATCH_LIMIT 10000000 /* steps: an expression that backtracks without end is given up */

struct regex {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
};

int regex_new(const char *pattern, struct regex **ret, struct ofbc_error *err)
{
	struct regex *re = calloc(1, sizeof(*re));
	PCRE2_UCHAR why[128];
	PCRE2_SIZE at = 0;
	int code = 0;

	if (!re)
		return -ENOMEM;
	re->code =
		pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_MULTILINE, &code, &at, NULL);
	if (!re->code) {
		pcre2_get_error_message(code, why, sizeof(why));
		regex_free(re);
		return error_set(err, EINVAL, OFBC_REASON_USAGE,
		                 "'%s' is no regular expression: %s at character %zu", pattern,
		                 (const char *)why, at + 1);
	}
	re->match = pcre2_match_data_create_from_pattern(re->code, NULL);
	re->context = pcre2_match_context_create(NULL);
	if (!re->match || !re->context) {
		regex_free(re);
		return -ENOMEM;
	}
	pcre2_set_match_limit(re->context, MATCH_LIMIT);
	*ret = re;
	return 0;
}

void regex_free(struct regex *re)
{
	if (!re)
		return;
	pcre2_match_context_free(re->context);
	pcre2_match_data_free(re->match);
	pcre2_code_free(re->code);
	free(re);
}

unsigned regex_groups(const struct regex *re)
{
	uint32_t n = 0;

	pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &n);
	return n;
}

int regex_next(const struct regex *re, const char *text, size_t len, size_t *offset, unsigned group,
               size_t *ret_start, size_t *ret_len)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(re->match);
	int n;

	if (*offset > len)
		return 0;
	n = pcre2_match(re->code, (PCRE2_SPTR)text, len, *offset, 0, re->match, re->context);
	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	if (n < 0)
		return -E2BIG;
	*offset = v[1] > v[0] ? v[1] : v[1] + 1; /* an empty match must not be found again */
	if ((int)group >= n || v[2 * group] == PCRE2_UNSET) {
		*ret_start = v[0];
		*ret_len = 0;
		return 1;
	}
	*ret_start = v[2 * group];
	*ret_len = v[2 * group + 1] - v[2 * group];
	return 1;
}
