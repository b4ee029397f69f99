/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that may be resumed, in the store: found only as long as nothing has changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/clock.h"
#include "gateway/resume.h"
#include "town_night.h"

enum { ID = 32, SECRET = 48, DAY_MS = 86400000 };

/* In the generation that a device's credential has. */
static struct dtls_resumable session_of(struct town *t, size_t device, uint8_t mark)
{
	struct dtls_resumable s = {
		.id_len = ID, .cred = town_cred(device), .len = SECRET + device
	};
	struct store_cred_mark now;
	memset(s.id, mark, s.id_len);
	memset(s.session, mark ^ 0xff, s.len);
	struct store_reader *const r = store_reader_new(t->store);
	assert_int_equal(store_read_cred_mark(r, s.cred, &now), STORE_OK);
	store_reader_free(r);
	assert_true(now.active);
	s.generation = now.generation;
	s.proved.born = 1;
	s.proved.belief =
		(struct dtls_belief){ .until_s = (uint64_t)gw_clock_now_s(NULL) + 315360000,
			.anchor = { mark },
			.len = 2,
			.chain = { { mark, 1 }, { mark, 2 } } };
	return s;
}

static bool is_found(struct town *t, const struct dtls_resumable *s)
{
	struct dtls_resumable out = { .len = 0 };
	store_reader_rest(t->workers[0]->reader);
	const bool good = gw_resume_find(t->workers[0], s->id, s->id_len, &out);
	store_reader_rest(t->workers[0]->reader);
	if (!good)
		return false;
	assert_int_equal(out.cred, s->cred);
	assert_true(out.generation == s->generation);
	assert_int_equal(out.id_len, s->id_len);
	assert_memory_equal(out.id, s->id, s->id_len);
	assert_int_equal(out.len, s->len);
	assert_memory_equal(out.session, s->session, s->len);
	assert_true(out.proved.born == s->proved.born);
	assert_true(out.proved.belief.until_s == s->proved.belief.until_s);
	assert_int_equal(out.proved.belief.len, s->proved.belief.len);
	assert_memory_equal(out.proved.belief.anchor, s->proved.belief.anchor, DTLS_TRACE);
	assert_memory_equal(
		out.proved.belief.chain, s->proved.belief.chain, sizeof(s->proved.belief.chain));
	return true;
}

static struct town *kept(struct dtls_resumable *s)
{
	struct town *const t = town_new_kept(1, CONF_POWER_RESUME, false);
	*s = session_of(t, 0, 0x31);
	assert_false(is_found(t, s));
	gw_resume_keep(t->workers[0], s);
	(void)town_do(t, NULL, NULL);
	assert_true(is_found(t, s));
	return t;
}

static void test_R196_a_session_outlives_process_and_power(void **state)
{
	(void)state;
	struct dtls_resumable s;
	struct town *t = kept(&s);
	town_restart(t, TOWN_KILLED);
	assert_true(is_found(t, &s));
	town_restart(t, TOWN_DARK);
	assert_true(is_found(t, &s));
	struct dtls_resumable other = s;
	other.id[ID - 1] ^= 1;
	assert_false(is_found(t, &other));
	other = s;
	other.id_len = ID - 1;
	assert_false(is_found(t, &other));
	town_free(t);
}

static void test_R211_a_changed_credential_resumes_nothing(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct dtls_resumable s;
		struct town *t = kept(&s);
		struct dtls_resumable other = session_of(t, 1, 0x77);
		gw_resume_keep(t->workers[0], &other);
		(void)town_do(t, NULL, NULL);
		if (how % 2 == 0)
			town_revoke(t, 0);
		else
			town_replace_key(t, 0);
		if (how >= 2)
			town_restart(t, TOWN_KILLED);
		assert_false(is_found(t, &s));
		assert_true(is_found(t, &other));
		/* Nor can it be kept, when the handshake had begun before. */
		gw_resume_keep(t->workers[0], &s);
		(void)town_do(t, NULL, NULL);
		assert_false(is_found(t, &s));
		town_free(t);
	}
}

struct change {
	uint32_t cred;
	const char *label; /* NULL: as they are */
	uint64_t until_ms;
};

static enum store_result put_change(struct store_txn *t, void *arg)
{
	const struct change *const x = arg;
	struct store_cred c;
	enum store_result r = store_read_cred(store_txn_reader(t), x->cred, &c);
	if (r != STORE_OK)
		return r;
	if (x->label) {
		c.labels_len = 1;
		(void)snprintf(c.labels[0], sizeof(c.labels[0]), "%s", x->label);
	}
	c.until_ms = x->until_ms;
	return store_cred_put(t, &c);
}

static void change(struct town *t, struct change x)
{
	assert_int_equal(town_do(t, put_change, &x), STORE_OK);
}

/* What it has to prove is the same. */
static void test_R211_other_labels_are_no_other_proof(void **state)
{
	(void)state;
	struct dtls_resumable s;
	struct town *t = kept(&s);
	change(t, (struct change){ .cred = s.cred, .label = "fleet-b" });
	assert_true(is_found(t, &s));
	town_restart(t, TOWN_KILLED);
	assert_true(is_found(t, &s));
	town_replace_key(t, 0);
	assert_false(is_found(t, &s));
	town_free(t);
}

static void test_R211_a_credential_that_has_expired_resumes_nothing(void **state)
{
	(void)state;
	struct dtls_resumable s;
	struct town *t = kept(&s);
	const uint64_t now_ms = (uint64_t)gw_clock_now_s(NULL) * 1000;
	change(t, (struct change){ .cred = s.cred, .until_ms = now_ms + 3600000 });
	assert_true(is_found(t, &s));
	change(t, (struct change){ .cred = s.cred, .until_ms = now_ms - 1000 });
	assert_false(is_found(t, &s));
	change(t, (struct change){ .cred = s.cred, .until_ms = 0 });
	assert_true(is_found(t, &s));
	town_free(t);
}

static void test_R207_certificates_whose_time_is_over_resume_nothing(void **state)
{
	(void)state;
	struct dtls_resumable s;
	struct town *t = kept(&s);
	s.proved.belief.until_s = (uint64_t)gw_clock_now_s(NULL);
	gw_resume_keep(t->workers[0], &s);
	(void)town_do(t, NULL, NULL);
	assert_false(is_found(t, &s));
	s.proved.belief.until_s += 3600;
	gw_resume_keep(t->workers[0], &s);
	(void)town_do(t, NULL, NULL);
	assert_true(is_found(t, &s));
	town_free(t);
}

/* S29: back under the same endpoint and key, and yet another credential. */
static void test_S29_added_again_resumes_nothing(void **state)
{
	(void)state;
	struct dtls_resumable s;
	struct town *t = kept(&s);
	town_revoke(t, 0);
	town_add_again(t, 0);
	assert_false(is_found(t, &s));
	town_free(t);
}

static void test_R200_a_session_ends_with_its_days(void **state)
{
	(void)state;
	struct dtls_resumable s;
	struct town *t = kept(&s);
	town_pass((uint64_t)(t->conf.store_resumption_days - 1) * DAY_MS);
	town_turns(t, 1);
	assert_true(is_found(t, &s));
	town_restart(t, TOWN_KILLED);
	assert_true(is_found(t, &s));
	town_pass((uint64_t)2 * DAY_MS);
	town_turns(t, 1);
	assert_false(is_found(t, &s));
	town_restart(t, TOWN_DARK);
	town_turns(t, 1);
	assert_false(is_found(t, &s));
	town_free(t);
}

static void test_R201_what_was_dropped_is_gone(void **state)
{
	(void)state;
	struct dtls_resumable s;
	for (int how = 0; how < 2; how++) {
		struct town *t = kept(&s);
		struct dtls_resumable other = session_of(t, 1, 0x77);
		gw_resume_keep(t->workers[0], &other);
		if (how == 0)
			gw_resume_drop(t->workers[0], s.id, s.id_len);
		else
			gw_resume_drop_cred(t->workers[0], s.cred);
		(void)town_do(t, NULL, NULL);
		assert_false(is_found(t, &s));
		assert_true(is_found(t, &other));
		town_restart(t, TOWN_KILLED);
		assert_false(is_found(t, &s));
		town_free(t);
	}
}

/* A credential has one, the last. */
static void test_R199_the_last_session_is_the_one(void **state)
{
	(void)state;
	struct dtls_resumable s;
	struct town *t = kept(&s);
	const struct dtls_resumable later = session_of(t, 0, 0x99);
	gw_resume_keep(t->workers[0], &later);
	(void)town_do(t, NULL, NULL);
	assert_false(is_found(t, &s));
	assert_true(is_found(t, &later));
	assert_int_equal(store_stats(t->store).resumable, 1);
	town_free(t);
}

static void test_lengths_of_strangers_are_borne(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	struct dtls_resumable out;
	uint8_t id[STORE_SESSION_ID_MAX + 8] = { 1 };
	for (size_t len = 0; len <= sizeof(id); len++)
		assert_false(gw_resume_find(t->workers[0], id, len, &out));
	gw_resume_drop(t->workers[0], id, sizeof(id));
	gw_resume_drop(t->workers[0], id, 0);
	(void)town_do(t, NULL, NULL);
	store_reader_rest(t->workers[0]->reader);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R196_a_session_outlives_process_and_power),
		cmocka_unit_test(test_R211_a_changed_credential_resumes_nothing),
		cmocka_unit_test(test_R211_other_labels_are_no_other_proof),
		cmocka_unit_test(test_R211_a_credential_that_has_expired_resumes_nothing),
		cmocka_unit_test(test_R207_certificates_whose_time_is_over_resume_nothing),
		cmocka_unit_test(test_S29_added_again_resumes_nothing),
		cmocka_unit_test(test_R200_a_session_ends_with_its_days),
		cmocka_unit_test(test_R201_what_was_dropped_is_gone),
		cmocka_unit_test(test_R199_the_last_session_is_the_one),
		cmocka_unit_test(test_lengths_of_strangers_are_borne),
	};
	return cmocka_run_group_tests_name("gateway/resume", tests, NULL, NULL);
}
