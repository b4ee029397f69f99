/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/proxy/oracle: what libcoap's whole parser makes of a message, beside ours. For tests
 * and fuzzing.
 *
 * Promise: oracle_compare() is NULL, or says where the two disagree without a reason. The reasons:
 *          we refuse the token lengths 9 to 15, the reserved classes and the wrong pairs of type
 *          and code (RFC 7252 section 4), and option numbers above 65535; libcoap refuses known
 *          options of unusual length, which are the receiver's affair (section 5.4.3).
 */
#ifndef LWG_TESTS_PROXY_ORACLE_H
#define LWG_TESTS_PROXY_ORACLE_H

#include <coap3/coap.h>
#include <string.h>

#include "base/attr.h"
#include "proxy/coap.h"

/* RFC 7252 table 4, 7641, 7959, 8613, 8768, 7967, 9175. */
static inline bool oracle_usual(const struct pdu_option *o)
{
	static const struct limit {
		uint16_t number;
		uint16_t least, most;
	} limits[] = {
		{ 1, 0, 8 },
		{ 3, 1, 255 },
		{ 4, 1, 8 },
		{ 5, 0, 0 },
		{ 6, 0, 3 },
		{ 7, 0, 2 },
		{ 8, 0, 255 },
		{ 9, 0, 255 },
		{ 11, 0, 255 },
		{ 12, 0, 2 },
		{ 14, 0, 4 },
		{ 15, 1, 255 },
		{ 16, 1, 1 },
		{ 17, 0, 2 },
		{ 19, 0, 3 },
		{ 20, 0, 255 },
		{ 23, 0, 3 },
		{ 27, 0, 3 },
		{ 28, 0, 4 },
		{ 31, 0, 3 },
		{ 35, 1, 1034 },
		{ 39, 1, 255 },
		{ 60, 0, 4 },
		{ 252, 1, 40 },
		{ 258, 0, 1 },
		{ 292, 0, 8 },
	};
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		if (limits[i].number == o->number)
			return o->len >= limits[i].least && o->len <= limits[i].most;
	}
	return true;
}

static inline bool oracle_all_usual(const struct pdu *m)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	while (pdu_next(&it, &o)) {
		if (!oracle_usual(&o))
			return false;
	}
	return true;
}

/* Do the option numbers run above 65535? Counts in 32 bits; only for what libcoap has accepted. */
static inline bool oracle_overflows(const uint8_t *at, const uint8_t *end)
{
	uint32_t number = 0;
	while (at < end && *at != 0xff) {
		uint32_t v[2] = { *at >> 4U, *at & 15U };
		at++;
		for (unsigned i = 0; i < 2; i++) {
			const uint32_t nibble = v[i];
			if (nibble == 13)
				v[i] = 13U + at[0];
			if (nibble == 14)
				v[i] = 269U + ((uint32_t)at[0] << 8 | at[1]);
			at += nibble == 14 ? 2 : (nibble == 13 ? 1 : 0);
		}
		number += v[0];
		if (number > 65535)
			return true;
		at += v[1];
	}
	return false;
}

static inline bool oracle_strict(const uint8_t *data, size_t len)
{
	const unsigned type = data[0] >> 4 & 3, tkl = data[0] & 15, class = data[1] >> 5;
	const bool request = class == 0 && data[1] != 0;
	if (tkl > 8 || class == 1 || class > 5)
		return true;
	if ((type == 2 && request) || (type == 3 && data[1] != 0) || (type == 1 && data[1] == 0))
		return true;
	return oracle_overflows(data + 4 + tkl, data + len);
}

static inline const char *oracle_options(const struct pdu *m, const coap_pdu_t *p)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	coap_opt_iterator_t theirs;
	if (!coap_option_iterator_init(p, &theirs, COAP_OPT_ALL))
		return pdu_next(&it, &o) ? "they see no options" : NULL;
	for (const coap_opt_t *opt = coap_option_next(&theirs); opt;
		opt = coap_option_next(&theirs)) {
		if (!pdu_next(&it, &o))
			return "an option less";
		if (o.number != theirs.number || o.len != coap_opt_length(opt))
			return "another option";
		if (o.len > 0 && memcmp(o.value, coap_opt_value(opt), o.len) != 0)
			return "another value";
	}
	return pdu_next(&it, &o) ? "an option more" : NULL;
}

static inline const char *oracle_parts(const struct pdu *m, const coap_pdu_t *p)
{
	const coap_bin_const_t token = coap_pdu_get_token(p);
	size_t len = 0;
	const uint8_t *payload = NULL;
	(void)coap_get_data(p, &len, &payload);
	if ((int)m->type != (int)coap_pdu_get_type(p) || m->code != (int)coap_pdu_get_code(p) ||
		m->mid != coap_pdu_get_mid(p))
		return "another header";
	if (!pdu_same_token(m, token.s, token.length))
		return "another token";
	if (m->payload_len != len || (len > 0 && memcmp(m->payload, payload, len) != 0))
		return "another payload";
	return m->code == 0 ? NULL : oracle_options(m, p);
}

static inline const char *oracle_compare(const uint8_t *data, size_t len)
{
	struct pdu m;
	const enum pdu_verdict v = pdu_parse(data, len, &m);
	coap_set_log_level((coap_log_t)0);
	coap_pdu_t *const p = coap_pdu_init(COAP_MESSAGE_CON, (coap_pdu_code_t)0, 0, len + 16);
	if (!p)
		return NULL;
	const bool theirs = coap_pdu_parse(COAP_PROTO_UDP, data, len, p) != 0;
	const char *wrong = NULL;
	if (theirs && v != PDU_OK && !oracle_strict(data, len))
		wrong = "we refuse what libcoap takes";
	if (!theirs && v == PDU_OK && oracle_all_usual(&m))
		wrong = "libcoap refuses what we take";
	if (theirs && v == PDU_OK)
		wrong = oracle_parts(&m, p);
	coap_delete_pdu(p);
	return wrong;
}

#endif
