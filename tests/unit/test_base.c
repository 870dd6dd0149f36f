/* SPDX-License-Identifier: MIT */
/* The base layer: strict readers, growing strings and lists, JSON, errors; and the field tables over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/list.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/strv.h"
#include "model/fields.h"
#include "openforbc/openforbc.h"

#define UNTOUCHED 77

/* --- parse --- */

static void test_u64(void **state)
{
	/* clang-format off */
	static const struct { const char *s; int r; uint64_t v; } rows[] = {
		{"0", 0, 0}, {"42", 0, 42}, {" \t42 \n", 0, 42}, {"0x2a", 0, 42}, {"0X2A", 0, 42},
		{"010", 0, 10}, {"18446744073709551615", 0, UINT64_MAX},
		{"0xffffffffffffffff", 0, UINT64_MAX}, {"18446744073709551616", -ERANGE, 0},
		{"99999999999999999999999999", -ERANGE, 0}
	};
	static const char *const bad[] = {
		"", " \n", "-1", "+1", "0x", "0x-5", "1 2", "42\n\n", "\n42", "42\r", "4a", "1.0",
		"0000000000000000000000000000000000000000000000000000000000000000001"
	};
	/* clang-format on */
	uint64_t kept = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_u64(bad[i], &kept), -EINVAL);
	assert_true(kept == UNTOUCHED);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = UNTOUCHED;

		print_message("u64 '%s'\n", rows[i].s);
		assert_int_equal(parse_u64(rows[i].s, &v), rows[i].r);
		assert_true(v == (rows[i].r ? UNTOUCHED : rows[i].v));
	}
}

static void test_u32(void **state)
{
	uint32_t v = UNTOUCHED;

	(void)state;
	assert_int_equal(parse_u32("4294967295", &v), 0);
	assert_int_equal(v, UINT32_MAX);
	v = UNTOUCHED;
	assert_int_equal(parse_u32("4294967296", &v), -ERANGE);
	assert_int_equal(parse_u32("x", &v), -EINVAL);
	assert_int_equal(v, UNTOUCHED);
}

static void test_size(void **state)
{
	/* clang-format off */
	static const struct { const char *s; int r; uint64_t v; } rows[] = {
		{"4096", 0, 4096}, {"10G", 0, 10 * GIB}, {"10g", 0, 10 * GIB},
		{"10 GiB\n", 0, 10 * GIB}, {"10gib", 0, 10 * GIB}, {"10GB", 0, 10 * GIB},
		{"512MiB", 0, 512 * MIB}, {"512B", 0, 512}, {"1.5g", 0, 3 * GIB / 2},
		{"17.5 GiB", 0, 35 * GIB / 2}, {".5K", 0, 512}, {"2T", 0, 2048 * GIB},
		{"1P", 0, MIB * GIB},
		/* beyond the 53 bits of a double */
		{"9007199254740993", 0, 9007199254740993}, {"18446744073709551615", 0, UINT64_MAX},
		{"16383P", 0, 16383 * GIB * MIB}, {"16384P", -ERANGE, 0}, {"16384.0P", -ERANGE, 0},
		{"18446744073709551616", -ERANGE, 0}
	};
	static const char *const bad[] = {
		"", "G", ".", "-1G", "1e3", "0x10", "inf", "1,5G", "10X", "10Gi B", "10GiBs", "10iB",
		"10BB", "10G 5M"
	};
	/* clang-format on */
	uint64_t kept = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_size(bad[i], &kept), -EINVAL);
	assert_true(kept == UNTOUCHED);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = UNTOUCHED;

		print_message("size '%s'\n", rows[i].s);
		assert_int_equal(parse_size(rows[i].s, &v), rows[i].r);
		assert_true(v == (rows[i].r ? UNTOUCHED : rows[i].v));
	}
}

static void test_size_format(void **state)
{
	/* clang-format off */
	static const struct { uint64_t v; const char *text; } rows[] = {
		{0, "0 B"}, {1023, "1023 B"}, {1024, "1 KiB"}, {MIB - 1, "1 MiB"},
		{35 * GIB / 2, "17.5 GiB"}, {80 * GIB, "80 GiB"}, {1024 * GIB, "1 TiB"},
		{UINT64_MAX, "16384 PiB"}
	};
	/* clang-format on */
	char text[32], small[5];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_format(rows[i].v, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
	size_format(35 * GIB / 2, small, sizeof(small));
	assert_string_equal(small, "17.5");
}

static void test_percent(void **state)
{
	/* clang-format off */
	static const struct { const char *s; int r; double v; } rows[] = {
		{"15%", 0, 0.15}, {"15", 0, 0.15}, {"15 %\n", 0, 0.15}, {"0.15", 0, 0.0015},
		{"0", 0, 0}, {"100%", 0, 1}, {"12.5%", 0, 0.125}, {"100.1", -ERANGE, 0},
		{"1000%", -ERANGE, 0}
	};
	static const char *const bad[] = {
		"", "%", "-5%", "15%%", "15pc", "nan", "1e1", "1.2.3", "15 % x"
	};
	/* clang-format on */
	double kept = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_percent(bad[i], &kept), -EINVAL);
	assert_true(kept > UNTOUCHED - 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double v = UNTOUCHED;

		print_message("percent '%s'\n", rows[i].s);
		assert_int_equal(parse_percent(rows[i].s, &v), rows[i].r);
		assert_true(fabs(v - (rows[i].r ? UNTOUCHED : rows[i].v)) < 1e-12);
	}
}

/* A program with a decimal comma in its locale reads and writes the same. */
static void test_locale(void **state)
{
	static const char *const comma[] = {"de_DE.UTF-8", "it_IT.UTF-8", "fr_FR.UTF-8", "de_DE", "it_IT"};
	_cleanup_json_ struct json *doc = json_object();
	_cleanup_free_ char *text = NULL;
	uint64_t v = 0;
	double share = 0;
	size_t i = 0;

	(void)state;
	while (i < ARRAY_SIZE(comma) && !setlocale(LC_NUMERIC, comma[i]))
		i++;
	if (i == ARRAY_SIZE(comma))
		print_message("no locale with a decimal comma is installed: the C locale is tested\n");
	assert_int_equal(parse_size("1.5K", &v), 0);
	assert_true(v == 1536);
	assert_int_equal(parse_percent("12.5", &share), 0);
	assert_true(share > 0.1249 && share < 0.1251);
	json_set_double(doc, "x", 0.15);
	assert_int_equal(json_print(doc, &text), 0);
	setlocale(LC_NUMERIC, "C");
	assert_non_null(strstr(text, "\"x\": 0.1")); /* a point */
}

static void test_pci(void **state)
{
	/* clang-format off */
	static const struct { const char *s; int r; const char *text; } rows[] = {
		{"41:00.0", 0, "0000:41:00.0"}, {"0000:41:00.0", 0, "0000:41:00.0"},
		{"00000000:41:00.0", 0, "0000:41:00.0"}, {"00000000:C1:00.0", 0, "0000:c1:00.0"},
		{"pci_0000_41_00_0", 0, "0000:41:00.0"}, {"PCI_0000_C1_00_7", 0, "0000:c1:00.7"},
		{" 0000:41:1f.7\n", 0, "0000:41:1f.7"}, {"10000:01:00.0", 0, "10000:01:00.0"},
		{"fffffff:ff:1f.7", 0, "fffffff:ff:1f.7"}, {"ffffffff:ff:1f.7", -ERANGE, NULL}
	};
	static const char *const bad[] = {
		"", "41:00", "41:00.8", "41:20.0", "41:00.00", "141:00.0", "0000:41:00:0",
		"000000000:41:00.0", "0:0000:41:00.0", "0000:41:00.0x", "0000:4g:00.0", "0000:-1:00.0",
		"pci_41_00_0", "pci_0000:41:00.0", "pci_0000_41_00_0_1", "pci_"
	};
	/* clang-format on */
	struct pci_address kept = {.domain = UNTOUCHED};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_pci(bad[i], &kept), -EINVAL);
	assert_int_equal(kept.domain, UNTOUCHED);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pci_address a = {.domain = UNTOUCHED};
		char text[PCI_STR_MAX];

		print_message("pci '%s'\n", rows[i].s);
		assert_int_equal(parse_pci(rows[i].s, &a), rows[i].r);
		if (rows[i].r) {
			assert_int_equal(a.domain, UNTOUCHED);
			continue;
		}
		pci_format(&a, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void test_uuid(void **state)
{
	/* clang-format off */
	static const char *const bad[] = {
		"", "6ba7b810-9dad-11d1-80b4-00c04fd430c", "6ba7b810-9dad-11d1-80b4-00c04fd430c88",
		"6ba7b8109dad-11d1-80b4-00c04fd430c8-", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
		"{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "GPU-6ba7b810-9dad-11d1-80b4-00c04fd4"
	};
	/* clang-format on */
	char u[UUID_STR_MAX], v[UUID_STR_MAX] = "kept";

	(void)state;
	assert_int_equal(parse_uuid(" 6BA7B810-9dad-11d1-80b4-00C04FD430C8\n", u), 0);
	assert_string_equal(u, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_uuid(bad[i], v), -EINVAL);
	assert_string_equal(v, "kept");
}

static void test_uuid_generate(void **state)
{
	char u[UUID_STR_MAX], v[UUID_STR_MAX], again[UUID_STR_MAX];

	(void)state;
	assert_int_equal(uuid_generate(u), 0);
	assert_int_equal(uuid_generate(v), 0);
	assert_string_not_equal(u, v);
	assert_int_equal(parse_uuid(u, again), 0);
	assert_string_equal(u, again);
	assert_int_equal(u[14], '4');
	assert_non_null(strchr("89ab", u[19]));
}

/* Derived UUIDs stand in databases and scripts: the same name gives this text for ever. */
static void test_uuid_derive(void **state)
{
	static const char *const names[] = {
		"", "a", "b", "mig/0000:41:00.0/1", "mig/0000:41:00.0/2", "mps/0000:41:00.0/1"};
	char u[ARRAY_SIZE(names)][UUID_STR_MAX], again[UUID_STR_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uuid_derive(names[i], u[i]);
		assert_int_equal(parse_uuid(u[i], again), 0);
		assert_string_equal(u[i], again);
		assert_int_equal(u[i][14], '8');
		assert_non_null(strchr("89ab", u[i][19]));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(u[k], u[i]);
	}
	assert_string_equal(u[3], "db8a38fc-0504-8f9e-9321-087a323944df");
}

static void test_edit_distance(void **state)
{
	char wide[66];

	(void)state;
	assert_int_equal(edit_distance("", ""), 0);
	assert_int_equal(edit_distance("", "mig"), 3);
	assert_int_equal(edit_distance("MIG", "mig"), 0);
	assert_int_equal(edit_distance("xartition", "partition"), 1);
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
	assert_int_equal(edit_distance("sitting", "kitten"), 3);
	assert_int_equal(edit_distance("gpu", "type"), 3);
	memset(wide, 'a', sizeof(wide));
	wide[65] = '\0';
	assert_true(edit_distance(wide, "a") == UINT32_MAX);
	wide[64] = '\0';
	assert_int_equal(edit_distance(wide, "a"), 63);
}

/* --- strbuf, strv, list --- */

static void test_strbuf(void **state)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(1000);
	_cleanup_free_ char *text = NULL;

	(void)state;
	assert_string_equal(strbuf_str(&b), "");
	strbuf_add(&b, "a");
	strbuf_addc(&b, 'b');
	strbuf_addn(&b, "cdX", 2);
	strbuf_addf(&b, "%d-%s", 7, "e");
	assert_string_equal(strbuf_str(&b), "abcd7-e");
	assert_int_equal(b.len, 7);
	for (unsigned i = 0; i < 300; i++)
		strbuf_addc(&b, '.');
	assert_int_equal(b.len, 307);
	assert_int_equal(strbuf_take(&b, &text), 0);
	assert_int_equal(strlen(text), 307);
	assert_null(b.s);
	strbuf_add(&b, "again");
	assert_string_equal(strbuf_str(&b), "again");
}

static void test_strbuf_limit(void **state)
{
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(4);
	char *text = NULL;

	(void)state;
	strbuf_add(&b, "abcd");
	assert_int_equal(b.err, 0);
	strbuf_addc(&b, 'e');
	assert_int_equal(b.err, -E2BIG);
	strbuf_add(&b, ""); /* sticky: even what would fit does not hide it */
	strbuf_addf(&b, "%s", "");
	assert_int_equal(b.err, -E2BIG);
	assert_string_equal(strbuf_str(&b), "abcd");
	assert_int_equal(strbuf_take(&b, &text), -E2BIG);
	assert_null(text);
	strbuf_clear(&b);
	strbuf_addf(&b, "%d", 1234);
	assert_int_equal(b.err, 0);
	strbuf_addf(&b, "%d", 5);
	assert_int_equal(b.err, -E2BIG);
	strbuf_clear(&b);
	strbuf_addn(&b, "x", SIZE_MAX);
	assert_int_equal(b.err, -E2BIG);
}

static void test_strbuf_empty(void **state)
{
	struct strbuf zero = {0};
	_cleanup_strbuf_ struct strbuf b = STRBUF_INIT(10);
	_cleanup_free_ char *text = NULL;

	(void)state;
	strbuf_done(&zero);
	assert_int_equal(strbuf_take(&b, &text), 0);
	assert_string_equal(text, "");
}

static void test_strv(void **state)
{
	static const char *const in[] = {"virtfn10", "virtfn2", "virtfn1", "a", "virtfn0"};
	static const char *const sorted[] = {"a", "virtfn0", "virtfn1", "virtfn2", "virtfn10"};
	_cleanup_strv_ struct strv l = {0};

	(void)state;
	strv_sort(&l);
	assert_false(strv_contains(&l, "a"));
	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		assert_int_equal(strv_add(&l, in[i]), 0);
	strv_sort(&l);
	assert_int_equal(l.n, ARRAY_SIZE(sorted));
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		assert_string_equal(l.v[i], sorted[i]);
	assert_null(l.v[l.n]);
	assert_true(strv_contains(&l, "virtfn2"));
	assert_false(strv_contains(&l, "virtfn"));
	for (int i = 0; i < 100; i++)
		assert_int_equal(strv_addf(&l, "%03d", i), 0);
	assert_string_equal(l.v[l.n - 1], "099");
	assert_null(l.v[l.n]);
	strv_done(&l);
	assert_int_equal(l.n, 0);
	assert_null(l.v);
}

static void test_list(void **state)
{
	struct {
		struct pci_address *v;
		size_t n, cap;
	} l = {0};

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct pci_address *a = list_add(&l);

		assert_non_null(a);
		assert_int_equal(a->domain + a->bus + a->device + a->function, 0);
		*a = (struct pci_address){.domain = i, .bus = 0xff, .device = 0xff};
	}
	assert_int_equal(l.n, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(l.v[i].domain, i);
	free(l.v);
}

/* --- errors --- */

static void test_error(void **state)
{
	struct ofbc_error e = {0};

	(void)state;
	assert_int_equal(error_set(&e, EBUSY, OFBC_REASON_IN_USE, "GPU %s has %u clients", "h200-0", 2u),
	                 -EBUSY);
	error_hint(&e, "stop %s", "dcgm");
	assert_int_equal(error_wrap(&e, "partition '%s'", "a"), -EBUSY);
	assert_int_equal(e.code, EBUSY);
	assert_int_equal(e.reason, OFBC_REASON_IN_USE);
	assert_string_equal(e.message, "partition 'a': GPU h200-0 has 2 clients");
	assert_string_equal(e.hint, "stop dcgm");
	error_hint(&e, "wait");
	assert_string_equal(e.hint, "wait");
	assert_int_equal(error_set_errno(&e, ENOSPC, "%s", "x"), -ENOSPC);
	assert_string_equal(e.message, "x: No space left on device");
	assert_int_equal(e.reason, OFBC_REASON_NO_CAPACITY);
	assert_string_equal(e.hint, ""); /* of the former error */
	error_set_errno(&e, 9999, "x");
	assert_string_equal(e.message, "x: unknown error");
	assert_int_equal(error_set(NULL, EPERM, OFBC_REASON_NOT_PERMITTED, "x"), -EPERM);
	assert_int_equal(error_set_errno(NULL, EPERM, "x"), -EPERM);
	assert_int_equal(error_wrap(NULL, "x"), -EIO);
	error_hint(NULL, "x");
}

static void test_error_truncation(void **state)
{
	struct ofbc_error e = {0};
	char text[2000];

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&e, EIO, OFBC_REASON_FAILED, "%s", text);
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
	error_hint(&e, "%s", text);
	assert_int_equal(strlen(e.hint), sizeof(e.hint) - 1);
	error_wrap(&e, "front");
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
	assert_memory_equal(e.message, "front: y", 8);
	error_set_errno(&e, ENOENT, "%s", text); /* the reason survives a long subject */
	assert_non_null(strstr(e.message, ": No such file or directory"));
}

static void test_reasons(void **state)
{
	/* clang-format off */
	static const struct { int code; enum ofbc_reason reason; } rows[] = {
		{EBUSY, OFBC_REASON_IN_USE}, {EAGAIN, OFBC_REASON_IN_USE},
		{ETXTBSY, OFBC_REASON_IN_USE}, {ENOSPC, OFBC_REASON_NO_CAPACITY},
		{EUSERS, OFBC_REASON_NO_CAPACITY}, {ERANGE, OFBC_REASON_NO_CAPACITY},
		{ENOENT, OFBC_REASON_NOT_FOUND}, {ENODEV, OFBC_REASON_NOT_FOUND},
		{ESRCH, OFBC_REASON_NOT_FOUND}, {EPERM, OFBC_REASON_NOT_PERMITTED},
		{EACCES, OFBC_REASON_NOT_PERMITTED}, {EROFS, OFBC_REASON_NOT_PERMITTED},
		{ENOTSUP, OFBC_REASON_NOT_SUPPORTED}, {ENOSYS, OFBC_REASON_NOT_SUPPORTED},
		{EOPNOTSUPP, OFBC_REASON_NOT_SUPPORTED}, {EINVAL, OFBC_REASON_USAGE},
		{EEXIST, OFBC_REASON_USAGE}, {EIO, OFBC_REASON_FAILED}, {ENOMEM, OFBC_REASON_FAILED},
		{0, OFBC_REASON_FAILED}
	};
	static const char *const names[] = {
		"none", "failed", "usage", "not-found", "in-use", "no-capacity", "not-permitted",
		"not-supported", "rolled-back", "differs"
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(error_reason_of_errno(rows[i].code), rows[i].reason);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(ofbc_reason_name((enum ofbc_reason)i), names[i]);
		assert_int_equal(ofbc_reason_exit_status((enum ofbc_reason)i), i);
	}
	assert_string_equal(ofbc_reason_name((enum ofbc_reason)99), "failed");
	assert_int_equal(ofbc_reason_exit_status((enum ofbc_reason)99), 1);
}

/* --- JSON --- */

static void test_json_errors(void **state)
{
	/* clang-format off */
	static const struct { const char *text, *message; } rows[] = {
		{"", "f:1:1: "}, {"  ", "f:1:3: "}, {"null", "f:1:5: null is no document"},
		{"[1,]", "f:1:4: "}, {"{\n  \"a\": 1,\n  x}", "f:3:3: "}, {"{\"a\":}", "f:1:6: "},
		{"[tru]", "f:1:5: "}, {"[1 2]", "f:1:4: "}, {"{\"a\": \"b", "f:1:9: "},
		{"{} {}", "f:1:4: text after the end"}, {"[1]\n]", "f:2:1: text after the end"},
		{"12 x", "f:1:4: text after the end"}, {"/* c */ 1", "f:1:1: "},
		{"[\n\"\xff\"]", "f:2:2: "}, {"[NaN]", "f: NaN"},
		{"{\"a\": [1, {\"b\": 1e999}]}", "f: NaN"}
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json *doc = NULL;
		struct ofbc_error e = {0};

		assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), "f", &doc, &e), -EINVAL);
		print_message("json '%s': %s\n", rows[i].text, e.message);
		assert_null(doc);
		assert_int_equal(e.reason, OFBC_REASON_USAGE);
		assert_memory_equal(e.message, rows[i].message, strlen(rows[i].message));
		assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), "f", &doc, NULL), -EINVAL);
	}
}

static int parse_nested(size_t depth)
{
	_cleanup_json_ struct json *doc = NULL;
	char text[256];

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	return json_parse(text, 2 * depth, "f", &doc, NULL);
}

static void test_json_limits(void **state)
{
	size_t big = ((size_t)16 << 20) + 1;
	_cleanup_free_ char *text = malloc(big);
	_cleanup_json_ struct json *doc = NULL;
	struct ofbc_error e = {0};

	(void)state;
	assert_int_equal(parse_nested(32), 0);
	assert_int_equal(parse_nested(33), -EINVAL);
	assert_int_equal(parse_nested(100), -EINVAL);
	assert_non_null(text);
	memset(text, ' ', big);
	memcpy(text, "[]", 2);
	assert_int_equal(json_parse(text, big, "f", &doc, &e), -E2BIG);
	assert_null(doc);
	assert_string_equal(e.message, "f: larger than 16 MiB");
	assert_int_equal(json_parse(text, big - 1, "f", &doc, &e), 0);
}

static void test_json_read(void **state)
{
	static const char text[] =
		"{\"s\": \"x\\u00e9\", \"n\": 18446744073709551615, \"i\": -5, \"d\": 0.25,"
		" \"t\": true, \"z\": null, \"a\": [1, \"two\", {}]}\n";
	_cleanup_json_ struct json *doc = NULL;
	const char *keys[3] = {0};
	const struct json *a;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), "f", &doc, NULL), 0);
	assert_true(json_is_object(doc));
	assert_string_equal(json_str(json_get(doc, "s"), ""), "x\xc3\xa9");
	assert_true(json_u64(json_get(doc, "n"), 0) == UINT64_MAX);
	assert_int_equal(json_u64(json_get(doc, "i"), 9), 9); /* a negative number is no u64 */
	assert_true(json_double(json_get(doc, "i"), 0) < -4.9);
	assert_true(json_double(json_get(doc, "d"), 0) > 0.249);
	assert_int_equal(json_u64(json_get(doc, "d"), 9), 9);
	assert_true(json_bool(json_get(doc, "t"), false));
	assert_true(json_bool(json_get(doc, "n"), true));
	assert_string_equal(json_str(json_get(doc, "n"), "-"), "-");
	assert_null(json_get(doc, "z"));
	assert_null(json_get(doc, "absent"));
	a = json_get(doc, "a");
	assert_true(json_is_array(a) && !json_is_object(a));
	assert_int_equal(json_len(a), 3);
	assert_string_equal(json_str(json_at(a, 1), ""), "two");
	assert_null(json_at(a, 3));
	assert_null(json_get(a, "s"));
	assert_int_equal(json_len(doc), 0);
	assert_int_equal(json_keys(doc, keys, ARRAY_SIZE(keys)), 7);
	assert_string_equal(keys[0], "s");
	assert_string_equal(keys[2], "i");
	assert_int_equal(json_keys(a, keys, ARRAY_SIZE(keys)), 0);
	assert_string_equal(json_str(NULL, "fallback"), "fallback");
	assert_int_equal(json_len(NULL) + json_keys(NULL, NULL, 0), 0);
	assert_null(json_get(NULL, "a"));
	json_free(NULL);
}

static void test_json_write(void **state)
{
	_cleanup_json_ struct json *doc = json_object();
	_cleanup_free_ char *text = NULL;
	struct json *list = json_array();

	(void)state;
	json_set_str(doc, "name", "a/\"b\"");
	json_set_str(doc, "none", NULL);
	json_set_str(doc, "empty", "");
	json_set_u64(doc, "big", UINT64_MAX);
	json_set_i64(doc, "small", INT64_MIN);
	json_set_double(doc, "share", 0.1);
	json_set_double(doc, "seventh", 1.0 / 7);
	json_set_double(doc, "one", 1);
	json_set_double(doc, "nan", (double)NAN);
	json_set_double(doc, "inf", (double)INFINITY);
	json_set_bool(doc, "yes", true);
	json_append_str(list, "x");
	json_append(list, json_object());
	json_set(doc, "list", list);
	assert_int_equal(json_print(doc, &text), 0);
	assert_string_equal(text, "{\n"
	                          "  \"name\": \"a/\\\"b\\\"\",\n"
	                          "  \"big\": 18446744073709551615,\n"
	                          "  \"small\": -9223372036854775808,\n"
	                          "  \"share\": 0.1,\n"
	                          "  \"seventh\": 0.14285714285714285,\n"
	                          "  \"one\": 1.0,\n"
	                          "  \"yes\": true,\n"
	                          "  \"list\": [\n"
	                          "    \"x\",\n"
	                          "    {\n"
	                          "    }\n"
	                          "  ]\n"
	                          "}\n");
}

/* Text of the kernel may be cut within a character. JSON is UTF-8. */
static void test_json_utf8(void **state)
{
	/* clang-format off */
	static const struct { const char *in, *out; } rows[] = {
		{"x\xc3\xa9", "x\xc3\xa9"}, {"x\xc3", "x?"}, {"\xff\xfe", "??"},
		{"\xe2\x82\xac.", "\xe2\x82\xac."}, {"\xe2\x82", "??"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, {"\xf0\x9f\x98", "???"}, {"\xc0\xaf", "??"},
		{"\xe0\x9f\xbf", "???"}, {"\xed\xa0\x80", "???"}, {"\xf4\x90\x80\x80", "????"},
		{"\x80z", "?z"}
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_json_ struct json *doc = json_object(), *again = NULL;
		_cleanup_free_ char *text = NULL;

		json_set_str(doc, "s", rows[i].in);
		assert_string_equal(json_str(json_get(doc, "s"), ""), rows[i].out);
		assert_int_equal(json_print(doc, &text), 0);
		assert_int_equal(json_parse(text, strlen(text), "f", &again, NULL), 0);
	}
}

static void test_json_sticky(void **state)
{
	_cleanup_json_ struct json *doc = json_object();
	_cleanup_json_ struct json *second = json_object();
	struct json *inner = json_array(), *middle = json_object();
	char *text = NULL;

	(void)state;
	json_append(inner, NULL); /* what an allocation that failed hands over */
	json_append_str(inner, "later");
	json_set(middle, "inner", inner);
	json_set(doc, "middle", middle);
	json_set_u64(doc, "fine", 1);
	assert_int_equal(json_print(doc, &text), -ENOMEM);
	json_append_str(NULL, "freed");
	json_set(NULL, "a", json_object());
	json_set(second, "a", NULL);
	assert_int_equal(json_print(second, &text), -ENOMEM);
	assert_int_equal(json_print(NULL, &text), -ENOMEM);
	assert_null(text);
}

/* --- field tables --- */

static const struct field *field_of(const struct field *fields, const char *key)
{
	for (; fields->key; fields++) {
		if (strcmp(fields->key, key) == 0)
			return fields;
	}
	fail_msg("no field '%s'", key);
	return NULL;
}

static bool known(const struct field *fields, const char *key, const void *item, struct field_value *ret)
{
	*ret = (struct field_value){0};
	field_of(fields, key)->get(item, ret);
	return ret->known;
}

/* The keys are API: all must stay. */
static void test_field_keys(void **state)
{
	static const struct {
		const struct field *fields;
		const char *keys[20];
	} nouns[] = {{gpu_fields,
	              {"id", "alias", "uuid", "vendor", "model", "driver", "memory_bytes", "emulated",
	               "technologies", "cordoned"}},
	             {type_fields,
	              {"gpu", "key", "technology", "compute_share", "memory_bytes", "free", "max",
	               "placements", "isolation", "title", "driver_free", "why_not", "creatable", "display",
	               "migrate", "group"}},
	             {partition_fields,
	              {"uuid", "name", "gpu", "type", "technology", "placement", "state", "owner", "holders",
	               "handle", "memory_bytes"}},
	             {finding_fields, {"technology", "level", "gpu", "message", "fix"}}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nouns); i++) {
		size_t ids = 0;

		for (size_t k = 0; nouns[i].keys[k]; k++)
			assert_non_null(field_of(nouns[i].fields, nouns[i].keys[k])->get);
		for (const struct field *f = nouns[i].fields; f->key; f++) {
			ids += (f->flags & FIELD_ID) != 0;
			if (f->title && (f->kind == FIELD_OBJECTS || f->kind == FIELD_OBJECT))
				assert_non_null(f->text);
		}
		assert_int_equal(ids, 1);
	}
}

static void test_field_unknown(void **state)
{
	static const struct ofbc_gpu gpu = {.id = "0000:41:00.0"};
	static const struct ofbc_type type = {.key = "mps:NN%"};
	static const struct ofbc_partition partition = {.uuid = "u"};
	struct field_value v;

	(void)state;
	assert_true(known(gpu_fields, "id", &gpu, &v));
	assert_string_equal(v.s, "0000:41:00.0");
	assert_false(known(gpu_fields, "uuid", &gpu, &v));
	assert_false(known(gpu_fields, "memory_bytes", &gpu, &v));
	assert_true(known(gpu_fields, "emulated", &gpu, &v));
	assert_false(known(type_fields, "technology", &type, &v));
	assert_false(known(type_fields, "compute_share", &type, &v));
	assert_false(known(type_fields, "driver_free", &type, &v));
	assert_true(known(type_fields, "free", &type, &v) && v.u == 0);
	assert_false(known(partition_fields, "technology", &partition, &v));
	assert_false(known(partition_fields, "placement", &partition, &v));
	assert_true(known(partition_fields, "holders", &partition, &v) && v.n == 0);
	assert_true(known(partition_fields, "owner", &partition, &v));
	assert_string_equal(v.s, "foreign");
}

static void text_of(const struct field *fields, const char *key, const void *item, char buf[64])
{
	field_of(fields, key)->text(item, buf, 64);
}

static void test_field_text(void **state)
{
	struct ofbc_holder holders[] = {{.kind = "process", .name = "python3", .pid = 4242},
	                                {.kind = "service", .name = "dcgm"}};
	struct ofbc_partition p = {.placement = {.start = 4, .size = 2}, .holders = {.v = holders, .n = 2}};
	struct ofbc_type t = {.placements = {{0, 1}, {1, 1}, {2, 1}, {3, 1}}, .n_placements = 4};
	static const struct ofbc_gpu gpu = {
		.cordoned = true,
		.technologies = {{.name = "mig", .state = OFBC_TECHNOLOGY_OFF},
	                         {.name = "mps", .state = OFBC_TECHNOLOGY_READY},
	                         {.name = "vgpu", .state = OFBC_TECHNOLOGY_UNAVAILABLE}},
		.n_technologies = 3};
	char text[64], small[8];

	(void)state;
	text_of(partition_fields, "holders", &p, text);
	assert_string_equal(text, "python3(4242) dcgm");
	field_of(partition_fields, "holders")->text(&p, small, sizeof(small));
	assert_string_equal(small, "python3");
	text_of(partition_fields, "placement", &p, text);
	assert_string_equal(text, "4+2");
	text_of(gpu_fields, "technologies", &gpu, text);
	assert_string_equal(text, "mig(off) mps vgpu(no) cordoned");
	text_of(type_fields, "placements", &t, text);
	assert_string_equal(text, "0-3 size 1");
	t = (struct ofbc_type){.placements = {{0, 2}, {2, 2}, {4, 2}}, .n_placements = 3};
	text_of(type_fields, "placements", &t, text);
	assert_string_equal(text, "0,2,4 size 2");
	t.n_placements = 0;
	text_of(type_fields, "placements", &t, text);
	assert_string_equal(text, "");
}

int main(void)
{
	/* clang-format off */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64), cmocka_unit_test(test_u32),
		cmocka_unit_test(test_size), cmocka_unit_test(test_size_format),
		cmocka_unit_test(test_percent), cmocka_unit_test(test_locale),
		cmocka_unit_test(test_pci), cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_uuid_generate), cmocka_unit_test(test_uuid_derive),
		cmocka_unit_test(test_edit_distance), cmocka_unit_test(test_strbuf),
		cmocka_unit_test(test_strbuf_limit), cmocka_unit_test(test_strbuf_empty),
		cmocka_unit_test(test_strv), cmocka_unit_test(test_list),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_error_truncation), cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_json_errors), cmocka_unit_test(test_json_limits),
		cmocka_unit_test(test_json_read), cmocka_unit_test(test_json_write),
		cmocka_unit_test(test_json_utf8), cmocka_unit_test(test_json_sticky),
		cmocka_unit_test(test_field_keys), cmocka_unit_test(test_field_unknown),
		cmocka_unit_test(test_field_text)
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
