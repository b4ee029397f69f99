/* SPDX-License-Identifier: Apache-2.0 */
/* Records with a connection id, and the ids themselves (RFC 9146). */
#include "guard_kit.h"

#include "dtls/assoc.h"
#include "dtls/cid.h"

enum { ROOM = DTLS_RECORD_HEADER + DTLS_CID_MAX + DTLS_GUARD_OVERHEAD_MAX + DTLS_PLAIN_MAX };

static const enum dtls_guard with_cid[] = { DTLS_GUARD_CCM_8, DTLS_GUARD_CCM, DTLS_GUARD_GCM,
	DTLS_GUARD_ETM };

static const uint8_t ours[] = { 0x2b, 5, 7, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7 };

static void fill(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 0x5a, len);
}

static struct dtls_sealing sealing(enum dtls_guard how, const struct dtls_number *n, size_t inner)
{
	return (struct dtls_sealing){
		.key = kit_key(how), .n = n, .random = kit_random, .inner = inner
	};
}

/* A record of a peer whose CIDs are not ours, as its header says. */
static struct dtls_record record_of(uint8_t *at, size_t len, size_t cid_len)
{
	struct dtls_record r = { .type = at[0], .version = DTLS_VERSION_1_2, .epoch = 1 };
	assert_true(len >= DTLS_RECORD_HEADER + cid_len);
	for (size_t i = 5; i < 11; i++)
		r.seq = r.seq << 8 | at[i];
	r.cid = at + 11;
	r.cid_len = cid_len;
	r.body = at + DTLS_RECORD_HEADER + cid_len;
	r.len = (size_t)at[11 + cid_len] << 8 | at[12 + cid_len];
	assert_int_equal(dtls_record_whole(&r), len);
	return r;
}

/* --- vectors --------------------------------------------------------------------------------- */

struct vector {
	enum dtls_guard how;
	struct dtls_key key;
	size_t cid_len, inner;
	const char *hex;
};

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	for (; hex[2 * n] != 0; n++) {
		const char digits[] = { hex[2 * n], hex[2 * n + 1], 0 };
		out[n] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

static const struct vector vectors[] = {
	/* Computed with CCM over AES-ECB by hand, apart from this program. */
	{ .how = DTLS_GUARD_CCM_8,
		.key = { .key = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81,
				 0xbf, 0x7c, 0xae, 0x5b, 0x31 },
			.iv = { 0x3a, 0x5b, 0x37, 0x0c } },
		.cid_len = 8,
		.inner = 5,
		.hex = "19fefd0001000000000005c1c2c3c4c5c6c7c80015"
		       "00010000000000052db0833efb27a81b24b2669d64" },
	/* Computed with Python's hmac and the openssl program: three zeros, RFC 9146 5.2. */
	{ .how = DTLS_GUARD_ETM,
		.key = { .key = { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a,
				 0x1b, 0x1c, 0x1d, 0x1e, 0x1f },
			.mac = { 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a,
				0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55,
				0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f } },
		.cid_len = 11,
		.inner = 8,
		.hex = "19fefd00010000000000052b0507a0a1a2a3a4a5a6a70040"
		       "808182838485868788898a8b8c8d8e8f002f7ed63ef736946b30586f1baf371f"
		       "ff930d1ad67c5a7a4ec71bc094125c30c5b16f1411c2fd88d80c674873db4128" },
};

static void test_R146_R148_vectors(void **state)
{
	struct dtls_guards *const g = *state;
	static const uint8_t text[] = { 0x40, 0x00, 0x12, 0x34 };
	static const uint8_t iv[] = { 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
		0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f };
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct vector *const v = &vectors[i];
		uint8_t want[128], out[128];
		const size_t want_len = from_hex(v->hex, want);
		const struct dtls_number n = { .type = DTLS_DATA,
			.epoch = 1,
			.seq = 5,
			.cid = want + 11,
			.cid_len = v->cid_len };
		const struct dtls_sealing s = {
			.key = &v->key, .n = &n, .random = iv, .inner = v->inner
		};
		memcpy(out + DTLS_RECORD_HEADER + v->cid_len + dtls_guard_before(v->how), text, 4);
		assert_int_equal(dtls_guard_seal(g, v->how, &s, out, 4), want_len);
		assert_memory_equal(out, want, want_len);
		const struct dtls_record r = record_of(out, want_len, v->cid_len);
		uint8_t *plain = NULL;
		size_t len = 0;
		assert_true(dtls_guard_open(g, v->how, &v->key, &r, &plain, &len));
		assert_int_equal(len, 4);
		assert_memory_equal(plain, text, 4);
		assert_int_equal(dtls_guard_type(&r, plain, len), DTLS_DATA);
	}
}

/* RFC 9146 5.3, put together here once more. */
static void test_R146_additional_data_against_the_reference(void **state)
{
	struct dtls_guards *const g = *state;
	static const size_t cid_lens[] = { 1, 8, 11, 20, 255 };
	for (size_t c = 0; c < COUNT_OF(cid_lens); c++) {
		for (unsigned how = DTLS_GUARD_CCM_8; how <= DTLS_GUARD_GCM; how++) {
			const size_t n = cid_lens[c], inner = 21;
			uint8_t out[512], aad[300], nonce[12], sealed[64], tag[16], cid[255];
			memset(cid, 0xc3, sizeof(cid));
			const struct dtls_number number = {
				.type = DTLS_DATA, .epoch = 1, .seq = 5, .cid = cid, .cid_len = n
			};
			const struct dtls_sealing s = sealing((enum dtls_guard)how, &number, inner);
			uint8_t *const body = out + DTLS_RECORD_HEADER + n;
			kit_text(body + 8, 10);
			uint8_t text[64] = { 0 };
			memcpy(text, body + 8, 10);
			text[10] = DTLS_DATA;
			const size_t whole = dtls_guard_seal(g, (enum dtls_guard)how, &s, out, 10);
			const size_t tag_len = how == DTLS_GUARD_CCM_8 ? 8 : 16;
			assert_int_equal(whole, DTLS_RECORD_HEADER + n + 8 + inner + tag_len);
			memset(aad, 0xff, 8);
			memcpy(aad + 8, (const uint8_t[]){ 25, (uint8_t)n, 25, 0xfe, 0xfd }, 5);
			memcpy(aad + 13, kit_nonce, 8);
			memcpy(aad + 21, cid, n);
			aad[21 + n] = 0;
			aad[22 + n] = (uint8_t)inner;
			memcpy(nonce, kit_aead_key.iv, 4);
			memcpy(nonce + 4, kit_nonce, 8);
			const struct ref_aead a = { .key = kit_aead_key.key,
				.nonce = nonce,
				.aad = { aad, 23 + n },
				.tag_len = tag_len };
			const struct ref_bytes in = { text, inner };
			if (how == DTLS_GUARD_GCM)
				ref_gcm(&a, true, in, sealed, tag);
			else
				ref_ccm(&a, true, in, sealed, tag);
			assert_memory_equal(body, kit_nonce, 8);
			assert_memory_equal(body + 8, sealed, inner);
			assert_memory_equal(body + 8 + inner, tag, tag_len);
		}
	}
}

/* --- what opens ------------------------------------------------------------------------------ */

static size_t seal_as(struct dtls_guards *g, enum dtls_guard how, const struct dtls_number *n,
	size_t len, size_t inner, uint8_t *out)
{
	const struct dtls_sealing s = sealing(how, n, inner);
	kit_text(out + DTLS_RECORD_HEADER + n->cid_len + dtls_guard_before(how), len);
	return dtls_guard_seal(g, how, &s, out, len);
}

static const struct dtls_number with_ours = {
	.type = DTLS_HANDSHAKE, .epoch = 1, .seq = 5, .cid = ours, .cid_len = sizeof(ours)
};

static void test_R150_zeros_are_taken_off(void **state)
{
	struct dtls_guards *const g = *state;
	static const size_t zeros[] = { 0, 1, 15, 16, 500 };
	for (size_t i = 0; i < COUNT_OF(with_cid) * COUNT_OF(zeros); i++) {
		const enum dtls_guard how = with_cid[i % COUNT_OF(with_cid)];
		const size_t pad = zeros[i / COUNT_OF(with_cid)];
		uint8_t out[1024], text[9], *plain = NULL;
		const size_t whole = seal_as(g, how, &with_ours, 9, 10 + pad, out);
		assert_true(whole > 0);
		struct kit_wire w = kit_copy(out, whole);
		uint8_t *at = w.at;
		struct dtls_record r;
		size_t left = w.len, len = 0;
		assert_true(dtls_record_next(&at, &left, &r));
		assert_int_equal(left, 0);
		assert_int_equal(r.cid_len, sizeof(ours));
		assert_true(dtls_guard_open(g, how, kit_key(how), &r, &plain, &len));
		assert_int_equal(len, 9);
		assert_int_equal(dtls_guard_type(&r, plain, len), DTLS_HANDSHAKE);
		kit_text(text, 9);
		assert_memory_equal(plain, text, 9);
		free(w.at);
	}
}

/* Also a text that ends with zeros keeps them: the type stands behind it. */
static void test_R150_zeros_of_the_text_stay(void **state)
{
	struct dtls_guards *const g = *state;
	uint8_t out[256] = { 0 }, *plain = NULL;
	size_t len = 0;
	const struct dtls_sealing s = sealing(DTLS_GUARD_CCM_8, &with_ours, 32);
	memset(out + DTLS_RECORD_HEADER + sizeof(ours) + 8, 0, 12);
	const size_t whole = dtls_guard_seal(g, DTLS_GUARD_CCM_8, &s, out, 12);
	const struct dtls_record r = record_of(out, whole, sizeof(ours));
	assert_true(dtls_guard_open(g, DTLS_GUARD_CCM_8, &kit_aead_key, &r, &plain, &len));
	assert_int_equal(len, 12);
}

static void test_R150_nothing_but_zeros_does_not_open(void **state)
{
	struct dtls_guards *const g = *state;
	struct dtls_number n = with_ours;
	n.type = 0;
	for (size_t i = 0; i < COUNT_OF(with_cid); i++) {
		uint8_t out[256], *plain = NULL;
		size_t len = 0;
		const size_t whole = seal_as(g, with_cid[i], &n, 0, 16, out);
		const struct dtls_record r = record_of(out, whole, sizeof(ours));
		assert_false(
			dtls_guard_open(g, with_cid[i], kit_key(with_cid[i]), &r, &plain, &len));
	}
}

static void test_R150_at_most_2_to_14_inside(void **state)
{
	struct dtls_guards *const g = *state;
	uint8_t *const out = malloc(ROOM);
	assert_non_null(out);
	for (size_t i = 0; i < COUNT_OF(with_cid); i++) {
		uint8_t *plain = NULL;
		size_t len = 0;
		assert_int_equal(seal_as(g, with_cid[i], &with_ours, DTLS_PLAIN_MAX,
					 DTLS_PLAIN_MAX + 1, out),
			0);
		const size_t whole = seal_as(
			g, with_cid[i], &with_ours, DTLS_PLAIN_MAX - 1, DTLS_PLAIN_MAX, out);
		const struct dtls_record r = record_of(out, whole, sizeof(ours));
		assert_true(
			dtls_guard_open(g, with_cid[i], kit_key(with_cid[i]), &r, &plain, &len));
		assert_int_equal(len, DTLS_PLAIN_MAX - 1);
	}
	free(out);
}

/* Sealed one way, and shown as if it were the other; or with one bit of the CID turned. */
static void test_R149_R144_neither_form_opens_as_the_other(void **state)
{
	struct dtls_guards *const g = *state;
	for (size_t i = 0; i < COUNT_OF(with_cid); i++) {
		const enum dtls_guard how = with_cid[i];
		uint8_t out[256], *plain = NULL;
		size_t len = 0;
		const size_t whole = seal_as(g, how, &with_ours, 9, 10, out);
		struct dtls_record r = record_of(out, whole, sizeof(ours));
		r.cid_len = 0;
		for (unsigned type = DTLS_ALERT; type <= DTLS_CID; type++) {
			uint8_t body[256];
			memcpy(body, r.body, r.len);
			struct dtls_record classic = r;
			classic.body = body;
			classic.type = (uint8_t)type;
			assert_false(dtls_guard_open(g, how, kit_key(how), &classic, &plain, &len));
		}
		struct dtls_record other = record_of(out, whole, sizeof(ours));
		uint8_t cid[sizeof(ours)];
		memcpy(cid, ours, sizeof(ours));
		cid[10] ^= 1;
		other.cid = cid;
		assert_false(dtls_guard_open(g, how, kit_key(how), &other, &plain, &len));
		struct kit_wire w = kit_seal(g, how, 9);
		struct dtls_record with = record_of(w.at, w.len, 0);
		with.type = DTLS_CID;
		with.cid = ours;
		with.cid_len = sizeof(ours);
		assert_false(dtls_guard_open(g, how, kit_key(how), &with, &plain, &len));
		free(w.at);
	}
}

static void test_R147_never_with_mac_then_encrypt(void **state)
{
	struct dtls_guards *const g = *state;
	uint8_t out[256];
	assert_false(dtls_guard_takes_cid(DTLS_GUARD_MTE));
	assert_int_equal(seal_as(g, DTLS_GUARD_MTE, &with_ours, 9, 10, out), 0);
}

/* --- associations ---------------------------------------------------------------------------- */

struct two {
	struct dtls_assoc from, to;
	struct dtls_sealer sealer;
	uint8_t cid[DTLS_CID_MAX];
};

static void two_init(struct two *t, struct dtls_guards *g, size_t cid_len)
{
	memset(t, 0, sizeof(*t));
	memset(t->cid, 0x77, sizeof(t->cid));
	if (cid_len == sizeof(ours))
		memcpy(t->cid, ours, sizeof(ours));
	t->from.out = t->to.in = kit_aead_key;
	t->from.write_end = t->to.read_end = UINT64_MAX;
	t->from.cid_out = t->cid;
	t->from.cid_out_len = (uint8_t)cid_len;
	t->sealer = (struct dtls_sealer){ .guards = g, .random = fill };
}

static void test_R142_peers_may_have_ids_of_any_length(void **state)
{
	for (size_t cid_len = 1; cid_len <= DTLS_CID_MAX; cid_len++) {
		struct two t;
		uint8_t out[400];
		two_init(&t, *state, cid_len);
		kit_text(out + dtls_assoc_before(&t.from), 20);
		const size_t whole = dtls_assoc_seal(&t.from, &t.sealer, DTLS_DATA, out, 20);
		assert_int_equal(whole, dtls_assoc_size(&t.from, &t.sealer, 20));
		assert_int_equal(whole, 13 + cid_len + 8 + 21 + 8);
		assert_int_equal(out[0], DTLS_CID); /* */
		const struct dtls_record r = record_of(out, whole, cid_len);
		assert_memory_equal(r.cid, t.cid, cid_len);
	}
}

static void test_R151_padding_hides_how_long_a_text_is(void **state)
{
	static const size_t buckets[] = { 0, 1, 16, 32, 100 };
	struct two t;
	uint8_t out[DTLS_RECORD_HEADER + 300];
	two_init(&t, *state, sizeof(ours));
	for (size_t b = 0; b < COUNT_OF(buckets); b++) {
		t.sealer.bucket = buckets[b];
		const size_t bucket = buckets[b] > 0 ? buckets[b] : 1;
		for (size_t len = 0; len < 200; len++) {
			const size_t inner = dtls_assoc_inner(&t.from, &t.sealer, len);
			assert_true(inner > len && inner <= len + bucket);
			assert_int_equal(inner % bucket, 0);
			assert_int_equal(dtls_assoc_seal(&t.from, &t.sealer, DTLS_DATA, out, len),
				dtls_assoc_size(&t.from, &t.sealer, len));
		}
	}
}

/* What the peer cannot take is not padded to. */
static void test_R151_padding_keeps_to_max_fragment_length(void **state)
{
	struct two t;
	two_init(&t, *state, sizeof(ours));
	t.sealer.bucket = 100;
	t.from.pad_max = 512;
	assert_int_equal(dtls_assoc_inner(&t.from, &t.sealer, 450), 500);
	assert_int_equal(dtls_assoc_inner(&t.from, &t.sealer, 505), 512);
	assert_int_equal(dtls_assoc_inner(&t.from, &t.sealer, 512), 513);
	t.from.pad_max = 0;
	assert_int_equal(dtls_assoc_inner(&t.from, &t.sealer, 16380), DTLS_PLAIN_MAX);
	assert_int_equal(dtls_assoc_text_max(&t.from), DTLS_PLAIN_MAX - 1);
}

static void test_R144_an_association_hears_only_what_was_agreed(void **state)
{
	struct two t;
	uint8_t out[128], *plain = NULL;
	size_t len = 0;
	two_init(&t, *state, sizeof(ours));
	for (unsigned i = 0; i < 3; i++) {
		t.to.cid_in_len = i == 0 ? 0 : sizeof(ours);
		memcpy(t.to.cid_in, ours, sizeof(ours));
		t.to.cid_in[5] ^= i == 1; /* another's */
		kit_text(out + dtls_assoc_before(&t.from), 20);
		const size_t whole = dtls_assoc_seal(&t.from, &t.sealer, DTLS_DATA, out, 20);
		const struct dtls_record r = record_of(out, whole, sizeof(ours));
		assert_int_equal(dtls_assoc_open(&t.to, t.sealer.guards, &r, &plain, &len),
			i == 2 ? DTLS_OPENED : DTLS_STRAY);
		assert_int_equal(t.to.window.next > 0, i == 2);
	}
	t.from.cid_out_len = 0; /* classic, with the same keys */
	kit_text(out + dtls_assoc_before(&t.from), 20);
	const size_t whole = dtls_assoc_seal(&t.from, &t.sealer, DTLS_DATA, out, 20);
	const struct dtls_record r = record_of(out, whole, 0);
	assert_int_equal(dtls_assoc_open(&t.to, t.sealer.guards, &r, &plain, &len), DTLS_STRAY);
}

/* --- ours ------------------------------------------------------------------------------------ */

static void test_S25_layout_says_its_length(void **state)
{
	(void)state;
	uint8_t random[DTLS_CID_RANDOM_MAX], cid[DTLS_CID_OURS_MAX];
	memset(random, 0xee, sizeof(random));
	for (unsigned n = DTLS_CID_RANDOM_MIN; n <= DTLS_CID_RANDOM_MAX; n++) {
		const struct dtls_cid_form f = { .node = 5, .worker = 7, .random = (uint8_t)n };
		const size_t len = dtls_cid_make(&f, random, cid);
		assert_int_equal(len, 3 + n);
		assert_int_equal(dtls_cid_len(cid[0]), len);
		assert_int_equal(cid[1], 5);
		assert_int_equal(cid[2], 7);
		assert_memory_equal(cid + 3, random, n);
	}
	size_t known = 0;
	for (unsigned first = 0; first < 256; first++)
		known += dtls_cid_len((uint8_t)first) > 0;
	assert_int_equal(known, DTLS_CID_RANDOM_MAX - DTLS_CID_RANDOM_MIN + 1);
}

static void test_R145_records_of_any_length_are_bounded(void **state)
{
	uint8_t out[256];
	const size_t whole = seal_as(*state, DTLS_GUARD_CCM_8, &with_ours, 9, 10, out);
	for (size_t cut = 0; cut <= whole; cut++) {
		struct kit_wire w = kit_copy(out, cut);
		uint8_t *at = w.at;
		size_t left = cut;
		struct dtls_record r;
		assert_int_equal(dtls_record_next(&at, &left, &r), cut == whole);
		free(w.at);
	}
	for (unsigned first = 0; first < 256; first++) { /* nobody knows where it ends */
		uint8_t *at = out;
		size_t left = whole;
		struct dtls_record r;
		out[11] = (uint8_t)first;
		if (dtls_cid_len((uint8_t)first) == 0)
			assert_false(dtls_record_next(&at, &left, &r));
	}
}

static void test_the_table_finds_who_is_in_it(void **state)
{
	enum { MANY = 1000 };
	struct dtls_cids t;
	struct dtls_assoc *const as = calloc(MANY, sizeof(*as));
	struct dtls_cid_link *const links = calloc(MANY, sizeof(*links));
	(void)state;
	assert_non_null(as);
	assert_non_null(links);
	assert_true(dtls_cids_init(&t));
	for (size_t i = 0; i < MANY; i++) {
		as[i].cid_in_len = 11;
		memcpy(as[i].cid_in, &i, sizeof(i));
		links[i] = (struct dtls_cid_link){ .hash = i % 300, .assoc = &as[i] };
		dtls_cids_add(&t, &links[i]);
	}
	for (size_t i = 0; i < MANY; i += 2)
		dtls_cids_remove(&t, &links[i]);
	dtls_cids_remove(&t, &links[0]); /* once more does nothing */
	assert_int_equal(t.count, MANY / 2);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(
			dtls_cids_find(&t, i % 300, as[i].cid_in, 11), i % 2 ? &links[i] : NULL);
	assert_null(dtls_cids_find(&t, 1, as[1].cid_in, 10));
	dtls_cids_fini(&t);
	free(links);
	free(as);
}

static int set_up(void **state)
{
	*state = dtls_guards_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	dtls_guards_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R146_R148_vectors),
		cmocka_unit_test(test_R146_additional_data_against_the_reference),
		cmocka_unit_test(test_R150_zeros_are_taken_off),
		cmocka_unit_test(test_R150_zeros_of_the_text_stay),
		cmocka_unit_test(test_R150_nothing_but_zeros_does_not_open),
		cmocka_unit_test(test_R150_at_most_2_to_14_inside),
		cmocka_unit_test(test_R149_R144_neither_form_opens_as_the_other),
		cmocka_unit_test(test_R147_never_with_mac_then_encrypt),
		cmocka_unit_test(test_R142_peers_may_have_ids_of_any_length),
		cmocka_unit_test(test_R151_padding_hides_how_long_a_text_is),
		cmocka_unit_test(test_R151_padding_keeps_to_max_fragment_length),
		cmocka_unit_test(test_R144_an_association_hears_only_what_was_agreed),
		cmocka_unit_test(test_S25_layout_says_its_length),
		cmocka_unit_test(test_R145_records_of_any_length_are_bounded),
		cmocka_unit_test(test_the_table_finds_who_is_in_it),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
