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
