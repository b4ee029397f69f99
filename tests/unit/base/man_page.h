/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/base/man_page: is the table of a man page the one that the code prints? Such tests run
 *                           from the top of the tree.
 *
 * Errors: the test that calls fails, and says what to do.
 */
#ifndef LWG_TESTS_MAN_PAGE_H
#define LWG_TESTS_MAN_PAGE_H

#include <stdio.h>

/* A whole file of text; the caller frees it. */
char *read_all(const char *path);

/* Between the marks of the page that name `printer` stands what `print` prints; the test called
   `test` prints it for people. */
void man_page_has(const char *page, const char *printer, void (*print)(FILE *to), const char *test);

#endif
