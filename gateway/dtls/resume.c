/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/resume.h"

#include "base/wipe.h"
#include "dtls/session_der.h"
#include "dtls/state.h"

#include <openssl/err.h>
#include <string.h>

enum {
	/* Before what libssl wrote stands which of our formats it is: a store outlives the program,
	   and what another one wrote is not guessed at. */
	FORMAT = 1,                  /* of a suite whose guard follows from it */
	FORMAT_CBC = 2,              /* the guard of a CBC suite follows (enum dtls_guard) */
	EXT_MAX_FRAGMENT_LENGTH = 1, /* RFC 6066 4 */
	EXT_ENCRYPT_THEN_MAC = 22,   /* RFC 7366 2 */
	EXT_MASTER_SECRET = 23,      /* RFC 7627 5.1 */
};

/* --- what the client's hello offers ---------------------------------------------------------- */

static bool extension(const struct dtls_hello *hello, uint16_t type, struct rd *body)
{
	return dtls_extension_find(hello->extensions, hello->extensions_len, type, body);
}

void dtls_resume_offered(struct dtls_handshake *h, const struct dtls_hello *hello)
{
	struct rd body;
	h->offers = 0;
	for (unsigned i = 0; i < SUITES; i++) {
		if (dtls_hello_offers(hello, suites[i].number))
			h->offers |= (uint16_t)(1U << i);
	}
	h->offers_etm = extension(hello, EXT_ENCRYPT_THEN_MAC, &body);
	h->offers_ems = extension(hello, EXT_MASTER_SECRET, &body);
	h->offers_fragment = extension(hello, EXT_MAX_FRAGMENT_LENGTH, &body) ? rd_u8(&body) : 0;
}

/* Without the extended master secret no session is kept. RFC 7627 5.3 says that one which lacks it
   SHOULD NOT be resumed, and leaves the risk of 5.4 to who does.
   libssl asks after the hello and before its ServerHello of a full handshake; that this one shall
   have no id, it believes only the mode of the context. */
static int not_resumable(SSL *ssl, int forward_secure)
{
	const struct dtls_handshake *const h = SSL_get_app_data(ssl);
	const bool kept = h->e->owner.session_keep && h->offers_ems;
	(void)forward_secure;
	SSL_CTX_set_session_cache_mode(
		SSL_get_SSL_CTX(ssl), SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR |
					      (kept ? SSL_SESS_CACHE_SERVER : 0));
	return !kept;
}

/* --- finding --------------------------------------------------------------------------------- */

static const struct suite *suite_of(const SSL_SESSION *s)
{
	const SSL_CIPHER *const c = SSL_SESSION_get0_cipher(s);
	return c ? suite_find(SSL_CIPHER_get_protocol_id(c)) : NULL;
}

/* libssl would end the handshake with an alert where max_fragment_length, suite or extended
   master secret differ from the session's; a device whose firmware has changed is better served by
   a full handshake, and the abbreviated one is as much aborted (RFC 7627 5.3). */
static bool fits(const struct dtls_handshake *h, const SSL_SESSION *s, enum dtls_guard guard)
{
	const struct suite *const suite = suite_of(s);
	if (SSL_SESSION_get_protocol_version(s) != DTLS1_2_VERSION || !suite ||
		!dtls_profile_speaks(h->profile, suite->number))
		return false;
	const bool offered = h->offers >> (suite - suites) & 1;
	const bool etm = h->offers_etm
				 ? guard == DTLS_GUARD_ETM
				 : guard == DTLS_GUARD_MTE && h->profile->set.mac_then_encrypt;
	return offered && h->offers_ems && (suite->guard != SUITE_CBC || etm) &&
	       SSL_SESSION_get_max_fragment_length(s) == h->offers_fragment;
}

/* NULL: it is not what we wrote under this id; a session that has a ticket has none. */
static SSL_SESSION *revive(const struct dtls_resumable *found, enum dtls_guard *guard)
{
	*guard = DTLS_GUARD_CCM_8;
	if (found->len < 3 || found->len > sizeof(found->session))
		return NULL;
	const uint8_t *at = found->session;
	const uint8_t *const end = at + found->len;
	const uint8_t format = *at++;
	if (format == FORMAT_CBC)
		*guard = *at++ == DTLS_GUARD_ETM ? DTLS_GUARD_ETM : DTLS_GUARD_MTE;
	else if (format != FORMAT)
		return NULL;
	(void)ERR_set_mark();
	SSL_SESSION *const s = d2i_SSL_SESSION(NULL, &at, end - at);
	(void)ERR_pop_to_mark();
	const struct suite *const suite = s ? suite_of(s) : NULL;
	unsigned int own_len = 0;
	const uint8_t *const own = s ? SSL_SESSION_get_id(s, &own_len) : NULL;
	if (suite && at == end && (suite->guard == SUITE_CBC) == (format == FORMAT_CBC) &&
		(found->id_len == 0 ||
			(own_len == found->id_len && memcmp(own, found->id, own_len) == 0)))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

/* libssl has a ClientHello with an id; its cookie was good. */
static SSL_SESSION *find(SSL *ssl, const unsigned char *id, int len, int *copy)
{
	struct dtls_handshake *const h = SSL_get_app_data(ssl);
	const struct dtls_owner *const o = &h->e->owner;
	struct dtls_resumable found = { .cred = DTLS_NO_CRED };
	SSL_SESSION *s = NULL;
	*copy = 0; /* libssl takes it over */
	if (!o->session_find || len <= 0 || len > DTLS_SESSION_ID_MAX)
		return NULL;
	const size_t id_len = (size_t)len;
	enum dtls_guard guard;
	const bool known = o->session_find(o->ctx, id, id_len, &found);
	memcpy(found.id, id, id_len);
	found.id_len = id_len; /* that of the hello, whatever the owner says */
	if (known)
		s = revive(&found, &guard);
	const struct suite *const suite = s ? suite_of(s) : NULL;
	const bool proved = suite && suite->ecdsa;
	if (s && (!fits(h, s, guard) || (proved && !(dtls_profile_trusts(h->profile, s) &&
							   dtls_profile_unmark(s))))) {
		SSL_SESSION_free(s);
		s = NULL;
	}
	if (s) {
		memcpy(h->session_id, id, id_len);
		h->session_id_len = (uint8_t)id_len;
		h->session_cred = found.cred;
		h->session_generation = found.generation;
		h->session_proved = found.proved;
	}
	wipe(&found, sizeof(found));
	return s;
}

/* Client role: the session goes into the hello; whether it is resumed is the server's to say. One
   of another credential, suite or max_fragment_length is not offered. */
void dtls_resume_offer(struct dtls_handshake *h, const struct dtls_resumable *x)
{
	enum dtls_guard guard;
	SSL_SESSION *const s = revive(x, &guard);
	const struct suite *const suite = s ? suite_of(s) : NULL;
	const bool fit = suite && x->cred == h->cred && x->generation == h->generation &&
			 SSL_SESSION_get_protocol_version(s) == DTLS1_2_VERSION &&
			 dtls_profile_speaks(h->profile, suite->number) &&
			 suite->ecdsa == (h->key_len == 0) &&
			 (guard != DTLS_GUARD_MTE || h->profile->set.mac_then_encrypt) &&
			 SSL_SESSION_get_max_fragment_length(s) == h->profile->set.fragment_code;
	if (fit && SSL_set_session(h->ssl, s) == 1)
		h->session_proved = x->proved;
	SSL_SESSION_free(s);
}

void dtls_resume_settle(struct dtls_handshake *h)
{
	if (h->resumed || h->suite == 0 || !SSL_session_reused(h->ssl))
		return;
	h->resumed = true;
	h->proved = h->session_proved;
	if (h->role == DTLS_CLIENT)
		return;
	h->cred = h->session_cred;
	h->generation = h->session_generation;
}

/* --- keeping and dropping -------------------------------------------------------------------- */

/* What the library writes has the master secret, the identity and the flag of the extended master
   secret, which no other function of its interface gives back. OpenSSL 3.0 and 3.5 read each
   other's. False: it does not fit. */
static bool write_session(
	const struct dtls_handshake *h, const SSL_SESSION *s, struct dtls_resumable *out)
{
	const enum dtls_guard how = dtls_assoc_guard(&h->assoc);
	const bool cbc = how == DTLS_GUARD_ETM || how == DTLS_GUARD_MTE;
	const size_t before = cbc ? 2 : 1;
	unsigned int id_len = 0;
	const uint8_t *const id = SSL_SESSION_get_id(s, &id_len);
	uint8_t *der = NULL;
	const int len = i2d_SSL_SESSION(s, &der);
	*out = (struct dtls_resumable){
		.cred = h->cred, .generation = h->generation, .proved = h->proved
	};
	if (len <= 0)
		return false;
	const size_t lean = dtls_session_lean(
		der, (size_t)len, out->session + before, sizeof(out->session) - before);
	OPENSSL_clear_free(der, (size_t)len);
	if (id_len > sizeof(out->id) || lean == 0)
		return false;
	out->session[0] = cbc ? FORMAT_CBC : FORMAT;
	if (cbc)
		out->session[1] = (uint8_t)how;
	out->len = before + lean;
	out->id_len = SSL_SESSION_has_ticket(s) ? 0 : id_len;
	memcpy(out->id, id, out->id_len);
	return true;
}

void dtls_resume_keep(const struct dtls_handshake *h)
{
	const struct dtls_owner *const o = &h->e->owner;
	SSL_SESSION *const s = SSL_get_session(h->ssl);
	const bool device = h->role == DTLS_SERVER;
	/* A ticket may be a new one, although its predecessor was just resumed. */
	if (!s || !SSL_SESSION_is_resumable(s) || SSL_get_extms_support(h->ssl) != 1 ||
		(h->resumed && (device || !h->ticketed)) ||
		!(device ? o->session_keep != NULL : o->link_session_keep != NULL))
		return;
	/* It is used no more but for being written. */
	if (device && h->mode != DTLS_MODE_PSK &&
		!dtls_profile_mark(h->profile, s, h->mode == DTLS_MODE_RAW_KEY))
		return;
	struct dtls_resumable x;
	if (write_session(h, s, &x)) {
		if (device)
			o->session_keep(o->ctx, &x);
		else
			o->link_session_keep(o->ctx, h->user, &x);
	}
	wipe(&x, sizeof(x));
}

/* An id is seen by whoever listens, so a session must not die of what a stranger can say under it:
   a Finished that does not open, a plain alert, silence. Only what has opened under the session's
   keys speaks for its peer, and only a fatal alert that this led to, either way, ends the session.
   For the same reason libssl's own remove_cb is not used: it comes with each handshake that was not
   finished. */
void dtls_resume_failed(const struct dtls_handshake *h)
{
	const struct dtls_owner *const o = &h->e->owner;
	if (h->role == DTLS_SERVER && h->resumed && h->authentic && h->alert != 0 &&
		o->session_drop)
		o->session_drop(o->ctx, h->session_id, h->session_id_len);
}

void dtls_resume_hooks(SSL_CTX *ctx)
{
	SSL_CTX_sess_set_get_cb(ctx, find);
	SSL_CTX_set_not_resumable_session_callback(ctx, not_resumable);
}
