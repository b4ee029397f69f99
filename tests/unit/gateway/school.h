/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/gateway/school: a court whose gateway learns from bootstrap: the town's server is a
 *                            bootstrap server, and writes accounts into devices.
 *
 * Every policy keeps. What the devices answer is the test's to say.
 *
 * Errors:  a cmocka failure.
 * Threads: as a town's.
 */
#ifndef LWG_TEST_SCHOOL_H
#define LWG_TEST_SCHOOL_H

#include "base/attr.h"
#include "court.h"
#include "store/staging.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCHOOL_NOT_ACCEPTABLE = 134, SCHOOL_KEY = 16, SCHOOL_SETTLE_S = 3600 };
#define SCHOOL_URI "coaps://gw.example:5684"

enum school_mode { SCHOOL_PSK = 0, SCHOOL_RAW_KEY = 1, SCHOOL_CERTIFICATE = 2 };

struct school_sms { /* resources 6 to 8 */
	uint8_t mode;
	const uint8_t *params, *key;
	size_t params_len, key_len;
};

struct school_account {
	const char *uri;
	enum school_mode mode;
	const void *identity;
	size_t identity_len;
	const uint8_t *key; /* NULL: none */
	size_t key_len;
	const struct school_sms *sms; /* NULL: nothing */
};

/* A good key; another for each number. */
void school_key(uint8_t n, uint8_t out[SCHOOL_KEY]);

struct town *school_new(void);
/* Under these rules. */
struct town *school_new_under(struct gw_rules *rules);
void school_free(struct town *t);
/* Workers have a material that learns for this URI; NULL: for none. Also after a restart. */
void school_learn_for(struct town *t, const char *uri);
/* The gateway is killed and begins again; the devices forget everything. */
void school_restart(struct town *t);

/* Device 0.. asks for its bootstrap, and the server says yes. */
void school_request(struct town *t, size_t device, size_t socket);
/* The server writes instance 1 of the Security object, in TLV; the device has it, not answered. */
void school_write(struct town *t, size_t device, const struct school_account *a);
/* The server says Bootstrap-Finish. Nobody need have heard it on return. */
void school_finish(struct town *t, size_t device);
/* The last message of the server once more. */
void school_repeat(struct town *t, size_t device);
/* The device's answer to the last request that it has had. */
void school_answer(struct town *t, size_t socket, uint8_t code);
/* All but Finish: the request, and a PSK under this name with key n, written and answered. */
void school_teach(struct town *t, size_t socket, const char *identity, uint8_t n);
/* All of it, answered or not. Device 0. */
void school_bootstrap(
	struct town *t, size_t socket, const char *identity, uint8_t n, bool answered);
/* A handshake with this PSK from a new socket; whether it succeeds, and then *socket is that. */
MUST_USE bool school_comes(struct town *t, size_t *socket, const char *identity, uint8_t n);
/* The same with its key of the beginning. Device 0. */
MUST_USE bool school_comes_as_before(struct town *t, size_t *socket);

/* What is staged for a device, and its credential; false: nothing. */
MUST_USE bool school_staged(struct town *t, size_t device, struct store_staged *out);
void school_cred(struct town *t, size_t device, struct store_cred *out);
/* The next entry of the chronicle, but for decisions, is this, of device 0; why: a part of it, or
   "". */
void school_assert_told(struct town *t, enum gw_entry_kind kind, const char *why);

#endif
