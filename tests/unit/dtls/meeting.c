/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dtls/alert.h"
#include "dtls/hello.h"
#include "meeting.h"

#include <openssl/err.h>

enum { PSK_LEN = 16, TURNS = 40 };

int64_t meeting_now(void *ctx)
{
	return *(const int64_t *)ctx;
}

static uint8_t judge(SSL *ssl, const struct dtls_proof *proof)
{
	struct meeting_side *const s = SSL_get_app_data(ssl);
	s->asked++;
	s->proof = *proof;
	s->name.len = proof->chain.name_len;
	if (proof->chain.name_len > 0)
		memcpy(s->name.octets, proof->chain.name, proof->chain.name_len);
	if (proof->chain.serial_len > 0 && proof->chain.serial_len <= sizeof(s->serial))
		memcpy(s->serial, proof->chain.serial, proof->chain.serial_len);
	if (proof->chain.pins_len > 0)
		memcpy(s->pins, proof->chain.pins, proof->chain.pins_len * DTLS_DIGEST_LEN);
	return s->answer;
}

static unsigned int psk_server(SSL *ssl, const char *id, unsigned char *out, unsigned int cap)
{
	(void)ssl;
	assert_string_equal(id, "device");
	assert_true(cap >= PSK_LEN);
	memset(out, 7, PSK_LEN);
	return PSK_LEN;
}

static unsigned int psk_client(SSL *ssl, const char *hint, char *id, unsigned int id_cap,
	unsigned char *out, unsigned int cap)
{
	(void)ssl;
	(void)hint;
	assert_true(cap >= PSK_LEN && id_cap >= sizeof("device"));
	memcpy(id, "device", sizeof("device"));
	memset(out, 7, PSK_LEN);
	return PSK_LEN;
}

static void handshake_message(
	SSL *ssl, struct meeting_side *s, bool said, const uint8_t *at, size_t len)
{
	const SSL_CTX *const ctx = SSL_get_SSL_CTX(ssl);
	const struct dtls_profile *const p = SSL_CTX_get_app_data(ctx);
	const uint8_t *const body = at + DTLS_HS_HEADER;
	const size_t body_len = len - DTLS_HS_HEADER;
	if (at[0] == DTLS_HS_SERVER_HELLO) {
		s->chosen = dtls_choice_parse(body, body_len, &s->choice);
		s->objection = s->chosen ? dtls_choice_objection(p, &s->choice) : 0;
	}
	if (at[0] == DTLS_HS_NEW_TICKET && said)
		s->tickets++;
	if (at[0] == DTLS_HS_CERTIFICATE && said) {
		s->certificate_len = body_len;
		memcpy(s->certificate, body,
			body_len < sizeof(s->certificate) ? body_len : sizeof(s->certificate));
	}
}

/* NOLINTNEXTLINE(readability-function-size): libssl's type */
static void overhear(
	int said, int version, int type, const void *data, size_t len, SSL *ssl, void *arg)
{
	struct meeting_side *const s = SSL_get_app_data(ssl);
	const uint8_t *const at = data;
	(void)version;
	(void)arg;
	if (said && type == SSL3_RT_HEADER && len >= 13) {
		const size_t record = (size_t)at[11] << 8 | at[12];
		s->longest = record > s->longest ? record : s->longest;
	}
	if (said && type == SSL3_RT_ALERT && len == 2 && at[0] == DTLS_FATAL)
		s->alert = at[1];
	if (type == SSL3_RT_HANDSHAKE && len >= DTLS_HS_HEADER)
		handshake_message(ssl, s, said, at, len);
}

void meeting_begin(struct meeting *m, struct dtls_profile *server, struct dtls_profile *client,
	enum meeting_as as)
{
	BIO *const to_server = BIO_new(BIO_s_mem()), *const to_client = BIO_new(BIO_s_mem());
	*m = (struct meeting){ .up = false };
	m->profile[MEETING_SERVER] = dtls_profile_ref(server);
	m->profile[MEETING_CLIENT] = dtls_profile_ref(client);
	for (size_t i = 0; i < 2; i++) {
		struct dtls_profile *const p = m->profile[i];
		p->judge = judge;
		SSL_CTX_set_psk_server_callback(p->ctx, psk_server);
		SSL_CTX_set_psk_client_callback(p->ctx, psk_client);
		SSL_CTX_set_msg_callback(p->ctx, overhear);
		m->side[i].ssl = SSL_new(p->ctx);
		assert_non_null(m->side[i].ssl);
		SSL_set_app_data(m->side[i].ssl, &m->side[i]);
		(void)SSL_set_mtu(m->side[i].ssl, 1400);
	}
	BIO_set_mem_eof_return(to_server, -1);
	BIO_set_mem_eof_return(to_client, -1);
	assert_true(BIO_up_ref(to_server) && BIO_up_ref(to_client));
	SSL_set_bio(m->side[MEETING_SERVER].ssl, to_server, to_client);
	SSL_set_bio(m->side[MEETING_CLIENT].ssl, to_client, to_server);
	assert_true(dtls_profile_accept(server, m->side[MEETING_SERVER].ssl));
	assert_true(dtls_profile_connect(client, m->side[MEETING_CLIENT].ssl, as == MEETING_PSK));
}

void meeting_run(struct meeting *m)
{
	bool done[2] = { false, false }, failed[2] = { false, false };
	for (unsigned turn = 0; turn < TURNS; turn++) {
		const size_t i = turn % 2 == 0 ? MEETING_CLIENT : MEETING_SERVER;
		struct meeting_side *const s = &m->side[i];
		if (failed[i])
			continue;
		ERR_clear_error();
		const int rc = SSL_do_handshake(s->ssl);
		done[i] = rc == 1;
		if (rc != 1 && SSL_get_error(s->ssl, rc) != SSL_ERROR_WANT_READ) {
			failed[i] = true;
			s->error = ERR_peek_error();
		}
	}
	m->up = done[0] && done[1];
	ERR_clear_error();
}

void meeting_end(struct meeting *m)
{
	for (size_t i = 0; i < 2; i++) {
		SSL_free(m->side[i].ssl);
		dtls_profile_unref(m->profile[i]);
	}
}

/* --- the world ------------------------------------------------------------------------------- */

int meeting_world_new(void **state)
{
	static struct meeting_world w;
	w = (struct meeting_world){ .now_s = PKI_NOW };
	w.root = pki_make(pki_root("root"), NULL);
	w.server = pki_make(pki_server("gw.example"), &w.root);
	w.device = pki_make(pki_device("device 1"), &w.root);
	w.store = pki_store(w.root.cert, NULL);
	*state = &w;
	return 0;
}

int meeting_world_free(void **state)
{
	struct meeting_world *const w = *state;
	pki_free(&w->root);
	pki_free(&w->server);
	pki_free(&w->device);
	X509_STORE_free(w->store);
	return 0;
}

struct dtls_profile_settings meeting_settings(struct meeting_world *w, const struct pki_one *one)
{
	struct dtls_profile_settings s = dtls_profile_settings_default();
	s.key = one->key;
	s.certificate = one->cert;
	s.anchors = w->store;
	s.now_s = meeting_now;
	s.ctx = &w->now_s;
	return s;
}

struct dtls_profile_settings meeting_server(struct meeting_world *w)
{
	return meeting_settings(w, &w->server);
}

struct dtls_profile_settings meeting_client(struct meeting_world *w)
{
	struct dtls_profile_settings s = meeting_settings(w, &w->device);
	s.server_name = "gw.example";
	return s;
}

struct dtls_profile *meeting_profile(const struct dtls_profile_settings *s)
{
	const char *error = NULL;
	struct dtls_profile *const p = dtls_profile_new(s, &error);
	if (!p)
		print_error("%s\n", error);
	assert_non_null(p);
	assert_null(error);
	assert_int_equal(ERR_peek_error(), 0);
	return p;
}

void meeting_make(struct meeting *m, const struct dtls_profile_settings *server,
	const struct dtls_profile_settings *client, enum meeting_as as)
{
	struct dtls_profile *const s = meeting_profile(server), *const c = meeting_profile(client);
	meeting_begin(m, s, c, as);
	dtls_profile_unref(s);
	dtls_profile_unref(c);
}

void visit_plan(struct visit *v, struct meeting_world *w)
{
	w->now_s = PKI_NOW;
	*v = (struct visit){ .server = meeting_server(w), .client = meeting_client(w) };
	v->gate = &v->m.side[MEETING_SERVER];
	v->guest = &v->m.side[MEETING_CLIENT];
}

void visit_run(struct visit *v)
{
	meeting_make(&v->m, &v->server, &v->client, MEETING_KEY);
	meeting_run(&v->m);
}

void visit_taken(struct visit *v)
{
	assert_true(v->m.up);
	assert_int_equal(v->gate->asked, 1);
	assert_true(v->gate->proof.good);
	meeting_end(&v->m);
}
