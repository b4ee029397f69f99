/* SPDX-License-Identifier: Apache-2.0 */
/* What a device is to prove next: how it is kept, found, and ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "unit/store/nursery.h"

static void same(const struct store_staged *a, const struct store_staged *b)
{
	assert_memory_equal(a, b, sizeof(*a));
}

/* Nothing of it, or of anybody's, is left. */
static void nothing_is_left(struct depot *d, uint64_t hints)
{
	assert_int_equal(depot_rows(d, KEY_STAGED), 0);
	assert_int_equal(depot_rows(d, KEY_STAGED_END), 0);
	assert_int_equal(depot_rows(d, KEY_CRED_INDEX), hints);
}

/* --- how it is kept --------------------------------------------------------------------------- */

static void test_S31_what_is_staged_is_beside_the_credential_and_in_nothing_of_it(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_staged s = next_psk(d, c, "next", 'n'), x;
	struct store_cred is;
	struct store_cred_mark m;
	assert_int_equal(depot_staged(d, c->number, &x), STORE_NONE);
	s.armed = true; /* that is for the device to say */
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_true(s.generation > c->generation && !s.armed);
	for (unsigned again = 0; again < 2; again++) {
		assert_int_equal(depot_staged(d, c->number, &x), STORE_OK);
		same(&x, &s);
		assert_int_equal(depot_find_staged(d, STORE_CRED_PSK, "next", &x), STORE_OK);
		same(&x, &s);
		assert_int_equal(store_read_cred(d->r, c->number, &is), STORE_OK);
		assert_memory_equal(&is, c, sizeof(is));
		assert_int_equal(store_read_cred_mark(d->r, c->number, &m), STORE_OK);
		assert_true(m.generation == c->generation && m.proved == c->proved);
		assert_false(store_cred_stands(&m, s.generation, 1));
		assert_int_equal(depot_find_cred(d, "next", &is), STORE_NONE);
		assert_int_equal(depot_find_cred(d, "a", &is), STORE_OK);
		depot_power_loss(d);
		depot_start(d);
	}
	assert_int_equal(depot_find_staged(d, STORE_CRED_PSK, "nex", &x), STORE_NONE);
	assert_int_equal(depot_find_staged(d, STORE_CRED_CERTIFICATE, "next", &x), STORE_NONE);
	assert_int_equal(store_stats(d->s).staged, 1);
}

static void test_S31_of_each_kind_whatever_the_credential_is_of(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const uint64_t hints = depot_rows(d, KEY_CRED_INDEX);
	struct store_staged all[] = { next_psk(d, c, "a", 'n'), next_raw_key(d, c, 0x71),
		next_certificate(d, c, "a", 0x72) };
	struct store_staged x;
	uint64_t last = c->generation;
	for (size_t i = 0; i < COUNT_OF(all); i++) { /* each takes the place of the one before */
		assert_int_equal(depot_stage(d, &all[i]), STORE_OK);
		assert_true(all[i].generation > last);
		last = all[i].generation;
		assert_int_equal(depot_staged(d, c->number, &x), STORE_OK);
		same(&x, &all[i]);
		assert_int_equal(depot_rows(d, KEY_STAGED), 1);
		assert_int_equal(depot_rows(d, KEY_STAGED_END), 1);
		assert_int_equal(depot_rows(d, KEY_CRED_INDEX), hints + 2);
	}
	assert_int_equal(depot_find_staged(d, STORE_CRED_PSK, "a", &x), STORE_NONE);
	assert_int_equal(depot_find_staged(d, STORE_CRED_CERTIFICATE, "a", &x), STORE_OK);
	all[2].pinned = false; /* maybe no pin was learned */
	memset(all[2].pin, 0, sizeof(all[2].pin));
	assert_int_equal(depot_stage(d, &all[2]), STORE_OK);
	assert_int_equal(depot_rows(d, KEY_CRED_INDEX), hints + 1);
	assert_int_equal(depot_unstage(d, c->number), STORE_OK);
	assert_int_equal(depot_unstage(d, c->number), STORE_NONE);
	nothing_is_left(d, hints);
}

static void test_S31_what_the_device_proves_already_is_not_staged(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_staged s = next_psk(d, c, "a", 'n'), x;
	const uint64_t hints = depot_rows(d, KEY_CRED_INDEX);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	memcpy(s.key, c->key, sizeof(s.key));
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(s.generation, 0);
	assert_int_equal(depot_staged(d, c->number, &x), STORE_NONE);
	nothing_is_left(d, hints);
}

static void test_R024_what_is_staged_is_checked_as_a_credential_is(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const struct store_staged good = next_psk(d, c, "next", 'n');
	struct store_staged bad[8];
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		bad[i] = good;
	bad[0].identity_len = 0;
	bad[1].identity_len = STORE_IDENTITY_MAX + 1;
	bad[2].key_len = 0;
	bad[3].key_len = STORE_KEY_MAX + 1;
	bad[4].pinned = true;
	bad[5].kind = STORE_CRED_CERTIFICATE; /* with a key */
	bad[6] = next_raw_key(d, c, 1);
	bad[6].identity_len--;
	bad[7].kind = STORE_CRED_CERTIFICATE + 1;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(depot_stage(d, &bad[i]), STORE_DAMAGED);
	assert_int_equal(depot_rows(d, KEY_STAGED), 0);
}

static void test_S31_only_for_a_credential_that_is_active_and_has_not_expired(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n'), x;
	s.cred = 77;
	assert_int_equal(depot_stage(d, &s), STORE_STALE);
	s.cred = c.number;
	c.until_ms = depot_wall(d) - 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(depot_stage(d, &s), STORE_STALE);
	c.until_ms = 0;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	c.until_ms = depot_wall(d) - 1; /* it expires later */
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_NONE);
	assert_true(x.identity_len == 0 && x.key[0] == 0);
	assert_int_equal(depot_find_staged(d, STORE_CRED_PSK, "next", &x), STORE_NONE);
	assert_true(x.identity_len == 0 && x.key[0] == 0);
	const struct store_cred b = depot_cred(d, "b");
	s = next_psk(d, &b, "other", 'o');
	assert_int_equal(depot_revoke(d, b.number), STORE_OK);
	assert_int_equal(depot_stage(d, &s), STORE_STALE);
}

static void test_S18_no_key_of_it_is_in_the_database_in_clear(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_staged s = next_psk(d, c, "a-name-that-is-found", 'n');
	memcpy(s.key, "a-key-that-shows", 16);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c->number, s.generation), STORE_OK);
	assert_false(depot_has_octets(d, "a-key-that-shows"));
	assert_false(depot_has_octets(d, "a-name-that-is-found"));
	assert_true(depot_has_octets(d, "schema"));
}

static void test_S20_what_was_changed_is_damage_and_can_be_got_rid_of(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const struct key k = key_number(c->number);
	struct store_staged s = next_psk(d, c, "next", 'n'), x;
	bool taken;
	/* generation, end, armed, MAC; then what is sealed */
	static const size_t at[] = { 8, 16, 17, 25, 70 };
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		assert_int_equal(depot_stage(d, &s), STORE_OK);
		depot_flip(d, KEY_STAGED, &k, at[i]);
		const uint64_t damaged = store_stats(d->s).damaged;
		assert_int_equal(depot_staged(d, c->number, &x), STORE_DAMAGED);
		assert_true(x.identity_len == 0 && x.key[0] == 0);
		assert_true(store_stats(d->s).damaged > damaged);
		assert_int_equal(depot_find_staged(d, STORE_CRED_PSK, "next", &x), STORE_NONE);
		assert_int_equal(
			depot_shake(d, c, s.generation), at[i] < 26 ? STORE_STALE : STORE_DAMAGED);
		if (i % 2 == 0)
			assert_int_equal(depot_unstage(d, c->number), STORE_OK);
		else /* whether it is over is not known: it is dropped */
			assert_int_equal(depot_over(d, c->number, &taken), STORE_OK);
		assert_int_equal(depot_rows(d, KEY_STAGED), 0);
		assert_int_equal(depot_rows(d, KEY_STAGED_END), 0);
	}
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_staged(d, c->number, &x), STORE_OK);
}

static void test_S19_rotation_seals_it_anew(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_staged s = next_certificate(d, c, "next", 0x72), x;
	struct store_error e;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_staged_under(d, c->number), 1);
	assert_int_equal(store_rotate(d->s, &e), STORE_OK);
	depot_sweep(d);
	assert_int_equal(depot_staged_under(d, c->number), 2);
	assert_int_equal(depot_staged(d, c->number, &x), STORE_OK);
	same(&x, &s);
}

static void begin_with_anchor(struct depot *d)
{
	depot_kill(d);
	kv_close(d->disk);
	d->disk = NULL;
	depot_anchor(d);
	depot_start(d);
}

static void put_back_is_refused(struct depot *d)
{
	depot_kill(d);
	depot_put_back(d);
	depot_start_fails(d, "older copy");
}

static void test_S29_a_copy_from_before_it_was_staged_is_refused(void **state)
{
	struct depot *const d = *state;
	begin_with_anchor(d);
	const struct store_cred *const c = depot_member(d, "a");
	struct store_staged s = next_psk(d, c, "next", 'n');
	depot_copy(d);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	put_back_is_refused(d);
}

static void test_S29_a_copy_that_would_bring_back_what_was_dropped_is_refused(void **state)
{
	struct depot *const d = *state;
	begin_with_anchor(d);
	const struct store_cred *const c = depot_member(d, "a");
	struct store_staged s = next_psk(d, c, "next", 'n');
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	depot_copy(d);
	assert_int_equal(depot_unstage(d, c->number), STORE_OK);
	put_back_is_refused(d);
}

/* --- whose it is ------------------------------------------------------------------------------ */

static void test_R022_a_key_that_is_staged_is_somebodys(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const a = depot_member(d, "a"), *const b = depot_member(d, "b");
	struct store_staged s = next_psk(d, a, "next", 'n'), r = next_raw_key(d, b, 0x71);
	uint32_t number;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_stage(d, &r), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_key(d->r, s.key, s.key_len, &number), STORE_OK);
	assert_int_equal(number, a->number);
	assert_int_equal(store_find_pin(d->r, r.identity, &number), STORE_OK);
	assert_int_equal(number, b->number);
	r = next_certificate(d, b, "next", 0x72);
	assert_int_equal(depot_stage(d, &r), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_pin(d->r, r.pin, &number), STORE_OK);
	assert_int_equal(number, b->number);
	assert_int_equal(depot_unstage(d, a->number), STORE_OK);
	assert_int_equal(depot_unstage(d, b->number), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_key(d->r, s.key, s.key_len, &number), STORE_NONE);
	assert_int_equal(number, 0);
	assert_int_equal(store_find_pin(d->r, r.pin, &number), STORE_NONE);
}

/* a has a PSK, b a raw key, c a certificate that is pinned, and e an upstream key. */
static void test_R022_what_is_anothers_is_not_staged(void **state)
{
	struct depot *const d = *state;
	struct store_cred *const all = depot_of_all_kinds(d);
	const struct store_cred *const f = depot_with_key(d, "f", 'f');
	const struct store_staged free = next_psk(d, f, "free", 'n');
	struct store_staged bad[] = { next_psk(d, f, "a", 'n'), next_psk(d, f, "free", 'a'),
		next_psk(d, f, "free", 'e'), next_raw_key(d, f, 0xb0), next_raw_key(d, f, 0xc0),
		next_certificate(d, f, "c", 1), next_certificate(d, f, "free", 0xc0),
		next_certificate(d, f, "free", 0xb0) };
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(depot_stage(d, &bad[i]), STORE_STALE);
	/* What was proved before is taken while that may be. */
	keep_face(&all[0], depot_wall(d) + 3600000);
	rename_it(&all[0], "new");
	memset(all[0].key, 'A', all[0].key_len);
	assert_int_equal(depot_cred_put(d, &all[0]), STORE_OK);
	assert_int_equal(depot_stage(d, &bad[0]), STORE_STALE);
	assert_int_equal(depot_stage(d, &bad[1]), STORE_STALE);
	assert_int_equal(depot_rows(d, KEY_STAGED), 0);
	all[0].before.until_ms = 1;
	assert_int_equal(depot_cred_put(d, &all[0]), STORE_OK);
	assert_int_equal(depot_stage(d, &bad[0]), STORE_OK);
	assert_int_equal(depot_stage(d, &bad[1]), STORE_OK);
	struct store_staged s = free;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
}

static void test_R022_what_is_staged_for_another_is_not_staged(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const a = depot_with_key(d, "a", 'a');
	const struct store_cred *const b = depot_with_key(d, "b", 'b');
	struct store_staged has[] = { next_psk(d, a, "next", 'n'), next_psk(d, a, "next", 'n'),
		next_raw_key(d, a, 0x71), next_certificate(d, a, "name", 0x71) };
	struct store_staged wants[] = { next_psk(d, b, "next", 'm'), next_psk(d, b, "nxt", 'n'),
		next_certificate(d, b, "name", 0x71), next_raw_key(d, b, 0x71) };
	for (size_t i = 0; i < COUNT_OF(has); i++) {
		has[i].until_ms = 1; /* also when its time is over: it is not seen to yet */
		assert_int_equal(depot_stage(d, &has[i]), STORE_OK);
		assert_int_equal(depot_stage(d, &wants[i]), STORE_STALE);
		assert_int_equal(depot_unstage(d, a->number), STORE_OK);
		assert_int_equal(depot_stage(d, &wants[i]), STORE_OK);
		assert_int_equal(depot_unstage(d, b->number), STORE_OK);
	}
}

/* --- what goes before it ---------------------------------------------------------------------- */

static void test_S31_what_is_proved_changes_or_is_revoked_and_nothing_is_staged(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	const uint64_t hints = depot_rows(d, KEY_CRED_INDEX);
	struct store_staged s = next_psk(d, &c, "next", 'n');
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_OK);
	c.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	nothing_is_left(d, hints);
	assert_int_equal(depot_shake(d, &c, s.generation), STORE_STALE);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	nothing_is_left(d, 1); /* its endpoint's */
	assert_int_equal(depot_shake(d, &c, s.generation), STORE_STALE);
	/* Also one that does not open any more. */
	c = depot_cred(d, "a");
	s.cred = c.number;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	const struct key k = key_number(c.number);
	depot_flip(d, KEY_CRED, &k, 60);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	assert_int_equal(depot_rows(d, KEY_STAGED), 0);
}

static void test_S31_another_credential_with_this_identity_or_key_goes_before(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const a = depot_with_key(d, "a", 'a');
	const struct store_cred *const e = depot_with_key(d, "e", 'e');
	struct store_staged s[] = { next_psk(d, a, "next", 'n'), next_psk(d, a, "next", 'n'),
		next_psk(d, a, "next", 'n'), next_raw_key(d, a, 0x71), next_raw_key(d, a, 0x71),
		next_certificate(d, a, "next", 0x71), next_certificate(d, a, "next", 0x71) };
	struct store_staged other = next_psk(d, e, "others", 'o'), x;
	assert_int_equal(depot_stage(d, &other), STORE_OK);
	for (size_t i = 0; i < COUNT_OF(s); i++) {
		struct store_cred b = { .endpoint = "b", .key_len = 16 };
		rename_it(&b, i == 0 || i == 5 ? "next" : "b");
		memset(b.key, i == 1 ? 'n' : 'b', 16);
		if (i == 2) {
			b.upstream_key_len = s[i].key_len;
			memcpy(b.upstream_key, s[i].key, s[i].key_len);
		}
		if (i == 3 || i == 6) /* by which a certificate is known, or the key itself */
			become_raw_key(&b, 0x71);
		if (i == 4 || i == 5)
			become_certificate(&b, i == 4 ? 0x71 : 1);
		assert_int_equal(depot_stage(d, &s[i]), STORE_OK);
		assert_int_equal(depot_cred_put(d, &b), STORE_OK);
		assert_int_equal(depot_staged(d, a->number, &x), STORE_NONE);
		assert_int_equal(depot_staged(d, e->number, &x), STORE_OK);
		assert_int_equal(depot_shake(d, a, s[i].generation), STORE_STALE);
		assert_int_equal(depot_revoke(d, b.number), STORE_OK);
	}
}

static void test_S31_who_is_refused_ends_nothing_of_others(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const a = depot_with_key(d, "a", 'a');
	struct store_cred b = *depot_with_key(d, "b", 'b');
	struct store_staged s = next_psk(d, a, "next", 'n'), x;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	(void)strcpy(b.endpoint, "a");
	rename_it(&b, "next");
	assert_int_equal(depot_cred_put(d, &b), STORE_STALE);
	assert_int_equal(depot_staged(d, a->number, &x), STORE_OK);
	/* Nor does who may not prove it any more, and only had it before. */
	b = *depot_with_key(d, "c", 'c');
	keep_face(&b, 1);
	rename_it(&b, "c2");
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	s = next_psk(d, a, "c", 'n');
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	b.labels_len = 1;
	b.labels[0][0] = 'x';
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	assert_int_equal(depot_staged(d, a->number, &x), STORE_OK);
	/* But when that is to be proved again, it does. */
	b.before.until_ms = depot_wall(d) + 3600000;
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	assert_int_equal(depot_staged(d, a->number, &x), STORE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_S31_what_is_staged_is_beside_the_credential_and_in_nothing_of_it),
		T(test_S31_of_each_kind_whatever_the_credential_is_of),
		T(test_S31_what_the_device_proves_already_is_not_staged),
		T(test_R024_what_is_staged_is_checked_as_a_credential_is),
		T(test_S31_only_for_a_credential_that_is_active_and_has_not_expired),
		T(test_S18_no_key_of_it_is_in_the_database_in_clear),
		T(test_S20_what_was_changed_is_damage_and_can_be_got_rid_of),
		T(test_S19_rotation_seals_it_anew),
		T(test_S29_a_copy_from_before_it_was_staged_is_refused),
		T(test_S29_a_copy_that_would_bring_back_what_was_dropped_is_refused),
		T(test_R022_a_key_that_is_staged_is_somebodys),
		T(test_R022_what_is_anothers_is_not_staged),
		T(test_R022_what_is_staged_for_another_is_not_staged),
		T(test_S31_what_is_proved_changes_or_is_revoked_and_nothing_is_staged),
		T(test_S31_another_credential_with_this_identity_or_key_goes_before),
		T(test_S31_who_is_refused_ends_nothing_of_others),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
