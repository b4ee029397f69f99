/* SPDX-License-Identifier: Apache-2.0 */
/* SenML in CBOR: an array of maps whose keys are numbers (RFC 8428 6). */
#include "base/rd.h"
#include "base/wipe.h"
#include "learn/read.h"

#include <string.h>

enum major { UINT, NINT, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { CBOR_FALSE = 20, CBOR_TRUE = 21, FLOAT16 = 25, FLOAT64 = 27, INDEFINITE = 31 };
enum label {
	BVER = -1,
	BN = -2,
	BT = -3,
	BU = -4,
	BV = -5,
	BS = -6,
	N = 0,
	U,
	V,
	VS,
	VB,
	S,
	T,
	UT,
	VD
};

struct head {
	enum major major;
	unsigned info;
	uint64_t n;
};

/* False: malformed, or the break of an indefinite length. */
static bool head(struct rd *r, struct head *h)
{
	const uint8_t octet = rd_u8(r);
	h->major = (enum major)(octet >> 5);
	h->info = octet & 31U;
	h->n = h->info;
	if (h->info == 24)
		h->n = rd_u8(r);
	else if (h->info == 25)
		h->n = rd_u16(r);
	else if (h->info == 26)
		h->n = rd_u32(r);
	else if (h->info == 27)
		h->n = rd_u64(r);
	else if (h->info > 27 && h->info != INDEFINITE)
		return false;
	return rd_ok(r);
}

static bool breaks(struct rd *r)
{
	if (r->left == 0 || r->at[0] != 0xff)
		return false;
	rd_skip(r, 1);
	return true;
}

/* Is there another member of an array or a map, of which `done` were read? */
static bool more(struct rd *r, const struct head *h, uint64_t done)
{
	if (r->bad)
		return false;
	return h->info == INDEFINITE ? !breaks(r) : done < h->n;
}

/* Strings of an indefinite length are refused: SenML needs none. */
static bool octets(struct rd *r, const struct head *h, struct rd *out)
{
	if (h->info == INDEFINITE || h->n > r->left)
		return false;
	*out = rd_sub(r, (size_t)h->n);
	return true;
}

static bool pass_over(struct rd *r, unsigned depth)
{
	struct head h;
	struct rd text;
	if (depth == LEARN_DEPTH || !head(r, &h))
		return false;
	switch (h.major) {
	case BYTES:
	case TEXT:
		return octets(r, &h, &text);
	case ARRAY:
	case MAP:
		for (uint64_t done = 0; more(r, &h, done); done++) {
			if ((h.major == MAP && !pass_over(r, depth + 1)) ||
				!pass_over(r, depth + 1))
				return false;
		}
		return rd_ok(r);
	case TAG:
		return h.info != INDEFINITE && pass_over(r, depth + 1);
	case UINT:
	case NINT:
	case SIMPLE:
	default:
		return h.info != INDEFINITE;
	}
}

static bool integer(const struct head *h, int64_t *out)
{
	if (h->n > INT64_MAX || h->info == INDEFINITE || h->major > NINT)
		return false;
	*out = h->major == UINT ? (int64_t)h->n : -1 - (int64_t)h->n;
	return true;
}

/* What is too long is of no interest, or else it is refused when it is put. */
static bool take_text(struct rd *r, enum major wanted, struct learn_value *v)
{
	struct head h;
	struct rd text;
	if (!head(r, &h) || h.major != wanted || !octets(r, &h, &text))
		return false;
	const bool fits = text.left <= sizeof(v->text.octets);
	v->kind = !fits ? LEARN_OTHER : wanted == TEXT ? LEARN_TEXT : LEARN_OCTETS;
	v->text.len = fits ? text.left : 0;
	if (v->text.len > 0)
		memcpy(v->text.octets, text.at, v->text.len);
	return true;
}

static bool take_name(struct rd *r, char out[LEARN_LABEL + 1])
{
	struct head h;
	struct rd text;
	if (!head(r, &h) || h.major != TEXT || !octets(r, &h, &text) || text.left > LEARN_LABEL)
		return false;
	if (text.left > 0)
		memcpy(out, text.at, text.left);
	out[text.left] = '\0';
	return strlen(out) == text.left;
}

static bool take_number(struct rd *r, struct learn_value *v)
{
	struct head h;
	if (!head(r, &h))
		return false;
	v->kind = LEARN_INTEGER;
	if (h.major <= NINT)
		return integer(&h, &v->integer);
	v->kind = LEARN_OTHER; /* a float; a fraction (tags 4 and 5) is refused */
	return h.major == SIMPLE && h.info >= FLOAT16 && h.info <= FLOAT64;
}

static bool take_boolean(struct rd *r, struct learn_value *v)
{
	struct head h;
	v->kind = LEARN_BOOLEAN;
	if (!head(r, &h) || h.major != SIMPLE || (h.info != CBOR_FALSE && h.info != CBOR_TRUE))
		return false;
	v->integer = h.info == CBOR_TRUE;
	return true;
}

/* A key that is text is somebody's extension: "vlo" is LwM2M's link, and one with "_" at its end
   must be understood (RFC 8428 4.4). */
static bool take_extension(struct rd *r, const struct head *key, struct learn_value *v)
{
	struct rd text;
	if (key->major != TEXT || !octets(r, key, &text) || text.left == 0 ||
		text.at[text.left - 1] == '_')
		return false;
	if (text.left == 3 && memcmp(text.at, "vlo", 3) == 0) {
		if (v->kind != LEARN_NOTHING)
			return false;
		v->kind = LEARN_OTHER;
	}
	return pass_over(r, 0);
}

static bool take_value(struct rd *r, int64_t label, struct learn_value *v)
{
	if (v->kind != LEARN_NOTHING)
		return false; /* there is one value */
	switch (label) {
	case V:
		return take_number(r, v);
	case VB:
		return take_boolean(r, v);
	case VS:
		return take_text(r, TEXT, v);
	case VD:
		return take_text(r, BYTES, v);
	default:
		return false;
	}
}

static bool take_member(struct rd *r, struct learn_record *record)
{
	struct head key;
	int64_t label;
	if (!head(r, &key))
		return false;
	if (!integer(&key, &label))
		return take_extension(r, &key, &record->value);
	switch (label) {
	case BN:
		return take_name(r, record->base);
	case N:
		return take_name(r, record->name);
	case V:
	case VB:
	case VS:
	case VD:
		return take_value(r, label, &record->value);
	case BVER:
	case BT:
	case BU:
	case U:
	case T:
	case UT:
		return pass_over(r, 0);
	default: /* sums and base values: a resource has none; what is not known is refused */
		return false;
	}
}

static bool take_record(struct rd *r, struct learn_record *record)
{
	struct head map;
	record->name[0] = '\0';
	record->value.kind = LEARN_NOTHING;
	if (!head(r, &map) || map.major != MAP)
		return false;
	for (uint64_t done = 0; more(r, &map, done); done++) {
		if (!take_member(r, record))
			return false;
	}
	return rd_ok(r);
}

bool learn_read_cbor(const struct learn_write *w, struct learn_object *out)
{
	struct rd r = rd_from(w->content, w->len);
	struct learn_record record = { .base = "" };
	struct head array;
	bool ok = head(&r, &array) && array.major == ARRAY;
	for (uint64_t done = 0; ok && more(&r, &array, done); done++)
		ok = done < LEARN_RECORDS && take_record(&r, &record) &&
		     learn_record_put(w, &record, out);
	wipe(&record, sizeof(record));
	return ok && rd_end(&r);
}
