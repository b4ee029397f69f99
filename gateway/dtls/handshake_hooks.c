/* SPDX-License-Identifier: Apache-2.0 */
/* What libssl asks and tells in the middle of a handshake. */
#include "base/wipe.h"
#include "dtls/alert.h"
#include "dtls/resume.h"
#include "dtls/state.h"

#include <string.h>

/* The library's C string is ignored: the identity is octets. Whom nobody knows gets a
   random key, so that his handshake goes the way of a wrong key. */
static unsigned int psk_server(SSL *ssl, const char *text, unsigned char *out, unsigned int cap)
{
	struct dtls_handshake *const h = SSL_get_app_data(ssl);
	const struct dtls_owner *const o = &h->e->owner;
	(void)text;
	struct dtls_psk found = { .cred = DTLS_NO_CRED };
	const bool known = o->psk(o->ctx, h->identity, h->identity_len, &found) && found.len > 0 &&
			   found.len <= DTLS_PSK_MAX && found.len <= cap;
	if (!known) {
		found.len = DTLS_KEY_LEN;
		found.cred = DTLS_NO_CRED;
		o->random(o->ctx, found.key, found.len);
	}
	h->unknown = !known;
	h->cred = found.cred;
	h->generation = found.generation;
	const unsigned int len = (unsigned int)found.len;
	memcpy(out, found.key, len);
	wipe(&found, sizeof(found));
	return len;
}

static unsigned int psk_client(SSL *ssl, const char *hint, char *identity, unsigned int cap,
	unsigned char *out, unsigned int out_cap)
{
	const struct dtls_handshake *const h = SSL_get_app_data(ssl);
	(void)hint;
	if (h->identity_len >= cap || h->key_len > out_cap)
		return 0;
	memcpy(identity, h->identity, h->identity_len + 1);
	memcpy(out, h->key, h->key_len);
	return (unsigned int)h->key_len;
}

/* Whom a key or a certificate shows. It is believed when the Finished is right: the library checks
   the proof of possession later. Whom nobody knows is heard to that point, and refused there: keys
   and certificates are said in the clear, and who has only overheard one finds out nothing about
   who exists. */
static uint8_t judge(SSL *ssl, const struct dtls_proof *proof)
{
	struct dtls_handshake *const h = SSL_get_app_data(ssl);
	const struct dtls_owner *const o = &h->e->owner;
	const bool raw = proof->kind == DTLS_PROOF_RAW_KEY;
	const uint8_t *const name = raw ? proof->digest : proof->chain.name;
	const size_t len = raw ? sizeof(proof->digest) : proof->chain.name_len;
	struct dtls_known known = { .cred = DTLS_NO_CRED };
	if (len > 0 && len <= DTLS_IDENTITY_MAX) {
		memcpy(h->identity, name, len);
		h->identity_len = len;
	}
	h->refused = !proof->good;
	h->refusal = proof->cause;
	h->doubt = proof->detail;
	if (proof->good && !raw)
		h->proved.belief = *proof->chain.belief;
	if (!proof->good || h->role == DTLS_CLIENT)
		return 0;
	if (raw)
		h->refused = !o->raw_key || !o->raw_key(o->ctx, proof->digest, &known);
	else
		h->refused = !o->certificate || !o->certificate(o->ctx, &proof->chain, &known);
	if (h->refused) {
		h->refusal = raw ? DTLS_FAIL_RAW_KEY : DTLS_FAIL_NAME;
		h->doubt = NULL;
		return 0; /* objection_to_proof() */
	}
	h->cred = known.cred;
	h->generation = known.generation;
	return 0;
}

/* RFC 5246 7.4.1.4: no type twice, and no answer to what was not asked. libssl looks only at the
   types that it knows. */
static uint8_t objection_to_client(struct dtls_handshake *h, const uint8_t *body, size_t len)
{
	struct dtls_hello hello;
	if (!dtls_hello_parse(body, len, &hello))
		return 0; /* libssl says what is wrong with it */
	dtls_resume_offered(h, &hello);
	dtls_handshake_cid_offered(h, &hello);
	const bool twice = dtls_extension_twice(hello.extensions, hello.extensions_len);
	return twice ? DTLS_ILLEGAL_PARAMETER : 0;
}

/* Our last flight is the hello that this one answers. */
static uint8_t objection_to_server(const struct dtls_flight *last, const uint8_t *body, size_t len)
{
	const uint8_t *answered = NULL;
	size_t answered_len = 0;
	struct dtls_fragment f;
	struct dtls_hello hello;
	if (!dtls_server_hello_parse(body, len, &answered, &answered_len))
		return 0;
	if (!dtls_flight_find(last, DTLS_HS_CLIENT_HELLO, &f) ||
		!dtls_hello_parse(f.body, f.len, &hello))
		return 0;
	const bool offered = dtls_extensions_offered(
		answered, answered_len, hello.extensions, hello.extensions_len);
	return offered ? 0 : DTLS_UNSUPPORTED_EXTENSION;
}

/* A ServerHello, ours or the peer's: from here on the keys' shape is known. */
static void settle(struct dtls_handshake *h, const uint8_t *body, size_t len)
{
	struct dtls_choice c;
	if (!dtls_choice_parse(body, len, &c))
		return; /* libssl says what is wrong with it */
	const bool raw = h->role == DTLS_SERVER ? c.raw_client : c.raw_server;
	h->suite = c.suite->number;
	h->assoc.guard = (uint8_t)c.guard;
	h->fragment_code = c.fragment_code;
	h->ticket_due = h->role == DTLS_CLIENT && c.ticket;
	h->mode = DTLS_MODE_PSK;
	if (c.suite->ecdsa)
		h->mode = raw ? DTLS_MODE_RAW_KEY : DTLS_MODE_CERTIFICATE;
	if (!dtls_handshake_cid_settle(h, &c) && h->objection == 0)
		h->objection = DTLS_INTERNAL_ERROR;
	if (h->objection != 0)
		return;
	h->objection = dtls_choice_objection(h->profile, &c);
	if (h->objection != 0) {
		h->refused = true;
		h->refusal = DTLS_FAIL_SUITE;
		h->doubt = "CBC without encrypt-then-MAC, or a suite that is none of ours";
	}
}

/* What follows a CertificateVerify, which libssl looks at next: with a wrong one it says
   decrypt_error by itself. */
static uint8_t objection_to_proof(const struct dtls_handshake *h)
{
	if (!h->refused)
		return 0;
	return h->refusal == DTLS_FAIL_RAW_KEY ? DTLS_DECRYPT_ERROR : DTLS_CERTIFICATE_UNKNOWN;
}

/* Each whole handshake message that libssl took in, and our ServerHello. */
/* NOLINTNEXTLINE(readability-function-size): libssl's type */
static void overhear(
	int written, int version, int type, const void *body, size_t len, SSL *ssl, void *arg)
{
	struct dtls_handshake *const h = SSL_get_app_data(ssl);
	(void)version;
	(void)arg;
	if (type != SSL3_RT_HANDSHAKE || len < DTLS_HS_HEADER)
		return;
	struct rd r = rd_from(body, len);
	const uint8_t kind = rd_u8(&r);
	rd_skip(&r, 3);
	const uint16_t message_seq = rd_u16(&r);
	rd_skip(&r, DTLS_HS_HEADER - 6);
	if (!written) {
		h->next_in = (uint16_t)(message_seq + 1);
		h->last_in = kind;
		h->ticketed = h->ticketed || kind == DTLS_HS_NEW_TICKET;
	}
	if (!written && kind == DTLS_HS_CLIENT_HELLO)
		h->objection = objection_to_client(h, r.at, r.left);
	if (!written && kind == DTLS_HS_SERVER_HELLO)
		h->objection = objection_to_server(&h->flight, r.at, r.left);
	if (!written && kind == DTLS_HS_CERTIFICATE_VERIFY)
		h->objection = objection_to_proof(h);
	if (kind == DTLS_HS_SERVER_HELLO)
		settle(h, r.at, r.left);
}

void dtls_handshake_hooks(struct dtls_profile *p)
{
	p->judge = judge;
	dtls_handshake_cid_hooks(p);
	SSL_CTX_set_psk_server_callback(p->ctx, psk_server);
	SSL_CTX_set_psk_client_callback(p->ctx, psk_client);
	SSL_CTX_set_msg_callback(p->ctx, overhear);
	dtls_resume_hooks(p->ctx);
}
