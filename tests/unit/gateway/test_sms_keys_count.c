/* SPDX-License-Identifier: Apache-2.0 */
/* Key sets of a real store by state, a few rows a turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ctl/control.h"
#include "gateway/sms_keys_count.h"
#include "gateway/sms_keys_run.h"
#include "gateway/store_wait.h"
#include "gateway/web_counts.h"
#include "store/core.h"
#include "unit/gateway/cellar.h"

enum { KEYS = 32, MANY = GW_KEYS_ROWS + 3 };
#define T0 UINT64_C(5000000)

static const struct gw_keys_settings settings = {
	.rules = { .answer_ms = 30000, .backoff_ms = 4000, .most_ms = 900000, .tries = 4 },
	.valid_s = 3600,
	.tag = 5,
};

struct life {
	struct cellar *c;
	struct store *s;
	struct store_reader *r;
	struct gw_keys_round round;
	uint32_t creds[MANY];
};

static enum store_result run_cred(struct store_txn *t, void *arg)
{
	return store_cred_put(t, arg);
}

static enum store_result run_change(struct store_txn *t, void *arg)
{
	return gw_keys_run(t, arg);
}

static uint32_t device(struct life *l, unsigned number)
{
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.key_len = KEYS,
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x12,
			.kid = 0x22,
			.tar = { 0xbf, 0xff, 0x00 },
			.cc_len = 8,
			.renew = { .how = STORE_RENEW_GBA_PUSH, .subscriber = "i@x" } } };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "urn:dev:%u", number);
	c.identity_len = (uint8_t)snprintf((char *)c.identity, sizeof(c.identity), "49%u", number);
	memset(c.key, 'k', KEYS);
	memcpy(c.key, &number, sizeof(number));
	c.key[KEYS - 1] = (uint8_t)(number >> 3);
	memcpy(c.key + KEYS / 2, &number, sizeof(number));
	assert_int_equal(gw_store_do(l->s, run_cred, &c, false), STORE_OK);
	return c.number;
}

static void change(struct life *l, uint32_t cred, enum keyset_event e)
{
	struct gw_keys_change *const x = calloc(1, sizeof(*x));
	assert_non_null(x);
	x->settings = &settings;
	x->cred = cred;
	x->now_ms = T0;
	x->event = e;
	x->news.cause = "bsf-down";
	assert_int_equal(gw_store_do(l->s, run_change, x, false), STORE_OK);
	free(x);
}

static int begin(void **state)
{
	struct life *const l = calloc(1, sizeof(*l));
	assert_non_null(l);
	l->c = cellar_new(NULL);
	l->s = cellar_open(l->c);
	l->r = store_reader_new(l->s);
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

static size_t turn(struct life *l, uint64_t now_ms)
{
	store_reader_rest(l->r);
	const size_t rows = gw_keys_round_turn(&l->round, l->r, now_ms);
	store_reader_rest(l->r);
	return rows;
}

static void counts(const struct life *l, uint64_t refreshing, uint64_t failed)
{
	const uint64_t *const n = gw_keys_round_counts(&l->round);
	for (size_t i = 0; i < KEYSET_STATES; i++)
		assert_int_equal(n[i], i == KEYSET_REFRESHING ? refreshing
				       : i == KEYSET_FAILED   ? failed
							      : 0);
}

static void test_each_row_counts_once_and_a_change_with_the_next_round(void **state)
{
	struct life *const l = *state;
	for (unsigned i = 0; i < 3; i++)
		l->creds[i] = device(l, i);
	assert_int_equal(turn(l, T0), 0);
	counts(l, 0, 0); /* nothing has happened to them: there is no row */
	for (unsigned i = 0; i < 3; i++)
		change(l, l->creds[i], KEYSET_WANTED);
	change(l, l->creds[1], KEYSET_REFUSED);
	assert_int_equal(turn(l, T0 + GW_KEYS_ROUND_MS - 1), 0);
	counts(l, 0, 0);
	assert_int_equal(turn(l, T0 + GW_KEYS_ROUND_MS), 3);
	counts(l, 2, 1);
	change(l, l->creds[0], KEYSET_REFUSED);
	assert_int_equal(turn(l, T0 + UINT64_C(2) * GW_KEYS_ROUND_MS), 3);
	counts(l, 1, 2);
}

static enum store_result run_revoke(struct store_txn *t, void *arg)
{
	return store_cred_revoke(t, *(uint32_t *)arg, STORE_BY_CONTROL);
}

static void test_whose_credential_is_revoked_is_not_counted(void **state)
{
	struct life *const l = *state;
	for (unsigned i = 0; i < 2; i++) {
		l->creds[i] = device(l, i);
		change(l, l->creds[i], KEYSET_WANTED);
	}
	assert_int_equal(gw_store_do(l->s, run_revoke, &l->creds[0], false), STORE_OK);
	(void)turn(l, T0);
	counts(l, 1, 0);
}

/* A turn is bounded; the last round's numbers stand till the next one is whole. */
static void test_a_round_of_many_rows_takes_more_than_a_turn(void **state)
{
	struct life *const l = *state;
	for (unsigned i = 0; i < MANY; i++) {
		l->creds[i] = device(l, i);
		change(l, l->creds[i], KEYSET_WANTED);
	}
	assert_int_equal(turn(l, T0), GW_KEYS_ROWS);
	counts(l, GW_KEYS_ROWS, 0);
	assert_int_equal(turn(l, T0 + 1), MANY - GW_KEYS_ROWS);
	counts(l, MANY, 0);
	change(l, l->creds[0], KEYSET_REFUSED);
	assert_int_equal(turn(l, T0 + GW_KEYS_ROUND_MS), GW_KEYS_ROWS);
	counts(l, MANY, 0);
	assert_int_equal(turn(l, T0 + GW_KEYS_ROUND_MS + 1), MANY - GW_KEYS_ROWS);
	counts(l, MANY - 1, 1);
}

/* The metrics name the states as lwgatectl does, each its own number. */
static void test_the_metrics_name_each_state(void **state)
{
	(void)state;
	size_t len, first = 0, found = 0;
	const struct gw_web_count *const all = gw_web_counts(&len);
	while (first < len && (!all[first].family.name ||
				      strcmp(all[first].family.name, "lwgate_sms_key_sets") != 0))
		first++;
	for (size_t i = first; i < len && (i == first || !all[i].family.name); i++, found++) {
		assert_string_equal(
			all[i].labels[0].value, keyset_state_name((uint8_t)(i - first)));
		assert_int_equal(all[i].at, offsetof(struct ctl_worker, sms.keys.sets) +
						    (i - first) * sizeof(uint64_t));
	}
	assert_int_equal(found, KEYSET_STATES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_each_row_counts_once_and_a_change_with_the_next_round, begin, end),
		cmocka_unit_test_setup_teardown(
			test_whose_credential_is_revoked_is_not_counted, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_round_of_many_rows_takes_more_than_a_turn, begin, end),
		cmocka_unit_test(test_the_metrics_name_each_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
