/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/credentials: who may come in, as whom it goes on: read from a file, looked up by identity.
 *
 * Promise: loading is all or nothing, errors name file and line, never a key. The file's mode and
 *          owner are checked (a file that others can read is refused). Low-entropy keys and
 *          keys or identities that two of them share are refused, as are public keys
 *          that are weak. An endpoint has one credential for any purpose, or one for
 *          each. Keys lie in memory that is kept out of core dumps and swap where
 *          the system allows, and are wiped. Identities are octet strings, each kind has
 *          its own.
 * Threads: a loaded struct is read-only and shared by all workers.
 * Source:  RFC 4279, RFC 7925 4.2; derivation: RFC 5869.
 */
#ifndef LWG_CONF_CREDENTIALS_H
#define LWG_CONF_CREDENTIALS_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/cred_sms.h"
#include "conf/labels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CRED_IDENTITY_MAX = 128,
	CRED_KEY_MAX = 64,
	CRED_ENDPOINT_MAX = 128,
	CRED_KEY_MIN = 16,
	CRED_PIN_LEN = 32 /* also of a raw key's identity */
};

/* What a device proves. */
enum cred_kind {
	CRED_PSK,         /* identity: the PSK identity; key: the PSK */
	CRED_RAW_KEY,     /* identity: SHA-256 of the SubjectPublicKeyInfo; no key */
	CRED_CERTIFICATE, /* identity: the name that the certificate gives; no key; maybe a pin */
	CRED_NOSEC,       /* nothing: its network has; identity: the endpoint */
	/* Secured packets of short messages; identity: its number; key: KIc's, then KID's. One for
	   an endpoint, beside those of other kinds, for any purpose. */
	CRED_SMS,
};

/* What holds for a credential beside what the device proves. */
struct cred_terms {
	/* Else the next are 0. */
	bool says_labels, says_until, says_overlap, says_purpose, says_repository;
	struct conf_labels labels;
	uint64_t until_ms;         /* wall clock: it is taken no more then; 0: it does not expire */
	uint32_t overlap_s;        /* what was proved before is taken so long */
	enum conf_purpose purpose; /* */
	bool repository;           /* it may fetch firmware, too */
};

struct cred_set; /* opaque; many entries, hash indices by identity, by endpoint ... */

struct cred_key { /* an identity and its key; the holder wipes it */
	uint8_t identity[CRED_IDENTITY_MAX];
	size_t identity_len;
	uint8_t key[CRED_KEY_MAX];
	size_t key_len; /* 0: it proves itself without */
};

/* file NULL: a set without entries. master_secret_file NULL: nothing can be derived. */
MUST_USE struct cred_set *cred_load(
	const char *file, const char *master_secret_file, struct conf_error *error);
/* For another process, who may know a master secret: entries without an upstream key are right. */
MUST_USE struct cred_set *cred_load_import(const char *file, struct conf_error *error);
MUST_USE struct cred_set *cred_parse(const char *text, const char *name, const uint8_t *master,
	size_t master_len, struct conf_error *error);
void cred_free(struct cred_set *s);

size_t cred_count(const struct cred_set *s);
/* Number of the credential with this identity, below cred_count(); false when there is none. */
MUST_USE bool cred_by_identity(const struct cred_set *s, enum cred_kind kind,
	const uint8_t *identity, size_t len, uint32_t *number);
/* The one of this endpoint with this very purpose; none for short messages. */
MUST_USE bool cred_by_endpoint(const struct cred_set *s, const char *endpoint,
	enum conf_purpose purpose, uint32_t *number);
/* The one of this endpoint for short messages. */
MUST_USE bool cred_by_endpoint_sms(
	const struct cred_set *s, const char *endpoint, uint32_t *number);
/* What it has agreed; zero of another kind. */
struct cred_sms cred_sms_of(const struct cred_set *s, uint32_t number);
/* Those of this endpoint that leave no room for another with this purpose; how many. */
enum { CRED_RIVALS = 2 };
size_t cred_rivals(const struct cred_set *s, const char *endpoint, enum conf_purpose purpose,
	uint32_t out[CRED_RIVALS]);
/* One whose upstream identity this is: others of its endpoint may have the same. */
MUST_USE bool cred_by_upstream_identity(
	const struct cred_set *s, const uint8_t *identity, size_t len, uint32_t *number);
/* Whose key it is, towards either side. */
MUST_USE bool cred_by_key(
	const struct cred_set *s, const uint8_t *key, size_t len, uint32_t *number);
/* The endpoint's name; lives as long as the set. */
const char *cred_endpoint(const struct cred_set *s, uint32_t number);
enum cred_kind cred_kind(const struct cred_set *s, uint32_t number);
enum conf_purpose cred_purpose(const struct cred_set *s, uint32_t number);
/* Is the pin the device's own key, and so nobody else's? */
bool cred_pin_is_own(const struct cred_set *s, uint32_t number);
/* Who holds the key with this digest, of CRED_PIN_LEN octets: by a raw key, or by a pin of its
   own. */
MUST_USE bool cred_by_holder(const struct cred_set *s, const uint8_t *digest, uint32_t *number);
/* How an identity of this kind is called in errors: "the public key". */
const char *cred_identity_words(enum cred_kind kind);
/* SHA-256 of the SubjectPublicKeyInfo that must be in its chain, CRED_PIN_LEN octets; NULL:
   none. Lives as long as the set. */
const uint8_t *cred_pin(const struct cred_set *s, uint32_t number);
void cred_terms(const struct cred_set *s, uint32_t number, struct cred_terms *out);
/* Where its entry begins in the file. */
unsigned cred_line(const struct cred_set *s, uint32_t number);
/* Has it no upstream key of its own? */
bool cred_derives(const struct cred_set *s, uint32_t number);
/* Is there a master secret? */
bool cred_has_master(const struct cred_set *s);
/* The derived key of any endpoint; out is wiped when false: the library failed, or there is no
   master secret. */
MUST_USE bool cred_derived(const struct cred_set *s, const char *endpoint, uint8_t out[16]);
/* The device's identity and key (what the device proves). */
void cred_device_key(const struct cred_set *s, uint32_t number, struct cred_key *out);
/* What the gateway proves upstream for this endpoint: configured, or derived from the master
   secret. False: the library failed, or there is no master secret. */
MUST_USE bool cred_upstream_key(const struct cred_set *s, uint32_t number, struct cred_key *out);

/* HKDF-SHA256(master, salt "lwgate upstream psk v1", info endpoint) -> 16 bytes. */
MUST_USE bool cred_derive(
	const uint8_t *master, size_t master_len, const char *endpoint, uint8_t out[16]);
/* NULL when the key is strong enough for a PSK, else what is wrong with it. */
const char *cred_key_weakness(const uint8_t *key, size_t len, const char *endpoint);
/* What is wrong with a key for somebody known by this name (octets), or NULL. */
const char *cred_key_from_name(const uint8_t *key, size_t len, const void *name, size_t name_len);

#endif
