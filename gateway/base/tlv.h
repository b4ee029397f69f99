/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/tlv: type, identifier, length and value of OMA LwM2M's TLV, one after the other.
 *
 * Promise: total: no read past the end, nothing is allocated. Values lie in the caller's octets;
 *          what is in them (TLV again, or not) is the caller's to know.
 * Errors:  latched in the reader or the writer.
 * Threads: any.
 * Source:  LwM2M Core 1.1, 7.4.4.
 */
#ifndef LWG_BASE_TLV_H
#define LWG_BASE_TLV_H

#include "base/attr.h"
#include "base/rd.h"
#include "base/wr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tlv_type { TLV_OBJECT_INSTANCE, TLV_RESOURCE_INSTANCE, TLV_MULTIPLE, TLV_RESOURCE };
enum { TLV_HEAD_MAX = 6 };

struct tlv {
	enum tlv_type type;
	uint16_t id;
	struct rd value;
};

/* False at the end, or when it is malformed: then r is bad. */
MUST_USE bool tlv_next(struct rd *r, struct tlv *out);
/* All before a value of len octets, in the shortest form. */
void tlv_head(struct wr *w, enum tlv_type type, uint16_t id, size_t len);

#endif
