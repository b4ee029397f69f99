/* SPDX-License-Identifier: Apache-2.0 */
/* What a handshake says: its flights and when they go out again; the alert that ends it. */
#include "base/wipe.h"
#include "dtls/alert.h"
#include "dtls/keys.h"
#include "dtls/state.h"

#include <string.h>

/* --- flights and the timer ------------------------------------------------------------------- */

static uint32_t initial_ms(const struct dtls_handshake *h)
{
	const uint32_t own = h->profile->set.initial_ms;
	return own > 0 ? own : h->e->set.initial_ms[h->role];
}

static uint32_t max_ms(const struct dtls_handshake *h)
{
	const uint32_t own = h->profile->set.max_ms;
	return own > 0 ? own : h->e->set.max_ms;
}

static uint32_t lifetime_ms(const struct dtls_handshake *h)
{
	const uint32_t own = h->profile->set.lifetime_ms;
	return own > 0 ? own : h->e->set.lifetime_ms;
}

uint64_t dtls_handshake_deadline_ms(const struct dtls_handshake *h)
{
	return h->began_ms + lifetime_ms(h);
}

/* a flight is not left to concatenation, which not every network has. */
size_t dtls_datagram_max(const struct net_path *path, size_t most)
{
	return path->peer.family == NET_SMS && most > DTLS_SMS_MAX ? DTLS_SMS_MAX : most;
}

/* No longer than the peer's own, once it has cut a message to fit. */
static size_t datagram_max(const struct dtls_handshake *h)
{
	const uint16_t own = h->profile->set.mtu;
	const size_t most = dtls_datagram_max(&h->node.path, own > 0 ? own : h->e->set.mtu);
	return h->datagram_seen > 0 && h->datagram_seen < most ? h->datagram_seen : most;
}

/* After two losses the path may not take what it was given. A hello is not cut for that:
   its first fragment must have the cookie (RFC 6347 4.2.1). */
static unsigned shrink(const struct dtls_handshake *h)
{
	enum { HELLO_SHRINK_MAX = 2 };
	const unsigned s = h->resent < 2 ? 0 : h->resent - 1;
	const bool hello = h->role == DTLS_CLIENT && h->suite == 0;
	return hello && s > HELLO_SHRINK_MAX ? HELLO_SHRINK_MAX : s;
}

static struct dtls_sender sender(struct dtls_handshake *h)
{
	return (struct dtls_sender){
		.owner = &h->e->owner,
		.path = &h->node.path,
		.sealer = &h->e->sealer,
		.assoc = &h->assoc,
		.plain_seq = &h->plain_out,
		.datagram_max = datagram_max(h),
		.plain_max = h->fragment_code > 0 ? (size_t)256 << h->fragment_code : 0,
		.fragment_max = h->fragment_seen,
		.shrink = shrink(h),
	};
}

void dtls_handshake_send(struct dtls_handshake *h)
{
	const struct dtls_sender s = sender(h);
	h->e->repeats_ms = (uint32_t)h->wait_ms;
	h->e->stats.records_out += dtls_flight_send(&h->flight, &s);
	h->e->repeats_ms = 0;
}

void dtls_handshake_again(struct dtls_arrival *a)
{
	if (a->answered) {
		dtls_drop(a, &a->e->stats.unanswered);
		return;
	}
	a->answered = true;
	dtls_handshake_send(a->hs);
}

/* The flight goes out now, and again in wait_ms. */
static void send_and_plan(struct dtls_handshake *h, uint64_t wait_ms)
{
	const uint64_t deadline = dtls_handshake_deadline_ms(h);
	h->wait_ms = wait_ms;
	dtls_handshake_send(h);
	h->resend_ms = h->e->now_ms + wait_ms;
	const bool again = h->flight.count > 0 && h->resend_ms < deadline;
	wheel_arm(&h->e->wheel, &h->timer, again ? h->resend_ms : deadline);
}

/* What the losses of the last flight have taught, counts until one gets through without. */
void dtls_handshake_begin_flight(struct dtls_handshake *h)
{
	const uint64_t wait_ms = h->resent > 0 ? h->wait_ms : initial_ms(h);
	h->resent = 0;
	send_and_plan(h, wait_ms);
}

void dtls_handshake_due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct dtls_handshake *const h = CONTAINER_OF(t, struct dtls_handshake, timer);
	(void)ctx;
	if (now_ms >= dtls_handshake_deadline_ms(h)) {
		dtls_handshake_expired(h);
		return;
	}
	h->resent++;
	send_and_plan(h, h->wait_ms * 2 < max_ms(h) ? h->wait_ms * 2 : max_ms(h));
}

/* --- alerts ---------------------------------------------------------------------------------- */

static void say(struct dtls_handshake *h, const struct dtls_record *alert)
{
	struct dtls_flight f = { .count = 0 };
	const struct dtls_sender s = sender(h);
	h->alert = alert->body[1];
	if (!dtls_admit_is_quiet(h) && dtls_flight_add(&f, alert))
		h->e->stats.records_out += dtls_flight_send(&f, &s);
	dtls_flight_clear(&f);
}

void dtls_handshake_refuse(struct dtls_handshake *h, uint8_t alert)
{
	uint8_t body[2] = { DTLS_FATAL, alert };
	const struct dtls_record r = {
		.type = DTLS_ALERT,
		.version = DTLS_VERSION_1_2,
		.epoch = 0,
		.body = body,
		.len = sizeof(body),
	};
	say(h, &r);
}

/* --- what libssl writes ---------------------------------------------------------------------- */

/* A client that offers a session has a master secret before the server has chosen. */
bool dtls_handshake_keys(struct dtls_handshake *h)
{
	if (h->have_keys || h->suite == 0)
		return h->have_keys;
	const SSL_SESSION *const session = SSL_get_session(h->ssl);
	uint8_t master[DTLS_MASTER_LEN], client[DTLS_RANDOM_LEN], server[DTLS_RANDOM_LEN];
	struct dtls_keys keys;
	const bool known =
		session &&
		SSL_SESSION_get_master_key(session, master, sizeof(master)) == sizeof(master) &&
		SSL_get_client_random(h->ssl, client, sizeof(client)) == sizeof(client) &&
		SSL_get_server_random(h->ssl, server, sizeof(server)) == sizeof(server) &&
		dtls_keys_derive(master, client, server, dtls_assoc_guard(&h->assoc), &keys);
	if (known) {
		h->assoc.in = h->role == DTLS_SERVER ? keys.client : keys.server;
		h->assoc.out = h->role == DTLS_SERVER ? keys.server : keys.client;
		h->have_keys = true;
		wipe(&keys, sizeof(keys));
	}
	wipe(master, sizeof(master));
	return known;
}

/* libssl's own record of epoch 1 never leaves: its plaintext is numbered and sealed by us
 */
static bool uncover(struct dtls_handshake *h, struct dtls_record *r)
{
	uint8_t *plain = NULL;
	size_t len = 0;
	if (!dtls_handshake_keys(h) ||
		!dtls_guard_open(h->e->sealer.guards, dtls_assoc_guard(&h->assoc), &h->assoc.out, r,
			&plain, &len))
		return false;
	r->body = plain;
	r->len = len;
	return true;
}

bool dtls_handshake_drain(struct dtls_handshake *h, bool *fresh)
{
	struct dtls_pipe *const p = &h->e->pipe;
	uint8_t *at = p->out;
	size_t left = p->out_len;
	struct dtls_record r;
	bool good = !p->overflow;
	*fresh = false;
	while (good && dtls_record_next(&at, &left, &r)) {
		if (r.epoch != 0)
			good = uncover(h, &r);
		if (good && r.type == DTLS_ALERT && r.len == 2) {
			r.body[1] = dtls_alert_say(r.body[1], h->mode);
			say(h, &r);
			continue;
		}
		if (!*fresh)
			dtls_flight_clear(&h->flight);
		*fresh = true;
		good = good && dtls_flight_add(&h->flight, &r);
	}
	wipe(p->out, p->out_len);
	p->out_len = 0;
	p->overflow = false;
	dtls_admit_resize(h);
	return good && (!*fresh || dtls_flight_is_whole(&h->flight));
}
