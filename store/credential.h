/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/credential: what the store holds of one credential: what a device proves, what it may do
 *                   with it, and what goes with it.
 *
 * What may be in one, and which can be beside each other, store_cred_put() says (store/store).
 *
 * Promise: each array holds what the store accepts; texts have a NUL behind.
 * Errors:  none: it is but the shape. Threads: any.
 * Memory:  some 1.9 KB with keys; who holds one wipes it.
 * Source: .
 */
#ifndef LWG_STORE_CREDENTIAL_H
#define LWG_STORE_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_IDENTITY_MAX = 128,
	STORE_KEY_MAX = 64,
	STORE_ENDPOINT_MAX = 128,
	STORE_LABELS_MAX = 16,
	STORE_LABEL_MAX = 32,
};

enum store_cred_state { STORE_CRED_ACTIVE, STORE_CRED_REVOKED };
enum store_origin { STORE_BY_CONTROL, STORE_BY_FILE, STORE_BY_BOOTSTRAP };
/* What a device proves. Identities of different kinds never meet: each kind has its own names. */
enum store_cred_kind {
	STORE_CRED_PSK,         /* identity: the PSK identity; key: the PSK */
	STORE_CRED_RAW_KEY,     /* identity: SHA-256 of the SubjectPublicKeyInfo; no key */
	STORE_CRED_CERTIFICATE, /* identity: the name in the certificate; no key; maybe a pin */
	/* It comes without DTLS; identity: the endpoint; no key. An endpoint that has one has none
	   of another kind, for no purpose, but SMS. */
	STORE_CRED_NOSEC,
	/* It comes by short messages, in secured packets; identity: its number, international,
	   digits only; key: KIc's, then KID's, or none where the first come as others do. One for
	   an endpoint, beside those of other kinds, for any purpose; it may fetch no firmware. */
	STORE_CRED_SMS,
};
enum { STORE_PIN_LEN = 32, STORE_TAR_LEN = 3 };

enum store_sms_profile {
	STORE_SMS_LWM2M_10,
	STORE_SMS_CR_004,
	STORE_SMS_DTLS, /* no secured packets, and no key: a number that may speak DTLS */
	STORE_SMS_PROFILES
};

/* How the keys of secured packets are renewed. */
enum store_renew_how {
	STORE_RENEW_NEVER,
	STORE_RENEW_GBA_PUSH,
	STORE_RENEW_SMARTCARD,
	STORE_RENEW_UDP, /* by a bootstrap server */
	STORE_RENEWS
};
enum store_gba { STORE_GBA_ME, STORE_GBA_U, STORE_GBAS };
enum { STORE_SUBSCRIBER_MAX = 63, STORE_OTA_KEY = 64, STORE_OTA_PATH = 16 };
struct store_ota { /* of SMARTCARD: how a card's file is reached; octets that serve sms/card */
	uint8_t spi2, kic, kid, cc_len;
	uint8_t tar[STORE_TAR_LEN];
	uint8_t key_len, key[STORE_OTA_KEY];
	uint8_t path_len, path[STORE_OTA_PATH];
	uint8_t format;
};
struct store_renew { /* zero: never */
	uint8_t how, gba;
	char subscriber[STORE_SUBSCRIBER_MAX + 1]; /* of GBA_PUSH; "": its number */
	struct store_ota ota;
};

/* Of secured packets, what both sides have agreed; zero for other kinds. */
struct store_sms {
	uint8_t profile; /* enum store_sms_profile */
	uint8_t spi2, kic, kid;
	uint8_t tar[STORE_TAR_LEN];
	uint8_t cc_len;           /* 8, or 4 */
	struct store_renew renew; /* nothing that the device proves */
};
/* What a device may use it for. */
enum store_purpose {
	STORE_FOR_ANY,       /* whatever there is */
	STORE_FOR_SERVER,    /* to register, not to be bootstrapped */
	STORE_FOR_BOOTSTRAP, /* to be bootstrapped, and nothing else */
};

/* What the device has proved until now, and may prove for a while yet beside what it is to prove
   . Of the same kind. */
struct store_cred_before {
	/* Since which it was what the device proves; 0: there is none. store_cred_put() sets it
	   right where it is not 0. */
	uint64_t generation;
	uint64_t until_ms; /* wall clock */
	uint8_t identity_len, key_len;
	bool pinned;
	uint8_t pin[STORE_PIN_LEN];
	uint8_t identity[STORE_IDENTITY_MAX];
	uint8_t key[STORE_KEY_MAX];
};

struct store_cred {          /* the holder wipes it */
	uint64_t generation; /* of the whole store, never used again (S29) */
	uint64_t changed_ms; /* wall clock */
	uint32_t number;     /* 1 ..; 0: to be given by store_cred_put() */
	uint8_t state, origin;
	uint8_t kind;                  /* enum store_cred_kind */
	bool pinned;                   /* CERTIFICATE: pin must be in the chain */
	uint8_t identity_len, key_len; /* a revoked one has no key */
	uint8_t upstream_identity_len, upstream_key_len; /* 0: derived */
	/* SHA-256 of a SubjectPublicKeyInfo; zero: none. A CA's may be the pin of many. */
	uint8_t pin[STORE_PIN_LEN];
	char endpoint[STORE_ENDPOINT_MAX + 1];
	uint8_t identity[STORE_IDENTITY_MAX], upstream_identity[STORE_IDENTITY_MAX];
	uint8_t key[STORE_KEY_MAX], upstream_key[STORE_KEY_MAX];
	uint8_t purpose; /* enum store_purpose */
	bool repository; /* it may fetch firmware, too */
	struct store_sms sms;
	/* Since this generation kind, identity, key, pin, sms and purpose are as now: what is older
	   was proved by, or for, something else. Given by store_cred_put(). */
	uint64_t proved;
	uint64_t until_ms; /* wall clock: it is taken no more then; 0: it does not expire */
	size_t labels_len;
	char labels[STORE_LABELS_MAX][STORE_LABEL_MAX + 1];
	struct store_cred_before before;
};

/* The same, as far as it can be told without unsealing. */
struct store_cred_mark {
	uint64_t generation, proved;
	uint64_t before, before_until_ms; /* before.generation (0: none) and its end */
	uint64_t until_ms;
	bool active;
};

#endif
