/* SPDX-License-Identifier: MIT */
/* Drawing the scene with OpenGL ES 3 into a picture of its own, without a window. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "openforbc/error.h"
#include "scene.h"

struct gl_scene;

/* Needs a current context. -ENOTSUP what the renderer cannot do; -ENOMEM. */
int gl_scene_new(const struct scene_settings *s, const struct scene_object *objects, struct gl_scene **ret,
                 struct ofbc_error *err);
void gl_scene_free(struct gl_scene *g); /* accepts NULL */
/* Draws that many of the objects and layers, and waits until the frame is complete. 0; -EIO the GPU reports
 * an error. */
int gl_scene_draw(struct gl_scene *g, float seconds, unsigned objects, unsigned layers,
                  struct ofbc_error *err);
/* The picture, RGBA, from the lowest line up; room for width * height * 4 bytes. */
int gl_scene_read(const struct gl_scene *g, uint8_t *ret, struct ofbc_error *err);
const char *gl_renderer(void);
const char *gl_version(void);
