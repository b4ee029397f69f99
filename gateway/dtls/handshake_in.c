/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "dtls/alert.h"
#include "dtls/state.h"

#include <string.h>

enum {
	NOTHING = 255,    /* no handshake type */
	SHORT_MAX = 1024, /* of what has no chain and no list of names in it */
	PSK_EXCHANGE_MAX = 2 + DTLS_IDENTITY_MAX, /* RFC 4279 2 */
	ECDH_EXCHANGE_MAX = 1 + 133,              /* RFC 8422 5.7: a point of P-521 */
	TICKET_MAX = 4096,
	REST_MAX = 64, /* fragments are not mirrored that are shorter */
};

/* --- which messages may come ----------------------------------------------------------------- */

static bool is_ecdsa(const struct dtls_handshake *h)
{
	const struct suite *const s = suite_find(h->suite);
	return s && s->ecdsa;
}

/* What a client says in the clear is known from its hello on (RFC 5246 7.3, RFC 4279 2): we ask for
   a certificate whenever it could have one. After an abbreviated handshake's first flight, and with
   all of this said, only a protected Finished may come: nothing in the clear, of whom it may be,
   spoils it. */
static uint8_t clients_message(const struct dtls_handshake *h, uint16_t message_seq)
{
	static const uint8_t certified[] = { DTLS_HS_CERTIFICATE, DTLS_HS_CLIENT_KEY_EXCHANGE,
		DTLS_HS_CERTIFICATE_VERIFY };
	const size_t at = (size_t)(uint16_t)(message_seq - h->hello_seq - 1);
	if (message_seq == h->hello_seq)
		return DTLS_HS_CLIENT_HELLO;
	if (h->suite == 0 || h->resumed)
		return NOTHING;
	if (is_ecdsa(h))
		return at < sizeof(certified) ? certified[at] : NOTHING;
	return at == 0 ? DTLS_HS_CLIENT_KEY_EXCHANGE : NOTHING;
}

/* May a server say it, after what it has said last? */
static bool servers_next(const struct dtls_handshake *h, uint8_t type)
{
	const bool ecdsa = is_ecdsa(h);
	switch (h->last_in) {
	case DTLS_HS_SERVER_HELLO:
		if (h->resumed)
			return type == DTLS_HS_NEW_TICKET;
		return ecdsa ? type == DTLS_HS_CERTIFICATE
			     : type == DTLS_HS_SERVER_KEY_EXCHANGE || type == DTLS_HS_SERVER_DONE;
	case DTLS_HS_CERTIFICATE:
		return type == DTLS_HS_SERVER_KEY_EXCHANGE;
	case DTLS_HS_SERVER_KEY_EXCHANGE:
		return type == DTLS_HS_SERVER_DONE ||
		       (ecdsa && type == DTLS_HS_CERTIFICATE_REQUEST);
	case DTLS_HS_CERTIFICATE_REQUEST:
		return type == DTLS_HS_SERVER_DONE;
	case DTLS_HS_SERVER_DONE:
		return type == DTLS_HS_NEW_TICKET;
	case DTLS_HS_NEW_TICKET:
		return false;
	default:
		return type == DTLS_HS_HELLO_VERIFY || type == DTLS_HS_SERVER_HELLO;
	}
}

/* May it ever? A PSK suite has no certificates (RFC 4279 2), and tickets are asked for or not. */
static bool servers_message(const struct dtls_handshake *h, uint8_t type)
{
	switch (type) {
	case DTLS_HS_HELLO_VERIFY:
	case DTLS_HS_SERVER_HELLO:
	case DTLS_HS_SERVER_KEY_EXCHANGE:
	case DTLS_HS_SERVER_DONE:
		return !h->have_keys;
	case DTLS_HS_CERTIFICATE:
	case DTLS_HS_CERTIFICATE_REQUEST:
		return !h->have_keys && h->key_len == 0;
	case DTLS_HS_NEW_TICKET:
		return h->profile->set.tickets;
	default:
		return false;
	}
}

/* How long it may be. */
static size_t longest(const struct dtls_handshake *h, uint8_t type)
{
	switch (type) {
	case DTLS_HS_CLIENT_HELLO:
		return DTLS_HELLO_MAX;
	case DTLS_HS_CERTIFICATE:
	case DTLS_HS_CERTIFICATE_REQUEST:
		return DTLS_GATHER_MAX;
	case DTLS_HS_CLIENT_KEY_EXCHANGE:
		return is_ecdsa(h) ? ECDH_EXCHANGE_MAX : PSK_EXCHANGE_MAX;
	case DTLS_HS_NEW_TICKET:
		return TICKET_MAX;
	default:
		return SHORT_MAX;
	}
}

/* Before the peer's Finished there is more to come in the clear. */
static bool awaits_plain(const struct dtls_handshake *h)
{
	if (!h->have_keys)
		return true;
	if (h->role == DTLS_CLIENT) /* the ticket, which libssl wants before the Finished */
		return h->ticket_due && !h->ticketed;
	return clients_message(h, h->next_in) != NOTHING;
}

/* --- whole messages -------------------------------------------------------------------------- */

static void refuse_identity(struct dtls_handshake *h)
{
	h->unknown = true;
	dtls_handshake_refuse(h, DTLS_DECRYPT_ERROR);
	dtls_handshake_fail(h, DTLS_FAIL_IDENTITY, "the identity is empty or too long");
}

/* A record that came before its time, now that it has come. */
static void take_up(struct dtls_arrival *a)
{
	uint8_t held[DTLS_HELD_MAX];
	uint8_t *at = held;
	size_t left = a->hs->held_len;
	struct dtls_record r;
	memcpy(held, a->hs->held, left);
	a->hs->held_len = 0;
	/* It was counted when it came: the record in hand is another. */
	const bool dropped = a->dropped;
	a->dropped = true;
	if (dtls_record_next(&at, &left, &r) && !dtls_handshake_protected(a, &r))
		dtls_handshake_unopened(a, &r);
	a->dropped = dropped;
}

/* False: h is gone. */
static bool note_identity(struct dtls_handshake *h, const struct dtls_fragment *exchange)
{
	const uint8_t *identity = NULL;
	size_t len = 0;
	if (is_ecdsa(h))
		return true;
	if (!dtls_identity_parse(exchange->body, exchange->len, &identity, &len)) {
		refuse_identity(h);
		return false;
	}
	memcpy(h->identity, identity, len);
	h->identity_len = len;
	return true;
}

/* The message that is next, whole, goes to libssl. False: h is gone. */
static bool take(struct dtls_arrival *a, const struct dtls_fragment *whole)
{
	struct dtls_handshake *const h = a->hs;
	if (h->role == DTLS_SERVER && whole->type == DTLS_HS_CLIENT_KEY_EXCHANGE &&
		!note_identity(h, whole))
		return false;
	return dtls_handshake_pass(a, whole);
}

/* All that is whole and next. A message that can not follow makes room for the real one. */
static void take_all(struct dtls_arrival *a)
{
	struct dtls_handshake *const h = a->hs;
	struct dtls_fragment whole;
	bool next = true;
	while (next && dtls_gather_take(&h->gather, h->next_in, &whole)) {
		const uint16_t at = h->next_in;
		next = h->role == DTLS_SERVER || servers_next(h, whole.type);
		if (next && !take(a, &whole))
			return;
		if (!next)
			dtls_drop(a, &a->e->stats.junk);
		dtls_gather_drop(&h->gather, at);
		next = next && h->next_in != at;
	}
	dtls_admit_resize(h);
	if (h->held_len > 0 && dtls_handshake_keys(h) && !awaits_plain(h))
		take_up(a);
}

static bool is_as_it_was(const struct dtls_gathered *was, const struct dtls_gathered *m)
{
	return m->pages == was->pages && m->body == was->body && m->missing == was->missing &&
	       m->message_seq == was->message_seq;
}

static void collect(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	const struct dtls_gathered *const slot =
		&a->hs->gather.slots[f->message_seq % DTLS_GATHER_AHEAD];
	const struct dtls_gathered was = *slot;
	switch (dtls_admit_gather(a->hs, f)) {
	case DTLS_GATHER_WHOLE:
		take_all(a);
		break;
	case DTLS_GATHER_OLD:
	case DTLS_GATHER_FULL:
		dtls_drop(a, &a->e->stats.junk);
		break;
	case DTLS_GATHER_MORE:
		if (is_as_it_was(&was, slot))
			dtls_drop(a, &a->e->stats.late);
		break;
	}
}

/* --- fragments ------------------------------------------------------------------------------- */

/* who cuts his messages has a reason; the path may be it, and then it is ours, too. */
static void mirror(const struct dtls_arrival *a, const struct dtls_fragment *f)
{
	struct dtls_handshake *const h = a->hs;
	if (f->len == f->total || (h->role == DTLS_CLIENT && h->suite == 0))
		return;
	const size_t len = f->len > REST_MAX ? f->len : REST_MAX;
	h->fragment_seen = len > h->fragment_seen ? len : h->fragment_seen;
	h->datagram_seen = a->len > h->datagram_seen ? a->len : h->datagram_seen;
}

static void from_client(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	struct dtls_handshake *const h = a->hs;
	const bool exchange = f->type == DTLS_HS_CLIENT_KEY_EXCHANGE;
	if (f->type != clients_message(h, f->message_seq)) {
		dtls_drop(a, &a->e->stats.junk);
		return;
	}
	if (exchange && !is_ecdsa(h) && (f->total < 2 || f->total > PSK_EXCHANGE_MAX)) {
		refuse_identity(h);
		return;
	}
	if (f->total > longest(h, f->type)) {
		dtls_drop(a, &a->e->stats.junk);
		return;
	}
	if (exchange || f->type == DTLS_HS_CERTIFICATE)
		dtls_admit_answered(h);
	mirror(a, f);
	collect(a, f);
}

/* What no server may say is dropped, not refused: one forged datagram of it would end the
   handshake, and an honest peer never sends it. */
static void from_server(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	const struct dtls_handshake *const h = a->hs;
	/* A HelloVerifyRequest ahead of its turn answers another's hello in our name. */
	const bool next = f->message_seq == h->next_in;
	if (!servers_message(h, f->type) || f->total > longest(h, f->type) ||
		(next ? !servers_next(h, f->type) : f->type == DTLS_HS_HELLO_VERIFY)) {
		dtls_drop(a, &a->e->stats.junk);
		return;
	}
	mirror(a, f);
	collect(a, f);
}

void dtls_handshake_fragment(struct dtls_arrival *a, const struct dtls_fragment *f)
{
	const struct dtls_handshake *const h = a->hs;
	if (f->message_seq < h->next_in) {
		/* The end of a flight that we have answered: our answer was lost. The
		   client's flights end with a hello, which comes another way, or with a
		   Finished. */
		if (h->role == DTLS_CLIENT && h->last_in == DTLS_HS_SERVER_DONE &&
			f->type == DTLS_HS_SERVER_DONE && f->message_seq + 1 == h->next_in)
			dtls_handshake_again(a);
		else
			dtls_drop(a, &a->e->stats.late);
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

/* What libssl is to open once more: the record as it came; one with a CID, which libssl does not
   know, as the peer would have sealed it without. That leaves this function only to libssl. */
static size_t as_libssl_reads(struct dtls_handshake *h, const struct dtls_record *r,
	const struct dtls_text *text, const uint8_t *saved)
{
	struct dtls_engine *const e = h->e;
	const enum dtls_guard how = dtls_assoc_guard(&h->assoc);
	const struct dtls_number n = { .type = text->type, .epoch = 1, .seq = r->seq };
	if (r->cid_len == 0) {
		dtls_record_header(e->feed, r->version, &n, r->len);
		memcpy(e->feed + DTLS_RECORD_HEADER, saved, r->len);
		return DTLS_RECORD_HEADER + r->len;
	}
	uint8_t iv[DTLS_GUARD_BEFORE_MAX];
	e->owner.random(e->owner.ctx, iv, sizeof(iv));
	const struct dtls_sealing s = { .key = &h->assoc.in, .n = &n, .random = iv };
	memcpy(e->feed + DTLS_RECORD_HEADER + dtls_guard_before(how), text->bytes, text->len);
	return dtls_guard_seal(e->sealer.guards, how, &s, e->feed, text->len);
}

/* Data that came before the Finished. A device that resumes is done before we are, and
   speaks; if its Finished was lost it waits: our flight again makes it say that. */
static void too_early(struct dtls_arrival *a)
{
	dtls_drop(a, &a->e->stats.early);
	if (a->hs->resumed)
		dtls_handshake_again(a);
}

static void take_opened(struct dtls_arrival *a, const struct dtls_record *r,
	const struct dtls_text *text, const uint8_t *saved)
{
	struct dtls_handshake *const h = a->hs;
	size_t whole = 0;
	switch (text->type) {
	case DTLS_ALERT:
		protected_alert(h, text->bytes, text->len);
		return;
	case DTLS_DATA:
		too_early(a);
		return;
	case DTLS_HANDSHAKE:
		h->authentic = true;
		whole = as_libssl_reads(h, r, text, saved);
		if (whole > 0)
			feed_protected(a, whole);
		else
			dtls_drop(a, &a->e->stats.no_memory);
		return;
	default:
		dtls_drop(a, &a->e->stats.junk);
	}
}

bool dtls_handshake_protected(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_handshake *const h = a->hs;
	struct dtls_engine *const e = a->e;
	uint8_t saved[DTLS_HELD_MAX];
	if (dtls_record_whole(r) > DTLS_HELD_MAX || !dtls_handshake_keys(h) || awaits_plain(h))
		return false;
	memcpy(saved, r->body, r->len);
	uint8_t *plain = NULL;
	size_t len = 0;
	const enum dtls_opening how = dtls_assoc_open(&h->assoc, e->sealer.guards, r, &plain, &len);
	if (how != DTLS_OPENED) {
		memcpy(r->body, saved, r->len);
		return false;
	}
	e->stats.records_in++;
	const struct dtls_text text = {
		.type = dtls_guard_type(r, plain, len), .bytes = plain, .len = len
	};
	take_opened(a, r, &text, saved);
	wipe(r->body, r->len);
	return true;
}

/* Under the keys of the handshake? What only may be a Finished's neighbour moves no window yet;
   that of a resumed one does, as it is answered, and nobody shall make us say that twice. */
static bool opens(struct dtls_handshake *h, const struct dtls_record *r)
{
	struct dtls_guards *const g = h->e->sealer.guards;
	uint8_t *plain = NULL;
	size_t len = 0;
	const bool good = h->resumed ? dtls_assoc_open(&h->assoc, g, r, &plain, &len) == DTLS_OPENED
				     : dtls_guard_open(g, dtls_assoc_guard(&h->assoc), &h->assoc.in,
					       r, &plain, &len);
	if (good)
		wipe(plain, len);
	return good;
}

/* A device that resumes is done before we are, and speaks. If its Finished was lost we may not
   listen, but know that it waits: our flight again makes it say that Finished, without
   waiting for our timer. */
bool dtls_handshake_early(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_handshake *const h = a->hs;
	struct dtls_engine *const e = a->e;
	if (r->len > sizeof(e->feed) || !dtls_handshake_keys(h) || !dtls_assoc_hears(&h->assoc, r))
		return false;
	memcpy(e->feed, r->body, r->len); /* it may still be the old association's */
	if (!opens(h, r)) {
		memcpy(r->body, e->feed, r->len);
		return false;
	}
	dtls_drop(a, &e->stats.early);
	if (h->resumed) {
		e->stats.records_in++;
		dtls_handshake_again(a);
	}
	return true;
}

/* What can be no Finished, nor a fragment of one, does not count. */
static bool can_be_finished(const struct dtls_handshake *h, const struct dtls_record *r)
{
	const enum dtls_guard how = dtls_assoc_guard(&h->assoc);
	return dtls_record_whole(r) <= sizeof(h->held) &&
	       r->len >= dtls_guard_body(how, DTLS_HS_HEADER + 1);
}

/* It has come before its time. Which is data and which the Finished, a CID hides: the Finished
   comes first. */
static void hold(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_handshake *const h = a->hs;
	if (!can_be_finished(h, r) || (r->cid_len > 0 && h->held_len > 0)) {
		dtls_drop(a, &a->e->stats.early);
		return;
	}
	const uint8_t *const start = dtls_record_start(r);
	const size_t whole = dtls_record_whole(r);
	if (h->held_len == whole && memcmp(h->held, start, whole) == 0)
		dtls_drop(a, &a->e->stats.late);
	h->held_len = whole;
	memcpy(h->held, start, whole);
}

void dtls_handshake_unopened(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_handshake *const h = a->hs;
	struct dtls_stats *const s = &a->e->stats;
	const bool early = awaits_plain(h);
	/* whatever it is, it is not the Finished, and takes no place where that is held. */
	if (h->suite != 0 && !dtls_assoc_hears(&h->assoc, r)) {
		dtls_drop(a, &s->stray);
		return;
	}
	if (early) {
		hold(a, r);
		return;
	}
	dtls_drop(a, &s->forged);
	if (!can_be_finished(h, r))
		return;
	h->bad_finished++;
	if (h->bad_finished < dtls_admit_tries(h))
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
