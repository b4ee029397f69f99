/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/build: what kind of build this is. The only place where the preprocessor decides.
 */
#ifndef LWG_BASE_BUILD_H
#define LWG_BASE_BUILD_H

#ifndef LWG_VERSION
#define LWG_VERSION "unversioned"
#endif

/* When this program was made, in seconds since 1970: the time of its last commit, so that a build
   can be repeated. */
#ifndef LWG_BUILT_S
#define LWG_BUILT_S 0
#endif

#ifdef LWG_KEYLOG
enum {
	BUILD_KEYLOG = 1
}; /* secrets of handshakes may be written to a file: test builds only */
#else
enum { BUILD_KEYLOG = 0 };
#endif

/* An address sanitizer watches: objects are then allocations of their own. */
#if defined(__SANITIZE_ADDRESS__)
enum { BUILD_CHECKED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { BUILD_CHECKED = 1 };
#else
enum { BUILD_CHECKED = 0 };
#endif
#else
enum { BUILD_CHECKED = 0 };
#endif

#endif
