/* SPDX-License-Identifier: Apache-2.0 */
/* Before a transaction, and in one: which sets there are; under which something opens, and what a
   refusal of it is. */
#include <string.h>

#include "base/wipe.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_parts.h"
#include "proxy/coap.h"

struct sms_agreed gw_keys_around(const struct store_cred *c)
{
	struct sms_agreed a = { .profile = c->sms.profile,
		.spi2 = c->sms.spi2,
		.kic = c->sms.kic,
		.kid = c->sms.kid,
		.cc_len = c->sms.cc_len };
	memcpy(a.tar, c->sms.tar, sizeof(a.tar));
	return a;
}

static bool agreed_of(const struct store_cred *c, struct sms_agreed *out)
{
	if (c->sms.profile >= (uint8_t)SMS_PROFILES || c->key_len > sizeof(out->key))
		return false;
	*out = gw_keys_around(c);
	out->key_len = c->key_len;
	memcpy(out->key, c->key, c->key_len);
	return true;
}

/* Of one that cannot be read the credential's own keys may be superseded long since: where others
   can be brought to the device unasked, they are not taken again. */
static bool can_be_pushed(const struct store_cred *c)
{
	return c->sms.renew.how == STORE_RENEW_GBA_PUSH ||
	       c->sms.renew.how == STORE_RENEW_SMARTCARD;
}

enum store_result gw_keys_load(struct store_reader *r, const struct store_cred *c, uint64_t now_ms,
	struct keyset *out, bool *is)
{
	struct sms_agreed own;
	struct store_sms_keys stored;
	*is = false;
	memset(out, 0, sizeof(*out));
	if (c->state != STORE_CRED_ACTIVE || c->kind != STORE_CRED_SMS || !agreed_of(c, &own))
		return STORE_NONE;
	enum store_result result = store_sms_keys_read(r, c->number, &stored);
	if (result == STORE_OK) {
		*is = keyset_load(stored.data, stored.len, out);
		result = *is ? STORE_OK : STORE_DAMAGED;
	}
	wipe(&stored, sizeof(stored));
	if (result == STORE_NONE || result == STORE_DAMAGED) {
		const bool begins = own.key_len > 0 && (result == STORE_NONE || !can_be_pushed(c));
		keyset_begin(out, begins ? &own : NULL, now_ms);
		result = STORE_OK;
	}
	wipe(&own, sizeof(own));
	return result;
}

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
