/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy is asked of a device by secured packets, and what becomes of its session when it
   has used keys that were superseded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "chronicle_kit.h"
#include "court.h"
#include "gateway/facts.h"
#include "gateway/judge.h"
#include "gateway/rules.h"
#include "gateway/session.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_parts.h"
#include "gateway/store_wait.h"
#include "gateway/worker.h"
#include "io/sources.h"
#include "store/core.h"
#include "unit/gateway/cellar.h"

enum { KEYS = 32 };

struct world {
	struct kit *kit;
	struct cellar *c;
	struct store *s;
	struct store_cred cred;
	struct gw_shared shared;
	struct gw_worker w;
	struct gw_session session;
	struct gw_sms sms;
	char endpoint[8];
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
		.endpoint = "urn:a",
		.identity = "4911111",
		.identity_len = 7,
		.key_len = KEYS,
		.labels_len = 1,
		.labels = { "meter" },
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x12,
			.kid = 0x12,
			.tar = { 0xbf, 0xff, 0x00 },
			.cc_len = 8,
			.renew = { .how = STORE_RENEW_GBA_PUSH } } };
	for (unsigned i = 0; i < KEYS; i++)
		c.key[i] = (uint8_t)(i + 1);
	return c;
}

static uint64_t boot_ms(void)
{
	struct timespec t;
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &t), 0);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int begin(void **state)
{
	void *kit;
	struct world *const x = calloc(1, sizeof(*x));
	assert_non_null(x);
	assert_int_equal(kit_make(&kit), 0);
	x->kit = kit;
	kit_open(x->kit, true, false);
	x->c = cellar_new(NULL);
	x->s = cellar_open(x->c);
	x->cred = the_cred();
	assert_int_equal(gw_store_do(x->s, run_cred, &x->cred, false), STORE_OK);
	x->shared = (struct gw_shared){ .chronicle = gw_chronicle_inbox(x->kit->chronicle),
		.store = x->s };
	x->w.shared = &x->shared;
	x->w.log = x->kit->log;
	x->w.now_ms = boot_ms(); /* store_time() begins when the store is opened */
	x->w.reader = store_reader_new(x->s);
	memcpy(x->endpoint, "urn:a", sizeof("urn:a"));
	x->sms = (struct gw_sms){
		.session = &x->session, .proved = 3, .in = 40, .out = 41, .heard_ms = x->w.now_ms
	};
	x->w.now_ms += 7000;
	x->session = (struct gw_session){ .worker = &x->w,
		.sms = &x->sms,
		.cred = x->cred.number,
		.slot = SOURCES_NONE,
		.endpoint = x->endpoint };
	*state = x;
	return 0;
}

static int end(void **state)
{
	struct world *const x = *state;
	void *kit = x->kit;
	gw_rules_unref(x->w.rules);
	store_reader_free(x->w.reader);
	store_abandon(x->s);
	cellar_free(x->c);
	assert_int_equal(kit_remove(&kit), 0);
	free(x);
	return 0;
}

/* --- facts ------------------------------------------------------------------------------------ */

static void test_R317_what_is_known_of_a_device_by_packets(void **state)
{
	struct world *const x = *state;
	struct gw_facts f;
	assert_true(gw_facts_of_session(&x->session, &f));
	assert_int_equal(f.facts.kind, POLICY_SMS);
	assert_int_equal(f.facts.channel, POLICY_SMS_PACKET);
	assert_string_equal(f.facts.endpoint, "urn:a");
	assert_string_equal(f.facts.listener, "");
	assert_true(f.facts.labels_len == 1 && strcmp(f.facts.labels[0], "meter") == 0);
	assert_true(f.facts.awake && !f.facts.registered && !f.facts.upstream_up);
	assert_true(f.facts.suite == 0 && f.facts.forged == 0 && f.facts.generation == 3);
	assert_true(f.facts.records == 41 && f.facts.idle_s == 7);
	assert_int_equal(f.facts.age_s, 0); /* nobody knows how old its own keys are */
}

static void test_its_age_is_that_of_its_keys(void **state)
{
	struct world *const x = *state;
	static const struct gw_keys_settings settings = { .rules = { .tries = 4 } };
	static struct gw_keys_change change;
	struct gw_facts f;
	change = (struct gw_keys_change){ .settings = &settings,
		.cred = x->cred.number,
		.now_ms = store_time(x->s, x->w.now_ms),
		.event = KEYSET_EVENTS };
	assert_int_equal(gw_store_do(x->s, run_change, &change, false), STORE_OK);
	x->w.now_ms += 90000;
	store_reader_rest(x->w.reader);
	assert_true(gw_facts_of_session(&x->session, &f));
	assert_int_equal(f.facts.age_s, 90);
}

/* --- what becomes of it ----------------------------------------------------------------------- */

static void rule(struct world *x, const char *device, const char *upstream)
{
	gw_rules_unref(x->w.rules);
	x->w.rules = court_rules("\"sms-key-stale\"", device, upstream, "");
}

/* How many entries there are by now. */
static uint64_t told(const struct world *x)
{
	gw_chronicle_serve(x->kit->chronicle);
	return kit_facts(x->kit).entries;
}

static void test_without_a_rule_nothing_happens(void **state)
{
	struct world *const x = *state;
	struct conf_error error;
	assert_false(gw_judge(&x->session, POLICY_SMS_KEY_STALE));
	x->w.rules = gw_rules_new(NULL, &error);
	assert_non_null(x->w.rules);
	assert_false(gw_judge(&x->session, POLICY_SMS_KEY_STALE));
	assert_true(!x->sms.closed && !x->session.is_loose && told(x) == 0);
}

static void test_a_rule_that_keeps_is_told(void **state)
{
	struct world *const x = *state;
	rule(x, "\"alert-only\"", "\"alert-only\"");
	assert_false(gw_judge(&x->session, POLICY_SMS_KEY_STALE));
	assert_false(x->sms.closed);
	assert_int_equal(told(x), 1);
	const char *const line = kit_read(x->kit->file);
	assert_non_null(strstr(line, "\"event\":\"sms-key-stale\",\"rule\":\"one\""));
	assert_non_null(strstr(line, "\"alert\":true"));
	assert_non_null(strstr(line, "\"outcome\":\"kept\""));
}

static void test_a_teardown_of_both_legs_ends_it(void **state)
{
	struct world *const x = *state;
	rule(x, "\"teardown\"", "\"teardown\"");
	assert_true(gw_judge(&x->session, POLICY_SMS_KEY_STALE));
	assert_true(x->sms.closed && x->session.is_loose);
	assert_int_equal(told(x), 1);
	assert_non_null(strstr(kit_read(x->kit->file), "\"outcome\":\"done\""));
	assert_true(gw_judge(&x->session, POLICY_SMS_KEY_STALE)); /* once */
	assert_int_equal(told(x), 1);
}

static void test_less_than_that_does_not(void **state)
{
	static const char *const legs[][2] = { { "\"teardown\"", "\"keep\"" },
		{ "\"keep\"", "\"teardown\"" },
		{ "{ action = \"drain\"; within_s = 9; }", "\"keep\"" } };
	struct world *const x = *state;
	for (size_t i = 0; i < COUNT_OF(legs); i++) {
		rule(x, legs[i][0], legs[i][1]);
		assert_false(gw_judge(&x->session, POLICY_SMS_KEY_STALE));
		assert_false(x->sms.closed);
		assert_int_equal(told(x), i + 1);
	}
}

static void test_it_is_asked_about_nothing_else(void **state)
{
	struct world *const x = *state;
	x->w.rules =
		court_rules("\"sms-key-stale\", \"moved\", \"deregistered\", \"age\", \"idle\"",
			"\"teardown\"", "\"teardown\"", "");
	for (int e = 0; e < POLICY_EVENTS; e++) {
		if (e != POLICY_SMS_KEY_STALE)
			assert_false(gw_judge(&x->session, (enum policy_event)e));
	}
	assert_true(!x->sms.closed && told(x) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_R317_what_is_known_of_a_device_by_packets, begin, end),
		cmocka_unit_test_setup_teardown(test_its_age_is_that_of_its_keys, begin, end),
		cmocka_unit_test_setup_teardown(test_without_a_rule_nothing_happens, begin, end),
		cmocka_unit_test_setup_teardown(test_a_rule_that_keeps_is_told, begin, end),
		cmocka_unit_test_setup_teardown(test_a_teardown_of_both_legs_ends_it, begin, end),
		cmocka_unit_test_setup_teardown(test_less_than_that_does_not, begin, end),
		cmocka_unit_test_setup_teardown(test_it_is_asked_about_nothing_else, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
