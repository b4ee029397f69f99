/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/credentials_digest: by which a start knows that a credentials file is the one that the
 *                             store was made to hold before.
 *
 * Promise: the same for the same credentials in the same order, whatever else stands in the file.
 * Errors:  false: memory is short, or the library failed.
 * Threads: any.
 */
#ifndef LWG_GATEWAY_CREDENTIALS_DIGEST_H
#define LWG_GATEWAY_CREDENTIALS_DIGEST_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct cred_set;

enum { CRED_DIGEST = 32 };

/* secret: what a reader of the database does not know, so that no key can be tried against it
   (I5). */
MUST_USE bool cred_digest(const struct cred_set *set, uint64_t secret, uint8_t out[CRED_DIGEST]);

#endif
