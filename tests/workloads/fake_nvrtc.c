/* SPDX-License-Identifier: MIT */
/* A compiler of CUDA that takes everything whose braces are balanced, for the driver of fake_cuda.c. */
#include <stddef.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default"), used))

static const char *source;
static const char complaint[] = "workload.cu(1): error: unbalanced";

EXPORT const char *nvrtcGetErrorString(int error)
{
	return error ? "NVRTC_ERROR_COMPILATION" : "NVRTC_SUCCESS";
}

EXPORT int nvrtcCreateProgram(void **program, const char *text, const char *name, int n_headers,
                              const char *const *headers, const char *const *names)
{
	(void)name, (void)n_headers, (void)headers, (void)names;
	source = text;
	*program = (void *)program;
	return 0;
}

EXPORT int nvrtcDestroyProgram(void **program)
{
	*program = NULL;
	return 0;
}

EXPORT int nvrtcCompileProgram(void *program, int n, const char *const *options)
{
	int depth = 0;

	(void)program;
	for (const char *p = source; *p; p++)
		depth += (*p == '{') - (*p == '}');
	return depth || n != 1 || !strstr(options[0], "--gpu-architecture=") ? 6 : 0;
}

EXPORT int nvrtcGetProgramLogSize(void *program, size_t *size)
{
	(void)program;
	*size = sizeof(complaint);
	return 0;
}

EXPORT int nvrtcGetProgramLog(void *program, char *log)
{
	(void)program;
	memcpy(log, complaint, sizeof(complaint));
	return 0;
}

static int image(char *to)
{
	to[0] = '\0';
	return 0;
}

EXPORT int nvrtcGetPTXSize(void *program, size_t *size)
{
	(void)program;
	*size = 1;
	return 0;
}

EXPORT int nvrtcGetCUBINSize(void *program, size_t *size)
{
	return nvrtcGetPTXSize(program, size);
}

EXPORT int nvrtcGetPTX(void *program, char *ptx)
{
	(void)program;
	return image(ptx);
}

EXPORT int nvrtcGetCUBIN(void *program, char *cubin)
{
	(void)program;
	return image(cubin);
}
