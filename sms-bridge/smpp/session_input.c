/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smpp/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sms-bridge/smpp/status.h"

/* --- messages --------------------------------------------------------------------------------- */

static struct smpp_waiting *place_of(struct smpp *s, uint32_t tag)
{
	for (size_t i = 0; i < COUNT_OF(s->waiting); i++)
		if (s->waiting[i].tag == tag)
			return &s->waiting[i];
	return NULL;
}

/* deliver_sm and data_sm. What nobody can use is acknowledged, or it would come for ever. */
static void message(struct smpp *s, const struct smpp_pdu *p)
{
	const uint32_t id = p->id | SMPP_RESP;
	struct way_segment segment;
	if (s->state == SMPP_BINDING) {
		smpp_reply(s, p, id, SMPP_BAD_STATE);
		return;
	}
	if (!smpp_message_read(&p->sm, s->scratch, &segment)) {
		smpp_reply(s, p, id, SMPP_OK);
		return;
	}
	struct smpp_waiting *const place = s->state == SMPP_BOUND ? place_of(s, 0) : NULL;
	if (!place) {
		smpp_reply(s, p, id, SMPP_LATER);
		return;
	}
	s->last_tag = s->last_tag < UINT32_MAX ? s->last_tag + 1 : 1;
	segment.tag = s->last_tag;
	*place = (struct smpp_waiting){ .tag = segment.tag, .id = id, .sequence = p->sequence };
	s->owner.received(s->owner.ctx, &s->way, &segment);
}

void smpp_answer(struct way *w, uint32_t tag, bool taken, uint64_t now_ms)
{
	struct smpp *const s = smpp_of(w);
	struct smpp_waiting *const place = tag != 0 ? place_of(s, tag) : NULL;
	s->now_ms = now_ms;
	if (!place)
		return; /* the stream that it came by is no more: it will come again */
	const struct smpp_pdu p = {
		.id = place->id, .status = taken ? SMPP_OK : SMPP_LATER, .sequence = place->sequence
	};
	*place = (struct smpp_waiting){ 0 };
	(void)smpp_put(s, &p);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void bind_answered(struct smpp *s, const struct smpp_pdu *p)
{
	char why[SMPP_WHY_SIZE];
	if (s->state != SMPP_BINDING)
		return;
	if (p->status == SMPP_OK && p->id != SMPP_GENERIC_NACK) {
		smpp_let_in(s);
		return;
	}
	(void)snprintf(why, sizeof(why),
		"the SMSC has refused our log-in (command_status 0x%08" PRIX32 "): %s", p->status,
		smpp_status_of_bind(p->status));
	smpp_close(s, smpp_status_pauses(p->status) ? 1 : SMPP_REFUSED_STEP, why);
}

static void answer(struct smpp *s, const struct smpp_pdu *p)
{
	switch (p->id) {
	case SMPP_BIND_TRANSCEIVER | SMPP_RESP:
		bind_answered(s, p);
		break;
	case SMPP_SUBMIT_SM | SMPP_RESP:
		if (smpp_answered(s, p->sequence, p->status, p->name) &&
			p->status == SMPP_BAD_STATE && s->state == SMPP_BOUND)
			smpp_close(s, 1, "the SMSC has forgotten that it has let us in");
		break;
	case SMPP_UNBIND | SMPP_RESP:
		if (s->state == SMPP_UNBINDING)
			smpp_close(s, 0, "we have left");
		break;
	case SMPP_GENERIC_NACK: /* to any of our requests: which it was is in its number */
		if (s->state == SMPP_BINDING)
			bind_answered(s, p);
		else
			(void)smpp_answered(s, p->sequence,
				p->status != SMPP_OK ? p->status : SMPP_UNKNOWN_ERROR, "");
		break;
	default: /* enquire_link_resp: that it came is what it says */
		break;
	}
}

/* --- requests --------------------------------------------------------------------------------- */

static void unbind(struct smpp *s, const struct smpp_pdu *p)
{
	smpp_reply(s, p, SMPP_UNBIND | SMPP_RESP, SMPP_OK);
	if (s->state == SMPP_SHUT || s->state == SMPP_PARTING)
		return;
	s->until_ms = s->now_ms + SMPP_LEAVE_MS;
	smpp_out_of_use(s, SMPP_PARTING, "the SMSC has said goodbye (unbind)");
}

static void request(struct smpp *s, const struct smpp_pdu *p)
{
	switch (p->id) {
	case SMPP_DELIVER_SM:
	case SMPP_DATA_SM:
		message(s, p);
		break;
	case SMPP_ENQUIRE_LINK:
		smpp_reply(s, p, SMPP_ENQUIRE_LINK | SMPP_RESP, SMPP_OK);
		break;
	case SMPP_UNBIND:
		unbind(s, p);
		break;
	case SMPP_ALERT:
		break;
	default: /* what an SMSC is asked, not we */
		smpp_reply(s, p, SMPP_GENERIC_NACK, SMPP_BAD_ID);
		break;
	}
}

/* One that cannot be read is refused under its own number; it must not end the stream, or it would
   come first on the next one. */
static void refuse(struct smpp *s, const struct smpp_pdu *p, enum smpp_status status)
{
	const bool message = p->id == SMPP_DELIVER_SM || p->id == SMPP_DATA_SM;
	smpp_reply(s, p, message ? p->id | SMPP_RESP : SMPP_GENERIC_NACK, status);
}

static void frame(struct smpp *s, const uint8_t *data, size_t len)
{
	struct smpp_pdu p;
	const enum smpp_status status = smpp_read(data, len, &p);
	s->heard_ms = s->now_ms;
	s->asked_ms = SMPP_NEVER_MS;
	if (status != SMPP_OK)
		refuse(s, &p, status);
	else if (p.id & SMPP_RESP)
		answer(s, &p);
	else
		request(s, &p);
}

/* --- octets ----------------------------------------------------------------------------------- */

/* Takes from data what the frame in the buffer lacks; how much. *whole: its length, or 0. */
static size_t gather(struct smpp *s, const uint8_t *data, size_t len, size_t *whole)
{
	size_t want = 4;
	size_t took = 0;
	*whole = 0;
	for (;;) {
		const size_t lacks = want > s->in_len ? want - s->in_len : 0;
		const size_t n = lacks < len - took ? lacks : len - took;
		memcpy(s->in + s->in_len, data + took, n);
		s->in_len += n;
		took += n;
		if (s->in_len < want)
			return took;
		size_t frame_len;
		const enum smpp_frame f = smpp_frame(s->in, s->in_len, &frame_len);
		if (f != SMPP_MORE) {
			*whole = f == SMPP_WHOLE ? frame_len : SIZE_MAX;
			return took;
		}
		want = frame_len;
	}
}

void smpp_input(struct way *w, const uint8_t *data, size_t len, uint64_t now_ms)
{
	struct smpp *const s = smpp_of(w);
	const uint32_t stream = s->stream;
	size_t at = 0;
	s->now_ms = now_ms;
	while (at < len && s->state != SMPP_SHUT && s->stream == stream) {
		size_t whole;
		if (s->in_len == 0 && smpp_frame(data + at, len - at, &whole) == SMPP_WHOLE) {
			frame(s, data + at, whole);
			at += whole;
			continue;
		}
		at += gather(s, data + at, len - at, &whole);
		if (whole == SIZE_MAX) {
			smpp_close(s, 1, "what the SMSC sends is not SMPP (length of a unit)");
			return;
		}
		if (whole > 0) {
			s->in_len = 0;
			frame(s, s->in, whole);
		}
	}
}
