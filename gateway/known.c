/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/known.h"

#include "base/wipe.h"
#include "gateway/clock.h"
#include "gateway/worker.h"
#include "store/store.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

enum { DIGEST = 32 };
_Static_assert((int)STORE_PIN_LEN == (int)DIGEST, "a pin is a SHA-256");

/* What is compared with a time is 0 while the clock is not to be trusted: nothing is over then. */
static uint64_t wall_ms(void)
{
	const int64_t now_s = gw_clock_now_s(NULL);
	return now_s > 0 ? (uint64_t)now_s * 1000 : 0;
}

static bool find(struct gw_worker *w, enum store_cred_kind kind, const uint8_t *identity,
	size_t len, struct store_cred *out)
{
	return store_find_identity(w->reader, kind, identity, len, out) == STORE_OK &&
	       out->state == STORE_CRED_ACTIVE && out->kind == kind &&
	       (out->until_ms == 0 || wall_ms() < out->until_ms);
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
	return b->generation != 0 && wall_ms() < b->until_ms &&
	       same(b->identity, b->identity_len, identity, len);
}

/* --- PSK -------------------------------------------------------------------------------------- */

/* A strange device may have the same place, and then both begin with the newest again. */
static uint64_t *older_at(struct gw_worker *w, const uint8_t *identity, size_t len, uint64_t *hash)
{
	*hash = sip_hash(&w->shared->identity_key, identity, len) | 1; /* 0: nobody */
	return &w->older[(*hash >> 1) % GW_KNOWN_OLDER];
}

static bool tries_older(struct gw_worker *w, const uint8_t *identity, size_t len)
{
	uint64_t hash = 0;
	return *older_at(w, identity, len, &hash) == hash;
}

void gw_known_failed(struct gw_worker *w, const struct dtls_failure *f)
{
	struct store_cred c;
	uint64_t hash = 0;
	if (f->role != DTLS_SERVER || f->cause != DTLS_FAIL_KEY || f->identity == NULL)
		return;
	uint64_t *const at = older_at(w, f->identity, f->identity_len, &hash);
	const bool two = find(w, STORE_CRED_PSK, f->identity, f->identity_len, &c) &&
			 is_now(&c, f->identity, f->identity_len) &&
			 is_before(&c, f->identity, f->identity_len);
	wipe(&c, sizeof(c));
	if (*at == hash)
		*at = 0;
	else if (two)
		*at = hash;
}

bool gw_known_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	struct gw_worker *w = ctx;
	struct store_cred c;
	const bool known = find(w, STORE_CRED_PSK, identity, len, &c);
	const bool now = known && is_now(&c, identity, len) && c.key_len > 0;
	const bool before = known && is_before(&c, identity, len) && c.before.key_len > 0;
	const bool older = before && (!now || tries_older(w, identity, len));
	if (now || before) {
		assert(c.key_len <= sizeof(out->key) && c.before.key_len <= sizeof(out->key));
		out->len = older ? c.before.key_len : c.key_len;
		memcpy(out->key, older ? c.before.key : c.key, out->len);
		out->cred = c.number;
		out->generation = older ? c.before.generation : c.generation;
	}
	wipe(&c, sizeof(c));
	return now || before;
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
	const bool known = find(ctx, STORE_CRED_RAW_KEY, digest, DIGEST, &c);
	const bool now = known && is_now(&c, digest, DIGEST);
	const bool before = known && is_before(&c, digest, DIGEST);
	if (now || before)
		tell(&c, now, out);
	wipe(&c, sizeof(c));
	return now || before;
}

/* The holder's key, or an authority's above it. Each is compared, whatever was found. */
static bool is_pinned(const uint8_t pin[DIGEST], const struct dtls_chain *chain)
{
	unsigned found = 0;
	for (size_t i = 0; i < chain->pins_len; i++)
		found |= CRYPTO_memcmp(chain->pins[i], pin, DIGEST) == 0;
	return found != 0;
}

bool gw_known_certificate(void *ctx, const struct dtls_chain *chain, struct dtls_known *out)
{
	struct store_cred c;
	const uint8_t *const name = chain->name;
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
