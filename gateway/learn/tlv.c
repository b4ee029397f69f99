/* SPDX-License-Identifier: Apache-2.0 */
/* OMA TLV: type, id, length, value; what an instance or a multiple resource has is TLV again. */
#include "base/rd.h"
#include "base/wipe.h"
#include "learn/read.h"

#include <string.h>

enum { OBJECT_INSTANCE, RESOURCE_INSTANCE, MULTIPLE, RESOURCE };

struct tlv {
	unsigned type;
	uint16_t id;
	struct rd value;
};

/* False at the end, or when it is malformed: then r is bad. */
static bool next(struct rd *r, struct tlv *out)
{
	if (r->bad || r->left == 0)
		return false;
	const uint8_t head = rd_u8(r);
	out->type = head >> 6;
	out->id = (head & 0x20U) != 0 ? rd_u16(r) : rd_u8(r);
	size_t len = head & 7U;
	switch (head >> 3 & 3U) {
	case 1:
		len = rd_u8(r);
		break;
	case 2:
		len = rd_u16(r);
		break;
	case 3:
		len = rd_u24(r);
		break;
	default:
		break;
	}
	out->value = rd_sub(r, len);
	return !r->bad;
}

/* They are of no interest, but must be well-formed. */
static bool pass_multiple(struct rd r)
{
	struct tlv t;
	while (next(&r, &t)) {
		if (t.type != RESOURCE_INSTANCE)
			return false;
	}
	return rd_end(&r);
}

static bool take(struct learn_object *out, const struct learn_path *p, const struct tlv *t)
{
	if (t->type == MULTIPLE)
		return (p->resource >= LEARN_RESOURCES || p->resource == 4 ||
			       (p->resource > LEARN_SECRET && p->resource < LEARN_SHORT_ID)) &&
		       pass_multiple(t->value);
	struct learn_value v = { .kind = LEARN_RAW };
	if (t->value.left > sizeof(v.text.octets))
		/* What is of no interest may be longer: the server's certificate. */
		return p->resource != LEARN_IDENTITY && p->resource != LEARN_SECRET &&
		       p->resource != LEARN_SERVER_URI && p->resource != LEARN_MODE &&
		       p->resource != LEARN_BOOTSTRAP && p->resource != LEARN_SHORT_ID;
	v.text.len = t->value.left;
	if (v.text.len > 0)
		memcpy(v.text.octets, t->value.at, v.text.len);
	const bool ok = learn_account_put(out, p, &v);
	wipe(&v, sizeof(v));
	return ok;
}

static bool read_resources(
	const struct learn_write *w, uint16_t instance, struct rd r, struct learn_object *out)
{
	struct tlv t;
	if (!learn_account_of(out, instance))
		return false;
	while (next(&r, &t)) {
		const struct learn_path p = { 0, instance, t.id, false };
		if ((t.type != RESOURCE && t.type != MULTIPLE) ||
			(w->path.resource != LEARN_NONE && w->path.resource != t.id) ||
			!take(out, &p, &t))
			return false;
	}
	return rd_end(&r);
}

bool learn_read_tlv(const struct learn_write *w, struct learn_object *out)
{
	struct rd r = rd_from(w->content, w->len), ahead = r;
	struct tlv t;
	/* To an instance, its resources may be written with or without it around them. */
	const bool bare = next(&ahead, &t) && t.type != OBJECT_INSTANCE;
	if (w->path.instance != LEARN_NONE && (bare || w->len == 0))
		return read_resources(w, w->path.instance, r, out);
	while (next(&r, &t)) {
		if (t.type != OBJECT_INSTANCE ||
			(w->path.instance != LEARN_NONE && w->path.instance != t.id) ||
			!read_resources(w, t.id, t.value, out))
			return false;
	}
	return rd_end(&r);
}
