/* SPDX-License-Identifier: MIT */
/* The command line of ffmpeg, and what is counted of its stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "encode_parts.h"

/* Two delimiters, one of them with a start code of four bytes; other types, and what only looks like one. */
static const uint8_t stream[] = {
	0,    0, 0, 1, 0x09, 0x10, 0,    0, 1, 0x67, 0x42, 0,    0, 0, 1, 0x65, 0x88,
	0x09, 1, 9, 0, 1,    9,    0xff, 0, 0, 1,    0x09, 0x30, 0, 0, 1, 0x41, 9,
};

static void test_count(void **state)
{
	(void)state;
	for (size_t piece = 1; piece <= sizeof(stream); piece++) {
		struct stream_count c = {0};

		for (size_t i = 0; i < sizeof(stream); i += piece)
			stream_count_add(&c, stream + i,
			                 i + piece < sizeof(stream) ? piece : sizeof(stream) - i);
		assert_int_equal(c.bytes, sizeof(stream));
		assert_int_equal(c.frames, 2);
		assert_int_equal(stream_count_bytes(&c), sizeof(stream) - 1);
	}
}

/* A stream that begins with a byte 9 has no delimiter there. */
static void test_count_begin(void **state)
{
	const uint8_t bytes[] = {1, 9, 0, 0, 1, 9};
	struct stream_count c = {0};

	(void)state;
	stream_count_add(&c, bytes, sizeof(bytes));
	assert_int_equal(c.frames, 1);
}

/* Only the frames behind the first one count, from their delimiter on. */
static void test_count_skips(void **state)
{
	struct stream_count c = {.skipped = 1};

	(void)state;
	stream_count_add(&c, stream, 20);
	assert_int_equal(stream_count_bytes(&c), 0); /* there is none yet */
	stream_count_add(&c, stream + 20, sizeof(stream) - 20);
	assert_int_equal(stream_count_bytes(&c), 10);
	c.skipped = 2;
	assert_int_equal(stream_count_bytes(&c), 0);
}

static void test_last_line(void **state)
{
	static const struct {
		const char *text, *line;
	} cases[] = {
		{"", ""},
		{"\n\n", ""},
		{"one", "one"},
		{"one\n", "one"},
		{"one\ntwo\n", "two"},
		{"one\r\ntwo \r\n\n", "two"},
		{"50 %\rdone", "done"},
	};
	char buf[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stream_last_line(cases[i].text, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].line);
	}
	stream_last_line("a long line", buf, sizeof(buf));
	assert_string_equal(buf, "a long ");
}

/* The word behind an option; NULL: it is not there. */
static const char *option(const struct encoder_command *c, const char *name)
{
	for (size_t i = 0; c->argv[i] && c->argv[i + 1]; i++) {
		if (strcmp(c->argv[i], name) == 0)
			return c->argv[i + 1];
	}
	return NULL;
}

static void command_of(enum encode_codec codec, const char *pci, int cuda, struct encoder_command *ret)
{
	struct encoder_settings s = {.codec = codec, .width = 640, .height = 480, .fps = 30, .cuda = cuda};

	strcpy(s.pci, pci);
	encoder_command(&s, ret);
}

static void test_command(void **state)
{
	struct encoder_command c;

	(void)state;
	for (int codec = ENCODE_AUTO + 1; codec < ENCODE_CODECS; codec++) {
		size_t n = 0;

		command_of((enum encode_codec)codec, "", -1, &c);
		while (c.argv[n])
			n++;
		assert_true(n > 20 && n < ENCODER_ARGS_MAX);
		assert_string_equal(c.argv[0], "ffmpeg");
		assert_string_equal(c.argv[n - 1], "pipe:1");
		assert_string_equal(option(&c, "-video_size"), "640x480");
		assert_string_equal(option(&c, "-framerate"), "30");
		assert_string_equal(option(&c, "-c:v"), encoder_codec_name((enum encode_codec)codec));
		assert_string_equal(option(&c, "-aud"), "1"); /* by which frames are counted */
		assert_null(option(&c, "-gpu"));
	}
}

/* The GPU that draws encodes. */
static void test_device(void **state)
{
	struct encoder_command c;

	(void)state;
	command_of(ENCODE_VAAPI, "0000:41:00.0", -1, &c);
	assert_string_equal(option(&c, "-vaapi_device"), "/dev/dri/by-path/pci-0000:41:00.0-render");
	command_of(ENCODE_VAAPI, "", -1, &c);
	assert_string_equal(option(&c, "-vaapi_device"), "/dev/dri/renderD128");
	command_of(ENCODE_NVENC, "0000:41:00.0", 2, &c);
	assert_string_equal(option(&c, "-gpu"), "2");
	command_of(ENCODE_X264, "0000:41:00.0", 2, &c);
	assert_null(option(&c, "-gpu"));
	assert_null(option(&c, "-vaapi_device"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),       cmocka_unit_test(test_count_begin),
		cmocka_unit_test(test_count_skips), cmocka_unit_test(test_last_line),
		cmocka_unit_test(test_command),     cmocka_unit_test(test_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
