/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/trust: a pair whose sides prove themselves with a PSK, a raw public key or a chain of
 * three certificates, and speak the suites that a test chooses. Sessions are kept by both.
 *
 *	struct trust *const t = trust_new(1, KIND_X509, 0xc023);
 *	t->set[CLIENT].fragment_code = 1;
 *	trust_connect(t, 0);
 *	pair_deliver(t->p);
 *	trust_free(t);
 *
 * Threads: one. Seeded, but for what libssl draws and the keys.
 */
#ifndef LWG_TESTS_DTLS_TRUST_H
#define LWG_TESTS_DTLS_TRUST_H

#include "pair.h"

#include <openssl/err.h>

#include "pki.h"
#include "shelf.h"

enum kind { KIND_PSK, KIND_RAW, KIND_X509, KINDS };

struct trust {
	struct pair *p;
	enum kind kind;
	struct pki_one root, authority, below, one[2]; /* root -> authority -> below -> one */
	X509_STORE *anchors;
	STACK_OF(X509) * chain;
	struct dtls_profile_settings set[2]; /* a profile is made of them when it is needed */
	struct dtls_profile *profile[2];
	uint8_t digest[2][DTLS_DIGEST_LEN]; /* of the keys of one[] */
	struct shelf shelf;                 /* the server's sessions */
	struct dtls_resumable link;         /* the client's last */
	size_t links;                       /* times that there was one to keep */
	bool offer;                         /* the client offers it */
	bool strangers;                     /* nobody is known */
};

static inline int64_t trust_now_s(void *ctx)
{
	(void)ctx;
	return PKI_NOW;
}

/* --- the owners ------------------------------------------------------------------------------ */

static inline struct dtls_profile *trust_profile(struct trust *t, unsigned side)
{
	const char *error = NULL;
	if (!t->profile[side])
		t->profile[side] = dtls_profile_new(&t->set[side], &error);
	if (!t->profile[side])
		fail_msg("side %u has no profile: %s", side, error);
	return t->profile[side];
}

static inline struct dtls_profile *trust_own_profile(void *ctx, const struct net_path *path)
{
	const struct side *const s = ctx;
	(void)path;
	return trust_profile(s->p->trust, s->id);
}

static inline bool trust_raw_key(void *ctx, const uint8_t digest[32], struct dtls_known *out)
{
	const struct side *const s = ctx;
	const struct trust *const t = s->p->trust;
	s->p->asked++;
	*out = (struct dtls_known){ .cred = 8, .generation = t->shelf.generation };
	return !t->strangers && memcmp(digest, t->digest[CLIENT], 32) == 0;
}

static inline bool trust_certificate(
	void *ctx, const struct dtls_chain *chain, struct dtls_known *out)
{
	static const char name[] = "urn:dev:1";
	const struct side *const s = ctx;
	const struct trust *const t = s->p->trust;
	s->p->asked++;
	*out = (struct dtls_known){ .cred = 9, .generation = t->shelf.generation };
	assert_int_equal(chain->pins_len, 4);
	assert_memory_equal(chain->pins[0], t->digest[CLIENT], 32);
	return !t->strangers && chain->name_len == sizeof(name) - 1 &&
	       memcmp(chain->name, name, chain->name_len) == 0;
}

static inline bool trust_find(void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	const struct side *const s = ctx;
	return shelf_find(&s->p->trust->shelf, id, len, out);
}

static inline void trust_keep(void *ctx, const struct dtls_resumable *x)
{
	const struct side *const s = ctx;
	shelf_keep(&s->p->trust->shelf, x);
}

static inline void trust_drop(void *ctx, const uint8_t *id, size_t len)
{
	const struct side *const s = ctx;
	shelf_drop(&s->p->trust->shelf, id, len);
}

static inline void trust_link_keep(void *ctx, void *user, const struct dtls_resumable *x)
{
	const struct side *const s = ctx;
	assert_ptr_equal(user, s->p);
	s->p->trust->link = *x;
	s->p->trust->links++;
}

/* --- life ------------------------------------------------------------------------------------ */

static inline void trust_keys(struct trust *t)
{
	struct pki_ask device = pki_device("device 1");
	device.names = "URI:urn:dev:1";
	t->root = pki_make(pki_root("root"), NULL);
	t->authority = pki_make(pki_authority("authority"), &t->root);
	t->below = pki_make(pki_authority("below"), &t->authority);
	t->one[SERVER] = pki_make(pki_server("gw.example"), &t->below);
	t->one[CLIENT] = pki_make(device, &t->below);
	t->anchors = pki_store(t->root.cert, NULL);
	t->chain = pki_chain(t->below.cert, t->authority.cert, NULL);
	for (unsigned i = 0; i < 2; i++)
		assert_true(dtls_key_digest(t->one[i].key, t->digest[i]));
}

static inline void trust_settings(struct trust *t, unsigned side)
{
	struct dtls_profile_settings *const s = &t->set[side];
	*s = dtls_profile_settings_default();
	s->suites_len = 0;
	if (t->kind == KIND_PSK)
		return;
	s->key = t->one[side].key;
	s->now_s = trust_now_s;
	s->raw_public_key = t->kind == KIND_RAW;
	if (t->kind == KIND_X509) {
		s->certificate = t->one[side].cert;
		s->chain = t->chain;
		s->anchors = t->anchors;
		s->server_name = side == CLIENT ? "gw.example" : NULL;
	} else if (side == CLIENT) {
		memcpy(s->pins[0], t->digest[SERVER], 32);
		s->pins_len = 1;
	}
}

/* suite: that both speak; 0: none yet. */
static inline struct trust *trust_with(
	uint64_t seed, enum kind kind, uint16_t suite, const struct dtls_settings *set)
{
	struct trust *const t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->kind = kind;
	t->shelf.generation = 41;
	trust_keys(t);
	t->p = pair_new(seed, set);
	t->p->trust = t;
	t->p->cred_generation = 41;
	for (unsigned i = 0; i < 2; i++) {
		trust_settings(t, i);
		if (suite != 0)
			t->set[i].suites[t->set[i].suites_len++] = suite;
	}
	struct dtls_owner *const o = &t->p->side[SERVER].e->owner;
	o->profile = trust_own_profile;
	o->raw_key = trust_raw_key;
	o->certificate = trust_certificate;
	o->session_find = trust_find;
	o->session_keep = trust_keep;
	o->session_drop = trust_drop;
	t->p->side[CLIENT].e->owner.link_session_keep = trust_link_keep;
	return t;
}

static inline struct trust *trust_new(uint64_t seed, enum kind kind, uint16_t suite)
{
	return trust_with(seed, kind, suite, NULL);
}

static inline void trust_free(struct trust *t)
{
	pair_free(t->p);
	for (unsigned i = 0; i < 2; i++) {
		dtls_profile_unref(t->profile[i]);
		pki_free(&t->one[i]);
	}
	X509_STORE_free(t->anchors);
	sk_X509_pop_free(t->chain, X509_free);
	pki_free(&t->below);
	pki_free(&t->authority);
	pki_free(&t->root);
	ERR_clear_error();
	free(t);
}

static inline void trust_connect(struct trust *t, unsigned line)
{
	struct pair *const p = t->p;
	const bool psk = t->kind == KIND_PSK;
	const struct dtls_peer peer = {
		.path = line_path(CLIENT, line),
		.identity = p->identity,
		.identity_len = p->identity_len,
		.key = p->client_key,
		.key_len = psk ? p->key_len : 0,
		.cred = 3,
		.generation = 5,
		.user = p,
		.profile = trust_profile(t, CLIENT),
		.resume = t->offer ? &t->link : NULL,
	};
	assert_int_equal(dtls_connect(p->side[CLIENT].e, &peer, p->now_ms), DTLS_OK);
}

static inline void trust_check_up(const struct side *s, size_t ups)
{
	const struct note *const n = &s->notes[s->note_count > 0 ? s->note_count - 1 : 0];
	if (s->count[FAILED] > 0)
		fail_msg("side %u: %s, alert %u", s->id, dtls_cause_text((enum dtls_cause)n->what),
			n->alert);
	assert_int_equal(s->count[UP], ups);
	assert_int_equal(dtls_stats(s->e).handshakes, 0);
}

/* Line 0, on a clean wire. */
static inline void trust_meet(struct trust *t)
{
	struct pair *const p = t->p;
	const size_t ups = p->side[SERVER].count[UP] + 1;
	p->generation++;
	trust_connect(t, 0);
	pair_deliver(p);
	for (unsigned i = 0; i < 2; i++)
		trust_check_up(&p->side[i], ups);
}

/* What is to be called for every suite and each kind of proof that it can have; mte: CBC without
   encrypt-then-MAC. */
typedef void trust_each_fn(enum kind kind, const struct suite *s, bool mte);

static inline void trust_each(trust_each_fn *what)
{
	for (size_t i = 0; i < SUITES; i++) {
		const struct suite *const s = &suites[i];
		for (enum kind k = KIND_PSK; k < KINDS; k++) {
			if (s->ecdsa != (k != KIND_PSK) ||
				(k == KIND_RAW && !dtls_profile_can_raw()))
				continue;
			what(k, s, false);
			if (s->guard == SUITE_CBC)
				what(k, s, true);
		}
	}
}

static inline uint32_t trust_cred(enum kind kind)
{
	return kind == KIND_PSK ? 7 : kind == KIND_RAW ? 8 : 9;
}

#endif
