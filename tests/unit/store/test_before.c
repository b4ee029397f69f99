/* SPDX-License-Identifier: Apache-2.0 */
/* What of a credential changes, and what was proved before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"

static const uint64_t hour_ms = 3600000;

static uint64_t wall(const struct depot *d)
{
	return d->settings.wall_ms;
}

static struct store_cred_mark mark_of(struct depot *d, uint32_t number)
{
	struct store_cred_mark m;
	store_reader_rest(d->r);
	assert_int_equal(store_read_cred_mark(d->r, number, &m), STORE_OK);
	return m;
}

static struct store_cred read_back(struct depot *d, uint32_t number)
{
	struct store_cred c;
	store_reader_rest(d->r);
	assert_int_equal(store_read_cred(d->r, number, &c), STORE_OK);
	return c;
}

static bool has_before(struct depot *d, uint32_t number)
{
	return mark_of(d, number).before != 0 && read_back(d, number).before.generation != 0;
}

static enum store_result find(struct depot *d, const char *identity, struct store_cred *out)
{
	store_reader_rest(d->r);
	return store_find_identity(
		d->r, STORE_CRED_PSK, (const uint8_t *)identity, strlen(identity), out);
}

/* The face that it has now becomes the one before, until then. */
static void keep_face(struct store_cred *c, uint64_t until_ms)
{
	c->before.generation = 1; /* the store knows better */
	c->before.until_ms = until_ms;
	c->before.pinned = c->pinned;
	memcpy(c->before.pin, c->pin, sizeof(c->pin));
	c->before.identity_len = c->identity_len;
	memcpy(c->before.identity, c->identity, sizeof(c->identity));
	c->before.key_len = c->key_len;
	memcpy(c->before.key, c->key, sizeof(c->key));
}

static void name_it(struct store_cred *c, const char *identity)
{
	c->identity_len = (uint8_t)strlen(identity);
	memset(c->identity, 0, sizeof(c->identity));
	memcpy(c->identity, identity, c->identity_len);
}

static enum store_result settle(struct store_txn *t, void *arg)
{
	return store_cred_settle(t, *(const uint32_t *)arg);
}

static uint64_t rows(struct depot *d, unsigned table)
{
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &kv), STORE_OK);
	const uint64_t n = kv_count(kv, table);
	kv_abort(kv);
	return n;
}

/* --- generations ------------------------------------------------------------------------------ */

static void put_label(struct store_cred *c, const char *label)
{
	(void)snprintf(c->labels[c->labels_len++], sizeof(c->labels[0]), "%s", label);
}

/* Each changes the generation, and nothing that a device proves. */
static void test_R207_labels_end_endpoint_and_upstream_leave_what_is_proved(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	const uint64_t proved = c.generation;
	assert_int_equal(c.proved, proved);
	for (unsigned what = 0; what < 5; what++) {
		const uint64_t last = c.generation;
		if (what == 0)
			put_label(&c, "eu");
		else if (what == 1)
			(void)strcpy(c.labels[0], "us");
		else if (what == 2)
			c.until_ms = wall(d) + hour_ms;
		else if (what == 3)
			(void)strcpy(c.endpoint, "other");
		else
			c.upstream_key_len = 8;
		assert_int_equal(depot_cred_put(d, &c), STORE_OK);
		assert_true(c.generation > last);
		assert_int_equal(c.proved, proved);
		const struct store_cred is = read_back(d, c.number);
		assert_memory_equal(&is, &c, sizeof(c));
		const struct store_cred_mark m = mark_of(d, c.number);
		assert_true(m.generation == c.generation && m.proved == proved && m.active);
		assert_int_equal(m.until_ms, c.until_ms);
		/* And the same again changes nothing. */
		struct store_cred again = c;
		again.generation = again.proved = 0;
		assert_int_equal(depot_cred_put(d, &again), STORE_OK);
		assert_true(again.generation == c.generation && again.proved == proved);
	}
}

static void test_R207_identity_key_pin_and_kind_are_what_is_proved(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	for (unsigned what = 0; what < 4; what++) {
		const uint64_t last = c.generation;
		if (what == 0)
			c.key[3] ^= 1;
		else if (what == 1)
			name_it(&c, "b");
		else if (what == 2)
			c.kind = STORE_CRED_CERTIFICATE;
		else
			c.pinned = true;
		if (c.kind == STORE_CRED_CERTIFICATE) {
			memset(c.key, 0, sizeof(c.key));
			c.key_len = 0;
		}
		assert_int_equal(depot_cred_put(d, &c), STORE_OK);
		assert_true(c.generation > last);
		assert_int_equal(c.proved, c.generation);
		assert_int_equal(mark_of(d, c.number).proved, c.generation);
	}
}

static void test_labels_and_what_is_before_are_checked(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	struct store_cred c = a;
	c.labels_len = STORE_LABELS_MAX + 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c.labels_len = 1; /* it has no letter */
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	memset(c.labels[0], 'x', sizeof(c.labels[0]));
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c.labels[0][STORE_LABEL_MAX] = '\0';
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	/* Nobody new has proved anything before. */
	struct store_cred b = a;
	b.number = 0;
	(void)strcpy(b.endpoint, "b");
	keep_face(&b, wall(d) + hour_ms);
	name_it(&b, "b");
	assert_int_equal(depot_cred_put(d, &b), STORE_DAMAGED);
	/* And nobody else's. */
	c.key[0] ^= 1;
	keep_face(&c, wall(d) + hour_ms); /* of a key that it never had */
	c.key[0] ^= 2;
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	c = a;
	keep_face(&c, wall(d) + hour_ms);
	c.kind = STORE_CRED_CERTIFICATE; /* it would be of another kind */
	c.key_len = 0;
	memset(c.key, 0, sizeof(c.key));
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	assert_int_equal(mark_of(d, a.number).before, 0);
	c.before.generation = 0;
	c.before.key_len = STORE_KEY_MAX + 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK); /* there is none: it is not looked at */
	assert_int_equal(c.before.key_len, 0);
}

/* --- two at a time ---------------------------------------------------------------------------- */

static void test_R216_for_a_while_both_faces_lead_to_the_credential(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	const uint64_t hints = rows(d, KEY_CRED_INDEX);
	struct store_cred c = a;
	static struct store_cred x;
	uint32_t number;
	keep_face(&c, wall(d) + hour_ms);
	name_it(&c, "new");
	memset(c.key, 'n', c.key_len);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(c.before.generation, a.generation);
	depot_kill(d);
	depot_start(d);
	x = read_back(d, c.number);
	assert_memory_equal(&x, &c, sizeof(c));
	assert_int_equal(find(d, "new", &x), STORE_OK);
	assert_int_equal(x.number, a.number);
	assert_int_equal(find(d, "a", &x), STORE_OK);
	assert_int_equal(x.number, a.number);
	assert_memory_equal(x.before.key, a.key, sizeof(a.key));
	assert_int_equal(store_find_key(d->r, a.key, a.key_len, &number), STORE_OK);
	assert_int_equal(number, a.number);
	/* Both are taken: nobody else may have them. */
	struct store_cred other = { .endpoint = "b", .key = "k", .key_len = 1 };
	name_it(&other, "a");
	assert_int_equal(depot_cred_put(d, &other), STORE_STALE);
	/* Then only one. */
	number = c.number;
	assert_int_equal(depot_do(d, settle, &number), STORE_OK);
	assert_int_equal(find(d, "a", &x), STORE_NONE);
	assert_int_equal(store_find_key(d->r, a.key, a.key_len, &number), STORE_NONE);
	assert_int_equal(find(d, "new", &x), STORE_OK);
	assert_true(x.before.generation == 0 && x.before.key[0] == 0);
	assert_true(x.generation == c.generation && x.proved == c.proved);
	assert_int_equal(rows(d, KEY_CRED_INDEX), hints);
	assert_int_equal(rows(d, KEY_EXPIRY), 0);
	assert_int_equal(depot_cred_put(d, &other), STORE_OK);
}

static void test_R216_what_was_before_stands_until_its_end(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	const uint64_t first = c.generation;
	c.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	const uint64_t second = c.generation;
	put_label(&c, "eu");
	assert_int_equal(depot_cred_put(d, &c), STORE_OK); /* the same face, later */
	const uint64_t third = c.generation, until = wall(d) + hour_ms;
	keep_face(&c, until);
	c.key[0] ^= 2;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	const struct store_cred_mark m = mark_of(d, c.number);
	assert_true(m.before == second && m.before_until_ms == until);
	assert_true(m.proved == c.generation);
	const struct {
		uint64_t generation;
		bool now, then;
	} rows[] = { { 0, false, false }, { first, false, false }, { second, true, false },
		{ third, true, false }, { c.generation, true, true },
		{ c.generation + 1, false, false } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(store_cred_stands(&m, rows[i].generation, until - 1), rows[i].now);
		assert_int_equal(store_cred_stands(&m, rows[i].generation, until), rows[i].then);
	}
	/* A handshake by the older face, which ends now. */
	struct store_assoc a = depot_assoc_of(&c, 1);
	a.generation = first;
	assert_int_equal(depot_put(d, &a), STORE_STALE);
	a.generation = third;
	assert_int_equal(depot_put(d, &a), STORE_OK);
	struct store_cred_mark ended = m;
	ended.until_ms = until - 1;
	assert_false(store_cred_stands(&ended, c.generation, until - 1));
	assert_true(store_cred_stands(&ended, c.generation, until - 2));
	ended.active = false;
	assert_false(store_cred_stands(&ended, c.generation, 1));
}

static void test_R216_an_overlap_goes_on_while_the_face_stays(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	const struct store_cred none = { .generation = 0 };
	const uint64_t first = c.generation, until = wall(d) + hour_ms;
	keep_face(&c, until);
	c.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	const uint64_t proved = c.generation;
	/* By who says nothing of it: the same, and with a label. */
	c.before = none.before;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation == proved && c.before.generation == first);
	c.before = none.before;
	put_label(&c, "eu");
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > proved && c.before.generation == first);
	assert_int_equal(mark_of(d, c.number).before, first);
	/* By who means the face that there is: as if he had said nothing. */
	keep_face(&c, until + 5);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.before.generation == first && c.before.until_ms == until);
	/* Its end may be another. */
	const uint64_t last = c.generation;
	c.before.until_ms = until + 5;
	c.before.generation = 77; /* the store knows better */
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > last && c.proved == proved);
	assert_int_equal(mark_of(d, c.number).before, first);
	assert_int_equal(mark_of(d, c.number).before_until_ms, until + 5);
	assert_int_equal(rows(d, KEY_EXPIRY), 1);
	/* A face that was never before. */
	c.before.key[0] ^= 7;
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	/* Another face, and nothing kept: the first is long gone, and so is this one. */
	c.before = none.before;
	c.key[0] ^= 2;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(mark_of(d, c.number).before, 0);
	assert_int_equal(rows(d, KEY_EXPIRY), 0);
}

static void test_R216_an_identity_is_free_when_its_overlap_is_over(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a"), x;
	keep_face(&c, wall(d) - 1);
	name_it(&c, "new");
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(find(d, "a", &x), STORE_NONE); /* it leads nowhere any more */
	/* Who asks for what he may not have changes nothing of others. */
	struct store_cred b = depot_cred(d, "b"), e = b;
	name_it(&e, "a");
	keep_face(&e, wall(d) + hour_ms); /* not his */
	e.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &e), STORE_STALE);
	assert_true(has_before(d, c.number));
	name_it(&b, "a");
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	assert_false(has_before(d, c.number));
	assert_int_equal(find(d, "a", &x), STORE_OK);
	assert_int_equal(x.number, b.number);
}

static void test_R216_also_for_one_that_is_new(void **state)
{
	struct depot *const d = *state;
	struct store_cred b = depot_cred(d, "a");
	keep_face(&b, wall(d) - 1);
	name_it(&b, "b");
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	struct store_cred f = { .endpoint = "f", .key = "k", .key_len = 1 };
	name_it(&f, "a");
	assert_int_equal(depot_cred_put(d, &f), STORE_OK);
	assert_false(has_before(d, b.number));
}

static void test_R216_revoked_has_nothing_before(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a"), x;
	keep_face(&c, wall(d) + hour_ms);
	name_it(&c, "new");
	c.until_ms = wall(d) + 2 * hour_ms;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(rows(d, KEY_EXPIRY), 2);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	assert_int_equal(find(d, "a", &x), STORE_NONE);
	assert_int_equal(find(d, "new", &x), STORE_NONE);
	x = read_back(d, c.number);
	assert_true(x.before.generation == 0 && x.before.key[0] == 0);
	assert_int_equal(rows(d, KEY_EXPIRY), 0);
	const struct store_cred_mark m = mark_of(d, c.number);
	assert_true(!m.active && m.before == 0 && m.proved == c.proved);
	uint32_t number = c.number;
	assert_int_equal(depot_do(d, settle, &number), STORE_OK);
	number = 99;
	assert_int_equal(depot_do(d, settle, &number), STORE_NONE);
}

static void test_S5_a_copy_that_would_bring_back_what_was_settled_is_refused(void **state)
{
	struct depot *const d = *state;
	depot_kill(d);
	kv_close(d->disk);
	d->disk = NULL;
	depot_anchor(d);
	depot_start(d);
	struct store_cred c = depot_cred(d, "a");
	keep_face(&c, wall(d) + hour_ms);
	c.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	depot_copy(d);
	assert_int_equal(depot_do(d, settle, &c.number), STORE_OK);
	depot_kill(d);
	depot_put_back(d);
	depot_start_fails(d, "older copy");
}

/* --- ends ------------------------------------------------------------------------------------- */

static void test_ends_come_in_their_order(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = depot_cred(d, "a"), b = depot_cred(d, "b");
	uint64_t ms = 0;
	uint32_t cred = 0;
	a.until_ms = 3000;
	keep_face(&a, 1000);
	a.key[0] ^= 1;
	b.until_ms = 2000;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_next_expiry(d->r, 999, &ms, &cred), STORE_NONE);
	assert_int_equal(store_next_expiry(d->r, 3000, &ms, &cred), STORE_OK);
	assert_true(ms == 1000 && cred == a.number);
	assert_int_equal(store_next_expiry(d->r, 3000, &ms, &cred), STORE_OK);
	assert_true(ms == 2000 && cred == b.number);
	assert_int_equal(store_next_expiry(d->r, 2999, &ms, &cred), STORE_NONE);
	assert_int_equal(store_next_expiry(d->r, 3000, &ms, &cred), STORE_OK);
	assert_true(ms == 3000 && cred == a.number);
	assert_int_equal(store_next_expiry(d->r, UINT64_MAX, &ms, &cred), STORE_NONE);
	/* They follow the credential. */
	b.until_ms = 0;
	a.until_ms = 1000; /* both at once */
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	assert_int_equal(rows(d, KEY_EXPIRY), 1);
	ms = cred = 0;
	store_reader_rest(d->r);
	assert_int_equal(store_next_expiry(d->r, UINT64_MAX, &ms, &cred), STORE_OK);
	assert_true(ms == 1000 && cred == a.number);
	assert_int_equal(store_next_expiry(d->r, UINT64_MAX, &ms, &cred), STORE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_R207_labels_end_endpoint_and_upstream_leave_what_is_proved),
		T(test_R207_identity_key_pin_and_kind_are_what_is_proved),
		T(test_labels_and_what_is_before_are_checked),
		T(test_R216_for_a_while_both_faces_lead_to_the_credential),
		T(test_R216_what_was_before_stands_until_its_end),
		T(test_R216_an_overlap_goes_on_while_the_face_stays),
		T(test_R216_an_identity_is_free_when_its_overlap_is_over),
		T(test_R216_also_for_one_that_is_new),
		T(test_R216_revoked_has_nothing_before),
		T(test_S5_a_copy_that_would_bring_back_what_was_settled_is_refused),
		T(test_ends_come_in_their_order),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
