/* SPDX-License-Identifier: MIT */
/* A benchmark of OpenForBC-Benchmark and, behind the first line that is "---", a preset: no crash, a message
 * for what is refused, and commands that have a program. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_commands(const struct bench_command_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		require(l->v[i].argv.n > 0);
}

static void check(const struct bench_definition *d)
{
	static const struct pair_list none = {0};
	struct ofbc_error err = {0};

	check_commands(&d->setup);
	check_commands(&d->run);
	check_commands(&d->cleanup);
	for (size_t i = 0; i < d->presets.n; i++) {
		const struct bench_preset *p = &d->presets.v[i];

		check_commands(&p->setup);
		check_commands(&p->cleanup);
		for (size_t k = 0; k < p->arguments.n; k++) {
			_cleanup_free_ char *text = NULL;

			/* braces are escaped: nothing in them is a template */
			require(template_expand(p->arguments.v[k], &none, &text, &err) == 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char mark[] = "\n---\n";
	const char *text = (const char *)data, *cut = size ? memmem(text, size, mark, strlen(mark)) : NULL;
	size_t len = cut ? (size_t)(cut - text) : size;
	const char *rest = cut ? cut + strlen(mark) : text + size;
	const struct o4bc_file benchmark = {"benchmark.json", text, len};
	const struct o4bc_file preset = {"presets/a.json", rest, (size_t)(text + size - rest)};
	_cleanup_definition_ struct bench_definition *d = NULL;
	struct ofbc_error err = {0};

	if (definition_parse_o4bc(&benchmark, &preset, cut != NULL, &d, &err) < 0)
		require(!d && err.code > 0 && err.message[0]);
	else
		check(d);
	return 0;
}
