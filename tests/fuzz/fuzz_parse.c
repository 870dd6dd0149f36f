/* SPDX-License-Identifier: MIT */
/* Every reader of text from people and sysfs: no crash, and what was read is read again the same. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_numbers(const char *s)
{
	uint64_t n = 0, bytes = 0;
	uint32_t n32 = 0;
	double share = -1;
	char text[64];

	if (parse_u64(s, &n) == 0 && n <= UINT32_MAX)
		require(parse_u32(s, &n32) == 0 && n32 == n);
	if (parse_size(s, &bytes) == 0) {
		size_format(bytes, text, sizeof(text));
		require(parse_size(text, &n) == 0 || bytes > UINT64_MAX / 100 * 99);
	}
	if (parse_percent(s, &share) == 0)
		require(share >= 0 && share <= 1);
}

static void check_names(const char *s)
{
	char text[PCI_STR_MAX], uuid[UUID_STR_MAX], again[UUID_STR_MAX];
	struct pci_address a = {0}, b = {0};

	if (parse_pci(s, &a) == 0) {
		pci_format(&a, text);
		require(parse_pci(text, &b) == 0);
		require(a.domain == b.domain && a.bus == b.bus && a.device == b.device &&
		        a.function == b.function);
	}
	if (parse_uuid(s, uuid) == 0)
		require(parse_uuid(uuid, again) == 0 && strcmp(uuid, again) == 0);
	uuid_derive(s, uuid);
	require(parse_uuid(uuid, again) == 0 && strcmp(uuid, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = malloc(size + 1);
	size_t len;

	if (!s)
		return 0;
	memcpy(s, data, size);
	s[size] = '\0';
	check_numbers(s);
	check_names(s);
	len = strlen(s);
	require(edit_distance(s, s) == (len > 64 ? UINT32_MAX : 0));
	require(edit_distance(s, s + len / 2) == edit_distance(s + len / 2, s));
	return 0;
}
