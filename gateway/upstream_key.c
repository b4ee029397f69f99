/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upstream_key.h"

#include "base/wipe.h"
#include "conf/credentials.h"
#include "gateway/worker.h"

#include <string.h>

enum { DERIVED = 16 };

static bool fill(
	const struct gw_shared *shared, const struct store_cred *c, struct gw_upstream_key *out)
{
	if (c->state != STORE_CRED_ACTIVE)
		return false;
	out->generation = c->generation;
	if (c->upstream_key_len > 0) {
		memcpy(out->identity, c->upstream_identity, c->upstream_identity_len);
		out->identity_len = c->upstream_identity_len;
		memcpy(out->key, c->upstream_key, c->upstream_key_len);
		out->key_len = c->upstream_key_len;
		return true;
	}
	/* The server knows the endpoint by its name, if nothing else is said. */
	const size_t len = strlen(c->endpoint);
	memcpy(out->identity,
		c->upstream_identity_len > 0 ? (const void *)c->upstream_identity
					     : (const void *)c->endpoint,
		c->upstream_identity_len > 0 ? c->upstream_identity_len : len);
	out->identity_len = c->upstream_identity_len > 0 ? c->upstream_identity_len : len;
	out->key_len = DERIVED;
	return cred_has_master(shared->creds) && cred_derived(shared->creds, c->endpoint, out->key);
}

bool gw_upstream_key(struct gw_worker *w, uint32_t cred, struct gw_upstream_key *out)
{
	struct store_cred c;
	memset(out, 0, sizeof(*out));
	const bool good =
		store_read_cred(w->reader, cred, &c) == STORE_OK && fill(w->shared, &c, out);
	wipe(&c, sizeof(c));
	return good;
}
