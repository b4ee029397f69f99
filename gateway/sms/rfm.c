/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/rfm.h"

#include <string.h>

#include "base/attr.h"
#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"

enum {
	/* Tags of the expanded format. */
	COMMANDS = 0xaa,
	COMMANDS_OPEN = 0xae,
	COMMAND = 0x22,
	ANSWERS = 0xab,
	ANSWERS_OPEN = 0xaf,
	ANSWER = 0x23,
	EXECUTED = 0x80,
	BAD_FORMAT = 0x90,
	BAD_ACTION = 0x81, /* immediate action, script chaining: not asked for */
	BAD_CHAINING = 0x83,
	OPEN = 0x80, /* a length that is told by two zeros at the end */
	CLOSE_LEN = 2,
	/* ISO 7816-4. */
	HEADER = 4,
	SHORTEST = 5,
	UPDATE_MAX = 255,
	BY_FILE_ID = 0x00,
	BY_PATH = 0x08,
	NO_DATA = 0x0c,
};

static const char *const names[RFM_FORMATS] = { "compact", "expanded", "indefinite" };

const char *rfm_format_name(enum rfm_format f)
{
	return names[f];
}

bool rfm_format_named(const char *name, enum rfm_format *out)
{
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*out = (enum rfm_format)i;
		return true;
	}
	return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

static size_t length_len(size_t n)
{
	if (n < 0x80)
		return 1;
	return n <= 0xff ? 2 : 3;
}

static void write_length(struct wr *w, size_t n)
{
	if (n > 0xff)
		wr_u8(w, 0x82);
	else if (n >= 0x80)
		wr_u8(w, 0x81);
	if (n > 0xff)
		wr_u16(w, (uint16_t)n);
	else
		wr_u8(w, (uint8_t)n);
}

struct rfm_script rfm_begin(enum rfm_format f, uint8_t *out, size_t cap)
{
	enum { MOST = 0xffff }; /* a length of two octets */
	return (struct rfm_script){ .format = f, .out = out, .cap = cap < MOST ? cap : MOST };
}

/* Around commands that are so long together. */
static size_t around(enum rfm_format f, size_t len)
{
	switch (f) {
	case RFM_EXPANDED:
		return 1 + length_len(len);
	case RFM_INDEFINITE:
		return 2 + CLOSE_LEN;
	case RFM_COMPACT:
	case RFM_FORMATS:
		break;
	}
	return 0;
}

static bool fits(const struct rfm_script *s, size_t apdu)
{
	const size_t one = s->format == RFM_COMPACT ? apdu : 1 + length_len(apdu) + apdu;
	const size_t all = s->len + one;
	return s->commands < UINT8_MAX && all + around(s->format, all) <= s->cap;
}

static bool is_apdu(enum rfm_format f, const uint8_t *apdu, size_t len)
{
	if (len == HEADER)
		return f != RFM_COMPACT;
	if (len <= SHORTEST)
		return len == SHORTEST;
	const size_t data = apdu[HEADER];
	return data > 0 && (len == SHORTEST + data || len == SHORTEST + data + 1);
}

bool rfm_add(struct rfm_script *s, const uint8_t *apdu, size_t len)
{
	if (!is_apdu(s->format, apdu, len) || !fits(s, len))
		return false;
	struct wr w = wr_into(s->out + s->len, s->cap - s->len);
	if (s->format != RFM_COMPACT) {
		wr_u8(&w, COMMAND);
		write_length(&w, len);
	}
	wr_bytes(&w, apdu, len);
	s->len += w.len;
	s->commands++;
	return wr_ok(&w);
}

size_t rfm_end(struct rfm_script *s)
{
	const size_t len = s->len, head = around(s->format, len);
	if (s->commands == 0 || head == 0)
		return len;
	struct wr w = wr_into(s->out, s->cap);
	if (s->format == RFM_EXPANDED) {
		memmove(s->out + head, s->out, len);
		wr_u8(&w, COMMANDS);
		write_length(&w, len);
	} else {
		memmove(s->out + 2, s->out, len);
		wr_u8(&w, COMMANDS_OPEN);
		wr_u8(&w, OPEN);
		w.len += len;
		wr_u16(&w, 0);
	}
	s->len = len + head;
	return s->len;
}

size_t rfm_select(const uint8_t *path, size_t path_len, uint8_t apdu[RFM_APDU_MAX])
{
	struct wr w = wr_into(apdu, RFM_APDU_MAX);
	if (path_len == 0 || path_len % 2 != 0 || path_len > RFM_PATH_MAX)
		return 0;
	wr_u16(&w, 0x00a4);
	wr_u8(&w, path_len == 2 ? BY_FILE_ID : BY_PATH);
	wr_u8(&w, NO_DATA);
	wr_u8(&w, (uint8_t)path_len);
	wr_bytes(&w, path, path_len);
	return w.len;
}

size_t rfm_update(uint16_t offset, const uint8_t *data, size_t len, uint8_t apdu[RFM_APDU_MAX])
{
	struct wr w = wr_into(apdu, RFM_APDU_MAX);
	if (len == 0 || len > UPDATE_MAX || offset > RFM_OFFSET_MAX)
		return 0;
	wr_u16(&w, 0x00d6);
	wr_u16(&w, offset);
	wr_u8(&w, (uint8_t)len);
	wr_bytes(&w, data, len);
	return w.len;
}

/* The longest UPDATE BINARY that still fits writes so many octets. */
static size_t update_room(const struct rfm_script *s)
{
	size_t n = UPDATE_MAX;
	while (n > 0 && !fits(s, SHORTEST + n))
		n--;
	return n;
}

size_t rfm_update_all(struct rfm_script *s, uint16_t offset, const uint8_t *data, size_t len)
{
	uint8_t apdu[RFM_APDU_MAX];
	size_t done = 0;
	while (done < len && offset + done <= RFM_OFFSET_MAX) {
		const size_t room = update_room(s), left = len - done;
		const size_t n = rfm_update(
			(uint16_t)(offset + done), data + done, left < room ? left : room, apdu);
		if (n == 0 || !rfm_add(s, apdu, n))
			break;
		done += n - SHORTEST;
	}
	wipe(apdu, sizeof(apdu));
	return done;
}

bool rfm_opaque(struct rfm_script *s, const uint8_t *list, size_t len, size_t *at)
{
	const size_t start = *at;
	if (start > len)
		return false;
	struct rd r = rd_from(list + start, len - start);
	while (r.left > 0) {
		const size_t n = rd_u16(&r);
		const uint8_t *const apdu = rd_bytes(&r, n);
		if (!apdu || !is_apdu(s->format, apdu, n))
			return false;
		if (!rfm_add(s, apdu, n))
			break;
		*at = len - r.left;
	}
	return *at > start || start == len;
}

/* --- reading ---------------------------------------------------------------------------------- */

bool rfm_is_good(uint16_t sw)
{
	const unsigned sw1 = sw >> 8, sw2 = sw & 0xff;
	return sw == 0x9000 || sw1 == 0x91 || sw1 == 0x61 || sw1 == 0x9f ||
	       (sw1 == 0x92 && sw2 < 0x40) || (sw1 == 0x63 && sw2 >= 0xc0 && sw2 <= 0xcf);
}

static const struct {
	uint16_t sw;
	const char *why;
} words[] = {
	{ 0x6283, "6283: the file is deactivated: activate it on the card" },
	{ 0x6581, "6581: the card's memory has failed: replace the card" },
	{ 0x6700, "6700: wrong length: the file is shorter than what is to be in it" },
	{ 0x6981, "6981: the file is no transparent one: check ota.file" },
	{ 0x6982, "6982: security status not satisfied: the keys of ota may not update this file" },
	{ 0x6984, "6984: the file is deactivated: activate it on the card" },
	{ 0x6985, "6985: conditions of use not satisfied" },
	{ 0x6986, "6986: no file is selected: check ota.file" },
	{ 0x6a80, "6a80: incorrect data" },
	{ 0x6a82, "6a82: the file was not found: check ota.file and ota.tar" },
	{ 0x6a84, "6a84: not enough memory in the file" },
	{ 0x6a86, "6a86: incorrect P1 or P2" },
	{ 0x6b00, "6b00: the offset is outside the file: it is shorter than what is to be in it" },
	{ 0x6d00, "6d00: the application knows no such command: check ota.tar" },
	{ 0x6e00, "6e00: the application knows no such class: check ota.tar" },
	{ 0x6f00, "6f00: the card gives no reason" },
	{ 0x9804, "9804: access not allowed: the keys of ota may not update this file" },
};

const char *rfm_why(uint16_t sw)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (words[i].sw == sw)
			return words[i].why;
	}
	return "the card refuses";
}

/* The length of a TLV: octets of r behind it. Not the open one. */
static struct rd value_of(struct rd *r)
{
	size_t n = rd_u8(r);
	if (n == 0x81)
		n = rd_u8(r);
	else if (n == 0x82)
		n = rd_u16(r);
	else if (n >= 0x80)
		r->bad = true;
	return rd_sub(r, n);
}

struct reading {
	struct rfm_answer *out;
	uint16_t answers;
	bool refused, numbered, bad_format;
};

static bool read_answer(struct reading *k, struct rd v)
{
	if (v.left < 2)
		return false;
	struct rfm_answer *const out = k->out;
	out->len = v.left - 2;
	out->data = rd_bytes(&v, out->len);
	const uint16_t sw = rd_u16(&v);
	if (!k->refused)
		out->sw = sw;
	k->refused = k->refused || !rfm_is_good(sw);
	k->answers++;
	return true;
}

static bool read_one(struct reading *k, uint8_t tag, struct rd v)
{
	switch (tag) {
	case ANSWER:
		return read_answer(k, v);
	case EXECUTED:
		if (k->numbered || v.left < 1 || v.left > 2)
			return false;
		k->numbered = true;
		k->out->executed = v.left == 1 ? rd_u8(&v) : rd_u16(&v);
		return true;
	case BAD_FORMAT:
	case BAD_ACTION:
	case BAD_CHAINING:
		k->bad_format = true;
		return v.left > 0;
	default:
		return false;
	}
}

static bool read_expanded(struct reading *k, const uint8_t *data, size_t len)
{
	struct rd r = rd_from(data, len);
	const uint8_t tag = rd_u8(&r);
	struct rd all = r;
	if (tag == ANSWERS) {
		all = value_of(&r);
		if (!rd_end(&r))
			return false;
	} else if (tag != ANSWERS_OPEN || rd_u8(&all) != OPEN) {
		return false;
	}
	while (rd_ok(&all) && all.left > 0) {
		const uint8_t one = rd_u8(&all);
		if (tag == ANSWERS_OPEN && one == 0)
			return rd_u8(&all) == 0 && rd_end(&all);
		const struct rd v = value_of(&all);
		if (!rd_ok(&all) || !read_one(k, one, v))
			return false;
	}
	return tag == ANSWERS && rd_end(&all);
}

static bool read_compact(struct reading *k, const uint8_t *data, size_t len)
{
	struct rd r = rd_from(data, len);
	k->out->executed = rd_u8(&r);
	k->out->sw = rd_u16(&r);
	k->out->len = r.left;
	k->out->data = rd_bytes(&r, r.left);
	k->answers = 1;
	k->numbered = true;
	k->refused = !rfm_is_good(k->out->sw);
	return rd_ok(&r);
}

enum rfm_fault rfm_answer(enum rfm_format f, uint16_t commands, const uint8_t *data, size_t len,
	struct rfm_answer *out)
{
	struct reading k = { .out = out };
	memset(out, 0, sizeof(*out));
	bool good = f == RFM_COMPACT ? read_compact(&k, data, len) : read_expanded(&k, data, len);
	if (good && !k.numbered)
		out->executed = k.answers;
	good = good && out->executed <= commands && (k.answers > 0 || k.bad_format);
	if (!good) {
		memset(out, 0, sizeof(*out));
		return RFM_MALFORMED;
	}
	if (k.bad_format)
		return RFM_BAD_FORMAT;
	if (k.refused)
		return RFM_REFUSED;
	return out->executed < commands ? RFM_FEWER : RFM_GOOD;
}
