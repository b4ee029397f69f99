/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of one address without DTLS. The input is steps: a byte (its top bit: the gateway is to
 * send it, not the device), a length byte, and the message.
 *
 * What must hold: what is answered to it is sound CoAP, and never more than three times what
 * came; a name has no NUL and is not empty; an Echo value that we did not give shows nothing; an
 * address that has shown nothing is never sent more than three times what came from there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sip.h"
#include "proxy/open_air.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_open_air: %s\n", what);
	abort();
}

static void look_at_answers(const struct air_look *l, size_t len)
{
	static const uint8_t codes[] = { 0, PDU_UNAUTHORIZED, PDU_FORBIDDEN, PDU_NOT_FOUND };
	const uint8_t echo[AIR_ECHO] = { 0 };
	uint8_t out[AIR_ANSWER_MAX];
	struct pdu m;
	for (size_t i = 0; i < sizeof(codes); i++) {
		const struct air_said said = { .code = codes[i],
			.echo = codes[i] == PDU_UNAUTHORIZED ? echo : NULL };
		const size_t n = air_answer(l, &said, out);
		must(n <= AIR_FACTOR * len, "no more than three times");
		must(n == 0 || pdu_parse(out, n, &m) == PDU_OK, "it is CoAP");
	}
}

static void come(struct air_flow *f, const uint8_t *msg, size_t len, uint64_t now_ms)
{
	static const struct sip_key key = { .k0 = 5, .k1 = 7 };
	static const struct net_addr peer = { .family = NET_IPV4, .port = 1 };
	struct air_look l;
	air_read(msg, len, &l);
	if (l.kind == AIR_BEGINS)
		must(l.endpoint[0] != '\0' && strlen(l.endpoint) <= AIR_ENDPOINT_MAX, "a name");
	if (l.kind == AIR_BEGINS || l.kind == AIR_REGISTERED || l.kind == AIR_ASKS ||
		l.kind == AIR_NAMELESS)
		must(pdu_is_request(&l.m) && l.m.type <= PDU_NON, "a request");
	must(!air_echo_good(&key, &peer, &l, now_ms), "nobody was given an Echo value");
	if (l.kind != AIR_NOTHING)
		look_at_answers(&l, len);
	const uint64_t got = f->got;
	(void)!air_takes(f, &l, len, now_ms);
	must(f->got == got + len, "what came is counted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct air_flow f = { .got = 0 };
	uint64_t now_ms = 0;
	for (size_t at = 0; at + 2 <= size;) {
		const bool sends = data[at] >= 0x80;
		now_ms += (uint64_t)(data[at] & 0x7f) * 1000;
		size_t len = data[at + 1];
		at += 2;
		if (len > size - at)
			len = size - at;
		if (sends)
			(void)!air_may_send(&f, data + at, len);
		else
			come(&f, data + at, len, now_ms);
		must(f.proved || f.sent <= AIR_FACTOR * f.got, "three times");
		at += len;
	}
	return 0;
}
