/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/watch: follows one bootstrap, message by message, and says what the device is to prove to
 *              this gateway from then on.
 *
 * A Bootstrap-Write counts when the device has answered it with 2.04, a Bootstrap-Delete with
 * 2.02; Block1 is put together. What it answers with a client error (4.xx) it has not done. The
 * account of this gateway is the one whose LwM2M Server URI is one of the settings', and which is
 * none of a bootstrap server.
 *
 * Promise: total and bounded: at most LEARN_CONTENT_MAX octets of one Write are held, one Write at
 *          a time. What cannot be followed (a Write beside another, one that is too long, blocks
 *          out of order, content that cannot be read, an answer that does not say what was done)
 *          makes all of it unknown for the rest of this bootstrap, never a guess: an account that
 *          was read before may not be what the device has now. Copies of a message do nothing.
 * Errors:  learn_watch_why() says why nothing is learned, without any content.
 * Memory:  one allocation, in memory for secrets; wiped (I5).
 * Threads: any, one each. Clock, I/O: none.
 * Source:  LwM2M Core 1.1 6.1.7, Transport 1.1 6.4.2; RFC 7252 5.3.2; RFC 7959 2.5; S31.
 */
#ifndef LWG_LEARN_WATCH_H
#define LWG_LEARN_WATCH_H

#include "base/attr.h"
#include "learn/account.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct learn_watch;
struct pdu;

enum { LEARN_CONTENT_MAX = 4096 };

/* Security modes of resource 2 that a device may have here. */
enum learn_mode { LEARN_PSK, LEARN_RAW_KEY, LEARN_CERTIFICATE };

struct learn_found { /* what the device is to prove; the holder wipes it */
	enum learn_mode mode;
	/* PSK: the identity; RAW_KEY: the device's SubjectPublicKeyInfo; CERTIFICATE: the device's
	   certificate. All as they were written: nothing of it has been checked. */
	struct learn_octets identity;
	struct learn_octets key; /* PSK; else empty: a private key is not for us to have */
	struct learn_sms sms;    /* of the same account; mode 0: nothing about short messages */
};

enum learn_event {
	LEARN_PASSES,   /* it tells nothing yet */
	LEARN_FINISHES, /* the server's Bootstrap-Finish: learn_watch_found() now */
	LEARN_FINISHED, /* the device's 2.04 to it: it has what was found */
	LEARN_BREAKS,   /* the device's other answer to it */
};

/* uris: in the form of uri_coaps() of base/uri; borrowed. NULL: memory is short. */
MUST_USE struct learn_watch *learn_watch_new(const char *const *uris, size_t uris_len);
void learn_watch_free(struct learn_watch *w);
/* A request of the server on its way to the device, sound. A Finish that comes again is FINISHES
   again, with the same found. */
enum learn_event learn_watch_asked(struct learn_watch *w, const struct pdu *m);
/* A response of the device. */
enum learn_event learn_watch_answered(struct learn_watch *w, const struct pdu *m);
/* False: nothing is to be learned; learn_watch_why() says why if something was written. */
MUST_USE bool learn_watch_found(const struct learn_watch *w, struct learn_found *out);
/* NULL: nothing was written that concerns this gateway. Static. */
const char *learn_watch_why(const struct learn_watch *w);

#endif
