/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/build: what kind of build this is. The only place where the preprocessor decides.
 */
#ifndef LWG_BASE_BUILD_H
#define LWG_BASE_BUILD_H

#ifndef LWG_VERSION
#define LWG_VERSION "unversioned"
#endif

#ifdef LWG_KEYLOG
enum {
	BUILD_KEYLOG = 1
}; /* secrets of handshakes may be written to a file: test builds only */
#else
enum { BUILD_KEYLOG = 0 };
#endif

#endif
