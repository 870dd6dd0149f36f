/* SPDX-License-Identifier: MIT */
/* Results of others: no crash, a message for what is refused, and what was read is exported and comes back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void export_again(const struct bench_archive *a)
{
	static const struct export_options whole = {.keeps_names = true}, hidden = {.salt = "fuzz"};
	static const struct import_options none;
	_cleanup_archive_ struct bench_archive b = {0}, c = {0};
	_cleanup_free_ char *first = NULL, *second = NULL, *clean = NULL, *csv = NULL;
	struct named_text_list files = {0};
	struct ofbc_error err = {0};

	require(export_lines(a, &whole, &first, &err) == 0);
	require(import_text(first, strlen(first), "again", &none, &b, &err) == 0);
	require(export_lines(&b, &whole, &second, &err) == 0);
	require(strcmp(first, second) == 0);
	require(export_lines(a, &hidden, &clean, &err) == 0);
	require(import_text(clean, strlen(clean), "clean", &none, &c, &err) == 0);
	require(c.n == a->n);
	require(export_csv(a, &hidden, &csv, &err) == 0);
	bench_archive_done(&c);
	for (size_t i = 0; i < a->n; i++) {
		require(export_files(&a->v[i], &whole, &files, &err) == 0);
		require(import_files(&files, "files", &c, &err) == 0);
		named_text_list_done(&files);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct import_options o = {.unix_s = 1, .platform = "kvm"};
	_cleanup_archive_ struct bench_archive a = {0};
	struct ofbc_error err = {0};

	if (import_text((const char *)data, size, "input", &o, &a, &err) < 0) {
		require(a.n == 0 && err.code > 0 && err.message[0]);
		return 0;
	}
	if (a.n)
		export_again(&a);
	return 0;
}
