/* SPDX-License-Identifier: MIT */
#include "gl.h"

#include <GLES3/gl3.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"

#define WAIT_NS 10000000000u /* a frame that takes longer is no frame */

struct gl_scene {
	struct scene_settings s;
	size_t n_indices;
	GLuint framebuffer, color, depth, texture;
	GLuint objects_program, layers_program;
	GLuint buffers[3], array, no_array;
	GLint time_at;
};

enum { AT_POSITION, AT_CENTER, AT_COLOR };

static const char objects_vertex[] =
	"#version 300 es\n"
	"layout(location = 0) in vec3 position;\n"
	"layout(location = 1) in vec4 center;\n" /* w: radius */
	"layout(location = 2) in vec4 color;\n"  /* w: phase */
	"uniform float time, aspect;\n"
	"out vec3 normal;\n"
	"flat out vec3 albedo;\n"
	"void main() {\n"
	"	float angle = color.w + 2.0 * time;\n"
	"	vec3 at = center.xyz + 0.35 * center.w * vec3(cos(angle), sin(angle), 0.0);\n"
	"	vec3 p = at + center.w * position;\n"
	"	normal = position;\n"
	"	albedo = color.rgb;\n"
	"	gl_Position = vec4(p.x / aspect, p.y, -p.z, 1.0);\n"
	"}\n";

static const char objects_fragment[] =
	"#version 300 es\n"
	"precision highp float;\n"
	"in vec3 normal;\n"
	"flat in vec3 albedo;\n"
	"uniform sampler2D surface;\n"
	"uniform vec3 lights[4], colors[4];\n"
	"uniform float ambient, specular;\n"
	"out vec4 result;\n"
	"void main() {\n"
	"	vec3 n = normalize(normal);\n"
	"	vec3 base = albedo * texture(surface, n.xy * 0.5 + 0.5).rgb;\n"
	"	vec3 sum = ambient * base;\n"
	"	for (int i = 0; i < 4; i++) {\n"
	"		vec3 h = normalize(lights[i] + vec3(0.0, 0.0, 1.0));\n"
	"		float shine = max(dot(n, h), 0.0);\n"
	"		shine *= shine; shine *= shine; shine *= shine; shine *= shine; shine *= shine;\n"
	"		sum += colors[i] * (max(dot(n, lights[i]), 0.0) * base + specular * shine);\n"
	"	}\n"
	"	result = vec4(sum, 1.0);\n"
	"}\n";

/* One triangle over the whole picture for each layer. */
static const char layers_vertex[] =
	"#version 300 es\n"
	"out vec2 place;\n"
	"flat out float layer;\n"
	"void main() {\n"
	"	place = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));\n"
	"	layer = float(gl_InstanceID);\n"
	"	gl_Position = vec4(place * 2.0 - 1.0, 0.0, 1.0);\n"
	"}\n";

/* The rotation comes from outside, so that no compiler can compute the chain beforehand. */
static const char layers_fragment[] =
	"#version 300 es\n"
	"precision highp float;\n"
	"in vec2 place;\n"
	"flat in float layer;\n"
	"uniform vec2 rotation;\n"
	"uniform int work;\n"
	"uniform float alpha;\n"
	"out vec4 result;\n"
	"void main() {\n"
	"	float start = 7.0 * place.x + 5.0 * place.y + layer;\n"
	"	vec2 a = vec2(cos(start), sin(start));\n"
	"	for (int i = 0; i < work; i++)\n"
	"		a = vec2(a.x * rotation.x - a.y * rotation.y, a.x * rotation.y + a.y * rotation.x);\n"
	"	a = 0.5 + 0.5 * a;\n"
	"	result = vec4(a.x, a.y, 1.0 - a.x, alpha);\n"
	"}\n";

static int check(const char *what, struct ofbc_error *err)
{
	GLenum e = glGetError();

	if (e == GL_NO_ERROR)
		return 0;
	if (e == GL_OUT_OF_MEMORY)
		return error_set(err, ENOMEM, OFBC_REASON_FAILED, "%s: the GPU has no memory left", what);
	return error_set(err, EIO, OFBC_REASON_FAILED, "%s: OpenGL error 0x%04x", what, e);
}

/* --- programs --- */

static GLuint compile(GLenum kind, const char *text, struct ofbc_error *err)
{
	GLuint shader = glCreateShader(kind);
	GLint is_good = 0;
	char log[512] = "";

	glShaderSource(shader, 1, &text, NULL);
	glCompileShader(shader);
	glGetShaderiv(shader, GL_COMPILE_STATUS, &is_good);
	if (is_good)
		return shader;
	glGetShaderInfoLog(shader, sizeof(log), NULL, log);
	glDeleteShader(shader);
	error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "the renderer refuses a shader: %s", log);
	return 0;
}

static int link_program(const char *vertex, const char *fragment, GLuint *ret, struct ofbc_error *err)
{
	GLuint v = compile(GL_VERTEX_SHADER, vertex, err),
	       f = v ? compile(GL_FRAGMENT_SHADER, fragment, err) : 0;
	GLuint program = glCreateProgram();
	GLint is_good = 0;
	char log[512] = "";

	*ret = program;
	if (v && f) {
		glAttachShader(program, v);
		glAttachShader(program, f);
		glLinkProgram(program);
		glGetProgramiv(program, GL_LINK_STATUS, &is_good);
		glGetProgramInfoLog(program, sizeof(log), NULL, log);
	}
	glDeleteShader(v);
	glDeleteShader(f);
	if (is_good)
		return 0;
	if (v && f)
		error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED, "the renderer refuses a program: %s", log);
	return -ENOTSUP;
}

static int make_programs(struct gl_scene *g, struct ofbc_error *err)
{
	int r = link_program(objects_vertex, objects_fragment, &g->objects_program, err);
	GLuint p = g->objects_program;

	if (r == 0)
		r = link_program(layers_vertex, layers_fragment, &g->layers_program, err);
	if (r < 0)
		return r;
	g->time_at = glGetUniformLocation(p, "time");
	glUseProgram(p);
	glUniform1f(glGetUniformLocation(p, "aspect"), (float)g->s.width / (float)g->s.height);
	glUniform1f(glGetUniformLocation(p, "ambient"), SCENE_AMBIENT);
	glUniform1f(glGetUniformLocation(p, "specular"), SCENE_SPECULAR);
	glUniform3fv(glGetUniformLocation(p, "lights"), SCENE_LIGHTS, scene_lights[0]);
	glUniform3fv(glGetUniformLocation(p, "colors"), SCENE_LIGHTS, scene_light_colors[0]);
	p = g->layers_program;
	glUseProgram(p);
	glUniform2f(glGetUniformLocation(p, "rotation"), cosf(SCENE_LAYER_ANGLE), sinf(SCENE_LAYER_ANGLE));
	glUniform1i(glGetUniformLocation(p, "work"), (GLint)g->s.work);
	glUniform1f(glGetUniformLocation(p, "alpha"), SCENE_LAYER_ALPHA);
	return check("shaders", err);
}

/* --- data --- */

static int make_texture(struct gl_scene *g, struct ofbc_error *err)
{
	_cleanup_free_ uint8_t *texels = scene_texels(g->s.texture);
	GLsizei side = (GLsizei)g->s.texture;

	if (!texels)
		return -ENOMEM;
	glGenTextures(1, &g->texture);
	glBindTexture(GL_TEXTURE_2D, g->texture);
	glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, side, side);
	glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, side, side, GL_RGBA, GL_UNSIGNED_BYTE, texels);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
	glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
	return check("texture", err);
}

static void attribute(GLuint at, GLint n, size_t stride, size_t offset, GLuint divisor)
{
	glEnableVertexAttribArray(at);
	glVertexAttribPointer(at, n, GL_FLOAT, GL_FALSE, (GLsizei)stride, (const void *)offset);
	glVertexAttribDivisor(at, divisor);
}

static int make_buffers(struct gl_scene *g, const struct scene_object *objects, struct ofbc_error *err)
{
	struct scene_mesh m;
	int r = scene_mesh(g->s.triangles, &m);

	if (r < 0)
		return r;
	glGenVertexArrays(1, &g->no_array);
	glGenVertexArrays(1, &g->array);
	glGenBuffers(3, g->buffers);
	glBindVertexArray(g->array);
	glBindBuffer(GL_ARRAY_BUFFER, g->buffers[0]);
	glBufferData(GL_ARRAY_BUFFER, (GLsizeiptr)(m.n_vertices * sizeof(*m.vertices)), m.vertices,
	             GL_STATIC_DRAW);
	attribute(AT_POSITION, 3, sizeof(*m.vertices), 0, 0);
	glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, g->buffers[1]);
	glBufferData(GL_ELEMENT_ARRAY_BUFFER, (GLsizeiptr)(m.n_indices * sizeof(*m.indices)), m.indices,
	             GL_STATIC_DRAW);
	glBindBuffer(GL_ARRAY_BUFFER, g->buffers[2]);
	glBufferData(GL_ARRAY_BUFFER, (GLsizeiptr)(g->s.objects * sizeof(*objects)), objects, GL_STATIC_DRAW);
	attribute(AT_CENTER, 4, sizeof(*objects), offsetof(struct scene_object, center), 1);
	attribute(AT_COLOR, 4, sizeof(*objects), offsetof(struct scene_object, color), 1);
	g->n_indices = m.n_indices;
	scene_mesh_done(&m);
	return check("meshes", err);
}

static int make_target(struct gl_scene *g, struct ofbc_error *err)
{
	GLsizei w = (GLsizei)g->s.width, h = (GLsizei)g->s.height;
	GLenum status;

	glGenFramebuffers(1, &g->framebuffer);
	glBindFramebuffer(GL_FRAMEBUFFER, g->framebuffer);
	glGenRenderbuffers(1, &g->color);
	glBindRenderbuffer(GL_RENDERBUFFER, g->color);
	glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, w, h);
	glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, g->color);
	glGenRenderbuffers(1, &g->depth);
	glBindRenderbuffer(GL_RENDERBUFFER, g->depth);
	glRenderbufferStorage(GL_RENDERBUFFER, GL_DEPTH_COMPONENT24, w, h);
	glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, g->depth);
	status = glCheckFramebufferStatus(GL_FRAMEBUFFER);
	if (status == GL_FRAMEBUFFER_COMPLETE)
		return check("picture", err);
	return error_set(err, ENOTSUP, OFBC_REASON_NOT_SUPPORTED,
	                 "the renderer cannot draw into a picture of %dx%d (0x%04x)", w, h, status);
}

/* --- all --- */

int gl_scene_new(const struct scene_settings *s, const struct scene_object *objects, struct gl_scene **ret,
                 struct ofbc_error *err)
{
	struct gl_scene *g = calloc(1, sizeof(*g));
	int r = g ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	g->s = *s;
	r = make_target(g, err);
	if (r == 0)
		r = make_programs(g, err);
	if (r == 0)
		r = make_texture(g, err);
	if (r == 0)
		r = make_buffers(g, objects, err);
	if (r < 0) {
		gl_scene_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void gl_scene_free(struct gl_scene *g)
{
	if (!g)
		return;
	glDeleteFramebuffers(1, &g->framebuffer);
	glDeleteRenderbuffers(1, &g->color);
	glDeleteRenderbuffers(1, &g->depth);
	glDeleteTextures(1, &g->texture);
	glDeleteProgram(g->objects_program);
	glDeleteProgram(g->layers_program);
	glDeleteBuffers(3, g->buffers);
	glDeleteVertexArrays(1, &g->array);
	glDeleteVertexArrays(1, &g->no_array);
	free(g);
}

static void draw_objects(const struct gl_scene *g, float seconds, unsigned n)
{
	glUseProgram(g->objects_program);
	glUniform1f(g->time_at, seconds);
	glBindTexture(GL_TEXTURE_2D, g->texture);
	glBindVertexArray(g->array);
	glEnable(GL_DEPTH_TEST);
	glEnable(GL_CULL_FACE);
	glDrawElementsInstanced(GL_TRIANGLES, (GLsizei)g->n_indices, GL_UNSIGNED_INT, NULL, (GLsizei)n);
	glDisable(GL_CULL_FACE);
	glDisable(GL_DEPTH_TEST);
}

static void draw_layers(const struct gl_scene *g, unsigned n)
{
	glUseProgram(g->layers_program);
	glBindVertexArray(g->no_array);
	glEnable(GL_BLEND);
	glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
	glDrawArraysInstanced(GL_TRIANGLES, 0, 3, (GLsizei)n);
	glDisable(GL_BLEND);
}

/* A fence and not glFinish(): drivers may sleep until a fence, and a session that waits must not cost a
 * processor. */
static int wait_complete(struct ofbc_error *err)
{
	GLsync fence = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
	GLenum r = fence ? glClientWaitSync(fence, GL_SYNC_FLUSH_COMMANDS_BIT, WAIT_NS) : GL_WAIT_FAILED;

	glDeleteSync(fence);
	if (r == GL_TIMEOUT_EXPIRED)
		return error_set(err, EIO, OFBC_REASON_FAILED, "a frame was not complete after 10 s");
	if (r == GL_WAIT_FAILED)
		return error_set(err, EIO, OFBC_REASON_FAILED,
		                 "waiting for a frame failed: is the GPU lost?");
	return check("frame", err);
}

int gl_scene_draw(struct gl_scene *g, float seconds, unsigned objects, unsigned layers,
                  struct ofbc_error *err)
{
	glBindFramebuffer(GL_FRAMEBUFFER, g->framebuffer);
	glViewport(0, 0, (GLsizei)g->s.width, (GLsizei)g->s.height);
	glClearColor(scene_ground[0], scene_ground[1], scene_ground[2], 1);
	glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
	if (objects)
		draw_objects(g, seconds, objects);
	if (layers)
		draw_layers(g, layers);
	return wait_complete(err);
}

int gl_scene_read(const struct gl_scene *g, uint8_t *ret, struct ofbc_error *err)
{
	glBindFramebuffer(GL_FRAMEBUFFER, g->framebuffer);
	glPixelStorei(GL_PACK_ALIGNMENT, 4);
	glReadPixels(0, 0, (GLsizei)g->s.width, (GLsizei)g->s.height, GL_RGBA, GL_UNSIGNED_BYTE, ret);
	return check("reading the picture", err);
}

static const char *string_of(GLenum what)
{
	const char *s = (const char *)glGetString(what);

	return s ? s : "unknown";
}

const char *gl_renderer(void)
{
	return string_of(GL_RENDERER);
}

const char *gl_version(void)
{
	return string_of(GL_VERSION);
}
