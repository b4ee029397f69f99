/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms/crypt: the algorithms of TS 102 225, over libcrypto. For the files of sms/packet only.
 *
 * Promise: the initial vector is zero, the result is as long as what came (whole blocks, no padding
 *          of libcrypto's). A MAC pads with zeros by itself (DES), or as CMAC does.
 * Errors:  false: libcrypto, or memory.
 * Source:  TS 102 225 5.1.2, 5.1.3; SP 800-38B; ISO/IEC 9797-1 algorithm 1.
 */
#ifndef LWG_SMS_CRYPT_H
#define LWG_SMS_CRYPT_H

#include "base/attr.h"
#include "sms/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRYPT_MAC_MAX = 16 };

struct crypt_key {
	uint8_t algorithm; /* enum sms_algorithm */
	uint8_t len;
	const uint8_t *octets;
};
struct crypt_piece {
	const uint8_t *data;
	size_t len;
};

/* 1 where nothing is ciphered. */
size_t crypt_block(enum sms_algorithm a);
/* In place; len: whole blocks. */
MUST_USE bool crypt_cipher(
	struct sms_cipher *c, const struct crypt_key *k, bool encrypt, uint8_t *data, size_t len);
/* Of the pieces one after the other; its first octets are what counts. */
MUST_USE bool crypt_check(struct sms_cipher *c, const struct crypt_key *k,
	const struct crypt_piece *pieces, size_t n, uint8_t out[CRYPT_MAC_MAX]);

#endif
