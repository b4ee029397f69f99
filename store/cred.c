/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials are changed here. Each change has a generation of its own, which is never used again
   (S29), and is not answered before an older copy of the database would be known for one. */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/cred_row.h"
#include "store/row.h"

enum store_result cred_check(struct store_reader *r, uint32_t number, uint64_t generation)
{
	uint64_t is;
	bool active;
	const enum store_result result = store_read_cred_mark(r, number, &is, &active);
	if (result != STORE_OK)
		return result == STORE_NONE ? STORE_STALE : result;
	return active && is == generation ? STORE_OK : STORE_STALE;
}

/* --- rows ------------------------------------------------------------------------------------- */

static enum store_result put_row(struct store_txn *t, const struct store_cred *c)
{
	const struct value_cred_head h = { .generation = c->generation, .state = c->state };
	struct row row = {
		.table = KEY_CRED, .key = key_number(c->number), .generation = c->generation
	};
	row.head_len = value_cred_head_write(&h, &t->s->mac, c->number, row.head, sizeof(row.head));
	row.plain_len = value_cred_write(c, row.plain, sizeof(row.plain));
	const enum store_result r = row_put(&row, t);
	row_wipe(&row);
	return r;
}

static enum store_result put_hint(struct store_txn *t, uint64_t hash, uint32_t number)
{
	const struct key k = key_hash_number(hash, number);
	return kv_put(t->kv, KEY_CRED_INDEX, key_slice(&k), (struct kv_slice){ "", 0 });
}

static enum store_result drop_hint(struct store_txn *t, uint64_t hash, uint32_t number)
{
	const struct key k = key_hash_number(hash, number);
	const enum store_result r = kv_del(t->kv, KEY_CRED_INDEX, key_slice(&k));
	return r == STORE_NONE ? STORE_OK : r;
}

static enum store_result put_hints(struct store_txn *t, const struct store_cred *c)
{
	uint64_t own[CRED_HINTS];
	enum store_result r = put_hint(t, cred_endpoint_hash(t->s, c->endpoint), c->number);
	if (c->state != STORE_CRED_ACTIVE)
		return r; /* whom nobody may be finds no identity */
	const size_t len = cred_hashes(t->s, c, own);
	for (size_t i = 0; i < len && r == STORE_OK; i++)
		r = put_hint(t, own[i], c->number);
	return r;
}

static enum store_result drop_hints(struct store_txn *t, const struct store_cred *c)
{
	uint64_t own[CRED_HINTS];
	const size_t len = cred_hashes(t->s, c, own);
	enum store_result r = drop_hint(t, cred_endpoint_hash(t->s, c->endpoint), c->number);
	for (size_t i = 0; i < len && r == STORE_OK; i++)
		r = drop_hint(t, own[i], c->number);
	return r;
}

/* --- rules ------------------------------------------------------------------------------------ */

/* STORE_STALE: it is an active one's, of another number. *revoked: the number of a revoked one that
   has it; 0: none. */
static enum store_result endpoint_free(
	struct store_txn *t, const struct store_cred *c, uint32_t *revoked)
{
	struct store_cred other;
	*revoked = 0;
	enum store_result r = store_find_endpoint(&t->reader, c->endpoint, &other);
	if (r == STORE_OK && other.state == STORE_CRED_ACTIVE && other.number != c->number)
		r = STORE_STALE;
	else if (r == STORE_OK && other.state == STORE_CRED_REVOKED)
		*revoked = other.number;
	wipe(&other, sizeof(other));
	return r == STORE_NONE ? STORE_OK : r;
}

static enum store_result identity_free(struct store_txn *t, const struct store_cred *c)
{
	struct store_cred other;
	enum store_result r = store_find_identity(
		&t->reader, (enum store_cred_kind)c->kind, c->identity, c->identity_len, &other);
	if (r == STORE_OK && other.number != c->number)
		r = STORE_STALE;
	wipe(&other, sizeof(other));
	return r == STORE_NONE ? STORE_OK : r;
}

static bool same_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && same_secret(a, b, a_len);
}

static bool same_content(const struct store_cred *a, const struct store_cred *b)
{
	return strcmp(a->endpoint, b->endpoint) == 0 && a->kind == b->kind &&
	       a->pinned == b->pinned && memcmp(a->pin, b->pin, sizeof(a->pin)) == 0 &&
	       same_octets(a->identity, a->identity_len, b->identity, b->identity_len) &&
	       same_octets(a->key, a->key_len, b->key, b->key_len) &&
	       same_octets(a->upstream_identity, a->upstream_identity_len, b->upstream_identity,
		       b->upstream_identity_len) &&
	       same_octets(
		       a->upstream_key, a->upstream_key_len, b->upstream_key, b->upstream_key_len);
}

/* What its kind has, and nothing else. */
static bool is_of_its_kind(const struct store_cred *c)
{
	static const uint8_t none[STORE_PIN_LEN];
	if (!c->pinned && memcmp(c->pin, none, sizeof(none)) != 0)
		return false;
	if (c->kind == STORE_CRED_PSK)
		return c->key_len > 0 && !c->pinned;
	if (c->kind == STORE_CRED_RAW_KEY)
		return c->key_len == 0 && !c->pinned && c->identity_len == STORE_PIN_LEN;
	return c->kind == STORE_CRED_CERTIFICATE && c->key_len == 0;
}

static bool is_sound(const struct store_cred *c)
{
	return c->endpoint[0] != '\0' && memchr(c->endpoint, '\0', sizeof(c->endpoint)) &&
	       c->identity_len > 0 && c->identity_len <= STORE_IDENTITY_MAX &&
	       c->key_len <= STORE_KEY_MAX && c->upstream_identity_len <= STORE_IDENTITY_MAX &&
	       c->upstream_key_len <= STORE_KEY_MAX && c->origin <= STORE_BY_FILE &&
	       is_of_its_kind(c);
}

/* --- changes ---------------------------------------------------------------------------------- */

/* All that may refuse comes first, so that a refused one has changed nothing. */
static enum store_result write_all(
	struct store_txn *t, struct store_cred *c, const struct store_cred *old)
{
	enum store_result r = old ? drop_hints(t, old) : STORE_OK;
	c->generation = ++t->meta.generation;
	c->state = STORE_CRED_ACTIVE;
	if (c->number == 0)
		c->number = t->meta.cred_next++;
	txn_needs_anchor(t, true);
	if (r == STORE_OK)
		r = put_row(t, c);
	if (r == STORE_OK)
		r = put_hints(t, c);
	return r == STORE_OK ? store_resume_drop_cred(t, c->number) : r;
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

static enum store_result add(struct store_txn *t, struct store_cred *c, uint32_t revoked)
{
	if (t->meta.cred_next == UINT32_MAX)
		return STORE_FULL;
	/* What it authenticated is stale by its number and its generation alike. */
	const enum store_result r = revoked != 0 ? forget(t, revoked) : STORE_OK;
	return r == STORE_OK ? write_all(t, c, NULL) : r;
}

static enum store_result replace(struct store_txn *t, struct store_cred *c)
{
	struct store_cred old;
	enum store_result r = store_read_cred(&t->reader, c->number, &old);
	if (r == STORE_OK && old.state != STORE_CRED_ACTIVE) {
		r = STORE_STALE; /* nothing is un-revoked */
	} else if (r == STORE_OK && same_content(c, &old)) {
		c->generation = old.generation;
		c->state = old.state;
		c->changed_ms = old.changed_ms;
	} else if (r == STORE_OK || r == STORE_DAMAGED) {
		r = write_all(t, c, r == STORE_OK ? &old : NULL);
	}
	wipe(&old, sizeof(old));
	return r;
}

enum store_result store_cred_put(struct store_txn *t, struct store_cred *c)
{
	uint32_t revoked;
	if (!is_sound(c))
		return STORE_DAMAGED;
	enum store_result r = endpoint_free(t, c, &revoked);
	if (r == STORE_OK)
		r = identity_free(t, c);
	if (r != STORE_OK)
		return r;
	return c->number == 0 ? add(t, c, revoked) : replace(t, c);
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
	c.changed_ms = cred_wall_ms(t->s);
	txn_needs_anchor(t, true);
	if (r == STORE_OK)
		r = put_row(t, &c);
	if (r == STORE_OK && known)
		r = put_hints(t, &c);
	wipe(&c, sizeof(c));
	return r == STORE_OK ? store_resume_drop_cred(t, number) : r;
}
