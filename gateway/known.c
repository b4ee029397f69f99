/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/known.h"

#include "base/wipe.h"
#include "gateway/worker.h"
#include "store/store.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

enum { DIGEST = 32 };
_Static_assert((int)STORE_PIN_LEN == (int)DIGEST, "a pin is a SHA-256");

bool gw_known_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	struct gw_worker *w = ctx;
	struct store_cred c;
	const bool known =
		store_find_identity(w->reader, STORE_CRED_PSK, identity, len, &c) == STORE_OK &&
		c.state == STORE_CRED_ACTIVE && c.key_len > 0;
	if (known) {
		assert(c.key_len <= sizeof(out->key));
		memcpy(out->key, c.key, c.key_len);
		out->len = c.key_len;
		out->cred = c.number;
		out->generation = c.generation;
	}
	wipe(&c, sizeof(c));
	return known;
}

static bool find(struct gw_worker *w, enum store_cred_kind kind, const uint8_t *identity,
	size_t len, struct store_cred *out)
{
	return store_find_identity(w->reader, kind, identity, len, out) == STORE_OK &&
	       out->state == STORE_CRED_ACTIVE && out->kind == kind;
}

bool gw_known_raw_key(void *ctx, const uint8_t digest[32], struct dtls_known *out)
{
	struct store_cred c;
	const bool known = find(ctx, STORE_CRED_RAW_KEY, digest, DIGEST, &c);
	if (known)
		*out = (struct dtls_known){ .cred = c.number, .generation = c.generation };
	wipe(&c, sizeof(c));
	return known;
}

/* The holder's key, or an authority's above it. Each is compared, whatever was found. */
static bool is_pinned(const struct store_cred *c, const struct dtls_chain *chain)
{
	unsigned found = 0;
	for (size_t i = 0; i < chain->pins_len; i++)
		found |= CRYPTO_memcmp(chain->pins[i], c->pin, DIGEST) == 0;
	return found != 0;
}

bool gw_known_certificate(void *ctx, const struct dtls_chain *chain, struct dtls_known *out)
{
	struct store_cred c;
	const bool known = find(ctx, STORE_CRED_CERTIFICATE, chain->name, chain->name_len, &c) &&
			   (!c.pinned || is_pinned(&c, chain));
	if (known)
		*out = (struct dtls_known){ .cred = c.number, .generation = c.generation };
	wipe(&c, sizeof(c));
	return known;
}
