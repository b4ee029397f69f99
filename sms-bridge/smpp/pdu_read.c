/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smpp/pdu.h"

#include <string.h>

#include "base/rd.h"
#include "sms-bridge/smpp/pdu_parts.h"

enum smpp_frame smpp_frame(const uint8_t *data, size_t len, size_t *frame)
{
	struct rd r = rd_from(data, len);
	const uint32_t want = rd_u32(&r);
	*frame = 0;
	if (!rd_ok(&r))
		return SMPP_MORE;
	if (want < SMPP_HEADER || want > SMPP_FRAME_MAX)
		return SMPP_BROKEN;
	*frame = want;
	return len < want ? SMPP_MORE : SMPP_WHOLE;
}

/* A text of at most size octets with its NUL, in place. Without one it is an error. */
static const char *c_string(struct rd *r, size_t size)
{
	const size_t within = r->left < size ? r->left : size;
	const uint8_t *const end = within > 0 ? memchr(r->at, 0, within) : NULL;
	if (!end) {
		rd_skip(r, r->left + 1); /* latches */
		return "";
	}
	return (const char *)rd_bytes(r, (size_t)(end - r->at) + 1);
}

static void read_address(struct rd *r, size_t size, struct smpp_address *out)
{
	out->ton = rd_u8(r);
	out->npi = rd_u8(r);
	out->digits = c_string(r, size);
}

enum { SAW_REFERENCE = 1, SAW_TOTAL = 2, SAW_NUMBER = 4, SAW_SAR = 7 };

/* Lengths are fixed for those that we read: what is said of a message would be guessed. */
static enum smpp_status read_tlv(struct smpp_sm *m, uint16_t tag, struct rd value, unsigned *seen)
{
	const size_t len = value.left;
	switch (tag) {
	case TLV_PAYLOAD:
		m->payload = value.at;
		m->payload_len = len;
		return SMPP_OK;
	case TLV_SAR_REFERENCE:
		m->sar_reference = rd_u16(&value);
		*seen |= SAW_REFERENCE;
		return len == 2 ? SMPP_OK : SMPP_BAD_TLV_LENGTH;
	case TLV_SAR_TOTAL:
		m->sar_total = rd_u8(&value);
		*seen |= SAW_TOTAL;
		return len == 1 ? SMPP_OK : SMPP_BAD_TLV_LENGTH;
	case TLV_SAR_NUMBER:
		m->sar_number = rd_u8(&value);
		*seen |= SAW_NUMBER;
		return len == 1 ? SMPP_OK : SMPP_BAD_TLV_LENGTH;
	case TLV_DEST_ADDR_SUBUNIT:
		m->subunit = rd_u8(&value);
		return len == 1 ? SMPP_OK : SMPP_BAD_TLV_LENGTH;
	default:
		return SMPP_OK;
	}
}

static enum smpp_status read_tlvs(struct rd *r, struct smpp_sm *m)
{
	unsigned seen = 0;
	while (r->left > 0) {
		const uint16_t tag = rd_u16(r);
		const uint16_t len = rd_u16(r);
		const struct rd value = rd_sub(r, len);
		if (!rd_ok(r))
			return SMPP_BAD_TLVS;
		const enum smpp_status s = read_tlv(m, tag, value, &seen);
		if (s != SMPP_OK)
			return s;
	}
	m->sar = seen == SAW_SAR;
	if (!m->sar) {
		m->sar_reference = 0;
		m->sar_total = 0;
		m->sar_number = 0;
	}
	return m->payload && m->text_len > 0 ? SMPP_TLV_NOT_ALLOWED : SMPP_OK;
}

static enum smpp_status read_sm(struct rd *r, struct smpp_sm *m)
{
	m->service_type = c_string(r, SIZE_SERVICE_TYPE);
	read_address(r, SIZE_ADDRESS, &m->source);
	read_address(r, SIZE_ADDRESS, &m->destination);
	m->esm_class = rd_u8(r);
	m->pid = rd_u8(r);
	m->priority = rd_u8(r);
	m->schedule = c_string(r, SIZE_TIME);
	m->validity = c_string(r, SIZE_TIME);
	m->registered = rd_u8(r);
	m->replace = rd_u8(r);
	m->dcs = rd_u8(r);
	m->default_id = rd_u8(r);
	m->text_len = rd_u8(r);
	if (rd_ok(r) && m->text_len > SMPP_TEXT_MAX)
		return SMPP_BAD_TEXT_LENGTH;
	m->text = rd_bytes(r, m->text_len);
	return rd_ok(r) ? read_tlvs(r, m) : SMPP_BAD_LENGTH;
}

static enum smpp_status read_data_sm(struct rd *r, struct smpp_sm *m)
{
	m->service_type = c_string(r, SIZE_SERVICE_TYPE);
	read_address(r, SIZE_LONG_ADDRESS, &m->source);
	read_address(r, SIZE_LONG_ADDRESS, &m->destination);
	m->esm_class = rd_u8(r);
	m->registered = rd_u8(r);
	m->dcs = rd_u8(r);
	m->schedule = "";
	m->validity = "";
	return rd_ok(r) ? read_tlvs(r, m) : SMPP_BAD_LENGTH;
}

static enum smpp_status read_bind(struct rd *r, struct smpp_bind *b)
{
	b->system_id = c_string(r, SIZE_SYSTEM_ID);
	b->password = c_string(r, SIZE_PASSWORD);
	b->system_type = c_string(r, SIZE_SYSTEM_TYPE);
	b->version = rd_u8(r);
	b->ton = rd_u8(r);
	b->npi = rd_u8(r);
	b->address_range = c_string(r, SIZE_ADDRESS_RANGE);
	return rd_ok(r) ? SMPP_OK : SMPP_BAD_LENGTH;
}

enum smpp_status smpp_read(const uint8_t *frame, size_t len, struct smpp_pdu *out)
{
	struct rd r = rd_from(frame, len);
	*out = (struct smpp_pdu){ 0 };
	rd_skip(&r, 4);
	out->id = rd_u32(&r);
	out->status = rd_u32(&r);
	out->sequence = rd_u32(&r);
	if (!rd_ok(&r))
		return SMPP_BAD_LENGTH;
	switch (out->id) {
	case SMPP_SUBMIT_SM:
	case SMPP_DELIVER_SM:
		return read_sm(&r, &out->sm);
	case SMPP_DATA_SM:
		return read_data_sm(&r, &out->sm);
	case SMPP_BIND_TRANSCEIVER:
		return read_bind(&r, &out->bind);
	/* An answer is told by its status: a name that is none, or missing, is no name. */
	case SMPP_BIND_TRANSCEIVER | SMPP_RESP:
		out->name = c_string(&r, SIZE_SYSTEM_ID);
		return SMPP_OK;
	case SMPP_SUBMIT_SM | SMPP_RESP:
	case SMPP_DELIVER_SM | SMPP_RESP:
	case SMPP_DATA_SM | SMPP_RESP:
		out->name = c_string(&r, SIZE_MESSAGE_ID);
		return SMPP_OK;
	case SMPP_ENQUIRE_LINK:
	case SMPP_UNBIND:
	case SMPP_ALERT:
		return SMPP_OK;
	default:
		return out->id & SMPP_RESP ? SMPP_OK : SMPP_BAD_ID;
	}
}
