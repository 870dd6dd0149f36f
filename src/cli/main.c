/* SPDX-License-Identifier: MIT */
/* Start, output and failure of the program; the work is in the files of the nouns. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

const struct command *const command_tables[] = {gpu_commands,  type_commands,  partition_commands,
                                                host_commands, other_commands, NULL};

static int print_version(struct cli *c)
{
	(void)c;
	printf("openforbc %s\n", OFBC_VERSION);
	return 0;
}

static int help(struct cli *c)
{
	c->command = NULL;
	print_help(c);
	return 0;
}

const struct command other_commands[] = {
	{.noun = "overview",
         .args = "",
         .summary = "GPUs with their slots, partitions and holders (also without a command)",
         .run = overview},
	{.noun = "completion",
         .args = "bash",
         .summary = "print a completion script",
         .min_args = 1,
         .max_args = 1,
         .needs_no_host = true,
         .run = print_completion},
	{.noun = "version",
         .args = "",
         .summary = "print the version",
         .needs_no_host = true,
         .run = print_version},
	{.noun = "help",
         .args = "",
         .summary = "list the commands",
         .max_args = 2,
         .needs_no_host = true,
         .run = help},
	{.noun = "tables", .args = "", .needs_no_host = true, .run = print_tables},
	{.noun = NULL},
};

static void debug_line(void *data, const char *message)
{
	(void)data;
	fprintf(stderr, "debug: %s\n", message);
}

int cli_open(struct cli *c, struct ofbc_error *err)
{
	struct ofbc_options o = {.host = c->host, .state_dir = c->state};
	static char name[128];
	int r;

	if (c->verbose && getenv("OPENFORBC_DEBUG"))
		o.log = debug_line;
	r = ofbc_context_new(&c->ctx, &o, err);
	if (r < 0)
		return r;
	if (ofbc_context_is_emulated(c->ctx)) {
		const char *colon = strchr(c->host, ':');

		snprintf(name, sizeof(name), "%s", colon ? colon + 1 : c->host);
		c->render.emulated = name;
	}
	return 0;
}

static void fail_json(const struct ofbc_error *err)
{
	_cleanup_json_ struct json *doc = json_object();
	_cleanup_free_ char *text = NULL;

	json_set_str(doc, "schema", "openforbc.error/1");
	json_set_str(doc, "reason", ofbc_reason_name(err->reason));
	json_set_str(doc, "message", err->message);
	json_set_str(doc, "hint", err->hint);
	if (json_print(doc, &text) == 0)
		fputs(text, stdout);
}

int cli_fail(const struct cli *c, const struct ofbc_error *err)
{
	int status = ofbc_reason_exit_status(err->reason);

	if (c->is_json)
		fail_json(err);
	fprintf(stderr, "error: %s\n", err->message[0] ? err->message : "out of memory");
	if (err->hint[0])
		fprintf(stderr, "hint: %s\n", err->hint);
	return status ? status : 1;
}

int cli_print(const struct cli *c, struct strbuf *out)
{
	struct ofbc_error err = {0};

	if (out->err) {
		error_set(&err, -out->err, OFBC_REASON_FAILED, "the output is too large");
		return cli_fail(c, &err);
	}
	fwrite(strbuf_str(out), 1, out->len, stdout);
	return 0;
}

int cli_list(const struct cli *c, const struct render_list *l)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT(256u << 20);

	if (render_list(&c->render, l, &out) < 0 && !out.err)
		out.err = -ENOMEM;
	return cli_print(c, &out);
}

int cli_partitions(const struct cli *c, const struct ofbc_partition_list *l, const char *schema)
{
	return cli_list(c, &(struct render_list){.schema = schema,
	                                         .key = "partitions",
	                                         .fields = partition_fields,
	                                         .items = l->v,
	                                         .n = l->n,
	                                         .item_size = sizeof(*l->v),
	                                         .empty = "no partitions"});
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->verbose)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

/* A full disk or a closed pipe must not look like success. */
static int finish(const struct cli *c, int status)
{
	struct ofbc_error err = {0};

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	error_set(&err, errno ? errno : EIO, OFBC_REASON_FAILED, "cannot write the output: %s",
	          errno ? strerror(errno) : "error");
	fprintf(stderr, "error: %s\n", err.message);
	(void)c;
	return status ? status : 1;
}

int main(int argc, char **argv)
{
	struct cli c = {.host = getenv("OPENFORBC_HOST"), .state = getenv("OPENFORBC_STATE")};
	struct ofbc_error err = {0};
	int status, r;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	c.render.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	r = cli_parse(&c, argc, argv, &err);
	if (r > 0)
		return finish(&c, 0);
	if (r == 0 && !c.command->needs_no_host)
		r = cli_open(&c, &err);
	status = r < 0 ? cli_fail(&c, &err) : c.command->run(&c);
	ofbc_context_free(c.ctx);
	return finish(&c, status);
}
