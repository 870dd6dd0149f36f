/* SPDX-License-Identifier: MIT */
/* Where benchmarks are: files and directories of the user, of the state directory, of the installation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/list.h"
#include "base/parse.h"
#include "lib/bench.h"
#include "platform/files.h"

#define DEFINITION_MAX   (4u << 20)
#define O4BC_FILE        "benchmark.json"
#define WORKLOAD_PROGRAM "openforbc-workload"

static bool has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n > m && strcmp(s + n - m, suffix) == 0;
}

static bool is_definition(const char *name)
{
	return has_suffix(name, ".yaml") || has_suffix(name, ".yml");
}

static int directory_of(const char *path, char **ret)
{
	char *slash = strrchr(path, '/');

	*ret = slash && slash != path ? strndup(path, (size_t)(slash - path)) : strdup(slash ? "/" : ".");
	return *ret ? 0 : -ENOMEM;
}

/* --- OpenForBC-Benchmark --- */

struct preset_files {
	struct o4bc_file *v;
	size_t n, cap;
};

static void preset_files_done(struct preset_files *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free((char *)(uintptr_t)l->v[i].name);
		free((char *)(uintptr_t)l->v[i].text);
	}
	free(l->v);
}

static int read_presets(const char *directory, struct preset_files *ret, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_free_ char *below = NULL;
	int r;

	if (asprintf(&below, "%s/presets", directory) < 0)
		return -ENOMEM;
	r = directory_list(below, &names);
	if (r == -ENOENT)
		return 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct o4bc_file *f = has_suffix(names.v[i], ".json") ? list_add(ret) : NULL;
		char *name = NULL, *text = NULL;

		if (!f)
			continue;
		if (asprintf(&name, "%s/%s", below, names.v[i]) < 0)
			return -ENOMEM;
		f->name = name;
		r = file_read(name, DEFINITION_MAX, &text, &f->len);
		f->text = text;
	}
	return r < 0 ? error_set_errno(err, -r, "%s", below) : 0;
}

/* Its name is that of its directory, as their users know it. */
static int load_o4bc(const char *path, const char *text, size_t len, const char *directory,
                     struct bench_definition **ret, struct ofbc_error *err)
{
	_cleanup_(preset_files_done) struct preset_files presets = {0};
	const struct o4bc_file file = {path, text, len};
	const char *slash = strrchr(directory, '/');
	int r = read_presets(directory, &presets, err);

	if (r == 0)
		r = definition_parse_o4bc(&file, presets.v, presets.n, ret, err);
	if (r == 0)
		text_copy((*ret)->name, sizeof((*ret)->name), slash ? slash + 1 : directory);
	return r;
}

/* --- one --- */

/* Of the programs that come with us (openforbc-workload): beside this program where they were carried
 * together, and in a build directory; else where they are installed. */
static int find_programs(char **ret)
{
	static const char *const beside[] = {"", "/../workloads"};
	_cleanup_free_ char *installed = strdup(OPENFORBC_LIBEXECDIR);
	char own[512];

	for (size_t i = 0; program_directory(own, sizeof(own)) == 0 && i < ARRAY_SIZE(beside); i++) {
		_cleanup_free_ char *directory = NULL, *program = NULL;

		if (asprintf(&directory, "%s%s", own, beside[i]) < 0 ||
		    asprintf(&program, "%s/" WORKLOAD_PROGRAM, directory) < 0)
			return -ENOMEM;
		if (program_is_there(program)) {
			*ret = steal_ptr(directory);
			return 0;
		}
	}
	*ret = steal_ptr(installed);
	return *ret ? 0 : -ENOMEM;
}

static int load_file(const char *path, struct bench_definition **ret, struct ofbc_error *err)
{
	_cleanup_free_ char *text = NULL, *real = NULL, *directory = NULL;
	_cleanup_definition_ struct bench_definition *d = NULL;
	size_t len;
	int r = path_real(path, &real);

	if (r == 0)
		r = file_read(real, DEFINITION_MAX, &text, &len);
	if (r == 0)
		r = directory_of(real, &directory);
	if (r < 0) {
		error_set_errno(err, -r, "%s", path);
		error_hint(err,
		           "without a '/' it would be a name; `openforbc bench list` prints those there are");
		return r;
	}
	r = has_suffix(real, "/" O4BC_FILE) ? load_o4bc(path, text, len, directory, &d, err)
	                                    : definition_parse(text, len, path, &d, err);
	if (r < 0)
		return r;
	d->directory = steal_ptr(directory);
	r = find_programs(&d->programs);
	if (r == 0)
		*ret = steal_ptr(d);
	return r;
}

/* The definition in a directory: theirs, or the only one of ours. */
static int in_directory(const char *directory, char *path, size_t size, struct ofbc_error *err)
{
	_cleanup_strv_ struct strv names = {0};
	const char *found = NULL;
	int r = directory_list(directory, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (strcmp(names.v[i], O4BC_FILE) == 0 || (is_definition(names.v[i]) && !found))
			found = names.v[i];
	}
	if (r < 0)
		return error_set_errno(err, -r, "%s", directory);
	if (!found) {
		error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "there is no benchmark in %s", directory);
		error_hint(err, "a definition is a file *.yaml, or " O4BC_FILE " of OpenForBC-Benchmark");
		return -ENOENT;
	}
	snprintf(path, size, "%s/%s", directory, found);
	return 0;
}

int bench_directories(const struct ofbc_context *ctx, struct strv *ret)
{
	int r = strv_addf(ret, "%s/benchmarks", ctx->state_dir);

	return r == 0 ? strv_add(ret, OPENFORBC_DATADIR "/benchmarks") : r;
}

static int by_name(const struct ofbc_context *ctx, const char *name, char *path, size_t size,
                   struct ofbc_error *err)
{
	_cleanup_strv_ struct strv directories = {0};
	int r = bench_directories(ctx, &directories);

	for (size_t i = 0; r == 0 && i < directories.n; i++) {
		snprintf(path, size, "%s/%s.yaml", directories.v[i], name);
		if (file_is_there(path))
			return 0;
		snprintf(path, size, "%s/%s", directories.v[i], name);
		if (is_directory(path))
			return in_directory(path, path, size, err);
	}
	if (r < 0)
		return r;
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "no benchmark '%s'", name);
	error_hint(err, "`openforbc bench list` prints them; a path with '/' names a file of your own");
	return -ENOENT;
}

int bench_load(struct ofbc_context *ctx, const char *spec, struct bench_definition **ret, char *path,
               size_t size, struct ofbc_error *err)
{
	char found[512];
	int r = 0;

	if (is_directory(spec) && (strchr(spec, '/') || strcmp(spec, ".") == 0))
		r = in_directory(spec, found, sizeof(found), err);
	else if (strchr(spec, '/') || is_definition(spec) || strcmp(spec, O4BC_FILE) == 0)
		text_copy(found, sizeof(found), spec);
	else
		r = by_name(ctx, spec, found, sizeof(found), err);
	if (r == 0)
		r = load_file(found, ret, err);
	if (r == 0 && path)
		text_copy(path, size, found);
	return r;
}

int bench_load_installed(struct ofbc_context *ctx, const char *name, struct bench_definition **ret,
                         struct ofbc_error *err)
{
	char path[512];
	int r;

	if (strchr(name, '/') || name[0] == '.')
		return error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no name of a benchmark", name);
	r = by_name(ctx, name, path, sizeof(path), err);
	return r == 0 ? load_file(path, ret, err) : r;
}

int bench_preset(const struct bench_definition *d, const char *name, const struct bench_preset **ret,
                 struct ofbc_error *err)
{
	const char *wanted = name ? name : d->default_preset;
	char list[256] = "";
	size_t len = 0;

	*ret = NULL;
	if (!wanted[0])
		return 0;
	for (size_t i = 0; i < d->presets.n; i++) {
		const char *one = d->presets.v[i].name;

		if (strcmp(one, wanted) == 0) {
			*ret = &d->presets.v[i];
			return 0;
		}
		len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0, "%s%s",
		                        i ? ", " : "", one);
	}
	error_set(err, ENOENT, OFBC_REASON_NOT_FOUND, "benchmark '%s' has no preset '%s'", d->name, wanted);
	if (list[0])
		error_hint(err, "its presets are %s", list);
	return -ENOENT;
}

/* --- all --- */

static void describe(const struct bench_definition *d, struct ofbc_bench *ret)
{
	size_t len = 0;

	text_copy(ret->name, sizeof(ret->name), d->name);
	text_copy(ret->class, sizeof(ret->class), d->class);
	text_copy(ret->summary, sizeof(ret->summary), d->summary ? d->summary : "");
	for (size_t i = 0; i < d->presets.n && len < sizeof(ret->presets); i++)
		len += (size_t)snprintf(ret->presets + len, sizeof(ret->presets) - len, "%s%s", i ? " " : "",
		                        d->presets.v[i].name);
	for (size_t i = 0; i < d->metrics.n; i++)
		ret->metrics += d->metrics.v[i].name[0] != '\0';
}

int ofbc_bench_validate(struct ofbc_context *ctx, const char *spec, struct ofbc_bench *ret,
                        struct ofbc_error *err)
{
	_cleanup_definition_ struct bench_definition *d = NULL;
	struct ofbc_bench b = {0};
	int r = bench_load(ctx, spec, &d, b.path, sizeof(b.path), err);

	if (r < 0)
		return r;
	describe(d, &b);
	*ret = b;
	return 0;
}

static int add_path(struct ofbc_context *ctx, const char *path, struct ofbc_bench_list *l)
{
	struct ofbc_bench *b = list_add(l);
	struct ofbc_error why = {0};
	const char *slash = strrchr(path, '/');
	int r;

	if (!b)
		return -ENOMEM;
	r = ofbc_bench_validate(ctx, path, b, &why);
	if (r == 0 || r == -ENOMEM)
		return r;
	if (r == -ENOENT) {
		l->n--; /* a directory without a definition */
		return 0;
	}
	text_copy(b->name, sizeof(b->name), slash ? slash + 1 : path);
	text_copy(b->path, sizeof(b->path), path);
	text_copy(b->problem, sizeof(b->problem), why.message);
	return 0;
}

static int add_directory(struct ofbc_context *ctx, const char *directory, struct ofbc_bench_list *l)
{
	_cleanup_strv_ struct strv names = {0};
	int r = directory_list(directory, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", directory, names.v[i]);
		if (is_directory(path) || is_definition(names.v[i]))
			r = add_path(ctx, path, l);
	}
	return r;
}

void ofbc_bench_list_free(struct ofbc_bench_list *list)
{
	if (list)
		free(list->v);
	free(list);
}

DEFINE_CLEANUP(struct ofbc_bench_list *, ofbc_bench_list_free);

int ofbc_bench_list_new(struct ofbc_context *ctx, const char *directory, struct ofbc_bench_list **ret,
                        struct ofbc_error *err)
{
	_cleanup_(ofbc_bench_list_free_p) struct ofbc_bench_list *l = calloc(1, sizeof(*l));
	_cleanup_strv_ struct strv directories = {0};
	int r = l ? bench_directories(ctx, &directories) : -ENOMEM;

	if (r == 0 && directory)
		r = add_directory(ctx, directory, l);
	if (r < 0) {
		error_set_errno(err, -r, "%s", directory ? directory : "benchmarks");
		error_hint(err, "name a directory with definitions, *.yaml");
		return r;
	}
	for (size_t i = 0; r >= 0 && i < directories.n; i++) {
		r = add_directory(ctx, directories.v[i], l);
		r = r == -ENOENT ? 0 : r;
	}
	if (r < 0)
		return error_set_errno(err, -r, "benchmarks");
	*ret = steal_ptr(l);
	return 0;
}
