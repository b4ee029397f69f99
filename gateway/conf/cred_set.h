/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/cred_set: what a loaded set of credentials is made of; for the files of this room only.
 *
 * Names lie in one heap block, keys in one secret region, entries are offsets into both: some 130
 * bytes a device. The octet before an identity is its kind: both together are its name, so that
 * identities of different kinds never meet. So it is with an endpoint and its purpose.
 */
#ifndef LWG_CONF_CRED_SET_H
#define LWG_CONF_CRED_SET_H

#include "conf/cred_index.h"
#include "conf/credentials.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRED_NAME_MAX = 1 + CRED_IDENTITY_MAX };
/* Stands where others have their purpose: it is found by itself. */
enum { CRED_USE_SMS = 3 };
enum { CRED_SMS_AGREED = offsetof(struct cred_sms, renew) };
_Static_assert((size_t)CRED_SMS_AGREED + sizeof(struct cred_renew) == sizeof(struct cred_sms),
	"octets, without padding");

struct cred_entry {
	uint32_t line;                        /* in the file */
	uint32_t endpoint;                    /* offset in names; ends with NUL */
	uint32_t identity, upstream_identity; /* offsets in names */
	uint32_t key, upstream_key;           /* offsets in secrets */
	uint32_t pin;                         /* offset in names, if pinned */
	uint32_t labels;                      /* offset in names, if it says them; ends with NUL */
	uint32_t overlap_s;
	uint64_t until_ms;
	uint8_t identity_len, upstream_identity_len;
	/* key_len 0: it is no PSK; upstream_key_len 0: derived */
	uint8_t key_len, upstream_key_len;
	uint8_t kind;    /* enum cred_kind */
	uint8_t purpose; /* enum conf_purpose */
	bool pinned, own_pin;
	bool says_labels, says_until, says_overlap, says_purpose, says_repository;
	bool repository;
	bool renews;                  /* its keys are */
	uint8_t sms[CRED_SMS_AGREED]; /* the beginning of a struct cred_sms; zero of another kind */
	uint32_t renew;               /* the rest of it: offset in secrets, if it renews */
};

struct cred_set {
	struct cred_entry *entries;
	size_t len;
	char *names;
	size_t names_len;
	uint8_t *secrets; /* the master secret first */
	size_t secrets_len, secrets_size, master_len;
	struct cred_index by_identity, by_endpoint;
	struct cred_index by_holder; /* raw keys, and pins that are the device's own key */
	struct cred_index by_upstream,
		by_key; /* R-022; of a key 2n: the device's, 2n + 1: upstream */
};

/* Makes the indices of a set that is whole. False, with *error: two of it share what they may not
   . name: of the file, in errors. */
MUST_USE bool cred_set_index(struct cred_set *s, const char *name, struct conf_error *error);
/* What pattern a secret of at least 16 octets follows, or NULL. */
const char *cred_pattern(const uint8_t *key, size_t len);

#endif
