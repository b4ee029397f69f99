/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms/profile: what the two ways of LwM2M to use secured packets demand, and what goes around a
 *              packet in each.
 *
 * lwm2m-1.0: the smartcard is the end (LwM2M 1.0 Transport 7.2.2.2): class 2, TP-PID 7F, TAR
 *            B20203.
 * cr-004:    the device is the end (the change request): class 1, TP-PID 7D, a TAR of BFFF00 to
 *            BFFFFF.
 *
 * Promise: nothing weaker than the profile passes: checksum and ciphering and counter "higher" both
 *          ways (SPI1 16), no single DES, no two-key 3DES, three different keys, 3DES only where it
 *          is allowed. Pure.
 * Errors:  sms_profile_settings(): false, *why says what is wrong and the remedy (static text).
 * Threads: any.
 * Source:  LwM2M 1.0 Transport 7.2.2; resources 6 to 9 of the Security object.
 */
#ifndef LWG_SMS_PROFILE_H
#define LWG_SMS_PROFILE_H

#include "base/attr.h"
#include "sms/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sms_profile { SMS_LWM2M_10, SMS_CR_004, SMS_PROFILES };

struct sms_around {
	uint8_t pid, dcs; /* of what is sent */
};

/* "lwm2m-1.0", "cr-004" */
const char *sms_profile_name(enum sms_profile p);
MUST_USE bool sms_profile_named(const char *name, enum sms_profile *out);
struct sms_around sms_profile_around(enum sms_profile p);

/* What is agreed with one device, as a credential has it. */
struct sms_agreed {             /* the holder wipes it */
	uint8_t profile;        /* enum sms_profile */
	uint8_t spi2, kic, kid; /* spi1 is the profile's */
	uint8_t tar[3];
	uint8_t cc_len;  /* 8 or 4 */
	uint8_t key_len; /* both keys together: 32 (AES-128), 48 (AES-192 or 3DES), 64 (AES-256) */
	uint8_t key[2 * SMS_KEY_MAX]; /* KIc's, then KID's */
};
struct sms_agreed sms_agreed_default(enum sms_profile p); /* AES, key set 1, no PoR, CC of 8 */
MUST_USE bool sms_profile_settings(
	const struct sms_agreed *a, bool allow_3des, struct sms_settings *out, const char **why);
/* The same for an application that is not LwM2M's: whatever the profile, and any TAR. */
MUST_USE bool sms_agreed_settings(
	const struct sms_agreed *a, bool allow_3des, struct sms_settings *out, const char **why);
/* Resource 7, six octets (KIc, KID, SPI1, TAR) or seven (SPI2 after SPI1). False: neither. */
MUST_USE bool sms_agreed_from_resource_7(const uint8_t *octets, size_t len, struct sms_agreed *out);
/* May a message with these come from a device (TS 23.038; PID is not looked at)? */
MUST_USE bool sms_profile_takes(uint8_t dcs);

#endif
