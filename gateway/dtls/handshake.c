/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "base/wr.h"
#include "dtls/alert.h"
#include "dtls/keys.h"
#include "dtls/resume.h"
#include "dtls/state.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* --- life ------------------------------------------------------------------------------------ */

static bool stir(const struct dtls_engine *e) /* S7 */
{
	uint8_t fresh[DTLS_STIR_MAX];
	e->owner.random(e->owner.ctx, fresh, sizeof(fresh));
	const bool good = dtls_libssl_stir(fresh, sizeof(fresh));
	wipe(fresh, sizeof(fresh));
	return good;
}

static SSL *library(struct dtls_engine *e, struct dtls_profile *p, struct dtls_handshake *h)
{
	dtls_handshake_hooks(p);
	return stir(e) ? dtls_libssl_new(&e->lib, p->ctx, &e->pipe, h) : NULL;
}

enum dtls_result dtls_handshake_new(struct dtls_engine *e, enum dtls_role role,
	const struct dtls_node *where, struct dtls_profile *profile, struct dtls_handshake **out)
{
	if (!dtls_admit(e, role, &where->path))
		return DTLS_FULL;
	if (dtls_table_find(&e->handshakes, where->hash, &where->path))
		return DTLS_BUSY;
	struct dtls_handshake *const h = calloc(1, sizeof(*h));
	if (!h)
		return DTLS_BROKEN;
	struct dtls_profile *const p = profile ? profile : e->profile;
	h->ssl = library(e, p, h);
	if (!h->ssl) {
		free(h);
		return DTLS_BROKEN;
	}
	h->e = e;
	h->role = role;
	h->profile = dtls_profile_ref(p);
	h->queue = DTLS_NOT_QUEUED;
	h->node.hash = where->hash;
	h->node.path = where->path;
	h->timer.fire = dtls_handshake_due;
	h->began_ms = e->now_ms;
	h->cred = DTLS_NO_CRED;
	h->proved.born = e->owner.born ? e->owner.born(e->owner.ctx) : 0;
	h->assoc.write_end = e->set.first_write_end;
	h->assoc.read_end = e->set.first_read_end;
	dtls_gather_init(&h->gather, 0); /* dtls_admit_gather() gives it room */
	dtls_table_add(&e->handshakes, &h->node);
	dtls_admit_count(h);
	e->changes++;
	wheel_arm(&e->wheel, &h->timer, dtls_handshake_deadline_ms(h));
	*out = h;
	return DTLS_OK;
}

/* Out of every list; the path is free again and libssl's memory is back. */
static void detach(struct dtls_handshake *h)
{
	struct dtls_engine *const e = h->e;
	dtls_admit_forget(h);
	dtls_handshake_cid_forget(h);
	wheel_cancel(&e->wheel, &h->timer);
	dtls_table_remove(&e->handshakes, &h->node);
	e->changes++;
	/* Otherwise libssl takes it for a broken session and would throw it out of a cache. */
	SSL_set_shutdown(h->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(h->ssl);
	h->ssl = NULL;
	dtls_profile_unref(h->profile);
	dtls_gather_fini(&h->gather);
	dtls_flight_clear(&h->flight);
}

static void release(struct dtls_handshake *h)
{
	free(h->assoc.cid_out);
	wipe(h, sizeof(*h));
	free(h);
}

void dtls_handshake_free(struct dtls_handshake *h)
{
	detach(h);
	release(h);
}

void dtls_handshake_fail(struct dtls_handshake *h, enum dtls_cause cause, const char *detail)
{
	struct dtls_engine *const e = h->e;
	dtls_resume_failed(h);
	dtls_admit_failed(h, cause);
	detach(h);
	_Static_assert(DTLS_CAUSES == DTLS_FAIL_ANEW + 1, "each cause is counted");
	e->stats.handshakes_failed[h->role]++;
	e->stats.failed_by[h->role][cause]++;
	const struct dtls_failure f = {
		.role = h->role,
		.cause = cause,
		.path = &h->node.path,
		.user = h->user,
		.cred = h->cred,
		.alert = h->alert,
		.identity = h->identity_len > 0 ? h->identity : NULL,
		.identity_len = h->identity_len,
		.suites = h->suites_len > 0 ? h->suites : NULL,
		.suites_len = h->suites_len,
		.detail = detail,
	};
	e->owner.failed(e->owner.ctx, &f);
	release(h);
}

static enum dtls_cause timeout_cause(const struct dtls_handshake *h)
{
	if (h->unknown)
		return DTLS_FAIL_IDENTITY;
	return h->bad_finished > 0 ? DTLS_FAIL_KEY : DTLS_FAIL_TIMEOUT;
}

void dtls_handshake_expired(struct dtls_handshake *h)
{
	dtls_handshake_fail(h, timeout_cause(h), NULL);
}

void dtls_handshake_superseded(struct dtls_handshake *h)
{
	const enum dtls_cause cause = timeout_cause(h);
	/* A device with a wrong key may well try again before we have given up. */
	dtls_handshake_fail(h, cause == DTLS_FAIL_TIMEOUT ? DTLS_FAIL_ANEW : cause, NULL);
}

/* --- libssl ---------------------------------------------------------------------------------- */

static void log_keys(const struct dtls_handshake *h)
{
	const struct dtls_owner *const o = &h->e->owner;
	uint8_t master[DTLS_MASTER_LEN], client[DTLS_RANDOM_LEN];
	if (!o->keylog)
		return;
	(void)SSL_SESSION_get_master_key(SSL_get_session(h->ssl), master, sizeof(master));
	(void)SSL_get_client_random(h->ssl, client, sizeof(client));
	o->keylog(o->ctx, client, master);
	wipe(master, sizeof(master));
}

static enum dtls_cause cause_of(const struct dtls_handshake *h, unsigned long error)
{
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return DTLS_FAIL_PROTOCOL;
	switch (ERR_GET_REASON(error)) {
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_WRONG_CIPHER_RETURNED:
	case SSL_R_UNKNOWN_CIPHER_RETURNED:
		return DTLS_FAIL_SUITE;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_VERSION_TOO_HIGH:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_UNKNOWN_PROTOCOL:
		return DTLS_FAIL_VERSION;
	case SSL_R_UNKNOWN_CERTIFICATE_TYPE:
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return DTLS_FAIL_CERTIFICATE;
	case SSL_R_BAD_SIGNATURE: /* it does not have the key that it has shown */
		return h->mode == DTLS_MODE_RAW_KEY ? DTLS_FAIL_RAW_KEY : DTLS_FAIL_CERTIFICATE;
	default:
		return DTLS_FAIL_PROTOCOL;
	}
}

/* an association that is found by its CID, and whose peer is another, only lost its place:
   the path is c's peer's now. One that is found by its path cannot be heard any more. */
static bool may_stay(const struct dtls_conn *old, const struct dtls_conn *c)
{
	return !dtls_conn_is_classic(old) && old->role == c->role && old->cred != c->cred;
}

static struct dtls_conn *another(const struct dtls_engine *e, const struct dtls_conn *c)
{
	struct dtls_node *n = dtls_table_find(&e->conns, c->node.hash, &c->node.path);
	for (; n; n = dtls_table_next(n)) {
		struct dtls_conn *const old = CONTAINER_OF(n, struct dtls_conn, node);
		/* A session of the same peer is in nobody's way, but it has ended. */
		if (old != c && (!old->adrift || !may_stay(old, c)))
			return old;
	}
	return NULL;
}

/* only when the new Finished has verified. */
static void take_place(struct dtls_engine *e, const struct dtls_conn *c)
{
	struct dtls_conn *old = NULL;
	while ((old = another(e, c))) {
		if (!may_stay(old, c)) {
			dtls_conn_end(e, old, DTLS_END_REPLACED);
			continue;
		}
		old->adrift = true;
		e->stats.adrift++;
		e->changes++;
		if (e->owner.adrift)
			e->owner.adrift(e->owner.ctx, old);
	}
}

/* The handshake is done: what is left of it is an association. fresh: we say the last flight, and
   the peer may need it again. Otherwise it has answered ours, which then nobody needs any
   more; sent again, to a peer that has kept its own last flight, it would be answered, and so
   on. */
static void finish(struct dtls_handshake *h, bool fresh)
{
	struct dtls_engine *const e = h->e;
	struct dtls_conn *const c = h->have_keys && !h->refused ? dtls_conn_new(e, h) : NULL;
	if (!c) {
		dtls_handshake_refuse(h, DTLS_INTERNAL_ERROR);
		dtls_handshake_fail(h, DTLS_FAIL_PROTOCOL, "out of memory");
		return;
	}
	if (fresh)
		dtls_handshake_send(h);
	else
		dtls_flight_clear(&h->flight);
	dtls_admit_proved(h);
	log_keys(h);
	dtls_resume_keep(h);
	dtls_conn_adopt(e, c, h);
	e->stats.handshakes_done[h->role]++;
	e->stats.resumed += h->resumed;
	dtls_handshake_free(h);
	take_place(e, c);
	e->owner.up(e->owner.ctx, c);
}

/* libssl has refused. Why a peer's key or certificate was not taken, we have noted ourselves. */
static void failed(struct dtls_handshake *h, unsigned long error)
{
	if (h->refused)
		dtls_handshake_fail(h, h->refusal, h->doubt);
	else
		dtls_handshake_fail(h, cause_of(h, error), ERR_reason_error_string(error));
}

static void object(struct dtls_handshake *h)
{
	dtls_handshake_refuse(h, h->objection);
	if (h->refused)
		dtls_handshake_fail(h, h->refusal, h->doubt);
	else
		dtls_handshake_fail(h, DTLS_FAIL_PROTOCOL, "an extension twice, or not offered");
}

/* Lets libssl go on as far as it can. False: the handshake has ended, h is gone. */
static bool go_on(struct dtls_handshake *h, bool *sent)
{
	ERR_clear_error();
	const int rc = SSL_do_handshake(h->ssl);
	const bool stopped = rc != 1 && SSL_get_error(h->ssl, rc) != SSL_ERROR_WANT_READ;
	const unsigned long error = stopped ? ERR_peek_error() : 0;
	bool fresh = false;
	const bool drained = dtls_handshake_drain(h, &fresh);
	h->e->pipe.in = NULL;
	dtls_resume_settle(h);
	if (stopped) {
		failed(h, error);
		return false;
	}
	if (!drained) {
		dtls_handshake_refuse(h, DTLS_INTERNAL_ERROR);
		dtls_handshake_fail(h, DTLS_FAIL_PROTOCOL, "a flight that does not fit");
		return false;
	}
	if (h->objection != 0) {
		object(h);
		return false;
	}
	if (rc == 1) {
		finish(h, fresh);
		return false;
	}
	if (fresh)
		dtls_handshake_begin_flight(h);
	*sent = fresh;
	return true;
}

bool dtls_handshake_feed(struct dtls_arrival *a, const uint8_t *record, size_t len)
{
	struct dtls_handshake *const h = a->hs;
	h->e->pipe.in = record;
	h->e->pipe.in_len = len;
	bool sent = false;
	const bool alive = go_on(h, &sent);
	/* A flight of just now answers the rest of this datagram, too. */
	a->answered = a->answered || sent || !alive;
	return alive;
}

size_t dtls_handshake_frame(struct dtls_handshake *h, const struct dtls_fragment *f)
{
	struct dtls_engine *const e = h->e;
	struct wr w = wr_into(e->feed, sizeof(e->feed));
	uint8_t *const header = wr_room(&w, DTLS_RECORD_HEADER);
	wr_u8(&w, f->type);
	wr_u24(&w, f->total);
	wr_u16(&w, f->message_seq);
	wr_u24(&w, f->offset);
	wr_u24(&w, (uint32_t)f->len);
	wr_bytes(&w, f->body, f->len);
	if (!wr_ok(&w) || !header)
		return 0;
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 0, .seq = h->plain_in++ };
	dtls_record_header(header, DTLS_VERSION_1_2, &n, w.len - DTLS_RECORD_HEADER);
	return w.len;
}

/* libssl takes no record beyond what was agreed (RFC 6066 4). */
bool dtls_handshake_pass(struct dtls_arrival *a, const struct dtls_fragment *message)
{
	struct dtls_handshake *const h = a->hs;
	const size_t most = h->fragment_code > 0
				    ? ((size_t)256 << h->fragment_code) - DTLS_HS_HEADER
				    : DTLS_HELLO_MAX;
	struct dtls_fragment f = *message;
	size_t done = 0;
	do {
		f.offset = (uint32_t)done;
		f.body = message->body + done;
		f.len = message->len - done < most ? message->len - done : most;
		const size_t framed = dtls_handshake_frame(h, &f);
		if (!dtls_handshake_feed(a, a->e->feed, framed))
			return false;
		done += f.len;
	} while (done < message->len);
	return true;
}

/* libssl counts the messages, and takes a cookie only after it has asked for one. What came before
   the hello with the good cookie was answered without libssl, so it is shown as many hellos
   with nothing in them. Neither they nor its requests, which go nowhere, are in the transcript
   (RFC 6347 4.2.1, R-094). */
static bool catch_up(struct dtls_handshake *h, uint16_t message_seq)
{
	const uint16_t suite = h->profile->set.suites[0];
	const uint8_t bare[] = {
		0xfe, 0xfd, [2 + DTLS_RANDOM_LEN] = 0,       /* session_id */
		0,                                           /* cookie */
		0, 2, (uint8_t)(suite >> 8), (uint8_t)suite, /* one suite */
		1, 0,                                        /* no compression */
	};
	struct dtls_pipe *const p = &h->e->pipe;
	bool waits = true;
	for (uint16_t i = 0; waits && i < message_seq; i++) {
		const struct dtls_fragment f = {
			.type = DTLS_HS_CLIENT_HELLO,
			.total = sizeof(bare),
			.message_seq = i,
			.body = bare,
			.len = sizeof(bare),
		};
		p->in_len = dtls_handshake_frame(h, &f);
		p->in = h->e->feed;
		ERR_clear_error();
		const int rc = SSL_do_handshake(h->ssl);
		waits = SSL_get_error(h->ssl, rc) == SSL_ERROR_WANT_READ && p->out_len > 0;
		p->in = NULL;
		p->out_len = 0;
	}
	return waits;
}

void dtls_handshake_accept(struct dtls_arrival *a, const struct dtls_opener *o)
{
	struct dtls_engine *const e = a->e;
	const struct dtls_node where = { .hash = a->hash, .path = *a->path };
	const struct dtls_owner *const own = &e->owner;
	struct dtls_profile *const p = own->profile ? own->profile(own->ctx, a->path) : NULL;
	struct dtls_handshake *h = NULL;
	const enum dtls_result made = dtls_handshake_new(e, DTLS_SERVER, &where, p, &h);
	if (made != DTLS_OK) {
		if (made == DTLS_FULL)
			dtls_admit_refused(a, o->hello);
		else
			dtls_drop(a, &e->stats.no_memory);
		return;
	}
	h->hello_tag = o->tag;
	h->suites_len =
		o->hello->suites_len < sizeof(h->suites) ? o->hello->suites_len : sizeof(h->suites);
	memcpy(h->suites, o->hello->suites, h->suites_len);
	dtls_admit_queue(h);
	h->hello_seq = o->fragment->message_seq;
	h->plain_out = o->seq; /* the ServerHello's record mirrors the hello's number */
	/* A ticket could not be revoked with its credential: devices get none. */
	SSL_set_options(h->ssl, SSL_OP_NO_TICKET);
	if (!dtls_profile_accept(h->profile, h->ssl) || !catch_up(h, h->hello_seq)) {
		dtls_handshake_fail(h, DTLS_FAIL_PROTOCOL, "libssl does not take a first hello");
		return;
	}
	a->hs = h;
	dtls_handshake_fragment(a, o->fragment);
}

bool dtls_handshake_connect(struct dtls_handshake *h, const struct dtls_resumable *resume)
{
	ERR_clear_error();
	if (!dtls_profile_connect(h->profile, h->ssl, h->key_len > 0))
		return false;
	if (resume)
		dtls_resume_offer(h, resume);
	const int rc = SSL_do_handshake(h->ssl);
	bool fresh = false;
	const bool waits = SSL_get_error(h->ssl, rc) == SSL_ERROR_WANT_READ;
	if (!dtls_handshake_drain(h, &fresh) || !waits || !fresh)
		return false;
	dtls_handshake_begin_flight(h);
	return true;
}
