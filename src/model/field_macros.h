/* SPDX-License-Identifier: MIT */
/* Rows of the field tables. */
#pragma once

#include "model/fields.h"

#define TABLE_END                                                                                            \
	{                                                                                                    \
		.key = NULL                                                                                  \
	}

/* Getter of a string member; empty is unknown. */
#define GET_STRING(name, type, member)                                                                       \
	static void name(const void *item, struct field_value *ret)                                          \
	{                                                                                                    \
		ret->s = ((const type *)item)->member;                                                       \
		ret->known = ret->s && ret->s[0];                                                            \
	}                                                                                                    \
	struct name##_semicolon

#define GET_U64(name, type, expression, is_known)                                                            \
	static void name(const void *item, struct field_value *ret)                                          \
	{                                                                                                    \
		const type *x = item;                                                                        \
		ret->u = (uint64_t)(expression);                                                             \
		ret->known = (is_known);                                                                     \
	}                                                                                                    \
	struct name##_semicolon

#define GET_LIST(name, type, list_items, count, element, fields)                                             \
	static void name(const void *item, struct field_value *ret)                                          \
	{                                                                                                    \
		const type *x = item;                                                                        \
		ret->items = (list_items);                                                                   \
		ret->n = (count);                                                                            \
		ret->item_size = sizeof(element);                                                            \
		ret->item_fields = (fields);                                                                 \
		ret->known = true;                                                                           \
	}                                                                                                    \
	struct name##_semicolon

/* A number of any kind; NAN is unknown. */
#define GET_NUMBER(name, type, expression)                                                                   \
	static void name(const void *item, struct field_value *ret)                                          \
	{                                                                                                    \
		const type *x = item;                                                                        \
		ret->d = (expression);                                                                       \
		ret->known = !isnan(ret->d);                                                                 \
	}                                                                                                    \
	struct name##_semicolon
