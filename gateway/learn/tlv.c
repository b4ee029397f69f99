/* SPDX-License-Identifier: Apache-2.0 */
/* OMA TLV: type, id, length, value; what an instance or a multiple resource has is TLV again. */
#include "base/tlv.h"
#include "base/rd.h"
#include "base/wipe.h"
#include "learn/read.h"

#include <string.h>

/* They are of no interest, but must be well-formed. */
static bool pass_multiple(struct rd r)
{
	struct tlv t;
	while (tlv_next(&r, &t)) {
		if (t.type != TLV_RESOURCE_INSTANCE)
			return false;
	}
	return rd_end(&r);
}

static bool take(struct learn_object *out, const struct learn_path *p, const struct tlv *t)
{
	if (t->type == TLV_MULTIPLE)
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
	while (tlv_next(&r, &t)) {
		const struct learn_path p = { 0, instance, t.id, false };
		if ((t.type != TLV_RESOURCE && t.type != TLV_MULTIPLE) ||
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
	const bool bare = tlv_next(&ahead, &t) && t.type != TLV_OBJECT_INSTANCE;
	if (w->path.instance != LEARN_NONE && (bare || w->len == 0))
		return read_resources(w, w->path.instance, r, out);
	while (tlv_next(&r, &t)) {
		if (t.type != TLV_OBJECT_INSTANCE ||
			(w->path.instance != LEARN_NONE && w->path.instance != t.id) ||
			!read_resources(w, t.id, t.value, out))
			return false;
	}
	return rd_end(&r);
}
