/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/sms_object: what resources 6 to 8 of an LwM2M Security Object say of short messages.
 *
 *   6   SMS Security Mode: 1 DTLS, 2 secured packets that end in the smartcard, 3 none; 204 to 255
 *       are proprietary: those that end in the device (cr-004)
 *   7   KIc, KID, SPI, TAR: of seven octets, for which the object has six. Of six the second octet
 *       of SPI is missing: no response packets
 *   8   the key of KIc, then KID's, equal halves: 32 octets (AES-128) or 48 (AES-192, 3DES). 16
 *       would be one key for both uses; with mode 1 they are the PSK of DTLS, which resource 5 has,
 *       too
 *
 * Promise: pure, total. What passes is what cred_sms_wrong() lets pass. No key is in an error.
 * Errors:  a sentence with what would be right; NULL: none.
 * Threads: any.
 * Source:  LwM2M 1.0 E.1; the choices among what it leaves open are told in ARCHITECTURE.md.
 */
#ifndef LWG_CONF_SMS_OBJECT_H
#define LWG_CONF_SMS_OBJECT_H

#include "base/attr.h"
#include "conf/cred_sms.h"

#include <stddef.h>
#include <stdint.h>

enum sms_object_says {
	SMS_OBJECT_NOTHING, /* no mode, or no security */
	SMS_OBJECT_DTLS,
	SMS_OBJECT_PACKETS, /* with the keys of resource 8 */
};
enum { SMS_OBJECT_ANY = 0 };

struct sms_object {     /* borrowed */
	uint8_t mode;   /* 0: none */
	uint8_t cr_004; /* which proprietary mode is cr-004; SMS_OBJECT_ANY: each */
	const uint8_t *params, *key;
	size_t params_len, key_len;
};
/* *out: default of the profile where nothing is said. */
MUST_USE const char *sms_object_read(
	const struct sms_object *o, enum sms_object_says *says, struct cred_sms *out);

#endif
