/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/credential: a credential on its way between lwgatectl and lwgated.
 *
 * On the wire: u32 line, u32 number, u64 generation, u64 changed_ms, u8 state, u8 origin, u8 has
 * keys, u8 kind, u8 pinned (2: by its own key), then endpoint, identity, upstream identity, key,
 * upstream key, each with u8 length in front; of the keys only the lengths where it has none; then
 * 32 octets of pin if pinned; or of kind SMS u8 profile, u8 SPI2, u8 KIc, u8 KID, 3 octets of TAR,
 * u8 length of the checksum, u8 how its keys are renewed, u8 GBA, subscriber, and if that is by
 * smartcard u8 SPI2, u8 KIc, u8 KID, u8 length of the checksum, 3 octets of TAR, key (as above),
 * path, u8 format; then u8 what is said (1 labels, 2 end, 4 overlap, 8 repository, 16: something is
 * staged), u8 purpose (0: not said), u8 repository, u64 until_ms, u32 overlap_s, u64
 * generation and u64 until_ms of what it proved before, u16 length of the labels, labels. Where 16
 * is among what is said, what is staged: u8 kind, u8 armed, u64 generation, u64 until_ms, u8 length
 * of the identity, identity.
 *
 * Promise: pure, total, bounded (I7). Endpoint and subscriber hold no NUL. Who holds one with keys
 *          wipes it.
 * Errors:  latched in the cursor.
 * Threads: any.
 */
#ifndef LWG_CTL_CREDENTIAL_H
#define LWG_CTL_CREDENTIAL_H

#include "base/attr.h"
#include "base/rd.h"
#include "base/wr.h"
#include "conf/cred_sms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CTL_NAME_MAX = 128, /* endpoint and identities */
	CTL_KEY_MAX = 64,
	CTL_PIN_LEN = 32,     /* also of a raw key's identity */
	CTL_LABELS_MAX = 527, /* all of them, see conf/labels */
	/* On the wire. */
	CTL_SMS_LEN = offsetof(struct cred_sms, renew) + sizeof(struct cred_renew),
	CTL_CRED_MAX = 29 + 5 + 3 * CTL_NAME_MAX + 2 * CTL_KEY_MAX + CTL_SMS_LEN + 33 +
		       CTL_LABELS_MAX + 19 + CTL_NAME_MAX,
};

/* EXPIRED: active, but its end is over. */
enum ctl_cred_state { CTL_CRED_ACTIVE, CTL_CRED_REVOKED, CTL_CRED_EXPIRED };
enum ctl_cred_origin { CTL_CRED_BY_CONTROL, CTL_CRED_BY_FILE, CTL_CRED_BY_BOOTSTRAP };
/* What the device proves; see enum cred_kind (conf/credentials). To replace one, PSK without an
   identity and a key says nothing: the kind that it was. */
enum ctl_cred_kind {
	CTL_CRED_PSK,
	CTL_CRED_RAW_KEY,
	CTL_CRED_CERTIFICATE,
	CTL_CRED_NOSEC,
	CTL_CRED_SMS
};
/* What it is for. Unsaid: of one that is new any; else the one that there is. SMS is said
   only where one of several is to be named: the one of that kind, whatever else it is for. */
enum ctl_purpose {
	CTL_FOR_UNSAID,
	CTL_FOR_ANY,
	CTL_FOR_SERVER,
	CTL_FOR_BOOTSTRAP,
	CTL_FOR_SMS,
	CTL_PURPOSES
};

/* What the device is to prove next, learned from its bootstrap; what the store knows. */
struct ctl_staged {
	uint64_t generation; /* 0: there is nothing */
	/* Wall clock: then it counts if it is armed, or goes. UINT64_MAX: never. */
	uint64_t until_ms;
	enum ctl_cred_kind kind;
	bool armed;           /* the device has finished its bootstrap */
	uint8_t identity_len; /* of a certificate: the name */
	uint8_t identity[CTL_NAME_MAX];
};

struct conf_spki;
struct ctl_cred {
	uint32_t line; /* in the file that it comes from; 0: none */
	/* What the store knows; 0 on the way there. */
	uint32_t number;
	uint64_t generation, changed_ms; /* wall clock */
	enum ctl_cred_state state;
	enum ctl_cred_origin origin;
	enum ctl_cred_kind kind;
	bool pinned;
	bool own_pin; /* on the way to the store: the pin is the device's own key */
	uint8_t pin[CTL_PIN_LEN];
	struct cred_sms sms; /* zero of another kind */
	char endpoint[CTL_NAME_MAX + 1];
	/* Length 0: not said. Of an upstream key: derived from the master secret. */
	uint8_t identity_len, key_len, upstream_identity_len, upstream_key_len;
	bool has_keys; /* the octets are there, not only their number */
	uint8_t identity[CTL_NAME_MAX], upstream_identity[CTL_NAME_MAX];
	uint8_t key[CTL_KEY_MAX], upstream_key[CTL_KEY_MAX];
	/* On the way to the store, what is not said stays, or is as the gateway is set. */
	bool says_labels, says_until, says_overlap, says_repository;
	enum ctl_purpose purpose;
	bool repository;    /* it may fetch firmware, too */
	uint64_t until_ms;  /* wall clock; 0: it does not expire */
	uint32_t overlap_s; /* what it has proved until now is taken so long */
	/* What it proved before, while that is taken; generation 0: it is not. */
	uint64_t before_generation, before_until_ms;
	char labels[CTL_LABELS_MAX + 1]; /* "a,b" */
	struct ctl_staged staged;        /* not looked at on the way to the store */
};

/* "any", "server", "bootstrap", "sms"; unsaid: "any". */
const char *ctl_purpose_word(enum ctl_purpose p);

void ctl_cred_write(struct wr *w, const struct ctl_cred *c);
/* False: it is none. */
MUST_USE bool ctl_cred_read(struct rd *r, struct ctl_cred *out);
/* "psk", "public_key", "certificate", "nosec", "sms". */
const char *ctl_cred_kind_word(enum ctl_cred_kind kind);
/* "lwgatectl", "file", "bootstrap". */
const char *ctl_cred_origin_word(enum ctl_cred_origin origin);

/* The device proves this public key (RFC 7250): its identity is the key's digest. */
void ctl_cred_by_raw_key(struct ctl_cred *c, const struct conf_spki *key);

#endif
