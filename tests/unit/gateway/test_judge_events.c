/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy is asked about besides credentials: time, numbers, registrations, addresses, power,
   the gateway's own keys, the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "court.h"
#include "gateway/session.h"
#include "io/inbox.h"

#define TEARDOWN "\"teardown\""
#define KEEP     "\"keep\""

enum { ROUND_MS = 31000, RECORDS = 60 };

static void rounds(struct town *t)
{
	town_turns(t, 2);
	town_pass(ROUND_MS);
	town_turns(t, COURT_QUIET_TURNS);
}

/* --- what counts ------------------------------------------------------------------------------ */

static void test_S29_age_awake_and_asleep(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct town *t = court_new(
			court_rules("\"age\"", TEARDOWN, TEARDOWN, "age_at_least_s = 3600;"));
		const size_t socket = town_registered(t, 0, 0);
		town_pass(3500000);
		town_updated(t, socket);
		rounds(t);
		assert_int_equal(t->devices.downs, 0);
		if (how > 0)
			town_night(t);
		if (how > 1)
			town_restart(t, TOWN_KILLED);
		town_pass(110000);
		const size_t up = t->server.messages;
		if (how > 0)
			town_update(t, socket);
		else
			rounds(t);
		town_until(t, &t->devices.downs, 1);
		town_until(t, &t->server.downs, 1);
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		court_assert_said(t, GW_DONE, POLICY_AGE, how > 0);
		court_assert_silent(t);
		court_free(t);
	}
}

/* An alert is given once, not with each round or each wake. */
static void test_age_is_asked_about_once(void **state)
{
	(void)state;
	struct town *t = court_new(
		court_rules("\"age\"", KEEP, KEEP, "age_at_least_s = 3600; alert = true;"));
	const size_t socket = town_registered(t, 0, 0);
	town_pass(3700000);
	town_updated(t, socket);
	rounds(t);
	rounds(t);
	town_settle(t);
	court_assert_said(t, GW_KEPT, POLICY_AGE, false);
	for (int i = 0; i < 2; i++) {
		town_night(t);
		town_updated(t, socket);
		rounds(t);
		town_restart(t, TOWN_KILLED);
		town_updated(t, socket);
		rounds(t);
	}
	court_assert_silent(t);
	court_free(t);
}

/* Both legs go on, but the session cannot be resumed from now on. */
static void test_R211_age_may_end_resumption_alone(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = court_new(court_rules(
			"\"age\"", KEEP, KEEP, "age_at_least_s = 100; resumption = \"refuse\";"));
		const size_t socket = town_registered(t, 0, 0);
		if (how)
			town_night(t);
		assert_int_equal(store_stats(t->store).resumable, 1);
		town_pass(101000);
		town_updated(t, socket);
		rounds(t);
		town_settle(t);
		assert_int_equal(store_stats(t->store).resumable, 0);
		assert_int_equal(t->devices.downs + t->server.downs, 0);
		court_assert_said(t, GW_KEPT, POLICY_AGE, false);
		court_assert_silent(t);
		court_free(t);
	}
}

static void test_idle_awake_and_asleep(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = court_new(
			court_rules("\"idle\"", TEARDOWN, TEARDOWN, "idle_at_least_s = 50;"));
		const size_t socket = town_registered(t, 0, 0);
		t->conf.store_evict_after_s = 3600;
		for (int i = 0; i < 3; i++) {
			town_pass(40000);
			town_updated(t, socket);
		}
		t->conf.store_evict_after_s = 60;
		if (how > 0)
			town_night(t); /* which is ahead of the clock by as much as it passes */
		else
			t->conf.store_evict_after_s = 3600;
		town_pass(how > 0 ? 180000 : 51000);
		if (how > 0)
			town_update(t, socket);
		else
			rounds(t);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		court_assert_said(t, GW_DONE, POLICY_IDLE, how > 0);
		court_free(t);
	}
}

static void test_records_under_one_key(void **state)
{
	(void)state;
	struct town *t =
		court_new(court_rules("\"records\"", TEARDOWN, TEARDOWN, "records_at_least = 50;"));
	const size_t socket = town_registered(t, 0, 0);
	rounds(t);
	assert_int_equal(t->devices.downs, 0);
	for (int i = 0; i < RECORDS; i++)
		town_updated(t, socket);
	rounds(t);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	court_assert_said(t, GW_DONE, POLICY_RECORDS, false);
	court_assert_silent(t);
	court_free(t);
}

/* A record of the device that was lost on the way, with a wrong tag, so many times. */
static void forge(struct town *t, size_t socket, size_t n)
{
	const size_t i = t->devices.tape_len;
	t->devices.tapes = true;
	t->devices.withholds = true;
	town_update(t, socket);
	t->devices.tapes = false;
	t->devices.withholds = false;
	t->devices.tape[i].data[t->devices.tape[i].len - 1] ^= 1;
	for (size_t tried = 0; tried < n; tried++) {
		town_replay(&t->devices, i);
		town_turn(t);
		if (tried % 16 == 15)
			town_pass(20000); /* one a second is tried */
	}
}

static void test_forged_records_below_the_suites_limit(void **state)
{
	(void)state;
	struct town *t =
		court_new(court_rules("\"forged\"", TEARDOWN, KEEP, "forged_at_least = 20;"));
	const size_t socket = town_registered(t, 0, 0);
	t->conf.store_evict_after_s = 3600;
	forge(t, socket, 15);
	rounds(t);
	assert_int_equal(t->devices.downs, 0);
	forge(t, socket, 10);
	rounds(t);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	court_assert_said(t, GW_DONE, POLICY_FORGED, false);
	court_assert_silent(t);
	court_free(t);
}

/* Neither keep nor teardown is what happens at the suite's own limit. */
static void test_S23_the_suites_limit_holds_whatever_a_rule_says(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = court_new(court_rules("\"forged\"", how ? TEARDOWN : KEEP,
			how ? TEARDOWN : KEEP, "forged_at_least = 128;"));
		const size_t socket = town_registered(t, 0, 0);
		struct store_session row;
		struct gw_entry e;
		t->conf.store_evict_after_s = 36000;
		town_settle(t);
		t->devices.swallows = true; /* it does not hear just now */
		forge(t, socket, GW_FORGED_MAX);
		town_settle(t);
		t->devices.swallows = false;
		assert_true(court_entry(t, &e));
		assert_int_equal(e.event, POLICY_FORGED);
		assert_int_equal(e.device.action, POLICY_REKEY_ON_WAKE);
		assert_int_equal(e.outcome, GW_DECIDED);
		assert_true(town_row(t, 0, &row)); /* nothing is torn down for a stranger's sake */
		assert_true(row.registered && row.device != STORE_NO_SLOT);
		assert_int_equal(town_awake(t), 0);
		const size_t up = t->server.messages;
		town_update(t, socket);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		court_free(t);
	}
}

/* --- registrations ---------------------------------------------------------------------------- */

static void deregister(struct town *t, size_t socket)
{
	/* CON DELETE /rd/5a */
	uint8_t msg[] = { 0x40, TOWN_CODE_DELETE, 0, 0, 0xb2, 'r', 'd', 0x02, '5', 'a' };
	t->mid++;
	msg[2] = (uint8_t)(t->mid >> 8);
	msg[3] = (uint8_t)(t->mid & 0xff);
	assert_int_equal(
		dtls_send(t->devices.dtls, t->devices.conns[socket], msg, sizeof(msg)), DTLS_OK);
}

static void test_deregistered_the_answer_comes_first(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"deregistered\"", TEARDOWN, TEARDOWN, ""));
	const size_t socket = town_registered(t, 0, 0);
	const size_t heard = t->devices.messages;
	deregister(t, socket);
	town_until(t, &t->devices.downs, 1);
	assert_int_equal(t->devices.messages, heard + 1);
	assert_int_equal(t->devices.code, TOWN_CODE_DELETED);
	town_settle(t);
	court_assert_said(t, GW_DONE, POLICY_DEREGISTERED, false);
	court_assert_silent(t);
	court_free(t);
}

static void test_a_registration_that_ends_by_itself(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t =
			court_new(court_rules("\"registration-expired\"", TEARDOWN, TEARDOWN, ""));
		(void)town_registered(t, 0, 0);
		const uint32_t cred = town_cred(0);
		if (how > 0)
			town_night(t);
		else
			town_settle(t);
		t->conf.store_evict_after_s = 1000000;
		town_pass(86400000 + 600000);
		if (how > 0)
			assert_true(
				inbox_post(t->inboxes[0], INBOX_SURE, GW_DUE, &cred, sizeof(cred)));
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		court_assert_said(t, GW_DONE, POLICY_REGISTRATION_EXPIRED, false);
		court_assert_silent(t);
		assert_int_equal(store_stats(t->store).sessions, 0);
		court_free(t);
	}
}

/* --- addresses -------------------------------------------------------------------------------- */

static void test_moved(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = court_new(
			court_rules(how ? "\"moved\"" : "\"idle\"", TEARDOWN, TEARDOWN, ""));
		const struct town_cids cids = { .gateway = true, .move = CONF_MOVE_TRUST };
		town_use_cids(t, &cids);
		const size_t socket = town_registered(t, 0, 0);
		const size_t up = t->server.messages;
		const size_t next = town_socket(t, 0);
		town_move(t, socket, next);
		if (how == 0) {
			town_updated(t, next); /* no rule: as always */
		} else {
			town_update(t, next);
			town_until(t, &t->devices.downs, 1);
			assert_int_equal(t->server.messages, up);
			court_assert_said(t, GW_DONE, POLICY_MOVED, false);
		}
		court_assert_silent(t);
		court_free(t);
	}
}

/* --- power ------------------------------------------------------------------------------------ */

/* The store's setting is what a policy may only be stricter than (S6, S11, S12). */
static void test_S12_a_policy_may_only_be_stricter_after_power_loss(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct town *t = court_new_anchored(
			court_rules("\"power-lost\"", how % 2 ? TEARDOWN : KEEP, KEEP, ""),
			how < 2 ? CONF_POWER_PROBE : CONF_POWER_RESUME);
		const size_t socket = town_registered(t, 0, 0);
		town_settle(t);
		town_restart(t, TOWN_DARK);
		const size_t up = t->server.messages;
		town_update(t, socket);
		if (how == 0) { /* it is asked, and answers */
			town_turns(t, COURT_QUIET_TURNS);
			town_updated(t, socket);
			assert_int_equal(t->devices.downs, 0);
		} else {
			town_until(t, &t->devices.downs, 1);
			town_settle(t);
			assert_int_equal(t->server.messages, up);
		}
		if (how % 2)
			court_assert_said(t, GW_DONE, POLICY_POWER_LOST, true);
		if (how % 2)
			assert_int_equal(store_stats(t->store).resumable, 0);
		if (how == 0)
			court_assert_said(t, GW_KEPT, POLICY_POWER_LOST, true);
		court_assert_silent(t);
		court_free(t);
	}
}

/* --- time of credentials ---------------------------------------------------------------------- */

static void soon(struct store_cred *c)
{
	court_prolong(c);
	c->until_ms -= 86400000 - 100000;
}

static void test_a_credential_that_expires_while_it_sleeps(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"credential-expired\"", TEARDOWN, TEARDOWN, ""));
	const size_t socket = town_registered(t, 0, 0);
	struct gw_entry e;
	town_settle(t);
	court_change(t, 0, soon);
	town_settle(t);
	assert_true(court_entry(t, &e)); /* its end was changed, which the default keeps */
	assert_int_equal(e.event, POLICY_MAPPING_CHANGED);
	town_updated(t, socket);
	town_night(t);
	town_pass(101000);
	const size_t up = t->server.messages;
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	court_assert_said(t, GW_DONE, POLICY_CRED_EXPIRED, true);
	court_assert_silent(t);
	court_free(t);
}

static void overlap(struct store_cred *c)
{
	c->before = (struct store_cred_before){
		.generation = c->generation, .identity_len = c->identity_len, .key_len = c->key_len
	};
	memcpy(c->before.identity, c->identity, c->identity_len);
	memcpy(c->before.key, c->key, c->key_len);
	struct store_cred until = *c;
	court_prolong(&until);
	c->before.until_ms = until.until_ms - 86400000 + 100000;
	c->key[0] ^= 0x55;
}

/* what was proved before stands for a while; then it is replaced. */
static void test_R216_who_came_before_stands_until_the_overlap_ends(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t =
			court_new(court_rules("\"credential-replaced\"", TEARDOWN, TEARDOWN, ""));
		const size_t socket = town_registered(t, 0, 0);
		const uint32_t cred = town_cred(0);
		town_settle(t);
		court_change(t, 0, overlap);
		town_settle(t);
		court_sweep(t, 0);
		town_updated(t, socket);
		court_assert_silent(t);
		if (how)
			town_night(t);
		town_pass(101000);
		if (how)
			town_update(t, socket);
		else
			assert_true(inbox_post(
				t->inboxes[0], INBOX_SURE, GW_CHANGED, &cred, sizeof(cred)));
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		court_assert_said(t, GW_DONE, POLICY_CRED_REPLACED, how > 0);
		court_assert_silent(t);
		court_free(t);
	}
}

/* --- what many rest on ------------------------------------------------------------------------ */

static void test_R218_a_server_that_is_trusted_no_more(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		const bool own = how % 2, asleep = how > 1;
		struct town *t = court_new(
			court_rules(own ? "\"own-credential-changed\"" : "\"server-distrusted\"",
				KEEP, TEARDOWN, ""));
		const size_t socket = town_registered(t, 0, 0);
		court_material(t);
		town_settle(t);
		if (asleep)
			town_night(t);
		court_wave(t, own ? COURT_OWN_UPSTREAM : COURT_SERVER);
		court_sweep(t, 0);
		town_until(t, &t->server.downs, 1);
		assert_int_equal(t->devices.downs, 0);
		court_assert_said(
			t, GW_DONE, own ? POLICY_OWN_CHANGED : POLICY_SERVER_DISTRUSTED, asleep);
		town_updated(t, socket);
		town_settle(t);
		assert_int_equal(t->server.ups, 2);
		court_sweep(t, 0);
		town_night(t);
		court_sweep(t, 0);
		town_updated(t, socket);
		assert_int_equal(t->server.ups, 2);
		court_assert_silent(t);
		court_free(t);
	}
}

/* New rules are for what is asked from then on. */
static void test_other_rules_are_asked_at_once(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"age\"", KEEP, KEEP, "age_at_least_s = 10;"));
	const size_t socket = town_registered(t, 0, 0);
	t->conf.store_evict_after_s = 3600;
	town_pass(20000);
	rounds(t);
	court_assert_said(t, GW_KEPT, POLICY_AGE, false);
	rounds(t);
	court_assert_silent(t);
	court_reload(t, court_rules("\"age\"", TEARDOWN, TEARDOWN, "age_at_least_s = 30;"));
	assert_non_null(t->devices.conns[socket]);
	rounds(t);
	town_until(t, &t->devices.downs, 1);
	court_assert_said(t, GW_DONE, POLICY_AGE, false);
	court_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S29_age_awake_and_asleep),
		cmocka_unit_test(test_age_is_asked_about_once),
		cmocka_unit_test(test_R211_age_may_end_resumption_alone),
		cmocka_unit_test(test_idle_awake_and_asleep),
		cmocka_unit_test(test_records_under_one_key),
		cmocka_unit_test(test_forged_records_below_the_suites_limit),
		cmocka_unit_test(test_S23_the_suites_limit_holds_whatever_a_rule_says),
		cmocka_unit_test(test_deregistered_the_answer_comes_first),
		cmocka_unit_test(test_a_registration_that_ends_by_itself),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_S12_a_policy_may_only_be_stricter_after_power_loss),
		cmocka_unit_test(test_a_credential_that_expires_while_it_sleeps),
		cmocka_unit_test(test_R216_who_came_before_stands_until_the_overlap_ends),
		cmocka_unit_test(test_R218_a_server_that_is_trusted_no_more),
		cmocka_unit_test(test_other_rules_are_asked_at_once),
	};
	return cmocka_run_group_tests_name("gateway/judge events", tests, NULL, NULL);
}
