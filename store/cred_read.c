/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "base/wipe.h"
#include "base/wr.h"
#include "store/core.h"
#include "store/cred_row.h"
#include "store/cred_rules.h"
#include "store/row.h"
#include "store/staged.h"
#include "store/staging.h"

/* In what is hashed: they stay as they are. */
enum kind {
	BY_ENDPOINT = 1,
	BY_IDENTITY,
	BY_UPSTREAM_IDENTITY,
	BY_KEY,
	BY_RAW_KEY,
	BY_CERTIFICATE,
	BY_PIN,
	BY_NOSEC,
	BY_SMS
};
enum { OF_STAGED = 16 }; /* and one of those */

static uint64_t hash_of(const struct store *s, unsigned kind, const void *name, size_t len)
{
	uint8_t octets[1 + STORE_ENDPOINT_MAX + STORE_IDENTITY_MAX];
	struct wr w = wr_into(octets, sizeof(octets));
	wr_u8(&w, (uint8_t)kind);
	wr_bytes(&w, name, len);
	/* What is too long is nobody's; it may be a key. */
	const uint64_t hash = sip_hash(&s->index_key, octets, w.len);
	wipe(octets, sizeof(octets));
	return hash;
}

uint64_t cred_endpoint_hash(const struct store *s, const char *endpoint)
{
	return hash_of(s, BY_ENDPOINT, endpoint, strlen(endpoint));
}

static enum kind by_identity(enum store_cred_kind kind)
{
	switch (kind) {
	case STORE_CRED_RAW_KEY:
		return BY_RAW_KEY;
	case STORE_CRED_CERTIFICATE:
		return BY_CERTIFICATE;
	case STORE_CRED_NOSEC:
		return BY_NOSEC;
	case STORE_CRED_SMS:
		return BY_SMS;
	case STORE_CRED_PSK:
		break;
	}
	return BY_IDENTITY;
}

uint64_t cred_identity_hash(
	const struct store *s, enum store_cred_kind kind, const uint8_t *identity, size_t len)
{
	return hash_of(s, by_identity(kind), identity, len);
}

/* Its pin is not among them: it is looked for to know whose new ones there are. */
static size_t before_hashes(const struct store *s, const struct store_cred *c, uint64_t out[2])
{
	const struct store_cred_before *const b = &c->before;
	size_t len = 0;
	if (b->generation == 0)
		return 0;
	out[len++] =
		cred_identity_hash(s, (enum store_cred_kind)c->kind, b->identity, b->identity_len);
	if (b->key_len > 0)
		out[len++] = hash_of(s, BY_KEY, b->key, b->key_len);
	return len;
}

uint64_t cred_key_hash(const struct store *s, const uint8_t *key, size_t len)
{
	return hash_of(s, BY_KEY, key, len);
}

size_t cred_hashes(const struct store *s, const struct store_cred *c, uint64_t out[CRED_HINTS])
{
	size_t len = 0;
	out[len++] =
		cred_identity_hash(s, (enum store_cred_kind)c->kind, c->identity, c->identity_len);
	if (c->key_len > 0)
		out[len++] = hash_of(s, BY_KEY, c->key, c->key_len);
	if (c->pinned) /* then there is no key */
		out[len++] = hash_of(s, BY_PIN, c->pin, sizeof(c->pin));
	if (c->upstream_key_len > 0)
		out[len++] = hash_of(s, BY_KEY, c->upstream_key, c->upstream_key_len);
	if (c->upstream_identity_len > 0)
		out[len++] = hash_of(
			s, BY_UPSTREAM_IDENTITY, c->upstream_identity, c->upstream_identity_len);
	return len + before_hashes(s, c, out + len);
}

uint64_t cred_staged_identity_hash(
	const struct store *s, enum store_cred_kind kind, const uint8_t *identity, size_t len)
{
	return hash_of(s, OF_STAGED | (unsigned)by_identity(kind), identity, len);
}

uint64_t cred_staged_key_hash(const struct store *s, const uint8_t *key, size_t len)
{
	return hash_of(s, OF_STAGED | BY_KEY, key, len);
}

uint64_t cred_staged_public_hash(const struct store *s, const uint8_t digest[STORE_PIN_LEN])
{
	return hash_of(s, OF_STAGED | BY_PIN, digest, STORE_PIN_LEN);
}

const uint8_t *cred_public(uint8_t kind, bool pinned, const uint8_t *identity, const uint8_t *pin)
{
	if (kind == STORE_CRED_RAW_KEY)
		return identity;
	return pinned ? pin : NULL;
}

size_t cred_staged_hashes(
	const struct store *s, const struct store_staged *x, uint64_t out[STAGED_HINTS])
{
	const uint8_t *const public = cred_public(x->kind, x->pinned, x->identity, x->pin);
	size_t len = 0;
	out[len++] = cred_staged_identity_hash(
		s, (enum store_cred_kind)x->kind, x->identity, x->identity_len);
	if (x->key_len > 0)
		out[len++] = cred_staged_key_hash(s, x->key, x->key_len);
	else if (public)
		out[len++] = cred_staged_public_hash(s, public);
	return len;
}

uint64_t cred_wall_ms(const struct store *s)
{
	return s->wall_ms + clock_ms(CLOCK_REALTIME) - s->clock_wall_ms;
}

/* --- by number -------------------------------------------------------------------------------- */

/* What is in the clear must be what was sealed (S20). */
static bool is_as_said(const struct store_cred *c, const struct store_cred_mark *m)
{
	const struct store_cred_mark is = cred_mark_of(c);
	return is.active == m->active && is.proved == m->proved && is.before == m->before &&
	       is.before_until_ms == m->before_until_ms && is.until_ms == m->until_ms;
}

static enum store_result open_value(
	struct store_reader *r, uint32_t number, struct kv_slice v, struct store_cred *out)
{
	struct row row = { .table = KEY_CRED, .key = key_number(number) };
	struct store_cred_mark m;
	struct kv_slice rest;
	*out = (struct store_cred){ .number = number };
	bool good = value_cred_head_read(v, &r->s->mac, number, &m, &rest);
	row.generation = out->generation = m.generation;
	(void)atomic_fetch_add(&r->s->unseals, 1);
	good = good && row_open(&row, r->sealer, rest) && value_cred_read(row_plain(&row), out) &&
	       is_as_said(out, &m);
	row_wipe(&row);
	if (good)
		return STORE_OK;
	wipe(out, sizeof(*out));
	return reader_damage(r, KEY_CRED, number);
}

enum store_result store_read_cred(struct store_reader *r, uint32_t number, struct store_cred *out)
{
	const struct key k = key_number(number);
	struct kv_slice v;
	*out = (struct store_cred){ .number = number };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_CRED, key_slice(&k), &v);
	return result == STORE_OK ? open_value(r, number, v, out) : result;
}

enum store_result store_read_cred_mark(
	struct store_reader *r, uint32_t number, struct store_cred_mark *out)
{
	const struct key k = key_number(number);
	struct kv_slice v, rest;
	*out = (struct store_cred_mark){ 0 };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_CRED, key_slice(&k), &v);
	if (result != STORE_OK)
		return result;
	if (!value_cred_head_read(v, &r->s->mac, number, out, &rest))
		return reader_damage(r, KEY_CRED, number);
	return STORE_OK;
}

enum store_result store_next_cred(struct store_reader *r, uint32_t *number, struct store_cred *out)
{
	struct kv_slice v;
	enum store_result result = reader_ready(r);
	while (result == STORE_OK) {
		result = reader_next(r, KEY_CRED, number, &v);
		if (result == STORE_OK && open_value(r, *number, v, out) == STORE_OK)
			return STORE_OK;
	}
	return result;
}

/* --- by name ---------------------------------------------------------------------------------- */

struct wanted {
	enum kind kind;
	const char *endpoint;
	enum store_purpose purpose; /* of that */
	bool sms;                   /* the same: for short messages, or not */
	const uint8_t *octets;      /* or these */
	size_t len;
	uint64_t wall_ms; /* now: what was proved before counts while that may be done */
	uint32_t but;     /* not this number */
};

static bool same_octets(const struct wanted *w, const uint8_t *octets, size_t len)
{
	return len == w->len && same_secret(octets, w->octets, len);
}

static bool is_before(const struct wanted *w, const struct store_cred *c)
{
	const struct store_cred_before *const b = &c->before;
	if (b->generation == 0 || w->wall_ms >= b->until_ms)
		return false;
	return w->kind == BY_KEY ? same_octets(w, b->key, b->key_len)
				 : same_octets(w, b->identity, b->identity_len);
}

static bool is_it(const struct wanted *w, const struct store_cred *c)
{
	switch (w->kind) {
	case BY_ENDPOINT:
		return strcmp(w->endpoint, c->endpoint) == 0 && c->purpose == w->purpose &&
		       (c->kind == STORE_CRED_SMS) == w->sms;
	case BY_IDENTITY:
	case BY_RAW_KEY:
	case BY_CERTIFICATE:
	case BY_NOSEC:
	case BY_SMS:
		return by_identity((enum store_cred_kind)c->kind) == w->kind &&
		       (same_octets(w, c->identity, c->identity_len) || is_before(w, c));
	case BY_PIN:
		return c->pinned && same_octets(w, c->pin, sizeof(c->pin));
	case BY_UPSTREAM_IDENTITY:
		return same_octets(w, c->upstream_identity, c->upstream_identity_len);
	case BY_KEY:
		break;
	}
	return same_octets(w, c->key, c->key_len) ||
	       same_octets(w, c->upstream_key, c->upstream_key_len) || is_before(w, c);
}

enum store_result cred_next_hint(struct store_reader *r, uint64_t hash, uint32_t *number)
{
	struct key from = key_hash_number(hash, *number);
	struct kv_slice k, v;
	uint64_t is;
	from.octets[from.len++] = 0;
	const enum store_result result = kv_seek(r->kv, KEY_CRED_INDEX, key_slice(&from), &k, &v);
	if (result != STORE_OK)
		return result;
	return key_is_hash_number(k, &is, number) && is == hash ? STORE_OK : STORE_NONE;
}

/* The active one; if there is none, and revoked, a revoked one. */
static enum store_result find(struct store_reader *r, uint64_t hash, const struct wanted *w,
	bool revoked, struct store_cred *out)
{
	struct store_cred c = { 0 };
	uint32_t number = 0;
	bool found = false;
	*out = (struct store_cred){ 0 };
	enum store_result result = reader_ready(r);
	while (result == STORE_OK && !(found && out->state == STORE_CRED_ACTIVE)) {
		result = cred_next_hint(r, hash, &number);
		if (result != STORE_OK || number == w->but ||
			store_read_cred(r, number, &c) != STORE_OK)
			continue;
		if (!is_it(w, &c) || (c.state != STORE_CRED_ACTIVE && !revoked))
			continue;
		*out = c;
		found = true;
	}
	wipe(&c, sizeof(c));
	return found ? STORE_OK : result;
}

enum store_result store_find_identity(struct store_reader *r, enum store_cred_kind kind,
	const uint8_t *identity, size_t len, struct store_cred *out)
{
	const struct wanted w = { .kind = by_identity(kind),
		.octets = identity,
		.len = len,
		.wall_ms = cred_wall_ms(r->s) };
	return find(r, cred_identity_hash(r->s, kind, identity, len), &w, false, out);
}

enum store_result cred_find_holder(struct store_reader *r, enum store_cred_kind kind,
	const uint8_t *identity, size_t len, struct store_cred *out)
{
	const struct wanted w = { .kind = by_identity(kind), .octets = identity, .len = len };
	return find(r, cred_identity_hash(r->s, kind, identity, len), &w, false, out);
}

enum store_result store_find_endpoint(struct store_reader *r, const char *endpoint,
	enum store_purpose purpose, struct store_cred *out)
{
	const struct wanted w = { .kind = BY_ENDPOINT, .endpoint = endpoint, .purpose = purpose };
	return find(r, cred_endpoint_hash(r->s, endpoint), &w, true, out);
}

enum store_result store_find_endpoint_sms(
	struct store_reader *r, const char *endpoint, struct store_cred *out)
{
	const struct wanted w = {
		.kind = BY_ENDPOINT, .endpoint = endpoint, .purpose = STORE_FOR_ANY, .sms = true
	};
	return find(r, cred_endpoint_hash(r->s, endpoint), &w, true, out);
}

enum store_result store_next_of_endpoint(
	struct store_reader *r, const char *endpoint, uint32_t *number, struct store_cred *out)
{
	const uint64_t hash = cred_endpoint_hash(r->s, endpoint);
	enum store_result result = reader_ready(r);
	while (result == STORE_OK) {
		result = cred_next_hint(r, hash, number);
		if (result != STORE_OK || store_read_cred(r, *number, out) != STORE_OK)
			continue;
		if (strcmp(endpoint, out->endpoint) == 0)
			return STORE_OK;
		wipe(out, sizeof(*out));
	}
	*out = (struct store_cred){ 0 };
	return result;
}

static enum store_result find_number(
	struct store_reader *r, const struct wanted *w, uint32_t *number)
{
	struct store_cred c;
	const uint64_t hash = hash_of(r->s, w->kind, w->octets, w->len);
	const enum store_result result = find(r, hash, w, false, &c);
	*number = c.number;
	wipe(&c, sizeof(c));
	return result;
}

/* Or for whom it is staged. */
static enum store_result find_or_staged(struct store_reader *r, const struct wanted *w,
	const struct staged_wanted *staged, uint32_t *number)
{
	struct store_staged x;
	enum store_result result = find_number(r, w, number);
	if (result != STORE_NONE)
		return result;
	result = staged_find(r, staged, &x);
	*number = result == STORE_OK ? x.cred : 0;
	wipe(&x, sizeof(x));
	return result;
}

enum store_result store_find_key(
	struct store_reader *r, const uint8_t *key, size_t len, uint32_t *number)
{
	const struct wanted w = {
		.kind = BY_KEY, .octets = key, .len = len, .wall_ms = cred_wall_ms(r->s)
	};
	const struct staged_wanted staged = { .part = STAGED_KEY, .octets = key, .len = len };
	return find_or_staged(r, &w, &staged, number);
}

enum store_result store_find_pin(
	struct store_reader *r, const uint8_t pin[STORE_PIN_LEN], uint32_t *number)
{
	const struct wanted w = { .kind = BY_PIN, .octets = pin, .len = STORE_PIN_LEN };
	const struct staged_wanted staged = {
		.part = STAGED_PUBLIC, .octets = pin, .len = STORE_PIN_LEN
	};
	return find_or_staged(r, &w, &staged, number);
}

static enum store_result find_sharer(struct store_reader *r, const struct store_staged *x,
	enum kind kind, const uint8_t *octets, size_t len)
{
	const struct wanted w = { .kind = kind,
		.octets = octets,
		.len = len,
		.wall_ms = cred_wall_ms(r->s),
		.but = x->cred };
	uint32_t number;
	return find_number(r, &w, &number);
}

enum store_result cred_find_sharer(struct store_reader *r, const struct store_staged *x)
{
	const uint8_t *const public = cred_public(x->kind, x->pinned, x->identity, x->pin);
	enum store_result result = find_sharer(
		r, x, by_identity((enum store_cred_kind)x->kind), x->identity, x->identity_len);
	if (result == STORE_NONE && x->key_len > 0)
		result = find_sharer(r, x, BY_KEY, x->key, x->key_len);
	if (result == STORE_NONE && public)
		result = find_sharer(r, x, BY_PIN, public, STORE_PIN_LEN);
	if (result == STORE_NONE && x->pinned)
		result = find_sharer(r, x, BY_RAW_KEY, x->pin, STORE_PIN_LEN);
	return result;
}

enum store_result store_find_upstream_identity(
	struct store_reader *r, const uint8_t *identity, size_t len, uint32_t *number)
{
	const struct wanted w = { .kind = BY_UPSTREAM_IDENTITY, .octets = identity, .len = len };
	return find_number(r, &w, number);
}
