/* SPDX-License-Identifier: MIT */
#include "bench/number.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 128

/* In the C locale, whatever the program's is. */
static double to_double(const char *s, char **end)
{
	static locale_t c_locale;
	double v;
	locale_t before;

	if (!c_locale)
		c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!c_locale)
		return strtod(s, end);
	before = uselocale(c_locale);
	v = strtod(s, end);
	uselocale(before);
	return v;
}

/* Groups of three digits after every mark: "1,234,567". */
static bool are_groups(const char *s, char mark)
{
	const char *p = strchr(s, mark);

	if (!p || p == s || p - s > 3)
		return false;
	for (; *p == mark; p += 4) {
		if (!isdigit((unsigned char)p[1]) || !isdigit((unsigned char)p[2]) ||
		    !isdigit((unsigned char)p[3]))
			return false;
	}
	return !isdigit((unsigned char)*p) && !strchr(p, mark);
}

static void remove_all(char *s, char mark)
{
	char *to = s;

	for (; *s; s++) {
		if (*s != mark)
			*to++ = *s;
	}
	*to = '\0';
}

static void plain(char *s)
{
	char *digits = s + (*s == '-' || *s == '+'), *comma = strchr(digits, ',');

	if (are_groups(digits, '_'))
		remove_all(s, '_');
	if (are_groups(digits, '\''))
		remove_all(s, '\'');
	/* "1,234" groups; "12,5" and "1,2345" cannot, and are what others write for 12.5 */
	if (comma && are_groups(digits, ','))
		remove_all(s, ',');
	else if (comma && !strchr(digits, '.') && !strchr(comma + 1, ','))
		*comma = '.';
}

int number_parse(const char *s, double *ret)
{
	char text[NUMBER_MAX], *end;
	size_t n;
	double v;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		n--;
	if (!n || n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	plain(text);
	v = to_double(text, &end);
	if (*end || end == text || !isfinite(v))
		return -EINVAL;
	*ret = v;
	return 0;
}
