/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of devices that come by short messages: what they are, and beside which others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/cred_rules.h"
#include "store/value.h"
#include "unit/store/nursery.h"

static struct store_cred cred(const char *endpoint, const char *number)
{
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.key_len = 32,
		.key = { 1, 2, 3 },
		.identity_len = (uint8_t)strlen(number),
		.sms = { .profile = STORE_SMS_CR_004,
			.spi2 = 0x01,
			.kic = 0x12,
			.kid = 0x22,
			.tar = { 0xbf, 0xff, 0x17 },
			.cc_len = 4 } };
	memcpy(c.endpoint, endpoint, strlen(endpoint) + 1);
	memcpy(c.identity, number, strlen(number));
	return c;
}

static void test_it_has_a_number_and_two_keys(void **state)
{
	(void)state;
	const struct store_cred good = cred("e", "491511");
	struct store_cred c = good;
	assert_true(cred_is_sound(&c));
	static const uint8_t lens[] = { 0, 16, 31, 33, 49, 63 };
	for (size_t i = 0; i < sizeof(lens); i++) {
		c.key_len = lens[i];
		assert_false(cred_is_sound(&c));
	}
	c = good;
	c.identity[2] = '+';
	assert_false(cred_is_sound(&c));
	c = cred("e", "1234567890123456"); /* E.164 has 15 */
	assert_false(cred_is_sound(&c));
	c = good;
	c.sms.profile = STORE_SMS_PROFILES;
	assert_false(cred_is_sound(&c));
	c = good;
	c.sms.cc_len = 2;
	assert_false(cred_is_sound(&c));
	c = good;
	c.purpose = STORE_FOR_SERVER;
	assert_false(cred_is_sound(&c));
	c = good;
	c.repository = true;
	assert_false(cred_is_sound(&c));
	c = good;
	c.pinned = true;
	assert_false(cred_is_sound(&c));
	c = good;
	c.number = 1;
	c.before.generation = 1; /* its counters are those of one key */
	assert_false(cred_is_sound(&c));
}

static void test_others_have_nothing_of_it(void **state)
{
	(void)state;
	struct store_cred c = cred("e", "491511");
	c.kind = STORE_CRED_PSK;
	assert_false(cred_is_sound(&c));
	c.sms = (struct store_sms){ 0 };
	assert_true(cred_is_sound(&c));
	c.sms.tar[1] = 1;
	assert_false(cred_is_sound(&c));
}

static void test_its_row_is_read_as_it_was_written(void **state)
{
	(void)state;
	struct store_cred c = cred("e", "491511"), back = { .sms = { .spi2 = 9 } };
	uint8_t octets[VALUE_PLAIN_MAX];
	const size_t len = value_cred_write(&c, octets, sizeof(octets));
	assert_int_equal(octets[0], VALUE_LAYOUT_MESSAGES);
	assert_true(value_cred_read((struct kv_slice){ octets, len }, &back));
	assert_true(cred_same_content(&c, &back));
	for (size_t n = 0; n < len; n++)
		assert_false(value_cred_read((struct kv_slice){ octets, n }, &back));
	c.kind = STORE_CRED_PSK;
	(void)!value_cred_write(&c, octets, sizeof(octets));
	assert_true(octets[0] < VALUE_LAYOUT_MESSAGES);
}

static void test_what_was_agreed_is_part_of_its_face(void **state)
{
	(void)state;
	const struct store_cred a = cred("e", "491511");
	for (size_t i = 0; i < sizeof(struct store_sms); i++) {
		const bool renews = i >= offsetof(struct store_sms, renew);
		struct store_cred b = a;
		((uint8_t *)&b.sms)[i] ^= 1;
		/* How its keys are renewed is nothing that its device proves. */
		assert_int_equal(cred_same_face(&a, &b), renews);
		assert_false(cred_same_content(&a, &b));
	}
}

/* --- how its keys are renewed ----------------------------------------------------------------- */

static void renews(struct store_cred *c, enum store_renew_how how)
{
	struct store_renew *const x = &c->sms.renew;
	memset(x, 0, sizeof(*x));
	x->how = (uint8_t)how;
	if (how == STORE_RENEW_GBA_PUSH) {
		x->gba = STORE_GBA_U;
		memset(x->subscriber, 's', STORE_SUBSCRIBER_MAX);
	}
	if (how != STORE_RENEW_SMARTCARD)
		return;
	x->ota = (struct store_ota){ .spi2 = 0x39,
		.kic = 0x22,
		.kid = 0x32,
		.cc_len = 8,
		.tar = { 1, 2, 3 },
		.key_len = STORE_OTA_KEY,
		.path_len = STORE_OTA_PATH,
		.format = 2 };
	memset(x->ota.key, 0x77, sizeof(x->ota.key));
	memset(x->ota.path, 0x64, sizeof(x->ota.path));
}

static void test_renewal_is_kept_where_there_is_one(void **state)
{
	uint8_t octets[VALUE_PLAIN_MAX];
	(void)state;
	for (int how = 0; how < STORE_RENEWS; how++) {
		struct store_cred c = cred("e", "491511"), back;
		renews(&c, (enum store_renew_how)how);
		if (how != STORE_RENEW_NEVER)
			c.key_len = 0;
		assert_true(cred_is_sound(&c));
		const size_t len = value_cred_write(&c, octets, sizeof(octets));
		assert_true(len > 0);
		assert_int_equal(octets[0],
			how == STORE_RENEW_NEVER ? VALUE_LAYOUT_MESSAGES : VALUE_LAYOUT_RENEWALS);
		memset(&back, 0x5a, sizeof(back));
		back.number = c.number;
		back.generation = c.generation;
		assert_true(value_cred_read((struct kv_slice){ octets, len }, &back));
		assert_memory_equal(&back.sms, &c.sms, sizeof(c.sms));
		assert_int_equal(back.key_len, c.key_len);
		for (size_t i = 0; i < len; i++)
			assert_false(value_cred_read((struct kv_slice){ octets, i }, &back));
		/* In one way only. */
		octets[0] ^= VALUE_LAYOUT_MESSAGES ^ VALUE_LAYOUT_RENEWALS;
		assert_false(value_cred_read((struct kv_slice){ octets, len }, &back));
	}
}

static void test_renewal_has_nothing_of_another_way(void **state)
{
	struct store_cred c = cred("e", "491511");
	(void)state;
	c.key_len = 0;
	assert_false(cred_is_sound(&c)); /* never, and no key */
	renews(&c, STORE_RENEW_UDP);
	assert_true(cred_is_sound(&c));
	c.sms.renew.gba = STORE_GBA_U;
	assert_false(cred_is_sound(&c));
	renews(&c, STORE_RENEW_UDP);
	c.sms.renew.subscriber[0] = 'a';
	assert_false(cred_is_sound(&c));
	renews(&c, STORE_RENEW_SMARTCARD);
	c.sms.renew.how = STORE_RENEW_UDP;
	assert_false(cred_is_sound(&c));
	renews(&c, STORE_RENEW_SMARTCARD);
	c.sms.renew.ota.path_len++;
	assert_false(cred_is_sound(&c));
	renews(&c, STORE_RENEW_GBA_PUSH);
	c.sms.renew.subscriber[STORE_SUBSCRIBER_MAX] = 's';
	assert_false(cred_is_sound(&c));
	renews(&c, STORE_RENEWS);
	assert_false(cred_is_sound(&c));
	renews(&c, STORE_RENEW_UDP);
	c.sms.profile = STORE_SMS_DTLS;
	assert_false(cred_is_sound(&c));
	c.kind = STORE_CRED_PSK;
	c.key_len = 16;
	memset(&c.sms, 0, offsetof(struct store_sms, renew));
	assert_false(cred_is_sound(&c));
	memset(&c.sms, 0, sizeof(c.sms));
	assert_true(cred_is_sound(&c));
}

/* --- in the store ----------------------------------------------------------------------------- */

static void test_an_endpoint_has_one_beside_those_of_other_kinds(void **state)
{
	struct depot *const d = *state;
	const uint32_t dtls = depot_member(d, "e")->number;
	struct store_cred c = cred("e", "491511"), second = cred("e", "491512"), x;
	second.key[0] = 9;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(depot_cred_put(d, &second), STORE_STALE);
	assert_int_equal(store_find_endpoint(d->r, "e", STORE_FOR_ANY, &x), STORE_OK);
	assert_int_equal(x.number, dtls);
	assert_int_equal(store_find_endpoint_sms(d->r, "e", &x), STORE_OK);
	assert_int_equal(x.number, c.number);
	assert_int_equal(store_find_endpoint_sms(d->r, "f", &x), STORE_NONE);
	store_reader_rest(d->r);
}

static void test_R080_it_is_beside_one_without_dtls_too(void **state)
{
	struct depot *const d = *state;
	struct store_cred bare = { .kind = STORE_CRED_NOSEC, .endpoint = "n", .identity_len = 1 };
	struct store_cred c = cred("n", "491512");
	bare.identity[0] = 'n';
	assert_int_equal(depot_cred_put(d, &bare), STORE_OK);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
}

static void test_a_number_is_one_devices(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = cred("e", "491511"), other = cred("f", "491511"), x;
	other.key[0] = 9;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(depot_cred_put(d, &other), STORE_STALE);
	assert_int_equal(store_find_identity(d->r, STORE_CRED_SMS, c.identity, c.identity_len, &x),
		STORE_OK);
	assert_true(x.number == c.number && store_agreement_same(&x.sms, &c.sms));
	/* A PSK identity of these digits is another name. */
	assert_int_equal(store_find_identity(d->r, STORE_CRED_PSK, c.identity, c.identity_len, &x),
		STORE_NONE);
	store_reader_rest(d->r);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	assert_int_equal(depot_cred_put(d, &other), STORE_OK);
}

static void test_its_revoked_row_makes_room_for_its_kind_only(void **state)
{
	struct depot *const d = *state;
	const struct store_cred dtls = depot_cred(d, "e");
	struct store_cred c = cred("e", "491511"), x;
	assert_int_equal(depot_revoke(d, dtls.number), STORE_OK);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(store_read_cred(d->r, dtls.number, &x), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	assert_int_equal(store_find_endpoint(d->r, "e", STORE_FOR_ANY, &x), STORE_OK);
	assert_int_equal(x.number, dtls.number);
	assert_int_equal(store_find_endpoint_sms(d->r, "e", &x), STORE_OK);
	assert_true(x.number == c.number && x.state == STORE_CRED_REVOKED && x.key_len == 0);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, depot_begin, depot_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_has_a_number_and_two_keys),
		cmocka_unit_test(test_others_have_nothing_of_it),
		cmocka_unit_test(test_its_row_is_read_as_it_was_written),
		cmocka_unit_test(test_what_was_agreed_is_part_of_its_face),
		cmocka_unit_test(test_renewal_is_kept_where_there_is_one),
		cmocka_unit_test(test_renewal_has_nothing_of_another_way),
		EACH(test_an_endpoint_has_one_beside_those_of_other_kinds),
		EACH(test_R080_it_is_beside_one_without_dtls_too),
		EACH(test_a_number_is_one_devices),
		EACH(test_its_revoked_row_makes_room_for_its_kind_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
