/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials are changed here. Each change has a generation of its own, which is never used again
   (S29), and is not answered before an older copy of the database would be known for one. */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/cred_row.h"
#include "store/cred_rules.h"
#include "store/row.h"
#include "store/staged.h"

static enum store_result check(
	struct store_reader *r, uint32_t number, uint64_t generation, bool newest)
{
	struct store_cred_mark m;
	const enum store_result result = store_read_cred_mark(r, number, &m);
	if (result != STORE_OK)
		return result == STORE_NONE ? STORE_STALE : result;
	return store_cred_stands(&m, generation, cred_wall_ms(r->s)) &&
			       (!newest || generation >= m.proved)
		       ? STORE_OK
		       : STORE_STALE;
}

enum store_result cred_check(struct store_reader *r, uint32_t number, uint64_t generation)
{
	return check(r, number, generation, false);
}

enum store_result cred_check_newest(struct store_reader *r, uint32_t number, uint64_t generation)
{
	return check(r, number, generation, true);
}

/* --- rows ------------------------------------------------------------------------------------- */

static enum store_result move_ends(
	struct store_txn *t, uint32_t number, const struct store_cred_mark *to)
{
	struct store_cred_mark was;
	enum store_result r = store_read_cred_mark(&t->reader, number, &was);
	if (r == STORE_OK)
		r = expiry_drop(t, number, &was);
	else if (r == STORE_DAMAGED) /* ends that lead nowhere are harmless */
		r = STORE_OK;
	r = gone(r);
	return r == STORE_OK ? expiry_put(t, number, to) : r;
}

static enum store_result put_row(struct store_txn *t, const struct store_cred *c)
{
	const struct store_cred_mark m = cred_mark_of(c);
	struct row row = {
		.table = KEY_CRED, .key = key_number(c->number), .generation = c->generation
	};
	row.head_len = value_cred_head_write(&m, &t->s->mac, c->number, row.head, sizeof(row.head));
	enum store_result r = move_ends(t, c->number, &m);
	row.plain_len = value_cred_write(c, row.plain, sizeof(row.plain));
	if (r == STORE_OK)
		r = row_put(&row, t);
	row_wipe(&row);
	return r;
}

enum store_result cred_put_hint(struct store_txn *t, uint64_t hash, uint32_t number)
{
	const struct key k = key_hash_number(hash, number);
	return kv_put(t->kv, KEY_CRED_INDEX, key_slice(&k), (struct kv_slice){ "", 0 });
}

enum store_result cred_drop_hint(struct store_txn *t, uint64_t hash, uint32_t number)
{
	const struct key k = key_hash_number(hash, number);
	const enum store_result r = kv_del(t->kv, KEY_CRED_INDEX, key_slice(&k));
	return r == STORE_NONE ? STORE_OK : r;
}

static enum store_result put_hints(struct store_txn *t, const struct store_cred *c)
{
	uint64_t own[CRED_HINTS];
	enum store_result r = cred_put_hint(t, cred_endpoint_hash(t->s, c->endpoint), c->number);
	if (c->state != STORE_CRED_ACTIVE)
		return r; /* whom nobody may be finds no identity */
	const size_t len = cred_hashes(t->s, c, own);
	for (size_t i = 0; i < len && r == STORE_OK; i++)
		r = cred_put_hint(t, own[i], c->number);
	return r;
}

static enum store_result drop_hints(struct store_txn *t, const struct store_cred *c)
{
	uint64_t own[CRED_HINTS];
	const size_t len = cred_hashes(t->s, c, own);
	enum store_result r = cred_drop_hint(t, cred_endpoint_hash(t->s, c->endpoint), c->number);
	for (size_t i = 0; i < len && r == STORE_OK; i++)
		r = cred_drop_hint(t, own[i], c->number);
	return r;
}

/* --- rules ------------------------------------------------------------------------------------ */

/* The next one of its endpoint, above *number, that leaves no room for *c. */
static enum store_result next_rival(
	struct store_txn *t, const struct store_cred *c, uint32_t *number, struct store_cred *out)
{
	enum store_result r;
	do
		r = store_next_of_endpoint(&t->reader, c->endpoint, number, out);
	while (r == STORE_OK && (out->number == c->number || !cred_excludes(out, c)));
	return r;
}

/* STORE_STALE: it is an active one's, of another number. */
static enum store_result endpoint_free(struct store_txn *t, const struct store_cred *c)
{
	struct store_cred other;
	uint32_t number = 0;
	enum store_result r;
	do
		r = next_rival(t, c, &number, &other);
	while (r == STORE_OK && other.state != STORE_CRED_ACTIVE);
	wipe(&other, sizeof(other));
	return r == STORE_OK ? STORE_STALE : gone(r);
}

/* *spent: the number of one whose device has proved it before, and may not do so any more; 0: none.
   (What a credential itself comes with as its `before` is its own already.) */
static enum store_result identity_free(
	struct store_txn *t, const struct store_cred *c, uint32_t *spent)
{
	struct store_cred other;
	*spent = 0;
	enum store_result r = cred_find_holder(
		&t->reader, (enum store_cred_kind)c->kind, c->identity, c->identity_len, &other);
	if (r == STORE_OK && other.number != c->number) {
		const bool own = other.identity_len == c->identity_len &&
				 same_secret(other.identity, c->identity, c->identity_len);
		const bool over = cred_wall_ms(t->s) >= other.before.until_ms;
		*spent = other.number;
		r = !own && over ? STORE_OK : STORE_STALE;
	}
	wipe(&other, sizeof(other));
	return gone(r);
}

/* --- changes ---------------------------------------------------------------------------------- */

/* What somebody changes goes before what was learned (S31). */
static enum store_result end_staged(struct store_txn *t, const struct store_cred *c, bool anew)
{
	enum store_result r = staged_yield(t, c);
	if (r == STORE_OK && anew)
		r = store_resume_drop_cred(t, c->number);
	if (r == STORE_OK)
		r = anew ? gone(staged_forget(t, c->number)) : staged_stamp(t, c->number);
	return r;
}

/* Messages of other keys are nothing to it. */
static enum store_result end_messages(
	struct store_txn *t, const struct store_cred *c, const struct store_cred *old)
{
	if (old && old->kind == c->kind && old->key_len == c->key_len &&
		same_secret(old->key, c->key, c->key_len))
		return sms_keys_forget(t, c->number); /* they came after what was proved then */
	return sms_forget(t, c->number);
}

/* All that may refuse comes first, so that a refused one has changed nothing. proved 0: its device
   proves something else from now on. generation 0: a new one. */
static enum store_result write_all(struct store_txn *t, struct store_cred *c,
	const struct store_cred *old, uint64_t generation)
{
	enum store_result r = old ? drop_hints(t, old) : STORE_OK;
	const bool anew = c->proved == 0;
	c->generation = generation != 0 ? generation : ++t->meta.generation;
	c->state = STORE_CRED_ACTIVE;
	if (anew)
		c->proved = c->generation;
	if (c->number == 0)
		c->number = t->meta.cred_next++;
	txn_needs_anchor(t, true);
	if (r == STORE_OK)
		r = put_row(t, c);
	if (r == STORE_OK)
		r = put_hints(t, c);
	if (r == STORE_OK && anew)
		r = end_messages(t, c, old);
	if (r == STORE_OK && c->kind == STORE_CRED_SMS)
		r = sms_keys_look(t, c->number, c->sms.renew.how != STORE_RENEW_NEVER);
	return r == STORE_OK ? end_staged(t, c, anew) : r;
}

static enum store_result forget(struct store_txn *t, uint32_t number)
{
	const struct key k = key_number(number);
	struct store_cred old;
	enum store_result r = store_read_cred(&t->reader, number, &old);
	if (r == STORE_OK)
		r = drop_hints(t, &old);
	if (r == STORE_OK)
		r = kv_del(t->kv, KEY_CRED, key_slice(&k));
	wipe(&old, sizeof(old));
	return r;
}

/* Those that are revoked, and would be taken for it. What they authenticated is stale by its number
   and its generation alike. */
static enum store_result forget_rivals(struct store_txn *t, const struct store_cred *c)
{
	struct store_cred other;
	uint32_t number = 0;
	enum store_result r;
	while ((r = next_rival(t, c, &number, &other)) == STORE_OK) {
		wipe(&other, sizeof(other));
		r = forget(t, number);
		if (r != STORE_OK)
			return r;
	}
	return gone(r);
}

static enum store_result add(struct store_txn *t, struct store_cred *c)
{
	if (t->meta.cred_next == UINT32_MAX)
		return STORE_FULL;
	c->proved = 0;
	const enum store_result r = forget_rivals(t, c);
	return r == STORE_OK ? write_all(t, c, NULL, 0) : r;
}

static enum store_result change(struct store_txn *t, struct store_cred *c,
	const struct store_cred *old, uint32_t spent, uint64_t generation)
{
	/* Nothing is un-revoked. */
	if (old->state != STORE_CRED_ACTIVE || !cred_succeeds(c, old))
		return STORE_STALE;
	if (cred_same_content(c, old)) {
		c->generation = old->generation;
		c->state = old->state;
		c->changed_ms = old->changed_ms;
		return STORE_OK;
	}
	enum store_result r = spent != 0 ? store_cred_settle(t, spent) : STORE_OK;
	if (r == STORE_OK && c->purpose != old->purpose)
		r = forget_rivals(t, c);
	return r == STORE_OK ? write_all(t, c, old, generation) : r;
}

/* What was proved to one that does not open any more is not known: nothing of it stays. */
static enum store_result change_unknown(struct store_txn *t, struct store_cred *c, uint32_t spent)
{
	const enum store_result r = spent != 0 ? store_cred_settle(t, spent) : STORE_OK;
	c->proved = 0;
	wipe(&c->before, sizeof(c->before));
	return r == STORE_OK ? write_all(t, c, NULL, 0) : r;
}

static enum store_result replace(
	struct store_txn *t, struct store_cred *c, uint32_t spent, uint64_t generation)
{
	struct store_cred old;
	enum store_result r = store_read_cred(&t->reader, c->number, &old);
	if (r == STORE_OK)
		r = change(t, c, &old, spent, generation);
	else if (r == STORE_DAMAGED)
		r = change_unknown(t, c, spent);
	wipe(&old, sizeof(old));
	return r;
}

enum store_result cred_put_as(struct store_txn *t, struct store_cred *c, uint64_t generation)
{
	uint32_t spent;
	if (!cred_is_sound(c))
		return STORE_DAMAGED;
	enum store_result r = endpoint_free(t, c);
	if (r == STORE_OK)
		r = identity_free(t, c, &spent);
	if (r != STORE_OK)
		return r;
	if (c->number != 0)
		return replace(t, c, spent, generation);
	if (spent != 0 && t->meta.cred_next != UINT32_MAX)
		r = store_cred_settle(t, spent);
	return r == STORE_OK ? add(t, c) : r;
}

enum store_result store_cred_put(struct store_txn *t, struct store_cred *c)
{
	return cred_put_as(t, c, 0);
}

enum store_result store_take_generation(struct store_txn *t, uint64_t *out)
{
	*out = ++t->meta.generation;
	txn_needs_anchor(t, true);
	return STORE_OK;
}

/* --- what goes -------------------------------------------------------------------------------- */

static enum store_result drop_before(struct store_txn *t, struct store_cred *c)
{
	enum store_result r = drop_hints(t, c);
	wipe(&c->before, sizeof(c->before));
	txn_needs_anchor(t, true); /* an older copy would bring it back */
	if (r == STORE_OK)
		r = put_row(t, c);
	return r == STORE_OK ? put_hints(t, c) : r;
}

enum store_result store_cred_settle(struct store_txn *t, uint32_t number)
{
	struct store_cred c;
	enum store_result r = store_read_cred(&t->reader, number, &c);
	if (r == STORE_OK && c.before.generation != 0)
		r = drop_before(t, &c);
	wipe(&c, sizeof(c));
	return r;
}

/* Also of one that does not open any more: it must be possible to be rid of it. */
enum store_result store_cred_revoke(struct store_txn *t, uint32_t number, enum store_origin by)
{
	struct store_cred c;
	enum store_result r = store_read_cred(&t->reader, number, &c);
	const bool known = r == STORE_OK;
	if (r == STORE_DAMAGED)
		r = STORE_OK;
	if (r != STORE_OK || (known && c.state == STORE_CRED_REVOKED && c.origin == by)) {
		wipe(&c, sizeof(c));
		return r;
	}
	if (known)
		r = drop_hints(t, &c);
	c.number = number;
	c.generation = ++t->meta.generation;
	c.state = STORE_CRED_REVOKED;
	c.origin = (uint8_t)by;
	c.key_len = c.upstream_key_len = 0;
	c.pinned = false;
	memset(c.pin, 0, sizeof(c.pin));
	wipe(&c.before, sizeof(c.before));
	if (!known)
		c.proved = c.generation;
	c.changed_ms = cred_wall_ms(t->s);
	txn_needs_anchor(t, true);
	if (r == STORE_OK)
		r = put_row(t, &c);
	if (r == STORE_OK && known)
		r = put_hints(t, &c);
	wipe(&c, sizeof(c));
	if (r == STORE_OK)
		r = store_resume_drop_cred(t, number);
	if (r == STORE_OK)
		r = sms_forget(t, number);
	return r == STORE_OK ? gone(staged_forget(t, number)) : r;
}
