/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "dtls/alert.h"
#include "dtls/state.h"

#include <string.h>

/* What a server of a plain PSK suite may say (RFC 4279 2). */
static bool servers_message(uint8_t type)
{
	return type == DTLS_HS_HELLO_VERIFY || type == DTLS_HS_SERVER_HELLO ||
	       type == DTLS_HS_SERVER_KEY_EXCHANGE || type == DTLS_HS_SERVER_DONE;
}

static void pass_on(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	const size_t len = dtls_handshake_frame(a->hs, f);
	if (len > 0)
		(void)dtls_handshake_feed(a, a->e->feed, len);
}

static void refuse_identity(struct dtls_handshake *h)
{
	h->unknown = true;
	dtls_handshake_refuse(h, DTLS_DECRYPT_ERROR);
	dtls_handshake_fail(h, DTLS_FAIL_IDENTITY, "the identity is empty or too long");
}

/* The bytes of one fragment; true when the message is whole. A changed length begins anew, so that
   a forged fragment does not shut out the real ones. */
static bool gather(struct dtls_handshake *h, const struct dtls_fragment *f)
{
	if (h->cke_len != f->total)
		memset(h->cke_have, 0, sizeof(h->cke_have));
	h->cke_len = f->total;
	if (f->len > 0) {
		memcpy(h->cke + f->offset, f->body, f->len);
		memset(h->cke_have + f->offset, 1, f->len);
	}
	return memchr(h->cke_have, 0, h->cke_len) == NULL;
}

/* A record that came before the keys were known, now that they are. */
static void take_up(struct dtls_arrival *a)
{
	uint8_t held[DTLS_HELD_MAX];
	uint8_t *at = held;
	size_t left = a->hs->held_len;
	struct dtls_record r;
	memcpy(held, a->hs->held, left);
	a->hs->held_len = 0;
	if (!dtls_record_next(&at, &left, &r) || dtls_handshake_protected(a, &r))
		return;
	a->e->stats.forged++;
	dtls_handshake_unopened(a, &r);
}

static void key_exchange(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	struct dtls_handshake *const h = a->hs;
	if (f->total < 2 || f->total > DTLS_CKE_MAX) {
		refuse_identity(h);
		return;
	}
	dtls_admit_answered(h);
	if (!gather(h, f))
		return;
	const uint8_t *identity = NULL;
	size_t len = 0;
	if (!dtls_identity_parse(h->cke, h->cke_len, &identity, &len)) {
		refuse_identity(h);
		return;
	}
	memcpy(h->identity, identity, len);
	h->identity_len = len;
	const struct dtls_fragment whole = {
		.type = DTLS_HS_CLIENT_KEY_EXCHANGE,
		.total = f->total,
		.message_seq = f->message_seq,
		.body = h->cke,
		.len = h->cke_len,
	};
	const size_t framed = dtls_handshake_frame(h, &whole);
	if (framed > 0 && dtls_handshake_feed(a, a->e->feed, framed) && h->held_len > 0)
		take_up(a);
}

static void from_client(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	const struct dtls_handshake *const h = a->hs;
	const bool next = f->message_seq == h->next_in;
	const bool hello = f->message_seq == h->hello_seq;
	/* With keys, only a protected Finished is awaited. So it is after the first flight of an
	   abbreviated handshake (RFC 5246 7.3), which a key exchange in the clear, of whom it may
	   be, does not spoil. */
	if (h->have_keys) {
		a->e->stats.junk++;
		return;
	}
	if (next && f->type == DTLS_HS_CLIENT_KEY_EXCHANGE && !hello) {
		key_exchange(a, f);
		return;
	}
	/* The rest of a hello whose first fragment brought the cookie. */
	if (next && f->type == DTLS_HS_CLIENT_HELLO && hello && f->total <= DTLS_HELLO_MAX) {
		pass_on(a, f);
		return;
	}
	a->e->stats.junk++;
}

static void from_server(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	const struct dtls_handshake *const h = a->hs;
	/* libssl keeps what comes too early: four messages are a whole flight. After it (we have
	   keys) only a protected Finished may come, so nothing in the clear can spoil it any
	   more. What no server of this suite may say (a Certificate, a client's message) is
	   dropped, not refused: one forged datagram of it would end the handshake, and an honest
	   peer never sends it. */
	if (h->have_keys || !servers_message(f->type) || f->total > DTLS_MESSAGE_MAX ||
		f->message_seq - h->next_in > 3) {
		a->e->stats.junk++;
		return;
	}
	pass_on(a, f);
}

void dtls_handshake_fragment(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	const struct dtls_handshake *const h = a->hs;
	if (f->message_seq < h->next_in) {
		/* The end of a flight that we have answered: our answer was lost. The
		   client's flights end with a hello, which comes another way, or with a
		   Finished. */
		if (h->role == DTLS_CLIENT && f->type == DTLS_HS_SERVER_DONE &&
			f->message_seq + 1 == h->next_in)
			dtls_handshake_again(a);
		return;
	}
	if (h->role == DTLS_SERVER)
		from_client(a, f);
	else
		from_server(a, f);
}

/* What has opened goes to libssl, which opens it once more: it is in e->feed as it came. */
static void feed_protected(struct dtls_arrival *a, size_t whole)
{
	struct dtls_handshake *const h = a->hs;
	if (!h->fed_ccs) {
		/* The epoch of an authentic record says what a ChangeCipherSpec says, so a lost,
		   early or forged one does not matter; libssl wants to see it. */
		h->fed_ccs = true;
		uint8_t ccs[DTLS_RECORD_HEADER + 1];
		const struct dtls_number n = { .type = DTLS_CCS, .epoch = 0, .seq = h->plain_in++ };
		dtls_record_header(ccs, DTLS_VERSION_1_2, &n, 1);
		ccs[DTLS_RECORD_HEADER] = 1;
		if (!dtls_handshake_feed(a, ccs, sizeof(ccs)))
			return;
	}
	if (dtls_handshake_feed(a, a->e->feed, whole))
		h->authentic = false;
}

/* Under the keys of this handshake, whose Finished was lost or is late: it ends it. */
static void protected_alert(struct dtls_handshake *h, const uint8_t *body, size_t len)
{
	h->authentic = len == 2 && body[0] == DTLS_FATAL;
	if (!h->authentic)
		return;
	h->alert = body[1];
	dtls_handshake_fail(h, DTLS_FAIL_ALERT, NULL);
}

bool dtls_handshake_protected(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_handshake *const h = a->hs;
	struct dtls_engine *const e = a->e;
	const size_t whole = DTLS_RECORD_HEADER + r->len;
	if (whole > DTLS_HELD_MAX || !dtls_handshake_keys(h))
		return false;
	/* libssl opens the record once more, so it gets the bytes as they came. */
	memcpy(e->feed, r->body - DTLS_RECORD_HEADER, whole);
	uint8_t *plain = NULL;
	size_t len = 0;
	const enum dtls_opening how = dtls_assoc_open(&h->assoc, e->aead, r, &plain, &len);
	if (how != DTLS_OPENED) {
		memcpy(r->body, e->feed + DTLS_RECORD_HEADER, r->len);
		return false;
	}
	e->stats.records_in++;
	h->authentic = true;
	if (r->type == DTLS_ALERT) {
		protected_alert(h, plain, len);
		return true;
	}
	wipe(r->body, r->len);
	feed_protected(a, whole);
	return true;
}

/* A device that resumes is done before we are, and speaks. If its Finished was lost we may not
   listen, but know that it waits: our flight again makes it say that Finished, without
   waiting for our timer. */
bool dtls_handshake_early(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_handshake *const h = a->hs;
	struct dtls_engine *const e = a->e;
	uint8_t *plain = NULL;
	size_t len = 0;
	if (!h->resumed || r->len > sizeof(e->feed))
		return false;
	memcpy(e->feed, r->body, r->len); /* it may still be the old association's */
	if (dtls_assoc_open(&h->assoc, e->aead, r, &plain, &len) != DTLS_OPENED) {
		memcpy(r->body, e->feed, r->len);
		return false;
	}
	wipe(plain, len);
	e->stats.records_in++;
	e->stats.early++;
	dtls_handshake_again(a);
	return true;
}

void dtls_handshake_unopened(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_handshake *const h = a->hs;
	const size_t whole = DTLS_RECORD_HEADER + r->len;
	/* What can be no Finished, nor a fragment of one, does not count. */
	if (whole > sizeof(h->held) || r->len <= DTLS_CCM8_OVERHEAD + DTLS_HS_HEADER)
		return;
	if (!h->have_keys) {
		memcpy(h->held, r->body - DTLS_RECORD_HEADER, whole);
		h->held_len = whole;
		return;
	}
	h->bad_finished++;
	if (h->bad_finished < a->e->set.bad_finished_max)
		return;
	dtls_handshake_refuse(h, DTLS_DECRYPT_ERROR); /* whatever the reason */
	dtls_handshake_fail(h, h->unknown ? DTLS_FAIL_IDENTITY : DTLS_FAIL_KEY, NULL);
}

/* An alert in the clear can be forged by whoever can write the peer's address. In client role it
   ends the handshake all the same: the owner tries again, and an operator whose server refuses a
   key must not wait three minutes to hear it. In server role it is believed on a path that has
   proved itself with a cookie: all it can do is what a forged ClientKeyExchange can do, too.
   Warnings are kept for the report. RFC 6347 4.1.2.7 leaves this to us. */
void dtls_handshake_alert(struct dtls_arrival *a, uint8_t level, uint8_t alert)
{
	a->hs->alert = alert;
	if (level == DTLS_FATAL)
		dtls_handshake_fail(a->hs, DTLS_FAIL_ALERT, NULL);
}
