/* SPDX-License-Identifier: MIT */
/* Preloaded: a renderer that says it has drawn, and has not. DRAWS_LESS names what it leaves out. */
#include <GLES3/gl3.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN __attribute__((visibility("default")))

static int is_left_out(const char *what)
{
	const char *text = getenv("DRAWS_LESS");

	return text && strstr(text, what);
}

SHOWN void glDrawElementsInstanced(GLenum mode, GLsizei count, GLenum type, const void *indices, GLsizei n)
{
	void (*real)(GLenum, GLsizei, GLenum, const void *, GLsizei) =
		(void (*)(GLenum, GLsizei, GLenum, const void *, GLsizei))dlsym(RTLD_NEXT,
	                                                                        "glDrawElementsInstanced");

	if (!is_left_out("objects"))
		real(mode, count, type, indices, n);
}

SHOWN void glDrawArraysInstanced(GLenum mode, GLint first, GLsizei count, GLsizei n)
{
	void (*real)(GLenum, GLint, GLsizei, GLsizei) =
		(void (*)(GLenum, GLint, GLsizei, GLsizei))dlsym(RTLD_NEXT, "glDrawArraysInstanced");

	if (!is_left_out("layers"))
		real(mode, first, count, n);
}
