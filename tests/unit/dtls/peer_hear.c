/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A reader that fails the test when a message is short. */
struct cursor {
	const uint8_t *at;
	size_t left;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
	assert_true(c->left >= n);
	const uint8_t *const at = c->at;
	c->at += n;
	c->left -= n;
	return at;
}

static uint64_t take_int(struct cursor *c, size_t n)
{
	return peer_int(take(c, n), n);
}

static void take_vec(struct cursor *c, size_t width, struct peer_buf *out)
{
	const size_t n = take_int(c, width);
	peer_set(out, take(c, n), n);
}

/* --- messages -------------------------------------------------------------------------------- */

static void hear_client_hello(struct peer *p, struct cursor c)
{
	struct peer_hello *const h = &p->hello;
	h->version = (uint16_t)take_int(&c, 2);
	memcpy(h->random, take(&c, 32), 32);
	take_vec(&c, 1, &h->sid);
	take_vec(&c, 1, &h->cookie);
	take_vec(&c, 2, &h->suites);
	take_vec(&c, 1, &h->comps);
	peer_buf_clear(&h->exts);
	h->no_exts = c.left == 0;
	if (c.left > 0)
		take_vec(&c, 2, &h->exts);
	assert_int_equal(c.left, 0);
}

static void hear_server_hello(struct peer *p, struct cursor c)
{
	struct peer_server_hello *const h = &p->answer;
	h->version = (uint16_t)take_int(&c, 2);
	memcpy(h->random, take(&c, 32), 32);
	take_vec(&c, 1, &h->sid);
	h->suite = (uint16_t)take_int(&c, 2);
	h->comp = (uint8_t)take_int(&c, 1);
	peer_buf_clear(&h->exts);
	if (c.left > 0)
		take_vec(&c, 2, &h->exts);
	assert_int_equal(c.left, 0);
	p->record_version = 0xfefd;
	if (p->resumes && h->sid.len > 0 && h->sid.len == p->hello.sid.len &&
		memcmp(h->sid.at, p->hello.sid.at, h->sid.len) == 0)
		peer_derive_keys(p);
}

static void hear_verify(struct peer *p, struct cursor c)
{
	take_int(&c, 2);
	take_vec(&c, 1, &p->hello.cookie);
	assert_int_equal(c.left, 0);
	p->verifies++;
}

static void hear_client_key(struct peer *p, struct cursor c)
{
	p->heard_identity_len = take_int(&c, 2);
	assert_true(p->heard_identity_len <= sizeof(p->heard_identity));
	memcpy(p->heard_identity, take(&c, p->heard_identity_len), p->heard_identity_len);
	assert_int_equal(c.left, 0);
	p->flight = true;
}

static void hear_finished(struct peer *p, struct cursor c)
{
	uint8_t want[12];
	peer_verify_data(p, !p->server, want);
	p->done = c.left == sizeof(want) && memcmp(c.at, want, sizeof(want)) == 0;
	p->wrong = !p->done;
}

static void hear_whole(struct peer *p, const struct peer_msg *m)
{
	const struct cursor c = { m->body.at, m->body.len };
	if (p->msgs == p->msgs_cap) {
		p->msgs_cap = p->msgs_cap * 2 + 8;
		p->msg = realloc(p->msg, p->msgs_cap * sizeof(*p->msg));
		assert_non_null(p->msg);
	}
	struct peer_msg *const copy = &p->msg[p->msgs++];
	*copy = (struct peer_msg){ .type = m->type, .seq = m->seq };
	peer_add(&copy->body, m->body.at, m->body.len);
	if (m->type == PEER_FINISHED)
		hear_finished(p, c); /* before it is in the transcript itself */
	if (m->type == PEER_CLIENT_HELLO)
		peer_buf_clear(&p->transcript);
	if (m->type != PEER_HELLO_VERIFY && m->type != PEER_HELLO_REQUEST)
		peer_add_fragment(&p->transcript, m, 0, m->body.len);
	if (m->type == PEER_CLIENT_HELLO)
		hear_client_hello(p, c);
	if (m->type == PEER_SERVER_HELLO)
		hear_server_hello(p, c);
	if (m->type == PEER_HELLO_VERIFY)
		hear_verify(p, c);
	if (m->type == PEER_HELLO_DONE)
		p->flight = true;
	if (m->type == PEER_CLIENT_KEY) {
		hear_client_key(p, c);
		peer_derive(p);
	}
}

static void part_begin(struct peer *p, const struct peer_msg *head, size_t total)
{
	if (p->part_have.len == total && p->part.type == head->type && p->part.seq == head->seq)
		return;
	p->part.type = head->type;
	p->part.seq = head->seq;
	peer_buf_clear(&p->part.body);
	peer_buf_clear(&p->part_have);
	for (size_t i = 0; i < total; i++) {
		peer_add_int(&p->part.body, 0, 1);
		peer_add_int(&p->part_have, 0, 1);
	}
}

static bool part_complete(const struct peer *p)
{
	for (size_t i = 0; i < p->part_have.len; i++)
		if (!p->part_have.at[i])
			return false;
	return true;
}

static void hear_fragment(struct peer *p, struct cursor *c)
{
	struct peer_msg head = { .type = (uint8_t)take_int(c, 1) };
	const size_t total = take_int(c, 3);
	head.seq = (uint16_t)take_int(c, 2);
	const size_t off = take_int(c, 3);
	const size_t len = take_int(c, 3);
	const uint8_t *const at = take(c, len);
	assert_true(off + len <= total);
	/* A stateless server's HelloVerifyRequest always says 0, and its ServerHello continues from
	   wherever it likes. */
	const bool first = head.type == PEER_HELLO_VERIFY ||
			   (head.type == PEER_SERVER_HELLO && p->answer.suite == 0) ||
			   (head.type == PEER_CLIENT_HELLO && head.seq >= p->msg_in);
	if (!first && head.seq != p->msg_in) {
		p->repeats += head.seq < p->msg_in ? 1 : 0;
		return;
	}
	part_begin(p, &head, total);
	if (len > 0) {
		memcpy(p->part.body.at + off, at, len);
		memset(p->part_have.at + off, 1, len);
	}
	if (!part_complete(p))
		return;
	p->msg_in = (uint16_t)(head.seq + 1);
	hear_whole(p, &p->part);
	peer_buf_clear(&p->part_have);
	p->part.type = 0xff;
}

/* --- records --------------------------------------------------------------------------------- */

static bool open_record(const struct peer *p, struct peer_rec *r, const uint8_t *wire, size_t len)
{
	if (!p->keyed || r->epoch != 1 || len < 16)
		return false;
	struct peer_buf aad = { 0 };
	struct peer_buf nonce = { 0 };
	peer_add_int(&aad, r->epoch, 2);
	peer_add_int(&aad, r->seq, 6);
	peer_add_int(&aad, r->type, 1);
	peer_add_int(&aad, r->version, 2);
	peer_add_int(&aad, len - 16, 2);
	peer_add(&nonce, p->iv[!p->server], 4);
	peer_add(&nonce, wire, 8);
	memcpy(r->nonce, wire, 8);
	const struct peer_ccm ccm = { p->key[!p->server], nonce.at, aad.at, aad.len };
	const bool good = peer_ccm8_open(&ccm, wire + 8, len - 8, r->body);
	r->len = good ? len - 16 : len;
	peer_buf_free(&aad);
	peer_buf_free(&nonce);
	return good;
}

static void hear_record(struct peer *p, struct peer_rec r, const uint8_t *wire, size_t len)
{
	r.body = malloc(len + 1);
	assert_non_null(r.body);
	r.len = len;
	r.opened = r.epoch == 0 || open_record(p, &r, wire, len);
	if (!r.opened || r.epoch == 0)
		memcpy(r.body, wire, len);
	r.datagram = p->datagrams;
	if (p->recs == p->recs_cap) {
		p->recs_cap = p->recs_cap * 2 + 8;
		p->rec = realloc(p->rec, p->recs_cap * sizeof(*p->rec));
		assert_non_null(p->rec);
	}
	p->rec[p->recs++] = r;
	if (r.type != PEER_HANDSHAKE || !r.opened)
		return;
	struct cursor c = { r.body, r.len };
	while (c.left > 0)
		hear_fragment(p, &c);
}

void peer_take(struct peer *p, const uint8_t *datagram, size_t len)
{
	struct cursor c = { datagram, len };
	p->datagrams++;
	p->bytes_in += len;
	while (c.left > 0) {
		struct peer_rec r = { 0 };
		r.type = (uint8_t)take_int(&c, 1);
		r.version = (uint16_t)take_int(&c, 2);
		r.epoch = (uint16_t)take_int(&c, 2);
		r.seq = take_int(&c, 6);
		const size_t n = take_int(&c, 2);
		hear_record(p, r, take(&c, n), n);
	}
}

/* --- asking ---------------------------------------------------------------------------------- */

size_t peer_count(const struct peer *p, uint8_t type, uint16_t epoch)
{
	size_t n = 0;
	for (size_t i = 0; i < p->recs; i++)
		n += p->rec[i].type == type && p->rec[i].epoch == epoch ? 1 : 0;
	return n;
}

const struct peer_rec *peer_last(const struct peer *p, uint8_t type, uint16_t epoch)
{
	for (size_t i = p->recs; i > 0; i--)
		if (p->rec[i - 1].type == type && p->rec[i - 1].epoch == epoch)
			return &p->rec[i - 1];
	return NULL;
}

const struct peer_msg *peer_heard(const struct peer *p, uint8_t type)
{
	for (size_t i = p->msgs; i > 0; i--)
		if (p->msg[i - 1].type == type)
			return &p->msg[i - 1];
	return NULL;
}

int peer_alert(const struct peer *p)
{
	for (size_t i = p->recs; i > 0; i--) {
		const struct peer_rec *const r = &p->rec[i - 1];
		if (r->type == PEER_ALERT && r->opened && r->len == 2)
			return r->body[1];
	}
	return -1;
}

static bool mirrors(const struct peer_rec *r)
{
	return r->epoch == 0 && r->type == PEER_HANDSHAKE && r->len > 0 &&
	       r->body[0] == PEER_HELLO_VERIFY;
}

void peer_check_numbers(const struct peer *p)
{
	for (size_t i = 0; i < p->recs; i++) {
		const struct peer_rec *const r = &p->rec[i];
		assert_true(r->opened);
		assert_true(r->epoch <= 1);
		if (mirrors(r))
			continue;
		if (r->epoch == 1 || r->body[0] != PEER_CLIENT_HELLO)
			assert_int_equal(r->version, 0xfefd);
		if (r->epoch == 1)
			assert_int_equal(peer_int(r->nonce, 8), (uint64_t)r->epoch << 48 | r->seq);
		for (size_t j = 0; j < i; j++) {
			const struct peer_rec *const q = &p->rec[j];
			assert_false(!mirrors(q) && q->epoch == r->epoch && q->seq == r->seq);
		}
	}
}
