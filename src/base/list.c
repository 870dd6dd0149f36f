/* SPDX-License-Identifier: MIT */
/* Growth of plain arrays. */
#include "base/list.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int list_make_room(void **v, size_t n, size_t *cap, size_t element_size, size_t more)
{
	void *p;

	if (more <= *cap - n)
		return 0;
	if (more > SIZE_MAX / element_size - n)
		return -ENOMEM;
	p = realloc(*v, (n + more) * element_size);
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = n + more;
	return 0;
}

void *list_grow(void **v, size_t *n, size_t *cap, size_t element_size)
{
	char *element;

	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 8;
		void *p = more > SIZE_MAX / element_size ? NULL : realloc(*v, more * element_size);

		if (!p)
			return NULL;
		*v = p;
		*cap = more;
	}
	element = (char *)*v + *n * element_size;
	memset(element, 0, element_size);
	(*n)++;
	return element;
}
