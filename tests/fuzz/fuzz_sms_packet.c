/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secured packets and what is in them. The input is an octet that says how they are protected, and
 * a packet.
 *
 * What must hold: what is opened lies within the packet, and what is refused gives nothing; what is
 * sealed of the same octets is as long as was said, and opens to them; a response neither; an
 * envelope is all of what it came in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/packet.h"
#include "sms/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 2048 };

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_sms_packet: %s\n", what);
	abort();
}

static bool is_within(const uint8_t *packet, size_t size, const uint8_t *at, size_t len)
{
	return at >= packet && len <= size && (size_t)(at - packet) <= size - len;
}

static struct sms_settings settings_of(uint8_t how)
{
	static const struct {
		uint8_t spi[2], kic, kid, cc_len, key_len;
	} kinds[] = {
		{ { 0x16, 0x39 }, 0x12, 0x12, 8, 16 },
		{ { 0x16, 0x39 }, 0x12, 0x12, 4, 32 },
		{ { 0x16, 0x39 }, 0x19, 0x19, 8, 24 },
		{ { 0x06, 0x29 }, 0x15, 0x15, 8, 16 },
		{ { 0x12, 0x09 }, 0x10, 0x12, 8, 24 },
		{ { 0x01, 0x05 }, 0x00, 0x05, 4, 0 },
		{ { 0x00, 0x00 }, 0x00, 0x00, 0, 0 },
	};
	const size_t k = how % (sizeof(kinds) / sizeof(kinds[0]));
	struct sms_settings s = { .spi = { kinds[k].spi[0], kinds[k].spi[1] },
		.kic = kinds[k].kic,
		.kid = kinds[k].kid,
		.tar = { 0xb2, 0x02, 0x03 },
		.cc_len = kinds[k].cc_len,
		.cipher_key_len = kinds[k].key_len,
		.check_key_len = kinds[k].key_len };
	const char *why = "";
	for (uint8_t i = 0; i < kinds[k].key_len; i++) {
		s.cipher_key[i] = (uint8_t)(i + 1);
		s.check_key[i] = (uint8_t)(3 * i + 7);
	}
	must(sms_settings_derive(&s, &why), why);
	return s;
}

static void open_it(
	struct sms_cipher *c, const struct sms_settings *s, const uint8_t *data, size_t len)
{
	uint8_t packet[MOST];
	struct sms_opened o;
	struct sms_response r;
	memcpy(packet, data, len);
	if (sms_open(c, s, packet, len, &o) == SMS_GOOD)
		must(is_within(packet, len, o.data, o.len) && o.counter <= SMS_COUNTER_MAX,
			"within the packet");
	else
		must(o.data == NULL && o.len == 0 && o.counter == 0, "nothing of a refused one");
	memcpy(packet, data, len);
	if (sms_open_response(c, s, packet, len, &r) == SMS_GOOD)
		must(is_within(packet, len, r.data, r.len), "within the response");
	else
		must(r.data == NULL && r.len == 0, "nothing of a refused response");
}

static void seal_it(
	struct sms_cipher *c, const struct sms_settings *s, const uint8_t *data, size_t len)
{
	uint8_t packet[MOST + SMS_HEAD + SMS_OVERHEAD_MAX];
	struct sms_opened o;
	const uint64_t counter = len * UINT64_C(0x123456789);
	const size_t n =
		sms_seal(c, s, counter & SMS_COUNTER_MAX, data, len, packet, sizeof(packet), NULL);
	must(n == sms_sealed_len(s, len), "as long as was said");
	must(sms_open(c, s, packet, n, &o) == SMS_GOOD, "it opens");
	must(o.counter == (counter & SMS_COUNTER_MAX) && o.len == len &&
			(len == 0 || memcmp(o.data, data, len) == 0),
		"and is what it was");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *coap;
	size_t coap_len;
	if (size < 1 || size > MOST)
		return 0;
	struct sms_cipher *const c = sms_cipher_new();
	must(c != NULL, "memory");
	const struct sms_settings s = settings_of(data[0]);
	open_it(c, &s, data + 1, size - 1);
	seal_it(c, &s, data + 1, size - 1);
	if (sms_unwrap(SMS_TAG, data + 1, size - 1, &coap, &coap_len))
		must(coap + coap_len == data + size, "an envelope is all there is");
	sms_cipher_free(c);
	return 0;
}
