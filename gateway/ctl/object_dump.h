/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/object_dump: credentials from the content of an LwM2M Security Object (/0), as a device or a
 *                  bootstrap server reads or writes it: TLV, SenML JSON, SenML CBOR, LwM2M JSON.
 *
 * What becomes of an instance is what ctl/security_object says of a record, but for short
 * messages, of which nothing is taken: the object does not say the device's own number.
 *
 * Promise: total, bounded by learn/read: LEARN_ACCOUNTS instances. Of modes 1 and 2 the secret key
 *          is the device's own: it is counted and goes nowhere. No error has a key in it (I5).
 * Errors:  a sentence; the instance in *line.
 * Threads: any.
 * Source:  OMA LwM2M Core 1.1 appendix E.1, 7.4.
 */
#ifndef LWG_CTL_OBJECT_DUMP_H
#define LWG_CTL_OBJECT_DUMP_H

#include "base/attr.h"
#include "ctl/credential.h"
#include "learn/read.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object_dump {
	/* False: enough; then what is answered is "". */
	bool (*each)(void *ctx, const struct ctl_cred *c);
	/* One that is not taken; false: enough. NULL: the first one is an error. */
	bool (*refused)(void *ctx, unsigned line, const char *endpoint, const char *why);
	void *ctx;
	const char *endpoint; /* whose it is */
	size_t private_keys;  /* of devices, that were there and not taken */
	unsigned line;        /* of an error: number of the instance, from 1 */
};

/* NULL: all went to each() or refused(). */
MUST_USE const char *object_dump_read(
	struct object_dump *d, enum learn_format format, const uint8_t *content, size_t len);

#endif
