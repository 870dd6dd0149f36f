/* SPDX-License-Identifier: MIT */
/* Start, output and failure of the program; the work is in the files of the nouns. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/cli.h"

const struct command *const command_tables[] = {gpu_commands,   type_commands,         partition_commands,
                                                cdi_commands,   guest_commands,        layout_commands,
                                                bench_commands, bench_report_commands, advise_commands,
                                                host_commands,  other_commands,        NULL};

static int print_version(struct cli *c)
{
	struct json *doc;

	if (!c->is_json) {
		printf("openforbc %s\n", OFBC_VERSION);
		return 0;
	}
	doc = cli_object(c, "version");
	json_set_str(doc, "version", OFBC_VERSION);
	return cli_print_json(c, doc);
}

static const struct option help_options[] = {
	{.name = "tables"},
	{.name = NULL},
};

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
         .args = "[NOUN [VERB]]",
         .summary = "list the commands, or the options of one",
         .options = help_options,
         .max_args = 2,
         .needs_no_host = true,
         .run = help},
	{.noun = NULL},
};

static void debug_line(void *data, const char *message)
{
	(void)data;
	fprintf(stderr, "debug: %s\n", message);
}

/* All --device of the command line; without one the variable counts. */
static void named_devices(const struct cli *c, struct strbuf *ret)
{
	const char *variable = getenv("OPENFORBC_DEVICE");

	for (int i = 0; i < c->n_options; i++) {
		if (strcmp(c->options[i].option->name, "device") == 0)
			strbuf_addf(ret, "%s%s", ret->len ? "," : "", c->options[i].value);
	}
	if (!cli_option(c, "device") && variable)
		strbuf_add(ret, variable);
}

int cli_open(struct cli *c, struct ofbc_error *err)
{
	_cleanup_strbuf_ struct strbuf devices = STRBUF_INIT(4096);
	bool is_local = !c->host || !c->host[0] || strcmp(c->host, "local") == 0;
	struct ofbc_options o = {.host = c->host, .state_dir = c->state, .libvirt_uri = c->connect};
	static char name[128];
	int r;

	/* what virsh uses; guests of an emulated host must be named on purpose */
	if (!o.libvirt_uri && is_local)
		o.libvirt_uri = getenv("LIBVIRT_DEFAULT_URI");
	named_devices(c, &devices);
	if (devices.err)
		return error_set_errno(err, -devices.err, "--device");
	o.devices = strbuf_str(&devices);
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

static void fail_json(const struct ofbc_error *err, const char *message)
{
	_cleanup_json_ struct json *doc = json_object();
	_cleanup_free_ char *text = NULL;

	json_set_str(doc, "schema", "openforbc.error/1");
	json_set_str(doc, "reason", ofbc_reason_name(err->reason));
	json_set_str(doc, "message", message);
	json_set_str(doc, "hint", err->hint);
	if (json_print(doc, &text) == 0)
		fputs(text, stdout);
}

int cli_fail(const struct cli *c, const struct ofbc_error *err)
{
	const char *message = err->message[0] ? err->message : "out of memory";
	int status = ofbc_reason_exit_status(err->reason);

	if (c->is_json)
		fail_json(err, message);
	fprintf(stderr, "error: %s\n", message);
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

struct json *cli_object(const struct cli *c, const char *schema)
{
	struct json *doc = json_object();
	char text[96];

	snprintf(text, sizeof(text), "openforbc.%s/1", schema);
	json_set_str(doc, "schema", text);
	if (c->ctx)
		json_set_bool(doc, "emulated", c->render.emulated != NULL);
	return doc;
}

int cli_print_json(const struct cli *c, struct json *doc)
{
	_cleanup_json_ struct json *own = doc;
	_cleanup_free_ char *text = NULL;
	struct ofbc_error err = {0};
	int r = json_print(own, &text);

	if (r < 0) {
		error_set_errno(&err, -r, "cannot write the answer");
		return cli_fail(c, &err);
	}
	fputs(text, stdout);
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
	if (l->note[0])
		fprintf(stderr, "note: guests are not known: %s\n", l->note);
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

static volatile sig_atomic_t last_signal;

static void note_signal(int signal_number)
{
	last_signal = signal_number;
}

int caught_signal(void)
{
	return last_signal;
}

/* A handler, unlike SIG_IGN, is not inherited by the programs of `partition run`. What the caller ignores
 * stays ignored: nohup, and jobs in the background of a script. */
void catch_signals(const int *signals, size_t n)
{
	struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART}, was;

	for (size_t i = 0; i < n; i++) {
		if (signals[i] != SIGPIPE && sigaction(signals[i], NULL, &was) == 0 &&
		    was.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
}

/* A full disk or a closed pipe must not look like success; a reader who had enough needs no message. */
static int finish(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE && last_signal != SIGPIPE)
		fprintf(stderr, "error: cannot write the output: %s\n", strerror(errno ? errno : EIO));
	return status ? status : 1;
}

static bool has_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && no[0]) && !(term && strcmp(term, "dumb") == 0);
}

int main(int argc, char **argv)
{
	struct cli c = {.host = getenv("OPENFORBC_HOST"),
	                .state = getenv("OPENFORBC_STATE"),
	                .connect = getenv("OPENFORBC_CONNECT")};
	struct ofbc_error err = {0};
	int status, r;

	catch_signals(&(const int){SIGPIPE}, 1);
	c.render.color = isatty(STDOUT_FILENO) && has_color();
	r = cli_parse(&c, argc, argv, &err);
	if (r > 0)
		return finish(0);
	if (r == 0 && !c.command->needs_no_host)
		r = cli_open(&c, &err);
	status = r < 0 ? cli_fail(&c, &err) : c.command->run(&c);
	ofbc_context_free(c.ctx);
	return finish(status);
}
