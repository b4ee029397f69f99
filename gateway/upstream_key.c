/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upstream_key.h"

#include "base/wipe.h"
#include "conf/credentials.h"
#include "gateway/worker.h"

#include <string.h>

enum { DERIVED = 16 };

static bool fill(
	const struct cred_set *master, const struct store_cred *c, struct gw_upstream_key *out)
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
	return master && cred_has_master(master) && cred_derived(master, c->endpoint, out->key);
}

bool gw_upstream_key(
	struct gw_worker *w, uint32_t cred, size_t upstream, struct gw_upstream_key *out)
{
	const struct cred_set *const own = w->shared->masters[upstream];
	struct store_cred c;
	memset(out, 0, sizeof(*out));
	const bool good = store_read_cred(w->reader, cred, &c) == STORE_OK &&
			  fill(own ? own : w->shared->creds, &c, out);
	wipe(&c, sizeof(c));
	return good;
}
