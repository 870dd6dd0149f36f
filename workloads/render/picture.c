/* SPDX-License-Identifier: MIT */
#include "picture.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define WINDOW 8

/* --- what it must look like --- */

struct canvas {
	const struct scene_settings *s;
	float aspect;
	float *depth;
	uint32_t *object; /* seen there, from 1; 0 none */
	uint8_t *pixels;
};

static float to_x(const struct canvas *c, unsigned column)
{
	return (2 * ((float)column + 0.5f) / (float)c->s->width - 1) * c->aspect;
}

static float to_y(const struct canvas *c, unsigned line)
{
	return 2 * ((float)line + 0.5f) / (float)c->s->height - 1;
}

/* The first pixel whose middle may be at or beyond a place on an axis of n pixels, within them. */
static unsigned to_pixel(float place, unsigned n)
{
	float p = floorf((place + 1) / 2 * (float)n);

	return p < 0 ? 0 : p > (float)n ? n : (unsigned)p;
}

/* Marks where an object is the nearest so far. */
static void cover(struct canvas *c, const struct scene_object *o, uint32_t number, float seconds)
{
	float at[3], r = o->radius;
	unsigned left, right, low, high;

	scene_position(o, seconds, at);
	left = to_pixel((at[0] - r) / c->aspect, c->s->width);
	right = to_pixel((at[0] + r) / c->aspect + 2.0f / (float)c->s->width, c->s->width);
	low = to_pixel(at[1] - r, c->s->height);
	high = to_pixel(at[1] + r + 2.0f / (float)c->s->height, c->s->height);
	for (unsigned y = low; y < high; y++) {
		for (unsigned x = left; x < right; x++) {
			size_t i = (size_t)y * c->s->width + x;
			float dx = to_x(c, x) - at[0], dy = to_y(c, y) - at[1],
			      rest = r * r - dx * dx - dy * dy;

			if (rest > 0 && at[2] + sqrtf(rest) > c->depth[i]) {
				c->depth[i] = at[2] + sqrtf(rest);
				c->object[i] = number + 1;
			}
		}
	}
}

static float dot(const float a[3], const float b[3])
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* The same as the fragment shader of the objects. */
static void shade(const struct scene_object *o, const float normal[3], float ret[3])
{
	float texel = scene_texture(normal[0] / 2 + 0.5f, normal[1] / 2 + 0.5f);

	for (int k = 0; k < 3; k++)
		ret[k] = SCENE_AMBIENT * texel * o->color[k];
	for (int l = 0; l < SCENE_LIGHTS; l++) {
		const float *light = scene_lights[l];
		float half[3] = {light[0], light[1], light[2] + 1}, len = sqrtf(dot(half, half));
		float diffuse = fmaxf(dot(normal, light), 0), shine = fmaxf(dot(normal, half) / len, 0);

		for (int power = 1; power < 32; power *= 2)
			shine *= shine;
		for (int k = 0; k < 3; k++)
			ret[k] += scene_light_colors[l][k] *
			          (diffuse * texel * o->color[k] + SCENE_SPECULAR * shine);
	}
}

/* The same as the fragment shader of the layers, whose rotations are one here. */
static void add_layers(const struct scene_settings *s, unsigned x, unsigned y, float color[3])
{
	float u = ((float)x + 0.5f) / (float)s->width, v = ((float)y + 0.5f) / (float)s->height;

	for (unsigned l = 0; l < s->layers; l++) {
		float angle = 7 * u + 5 * v + (float)l + SCENE_LAYER_ANGLE * (float)s->work;
		float a = 0.5f + 0.5f * cosf(angle), b = 0.5f + 0.5f * sinf(angle);
		const float layer[3] = {a, b, 1 - a};

		for (int k = 0; k < 3; k++)
			color[k] += SCENE_LAYER_ALPHA * (layer[k] - color[k]);
	}
}

static uint8_t to_byte(float v)
{
	return v <= 0 ? 0 : v >= 1 ? 255 : (uint8_t)lroundf(v * 255);
}

static void color_pixel(struct canvas *c, const struct scene_object *objects, float seconds, unsigned x,
                        unsigned y)
{
	size_t i = (size_t)y * c->s->width + x;
	float color[3] = {scene_ground[0], scene_ground[1], scene_ground[2]};

	if (c->object[i]) {
		const struct scene_object *o = &objects[c->object[i] - 1];
		float at[3], normal[3];

		scene_position(o, seconds, at);
		normal[0] = (to_x(c, x) - at[0]) / o->radius;
		normal[1] = (to_y(c, y) - at[1]) / o->radius;
		normal[2] = (c->depth[i] - at[2]) / o->radius;
		shade(o, normal, color);
	}
	for (int k = 0; k < 3; k++) /* the picture holds no more before the layers come */
		color[k] = fminf(color[k], 1);
	add_layers(c->s, x, y, color);
	for (int k = 0; k < 3; k++)
		c->pixels[4 * i + (size_t)k] = to_byte(color[k]);
	c->pixels[4 * i + 3] = 255;
}

uint8_t *picture_expected(const struct scene_settings *s, const struct scene_object *objects, float seconds)
{
	size_t n = (size_t)s->width * s->height;
	_cleanup_free_ float *depth = malloc(n * sizeof(*depth));
	_cleanup_free_ uint32_t *object = calloc(n, sizeof(*object));
	_cleanup_free_ uint8_t *pixels = malloc(n * 4);
	struct canvas c = {.s = s,
	                   .aspect = (float)s->width / (float)s->height,
	                   .depth = depth,
	                   .object = object,
	                   .pixels = pixels};

	if (!depth || !object || !pixels)
		return NULL;
	for (size_t i = 0; i < n; i++)
		depth[i] = -INFINITY;
	for (uint32_t i = 0; i < s->objects; i++)
		cover(&c, &objects[i], i, seconds);
	for (unsigned y = 0; y < s->height; y++) {
		for (unsigned x = 0; x < s->width; x++)
			color_pixel(&c, objects, seconds, x, y);
	}
	return steal_ptr(pixels);
}

/* --- comparing --- */

static double brightness(const uint8_t *p)
{
	return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

static double window_ssim(const uint8_t *a, const uint8_t *b, size_t stride)
{
	const double n = WINDOW * WINDOW, c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
	double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;

	for (size_t y = 0; y < WINDOW; y++) {
		for (size_t x = 0; x < WINDOW; x++) {
			double p = brightness(a + y * stride + 4 * x), q = brightness(b + y * stride + 4 * x);

			sa += p;
			sb += q;
			saa += p * p;
			sbb += q * q;
			sab += p * q;
		}
	}
	sa /= n;
	sb /= n;
	saa = saa / n - sa * sa;
	sbb = sbb / n - sb * sb;
	sab = sab / n - sa * sb;
	return (2 * sa * sb + c1) * (2 * sab + c2) / ((sa * sa + sb * sb + c1) * (saa + sbb + c2));
}

struct picture_likeness picture_compare(const uint8_t *a, const uint8_t *b, unsigned width, unsigned height)
{
	size_t stride = (size_t)width * 4, windows = 0;
	double ssim = 0, squares = 0, mean;

	for (size_t y = 0; y + WINDOW <= height; y += WINDOW) {
		for (size_t x = 0; x + WINDOW <= width; x += WINDOW, windows++)
			ssim += window_ssim(a + y * stride + 4 * x, b + y * stride + 4 * x, stride);
	}
	for (size_t i = 0; i < stride * height; i++) {
		double d = i % 4 == 3 ? 0 : (double)a[i] - b[i];

		squares += d * d;
	}
	mean = squares / (3.0 * width * height);
	return (struct picture_likeness){.ssim = windows ? ssim / (double)windows : NAN,
	                                 .psnr = 10 * log10(255.0 * 255.0 / mean)};
}

int picture_write(FILE *f, const uint8_t *picture, unsigned width, unsigned height)
{
	fprintf(f, "P6\n%u %u\n255\n", width, height);
	for (unsigned y = height; y-- > 0;) {
		for (unsigned x = 0; x < width; x++)
			fwrite(picture + ((size_t)y * width + x) * 4, 3, 1, f);
	}
	return fflush(f) == 0 && !ferror(f) ? 0 : -EIO;
}
