/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/read: the content of a Bootstrap-Write to the object 0 (Security), or a part of it, in each
 *             format that LwM2M has for it.
 *
 *   tlv.c          OMA TLV (Core 1.1, 7.4.4)
 *   cbor.c         SenML CBOR (RFC 8428, RFC 8949)
 *   senml_json.c   SenML JSON (RFC 8428)
 *   lwm2m_json.c   LwM2M JSON (1.0.2, 6.4.4)
 *
 * Promise: total: whatever the octets, it ends, in time linear in len times LEARN_DEPTH, reads no
 *          further, and fills no more than *out. A length that is written there moves a limit,
 *          nothing is allocated by it. All or nothing: after false, *out is zero.
 * Errors:  false: malformed, not of object 0, too much, or of another format.
 * Threads: any.
 * Source:  LwM2M Core 1.1 6.1.7.3 and 7.4; S31.
 */
#ifndef LWG_LEARN_READ_H
#define LWG_LEARN_READ_H

#include "base/attr.h"
#include "learn/account.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum learn_format { /* CoAP's Content-Format */
	LEARN_PLAIN = 0,
	LEARN_OPAQUE = 42,
	LEARN_SENML_JSON = 110,
	LEARN_SENML_CBOR = 112,
	LEARN_TLV = 11542,
	LEARN_LWM2M_JSON = 11543,
};
enum {
	LEARN_DEPTH = 8,  /* of what is passed over */
	LEARN_LABEL = 64, /* octets of a name */
	LEARN_RECORDS = 256
};

struct learn_write {
	uint16_t format;
	struct learn_path path; /* that was written to */
	const uint8_t *content;
	size_t len;
};

/* *out: what it says, and no more; begun anew. */
MUST_USE bool learn_read(const struct learn_write *w, struct learn_object *out);

/* --- for the formats' files ----------------------------------------------------------------- */

MUST_USE bool learn_read_tlv(const struct learn_write *w, struct learn_object *out);
MUST_USE bool learn_read_cbor(const struct learn_write *w, struct learn_object *out);
MUST_USE bool learn_read_senml_json(const struct learn_write *w, struct learn_object *out);
MUST_USE bool learn_read_lwm2m_json(const struct learn_write *w, struct learn_object *out);

/* A record of names and values: its path is base and name behind each other. */
struct learn_record { /* the holder wipes it */
	char base[LEARN_LABEL + 1], name[LEARN_LABEL + 1];
	struct learn_value value;
};

/* Puts it where it belongs, if that lies within what was written to. */
MUST_USE bool learn_record_put(
	const struct learn_write *w, const struct learn_record *r, struct learn_object *out);

#endif
