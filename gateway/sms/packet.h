/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms/packet: secured packets of ETSI TS 102 225 as SMS-PP carries them (3GPP TS 31.115): command
 *             packets, which carry CoAP both ways, and response packets (PoR).
 *
 * Model:   protect, then cipher; the checksum covers the clear text, padding included. The initial
 *          vector is zero: what keeps two ciphertexts apart is the counter, so none may go out
 *          twice with different octets (I1), and the caller writes it down before.
 * Promise: pure, total, bounded (I7). A receiver is told by its settings what SPI, KIc, KID and TAR
 *          must be, and how long the checksum is; nothing in the packet chooses an algorithm. What
 *          is wrong in the clear (lengths) is refused at once; behind that every failure takes the
 *          same path, one decryption and one MAC, and the comparison is in constant time. The
 *          counter is reported, not judged: see sms/counter.
 * Errors:  sms_open*(): enum sms_fault, for counters and logs, never for the sender; *out is zero.
 *          sms_seal*(): 0, too long or the settings cannot be served.
 * Memory:  none is kept but in struct sms_cipher; data points into the caller's buffer.
 * Threads: any, one cipher each. Clock: none.
 * Source:  TS 102 225 5.1, 5.2; TS 31.115 4; the choices among their ambiguities are told in
 *          ARCHITECTURE.md.
 */
#ifndef LWG_SMS_PACKET_H
#define LWG_SMS_PACKET_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SMS_KEY_MAX = 32,
	SMS_CC_MAX = 8,
	SMS_HEAD = 10, /* CPL to TAR: in the clear */
	SMS_PACKET_MAX = 8192,
	SMS_OVERHEAD_MAX = 16 + SMS_CC_MAX + 15,
};
#define SMS_COUNTER_MAX UINT64_C(0xffffffffff) /* 40 bits; a receiver that has it takes no more */

/* How one side protects, as both have agreed. */
enum sms_algorithm {
	SMS_NONE,
	SMS_AES,    /* CBC, CMAC; the key's length says which */
	SMS_3DES_2, /* outer CBC, CBC-MAC; two keys */
	SMS_3DES_3,
	SMS_DES,     /* for the vectors of others; no profile allows it */
	SMS_DES_ECB, /* cipher only; the same */
	SMS_CRC16,   /* "checksum" only: RC */
	SMS_CRC32,
};
enum sms_count { SMS_COUNT_NONE, SMS_COUNT_UNCHECKED, SMS_COUNT_HIGHER, SMS_COUNT_NEXT }; /* b5b4 */

struct sms_settings { /* the holder wipes it */
	uint8_t spi[2], kic, kid;
	uint8_t tar[3];
	uint8_t cipher, check; /* enum sms_algorithm; SMS_NONE where spi says so */
	uint8_t cc_len;        /* 8, or 4 (CMAC and CRC-32), 2 (CRC-16) */
	uint8_t cipher_key_len, check_key_len;
	uint8_t cipher_key[SMS_KEY_MAX], check_key[SMS_KEY_MAX];
};
/* Sets cipher, check from spi, kic and kid, and looks whether keys and cc_len fit. False: *why says
   what does not (static text). An implicit algorithm (nibble 0) stays as it is there. */
MUST_USE bool sms_settings_derive(struct sms_settings *s, const char **why);

struct sms_cipher; /* contexts of libcrypto, for any number of packets */
MUST_USE struct sms_cipher *sms_cipher_new(void);
void sms_cipher_free(struct sms_cipher *c);

enum sms_fault {
	SMS_GOOD,
	SMS_SHORT,  /* or longer than CPL says, or not whole blocks */
	SMS_OTHER,  /* SPI, KIc, KID or TAR are not as agreed */
	SMS_FORGED, /* checksum, padding counter, or padding */
	SMS_FAILED, /* libcrypto; memory */
};

/* A command packet, without its UDH. packet is deciphered in place. */
struct sms_opened {
	uint64_t counter;
	const uint8_t *data;
	size_t len;
	uint8_t cc[SMS_CC_MAX]; /* to know our own again, which somebody reflects */
};
MUST_USE enum sms_fault sms_open(struct sms_cipher *c, const struct sms_settings *s,
	uint8_t *packet, size_t len, struct sms_opened *out);
/* Its length; out has cap octets; it may not overlap data. counter <= SMS_COUNTER_MAX. cc: NULL, or
   where the checksum is copied to. */
MUST_USE size_t sms_seal(struct sms_cipher *c, const struct sms_settings *s, uint64_t counter,
	const uint8_t *data, size_t len, uint8_t *out, size_t cap, uint8_t *cc);
/* The length that sms_seal() will give. */
size_t sms_sealed_len(const struct sms_settings *s, size_t len);

/* A response packet. Its checksum covers the UDH 02 71 00 before it. `s` is of the command that
   asked for it: SPI2 says how it is protected. */
struct sms_response {
	uint64_t counter;
	uint8_t status; /* TS 102 225 table 5 */
	const uint8_t *data;
	size_t len;
};
MUST_USE enum sms_fault sms_open_response(struct sms_cipher *c, const struct sms_settings *s,
	uint8_t *packet, size_t len, struct sms_response *out);
MUST_USE size_t sms_seal_response(struct sms_cipher *c, const struct sms_settings *s,
	const struct sms_response *r, uint8_t *out, size_t cap);
const char *sms_status_name(uint8_t status); /* "CNTR low"; "reserved" */

/* LwM2M's envelope: one BER-TLV (1.0 Transport 7.2.2.3), which must be all there is. */
enum { SMS_TAG = 0x05, SMS_ENVELOPE_MAX = 4 };
MUST_USE bool sms_unwrap(
	uint8_t tag, const uint8_t *data, size_t len, const uint8_t **coap, size_t *coap_len);
/* Writes tag and length; their number of octets. */
size_t sms_wrap(uint8_t tag, size_t coap_len, uint8_t out[SMS_ENVELOPE_MAX]);

#endif
