/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/small: a small disk of a test's own, in a child process with mounts of its own.
 *
 * Promise: nothing of it stays. Threads: one.
 */
#ifndef LWG_UNIT_STORE_SMALL_H
#define LWG_UNIT_STORE_SMALL_H

#include <stdbool.h>
#include <stddef.h>

/* Runs body in a child where folder is a tmpfs of so many octets, and asserts that it returned. Who
   may not mount (it takes root) skips the test, and is told why. */
void small_disk(const char *folder, size_t size, void (*body)(void *arg), void *arg);

/* For body: else the test fails, and says what. */
void small_must(bool good, const char *what);
/* The file takes all of its file system but so many octets. */
void small_fill(const char *file, size_t left);

#endif
