/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/wire/wire.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || c == '*' || c == '#' || (c >= 'a' && c <= 'c');
}

static bool number_is_good(const struct wire_number *n)
{
	if (n->len > WIRE_DIGITS_MAX || (n->len == 0) != (n->type == 0))
		return false;
	for (size_t i = 0; i < n->len; i++) {
		if (!is_digit(n->digits[i]))
			return false;
	}
	return true;
}

static void read_number(struct rd *r, struct wire_number *out)
{
	out->type = rd_u8(r);
	out->len = rd_u8(r);
	if (out->len <= WIRE_DIGITS_MAX)
		rd_copy(r, (uint8_t *)out->digits, out->len);
	if (!number_is_good(out))
		r->bad = true;
}

/* A text without NUL, as it would be written again. */
static void read_text(struct rd *r, char *out, size_t max)
{
	const size_t len = rd_u8(r);
	const uint8_t *const text = len <= max ? rd_bytes(r, len) : NULL;
	if (!text || (len > 0 && memchr(text, 0, len)))
		r->bad = true;
	else if (len > 0)
		memcpy(out, text, len);
}

static void read_message(struct rd *r, struct wire_text *t)
{
	t->id = rd_u64(r);
	read_number(r, &t->peer);
	read_number(r, &t->own);
	t->pid = rd_u8(r);
	t->dcs = rd_u8(r);
	t->marker = rd_u8(r);
	t->port = rd_u16(r);
	t->len = rd_u16(r);
	t->data = rd_bytes(r, t->len);
	if (t->len > WIRE_DATA_MAX)
		r->bad = true;
}

static uint8_t read_within(struct rd *r, uint8_t last)
{
	const uint8_t v = rd_u8(r);
	if (v == 0 || v > last)
		r->bad = true;
	return v;
}

static void read_outcome(struct rd *r, struct wire_mt_outcome *o)
{
	o->id = rd_u64(r);
	o->outcome = read_within(r, WIRE_BUSY);
	o->segments = rd_u8(r);
	o->code = rd_u32(r);
	read_text(r, o->way, WIRE_NAME_MAX);
	read_text(r, o->smsc_id, WIRE_SMSC_ID_MAX);
}

static void read_body(struct rd *r, struct wire_message *out)
{
	switch ((enum wire_type)out->type) {
	case WIRE_HELLO:
		out->hello.instance = rd_u64(r);
		read_text(r, out->hello.name, WIRE_NAME_MAX);
		return;
	case WIRE_MT:
		read_message(r, &out->mt.text);
		out->mt.reference = rd_u16(r);
		out->mt.valid_s = rd_u32(r);
		return;
	case WIRE_MT_OUTCOME:
		read_outcome(r, &out->mt_outcome);
		return;
	case WIRE_MO:
		read_message(r, &out->mo.text);
		out->mo.at_ms = rd_u64(r);
		read_text(r, out->mo.way, WIRE_NAME_MAX);
		return;
	case WIRE_MO_ANSWER:
		out->mo_answer.id = rd_u64(r);
		out->mo_answer.taken = read_within(r, WIRE_LATER);
		return;
	}
	r->bad = true;
}

bool wire_read(const uint8_t *frame, size_t len, struct wire_message *out)
{
	struct rd r = rd_from(frame, len);
	memset(out, 0, sizeof(*out));
	const uint8_t version = rd_u8(&r);
	out->type = rd_u8(&r);
	if (version == WIRE_VERSION && len <= WIRE_FRAME_MAX)
		read_body(&r, out);
	else
		r.bad = true;
	if (rd_end(&r))
		return true;
	memset(out, 0, sizeof(*out));
	return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_number(struct wr *w, const struct wire_number *n)
{
	if (!number_is_good(n)) {
		w->bad = true;
		return;
	}
	wr_u8(w, n->type);
	wr_u8(w, n->len);
	wr_bytes(w, n->digits, n->len);
}

static void write_text(struct wr *w, const char *text, size_t max)
{
	const size_t len = strnlen(text, max + 1);
	if (len > max) {
		w->bad = true;
		return;
	}
	wr_u8(w, (uint8_t)len);
	wr_bytes(w, text, len);
}

static void write_message(struct wr *w, const struct wire_text *t)
{
	if (t->len > WIRE_DATA_MAX) {
		w->bad = true;
		return;
	}
	wr_u64(w, t->id);
	write_number(w, &t->peer);
	write_number(w, &t->own);
	wr_u8(w, t->pid);
	wr_u8(w, t->dcs);
	wr_u8(w, t->marker);
	wr_u16(w, t->port);
	wr_u16(w, (uint16_t)t->len);
	if (t->len > 0)
		wr_bytes(w, t->data, t->len);
}

static void write_within(struct wr *w, uint8_t v, uint8_t last)
{
	if (v == 0 || v > last)
		w->bad = true;
	wr_u8(w, v);
}

static void write_outcome(struct wr *w, const struct wire_mt_outcome *o)
{
	wr_u64(w, o->id);
	write_within(w, o->outcome, WIRE_BUSY);
	wr_u8(w, o->segments);
	wr_u32(w, o->code);
	write_text(w, o->way, WIRE_NAME_MAX);
	write_text(w, o->smsc_id, WIRE_SMSC_ID_MAX);
}

static void write_body(struct wr *w, const struct wire_message *m)
{
	switch ((enum wire_type)m->type) {
	case WIRE_HELLO:
		wr_u64(w, m->hello.instance);
		write_text(w, m->hello.name, WIRE_NAME_MAX);
		return;
	case WIRE_MT:
		write_message(w, &m->mt.text);
		wr_u16(w, m->mt.reference);
		wr_u32(w, m->mt.valid_s);
		return;
	case WIRE_MT_OUTCOME:
		write_outcome(w, &m->mt_outcome);
		return;
	case WIRE_MO:
		write_message(w, &m->mo.text);
		wr_u64(w, m->mo.at_ms);
		write_text(w, m->mo.way, WIRE_NAME_MAX);
		return;
	case WIRE_MO_ANSWER:
		wr_u64(w, m->mo_answer.id);
		write_within(w, m->mo_answer.taken, WIRE_LATER);
		return;
	}
	w->bad = true;
}

size_t wire_write(const struct wire_message *m, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, WIRE_VERSION);
	wr_u8(&w, m->type);
	write_body(&w, m);
	return wr_ok(&w) ? w.len : 0;
}

/* --- numbers and ids -------------------------------------------------------------------------- */

bool wire_number_from_text(const char *text, struct wire_number *out)
{
	enum { INTERNATIONAL = 0x91, E164_MAX = 15 };
	const char *const digits = text + (text[0] == '+' ? 1 : 0);
	const size_t len = strnlen(digits, E164_MAX + 1);
	*out = (struct wire_number){ .type = 0 };
	if (len == 0 || len > E164_MAX || strspn(digits, "0123456789") != len)
		return false;
	out->type = INTERNATIONAL;
	out->len = (uint8_t)len;
	memcpy(out->digits, digits, len);
	return true;
}

/* FNV-1a: that two differ is no matter of security. Who can send from a device's number can send
   what he likes, and is found out by the counter. */
static void mix(uint64_t *h, const void *octets, size_t len)
{
	const uint8_t *const o = octets;
	for (size_t i = 0; i < len; i++)
		*h = (*h ^ o[i]) * UINT64_C(0x100000001b3);
	*h = (*h ^ len) * UINT64_C(0x100000001b3);
}

uint64_t wire_mo_id(const struct wire_text *t, const uint8_t *scts, size_t scts_len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	const uint8_t about[] = { t->pid, t->dcs, t->marker, (uint8_t)(t->port >> 8),
		(uint8_t)t->port };
	mix(&h, t->peer.digits, t->peer.len);
	mix(&h, t->own.digits, t->own.len);
	mix(&h, about, sizeof(about));
	mix(&h, t->data, t->len);
	mix(&h, scts, scts_len);
	return h;
}
