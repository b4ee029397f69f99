/* SPDX-License-Identifier: Apache-2.0 */
/* What was decided of sessions, and when and by what they were proved. */
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

static enum store_result put(struct store_txn *t, void *arg)
{
	return store_verdict_put(t, arg);
}

static enum store_result decide(struct depot *d, uint32_t cred, uint64_t upto)
{
	struct store_verdict v = { .cred = cred,
		.upto = upto,
		.at_ms = 5,
		.until_ms = 6,
		.event = 1,
		.device = 2,
		.upstream = 3,
		.until_registration = true,
		.rule = "by-night" };
	return depot_do(d, put, &v);
}

static enum store_result read_verdict(struct depot *d, uint32_t cred, struct store_verdict *out)
{
	store_reader_rest(d->r);
	const enum store_result r = store_read_verdict(d->r, cred, out);
	store_reader_rest(d->r);
	return r;
}

static bool is_decided(struct depot *d, uint32_t cred)
{
	struct store_verdict v;
	const enum store_result r = read_verdict(d, cred, &v);
	assert_true(r == STORE_OK || r == STORE_NONE);
	assert_int_equal(v.cred, cred);
	return r == STORE_OK;
}

/* The link of a credential, from a port of the gateway's. */
static struct store_assoc link_of(struct depot *d, const struct store_cred *c, uint16_t port)
{
	struct store_assoc a = depot_assoc_of(c, port);
	a.path.role = STORE_LINK;
	assert_int_equal(depot_put(d, &a), STORE_OK);
	return a;
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void test_R215_a_verdict_outlives_the_process(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_verdict v;
	assert_int_equal(read_verdict(d, c->number, &v), STORE_NONE);
	assert_int_equal(decide(d, c->number, 7), STORE_NONE); /* it would go with nothing */
	(void)depot_assoc(d, c, 1);
	assert_int_equal(decide(d, c->number, 7), STORE_OK);
	depot_power_loss(d);
	depot_start(d);
	assert_int_equal(read_verdict(d, c->number, &v), STORE_OK);
	assert_true(v.cred == c->number && v.upto == 7 && v.at_ms == 5 && v.until_ms == 6);
	assert_true(v.event == 1 && v.device == 2 && v.upstream == 3);
	assert_true(v.until_registration && !v.done);
	assert_string_equal(v.rule, "by-night");
	assert_int_equal(decide(d, c->number, 8), STORE_OK);
	assert_int_equal(read_verdict(d, c->number, &v), STORE_OK);
	assert_int_equal(v.upto, 8);
	memset(v.rule, 'x', sizeof(v.rule));
	assert_int_equal(depot_do(d, put, &v), STORE_DAMAGED);
	assert_false(is_decided(d, c->number + 1));
}

static void test_a_verdict_goes_with_the_devices_association_not_with_the_links(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const struct store_assoc a = depot_assoc(d, c, 1), l = link_of(d, c, 2);
	assert_int_equal(decide(d, c->number, 7), STORE_OK);
	assert_int_equal(depot_drop(d, &l), STORE_OK);
	assert_true(is_decided(d, c->number));
	const struct store_assoc again = link_of(d, c, 3);
	assert_true(is_decided(d, c->number));
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	assert_false(is_decided(d, c->number));
	assert_int_equal(depot_drop(d, &again), STORE_OK);
}

static void test_a_verdict_is_of_the_association_that_was_there(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const struct store_assoc a = depot_assoc(d, c, 1);
	assert_int_equal(decide(d, c->number, 7), STORE_OK);
	const struct store_assoc b = depot_assoc(d, c, 2); /* a handshake from another port */
	assert_false(is_decided(d, c->number));
	assert_int_equal(decide(d, c->number, 8), STORE_OK);
	assert_int_equal(depot_drop(d, &a), STORE_OK); /* what was before it goes late */
	assert_true(is_decided(d, c->number));
	assert_int_equal(depot_drop(d, &b), STORE_OK);
	assert_false(is_decided(d, c->number));
}

static enum store_result session_drop(struct store_txn *t, void *arg)
{
	return store_session_drop(t, *(const uint32_t *)arg);
}

static void test_a_verdict_goes_with_its_session_and_with_all_sessions(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_session s = { .cred = c->number };
	(void)depot_assoc(d, c, 1);
	(void)link_of(d, c, 2);
	assert_int_equal(depot_session(d, &s), STORE_OK);
	assert_int_equal(decide(d, c->number, 7), STORE_OK);
	assert_int_equal(depot_do(d, session_drop, &s.cred), STORE_OK);
	assert_false(is_decided(d, c->number));
	(void)depot_assoc(d, c, 1);
	assert_int_equal(decide(d, c->number, 7), STORE_OK);
	depot_kill(d);
	d->settings.discard_sessions = true;
	depot_start(d);
	assert_false(is_decided(d, c->number));
}

static void test_another_device_at_the_same_address_takes_the_verdict_away(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const a = depot_member(d, "a"), *const b = depot_member(d, "b");
	(void)depot_assoc(d, a, 1);
	assert_int_equal(decide(d, a->number, 7), STORE_OK);
	(void)depot_assoc(d, b, 1);
	assert_false(is_decided(d, a->number));
	assert_false(is_decided(d, b->number));
}

static void change(struct depot *d, unsigned table, const struct key *k, size_t at, uint8_t flip)
{
	uint8_t row[2048];
	struct kv_slice v;
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(kv_get(kv, table, key_slice(k), &v), STORE_OK);
	memcpy(row, v.data, v.len);
	row[at] ^= flip;
	assert_int_equal(
		kv_put(kv, table, key_slice(k), (struct kv_slice){ row, v.len }), STORE_OK);
	assert_int_equal(kv_commit(kv), STORE_OK);
}

static void test_S20_a_verdict_that_was_changed_is_damage(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const struct key k = key_number(c->number);
	struct store_verdict v;
	struct store_glance g;
	uint32_t at = 0;
	(void)depot_assoc(d, c, 1);
	assert_int_equal(decide(d, c->number, 7), STORE_OK);
	change(d, KEY_VERDICT, &k, 8, 1);
	assert_int_equal(read_verdict(d, c->number, &v), STORE_DAMAGED);
	assert_true(v.upto == 0 && v.rule[0] == '\0');
	assert_int_equal(store_next_glance(d->r, &at, &g), STORE_OK);
	assert_int_equal(g.upto, 0); /* so it is decided once more */
	store_reader_rest(d->r);
	assert_int_equal(decide(d, c->number, 7), STORE_OK);
	assert_int_equal(read_verdict(d, c->number, &v), STORE_OK);
}

/* --- going round ------------------------------------------------------------------------------ */

static enum store_result next(struct depot *d, uint32_t *cred, struct store_glance *out)
{
	store_reader_rest(d->r);
	return store_next_glance(d->r, cred, out);
}

static void test_R207_the_index_tells_of_each_session_without_unsealing(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const a = depot_member(d, "a"), *const b = depot_member(d, "b");
	const struct store_cred *const c = depot_member(d, "c");
	struct store_cred changed = *a;
	struct store_glance g;
	uint32_t at = 0;
	assert_int_equal(next(d, &at, &g), STORE_NONE);
	assert_int_equal(at, 0);
	(void)depot_assoc(d, c, 3);
	(void)depot_assoc(d, a, 1);
	changed.labels_len = 1;
	changed.labels[0][0] = 'x';
	assert_int_equal(depot_cred_put(d, &changed), STORE_OK);
	(void)link_of(d, &changed, 2);
	assert_int_equal(decide(d, a->number, 7), STORE_OK);
	assert_int_equal(depot_revoke(d, c->number), STORE_OK);
	const uint64_t unseals = store_stats(d->s).unseals;
	assert_int_equal(next(d, &at, &g), STORE_OK);
	assert_true(at == a->number && g.cred == a->number);
	assert_int_equal(g.generation, a->generation); /* of the older one */
	assert_int_equal(g.born, c->generation);
	assert_true(g.mark.active && g.mark.generation == changed.generation);
	assert_int_equal(g.mark.proved, a->generation);
	assert_int_equal(g.upto, 7);
	assert_int_equal(next(d, &at, &g), STORE_OK); /* b has none */
	assert_true(at == c->number && !g.mark.active && g.upto == 0);
	assert_int_equal(next(d, &at, &g), STORE_NONE);
	assert_int_equal(store_stats(d->s).unseals, unseals);
	at = UINT32_MAX;
	assert_int_equal(next(d, &at, &g), STORE_NONE);
	assert_int_equal(b->number, a->number + 1);
}

static void test_S20_going_round_passes_over_what_leads_nowhere(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const a = depot_member(d, "a"), *const b = depot_member(d, "b");
	const struct store_assoc x = depot_assoc(d, a, 1);
	const struct key slot = key_number(x.slot), number = key_number(b->number);
	struct store_glance g;
	uint32_t at = 0;
	(void)depot_assoc(d, b, 2);
	change(d, KEY_ASSOC, &slot, 0, 0x80);
	assert_int_equal(next(d, &at, &g), STORE_OK);
	assert_int_equal(at, b->number);
	change(d, KEY_CRED, &number, 5, 1); /* what cannot be read is not active */
	at = 0;
	assert_int_equal(next(d, &at, &g), STORE_OK);
	assert_true(at == b->number && !g.mark.active && g.mark.generation == 0);
}

/* --- when and by what ------------------------------------------------------------------------- */

struct taken {
	uint64_t generation, seen;
};

static enum store_result take(struct store_txn *t, void *arg)
{
	struct taken *const x = arg;
	const enum store_result r = store_take_generation(t, &x->generation);
	if (r != STORE_OK)
		return r;
	return store_read_generation(store_txn_reader(t), &x->seen);
}

static uint64_t last(struct depot *d)
{
	uint64_t generation;
	store_reader_rest(d->r);
	assert_int_equal(store_read_generation(d->r, &generation), STORE_OK);
	return generation;
}

static void test_S29_a_generation_of_nobodys_is_never_used_again(void **state)
{
	struct depot *const d = *state;
	struct taken x = { 0 };
	const struct store_cred a = depot_cred(d, "a");
	assert_int_equal(last(d), a.generation);
	assert_int_equal(depot_do(d, take, &x), STORE_OK);
	assert_int_equal(x.generation, a.generation + 1);
	assert_int_equal(x.seen, x.generation); /* within the transaction, too */
	assert_int_equal(last(d), x.generation);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(last(d), x.generation);
	assert_int_equal(depot_cred(d, "b").generation, x.generation + 1);
}

static void test_S5_a_copy_from_before_a_generation_was_taken_is_refused(void **state)
{
	struct depot *const d = *state;
	struct taken x;
	depot_kill(d);
	kv_close(d->disk);
	d->disk = NULL;
	depot_anchor(d);
	depot_start(d);
	depot_copy(d);
	assert_int_equal(depot_do(d, take, &x), STORE_OK);
	depot_kill(d);
	depot_put_back(d);
	depot_start_fails(d, "older copy");
}

static struct store_proof proof(uint8_t len)
{
	struct store_proof p = { .until_ms = 99, .len = len };
	memset(p.anchor, 'a', sizeof(p.anchor));
	memset(p.chain, 'c', (size_t)len * STORE_TRACE);
	return p;
}

static enum store_result rewrite(struct store_txn *t, void *arg)
{
	return store_assoc_rewrite(t, arg);
}

static void check_proof(struct depot *d, const struct store_assoc *a)
{
	struct store_assoc x;
	assert_int_equal(depot_read(d, a->slot, &x), STORE_OK);
	assert_int_equal(x.born, a->born);
	assert_memory_equal(&x.proof, &a->proof, sizeof(x.proof));
}

static enum store_result put_at_last(struct store_txn *t, void *arg)
{
	struct store_assoc *const a = arg;
	a->proof.len = STORE_CHAIN_MAX + 1;
	assert_int_equal(store_assoc_put(t, a, slot_owner(2, 0)), STORE_DAMAGED);
	a->proof.len = 0;
	return store_assoc_put(t, a, slot_owner(2, 0));
}

static void test_R207_an_association_keeps_when_it_was_born_and_its_proof(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct taken wave = { 0 };
	assert_int_equal(depot_do(d, take, &wave), STORE_OK);
	struct store_assoc a = depot_assoc_of(c, 1);
	depot_name(&a, 1);
	a.proof = proof(STORE_CHAIN_MAX);
	assert_int_equal(depot_put(d, &a), STORE_OK);
	assert_int_equal(a.born, wave.generation);
	check_proof(d, &a);
	assert_int_equal(depot_do(d, take, &wave), STORE_OK);
	a.path.peer.port = 2;
	assert_int_equal(depot_move(d, &a), STORE_OK);
	check_proof(d, &a);
	a.context_len = 3;
	assert_int_equal(depot_do(d, rewrite, &a), STORE_OK);
	check_proof(d, &a);
	(void)depot_roamer(d, depot_member(d, "b"), 2, 2); /* it is adrift */
	depot_kill(d);
	depot_start(d);
	check_proof(d, &a);
	const struct key k = key_number(a.slot);
	change(d, KEY_ASSOC, &k, 44, 1); /* born, in the clear */
	assert_int_equal(depot_read(d, a.slot, &a), STORE_DAMAGED);
	a = depot_assoc_of(c, 5);
	assert_int_equal(depot_do(d, put_at_last, &a), STORE_OK);
	assert_int_equal(a.slot, 2); /* the refused one took none */
}

/* Who was judged before a change is older than it, however late he is written down. */
static void test_R207_an_association_is_as_old_as_its_judgement(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct taken wave = { 0 };
	struct store_assoc a = depot_assoc_of(c, 1);
	a.born = last(d);
	assert_int_equal(depot_do(d, take, &wave), STORE_OK);
	assert_int_equal(depot_put(d, &a), STORE_OK);
	assert_true(a.born < wave.generation);
	check_proof(d, &a);
	a.born = wave.generation + 1; /* nobody is younger than now */
	assert_int_equal(depot_put(d, &a), STORE_OK);
	assert_int_equal(a.born, wave.generation);
}

/* --- resumption ------------------------------------------------------------------------------- */

static enum store_result keep(struct store_txn *t, void *arg)
{
	return store_resume_put(t, arg);
}

static enum store_result find(struct depot *d, struct store_resume *out)
{
	store_reader_rest(d->r);
	const enum store_result r = store_find_resume(d->r, (const uint8_t *)"i", 1, out);
	store_reader_rest(d->r);
	return r;
}

static struct store_resume resume_of(const struct store_cred *c)
{
	return (struct store_resume){
		.id = "i", .id_len = 1, .cred = c->number, .generation = c->generation
	};
}

static void test_R211_resumption_state_outlives_what_is_not_proved(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	struct store_resume x = resume_of(&c), y;
	struct taken wave = { 0 };
	x.proof = proof(2);
	assert_int_equal(depot_do(d, take, &wave), STORE_OK);
	assert_int_equal(depot_do(d, keep, &x), STORE_OK);
	assert_int_equal(find(d, &y), STORE_OK);
	assert_int_equal(y.born, wave.generation);
	assert_memory_equal(&y.proof, &x.proof, sizeof(x.proof));
	c.labels_len = 1;
	c.labels[0][0] = 'x';
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(find(d, &y), STORE_OK);
	x.born = 1; /* an earlier judgement's */
	assert_int_equal(depot_do(d, keep, &x), STORE_OK);
	assert_int_equal(find(d, &y), STORE_OK);
	assert_int_equal(y.born, 1);
	x.proof.len = STORE_CHAIN_MAX + 1;
	assert_int_equal(depot_do(d, keep, &x), STORE_DAMAGED);
}

static void keep_face(struct store_cred *c)
{
	c->before.generation = 1;
	c->before.until_ms = UINT64_MAX;
	c->before.identity_len = c->identity_len;
	c->before.key_len = c->key_len;
	memcpy(c->before.identity, c->identity, sizeof(c->identity));
	memcpy(c->before.key, c->key, sizeof(c->key));
}

static enum store_result shake_hands(
	struct depot *d, const struct store_cred *c, uint64_t generation)
{
	struct store_assoc a = depot_assoc_of(c, 1);
	a.generation = generation;
	return depot_put(d, &a);
}

static void test_R211_resumption_state_ends_with_what_was_proved(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	struct store_resume x = resume_of(&c);
	static struct store_resume y;
	assert_int_equal(depot_do(d, keep, &x), STORE_OK);
	/* By another key, also while the one before may be proved. */
	keep_face(&c);
	c.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(find(d, &y), STORE_NONE);
	assert_int_equal(depot_do(d, keep, &x), STORE_STALE);
	assert_int_equal(shake_hands(d, &c, x.generation), STORE_OK);
	x.generation = c.generation;
	assert_int_equal(depot_do(d, keep, &x), STORE_OK);
	/* And not beyond its end. */
	c.until_ms = d->settings.wall_ms - 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(find(d, &y), STORE_STALE);
	assert_int_equal(depot_do(d, keep, &x), STORE_STALE);
	assert_int_equal(shake_hands(d, &c, c.generation), STORE_STALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_R215_a_verdict_outlives_the_process),
		T(test_a_verdict_goes_with_the_devices_association_not_with_the_links),
		T(test_a_verdict_is_of_the_association_that_was_there),
		T(test_a_verdict_goes_with_its_session_and_with_all_sessions),
		T(test_another_device_at_the_same_address_takes_the_verdict_away),
		T(test_S20_a_verdict_that_was_changed_is_damage),
		T(test_R207_the_index_tells_of_each_session_without_unsealing),
		T(test_S20_going_round_passes_over_what_leads_nowhere),
		T(test_S29_a_generation_of_nobodys_is_never_used_again),
		T(test_S5_a_copy_from_before_a_generation_was_taken_is_refused),
		T(test_R207_an_association_keeps_when_it_was_born_and_its_proof),
		T(test_R207_an_association_is_as_old_as_its_judgement),
		T(test_R211_resumption_state_outlives_what_is_not_proved),
		T(test_R211_resumption_state_ends_with_what_was_proved),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
