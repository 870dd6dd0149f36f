/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "encode.h"
#include "script.h"

enum kind { NUMBER, CHOICE, TEXT, SIZE, FLAG };

/* value: the default; choices: as their enumeration counts them */
static const struct row {
	const char *name;
	enum kind kind;
	size_t at;
	const char *value, *help, *choices;
	uint32_t min, max;
} rows[] = {
	{"size", SIZE, offsetof(struct options, scene), "1920x1080", "width and height of the picture", NULL,
         0, 0},
	{"objects", NUMBER, offsetof(struct options, scene.objects), "500", "lit spheres", NULL, 0, 1000000},
	{"triangles", NUMBER, offsetof(struct options, scene.triangles), "1000", "of each, about", NULL, 500,
         1000000},
	{"layers", NUMBER, offsetof(struct options, scene.layers), "4",
         "translucent layers over the whole picture", NULL, 0, 1000},
	{"work", NUMBER, offsetof(struct options, scene.work), "16", "rotations in each pixel of a layer",
         NULL, 0, 1000},
	{"texture", NUMBER, offsetof(struct options, scene.texture), "1024", "texels along a side", NULL, 64,
         16384},
	{"fps", NUMBER, offsetof(struct options, fps), "0", "frames a second; 0: as fast as possible", NULL,
         0, 1000},
	{"script", CHOICE, offsetof(struct options, script), "constant", "when there is a frame",
         "constant|desktop", 0, 0},
	{"seed", NUMBER, offsetof(struct options, seed), "1", "of the scene and the script", NULL, 0,
         UINT32_MAX},
	{"duration", NUMBER, offsetof(struct options, duration_s), "10",
         "seconds; a harness that speaks the protocol decides itself", NULL, 1, 86400},
	{"frames", NUMBER, offsetof(struct options, frames), "0", "end after so many; 0: by the time alone",
         NULL, 0, 100000000},
	{"warm-up", NUMBER, offsetof(struct options, warmup), "30", "frames before that", NULL, 0, 100000},
	{"device", TEXT, offsetof(struct options, device), "",
         "number, PCI address, UUID as GPU-..., or software", NULL, 0, 0},
	{"renderer", CHOICE, offsetof(struct options, renderer), "auto",
         "auto: hardware where the environment names a GPU", "auto|any|hardware|software", 0, 0},
	{"encode", CHOICE, offsetof(struct options, encode), "none",
         "each frame goes to ffmpeg; auto: the first codec that works", ENCODE_CHOICES, 0, 0},
	{"video", TEXT, offsetof(struct options, video), "", "file for the stream of the encoder (H.264)",
         NULL, 0, 0},
	{"image", TEXT, offsetof(struct options, image), "", "file for the picture that is checked (PPM)",
         NULL, 0, 0},
	{"list", FLAG, offsetof(struct options, wants_list), NULL, "the devices that EGL offers", NULL, 0, 0},
	{"help", FLAG, offsetof(struct options, wants_help), NULL, "this", NULL, 0, 0},
	{"version", FLAG, offsetof(struct options, wants_version), NULL, "of openforbc", NULL, 0, 0},
};

static int bad_value(const struct row *row, const char *text, const char *valid, struct ofbc_error *err)
{
	error_set(err, EINVAL, OFBC_REASON_USAGE, "'%s' is no value of --%s", text, row->name);
	error_hint(err, "valid: %s", valid);
	return -EINVAL;
}

static int take_number(const struct row *row, const char *text, uint32_t *ret, struct ofbc_error *err)
{
	char valid[64];
	uint32_t value;

	if (parse_u32(text, &value) == 0 && value >= row->min && value <= row->max) {
		*ret = value;
		return 0;
	}
	snprintf(valid, sizeof(valid), "%u to %u", row->min, row->max);
	return bad_value(row, text, valid, err);
}

static int take_choice(const struct row *row, const char *text, uint32_t *ret, struct ofbc_error *err)
{
	const char *one = row->choices;

	for (uint32_t i = 0; *one; i++) {
		size_t n = strcspn(one, "|");

		if (n == strlen(text) && strncmp(one, text, n) == 0) {
			*ret = i;
			return 0;
		}
		one += n + (one[n] == '|');
	}
	return bad_value(row, text, row->choices, err);
}

static bool is_side(unsigned n)
{
	return n >= 64 && n <= 16384;
}

static int take_size(const struct row *row, const char *text, struct scene_settings *ret,
                     struct ofbc_error *err)
{
	unsigned w, h;
	char rest;

	if (sscanf(text, "%5ux%5u%c", &w, &h, &rest) != 2 || !is_side(w) || !is_side(h))
		return bad_value(row, text, "two numbers from 64 to 16384, as in 1920x1080", err);
	ret->width = w;
	ret->height = h;
	return 0;
}

static int take(struct options *o, const struct row *row, const char *text, struct ofbc_error *err)
{
	void *to = (char *)o + row->at;

	switch (row->kind) {
	case NUMBER:
		return take_number(row, text, to, err);
	case CHOICE:
		return take_choice(row, text, to, err);
	case SIZE:
		return take_size(row, text, to, err);
	case TEXT:
		*(const char **)to = text;
		return 0;
	case FLAG:
		*(bool *)to = true;
		return 0;
	}
	return -EINVAL;
}

static int refused(int which, const char *word, struct ofbc_error *err)
{
	error_set(err, EINVAL, OFBC_REASON_USAGE, which == ':' ? "'%s' has no value" : "'%s' is no option",
	          word);
	error_hint(err, "`openforbc-render --help` lists the options");
	return -EINVAL;
}

static int check_together(const struct options *o, struct ofbc_error *err)
{
	const struct {
		bool is_wrong;
		const char *message, *hint;
	} rules[] = {
		{o->script != SCRIPT_CONSTANT && !o->fps, "--script desktop needs --fps", "as in --fps 60"},
		{o->video[0] && o->encode == ENCODE_NONE, "--video needs --encode", "as in --encode auto"},
		{o->encode != ENCODE_NONE && (o->scene.width % 2 || o->scene.height % 2),
	         "--encode needs an even width and height", "colours are stored for two by two pixels"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!rules[i].is_wrong)
			continue;
		error_set(err, EINVAL, OFBC_REASON_USAGE, "%s", rules[i].message);
		error_hint(err, "%s", rules[i].hint);
		return -EINVAL;
	}
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct ofbc_error *err)
{
	struct option names[ARRAY_SIZE(rows) + 1] = {0};
	struct options o = {0};
	int which, r = 0;

	if (argc == 3 && strcmp(argv[1], "help") == 0 && strcmp(argv[2], "--tables") == 0) {
		*ret = (struct options){.wants_tables = true};
		return 0;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++) {
		names[i] =
			(struct option){rows[i].name, rows[i].kind == FLAG ? no_argument : required_argument,
		                        NULL, (int)i + 256};
		r = rows[i].value ? take(&o, &rows[i], rows[i].value, err) : 0;
	}
	opterr = 0;
	while (r == 0 && (which = getopt_long(argc, argv, ":", names, NULL)) != -1)
		r = which < 256 ? refused(which, argv[optind - 1], err)
		                : take(&o, &rows[which - 256], optarg, err);
	if (r == 0 && optind < argc)
		r = refused('?', argv[optind], err);
	if (r == 0)
		r = check_together(&o, err);
	if (r == 0)
		*ret = o;
	return r;
}

void options_help(FILE *to)
{
	fprintf(to,
	        "usage: openforbc-render [--NAME VALUE ...]\n\n"
	        "Draws a scene without a window, checks the picture, and says how long its frames take.\n\n");
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		bool has_value = row->value && row->value[0];

		fprintf(to, "  --%-10s %s%s%s%s%s%s\n", row->name, row->help, row->choices ? ": " : "",
		        row->choices ? row->choices : "", has_value ? " (" : "", has_value ? row->value : "",
		        has_value ? ")" : "");
	}
}

void options_tables(FILE *to)
{
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		if (row->kind != FLAG || strcmp(row->name, "list") == 0)
			fprintf(to, "option render/- --%s\n", row->name);
	}
}
