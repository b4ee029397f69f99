/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every protection of a record; what is CBC's alone: test_guard_cbc. */
#include "guard_kit.h"

#include <openssl/err.h>

/* client to server, epoch 1, number 5: the empty CON 40 00 12 34, computed without this code (and
   without this language). The first is Appendix A's of the requirements. */
static const uint8_t empty_con[] = { 0x40, 0x00, 0x12, 0x34 };
static const uint8_t vector_ccm_8[] = { 0x17, 0xfe, 0xfd, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x05, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x2d, 0xb0, 0x83, 0x3e,
	0xb0, 0xae, 0x76, 0x2f, 0xa4, 0xbd, 0x83, 0xd4 };
static const uint8_t vector_ccm[] = { 0x17, 0xfe, 0xfd, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x05, 0x00, 0x1c, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x2d, 0xb0, 0x83, 0x3e,
	0x64, 0x01, 0x81, 0x9a, 0xe5, 0x88, 0xd2, 0xb1, 0x3d, 0xf2, 0x9f, 0x56, 0xd8, 0x97, 0xb8,
	0x62 };
static const uint8_t vector_gcm[] = { 0x17, 0xfe, 0xfd, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x05, 0x00, 0x1c, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x26, 0x56, 0xe3, 0x09,
	0x2f, 0x2a, 0x2d, 0x40, 0xb7, 0xbb, 0xaf, 0xdc, 0xd5, 0xcd, 0x7e, 0x4e, 0x3d, 0x3e, 0xc1,
	0x32 };
static const uint8_t vector_etm[] = { 0x17, 0xfe, 0xfd, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x05, 0x00, 0x40, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,
	0xac, 0xad, 0xae, 0xaf, 0xab, 0x8a, 0x20, 0x30, 0x4d, 0x78, 0xd6, 0x63, 0xbd, 0x5d, 0x2c,
	0xa1, 0xd8, 0x0a, 0xa2, 0x2c, 0x0c, 0x35, 0xf3, 0xbe, 0xf0, 0x47, 0xc8, 0xb3, 0xb2, 0x3a,
	0x6a, 0x23, 0x04, 0x44, 0x1b, 0xdf, 0xb5, 0x41, 0x39, 0xb9, 0x37, 0x27, 0xa6, 0x49, 0x44,
	0x47, 0x27, 0x71, 0x39, 0xd8, 0xe4, 0xa0 };
static const uint8_t vector_mte[] = { 0x17, 0xfe, 0xfd, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x05, 0x00, 0x40, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,
	0xac, 0xad, 0xae, 0xaf, 0x41, 0xf7, 0x49, 0x3b, 0x8b, 0xf7, 0x5e, 0xe0, 0x88, 0xbd, 0xc2,
	0x42, 0xc6, 0x06, 0x3e, 0x01, 0xe9, 0xce, 0x07, 0x5b, 0x03, 0x22, 0xfe, 0x24, 0x21, 0x91,
	0xe4, 0xce, 0xe1, 0xa0, 0x2c, 0x71, 0x91, 0x72, 0xa6, 0xd6, 0x2d, 0xef, 0x96, 0x78, 0xcf,
	0x94, 0x27, 0x3f, 0x9a, 0x07, 0x52, 0x87 };
static const struct ref_bytes vectors[DTLS_GUARDS] = {
	[DTLS_GUARD_CCM_8] = { vector_ccm_8, sizeof(vector_ccm_8) },
	[DTLS_GUARD_CCM] = { vector_ccm, sizeof(vector_ccm) },
	[DTLS_GUARD_GCM] = { vector_gcm, sizeof(vector_gcm) },
	[DTLS_GUARD_ETM] = { vector_etm, sizeof(vector_etm) },
	[DTLS_GUARD_MTE] = { vector_mte, sizeof(vector_mte) },
};

static struct kit_wire vector(enum dtls_guard how)
{
	return kit_copy(vectors[how].at, vectors[how].len);
}

/* SP 800-38C example 3, and test case 4 of the GCM specification. */
static void test_R127_the_reference_itself_does_published_examples(void **state)
{
	(void)state;
	uint8_t key[16], nonce[12], aad[20], text[60], out[60], tag[16];
	for (size_t i = 0; i < 60; i++) {
		key[i % 16] = (uint8_t)(0x40 + i % 16);
		nonce[i % 12] = (uint8_t)(0x10 + i % 12);
		aad[i % 20] = (uint8_t)(i % 20);
		text[i] = (uint8_t)(0x20 + i);
	}
	const struct ref_aead ccm = { key, nonce, { aad, 20 }, 8 };
	ref_ccm(&ccm, true, (struct ref_bytes){ text, 24 }, out, tag);
	const uint8_t ccm_out[] = { 0xe3, 0xb2, 0x01, 0xa9, 0xf5, 0xb7, 0x1a, 0x7a, 0x9b, 0x1c,
		0xea, 0xec, 0xcd, 0x97, 0xe7, 0x0b, 0x61, 0x76, 0xaa, 0xd9, 0xa4, 0x42, 0x8a,
		0xa5 };
	const uint8_t ccm_tag[] = { 0x48, 0x43, 0x92, 0xfb, 0xc1, 0xb0, 0x99, 0x51 };
	assert_memory_equal(out, ccm_out, sizeof(ccm_out));
	assert_memory_equal(tag, ccm_tag, sizeof(ccm_tag));

	const uint8_t gcm_key[] = { 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a,
		0x8f, 0x94, 0x67, 0x30, 0x83, 0x08 };
	const uint8_t gcm_nonce[] = { 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca,
		0xf8, 0x88 };
	const uint8_t gcm_aad[] = { 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
		0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2 };
	const uint8_t gcm_text[] = { 0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59,
		0x09, 0xc5, 0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda,
		0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68,
		0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5,
		0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39 };
	const uint8_t gcm_tag[] = { 0x5b, 0xc9, 0x4f, 0xbc, 0x32, 0x21, 0xa5, 0xdb, 0x94, 0xfa,
		0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47 };
	const struct ref_aead gcm = { gcm_key, gcm_nonce, { gcm_aad, sizeof(gcm_aad) }, 16 };
	ref_gcm(&gcm, true, (struct ref_bytes){ gcm_text, sizeof(gcm_text) }, out, tag);
	assert_memory_equal(tag, gcm_tag, sizeof(gcm_tag));
}

static void test_R125_R127_R128_sealed_as_the_vectors(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		const size_t whole = vectors[how].len;
		struct kit_wire w = { malloc(whole), whole };
		assert_non_null(w.at);
		memset(w.at, 0xee, whole);
		memcpy(w.at + DTLS_RECORD_HEADER + dtls_guard_before(how), empty_con, 4);
		const struct dtls_sealing s = {
			.key = kit_key(how), .n = &kit_number, .random = kit_random
		};
		assert_int_equal(dtls_guard_seal(*state, how, &s, w.at, 4), whole);
		assert_memory_equal(w.at, vectors[how].at, whole);
		free(w.at);
	}
}

static void test_R125_R127_R128_vectors_are_opened(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		const struct kit_wire w = vector(how);
		const struct kit_opened o = kit_open(*state, how, kit_key(how), w);
		assert_true(o.good);
		assert_ptr_equal(o.plain, w.at + DTLS_RECORD_HEADER + dtls_guard_before(how));
		assert_int_equal(o.len, sizeof(empty_con));
		assert_memory_equal(o.plain, empty_con, sizeof(empty_con));
		free(w.at);
	}
}

/* Both ways with the reference: what we seal it opens, what it seals we open. */
static void go_round(struct dtls_guards *g, enum dtls_guard how, size_t len)
{
	const struct kit_wire ours = kit_seal(g, how, len);
	uint8_t *const text = malloc(ours.len);
	struct kit_opened o = { .plain = text };
	assert_non_null(text);
	o.good = ref_open(how, kit_key(how), (struct ref_bytes){ ours.at, ours.len }, text, &o.len);
	assert_true(kit_is_text(o, len));
	free(text);

	const struct ref_record r = kit_record(how);
	const struct kit_wire theirs = kit_ref_seal(how, &r, len);
	assert_int_equal(theirs.len, ours.len);
	assert_memory_equal(theirs.at, ours.at, ours.len);
	assert_true(kit_is_text(kit_open(g, how, kit_key(how), theirs), len));
	free(theirs.at);
	free(ours.at);
}

static void test_R125_R127_R128_every_length_is_as_the_reference_has_it(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		for (size_t len = 0; len <= 300; len++)
			go_round(*state, how, len);
	}
}

static void test_R129_longest_plaintext_goes_and_one_more_does_not(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		const size_t most = DTLS_PLAIN_MAX;
		go_round(*state, how, most - 1);
		go_round(*state, how, most);
		uint8_t *const big = calloc(1, DTLS_RECORD_HEADER + dtls_guard_body(how, most + 1));
		assert_non_null(big);
		const struct dtls_sealing s = {
			.key = kit_key(how), .n = &kit_number, .random = kit_random
		};
		assert_int_equal(dtls_guard_seal(*state, how, &s, big, most + 1), 0);
		free(big);
	}
}

/* Nothing is wrong with it but that it is one octet too long. */
static void test_R129_plaintext_over_the_limit_is_not_opened(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		const struct ref_record r = kit_record(how);
		const struct kit_wire w = kit_ref_seal(how, &r, DTLS_PLAIN_MAX + 1);
		const struct kit_opened o = kit_open(*state, how, kit_key(how), w);
		assert_false(o.good);
		for (size_t i = DTLS_RECORD_HEADER; i < w.len; i++)
			assert_int_equal(w.at[i], 0);
		free(w.at);
	}
}

static void spoil_each_bit(struct dtls_guards *g, enum dtls_guard how, size_t len)
{
	const struct kit_wire w = kit_seal(g, how, len);
	for (size_t bit = 0; bit < 8 * w.len; bit++) {
		w.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(kit_opens(g, how, w));
		w.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(kit_opens(g, how, w));
	free(w.at);
}

static void test_R127_every_bit_of_a_record_counts(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		for (size_t len = 0; len <= 21; len += 7)
			spoil_each_bit(*state, how, len);
	}
}

/* The parser is left out: nothing but the additional data, or the MAC's, can tell. */
static void test_R127_R128_type_version_epoch_and_number_are_authentic(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		for (int what = 0; what < 6; what++) {
			const struct kit_wire w = vector(how);
			struct dtls_record r = {
				.type = (uint8_t)(DTLS_DATA ^ (what == 1)),
				.version = (uint16_t)(DTLS_VERSION_1_2 ^ (what == 2 ? 2 : 0)),
				.epoch = (uint16_t)(1 ^ (what == 3)),
				.seq = 5 ^ (what == 4) ^ (uint64_t)(what == 5) << 47,
				.body = w.at + DTLS_RECORD_HEADER,
				.len = w.len - DTLS_RECORD_HEADER,
			};
			uint8_t *plain;
			size_t len;
			assert_int_equal(
				dtls_guard_open(*state, how, kit_key(how), &r, &plain, &len),
				what == 0);
			free(w.at);
		}
	}
}

/* Of the version that it says, it is authentic; but that was not agreed. */
static void test_R118_a_record_of_another_version_is_not_opened(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		struct ref_record r = kit_record(how);
		for (r.version = 0xfefb; r.version <= 0xfeff; r.version++) {
			const struct kit_wire w = kit_ref_seal(how, &r, 20);
			assert_int_equal(w.at[2], r.version & 0xff);
			assert_int_equal(kit_opens(*state, how, w), r.version == DTLS_VERSION_1_2);
			free(w.at);
		}
	}
}

static void test_R127_a_shorter_or_longer_body_does_not_open(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		const struct kit_wire w = kit_seal(*state, how, 40);
		const size_t whole = w.len - DTLS_RECORD_HEADER;
		for (size_t len = 0; len <= whole + 48; len++) {
			uint8_t *const body = calloc(1, len ? len : 1);
			assert_non_null(body);
			memcpy(body, w.at + DTLS_RECORD_HEADER, len < whole ? len : whole);
			const struct dtls_record r = {
				.type = DTLS_DATA,
				.version = DTLS_VERSION_1_2,
				.epoch = 1,
				.seq = 5,
				.body = body,
				.len = len,
			};
			uint8_t *plain;
			size_t text;
			assert_int_equal(
				dtls_guard_open(*state, how, kit_key(how), &r, &plain, &text),
				len == whole);
			free(body);
		}
		free(w.at);
	}
}

static void test_R127_R128_every_bit_of_a_key_counts(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		struct dtls_key key = *kit_key(how);
		for (size_t bit = 0; bit < 8 * sizeof(key); bit++) {
			uint8_t *const at = (uint8_t *)&key + bit / 8;
			const struct kit_wire w = vector(how);
			*at ^= (uint8_t)(1 << bit % 8);
			const bool in_key = bit / 8 < DTLS_KEY_LEN;
			const bool in_iv = !in_key && bit / 8 < DTLS_KEY_LEN + DTLS_IV_LEN;
			const bool counts = in_key || (kit_cbc(how) ? !in_iv : in_iv);
			assert_int_equal(kit_open(*state, how, &key, w).good, !counts);
			*at ^= (uint8_t)(1 << bit % 8);
			free(w.at);
		}
	}
}

static void test_R127_no_guard_opens_what_another_has_sealed(void **state)
{
	struct dtls_key both = kit_cbc_key;
	memcpy(both.iv, kit_aead_key.iv, sizeof(both.iv));
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		struct ref_record r = kit_record(how);
		r.key = &both;
		for (int other = 0; other < DTLS_GUARDS; other++) {
			const struct kit_wire w = kit_ref_seal(how, &r, 48);
			const bool good = kit_open(*state, (enum dtls_guard)other, &both, w).good;
			assert_int_equal(good, (int)how == other);
			free(w.at);
		}
	}
}

static void test_R125_explicit_nonce_is_the_sender_s_choice(void **state)
{
	static const uint8_t odd[8] = { 0x80, 1, 2, 3, 4, 5, 6, 7 };
	for (enum dtls_guard how = DTLS_GUARD_CCM_8; how <= DTLS_GUARD_GCM; how++) {
		struct ref_record r = kit_record(how);
		r.before = odd;
		for (size_t len = 0; len < 40; len += 3) {
			const struct kit_wire theirs = kit_ref_seal(how, &r, len);
			const struct kit_wire ours = kit_copy(theirs.at, theirs.len);
			memset(ours.at, 0xee, ours.len);
			kit_text(ours.at + DTLS_RECORD_HEADER + 8, len);
			const struct dtls_sealing s = {
				.key = kit_key(how), .n = &kit_number, .explicit_nonce = odd
			};
			assert_int_equal(dtls_guard_seal(*state, how, &s, ours.at, len), ours.len);
			assert_memory_equal(ours.at, theirs.at, ours.len);
			assert_true(kit_is_text(kit_open(*state, how, kit_key(how), theirs), len));
			free(theirs.at);
			free(ours.at);
		}
	}
	test_R125_R127_R128_sealed_as_the_vectors(state); /* by the same contexts */
}

static void test_I1_numbers_beyond_48_bits_are_not_sealed(void **state)
{
	uint8_t out[DTLS_RECORD_HEADER + DTLS_GUARD_OVERHEAD_MAX];
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		struct dtls_number n = { .type = DTLS_DATA, .epoch = 1, .seq = DTLS_SEQ_MAX };
		struct dtls_sealing s = { .key = kit_key(how), .n = &n, .random = kit_random };
		for (int under = 0; under < 2; under++) {
			n.seq = DTLS_SEQ_MAX;
			assert_int_not_equal(dtls_guard_seal(*state, how, &s, out, 0), 0);
			n.seq++;
			assert_int_equal(dtls_guard_seal(*state, how, &s, out, 0), 0);
			s.explicit_nonce = kit_nonce;
		}
	}
}

static void test_R135_an_empty_text_opens(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		const struct kit_wire w = kit_seal(*state, how, 0);
		const struct kit_opened o = kit_open(*state, how, kit_key(how), w);
		assert_true(o.good);
		assert_int_equal(o.len, 0);
		free(w.at);
	}
}

static void test_R123_R124_a_forged_record_leaves_no_trace(void **state)
{
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		const struct kit_wire forged = kit_seal(*state, how, 33);
		/* in the first octet of the text, in the last of all, in the explicit part */
		const size_t places[] = { DTLS_RECORD_HEADER + dtls_guard_before(how),
			forged.len - 1, DTLS_RECORD_HEADER };
		for (size_t i = 0; i < COUNT_OF(places); i++) {
			const struct kit_wire w = kit_copy(forged.at, forged.len);
			w.at[places[i]] ^= 1;
			const struct kit_opened o = kit_open(*state, how, kit_key(how), w);
			assert_false(o.good);
			assert_null(o.plain);
			assert_true(o.len == SIZE_MAX);
			for (size_t k = DTLS_RECORD_HEADER; k < w.len; k++)
				assert_int_equal(w.at[k], 0);
			assert_int_equal(ERR_peek_error(), 0);
			free(w.at);
		}
		free(forged.at);
	}
	/* and the contexts still work */
	test_R125_R127_R128_sealed_as_the_vectors(state);
	test_R125_R127_R128_vectors_are_opened(state);
}

static void test_I1_keys_guards_and_lengths_alternate_in_one_set(void **state)
{
	struct dtls_key other = { .key = { 1 }, .iv = { 2 }, .mac = { 3 } };
	for (size_t i = 0; i < 50; i++) {
		const enum dtls_guard how = (enum dtls_guard)(i * 3 % DTLS_GUARDS);
		struct ref_record r = kit_record(how);
		other.key[1] = (uint8_t)i;
		r.key = &other;
		const struct kit_wire w = kit_ref_seal(how, &r, i * i);
		assert_true(kit_is_text(kit_open(*state, how, &other, w), i * i));
		free(w.at);
		test_R125_R127_R128_sealed_as_the_vectors(state);
		test_R125_R127_R128_vectors_are_opened(state);
	}
}

static void test_R129_R130_what_a_caller_may_count_on(void **state)
{
	(void)state;
	static const size_t around[DTLS_GUARDS] = { 16, 24, 24, 64, 64 };
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		assert_true(dtls_guard_before(how) <= DTLS_GUARD_BEFORE_MAX);
		assert_int_equal(dtls_guard_body_min(how), around[how]);
		for (size_t len = 0; len <= DTLS_PLAIN_MAX; len++) {
			const size_t body = dtls_guard_body(how, len);
			assert_true(body >= dtls_guard_body_min(how));
			assert_true(body - len <= DTLS_GUARD_OVERHEAD_MAX);
			assert_true(body <= DTLS_CIPHER_MAX);
		}
	}
	assert_int_equal(dtls_guard_forged_max(DTLS_GUARD_CCM_8), 128);
	assert_int_equal(dtls_guard_forged_max(DTLS_GUARD_CCM), 1 << 23);
	assert_true(dtls_guard_forged_max(DTLS_GUARD_GCM) == UINT64_C(1) << 36);
	assert_true(dtls_guard_forged_max(DTLS_GUARD_ETM) == UINT64_MAX);
	assert_true(dtls_guard_forged_max(DTLS_GUARD_MTE) == UINT64_MAX);
	dtls_guards_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R127_the_reference_itself_does_published_examples),
		WITH_GUARDS(test_R125_R127_R128_sealed_as_the_vectors),
		WITH_GUARDS(test_R125_R127_R128_vectors_are_opened),
		WITH_GUARDS(test_R125_R127_R128_every_length_is_as_the_reference_has_it),
		WITH_GUARDS(test_R129_longest_plaintext_goes_and_one_more_does_not),
		WITH_GUARDS(test_R129_plaintext_over_the_limit_is_not_opened),
		WITH_GUARDS(test_R127_every_bit_of_a_record_counts),
		WITH_GUARDS(test_R127_R128_type_version_epoch_and_number_are_authentic),
		WITH_GUARDS(test_R118_a_record_of_another_version_is_not_opened),
		WITH_GUARDS(test_R127_a_shorter_or_longer_body_does_not_open),
		WITH_GUARDS(test_R127_R128_every_bit_of_a_key_counts),
		WITH_GUARDS(test_R127_no_guard_opens_what_another_has_sealed),
		WITH_GUARDS(test_R125_explicit_nonce_is_the_sender_s_choice),
		WITH_GUARDS(test_I1_numbers_beyond_48_bits_are_not_sealed),
		WITH_GUARDS(test_R135_an_empty_text_opens),
		WITH_GUARDS(test_R123_R124_a_forged_record_leaves_no_trace),
		WITH_GUARDS(test_I1_keys_guards_and_lengths_alternate_in_one_set),
		cmocka_unit_test(test_R129_R130_what_a_caller_may_count_on),
	};
	return cmocka_run_group_tests_name("dtls/guard", tests, NULL, NULL);
}
