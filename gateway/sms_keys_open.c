/* SPDX-License-Identifier: Apache-2.0 */
/* Before a transaction: under which set something opens, and what a refusal of it is. */
#include <string.h>

#include "base/wipe.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_parts.h"
#include "proxy/coap.h"

static bool is_tried(const struct keyset *k, size_t i, uint64_t now_ms)
{
	const struct keyset_keys *const x = &k->set[i];
	return x->generation != 0 && (i != KEYSET_OF_BEFORE || now_ms < x->until_ms);
}

/* NOLINTNEXTLINE(readability-function-size): seven parameters, all of one packet */
enum keyset_which gw_keys_open(const struct keyset *k, bool allow_3des, uint64_t now_ms,
	struct sms_cipher *cipher, uint8_t *packet, size_t len, struct sms_opened *out)
{
	uint8_t copy[GW_SMS_MO_MAX];
	size_t found = KEYSET_SETS;
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < KEYSET_SETS && found == KEYSET_SETS && len <= sizeof(copy); i++) {
		struct sms_settings s;
		const char *why;
		if (!is_tried(k, i, now_ms))
			continue;
		memcpy(copy, packet, len);
		if (sms_profile_settings(&k->set[i].agreed, allow_3des, &s, &why) &&
			sms_open(cipher, &s, copy, len, out) == SMS_GOOD)
			found = i;
		wipe(&s, sizeof(s));
	}
	if (found != KEYSET_SETS) {
		memcpy(packet, copy, len);
		out->data = packet + (out->data - copy);
	}
	wipe(copy, sizeof(copy));
	return (enum keyset_which)found;
}

size_t gw_keys_refusal(
	const uint8_t *coap, size_t len, uint16_t mid, uint8_t out[GW_KEYS_REFUSAL_MAX])
{
	struct pdu m;
	if (pdu_parse(coap, len, &m) != PDU_OK || !pdu_is_request(&m) ||
		(m.type != PDU_CON && m.type != PDU_NON) || pdu_unwanted(&m, PDU_BAD_REQUEST))
		return 0;
	const bool con = m.type == PDU_CON;
	const struct pdu_answer a = { .type = con ? PDU_ACK : PDU_NON,
		.code = PDU_BAD_REQUEST,
		.mid = con ? m.mid : mid,
		.token_len = m.token_len,
		.token = m.token };
	return pdu_write(out, GW_KEYS_REFUSAL_MAX, &a);
}
