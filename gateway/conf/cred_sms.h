/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/cred_sms: what a credential for short messages has agreed with its device beside the keys:
 *                checked, and as a text.
 *
 * The text: "number=4915112345678,profile=cr-004,kic=12,kid=12,tar=bfff00,spi2=00,cc_len=8"; only
 * the number is needed. With profile=dtls there is no key, and nothing else is said. What says how
 * the next keys come (conf/cred_renew) stands behind it; then there need be no key of its own.
 *
 * Promise: nothing weaker than the profile asks for passes: AES, or 3DES with three keys; two keys
 *          that differ; a checksum of 8 octets, or of 4 by AES. No key is in an error.
 * Errors:  a sentence with what would be right; NULL: none.
 * Threads: any.
 * Source:  TS 102 225 5.1.1 to 5.1.3; LwM2M 1.0 Transport 7.2.2.
 */
#ifndef LWG_CONF_CRED_SMS_H
#define LWG_CONF_CRED_SMS_H

#include "base/attr.h"
#include "conf/cred_renew.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRED_SMS_NUMBER_MAX = 15, CRED_SMS_TAR = 3, CRED_SMS_TEXT = 112 + CRED_RENEW_TEXT };

enum cred_sms_profile {
	CRED_SMS_LWM2M_10,
	CRED_SMS_CR_004,
	CRED_SMS_DTLS, /* no secured packets: a number from which the endpoint may speak DTLS */
	CRED_SMS_PROFILES
};

struct cred_sms {
	uint8_t profile; /* enum cred_sms_profile */
	uint8_t spi2, kic, kid;
	uint8_t tar[CRED_SMS_TAR];
	uint8_t cc_len;
	struct cred_renew renew; /* the holder wipes it where it has an OTA key */
};

/* AES, key set 1, no response packets, the first TAR of the profile, a checksum of 8. */
struct cred_sms cred_sms_default(enum cred_sms_profile p);
/* "lwm2m-1.0", "cr-004", "dtls" */
const char *cred_sms_profile_word(uint8_t profile);
MUST_USE bool cred_sms_profile_read(const char *word, enum cred_sms_profile *out);
/* Six digits; false: it is none. */
MUST_USE bool cred_sms_tar_read(const char *text, uint8_t out[CRED_SMS_TAR]);
/* What is wrong with them together. */
const char *cred_sms_wrong(const struct cred_sms *x, const uint8_t *key, size_t key_len);
const char *cred_sms_number_wrong(const uint8_t *number, size_t len);
const char *cred_sms_read(
	const char *text, struct cred_sms *out, char number[CRED_SMS_NUMBER_MAX + 1]);
/* Returns out. What is no number is left out. */
const char *cred_sms_text(
	const struct cred_sms *x, const uint8_t *number, size_t len, char out[CRED_SMS_TEXT]);

#endif
