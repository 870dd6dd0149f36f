/* SPDX-License-Identifier: MIT */
#include "encode_parts.h"

#include <stdio.h>
#include <string.h>

#define DELIMITER 0x00000109u /* start code and the type of an access unit delimiter */

/* What makes a codec quick: no frame waits for a later one. One thread, since there are many sessions. */
static const struct codec {
	const char *name;
	const char *output[24]; /* options, NULL-terminated */
} codecs[ENCODE_CODECS] = {
	[ENCODE_NONE] = {.name = "none"},
	[ENCODE_AUTO] = {.name = "auto"},
	[ENCODE_NVENC] = {.name = "h264_nvenc",
                          .output = {"-vf", "vflip", "-preset", "p1", "-tune", "ull", "-zerolatency", "1",
                                     "-delay", "0", "-rc", "constqp", "-qp", "23"}},
	[ENCODE_VAAPI] = {.name = "h264_vaapi",
                          .output = {"-vf", "vflip,format=nv12,hwupload", "-rc_mode", "CQP", "-qp", "23",
                                     "-async_depth", "1"}},
	[ENCODE_X264] = {.name = "libx264",
                         .output = {"-vf", "vflip,format=yuv420p", "-preset", "ultrafast", "-tune",
                                    "zerolatency", "-crf", "23", "-threads", "1"}},
};

const char *encoder_codec_name(enum encode_codec codec)
{
	return codecs[codec].name;
}

static void add(struct encoder_command *c, size_t *n, const char *word)
{
	if (*n < ENCODER_ARGS_MAX)
		c->argv[(*n)++] = (char *)(uintptr_t)word;
}

static void add_all(struct encoder_command *c, size_t *n, const char *const *words)
{
	for (; *words; words++)
		add(c, n, *words);
}

/* On the GPU that draws, where it is known. */
static void add_device(const struct encoder_settings *s, struct encoder_command *c, size_t *n)
{
	if (s->codec == ENCODE_VAAPI) {
		if (s->pci[0])
			snprintf(c->device, sizeof(c->device), "/dev/dri/by-path/pci-%s-render", s->pci);
		else
			snprintf(c->device, sizeof(c->device), "/dev/dri/renderD128");
		add_all(c, n, (const char *const[]){"-vaapi_device", c->device, NULL});
	}
}

static void add_gpu(const struct encoder_settings *s, struct encoder_command *c, size_t *n)
{
	if (s->codec != ENCODE_NVENC || s->cuda < 0)
		return;
	snprintf(c->device, sizeof(c->device), "%d", s->cuda);
	add_all(c, n, (const char *const[]){"-gpu", c->device, NULL});
}

void encoder_command(const struct encoder_settings *s, struct encoder_command *ret)
{
	struct encoder_command *c = ret;
	size_t n = 0;

	*c = (struct encoder_command){0};
	snprintf(c->size, sizeof(c->size), "%ux%u", s->width, s->height);
	snprintf(c->rate, sizeof(c->rate), "%u", s->fps);
	add_all(c, &n,
	        (const char *const[]){"ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", NULL});
	add_device(s, c, &n);
	/* nothing is looked at before the first picture is encoded: its form is known */
	add_all(c, &n,
	        (const char *const[]){"-probesize", "32", "-analyzeduration", "0", "-f", "rawvideo",
	                              "-pix_fmt", "rgb0", "-video_size", c->size, "-framerate", c->rate, "-i",
	                              "pipe:0", NULL});
	add_all(c, &n, codecs[s->codec].output);
	add_gpu(s, c, &n);
	add_all(c, &n,
	        (const char *const[]){"-c:v", codecs[s->codec].name, "-g", "240", "-bf", "0", "-aud", "1",
	                              "-flush_packets", "1", "-f", "h264", "pipe:1", NULL});
}

/* A delimiter, whose last byte is at that place of the stream. */
static void begin_frame(struct stream_count *c, uint64_t at)
{
	if (c->frames++ == c->skipped)
		c->skipped_bytes = at + 1 - sizeof(c->last);
}

void stream_count_add(struct stream_count *c, const uint8_t *data, size_t len)
{
	if (!c->bytes)
		c->last = UINT32_MAX; /* nothing before the first byte is part of a start code */
	for (size_t i = 0; i < len; i++) {
		/* the upper bits of the type's byte say how important it is */
		c->last = c->last << 8 | data[i];
		if ((c->last & 0xffffff1f) == DELIMITER)
			begin_frame(c, c->bytes + i);
	}
	c->bytes += len;
}

uint64_t stream_count_bytes(const struct stream_count *c)
{
	return c->frames > c->skipped ? c->bytes - c->skipped_bytes : 0;
}

void stream_last_line(const char *text, char *buf, size_t size)
{
	size_t end = strlen(text), begin;

	while (end && strchr(" \t\r\n", text[end - 1]))
		end--;
	begin = end;
	while (begin && text[begin - 1] != '\n' && text[begin - 1] != '\r')
		begin--;
	snprintf(buf, size, "%.*s", (int)(end - begin), text + begin);
}
