/* SPDX-License-Identifier: MIT */
/* Runs one fuzz entry point over the files given as arguments, so that the corpus is replayed by any
 * compiler. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "rb");
	_cleanup_free_ uint8_t *data = NULL;
	uint8_t block[4096];
	size_t size = 0, n;

	if (!f)
		return -1;
	while ((n = fread(block, 1, sizeof(block), f)) > 0) {
		uint8_t *more = realloc(data, size + n);

		if (!more)
			return -1;
		data = more;
		memcpy(data + size, block, n);
		size += n;
	}
	if (ferror(f))
		return -1;
	(void)LLVMFuzzerTestOneInput(data ? data : block, size);
	return 0;
}

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++) {
		if (replay(argv[i]) < 0) {
			fprintf(stderr, "error: '%s' cannot be read\n", argv[i]);
			return 1;
		}
	}
	printf("%d inputs\n", argc - 1);
	return argc > 1 ? 0 : 1;
}
