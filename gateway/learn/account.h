/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/account: instances of the LwM2M object 0 (Security), as far as a bootstrap server has
 *                written them: what of them matters here, gathered resource by resource.
 *
 * Promise: bounded by the struct, whatever is written. A resource that is not of interest is
 *          passed over; one that is, and has a value that it cannot have, is an error, but for
 *          those of short messages.
 * Errors:  false; what was gathered before stays, so the holder throws all of it away.
 * Memory:  no allocation. The holder wipes it (I5).
 * Threads: any, one each.
 * Source:  OMA LwM2M Core 1.1 appendix E.1; S31.
 */
#ifndef LWG_LEARN_ACCOUNT_H
#define LWG_LEARN_ACCOUNT_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LEARN_ACCOUNTS = 4,
	LEARN_URI_MAX = 255,
	LEARN_OCTETS_MAX = 1024, /* a device's certificate, or its key */
	LEARN_NONE = 0xffff,     /* no id: OMA reserves it */
};

enum learn_resource {
	LEARN_SERVER_URI = 0,
	LEARN_BOOTSTRAP = 1,
	LEARN_MODE = 2,
	LEARN_IDENTITY = 3, /* public key or identity */
	LEARN_SECRET = 5,
	LEARN_SMS_MODE = 6,
	LEARN_SMS_PARAMS = 7, /* KIc, KID, SPI, TAR */
	LEARN_SMS_KEYS = 8,
	LEARN_SMS_NUMBER = 9, /* the server's */
	LEARN_SHORT_ID = 10,
	LEARN_RESOURCES = 11
};

struct learn_octets {
	size_t len;
	uint8_t octets[LEARN_OCTETS_MAX];
};

/* Resources 6 to 9, each as it was written. What cannot be is as if it were not there: it is no
   reason to know nothing of the rest of the account. */
enum { LEARN_SMS_PARAMS_MAX = 7, LEARN_SMS_KEYS_MAX = 64, LEARN_SMS_NUMBER_MAX = 32 };
struct learn_sms {
	uint8_t mode;                /* 0: none */
	uint8_t params_len, key_len; /* 0: none */
	uint8_t params[LEARN_SMS_PARAMS_MAX];
	uint8_t key[LEARN_SMS_KEYS_MAX];
	char number[LEARN_SMS_NUMBER_MAX + 1];
};

struct learn_account {
	uint16_t instance;
	uint16_t has; /* bit n: resource n */
	bool bootstrap;
	uint8_t mode;
	uint16_t short_id;
	char uri[LEARN_URI_MAX + 1];
	struct learn_octets identity, secret;
	struct learn_sms sms;
};

struct learn_object {
	size_t len;
	struct learn_account accounts[LEARN_ACCOUNTS];
};

struct learn_path { /* LEARN_NONE: the path is shorter */
	uint16_t object, instance, resource;
	bool deeper; /* a resource instance: of no interest in this object */
};

enum learn_kind {
	LEARN_NOTHING, /* no value */
	LEARN_BOOLEAN, /* integer: 0 or 1 */
	LEARN_INTEGER,
	LEARN_TEXT,
	LEARN_OCTETS,
	LEARN_RAW,    /* of TLV: its resource says what the octets are */
	LEARN_BASE64, /* of LwM2M JSON: its resource says whether it is text or octets so written */
	LEARN_OTHER,  /* a number that is none of these, a link */
};

struct learn_value { /* the holder wipes it */
	enum learn_kind kind;
	int64_t integer;
	struct learn_octets text;
};

/* The account with this number, made if there is none; NULL: there are too many. */
MUST_USE struct learn_account *learn_account_of(struct learn_object *o, uint16_t instance);
/* Of object 0. One that is written twice has the later value. */
MUST_USE bool learn_account_put(
	struct learn_object *o, const struct learn_path *p, const struct learn_value *v);

/* "/0/1/3", at most four numbers, without "/" at the end and nothing else; "/" is all of it. */
MUST_USE bool learn_path_read(const char *text, struct learn_path *out);
/* Both alphabets of RFC 4648, with or without padding. False: it is none, or longer than cap. */
MUST_USE bool learn_base64(
	const uint8_t *text, size_t len, uint8_t *out, size_t cap, size_t *out_len);

#endif
