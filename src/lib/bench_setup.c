/* SPDX-License-Identifier: MIT */
/* Before and after the runs of a benchmark: what it needs, its setup, its cleanup. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "lib/bench.h"
#include "platform/files.h"

#define INPUT_MAX      (64u << 20)
#define NEED_TIMEOUT_S 60

/* --- needs --- */

static int missing(struct ofbc_error *err, const char *hint, const char *what, const char *which)
{
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "needs %s%s%s", what, which[0] ? " " : "", which);
	error_hint(err, "%s", hint);
	return -ENOTSUP;
}

static int check_files(const struct bench_definition *d, struct ofbc_error *err)
{
	for (size_t i = 0; i < d->needs.programs.n; i++) {
		if (!program_is_there(d->needs.programs.v[i]))
			return missing(err, "install it", "the program", d->needs.programs.v[i]);
	}
	for (size_t i = 0; i < d->needs.files.n; i++) {
		const char *name = d->needs.files.v[i];
		_cleanup_free_ char *path = NULL;

		if (name[0] == '/' ? asprintf(&path, "%s", name) < 0
		                   : asprintf(&path, "%s/%s", d->directory, name) < 0)
			return -ENOMEM;
		if (!file_is_there(path))
			return missing(err, "its definition says what it is", "the file", path);
	}
	return 0;
}

static int available_memory(struct platform *p, uint64_t *ret)
{
	char text[4096], *line;

	if (p->ops->read(p, "proc/meminfo", text, sizeof(text)) < 0)
		return -ENODATA;
	line = strstr(text, "MemAvailable:");
	*ret = line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) * KIB : 0;
	return line ? 0 : -ENODATA;
}

static int check_gpu(struct ofbc_context *ctx, const struct bench_needs *n, struct ofbc_error *err)
{
	_cleanup_inventory_ struct inventory inv = {0};
	int r = inventory_load(ctx, 0, NULL, NULL, &inv, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < inv.gpus.n; i++) {
		const struct ofbc_gpu *gpu = &inv.gpus.v[i];

		if ((!n->vendor[0] || strcmp(gpu->vendor, n->vendor) == 0) &&
		    gpu->memory_bytes >= n->gpu_memory_bytes)
			return 0;
	}
	return missing(err, "`openforbc gpu list` shows what is here",
	               n->gpu_memory_bytes ? "a GPU with more memory than here is" : "a GPU", n->vendor);
}

static int check_command(struct ofbc_context *ctx, const struct bench_definition *d,
                         const struct pair_list *values, const char *scratch, struct ofbc_error *err)
{
	int r = d->needs.command.argv.n ? trial_command(ctx->platform, d, &d->needs.command, values, scratch,
	                                                NEED_TIMEOUT_S, err)
	                                : 0;

	return r < 0 ? error_wrap(err, "a need is not met") : r;
}

int bench_check_needs(struct ofbc_context *ctx, const struct bench_definition *d,
                      const struct pair_list *values, const char *scratch, struct ofbc_error *err)
{
	const struct bench_needs *n = &d->needs;
	uint64_t bytes;
	char text[32];
	int r = check_files(d, err);

	if (r < 0)
		return r;
	if (n->root && !is_root())
		return missing(err, "run the same command with sudo", "root", "");
	if (n->display && !has_display())
		return missing(err, "set DISPLAY or WAYLAND_DISPLAY, or run it below `xvfb-run`", "a display",
		               "");
	snprintf(text, sizeof(text), "%u", n->cpus);
	if (n->cpus > online_cpus())
		return missing(err, "choose a larger machine", "processors:", text);
	size_format(n->memory_bytes, text, sizeof(text));
	if (n->memory_bytes && available_memory(ctx->platform, &bytes) == 0 && bytes < n->memory_bytes)
		return missing(err, "end other programs, or choose a smaller preset", "free memory:", text);
	r = n->vendor[0] || n->gpu || n->gpu_memory_bytes ? check_gpu(ctx, n, err) : 0;
	return r == 0 ? check_command(ctx, d, values, scratch, err) : r;
}

/* --- setup --- */

static int run_all(struct ofbc_context *ctx, const struct bench_definition *d,
                   const struct bench_command_list *l, const struct pair_list *values, const char *scratch,
                   unsigned timeout_s, struct ofbc_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = trial_command(ctx->platform, d, &l->v[i], values, scratch, timeout_s, err);
	return r;
}

/* What the setup works on: the named files, or all beside the definition. */
static int inputs_of(const struct bench_definition *d, struct strv *ret)
{
	int r = 0;

	if (!d->setup_inputs.n)
		return directory_list(d->directory, ret);
	for (size_t i = 0; r == 0 && i < d->setup_inputs.n; i++)
		r = strv_add(ret, d->setup_inputs.v[i]);
	return r;
}

static int content_hash(const struct bench_definition *d, char ret[SHA256_HEX_SIZE])
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_strbuf_ struct strbuf all = STRBUF_INIT(1u << 20);
	int r = inputs_of(d, &names);

	strbuf_addf(&all, "%s\n%s\n", d->directory, d->hash);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_free_ char *path = NULL, *text = NULL;
		char one[SHA256_HEX_SIZE];
		size_t len;

		if (asprintf(&path, "%s/%s", d->directory, names.v[i]) < 0)
			return -ENOMEM;
		if (is_directory(path))
			continue;
		r = file_read(path, INPUT_MAX, &text, &len);
		if (r == -EFBIG || r == -EACCES)
			len = 0, r = 0; /* its name counts */
		sha256_hex(text, text ? len : 0, one);
		strbuf_addf(&all, "%s %s\n", one, names.v[i]);
	}
	if (r == 0 && all.err)
		r = all.err;
	sha256_hex(strbuf_str(&all), all.len, ret);
	return r;
}

static int make_virtualenv(struct ofbc_context *ctx, const struct bench_definition *d,
                           const struct pair_list *values, const char *scratch, struct ofbc_error *err)
{
	/* The interpreter of the system: the environment's own is what is made. */
	char *argv[] = {(char *)"/usr/bin/env", (char *)"python3", (char *)"-m", (char *)"venv",
	                (char *)".venv"};
	const struct bench_command c = {.argv = {.v = argv, .n = ARRAY_SIZE(argv)}};
	int r = trial_command(ctx->platform, d, &c, values, scratch, d->timeout_setup_s, err);

	if (r == -EIO)
		error_hint(err, "on Debian: `apt install python3-venv`");
	return r;
}

int bench_setup(struct ofbc_context *ctx, const struct bench_definition *d, const struct pair_list *values,
                bool again, const char *scratch, struct ofbc_error *err)
{
	char hash[SHA256_HEX_SIZE], directory[512], path[600];
	int r;

	if (!d->setup.n && !d->is_virtualenv)
		return 0;
	r = content_hash(d, hash);
	if (r < 0)
		return error_set_errno(err, -r, "%s", d->directory);
	snprintf(directory, sizeof(directory), "%s/setup", ctx->state_dir);
	snprintf(path, sizeof(path), "%s/%s", directory, hash);
	if (!again && file_is_there(path))
		return 0;
	if (d->is_virtualenv)
		r = make_virtualenv(ctx, d, values, scratch, err);
	if (r == 0)
		r = run_all(ctx, d, &d->setup, values, scratch, d->timeout_setup_s, err);
	if (r < 0)
		return error_wrap(err, "setup of '%s'", d->name);
	r = file_replace(directory, hash, d->name, err);
	return r < 0 ? r : 0;
}

int bench_make_ready(struct ofbc_context *ctx, const struct bench_definition *d,
                     const struct bench_preset *preset, const struct pair_list *values, bool again,
                     const char *scratch, enum bench_verdict *ret_verdict, struct ofbc_error *err)
{
	int r = bench_check_needs(ctx, d, values, scratch, err);

	*ret_verdict = BENCH_SKIPPED;
	if (r < 0)
		return r;
	*ret_verdict = BENCH_FAILED;
	r = bench_setup(ctx, d, values, again, scratch, err);
	return r == 0 && preset ? run_all(ctx, d, &preset->setup, values, scratch, d->timeout_setup_s, err)
	                        : r;
}

void bench_cleanup(struct ofbc_context *ctx, const struct bench_definition *d,
                   const struct bench_preset *preset, const struct pair_list *values, const char *scratch)
{
	const struct bench_command_list *const lists[] = {preset ? &preset->cleanup : NULL, &d->cleanup};

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		for (size_t i = 0; lists[k] && i < lists[k]->n; i++) {
			struct ofbc_error why = {0};

			if (trial_command(ctx->platform, d, &lists[k]->v[i], values, scratch,
			                  d->timeout_cleanup_s, &why) < 0)
				platform_debug(ctx->platform, "cleanup of '%s': %s", d->name, why.message);
		}
	}
}
