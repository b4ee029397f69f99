/* SPDX-License-Identifier: Apache-2.0 */
/* Stores from before there were policies, and from before anything was learned: what was written
   then goes on, octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "store/sms.h"
#include "store/sms_keys.h"
#include "unit/store/old.h"

static enum store_result decide(struct store_txn *t, void *arg)
{
	return store_verdict_put(t, arg);
}

static void check_cred(struct depot *d, uint32_t number, const char *endpoint, uint64_t generation)
{
	struct store_cred c;
	struct store_cred_mark m;
	assert_int_equal(store_read_cred(d->r, number, &c), STORE_OK);
	assert_string_equal(c.endpoint, endpoint);
	assert_true(c.generation == generation && c.proved == generation);
	assert_true(c.until_ms == 0 && c.labels_len == 0 && c.before.generation == 0);
	assert_int_equal(store_read_cred_mark(d->r, number, &m), STORE_OK);
	assert_true(m.active && m.generation == generation && m.proved == generation);
	assert_true(m.before == 0 && m.before_until_ms == 0 && m.until_ms == 0);
	/* What was proved under its first key is none of this. */
	assert_true(store_cred_stands(&m, generation, 1));
	assert_false(store_cred_stands(&m, generation - 1, 1));
}

static void check_assoc(struct depot *d, uint32_t slot, uint32_t cred, uint64_t generation)
{
	struct store_assoc a;
	assert_int_equal(depot_read(d, slot, &a), STORE_OK);
	assert_true(a.cred == cred && a.generation == generation && a.born == generation);
	assert_int_equal(a.proof.len, 0);
	assert_int_equal(a.context_len, 100);
}

static void check_rest(struct depot *d)
{
	static const uint8_t id[] = { 5, 6, 7, 8 };
	struct store_session s;
	struct store_resume x;
	struct store_assoc a;
	assert_int_equal(store_read_session(d->r, 1, &s), STORE_OK);
	assert_true(s.registered && s.device == 0 && s.link == 1);
	assert_string_equal(s.location, "def");
	assert_int_equal(store_find_resume(d->r, id, sizeof(id), &x), STORE_OK);
	assert_true(x.cred == 1 && x.generation == 2 && x.born == 2 && x.proof.len == 0);
	assert_memory_equal(x.session, "master", 6);
	assert_int_equal(depot_read(d, 0, &a), STORE_OK);
	assert_true(a.cid_len == 11 && a.moves == 1 && a.path.peer.port == 5002);
	assert_int_equal(a.stays[0].peer.port, 5001);
}

static void test_R204_what_was_written_before_there_were_policies_goes_on(void **state)
{
	(void)state;
	struct depot *const d = old_depot(3);
	for (unsigned again = 0; again < 2; again++) {
		check_cred(d, 1, "urn:dev:three-1", 2);
		check_cred(d, 2, "urn:dev:three-2", 3);
		check_assoc(d, 0, 1, 2);
		check_assoc(d, 1, 1, 2);
		check_assoc(d, 2, 2, 3);
		check_rest(d);
		assert_int_equal(store_stats(d->s).damaged, 0);
		depot_kill(d);
		depot_start(d);
	}
	depot_free(d);
}

static void test_R204_what_came_with_policies_is_added_to_it(void **state)
{
	(void)state;
	struct depot *const d = old_depot(3);
	struct store_glance g;
	struct store_verdict v = { .cred = 2, .upto = 3 }, w;
	struct store_cred c;
	uint64_t ms = 0;
	uint32_t at = 0;
	assert_int_equal(store_next_expiry(d->r, UINT64_MAX, &ms, &at), STORE_NONE);
	at = 0;
	assert_int_equal(store_next_glance(d->r, &at, &g), STORE_OK);
	assert_true(at == 1 && g.generation == 2 && g.born == 2 && g.upto == 0);
	assert_int_equal(depot_do(d, decide, &v), STORE_OK);
	assert_int_equal(store_next_glance(d->r, &at, &g), STORE_OK);
	assert_true(at == 2 && g.generation == 3 && g.born == 3 && g.upto == 3);
	assert_int_equal(store_next_glance(d->r, &at, &g), STORE_NONE);
	assert_int_equal(store_read_cred(d->r, 2, &c), STORE_OK);
	c.labels_len = 1;
	c.labels[0][0] = 'x';
	c.until_ms = d->settings.wall_ms + 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > 3 && c.proved == 3);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(store_read_verdict(d->r, 2, &w), STORE_OK);
	assert_int_equal(w.upto, 3);
	assert_int_equal(store_next_expiry(d->r, UINT64_MAX, &ms, &at), STORE_OK);
	assert_true(ms == c.until_ms && at == 2);
	assert_int_equal(store_stats(d->s).damaged, 0);
	depot_free(d);
}

/* --- from before anything was learned --------------------------------------------------------- */

static void check_four(struct depot *d)
{
	static const uint8_t id[] = { 9, 10, 11, 12 };
	struct store_cred c;
	struct store_verdict v;
	struct store_session s;
	static struct store_resume x;
	struct store_assoc a;
	assert_int_equal(store_read_cred(d->r, 1, &c), STORE_OK);
	assert_true(c.generation == 2 && c.proved == 2 && c.before.generation == 1);
	assert_true(c.labels_len == 1 && c.until_ms > c.before.until_ms);
	assert_true(c.key[0] == 's' && c.before.key[0] == 'k');
	assert_int_equal(store_read_cred(d->r, 2, &c), STORE_OK);
	assert_true(c.kind == STORE_CRED_RAW_KEY && c.generation == 3 && c.identity[31] == 0xd1);
	assert_int_equal(store_read_cred(d->r, 3, &c), STORE_OK);
	assert_true(c.pinned && c.pin[31] == 0xc3 && c.origin == STORE_BY_FILE);
	assert_int_equal(store_read_verdict(d->r, 3, &v), STORE_OK);
	assert_string_equal(v.rule, "by-night");
	assert_int_equal(store_read_session(d->r, 1, &s), STORE_OK);
	assert_string_equal(s.location, "ghi");
	assert_int_equal(store_find_resume(d->r, id, sizeof(id), &x), STORE_OK);
	assert_true(x.cred == 1 && x.generation == 2);
	assert_int_equal(depot_read(d, 0, &a), STORE_OK);
	assert_true(a.cred == 1 && a.generation == 2 && a.cid_len == 11);
	assert_int_equal(depot_read(d, 1, &a), STORE_OK);
	assert_true(a.cred == 3 && a.generation == 4 && a.proof.len == 1);
	assert_int_equal(store_stats(d->s).damaged, 0);
}

static enum store_result stage(struct store_txn *t, void *arg)
{
	return store_stage(t, arg);
}

static void test_R204_what_was_written_before_anything_was_learned_goes_on(void **state)
{
	(void)state;
	struct depot *const d = old_depot(4);
	struct store_staged s, x;
	uint64_t ms = 0;
	uint32_t at = 0;
	check_four(d);
	for (uint32_t cred = 1; cred <= 3; cred++)
		assert_int_equal(store_read_staged(d->r, cred, &x), STORE_NONE);
	assert_int_equal(store_next_staged_end(d->r, UINT64_MAX, &ms, &at), STORE_NONE);
	assert_int_equal(store_stats(d->s).staged, 0);
	depot_kill(d);
	depot_start(d);
	check_four(d);
	/* And what came with it is added. */
	s = (struct store_staged){ .cred = 3,
		.until_ms = UINT64_MAX / 2,
		.identity_len = 1,
		.identity = "n",
		.key_len = 16 };
	assert_int_equal(depot_do(d, stage, &s), STORE_OK);
	assert_true(s.generation > 4);
	depot_kill(d);
	depot_start(d);
	check_four(d);
	assert_int_equal(store_read_staged(d->r, 3, &x), STORE_OK);
	assert_int_equal(x.generation, s.generation);
	depot_free(d);
}

/* --- from before there were short messages ---------------------------------------------------- */

static void check_six(struct depot *d)
{
	struct store_cred c;
	struct store_session s;
	struct store_assoc a;
	struct store_staged x;
	assert_int_equal(store_read_cred(d->r, 1, &c), STORE_OK);
	assert_true(c.purpose == STORE_FOR_SERVER && c.repository && c.labels_len == 1);
	assert_true(c.key_len == 16 && c.key[15] == 's' && c.sms.kic == 0 && c.sms.cc_len == 0);
	assert_int_equal(store_read_cred(d->r, 2, &c), STORE_OK);
	assert_true(c.kind == STORE_CRED_NOSEC && c.state == STORE_CRED_ACTIVE);
	assert_int_equal(store_read_cred(d->r, 3, &c), STORE_OK);
	assert_int_equal(c.state, STORE_CRED_REVOKED);
	assert_int_equal(store_read_session(d->r, 1, &s), STORE_OK);
	assert_true(s.registered && s.upstream == 0x1234 && s.queue && s.binding == 1);
	assert_string_equal(s.location, "jkl");
	assert_string_equal(s.sms, "491234");
	assert_int_equal(depot_read(d, 0, &a), STORE_OK);
	assert_true(a.cred == 1 && a.generation == 1);
	assert_int_equal(store_read_staged(d->r, 1, &x), STORE_OK);
	assert_memory_equal(x.identity, "six-next", 8);
	assert_int_equal(store_stats(d->s).damaged, 0);
}

static enum store_result take(struct store_txn *t, void *arg)
{
	const struct store_cred *const c = arg;
	struct store_sms_message m = { .cred = c->number, .id = 7, .len = 1 };
	return store_sms_take(t, &m, c->proved, true, 3);
}

static void test_what_was_written_before_there_were_short_messages_goes_on(void **state)
{
	(void)state;
	struct depot *const d = old_depot(6);
	struct store_sms_counters n;
	struct store_sms_message m;
	uint64_t at = 0;
	check_six(d);
	assert_int_equal(store_sms_read(d->r, 1, &n), STORE_NONE);
	assert_int_equal(store_sms_next_in(d->r, 0, &at, &m), STORE_NONE);
	assert_int_equal(store_sms_next_out(d->r, 0, &at, &m), STORE_NONE);
	/* And what came with them is added, beside one that has DTLS. */
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.endpoint = "urn:dev:six-1",
		.identity = "491234",
		.identity_len = 6,
		.key_len = 32,
		.key = { 1 },
		.sms = { .kic = 0x12, .kid = 0x12, .cc_len = 8 } };
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.number > 3);
	assert_int_equal(depot_do(d, take, &c), STORE_OK);
	depot_kill(d);
	depot_start(d);
	check_six(d);
	assert_int_equal(store_sms_read(d->r, c.number, &n), STORE_OK);
	assert_int_equal(n.in, 3);
	assert_int_equal(store_find_endpoint_sms(d->r, "urn:dev:six-1", &c), STORE_OK);
	depot_free(d);
}

static void check_seven(struct depot *d)
{
	static const struct store_renew never;
	struct store_sms_counters n;
	struct store_sms_message m;
	struct store_sms_keys k;
	struct store_cred c;
	uint64_t at = 0;
	assert_int_equal(store_find_endpoint_sms(d->r, "urn:dev:seven-1", &c), STORE_OK);
	assert_true(c.number == 2 && c.generation == 2 && c.proved == 2 && c.key_len == 32);
	assert_true(c.key[0] == 'k' && c.key[31] == 's' && c.sms.profile == STORE_SMS_CR_004);
	assert_memory_equal(&c.sms.renew, &never, sizeof(never));
	assert_int_equal(store_find_endpoint_sms(d->r, "urn:dev:seven-2", &c), STORE_OK);
	assert_true(c.number == 3 && c.sms.profile == STORE_SMS_LWM2M_10);
	assert_int_equal(store_sms_read(d->r, 2, &n), STORE_OK);
	/* This start cannot tell that the copy is not an older one. */
	assert_true(n.in == 3 && n.out >= 4 && n.proved == 2);
	assert_int_equal(store_sms_next_in(d->r, 2, &at, &m), STORE_OK);
	assert_true(m.id == 7 && m.len == 7 && memcmp(m.data, "seven-i", 7) == 0);
	at = 0;
	assert_int_equal(store_sms_next_out(d->r, 2, &at, &m), STORE_OK);
	assert_true(m.segments == 2 && m.reference == 9 && memcmp(m.data, "seven-o", 7) == 0);
	assert_int_equal(store_sms_keys_read(d->r, 2, &k), STORE_NONE);
	assert_int_equal(store_stats(d->s).damaged, 0);
}

static void test_R204_what_was_written_before_keys_were_renewed_goes_on(void **state)
{
	(void)state;
	struct depot *const d = old_depot(7);
	check_seven(d);
	depot_kill(d);
	depot_start(d);
	check_seven(d);
	/* And what came with that is added. */
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.endpoint = "urn:dev:seven-0",
		.identity = "499999",
		.identity_len = 6,
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x12,
			.kid = 0x12,
			.tar = { 0xbf, 0xff, 0 },
			.cc_len = 8,
			.renew = { .how = STORE_RENEW_GBA_PUSH, .subscriber = "a@b" } } };
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.number > 3);
	depot_kill(d);
	depot_start(d);
	check_seven(d);
	assert_int_equal(store_find_endpoint_sms(d->r, "urn:dev:seven-0", &c), STORE_OK);
	assert_true(c.key_len == 0 && c.sms.renew.how == STORE_RENEW_GBA_PUSH);
	assert_string_equal(c.sms.renew.subscriber, "a@b");
	depot_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R204_what_was_written_before_there_were_policies_goes_on),
		cmocka_unit_test(test_R204_what_came_with_policies_is_added_to_it),
		cmocka_unit_test(test_R204_what_was_written_before_anything_was_learned_goes_on),
		cmocka_unit_test(test_what_was_written_before_there_were_short_messages_goes_on),
		cmocka_unit_test(test_R204_what_was_written_before_keys_were_renewed_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
