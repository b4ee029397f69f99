/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smpp/message.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

enum {
	TYPE_BIT = 0x80, /* of the octet of TON and NPI */
	TON_MAX = 7,     /* what that octet has room for */
	NPI_MAX = 15,
	TYPE_INTERNATIONAL = 0x91,
	NARROW_MAX = 0xff, /* references of 8 bits */
};
enum { DCS_CLASS_ME = 1, DCS_CLASS_CARD = 2, SUBUNIT_ME = 2, SUBUNIT_CARD = 3 };

/* --- reading ---------------------------------------------------------------------------------- */

static bool number_read(const struct smpp_address *a, struct wire_number *out)
{
	*out = (struct wire_number){ 0 };
	const bool plus = a->digits[0] == '+';
	const char *const digits = a->digits + plus;
	const size_t len = strlen(digits);
	if (len == 0 || len > WIRE_DIGITS_MAX || strspn(digits, "0123456789*#abc") != len)
		return false;
	const unsigned ton = a->ton > TON_MAX ? 0 : a->ton; /* reserved */
	const unsigned npi = a->npi > NPI_MAX ? 0 : a->npi;
	out->type = plus ? TYPE_INTERNATIONAL : (uint8_t)(TYPE_BIT | ton << 4 | npi);
	out->len = (uint8_t)len;
	memcpy(out->digits, digits, len);
	return true;
}

/* The TLVs in front of what the message has: data there, its length here. 0: nothing is changed. */
static size_t join(const struct smpp_sm *m, const struct way_segment *s, uint8_t out[SMPP_SCRATCH])
{
	struct udh there = { 0 };
	size_t old = 0;
	if (m->sar_total < 2 || m->sar_number == 0 || m->sar_number > m->sar_total)
		return 0;
	if (s->header && (!udh_read(s->data, s->len, &there, &old) || there.joined))
		return 0;
	const struct udh sar = { .joined = true,
		.wide = m->sar_reference > NARROW_MAX,
		.reference = m->sar_reference,
		.total = m->sar_total,
		.number = m->sar_number };
	size_t len = udh_write(&sar, out);
	const size_t skip = s->header ? 1 : 0; /* the length of the old header is in the new one */
	const size_t header = len + (old - skip);
	if (header - 1 > UINT8_MAX || len + s->len - skip > SMPP_SCRATCH)
		return 0;
	out[0] = (uint8_t)(header - 1);
	if (s->len > skip) {
		memcpy(out + len, s->data + skip, s->len - skip);
		len += s->len - skip;
	}
	return len;
}

bool smpp_message_read(
	const struct smpp_sm *m, uint8_t scratch[SMPP_SCRATCH], struct way_segment *out)
{
	*out = (struct way_segment){
		.pid = m->pid,
		.dcs = m->dcs,
		.header = (m->esm_class & SMPP_ESM_HEADER) != 0,
		.data = m->payload ? m->payload : m->text,
		.len = m->payload ? m->payload_len : m->text_len,
	};
	if ((m->esm_class & SMPP_ESM_TYPE) != 0 || !number_read(&m->source, &out->peer))
		return false;
	(void)number_read(&m->destination, &out->own); /* none: as the way has it */
	const size_t joined = m->sar ? join(m, out, scratch) : 0;
	if (joined > 0) {
		out->header = true;
		out->data = scratch;
		out->len = joined;
	}
	return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static struct smpp_address number_write(const struct wire_number *n)
{
	return (struct smpp_address){
		.ton = n->len > 0 ? n->type >> 4 & TON_MAX : 0,
		.npi = n->len > 0 ? n->type & NPI_MAX : 0,
		.digits = n->digits,
	};
}

/* Relative: YYMMDDhhmmss000R. A month has no length, so that a day more than 30 is none. */
static void validity_write(uint32_t seconds, char out[SMPP_TIME_SIZE])
{
	const uint32_t month = (uint32_t)30 * 24 * 3600;
	const uint32_t s = seconds < month ? seconds : month;
	out[0] = 0;
	if (s > 0)
		(void)snprintf(out, SMPP_TIME_SIZE, "0000%02u%02u%02u%02u000R", s / 86400 % 100,
			s / 3600 % 24, s / 60 % 60, s % 60);
}

/* TS 23.038 4: groups 00xx and 01xx with bit 4, group 1111. */
static unsigned class_of(uint8_t dcs)
{
	const bool general = (dcs & 0x80) == 0 && (dcs & 0x10) != 0;
	return general || (dcs & 0xf0) == 0xf0 ? dcs & 3U : 0;
}

static uint8_t subunit_of(uint8_t dcs)
{
	switch (class_of(dcs)) {
	case DCS_CLASS_ME:
		return SUBUNIT_ME;
	case DCS_CLASS_CARD:
		return SUBUNIT_CARD;
	default:
		return 0;
	}
}

bool smpp_message_write(const struct way_segment *s, const struct smpp_settings *settings,
	char validity[SMPP_TIME_SIZE], struct smpp_sm *out)
{
	if (s->peer.len == 0 || s->len > UDH_SPACE)
		return false;
	validity_write(s->valid_s, validity);
	*out = (struct smpp_sm){
		.source = number_write(s->own.len > 0 ? &s->own : &settings->own),
		.destination = number_write(&s->peer),
		.esm_class = s->header ? SMPP_ESM_HEADER : 0,
		.pid = s->pid,
		.dcs = s->dcs,
		.validity = validity,
		.text = s->data,
		.text_len = s->len,
		.subunit = settings->dest_addr_subunit ? subunit_of(s->dcs) : 0,
	};
	return true;
}
