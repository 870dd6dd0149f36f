/* SPDX-License-Identifier: MIT */
/*
 * What is drawn, as plain numbers. Pure: the GPU gets the same numbers as the reference picture that is
 * computed from them on the processor, so that a wrong picture is noticed on any renderer.
 *
 * Spheres move on small circles before a dark ground, seen without perspective: x from -aspect to aspect, y
 * from -1 to 1, larger z is nearer. Each has a colour, all have a texture that depends on the normal, and are
 * lit by four lights. Translucent layers over the whole picture follow, whose colour is the result of a chain
 * of rotations: they are what loads the fragment units.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SCENE_LIGHTS      4
#define SCENE_AMBIENT     0.25f
#define SCENE_SPECULAR    0.5f
#define SCENE_LAYER_ALPHA 0.125f
#define SCENE_LAYER_ANGLE 0.1f /* of one rotation */

extern const float scene_ground[3];
extern const float scene_lights[SCENE_LIGHTS][3]; /* directions, of length 1 */
extern const float scene_light_colors[SCENE_LIGHTS][3];

struct scene_settings {
	unsigned width, height;
	unsigned objects;
	unsigned triangles; /* of one object, about */
	unsigned layers;    /* over the whole picture */
	unsigned work;      /* rotations in each pixel of a layer */
	unsigned texture;   /* texels along a side */
};

/* One object, as the vertex shader gets it. */
struct scene_object {
	float center[3], radius;
	float color[3], phase;
};

struct scene_vertex {
	float position[3]; /* on the unit sphere: the normal, too */
};

struct scene_mesh {
	struct scene_vertex *vertices;
	uint32_t *indices;
	size_t n_vertices, n_indices;
};

/* n objects, the same for the same seed. NULL: out of memory. */
struct scene_object *scene_objects(const struct scene_settings *s, uint64_t seed);
/* Where an object is at a time in seconds. */
void scene_position(const struct scene_object *o, float seconds, float ret[3]);
/* Triangles that there are really: *ret->n_indices / 3. 0; -ENOMEM. */
int scene_mesh(unsigned triangles, struct scene_mesh *ret);
void scene_mesh_done(struct scene_mesh *m);
/* The texture at u, v in [0, 1]: a factor of the colour. */
float scene_texture(float u, float v);
/* RGBA of the whole texture; free() it. NULL: out of memory. */
uint8_t *scene_texels(unsigned side);
