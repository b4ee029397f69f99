/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is longer than a leg takes. DTLS can not spread a message over
 * records, and the relay neither cuts nor joins bodies: what is left is to tell those who can do
 * otherwise.
 *
 * A request      4.13 with a Block1 option: the hint to use blocks, or smaller ones (RFC 7959
 *                2.9.3). Its sender goes on by itself. Without payload: 4.13 alone.
 * A response     Who asked is told 5.02, which is what a proxy says of an answer that it can not
 *                use (RFC 7252 5.7.1); its diagnostic says to ask for blocks. Which size, it can
 *                not say: Block2 in an answer speaks of that answer's own payload (RFC 7959 2.2).
 *                4.13 would say that the request was too long.
 * A notification The same 5.02, with which an observation ends for the observer (RFC 7641 3.2), and
 *                an RST for the one who notifies, with which it ends there (3.6): nobody sends for
 *                ever what never arrives. The observer may begin again, with Block2.
 */
#include "proxy/answer.h"
#include "proxy/block.h"
#include "proxy/device.h"

size_t relay_room(const struct relay_device *d, enum side to)
{
	struct channel *const c = d->ends[to];
	const size_t max = d->relay->settings.message_max;
	const size_t room = c ? c->ops->room(c) : SIZE_MAX;
	return room < max ? room : max;
}

bool relay_fits(const struct relay_device *d, enum side to, const struct pdu *m)
{
	return m->len <= relay_room(d, to);
}

void relay_request_too_long(struct relay_device *d, enum side from, const struct pdu *m)
{
	struct answer a = { .code = PDU_TOO_LARGE, .why = "longer than a message may be" };
	a.has_block1 = block_hint(m, relay_room(d, other_side(from)), &a.block1);
	answer_request(d, from, m, &a);
}

bool relay_is_notification(const struct pdu *m)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	return pdu_next_of(&it, PDU_OBSERVE, &o);
}

static void say_instead(
	struct relay_device *d, enum side from, const struct pdu *m, const struct answer *a)
{
	const struct exchange *const e =
		from == SIDE_SERVER ? exchange_of_answer(d->exchanges, m) : NULL;
	if (e && !(e->answered && relay_is_notification(m))) {
		relay_down_bad(d, m, a->why);
		return;
	}
	if (m->type != PDU_ACK)
		answer_reset(d, from, m->mid);
	answer_instead(d, other_side(from), m, a);
}

void relay_response_too_long(struct relay_device *d, enum side from, const struct pdu *m)
{
	static const struct answer instead = { .code = PDU_BAD_GATEWAY,
		.why = "the answer is too long: ask for blocks" };
	say_instead(d, from, m, &instead);
}

/* "Unsafe options in a response that are not recognized by the proxy MUST lead to a 5.02 (Bad
   Gateway) response" (RFC 7252 section 5.7.1). */
void relay_response_unknown(struct relay_device *d, enum side from, const struct pdu *m)
{
	static const struct answer instead = { .code = PDU_BAD_GATEWAY,
		.why = "the answer has an option that is not known here" };
	say_instead(d, from, m, &instead);
}
