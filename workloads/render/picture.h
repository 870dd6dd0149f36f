/* SPDX-License-Identifier: MIT */
/* Pictures: the one that the scene must give, and how alike two are. Pure. RGBA, from the lowest line up. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "scene.h"

/* The scene at a time, computed without a GPU; free() it. NULL: out of memory. */
uint8_t *picture_expected(const struct scene_settings *s, const struct scene_object *objects, float seconds);

struct picture_likeness {
	double ssim; /* of the brightness, mean over windows of 8 x 8 */
	double psnr; /* of red, green and blue together, dB; infinite: equal */
};

/* Structural similarity: Wang et al., IEEE Transactions on Image Processing 13 (2004). */
struct picture_likeness picture_compare(const uint8_t *a, const uint8_t *b, unsigned width, unsigned height);

/* What counts as the same picture: renderers differ in edges and rounding. See docs/graphics.md. */
#define PICTURE_MIN_SSIM 0.93
#define PICTURE_MIN_PSNR 28.0

/* As PPM, from the highest line down: 0; -errno. */
int picture_write(FILE *f, const uint8_t *picture, unsigned width, unsigned height);
