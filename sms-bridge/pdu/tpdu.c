/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/pdu/tpdu.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

enum {
	KIND = 0x03, /* TP-MTI */
	DELIVER = 0x00,
	SUBMIT = 0x01, /* upwards; downwards it is the report of a SUBMIT */
	STATUS = 0x02,
	HEADER = 0x40,   /* TP-UDHI */
	NO_MORE = 0x04,  /* TP-MMS of a DELIVER: nothing waits */
	REPORT = 0x20,   /* TP-SRR */
	VALIDITY = 0x18, /* TP-VPF */
	RELATIVE = 0x10,
	VALIDITY_LEN = 7, /* enhanced or absolute */
	TYPE_OF_NUMBER = 0x70,
	ALPHANUMERIC = 0x50,
	FILLER = 0x0f,
	DIGITS = 15, /* half octets that mean something */
};

static const char half_octets[DIGITS + 1] = "0123456789*#abc";

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_digit(uint8_t half, char *out)
{
	if (half >= DIGITS)
		return false;
	*out = half_octets[half];
	return true;
}

/* The low half of each octet comes first; of an odd number the last half is filled. */
static bool read_digits(const uint8_t *octets, struct wire_number *out)
{
	for (size_t i = 0; i < out->len; i++) {
		const uint8_t both = octets[i / 2];
		if (!read_digit(i % 2 == 0 ? both & FILLER : both >> 4, &out->digits[i]))
			return false;
	}
	return out->len % 2 == 0 || octets[out->len / 2] >> 4 == FILLER;
}

/* An alphanumeric sender is nobody who can be answered: it has no digits here. */
static void read_number(struct rd *r, struct wire_number *out)
{
	const uint8_t len = rd_u8(r), type = rd_u8(r);
	const uint8_t *const octets = rd_bytes(r, ((size_t)len + 1) / 2);
	*out = (struct wire_number){ .type = 0 };
	if (!octets || len > WIRE_DIGITS_MAX) {
		r->bad = true;
		return;
	}
	if (len == 0 || (type & TYPE_OF_NUMBER) == ALPHANUMERIC)
		return;
	out->type = type;
	out->len = len;
	if (type == 0 || !read_digits(octets, out))
		r->bad = true;
}

static size_t octets_of(uint8_t dcs, size_t udl)
{
	return tpdu_is_7_bit(dcs) ? (udl * 7 + 7) / 8 : udl;
}

static void read_data(struct rd *r, struct tpdu *out)
{
	const size_t len = octets_of(out->dcs, rd_u8(r));
	out->data = rd_bytes(r, len);
	out->len = len;
	if (len > TPDU_DATA_MAX)
		r->bad = true;
}

static void read_deliver(struct rd *r, uint8_t first, struct tpdu *out)
{
	out->kind = TPDU_DELIVER;
	out->header = (first & HEADER) != 0;
	read_number(r, &out->number);
	out->pid = rd_u8(r);
	out->dcs = rd_u8(r);
	rd_copy(r, out->scts, sizeof(out->scts));
	read_data(r, out);
}

static void read_submit(struct rd *r, uint8_t first, struct tpdu *out)
{
	const uint8_t form = first & VALIDITY;
	out->kind = TPDU_SUBMIT;
	out->header = (first & HEADER) != 0;
	out->report = (first & REPORT) != 0;
	out->reference = rd_u8(r);
	read_number(r, &out->number);
	out->pid = rd_u8(r);
	out->dcs = rd_u8(r);
	if (form == RELATIVE)
		out->validity = rd_u8(r);
	else if (form != 0)
		rd_skip(r, VALIDITY_LEN);
	read_data(r, out);
}

bool tpdu_read(const uint8_t *data, size_t len, bool upwards, struct tpdu *out)
{
	struct rd r = rd_from(data, len);
	memset(out, 0, sizeof(*out));
	const uint8_t first = rd_u8(&r), kind = first & KIND;
	if (kind == STATUS && rd_ok(&r) && !upwards) {
		out->kind = TPDU_STATUS;
		return true;
	}
	if (kind == DELIVER && !upwards)
		read_deliver(&r, first, out);
	else if (kind == SUBMIT && upwards)
		read_submit(&r, first, out);
	else
		r.bad = true;
	if (rd_end(&r))
		return true;
	memset(out, 0, sizeof(*out));
	return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

static uint8_t half_of(char digit)
{
	const char *const at = digit != '\0' ? strchr(half_octets, digit) : NULL;
	return at ? (uint8_t)(at - half_octets) : FILLER;
}

static void write_number(struct wr *w, const struct wire_number *n)
{
	if (n->len > WIRE_DIGITS_MAX || n->len == 0 || n->type == 0) {
		w->bad = true;
		return;
	}
	wr_u8(w, n->len);
	wr_u8(w, n->type);
	for (size_t i = 0; i < n->len; i += 2) {
		const uint8_t low = half_of(n->digits[i]);
		const uint8_t high = i + 1 < n->len ? half_of(n->digits[i + 1]) : FILLER;
		if (low == FILLER || (high == FILLER && i + 1 < n->len))
			w->bad = true;
		wr_u8(w, (uint8_t)(high << 4 | low));
	}
}

/* Of 7-bit data the last septet may be none: with octets alone that cannot be told, so it is
   written as if it were one. */
static void write_data(struct wr *w, const struct tpdu *t)
{
	const size_t udl = tpdu_is_7_bit(t->dcs) ? t->len * 8 / 7 : t->len;
	if (t->len > TPDU_DATA_MAX) {
		w->bad = true;
		return;
	}
	wr_u8(w, (uint8_t)udl);
	wr_bytes(w, t->data, t->len);
}

static void write_submit(struct wr *w, const struct tpdu *t)
{
	wr_u8(w, (uint8_t)(SUBMIT | (t->header ? HEADER : 0) | (t->report ? REPORT : 0) |
			   (t->validity > 0 ? RELATIVE : 0)));
	wr_u8(w, t->reference);
	write_number(w, &t->number);
	wr_u8(w, t->pid);
	wr_u8(w, t->dcs);
	if (t->validity > 0)
		wr_u8(w, t->validity);
	write_data(w, t);
}

static void write_deliver(struct wr *w, const struct tpdu *t)
{
	wr_u8(w, (uint8_t)(DELIVER | NO_MORE | (t->header ? HEADER : 0)));
	write_number(w, &t->number);
	wr_u8(w, t->pid);
	wr_u8(w, t->dcs);
	wr_bytes(w, t->scts, sizeof(t->scts));
	write_data(w, t);
}

size_t tpdu_write(const struct tpdu *t, uint8_t out[TPDU_MAX])
{
	struct wr w = wr_into(out, TPDU_MAX);
	if (t->kind == TPDU_SUBMIT)
		write_submit(&w, t);
	else if (t->kind == TPDU_DELIVER)
		write_deliver(&w, t);
	else
		w.bad = true;
	return wr_ok(&w) ? w.len : 0;
}

/* --- coding and validity ---------------------------------------------------------------------- */

enum {
	GENERAL = 0x80, /* groups 00xx and 01xx have it clear */
	GROUP = 0xf0,
	WITH_CLASS = 0xf0,
	COMPRESSED = 0x20,
	ALPHABET = 0x0c,
	EIGHT_BITS = 0x04,
	UCS2 = 0x08,
	WAITING_UCS2 = 0xe0,
};

bool tpdu_is_8_bit(uint8_t dcs)
{
	if ((dcs & GENERAL) == 0)
		return (dcs & COMPRESSED) != 0 || (dcs & ALPHABET) == EIGHT_BITS;
	return (dcs & GROUP) == WITH_CLASS && (dcs & EIGHT_BITS) != 0;
}

bool tpdu_is_7_bit(uint8_t dcs)
{
	if (tpdu_is_8_bit(dcs) || (dcs & GROUP) == WAITING_UCS2)
		return false;
	return (dcs & GENERAL) != 0 || (dcs & ALPHABET) != UCS2;
}

/* TS 23.040 9.2.3.12.1: steps of 5 minutes, half hours, days, weeks. The first step, 0, would be no
   validity at all here, and the network keeps it for days then. */
uint8_t tpdu_validity(uint32_t seconds)
{
	enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, WEEK = 7 * DAY };
	static const struct {
		uint32_t upto, step, base;
		uint8_t first;
	} spans[] = {
		{ 12 * HOUR, 5 * MINUTE, 10 * MINUTE, 1 },
		{ 24 * HOUR, 30 * MINUTE, 12 * HOUR + 30 * MINUTE, 144 },
		{ 30 * DAY, DAY, 2 * DAY, 168 },
		{ 63 * WEEK, WEEK, 5 * WEEK, 197 },
	};
	if (seconds == 0)
		return 0;
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		const uint32_t base = spans[i].base, step = spans[i].step;
		if (seconds > spans[i].upto)
			continue;
		const uint32_t over = seconds > base ? seconds - base : 0;
		return (uint8_t)(spans[i].first + (over + step - 1) / step);
	}
	return UINT8_MAX;
}
