/* SPDX-License-Identifier: Apache-2.0 */
/* What values got with policies: how it is written, and that what has none of it stays as it
   was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/value.h"

static const struct sip_key mac = { 1, 2 }, other = { 1, 3 };

static struct kv_slice slice(const uint8_t *octets, size_t len)
{
	return (struct kv_slice){ octets, len };
}

/* The right MAC for what no writer writes: under number 3, of one octet of length and four. */
static void mac_anew(uint8_t *octets, size_t len, uint8_t table)
{
	uint8_t all[6 + VALUE_META_MAX] = { table, 4, 0, 0, 0, 3 };
	memcpy(all + 6, octets, len - 8);
	uint64_t is = sip_hash(&mac, all, 6 + len - 8);
	for (size_t i = 0; i < 8; i++, is >>= 8)
		octets[len - 1 - i] = (uint8_t)is;
}

/* --- verdicts --------------------------------------------------------------------------------- */

static struct store_verdict verdict(void)
{
	struct store_verdict v = { .cred = 3,
		.upto = 4,
		.upto_ms = 10,
		.at_ms = 5,
		.until_ms = 6,
		.event = 7,
		.device = 8,
		.upstream = 9 };
	memset(v.rule, 'r', STORE_RULE_MAX);
	return v;
}

static void test_S28_a_verdict_is_bound_to_its_credential_and_any_bit_that_flips_is_seen(
	void **state)
{
	(void)state;
	uint8_t octets[VALUE_VERDICT_MAX];
	struct store_verdict v = verdict(), x;
	for (unsigned flags = 0; flags < 16; flags++) {
		v.until_registration = (flags & 1) != 0;
		v.done = (flags & 2) != 0;
		v.device_ends = (flags & 4) != 0;
		v.upstream_ends = (flags & 8) != 0;
		const size_t len = value_verdict_write(&v, &mac, octets, sizeof(octets));
		assert_int_equal(len, sizeof(octets)); /* the longest rule */
		assert_true(value_verdict_read(slice(octets, len), &mac, 3, &x));
		assert_true(x.cred == 3 && x.upto == 4 && x.upto_ms == 10);
		assert_true(x.at_ms == 5 && x.until_ms == 6);
		assert_true(x.event == 7 && x.device == 8 && x.upstream == 9);
		assert_true(x.until_registration == v.until_registration && x.done == v.done);
		assert_true(x.device_ends == v.device_ends);
		assert_true(x.upstream_ends == v.upstream_ends);
		assert_string_equal(x.rule, v.rule);
		assert_false(value_verdict_read(slice(octets, len), &mac, 4, &x));
		assert_false(value_verdict_read(slice(octets, len), &other, 3, &x));
		assert_int_equal(x.cred, 0);
		for (size_t bit = 0; bit < len * 8; bit++) {
			octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(value_verdict_read(slice(octets, len), &mac, 3, &x));
			octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t n = 0; n < len; n++)
			assert_false(value_verdict_read(slice(octets, n), &mac, 3, &x));
		assert_int_equal(value_verdict_write(&v, &mac, octets, len - 1), 0);
	}
}

static void test_a_verdict_is_written_in_one_way_only(void **state)
{
	(void)state;
	enum { FLAGS = 36 };
	const struct store_verdict v = { .cred = 3, .done = true, .rule = "r" };
	struct store_verdict x;
	uint8_t octets[VALUE_VERDICT_MAX];
	const size_t len = value_verdict_write(&v, &mac, octets, sizeof(octets));
	for (unsigned flags = 0; flags < 256; flags++) {
		octets[FLAGS] = (uint8_t)flags;
		mac_anew(octets, len, KEY_VERDICT);
		assert_int_equal(value_verdict_read(slice(octets, len), &mac, 3, &x), flags < 16);
	}
}

/* --- credentials ------------------------------------------------------------------------------ */

static void test_S28_the_head_of_a_credential_says_what_each_wake_needs(void **state)
{
	(void)state;
	const struct store_cred_mark m = { .generation = 9,
		.proved = 7,
		.before = 5,
		.before_until_ms = 1000,
		.until_ms = 2000,
		.active = true };
	struct store_cred_mark x;
	struct kv_slice rest;
	uint8_t octets[VALUE_HEAD_MAX];
	const size_t len = value_cred_head_write(&m, &mac, 3, octets, sizeof(octets) - 1);
	assert_true(len > 0);
	octets[len] = 0x55; /* what is sealed begins here */
	assert_true(value_cred_head_read(slice(octets, len + 1), &mac, 3, &x, &rest));
	assert_true(x.generation == 9 && x.proved == 7 && x.before == 5 && x.active);
	assert_true(x.before_until_ms == 1000 && x.until_ms == 2000);
	assert_int_equal(rest.len, 1);
	assert_int_equal(*(const uint8_t *)rest.data, 0x55);
	assert_false(value_cred_head_read(slice(octets, len + 1), &mac, 4, &x, &rest));
	for (size_t bit = 0; bit < len * 8; bit++) {
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(value_cred_head_read(slice(octets, len), &mac, 3, &x, &rest));
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < len; n++)
		assert_false(value_cred_head_read(slice(octets, n), &mac, 3, &x, &rest));
}

static void test_the_head_of_a_credential_is_written_as_it_was_before_there_were_policies(
	void **state)
{
	(void)state;
	/* By the program of schema 3. */
	static const uint8_t before[] = "\1\0\0\0\0\0\0\0\4\1\x64\xf9\x25\x78\xab\xb7\xc0\x57";
	const struct store_cred_mark plain = { .generation = 4, .proved = 4 };
	uint8_t octets[VALUE_HEAD_MAX];
	struct sip_key any = { 0 };
	/* Its MAC is of a key that is not here: all but it. */
	assert_int_equal(
		value_cred_head_write(&plain, &any, 1, octets, sizeof(octets)), sizeof(before) - 1);
	assert_memory_equal(octets, before, 10);
	/* Each of these alone is a reason for the longer layout. */
	for (unsigned what = 0; what < 4; what++) {
		struct store_cred_mark m = plain, x;
		struct kv_slice rest;
		m.proved = what == 0 ? 3 : 4;
		m.before = what == 1;
		m.before_until_ms = what == 2;
		m.until_ms = what == 3;
		const size_t len = value_cred_head_write(&m, &mac, 1, octets, sizeof(octets));
		assert_int_equal(octets[0], VALUE_LAYOUT_POLICIES);
		assert_true(value_cred_head_read(slice(octets, len), &mac, 1, &x, &rest));
		assert_memory_equal(&x, &m, sizeof(m));
	}
}

static void test_the_head_of_a_credential_is_written_in_one_way_only(void **state)
{
	(void)state;
	enum { STATE = 9, UNTIL = 41 };
	const struct store_cred_mark m = { .generation = 9, .proved = 9, .until_ms = 1 };
	struct store_cred_mark x;
	struct kv_slice rest;
	uint8_t octets[VALUE_HEAD_MAX];
	const size_t len = value_cred_head_write(&m, &mac, 3, octets, sizeof(octets));
	mac_anew(octets, len, KEY_CRED);
	assert_true(value_cred_head_read(slice(octets, len), &mac, 3, &x, &rest));
	octets[STATE] = STORE_CRED_REVOKED + 1;
	mac_anew(octets, len, KEY_CRED);
	assert_false(value_cred_head_read(slice(octets, len), &mac, 3, &x, &rest));
	octets[STATE] = STORE_CRED_REVOKED;
	octets[UNTIL] = 0; /* then there is nothing to tell */
	mac_anew(octets, len, KEY_CRED);
	assert_false(value_cred_head_read(slice(octets, len), &mac, 3, &x, &rest));
}

static struct store_cred full(void)
{
	struct store_cred c = { .generation = 9,
		.kind = STORE_CRED_CERTIFICATE,
		.pinned = true,
		.identity_len = STORE_IDENTITY_MAX,
		.upstream_identity_len = STORE_IDENTITY_MAX,
		.upstream_key_len = STORE_KEY_MAX,
		.proved = 7,
		.until_ms = 2000,
		.labels_len = STORE_LABELS_MAX };
	memset(c.endpoint, 'e', STORE_ENDPOINT_MAX);
	memset(c.identity, 'i', sizeof(c.identity));
	memset(c.pin, 'p', sizeof(c.pin));
	memset(c.upstream_identity, 'u', sizeof(c.upstream_identity));
	memset(c.upstream_key, 'l', sizeof(c.upstream_key));
	for (unsigned i = 0; i < STORE_LABELS_MAX; i++)
		memset(c.labels[i], 'a' + (int)i, STORE_LABEL_MAX);
	c.before.generation = 5;
	c.before.until_ms = 1000;
	c.before.pinned = true;
	c.before.identity_len = STORE_IDENTITY_MAX;
	memset(c.before.pin, 'q', sizeof(c.before.pin));
	memset(c.before.identity, 'j', sizeof(c.before.identity));
	return c;
}

static void test_R216_labels_an_end_and_what_was_before_are_read_as_written(void **state)
{
	(void)state;
	const struct store_cred c = full();
	struct store_cred x = { .generation = 9 };
	uint8_t octets[VALUE_PLAIN_MAX];
	const size_t len = value_cred_write(&c, octets, sizeof(octets));
	assert_true(len > 0);
	assert_true(value_cred_read(slice(octets, len), &x));
	assert_memory_equal(&x, &c, sizeof(c));
	for (size_t n = 0; n < len; n++)
		assert_false(value_cred_read(slice(octets, n), &x));
	assert_int_equal(value_cred_write(&c, octets, len), len);
	assert_int_equal(value_cred_write(&c, octets, len - 1), 0);
	octets[len] = 0;
	assert_false(value_cred_read(slice(octets, len + 1), &x));
	x = c;
	x.labels_len++;
	assert_int_equal(value_cred_write(&x, octets, sizeof(octets)), 0);
}

static void test_nothing_of_another_row_is_left_in_a_credential(void **state)
{
	(void)state;
	struct store_cred plain = { .generation = 9, .proved = 9, .endpoint = "e", .key_len = 1 };
	struct store_cred x = full();
	uint8_t octets[VALUE_PLAIN_MAX];
	const size_t len = value_cred_write(&plain, octets, sizeof(octets));
	assert_int_equal(octets[0], VALUE_LAYOUT);
	assert_true(value_cred_read(slice(octets, len), &x));
	assert_int_equal(x.proved, 9);
	assert_true(x.until_ms == 0 && x.labels_len == 0 && x.labels[3][3] == '\0');
	assert_true(x.before.generation == 0 && x.before.identity[0] == 0 && !x.before.pinned);
	/* Each of these alone is a reason for the longer layout. */
	for (unsigned what = 0; what < 4; what++) {
		struct store_cred c = plain;
		c.proved = what == 0 ? 8 : 9;
		c.until_ms = what == 1;
		c.labels_len = what == 2;
		c.before.generation = what == 3;
		const size_t longer = value_cred_write(&c, octets, sizeof(octets));
		assert_int_equal(octets[0], VALUE_LAYOUT_POLICIES);
		x = (struct store_cred){ .generation = 9 };
		assert_true(value_cred_read(slice(octets, longer), &x));
		assert_memory_equal(&x, &c, sizeof(c));
	}
}

static void test_a_credential_is_written_in_one_way_only(void **state)
{
	(void)state;
	/* "e", a key of one octet, one label of one letter. */
	enum { KIND = 1, PINNED = 2, PROVED = 20, LABELS = 36, LABEL = 37, BEFORE = 39 };
	const struct store_cred c = { .generation = 9,
		.proved = 9,
		.endpoint = "e",
		.key_len = 1,
		.labels_len = 1,
		.labels = { "x" } };
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = { { 0, VALUE_LAYOUT }, { 0, VALUE_LAYOUT_KINDS }, { 0, 4 }, { KIND, 4 },
		{ PINNED, 1 }, { PINNED, 2 }, { LABELS, STORE_LABELS_MAX + 1 }, { LABELS, 0 },
		{ LABEL, STORE_LABEL_MAX + 1 }, { LABEL + 1, 0 } };
	struct store_cred x = { .generation = 9 };
	uint8_t octets[VALUE_PLAIN_MAX] = { 0 };
	const size_t len = value_cred_write(&c, octets, sizeof(octets));
	assert_int_equal(len, BEFORE + 8);
	assert_int_equal(octets[PROVED + 7], 9);
	assert_true(value_cred_read(slice(octets, len), &x));
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const uint8_t was = octets[bad[i].at];
		octets[bad[i].at] = bad[i].value;
		if (value_cred_read(slice(octets, len), &x))
			fail_msg("row %zu", i);
		octets[bad[i].at] = was;
	}
	/* One label more than there may be. */
	struct store_cred none = c;
	none.labels_len = STORE_LABELS_MAX;
	const size_t many = value_cred_write(&none, octets, sizeof(octets) - 1);
	assert_true(value_cred_read(slice(octets, many), &x));
	octets[LABELS]++;
	octets[many] = 0;
	assert_false(value_cred_read(slice(octets, many + 1), &x));
	/* Without a label it would be plain. */
	none.proved = 8;
	none.labels_len = 0;
	const size_t shorter = value_cred_write(&none, octets, sizeof(octets));
	assert_true(value_cred_read(slice(octets, shorter), &x));
	octets[PROVED + 7] = 9;
	assert_false(value_cred_read(slice(octets, shorter), &x));
}

/* --- when it was proved, and by what ---------------------------------------------------------- */

static struct store_proof proof(void)
{
	struct store_proof p = { .until_ms = 77, .len = STORE_CHAIN_MAX };
	memset(p.anchor, 'a', sizeof(p.anchor));
	memset(p.chain, 'c', sizeof(p.chain));
	return p;
}

static void test_an_association_says_when_it_was_proved_and_by_what(void **state)
{
	(void)state;
	uint8_t octets[VALUE_PLAIN_MAX];
	for (unsigned what = 1; what < 4; what++) {
		struct store_assoc a = { .generation = 3, .born = 3, .up_ms = 5, .path_ms = 5 };
		struct store_assoc x = { .generation = 3 };
		a.born += what & 1;
		if ((what & 2) != 0)
			a.proof = proof();
		const size_t len = value_assoc_write(&a, octets, sizeof(octets));
		assert_int_equal(octets[0], VALUE_LAYOUT_POLICIES);
		assert_true(value_assoc_read(slice(octets, len), &x));
		assert_memory_equal(&x, &a, sizeof(a));
		for (size_t n = 0; n < len; n++)
			assert_false(value_assoc_read(slice(octets, n), &x));
		assert_int_equal(value_assoc_write(&a, octets, len - 1), 0);
		x.generation = a.born; /* then it could be shorter, unless there is a proof */
		assert_int_equal(value_assoc_read(slice(octets, len), &x), (what & 2) != 0);
		a.proof.len = STORE_CHAIN_MAX + 1;
		assert_int_equal(value_assoc_write(&a, octets, sizeof(octets)), 0);
	}
}

static void test_a_proof_that_is_too_long_is_none(void **state)
{
	(void)state;
	struct store_assoc a = { .generation = 3, .born = 4 }, x = { .generation = 3 };
	uint8_t octets[VALUE_PLAIN_MAX] = { 0 };
	const size_t len = value_assoc_write(&a, octets, sizeof(octets));
	octets[len - 1] = STORE_CHAIN_MAX + 1;
	assert_false(value_assoc_read(slice(octets, len + 8 + sizeof(x.proof)), &x));
	/* Nothing of another row is left. */
	const struct store_assoc none = { .generation = 3, .born = 3 };
	x = (struct store_assoc){ .generation = 3, .born = 1, .proof = proof() };
	const size_t plain = value_assoc_write(&none, octets, sizeof(octets));
	assert_int_equal(octets[0], VALUE_LAYOUT);
	assert_true(value_assoc_read(slice(octets, plain), &x));
	assert_memory_equal(&x, &none, sizeof(x));
}

static void test_the_head_of_an_association_says_when_it_was_born(void **state)
{
	(void)state;
	uint8_t octets[VALUE_HEAD_MAX];
	for (int cid = 1; cid >= 0; cid--) {
		const struct value_assoc_head h = { .id = { 1 },
			.cred = 2,
			.generation = 3,
			.born = 9,
			.path = 4,
			.has_cid = cid == 1,
			.cid = cid == 1 ? 5 : 0 };
		struct value_assoc_head x;
		struct kv_slice rest;
		const size_t len = value_assoc_head_write(&h, octets, sizeof(octets) - 1);
		assert_int_equal(octets[0], VALUE_LAYOUT_POLICIES);
		assert_true(value_assoc_head_read(slice(octets, len + 1), &x, &rest));
		assert_int_equal(rest.len, 1);
		assert_true(x.cred == 2 && x.generation == 3 && x.born == 9 && x.path == 4);
		assert_true(x.has_cid == h.has_cid && x.cid == h.cid);
		for (size_t n = 0; n < len; n++)
			assert_false(value_assoc_head_read(slice(octets, n), &x, &rest));
		octets[44] = 3; /* born as of the generation: that is written without */
		assert_false(value_assoc_head_read(slice(octets, len), &x, &rest));
		octets[44] = 9;
		octets[45] = 2;
		assert_false(value_assoc_head_read(slice(octets, len), &x, &rest));
	}
}

static void test_resumption_state_says_when_it_was_proved_and_by_what(void **state)
{
	(void)state;
	struct store_resume a = { .id_len = 32,
		.generation = 3,
		.born = 2,
		.full_ms = 1,
		.until_ms = 2,
		.proof = proof(),
		.len = STORE_RESUME_MAX };
	struct store_resume x = { .generation = 3 };
	uint8_t octets[VALUE_PLAIN_MAX];
	memset(a.id, 3, sizeof(a.id));
	memset(a.session, 4, sizeof(a.session));
	size_t len = value_resume_write(&a, a.born, octets, sizeof(octets));
	assert_true(len > 0); /* the longest that there is fits a row */
	assert_true(value_resume_read(slice(octets, len), &x));
	assert_memory_equal(&x, &a, sizeof(a));
	for (size_t n = 0; n < len; n++)
		assert_false(value_resume_read(slice(octets, n), &x));
	a.proof = (struct store_proof){ 0 };
	len = value_resume_write(&a, 3, octets, sizeof(octets));
	assert_int_equal(octets[0], VALUE_LAYOUT);
	assert_true(value_resume_read(slice(octets, len), &x));
	assert_true(x.born == 3 && x.proof.len == 0);
	len = value_resume_write(&a, 2, octets, sizeof(octets));
	assert_int_equal(octets[0], VALUE_LAYOUT_POLICIES);
	assert_true(value_resume_read(slice(octets, len), &x));
	assert_int_equal(x.born, 2);
	x.generation = 2; /* then it could be shorter */
	assert_false(value_resume_read(slice(octets, len), &x));
	x.generation = 3;
	octets[0] = VALUE_LAYOUT_KINDS;
	assert_false(value_resume_read(slice(octets, len), &x));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test(f)
		T(test_S28_a_verdict_is_bound_to_its_credential_and_any_bit_that_flips_is_seen),
		T(test_a_verdict_is_written_in_one_way_only),
		T(test_the_head_of_a_credential_is_written_in_one_way_only),
		T(test_S28_the_head_of_a_credential_says_what_each_wake_needs),
		T(test_the_head_of_a_credential_is_written_as_it_was_before_there_were_policies),
		T(test_R216_labels_an_end_and_what_was_before_are_read_as_written),
		T(test_nothing_of_another_row_is_left_in_a_credential),
		T(test_a_credential_is_written_in_one_way_only),
		T(test_an_association_says_when_it_was_proved_and_by_what),
		T(test_a_proof_that_is_too_long_is_none),
		T(test_the_head_of_an_association_says_when_it_was_born),
		T(test_resumption_state_says_when_it_was_proved_and_by_what),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
