/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/sp.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

enum {
	PEER_AT = 5, /* low octet of the protocol number */
	PEER_PUB = 0x20,
	PEER_SUB = 0x21,
	PEER_REQ = 0x30,
	PEER_REP = 0x31,
	TYPE_MESSAGE = 1,
	ID_LEN = 4,
	ID_LAST = 0x80, /* in the first octet: it is the client's own, no more follow */
};

const uint8_t ctl_sp_greeting[CTL_SP_GREETING_LEN] = { 0, 'S', 'P', 0, 0, PEER_REP, 0, 0 };
const uint8_t ctl_sp_pub_greeting[CTL_SP_GREETING_LEN] = { 0, 'S', 'P', 0, 0, PEER_PUB, 0, 0 };
const uint8_t ctl_sp_sub_greeting[CTL_SP_GREETING_LEN] = { 0, 'S', 'P', 0, 0, PEER_SUB, 0, 0 };

static enum ctl_sp_result greeted_by(uint8_t peer, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && i < CTL_SP_GREETING_LEN; i++) {
		if (data[i] != (i == PEER_AT ? peer : ctl_sp_greeting[i]))
			return CTL_SP_BAD;
	}
	return len < CTL_SP_GREETING_LEN ? CTL_SP_MORE : CTL_SP_GOOD;
}

enum ctl_sp_result ctl_sp_greeted(const uint8_t *data, size_t len)
{
	return greeted_by(PEER_REQ, data, len);
}

enum ctl_sp_result ctl_sp_is_sub(const uint8_t *data, size_t len)
{
	return greeted_by(PEER_SUB, data, len);
}

enum ctl_sp_result ctl_sp_is_pub(const uint8_t *data, size_t len)
{
	return greeted_by(PEER_PUB, data, len);
}

void ctl_sp_frame(size_t body_len, uint8_t out[CTL_SP_FRAME_LEN])
{
	struct wr w = wr_into(out, CTL_SP_FRAME_LEN);
	wr_u8(&w, TYPE_MESSAGE);
	wr_u64(&w, body_len);
}

enum ctl_sp_result ctl_sp_unframe(const uint8_t *data, size_t len, size_t most, size_t *body_len)
{
	struct rd r = rd_from(data, len);
	*body_len = 0;
	if (len > 0 && data[0] != TYPE_MESSAGE)
		return CTL_SP_BAD;
	if (len < CTL_SP_FRAME_LEN)
		return CTL_SP_MORE;
	rd_skip(&r, 1);
	const uint64_t body = rd_u64(&r);
	if (body > most)
		return CTL_SP_BAD;
	if (body > r.left)
		return CTL_SP_MORE;
	*body_len = (size_t)body;
	return CTL_SP_GOOD;
}

/* Octets of the request ids at the beginning of data; 0: they have no end. */
static size_t stack_of(const uint8_t *data, size_t len)
{
	for (size_t at = 0; at + ID_LEN <= len && at < CTL_SP_STACK_MAX; at += ID_LEN) {
		if ((data[at] & ID_LAST) != 0)
			return at + ID_LEN;
	}
	return 0;
}

enum ctl_sp_result ctl_sp_parse(const uint8_t *data, size_t len, struct ctl_sp_request *out)
{
	size_t payload = 0;
	*out = (struct ctl_sp_request){ 0 };
	const enum ctl_sp_result r =
		ctl_sp_unframe(data, len, CTL_SP_REQUEST_MAX - CTL_SP_FRAME_LEN, &payload);
	if (r != CTL_SP_GOOD)
		return r;
	const uint8_t *const from = data + CTL_SP_FRAME_LEN;
	const size_t stack = stack_of(from, payload);
	if (stack == 0)
		return CTL_SP_BAD;
	*out = (struct ctl_sp_request){
		.stack = from,
		.stack_len = stack,
		.body = from + stack,
		.body_len = payload - stack,
		.len = CTL_SP_FRAME_LEN + payload,
	};
	return CTL_SP_GOOD;
}

size_t ctl_sp_head(
	const struct ctl_sp_request *request, size_t body_len, uint8_t out[CTL_SP_HEAD_MAX])
{
	struct wr w = wr_into(out, CTL_SP_HEAD_MAX);
	wr_u8(&w, TYPE_MESSAGE);
	wr_u64(&w, request->stack_len + body_len);
	wr_bytes(&w, request->stack, request->stack_len);
	return w.len;
}
