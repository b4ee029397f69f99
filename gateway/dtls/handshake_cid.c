/* SPDX-License-Identifier: Apache-2.0 */
/* Connection ids, and the return routability check, agreed upon in a handshake. */
#include "dtls/state.h"

#include <stdlib.h>
#include <string.h>

/* --- ours ------------------------------------------------------------------------------------ */

/* S25: nobody else has it, awake, asleep or in a handshake. With 64 random octets and a random
   source that works the first is as good as it gets; with one that does not, none is used. */
static void make(struct dtls_handshake *h)
{
	enum { TRIES = 4 };
	struct dtls_engine *const e = h->e;
	const struct dtls_owner *const o = &e->owner;
	const struct dtls_cid_form form = {
		.node = e->set.cid_node, .worker = e->set.cid_worker, .random = e->set.cid_random
	};
	uint8_t random[DTLS_CID_RANDOM_MAX], cid[DTLS_CID_OURS_MAX];
	for (int i = 0; i < TRIES; i++) {
		o->random(o->ctx, random, form.random);
		const size_t len = dtls_cid_make(&form, random, cid);
		const uint64_t hash = sip_hash(&e->sip, cid, len);
		if (dtls_cids_find(&e->cids, hash, cid, len) ||
			(o->cid_taken && o->cid_taken(o->ctx, cid, len)))
			continue;
		memcpy(h->assoc.cid_in, cid, len);
		h->assoc.cid_in_len = (uint8_t)len;
		h->cid = (struct dtls_cid_link){
			.hash = hash, .assoc = &h->assoc, .of_handshake = true
		};
		dtls_cids_add(&e->cids, &h->cid);
		return;
	}
}

void dtls_handshake_cid_forget(struct dtls_handshake *h)
{
	dtls_cids_remove(&h->e->cids, &h->cid);
	h->assoc.cid_in_len = 0;
}

/* --- what our hello says --------------------------------------------------------------------- */

/* Server role: never for CBC with MAC-then-encrypt. The library has chosen the suite by now. */
static bool may_answer(const struct dtls_handshake *h)
{
	const SSL_CIPHER *const c = SSL_get_pending_cipher(h->ssl);
	const struct suite *const s = c ? suite_find(SSL_CIPHER_get_protocol_id(c)) : NULL;
	return h->offers_cid && s && (s->guard != SUITE_CBC || h->offers_etm);
}

static bool say_cid(struct dtls_handshake *h, const uint8_t **out, size_t *len)
{
	/* A second hello, after a HelloVerifyRequest, says what the first one has said. */
	if (h->profile->set.cid == DTLS_CID_BOTH && h->assoc.cid_in_len == 0)
		make(h);
	h->cid_said[0] = h->assoc.cid_in_len;
	memcpy(h->cid_said + 1, h->assoc.cid_in, h->assoc.cid_in_len);
	*out = h->cid_said;
	*len = 1 + (size_t)h->assoc.cid_in_len;
	return true;
}

static bool say(SSL *ssl, enum dtls_extension which, const uint8_t **out, size_t *len)
{
	static const uint8_t nothing;
	struct dtls_handshake *const h = SSL_get_app_data(ssl);
	const struct dtls_profile_settings *const set = &h->profile->set;
	const bool client = h->role == DTLS_CLIENT;
	if (set->cid == DTLS_CID_NEVER || (!client && !may_answer(h)))
		return false;
	if (which == DTLS_EXT_CID)
		return say_cid(h, out, len);
	*out = &nothing;
	*len = 0;
	return set->routability && (client || h->offers_routability);
}

void dtls_handshake_cid_hooks(struct dtls_profile *p)
{
	p->say = say;
}

/* --- what the peer's says -------------------------------------------------------------------- */

void dtls_handshake_cid_offered(struct dtls_handshake *h, const struct dtls_hello *hello)
{
	struct rd body;
	h->offers_routability = dtls_extension_find(
		hello->extensions, hello->extensions_len, DTLS_EXT_ROUTABILITY, &body);
	h->offers_cid =
		dtls_extension_find(hello->extensions, hello->extensions_len, DTLS_EXT_CID, &body);
	if (!h->offers_cid)
		return;
	h->cid_offered_len = rd_u8(&body);
	rd_copy(&body, h->cid_offered, h->cid_offered_len);
	h->offers_cid = rd_end(&body); /* libssl refuses what is broken */
}

static bool take_cid(struct dtls_handshake *h, const uint8_t *cid, size_t len)
{
	if (len == 0)
		return true;
	h->assoc.cid_out = malloc(len);
	if (!h->assoc.cid_out)
		return false;
	memcpy(h->assoc.cid_out, cid, len);
	h->assoc.cid_out_len = (uint8_t)len;
	return true;
}

bool dtls_handshake_cid_settle(struct dtls_handshake *h, const struct dtls_choice *c)
{
	h->assoc.pad_max = (uint16_t)(c->fragment_code > 0 ? 256U << c->fragment_code : 0);
	if (!c->cid_agreed) {
		dtls_handshake_cid_forget(h);
		return true;
	}
	h->routability = c->routability;
	if (h->role == DTLS_SERVER)
		return take_cid(h, h->cid_offered, h->cid_offered_len);
	return take_cid(h, c->cid, c->cid_len);
}
