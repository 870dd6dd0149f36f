/* SPDX-License-Identifier: MIT */
/* What all platforms share. */
#include "platform/platform.h"

#include <stdarg.h>
#include <stdio.h>

void platform_free(struct platform *p)
{
	if (p)
		p->ops->close(p);
}

void platform_debug(struct platform *p, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	if (!p->log)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	p->log(p->log_data, message);
}
