/* SPDX-License-Identifier: MIT */
/* EGL without a display: which GPUs there are, and a context on one of them. */
#pragma once

#include <EGL/egl.h>
#include <stdbool.h>

#include "openforbc/error.h"

#define DISPLAY_MAX_DEVICES 32

struct display_device {
	unsigned index;   /* in EGL's order */
	char pci[16];     /* "0000:41:00.0"; "" unknown */
	char uuid[48];    /* "GPU-..." in lower case; "" unknown */
	char node[64];    /* "/dev/dri/card0"; "" none */
	int cuda;         /* its number for CUDA; -1 none */
	bool is_software; /* it says so of itself; what draws is known only in a context */
	void *handle;     /* EGL's; NULL: what EGL takes when it is not asked for a device */
};

struct display_list {
	struct display_device v[DISPLAY_MAX_DEVICES];
	unsigned n;
};

/* 0; -ENODEV there is none, with the reason. */
int display_list(struct display_list *ret, struct ofbc_error *err);
/* By index, PCI address, UUID of a GPU, or "software". "" the first one, or that of CUDA_VISIBLE_DEVICES. */
int display_find(const struct display_list *l, const char *spec, struct display_device *ret,
                 struct ofbc_error *err);
/* Did the environment name a GPU for this program? */
bool display_is_given(void);

struct display {
	EGLDisplay egl;
	EGLContext context;
	EGLSurface surface; /* only where contexts need one */
};

/* A current context of OpenGL ES 3. */
int display_open(const struct display_device *d, struct display *ret, struct ofbc_error *err);
void display_close(struct display *d);
/* Is the renderer of a context one that draws on the processor? */
bool display_is_software(const char *renderer);
