/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web/page: the status page: one document, its style and its script in it.
 *
 * Promise: loads nothing from anywhere but /api/ of the server that it came from; its policy allows
 *          nothing else.
 * Errors:  none. Threads: any.
 */
#ifndef LWG_WEB_PAGE_H
#define LWG_WEB_PAGE_H

#include <stddef.h>

/* The document; not terminated, static. */
const char *web_page(size_t *len);
/* Its Content-Security-Policy, with the digests of its style and script. */
const char *web_page_csp(void);

#endif
