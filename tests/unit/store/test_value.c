/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/key.h"
#include "store/value.h"

static const struct sip_key mac = { 1, 2 }, other = { 1, 3 };

static struct kv_slice slice(const uint8_t *octets, size_t len)
{
	return (struct kv_slice){ octets, len };
}

static struct value_meta meta(void)
{
	struct value_meta m;
	memset(&m, 0, sizeof(m));
	memset(m.uuid, 1, sizeof(m.uuid));
	memset(m.hot, 2, sizeof(m.hot));
	m.incarnation = 3;
	m.clean = true;
	m.unclean = 4;
	m.stale_since = 5;
	m.unsure_since = 6;
	m.cred_next = 7;
	m.slots = 8;
	m.watermark = 9;
	m.generation = 10;
	m.txn = 11;
	m.store_ms = 12;
	m.wall_ms = 13;
	return m;
}

static void test_meta_is_read_as_written_and_any_bit_that_flips_is_seen(void **state)
{
	(void)state;
	const struct value_meta m = meta();
	struct value_meta x;
	memset(&x, 0, sizeof(x));
	uint8_t octets[VALUE_META_MAX];
	const size_t len = value_meta_write(&m, &mac, octets, sizeof(octets));
	assert_true(len > 0);
	assert_true(value_meta_read(slice(octets, len), &mac, &x));
	assert_memory_equal(x.uuid, m.uuid, sizeof(m.uuid));
	assert_int_equal(x.wall_ms, 13);
	assert_int_equal(x.slots, 8);
	assert_true(x.clean && !x.anchored);
	assert_false(value_meta_read(slice(octets, len), &other, &x));
	for (size_t bit = 0; bit < len * 8; bit++) {
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(value_meta_read(slice(octets, len), &mac, &x));
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < len; n++)
		assert_false(value_meta_read(slice(octets, n), &mac, &x));
	assert_int_equal(x.incarnation, 0);
	assert_int_equal(value_meta_write(&m, &mac, octets, len), len);
	assert_int_equal(value_meta_write(&m, &mac, octets, len - 1), 0);
}

static struct value_lease lease(void)
{
	return (struct value_lease){ .id = { 9, 8, 7 },
		.incarnation = 1,
		.window = 2,
		.unclean = 3,
		.begin = 4,
		.write_end = 5,
		.read_end = UINT64_MAX,
		.watermark = 7 };
}

static void test_S1_a_lease_is_bound_to_its_slot_and_any_bit_that_flips_is_seen(void **state)
{
	(void)state;
	const struct value_lease l = lease();
	struct value_lease x;
	uint8_t octets[VALUE_LEASE_MAX];
	const size_t len = value_lease_write(&l, &mac, 77, octets, sizeof(octets));
	assert_true(value_lease_read(slice(octets, len), &mac, 77, &x));
	assert_memory_equal(x.id, l.id, sizeof(l.id));
	assert_true(x.incarnation == 1 && x.window == 2 && x.unclean == 3 && x.begin == 4);
	assert_true(x.write_end == 5 && x.read_end == UINT64_MAX && x.watermark == 7);
	assert_false(value_lease_read(slice(octets, len), &mac, 78, &x));
	assert_false(value_lease_read(slice(octets, len), &other, 77, &x));
	for (size_t bit = 0; bit < len * 8; bit++) {
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(value_lease_read(slice(octets, len), &mac, 77, &x));
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(value_lease_write(&l, &mac, 77, octets, len), len);
	assert_int_equal(value_lease_write(&l, &mac, 77, octets, len - 1), 0);
}

static void test_S28_the_head_of_a_credential_has_a_mac(void **state)
{
	(void)state;
	const struct store_cred_mark h = { .generation = 5, .proved = 5 };
	struct store_cred_mark x;
	struct kv_slice rest;
	uint8_t octets[VALUE_HEAD_MAX];
	const size_t len = value_cred_head_write(&h, &mac, 3, octets, sizeof(octets) - 1);
	octets[len] = 0x55; /* what is sealed begins here */
	assert_true(value_cred_head_read(slice(octets, len + 1), &mac, 3, &x, &rest));
	assert_int_equal(x.generation, 5);
	assert_false(x.active);
	assert_int_equal(rest.len, 1);
	assert_int_equal(*(const uint8_t *)rest.data, 0x55);
	assert_false(value_cred_head_read(slice(octets, len + 1), &mac, 4, &x, &rest));
	for (size_t bit = 0; bit < len * 8; bit++) {
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(value_cred_head_read(slice(octets, len), &mac, 3, &x, &rest));
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_an_association_is_read_as_written(void **state)
{
	(void)state;
	struct store_assoc a = { .cred = 4,
		.up_ms = 5,
		.path_ms = 5,
		.context_len = STORE_CONTEXT_MAX },
			   x = { 0 };
	a.path.role = STORE_LINK;
	a.path.peer = (struct net_addr){ .ip = { 0x20, 1 }, .port = 1, .family = NET_IPV6 };
	a.path.local = (struct net_addr){ .ip = { 10 }, .port = 2, .family = NET_IPV4 };
	memset(a.context, 'c', sizeof(a.context));
	uint8_t octets[VALUE_PLAIN_MAX];
	const size_t len = value_assoc_write(&a, octets, sizeof(octets));
	assert_true(value_assoc_read(slice(octets, len), &x));
	assert_memory_equal(&x, &a, sizeof(a));
	for (size_t n = 0; n < len; n++)
		assert_false(value_assoc_read(slice(octets, n), &x));
	assert_int_equal(value_assoc_write(&a, octets, len), len);
	assert_int_equal(value_assoc_write(&a, octets, len - 1), 0);
	a.context_len++;
	assert_int_equal(value_assoc_write(&a, octets, sizeof(octets)), 0);
}

static void test_an_association_is_written_as_it_was_before_there_were_CIDs(void **state)
{
	(void)state;
	/* By the program of schema 2. */
	static const uint8_t before[] = "\1\0\0\0\2\0\0\0\0\0\0\0\5\0"
					"\4\xc0\0\2\1\x16\x33\4\xc0\0\2\2\x16\x34"
					"\0\3key";
	static const struct store_assoc a = { .cred = 2,
		.up_ms = 5,
		.path_ms = 5,
		.path = { .peer = { .ip = { 192, 0, 2, 1 }, .port = 5683, .family = NET_IPV4 },
			.local = { .ip = { 192, 0, 2, 2 }, .port = 5684, .family = NET_IPV4 } },
		.context_len = 3,
		.context = "key" };
	struct store_assoc x = a;
	uint8_t octets[VALUE_PLAIN_MAX];
	/* Nothing of another row is left. */
	x.cid_len = x.cid[0] = 1;
	x.moves = 1;
	x.adrift = true;
	x.candidate.peer.family = x.stays[3].peer.family = NET_IPV4;
	assert_true(value_assoc_read(slice(before, sizeof(before) - 1), &x));
	assert_memory_equal(&x, &a, sizeof(a));
	assert_int_equal(value_assoc_write(&a, octets, sizeof(octets)), sizeof(before) - 1);
	assert_memory_equal(octets, before, sizeof(before) - 1);
}

static struct store_assoc roamer(void)
{
	struct store_assoc a = { .cred = 2,
		.up_ms = 5,
		.path_ms = 6,
		.path = { .peer = { .ip = { 192, 0, 2, 1 }, .port = 5683, .family = NET_IPV4 } },
		.candidate = { .role = STORE_DEVICE,
			.peer = { .ip = { 0x20, 1 }, .port = 7, .family = NET_IPV6 } },
		.adrift = true,
		.moves = 70000,
		.cid_len = STORE_CID_MAX,
		.context_len = 3,
		.context = "key" };
	memset(a.cid, 0xcd, sizeof(a.cid));
	for (unsigned i = 0; i < STORE_STAYS; i++)
		a.stays[i] = (struct store_stay){
			.peer = { .ip = { 10, (uint8_t)i }, .port = 8, .family = NET_IPV4 },
			.since_ms = 5 - i
		};
	return a;
}

static void test_R159_a_CID_and_where_it_is_are_read_as_written(void **state)
{
	(void)state;
	struct store_assoc a = roamer(), x = { 0 };
	uint8_t octets[VALUE_PLAIN_MAX];
	const size_t len = value_assoc_write(&a, octets, sizeof(octets));
	assert_true(value_assoc_read(slice(octets, len), &x));
	assert_memory_equal(&x, &a, sizeof(a));
	for (size_t n = 0; n < len; n++)
		assert_false(value_assoc_read(slice(octets, n), &x));
	assert_int_equal(value_assoc_write(&a, octets, len - 1), 0);
	octets[len] = 0;
	assert_false(value_assoc_read(slice(octets, len + 1), &x));
	a.cid_len = STORE_CID_MAX + 1;
	assert_int_equal(value_assoc_write(&a, octets, sizeof(octets)), 0);
}

/* Each of them alone is a reason for the longer layout. */
static void test_R159_nothing_of_a_history_is_left_out(void **state)
{
	(void)state;
	for (unsigned what = 0; what < 6; what++) {
		const struct store_assoc r = roamer();
		struct store_assoc a = { .up_ms = 5, .path_ms = 5 }, x = { 0 };
		uint8_t octets[VALUE_PLAIN_MAX];
		a.path_ms = what == 0 ? 6 : 5;
		a.adrift = what == 1;
		a.moves = what == 2;
		a.cid_len = a.cid[0] = what == 3;
		if (what == 4)
			a.candidate = r.candidate;
		if (what == 5)
			a.stays[0] = r.stays[0];
		const size_t len = value_assoc_write(&a, octets, sizeof(octets));
		assert_int_equal(octets[0], VALUE_LAYOUT_CIDS);
		assert_true(value_assoc_read(slice(octets, len), &x));
		assert_memory_equal(&x, &a, sizeof(a));
	}
}

static void test_an_association_is_written_in_one_way_only(void **state)
{
	(void)state;
	/* Behind a context of 3 and path_ms: adrift, moves, CID, candidate, stays. */
	enum { ADRIFT = 41, MOVES = 42, CID = 46, CANDIDATE = 47, STAYS = 48 };
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = { { ADRIFT, 2 }, { CID, STORE_CID_MAX + 1 }, { CANDIDATE, 2 }, { CANDIDATE, 1 },
		{ STAYS, STORE_STAYS + 1 }, { STAYS, 1 },
		{ MOVES + 3, 0 }, /* then there is nothing to tell */
		{ 0, VALUE_LAYOUT }, { 0, VALUE_LAYOUT_POLICIES }, { 0, VALUE_LAYOUT_POLICIES + 1 },
		{ 13, STORE_LINK + 1 } };
	struct store_assoc a = roamer(), x = { 0 };
	uint8_t octets[VALUE_PLAIN_MAX] = { 0 };
	a.path.local = a.path.peer;
	a.path_ms = a.up_ms;
	a.adrift = false;
	a.moves = 1;
	a.cid_len = 0;
	a.candidate = (struct store_path){ 0 };
	memset(a.stays, 0, sizeof(a.stays));
	const size_t len = value_assoc_write(&a, octets, sizeof(octets));
	assert_int_equal(len, STAYS + 1);
	assert_true(value_assoc_read(slice(octets, len), &x));
	assert_int_equal(x.moves, 1);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const uint8_t was = octets[bad[i].at];
		octets[bad[i].at] = bad[i].value;
		for (size_t more = 0; more < 40; more++) /* zeros follow */
			if (value_assoc_read(slice(octets, len + more), &x))
				fail_msg("row %zu, %zu more", i, more);
		octets[bad[i].at] = was;
	}
}

static void test_the_head_of_an_association_is_read_as_written(void **state)
{
	(void)state;
	struct value_assoc_head h = { .id = { 1 },
		.cred = 2,
		.generation = 3,
		.born = 3,
		.path = 4,
		.has_cid = true,
		.cid = 5 };
	uint8_t octets[VALUE_HEAD_MAX];
	for (int cid = 1; cid >= 0; cid--) {
		struct value_assoc_head x;
		struct kv_slice rest;
		h.has_cid = cid == 1;
		h.cid = cid == 1 ? 5 : 0;
		const size_t len = value_assoc_head_write(&h, octets, sizeof(octets) - 1);
		assert_int_equal(octets[0], cid == 1 ? VALUE_LAYOUT_CIDS : VALUE_LAYOUT);
		assert_true(value_assoc_head_read(slice(octets, len + 1), &x, &rest));
		assert_int_equal(rest.len, 1);
		assert_memory_equal(x.id, h.id, sizeof(h.id));
		assert_true(x.cred == 2 && x.generation == 3 && x.path == 4);
		assert_true(x.has_cid == h.has_cid && x.cid == h.cid);
		for (size_t n = 0; n < len; n++)
			assert_false(value_assoc_head_read(slice(octets, n), &x, &rest));
		octets[0] = VALUE_LAYOUT_POLICIES + 1;
		assert_false(value_assoc_head_read(slice(octets, len), &x, &rest));
	}
}

static void test_a_credential_is_read_as_written(void **state)
{
	(void)state;
	struct store_cred c = { .state = STORE_CRED_ACTIVE,
		.origin = STORE_BY_BOOTSTRAP,
		.changed_ms = 9,
		.identity_len = STORE_IDENTITY_MAX,
		.key_len = STORE_KEY_MAX,
		.upstream_identity_len = STORE_IDENTITY_MAX,
		.upstream_key_len = STORE_KEY_MAX };
	struct store_cred x = { 0 };
	memset(c.endpoint, 'e', STORE_ENDPOINT_MAX);
	memset(c.identity, 'i', sizeof(c.identity));
	memset(c.upstream_identity, 'u', sizeof(c.upstream_identity));
	memset(c.key, 'k', sizeof(c.key));
	memset(c.upstream_key, 'l', sizeof(c.upstream_key));
	uint8_t octets[VALUE_PLAIN_MAX];
	const size_t len = value_cred_write(&c, octets, sizeof(octets));
	assert_true(len > 0);
	assert_true(value_cred_read(slice(octets, len), &x));
	assert_memory_equal(&x, &c, sizeof(c));
	octets[1] = STORE_CRED_REVOKED + 1;
	assert_false(value_cred_read(slice(octets, len), &x));
	octets[1] = STORE_CRED_ACTIVE;
	octets[2] = STORE_BY_BOOTSTRAP + 1;
	assert_false(value_cred_read(slice(octets, len), &x));
	octets[2] = STORE_BY_BOOTSTRAP;
	octets[12] = 0; /* a NUL within the endpoint */
	assert_false(value_cred_read(slice(octets, len), &x));
	octets[12] = 'e';
	octets[11]++; /* its length */
	assert_false(value_cred_read(slice(octets, len), &x));
	octets[11]--;
	octets[0]++; /* another layout */
	assert_false(value_cred_read(slice(octets, len), &x));
}

static void test_a_PSK_is_written_octet_by_octet_as_it_was_before_there_were_kinds(void **state)
{
	(void)state;
	/* By the program of schema 1. */
	static const uint8_t before[] = "\1\0\1\0\0\1\xa0\xc4\xb7\xec\2\3dev\2i1\4\1\2\3\4\1u\1v";
	static const struct store_cred c = { .state = STORE_CRED_ACTIVE,
		.origin = STORE_BY_FILE,
		.changed_ms = UINT64_C(0x1a0c4b7ec02),
		.endpoint = "dev",
		.identity = "i1",
		.identity_len = 2,
		.key = { 1, 2, 3, 4 },
		.key_len = 4,
		.upstream_identity = "u",
		.upstream_identity_len = 1,
		.upstream_key = "v",
		.upstream_key_len = 1 };
	struct store_cred x = { .kind = STORE_CRED_CERTIFICATE, .pinned = true, .pin = { 1 } };
	uint8_t octets[VALUE_PLAIN_MAX];
	assert_true(value_cred_read(slice(before, sizeof(before) - 1), &x));
	assert_memory_equal(&x, &c, sizeof(c));
	assert_int_equal(value_cred_write(&c, octets, sizeof(octets)), sizeof(before) - 1);
	assert_memory_equal(octets, before, sizeof(before) - 1);
}

static void test_a_credential_of_another_kind_is_read_as_written(void **state)
{
	(void)state;
	enum { KIND = 1, PINNED = 2 };
	struct store_cred c = { .kind = STORE_CRED_CERTIFICATE,
		.pinned = true,
		.endpoint = "e",
		.identity = "name",
		.identity_len = 4 };
	struct store_cred x = { 0 };
	uint8_t octets[VALUE_PLAIN_MAX];
	memset(c.pin, 0x77, sizeof(c.pin));
	const size_t len = value_cred_write(&c, octets, sizeof(octets));
	assert_true(value_cred_read(slice(octets, len), &x));
	assert_memory_equal(&x, &c, sizeof(c));
	for (size_t n = 0; n < len; n++)
		assert_false(value_cred_read(slice(octets, n), &x));
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = { { KIND, STORE_CRED_PSK }, { KIND, STORE_CRED_RAW_KEY }, { KIND, 3 },
		{ PINNED, 2 }, { 0, VALUE_LAYOUT_POLICIES }, { 0, VALUE_LAYOUT_POLICIES + 1 } };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const uint8_t was = octets[bad[i].at];
		octets[bad[i].at] = bad[i].value;
		if (value_cred_read(slice(octets, len), &x))
			fail_msg("row %zu", i);
		octets[bad[i].at] = was;
	}
	c = (struct store_cred){ .kind = STORE_CRED_RAW_KEY, .endpoint = "e", .identity_len = 32 };
	const size_t raw = value_cred_write(&c, octets, sizeof(octets));
	assert_true(value_cred_read(slice(octets, raw), &x));
	assert_memory_equal(&x, &c, sizeof(c));
	octets[KIND] = STORE_CRED_PSK; /* that is written in one way only */
	assert_false(value_cred_read(slice(octets, raw), &x));
}

static void test_a_session_and_resumption_state_are_read_as_written(void **state)
{
	(void)state;
	struct store_session s = { .device = 1,
		.link = STORE_NO_SLOT,
		.worker = 2,
		.workers = 3,
		.registered = true,
		.lifetime_s = 4,
		.expires_ms = 5 },
			     t = { 0 };
	memset(s.location, 'l', STORE_LOCATION_MAX - 1);
	uint8_t octets[VALUE_PLAIN_MAX];
	size_t len = value_session_write(&s, octets, sizeof(octets));
	assert_true(value_session_read(slice(octets, len), &t));
	assert_memory_equal(&s, &t, sizeof(s));
	struct store_resume x = { .id_len = 32,
		.full_ms = 1,
		.until_ms = 2,
		.len = STORE_RESUME_MAX },
			    y = { 0 };
	memset(x.id, 3, sizeof(x.id));
	memset(x.session, 4, sizeof(x.session));
	len = value_resume_write(&x, x.born, octets, sizeof(octets));
	assert_true(value_resume_read(slice(octets, len), &y));
	assert_memory_equal(&x, &y, sizeof(x));
	for (size_t n = 0; n < len; n++)
		assert_false(value_resume_read(slice(octets, n), &y));
	x.len++;
	assert_int_equal(value_resume_write(&x, x.born, octets, sizeof(octets)), 0);
}

static void test_keys_are_in_the_order_of_their_numbers(void **state)
{
	(void)state;
	const struct key a = key_time_number(255, 9), b = key_time_number(256, 1);
	uint64_t at;
	uint32_t number;
	bool registered;
	assert_true(memcmp(a.octets, b.octets, a.len) < 0);
	assert_true(key_is_time_number(key_slice(&a), &at, &number));
	assert_true(at == 255 && number == 9);
	const struct key age = key_age(true, 7, 8);
	assert_true(key_is_age(key_slice(&age), &registered, &at, &number));
	assert_true(registered && at == 7 && number == 8);
	assert_false(key_is_age(key_slice(&a), &registered, &at, &number));
	assert_false(key_is_number(key_slice(&a), &number));
	const struct key early = key_time_hash(255, UINT64_MAX), late = key_time_hash(256, 1);
	uint64_t hash;
	assert_true(memcmp(early.octets, late.octets, early.len) < 0);
	assert_true(key_is_time_hash(key_slice(&late), &at, &hash));
	assert_true(at == 256 && hash == 1);
	assert_false(key_is_time_hash(key_slice(&a), &at, &hash));
	const struct key h = key_hash(258);
	assert_true(key_is_hash(key_slice(&h), &hash) && hash == 258);
	assert_false(key_is_hash(key_slice(&a), &hash));
	for (unsigned i = 0; i < KEY_TABLES; i++)
		assert_non_null(key_tables()[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meta_is_read_as_written_and_any_bit_that_flips_is_seen),
		cmocka_unit_test(
			test_S1_a_lease_is_bound_to_its_slot_and_any_bit_that_flips_is_seen),
		cmocka_unit_test(test_S28_the_head_of_a_credential_has_a_mac),
		cmocka_unit_test(test_an_association_is_read_as_written),
		cmocka_unit_test(test_an_association_is_written_as_it_was_before_there_were_CIDs),
		cmocka_unit_test(test_R159_a_CID_and_where_it_is_are_read_as_written),
		cmocka_unit_test(test_R159_nothing_of_a_history_is_left_out),
		cmocka_unit_test(test_an_association_is_written_in_one_way_only),
		cmocka_unit_test(test_the_head_of_an_association_is_read_as_written),
		cmocka_unit_test(test_a_credential_is_read_as_written),
		cmocka_unit_test(
			test_a_PSK_is_written_octet_by_octet_as_it_was_before_there_were_kinds),
		cmocka_unit_test(test_a_credential_of_another_kind_is_read_as_written),
		cmocka_unit_test(test_a_session_and_resumption_state_are_read_as_written),
		cmocka_unit_test(test_keys_are_in_the_order_of_their_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
