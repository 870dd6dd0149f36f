/* SPDX-License-Identifier: MIT */
/* Inside the capture of environments. */
#pragma once

#include "base/json.h"
#include "platform/platform.h"

/* Sets obj.key to the text of a file, when there is one that can be read. */
void environment_put(struct platform *p, struct json *obj, const char *key, const char *path_fmt, ...)
	__attribute__((format(printf, 4, 5)));
void environment_put_number(struct platform *p, struct json *obj, const char *key, int64_t scale,
                            const char *path_fmt, ...) __attribute__((format(printf, 5, 6)));
/* obj.key = child, unless it is empty. */
void environment_put_object(struct json *obj, const char *key, struct json *child);

/* environment_gpu.c: every GPU by its PCI address. */
struct json *environment_gpus(struct platform *p);
