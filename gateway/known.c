/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/known.h"

#include "base/wipe.h"
#include "gateway/clock.h"
#include "gateway/sms_dtls.h"
#include "gateway/worker.h"
#include "store/staging.h"
#include "store/store.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

enum { DIGEST = 32 };
_Static_assert((int)STORE_PIN_LEN == (int)DIGEST, "a pin is a SHA-256");

static bool find(struct gw_worker *w, enum store_cred_kind kind, const uint8_t *identity,
	size_t len, struct store_cred *out)
{
	return store_find_identity(w->reader, kind, identity, len, out) == STORE_OK &&
	       out->state == STORE_CRED_ACTIVE && out->kind == kind && gw_sms_dtls_may(w, out) &&
	       (out->until_ms == 0 || gw_clock_wall_ms() < out->until_ms);
}

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Is it the identity of now, and is it the one of before? */
static bool is_now(const struct store_cred *c, const uint8_t *identity, size_t len)
{
	return same(c->identity, c->identity_len, identity, len);
}

static bool is_before(const struct store_cred *c, const uint8_t *identity, size_t len)
{
	const struct store_cred_before *const b = &c->before;
	return b->generation != 0 && gw_clock_wall_ms() < b->until_ms &&
	       same(b->identity, b->identity_len, identity, len);
}

/* What is staged under this name (S31), of a credential that has not expired. */
static bool find_staged(struct gw_worker *w, enum store_cred_kind kind, const uint8_t *identity,
	size_t len, struct store_staged *out)
{
	return store_find_staged(w->reader, kind, identity, len, out) == STORE_OK;
}

/* --- PSK -------------------------------------------------------------------------------------- */

enum { KEYS = 3, PLACE_BITS = 3 /* of a hash: which of the keys */ };

struct keys { /* that a PSK identity may have, the likeliest first; the holder wipes it */
	struct dtls_psk at[KEYS];
	size_t len;
};

static void add_key(
	struct keys *k, uint32_t cred, uint64_t generation, const uint8_t *key, size_t len)
{
	struct dtls_psk *const one = &k->at[k->len];
	assert(len <= sizeof(one->key));
	if (len == 0)
		return;
	*one = (struct dtls_psk){ .len = len, .cred = cred, .generation = generation };
	memcpy(one->key, key, len);
	k->len++;
}

static void add_staged(struct keys *k, const struct store_staged *s)
{
	add_key(k, s->cred, s->generation, s->key, s->key_len);
}

/* What is staged goes first once the device has said that it has it. */
static void find_keys(struct gw_worker *w, const uint8_t *identity, size_t len, struct keys *out)
{
	struct store_cred c;
	struct store_staged next;
	const bool known = find(w, STORE_CRED_PSK, identity, len, &c);
	const bool staged = find_staged(w, STORE_CRED_PSK, identity, len, &next);
	out->len = 0;
	if (staged && next.armed)
		add_staged(out, &next);
	if (known && is_now(&c, identity, len))
		add_key(out, c.number, c.generation, c.key, c.key_len);
	if (known && is_before(&c, identity, len))
		add_key(out, c.number, c.before.generation, c.before.key, c.before.key_len);
	if (staged && !next.armed)
		add_staged(out, &next);
	wipe(&c, sizeof(c));
	wipe(&next, sizeof(next));
}

/* Which key of an identity is tried next is kept with its hash. A strange device may have the same
   place, and then both begin with the likeliest again. */
static uint64_t *place_of(struct gw_worker *w, const uint8_t *identity, size_t len, uint64_t *hash)
{
	*hash = sip_hash(&w->shared->identity_key, identity, len) & ~(uint64_t)PLACE_BITS;
	return &w->other_keys[(*hash >> 2) % GW_KNOWN_OTHERS];
}

static size_t turn_of(uint64_t place, uint64_t hash)
{
	return (place & ~(uint64_t)PLACE_BITS) == hash ? (size_t)(place & PLACE_BITS) : 0;
}

void gw_known_failed(struct gw_worker *w, const struct dtls_failure *f)
{
	struct keys k;
	uint64_t hash = 0;
	if (f->role != DTLS_SERVER || f->cause != DTLS_FAIL_KEY || f->identity == NULL)
		return;
	uint64_t *const at = place_of(w, f->identity, f->identity_len, &hash);
	find_keys(w, f->identity, f->identity_len, &k);
	const size_t was = turn_of(*at, hash);
	const size_t next = was + 1 < k.len ? was + 1 : 0;
	wipe(&k, sizeof(k));
	if (next > 0)
		*at = hash | next;
	else if (was > 0)
		*at = 0;
}

bool gw_known_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	struct gw_worker *w = ctx;
	struct keys k;
	uint64_t hash = 0;
	const uint64_t place = *place_of(w, identity, len, &hash);
	find_keys(w, identity, len, &k);
	const bool known = k.len > 0;
	const size_t turn = turn_of(place, hash);
	if (known)
		*out = k.at[turn < k.len ? turn : 0];
	wipe(&k, sizeof(k));
	return known;
}

/* --- without ---------------------------------------------------------------------------------- */

static void tell(const struct store_cred *c, bool now, struct dtls_known *out)
{
	*out = (struct dtls_known){ .cred = c->number,
		.generation = now ? c->generation : c->before.generation };
}

bool gw_known_raw_key(void *ctx, const uint8_t digest[32], struct dtls_known *out)
{
	struct store_cred c;
	struct store_staged next;
	const bool known = find(ctx, STORE_CRED_RAW_KEY, digest, DIGEST, &c);
	const bool now = known && is_now(&c, digest, DIGEST);
	const bool before = known && is_before(&c, digest, DIGEST);
	const bool staged =
		!now && !before && find_staged(ctx, STORE_CRED_RAW_KEY, digest, DIGEST, &next);
	if (now || before)
		tell(&c, now, out);
	if (staged)
		*out = (struct dtls_known){ .cred = next.cred, .generation = next.generation };
	wipe(&c, sizeof(c));
	return now || before || staged;
}

/* The holder's key, or an authority's above it. Each is compared, whatever was found. */
static bool is_pinned(const uint8_t pin[DIGEST], const struct dtls_chain *chain)
{
	unsigned found = 0;
	for (size_t i = 0; i < chain->pins_len; i++)
		found |= CRYPTO_memcmp(chain->pins[i], pin, DIGEST) == 0;
	return found != 0;
}

/* The name may well be that of now: what is staged is pinned, and so goes first. */
static bool is_staged(struct gw_worker *w, const struct dtls_chain *chain, struct dtls_known *out)
{
	struct store_staged next;
	const bool staged =
		find_staged(w, STORE_CRED_CERTIFICATE, chain->name, chain->name_len, &next) &&
		(!next.pinned || is_pinned(next.pin, chain));
	if (staged)
		*out = (struct dtls_known){ .cred = next.cred, .generation = next.generation };
	wipe(&next, sizeof(next));
	return staged;
}

bool gw_known_certificate(void *ctx, const struct dtls_chain *chain, struct dtls_known *out)
{
	struct store_cred c;
	const uint8_t *const name = chain->name;
	if (is_staged(ctx, chain, out))
		return true;
	const bool known = find(ctx, STORE_CRED_CERTIFICATE, name, chain->name_len, &c);
	const bool now = known && is_now(&c, name, chain->name_len) &&
			 (!c.pinned || is_pinned(c.pin, chain));
	const bool before = known && is_before(&c, name, chain->name_len) &&
			    (!c.before.pinned || is_pinned(c.before.pin, chain));
	if (now || before)
		tell(&c, now, out);
	wipe(&c, sizeof(c));
	return now || before;
}
