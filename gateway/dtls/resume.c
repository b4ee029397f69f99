/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/resume.h"

#include "base/wipe.h"
#include "dtls/state.h"

#include <openssl/err.h>
#include <string.h>

enum {
	/* Before what libssl wrote stands which of our formats it is: a store outlives the program,
	   and what another one wrote is not guessed at. */
	FORMAT = 1,
	SUITE_PSK_CCM8 = 0xc0a8,
	EXT_MAX_FRAGMENT_LENGTH = 1, /* RFC 6066 4 */
	EXT_MASTER_SECRET = 23,      /* RFC 7627 5.1 */
};

/* --- what the client's hello offers ---------------------------------------------------------- */

/* The body of an extension; false: it is not there. */
static bool extension(const struct dtls_hello *hello, uint16_t type, struct rd *body)
{
	struct rd block = rd_from(hello->extensions, hello->extensions_len);
	while (block.left > 0) {
		const uint16_t t = rd_u16(&block);
		*body = rd_sub(&block, rd_u16(&block));
		if (!rd_ok(&block))
			return false;
		if (t == type)
			return true;
	}
	return false;
}

void dtls_resume_offered(struct dtls_handshake *h, const struct dtls_hello *hello)
{
	struct rd body;
	h->offers_suite = dtls_hello_offers(hello, SUITE_PSK_CCM8);
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
	SSL_CTX_set_session_cache_mode(h->e->lib.ctx, SSL_SESS_CACHE_NO_INTERNAL |
							      SSL_SESS_CACHE_NO_AUTO_CLEAR |
							      (kept ? SSL_SESS_CACHE_SERVER : 0));
	return !kept;
}

/* --- finding --------------------------------------------------------------------------------- */

/* libssl would end the handshake with an alert where max_fragment_length, suite or extended
   master secret differ from the session's; a device whose firmware has changed is better served by
   a full handshake, and the abbreviated one is as much aborted (RFC 7627 5.3). */
static bool fits(const struct dtls_handshake *h, const SSL_SESSION *s)
{
	const SSL_CIPHER *const suite = SSL_SESSION_get0_cipher(s);
	return SSL_SESSION_get_protocol_version(s) == DTLS1_2_VERSION && suite &&
	       SSL_CIPHER_get_protocol_id(suite) == SUITE_PSK_CCM8 && h->offers_suite &&
	       h->offers_ems && SSL_SESSION_get_max_fragment_length(s) == h->offers_fragment;
}

/* NULL: it is not what we wrote under this id. */
static SSL_SESSION *revive(const struct dtls_resumable *found, const uint8_t *id, size_t len)
{
	if (found->len < 2 || found->len > sizeof(found->session) || found->session[0] != FORMAT)
		return NULL;
	const uint8_t *at = found->session + 1;
	(void)ERR_set_mark();
	SSL_SESSION *const s = d2i_SSL_SESSION(NULL, &at, (long)(found->len - 1));
	(void)ERR_pop_to_mark();
	unsigned int own_len = 0;
	const uint8_t *const own = s ? SSL_SESSION_get_id(s, &own_len) : NULL;
	if (s && at == found->session + found->len && own_len == len && memcmp(own, id, len) == 0)
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
	if (o->session_find(o->ctx, id, id_len, &found))
		s = revive(&found, id, id_len);
	if (s && !fits(h, s)) {
		SSL_SESSION_free(s);
		s = NULL;
	}
	if (s) {
		memcpy(h->session_id, id, id_len);
		h->session_id_len = (uint8_t)id_len;
		h->session_cred = found.cred;
		h->session_generation = found.generation;
	}
	wipe(&found, sizeof(found));
	return s;
}

void dtls_resume_settle(struct dtls_handshake *h)
{
	if (h->resumed || h->role != DTLS_SERVER || !SSL_session_reused(h->ssl))
		return;
	h->resumed = true;
	h->cred = h->session_cred;
	h->generation = h->session_generation;
}

/* --- keeping and dropping -------------------------------------------------------------------- */

/* What the library writes has the master secret, the identity and the flag of the extended master
   secret, which no other function of its interface gives back. OpenSSL 3.0 and 3.5 read each
   other's. */
void dtls_resume_keep(const struct dtls_handshake *h)
{
	const struct dtls_owner *const o = &h->e->owner;
	const SSL_SESSION *const s = SSL_get_session(h->ssl);
	if (h->role != DTLS_SERVER || h->resumed || !o->session_keep || !s ||
		!SSL_SESSION_is_resumable(s))
		return;
	unsigned int id_len = 0;
	const uint8_t *const id = SSL_SESSION_get_id(s, &id_len);
	const int len = i2d_SSL_SESSION(s, NULL);
	struct dtls_resumable x = { .cred = h->cred, .generation = h->generation };
	if (id_len > sizeof(x.id) || len <= 0 || (size_t)len >= sizeof(x.session))
		return;
	uint8_t *at = x.session;
	*at++ = FORMAT;
	x.len = 1 + (size_t)i2d_SSL_SESSION(s, &at);
	x.id_len = id_len;
	memcpy(x.id, id, id_len);
	o->session_keep(o->ctx, &x);
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
	if (h->resumed && h->authentic && h->alert != 0 && o->session_drop)
		o->session_drop(o->ctx, h->session_id, h->session_id_len);
}

void dtls_resume_hooks(SSL_CTX *ctx)
{
	SSL_CTX_sess_set_get_cb(ctx, find);
	SSL_CTX_set_not_resumable_session_callback(ctx, not_resumable);
}
