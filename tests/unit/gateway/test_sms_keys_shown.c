/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a device's keys out of a real store, and what an order for others comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "gateway/sms_keys_shown.h"
#include "gateway/store_wait.h"
#include "store/core.h"
#include "unit/gateway/cellar.h"

enum { KEYS = 32 };
#define T0 UINT64_C(5000000)

static const struct gw_keys_settings settings = {
	.rules = { .overlap_ms = 300000,
		.early_ms = 60000,
		.answer_ms = 30000,
		.retry_ms = 60000,
		.backoff_ms = 4000,
		.most_ms = 900000,
		.rest_ms = 86400000,
		.an_hour = 2,
		.tries = 4 },
	.valid_s = 3600,
	.tag = 5,
};

struct life {
	struct cellar *c;
	struct store *s;
	struct store_reader *r;
	struct store_cred cred;
	struct ctl_sms_keys k;
	struct gw_keys_change x;
	uint64_t now;
};

static enum store_result run_cred(struct store_txn *t, void *arg)
{
	return store_cred_put(t, arg);
}

static enum store_result run_change(struct store_txn *t, void *arg)
{
	return gw_keys_run(t, arg);
}

static struct store_cred the_cred(void)
{
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.endpoint = "urn:dev:a",
		.identity = "4911111",
		.identity_len = 7,
		.key_len = KEYS,
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x12,
			.kid = 0x22,
			.tar = { 0xbf, 0xff, 0x00 },
			.cc_len = 8,
			.renew = { .how = STORE_RENEW_GBA_PUSH, .subscriber = "i@x" } } };
	for (unsigned i = 0; i < KEYS; i++)
		c.key[i] = (uint8_t)(i + 1);
	return c;
}

static int begin(void **state)
{
	struct life *const l = calloc(1, sizeof(*l));
	assert_non_null(l);
	l->c = cellar_new(NULL);
	l->s = cellar_open(l->c);
	l->r = store_reader_new(l->s);
	l->cred = the_cred();
	l->now = T0;
	assert_int_equal(gw_store_do(l->s, run_cred, &l->cred, false), STORE_OK);
	*state = l;
	return 0;
}

static int end(void **state)
{
	struct life *const l = *state;
	store_reader_free(l->r);
	store_abandon(l->s);
	cellar_free(l->c);
	free(l);
	return 0;
}

static void change(struct life *l, enum keyset_event e, const struct keyset_news *n)
{
	l->x = (struct gw_keys_change){
		.settings = &settings, .cred = l->cred.number, .now_ms = l->now, .event = e
	};
	if (n)
		l->x.news = *n;
	assert_int_equal(gw_store_do(l->s, run_change, &l->x, false), STORE_OK);
}

static const struct ctl_sms_keys *shown(struct life *l)
{
	store_reader_rest(l->r);
	assert_int_equal(gw_keys_shown(l->r, &l->cred, &settings, l->now, &l->k), STORE_OK);
	return &l->k;
}

/* Others have come, for an hour, with a push that delivers them. */
static void obtain(struct life *l)
{
	static const uint8_t gpi[100] = { 1 };
	struct keyset_keys keys = { .origin = KEYSET_GBA_PUSH,
		.agreed = sms_agreed_default(SMS_CR_004),
		.until_ms = l->now + 3600000 };
	keys.agreed.key_len = KEYS;
	memset(keys.agreed.key, 0xa5, KEYS);
	change(l, KEYSET_OBTAINED,
		&(struct keyset_news){ .keys = &keys, .blob = gpi, .blob_len = sizeof(gpi) });
}

static void test_what_nothing_has_happened_to(void **state)
{
	struct life *const l = *state;
	const struct ctl_sms_keys *const k = shown(l);
	assert_string_equal(k->endpoint, "urn:dev:a");
	assert_string_equal(k->renew, "gba-push");
	assert_string_equal(k->state, "confirmed");
	assert_string_equal(k->cause, "");
	assert_true(!k->is_stored && !k->is_due && !k->message && k->begun == 0);
	assert_true(k->deliveries_max == 4 && k->begun_max == 2);
	assert_int_equal(k->sets[0].generation, 1);
	assert_string_equal(k->sets[0].origin, "provisioned");
	assert_string_equal(k->sets[0].profile, "cr-004");
	assert_true(k->sets[0].kic == 0x12 && k->sets[0].kid == 0x22 && k->sets[0].octets == KEYS);
	assert_true(!k->sets[0].ends && k->sets[1].generation == 0 && k->sets[2].generation == 0);
}

static enum store_result run_pass(struct store_txn *t, void *arg)
{
	const struct life *const l = arg;
	const uint64_t keys = store_sms_keys_hash(store_txn_reader(t), l->cred.key, KEYS);
	return store_sms_pass(t, l->cred.number, l->cred.proved, keys, 77);
}

static void test_R317_each_set_with_its_age_its_end_and_its_counters(void **state)
{
	struct life *const l = *state;
	assert_int_equal(gw_store_do(l->s, run_pass, l, false), STORE_OK);
	change(l, KEYSET_WANTED, &(struct keyset_news){ .lifetime_s = 600 });
	assert_true(l->x.ask);
	assert_string_equal(shown(l)->state, "refreshing");
	assert_true(l->k.is_stored && l->k.is_due && l->k.due_in_s == 30 && l->k.begun == 1);
	assert_int_equal(l->k.lifetime_s, 600);
	obtain(l);
	l->now += 5000;
	const struct ctl_sms_keys *const k = shown(l);
	assert_string_equal(k->state, "fresh");
	assert_true(k->message && k->deliveries == 1 && k->due_in_s == 55);
	assert_true(k->counted[0] == 1 && k->counted[1] == 1 && k->counted[2] == 0);
	assert_int_equal(k->sets[0].counter_in, 77);
	assert_int_equal(k->sets[1].generation, 2);
	assert_string_equal(k->sets[1].origin, "gba-push");
	assert_true(k->sets[1].since_ms_ago == 5000 && k->sets[1].ends);
	assert_int_equal(k->sets[1].ends_in_s, 3595);
	assert_int_equal(k->sets[1].counter_in, 0);
	change(l, KEYSET_PROVED, NULL);
	assert_string_equal(shown(l)->state, "confirmed");
	assert_true(k->sets[0].generation == 2 && k->sets[2].generation == 1 && !l->k.deliveries);
	assert_int_equal(k->sets[2].counter_in, 77);
	assert_int_equal(k->sets[2].ends_in_s, 300);
	l->now += 3605000;
	assert_true(shown(l)->sets[0].ends_in_s < 0 && l->k.due_in_s < 0);
	assert_int_equal(l->k.begun, 0);
}

static void test_what_has_failed_is_named(void **state)
{
	struct life *const l = *state;
	change(l, KEYSET_WANTED, NULL);
	change(l, KEYSET_REFUSED, &(struct keyset_news){ .cause = "bsf-down" });
	assert_string_equal(shown(l)->state, "failed");
	assert_string_equal(l->k.cause, "bsf-down");
	assert_true(l->k.failed == 1 && l->k.due_in_s == 4);
}

static void test_no_key_is_shown(void **state)
{
	struct life *const l = *state;
	const uint8_t *const at = (const uint8_t *)shown(l);
	for (size_t i = 0; i + 4 <= sizeof(l->k); i++)
		assert_memory_not_equal(at + i, l->cred.key, 4);
}

static void test_of_DTLS_there_are_none(void **state)
{
	struct life *const l = *state;
	l->cred.sms.profile = STORE_SMS_DTLS;
	assert_int_equal(gw_keys_shown(l->r, &l->cred, &settings, l->now, &l->k), STORE_NONE);
}

/* --- an order --------------------------------------------------------------------------------- */

static const struct gw_keys_means all = {
	.channel = true, .bridge = true, .bsf = true, .card = true
};

static void orders(const struct life *l, const struct keyset *k, const struct gw_keys_means *means,
	bool wanted, const char *begins)
{
	struct ctl_said said = { "" };
	assert_int_equal(gw_keys_order(&l->cred, k, &settings.rules, means, l->now, &said), wanted);
	if (strncmp(said.text, begins, strlen(begins)) != 0)
		fail_msg("\"%s\" does not begin: %s", begins, said.text);
}

static void test_an_order_that_would_come_to_nothing_is_refused(void **state)
{
	struct life *const l = *state;
	const struct keyset k = { .state = KEYSET_CONFIRMED };
	struct gw_keys_means means = all;
	means.channel = false;
	orders(l, &k, &means, false, "urn:dev:a: there are no short messages; set sms.socket");
	means = all;
	means.bsf = false;
	orders(l, &k, &means, false, "urn:dev:a: its keys come by GBA Push, and there is nobody");
	l->cred.sms.renew.how = STORE_RENEW_UDP;
	orders(l, &k, &means, true, "urn:dev:a: others are asked for now (udp)");
	l->cred.sms.renew.how = STORE_RENEW_SMARTCARD;
	orders(l, &k, &means, true, "urn:dev:a: others are asked for now (smartcard)");
	means.card = false;
	orders(l, &k, &means, false, "urn:dev:a: its keys are written into its card, and nobody");
	l->cred.sms.renew.how = STORE_RENEW_NEVER;
	orders(l, &k, &all, false, "urn:dev:a: its keys are its credential's own, and are not");
}

static void test_an_order_says_what_follows(void **state)
{
	struct life *const l = *state;
	struct keyset k = { .state = KEYSET_CONFIRMED, .begun = 2, .hour_ms = l->now - 60000 };
	struct gw_keys_means means = all;
	orders(l, &k, &all, true,
		"urn:dev:a: others are asked for (gba-push) in 59m00s: sms_keys.refreshes_an_hour "
		"is 2");
	k.begun = 1;
	orders(l, &k, &all, true, "urn:dev:a: others are asked for now (gba-push); `lwgatectl sms");
	k.state = KEYSET_REFRESHING;
	orders(l, &k, &all, true, "urn:dev:a: others are asked for already (gba-push)");
	k.state = KEYSET_DELIVERED;
	k.set[KEYSET_NEXT].generation = 9;
	means.bridge = false;
	orders(l, &k, &means, true,
		"urn:dev:a: keys of generation 9 are here already, and the device has not used "
		"them: they are delivered again now; no lwgate-smsd is connected");
	k.tries = 4;
	orders(l, &k, &all, true,
		"urn:dev:a: keys of generation 9 are here already, and the device has not used "
		"them: they are given up; order once more");
	k.tries = 0;
	k.set[KEYSET_NEXT].origin = KEYSET_UDP;
	orders(l, &k, &all, true,
		"urn:dev:a: keys of generation 9 are here already, and the device has not used "
		"them: they are given up; order once more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_nothing_has_happened_to, begin, end),
		cmocka_unit_test_setup_teardown(
			test_R317_each_set_with_its_age_its_end_and_its_counters, begin, end),
		cmocka_unit_test_setup_teardown(test_what_has_failed_is_named, begin, end),
		cmocka_unit_test_setup_teardown(test_no_key_is_shown, begin, end),
		cmocka_unit_test_setup_teardown(test_of_DTLS_there_are_none, begin, end),
		cmocka_unit_test_setup_teardown(
			test_an_order_that_would_come_to_nothing_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_an_order_says_what_follows, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
