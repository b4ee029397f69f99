/* SPDX-License-Identifier: Apache-2.0 */
/* The devices' engine, and the server's. */
#include "town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/credentials.h"
#include "dtls/cid.h"
#include "dtls/profile.h"

enum {
	RECORD_HEADER = 13,
	TLS12_CID = 25,
	EPOCH_AT = 3,
	LENGTH_AT = 11,
	NONCE = 8,
	CODE_POST = 2,
	TKL_MASK = 15,
};

/* --- what the engine asks --------------------------------------------------------------------- */

static bool peer_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	const struct town_peer *p = ctx;
	struct cred_key key;
	for (uint32_t i = 0; i < TOWN_DEVICES; i++) {
		assert_true(cred_upstream_key(p->town->creds, i, &key));
		if (key.identity_len != len || memcmp(key.identity, identity, len) != 0)
			continue;
		memcpy(out->key, key.key, key.key_len);
		out->len = key.key_len;
		out->cred = i;
		return true;
	}
	return false;
}

static uint8_t *peer_room(void *ctx, const struct net_path *path, size_t cap)
{
	struct town_peer *p = ctx;
	p->out_path = *path;
	p->out = udp_tx_room(&p->tx, p->fds[path->sock], path, cap);
	return p->out;
}

static void peer_sent(void *ctx, size_t len)
{
	struct town_peer *p = ctx;
	if (p->tapes && len > 0) {
		assert_true(p->tape_len < TOWN_TAPE && len <= TOWN_DATAGRAM);
		struct town_sheet *const sheet = &p->tape[p->tape_len++];
		sheet->path = p->out_path;
		sheet->len = len;
		memcpy(sheet->data, p->out, len);
	}
	p->out_of[p->out_path.sock] += p->withholds ? 0 : len;
	udp_tx_done(&p->tx, p->withholds ? 0 : len);
}

static struct dtls_profile *peer_profile(void *ctx, const struct net_path *path)
{
	const struct town_peer *p = ctx;
	(void)path;
	return p->profile;
}

static size_t seat_of(const struct town_peer *p, const struct dtls_conn *c)
{
	return p->role == DTLS_CLIENT ? dtls_conn_path(c)->sock : dtls_conn_cred(c);
}

static void peer_up(void *ctx, struct dtls_conn *c)
{
	struct town_peer *p = ctx;
	p->ups++;
	p->conns[seat_of(p, c)] = c;
}

static void peer_down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct town_peer *p = ctx;
	(void)why;
	p->downs++;
	if (p->conns[seat_of(p, c)] == c)
		p->conns[seat_of(p, c)] = NULL;
}

static void peer_failed(void *ctx, const struct dtls_failure *f)
{
	struct town_peer *p = ctx;
	(void)f;
	p->failures++;
}

static void peer_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	assert_int_equal(getrandom(out, len, 0), len);
}

/* --- messages --------------------------------------------------------------------------------- */

/* 2.01 with Location-Path: rd/5a to Register; 2.04 to Update and Bootstrap-Request; 2.02 to
   De-register. */
static void answer(const struct town_peer *p, struct dtls_conn *c, const uint8_t *msg, size_t len)
{
	static const uint8_t location[] = { 0x82, 'r', 'd', 0x02, '5', 'a' };
	static const uint8_t bootstrap[] = { 0xb2, 'b', 's' };
	const size_t token = msg[0] & TKL_MASK;
	const bool update = memmem(msg, len, location + 3, 3) != NULL ||
			    memmem(msg, len, bootstrap, sizeof(bootstrap)) != NULL;
	uint8_t out[4 + TKL_MASK + sizeof(location)] = { (uint8_t)(0x60 | token),
		update ? TOWN_CODE_CHANGED : TOWN_CODE_CREATED, msg[2], msg[3] };
	memcpy(out + 4, msg + 4, token);
	memcpy(out + 4 + token, location, sizeof(location));
	if (msg[1] == TOWN_CODE_DELETE)
		out[1] = TOWN_CODE_DELETED;
	assert_int_equal(
		dtls_send(p->dtls, c, out, 4 + token + (update ? 0 : sizeof(location))), DTLS_OK);
}

/* 2.05, in the acknowledgement; or after that, to be acknowledged itself. */
static void content(const struct town_peer *p, struct dtls_conn *c, const uint8_t *msg)
{
	const size_t token = msg[0] & TKL_MASK;
	uint8_t out[4 + TKL_MASK] = { (uint8_t)(0x60 | token), TOWN_CODE_CONTENT, msg[2], msg[3] };
	memcpy(out + 4, msg + 4, token);
	if (p->manner == TOWN_LIES)
		out[4] ^= 1;
	if (p->manner == TOWN_ANSWERS_APART) {
		const uint8_t ack[] = { 0x60, 0, msg[2], msg[3] };
		assert_int_equal(dtls_send(p->dtls, c, ack, sizeof(ack)), DTLS_OK);
		out[0] = (uint8_t)(0x40 | token);
		out[2] ^= 0x80;
	}
	if (p->manner != TOWN_IS_MUTE)
		assert_int_equal(dtls_send(p->dtls, c, out, 4 + token), DTLS_OK);
}

static void peer_message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct town_peer *p = ctx;
	assert_true(len >= 4);
	p->messages++;
	p->code = msg[1];
	p->last_len = len < sizeof(p->last) ? len : sizeof(p->last);
	memcpy(p->last, msg, p->last_len);
	if (p->role == DTLS_SERVER && (p->code == CODE_POST || p->code == TOWN_CODE_DELETE))
		answer(p, c, msg, len);
	if (p->role == DTLS_CLIENT && p->code == TOWN_CODE_GET)
		content(p, c, msg);
}

/* The server remembers one session. */
static void peer_keep(void *ctx, const struct dtls_resumable *s)
{
	struct town_peer *p = ctx;
	p->kept = *s;
}

static bool peer_find(void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	const struct town_peer *p = ctx;
	*out = p->kept;
	return len > 0 && len == p->kept.id_len && memcmp(id, p->kept.id, len) == 0;
}

static void peer_drop(void *ctx, const uint8_t *id, size_t len)
{
	struct town_peer *p = ctx;
	if (len == p->kept.id_len && memcmp(id, p->kept.id, len) == 0)
		p->kept.id_len = 0;
}

static void peer_engine(struct town_peer *p)
{
	const struct dtls_settings s = dtls_settings_default();
	const struct dtls_owner o = {
		.ctx = p,
		.psk = peer_psk,
		.profile = p->role == DTLS_SERVER ? peer_profile : NULL,
		.room = peer_room,
		.sent = peer_sent,
		.up = peer_up,
		.message = peer_message,
		.down = peer_down,
		.failed = peer_failed,
		.random = peer_random,
		.session_find = p->role == DTLS_SERVER ? peer_find : NULL,
		.session_keep = p->role == DTLS_SERVER ? peer_keep : NULL,
		.session_drop = p->role == DTLS_SERVER ? peer_drop : NULL,
	};
	p->dtls = dtls_engine_new(&s, &o, town_clock_ms());
	assert_non_null(p->dtls);
}

void town_peer_init(struct town_peer *p, struct town *t, enum dtls_role role)
{
	p->town = t;
	p->role = role;
	udp_rx_init(&p->rx);
	udp_tx_init(&p->tx);
	peer_engine(p);
}

void town_peer_fini(struct town_peer *p)
{
	dtls_engine_free(p->dtls);
	if (p->profile)
		dtls_profile_unref(p->profile);
	for (size_t i = 0; i < p->len; i++)
		(void)close(p->fds[i]);
}

void town_reboot(struct town *t)
{
	dtls_engine_free(t->devices.dtls);
	memset(t->devices.conns, 0, sizeof(t->devices.conns));
	peer_engine(&t->devices);
}

/* --- the wire --------------------------------------------------------------------------------- */

static void hear(struct town_peer *p, const struct udp_datagram *d)
{
	const uint8_t *at = d->data;
	size_t left = d->len;
	while (left >= RECORD_HEADER) {
		/* Our peers' CIDs are made as the gateway's are. */
		const size_t cid = at[0] == TLS12_CID ? dtls_cid_len(at[LENGTH_AT]) : 0;
		const size_t header = RECORD_HEADER + cid;
		if (left < header)
			return;
		const uint8_t *const body = at + header;
		const size_t len = header + ((size_t)body[-2] << 8 | body[-1]);
		if (len > left)
			return;
		if (at[EPOCH_AT + 1] == 1 && len >= header + 2 * (size_t)NONCE) {
			assert_true(p->heard_len < TOWN_HEARD);
			struct town_nonce *const n = &p->heard[p->heard_len++];
			n->path = d->path;
			memcpy(n->octets, body, NONCE);
			memcpy(n->body, body + NONCE, NONCE);
		}
		at += len;
		left -= len;
	}
}

bool town_peer_turn(struct town_peer *p)
{
	bool busy = false;
	const uint64_t now_ms = town_clock_ms();
	for (size_t i = 0; i < p->len; i++) {
		const struct udp_got got = udp_receive(&p->rx, p->fds[i], (uint32_t)i, false);
		struct dtls_datagram arrived[UDP_BATCH];
		for (size_t k = 0; k < got.len; k++) {
			hear(p, &p->rx.got[k]);
			p->in[i] += p->rx.got[k].len;
			arrived[k] = (struct dtls_datagram){ .path = &p->rx.got[k].path,
				.data = p->rx.got[k].data,
				.len = p->rx.got[k].len };
		}
		dtls_input(p->dtls, p->role, arrived, p->swallows ? 0 : got.len, now_ms);
		busy = busy || !got.idle;
	}
	dtls_tick(p->dtls, now_ms);
	udp_tx_flush(&p->tx);
	return busy;
}

void town_replay_from(struct town_peer *p, size_t i, size_t socket)
{
	const struct town_sheet *const sheet = &p->tape[i];
	assert_true(i < p->tape_len);
	uint8_t *const out = udp_tx_room(&p->tx, p->fds[socket], &sheet->path, sheet->len);
	assert_non_null(out);
	memcpy(out, sheet->data, sheet->len);
	p->out_of[socket] += sheet->len;
	udp_tx_done(&p->tx, sheet->len);
	udp_tx_flush(&p->tx);
}

void town_replay(struct town_peer *p, size_t i)
{
	assert_true(i < p->tape_len);
	town_replay_from(p, i, p->tape[i].path.sock);
}

void town_assert_nonces(const struct town_peer *p)
{
	for (size_t i = 0; i < p->heard_len; i++) {
		const struct town_nonce *const a = &p->heard[i];
		for (size_t k = 0; k < i; k++) {
			const struct town_nonce *const b = &p->heard[k];
			if (net_path_same(&a->path, &b->path) &&
				memcmp(a->octets, b->octets, NONCE) == 0)
				assert_memory_equal(a->body, b->body, NONCE);
		}
	}
}
