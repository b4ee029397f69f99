/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms/efbootstrap: the content of EF_LWM2M_Bootstrap, the file of a smartcard from which a device
 *                  bootstraps (LwM2M Core appendix G): objects with their instances in OMA TLV.
 *
 *   file    = number of objects (2) | octets of all objects (2) | object* | FF*
 *   object  = id (2) | version: 00, or major (not 0) and minor | length (2) | instances
 *
 * What is of interest here is the account (an instance of object 0, Security) that has keys for
 * short messages: resources 6 to 9. They are replaced; whatever else is in the file stays as it is,
 * octet by octet and in its order.
 *
 * Promise: pure, total, bounded by EF_MAX. Reading keeps nothing but where things are. All or
 *          nothing: a file that is not understood is not written anew. A file that was longer
 *          before is filled up with FF: nothing of old keys stays behind.
 * Errors:  false, or 0; *why says what is wrong and the remedy (static text, no content).
 * Memory:  none but what the caller gives, who wipes it: a file has keys (I5).
 * Threads: any. Clock: none.
 * Source:  LwM2M Core 1.1 appendix G, E.1; of files without the octet of the version see
 *          ARCHITECTURE.md.
 */
#ifndef LWG_SMS_EFBOOTSTRAP_H
#define LWG_SMS_EFBOOTSTRAP_H

#include "base/attr.h"
#include "sms/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EF_MAX = 32768,
	EF_OBJECTS = 16,
	EF_NUMBER_MAX = 32,
	EF_URI_MAX = 255,
};

struct ef_object {
	uint16_t id;
	uint8_t major, minor; /* 0, 0: that of the enabler (1.0) */
	const uint8_t *instances;
	size_t len;
};
struct ef_bootstrap {
	size_t used; /* octets of the file; what comes after is not in use */
	bool bare;   /* its objects have no octet for the version at all */
	size_t len;
	struct ef_object objects[EF_OBJECTS];
};
/* An erased file (only FF, or empty) has no objects. */
MUST_USE bool ef_read(const uint8_t *file, size_t len, struct ef_bootstrap *out);

/* Resources 6 to 9 of one account, and how it is told from others. */
struct ef_account { /* the holder wipes it */
	uint16_t instance;
	uint8_t mode;       /* 6: 2, or 204 to 255 */
	uint8_t params_len; /* 7: KIc, KID, SPI, TAR: 6, or 7 with both octets of SPI */
	uint8_t key_len;    /* 8: 32, 48 or 64: the key of KIc, then KID's */
	uint8_t params[7];
	uint8_t key[2 * SMS_KEY_MAX];
	char number[EF_NUMBER_MAX + 1]; /* 9: the gateway's, digits; "": it stays as it is */
};
/* Of a file that has no account yet. */
struct ef_new {
	const char *uri;   /* of the LwM2M server, as the device is to have it */
	uint16_t short_id; /* 1 to 65534 */
};

/* The account that is meant: whose number (9) is this one; else the only one of a server with a
   mode (6) of secured packets; else the only one of a server. number: NULL, or "". */
MUST_USE bool ef_account(const uint8_t *file, size_t len, const char *number,
	struct ef_account *out, const char **why);
/* The file with the account's keys. Its length: at least `len`, if cap has that much. fresh: NULL,
   or what the account is to be if the file is erased. */
MUST_USE size_t ef_write(const uint8_t *file, size_t len, const struct ef_account *a,
	const struct ef_new *fresh, uint8_t *out, size_t cap, const char **why);

#endif
