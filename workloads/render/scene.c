/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "bench/random.h"

#define PI          3.14159265f
#define ORBIT       0.35f /* radius of the circle on which an object moves, by its own */
#define ORBIT_SPEED 2.0f  /* radians a second */
#define MIN_RINGS   4u

const float scene_ground[3] = {0.05f, 0.07f, 0.10f};
const float scene_lights[SCENE_LIGHTS][3] = {
	{0.57735f, 0.57735f, 0.57735f},
	{-0.70711f, 0.0f, 0.70711f},
	{0.0f, -0.8f, 0.6f},
	{0.0f, 0.0f, 1.0f},
};
const float scene_light_colors[SCENE_LIGHTS][3] = {
	{0.40f, 0.38f, 0.35f},
	{0.10f, 0.15f, 0.25f},
	{0.20f, 0.10f, 0.10f},
	{0.15f, 0.15f, 0.15f},
};

static float between(struct random *r, float low, float high)
{
	return low + (high - low) * (float)random_unit(r);
}

struct scene_object *scene_objects(const struct scene_settings *s, uint64_t seed)
{
	struct scene_object *v = calloc(s->objects + 1, sizeof(*v));
	struct random r = random_seeded(seed);
	float aspect = (float)s->width / (float)s->height;
	/* so large that they would cover the picture once if they did not overlap */
	float size = sqrtf(4 * aspect / (PI * (float)(s->objects ? s->objects : 1)));

	for (unsigned i = 0; v && i < s->objects; i++) {
		v[i].center[0] = between(&r, -aspect, aspect);
		v[i].center[1] = between(&r, -1, 1);
		v[i].center[2] = between(&r, -0.5f, 0.5f);
		v[i].radius = fminf(size * between(&r, 0.6f, 1.2f), 0.45f);
		for (int k = 0; k < 3; k++)
			v[i].color[k] = between(&r, 0.3f, 1.0f);
		v[i].phase = between(&r, 0, 2 * PI);
	}
	return v;
}

void scene_position(const struct scene_object *o, float seconds, float ret[3])
{
	float angle = o->phase + ORBIT_SPEED * seconds;

	ret[0] = o->center[0] + ORBIT * o->radius * cosf(angle);
	ret[1] = o->center[1] + ORBIT * o->radius * sinf(angle);
	ret[2] = o->center[2];
}

/* Rings from pole to pole, with twice as many segments around. */
static void fill_vertices(struct scene_mesh *m, unsigned rings, unsigned segments)
{
	for (unsigned i = 0; i <= rings; i++) {
		for (unsigned k = 0; k <= segments; k++) {
			float polar = PI * (float)i / (float)rings,
			      around = 2 * PI * (float)k / (float)segments;

			m->vertices[m->n_vertices++] = (struct scene_vertex){
				{sinf(polar) * cosf(around), sinf(polar) * sinf(around), cosf(polar)}};
		}
	}
}

/* Two triangles a cell; at a pole one of them has no area and is left out. */
static void fill_indices(struct scene_mesh *m, unsigned rings, unsigned segments)
{
	for (unsigned i = 0; i < rings; i++) {
		for (unsigned k = 0; k < segments; k++) {
			uint32_t a = i * (segments + 1) + k, b = a + segments + 1;
			const uint32_t cell[] = {a, b, a + 1, a + 1, b, b + 1};

			for (unsigned j = 0; j < 6; j++) {
				/* a, a + 1 are the upper pole, b, b + 1 the lower one */
				if (j < 3 ? i > 0 : i + 1 < rings)
					m->indices[m->n_indices++] = cell[j];
			}
		}
	}
}

int scene_mesh(unsigned triangles, struct scene_mesh *ret)
{
	unsigned rings = (unsigned)lroundf(sqrtf((float)triangles) / 2), segments;
	struct scene_mesh m = {0};

	rings = rings < MIN_RINGS ? MIN_RINGS : rings;
	segments = 2 * rings;
	m.vertices = calloc((size_t)(rings + 1) * (segments + 1), sizeof(*m.vertices));
	m.indices = calloc((size_t)rings * segments * 6, sizeof(*m.indices));
	if (!m.vertices || !m.indices) {
		scene_mesh_done(&m);
		return -ENOMEM;
	}
	fill_vertices(&m, rings, segments);
	fill_indices(&m, rings, segments);
	*ret = m;
	return 0;
}

void scene_mesh_done(struct scene_mesh *m)
{
	free(m->vertices);
	free(m->indices);
	*m = (struct scene_mesh){0};
}

/* Slow waves, so that how a renderer filters does not matter. */
float scene_texture(float u, float v)
{
	return 0.7f + 0.3f * sinf(2 * PI * 2 * u) * sinf(2 * PI * 2 * v);
}

uint8_t *scene_texels(unsigned side)
{
	uint8_t *v = malloc((size_t)side * side * 4);

	for (unsigned y = 0; v && y < side; y++) {
		for (unsigned x = 0; x < side; x++) {
			uint8_t *texel = v + ((size_t)y * side + x) * 4;
			float t = scene_texture(((float)x + 0.5f) / (float)side,
			                        ((float)y + 0.5f) / (float)side);

			texel[0] = texel[1] = texel[2] = (uint8_t)lroundf(255 * t);
			texel[3] = 255;
		}
	}
	return v;
}
