/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/hello_probe.h"

#include "base/rd.h"
#include "base/wr.h"
#include "conf/dtls.h"

enum {
	TYPE_ALERT = 21,
	TYPE_HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	HELLO_VERIFY = 3,
	DTLS_1_0 = 0xfeff,
	DTLS_1_2 = 0xfefd,
	SCSV = 0x00ff, /* RFC 5746 */
	RECORD_HEAD = 13,
	MESSAGE_HEAD = 12,
	NULL_COMPRESSION = 0,
};
_Static_assert(RECORD_HEAD + MESSAGE_HEAD + 2 + HELLO_PROBE_RANDOM + 2 + 2 +
			       2 * (CONF_SUITES_MAX + 1) + 2 + 2 + 40 <=
		       (int)HELLO_PROBE_MAX,
	"it fits");

/* supported_groups: P-256; ec_point_formats: uncompressed; signature_algorithms: ECDSA and RSA with
   SHA-256; extended_master_secret; encrypt_then_mac. */
static const uint8_t extensions[] = {
	0x00,
	0x0a,
	0x00,
	0x04,
	0x00,
	0x02,
	0x00,
	0x17, /**/
	0x00,
	0x0b,
	0x00,
	0x02,
	0x01,
	0x00, /**/
	0x00,
	0x0d,
	0x00,
	0x06,
	0x00,
	0x04,
	0x04,
	0x03,
	0x04,
	0x01, /**/
	0x00,
	0x17,
	0x00,
	0x00, /**/
	0x00,
	0x16,
	0x00,
	0x00,
};

static void put_body(struct wr *w, const uint16_t *suites, size_t suites_len,
	const uint8_t random[HELLO_PROBE_RANDOM])
{
	wr_u16(w, DTLS_1_2);
	wr_bytes(w, random, HELLO_PROBE_RANDOM);
	wr_u8(w, 0); /* session id */
	wr_u8(w, 0); /* cookie */
	wr_u16(w, (uint16_t)(2 * (suites_len + 1)));
	for (size_t i = 0; i < suites_len; i++)
		wr_u16(w, suites[i]);
	wr_u16(w, SCSV);
	wr_u8(w, 1);
	wr_u8(w, NULL_COMPRESSION);
	wr_u16(w, sizeof(extensions));
	wr_bytes(w, extensions, sizeof(extensions));
}

size_t hello_probe_write(const uint16_t *suites, size_t suites_len,
	const uint8_t random[HELLO_PROBE_RANDOM], uint8_t out[HELLO_PROBE_MAX])
{
	uint8_t body[HELLO_PROBE_MAX];
	struct wr b = wr_into(body, sizeof(body));
	struct wr w = wr_into(out, HELLO_PROBE_MAX);
	if (suites_len > CONF_SUITES_MAX)
		suites_len = CONF_SUITES_MAX;
	put_body(&b, suites, suites_len, random);
	wr_u8(&w, TYPE_HANDSHAKE);
	wr_u16(&w, DTLS_1_0);
	wr_u16(&w, 0); /* epoch */
	wr_u48(&w, 0);
	wr_u16(&w, (uint16_t)(MESSAGE_HEAD + b.len));
	wr_u8(&w, CLIENT_HELLO);
	wr_u24(&w, (uint32_t)b.len);
	wr_u16(&w, 0); /* message number */
	wr_u24(&w, 0); /* fragment */
	wr_u24(&w, (uint32_t)b.len);
	wr_bytes(&w, body, b.len);
	return wr_ok(&w) && wr_ok(&b) ? w.len : 0;
}

enum hello_answer hello_probe_read(const uint8_t *data, size_t len, uint8_t *alert)
{
	struct rd r = rd_from(data, len);
	*alert = 0;
	const uint8_t type = rd_u8(&r);
	const uint16_t version = rd_u16(&r);
	rd_skip(&r, RECORD_HEAD - 5);
	struct rd in = rd_sub(&r, rd_u16(&r));
	if (!rd_ok(&r) || (version != DTLS_1_0 && version != DTLS_1_2))
		return HELLO_ANSWER_NONE;
	const uint8_t first = rd_u8(&in);
	if (type == TYPE_HANDSHAKE && rd_ok(&in))
		return first == SERVER_HELLO || first == HELLO_VERIFY ? HELLO_ANSWER_GOOD
								      : HELLO_ANSWER_OTHER;
	if (type != TYPE_ALERT)
		return HELLO_ANSWER_OTHER;
	*alert = rd_u8(&in);
	return rd_ok(&in) ? HELLO_ANSWER_ALERT : HELLO_ANSWER_OTHER;
}
