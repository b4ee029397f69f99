/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/attr: the compiler attributes and the one array macro that every room uses.
 *
 * Promise: nothing here expands to a jump or a hidden return.
 */
#ifndef LWG_BASE_ATTR_H
#define LWG_BASE_ATTR_H

#define MUST_USE                __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Number of elements of an array (never of a pointer). */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that holds `member` at `pointer`. */
/* clang-format off: its releases disagree on this line */
#define CONTAINER_OF(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))
/* clang-format on */

#endif
