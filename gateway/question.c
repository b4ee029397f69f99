/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/question.h"

#include "base/wipe.h"

#include <string.h>

enum { /* RFC 7252 3 */
	HEADER = 4,
	CODE_AT = 1,
	MID_AT = 2,
	VERSION = 1,
	CON = 0,
	ACK = 2,
	RST = 3,
	GET = 1,
	EMPTY = 0,
	CLASS_MIN = 2, /* of responses */
	CLASS_MAX = 5,
};

static uint8_t first_octet(unsigned type, unsigned token)
{
	return (uint8_t)(VERSION << 6 | type << 4 | token);
}

static unsigned type_of(const uint8_t *msg)
{
	return msg[0] >> 4 & 3;
}

/* Who begins a message numbers it: an ACK has the number of what it answers, and a NON that answers
   may be the relay's own. */
void gw_question_mids_see(struct gw_question_mids *m, const uint8_t *msg, size_t len)
{
	if (len < HEADER || type_of(msg) >= ACK ||
		(type_of(msg) != CON && msg[CODE_AT] >> 5 >= CLASS_MIN))
		return;
	m->known = true;
	m->last = (uint16_t)(msg[MID_AT] << 8 | msg[MID_AT + 1]);
}

/* Servers count on, from a number that is random for each peer: the half of the ring that lies
   opposite is theirs neither lately nor soon. */
void gw_question_draw(struct gw_question *q, const struct gw_question_mids *m,
	const uint8_t random[GW_QUESTION_RANDOM])
{
	enum { QUARTER = 0x4000, HALF = 0x8000 };
	memcpy(q->token, random, sizeof(q->token));
	const unsigned drawn =
		(unsigned)random[GW_QUESTION_TOKEN] << 8 | random[GW_QUESTION_TOKEN + 1];
	const unsigned mid = m->known ? m->last + QUARTER + drawn % HALF : drawn;
	q->mid[0] = (uint8_t)(mid >> 8);
	q->mid[1] = (uint8_t)mid;
}

void gw_question_write(const struct gw_question *q, uint8_t out[GW_QUESTION_LEN])
{
	static const uint8_t uri_path[] = { 0xb3, 'l', 'w', 'g' };
	_Static_assert(GW_QUESTION_LEN == HEADER + GW_QUESTION_TOKEN + sizeof(uri_path),
		"header, token, option");
	out[0] = first_octet(CON, GW_QUESTION_TOKEN);
	out[CODE_AT] = GET;
	memcpy(out + MID_AT, q->mid, sizeof(q->mid));
	memcpy(out + HEADER, q->token, sizeof(q->token));
	memcpy(out + HEADER + sizeof(q->token), uri_path, sizeof(uri_path));
}

enum gw_reply gw_question_reply(const struct gw_question *q, const uint8_t *msg, size_t len)
{
	if (len < HEADER || msg[0] >> 6 != VERSION)
		return GW_REPLY_NONE;
	const unsigned type = type_of(msg), class = msg[CODE_AT] >> 5;
	if (len == HEADER && msg[CODE_AT] == EMPTY && (type == ACK || type == RST))
		return memcmp(msg + MID_AT, q->mid, sizeof(q->mid)) == 0 ? GW_REPLY_HEARD
									 : GW_REPLY_NONE;
	const bool responds = type != RST && class >= CLASS_MIN && class <= CLASS_MAX;
	const bool fits =
		len >= HEADER + GW_QUESTION_TOKEN && msg[0] == first_octet(type, GW_QUESTION_TOKEN);
	if (!responds || !fits || !same_secret(msg + HEADER, q->token, sizeof(q->token)))
		return GW_REPLY_NONE;
	return GW_REPLY_ANSWER;
}

bool gw_question_thanks(const uint8_t *msg, size_t len, uint8_t out[GW_THANKS_LEN])
{
	if (len < HEADER || type_of(msg) != CON)
		return false;
	out[0] = first_octet(ACK, 0);
	out[CODE_AT] = EMPTY;
	memcpy(out + MID_AT, msg + MID_AT, sizeof(uint16_t));
	return true;
}
