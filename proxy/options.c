/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/options.h"

#include <stddef.h>

#include "proxy/coap.h"

enum {
	/* RFC 7252 section 5.4.6: what the number says of an option. */
	CRITICAL = 1,
	UNSAFE = 2,
	SZX_RESERVED = 7, /* RFC 7959 section 2.2: also the mask of the field */
};

struct known {
	uint16_t number;
	uint16_t least, most; /* length of the value */
	bool repeats;
};

/* RFC 7252 table 4; 7641, 7959, 7967, 8613, 8768, 9175, 9177, 9668. By number. */
static const struct known table[] = {
	{ 1, 0, 8, true },               /* If-Match */
	{ PDU_URI_HOST, 1, 255, false }, /* */
	{ 4, 1, 8, true },               /* ETag */
	{ 5, 0, 0, false },              /* If-None-Match */
	{ PDU_OBSERVE, 0, 3, false }, { PDU_URI_PORT, 0, 2, false },
	{ PDU_LOCATION_PATH, 0, 255, true }, { 9, 0, 255, false }, /* OSCORE */
	{ PDU_URI_PATH, 0, 255, true }, { 12, 0, 2, false },       /* Content-Format */
	{ PDU_MAX_AGE, 0, 4, false }, { PDU_URI_QUERY, 0, 255, true },
	{ PDU_HOP_LIMIT, 1, 1, false }, { 17, 0, 2, false }, /* Accept */
	{ PDU_Q_BLOCK1, 0, 3, false }, { 20, 0, 255, true }, /* Location-Query */
	{ 21, 0, 0, false },                                 /* EDHOC */
	{ PDU_BLOCK2, 0, 3, false }, { PDU_BLOCK1, 0, 3, false }, { 28, 0, 4, false }, /* Size2 */
	{ PDU_Q_BLOCK2, 0, 3, true }, { PDU_PROXY_URI, 1, 1034, false },
	{ PDU_PROXY_SCHEME, 1, 255, false }, { 60, 0, 4, false }, /* Size1 */
	{ 252, 1, 40, false },                                    /* Echo */
	{ PDU_NO_RESPONSE, 0, 1, false }, { 292, 0, 8, true },    /* Request-Tag */
};

static const struct known *find(uint16_t number)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (table[i].number == number)
			return &table[i];
	}
	return NULL;
}

/* before: the number of the option before it. */
static bool is_known(const struct pdu_option *o, uint16_t before)
{
	const struct known *const k = find(o->number);
	/* "each supernumerary option occurrence [...] MUST be treated like an unrecognized option"
	   (RFC 7252 section 5.4.5); lengths: 5.4.3 */
	return k && o->len >= k->least && o->len <= k->most && (k->repeats || o->number != before);
}

/* "The value 7 for SZX [...] is reserved, i.e., MUST NOT be sent and MUST lead to a 4.00 Bad
   Request response code upon reception in a request" (RFC 7959 section 2.2; RFC 9177 4.1). */
static bool is_reserved_size(const struct pdu_option *o)
{
	const bool block = o->number == PDU_BLOCK1 || o->number == PDU_BLOCK2 ||
			   o->number == PDU_Q_BLOCK1 || o->number == PDU_Q_BLOCK2;
	return block && o->len > 0 && (o->value[o->len - 1] & SZX_RESERVED) == SZX_RESERVED;
}

static struct options_found refused(uint8_t code, const char *why)
{
	return (struct options_found){ .code = code, .why = why };
}

/* RFC 8768 section 3. A length other than 1 can only be 0, or more than 255. */
static struct options_found hop_limit(const struct pdu_option *o)
{
	if (o->len != 1 || o->value[0] == 0)
		return refused(PDU_BAD_REQUEST, "Hop-Limit is not 1 to 255");
	if (o->value[0] == 1)
		return refused(PDU_HOP_LIMIT_REACHED, "lwgate"); /* who we are, no blanks */
	return (struct options_found){ .hop = true };
}

/* "Unrecognized options of class "critical" that occur in a Confirmable request MUST cause the
   return of a 4.02 (Bad Option) response", in a Non-confirmable "MUST cause the message to be
   rejected" (RFC 7252 section 5.4.1); what is only unsafe, 4.02 in either (5.7.1). */
static struct options_found unknown(uint16_t number, unsigned must_know)
{
	if ((number & must_know) == 0)
		return (struct options_found){ .code = 0 };
	struct options_found no = refused(PDU_BAD_OPTION, "an option is not known here");
	no.reject = (number & CRITICAL) != 0;
	return no;
}

/* must_know: bits of the numbers that do not pass unread. */
static struct options_found look(const struct pdu_option *o, uint16_t before, unsigned must_know)
{
	if (o->number == PDU_HOP_LIMIT && o->number != before)
		return hop_limit(o);
	if (!is_known(o, before))
		return unknown(o->number, must_know);
	if (is_reserved_size(o))
		return refused(PDU_BAD_REQUEST, "blocks of a reserved size");
	return (struct options_found){ .host = o->number == PDU_URI_HOST ||
					       o->number == PDU_URI_PORT };
}

struct options_found options_of_request(const struct pdu *request, bool critical_too)
{
	const unsigned must_know = critical_too ? CRITICAL | UNSAFE : UNSAFE;
	struct options_found all = { .code = 0 };
	struct pdu_options it = pdu_options(request);
	struct pdu_option o;
	for (uint16_t before = 0; pdu_next(&it, &o); before = o.number) {
		const struct options_found one = look(&o, before, must_know);
		if (one.code != 0)
			return one;
		all.host |= one.host;
		all.hop |= one.hop;
	}
	return all;
}

bool options_of_response(const struct pdu *response)
{
	struct pdu_options it = pdu_options(response);
	struct pdu_option o;
	for (uint16_t before = 0; pdu_next(&it, &o); before = o.number) {
		if ((o.number & UNSAFE) != 0 && !is_known(&o, before))
			return false;
	}
	return true;
}
