/* SPDX-License-Identifier: Apache-2.0 */
/* What is CBC's alone: IV, padding, and that nobody can tell one fault from another. How
   long opening takes is `make bench-padding`'s. */
#include "guard_kit.h"

#include <openssl/err.h>

static const enum dtls_guard both[] = { DTLS_GUARD_ETM, DTLS_GUARD_MTE };

static void test_R128_the_iv_is_what_was_random(void **state)
{
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		struct kit_wire last = kit_seal(*state, both[i], 20);
		for (unsigned k = 0; k < 128; k++) {
			uint8_t random[16];
			memcpy(random, kit_random, sizeof(random));
			random[k / 8] ^= (uint8_t)(1 << k % 8);
			const struct kit_wire w = kit_copy(last.at, last.len);
			kit_text(w.at + DTLS_RECORD_HEADER + 16, 20);
			const struct dtls_sealing s = {
				.key = &kit_cbc_key,
				.n = &kit_number,
				.random = random,
				/* of no effect here */
				.explicit_nonce = k % 2 ? kit_nonce : NULL,
			};
			assert_int_equal(dtls_guard_seal(*state, both[i], &s, w.at, 20), w.len);
			assert_memory_equal(w.at + DTLS_RECORD_HEADER, random, sizeof(random));
			assert_memory_not_equal(w.at + DTLS_RECORD_HEADER + 16,
				last.at + DTLS_RECORD_HEADER + 16, 16);
			assert_true(kit_opens(*state, both[i], w));
			free(last.at);
			last = w;
		}
		free(last.at);
	}
}

static void all_lengths_of_padding(struct dtls_guards *g, enum dtls_guard how)
{
	struct ref_record r = kit_record(how);
	for (r.padding = 1; r.padding <= 256; r.padding++) {
		for (size_t len = (512 - r.padding) % 16; len <= 300; len += 64) {
			const struct kit_wire w = kit_ref_seal(how, &r, len);
			assert_true(kit_is_text(kit_open(g, how, &kit_cbc_key, w), len));
			free(w.at);
		}
	}
}

/* RFC 5246 6.2.3.2 lets a sender pad up to 255 octets more than there need be. */
static void test_R128_every_length_of_padding_opens(void **state)
{
	all_lengths_of_padding(*state, DTLS_GUARD_ETM);
	all_lengths_of_padding(*state, DTLS_GUARD_MTE);
}

static void test_R129_longest_text_with_the_longest_padding(void **state)
{
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		struct ref_record r = kit_record(both[i]);
		r.padding = 256;
		const struct kit_wire w = kit_ref_seal(both[i], &r, DTLS_PLAIN_MAX);
		assert_true(
			kit_is_text(kit_open(*state, both[i], &kit_cbc_key, w), DTLS_PLAIN_MAX));
		free(w.at);
		const struct kit_wire over = kit_ref_seal(both[i], &r, DTLS_PLAIN_MAX + 16);
		assert_false(kit_open(*state, both[i], &kit_cbc_key, over).good);
		free(over.at);
	}
}

/* All that can be seen of a record that did not open. */
static void assert_nothing_is_said(struct kit_opened o, struct kit_wire w)
{
	assert_false(o.good);
	assert_null(o.plain);
	assert_true(o.len == SIZE_MAX);
	for (size_t i = DTLS_RECORD_HEADER; i < w.len; i++)
		assert_int_equal(w.at[i], 0);
	assert_int_equal(ERR_peek_error(), 0);
}

static void spoil_each_octet(struct dtls_guards *g, enum dtls_guard how, struct ref_record r)
{
	/* with 17, the last octet would become 0: right again, but for the text */
	for (r.wrong = r.padding == 17 ? 2 : 1; r.wrong <= r.padding; r.wrong++) {
		const struct kit_wire w = kit_ref_seal(how, &r, (512 - r.padding) % 16);
		assert_nothing_is_said(kit_open(g, how, &kit_cbc_key, w), w);
		free(w.at);
	}
}

/* Every octet of the padding in turn, in records whose MAC is right. */
static void test_R044_a_wrong_octet_of_padding_does_not_open(void **state)
{
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		struct ref_record r = kit_record(both[i]);
		for (r.padding = 1; r.padding <= 256; r.padding++)
			spoil_each_octet(*state, both[i], r);
	}
}

/* What the reference says of it, we say; and nothing else. */
static bool opens_as_the_reference(
	struct dtls_guards *g, enum dtls_guard how, const struct ref_record *r, struct ref_bytes b)
{
	uint8_t out[1024];
	uint8_t text[1024];
	const struct kit_wire w = kit_copy(out, ref_seal_blocks(how, r, b, out));
	size_t len = 0;
	const bool good = ref_open(how, r->key, (struct ref_bytes){ out, w.len }, text, &len);
	const struct kit_opened o = kit_open(g, how, r->key, w);
	assert_int_equal(o.good, good);
	if (good) {
		assert_int_equal(o.len, len);
		assert_memory_equal(o.plain, text, len);
	} else {
		assert_nothing_is_said(o, w);
	}
	free(w.at);
	return good;
}

/* Each octet says how many there are, and that may be more than there are. */
static void test_R044_more_padding_than_there_is_room_for(void **state)
{
	const struct ref_record etm = kit_record(DTLS_GUARD_ETM);
	for (size_t len = 16; len <= 272; len += 16) {
		for (size_t said = 0; said < 256; said++) {
			uint8_t blocks[272];
			memset(blocks, (int)said, sizeof(blocks));
			assert_int_equal(opens_as_the_reference(*state, DTLS_GUARD_ETM, &etm,
						 (struct ref_bytes){ blocks, len }),
				said < len);
		}
	}
}

/* Text, MAC and padding, where padding eats into the MAC or the text, or past them. */
static void test_R044_padding_over_the_mac(void **state)
{
	const struct ref_record mte = kit_record(DTLS_GUARD_MTE);
	for (size_t len = 48; len <= 304; len += 16) {
		for (size_t said = 0; said < 256; said++) {
			uint8_t blocks[304];
			/* the longest text that leaves room for a MAC and one octet: its octets say
			   the same as the padding */
			const size_t text = len - 33;
			memset(blocks, (int)said, sizeof(blocks));
			ref_mac(&mte, (struct ref_bytes){ blocks, text }, blocks + text);
			assert_int_equal(opens_as_the_reference(*state, DTLS_GUARD_MTE, &mte,
						 (struct ref_bytes){ blocks, len }),
				said == 0);
			/* and as much padding as is said, as far as there is room */
			const size_t room = said + 33 <= len ? len - said - 33 : 0;
			memset(blocks, (int)said, sizeof(blocks));
			ref_mac(&mte, (struct ref_bytes){ blocks, room }, blocks + room);
			assert_int_equal(opens_as_the_reference(*state, DTLS_GUARD_MTE, &mte,
						 (struct ref_bytes){ blocks, len }),
				said + 33 <= len);
		}
	}
}

/* Where MAC-then-encrypt could say too early that it is no record. */
static void test_R044_what_is_too_short_for_a_mac(void **state)
{
	const struct ref_record mte = kit_record(DTLS_GUARD_MTE);
	for (size_t len = 16; len <= 64; len += 16) {
		for (size_t said = 0; said < 256; said++) {
			uint8_t blocks[64];
			memset(blocks, (int)said, sizeof(blocks));
			assert_false(opens_as_the_reference(
				*state, DTLS_GUARD_MTE, &mte, (struct ref_bytes){ blocks, len }));
		}
	}
}

/* a wrong MAC and wrong padding look the same, whatever the text. */
static void test_R044_wrong_mac_and_wrong_padding_look_the_same(void **state)
{
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		for (size_t len = 0; len < 80; len++) {
			struct ref_record r = kit_record(both[i]);
			struct dtls_key other = kit_cbc_key;
			other.mac[len % 32] ^= 1;
			const struct kit_wire good = kit_ref_seal(both[i], &r, len);
			r.wrong = 1;
			const struct kit_wire padding = kit_ref_seal(both[i], &r, len);
			r.wrong = 0;
			r.key = &other;
			const struct kit_wire mac = kit_ref_seal(both[i], &r, len);
			assert_nothing_is_said(
				kit_open(*state, both[i], &kit_cbc_key, padding), padding);
			assert_nothing_is_said(kit_open(*state, both[i], &kit_cbc_key, mac), mac);
			assert_true(
				kit_is_text(kit_open(*state, both[i], &kit_cbc_key, good), len));
			free(good.at);
			free(padding.at);
			free(mac.at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GUARDS(test_R128_the_iv_is_what_was_random),
		WITH_GUARDS(test_R128_every_length_of_padding_opens),
		WITH_GUARDS(test_R129_longest_text_with_the_longest_padding),
		WITH_GUARDS(test_R044_a_wrong_octet_of_padding_does_not_open),
		WITH_GUARDS(test_R044_more_padding_than_there_is_room_for),
		WITH_GUARDS(test_R044_padding_over_the_mac),
		WITH_GUARDS(test_R044_what_is_too_short_for_a_mac),
		WITH_GUARDS(test_R044_wrong_mac_and_wrong_padding_look_the_same),
	};
	return cmocka_run_group_tests_name("dtls/guard_cbc", tests, NULL, NULL);
}
