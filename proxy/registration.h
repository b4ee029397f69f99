/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/registration: what a device may ask for, and what the server's answer makes of its
 * registration.
 *
 * Promise: no request that names another endpoint passes (I4), no location but the device's own,
 *          and before registration nothing but Register, Bootstrap-Request, and an Update or
 *          De-register whose location this gateway doesn't know (it may have been restarted; the
 *          server will judge, R-267). A credential for bootstrap registers nobody, and one for a
 *          server bootstraps nobody. A registration changes only by the server's answer,
 *          never by a request.
 * Errors:  a verdict has the code and the words of the answer; a name of another endpoint is never
 *          in them.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  LwM2M 1.1 Core 6.2, Transport 6.4; requirements.
 */
#ifndef LWG_PROXY_REGISTRATION_H
#define LWG_PROXY_REGISTRATION_H

#include "base/attr.h"
#include "proxy/attributes.h"
#include "proxy/relay.h"

#include <stdbool.h>
#include <stdint.h>

struct pdu;

enum {
	/* How long a registration outlives its lifetime here: MAX_TRANSMIT_WAIT, RFC 7252 section
	   4.8.2. An Update that the device began in time may still be under way. */
	REGISTRATION_GRACE_MS = 93000,
};

enum registration_kind {
	REGISTRATION_REGISTER,
	REGISTRATION_UPDATE,
	REGISTRATION_DEREGISTER,
	REGISTRATION_BOOTSTRAP,
	REGISTRATION_SEND,
};

struct registration_request {
	enum registration_kind kind;
	uint32_t lifetime_s;
	bool has_lifetime;
	bool claims; /* to a location that is not known here */
	struct attributes_said said;
};

struct registration_verdict {
	uint8_t code;    /* 0: it may pass */
	const char *why; /* for the device; static */
	bool unnamed;    /* where it may pass, the server needs an ep= (R-265) */
	struct registration_request request; /* where it may pass */
};

enum registration_change {
	REGISTRATION_SAME,
	REGISTRATION_UP,
	REGISTRATION_UPDATED,
	REGISTRATION_GONE,
	REGISTRATION_BOOTSTRAPPING, /* the server will now write to the device */
	REGISTRATION_BAD_ANSWER,    /* not to be passed on: 5.02 */
};

struct registration_rules {
	const char *endpoint;   /* of the authenticated channel */
	uint8_t wrong_endpoint; /* code for a request that names another: 4.00 or 4.03 (D-6) */
	enum relay_purpose purpose;
	enum relay_update update; /* in a newer channel than that of the registration */
	bool kept; /* registrations outlive the process: who is not known is not registered */
};

struct registration_refusal {
	uint8_t code;    /* 0: it may pass */
	const char *why; /* static */
};

/* One request of the device. */
MUST_USE struct registration_verdict registration_judge(const struct registration_rules *rules,
	const struct relay_registration *reg, const struct pdu *request);
/* One request of the server, to a device whose credential is for that: what only a bootstrap server
   may do passes to no other. The device has its own say, by its Access Control objects. */
MUST_USE struct registration_refusal registration_judge_server(
	enum relay_purpose purpose, const struct pdu *request);
/* Would the same answer to the two have the same effect? */
MUST_USE bool registration_same_effect(
	const struct registration_request *a, const struct registration_request *b);
/* The final or an intermediate answer to it. claim is the path of a request that claims; NULL:
   forgotten meanwhile. */
MUST_USE enum registration_change registration_answered(struct relay_registration *reg,
	const struct registration_request *request, const char *claim, const struct pdu *answer,
	uint64_t now_ms);
/* There is none any more. */
void registration_void(struct relay_registration *reg);
/* When it is to end; UINT64_MAX: never by itself. */
MUST_USE uint64_t registration_ends_ms(const struct relay_registration *reg);
/* The path of a request, segments joined by '/'. False: too long, or segments that could be read in
   two ways. */
MUST_USE bool registration_path(const struct pdu *request, char out[RELAY_LOCATION_MAX]);

#endif
