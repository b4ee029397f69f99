/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/attributes: what a device says of itself in the query of Register and Update: binding,
 * queue mode, LwM2M version, MSISDN.
 *
 * The gateway does not judge any of it: what it can not read it takes for not said, and the
 * server, to whom all of it goes as it is, has the word.
 *
 * Promise: total and bounded (I7). Items that are not known here change nothing.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  LwM2M 1.0 sections 5.3.1 and 8.3; 1.1 Core 6.2.1 (tables of the parameters, Q a flag of
 *          its own); 1.2 Core 6.2.1 (bindings M and H); requirements.
 */
#ifndef LWG_PROXY_ATTRIBUTES_H
#define LWG_PROXY_ATTRIBUTES_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct pdu_option;

enum {
	/* The digits of an MSISDN (ITU-T E.164: 15 at most), without '+', and the end. */
	ATTRIBUTES_SMS_MAX = 16,
	/* What the texts below need, with their ends. */
	ATTRIBUTES_BINDING_MAX = 8,
	ATTRIBUTES_VERSION_MAX = 4,
};

enum attributes_binding { /* bits; none: not said, which is U (LwM2M 1.0 and 1.1) */
	ATTRIBUTES_UDP = 1,
	ATTRIBUTES_TCP = 2,
	ATTRIBUTES_SMS = 4,
	ATTRIBUTES_NON_IP = 8,
	ATTRIBUTES_MQTT = 16,
	ATTRIBUTES_HTTP = 32,
};

/* The version, its two digits in two nibbles. */
enum attributes_version {
	ATTRIBUTES_UNSAID = 0, /* a Register without lwm2m= is one of 1.0 */
	ATTRIBUTES_1_0 = 0x10,
	ATTRIBUTES_1_1 = 0x11,
	ATTRIBUTES_1_2 = 0x12,
	ATTRIBUTES_OTHER = 0xff, /* not of the form d.d */
};

struct attributes { /* zeroed = nothing is known */
	uint8_t binding;
	uint8_t version;
	bool queue;                   /* the device sleeps between its own messages */
	char sms[ATTRIBUTES_SMS_MAX]; /* digits; "": not said */
};

/* What one query says. */
struct attributes_said {
	struct attributes what;
	bool version, binding, queue, sms; /* which of them it says */
	bool twice;                        /* one of them more than once: no two servers agree */
};

/* One Uri-Query item. */
void attributes_read(struct attributes_said *said, const struct pdu_option *item);
/* What a Register (anew) or an Update makes of what was known. */
MUST_USE struct attributes attributes_after(
	const struct attributes *known, const struct attributes_said *said, bool anew);
/* As 1.0 writes it: "UQS"; "": not said. Returns out. */
const char *attributes_binding_text(const struct attributes *a, char out[ATTRIBUTES_BINDING_MAX]);
/* "1.1"; "": not said, or not of that form. */
const char *attributes_version_text(const struct attributes *a, char out[ATTRIBUTES_VERSION_MAX]);
MUST_USE bool attributes_same(const struct attributes *a, const struct attributes *b);
/* 1.1 or newer, as far as one knows. */
MUST_USE bool attributes_is_1_1(uint8_t version);

#endif
