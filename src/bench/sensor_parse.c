/* SPDX-License-Identifier: MIT */
/* What kernel and drivers write, read with care. Pure. */
#include "bench/sensor.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/nvml.h"

#define USER_HZ_US 10000u /* the kernel shows times in hundredths of a second, whatever its own clock */

unsigned throttle_of_nvml(uint64_t reasons)
{
	unsigned flags = 0;

	if (reasons & NVML_CLOCKS_IDLE)
		flags |= THROTTLE_IDLE;
	if (reasons & (NVML_CLOCKS_SETTING | NVML_CLOCKS_SYNC_BOOST | NVML_CLOCKS_DISPLAY))
		flags |= THROTTLE_SETTING;
	if (reasons & (NVML_CLOCKS_POWER_CAP | NVML_CLOCKS_POWER_BRAKE))
		flags |= THROTTLE_POWER;
	if (reasons & (NVML_CLOCKS_SW_THERMAL | NVML_CLOCKS_HW_THERMAL))
		flags |= THROTTLE_THERMAL;
	/* "hardware slowdown" is also set with the two that name its cause */
	if ((reasons & NVML_CLOCKS_HW_SLOWDOWN) &&
	    !(reasons & (NVML_CLOCKS_HW_THERMAL | NVML_CLOCKS_POWER_BRAKE)))
		flags |= THROTTLE_OTHER;
	if (reasons & ~(uint64_t)0x1ff)
		flags |= THROTTLE_OTHER;
	return flags;
}

const char *throttle_name(unsigned flags)
{
	if (flags & THROTTLE_THERMAL)
		return "thermal";
	if (flags & THROTTLE_OTHER)
		return "other";
	return flags & THROTTLE_POWER ? "power" : "none";
}

int counter_difference(uint64_t a, uint64_t b, uint64_t wraps_at, uint64_t *ret)
{
	uint64_t d;

	if (b >= a) {
		*ret = b - a;
		return 0;
	}
	if (!wraps_at || a > wraps_at)
		return -ERANGE;
	d = wraps_at - a + b;
	/* Over the end, and not a small step backwards. */
	if (d > wraps_at / 2)
		return -ERANGE;
	*ret = d;
	return 0;
}

/* Number at *s, behind blanks; moves *s behind it. */
static int next_u64(const char **s, uint64_t *ret)
{
	char *end;

	while (**s == ' ' || **s == '\t')
		(*s)++;
	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	errno = 0;
	*ret = strtoull(*s, &end, 10);
	if (errno)
		return -EINVAL;
	*s = end;
	return 0;
}

/* 14th and 15th word; the second is a name in parentheses that may hold anything. */
int sensor_parse_stat(const char *text, uint64_t *ret_us)
{
	const char *s = strrchr(text, ')');
	uint64_t user, system;

	if (!s || s[1] != ' ' || !s[2])
		return -EINVAL;
	s += 2;
	for (int word = 3; word < 14; word++) {
		s = strchr(s, ' ');
		if (!s)
			return -EINVAL;
		s++;
	}
	if (next_u64(&s, &user) < 0 || next_u64(&s, &system) < 0 || user > UINT64_MAX / 4 / USER_HZ_US ||
	    system > UINT64_MAX / 4 / USER_HZ_US)
		return -EINVAL;
	*ret_us = (user + system) * USER_HZ_US;
	return 0;
}

/* "cpu user nice system idle iowait irq softirq steal ..."; guests are in user already. */
int sensor_parse_cpu(const char *text, uint64_t *ret_us)
{
	static const bool is_busy[8] = {true, true, true, false, false, true, true, false};
	const char *s = text + 4;
	uint64_t sum = 0;

	if (strncmp(text, "cpu ", 4) != 0)
		return -EINVAL;
	for (int i = 0; i < 8; i++) {
		uint64_t v;

		if (next_u64(&s, &v) < 0) {
			if (i < 4)
				return -EINVAL;
			break;
		}
		if (v > UINT64_MAX / 16 / USER_HZ_US)
			return -EINVAL;
		sum += is_busy[i] ? v : 0;
	}
	*ret_us = sum * USER_HZ_US;
	return 0;
}

/* The start of the next line, or the end of the text. */
static const char *next_line(const char *s)
{
	s += strcspn(s, "\n");
	return s + (*s == '\n');
}

int sensor_parse_keyed(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	for (const char *s = text; *s; s = next_line(s)) {
		const char *at = s;
		uint64_t v;

		if (strncmp(s, key, n) != 0 || (s[n] != ' ' && s[n] != ':'))
			continue;
		at += n + (s[n] == ':');
		if (next_u64(&at, &v) < 0)
			return -EINVAL;
		while (*at == ' ')
			at++;
		if (strncmp(at, "kB", 2) == 0) {
			if (v > UINT64_MAX / 1024)
				return -EINVAL;
			v *= 1024;
		}
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

/* Layouts of Linux' drivers/gpu/drm/amd/include/kgd_pp_interface.h; unit: 2^-16 J. */
int sensor_parse_amd(const char *data, size_t len, uint64_t *ret_uj)
{
	static const uint8_t offset[] = {[1] = 24, [2] = 24, [3] = 24, [4] = 24, [5] = 88, [6] = 88};
	uint8_t format, content;
	uint64_t raw;

	if (len < 4)
		return -EINVAL;
	format = (uint8_t)data[2];
	content = (uint8_t)data[3];
	if (format != 1 || content == 0 || content >= sizeof(offset))
		return -ENODATA;
	if (len < offset[content] + sizeof(raw))
		return -EINVAL;
	memcpy(&raw, data + offset[content], sizeof(raw));
	if (raw == 0 || raw == UINT64_MAX)
		return -ENODATA; /* not filled on this board */
	if (raw / 1024 > UINT64_MAX / 4 / 15625)
		return -EINVAL;
	*ret_uj = raw / 1024 * 15625 + raw % 1024 * 15625 / 1024;
	return 0;
}
