/* SPDX-License-Identifier: MIT */
/* gnuplot's drawings name their parts (gpDot, gpPt0): several of them in one page must not name the same. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "report/report.h"

#define SVG_MAX ((size_t)64 << 20)

/* Where a name stands, or is meant: behind these. */
static const char *const marks[] = {" id='", " id=\"", "href='#", "href=\"#", "url(#"};

static size_t mark_at(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		size_t n = strlen(marks[i]);

		if (strncmp(s, marks[i], n) == 0)
			return n;
	}
	return 0;
}

/* A tag, up to its end, with the prefix before every name. */
static const char *add_tag(const char *s, const char *end, const char *prefix, struct strbuf *b)
{
	while (s < end && *s != '>') {
		size_t mark = mark_at(s), n = mark ? mark : 1;

		strbuf_addn(b, s, n);
		if (mark)
			strbuf_add(b, prefix);
		s += n;
	}
	return s;
}

int svg_embed(const char *svg, const char *prefix, char **ret)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(SVG_MAX);
	const char *s = strstr(svg, "<svg"), *end = NULL;

	for (const char *e = s; e && (e = strstr(e, "</svg>")); e++)
		end = e + strlen("</svg>");
	/* A drawing runs nothing: gnuplot makes scripts for its own viewer only when asked to. */
	if (!s || !end || strcasestr(s, "<script") || strcasestr(s, "<foreignObject"))
		return -EINVAL;
	while (s < end) {
		/* names are in tags; what people wrote is between them */
		const char *tag = memchr(s, '<', (size_t)(end - s));

		strbuf_addn(&b, s, (size_t)((tag ? tag : end) - s));
		s = tag ? add_tag(tag, end, prefix, &b) : end;
	}
	return strbuf_take(&b, ret);
}
