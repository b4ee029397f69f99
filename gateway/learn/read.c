/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/read.h"

#include "base/wipe.h"

#include <string.h>

static bool within(uint16_t part, uint16_t whole)
{
	return whole == LEARN_NONE || part == whole;
}

bool learn_record_put(
	const struct learn_write *w, const struct learn_record *r, struct learn_object *out)
{
	char text[sizeof(r->base) + sizeof(r->name)];
	struct learn_path p;
	const size_t base = strlen(r->base);
	memcpy(text, r->base, base);
	memcpy(text + base, r->name, strlen(r->name) + 1);
	if (!learn_path_read(text, &p) || p.object != 0 || p.instance == LEARN_NONE ||
		!within(p.instance, w->path.instance))
		return false;
	if (p.resource == LEARN_NONE) /* an instance without resources is one, too */
		return r->value.kind == LEARN_NOTHING && learn_account_of(out, p.instance) != NULL;
	return within(p.resource, w->path.resource) && r->value.kind != LEARN_NOTHING &&
	       learn_account_put(out, &p, &r->value);
}

/* One resource as it is: plain text, or octets. */
static bool read_one(const struct learn_write *w, struct learn_object *out)
{
	struct learn_value v = { .kind = w->format == LEARN_OPAQUE ? LEARN_OCTETS : LEARN_TEXT };
	int64_t n = 0;
	if (w->path.instance == LEARN_NONE || w->path.resource == LEARN_NONE ||
		w->len > sizeof(v.text.octets))
		return false;
	memcpy(v.text.octets, w->content, w->len);
	v.text.len = w->len;
	const bool number = v.kind == LEARN_TEXT && w->path.resource != LEARN_SERVER_URI &&
			    w->path.resource != LEARN_SMS_NUMBER;
	if (number) {
		for (size_t i = 0; i < w->len && i < 6; i++)
			n = n * 10 + (w->content[i] - '0');
		v.kind = w->path.resource == LEARN_BOOTSTRAP ? LEARN_BOOLEAN : LEARN_INTEGER;
		v.integer = n;
	}
	bool ok = !number || (w->len > 0 && w->len < 6);
	for (size_t i = 0; number && i < w->len; i++)
		ok = ok && w->content[i] >= '0' && w->content[i] <= '9';
	ok = ok && learn_account_put(out, &w->path, &v);
	wipe(&v, sizeof(v));
	return ok;
}

static bool read_format(const struct learn_write *w, struct learn_object *out)
{
	switch (w->format) {
	case LEARN_PLAIN:
	case LEARN_OPAQUE:
		return read_one(w, out);
	case LEARN_TLV:
		return learn_read_tlv(w, out);
	case LEARN_SENML_CBOR:
		return learn_read_cbor(w, out);
	case LEARN_SENML_JSON:
		return learn_read_senml_json(w, out);
	case LEARN_LWM2M_JSON:
		return learn_read_lwm2m_json(w, out);
	default:
		return false;
	}
}

bool learn_read(const struct learn_write *w, struct learn_object *out)
{
	out->len = 0;
	if (w->path.object == 0 && !w->path.deeper && read_format(w, out))
		return true;
	wipe(out, sizeof(*out));
	return false;
}
