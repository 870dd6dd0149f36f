/* SPDX-License-Identifier: MIT */
/*
 * Growing arrays of plain structs:  struct x_list { struct x *v; size_t n, cap; };
 * list_add() returns a zeroed new element, or NULL when out of memory.
 */
#pragma once

#include <stddef.h>

void *list_grow(void **v, size_t *n, size_t *cap, size_t element_size);

#define list_add(l) ((__typeof__((l)->v))list_grow((void **)&(l)->v, &(l)->n, &(l)->cap, sizeof(*(l)->v)))

/* Room for that many more elements: 0 or -ENOMEM. */
int list_make_room(void **v, size_t n, size_t *cap, size_t element_size, size_t more);
#define list_reserve(l, more) list_make_room((void **)&(l)->v, (l)->n, &(l)->cap, sizeof(*(l)->v), more)
