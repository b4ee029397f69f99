/* SPDX-License-Identifier: Apache-2.0 */
/* What a packet carries for LwM2M, and what a response says. */
#include "base/attr.h"
#include "base/rd.h"
#include "sms/packet.h"

enum { SHORT_MAX = 0x7f, ONE_OCTET = 0x81, TWO_OCTETS = 0x82 };

/* BER: only the shortest form is one (an octet more would be one less for CoAP). */
static bool read_length(struct rd *r, size_t *out)
{
	const uint8_t first = rd_u8(r);
	if (first <= SHORT_MAX) {
		*out = first;
		return rd_ok(r);
	}
	if (first == ONE_OCTET) {
		*out = rd_u8(r);
		return rd_ok(r) && *out > SHORT_MAX;
	}
	*out = rd_u16(r);
	return first == TWO_OCTETS && rd_ok(r) && *out > UINT8_MAX;
}

bool sms_unwrap(
	uint8_t tag, const uint8_t *data, size_t len, const uint8_t **coap, size_t *coap_len)
{
	struct rd r = rd_from(data, len);
	const uint8_t said = rd_u8(&r);
	*coap = NULL;
	*coap_len = 0;
	size_t inner = 0;
	if (!read_length(&r, &inner) || said != tag || inner != r.left)
		return false;
	*coap = r.at;
	*coap_len = inner;
	return true;
}

size_t sms_wrap(uint8_t tag, size_t coap_len, uint8_t out[SMS_ENVELOPE_MAX])
{
	size_t n = 0;
	out[n++] = tag;
	if (coap_len > UINT8_MAX) {
		out[n++] = TWO_OCTETS;
		out[n++] = (uint8_t)(coap_len >> 8);
	} else if (coap_len > SHORT_MAX) {
		out[n++] = ONE_OCTET;
	}
	out[n++] = (uint8_t)coap_len;
	return n;
}

const char *sms_status_name(uint8_t status)
{
	static const char *const names[] = {
		"PoR OK",
		"RC/CC/DS failed",
		"CNTR low",
		"CNTR high",
		"CNTR blocked",
		"ciphering error",
		"unidentified security error",
		"not enough memory",
		"more time needed",
		"TAR unknown",
		"security level too low",
		"response data follows in SMS-SUBMIT",
		"response data follows by USSD",
	};
	enum { PROPRIETARY_FIRST = 0xc0, PROPRIETARY_LAST = 0xfe };
	if (status < COUNT_OF(names))
		return names[status];
	return status >= PROPRIETARY_FIRST && status <= PROPRIETARY_LAST ? "proprietary"
									 : "reserved";
}
