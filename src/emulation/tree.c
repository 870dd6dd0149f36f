/* SPDX-License-Identifier: MIT */
/* A machine as an ordered list of paths: read, write, look up with the kernel's rules for links. */
#include "emulation/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"

#define PATH_LIMIT 1024
#define MAX_HOPS   20
#define TEXT_LIMIT ((size_t)64 << 20)

void tree_done(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i].path);
		free(t->v[i].value);
	}
	free(t->v);
	*t = (struct tree){0};
}

/* Index of the first entry that is not before path. */
static size_t lower_bound(const struct tree *t, const char *path)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(t->v[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct tree_node *exact(const struct tree *t, const char *path)
{
	size_t i = lower_bound(t, path);

	return i < t->n && strcmp(t->v[i].path, path) == 0 ? &t->v[i] : NULL;
}

static bool has_prefix(const char *path, const char *dir, size_t len)
{
	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

/* First entry below the directory; t->n when there is none. */
static size_t first_below(const struct tree *t, const char *dir)
{
	char key[PATH_LIMIT + 2];
	size_t len = strlen(dir), i;

	if (!len)
		return 0;
	if (len > PATH_LIMIT)
		return t->n;
	memcpy(key, dir, len);
	key[len] = '/';
	key[len + 1] = '\0';
	i = lower_bound(t, key);
	return i < t->n && has_prefix(t->v[i].path, dir, len) ? i : t->n;
}

static bool exists_exactly(const struct tree *t, const char *path)
{
	return !*path || exact(t, path) || first_below(t, path) < t->n;
}

/* Appends one component to buf: "." stays, ".." goes up. */
static int step(char *buf, size_t size, const char *name, size_t len)
{
	size_t n = strlen(buf);
	char *slash;

	if (len == 0 || (len == 1 && name[0] == '.'))
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		slash = strrchr(buf, '/');
		*(slash ? slash : buf) = '\0';
		return 0;
	}
	if (n + 1 + len + 1 > size)
		return -ENAMETOOLONG;
	if (n)
		buf[n++] = '/';
	memcpy(buf + n, name, len);
	buf[n + len] = '\0';
	return 0;
}

/* Replaces rest by "target/rest" and cur by the directory that the link stands in. */
static int follow(char *cur, char *rest, const char *tail, const char *target)
{
	char joined[PATH_LIMIT];
	char *slash = strrchr(cur, '/');
	int n = snprintf(joined, sizeof(joined), "%s/%s", target, tail);

	if (n < 0 || (size_t)n >= sizeof(joined))
		return -ENAMETOOLONG;
	memcpy(rest, joined, (size_t)n + 1);
	*(slash && target[0] != '/' ? slash : cur) = '\0';
	return 0;
}

int tree_canonical(const struct tree *t, const char *path, bool follow_last, char *buf, size_t size)
{
	char rest[PATH_LIMIT], cur[PATH_LIMIT] = "";
	const char *p = rest;
	unsigned hops = 0;

	if (strlen(path) >= sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(rest, path, strlen(path) + 1);
	while (*p) {
		size_t len = strcspn(p, "/");
		const char *tail = p + len + strspn(p + len, "/");
		const struct tree_node *n;
		int r = step(cur, sizeof(cur), p, len);

		if (r < 0)
			return r;
		n = *tail || follow_last ? exact(t, cur) : NULL;
		p = tail;
		if (!n || n->kind != NODE_LINK)
			continue;
		if (++hops > MAX_HOPS)
			return -ELOOP;
		r = follow(cur, rest, tail, n->value);
		if (r < 0)
			return r;
		p = rest;
	}
	if (strlen(cur) >= size)
		return -ENAMETOOLONG;
	memcpy(buf, cur, strlen(cur) + 1);
	return 0;
}

struct tree_node *tree_lookup(const struct tree *t, const char *path)
{
	struct tree_node *n = exact(t, path);
	char buf[PATH_LIMIT];

	/* what only the emulation knows has no links, and is asked for most often */
	if (n || strncmp(path, ".emu/", 5) == 0)
		return n;
	return tree_canonical(t, path, false, buf, sizeof(buf)) < 0 ? NULL : exact(t, buf);
}

struct tree_node *tree_resolve(const struct tree *t, const char *path)
{
	struct tree_node *n = exact(t, path);
	char buf[PATH_LIMIT];

	if ((n && n->kind != NODE_LINK) || strncmp(path, ".emu/", 5) == 0)
		return n;
	return tree_canonical(t, path, true, buf, sizeof(buf)) < 0 ? NULL : exact(t, buf);
}

bool tree_exists(const struct tree *t, const char *path)
{
	char buf[PATH_LIMIT];

	if (tree_canonical(t, path, true, buf, sizeof(buf)) < 0)
		return false;
	return exists_exactly(t, buf);
}

static int replace(struct tree *t, struct tree_node *n, enum node_kind kind, const char *value)
{
	char *copy;

	if (n->kind == kind && strcmp(n->value, value) == 0)
		return 0;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(n->value);
	n->value = copy;
	n->kind = kind;
	t->dirty = true;
	return 0;
}

static int insert(struct tree *t, size_t at, enum node_kind kind, const char *path, const char *value)
{
	struct tree_node node = {.path = strdup(path), .value = strdup(value), .kind = kind};

	if (node.path && node.value && t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct tree_node *v = reallocarray(t->v, cap, sizeof(*v));

		if (v) {
			t->v = v;
			t->cap = cap;
		}
	}
	if (!node.path || !node.value || t->n == t->cap) {
		free(node.path);
		free(node.value);
		return -ENOMEM;
	}
	memmove(&t->v[at + 1], &t->v[at], (t->n - at) * sizeof(*t->v));
	t->v[at] = node;
	t->n++;
	t->dirty = true;
	return 0;
}

int tree_set(struct tree *t, enum node_kind kind, const char *path, const char *value)
{
	size_t at = t->n;

	if (strlen(path) >= PATH_LIMIT)
		return -ENAMETOOLONG;
	/* Files are written in order: the end is the usual place. */
	if (t->n && strcmp(t->v[t->n - 1].path, path) >= 0) {
		at = lower_bound(t, path);
		if (strcmp(t->v[at].path, path) == 0)
			return replace(t, &t->v[at], kind, value ? value : "");
	}
	return insert(t, at, kind, path, value ? value : "");
}

int tree_setf(struct tree *t, enum node_kind kind, const char *value, const char *path_fmt, ...)
{
	char path[PATH_LIMIT];
	va_list ap;

	va_start(ap, path_fmt);
	(void)vsnprintf(path, sizeof(path), path_fmt, ap);
	va_end(ap);
	return tree_set(t, kind, path, value);
}

const char *tree_get(const struct tree *t, const char *path_fmt, ...)
{
	char path[PATH_LIMIT];
	const struct tree_node *n;
	va_list ap;

	va_start(ap, path_fmt);
	(void)vsnprintf(path, sizeof(path), path_fmt, ap);
	va_end(ap);
	n = tree_resolve(t, path);
	return n && n->kind != NODE_DIR && n->kind != NODE_LINK ? n->value : NULL;
}

unsigned long tree_get_u(const struct tree *t, unsigned long fallback, const char *path_fmt, ...)
{
	char path[PATH_LIMIT], *end;
	const struct tree_node *n;
	unsigned long value;
	va_list ap;

	va_start(ap, path_fmt);
	(void)vsnprintf(path, sizeof(path), path_fmt, ap);
	va_end(ap);
	n = tree_resolve(t, path);
	if (!n || !*n->value)
		return fallback;
	value = strtoul(n->value, &end, 0);
	return end == n->value ? fallback : value;
}

static void remove_range(struct tree *t, size_t from, size_t to)
{
	if (from >= to)
		return;
	for (size_t i = from; i < to; i++) {
		free(t->v[i].path);
		free(t->v[i].value);
	}
	memmove(&t->v[from], &t->v[to], (t->n - to) * sizeof(*t->v));
	t->n -= to - from;
	t->dirty = true;
}

void tree_remove(struct tree *t, const char *path_fmt, ...)
{
	char path[PATH_LIMIT];
	size_t from, to, len;
	va_list ap;

	va_start(ap, path_fmt);
	(void)vsnprintf(path, sizeof(path), path_fmt, ap);
	va_end(ap);
	len = strlen(path);
	from = to = first_below(t, path);
	while (to < t->n && has_prefix(t->v[to].path, path, len))
		to++;
	remove_range(t, from, to);
	from = lower_bound(t, path);
	if (from < t->n && strcmp(t->v[from].path, path) == 0)
		remove_range(t, from, from + 1);
}

/* Whether the name of entry i, `len` long after `skip`, was listed already: its own entry or the entry
 * before stands for it. Others may sort between "a" and "a/b": "a-c" does. */
static bool listed_before(const struct tree *t, size_t i, size_t first, size_t skip, size_t len)
{
	const char *path = t->v[i].path;
	char own[PATH_LIMIT];

	if (path[skip + len] == '\0')
		return false;
	if (i > first && strncmp(t->v[i - 1].path, path, skip + len + 1) == 0)
		return true;
	memcpy(own, path, skip + len);
	own[skip + len] = '\0';
	return exact(t, own) != NULL;
}

int tree_list(const struct tree *t, const char *path, struct strv *ret)
{
	char dir[PATH_LIMIT];
	const struct tree_node *self;
	size_t len, first;
	int r = tree_canonical(t, path, true, dir, sizeof(dir));

	if (r < 0)
		return r;
	len = strlen(dir);
	self = len ? exact(t, dir) : NULL;
	if (self && self->kind != NODE_DIR)
		return -ENOTDIR;
	first = first_below(t, dir);
	if (!self && first == t->n)
		return -ENOENT;
	for (size_t i = first; i < t->n && (!len || has_prefix(t->v[i].path, dir, len)); i++) {
		size_t skip = len ? len + 1 : 0;
		const char *name = t->v[i].path + skip;
		size_t n = strcspn(name, "/");

		if (listed_before(t, i, first, skip, n))
			continue;
		r = strv_addf(ret, "%.*s", (int)n, name);
		if (r < 0)
			return r;
	}
	return 0;
}

static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1]) {
			s++;
			*out++ = *s == 'n' ? '\n' : *s;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* Cuts a line into path, kind and value, in place. */
static int parse_line(char *line, enum node_kind *ret_kind, char **ret_value)
{
	char *sp = strchr(line, ' ');
	char *mark = sp ? sp + 1 : NULL;
	size_t len = mark ? strcspn(mark, " ") : 0;

	if (!sp || sp == line)
		return -EINVAL;
	if (len == 1 && mark[0] == '=')
		*ret_kind = NODE_FILE;
	else if (len == 2 && strncmp(mark, "=w", 2) == 0)
		*ret_kind = NODE_WRITE_ONLY;
	else if (len == 2 && strncmp(mark, "=r", 2) == 0)
		*ret_kind = NODE_READ_ONLY;
	else if (len == 2 && strncmp(mark, "->", 2) == 0)
		*ret_kind = NODE_LINK;
	else if (len == 1 && mark[0] == '/')
		*ret_kind = NODE_DIR;
	else
		return -EINVAL;
	*ret_value = mark + len + (mark[len] == ' ');
	*sp = '\0';
	unescape(*ret_value);
	return 0;
}

int tree_parse(struct tree *t, const char *text, const char *name, struct ofbc_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	unsigned number = 0;

	if (!copy)
		return error_set_errno(err, ENOMEM, "%s", name);
	for (char *line = copy, *next; line; line = next) {
		enum node_kind kind = NODE_FILE;
		char *value = NULL;
		int r;

		number++;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!*line || *line == '#')
			continue;
		if (parse_line(line, &kind, &value) < 0)
			return error_set(err, EINVAL, OFBC_REASON_FAILED,
			                 "%s: line %u is not 'path = value', 'path -> target' or 'path /'",
			                 name, number);
		r = tree_set(t, kind, line, value);
		if (r < 0)
			return error_set_errno(err, -r, "%s: line %u", name, number);
	}
	t->dirty = false;
	return 0;
}

static void print_value(struct strbuf *b, const char *value)
{
	size_t n = strcspn(value, "\n\\");

	for (; value[n]; n = strcspn(value, "\n\\")) {
		strbuf_addn(b, value, n);
		strbuf_add(b, value[n] == '\n' ? "\\n" : "\\\\");
		value += n + 1;
	}
	strbuf_add(b, value);
}

int tree_print(const struct tree *t, char **ret)
{
	static const char *const mark[] = {[NODE_FILE] = " = ",
	                                   [NODE_WRITE_ONLY] = " =w ",
	                                   [NODE_READ_ONLY] = " =r ",
	                                   [NODE_LINK] = " -> ",
	                                   [NODE_DIR] = " /"};
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(TEXT_LIMIT);

	for (size_t i = 0; i < t->n; i++) {
		strbuf_add(&b, t->v[i].path);
		strbuf_add(&b, mark[t->v[i].kind]);
		if (t->v[i].kind != NODE_DIR)
			print_value(&b, t->v[i].value);
		strbuf_addc(&b, '\n');
	}
	return strbuf_take(&b, ret);
}
