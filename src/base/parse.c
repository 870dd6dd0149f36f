/* SPDX-License-Identifier: MIT */
/* Strict readers. */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/cleanup.h"

/* What fits PCI_STR_MAX. Linux counts domains beyond ACPI's 16 bits from 0x10000 (VMD). */
#define DOMAIN_MAX 0xfffffff

static size_t without_blanks(const char *s, size_t n)
{
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return n;
}

/* Copies s without surrounding blanks and one newline; false when nothing is left or it does not fit. */
static bool trim(const char *s, char *buf, size_t size)
{
	size_t n;

	s += strspn(s, " \t");
	n = without_blanks(s, strlen(s));
	if (n && s[n - 1] == '\n')
		n = without_blanks(s, n - 1);
	if (n == 0 || n >= size)
		return false;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return true;
}

int parse_u64(const char *s, uint64_t *ret)
{
	char buf[64], *end;
	unsigned long long v;

	if (!trim(s, buf, sizeof(buf)) || !isdigit((unsigned char)buf[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(buf, &end, strncasecmp(buf, "0x", 2) == 0 ? 16 : 10);
	if (*end || end == buf)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_u32(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = parse_u64(s, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

/* A plain decimal number at the start of s; no sign, exponent, hex or "inf". Not strtod(), which reads
 * "1.5" as 1 where the caller's locale has a decimal comma. */
static bool leading_number(const char *s, double *ret, const char **end)
{
	double v = 0, scale = 1;
	size_t digits = 0;

	for (; isdigit((unsigned char)*s); s++, digits++)
		v = v * 10 + (*s - '0');
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++, digits++) {
			v = v * 10 + (*s - '0');
			scale *= 10;
		}
	}
	if (digits == 0 || digits > 30)
		return false;
	*ret = v / scale;
	*end = s;
	return true;
}

/* Whole numbers stay exact: a double would round above 2^53. */
static int scale_size(const char *s, double v, uint64_t factor, uint64_t *ret)
{
	size_t n = strspn(s, "0123456789");
	uint64_t whole = 0;

	if (s[n] == '.') {
		v *= (double)factor;
		if (v >= 0x1p64)
			return -ERANGE;
		*ret = v + 0.5 < 0x1p64 ? (uint64_t)(v + 0.5) : (uint64_t)v;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (__builtin_mul_overflow(whole, (uint64_t)10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(s[i] - '0'), &whole))
			return -ERANGE;
	}
	if (__builtin_mul_overflow(whole, factor, &whole))
		return -ERANGE;
	*ret = whole;
	return 0;
}

int parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "BKMGTP";
	char buf[64];
	const char *end, *unit;
	uint64_t factor = 1;
	double v;

	if (!trim(s, buf, sizeof(buf)) || !leading_number(buf, &v, &end))
		return -EINVAL;
	while (*end == ' ')
		end++;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit)
			return -EINVAL;
		for (; unit > units; unit--)
			factor *= 1024;
		end++;
		if (factor > 1 && (*end == 'i' || *end == 'I'))
			end++;
		if (factor > 1 && (*end == 'b' || *end == 'B'))
			end++;
		if (*end)
			return -EINVAL;
	}
	return scale_size(buf, v, factor, ret);
}

int parse_percent(const char *s, double *ret)
{
	char buf[64];
	const char *end;
	double v;

	if (!trim(s, buf, sizeof(buf)) || !leading_number(buf, &v, &end))
		return -EINVAL;
	while (*end == ' ')
		end++;
	if (*end == '%')
		end++;
	if (*end)
		return -EINVAL;
	if (v > 100)
		return -ERANGE;
	*ret = v / 100;
	return 0;
}

/* Hex digits up to a separator; -1 when there are none or too many. */
static long hex_field(const char **s, size_t max_digits)
{
	long v = 0;
	size_t n = 0;

	while (isxdigit((unsigned char)(*s)[n]) && n <= max_digits) {
		char c = (char)tolower((unsigned char)(*s)[n]);

		v = v * 16 + (isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
		n++;
	}
	if (n == 0 || n > max_digits)
		return -1;
	*s += n;
	return v;
}

int parse_pci(const char *s, struct pci_address *ret)
{
	char buf[64];
	const char *p = buf;
	long f[4] = {0, -1, -1, -1};
	size_t colons = 0;

	if (!trim(s, buf, sizeof(buf)))
		return -EINVAL;
	if (strncasecmp(buf, "pci_", 4) == 0 && !strpbrk(buf, ":.")) { /* libvirt's node device name */
		p += 4;
		for (char *c = buf + 4; *c; c++) {
			if (*c == '_')
				*c = colons++ < 2 ? ':' : '.';
		}
	}
	colons = 0;
	for (const char *c = p; *c; c++)
		colons += *c == ':';
	if (colons != 1 && colons != 2)
		return -EINVAL;
	for (size_t i = 2 - colons; i < 4; i++) {
		f[i] = hex_field(&p, i == 0 ? 8 : i == 3 ? 1 : 2);
		if (f[i] < 0 || (i < 3 && *p++ != (i == 2 ? '.' : ':')))
			return -EINVAL;
	}
	if (*p || f[2] > 31 || f[3] > 7)
		return -EINVAL;
	if (f[0] > DOMAIN_MAX)
		return -ERANGE;
	*ret = (struct pci_address){.domain = (uint32_t)f[0],
	                            .bus = (uint8_t)f[1],
	                            .device = (uint8_t)f[2],
	                            .function = (uint8_t)f[3]};
	return 0;
}

void pci_format(const struct pci_address *a, char buf[PCI_STR_MAX])
{
	snprintf(buf, PCI_STR_MAX, "%04x:%02x:%02x.%x", a->domain, a->bus, a->device, a->function);
}

int parse_uuid(const char *s, char ret[UUID_STR_MAX])
{
	char buf[64];

	if (!trim(s, buf, sizeof(buf)) || strlen(buf) != UUID_STR_MAX - 1)
		return -EINVAL;
	for (size_t i = 0; i < UUID_STR_MAX - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (buf[i] >= 'A' && buf[i] <= 'F')
			buf[i] = (char)(buf[i] - 'A' + 'a');
		if (dash ? buf[i] != '-' : (buf[i] < '0' || buf[i] > '9') && (buf[i] < 'a' || buf[i] > 'f'))
			return -EINVAL;
	}
	memcpy(ret, buf, UUID_STR_MAX);
	return 0;
}

static void uuid_print(const uint8_t b[16], char ret[UUID_STR_MAX])
{
	snprintf(ret, UUID_STR_MAX, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	         b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
	         b[14], b[15]);
}

int uuid_generate(char ret[UUID_STR_MAX])
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b)) /* this few bytes come whole or not at all */
		return errno ? -errno : -EIO;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	uuid_print(b, ret);
	return 0;
}

/* FNV-1a with two offsets and a final mix: names of devices on one host, not adversaries. */
static uint64_t hash64(const char *s, uint64_t h)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	return h ^ (h >> 33);
}

void uuid_derive(const char *name, char ret[UUID_STR_MAX])
{
	uint64_t h[2] = {hash64(name, 0xcbf29ce484222325ull), hash64(name, 0x84222325cbf29ce4ull)};
	uint8_t b[16];

	for (size_t i = 0; i < 16; i++)
		b[i] = (uint8_t)(h[i / 8] >> (8 * (i % 8)));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x80);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	uuid_print(b, ret);
}

void size_format(uint64_t bytes, char *buf, size_t n)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1023.95 && u + 1 < ARRAY_SIZE(units)) { /* never "1024 KiB" */
		v /= 1024;
		u++;
	}
	snprintf(buf, n, fabs(v - rint(v)) < 0.05 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

unsigned edit_distance(const char *a, const char *b)
{
	unsigned row[65];
	size_t n = strlen(a), m = strlen(b);

	if (n > 64 || m > 64)
		return UINT32_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			unsigned best = diagonal + !same;

			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[m];
}
