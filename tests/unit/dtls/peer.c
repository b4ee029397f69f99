/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/rand.h>

enum { EXT_EMS = 23, EXT_RI = 0xff01 };

/* --- life ------------------------------------------------------------------------------------ */

void peer_client_exts(struct peer *p)
{
	peer_buf_clear(&p->hello.exts);
	if (p->ems)
		peer_ext(&p->hello.exts, EXT_EMS, NULL, 0);
	peer_ext(&p->hello.exts, EXT_RI, "", 1);
}

struct peer *peer_new(bool server)
{
	struct peer *const p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->server = server;
	p->ems = true;
	p->record_version = server ? 0xfefd : 0xfeff;
	p->hello.version = 0xfefd;
	assert_int_equal(RAND_bytes(p->hello.random, sizeof(p->hello.random)), 1);
	if (!server) {
		peer_add_int(&p->hello.suites, PEER_SUITE, 2);
		peer_add_int(&p->hello.comps, 0, 1);
		peer_client_exts(p);
	}
	p->answer.version = 0xfefd;
	p->answer.suite = server ? PEER_SUITE : 0; /* a client's: 0 until it is heard */
	return p;
}

void peer_forget(struct peer *p)
{
	for (size_t i = 0; i < p->recs; i++)
		free(p->rec[i].body);
	for (size_t i = 0; i < p->msgs; i++)
		peer_buf_free(&p->msg[i].body);
	p->recs = 0;
	p->msgs = 0;
}

void peer_free(struct peer *p)
{
	peer_forget(p);
	free(p->rec);
	free(p->msg);
	for (size_t i = 0; i < PEER_MESSAGES; i++)
		peer_buf_free(&p->mine[i].body);
	struct peer_buf *const all[] = { &p->hello.sid, &p->hello.cookie, &p->hello.suites,
		&p->hello.comps, &p->hello.exts, &p->answer.sid, &p->answer.exts, &p->out,
		&p->transcript, &p->part.body, &p->part_have };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		peer_buf_free(all[i]);
	free(p);
}

void peer_identity(struct peer *p, const void *identity, size_t len)
{
	assert_true(len <= sizeof(p->identity));
	memcpy(p->identity, identity, len);
	p->identity_len = len;
}

void peer_key(struct peer *p, const void *psk, size_t len)
{
	assert_true(len <= sizeof(p->psk));
	memcpy(p->psk, psk, len);
	p->psk_len = len;
}

void peer_ext(struct peer_buf *exts, uint16_t code, const void *body, size_t len)
{
	peer_add_int(exts, code, 2);
	peer_add_vec(exts, 2, body, len);
}

const uint8_t *peer_ext_find(const struct peer_buf *exts, uint16_t code, size_t *len)
{
	for (size_t i = 0; i < exts->len;) {
		assert_true(i + 4 <= exts->len);
		const size_t n = peer_int(exts->at + i + 2, 2);
		assert_true(i + 4 + n <= exts->len);
		if (peer_int(exts->at + i, 2) == code) {
			if (len)
				*len = n;
			return exts->at + i + 4;
		}
		i += 4 + n;
	}
	return NULL;
}

/* --- secrets --------------------------------------------------------------------------------- */

void peer_derive_keys(struct peer *p)
{
	struct peer_buf seed = { 0 };
	uint8_t block[40];
	peer_add(&seed, p->answer.random, 32);
	peer_add(&seed, p->hello.random, 32);
	const struct peer_secret master = { p->master, sizeof(p->master) };
	peer_prf(&master, "key expansion", &seed, block, sizeof(block));
	memcpy(p->key[0], block, 16);
	memcpy(p->key[1], block + 16, 16);
	memcpy(p->iv[0], block + 32, 4);
	memcpy(p->iv[1], block + 36, 4);
	p->keyed = true;
	p->next_seq[1] = 0;
	peer_buf_free(&seed);
}

/* The transcript ends with the ClientKeyExchange. */
void peer_derive(struct peer *p)
{
	/* RFC 4279 section 2 */
	static const uint8_t zeros[64];
	struct peer_buf premaster = { 0 };
	peer_add_vec(&premaster, 2, zeros, p->psk_len);
	peer_add_vec(&premaster, 2, p->psk, p->psk_len);
	const struct peer_secret secret = { premaster.at, premaster.len };
	struct peer_buf seed = { 0 };
	p->ems_on = peer_ext_find(&p->answer.exts, EXT_EMS, NULL) != NULL;
	if (p->ems_on) {
		uint8_t hash[32];
		peer_sha256(p->transcript.at, p->transcript.len, hash);
		peer_add(&seed, hash, sizeof(hash));
		peer_prf(&secret, "extended master secret", &seed, p->master, sizeof(p->master));
	} else {
		peer_add(&seed, p->hello.random, 32);
		peer_add(&seed, p->answer.random, 32);
		peer_prf(&secret, "master secret", &seed, p->master, sizeof(p->master));
	}
	peer_buf_free(&seed);
	peer_buf_free(&premaster);
	peer_derive_keys(p);
}

void peer_verify_data(const struct peer *p, bool of_server, uint8_t out[12])
{
	uint8_t hash[32];
	struct peer_buf seed = { 0 };
	peer_sha256(p->transcript.at, p->transcript.len, hash);
	peer_add(&seed, hash, sizeof(hash));
	const struct peer_secret master = { p->master, sizeof(p->master) };
	peer_prf(&master, of_server ? "server finished" : "client finished", &seed, out, 12);
	peer_buf_free(&seed);
}

/* As if it were one fragment: RFC 6347 section 4.2.6. */
static void transcribe(struct peer *p, const struct peer_msg *m)
{
	peer_add_fragment(&p->transcript, m, 0, m->body.len);
}

/* --- saying ---------------------------------------------------------------------------------- */

void peer_make_other(struct peer *p, uint8_t type, const void *body, size_t len)
{
	assert_true(type < PEER_MESSAGES);
	struct peer_msg *const m = &p->mine[type];
	m->type = type;
	m->seq = p->msg_out++;
	peer_set(&m->body, body, len);
	transcribe(p, m);
}

void peer_make_client_hello(struct peer *p)
{
	struct peer_buf b = { 0 };
	const struct peer_hello *const h = &p->hello;
	peer_add_int(&b, h->version, 2);
	peer_add(&b, h->random, 32);
	peer_add_vec(&b, 1, h->sid.at, h->sid.len);
	peer_add_vec(&b, 1, h->cookie.at, h->cookie.len);
	peer_add_vec(&b, 2, h->suites.at, h->suites.len);
	peer_add_vec(&b, 1, h->comps.at, h->comps.len);
	if (!h->no_exts)
		peer_add_vec(&b, 2, h->exts.at, h->exts.len);
	/* RFC 6347 section 4.2.1: what came before this hello is not in the Finished */
	peer_buf_clear(&p->transcript);
	peer_make_other(p, PEER_CLIENT_HELLO, b.at, b.len);
	peer_buf_free(&b);
}

void peer_make_client_key(struct peer *p)
{
	struct peer_buf b = { 0 };
	peer_add_vec(&b, 2, p->identity, p->identity_len);
	peer_make_other(p, PEER_CLIENT_KEY, b.at, b.len);
	peer_buf_free(&b);
	peer_derive(p);
}

void peer_make_verify(struct peer *p, uint16_t seq, const void *cookie, size_t len)
{
	struct peer_buf b = { 0 };
	peer_add_int(&b, 0xfeff, 2);
	peer_add_vec(&b, 1, cookie, len);
	p->msg_out = seq;
	peer_make_other(p, PEER_HELLO_VERIFY, b.at, b.len);
	peer_buf_free(&b);
}

void peer_make_server_hello(struct peer *p)
{
	static const uint8_t zeros[32];
	struct peer_buf b = { 0 };
	struct peer_server_hello *const h = &p->answer;
	if (memcmp(h->random, zeros, 32) == 0)
		assert_int_equal(RAND_bytes(h->random, 32), 1);
	peer_add_int(&b, h->version, 2);
	peer_add(&b, h->random, 32);
	peer_add_vec(&b, 1, h->sid.at, h->sid.len);
	peer_add_int(&b, h->suite, 2);
	peer_add_int(&b, h->comp, 1);
	if (h->exts.len > 0)
		peer_add_vec(&b, 2, h->exts.at, h->exts.len);
	peer_make_other(p, PEER_SERVER_HELLO, b.at, b.len);
	peer_buf_free(&b);
}

void peer_server_exts(struct peer *p)
{
	peer_buf_clear(&p->answer.exts);
	if (p->ems && peer_ext_find(&p->hello.exts, EXT_EMS, NULL))
		peer_ext(&p->answer.exts, EXT_EMS, NULL, 0);
	peer_ext(&p->answer.exts, EXT_RI, "", 1);
}

void peer_make_hello_done(struct peer *p)
{
	peer_make_other(p, PEER_HELLO_DONE, NULL, 0);
}

void peer_make_finished(struct peer *p)
{
	uint8_t data[12];
	assert_true(p->keyed);
	peer_verify_data(p, p->server, data);
	peer_make_other(p, PEER_FINISHED, data, sizeof(data));
}

void peer_put(struct peer *p, const struct peer_num *n, const void *body, size_t len)
{
	peer_add_int(&p->out, n->type, 1);
	peer_add_int(&p->out, n->version, 2);
	peer_add_int(&p->out, n->epoch, 2);
	peer_add_int(&p->out, n->seq, 6);
	if (n->epoch == 0) {
		peer_add_vec(&p->out, 2, body, len);
		return;
	}
	assert_true(p->keyed);
	struct peer_buf number = { 0 };
	struct peer_buf aad = { 0 };
	struct peer_buf nonce = { 0 };
	struct peer_buf sealed = { 0 };
	peer_add_int(&number, n->epoch, 2);
	peer_add_int(&number, n->seq, 6);
	peer_add(&aad, number.at, 8);
	peer_add_int(&aad, n->type, 1);
	peer_add_int(&aad, n->version, 2);
	peer_add_int(&aad, len, 2);
	peer_add(&nonce, p->iv[p->server], 4);
	peer_add(&nonce, n->nonce ? n->nonce : number.at, 8);
	peer_add(&sealed, nonce.at + 4, 8);
	struct peer_buf room = { 0 };
	peer_add(&room, body, len);
	peer_add_int(&room, 0, 8);
	uint8_t *const plain = malloc(len + 1);
	assert_non_null(plain);
	if (len > 0)
		memcpy(plain, body, len);
	peer_ccm8_seal(&(struct peer_ccm){ p->key[p->server], nonce.at, aad.at, aad.len }, plain,
		len, room.at);
	peer_add(&sealed, room.at, room.len);
	peer_add_vec(&p->out, 2, sealed.at, sealed.len);
	free(plain);
	peer_buf_free(&number);
	peer_buf_free(&aad);
	peer_buf_free(&nonce);
	peer_buf_free(&sealed);
	peer_buf_free(&room);
}

void peer_put_next(struct peer *p, uint8_t type, uint16_t epoch, const void *body, size_t len)
{
	const struct peer_num n = { .type = type,
		.version = epoch ? 0xfefd : p->record_version,
		.epoch = epoch,
		.seq = p->next_seq[epoch ? 1 : 0]++ };
	peer_put(p, &n, body, len);
}

void peer_add_fragment(struct peer_buf *b, const struct peer_msg *m, size_t off, size_t len)
{
	assert_true(off + len <= m->body.len);
	peer_add_int(b, m->type, 1);
	peer_add_int(b, m->body.len, 3);
	peer_add_int(b, m->seq, 2);
	peer_add_int(b, off, 3);
	peer_add_int(b, len, 3);
	if (len > 0)
		peer_add(b, m->body.at + off, len);
}

void peer_put_part(struct peer *p, uint8_t type, size_t off, size_t len)
{
	struct peer_buf b = { 0 };
	peer_add_fragment(&b, &p->mine[type], off, len);
	peer_put_next(p, PEER_HANDSHAKE, type == PEER_FINISHED ? 1 : 0, b.at, b.len);
	peer_buf_free(&b);
}

void peer_put_msg(struct peer *p, uint8_t type)
{
	peer_put_part(p, type, 0, p->mine[type].body.len);
}

void peer_put_ccs(struct peer *p)
{
	peer_put_next(p, PEER_CCS, 0, "\001", 1);
}

void peer_flush(struct peer *p)
{
	struct peer_buf out = p->out;
	p->out = (struct peer_buf){ 0 };
	p->bytes_out += out.len;
	if (out.len > 0)
		p->send(p->ctx, p, out.at, out.len);
	peer_buf_free(&out);
}

void peer_say_hello(struct peer *p)
{
	peer_make_client_hello(p);
	peer_put_msg(p, PEER_CLIENT_HELLO);
	peer_flush(p);
}

static void put_finished(struct peer *p)
{
	peer_put_ccs(p);
	peer_put_msg(p, PEER_FINISHED);
}

void peer_say_flight5(struct peer *p)
{
	peer_make_client_key(p);
	peer_make_finished(p);
	peer_put_msg(p, PEER_CLIENT_KEY);
	put_finished(p);
	peer_flush(p);
}

void peer_say_flight4(struct peer *p)
{
	peer_make_server_hello(p);
	peer_make_hello_done(p);
	peer_put_msg(p, PEER_SERVER_HELLO);
	peer_put_msg(p, PEER_HELLO_DONE);
	peer_flush(p);
}

void peer_say_flight6(struct peer *p)
{
	peer_make_finished(p);
	put_finished(p);
	peer_flush(p);
}

void peer_say_again(struct peer *p)
{
	const bool finished = p->mine[PEER_FINISHED].body.len > 0;
	if (p->server && !finished) {
		peer_put_msg(p, PEER_SERVER_HELLO);
		peer_put_msg(p, PEER_HELLO_DONE);
	}
	if (!p->server)
		peer_put_msg(p, finished ? PEER_CLIENT_KEY : PEER_CLIENT_HELLO);
	if (finished)
		put_finished(p);
	peer_flush(p);
}

void peer_say_data(struct peer *p, const void *data, size_t len)
{
	peer_put_next(p, PEER_DATA, 1, data, len);
	peer_flush(p);
}

void peer_say_alert(struct peer *p, uint16_t epoch, uint8_t level, uint8_t what)
{
	const uint8_t body[2] = { level, what };
	peer_put_next(p, PEER_ALERT, epoch, body, sizeof(body));
	peer_flush(p);
}
